/**
 * Methods of functions and of classes.
 */

import { isFunction, type Node, one, text } from "./ast.ts";
import { callKnown, callUnknown, known, type MethodCall } from "./calls.ts";
import type { Machine } from "./machine.ts";
import { elementsOf, read } from "./members.ts";
import { type Fn, NOTHING, union, type Value } from "./values.ts";

/** `call`, `apply` and `bind` of a function. */
export function callOfFunction(m: Machine, fn: Fn, { key, node, args }: MethodCall): Value | undefined {
  switch (key) {
    case "call":
      return callKnown(m, { ...fn, self: args.values[0] ?? NOTHING }, {
        values: args.values.slice(1),
        nodes: args.nodes.slice(1),
      }, node) ??
        callUnknown(m, node, args);
    case "apply":
      return callKnown(m, { ...fn, self: args.values[0] ?? NOTHING }, {
        values: [elementsOf(m, args.values[1] ?? NOTHING)],
        nodes: args.nodes,
      }, node) ??
        callUnknown(m, node, args);
    case "bind":
      return [{ ...fn, self: args.values[0] ?? fn.self, bound: args.values.slice(1).reduce(union, fn.bound) }];
    default:
      return undefined;
  }
}

/** Calls a static method of a class of the file. */
export function callOfClass(m: Machine, cls: Node | undefined, { key, node, args }: MethodCall): Value | undefined {
  if (cls === undefined) return undefined;
  const type = m.types.member({ t: "constructor", node: cls }, key);
  if (type?.t !== "function" || !isFunction(type.node)) return undefined;
  const name = text(one(cls, "id") ?? cls, "name");
  const self = read(m, [{ k: "class", name, node: cls }], undefined, node);
  const fn: Fn = { k: "fn", node: type.node, self, bound: NOTHING };
  return callKnown(m, fn, args, node) ?? union(known(m, node, key), callUnknown(m, node, args));
}
