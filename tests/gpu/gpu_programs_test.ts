/**
 * Random programs for a GPU allocator against a model of it: what is where, what it holds, who pays for it, and what becomes of it when
 * there is no room, no memory, or no device any more.
 */

import { assert } from "@std/assert";
import * as fc from "fast-check";
import { NO_WEBGPU, requireWebGpu, settled } from "./_backends.ts";
import { WatchedBackend } from "./_gpu_books.ts";
import { LIMITS, runProgram, SETUP, STEP } from "./_gpu_program.ts";
import type { Counts } from "./_gpu_world.ts";

const SEED = 20_251_125;

Deno.test("GpuAllocator does what its model does, in random programs on the null device", async () => {
  const counts: Counts = new Map();
  await fc.assert(
    fc.asyncProperty(
      SETUP,
      LIMITS,
      fc.constantFrom(0, 1, 2, 5),
      fc.array(STEP, { maxLength: 300, size: "max" }),
      fc.nat(1),
      async (setup, limits, latency, steps, ends) => {
        await runProgram(new WatchedBackend({ limits, latency }), setup, steps, ends, counts);
      },
    ),
    { numRuns: Number(Deno.env.get("RUNS") ?? 700), seed: Number(Deno.env.get("SEED") ?? SEED) },
  );
  console.log([...counts].sort().map(([event, count]) => `${count} ${event}`).join("\n"));
  assert(counts.size > 0);
});

Deno.test({
  name: "GpuAllocator does what its model does, in random programs on a real device",
  ignore: NO_WEBGPU !== undefined,
  fn: async () => {
    const counts: Counts = new Map();
    await fc.assert(
      fc.asyncProperty(
        SETUP,
        fc.array(STEP, { maxLength: 150, size: "max" }),
        fc.nat(1),
        async (setup, steps, ends) => {
          const backend = await requireWebGpu();
          try {
            await runProgram(backend, setup, steps, ends, counts);
          } finally {
            await settled(backend);
          }
        },
      ),
      { numRuns: 20, seed: SEED },
    );
    console.log([...counts].sort().map(([event, count]) => `${count} ${event}`).join("\n"));
  },
});
