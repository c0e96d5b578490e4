/**
 * A slab whose slots are booked to the tags that take them, under the limits of those tags.
 */

import type { LifeOwner } from "../memory/life.ts";
import { Slab } from "../memory/slab.ts";
import type { SlabSize } from "../memory/slab_size.ts";
import type { Ledger } from "../observe/ledger.ts";
import type { Kind, Tag } from "../observe/tag.ts";
import { type Context, sourceRefused } from "./context.ts";

/** See the file comment. */
export class BookedSlab {
  readonly slab: Slab;
  readonly #ledger: Ledger;
  readonly #kind: Kind;
  readonly #counts: boolean;
  #isOverTag = false;

  constructor({ config, ledger }: Context, kind: Kind, owner: LifeOwner) {
    this.#ledger = ledger;
    this.#kind = kind;
    this.#counts = config.stats === "tags";
    this.slab = new Slab({
      source: config.source,
      sizes: config.poolClasses,
      pageSize: config.poolPageSize,
      idlePages: config.poolIdlePages,
      owner,
      account: ledger,
    });
  }

  /** Takes a slot; -1 if there is none. A limit is asked again after that, as taking a slot may run a callback that uses up what was left. */
  take(size: SlabSize): number {
    if (this.#ledger.current.budget !== null && !this.#isGranted(size)) return -1;
    const slot = size.take();
    if (slot < 0) return this.#none();
    const tag = this.#ledger.current;
    if (tag.budget !== null && this.#ledger.mustAsk(size.bytes)) {
      size.give(slot);
      return this.take(size);
    }
    if (this.#counts) tag.hold(this.#kind, size.bytes);
    return slot;
  }

  /** Gives a slot back that a tag has taken; returns whether it was in use. */
  give(size: SlabSize, slot: number, tag: Tag): boolean {
    if (!size.give(slot)) return false;
    if (this.#counts) tag.hold(this.#kind, -size.bytes);
    return true;
  }

  /** Whether a budget, and not the source, refused last. */
  get isOverBudget(): boolean {
    return this.#isOverTag || this.slab.isOverBudget;
  }

  /** The error of the last refusal. */
  refusal(action: string): Error {
    return this.isOverBudget
      ? this.#ledger.refusal(action)
      : sourceRefused(action, this.slab.pageSize, this.slab.cause);
  }

  #isGranted(size: SlabSize): boolean {
    this.#isOverTag = !this.#ledger.mayHave(size.bytes);
    return !this.#isOverTag;
  }

  #none(): number {
    this.#isOverTag = false;
    return -1;
  }
}
