/**
 * The report for a person: the lines with carets below what is meant, colour where it can be seen, and no more of a line than fits.
 */

import { assert, assertEquals } from "@std/assert";
import { FORMATS } from "../../lint/fa/args.ts";
import { Folder, using } from "./_fa.ts";

Deno.test("terminal shows the lines, carets below what is meant, and what to do", async () => {
  using folder = new Folder({
    "src/a.ts": using(
      "const v = from702();",
      "",
      "",
      "\tconst 漢字 = [1]; bad702(v); // end",
      "const f = bad609();",
      "",
    ),
  });
  const { out, code } = await folder.fa();
  assertEquals(code, 1);
  assertEquals(
    out,
    `error[FA702]: This is await-crossing
 --> src/a.ts:5:18
  |
2 | const v = from702();
  |           ------- allocated here
...
5 |     const 漢字 = [1]; bad702(v); // end
  |                       ^^^^^^
  |
  = note: A note
  = help: What to do about await-crossing
  = see: fa explain FA702

warning[FA609]: This is guard-dropped
 --> src/a.ts:6:11
  |
6 | const f = bad609();
  |           ^^^^^^
  |
  = note: A note
  = help: What to do about guard-dropped
  = fix: Let the block end it (fa --fix)
  = see: fa explain FA609

1 error, 1 warning in 1 file
`,
  );
});

Deno.test("terminal is coloured only for a terminal, unless the environment says otherwise", async () => {
  using folder = new Folder({ "a.ts": using("bad702();") });
  const isColoured = async (stdoutIsTerminal: boolean, env: Record<string, string>, ...args: readonly string[]) =>
    (await folder.faWith({ host: { stdoutIsTerminal, env } }, ...args)).out.includes("\x1b[");
  assertEquals(await isColoured(false, {}), false);
  assertEquals(await isColoured(true, {}), true);
  assertEquals(await isColoured(true, { NO_COLOR: "1" }), false);
  assertEquals(await isColoured(true, { NO_COLOR: "" }), true);
  assertEquals(await isColoured(false, { FORCE_COLOR: "1" }), true);
  for (const name of FORMATS) {
    if (name !== "terminal") assertEquals(await isColoured(true, {}, "-f", name), false, name);
  }
});

Deno.test("terminal shows a part of a line that is very long", async () => {
  using folder = new Folder({ "a.ts": using(`${"x;".repeat(50_000)}bad702();${"y;".repeat(50_000)}`) });
  const { out } = await folder.fa();
  assert(out.length < 2000);
  const lines = out.split("\n");
  const at = lines.findIndex((line) => line.includes("^^^^^^"));
  assertEquals(lines[at - 1]?.indexOf("bad702"), lines[at]?.indexOf("^^^^^^"));
});
