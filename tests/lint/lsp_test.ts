/**
 * An editor with `deno lsp` shows what the plugin finds, and shows it anew after each change.
 */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { LanguageServer, type ServerDiagnostic } from "./_language_server.ts";

const PLUGIN = fileURLToPath(new URL("../../lint/mod.ts", import.meta.url));

const RIGHT = `import { SmartAlloc } from "@framealloc/core";
export async function step(alloc: SmartAlloc): Promise<void> {
  const values = alloc.frameSlice(Float32Array, 8);
  values[0] = 1;
  await 0;
}
`;
const CROSSING = RIGHT.replace("  await 0;\n", "  await 0;\n  values[1] = 2;\n");
const ESCAPE = RIGHT.replace("export", "let kept: unknown;\nexport").replace("values[0] = 1", "kept = values");

Deno.test("an editor shows findings of an opened file, and of what it is changed to", async () => {
  using project = new Project();
  await using server = new LanguageServer(project.folder);
  const uri = pathToFileURL(join(project.folder, "main.ts")).href;
  await server.start(pathToFileURL(project.folder).href);

  await server.notify("textDocument/didOpen", {
    textDocument: { uri, languageId: "typescript", version: 1, text: CROSSING },
  });
  const opened = ours(await server.diagnostics(1, (all) => ours(all).length > 0));
  assertEquals(opened.map(placeOf), ["framealloc/fa702 5:2"]);
  assertEquals(opened[0]?.source, "deno-lint");
  assertStringIncludes(opened[0]?.message ?? "", "line 3: allocated here");

  // A rule of Deno itself tells that the new text was looked at.
  await change(2, `${RIGHT}debugger;\n`);
  const fixed = await server.diagnostics(2, (all) => all.some(({ code }) => code === "no-debugger"));
  assertEquals(ours(fixed).map(placeOf), []);

  await change(3, ESCAPE);
  const again = await server.diagnostics(3, (all) => ours(all).length > 0);
  assertEquals(ours(again).map(placeOf), ["framealloc/fa601 4:2"]);

  async function change(version: number, text: string): Promise<void> {
    await server.notify("textDocument/didChange", { textDocument: { uri, version }, contentChanges: [{ text }] });
  }
});

Deno.test("deno lint shows the same, heeds its comments, and applies fixes", () => {
  using project = new Project();
  project.write("main.ts", CROSSING);
  assertEquals(project.lint(), ["main.ts:6:2 framealloc/fa702"]);

  project.write("main.ts", CROSSING.replace("  values[1]", "  // deno-lint-ignore framealloc/fa702\n  values[1]"));
  assertEquals(project.lint(), []);
  project.write("main.ts", `// deno-lint-ignore-file framealloc/fa702\n${CROSSING}`);
  assertEquals(project.lint(), []);
  project.write("main.ts", RIGHT.replace("  values[0]", "  // deno-lint-ignore framealloc/fa702\n  values[0]"));
  assertEquals(project.lint(), ["main.ts:4:2 ban-unused-ignore"]);

  project.write(
    "main.ts",
    RIGHT.replace("  const", "  const frame = alloc.frame();\n  const").replace("  await 0;\n", ""),
  );
  assertEquals(project.lint(), ["main.ts:3:16 framealloc/fa609"]);
  assertEquals(project.lint("--fix"), []);
  assertStringIncludes(project.read("main.ts"), "  using frame = alloc.frame();");
});

/** A project that has the plugin. */
class Project implements Disposable {
  readonly folder: string = Deno.realPathSync(mkdtempSync(join(tmpdir(), "fa-lsp-")));

  constructor() {
    const rules = { tags: [], include: ["no-debugger", "ban-unused-ignore"] };
    this.write("deno.json", JSON.stringify({ lint: { plugins: [PLUGIN], rules } }));
    this.write("main.ts", RIGHT);
  }

  write(name: string, text: string): void {
    writeFileSync(join(this.folder, name), text);
  }

  read(name: string): string {
    return Deno.readTextFileSync(join(this.folder, name));
  }

  lint(...args: readonly string[]): string[] {
    const { stdout, stderr } = new Deno.Command(Deno.execPath(), {
      args: ["lint", "--json", ...args],
      cwd: this.folder,
    }).outputSync();
    const text = new TextDecoder().decode(stdout);
    if (!text.startsWith("{")) throw new Error(`${text}\n${new TextDecoder().decode(stderr)}`);
    const { diagnostics, errors } = JSON.parse(text) as LintReport;
    assertEquals(errors, []);
    return diagnostics.map(({ filename, code, range: { start } }) =>
      `${filename.split("/").at(-1)}:${start.line}:${start.col} ${code}`
    );
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

interface LintReport {
  readonly errors: readonly unknown[];
  readonly diagnostics: readonly {
    readonly filename: string;
    readonly code: string;
    readonly range: { readonly start: { readonly line: number; readonly col: number } };
  }[];
}

function ours(diagnostics: readonly ServerDiagnostic[]): ServerDiagnostic[] {
  return diagnostics.filter(({ code }) => String(code).startsWith("framealloc/"));
}

function placeOf({ code, range: { start } }: ServerDiagnostic): string {
  return `${code} ${start.line}:${start.character}`;
}
