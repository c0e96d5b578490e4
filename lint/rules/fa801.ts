/**
 * Tags of other modules.
 */

import type { Rule } from "./rule.ts";
import { isAmong, knownTags, modulesOf, tagUse } from "./_tags.ts";

/** The rule. */
export const fa801: Rule = {
  code: "FA801",
  name: "tag-mismatch",
  category: "architecture",
  severity: "warning",
  isDefault: true,
  summary: "A tag is used in a module that it does not belong to",
  help: "Use a tag of the module, or add this one to its tags in module_tags",
  explanation:
    "The configuration says which tags belong to which files. What is counted for the tag of another module is blamed on that one, and " +
    "comes out of its budget.",
  // Analysed as src/physics/solve.ts, with module_tags "src/physics" = ["physics"].
  bad: `import type { SmartAlloc } from "@framealloc/core";

export function solve(alloc: SmartAlloc): void {
  alloc.withTag("render", (alloc) => { // FA801
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
  seeAlso: ["FA802", "FA803"],
  create(context) {
    const modules = modulesOf(context, context.source.filename);
    if (modules.length === 0) return {};
    const tags = modules.flatMap(({ tags }) => tags);
    const known = knownTags(context);
    return {
      call(event) {
        const use = tagUse(context, event);
        if (use === undefined || isAmong(use.tag, tags)) return;
        if (known !== undefined && !isAmong(use.tag, known)) return; // nobody's: that is what FA802 says
        const own = tags.length === 0 ? "it has none" : `it has ${tags.map((tag) => `"${tag}"`).join(", ")}`;
        context.report({
          node: use.node,
          message: `The tag "${use.tag}" does not belong to the module "${modules[0]?.pattern}": ${own}`,
        });
      },
    };
  },
};
