/**
 * Follows loops twice: the second time knows what the first has left behind.
 */

import { flag, isFunction, many, type Node, one, raw, text, unwrap } from "./ast.ts";
import type { LoopInfo } from "./events.ts";
import { evaluate, useValue } from "./expressions.ts";
import { within } from "./escapes.ts";
import { isAlways, refine } from "./flow.ts";
import type { Machine } from "./machine.ts";
import { elementsOf } from "./members.ts";
import { assign, bind } from "./patterns.ts";
import { State } from "./state.ts";
import { execute, forget, land } from "./statements.ts";
import { NOTHING, type Value } from "./values.ts";

/** Names of what a program looks at to know whether it is to go on. */
const GOING_ON = /run|alive|active|playing|quit|exit|stop|shutdown|abort|done|open|closed|over|should|keep|loop/i;

/** Follows a loop. */
export function runLoop(m: Machine, node: Node, labels: readonly string[]): void {
  const info: LoopInfo = {
    node,
    kind: kindOf(node),
    countsFrames: countsFrames(node),
    turns: turnsOf(m, node),
    level: m.level,
    opensFrame: false,
    suspends: false,
    bare: [],
  };
  const from = m.active.completions.length;
  const init = one(node, "init");
  if (init !== undefined) init.type === "VariableDeclaration" ? execute(m, init) : evaluate(m, init);
  const isOver = node.type === "ForOfStatement" || node.type === "ForInStatement";
  const right = isOver ? one(node, "right") : undefined;
  const whole = right === undefined ? NOTHING : evaluate(m, right);
  m.active.loops.push(info);
  let head = m.state;
  let exit: State | undefined;
  // Loops in loops in loops double each time: at some depth once has to do.
  const passes = m.steps > 4 * m.mostSteps ? 1 : 2;
  for (let pass = 0; pass < passes; pass++) {
    m.state = head.fork();
    const after = turn(m, node, { isOver, right, whole, labels, from });
    exit = State.join(exit, after);
    if (m.state.isDead) break;
    if (pass === 0) head = State.join(head, m.state);
  }
  m.active.loops.pop();
  m.state = exit ?? State.join(undefined, undefined);
  land(m, from, ({ how, label }) => how === "break" && label === undefined);
  forget(m, node, from);
  m.emit("loop", { node, info });
}

interface Turn {
  readonly isOver: boolean;
  readonly right: Node | undefined;
  readonly whole: Value;
  readonly labels: readonly string[];
  readonly from: number;
}

/** One turn; returns what is so if the loop ends after it, or before. */
function turn(m: Machine, node: Node, { isOver, right, whole, labels, from }: Turn): State | undefined {
  const test = one(node, "test");
  const body = one(node, "body");
  const update = one(node, "update");
  let exit: State | undefined;
  if (node.type !== "DoWhileStatement") {
    if (node.type === "ForOfStatement" && flag(node, "await")) m.suspend(node, "for await");
    if (isOver && right !== undefined) useValue(m, whole, right);
    if (test !== undefined) evaluate(m, test);
    if (isOver || !isAlways(test)) exit = m.state.fork();
    if (isOver) take(m, node, whole);
    if (test !== undefined) refine(m, test, true);
  }
  const facts = m.state.facts;
  if (body !== undefined) execute(m, body);
  for (const { how, label, node: at, state } of m.active.completions.slice(from)) {
    if (how !== "continue" || (label !== undefined && !labels.includes(label)) || body === undefined) continue;
    const frames = [...m.framesAt(state)].filter(([, { open }]) => open.some((mark) => within(mark.node, body)));
    if (frames.length > 0) m.active.turns.push({ how: "next", node: at, value: NOTHING, frames: new Map(frames) });
  }
  land(m, from, ({ how, label }) => how === "continue" && (label === undefined || labels.includes(label)));
  if (m.state.isDead) return exit;
  m.state.facts = facts;
  if (update !== undefined) evaluate(m, update);
  if (node.type === "DoWhileStatement") {
    if (test !== undefined) evaluate(m, test);
    if (!isAlways(test)) exit = m.state.fork();
  }
  return exit;
}

/** Takes the next element. */
function take(m: Machine, node: Node, whole: Value): void {
  const left = one(node, "left");
  if (left === undefined) return;
  const value = node.type === "ForInStatement" ? NOTHING : elementsOf(m, whole);
  if (left.type !== "VariableDeclaration") return assign(m, unwrap(left), value, left);
  const pattern = many(left, "declarations").map((declarator) => one(declarator, "id"))[0];
  if (pattern !== undefined) bind(m, pattern, value);
}

function kindOf(node: Node): LoopInfo["kind"] {
  if (node.type === "ForOfStatement") return flag(node, "await") ? "main" : "counted";
  if (node.type === "ForInStatement") return "counted";
  const test = one(node, "test");
  if (isAlways(test)) return "main";
  if (node.type === "ForStatement") return "counted";
  return test !== undefined && goesOn(unwrap(test)) ? "main" : "while";
}

/** Whether a loop counts frames by its own words. */
function countsFrames(node: Node): boolean {
  const init = one(node, "init");
  const first = init === undefined ? undefined : many(init, "declarations")[0];
  return /^(?:frame|tick)/i.test(text((first && one(first, "id")) ?? node, "name"));
}

/** Whether a condition asks if the program is to go on, and not for something that the loop itself uses up. */
function goesOn(test: Node): boolean {
  switch (test.type) {
    case "Identifier":
      return GOING_ON.test(text(test, "name"));
    case "MemberExpression":
      return GOING_ON.test(text(one(test, "property") ?? test, "name"));
    case "UnaryExpression": {
      const argument = one(test, "argument");
      return argument !== undefined && goesOn(unwrap(argument));
    }
    case "CallExpression": {
      const callee = one(test, "callee");
      return callee !== undefined && !isFunction(callee) && goesOn(unwrap(callee));
    }
    default:
      return false;
  }
}

/** How many turns `for (let i = 0; i < 1000; i++)` and `for (const x of [a, b, c])` have. */
function turnsOf(m: Machine, node: Node): number | undefined {
  if (node.type === "ForOfStatement") {
    let list = one(node, "right");
    const binding = list === undefined ? undefined : m.scopes.of.get(unwrap(list));
    if (binding?.kind === "const" && binding.declaration.type === "VariableDeclarator") {
      list = one(binding.declaration, "init");
    }
    const array = list === undefined ? undefined : unwrap(list);
    return array?.type === "ArrayExpression" ? many(array, "elements").length : undefined;
  }
  const test = node.type === "ForStatement" ? one(node, "test") : undefined;
  const limit = test?.type === "BinaryExpression" && /^<=?$/.test(text(test, "operator"))
    ? one(test, "right")
    : undefined;
  if (limit === undefined) return undefined;
  const binding = m.scopes.of.get(unwrap(limit));
  const constant = binding?.kind === "const" && binding.declaration.type === "VariableDeclarator"
    ? one(binding.declaration, "init")
    : limit;
  const value = constant === undefined ? undefined : raw(unwrap(constant), "value");
  return typeof value === "number" ? value : undefined;
}
