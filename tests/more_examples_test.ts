/**
 * The examples on what outlives frames run, with no more permissions than they say they need, and print what they promise. They
 * check their own numbers, and end with an error when one is wrong.
 */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { bytes, type Output, run } from "./_example.ts";

Deno.test("03_pools_and_heaps.ts has a memory for each lifetime, and an error for each mistake", async () => {
  const { code, stdout, stderr } = await run(["examples/03_pools_and_heaps.ts"]);
  assertEquals([code, stderr], [0, ""]);
  assertStringIncludes(stdout, "60 frames: 120 drones came, 38 are left");
  assertMatch(stdout, /^compaction: \d+ beacons moved, [\d.]+ KB given back, 90 % unused before, \d+ % after$/m);
  assertStringIncludes(stdout, "quick save: 38 targets survived JSON and the compaction");
  assertMatch(stdout, /^pool +poolFree\(record\) +38 records, 1\.19 KB of 64\.00 KB$/m);
  assertMatch(stdout, /^heap +block\.free\(\) +1 block, 256\.00 KB$/m);
  assertMatch(stdout, /^handles +handles\.free\(handle\) +1000 records, 31\.25 KB$/m);
  assertMatch(stdout, /^group +group\.free\(\) +level 1: 2 allocations, 4\.06 KB$/m);
  assertMatch(stdout, /^object pool +pool\.release\(object\) +logs: 60 acquired, made 1$/m);
  const codes = [...stdout.matchAll(/^ {2}(FA\d{3}): Cannot /gm)].map(([, code]) => code);
  assertEquals(codes, ["FA401", "FA403", "FA404", "FA401", "FA403", "FA401", "FA401"]);
  assertStringIncludes(stdout, "left over: a pool record, Drone, 32 bytes, allocated 18 frames ago");
});

Deno.test("05_tags_and_budgets.ts refuses, reports, warns, spills and drops, each where it should", async () => {
  const { code, stdout, stderr } = await run(["examples/05_tags_and_budgets.ts"]);
  assertEquals([code, stderr], [0, ""]);
  const [, ...frames] = stdout.slice(0, stdout.indexOf("\nbudget ")).split(/^(?:frame \d|at last)$/m);
  assertEquals(frames.length, 6);
  const said = frames.map((frame) => [...frame.matchAll(/^ {2}(\w+)/gm)].map(([, first]) => first));
  assertEquals(said, [[], [], ["audio"], ["audio"], ["FA352", "render", "audio"], ["FA351"]]);
  assertStringIncludes(frames[4]!, 'remain in the budget of "physics"');
  assertStringIncludes(frames[4]!, "the soft limit of 8.00 MB");
  assertStringIncludes(frames[4]!, "the hard limit of 512.00 KB");

  const budgets = rows(stdout, "budget ");
  assertEquals([...budgets.keys()], ["global", "physics", "render", "audio", "ai", "network"]);
  for (const [name, [, hard, used, peak]] of budgets) {
    assertEquals(bytes(peak) > bytes(hard), name === "audio", name);
    assert(bytes(used) <= bytes(peak), name);
  }
  assertEquals(budgets.get("render")?.[4], "0");
  assertEquals([...budgets.values()].map(([, hard]) => hard), [
    "40.00 MB",
    "1.00 MB",
    "10.00 MB",
    "512.00 KB",
    "2.00 MB",
    "256.00 KB",
  ]);
  const dropped = /KB of the AI came from the reserve, (\d+) packets were dropped/.exec(stdout)?.[1];
  assert(Number(dropped) > 0);
  assertEquals(budgets.get("network")?.[4], dropped);

  const tags = rows(stdout, "tag ");
  assertEquals([...tags.keys()].sort(), ["ai", "audio", "network", "physics", "physics::solver", "render"]);
  for (const [path, [last, worst, all]] of tags) {
    assert(bytes(last) <= bytes(worst) && bytes(worst) <= bytes(all), path);
  }
  assertEquals(tags.get("audio")?.[3], "384.00 KB");
});

Deno.test("06_custom_allocator.ts puts an allocator into memory of its own, and builds one with a lifetime of its own", async () => {
  const { code, stdout, stderr } = await run(["examples/06_custom_allocator.ts"]);
  assertEquals([code, stderr], [0, ""]);
  assertStringIncludes(stdout, "banks: 3 in use in a large frame, 2 in the next one");
  assertStringIncludes(stdout, 'refused to give 60000 bytes ("all 8 banks are in use")');
  assertStringIncludes(stdout, 'refused to give 100000 bytes ("a bank has 65536 bytes")');
  assertMatch(
    stdout,
    /^picture: (\d+) strokes, [\d.]+ KB remembered\n {2}Cannot paint "square \1" as \d+ of 49152 bytes/m,
  );
  assertMatch(stdout, /^ {2}Cannot look at stroke (\d+), "square \1", as it was undone or forgotten$/m);
  assertMatch(stdout, /^picture: \d+ more strokes undone, and the picture is empty again$/m);
  assertStringIncludes(stdout, "picture: closed, and all of its memory was given back");
});

const STREAMING = ["--allow-read", "examples/08_streaming_assets.ts"];

/** What has to be so whatever files there were. */
function checkStreaming({ code, stdout, stderr }: Output): void {
  assertEquals([code, stderr], [0, ""]);
  const head = /^(\d+) files with ([\d.]+ \w+), a budget of ([\d.]+ \w+), 4 at a time$/m.exec(stdout);
  const [, files, total, budget] = head ?? [];
  assert(bytes(budget) < bytes(total), stdout);
  const [, streamed, peak] = /^([\d.]+ \w+) streamed through ([\d.]+ \w+) in \d+ frames$/m.exec(stdout) ?? [];
  assert(bytes(streamed) > bytes(total) && bytes(peak) <= bytes(budget), stdout);
  const end = /^(\d+) of (\d+) files verified, (\d+) evicted, 1 cancelled on the way$/m.exec(stdout) ?? [];
  assertEquals([end[1], end[2]], [files, files], stdout);
  assert(Number(end[3]) > 0, stdout);
  assertMatch(stdout, /^ {2}frame 0: \d+ ready, \d+ loading, [1-9]\d* waiting, /m);
  assertStringIncludes(stdout, "nothing was left in use");
}

Deno.test("08_streaming_assets.ts streams more than its budget holds, and every file comes in as it is", async () => {
  checkStreaming(await run(STREAMING));
});

Deno.test("08_streaming_assets.ts streams the sources where no packages are installed", async () => {
  const cache = await Deno.makeTempDir();
  try {
    const output = await run(["--cached-only", ...STREAMING], { DENO_DIR: cache });
    checkStreaming(output);
    const given = await run([...STREAMING, "src"]);
    checkStreaming(given);
    assertEquals(output.stdout.split("\n")[0], given.stdout.split("\n")[0]);
  } finally {
    await Deno.remove(cache, { recursive: true });
  }
});

Deno.test("08_streaming_assets.ts refuses a folder with too few files", async () => {
  const folder = await Deno.makeTempDir();
  try {
    for (const name of ["a", "b", "c"]) await Deno.writeTextFile(`${folder}/${name}`, name);
    await Deno.writeTextFile(`${folder}/empty`, "");
    const few = await run([...STREAMING, folder]);
    assertEquals([few.code, few.stderr], [
      2,
      "Cannot stream 3 files: give a folder with at least 4 that are not empty\n",
    ]);
    await Deno.writeTextFile(`${folder}/d`, "d");
    checkStreaming(await run([...STREAMING, folder]));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

/** The rows of a table by their first column. */
function rows(stdout: string, title: string): Map<string, string[]> {
  const [, ...lines] = stdout.slice(stdout.indexOf(`\n${title}`) + 1).split("\n\n")[0]!.split("\n");
  return new Map(
    lines.filter((line) => line !== "").map((line) => {
      const [name, ...cells] = line.split(/ {2,}/);
      return [name!, cells.map((cell) => cell === "none" ? "0 B" : cell)];
    }),
  );
}
