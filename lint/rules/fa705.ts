/**
 * Promises that are settled with frame memory.
 */

import type { Rule } from "./rule.ts";
import { allocatedAt, Named } from "./words.ts";

/** The rule. */
export const fa705: Rule = {
  code: "FA705",
  name: "promise-settled-with-frame",
  category: "async",
  severity: "error",
  isDefault: true,
  summary: "A promise is settled with a value in frame memory",
  help: "Settle it with a copy, or have whoever waits give the memory to write to",
  explanation:
    "Who awaits a promise goes on in a later turn of the event loop, whatever the promise is settled with. The frame is over by then.",
  bad: `import type { SmartAlloc } from "@framealloc/core";

async function squares(alloc: SmartAlloc, n: number): Promise<Float32Array> {
  const result = alloc.frameSlice(Float32Array, n);
  for (let i = 0; i < n; i++) result[i] = i * i;
  return result; // FA705
}
`,
  good: `import type { SmartAlloc } from "@framealloc/core";

async function squares(alloc: SmartAlloc, n: number): Promise<Float32Array> {
  const result = alloc.frameSlice(Float32Array, n);
  for (let i = 0; i < n; i++) result[i] = i * i;
  return result.slice();
}
`,
  seeAlso: ["FA610", "FA702"],
  create(context) {
    return {
      leave({ node, views, how, isAsync }) {
        const [view] = views;
        if (view === undefined || (how === "return" && !isAsync)) return;
        const message = how === "settle"
          ? `${Named(view)} settles a promise: who awaits it runs when the frame is over`
          : `${Named(view)} is returned by an async function: who awaits it runs when the frame is over`;
        context.report({ node, message, related: [allocatedAt(view)] });
      },
    };
  },
};
