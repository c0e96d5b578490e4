/**
 * The examples run, with no more permissions than they say they need, and print what they promise.
 */

import { assert, assertAlmostEquals, assertEquals, assertStringIncludes } from "@std/assert";
import { readTrace } from "../examples/frame_loop/gc_trace.ts";

interface Output {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function deno(...args: string[]): Promise<Output> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    cwd: new URL("..", import.meta.url),
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

Deno.test("01_hello.ts allocates in frames, and is told about a handle that it kept", async () => {
  const { code, stdout, stderr } = await deno("run", "--no-prompt", "examples/01_hello.ts");
  assertEquals([code, stderr], [0, ""]);
  assertStringIncludes(stdout, "frame 3: ball at 7 m, 1040 bytes in 2 allocations");
  assertStringIncludes(stdout, "FA002: Cannot use a handle of frame 1");
  assertStringIncludes(stdout, "3 frames, 3120 bytes in all, nothing left in use: true");
});

Deno.test("02_frame_loop.ts computes the same numbers in every variant", async () => {
  const run = `--allow-run=${Deno.execPath()}`;
  const { code, stdout, stderr } = await deno("run", "--no-prompt", run, "examples/02_frame_loop.ts", "--steps=60");
  assertEquals([code, stderr], [0, ""]);
  assertStringIncludes(stdout, "All variants have computed the same numbers.");
  assertStringIncludes(stdout, "60 frames, 500 bodies, 10000 particles");
  for (const tag of ["physics", "physics::contacts", "particles", "render", "overlay"]) {
    assert(new RegExp(`^  ${tag} +[\\d.]+ K?B +\\d`, "m").test(stdout), `no line for the tag ${tag} in\n${stdout}`);
  }
  for (const phase of ["read", "particles", "draw", "overlay"]) {
    assert(new RegExp(`^  ${phase} +[\\d.]+ K?B +\\d+ +[\\d.]+$`, "m").test(stdout), `no phase ${phase} in\n${stdout}`);
  }
  const [, plain, checked, release] = bytesOf(stdout, "in all");
  assert(
    plain! > 2 * checked! && plain! > 2 * release!,
    `plain objects made no more garbage than frames in\n${stdout}`,
  );
});

Deno.test("02_frame_loop.ts refuses a number of frames that is none", async () => {
  const { code, stderr } = await deno("run", "--no-prompt", "examples/02_frame_loop.ts", "--steps=many");
  assertEquals([code, stderr], [2, "Cannot play many frames: give --steps a whole number of at least 1\n"]);
});

Deno.test("07_batch.ts comes to the same numbers in every way", async () => {
  const { code, stdout, stderr } = await deno("run", "--no-prompt", "examples/07_batch.ts");
  assertEquals([code, stderr], [0, ""]);
  assertStringIncludes(stdout, "All ways came to the same numbers.");
  assertEquals(stdout.match(/median +[\d.]+ +longest +[\d.]+/g)?.length, 6);
});

Deno.test("readTrace() counts what was allocated between two forced collections", async () => {
  const made = async (objects: number): Promise<number> => {
    const { stdout } = await deno(
      "eval",
      "--v8-flags=--expose-gc,--trace-gc,--trace-gc-nvp",
      `let last;
       function make(n) { for (let i = 0; i < n; i++) last = { a: i, b: i, c: i, d: i }; }
       make(100_000);
       gc({ type: "minor" });
       make(${objects});
       gc({ type: "minor" });
       console.error(last.a);`,
    );
    const { bytes, scavenges } = readTrace(stdout);
    assert(scavenges > 0, "The collector had nothing to do");
    return bytes;
  };
  const [some, many] = [await made(1_000_000), await made(2_000_000)];
  // Four fields take 32 bytes, and an object has a header.
  assert(some > 1_000_000 * 32 && some < 1_000_000 * 96, `${some} bytes for a million objects`);
  assertAlmostEquals(many / some, 2, 0.05);
});

/** The sizes in a row of the demo's table. */
function bytesOf(stdout: string, title: string): number[] {
  const row = stdout.split("\n").find((line) => line.trimStart().startsWith(title)) ?? "";
  const units: Record<string, number> = { B: 1, KB: 1024, MB: 1024 ** 2 };
  return [...row.matchAll(/([\d.]+) (B|KB|MB)/g)].map(([, value, unit]) => Number(value) * units[unit!]!);
}
