/**
 * The heap: blocks of any size, each freed on its own. Freeing one detaches every view of it.
 */

import { noArray } from "../arena/arena.ts";
import { ArenaExhaustedError, ArgumentError, PoolError, show } from "../errors.ts";
import type { Layout } from "../layout/layout.ts";
import { innerOf, noLayout } from "../layout/inner.ts";
import { type Block, type BlockStore, capacityFor } from "../memory/block.ts";
import { type LifeOwner, Position, viewOf } from "../memory/life.ts";
import { MAX_CHUNK } from "../memory/segment.ts";
import type { TypedArrayConstructor, ViewOf } from "../memory/typed_array.ts";
import type { Leak } from "../observe/leak.ts";
import { HEAP, type Kind, POOL, type Tag } from "../observe/tag.ts";
import { checkOpen, type Context, freed, freedTwice, ofTag, poison, sourceRefused } from "./context.ts";
import { initialise, OwnedBoxBase } from "./owned_box.ts";

/** What the heap has in use. All sizes are bytes. */
export interface HeapStats {
  /** Blocks in use. */
  readonly live: number;
  /** What they take, with those of pool records, handles and leases that no slot can hold, and of streaming. */
  readonly bytes: number;
  /** What is held from the chunk source, in use or idle. */
  readonly reserved: number;
  /** Freed blocks that are kept to be used again. */
  readonly idle: number;
  /** How often a freed block was used again. */
  readonly reuses: number;
}

/** Stands in place of the number of a layout for what a pool guard has leased, which counts and reports it. */
export const LEASED = -2;

/** A block in use, and whom it belongs to. */
export class HeapEntry implements LifeOwner {
  readonly kind: Kind;
  readonly what: string;
  readonly name: string;
  tag: Tag;
  /** The number of the layout of what is in it; -1 if it is bytes, {@linkcode LEASED} if others know. */
  readonly layout: number;
  /** What is charged for it. */
  readonly bytes: number;
  /** The frame in which it was allocated. */
  readonly frame: number;
  /** Where it is in the list of all; -1 once it is freed. */
  index = -1;
  block!: Block;
  readonly heap: Heap;
  readonly #context: Context;

  constructor(heap: Heap, context: Context, kind: Kind, what: string, name: string, bytes: number, layout: number) {
    this.layout = layout;
    this.heap = heap;
    this.#context = context;
    this.kind = kind;
    this.what = what;
    this.name = name;
    this.bytes = bytes;
    this.tag = context.ledger.current;
    this.frame = context.ledger.frame;
  }

  expired(position: Position): Error {
    return freed(this.#context, this.what, this.tag, position);
  }

  /** The memory. */
  get view(): DataView {
    return viewOf(new Position(this.block.life, 0));
  }
}

/** See the file comment. */
export class Heap {
  readonly #context: Context;
  readonly #store: BlockStore;
  readonly #entries: HeapEntry[] = [];
  #isOverTag = false;

  constructor(context: Context, store: BlockStore) {
    this.#context = context;
    this.#store = store;
  }

  /** Takes a block; `undefined` if it cannot be had, and then {@linkcode Heap.refusal} tells why. */
  take(
    bytes: number,
    zero: boolean,
    kind: Kind,
    what: string,
    name: string,
    layout: number = -1,
  ): HeapEntry | undefined {
    const { ledger } = this.#context;
    const charge = capacityFor(bytes);
    this.#isOverTag = !ledger.mayHave(charge);
    if (this.#isOverTag) return undefined;
    const entry = new HeapEntry(this, this.#context, kind, what, name, charge, layout);
    const block = this.#store.take(bytes, zero, entry);
    if (block === undefined) return undefined;
    if (ledger.mustAsk(charge)) {
      this.#store.free(block);
      if (this.#context.isDisposed) this.#store.trim();
      return this.take(bytes, zero, kind, what, name, layout);
    }
    entry.block = block;
    entry.tag = ledger.current; // callbacks may have changed it since
    entry.index = this.#entries.length;
    this.#entries.push(entry);
    entry.tag.hold(kind, charge);
    return entry;
  }

  /** Frees a block; returns whether it was in use. */
  give(entry: HeapEntry): boolean {
    if (entry.index < 0) return false;
    const last = this.#entries.pop()!;
    if (last !== entry) {
      this.#entries[entry.index] = last;
      last.index = entry.index;
    }
    entry.index = -1;
    entry.tag.hold(entry.kind, -entry.bytes);
    const { view } = entry.block.life;
    if (this.#context.config.debug && view !== null && !entry.block.isGone) poison(view, 0, view.byteLength);
    this.#store.free(entry.block);
    return true;
  }

  /** The error of the last refusal. */
  refusal(action: string, bytes: number): Error {
    if (bytes > MAX_CHUNK) {
      return new ArenaExhaustedError(
        `Cannot ${action} as one block takes at most ${MAX_CHUNK} bytes: split it`,
        bytes,
        MAX_CHUNK,
      );
    }
    if (this.isOverBudget) return this.#context.ledger.refusal(action);
    return sourceRefused(action, bytes, this.#store.cause);
  }

  /** Whether a budget, and not the source, refused last. */
  get isOverBudget(): boolean {
    return this.#isOverTag || this.#store.isOverBudget;
  }

  /** Whether a buffer is the memory of a block in use. */
  owns(buffer: ArrayBufferLike): boolean {
    return this.#entries.some((entry) => entry.block.life.view?.buffer === buffer);
  }

  /** The bytes of freed blocks that are kept. */
  get idle(): number {
    return this.#store.idle;
  }

  /** Gives freed blocks back. */
  trim(): number {
    return this.#store.trim();
  }

  alloc(bytes: number, zero: boolean): HeapBlock | undefined {
    checkOpen(this.#context, "allocate on the heap");
    if (!(Number.isInteger(bytes) && bytes >= 0)) {
      throw new ArgumentError("FA008", `Cannot allocate ${show(bytes)} bytes: give a whole number of zero or more`);
    }
    const entry = this.take(bytes, zero, HEAP, "a heap block", "heap block");
    return entry === undefined ? undefined : new HeapBlock(this, entry);
  }

  box(layout: Layout, init: unknown): OwnedBoxBase | undefined {
    if (layout?.$inner === undefined) throw noLayout(layout);
    checkOpen(this.#context, `allocate ${layout.name}`);
    const entry = this.take(layout.size, true, HEAP, `a heap box of ${layout.name}`, layout.name);
    if (entry === undefined) return undefined;
    const record = new (innerOf(layout).Record)(new Position(entry.block.life, 0), 0);
    try {
      initialise(layout, record, init);
    } catch (error) {
      this.give(entry);
      throw error;
    }
    return new OwnedBoxBase(this, layout, record);
  }

  freeBox(box: OwnedBoxBase): void {
    this.free(box.$record.$pos.life.owner as HeapEntry);
  }

  free(entry: HeapEntry): void {
    if (this.give(entry)) return;
    throw freedTwice(`${entry.what}${ofTag(entry.tag)}`);
  }

  /** Ends every block and gives all memory back. */
  dispose(): void {
    while (this.#entries.length > 0) this.give(this.#entries.at(-1)!);
    this.#store.trim();
  }

  /** What was not freed, of those kinds that are freed by hand here. */
  leaks(): Leak[] {
    const own = this.#entries.filter(({ kind, layout }) => layout !== LEASED && (kind === HEAP || kind === POOL));
    return own.map((entry) => ({
      kind: entry.kind === HEAP ? "heap block" : "pool record",
      name: entry.name,
      tag: entry.tag.path,
      bytes: entry.block.byteLength,
      age: this.#context.ledger.frame - entry.frame,
    }));
  }

  /** Blocks in use of a kind, without those that are leased. */
  count(kind: Kind): number {
    let count = 0;
    for (const entry of this.#entries) if (entry.kind === kind && entry.layout !== LEASED) count++;
    return count;
  }

  get stats(): HeapStats {
    const { live, idle, reuses } = this.#store;
    return { live: this.count(HEAP), bytes: live, reserved: live + idle, idle, reuses };
  }
}

/**
 * A block of memory that lives until it is freed; see {@linkcode SmartAlloc.heapAlloc}.
 *
 * @example
 * ```ts
 * import { PoolError, SmartAlloc } from "@framealloc/core";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * const alloc = new SmartAlloc();
 * const block = alloc.heapAlloc(1024);
 * const floats = block.view(Float32Array);
 * floats.fill(1);
 * block.free();
 * assertEquals(floats.length, 0); // detached
 * assertThrows(() => block.bytes, PoolError, "FA401");
 * ```
 */
export class HeapBlock {
  /** The bytes that were asked for. */
  readonly byteLength: number;
  readonly #heap: Heap;
  readonly #entry: HeapEntry;

  /** Made by {@linkcode SmartAlloc.heapAlloc}. */
  constructor(heap: unknown, entry: unknown) {
    this.#heap = heap as Heap;
    this.#entry = entry as HeapEntry;
    this.byteLength = this.#entry.block.byteLength;
  }

  /** Whether it was freed. */
  get isFreed(): boolean {
    return this.#entry.index < 0;
  }

  /**
   * The memory as bytes.
   *
   * @throws {PoolError} `FA401` if it was freed.
   */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.view(Uint8Array) as Uint8Array<ArrayBuffer>;
  }

  /**
   * The memory as a typed array. It is detached when the block is freed.
   *
   * @param constructor The kind of array.
   * @returns A fresh view.
   * @throws {PoolError} `FA401` if it was freed.
   * @throws {ArgumentError} `FA008` if the block is no whole number of elements.
   */
  view<C extends TypedArrayConstructor>(constructor: C): ViewOf<C> {
    const view = viewOf(new Position(this.#entry.block.life, 0));
    if (this.#entry.block.isGone) {
      throw new PoolError(
        "FA401",
        "Cannot use a heap block as its memory was transferred away: free it, and make another",
      );
    }
    const each = constructor?.BYTES_PER_ELEMENT;
    if (!(each >= 1)) throw noArray(constructor);
    if (this.byteLength % each !== 0) {
      throw new ArgumentError(
        "FA008",
        `Cannot view ${this.byteLength} bytes as ${constructor.name} as its elements take ${each}: use a smaller element`,
      );
    }
    return new constructor(view.buffer as ArrayBuffer, 0, this.byteLength / each);
  }

  /**
   * Frees the memory and detaches every view of it.
   *
   * @throws {PoolError} `FA403` if it was freed before.
   */
  free(): void {
    this.#heap.free(this.#entry);
  }

  /** Frees the memory, unless that was done before. */
  [Symbol.dispose](): void {
    if (!this.isFreed) this.free();
  }
}
