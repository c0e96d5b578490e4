/**
 * Columns that have ended are refused, also once their memory belongs to somebody else.
 */

import { assertEquals, assertThrows } from "@std/assert";
import { type F32, f32, SmartAlloc, StaleHandleError, struct, type StructLayout } from "../../mod.ts";

const Pair: StructLayout<{ a: F32; b: F32 }> = struct("Pair", { a: f32, b: f32 });

function refuses(alloc: SmartAlloc, column: Float32Array): void {
  const { sum } = { sum: () => alloc.kernels.sum(column) };
  assertThrows(() => alloc.kernels.fill(column, 1), StaleHandleError, "FA002");
  assertThrows(sum, StaleHandleError, "FA002");
}

for (const source of ["wasm", "arraybuffer", "shared"] as const) {
  for (const isUsed of [true, false]) {
    const title = `on ${source} memory, ${isUsed ? "" : "not "}used before`;

    Deno.test(`columns and slices of an ended frame are refused ${title}`, () => {
      const alloc = new SmartAlloc({ source });
      alloc.kernels;
      alloc.beginFrame();
      const { a } = alloc.frameColumns(Pair, 100);
      const slice = alloc.frameSlice(Float32Array, 64);
      if (isUsed) {
        alloc.kernels.fill(a, 1);
        alloc.kernels.fill(slice, 2);
      }
      alloc.endFrame();
      refuses(alloc, a);
      refuses(alloc, slice);
      alloc.beginFrame();
      refuses(alloc, a);
      const other = alloc.frameSlice(Float32Array, 1000);
      other.fill(7);
      refuses(alloc, a);
      refuses(alloc, slice);
      assertEquals(other.every((value) => value === 7), true);
      alloc.kernels.fill(other, 3);
      assertEquals(other[999], 3);
    });

    Deno.test(`columns of a scope and of a checkpoint are refused after it ${title}`, () => {
      const alloc = new SmartAlloc({ source });
      alloc.kernels;
      alloc.beginFrame();
      const kept = alloc.frameSlice(Float32Array, 8);
      const scope = alloc.scope();
      const { b } = alloc.frameColumns(Pair, 100);
      if (isUsed) alloc.kernels.fill(b, 1);
      scope.end();
      refuses(alloc, b);
      const checkpoint = alloc.frameCheckpoint();
      const later = alloc.frameSlice(Float32Array, 300);
      if (isUsed) alloc.kernels.fill(later, 1);
      alloc.rollbackTo(checkpoint);
      refuses(alloc, later);
      alloc.frameSlice(Uint8Array, 5000);
      refuses(alloc, later);
      refuses(alloc, b);
      alloc.kernels.fill(kept, 1);
      assertEquals(kept[7], 1);
    });
  }
}

Deno.test("columns that were handed out before the kernels were first used are refused after their frame", () => {
  const alloc = new SmartAlloc();
  const one = (): Float32Array => alloc.frameColumns(Pair, 100).a;
  alloc.beginFrame();
  const column = one();
  alloc.kernels.fill(column, 1);
  alloc.endFrame();
  refuses(alloc, column);
  alloc.beginFrame();
  const again = one();
  alloc.kernels.fill(again, 2);
  assertEquals(again[99], 2);
});

Deno.test("columns in a further chunk of a frame are refused after a rewind and after the frame", () => {
  const alloc = new SmartAlloc({ frameArenaSize: 4096, reserve: 4096 });
  alloc.kernels;
  alloc.beginFrame();
  const scope = alloc.scope();
  const far = alloc.frameSlice(Float32Array, 100_000);
  alloc.kernels.fill(far, 1);
  scope.end();
  refuses(alloc, far);
  const next = alloc.frameSlice(Float32Array, 100_000);
  alloc.kernels.fill(next, 1);
  alloc.endFrame();
  refuses(alloc, next);
  refuses(alloc, far);
});

Deno.test("columns of frames that are still alive are not refused", () => {
  const alloc = new SmartAlloc({ framesAlive: 2 });
  alloc.beginFrame();
  const first = alloc.frameSlice(Float32Array, 100);
  alloc.kernels.fill(first, 1);
  alloc.endFrame();
  alloc.beginFrame();
  assertEquals(alloc.kernels.sum(first), 100);
  alloc.endFrame();
  refuses(alloc, first);
});

Deno.test("columns whose memory was detached are refused", () => {
  const alloc = new SmartAlloc({ safety: "revoke" });
  alloc.beginFrame();
  const slice = alloc.frameSlice(Float32Array, 100);
  alloc.kernels.fill(slice, 1);
  alloc.endFrame();
  refuses(alloc, slice);
  const block = alloc.heapAlloc(400);
  const view = block.view(Float32Array);
  alloc.kernels.fill(view, 1);
  block.free();
  refuses(alloc, view);
});

Deno.test("in release nothing is checked", () => {
  const alloc = new SmartAlloc({ safety: "release" });
  alloc.beginFrame();
  const slice = alloc.frameSlice(Float32Array, 100);
  alloc.endFrame();
  alloc.kernels.fill(slice, 1);
  assertEquals([slice[99], alloc.stats().kernels.simd], [1, 1]);
});

Deno.test("what a program makes of a slice is refused, and what a list or a batch gives is not", () => {
  const alloc = new SmartAlloc();
  alloc.beginFrame();
  const slice = alloc.frameSlice(Float32Array, 100);
  refuses(alloc, slice.subarray(10, 20));
  refuses(alloc, new Float32Array(slice.buffer, slice.byteOffset, 100));
  alloc.kernels.fill(slice, 1, 10, 20);
  const list = alloc.frameVec(f32);
  for (let i = 0; i < 100; i++) list.push(i);
  assertEquals(alloc.kernels.sum(list.view), 4950);
  const { view } = list;
  for (let i = 0; i < 100; i++) list.push(0);
  assertEquals([alloc.kernels.sum(list.view), view.length], [4950, 100]);
  const rows = alloc.frameAllocBatch(Pair, 10).view(Float32Array);
  alloc.kernels.fill(rows, 2);
  assertEquals(rows[19], 2);
  alloc.endFrame();
  refuses(alloc, rows);
});

Deno.test("an array that is handed out again in another place is not refused", () => {
  const alloc = new SmartAlloc();
  alloc.beginFrame();
  alloc.frameSlice(Uint8Array, 16);
  const first = alloc.frameSlice(Float32Array, 8);
  alloc.kernels.fill(first, 1);
  alloc.endFrame();
  for (let frame = 0; frame < 3; frame++) {
    alloc.beginFrame();
    alloc.frameSlice(Uint8Array, 16 + 16 * (frame % 2));
    alloc.kernels.fill(alloc.frameSlice(Float32Array, 8), frame);
    alloc.endFrame();
  }
  assertEquals(alloc.kernels.stats().calls, 4);
});
