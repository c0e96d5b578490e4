/**
 * Small questions about facts and nodes that the facts of a module are made from.
 */

import { isNode, many, type Node, one, raw, walk } from "../core/ast.ts";
import type { ExportFact } from "../core/project.ts";
import { nameOf } from "./module_outline.ts";

/** What a value of a type is, by what the name of the type means. */
export function made(fact: ExportFact | undefined): ExportFact | undefined {
  if (fact?.is === "class") return { is: "instance", of: fact.of };
  return fact?.is === "holder" || fact?.is === "factory" ? fact : undefined;
}

/** An object with these members; nothing, when there are none. */
export function holder(members: Readonly<Record<string, ExportFact>>): ExportFact | undefined {
  return Object.keys(members).length === 0 ? undefined : { is: "holder", members };
}

/** Whether what is in a node belongs to another function. */
export function isFunction(node: Node): boolean {
  return /^(?:ArrowFunctionExpression|FunctionExpression|FunctionDeclaration|ClassBody)$/.test(node.type);
}

/** `Object.freeze(x)` is x. */
export function isFreeze(callee: Node | undefined): boolean {
  return callee?.type === "MemberExpression" && nameOf(one(callee, "object")) === "Object" &&
    nameOf(one(callee, "property")) === "freeze";
}

/** What a type is a promise of. */
export function promiseOf(type: Node | undefined): Node | undefined {
  if (type?.type !== "TSTypeReference" || nameOf(one(type, "typeName")) !== "Promise") return undefined;
  return many(one(type, "typeArguments") ?? type, "params")[0];
}

/** The expressions that a function returns. */
export function returnsOf(body: Node): Node[] {
  if (body.type !== "BlockStatement") return [body];
  const found: Node[] = [];
  walk(body, (node) => {
    if (isFunction(node)) return false;
    const argument = node.type === "ReturnStatement" ? raw(node, "argument") : undefined;
    if (isNode(argument)) found.push(argument);
  });
  return found;
}
