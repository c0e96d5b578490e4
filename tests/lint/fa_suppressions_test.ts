/**
 * Comments that take findings away: where they count, what they leave, and the report of those that take nothing away.
 */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { Folder, using } from "./_fa.ts";

/** Runs the command on a file and returns what is found, by the line. */
async function found(text: string, ...args: readonly string[]): Promise<string[]> {
  using folder = new Folder({ "a.tsx": text });
  return (await folder.found(...args)).map((line) => line.replace("a.tsx:", ""));
}

Deno.test("a comment takes away its codes on its own line, or on the next line of code", async () => {
  assertEquals(await found(using("bad702(); // fa-ignore FA702 -- known")), []);
  assertEquals(await found(using("// fa-ignore FA702", "bad702();", "bad702();")), ["4 FA702"]);
  assertEquals(await found(using("// fa-ignore FA702", "", "// another comment", "/* and", "one */", "bad702();")), []);
  assertEquals(await found(using("/* fa-ignore FA702 */ bad702();", "bad702();")), ["3 FA702"]);
  assertEquals(await found(using("/* fa-ignore fa702 */", "bad702();")), []);
  assertEquals(await found(using("// fa-ignore FA702 -- one", "// fa-ignore FA601 -- two", "bad702(bad601);")), []);
  assertEquals(await found(using("const x = <p>", "{/* fa-ignore FA702 */}", "{bad702}</p>;")), []);
});

Deno.test("a comment takes away nothing but its codes", async () => {
  assertEquals(await found(using("bad702(bad601); // fa-ignore FA601")), ["2 FA702"]);
  assertEquals(await found(using("bad702(bad601); // fa-ignore FA601, FA702")), []);
  assertEquals(await found(using("bad702(bad601); // fa-ignore FA601 FA702 -- FA851 is not meant")), []);
});

Deno.test("a comment for the file takes away its codes everywhere", async () => {
  assertEquals(await found(using("bad702();", "bad601();", "bad702();", "// fa-ignore-file FA702 -- old")), [
    "3 FA601",
  ]);
});

Deno.test("comments of deno lint count as they do there", async () => {
  assertEquals(await found(using("// deno-lint-ignore framealloc/fa702 -- known", "bad702();", "bad702();")), [
    "4 FA702",
  ]);
  assertEquals(
    await found(using("// deno-lint-ignore no-console framealloc/fa702, framealloc/fa601", "bad702(bad601);")),
    [],
  );
  assertEquals(await found(using("// deno-lint-ignore no-console fa702", "bad702();")), ["3 FA702"]);
  assertEquals(
    await found(using("bad702(); // deno-lint-ignore framealloc/fa702")),
    ["2 FA702"],
    "it is for the next line",
  );
  assertEquals(await found(`// deno-lint-ignore-file framealloc/fa702\n${using("bad702();", "bad601();")}`), [
    "4 FA601",
  ]);
  assertEquals(await found(`#!/bin/x\n/* c */\n// deno-lint-ignore-file\n${using("bad702();")}`), []);
  assertEquals(
    await found(using("// deno-lint-ignore-file framealloc/fa702", "bad702();")),
    ["3 FA702"],
    "it must be at the top",
  );
});

Deno.test("a comment that takes nothing away is a hint, once for each code", async () => {
  assertEquals(await found(using("good(); // fa-ignore FA702, FA601 -- gone")), ["2 FA998", "2 FA998"]);
  assertEquals(await found(using("bad702(); // fa-ignore FA702, FA601")), ["2 FA998"]);
  assertEquals(await found(using("// fa-ignore-file FA702", "good();")), ["2 FA998"]);
  assertEquals(await found(using("// fa-ignore FA777", "good();")), ["2 FA998"]);
  assertEquals(await found(using("// fa-ignore", "bad702();")), ["2 FA998", "3 FA702"], "no code, no effect");
  assertEquals(await found("// fa-ignore FA702 -- nothing of the library is here\nexport {};\n"), ["1 FA998"]);
  assertEquals(
    await found(using("// deno-lint-ignore framealloc/fa702", "good();")),
    [],
    "deno lint has its own report",
  );
  assertEquals(
    await found(using('const s = "// fa-ignore FA702";', "// not-fa-ignore FA702", "// fa-ignored FA702")),
    [],
  );
});

Deno.test("a comment is not called unused because its rule did not run, or because of a filter behind it", async () => {
  const text = using("bad702(); // fa-ignore FA702", "bad301(); // fa-ignore FA301", "good(); // fa-ignore FA601");
  assertEquals(await found(text), ["4 FA998"]);
  assertEquals(await found(text, "--gpu"), []);
  assertEquals(await found(text, "--dirtymem"), ["4 FA998"]);
  assertEquals(await found(text, "--allow", "FA998"), []);
  assertEquals(await found(text, "--min-severity", "error"), []);
  using folder = new Folder({ "a.ts": text });
  const { document } = await folder.json("--min-severity", "error");
  assertEquals(document.summary["suppressed"], 1, "the hint is below");
});

Deno.test("what a comment takes away does not fail and is counted", async () => {
  using folder = new Folder({ "a.ts": using("bad702(); // fa-ignore FA702 -- known") });
  const { code, out } = await folder.fa();
  assertEquals(code, 0);
  assertStringIncludes(out, "No findings in 1 file (1 ignored by comments)");
});
