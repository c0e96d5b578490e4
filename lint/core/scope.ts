/**
 * Names: what each identifier of a file stands for, who writes to it, and what a function takes from outside of itself.
 */

import type { Node } from "./ast.ts";

/** How a name came about. */
export type BindingKind =
  | "var"
  | "let"
  | "const"
  | "using"
  | "param"
  | "function"
  | "class"
  | "import"
  | "catch"
  | "enum"
  | "namespace";

/** One mention of a name. */
export interface Reference {
  readonly node: Node;
  /** The node around it. */
  readonly parent: Node;
  /** The function, or the program, that it is in. */
  readonly fn: Node;
  readonly isWrite: boolean;
}

/** What a name stands for in its scope. */
export interface Binding {
  readonly id: number;
  readonly name: string;
  readonly kind: BindingKind;
  /** Where it is named first. */
  readonly node: Node;
  /** What declares it: a declarator, a function, a class, an import specifier, a parameter. */
  readonly declaration: Node;
  readonly scope: Scope;
  readonly references: Reference[];
  /** How often it is written to, apart from its declaration. */
  writes: number;
  isExported: boolean;
}

/** Where names are known. */
export interface Scope {
  readonly node: Node;
  readonly parent: Scope | undefined;
  /** The function, or the program, around it. */
  readonly fn: Node;
  readonly bindings: Map<string, Binding>;
  /** Interfaces, type aliases, type parameters. */
  readonly types: Map<string, Node>;
}

/** The annotation of the variable, field or parameter that a function is the value of, or that it is somewhere in the value of. */
export interface Context {
  readonly annotation: Node;
  /** The members that lead to it. */
  readonly path: readonly string[];
}

/** The names of a file. */
export interface Scopes {
  readonly root: Scope;
  /** What an identifier stands for; nothing for a global one. */
  readonly of: ReadonlyMap<Node, Binding>;
  /** The scope that a function, block, loop, class or program makes. */
  readonly at: ReadonlyMap<Node, Scope>;
  /** The bindings that a function uses and does not declare. */
  readonly captures: ReadonlyMap<Node, ReadonlySet<Binding>>;
  /** All functions with a body, those outside first. */
  readonly functions: readonly Node[];
  /** All classes. */
  readonly classes: readonly Node[];
  /** The class that a method or field belongs to. */
  readonly classOf: ReadonlyMap<Node, Node>;
  /** The function, or the program, around a function. */
  readonly outer: ReadonlyMap<Node, Node>;
  /** What a function is expected to be. */
  readonly contextOf: ReadonlyMap<Node, Context>;
  /** What functions are called, by their own name or that of the variable, member or class that they are the value of. */
  readonly nameOf: ReadonlyMap<Node, string>;
  /** All members, calls and `new` in functions, each after those around it. */
  readonly uses: readonly { readonly node: Node; readonly fn: Node }[];
  /** How many nodes there are, roughly. */
  readonly size: number;
}

/** Finds a name from a scope outwards. */
export function lookup(scope: Scope | undefined, name: string): Binding | undefined {
  for (let at = scope; at !== undefined; at = at.parent) {
    const found = at.bindings.get(name);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Finds a type of that name from a scope outwards, and where. */
export function lookupType(scope: Scope | undefined, name: string): { node: Node; scope: Scope } | undefined {
  for (let at = scope; at !== undefined; at = at.parent) {
    const node = at.types.get(name);
    if (node !== undefined) return { node, scope: at };
  }
  return undefined;
}
