/**
 * What an earlier frame left under names, for the frames after it.
 */

import { StaleHandleError } from "../errors.ts";
import type { FrameMemory } from "./frame_memory.ts";

/**
 * A frame that is still alive, and what it published.
 *
 * @example Interpolate between the last frame and this one
 * ```ts
 * import { SmartAlloc } from "@framealloc/core";
 * import { assertEquals } from "@std/assert";
 *
 * const alloc = new SmartAlloc({ framesAlive: 2 });
 * let middle = 0;
 * for (let frame = 0; frame < 3; frame++) {
 *   using _frame = alloc.frame();
 *   const heights = alloc.publish("heights", alloc.frameSlice(Float32Array, 1));
 *   heights[0] = frame * 10;
 *   const before: Float32Array = alloc.previous(1)?.get("heights") ?? heights;
 *   middle = (before[0]! + heights[0]!) / 2;
 * }
 * assertEquals(middle, 15);
 * ```
 */
export class PublishedFrame {
  /** The number of the frame. */
  readonly frameNumber: number;
  readonly #memory: FrameMemory;

  /** Made by {@linkcode SmartAlloc.previous}. */
  constructor(memory: unknown, frameNumber: number) {
    this.#memory = memory as FrameMemory;
    this.frameNumber = frameNumber;
  }

  /**
   * What the frame published.
   *
   * @typeParam T What it is; this is taken on trust.
   * @param name The name it was published under.
   * @returns The value, or `undefined` if nothing was published under that name.
   * @throws {StaleHandleError} `FA002` if the frame is no longer alive.
   */
  get<T>(name: string): T | undefined {
    if (this.#memory.frame !== this.frameNumber || !this.#memory.isAlive) {
      throw new StaleHandleError(
        "FA002",
        `Cannot read what frame ${this.frameNumber} published as its memory has ended: raise framesAlive, or ask each frame anew`,
      );
    }
    return this.#memory.published(name) as T | undefined;
  }
}
