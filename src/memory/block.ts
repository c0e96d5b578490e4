/**
 * Memory in blocks: one buffer each, freed at once by detaching it. A freed block is given out again from a bounded stock, with all
 * views of its last owner detached, so that a program that loads and drops large things makes no work for the collector.
 */

import { type Account, AGAIN, GRANTED, REFUSED } from "./account.ts";
import type { Chunk, ChunkSource } from "./chunk_source.ts";
import { Life, type LifeOwner } from "./life.ts";
import { MAX_CHUNK } from "./segment.ts";

/** A block of the stock serves a request if no more than this part of it would be wasted. */
const MOST_WASTE = 1 / 4;

/** The stock never has more blocks than this: it is looked through one by one. */
const MOST_IDLE = 64;

/**
 * How blocks get their memory.
 *
 * @example
 * ```ts
 * import { arrayBufferSource, type BlockOptions } from "@framealloc/core/memory";
 *
 * const options: BlockOptions = { source: arrayBufferSource, idleBytes: 16 * 1024 * 1024 };
 * ```
 */
export interface BlockOptions {
  /** Where buffers come from; its chunks must be revocable. */
  readonly source: ChunkSource;
  /** How many bytes of freed blocks are kept to be used again. */
  readonly idleBytes: number;
  /** Who pays for the memory. */
  readonly account?: Account;
}

/**
 * One buffer. Its life ends when it is freed.
 *
 * @example
 * ```ts
 * import { arrayBufferSource, BlockStore } from "@framealloc/core/memory";
 * import { assertEquals } from "@std/assert";
 *
 * const store = new BlockStore({ source: arrayBufferSource, idleBytes: 1024 * 1024 });
 * const block = store.take(1000, true, { expired: () => new Error("The image was dropped") })!;
 * const bytes = new Uint8Array(block.life.view!.buffer);
 * store.free(block);
 * assertEquals([bytes.length, block.life.view], [0, null]);
 * ```
 */
export class Block {
  /** The memory. */
  declare readonly chunk: Chunk;
  /** The life over exactly the bytes that were asked for; `view` changes if the memory comes back as another buffer. */
  declare readonly life: Life;
  /** The bytes that were asked for. */
  declare readonly byteLength: number;
  /** The bytes that are held from the source for it. */
  declare readonly capacity: number;

  /** Made by {@linkcode BlockStore}. */
  constructor(chunk: Chunk, byteLength: number, capacity: number, owner: LifeOwner) {
    this.chunk = chunk;
    this.byteLength = byteLength;
    this.capacity = capacity;
    this.life = new Life(new DataView(chunk.buffer as ArrayBuffer, 0, byteLength), owner);
  }

  /** Whether the memory was transferred away while the block was in use. */
  get isGone(): boolean {
    return this.life.view !== null && this.chunk.buffer.byteLength < this.capacity;
  }

  /**
   * Takes the memory back after it was transferred away and has come back as another buffer.
   *
   * @param buffer The memory now.
   * @returns Whether it could be taken.
   */
  adopt(buffer: ArrayBufferLike): boolean {
    if (!this.isGone || this.chunk.adopt?.(buffer) !== true) return false;
    this.life.view = new DataView(buffer, 0, this.byteLength);
    return true;
  }
}

/**
 * Gives out blocks and takes them back.
 *
 * @example
 * ```ts
 * import { arrayBufferSource, BlockStore } from "@framealloc/core/memory";
 * import { assertEquals } from "@std/assert";
 *
 * const store = new BlockStore({ source: arrayBufferSource, idleBytes: 1024 * 1024 });
 * const owner = { expired: () => new Error("The image was dropped") };
 * const block = store.take(100_000, true, owner)!;
 * store.free(block);
 * assertEquals([store.live, store.idle], [0, 100_000]); // kept for later
 * assertEquals(store.take(99_000, true, owner)!.capacity, 100_000);
 * ```
 */
export class BlockStore {
  readonly #source: ChunkSource;
  readonly #idleBytes: number;
  readonly #account: Account | undefined;
  readonly #stock: Chunk[] = [];
  readonly #capacities: number[] = [];
  #idle = 0;
  #live = 0;
  #reuses = 0;
  #isOverBudget = false;
  #cause: unknown;

  /**
   * Describes a store. It has no memory until a block is taken.
   *
   * @param options How it gets its memory.
   */
  constructor(options: BlockOptions) {
    this.#source = options.source;
    this.#idleBytes = options.idleBytes;
    this.#account = options.account;
  }

  /** The bytes of blocks in use, as held from the source. */
  get live(): number {
    return this.#live;
  }

  /** The bytes of freed blocks that are kept to be used again. */
  get idle(): number {
    return this.#idle;
  }

  /** How often a freed block was used again. */
  get reuses(): number {
    return this.#reuses;
  }

  /** Whether the account, and not the source, refused the last block. */
  get isOverBudget(): boolean {
    return this.#isOverBudget;
  }

  /** What the source said when it refused the last block. */
  get cause(): unknown {
    return this.#cause;
  }

  /**
   * Takes a block.
   *
   * @param bytes How many bytes.
   * @param zero Whether it must hold zeros; otherwise it may hold whatever was there before.
   * @param owner Who says why its memory has ended.
   * @returns The block, or `undefined` if there is no memory.
   */
  take(bytes: number, zero: boolean, owner: LifeOwner): Block | undefined {
    if (bytes > MAX_CHUNK) {
      this.#isOverBudget = false;
      this.#cause = new RangeError(`One block takes at most ${MAX_CHUNK} bytes`);
      return undefined;
    }
    for (;;) {
      const kept = this.#find(bytes);
      if (kept >= 0) return this.#reuse(kept, bytes, zero, owner);
      const capacity = capacityFor(bytes);
      const verdict = this.#account?.hold(capacity) ?? GRANTED;
      this.#isOverBudget = verdict === REFUSED;
      if (verdict === AGAIN) continue;
      if (verdict === REFUSED) return undefined;
      const chunk = this.#obtain(capacity);
      if (chunk === undefined) return undefined;
      this.#live += capacity;
      if (zero && this.#source.capabilities.zeroed !== true) new Uint8Array(chunk.buffer, 0, bytes).fill(0);
      return new Block(chunk, bytes, capacity, owner);
    }
  }

  /**
   * Frees a block: its life ends and every view of it is detached.
   *
   * @param block A block of this store; one that was freed before is left alone.
   */
  free(block: Block): void {
    if (block.life.view === null) return;
    block.life.view = null;
    this.#live -= block.capacity;
    if (block.capacity > this.#idleBytes) {
      block.chunk.release();
      this.#account?.drop(block.capacity);
      return;
    }
    block.chunk.revoke();
    this.#stock.push(block.chunk);
    this.#capacities.push(block.capacity);
    this.#idle += block.capacity;
    while (this.#idle > this.#idleBytes || this.#stock.length > MOST_IDLE) this.#discard(0);
  }

  /**
   * Gives all freed blocks back to the source.
   *
   * @returns The bytes given back.
   */
  trim(): number {
    const bytes = this.#idle;
    while (this.#stock.length > 0) this.#discard(this.#stock.length - 1);
    return bytes;
  }

  /** The newest block of the stock that fits; -1 if none does. */
  #find(bytes: number): number {
    const needed = capacityFor(bytes);
    for (let i = this.#capacities.length - 1; i >= 0; i--) {
      const capacity = this.#capacities[i]!;
      if (capacity >= needed && capacity - needed <= capacity * MOST_WASTE) return i;
    }
    return -1;
  }

  #reuse(i: number, bytes: number, zero: boolean, owner: LifeOwner): Block {
    const chunk = this.#stock[i]!;
    const capacity = this.#capacities[i]!;
    this.#remove(i);
    this.#live += capacity;
    this.#reuses++;
    if (zero) new Uint8Array(chunk.buffer, 0, bytes).fill(0);
    return new Block(chunk, bytes, capacity, owner);
  }

  #obtain(capacity: number): Chunk | undefined {
    try {
      const chunk = this.#source.obtain(capacity);
      if (chunk.buffer.byteLength >= capacity) return chunk;
      this.#cause = new RangeError(`The source gave ${chunk.buffer.byteLength} of ${capacity} bytes`);
      chunk.release();
    } catch (error) {
      this.#cause = error;
    }
    this.#account?.drop(capacity);
    return undefined;
  }

  #discard(i: number): void {
    const chunk = this.#stock[i]!;
    const capacity = this.#capacities[i]!;
    this.#remove(i);
    chunk.release();
    this.#account?.drop(capacity);
  }

  /** Takes one out of the stock; the others stay in the order in which they were freed. */
  #remove(i: number): void {
    this.#idle -= this.#capacities[i]!;
    this.#stock.splice(i, 1);
    this.#capacities.splice(i, 1);
  }
}

/**
 * What is asked of the source for a block of so many bytes.
 *
 * @param bytes How many bytes.
 * @returns The bytes that are asked for.
 */
export function capacityFor(bytes: number): number {
  return Math.max(16, Math.ceil(bytes / 16) * 16);
}
