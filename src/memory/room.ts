/**
 * What a list needs of whoever gives it memory. A region is the most common one; a lease of a pool guard is another, in which each
 * piece is freed on its own.
 */

import type { Life, Position } from "./life.ts";
import type { TypedArrayConstructor, ViewOf } from "./typed_array.ts";

/**
 * Memory that a list can grow in. An offset belongs to {@linkcode Room.life} as it is when the offset is returned.
 *
 * @example
 * ```ts
 * import { arrayBufferSource, Region, type Room } from "@framealloc/core/memory";
 * import { assertEquals } from "@std/assert";
 *
 * const region = new Region({
 *   source: arrayBufferSource,
 *   size: 4096,
 *   owner: { expired: () => new Error("The level was unloaded") },
 * });
 * region.open();
 * const room: Room = region;
 * const position = room.at(room.alloc(64));
 * room.viewAt(position, Float32Array, 16).fill(1);
 * assertEquals(room.extend(position.life, 64, 64), true); // nothing came after it
 * assertEquals(room.viewAt(position, Float32Array, 32)[15], 1);
 * ```
 */
export interface Room {
  /** The life that what was allocated last belongs to. */
  readonly life: Life;
  /**
   * Allocates.
   *
   * @param bytes How many bytes.
   * @param align A power of two; everything is aligned to 16 at least.
   * @returns The offset in the view of {@linkcode Room.life}, or -1 if refused: {@linkcode Room.refusal} tells why.
   */
  alloc(bytes: number, align?: number): number;
  /**
   * A position in what was just allocated.
   *
   * @param offset What {@linkcode Room.alloc} has just returned.
   * @returns A fresh position.
   */
  at(offset: number): Position;
  /**
   * Takes the last allocation back.
   *
   * @param offset What {@linkcode Room.alloc} has just returned.
   */
  undo(offset: number): void;
  /**
   * Makes an allocation larger where it lies.
   *
   * @param life The life that it belongs to.
   * @param end The offset at which it ends now, not rounded up.
   * @param bytes How many bytes to add.
   * @returns Whether there was room; if not, nothing was changed.
   */
  extend(life: Life, end: number, bytes: number): boolean;
  /**
   * Is told that a list has moved away from an allocation, where it matters.
   *
   * @param life The life that the allocation belongs to.
   */
  vacate?(life: Life): void;
  /**
   * A typed array over memory of this room.
   *
   * @param position A position of this room.
   * @param constructor The kind of array.
   * @param length The number of elements.
   * @param isHidden Whether it is for the list alone, and never handed out.
   * @returns The view.
   */
  viewAt<C extends TypedArrayConstructor>(
    position: Position,
    constructor: C,
    length: number,
    isHidden?: boolean,
  ): ViewOf<C>;
  /**
   * The error of the last refused allocation.
   *
   * @param action What was attempted, to follow the word "Cannot".
   * @returns The error.
   */
  refusal(action: string): Error;
}
