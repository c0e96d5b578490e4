/**
 * Which way a kernel was run is counted: in place, in a plain loop and why, and with copies.
 */

import { assertEquals } from "@std/assert";
import { Kernels, SmartAlloc } from "../../mod.ts";

const memory = new WebAssembly.Memory({ initial: 1 });
const other = new WebAssembly.Memory({ initial: 1 });
const MATRIX = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];

function column(i: number, of: WebAssembly.Memory = memory): Float32Array {
  return new Float32Array(of.buffer, 256 * i, 10);
}

Deno.test("kernels on one memory are done in place, and one by component", () => {
  const kernels = new Kernels().use(memory);
  kernels.fill(column(0), 1);
  kernels.integrate({ x: column(0), y: column(1) }, { x: column(2), y: column(3) }, 1);
  assertEquals(kernels.stats(), { calls: 3, simd: 3, scalar: 0, outside: 0, apart: 0, copied: 0 });
});

Deno.test("operands in several memories are apart, wherever they stand", () => {
  const kernels = new Kernels().use(memory).use(other);
  const [x, y, z] = [column(0), column(1), column(2)];
  const far = column(0, other).fill(2);
  const mask = new Uint8Array(memory.buffer, 8192, 10);
  const calls: (() => void)[] = [
    () => kernels.scale(x, far, 3),
    () => kernels.add(x, y, far),
    () => kernels.less(mask, x, far),
    () => kernels.length(x, { x, y, z, w: far }),
    () => kernels.transformPoints({ x, y: far, z: y }, { x, y, z }, MATRIX),
    () => kernels.transformPoints({ x, y, z: far }, { x, y, z }, MATRIX),
    () => kernels.cullSpheres(mask, { x, y, z }, far, [1, 0, 0, 0]),
    () => void kernels.compactInto(far, x, mask),
  ];
  for (const [i, call] of calls.entries()) {
    call();
    assertEquals([kernels.stats().apart, kernels.stats().outside], [i + 1, 0], call.toString());
  }
});

Deno.test("operands in memory that is not wasm, or without SIMD, are outside", () => {
  const kernels = new Kernels().use(memory);
  kernels.fill(new Float64Array(4), 1);
  kernels.copy(column(0), new Float32Array(10));
  assertEquals(kernels.stats(), { calls: 2, simd: 0, scalar: 2, outside: 2, apart: 0, copied: 0 });
  const plain = new Kernels({ simd: false }).use(memory);
  plain.fill(column(0), 1);
  assertEquals(plain.stats(), { calls: 1, simd: 0, scalar: 1, outside: 1, apart: 0, copied: 0 });
});

Deno.test("what would be overwritten before it is read is copied first", () => {
  const kernels = new Kernels().use(memory);
  const all = new Int32Array(memory.buffer, 0, 12);
  kernels.iota(all);
  kernels.addScalar(all.subarray(1, 11), all.subarray(0, 10), 100);
  assertEquals([...all], [0, 100, 101, 102, 103, 104, 105, 106, 107, 108, 109, 11]);
  assertEquals(kernels.stats().copied, 1);
  kernels.addScalar(all.subarray(0, 10), all.subarray(1, 11), 0); // the other way round nothing is lost
  assertEquals(kernels.stats().copied, 1);
});

Deno.test("an allocator counts its kernels, and none before it has any", () => {
  const alloc = new SmartAlloc();
  assertEquals(alloc.stats().kernels.calls, 0);
  alloc.beginFrame();
  alloc.kernels.fill(alloc.frameSlice(Float32Array, 8), 1);
  assertEquals([alloc.stats().kernels.calls, alloc.stats().kernels.simd], [1, 1]);
});
