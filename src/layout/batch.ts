/**
 * Many records in one allocation, and a cursor that walks over them.
 */

import { ArgumentError, show } from "../errors.ts";
import { type Life, Position, viewOf } from "../memory/life.ts";
import type { Room } from "../memory/room.ts";
import type { TypedArrayConstructor, ViewOf } from "../memory/typed_array.ts";
import type { Face } from "./face.ts";
import type { Layout, RecordOf } from "./layout.ts";
import { RecordHolder } from "./record_holder.ts";
import type { LayoutPools } from "./record_pool.ts";

/**
 * Walks over the records of a batch or vec with one record that moves.
 *
 * Each cursor is independent of every other. Its record, and the parts of it, always show the element that the cursor is at: to
 * keep one, take it with `at(i)`.
 *
 * @typeParam L The layout of the records.
 *
 * @example
 * ```ts
 * import { f32, SmartAlloc, struct } from "@framealloc/core";
 * import { assertEquals } from "@std/assert";
 *
 * const Drop = struct("Drop", { height: f32, speed: f32 });
 * const alloc = new SmartAlloc();
 * alloc.beginFrame();
 * const drops = alloc.frameAllocBatch(Drop, 3);
 * for (const k = drops.cursor(); k.next();) k.record.height = k.index;
 * assertEquals(drops.at(2).height, 2);
 * alloc.endFrame();
 * ```
 */
export interface Cursor<L extends Layout> {
  /** The record that moves. It may be used once {@linkcode Cursor.next} has returned true. */
  readonly record: RecordOf<L>;
  /** The index of the element that the record shows; -1 before the first. */
  readonly index: number;
  /**
   * Goes to the next element.
   *
   * @returns Whether there is one.
   */
  next(): boolean;
}

/** The cursor over a single run of memory. */
export class RunCursor implements Cursor<Layout> {
  declare readonly record: Face;
  declare index: number;
  declare $length: number;
  declare readonly $stride: number;
  declare readonly $pos: Position;

  constructor(position: Position, record: Face, length: number, stride: number) {
    this.$pos = position;
    this.record = record;
    this.index = -1;
    this.$length = length;
    this.$stride = stride;
  }

  next(): boolean {
    const index = this.index + 1;
    if (index >= this.$length) return false;
    this.index = index;
    this.$pos.offset += this.$stride;
    return true;
  }
}

/** Iterates by hand: generators cost three times as much. */
export class RecordIterator implements IterableIterator<Face> {
  declare readonly $list: { readonly length: number; at(index: number): Face };
  declare $next: number;

  constructor(list: { readonly length: number; at(index: number): Face }) {
    this.$list = list;
    this.$next = 0;
  }

  next(): IteratorResult<Face> {
    if (this.$next >= this.$list.length) return { done: true, value: undefined };
    return { done: false, value: this.$list.at(this.$next++) };
  }

  [Symbol.iterator](): this {
    return this;
  }
}

/**
 * A fixed number of records of one layout, side by side in one allocation. The memory holds whatever was there before.
 *
 * The fastest ways to work on it are {@linkcode Batch.view}, the raw memory, and {@linkcode Batch.cursor}.
 *
 * @typeParam L The layout of the records.
 *
 * @example
 * ```ts
 * import { f32, SmartAlloc, struct } from "@framealloc/core";
 * import { assertEquals } from "@std/assert";
 *
 * const Point = struct("Point", { x: f32, y: f32 });
 * const alloc = new SmartAlloc();
 * alloc.beginFrame();
 * const points = alloc.frameAllocBatch(Point, 100);
 * points.view(Float32Array).fill(0);
 * points.at(99).x = 1;
 * let sum = 0;
 * for (const point of points) sum += point.x;
 * assertEquals(sum, 1);
 * alloc.endFrame();
 * ```
 */
export interface Batch<L extends Layout> extends Iterable<RecordOf<L>> {
  /** The number of records. */
  readonly length: number;
  /** The bytes from one record to the next. */
  readonly stride: number;
  /**
   * The record at an index. It never moves.
   *
   * @param index From 0 to `length - 1`.
   * @returns A fresh record, or in the safety mode `"release"` a recycled one.
   * @throws {StaleHandleError} `FA002` if the memory has ended.
   * @throws {ArgumentError} `FA009` if there is no such record.
   */
  at(index: number): RecordOf<L>;
  /**
   * A cursor before the first record.
   *
   * @returns A cursor of its own.
   * @throws {StaleHandleError} `FA002` if the memory has ended.
   */
  cursor(): Cursor<L>;
  /**
   * The memory of all records as one typed array. Element `i` of field `f` of record `r` is at
   * `(r * stride + offsets[f]) / BYTES_PER_ELEMENT + i`.
   *
   * The array is recycled from frame to frame, and not checked: see the safety modes.
   *
   * @param constructor The kind of array; the stride must be a multiple of its element size.
   * @returns A view of the memory itself.
   * @throws {StaleHandleError} `FA002` if the memory has ended.
   * @throws {ArgumentError} `FA008` if records are no whole number of elements.
   */
  view<C extends TypedArrayConstructor>(constructor: C): ViewOf<C>;
  /** Iterates over the records; each is one that never moves. */
  [Symbol.iterator](): IterableIterator<RecordOf<L>>;
}

/** The batches of all layouts; each layout has a class of its own that adds how to make a record. */
export abstract class BatchBase extends RecordHolder implements Batch<Layout> {
  /** Where the first record is. */
  declare readonly $pos: Position;

  constructor(position: Position, length: number, stride: number, region: Room, pools: LayoutPools | null) {
    super(length, stride, region, pools);
    this.$pos = position;
  }

  at(index: number): Face {
    const { life, offset } = this.$pos;
    if (life.view === null) life.ended(this.$pos);
    if (!(index >= 0 && index < this.length)) throw outside(index, this.length);
    const at = offset + (index | 0) * this.stride;
    return this.$pools === null ? this.$make(new Position(life, at)) : this.$recycled(life, at);
  }

  cursor(): Cursor<Layout> {
    const { life, offset } = this.$pos;
    if (life.view === null) life.ended(this.$pos);
    if (this.$pools !== null) return this.#recycledCursor();
    const position = new Position(life, offset - this.stride);
    return new RunCursor(position, this.$make(position), this.length, this.stride);
  }

  view<C extends TypedArrayConstructor>(constructor: C): ViewOf<C> {
    viewOf(this.$pos);
    const each = constructor.BYTES_PER_ELEMENT;
    if (this.stride % each !== 0) {
      throw new ArgumentError(
        "FA008",
        `Cannot view records of ${this.stride} bytes as ${constructor.name} as its elements take ${each}: use a smaller element`,
      );
    }
    return this.$region.viewAt(this.$pos, constructor, this.length * this.stride / each);
  }

  [Symbol.iterator](): IterableIterator<Face> {
    return new RecordIterator(this);
  }

  #recycledCursor(): Cursor<Layout> {
    const { life, offset } = this.$pos;
    const { cursors } = this.$pools!;
    const known = cursors.next() as RunCursor | undefined;
    if (known === undefined) {
      const position = new Position(life, offset - this.stride);
      const cursor = new RunCursor(position, this.$make(position), this.length, this.stride);
      cursors.add(cursor);
      return cursor;
    }
    known.$pos.life = life;
    known.$pos.offset = offset - this.stride;
    known.$length = this.length;
    known.index = -1;
    return known;
  }
}

/** Lets a batch show other memory: on request of the caller, or in release mode, where batches are recycled. */
export function rearm(batch: BatchBase, life: Life, offset: number, length: number): void {
  batch.$pos.life = life;
  batch.$pos.offset = offset;
  batch.length = length;
}

/** The error of an index that is outside. */
export function outside(index: number, length: number): ArgumentError {
  return new ArgumentError(
    "FA009",
    `Cannot take the element at ${show(index)} as there are ${length}: use an index from 0 to ${length - 1}`,
  );
}
