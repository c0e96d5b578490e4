/**
 * The allocations on a device by their numbers, and the heaps that they are in: who goes where, who has to go when there is no room, and
 * what becomes of those for which the device, as it turns out later, had no memory.
 */

import { ArgumentError, PoolError, show } from "../../src/errors.ts";
import { Slots } from "../../src/memory/slots.ts";
import { GPU } from "../../src/observe/tag.ts";
import type { Budget } from "../../src/observe/budget.ts";
import type { Ledger } from "../../src/observe/ledger.ts";
import type { GpuBackend, GpuBufferId } from "../backend/backend.ts";
import { GpuError } from "../gpu_error.ts";
import type { GpuHeapName, GpuUse } from "../intent.ts";
import { Entry } from "./entry.ts";
import type { GpuBlock } from "./gpu_block.ts";
import type { GpuHeap } from "./gpu_heap.ts";

/** How often an allocation is tried again for which the device had no memory. */
const MOST_TRIES = 2;

/** What the memory tells whoever owns it. */
export interface GpuMemoryOwner {
  /** There was no memory for the buffer that an allocation is in, which is about to be destroyed. */
  onRefused(entry: Entry, buffer: GpuBufferId): void;
  /** An allocation has moved to another place, where its contents are not: bring them there, and resolve when they can be no more. */
  onRehomed(entry: Entry): Promise<void> | undefined;
  /** An allocation is about to be freed or evicted. */
  onRemove(entry: Entry): void;
  /** The device had no memory for an allocation, which is of no use any more. */
  onFailed(entry: Entry): void;
}

/** See the file comment. */
export class GpuMemory {
  readonly heaps: Readonly<Record<GpuHeapName, GpuHeap>>;
  readonly entries: Entry[] = [];
  readonly slots: Slots = new Slots();
  /** Evictions and failures since it was made. */
  evictions = 0;
  failures = 0;
  readonly #backend: GpuBackend;
  readonly #ledger: Ledger;
  readonly #owner: GpuMemoryOwner;
  /** The buffers of which it is not known yet whether there was memory for them. */
  readonly #unsettled: Set<Promise<void>> = new Set();
  #streaming = 0;
  /** Those that were evicted, and whose programs are not told yet. */
  readonly #evicted: { readonly handle: number; readonly onEvict: (handle: number) => void }[] = [];
  #isTelling = false;

  constructor(
    backend: GpuBackend,
    ledger: Ledger,
    owner: GpuMemoryOwner,
    heaps: (onCreate: (block: GpuBlock) => void) => Readonly<Record<GpuHeapName, GpuHeap>>,
  ) {
    this.#backend = backend;
    this.#ledger = ledger;
    this.#owner = owner;
    this.heaps = heaps((block) => this.#watch(block));
  }

  /** The allocation of a number. */
  find(handle: number, action: string): Entry {
    const slot = this.slots.find(handle);
    if (slot >= 0) return this.entries[slot]!;
    if (this.slots.isPast(handle)) {
      throw new PoolError(
        "FA401",
        `Cannot ${action} GPU allocation ${handle} as it was freed, or evicted: let go of its number then`,
      );
    }
    throw new PoolError("FA404", `Cannot ${action} ${show(handle)} as it is no GPU allocation of this allocator`);
  }

  /** Makes an entry, which is in no place yet. */
  open(): Entry {
    const handle = this.slots.take();
    if (handle < 0) {
      throw new PoolError("FA405", "Cannot allocate on the GPU as 16777216 allocations are alive: free some");
    }
    const slot = this.slots.placeOf(handle);
    while (this.entries.length <= slot) this.entries.push(new Entry(this.entries.length));
    const entry = this.entries[slot]!;
    entry.handle = handle;
    entry.tries = 0;
    return entry;
  }

  /** Drops an entry, which is in no place any more. */
  close(entry: Entry): void {
    entry.tag = null;
    entry.name = "";
    entry.chunk = null;
    entry.bytesOnCpu = null;
    entry.restore = entry.onMove = entry.onEvict = undefined;
    entry.pins = 0;
    entry.isFailed = entry.isDoomed = false;
    this.slots.give(entry.slot);
  }

  /** Puts an entry into a heap; `false` if budgets refuse, whatever is evicted. */
  put(entry: Entry, heap: GpuHeap): boolean {
    while (!heap.put(entry)) {
      if (!this.trim() && !this.#evictFor(heap, entry.held, entry.importance, entry)) return false;
    }
    if (entry.lifetime === "Streaming") this.#streaming++;
    return true;
  }

  /** Gives back every buffer in which nothing is, and that was not reserved; whether there was one. */
  trim(): boolean {
    const { uniform, vertex, storage } = this.heaps;
    return uniform.trim("idle") + vertex.trim("idle") + storage.trim("idle") > 0;
  }

  /** Takes an entry out of its heap. */
  take(entry: Entry): void {
    const { block } = entry;
    if (block === null) return;
    if (entry.lifetime === "Streaming") this.#streaming--;
    this.heaps[block.heap].remove(entry);
  }

  /** Evicts the least important streaming allocation, of a heap or of all, and of those the one that was not used for longest. */
  evict(importance: number, other: Entry | null, from: GpuHeapName | null = null): boolean {
    if (this.#streaming === 0 || this.#isTelling) return false;
    let least: Entry | null = null;
    for (const entry of this.entries) {
      if (entry.block === null || entry.lifetime !== "Streaming" || entry.pins > 0 || entry === other) continue;
      // One without a tag is being allocated just now.
      if (entry.tag === null || (from !== null && entry.heap !== from)) continue;
      if (other !== null && other.lifetime === "Streaming" && entry.importance > importance) continue;
      const isLess = least === null || entry.importance < least.importance ||
        (entry.importance === least.importance && entry.used < least.used);
      if (isLess) least = entry;
    }
    if (least === null) return false;
    this.evictions++;
    const { handle, onEvict } = least;
    const heap = this.heaps[least.heap];
    this.free(least);
    heap.trim("idle");
    if (onEvict !== undefined) this.#evicted.push({ handle, onEvict });
    return true;
  }

  /** Tells the program of what was evicted: once that has served its purpose, and without evicting anything meanwhile. */
  tellEvicted(): void {
    if (this.#isTelling || this.#evicted.length === 0) return;
    this.#isTelling = true;
    try {
      while (this.#evicted.length > 0) {
        const { handle, onEvict } = this.#evicted.shift()!;
        onEvict(handle);
      }
    } finally {
      this.#isTelling = false;
    }
  }

  /** The bytes of buffers in which nothing is, and that were not reserved. */
  get idle(): number {
    const { uniform, vertex, storage } = this.heaps;
    return uniform.idle + vertex.idle + storage.idle;
  }

  /** Evicts for so many bytes in a heap, unless that is no help: of a limit on that heap alone the others need not suffer. */
  #evictFor(heap: GpuHeap, bytes: number, importance: number, other: Entry | null): boolean {
    const budget = heap.budget.$budget as Budget;
    if (budget.tooSmallFor(bytes) !== null) return false;
    return this.evict(importance, other, budget.refusing(bytes) === budget ? heap.name : null);
  }

  /** Frees an entry, wherever it is. */
  free(entry: Entry): void {
    if (entry.isBusy) {
      entry.isDoomed = true;
      return;
    }
    this.#owner.onRemove(entry);
    this.take(entry);
    if (entry.held > 0) entry.tag!.hold(GPU, -entry.held);
    entry.held = 0;
    this.close(entry);
  }

  /** Makes sure that there is room for so many bytes in one buffer, and that the device has it. */
  async reserve(bytes: number, use: GpuUse): Promise<void> {
    const heap = this.heaps[use];
    const wanted = heap.heldFor(bytes);
    const isPossible = wanted <= this.#backend.limits.maxBufferSize;
    let last = Infinity;
    for (;;) {
      await this.settled();
      const found = heap.blocks.find((block) => !block.isClosed && !block.isStreaming && block.largestFree >= wanted);
      if (found !== undefined) {
        found.quietSince = Infinity; // until nothing is in it any more
        return;
      }
      const block = isPossible ? heap.grow(wanted, false) : null;
      if (block !== null) {
        block.quietSince = Infinity; // until something was in it
        if (await this.#backend.verify(block.buffer) === "ok") return;
        const isSmaller = block.bytes < last;
        last = block.bytes;
        if (isSmaller) continue;
      }
      const isEvicted = isPossible && this.#evictFor(heap, wanted, Infinity, null);
      this.tellEvicted();
      if (isEvicted) continue;
      if (block === null && isPossible) throw this.#ledger.refusal(`reserve ${bytes} bytes on the GPU`);
      throw new GpuError(
        "FA856",
        `Cannot reserve ${bytes} bytes on the GPU as the device has no memory for them in one buffer: free some, or reserve less`,
      );
    }
  }

  /** Waits until it is known of every buffer whether there was memory for it. */
  async settled(): Promise<void> {
    while (this.#unsettled.size > 0) await Promise.all(this.#unsettled);
  }

  /** The allocations for which the device had no memory. */
  get failed(): readonly Entry[] {
    return this.entries.filter((entry) => entry.isFailed);
  }

  /** Lets the frame number of the heaps follow, and gives back what has been empty for long. */
  tick(frame: number): void {
    const { uniform, vertex, storage, readback } = this.heaps;
    uniform.frame =
      vertex.frame =
      storage.frame =
      readback.frame =
        frame;
    uniform.trim("old");
    vertex.trim("old");
    storage.trim("old");
  }

  /** Takes note of a buffer that was made, or made again on another device. */
  #watch(block: GpuBlock): void {
    block.isVerified = false;
    this.#await(
      this.#backend.verify(block.buffer).then((verdict) => {
        if (verdict === "ok") block.isVerified = true;
        else if (block.isThere) this.refused(block);
      }),
    );
  }

  #await(promise: Promise<void>): void {
    const awaited = promise.finally(() => this.#unsettled.delete(awaited));
    this.#unsettled.add(awaited);
  }

  /** Watches the buffers of a device that has come in place of another one. */
  watchAll(): void {
    for (const heap of Object.values(this.heaps)) for (const block of heap.blocks) this.#watch(block);
  }

  /** The device had no memory for a block: what is in it goes elsewhere, if its contents can be had again. */
  refused(block: GpuBlock): void {
    const heap = this.heaps[block.heap];
    block.isClosed = true;
    heap.shrink(block.bytes);
    const inside = this.inside(block).sort((a, b) => b.importance - a.importance);
    const handles = inside.map(({ handle }) => handle);
    for (const entry of inside) {
      if (entry.lifetime === "Streaming") this.#streaming--;
      if (entry.place === "readback") this.#owner.onRefused(entry, block.buffer);
      heap.unsettle(entry);
    }
    heap.destroy(block);
    const isMoved = inside.map((entry, i) => this.#isAt(entry, handles[i]!) && this.#rehome(entry, block));
    // Only now the program is told, as it may free any of them then.
    let failure: { readonly error: unknown } | undefined;
    for (const [i, entry] of inside.entries()) {
      if (!this.#isAt(entry, handles[i]!)) continue;
      try {
        if (isMoved[i]) this.#moved(entry);
        else this.#fail(entry);
      } catch (error) {
        failure ??= { error };
      }
    }
    try {
      this.tellEvicted();
    } catch (error) {
      failure ??= { error };
    }
    if (failure !== undefined) throw failure.error;
  }

  /** The contents of an allocation could not be had again: it is of no use any more. */
  lose(entry: Entry, handle: number): void {
    if (!this.#isAt(entry, handle) || entry.isFailed) return;
    this.take(entry);
    this.#fail(entry);
  }

  /** Whether an entry is still that of a number. */
  #isAt(entry: Entry, handle: number): boolean {
    return this.slots.find(handle) === entry.slot;
  }

  /** Finds another place for an entry that is in none, as the device had no memory for its block; `false` if there is none. */
  #rehome(entry: Entry, { bytes, heap, isDedicated }: GpuBlock): boolean {
    // A shared buffer is tried again with half the size, down to one that holds nothing else.
    const most = MOST_TRIES + Math.log2(bytes / entry.held);
    if (entry.policy === "discard" || ++entry.tries > most) return false;
    let isThere = false;
    entry.isBusy = true;
    try {
      if (isDedicated) this.evict(entry.importance, entry);
      isThere = this.heaps[heap].put(entry);
    } catch {
      // The device was lost, or a callback has thrown: the same as no memory.
    } finally {
      entry.isBusy = false;
    }
    if (isThere && entry.lifetime === "Streaming") this.#streaming++;
    if (entry.isDoomed) this.free(entry);
    return isThere;
  }

  #moved(entry: Entry): void {
    const { handle, onMove } = entry;
    entry.version++;
    const brought = this.#owner.onRehomed(entry);
    if (brought !== undefined) this.#await(brought);
    onMove?.(handle);
  }

  /** The allocations in a block, in the order of their places. */
  inside(block: GpuBlock): Entry[] {
    if (block.nodes === null) return block.owner < 0 ? [] : [this.entries[block.owner]!];
    const inside: Entry[] = [];
    const { nodes } = block;
    for (let node = nodes.first; node >= 0; node = nodes.next(node)) {
      if (nodes.isUsed(node)) inside.push(this.entries[nodes.owners[node]!]!);
    }
    return inside;
  }

  #fail(entry: Entry): void {
    entry.isFailed = true;
    entry.version++;
    this.failures++;
    this.#owner.onFailed(entry);
  }
}

/** The error of an allocation for which the device had no memory. */
export function noMemory(entry: Entry, action: string): GpuError {
  return new GpuError(
    "FA856",
    `Cannot ${action} ${
      nameOf(entry)
    } as the device had no memory for its ${entry.bytes} bytes: free it, and allocate less`,
  );
}

/** An allocation, for messages. */
export function nameOf(entry: Entry): string {
  return entry.name === "" ? `GPU allocation ${entry.handle}` : `GPU allocation "${entry.name}"`;
}

/** Refuses what is no whole number in a range. */
export function checkWhole(value: unknown, least: number, most: number, action: string, what: string): void {
  if (typeof value === "number" && Number.isInteger(value) && value >= least && value <= most) return;
  throw new ArgumentError(
    "FA008",
    `Cannot ${action} with ${what} ${show(value)}: give a whole number from ${least} to ${most}`,
  );
}
