/**
 * What all memory of one allocator is booked in: the tags, which of them is the innermost one now, and the limit on everything that
 * is held. It is the account of memory that no tag answers for.
 */

import { disposed } from "../errors.ts";
import { type Account, AGAIN, GRANTED, REFUSED, type Verdict } from "../memory/account.ts";
import type { Budget } from "./budget.ts";
import { Tag } from "./tag.ts";

/** Books the bytes of a region to tags while it is used; told whenever the innermost tag or a limit may have changed. */
export interface Follower {
  turn(): void;
}

/** Memory that is held from chunk sources and not in use. */
export interface IdleMemory {
  bytes(): number;
  giveBack(): void;
}

/** See the file comment. */
export class Ledger implements Account {
  readonly root: Tag = new Tag(0, "", null);
  /** All tags by their number. */
  readonly tags: Tag[] = [this.root];
  /** The innermost tag. */
  current: Tag = this.root;
  /** The number of the current frame, or of the last one. */
  frame = 0;
  /** Whether the allocator was disposed of: nothing can be had any more, also by those who have asked before a callback did that. */
  isClosed = false;
  /** Whether another allocator is being asked for what was refused here: it must not come back. */
  isSpilling = false;
  /** How many callbacks of budgets are running now. */
  telling = 0;
  /** The limit on all memory that is held from chunk sources; `null` as long as none was set. */
  global: Budget | null = null;
  /** What is held from chunk sources, as long as there is no limit that knows. */
  held = 0;
  /** Memory that is held and not in use, to be given back before the global limit refuses. */
  readonly idle: IdleMemory[] = [];
  /** Called when a frame is about to begin, while its number is still that of the last one. */
  onFrame: (() => void) | null = null;
  /** The frames of this allocator, which follow at all times. */
  frames: Follower | null = null;
  readonly #followers: Follower[] = [];
  #following = 0;
  #refused: Budget | null = null;
  #requested = 0;

  // Tags

  /** Makes a tag the innermost one. */
  push(name: string): Tag {
    this.current = this.#child(this.current, name);
    this.turn();
    return this.current;
  }

  /** Goes back to the tag around the innermost one. */
  pop(): void {
    this.current = this.current.parent ?? this.root;
    this.turn();
  }

  /** Goes back to a tag that was the innermost one before, whatever was opened since. */
  restore(tag: unknown): void {
    let { current } = this;
    while (current !== tag && current.parent !== null) current = current.parent;
    this.current = current;
    this.turn();
  }

  /** Makes any tag the innermost one, until {@linkcode Ledger.leave}; returns the one before. */
  enter(tag: Tag): Tag {
    const before = this.current;
    if (tag !== before) {
      this.current = tag;
      this.turn();
    }
    return before;
  }

  /** Leaves a tag that was entered. */
  leave(before: Tag): void {
    if (this.current === before) return;
    this.current = before;
    this.turn();
  }

  /** Runs a function under the tag of a path. */
  under<T>(path: string, fn: () => T): T {
    const before = this.enter(this.at(path));
    try {
      return fn();
    } finally {
      this.leave(before);
    }
  }

  /** Runs a function that has another allocator make what was refused here, under the same tag there. */
  spillTo<T>(other: Ledger, fn: () => T): T {
    this.isSpilling = true;
    try {
      return other.under(this.current.path, fn);
    } finally {
      this.isSpilling = false;
    }
  }

  /** The tag of a path, made if it was never opened. */
  at(path: string): Tag {
    let tag = this.root;
    if (path === "") return tag;
    for (const name of path.split("::")) tag = this.#child(tag, name);
    return tag;
  }

  /** Has everything that was allocated until now booked, so that what comes next belongs to the innermost tag and its limits. */
  turn(): void {
    if (this.frames !== null) this.frames.turn();
    while (this.#following > 0) this.#followers[--this.#following]!.turn();
  }

  /** Tells a follower of the next turn, once. */
  follow(follower: Follower): void {
    this.#followers[this.#following++] = follower;
  }

  // Limits

  /** Asks whether the innermost tag may have so many bytes more of any kind. */
  admit(bytes: number): Verdict {
    if (this.isClosed) return REFUSED;
    const { budget } = this.current;
    return budget === null ? GRANTED : this.ask(budget, bytes);
  }

  /** Asks a budget for so many bytes, and remembers who refused; see {@linkcode Budget.ask}. */
  ask(budget: Budget, bytes: number, within: Budget | null = null): Verdict {
    const verdict = budget.ask(bytes, within);
    return verdict === REFUSED ? this.#refuse(budget.refusing(bytes, within)!, bytes) : verdict;
  }

  /** The most that the tag of a path can ever have. */
  mostOf(path: string): number {
    return Math.min(this.at(path).budget?.most ?? Infinity, this.global?.most ?? Infinity);
  }

  /** As {@linkcode Ledger.admit}, for those who hold no state: callbacks have run when it returns. */
  mayHave(bytes: number): boolean {
    if (this.current.budget === null) return !this.isClosed;
    let verdict: Verdict;
    do {
      this.turn();
      verdict = this.admit(bytes);
    } while (verdict === AGAIN);
    return verdict === GRANTED;
  }

  /** Whether the innermost tag has to be asked again for so many bytes, as callbacks may have used some since it was asked. */
  mustAsk(bytes: number): boolean {
    const { budget } = this.current;
    if (budget === null) return this.isClosed;
    this.turn();
    return this.isClosed || budget.room < bytes;
  }

  /** Whether the innermost tag could have so many bytes if some others were freed first. */
  couldHave(bytes: number, freed: readonly { readonly tag: Tag; readonly bytes: number }[]): boolean {
    this.turn();
    for (let budget = this.current.budget; budget !== null; budget = budget.parent) {
      let credit = 0;
      for (const { tag, bytes } of freed) if (tag.budget?.isWithin(budget) === true) credit += bytes;
      if (budget.refuses(bytes - credit)) return false;
    }
    const credit = freed.reduce((sum, { bytes }) => sum + bytes, this.idleBytes);
    return this.global === null || !this.global.refuses(bytes - credit);
  }

  hold(bytes: number): Verdict {
    if (this.isClosed) return REFUSED;
    const { global } = this;
    if (global === null) {
      this.held += bytes;
      return GRANTED;
    }
    if (this.relieved(bytes)) return AGAIN;
    const verdict = this.ask(global, bytes);
    if (verdict === GRANTED) global.charge(bytes);
    return verdict;
  }

  /** Whether idle memory was given back, as the global limit is short of so many bytes. */
  relieved(bytes: number): boolean {
    const global = this.global!;
    const { used } = global;
    const short = used + bytes - global.hard;
    if (short <= 0 || this.idleBytes < short) return false;
    for (let i = 0; i < this.idle.length; i++) this.idle[i]!.giveBack();
    return global.used < used;
  }

  /** What is held and not in use. */
  get idleBytes(): number {
    let bytes = 0;
    for (let i = 0; i < this.idle.length; i++) bytes += this.idle[i]!.bytes();
    return bytes;
  }

  drop(bytes: number): void {
    if (this.global === null) this.held -= bytes;
    else this.global.charge(-bytes);
  }

  refusal(action: string): Error {
    if (this.isClosed) return disposed(action);
    return this.#refused!.refusal(action, this.#requested);
  }

  /** Where the limit that refused last wants its allocations to go; `undefined` if it wants an error. */
  get spill(): unknown {
    if (this.isSpilling) return undefined;
    const policy = this.#refused?.policy;
    return typeof policy === "object" ? policy.spill : undefined;
  }

  #refuse(budget: Budget, bytes: number): Verdict {
    this.#refused = budget;
    this.#requested = bytes;
    return REFUSED;
  }

  #child(parent: Tag, name: string): Tag {
    const { children } = parent;
    for (let i = 0; i < children.length; i++) if (children[i]!.name === name) return children[i]!;
    const child = new Tag(this.tags.length, name, parent);
    children.push(child);
    this.tags.push(child);
    return child;
  }
}
