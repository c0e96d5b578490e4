/**
 * Both devices do the same, word by word.
 */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { type Scenario, SCENARIOS } from "./_backend_scenarios.ts";
import { type Device, NO_WEBGPU, nullBackend, requireWebGpu, settled } from "./_backends.ts";
import { counting } from "./_bytes.ts";

const ignore = NO_WEBGPU !== undefined;

/** What a scenario notes on a device. */
async function logOf(backend: Device, scenario: Scenario): Promise<string[]> {
  const lines: string[] = [];
  try {
    await scenario(backend, (line) => lines.push(line));
  } finally {
    backend.dispose();
    await settled(backend);
  }
  return lines;
}

for (const [name, scenario] of Object.entries(SCENARIOS)) {
  Deno.test({
    name: `Both devices agree: ${name}`,
    ignore,
    fn: async () => {
      const complaints: string[] = [];
      const real = await logOf(await requireWebGpu({ onError: (message) => complaints.push(message) }), scenario);
      assertEquals(real, await logOf(nullBackend(), scenario));
      assertEquals(complaints, []);
    },
  });
}

Deno.test("Scenarios note what they are named after", async () => {
  const note = (name: keyof typeof SCENARIOS): Promise<string[]> => logOf(nullBackend(), SCENARIOS[name]!);

  const [zeros, written] = await note("a new buffer is full of zeros, and what is written is read back");
  assertEquals(zeros, Array(32).fill(0).join(" "));
  assertEquals(written, [...Array(8).fill(0), ...counting(8, 3), ...Array(16).fill(0)].join(" "));

  assertEquals(await note("writes and copies that overlap happen in their order"), [
    "100 101 102 103 104 105 106 107 9 10 11 12 1 2 3 4",
    "1 2 3 4 50 51 52 53 0 0 0 0 100 101 102 103",
  ]);
  assertEquals(await note("a buffer is cleared in part"), ["1 2 3 4 0 0 0 0 0 0 0 0 13 14 15 16"]);
  assertEquals(await note("a destroyed buffer takes nothing along that was called before"), [
    "1 2 3 4 15 16 17 18",
    "ok",
  ]);
  for (const line of await note("records are scattered bit by bit as a loop would")) assertStringIncludes(line, "same");
  assertEquals(await note("20 MiB arrive bit by bit"), ["0 wrong, first 2969567232"]);
  assertEquals((await note("numbers rest before they are given again")).slice(0, 2), [
    "1 after 1000 others",
    "0 0 0 0",
  ]);
});

Deno.test("What is wrong has the code of what is wrong", async () => {
  const lines = await logOf(
    nullBackend(),
    SCENARIOS["whatever is wrong is refused with a code, before anything happens"]!,
  );
  const codes = new Map<string, string[]>();
  for (const line of lines) {
    const [name, rest] = line.split(/:\s?/, 2);
    const code = /^\w+ (FA\d+)/.exec(rest ?? "")?.[1] ?? "none";
    codes.set(code, [...codes.get(code) ?? [], name!]);
  }
  assertEquals([...codes.keys()].sort(), ["FA008", "FA401", "FA404", "FA852", "none"]);
  assertEquals(codes.get("none"), [
    "write no bytes",
    "copy no bytes",
    "clear no bytes",
    "scatter nothing",
    "1024",
  ]);
  assertEquals(codes.get("FA852"), [
    "create readable storage",
    "create writable storage",
    "write to vertices",
    "copy from b",
    "copy to vertices",
    "clear vertices",
    "scatter to b",
    "map a",
  ]);
  assertEquals(codes.get("FA401")!.length, 7);
  assertEquals(codes.get("FA404")!.length, 7);
});

Deno.test("A lost device is told once, and everything but the ends is refused with FA857", async () => {
  const lines = await logOf(
    nullBackend(),
    SCENARIOS["a lost device is told once, refuses everything, and is replaced"]!,
  );
  assertEquals(lines.slice(0, 18).map((line) => line.replace(/ true$/, "")), [
    "before: undefined",
    "onLoss destroyed",
    "map meanwhile: FA857",
    "reason: destroyed",
    "create: FA857",
    "write: FA857",
    "copy: FA857",
    "clear: FA857",
    "scatter: FA857",
    "map: FA857",
    "read: FA857",
    "raw: FA857",
    "done: FA857",
    "recreate: FA857",
    "unmap: nothing",
    "destroy: nothing",
    "submit: nothing",
    "verify: ok",
  ]);
});
