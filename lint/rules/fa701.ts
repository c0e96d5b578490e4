/**
 * Frame memory that is asked for after an `await`.
 */

import type { Rule } from "./rule.ts";
import { markedAt, nameOf } from "./words.ts";

/** The rule. */
export const fa701: Rule = {
  code: "FA701",
  name: "alloc-after-resume",
  category: "async",
  severity: "error",
  isDefault: true,
  summary: "Frame memory is allocated after an await, and no frame was begun since",
  help: "Begin a frame after the await: using _frame = alloc.frame(), or runFrame(); or allocate in a TaskAlloc",
  explanation:
    "What comes after an await runs in a later turn of the event loop. The frame that was open before is over by then, or is somebody " +
    "else's. The code of an async function up to its first await is not concerned: it runs when the function is called.",
  bad: `import type { SmartAlloc } from "@framealloc/core";

async function decode(alloc: SmartAlloc, response: Response): Promise<number> {
  const bytes = await response.arrayBuffer();
  const samples = alloc.frameSlice(Float32Array, bytes.byteLength); // FA701
  return samples.length;
}
`,
  good: `import type { SmartAlloc } from "@framealloc/core";

async function decode(alloc: SmartAlloc, response: Response): Promise<number> {
  const bytes = await response.arrayBuffer();
  using _frame = alloc.frame();
  const samples = alloc.frameSlice(Float32Array, bytes.byteLength);
  return samples.length;
}
`,
  seeAlso: ["FA702", "FA704"],
  create(context) {
    return {
      alloc({ node, site, method, alloc, before }) {
        const [mark] = before.resumed;
        if (site === undefined || mark === undefined) return;
        const isCertain = !before.isUnknown && before.open.length === 0 && before.closed.length === 0;
        context.report({
          node,
          message: `${method}() is called after an await, and no frame of ${nameOf(alloc)} was begun since`,
          confidence: isCertain ? "certain" : "path",
          related: [markedAt(mark, "waits here")],
        });
      },
    };
  },
};
