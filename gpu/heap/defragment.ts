/**
 * Empties shared buffers that are less than half full into others. No device copies within a buffer, so allocations do not slide together:
 * a buffer is evacuated as a whole, neighbours in one copy, and given back.
 */

import type { GpuBackend } from "../backend/backend.ts";
import type { Entry } from "./entry.ts";
import type { GpuBlock } from "./gpu_block.ts";
import type { GpuHeap } from "./gpu_heap.ts";
import type { GpuMemory } from "./gpu_memory.ts";

/** Options of {@linkcode GpuAllocator.defragment}. */
export interface GpuDefragmentOptions {
  /** The most bytes to copy. @default {Infinity} */
  readonly maxBytes?: number;
  /** The most allocations to move. @default {Infinity} */
  readonly maxMoves?: number;
}

/** What {@linkcode GpuAllocator.defragment} came to. */
export interface GpuDefragmentation {
  /** The allocations that were moved. */
  readonly moved: number;
  /** The bytes that were copied. */
  readonly bytes: number;
  /** In how many copies. */
  readonly copies: number;
  /** The buffers that were given back. */
  readonly buffers: number;
}

/** A buffer that is fuller than this stays as it is. */
const WORTHWHILE = 0.5;

/** See the file comment. */
export class Defragmenter {
  /** The allocations that were ever moved. */
  moves = 0;
  /** The most neighbours that go in one copy. */
  mostInRun = Infinity;
  readonly #memory: GpuMemory;
  readonly #backend: GpuBackend;
  #bytes = 0;
  #copies = 0;

  constructor(memory: GpuMemory, backend: GpuBackend) {
    this.#memory = memory;
    this.#backend = backend;
  }

  step({ maxBytes = Infinity, maxMoves = Infinity }: GpuDefragmentOptions): GpuDefragmentation {
    this.#bytes = 0;
    this.#copies = 0;
    const moved: Entry[] = [];
    const emptied: GpuBlock[] = [];
    let failure: { readonly error: unknown } | undefined;
    const { uniform, vertex, storage } = this.#memory.heaps;
    for (const heap of [uniform, vertex, storage]) {
      const candidates = heap.blocks.filter((block) => canLeave(block)).sort((a, b) => a.used - b.used);
      for (const block of candidates) {
        if (this.#bytes >= maxBytes || moved.length >= maxMoves) break;
        block.isClosed = true;
        try {
          this.#evacuate(heap, block, maxBytes, maxMoves, moved);
        } catch (error) {
          // The device is gone; what has moved until now is told all the same.
          failure = { error };
          maxMoves = 0;
        } finally {
          block.isClosed = false;
        }
        if (block.count === 0) emptied.push(block);
      }
    }
    this.#backend.submit();
    for (const block of emptied) this.#memory.heaps[block.heap].destroy(block);
    this.moves += moved.length;
    const result = { moved: moved.length, bytes: this.#bytes, copies: this.#copies, buffers: emptied.length };
    // One may have gone through two buffers.
    const told = [...new Set(moved)].filter(({ onMove }) => onMove !== undefined).map(({ handle, onMove }) => ({
      handle,
      onMove,
    }));
    for (const { handle, onMove } of told) {
      // One of them may free another, or throw, of which the others should not suffer.
      if (this.#memory.slots.find(handle) < 0) continue;
      try {
        onMove!(handle);
      } catch (error) {
        failure ??= { error };
      }
    }
    if (failure !== undefined) throw failure.error;
    return result;
  }

  #evacuate(heap: GpuHeap, block: GpuBlock, maxBytes: number, maxMoves: number, moved: Entry[]): void {
    const inside = this.#memory.inside(block);
    let first = 0;
    while (first < inside.length) {
      let end = first + 1;
      let bytes = inside[first]!.held;
      if (this.#bytes + bytes > maxBytes || moved.length >= maxMoves) return;
      while (
        end < inside.length && end - first < this.mostInRun && isNext(inside[end - 1]!, inside[end]!, heap) &&
        this.#bytes + bytes + inside[end]!.held <= maxBytes && moved.length + end - first < maxMoves
      ) bytes += inside[end++]!.held;
      // What does not fit anywhere as a whole may in parts.
      while (!this.#move(heap, block, inside, first, end, bytes, moved)) {
        if (end - first === 1) return;
        const half = first + ((end - first) >> 1);
        while (end > half) bytes -= inside[--end]!.held;
      }
      first = end;
    }
  }

  /** Moves neighbours together; `false` if there is no room for them. */
  #move(
    heap: GpuHeap,
    block: GpuBlock,
    inside: readonly Entry[],
    first: number,
    end: number,
    bytes: number,
    moved: Entry[],
  ): boolean {
    const align = Math.max(1, inside[first]!.align / heap.unit);
    let target: GpuBlock | undefined;
    let node = -1;
    for (const other of heap.blocks) {
      if (other === block || other.nodes === null || other.isClosed || other.isStreaming !== block.isStreaming) {
        continue;
      }
      // To a fuller one, or one that stays, or two would take turns; and not from memory that is there to what may turn out not to be.
      if (other.used < block.used && other.pins === 0) continue;
      if (other.nodes.free * heap.unit < bytes) continue;
      if (block.isVerified && !other.isVerified) continue;
      node = other.nodes.alloc(bytes / heap.unit, align);
      if (node < 0) continue;
      target = other;
      break;
    }
    if (target === undefined) return false;
    const nodes = target.nodes!;
    const from = inside[first]!.offset;
    try {
      this.#backend.copy(block.buffer, from, target.buffer, nodes.offsetOf(node) * heap.unit, bytes);
    } catch (error) {
      nodes.release(node);
      throw error;
    }
    for (let i = first; i < end; i++) {
      const entry = inside[i]!;
      const rest = i + 1 < end ? nodes.split(node, entry.held / heap.unit) : -1;
      heap.unsettle(entry);
      heap.settle(entry, target, node);
      entry.version++;
      moved.push(entry);
      node = rest;
    }
    this.#bytes += bytes;
    this.#copies++;
    return true;
  }
}

/** Whether a block is shared, half empty, and nothing in it is pinned. */
function canLeave(block: GpuBlock): boolean {
  return block.nodes !== null && !block.isClosed && block.pins === 0 && block.count > 0 &&
    block.used < block.bytes * WORTHWHILE;
}

/** Whether two are neighbours that can stay so: one that has an alignment of its own starts a run. */
function isNext(before: Entry, after: Entry, heap: GpuHeap): boolean {
  return before.offset + before.held === after.offset && after.align <= heap.unit;
}
