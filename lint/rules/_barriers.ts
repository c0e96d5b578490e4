/**
 * What a file says of the frame barriers in it: who takes part, and who waits.
 */

import { identifierName, isFunction, many, type Node, one, raw, text, unwrap, walk } from "../core/ast.ts";
import type { RuleContext } from "../core/context.ts";
import type { Binding } from "../core/scope.ts";
import { behind, libraryName } from "./_declared.ts";
import { calledName, calledOn, functionAround, useOf } from "./_places.ts";

/** Methods by which somebody takes part. */
const WAITS = /^(?:wait|arrive|signal)/;

/** Whether a call waits at a barrier. */
export function isWait(context: RuleContext, call: Node): boolean {
  const object = WAITS.test(calledName(call)) ? calledOn(call) : undefined;
  return object !== undefined && libraryName(context, object) === "FrameBarrier";
}

/** A barrier that the file makes for a number of threads that is written down. */
export interface Barrier {
  readonly node: Node;
  readonly count: number;
  /** How many workers of this file take part; nothing if that cannot be told. */
  readonly workers: number | undefined;
  /** Whether this thread takes part. */
  readonly isHere: boolean;
}

/** The barriers that a file makes, as far as all that happens to them is in it. */
export function barriersIn(context: RuleContext): readonly Barrier[] {
  const found: Barrier[] = [];
  for (const binding of new Set(context.scopes.of.values())) {
    const init = binding.declaration.type === "VariableDeclarator" ? one(binding.declaration, "init") : undefined;
    const made = init === undefined ? undefined : unwrap(init);
    if (made?.type !== "NewExpression" || libraryName(context, made) !== "FrameBarrier") continue;
    if (one(binding.declaration, "id") !== binding.node) continue;
    const [argument] = many(made, "arguments");
    const count = argument === undefined ? undefined : numberOf(context, argument);
    const barrier = count === undefined ? undefined : participants(context, binding, made, count);
    if (barrier !== undefined) found.push(barrier);
  }
  return found;
}

function numberOf(context: RuleContext, expression: Node): number | undefined {
  const node = behind(context, expression);
  const value = node.type === "Literal" ? raw(node, "value") : undefined;
  return typeof value === "number" ? value : undefined;
}

function participants(context: RuleContext, binding: Binding, node: Node, count: number): Barrier | undefined {
  if (binding.isExported || binding.writes > 0) return undefined;
  let isHere = false;
  let posts = 0;
  const posted = new Set<Binding>();
  let isPostedToAll = false;
  for (const { node: mention } of binding.references) {
    const use = useOf(context, mention);
    if (use.is === "call") {
      if (WAITS.test(use.method)) isHere = true;
      // Whatever else is called, such as the handle that is posted, may be given to anybody.
      continue;
    }
    if (use.is === "read" || use.is === "tested") continue;
    if (use.is !== "argument") return undefined;
    if (use.method !== "postMessage") return undefined;
    posts++;
    const object = calledOn(use.call);
    const worker = object === undefined ? undefined : context.scopes.of.get(object);
    if (worker !== undefined && isOneWorker(context, worker)) posted.add(worker);
    else isPostedToAll = true;
  }
  const home = functionAround(context, binding.node);
  const all = workersIn(context, home);
  const workers = posts > 0 && !isPostedToAll ? posted.size : all;
  return { node, count, workers, isHere };
}

function isOneWorker(context: RuleContext, binding: Binding): boolean {
  const init = binding.kind === "const" ? one(binding.declaration, "init") : undefined;
  const made = init === undefined ? undefined : unwrap(init);
  return made?.type === "NewExpression" && identifierName(one(made, "callee")) === "Worker" &&
    !isRepeated(context, made);
}

/** How many workers a function makes; nothing if that is not written down. */
function workersIn(context: RuleContext, home: Node): number | undefined {
  let total = 0;
  let isKnown = true;
  walk(context.program, (node) => {
    if (node.type !== "NewExpression" || identifierName(one(node, "callee")) !== "Worker") return;
    const times = timesOf(context, node, home);
    if (times === undefined) isKnown = false;
    else total += times;
  });
  return isKnown ? total : undefined;
}

function isRepeated(context: RuleContext, node: Node): boolean {
  return timesOf(context, node, functionAround(context, node)) !== 1;
}

/** How often a node runs each time that a function does: in counted loops, and in `Array.from({ length: 2 }, …)`. */
function timesOf(context: RuleContext, node: Node, home: Node): number | undefined {
  let times = 1;
  for (let at = context.parents.get(node); at !== undefined && at !== home; at = context.parents.get(at)) {
    if (/^(?:If|While|DoWhile|ForOf|ForIn|Switch)Statement$|^(?:Conditional|Logical)Expression$/.test(at.type)) {
      return undefined;
    }
    if (at.type === "ForStatement") {
      const turns = turnsOf(context, at);
      if (turns === undefined) return undefined;
      times *= turns;
    }
    if (!isFunction(at)) continue;
    const call = context.parents.get(at);
    const [options] = call?.type === "CallExpression" && calledName(call) === "from" ? many(call, "arguments") : [];
    const length = options === undefined
      ? undefined
      : many(unwrap(options), "properties").map((each) => one(each, "value"))[0];
    const count = length === undefined ? undefined : numberOf(context, length);
    if (count === undefined) return undefined;
    times *= count;
  }
  return times;
}

function turnsOf(context: RuleContext, loop: Node): number | undefined {
  const init = one(loop, "init");
  const from = init?.type === "VariableDeclaration" ? one(many(init, "declarations")[0] ?? init, "init") : undefined;
  const test = one(loop, "test");
  const to = test?.type === "BinaryExpression" && text(test, "operator") === "<" ? one(test, "right") : undefined;
  const start = from === undefined ? undefined : numberOf(context, from);
  const end = to === undefined ? undefined : numberOf(context, to);
  return start === undefined || end === undefined ? undefined : end - start;
}
