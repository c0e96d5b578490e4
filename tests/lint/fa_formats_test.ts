/**
 * Every format, on the same findings: with names of files and messages that try to break out of it, read back by a reader of that format.
 */

import schema from "@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json" with { type: "json" };
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Ajv } from "ajv";
import addFormats from "ajv-formats";
import { SaxesParser } from "saxes";
import { FORMATS } from "../../lint/fa/args.ts";
import type { Diagnostic } from "../../lint/core/diagnostic.ts";
import { ENGINE, Folder, RULES, using } from "./_fa.ts";

/** A name that has a meaning in XML, in URIs, in workflow commands and for terminals. */
const HOSTILE = `a "b" <c> & 'd' %41 [e](f),g:h ::error::\n\t\x1b[31m é 漢.ts`;

/** A message that tries the same. */
const MESSAGE =
  `</error>]]> & "q" 'r' <x y="z"> \x00\x07\x1b[2J [link](1) %0A ::warning::\nsecond\r\nline \ud800 漢字 😀`;

const HOSTILE_ENGINE = {
  ...ENGINE,
  analyze: (...[program, source, analysis]: Parameters<typeof ENGINE.analyze>): readonly Diagnostic[] =>
    ENGINE.analyze(program, source, analysis).map((one) => ({
      ...one,
      message: MESSAGE,
      notes: [MESSAGE],
      help: MESSAGE,
    })),
};

function project(): Folder {
  return new Folder({
    [HOSTILE]: using("const v = from702();", 'const 漢字 = "😀"; bad702(v);', "bad301();", "const f = bad609();"),
    "src/b.ts": using(
      "bad601();",
      "// fa-ignore FA702 -- it is <fine>",
      "bad702();",
      "// fa-ignore FA201 -- not there",
      "good();",
    ),
    "src/broken & <worse>.ts": "const = ;\n",
    "src/crash.ts": using("crash"),
  });
}

async function format(folder: Folder, name: string, ...args: readonly string[]): Promise<string> {
  const { out, code } = await folder.faWith({ engine: HOSTILE_ENGINE }, "--format", name, ...args);
  assertEquals(code, 3);
  return out;
}

/** Reads XML strictly, and returns the elements with their attributes and texts. */
function readXml(text: string): { name: string; attributes: Record<string, string>; text: string }[] {
  const parser = new SaxesParser();
  const elements: { name: string; attributes: Record<string, string>; text: string }[] = [];
  const open: typeof elements = [];
  parser.on("error", (error) => {
    throw error;
  });
  parser.on("opentag", ({ name, attributes }) => {
    const element = { name, attributes: attributes as Record<string, string>, text: "" };
    elements.push(element);
    open.push(element);
  });
  parser.on("text", (part) => {
    const element = open.at(-1);
    if (element !== undefined) element.text += part;
  });
  parser.on("closetag", () => void open.pop());
  parser.write(text).close();
  return elements;
}

Deno.test("json is one document, with lines and columns from 1 in UTF-16 units", async () => {
  using folder = new Folder({
    "src/a.ts": using('const s = "😀"; const v = from702(); bad702(v);', "", "const f = bad609();"),
  });
  const { document } = await folder.json();
  const [crossing, guard] = document.diagnostics;
  assertEquals(crossing, {
    ...{ code: "FA702", name: "await-crossing", category: "async", severity: "error", confidence: "certain" },
    message: "This is await-crossing",
    location: { file: "src/a.ts", line: 2, column: 38, endLine: 2, endColumn: 44 },
    notes: ["A note"],
    help: "What to do about await-crossing",
    suggestion: null,
    related: [{
      message: "allocated here",
      location: { file: "src/a.ts", line: 2, column: 27, endLine: 2, endColumn: 34 },
    }],
    ...{ fingerprint: (crossing as unknown as { fingerprint: string }).fingerprint },
  });
  assertEquals(guard?.suggestion, {
    message: "Let the block end it",
    applicability: "machine",
    edits: [{ start: 96, end: 101, line: 4, column: 1, endLine: 4, endColumn: 6, text: "using" }],
  });
  assertEquals(document.summary, { errors: 1, warnings: 1, hints: 0, files: 1, suppressed: 0, baselined: 0 });
  assertEquals(document.files_analyzed, 1);
  assert(Number.isInteger(document.duration_ms) && document.duration_ms >= 0);
});

Deno.test("json says which files failed, and how many findings comments took away", async () => {
  using folder = project();
  const document = JSON.parse(await format(folder, "json"));
  assertEquals(document.errors.map(({ kind, file }: { kind: string; file: string }) => `${kind} ${file}`), [
    "parse src/broken & <worse>.ts",
    "internal src/crash.ts",
  ]);
  assertEquals(document.errors[0].location.line, 1);
  assertEquals(document.summary.suppressed, 1);
  assertEquals(document.diagnostics[0].location.file, HOSTILE);
});

Deno.test("ndjson is one value a line, the summary last", async () => {
  using folder = project();
  const lines = (await format(folder, "ndjson")).trimEnd().split("\n").map((line) => JSON.parse(line));
  assertEquals(lines.filter(({ code }) => code !== undefined).map(({ code }) => code), [
    "FA702",
    "FA301",
    "FA609",
    "FA601",
    "FA998",
  ]);
  assertEquals(lines.filter(({ error }) => error !== undefined).length, 2);
  assertEquals(lines.at(-1).summary.errors, 1);
});

Deno.test("sarif is valid against the schema and has what GitHub asks for", async () => {
  using folder = project();
  folder.write(".git/HEAD", "");
  const { $schema: _, id: __, ...rest } = schema as Record<string, unknown>;
  const ajv = new Ajv({ strict: false, unicodeRegExp: false, allErrors: true });
  addFormats.default(ajv);
  const validate = ajv.compile(rest);
  const log = JSON.parse(await format(folder, "sarif"));
  const isValid: boolean = validate(log);
  assert(isValid, JSON.stringify(validate.errors, null, 1));
  assert(!validate({ ...log, version: "2.0.0" }), "the schema is one that can say no");

  const [run] = log.runs;
  const rules: readonly Record<string, { text: string }>[] = run.tool.driver.rules;
  assertEquals(rules.map(({ id }) => String(id)), [...RULES.map(({ code }) => code), "FA998"]);
  for (const { shortDescription, fullDescription, help } of rules) {
    for (const part of [shortDescription, fullDescription, help]) {
      assert(part !== undefined && part.text.length > 0 && part.text.length <= 1024);
    }
  }
  assertEquals(run.results.length, 6);
  for (const result of run.results) {
    assertEquals(rules[result.ruleIndex]?.["id"] as unknown, result.ruleId);
    assert(["error", "warning", "note"].includes(result.level));
    assert(result.message.text.length > 0);
    const { artifactLocation, region } = result.locations[0].physicalLocation;
    assertMatch(artifactLocation.uri, /^(?!\.\/)[\w%./~!*'()-]+$/);
    for (const key of ["startLine", "startColumn", "endLine", "endColumn"]) assert(region[key] >= 1);
    assertMatch(result.partialFingerprints.primaryLocationLineHash, /^[0-9a-f]{16}:\d+$/);
  }
  assertEquals(run.columnKind, "utf16CodeUnits");
  const [first] = run.results;
  assertEquals(decodeURIComponent(first.locations[0].physicalLocation.artifactLocation.uri), HOSTILE);
  assertEquals(first.relatedLocations.length, 1);
  assertStringIncludes(first.message.text, "[allocated here](1)");
  assertStringIncludes(first.message.text, "\\[link\\](1)", "a message makes no links of its own");
  assertEquals(first.codeFlows[0].threadFlows[0].locations.length, 2);
  const suppressed = run.results.filter((result: Record<string, unknown>) => result["suppressions"] !== undefined);
  assertEquals(suppressed.map(({ suppressions }: { suppressions: unknown }) => suppressions), [
    [{ kind: "inSource", justification: "it is <fine>" }],
  ]);
  const [guard] = run.results.filter(({ ruleId }: { ruleId: string }) => ruleId === "FA609");
  assertEquals(guard.fixes[0].artifactChanges[0].replacements[0].insertedContent, { text: "using" });
  assertEquals(run.invocations[0].executionSuccessful, false);
  assertEquals(run.invocations[0].toolExecutionNotifications.length, 2);
});

Deno.test("sarif says what the baseline knows", async () => {
  using folder = new Folder({ "a.ts": using("bad702();") });
  await folder.fa("--update-baseline");
  folder.write("a.ts", using("bad702();", "bad601();"));
  const { out } = await folder.fa("--baseline", ".fa-baseline.json", "-f", "sarif");
  assertEquals(
    JSON.parse(out).runs[0].results.map((one: Record<string, string>) => `${one["ruleId"]} ${one["baselineState"]}`),
    [
      "FA702 unchanged",
      "FA601 new",
    ],
  );
});

Deno.test("junit can be read, counts its failures and keeps hostile text as text", async () => {
  using folder = project();
  const elements = readXml(await format(folder, "junit"));
  const [root] = elements;
  const failures = elements.filter(({ name }) => name === "failure");
  assertEquals([root?.name, root?.attributes["failures"], root?.attributes["errors"], root?.attributes["tests"]], [
    "testsuites",
    String(failures.length),
    "2",
    "7",
  ]);
  assertEquals(failures.length, 3);
  assertEquals(elements.filter(({ name }) => name === "error").length, 2);
  assertEquals(elements.filter(({ name }) => name === "system-out").length, 2, "hints do not fail");
  const names = elements.filter(({ name }) => name === "testsuite").map(({ attributes }) => attributes["name"]);
  assertEquals(names[0], HOSTILE.replace("\x1b", ""));
  assertStringIncludes(failures[0]?.text ?? "", '</error>]]> & "q"');
  for (const suite of elements.filter(({ name }) => name === "testsuite")) {
    assert(Number(suite.attributes["tests"]) >= Number(suite.attributes["failures"]));
  }
});

Deno.test("junit of a clean run is one test that passes", async () => {
  using folder = new Folder({ "a.ts": using("good();") });
  const elements = readXml((await folder.fa("-f", "junit")).out);
  assertEquals(elements.map(({ name }) => name), ["testsuites", "testsuite", "testcase"]);
  assertEquals([elements[0]?.attributes["tests"], elements[0]?.attributes["failures"]], ["1", "0"]);
});

Deno.test("checkstyle can be read, has files in order and keeps hostile text as text", async () => {
  using folder = project();
  const elements = readXml(await format(folder, "checkstyle"));
  assertEquals([elements[0]?.name, elements[0]?.attributes["version"]], ["checkstyle", "4.3"]);
  const files = elements.filter(({ name }) => name === "file").map(({ attributes }) => attributes["name"]);
  assertEquals(files, [HOSTILE.replace("\x1b", ""), "src/b.ts", "src/broken & <worse>.ts", "src/crash.ts"]);
  const errors = elements.filter(({ name }) => name === "error");
  assertEquals(errors.map(({ attributes }) => attributes["severity"]), [
    "error",
    "info",
    "warning",
    "warning",
    "info",
    "error",
    "error",
  ]);
  assertEquals(errors[0]?.attributes["source"], "framealloc.FA702");
  assertStringIncludes(errors[0]?.attributes["message"] ?? "", "second\r\nline");
  assertEquals([errors[0]?.attributes["line"], errors[0]?.attributes["column"]], ["3", "18"]);
});

Deno.test("compact is one line a finding, whatever is in it", async () => {
  using folder = project();
  const lines = (await format(folder, "compact")).trimEnd().split("\n");
  assertEquals(lines.length, 7);
  for (const line of lines) {
    assertMatch(line, /:\d+:\d+: (?:error|warning|hint) \[\w+\]: ./);
    assert(!/\p{Cc}/u.test(line), "no control characters");
  }
});

Deno.test("github writes one command a finding, whatever is in it", async () => {
  using folder = project();
  folder.write(".git/HEAD", "");
  const lines = (await format(folder, "github")).trimEnd().split("\n");
  assertEquals(lines.map((line) => /^::(\w+) /.exec(line)?.[1]), [
    "error",
    "notice",
    "warning",
    "warning",
    "notice",
    "error",
    "error",
  ]);
  const properties = Object.fromEntries(
    (/^::error (.*?)::/.exec(lines[0] ?? "")?.[1] ?? "").split(",").map((pair) => pair.split("=")),
  );
  const decoded = (properties["file"] ?? "").replaceAll("%0A", "\n").replaceAll("%2C", ",").replaceAll("%3A", ":")
    .replaceAll("%25", "%");
  assertEquals(decoded, HOSTILE);
  assertEquals([properties["line"], properties["col"], properties["endColumn"], properties["title"]], [
    "3",
    "18",
    "24",
    "FA702 await-crossing",
  ]);
});

Deno.test("every format writes to the standard output alone, even for a pipe that is closed early", async () => {
  using folder = new Folder({ "a.ts": using("bad702();"), "b.ts": "const = ;" });
  const program = new URL("_fa_program.ts", import.meta.url).pathname;
  for (const name of FORMATS) {
    const { stdout, stderr, code } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", program, "--format", name, "--path", folder.path],
      env: { NO_COLOR: "1" },
    }).output();
    assertEquals([code, new TextDecoder().decode(stderr)], [3, ""], name);
    assertStringIncludes(new TextDecoder().decode(stdout), "FA702", name);
  }
  folder.write("a.ts", using("bad702();\n".repeat(20_000)));
  const { stderr } = await new Deno.Command("sh", {
    args: ["-c", `"${Deno.execPath()}" run -A "${program}" --format compact "${folder.path}" | head -1`],
  }).output();
  assertEquals(new TextDecoder().decode(stderr), "");
});

Deno.test("progress is for a person who watches a large run", async () => {
  const files = Object.fromEntries(Array.from({ length: 320 }, (_, i) => [`f${i}.ts`, "good();\n"]));
  using folder = new Folder(files);
  assertEquals((await folder.fa()).err, "");
  assertStringIncludes((await folder.faWith({ host: { stderrIsTerminal: true } })).err, "of 320 files");
});

Deno.test("terminal shows what could not be analysed, and lets no text move the cursor", async () => {
  using folder = project();
  const out = await format(folder, "terminal");
  assert(!/(?!\n)\p{Cc}/u.test(out));
  assertStringIncludes(out, "Cannot parse the file");
  assertStringIncludes(out, "src/broken & <worse>.ts:1:7");
  assertStringIncludes(out, "(FA999)");
  assertStringIncludes(
    out,
    "1 error, 2 warnings, 2 hints in 2 files (1 ignored by comments); 2 files could not be analysed",
  );
});
