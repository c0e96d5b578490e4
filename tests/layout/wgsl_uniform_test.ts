/**
 * The rules "wgsl-uniform" against what the WGSL specification says about the address space `uniform`, computed by hand.
 */

import {
  array,
  f16,
  f32,
  type Fields,
  i32,
  type Layout,
  LayoutError,
  mat3x3f,
  mat4x4f,
  SmartAlloc,
  struct,
  u32,
  u8,
  vec2f,
  vec2i,
  vec3f,
  vec4f,
} from "@framealloc/core";
import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";

const uniform = <const F extends Fields>(name: string, fields: F) => struct(name, fields, { rules: "wgsl-uniform" });

function refused(make: () => unknown, ...parts: string[]): void {
  const error = assertThrows(make, LayoutError);
  assertEquals(error.code, "FA021");
  for (const part of parts) assertStringIncludes(error.message, part);
}

Deno.test('struct() under the rules "wgsl-uniform" starts and ends every struct at a multiple of 16', () => {
  // As in the example of the specification, where what follows an S of four bytes has to be moved to 16.
  const S = uniform("S", { x: f32 });
  assertEquals([S.size, S.align, S.stride, S.rules], [16, 16, 16, "wgsl-uniform"]);
  const Valid = uniform("Valid", { a: S, b: f32, c: S, d: f32 });
  assertEquals({ ...Valid.offsets }, { a: 0, b: 16, c: 32, d: 48 });
  assertEquals([Valid.size, Valid.align], [64, 16]);

  const Wide = uniform("Wide", { a: vec2f, b: f32, c: f32, d: f32 });
  assertEquals([Wide.size, { ...Wide.offsets }], [32, { a: 0, b: 8, c: 12, d: 16 }]);
  const After = uniform("After", { wide: Wide, x: f32 });
  assertEquals([After.size, After.offsets.x], [48, 32]);
});

Deno.test('struct() under the rules "wgsl-uniform" places what is no struct as "wgsl" does', () => {
  const fields = { a: f32, b: vec3f, c: f16, d: u32, e: vec2i, f: mat3x3f, g: i32, h: mat4x4f, i: vec4f };
  const offsets = { a: 0, b: 16, c: 28, d: 32, e: 40, f: 48, g: 96, h: 112, i: 176 };
  for (const rules of ["wgsl", "wgsl-uniform"] as const) {
    const layout = struct("All", fields, { rules });
    assertEquals([layout.size, layout.align, { ...layout.offsets }], [192, 16, offsets], rules);
  }
});

Deno.test('struct() under the rules "wgsl-uniform" takes arrays whose elements are a multiple of 16 bytes apart', () => {
  const S = uniform("S", { x: f32, y: f32 });
  const Scene = uniform("Scene", {
    count: u32,
    planes: array(vec4f, 6),
    points: array(vec3f, 2),
    normals: array(mat3x3f, 2),
    nested: array(array(vec4f, 2), 2),
    structs: array(S, 3),
    end: f32,
  });
  assertEquals({ ...Scene.offsets }, {
    count: 0,
    planes: 16,
    points: 112,
    normals: 144,
    nested: 240,
    structs: 304,
    end: 352,
  });
  assertEquals(Scene.size, 368);
});

Deno.test('struct() under the rules "wgsl-uniform" refuses other arrays, and says what to use', () => {
  for (const element of [f32, f16, u32, vec2f, array(f32, 4), array(vec2f, 2)] as Layout[]) {
    refused(() => uniform("S", { list: array(element, 4) }), '"list"', '"S"', '"wgsl-uniform"', "16", "vec4f");
    assertEquals(struct("S", { list: array(element, 4) }, { rules: "wgsl" }).size, element.size * 4);
  }
  refused(() => uniform("S", { list: array(array(f32, 3), 2) }), "array<f32, 3>");
});

Deno.test('struct() under the rules "wgsl-uniform" refuses the scalars that WGSL lacks, and structs of other rules', () => {
  refused(() => uniform("S", { byte: u8 }), '"byte"', "u8");
  refused(() => uniform("S", { list: array(u8, 16) }), '"list"', "u8");
  const C = struct("C", { a: vec4f });
  const Wgsl = struct("Wgsl", { a: vec4f }, { rules: "wgsl" });
  const Uniform = uniform("Uniform", { a: vec4f });
  for (const inner of [C, Wgsl]) {
    refused(() => uniform("S", { inner }), '"inner"', `"${inner.name}"`, `rules "${inner.rules}"`);
    refused(() => uniform("S", { inner: array(inner, 2) }), '"inner"', `rules "${inner.rules}"`);
  }
  refused(() => struct("S", { inner: Uniform }, { rules: "wgsl" }), 'rules "wgsl-uniform"');
  refused(() => struct("S", { inner: Uniform }), 'rules "wgsl-uniform"');
});

Deno.test("struct() names the rules that there are", () => {
  const error = assertThrows(() => struct("S", { a: f32 }, { rules: "std140" as never }), LayoutError, "FA020");
  for (const rules of ['"c"', '"wgsl"', '"wgsl-uniform"']) assertStringIncludes(error.message, rules);
});

Deno.test('an array of vec3f has the same records under "wgsl" and "wgsl-uniform", and others under "c"', () => {
  const points = array(vec3f, 2);
  const bytes = (["c", "wgsl", "wgsl-uniform"] as const).map((rules) => {
    const alloc = new SmartAlloc();
    using _frame = alloc.frame();
    const batch = alloc.frameAllocBatch(struct("S", { points }, { rules }), 1);
    batch.view(Float32Array).fill(0);
    batch.at(0).points.at(1).set(1, 2, 3);
    return Array.from(batch.view(Float32Array));
  });
  assertEquals(bytes[0], [0, 0, 0, 1, 2, 3]);
  assertEquals(bytes[1], [0, 0, 0, 0, 1, 2, 3, 0]);
  assertEquals(bytes[2], bytes[1]);
});
