/**
 * Pins: what is pinned stays where it is, or stays at all, until every pin is taken off.
 */

/** Whoever has pinned something. */
interface Pinner {
  $unpin(number: number): void;
}

/**
 * Takes a pin off by `end()`, or by `using` when the block is left.
 *
 * @example
 * ```ts
 * import { f32, SmartAlloc, struct } from "@framealloc/core";
 * import { assertEquals } from "@std/assert";
 *
 * const { handles } = new SmartAlloc();
 * const body = handles.alloc(struct("Body", { mass: f32 }));
 * {
 *   using _pin = handles.pin(body);
 *   assertEquals(handles.stats.pinned, 1); // compact() leaves it where it is
 * }
 * assertEquals(handles.stats.pinned, 0);
 * ```
 */
export class PinGuard {
  readonly #pinner: Pinner;
  readonly #number: number;
  #isOpen = true;

  /** Made by {@linkcode Handles.pin} and {@linkcode Streaming.pin}. */
  constructor(pinner: unknown, number: number) {
    this.#pinner = pinner as Pinner;
    this.#number = number;
  }

  /**
   * Takes the pin off. A second call does nothing, and so does one after the disposal of the allocator.
   *
   * @throws {PoolError} `FA406` if `unpin` has taken the pin off, `FA401` if what was pinned was freed after that.
   */
  end(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#pinner.$unpin(this.#number);
  }

  /** The same as {@linkcode PinGuard.end}. */
  [Symbol.dispose](): void {
    this.end();
  }
}
