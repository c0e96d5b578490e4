/**
 * Main loops that allocate in no frame of their own.
 */

import type { Rule } from "./rule.ts";
import { place } from "./words.ts";

/** The rule. */
export const fa603: Rule = {
  code: "FA603",
  name: "missing-boundary",
  category: "lifetime",
  severity: "warning",
  isDefault: true,
  summary: "A main loop allocates in frame memory, and neither it nor the code before it begins a frame",
  help: "Begin a frame in each turn: using _frame = alloc.frame()",
  explanation:
    "Frame memory is free again when the frame ends. A loop that runs as long as the program and never ends a frame allocates " +
    "until there is no memory, or throws FA001 at once as no frame is open. Loops that use up a list, and functions that work in the " +
    "frame of their caller, are none of these.",
  bad: `import { SmartAlloc } from "@framealloc/core";

const alloc = new SmartAlloc();
let running = true;

function main(): void {
  while (running) { // FA603
    const scratch = alloc.frameVec(Float32Array, 64);
    running = scratch.length > 0;
  }
}
main();
`,
  good: `import { SmartAlloc } from "@framealloc/core";

const alloc = new SmartAlloc();
let running = true;

function main(): void {
  while (running) {
    using _frame = alloc.frame();
    const scratch = alloc.frameVec(Float32Array, 64);
    running = scratch.length > 0;
  }
}
main();
`,
  seeAlso: ["FA001", "FA607", "FA608"],
  create(context) {
    return {
      loop({ node, info }) {
        const [first] = info.bare;
        if (
          (info.kind !== "main" && !info.countsFrames) || info.level > 0 || info.opensFrame || info.suspends ||
          first === undefined
        ) return;
        if (node.type === "ForOfStatement") return;
        context.report({
          node,
          message: `This loop calls ${first.method}() in each turn, and no frame begins or ends in it`,
          confidence: "heuristic",
          related: [place(first.node, "allocates here")],
        });
      },
    };
  },
};
