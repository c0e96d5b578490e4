/**
 * What the pool guards of one allocator share: a slab of their own, blocks for what no slot can hold, and the list of what is leased.
 */

import { Life, type LifeOwner, type Position } from "../../src/memory/life.ts";
import type { Slab } from "../../src/memory/slab.ts";
import type { SlabSize } from "../../src/memory/slab_size.ts";
import type { Leak } from "../../src/observe/leak.ts";
import { POOL, type Tag } from "../../src/observe/tag.ts";
import { BookedSlab } from "../../src/pool/booked_slab.ts";
import { type Context, freed, poison } from "../../src/pool/context.ts";
import { type Heap, type HeapEntry, LEASED } from "../../src/pool/heap.ts";
import type { LeaseRoom } from "./lease_room.ts";

/** What pool guards have leased. All sizes are bytes. */
export interface LeaseStats {
  /** Leases that were not freed. */
  readonly live: number;
  /** What their slots and blocks take. */
  readonly bytes: number;
  /** What is held from the chunk source for slots; blocks are counted with the heap. */
  readonly reserved: number;
  /** The part of it in pages without a lease. */
  readonly idle: number;
}

/** A slot or a block that is leased. */
export class Piece {
  /** A life over its memory that ends when it is given back, whatever becomes of the page or buffer. */
  readonly life: Life;
  /** Where it starts in the view of its life. */
  readonly offset: number;
  /** The bytes that can be used. */
  readonly capacity: number;
  /** The bytes that are charged for it. */
  readonly bytes: number;
  readonly tag: Tag;
  /** The size of its slot, and the slot; or a block. */
  readonly size: SlabSize | null;
  readonly slot: number;
  readonly entry: HeapEntry | null;

  constructor(owner: LifeOwner, tag: Tag, size: SlabSize | null, slot: number, entry: HeapEntry | null) {
    const view = size === null ? entry!.block.life.view! : size.pageOf(slot).life.view!;
    this.life = new Life(view, owner);
    this.offset = size === null ? 0 : size.offsetOf(slot);
    this.capacity = size === null ? entry!.block.byteLength : size.bytes;
    this.bytes = size === null ? entry!.bytes : size.bytes;
    this.tag = tag;
    this.size = size;
    this.slot = slot;
    this.entry = entry;
  }
}

/** See the file comment. */
export class LeaseMemory implements LifeOwner {
  readonly context: Context;
  readonly #slots: BookedSlab;
  readonly #heap: Heap;
  readonly #rooms: Set<LeaseRoom> = new Set();
  /** Whether the heap refused last, and not the slab. */
  #isLarge = false;

  constructor(context: Context, heap: Heap) {
    this.context = context;
    this.#slots = new BookedSlab(context, POOL, this);
    this.#heap = heap;
  }

  get slab(): Slab {
    return this.#slots.slab;
  }

  get isDisposed(): boolean {
    return this.context.isDisposed;
  }

  /**
   * Takes memory, booked to the innermost tag; `undefined` if there is none. Callbacks of budgets may have run when it returns.
   *
   * @param isDetached Whether it must be memory whose views are detached when it is given back.
   */
  take(bytes: number, isDetached: boolean, owner: LeaseRoom): Piece | undefined {
    const size = isDetached ? undefined : this.slab.sizeFor(bytes);
    if (size !== undefined) {
      const slot = this.#slots.take(size);
      if (slot < 0) return this.#none(false);
      return new Piece(owner, this.context.ledger.current, size, slot, null);
    }
    const entry = this.#heap.take(bytes, false, POOL, owner.what, owner.name, LEASED);
    return entry === undefined ? this.#none(true) : new Piece(owner, entry.tag, null, -1, entry);
  }

  /** Takes memory back. Nothing of the program runs meanwhile. */
  give({ life, offset, tag, size, slot, entry }: Piece): void {
    const { view } = life;
    life.view = null;
    if (size === null) {
      this.#heap.give(entry!);
      return;
    }
    if (this.context.config.debug) poison(view!, offset, size.bytes);
    this.#slots.give(size, slot, tag);
  }

  /** The error of the last refusal. */
  refusal(action: string, bytes: number): Error {
    return this.#isLarge ? this.#heap.refusal(action, bytes) : this.#slots.refusal(action);
  }

  /** Takes note of a lease that has memory. */
  add(room: LeaseRoom): void {
    this.#rooms.add(room);
  }

  /** Lets go of a lease that has ended. */
  delete(room: LeaseRoom): void {
    this.#rooms.delete(room);
  }

  get stats(): LeaseStats {
    let bytes = 0;
    for (const room of this.#rooms) bytes += room.bytes;
    return { live: this.#rooms.size, bytes, reserved: this.slab.reserved, idle: this.slab.idle };
  }

  /** What was not freed. */
  leaks(): Leak[] {
    const { frame } = this.context.ledger;
    return [...this.#rooms].map(({ label, name, tag, bytes, frame: born }) => ({
      kind: "lease",
      name: label === "" ? name : label,
      tag,
      bytes,
      age: frame - born,
    }));
  }

  /** Ends every lease and gives all memory back. */
  dispose(): void {
    for (const room of this.#rooms) room.end("disposed");
    this.slab.dispose();
  }

  /** The error of a page that was given back: nobody sees it, as leases have lives of their own. */
  expired(position: Position): Error {
    return freed(this.context, "a lease", this.context.ledger.root, position);
  }

  #none(isLarge: boolean): undefined {
    this.#isLarge = isLarge;
    return undefined;
  }
}
