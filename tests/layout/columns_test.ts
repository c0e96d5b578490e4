/**
 * Columns: one typed array per scalar, apart from each other and aligned for SIMD.
 */

import {
  array,
  bool,
  type ColumnsOf,
  f16,
  f32,
  type Layout,
  mat3x3f,
  SmartAlloc,
  struct,
  u32,
  u64,
  u8,
  vec2u,
  vec3f,
  vec4i,
} from "@framealloc/core";
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertNotStrictEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import * as fc from "fast-check";
import { getPlain, leavesOf, RULES_AND_STRUCT, type ScalarName, SCALARS, structOf } from "./_definitions.ts";

const ARRAYS: Readonly<Record<ScalarName, { new (...args: never[]): { readonly BYTES_PER_ELEMENT: number } }>> = {
  i8: Int8Array,
  u8: Uint8Array,
  i16: Int16Array,
  u16: Uint16Array,
  i32: Int32Array,
  u32: Uint32Array,
  i64: BigInt64Array,
  u64: BigUint64Array,
  f16: Float16Array,
  f32: Float32Array,
  f64: Float64Array,
  bool: Uint8Array,
};

/** An allocator with an open frame. */
function opened(): SmartAlloc {
  const alloc = new SmartAlloc();
  alloc.beginFrame();
  return alloc;
}

Deno.test("frameColumns() gives a typed array for a scalar", () => {
  const alloc = opened();
  for (const layout of [f32, u8, u64, bool, f16]) {
    const column: ArrayBufferView & { readonly length: number } = alloc.frameColumns(
      layout as Layout,
      5,
    ) as Float32Array;
    assertInstanceOf(column, ARRAYS[layout.name]);
    assertEquals(column.length, 5);
  }
});

Deno.test("frameColumns() gives an object by component for a vector", () => {
  const alloc = opened();
  assertEquals(Object.keys(alloc.frameColumns(vec3f, 2)), ["x", "y", "z"]);
  assertEquals(Object.keys(alloc.frameColumns(vec2u, 2)), ["x", "y"]);
  assertEquals(Object.keys(alloc.frameColumns(vec4i, 2)), ["x", "y", "z", "w"]);
  assertInstanceOf(alloc.frameColumns(vec2u, 2).y, Uint32Array);
  assertInstanceOf(alloc.frameColumns(vec4i, 2).w, Int32Array);
});

Deno.test("frameColumns() gives a list for a matrix or an array", () => {
  const alloc = opened();
  const matrix = alloc.frameColumns(mat3x3f, 3);
  assertEquals(matrix.map((column) => column.length), new Array(9).fill(3));
  const points = alloc.frameColumns(array(vec3f, 2), 3);
  assertEquals(points.map((point) => point.z.length), [3, 3]);
  const rows = alloc.frameColumns(array(array(u8, 3), 2), 4);
  assertEquals(rows.map((row) => row.length), [3, 3]);
  assertInstanceOf(rows[1]?.[2], Uint8Array);
});

Deno.test("frameColumns() gives an object by field for a struct", () => {
  const alloc = opened();
  const Inner = struct("Inner", { weight: f32, at: vec2u });
  const Body = struct("Body", { id: u32, inner: Inner, tail: array(Inner, 2) });
  const columns = alloc.frameColumns(Body, 7);
  assertEquals(Object.keys(columns), ["id", "inner", "tail"]);
  assertEquals(Object.keys(columns.inner), ["weight", "at"]);
  assertInstanceOf(columns.tail[1]?.at.y, Uint32Array);
  assertEquals(columns.tail[1]?.at.y.length, 7);
});

Deno.test("frameColumns() of random structs are aligned, of full length, and never overlap", () => {
  const alloc = new SmartAlloc();
  fc.assert(
    fc.property(RULES_AND_STRUCT, fc.nat(40), ([rules, definition], length) => {
      using _frame = alloc.frame();
      const columns: unknown = alloc.frameColumns(structOf(definition, rules), length);
      const next = alloc.frameSlice(Uint8Array, 0).byteOffset;
      const ranges: [number, number][] = [];
      for (const { path, scalar } of leavesOf(definition, rules)) {
        const column = getPlain(columns, path) as Float32Array;
        assertEquals(Object.getPrototypeOf(column), ARRAYS[scalar].prototype, path.join("."));
        assertEquals([column.length, column.byteOffset % 16], [length, 0], path.join("."));
        assertEquals(column.byteLength, length * SCALARS[scalar].bytes);
        ranges.push([column.byteOffset, column.byteOffset + column.byteLength]);
      }
      ranges.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
      ranges.forEach(([, end], i) => assert(end <= (ranges[i + 1]?.[0] ?? next)));
    }),
    { seed: 9, numRuns: 300 },
  );
});

Deno.test("frameColumns() keep what is written while the frame goes on", () => {
  const alloc = opened();
  const Particle = struct("Particle", { position: vec3f, id: u32, alive: bool });
  const { position, id, alive } = alloc.frameColumns(Particle, 100);
  for (let i = 0; i < 100; i++) {
    position.x[i] = i;
    position.y[i] = -i;
    position.z[i] = i / 2;
    id[i] = 2 ** 31 + i;
    alive[i] = i % 2;
  }
  alloc.frameColumns(Particle, 100).position.x.fill(-1);
  alloc.frameSlice(Uint8Array, 10_000).fill(255);
  for (let i = 0; i < 100; i++) {
    assertEquals([position.x[i], position.y[i], position.z[i], id[i], alive[i]], [i, -i, i / 2, 2 ** 31 + i, i % 2]);
  }
});

Deno.test("frameColumns() recycles the arrays of the last frame where layout, place and length agree", () => {
  const alloc = new SmartAlloc();
  const Point = struct("Point", { x: f32, y: f32 });
  const Other = struct("Other", { x: f32, y: f32 });
  const seen: ColumnsOf<typeof Point>[] = [];
  for (const [layout, length] of [[Point, 8], [Point, 8], [Point, 9], [Other, 9], [Point, 9]] as const) {
    alloc.beginFrame();
    seen.push(alloc.frameColumns(layout, length));
    alloc.endFrame();
  }
  assertStrictEquals(seen[1], seen[0]);
  assertNotStrictEquals(seen[2], seen[1]);
  assertNotStrictEquals(seen[3], seen[2]);
  assertNotStrictEquals(seen[4], seen[3]);
  assertEquals(seen.map((columns) => columns.y.length), [8, 8, 9, 9, 9]);
});

Deno.test("frameColumns() of no elements are empty", () => {
  const alloc = opened();
  const { x, y } = alloc.frameColumns(struct("Point", { x: f32, y: f32 }), 0);
  assertEquals([x.length, y.length], [0, 0]);
});

Deno.test("frameColumns() refuses counts and layouts that are none", () => {
  const alloc = opened();
  for (const length of [-1, 1.5, NaN, Infinity, "3", null, 2 ** 31]) {
    assertThrows(() => alloc.frameColumns(f32, length as number), Error, "FA008");
  }
  for (const layout of [null, undefined, {}, Float32Array]) {
    assertThrows(() => alloc.frameColumns(layout as unknown as Layout, 1), Error, "FA008");
  }
  assertEquals(alloc.stats().frame.used, 0);
});
