/**
 * The plugin of `deno lint`: what it takes from the project around a file, and that nothing stops it without a word.
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { denoPlugin } from "../../lint/adapters/deno_plugin.ts";
import { Projects } from "../../lint/adapters/project.ts";
import { CORE } from "../../lint/fa/core_engine.ts";
import { UNUSED_IGNORE } from "../../lint/fa/engine.ts";
import { Lines } from "../../lint/fa/lines.ts";
import plugin from "../../lint/mod.ts";
import { RULES } from "../../lint/registry.ts";
import { Folder } from "./_fa.ts";

const HEAD = 'import { type SmartAlloc } from "@framealloc/core";';
const MISTAKE =
  "async function f(alloc: SmartAlloc) { const v = alloc.frameSlice(Float32Array, 4); await 0; v[0] = 1; }";
const BAD = `${HEAD}\n${MISTAKE}\n`;

/** What the plugin reports, as `line id`. */
function found(path: string, text: string, from: Deno.lint.Plugin = plugin): string[] {
  const lines = new Lines(text);
  return Deno.lint.runPlugin(from, path, text).map(({ id, range }) => `${lines.lineAt(range[0])} ${id}`);
}

Deno.test("the plugin has a rule for each code", () => {
  assertEquals(plugin.name, "framealloc");
  const codes = [...RULES.map(({ code }) => code), UNUSED_IGNORE.code, "FA999"];
  assertEquals(Object.keys(plugin.rules).sort(), codes.map((code) => code.toLowerCase()).sort());
});

Deno.test("a report says what to do, and where it comes from", () => {
  const [report] = Deno.lint.runPlugin(plugin, "main.ts", BAD);
  assertStringIncludes(report?.message ?? "", "frameSlice()");
  assertStringIncludes(report?.hint ?? "", "Use it before the await");
  assertStringIncludes(report?.hint ?? "", "line 2: allocated here");
});

Deno.test("a fix that is right as it is comes with the report", () => {
  const rule = RULES.find(({ code }) => code === "FA609");
  const text =
    `${HEAD}\nfunction f(alloc: SmartAlloc) { const frame = alloc.frame(); alloc.frameSlice(Uint8Array, 1).fill(0); }\n`;
  const [report] = Deno.lint.runPlugin(plugin, "main.ts", text);
  assertEquals(report?.id, `framealloc/${rule?.code.toLowerCase()}`);
  const [fix] = report?.fix ?? [];
  const [start, end] = fix?.range ?? [0, 0];
  assertEquals(text.slice(start, end), "const");
  assertEquals(fix?.text, "using");
});

Deno.test("the configuration of the nearest project holds", () => {
  const optional = RULES.find(({ isDefault }) => !isDefault);
  assert(optional !== undefined);
  using folder = new Folder({
    "off/.fa.toml": '[lints]\ndisabled = ["FA702"]\n',
    "on/.fa.toml": `[lints.levels]\n${optional.code} = "warn"\n`,
    "excluded/.fa.toml": '[global]\nexclude = ["gen/**"]\n',
    "severe/.fa.toml": '[global]\nmin_severity = "error"\n[lints.levels]\nFA702 = "warn"\n',
    "named/.fa.toml": '[global]\nmodules = ["~/memory"]\n',
  });
  const at = (path: string, text: string) => found(join(folder.path, path), text);
  const code = optional.code.toLowerCase();
  assertEquals(at("a.ts", BAD), ["2 framealloc/fa702"]);
  assertEquals(at("off/deep/a.ts", BAD), []);
  assertEquals(at("a.ts", optional.bad).filter((line) => line.endsWith(code)), []);
  assertEquals(at("on/a.ts", optional.bad).filter((line) => line.endsWith(code)).length > 0, true);
  assertEquals(at("excluded/a.ts", BAD), ["2 framealloc/fa702"]);
  assertEquals(at("excluded/gen/a.ts", BAD), []);
  assertEquals(at("severe/a.ts", BAD), []);
  assertEquals(at("named/a.ts", BAD.replace("@framealloc/core", "~/memory")), ["2 framealloc/fa702"]);
  assertEquals(at("a.ts", BAD.replace("@framealloc/core", "other")), []);
});

Deno.test("a configuration that cannot be used is reported in each file, and the rest still is", () => {
  using folder = new Folder({ ".fa.toml": "[global]\nmin_severty = 1\n" });
  const reports = Deno.lint.runPlugin(plugin, join(folder.path, "a.ts"), BAD);
  assertEquals(reports.map(({ id }) => id).sort(), ["framealloc/fa702", "framealloc/fa999"]);
  assertStringIncludes(reports.find(({ id }) => id === "framealloc/fa999")?.message ?? "", '"min_severity"');
});

Deno.test("what changes on disk holds soon after, and is not looked for at each file", () => {
  let now = 0;
  using folder = new Folder();
  const projects = new Projects(RULES, () => now);
  const isOn = () => projects.of(folder.path).levels.codes.has("FA702");
  assertEquals(isOn(), true);
  folder.write(".fa.toml", '[lints]\ndisabled = ["FA702"]\n');
  assertEquals(isOn(), true);
  now = 1000;
  assertEquals(isOn(), false);
  folder.write(".fa.toml", '[lints]\ndisabled = ["FA701", "FA703"]\n');
  now = 2000;
  assertEquals(isOn(), true);
});

Deno.test("the index that the command wrote tells what comes from other files", async () => {
  const text =
    'import { memory } from "./memory.ts";\nexport async function f() { const v = memory.frameVec(Float32Array, 4); await 0; v.push(1); }\n';
  using folder = new Folder({
    "memory.ts": 'import { SmartAlloc } from "@framealloc/core";\nexport const memory = new SmartAlloc();\n',
    "use.ts": text,
  });
  const path = join(folder.path, "use.ts");
  assertEquals(found(path, text), []);
  const other = denoPlugin(CORE);
  assertEquals((await folder.faWith({ engine: CORE }, "index")).code, 0);
  assertEquals(found(path, text, other), ["2 framealloc/fa702"]);
});

Deno.test("comments of the command count, and those of deno lint are left to it", () => {
  const ignored = (comment: string) => found("main.ts", `${HEAD}\n${comment}\n${MISTAKE}\n`);
  assertEquals(ignored("// fa-ignore FA702 -- known"), []);
  assertEquals(ignored("// fa-ignore FA601 -- nothing here"), ["3 framealloc/fa702", "2 framealloc/fa998"]);
  // It heeds the comment when it gets the report, and would call it unused without.
  assertEquals(ignored("// deno-lint-ignore framealloc/fa702"), ["3 framealloc/fa702"]);
});

Deno.test("a rule that throws is reported, in its file alone", () => {
  const broken = denoPlugin({
    ...CORE,
    analyze: (program, source, analysis) => {
      if (source.text.includes("explode")) throw new TypeError("a rule broke");
      return CORE.analyze(program, source, analysis);
    },
  });
  const reports = Deno.lint.runPlugin(broken, "main.ts", `${BAD}explode();\n`);
  assertEquals(reports.map(({ id, range }) => `${id} ${range}`), [`framealloc/fa999 0,${HEAD.length}`]);
  assertStringIncludes(reports[0]?.message ?? "", "TypeError: a rule broke");
  assertEquals(found("main.ts", BAD, broken), ["2 framealloc/fa702"]);
});

Deno.test("a file whose tree cannot be read is reported, too", () => {
  const broken = denoPlugin({
    ...CORE,
    concerns: () => {
      throw new RangeError("no");
    },
  });
  assertEquals(found("main.ts", "export {};", broken), ["1 framealloc/fa999"]);
});

Deno.test("a byte order mark moves nothing", () => {
  const [report] = Deno.lint.runPlugin(plugin, "main.ts", `\ufeff${HEAD} ${MISTAKE}\n`);
  const [start, end] = report?.range ?? [0, 0];
  assertEquals(`${HEAD} ${MISTAKE}`.slice(start, end), "v[0] = 1".slice(0, end - start));
});

Deno.test("the plugin needs nothing that a project would have to install", async () => {
  const entry = new URL("../../lint/mod.ts", import.meta.url);
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json", entry.href] }).output();
  const { modules } = JSON.parse(new TextDecoder().decode(stdout)) as {
    modules: readonly { readonly specifier: string }[];
  };
  const inside = new URL("../../lint/", import.meta.url).href;
  const others = modules.map(({ specifier }) => specifier).filter((specifier) => !specifier.startsWith(inside));
  assertEquals(others.filter((specifier) => !specifier.startsWith("node:")), []);
  assert(modules.length > 10);
});
