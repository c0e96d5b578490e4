/**
 * Memory of a GPU frame, and mapped ranges, that are used when they are gone.
 */

import { mappingFindings } from "./_gpu_mapping.ts";
import type { Rule } from "./rule.ts";
import { allocatedAt, markedAt, Named } from "./words.ts";

/** The rule. */
export const fa855: Rule = {
  code: "FA855",
  name: "mapped-range-kept",
  category: "gpu",
  severity: "warning",
  isDefault: true,
  summary: "A mapped range, or memory of a GPU frame, is used or kept when it is gone",
  help: "Ask for the range each time, and for memory of the ring in each frame; keep copies",
  explanation:
    "unmap() takes the memory of a mapped range away: all views of it have length 0 from then on. Memory of the ring belongs to " +
    "the next frame when its own has ended, so that what is written late is drawn by somebody else.",
  bad: `function write(buffer: GPUBuffer, values: Float32Array): void {
  const view = new Float32Array(buffer.getMappedRange());
  view.set(values);
  buffer.unmap();
  view[0] = 1; // FA855
}
`,
  good: `function write(buffer: GPUBuffer, values: Float32Array): void {
  const view = new Float32Array(buffer.getMappedRange());
  view.set(values);
  view[0] = 1;
  buffer.unmap();
}
`,
  seeAlso: ["FA854", "FA606"],
  create(context) {
    return {
      stale({ node, view, is, mark, isCertain }) {
        if (is !== "ended" || view.site.memory !== "gpu frame") return;
        context.report({
          node,
          message: `${Named(view)} is used after ${isCertain ? "" : "what may be "}the end of its GPU frame`,
          confidence: isCertain ? "certain" : "path",
          related: [allocatedAt(view), markedAt(mark, "ended here")],
        });
      },
      store({ node, views, target, home }) {
        const view = views.find(({ site }) => site.memory === "gpu frame");
        if (view === undefined || home === "param") return;
        context.report({
          node,
          message: `${Named(view)} is kept in ${target}, and belongs to the next GPU frame when its own has ended`,
          related: [allocatedAt(view)],
        });
      },
      leave({ node, ended }) {
        for (const { view, mark, isCertain } of ended) {
          if (view.site.memory !== "gpu frame") continue;
          context.report({
            node,
            message: `${Named(view)} is returned after ${isCertain ? "" : "what may be "}the end of its GPU frame`,
            confidence: isCertain ? "certain" : "path",
            related: [allocatedAt(view), markedAt(mark, "ended here")],
          });
        }
      },
      done() {
        for (const finding of mappingFindings(context)) if (finding.code === "FA855") context.report(finding);
      },
    };
  },
};
