/**
 * Vectors: components, methods and what may fill them.
 */

import {
  f32,
  i32,
  type Layout,
  LayoutError,
  SmartAlloc,
  struct,
  u32,
  vec2f,
  vec2i,
  vec2u,
  vec3f,
  vec3i,
  vec3u,
  vec4f,
  vec4i,
  vec4u,
} from "@framealloc/core";
import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";

const alloc = new SmartAlloc();
alloc.beginFrame();

const ALL = [vec2f, vec3f, vec4f, vec2i, vec3i, vec4i, vec2u, vec3u, vec4u] as const;

Deno.test("vectors are packed: components side by side, aligned to one", () => {
  for (const layout of ALL) {
    const count = Number(layout.name[3]);
    const element = { f: f32, i: i32, u: u32 }[layout.name[4] as "f" | "i" | "u"];
    assertEquals([layout.kind, layout.count, layout.size, layout.align, layout.stride], [
      "vector",
      count,
      count * 4,
      4,
      count * 4,
    ]);
    assertStrictEquals(layout.element, element);
  }
});

Deno.test("vectors have their components at x, y, z and w", () => {
  for (const layout of ALL) {
    const batch = alloc.frameAllocBatch(layout as Layout, 1);
    const vector = batch.at(0) as { [name: string]: number };
    const names = ["x", "y", "z", "w"].slice(0, layout.count);
    names.forEach((name, i) => vector[name] = i + 1);
    assertEquals([...batch.view(layout.element.array)], names.map((_, i) => i + 1), layout.name);
    assertEquals(names.map((name) => vector[name]), names.map((_, i) => i + 1), layout.name);
  }
});

Deno.test("components store what their scalar stores", () => {
  assertEquals(alloc.frameAlloc(vec2f).set(0.1, 1e39).toArray(), [Math.fround(0.1), Infinity]);
  assertEquals(alloc.frameAlloc(vec2i).set(-1.5, 2 ** 31).toArray(), [-1, -(2 ** 31)]);
  assertEquals(alloc.frameAlloc(vec2u).set(-1, 2 ** 32 + 7).toArray(), [2 ** 32 - 1, 7]);
});

Deno.test("set() sets all components and returns the vector", () => {
  const v2 = alloc.frameAlloc(vec2f);
  const v3 = alloc.frameAlloc(vec3i);
  const v4 = alloc.frameAlloc(vec4u);
  assertStrictEquals(v2.set(1, 2), v2);
  assertStrictEquals(v3.set(1, 2, 3), v3);
  assertStrictEquals(v4.set(1, 2, 3, 4), v4);
  assertEquals([v2.toArray(), v3.toArray(), v4.toArray()], [[1, 2], [1, 2, 3], [1, 2, 3, 4]]);
});

Deno.test("copyFrom() takes any vector with the same components", () => {
  const from = alloc.frameAlloc(vec4f).set(1, 2, 3, 4);
  const to = alloc.frameAlloc(vec3u);
  assertStrictEquals(to.copyFrom(from), to);
  assertEquals(to.toArray(), [1, 2, 3]);
  assertEquals(alloc.frameAlloc(vec2i).copyFrom({ x: -1, y: -2 }).toArray(), [-1, -2]);
  assertEquals(to.copyFrom(to).toArray(), [1, 2, 3]);
});

Deno.test("toArray() writes to a list, from an index on", () => {
  const v = alloc.frameAlloc(vec3f).set(1, 2, 3);
  const out = new Float32Array(5);
  assertStrictEquals(v.toArray(out, 1), out);
  assertEquals(out, new Float32Array([0, 1, 2, 3, 0]));
  assertEquals(v.toArray([9], 1), [9, 1, 2, 3]);
});

Deno.test("boxes of vectors are filled from components, lists and other vectors", () => {
  const given = [
    { x: 1, y: 2, z: 3 },
    [1, 2, 3],
    new Float64Array([1, 2, 3]),
    alloc.frameAlloc(vec3i).set(1, 2, 3),
  ];
  for (const values of given) assertEquals(alloc.frameBox(vec3f, values).value.toArray(), [1, 2, 3]);
});

Deno.test("vectors refuse values that do not fit", () => {
  const Body = struct("Body", { position: vec3f });
  const body = alloc.frameAlloc(Body);
  const wrong: [unknown, string][] = [
    [1, "1"],
    [null, "null"],
    ["1, 2, 3", '"1, 2, 3"'],
    [[1, 2], "a list of 2"],
    [[1, 2, 3, 4], "a list of 4"],
    [new Float32Array(2), "a list of 2"],
    [[1, "2", 3], '"2"'],
    [[1, undefined, 3], "undefined"],
    [[1n, 2n, 3n], "1n"],
    [{ x: 1, y: "2", z: 3 }, '"2"'],
    [{ x: 1, y: null, z: 3 }, "null"],
    [{ x: true, y: 2, z: 3 }, "true"],
  ];
  for (const [values, shown] of wrong) {
    const error = assertThrows(() => Body.assign(body, { position: values as [number] }), LayoutError, shown);
    assertEquals(error.code, "FA022");
  }
});

Deno.test("vectors keep the components that an object leaves out", () => {
  const Body = struct("Body", { position: vec3f });
  const body = alloc.frameAlloc(Body);
  body.position.set(1, 2, 3);
  Body.assign(body, { position: { y: 7 } as { x: number; y: number; z: number } });
  assertEquals(body.position.toArray(), [1, 7, 3]);
});
