/**
 * Guards of frames that nobody ends.
 */

import { one } from "../core/ast.ts";
import type { RuleContext } from "../core/context.ts";
import type { Suggestion } from "../core/diagnostic.ts";
import { holderOf, isHeldOn } from "./holders.ts";
import type { Rule } from "./rule.ts";
import { nameOf } from "./words.ts";

/** What ends a guard. */
const ENDS = /^(?:end|Symbol\.dispose)$/;

/** The rule. */
export const fa609: Rule = {
  code: "FA609",
  name: "guard-dropped",
  category: "lifetime",
  severity: "warning",
  isDefault: true,
  summary: "The guard that frame() returns is dropped, so that nobody ends the frame",
  help: "Declare it with \`using\`, or call its end()",
  explanation:
    "frame() begins a frame, and its guard ends it. A guard that is not kept by \`using\`, and whose end() is never called, leaves the " +
    "frame open: the next frame throws FA004.",
  bad: `import type { SmartAlloc } from "@framealloc/core";

function step(alloc: SmartAlloc): void {
  alloc.frame(); // FA609
  alloc.frameSlice(Float32Array, 16).fill(0);
}
`,
  good: `import type { SmartAlloc } from "@framealloc/core";

function step(alloc: SmartAlloc): void {
  using _frame = alloc.frame();
  alloc.frameSlice(Float32Array, 16).fill(0);
}
`,
  seeAlso: ["FA004", "FA607"],
  create(context) {
    return {
      owner({ node, of, alloc }) {
        if (of !== "frame") return;
        const holder = holderOf(context, node);
        if (holder.is === "elsewhere") return;
        if (holder.is === "variable" && isHeldOn(context, holder.binding, ENDS)) return;
        context.report({
          node,
          message: holder.is === "variable"
            ? `The guard "${holder.binding.name}" of a frame of ${nameOf(alloc)} is never ended`
            : `The guard of a frame of ${nameOf(alloc)} is dropped: nobody can end the frame`,
          suggestions: suggest(context, holder),
        });
      },
    };
  },
};

function suggest(context: RuleContext, holder: ReturnType<typeof holderOf>): readonly Suggestion[] {
  if (holder.is === "dropped") {
    const { start } = holder;
    const message = "Declare the guard with using";
    return [{ message, edits: [{ start, end: start, text: "using _frame = " }], applicability: "machine" }];
  }
  if (holder.is !== "variable") return [];
  const { declaration } = holder.binding;
  const list = context.parents.get(declaration);
  const isAlone = list?.type === "VariableDeclaration" && one(declaration, "id")?.type === "Identifier" &&
    (list as unknown as { readonly declarations: readonly unknown[] }).declarations.length === 1;
  const word = list === undefined ? null : /^(?:const|let|var)\b/.exec(context.textOf(list));
  if (!isAlone || list === undefined || word === null) return [];
  const [start] = list.range;
  const edits = [{ start, end: start + word[0].length, text: "using" }];
  return [{ message: "Declare the guard with using", edits, applicability: "machine" }];
}
