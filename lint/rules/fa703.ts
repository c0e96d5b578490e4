/**
 * A function with frame memory in it that runs later.
 */

import type { Rule } from "./rule.ts";
import { allocatedAt, Named } from "./words.ts";

/** The rule. */
export const fa703: Rule = {
  code: "FA703",
  name: "closure-capture",
  category: "async",
  severity: "error",
  isDefault: true,
  summary: "A function that runs later uses a value in frame memory",
  help: "Give it a copy, or have it open a frame of its own and allocate there",
  explanation:
    "Timers, listeners, promise callbacks and functions that are stored or returned run when the frame is over. Callbacks that " +
    "are called before the call returns, as those of forEach and withTag are, are none of these.",
  bad: `import type { SmartAlloc } from "@framealloc/core";

function report(alloc: SmartAlloc): void {
  const hits = alloc.frameVec(Float32Array, 8);
  hits.push(1);
  setTimeout(() => console.log(hits.length), 100); // FA703
}
`,
  good: `import type { SmartAlloc } from "@framealloc/core";

function report(alloc: SmartAlloc): void {
  const hits = alloc.frameVec(Float32Array, 8);
  hits.push(1);
  const count = hits.length;
  setTimeout(() => console.log(count), 100);
}
`,
  seeAlso: ["FA601", "FA702"],
  create(context) {
    return {
      capture({ node, views, names, how, to, fn }) {
        const [view] = views;
        if (view === undefined) return;
        const what = names.length === 0 ? Named(view) : `"${names.join('", "')}" in frame memory`;
        const message = fn === undefined
          ? `${what} is given to ${to}, which uses it later`
          : how === "callback"
          ? `${what} is used by a function that ${to} runs later`
          : how === "stored"
          ? `${what} is used by a function that is stored in ${to}`
          : `${what} is used by a function that is returned`;
        context.report({ node, message, related: views.map(allocatedAt) });
      },
    };
  },
};
