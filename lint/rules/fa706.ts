/**
 * Frame memory that is given to what is awaited.
 */

import type { Rule } from "./rule.ts";
import { allocatedAt, Named } from "./words.ts";

/** The rule. */
export const fa706: Rule = {
  code: "FA706",
  name: "awaited-argument",
  category: "async",
  severity: "warning",
  isDefault: true,
  summary: "A value in frame memory is given to a call that is awaited",
  help: "Give it a copy: toArray(), slice()",
  explanation:
    "What takes so long that it has to be awaited may read its arguments at any time until then. The frame may be over before that, and " +
    "its memory somebody else's.",
  bad: `import type { SmartAlloc } from "@framealloc/core";

async function save(alloc: SmartAlloc, writer: WritableStreamDefaultWriter<Uint8Array>): Promise<void> {
  const bytes = alloc.frameSlice(Uint8Array, 64);
  bytes.fill(1);
  await writer.write(bytes); // FA706
}
`,
  good: `import type { SmartAlloc } from "@framealloc/core";

async function save(alloc: SmartAlloc, writer: WritableStreamDefaultWriter<Uint8Array>): Promise<void> {
  const bytes = alloc.frameSlice(Uint8Array, 64);
  bytes.fill(1);
  await writer.write(bytes.slice());
}
`,
  seeAlso: ["FA702", "FA201"],
  create(context) {
    return {
      suspend({ node, awaited }) {
        const [view] = awaited;
        if (view === undefined) return;
        context.report({
          node,
          message: `${Named(view)} is given to a call that is awaited, which may use it when the frame is over`,
          confidence: "path",
          related: [allocatedAt(view)],
        });
      },
    };
  },
};
