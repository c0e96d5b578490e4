/**
 * A function that is being followed, and the ways out of its blocks.
 */

import type { Node } from "./ast.ts";
import type { Exit, LoopInfo } from "./events.ts";
import type { State } from "./state.ts";
import type { Value, View } from "./values.ts";

/** A jump out of a block: where it goes, and in which state. */
export interface Completion {
  readonly how: "return" | "break" | "continue" | "throw";
  readonly label: string | undefined;
  readonly node: Node;
  readonly value: Value;
  state: State;
}

/** A function that is being followed. */
export interface Activation {
  readonly node: Node;
  readonly isAsync: boolean;
  readonly isGenerator: boolean;
  readonly self: Value;
  /** `root`: for itself; `literal`: a callback where it stands; `named`: a function of the file, from a call. */
  readonly kind: "root" | "literal" | "named";
  readonly parent: Activation | undefined;
  readonly completions: Completion[];
  readonly loops: LoopInfo[];
  readonly endedBegins: Set<Node>;
  /** Ways to the next turn of a loop, with what is so there. */
  readonly turns: Exit[];
  /** What was so when it waited for the first time, which is when its caller goes on. */
  firstSuspend: State | undefined;
  /** Memory of the caller that was used after an `await` in here. */
  readonly crossed: View[];
  /** Labels that are on the statement that comes next. */
  labels: readonly string[];
}

/** What may be so when something throws in a `try`. */
export interface Handler {
  state: State | undefined;
  version: number;
}

/** Starts to follow a function. */
export function newActivation(
  node: Node,
  kind: Activation["kind"],
  self: Value,
  parent: Activation | undefined,
  isAsync: boolean,
  isGenerator = false,
): Activation {
  return {
    node,
    kind,
    self,
    parent,
    isAsync,
    isGenerator,
    completions: [],
    loops: kind === "literal" && parent !== undefined ? [...parent.loops] : [],
    endedBegins: kind === "literal" && parent !== undefined ? parent.endedBegins : new Set(),
    turns: kind === "literal" && parent !== undefined ? parent.turns : [],
    firstSuspend: undefined,
    crossed: kind === "literal" && parent !== undefined ? parent.crossed : [],
    labels: [],
  };
}
