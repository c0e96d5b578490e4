/**
 * Books the bytes of a region to tags. Nothing is counted per allocation: the region's offset is read whenever the innermost tag
 * changes, and what came since belongs to the tag before. At each change the region is allowed nothing more, so that its next
 * allocation, whoever makes it, asks here first.
 */

import { GRANTED, type Verdict } from "../memory/account.ts";
import type { Account } from "../memory/account.ts";
import type { Region } from "../memory/region.ts";
import type { Follower, Ledger } from "./ledger.ts";
import type { Kind, Tag } from "./tag.ts";

/** See the file comment. */
export class Tally implements Account, Follower {
  protected readonly ledger: Ledger;
  /** The region; `null` while there is none to follow. */
  region: Region | null = null;
  /** The tag that what comes now belongs to. */
  tag: Tag;
  readonly #kind: Kind;
  /** The tags that have a share, and how much; arrays stay as long as they were, as emptying one drops its memory. */
  readonly #tags: Tag[] = [];
  readonly #bytes: number[] = [];
  #shares = 0;
  #used = 0;

  constructor(ledger: Ledger, kind: Kind) {
    this.ledger = ledger;
    this.tag = ledger.current;
    this.#kind = kind;
  }

  /** Books what was allocated until now. */
  settle(): void {
    const bytes = this.region === null ? 0 : this.region.used - this.#used;
    if (bytes === 0) return;
    this.#used += bytes;
    this.tag.hold(this.#kind, bytes);
    let share = 0;
    while (share < this.#shares && this.#tags[share] !== this.tag) share++;
    if (share < this.#shares) this.#bytes[share]! += bytes;
    else {
      this.#tags[share] = this.tag;
      this.#bytes[share] = bytes;
      this.#shares++;
    }
  }

  /** Takes everything off the tags: the region was reset or disposed of. */
  clear(): void {
    this.settle();
    for (let i = 0; i < this.#shares; i++) this.#tags[i]!.hold(this.#kind, -this.#bytes[i]!);
    this.#shares = 0;
    this.#used = 0;
  }

  /** Which tags hold how much of it. */
  get shares(): { readonly path: string; readonly bytes: number }[] {
    this.settle();
    return this.#tags.slice(0, this.#shares).map((tag, i) => ({ path: tag.path, bytes: this.#bytes[i]! }));
  }

  turn(): void {
    this.settle();
    this.region?.allow(0);
  }

  admit(bytes: number): Verdict {
    this.ledger.turn();
    const verdict = this.ledger.admit(bytes);
    if (verdict !== GRANTED) return verdict;
    this.tag = this.ledger.current;
    this.ledger.follow(this);
    this.region!.allow(this.tag.budget === null ? Infinity : this.tag.budget.room);
    return GRANTED;
  }

  hold(bytes: number): Verdict {
    return this.ledger.hold(bytes);
  }

  drop(bytes: number): void {
    this.ledger.drop(bytes);
  }

  refusal(action: string): Error {
    return this.ledger.refusal(action);
  }
}
