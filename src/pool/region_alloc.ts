/**
 * What can be allocated in a region that is no frame: a group, a scratch pool or a task.
 */

import { Arena } from "../arena/arena.ts";
import { ArenaMemory } from "../arena/arena_memory.ts";
import type { BoxOf } from "../arena/box.ts";
import type { FrameMap, KeyLayout } from "../arena/frame_map.ts";
import type { FrameString } from "../arena/frame_string.ts";
import { ConfigError, disposed, PoolError, show } from "../errors.ts";
import type { Batch } from "../layout/batch.ts";
import type { ColumnsOf } from "../layout/columns.ts";
import type { Layout, RecordOf, ValuesOf } from "../layout/layout.ts";
import type { NumberVec } from "../layout/number_vec.ts";
import type { RecordVec } from "../layout/record_vec.ts";
import type { Bool, NumericScalar } from "../layout/scalar.ts";
import type { Account } from "../memory/account.ts";
import type { ChunkSource } from "../memory/chunk_source.ts";
import type { Position } from "../memory/life.ts";
import { MIN_ALIGN, Region } from "../memory/region.ts";
import { MAX_CHUNK } from "../memory/segment.ts";
import type { TypedArrayConstructor, ViewOf } from "../memory/typed_array.ts";
import type { Kind } from "../observe/tag.ts";
import { madeAt } from "../observe/sites.ts";
import { Tally } from "../observe/tally.ts";
import type { Context } from "./context.ts";

/** How a region of its own is made. */
export interface RegionArenaOptions {
  readonly kind: Kind;
  /** What it is, for messages, such as `group "level 1"`. */
  readonly what: string;
  /** What ends its memory, for messages, such as `"reset or disposed of"`. */
  readonly end: string;
  /** What ends it itself, such as `"disposed of"`. */
  readonly last: string;
  readonly size: number;
  readonly maxBytes: number;
  /** Chunks that it shares with nobody, and who pays for them; they are detached at its end. Without, chunks of the allocator's source. */
  readonly chunks?: ChunkSource & Account;
}

/** A region of its own, booked to the tags that use it. */
export class RegionArena extends Arena {
  protected readonly context: Context;
  protected readonly what: string;
  readonly #end: string;
  readonly #last: string;
  readonly #tally: Tally | null;
  /** How often it was reset or disposed of. */
  resets = 0;

  constructor(context: Context, { kind, what, end, last, size, maxBytes, chunks }: RegionArenaOptions) {
    const { config, ledger } = context;
    if (!(Number.isInteger(size) && size >= MIN_ALIGN && size <= MAX_CHUNK)) {
      throw new ConfigError(
        "FA010",
        `Cannot make ${what} with ${show(size)} bytes: give a whole number from ${MIN_ALIGN} to ${MAX_CHUNK}`,
      );
    }
    if (typeof maxBytes !== "number" || !(maxBytes >= MIN_ALIGN)) {
      throw new ConfigError(
        "FA010",
        `Cannot make ${what} with at most ${show(maxBytes)} bytes: give a number of at least 16`,
      );
    }
    // It may never be reset, so nothing is kept to be recycled: every handle and view is a fresh one, in every safety mode.
    super(false, context.sites);
    this.context = context;
    this.what = what;
    this.#end = end;
    this.#last = last;
    this.#tally = config.stats === "tags" && chunks === undefined ? new Tally(ledger, kind) : null;
    const region = new Region({
      source: chunks ?? config.source,
      size,
      maxBytes,
      owner: this,
      name: what,
      tracked: chunks !== undefined || !context.recycles,
      revoke: chunks !== undefined || config.safety === "revoke",
      poison: config.debug,
      recycleViews: false,
      account: chunks ?? this.#tally ?? ledger,
    });
    this.memory = new ArenaMemory(region, false);
    this.region = region;
    if (this.#tally !== null) {
      this.#tally.region = region;
      region.allow(0);
    }
    if (chunks === undefined) region.open();
  }

  /** Frees everything and keeps the memory. */
  reset(): void {
    this.resets++;
    this.#tally?.clear();
    try {
      this.region.reset();
    } finally {
      if (this.#tally !== null) this.region.allow(0);
    }
  }

  /** Frees everything and gives the memory back. */
  dispose(): void {
    this.resets++;
    this.#tally?.clear();
    this.region.dispose();
  }

  /** The path of the tag that uses most of it; `""` if it has none. */
  get mainTag(): string {
    const shares = this.#tally?.shares ?? [];
    return shares.reduce((most, share) => share.bytes > most.bytes ? share : most, { path: "", bytes: 0 }).path;
  }

  refusal(what: string): Error {
    return this.region.refusal(`allocate ${what} in ${this.what}`);
  }

  expired(position: Position): Error {
    return new PoolError(
      "FA401",
      `Cannot use memory of ${this.what} as it was ${
        this.context.isDisposed ? "freed with its allocator" : this.#end
      }: let go of it by then, or copy it${madeAt(this.sites, position)}`,
    );
  }

  closed(action: string): Error {
    return this.ended(`${action} in`);
  }

  /** The error of something that cannot be done to it any more. */
  ended(action: string): Error {
    if (this.context.isDisposed) return disposed(`${action} ${this.what}`);
    return new PoolError("FA401", `Cannot ${action} ${this.what} as it was ${this.#last}: make another one`);
  }
}

/**
 * Allocates in a region of its own. All of it is freed at once; what happens to handles that are kept longer is decided by the
 * option `safety`, as for frames, with `FA401` in place of `FA002`. Fresh memory holds whatever was there before, unless a method
 * says otherwise. The memory is booked to the tags that are the innermost ones when it is allocated.
 *
 * Every method throws `FA401` after the end of the region, `FA003` if there is not enough memory, and `FA351` or `FA352` if a
 * budget refuses; nothing is changed then.
 *
 * @example
 * ```ts
 * import { f32, SmartAlloc, struct, vec3f } from "@framealloc/core";
 * import { assertEquals } from "@std/assert";
 *
 * const Tree = struct("Tree", { at: vec3f, height: f32 });
 * const alloc = new SmartAlloc();
 * const level = alloc.groups.create("level 1");
 * const trees = level.allocVec(Tree);
 * trees.push({ height: 12 });
 * const heights = level.allocSlice(Float32Array, 256, { zero: true });
 * assertEquals([trees.at(0).height, heights[255]], [12, 0]);
 * level.free();
 * ```
 */
export abstract class RegionAlloc {
  /** What is behind this; not for use in programs. */
  readonly $arena: unknown;
  readonly #arena: RegionArena;

  /** Made by an allocator. */
  constructor(arena: unknown) {
    this.$arena = arena;
    this.#arena = arena as RegionArena;
  }

  /** The bytes in use, with padding. */
  get used(): number {
    return this.#arena.region.used;
  }

  /** The bytes held from the chunk source, touched or not. */
  get reserved(): number {
    return this.#arena.region.reserved;
  }

  /** The allocations since the last reset. */
  get allocations(): number {
    return this.#arena.region.count;
  }

  /**
   * One record of a layout.
   *
   * @param layout The layout.
   * @returns The record; for a scalar a cell that holds one.
   */
  alloc<L extends Layout>(layout: L): RecordOf<L> {
    return (this.#arena.record(layout) ?? this.#refuse(layout.name)) as unknown as RecordOf<L>;
  }

  /**
   * One value, initialised: to zeros where `init` leaves something out.
   *
   * @param layout The layout.
   * @param init What to fill it with.
   * @returns The box; for a scalar its cell.
   * @throws {LayoutError} `FA022` if `init` does not fit.
   */
  allocBox<L extends Layout>(layout: L, init?: ValuesOf<L>): BoxOf<L> {
    return (this.#arena.box(layout, init) ?? this.#refuse(layout.name)) as unknown as BoxOf<L>;
  }

  /**
   * A typed array.
   *
   * @param constructor The kind of array, such as `Float32Array`.
   * @param length The number of elements.
   * @param options Whether to fill it with zeros.
   * @returns The array.
   * @throws {ArgumentError} `FA008` if the length is no whole number of zero or more.
   */
  allocSlice<C extends TypedArrayConstructor>(
    constructor: C,
    length: number,
    options?: { readonly zero?: boolean },
  ): ViewOf<C> {
    return this.#arena.slice(constructor, length, options?.zero === true) ?? this.#refuse("a slice");
  }

  /**
   * A growable list: of records for a layout, of numbers for a scalar layout or a typed array.
   *
   * @param of The layout of the elements, or a kind of typed array.
   * @param capacity The elements to make room for at once. @default {16}
   * @returns The empty list.
   * @throws {ArgumentError} `FA008` if the capacity is no whole number of zero or more.
   */
  allocVec<S extends NumericScalar>(of: S, capacity?: number): NumberVec<S["array"]>;
  /** A growable list of numbers. */
  allocVec<C extends TypedArrayConstructor>(of: C, capacity?: number): NumberVec<C>;
  /** A growable list of records. */
  allocVec<L extends Layout>(of: Exclude<L, Bool>, capacity?: number): RecordVec<L>;
  allocVec(of: Layout | TypedArrayConstructor, capacity?: number): unknown {
    return this.#arena.vec(of, capacity) ?? this.#refuse("a vec");
  }

  /**
   * A map from numbers to values.
   *
   * @param key The layout of the keys: a number of at most 32 bits, or `f64`.
   * @param value The layout of the values.
   * @param capacity The entries to make room for at once. @default {16}
   * @returns The empty map.
   * @throws {ArgumentError} `FA008` if a layout cannot serve, or the capacity is no whole number of zero or more.
   */
  allocMap<V extends Layout>(key: KeyLayout, value: V, capacity?: number): FrameMap<V> {
    return (this.#arena.map(key, value, capacity) ?? this.#refuse("a map")) as unknown as FrameMap<V>;
  }

  /**
   * A growable text, as UTF-8.
   *
   * @param text What it starts with. @default {""}
   * @returns The text.
   */
  allocString(text: string = ""): FrameString {
    return this.#arena.string(text) ?? this.#refuse("a text");
  }

  /**
   * Many records of one layout, side by side.
   *
   * @param layout The layout.
   * @param length The number of records.
   * @returns The batch.
   * @throws {ArgumentError} `FA008` if the length is no whole number of zero or more.
   */
  allocBatch<L extends Layout>(layout: L, length: number): Batch<L> {
    return (this.#arena.batch(layout, length, undefined) ?? this.#refuse(layout.name)) as unknown as Batch<L>;
  }

  /**
   * One typed array per scalar of a layout: the fastest thing to loop over.
   *
   * @param layout The layout.
   * @param length The number of elements.
   * @returns The columns.
   * @throws {ArgumentError} `FA008` if the length is no whole number of zero or more.
   */
  allocColumns<L extends Layout>(layout: L, length: number): ColumnsOf<L> {
    return (this.#arena.columns(layout, length) ?? this.#refuse(layout.name)) as ColumnsOf<L>;
  }

  #refuse(what: string): never {
    throw this.#arena.refusal(what);
  }
}
