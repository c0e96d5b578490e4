/**
 * The configuration: every key works, every wrong one is an error that says where and what was meant, and the file that `init` writes loads.
 */

import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { parseConfig } from "../../lint/fa/config.ts";
import type { Analysis, Engine } from "../../lint/fa/engine.ts";
import { UsageError } from "../../lint/fa/usage_error.ts";
import { ENGINE, Folder, RULES, using } from "./_fa.ts";

const BAD = using("bad301();", "bad601();", "bad702();");

Deno.test("global.min_severity hides what is below, and the command line wins", async () => {
  using folder = new Folder({ "a.ts": BAD, ".fa.toml": '[global]\nmin_severity = "warning"\n' });
  assertEquals(await folder.found(), ["a.ts:3 FA601", "a.ts:4 FA702"]);
  assertEquals((await folder.found("--min-severity", "hint")).length, 3);
});

Deno.test("global.exclude is relative to the file, wherever the command is started", async () => {
  using folder = new Folder({
    "a.ts": BAD,
    "gen/b.ts": BAD,
    ".fa.toml": '[global]\nexclude = ["gen/**", "*.test.ts"]\n',
    "c.test.ts": BAD,
  });
  assertEquals(new Set(await folder.found()).size, 3);
  const { code } = await folder.faWith({ host: { cwd: `${folder.path}/gen` } }, ".");
  assertEquals(code, 2, "nothing is left");
});

Deno.test("global.deny_warnings fails on warnings", async () => {
  using folder = new Folder({ "a.ts": using("bad601();") });
  assertEquals((await folder.fa()).code, 0);
  folder.write(".fa.toml", "[global]\ndeny_warnings = true\n");
  assertEquals((await folder.fa()).code, 1);
});

Deno.test("global.modules makes more names the library", async () => {
  using folder = new Folder({ "a.ts": 'import { SmartAlloc } from "~/memory";\nbad702();\n' });
  assertEquals(await folder.found(), []);
  folder.write(".fa.toml", '[global]\nmodules = ["~/memory"]\n');
  assertEquals(await folder.found(), ["a.ts:2 FA702"]);
});

Deno.test("lints.levels and lints.disabled set single codes, and --deny wins", async () => {
  using folder = new Folder({
    "a.ts": using("bad203();", "bad301();", "bad601();", "bad702();", "bad851();"),
    ".fa.toml":
      '[lints]\ndisabled = ["FA851"]\n[lints.levels]\nFA301 = "deny"\nfa702 = "warn"\nFA601 = "allow"\nFA203 = "warn"\n',
  });
  const { code, document } = await folder.json();
  assertEquals(document.diagnostics.map((one) => `${one.code} ${one.severity}`), [
    "FA203 warning",
    "FA301 error",
    "FA702 warning",
  ]);
  assertEquals(code, 1);
  assertEquals(await folder.found("-D", "FA851", "--gpu"), ["a.ts:6 FA851"]);
  assertEquals(await folder.found("--only", "FA601"), ["a.ts:4 FA601"]);
});

Deno.test("tags and thresholds reach the analysis", async () => {
  using folder = new Folder({
    "src/physics/a.ts": BAD,
    ".fa.toml": `[tags]
known_tags = ["physics", "ui"]
warn_unknown_tags = true
module_tags = { "src/physics/**" = ["physics"] }
[thresholds]
loop_allocation_limit = 7
frame_survival_frames = 60
`,
  });
  let seen: Analysis | undefined;
  let filename = "";
  const engine: Engine = {
    ...ENGINE,
    analyze: (_, source, analysis) => {
      filename = source.filename;
      seen = analysis;
      return [];
    },
  };
  const { code, err } = await folder.faWith({ engine, host: { cwd: `${folder.path}/src` } });
  assertEquals(filename, "src/physics/a.ts", "relative to the configuration, as its patterns are");
  assertEquals(code, 0);
  assertEquals(seen?.config.knownTags, ["physics", "ui"]);
  assertEquals(seen?.config.warnUnknownTags, true);
  assertEquals([...seen?.config.moduleTags ?? []], [["src/physics/**", ["physics"]]]);
  assertEquals(seen?.config.loopAllocationLimit, 7);
  assertStringIncludes(err, "thresholds.frame_survival_frames", "a key that nothing here reads says so");
});

Deno.test("wrong keys, values and codes are refused, with the place and what was meant", () => {
  for (
    const [toml, ...words] of [
      ["[globl]\n", '"globl"', '"global"'],
      ['[global]\nmin_severty = "hint"\n', '"global.min_severty"', '"min_severity"'],
      ['[global]\nmin_severity = "warn"\n', '"global.min_severity"', '"warning"'],
      ['[global]\nexclude = "dist"\n', '"global.exclude"', "list"],
      ["[global]\nexclude = [1]\n", '"global.exclude"'],
      ['[global]\ndeny_warnings = "yes"\n', '"global.deny_warnings"', "true"],
      ["[lints.disabled]\nFA601 = true\n", '"lints.disabled"', "list"],
      ['[lints]\ndisabled = ["FA602x"]\n', '"FA602x"', "fa list"],
      ['[lints.levels]\nFA703 = "deny"\n', '"FA703"', '"FA702"'],
      ['[lints.levels]\nFA702 = "forbid"\n', '"lints.levels.FA702"', '"deny"'],
      ["[tags]\nknown_tag = []\n", '"tags.known_tag"', '"known_tags"'],
      ['[tags.module_tags]\n"src/**" = "physics"\n', "tags.module_tags.src/**", "list"],
      ["[thresholds]\nloop_allocation_limit = -1\n", "loop_allocation_limit", "0 or more"],
      ["lints = 3\n", '"lints"', "table"],
      ["[global\n", "not valid TOML"],
    ] as const
  ) {
    const error = assertThrows(
      () => parseConfig(toml, "/x/.fa.toml", "/x", new Set(RULES.map(({ code }) => code))),
      UsageError,
    );
    for (const word of [...words, "/x/.fa.toml"]) assertStringIncludes(error.message, word);
  }
});

Deno.test("the nearest file at or above the folder holds, but none from above the repository", async () => {
  using folder = new Folder({ "a/b/x.ts": BAD, "a/.fa.toml": '[lints]\ndisabled = ["FA702"]\n', "z.ts": BAD });
  assertEquals(await folder.found("a/b"), ["a/b/x.ts:2 FA301", "a/b/x.ts:3 FA601"]);
  assertEquals((await folder.found("a/b/x.ts")).length, 2);
  assertEquals((await folder.found("--config", "a/.fa.toml", "z.ts")).length, 2);
  folder.write("a/b/.git/HEAD", "");
  assertEquals((await folder.found("a/b")).length, 3);
});

Deno.test("init writes a file that loads and changes nothing, once unless forced", async () => {
  using folder = new Folder({ "a.ts": BAD });
  const before = await folder.found();
  assertEquals((await folder.fa("init")).code, 0);
  const { err, document } = await folder.json();
  assertEquals([err, document.diagnostics.length], ["", before.length]);
  folder.write(".fa.toml", "# mine\n");
  const again = await folder.fa("init");
  assertEquals([again.code, folder.read(".fa.toml")], [2, "# mine\n"]);
  assertStringIncludes(again.err, "--force");
  assertEquals((await folder.fa("init", "--force", "--path", ".")).code, 0);
  assertStringIncludes(folder.read(".fa.toml"), "[thresholds]");
});
