/**
 * Finds where a file names exports of Rapier: in imports, and as members of the whole.
 */

import { identifierName, literalText, many, type Node, one, walk } from "../core/ast.ts";
import type { RuleContext } from "../core/context.ts";
import { exportedName, isRapier, RAPIER_WORDS } from "./_rapier.ts";

/** A mention of an export. */
export interface Mention {
  readonly node: Node;
  /** The name itself, to be replaced. */
  readonly word: Node;
  readonly name: string;
  /** Whether that is the import of a name without another one, so that the rest of the file uses it as well. */
  readonly isImport: boolean;
}

/** All mentions of exports whose name is in a table: an import counts, and not what is done with it. */
export function mentions(context: RuleContext, table: ReadonlyMap<string, unknown>): readonly Mention[] {
  const { source, program } = context;
  if (!RAPIER_WORDS.test(source.text) || ![...table.keys()].some((name) => source.text.includes(name))) return [];
  const found: Mention[] = [];
  for (const statement of many(program, "body")) {
    const from = statement.type === "ImportDeclaration" || statement.type === "ExportNamedDeclaration"
      ? one(statement, "source")
      : undefined;
    if (from === undefined || !isRapier(literalText(from) ?? "")) continue;
    for (const specifier of many(statement, "specifiers")) {
      const word = one(specifier, statement.type === "ImportDeclaration" ? "imported" : "local");
      const name = word === undefined ? undefined : identifierName(word) ?? literalText(word);
      if (
        word === undefined || name === undefined || !table.has(name) || specifier.type === "ImportNamespaceSpecifier"
      ) continue;
      found.push({ node: specifier, word, name, isImport: true });
    }
  }
  walk(program, (node) => {
    if (node.type !== "MemberExpression" && node.type !== "TSQualifiedName") return;
    const name = exportedName(context, node);
    const word = one(node, "property") ?? one(node, "right");
    if (name !== undefined && table.has(name) && word !== undefined) found.push({ node, word, name, isImport: false });
  });
  return found;
}
