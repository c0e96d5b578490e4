/**
 * A typed face for `@std/async/mux-async-iterator`.
 *
 * @module
 */

import * as std from "deno-std/async/mux_async_iterator.js";

/** Several async iterables read as one. */
export interface MuxAsyncIterator<T> extends AsyncIterable<T> {
  /** Adds an iterable. */
  add(iterable: AsyncIterable<T>): void;
  /** Yields what the iterables yield, in the order in which it comes. */
  iterate(): AsyncIterableIterator<T>;
}

/** The class of {@linkcode MuxAsyncIterator}. */
export const MuxAsyncIterator: { new <T>(): MuxAsyncIterator<T> } = std.MuxAsyncIterator;
