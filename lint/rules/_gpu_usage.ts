/**
 * What a WebGPU buffer was created for, as far as the text says so.
 */

import { identifierName, keyName, many, type Node, one, raw, text, unwrap } from "../core/ast.ts";
import type { RuleContext } from "../core/context.ts";
import { behind, declared } from "./_declared.ts";
import { calledName } from "./_places.ts";

/** The usages that rules ask for. */
export const MAP_READ = 0x1;
export const MAP_WRITE = 0x2;
export const COPY_SRC = 0x4;
export const COPY_DST = 0x8;

const USAGES: ReadonlyMap<string, number> = new Map([
  ["MAP_READ", MAP_READ],
  ["MAP_WRITE", MAP_WRITE],
  ["COPY_SRC", COPY_SRC],
  ["COPY_DST", COPY_DST],
  ["INDEX", 0x10],
  ["VERTEX", 0x20],
  ["UNIFORM", 0x40],
  ["STORAGE", 0x80],
  ["INDIRECT", 0x100],
  ["QUERY_RESOLVE", 0x200],
]);

/** A buffer that is created in this file. */
export interface CreatedBuffer {
  readonly node: Node;
  /** Nothing if it is not all written down. */
  readonly usage: number | undefined;
  readonly isMapped: boolean | undefined;
}

/** What a text has to mention for the rules about WebGPU buffers to look at it. */
export const GPU_WORDS = /\b(?:createBuffer|getMappedRange|mapAsync)\b/;

/** Reads `device.createBuffer({ … })`. */
export function createdBuffer(context: RuleContext, expression: Node): CreatedBuffer | undefined {
  const node = unwrap(expression);
  if (node.type !== "CallExpression" || calledName(node) !== "createBuffer") return undefined;
  const [argument] = many(node, "arguments");
  const descriptor = argument === undefined ? undefined : behind(context, argument);
  if (descriptor?.type !== "ObjectExpression") return undefined;
  const properties = many(descriptor, "properties");
  const find = (key: string) => {
    const property = properties.find((each) => each.type === "Property" && keyName(each, "key") === key);
    return property === undefined ? undefined : one(property, "value");
  };
  const usage = find("usage");
  if (usage === undefined) return undefined;
  if (properties.some(({ type }) => type === "SpreadElement")) return { node, usage: undefined, isMapped: undefined };
  const mapped = find("mappedAtCreation");
  const value = mapped === undefined ? false : raw(unwrap(mapped), "value");
  return { node, usage: usageOf(context, usage), isMapped: typeof value === "boolean" ? value : undefined };
}

/** The buffer that an expression certainly is. */
export function bufferOf(context: RuleContext, expression: Node): CreatedBuffer | undefined {
  return createdBuffer(context, behind(context, expression));
}

/** The bits of a usage: constants joined with `|`. */
function usageOf(context: RuleContext, expression: Node, depth = 0): number | undefined {
  const node = unwrap(expression);
  if (depth > 12) return undefined;
  if (node.type === "Literal") {
    const value = raw(node, "value");
    return typeof value === "number" ? value : undefined;
  }
  if (node.type === "BinaryExpression" && /^[|+]$/.test(text(node, "operator"))) {
    const [left, right] = [one(node, "left"), one(node, "right")];
    const a = left === undefined ? undefined : usageOf(context, left, depth + 1);
    const b = right === undefined ? undefined : usageOf(context, right, depth + 1);
    return a === undefined || b === undefined ? undefined : a | b;
  }
  if (
    node.type === "MemberExpression" && /^(?:GPUBufferUsage|USAGE)$/.test(identifierName(one(node, "object")) ?? "")
  ) {
    return USAGES.get(keyName(node, "property") ?? "");
  }
  if (node.type === "Identifier") {
    const binding = context.scopes.of.get(node);
    const from = binding === undefined ? undefined : one(binding.declaration, "init");
    if (binding !== undefined && identifierName(from) === "GPUBufferUsage") {
      const pattern = one(binding.declaration, "id");
      const property = pattern === undefined
        ? undefined
        : many(pattern, "properties").find((each) => one(each, "value") === binding.node);
      return property === undefined ? undefined : USAGES.get(keyName(property, "key") ?? "");
    }
  }
  const { value } = declared(context, node);
  return value === undefined ? undefined : usageOf(context, value, depth + 1);
}
