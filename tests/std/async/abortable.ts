/**
 * A typed face for `@std/async/abortable`.
 *
 * @module
 */

import * as std from "deno-std/async/abortable.js";

/** Makes a promise or an async iterable end when a signal is aborted. */
export const abortable: {
  <T>(p: Promise<T>, signal: AbortSignal): Promise<T>;
  <T>(p: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T>;
} = std.abortable;
