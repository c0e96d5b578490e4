/**
 * Finds the place of an allocation: in a heap of the device, in the frame ring, or on the CPU alone; and the copy on the CPU that goes with
 * it. Nothing is charged or taken if anything refuses.
 */

import { FrameStateError } from "../../src/errors.ts";
import type { Frames } from "../../src/frame/frames.ts";
import { type Heap, type HeapEntry, LEASED } from "../../src/pool/heap.ts";
import { GPU } from "../../src/observe/tag.ts";
import type { GpuBackend } from "../backend/backend.ts";
import { GpuError } from "../gpu_error.ts";
import { framesOf } from "../intent.ts";
import type { FrameRing } from "../ring/frame_ring.ts";
import type { TwinChunk } from "../ring/twin_chunk.ts";
import { DirtyRanges, MAX_RANGES } from "../transfer/dirty_ranges.ts";
import type { Entry } from "./entry.ts";
import type { GpuMemory } from "./gpu_memory.ts";

/** What is behind an allocator, as far as this needs it. */
export interface PlacementParts {
  readonly backend: GpuBackend;
  readonly frames: Frames;
  /** The heap of the CPU, for copies. */
  readonly cpu: Heap;
  readonly memory: GpuMemory;
  readonly ring: FrameRing;
}

/** See the file comment. */
export class Placement {
  readonly #parts: PlacementParts;
  #refusal: ((action: string) => Error) | undefined;

  constructor(parts: PlacementParts) {
    this.#parts = parts;
  }

  /** Puts an entry in its place; `false` if a budget refuses: {@linkcode Placement.refusal} tells which. */
  put(entry: Entry, bytes: number, frame: number): boolean {
    const { frames, ring } = this.#parts;
    const { ledger } = frames;
    const lasts = framesOf(entry.lifetime);
    if (lasts > 0 && !ring.inFrame) {
      throw new FrameStateError(
        "FA001",
        `Cannot allocate for ${
          lasts === 1 ? "a frame" : `${lasts} frames`
        } on the GPU as no frame is open: call beginFrame first`,
      );
    }
    entry.bytes = bytes;
    entry.held = 0;
    entry.born = ledger.frame;
    entry.until = lasts === 0 ? 0 : frame + lasts - 1;
    entry.used = frame;
    if (entry.place === "ring") return this.#putInRing(entry);
    const heap = this.#parts.memory.heaps[entry.heap];
    const isOnDevice = entry.place !== "staging";
    const held = isOnDevice ? heap.heldFor(bytes) : 0;
    if (held > this.#parts.backend.limits.maxBufferSize) throw this.#tooLarge(bytes);
    if (!ledger.mayHave(held)) return this.#refused((action) => ledger.refusal(action));
    if (entry.isCopied && !this.#copyOnCpu(entry)) return false;
    entry.held = held;
    if (isOnDevice && !this.#parts.memory.put(entry, heap)) {
      this.#dropCopy(entry);
      return this.#refused((action) => ledger.refusal(action));
    }
    // Callbacks of budgets have run: they may have used what was free before.
    if (held > 0 && ledger.mustAsk(held) && !ledger.mayHave(held)) {
      this.#parts.memory.take(entry);
      this.#dropCopy(entry);
      return this.#refused((action) => ledger.refusal(action));
    }
    entry.tag = ledger.current;
    if (held > 0) entry.tag.hold(GPU, held);
    return true;
  }

  /** Gives back what an entry has beside its place in a heap. */
  remove(entry: Entry): void {
    this.#dropCopy(entry);
  }

  /** The error of the last refusal. */
  refusal(action: string): Error {
    return this.#refusal!(action);
  }

  #putInRing(entry: Entry): boolean {
    const { ring, frames } = this.#parts;
    const place = ring.place(entry.bytes, Math.max(entry.align, ring.align), "bytes");
    const chunk: TwinChunk = ring.chunkOf(place);
    entry.chunk = chunk;
    entry.offset = ring.foundAt;
    entry.bytesOnCpu = new Uint8Array(chunk.buffer as ArrayBuffer, entry.offset, entry.bytes);
    entry.tag = frames.ledger.current;
    return true;
  }

  #copyOnCpu(entry: Entry): boolean {
    const { cpu } = this.#parts;
    const bytes = Math.ceil(entry.bytes / 4) * 4;
    const what = entry.name === "" ? "the copy of a GPU allocation" : `the copy of GPU allocation "${entry.name}"`;
    const copy: HeapEntry | undefined = cpu.take(bytes, true, GPU, what, entry.name, LEASED);
    if (copy === undefined) return this.#refused((action) => cpu.refusal(action, bytes));
    entry.shadow = copy;
    const { buffer, byteOffset } = copy.view;
    entry.words = new Uint8Array(buffer as ArrayBuffer, byteOffset, bytes);
    entry.bytesOnCpu = bytes === entry.bytes
      ? entry.words
      : new Uint8Array(buffer as ArrayBuffer, byteOffset, entry.bytes);
    // Between two written parts the CPU's bytes may be uploaded as well, unless the GPU writes there.
    if (entry.place === "heap") entry.dirty ??= new DirtyRanges(entry.use === "storage" ? Infinity : MAX_RANGES);
    return true;
  }

  #dropCopy(entry: Entry): void {
    if (entry.shadow !== null) this.#parts.cpu.give(entry.shadow);
    entry.shadow = null;
    entry.bytesOnCpu = null;
    entry.words = null;
    entry.dirty = null;
  }

  #refused(refusal: (action: string) => Error): false {
    this.#refusal = refusal;
    return false;
  }

  #tooLarge(bytes: number): GpuError {
    return new GpuError(
      "FA852",
      `Cannot allocate ${bytes} bytes on the GPU as a buffer has at most ${this.#parts.backend.limits.maxBufferSize}: split it, or request a device with a larger maxBufferSize`,
    );
  }
}
