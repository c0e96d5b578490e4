/**
 * Who pays for the frame ring: its memory on the CPU is held like that of any region and belongs to the tags that use it; its buffers on
 * the device are paid for by another account.
 */

import { type Account, GRANTED, type Verdict } from "../../src/memory/account.ts";
import type { Ledger } from "../../src/observe/ledger.ts";
import { GPU } from "../../src/observe/tag.ts";
import { Tally } from "../../src/observe/tally.ts";

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
    const verdict = super.hold(bytes);
    if (verdict !== GRANTED) return verdict;
    const asked = this.#device.hold(bytes * this.#segments);
    if (asked !== GRANTED) super.drop(bytes);
    return asked;
  }

  override drop(bytes: number): void {
    super.drop(bytes);
    this.#device.drop(bytes * this.#segments);
  }
}
