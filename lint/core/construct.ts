/**
 * Follows `new`.
 */

import { isAllocatorClass } from "./api_table.ts";
import { identifierName, isFunction, keyName, many, type Node, one, text, unwrap } from "./ast.ts";
import { isTypedArray, look } from "./builtins.ts";
import { type Args, argumentsOf, callUnknown } from "./calls.ts";
import { defer } from "./escapes.ts";
import { evaluate, fresh, useDeep, useValue } from "./expressions.ts";
import { invoke, runCallback } from "./invoke.ts";
import type { Machine } from "./machine.ts";
import { elementsOf } from "./members.ts";
import { UNKNOWN } from "./facts.ts";
import { allocOf, NOTHING, type Value } from "./values.ts";

const CONTAINERS = new Set(["Array", "Map", "Set", "WeakMap", "WeakRef", "WeakSet"]);

/** Follows `new`. */
export function construct(m: Machine, node: Node): Value {
  const callee = unwrap(one(node, "callee") ?? node);
  const value = evaluate(m, callee);
  const args = argumentsOf(m, node);
  m.mayThrow();
  const name = identifierName(callee) ??
    (callee.type === "MemberExpression" ? keyName(callee, "property") : undefined) ?? "";
  m.emit("call", {
    node: m.place(node),
    isNew: true,
    name,
    callee,
    receiver: value,
    args: args.values,
    argNodes: args.nodes,
    loops: m.loops,
    isInCall: m.level > 0,
  });
  for (const atom of value) {
    if (atom.k !== "class") continue;
    if (atom.node === undefined) return makeLibrary(m, atom.name, node, args);
    const base = m.types.libraryBase(atom.node);
    return base !== undefined && isAllocatorClass(base)
      ? makeLibrary(m, base, node, args)
      : makeOwn(m, atom.node, node, args);
  }
  const isGlobal = callee.type === "Identifier" && m.scopes.of.get(callee) === undefined;
  return isGlobal ? makeGlobal(m, name, node, args) : ignore(m, node, args);
}

/** An object of a class of the library. */
function makeLibrary(m: Machine, name: string, node: Node, args: Args): Value {
  args.values.forEach((value, i) => useValue(m, value, args.nodes[i] ?? node));
  if (!isAllocatorClass(name)) return NOTHING;
  const parts = name === "UnifiedAllocator" ? args.values.flatMap((value) => allocOf(value) ?? []) : [];
  const alloc = m.statics.alloc(
    `new@${node.range[0]}`,
    name,
    nameOf(m, node),
    node,
    parts.length > 0 ? parts : undefined,
  );
  if (name === "TaskAlloc" && m.level === 0) m.emit("owner", { node, of: "task", alloc, args: args.nodes });
  m.state.setAlloc(alloc, UNKNOWN); // whatever was so elsewhere, this one is new
  return [alloc];
}

function nameOf(m: Machine, node: Node): string {
  const text = m.source.text.slice(...node.range);
  return text.length > 40 ? `${text.slice(0, 39)}…` : text;
}

/** An object of a class of the file. */
function makeOwn(m: Machine, cls: Node, node: Node, args: Args): Value {
  const name = text(one(cls, "id") ?? cls, "name");
  const type = { t: "object", node: cls } as const;
  const obj = m.statics.object(`new@${node.range[0]}`, "local", name, type, undefined, cls);
  m.state.fill(obj, { fields: new Map(), rest: NOTHING });
  const body = one(cls, "body");
  const constructor = (body === undefined ? [] : many(body, "body")).find((member) =>
    text(member, "kind") === "constructor"
  );
  const fn = constructor === undefined ? undefined : one(constructor, "value");
  if (fn === undefined || !isFunction(fn)) {
    look(m, node, args);
    return [obj];
  }
  const outcome = invoke(m, { k: "fn", node: fn, self: [obj], bound: NOTHING }, args.values, node);
  if (outcome === undefined) look(m, node, args);
  return [obj];
}

/** An object of a class of the language or of a platform. */
function makeGlobal(m: Machine, name: string, node: Node, args: Args): Value {
  const [first = NOTHING] = args.values;
  if (CONTAINERS.has(name)) {
    useValue(m, first, args.nodes[0] ?? node);
    const obj = fresh(m, node, name);
    const rest = name === "WeakRef"
      ? first
      : name === "Map" || name === "WeakMap"
      ? elementsOf(m, elementsOf(m, first))
      : elementsOf(m, first);
    m.state.fill(obj, { fields: new Map(), rest });
    return [obj];
  }
  if (isTypedArray(name) || name === "DataView") {
    args.values.forEach((value, i) => useDeep(m, value, args.nodes[i] ?? node));
    return first.flatMap((atom) =>
      atom.k === "view" && atom.shape === "Buffer" ? [{ ...atom, shape: "TypedArray" as const }] : []
    );
  }
  if (name === "Promise") {
    runCallback(m, first, [[{ k: "special", name: "resolve" }], NOTHING], "once", args.nodes[0] ?? node);
    return NOTHING;
  }
  if (/(?:Observer|Registry|Worker|WorkletNode)$/.test(name)) {
    args.values.forEach((value, i) => defer(m, value, args.nodes[i] ?? node, name));
    return NOTHING;
  }
  return ignore(m, node, args);
}

/** Nobody knows what it is: it uses what it is given, and what it is must not be followed. */
function ignore(m: Machine, node: Node, args: Args): Value {
  callUnknown(m, node, args);
  return NOTHING;
}
