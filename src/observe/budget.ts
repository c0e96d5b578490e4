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
  readonly crossed: "soft" | "hard";
  /** Whose limit it is: a path of tags, `"global"`, or the name of a child. */
  readonly budget: string;
  /** What is charged now. */
  readonly used: number;
  /** What was asked for. */
  readonly requested: number;
  /** The limit itself. */
  readonly limit: number;
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
  /** How often it has refused. One allocation may ask twice: for more than it needs, and then for what it needs. */
  readonly refusals: number;
}

/** What the budgets of one allocator share. */
export interface BudgetHome {
  /** How many callbacks are running now. */
  telling: number;
  /** Books what was allocated until now. */
  turn(): void;
}

/** What a budget is for. */
export type BudgetKind = "all memory" | "a tag" | "a child";

/** See the file comment. */
export class Budget {
  readonly kind: BudgetKind;
  readonly name: string;
  /** The limit around this one. */
  parent: Budget | null;
  readonly #home: BudgetHome;
  used = 0;
  /** Those of the used bytes that are held for a task, and are taken off when it lets go of them. */
  lent = 0;
  peak = 0;
  refusals = 0;
  soft = Infinity;
  hard = Infinity;
  policy: BudgetPolicy = "fail";
  onCross: ((event: BudgetEvent) => void) | undefined;
  /** Whether the crossing of a limit has been told and not been taken back since. */
  #isPastSoft = false;
  #isPastHard = false;

  constructor(home: BudgetHome, kind: BudgetKind, name: string, parent: Budget | null) {
    this.#home = home;
    this.kind = kind;
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

  /** The most that can ever be charged, as long as the limits stay as they are. */
  get most(): number {
    const own = this.policy === "warn" ? Infinity : this.hard;
    return this.parent === null ? own : Math.min(own, this.parent.most);
  }

  /**
   * Asks whether bytes may be charged. When a limit is crossed the program is told first; then the answer is to ask again, as its
   * callback may have changed everything.
   *
   * @param within The limit that is not asked any more, with all around it: it knows of the bytes already.
   */
  ask(bytes: number, within: Budget | null = null): Verdict {
    const refusing = this.refusing(bytes, within);
    if (refusing !== null) {
      refusing.refusals++;
      return REFUSED;
    }
    return this.#tell(bytes, within) ? AGAIN : GRANTED;
  }

  /** Whether this limit itself refuses so many bytes more. */
  refuses(bytes: number): boolean {
    return this.used + bytes > this.hard && this.policy !== "warn";
  }

  /** Whether this is another limit, or inside it. */
  isWithin(other: Budget): boolean {
    return this === other || this.parent?.isWithin(other) === true;
  }

  /** The limit that refuses so many bytes more; `null` if none does. */
  refusing(bytes: number, within: Budget | null = null): Budget | null {
    if (this.refuses(bytes)) return this;
    return this.parent === within || this.parent === null ? null : this.parent.refusing(bytes, within);
  }

  /** The limit that could not hold so many bytes even if nothing else were charged; `null` if there is none. */
  tooSmallFor(bytes: number): Budget | null {
    if (bytes > this.hard && this.policy !== "warn") return this;
    return this.parent === null ? null : this.parent.tooSmallFor(bytes);
  }

  /** Charges bytes, or with a minus takes them off; those around `within` know of them already. */
  charge(bytes: number, within: Budget | null = null): void {
    // What a region has handed out since it was last looked at comes first, so that no peak and no crossing is missed.
    if (bytes < 0 && this.kind === "a tag") this.#home.turn();
    const before = this.used;
    this.used += bytes;
    if (this.used > this.peak) this.peak = this.used;
    if (this.#home.telling === 0) {
      if (before > this.soft && this.used <= this.soft) this.#isPastSoft = false;
      if (before > this.hard && this.used <= this.hard) this.#isPastHard = false;
    }
    if (this.parent !== within && this.parent !== null) this.parent.charge(bytes, within);
  }

  /** Changes the limits. */
  limit(soft: number, hard: number, policy: BudgetPolicy, onCross: ((event: BudgetEvent) => void) | undefined): void {
    if (this.#home.telling === 0 || this.soft !== soft) this.#isPastSoft = false;
    if (this.#home.telling === 0 || this.hard !== hard || policy !== "warn") this.#isPastHard = false;
    this.soft = soft;
    this.hard = hard;
    this.policy = policy;
    this.onCross = onCross;
  }

  /** The error of a refusal. */
  refusal(action: string, requested: number): BudgetError {
    const { name, used, hard } = this;
    const isGlobal = this.kind === "all memory";
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

  /** A crossing that was told in vain is told again. */
  #untell(): void {
    if (this.used <= this.soft) this.#isPastSoft = false;
    if (this.used <= this.hard) this.#isPastHard = false;
    if (this.parent !== null) this.parent.#untell();
  }

  /** Tells of one crossing; there may be more after it. */
  #tell(bytes: number, within: Budget | null): boolean {
    if (this.used + bytes > this.soft && !this.#isPastSoft) {
      this.#isPastSoft = true;
      if (this.#cross("soft", this.soft, bytes)) return true;
    }
    if (this.used + bytes > this.hard && !this.#isPastHard) {
      this.#isPastHard = true;
      if (this.#cross("hard", this.hard, bytes)) return true;
    }
    return this.parent !== within && this.parent !== null && this.parent.#tell(bytes, within);
  }

  #cross(crossed: "soft" | "hard", limit: number, requested: number): boolean {
    const { onCross } = this;
    if (onCross === undefined) return false;
    this.#home.telling++;
    try {
      onCross({ crossed, budget: this.name, used: this.used, requested, limit });
    } catch (error) {
      this.#untell();
      throw error;
    } finally {
      this.#home.telling--;
    }
    return true;
  }
}
