/**
 * The example on asset loading runs, with no more permissions than it says it needs, and prints what it promises. It checks its own
 * numbers, and ends with an error when one is wrong.
 */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { bytes, type Output, run } from "../_example.ts";

const EXAMPLE = ["--allow-read", "--allow-net=127.0.0.1", "examples/09_async_assets.ts"];

/** What has to be so whatever files there were. */
function check({ code, stdout, stderr }: Output): void {
  assertEquals([code, stderr], [0, ""]);
  const head = /^(\d+) files with ([\d.]+ \w+), (\d+) of them from http:\/\/127\.0\.0\.1:\d+$/m.exec(stdout) ?? [];
  const [count, remote] = [Number(head[1]), Number(head[3])];
  assert(count >= 8 && remote === count >> 1, stdout);
  const budget = bytes(/^([\d.]+ \w+) of memory, 4 at a time$/m.exec(stdout)?.[1]);
  const most = bytes(/^[1-9]\d* frames went by meanwhile, and at most ([\d.]+ \w+) were in use$/m.exec(stdout)?.[1]);
  assert(budget < bytes(head[2]) && most <= budget && most > 0, stdout);

  const lost = remote >> 2;
  assertStringIncludes(stdout, `\n${lost} were not found:\n`);
  const errors = stdout.match(
    /^ {2}FA721: Cannot load asset ".+" as the server answered 404 Not Found: check the address$/gm,
  );
  assertEquals(errors?.length, lost);
  const ends = [...stdout.matchAll(/^ {2}(\d+) of \d+ loaded, (\d+) failed, \d+ waiting for room, [\d.]+ \w+$/gm)];
  assertEquals(ends.at(-1)?.slice(1), [`${count - lost}`, `${lost}`]);
  assertMatch(stdout, /^ {2}\S+ +[\d.]+ [KM]?B {2}[0-7]\.\d\d bits per byte, \d+ lines( \(at attempt 2\))?$/m);
  assertStringIncludes(stdout, `the next level was left early: 3 files had come, ${count - 3} were given up`);
  assertStringIncludes(stdout, "nothing was left in use");
}

Deno.test("09_async_assets.ts loads files and addresses, and says what is lost", async () => {
  check(await run(EXAMPLE));
});

Deno.test("09_async_assets.ts loads the sources where no packages are installed", async () => {
  const cache = await Deno.makeTempDir();
  try {
    const output = await run(["--cached-only", ...EXAMPLE], { DENO_DIR: cache });
    check(output);
    const given = await run([...EXAMPLE, "src"]);
    check(given);
    assertEquals(output.stdout.split(",")[0], given.stdout.split(",")[0]);
  } finally {
    await Deno.remove(cache, { recursive: true });
  }
});

Deno.test("09_async_assets.ts refuses a folder with too few files", async () => {
  const folder = await Deno.makeTempDir();
  try {
    for (const name of "abcdefg") await Deno.writeTextFile(`${folder}/${name}`, name);
    await Deno.writeTextFile(`${folder}/empty`, "");
    const few = await run([...EXAMPLE, folder]);
    assertEquals([few.code, few.stderr], [
      2,
      "Cannot load a level of 7 files: give a folder with at least 8 that are not empty\n",
    ]);
    await Deno.writeTextFile(`${folder}/h`, "h");
    check(await run([...EXAMPLE, folder]));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
