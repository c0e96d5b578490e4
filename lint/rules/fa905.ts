/**
 * A method that the library for Rust has, and this one has under two other names.
 */

import { identifierName, one, unwrap } from "../core/ast.ts";
import { allocOf } from "../core/values.ts";
import { isAllocator } from "./_declared.ts";
import type { Rule } from "./rule.ts";

const TYPED_ARRAY = /^(?:Big)?(?:Int|Uint|Float)\d+(?:Clamped)?Array$/;

/** The rule. */
export const fa905: Rule = {
  code: "FA905",
  name: "frame-alloc-slice",
  category: "rapier",
  severity: "warning",
  isDefault: true,
  summary: "frameAllocSlice() is called, which no allocator has",
  help: "Call frameAllocBatch() for records, frameSlice() for numbers",
  explanation:
    "The library for Rust had frame_alloc_slice, and much code for Rapier was written with it. Here records side by side are a batch, " +
    "and numbers are a slice.",
  bad: `import { f32, type SmartAlloc, struct } from "@framealloc/core";

const Contact = struct("Contact", { depth: f32 });

export function collect(alloc: SmartAlloc, count: number): number {
  const contacts = alloc.frameAllocSlice(Contact, count); // FA905
  return contacts.length;
}
`,
  good: `import { f32, type SmartAlloc, struct } from "@framealloc/core";

const Contact = struct("Contact", { depth: f32 });

export function collect(alloc: SmartAlloc, count: number): number {
  const contacts = alloc.frameAllocBatch(Contact, count);
  return contacts.length;
}
`,
  seeAlso: ["FA901", "FA902"],
  create(context) {
    return {
      call({ name, callee, receiver, argNodes }) {
        if (!/^(?:frameAllocSlice|frame_alloc_slice)$/.test(name) || callee.type !== "MemberExpression") return;
        const object = one(callee, "object");
        if (object === undefined || (allocOf(receiver) === undefined && !isAllocator(context, object))) return;
        const word = one(callee, "property") ?? callee;
        const [first] = argNodes;
        const isNumbers = TYPED_ARRAY.test(identifierName(first === undefined ? undefined : unwrap(first)) ?? "");
        const to = isNumbers ? "frameSlice" : "frameAllocBatch";
        const [start, end] = word.range;
        context.report({
          node: word,
          message: `There is no ${name}(): call ${to}()`,
          suggestions: [{ message: `Call ${to}()`, edits: [{ start, end, text: to }], applicability: "machine" }],
        });
      },
    };
  },
};
