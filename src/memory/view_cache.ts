/**
 * Views are recycled: making one costs some 30 ns and 100 bytes of garbage, comparing three numbers costs next to nothing. The
 * n-th view of this cycle is the n-th view of the last cycle whenever constructor, offset and length agree, which they do in a
 * loop that does the same work every frame.
 */

import { Handout, type HandoutList } from "./handout.ts";
import type { TypedArray, TypedArrayConstructor, ViewOf } from "./typed_array.ts";

/**
 * The recycled views of one chunk.
 *
 * @example
 * ```ts
 * import { ViewCache } from "@framealloc/core/memory";
 * import { assert } from "@std/assert";
 *
 * const cache = new ViewCache(new ArrayBuffer(64));
 * const first = cache.next(Float32Array, 16, 4);
 * cache.count = 0; // the next cycle
 * assert(cache.next(Float32Array, 16, 4) === first);
 * ```
 */
export class ViewCache implements HandoutList {
  /** How many views this cycle has asked for. A mark saves it, a rewind restores it. */
  count: number;
  #buffer: ArrayBufferLike;
  #constructors: TypedArrayConstructor[];
  #offsets: number[];
  #lengths: number[];
  #views: TypedArray[];
  readonly #recycles: boolean;

  /**
   * Starts without views.
   *
   * @param buffer The memory of the chunk.
   * @param recycles Whether there are cycles; without, each view is a fresh one, and none is kept.
   */
  constructor(buffer: ArrayBufferLike, recycles: boolean = true) {
    this.#recycles = recycles;
    this.count = 0;
    this.#buffer = buffer;
    this.#constructors = [];
    this.#offsets = [];
    this.#lengths = [];
    this.#views = [];
  }

  /**
   * The next view of this cycle: the one of the last cycle if it fits.
   *
   * @param constructor The kind of array.
   * @param offset Bytes from the start of the chunk.
   * @param length The number of elements.
   * @returns The view.
   */
  next<C extends TypedArrayConstructor>(constructor: C, offset: number, length: number): ViewOf<C> {
    const i = this.count++;
    if (
      i < this.#views.length && this.#offsets[i] === offset && this.#lengths[i] === length &&
      this.#constructors[i] === constructor
    ) return this.#views[i]!;
    return this.#make(i, constructor, offset, length);
  }

  /**
   * Whether a view is among those that this cycle has asked for.
   *
   * @param index Its place among them.
   * @param view The view.
   * @returns Whether it is.
   */
  holds(index: number, view: unknown): boolean {
    return index < this.count && this.#views[index] === view;
  }

  /**
   * Where a view was handed out in this cycle; the newest is found first.
   *
   * @param view Any array.
   * @returns The place, or nothing if it was not.
   */
  find(view: TypedArray): Handout | undefined {
    for (let i = Math.min(this.count, this.#views.length) - 1; i >= 0; i--) {
      if (this.#views[i] === view) return new Handout(this, i, view);
    }
    return undefined;
  }

  /**
   * Forgets every view: they are detached, or the buffer is another one now.
   *
   * @param buffer The memory of the chunk from now on.
   */
  clear(buffer: ArrayBufferLike): void {
    this.count = 0;
    this.#buffer = buffer;
    this.#constructors.length = 0;
    this.#offsets.length = 0;
    this.#lengths.length = 0;
    this.#views.length = 0;
  }

  #make<C extends TypedArrayConstructor>(i: number, constructor: C, offset: number, length: number): ViewOf<C> {
    // The constructors' signatures differ in the kind of buffer only; a view over shared memory is made the same way.
    const view: TypedArray = new constructor(this.#buffer as ArrayBuffer, offset, length);
    if (!this.#recycles) {
      this.count = 0;
      return view;
    }
    this.#constructors[i] = constructor;
    this.#offsets[i] = offset;
    this.#lengths[i] = length;
    this.#views[i] = view;
    return view;
  }
}
