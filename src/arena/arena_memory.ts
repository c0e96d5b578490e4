/**
 * A region, and what is recycled in it.
 */

import { ColumnCache } from "../layout/columns.ts";
import type { LayoutInner } from "../layout/inner.ts";
import type { NumberVecBase } from "../layout/number_vec.ts";
import { LayoutPools, Pool, type RecordPool } from "../layout/record_pool.ts";
import type { Handout } from "../memory/handout.ts";
import type { Region } from "../memory/region.ts";
import type { TypedArray, TypedArrayConstructor } from "../memory/typed_array.ts";

/** See the file comment. */
export class ArenaMemory {
  declare readonly region: Region;
  /** The recycled columns; `null` where there are no cycles. */
  declare readonly columns: ColumnCache | null;
  /** The recycled records by the number of their layout; filled by {@linkcode ArenaMemory.pools}. */
  declare readonly records: (RecordPool | undefined)[];
  readonly #pools: (LayoutPools | undefined)[] = [];
  readonly #active: LayoutPools[] = [];
  readonly #constructors: TypedArrayConstructor[] = [];
  readonly #numberVecs: Pool<NumberVecBase<TypedArrayConstructor>>[] = [];

  constructor(region: Region, hasCycles: boolean) {
    this.region = region;
    this.columns = hasCycles ? new ColumnCache() : null;
    this.records = [];
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

  /** Where a view or a column was handed out; `null` if it lies in this memory and is not out, and nothing if it lies elsewhere. */
  handoutOf(view: TypedArray): Handout | null | undefined {
    const found = this.region.handoutOf(view);
    return found === null ? this.columns?.find(view) ?? null : found;
  }

  /** Starts a new cycle: what the last one made may be given out again. */
  recycle(): void {
    if (this.columns !== null) this.columns.count = 0;
    for (let i = 0; i < this.#active.length; i++) this.#active[i]!.restart();
    for (let i = 0; i < this.#numberVecs.length; i++) this.#numberVecs[i]!.count = 0;
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
