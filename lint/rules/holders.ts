/**
 * Who has what an expression makes: a variable, somebody else, or nobody.
 */

import { identifierName, isWrapper, keyName, type Node, one, text } from "../core/ast.ts";
import type { RuleContext } from "../core/context.ts";
import type { Binding } from "../core/scope.ts";

/** Who has it. */
export type Holder =
  /** Nobody: it is an expression of its own. `start` is where the statement begins. */
  | { readonly is: "dropped"; readonly start: number }
  | { readonly is: "variable"; readonly binding: Binding }
  /** It is returned, given to somebody, stored or declared with `using`. */
  | { readonly is: "elsewhere" };

/** Finds who has what an expression makes. */
export function holderOf(context: RuleContext, node: Node): Holder {
  const { parents, scopes } = context;
  let at = node;
  let around = parents.get(at);
  while (
    around !== undefined &&
    (isWrapper(around) || (around.type === "UnaryExpression" && text(around, "operator") === "void"))
  ) {
    at = around;
    around = parents.get(at);
  }
  if (around?.type === "ExpressionStatement") return { is: "dropped", start: around.range[0] };
  if (around?.type !== "VariableDeclarator") return { is: "elsewhere" };
  const kind = text(parents.get(around) ?? around, "kind");
  const id = one(around, "id");
  const binding = id === undefined ? undefined : scopes.of.get(id);
  return binding === undefined || kind.includes("using") || binding.isExported
    ? { is: "elsewhere" }
    : { is: "variable", binding };
}

/** Whether a variable is given on to somebody, or one of the methods that end it is mentioned. */
export function isHeldOn(context: RuleContext, binding: Binding, ends: RegExp): boolean {
  return binding.references.some(({ node, parent, isWrite }) => {
    if (isWrite) return false;
    if (parent.type === "MemberExpression" && one(parent, "object") === node) {
      const key = keyName(parent, "property");
      return key === undefined || ends.test(key);
    }
    if (parent.type === "TSNonNullExpression" || parent.type === "ChainExpression") {
      const member = context.parents.get(parent);
      const key = member?.type === "MemberExpression" ? keyName(member, "property") : undefined;
      return key === undefined || ends.test(key);
    }
    if (
      parent.type === "ExpressionStatement" || (parent.type === "UnaryExpression" && identifierName(node) !== undefined)
    ) return false;
    return !(parent.type === "BinaryExpression" || parent.type === "TemplateLiteral" || parent.type === "IfStatement");
  });
}
