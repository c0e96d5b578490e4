/**
 * An influence map, as strategy games have it: how strong the units are near each cell. A device computes it, or the same as a function
 * where the device is one in JavaScript.
 */

import { f32, struct, vec2f } from "../../mod.ts";
import { type NullBackend, type UnifiedBuffer, type WebGpuBackend, wgsl } from "../../gpu/mod.ts";

/** The cells of the map in a row, and in a column. */
export const SIDE = 96;

/** A unit: where it is, in cells, how strong, and how far that reaches. Units of the other side have a negative strength. */
export const Unit = struct("Unit", { place: vec2f, strength: f32, reach: f32 }, { rules: "wgsl" });

/** Computes the map on a device. */
export interface Influence<B> {
  /** Submits it. The units are uploaded before. */
  dispatch(units: UnifiedBuffer<B>, map: UnifiedBuffer<B>): void;
}

const SHADER = `
${wgsl(Unit)}
@group(0) @binding(0) var<storage, read> units: array<Unit>;
@group(0) @binding(1) var<storage, read_write> cells: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= ${SIDE * SIDE}u) { return; }
  let place = vec2f(f32(id.x % ${SIDE}u), f32(id.x / ${SIDE}u));
  var sum = 0.0;
  for (var i = 0u; i < arrayLength(&units); i++) {
    let way = units[i].place - place;
    sum += units[i].strength / (1.0 + dot(way, way) / units[i].reach);
  }
  cells[id.x] = sum;
}
`;

/** The same, one cell after the other. */
export function influenceOf(units: Float32Array, cells: Float32Array): void {
  for (let cell = 0; cell < cells.length; cell++) {
    const x = cell % SIDE;
    const y = Math.floor(cell / SIDE);
    let sum = 0;
    for (let i = 0; i < units.length; i += 4) {
      const squared = (units[i]! - x) ** 2 + (units[i + 1]! - y) ** 2;
      sum += units[i + 2]! / (1 + squared / units[i + 3]!);
    }
    cells[cell] = sum;
  }
}

/** With a compute shader. What is made here is of one device: it is made again after that was lost. */
export function onWebGpu({ device }: WebGpuBackend): Influence<GPUBuffer> {
  const pipeline = device.createComputePipeline({
    layout: "auto",
    compute: { module: device.createShaderModule({ code: SHADER }), entryPoint: "main" },
  });
  return {
    dispatch(units, map) {
      const resources = [units, map].map(({ buffer, offset, size }) => ({ buffer, offset, size }));
      const layout = pipeline.getBindGroupLayout(0);
      const group = device.createBindGroup({
        layout,
        entries: resources.map((resource, binding) => ({ binding, resource })),
      });
      const encoder = device.createCommandEncoder();
      const pass = encoder.beginComputePass();
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, group);
      pass.dispatchWorkgroups(Math.ceil(SIDE * SIDE / 64));
      pass.end();
      device.queue.submit([encoder.finish()]);
    },
  };
}

/** With a function, on the bytes that buffers of the null device are. */
export function onNull(_backend: NullBackend): Influence<Uint8Array> {
  const floats = ({ buffer, offset, size }: UnifiedBuffer<Uint8Array>): Float32Array =>
    new Float32Array(buffer.buffer, buffer.byteOffset + offset, size / 4);
  return { dispatch: (units, map) => influenceOf(floats(units), floats(map)) };
}
