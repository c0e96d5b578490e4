/**
 * Fixes: those that need no person are applied, whole, until nothing is left, and never into a file that then does not parse; a dry run shows
 * the same as a diff and changes nothing.
 */

import { assertEquals, assertStringIncludes } from "@std/assert";
import type { Diagnostic, Suggestion } from "../../lint/core/diagnostic.ts";
import { unifiedDiff } from "../../lint/fa/diff.ts";
import { applyFixes, fixText } from "../../lint/fa/fix.ts";
import { ENGINE, Folder, using } from "./_fa.ts";

function edit(start: number, end: number, text: string): Suggestion {
  return { message: "", applicability: "machine", edits: [{ start, end, text }] };
}

Deno.test("--fix applies what needs no person and reports the rest", async () => {
  using folder = new Folder({
    "a.ts": using("const f = bad609();", "const g = bad609();", "bad702();"),
    "b.ts": using("good();"),
  });
  const { code, document, err } = await folder.json("--fix");
  assertEquals(folder.read("a.ts"), using("using f = bad609();", "using g = bad609();", "bad702();"));
  assertEquals(document.diagnostics.map(({ code, location }) => [code, location.line]), [["FA702", 4]]);
  assertEquals(code, 1);
  assertStringIncludes(err, "fixed 2 in a.ts");
  assertEquals((await folder.fa("--fix", "--only", "FA609")).code, 0);
});

Deno.test("--dry-run shows what --fix would do as a diff that Git applies, and changes nothing", async () => {
  const before = using(
    ...Array.from({ length: 20 }, (_, i) => `good(${i});`),
    "const f = bad609();",
    "good();",
    "const g = bad609();",
  );
  using folder = new Folder({ "src/a.ts": before, "b.ts": "using x = 1;" });
  folder.git("init", "--quiet");
  const { out, err, code } = await folder.fa("--dry-run");
  assertEquals([folder.read("src/a.ts"), code], [before, 0]);
  assertStringIncludes(err, "2 warnings");
  folder.write("fix.patch", out);
  folder.git("apply", "fix.patch");
  assertEquals(folder.read("src/a.ts"), before.replaceAll("const f", "using f").replaceAll("const g", "using g"));
  assertEquals((await folder.fa("--fix", "--dry-run")).out, "", "nothing is left");
});

Deno.test("--dry-run keeps another format's standard output to its document", async () => {
  using folder = new Folder({ "a.ts": using("const f = bad609();") });
  const { document, err } = await folder.json("--fix", "--dry-run");
  assertEquals(document.diagnostics.length, 1);
  assertStringIncludes(err, "+using f = bad609();");
  assertStringIncludes(folder.read("a.ts"), "const f");
});

Deno.test("what is suppressed, filtered or in the baseline is not fixed", async () => {
  using folder = new Folder({ "a.ts": using("const f = bad609(); // fa-ignore FA609", "const g = bad609();") });
  await folder.fa("--fix", "--gpu");
  await folder.fa("--fix", "--min-severity", "error");
  await folder.fa("--update-baseline");
  await folder.fa("--fix", "--baseline", ".fa-baseline.json");
  assertEquals(folder.read("a.ts"), using("const f = bad609(); // fa-ignore FA609", "const g = bad609();"));
  await folder.fa("--fix");
  assertEquals(folder.read("a.ts"), using("const f = bad609(); // fa-ignore FA609", "using g = bad609();"));
});

Deno.test("a fix that breaks the syntax is not written", async () => {
  const engine = {
    ...ENGINE,
    analyze: (...args: Parameters<typeof ENGINE.analyze>): readonly Diagnostic[] =>
      ENGINE.analyze(...args).map((one) => ({ ...one, suggestions: [edit(one.start, one.end, ")(")] })),
  };
  using folder = new Folder({ "a.ts": using("bad609();") });
  await folder.faWith({ engine }, "--fix");
  assertEquals(folder.read("a.ts"), using("bad609();"));
});

Deno.test("fixes that overlap wait for the next round, and rounds come to an end", () => {
  assertEquals(applyFixes("abcdef", [edit(0, 2, "X"), edit(1, 3, "Y"), edit(4, 6, "Z")]), {
    text: "Xcd" + "Z",
    count: 2,
  });
  assertEquals(applyFixes("abc", [edit(1, 1, "X"), edit(1, 1, "X"), edit(1, 1, "Y")]), { text: "aXbc", count: 1 });
  const whole: Suggestion = {
    ...edit(0, 1, "1"),
    edits: [{ start: 0, end: 1, text: "1" }, { start: 5, end: 6, text: "6" }],
  };
  assertEquals(applyFixes("abcdef", [edit(5, 6, "_"), whole]).text, "abcde_", "whole or not at all");
  const grown = fixText(
    "aaa",
    (text) => text.includes("a") ? [edit(text.indexOf("a"), text.indexOf("a") + 1, "b")] : [],
  );
  assertEquals(grown, { text: "bbb", count: 3 });
  const endless = fixText("a", (text) => [edit(0, 1, text === "a" ? "b" : "a")]);
  assertEquals(endless.text.length, 1);
});

Deno.test("a diff of a text with itself is empty, and one without a last line end says so", () => {
  assertEquals(unifiedDiff("x", "a\n", "a\n"), "");
  assertEquals(
    unifiedDiff("x", "a\nb", "a\nc\n"),
    "--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+c\n",
  );
});
