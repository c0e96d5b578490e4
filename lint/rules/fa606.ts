/**
 * Frame memory that is used after the end of its frame.
 */

import type { Rule } from "./rule.ts";
import { allocatedAt, markedAt, Named } from "./words.ts";

/** The rule. */
export const fa606: Rule = {
  code: "FA606",
  name: "use-after-end",
  category: "lifetime",
  severity: "error",
  isDefault: true,
  summary: "A value in frame memory is used after its frame, its scope or a rollback has ended it",
  help: "Use it before the end, or keep a copy: toArray(), slice(), promote()",
  explanation:
    "When a frame or a scope ends, its memory is given out again. Records, boxes and lists throw FA002 when they are used after " +
    "that; slices and columns show what the next frame writes.",
  bad: `import type { SmartAlloc } from "@framealloc/core";

function average(alloc: SmartAlloc): number {
  alloc.beginFrame();
  const values = alloc.frameSlice(Float32Array, 64);
  values.fill(1);
  alloc.endFrame();
  return values.reduce((sum, value) => sum + value) / 64; // FA606
}
`,
  good: `import type { SmartAlloc } from "@framealloc/core";

function average(alloc: SmartAlloc): number {
  using _frame = alloc.frame();
  const values = alloc.frameSlice(Float32Array, 64);
  values.fill(1);
  return values.reduce((sum, value) => sum + value) / 64;
}
`,
  seeAlso: ["FA002", "FA610", "FA702"],
  create(context) {
    return {
      stale({ node, view, is, mark, isCertain }) {
        if (is !== "ended" || view.site.memory === "gpu frame") return;
        context.report({
          node,
          message: `${Named(view)} is used after ${isCertain ? "" : "what may be "}the end of its frame`,
          confidence: isCertain ? "certain" : "path",
          related: [allocatedAt(view), markedAt(mark, "ended here")],
        });
      },
    };
  },
};
