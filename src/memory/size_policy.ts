/**
 * How large the main chunk of a region should be, learned from what its cycles needed. One policy for CPU and GPU alike: after
 * an overflow the next cycle gets one chunk of 1.25 times the peak; after 120 quiet cycles the chunk shrinks again.
 */

/** Room above the peak, so that the next slightly larger cycle fits too. */
const SLACK = 1.25;

/** Cycles without an overflow after which a chunk that is too large shrinks. */
const QUIET_CYCLES = 120;

/** A chunk is replaced by a smaller one only if that saves at least a quarter. */
const WORTHWHILE = 0.75;

/**
 * Decides the size of a region's main chunk from one cycle to the next.
 *
 * @example After an overflow, and after a long quiet time
 * ```ts
 * import { SizePolicy } from "@framealloc/core/memory";
 * import { assertEquals } from "@std/assert";
 *
 * const policy = new SizePolicy(65_536);
 * assertEquals(policy.settle(100_000, 65_536), 125_008); // 1.25 times the peak, in steps of 16 bytes
 * let size = 125_008;
 * for (let i = 0; i < 120; i++) size = policy.settle(1_000, size);
 * assertEquals(size, 65_536);
 * ```
 */
export class SizePolicy {
  /** The configured size in bytes: what a region starts with and shrinks back to. */
  readonly configured: number;
  #quiet: number;
  #peak: number;

  /**
   * Starts with no experience.
   *
   * @param configured The configured size in bytes.
   */
  constructor(configured: number) {
    this.configured = configured;
    this.#quiet = 0;
    this.#peak = 0;
  }

  /**
   * Takes note of a finished cycle.
   *
   * @param peak The most bytes that were in use at once.
   * @param size The bytes that the main chunk offered.
   * @returns The bytes that it should offer from now on.
   */
  settle(peak: number, size: number): number {
    if (peak > size) {
      this.#quiet = 0;
      this.#peak = 0;
      return withSlack(peak);
    }
    if (peak > this.#peak) this.#peak = peak;
    if (++this.#quiet < QUIET_CYCLES) return size;
    const wanted = Math.max(this.configured, withSlack(this.#peak));
    this.#quiet = 0;
    this.#peak = 0;
    return wanted <= size * WORTHWHILE ? wanted : size;
  }
}

function withSlack(peak: number): number {
  return Math.ceil(peak * SLACK / 16) * 16;
}
