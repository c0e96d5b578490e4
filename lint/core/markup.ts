/**
 * Follows JSX.
 */

import { many, type Node, one } from "./ast.ts";
import { capture } from "./escapes.ts";
import { evaluate, useValue } from "./expressions.ts";
import type { Machine } from "./machine.ts";
import { NOTHING, type Value } from "./values.ts";

/** What is given to a component is used, and what listens runs later. */
export function markup(m: Machine, node: Node): Value {
  const opening = one(node, "openingElement");
  for (const attribute of opening === undefined ? [] : many(opening, "attributes")) {
    const container = attribute.type === "JSXSpreadAttribute" ? one(attribute, "argument") : one(attribute, "value");
    const inner = container?.type === "JSXExpressionContainer" ? one(container, "expression") : container;
    if (inner === undefined || inner.type === "JSXEmptyExpression") continue;
    const value = evaluate(m, inner);
    useValue(m, value, inner);
    for (const atom of value) if (atom.k === "fn") capture(m, atom, inner, "callback", "the element");
  }
  for (const child of many(node, "children")) {
    const inner = one(child, "expression");
    if (child.type === "JSXExpressionContainer" && inner !== undefined) useValue(m, evaluate(m, inner), inner);
    else if (child.type === "JSXElement" || child.type === "JSXFragment") markup(m, child);
  }
  return NOTHING;
}
