/**
 * The names in a pattern.
 */

import { flag, many, type Node, one } from "./ast.ts";

type Visit = (node: Node, parent: Node) => void;

/** Calls a function for each name that a pattern declares or assigns to, and another one for what is computed in it. */
export function eachName(node: Node, parent: Node, put: Visit, visit: Visit): void {
  const within = (inner: Node | undefined, around: Node): void => {
    if (inner !== undefined) eachName(inner, around, put, visit);
  };
  switch (node.type) {
    case "Identifier":
      return put(node, parent);
    case "AssignmentPattern": {
      const right = one(node, "right");
      if (right !== undefined) visit(right, node);
      return within(one(node, "left"), node);
    }
    case "RestElement":
      return within(one(node, "argument"), node);
    case "TSParameterProperty":
      return within(one(node, "parameter"), node);
    case "ArrayPattern":
      for (const element of many(node, "elements")) within(element, node);
      return;
    case "ObjectPattern":
      for (const property of many(node, "properties")) {
        const key = one(property, "key");
        if (flag(property, "computed") && key !== undefined) visit(key, property);
        within(one(property, "value") ?? property, property);
      }
      return;
    case "Property":
      return;
    default:
      visit(node, parent);
  }
}
