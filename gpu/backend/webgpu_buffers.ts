/**
 * The buffers of a WebGPU device by number, and what came of them. Devices tell that some turns later.
 */

import { GpuError } from "../gpu_error.ts";
import type { GpuBufferId, GpuVerdict } from "./backend.ts";
import type { BufferTable } from "./buffer_table.ts";

const UNKNOWN = 0;
const GOOD = 1;
const BAD = 2;

/** Buffers by number. */
export class WebGpuBuffers {
  readonly #table: BufferTable;
  readonly #buffers: (GPUBuffer | undefined)[] = [];
  readonly #verdicts: (Promise<GpuVerdict> | undefined)[] = [];
  readonly #known: number[] = [];

  constructor(table: BufferTable) {
    this.#table = table;
  }

  /** Makes a buffer whose number is in the table. It is not mapped: running out of memory would lose the device then. */
  make(device: GPUDevice, id: GpuBufferId): void {
    device.pushErrorScope("validation");
    device.pushErrorScope("out-of-memory");
    try {
      this.#buffers[id] = device.createBuffer({
        label: this.#table.label(id),
        size: this.#table.size(id),
        usage: this.#table.usage(id),
      });
    } catch (cause) {
      const what = this.#table.named(id);
      this.#table.destroy(id);
      throw new GpuError("FA856", `Cannot create ${what} as the device refused: ask for less`, { cause });
    } finally {
      this.#judge(id, device.popErrorScope(), device.popErrorScope());
    }
  }

  #judge(id: GpuBufferId, memory: Promise<GPUError | null>, validity: Promise<GPUError | null>): void {
    const verdict = Promise.all([memory, validity]).then(
      ([memory, validity]): GpuVerdict => memory !== null ? "out of memory" : validity !== null ? "invalid" : "ok",
      (): GpuVerdict => "ok",
    );
    this.#known[id] = UNKNOWN;
    this.#verdicts[id] = verdict;
    verdict.then((told) => {
      if (this.#verdicts[id] === verdict) this.#known[id] = told === "ok" ? GOOD : BAD;
    });
  }

  /** Waits until it is known what came of a buffer. */
  async verify(id: GpuBufferId): Promise<GpuVerdict> {
    const verdict = this.#verdicts[id];
    const told = await verdict;
    return told === undefined || this.#verdicts[id] !== verdict ? "ok" : told;
  }

  /** Whether a buffer is known to be good. */
  isGood(id: GpuBufferId): boolean {
    return this.#known[id] === GOOD;
  }

  /** Whether a buffer is known to be none. */
  isBad(id: GpuBufferId): boolean {
    return this.#known[id] === BAD;
  }

  /** The buffer of a number that lives. */
  raw(id: GpuBufferId): GPUBuffer {
    return this.#buffers[id]!;
  }

  /** Ends a mapping. */
  unmap(id: GpuBufferId): void {
    try {
      this.#buffers[id]?.unmap();
    } catch {
      // The device was lost and has not told it yet: nothing is mapped any longer.
    }
  }

  /** Destroys a buffer. */
  destroy(id: GpuBufferId): void {
    this.#buffers[id]?.destroy();
    this.#forget(id);
  }

  /** Destroys all of them. */
  destroyAll(): void {
    for (let id = 0; id < this.#buffers.length; id++) this.destroy(id);
  }

  /** Drops all of them: their device is gone. */
  forgetAll(): void {
    for (let id = 0; id < this.#buffers.length; id++) this.#forget(id);
  }

  #forget(id: GpuBufferId): void {
    this.#buffers[id] = undefined;
    this.#verdicts[id] = undefined;
    this.#known[id] = UNKNOWN;
  }
}
