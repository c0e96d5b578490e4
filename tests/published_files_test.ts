/**
 * What is published is what every engine parses, and it needs nothing else. The linter's parser finds what must not be there, so that
 * the examples in comments may have it.
 */

import { assert, assertEquals } from "@std/assert";
import { glob } from "node:fs/promises";
import manifest from "../deno.json" with { type: "json" };
import { ROOT } from "./consumer/_project.ts";
import { installInto, LIBRARY } from "./engines/_package.ts";

/** Finds what published code must not do. */
const RULE: Deno.lint.Rule = {
  create(context) {
    const refuse = (node: Deno.lint.Node, what: string): void => context.report({ node, message: what });
    const checkSource = (node: Deno.lint.Node, source: Deno.lint.Node | null): void => {
      if (source === null) return;
      const literal = source.type === "TSLiteralType" ? source.literal : source;
      const path = literal.type === "Literal" ? literal.value : undefined;
      if (typeof path !== "string" || !/^\.\.?\//.test(path)) refuse(node, `imports ${path ?? "what is computed"}`);
    };
    return {
      VariableDeclaration(node): void {
        if (node.kind === "using" || node.kind === "await using") refuse(node, `declares with ${node.kind}`);
      },
      Identifier(node): void {
        if (node.name === "eval") refuse(node, "uses eval");
      },
      "NewExpression, CallExpression"(node: Deno.lint.NewExpression | Deno.lint.CallExpression): void {
        const { callee } = node;
        const name = callee.type === "MemberExpression" ? callee.property : callee;
        if (name.type === "Identifier" && name.name === "Function") refuse(node, "makes a function of a text");
      },
      ImportDeclaration: (node) => checkSource(node, node.source),
      ExportAllDeclaration: (node) => checkSource(node, node.source),
      ExportNamedDeclaration: (node) => checkSource(node, node.source),
      ImportExpression: (node) => checkSource(node, node.source),
      TSImportType: (node) => checkSource(node, node.argument),
    };
  },
};

/** What is wrong with a file, with the line where it is. */
function complaints(path: string, text: string): string[] {
  const found = Deno.lint.runPlugin({ name: "published", rules: { all: RULE } }, path, text);
  return found.map(({ message, range }) => `${path}:${text.slice(0, range[0]).split("\n").length} ${message}`);
}

/** The paths of files in a folder. */
async function filesIn(
  folder: string,
  patterns: readonly string[],
  exclude: readonly string[] = [],
): Promise<string[]> {
  const paths = await Array.fromAsync(glob([...patterns], { cwd: folder, exclude: [...exclude] }));
  return paths.sort();
}

/** What is wrong with files in a folder. */
async function complaintsIn(folder: string, paths: readonly string[]): Promise<string[]> {
  const found = await Promise.all(
    paths.map(async (path) => complaints(path, await Deno.readTextFile(`${folder}/${path}`))),
  );
  return found.flat();
}

Deno.test("published files declare nothing with using, evaluate no text and import only their like", async () => {
  const { include, exclude } = manifest.publish;
  const paths = await filesIn(ROOT, include.filter((pattern) => pattern.endsWith(".ts")), exclude);
  for (const path of ["mod.ts", "src/smart_alloc.ts", "async/task_alloc.ts"]) assert(paths.includes(path), path);
  assertEquals(await complaintsIn(ROOT, paths), []);
});

Deno.test("the packed library is as its source is, and depends on nothing", async () => {
  const project = await Deno.makeTempDir({ prefix: "framealloc_packed_" });
  try {
    await installInto(project);
    const folder = `${project}/${LIBRARY}`;
    const paths = await filesIn(folder, ["**/*.js", "**/*.d.ts"]);
    for (const path of ["mod.js", "mod.d.ts", "src/memory/mod.js"]) assert(paths.includes(path), path);
    assertEquals(await complaintsIn(folder, paths), []);

    const packed = JSON.parse(await Deno.readTextFile(`${folder}/package.json`));
    assertEquals([packed.name, packed.version], [manifest.name, manifest.version]);
    assertEquals(Object.keys(packed.exports), Object.keys(manifest.exports));
    assertEquals(Object.keys(packed).filter((key) => /dependencies/i.test(key) || key === "scripts"), []);
  } finally {
    await Deno.remove(project, { recursive: true });
  }
});

Deno.test("the check of published files finds what must not be there", () => {
  const bad = `import { a } from "npm:a";
import * as b from "node:fs";
export * from "jsr:@std/assert";
export { c } from "https://example.com/c.ts";
const d = await import(a);
type E = import("e").E;
function f() { using g = a(); }
async function h() { await using i = a(); for (using j of b) d(j); }
eval("1"), globalThis.eval("2");
new Function("3"), Function("4"), new globalThis.Function("5");
`;
  assertEquals(complaints("bad.ts", bad), [
    "bad.ts:1 imports npm:a",
    "bad.ts:2 imports node:fs",
    "bad.ts:3 imports jsr:@std/assert",
    "bad.ts:4 imports https://example.com/c.ts",
    "bad.ts:5 imports what is computed",
    "bad.ts:6 imports e",
    "bad.ts:7 declares with using",
    "bad.ts:8 declares with await using",
    "bad.ts:8 declares with using",
    "bad.ts:9 uses eval",
    "bad.ts:9 uses eval",
    "bad.ts:10 makes a function of a text",
    "bad.ts:10 makes a function of a text",
    "bad.ts:10 makes a function of a text",
  ]);
});

Deno.test("the check of published files leaves comments, texts and names alone", () => {
  const good = `/** using a = b(); eval("1"); import "npm:c"; */
import { using } from "./d.ts";
export { e } from "../e.ts";
export const f = "using g = h()"; // using i = j();
export const k = \`\${using} eval("2")\` instanceof Function;
`;
  assertEquals(complaints("good.ts", good), []);
});
