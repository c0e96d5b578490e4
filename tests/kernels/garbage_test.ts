/**
 * Kernels leave nothing to the garbage collector.
 */

import { assert, assertEquals } from "@std/assert";

const MOST = 1;

Deno.test("a call of a kernel leaves at most a byte, over a million calls", async () => {
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--v8-flags=--expose-gc,--min-semi-space-size=128,--max-semi-space-size=256",
      new URL("./_garbage.ts", import.meta.url).href,
    ],
    stderr: "inherit",
  }).output();
  assert(success);
  const { growth: { leak, ...growth }, stats } = JSON.parse(new TextDecoder().decode(stdout));
  assertEquals(stats.scalar, 0);
  assert(leak > 8, `what makes garbage is seen to make ${leak} bytes`);
  for (const [name, bytes] of Object.entries(growth)) {
    assert(bytes as number <= MOST, `${name} leaves ${bytes} bytes a call`);
  }
});
