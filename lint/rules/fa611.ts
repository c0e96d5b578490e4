/**
 * Views of a list that may have grown since.
 */

import type { Rule } from "./rule.ts";
import { allocatedAt, Named, place } from "./words.ts";

/** The rule. */
export const fa611: Rule = {
  code: "FA611",
  name: "view-invalidated",
  category: "lifetime",
  severity: "warning",
  isDefault: false,
  summary: "The view of a list is used after something that may have moved the list",
  help: "Get the view again after push() and reserve(), or reserve enough before",
  explanation:
    "A list of numbers moves when it grows. A view that was taken before shows the old place: it is memory of the frame still, but " +
    "what the list holds now is not in it.",
  bad: `import type { SmartAlloc } from "@framealloc/core";

function grow(alloc: SmartAlloc): number {
  const list = alloc.frameVec(Float32Array, 1);
  list.push(1);
  const view = list.view;
  list.push(2);
  return view[0]!; // FA611
}
`,
  good: `import type { SmartAlloc } from "@framealloc/core";

function grow(alloc: SmartAlloc): number {
  const list = alloc.frameVec(Float32Array, 1);
  list.push(1);
  list.push(2);
  return list.view[0]!;
}
`,
  seeAlso: ["FA606"],
  create(context) {
    return {
      moved({ node, view, by }) {
        context.report({
          node,
          message: `${Named(view)} may have moved since this view of it was taken`,
          confidence: "path",
          related: [allocatedAt(view), place(by, "may move it")],
        });
      },
    };
  },
};
