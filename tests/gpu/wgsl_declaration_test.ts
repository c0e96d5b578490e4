/**
 * The WGSL that declares a layout: its text, what it refuses, and that a real shader which is given it reads the records of the
 * layout from storage and uniform buffers.
 */

import {
  ArgumentError,
  array,
  f16,
  f32,
  i32,
  type Layout,
  LayoutError,
  type LayoutRules,
  mat3x3f,
  mat4x4f,
  SmartAlloc,
  struct,
  u32,
  vec2f,
  vec2i,
  vec3f,
  vec3u,
  vec4f,
} from "@framealloc/core";
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import * as fc from "fast-check";
import { wgsl } from "../../gpu/wgsl.ts";
import {
  basic,
  type Definition,
  isElement,
  leavesOf,
  set,
  type StructDefinition,
  structOf,
  STRUCTS,
} from "../layout/_definitions.ts";
import { bitsOf, expressionOf, FIELDS, fromBits, requestDevice, runShader, valueAt } from "../layout/_gpu.ts";

const RECORDS = 4;

const device = await requestDevice();
if (typeof device === "string") console.log(`Skipped: ${device}`);
const ignore = typeof device === "string";

function refused(make: () => unknown, ...parts: string[]): void {
  const error = assertThrows(make, LayoutError);
  assertEquals(error.code, "FA021");
  for (const part of parts) assertStringIncludes(error.message, part);
}

Deno.test("wgsl() prints every kind of member", () => {
  const All = struct("All", {
    a: f32,
    b: f16,
    c: i32,
    d: u32,
    e: vec2i,
    f: vec3u,
    g: vec4f,
    h: mat3x3f,
    i: mat4x4f,
    j: array(f32, 3),
    k: array(array(vec2f, 2), 4),
  }, { rules: "wgsl" });
  assertEquals(
    wgsl(All),
    `struct All {
  a: f32,
  b: f16,
  c: i32,
  d: u32,
  e: vec2i,
  f: vec3u,
  g: vec4f,
  h: mat3x3f,
  i: mat4x4f,
  j: array<f32, 3>,
  k: array<array<vec2f, 2>, 4>,
}`,
  );
});

Deno.test("wgsl() declares the structs inside a struct before it, and each once", () => {
  const Light = struct("Light", { color: vec3f, power: f32 }, { rules: "wgsl" });
  const Cell = struct("Cell", { first: Light, others: array(Light, 4) }, { rules: "wgsl" });
  const Scene = struct("Scene", { sun: Light, cells: array(array(Cell, 2), 2) }, { rules: "wgsl" });
  const light = "struct Light {\n  color: vec3f,\n  power: f32,\n}";
  const cell = "struct Cell {\n  first: Light,\n  others: array<Light, 4>,\n}";
  const scene = "struct Scene {\n  sun: Light,\n  cells: array<array<Cell, 2>, 2>,\n}";
  assertEquals(wgsl(Scene), [light, cell, scene].join("\n\n"));
  assertEquals(wgsl(array(array(Cell, 3), 2)), [light, cell].join("\n\n"));
});

Deno.test('wgsl() aligns structs of the rules "wgsl-uniform" to 16 where their members do not', () => {
  const Small = struct("Small", { x: f32, y: vec2f }, { rules: "wgsl-uniform" });
  const Outer = struct("Outer", { small: Small, z: f32 }, { rules: "wgsl-uniform" });
  const Wide = struct("Wide", { x: f32, y: vec4f }, { rules: "wgsl-uniform" });
  const Listed = struct("Listed", { x: f32, list: array(vec3f, 2) }, { rules: "wgsl-uniform" });
  const small = "struct Small {\n  @align(16) x: f32,\n  y: vec2f,\n}";
  assertEquals(wgsl(Outer), `${small}\n\nstruct Outer {\n  @align(16) small: Small,\n  z: f32,\n}`);
  assertEquals(wgsl(Wide), "struct Wide {\n  x: f32,\n  y: vec4f,\n}");
  assertEquals(wgsl(Listed), "struct Listed {\n  x: f32,\n  list: array<vec3f, 2>,\n}");
});

Deno.test("wgsl() calls the outermost struct as it is told", () => {
  const Inner = struct("Inner", { x: f32 }, { rules: "wgsl" });
  const Outer = struct("3D", { inner: Inner }, { rules: "wgsl" });
  const expected = "struct Inner {\n  x: f32,\n}\n\nstruct Volume {\n  inner: Inner,\n}";
  assertEquals(wgsl(Outer, { name: "Volume" }), expected);
  assertEquals(wgsl(array(Outer, 2), { name: "Volume" }), expected);
  refused(() => wgsl(Outer, { name: "Inner" }), '"Inner"', "rename");
});

Deno.test("wgsl() refuses different structs of one name, not the same struct made twice", () => {
  const make = (layout: Layout) => struct("Item", { at: layout }, { rules: "wgsl" });
  const same = struct("S", { a: make(vec2f), b: array(make(vec2f), 2) }, { rules: "wgsl" });
  assertEquals(wgsl(same).match(/struct Item/g)?.length, 1);
  refused(() => wgsl(struct("S", { a: make(vec2f), b: make(vec3f) }, { rules: "wgsl" })), '"Item"', "rename");
  refused(() => wgsl(struct("Item", { a: make(vec2f) }, { rules: "wgsl" })), '"Item"');
  const deep = struct("Deep", { a: array(make(vec2f), 2) }, { rules: "wgsl" });
  refused(() => wgsl(struct("S", { deep, b: make(f32) }, { rules: "wgsl" })), '"Item"');
});

Deno.test("wgsl() refuses the rules c, and layouts that hold no struct", () => {
  refused(() => wgsl(struct("Body", { mass: f32 })), '"Body"', '"c"', '"wgsl" or "wgsl-uniform"');
  refused(() => wgsl(array(struct("Body", { mass: f32 }), 2)), '"Body"');
  for (const layout of [f32, vec3f, mat4x4f, array(f32, 2), array(array(vec4f, 2), 2)] as Layout[]) {
    refused(() => wgsl(layout), layout.name);
  }
  for (const value of [undefined, null, 5, "Body", {}]) {
    assertThrows(() => wgsl(value as unknown as Layout), ArgumentError, "FA008");
  }
});

Deno.test("wgsl() refuses names that WGSL does not have, and says which", () => {
  const named = (name: string) => struct(name, { a: f32 }, { rules: "wgsl" });
  for (const name of ["My Body", "3D", "_", "__Body", "struct", "type", "Self", "f32", "vec3f", "array", "a-b", "$a"]) {
    refused(() => wgsl(named(name)), `"${name}"`, "options.name");
    refused(() => wgsl(named("Body"), { name }), `"${name}"`);
    refused(() => wgsl(struct("Outer", { inner: named(name) }, { rules: "wgsl" })), `"${name}"`);
    assertEquals(wgsl(named(name), { name: "Body" }), "struct Body {\n  a: f32,\n}");
  }
  for (const name of ["", 5, true, {}]) refused(() => wgsl(named("Body"), { name: name as string }), "options.name");
  for (const field of ["set", "type", "struct", "_", "__a", "meta"]) {
    refused(() => wgsl(struct("Body", { [field]: f32 }, { rules: "wgsl" })), '"Body"', `"${field}"`, "rename");
  }
  const fields = { f32, array: f32, _a: f32, größe: f32, 名前: f32, min: f32, vec3f };
  const text = wgsl(struct("Größe", fields, { rules: "wgsl" }));
  for (const field of Object.keys(fields)) assertStringIncludes(text, `  ${field}: `);
});

/** A definition whose field names are none that WGSL reserves. */
function renamed(definition: StructDefinition): StructDefinition {
  const rename = (inner: Definition): Definition => {
    if (inner.kind === "basic") return inner;
    return inner.kind === "array" ? { ...inner, element: rename(inner.element) } : renamed(inner);
  };
  const fields = definition.fields.map(([name, field]) => [name === "set" ? "set_" : name, rename(field)] as const);
  return { kind: "struct", fields };
}

/** Has a shader with the printed declaration read records of frame memory, and compares each scalar. */
async function shaderReads(
  device: GPUDevice,
  definition: StructDefinition,
  rules: LayoutRules,
  space: "storage" | "uniform",
): Promise<void> {
  let structs = 0;
  const layout = structOf(definition, rules, () => `S${structs++}`);
  const leaves = leavesOf(definition, rules);
  const alloc = new SmartAlloc();
  using _frame = alloc.frame();
  const batch = alloc.frameAllocBatch(layout, RECORDS);
  const bytes = batch.view(Uint8Array).fill(0xff);
  for (let r = 0; r < RECORDS; r++) {
    leaves.forEach((leaf, i) => set(batch.at(r), leaf.path, valueAt(leaf.scalar, r, i)));
  }
  const body = leaves.map(({ path, scalar }, i) =>
    `output[base + ${i}u] = ${bitsOf(scalar, `records[r]${expressionOf(definition, path, (field) => field)}`)};`
  );
  const { output } = await runShader(device, {
    code: `enable f16;
${wgsl(layout)}
@group(0) @binding(0) var<${
      space === "uniform" ? space : "storage, read_write"
    }> records: array<${layout.name}, ${RECORDS}>;
@group(0) @binding(1) var<storage, read_write> output: array<u32>;

@compute @workgroup_size(1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let r = id.x;
  let base = r * ${leaves.length}u;
  ${body.join("\n  ")}
}
`,
    space,
    records: bytes,
    outputBytes: RECORDS * leaves.length * 4,
    invocations: RECORDS,
  });
  const view = new DataView(output.buffer);
  for (let r = 0; r < RECORDS; r++) {
    leaves.forEach(({ path, scalar }, i) => {
      const seen = fromBits(view, (r * leaves.length + i) * 4, scalar);
      assertEquals(seen, valueAt(scalar, r, i), `records[${r}].${path.join(".")} from ${space} by ${rules}`);
    });
  }
}

/** The rules, the address spaces where a shader can read them, and the seed for random structs. */
const PLACES = [
  { rules: "wgsl", space: "storage", seed: 21 },
  { rules: "wgsl-uniform", space: "storage", seed: 22 },
  { rules: "wgsl-uniform", space: "uniform", seed: 23 },
] as const;

for (const { rules, space, seed } of PLACES) {
  for (const [name, field] of FIELDS) {
    if (field.kind === "array" && !isElement(field.element, rules)) continue;
    Deno.test({
      name: `a shader with wgsl() of the rules "${rules}" reads ${name} from a ${space} buffer`,
      ignore,
      async fn() {
        assert(typeof device !== "string");
        const fields = [["before", basic("f32")], ["field", field], ["after", basic("u32")]] as const;
        await shaderReads(device, { kind: "struct", fields }, rules, space);
      },
    });
  }

  Deno.test({
    name: `a shader with wgsl() of the rules "${rules}" reads random structs from a ${space} buffer`,
    ignore,
    async fn() {
      assert(typeof device !== "string");
      const small = STRUCTS[rules].filter((definition) => leavesOf(definition, rules).length <= 100);
      for (const definition of fc.sample(small, { seed, numRuns: 30 })) {
        await shaderReads(device, renamed(definition), rules, space);
      }
    },
  });
}

// What somebody might call a field or struct, with what WGSL, or this implementation of it, could take offence at.
const WORDS =
  `type handle sampler texture_2d self Self array f32 vec3f mat4x4f min select align size _x _ __x x_ x__ größe 名前 ünï
  a b-c 1a partition partial meta in inout out signed read uniform storage workgroup private function bitcast position
  vertex fragment compute bool atomic ptr vec2 vec2h i64 f64 static_assert const_assert CompileShader binding_array`;

Deno.test({
  name: "a shader takes every name that wgsl() takes",
  ignore,
  async fn() {
    assert(typeof device !== "string");
    let taken = 0;
    for (const word of WORDS.split(/\s+/)) {
      const layouts = [struct(word, { a: f32, b: vec3f, c: u32 }, { rules: "wgsl" })];
      if (!word.match(/[-1]/)) layouts.push(struct("Fields", { a_: f32, [word]: vec3f }, { rules: "wgsl" }) as never);
      for (const layout of layouts) {
        let code;
        try {
          code = wgsl(layout);
        } catch (error) {
          assert(error instanceof LayoutError);
          continue;
        }
        taken++;
        device.pushErrorScope("validation");
        device.createShaderModule({ code });
        assertEquals((await device.popErrorScope())?.message, undefined, code);
      }
    }
    assert(taken > 40);
  },
});
