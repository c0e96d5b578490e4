/**
 * Allocators of other modules.
 */

import { effectOf } from "../core/api_table.ts";
import { type Node, one } from "../core/ast.ts";
import type { CallEvent } from "../core/events.ts";
import type { RuleContext } from "../core/context.ts";
import { declared, libraryName } from "./_declared.ts";
import { modulesOf } from "./_tags.ts";
import type { Rule } from "./rule.ts";

/** The rule. */
export const fa803: Rule = {
  code: "FA803",
  name: "cross-module-alloc",
  category: "architecture",
  severity: "hint",
  isDefault: true,
  summary: "An allocator of one module allocates in another one",
  help: "Use the allocator of this module, or give both modules a tag in common",
  explanation:
    "The configuration says which files are modules with tags of their own. Memory that one of them takes from the allocator of another " +
    "ends with frames that it knows nothing of. Modules that share a tag share their allocators, and a file that belongs to no module is for all.",
  // Analysed as src/physics/solve.ts, with module_tags "src/physics" = ["physics"] and "src/render" = ["render"].
  bad: `import type { SmartAlloc } from "@framealloc/core";
import { renderAlloc } from "../render/memory.ts";

const alloc: SmartAlloc = renderAlloc;

export function solve(): number {
  using _frame = alloc.frame();
  return alloc.frameSlice(Float32Array, 64).length; // FA803
}
`,
  good: `import type { SmartAlloc } from "@framealloc/core";
import { sharedAlloc } from "../memory.ts";

const alloc: SmartAlloc = sharedAlloc;

export function solve(): number {
  using _frame = alloc.frame();
  return alloc.frameSlice(Float32Array, 64).length;
}
`,
  seeAlso: ["FA801"],
  create(context) {
    const here = modulesOf(context, context.source.filename);
    if (here.length === 0) return {};
    const tags = new Set(here.flatMap(({ tags }) => tags));
    return {
      call(event) {
        const from = allocatorFrom(context, event);
        if (from === undefined) return;
        const there = modulesOf(context, from.path);
        if (there.length === 0 || there.some(({ pattern }) => here.some((own) => own.pattern === pattern))) return;
        if (there.some((module) => module.tags.some((tag) => tag === "*" || tags.has(tag)))) return;
        context.report({
          node: event.node,
          message: `"${from.name}" is an allocator of the module "${there[0]?.pattern}", and this file belongs to "${
            here[0]?.pattern
          }"`,
        });
      },
    };
  },
};

/** The file that the allocator of an allocation is imported from. */
function allocatorFrom(
  context: RuleContext,
  { callee, name, isNew }: CallEvent,
): { readonly path: string; readonly name: string } | undefined {
  const object = isNew || callee.type !== "MemberExpression" ? undefined : one(callee, "object");
  const cls = object === undefined ? undefined : libraryName(context, object);
  if (object === undefined || cls === undefined || effectOf(cls, name)?.does !== "alloc") return undefined;
  let node: Node | undefined = object;
  for (let i = 0; i < 6 && node?.type === "Identifier"; i++) {
    const binding = context.scopes.of.get(node);
    const source = binding === undefined ? undefined : context.types.sourceOf(binding);
    if (binding !== undefined && source !== undefined) {
      return /^\.{1,2}\//.test(source)
        ? { path: resolve(context.source.filename, source), name: binding.name }
        : undefined;
    }
    node = declared(context, node).value;
  }
  return undefined;
}

/** The path of what a file imports. */
function resolve(from: string, specifier: string): string {
  const parts = from.replaceAll("\\", "/").split("/").slice(0, -1);
  for (const part of specifier.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== ".") parts.push(part);
  }
  return parts.join("/");
}
