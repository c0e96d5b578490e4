/**
 * The end of a turn with a frame open. Handles of the time before it have lapsed; this says so when one of them is used, and knows
 * whose it was.
 */

import type { FrameRun } from "../../src/observe/meter.ts";
import type { LifeOwner, Position } from "../../src/memory/life.ts";
import type { Region } from "../../src/memory/region.ts";

/** Who decides what happens. */
export interface CrossingOwner {
  /** The error of a handle that was used too late. */
  crossed(crossing: Crossing, position: Position): Error;
  /** Whether a handle may be used all the same. */
  pardon(crossing: Crossing, position: Position): DataView | undefined;
}

/** See the file comment. */
export class Crossing implements LifeOwner {
  /** The frame that was open. */
  readonly frame: number;
  /** Where its memory is. */
  readonly region: Region;
  readonly #owner: CrossingOwner;
  readonly #runs: readonly FrameRun[];

  constructor(owner: CrossingOwner, frame: number, region: Region, runs: readonly FrameRun[]) {
    this.#owner = owner;
    this.frame = frame;
    this.region = region;
    this.#runs = runs;
  }

  expired(position: Position): Error {
    return this.#owner.crossed(this, position);
  }

  pardon(position: Position): DataView | undefined {
    return this.#owner.pardon(this, position);
  }

  /** The tag under which the memory at a place of the region was allocated; `""` if that is not known. */
  tagAt(place: number): string {
    let end = 0;
    for (const { tag, bytes } of this.#runs) {
      end += bytes;
      if (place < end) return place < 0 ? "" : tag;
    }
    return "";
  }

  /** How many raw views were out, by tag. */
  get views(): ReadonlyMap<string, number> {
    const views = new Map<string, number>();
    for (const run of this.#runs) if (run.views !== 0) views.set(run.tag, (views.get(run.tag) ?? 0) + run.views);
    return views;
  }
}
