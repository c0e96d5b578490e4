/**
 * Members of classes, interfaces and objects of the file.
 */

import { flag, identifierName, isClass, keyName, many, type Node, one, text, unwrap } from "./ast.ts";
import type { Scope } from "./scope.ts";
import type { Type } from "./type.ts";
import type { Types } from "./types.ts";

/** The function of a getter of a class. */
export function getterIn(cls: Node, name: string): Node | undefined {
  const body = isClass(cls) ? one(cls, "body") : undefined;
  for (const member of body === undefined ? [] : many(body, "body")) {
    if (text(member, "kind") === "get" && keyName(member, "key") === name) return one(member, "value");
  }
  return undefined;
}

/** The field of `this` that a getter of a class does nothing but return. */
export function getterOf(cls: Node, name: string): string | undefined {
  const value = getterIn(cls, name);
  const inner = value === undefined ? undefined : one(value, "body");
  const [only, more] = inner === undefined ? [] : many(inner, "body");
  const field = only === undefined || more !== undefined ? undefined : one(only, "argument");
  const target = field === undefined ? undefined : unwrap(field);
  if (target?.type !== "MemberExpression" || one(target, "object")?.type !== "ThisExpression") return undefined;
  return keyName(target, "property");
}

/** A member of a class, an interface, a type literal or an object literal. */
export function memberOf(types: Types, node: Node, name: string, isStatic: boolean): Type | undefined {
  const scope = types.scopes.at.get(node) ?? types.scopes.root;
  if (isClass(node)) return classMember(types, node, name, isStatic, scope);
  const body = node.type === "TSInterfaceDeclaration" ? one(node, "body") : node;
  if (body === undefined) return undefined;
  const members = node.type === "ObjectExpression"
    ? many(node, "properties")
    : many(body, node.type === "TSTypeLiteral" ? "members" : "body");
  for (const member of members) {
    if (member.type === "SpreadElement" || keyName(member, "key") !== name) continue;
    if (member.type === "TSMethodSignature") return { t: "function", node: member };
    const annotation = one(member, "typeAnnotation");
    if (annotation !== undefined) return types.ofAnnotation(annotation, scope);
    const value = one(member, "value");
    if (value === undefined) return undefined;
    return text(member, "kind") === "get" ? types.returned({ t: "function", node: value }) : types.ofExpression(value);
  }
  for (const base of node.type === "TSInterfaceDeclaration" ? many(node, "extends") : []) {
    const type = types.member(types.ofAnnotation(base, scope), name);
    if (type !== undefined) return type;
  }
  return undefined;
}

function classMember(types: Types, cls: Node, name: string, isStatic: boolean, scope: Scope): Type | undefined {
  const body = one(cls, "body");
  let constructor: Node | undefined;
  for (const member of body === undefined ? [] : many(body, "body")) {
    const value = one(member, "value");
    if (text(member, "kind") === "constructor") constructor = value;
    if (flag(member, "static") !== isStatic || keyName(member, "key") !== name) continue;
    if (text(member, "kind") === "get" && value !== undefined) return types.returned({ t: "function", node: value });
    if (member.type === "MethodDefinition" && value !== undefined) return { t: "function", node: value };
    const annotation = one(member, "typeAnnotation");
    const type = annotation === undefined ? undefined : types.ofAnnotation(annotation, scope);
    if (type !== undefined) return type;
    if (value !== undefined) return types.ofExpression(value);
  }
  if (constructor !== undefined && !isStatic) {
    for (const param of many(constructor, "params")) {
      if (param.type !== "TSParameterProperty") continue;
      let inner = one(param, "parameter");
      if (inner?.type === "AssignmentPattern") inner = one(inner, "left");
      if (identifierName(inner) !== name || inner === undefined) continue;
      const binding = types.scopes.of.get(inner);
      return binding === undefined ? undefined : types.ofBinding(binding);
    }
    const assigned = assignedIn(one(constructor, "body"), name);
    if (assigned !== undefined) return types.ofExpression(assigned);
  }
  const superClass = one(cls, "superClass");
  const base = superClass === undefined ? undefined : types.ofExpression(superClass);
  if (base?.t === "constructor") return types.member(isStatic ? base : { t: "object", node: base.node }, name);
  return undefined;
}

/** What a constructor assigns to a field, in a statement of its own. */
function assignedIn(body: Node | undefined, name: string): Node | undefined {
  for (const statement of body === undefined ? [] : many(body, "body")) {
    const expression = one(statement, "expression");
    if (expression?.type !== "AssignmentExpression") continue;
    const left = one(expression, "left");
    if (left?.type !== "MemberExpression" || one(left, "object")?.type !== "ThisExpression") continue;
    if (keyName(left, "property") === name) return one(expression, "right");
  }
  return undefined;
}
