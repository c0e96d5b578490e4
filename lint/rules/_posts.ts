/**
 * What is posted to other threads.
 */

import { flag, identifierName, isClass, keyName, many, type Node, one, text, unwrap, walk } from "../core/ast.ts";
import type { RuleContext } from "../core/context.ts";
import { typeOf } from "./_declared.ts";
import { calledName, calledOn } from "./_places.ts";

/** What a text has to mention. */
export const POST_WORDS = /\b(?:postMessage|workerData|SharedWorker|Worker)\b/;

/** A message to another thread. */
export interface Post {
  readonly node: Node;
  /** What is sent, and what is transferred. */
  readonly parts: readonly Node[];
}

/** Reads a call that posts its first argument, or a `new Worker` that is given data. */
export function postOf(context: RuleContext, node: Node): Post | undefined {
  if (node.type === "CallExpression" && calledName(node) === "postMessage") {
    const object = calledOn(node);
    if (object !== undefined && isOwnMethod(context, object)) return undefined;
    if (object === undefined && context.scopes.of.get(unwrap(one(node, "callee") ?? node)) !== undefined) {
      return undefined;
    }
    return { node, parts: many(node, "arguments") };
  }
  if (node.type !== "NewExpression" || identifierName(one(node, "callee")) !== "Worker") return undefined;
  const options = many(node, "arguments")[1];
  const properties = options === undefined ? [] : many(unwrap(options), "properties");
  const parts = properties.flatMap((property) => {
    const value = /^(?:workerData|transferList)$/.test(keyName(property, "key") ?? "")
      ? one(property, "value")
      : undefined;
    return value === undefined ? [] : [value];
  });
  return parts.length === 0 ? undefined : { node, parts };
}

/** Whether `postMessage` is a method of a class of the file: what that does with it is seen where it is posted. */
function isOwnMethod(context: RuleContext, object: Node): boolean {
  const type = typeOf(context, object);
  if (type?.t !== "object" || !isClass(type.node)) return false;
  const body = one(type.node, "body");
  return body !== undefined && many(body, "body").some((member) => keyName(member, "key") === "postMessage");
}

/** The parts of a literal that are sent: through objects, arrays, spreads and choices. */
export function leavesOf(expression: Node): readonly Node[] {
  const node = unwrap(expression);
  switch (node.type) {
    case "ObjectExpression":
      return many(node, "properties").flatMap((property) => {
        const value = one(property, "value") ?? one(property, "argument");
        return value === undefined ? [] : leavesOf(value);
      });
    case "ArrayExpression":
      return many(node, "elements").flatMap(leavesOf);
    case "SpreadElement":
      return leavesOf(one(node, "argument") ?? node);
    case "ConditionalExpression":
      return [one(node, "consequent"), one(node, "alternate")].flatMap((part) =>
        part === undefined ? [] : leavesOf(part)
      );
    case "LogicalExpression":
      return [one(node, "left"), one(node, "right")].flatMap((part) => part === undefined ? [] : leavesOf(part));
    default:
      return [node];
  }
}

/** Calls a function for every post of a file. */
export function eachPost(context: RuleContext, visit: (post: Post) => void): void {
  walk(context.program, (node) => {
    const post = postOf(context, node);
    if (post !== undefined) visit(post);
  });
}

/** Whether a file is what a worker runs: it listens to messages that it is sent as a whole. */
export function isWorkerEntry(context: RuleContext): boolean {
  if (!/\bonmessage\b|\bparentPort\b|["']message["']/.test(context.source.text)) return false;
  let isEntry = false;
  const isOuter = (node: Node | undefined, name: string) => {
    const inner = node === undefined ? undefined : unwrap(node);
    if (identifierName(inner) !== name) return false;
    const binding = inner === undefined ? undefined : context.scopes.of.get(inner);
    return binding === undefined || binding.kind === "import";
  };
  walk(context.program, (node) => {
    if (node.type === "AssignmentExpression") {
      const left = unwrap(one(node, "left") ?? node);
      const isMember = left.type === "MemberExpression" && !flag(left, "computed") &&
        keyName(left, "property") === "onmessage";
      const object = isMember ? one(left, "object") : undefined;
      if (isOuter(left, "onmessage") || isOuter(object, "self") || isOuter(object, "globalThis")) isEntry = true;
    } else if (node.type === "CallExpression") {
      const [first] = many(node, "arguments");
      if (first === undefined || text(first, "value") !== "message") return;
      const object = calledOn(node);
      const method = calledName(node);
      if (/^(?:on|once|addListener)$/.test(method) && isOuter(object, "parentPort")) isEntry = true;
      if (method !== "addEventListener") return;
      if (object === undefined || isOuter(object, "self") || isOuter(object, "globalThis")) isEntry = true;
    }
  });
  return isEntry;
}
