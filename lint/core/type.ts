/**
 * What the analysis calls a type: these are not the types of TypeScript, but the few of them that lead to an allocator.
 */

import type { Node } from "./ast.ts";
import type { ExportFact, ProjectIndex } from "./project.ts";
import type { Types } from "./types.ts";

/** What is known of the type of a value. */
export type Type =
  /** A value of a class of the library. */
  | { readonly t: "library"; readonly name: string }
  /** A class of the library itself. */
  | { readonly t: "class"; readonly name: string }
  /** A module of the library. */
  | { readonly t: "module"; readonly specifier: string; readonly isLibrary: boolean }
  /** An object with members: of a class, an interface, a type literal, an object literal. */
  | { readonly t: "object"; readonly node: Node }
  /** A class of the file itself. */
  | { readonly t: "constructor"; readonly node: Node }
  | { readonly t: "list"; readonly of: Type | undefined }
  | { readonly t: "promise"; readonly of: Type | undefined }
  | { readonly t: "function"; readonly node: Node }
  | { readonly t: "fact"; readonly fact: ExportFact };

/** What the types of a file are found out with. */
export interface TypeOptions {
  readonly filename: string;
  readonly modules: readonly string[];
  readonly index: ProjectIndex | undefined;
}

/** The type of what another file exports. */
export function factType(fact: ExportFact): Type {
  if (fact.is === "class") return { t: "class", name: fact.of };
  if (fact.is === "instance") return { t: "library", name: fact.of };
  return { t: "fact", fact };
}

/** What `new` of a class makes, or what its name means as a type. */
export function instance(type: Type | undefined, types?: Types): Type | undefined {
  if (type?.t === "class") return { t: "library", name: type.name };
  if (type?.t === "constructor") {
    const base = types?.libraryBase(type.node);
    return base === undefined ? { t: "object", node: type.node } : { t: "library", name: base };
  }
  return type?.t === "fact" || type?.t === "library" ? type : undefined;
}
