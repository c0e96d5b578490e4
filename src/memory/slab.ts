/**
 * Memory in slots of a few sizes, each freed on its own, in pages from one chunk source.
 */

import { ConfigError, show } from "../errors.ts";
import { type Account, AGAIN, REFUSED, type Verdict } from "./account.ts";
import type { Chunk, ChunkSource } from "./chunk_source.ts";
import type { LifeOwner } from "./life.ts";
import { MAX_CHUNK } from "./segment.ts";
import { type PageSource, SlabSize } from "./slab_size.ts";
import { checkSizes } from "./slot_sizes.ts";

/** How often a slot can be handed out: twice that fits a small integer, as even numbers mean free and odd ones in use. */
const MOST_LIVES = 2 ** 29 - 1;

/**
 * How a slab gets its memory.
 *
 * @example
 * ```ts
 * import { type SlabOptions, wasmSource } from "@framealloc/core/memory";
 *
 * const options: SlabOptions = {
 *   source: wasmSource,
 *   sizes: [16, 64, 256],
 *   pageSize: 65_536,
 *   owner: { expired: () => new Error("The pool was closed") },
 * };
 * ```
 */
export interface SlabOptions {
  /** Where pages come from. */
  readonly source: ChunkSource;
  /** The sizes of slots in bytes, ascending. They are rounded up to multiples of 16. */
  readonly sizes: readonly number[];
  /** Bytes per page; no less than the largest size. */
  readonly pageSize: number;
  /** Who says why memory has ended. */
  readonly owner: LifeOwner;
  /** How many empty pages of each size are kept for later. @default {4} */
  readonly idlePages?: number;
  /** How often a slot is handed out before it is retired, so that its numbers never repeat. @default {2 ** 29 - 1} */
  readonly mostLives?: number;
  /** Who pays for the pages. */
  readonly account?: Account;
}

/**
 * Slots of several sizes, with pages from one chunk source.
 *
 * @example
 * ```ts
 * import { arrayBufferSource, Slab } from "@framealloc/core/memory";
 * import { assertEquals } from "@std/assert";
 *
 * const slab = new Slab({
 *   source: arrayBufferSource,
 *   sizes: [16, 64, 256],
 *   pageSize: 4096,
 *   owner: { expired: () => new Error("The pool was closed") },
 * });
 * assertEquals([slab.sizeFor(20)?.bytes, slab.sizeFor(64)?.bytes, slab.sizeFor(1000)], [64, 64, undefined]);
 * const slot = slab.sizeFor(20)!.take();
 * assertEquals(slab.reserved, 4096);
 * slab.sizeFor(20)!.give(slot);
 * assertEquals(slab.trim(), 4096);
 * ```
 */
export class Slab implements PageSource {
  /** Who says why memory has ended. */
  readonly owner: LifeOwner;
  /** The sizes, ascending. */
  readonly sizes: readonly SlabSize[];
  /** Bytes per page. */
  readonly pageSize: number;
  /** How many empty pages of each size are kept for later. */
  readonly idlePages: number;
  readonly #source: ChunkSource;
  readonly #account: Account | undefined;
  readonly #largest: number;
  readonly #bySixteen: (SlabSize | undefined)[];
  #reserved = 0;
  #isOverBudget = false;
  #cause: unknown;

  /**
   * Describes a slab. It has no memory until the first slot is taken.
   *
   * @param options How it gets its memory.
   * @throws {ConfigError} `FA010` if the sizes are not ascending, do not fit into a page, or another option makes no sense.
   */
  constructor(options: SlabOptions) {
    const { source, sizes, pageSize, owner, account, idlePages = 4, mostLives = MOST_LIVES } = options;
    checkSizes("sizes", sizes);
    const largest = ceil16(sizes.at(-1)!);
    if (!Number.isInteger(pageSize) || pageSize < largest || pageSize > MAX_CHUNK) {
      throw new ConfigError(
        "FA010",
        `Cannot make a slab with pages of ${
          show(pageSize)
        } bytes: give a whole number from the largest slot, ${largest}, to ${MAX_CHUNK}`,
      );
    }
    for (const [option, value, least] of [["idlePages", idlePages, 0], ["mostLives", mostLives, 1]] as const) {
      if (Number.isInteger(value) && value >= least && value <= MOST_LIVES) continue;
      throw new ConfigError(
        "FA010",
        `Cannot use ${
          show(value)
        } for the option "${option}" of a slab: give a whole number from ${least} to ${MOST_LIVES}`,
      );
    }
    this.owner = owner;
    this.#largest = largest;
    this.pageSize = pageSize;
    this.idlePages = idlePages;
    this.#source = source;
    this.#account = account;
    const rounded = [...new Set(sizes.map(ceil16))];
    this.sizes = rounded.map((bytes, i) => new SlabSize(this, i, bytes, pageSize, mostLives));
    this.#bySixteen = Array.from(
      { length: largest / 16 + 1 },
      (_, i) => this.sizes.find((size) => size.bytes >= i * 16),
    );
  }

  /** The bytes held from the source. */
  get reserved(): number {
    return this.#reserved;
  }

  /** The bytes in pages without a slot in use. */
  get idle(): number {
    let pages = 0;
    for (const size of this.sizes) pages += size.emptyPages;
    return pages * this.pageSize;
  }

  /**
   * The size whose slots hold so many bytes.
   *
   * @param bytes How many bytes.
   * @param align A power of two; everything is aligned to 16 at least.
   * @returns The smallest size that will do, or `undefined` if there is none.
   */
  sizeFor(bytes: number, align: number = 16): SlabSize | undefined {
    const size = bytes > this.#largest ? undefined : this.#bySixteen[(bytes + 15) >> 4];
    if (align <= 16 || size === undefined) return size;
    return this.sizes.find((other) => other.bytes >= bytes && other.bytes % align === 0);
  }

  /**
   * Gives empty pages back.
   *
   * @returns The bytes given back.
   */
  trim(): number {
    let bytes = 0;
    for (const size of this.sizes) bytes += size.trim();
    return bytes;
  }

  /** Ends every slot and gives all pages back. */
  dispose(): void {
    for (const size of this.sizes) size.dispose();
  }

  /** Whether the account, and not the source, refused the last page. */
  get isOverBudget(): boolean {
    return this.#isOverBudget;
  }

  /** What the source said when it refused the last page. */
  get cause(): unknown {
    return this.#cause;
  }

  /** Gets a page: not for use in programs. */
  $obtain(): Chunk | Verdict {
    const verdict = this.#account?.hold(this.pageSize);
    this.#isOverBudget = verdict === REFUSED;
    if (verdict === REFUSED || verdict === AGAIN) return verdict;
    try {
      const chunk = this.#source.obtain(this.pageSize);
      if (chunk.buffer.byteLength >= this.pageSize) {
        this.#reserved += this.pageSize;
        return chunk;
      }
      this.#cause = new RangeError(`The source gave ${chunk.buffer.byteLength} of ${this.pageSize} bytes`);
      chunk.release();
    } catch (error) {
      this.#cause = error;
    }
    this.#account?.drop(this.pageSize);
    return REFUSED;
  }

  /** Notes that there can be no further page: not for use in programs. */
  $refuse(cause: Error): Verdict {
    this.#cause = cause;
    this.#isOverBudget = false;
    return REFUSED;
  }

  /** Gives a page back: not for use in programs. */
  $release(chunk: Chunk): void {
    this.#reserved -= this.pageSize;
    chunk.release();
    this.#account?.drop(this.pageSize);
  }
}

function ceil16(bytes: number): number {
  return Math.ceil(bytes / 16) * 16;
}
