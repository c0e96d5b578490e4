/**
 * A typed face for `@std/async` where only the npm registry can be reached.
 *
 * It goes by single file, since the npm build's own `async/mod.js` does not load.
 *
 * @module
 */

export * from "./abortable.ts";
export * from "./deadline.ts";
export * from "./debounce.ts";
export * from "./delay.ts";
export * from "./mux_async_iterator.ts";
export * from "./pool.ts";
export * from "./retry.ts";
export * from "./tee.ts";
