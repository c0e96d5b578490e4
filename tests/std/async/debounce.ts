/**
 * A typed face for `@std/async/debounce`.
 *
 * @module
 */

import * as std from "deno-std/async/debounce.js";

/** A function whose calls are held back until none has come for a while. */
export interface DebouncedFunction<T extends unknown[]> {
  (...args: T): void;
  /** Drops the held call. */
  clear(): void;
  /** Makes the held call now. */
  flush(): void;
  /** Whether a call is held. */
  readonly pending: boolean;
}

/** Holds back calls until `wait` milliseconds have passed without one. */
export const debounce: <T extends unknown[]>(
  fn: (this: DebouncedFunction<T>, ...args: T) => void,
  wait: number,
) => DebouncedFunction<T> = std.debounce;
