/**
 * Puts values where they are to be: into variables, fields and the parts of patterns.
 */

import { flag, keyName, many, type Node, one, text, unwrap } from "./ast.ts";
import { keep, leavesOffered, storeInto } from "./escapes.ts";
import { evaluate, isOwn, useValue } from "./expressions.ts";
import { branch } from "./flow.ts";
import type { Machine } from "./machine.ts";
import { elementsOf, read, staticsOf } from "./members.ts";
import { NOTHING, objectsOf, union, type Value } from "./values.ts";

/** Declares the names of a pattern. */
export function bind(m: Machine, pattern: Node, value: Value): void {
  switch (pattern.type) {
    case "Identifier": {
      const binding = m.scopes.of.get(pattern);
      if (binding === undefined) return;
      if (value.length > 0) return m.state.set(binding, value);
      // What is known without a state need not be in it.
      return m.state.forget([binding]);
    }
    case "TSParameterProperty": {
      const inner = one(pattern, "parameter");
      if (inner === undefined) return;
      bind(m, inner, value);
      return;
    }
    case "AssignmentPattern": {
      const left = one(pattern, "left");
      const right = one(pattern, "right");
      if (left === undefined) return;
      if (value.length > 0 && !value.some(({ k }) => k === "obj")) return bind(m, left, value);
      let fallback: Value = NOTHING;
      branch(m, () => {
        if (right !== undefined) fallback = evaluate(m, right);
      });
      return bind(m, left, union(value, fallback));
    }
    case "RestElement": {
      const argument = one(pattern, "argument");
      if (argument !== undefined) bind(m, argument, value);
      return;
    }
    default:
      takeApart(m, pattern, value, (part, partValue) => bind(m, part, partValue));
  }
}

/** Takes a value apart as a pattern says. */
function takeApart(m: Machine, pattern: Node, value: Value, put: (part: Node, value: Value) => void): void {
  if (pattern.type === "ObjectPattern") {
    for (const property of many(pattern, "properties")) {
      if (property.type === "RestElement") {
        put(property, value.filter((atom) => atom.k === "obj" || (atom.k === "view" && atom.shape === "Columns")));
        continue;
      }
      const key = keyName(property, "key");
      const computed = one(property, "key");
      if (flag(property, "computed") && key === undefined && computed !== undefined) evaluate(m, computed);
      const target = one(property, "value");
      if (target !== undefined) put(target, read(m, value, key, pattern));
    }
    return;
  }
  if (pattern.type !== "ArrayPattern") return;
  useValue(m, value, pattern);
  const items = elementsOf(m, value);
  (pattern as unknown as { readonly elements: readonly (Node | null)[] }).elements.forEach((element, i) => {
    if (element === null || element === undefined) return;
    let item: Value = items;
    const objects = objectsOf(value);
    if (objects.length > 0 && element.type !== "RestElement") {
      const known = objects.flatMap((obj) => m.contents(obj).fields.get(String(i)) ?? []);
      if (known.length > 0) item = known;
    }
    put(element, item);
  });
}

/**
 * Assigns to a variable, a field or a pattern.
 *
 * @param receiver What the object of a field is, if that was followed already.
 * @param kept What is put there for good, if it is less than the value.
 */
export function assign(
  m: Machine,
  target: Node,
  value: Value,
  node: Node,
  receiver?: Value,
  kept: Value = value,
): void {
  switch (target.type) {
    case "Identifier": {
      const binding = m.scopes.of.get(target);
      if (binding === undefined) {
        if (value.length > 0) keep(m, kept, node, text(target, "name"), "global");
        return;
      }
      const isAway = !isOwn(m, binding.scope.fn) || leavesOffered(m, kept, binding.node);
      if (kept.length > 0 && isAway && !isProcedure(m, binding.scope.fn)) {
        keep(m, kept, node, binding.name, "variable");
      } else if (binding.isExported && m.active.node === m.program) keep(m, kept, node, binding.name, "export");
      // Nothing is only worth a note if something else would be taken for it.
      if (value.length > 0 || m.statics.ofBinding(binding, true).length > 0) m.state.set(binding, value);
      else m.state.forget([binding]);
      return;
    }
    case "MemberExpression": {
      const object = one(target, "object");
      if (object === undefined) return;
      const into = receiver ?? evaluate(m, object);
      const key = keyName(target, "property");
      m.useAll(into.filter((atom) => atom.k === "view"), object);
      for (const obj of objectsOf(into)) {
        if (key === "length") m.state.fill(obj, { fields: new Map(), rest: NOTHING });
        else storeInto(m, obj, key, kept, node);
      }
      for (const atom of into) {
        if (atom.k === "class" && atom.node !== undefined) {
          storeInto(m, staticsOf(m, atom.node, atom.name), key, kept, node);
        } else if (atom.k === "fn") keep(m, kept, node, "a function", "global");
      }
      if (into.length === 0 && isUndeclared(m, object)) {
        keep(m, kept, node, m.source.text.slice(...target.range), "global");
      } // Writing into memory copies; but a function that is put anywhere that nobody knows may be called by anybody.
      else if (into.length === 0 && key !== undefined && /^on[a-z]/.test(key)) {
        for (const atom of value) if (atom.k === "fn") keep(m, [atom], node, key, "field");
      }
      return;
    }
    case "AssignmentPattern": {
      const left = one(target, "left");
      const right = one(target, "right");
      let fallback: Value = NOTHING;
      branch(m, () => {
        if (right !== undefined) fallback = evaluate(m, right);
      });
      if (left !== undefined) assign(m, left, union(value, fallback), node);
      return;
    }
    case "RestElement": {
      const argument = one(target, "argument");
      if (argument !== undefined) assign(m, argument, value, node);
      return;
    }
    case "ArrayPattern":
    case "ObjectPattern":
      return takeApart(m, target, value, (part, partValue) => assign(m, part, partValue, node));
    case "TSAsExpression":
    case "TSNonNullExpression":
    case "TSSatisfiesExpression":
    case "TSTypeAssertion":
    case "ParenthesizedExpression": {
      const inner = one(target, "expression");
      if (inner !== undefined) assign(m, inner, value, node, receiver, kept);
      return;
    }
    default:
      return;
  }
}

/** Whether an expression begins with a name that is nowhere in the file. */
function isUndeclared(m: Machine, object: Node): boolean {
  let root = unwrap(object);
  while (root.type === "MemberExpression") root = unwrap(one(root, "object") ?? root);
  return root.type === "Identifier" && m.scopes.of.get(root) === undefined;
}

/**
 * Whether the function that is followed is only ever called by name from the function around it, so that the variables of that are as good
 * as its own.
 */
function isProcedure(m: Machine, home: Node): boolean {
  if (home === m.program) return m.level > 0 && isBelow(m, home);
  const { node } = m.active;
  if (m.scopes.outer.get(node) !== home) return isBelow(m, home);
  const binding = [...m.scopes.of.values()].find(({ declaration }) =>
    declaration === node || one(declaration, "init") === node
  );
  if (binding === undefined || binding.references.length === 0) return false;
  return binding.references.every(({ node: mention, parent, fn }) =>
    fn === home && parent.type === "CallExpression" && one(parent, "callee") === mention
  );
}

/** Whether a function is one of those that the calls that are followed have come through. */
function isBelow(m: Machine, home: Node): boolean {
  return m.callers.some((activation) => activation.node === home);
}
