/**
 * Bytes of the GPU that are read before they have arrived.
 */

import { mappingFindings } from "./_gpu_mapping.ts";
import { unifiedFindings } from "./_unified.ts";
import type { Rule } from "./rule.ts";

/** The rule. */
export const fa853: Rule = {
  code: "FA853",
  name: "missing-synchronization",
  category: "gpu",
  severity: "warning",
  isDefault: true,
  summary: "Bytes of the GPU are read before the promise that brings them was awaited",
  help: "Await mapAsync(), transferToCpu() or read() first",
  explanation:
    "The GPU works on its own time. A buffer can be read when mapAsync() has settled, and the copy of a unified buffer when " +
    "transferToCpu() has; before that getMappedRange() and cpuSlice() throw.",
  bad: `function read(device: GPUDevice): Uint8Array {
  const buffer = device.createBuffer({ size: 64, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  buffer.mapAsync(GPUMapMode.READ);
  return new Uint8Array(buffer.getMappedRange()).slice(); // FA853
}
`,
  good: `async function read(device: GPUDevice): Promise<Uint8Array> {
  const buffer = device.createBuffer({ size: 64, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  await buffer.mapAsync(GPUMapMode.READ);
  return new Uint8Array(buffer.getMappedRange()).slice();
}
`,
  seeAlso: ["FA854", "FA855"],
  create(context) {
    return {
      done() {
        for (const finding of [...mappingFindings(context), ...unifiedFindings(context)]) {
          if (finding.code === "FA853") context.report(finding);
        }
      },
    };
  },
};
