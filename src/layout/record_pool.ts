/**
 * Recycled objects for the release mode, in which nobody checks who still holds one: what a cycle made, the next one gets again.
 */

import type { Life, Position } from "../memory/life.ts";
import type { Face } from "./face.ts";

/** Recycled records of one layout, moved by their positions. */
export class RecordPool {
  /** How many of the records this cycle has used. */
  declare count: number;
  declare readonly records: Face[];
  declare readonly positions: Position[];

  constructor() {
    this.count = 0;
    this.records = [];
    this.positions = [];
  }

  /** The next record, moved to a place; `undefined` if all are in use, and then {@linkcode RecordPool.add} one. */
  next(life: Life, offset: number): Face | undefined {
    const n = this.count;
    if (n >= this.records.length) return undefined;
    this.count = n + 1;
    const position = this.positions[n]!;
    position.offset = offset;
    if (position.life !== life) position.life = life;
    return this.records[n];
  }

  /** Adds a record that is in use now. */
  add(record: Face, position: Position): Face {
    this.records.push(record);
    this.positions.push(position);
    this.count++;
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
    this.records.count = 0;
    this.cursors.count = 0;
    this.vecCursors.count = 0;
    this.batches.count = 0;
    this.vecs.count = 0;
    this.boxes.count = 0;
  }
}
