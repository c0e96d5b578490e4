/**
 * What the language and its platforms have: what copies, what only looks, what runs later.
 */

import type { Node } from "./ast.ts";
import { type Args, callUnknown, isLater, listOf } from "./calls.ts";
import { assignAll } from "./containers.ts";
import { defer, reachable } from "./escapes.ts";
import { useDeep, useValue } from "./expressions.ts";
import { runCallback } from "./invoke.ts";
import type { Machine } from "./machine.ts";
import { elementsOf } from "./members.ts";
import { NOTHING, type Obj, union, type Value } from "./values.ts";

const TIMERS = new Set([
  "queueMicrotask",
  "requestAnimationFrame",
  "requestIdleCallback",
  "setImmediate",
  "setInterval",
  "setTimeout",
]);

const COPIES = new Set([
  "BigInt",
  "Boolean",
  "Number",
  "String",
  "Symbol",
  "alert",
  "clearInterval",
  "clearTimeout",
  "isFinite",
  "isNaN",
  "parseFloat",
  "parseInt",
  "print",
  "structuredClone",
]);

const LOOKS = new Set(["Atomics", "JSON", "Math", "Number", "String", "Symbol", "console", "performance"]);
const TYPED_ARRAY = /^(?:Big)?(?:Int|Uint|Float)\d+(?:Clamped)?Array$/;

/** Whether a global function is known. */
export function isKnownGlobal(name: string): boolean {
  return TIMERS.has(name) || COPIES.has(name);
}

/** Whether a name is that of a typed array. */
export function isTypedArray(name: string): boolean {
  return TYPED_ARRAY.test(name);
}

/** Calls a global function. */
export function callGlobal(m: Machine, name: string, node: Node, args: Args): Value {
  if (TIMERS.has(name)) args.values.forEach((value, i) => defer(m, value, args.nodes[i] ?? node, name));
  else look(m, node, args);
  return NOTHING;
}

/** Uses everything, and keeps nothing. */
export function look(m: Machine, node: Node, args: Args): Value {
  args.values.forEach((value, i) => {
    useDeep(m, value, args.nodes[i] ?? node);
    runCallback(m, value, [], "maybe", args.nodes[i] ?? node);
  });
  return NOTHING;
}

/** Calls a method of a global object; nothing if it is not known. */
export function callStatic(m: Machine, object: string, key: string, node: Node, args: Args): Value | undefined {
  const [first = NOTHING] = args.values;
  switch (object) {
    case "Object":
      return callObjectStatic(m, key, node, args);
    case "Array":
      return callArray(m, key, node, args);
    case "Promise": {
      if (key === "withResolvers") return [resolvers(m, node)];
      if (key === "resolve") settle(m, args, node);
      // What was given to what is waited for is still needed, however many promises are between.
      const pending = args.values.flatMap((value) =>
        value.flatMap((atom) => {
          if (atom.k === "pending") return [atom];
          return atom.k === "obj" ? elementsOf(m, [atom]).filter((inner) => inner.k === "pending") : [];
        })
      );
      const views = key === "resolve" ? reachable(m, first) : [];
      return views.length === 0 ? pending : [...pending, { k: "pending", node, views, isSure: false }];
    }
    case "Deno":
    case "process":
      if (!isLater(key)) return undefined;
      args.values.forEach((value, i) => defer(m, value, args.nodes[i] ?? node, `${object}.${key}`));
      return NOTHING;
    case "Buffer":
      if (key !== "from") return look(m, node, args);
      useValue(m, first, args.nodes[0] ?? node);
      return first.flatMap((atom) =>
        atom.k === "view" && atom.shape === "Buffer" ? [{ ...atom, shape: "TypedArray" as const }] : []
      );
    default:
      if (LOOKS.has(object) || TYPED_ARRAY.test(object)) return look(m, node, args);
      return isLater(key) ? undefined : callUnknown(m, node, args);
  }
}

/** What settles a promise is given memory of a frame. */
export function settle(m: Machine, args: Args, node: Node): void {
  const views = args.values.flatMap((value) => reachable(m, value)).filter(({ site, shape }) =>
    shape !== "Maybe" && !m.isForeign(site.owner)
  );
  if (views.length > 0) m.emit("leave", { node: m.place(node), views, how: "settle", isAsync: false, ended: [] });
}

/** A promise with what settles it beside it. */
function resolvers(m: Machine, node: Node): Obj {
  const obj = m.statics.object(`w${node.range[0]}`, "local", "resolvers", undefined, undefined, node);
  m.state.fill(obj, { fields: new Map([["resolve", [{ k: "special", name: "resolve" }]]]), rest: NOTHING });
  return obj;
}

/** Calls a method of `Object`. */
function callObjectStatic(m: Machine, key: string, node: Node, args: Args): Value {
  const [first = NOTHING, ...others] = args.values;
  if (key === "assign") return assignAll(m, first, others, { node });
  if (key === "freeze" || key === "seal" || key === "preventExtensions") return first;
  if (key !== "values" && key !== "entries") return look(m, node, args);
  useValue(m, first, args.nodes[0] ?? node);
  if (key === "values") return valuesOf(m, node, first);
  const pair = valuesOf(m, args.nodes[0] ?? node, first);
  return pair.length === 0 ? NOTHING : listOf(m, node, pair);
}

/** Makes an array. */
function callArray(m: Machine, key: string, node: Node, args: Args): Value {
  if (key === "of") return listOf(m, node, args.values.reduce(union, NOTHING));
  if (key !== "from" && key !== "fromAsync") return look(m, node, args);
  const [first = NOTHING, callback] = args.values;
  useDeep(m, first, args.nodes[0] ?? node);
  const elements = elementsOf(m, first);
  if (callback === undefined) return listOf(m, node, elements);
  return listOf(m, node, runCallback(m, callback, [elements], "many", args.nodes[1] ?? node, node));
}

/** The values of the properties of something. */
function valuesOf(m: Machine, node: Node, value: Value): Value {
  let rest: Value = NOTHING;
  for (const atom of value) {
    if (atom.k === "view" && atom.shape === "Columns") rest = union(rest, [atom]);
    else if (atom.k === "obj") rest = union(rest, elementsOf(m, [atom]));
  }
  return listOf(m, node, rest);
}
