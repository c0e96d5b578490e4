/**
 * Mistakes that random programs have found once, each as the few steps that show it.
 */

import { SmartAlloc } from "@framealloc/core";
import { GpuAllocator, type GpuAllocatorOptions, type GpuHandle, NullBackend } from "@framealloc/core/gpu";
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { counting } from "./_bytes.ts";

const KIB = 1024;

function make(options: GpuAllocatorOptions = {}): { gpu: GpuAllocator<Uint8Array>; device: NullBackend } {
  const device = new NullBackend();
  return { gpu: new GpuAllocator(new SmartAlloc(), device, { blockSize: 64 * KIB, ringSize: 16, ...options }), device };
}

/** What the device has of an allocation. */
function onDevice(gpu: GpuAllocator<Uint8Array>, handle: GpuHandle): number[] {
  gpu.flush();
  const at = gpu.offset(handle);
  return [...gpu.buffer(handle).subarray(at, at + gpu.size(handle))];
}

Deno.test("GpuAllocator uploads nothing of an earlier device's to what could not be restored", async () => {
  const { gpu, device } = make();
  const handle = gpu.alloc(12, {
    intent: "HostVisible",
    use: "storage",
    restore: () => {
      throw new Error("there is none");
    },
  });
  gpu.write(handle, counting(12, 1));
  device.lose();
  const { failed } = await gpu.recover();
  assertEquals(failed.map(({ handle }) => handle), [handle]);
  assertEquals(onDevice(gpu, handle), Array(12).fill(0));
  gpu.write(handle, counting(4, 50), 4);
  assertEquals(onDevice(gpu, handle), [0, 0, 0, 0, 50, 51, 52, 53, 0, 0, 0, 0]);
  gpu.dispose();
});

Deno.test("GpuAllocator gives what a function restores alone, whether the rest was uploaded before the loss or not", async () => {
  for (const isUploaded of [true, false]) {
    const { gpu, device } = make();
    const handle = gpu.alloc(12, { intent: "HostVisible", use: "storage", restore: () => counting(4, 9) });
    gpu.write(handle, counting(12, 1));
    if (isUploaded) gpu.flush();
    device.lose();
    await gpu.recover();
    assertEquals(onDevice(gpu, handle), [9, 10, 11, 12, 0, 0, 0, 0, 0, 0, 0, 0]);
    gpu.dispose();
  }
});

Deno.test("GpuAllocator.endFrame says that there was no memory for a frame that was uploaded before that was known", async () => {
  const { gpu, device } = make();
  device.oomAt = 0;
  gpu.beginFrame();
  gpu.ring.push(counting(16));
  gpu.flush();
  await device.done();
  assertThrows(() => gpu.flush(), Error, "FA856");
  assertThrows(() => gpu.endFrame(), Error, "FA856");
  device.oomAt = Infinity;
  gpu.beginFrame();
  const place = gpu.ring.push(counting(16));
  gpu.flush();
  assertEquals([...gpu.ring.buffer(place).subarray(0, 16)], [...counting(16)]);
  gpu.endFrame();
  gpu.dispose();
});

Deno.test("GpuAllocator.read fails alike for all who wait for memory that is not there", async () => {
  const { gpu, device } = make();
  device.oomAt = 0;
  const handle = gpu.alloc(16, { intent: "Readback" });
  const reads = [gpu.read(handle), gpu.read(handle), gpu.read(handle)];
  for (const read of reads) await assertRejects(() => read, Error, "FA856");
  gpu.free(handle);
  gpu.dispose();
});

Deno.test("GpuAllocator.read fails for memory of a frame that was never there", async () => {
  const { gpu, device } = make();
  device.oomAt = 0;
  gpu.beginFrame();
  const handle = gpu.alloc(16, { intent: "HostVisible", lifetime: "Frame" });
  gpu.write(handle, counting(16));
  const read = gpu.read(handle);
  device.oomAt = Infinity;
  gpu.endFrame();
  await assertRejects(() => read, Error, "FA856");
  gpu.dispose();
});

Deno.test("GpuAllocator.read gives the copy of what was put elsewhere, also if nothing was flushed since", async () => {
  const { gpu, device } = make();
  gpu.beginFrame();
  device.oomAt = 0;
  const handle = gpu.alloc(8, { onLoss: "shadow", intent: "HostVisible", use: "storage" });
  gpu.write(handle, counting(8, 1));
  gpu.flush();
  device.oomAt = Infinity;
  await gpu.settled();
  const [bytes, copy] = [gpu.read(handle), gpu.refresh(handle)];
  gpu.endFrame();
  assertEquals([...await bytes], [1, 2, 3, 4, 5, 6, 7, 8]);
  assertEquals([...await copy], [1, 2, 3, 4, 5, 6, 7, 8]);
  gpu.dispose();
});

Deno.test("GpuAllocator.refresh does not take it for a write of the program that an allocation was put elsewhere", async () => {
  const { gpu, device } = make();
  gpu.beginFrame();
  device.oomAt = 0;
  const handle = gpu.alloc(8, { onLoss: "shadow", intent: "HostCached" });
  const copy = gpu.refresh(handle);
  device.oomAt = Infinity;
  await gpu.settled();
  gpu.endFrame();
  assertEquals((await copy).length, 8);
  gpu.dispose();
});

Deno.test("GpuAllocator.reserve keeps room for what would get a buffer of its own, also in a buffer that is there", async () => {
  const { gpu } = make({ maxBlockSize: 64 * KIB, budgets: { uniform: { hard: 64 * KIB } } });
  gpu.alloc(100, { use: "uniform" });
  await gpu.reserve(40 * KIB, "uniform");
  gpu.alloc(40 * KIB, { use: "uniform" });
  assertEquals(gpu.stats().heaps.uniform.buffers, 1);
  gpu.dispose();
});

Deno.test("GpuAllocator.defragment tells once of what has gone through two buffers", async () => {
  const { gpu } = make({ maxBlockSize: 64 * KIB });
  const told: GpuHandle[] = [];
  const options = { use: "uniform", onMove: (handle: GpuHandle) => void told.push(handle) } as const;
  // Three buffers: the first is emptied into the second, and that into the third.
  const first = gpu.alloc(16, options);
  const second = gpu.alloc(16, { ...options, align: 64 * KIB });
  await gpu.reserve(65 * KIB, "uniform");
  gpu.alloc(40 * KIB, options);
  assertEquals(gpu.defragment().buffers, 2);
  assertEquals(told.sort(), [first, second].sort());
  gpu.dispose();
});
