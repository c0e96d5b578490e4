/**
 * Layouts of TypeGPU schemas against the real package: the same sizes and offsets, and TypeGPU reads from its own buffers what was
 * written through records.
 */

import { ArgumentError, array, f32, LayoutError, mat3x3f, SmartAlloc, struct, u32, vec3f } from "@framealloc/core";
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { expectTypeOf } from "expect-type";
import * as fc from "fast-check";
import tgpu from "typegpu";
import * as d from "typegpu/data";
import { layoutOf, type TypeGpuStruct } from "../../gpu/typegpu.ts";
import { type Definition, type Leaf, leavesOf, set, type StructDefinition, STRUCTS } from "../layout/_definitions.ts";
import { requestDevice, valueAt } from "../layout/_gpu.ts";

/** How many records each buffer holds: a multiple of four bytes whatever the struct. */
const RECORDS = 4;

const device = await requestDevice();
if (typeof device === "string") console.log(`Skipped: ${device}`);
const ignore = typeof device === "string";

/** The schema of a definition. TypeGPU does not take the names that WGSL reserves. */
function schemaOf(definition: StructDefinition): d.WgslStruct<Record<string, d.F32>> {
  return d.struct(Object.fromEntries(definition.fields.map(([name, field]) => [memberOf(name), dataOf(field)])));
}

/** The schema of a member, which might be any: TypeScript is told that it is one that buffers can hold. */
function dataOf(definition: Definition): d.F32 {
  if (definition.kind === "struct") return schemaOf(definition) as unknown as d.F32;
  if (definition.kind === "basic") return d[definition.name as "f32"];
  return d.arrayOf(dataOf(definition.element), definition.count) as unknown as d.F32;
}

function memberOf(field: string): string {
  return field === "set" ? "set_" : field;
}

/** The definition with the names of the schema. */
function renamed<D extends Definition>(definition: D): D {
  if (definition.kind === "array") return { ...definition, element: renamed(definition.element) };
  if (definition.kind === "basic") return definition;
  return { ...definition, fields: definition.fields.map(([name, field]) => [memberOf(name), renamed(field)]) };
}

/** A scalar inside what TypeGPU has read. */
function seenAt(definition: Definition, value: unknown, path: Leaf["path"]): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return value;
  const whole = value as Record<string | number, unknown>;
  switch (definition.kind) {
    case "basic": {
      if (typeof key === "string") return whole[key];
      const rows = definition.name === "mat3x3f" ? 3 : 4;
      return whole[Math.floor(key / rows) * 4 + key % rows];
    }
    case "array":
      return seenAt(definition.element, whole[key], rest);
    case "struct": {
      const field = definition.fields.find(([name]) => name === key)?.[1];
      assert(field !== undefined);
      return seenAt(field, whole[key], rest);
    }
  }
}

Deno.test("layoutOf() gives the sizes and offsets that TypeGPU computes", () => {
  fc.assert(
    fc.property(STRUCTS.wgsl, (definition) => {
      const schema = schemaOf(definition);
      const layout = layoutOf(schema);
      assertEquals([layout.size, layout.align, layout.rules], [d.sizeOf(schema), d.alignmentOf(schema), "wgsl"]);
      assertEquals(Object.keys(layout.fields), Object.keys(schema.propTypes));
      for (const name of Object.keys(layout.fields)) {
        const { offset } = d.memoryLayoutOf(schema, (s) => s[name]!);
        assertEquals(layout.offsets[name], offset, name);
      }
    }),
    { seed: 31, numRuns: 300 },
  );
});

Deno.test({
  name: "TypeGPU reads from its buffers what was written through records of layoutOf()",
  ignore,
  async fn() {
    assert(typeof device !== "string");
    const root = tgpu.initFromDevice({ device });
    const small = STRUCTS.wgsl.filter((definition) => leavesOf(definition, "wgsl").length <= 200);
    for (const given of fc.sample(small, { seed: 32, numRuns: 20 })) {
      const definition = renamed(given);
      const schema = schemaOf(definition);
      const leaves = leavesOf(definition, "wgsl");
      const alloc = new SmartAlloc();
      using _frame = alloc.frame();
      const batch = alloc.frameAllocBatch(layoutOf(schema), RECORDS);
      const bytes = batch.view(Uint8Array).fill(0xff);
      for (let r = 0; r < RECORDS; r++) {
        leaves.forEach((leaf, i) => set(batch.at(r), leaf.path, valueAt(leaf.scalar, r, i)));
      }

      const buffer = root.createBuffer(d.arrayOf(schema, RECORDS));
      assertEquals(d.sizeOf(buffer.dataType), bytes.byteLength);
      device.queue.writeBuffer(root.unwrap(buffer), 0, bytes as Uint8Array<ArrayBuffer>);
      const seen: unknown[] = await buffer.read();
      buffer.destroy();
      for (let r = 0; r < RECORDS; r++) {
        leaves.forEach(({ path, scalar }, i) => {
          assertEquals(seenAt(definition, seen[r], path), valueAt(scalar, r, i), `${r}: ${path.join(".")}`);
        });
      }
    }
  },
});

const Light = d.struct({ color: d.vec3f, power: d.f32 }).$name("Light");

Deno.test("layoutOf() gives records the types of their members", () => {
  const Scene = layoutOf(
    d.struct({ count: d.u32, lights: d.arrayOf(Light, 4), basis: d.mat3x3f, weights: d.arrayOf(d.f32, 3) }),
  );
  const same = struct("Struct", {
    count: u32,
    lights: array(struct("Light", { color: vec3f, power: f32 }, { rules: "wgsl" }), 4),
    basis: mat3x3f,
    weights: array(f32, 3),
  }, { rules: "wgsl" });
  expectTypeOf(Scene).toEqualTypeOf(same);
  assertEquals({ ...Scene.offsets }, { ...same.offsets });

  const alloc = new SmartAlloc();
  using _frame = alloc.frame();
  const scene = alloc.frameAlloc(Scene);
  Scene.assign(scene, { count: 2, weights: [1, 2, 3] });
  scene.lights.at(1).color.set(1, 2, 3);
  scene.lights.at(1).power = 5;
  assertEquals([scene.count, scene.weights.at(2), scene.lights.at(1).power], [2, 3, 5]);
  assertEquals(Scene.toObject(scene).lights[1]?.color, { x: 1, y: 2, z: 3 });
});

Deno.test("layoutOf() names structs as TypeGPU does, and others after their place", () => {
  const Scene = layoutOf(d.struct({
    sun: Light,
    other: d.struct({ x: d.f32 }),
    list: d.arrayOf(d.struct({ deep: d.struct({ x: d.f32 }) }), 2),
  }));
  const { sun, other, list } = Scene.fields;
  assertEquals(Scene.name, "Struct");
  assertEquals([sun.name, other.name, list.element.name], ["Light", "Struct_other", "Struct_list"]);
  assertEquals(list.element.fields.deep.name, "Struct_list_deep");
  assertEquals(layoutOf(Light).name, "Light");
});

Deno.test("layoutOf() refuses the members that have no layout, and says which", () => {
  const members = {
    atomic: d.atomic(d.u32),
    size: d.size(16, d.f32),
    align: d.align(16, d.f32),
    bools: d.vec2b,
    halves: d.vec4h,
    matrix: d.mat2x2f,
    half: d.vec3h,
    endless: d.arrayOf(d.f32),
    missing: undefined,
  };
  for (const [name, member] of Object.entries(members)) {
    const places = [
      [`Bad.${name}`, d.struct({ a: d.f32, [name]: member as never }).$name("Bad")],
      [`Struct_inner.${name}`, d.struct({ inner: d.struct({ [name]: member as never }) })],
    ] as const;
    for (const [path, schema] of places) {
      const error = assertThrows(() => layoutOf(schema as unknown as TypeGpuStruct), LayoutError);
      assertEquals(error.code, "FA021");
      assertStringIncludes(error.message, `${path} `);
    }
  }
  const listed = d.struct({ list: d.arrayOf(d.arrayOf(d.vec2h, 2), 2) });
  assertStringIncludes(assertThrows(() => layoutOf(listed), LayoutError).message, 'Struct.list as TypeGPU\'s "vec2h"');
});

Deno.test("layoutOf() refuses what is no schema of a struct", () => {
  for (const value of [undefined, null, 5, "struct", {}, d.f32, d.arrayOf(Light, 2), d.unstruct({ a: d.f32 })]) {
    assertThrows(() => layoutOf(value as unknown as TypeGpuStruct), ArgumentError, "FA008");
  }
});
