/**
 * Names for what is followed: variables and fields of `this`; and what is done with each mention of one.
 */

import { identifierName, isFunction, isWrapper, keyName, many, type Node, one, text, unwrap } from "../core/ast.ts";
import type { RuleContext } from "../core/context.ts";
import { RUNS_NOW } from "./_callbacks.ts";

/** A key for a variable or a field of `this`; a constant that is only another name has the key of what it names. */
export function placeOf(context: RuleContext, expression: Node, depth = 0): string | undefined {
  const node = unwrap(expression);
  if (node.type === "Identifier") {
    const binding = context.scopes.of.get(node);
    if (binding === undefined) return undefined;
    const { declaration, kind } = binding;
    const init = kind === "const" && one(declaration, "id") === binding.node ? one(declaration, "init") : undefined;
    const alias = init === undefined || depth > 6 ? undefined : placeOf(context, init, depth + 1);
    return alias ?? `b${binding.id}`;
  }
  if (node.type !== "MemberExpression" || one(node, "object")?.type !== "ThisExpression") return undefined;
  const key = keyName(node, "property");
  return key === undefined ? undefined : `this.${key}`;
}

/** Whether a key stands for a field, which others may change whenever they run. */
export function isField(place: string): boolean {
  return place.startsWith("this.");
}

/** What is done with a mention. */
export type Use =
  /** A method of it is called. */
  | { readonly is: "call"; readonly method: string; readonly call: Node }
  /** A member of it is read. */
  | { readonly is: "read"; readonly key: string | undefined }
  /** It is given to a call, itself or in a literal. */
  | {
    readonly is: "argument";
    readonly call: Node;
    readonly method: string;
    readonly isDirect: boolean;
    readonly index: number;
  }
  /** It is assigned to. */
  | { readonly is: "written" }
  /** It gets another constant name. */
  | { readonly is: "alias" }
  /** It is only looked at. */
  | { readonly is: "tested" }
  /** It goes where nobody follows it: returned, stored, yielded. */
  | { readonly is: "gone" };

/** Says what is done with a mention of something. */
export function useOf(context: RuleContext, mention: Node): Use {
  const { parents } = context;
  let node = mention;
  let around = parents.get(node);
  while (around !== undefined && isWrapper(around)) {
    node = around;
    around = parents.get(node);
  }
  if (around === undefined) return { is: "gone" };
  if (around.type === "MemberExpression" && one(around, "object") === node) {
    let callee = around;
    let call = parents.get(callee);
    while (call !== undefined && isWrapper(call)) {
      callee = call;
      call = parents.get(callee);
    }
    const key = keyName(around, "property");
    if (call?.type === "CallExpression" && one(call, "callee") === callee) {
      return { is: "call", method: key ?? "", call };
    }
    return { is: "read", key };
  }
  if (around.type === "AssignmentExpression" && one(around, "left") === node) return { is: "written" };
  if (around.type === "UpdateExpression") return { is: "written" };
  if (around.type === "VariableDeclarator" && one(around, "init") === node) {
    const kind = text(parents.get(around) ?? around, "kind");
    return { is: kind === "const" && one(around, "id")?.type === "Identifier" ? "alias" : "gone" };
  }
  if (isTest(around, node)) return { is: "tested" };
  const isDirect = around.type === "CallExpression" || around.type === "NewExpression";
  while (around !== undefined && /^(?:Property|ObjectExpression|ArrayExpression|SpreadElement)$/.test(around.type)) {
    node = around;
    around = parents.get(node);
  }
  if (around === undefined || !/^(?:Call|New)Expression$/.test(around.type) || one(around, "callee") === node) {
    return { is: "gone" };
  }
  return {
    is: "argument",
    call: around,
    method: calledName(around),
    isDirect,
    index: many(around, "arguments").indexOf(node),
  };
}

function isTest(around: Node, node: Node): boolean {
  switch (around.type) {
    case "IfStatement":
    case "WhileStatement":
    case "DoWhileStatement":
    case "ConditionalExpression":
      return one(around, "test") === node;
    case "UnaryExpression":
    case "ExpressionStatement":
      return true;
    case "BinaryExpression":
      return /^(?:[=!]==?|instanceof|in)$/.test(text(around, "operator"));
    case "LogicalExpression":
      return one(around, "left") === node && text(around, "operator") === "&&";
    default:
      return false;
  }
}

/** The name of what is called. */
export function calledName(call: Node): string {
  const callee = one(call, "callee");
  const inner = callee === undefined ? undefined : unwrap(callee);
  if (inner === undefined) return "";
  return (inner.type === "MemberExpression" ? keyName(inner, "property") : identifierName(inner)) ?? "";
}

/** What a method is called on. */
export function calledOn(call: Node): Node | undefined {
  const callee = one(call, "callee");
  const inner = callee === undefined ? undefined : unwrap(callee);
  const object = inner?.type === "MemberExpression" ? one(inner, "object") : undefined;
  return object === undefined ? undefined : unwrap(object);
}

/** The function, or the program, around a node. */
export function functionAround(context: RuleContext, node: Node): Node {
  let at = context.parents.get(node);
  while (at !== undefined && !isFunction(at)) at = context.parents.get(at);
  return at ?? context.program;
}

/** The same, but a callback that runs before its call is over belongs to the function around that. */
export function runnerAround(context: RuleContext, node: Node): Node {
  let fn = functionAround(context, node);
  for (;;) {
    const call = context.parents.get(fn);
    if (call?.type !== "CallExpression" || one(call, "callee") === fn || !RUNS_NOW.has(calledName(call))) return fn;
    fn = functionAround(context, call);
  }
}

/** The program and all its functions. */
export function roots(context: RuleContext): readonly Node[] {
  return [context.program, ...context.scopes.functions];
}
