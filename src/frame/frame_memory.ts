/**
 * The memory of one frame: a region, and what is recycled in it. With `framesAlive: n` there are n of them in rotation.
 */

import { ColumnCache } from "../layout/columns.ts";
import type { LayoutInner } from "../layout/inner.ts";
import type { NumberVecBase } from "../layout/number_vec.ts";
import { LayoutPools, Pool, type RecordPool } from "../layout/record_pool.ts";
import type { Region } from "../memory/region.ts";
import type { TypedArrayConstructor } from "../memory/typed_array.ts";

/** See the file comment. */
export class FrameMemory {
  declare readonly region: Region;
  declare readonly columns: ColumnCache;
  /** The number of the frame that was last allocated here. */
  declare frame: number;
  /** Whether its frame is open or still alive. */
  declare isAlive: boolean;
  /** The recycled records by the number of their layout; filled by {@linkcode FrameMemory.pools}. */
  declare readonly records: (RecordPool | undefined)[];
  readonly #pools: (LayoutPools | undefined)[] = [];
  readonly #active: LayoutPools[] = [];
  readonly #constructors: TypedArrayConstructor[] = [];
  readonly #numberVecs: Pool<NumberVecBase<TypedArrayConstructor>>[] = [];
  readonly #names: string[] = [];
  readonly #published: unknown[] = [];
  #publications = 0;

  constructor(region: Region) {
    this.region = region;
    this.columns = new ColumnCache();
    this.records = [];
    this.frame = 0;
    this.isAlive = false;
  }

  /** What is recycled of a layout. */
  pools(inner: LayoutInner): LayoutPools {
    return this.#pools[inner.id] ?? this.#addPools(inner.id);
  }

  /** The recycled vecs of one kind of typed array. */
  numberVecs(constructor: TypedArrayConstructor): Pool<NumberVecBase<TypedArrayConstructor>> {
    const known = this.#constructors.indexOf(constructor);
    if (known >= 0) return this.#numberVecs[known]!;
    const pool = new Pool<NumberVecBase<TypedArrayConstructor>>();
    this.#constructors.push(constructor);
    this.#numberVecs.push(pool);
    return pool;
  }

  /** Starts a new frame in this memory. */
  restart(frame: number): void {
    this.frame = frame;
    this.isAlive = true;
    this.columns.count = 0;
    for (let i = 0; i < this.#active.length; i++) this.#active[i]!.restart();
    for (let i = 0; i < this.#numberVecs.length; i++) this.#numberVecs[i]!.count = 0;
    for (let i = 0; i < this.#publications; i++) this.#published[i] = undefined;
    this.#publications = 0;
  }

  /** Ends what was allocated here. */
  expire(): void {
    this.isAlive = false;
    this.region.reset();
  }

  /** Keeps a value under a name for as long as this memory lives. */
  publish(name: string, value: unknown): void {
    let i = 0;
    while (i < this.#publications && this.#names[i] !== name) i++;
    if (i === this.#publications) this.#publications++;
    this.#names[i] = name;
    this.#published[i] = value;
  }

  /** What was published under a name; `undefined` if nothing was. */
  published(name: string): unknown {
    for (let i = 0; i < this.#publications; i++) if (this.#names[i] === name) return this.#published[i];
    return undefined;
  }

  #addPools(id: number): LayoutPools {
    while (this.#pools.length <= id) {
      this.#pools.push(undefined);
      this.records.push(undefined);
    }
    const pools = new LayoutPools();
    this.records[id] = pools.records;
    this.#pools[id] = pools;
    this.#active.push(pools);
    return pools;
  }
}
