/**
 * Which views have been handed out, and are still: a recycled view is out while the list that recycles it has given it in this cycle.
 * Nobody pays for this until somebody asks to be told.
 */

import type { TypedArray } from "./typed_array.ts";

/** A list that recycles what it hands out. */
export interface HandoutList {
  /** Whether something was handed out in this cycle, in this place. */
  holds(index: number, thing: unknown): boolean;
}

/** Where a view was handed out. */
export class Handout {
  readonly list: HandoutList;
  readonly index: number;
  /** What the list knows: the view, or the columns that it is one of. */
  readonly thing: unknown;

  constructor(list: HandoutList, index: number, thing: unknown) {
    this.list = list;
    this.index = index;
    this.thing = thing;
  }

  /** Whether it is still out. */
  get isOut(): boolean {
    return this.list.holds(this.index, this.thing);
  }
}

let handouts: WeakMap<TypedArray, Handout> | null = null;

/** From now on it is noted where views are handed out. */
export function trackHandouts(): void {
  handouts ??= new WeakMap();
}

/** Takes note of a view that is handed out. */
export function noteHandout(view: TypedArray, list: HandoutList, index: number, thing: unknown): void {
  if (handouts !== null) handouts.set(view, new Handout(list, index, thing));
}

/** Where a view was handed out, if that was noted. */
export function handoutOf(view: TypedArray): Handout | undefined {
  return handouts === null ? undefined : handouts.get(view);
}
