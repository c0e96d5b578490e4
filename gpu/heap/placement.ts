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
import { DATA_UNIT, type GpuHeap } from "./gpu_heap.ts";
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
    entry.offset = 0;
    entry.born = frame;
    entry.until = lasts === 0 ? 0 : frame + lasts - 1;
    entry.used = frame;
    if (entry.place === "ring") return this.#putInRing(entry);
    const heap = this.#parts.memory.heaps[entry.heap];
    const held = entry.place === "staging" ? 0 : heap.heldFor(bytes);
    if (held > this.#parts.backend.limits.maxBufferSize) throw this.#tooLarge(bytes);
    let isThere = false;
    try {
      isThere = this.#putOutside(entry, heap, held);
      // Callbacks of budgets have run: the frame may be over.
      if (isThere && lasts > 0 && !(ring.inFrame && ring.frame === frame)) {
        isThere = false;
        throw ring.closed("allocate for a frame");
      }
    } finally {
      if (!isThere) this.#undo(entry);
    }
    if (!isThere) return false;
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
    const place = ring.tryPlace(entry.bytes, Math.max(entry.align, entry.use === "vertex" ? DATA_UNIT : ring.align));
    if (place < 0) return this.#refused((action) => ring.region.refusal(action));
    const chunk: TwinChunk = ring.chunkOf(place);
    entry.chunk = chunk;
    entry.offset = ring.foundAt;
    entry.bytesOnCpu = new Uint8Array(chunk.buffer as ArrayBuffer, entry.offset, entry.bytes);
    entry.tag = frames.ledger.current;
    return true;
  }

  /** Puts an entry into a heap, or on the CPU alone. If it refuses or throws, the caller undoes what was done. */
  #putOutside(entry: Entry, heap: GpuHeap, held: number): boolean {
    const { ledger } = this.#parts.frames;
    const refusal = (action: string): Error => ledger.refusal(action);
    if (!ledger.mayHave(held)) return this.#refused(refusal);
    if (entry.isCopied && !this.#copyOnCpu(entry)) return false;
    entry.held = held;
    if (held === 0) return true;
    if (!this.#parts.memory.put(entry, heap)) return this.#refused(refusal);
    // Callbacks of budgets have run: they may have used what was free before.
    return !ledger.mustAsk(held) || ledger.mayHave(held) || this.#refused(refusal);
  }

  #undo(entry: Entry): void {
    this.#parts.memory.take(entry);
    this.#dropCopy(entry);
    entry.held = 0;
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
