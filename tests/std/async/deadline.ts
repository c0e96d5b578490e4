/**
 * A typed face for `@std/async/deadline`.
 *
 * @module
 */

import * as std from "deno-std/async/deadline.js";

/** Options for {@linkcode deadline}. */
export interface DeadlineOptions {
  /** Ends the wait early. */
  signal?: AbortSignal;
}

/** Rejects with a `TimeoutError` when a promise is not settled in time. */
export const deadline: <T>(p: Promise<T>, ms: number, options?: DeadlineOptions) => Promise<T> = std.deadline;
