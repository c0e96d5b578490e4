/**
 * What functions are expected to be where they stand: their parameters have no annotations then.
 */

import { isFunction, keyName, many, type Node, one, unwrap } from "./ast.ts";
import type { Binding, Context } from "./scope.ts";

/** Notes for the functions in a value what the annotation of the value says. */
export function expect(
  contexts: Map<Node, Context>,
  value: Node,
  annotation: Node | undefined,
  path: readonly string[] = [],
): void {
  if (value.type === "TSSatisfiesExpression" || value.type === "TSAsExpression") {
    const inner = one(value, "expression");
    if (inner !== undefined) expect(contexts, inner, one(value, "typeAnnotation"));
    return;
  }
  if (annotation === undefined || path.length > 3) return;
  const node = unwrap(value);
  if (isFunction(node)) contexts.set(node, { annotation, path });
  else if (node.type === "ArrayExpression") {
    for (const element of many(node, "elements")) expect(contexts, element, annotation, [...path, "0"]);
  } else if (node.type === "ObjectExpression") {
    for (const property of many(node, "properties")) {
      const key = keyName(property, "key");
      const inner = one(property, "value");
      if (key !== undefined && inner !== undefined) expect(contexts, inner, annotation, [...path, key]);
    }
  }
}

/** Notes for the callbacks of a call of a function of the file what its parameters say. */
export function expectOfCall(contexts: Map<Node, Context>, of: ReadonlyMap<Node, Binding>, call: Node): void {
  const callee = one(call, "callee");
  const fn = callee === undefined ? undefined : of.get(callee)?.declaration;
  if (fn === undefined || !/^(?:FunctionDeclaration|TSDeclareFunction)$/.test(fn.type)) return;
  const params = many(fn, "params");
  many(call, "arguments").forEach((arg, i) => {
    const param = params[i];
    if (param !== undefined) expect(contexts, arg, one(param, "typeAnnotation"));
  });
}
