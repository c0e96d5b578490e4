/**
 * Scatters records over an array with a compute shader: one write and one dispatch instead of thousands of writes. The records wait in
 * a buffer of its own, at places that no other scatter of the same submission uses.
 */

import { USAGE } from "./backend.ts";

const SHADER = `
@group(0) @binding(0) var<storage, read_write> words: array<u32>;
@group(0) @binding(1) var<storage, read> places: array<u32>;
@group(0) @binding(2) var<storage, read> records: array<u32>;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let width = arrayLength(&records) / arrayLength(&places);
  let parts = (width + 15u) / 16u;
  let i = (group.y * groups.x + group.x) * 64u + lane;
  let record = i / parts;
  if (record >= arrayLength(&places)) { return; }
  let start = (i % parts) * 16u;
  let end = min(start + 16u, width);
  let place = places[record] * width;
  for (var k = start; k < end; k++) { words[place + k] = records[record * width + k]; }
}
`;

/** Bytes of a record that one invocation of the shader copies at most, and how many of them there are in a group. */
const PART_BYTES = 64;
const GROUP_PARTS = 64;

/** Groups in one direction: what every device can do. */
const MOST_GROUPS = 65_535;

/** The staging buffer, at first and at most. A record that is larger gets a buffer for itself. */
const LEAST_STAGED = 64 * 1024;
const MOST_STAGED = 16 * 1024 ** 2;

/** `GPUShaderStage.COMPUTE`. */
const COMPUTE = 0x4;

/** The scatter of one device. */
export class ScatterPipeline {
  readonly #device: GPUDevice;
  readonly #align: number;
  readonly #layout: GPUBindGroupLayout;
  readonly #pipeline: GPUComputePipeline;
  #staging: GPUBuffer | undefined;
  #size = 0;
  #used = 0;
  #wanted = LEAST_STAGED;

  constructor(device: GPUDevice) {
    this.#device = device;
    this.#align = device.limits.minStorageBufferOffsetAlignment;
    this.#layout = device.createBindGroupLayout({
      label: "framealloc scatter",
      entries: [
        { binding: 0, visibility: COMPUTE, buffer: { type: "storage" } },
        { binding: 1, visibility: COMPUTE, buffer: { type: "read-only-storage" } },
        { binding: 2, visibility: COMPUTE, buffer: { type: "read-only-storage" } },
      ],
    });
    this.#pipeline = device.createComputePipeline({
      label: "framealloc scatter",
      layout: device.createPipelineLayout({ label: "framealloc scatter", bindGroupLayouts: [this.#layout] }),
      compute: {
        module: device.createShaderModule({ label: "framealloc scatter", code: SHADER }),
        entryPoint: "main",
      },
    });
  }

  /** How many records go into one pass. */
  most(stride: number): number {
    return Math.max(1, Math.floor((MOST_STAGED - 2 * this.#align) / (4 + stride)));
  }

  /** Whether there is room for a pass before the next submission. If not, there will be more after that. */
  hasRoom(count: number, stride: number): boolean {
    const needed = this.#needed(count, stride);
    if (this.#used + needed <= this.#size || this.#used === 0) return true;
    this.#wanted = Math.min(this.#size * 2, MOST_STAGED);
    return false;
  }

  /**
   * Encodes a pass.
   *
   * @param encoder Where to.
   * @param target The array.
   * @param packed The places and records of all passes.
   * @param all How many of them there are.
   * @param first The first one of this pass.
   * @param count How many are in this pass.
   * @param stride The bytes of each.
   */
  encode(
    encoder: GPUCommandEncoder,
    target: GPUBufferBinding,
    packed: Uint8Array,
    all: number,
    first: number,
    count: number,
    stride: number,
  ): void {
    const buffer = this.#reserve(this.#needed(count, stride));
    const places = this.#used;
    const records = places + this.#aligned(count * 4);
    this.#used = records + this.#aligned(count * stride);
    const source = packed as Uint8Array<ArrayBuffer>;
    this.#device.queue.writeBuffer(buffer, places, source, first * 4, count * 4);
    this.#device.queue.writeBuffer(buffer, records, source, all * 4 + first * stride, count * stride);
    const group = this.#device.createBindGroup({
      label: "framealloc scatter",
      layout: this.#layout,
      entries: [
        { binding: 0, resource: target },
        { binding: 1, resource: { buffer, offset: places, size: count * 4 } },
        { binding: 2, resource: { buffer, offset: records, size: count * stride } },
      ],
    });
    const groups = Math.ceil(count * Math.ceil(stride / PART_BYTES) / GROUP_PARTS);
    const pass = encoder.beginComputePass({ label: "framealloc scatter" });
    pass.setPipeline(this.#pipeline);
    pass.setBindGroup(0, group);
    pass.dispatchWorkgroups(Math.min(groups, MOST_GROUPS), Math.ceil(groups / MOST_GROUPS));
    pass.end();
  }

  /** All passes were submitted: their places can be used again, as writes come after them. */
  submitted(): void {
    this.#used = 0;
    if (this.#size > MOST_STAGED) this.destroy();
  }

  /** Destroys the staging buffer. */
  destroy(): void {
    this.#staging?.destroy();
    this.#staging = undefined;
    this.#size = 0;
  }

  #needed(count: number, stride: number): number {
    return this.#aligned(count * 4) + this.#aligned(count * stride);
  }

  #aligned(bytes: number): number {
    return Math.ceil(bytes / this.#align) * this.#align;
  }

  /** There is room, or nothing waits for a submission. */
  #reserve(needed: number): GPUBuffer {
    const wanted = Math.max(needed, this.#wanted);
    if (this.#staging !== undefined && (this.#used !== 0 || wanted <= this.#size)) return this.#staging;
    this.destroy();
    while (this.#wanted < needed && this.#wanted < MOST_STAGED) this.#wanted *= 2;
    this.#size = Math.max(needed, this.#wanted);
    this.#staging = this.#device.createBuffer({
      label: "framealloc scatter",
      size: this.#size,
      usage: USAGE.STORAGE | USAGE.COPY_DST,
    });
    return this.#staging;
  }
}
