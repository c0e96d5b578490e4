/**
 * The baseline from its first writing to its end: it hides what was there, nothing that is new, survives edits elsewhere, and says what it
 * no longer needs; and findings on changed lines alone, in a real repository.
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { parseDiff } from "../../lint/fa/since.ts";
import { Folder, using } from "./_fa.ts";

Deno.test("a baseline hides what it lists until its line changes, and then says so", async () => {
  using folder = new Folder({ "src/a.ts": using("bad702(1);", "bad601();"), "src/b.ts": using("bad702(2);") });
  const written = await folder.fa("--baseline", "base.json", "--update-baseline");
  assertEquals(written.code, 0);
  assertStringIncludes(written.err, "Wrote 3 findings");

  const same = await folder.json("--baseline", "base.json");
  assertEquals([same.code, same.document.diagnostics.length, same.document.summary["baselined"]], [0, 0, 3]);

  // Moved and indented: the same. A second one on an equal line: new.
  folder.write("src/a.ts", using("", "good();", "  bad702(1);", "bad601();", "  bad702( 1 );", "  bad702(1);"));
  assertEquals(await folder.found("--baseline", "base.json"), ["src/a.ts:6 FA702", "src/a.ts:7 FA702"]);
  assertEquals((await folder.fa("--baseline", "base.json")).code, 1);

  folder.write("src/a.ts", using("good();"));
  const fixed = await folder.json("--baseline", "base.json");
  assertEquals(fixed.code, 0);
  assertEquals(fixed.document.stale_baseline.map(({ file, code }) => `${file} ${code}`), [
    "src/a.ts FA601",
    "src/a.ts FA702",
  ]);
  assertStringIncludes(
    (await folder.fa("--baseline", "base.json")).out,
    "the baseline lists a FA702 in src/a.ts that is no longer there",
  );

  assertStringIncludes((await folder.fa("--baseline", "base.json", "--update-baseline")).err, "Wrote 1 finding ");
  assertEquals((await folder.json("--baseline", "base.json")).document.stale_baseline, []);
});

Deno.test("an entry is not stale because its file or its rule was not looked at, and is kept", async () => {
  using folder = new Folder({ "a.ts": using("bad702();"), "b.ts": using("bad702();", "bad601();") });
  await folder.fa("--update-baseline");
  const before = folder.read(".fa-baseline.json");
  for (const args of [["a.ts"], ["--gpu"], ["--only", "FA601"], ["--min-severity", "error", "a.ts"]]) {
    const { document } = await folder.json("--baseline", ".fa-baseline.json", ...args);
    assertEquals([document.stale_baseline, document.diagnostics], [[], []], args.join(" "));
  }
  await folder.fa("--update-baseline", "a.ts");
  await folder.fa("--update-baseline", "--gpu");
  assertEquals(folder.read(".fa-baseline.json"), before);
  folder.write("b.ts", "const = ;");
  assertEquals(
    (await folder.json("--baseline", ".fa-baseline.json")).document.stale_baseline,
    [],
    "it could not be analysed",
  );
});

Deno.test("a baseline is found again from elsewhere, and comments need none", async () => {
  using folder = new Folder({ "src/a.ts": using("bad702();", "bad601(); // fa-ignore FA601") });
  await folder.fa("--update-baseline");
  assertEquals(JSON.parse(folder.read(".fa-baseline.json")).findings.length, 1);
  const { code } = await folder.faWith({ host: { cwd: `${folder.path}/src` } }, "--baseline", "../.fa-baseline.json");
  assertEquals(code, 0);
});

Deno.test("what is not a baseline is refused", async () => {
  using folder = new Folder({ "a.ts": using("bad702();") });
  for (const text of ["", "{}", "[]", '{"version":2,"findings":[]}', '{"version":1,"findings":[{"code":1}]}']) {
    folder.write("base.json", text);
    assertEquals((await folder.fa("--baseline", "base.json")).code, 2, text);
  }
});

Deno.test("--since reports what has to do with changed lines, and new files whole", async () => {
  using folder = new Folder({
    "a.ts": using("bad702(1);", "good();", "good();", "bad702(2);", "good();", "good();"),
    "b.ts": using("bad601();"),
    'it\'s "odd" é\t.ts': using("bad702();", "good();"),
    "gone.ts": using("bad702();"),
  });
  folder.git("init", "--quiet", "--initial-branch=main");
  folder.git("add", ".");
  folder.git("commit", "--quiet", "--message", "one");
  assertEquals(await folder.found("--since", "HEAD"), []);

  folder.write("a.ts", using("bad702(1);", "good();", "bad601();", "good();", "bad702(2);", "good();", "good();"));
  folder.write('it\'s "odd" é\t.ts', using("bad702();", "bad702(3);"));
  folder.write("new.ts", using("bad702();"));
  folder.git("rm", "--quiet", "gone.ts");
  assertEquals((await folder.found("--since", "HEAD")).sort(), [
    "a.ts:4 FA601",
    'it\'s "odd" é\t.ts:3 FA702',
    "new.ts:2 FA702",
  ]);
  const { document } = await folder.json("--since", "HEAD");
  assertEquals(document.files_analyzed, 3, "only what changed is analysed");
  const inside = await folder.faWith({ host: { cwd: folder.path } }, "--since", "HEAD", "-f", "compact", "-p", "a.ts");
  assertEquals(inside.out, "a.ts:4:1: warning [FA601]: This is frame-escape\n");
});

Deno.test("--since counts a finding as new when a line that it names is new", async () => {
  using folder = new Folder({ "a.ts": using("old();", "good();", "bad702();") });
  folder.git("init", "--quiet");
  folder.git("add", ".");
  folder.git("commit", "--quiet", "--message", "one");
  folder.write("a.ts", using("from702();", "good();", "bad702();"));
  assertEquals(await folder.found("--since", "HEAD"), ["a.ts:4 FA702"]);
});

Deno.test("--since compares with where the branch left, not with what came after", async () => {
  using folder = new Folder({ "a.ts": using("bad702(1);"), "b.ts": using("good();") });
  folder.git("init", "--quiet", "--initial-branch=main");
  folder.git("add", ".");
  folder.git("commit", "--quiet", "--message", "one");
  folder.git("checkout", "--quiet", "-b", "topic");
  folder.write("b.ts", using("bad601();"));
  folder.git("commit", "--quiet", "--all", "--message", "topic");
  folder.git("checkout", "--quiet", "main");
  folder.write("a.ts", using("good();"));
  folder.git("commit", "--quiet", "--all", "--message", "main goes on");
  folder.git("checkout", "--quiet", "topic");
  assertEquals(await folder.found("--since", "main"), ["b.ts:2 FA601"]);
  assertEquals(await folder.found("--since", "main...topic"), ["b.ts:2 FA601"]);
});

Deno.test("--since without a repository or with no revision is refused", async () => {
  using folder = new Folder({ "a.ts": using("bad702();") });
  assertEquals((await folder.fa("--since", "HEAD")).code, 2);
  folder.git("init", "--quiet");
  for (const revision of ["HEAD", "nonsense", "--output=x"]) {
    const { code, err } = await folder.fa(`--since=${revision}`);
    assertEquals(code, 2);
    assertStringIncludes(err, revision);
  }
});

Deno.test("a diff is read with lines that look like headers in it", () => {
  const diff = [
    "diff --git a/x b/x",
    "--- a/x",
    "+++ b/x",
    "@@ -1 +1,2 @@",
    "-old",
    "+++ b/fake",
    "+new",
    "@@ -9,2 +9,0 @@",
    "--- a",
    "-b",
  ].join("\n");
  assertEquals([...parseDiff(diff)], [["x", [[1, 2], [9, 10]]]]);
  assert(parseDiff("").size === 0);
});
