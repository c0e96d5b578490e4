/**
 * Mapped ranges of buffers that cannot be mapped, or are not any more.
 */

import { mappingFindings } from "./_gpu_mapping.ts";
import type { Rule } from "./rule.ts";

/** The rule. */
export const fa854: Rule = {
  code: "FA854",
  name: "device-local-mapped",
  category: "gpu",
  severity: "error",
  isDefault: true,
  summary: "The mapped range is asked for of a buffer that cannot be mapped, or was unmapped",
  help: "Create it with MAP_READ or MAP_WRITE, or with mappedAtCreation; map it again after unmap()",
  explanation:
    "Only buffers with the usage MAP_READ or MAP_WRITE can be mapped, and any buffer once at its creation. Everything else stays " +
    "on the device, and its bytes come through a second buffer and a copy. After unmap() getMappedRange() throws until it is mapped again.",
  bad: `function write(device: GPUDevice, values: Float32Array): void {
  const buffer = device.createBuffer({ size: values.byteLength, usage: GPUBufferUsage.STORAGE });
  new Float32Array(buffer.getMappedRange()).set(values); // FA854
  buffer.unmap();
}
`,
  good: `function write(device: GPUDevice, values: Float32Array): void {
  const buffer = device.createBuffer({ size: values.byteLength, usage: GPUBufferUsage.STORAGE, mappedAtCreation: true });
  new Float32Array(buffer.getMappedRange()).set(values);
  buffer.unmap();
}
`,
  seeAlso: ["FA853", "FA855"],
  create(context) {
    return {
      done() {
        for (const finding of mappingFindings(context)) if (finding.code === "FA854") context.report(finding);
      },
    };
  },
};
