/**
 * Which functions are worth following: a glance at the names in them, so that the rest of a file costs next to nothing.
 */

import { isMethodOfAllocators } from "./api_calls.ts";
import { API, isAllocatorClass } from "./api_table.ts";
import { DEEPEST, eachChild, isClass, keyName, type Node, one, text } from "./ast.ts";
import type { Scopes } from "./scope.ts";

/** Methods that say something of frames, if they are those of an allocator or of a guard. */
const OF_GUARDS = new Set(["end", "scope", "alloc", "dispose"]);

/** What methods of an allocator are called, also those that this version does not have. */
const LIKE_OURS = /^(?:try)?(?:frame|pool|heap)[A-Z]/i;

/** The functions of a file that are worth following, and how large the file is. */
export interface Hot {
  readonly hot: ReadonlySet<Node>;
  readonly nodes: number;
}

/** Finds the functions in which something is done with memory, and those that mention them by name. */
export function hotFunctions(program: Node, scopes: Scopes): Hot {
  const finder = new Finder(scopes);
  finder.look(program, undefined, "", 0);
  finder.spread();
  return finder;
}

class Finder implements Hot {
  readonly hot = new Set<Node>();
  nodes = 0;
  readonly #scopes: Scopes;
  /** The functions that mention a name: of a call, a member, or a class of which one is made. */
  readonly #mentions = new Map<string, Set<Node>>();
  readonly #names = new Map<Node, string>();

  constructor(scopes: Scopes) {
    this.#scopes = scopes;
  }

  look(node: Node, fn: Node | undefined, name: string, depth: number): void {
    this.nodes++;
    if (depth > DEEPEST) return;
    let around = fn;
    let inner = "";
    switch (node.type) {
      case "ArrowFunctionExpression":
      case "FunctionExpression":
      case "FunctionDeclaration":
        around = node;
        this.#names.set(node, text(one(node, "id") ?? node, "name") || name);
        break;
      case "MemberExpression": {
        const key = keyName(node, "property");
        if (fn === undefined || key === undefined) break;
        if (isMethodOfAllocators(key) || LIKE_OURS.test(key) || OF_GUARDS.has(key)) this.#heat(fn);
        else this.#mention(key, fn);
        break;
      }
      case "CallExpression":
      case "NewExpression": {
        const callee = one(node, "callee");
        if (fn === undefined || callee?.type !== "Identifier") break;
        const called = text(callee, "name");
        const binding = this.#scopes.of.get(callee);
        const imported = binding?.kind === "import" ? text(one(binding.declaration, "imported") ?? callee, "name") : "";
        if (node.type === "NewExpression" && (isOfLibrary(called) || isOfLibrary(imported))) this.#heat(fn);
        else this.#mention(called, fn);
        break;
      }
      case "VariableDeclarator":
        inner = text(one(node, "id") ?? node, "name");
        break;
      case "MethodDefinition":
      case "Property":
      case "PropertyDefinition":
        inner = keyName(node, "key") ?? "";
        if (inner === "constructor" && node.type === "MethodDefinition") inner = name;
        break;
      case "ClassBody":
        inner = name;
        break;
      default:
        if (isClass(node)) inner = text(one(node, "id") ?? node, "name") || name;
    }
    eachChild(node, (child) => this.look(child, around, inner, depth + 1));
  }

  /** Names are enough: this only says what is worth following. */
  spread(): void {
    const queue = [...this.hot];
    for (let fn = queue.pop(); fn !== undefined; fn = queue.pop()) {
      const name = this.#names.get(fn);
      if (name === undefined || name === "") continue;
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
