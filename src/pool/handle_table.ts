/**
 * The table behind handles: for each number a record in a slot of a slab, and how to move it to another slot.
 */

import { PoolError } from "../errors.ts";
import type { Face } from "../layout/face.ts";
import { innerOf } from "../layout/inner.ts";
import type { Layout } from "../layout/layout.ts";
import { type LifeOwner, Position } from "../memory/life.ts";
import type { Slab } from "../memory/slab.ts";
import type { SlabPage, SlabSize } from "../memory/slab_size.ts";
import { Slots } from "../memory/slots.ts";
import type { Leak } from "../observe/leak.ts";
import { HANDLES, type Tag } from "../observe/tag.ts";
import { BookedSlab } from "./booked_slab.ts";
import { type Context, freed, Grave, poison } from "./context.ts";
import type { Heap, HeapEntry } from "./heap.ts";
import { initialise } from "./owned_box.ts";

/** What is known of a handle: size, slot, layout, tag, frame, pins. A record that no slot can hold has the size -1. */
const NOTES = 6;
const SIZE = 0;
const SLOT = 1;
const LAYOUT = 2;
const TAG = 3;
const BORN = 4;
const PINS = 5;

/** Memory for a record. */
interface Obtained {
  readonly size: SlabSize | null;
  readonly slot: number;
  readonly position: Position;
}

/** See the file comment. A place is where a number is in the table. */
export class HandleTable implements LifeOwner {
  readonly slots: Slots;
  /** How many places are pinned. */
  pinned = 0;
  readonly #context: Context;
  readonly #booked: BookedSlab;
  readonly #heap: Heap;
  readonly #layouts: Layout[] = [];
  /** By the number of the layout, and then by that of the tag. */
  readonly #graves: (Grave | undefined)[][] = [];
  /** The record of each place, and its position; in release mode kept for the next one of the same layout. */
  readonly #records: (Face | undefined)[] = [];
  readonly #positions: Position[] = [];
  /** For each size, the place that has a slot. */
  readonly #placesBySlot: Int32Array[];
  #notes: Int32Array = new Int32Array(0);

  constructor(context: Context, heap: Heap) {
    this.#context = context;
    this.#heap = heap;
    this.slots = new Slots();
    this.#booked = new BookedSlab(context, HANDLES, this);
    this.#placesBySlot = this.slab.sizes.map(() => new Int32Array(0));
  }

  /** The slots of records. */
  get slab(): Slab {
    return this.#booked.slab;
  }

  /** Allocates a record; returns its number. */
  alloc(layout: Layout, init: unknown): number {
    const { ledger } = this.#context;
    // Memory first: asking for it may run callbacks, and none of them sees half a handle.
    const { size, slot, position } = this.#obtain(layout);
    const number = this.slots.take();
    if (number < 0) {
      if (size === null) this.#heap.give(position.life.owner as HeapEntry);
      else this.#booked.give(size, slot, ledger.current);
      throw new PoolError(
        "FA405",
        `Cannot allocate a handle of ${layout.name} as all ${this.slots.height} numbers are in use or used up: free some, or make another allocator`,
      );
    }
    const place = this.slots.find(number);
    this.#assign(place, layout, position);
    this.#set(place, SIZE, size === null ? -1 : size.index);
    if (size !== null) this.#settle(place, size, slot);
    this.#set(place, LAYOUT, innerOf(layout).id);
    this.#set(place, TAG, ledger.current.id);
    this.#set(place, BORN, ledger.frame);
    this.#set(place, PINS, 0);
    this.#layouts[innerOf(layout).id] = layout;
    try {
      initialise(layout, this.#records[place]!, init);
    } catch (error) {
      if (this.slots.find(number) === place) this.free(place); // unless what was read from has disposed of everything
      throw error;
    }
    return number;
  }

  /** The record of a place. */
  record(place: number): Face | undefined {
    return this.#records[place];
  }

  /** The layout of a place. */
  layoutOf(place: number): Layout {
    return this.#layouts[this.#get(place, LAYOUT)]!;
  }

  /** How often a place is pinned. */
  pins(place: number): number {
    return this.#get(place, PINS);
  }

  /** Pins a place once more, or with a minus once less. */
  pin(place: number, by: 1 | -1): void {
    const pins = this.#get(place, PINS) + by;
    this.#set(place, PINS, pins);
    if (pins === (by === 1 ? 1 : 0)) this.pinned += by;
  }

  /** Frees a place, pinned or not. */
  free(place: number): void {
    const tag = this.#context.ledger.tags[this.#get(place, TAG)]!;
    const position = this.#positions[place]!;
    const index = this.#get(place, SIZE);
    if (this.#get(place, PINS) > 0) this.pinned--;
    if (index < 0) this.#heap.give(position.life.owner as HeapEntry);
    else {
      const size = this.slab.sizes[index]!;
      if (this.#context.config.debug) poison(position.life.view!, position.offset, size.bytes);
      this.#booked.give(size, this.#get(place, SLOT), tag);
    }
    if (!this.#context.recycles) {
      position.life = this.#grave(this.layoutOf(place), tag).life;
      this.#records[place] = undefined;
    }
    this.slots.give(place);
  }

  /** Moves what a place stands for to another page; returns whether that had room. */
  move(place: number, size: SlabSize, page: SlabPage): boolean {
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

  /** The places whose slots are in a page. */
  placesIn(size: SlabSize, page: SlabPage): number[] {
    const places = this.#placesBySlot[size.index]!;
    const first = page.index << size.shift;
    const found: number[] = [];
    for (let slot = first; slot < first + size.slotsPerPage; slot++) {
      if (size.isLive(slot)) found.push(places[slot]!);
    }
    return found;
  }

  /** The bytes of all slots in use. */
  get liveBytes(): number {
    let bytes = 0;
    for (const size of this.slab.sizes) bytes += size.live * size.bytes;
    return bytes;
  }

  /** What was not freed. */
  leaks(): Leak[] {
    const { tags, frame } = this.#context.ledger;
    return this.#places().map((place) => ({
      kind: "handle",
      name: this.layoutOf(place).name,
      tag: tags[this.#get(place, TAG)]!.path,
      bytes: this.#bytesOf(place),
      age: frame - this.#get(place, BORN),
    }));
  }

  /** Frees everything. */
  dispose(): void {
    for (const place of this.#places()) this.free(place);
    this.slab.dispose();
  }

  /** The error of a record whose page was given back. */
  expired(position: Position): Error {
    return freed(this.#context, "the record of a handle", this.#context.ledger.root, position);
  }

  /** Gets memory for a record, booked to the innermost tag: a slot, or where none is large enough a block. */
  #obtain(layout: Layout): Obtained {
    const size = this.slab.sizeFor(layout.size);
    if (size !== undefined) {
      const slot = this.#booked.take(size);
      if (slot < 0) throw this.#booked.refusal(`allocate a handle of ${layout.name}`);
      return { size, slot, position: new Position(size.pageOf(slot).life, size.offsetOf(slot)) };
    }
    const what = `${layout.name} behind a handle`;
    const entry = this.#heap.take(layout.size, false, HANDLES, what, layout.name);
    if (entry === undefined) throw this.#heap.refusal(`allocate a handle of ${layout.name}`, layout.size);
    return { size: null, slot: -1, position: new Position(entry.block.life, 0) };
  }

  /** Gives a place its record. */
  #assign(place: number, layout: Layout, position: Position): void {
    const inner = innerOf(layout);
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

  /** All places in use. */
  #places(): number[] {
    return Array.from({ length: this.slots.height }, (_, place) => place).filter((place) =>
      (this.slots.generations[place]! & 1) === 1
    );
  }

  #bytesOf(place: number): number {
    const index = this.#get(place, SIZE);
    return index < 0 ? this.layoutOf(place).size : this.slab.sizes[index]!.bytes;
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

  #grave(layout: Layout, tag: Tag): Grave {
    const graves = this.#graves[innerOf(layout).id] ??= [];
    return graves[tag.id] ??= new Grave(this.#context, `${layout.name} behind a handle`, tag);
  }
}
