/**
 * Objects of Rapier that a function makes for itself.
 */

import { type Node, one, unwrap } from "../core/ast.ts";
import type { RuleContext } from "../core/context.ts";
import type { Binding } from "../core/scope.ts";
import { calledOn, runnerAround, useOf } from "./_places.ts";
import { exportedName, rapierClass } from "./_rapier.ts";

/** An object that is made by `new`, and who has it. */
export interface Made {
  readonly node: Node;
  readonly name: string;
  readonly binding: Binding;
}

/** All variables that are declared with a new object of one of these classes. */
export function madeIn(context: RuleContext, names: ReadonlySet<string>): readonly Made[] {
  const found: Made[] = [];
  for (const binding of new Set(context.scopes.of.values())) {
    const { declaration } = binding;
    const init = declaration.type === "VariableDeclarator" && one(declaration, "id") === binding.node
      ? one(declaration, "init")
      : undefined;
    const node = init === undefined ? undefined : unwrap(init);
    if (node === undefined || binding.kind === "using") continue;
    const name = node.type === "NewExpression" || node.type === "CallExpression"
      ? rapierClass(context, node)
      : undefined;
    if (name !== undefined && names.has(name)) found.push({ node, name, binding });
  }
  return found;
}

/** Whether somebody else gets hold of an object: it is returned, stored, given away, or used by another function. */
export function isSharedObject(context: RuleContext, binding: Binding): boolean {
  const home = runnerAround(context, binding.node);
  if (binding.isExported || binding.writes > 0) return true;
  return binding.references.some(({ node }) => {
    if (runnerAround(context, node) !== home) return true;
    const use = useOf(context, node);
    if (use.is === "gone" || use.is === "alias" || use.is === "written") return true;
    return use.is === "argument" && !isCallOfRapier(context, use.call);
  });
}

/** Whether a call is of a method of an object of Rapier, which keeps nothing, or of one of its classes. */
function isCallOfRapier(context: RuleContext, call: Node): boolean {
  if (call.type === "NewExpression") return false;
  const object = calledOn(call);
  if (object === undefined) return false;
  const name = rapierClass(context, object) ?? exportedName(context, object);
  return name === "World" || name === "PhysicsPipeline";
}
