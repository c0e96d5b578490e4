/**
 * Where paths part and meet.
 */

import { flag, many, type Node, one, text, unwrap } from "./ast.ts";
import type { Machine } from "./machine.ts";
import { dead, State } from "./state.ts";

/** Follows one of two ways from here; without the second that is to do nothing. */
export function branch(m: Machine, first: () => void, second?: () => void): void {
  const before = m.state;
  m.state = before.fork();
  first();
  const after = m.state;
  m.state = before.fork();
  second?.();
  const facts = before.facts;
  const isOneWay = after.isDead !== m.state.isDead;
  m.state = State.join(after, m.state);
  // Where one way does not come back, what was assumed on the other still holds.
  if (!isOneWay) m.state.facts = facts;
}

/** Assumes that a condition is true, or false, if it is one that cannot change. */
export function refine(m: Machine, test: Node, isTrue: boolean): void {
  const node = unwrap(test);
  if (node.type === "UnaryExpression" && text(node, "operator") === "!") {
    const argument = one(node, "argument");
    if (argument !== undefined) refine(m, argument, !isTrue);
    return;
  }
  if (node.type === "LogicalExpression") {
    const operator = text(node, "operator");
    if ((operator === "&&" && isTrue) || (operator === "||" && !isTrue)) {
      const left = one(node, "left");
      const right = one(node, "right");
      if (left !== undefined) refine(m, left, isTrue);
      if (right !== undefined) refine(m, right, isTrue);
    }
    return;
  }
  const negated = node.type === "BinaryExpression" && /^!==?$/.test(text(node, "operator"));
  const key = keyOf(m, node);
  if (key === undefined) return;
  m.state.facts = { key, isTrue: isTrue !== negated, rest: m.state.facts };
}

/** A name for a condition that stays as it is: of constants and their fields. */
function keyOf(m: Machine, node: Node): string | undefined {
  switch (node.type) {
    case "Identifier": {
      const binding = m.scopes.of.get(node);
      return binding !== undefined && binding.writes === 0 ? `b${binding.id}` : undefined;
    }
    case "Literal":
      return m.source.text.slice(...node.range);
    case "ThisExpression":
      return "this";
    case "MemberExpression": {
      const object = one(node, "object");
      const property = one(node, "property");
      const path = object === undefined || flag(node, "computed") ? undefined : keyOf(m, unwrap(object));
      const name = property === undefined ? "" : text(property, "name");
      // The one field that is known to change where frames begin and end.
      return path === undefined || name === "" || name === "inFrame" ? undefined : `${path}.${name}`;
    }
    case "BinaryExpression": {
      const operator = text(node, "operator");
      if (!/^[=!]==?$|^[<>]=?$/.test(operator)) return undefined;
      const left = one(node, "left");
      const right = one(node, "right");
      const a = left === undefined ? undefined : keyOf(m, unwrap(left));
      const b = right === undefined ? undefined : keyOf(m, unwrap(right));
      return a === undefined || b === undefined ? undefined : `${a} ${operator.replace("!", "=")} ${b}`;
    }
    default:
      return undefined;
  }
}

/** Nothing comes after this. */
export function stop(m: Machine): void {
  m.state = dead();
}

/** Whether a condition always holds. */
export function isAlways(test: Node | undefined): boolean {
  if (test === undefined) return true;
  const node = unwrap(test);
  if (node.type !== "Literal") return false;
  const value = (node as unknown as { readonly value: unknown }).value;
  return value === true || value === 1;
}

/** The statements of a block, or the one that stands there without one. */
export function statementsOf(body: Node): readonly Node[] {
  return body.type === "BlockStatement" || body.type === "StaticBlock" || body.type === "TSModuleBlock"
    ? many(body, "body")
    : [body];
}
