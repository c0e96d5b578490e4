/**
 * The device that is measured on, and what all groups need of it.
 */

import { SmartAlloc } from "../../mod.ts";
import { GpuAllocator, type GpuAllocatorOptions, WebGpuBackend } from "../../gpu/mod.ts";

/** A device with an allocator on it. */
export interface Bench {
  readonly gpu: GpuAllocator<GPUBuffer>;
  readonly backend: WebGpuBackend;
  readonly device: GPUDevice;
  readonly queue: GPUQueue;
}

/** Opens a device; the process ends if it complains, as a mistake would make any number meaningless. */
export async function openBench(options: GpuAllocatorOptions = {}): Promise<Bench> {
  const backend = await WebGpuBackend.request({
    onError: (message) => {
      console.error(message);
      Deno.exit(1);
    },
  });
  const gpu = new GpuAllocator(new SmartAlloc(), backend, { budget: { hard: Infinity }, ...options });
  return { gpu, backend, device: backend.device, queue: backend.device.queue };
}

/** Reads a range of a buffer back, whose usage has `COPY_SRC`. */
export async function readBack(
  device: GPUDevice,
  buffer: GPUBuffer,
  offset: number,
  size: number,
): Promise<ArrayBuffer> {
  const target = device.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  const encoder = device.createCommandEncoder();
  encoder.copyBufferToBuffer(buffer, offset, target, 0, size);
  device.queue.submit([encoder.finish()]);
  await target.mapAsync(GPUMapMode.READ);
  const bytes = target.getMappedRange().slice(0);
  target.destroy();
  return bytes;
}

/** Throws unless two arrays hold the same. */
export function mustEqual(actual: ArrayLike<number>, expected: ArrayLike<number>, what: string): void {
  const length = expected.length;
  let at = actual.length === length ? 0 : -1;
  while (at >= 0 && at < length && actual[at] === expected[at]) at++;
  if (at === length) return;
  throw new Error(
    at < 0
      ? `Cannot measure ${what}: it left ${actual.length} elements instead of ${length}`
      : `Cannot measure ${what}: it left ${actual[at]} instead of ${expected[at]} at ${at}`,
  );
}

/** Numbers from 0 to 1 that are the same every time. */
export function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state ^ state >>> 15, 0x2c1b3c6d) + 0x9e3779b9) | 0;
    return ((state ^ state >>> 13) >>> 0) / 2 ** 32;
  };
}

/** So many different numbers below a limit, in any order. */
export function someOf(limit: number, count: number, seed: number): Uint32Array {
  const next = random(seed);
  const all = Uint32Array.from({ length: limit }, (_, i) => i);
  for (let i = 0; i < count; i++) {
    const other = i + Math.floor(next() * (limit - i));
    [all[i], all[other]] = [all[other]!, all[i]!];
  }
  return all.subarray(0, count);
}
