/**
 * Which functions are worth following: a glance at the names in them, so that the rest of a file costs next to nothing.
 */

import { isMethodOfAllocators } from "./api_calls.ts";
import { API, isAllocatorClass } from "./api_table.ts";
import { identifierName, keyName, type Node, one, text } from "./ast.ts";
import type { Scopes } from "./scope.ts";

/** Methods that say something of frames, if they are those of an allocator or of a guard. */
const OF_GUARDS = new Set(["end", "scope", "alloc", "dispose"]);

/** What methods of an allocator are called, also those that this version does not have. */
const LIKE_OURS = /^(?:try)?(?:frame|pool|heap)[A-Z]/i;

/** Finds the functions in which something is done with memory, and those that mention them by name. */
export function hotFunctions(scopes: Scopes): ReadonlySet<Node> {
  const finder = new Finder(scopes);
  for (const { node, fn } of scopes.uses) finder.look(node, fn);
  finder.spread();
  return finder.hot;
}

class Finder {
  readonly hot = new Set<Node>();
  readonly #scopes: Scopes;
  /** The functions that mention a name: of a call, a member, or a class of which one is made. */
  readonly #mentions = new Map<string, Set<Node>>();

  constructor(scopes: Scopes) {
    this.#scopes = scopes;
  }

  look(node: Node, fn: Node): void {
    if (node.type === "MemberExpression") {
      const key = keyName(node, "property");
      if (key === undefined) return;
      if (isMethodOfAllocators(key) || LIKE_OURS.test(key) || OF_GUARDS.has(key)) this.#heat(fn);
      else this.#mention(key, fn);
      return;
    }
    const callee = one(node, "callee");
    if (callee?.type !== "Identifier") return;
    const called = text(callee, "name");
    if (node.type === "NewExpression" && (isOfLibrary(called) || isOfLibrary(this.#importedName(callee)))) {
      this.#heat(fn);
    } else this.#mention(called, fn);
  }

  #importedName(callee: Node): string {
    const binding = this.#scopes.of.get(callee);
    return binding?.kind === "import" ? identifierName(one(binding.declaration, "imported")) ?? "" : "";
  }

  /** Names are enough: this only says what is worth following. */
  spread(): void {
    const queue = [...this.hot];
    for (let fn = queue.pop(); fn !== undefined; fn = queue.pop()) {
      const name = this.#scopes.nameOf.get(fn);
      if (name === undefined) continue;
      for (const caller of this.#mentions.get(name) ?? []) {
        if (this.hot.has(caller)) continue;
        for (
          let at: Node | undefined = caller;
          at !== undefined && !this.hot.has(at);
          at = this.#scopes.outer.get(at)
        ) {
          this.hot.add(at);
          queue.push(at);
        }
      }
    }
  }

  #mention(name: string, fn: Node): void {
    const from = this.#mentions.get(name);
    if (from === undefined) this.#mentions.set(name, new Set([fn]));
    else from.add(fn);
  }

  #heat(fn: Node): void {
    for (let at: Node | undefined = fn; at !== undefined && !this.hot.has(at); at = this.#scopes.outer.get(at)) {
      this.hot.add(at);
    }
  }
}

function isOfLibrary(name: string): boolean {
  return Object.hasOwn(API, name) && (isAllocatorClass(name) || /Guard|Barrier|Handle/.test(name));
}
