/**
 * Slots of one size: a list of pages, each a chunk cut into equal slots with a list of the free ones. Everything is found by number:
 * the page of a slot by a shift, the slot of an offset by another or by a multiplication.
 *
 * Slots are handed out from one page until it is full, and then from another that has room; pages that have become empty are kept up
 * to a number and given back beyond it. That is how mimalloc works (Leijen, Zorn, de Moura: "Mimalloc: Free List Sharding in
 * Action", 2019).
 */

import { AGAIN, REFUSED, type Verdict } from "./account.ts";
import type { Chunk } from "./chunk_source.ts";
import { Life, type LifeOwner, type Position } from "./life.ts";

/**
 * What is known of a slot, side by side so that it is in one place of the cache: its generation, two notes, and the next free slot,
 * or while the slot is in use a third note.
 */
const WORDS = 4;
const NEXT = 1;
const FIRST = 2;
const SECOND = 3;

/** Whoever gives pages to the sizes of a slab. */
export interface PageSource {
  /** Who says why memory has ended. */
  readonly owner: LifeOwner;
  /** Bytes per page. */
  readonly pageSize: number;
  /** How many empty pages of each size are kept for later. */
  readonly idlePages: number;
  /** Gets a page, or says why not. */
  $obtain(): Chunk | Verdict;
  /** Notes that there can be no further page. */
  $refuse(cause: Error): Verdict;
  /** Gives a page back. */
  $release(chunk: Chunk): void;
}

/**
 * A page of slots of one size.
 *
 * @example
 * ```ts
 * import { arrayBufferSource, Slab } from "@framealloc/core/memory";
 * import { assertEquals } from "@std/assert";
 *
 * const slab = new Slab({
 *   source: arrayBufferSource,
 *   sizes: [64],
 *   pageSize: 4096,
 *   owner: { expired: () => new Error("over") },
 * });
 * const size = slab.sizeFor(50)!;
 * const page = size.pageOf(size.take());
 * assertEquals([page.live, page.life.view?.byteLength], [1, 4096]);
 * ```
 */
export class SlabPage implements LifeOwner {
  /** The size that its slots have. */
  declare readonly size: SlabSize;
  /** Where it is in the list of pages. */
  declare readonly index: number;
  /** The life of its memory: it ends when the page is given back. */
  declare readonly life: Life;
  /** The slots in use. */
  declare live: number;
  /** One thing for each slot, for whoever uses them; gone with the page. */
  declare readonly things: unknown[];
  /** The first free slot, or -1: not for use in programs. */
  declare $head: number;
  /** Whether it is on the list of pages that have room: not for use in programs. */
  declare $hasRoom: boolean;
  /** The memory: not for use in programs. */
  declare readonly $chunk: Chunk;

  /** Made by {@linkcode SlabSize}. */
  constructor(size: SlabSize, index: number, chunk: Chunk) {
    this.size = size;
    this.index = index;
    this.live = 0;
    this.things = [];
    this.$head = -1;
    this.$hasRoom = false;
    this.$chunk = chunk;
    this.life = new Life(new DataView(chunk.buffer), this, index);
  }

  /** The error of a handle to this page after it was given back: that of the slab's owner. */
  expired(position: Position): Error {
    return this.size.slab.owner.expired(position);
  }
}

/** Stands for a page where there is none, so that taking a slot needs no check for that. */
const NO_PAGE: SlabPage = /* @__PURE__ */ new SlabPage(undefined!, -1, {
  buffer: /* @__PURE__ */ new ArrayBuffer(0),
  revoke() {},
  release() {},
});

/**
 * The slots of one size. A slot is a number: `slot >> shift` is its page, the rest its place in the page.
 *
 * @example
 * ```ts
 * import { arrayBufferSource, Slab } from "@framealloc/core/memory";
 * import { assertEquals } from "@std/assert";
 *
 * const slab = new Slab({
 *   source: arrayBufferSource,
 *   sizes: [64],
 *   pageSize: 4096,
 *   owner: { expired: () => new Error("over") },
 * });
 * const size = slab.sizeFor(64)!;
 * const slot = size.take();
 * size.pageOf(slot).life.view!.setFloat32(size.offsetOf(slot), 1.5, true);
 * assertEquals(size.give(slot), true);
 * assertEquals(size.give(slot), false); // it is free already
 * ```
 */
export class SlabSize {
  /** The slab that it belongs to. */
  declare readonly slab: PageSource;
  /** Where it is in the list of sizes. */
  declare readonly index: number;
  /** Bytes of a slot. */
  declare readonly bytes: number;
  /** Slots of a page. */
  declare readonly slotsPerPage: number;
  /** What a slot's number is masked with to get its place in its page. */
  declare readonly mask: number;
  /** By how many bits a slot's number is shifted to get the number of its page. */
  declare readonly shift: number;
  /** The pages; there is `undefined` in the place of one that was given back. */
  declare readonly pages: (SlabPage | undefined)[];
  /** Slots that were handed out as often as they may be. */
  declare retired: number;
  /** Four numbers for each slot: not for use in programs. */
  declare $table: Int32Array;
  /** The page that the last slot was taken from: not for use in programs. */
  declare $page: SlabPage;
  /** The logarithm of the size, or -1 if it is no power of two. */
  readonly #log: number;
  readonly #inverse: number;
  readonly #lastGeneration: number;
  readonly #withRoom: SlabPage[] = [];
  readonly #gaps: number[] = [];
  #empty = 0;
  #count = 0;

  /** Made by {@linkcode Slab}. */
  constructor(slab: PageSource, index: number, bytes: number, pageSize: number, mostLives: number) {
    this.slab = slab;
    this.index = index;
    this.bytes = bytes;
    this.slotsPerPage = Math.floor(pageSize / bytes);
    this.shift = Math.ceil(Math.log2(this.slotsPerPage));
    this.mask = (1 << this.shift) - 1;
    this.#log = Number.isInteger(Math.log2(bytes)) ? Math.log2(bytes) : -1;
    this.#inverse = 1 / bytes;
    this.#lastGeneration = 2 * mostLives - 1;
    this.pages = [];
    this.$table = new Int32Array(0);
    this.retired = 0;
    this.$page = NO_PAGE;
  }

  /** The pages that are held now. */
  get pageCount(): number {
    return this.#count;
  }

  /** The pages held now without a slot in use. */
  get emptyPages(): number {
    return this.#empty;
  }

  /** The slots in use. */
  get live(): number {
    let live = 0;
    for (const page of this.pages) live += page?.live ?? 0;
    return live;
  }

  /** One more than the largest number that a slot can have now, for tables by slot. */
  get capacity(): number {
    return this.$table.length / WORDS;
  }

  /**
   * Takes a slot. Its memory holds whatever was there before.
   *
   * @returns The slot, or -1 if there is no memory: {@linkcode Slab.cause} and {@linkcode Slab.isOverBudget} tell why.
   */
  take(): number {
    const page = this.$page;
    const slot = page.$head;
    if (slot < 0) return this.#takeSlow();
    if (page.live === 0) this.#empty--;
    const table = this.$table;
    const at = slot * WORDS;
    page.$head = table[at + NEXT]!;
    page.live++;
    table[at]!++;
    return slot;
  }

  /**
   * Takes a slot of a certain page.
   *
   * @param page The page.
   * @returns The slot, or -1 if it is full.
   */
  takeFrom(page: SlabPage): number {
    const slot = page.$head;
    if (slot < 0) return -1;
    if (page.live === 0) this.#empty--;
    page.$head = this.$table[slot * WORDS + NEXT]!;
    page.live++;
    this.$table[slot * WORDS]!++;
    return slot;
  }

  /**
   * Gives a slot back.
   *
   * @param slot The slot.
   * @returns Whether it was in use; if not, nothing was changed.
   */
  give(slot: number): boolean {
    const table = this.$table;
    const at = slot * WORDS;
    const generation = table[at]!;
    if ((generation & 1) === 0) return false;
    const page = this.pages[slot >> this.shift]!;
    table[at] = generation + 1;
    page.live--;
    if (generation === this.#lastGeneration) this.retired++;
    else {
      table[at + NEXT] = page.$head;
      page.$head = slot;
    }
    if (page !== this.$page || page.live === 0) this.#giveSlow(page);
    return true;
  }

  /**
   * How often a slot was handed out and taken back: odd while it is in use.
   *
   * @param slot The slot.
   * @returns Its generation.
   */
  generationOf(slot: number): number {
    return this.$table[slot * WORDS]!;
  }

  /**
   * Whether a slot is in use.
   *
   * @param slot The slot.
   * @returns Whether it is.
   */
  isLive(slot: number): boolean {
    return (this.$table[slot * WORDS]! & 1) === 1;
  }

  /**
   * Keeps three numbers with a slot in use, for whoever uses it.
   *
   * @param slot The slot.
   * @param first Any integer of 32 bits. It stays until the next note.
   * @param second Another one. It stays until the next note.
   * @param third Another one. It is gone when the slot is given back.
   */
  note(slot: number, first: number, second: number, third: number): void {
    const table = this.$table;
    const at = slot * WORDS;
    table[at + FIRST] = first;
    table[at + SECOND] = second;
    table[at + NEXT] = third;
  }

  /**
   * A number that was kept with a slot by {@linkcode SlabSize.note}; 0 if there never was one.
   *
   * @param slot The slot.
   * @returns The first one.
   */
  firstNote(slot: number): number {
    return this.$table[slot * WORDS + FIRST]!;
  }

  /** The second number that was kept with a slot. */
  secondNote(slot: number): number {
    return this.$table[slot * WORDS + SECOND]!;
  }

  /** The third number that was kept with a slot, while it is in use. */
  thirdNote(slot: number): number {
    return this.$table[slot * WORDS + NEXT]!;
  }

  /**
   * The page of a slot in use.
   *
   * @param slot The slot.
   * @returns Its page.
   */
  pageOf(slot: number): SlabPage {
    return this.pages[slot >> this.shift]!;
  }

  /**
   * Where a slot is in the memory of its page.
   *
   * @param slot The slot.
   * @returns Bytes from the start.
   */
  offsetOf(slot: number): number {
    return (slot & this.mask) * this.bytes;
  }

  /**
   * The slot that an offset in a page belongs to.
   *
   * @param page The page.
   * @param offset Bytes from the start of the page.
   * @returns The slot.
   */
  slotAt(page: SlabPage, offset: number): number {
    const first = page.index << this.shift;
    if (this.#log >= 0) return first | (offset >> this.#log);
    // A little more than the offset, so that rounding cannot end in the slot before.
    return first | ((offset + 0.5) * this.#inverse);
  }

  /**
   * Gives empty pages back.
   *
   * @param keep How many of them to keep.
   * @returns The bytes given back.
   */
  trim(keep: number = 0): number {
    let bytes = 0;
    for (let i = this.pages.length - 1; i >= 0 && this.#empty > keep; i--) {
      const page = this.pages[i];
      if (page !== undefined && page.live === 0) bytes += this.#release(page);
    }
    return bytes;
  }

  /** Ends every slot and gives all pages back. */
  dispose(): void {
    for (const page of this.pages) {
      if (page === undefined) continue;
      if (page.live > 0) this.#empty++;
      page.live = 0;
      this.#release(page);
    }
    for (let slot = 0; slot < this.capacity; slot++) {
      if (!this.isLive(slot)) continue;
      if (this.generationOf(slot) === this.#lastGeneration) this.retired++;
      this.$table[slot * WORDS]!++;
    }
  }

  #takeSlow(): number {
    this.$page.$hasRoom = false;
    for (;;) {
      const page = this.#withRoom.pop();
      if (page === undefined) break;
      page.$hasRoom = false;
      if (page.$head < 0 || this.pages[page.index] !== page) continue;
      this.$page = page;
      return this.take();
    }
    this.$page = NO_PAGE;
    const verdict = this.#addPage();
    return verdict === REFUSED ? -1 : this.take();
  }

  #giveSlow(page: SlabPage): void {
    if (page.live === 0) {
      this.#empty++;
      // A page whose slots are all retired is of no use either.
      if (this.#empty > this.slab.idlePages || page.$head < 0) {
        this.#release(page);
        return;
      }
    }
    if (page !== this.$page && !page.$hasRoom && page.$head >= 0) {
      page.$hasRoom = true;
      this.#withRoom.push(page);
    }
  }

  #addPage(): Verdict {
    if (this.#count >= 2 ** (30 - this.shift)) {
      return this.slab.$refuse(new RangeError(`There are ${this.#count} pages already`));
    }
    const verdict = this.slab.$obtain();
    if (typeof verdict === "number") return verdict;
    const index = this.#gap() ?? this.pages.length;
    const page = new SlabPage(this, index, verdict);
    if (index === this.pages.length) {
      this.pages.push(page);
      this.#grow();
    } else this.pages[index] = page;
    const first = index << this.shift;
    for (let slot = first + this.slotsPerPage - 1; slot >= first; slot--) {
      if (this.generationOf(slot) > this.#lastGeneration) continue;
      this.$table[slot * WORDS + NEXT] = page.$head;
      page.$head = slot;
    }
    this.#empty++;
    this.#count++;
    page.$hasRoom = true;
    this.#withRoom.push(page);
    return AGAIN;
  }

  /** The number of a page that was given back, to be used again; one whose slots are all retired never is. */
  #gap(): number | undefined {
    for (let index = this.#gaps.pop(); index !== undefined; index = this.#gaps.pop()) {
      const first = index << this.shift;
      for (let i = 0; i < this.slotsPerPage; i++) {
        if (this.generationOf(first + i) <= this.#lastGeneration) return index;
      }
    }
    return undefined;
  }

  #grow(): void {
    const { length } = this.$table;
    const needed = WORDS * (this.pages.length << this.shift);
    if (needed <= length) return;
    const table = new Int32Array(Math.max(needed, 2 * length));
    table.set(this.$table);
    this.$table = table;
  }

  #release(page: SlabPage): number {
    page.life.view = null;
    page.$head = -1;
    this.pages[page.index] = undefined;
    this.#gaps.push(page.index);
    this.#empty--;
    this.#count--;
    if (this.$page === page) this.$page = NO_PAGE;
    if (page.$hasRoom) this.#withRoom.splice(this.#withRoom.indexOf(page), 1);
    page.$hasRoom = false;
    this.slab.$release(page.$chunk);
    return this.slab.pageSize;
  }
}
