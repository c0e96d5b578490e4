/**
 * Records of one layout that grow in number and never move: the memory is a list of runs, each as long as all before it.
 */

import { ArgumentError, show } from "../errors.ts";
import { type Life, Position, viewOf } from "../memory/life.ts";
import type { Room } from "../memory/room.ts";
import { type Cursor, outside, RecordIterator } from "./batch.ts";
import type { Face } from "./face.ts";
import type { Layout, RecordOf, ValuesOf } from "./layout.ts";
import { RecordHolder } from "./record_holder.ts";
import type { LayoutPools } from "./record_pool.ts";

/** The cursor over several runs of memory. */
class VecCursor implements Cursor<Layout> {
  declare readonly record: Face;
  declare index: number;
  declare $vec: RecordVecBase;
  declare readonly $pos: Position;
  declare $run: number;
  declare $end: number;

  constructor(vec: RecordVecBase, position: Position, record: Face) {
    this.record = record;
    this.$pos = position;
    this.index = -1;
    this.$vec = vec;
    this.$run = -1;
    this.$end = 0;
  }

  next(): boolean {
    const index = this.index + 1;
    if (index >= this.$vec.length) return false;
    this.index = index;
    if (index < this.$end) this.$pos.offset += this.$vec.stride;
    else this.#enter();
    return true;
  }

  #enter(): void {
    const vec = this.$vec;
    const run = ++this.$run;
    const start = vec.$runs[run]!;
    this.$pos.life = start.life;
    this.$pos.offset = start.offset;
    this.$end = vec.$first * 2 ** run;
  }
}

/**
 * A growable list of records. Elements never move, so a record stays where it is however much is pushed after it.
 *
 * Room comes from the frame, also when the list grows: one that grows inside a scope, or after a checkpoint, loses what it grew
 * by when that ends. Reserve enough before, or make it inside.
 *
 * @typeParam L The layout of the records.
 *
 * @example
 * ```ts
 * import { f32, SmartAlloc, struct, vec3f } from "@framealloc/core";
 * import { assertEquals } from "@std/assert";
 *
 * const Hit = struct("Hit", { point: vec3f, depth: f32 });
 * const alloc = new SmartAlloc();
 * alloc.beginFrame();
 * const hits = alloc.frameVec(Hit);
 * const hit = hits.push();
 * hit.depth = 0.5;
 * hit.point.set(1, 2, 3);
 * hits.push({ point: [4, 5, 6], depth: 0.25 });
 * let depth = 0;
 * for (const k = hits.cursor(); k.next();) depth += k.record.depth;
 * assertEquals([hits.length, depth, hits.at(1).point.x], [2, 0.75, 4]);
 * alloc.endFrame();
 * ```
 */
export interface RecordVec<L extends Layout> extends Iterable<RecordOf<L>> {
  /** The number of records. */
  readonly length: number;
  /** The records that fit before the list grows. */
  readonly capacity: number;
  /**
   * Adds a record at the end.
   *
   * @param values What to fill it with; without, it holds whatever the memory held before.
   * @returns The record.
   * @throws {StaleHandleError} `FA002` if the memory has ended; `FA401`, `FA711` or `FA713` outside of frames.
   * @throws {ArenaExhaustedError} `FA003` if the list must grow and cannot; it keeps what it has.
   * @throws {LayoutError} `FA022` if the values do not fit; the record is not added.
   */
  push(values?: ValuesOf<L>): RecordOf<L>;
  /**
   * Takes the last record off.
   *
   * @returns The record, which shows its memory until the next push; `undefined` if the list is empty.
   * @throws {StaleHandleError} `FA002` if the memory has ended; `FA401`, `FA711` or `FA713` outside of frames.
   */
  pop(): RecordOf<L> | undefined;
  /**
   * The record at an index. It never moves.
   *
   * @param index From 0 to `length - 1`.
   * @returns A fresh record, or in the safety mode `"release"` a recycled one.
   * @throws {StaleHandleError} `FA002` if the memory has ended; `FA401`, `FA711` or `FA713` outside of frames.
   * @throws {ArgumentError} `FA009` if there is no such record.
   */
  at(index: number): RecordOf<L>;
  /**
   * A cursor before the first record. It sees what is pushed while it walks.
   *
   * @returns A cursor of its own.
   * @throws {StaleHandleError} `FA002` if the memory has ended; `FA401`, `FA711` or `FA713` outside of frames.
   */
  cursor(): Cursor<L>;
  /**
   * Drops all records and keeps the room.
   *
   * @throws {StaleHandleError} `FA002` if the memory has ended; `FA401`, `FA711` or `FA713` outside of frames.
   */
  clear(): void;
  /**
   * Makes room, so that the list does not grow before it holds this many records.
   *
   * @param capacity The number of records in all.
   * @throws {StaleHandleError} `FA002` if the memory has ended; `FA401`, `FA711` or `FA713` outside of frames.
   * @throws {ArenaExhaustedError} `FA003` if there is not enough memory; the list keeps what it has.
   */
  reserve(capacity: number): void;
  /** Iterates over the records; each is one that never moves. */
  [Symbol.iterator](): IterableIterator<RecordOf<L>>;
}

/** The vecs of all layouts; each layout has a class of its own that adds how to make and fill a record. */
export abstract class RecordVecBase extends RecordHolder implements RecordVec<Layout> {
  /** Where each run starts. */
  declare readonly $runs: Position[];
  /** The records of the first run. */
  declare $first: number;
  declare $capacity: number;
  /** Where the next record goes. */
  declare readonly $tail: Position;
  /** The records that still fit into the run of the tail. */
  declare $room: number;
  declare readonly $align: number;

  constructor(
    position: Position,
    capacity: number,
    stride: number,
    align: number,
    region: Room,
    pools: LayoutPools | null,
  ) {
    super(0, stride, region, pools);
    this.$runs = [position];
    this.$first = capacity;
    this.$capacity = capacity;
    this.$tail = new Position(position.life, position.offset);
    this.$room = capacity;
    this.$align = align;
  }

  /** Fills the bytes of one record. */
  protected abstract $write(view: DataView, at: number, values: unknown): void;

  get capacity(): number {
    return this.$capacity;
  }

  push(values?: ValuesOf<Layout>): Face {
    // Whatever could change the vec comes apart from this, so that the optimiser knows its layout at the end.
    if (values !== undefined || this.$room === 0) return this.#pushSlow(values);
    const tail = this.$tail;
    const { life, offset } = tail;
    if (life.view === null) life.ended(tail);
    tail.offset = offset + this.stride;
    this.$room--;
    this.length++;
    return this.$pools === null ? this.$make(new Position(life, offset)) : this.$recycled(life, offset);
  }

  #pushSlow(values: unknown): Face {
    if (this.$room === 0) this.#advance();
    if (values !== undefined) this.$write(viewOf(this.$tail), this.$tail.offset, values);
    return this.push();
  }

  /** Adds a record that holds zeros where it is not filled. */
  pushZeroed(values: unknown): void {
    if (this.$room === 0) this.#advance();
    const view = viewOf(this.$tail);
    const { offset } = this.$tail;
    new Uint8Array(view.buffer, offset, this.stride).fill(0);
    if (values !== undefined) this.$write(view, offset, values);
    this.$tail.offset = offset + this.stride;
    this.$room--;
    this.length++;
  }

  /** Fills the record at an index. */
  write(index: number, values: unknown): void {
    const at = this.#place(index);
    this.$write(viewOf(at), at.offset, values);
  }

  pop(): Face | undefined {
    viewOf(this.$runs[0]!);
    if (this.length === 0) return undefined;
    const last = this.at(this.length - 1);
    this.length--;
    this.#seek();
    return last;
  }

  at(index: number): Face {
    const start = this.$runs[0]!;
    if (!(index >= 0 && index < this.length)) throw this.#outside(index);
    if (index >= this.$first) return this.#far(index | 0);
    const life = start.life;
    if (life.view === null) life.ended(start);
    const at = start.offset + (index | 0) * this.stride;
    return this.$pools === null ? this.$make(new Position(life, at)) : this.$recycled(life, at);
  }

  cursor(): Cursor<Layout> {
    const start = this.$runs[0]!;
    const { life, offset } = start;
    if (life.view === null) life.ended(start);
    if (this.$pools !== null) return this.#recycledCursor();
    const position = new Position(life, offset);
    return new VecCursor(this, position, this.$make(position));
  }

  clear(): void {
    viewOf(this.$runs[0]!);
    this.length = 0;
    this.#seek();
  }

  reserve(capacity: number): void {
    viewOf(this.$runs[0]!);
    if (!Number.isInteger(capacity) || capacity < 0) {
      throw new ArgumentError(
        "FA008",
        `Cannot reserve ${show(capacity)} records: give a whole number of zero or more`,
      );
    }
    while (this.$capacity < capacity) this.#grow();
  }

  [Symbol.iterator](): IterableIterator<Face> {
    return new RecordIterator(this);
  }

  #recycledCursor(): Cursor<Layout> {
    const { vecCursors } = this.$pools!;
    const known = vecCursors.next() as VecCursor | undefined;
    if (known === undefined) {
      const { life, offset } = this.$runs[0]!;
      const position = new Position(life, offset);
      const cursor = new VecCursor(this, position, this.$make(position));
      vecCursors.add(cursor);
      return cursor;
    }
    known.$vec = this;
    known.$run = -1;
    known.$end = 0;
    known.index = -1;
    return known;
  }

  #outside(index: number): Error {
    viewOf(this.$runs[0]!);
    return outside(index, this.length);
  }

  #far(index: number): Face {
    const run = this.#run(index);
    const { life, offset } = this.$runs[run]!;
    if (life.view === null) life.ended(this.$runs[run]!);
    const at = offset + (index - this.#start(run)) * this.stride;
    return this.$pools === null ? this.$make(new Position(life, at)) : this.$recycled(life, at);
  }

  #place(index: number): Position {
    const run = this.#run(index);
    const { life, offset } = this.$runs[run]!;
    return new Position(life, offset + (index - this.#start(run)) * this.stride);
  }

  /** The run that holds an index: the first is `first` long, each one after it as long as all before it together. */
  #run(index: number): number {
    return index < this.$first ? 0 : 32 - Math.clz32((index / this.$first) | 0);
  }

  #start(run: number): number {
    return run === 0 ? 0 : this.$first * 2 ** (run - 1);
  }

  /** Puts the tail where the next record goes, after the length has changed by more than a push. */
  #seek(): void {
    const run = this.#run(this.length);
    const { life, offset } = this.$runs[run] ?? this.$runs[run - 1]!;
    const start = this.#start(run);
    this.$tail.life = life;
    this.$tail.offset = offset + (this.length - start) * this.stride;
    this.$room = this.length === this.$capacity ? 0 : this.$first * 2 ** run - this.length;
  }

  /** Goes on in the next run, which may have to be allocated. */
  #advance(): void {
    viewOf(this.$tail);
    // Again if a callback of a budget has filled what was just added.
    while (this.length === this.$capacity) this.#grow();
    this.#seek();
  }

  #grow(): void {
    const region = this.$region;
    viewOf(this.$runs[0]!);
    const capacity = this.$capacity;
    const last = this.$runs[Math.log2(capacity / this.$first)]!;
    const { life } = last;
    const offset = region.alloc(capacity * this.stride, this.$align);
    // A callback of a budget may have ended the memory of this list, or made the list grow by itself.
    if (life.view === null || this.$capacity !== capacity) {
      if (offset >= 0) region.undo(offset);
      if (life.view === null) life.ended(last);
      return;
    }
    if (offset < 0) throw region.refusal(`grow a vec from ${this.$capacity} to ${2 * this.$capacity} records`);
    const run = 1 + Math.log2(this.$capacity / this.$first);
    const known = this.$runs[run];
    if (known === undefined) this.$runs.push(region.at(offset));
    else {
      known.life = region.life;
      known.offset = offset;
    }
    this.$capacity *= 2;
  }
}

/** Lets a vec start anew in other memory: in release mode vecs are recycled. */
export function rearmVec(vec: RecordVecBase, life: Life, offset: number, capacity: number): void {
  const first = vec.$runs[0]!;
  first.life = life;
  first.offset = offset;
  vec.$tail.life = life;
  vec.$tail.offset = offset;
  vec.$first = capacity;
  vec.$capacity = capacity;
  vec.$room = capacity;
  vec.length = 0;
}
