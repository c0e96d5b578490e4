/**
 * What comes from Rapier: its modules under whatever name, its classes, and values of them.
 */

import { identifierName, keyName, literalText, many, type Node, one, unwrap } from "../core/ast.ts";
import type { RuleContext } from "../core/context.ts";
import { type Binding, lookup } from "../core/scope.ts";
import { declared } from "./_declared.ts";

/** What a text has to mention for the rules about Rapier to look at it. */
export const RAPIER_WORDS = /@dimforge\/rapier[23]d/;
const MODULE =
  /^(?:npm:\/?|https?:\/\/[^?#]*\/)?@dimforge\/rapier[23]d(?:-simd|-deterministic)?(?:-compat)?(?:@[^/]+)?(?:\/.*)?$/;

/** Whether a specifier is a build of Rapier. */
export function isRapier(specifier: string): boolean {
  return MODULE.test(specifier);
}

/** The name that Rapier exports something under: `World` for `RAPIER.World`, and for an imported name. */
export function exportedName(context: RuleContext, expression: Node): string | undefined {
  const node = unwrap(expression);
  if (node.type === "Identifier") {
    const binding = context.scopes.of.get(node) ?? lookup(context.scopes.root, identifierName(node) ?? "");
    return binding === undefined ? undefined : importedName(context, binding);
  }
  const isMember = node.type === "MemberExpression" || node.type === "TSQualifiedName";
  const space = isMember ? one(node, "object") ?? one(node, "left") : undefined;
  if (space === undefined || !isNamespace(context, space)) return undefined;
  return node.type === "TSQualifiedName" ? identifierName(one(node, "right")) : keyName(node, "property");
}

/** The name of an import by name, or of a name that is taken from the namespace. */
function importedName(context: RuleContext, binding: Binding): string | undefined {
  const { declaration } = binding;
  if (binding.kind === "import") {
    const source = context.types.sourceOf(binding);
    if (source === undefined || !isRapier(source) || declaration.type !== "ImportSpecifier") return undefined;
    const imported = one(declaration, "imported");
    return imported === undefined ? undefined : identifierName(imported) ?? literalText(imported);
  }
  const pattern = one(declaration, "id");
  const init = one(declaration, "init");
  if (
    binding.kind !== "const" || pattern?.type !== "ObjectPattern" || init === undefined || !isNamespace(context, init)
  ) return undefined;
  const property = many(pattern, "properties").find((each) => one(each, "value") === binding.node);
  return property === undefined ? undefined : keyName(property, "key");
}

/** Whether an expression is Rapier as a whole. */
function isNamespace(context: RuleContext, expression: Node, depth = 0): boolean {
  const node = unwrap(expression);
  if (depth > 4) return false;
  if (node.type === "Identifier") {
    const binding = context.scopes.of.get(node) ?? lookup(context.scopes.root, identifierName(node) ?? "");
    if (binding === undefined) return false;
    if (binding.kind === "import") {
      const source = context.types.sourceOf(binding);
      const { declaration } = binding;
      const isWhole = declaration.type !== "ImportSpecifier" ||
        identifierName(one(declaration, "imported")) === "default";
      return source !== undefined && isRapier(source) && isWhole;
    }
    const { value } = declared(context, node);
    return value !== undefined && isNamespace(context, value, depth + 1);
  }
  if (node.type === "AwaitExpression") {
    const argument = one(node, "argument");
    return argument !== undefined && isNamespace(context, argument, depth + 1);
  }
  if (node.type === "ImportExpression") {
    const source = literalText(one(node, "source") ?? node);
    return source !== undefined && isRapier(source);
  }
  const object = node.type === "MemberExpression" && keyName(node, "property") === "default"
    ? one(node, "object")
    : undefined;
  return object !== undefined && isNamespace(context, object, depth + 1);
}

/** The class of Rapier that a value is of. */
export function rapierClass(context: RuleContext, expression: Node, depth = 0): string | undefined {
  const node = unwrap(expression);
  if (depth > 6) return undefined;
  if (node.type === "NewExpression") {
    const callee = one(node, "callee");
    return callee === undefined ? undefined : exportedName(context, callee);
  }
  if (node.type === "CallExpression") {
    const callee = unwrap(one(node, "callee") ?? node);
    const object = callee.type === "MemberExpression" ? one(callee, "object") : undefined;
    const name = object === undefined ? undefined : exportedName(context, object);
    return name === "World" && /^(?:restoreSnapshot|fromRaw)$/.test(keyName(callee, "property") ?? "")
      ? name
      : undefined;
  }
  const { annotation, value } = declared(context, node);
  const written = annotation === undefined ? undefined : classIn(context, annotation);
  return written ?? (value === undefined ? undefined : rapierClass(context, value, depth + 1));
}

function classIn(context: RuleContext, annotation: Node): string | undefined {
  if (annotation.type === "TSUnionType") {
    return many(annotation, "types").map((each) => classIn(context, each)).find((name) => name !== undefined);
  }
  const name = annotation.type === "TSTypeReference" ? one(annotation, "typeName") : undefined;
  return name === undefined ? undefined : exportedName(context, name);
}
