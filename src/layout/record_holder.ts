/**
 * What batches and vecs have in common: they hold memory of one layout and give out records of it, fresh or recycled.
 */

import { type Life, Position } from "../memory/life.ts";
import type { Room } from "../memory/room.ts";
import type { Face } from "./face.ts";
import type { LayoutPools } from "./record_pool.ts";

/** See the file comment. Each layout has classes of its own that add how to make a record. */
export abstract class RecordHolder {
  declare length: number;
  declare readonly stride: number;
  declare $region: Room;
  /** What is recycled; `null` where every handle is fresh. */
  declare $pools: LayoutPools | null;

  constructor(length: number, stride: number, region: Room, pools: LayoutPools | null) {
    this.length = length;
    this.stride = stride;
    this.$region = region;
    this.$pools = pools;
  }

  /** A new record at a position: one constant function per layout, so that the optimiser can look through it. */
  protected abstract $make(position: Position): Face;

  /** A record from the last cycle, moved to a place; a new one if all are in use. */
  protected $recycled(life: Life, offset: number): Face {
    const { records } = this.$pools!;
    return records.take(life, offset) ?? this.#added(new Position(life, offset));
  }

  #added(position: Position): Face {
    return this.$pools!.records.add(this.$make(position), position);
  }
}
