/**
 * Which rules run, and how bad their findings are. The command line is stronger than the configuration, and dropping stronger than
 * raising, so that the order of flags never matters:
 *
 * 1. The rules of the named categories, or of all; of these those that are on by default, and those that the configuration sets to
 *    "warn" or "deny" or the command line denies.
 * 2. `lints.disabled` and the level "allow" take away, unless the command line denies the code.
 * 3. `--only` is the whole selection when it is given: it needs no category, and brings in rules that are off or disabled.
 * 4. `--skip` and `--allow` take away, whatever else was said.
 * 5. Severity: the rule's own, then the level of the configuration, then `--deny`, which makes an error.
 *
 * What is found then passes, in this order: suppressions in the source, `min_severity`, the baseline, `--since`. A suppression or an
 * entry of the baseline is thus never called unused because of a filter behind it.
 */

import type { Severity } from "../core/diagnostic.ts";
import type { Args } from "./args.ts";
import { checkCode, type Config } from "./config.ts";
import type { RuleInfo } from "./engine.ts";

/** The rules that run, and how bad what they find is. */
export interface Levels {
  /** The codes of the rules that run. */
  readonly codes: ReadonlySet<string>;
  severityOf(code: string, severity: Severity): Severity;
  /** Whether a severity is worth a report at all. */
  readonly minSeverity: Severity;
  /** Whether a finding makes the command fail. */
  fails(severity: Severity): boolean;
}

/** What decides on levels. */
export type LevelArgs = Pick<Args, "categories" | "deny" | "allow" | "only" | "skip" | "denyWarnings" | "minSeverity">;

/** Decides which rules run. */
export function decideLevels(args: LevelArgs, config: Config, rules: readonly RuleInfo[]): Levels {
  const known = new Set(rules.map(({ code }) => code));
  const read = (flag: "deny" | "allow" | "only" | "skip") =>
    new Set(args[flag].map((code) => checkCode(code, known, `option "--${flag}"`)));
  const [deny, allow, only, skip] = [read("deny"), read("allow"), read("only"), read("skip")];
  const codes = new Set<string>();
  for (const { code, category, isDefault } of rules) {
    if (skip.has(code) || allow.has(code)) continue;
    if (only.size > 0 ? only.has(code) : isWanted(code, category, isDefault)) codes.add(code);
  }
  const failing = config.denyWarnings || args.denyWarnings;
  return {
    codes,
    severityOf: (code, severity) => {
      if (deny.has(code)) return "error";
      const level = config.levels.get(code);
      return level === "deny" ? "error" : level === "warn" ? "warning" : severity;
    },
    minSeverity: args.minSeverity ?? config.minSeverity,
    fails: (severity) => severity === "error" || (failing && severity === "warning"),
  };

  function isWanted(code: string, category: string, isDefault: boolean): boolean {
    // The command's own report on comments is only about rules that ran, so it goes with each category.
    if (args.categories.length > 0 && category !== "command" && !args.categories.includes(category)) return false;
    if (deny.has(code)) return true;
    const level = config.levels.get(code);
    if (config.disabled.has(code) || level === "allow") return false;
    return isDefault || level !== undefined;
  }
}
