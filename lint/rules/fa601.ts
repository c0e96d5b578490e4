/**
 * Frame memory that is stored where it outlives its frame.
 */

import { isNullish, type Node, one, unwrap } from "../core/ast.ts";
import type { StoreEvent } from "../core/events.ts";
import type { RuleContext } from "../core/context.ts";
import type { Rule } from "./rule.ts";
import { allocatedAt, Named } from "./words.ts";

/** Parameters that are there to be filled. */
const TO_FILL = /^(?:out|output|dst|dest|into|target|result|results|acc)(?:[A-Z.\d]|$)/;

/** The rule. */
export const fa601: Rule = {
  code: "FA601",
  name: "frame-escape",
  category: "lifetime",
  severity: "error",
  isDefault: true,
  summary: "A value in frame memory is stored where it outlives its frame",
  help: "Store a copy, or allocate it where it lives longer: poolAlloc(), heapAlloc(), promote(), a group, a task",
  explanation:
    "All memory of a frame is free when the frame ends, and the next frame uses it again. A field, a variable outside of the " +
    "function, or a list that stays keeps the handle: whoever reads it later gets an error in the checked modes, and somebody else's " +
    "data from a raw slice.",
  bad: `import type { SmartAlloc } from "@framealloc/core";

class Agent {
  path: Float32Array | undefined;

  constructor(readonly alloc: SmartAlloc) {}

  plan(steps: number): void {
    this.path = this.alloc.frameSlice(Float32Array, steps); // FA601
  }
}
`,
  good: `import type { SmartAlloc } from "@framealloc/core";

class Agent {
  path: Float32Array | undefined;

  constructor(readonly alloc: SmartAlloc) {}

  plan(steps: number): void {
    const path = this.alloc.frameSlice(Float32Array, steps);
    path.fill(0);
    this.path = path.slice(); // a copy
  }
}
`,
  seeAlso: ["FA703", "FA605", "FA610"],
  create(context) {
    return {
      store(event) {
        const { node, views, target, home } = event;
        const view = views.find(({ site }) => site.policy === undefined);
        if (view === undefined || isToFill(event) || isReused(context, node) || isEmptiedAgain(context, node)) return;
        const where = home === "export" ? `exported as ${target}` : `stored in ${target}`;
        context.report({
          node,
          message: `${Named(view)} is ${where}, which outlives its frame`,
          related: [allocatedAt(view)],
        });
      },
    };
  },
};

function isToFill({ home, target }: StoreEvent): boolean {
  return home === "param" && TO_FILL.test(target);
}

/** `options.into = alloc.frameAllocBatch(L, n, options)`: a handle that is there to be used again. */
function isReused(context: RuleContext, node: Node): boolean {
  const left = node.type === "AssignmentExpression" ? one(node, "left") : undefined;
  return left !== undefined && /\.into$/.test(context.textOf(left));
}

/** Whether the same function empties the same field again, whatever happens in between: at its end, or in a \`finally\`. */
function isEmptiedAgain(context: RuleContext, node: Node): boolean {
  const left = node.type === "AssignmentExpression" ? one(node, "left") : undefined;
  if (left === undefined || left.type !== "MemberExpression") return false;
  const target = context.textOf(left);
  const { parents } = context;
  let statement: Node | undefined = node;
  while (statement !== undefined && !/Statement$/.test(statement.type)) statement = parents.get(statement);
  for (let at = statement; at !== undefined; at = parents.get(at)) {
    const around = parents.get(at);
    if (around === undefined || /Function|Method|Program/.test(around.type)) return false;
    if (around.type === "TryStatement") {
      const finalizer = one(around, "finalizer");
      if (
        finalizer !== undefined && finalizer !== at &&
        listOf(finalizer).some((other) => empties(context, other, target))
      ) return true;
    }
    if (around.type !== "BlockStatement") continue;
    for (const other of listOf(around)) {
      if (other.range[0] > at.range[0] && empties(context, other, target)) return true;
    }
  }
  return false;
}

function listOf(block: Node): readonly Node[] {
  return (block as unknown as { readonly body: readonly Node[] }).body;
}

function empties(context: RuleContext, statement: Node, target: string): boolean {
  const expression = one(statement, "expression");
  if (expression?.type === "UnaryExpression") return context.textOf(expression) === `delete ${target}`;
  const left = expression?.type === "AssignmentExpression" ? one(expression, "left") : undefined;
  const right = expression === undefined ? undefined : one(expression, "right");
  return left !== undefined && right !== undefined && context.textOf(left) === target && isNullish(unwrap(right));
}
