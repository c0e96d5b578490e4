/**
 * A growable typed array in a region. It grows where it lies as long as nothing was allocated after it, and moves otherwise.
 */

import { ArgumentError, show } from "../errors.ts";
import { type Life, Position, viewOf } from "../memory/life.ts";
import type { Room } from "../memory/room.ts";
import type { ElementOf, TypedArrayConstructor, ViewOf } from "../memory/typed_array.ts";
import { outside } from "./batch.ts";

/**
 * A growable list of numbers in the memory of a frame, a group, a scratch pool, a task or a lease.
 *
 * Room comes from the frame, also when the list grows: one that grows inside a scope, or after a checkpoint, loses all it holds
 * when that ends, and says so. Reserve enough before, or make it inside.
 *
 * @typeParam C The constructor of its typed arrays.
 *
 * @example
 * ```ts
 * import { SmartAlloc } from "@framealloc/core";
 * import { assertEquals } from "@std/assert";
 *
 * const alloc = new SmartAlloc();
 * alloc.beginFrame();
 * const indices = alloc.frameVec(Uint32Array);
 * for (let i = 0; i < 100; i++) indices.push(i * i);
 * assertEquals([indices.length, indices.at(9), indices.view.length], [100, 81, 100]);
 * alloc.endFrame();
 * ```
 */
export interface NumberVec<C extends TypedArrayConstructor> extends Iterable<ElementOf<C>> {
  /** The number of elements. */
  readonly length: number;
  /** The elements that fit before the list grows. */
  readonly capacity: number;
  /**
   * The elements as a typed array. It is recycled and not checked; the next growth may leave it behind.
   *
   * @throws {StaleHandleError} `FA002` if the memory has ended; `FA401`, `FA711` or `FA713` outside of frames.
   */
  readonly view: ViewOf<C>;
  /**
   * Adds an element at the end.
   *
   * @param value The element.
   * @returns The new length.
   * @throws {StaleHandleError} `FA002` if the memory has ended; `FA401`, `FA711` or `FA713` outside of frames.
   * @throws {ArenaExhaustedError} `FA003` if the list must grow and cannot; it keeps what it has.
   */
  push(value: ElementOf<C>): number;
  /**
   * Takes the last element off.
   *
   * @returns The element, or `undefined` if the list is empty.
   * @throws {StaleHandleError} `FA002` if the memory has ended; `FA401`, `FA711` or `FA713` outside of frames.
   */
  pop(): ElementOf<C> | undefined;
  /**
   * The element at an index.
   *
   * @param index From 0 to `length - 1`.
   * @returns The element.
   * @throws {StaleHandleError} `FA002` if the memory has ended; `FA401`, `FA711` or `FA713` outside of frames.
   * @throws {ArgumentError} `FA009` if there is no such element.
   */
  at(index: number): ElementOf<C>;
  /**
   * Replaces the element at an index.
   *
   * @param index From 0 to `length - 1`.
   * @param value The element.
   * @throws {StaleHandleError} `FA002` if the memory has ended; `FA401`, `FA711` or `FA713` outside of frames.
   * @throws {ArgumentError} `FA009` if there is no such element.
   */
  set(index: number, value: ElementOf<C>): void;
  /**
   * Drops all elements and keeps the room.
   *
   * @throws {StaleHandleError} `FA002` if the memory has ended; `FA401`, `FA711` or `FA713` outside of frames.
   */
  clear(): void;
  /**
   * Makes room, so that the list does not grow before it holds this many elements.
   *
   * @param capacity The number of elements in all.
   * @throws {StaleHandleError} `FA002` if the memory has ended; `FA401`, `FA711` or `FA713` outside of frames.
   * @throws {ArenaExhaustedError} `FA003` if there is not enough memory; the list keeps what it has.
   */
  reserve(capacity: number): void;
  /** Iterates over the elements. */
  [Symbol.iterator](): IterableIterator<ElementOf<C>>;
}

/** What is behind a {@linkcode NumberVec}. */
export class NumberVecBase<C extends TypedArrayConstructor> implements NumberVec<C> {
  declare readonly $pos: Position;
  declare readonly $region: Room;
  declare readonly $constructor: C;
  declare $array: ViewOf<C>;
  declare $length: number;

  constructor(constructor: C, region: Room, life: Life, offset: number, capacity: number) {
    this.$pos = new Position(life, offset);
    this.$region = region;
    this.$constructor = constructor;
    this.$array = region.viewAt(this.$pos, constructor, capacity, true);
    this.$length = 0;
  }

  get length(): number {
    return this.$length;
  }

  get capacity(): number {
    return this.$array.length;
  }

  get view(): ViewOf<C> {
    viewOf(this.$pos);
    return this.$region.viewAt(this.$pos, this.$constructor, this.$length);
  }

  push(value: ElementOf<C>): number {
    if (this.$pos.life.view === null) this.$pos.life.ended(this.$pos);
    let index = this.$length;
    if (index >= this.$array.length) index = this.#makeRoom(index);
    this.$array[index] = value as never;
    return this.$length = index + 1;
  }

  pop(): ElementOf<C> | undefined {
    if (this.$pos.life.view === null) this.$pos.life.ended(this.$pos);
    if (this.$length === 0) return undefined;
    return this.$array[--this.$length] as ElementOf<C>;
  }

  at(index: number): ElementOf<C> {
    if (this.$pos.life.view === null) this.$pos.life.ended(this.$pos);
    if (!(index >= 0 && index < this.$length)) throw outside(index, this.$length);
    return this.$array[index | 0] as ElementOf<C>;
  }

  set(index: number, value: ElementOf<C>): void {
    if (this.$pos.life.view === null) this.$pos.life.ended(this.$pos);
    if (!(index >= 0 && index < this.$length)) throw outside(index, this.$length);
    this.$array[index | 0] = value as never;
  }

  clear(): void {
    viewOf(this.$pos);
    this.$length = 0;
  }

  reserve(capacity: number): void {
    viewOf(this.$pos);
    if (!Number.isInteger(capacity) || capacity < 0) {
      throw new ArgumentError(
        "FA008",
        `Cannot reserve ${show(capacity)} elements: give a whole number of zero or more`,
      );
    }
    if (capacity > this.$array.length) this.#grow(capacity);
  }

  [Symbol.iterator](): IterableIterator<ElementOf<C>> {
    let next = 0;
    return {
      next: (): IteratorResult<ElementOf<C>> =>
        next < this.$length ? { done: false, value: this.at(next++) } : { done: true, value: undefined },
      [Symbol.iterator]() {
        return this;
      },
    };
  }

  /** Makes room for one more; returns where it goes. */
  #makeRoom(length: number): number {
    this.#grow(2 * length);
    return this.$length < this.$array.length ? this.$length : this.#makeRoom(this.$length);
  }

  #grow(capacity: number): void {
    const { $pos: position, $region: region, $constructor: constructor, $array: old } = this;
    const bytes = capacity * constructor.BYTES_PER_ELEMENT;
    if (region.extend(position.life, position.offset + old.byteLength, bytes - old.byteLength)) {
      this.$array = region.viewAt(position, constructor, capacity, true);
      return;
    }
    const { life } = position;
    const offset = region.alloc(bytes);
    // A callback of a budget may have ended the memory of this list, or made the list grow by itself.
    if (life.view === null || this.$array !== old) {
      if (offset >= 0) region.undo(offset);
      viewOf(position);
      if (this.$array.length < capacity) this.#grow(capacity);
      return;
    }
    if (offset < 0) throw region.refusal(`grow a vec from ${old.length} to ${capacity} elements`);
    position.life = region.life;
    position.offset = offset;
    this.$array = region.viewAt(position, constructor, capacity, true);
    this.$array.set(old as never);
    region.vacate?.(life);
  }
}

/** Lets a vec start anew in other memory: in release mode vecs are recycled. */
export function rearmNumberVec(
  vec: NumberVecBase<TypedArrayConstructor>,
  life: Life,
  offset: number,
  capacity: number,
): void {
  vec.$pos.life = life;
  vec.$pos.offset = offset;
  vec.$array = vec.$region.viewAt(vec.$pos, vec.$constructor, capacity, true);
  vec.$length = 0;
}
