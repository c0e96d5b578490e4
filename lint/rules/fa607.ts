/**
 * Frames that end on some ways out of a function and not on others.
 */

import { type Node, one, unwrap } from "../core/ast.ts";
import type { RuleContext } from "../core/context.ts";
import type { Alloc } from "../core/values.ts";
import type { Rule } from "./rule.ts";
import { place } from "./words.ts";

const WAYS = {
  end: "at the end of the function",
  next: "in the next turn of the loop",
  return: "when this returns",
  throw: "when this throws",
} as const;

/** The rule. */
export const fa607: Rule = {
  code: "FA607",
  name: "unbalanced-frame",
  category: "lifetime",
  severity: "warning",
  isDefault: true,
  summary: "A frame that a function begins is still open on one way out of it, and ended on another",
  help: "Use \`using _frame = alloc.frame()\`, or try { … } finally { alloc.endFrame(); }",
  explanation:
    "The next frame throws FA004 when the last one was not ended. An early return, a throw or a continue between beginFrame() and " +
    "endFrame() is enough. A function that begins a frame for others to end is no mistake.",
  bad: `import type { SmartAlloc } from "@framealloc/core";

function step(alloc: SmartAlloc, isPaused: boolean): void {
  alloc.beginFrame(); // FA607
  if (isPaused) return;
  alloc.frameSlice(Float32Array, 16).fill(0);
  alloc.endFrame();
}
`,
  good: `import type { SmartAlloc } from "@framealloc/core";

function step(alloc: SmartAlloc, isPaused: boolean): void {
  alloc.beginFrame();
  try {
    if (isPaused) return;
    alloc.frameSlice(Float32Array, 16).fill(0);
  } finally {
    alloc.endFrame();
  }
}
`,
  seeAlso: ["FA004", "FA609", "FA610"],
  create(context) {
    const report = (begin: Node, way: Node, what: string): void =>
      context.report({
        node: begin,
        message: `The frame that begins here is still open ${what}`,
        related: [place(way, "still open here")],
      });
    /** Frames that were begun while one was open for certain: by the end of the function it is known whether that is ever ended. */
    const again: { readonly begin: Node; readonly at: Node }[] = [];
    return {
      frame({ node, is, before, isInCall }) {
        if (is !== "begin" || isInCall || before.isUnknown || before.closed.length > 0 || before.resumed.length > 0) {
          return;
        }
        for (const { node: begin, owner } of before.open) if (owner.isRoot) again.push({ begin, at: node });
      },
      exit({ exits, endedBegins }) {
        // A function that only ends the frame where something has gone wrong leaves it open on purpose.
        const ended = new Set<Alloc>();
        for (const { how, frames } of exits) {
          if (how !== "return" && how !== "end") continue;
          for (const [alloc, { closed }] of frames) if (closed.length > 0) ended.add(alloc);
        }
        for (const { how, node, frames, value } of exits) {
          if (value.some(({ k }) => k === "guard")) continue; // somebody else is to end it
          if (how === "throw" && isRethrow(context, node)) continue;
          for (const [alloc, { isUnknown, open, closed, resumed }] of frames) {
            if (how !== "next" && !ended.has(alloc)) continue;
            if (isUnknown || closed.length > 0 || resumed.length > 0) continue;
            for (const { node: begin, owner } of open) {
              if (owner.isRoot && endedBegins.has(begin)) report(begin, node, WAYS[how]);
            }
          }
        }
        for (const { begin, at } of again.splice(0)) {
          if (endedBegins.has(begin)) report(begin, at, "when the next one begins");
        }
      },
    };
  },
};

/** What is not handled goes on, as it would without the `catch`: nobody ends the frame where any other call throws. */
function isRethrow(context: RuleContext, node: Node): boolean {
  const thrown = one(node, "argument");
  return thrown !== undefined && context.scopes.of.get(unwrap(thrown))?.kind === "catch";
}
