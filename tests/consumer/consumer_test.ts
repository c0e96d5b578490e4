/**
 * A user's project: it type-checks, and runs with no permissions at all.
 */

import { assertEquals } from "@std/assert";
import { denoOk, ROOT } from "./_project.ts";

const FOLDER = `${ROOT}/tests/consumer`;

Deno.test("a project that links to the library type-checks", async () => {
  await denoOk(FOLDER, "check", "--quiet", "--no-lock", "main.ts");
});

Deno.test("a project that links to the library runs with no permissions", async () => {
  const { stdout, stderr } = await denoOk(FOLDER, "run", "--quiet", "--no-prompt", "--no-lock", "main.ts");
  assertEquals(
    stdout,
    [
      "frame 1: 10 contacts, deepest 2.25, scratch 256",
      "frame 2: 20 contacts, deepest 4.75, scratch 256",
      "frame 3: 30 contacts, deepest 7.25, scratch 256",
      "FA002",
      "revoked to 0",
      '3 [ "", "scratch" ]',
      "",
    ].join("\n"),
  );
  assertEquals(stderr, "");
});
