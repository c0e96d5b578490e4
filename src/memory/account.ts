/**
 * Who pays for memory. Mechanisms tell an account what they take from a chunk source and what they give back, and ask it before an
 * allocation goes further than they were allowed: that is all they know of tags, limits and reports.
 */

/** The answer of an account: refused, granted, or "the program has been told something, so look again before you go on". */
export type Verdict = 0 | 1 | 2;

/** Nothing may be taken. */
export const REFUSED: Verdict = 0;
/** It may be taken, and is on the account now where the question was {@linkcode Account.hold}. */
export const GRANTED: Verdict = 1;
/** Nothing was decided, but a callback of the program has run: everything may have changed, so start over. */
export const AGAIN: Verdict = 2;

/**
 * Pays for the memory of regions, slabs and blocks.
 *
 * @example An account that pays for a megabyte at most
 * ```ts
 * import { type Account, arrayBufferSource, GRANTED, Region, REFUSED } from "@framealloc/core/memory";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * let left = 1024 * 1024;
 * const account: Account = {
 *   hold: (bytes) => bytes > left ? REFUSED : (left -= bytes, GRANTED),
 *   drop: (bytes) => void (left += bytes),
 *   admit: () => GRANTED,
 *   refusal: (action) => new RangeError(`Cannot ${action} as ${left} bytes are left`),
 * };
 * const region = new Region({
 *   source: arrayBufferSource,
 *   size: 4096,
 *   owner: { expired: () => new Error("over") },
 *   account,
 * });
 * region.open();
 * assertEquals(left, 1024 * 1024 - 4096);
 * assertEquals(region.alloc(2_000_000), -1);
 * assertThrows(() => {
 *   throw region.refusal("load the level");
 * }, RangeError, "Cannot load the level");
 * region.dispose();
 * assertEquals(left, 1024 * 1024);
 * ```
 */
export interface Account {
  /**
   * Asks to take more memory from a chunk source.
   *
   * @param bytes How many bytes.
   * @returns Whether they are on the account now.
   */
  hold(bytes: number): Verdict;
  /**
   * Says that memory was given back.
   *
   * @param bytes How many bytes.
   */
  drop(bytes: number): void;
  /**
   * Asked when an allocation would go further than {@linkcode Region.allow} has allowed. Nothing has been changed yet.
   *
   * @param bytes How many bytes the allocation takes, with padding.
   * @returns Whether it may go on; if so, the account has allowed that much.
   */
  admit(bytes: number): Verdict;
  /**
   * The error of the last refusal.
   *
   * @param action What was attempted, to follow the word "Cannot".
   * @returns The error.
   */
  refusal(action: string): Error;
}
