/**
 * Workers without a limit on what they hold.
 */

import { keyName, many, type Node, one, unwrap, walk } from "../core/ast.ts";
import { libraryName } from "./_declared.ts";
import { isWorkerEntry } from "./_posts.ts";
import type { Rule } from "./rule.ts";

/** Options and calls that set a limit. */
const LIMITS = /^(?:budget|memoryLimit|maxFrameBytes|growth)$/;

/** The rule. */
export const fa203: Rule = {
  code: "FA203",
  name: "worker-without-budget",
  category: "threads",
  severity: "hint",
  isDefault: false,
  summary: "A worker makes an allocator without a limit",
  help: "Set memoryLimit or maxFrameBytes, or a budget",
  explanation:
    "Every worker has memory of its own. One without a limit takes what the others need, and nobody is told before the machine has " +
    "no more.",
  bad: `import { SmartAlloc } from "@framealloc/core";

const alloc = new SmartAlloc(); // FA203

self.onmessage = () => {
  using _frame = alloc.frame();
  alloc.frameSlice(Float32Array, 1024).fill(0);
};
`,
  good: `import { megabytes, SmartAlloc } from "@framealloc/core";

const alloc = new SmartAlloc({ memoryLimit: megabytes(32) });

self.onmessage = () => {
  using _frame = alloc.frame();
  alloc.frameSlice(Float32Array, 1024).fill(0);
};
`,
  seeAlso: ["FA206", "FA351"],
  create(context) {
    return {
      done() {
        const { text } = context.source;
        if (
          !text.includes("SmartAlloc") || /\b(?:setGlobal|setThreadFrameBudget)\b/.test(text) || !isWorkerEntry(context)
        ) return;
        walk(context.program, (node) => {
          if (node.type !== "NewExpression" || libraryName(context, node) !== "SmartAlloc") return;
          const [options] = many(node, "arguments");
          if (options !== undefined && hasLimit(unwrap(options))) return;
          context.report({ node, message: "A worker makes an allocator without a limit", confidence: "heuristic" });
        });
      },
    };
  },
};

/** Whether options set a limit, or are not all written down. */
function hasLimit(options: Node): boolean {
  if (options.type !== "ObjectExpression") return true;
  return many(options, "properties").some((property) => {
    const key = keyName(property, "key");
    return property.type !== "Property" ||
      (key !== undefined && LIMITS.test(key) && one(property, "value") !== undefined);
  });
}
