/**
 * Tags that nobody has declared.
 */

import { literalText } from "../core/ast.ts";
import type { Suggestion } from "../core/diagnostic.ts";
import type { Rule } from "./rule.ts";
import { isAmong, knownTags, nearest, tagUse } from "./_tags.ts";

/** The rule. */
export const fa802: Rule = {
  code: "FA802",
  name: "unknown-tag",
  category: "architecture",
  severity: "hint",
  isDefault: true,
  summary: "A tag is not among those of the configuration",
  help: "Correct it, or add it to known_tags",
  explanation:
    "A tag that is misspelt is a tag of its own: what is allocated under it is missing from the count, and from the budget, of the one " +
    "that was meant. It is looked for if the configuration sets warn_unknown_tags.",
  // Analysed with known_tags = ["physics", "render"] and warn_unknown_tags.
  bad: `import type { SmartAlloc } from "@framealloc/core";

export function solve(alloc: SmartAlloc): void {
  alloc.withTag("phisics", (alloc) => { // FA802
    alloc.frameSlice(Float32Array, 64).fill(0);
  });
}
`,
  good: `import type { SmartAlloc } from "@framealloc/core";

export function solve(alloc: SmartAlloc): void {
  alloc.withTag("physics", (alloc) => {
    alloc.frameSlice(Float32Array, 64).fill(0);
  });
}
`,
  seeAlso: ["FA801"],
  create(context) {
    const known = knownTags(context);
    if (known === undefined) return {};
    return {
      call(event) {
        const use = tagUse(context, event);
        if (use === undefined || isAmong(use.tag, known)) return;
        const { node, tag } = use;
        const meant = nearest(tag, known);
        const suggestions: Suggestion[] = [];
        if (meant !== undefined && literalText(node) === tag) {
          const [start, end] = node.range;
          const edits = [{ start, end, text: JSON.stringify(meant) }];
          suggestions.push({ message: `Write "${meant}"`, edits, applicability: "machine" });
        }
        const isMeant = meant === undefined ? "" : `: "${meant}" is meant?`;
        context.report({ node, message: `The tag "${tag}" is not known${isMeant}`, suggestions });
      },
    };
  },
};
