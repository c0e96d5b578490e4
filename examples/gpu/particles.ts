/**
 * Particles in memory of a device, and the compute pass that moves them: everything of WebGPU that the simulation needs.
 */

import type { GpuAllocator, GpuHandle } from "../../gpu/mod.ts";
import { wgsl } from "../../gpu/mod.ts";
import { DT, Flyby, Particle, setUp, SOFTENING, Step } from "./galaxy.ts";

const GROUP = 128;

/** The shader's declarations are made of the layouts: there is no second description that could differ. */
const SHADER = `
${wgsl(Particle)}
${wgsl(Step)}
@group(0) @binding(0) var<storage, read_write> particles: array<Particle>;
@group(0) @binding(1) var<uniform> step: Step;

fn pull(mass: vec4f, position: vec3f) -> vec3f {
  let way = mass.xyz - position;
  let squared = dot(way, way) + ${SOFTENING * SOFTENING};
  return way * (mass.w / (squared * sqrt(squared)));
}

@compute @workgroup_size(${GROUP})
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= step.count) { return; }
  let position = particles[id.x].position;
  let velocity = particles[id.x].velocity + step.dt * (pull(step.first, position) + pull(step.second, position));
  particles[id.x].velocity = velocity;
  particles[id.x].position = position + step.dt * velocity;
}
`;

/** See the file comment. */
export class Particles {
  readonly count: number;
  /** Where they are on the device. */
  readonly handle: GpuHandle;
  /** The masses at each step that was made, as the shader got them. */
  readonly history: number[] = [];
  readonly #gpu: GpuAllocator<GPUBuffer>;
  readonly #device: GPUDevice;
  #flyby = new Flyby();
  #pipeline!: GPUComputePipeline;
  #group: { readonly ring: GPUBuffer; readonly group: GPUBindGroup } | undefined;

  constructor(gpu: GpuAllocator<GPUBuffer>, device: GPUDevice, count: number) {
    this.count = count;
    this.#gpu = gpu;
    this.#device = device;
    this.handle = gpu.alloc(count * Particle.size, { name: "particles" });
  }

  /** Puts the particles where they start: in memory of a frame, and from there to the device. */
  start(): void {
    this.#flyby = new Flyby();
    this.history.length = 0;
    const { cpu } = this.#gpu;
    cpu.runFrame(() => {
      const batch = cpu.frameAllocBatch(Particle, this.count);
      setUp(batch, this.#flyby);
      this.#gpu.write(this.handle, batch.view(Float32Array));
    });
    this.#gpu.flush();
  }

  /** Makes the pipeline. */
  async compile(): Promise<void> {
    const device = this.#device;
    const entries: GPUBindGroupLayoutEntry[] = [
      { binding: 0, visibility: 4, buffer: { type: "storage" } },
      { binding: 1, visibility: 4, buffer: { type: "uniform", hasDynamicOffset: true, minBindingSize: Step.size } },
    ];
    this.#pipeline = await device.createComputePipelineAsync({
      layout: device.createPipelineLayout({ bindGroupLayouts: [device.createBindGroupLayout({ entries })] }),
      compute: { module: device.createShaderModule({ code: SHADER }), entryPoint: "main" },
    });
  }

  /** Encodes some steps of the frame that is open. Each has its own uniforms, and all of them are uploaded by one write. */
  encode(encoder: GPUCommandEncoder, steps: number): void {
    const { ring } = this.#gpu;
    const pass = encoder.beginComputePass();
    pass.setPipeline(this.#pipeline);
    for (let i = 0; i < steps; i++) {
      const [first, second] = this.#flyby.places;
      const step = ring.box(Step, { first, second, dt: DT, count: this.count });
      pass.setBindGroup(0, this.#groupFor(ring.buffer(step)), [ring.offset(step)]);
      pass.dispatchWorkgroups(Math.ceil(this.count / GROUP));
      this.history.push(...first, ...second);
      this.#flyby.step();
    }
    pass.end();
  }

  /** One bind group serves all steps of all frames, as long as the ring has the same buffer. */
  #groupFor(ring: GPUBuffer): GPUBindGroup {
    if (this.#group?.ring === ring) return this.#group.group;
    const group = this.#device.createBindGroup({
      layout: this.#pipeline.getBindGroupLayout(0),
      entries: [
        { binding: 0, resource: this.#gpu.binding(this.handle) },
        { binding: 1, resource: { buffer: ring, offset: 0, size: Step.size } },
      ],
    });
    this.#group = { ring, group };
    return group;
  }
}
