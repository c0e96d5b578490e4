/**
 * Frame memory that is asked for where the frame is over.
 */

import type { Rule } from "./rule.ts";
import { markedAt, nameOf } from "./words.ts";

/** The rule. */
export const fa608: Rule = {
  code: "FA608",
  name: "alloc-outside-frame",
  category: "lifetime",
  severity: "warning",
  isDefault: true,
  summary: "Frame memory is allocated after the end of the frame on every path",
  help: "Allocate before the end of the frame, or begin another one",
  explanation:
    "Without an open frame all frame allocations throw FA001. This is only reported where the frame was ended in the same function " +
    "on every path: a helper that works in the frame of its caller is no mistake.",
  bad: `import type { SmartAlloc } from "@framealloc/core";

function step(alloc: SmartAlloc): void {
  alloc.beginFrame();
  alloc.frameSlice(Float32Array, 16).fill(0);
  alloc.endFrame();
  alloc.frameSlice(Float32Array, 16).fill(1); // FA608
}
`,
  good: `import type { SmartAlloc } from "@framealloc/core";

function step(alloc: SmartAlloc): void {
  alloc.beginFrame();
  alloc.frameSlice(Float32Array, 16).fill(0);
  alloc.frameSlice(Float32Array, 16).fill(1);
  alloc.endFrame();
}
`,
  seeAlso: ["FA001", "FA701"],
  create(context) {
    return {
      alloc({ node, site, method, alloc, before }) {
        if (site === undefined || before.isUnknown || before.open.length > 0 || before.resumed.length > 0) return;
        const [mark] = before.closed;
        if (mark === undefined) return;
        context.report({
          node,
          message: `${method}() is called when the frame of ${nameOf(alloc)} has ended`,
          related: [markedAt(mark, "ended here")],
        });
      },
    };
  },
};
