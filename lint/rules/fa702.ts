/**
 * Frame memory that is used after an `await`.
 */

import type { Rule } from "./rule.ts";
import { allocatedAt, markedAt, Named } from "./words.ts";

/** The rule. */
export const fa702: Rule = {
  code: "FA702",
  name: "await-crossing",
  category: "async",
  severity: "error",
  isDefault: true,
  summary: "A value in frame memory is used after an await or a yield that came after its allocation",
  help: "Use it before the await, carry a copy or a number across, or allocate it in a TaskAlloc",
  explanation:
    "A frame belongs to one turn of the event loop. While a function waits, others run: they end the frame and begin the next " +
    "one in the same memory. What is only in scope across the await is no mistake; what is used after it is.",
  bad: `import type { SmartAlloc } from "@framealloc/core";

async function upload(alloc: SmartAlloc, send: (bytes: number) => Promise<void>): Promise<void> {
  const packet = alloc.frameSlice(Uint8Array, 64);
  await send(packet.length);
  packet.fill(0); // FA702
}
`,
  good: `import { type SmartAlloc, TaskAlloc } from "@framealloc/core";

async function upload(alloc: SmartAlloc, send: (bytes: number) => Promise<void>): Promise<void> {
  await using task = new TaskAlloc(alloc);
  const packet = task.allocSlice(Uint8Array, 64);
  await send(packet.length);
  packet.fill(0);
}
`,
  seeAlso: ["FA701", "FA704", "FA706"],
  create(context) {
    return {
      stale({ node, view, is, mark, isCertain }) {
        if (is !== "suspended") return;
        const what = mark.node.type === "YieldExpression"
          ? "a yield"
          : mark.node.type === "CallExpression"
          ? "an await in there"
          : "an await";
        context.report({
          node,
          message: `${Named(view)} is used after ${what} that came after its allocation`,
          confidence: isCertain ? "certain" : "path",
          related: [allocatedAt(view), markedAt(mark, "waits here")],
        });
      },
    };
  },
};
