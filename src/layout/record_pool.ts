/**
 * Recycled objects for the release mode, in which nobody checks who still holds one: what a cycle made, the next one gets again.
 */

import type { Life, Position } from "../memory/life.ts";
import type { Face } from "./face.ts";

/** Recycled records of one layout, moved by their positions. */
export class RecordPool {
  /** Where in the list the next one is; zero at the start of a cycle. */
  declare next: number;
  /** Each record, with its position before it. */
  declare readonly list: (Position | Face)[];

  constructor() {
    this.next = 0;
    this.list = [];
  }

  /** The next record, moved to a place; `undefined` if all are in use, and then {@linkcode RecordPool.add} one. */
  take(life: Life, offset: number): Face | undefined {
    const { next, list } = this;
    if (next >= list.length) return undefined;
    this.next = next + 2;
    const position = list[next] as Position;
    position.offset = offset;
    if (position.life !== life) position.life = life;
    return list[next + 1] as Face;
  }

  /** Adds a record that is in use now. */
  add(record: Face, position: Position): Face {
    this.list.push(position, record);
    this.next += 2;
    return record;
  }
}

/** Recycled objects of any other kind. */
export class Pool<T> {
  /** How many of the objects this cycle has used. */
  declare count: number;
  declare readonly items: T[];

  constructor() {
    this.count = 0;
    this.items = [];
  }

  /** The next object as the last cycle left it; `undefined` if all are in use, and then {@linkcode Pool.add} one. */
  next(): T | undefined {
    const n = this.count;
    if (n >= this.items.length) return undefined;
    this.count = n + 1;
    return this.items[n];
  }

  /** Adds an object that is in use now. */
  add(item: T): T {
    this.items.push(item);
    this.count++;
    return item;
  }
}

/** Everything recycled of one layout in one region. */
export class LayoutPools {
  declare readonly records: RecordPool;
  declare readonly cursors: Pool<unknown>;
  declare readonly vecCursors: Pool<unknown>;
  declare readonly batches: Pool<unknown>;
  declare readonly vecs: Pool<unknown>;
  declare readonly boxes: Pool<unknown>;

  constructor() {
    this.records = new RecordPool();
    this.cursors = new Pool();
    this.vecCursors = new Pool();
    this.batches = new Pool();
    this.vecs = new Pool();
    this.boxes = new Pool();
  }

  /** Starts a new cycle. */
  restart(): void {
    this.records.next = 0;
    this.cursors.count = 0;
    this.vecCursors.count = 0;
    this.batches.count = 0;
    this.vecs.count = 0;
    this.boxes.count = 0;
  }
}
