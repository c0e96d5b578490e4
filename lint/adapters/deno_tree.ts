/**
 * Copies the tree that `deno lint` shows to its plugins into plain objects. That tree is a facade: each look at a child makes arrays anew,
 * and it is not quite the TS-ESTree of other parsers. The copy is, in all that the analysis reads, so that all front ends find the same.
 */

import { KEYS, many, type Node, one, type Program, raw, text } from "../core/ast.ts";
import { accessorType, restOfPattern, typeParametersOf } from "./deno_gaps.ts";

/** A node that is being made. */
interface Draft {
  [key: string]: unknown;
  readonly type: string;
  range: readonly [number, number];
}

/** A statement that the facade does not hold; where it is, does not matter. */
function empty(): Draft {
  return { type: "EmptyStatement", range: [0, 0] };
}

const NO_KEYS: readonly string[] = [];
const NAMED = ["name"];
const MEMBER = ["computed", "static", "kind"];
const FUNCTION = ["async", "generator"];
const OPERATOR = ["operator"];

/** What the analysis reads of nodes beside their children. Each look at the facade is a search, so nothing else is copied. */
const SCALARS: Readonly<Record<string, readonly string[]>> = {
  AccessorProperty: ["static"],
  ArrowFunctionExpression: ["async"],
  AssignmentExpression: OPERATOR,
  BinaryExpression: OPERATOR,
  ForOfStatement: ["await"],
  FunctionDeclaration: FUNCTION,
  FunctionExpression: FUNCTION,
  Identifier: NAMED,
  JSXIdentifier: NAMED,
  Literal: ["value"],
  LogicalExpression: OPERATOR,
  MemberExpression: ["computed"],
  MethodDefinition: MEMBER,
  PrivateIdentifier: NAMED,
  Property: ["computed", "kind"],
  PropertyDefinition: MEMBER,
  TSAbstractAccessorProperty: MEMBER,
  TSAbstractMethodDefinition: MEMBER,
  TSAbstractPropertyDefinition: MEMBER,
  TSMethodSignature: ["computed", "kind"],
  TSModuleDeclaration: ["kind"],
  TSPropertySignature: ["computed"],
  TSTypeOperator: OPERATOR,
  UnaryExpression: OPERATOR,
  UpdateExpression: OPERATOR,
  VariableDeclaration: ["kind"],
};

/** Children that the analysis does not walk but looks at, or that the facade, unlike other trees, cannot be asked for. */
const MORE_KEYS: Readonly<Record<string, readonly string[]>> = {
  TSCallSignatureDeclaration: KEYS["TSFunctionType"] ?? [],
  TSClassImplements: ["expression", "typeArguments"],
  TSConstructSignatureDeclaration: KEYS["TSFunctionType"] ?? [],
  TSExternalModuleReference: ["expression"],
  TSImportType: ["argument", "qualifier", "typeArguments"],
  TSIndexedAccessType: ["objectType", "indexType"],
  TSIndexSignature: ["parameters", "typeAnnotation"],
  TSInterfaceHeritage: ["expression", "typeArguments"],
  TSLiteralType: ["literal"],
  TSTypePredicate: ["typeAnnotation"],
  TSTypeQuery: ["exprName", "typeArguments"],
};

/** Returns a plain tree. */
export function plainTree(program: Program, source: string): Program {
  return copied(program, source) ?? empty();
}

function copied(value: unknown, source: string): Draft | null {
  if (typeof value !== "object" || value === null) return null;
  const node = value as Node;
  const { type } = node;
  // The facade shows an empty statement as a node without a type, at the start of the file.
  if (type === "") return empty();
  const draft: Draft = { type, range: node.range };
  for (const key of SCALARS[type] ?? NO_KEYS) draft[key] = raw(node, key);
  if (type === "Identifier" && !mayBeAnnotated(draft, source)) return draft;
  for (const key of KEYS[type] ?? MORE_KEYS[type] ?? NO_KEYS) {
    const value = raw(node, key);
    draft[key] = Array.isArray(value) ? value.map((item) => copied(item, source)) : copied(value, source);
  }
  corrected(draft, node, source);
  return draft;
}

/** Most names are no declarations, and half of all nodes are names: a look at the text is cheaper than one at the facade. */
function mayBeAnnotated({ range, name }: Draft, source: string): boolean {
  if (typeof name !== "string" || range[1] - range[0] !== name.length) return true;
  let at = range[1];
  while (source.charCodeAt(at) <= 0x20) at++;
  const next = source[at];
  // What is declared may be followed by "?" or "!" before the colon, and by a comment.
  return next === ":" || next === "?" || next === "!" || next === "/";
}

/** Puts right what the facade tells otherwise. */
function corrected(draft: Draft, node: Node, source: string): void {
  switch (draft.type) {
    case "ArrayPattern":
      // It ends lists at their first hole.
      draft["elements"] = [...many(draft, "elements"), ...restOfPattern(draft, source)];
      break;
    case "CallExpression":
      draft["callee"] = withoutChain(draft, "callee", source);
      break;
    case "ClassDeclaration":
    case "ClassExpression":
      draft["typeParameters"] = typeParametersOf(draft, source) ?? null;
      break;
    case "Literal":
      // A number with separators is none to it.
      if (Number.isNaN(draft["value"])) draft["value"] = Number(source.slice(...draft.range).replaceAll("_", ""));
      break;
    case "MemberExpression":
      draft["object"] = withoutChain(draft, "object", source);
      break;
    case "AccessorProperty":
    case "TSAbstractAccessorProperty":
      draft["typeAnnotation"] ??= accessorType(draft, source) ?? null;
      draft["computed"] = isInBrackets(draft, source);
      break;
    case "MethodDefinition":
    case "PropertyDefinition":
    case "TSAbstractMethodDefinition":
    case "TSAbstractPropertyDefinition":
      draft["computed"] = isInBrackets(draft, source);
      placeFunction(draft, source);
      break;
    case "Property":
      draft["computed"] ||= isInBrackets(draft, source);
      draft["shorthand"] = isShorthand(draft);
      if (draft["shorthand"] === true) {
        draft.range = [one(draft, "key")?.range[0] ?? draft.range[0], one(draft, "value")?.range[1] ?? draft.range[1]];
      }
      placeFunction(draft, source);
      break;
    case "TSModuleDeclaration":
      draft["global"] = draft["kind"] === "global";
      break;
    case "StaticBlock":
      draft["body"] = many(one(draft, "body") ?? draft, "body");
      break;
    case "TemplateElement":
      draft["value"] = { cooked: raw(node, "cooked"), raw: raw(node, "raw") };
      break;
    case "DoWhileStatement":
    case "ForInStatement":
    case "ForOfStatement":
    case "ForStatement":
    case "WhileStatement":
      draft["body"] ??= empty();
      break;
    case "IfStatement":
      draft["consequent"] ??= empty();
      break;
  }
}

/** Each part of an optional chain is a chain to it; elsewhere only the whole is one. In parentheses it stays one everywhere. */
function withoutChain(draft: Draft, key: string, source: string): Node | null {
  const child = one(draft, key);
  if (child?.type !== "ChainExpression") return child ?? null;
  const isInParentheses = /^\s*\)/.test(source.slice(child.range[1], child.range[1] + 100));
  return isInParentheses ? child : one(child, "expression") ?? child;
}

/** The function of a method begins at its parameters. */
function placeFunction(draft: Draft, source: string): void {
  const key = one(draft, "key");
  const value = one(draft, "value") as Draft | undefined;
  if (key === undefined || value === undefined || value.range[0] > key.range[0]) return;
  if (!/^(?:TSEmptyBody)?FunctionExpression$/.test(value.type)) return;
  const distance = source.slice(key.range[1], value.range[1]).search(/[(<]/);
  if (distance >= 0) value.range = [key.range[1] + distance, value.range[1]];
}

function isInBrackets(draft: Draft, source: string): boolean {
  const key = one(draft, "key");
  if (key === undefined) return false;
  const before = source.slice(draft.range[0], key.range[0]);
  return /\[\s*$/.test(before.replace(/\/\*[^]*?\*\/|\/\/[^\n]*/g, ""));
}

function isShorthand(draft: Draft): boolean {
  const key = one(draft, "key");
  const value = one(draft, "value");
  const named = value?.type === "AssignmentPattern" ? one(value, "left") : value;
  return key !== undefined && named?.range[0] === key.range[0] && text(named, "name") !== "";
}
