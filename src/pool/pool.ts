/**
 * The pool: records that are allocated and freed one by one, in slots of a slab.
 *
 * A record that is freed is cut off from its memory: its position is moved to a grave, so that whoever still holds it is told, also
 * after the slot was given to somebody else. Nothing of that costs anything while the record is in use.
 */

import { PoolError, show } from "../errors.ts";
import type { Face } from "../layout/face.ts";
import { innerOf, type LayoutInner, noLayout } from "../layout/inner.ts";
import type { Layout } from "../layout/layout.ts";
import { type LifeOwner, Position } from "../memory/life.ts";
import type { Slab } from "../memory/slab.ts";
import { SlabPage, type SlabSize } from "../memory/slab_size.ts";
import type { Leak } from "../observe/leak.ts";
import type { Ledger } from "../observe/ledger.ts";
import type { Sites } from "../observe/sites.ts";
import { POOL, type Tag } from "../observe/tag.ts";
import { BookedSlab } from "./booked_slab.ts";
import { checkOpen, type Context, freed, freedTwice, Grave, ofTag, poison } from "./context.ts";
import { type Heap, HeapEntry } from "./heap.ts";
import { initialise, OwnedBoxBase } from "./owned_box.ts";

/** What is in use in the slots of one size. */
export interface SlabSizeStats {
  /** Bytes of a slot. */
  readonly bytes: number;
  /** Slots in use. */
  readonly live: number;
  /** Pages held. */
  readonly pages: number;
  /** Slots that were used as often as their numbers allow. */
  readonly retired: number;
}

/** What the pool has in use. All sizes are bytes. */
export interface PoolStats {
  /** Records in use. */
  readonly live: number;
  /** What their slots take. */
  readonly bytes: number;
  /** What is held from the chunk source. */
  readonly reserved: number;
  /** The part of it in pages without a record. */
  readonly idle: number;
  /** Records in use that are larger than the largest slot, and have a block of the heap instead. */
  readonly large: number;
  /** By size of slot, ascending. */
  readonly sizes: readonly SlabSizeStats[];
}

/** In the first note of a slot, below the number of the layout: its records have parts that are records themselves. */
const WITH_PARTS = 1;

type Struct = Layout & { readonly fields: Readonly<Record<string, Layout>> };

/** See the file comment. */
export class Pool implements LifeOwner {
  readonly #context: Context;
  readonly #slots: BookedSlab;
  readonly #slab: Slab;
  readonly #heap: Heap;
  readonly #ledger: Ledger;
  readonly #sites: Sites | null;
  readonly #recycles: boolean;
  /** The layouts of records, by the number of their layout. */
  readonly #layouts: Layout[] = [];
  /** What is noted of records, by the number of their layout. */
  readonly #notes: (number | undefined)[] = [];
  /** By the number of the layout, and then by that of the tag. */
  readonly #graves: (Grave | undefined)[][] = [];
  /** Pools of other allocators that records were spilled to. */
  readonly #spilledTo: Pool[] = [];
  /** Whether the heap refused last, and not the slab. */
  #isLarge = false;

  constructor(context: Context, heap: Heap) {
    this.#context = context;
    this.#slots = new BookedSlab(context, POOL, this);
    this.#slab = this.#slots.slab;
    this.#heap = heap;
    this.#ledger = context.ledger;
    this.#sites = context.sites;
    this.#recycles = context.recycles;
  }

  /** The slots of records. */
  get slab(): Slab {
    return this.#slab;
  }

  /**
   * One record. It holds whatever was there before.
   *
   * Small enough to be inlined, so that the optimiser knows the class of a layout that is a constant there.
   */
  record(layout: Layout): Face {
    if (this.#recycles) return this.#recycled(layout);
    const position = this.#place(layout);
    return new (layout.$inner as LayoutInner).Record(position, 0);
  }

  /** As {@linkcode Pool.record}, but `undefined` if there is no memory. */
  tryRecord(layout: Layout): Face | undefined {
    if (this.#recycles) return this.#tryRecycled(layout);
    const position = this.#tryPlace(layout);
    return position === undefined ? undefined : new (innerOf(layout).Record)(position, 0);
  }

  box(layout: Layout, init: unknown): OwnedBoxBase {
    return this.#boxed(layout, this.record(layout), init);
  }

  tryBox(layout: Layout, init: unknown): OwnedBoxBase | undefined {
    const record = this.tryRecord(layout);
    return record === undefined ? undefined : this.#boxed(layout, record, init);
  }

  freeBox(box: OwnedBoxBase): void {
    this.free(box.$record);
  }

  /** Frees a record. */
  free(record: unknown): void {
    const position = (record as Face | undefined)?.$pos;
    const page = position?.life.owner;
    if (!(page instanceof SlabPage) || page.size.slab !== this.#slab) return this.#freeOther(record, position);
    const { size } = page;
    const slot = size.slotAt(page, position!.offset);
    const recycles = this.#recycles;
    const note = size.firstNote(slot);
    // A part shares the position of the whole; asking a record for its layout costs something, so only those with parts are asked.
    if ((note & WITH_PARTS) !== 0 && (record as Face).$id !== note >> 1) {
      throw this.#part(record, this.#nameOf(size, slot));
    }
    const tag = this.#tagOf(size, slot);
    if (!this.#slots.give(size, slot, tag)) throw freedTwice(`${this.#nameOf(size, slot)}${ofTag(tag)}`);
    if (this.#sites !== null && page.life.view !== null) poison(page.life.view, size.offsetOf(slot), size.bytes);
    if (!recycles) position!.life = (this.#graves[note >> 1]![tag.id] ?? this.#grave(note >> 1, tag)).life;
  }

  /** Whether a record comes from here, or from a pool that this one has spilled to. */
  owns(record: unknown, asked: Pool[]): boolean {
    if (asked.includes(this)) return false;
    asked.push(this);
    const owner = (record as Face | undefined)?.$pos?.life.owner;
    return (owner instanceof SlabPage && owner.size.slab === this.#slab) ||
      (owner instanceof HeapEntry && owner.heap === this.#heap && owner.kind === POOL) ||
      this.#spilledTo.some((pool) => pool.owns(record, asked));
  }

  /** The error of the last refusal. */
  refusal(action: string, layout: Layout): Error {
    return this.#isLarge ? this.#heap.refusal(action, layout.size) : this.#slots.refusal(action);
  }

  /** Whether a budget, and not the source, refused last. */
  get isOverBudget(): boolean {
    return this.#isLarge ? this.#heap.isOverBudget : this.#slots.isOverBudget;
  }

  /** Ends every record and gives all memory back. */
  dispose(): void {
    for (const { size, slot } of this.#live()) this.#slots.give(size, slot, this.#tagOf(size, slot));
    this.#slab.dispose();
  }

  /** The error of a record whose page was given back. */
  expired(position: Position): Error {
    const page = position.life.owner as SlabPage;
    const slot = page.size.slotAt(page, position.offset);
    return freed(this.#context, this.#nameOf(page.size, slot), this.#tagOf(page.size, slot), position);
  }

  /** What was not freed; records with a block of their own are known to the heap. */
  leaks(): Leak[] {
    const { frame } = this.#ledger;
    return this.#live().map(({ size, slot }) => ({
      kind: "pool record",
      name: this.#nameOf(size, slot),
      tag: this.#tagOf(size, slot).path,
      bytes: size.bytes,
      age: frame - size.thirdNote(slot),
    }));
  }

  get stats(): PoolStats {
    const sizes = this.#slab.sizes.map((size) => ({
      bytes: size.bytes,
      live: size.live,
      pages: size.pageCount,
      retired: size.retired,
    }));
    const large = this.#heap.count(POOL);
    return {
      live: sizes.reduce((sum, size) => sum + size.live, large),
      bytes: sizes.reduce((sum, size) => sum + size.live * size.bytes, 0),
      reserved: this.#slab.reserved,
      idle: this.#slab.idle,
      large,
      sizes,
    };
  }

  #tryPlace(layout: Layout): Position | undefined {
    const inner = layout?.$inner as LayoutInner | undefined;
    if (inner === undefined) throw noLayout(layout);
    const size = this.#slab.sizeFor(layout.size);
    if (size === undefined) return this.#large(layout) ?? this.#placeElsewhere(layout);
    const slot = this.#slots.take(size);
    if (slot < 0) return this.#none(false) ?? this.#placeElsewhere(layout);
    const note = this.#notes[inner.id] ?? this.#know(layout);
    size.note(slot, note, this.#ledger.current.id, this.#ledger.frame);
    const position = new Position(size.$page.life, size.offsetOf(slot));
    if (this.#sites !== null) this.#sites.note(position);
    return position;
  }

  #place(layout: Layout): Position {
    return this.#tryPlace(layout) ?? this.#refuse(layout);
  }

  #placeElsewhere(layout: Layout): Position | undefined {
    const spill = this.#spill;
    return spill === undefined ? undefined : this.#under(spill, () => spill.#tryPlace(layout));
  }

  #recycleElsewhere(layout: Layout): Face | undefined {
    const spill = this.#spill;
    return spill === undefined ? undefined : this.#under(spill, () => spill.tryRecord(layout));
  }

  /** Has another pool book what it does to the tag that is the innermost one here. */
  #under<T>(pool: Pool, fn: () => T): T {
    return this.#ledger.spillTo(pool.#ledger, fn);
  }

  /** In release mode, the record that a slot had last if it was of the same layout. */
  #tryRecycled(layout: Layout): Face | undefined {
    const inner = layout?.$inner as LayoutInner | undefined;
    if (inner === undefined) throw noLayout(layout);
    const size = this.#slab.sizeFor(layout.size);
    if (size === undefined) {
      const position = this.#large(layout);
      return position === undefined ? this.#recycleElsewhere(layout) : new inner.Record(position, 0);
    }
    const slot = this.#slots.take(size);
    if (slot < 0) return this.#none(false) ?? this.#recycleElsewhere(layout);
    const { things } = size.$page;
    const last = size.firstNote(slot);
    const note = this.#notes[inner.id] ?? this.#know(layout);
    size.note(slot, note, this.#ledger.current.id, this.#ledger.frame);
    const known = things[slot & size.mask] as Face | undefined;
    return known !== undefined && last === note ? known : this.#added(inner, size, slot);
  }

  #recycled(layout: Layout): Face {
    return this.#tryRecycled(layout) ?? this.#refuse(layout);
  }

  #boxed(layout: Layout, record: Face, init: unknown): OwnedBoxBase {
    try {
      initialise(layout, record, init);
    } catch (error) {
      this.free(record);
      throw error;
    }
    return new OwnedBoxBase(this, layout, record);
  }

  /** The pool of the allocator that the exceeded budget spills to. */
  get #spill(): Pool | undefined {
    const spill = this.isOverBudget ? this.#ledger.spill as { readonly $pool: Pool } | undefined : undefined;
    if (spill !== undefined && !this.#spilledTo.includes(spill.$pool)) this.#spilledTo.push(spill.$pool);
    return spill?.$pool;
  }

  /** Throws the error of a refusal: that of the pool which was asked last. */
  #refuse(layout: Layout): never {
    const spill = this.#spill;
    if (spill !== undefined) this.#under(spill, () => spill.#refuse(layout));
    throw this.refusal(`allocate ${layout.name} in the pool`, layout);
  }

  /** A new record for a slot, to be given out again with it. */
  #added(inner: LayoutInner, size: SlabSize, slot: number): Face {
    const { things, life } = size.$page;
    const record = new inner.Record(new Position(life, size.offsetOf(slot)), 0);
    things[slot & size.mask] = record;
    return record;
  }

  /** What the first note of a slot says of a layout: its number, and whether it has parts that are records. */
  #know(layout: Layout): number {
    const { id } = innerOf(layout);
    this.#layouts[id] = layout;
    this.#graves[id] = [];
    const isFlat = layout.kind === "scalar" || layout.kind === "vector" ||
      (layout.kind === "struct" && Object.values((layout as Struct).fields).every((field) => field.kind === "scalar"));
    return this.#notes[id] = id << 1 | (isFlat ? 0 : WITH_PARTS);
  }

  /** The slots in use. */
  #live(): { readonly size: SlabSize; readonly slot: number }[] {
    return this.#slab.sizes.flatMap((size) =>
      Array.from({ length: size.capacity }, (_, slot) => ({ size, slot })).filter(({ slot }) => size.isLive(slot))
    );
  }

  #large(layout: Layout): Position | undefined {
    checkOpen(this.#context, `allocate ${layout.name}`);
    const entry = this.#heap.take(layout.size, false, POOL, layout.name, layout.name, innerOf(layout).id);
    if (entry === undefined) return this.#none(true);
    const position = new Position(entry.block.life, 0);
    this.#sites?.note(position);
    return position;
  }

  #none(isLarge: boolean): undefined {
    checkOpen(this.#context, "allocate in the pool");
    this.#isLarge = isLarge;
    return undefined;
  }

  #freeOther(record: unknown, position: Position | undefined): void {
    const owner = position?.life.owner;
    if (record instanceof OwnedBoxBase) {
      throw new PoolError(
        "FA404",
        `Cannot free a box of ${record.$layout.name} with poolFree as that takes records: call its free()`,
      );
    }
    if (owner instanceof Grave) throw freedTwice(`${owner.what}${ofTag(owner.tag)}`);
    if (owner instanceof HeapEntry && owner.heap === this.#heap && owner.kind === POOL) {
      if ((record as Face).$id !== owner.layout) throw this.#part(record, owner.name);
      if (!this.#heap.give(owner)) throw freedTwice(`${owner.name}${ofTag(owner.tag)}`);
      return;
    }
    const other = this.#spilledTo.find((pool) => pool.owns(record, [this]));
    if (other !== undefined) return other.free(record);
    throw new PoolError(
      "FA404",
      `Cannot free ${
        show(record)
      } as it was not allocated in this pool: free what poolAlloc of the same allocator returned`,
    );
  }

  #part(record: unknown, whole: string): PoolError {
    return new PoolError(
      "FA404",
      `Cannot free ${show(record)} as it is a part of ${whole}: free the whole record`,
    );
  }

  #nameOf(size: SlabSize, slot: number): string {
    return this.#layouts[size.firstNote(slot) >> 1]?.name ?? "a pool record";
  }

  #tagOf(size: SlabSize, slot: number): Tag {
    return this.#ledger.tags[size.secondNote(slot)]!;
  }

  #grave(layout: number, tag: Tag): Grave {
    return this.#graves[layout]![tag.id] = new Grave(this.#context, this.#layouts[layout]!.name, tag);
  }
}
