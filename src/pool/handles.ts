/**
 * Handles: plain numbers that stand for records. A number can be stored anywhere and copied in any way; what it stands for may be
 * moved, so that live records can be packed into fewer pages. The record of a handle follows it when it moves.
 */

import { noLayout } from "../arena/arena.ts";
import { ArgumentError, PoolError, show } from "../errors.ts";
import type { Face } from "../layout/face.ts";
import { innerOf } from "../layout/inner.ts";
import type { Layout, RecordOf, ValuesOf } from "../layout/layout.ts";
import { Position } from "../memory/life.ts";
import { Slab, type SlabPage, type SlabSize } from "../memory/slab.ts";
import { Slots } from "../memory/slots.ts";
import type { Leak } from "../observe/leak.ts";
import { HANDLES, type Tag } from "../observe/tag.ts";
import { checkOpen, type Context, freed, Grave, sourceRefused } from "./context.ts";
import type { Heap, HeapEntry } from "./heap.ts";
import { initialise } from "./owned_box.ts";

/**
 * A number that stands for a record of a layout. It is a whole number below 2 ** 53: keep it in an `f64` column, in JSON, or send
 * it with `postMessage`; the type is all that is lost, and {@linkcode Handles.resolve} takes the layout instead.
 *
 * @typeParam L The layout of the record.
 */
export type Handle<L extends Layout = Layout> = number & {
  /** The type of the layout. There is no such property at run time. */
  readonly $layout?: L;
};

/** Options of {@linkcode Handles.compact}. */
export interface CompactOptions {
  /** How many bytes to move at most. @default {Infinity} */
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
  /** What their slots take. */
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

/** Keeps a record where it is, until it is disposed of. */
export class PinGuard {
  readonly #handles: Handles;
  readonly #handle: number;
  #isOpen = true;

  /** Made by {@linkcode Handles.pin}. */
  constructor(handles: Handles, handle: number) {
    this.#handles = handles;
    this.#handle = handle;
  }

  /**
   * Takes the pin off. A second call does nothing.
   *
   * @throws {PoolError} `FA401` if the handle was freed by then.
   */
  end(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#handles.unpin(this.#handle);
  }

  /** The same as {@linkcode PinGuard.end}. */
  [Symbol.dispose](): void {
    this.end();
  }
}

/** What is known of a handle: size, slot, layout, tag, frame, pins. A record that no slot can hold has the size -1. */
const NOTES = 6;
const SIZE = 0;
const SLOT = 1;
const LAYOUT = 2;
const TAG = 3;
const BORN = 4;
const PINS = 5;

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
  readonly #slab: Slab;
  readonly #heap: Heap;
  readonly #slots: Slots;
  readonly #layouts: Layout[] = [];
  readonly #graves: (Grave | undefined)[] = [];
  /** The record of each place, and its position; in release mode kept for the next one of the same layout. */
  readonly #records: (Face | undefined)[] = [];
  readonly #positions: Position[] = [];
  /** For each size, the place of the handle that has a slot. */
  readonly #placesBySlot: Int32Array[];
  #notes: Int32Array = new Int32Array(0);
  #pinned = 0;
  #moves = 0;

  /** Made by {@linkcode SmartAlloc.handles}. */
  constructor(context: unknown, heap: unknown) {
    const { config, ledger } = this.#context = context as Context;
    this.#heap = heap as Heap;
    this.#slots = new Slots();
    this.#slab = new Slab({
      source: config.source,
      sizes: config.poolClasses,
      pageSize: config.poolPageSize,
      idlePages: config.poolIdlePages,
      owner: { expired: (position) => this.#expired(position) },
      account: ledger,
    });
    this.#placesBySlot = this.#slab.sizes.map(() => new Int32Array(0));
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
    const { ledger } = this.#context;
    const number = this.#slots.take();
    if (number < 0) {
      throw new PoolError(
        "FA405",
        `Cannot allocate a handle of ${layout.name} as all ${this.#slots.height} numbers are in use: free some`,
      );
    }
    const place = this.#slots.find(number);
    try {
      this.#place(place, layout);
    } catch (error) {
      this.#slots.give(place);
      throw error;
    }
    this.#set(place, LAYOUT, innerOf(layout).id);
    this.#set(place, TAG, ledger.current.id);
    this.#set(place, BORN, ledger.frame);
    this.#set(place, PINS, 0);
    this.#layouts[innerOf(layout).id] = layout;
    try {
      initialise(layout, this.#records[place]!, init);
    } catch (error) {
      this.#free(place);
      throw error;
    }
    return number;
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
    if (layout !== undefined && innerOf(layout).id !== this.#notes[place * NOTES + LAYOUT]) {
      throw new ArgumentError(
        "FA008",
        `Cannot resolve handle ${handle} as ${layout.name} as it stands for a record of ${this.#layoutOf(place).name}`,
      );
    }
    return this.#records[place];
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
    if (this.#notes[place * NOTES + PINS]!++ === 0) this.#pinned++;
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
    const pins = this.#notes[place * NOTES + PINS]!;
    if (pins === 0) throw new PoolError("FA406", `Cannot unpin handle ${handle} as it is not pinned: pin it first`);
    this.#notes[place * NOTES + PINS] = pins - 1;
    if (pins === 1) this.#pinned--;
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
      throw new PoolError("FA403", `Cannot free handle ${handle} as it was freed before: free each once`);
    }
    const pins = this.#notes[place * NOTES + PINS]!;
    if (pins > 0) {
      throw new PoolError(
        "FA406",
        `Cannot free handle ${handle} as it is pinned ${pins} times: take the pins off first`,
      );
    }
    this.#free(place);
  }

  /**
   * How much of the pages is not in use: 0 if none of it, close to 1 if nearly all.
   */
  get fragmentation(): number {
    const { reserved } = this.#slab;
    return reserved === 0 ? 0 : 1 - this.#liveBytes / reserved;
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
    const { maxBytes = Infinity, onMove } = options;
    if (!(maxBytes >= 0)) {
      throw new ArgumentError("FA008", `Cannot move at most ${show(maxBytes)} bytes: give a number of zero or more`);
    }
    const before = this.fragmentation;
    const { reserved } = this.#slab;
    const moved: number[] = [];
    let movedBytes = 0;
    let isDone = true;
    for (const size of this.#slab.sizes) {
      const pages = this.#byFullness(size);
      let to = 0;
      for (let from = pages.length - 1; from > to && isDone; from--) {
        const page = pages[from]!;
        let holes = 0;
        for (let i = to; i < from; i++) holes += size.slotsPerPage - pages[i]!.live;
        if (holes < page.live || this.#hasPins(size, page)) break;
        for (const place of this.#placesIn(size, page)) {
          if (movedBytes + size.bytes > maxBytes) {
            isDone = false;
            break;
          }
          while (to < from && !this.#move(place, size, pages[to]!)) to++;
          if (to === from) break;
          movedBytes += size.bytes;
          moved.push(this.#slots.numberOf(place));
        }
      }
    }
    this.#slab.trim();
    this.#moves += moved.length;
    const freedBytes = reserved - this.#slab.reserved;
    const result = { moved: moved.length, movedBytes, freedBytes, isDone, before, after: this.fragmentation };
    if (onMove !== undefined) {
      for (const handle of moved) if (this.isValid(handle)) onMove(handle);
    }
    return result;
  }

  /** What is in use. */
  get stats(): HandleStats {
    return {
      live: this.#slots.live,
      pinned: this.#pinned,
      bytes: this.#liveBytes,
      reserved: this.#slab.reserved,
      fragmentation: this.fragmentation,
      moves: this.#moves,
      retired: this.#slots.retired,
    };
  }

  /** Gives empty pages back: not for use in programs. */
  $trim(): number {
    return this.#slab.trim();
  }

  /** The bytes in empty pages: not for use in programs. */
  get $idle(): number {
    return this.#slab.idle;
  }

  /** What was not freed: not for use in programs. */
  $leaks(): Leak[] {
    const { tags, frame } = this.#context.ledger;
    return this.#places().map((place) => ({
      kind: "handle",
      name: this.#layoutOf(place).name,
      tag: tags[this.#get(place, TAG)]!.path,
      bytes: this.#bytesOf(place),
      age: frame - this.#get(place, BORN),
    }));
  }

  /** Frees everything: not for use in programs. */
  $dispose(): void {
    for (const place of this.#places()) this.#free(place);
    this.#slab.dispose();
  }

  /** Gives a place memory. */
  #place(place: number, layout: Layout): void {
    const inner = innerOf(layout);
    const size = this.#slab.sizeFor(layout.size);
    let position: Position;
    if (size === undefined) {
      const entry = this.#heap.take(
        layout.size,
        false,
        HANDLES,
        `the record of a handle of ${layout.name}`,
        layout.name,
      );
      if (entry === undefined) throw this.#heap.refusal(`allocate a handle of ${layout.name}`, layout.size);
      position = new Position(entry.block.life, 0);
      this.#set(place, SIZE, -1);
    } else {
      const slot = this.#slot(size, layout);
      position = new Position(size.pageOf(slot).life, size.offsetOf(slot));
      this.#set(place, SIZE, size.index);
      this.#settle(place, size, slot);
    }
    this.#context.sites?.note(position);
    const known = this.#records[place];
    if (known !== undefined && this.#get(place, LAYOUT) === inner.id) {
      const old = this.#positions[place]!;
      old.life = position.life;
      old.offset = position.offset;
      return;
    }
    this.#positions[place] = position;
    this.#records[place] = new inner.Record(position, 0);
  }

  #slot(size: SlabSize, layout: Layout): number {
    const { ledger } = this.#context;
    const action = `allocate a handle of ${layout.name}`;
    if (!ledger.mayHave(size.bytes)) throw ledger.refusal(action);
    const slot = size.take();
    if (slot < 0) {
      throw this.#slab.isOverBudget
        ? ledger.refusal(action)
        : sourceRefused(action, this.#slab.pageSize, this.#slab.cause);
    }
    if (ledger.isShort(size.bytes)) {
      size.give(slot);
      throw ledger.refusal(action);
    }
    ledger.current.hold(HANDLES, size.bytes);
    return slot;
  }

  /** Notes which slot a place has. */
  #settle(place: number, size: SlabSize, slot: number): void {
    let places = this.#placesBySlot[size.index]!;
    if (slot >= places.length) {
      const larger = new Int32Array(size.capacity);
      larger.set(places);
      places = this.#placesBySlot[size.index] = larger;
    }
    places[slot] = place;
    this.#set(place, SLOT, slot);
  }

  #free(place: number): void {
    const tag = this.#context.ledger.tags[this.#get(place, TAG)]!;
    const position = this.#positions[place]!;
    const index = this.#get(place, SIZE);
    if (this.#get(place, PINS) > 0) this.#pinned--;
    if (index < 0) this.#heap.give(position.life.owner as HeapEntry);
    else {
      const size = this.#slab.sizes[index]!;
      size.give(this.#get(place, SLOT));
      tag.hold(HANDLES, -size.bytes);
    }
    if (!this.#context.recycles) {
      position.life = this.#grave(tag).life;
      this.#records[place] = undefined;
    }
    this.#slots.give(place);
  }

  /** Moves what a place stands for to another page; returns whether that had room. */
  #move(place: number, size: SlabSize, page: SlabPage): boolean {
    const to = size.takeFrom(page);
    if (to < 0) return false;
    const from = this.#get(place, SLOT);
    const source = size.pageOf(from).life.view!.buffer;
    const target = page.life.view!.buffer;
    new Uint8Array(target, size.offsetOf(to), size.bytes).set(new Uint8Array(source, size.offsetOf(from), size.bytes));
    const position = this.#positions[place]!;
    position.life = page.life;
    position.offset = size.offsetOf(to);
    this.#settle(place, size, to);
    size.give(from);
    return true;
  }

  /** The pages of a size, those first that cannot be emptied and those that are fullest. */
  #byFullness(size: SlabSize): SlabPage[] {
    const pages = size.pages.filter((page): page is SlabPage => page !== undefined && page.live > 0);
    const held = new Set(this.#pinned === 0 ? [] : pages.filter((page) => this.#hasPins(size, page)));
    return pages.sort((a, b) => Number(held.has(b)) - Number(held.has(a)) || b.live - a.live || a.index - b.index);
  }

  #hasPins(size: SlabSize, page: SlabPage): boolean {
    return this.#pinned > 0 && this.#placesIn(size, page).some((place) => this.#get(place, PINS) > 0);
  }

  /** The places whose slots are in a page. */
  #placesIn(size: SlabSize, page: SlabPage): number[] {
    const places = this.#placesBySlot[size.index]!;
    const first = page.index << size.shift;
    const found: number[] = [];
    for (let slot = first; slot < first + size.slotsPerPage; slot++) {
      if (size.isLive(slot)) found.push(places[slot]!);
    }
    return found;
  }

  /** All places in use. */
  #places(): number[] {
    return Array.from({ length: this.#slots.height }, (_, place) => place).filter((place) =>
      (this.#slots.generations[place]! & 1) === 1
    );
  }

  get #liveBytes(): number {
    let bytes = 0;
    for (const size of this.#slab.sizes) bytes += size.live * size.bytes;
    return bytes;
  }

  #bytesOf(place: number): number {
    const index = this.#get(place, SIZE);
    return index < 0 ? this.#layoutOf(place).size : this.#slab.sizes[index]!.bytes;
  }

  #find(handle: number, action: string): number {
    const place = this.#slots.find(handle);
    if (place < 0) throw this.#gone(handle, action);
    return place;
  }

  #get(place: number, what: number): number {
    return this.#notes[place * NOTES + what]!;
  }

  #set(place: number, what: number, value: number): void {
    if (place * NOTES >= this.#notes.length) {
      const larger = new Int32Array(Math.max(16 * NOTES, 2 * this.#notes.length)).fill(-1);
      larger.set(this.#notes);
      this.#notes = larger;
    }
    this.#notes[place * NOTES + what] = value;
  }

  #layoutOf(place: number): Layout {
    return this.#layouts[this.#get(place, LAYOUT)]!;
  }

  #gone(handle: number, action: string): PoolError {
    return this.#slots.isPast(handle)
      ? new PoolError("FA401", `Cannot ${action} handle ${handle} as it was freed: check isValid first`)
      : new PoolError(
        "FA404",
        `Cannot ${action} ${show(handle)} as it is no handle of this allocator: use what alloc returned`,
      );
  }

  /** The error of a record whose page was given back. */
  #expired(position: Position): Error {
    return freed(this.#context, "the record of a handle", this.#context.ledger.root, position);
  }

  #grave(tag: Tag): Grave {
    return this.#graves[tag.id] ??= new Grave(this.#context, "the record of a handle", tag);
  }
}
