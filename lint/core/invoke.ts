/**
 * Follows functions: callbacks where they stand, functions of the file from a call, and each function for itself.
 */

import { type Activation, newActivation } from "./activation.ts";
import { flag, many, type Node, one, text } from "./ast.ts";
import type { Exit } from "./events.ts";
import { capture, reachable } from "./escapes.ts";
import { evaluate, useDeep } from "./expressions.ts";
import { UNKNOWN } from "./facts.ts";
import type { Machine } from "./machine.ts";
import { bind } from "./patterns.ts";
import { State } from "./state.ts";
import { block, execute } from "./statements.ts";
import { allocOf, type Fn, functionsOf, NOTHING, objectsOf, type Owner, union, type Value } from "./values.ts";

/** How deep calls are followed. */
const DEEPEST = 5;

/** What came of a call. */
export interface Outcome {
  readonly value: Value;
  /** What happened to memory of the caller after the function had waited. */
  readonly crossed: Activation["crossed"];
}

/** Runs a function from a call. `node` is where that is; a function that stands in it is followed as if it were a block. */
export function invoke(m: Machine, fn: Fn, args: readonly Value[], node: Node): Outcome | undefined {
  const isLiteral = node.range[0] <= fn.node.range[0] && fn.node.range[1] <= node.range[1];
  const isBusy = m.active.node === fn.node || m.callers.some((activation) => activation.node === fn.node) ||
    isRunning(m.active, fn.node);
  if (isBusy || m.callers.length >= DEEPEST || m.isOutOfSteps || m.state.isDead) return undefined;
  if (!isLiteral && !isWorthIt(m, fn, args)) return undefined;
  if (isLiteral) m.followed.add(fn.node);
  const caller = m.active;
  const isAsync = flag(fn.node, "async");
  const isGenerator = flag(fn.node, "generator");
  const active = newActivation(
    fn.node,
    isLiteral ? "literal" : "named",
    fn.self,
    isLiteral ? caller : undefined,
    isAsync,
    isGenerator,
  );
  const { anchor, owner } = m;
  if (!isLiteral) {
    m.anchor ??= node;
    m.owner = calledFrom(owner, node);
    m.callers.push(caller);
    m.level++;
  }
  m.active = active;
  const value = run(m, fn, args);
  const { crossed, firstSuspend } = active;
  m.active = caller;
  m.state.forget(
    m.state.variablesOf(fn.node).filter(({ references }) => references.every(({ fn: user }) => user === fn.node)),
  );
  if (!isLiteral) {
    m.level--;
    m.callers.pop();
    m.anchor = anchor;
    m.owner.isOpen = false;
  }
  // The caller of an async function goes on where that waits for the first time; a generator has not even begun.
  if ((isAsync || isGenerator) && firstSuspend !== undefined) m.state = firstSuspend;
  if (isAsync && !isLiteral) m.forgetFramesOf(m.owner); // it ends them itself, at some time
  const result = isAsync || isGenerator ? NOTHING : value;
  if (!isLiteral) {
    m.state.sweep(m.owner, result);
    m.owner = owner;
  }
  return { value: result, crossed: isLiteral ? [] : crossed };
}

/** Whose doing is what happens in a call: the same call is the same one each time. */
function calledFrom(owner: Owner, call: Node): Owner {
  let called = owner.calls.get(call);
  if (called === undefined) owner.calls.set(call, called = { isRoot: false, call, calls: new Map(), isOpen: true });
  called.isOpen = true;
  return called;
}

function isRunning(active: Activation, node: Node): boolean {
  for (let at: Activation | undefined = active; at !== undefined; at = at.parent) if (at.node === node) return true;
  return false;
}

/** Whether following a call can show anything: it is given, or has taken, something that is followed. */
function isWorthIt(m: Machine, fn: Fn, args: readonly Value[]): boolean {
  if (m.hot.has(fn.node)) return true;
  if (args.some((arg) => arg.some(({ k }) => k === "fn" || k === "guard") || reachable(m, arg).length > 0)) return true;
  if (
    reachable(m, fn.bound).length > 0 || fn.self.some((atom) => atom.k === "obj" && reachable(m, [atom]).length > 0)
  ) return true;
  for (const binding of m.scopes.captures.get(fn.node) ?? []) {
    const value = m.state.get(binding);
    if (value !== undefined && reachable(m, value).length > 0) return true;
  }
  return false;
}

/** Runs the body of a function in the activation that was made for it. */
function run(m: Machine, fn: Fn, args: readonly Value[]): Value {
  const { node } = fn;
  many(node, "params").forEach((param, i) => {
    if (param.type === "RestElement") {
      let rest: Value = NOTHING;
      for (const arg of args.slice(i)) rest = union(rest, arg);
      const obj = m.statics.object(`r${param.range[0]}`, "local", "arguments", undefined, undefined, param);
      m.state.fill(obj, { fields: new Map(), rest });
      bind(m, param, [obj]);
      return;
    }
    const given = args[i];
    bind(m, param, given ?? NOTHING);
    if (given === undefined || given.length === 0) forgetFrameOf(m, param);
    if (param.type === "TSParameterProperty" && given !== undefined && given.length > 0) {
      const name = text(one(param, "parameter") ?? param, "name");
      for (const self of objectsOf(fn.self)) if (name !== "") m.state.put(self, name, given);
    }
  });
  return body(m, node);
}

/** Nobody knows which allocator a parameter is that was given nothing known, nor whether its frame is open. */
function forgetFrameOf(m: Machine, param: Node): void {
  const name = param.type === "AssignmentPattern" ? one(param, "left") ?? param : param;
  const binding = m.scopes.of.get(name);
  const alloc = binding === undefined ? undefined : allocOf(m.statics.ofBinding(binding, true));
  if (alloc !== undefined) m.state.setAlloc(alloc, UNKNOWN);
}

function body(m: Machine, node: Node): Value {
  const { completions } = m.active;
  const inner = one(node, "body");
  if (inner === undefined) return NOTHING;
  if (inner.type !== "BlockStatement") {
    const value = evaluate(m, inner);
    if (!m.state.isDead) {
      completions.push({ how: "return", label: undefined, node: inner, value, state: m.state.fork() });
    }
  } else {
    execute(m, inner);
    if (!m.state.isDead) {
      completions.push({ how: "return", label: undefined, node, value: NOTHING, state: m.state.fork() });
    }
  }
  let value: Value = NOTHING;
  let after: State | undefined;
  for (const completion of completions) {
    if (completion.how !== "return") continue;
    value = union(value, completion.value);
    if (m.active.kind === "literal" && m.active.isAsync && completion.value.length > 0) {
      leave(m, completion.node, completion.value, completion.state);
    }
    after = State.join(after, completion.state);
  }
  m.state = after ?? State.join(undefined, undefined);
  return value;
}

/** Memory, or a function that uses it, is what a function returns. */
export function leave(m: Machine, node: Node, value: Value, state: State): void {
  const before = m.state;
  m.state = state;
  const { isAsync } = m.active;
  const views = reachable(m, value).filter(({ site, shape }) =>
    shape !== "Maybe" && !m.isForeign(site.owner) && !m.state.site(site).isExempt
  );
  const ended = isAsync ? [] : views.flatMap((view) => {
    const { ended, isLive } = m.state.site(view.site);
    const mark = m.possible(ended)[0];
    return mark === undefined || !m.isFirst(view.site, mark) ? [] : [{ view, mark, isCertain: !isLive }];
  });
  if (views.length > 0) m.emit("leave", { node, views, how: "return", isAsync, ended });
  for (const fn of returnedFunctions(m, value)) capture(m, fn, fn.node, "returned", "the caller");
  m.state = before;
}

function returnedFunctions(m: Machine, value: Value): readonly Fn[] {
  const found = [...functionsOf(value)];
  for (const obj of objectsOf(value)) {
    if (obj.home !== "local") continue;
    const { fields, rest } = m.contents(obj);
    for (const field of [...fields.values(), rest]) found.push(...functionsOf(field));
  }
  return found;
}

/** Looks at a function for itself: nobody knows who calls it, and when. */
export function runAlone(m: Machine, node: Node, self: Value): void {
  const isProgram = node === m.program;
  m.state = new State();
  m.owner = { isRoot: true, call: undefined, calls: new Map(), isOpen: true };
  m.escaped.clear();
  m.active = newActivation(node, "root", self, undefined, isProgram || flag(node, "async"), flag(node, "generator"));
  if (isProgram) {
    block(m, many(node, "body"), node);
    return finish(m, node);
  }
  for (const param of many(node, "params")) bind(m, param, NOTHING);
  const inner = one(node, "body");
  if (inner === undefined) return;
  if (inner.type === "BlockStatement") execute(m, inner);
  else {
    const value = evaluate(m, inner);
    m.active.completions.push({ how: "return", label: undefined, node: inner, value, state: m.state.fork() });
    m.state.isDead = true;
  }
  finish(m, node);
}

/** Says what leaves a function, on all ways out of it. */
function finish(m: Machine, node: Node): void {
  const exits: Exit[] = [...m.active.turns];
  for (const { how, node: at, value, state } of m.active.completions) {
    if (how !== "return" && how !== "throw") continue;
    exits.push({ how, node: at, value, frames: m.framesAt(state) });
    if (how === "return" && value.length > 0) leave(m, at, value, state);
  }
  if (!m.state.isDead) exits.push({ how: "end", node, value: NOTHING, frames: m.framesAt(m.state) });
  m.emit("exit", { node, exits, endedBegins: m.active.endedBegins });
}

/** Calls functions that are given to something which calls them before it returns. */
export function runCallback(
  m: Machine,
  value: Value,
  args: readonly Value[],
  how: "once" | "many" | "maybe",
  node: Node,
  call: Node = node,
): Value {
  let result: Value = NOTHING;
  for (const fn of functionsOf(value)) {
    const before = m.state.fork();
    // Nobody knows when an async function is called that is given to somebody: the frame that is open here need not be open there.
    if (how === "maybe" && flag(fn.node, "async")) {
      for (const alloc of m.state.allocs) m.state.setAlloc(alloc, UNKNOWN);
    }
    const once = () => {
      if (how === "maybe") m.offered.push(fn.node);
      const outcome = invoke(m, fn, args, node);
      if (how === "maybe") m.offered.pop();
      if (outcome === undefined) return;
      result = union(result, outcome.value);
      if (outcome.crossed.length > 0) {
        result = union(result, [{ k: "pending", node, views: outcome.crossed, isSure: true }]);
      }
    };
    if (how === "many") {
      m.active.loops.push({
        node: call,
        kind: "counted",
        countsFrames: false,
        turns: undefined,
        level: m.level,
        opensFrame: false,
        suspends: false,
        bare: [],
      });
      once();
      if (!m.state.isDead) {
        m.state = State.join(before, m.state);
        const head = m.state.fork();
        once();
        m.state = State.join(head, m.state);
      }
      m.active.loops.pop();
    } else once();
    if (how !== "once" || m.state.isDead) m.state = State.join(before, m.state);
  }
  return result;
}

/** A function is given to somebody who may call it or not: nobody knows. */
export function offer(m: Machine, value: Value, node: Node): void {
  useDeep(m, value, node);
  if (functionsOf(value).length === 0) return;
  const before = m.state.fork();
  runCallback(m, value, [], "maybe", node);
  for (const alloc of m.state.allocs) {
    if (m.state.alloc(alloc) !== before.alloc(alloc)) m.state.setAlloc(alloc, UNKNOWN);
  }
}
