/**
 * What a rule is: what `list`, `explain` and the docs say about it, two examples that are its test, and what it does with the events of
 * the analysis.
 */

import type { Severity } from "../core/diagnostic.ts";
import type { Hooks } from "../core/events.ts";
import type { RuleContext } from "../core/context.ts";

/** What a rule is about. */
export type Category = "threads" | "budgets" | "lifetime" | "async" | "architecture" | "gpu" | "rapier";

/** A rule. */
export interface Rule {
  /** Its code in the one registry that the errors of the running library share. */
  readonly code: string;
  readonly name: string;
  readonly category: Category;
  readonly severity: Severity;
  /** Whether it runs without being asked for. */
  readonly isDefault: boolean;
  /** One line on what is wrong. */
  readonly summary: string;
  /** One line on what to do. */
  readonly help: string;
  /** A few sentences on why it is wrong. */
  readonly explanation: string;
  /** A mistake. Each line that is reported has its code in a comment at its end. */
  readonly bad: string;
  /** The same, put right: it gives no report of any rule that runs by default. */
  readonly good: string;
  readonly seeAlso: readonly string[];
  /** Starts to look at a file. */
  create(context: RuleContext): Hooks;
}
