/**
 * The pool: records that are allocated and freed one by one, in slots of a slab.
 *
 * A record that is freed is cut off from its memory: its position is moved to a grave, so that whoever still holds it is told, also
 * after the slot was given to somebody else. Nothing of that costs anything while the record is in use.
 */

import { noLayout } from "../arena/arena.ts";
import { PoolError, show } from "../errors.ts";
import type { Face } from "../layout/face.ts";
import { innerOf, type LayoutInner } from "../layout/inner.ts";
import type { Layout } from "../layout/layout.ts";
import { type LifeOwner, Position } from "../memory/life.ts";
import { Slab, SlabPage, type SlabSize } from "../memory/slab.ts";
import type { Leak } from "../observe/leak.ts";
import { POOL, type Tag } from "../observe/tag.ts";
import { checkOpen, type Context, freed, Grave, ofTag, sourceRefused } from "./context.ts";
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

/** What is known of each slot: layout, tag, frame. */
const NOTES = 3;

/** The slots of one size, and what is known of those in use. */
class Table {
  readonly size: SlabSize;
  notes: Int32Array = new Int32Array(0);
  /** In release mode, the record that each slot had last, and its position. */
  readonly records: Face[] = [];
  readonly positions: Position[] = [];

  constructor(size: SlabSize) {
    this.size = size;
  }

  note(slot: number, layout: number, tag: number, frame: number): void {
    const at = slot * NOTES;
    if (at >= this.notes.length) this.#grow();
    this.notes[at] = layout;
    this.notes[at + 1] = tag;
    this.notes[at + 2] = frame;
  }

  #grow(): void {
    const notes = new Int32Array(this.size.capacity * NOTES).fill(-1);
    notes.set(this.notes);
    this.notes = notes;
  }
}

/** See the file comment. */
export class Pool implements LifeOwner {
  readonly slab: Slab;
  readonly #context: Context;
  readonly #slab: Slab;
  readonly #heap: Heap;
  readonly #recycles: boolean;
  readonly #tables: readonly Table[];
  readonly #bySixteen: (Table | undefined)[];
  /** The layouts of records, by the number of their layout. */
  readonly #layouts: Layout[] = [];
  readonly #graves: (Grave | undefined)[] = [];
  #refused: "tag" | "slab" | "heap" = "slab";

  constructor(context: Context, heap: Heap) {
    const { config, ledger } = context;
    const slab = new Slab({
      source: config.source,
      sizes: config.poolClasses,
      pageSize: config.poolPageSize,
      idlePages: config.poolIdlePages,
      owner: this,
      account: ledger,
    });
    this.#context = context;
    this.slab = slab;
    this.#slab = slab;
    this.#heap = heap;
    this.#recycles = context.recycles;
    this.#tables = slab.sizes.map((size) => new Table(size));
    const largest = slab.sizes.at(-1)!.bytes;
    this.#bySixteen = Array.from({ length: largest / 16 + 1 }, (_, i) => {
      const size = slab.sizeFor(i * 16);
      return size === undefined ? undefined : this.#tables[size.index];
    });
  }

  /** One record; `undefined` if there is no memory. It holds whatever was there before. */
  record(layout: Layout): Face | undefined {
    const inner = layout.$inner as LayoutInner | undefined;
    if (inner === undefined) throw noLayout(layout);
    const table = this.#bySixteen[(layout.size + 15) >> 4];
    if (table === undefined) return this.#large(layout);
    const { ledger } = this.#context;
    const { size } = table;
    if (ledger.current.budget !== null && !ledger.mayHave(size.bytes)) return this.#none("tag");
    const slot = size.take();
    if (slot < 0) return this.#none("slab");
    const tag = ledger.current;
    if (tag.budget !== null && ledger.isShort(size.bytes)) {
      size.give(slot);
      return this.#none("tag");
    }
    tag.hold(POOL, size.bytes);
    if (this.#recycles) return this.#recycled(layout, inner, table, slot, tag);
    table.note(slot, inner.id, tag.id, ledger.frame);
    this.#layouts[inner.id] = layout;
    const position = new Position(size.pageOf(slot).life, size.offsetOf(slot));
    if (this.#context.sites !== null) this.#context.sites.note(position);
    return new inner.Record(position, 0);
  }

  box(layout: Layout, init: unknown): OwnedBoxBase | undefined {
    const record = this.record(layout);
    if (record === undefined) return undefined;
    try {
      initialise(layout, record, init);
    } catch (error) {
      this.free(record);
      throw error;
    }
    return new OwnedBoxBase(this, layout, record);
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
    const table = this.#tables[size.index]!;
    const slot = size.slotAt(page, position!.offset);
    const at = slot * NOTES;
    const layout = table.notes[at]!;
    const tag = this.#context.ledger.tags[table.notes[at + 1]!]!;
    if (!this.#recycles && !(record instanceof innerOf(this.#layouts[layout]!).Record)) {
      throw this.#part(record, layout);
    }
    if (!size.give(slot)) throw this.#twice(this.#nameOf(layout), tag);
    tag.hold(POOL, -size.bytes);
    if (!this.#recycles) position!.life = (this.#graves[tag.id] ?? this.#grave(tag)).life;
  }

  /** Whether a record comes from here. */
  owns(record: unknown): boolean {
    const owner = (record as Face | undefined)?.$pos?.life.owner;
    return owner instanceof SlabPage
      ? owner.size.slab === this.#slab
      : owner instanceof HeapEntry && owner.heap === this.#heap;
  }

  /** The error of the last refusal. */
  refusal(action: string, layout: Layout): Error {
    if (this.#refused === "heap") return this.#heap.refusal(action, layout.size);
    if (this.isOverBudget) return this.#context.ledger.refusal(action);
    return sourceRefused(action, this.#slab.pageSize, this.#slab.cause);
  }

  /** Whether a budget, and not the source, refused last. */
  get isOverBudget(): boolean {
    return this.#refused === "heap" ? this.#heap.isOverBudget : this.#refused === "tag" || this.#slab.isOverBudget;
  }

  /** Ends every record and gives all memory back. */
  dispose(): void {
    for (const { size, notes } of this.#tables) {
      for (let slot = 0; slot < size.capacity; slot++) {
        if ((size.generations[slot]! & 1) === 0) continue;
        this.#context.ledger.tags[notes[slot * NOTES + 1]!]!.hold(POOL, -size.bytes);
      }
    }
    this.#slab.dispose();
    this.#bySixteen.fill(undefined); // so that whoever allocates now comes to where disposal is checked
  }

  /** The error of a record whose page was given back. */
  expired(position: Position): Error {
    const page = position.life.owner as SlabPage;
    const notes = this.#tables[page.size.index]!.notes;
    const at = page.size.slotAt(page, position.offset) * NOTES;
    const tag = this.#context.ledger.tags[notes[at + 1]!] ?? this.#context.ledger.root;
    return freed(this.#context, this.#nameOf(notes[at]!), tag, position);
  }

  /** What was not freed; records with a block of their own are known to the heap. */
  leaks(): Leak[] {
    const { tags, frame } = this.#context.ledger;
    return this.#tables.flatMap(({ size, notes }) =>
      [...size.generations].flatMap((generation, slot): Leak[] => {
        if ((generation & 1) === 0) return [];
        const [layout, tag, born] = notes.subarray(slot * NOTES, slot * NOTES + NOTES) as unknown as number[];
        return [{
          kind: "pool record",
          name: this.#nameOf(layout!),
          tag: tags[tag!]!.path,
          bytes: size.bytes,
          age: frame - born!,
        }];
      })
    );
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

  #recycled(layout: Layout, inner: LayoutInner, table: Table, slot: number, tag: Tag): Face {
    const { size } = table;
    const { life } = size.pageOf(slot);
    const isKnown = slot * NOTES < table.notes.length && table.notes[slot * NOTES] === inner.id;
    table.note(slot, inner.id, tag.id, this.#context.ledger.frame);
    if (isKnown) {
      const position = table.positions[slot]!;
      if (position.life !== life) position.life = life;
      return table.records[slot]!;
    }
    const position = new Position(life, size.offsetOf(slot));
    const record = new inner.Record(position, 0);
    this.#layouts[inner.id] = layout;
    table.positions[slot] = position;
    table.records[slot] = record;
    return record;
  }

  #large(layout: Layout): Face | undefined {
    checkOpen(this.#context, `allocate ${layout.name}`);
    const entry = this.#heap.take(layout.size, false, POOL, `a pool record of ${layout.name}`, layout.name);
    if (entry === undefined) return this.#none("heap");
    const position = new Position(entry.block.life, 0);
    this.#context.sites?.note(position);
    return new (innerOf(layout).Record)(position, 0);
  }

  #none(refused: "tag" | "slab" | "heap"): undefined {
    checkOpen(this.#context, "allocate in the pool");
    this.#refused = refused;
    return undefined;
  }

  #freeOther(record: unknown, position: Position | undefined): void {
    const owner = position?.life.owner;
    if (owner instanceof Grave) throw this.#twice("a pool record", owner.tag);
    if (owner instanceof HeapEntry && owner.heap === this.#heap && owner.kind === POOL) {
      if (!this.#heap.give(owner)) throw this.#twice(owner.name, owner.tag);
      return;
    }
    throw new PoolError(
      "FA404",
      `Cannot free ${
        show(record)
      } as it was not allocated in this pool: free what poolAlloc of the same allocator returned`,
    );
  }

  #twice(name: string, tag: Tag): PoolError {
    return new PoolError("FA403", `Cannot free ${name}${ofTag(tag)} as it was freed before: free each once`);
  }

  #part(record: unknown, layout: number): PoolError {
    return new PoolError(
      "FA404",
      `Cannot free ${show(record)} as it is a part of ${this.#nameOf(layout)}: free the whole record`,
    );
  }

  #nameOf(layout: number): string {
    return this.#layouts[layout]?.name ?? "a pool record";
  }

  #grave(tag: Tag): Grave {
    return this.#graves[tag.id] ??= new Grave(this.#context, "a pool record", tag);
  }
}
