/**
 * CPU and GPU as one: frames that begin and end together, buffers that are wanted on both sides, and one view of what both use.
 */

import { FrameAllocError, SmartAlloc } from "@framealloc/core";
import {
  GpuAllocator,
  type GpuAllocatorOptions,
  NullBackend,
  UnifiedAllocator,
  type UnifiedBuffer,
} from "../../gpu/mod.ts";
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { type Device, lose, NO_WEBGPU, nullBackend, requireWebGpu, settled } from "./_backends.ts";
import { counting } from "./_bytes.ts";

/** What a test works with. */
interface Kit {
  readonly alloc: SmartAlloc;
  readonly backend: Device;
  readonly gpu: GpuAllocator;
  readonly unified: UnifiedAllocator;
}

type Test = (kit: Kit) => void | Promise<void>;

/** Sizes that devices and arrays of words like, and others. */
const SIZES = [1, 2, 3, 4, 5, 10, 255, 256, 257, 1024, 4099];

const NO_SIZES: readonly unknown[] = [0, -1, 1.5, NaN, Infinity, 2 ** 60, "8", null, undefined, {}];

/** Registers a test for either device. */
function onBoth(name: string, test: Test, options: GpuAllocatorOptions = {}): void {
  Deno.test(`${name} (null)`, () => run(nullBackend(), test, options));
  Deno.test({
    name: `${name} (webgpu)`,
    ignore: NO_WEBGPU !== undefined,
    fn: async () => await run(await requireWebGpu(), test, options),
  });
}

async function run(backend: Device, test: Test, options: GpuAllocatorOptions): Promise<void> {
  const alloc = new SmartAlloc();
  const gpu = new GpuAllocator<unknown>(alloc, backend, options);
  try {
    await test({ alloc, backend, gpu, unified: new UnifiedAllocator(alloc, gpu) });
    await settled(backend);
  } finally {
    gpu.dispose();
    alloc.dispose();
  }
}

function throws(code: string, fn: () => unknown): void {
  const error = assertThrows(fn, FrameAllocError);
  assertEquals(error.code, code, error.message);
}

async function rejects(code: string, promise: Promise<unknown>): Promise<void> {
  const error = await assertRejects(() => promise, FrameAllocError);
  assertEquals(error.code, code, error.message);
}

// Frames

onBoth("UnifiedAllocator begins and ends frames on both sides", ({ alloc, gpu, unified }) => {
  for (let frame = 1; frame <= 3; frame++) {
    unified.beginFrame();
    assertEquals([unified.inFrame, alloc.inFrame, gpu.inFrame], [true, true, true]);
    assertEquals([alloc.frameNumber, gpu.frameNumber], [frame, frame]);
    unified.endFrame();
    assertEquals([unified.inFrame, alloc.inFrame, gpu.inFrame], [false, false, false]);
  }
});

onBoth("UnifiedAllocator begins no frame on one side if the other has one open", ({ alloc, gpu, unified }) => {
  alloc.beginFrame();
  throws("FA004", () => unified.beginFrame());
  assertEquals([alloc.inFrame, gpu.inFrame], [true, false]);
  alloc.endFrame();
  gpu.beginFrame();
  throws("FA004", () => unified.beginFrame());
  assertEquals([alloc.inFrame, gpu.inFrame], [false, true]);
  gpu.endFrame();
  unified.beginFrame();
  throws("FA004", () => unified.beginFrame());
  assertEquals([alloc.inFrame, gpu.inFrame], [true, true]);
  unified.endFrame();
  throws("FA005", () => unified.endFrame());
});

onBoth("UnifiedAllocator begins no frame if the ring gets no memory", ({ alloc, gpu, unified }) => {
  const before = unified.getUsage();
  throws("FA352", () => unified.beginFrame());
  assertEquals([alloc.inFrame, gpu.inFrame, unified.getUsage().gpu], [false, false, before.gpu]);
  throws("FA005", () => unified.endFrame());
}, { budgets: { ring: { hard: 1000 } } });

onBoth("UnifiedAllocator ends what is left of a frame that was ended on one side", ({ alloc, gpu, unified }) => {
  unified.beginFrame();
  alloc.endFrame();
  unified.endFrame();
  assertEquals([alloc.inFrame, gpu.inFrame], [false, false]);
  unified.beginFrame();
  gpu.endFrame();
  unified.endFrame();
  assertEquals([alloc.inFrame, gpu.inFrame], [false, false]);
});

onBoth("UnifiedAllocator ends the frame of a guard on both sides, also by an error", ({ alloc, gpu, unified }) => {
  assertThrows(
    () => {
      using _frame = unified.frame();
      throw new RangeError("the program's own");
    },
    RangeError,
    "the program's own",
  );
  assertEquals([alloc.inFrame, gpu.inFrame], [false, false]);
  const late = unified.frame();
  unified.endFrame();
  throws("FA007", () => late.end());
  const half = unified.frame();
  gpu.endFrame();
  half.end();
  assertEquals(alloc.inFrame, false);
  const old = unified.frame();
  unified.endFrame();
  unified.beginFrame();
  throws("FA007", () => old.end());
  assertEquals([alloc.inFrame, gpu.inFrame], [true, true]);
  unified.endFrame();
});

onBoth("UnifiedAllocator ends the CPU's frame of a guard after the GPU was disposed of", ({ alloc, gpu, unified }) => {
  const guard = unified.frame();
  gpu.dispose();
  guard.end();
  assertEquals(alloc.inFrame, false);
});

onBoth("UnifiedAllocator ends a frame on both sides if that throws", async ({ alloc, backend, gpu, unified }) => {
  unified.beginFrame();
  unified.createStagingBuffer(8).cpuSliceMut();
  throws("FA851", () => unified.endFrame());
  assertEquals([alloc.inFrame, gpu.inFrame], [false, false]);
  unified.beginFrame();
  await lose(backend);
  throws("FA857", () => unified.endFrame());
  assertEquals([alloc.inFrame, gpu.inFrame], [false, false]);
  throws("FA857", () => unified.beginFrame());
  assertEquals([alloc.inFrame, gpu.inFrame], [false, false]);
});

// Staging buffers

onBoth("UnifiedAllocator stages bytes of any size in frame memory", async ({ alloc, gpu, unified }) => {
  const kept: [UnifiedBuffer, Uint8Array][] = [];
  unified.beginFrame();
  for (const size of SIZES) {
    const before = alloc.stats().frame.used;
    const staging = unified.createStagingBuffer(size);
    assertEquals(alloc.stats().frame.used - before, Math.ceil(size / 16) * 16);
    assertEquals([staging.size, staging.location, staging.isWritten], [size, "CpuOnly", false]);
    const bytes = counting(size, size);
    staging.cpuSliceMut().set(bytes);
    assertEquals(staging.isWritten, true);
    unified.transferToGpu(staging);
    assertEquals([staging.location, staging.isWritten], ["Synchronized", false]);
    const results = unified.createGpuBuffer(size, "DeviceOnly", "Persistent", { isolate: size > 1000 });
    gpu.copy(staging.handle, results.handle);
    kept.push([results, bytes]);
  }
  unified.endFrame();
  for (const [results, bytes] of kept) {
    await unified.transferToCpu(results);
    assertEquals(results.cpuSlice(), bytes);
    results.free();
  }
  assertEquals(gpu.stats().allocations, 0);
});

onBoth("UnifiedAllocator complains of staged bytes that were not transferred", ({ unified }) => {
  unified.beginFrame();
  unified.createStagingBuffer(7); // never written
  unified.createStagingBuffer(100).cpuSliceMut();
  const again = unified.createStagingBuffer(11);
  again.cpuSliceMut();
  unified.transferToGpu(again);
  again.cpuSliceMut();
  const freed = unified.createStagingBuffer(1000);
  freed.cpuSliceMut();
  freed.free();
  const error = assertThrows(() => unified.endFrame(), FrameAllocError, "111 bytes in 2 staging buffers of frame 1");
  assertEquals(error.code, "FA851");
  unified.beginFrame();
  unified.endFrame(); // that was the last of it
});

onBoth("UnifiedBuffer of a frame is of no use after it", async ({ gpu, unified }) => {
  unified.beginFrame();
  const staging = unified.createStagingBuffer(16);
  unified.transferToGpu(staging);
  const { handle } = staging;
  await rejects("FA858", unified.transferToCpu(staging));
  unified.endFrame();
  for (const isInFrame of [false, true]) {
    if (isInFrame) unified.beginFrame();
    assertEquals([staging.isFreed, gpu.isLive(handle)], [true, false]);
    throws("FA002", () => staging.cpuSlice());
    throws("FA002", () => staging.cpuSliceMut());
    throws("FA002", () => staging.handle);
    throws("FA002", () => unified.transferToGpu(staging));
    await rejects("FA002", unified.transferToCpu(staging));
  }
  unified.endFrame();
  staging.free();
  throws("FA001", () => unified.createStagingBuffer(16));
});

onBoth("UnifiedAllocator takes no frame memory if the GPU has none", ({ alloc, gpu, unified }) => {
  unified.beginFrame();
  const { used } = alloc.stats().frame;
  const before = unified.getUsage();
  throws("FA352", () => unified.createStagingBuffer(2_000_000, { isolate: true }));
  assertEquals(alloc.stats().frame.used, used);
  assertEquals([unified.getUsage().gpu, gpu.stats().allocations], [before.gpu, 0]);
  unified.endFrame();
}, { budgets: { storage: { hard: 1_000_000 } } });

// Buffers that live longer

onBoth("UnifiedBuffer of the CPU goes to the GPU and comes back as the GPU left it", async ({ gpu, unified }) => {
  for (const size of SIZES) {
    const buffer = unified.createCpuBuffer(size, { isolate: size > 1000 });
    assertEquals(buffer.cpuSlice(), new Uint8Array(size));
    throws("FA852", () => buffer.handle);
    await rejects("FA858", unified.transferToCpu(buffer));
    buffer.cpuSliceMut().set(counting(size, 3));
    unified.transferToGpu(buffer);
    assertEquals(buffer.location, "Synchronized");
    assertEquals(await gpu.read(buffer.handle), counting(size, 3));
    assertEquals([buffer.buffer, buffer.offset], [gpu.buffer(buffer.handle), gpu.offset(buffer.handle)]);
    gpu.write(buffer.handle, counting(size, 77)); // as the GPU may have
    await unified.transferToCpu(buffer);
    assertEquals([buffer.cpuSlice(), buffer.location], [counting(size, 77), "Synchronized"]);
    buffer.cpuSliceMut()[0] = 1;
    assertEquals([buffer.location, buffer.isWritten], ["CpuOnly", true]);
    await rejects("FA858", unified.transferToCpu(buffer)); // would undo what was written
    assertEquals(buffer.cpuSlice()[0], 1);
    buffer.free();
  }
  assertEquals(gpu.stats().allocations, 0);
});

onBoth("UnifiedBuffer of the GPU has no side on the CPU before it is transferred", async ({ alloc, gpu, unified }) => {
  for (const size of SIZES) {
    const cpu = alloc.stats().heap.live;
    const buffer = unified.createGpuBuffer(size, "DeviceOnly", "Persistent", { zero: true });
    assertEquals([buffer.location, alloc.stats().heap.live], ["GpuOnly", cpu]);
    throws("FA853", () => buffer.cpuSlice());
    throws("FA853", () => buffer.cpuSliceMut());
    throws("FA858", () => unified.transferToGpu(buffer));
    await unified.transferToCpu(buffer);
    assertEquals([buffer.cpuSlice(), alloc.stats().heap.live], [new Uint8Array(size), cpu + 1]);
    buffer.cpuSliceMut().set(counting(size, 9));
    unified.transferToGpu(buffer);
    assertEquals(await gpu.read(buffer.handle), counting(size, 9));
    buffer.free();
    assertEquals(alloc.stats().heap.live, cpu);
  }
});

onBoth("UnifiedBuffer with a copy in the allocator is uploaded with the next flush", async ({ gpu, unified }) => {
  const buffer = unified.createCpuBuffer(30, { intent: "HostVisible", use: "vertex" });
  buffer.cpuSliceMut().set(counting(30, 5));
  unified.transferToGpu(buffer);
  gpu.flush();
  assertEquals(await gpu.read(buffer.handle), counting(30, 5));
  buffer.free();
});

onBoth("UnifiedBuffer is freed once, on both sides, and is of no use after that", async ({ alloc, gpu, unified }) => {
  const before = [alloc.stats().heap.live, gpu.stats().allocations];
  const buffers = [unified.createCpuBuffer(100), unified.createGpuBuffer(100, "HostVisible")];
  unified.transferToGpu(buffers[0]!);
  await unified.transferToCpu(buffers[1]!);
  for (const buffer of buffers) {
    buffer[Symbol.dispose]();
    buffer.free();
    assertEquals(buffer.isFreed, true);
    throws("FA401", () => buffer.cpuSlice());
    throws("FA401", () => buffer.cpuSliceMut());
    throws("FA401", () => buffer.handle);
    throws("FA401", () => unified.transferToGpu(buffer));
    await rejects("FA401", unified.transferToCpu(buffer));
  }
  assertEquals([alloc.stats().heap.live, gpu.stats().allocations], before);
});

onBoth("UnifiedAllocator refuses what makes no sense, and changes nothing", async ({ alloc, gpu, unified }) => {
  const before = unified.getUsage();
  for (const size of NO_SIZES) {
    throws("FA008", () => unified.createCpuBuffer(size as number));
    throws("FA008", () => unified.createGpuBuffer(size as number));
    throws("FA008", () => unified.createStagingBuffer(size as number));
  }
  throws("FA008", () => unified.createGpuBuffer(16, "Everything" as "DeviceOnly"));
  throws("FA852", () => unified.createGpuBuffer(16, "Staging", "Persistent"));
  throws("FA001", () => unified.createGpuBuffer(16, "DeviceOnly", "Frame"));
  const other = new SmartAlloc();
  const theirs = new UnifiedAllocator(other, new GpuAllocator(other, new NullBackend()));
  for (const what of [null, undefined, 1, {}, gpu, theirs.createCpuBuffer(16)]) {
    throws("FA008", () => unified.transferToGpu(what as UnifiedBuffer));
    await rejects("FA008", unified.transferToCpu(what as UnifiedBuffer));
  }
  throws("FA008", () => new UnifiedAllocator(other, gpu));
  throws("FA008", () => new UnifiedAllocator(alloc, {} as GpuAllocator));
  assertEquals([unified.getUsage(), gpu.stats().allocations], [before, 0]);
  theirs.gpuAllocator.dispose();
  other.dispose();
});
