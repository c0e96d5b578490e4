/**
 * Loops without an end that allocate without a limit.
 */

import { isFunction, keyName, many, type Node, one, text, walk } from "../core/ast.ts";
import type { AllocEvent } from "../core/events.ts";
import type { RuleContext } from "../core/context.ts";
import { calledName } from "./_places.ts";
import type { Rule } from "./rule.ts";
import { place } from "./words.ts";

/** What gives memory back, or asks how much there is. */
const ANSWERS =
  /^(?:free|freeAll|poolFree|release|dispose|evict|clear|reset|trim|rollbackTo|delete|remaining|frameRemaining|stats|usage|getUsage|budgets|outstanding)$/;
/** Names of limits. */
const LIMIT =
  /^(?:max|limit|cap)(?:[A-Z_\d]|$)|^(?:MAX|LIMIT|CAP|CAPACITY)(?:_|$)|capacity|budget|remaining|limit$|quota/i;

/** What limits an allocator as a whole. */
const LIMITED = /\b(?:memoryLimit|maxFrameBytes|setGlobal|setTag|setThreadFrameBudget)\b|\b(?:growth|source):/;

/** The rule. */
export const fa301: Rule = {
  code: "FA301",
  name: "unbounded-allocation",
  category: "budgets",
  severity: "hint",
  isDefault: true,
  summary: "An endless loop allocates and nothing limits how much",
  help: "Free what is done with, ask how much remains, open a frame per turn, or set a budget",
  explanation:
    "A loop that runs as long as messages come, or as the program does, allocates as much as somebody else wants. Without a limit " +
    "that is found out when there is no memory left.",
  bad: `import { f32, type SmartAlloc, struct } from "@framealloc/core";

const Order = struct("Order", { price: f32 });

async function collect(alloc: SmartAlloc, prices: AsyncIterable<number>): Promise<void> {
  for await (const price of prices) { // FA301
    alloc.poolAlloc(Order).price = price;
  }
}
`,
  good: `import { f32, type SmartAlloc, struct } from "@framealloc/core";

const Order = struct("Order", { price: f32 });

async function collect(alloc: SmartAlloc, prices: AsyncIterable<number>): Promise<void> {
  for await (const price of prices) {
    const order = alloc.poolAlloc(Order);
    order.price = price;
    alloc.poolFree(order);
  }
}
`,
  seeAlso: ["FA602", "FA603", "FA351"],
  create(context) {
    const byLoop = new Map<Node, AllocEvent>();
    return {
      alloc(event) {
        const { loops, memory, method, isInCall, before } = event;
        const info = loops.findLast(({ kind }) => kind === "main");
        if (info === undefined || isInCall || method.startsWith("try") || byLoop.has(info.node)) return;
        const isKept = memory === "pool" || memory === "heap" || memory === "handle";
        // Memory of a frame that was opened outside of the loop.
        const isOfFrame = memory === "frame" && before.open.length > 0 && !before.isUnknown &&
          before.resumed.length === 0;
        if (isKept || isOfFrame) byLoop.set(info.node, event);
      },
      loop({ node, info }) {
        const event = byLoop.get(node);
        if (event === undefined || info.opensFrame || isLimited(context, node, event)) return;
        const [start] = node.range;
        const body = one(node, "body");
        context.report({
          node: { type: node.type, range: [start, Math.max(start + 1, body?.range[0] ?? node.range[1])] },
          message: `${event.method}() in a loop without an end, and nothing limits how much it allocates`,
          confidence: "heuristic",
          related: [place(event.node, "allocated here")],
        });
      },
    };
  },
};

/** Whether somebody has thought of a limit: in the loop, or of the allocator as a whole. */
function isLimited(context: RuleContext, loop: Node, event: AllocEvent): boolean {
  if (LIMITED.test(context.source.text) || isToFail(context, loop)) return true;
  let isFound = false;
  walk(loop, (node) => {
    switch (node.type) {
      case "CallExpression":
        if (ANSWERS.test(calledName(node))) isFound = true;
        break;
      case "MemberExpression":
        if (text(one(node, "object") ?? node, "name") === "Math") return false;
        if (LIMIT.test(keyName(node, "property") ?? "") || ANSWERS.test(keyName(node, "property") ?? "")) {
          isFound = true;
        }
        break;
      case "Identifier":
        if (LIMIT.test(text(node, "name"))) isFound = true;
        break;
      case "VariableDeclaration":
        if (text(node, "kind").includes("using") && holds(node, event.node)) isFound = true;
        break;
      case "IfStatement":
        if (stopsAtCount(node)) isFound = true;
        break;
      case "ReturnStatement":
        // The loop is over with its first find.
        if (holds(node, event.node)) isFound = true;
        break;
      default:
    }
    return undefined;
  });
  return isFound || endsAfter(context, loop, event.node);
}

function holds(outer: Node, inner: Node): boolean {
  return outer.range[0] <= inner.range[0] && inner.range[1] <= outer.range[1];
}

/** Whether a loop can only end with an error that somebody waits for: in a `try`, or in a callback. */
function isToFail(context: RuleContext, loop: Node): boolean {
  let canEnd = loop.type === "ForOfStatement";
  walk(loop, (node) => {
    if (isFunction(node)) return false;
    if (/^(?:Break|Return|Throw)Statement$|^(?:Await|Yield)Expression$/.test(node.type)) canEnd = true;
    return undefined;
  });
  const test = one(loop, "test");
  if (canEnd || (test !== undefined && !/^(?:true|1)$/.test(context.textOf(test)))) return false;
  for (let inner = loop, at = context.parents.get(loop); at !== undefined; inner = at, at = context.parents.get(at)) {
    if (at.type === "TryStatement" && one(at, "block") === inner) return true;
    if (isFunction(at)) return context.parents.get(at)?.type === "CallExpression";
  }
  return false;
}

/** `if (++count > 1000) break`. */
function stopsAtCount(node: Node): boolean {
  const test = one(node, "test");
  const consequent = one(node, "consequent");
  if (test === undefined || consequent === undefined) return false;
  let isCompared = false;
  walk(test, (each) => {
    if (each.type === "BinaryExpression" && /^[<>]=?$/.test(text(each, "operator"))) isCompared = true;
  });
  if (!isCompared) return false;
  let isStopped = false;
  walk(consequent, (each) => {
    if (isFunction(each)) return false;
    if (/^(?:Break|Return|Throw|Continue)Statement$/.test(each.type)) isStopped = true;
    return undefined;
  });
  return isStopped;
}

/** Whether the statements after the allocation always leave the loop. */
function endsAfter(context: RuleContext, loop: Node, node: Node): boolean {
  for (let at: Node | undefined = node; at !== undefined && at !== loop; at = context.parents.get(at)) {
    const around = context.parents.get(at);
    if (around?.type !== "BlockStatement") continue;
    const statements = many(around, "body");
    const last = statements.at(-1);
    if (last !== undefined && /^(?:Break|Return|Throw)Statement$/.test(last.type)) return true;
  }
  return false;
}
