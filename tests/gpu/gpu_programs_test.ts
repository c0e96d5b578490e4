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
const RUNS = 1200;

/** What has to happen so often at least, or the programs are no test of it. */
const LEAST: Readonly<Record<string, number>> = {
  "steps": 100_000,
  "allocations": 10_000,
  "allocations in buffers of their own": 500,
  "allocations in frames": 2000,
  "allocations that a frame has freed": 1000,
  "allocations that were compared": 20_000,
  "buffers that were emptied": 50,
  "bytes that were read": 1_000_000,
  "contents that could not be had": 50,
  "contents that were asked for": 1000,
  "contents that were discarded": 500,
  "contents that were restored": 500,
  "copies": 1000,
  "copies within a buffer": 1000,
  "crossings": 500,
  "defragmentations that moved something": 50,
  "defragmentations that were limited": 10,
  "evictions": 500,
  "frames": 2000,
  "frames for which there was no memory": 30,
  "frames that could not begin": 100,
  "large allocations": 20,
  "losses": 300,
  "losses in a frame": 100,
  "losses in a recovery": 50,
  "losses of 8 allocations or more": 100,
  "neighbours that were moved together": 10,
  "out of memory: given up": 100,
  "out of memory: put elsewhere": 500,
  "overflows of the ring": 10,
  "parts of the ring that were compared": 2000,
  "pins": 500,
  "programs that freed everything": 200,
  "programs that were disposed of in the middle": 200,
  "read: FA012": 100,
  "read: FA351": 100,
  "read: FA352": 100,
  "read: FA856": 100,
  "read: FA857": 300,
  "read: FA858": 300,
  "read: own": 10,
  "reads that arrived": 4000,
  "reads that were late": 50,
  "reads that would have had to wait": 20,
  "recoveries without a device": 30,
  "refreshes": 300,
  "refused by a budget": 50,
  "refused by a tag": 200,
  "refused by the limit on all": 50,
  "refused in a frame": 50,
  "refused without an error": 100,
  "reservations": 200,
  "stream: FA012": 50,
  "stream: FA857": 100,
  "stream: FA858": 50,
  "streams that are done": 300,
  "times without memory": 300,
  "too large for any buffer": 10,
  "trims that gave something back": 100,
  "uploads that were scattered": 50,
  "uses of an earlier frame's": 1000,
  "uses of what is no more": 1000,
  "uses of what is no more, and whose place is another one's": 500,
  "writes in place": 1000,
  "writes that were saved": 1000,
};

/** The same on a real device, which is slow. */
const LEAST_ON_DEVICE: Readonly<Record<string, number>> = {
  "steps": 1200,
  "allocations": 100,
  "contents that were restored": 3,
  "copies": 5,
  "copies within a buffer": 5,
  "frames": 20,
  "losses": 3,
  "parts of the ring that were compared": 3,
  "reads that arrived": 100,
  "refreshes": 3,
  "streams that are done": 2,
};

function checkCounts(counts: Counts, least: Readonly<Record<string, number>>): void {
  const rare = Object.entries(least).filter(([event, least]) => (counts.get(event) ?? 0) < least);
  const all = [...counts].sort().map(([event, count]) => `${count} ${event}`);
  assert(rare.length === 0, `too rare: ${rare.map(([event]) => event).join("; ")}\n${all.join("\n")}`);
}

Deno.test("GpuAllocator does what its model does, in random programs on the null device", async () => {
  const counts: Counts = new Map();
  await fc.assert(
    fc.asyncProperty(
      SETUP,
      LIMITS,
      fc.constantFrom(0, 1, 2, 5),
      fc.array(STEP, { maxLength: 400, size: "max" }),
      fc.nat(1),
      async (setup, limits, latency, steps, ends) => {
        await runProgram(new WatchedBackend({ limits, latency }), setup, steps, ends, counts);
      },
    ),
    { numRuns: RUNS, seed: SEED },
  );
  checkCounts(counts, LEAST);
});

Deno.test({
  name: "GpuAllocator does what its model does, in random programs on a real device",
  ignore: NO_WEBGPU !== undefined,
  fn: async () => {
    const counts: Counts = new Map();
    const steps = fc.array(STEP, { minLength: 50, maxLength: 80, size: "max" });
    await fc.assert(
      fc.asyncProperty(SETUP, steps, fc.nat(1), async (setup, steps, ends) => {
        const backend = await requireWebGpu();
        try {
          await runProgram(backend, setup, steps, ends, counts);
        } finally {
          await settled(backend);
        }
      }),
      { numRuns: 25, seed: SEED },
    );
    checkCounts(counts, LEAST_ON_DEVICE);
  },
});
