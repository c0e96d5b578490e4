/**
 * Tasks that nobody ends.
 */

import { keyName, many, one, unwrap } from "../core/ast.ts";
import { holderOf, isHeldOn } from "./holders.ts";
import type { Rule } from "./rule.ts";

/** What ends a task. */
const ENDS = /^(?:release|Symbol\.(?:asyncDispose|dispose))$/;

/** The rule. */
export const fa707: Rule = {
  code: "FA707",
  name: "task-leak",
  category: "async",
  severity: "hint",
  isDefault: true,
  summary: "A task is made and never released",
  help: "Declare it with \`using\` or \`await using\`, call its release(), or give it a signal",
  explanation:
    "The memory of a task ends with the task. One that nobody can release keeps it until the garbage collector finds that out, which " +
    "reports FA712.",
  bad: `import { type SmartAlloc, TaskAlloc } from "@framealloc/core";

async function load(alloc: SmartAlloc, url: string): Promise<number> {
  const task = new TaskAlloc(alloc); // FA707
  const bytes = task.allocSlice(Uint8Array, 1024);
  await fetch(url);
  return bytes.length;
}
`,
  good: `import { type SmartAlloc, TaskAlloc } from "@framealloc/core";

async function load(alloc: SmartAlloc, url: string): Promise<number> {
  await using task = new TaskAlloc(alloc);
  const bytes = task.allocSlice(Uint8Array, 1024);
  await fetch(url);
  return bytes.length;
}
`,
  seeAlso: ["FA712", "FA609"],
  create(context) {
    return {
      owner({ node, of, args }) {
        if (of !== "task" || node.type !== "NewExpression") return;
        const options = args[1] === undefined ? undefined : unwrap(args[1]);
        if (options !== undefined) {
          // A signal ends it; and who knows what is in options that are made elsewhere.
          if (options.type !== "ObjectExpression") return;
          const hasSignal = many(options, "properties").some((property) =>
            property.type !== "Property" || keyName(property, "key") === "signal"
          );
          if (hasSignal) return;
        }
        const around = context.parents.get(node);
        const isChained = around?.type === "MemberExpression" && one(around, "object") === node;
        const holder = holderOf(context, node);
        if (holder.is === "elsewhere" && !isChained) return;
        if (isChained && ENDS.test(keyName(around, "property") ?? "")) return;
        if (holder.is === "variable" && isHeldOn(context, holder.binding, ENDS)) return;
        context.report({
          node,
          message: holder.is === "variable"
            ? `The task "${holder.binding.name}" is never released`
            : "This task is never released",
          confidence: "heuristic",
        });
      },
    };
  },
};
