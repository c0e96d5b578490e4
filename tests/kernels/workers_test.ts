/**
 * Workers run kernels on columns of the same frame, where that is in shared memory.
 */

import { assert, assertEquals } from "@std/assert";
import { SmartAlloc } from "../../mod.ts";

Deno.test("a worker runs kernels in place on columns of a frame of another thread", async () => {
  const alloc = new SmartAlloc({ source: "shared" });
  alloc.beginFrame();
  const column = alloc.frameSlice(Float32Array, 10_001);
  alloc.kernels.iota(column);
  assertEquals(alloc.kernels.stats().simd, 1);
  const memory = alloc.kernels.memoryOf(column);
  assert(memory !== undefined);
  const worker = new Worker(new URL("./_worker.ts", import.meta.url), { type: "module" });
  const half = 5000;
  const done = new Promise<{ simd: number; scalar: number }>((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = ({ message }) => reject(new Error(message));
  });
  worker.postMessage({ memory, offset: column.byteOffset, length: column.length, start: half });
  alloc.kernels.scale(column, column, 2, 0, half);
  assertEquals(await done, { simd: 1, scalar: 0 });
  worker.terminate();
  assertEquals([column[0], column[half - 1], column[half], column[10_000]], [0, 9998, 15_000, 30_000]);
  alloc.endFrame();
});
