/**
 * How rules name things, and the places that they point to besides the finding.
 */

import type { Related } from "../core/diagnostic.ts";
import type { Node } from "../core/ast.ts";
import type { Mark } from "../core/facts.ts";
import type { Alloc, View } from "../core/values.ts";

/** A value, by the method that allocates it. */
export function named(view: View): string {
  return `the value of ${view.site.method}()`;
}

/** The same at the beginning of a sentence. */
export function Named(view: View): string {
  return `The value of ${view.site.method}()`;
}

/** Points to the allocation of a value. */
export function allocatedAt(view: View): Related {
  return place(view.site.node, "allocated here");
}

/** Points to something. */
export function place(node: Node, message: string): Related {
  return { start: node.range[0], end: node.range[1], message };
}

/** Points to where something happened. */
export function markedAt(mark: Mark, message: string): Related {
  return place(mark.node, message);
}

/** An allocator by name. */
export function nameOf(alloc: Alloc): string {
  return alloc.name.startsWith("new ") ? "the allocator" : alloc.name;
}
