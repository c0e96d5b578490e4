/**
 * The outline of a module: the names that it imports, declares and exports. It is read once and answers where a name leads.
 */

import { many, type Node, one, type Program, raw, text } from "../core/ast.ts";

/** Where a name comes from that is not the module's own. */
export interface Origin {
  readonly specifier: string;
  /** `"default"`, or `"*"` for the whole module. */
  readonly name: string;
}

/** The names of a module. */
export interface Outline {
  readonly imports: ReadonlyMap<string, Origin>;
  /** What the names of the module itself are declared as. */
  readonly declared: ReadonlyMap<string, Node>;
  /** What is exported, and the name or the expression behind it. */
  readonly exports: ReadonlyMap<string, string | Node>;
  /** Names that are handed on from other modules. */
  readonly passedOn: ReadonlyMap<string, Origin>;
  /** Modules that are handed on whole. */
  readonly stars: readonly string[];
  /** All modules that are named. */
  readonly specifiers: ReadonlySet<string>;
}

interface MutableOutline {
  readonly imports: Map<string, Origin>;
  readonly declared: Map<string, Node>;
  readonly exports: Map<string, string | Node>;
  readonly passedOn: Map<string, Origin>;
  readonly stars: string[];
  readonly specifiers: Set<string>;
}

/** Reads the outline of a module. */
export function outlineOf(program: Program): Outline {
  const outline: MutableOutline = {
    imports: new Map(),
    declared: new Map(),
    exports: new Map(),
    passedOn: new Map(),
    stars: [],
    specifiers: new Set(),
  };
  for (const statement of many(program, "body")) read(statement, outline);
  return outline;
}

/** The name that an identifier or a text in quotes gives. */
export function nameOf(node: Node | undefined): string {
  if (node === undefined) return "";
  const value = raw(node, "value");
  return text(node, "name") || (typeof value === "string" ? value : "");
}

function read(statement: Node, outline: MutableOutline): void {
  const specifier = text(one(statement, "source") ?? statement, "value");
  if (specifier !== "") outline.specifiers.add(specifier);
  switch (statement.type) {
    case "ImportDeclaration":
      for (const item of many(statement, "specifiers")) {
        const local = text(one(item, "local") ?? item, "name");
        const name = item.type === "ImportDefaultSpecifier"
          ? "default"
          : item.type === "ImportNamespaceSpecifier"
          ? "*"
          : nameOf(one(item, "imported"));
        outline.imports.set(local, { specifier, name });
      }
      return;
    case "ExportAllDeclaration": {
      const exported = nameOf(one(statement, "exported"));
      if (exported === "") outline.stars.push(specifier);
      else outline.passedOn.set(exported, { specifier, name: "*" });
      return;
    }
    case "ExportDefaultDeclaration": {
      const declaration = one(statement, "declaration");
      if (declaration !== undefined) outline.exports.set("default", declaration);
      if (declaration !== undefined) declare(declaration, false, outline);
      return;
    }
    case "ExportNamedDeclaration": {
      const declaration = one(statement, "declaration");
      if (declaration !== undefined) declare(declaration, true, outline);
      for (const item of many(statement, "specifiers")) {
        const exported = nameOf(one(item, "exported"));
        const local = nameOf(one(item, "local"));
        if (specifier === "") outline.exports.set(exported, local);
        else outline.passedOn.set(exported, { specifier, name: local });
      }
      return;
    }
    default:
      declare(statement, false, outline);
  }
}

function declare(declaration: Node, isExported: boolean, outline: MutableOutline): void {
  const declarators = declaration.type === "VariableDeclaration" ? many(declaration, "declarations") : [declaration];
  for (const declarator of declarators) {
    const name = text(one(declarator, "id") ?? declarator, "name");
    // The first of several overloads says as much as the others.
    if (name === "" || (outline.declared.has(name) && one(declarator, "body") === undefined)) continue;
    outline.declared.set(name, declarator);
    if (isExported) outline.exports.set(name, name);
  }
}
