/**
 * What stands behind an expression as far as the file says it: the annotation it was declared with, or the one value it is ever given.
 */

import { identifierName, isClass, keyName, literalText, many, type Node, one, raw, text, unwrap } from "../core/ast.ts";
import type { RuleContext } from "../core/context.ts";
import { type Binding, lookup, lookupType } from "../core/scope.ts";
import { isAllocatorClass } from "../core/api_table.ts";
import type { Type } from "../core/types.ts";

/** What a file says of an expression. */
export interface Declared {
  /** Its type as it is written. */
  readonly annotation?: Node | undefined;
  /** What it is initialised with, if it is never given anything else. */
  readonly value?: Node | undefined;
}

const NOTHING: Declared = {};
const DEEPEST = 8;

/** Finds what is declared of a name, a field of `this`, or a member of one of these. */
export function declared(context: RuleContext, expression: Node, depth = 0): Declared {
  const node = unwrap(expression);
  if (depth > DEEPEST) return NOTHING;
  if (node.type === "Identifier") {
    const binding = context.scopes.of.get(node);
    return binding === undefined ? NOTHING : declaredOf(context, binding, depth);
  }
  if (node.type !== "MemberExpression") return NOTHING;
  const object = one(node, "object");
  const key = keyName(node, "property");
  if (object === undefined || key === undefined) return NOTHING;
  if (object.type === "ThisExpression") {
    const cls = classAround(context, node);
    return cls === undefined ? NOTHING : fieldOf(context, cls, key);
  }
  const { annotation, value } = declared(context, object, depth + 1);
  if (annotation !== undefined) return { annotation: memberType(context, annotation, key) };
  return value === undefined ? NOTHING : memberValue(value, key);
}

/** What an expression is after all constants it goes through. */
export function behind(context: RuleContext, expression: Node): Node {
  let node = unwrap(expression);
  for (let i = 0; i < DEEPEST; i++) {
    const { value } = declared(context, node);
    if (value === undefined) break;
    node = unwrap(value);
  }
  return node;
}

function declaredOf(context: RuleContext, binding: Binding, depth: number): Declared {
  const { node, declaration, kind } = binding;
  const annotation = one(node, "typeAnnotation");
  if (annotation !== undefined) {
    return { annotation: one(annotation, "typeAnnotation"), value: valueOf(context, binding) };
  }
  if (kind === "param") {
    const pattern = declaration.type === "AssignmentPattern" ? one(declaration, "left") : declaration;
    const whole = pattern === undefined ? undefined : one(pattern, "typeAnnotation");
    const type = whole === undefined ? undefined : one(whole, "typeAnnotation");
    const key = pattern?.type === "ObjectPattern" ? keyInPattern(pattern, node) : undefined;
    return type === undefined || key === undefined ? NOTHING : { annotation: memberType(context, type, key) };
  }
  const pattern = declaration.type === "VariableDeclarator" ? one(declaration, "id") : undefined;
  const init = one(declaration, "init");
  if (pattern?.type === "ObjectPattern" && init !== undefined && binding.writes === 0) {
    const key = keyInPattern(pattern, node);
    const whole = declared(context, init, depth + 1);
    if (key === undefined) return NOTHING;
    if (whole.annotation !== undefined) return { annotation: memberType(context, whole.annotation, key) };
    return memberValue(whole.value ?? init, key);
  }
  return { value: valueOf(context, binding) };
}

/** The only value that a variable is ever given. */
function valueOf(context: RuleContext, { declaration, node, kind, writes, references }: Binding): Node | undefined {
  if (declaration.type !== "VariableDeclarator" || one(declaration, "id") !== node || kind === "param") {
    return undefined;
  }
  const init = one(declaration, "init");
  if (writes === 0) return init;
  if (writes !== 1 || init !== undefined) return undefined;
  const write = references.find(({ isWrite }) => isWrite);
  const around = write === undefined ? undefined : context.parents.get(write.node);
  return around?.type === "AssignmentExpression" && text(around, "operator") === "=" ? one(around, "right") : undefined;
}

function keyInPattern(pattern: Node, name: Node): string | undefined {
  const property = many(pattern, "properties").find((each) => {
    const value = one(each, "value");
    return value === name || (value?.type === "AssignmentPattern" && one(value, "left") === name);
  });
  return property === undefined ? undefined : keyName(property, "key");
}

/** The member of an object literal. */
function memberValue(value: Node, key: string): Declared {
  const object = unwrap(value);
  if (object.type !== "ObjectExpression") return NOTHING;
  const properties = many(object, "properties");
  if (properties.some(({ type }) => type === "SpreadElement")) return NOTHING;
  const property = properties.find((each) => keyName(each, "key") === key);
  return property === undefined ? NOTHING : { value: one(property, "value") };
}

/** The annotation of a member of a type. */
function memberType(context: RuleContext, type: Node, key: string): Node | undefined {
  if (type.type === "TSUnionType" || type.type === "TSIntersectionType") {
    return many(type, "types").map((each) => memberType(context, each, key)).find((found) => found !== undefined);
  }
  if (type.type === "TSTypeReference") {
    const name = identifierName(one(type, "typeName"));
    const found = name === undefined ? undefined : lookupType(context.scopes.root, name)?.node;
    if (found?.type === "TSTypeAliasDeclaration") {
      const target = one(found, "typeAnnotation");
      return target === undefined ? undefined : memberType(context, target, key);
    }
    if (found?.type === "TSInterfaceDeclaration") return memberOf(many(one(found, "body") ?? found, "body"), key);
    const binding = name === undefined ? undefined : lookup(context.scopes.root, name);
    return binding?.kind === "class" ? fieldOf(context, binding.declaration, key).annotation : undefined;
  }
  return type.type === "TSTypeLiteral" ? memberOf(many(type, "members"), key) : undefined;
}

function memberOf(members: readonly Node[], key: string): Node | undefined {
  const member = members.find((each) => keyName(each, "key") === key);
  const annotation = member === undefined ? undefined : one(member, "typeAnnotation");
  return annotation === undefined ? undefined : one(annotation, "typeAnnotation");
}

/** The class that a node is in. */
export function classAround(context: RuleContext, node: Node): Node | undefined {
  let at: Node | undefined = node;
  while (at !== undefined && !isClass(at)) at = context.parents.get(at);
  return at;
}

/** A field of a class: its annotation, and the one value it is given in the class. */
function fieldOf(context: RuleContext, cls: Node, key: string): Declared {
  const body = one(cls, "body");
  let annotation: Node | undefined;
  const values: (Node | undefined)[] = [];
  for (const member of body === undefined ? [] : many(body, "body")) {
    const value = one(member, "value");
    if (text(member, "kind") === "constructor" && value !== undefined) {
      annotation ??= parameterProperty(value, key);
      continue;
    }
    if (keyName(member, "key") !== key || member.type === "MethodDefinition") continue;
    const written = one(member, "typeAnnotation");
    annotation = written === undefined ? undefined : one(written, "typeAnnotation");
    if (value !== undefined) values.push(value);
  }
  for (const assignment of assignmentsTo(context, cls, key)) {
    values.push(text(assignment, "operator") === "=" ? one(assignment, "right") : undefined);
  }
  return { annotation, value: values.length === 1 ? values[0] : undefined };
}

function parameterProperty(constructor: Node, key: string): Node | undefined {
  for (const param of many(constructor, "params")) {
    if (param.type !== "TSParameterProperty") continue;
    const inner = one(param, "parameter");
    const name = inner?.type === "AssignmentPattern" ? one(inner, "left") : inner;
    if (identifierName(name) !== key || name === undefined) continue;
    const written = one(name, "typeAnnotation");
    return written === undefined ? undefined : one(written, "typeAnnotation");
  }
  return undefined;
}

/** All assignments to a field of `this` in a class. */
export function assignmentsTo(context: RuleContext, cls: Node, key: string): readonly Node[] {
  const found: Node[] = [];
  for (const [node, parent] of context.parents) {
    if (node.type !== "ThisExpression" || parent.type !== "MemberExpression" || keyName(parent, "property") !== key) {
      continue;
    }
    const around = context.parents.get(parent);
    const isHere = cls.range[0] <= node.range[0] && node.range[1] <= cls.range[1];
    if (isHere && around?.type === "AssignmentExpression" && one(around, "left") === parent) found.push(around);
  }
  return found;
}

/** The class of the library that an expression is of; also for members of `this`, whatever the class around. */
export function libraryName(context: RuleContext, expression: Node): string | undefined {
  const type = typeOf(context, expression);
  return type?.t === "library" ? type.name : undefined;
}

/** Whether an expression is an allocator of the library. */
export function isAllocator(context: RuleContext, expression: Node): boolean {
  const name = libraryName(context, expression);
  return name !== undefined && isAllocatorClass(name);
}

/** What is known of the type of an expression. */
export function typeOf(context: RuleContext, expression: Node, depth = 0): Type | undefined {
  const node = unwrap(expression);
  if (node.type === "ThisExpression") {
    const cls = classAround(context, node);
    if (cls === undefined) return undefined;
    const base = context.types.libraryBase(cls);
    return base === undefined ? { t: "object", node: cls } : { t: "library", name: base };
  }
  if (node.type === "Identifier") {
    const binding = context.scopes.of.get(node);
    const known = binding === undefined ? undefined : context.types.ofBinding(binding);
    if (known !== undefined || binding === undefined || depth > DEEPEST) return known;
    const { value } = declared(context, node);
    return value === undefined ? undefined : typeOf(context, value, depth + 1);
  }
  if (node.type === "MemberExpression") {
    const object = one(node, "object");
    const key = keyName(node, "property");
    const whole = object === undefined || depth > DEEPEST ? undefined : typeOf(context, object, depth + 1);
    if (whole !== undefined && whole.t !== "list") {
      return key === undefined ? undefined : context.types.member(whole, key);
    }
  }
  return context.types.ofExpression(node);
}

/** The text that an expression certainly has: literals, constants, members of constant objects and enums, and what is joined of these. */
export function constantText(context: RuleContext, expression: Node, depth = 0): string | undefined {
  const node = unwrap(expression);
  const known = literalText(node);
  if (known !== undefined || depth > DEEPEST) return known;
  const inner = (part: Node | undefined) => part === undefined ? undefined : constantText(context, part, depth + 1);
  if (node.type === "BinaryExpression" && text(node, "operator") === "+") {
    const [left, right] = [inner(one(node, "left")), inner(one(node, "right"))];
    return left === undefined || right === undefined ? undefined : left + right;
  }
  if (node.type === "TemplateLiteral") {
    const parts = many(node, "expressions").map(inner);
    const quasis = many(node, "quasis").map((quasi) => (raw(quasi, "value") as { readonly cooked?: unknown }).cooked);
    if (parts.includes(undefined)) return undefined;
    return quasis.map((quasi, i) => `${quasi ?? ""}${parts[i] ?? ""}`).join("");
  }
  if (node.type === "MemberExpression") {
    const object = one(node, "object");
    const binding = object === undefined ? undefined : context.scopes.of.get(unwrap(object));
    const key = keyName(node, "property");
    if (binding?.kind === "enum") {
      const body = one(binding.declaration, "body") ?? binding.declaration;
      const member = many(body, "members").find((each) => identifierName(one(each, "id")) === key);
      return member === undefined ? undefined : inner(one(member, "initializer"));
    }
    if (binding !== undefined && binding.kind !== "const") return undefined;
  }
  const { value } = declared(context, node);
  return value === undefined ? undefined : inner(value);
}
