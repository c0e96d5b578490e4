/**
 * Draws particles as points of light that add up, and brings the sum to what a screen can show.
 */

import { f32, mat4x4f, struct, vec2f } from "../../mod.ts";
import { type GpuAllocator, wgsl } from "../../gpu/mod.ts";
import { Particle } from "./galaxy.ts";
import type { Particles } from "./particles.ts";

/** What the shader is told for each picture. */
const View = struct("View", { matrix: mat4x4f, pixel: vec2f, size: f32, light: f32 }, { rules: "wgsl-uniform" });

/** Of the light, which is summed up in halves of a float. */
const LIGHT_FORMAT = "rgba16float";

const SHADER = `
${wgsl(View)}
@group(0) @binding(0) var<uniform> view: View;

struct Spot {
  @builtin(position) position: vec4f,
  @location(0) corner: vec2f,
  @location(1) @interpolate(flat) light: vec3f,
}

fn tint(color: f32) -> vec3f {
  let rim = fract(color);
  if (color < 1.0) {
    let outer = mix(vec3f(0.5, 0.55, 1.0), vec3f(0.18, 0.42, 1.0), smoothstep(0.4, 1.0, rim));
    return mix(vec3f(1.0, 0.78, 0.5), outer, smoothstep(0.05, 0.5, rim));
  }
  let outer = mix(vec3f(1.0, 0.42, 0.3), vec3f(0.95, 0.2, 0.5), smoothstep(0.4, 1.0, rim));
  return mix(vec3f(1.0, 0.9, 0.7), outer, smoothstep(0.05, 0.55, rim));
}

@vertex
fn spot(
  @builtin(vertex_index) vertex: u32,
  @builtin(instance_index) instance: u32,
  @location(0) place: vec3f,
  @location(1) color: f32,
  @location(2) size: f32,
) -> Spot {
  // A few of them shine on the dust around them.
  let glows = instance % 48u == 0u;
  let corner = vec2f(f32(vertex & 1u), f32(vertex >> 1u)) * 2.0 - 1.0;
  let radius = select(1.0 + 1.3 * size, 40.0, glows) * view.size;
  let position = view.matrix * vec4f(place, 1.0);
  let light = select(size, 0.009, glows) * view.light;
  return Spot(position + vec4f(corner * radius * view.pixel, 0.0, 0.0), corner, light * tint(color));
}

@fragment
fn shine(spot: Spot) -> @location(0) vec4f {
  let fall = max(0.0, 1.0 - dot(spot.corner, spot.corner));
  return vec4f(spot.light * pow(fall, 3.0), 1.0);
}

@group(0) @binding(0) var light: texture_2d<f32>;

@vertex
fn screen(@builtin(vertex_index) vertex: u32) -> @builtin(position) vec4f {
  return vec4f(f32(vertex & 1u) * 4.0 - 1.0, f32(vertex >> 1u) * 4.0 - 1.0, 0.0, 1.0);
}

@fragment
fn show(@builtin(position) position: vec4f) -> @location(0) vec4f {
  let sum = textureLoad(light, vec2u(position.xy), 0).rgb + vec3f(0.0006, 0.0008, 0.0024);
  // What is very bright is white, whatever its colour.
  let bright = sum + 0.12 * max(0.0, max(sum.r, max(sum.g, sum.b)) - 1.0);
  return vec4f(pow(1.0 - exp(-1.15 * bright), vec3f(0.4545)), 1.0);
}
`;

/** See the file comment. */
export class Picture {
  readonly width: number;
  readonly height: number;
  readonly #gpu: GpuAllocator<GPUBuffer>;
  readonly #device: GPUDevice;
  readonly #light: GPUTextureView;
  readonly #spots: GPURenderPipeline;
  readonly #screen: GPURenderPipeline;
  readonly #shown: GPUBindGroup;

  constructor(
    gpu: GpuAllocator<GPUBuffer>,
    device: GPUDevice,
    format: GPUTextureFormat,
    size: { readonly width: number; readonly height: number },
  ) {
    this.width = size.width;
    this.height = size.height;
    this.#gpu = gpu;
    this.#device = device;
    const module = device.createShaderModule({ code: SHADER });
    const usage = 0x10 | 0x4; // RENDER_ATTACHMENT | TEXTURE_BINDING
    this.#light = device.createTexture({ size: [size.width, size.height], format: LIGHT_FORMAT, usage }).createView();
    const sum = { srcFactor: "one", dstFactor: "one", operation: "add" } as const;
    const bindings: GPUBindGroupLayoutEntry[] = [{ binding: 0, visibility: 1, buffer: { hasDynamicOffset: true } }];
    this.#spots = device.createRenderPipeline({
      layout: device.createPipelineLayout({ bindGroupLayouts: [device.createBindGroupLayout({ entries: bindings })] }),
      vertex: {
        module,
        entryPoint: "spot",
        buffers: [{
          arrayStride: Particle.size,
          stepMode: "instance",
          attributes: [
            { shaderLocation: 0, offset: Particle.offsets.position, format: "float32x3" },
            { shaderLocation: 1, offset: Particle.offsets.color, format: "float32" },
            { shaderLocation: 2, offset: Particle.offsets.size, format: "float32" },
          ],
        }],
      },
      fragment: { module, entryPoint: "shine", targets: [{ format: LIGHT_FORMAT, blend: { color: sum, alpha: sum } }] },
      primitive: { topology: "triangle-strip" },
    });
    this.#screen = device.createRenderPipeline({
      layout: "auto",
      vertex: { module, entryPoint: "screen" },
      fragment: { module, entryPoint: "show", targets: [{ format }] },
    });
    this.#shown = device.createBindGroup({
      layout: this.#screen.getBindGroupLayout(0),
      entries: [{ binding: 0, resource: this.#light }],
    });
  }

  /** Encodes a picture of the particles in the frame that is open. */
  encode(encoder: GPUCommandEncoder, target: GPUTextureView, { handle, count }: Particles): void {
    const gpu = this.#gpu;
    const { ring } = gpu;
    const view = ring.box(View, {
      matrix: this.#matrix(),
      pixel: [2 / this.width, 2 / this.height],
      size: this.height / 720,
      light: 0.16 * 1e5 / count * Math.max(1, this.height / 720),
    });
    const group = this.#device.createBindGroup({
      layout: this.#spots.getBindGroupLayout(0),
      entries: [{ binding: 0, resource: { buffer: ring.buffer(view), offset: 0, size: View.size } }],
    });
    const spots = encoder.beginRenderPass({
      colorAttachments: [{ view: this.#light, loadOp: "clear", storeOp: "store", clearValue: [0, 0, 0, 0] }],
    });
    spots.setPipeline(this.#spots);
    spots.setBindGroup(0, group, [ring.offset(view)]);
    const { buffer, offset, size } = gpu.binding(handle);
    spots.setVertexBuffer(0, buffer, offset, size);
    spots.draw(4, count);
    spots.end();
    const screen = encoder.beginRenderPass({
      colorAttachments: [{ view: target, loadOp: "clear", storeOp: "store", clearValue: [0, 0, 0, 1] }],
    });
    screen.setPipeline(this.#screen);
    screen.setBindGroup(0, this.#shown);
    screen.draw(3);
    screen.end();
  }

  /** Looks at the centre of mass from above, a little from the side. */
  #matrix(): number[] {
    const scale = 1 / 4;
    const [across, tilt] = [scale * this.height / this.width, 0.55];
    const [up, away] = [scale * Math.cos(tilt), scale * Math.sin(tilt)];
    // Column by column; what is in front does not hide what is behind.
    return [across, 0, 0, 0, 0, up, 0, 0, 0, away, 0, 0, 0, 0, 0.5, 1];
  }
}
