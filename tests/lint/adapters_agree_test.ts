/**
 * The command, the plugin of `deno lint`, ESLint and oxlint find the same at the same places: they differ in parsers and in nothing else.
 */

import { assert, assertEquals } from "@std/assert";
import { RULES } from "../../lint/registry.ts";
import { type Findings, Fixtures } from "./_adapters.ts";

Deno.test("all front ends find the same in all programs", async (test) => {
  using fixtures = new Fixtures();
  const expected = await fixtures.byCommand();

  await test.step("the command finds something of each kind", () => {
    const found = new Set(expected.map((line) => line.slice(-5)));
    for (const { code } of RULES) assert(found.has(code), code);
    for (const name of ["characters_of_two_units", "src/game/names_no_library"]) {
      assert(expected.some((line) => line.startsWith(`${name}.ts:2:`)), name);
    }
  });
  await test.step("deno lint", () => agree(fixtures.byDenoPlugin(), expected));
  await test.step("ESLint", () => agree(fixtures.byEslint(), expected));
  await test.step("oxlint", async () => agree(await fixtures.byOxlint(), expected));
});

/** Shows only what differs, as there are hundreds. */
function agree(found: Findings, expected: Findings): void {
  const missing = expected.filter((line) => !found.includes(line));
  const extra = found.filter((line) => !expected.includes(line));
  assertEquals({ missing, extra, count: found.length }, { missing: [], extra: [], count: expected.length });
}
