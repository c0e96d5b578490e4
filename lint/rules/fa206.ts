/**
 * Allocators that are posted to another thread.
 */

import type { Node } from "../core/ast.ts";
import type { RuleContext } from "../core/context.ts";
import { behind, isAllocator } from "./_declared.ts";
import { eachPost, leavesOf, POST_WORDS } from "./_posts.ts";
import type { Rule } from "./rule.ts";

/** The rule. */
export const fa206: Rule = {
  code: "FA206",
  name: "shared-allocator",
  category: "threads",
  severity: "error",
  isDefault: true,
  summary: "An allocator is posted to another thread",
  help: "Post its configuration and make an allocator there; or post share(), and attach to that",
  explanation:
    "An allocator is an object of one thread: postMessage() cannot clone it, and throws. Each thread has an allocator of its own; " +
    "threads that work on the same memory attach to what share() returns.",
  bad: `import type { SmartAlloc } from "@framealloc/core";

function start(alloc: SmartAlloc, worker: Worker): void {
  worker.postMessage({ kind: "start", alloc }); // FA206
}
`,
  good: `import { AllocConfig } from "@framealloc/core";

function start(worker: Worker): void {
  worker.postMessage({ kind: "start", config: AllocConfig.minimal() });
}
`,
  seeAlso: ["FA201", "FA203"],
  create(context) {
    return {
      done() {
        if (!POST_WORDS.test(context.source.text)) return;
        eachPost(context, ({ node, parts }) => {
          const leaf = parts.flatMap((part) => sentIn(context, part)).find((each) => isAllocator(context, each));
          if (leaf === undefined) return;
          context.report({
            node,
            message: `The allocator ${context.textOf(leaf)} is posted to another thread, and cannot be cloned`,
          });
        });
      },
    };
  },
};

/** What is sent, also through a constant that holds a literal. */
function sentIn(context: RuleContext, part: Node): readonly Node[] {
  return leavesOf(part).flatMap((leaf) => {
    const node = behind(context, leaf);
    return node.type === "ObjectExpression" || node.type === "ArrayExpression" ? leavesOf(node) : [leaf];
  });
}
