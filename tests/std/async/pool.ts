/**
 * A typed face for `@std/async/pool`.
 *
 * @module
 */

import * as std from "deno-std/async/pool.js";

/** Maps an iterable with an async function, at most `poolLimit` calls at once, in order. */
export const pooledMap: <T, R>(
  poolLimit: number,
  array: Iterable<T> | AsyncIterable<T>,
  iteratorFn: (data: T) => Promise<R>,
) => AsyncIterableIterator<R> = std.pooledMap;
