/**
 * A limit on bytes, and what is charged to it. Limits nest: what is charged to one is charged to all around it.
 */

import { BudgetError } from "../errors.ts";
import { AGAIN, GRANTED, REFUSED, type Verdict } from "../memory/account.ts";

/**
 * What happens when a hard limit would be exceeded: the allocation is refused, or goes on and is reported, or is made by another
 * allocator.
 *
 * @typeParam A The allocator to spill to.
 */
export type BudgetPolicy<A = unknown> = "fail" | "warn" | { readonly spill: A };

/** What a callback of a budget is told. All sizes are bytes. */
export interface BudgetEvent {
  /** Which limit would be crossed. */
  readonly limit: "soft" | "hard";
  /** The name of the budget: a path of tags, `"global"`, or the name of a child. */
  readonly name: string;
  /** What is charged now. */
  readonly used: number;
  /** What was asked for. */
  readonly requested: number;
  /** The limit itself. */
  readonly bytes: number;
}

/** What a budget is and has been. All sizes are bytes. */
export interface BudgetStats {
  /** A path of tags, `"global"`, or the name of a child. */
  readonly name: string;
  /** What is charged now. */
  readonly used: number;
  /** The most that was charged at once. */
  readonly peak: number;
  /** The soft limit; `Infinity` if there is none. */
  readonly soft: number;
  /** The hard limit; `Infinity` if there is none. */
  readonly hard: number;
  /** How often an allocation was refused. */
  readonly refusals: number;
}

/** See the file comment. */
export class Budget {
  /** Whether it is the limit on all memory. */
  readonly isGlobal: boolean;
  readonly name: string;
  /** The limit around this one. */
  parent: Budget | null;
  used = 0;
  peak = 0;
  refusals = 0;
  soft = Infinity;
  hard = Infinity;
  policy: BudgetPolicy = "fail";
  onCross: ((event: BudgetEvent) => void) | undefined;
  /** Whether the crossing of a limit has been told and not been taken back since. */
  #isPastSoft = false;
  #isPastHard = false;
  #isTelling = false;

  constructor(name: string, parent: Budget | null, isGlobal: boolean = false) {
    this.isGlobal = isGlobal;
    this.name = name;
    this.parent = parent;
  }

  /** How many bytes can be charged before anybody must be asked or told. */
  get room(): number {
    const soft = this.#isPastSoft ? Infinity : this.soft;
    const hard = this.#isPastHard ? Infinity : this.hard;
    const own = Math.max(0, Math.min(soft, hard) - this.used);
    return this.parent === null ? own : Math.min(own, this.parent.room);
  }

  /**
   * Asks whether bytes may be charged. When a limit is crossed the program is told first; then the answer is to ask again, as its
   * callback may have changed everything.
   */
  ask(bytes: number): Verdict {
    const refusing = this.refusing(bytes);
    if (refusing !== null) {
      refusing.refusals++;
      return REFUSED;
    }
    return this.#tell(bytes) ? AGAIN : GRANTED;
  }

  /** The limit that refuses so many bytes more; `null` if none does. */
  refusing(bytes: number): Budget | null {
    if (this.used + bytes > this.hard && this.policy !== "warn") return this;
    return this.parent === null ? null : this.parent.refusing(bytes);
  }

  /** Whether so many bytes are more than a limit allows in all. */
  isTooMuch(bytes: number): boolean {
    return (bytes > this.hard && this.policy !== "warn") || this.parent?.isTooMuch(bytes) === true;
  }

  /** Charges bytes, or with a minus takes them off. */
  charge(bytes: number): void {
    this.used += bytes;
    if (this.used > this.peak) this.peak = this.used;
    if (this.used <= this.soft && !this.#isTelling) this.#isPastSoft = false;
    if (this.used <= this.hard && !this.#isTelling) this.#isPastHard = false;
    if (this.parent !== null) this.parent.charge(bytes);
  }

  /** Changes the limits. */
  limit(soft: number, hard: number, policy: BudgetPolicy, onCross: ((event: BudgetEvent) => void) | undefined): void {
    this.soft = soft;
    this.hard = hard;
    this.policy = policy;
    this.onCross = onCross;
    this.#isPastSoft = false;
    this.#isPastHard = false;
  }

  /** The error of a refusal. */
  refusal(action: string, requested: number): BudgetError {
    const { name, used, hard, isGlobal } = this;
    return new BudgetError(
      isGlobal ? "FA351" : "FA352",
      `Cannot ${action} as that takes ${requested} bytes and ${
        Math.max(0, hard - used)
      } of ${hard} remain in the budget ${isGlobal ? "of all memory" : `of "${name}"`}: free some, or raise the limit`,
      requested,
      name,
      hard,
    );
  }

  get stats(): BudgetStats {
    const { name, used, peak, soft, hard, refusals } = this;
    return { name, used, peak, soft, hard, refusals };
  }

  #tell(bytes: number): boolean {
    let hasTold = false;
    if (this.used + bytes > this.soft && !this.#isPastSoft) {
      this.#isPastSoft = true;
      hasTold = this.#cross("soft", this.soft, bytes);
    }
    if (this.used + bytes > this.hard && !this.#isPastHard) {
      this.#isPastHard = true;
      hasTold = this.#cross("hard", this.hard, bytes) || hasTold;
    }
    if (this.parent !== null && this.parent.#tell(bytes)) hasTold = true;
    return hasTold;
  }

  #cross(limit: "soft" | "hard", bytes: number, requested: number): boolean {
    if (this.onCross === undefined) return false;
    this.#isTelling = true;
    try {
      this.onCross({ limit, name: this.name, used: this.used, requested, bytes });
    } finally {
      this.#isTelling = false;
    }
    return true;
  }
}
