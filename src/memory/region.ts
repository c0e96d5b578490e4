/**
 * Bump allocation with marks: allocating is adding to an offset, freeing is going back to an earlier one. Frames, scopes,
 * checkpoints, scratch pools, groups and tasks are thin layers on this.
 *
 * A region works in one main chunk. What does not fit is served from further chunks, so that nothing ever moves; the next cycle
 * then starts with a main chunk that is large enough.
 */

import { ArenaExhaustedError, ArgumentError, ConfigError, show } from "../errors.ts";
import { type Account, AGAIN, GRANTED, REFUSED, type Verdict } from "./account.ts";
import type { Chunk, ChunkSource } from "./chunk_source.ts";
import type { Handout } from "./handout.ts";
import { Life, type LifeOwner, Position } from "./life.ts";
import { MarkStack } from "./mark_stack.ts";
import type { Room } from "./room.ts";
import { MAX_CHUNK, Segment } from "./segment.ts";
import { SizePolicy } from "./size_policy.ts";
import type { TypedArray, TypedArrayConstructor, ViewOf } from "./typed_array.ts";
import { ViewCache } from "./view_cache.ts";

/** Everything is aligned to at least this many bytes, the width of a SIMD register. */
export const MIN_ALIGN: number = 16;

/** The largest alignment that can be asked for, in bytes. */
export const MAX_ALIGN: number = 4096;

/** A further chunk is as large as all before it together, but no larger than this unless one request is. */
const MAX_STEP = 64 * 1024 * 1024;

const POISON = 0xcd;

/** What a region has before it is opened. */
const NOTHING = new DataView(new ArrayBuffer(0));
const NO_VIEWS = new ViewCache(NOTHING.buffer, false);

/**
 * How a region gets, grows and ends its memory.
 *
 * @example
 * ```ts
 * import { type RegionOptions, wasmSource } from "@framealloc/core/memory";
 *
 * const options: RegionOptions = {
 *   source: wasmSource,
 *   size: 1024 * 1024,
 *   owner: { expired: () => new Error("The level was unloaded") },
 * };
 * ```
 */
export interface RegionOptions {
  /** Where chunks come from. */
  readonly source: ChunkSource;
  /** Bytes to start with, and to shrink back to. */
  readonly size: number;
  /** Who says why memory has ended. */
  readonly owner: LifeOwner;
  /** What it is, for messages, such as `level "forest"`. @default {"a region"} */
  readonly name?: string;
  /** Bytes of address space to ask for at once; by default 4 × `size` where the source is lazy, otherwise `size`. */
  readonly reserve?: number;
  /** Bytes in use that are never exceeded; by default there is no such limit. */
  readonly maxBytes?: number;
  /** Whether the region grows past `size` (the default) or refuses. */
  readonly growth?: "grow" | "fail";
  /** Whether ending memory ends its lives, so that handles notice (the default). Without it lives are recycled. */
  readonly tracked?: boolean;
  /** Whether a reset detaches every view of the region's memory. */
  readonly revoke?: boolean;
  /** Whether freed memory is overwritten with `0xCD`. */
  readonly poison?: boolean;
  /** Who pays for the memory. */
  readonly account?: Account;
  /** Whether the region is reset again and again, so that views of one cycle serve the next one (the default). */
  readonly recycleViews?: boolean;
}

/** A life that has lapsed: its memory is still in use, and it may be pardoned. */
interface Lapsed {
  readonly life: Life;
  readonly view: DataView;
  /** Where it was among the open lives. */
  readonly level: number;
}

/** Why an allocation was refused. */
export type Refusal = "closed" | "limit" | "fixed" | "source" | "account";

/**
 * Memory that is allocated by moving an offset forward and freed all at once, back to a mark or to the start.
 *
 * An offset counts from the start of the current chunk: keep it together with {@linkcode Region.life}, or let
 * {@linkcode Region.at} do so. Fresh memory holds whatever was there before.
 *
 * @example Allocate, go back, and see that the handle knows
 * ```ts
 * import { arrayBufferSource, Region, viewOf } from "@framealloc/core/memory";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * const region = new Region({
 *   source: arrayBufferSource,
 *   size: 4096,
 *   owner: { expired: () => new Error("The level was unloaded") },
 * });
 * region.open();
 * const mark = region.mark();
 * const position = region.at(region.alloc(64));
 * viewOf(position).setInt32(position.offset, 42, true);
 * assertEquals(region.used, 64);
 * region.rewind(mark);
 * assertEquals(region.used, 0);
 * assertThrows(() => viewOf(position), Error, "unloaded");
 * ```
 */
export class Region implements Room {
  /** Bytes handed out in the current chunk. */
  declare offset: number;
  /** Bytes of the current chunk that may be handed out; below zero while the region is closed. */
  declare limit: number;
  /** The life that memory allocated now belongs to. */
  declare life: Life;
  /** The recycled views of the current chunk. */
  declare views: ViewCache;
  /** Allocations since the last reset, whether rewound since or not. */
  declare count: number;
  /** The number that lives opened from now on carry; see {@linkcode Life.serial}. */
  declare serial: number;

  readonly #options: RegionOptions;
  readonly #policy: SizePolicy;
  readonly #maxBytes: number;
  readonly #tracked: boolean;
  readonly #segments: Segment[] = [];
  /** The lives opened since the last reset, oldest first; only the first `#height` count. */
  readonly #lives: Life[] = [];
  #height = 0;
  #lapsed: Lapsed[] = [];
  /** How many of the views are for lists alone. */
  #hidden = 0;
  #current = 0;
  #open = false;
  /** Whether it was closed by whoever owns it, who is not asked to open it again then. */
  #isClosed = false;
  /** What the next allocation is to be aligned to, if that could not be done yet. */
  #skipped = 16;
  /** How far the account lets the bytes in use go. */
  #allowed = Infinity;
  #wanted: number;
  #peak = 0;
  #overflows = 0;
  #overflowed = false;
  readonly #marks: MarkStack = new MarkStack();
  #refusal: Refusal = "closed";
  #refusedBytes = 0;
  #cause: unknown;

  /**
   * Describes a region. It has no memory until it is opened.
   *
   * @param options How it gets, grows and ends its memory.
   * @throws {ConfigError} `FA010` if the size is no whole number of bytes up to {@linkcode MAX_CHUNK}.
   * @throws {ConfigError} `FA011` if `revoke` is set and the source is not revocable.
   */
  constructor(options: RegionOptions) {
    const { source, size } = options;
    if (!Number.isInteger(size) || size < MIN_ALIGN || size > MAX_CHUNK) {
      throw new ConfigError(
        "FA010",
        `Cannot make a region of size ${show(size)}: give ${MIN_ALIGN} to ${MAX_CHUNK} bytes`,
      );
    }
    if (options.revoke === true && !source.capabilities.revocable) {
      throw new ConfigError(
        "FA011",
        `Cannot revoke memory of the source "${source.name}" as its views cannot be detached: use another source or no "revoke"`,
      );
    }
    this.#options = options;
    this.#policy = new SizePolicy(ceil16(size));
    this.#maxBytes = floor16(options.maxBytes ?? Infinity);
    this.#tracked = options.tracked ?? true;
    this.#wanted = this.#least;
    this.offset = 0;
    this.limit = -1;
    this.count = 0;
    this.serial = 0;
    this.life = new Life(NOTHING, options.owner);
    this.life.view = null;
    this.views = NO_VIEWS;
  }

  /** The size to start with and to shrink back to. */
  get #least(): number {
    return Math.min(this.#policy.configured, this.#maxBytes);
  }

  /** Whether memory can be allocated now. */
  get isOpen(): boolean {
    return this.#open;
  }

  /** The bytes in use, with the padding between allocations. */
  get used(): number {
    return this.offset + (this.#segments[this.#current]?.base ?? 0);
  }

  /** The most bytes in use at once since the last reset. */
  get peak(): number {
    return Math.max(this.#peak, this.used);
  }

  /** The bytes that can be handed out without growing. */
  get committed(): number {
    let bytes = 0;
    for (const segment of this.#segments) bytes += segment.limit;
    return bytes;
  }

  /** The bytes held from the source, touched or not. */
  get reserved(): number {
    let bytes = 0;
    for (const segment of this.#segments) bytes += segment.capacity;
    return bytes;
  }

  /** The bytes that can still be handed out within the configured limits, as far as the source gives them. */
  get remaining(): number {
    const limit = this.#options.growth === "fail" ? this.#policy.configured : this.#maxBytes;
    return Math.max(0, limit - this.used);
  }

  /** The views that were handed out since the last reset and not freed since; 0 where none is recycled. */
  get viewsOut(): number {
    let views = -this.#hidden;
    for (let i = 0; i <= this.#current; i++) views += this.#segments[i]?.views.count ?? 0;
    return Math.max(0, views);
  }

  /**
   * Where a view of this region was handed out.
   *
   * @param view Any array.
   * @returns The place; `null` if it lies in a chunk of this region and is not out, and nothing if it lies elsewhere.
   */
  handoutOf(view: TypedArray): Handout | null | undefined {
    const { buffer } = view;
    for (const { chunk, views } of this.#segments) if (chunk.buffer === buffer) return views.find(view) ?? null;
    return undefined;
  }

  /** The chunks that hold something now, or are about to. */
  get chunksInUse(): number {
    return this.#segments.length === 0 ? 0 : this.#current + 1;
  }

  /**
   * A chunk in use, in the order in which they were filled.
   *
   * @param index From 0 to {@linkcode Region.chunksInUse} - 1.
   * @returns The chunk, as the source has given it.
   */
  chunkAt(index: number): Chunk {
    return this.#segments[index]!.chunk;
  }

  /**
   * The bytes in use in one chunk, counted from its start.
   *
   * @param index From 0 to {@linkcode Region.chunksInUse} - 1.
   * @returns The bytes, with the padding between allocations.
   */
  usedIn(index: number): number {
    return index < this.#current ? this.#segments[index + 1]!.base - this.#segments[index]!.base : this.offset;
  }

  /** The chunks beside the main one that are held now. */
  get extraChunks(): number {
    return Math.max(0, this.#segments.length - 1);
  }

  /** How often a further chunk was needed since the region was made. */
  get overflows(): number {
    return this.#overflows;
  }

  /**
   * Allows allocation, from the start of the main chunk or from where {@linkcode Region.close} left off.
   *
   * @throws {ArenaExhaustedError} `FA003` if the region has no chunk yet and the source refuses to give one.
   * @throws The account's error if it has none yet and the account does not pay for one.
   */
  open(): void {
    // Not while a life is open: it sees the chunk that is there.
    while (!this.#open && this.#height === 0 && this.#resize() === AGAIN);
    if (this.#open) return;
    this.#open = true;
    this.#isClosed = false;
    this.#enter(this.#current, this.offset);
    if (this.#height === 0) this.#begin();
  }

  /** Stops allocation. What was allocated stays valid until a reset. */
  close(): void {
    this.#isClosed = true;
    this.#open = false;
    this.limit = -1;
  }

  /**
   * Allocates.
   *
   * @param bytes How many bytes; must be a whole number, zero or more.
   * @param align A power of two up to {@linkcode MAX_ALIGN}; everything is aligned to 16 at least.
   * @returns The offset in the current chunk, or -1 if refused: {@linkcode Region.refusal} tells why.
   * @throws {ArgumentError} `FA008` if the alignment is above 16 and no such power of two.
   */
  alloc(bytes: number, align: number = 16): number {
    const start = this.offset;
    const end = start + bytes;
    if (end > this.limit || align > 16) return this.#allocSlow(bytes, align);
    this.offset = (end + 15) & -16;
    this.count++;
    return start;
  }

  /**
   * Has the next allocation start at a multiple of more than 16 bytes, whoever makes it; the padding counts as in use.
   *
   * @param align A power of two up to {@linkcode MAX_ALIGN}.
   */
  skip(align: number): void {
    const start = (this.offset + align - 1) & -align;
    if (start <= this.limit) this.offset = start;
    else if (this.#open) {
      // The account is to be asked for the padding as well, or another chunk needs none.
      this.#skipped = align;
      this.limit = -1;
    }
  }

  /**
   * Lets the bytes in use grow by so much before the account is asked again; a reset takes back what is left of it. Without an account
   * nothing needs to be allowed.
   *
   * @param bytes How many more bytes; `Infinity` for as many as there are.
   */
  allow(bytes: number): void {
    if (this.#options.account === undefined) return;
    this.#allowed = this.used + floor16(bytes);
    if (this.#open) this.limit = this.#reach(this.#segments[this.#current]!);
  }

  /**
   * A position in the current chunk.
   *
   * @param offset An offset that {@linkcode Region.alloc} has just returned.
   * @returns A fresh position of the current life.
   */
  at(offset: number): Position {
    return new Position(this.life, offset);
  }

  /**
   * A typed array over memory of the current chunk; recycled from the last cycle where it was the same one.
   *
   * @param constructor The kind of array.
   * @param offset An offset that {@linkcode Region.alloc} has returned since the last change of chunk.
   * @param length The number of elements.
   * @returns The view.
   */
  view<C extends TypedArrayConstructor>(constructor: C, offset: number, length: number): ViewOf<C> {
    return this.views.next(constructor, offset, length);
  }

  /**
   * A typed array over memory of this region, whichever chunk it is in.
   *
   * @param position A position of this region.
   * @param constructor The kind of array.
   * @param length The number of elements.
   * @param isHidden Whether it is for a list alone, and never handed out.
   * @returns The view.
   */
  viewAt<C extends TypedArrayConstructor>(
    position: Position,
    constructor: C,
    length: number,
    isHidden: boolean = false,
  ): ViewOf<C> {
    if (isHidden) this.#hidden++;
    const view = position.life.view;
    for (let i = this.#current; i >= 0; i--) {
      const segment = this.#segments[i];
      if (segment !== undefined && segment.view === view) {
        return segment.views.next(constructor, position.offset, length);
      }
    }
    throw this.#options.owner.expired(position);
  }

  /**
   * Takes the last allocation back, as long as it is the last one.
   *
   * @param offset What {@linkcode Region.alloc} has just returned.
   */
  undo(offset: number): void {
    this.offset = offset;
    this.count--;
  }

  /**
   * Makes the last allocation larger where it lies.
   *
   * @param life The life that it belongs to.
   * @param end The offset at which it ends now, not rounded up.
   * @param bytes How many bytes to add.
   * @returns Whether it was the last one and there was room; if not, nothing was changed.
   */
  extend(life: Life, end: number, bytes: number): boolean {
    const last = (end + bytes + 15) & -16;
    if (!this.#open || this.life !== life || this.offset !== ((end + 15) & -16)) return false;
    if (end + bytes > this.limit) {
      const segment = this.#segments[this.#current]!;
      if (last > segment.limit || segment.base + last <= this.#allowed) return false;
      const verdict = this.#options.account!.admit(last - this.offset);
      return verdict !== REFUSED && this.extend(life, end, bytes);
    }
    this.offset = last;
    return true;
  }

  /**
   * Remembers how far the region is. Marks are a stack: going back to one drops those after it.
   *
   * @returns The mark, for {@linkcode Region.rewind}.
   */
  mark(): number {
    const mark = this.#marks.push(this.#current, this.offset, this.views.count, this.#hidden, this.#height);
    if (this.#tracked && this.#height > 0) this.#begin(); // also while closed: it may be opened again before the rewind
    return mark;
  }

  /**
   * A number that no other mark of this region ever has, to recognise a mark that was dropped and whose place was taken.
   *
   * @param mark A mark.
   * @returns Its number, or 0 if there is no such mark now.
   */
  markSerial(mark: number): number {
    return this.#marks.serial(mark);
  }

  /**
   * Frees everything allocated since a mark, and drops the mark and all after it.
   *
   * @param mark What {@linkcode Region.mark} returned.
   * @throws {ArgumentError} `FA008` if there is no such mark now.
   */
  rewind(mark: number): void {
    if (!(mark >= 0 && mark < this.#marks.count)) {
      throw new ArgumentError("FA008", `Cannot rewind to mark ${mark} as ${this.#marks.count} marks are set`);
    }
    this.#notePeak();
    const segment = this.#marks.segments[mark]!;
    const offset = this.#marks.offsets[mark]!;
    if (this.#options.poison === true) this.#poison(segment, offset);
    const lives = this.#marks.lives[mark]!;
    this.#end(lives);
    this.#marks.count = mark;
    for (let i = segment + 1; i <= this.#current; i++) this.#segments[i]!.views.count = 0;
    this.#enter(segment, offset);
    this.views.count = this.#marks.views[mark]!;
    this.#hidden = this.#marks.hidden[mark]!;
    this.life = this.#lives[lives - 1] ?? this.life;
    if (lives === 0 && this.#open) this.#begin(); // the mark is from before it was opened
  }

  /**
   * Drops a mark and all after it, and keeps what was allocated since.
   *
   * @param mark What {@linkcode Region.mark} returned.
   */
  keep(mark: number): void {
    if (mark < this.#marks.count) this.#marks.count = mark;
  }

  /**
   * Frees everything and drops all marks. Chunks that were added are given back; the next {@linkcode Region.open} brings one
   * that is large enough. A region that revokes detaches every view.
   */
  reset(): void {
    // What was allowed was allowed from where the region was.
    if (this.#allowed !== Infinity) this.#allowed = 0;
    const main = this.#segments[0];
    if (main === undefined) return;
    this.#notePeak();
    if (this.#options.poison === true) this.#poison(0, 0);
    this.#end(0);
    this.#marks.count = 0;
    for (let i = this.#segments.length - 1; i > 0; i--) this.#release(this.#segments.pop()!);
    if (this.#options.growth !== "fail") {
      const peak = this.#overflowed ? Math.max(this.#peak, main.limit + 1) : this.#peak;
      const settled = this.#policy.settle(peak, main.limit);
      this.#wanted = Math.min(this.#rounded(settled), this.#maxBytes, MAX_CHUNK);
    }
    if (this.#options.revoke === true) main.revoke(this.#options.owner, this.serial);
    this.#peak = 0;
    this.#overflowed = false;
    this.count = 0;
    this.#hidden = 0;
    main.views.count = 0;
    this.#enter(0, 0);
    if (!this.#open) return;
    // In use again before the account is asked, which may run a callback, and that may throw.
    this.#begin();
    let verdict = this.#resize();
    while (verdict === AGAIN && this.#open && this.count === 0) verdict = this.#resize();
    if (verdict !== GRANTED) return;
    this.#end(0);
    this.#enter(0, 0);
    this.#begin();
  }

  /**
   * Closes the region and ends the lives of everything allocated so far, while the memory stays in use: what is allocated after this
   * has lives of its own.
   *
   * @param owner Who says why they have ended, and may pardon one with {@linkcode Region.revive}.
   */
  lapse(owner: LifeOwner): void {
    this.#open = false;
    this.limit = -1;
    for (const { life } of this.#lapsed) {
      life.view = null;
      life.owner = owner;
    }
    for (let level = 0; level < this.#height; level++) {
      const life = this.#lives[level]!;
      const view = life.view!;
      const next = this.#lives[level] = new Life(view, life.owner, life.serial);
      for (const segment of this.#segments) if (segment.life === life) segment.life = next;
      this.#lapsed.push({ life, view, level });
      life.view = null;
      life.owner = owner;
    }
    this.life = this.#lives[this.#height - 1] ?? this.life;
  }

  /**
   * Takes back that a life has lapsed, until the next lapse or the end of its memory.
   *
   * @param life The life.
   * @returns Its memory, or `undefined` if it has not lapsed, or its memory has been freed since.
   */
  revive(life: Life): DataView | undefined {
    for (const lapsed of this.#lapsed) {
      if (lapsed.life !== life) continue;
      life.owner = this.#options.owner;
      return life.view = lapsed.view;
    }
    return undefined;
  }

  /**
   * How far into the bytes in use a position of a lapsed life is.
   *
   * @param position The position.
   * @returns Bytes from the start of the first chunk, as {@linkcode Region.used} counts them; -1 if its memory has been freed since.
   */
  lapsedPlace({ life, offset }: Position): number {
    const view = this.#lapsed.find((lapsed) => lapsed.life === life)?.view;
    const segment = this.#segments.find((segment) => segment.view === view);
    return segment === undefined ? -1 : segment.base + offset;
  }

  /**
   * Whether a life has lapsed, and its memory is still in use.
   *
   * @param life The life.
   * @returns Whether it has.
   */
  hasLapsed(life: Life): boolean {
    return this.#lapsed.some((lapsed) => lapsed.life === life && life.view === null);
  }

  /**
   * Gives back what is not needed now: chunks kept beyond the current one, and, as long as nothing was allocated since the last
   * reset, a main chunk that has grown past the configured size.
   *
   * @returns The bytes given back.
   */
  trim(): number {
    const before = this.reserved;
    while (this.#segments.length > this.#current + 1) this.#release(this.#segments.pop()!);
    const isUntouched = this.count === 0 && this.#marks.count === 0;
    if (isUntouched && this.#segments.length > 0 && this.#segments[0]!.limit > this.#least) {
      this.#wanted = this.#least;
      // A region that was closed since it was opened has a life in the old chunk as well.
      if (this.#resize() === GRANTED && this.#height > 0) {
        this.#enter(0, 0);
        this.#end(0);
        this.#begin();
      }
    }
    return Math.max(0, before - this.reserved);
  }

  /** Ends every life and gives all memory back. Opening the region again starts anew. */
  dispose(): void {
    this.close();
    this.#end(0);
    this.#marks.count = 0;
    for (const segment of this.#segments) {
      segment.life.view = null; // also where lives are not tracked: the memory is gone
      this.#release(segment);
    }
    this.#segments.length = 0;
    this.#current = 0;
    this.#allowed = Infinity;
    this.#peak = 0;
    this.#wanted = this.#least;
    this.offset = 0;
    this.count = 0;
  }

  /** Why the last allocation was refused. */
  get refusedBy(): Refusal {
    return this.#refusal;
  }

  /**
   * The error of the last refused allocation.
   *
   * @param action What was attempted, to follow the word "Cannot".
   * @returns An `FA003` that says why; for a closed region the error that its owner prefers, and the account's own where that refused.
   */
  refusal(action: string): Error {
    const { source, growth, owner, account } = this.#options;
    if (this.#refusal === "account") return account!.refusal(action);
    if (this.#refusal === "closed" && owner.closed !== undefined) return owner.closed(action);
    const cause = this.#refusal === "source" ? { cause: this.#cause } : undefined;
    const left = this.remaining;
    const reason = this.#refusal === "source"
      ? `the source "${source.name}" refused to give a chunk of ${this.#refusedBytes} bytes: free memory or configure less`
      : this.#refusal === "closed"
      ? "the region is closed: open it first"
      : this.#refusal === "fixed"
      ? `${left} of ${this.#policy.configured} bytes remain and growth is "${growth}": raise the size or allow growth`
      : this.#refusedBytes > MAX_CHUNK
      ? `one allocation takes at most ${MAX_CHUNK} bytes: split it`
      : `${left} of at most ${this.#maxBytes} bytes remain: raise the limit or allocate less`;
    return new ArenaExhaustedError(`Cannot ${action} as ${reason}`, this.#refusedBytes, left, cause);
  }

  #allocSlow(bytes: number, align: number): number {
    if (!(align <= MAX_ALIGN) || (align & (align - 1)) !== 0) {
      throw new ArgumentError(
        "FA008",
        `Cannot align to ${show(align)} bytes: give a power of two up to ${MAX_ALIGN}`,
      );
    }
    const most = Math.max(align, this.#skipped);
    this.#skipped = 16;
    return this.#allocAligned(bytes, most);
  }

  #allocAligned(bytes: number, align: number): number {
    this.#refusedBytes = bytes;
    if (!this.#open && !this.#reopened()) return this.#refuse("closed");
    const segment = this.#segments[this.#current]!;
    const start = (this.offset + align - 1) & -align;
    const end = start + bytes;
    if (segment.base + ceil16(end) > this.#allowed) {
      const verdict = this.#options.account!.admit(ceil16(end) - this.offset);
      return verdict === REFUSED ? this.#refuse("account") : this.#allocAligned(bytes, align);
    }
    if (end <= segment.limit) return this.#take(start, end);
    if (bytes > MAX_CHUNK) return this.#refuse("limit");
    if (this.#options.growth === "fail") return this.#refuse("fixed");
    const verdict = end <= segment.capacity ? this.#raise(segment, end) : this.#chain(bytes);
    return verdict === REFUSED ? this.#refuse(this.#refusal) : this.#allocAligned(bytes, align);
  }

  /** Whether the owner has opened it, as memory is asked for. */
  #reopened(): boolean {
    return !this.#isClosed && this.#options.owner.reopen?.() === true && this.#open;
  }

  #take(start: number, end: number): number {
    this.limit = this.#reach(this.#segments[this.#current]!);
    this.offset = ceil16(end);
    this.count++;
    return start;
  }

  #refuse(refusal: Refusal): number {
    this.#refusal = refusal;
    if (this.#open) this.limit = this.#reach(this.#segments[this.#current]!);
    return -1;
  }

  #refused(refusal: Refusal, bytes: number = this.#refusedBytes): Verdict {
    this.#refusal = refusal;
    this.#refusedBytes = bytes;
    return REFUSED;
  }

  /** Hands out more of the current chunk, at least up to `end`. */
  #raise(segment: Segment, end: number): Verdict {
    const least = ceil16(end);
    if (segment.base + least > this.#maxBytes) return this.#refused("limit");
    const most = Math.min(Math.max(least, 2 * segment.limit), segment.capacity, this.#maxBytes - segment.base);
    let limit = most;
    let verdict = this.#hold(most - segment.limit);
    if (verdict === REFUSED && least < most) {
      limit = least;
      verdict = this.#hold(least - segment.limit);
    }
    if (verdict !== GRANTED) return verdict;
    segment.limit = limit;
    this.limit = this.#reach(segment);
    return GRANTED;
  }

  /** Goes on in a further chunk: one kept from before a rewind if it is large enough, otherwise a new one. */
  #chain(bytes: number): Verdict {
    const base = this.used;
    if (base + ceil16(bytes) > this.#maxBytes) return this.#refused("limit");
    const next = this.#current + 1;
    const kept = this.#segments[next];
    const isFit = kept !== undefined && kept.capacity >= bytes;
    const step = this.#rounded(Math.max(bytes, Math.min(this.committed, MAX_STEP)));
    const size = isFit ? kept.capacity : Math.min(step, Math.max(ceil16(bytes), this.#maxBytes - base));
    const most = Math.min(size, MAX_CHUNK, this.#maxBytes - base);
    const held = isFit ? kept.limit : 0;
    let limit = most;
    let verdict = this.#hold(limit - held);
    const least = this.#rounded(bytes);
    if (verdict === REFUSED && least < most) {
      limit = Math.min(Math.max(least, held), most);
      verdict = this.#hold(limit - held);
    }
    if (verdict !== GRANTED) return verdict;
    if (limit < held) this.#options.account?.drop(held - limit);
    if (!isFit) {
      const chunk = this.#obtain(Math.max(limit, ceil16(bytes)));
      if (chunk === undefined) {
        this.#options.account?.drop(limit);
        return this.#refused("source");
      }
      while (this.#segments.length > next) this.#release(this.#segments.pop()!);
      this.#segments.push(this.#segment(chunk, limit, base));
    }
    const segment = this.#segments[next]!;
    segment.base = base;
    segment.limit = limit;
    segment.views.count = 0;
    this.#overflows++;
    this.#overflowed = true;
    this.#enter(next, 0);
    this.#begin();
    return GRANTED;
  }

  /**
   * Brings the main chunk to the wanted size. A source or an account that refuses is no harm while there is a chunk already.
   *
   * @returns Whether there is another size now.
   */
  #resize(): Verdict {
    const main = this.#segments[0];
    const held = main?.limit ?? 0;
    if (main !== undefined && held === this.#wanted) return REFUSED;
    const verdict = this.#hold(this.#wanted - held);
    if (verdict === AGAIN) return AGAIN;
    if (verdict === REFUSED) {
      if (main === undefined) throw this.refusal(`open ${this.#options.name ?? "a region"}`);
      this.#wanted = held;
      return REFUSED;
    }
    if (main !== undefined && this.#wanted <= main.capacity && this.#wanted > held) {
      main.limit = this.#wanted;
      return GRANTED;
    }
    const { source, reserve, growth } = this.#options;
    const lazy = growth === "fail"
      ? this.#wanted
      : reserve ?? (source.capabilities.lazy ? 4 * this.#policy.configured : 0);
    const chunk = this.#obtain(Math.min(Math.max(this.#wanted, Math.min(ceil16(lazy), this.#maxBytes)), MAX_CHUNK));
    if (chunk === undefined) {
      if (this.#wanted > held) this.#options.account?.drop(this.#wanted - held);
      if (main === undefined) {
        this.#refused("source", this.#wanted);
        throw this.refusal(`open ${this.#options.name ?? "a region"}`);
      }
      this.#wanted = held;
      return REFUSED;
    }
    if (main !== undefined && this.#options.revoke === true) main.chunk.revoke();
    if (main !== undefined) main.views.count = 0;
    main?.chunk.release();
    if (this.#wanted < held) this.#options.account?.drop(held - this.#wanted);
    this.#segments[0] = this.#segment(chunk, this.#wanted, 0);
    return GRANTED;
  }

  /** Asks the account for more; less than none is granted at once. */
  #hold(bytes: number): Verdict {
    const { account } = this.#options;
    if (account === undefined || bytes <= 0) return GRANTED;
    const verdict = account.hold(bytes);
    return verdict === REFUSED ? this.#refused("account") : verdict;
  }

  /** What the source gives for so many bytes. */
  #rounded(bytes: number): number {
    return this.#options.source.sizeFor?.(bytes) ?? ceil16(bytes);
  }

  #segment(chunk: Chunk, limit: number, base: number): Segment {
    const { owner, recycleViews = true } = this.#options;
    return new Segment(chunk, limit, base, owner, this.serial, recycleViews);
  }

  #release(segment: Segment): void {
    segment.views.count = 0;
    // Whatever the source does with the chunk, its views are gone.
    if (this.#options.revoke === true) segment.chunk.revoke();
    segment.chunk.release();
    this.#options.account?.drop(segment.limit);
  }

  #obtain(bytes: number): Chunk | undefined {
    try {
      const chunk = this.#options.source.obtain(bytes);
      if (chunk.buffer.byteLength >= bytes) return chunk;
      this.#cause = new RangeError(`The source gave ${chunk.buffer.byteLength} of ${bytes} bytes`);
      chunk.release();
    } catch (error) {
      this.#cause = error;
    }
    this.#refusedBytes = bytes;
    return undefined;
  }

  #enter(index: number, offset: number): void {
    const segment = this.#segments[index]!;
    this.#current = index;
    this.offset = offset;
    this.limit = this.#open ? this.#reach(segment) : -1;
    this.views = segment.views;
  }

  /** How far a segment may be handed out without asking anybody. */
  #reach(segment: Segment): number {
    return Math.min(segment.limit, this.#allowed - segment.base);
  }

  /** Opens a life over the current chunk. An untracked region has one per chunk and uses it again and again. */
  #begin(): void {
    const segment = this.#segments[this.#current]!;
    if (this.#tracked) segment.life = new Life(segment.view, this.#options.owner, this.serial);
    else segment.life.serial = this.serial;
    this.life = segment.life;
    this.#lives[this.#height++] = segment.life;
  }

  #end(from: number): void {
    if (this.#tracked) {
      for (let i = from; i < this.#height; i++) this.#lives[i]!.view = null;
    }
    if (this.#lapsed.length > 0) this.#endLapsed(from);
    this.#height = from;
  }

  #endLapsed(from: number): void {
    for (const { life, level } of this.#lapsed) if (level >= from) life.view = null;
    this.#lapsed = this.#lapsed.filter(({ level }) => level < from);
  }

  #notePeak(): void {
    const used = this.used;
    if (used > this.#peak) this.#peak = used;
  }

  #poison(segment: number, offset: number): void {
    for (let i = segment; i <= this.#current; i++) {
      new Uint8Array(this.#segments[i]!.chunk.buffer).fill(POISON, i === segment ? offset : 0, this.usedIn(i));
    }
  }
}

function ceil16(bytes: number): number {
  return Math.ceil(bytes / 16) * 16;
}

function floor16(bytes: number): number {
  return Math.floor(bytes / 16) * 16;
}
