/**
 * Matrices: stored by columns, packed in C and with padded columns in WGSL.
 */

import { ArgumentError, LayoutError, mat3x3f, mat4x4f, SmartAlloc, struct } from "@framealloc/core";
import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";

const alloc = new SmartAlloc();
alloc.beginFrame();

const NINE = [1, 2, 3, 4, 5, 6, 7, 8, 9];

Deno.test("matrices are packed under the rules c", () => {
  assertEquals([mat3x3f.count, mat3x3f.size, mat3x3f.align, mat3x3f.stride], [9, 36, 4, 36]);
  assertEquals([mat4x4f.count, mat4x4f.size, mat4x4f.align, mat4x4f.stride], [16, 64, 4, 64]);
  const batch = alloc.frameAllocBatch(mat3x3f, 1);
  batch.at(0).copyFrom(NINE);
  assertEquals([...batch.view(Float32Array)], NINE);
});

Deno.test("mat3x3f has columns of sixteen bytes under the rules wgsl", () => {
  const Model = struct("Model", { normal: mat3x3f }, { rules: "wgsl" });
  assertEquals([Model.size, Model.align], [48, 16]);
  const batch = alloc.frameAllocBatch(Model, 1);
  batch.view(Float32Array).fill(-1);
  batch.at(0).normal.copyFrom(NINE);
  assertEquals([...batch.view(Float32Array)], [1, 2, 3, -1, 4, 5, 6, -1, 7, 8, 9, -1]);
  assertEquals(batch.at(0).normal.toArray(), NINE);
});

Deno.test("mat4x4f has the same bytes under both rules", () => {
  const sixteen = Array.from({ length: 16 }, (_, i) => i);
  for (const rules of ["c", "wgsl"] as const) {
    const batch = alloc.frameAllocBatch(struct("Model", { world: mat4x4f }, { rules }), 1);
    batch.at(0).world.copyFrom(sixteen);
    assertEquals([...batch.view(Float32Array)], sixteen);
  }
});

Deno.test("matrices are lists of their elements", () => {
  const m = alloc.frameAlloc(mat3x3f);
  assertStrictEquals(m.fill(2), m);
  assertStrictEquals(m.set(5, 0.5), m);
  assertEquals([m.length, m.at(4), m.at(5)], [9, 2, 0.5]);
  assertEquals([...m], [2, 2, 2, 2, 2, 0.5, 2, 2, 2]);
  assertEquals(m.toArray(new Float32Array(10), 1), new Float32Array([0, 2, 2, 2, 2, 2, 0.5, 2, 2, 2]));
});

Deno.test("matrices refuse elements that are not there", () => {
  const m = alloc.frameAlloc(mat3x3f).fill(1);
  for (const index of [-1, 9, NaN, Infinity]) {
    assertEquals(assertThrows(() => m.at(index), ArgumentError).code, "FA009");
    assertEquals(assertThrows(() => m.set(index, 0), ArgumentError).code, "FA009");
  }
  assertEquals(m.toArray(), new Array(9).fill(1));
});

Deno.test("copyFrom() takes a matrix of the other rules, and refuses lists of another length", () => {
  const Model = struct("Model", { normal: mat3x3f }, { rules: "wgsl" });
  const padded = alloc.frameAlloc(Model).normal.copyFrom(NINE);
  const packed = alloc.frameAlloc(mat3x3f).copyFrom(padded);
  assertEquals(packed.toArray(), NINE);
  for (const list of [[], NINE.slice(1), [...NINE, 10], alloc.frameAlloc(mat4x4f)]) {
    assertEquals(assertThrows(() => packed.copyFrom(list), LayoutError).code, "FA022");
  }
  assertThrows(() => packed.copyFrom([1, 2, 3, 4, "5", 6, 7, 8, 9] as number[]), LayoutError, '"5"');
});
