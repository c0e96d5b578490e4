/**
 * Frames that are held open while the program waits.
 */

import type { Node } from "../core/ast.ts";
import type { Rule } from "./rule.ts";
import { markedAt, nameOf } from "./words.ts";

/** The rule. */
export const fa704: Rule = {
  code: "FA704",
  name: "frame-across-await",
  category: "async",
  severity: "warning",
  isDefault: true,
  summary: "A frame is open while the program waits",
  help: "End the frame before the await, and begin another one after it; or use a TaskAlloc",
  explanation:
    "While a function waits, others run: they find a frame open that is not theirs, and throw FA004 when they begin one, or end it. " +
    "The frame has to be over before anything waits.",
  bad: `import type { SmartAlloc } from "@framealloc/core";

async function tick(alloc: SmartAlloc, send: (sum: number) => Promise<void>): Promise<void> {
  using _frame = alloc.frame();
  const values = alloc.frameSlice(Float32Array, 4);
  const sum = values[0]! + values[1]!;
  await send(sum); // FA704
}
`,
  good: `import type { SmartAlloc } from "@framealloc/core";

async function tick(alloc: SmartAlloc, send: (sum: number) => Promise<void>): Promise<void> {
  const sum = alloc.runFrame((alloc) => {
    const values = alloc.frameSlice(Float32Array, 4);
    return values[0]! + values[1]!;
  });
  await send(sum);
}
`,
  seeAlso: ["FA701", "FA702"],
  create(context) {
    const told = new Set<Node>();
    return {
      suspend({ node, how, open }) {
        if (how === "yield") return;
        for (const { alloc, marks, isCertain } of open) {
          const mark = marks[0];
          if (mark === undefined || told.has(mark.node)) continue;
          told.add(mark.node);
          context.report({
            node,
            message: `The frame of ${nameOf(alloc)} is open across this ${
              how === "await" ? "await" : "loop, which waits in each turn"
            }`,
            confidence: isCertain ? "certain" : "path",
            related: [markedAt(mark, "begun here")],
          });
        }
      },
    };
  },
};
