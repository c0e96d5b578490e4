/**
 * Whatever the GPU's methods are called with, in whatever state: they refuse it with an error of this library, and nothing has changed.
 */

import { ArgumentError, FrameAllocError, SmartAlloc } from "@framealloc/core";
import { GpuAllocator, NullBackend } from "@framealloc/core/gpu";
import { assert, assertEquals, assertGreaterOrEqual, assertThrows } from "@std/assert";
import * as fc from "fast-check";
import { NO_WEBGPU } from "./_backends.ts";
import { detached } from "./_bad_values.ts";
import { anyProgram, run } from "./_fuzz_programs.ts";
import { newTally, sweep, type Tally, watchRejections } from "./_fuzz_run.ts";
import { calls } from "./_fuzz_table.ts";
import { Draw, type State, STATES } from "./_fuzz_world.ts";

/** In all states but one, one of so many wrong arguments is tried, each time others. */
const STEP = 25;

/** What an open frame refuses although its arguments are right: there is no device here, nothing is pinned, and nothing was lost. */
const REFUSED_IN_A_FRAME: readonly string[] = [
  "GpuAllocator.unpin",
  "GpuAllocator.beginFrame",
  "GpuAllocator.frame",
  "GpuAllocator.recover",
  "UnifiedAllocator.beginFrame",
  "UnifiedAllocator.frame",
  "UnifiedBuffer.handle",
  "UnifiedBuffer.buffer",
  "UnifiedBuffer.offset",
  "NullBackend.recreate",
  "WebGpuBackend.new",
];

const device = (): NullBackend => new NullBackend();

/** Does something, and fails if anybody heard of what must not be. */
async function watched(body: (tally: Tally) => Promise<void>): Promise<Tally> {
  const tally = newTally();
  const stop = watchRejections(tally);
  try {
    await body(tally);
    await new Promise((resolve) => setTimeout(resolve));
  } finally {
    stop();
  }
  assertEquals(tally.faults, []);
  return tally;
}

Deno.test("Every method of the GPU that is public is called with wrong arguments", () => {
  const all = calls(false);
  assertEquals(new Set(all.map(({ name }) => name)).size, all.length);
  assertGreaterOrEqual(all.length, 100);
});

Deno.test("The GPU's methods refuse what is wrong with an error that has a code, and change nothing by it", async () => {
  const all = calls(false).filter(({ name }) => name.includes("."));
  const tally = await watched(async (tally) => {
    await sweep("in a frame", all, device, tally);
    assertEquals(tally.refusedRight, REFUSED_IN_A_FRAME);
    for (const [i, state] of (Object.keys(STATES) as State[]).entries()) {
      await sweep(state, all, device, tally, (_, index) => index % STEP === i);
    }
  });
  assertGreaterOrEqual(tally.calls, 20_000);
  assertGreaterOrEqual(tally.refusals, 15_000);
  for (const code of ["FA001", "FA004", "FA008", "FA009", "FA012", "FA022", "FA351", "FA401", "FA404", "FA406"]) {
    assert(tally.codes.has(code), code);
  }
  for (const code of ["FA852", "FA853", "FA855", "FA857", "FA858"]) assert(tally.codes.has(code), code);
});

Deno.test("The GPU's functions refuse layouts, schemas and dumps that are none", async () => {
  const all = calls(false).filter(({ name }) => !name.includes("."));
  const tally = await watched((tally) =>
    sweep("in a frame", all, device, tally, ({ label }, index) => !label.includes(": ") || index % 5 === 0)
  );
  assertGreaterOrEqual(tally.refusals, 2_000);
  assertEquals([...tally.codes].sort(), ["FA008", "FA020", "FA021"]);
});

Deno.test("The GPU's methods survive programs whose callbacks call them and throw", async () => {
  const all = calls(false).filter(({ name }) => name.includes("."));
  const tally = await watched((tally) =>
    fc.assert(
      fc.asyncProperty(anyProgram, async (program) => {
        await run(program, all, device, tally);
        assertEquals(tally.faults.splice(0), []);
      }),
      { numRuns: 300 },
    )
  );
  assertGreaterOrEqual(tally.calls, 3_000);
});

Deno.test("GpuRing uses nothing for what it refuses, not even padding", () => {
  const gpu = new GpuAllocator(new SmartAlloc(), new NullBackend({ limits: { maxBufferSize: 2 ** 20 } }));
  const { ring } = gpu;
  gpu.beginFrame();
  ring.alloc(16, "vertex");
  const refusals: Record<string, () => unknown> = {
    alloc: () => ring.alloc(2 ** 30),
    push: () => ring.push(new Uint8Array(2 ** 21)),
    slice: () => ring.slice(Float64Array, 2 ** 30),
    batch: () => ring.batch(Draw, 2 ** 30),
    columns: () => ring.columns(Draw, 2 ** 30),
    box: () => ring.box(Draw, { glow: "bright" } as never),
    "box of nothing": () => ring.box(undefined as never),
    "slice of nothing": () => ring.slice(undefined as never, 4),
  };
  for (const [name, refusal] of Object.entries(refusals)) {
    assertThrows(refusal, FrameAllocError, undefined, name);
    assertEquals(ring.used, 16, name);
  }
  assertEquals(ring.offset(ring.alloc(16, "vertex")), 16);
  gpu.dispose();
});

Deno.test("GpuRing copies numbers of any class, and none that are gone", () => {
  class Vec3 extends Float32Array {
    constructor(x: number, y: number, z: number) {
      super([x, y, z]);
    }
  }
  const gpu = new GpuAllocator(new SmartAlloc(), new NullBackend());
  const { ring } = gpu;
  gpu.beginFrame();
  const place = ring.push(new Vec3(1, 2, 3) as Float32Array);
  assertEquals(ring.view(place, Float32Array, 3), new Float32Array([1, 2, 3]));
  const handle = gpu.alloc(12);
  gpu.write(handle, new Vec3(0, 0, 4) as Float32Array);
  gpu.flush();
  assertEquals(new Float32Array((gpu.buffer(handle) as Uint8Array).buffer, gpu.offset(handle), 3)[2], 4);
  const buffer = new ArrayBuffer(64, { maxByteLength: 64 });
  const cut = new Float32Array(buffer, 32);
  buffer.resize(16);
  const view = new DataView(new ArrayBuffer(8));
  structuredClone(view, { transfer: [view.buffer] });
  for (const gone of [cut, detached()]) {
    assertThrows(() => ring.push(gone), ArgumentError, "FA008");
    assertThrows(() => gpu.write(handle, gone), ArgumentError, "detached");
  }
  assertThrows(() => gpu.write(handle, view), ArgumentError, "detached");
  ring.push(new Float32Array(0));
  gpu.dispose();
});

/** Runs the child. */
async function child(
  ...args: string[]
): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "tests/gpu/_fuzz_child.ts", ...args],
    env: { NO_COLOR: "1" },
  }).output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
}

Deno.test({
  name: "A real device refuses what is wrong, and the process lives",
  ignore: NO_WEBGPU !== undefined,
  fn: async () => {
    const seed = String(Math.floor(Math.random() * 2 ** 31));
    const { code, out, err } = await child(seed);
    if (code !== 0) {
      const last = (await child(seed, "trace")).err.trim().split("\n").slice(-30).join("\n");
      throw new Error(`the process has ended with ${code}, seed ${seed}:\n${err}\nand with a trace:\n${last}`);
    }
    const { calls, refusals, faults } = JSON.parse(out.trim().split("\n").at(-1)!);
    assertEquals(faults, [], `seed ${seed}`);
    assertGreaterOrEqual(calls, 3_000);
    assertGreaterOrEqual(refusals, 1_500);
  },
});
