/**
 * The GPU allocator in a browser: Chromium's WebGPU is another one than Deno's, and has to do the same.
 */

import { assert, assertEquals, assertLess, assertMatch } from "@std/assert";
import { ALLOCATOR_SCENARIOS, logOfAllocator } from "./_allocator_scenarios.ts";
import { SCENARIOS } from "./_backend_scenarios.ts";
import { NO_WEBGPU, nullBackend, requireWebGpu, settled } from "./_backends.ts";
import { runInBrowser } from "./_browser.ts";
import type { BrowserReport } from "./_browser_program.ts";

const report = await runInBrowser(new URL("_browser_program.ts", import.meta.url)) as
  & Partial<BrowserReport>
  & { readonly failure?: string };
if (report.missing !== undefined) console.log(`Skipped: tests in a browser: ${report.missing}`);
const ignore = report.missing !== undefined;

Deno.test({
  name: "The whole program has run in the browser, and its device had nothing to complain of",
  ignore,
  fn: () => {
    assertEquals(report.failure, undefined);
    assertEquals(report.complaints, []);
    assertEquals(Object.keys(report.backend!), Object.keys(SCENARIOS));
    assertEquals(Object.keys(report.allocator!), Object.keys(ALLOCATOR_SCENARIOS));
  },
});

for (const name of Object.keys(SCENARIOS)) {
  Deno.test({
    name: `The device of the browser agrees with the null device: ${name}`,
    ignore,
    fn: () => {
      const logs = report.backend?.[name];
      assert(logs !== undefined && logs.real.length > 0, report.failure);
      assertEquals(logs.real, logs.null);
    },
  });
}

/** What each program comes to, wherever it runs. */
const EXPECTED: Readonly<Record<string, readonly (string | RegExp)[]>> = {
  "what is written is read back, with a copy on the CPU and without": [
    "0 0 0 0 0 0 0 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 0 0 0 0",
    Array.from({ length: 30 }, (_, i) => 100 + i).join(" "),
    "2 writes",
  ],
  "a frame is uploaded by one write, and its reads come by one map": [
    "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15",
    "20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35",
    "40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55",
    "1 write, 1 map",
  ],
  "many small changes end where they should, however they are sent": [/^0 wrong, \d+ scattered$/],
  "a lost device comes back with what has a copy": [
    "FA857",
    "2 restored, 1 discarded, 0 failed",
    "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16",
    "50 51 52 53 54 55 56 57 58 59 60 61 62 63 64 65",
    "0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0",
  ],
  "defragmentation empties buffers and keeps what is in them": [
    "true true",
    Array.from({ length: 20 }, (_, i) => `1:${10 * i}`).join(" "),
  ],
  "what is streamed arrives after some frames": ["2 frames, 77 0 0 0"],
  "a unified buffer goes there and back": [
    "GpuOnly",
    `Synchronized ${Array.from({ length: 32 }, (_, i) => 3 + i).join(" ")}`,
  ],
  "mistakes are refused with a code": ["FA009", "FA008", "FA009", "FA008", "FA001", "FA852", "FA401", "FA001"],
};

function assertLog(lines: readonly string[], name: string): void {
  const expected = [...EXPECTED[name]!, "left: 0"];
  assertEquals(lines.length, expected.length, lines.join("\n"));
  for (const [i, line] of lines.entries()) {
    const wanted = expected[i]!;
    if (typeof wanted === "string") assertEquals(line, wanted);
    else assertMatch(line, wanted);
  }
}

for (const [name, scenario] of Object.entries(ALLOCATOR_SCENARIOS)) {
  Deno.test(`The allocator does so on the null device: ${name}`, async () => {
    assertLog(await logOfAllocator(nullBackend(), scenario), name);
  });
  Deno.test({
    name: `The allocator does so on the device of Deno: ${name}`,
    ignore: NO_WEBGPU !== undefined,
    fn: async () => {
      const backend = await requireWebGpu();
      assertLog(await logOfAllocator(backend, scenario), name);
      await settled(backend);
    },
  });
  Deno.test({
    name: `The allocator does so on the device of the browser: ${name}`,
    ignore,
    fn: () => {
      assert(report.allocator !== undefined, report.failure);
      assertLog(report.allocator[name]!.real, name);
      assertLog(report.allocator[name]!.null, name);
    },
  });
}

Deno.test({
  name: "A compute shader of the browser moves particles as the CPU does, with uniforms of the ring",
  ignore,
  fn: () => {
    assert(report.particles !== undefined, report.failure);
    const { error, moved } = report.particles;
    assertLess(error, 1e-3);
    assert(moved > 0.5, `they moved by ${moved} only`);
  },
});

Deno.test({
  name: "The page of the particles draws them, and uploads each frame by one write",
  ignore,
  fn: () => {
    assert(report.picture !== undefined, report.failure);
    const { lit, line } = report.picture;
    assert(lit > 0.03 && lit < 0.6, `${lit} of the pixels are lit`);
    // One more for the particles themselves.
    assertMatch(line, /^20000 particles, .* on the device, 5 uniforms per frame, 11 writes in 10 frames$/);
  },
});
