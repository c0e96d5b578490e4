/**
 * A typed face for `@std/async/retry`.
 *
 * @module
 */

import * as std from "deno-std/async/retry.js";

/** Options for {@linkcode retry}. */
export interface RetryOptions {
  /** By how much each wait is longer than the one before (default 2). */
  multiplier?: number;
  /** The longest wait in milliseconds (default 60,000). */
  maxTimeout?: number;
  /** How often to try (default 5). */
  maxAttempts?: number;
  /** The first wait in milliseconds (default 1,000). */
  minTimeout?: number;
  /** How random the waits are, from 0 to 1 (default 1). */
  jitter?: number;
}

/** The error that {@linkcode retry} throws when it gives up; its cause is the last error. */
export interface RetryError extends Error {}

/** The class of {@linkcode RetryError}. */
export const RetryError: {
  new (cause: unknown, attempts: number): RetryError;
  readonly prototype: RetryError;
} = std.RetryError;

/** Calls a function until it does not throw. */
export const retry: <T>(fn: (() => Promise<T>) | (() => T), options?: RetryOptions) => Promise<T> = std.retry;
