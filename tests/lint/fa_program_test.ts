/**
 * The command as it is published, with the real analysis: the module behind the `./fa` export, as a process.
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import config from "../../lint/deno.json" with { type: "json" };
import { RULES } from "../../lint/registry.ts";
import { type Document, Folder } from "./_fa.ts";

const PROGRAM = new URL(`../../lint/${config.exports["./fa"]}`, import.meta.url).pathname;

const BAD = `import { SmartAlloc } from "@framealloc/core";
const alloc = new SmartAlloc();
export async function step(): Promise<number> {
  using _frame = alloc.frame();
  const values = alloc.frameSlice(Float32Array, 8);
  await 0;
  return values[0] ?? 0;
}
`;

async function run(folder: Folder, ...args: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", PROGRAM, ...args],
    cwd: folder.path,
    env: { NO_COLOR: "1" },
  }).output();
  return { code, out: new TextDecoder().decode(stdout), err: new TextDecoder().decode(stderr) };
}

Deno.test("an await within a frame is found, with where the memory comes from", async () => {
  using folder = new Folder({ "src/a.ts": BAD, "src/b.ts": BAD.replace("  await 0;\n", "") });
  const { code, out, err } = await run(folder, "--all", "--format", "json", "--path", folder.path);
  assertEquals([code, err], [1, ""]);
  const { diagnostics, summary } = JSON.parse(out) as Document;
  const crossing = diagnostics.find((one) => one.code === "FA702");
  assertEquals(crossing?.location, { file: `${folder.path}/src/a.ts`, line: 7, column: 10, endLine: 7, endColumn: 16 });
  assert(crossing?.related.some(({ location }) => location.line === 5) === true);
  assertEquals(diagnostics.filter(({ location }) => location.file.endsWith("b.ts")), []);
  assertEquals(summary["files"], 1);
});

Deno.test("an allocator of another file is known", async () => {
  const [head = "", ...body] = BAD.split("const alloc = new SmartAlloc();\n");
  using folder = new Folder({
    "memory.ts": `${head}export const alloc = new SmartAlloc();\n`,
    "a.ts": `import { alloc } from "./memory.ts";\n${body.join("")}`,
  });
  const { out } = await run(folder, "--format", "json");
  assert(
    (JSON.parse(out) as Document).diagnostics.some(({ code, location }) =>
      code === "FA702" && location.file === "a.ts"
    ),
  );
});

Deno.test("every rule of the registry is listed and explained", async () => {
  using folder = new Folder();
  const { code, out } = await run(folder, "list");
  assertEquals(code, 0);
  for (const { code, name } of RULES) assertStringIncludes(out, `${code}  ${name}`);
  const explained = await run(folder, "explain", ...RULES.map(({ code }) => code));
  for (const { summary, help } of RULES) {
    assertStringIncludes(explained.out, summary);
    assertStringIncludes(explained.out, help);
  }
});

Deno.test("wrong arguments end the process with 2 and leave the standard output empty", async () => {
  using folder = new Folder({ "a.ts": BAD });
  const { code, out, err } = await run(folder, "--nonsense");
  assertEquals([code, out], [2, ""]);
  assertStringIncludes(err, "fa --help");
});
