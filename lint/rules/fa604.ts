/**
 * Memory that is discarded with its frame, and returned all the same.
 */

import { retainedPair } from "./examples.ts";
import type { Rule } from "./rule.ts";
import { place } from "./words.ts";

/** The rule. */
export const fa604: Rule = {
  code: "FA604",
  name: "retention-mismatch",
  category: "lifetime",
  severity: "hint",
  isDefault: true,
  summary: "A value that is to be discarded with its frame is returned",
  help: "Choose a policy that promotes it, such as RetentionPolicy.PromoteToPool, or allocate it with frameAlloc()",
  explanation:
    "frameRetained() says what is to become of a value when the frame ends. One that is returned is wanted by somebody else, who " +
    "may want it longer; Discard says that nobody does. One of the two is not meant.",
  bad: retainedPair.returned("Discard", "// FA604"),
  good: retainedPair.returned("PromoteToPool", ""),
  seeAlso: ["FA605", "FA610"],
  create(context) {
    return {
      leave({ node, views, how }) {
        if (how !== "return") return;
        for (const { site } of views) {
          if (site.policy !== "discard" || !site.owner.isRoot) continue;
          context.report({
            node: site.node,
            message: `What ${site.method}() is to discard with its frame is returned`,
            confidence: "heuristic",
            related: [place(node, "returned here")],
          });
        }
      },
    };
  },
};
