/**
 * Arrays, sets, maps and plain objects: what is put into them comes out of them again, and what is put into one that stays, stays.
 */

import { callUnknown, EACH, isLater, listOf, type MethodCall } from "./calls.ts";
import { defer, storeInto } from "./escapes.ts";
import { useDeep } from "./expressions.ts";
import { runCallback } from "./invoke.ts";
import type { Machine } from "./machine.ts";
import { fieldIn } from "./members.ts";
import { NOTHING, type Obj, union, type Value } from "./values.ts";

/** Parameters that are there to be filled: what is in them is as good as returned. */
const TO_FILL = /^(?:out|output|dst|dest|into|target|result|results|acc)/i;

/** Calls a method of an object; nothing if it is none of a container. */
export function callContainer(m: Machine, obj: Obj, it: MethodCall): Value | undefined {
  const { key, node, args } = it;
  const all = (): Value => fieldIn(m, obj, undefined).filter((atom) => atom.k !== "obj" || atom.parent !== obj);
  const put = (values: readonly Value[]): Value => {
    for (const value of values) store(m, obj, value, it);
    return NOTHING;
  };
  switch (key) {
    case "push":
    case "unshift":
    case "enqueue":
      return put(args.values);
    case "add":
      if (!isList(obj)) break;
      put(args.values);
      return [obj];
    case "set": {
      if (args.values.length < 2) break; // a typed array copies
      const [first, second] = args.values;
      if ((first ?? NOTHING).some(({ k }) => k === "view") && !isList(obj)) break;
      put([second ?? NOTHING]);
      return [obj];
    }
    case "fill":
      put(args.values.slice(0, 1));
      return [obj];
    case "splice": {
      const taken = all();
      put(args.values.slice(2));
      return listOf(m, node, taken);
    }
    case "pop":
    case "shift":
    case "at":
    case "get":
      return all();
    case "clear":
      m.state.fill(obj, { fields: new Map(), rest: NOTHING });
      return NOTHING;
    case "slice":
    case "concat":
    case "flat":
    case "toReversed":
    case "values":
    case "with":
    case "keys": {
      let rest = key === "keys" ? NOTHING : all();
      for (const value of args.values) {
        for (const atom of value) rest = union(rest, atom.k === "obj" ? fieldIn(m, atom, undefined) : [atom]);
      }
      return rest.length === 0 ? NOTHING : listOf(m, node, rest);
    }
    case "entries": {
      const pair = listOf(m, it.callee, all());
      return pair.length === 0 ? NOTHING : listOf(m, node, pair);
    }
    case "reverse":
      return [obj];
    case "has":
    case "delete":
    case "includes":
    case "indexOf":
    case "lastIndexOf":
      return NOTHING;
    case "join":
    case "toString":
      useDeep(m, [obj], it.object);
      return NOTHING;
    default:
      if (EACH.has(key)) return each(m, obj, it, all());
  }
  if (isLater(key)) {
    args.values.forEach((value, i) => defer(m, value, args.nodes[i] ?? node, `${obj.name}.${key}`));
    return NOTHING;
  }
  return obj.home === "local" && obj.type === undefined ? callUnknown(m, node, args) : undefined;
}

function isList(obj: Obj): boolean {
  return obj.type?.t === "list" || (obj.home === "local" && obj.node !== undefined);
}

function store(m: Machine, obj: Obj, value: Value, { node }: MethodCall): void {
  const isGiven = obj.home === "param" && obj.parent === undefined && (isList(obj) || TO_FILL.test(obj.name));
  if (isGiven) m.state.put(obj, undefined, value);
  else storeInto(m, obj, undefined, value, node);
}

/** Calls a callback for each element. */
function each(m: Machine, obj: Obj, { key, node, args }: MethodCall, elements: Value): Value {
  const [callback = NOTHING, first = NOTHING] = args.values;
  const isTotal = key === "reduce" || key === "reduceRight";
  const isPair = key === "sort" || key === "toSorted";
  const params: Value[] = isTotal
    ? [args.values.length > 1 ? first : elements, elements]
    : isPair
    ? [elements, elements]
    : [elements, NOTHING, [obj]];
  const result = runCallback(m, callback, params, "many", args.nodes[0] ?? node, node);
  switch (key) {
    case "map":
      return listOf(m, node, result);
    case "flatMap":
      return listOf(
        m,
        node,
        union(result, result.flatMap((atom) => atom.k === "obj" ? fieldIn(m, atom, undefined) : [])),
      );
    case "filter":
    case "toSorted":
      return listOf(m, node, elements);
    case "sort":
      return [obj];
    case "find":
    case "findLast":
      return elements;
    case "reduce":
    case "reduceRight":
      return union(first, result);
    default:
      return NOTHING;
  }
}

/** Puts all that is given into an object, as `Object.assign` does. */
export function assignAll(
  m: Machine,
  target: Value,
  sources: readonly Value[],
  it: { readonly node: MethodCall["node"] },
): Value {
  for (const obj of target) {
    if (obj.k !== "obj") continue;
    for (const source of sources) {
      for (const atom of source) {
        if (atom.k !== "obj") continue;
        const { fields, rest } = m.contents(atom);
        for (const [key, value] of fields) storeInto(m, obj, key, value, it.node);
        if (rest.length > 0) storeInto(m, obj, undefined, rest, it.node);
      }
    }
  }
  return target;
}
