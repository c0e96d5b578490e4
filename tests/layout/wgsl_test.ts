/**
 * The rules "wgsl" against a real shader: it reads the records that were written in frame memory, and writes records that are read
 * back through frame memory.
 */

import { SmartAlloc } from "@framealloc/core";
import { assert, assertEquals } from "@std/assert";
import * as fc from "fast-check";
import {
  basic,
  type BasicName,
  BASICS,
  type Definition,
  get,
  type Leaf,
  leavesOf,
  set,
  type StructDefinition,
  structOf,
  STRUCTS,
} from "./_definitions.ts";
import { requestDevice, runShader } from "./_gpu.ts";

/** How many records each shader works on: enough to see the stride, and a multiple of four bytes whatever the struct. */
const RECORDS = 4;

const device = await requestDevice();
if (typeof device === "string") console.log(`Skipped: ${device}`);
const ignore = typeof device === "string";

const SCALAR_TYPES = { f32: "f32", f16: "f16", i32: "i32", u32: "u32" } as const;
type WgslScalar = keyof typeof SCALAR_TYPES;

/** The WGSL type of a definition; structs are declared in `declarations`. */
function typeOf(definition: Definition, declarations: string[]): string {
  switch (definition.kind) {
    case "basic": {
      const { scalar, parts } = BASICS[definition.name];
      if (parts.length === 0) return SCALAR_TYPES[scalar as WgslScalar];
      const { length } = parts;
      if (definition.name.startsWith("mat")) return length === 9 ? "mat3x3<f32>" : "mat4x4<f32>";
      return `vec${length}<${scalar}>`;
    }
    case "array":
      return `array<${typeOf(definition.element, declarations)}, ${definition.count}>`;
    case "struct": {
      const members = definition.fields.map(([, field], i) => `  f${i}: ${typeOf(field, declarations)},`);
      const name = `S${declarations.length}`;
      declarations.push(`struct ${name} {\n${members.join("\n")}\n}`);
      return name;
    }
  }
}

/** A scalar inside a record as WGSL writes it. */
function expressionOf(definition: Definition, path: Leaf["path"]): string {
  const [key, ...rest] = path;
  if (key === undefined) return "";
  switch (definition.kind) {
    case "basic": {
      if (typeof key === "string") return `.${key}`;
      const rows = definition.name === "mat3x3f" ? 3 : 4;
      return `[${Math.floor(key / rows)}][${key % rows}]`;
    }
    case "array":
      return `[${key}]${expressionOf(definition.element, rest)}`;
    case "struct": {
      const i = definition.fields.findIndex(([name]) => name === key);
      const field = definition.fields[i]?.[1];
      assert(field !== undefined);
      return `.f${i}${expressionOf(field, rest)}`;
    }
  }
}

/** The shader around a body that works on `records[r]`, and on `output` from `base` on. */
function shader(definition: StructDefinition, leaves: number, body: string[]): string {
  const declarations: string[] = [];
  const type = typeOf(definition, declarations);
  return `enable f16;
${declarations.join("\n")}
@group(0) @binding(0) var<storage, read_write> records: array<${type}>;
@group(0) @binding(1) var<storage, read_write> output: array<u32>;

@compute @workgroup_size(1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let r = id.x;
  let base = r * ${leaves}u;
  ${body.join("\n  ")}
}
`;
}

/** What the i-th scalar of record `r` is to hold: a number that every type can hold, unlike all near it. */
function valueAt(scalar: Leaf["scalar"], r: number, i: number): number {
  switch (scalar) {
    case "u32":
      return 3_000_000_000 + r * 1000 + i;
    case "i32":
      return -(2_000_000_000 + r * 1000 + i);
    case "f16":
      return (r * 256 + i % 256) * (i % 2 === 0 ? 1 : -1);
    default:
      return r * 1000 + i + 0.25;
  }
}

/** The same in WGSL. */
function valueExpression(scalar: Leaf["scalar"], i: number): string {
  switch (scalar) {
    case "u32":
      return `3000000000u + r * 1000u + ${i}u`;
    case "i32":
      return `-(2000000000i + i32(r) * 1000i + ${i}i)`;
    case "f16":
      return `f16(f32(r * 256u + ${i % 256}u) * ${i % 2 === 0 ? "1.0" : "-1.0"})`;
    default:
      return `f32(r) * 1000.0 + ${i}.0 + 0.25`;
  }
}

function bitsOf(scalar: Leaf["scalar"], expression: string): string {
  return scalar === "f16" ? `bitcast<u32>(f32(${expression}))` : `bitcast<u32>(${expression})`;
}

/** The number that the shader wrote as bits. */
function fromBits(output: DataView, at: number, scalar: Leaf["scalar"]): number {
  if (scalar === "u32") return output.getUint32(at, true);
  return scalar === "i32" ? output.getInt32(at, true) : output.getFloat32(at, true);
}

/** Has a shader read records of frame memory, and compares each scalar. */
async function shaderReads(device: GPUDevice, definition: StructDefinition): Promise<void> {
  const alloc = new SmartAlloc();
  using _frame = alloc.frame();
  const leaves = leavesOf(definition, "wgsl");
  const batch = alloc.frameAllocBatch(structOf(definition, "wgsl"), RECORDS);
  const bytes = batch.view(Uint8Array).fill(0xff);
  for (let r = 0; r < RECORDS; r++) {
    leaves.forEach((leaf, i) => set(batch.at(r), leaf.path, valueAt(leaf.scalar, r, i)));
  }
  const body = leaves.map((leaf, i) =>
    `output[base + ${i}u] = ${bitsOf(leaf.scalar, `records[r]${expressionOf(definition, leaf.path)}`)};`
  );
  const { output } = await runShader(device, {
    code: shader(definition, leaves.length, body),
    records: bytes,
    outputBytes: RECORDS * leaves.length * 4,
    invocations: RECORDS,
  });
  const view = new DataView(output.buffer);
  for (let r = 0; r < RECORDS; r++) {
    leaves.forEach(({ path, scalar }, i) => {
      const seen = fromBits(view, (r * leaves.length + i) * 4, scalar);
      assertEquals(seen, valueAt(scalar, r, i), `records[${r}].${path.join(".")}`);
    });
  }
}

/** Has a shader write records, and compares each scalar as records of frame memory show it. */
async function shaderWrites(device: GPUDevice, definition: StructDefinition): Promise<void> {
  const alloc = new SmartAlloc();
  using _frame = alloc.frame();
  const leaves = leavesOf(definition, "wgsl");
  const batch = alloc.frameAllocBatch(structOf(definition, "wgsl"), RECORDS);
  const bytes = batch.view(Uint8Array).fill(0xff);
  const body = leaves.map((leaf, i) =>
    `records[r]${expressionOf(definition, leaf.path)} = ${valueExpression(leaf.scalar, i)};`
  );
  const { records, output } = await runShader(device, {
    code: shader(definition, leaves.length, [...body, "output[r] = 7u;"]),
    records: bytes,
    outputBytes: RECORDS * 4,
    invocations: RECORDS,
  });
  assertEquals(new Uint32Array(output.buffer), new Uint32Array(RECORDS).fill(7));
  bytes.set(records);
  for (let r = 0; r < RECORDS; r++) {
    leaves.forEach(({ path, scalar }, i) => {
      assertEquals(get(batch.at(r), path), valueAt(scalar, r, i), `records[${r}].${path.join(".")}`);
    });
  }
}

const INNER: StructDefinition = { kind: "struct", fields: [["a", basic("f32")], ["b", basic("vec2f")]] };

/** One struct per kind of field, each between scalars that must not be hit. */
const FIELDS: readonly (readonly [name: string, field: Definition])[] = [
  ...(["f32", "i32", "u32", "f16"] as const).map((name) => [name, basic(name)] as const),
  ...["f", "i", "u"].flatMap((element) =>
    [2, 3, 4].map((n) => `vec${n}${element}` as BasicName).map((name) => [name, basic(name)] as const)
  ),
  ["mat3x3f", basic("mat3x3f")],
  ["mat4x4f", basic("mat4x4f")],
  ["an array of f32", { kind: "array", element: basic("f32"), count: 3 }],
  ["an array of f16", { kind: "array", element: basic("f16"), count: 3 }],
  ["an array of vec2u", { kind: "array", element: basic("vec2u"), count: 3 }],
  ["an array of vec3f", { kind: "array", element: basic("vec3f"), count: 3 }],
  ["an array of mat3x3f", { kind: "array", element: basic("mat3x3f"), count: 2 }],
  ["an array of arrays", { kind: "array", element: { kind: "array", element: basic("vec3i"), count: 2 }, count: 2 }],
  ["a struct", INNER],
  ["an array of structs", { kind: "array", element: INNER, count: 3 }],
  ["a struct in a struct", { kind: "struct", fields: [["x", basic("u32")], ["inner", INNER], ["y", basic("vec3f")]] }],
];

for (const [name, field] of FIELDS) {
  const definition: StructDefinition = {
    kind: "struct",
    fields: [["before", basic("f32")], ["field", field], ["after", basic("u32")]],
  };
  Deno.test({
    name: `struct() under the rules "wgsl" puts ${name} where a shader reads and writes it`,
    ignore,
    async fn() {
      assert(typeof device !== "string");
      await shaderReads(device, definition);
      await shaderWrites(device, definition);
    },
  });
}

Deno.test({
  name: 'struct() under the rules "wgsl" puts random structs where a shader reads and writes them',
  ignore,
  async fn() {
    assert(typeof device !== "string");
    const small = STRUCTS.wgsl.filter((definition) => leavesOf(definition, "wgsl").length <= 100);
    for (const definition of fc.sample(small, { seed: 11, numRuns: 30 })) {
      await shaderReads(device, definition);
      await shaderWrites(device, definition);
    }
  },
});

Deno.test({
  name: "a shader tells the rules c from the rules wgsl",
  ignore,
  async fn() {
    assert(typeof device !== "string");
    const definition: StructDefinition = { kind: "struct", fields: [["a", basic("f32")], ["b", basic("vec3f")]] };
    const alloc = new SmartAlloc();
    using _frame = alloc.frame();
    const batch = alloc.frameAllocBatch(structOf(definition, "c"), RECORDS);
    const bytes = batch.view(Uint8Array).fill(0);
    for (const record of batch) set(record, ["b", "x"], 5);
    const { output } = await runShader(device, {
      code: shader(definition, 1, ["output[r] = bitcast<u32>(records[r].f1.x);"]),
      records: bytes,
      outputBytes: RECORDS * 4,
      invocations: RECORDS,
    });
    assert(new Float32Array(output.buffer)[0] !== 5);
  },
});
