/**
 * Random programs for a GPU allocator: how it is made, what is done with it, and what must be so at the end.
 */

import { assert, assertEquals } from "@std/assert";
import * as fc from "fast-check";
import type { Device } from "./_backends.ts";
import { checkEmpty, WatchedBackend } from "./_gpu_books.ts";
import * as allocs from "./_gpu_steps_alloc.ts";
import * as data from "./_gpu_steps_data.ts";
import * as frames from "./_gpu_steps_frame.ts";
import { type Counts, type Setup, World } from "./_gpu_world.ts";

type Run = (world: World, a: number, b: number, c: number) => unknown;

const RUNS = { ...allocs.ALLOC_STEPS, ...data.DATA_STEPS, ...frames.FRAME_STEPS } as const satisfies Record<
  string,
  Run
>;

type Name = keyof typeof RUNS;

/** How often each step comes. */
const WEIGHTS: Readonly<Record<Name, number>> = {
  alloc: 34,
  free: 6,
  stale: 4,
  pin: 3,
  limit: 4,
  write: 14,
  scribble: 2,
  bytes: 6,
  copy: 7,
  read: 8,
  refresh: 3,
  stream: 3,
  frame: 8,
  flush: 8,
  ring: 14,
  again: 2,
  defragment: 5,
  trim: 1,
  reserve: 1,
  memory: 1,
  settle: 4,
  lose: 1,
  turns: 6,
};

/** A step: which, and what it is chosen by. */
export type Step = readonly [name: Name, a: number, b: number, c: number];

const NUMBER = fc.nat(0xffff);

export const STEP: fc.Arbitrary<Step> = fc.noBias(
  fc.tuple(
    fc.oneof(
      ...Object.entries(WEIGHTS).map(([name, weight]) => ({ weight, arbitrary: fc.constant(name as Name) })),
    ),
    NUMBER,
    NUMBER,
    NUMBER,
  ),
);

const KIB = 1024;

/** How an allocator is made: small enough that all there is runs out. */
export const SETUP: fc.Arbitrary<Setup> = fc.record({
  config: fc.constantFrom<Setup["config"][]>(
    {},
    {},
    { debug: true },
    { safety: "release", asyncSafety: "off" },
    { source: "arraybuffer", safety: "revoke" },
    { source: "shared" },
  ),
  options: fc.record({
    blockSize: fc.constant(64 * KIB),
    maxBlockSize: fc.constantFrom(64 * KIB, 128 * KIB, 256 * KIB),
    ringSize: fc.constantFrom(16, 5000, 70_000),
    maxRingBytes: fc.constantFrom(Infinity, 200_000),
    ringSegments: fc.constantFrom(1, 1, 2, 3),
    streamBytesPerFrame: fc.constantFrom(64, 1024, 16 * KIB),
    readbackBuffers: fc.constantFrom(1, 2, 3),
    budget: fc.constantFrom({}, { hard: 1000 * KIB }, { hard: 600 * KIB }, { hard: Infinity }),
    budgets: fc.constantFrom(
      {},
      {},
      { uniform: { hard: 130 * KIB } },
      { storage: { hard: 200 * KIB }, vertex: { hard: 70 * KIB } },
      { ring: { hard: 300 * KIB }, readback: { hard: 100 * KIB } },
    ),
    uploadCosts: fc.constantFrom({}, { scatter: 1e-6, call: 0.01 }, { call: 1e-6 }),
  }),
});

/** Limits of devices. */
export const LIMITS = fc.record({
  uniformAlign: fc.constantFrom(256, 64),
  storageAlign: fc.constantFrom(256, 32),
  maxBufferSize: fc.constantFrom(256 * KIB, 1024 * KIB),
});

/** Runs a program to its end. */
export async function runProgram(
  backend: Device,
  setup: Setup,
  steps: readonly Step[],
  ends: number,
  counts: Counts,
): Promise<void> {
  const world = new World(backend, setup, counts);
  let lostFor = 0;
  try {
    for (const [name, a, b, c] of steps) {
      if (world.gpu.isLost && lostFor++ > b % 12) {
        lostFor = 0;
        await world.recover(c % 5 === 0 ? 1 + c % 40 : 0, c % 7 === 0 ? 1 : 0);
        world.check();
      }
      world.count("steps");
      const promise = (RUNS as Record<Name, Run>)[name](world, a, b, c);
      // Nothing that waits goes on between two steps.
      if (promise instanceof Promise) await promise;
      world.check();
    }
    await end(world, ends);
  } finally {
    world.gpu.dispose();
    world.alloc.dispose();
  }
}

async function end(world: World, ends: number): Promise<void> {
  const { gpu, alloc, backend, model } = world;
  const { uploads } = gpu.stats();
  world.count("uploads that were scattered", uploads.scatters);
  world.count("writes that were saved", uploads.merged);
  if (ends % 2 === 0) {
    if (gpu.isLost) await world.recover(0, 0);
    if (backend instanceof WatchedBackend) backend.oomAt = Infinity;
    if (gpu.inFrame) frames.endFrame(world);
    await world.settle();
    alloc.budgets.setGlobal({});
    await frames.flush(world);
    await data.readAll(world);
    world.check();
    for (const held of [...model.live.values()]) world.free(held);
    world.check();
    checkEmpty(gpu);
    world.count("programs that freed everything");
  }
  // What was not freed is told, but for what a frame would have freed.
  const left = [...model.live.values()].filter(({ until }) => until === 0);
  world.jobs.fail("FA012");
  for (const asked of world.waiting) {
    if (asked.isSettled) continue;
    if (asked.expected === undefined) asked.must ??= "FA012";
    else asked.may.add("FA012");
  }
  for (const held of model.live.values()) held.isLive = false;
  const leaks = gpu.dispose();
  assertEquals(
    leaks.map(({ name, tag, bytes }) => [name, tag, bytes].join(" ")).sort(),
    left.map(({ wish }) => {
      return [wish.name, wish.tag, wish.bytes].join(" ");
    }).sort(),
  );
  world.count("programs that were disposed of in the middle", ends % 2);
  const { budgets, tags, heap } = alloc.stats();
  assertEquals(budgets.filter(({ name }) => name.startsWith("gpu")), []);
  assertEquals(budgets.find(({ name }) => name === "global")!.used, heap.reserved);
  for (const { path, inUse } of tags) assertEquals(inUse.gpu, 0, `the tag "${path}" holds something`);
  for (const { name, used } of budgets) if (name !== "global") assertEquals(used, 0, `"${name}" holds something`);
  if (backend instanceof WatchedBackend) assertEquals([backend.liveBytes, backend.liveBuffers], [0, 0]);
  assert(alloc.dispose().every(({ kind }) => !kind.startsWith("gpu")));
  for (let turn = 0; turn < 20; turn++) await world.turns(4);
  assertEquals(world.waiting.length, 0, "somebody waits for ever");
  if (world.faults.length > 0) throw world.faults[0];
}
