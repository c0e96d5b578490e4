/**
 * Follows what a class does when it is defined: its static parts. What its instances do is looked at for itself.
 */

import { newActivation } from "./activation.ts";
import { flag, keyName, many, type Node, one, text } from "./ast.ts";
import { keep } from "./escapes.ts";
import { evaluate } from "./expressions.ts";
import type { Machine } from "./machine.ts";
import { staticsOf } from "./members.ts";
import { execute } from "./statements.ts";
import { State } from "./state.ts";
import type { Value } from "./values.ts";

/** Defines a class. */
export function declareClass(m: Machine, cls: Node): Value {
  const superClass = one(cls, "superClass");
  if (superClass !== undefined) evaluate(m, superClass);
  const name = text(one(cls, "id") ?? cls, "name");
  const body = one(cls, "body");
  const statics = staticsOf(m, cls, name === "" ? "the class" : name);
  const active = m.active;
  m.active = { ...active, self: [statics] };
  for (const member of body === undefined ? [] : many(body, "body")) {
    const key = one(member, "key");
    if (flag(member, "computed") && key !== undefined) evaluate(m, key);
    if (member.type === "StaticBlock") execute(m, member);
    const value = one(member, "value");
    if (!flag(member, "static") || value === undefined || member.type === "MethodDefinition") continue;
    const result = evaluate(m, value);
    keep(m, result, member, `${statics.name}.${keyName(member, "key") ?? "…"}`, "field");
    m.state.put(statics, keyName(member, "key"), result);
  }
  m.active = active;
  return [{ k: "class", name, node: cls }];
}

/** Follows the initialisers of the fields of an instance, each as if nobody knew when it runs. */
export function runFields(m: Machine, cls: Node, self: Value): void {
  const body = one(cls, "body");
  m.state = new State();
  m.active = newActivation(cls, "root", self, undefined, false);
  for (const member of body === undefined ? [] : many(body, "body")) {
    if (member.type === "MethodDefinition" || member.type === "StaticBlock" || flag(member, "static")) continue;
    const value = one(member, "value");
    if (value === undefined) continue;
    const result = evaluate(m, value);
    keep(m, result, member, `this.${keyName(member, "key") ?? "…"}`, "this");
    for (const atom of self) if (atom.k === "obj") m.state.put(atom, keyName(member, "key"), result);
  }
}
