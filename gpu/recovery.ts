/**
 * Goes on after a device was lost: the same buffers on another device, and their contents brought back, from copies on the CPU or by asking
 * the program for them.
 */

import type { GpuBackend } from "./backend/backend.ts";
import type { GpuHandle } from "./gpu_handle.ts";
import { GpuError } from "./gpu_error.ts";
import type { Entry } from "./heap/entry.ts";
import { type GpuMemory, nameOf } from "./heap/gpu_memory.ts";
import type { FrameRing } from "./ring/frame_ring.ts";
import type { Contents } from "./transfer/contents.ts";
import type { Readbacks } from "./transfer/readbacks.ts";
import type { Uploader } from "./transfer/uploader.ts";

/** What {@linkcode GpuAllocator.recover} came to. */
export interface GpuRecovery {
  /** The allocations whose contents are as they were. */
  readonly restored: number;
  /** The bytes that were uploaded for them. */
  readonly bytes: number;
  /** Those that hold zeros now, as their `onLoss` says. */
  readonly discarded: readonly GpuHandle[];
  /** Those that hold zeros now as their contents could not be had, and why. */
  readonly failed: readonly { readonly handle: GpuHandle; readonly error: unknown }[];
}

/** What is behind an allocator, as far as this needs it. */
export interface RecoveryParts {
  readonly backend: GpuBackend;
  readonly memory: GpuMemory;
  readonly ring: FrameRing;
  readonly readbacks: Readbacks;
  readonly uploader: Uploader;
  readonly contents: Contents;
}

/** How many devices in a row may be lost while their contents are brought back. */
const MOST_DEVICES = 8;

/** See the file comment. */
export class Recovery {
  /** How often there was another device. */
  generation = 0;
  readonly #parts: RecoveryParts;
  #running: Promise<GpuRecovery> | undefined;

  constructor(parts: RecoveryParts) {
    this.#parts = parts;
  }

  get isRunning(): boolean {
    return this.#running !== undefined;
  }

  /** Recovers; those who ask while that goes on get the same answer. */
  run(isOver: () => boolean): Promise<GpuRecovery> {
    return this.#running ??= this.#recover(isOver).finally(() => this.#running = undefined);
  }

  /** Brings the contents of an allocation to where it is now; one for which the program has none is given up. */
  bringBack(entry: Entry): Promise<void> | undefined {
    const { backend, contents, memory } = this.#parts;
    const { handle } = entry;
    if (entry.policy === "restore") {
      // After a loss it is asked again.
      return this.#ask(entry, handle).catch(() => backend.loss === undefined ? memory.lose(entry, handle) : undefined);
    }
    contents.touchAll(entry);
    try {
      // What was asked to be read of it may be sent before the next flush.
      contents.upload(entry);
    } catch {
      // That flush tries again, and tells.
    }
  }

  async #recover(isOver: () => boolean): Promise<GpuRecovery> {
    const { backend, memory, ring, readbacks } = this.#parts;
    for (let device = 0; device < MOST_DEVICES; device++) {
      await backend.reopen();
      if (isOver()) break;
      try {
        for (const heap of Object.values(memory.heaps)) for (const { buffer } of heap.blocks) backend.recreate(buffer);
        ring.recreate(backend);
        memory.watchAll();
        readbacks.reopened();
        this.generation++;
        const recovery = await this.#restoreAll();
        await memory.settled();
        if (isOver()) break;
        if (backend.loss === undefined) return recovery;
      } catch (error) {
        if (backend.loss === undefined) throw error;
      }
    }
    throw new GpuError(
      "FA857",
      isOver()
        ? "Cannot recover as the GPU allocator was disposed of meanwhile: make another one"
        : `Cannot recover as ${MOST_DEVICES} devices in a row were lost meanwhile: wait, or show less`,
    );
  }

  async #restoreAll(): Promise<GpuRecovery> {
    const { memory, contents, uploader } = this.#parts;
    const before = uploader.bytesWritten;
    const entries = memory.entries
      .filter((entry) => entry.block !== null && entry.tag !== null)
      .sort((a, b) =>
        Number(a.lifetime === "Streaming") - Number(b.lifetime === "Streaming") || b.importance - a.importance
      )
      .map((entry) => ({ entry, handle: entry.handle }));
    const discarded: GpuHandle[] = [];
    const failed: { handle: GpuHandle; error: unknown }[] = [];
    let restored = 0;
    for (const { entry } of entries) {
      entry.version++;
      contents.forget(entry);
      // What the CPU has written since the last upload goes with the rest.
      if (entry.policy !== "shadow") entry.dirty?.clear();
    }
    for (const { entry, handle } of entries) {
      if (memory.slots.find(handle) !== entry.slot) continue;
      if (entry.policy === "discard") {
        entry.losses++;
        discarded.push(handle);
        continue;
      }
      try {
        if (entry.policy === "restore") await this.#ask(entry, handle);
        else {
          contents.touchAll(entry);
          contents.upload(entry);
          contents.forget(entry);
        }
        restored++;
      } catch (error) {
        if (this.#parts.backend.loss !== undefined) throw error;
        if (memory.slots.find(handle) === entry.slot) entry.losses++;
        failed.push({ handle, error });
      }
    }
    uploader.submit();
    return { restored, bytes: uploader.bytesWritten - before, discarded, failed };
  }

  /** Asks the program for the contents of an allocation. */
  async #ask(entry: Entry, handle: GpuHandle): Promise<void> {
    const bytes = await entry.restore!();
    const { memory, contents } = this.#parts;
    if (memory.slots.find(handle) !== entry.slot) return;
    if (!(bytes instanceof Uint8Array)) {
      throw new GpuError(
        "FA858",
        `Cannot restore ${nameOf(entry)} as its function gave no Uint8Array: return the bytes`,
      );
    }
    contents.write(entry, bytes, 0);
    contents.upload(entry);
  }
}
