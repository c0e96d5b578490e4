/**
 * Staging buffers whose bytes never come to the GPU.
 */

import { unifiedFindings } from "./_unified.ts";
import type { Rule } from "./rule.ts";

/** The rule. */
export const fa851: Rule = {
  code: "FA851",
  name: "staging-not-transferred",
  category: "gpu",
  severity: "warning",
  isDefault: true,
  summary: "A staging buffer is written and not transferred before its frame ends",
  help: "Call transferToGpu() before the frame ends, or free() the buffer",
  explanation:
    "A staging buffer lives in the frame. What is written to it stays on the CPU until transferToGpu() takes it over, and is gone " +
    "with the frame: endFrame() throws FA851 at run time.",
  bad: `import type { UnifiedAllocator } from "@framealloc/core/gpu";

function upload(unified: UnifiedAllocator, values: Uint8Array): void {
  unified.beginFrame();
  const staging = unified.createStagingBuffer(values.length); // FA851
  staging.cpuSliceMut().set(values);
  unified.endFrame();
}
`,
  good: `import type { UnifiedAllocator } from "@framealloc/core/gpu";

function upload(unified: UnifiedAllocator, values: Uint8Array): void {
  unified.beginFrame();
  const staging = unified.createStagingBuffer(values.length);
  staging.cpuSliceMut().set(values);
  unified.transferToGpu(staging);
  unified.endFrame();
}
`,
  seeAlso: ["FA852", "FA853"],
  create(context) {
    return {
      done() {
        for (const finding of unifiedFindings(context)) if (finding.code === "FA851") context.report(finding);
      },
    };
  },
};
