/**
 * The buffers for one way of using memory. Most are shared, and each doubles the size of the one before; what would take more than half
 * of one gets a buffer of its own. One that is empty is kept for a while, so that a program at the edge does not make and destroy one
 * each frame.
 */

import type { ChildBudget } from "../../src/observe/budgets.ts";
import type { GpuBackend } from "../backend/backend.ts";
import { USAGE } from "../backend/backend.ts";
import type { GpuHeapName } from "../intent.ts";
import type { Entry } from "./entry.ts";
import { GpuBlock } from "./gpu_block.ts";

/** Frames that an empty buffer is kept, and those beside it. */
const QUIET_FRAMES = 120;
const EXTRA_FRAMES = 2;

/** What the buffers of each heap can be used for. */
const USAGES: Readonly<Record<GpuHeapName, number>> = {
  uniform: USAGE.UNIFORM | USAGE.STORAGE | USAGE.COPY_DST | USAGE.COPY_SRC,
  vertex: USAGE.VERTEX | USAGE.INDEX | USAGE.INDIRECT | USAGE.STORAGE | USAGE.COPY_DST | USAGE.COPY_SRC,
  storage: USAGE.STORAGE | USAGE.VERTEX | USAGE.INDEX | USAGE.INDIRECT | USAGE.COPY_DST | USAGE.COPY_SRC |
    USAGE.QUERY_RESOLVE,
  readback: USAGE.MAP_READ | USAGE.COPY_DST,
};

/** Vertices and the like are no bindings: they are packed in steps of this many bytes. */
export const DATA_UNIT = 16;

/** The parts of the configuration that heaps need. */
export interface GpuHeapOptions {
  /** The size of the first shared buffer, and the largest one. */
  readonly blockSize: number;
  readonly maxBlockSize: number;
  readonly budget: ChildBudget;
  /** Told of each new buffer, of which it is not known yet whether there was memory for it. */
  readonly onCreate: (block: GpuBlock) => void;
}

/** See the file comment. */
export class GpuHeap {
  readonly name: GpuHeapName;
  readonly usage: number;
  /** Every offset and size in it is a multiple of this many bytes. */
  readonly unit: number;
  readonly blocks: GpuBlock[] = [];
  /** The bytes of all buffers, and those in use. */
  reserved = 0;
  used = 0;
  peak = 0;
  /** The allocations. */
  count = 0;
  /** The frame that the program is in. */
  frame = 0;
  readonly #backend: GpuBackend;
  readonly #options: GpuHeapOptions;
  readonly #first: number;
  readonly #largest: number;
  #next: number;
  #empty = 0;
  #made = 0;

  constructor(name: GpuHeapName, backend: GpuBackend, options: GpuHeapOptions) {
    const { uniformAlign, storageAlign, maxBufferSize } = backend.limits;
    this.name = name;
    this.usage = USAGES[name];
    this.unit = name === "uniform"
      ? Math.max(uniformAlign, storageAlign)
      : name === "storage"
      ? storageAlign
      : DATA_UNIT;
    this.#backend = backend;
    this.#options = options;
    this.#largest = Math.floor(Math.min(options.maxBlockSize, maxBufferSize) / this.unit) * this.unit;
    this.#first = this.#next = Math.min(this.heldFor(options.blockSize), this.#largest);
  }

  get budget(): ChildBudget {
    return this.#options.budget;
  }

  /** The bytes that an allocation takes. */
  heldFor(bytes: number): number {
    return Math.ceil(bytes / this.unit) * this.unit;
  }

  /** Puts an allocation where there is room, or into a new buffer; `false` if the budget refuses that. */
  put(entry: Entry): boolean {
    const streams = entry.lifetime === "Streaming";
    if (entry.isIsolated) return this.#putAlone(entry, streams);
    if (this.#isLarge(entry.held)) return this.#putInReserved(entry, streams) || this.#putAlone(entry, streams);
    if (this.place(entry, streams)) return true;
    // The callbacks of budgets may have freed some, or have made a buffer themselves.
    this.grow(entry.held, streams);
    return this.place(entry, streams);
  }

  /** Puts an allocation into a shared buffer that is there. */
  place(entry: Entry, streams: boolean): boolean {
    const { blocks } = this;
    const units = entry.held / this.unit;
    for (let i = 0; i < blocks.length; i++) {
      const block = blocks[i]!;
      const { nodes } = block;
      if (nodes === null || nodes.free < units || block.isClosed || block.isStreaming !== streams) continue;
      if (this.#putIn(block, entry)) return true;
    }
    return false;
  }

  /** Puts an allocation into a shared buffer, if there is room. */
  #putIn(block: GpuBlock, entry: Entry): boolean {
    const node = block.nodes!.alloc(entry.held / this.unit, entry.align > this.unit ? entry.align / this.unit : 1);
    if (node < 0) return false;
    this.settle(entry, block, node);
    return true;
  }

  /** Puts an allocation into a buffer of its own. */
  #putAlone(entry: Entry, streams: boolean): boolean {
    const block = this.#create(entry.held, true, streams);
    if (block === null) return false;
    this.settle(entry, block, -1);
    return true;
  }

  /** Puts an allocation that would get a buffer of its own into one that was made for what comes. */
  #putInReserved(entry: Entry, streams: boolean): boolean {
    for (const block of this.blocks) {
      const isReserved = block.nodes !== null && block.quietSince === Infinity && !block.isClosed;
      if (isReserved && block.isStreaming === streams && this.#putIn(block, entry)) return true;
    }
    return false;
  }

  /** Makes a shared buffer with room for so many bytes; `null` if the budget refuses even one that holds nothing else. */
  grow(bytes: number, streams: boolean): GpuBlock | null {
    let size = Math.max(this.#next, this.heldFor(bytes));
    for (;;) {
      const block = this.#create(size, false, streams);
      if (block !== null) {
        if (size === this.#next) this.#next = Math.min(2 * size, this.#largest);
        return block;
      }
      if (size <= bytes) return null;
      size = this.heldFor(Math.max(bytes, size / 2));
    }
  }

  /** Takes note that an allocation is in a block now. */
  settle(entry: Entry, block: GpuBlock, node: number): void {
    entry.block = block;
    entry.node = node;
    if (block.nodes === null) {
      block.owner = entry.slot;
      entry.offset = 0;
    } else {
      block.nodes.owners[node] = entry.slot;
      entry.offset = block.nodes.offsetOf(node) * this.unit;
      if (block.count === 0) this.#empty--;
    }
    block.count++;
    block.used += entry.held;
    if (entry.pins > 0) block.pins++;
    this.count++;
    this.used += entry.held;
    if (this.used > this.peak) this.peak = this.used;
  }

  /** Takes an allocation out of its block; one that is empty then may be destroyed. */
  remove(entry: Entry): void {
    const block = entry.block!;
    this.unsettle(entry);
    if (block.count > 0) return;
    block.quietSince = this.frame;
    // In a program with frames, what the end of one frees is what the next one needs.
    if (block.nodes === null || block.isClosed || (this.#empty > 1 && this.frame === 0)) this.destroy(block);
  }

  /** Takes an allocation out of its block, which stays. */
  unsettle(entry: Entry): void {
    const block = entry.block!;
    if (block.nodes === null) block.owner = -1;
    else block.nodes.release(entry.node);
    block.count--;
    if (block.nodes !== null && block.count === 0) this.#empty++;
    block.used -= entry.held;
    if (entry.pins > 0) block.pins--;
    this.count--;
    this.used -= entry.held;
    entry.block = null;
    entry.node = -1;
  }

  /** Destroys a block, in which nothing is any more. */
  destroy(block: GpuBlock): void {
    if (!block.isThere) return;
    block.isThere = false;
    if (block.nodes !== null && block.count === 0) this.#empty--;
    this.blocks.splice(this.blocks.indexOf(block), 1);
    this.#backend.destroy(block.buffer);
    this.reserved -= block.bytes;
    this.#options.budget.uncharge(block.bytes);
  }

  /** The device had no memory for a buffer of this size: the next one is smaller. */
  shrink(bytes: number): void {
    const least = this.heldFor(64 * 1024);
    this.#next = Math.min(this.#next, Math.max(least, this.heldFor(bytes / 2)));
  }

  /**
   * Destroys what is empty: `"old"`: what has been so for long; `"idle"`: all but what was reserved for what comes; `"all"`. Returns the
   * bytes given back.
   */
  trim(what: "old" | "idle" | "all"): number {
    if (this.#empty === 0) return 0;
    const before = this.reserved;
    for (let i = this.blocks.length - 1; i >= 0; i--) {
      const block = this.blocks[i]!;
      if (block.count > 0) continue;
      const kept = this.#empty > 1 ? EXTRA_FRAMES : QUIET_FRAMES;
      const isDue = what === "old" ? this.frame - block.quietSince >= kept : block.quietSince < Infinity;
      if (isDue || what === "all") this.destroy(block);
    }
    this.#next = Math.min(this.#next, Math.max(this.#first, this.reserved));
    return before - this.reserved;
  }

  /** The bytes of buffers in which nothing is, and that were not reserved. */
  get idle(): number {
    let bytes = 0;
    if (this.#empty > 0) {
      for (const { count, quietSince, bytes: size } of this.blocks) {
        if (count === 0 && quietSince < Infinity) bytes += size;
      }
    }
    return bytes;
  }

  /** Whether an allocation has a buffer of its own. */
  #isLarge(bytes: number): boolean {
    return this.name === "readback" || 2 * bytes > Math.max(this.#next, this.#first);
  }

  #create(bytes: number, isDedicated: boolean, streams: boolean): GpuBlock | null {
    if (bytes > this.#backend.limits.maxBufferSize) return null;
    if (!this.#options.budget.tryCharge(bytes)) return null;
    const label = `${this.name}#${++this.#made}`;
    let buffer: number;
    try {
      buffer = this.#backend.create(bytes, this.usage, label);
    } catch (error) {
      this.#options.budget.uncharge(bytes);
      throw error;
    }
    const block = new GpuBlock(this, buffer, bytes, label, isDedicated, streams);
    block.quietSince = this.frame;
    this.blocks.push(block);
    if (!isDedicated) this.#empty++;
    this.reserved += bytes;
    this.#options.onCreate(block);
    return block;
  }
}
