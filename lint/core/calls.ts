/**
 * Follows calls: of functions of the file, of methods of allocators, memory and objects, and of all that nobody knows.
 */

import { flag, identifierName, isFunction, keyName, many, type Node, one, unwrap } from "./ast.ts";
import { callAlloc, callGuard, callView, isMethodOfAllocators } from "./api_calls.ts";
import { callGlobal, callStatic, isKnownGlobal, settle } from "./builtins.ts";
import { defer, reachable } from "./escapes.ts";
import { evaluate, useDeep, useValue } from "./expressions.ts";
import { invoke, offer, runCallback } from "./invoke.ts";
import type { Machine } from "./machine.ts";
import { callOfClass, callOfFunction } from "./function_calls.ts";
import { fieldIn } from "./members.ts";
import { callContainer } from "./containers.ts";
import { type Fn, functionsOf, has, NOTHING, type Obj, union, type Value } from "./values.ts";

export { construct } from "./construct.ts";

/** The arguments of a call, evaluated. */
export interface Args {
  readonly values: readonly Value[];
  readonly nodes: readonly Node[];
}

/** Methods that run what they are given later. */
const LATER = new Set([
  "addEventListener",
  "addListener",
  "addSignalListener",
  "catch",
  "defer",
  "finally",
  "nextTick",
  "on",
  "once",
  "postTask",
  "prependListener",
  "queueMicrotask",
  "requestAnimationFrame",
  "requestIdleCallback",
  "setImmediate",
  "setInterval",
  "setTimeout",
  "subscribe",
  "then",
]);

/** Methods that call what they are given for each element, before they return. */
export const EACH = new Set([
  "every",
  "filter",
  "find",
  "findIndex",
  "findLast",
  "findLastIndex",
  "flatMap",
  "forEach",
  "map",
  "reduce",
  "reduceRight",
  "some",
  "sort",
  "toSorted",
]);

/** Follows the arguments of a call. */
export function argumentsOf(m: Machine, node: Node): Args {
  const nodes = many(node, "arguments");
  return { nodes, values: nodes.map((arg) => evaluate(m, arg)) };
}

/** Follows a call. */
export function call(m: Machine, node: Node): Value {
  const callee = unwrap(one(node, "callee") ?? node);
  if (callee.type === "MemberExpression") {
    const object = one(callee, "object");
    if (object === undefined) return NOTHING;
    const receiver = evaluate(m, object);
    const property = one(callee, "property");
    const key = keyName(callee, "property");
    if (flag(callee, "computed") && key === undefined && property !== undefined) {
      useValue(m, evaluate(m, property), property);
    }
    const args = argumentsOf(m, node);
    m.mayThrow();
    announce(m, node, key ?? "", callee, receiver, args);
    return callMethod(m, { node, callee, object, receiver, key: key ?? "", args });
  }
  if (isFunction(callee)) {
    const args = argumentsOf(m, node);
    const fn: Fn = {
      k: "fn",
      node: callee,
      self: callee.type === "ArrowFunctionExpression" ? m.active.self : NOTHING,
      bound: NOTHING,
    };
    return invoke(m, fn, args.values, node)?.value ?? NOTHING;
  }
  const value = callee.type === "Super" ? NOTHING : evaluate(m, callee);
  const args = argumentsOf(m, node);
  m.mayThrow();
  const name = identifierName(callee) ?? "";
  announce(m, node, name, callee, NOTHING, args);
  return callFunction(m, node, callee, name, value, args);
}

function announce(m: Machine, node: Node, name: string, callee: Node, receiver: Value, args: Args): void {
  m.emit("call", {
    node: m.place(node),
    isNew: false,
    name,
    callee,
    receiver,
    args: args.values,
    argNodes: args.nodes,
    loops: m.loops,
    isInCall: m.level > 0,
  });
}

function callFunction(m: Machine, node: Node, callee: Node, name: string, value: Value, args: Args): Value {
  if (isGlobal(m, callee) && isKnownGlobal(name)) return callGlobal(m, name, node, args);
  if (/^(?:assert(?:Throws|Rejects)|throws|rejects|expect)$/.test(name)) return NOTHING; // what is tried there is to fail
  let result: Value = NOTHING;
  let isKnown = false;
  for (const atom of value) {
    if (atom.k === "fn") {
      const outcome = callKnown(m, atom, args, node);
      if (outcome === undefined) continue;
      isKnown = true;
      result = union(result, outcome);
    } else if (atom.k === "special") {
      isKnown = true;
      result = union(result, callSpecial(m, atom.name, node, args));
    }
  }
  if (!isKnown && isLater(name)) {
    args.values.forEach((value, i) => defer(m, value, args.nodes[i] ?? node, name));
    return NOTHING;
  }
  return isKnown ? typed(m, node, name, result) : union(known(m, node, name), callUnknown(m, node, args));
}

/** What a function returns may be an allocator by its type, whatever it is made of. */
function typed(m: Machine, node: Node, name: string, result: Value): Value {
  if (has(result, "alloc") || has(result, "view") || has(result, "guard")) return result;
  const more = known(m, node, name);
  return has(more, "alloc") ? more : result;
}

/** Whether a name is not one of the file: nobody declares it, or only says that it is there, or it comes with the platform. */
export function isGlobal(m: Machine, node: Node): boolean {
  if (node.type !== "Identifier") return false;
  const binding = m.scopes.of.get(node);
  if (binding === undefined || binding.declaration.type === "TSDeclareFunction") return true;
  return binding.kind === "import" && /^(?:node:)?timers$/.test(m.types.sourceOf(binding) ?? "");
}

/** Runs a function of the file; nothing if it is not followed. */
export function callKnown(m: Machine, fn: Fn, args: Args, node: Node): Value | undefined {
  const values = fn.bound.length > 0 ? [fn.bound, ...args.values] : args.values;
  const outcome = invoke(m, fn, values, node);
  if (outcome === undefined) return undefined;
  const { value, crossed } = outcome;
  return crossed.length === 0 ? value : union(value, [{ k: "pending", node, views: crossed, isSure: true }]);
}

function callSpecial(m: Machine, name: string, node: Node, args: Args): Value {
  if (name !== "resolve") return callUnknown(m, node, args);
  settle(m, args, node);
  return NOTHING;
}

/** What is known of the result of a function that is not followed: that it is an allocator, or an object that holds one. */
export function known(m: Machine, node: Node, name: string): Value {
  const callee = unwrap(one(node, "callee") ?? node);
  if (callee.type === "Identifier" && m.scopes.of.get(callee) === undefined) return NOTHING;
  const type = m.types.ofExpression(node);
  if (type === undefined || type.t === "function" || type.t === "list") return NOTHING;
  const key = `f:${m.source.text.slice(...(one(node, "callee") ?? node).range)}`;
  const of = type.t === "promise" ? type.of : type;
  return of === undefined ? NOTHING : m.statics.ofType(of, () => key, name, () => "local") ?? NOTHING;
}

/** A function that nobody knows uses what it is given, and may give back a promise that still needs it. */
export function callUnknown(m: Machine, node: Node, args: Args): Value {
  if (args.values.every((value) => value.length === 0)) return NOTHING;
  args.values.forEach((value, i) => {
    const at = args.nodes[i] ?? node;
    if (value.length === 0) return;
    if (functionsOf(value).length > 0) offer(m, value, at);
    else useDeep(m, value, at);
    for (const atom of value) if (atom.k === "alloc") m.forgetFrame(atom);
  });
  const views = args.values.flatMap((value) => value.flatMap((atom) => atom.k === "fn" ? [] : reachable(m, [atom], 2)))
    .filter(({ shape, site }) => shape !== "Maybe" && !m.state.site(site).isExempt);
  return views.length === 0 ? NOTHING : [{ k: "pending", node, views, isSure: false }];
}

/** A call of a method. */
export interface MethodCall {
  readonly node: Node;
  readonly callee: Node;
  readonly object: Node;
  readonly receiver: Value;
  readonly key: string;
  readonly args: Args;
}

function callMethod(m: Machine, it: MethodCall): Value {
  const { node, object, key, args } = it;
  let { receiver } = it;
  const guessed = guess(m, it);
  receiver = guessed ?? oneAlloc(m, receiver);
  const global = identifierName(unwrap(object));
  if (receiver.length === 0 && global !== undefined && m.scopes.of.get(unwrap(object)) === undefined) {
    const result = callStatic(m, global, key, node, args);
    if (result !== undefined) return result;
  }
  let result: Value = NOTHING;
  let isKnown = false;
  for (const atom of receiver) {
    let part: Value | undefined;
    switch (atom.k) {
      case "alloc":
        part = callAlloc(m, atom, it);
        break;
      case "guard":
        part = callGuard(m, atom, it);
        break;
      case "view":
        part = callView(m, atom, it);
        break;
      case "obj":
        part = callObject(m, atom, it);
        break;
      case "fn":
        part = callOfFunction(m, atom, it);
        break;
      case "class":
        part = callOfClass(m, atom.node, it);
        break;
      default:
    }
    if (part === undefined) continue;
    isKnown = true;
    result = union(result, part);
  }
  if (isKnown) return result;
  return callNobody(m, it, receiver);
}

/** A method of something that nobody knows. */
function callNobody(m: Machine, { node, key, args }: MethodCall, receiver: Value): Value {
  if (isLater(key)) {
    args.values.forEach((value, i) => defer(m, value, args.nodes[i] ?? node, key));
    return receiver.filter((atom) => atom.k === "pending");
  }
  if (EACH.has(key)) {
    args.values.forEach((value, i) => useDeep(m, value, args.nodes[i] ?? node));
    const result = args.nodes.map((arg, i) => runCallback(m, args.values[i] ?? NOTHING, [], "many", arg, node));
    return listOf(m, node, result.reduce(union, NOTHING));
  }
  return union(known(m, node, key), callUnknown(m, node, args));
}

/** A list with something in it. */
export function listOf(m: Machine, node: Node, rest: Value): Value {
  if (rest.length === 0) return NOTHING;
  const obj = m.statics.object(`m${node.range[0]}:${node.range[1]}`, "local", "list", undefined, undefined, node);
  m.state.fill(obj, { fields: new Map(), rest });
  return [obj];
}

/** Whether a method runs what it is given later. */
export function isLater(key: string): boolean {
  return LATER.has(key) || /^on[A-Z]/.test(key);
}

/** A variable that may be one of several allocators is taken for one that is none of them: its frames are its own. */
function oneAlloc(m: Machine, receiver: Value): Value {
  const allocs = receiver.filter((atom) => atom.k === "alloc");
  const [first] = allocs;
  if (first === undefined || allocs.length === 1) return receiver;
  const key = allocs.map(({ key }) => key).sort().join("|");
  return [...receiver.filter(({ k }) => k !== "alloc"), m.statics.alloc(key, first.cls, first.name)];
}

/** With the type checker, or by a name if that is asked for: what else is an allocator. */
function guess(m: Machine, { object, receiver, key }: MethodCall): Value | undefined {
  if (has(receiver, "alloc") || has(receiver, "view") || has(receiver, "guard")) return undefined;
  if ((m.kindOf === undefined && !m.isStrict) || !isMethodOfAllocators(key)) return undefined;
  const name = m.source.text.slice(...object.range);
  const cls = m.kindOf?.(object.range[0], object.range[1]);
  if (cls !== undefined) return [m.statics.alloc(`t:${name}`, cls, name)];
  if (!m.isStrict || !/alloc(?:ator)?$/i.test(name)) return undefined;
  return [m.statics.alloc(`t:${name}`, "SmartAlloc", name)];
}

function callObject(m: Machine, obj: Obj, it: MethodCall): Value | undefined {
  const { key, node, args } = it;
  const type = m.types.member(obj.type, key);
  const method = type?.t === "function" && isFunction(type.node) ? type.node : undefined;
  if (method !== undefined) {
    const fn: Fn = { k: "fn", node: method, self: [obj], bound: NOTHING };
    const result = callKnown(m, fn, args, node);
    if (result !== undefined) return typed(m, node, key, result);
    return union(known(m, node, key), callUnknown(m, node, args));
  }
  const inside = key === "" ? NOTHING : fieldIn(m, obj, key);
  if (has(inside, "special")) return callSpecial(m, "resolve", node, args);
  const field = inside.filter((atom) => atom.k === "fn");
  if (field.length > 0 && field.length < 4) {
    let result: Value | undefined;
    for (const fn of functionsOf(field)) {
      const self: Value = fn.self.length > 0 ? fn.self : [obj];
      const part = callKnown(m, { ...fn, self }, args, node);
      if (part !== undefined) result = union(result ?? NOTHING, part);
    }
    return result ?? callUnknown(m, node, args);
  }
  return callContainer(m, obj, it);
}
