/**
 * Arrays: of scalars, vectors, structs and arrays, as lists and in memory.
 */

import {
  ArgumentError,
  array,
  bool,
  f32,
  i64,
  type Layout,
  LayoutError,
  mat3x3f,
  SmartAlloc,
  struct,
  u16,
  u8,
  vec3f,
} from "@framealloc/core";
import { assertEquals, assertInstanceOf, assertStrictEquals, assertThrows } from "@std/assert";

const alloc = new SmartAlloc();
alloc.beginFrame();

const Pair = struct("Pair", { a: u8, b: u16 });

Deno.test("array() puts elements one stride apart", () => {
  const cases: [Layout, number, number, number][] = [
    [array(u8, 3), 3, 1, 3],
    [array(i64, 2), 16, 8, 16],
    [array(vec3f, 2), 24, 4, 24],
    [array(mat3x3f, 2), 72, 4, 72],
    [array(Pair, 3), 12, 2, 12],
    [array(array(u16, 3), 2), 12, 2, 12],
    [array(u8, 2 ** 24), 2 ** 24, 1, 2 ** 24],
  ];
  for (const [layout, ...shape] of cases) {
    assertEquals([layout.size, layout.align, layout.stride], shape, layout.name);
  }
});

Deno.test("array() has a name, an element and a count", () => {
  const layout = array(Pair, 3);
  assertEquals([layout.kind, layout.name, layout.count], ["array", "array<Pair, 3>", 3]);
  assertStrictEquals(layout.element, Pair);
  assertEquals(array(array(bool, 2), 3).name, "array<array<bool, 2>, 3>");
});

Deno.test("array() refuses counts that are none", () => {
  for (const count of [0, -1, 1.5, NaN, Infinity, 2 ** 24 + 1, "3", null, undefined, 3n]) {
    const error = assertThrows(() => array(u8, count as number), LayoutError, "elements");
    assertEquals(error.code, "FA020", String(count));
  }
});

Deno.test("array() refuses elements that are no layouts", () => {
  for (const element of [undefined, null, 4, "f32", {}, Float32Array, { kind: "scalar", size: 4, $inner: {} }]) {
    const error = assertThrows(() => array(element as unknown as Layout, 2), LayoutError, "no layout");
    assertEquals(error.code, "FA020");
  }
});

Deno.test("arrays of scalars are lists of values", () => {
  const batch = alloc.frameAllocBatch(array(u16, 4), 1);
  const list = batch.at(0);
  assertStrictEquals(list.fill(7), list);
  assertStrictEquals(list.set(2, 65_537), list);
  assertEquals([list.length, list.at(0), list.at(2), list.at(3)], [4, 7, 1, 7]);
  assertEquals([[...list], list.toArray()], [[7, 7, 1, 7], [7, 7, 1, 7]]);
  assertEquals([...batch.view(Uint16Array)], [7, 7, 1, 7]);
  assertEquals(list.toArray(new Uint16Array(6), 2), new Uint16Array([0, 0, 7, 7, 1, 7]));
  assertStrictEquals(list.copyFrom([1, 2, 3, 4]), list);
  assertEquals([...alloc.frameAlloc(array(u16, 4)).copyFrom(list)], [1, 2, 3, 4]);
});

Deno.test("arrays of bool and i64 hold truth values and bigints", () => {
  const flags = alloc.frameAlloc(array(bool, 2)).fill(false).set(1, true);
  assertEquals([...flags], [false, true]);
  const big = alloc.frameAlloc(array(i64, 2)).fill(-1n);
  assertEquals([...big], [-1n, -1n]);
});

Deno.test("arrays of vectors and structs are lists of records", () => {
  const points = alloc.frameAlloc(array(vec3f, 3));
  points.copyFrom([[1, 2, 3], { x: 4, y: 5, z: 6 }, alloc.frameAlloc(vec3f).set(7, 8, 9)]);
  assertEquals([points.length, points.at(1).y], [3, 5]);
  assertEquals([...points].map((point) => point.toArray()), [[1, 2, 3], [4, 5, 6], [7, 8, 9]]);
  assertStrictEquals(points.at(2), points.at(2));

  const pairs = alloc.frameAlloc(array(Pair, 2)).copyFrom([{ a: 1, b: 2 }, { a: 3, b: 4 }]);
  assertEquals([...pairs].map(({ a, b }) => [a, b]), [[1, 2], [3, 4]]);
  pairs.at(0).b = 9;
  assertEquals([pairs.at(0).b, pairs.at(1).b], [9, 4]);
});

Deno.test("arrays nest", () => {
  const grid = array(array(u8, 3), 2);
  const batch = alloc.frameAllocBatch(grid, 1);
  const rows = batch.at(0).copyFrom([[1, 2, 3], [4, 5, 6]]);
  assertEquals([rows.at(0).at(2), rows.at(1).at(0)], [3, 4]);
  assertEquals([...batch.view(Uint8Array)], [1, 2, 3, 4, 5, 6]);
});

Deno.test("arrays copy from themselves", () => {
  const points = alloc.frameAlloc(array(vec3f, 2)).copyFrom([[1, 2, 3], [4, 5, 6]]);
  points.copyFrom(points);
  assertEquals([...points].map((point) => point.toArray()), [[1, 2, 3], [4, 5, 6]]);
});

Deno.test("arrays refuse elements that are not there", () => {
  const numbers = alloc.frameAlloc(array(f32, 2)).fill(1);
  const points = alloc.frameAlloc(array(vec3f, 2));
  for (const index of [-1, 2, NaN, Infinity, "x" as unknown as number]) {
    for (
      const outside of [() => numbers.at(index), () => numbers.set(index, 5), () => points.at(index)]
    ) assertEquals(assertThrows(outside, ArgumentError).code, "FA009", String(index));
  }
  assertEquals([...numbers], [1, 1]);
});

Deno.test("copyFrom() refuses what is no list of the same length", () => {
  const numbers = alloc.frameAlloc(array(f32, 2));
  const points = alloc.frameAlloc(array(vec3f, 2));
  for (const given of [undefined, null, 3, "12", {}, [], [1], [1, 2, 3], { length: 2 }, new Set([1, 2]), ["1", "2"]]) {
    assertEquals(assertThrows(() => numbers.copyFrom(given as number[]), LayoutError).code, "FA022");
    assertEquals(assertThrows(() => points.copyFrom(given as unknown as number[][]), LayoutError).code, "FA022");
  }
});

Deno.test("iterators of arrays are iterable themselves, and end", () => {
  const iterator = alloc.frameAlloc(array(u8, 2)).fill(5)[Symbol.iterator]();
  assertInstanceOf(iterator.next, Function);
  assertEquals([...iterator], [5, 5]);
  assertEquals(iterator.next(), { done: true, value: undefined });
});
