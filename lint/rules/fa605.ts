/**
 * Memory that is discarded with its frame, and stored where it outlives it.
 */

import { retainedPair } from "./examples.ts";
import type { Rule } from "./rule.ts";
import { allocatedAt } from "./words.ts";

/** The rule. */
export const fa605: Rule = {
  code: "FA605",
  name: "discard-escape",
  category: "lifetime",
  severity: "warning",
  isDefault: true,
  summary: "A value that is to be discarded with its frame is stored where it outlives it",
  help:
    "Choose a policy that promotes it, such as RetentionPolicy.PromoteToPool, and take the copy from the result of the frame",
  explanation:
    "A value with the policy Discard ends with its frame like any other. With a policy that promotes, the record may be kept as " +
    "the key under which endFrameWithPromotions() gives the copy.",
  bad: retainedPair.stored("Discard", "// FA605"),
  good: retainedPair.stored("PromoteToPool", ""),
  seeAlso: ["FA601", "FA604"],
  create(context) {
    return {
      store({ node, views, target }) {
        const view = views.find(({ site }) => site.policy === "discard");
        if (view === undefined) return;
        context.report({
          node,
          message: `What ${view.site.method}() is to discard with its frame is stored in ${target}`,
          related: [allocatedAt(view)],
        });
      },
    };
  },
};
