/**
 * `fa list`: all codes, by category.
 */

import { CATEGORY_FLAGS } from "../args.ts";
import type { RuleInfo } from "../engine.ts";
import type { Host } from "../host.ts";
import { didYouMean, UsageError } from "../usage_error.ts";

/** Lists the codes, or those of the categories with a text in their name or in that of their flag. */
export function list(category: string | undefined, rules: readonly RuleInfo[], host: Host): number {
  const flags = new Map<string, string>(Object.entries(CATEGORY_FLAGS).map(([flag, name]) => [name, flag]));
  const names = [...new Set(rules.map((rule) => rule.category))];
  const wanted = category?.toLowerCase() ?? "";
  const chosen = names.filter((name) => name.includes(wanted) || flags.get(name)?.includes(wanted) === true);
  if (chosen.length === 0) {
    throw new UsageError(`Cannot list "${category}" as no category is called so${didYouMean(wanted, names)}`);
  }
  const widest = Math.max(...rules.map(({ name }) => name.length));
  const blocks = chosen.map((name) => {
    const flag = flags.get(name);
    const head = flag === undefined ? name : `${name} (--${flag})`;
    const rows = rules.filter((rule) => rule.category === name).map((rule) =>
      `  ${rule.code}  ${rule.name.padEnd(widest)}  ${
        (rule.isDefault ? rule.severity : `${rule.severity}, off`).padEnd(12)
      }  ${rule.summary}\n`
    );
    return `${head}\n${rows.join("")}`;
  });
  host.out(blocks.join("\n"));
  return 0;
}
