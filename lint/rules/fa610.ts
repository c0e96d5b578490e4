/**
 * Frame memory that is returned from where its frame ends.
 */

import type { Rule } from "./rule.ts";
import { allocatedAt, markedAt, Named } from "./words.ts";

/** The rule. */
export const fa610: Rule = {
  code: "FA610",
  name: "dangling-return",
  category: "lifetime",
  severity: "error",
  isDefault: true,
  summary: "A function returns a value in frame memory that ends before its caller has it",
  help: "Return a number or a copy, or have the caller begin the frame",
  explanation:
    "A guard declared with \`using\` ends its frame, and a finally block runs, after the value of the return was made and before the " +
    "caller gets it. A helper that allocates in the frame of its caller may return what it has allocated.",
  bad: `import type { SmartAlloc } from "@framealloc/core";

function squares(alloc: SmartAlloc, n: number): Float32Array {
  using _frame = alloc.frame();
  const result = alloc.frameSlice(Float32Array, n);
  for (let i = 0; i < n; i++) result[i] = i * i;
  return result; // FA610
}
`,
  good: `import type { SmartAlloc } from "@framealloc/core";

function squares(alloc: SmartAlloc, n: number): Float32Array {
  using _frame = alloc.frame();
  const result = alloc.frameSlice(Float32Array, n);
  for (let i = 0; i < n; i++) result[i] = i * i;
  return result.slice(); // a copy
}
`,
  seeAlso: ["FA606", "FA705"],
  create(context) {
    return {
      leave({ node, how, isAsync, ended }) {
        const [first] = ended;
        if (how !== "return" || isAsync || first === undefined) return;
        const { view, mark, isCertain } = first;
        if (view.site.memory === "gpu frame") return;
        context.report({
          node,
          message: `${Named(view)} is returned, and its frame has ended by then`,
          confidence: isCertain ? "certain" : "path",
          related: [allocatedAt(view), markedAt(mark, "ended here")],
        });
      },
    };
  },
};
