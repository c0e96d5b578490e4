/**
 * What an allocator must do alike on every device and in every engine, as programs that write down what they saw.
 */

import { SmartAlloc } from "@framealloc/core";
import { GpuAllocator, type GpuHandle, UnifiedAllocator } from "../../gpu/mod.ts";
import type { Log } from "./_backend_scenarios.ts";
import { type Device, lose } from "./_backends.ts";
import { counting } from "./_bytes.ts";

/** A program for an allocator. */
export type AllocatorScenario = (gpu: GpuAllocator, log: Log) => Promise<void>;

/** Runs a program on a device, and says what it has noted. */
export async function logOfAllocator(backend: Device, scenario: AllocatorScenario): Promise<string[]> {
  const lines: string[] = [];
  const alloc = new SmartAlloc();
  const gpu = new GpuAllocator<unknown>(alloc, backend);
  try {
    await scenario(gpu, (line) => lines.push(line));
    lines.push(`left: ${gpu.dispose().length + alloc.dispose().length}`);
  } finally {
    gpu.dispose();
    alloc.dispose();
  }
  return lines;
}

/** The programs, by what they show. */
export const ALLOCATOR_SCENARIOS: Readonly<Record<string, AllocatorScenario>> = {
  "what is written is read back, with a copy on the CPU and without": async (gpu, log) => {
    const plain = gpu.alloc(64, { zero: true });
    const copied = gpu.alloc(30, { intent: "HostVisible" });
    gpu.write(plain, counting(16, 1), 8);
    gpu.bytes(copied).set(counting(30, 100));
    gpu.touch(copied, 0, 10);
    gpu.touch(copied, 20, 10);
    gpu.flush();
    log(text(await gpu.read(plain, { bytes: 28 })));
    log(text(await gpu.read(copied)));
    log(`${gpu.stats().uploads.writes} writes`);
    gpu.free(plain);
    gpu.free(copied);
  },

  "a frame is uploaded by one write, and its reads come by one map": async (gpu, log) => {
    const kept = [1, 2, 3].map(() => gpu.alloc(16));
    gpu.flush();
    const before = gpu.stats().uploads.writes;
    gpu.beginFrame();
    const ring = kept.map((_, i) => {
      const place = gpu.alloc(16, { intent: "HostVisible", lifetime: "Frame" });
      gpu.bytes(place).set(counting(16, 20 * i));
      return place;
    });
    gpu.flush();
    const writes = gpu.stats().uploads.writes - before;
    for (const [i, handle] of kept.entries()) gpu.copy(ring[i]!, handle);
    const reading = kept.map((handle) => gpu.read(handle));
    gpu.endFrame();
    for (const bytes of await Promise.all(reading)) log(text(bytes));
    log(`${writes} write, ${gpu.stats().readbacks.maps} map`);
    for (const handle of kept) gpu.free(handle);
  },

  "many small changes end where they should, however they are sent": async (gpu, log) => {
    const handle = gpu.alloc(64 * 1024, { intent: "HostVisible", use: "storage" });
    const bytes = gpu.bytes(handle);
    gpu.flush();
    for (let i = 0; i < 1000; i++) {
      bytes.fill(i % 251, i * 64, i * 64 + 16);
      gpu.touch(handle, i * 64, 16);
    }
    gpu.flush();
    const read = await gpu.read(handle);
    log(`${read.filter((byte, i) => byte !== bytes[i]).length} wrong, ${gpu.stats().uploads.scatters} scattered`);
    gpu.free(handle);
  },

  "a lost device comes back with what has a copy": async (gpu, log) => {
    const shadowed = gpu.alloc(16, { intent: "HostVisible" });
    const restored = gpu.alloc(16, { restore: () => counting(16, 50) });
    const gone = gpu.alloc(16);
    for (const handle of [shadowed, restored, gone]) gpu.write(handle, counting(16, 1));
    gpu.flush();
    await lose(gpu.backend as Device);
    await until(() => gpu.isLost);
    log(codeOf(() => gpu.beginFrame()));
    const recovery = await gpu.recover();
    log(`${recovery.restored} restored, ${recovery.discarded.length} discarded, ${recovery.failed.length} failed`);
    for (const handle of [shadowed, restored, gone]) {
      log(text(await gpu.read(handle)));
      gpu.free(handle);
    }
  },

  "defragmentation empties buffers and keeps what is in them": async (gpu, log) => {
    const many: GpuHandle[] = [];
    for (let i = 0; i < 200; i++) {
      many.push(gpu.alloc(64 * 1024));
      gpu.write(many[i]!, new Uint32Array(16 * 1024).fill(i));
    }
    const kept = many.filter((handle, i) => i % 10 === 0 || void gpu.free(handle));
    const { moved, buffers } = gpu.defragment();
    log(`${moved > 0} ${buffers > 0}`);
    const read = await Promise.all(kept.map((handle) => gpu.read(handle)));
    log(read.map((bytes) => new Set(new Uint32Array(bytes.buffer)).size + ":" + bytes[0]).join(" "));
    for (const handle of kept) gpu.free(handle);
  },

  "what is streamed arrives after some frames": async (gpu, log) => {
    const handle = gpu.alloc(6 * 1024 * 1024);
    const streaming = gpu.stream(handle, new Uint32Array(1.5 * 1024 * 1024).fill(77));
    let frames = 0;
    while (gpu.stats().uploads.streaming > 0) {
      gpu.beginFrame();
      gpu.endFrame();
      frames++;
    }
    await streaming;
    const last = await gpu.read(handle, { offset: 6 * 1024 * 1024 - 4 });
    log(`${frames} frames, ${text(last)}`);
    gpu.free(handle);
  },

  "a unified buffer goes there and back": async (gpu, log) => {
    const unified = new UnifiedAllocator(gpu.cpu, gpu);
    const results = unified.createGpuBuffer(32);
    unified.beginFrame();
    const staging = unified.createStagingBuffer(32);
    staging.cpuSliceMut().set(counting(32, 3));
    unified.transferToGpu(staging);
    gpu.copy(staging.handle, results.handle);
    unified.endFrame();
    log(results.location);
    await unified.transferToCpu(results);
    log(`${results.location} ${text(results.cpuSlice())}`);
    results.free();
  },

  "mistakes are refused with a code": (gpu, log) => {
    const handle = gpu.alloc(16);
    log(codeOf(() => gpu.write(handle, new Uint8Array(20))));
    log(codeOf(() => gpu.write(handle, new Uint8Array(3))));
    log(codeOf(() => gpu.write(handle, counting(4), 14)));
    const gone = new Uint8Array(16);
    structuredClone(gone.buffer, { transfer: [gone.buffer] });
    log(codeOf(() => gpu.write(handle, gone)));
    log(codeOf(() => gpu.alloc(16, { lifetime: "Frame" })));
    log(codeOf(() => gpu.bytes(handle)));
    gpu.free(handle);
    log(codeOf(() => gpu.free(handle)));
    log(codeOf(() => gpu.ring.push(counting(4))));
    return Promise.resolve();
  },
};

function text(bytes: Uint8Array): string {
  return bytes.join(" ");
}

function codeOf(call: () => unknown): string {
  try {
    call();
    return "nothing";
  } catch (error) {
    return (error as { readonly code?: string }).code ?? String(error);
  }
}

/** Waits for something that a device tells some turns later. */
async function until(isSo: () => boolean): Promise<void> {
  for (let turn = 0; turn < 1000 && !isSo(); turn++) await new Promise((resolve) => setTimeout(resolve, 1));
}
