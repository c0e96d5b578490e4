/**
 * A typed face for `@std/async/tee`.
 *
 * @module
 */

import * as std from "deno-std/async/tee.js";

/** A tuple of `N` elements. */
export type Tuple<T, N extends number> = N extends N ? number extends N ? T[] : TupleOf<T, N, []>
  : never;

type TupleOf<T, N extends number, R extends unknown[]> = R["length"] extends N ? R
  : TupleOf<T, N, [T, ...R]>;

/** Branches an async iterable into `n` (default 2). */
export const tee: <T, N extends number = 2>(
  iterable: AsyncIterable<T>,
  n?: N,
) => Tuple<AsyncIterable<T>, N> = std.tee;
