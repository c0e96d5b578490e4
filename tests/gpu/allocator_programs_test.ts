/**
 * Random programs: on either device an allocator does what the model says, and on both the same.
 */

import { assertEquals } from "@std/assert";
import * as fc from "fast-check";
import { aProgram, World } from "./_allocator_model.ts";
import { NO_WEBGPU, nullBackend, requireWebGpu, settled } from "./_backends.ts";

Deno.test("GpuAllocator obeys the model in random programs", async () => {
  await fc.assert(
    fc.asyncProperty(aProgram, async (steps) => {
      const world = new World(nullBackend());
      try {
        await world.run(steps);
      } finally {
        world.gpu.dispose();
      }
    }),
    { numRuns: 150 },
  );
});

Deno.test({
  name: "GpuAllocator does the same on both devices in random programs",
  ignore: NO_WEBGPU !== undefined,
  fn: async () => {
    await fc.assert(
      fc.asyncProperty(aProgram, async (steps) => {
        const worlds = [new World(await requireWebGpu()), new World(nullBackend())];
        try {
          for (const world of worlds) await world.run(steps);
          assertEquals(worlds[0]!.lines, worlds[1]!.lines);
        } finally {
          for (const { gpu, backend } of worlds) {
            gpu.dispose();
            await settled(backend);
          }
        }
      }),
      { numRuns: 4 },
    );
  },
});
