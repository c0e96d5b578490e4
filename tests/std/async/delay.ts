/**
 * A typed face for `@std/async/delay`.
 *
 * @module
 */

import * as std from "deno-std/async/delay.js";

/** Options for {@linkcode delay}. */
export interface DelayOptions {
  /** Ends the wait early, by a rejection. */
  signal?: AbortSignal;
  /** Whether the wait keeps the process alive (default `true`). */
  persistent?: boolean;
}

/** Resolves after a number of milliseconds. */
export const delay: (ms: number, options?: DelayOptions) => Promise<void> = std.delay;
