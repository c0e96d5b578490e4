/**
 * The copy of the tree of `deno lint` is the tree that the parser of the command makes, in all that the analysis reads.
 */

import { assert, assertEquals } from "@std/assert";
import { holey, KEYS, type Node, type Program, raw } from "../../lint/core/ast.ts";
import { plainTree } from "../../lint/adapters/deno_tree.ts";
import { OXC_BY_JSON } from "../../lint/fa/parse.ts";
import { RULES } from "../../lint/registry.ts";
import { AWKWARD } from "./_adapters.ts";
import { readCorpus } from "./_corpus.ts";
import { readOwnSources } from "./_own_sources.ts";

/** What the analysis reads beside children. */
const READ = [
  "name",
  "operator",
  "kind",
  "computed",
  "static",
  "async",
  "generator",
  "await",
  "shorthand",
  "value",
];

/**
 * What is known to differ, in the parent and the node: nothing is reported at such nodes, and little is read of them. Halves of characters
 * in texts, bounds of classes that are no names, and defaults after holes are lost.
 */
const KNOWN: readonly RegExp[] = [
  /^\.Program: starts elsewhere$/,
  /(?:ClassBody|EmptyStatement|RestElement|TemplateElement|TSTypeParameter): starts elsewhere$/,
  /^AccessorProperty\.typeAnnotation TSTypeAnnotation: starts elsewhere$/,
  /^(?:TSAsExpression\.typeAnnotation TSTypeReference|TSTypeReference\.typeName Identifier): starts elsewhere$/,
  /^ArrayPattern\.elements: AssignmentPattern, not Identifier$/,
  /Literal\.value: .*[\ud800-\udfff].*, not .*\ufffd/u,
  /: TSConstructorType, not TSConstructSignatureDeclaration$/,
  /^TSTypeParameter\.(?:constraint|default): /,
];

/** The same tree as `deno lint` shows it, copied. */
function fromDeno(text: string): Program {
  let program: Program | undefined;
  const rule: Deno.lint.Rule = {
    create({ sourceCode }) {
      program = plainTree(sourceCode.ast as unknown as Program, text);
      return {};
    },
  };
  Deno.lint.runPlugin({ name: "tree", rules: { tree: rule } }, "main.ts", text);
  assert(program !== undefined);
  return program;
}

/** What differs between trees, as lines. */
function* differences(node: Node, copy: Node | undefined | null, where: string): Generator<string> {
  if (copy === undefined || copy === null || node.type !== copy.type) {
    yield `${where}: ${node.type}, not ${copy?.type}`;
    return;
  }
  const at = where === "" ? `.${node.type}` : `${where} ${node.type}`;
  if (node.range[0] !== copy.range[0]) yield `${at}: starts elsewhere`;
  for (const key of READ) {
    const [one, other] = [raw(node, key), raw(copy, key)].map((value) =>
      typeof value === "object" && value !== null ? typeof value : value
    );
    if (one !== other && (one ?? false) !== (other ?? false)) {
      yield `${at}.${key}: ${String(one)}, not ${String(other)}`;
    }
  }
  for (const key of KEYS[node.type] ?? []) {
    const value = raw(node, key);
    const list = Array.isArray(value);
    const mine = list ? holey(node, key) : [value as Node | null | undefined];
    const theirs = list ? holey(copy, key) : [raw(copy, key) as Node | null | undefined];
    if (mine.length !== theirs.length) yield `${at}.${key}: ${mine.length}, not ${theirs.length}`;
    for (const [i, child] of mine.entries()) {
      if (child !== null && child !== undefined) yield* differences(child, theirs[i], `${node.type}.${key}`);
    }
  }
}

Deno.test("the tree of deno lint is copied into that of other parsers", () => {
  const texts = [
    ...readCorpus().map(({ text }) => text),
    ...RULES.flatMap(({ bad, good }) => [bad, good]),
    ...Object.values(AWKWARD),
    ...readOwnSources().map(({ text }) => text),
  ];
  const found = new Set<string>();
  for (const text of texts) {
    const { program } = OXC_BY_JSON.parse("main.ts", text);
    for (const line of differences(program, fromDeno(text), "")) found.add(line);
  }
  assertEquals([...found].filter((line) => !KNOWN.some((known) => known.test(line))), []);
  for (const known of KNOWN) assert([...found].some((line) => known.test(line)), `${known} is not so any more`);
});
