/**
 * T1 to T3: what allocating costs beside a buffer of one's own, which is created and destroyed. As many are alive at once as are counted.
 */

import type { GpuAllocation } from "../../gpu/mod.ts";
import { Tlsf } from "../../gpu/heap/tlsf.ts";
import { type Bench, mustEqual, openBench, random } from "./device.ts";
import type { Row } from "./row.ts";
import { inRounds, repeated, type Turn } from "./rounds.ts";

const UNIT = 256;
const USAGE = 0x8c; // STORAGE, COPY_SRC and COPY_DST

/** Sizes from 256 bytes to 64 KB, each order of magnitude as often as another. */
function mixedSizes(count: number): Int32Array {
  const next = random(11);
  return Int32Array.from({ length: count }, () => Math.round(2 ** (8 + 8 * next()) / UNIT) * UNIT);
}

/** Creates as many buffers, and destroys them. */
function buffersOf(device: GPUDevice, sizes: Int32Array): () => void {
  const buffers: GPUBuffer[] = [];
  return () => {
    for (let i = 0; i < sizes.length; i++) buffers[i] = device.createBuffer({ size: sizes[i]!, usage: USAGE });
    for (let i = 0; i < sizes.length; i++) buffers[i]!.destroy();
  };
}

function tlsfOf(sizes: Int32Array): () => void {
  const heap = new Tlsf(sizes.reduce((sum, size) => sum + size, 0) / UNIT * 2);
  const nodes = new Int32Array(sizes.length);
  return () => {
    for (let i = 0; i < sizes.length; i++) nodes[i] = heap.alloc(sizes[i]! / UNIT);
    for (let i = 0; i < sizes.length; i++) heap.release(nodes[i]!);
  };
}

function handlesOf({ gpu }: Bench, sizes: Int32Array): () => void {
  const handles = new Float64Array(sizes.length);
  return () => {
    for (let i = 0; i < sizes.length; i++) handles[i] = gpu.alloc(sizes[i]!);
    for (let i = 0; i < sizes.length; i++) gpu.free(handles[i]!);
  };
}

function objectsOf({ gpu }: Bench, sizes: Int32Array): () => void {
  const objects: GpuAllocation<GPUBuffer>[] = [];
  return () => {
    for (let i = 0; i < sizes.length; i++) objects[i] = gpu.create(sizes[i]!);
    for (let i = 0; i < sizes.length; i++) objects[i]!.free();
  };
}

/** Allocates in the ring, some times per frame; its frames begin and end outside of what is timed, as there is nothing to free. */
function ringOf({ gpu }: Bench, sizes: Int32Array, times: number): Turn {
  const { ring } = gpu;
  const places = new Float64Array(sizes.length);
  const allocateAll = (): void => {
    for (let i = 0; i < sizes.length; i++) places[i] = ring.alloc(sizes[i]!);
  };
  return () => {
    gpu.beginFrame();
    allocateAll(); // what the end of the last frame has uploaded has taken everything out of the caches
    const start = performance.now();
    for (let i = 0; i < times; i++) allocateAll();
    const each = (performance.now() - start) / times;
    gpu.endFrame();
    return { busy: each, done: each };
  };
}

/** Whether all of them lie apart and hold what was written. */
async function check({ gpu }: Bench, sizes: Int32Array): Promise<void> {
  const handles = Array.from(sizes, (size) => gpu.alloc(size));
  for (const [i, handle] of handles.entries()) {
    gpu.write(handle, new Uint32Array([i]));
    gpu.write(handle, new Uint32Array([~i]), sizes[i]! - 4);
  }
  const reads = handles.flatMap((handle, i) => [
    gpu.read(handle, { bytes: 4 }),
    gpu.read(handle, { bytes: 4, offset: sizes[i]! - 4 }),
  ]);
  for (const [i, bytes] of (await Promise.all(reads)).entries()) {
    mustEqual(new Int32Array(bytes.buffer), [i % 2 === 0 ? i >> 1 : ~(i >> 1)], "allocations");
  }
  for (const handle of handles) gpu.free(handle);
}

async function checkRing({ gpu, queue, device }: Bench, sizes: Int32Array): Promise<void> {
  gpu.beginFrame();
  const places = Array.from(sizes, (size) => gpu.ring.alloc(size));
  for (const [i, place] of places.entries()) gpu.ring.view(place, Uint32Array, sizes[i]! / 4).fill(i);
  gpu.flush();
  const target = device.createBuffer({ size: 8 * sizes.length, usage: 9 }); // MAP_READ and COPY_DST
  const encoder = device.createCommandEncoder();
  for (const [i, place] of places.entries()) {
    const [buffer, offset] = [gpu.ring.buffer(place), gpu.ring.offset(place)];
    encoder.copyBufferToBuffer(buffer, offset, target, 8 * i, 4);
    encoder.copyBufferToBuffer(buffer, offset + sizes[i]! - 4, target, 8 * i + 4, 4);
  }
  queue.submit([encoder.finish()]);
  gpu.endFrame();
  await target.mapAsync(GPUMapMode.READ);
  mustEqual(new Uint32Array(target.getMappedRange()), Array.from(sizes, (_, i) => [i, i]).flat(), "the ring");
  target.destroy();
}

/** Measures. */
export async function measure(): Promise<Row[]> {
  const bench = await openBench({ ringSize: 2 ** 26 });
  const rows: Row[] = [];
  const few = mixedSizes(1000);
  await check(bench, few);
  await checkRing(bench, few);
  for (const count of [1000, 10_000]) {
    const sizes = mixedSizes(count);
    const often = 100_000 / count;
    const rounds = await inRounds({
      buffers: repeated(count === 1000 ? 4 : 1, buffersOf(bench.device, sizes)),
      tlsf: repeated(often, tlsfOf(sizes)),
      handles: repeated(often, handlesOf(bench, sizes)),
      objects: repeated(often / 2, objectsOf(bench, sizes)),
    }, { rounds: 21, warmUp: 12 });
    const each = (name: "buffers" | "tlsf" | "handles" | "objects"): string =>
      `${(rounds.time(name) * 1e6 / count).toFixed(0)} ns each, a buffer ${
        (rounds.time("buffers") * 1e6 / count).toFixed(0)
      } ns`;
    const isFew = count === 1000;
    const what = `over createBuffer and destroy, ${count} of 256 B to 64 KB`;
    rows.push(
      {
        gate: "T1",
        what: `TLSF alloc and free ${what}`,
        value: rounds.ratio("tlsf", "buffers"),
        unit: "×",
        atLeast: isFew ? 25 : 35,
        note: each("tlsf"),
      },
      {
        gate: "T1",
        what: `gpu.alloc and free ${what}`,
        value: rounds.ratio("handles", "buffers"),
        unit: "×",
        note: each("handles"),
      },
      {
        gate: "T3",
        what: `gpu.create and free ${what}`,
        value: rounds.ratio("objects", "buffers"),
        unit: "×",
        ...(isFew ? { atLeast: 10 } : {}),
        note: each("objects"),
      },
      {
        gate: "T3",
        what: `TLSF alloc and free over gpu.create and free, ${count}`,
        value: rounds.ratio("tlsf", "objects"),
        unit: "×",
        ...(isFew ? { atLeast: 1.5 } : {}),
        note: `gpu.alloc and free ${rounds.ratio("handles", "objects").toFixed(2)}×`,
      },
    );
  }
  const same = new Int32Array(1000).fill(UNIT);
  const rounds = await inRounds({
    buffers: repeated(4, buffersOf(bench.device, same)),
    ring: ringOf(bench, same, 40),
    mixedBuffers: repeated(4, buffersOf(bench.device, few)),
    mixedRing: ringOf(bench, few, 4),
  }, { rounds: 31, warmUp: 30 });
  rows.push({
    gate: "T2",
    what: "ring.alloc over createBuffer and destroy, 1000 of 256 B",
    value: rounds.ratio("ring", "buffers"),
    unit: "×",
    atLeast: 400,
    note: `${(rounds.time("ring") * 1000).toFixed(2)} ns each`,
  }, {
    gate: "T2",
    what: "ring.alloc over createBuffer and destroy, 1000 of 256 B to 64 KB",
    value: rounds.ratio("mixedRing", "mixedBuffers"),
    unit: "×",
    atLeast: 400,
    note: `${(rounds.time("mixedRing") * 1000).toFixed(2)} ns each`,
  });
  bench.gpu.dispose();
  return rows;
}
