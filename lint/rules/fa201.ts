/**
 * Frame memory that is posted to another thread.
 */

import { isWrapper } from "../core/ast.ts";
import type { Value, View } from "../core/values.ts";
import { postOf } from "./_posts.ts";
import type { Rule } from "./rule.ts";
import { allocatedAt, Named } from "./words.ts";

/** The rule. */
export const fa201: Rule = {
  code: "FA201",
  name: "cross-worker-frame",
  category: "threads",
  severity: "error",
  isDefault: true,
  summary: "A value in frame memory is posted to another thread",
  help: "Post a copy: toArray(), slice(); or give it away as a whole: frameBoxForTransfer() and a TransferHandle",
  explanation:
    "A view is posted with all the memory behind it: an 8 byte slice clones the whole arena. Transferring its buffer takes the arena " +
    "away from all other handles, and memory of WebAssembly cannot be transferred at all. Shared memory is seen by both sides, and this " +
    "one gives it out again in the next frame.",
  bad: `import type { SmartAlloc } from "@framealloc/core";

function publish(alloc: SmartAlloc, worker: Worker): void {
  const positions = alloc.frameSlice(Float32Array, 300);
  positions.fill(0);
  worker.postMessage({ kind: "positions", positions }); // FA201
}
`,
  good: `import type { SmartAlloc } from "@framealloc/core";

function publish(alloc: SmartAlloc, worker: Worker): void {
  const positions = alloc.frameSlice(Float32Array, 300);
  positions.fill(0);
  const copy = positions.slice();
  worker.postMessage({ kind: "positions", positions: copy }, [copy.buffer]);
}
`,
  seeAlso: ["FA206", "FA204"],
  create(context) {
    return {
      call({ node, name, args, callee, isNew }) {
        if (!(isNew ? name === "Worker" : name === "postMessage")) return;
        let call = context.parents.get(callee);
        while (call !== undefined && isWrapper(call)) call = context.parents.get(call);
        if (call === undefined || postOf(context, call) === undefined) return;
        const values = isNew ? args.slice(1) : args;
        const view = values.flatMap((value: Value) => context.memoryIn(value)).find(isFrameMemory);
        if (view === undefined) return;
        context.report({
          node,
          message: `${Named(view)} is posted to another thread`,
          related: [allocatedAt(view)],
        });
      },
    };
  },
};

function isFrameMemory({ site, shape }: View): boolean {
  return shape !== "Maybe" && (site.memory === "frame" || site.memory === "retained" || site.memory === "gpu frame");
}
