/**
 * Who pays for the frame ring: its memory on the CPU is held like that of any region and belongs to the tags that use it; its buffers on
 * the device are paid for by another account.
 */

import { type Account, GRANTED, REFUSED, type Verdict } from "../../src/memory/account.ts";
import type { Ledger } from "../../src/observe/ledger.ts";
import { GPU } from "../../src/observe/tag.ts";
import { Tally } from "../../src/observe/tally.ts";
import { TWIN_STEP } from "./twin_chunk.ts";

/** See the file comment. */
export class RingAccount extends Tally {
  readonly #device: Account;
  readonly #segments: number;

  constructor(ledger: Ledger, device: Account, segments: number) {
    super(ledger, GPU);
    this.#device = device;
    this.#segments = segments;
  }

  override hold(bytes: number): Verdict {
    const size = sizeOf(bytes);
    const verdict = super.hold(size);
    if (verdict !== GRANTED) return verdict;
    let asked: Verdict = REFUSED;
    try {
      asked = this.#device.hold(size * this.#segments);
    } finally {
      if (asked !== GRANTED) super.drop(size);
    }
    return asked;
  }

  override drop(bytes: number): void {
    const size = sizeOf(bytes);
    super.drop(size);
    this.#device.drop(size * this.#segments);
  }
}

/** What a chunk takes that may be used up to so many bytes. */
function sizeOf(bytes: number): number {
  return Math.ceil(bytes / TWIN_STEP) * TWIN_STEP;
}
