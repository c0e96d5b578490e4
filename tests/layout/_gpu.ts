/**
 * A compute shader over one buffer of records: enough of WebGPU to see what a real shader reads and writes.
 */

import { assert, assertEquals } from "@std/assert";

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
  /** The WGSL; binding 0 is the records, binding 1 the output, both read and write. The entry is `main`. */
  readonly code: string;
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
    usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC,
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
