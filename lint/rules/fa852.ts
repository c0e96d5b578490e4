/**
 * Copies to or from buffers of the GPU that were not created for that.
 */

import { many, type Node, walk } from "../core/ast.ts";
import type { RuleContext } from "../core/context.ts";
import { bufferOf, COPY_DST, COPY_SRC, GPU_WORDS } from "./_gpu_usage.ts";
import { calledName } from "./_places.ts";
import { unifiedFindings } from "./_unified.ts";
import type { Rule } from "./rule.ts";
import { place } from "./words.ts";

/** Which argument of a call needs which usage. */
const NEEDS: ReadonlyMap<string, readonly { readonly index: number; readonly usage: number; readonly name: string }[]> =
  new Map([
    ["writeBuffer", [{ index: 0, usage: COPY_DST, name: "COPY_DST" }]],
    ["clearBuffer", [{ index: 0, usage: COPY_DST, name: "COPY_DST" }]],
    ["copyBufferToBuffer", [{ index: 0, usage: COPY_SRC, name: "COPY_SRC" }]],
  ]);

/** The rule. */
export const fa852: Rule = {
  code: "FA852",
  name: "missing-transfer-usage",
  category: "gpu",
  severity: "error",
  isDefault: true,
  summary: "A buffer of the GPU is written or copied, and was not created for that",
  help: "Add GPUBufferUsage.COPY_DST to the usage of what is written, and COPY_SRC to what is copied from",
  explanation:
    "WebGPU checks every use of a buffer against the usage it was created with. A write to a buffer without COPY_DST is refused: " +
    "the error comes later, and the buffer keeps what it had.",
  bad: `function upload(device: GPUDevice, values: Float32Array): GPUBuffer {
  const buffer = device.createBuffer({ size: values.byteLength, usage: GPUBufferUsage.UNIFORM });
  device.queue.writeBuffer(buffer, 0, values); // FA852
  return buffer;
}
`,
  good: `function upload(device: GPUDevice, values: Float32Array): GPUBuffer {
  const usage = GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST;
  const buffer = device.createBuffer({ size: values.byteLength, usage });
  device.queue.writeBuffer(buffer, 0, values);
  return buffer;
}
`,
  seeAlso: ["FA853", "FA854"],
  create(context) {
    return {
      done() {
        for (const finding of unifiedFindings(context)) if (finding.code === "FA852") context.report(finding);
        if (!GPU_WORDS.test(context.source.text)) return;
        walk(context.program, (node) => {
          if (node.type === "CallExpression") check(context, node);
        });
      },
    };
  },
};

function check(context: RuleContext, call: Node): void {
  const method = calledName(call);
  const args = many(call, "arguments");
  const needs = [...NEEDS.get(method) ?? []];
  // copyBufferToBuffer(source, destination) or (source, offset, destination, offset, size)
  if (method === "copyBufferToBuffer") {
    needs.push({ index: args.length >= 5 ? 2 : 1, usage: COPY_DST, name: "COPY_DST" });
  }
  for (const { index, usage, name } of needs) {
    const argument = args[index];
    const made = argument === undefined ? undefined : bufferOf(context, argument);
    if (argument === undefined || made?.usage === undefined || (made.usage & usage) !== 0) continue;
    context.report({
      node: call,
      message: `${context.textOf(argument)} is ${
        name === "COPY_SRC" ? "copied from" : "written"
      }, and was created without ${name}`,
      related: [place(made.node, "created here")],
    });
  }
}
