/**
 * A compute shader over one buffer of records: enough of WebGPU to see what a real shader reads and writes, and how it names the
 * scalars of a record.
 */

import { assert, assertEquals } from "@std/assert";
import { basic, type BasicName, type Definition, type Leaf, type StructDefinition } from "./_definitions.ts";

const INNER: StructDefinition = { kind: "struct", fields: [["a", basic("f32")], ["b", basic("vec2f")]] };

/** One struct per kind of field, each between scalars that must not be hit. */
export const FIELDS: readonly (readonly [name: string, field: Definition])[] = [
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

/** A device of the first adapter, or why there is none. */
export async function requestDevice(): Promise<GPUDevice | string> {
  if (navigator.gpu === undefined) return "this runtime has no WebGPU";
  const adapter = await navigator.gpu.requestAdapter();
  if (adapter === null) return "there is no WebGPU adapter (Debian: apt-get install mesa-vulkan-drivers)";
  if (!adapter.features.has("shader-f16")) return "the WebGPU adapter has no shader-f16";
  return await adapter.requestDevice({ requiredFeatures: ["shader-f16"] });
}

/** What a shader is run on, and how. */
export interface Run {
  /** The WGSL; binding 0 is the records, binding 1 the output, both read and write by default. The entry is `main`. */
  readonly code: string;
  /** Where the shader has the records. @default {"storage"} */
  readonly space?: "storage" | "uniform";
  /** What the records start as. */
  readonly records: Uint8Array;
  /** The bytes of the output. */
  readonly outputBytes: number;
  /** How often the entry is run. */
  readonly invocations: number;
}

/** Runs a shader, and returns the bytes of the records and of the output after it. */
export async function runShader(device: GPUDevice, run: Run): Promise<{ records: Uint8Array; output: Uint8Array }> {
  device.pushErrorScope("validation");
  const records = device.createBuffer({
    size: run.records.byteLength,
    usage: (run.space === "uniform" ? GPUBufferUsage.UNIFORM : GPUBufferUsage.STORAGE) | GPUBufferUsage.COPY_DST |
      GPUBufferUsage.COPY_SRC,
  });
  const output = device.createBuffer({
    size: run.outputBytes,
    usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC,
  });
  const readback = device.createBuffer({
    size: run.records.byteLength + run.outputBytes,
    usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
  });
  try {
    upload(device, records, run.records);
    const pipeline = device.createComputePipeline({
      layout: "auto",
      compute: { module: device.createShaderModule({ code: run.code }), entryPoint: "main" },
    });
    const bindGroup = device.createBindGroup({
      layout: pipeline.getBindGroupLayout(0),
      entries: [{ binding: 0, resource: { buffer: records } }, { binding: 1, resource: { buffer: output } }],
    });
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, bindGroup);
    pass.dispatchWorkgroups(run.invocations);
    pass.end();
    encoder.copyBufferToBuffer(records, 0, readback, 0, run.records.byteLength);
    encoder.copyBufferToBuffer(output, 0, readback, run.records.byteLength, run.outputBytes);
    device.queue.submit([encoder.finish()]);
    const error = await device.popErrorScope();
    assertEquals(error?.message, undefined, run.code);

    await readback.mapAsync(GPUMapMode.READ);
    const bytes = new Uint8Array(readback.getMappedRange()).slice();
    readback.unmap();
    return { records: bytes.slice(0, run.records.byteLength), output: bytes.slice(run.records.byteLength) };
  } finally {
    for (const buffer of [records, output, readback]) buffer.destroy();
  }
}

/** Writes bytes to the start of a buffer. Deno aborts the process on a source that is empty, detached or too short. */
function upload(device: GPUDevice, buffer: GPUBuffer, bytes: Uint8Array): void {
  assert(bytes.byteLength > 0 && bytes.byteLength % 4 === 0, `Cannot upload ${bytes.byteLength} bytes`);
  assert(bytes.byteOffset + bytes.byteLength <= bytes.buffer.byteLength && bytes.byteLength <= buffer.size);
  device.queue.writeBuffer(buffer, 0, bytes as Uint8Array<ArrayBuffer>);
}

/** A scalar inside a record as WGSL writes it; `member` is what a field is called there. */
export function expressionOf(
  definition: Definition,
  path: Leaf["path"],
  member: (field: string, i: number) => string,
): string {
  const [key, ...rest] = path;
  if (key === undefined) return "";
  switch (definition.kind) {
    case "basic": {
      if (typeof key === "string") return `.${key}`;
      const rows = definition.name === "mat3x3f" ? 3 : 4;
      return `[${Math.floor(key / rows)}][${key % rows}]`;
    }
    case "array":
      return `[${key}]${expressionOf(definition.element, rest, member)}`;
    case "struct": {
      const i = definition.fields.findIndex(([name]) => name === key);
      const field = definition.fields[i]?.[1];
      assert(field !== undefined);
      return `.${member(String(key), i)}${expressionOf(field, rest, member)}`;
    }
  }
}

/** What the i-th scalar of record `r` is to hold: a number that every type can hold, unlike all near it. */
export function valueAt(scalar: Leaf["scalar"], r: number, i: number): number {
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

/** A scalar in WGSL as the bits that the output takes. */
export function bitsOf(scalar: Leaf["scalar"], expression: string): string {
  return scalar === "f16" ? `bitcast<u32>(f32(${expression}))` : `bitcast<u32>(${expression})`;
}

/** The number that the shader wrote as bits. */
export function fromBits(output: DataView, at: number, scalar: Leaf["scalar"]): number {
  if (scalar === "u32") return output.getUint32(at, true);
  return scalar === "i32" ? output.getInt32(at, true) : output.getFloat32(at, true);
}
