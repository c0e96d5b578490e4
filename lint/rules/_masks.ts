/**
 * The states of what rules follow through a function, a few bits for each.
 */

import type { Node } from "../core/ast.ts";

/** What may be so, by key. A key that is missing stands for {@linkcode UNKNOWN}. */
export type Masks = ReadonlyMap<string, number>;

/** The bit of a state that nobody knows. */
export const UNKNOWN = 1;

/** What a rule does with what is followed. */
export interface Steps {
  /** A node was evaluated, after its parts. Returns what is so after it. */
  visit(node: Node, masks: Masks): Masks;
  /** What a `using` declaration holds is disposed of. */
  dispose?(declarator: Node, masks: Masks): Masks;
  /** The function ends here. */
  exit?(node: Node, masks: Masks): void;
}

/** What may be so of a key. */
export function bitsOf(masks: Masks, key: string): number {
  return masks.get(key) ?? UNKNOWN;
}

/** The same with other bits for a key. */
export function withBits(masks: Masks, key: string, bits: number): Masks {
  return masks.get(key) === bits ? masks : new Map(masks).set(key, bits);
}

/** What is so where two ways meet; nothing for a way that nobody comes from. */
export function join(a: Masks | undefined, b: Masks | undefined): Masks | undefined {
  if (a === undefined) return b;
  if (b === undefined || a === b) return a;
  const result = new Map(a);
  for (const [key, bits] of b) result.set(key, (a.get(key) ?? UNKNOWN) | bits);
  for (const [key, bits] of a) if (!b.has(key)) result.set(key, bits | UNKNOWN);
  return result;
}
