/**
 * Guards: what `using` ends, or a call of their `end()`.
 */

import type { Node } from "./ast.ts";
import type { Machine } from "./machine.ts";
import type { Guard } from "./values.ts";

/** Ends what a guard stands for; `keeps`: the memory of a scope stays until the frame ends. */
export function endGuard(m: Machine, guard: Guard, node: Node, keeps = false): void {
  switch (guard.of) {
    case "frame":
      return m.end(guard.alloc, node);
    case "scope":
    case "mark":
      return m.closeScope(guard.alloc, guard.node, node, keeps);
    default:
  }
}
