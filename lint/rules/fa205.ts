/**
 * Frames that end before the other threads have arrived.
 */

import { isFunction, keyName, type Node, one, text, walk } from "../core/ast.ts";
import type { RuleContext } from "../core/context.ts";
import { isAllocator } from "./_declared.ts";
import { barriersIn, isWait } from "./_barriers.ts";
import { follow } from "./_flow.ts";
import { bitsOf, type Masks, withBits } from "./_masks.ts";
import { calledName, calledOn, functionAround, roots } from "./_places.ts";
import type { Rule } from "./rule.ts";

const KEY = "waited";
const NO = 2;
const YES = 4;

/** The rule. */
export const fa205: Rule = {
  code: "FA205",
  name: "end-without-barrier",
  category: "threads",
  severity: "warning",
  isDefault: true,
  summary: "A frame ends without waiting at the FrameBarrier of the file",
  help: "Call waitAll() of the barrier before the frame ends",
  explanation:
    "Threads that share frames meet at a barrier before these end. A thread that ends its frame without waiting gives out memory that " +
    "the others still read.",
  bad: `import { FrameBarrier, SmartAlloc } from "@framealloc/core";

const alloc = new SmartAlloc();
const barrier = new FrameBarrier(2);

export function tick(work: () => void): void {
  alloc.beginFrame();
  work();
  alloc.endFrame(); // FA205
  barrier.waitAll();
}
`,
  good: `import { FrameBarrier, SmartAlloc } from "@framealloc/core";

const alloc = new SmartAlloc();
const barrier = new FrameBarrier(2);

export function tick(work: () => void): void {
  alloc.beginFrame();
  work();
  barrier.waitAll();
  alloc.endFrame();
}
`,
  seeAlso: ["FA202"],
  create(context) {
    return {
      done() {
        const { text } = context.source;
        if (/\bFrameBarrier\b/.test(text) && /\bendFrame/.test(text)) check(context);
      },
    };
  },
};

function check(context: RuleContext): void {
  if (!holdsBarrier(context)) return;
  // A thread that only makes the barrier for others need not wait for them.
  const barriers = barriersIn(context);
  if (barriers.length > 0 && barriers.every(({ count, workers, isHere }) => !isHere && workers === count)) return;
  const waiting = waitingFunctions(context);
  for (const root of roots(context)) {
    if (isCalledAfterWaiting(context, root, waiting)) continue;
    follow(root, {
      visit(node, masks) {
        return node.type === "CallExpression" ? called(context, node, masks, waiting) : masks;
      },
    }, new Map([[KEY, NO]]));
  }
}

function called(context: RuleContext, node: Node, masks: Masks, waiting: ReadonlySet<string>): Masks {
  if (isWait(context, node) || waiting.has(calledName(node))) return withBits(masks, KEY, YES);
  const object = /^endFrame(?:With\w+)?$/.test(calledName(node)) ? calledOn(node) : undefined;
  if (object === undefined || !isAllocator(context, object)) return masks;
  const bits = bitsOf(masks, KEY);
  if ((bits & NO) !== 0) {
    context.report({
      node,
      message: `The frame ends ${bits === NO ? "without" : "on some way without"} waiting at the barrier`,
      confidence: bits === NO ? "certain" : "path",
    });
  }
  return masks;
}

/** Whether the file has a barrier, and does not only name the type. */
function holdsBarrier(context: RuleContext): boolean {
  for (const binding of new Set(context.scopes.of.values())) {
    const type = context.types.ofBinding(binding);
    if (type?.t === "library" && type.name === "FrameBarrier") return true;
  }
  for (const cls of context.scopes.classes) {
    const body = one(cls, "body");
    let isFound = false;
    if (body !== undefined) {
      walk(body, (node) => {
        const key = node.type === "PropertyDefinition" ? keyName(node, "key") : undefined;
        const type = key === undefined ? undefined : context.types.member({ t: "object", node: cls }, key);
        if (type?.t === "library" && type.name === "FrameBarrier") isFound = true;
      });
    }
    if (isFound) return true;
  }
  return false;
}

/** The names of functions of the file that wait. */
function waitingFunctions(context: RuleContext): ReadonlySet<string> {
  const names = new Set<string>();
  walk(context.program, (node) => {
    if (node.type !== "CallExpression" || !isWait(context, node)) return;
    const fn = functionAround(context, node);
    const name = fn === context.program ? "" : nameOf(context, fn);
    if (name !== "") names.add(name);
  });
  return names;
}

function nameOf(context: RuleContext, fn: Node): string {
  const own = text(one(fn, "id") ?? fn, "name");
  if (own !== "") return own;
  const around = context.parents.get(fn);
  if (around?.type === "VariableDeclarator") return text(one(around, "id") ?? around, "name");
  return around === undefined || isFunction(around) ? "" : keyName(around, "key") ?? "";
}

/** Whether a function of the file that waits calls this one. */
function isCalledAfterWaiting(context: RuleContext, fn: Node, waiting: ReadonlySet<string>): boolean {
  const name = fn === context.program ? "" : nameOf(context, fn);
  if (name === "" || waiting.size === 0) return false;
  let isFound = false;
  walk(context.program, (node) => {
    if (node.type !== "CallExpression" || calledName(node) !== name) return;
    const caller = functionAround(context, node);
    if (caller !== context.program && caller !== fn && waiting.has(nameOf(context, caller))) isFound = true;
  });
  return isFound;
}
