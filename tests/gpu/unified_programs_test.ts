/**
 * CPU and GPU as one under pressure: limits that both share, a device that is lost, transfers that something else gets in the way of, and
 * random programs against a model.
 */

import { FrameAllocError, SmartAlloc } from "@framealloc/core";
import {
  GpuAllocator,
  type GpuAllocatorOptions,
  NullBackend,
  UnifiedAllocator,
  type UnifiedBuffer,
} from "../../gpu/mod.ts";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import * as fc from "fast-check";
import { type Device, lose, NO_WEBGPU, nullBackend, requireWebGpu, settled } from "./_backends.ts";
import { counting } from "./_bytes.ts";
import { UnifiedModel, type UnifiedOp } from "./_unified_model.ts";

interface Kit {
  readonly alloc: SmartAlloc;
  readonly backend: Device;
  readonly gpu: GpuAllocator;
  readonly unified: UnifiedAllocator;
}

function kitFor(backend: Device, options?: GpuAllocatorOptions): Kit {
  const alloc = new SmartAlloc();
  const gpu = new GpuAllocator<unknown>(alloc, backend, options);
  return { alloc, backend, gpu, unified: new UnifiedAllocator(alloc, gpu) };
}

/** Registers a test for either device. */
function onBoth(name: string, test: (kit: Kit) => void | Promise<void>): void {
  const run = async (backend: Device) => {
    const kit = kitFor(backend);
    try {
      await test(kit);
      await settled(backend);
    } finally {
      kit.gpu.dispose();
      kit.alloc.dispose();
    }
  };
  Deno.test(`${name} (null)`, () => run(nullBackend()));
  const ignore = NO_WEBGPU !== undefined;
  Deno.test({ name: `${name} (webgpu)`, ignore, fn: async () => await run(await requireWebGpu()) });
}

function throws(code: string, fn: () => unknown): void {
  const error = assertThrows(fn, FrameAllocError);
  assertEquals(error.code, code, error.message);
}

async function rejects(code: string, promise: Promise<unknown>): Promise<void> {
  const error = await assertRejects(() => promise, FrameAllocError);
  assertEquals(error.code, code, error.message);
}

function charged({ alloc }: Kit, name: string): number {
  return alloc.stats().budgets.find((budget) => budget.name === name)!.used;
}

/** That all who count say the same. */
function checkUsage(kit: Kit): void {
  const usage = kit.unified.getUsage();
  assertEquals([usage.gpu, usage.combined], [charged(kit, "gpu"), charged(kit, "global")]);
  assertEquals(usage.cpu, usage.combined - usage.gpu);
  const parts = ["uniform", "vertex", "storage", "ring", "readback"].map((name) => charged(kit, `gpu ${name}`));
  assertEquals(usage.gpu, parts.reduce((sum, part) => sum + part, 0));
  if (kit.backend instanceof NullBackend) assertEquals(usage.gpu, kit.backend.liveBytes);
}

// Limits

onBoth("UnifiedAllocator shares the global limit between both sides", (kit) => {
  const { alloc, unified } = kit;
  alloc.budgets.setGlobal({ hard: 1_000_000 });
  const alone = { isolate: true } as const;
  const before = unified.getUsage();
  assertEquals(before.limits.combined, 1_000_000);
  const cpu = unified.createCpuBuffer(600_000);
  throws("FA351", () => unified.createGpuBuffer(600_000, "DeviceOnly", "Persistent", alone));
  assertEquals(unified.getUsage().gpu, before.gpu);
  cpu.free();
  const gpu = unified.createGpuBuffer(600_000, "DeviceOnly", "Persistent", alone);
  assertEquals(unified.getUsage().gpu - before.gpu, 600_064);
  throws("FA351", () => unified.createCpuBuffer(600_000));
  checkUsage(kit);
  gpu.free();
  assertEquals(unified.getUsage(), before);
  unified.createCpuBuffer(600_000).free();
  alloc.trim();
  assertEquals(unified.getUsage(), before);
});

onBoth("UnifiedAllocator has tags limit what both sides use", (kit) => {
  const { alloc, unified } = kit;
  alloc.budgets.setTag("level", { hard: 1000 });
  alloc.withTag("level", () => {
    const cpu = unified.createCpuBuffer(600);
    assertEquals(charged(kit, "level"), 608);
    throws("FA352", () => unified.createGpuBuffer(300));
    throws("FA352", () => unified.transferToGpu(cpu)); // there is no room for its other side
    assertEquals([cpu.location, charged(kit, "level")], ["CpuOnly", 608]);
    cpu.free();
    const gpu = unified.createGpuBuffer(700);
    assertEquals(charged(kit, "level"), 768);
    throws("FA352", () => unified.createCpuBuffer(300));
    gpu.free();
    assertEquals(charged(kit, "level"), 0);
  });
});

Deno.test("UnifiedBuffer stays on the GPU alone if the CPU has no memory for it", async () => {
  const kit = kitFor(nullBackend());
  const { alloc, gpu, unified } = kit;
  const buffer = unified.createGpuBuffer(500_000, "DeviceOnly", "Persistent", { isolate: true, zero: true });
  await gpu.read(buffer.handle, { bytes: 4 });
  gpu.trim();
  alloc.budgets.setGlobal({ hard: unified.getUsage().combined + 700_000 }); // for what is read back with, and no more
  const usage = unified.getUsage();
  await rejects("FA351", unified.transferToCpu(buffer));
  gpu.trim();
  assertEquals([unified.getUsage(), buffer.location], [usage, "GpuOnly"]);
  alloc.budgets.setGlobal({});
  await unified.transferToCpu(buffer);
  assertEquals(buffer.cpuSlice(), new Uint8Array(500_000));
  gpu.dispose();
});

onBoth("UnifiedAllocator says what all others say of its usage", async (kit) => {
  const { alloc, gpu, unified } = kit;
  checkUsage(kit);
  unified.beginFrame();
  checkUsage(kit);
  const staging = unified.createStagingBuffer(5000);
  const buffers = [unified.createCpuBuffer(70_000), unified.createGpuBuffer(7, "HostVisible"), staging];
  unified.transferToGpu(buffers[0]!);
  checkUsage(kit);
  const reading = unified.transferToCpu(buffers[1]!);
  unified.endFrame();
  await reading;
  checkUsage(kit);
  for (const buffer of buffers) buffer.free();
  checkUsage(kit);
  gpu.trim();
  alloc.trim();
  checkUsage(kit);
  gpu.dispose();
  assertEquals(unified.getUsage().gpu, 0);
  assertEquals(alloc.stats().tags.every(({ inUse }) => (inUse.gpu ?? 0) === 0), true);
});

// Loss

onBoth("UnifiedAllocator survives the loss of the device in a frame", async (kit) => {
  const { alloc, backend, gpu, unified } = kit;
  const kept = unified.createCpuBuffer(30);
  kept.cpuSliceMut().set(counting(30, 1));
  unified.transferToGpu(kept);
  const shadowed = unified.createCpuBuffer(30, { onLoss: "shadow" });
  shadowed.cpuSliceMut().set(counting(30, 2));
  unified.transferToGpu(shadowed);
  const results = unified.createGpuBuffer(30, "DeviceOnly", "Persistent", { zero: true });
  unified.beginFrame();
  const staging = unified.createStagingBuffer(30);
  staging.cpuSliceMut();
  unified.transferToCpu(results); // nobody will hear what becomes of it
  const reading = unified.transferToCpu(results);
  await lose(backend);
  throws("FA857", () => unified.transferToGpu(staging));
  throws("FA857", () => unified.createStagingBuffer(8));
  throws("FA857", () => unified.createGpuBuffer(8));
  assertEquals([staging.location, staging.isWritten], ["CpuOnly", true]);
  throws("FA857", () => unified.endFrame());
  assertEquals([alloc.inFrame, gpu.inFrame], [false, false]);
  await rejects("FA857", reading);
  await rejects("FA857", unified.transferToCpu(results));
  assertEquals([results.location, kept.cpuSlice()], ["GpuOnly", counting(30, 1)]);
  await gpu.recover();
  // What the device has forgotten is not said to be there.
  assertEquals([kept.location, shadowed.location, results.location], ["CpuOnly", "Synchronized", "GpuOnly"]);
  assertEquals(await gpu.read(shadowed.handle), counting(30, 2));
  await unified.transferToCpu(results);
  assertEquals(results.cpuSlice(), new Uint8Array(30));
  unified.transferToGpu(kept);
  assertEquals(await gpu.read(kept.handle), counting(30, 1));
  for (const buffer of [kept, shadowed, results]) buffer.free();
  assertEquals(gpu.stats().allocations, 0);
  checkUsage(kit);
});

// Races

/** What may get in the way of a transfer, and how that fails then. */
const RACES: Readonly<Record<string, [string, (buffer: UnifiedBuffer, kit: Kit) => UnifiedBuffer | void]>> = {
  "the buffer is freed": ["FA858 FA401", (buffer) => buffer.free()],
  "the buffer is freed and its place is used again": ["FA858 FA401", (buffer, { unified }) => {
    buffer.free();
    const other = unified.createCpuBuffer(256);
    other.cpuSliceMut().fill(9);
    return other;
  }],
  "the buffer is written": ["FA858", (buffer) => void buffer.cpuSliceMut().fill(7)],
  "the buffer is written and transferred": ["FA858", (buffer, { unified }) => {
    buffer.cpuSliceMut().fill(7);
    unified.transferToGpu(buffer);
  }],
  "the allocator of the GPU is disposed of": ["FA012 FA401", (_, { gpu }) => void gpu.dispose()],
  "the device is lost": ["FA857", (_, { backend }) => void lose(backend)],
};

for (const [what, [codes, meddle]] of Object.entries(RACES)) {
  for (const isSent of [false, true]) {
    Deno.test(`UnifiedBuffer changes nobody's bytes if ${what} while it ${isSent ? "arrives" : "waits"}`, async () => {
      const kit = kitFor(nullBackend({ latency: 20 }));
      const buffer = kit.unified.createCpuBuffer(256);
      buffer.cpuSliceMut().set(counting(256, 1));
      kit.unified.transferToGpu(buffer);
      await kit.gpu.read(buffer.handle); // or the first one waits for its buffer as well
      kit.gpu.write(buffer.handle, new Uint8Array(256).fill(0xee));
      const reading = kit.unified.transferToCpu(buffer);
      for (let turn = 0; turn < (isSent ? 4 : 0); turn++) await undefined;
      const other = meddle(buffer, kit);
      const { location, isWritten } = buffer;
      const bytes = buffer.isFreed ? undefined : buffer.cpuSlice().slice();
      const error = await assertRejects(() => reading, FrameAllocError);
      assert(codes.includes(error.code), error.message);
      assertEquals([buffer.location, buffer.isWritten], [location, isWritten]);
      if (bytes !== undefined) assertEquals(buffer.cpuSlice(), bytes);
      if (other !== undefined) assertEquals(other.cpuSlice(), new Uint8Array(256).fill(9));
      buffer.free();
      kit.gpu.dispose();
    });
  }
}

Deno.test("UnifiedBuffer that is evicted is on the CPU alone, and can be transferred again", () => {
  const { alloc, gpu, unified } = kitFor(nullBackend(), { budgets: { storage: { hard: 100_000 } } });
  const stream = { lifetime: "Streaming", isolate: true } as const;
  const buffer = unified.createCpuBuffer(60_000, stream);
  buffer.cpuSliceMut().fill(5);
  unified.transferToGpu(buffer);
  const only = unified.createGpuBuffer(20_000, "DeviceOnly", "Streaming", { isolate: true });
  const large = gpu.alloc(90_000, { isolate: true });
  assertEquals([buffer.location, buffer.isFreed, only.isFreed], ["CpuOnly", false, true]);
  throws("FA852", () => buffer.handle);
  throws("FA401", () => only.cpuSlice());
  throws("FA352", () => unified.transferToGpu(buffer));
  assertEquals([buffer.location, buffer.cpuSlice()[0]], ["CpuOnly", 5]);
  gpu.free(large);
  unified.transferToGpu(buffer);
  assertEquals([buffer.location, gpu.size(buffer.handle)], ["Synchronized", 60_000]);
  buffer.free();
  only.free();
  assertEquals(gpu.stats().allocations, 0);
  gpu.dispose();
  alloc.dispose();
});

Deno.test("UnifiedAllocator does not end the program by transfers that nobody hears of", async () => {
  const { alloc, backend, gpu, unified } = kitFor(nullBackend());
  const buffer = unified.createGpuBuffer(16);
  unified.beginFrame();
  unified.transferToCpu(buffer);
  gpu.read(buffer.handle);
  await lose(backend);
  throws("FA857", () => unified.endFrame());
  await new Promise((resolve) => setTimeout(resolve));
  assertEquals(buffer.location, "GpuOnly");
  gpu.dispose();
  alloc.dispose();
});

// Programs

const which = fc.nat(1000);
const size = fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 5000 }), fc.constant(200_001));
const isShadowed = fc.boolean();

function steps(weight: number, ...arbitraries: fc.Arbitrary<UnifiedOp>[]): fc.WeightedArbitrary<UnifiedOp>[] {
  return arbitraries.map((arbitrary) => ({ weight, arbitrary }));
}

const aStep: fc.Arbitrary<UnifiedOp> = fc.oneof(
  ...steps(
    6,
    fc.record({ do: fc.constantFrom("cpu", "gpu", "staging"), size, isShadowed }),
    fc.record({ do: fc.constantFrom("to gpu", "to cpu"), which }),
    fc.record({ do: fc.constantFrom("write", "device writes"), which, seed: fc.nat(255) }),
  ),
  ...steps(4, fc.record({ do: fc.constantFrom("to gpu", "to cpu"), which })),
  ...steps(2, fc.record({ do: fc.constantFrom("free", "turns"), which })),
  ...steps(4, fc.record({ do: fc.constantFrom("begin", "end") })),
  ...steps(1, fc.record({ do: fc.constantFrom("recover", "trim", "verify") })),
  {
    weight: 1,
    arbitrary: fc.oneof(fc.constant({ do: "lose" as const }), fc.record({ do: fc.constant("limit"), which })),
  },
);

Deno.test("UnifiedAllocator does in random programs what the model does", async () => {
  let [ran, refusals, arrivals] = [0, 0, 0];
  await fc.assert(
    fc.asyncProperty(fc.array(aStep, { minLength: 20, maxLength: 80, size: "max" }), async (ops) => {
      const model = new UnifiedModel();
      await model.run(ops);
      ran += ops.length;
      refusals += model.refusals;
      arrivals += model.arrivals;
    }),
    { seed: 20_261, numRuns: 120 },
  );
  assert(ran >= 2000 && refusals >= 200 && arrivals >= 100, `${ran} steps, ${refusals} refused, ${arrivals} arrived`);
});
