/**
 * Follows expressions in the order in which JavaScript evaluates them, and says what they may stand for.
 */

import { eachChild, flag, holey, isWrapper, keyName, many, type Node, one, text, unwrap } from "./ast.ts";
import { call, construct } from "./calls.ts";
import { declareClass } from "./declarations.ts";
import { keep, reachable } from "./escapes.ts";
import { branch, refine } from "./flow.ts";
import type { Machine } from "./machine.ts";
import { markup } from "./markup.ts";
import { elementsOf, read } from "./members.ts";
import { assign, bind } from "./patterns.ts";
import { type Fn, NOTHING, type Obj, union, type Value, viewsOf } from "./values.ts";

/** Objects that stay as long as the program. */
const GLOBALS = new Set(["exports", "global", "globalThis", "module", "self", "window"]);

/** Follows an expression. */
export function evaluate(m: Machine, node: Node): Value {
  m.steps++;
  if (m.depth > m.deepest) return NOTHING;
  m.depth++;
  const value = follow(m, node);
  m.depth--;
  return value;
}

function follow(m: Machine, node: Node): Value {
  switch (node.type) {
    case "Identifier":
      return name(m, node);
    case "Literal":
    case "MetaProperty":
    case "PrivateIdentifier":
    case "TemplateElement":
      return NOTHING;
    case "ThisExpression":
    case "Super":
      return m.active.self;
    case "MemberExpression":
      return member(m, node);
    case "CallExpression":
      return call(m, node);
    case "NewExpression":
      return construct(m, node);
    case "AssignmentExpression":
      return assignment(m, node);
    case "AwaitExpression":
      return wait(m, node);
    case "YieldExpression":
      return give(m, node);
    case "LogicalExpression":
      return logical(m, node);
    case "ConditionalExpression":
      return conditional(m, node);
    case "BinaryExpression":
      return binary(m, node);
    case "UnaryExpression": {
      const argument = one(node, "argument");
      const value = argument === undefined ? NOTHING : evaluate(m, argument);
      const operator = text(node, "operator");
      if (argument !== undefined && (operator === "+" || operator === "-" || operator === "~")) {
        useValue(m, value, argument);
      }
      return NOTHING;
    }
    case "UpdateExpression": {
      const argument = one(node, "argument");
      if (argument !== undefined) evaluate(m, argument);
      return NOTHING;
    }
    case "TemplateLiteral":
      for (const part of many(node, "expressions")) useValue(m, evaluate(m, part), part);
      return NOTHING;
    case "TaggedTemplateExpression": {
      const tag = one(node, "tag");
      const quasi = one(node, "quasi");
      if (tag !== undefined) evaluate(m, tag);
      if (quasi !== undefined) evaluate(m, quasi);
      return NOTHING;
    }
    case "SequenceExpression": {
      let value: Value = NOTHING;
      for (const part of many(node, "expressions")) value = evaluate(m, part);
      return value;
    }
    case "ArrayExpression":
      return array(m, node);
    case "ObjectExpression":
      return object(m, node);
    case "ArrowFunctionExpression":
    case "FunctionExpression":
      return [functionAt(m, node)];
    case "ClassExpression":
      return declareClass(m, node);
    case "SpreadElement": {
      const argument = one(node, "argument");
      return argument === undefined ? NOTHING : spread(m, evaluate(m, argument), argument);
    }
    case "ImportExpression":
      eachChild(node, (child) => void evaluate(m, child));
      return NOTHING;
    case "JSXElement":
    case "JSXFragment":
      return markup(m, node);
    default: {
      if (isWrapper(node)) {
        const inner = one(node, "expression");
        const value = inner === undefined ? NOTHING : evaluate(m, inner);
        return value.length > 0 || node.type === "ChainExpression" ? value : cast(m, node);
      }
      if (node.type.startsWith("TS")) return NOTHING;
      eachChild(node, (child) => void evaluate(m, child));
      return NOTHING;
    }
  }
}

/** What a function expression stands for: an arrow function has the `this` around it. */
export function functionAt(m: Machine, node: Node): Fn {
  return { k: "fn", node, self: node.type === "ArrowFunctionExpression" ? m.active.self : NOTHING, bound: NOTHING };
}

/** Whether a variable belongs to a function that is being followed, or to one that follows it where it stands. */
export function isOwn(m: Machine, home: Node): boolean {
  for (let at: typeof m.active | undefined = m.active; at !== undefined; at = at.parent) {
    if (at.node === home) return true;
  }
  return false;
}

function name(m: Machine, node: Node): Value {
  const binding = m.scopes.of.get(node);
  if (binding === undefined) {
    const id = text(node, "name");
    if (id === "undefined" || id === "NaN" || id === "Infinity") return NOTHING;
    if (GLOBALS.has(id)) return [m.statics.object("global", "global", id)];
    return m.isStrict && /^(?:frame)?alloc(?:ator)?$/i.test(id)
      ? [m.statics.alloc(`g:${id}`, "SmartAlloc", id)]
      : NOTHING;
  }
  const value = m.state.get(binding);
  if (value !== undefined) return value;
  const known = m.statics.ofBinding(binding, isOwn(m, binding.scope.fn));
  const fn = known[0];
  return fn?.k === "fn" && binding.kind !== "function" ? [{ ...fn, self: m.active.self }] : known;
}

/** What a cast or an annotation makes of a value that nobody knows. */
function cast(m: Machine, node: Node): Value {
  if (node.type !== "TSAsExpression" && node.type !== "TSTypeAssertion" && node.type !== "TSSatisfiesExpression") {
    return NOTHING;
  }
  const type = m.types.ofExpression(node);
  const key = `e${node.range[0]}`;
  return type === undefined ? NOTHING : m.statics.ofType(type, () => key, "value", () => "local") ?? NOTHING;
}

function member(m: Machine, node: Node): Value {
  const object = one(node, "object");
  const property = one(node, "property");
  if (object === undefined || property === undefined) return NOTHING;
  const value = evaluate(m, object);
  const key = keyName(node, "property");
  if (flag(node, "computed") && key === undefined) {
    const index = evaluate(m, property);
    useValue(m, index, property);
  }
  return read(m, value, key, object);
}

/** Memory, or a part of it, is handed to somebody, or is needed as a whole. */
export function useValue(m: Machine, value: Value, node: Node): void {
  for (const atom of value) if (atom.k === "view" && atom.shape !== "Maybe") m.use(atom, node);
}

/** The same with what is in objects. */
export function useDeep(m: Machine, value: Value, node: Node): void {
  if (value.length === 0) return;
  useValue(m, value, node);
  for (const atom of value) {
    if (atom.k !== "obj" || atom.home !== "local") continue;
    for (const view of reachable(m, [atom], 2)) {
      if (view.shape === "Maybe") continue;
      // What is in an object may be something else by now: only what has certainly ended counts.
      if (!m.state.site(view.site).isLive) m.use(view, node);
    }
  }
}

function assignment(m: Machine, node: Node): Value {
  const left = one(node, "left");
  const right = one(node, "right");
  if (left === undefined || right === undefined) return NOTHING;
  const operator = text(node, "operator");
  if (operator === "=") {
    const target = unwrap(left);
    const object = target.type === "MemberExpression" ? one(target, "object") : undefined;
    const receiver = object === undefined ? undefined : evaluate(m, object);
    const property = target.type === "MemberExpression" && flag(target, "computed")
      ? one(target, "property")
      : undefined;
    if (property !== undefined) evaluate(m, property);
    const value = evaluate(m, right);
    assign(m, target, value, node, receiver);
    return value;
  }
  const before = evaluate(m, left);
  if (operator === "??=" || operator === "||=" || operator === "&&=") {
    let value: Value = NOTHING;
    branch(m, () => {
      value = evaluate(m, right);
      assign(m, unwrap(left), union(before, value), node, undefined, value);
    });
    return union(before, value);
  }
  useValue(m, before, left);
  useValue(m, evaluate(m, right), right);
  return NOTHING;
}

function wait(m: Machine, node: Node): Value {
  const argument = one(node, "argument");
  const value = argument === undefined ? NOTHING : evaluate(m, argument);
  const awaited = value.flatMap((atom) => atom.k === "pending" ? atom.views : []);
  m.suspend(node, "await", awaited);
  return value.filter((atom) => atom.k !== "pending");
}

function give(m: Machine, node: Node): Value {
  const argument = one(node, "argument");
  const value = argument === undefined ? NOTHING : evaluate(m, argument);
  if (argument !== undefined) useValue(m, value, argument);
  m.suspend(node, "yield");
  return NOTHING;
}

function logical(m: Machine, node: Node): Value {
  const left = one(node, "left");
  const right = one(node, "right");
  if (left === undefined || right === undefined) return NOTHING;
  const first = evaluate(m, left);
  const operator = text(node, "operator");
  let second: Value = NOTHING;
  branch(m, () => {
    if (operator !== "??") refine(m, left, operator === "&&");
    second = evaluate(m, right);
  });
  return operator === "&&" ? second : union(first, second);
}

function conditional(m: Machine, node: Node): Value {
  const test = one(node, "test");
  const consequent = one(node, "consequent");
  const alternate = one(node, "alternate");
  if (test !== undefined) evaluate(m, test);
  let first: Value = NOTHING;
  let second: Value = NOTHING;
  branch(m, () => {
    if (test !== undefined) refine(m, test, true);
    if (consequent !== undefined) first = evaluate(m, consequent);
  }, () => {
    if (test !== undefined) refine(m, test, false);
    if (alternate !== undefined) second = evaluate(m, alternate);
  });
  return union(first, second);
}

function binary(m: Machine, node: Node): Value {
  const left = one(node, "left");
  const right = one(node, "right");
  const first = left === undefined ? NOTHING : evaluate(m, left);
  const second = right === undefined ? NOTHING : evaluate(m, right);
  const operator = text(node, "operator");
  if (/^(?:[=!]==?|instanceof)$/.test(operator)) return NOTHING; // handles may be compared at any time
  if (left !== undefined) useValue(m, first, left);
  if (right !== undefined) useValue(m, second, right);
  return NOTHING;
}

/** The object that a literal makes; each time it is made it is empty. */
export function fresh(m: Machine, node: Node, name: string): Obj {
  const obj = m.statics.object(`l${node.range[0]}:${node.range[1]}`, "local", name, undefined, undefined, node);
  m.state.fill(obj, { fields: new Map(), rest: NOTHING });
  return obj;
}

function array(m: Machine, node: Node): Value {
  let rest: Value = NOTHING;
  const fields = new Map<string, Value>();
  let isIndexed = true;
  holey(node, "elements").forEach((element, i) => {
    if (element === null) return;
    const value = evaluate(m, element);
    if (element.type === "SpreadElement") isIndexed = false;
    if (isIndexed && value.length > 0) fields.set(String(i), value);
    else rest = union(rest, value);
  });
  const obj = fresh(m, node, "array");
  m.state.fill(obj, { fields, rest });
  return [obj];
}

/** What spreading a value into a list puts there: numbers are copied, records are not. */
export function spread(m: Machine, value: Value, node: Node): Value {
  useValue(m, value, node);
  return elementsOf(m, value);
}

function object(m: Machine, node: Node): Value {
  const fields = new Map<string, Value>();
  let rest: Value = NOTHING;
  for (const property of many(node, "properties")) {
    if (property.type === "SpreadElement") {
      const argument = one(property, "argument");
      const value = argument === undefined ? NOTHING : evaluate(m, argument);
      if (argument !== undefined) useValue(m, value, argument);
      for (const atom of value) {
        if (atom.k === "view" && atom.shape === "Columns") rest = union(rest, [atom]);
        if (atom.k !== "obj") continue;
        const contents = m.contents(atom);
        rest = union(rest, contents.rest);
        for (const [key, field] of contents.fields) fields.set(key, field);
      }
      continue;
    }
    const key = keyName(property, "key");
    const computed = one(property, "key");
    if (flag(property, "computed") && key === undefined && computed !== undefined) evaluate(m, computed);
    const value = one(property, "value");
    const result = value === undefined ? NOTHING : evaluate(m, value);
    if (text(property, "kind") === "get" || text(property, "kind") === "set") rest = union(rest, result);
    else if (key === undefined) rest = union(rest, result);
    else if (result.length > 0 || fields.has(key)) fields.set(key, result);
  }
  const obj = fresh(m, node, "object");
  m.state.fill(obj, { fields, rest });
  return [obj];
}

/** Binds the value of a declaration, and says so if it is exported. */
export function declareValue(m: Machine, pattern: Node, value: Value, node: Node): void {
  bind(m, pattern, value);
  const binding = pattern.type === "Identifier" ? m.scopes.of.get(pattern) : undefined;
  if (binding?.isExported === true && viewsOf(value).length > 0 && m.active.node === m.program) {
    keep(m, value, node, binding.name, "export");
  }
}
