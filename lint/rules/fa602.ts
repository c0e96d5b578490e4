/**
 * Memory that is allocated piece by piece in nested loops.
 */

import { keyName, type Node, one, unwrap } from "../core/ast.ts";
import type { RuleContext } from "../core/context.ts";
import { within } from "../core/escapes.ts";
import type { LoopInfo } from "../core/events.ts";
import type { Rule } from "./rule.ts";
import { place } from "./words.ts";

/** Turns of all loops together up to which nobody has to care. */
const FEW = 100;

/** The rule. */
export const fa602: Rule = {
  code: "FA602",
  name: "loop-allocation",
  category: "lifetime",
  severity: "warning",
  isDefault: true,
  summary: "Memory is allocated one by one in nested loops",
  help: "Allocate once before the loops: a batch, columns, a frameVec, a group; or open a frame per turn",
  explanation:
    "Each allocation of the pool or the heap has to be found, booked and freed. Two loops deep that is what the time goes into, " +
    "and the number of live blocks is the product of both. One allocation of many elements costs the same as one of them.",
  bad: `import { f32, type SmartAlloc, struct } from "@framealloc/core";

const Cell = struct("Cell", { height: f32 });

function terrain(alloc: SmartAlloc, width: number, depth: number): void {
  for (let x = 0; x < width; x++) {
    for (let z = 0; z < depth; z++) {
      alloc.poolAlloc(Cell).height = x * z; // FA602
    }
  }
}
`,
  good: `import { f32, type SmartAlloc, struct } from "@framealloc/core";

const Cell = struct("Cell", { height: f32 });

function terrain(alloc: SmartAlloc, width: number, depth: number): void {
  const cells = alloc.frameVec(Cell, width * depth);
  for (let x = 0; x < width; x++) {
    for (let z = 0; z < depth; z++) {
      cells.push({ height: x * z });
    }
  }
}
`,
  seeAlso: ["FA301", "FA603"],
  create(context) {
    const few = context.config.loopAllocationLimit ?? FEW;
    return {
      alloc({ node, method, memory, effect, loops, isInCall, site }) {
        if (isInCall || effect.does !== "alloc") return;
        const made = whereMade(context, node);
        const inner = sinceFrame(loops).filter((loop) => made === undefined || !within(made, loop.node));
        const isSlow = memory === "pool" || memory === "heap" || memory === "handle";
        const innermost = inner.at(-1);
        if (innermost === undefined || inner.length < 2) return;
        const turns = inner.reduce((product, loop) => product * (loop.turns ?? Infinity), 1);
        if (turns <= few || inner.some((loop) => loop.turns !== undefined && loop.turns < 4)) return;
        const isArray = site !== undefined && effect.array === true && innermost.turns !== undefined &&
          innermost.turns > few;
        if (!isSlow && !isArray) return;
        context.report({
          node,
          message: `${method}() is called ${inner.length} loops deep`,
          confidence: "heuristic",
          related: [place(innermost.node, "the inner loop")],
        });
      },
    };
  },
};

/** The loops that count: those inside the one that opens a frame of its own, if one does; and no main loops, which only go on. */
function sinceFrame(loops: readonly LoopInfo[]): readonly LoopInfo[] {
  const opening = loops.findLastIndex(({ opensFrame }) => opensFrame);
  return loops.slice(opening + 1).filter(({ kind, countsFrames, node }) =>
    kind !== "main" && !countsFrames && isWritten(node)
  );
}

/** Where the allocator of a call is made, if it has a name in this file: the loops around that have one each. */
function whereMade(context: RuleContext, call: Node): Node | undefined {
  const callee = one(call, "callee");
  const object = callee && one(callee, "object");
  const binding = object && context.scopes.of.get(unwrap(object));
  const init = binding && one(binding.declaration, "init");
  return init !== undefined && unwrap(init).type === "NewExpression" ? init : undefined;
}

/** A loop, or `forEach`: what `map` makes is wanted one by one. */
function isWritten(node: Node): boolean {
  if (node.type !== "CallExpression") return true;
  const callee = one(node, "callee");
  return callee?.type === "MemberExpression" && keyName(callee, "property") === "forEach";
}
