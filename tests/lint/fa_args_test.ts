/**
 * The command line: every flag does what it says, whatever has no meaning is an error that names what was meant, and the exit code tells
 * which of the two it was.
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { readArgs } from "../../lint/fa/args.ts";
import { Folder, RULES, using } from "./_fa.ts";

/** One mistake of each rule that is on by default, and one that is off. */
const ALL = using(
  "bad201();",
  "bad203();",
  "bad301();",
  "bad601();",
  "bad609();",
  "bad702();",
  "bad801();",
  "bad851();",
  "bad901();",
);

function codes(found: readonly string[]): string {
  return found.map((line) => line.split(" ")[1]).join(" ");
}

Deno.test("without a category everything runs, and with --all too", async () => {
  using folder = new Folder({ "a.ts": ALL });
  const everything = "FA201 FA301 FA601 FA609 FA702 FA801 FA851 FA901";
  assertEquals(codes(await folder.found()), everything);
  assertEquals(codes(await folder.found("--all")), everything);
  assertEquals(codes(await folder.found("-a", "--gpu")), everything);
});

Deno.test("each category flag selects its own codes", async () => {
  using folder = new Folder({ "a.ts": ALL });
  for (
    const [flag, wanted] of [
      ["--threading", "FA201"],
      ["--budgets", "FA301"],
      ["--dirtymem", "FA601 FA609"],
      ["--async-safety", "FA702"],
      ["--architecture", "FA801"],
      ["--gpu", "FA851"],
      ["--rapier", "FA901"],
    ] as const
  ) assertEquals(codes(await folder.found(flag)), wanted, flag);
  assertEquals(codes(await folder.found("--gpu", "--budgets")), "FA301 FA851");
});

Deno.test("--only selects whatever else is off, --skip and --allow take away, --deny brings in", async () => {
  using folder = new Folder({ "a.ts": ALL });
  assertEquals(codes(await folder.found("--only", "fa203,FA702")), "FA203 FA702");
  assertEquals(codes(await folder.found("--only", "FA702", "--only", "FA601", "--skip", "FA601")), "FA702");
  assertEquals(codes(await folder.found("--gpu", "--budgets", "--skip=FA301")), "FA851");
  assertEquals(codes(await folder.found("--threading", "-A", "FA201")), "");
  assertEquals(codes(await folder.found("--threading", "-D", "FA203")), "FA201 FA203");
  // Dropping is stronger than raising, in either order.
  assertEquals(codes(await folder.found("--threading", "-D", "FA201", "-A", "FA201")), "");
  assertEquals(codes(await folder.found("--threading", "-A", "FA201", "-D", "FA201")), "");
});

Deno.test("--deny makes an error, --min-severity hides, --deny-warnings fails", async () => {
  using folder = new Folder({ "a.ts": using("bad601();", "bad301();") });
  const plain = await folder.json();
  assertEquals([plain.code, plain.document.summary["warnings"], plain.document.summary["hints"]], [0, 1, 1]);
  const denied = await folder.json("-DFA601");
  assertEquals([denied.code, denied.document.diagnostics[0]?.severity], [1, "error"]);
  assertEquals(await folder.found("--min-severity", "warning"), ["a.ts:2 FA601"]);
  assertEquals(await folder.found("--min-severity", "error"), []);
  assertEquals((await folder.fa("-W")).code, 1);
  assertEquals((await folder.fa("-W", "--min-severity", "error")).code, 0);
  assertEquals((await folder.fa("-W", "--only", "FA301")).code, 0, "a hint is no warning");
});

Deno.test("--path and paths name folders and files, each file once", async () => {
  using folder = new Folder({ "a/x.ts": using("bad702();"), "b/y.ts": using("bad702();"), "z.ts": using("bad702();") });
  assertEquals(await folder.found("--path", "a"), ["a/x.ts:2 FA702"]);
  assertEquals(await folder.found("-p", "a", "z.ts"), ["a/x.ts:2 FA702", "z.ts:2 FA702"]);
  assertEquals(await folder.found("z.ts", "./z.ts", "."), ["z.ts:2 FA702", "a/x.ts:2 FA702", "b/y.ts:2 FA702"]);
  assertEquals(await folder.found("--path", "."), ["a/x.ts:2 FA702", "b/y.ts:2 FA702", "z.ts:2 FA702"]);
  assertEquals(await folder.found("--path", `${folder.path}/a`), [`${folder.path}/a/x.ts:2 FA702`]);
  const up = await folder.faWith({ host: { cwd: `${folder.path}/a` } }, "-f", "compact", "..");
  assertEquals(up.out.split("\n")[1], "../b/y.ts:2:1: error [FA702]: This is await-crossing");
});

Deno.test("--exclude leaves out files by patterns", async () => {
  using folder = new Folder({
    "a/x.ts": using("bad702();"),
    "b/y.gen.ts": using("bad702();"),
    "b/c/z.ts": using("bad702();"),
  });
  assertEquals(await folder.found("-e", "a"), ["b/c/z.ts:2 FA702", "b/y.gen.ts:2 FA702"]);
  assertEquals(await folder.found("-e", "*.gen.ts", "-e", "b/**/z.ts"), ["a/x.ts:2 FA702"]);
  assertEquals(await folder.found("-e", "{a,b}/*.ts"), ["b/c/z.ts:2 FA702"]);
  assertEquals(await folder.found("-e", "**/[xz].ts", "b"), ["b/y.gen.ts:2 FA702"]);
});

Deno.test("--fail-fast stops after the first file with an error", async () => {
  using folder = new Folder({
    "a.ts": using("bad601();"),
    "b.ts": using("bad702();", "bad702();"),
    "c.ts": using("bad702();"),
  });
  assertEquals(await folder.found("--fail-fast"), ["a.ts:2 FA601", "b.ts:2 FA702", "b.ts:3 FA702"]);
});

Deno.test("--strict and --verbose reach the analysis and the standard error", async () => {
  using folder = new Folder({ "a.ts": "bad702(alloc);\n", "b.ts": "bad702(1);\n" });
  assertEquals(await folder.found(), [], "nothing names the library");
  assertEquals(await folder.found("--strict"), ["a.ts:1 FA702"]);
  const { out, err } = await folder.fa("--strict", "-v", "-f", "json");
  assertStringIncludes(err, "checking a.ts");
  JSON.parse(out);
});

Deno.test("what has no meaning is refused with exit code 2 and says what was meant", async () => {
  using folder = new Folder({ "a.ts": using("bad702();") });
  for (
    const [args, ...words] of [
      [["--formt", "json"], '"--formt"', "--format"],
      [["--format", "jsn"], '"jsn"', '"json"', "sarif"],
      [["--format"], "--format"],
      [["--format", "--all"], "--format"],
      [["--all=yes"], '"--all"'],
      [["-x"], '"-x"'],
      [["--only", "FA722"], '"FA722"', '"FA702"'],
      [["--deny", "nonsense"], "nonsense", "--deny"],
      [["--min-severity", "warn"], '"warn"', '"warning"'],
      [["--types", "ts5"], '"ts5"'],
      [["--fixes"], "fa show"],
      [["missing"], '"missing"'],
      [["--config", "missing.toml"], "missing.toml"],
      [["--baseline", "missing.json"], "missing.json", "--update-baseline"],
      [["--exclude", "**"], "no TypeScript"],
      [["explain"], "fa explain"],
      [["explain", "FA70"], '"FA70"'],
      [["show"], "fa show"],
      [["list", "--category", "asink"], "asink", "async"],
    ] as const
  ) {
    const { code, out, err } = await folder.fa(...args);
    assertEquals([code, out], [2, ""], args.join(" "));
    for (const word of words) assertStringIncludes(err, word);
    assertStringIncludes(err, "Cannot ");
  }
});

Deno.test("the exit code tells clean, findings and what could not be analysed apart", async () => {
  using folder = new Folder({ "clean.ts": using("good();"), "bad.ts": using("bad702();"), "broken.ts": "const = ;\n" });
  assertEquals((await folder.fa("clean.ts")).code, 0);
  assertEquals((await folder.fa("bad.ts")).code, 1);
  assertEquals((await folder.fa()).code, 3);
});

Deno.test("--help names every flag, and --version the version", async () => {
  using folder = new Folder();
  const { code, out } = await folder.fa("--help");
  assertEquals(code, 0);
  const flags = [
    "path",
    "exclude",
    "since",
    "config",
    "all",
    "dirtymem",
    "threading",
    "budgets",
    "async-safety",
    "gpu",
    "architecture",
  ];
  const more = [
    "rapier",
    "only",
    "skip",
    "strict",
    "deny",
    "allow",
    "deny-warnings",
    "min-severity",
    "baseline",
    "update-baseline",
  ];
  const rest = ["fail-fast", "format", "fix", "dry-run", "types", "verbose", "help", "version"];
  for (const flag of [...flags, ...more, ...rest]) assertStringIncludes(out, `--${flag}`);
  assert(/^fa \d+\.\d+\.\d+\n$/.test((await folder.fa("-V")).out));
});

Deno.test("short flags can be joined, values attached, and -- ends the flags", () => {
  const args = readArgs(["-aWv", "-fjson", "-DFA702,fa601", "-e", "a", "-eb", "--", "-strange.ts"]);
  assertEquals([args.denyWarnings, args.verbose, args.format], [true, true, "json"]);
  assertEquals([args.deny, args.exclude, args.paths], [["FA702", "fa601"], ["a", "b"], ["-strange.ts"]]);
});

Deno.test("explain and list tell what the registry says", async () => {
  using folder = new Folder();
  const { code, out } = await folder.fa("explain", "fa702", "FA998");
  assertEquals(code, 0);
  for (
    const part of [
      "FA702 await-crossing",
      "error, async",
      "Why await-crossing is wrong.",
      "  bad702();",
      "  good();",
      "FA998 unused-ignore",
    ]
  ) {
    assertStringIncludes(out, part);
  }
  const all = (await folder.fa("list")).out;
  for (const { code, name } of RULES) assertStringIncludes(all, `${code}  ${name}`);
  assertStringIncludes(all, "hint, off");
  const some = (await folder.fa("list", "--category", "async")).out;
  assertEquals([some.includes("FA702"), some.includes("FA601")], [true, false]);
  assertStringIncludes((await folder.fa("list", "--category", "dirtymem")).out, "FA601");
});

Deno.test("show shows one file without filters, with what would put each finding right", async () => {
  using folder = new Folder({
    "a.ts": using("bad203();", "// fa-ignore FA702 -- known", "bad702();", "const f = bad609();"),
    ".fa.toml": '[lints]\ndisabled = ["FA609"]\n',
  });
  assertEquals(await folder.found(), []);
  const { code, out } = await folder.fa("show", "a.ts", "--fixes");
  assertEquals(code, 0, "it informs, it does not judge");
  for (
    const part of [
      "FA203",
      "a comment ignores this: known",
      "FA609 at 5:11",
      "-const f = bad609();",
      "+using f = bad609();",
    ]
  ) {
    assertStringIncludes(out, part);
  }
  const { out: text } = await folder.fa("show", "--format", "json", "a.ts");
  assertEquals(JSON.parse(text).diagnostics.length, 3);
});
