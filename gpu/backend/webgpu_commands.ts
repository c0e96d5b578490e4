/**
 * Keeps the order of what is asked of a WebGPU device. Writes go to the queue at once, copies wait in an encoder: a write must not
 * overtake a copy, and a copy with a buffer that turns out to be none must not take others down with it.
 */

import type { GpuBufferId } from "./backend.ts";
import { ScatterPipeline } from "./scatter_pipeline.ts";
import type { WebGpuBuffers } from "./webgpu_buffers.ts";

/** Of the commands that wait, every buffer is good. */
const NOBODY = -1;

/** The one command that waits has two buffers not known to be good: no other one may join it. */
const SEVERAL = -2;

const END = { done: true, value: undefined } as const;
const NO_STEPS = { next: () => END };

/** No command buffers: runtimes make objects to go through an array, and this is submitted in every frame. */
const NOTHING = { [Symbol.iterator]: () => NO_STEPS } as unknown as GPUCommandBuffer[];

/** What waits for one device. */
export class WebGpuCommands {
  readonly #device: GPUDevice;
  readonly #queue: GPUQueue;
  readonly #buffers: WebGpuBuffers;
  #encoder: GPUCommandEncoder | undefined;
  /** Whether nothing was submitted since the last write. */
  #hasWrites = false;
  /** The one buffer, known not yet to be good, that every command in the encoder uses. */
  #doubtful: GpuBufferId = NOBODY;
  #scatter: ScatterPipeline | undefined;

  constructor(device: GPUDevice, buffers: WebGpuBuffers) {
    this.#device = device;
    this.#queue = device.queue;
    this.#buffers = buffers;
  }

  /** Writes bytes. */
  write(buffer: GpuBufferId, at: number, source: Uint8Array, from: number, bytes: number): void {
    if (this.#encoder !== undefined) this.flush();
    this.#hasWrites = true;
    // Shared memory is as good, whatever the types say.
    this.#queue.writeBuffer(this.#buffers.raw(buffer), at, source as Uint8Array<ArrayBuffer>, from, bytes);
  }

  /** Copies between two buffers. */
  copy(source: GpuBufferId, from: number, target: GpuBufferId, at: number, bytes: number): void {
    const encoder = this.#encoderFor(source, target);
    encoder.copyBufferToBuffer(this.#buffers.raw(source), from, this.#buffers.raw(target), at, bytes);
  }

  /** Fills with zeros. */
  clear(buffer: GpuBufferId, at: number, bytes: number): void {
    this.#encoderFor(buffer, buffer).clearBuffer(this.#buffers.raw(buffer), at, bytes);
  }

  /** Scatters records over an array. */
  scatter(buffer: GpuBufferId, at: number, bytes: number, packed: Uint8Array, count: number, stride: number): void {
    const pipeline = this.#scatter ??= new ScatterPipeline(this.#device);
    const target = { buffer: this.#buffers.raw(buffer), offset: at, size: bytes };
    const most = pipeline.most(stride);
    for (let first = 0; first < count; first += most) {
      const some = Math.min(most, count - first);
      if (!pipeline.hasRoom(some, stride)) this.flush();
      pipeline.encode(this.#encoderFor(buffer, buffer), target, packed, count, first, some, stride);
    }
  }

  /** Hands everything to the device, if there is anything: a submission waits where the device is busy. */
  submit(): void {
    if (this.#encoder !== undefined || this.#hasWrites) this.submitAll();
  }

  /** Hands over what the program has written itself, too: a mapping does not see writes that were not submitted. */
  submitAll(): void {
    this.#hasWrites = false;
    if (this.#encoder === undefined) this.#queue.submit(NOTHING);
    else this.flush();
  }

  /** Hands over the copies that wait, if any, and all writes before them. */
  flush(): void {
    const encoder = this.#encoder;
    if (encoder === undefined) return;
    this.#encoder = undefined;
    this.#hasWrites = false;
    this.#queue.submit([encoder.finish()]);
    this.#scatter?.submitted();
  }

  /** Drops what waits, and destroys what it has made. */
  destroy(): void {
    this.#encoder = undefined;
    this.#scatter?.destroy();
  }

  /** The encoder for a command with two buffers. */
  #encoderFor(a: GpuBufferId, b: GpuBufferId): GPUCommandEncoder {
    const isGoodA = this.#buffers.isGood(a);
    const isGoodB = this.#buffers.isGood(b);
    const doubtful = isGoodA ? (isGoodB ? NOBODY : b) : isGoodB || a === b ? a : SEVERAL;
    if (doubtful !== this.#doubtful || doubtful === SEVERAL) this.flush();
    this.#doubtful = doubtful;
    return this.#encoder ??= this.#device.createCommandEncoder({ label: "framealloc" });
  }
}
