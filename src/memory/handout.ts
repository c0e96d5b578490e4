/**
 * Whether a view is still handed out. Views are recycled, so that an array alone does not tell: it is out while the list that recycles it
 * has given it in this cycle.
 */

/**
 * A list that recycles what it hands out.
 *
 * @example
 * ```ts
 * import { type HandoutList, ViewCache } from "@framealloc/core/memory";
 *
 * const list: HandoutList = new ViewCache(new ArrayBuffer(64));
 * ```
 */
export interface HandoutList {
  /**
   * Whether something was handed out in this cycle.
   *
   * @param index Its place in the list.
   * @param thing What it is.
   * @returns Whether it was.
   */
  holds(index: number, thing: unknown): boolean;
}

/**
 * Where something was handed out, to be asked later whether it still is.
 *
 * @example
 * ```ts
 * import { ViewCache } from "@framealloc/core/memory";
 * import { assertEquals } from "@std/assert";
 *
 * const cache = new ViewCache(new ArrayBuffer(64));
 * const handout = cache.find(cache.next(Float32Array, 16, 4))!;
 * assertEquals(handout.isOut, true);
 * cache.count = 0; // the next cycle
 * assertEquals(handout.isOut, false);
 * ```
 */
export class Handout {
  readonly #list: HandoutList;
  readonly #index: number;
  readonly #thing: unknown;

  /**
   * Remembers a place.
   *
   * @param list The list.
   * @param index The place in it.
   * @param thing What was handed out there.
   */
  constructor(list: HandoutList, index: number, thing: unknown) {
    this.#list = list;
    this.#index = index;
    this.#thing = thing;
  }

  /** Whether it is still out. */
  get isOut(): boolean {
    return this.#list.holds(this.#index, this.#thing);
  }
}
