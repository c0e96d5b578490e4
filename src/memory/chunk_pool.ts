/**
 * Chunks that change hands: what one task gives back is given to the next, after every view of it was detached and, unless both
 * have waived that, after it was filled with zeros. So no task ever sees the bytes of another.
 */

import { arrayBufferSource } from "./buffer_source.ts";
import type { Chunk, ChunkSource } from "./chunk_source.ts";

/** The smallest chunk: what a small task needs, and cheap to fill with zeros. */
const LEAST = 4 * 1024;

/** Up to this size chunks are powers of two; above it, multiples of it. */
const STEP = 1024 * 1024;

/** How many powers of two there are from the least size to the step. */
const SIZES = 1 + Math.log2(STEP / LEAST);

/**
 * Whoever has chunks of a pool.
 *
 * @example
 * ```ts
 * import { arrayBufferSource, type ChunkHolder, ChunkPool } from "@framealloc/core/memory";
 * import { assertEquals } from "@std/assert";
 *
 * const pool = new ChunkPool({ source: arrayBufferSource, idleBytes: 65_536, onDiscard: () => {} });
 * const holder: ChunkHolder = { released: (chunk) => void pool.give(chunk) };
 * const chunk = pool.take(1000, true);
 * chunk.holder = holder;
 * chunk.revoke();
 * chunk.release();
 * assertEquals(pool.idle, 4096);
 * ```
 */
export interface ChunkHolder {
  /**
   * Is told that a chunk is released, which was revoked before.
   *
   * @param chunk The chunk.
   */
  released(chunk: PooledChunk): void;
}

/**
 * A chunk of a pool. Whoever has it revokes it before giving it back.
 *
 * @example
 * ```ts
 * import { arrayBufferSource, ChunkPool } from "@framealloc/core/memory";
 * import { assertEquals } from "@std/assert";
 *
 * const pool = new ChunkPool({ source: arrayBufferSource, idleBytes: 65_536, onDiscard: () => {} });
 * const chunk = pool.take(5000, true);
 * assertEquals(chunk.capacity, 8192);
 * pool.give(chunk);
 * ```
 */
export class PooledChunk implements Chunk {
  /** Its bytes. */
  readonly capacity: number;
  /** Whether it may hold bytes that the next one must not see. */
  isSecret: boolean = true;
  /** Whether it may hold anything but zeros. */
  isDirty: boolean;
  /** Its place in the order in which chunks were given back. */
  givenAs = 0;
  /** Who has it. */
  holder: ChunkHolder | undefined;
  readonly #chunk: Chunk;

  /** Made by {@linkcode ChunkPool.take}. */
  constructor(chunk: Chunk, capacity: number, isDirty: boolean) {
    this.#chunk = chunk;
    this.capacity = capacity;
    this.isDirty = isDirty;
  }

  /** The memory as it is now. */
  get buffer(): ArrayBufferLike {
    return this.#chunk.buffer;
  }

  /** Detaches every view. */
  revoke(): void {
    this.#chunk.revoke();
  }

  /** Gives it back to whom it was taken from. */
  release(): void {
    this.holder?.released(this);
  }

  /** Gives the memory back to the source. */
  discard(): void {
    this.#chunk.release();
  }
}

/**
 * How a pool gets its chunks, and how many it keeps.
 *
 * @example
 * ```ts
 * import { arrayBufferSource, type ChunkPoolOptions } from "@framealloc/core/memory";
 *
 * const options: ChunkPoolOptions = { source: arrayBufferSource, idleBytes: 1024 * 1024, onDiscard: () => {} };
 * ```
 */
export interface ChunkPoolOptions {
  /** Where chunks come from; they must be revocable. Those that are larger than asked for are not used. */
  readonly source: ChunkSource;
  /** How many bytes are kept for later. */
  readonly idleBytes: number;
  /** Is told of the bytes of each chunk that is given back to the source. */
  readonly onDiscard: (bytes: number) => void;
}

/**
 * Keeps a bounded number of chunks for those who come next.
 *
 * @example A chunk comes back without its contents, and with no view left on it
 * ```ts
 * import { arrayBufferSource, ChunkPool } from "@framealloc/core/memory";
 * import { assertEquals } from "@std/assert";
 *
 * const pool = new ChunkPool({ source: arrayBufferSource, idleBytes: 65_536, onDiscard: () => {} });
 * const first = pool.take(4096, true);
 * const secret = new Uint8Array(first.buffer);
 * secret.fill(42);
 * first.revoke();
 * pool.give(first);
 *
 * const second = pool.take(4096, true);
 * assertEquals([secret.length, new Uint8Array(second.buffer)[0]], [0, 0]);
 * ```
 */
export class ChunkPool {
  readonly #source: ChunkSource;
  readonly #idleBytes: number;
  readonly #onDiscard: (bytes: number) => void;
  /** By size: powers of two first, and all that are larger in the last. Each has its oldest at the front. */
  readonly #stock: readonly PooledChunk[][] = Array.from({ length: SIZES + 1 }, () => []);
  #given = 0;
  #idle = 0;
  #reuses = 0;

  /**
   * Describes a pool. It has no memory until a chunk is taken.
   *
   * @param options How it gets its chunks, and how many it keeps.
   */
  constructor(options: ChunkPoolOptions) {
    this.#source = options.source;
    this.#idleBytes = options.idleBytes;
    this.#onDiscard = options.onDiscard;
  }

  /** The bytes that are kept for later. */
  get idle(): number {
    return this.#idle;
  }

  /** How often a chunk was used again. */
  get reuses(): number {
    return this.#reuses;
  }

  /**
   * The size of the chunk that holds so many bytes.
   *
   * @param bytes How many bytes.
   * @returns The size: a power of two from 4 KB, or a multiple of 1 MB.
   */
  sizeFor(bytes: number): number {
    if (bytes > STEP) return Math.ceil(bytes / STEP) * STEP;
    return bytes <= LEAST ? LEAST : 2 ** (32 - Math.clz32(bytes - 1));
  }

  /**
   * Whether a chunk for so many bytes is there and need not be asked of the source.
   *
   * @param bytes How many bytes.
   * @returns Whether it is.
   */
  has(bytes: number): boolean {
    const capacity = this.sizeFor(bytes);
    return find(this.#stock[indexOf(capacity)]!, capacity) >= 0;
  }

  /**
   * Takes a chunk.
   *
   * @param bytes The least size in bytes.
   * @param zero Whether it must hold zeros. If not, it may hold what was there before, unless that is secret.
   * @returns The chunk.
   * @throws What the source throws if it refuses.
   */
  take(bytes: number, zero: boolean): PooledChunk {
    const capacity = this.sizeFor(bytes);
    const chunk = this.#reuse(capacity) ?? this.#obtain(capacity);
    if (chunk.isDirty && (zero || chunk.isSecret)) new Uint8Array(chunk.buffer, 0, capacity).fill(0);
    chunk.isDirty = true;
    chunk.isSecret = zero;
    return chunk;
  }

  /**
   * Gives a chunk back.
   *
   * @param chunk A chunk of this pool, revoked.
   * @returns Whether it is kept; otherwise the source has its memory, and `onDiscard` was not told.
   */
  give(chunk: PooledChunk): boolean {
    chunk.holder = undefined;
    if (chunk.capacity > this.#idleBytes || chunk.buffer.byteLength < chunk.capacity) {
      chunk.discard();
      return false;
    }
    chunk.givenAs = this.#given++;
    this.#stock[indexOf(chunk.capacity)]!.push(chunk);
    this.#idle += chunk.capacity;
    while (this.#idle > this.#idleBytes) this.#discardOldest();
    return true;
  }

  /**
   * Gives all that is kept back to the source.
   *
   * @returns The bytes given back.
   */
  trim(): number {
    const bytes = this.#idle;
    while (this.#idle > 0) this.#discardOldest();
    return bytes;
  }

  /** The newest that fits: its memory is most likely still in the cache. */
  #reuse(capacity: number): PooledChunk | undefined {
    const stack = this.#stock[indexOf(capacity)]!;
    const i = find(stack, capacity);
    if (i < 0) return undefined;
    const chunk = stack[i]!;
    if (i === stack.length - 1) stack.pop();
    else stack.splice(i, 1);
    this.#idle -= capacity;
    this.#reuses++;
    return chunk;
  }

  #obtain(capacity: number): PooledChunk {
    const chunk = this.#source.obtain(capacity);
    const { byteLength } = chunk.buffer;
    if (byteLength === capacity) return new PooledChunk(chunk, capacity, this.#source.capabilities.zeroed !== true);
    chunk.release();
    if (byteLength < capacity) throw new RangeError(`The source gave ${byteLength} of ${capacity} bytes`);
    // Whoever has it would use all of it, and only so much is filled with zeros and paid for.
    return new PooledChunk(arrayBufferSource.obtain(capacity), capacity, false);
  }

  #discardOldest(): void {
    let oldest: PooledChunk[] | undefined;
    for (const stack of this.#stock) {
      if (stack.length > 0 && (oldest === undefined || stack[0]!.givenAs < oldest[0]!.givenAs)) oldest = stack;
    }
    const chunk = oldest!.shift()!;
    this.#idle -= chunk.capacity;
    chunk.discard();
    this.#onDiscard(chunk.capacity);
  }
}

function indexOf(capacity: number): number {
  return capacity > STEP ? SIZES : Math.clz32(LEAST) - Math.clz32(capacity);
}

function find(stack: readonly PooledChunk[], capacity: number): number {
  let i = stack.length - 1;
  while (i >= 0 && stack[i]!.capacity !== capacity) i--;
  return i;
}
