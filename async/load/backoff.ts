/**
 * How long to wait before something that has failed is tried again: longer each time, and not all at the same moment.
 */

import { ArgumentError, show } from "../../src/errors.ts";

/**
 * How long to wait before each further attempt.
 *
 * @example
 * ```ts
 * import { AssetLoader, type Backoff, SmartAlloc } from "@framealloc/core";
 *
 * const backoff: Backoff = { first: 20, most: 200 }; // 20, 40, 80, 160, 200, 200 … ms at most
 * new AssetLoader(new SmartAlloc(), { retries: 5, backoff });
 * ```
 */
export interface Backoff {
  /** Milliseconds before the second attempt. @default {100} */
  readonly first?: number;
  /** How many times longer each wait is than the one before. @default {2} */
  readonly factor?: number;
  /** The longest wait in milliseconds; a server that asks for a longer one with `Retry-After` gets it. @default {5000} */
  readonly most?: number;
  /** Which part of a wait is left to chance, from 0 to 1: with 0.5 it takes half of its time to all of it. @default {0.5} */
  readonly jitter?: number;
}

/** The longest time that a timer can wait. */
const LONGEST = 2 ** 31 - 1;

/**
 * Checks a backoff.
 *
 * @param backoff What the program gave.
 * @returns It, with defaults for what was left out.
 * @throws {ArgumentError} `FA008` if something makes no sense.
 */
export function checkedBackoff(backoff: Backoff = {}): Required<Backoff> {
  const { first = 100, factor = 2, most = 5000, jitter = 0.5 } = backoff ?? {};
  check("first", first, 0, LONGEST);
  check("factor", factor, 1, Infinity);
  check("most", most, 0, LONGEST);
  check("jitter", jitter, 0, 1);
  return { first, factor, most, jitter };
}

/**
 * How long to wait.
 *
 * @param attempts How often it was tried so far.
 * @param backoff How long to wait in general.
 * @param least What the source has asked for, in milliseconds.
 * @returns Milliseconds.
 */
export function delayAfter(attempts: number, backoff: Required<Backoff>, least: number = 0): number {
  const { first, factor, most, jitter } = backoff;
  const full = first === 0 ? 0 : Math.min(most, first * factor ** (attempts - 1));
  const delay = full * (1 - jitter * Math.random());
  return Math.min(LONGEST, Math.max(delay, least));
}

function check(name: string, value: unknown, least: number, most: number): void {
  if (typeof value === "number" && value >= least && value <= most) return;
  throw new ArgumentError(
    "FA008",
    `Cannot wait between attempts with ${show(value)} as \`${name}\`: give a number from ${least} to ${most}`,
  );
}
