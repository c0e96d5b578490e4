/**
 * The rules "wgsl" against a real shader: it reads the records that were written in frame memory, and writes records that are read
 * back through frame memory.
 */

import { SmartAlloc } from "@framealloc/core";
import { assert, assertEquals } from "@std/assert";
import * as fc from "fast-check";
import {
  basic,
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
import { bitsOf, expressionOf, FIELDS, fromBits, requestDevice, runShader, valueAt } from "./_gpu.ts";

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
    `output[base + ${i}u] = ${
      bitsOf(leaf.scalar, `records[r]${expressionOf(definition, leaf.path, (_, i) => `f${i}`)}`)
    };`
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
    `records[r]${expressionOf(definition, leaf.path, (_, i) => `f${i}`)} = ${valueExpression(leaf.scalar, i)};`
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
