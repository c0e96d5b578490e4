/**
 * Limits on memory: on all of it, on tags, and on parts that account for themselves.
 */

import { ArgumentError, ConfigError, disposed, PoolError, show } from "../errors.ts";
import { AGAIN, type Verdict } from "../memory/account.ts";
import { Budget, type BudgetEvent, type BudgetPolicy, type BudgetStats } from "./budget.ts";
import type { Ledger } from "./ledger.ts";
import type { Tag } from "./tag.ts";

/**
 * A limit. All sizes are bytes.
 *
 * @typeParam A The allocator that can be spilled to.
 */
export interface BudgetLimits<A = unknown> {
  /** Past this the program is told, once per crossing. @default {Infinity} */
  readonly soft?: number;
  /** This is not exceeded, unless the policy says so. @default {Infinity} */
  readonly hard?: number;
  /**
   * What happens when the hard limit would be exceeded. `"fail"` refuses with `FA351` or `FA352`; `"warn"` goes on and tells the
   * program, once per crossing; `{ spill }` has single allocations of frames, pool and heap made by another allocator, under the
   * same tag and by its own rules: for frame memory a frame has to be open there too. All others are refused. @default {"fail"}
   */
  readonly policy?: BudgetPolicy<A>;
  /**
   * Is told when an allocation is about to cross the soft limit, or with `"warn"` the hard one. Nothing has been changed then: it may
   * use the allocator as it likes, and what it throws comes out of the allocation.
   */
  readonly onCross?: (event: BudgetEvent) => void;
}

/**
 * A budget for memory that the allocator does not see, such as that of a task or of a device. What is charged to it counts as held
 * by the allocator, and falls under the global budget.
 *
 * @example
 * ```ts
 * import { BudgetError, SmartAlloc } from "@framealloc/core";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * const alloc = new SmartAlloc();
 * const textures = alloc.budgets.child("textures", { hard: 1000 });
 * textures.charge(800);
 * assertThrows(() => textures.charge(300), BudgetError, "FA352");
 * textures.uncharge(800);
 * assertEquals(textures.used, 0);
 * ```
 */
export class ChildBudget {
  readonly #budget: Budget;
  readonly #ledger: Ledger;
  readonly #siblings: Set<Budget>;

  /** Made by {@linkcode Budgets.child}. */
  constructor(ledger: unknown, siblings: unknown, budget: unknown) {
    this.#ledger = ledger as Ledger;
    this.#siblings = siblings as Set<Budget>;
    this.#budget = budget as Budget;
  }

  /** What is behind this; not for use in programs. */
  get $budget(): unknown {
    return this.#budget;
  }

  /** In which books it is; not for use in programs. */
  get $ledger(): unknown {
    return this.#ledger;
  }

  /** Whether it can still be charged; not for use in programs. */
  get $isOpen(): boolean {
    return this.#siblings.has(this.#budget);
  }

  /** Its name. */
  get name(): string {
    return this.#budget.name;
  }

  /** The bytes that are charged now. */
  get used(): number {
    return this.#budget.used;
  }

  /**
   * Charges bytes.
   *
   * @param bytes How many.
   * @throws {BudgetError} `FA352` if they exceed its hard limit, `FA351` if they exceed the global one; nothing is charged then.
   * @throws {ArgumentError} `FA008` if it is no whole number of zero or more.
   * @throws {PoolError} `FA401` after {@linkcode ChildBudget.release}; `FA012` after the disposal of the allocator.
   */
  charge(bytes: number): void {
    if (!this.tryCharge(bytes)) throw this.#ledger.refusal(`charge "${this.name}"`);
  }

  /** As {@linkcode ChildBudget.charge}, but tells whether they were charged. */
  tryCharge(bytes: number): boolean {
    if (!(Number.isSafeInteger(bytes) && bytes >= 0)) {
      throw new ArgumentError("FA008", `Cannot charge ${show(bytes)} bytes: give a whole number of zero or more`);
    }
    let verdict: Verdict;
    do {
      // A callback may have ended either, so this is asked each time.
      if (this.#ledger.isClosed) throw disposed(`charge "${this.name}"`);
      if (!this.$isOpen) throw this.$released(`charge "${this.name}"`);
      verdict = this.#ledger.relieved(bytes) ? AGAIN : this.#ledger.ask(this.#budget, bytes);
    } while (verdict === AGAIN);
    if (verdict > 0) this.#budget.charge(bytes);
    return verdict > 0;
  }

  /**
   * Takes bytes off again.
   *
   * @param bytes How many; no more than are charged.
   * @throws {ArgumentError} `FA008` if they are more than were charged with {@linkcode ChildBudget.charge}.
   */
  uncharge(bytes: number): void {
    const charged = this.#budget.used - this.#budget.lent;
    if (!(Number.isSafeInteger(bytes) && bytes >= 0 && bytes <= charged)) {
      throw new ArgumentError(
        "FA008",
        `Cannot uncharge ${show(bytes)} bytes as ${charged} are charged to "${this.name}": uncharge what you charged`,
      );
    }
    this.#budget.charge(-bytes);
  }

  /**
   * Takes off all that was charged with {@linkcode ChildBudget.charge} and drops it from the reports. What tasks hold under it is taken
   * off when they end.
   */
  release(): void {
    this.#budget.charge(this.#budget.lent - this.#budget.used);
    this.#siblings.delete(this.#budget);
  }

  /** The error of use after the release: not for use in programs. */
  $released(action: string): PoolError {
    return new PoolError("FA401", `Cannot ${action} as the budget "${this.name}" was released: make another one`);
  }

  /** The same as {@linkcode ChildBudget.release}. */
  [Symbol.dispose](): void {
    this.release();
  }
}

/**
 * The limits of an allocator; see {@linkcode SmartAlloc.budgets}.
 *
 * The global limit is on what is held from chunk sources: it is asked for each chunk, page and block. A limit on a tag is on what the
 * tag and those inside it use, of every kind of memory, to the byte: with padding, and whole slots.
 *
 * @typeParam A The allocator that can be spilled to.
 *
 * @example
 * ```ts
 * import { type BudgetEvent, kilobytes, SmartAlloc } from "@framealloc/core";
 * import { assertEquals } from "@std/assert";
 *
 * const alloc = new SmartAlloc();
 * const events: BudgetEvent[] = [];
 * alloc.budgets.setTag("ai", { soft: kilobytes(1), hard: kilobytes(4), onCross: (event) => events.push(event) });
 * using _frame = alloc.frame();
 * alloc.withTag("ai", () => {
 *   for (let i = 0; i < 4; i++) alloc.frameSlice(Uint8Array, 1024);
 *   assertEquals(alloc.tryFrameSlice(Uint8Array, 1), undefined);
 * });
 * assertEquals(events.map(({ crossed, used, requested }) => [crossed, used, requested]), [["soft", 1024, 1024]]);
 * ```
 */
export class Budgets<A = unknown> {
  readonly #ledger: Ledger;
  readonly #self: A;
  readonly #countsTags: boolean;
  readonly #children: Set<Budget> = new Set();
  /** The budgets of tags, in the order in which they were set. */
  readonly #byTag: Map<Tag, Budget> = new Map();

  /** Made by {@linkcode SmartAlloc.budgets}. */
  constructor(ledger: unknown, self: A, countsTags: boolean) {
    this.#ledger = ledger as Ledger;
    this.#self = self;
    this.#countsTags = countsTags;
  }

  /**
   * Limits all memory that is held from chunk sources. Memory that is idle is given back before an allocation is refused.
   *
   * @param limits The limits; they replace those set before.
   * @throws {ArgumentError} `FA008` if they make no sense.
   */
  setGlobal(limits: BudgetLimits<A>): void {
    check("all memory", limits, this.#self);
    this.#apply(this.#global(), limits);
  }

  /**
   * Limits what a tag uses, together with the tags inside it.
   *
   * @param tag The tag, or the path of one inside others, such as `"physics::solver"`.
   * @param limits The limits; they replace those set before.
   * @throws {ArgumentError} `FA008` if they make no sense, or the path is empty.
   * @throws {ConfigError} `FA010` if the allocator counts nothing by tag; see the option `stats`.
   */
  setTag(tag: string, limits: BudgetLimits<A>): void {
    if (typeof tag !== "string" || tag.split("::").includes("")) {
      throw new ArgumentError("FA008", `Cannot limit the tag ${show(tag)}: give a name, or names joined with "::"`);
    }
    if (!this.#countsTags) {
      throw new ConfigError(
        "FA010",
        `Cannot limit the tag ${show(tag)} as nothing is counted by tag: use the option stats "tags"`,
      );
    }
    check(`tag "${tag}"`, limits, this.#self);
    const ledger = this.#ledger;
    ledger.turn();
    const limited = ledger.at(tag);
    let budget = this.#byTag.get(limited);
    if (budget === undefined) {
      budget = new Budget(ledger, "a tag", tag, limited.budget);
      this.#byTag.set(limited, budget);
      budget.used = budget.peak = used(limited);
      adopt(limited, limited.budget, budget);
    }
    this.#apply(budget, limits);
    ledger.turn();
  }

  /**
   * Makes a budget for memory that the allocator does not see. It falls under the global budget.
   *
   * @param name Its name, for messages and reports.
   * @param limits Its limits.
   * @returns The budget.
   * @throws {ArgumentError} `FA008` if they make no sense.
   */
  child(name: string, limits: BudgetLimits<A> = {}): ChildBudget {
    return this.$child(name, limits, undefined);
  }

  /** Makes a budget inside another one: not for use in programs. */
  $child(name: string, limits: BudgetLimits<A>, around: ChildBudget | undefined): ChildBudget {
    if (typeof name !== "string" || name === "") {
      throw new ArgumentError(
        "FA008",
        `Cannot make a budget named ${show(name)}: give a text of at least one character`,
      );
    }
    check(`budget "${name}"`, limits, this.#self);
    const parent = around === undefined ? this.#global() : around.$budget as Budget;
    const budget = new Budget(this.#ledger, "a child", name, parent);
    this.#apply(budget, limits);
    this.#children.add(budget);
    return new ChildBudget(this.#ledger, this.#children, budget);
  }

  /** Whether a budget is one of these: not for use in programs. */
  $has(budget: ChildBudget): boolean {
    return budget.$ledger === this.#ledger;
  }

  /** What all limits that were set are and have been. */
  get stats(): readonly BudgetStats[] {
    this.#ledger.turn();
    const { global } = this.#ledger;
    const all = [...global === null ? [] : [global], ...this.#byTag.values(), ...this.#children];
    return all.map((budget) => budget.stats);
  }

  #global(): Budget {
    const ledger = this.#ledger;
    if (ledger.global === null) {
      const budget = ledger.global = new Budget(ledger, "all memory", "global", null);
      budget.used = budget.peak = ledger.held;
    }
    return ledger.global;
  }

  #apply(budget: Budget, limits: BudgetLimits<A>): void {
    const { soft = Infinity, hard = Infinity, policy = "fail", onCross } = limits;
    budget.limit(soft, hard, policy, onCross);
  }
}

function check(what: string, limits: BudgetLimits, self: unknown): void {
  if (typeof limits !== "object" || limits === null) {
    throw new ArgumentError("FA008", `Cannot limit ${what} by ${show(limits)}: give an object with soft or hard`);
  }
  const { soft = Infinity, hard = Infinity, policy = "fail", onCross, ...unknown } = limits;
  for (const key of Object.keys(unknown)) {
    throw new ArgumentError("FA008", `Cannot limit ${what} by ${show(key)}: use soft, hard, policy and onCross`);
  }
  if (typeof soft !== "number" || typeof hard !== "number" || !(soft >= 0 && hard >= 0)) {
    throw new ArgumentError(
      "FA008",
      `Cannot limit ${what} to soft ${show(soft)} and hard ${show(hard)} bytes: give numbers of zero or more`,
    );
  }
  if (hard !== Infinity && soft !== Infinity && soft > hard) {
    throw new ArgumentError("FA008", `Cannot limit ${what} to soft ${soft} above hard ${hard}: swap them`);
  }
  const isSpill = typeof policy === "object" && policy !== null && typeof policy.spill === "object" &&
    policy.spill !== null && typeof (policy.spill as { poolAlloc?: unknown }).poolAlloc === "function";
  if (policy !== "fail" && policy !== "warn" && !isSpill) {
    throw new ArgumentError(
      "FA008",
      `Cannot limit ${what} by the policy ${show(policy)}: use "fail", "warn", or { spill } with another SmartAlloc`,
    );
  }
  if (isSpill && policy.spill === self) {
    throw new ArgumentError("FA008", `Cannot spill ${what} to the same allocator: give another one`);
  }
  if (onCross !== undefined && typeof onCross !== "function") {
    throw new ArgumentError("FA008", `Cannot tell ${show(onCross)} of ${what}: give a function`);
  }
}

/** What a tag and those inside it use. */
function used(tag: Tag): number {
  let bytes = tag.inUse;
  for (const child of tag.children) bytes += used(child);
  return bytes;
}

/** Puts a new budget between a tag, with those inside it, and the budget that was around them until now. */
function adopt(tag: Tag, before: Budget | null, budget: Budget): void {
  if (tag.budget !== before) {
    // It has a limit of its own, which falls under the new one.
    let outermost = tag.budget!;
    while (outermost.parent !== before) outermost = outermost.parent!;
    outermost.parent = budget;
    return;
  }
  tag.budget = budget;
  for (const child of tag.children) adopt(child, before, budget);
}
