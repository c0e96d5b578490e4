/**
 * What is published of the linter: all that it needs and nothing that only this repository does, in syntax that every engine parses.
 */

import { assert, assertEquals } from "@std/assert";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { text, walk } from "../../lint/core/ast.ts";
import { OXC_BY_JSON } from "../../lint/fa/parse.ts";

const LINT = fileURLToPath(new URL("../../lint/", import.meta.url));

Deno.test("the package has its sources, and nothing for development", async () => {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["publish", "--dry-run", "--allow-dirty", "--no-check"],
    cwd: LINT,
    env: { NO_COLOR: "1" },
  }).output();
  const output = new TextDecoder().decode(stderr);
  assert(success, output);
  const files = [...output.matchAll(/^ +file:\/\/(\S+) \([\d.]+\w+\)$/gm)].map(([, path = ""]) =>
    path.replace(LINT, "")
  );
  for (const file of ["mod.ts", "eslint.ts", "fa/main.ts", "deno.json", "README.md"]) {
    assert(files.includes(file), file);
  }
  assertEquals(
    files.filter((file) => !/^(?:(?:adapters|core|fa|rules)\/[\w/]+\.ts|\w+\.ts|deno\.json|README\.md)$/.test(file)),
    [],
  );
  assertEquals(files.filter((file) => /(?:^|\/)dev\/|_(?:test|bench)\.ts$/.test(file)), []);
  for (const file of files.filter((file) => file.endsWith(".ts"))) {
    const { program } = OXC_BY_JSON.parse(file, readFileSync(LINT + file, "utf8"));
    walk(program, (node) => {
      const kind = node.type === "VariableDeclaration" ? text(node, "kind") : "";
      assert(!kind.endsWith("using"), `${file} declares with ${kind}`);
    });
  }
});
