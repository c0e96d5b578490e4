/**
 * Handles: plain numbers that stand for records. A number can be stored anywhere and copied in any way; what it stands for may be
 * moved, so that live records can be packed into fewer pages. The record of a handle follows it when it moves.
 */

import { ArgumentError, PoolError, show } from "../errors.ts";
import { innerOf, noLayout } from "../layout/inner.ts";
import type { Layout, RecordOf, ValuesOf } from "../layout/layout.ts";
import type { SlabPage, SlabSize } from "../memory/slab_size.ts";
import type { Slots } from "../memory/slots.ts";
import { checkOpen, type Context, freedTwice } from "./context.ts";
import type { HandleTable } from "./handle_table.ts";
import { PinGuard } from "./pin_guard.ts";

/**
 * A number that stands for a record of a layout. It is a whole number below 2 ** 53: keep it in an `f64` column, in JSON, or send it
 * with `postMessage`; the type is all that is lost, and {@linkcode Handles.resolve} takes the layout instead. It stands for a record of
 * this allocator alone, as long as that lives.
 *
 * @typeParam L The layout of the record.
 */
export type Handle<L extends Layout = Layout> = number & {
  /** The type of the layout. There is no such property at run time. */
  readonly $layout?: L;
};

/** Options of {@linkcode Handles.compact}. */
export interface CompactOptions {
  /** How many bytes to move at most; less than a slot moves nothing. @default {Infinity} */
  readonly maxBytes?: number;
  /** Is told of each handle that was moved, when everything has been moved. It may use the allocator as it likes. */
  readonly onMove?: (handle: number) => void;
}

/** What {@linkcode Handles.compact} came to. */
export interface Compaction {
  /** How many records were moved. */
  readonly moved: number;
  /** How many bytes were moved. */
  readonly movedBytes: number;
  /** How many bytes were given back to the chunk source. */
  readonly freedBytes: number;
  /** Whether nothing is left to be moved. */
  readonly isDone: boolean;
  /** {@linkcode Handles.fragmentation} before. */
  readonly before: number;
  /** {@linkcode Handles.fragmentation} after. */
  readonly after: number;
}

/** What is in use behind handles. All sizes are bytes. */
export interface HandleStats {
  /** Handles in use. */
  readonly live: number;
  /** Handles in use that are pinned. */
  readonly pinned: number;
  /** What their slots take; records that no slot can hold are blocks of the heap. */
  readonly bytes: number;
  /** What is held from the chunk source for slots. */
  readonly reserved: number;
  /** See {@linkcode Handles.fragmentation}. */
  readonly fragmentation: number;
  /** Records that were moved so far. */
  readonly moves: number;
  /** Numbers that were used as often as they can be. */
  readonly retired: number;
}

/**
 * Records behind numbers; see {@linkcode SmartAlloc.handles}.
 *
 * @example
 * ```ts
 * import { f32, PoolError, SmartAlloc, struct, vec3f } from "@framealloc/core";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * const Body = struct("Body", { at: vec3f, mass: f32 });
 * const { handles } = new SmartAlloc({ poolPageSize: 4096 });
 *
 * const bodies = Array.from({ length: 1000 }, (_, i) => handles.alloc(Body, { mass: i }));
 * bodies.forEach((body, i) => {
 *   if (i % 10 > 0) handles.free(body);
 * });
 * const { before, after } = handles.compact();
 * assertEquals(before > after, true);
 * assertEquals(handles.resolve(bodies[990]!).mass, 990); // it was moved, the number is the same
 *
 * const saved: number = JSON.parse(JSON.stringify(bodies[0]));
 * assertEquals(handles.resolve(saved, Body).mass, 0);
 * assertThrows(() => handles.resolve(bodies[1]!), PoolError, "FA401");
 * ```
 */
export class Handles {
  readonly #context: Context;
  readonly #table: HandleTable;
  readonly #slots: Slots;
  #moves = 0;

  /** Made by {@linkcode SmartAlloc.handles}. */
  constructor(context: unknown, table: unknown) {
    this.#context = context as Context;
    this.#table = table as HandleTable;
    this.#slots = this.#table.slots;
  }

  /**
   * Allocates a record, and a number for it.
   *
   * @param layout The layout.
   * @param init What to fill it with; it holds zeros where this leaves something out.
   * @returns The handle.
   * @throws {ArenaExhaustedError} `FA003` if the chunk source refuses.
   * @throws {BudgetError} `FA351` or `FA352` if a budget does.
   * @throws {PoolError} `FA405` if all 2 ** 24 numbers are in use.
   * @throws {LayoutError} `FA022` if `init` does not fit; nothing is allocated then.
   */
  alloc<L extends Layout>(layout: L, init?: ValuesOf<L>): Handle<L> {
    if (layout?.$inner === undefined) throw noLayout(layout);
    checkOpen(this.#context, `allocate a handle of ${layout.name}`);
    return this.#table.alloc(layout, init);
  }

  /**
   * The record of a handle. It is the same object each time, and follows its handle when that is moved.
   *
   * @param handle The handle.
   * @returns The record; for a scalar its cell.
   * @throws {PoolError} `FA401` if the handle was freed, `FA404` if it is none of this allocator.
   */
  resolve<L extends Layout>(handle: Handle<L>): RecordOf<L>;
  /**
   * The record of a handle that has lost its type on the way.
   *
   * @param handle The handle.
   * @param layout The layout of its record.
   * @returns The record; for a scalar its cell.
   * @throws {PoolError} `FA401` if the handle was freed, `FA404` if it is none of this allocator.
   * @throws {ArgumentError} `FA008` if its record is of another layout.
   */
  resolve<L extends Layout>(handle: number, layout: L): RecordOf<L>;
  resolve(handle: number, layout?: Layout): unknown {
    const place = this.#slots.find(handle);
    if (place < 0) throw this.#gone(handle, "resolve");
    if (layout !== undefined && layout?.$inner === undefined) throw noLayout(layout);
    if (layout !== undefined && innerOf(layout).id !== innerOf(this.#table.layoutOf(place)).id) {
      throw new ArgumentError(
        "FA008",
        `Cannot resolve handle ${handle} as ${layout.name} as it stands for a record of ${
          this.#table.layoutOf(place).name
        }: name the layout that it was allocated with`,
      );
    }
    return this.#table.record(place);
  }

  /**
   * Whether a number stands for a record now.
   *
   * @param handle Any number.
   * @returns Whether it does.
   */
  isValid(handle: number): boolean {
    return this.#slots.find(handle) >= 0;
  }

  /**
   * Keeps a record where it is: it is not moved until every pin is taken off. Pins are counted.
   *
   * @param handle The handle.
   * @returns A guard that takes the pin off; {@linkcode Handles.unpin} does so as well.
   * @throws {PoolError} `FA401` if the handle was freed, `FA404` if it is none of this allocator.
   */
  pin(handle: number): PinGuard {
    const place = this.#find(handle, "pin");
    this.#table.pin(place, 1);
    return new PinGuard(this, handle);
  }

  /**
   * Takes one pin off.
   *
   * @param handle The handle.
   * @throws {PoolError} `FA406` if it is not pinned; `FA401` or `FA404` if it is no handle now.
   */
  unpin(handle: number): void {
    const place = this.#find(handle, "unpin");
    if (this.#table.pins(place) === 0) {
      throw new PoolError("FA406", `Cannot unpin handle ${handle} as it is not pinned: pin it first`);
    }
    this.#table.pin(place, -1);
  }

  /**
   * Frees a record and its number.
   *
   * @param handle The handle.
   * @throws {PoolError} `FA403` if it was freed before, `FA404` if it is none of this allocator, `FA406` if it is pinned.
   */
  free(handle: number): void {
    const place = this.#slots.find(handle);
    if (place < 0) {
      if (!this.#slots.isPast(handle)) throw this.#gone(handle, "free");
      throw freedTwice(`handle ${handle}`);
    }
    const pins = this.#table.pins(place);
    if (pins > 0) {
      throw new PoolError(
        "FA406",
        `Cannot free handle ${handle} as it is pinned: take the pins off first, ${pins} in all`,
      );
    }
    this.#table.free(place);
  }

  /**
   * How much of the pages is not in use: 0 if none of it, close to 1 if nearly all.
   */
  get fragmentation(): number {
    const { reserved } = this.#table.slab;
    return reserved === 0 ? 0 : 1 - this.#table.liveBytes / reserved;
  }

  /**
   * Moves records that are not pinned out of the emptiest pages into the fullest that have room, and gives back the pages that
   * become empty. Handles and their records stay valid; raw views of a record's memory do not, unless it is pinned.
   *
   * @param options How much to move, and whom to tell.
   * @returns What it came to.
   * @throws {ArgumentError} `FA008` if `maxBytes` is no number of zero or more.
   */
  compact(options: CompactOptions = {}): Compaction {
    const { maxBytes = Infinity, onMove, ...unknown } = options ?? {};
    for (const option of Object.keys(unknown)) {
      throw new ArgumentError("FA008", `Cannot compact with the option ${show(option)}: use maxBytes and onMove`);
    }
    if (onMove !== undefined && typeof onMove !== "function") {
      throw new ArgumentError("FA008", `Cannot tell ${show(onMove)} what was moved: give a function`);
    }
    if (typeof maxBytes !== "number" || !(maxBytes >= 0)) {
      throw new ArgumentError("FA008", `Cannot move at most ${show(maxBytes)} bytes: give a number of zero or more`);
    }
    const before = this.fragmentation;
    const { reserved } = this.#table.slab;
    const moved: number[] = [];
    let movedBytes = 0;
    let isDone = true;
    for (const size of this.#table.slab.sizes) {
      const pages = this.#byFullness(size);
      let to = 0;
      for (let from = pages.length - 1; from > to && isDone; from--) {
        const page = pages[from]!;
        let holes = 0;
        for (let i = to; i < from; i++) holes += size.slotsPerPage - pages[i]!.live;
        if (holes < page.live || this.#hasPins(size, page)) break;
        for (const place of this.#table.placesIn(size, page)) {
          if (movedBytes + size.bytes > maxBytes) {
            isDone = false;
            break;
          }
          while (to < from && !this.#table.move(place, size, pages[to]!)) to++;
          if (to === from) break;
          movedBytes += size.bytes;
          moved.push(this.#slots.numberOf(place));
        }
      }
    }
    this.#table.slab.trim();
    this.#moves += moved.length;
    const freedBytes = reserved - this.#table.slab.reserved;
    const result = { moved: moved.length, movedBytes, freedBytes, isDone, before, after: this.fragmentation };
    if (onMove !== undefined) {
      for (const handle of moved) if (this.isValid(handle)) onMove(handle);
    }
    return result;
  }

  /** Takes a pin off, unless everything has ended: not for use in programs. */
  $unpin(handle: number): void {
    if (!this.#context.isDisposed) this.unpin(handle);
  }

  /** What is in use. */
  get stats(): HandleStats {
    return {
      live: this.#slots.live,
      pinned: this.#table.pinned,
      bytes: this.#table.liveBytes,
      reserved: this.#table.slab.reserved,
      fragmentation: this.fragmentation,
      moves: this.#moves,
      retired: this.#slots.retired,
    };
  }

  /** The pages of a size, those first that cannot be emptied and those that are fullest. */
  #byFullness(size: SlabSize): SlabPage[] {
    const pages = size.pages.filter((page): page is SlabPage => page !== undefined && page.live > 0);
    const held = new Set(this.#table.pinned === 0 ? [] : pages.filter((page) => this.#hasPins(size, page)));
    return pages.sort((a, b) => Number(held.has(b)) - Number(held.has(a)) || b.live - a.live || a.index - b.index);
  }

  #hasPins(size: SlabSize, page: SlabPage): boolean {
    return this.#table.pinned > 0 && this.#table.placesIn(size, page).some((place) => this.#table.pins(place) > 0);
  }

  #find(handle: number, action: string): number {
    const place = this.#slots.find(handle);
    if (place < 0) throw this.#gone(handle, action);
    return place;
  }

  #gone(handle: number, action: string): PoolError {
    return this.#slots.isPast(handle)
      ? new PoolError("FA401", `Cannot ${action} handle ${handle} as it was freed: check isValid first`)
      : new PoolError(
        "FA404",
        `Cannot ${action} ${show(handle)} as it is no handle of this allocator: use what alloc returned`,
      );
  }
}
