/**
 * Indices outside of a column, room that is too small, and columns whose memory has gone: refused before anything is written.
 */

import { assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import { ArgumentError, type FrameAllocError, Kernels, StaleHandleError } from "../../mod.ts";

const memory = new WebAssembly.Memory({ initial: 1 });
const buffer = memory.buffer as ArrayBuffer;
const bytes = new Uint8Array(buffer);

function refuses(run: () => unknown, type: new (...args: never[]) => FrameAllocError, code: string): void {
  const before = bytes.slice();
  const error = assertThrows(run);
  assertInstanceOf(error, type);
  assertEquals((error as FrameAllocError).code, code);
  assertEquals(bytes, before, "nothing is written");
}

for (const simd of [true, false]) {
  const title = simd ? "with SIMD" : "without SIMD";

  Deno.test(`indices outside of a column are refused, and those outside of the range are not looked at, ${title}`, () => {
    const kernels = new Kernels({ simd }).use(memory);
    for (const Ints of [Int32Array, Uint32Array]) {
      for (const n of [1, 4, 7, 33]) {
        for (let at = 0; at < n; at++) {
          for (const index of Ints === Int32Array ? [10, -1, 2 ** 31 - 1, -(2 ** 31)] : [10, 2 ** 31, 2 ** 32 - 1]) {
            const long = new Float64Array(buffer, 8, 10).fill(1);
            const short = new Float64Array(buffer, 1024, n).fill(2);
            const indices = new Ints(buffer, 4096 + 4, n).fill(9);
            indices[at] = index;
            refuses(() => kernels.gather(short, long, indices), ArgumentError, "FA009");
            refuses(() => kernels.scatter(long, short, indices), ArgumentError, "FA009");
            const elsewhere = indices.slice();
            refuses(() => kernels.gather(short, long, elsewhere), ArgumentError, "FA009");
            kernels.gather(short, long, indices, 0, at);
            kernels.scatter(long, short, indices, at + 1, n);
          }
        }
      }
    }
  });

  Deno.test(`gathering from nothing is refused unless nothing is gathered, ${title}`, () => {
    const kernels = new Kernels({ simd }).use(memory);
    const out = new Float32Array(buffer, 0, 3);
    const none = new Float32Array(buffer, 100, 0);
    const indices = new Uint32Array(buffer, 200, 3).fill(0);
    refuses(() => kernels.gather(out, none, indices), ArgumentError, "FA009");
    kernels.gather(out, none, indices, 2, 2);
    kernels.gather(none, none, new Uint32Array(buffer, 200, 0));
  });

  Deno.test(`a column too short for what is kept is refused, ${title}`, () => {
    const kernels = new Kernels({ simd }).use(memory);
    bytes.fill(7);
    for (const n of [1, 5, 16, 17, 40]) {
      const a = new Int32Array(buffer, 4, n).fill(5);
      const mask = new Uint8Array(buffer, 1025, n).fill(1);
      for (let kept = 1; kept <= n; kept++) {
        mask.fill(0, kept);
        mask.fill(3, 0, kept);
        refuses(() => kernels.compactInto(new Int32Array(buffer, 2048, kept - 1), a, mask), ArgumentError, "FA009");
        refuses(() => kernels.compactInto(a.subarray(0, kept - 1), a, mask), ArgumentError, "FA009");
        assertEquals(kernels.compactInto(new Int32Array(buffer, 2048, kept), a, mask), kept);
      }
    }
  });

  Deno.test(`columns that were detached are refused in any place, ${title}`, () => {
    const kernels = new Kernels({ simd }).use(memory);
    const other = new Float32Array(buffer, 0, 8);
    const mask = new Uint8Array(buffer, 512, 8);
    const gone = new Float32Array(8);
    kernels.fill(gone, 1);
    structuredClone(gone.buffer, { transfer: [gone.buffer] });
    const calls: (() => unknown)[] = [
      () => kernels.fill(gone, 1),
      () => kernels.copy(gone, other),
      () => kernels.add(other, gone, other),
      () => kernels.add(other, other, gone),
      () => kernels.less(mask, gone, 1),
      () => kernels.select(other, mask, other, gone),
      () => kernels.compactInto(gone, other, mask),
      () => kernels.sum(gone),
      () => kernels.length(other, { x: other, y: gone }),
      () => kernels.normalize({ x: other, y: gone }),
      () => kernels.integrate({ x: other, y: gone }, { x: other, y: other }, 1),
      () => kernels.cullSpheres(mask, { x: other, y: other, z: gone }, other, [1, 0, 0, 0]),
    ];
    for (const call of calls) refuses(call, StaleHandleError, "FA002");
  });

  for (const isTold of [false, true]) {
    Deno.test(`columns of memory that has grown are refused, ${isTold ? "also" : "not"} after use, ${title}`, () => {
      const grown = new WebAssembly.Memory({ initial: 1, maximum: 3 });
      const kernels = new Kernels({ simd }).use(grown);
      const column = new Float32Array(grown.buffer, 64, 8);
      kernels.fill(column, 1);
      grown.grow(1);
      if (isTold) kernels.use(grown);
      refuses(() => kernels.fill(column, 1), StaleHandleError, "FA002");
      const again = new Float32Array(grown.buffer, 64, 8);
      kernels.use(grown).fill(again, 2);
      assertEquals([again[7], kernels.stats().scalar], [2, simd ? 0 : 2]);
    });
  }

  Deno.test(`a column that was detached before it was first used is refused, ${title}`, () => {
    const kernels = new Kernels({ simd }).use(memory);
    const gone = new Float32Array(8);
    structuredClone(gone.buffer, { transfer: [gone.buffer] });
    refuses(() => kernels.fill(gone, 1), StaleHandleError, "FA002");
  });

  Deno.test(`columns of shared memory from before and after it has grown overlap, ${title}`, () => {
    const grown = new WebAssembly.Memory({ initial: 1, maximum: 2, shared: true });
    const kernels = new Kernels({ simd }).use(grown);
    const a = new Float32Array(grown.buffer, 64, 20);
    grown.grow(1);
    kernels.use(grown);
    const out = new Float32Array(grown.buffer, 68, 20);
    kernels.iota(a);
    kernels.scale(out, a, 1);
    assertEquals([...out], Array.from({ length: 20 }, (_, i) => i));
  });
}
