/**
 * Queues of events that are drained, and that no step fills.
 */

import { isNullish, many, type Node, one, walk } from "../core/ast.ts";
import type { RuleContext } from "../core/context.ts";
import { calledName, calledOn, functionAround, placeOf } from "./_places.ts";
import { RAPIER_WORDS, rapierClass } from "./_rapier.ts";
import type { Rule } from "./rule.ts";
import { place } from "./words.ts";

/** The rule. */
export const fa903: Rule = {
  code: "FA903",
  name: "rapier-step-without-queue",
  category: "rapier",
  severity: "warning",
  isDefault: true,
  summary: "The world steps without the event queue that is drained",
  help: "Give the queue to step()",
  explanation:
    "A step puts its events into the queue that it is given. Without one they are lost, and draining the queue finds nothing.",
  bad: `import type { EventQueue, World } from "@dimforge/rapier3d-compat";

export function tick(world: World, events: EventQueue): void {
  world.step(); // FA903
  events.drainCollisionEvents((a, b) => console.log(a, b));
}
`,
  good: `import type { EventQueue, World } from "@dimforge/rapier3d-compat";

export function tick(world: World, events: EventQueue): void {
  world.step(events);
  events.drainCollisionEvents((a, b) => console.log(a, b));
}
`,
  seeAlso: ["FA906"],
  create(context) {
    return {
      done() {
        const { text } = context.source;
        if (RAPIER_WORDS.test(text) && /\bdrain\w*Events\b/.test(text)) check(context);
      },
    };
  },
};

function check(context: RuleContext): void {
  const steps: Node[] = [];
  const drains: { readonly node: Node; readonly queue: string }[] = [];
  const given = new Set<string>();
  walk(context.program, (node) => {
    if (node.type !== "CallExpression" && node.type !== "NewExpression") return;
    for (const argument of many(node, "arguments")) {
      const queue = placeOf(context, argument);
      if (queue !== undefined) given.add(queue);
    }
    const object = node.type === "CallExpression" ? calledOn(node) : undefined;
    if (object === undefined) return;
    const method = calledName(node);
    const [first] = many(node, "arguments");
    if (method === "step" && (first === undefined || isNullish(first)) && rapierClass(context, object) === "World") {
      steps.push(node);
    }
    if (/^drain\w*Events$/.test(method) && rapierClass(context, object) === "EventQueue") {
      const queue = placeOf(context, object);
      if (queue !== undefined) drains.push({ node, queue });
    }
  });
  // A queue that anybody is given may be filled by them.
  const dry = drains.filter(({ queue }) => !given.has(queue));
  for (const step of steps) {
    const inSame = dry.find(({ node }) => functionAround(context, node) === functionAround(context, step));
    const drain = inSame ?? dry.find(({ node, queue }) => isOwned(context, node, queue) && !isParameter(context, step));
    if (drain === undefined) continue;
    context.report({
      node: step,
      message: "The world steps without the event queue that is drained: there is never anything in it",
      confidence: inSame === undefined ? "path" : "certain",
      related: [place(drain.node, "drained here")],
    });
  }
}

/** Whether a queue is made in this file, so that all that it is given to is seen. */
function isOwned(context: RuleContext, drain: Node, queue: string): boolean {
  if (queue.startsWith("this.")) return true;
  const object = calledOn(drain);
  const binding = object === undefined ? undefined : context.scopes.of.get(object);
  return binding !== undefined && binding.kind !== "param" && !binding.isExported &&
    one(binding.declaration, "init") !== undefined;
}

/** Whether the world of a step comes from elsewhere. */
function isParameter(context: RuleContext, step: Node): boolean {
  const object = calledOn(step);
  return object !== undefined && context.scopes.of.get(object)?.kind === "param";
}
