/**
 * A device without memory says so late: what was allocated until then is tried again where its contents can be had, and given up where
 * they cannot.
 */

import type { GpuHandle } from "@framealloc/core/gpu";
import { assertEquals } from "@std/assert";
import { checkCharges, codeOf, conform, frames, KIB, onNull, places, rejection, tagged } from "./_conformance.ts";
import { counting } from "./_bytes.ts";

const BLOCKS = { blockSize: 256 * KIB, maxBlockSize: 256 * KIB };

conform("GpuAllocator has settled as soon as the device has made every buffer", async ({ gpu }) => {
  await gpu.settled();
  gpu.alloc(64);
  gpu.alloc(64, { intent: "HostVisible" });
  gpu.alloc(64, { intent: "Readback" });
  await gpu.settled();
  await gpu.reserve(100 * KIB);
  assertEquals(gpu.stats().failures, 0);
}, { gpu: BLOCKS });

onNull("GpuAllocator gives up what nobody can bring back, and says so with FA856 until it is freed", async (bench) => {
  const { gpu, backend, alloc } = bench;
  backend.oomAt = 0;
  const named = gpu.alloc(100, { name: "cells" });
  const other = gpu.alloc(100, { lifetime: "Streaming" });
  const version = gpu.version(named);
  assertEquals(codeOf(() => gpu.write(named, counting(4))), "none"); // nobody knows yet
  assertEquals(await rejection(() => gpu.settled()), "FA856");
  assertEquals(told, [named, other]);
  assertEquals([gpu.stats().failures, gpu.stats().used, gpu.stats().reserved], [2, 0, 0]);
  const calls = [
    () => gpu.buffer(named),
    () => gpu.offset(named),
    () => gpu.binding(named),
    () => gpu.write(named, counting(4)),
    () => gpu.bytes(named),
    () => gpu.touch(named),
    () => gpu.copy(named, other),
    () => gpu.read(named),
    () => gpu.stream(named, counting(4)),
    () => gpu.checkScope([{ handle: named, access: "read" }]),
  ];
  for (const call of calls) assertEquals(codeOf(call), "FA856", `${call}`);
  assertEquals([gpu.isLive(named), gpu.size(named), gpu.version(named) > version], [true, 100, true]);
  assertEquals(tagged(alloc, ""), 512);
  gpu.pin(named);
  gpu.unpin(named);
  gpu.free(named);
  assertEquals([codeOf(() => gpu.free(named)), await rejection(() => gpu.settled())], ["FA401", "FA856"]);
  gpu.free(other);
  await gpu.settled();
  assertEquals([gpu.stats().allocations, tagged(alloc, "")], [0, 0]);
  backend.oomAt = Infinity;
  gpu.write(gpu.alloc(100), counting(4));
  await gpu.settled();
}, { gpu: { ...BLOCKS, onOutOfMemory: (handle) => told.push(handle) } });
const told: GpuHandle[] = [];

onNull(
  "GpuAllocator tries again what has a copy or can be restored, in smaller buffers, with its contents",
  async (bench) => {
    const { gpu, backend } = bench;
    backend.oomAt = 150 * KIB; // no buffer of the usual size
    const moved: number[] = [];
    const onMove = (handle: number): void => {
      assertEquals(codeOf(() => gpu.buffer(handle)), "none");
      moved.push(handle);
    };
    const shadow = gpu.alloc(1000, { intent: "HostVisible", use: "storage", onMove });
    const restored = gpu.alloc(1000, { restore: () => Promise.resolve(counting(1000, 7)), onMove });
    const both = gpu.alloc(1000, { onLoss: "shadow", onMove });
    const lost = gpu.alloc(1000, { onMove });
    gpu.pin(shadow);
    gpu.write(shadow, counting(1000, 3));
    gpu.write(both, counting(1000, 9));
    gpu.flush();
    const versions = [shadow, restored, both].map((handle) => gpu.version(handle));
    assertEquals(await rejection(() => gpu.settled()), "FA856");
    gpu.free(lost);
    await gpu.settled();
    assertEquals(moved, [shadow, restored, both]);
    assertEquals([shadow, restored, both].map((handle, i) => gpu.version(handle) > versions[i]!), [true, true, true]);
    backend.oomAt = Infinity;
    assertEquals(await gpu.read(shadow), counting(1000, 3));
    assertEquals(await gpu.read(restored), counting(1000, 7));
    assertEquals(await gpu.read(both), counting(1000, 9));
    assertEquals(gpu.dump().heaps[2]!.blocks.map(({ size, isPinned }) => [size, isPinned]), [[128 * KIB, true]]);
    assertEquals([gpu.stats().failures, gpu.stats().allocations], [1, 3]);
    checkCharges(bench);
  },
  { gpu: BLOCKS },
);

onNull(
  "GpuAllocator tries down to a buffer that holds nothing else, for the most important one first",
  async (bench) => {
    const { gpu, backend } = bench;
    backend.oomAt = 350 * KIB;
    const handles = [100, 300, 100].map((kib) => gpu.alloc(kib * KIB, { intent: "HostVisible", importance: kib }));
    assertEquals(await rejection(() => gpu.settled()), "FA856");
    assertEquals(handles.map((handle) => codeOf(() => gpu.offset(handle))), ["FA856", "none", "FA856"]);
    assertEquals(gpu.dump().heaps[0]!.blocks.map(({ size }) => size / KIB), [300]);
    checkCharges(bench);
  },
  { gpu: { blockSize: 1024 * KIB } },
);

onNull("GpuAllocator gives up what its function to restore does not bring", async (bench) => {
  const { gpu, backend } = bench;
  backend.oomAt = 150 * KIB;
  const restores: (() => Uint8Array | Promise<Uint8Array>)[] = [
    () => Promise.reject(new Error("no file")),
    () => {
      throw new Error("no file");
    },
    () => 7 as unknown as Uint8Array,
    () => counting(2000),
    () => counting(100, 5), // the first bytes are enough
  ];
  const handles = restores.map((restore) => gpu.alloc(1000, { restore }));
  assertEquals(await rejection(() => gpu.settled()), "FA856");
  assertEquals(handles.map((handle) => codeOf(() => gpu.offset(handle))), ["FA856", "FA856", "FA856", "FA856", "none"]);
  backend.oomAt = Infinity;
  assertEquals((await gpu.read(handles[4]!)).slice(0, 100), counting(100, 5));
  assertEquals([gpu.stats().failures, gpu.stats().heaps.storage.allocations], [4, 1]);
  checkCharges(bench);
  for (const handle of handles) gpu.free(handle);
}, { gpu: BLOCKS });

/** What the callback of the next test does. */
let onOutOfMemory: (handle: GpuHandle) => void = () => {};

onNull("GpuAllocator can be used by whoever is told that there is no memory", async (bench) => {
  const { gpu, backend, alloc } = bench;
  const options = { intent: "HostVisible", use: "storage" } as const;
  for (const action of ["free itself", "free all", "free and allocate", "dispose"] as const) {
    backend.oomAt = 150 * KIB;
    const handles = Array.from({ length: 6 }, (_, i) => gpu.alloc(1000, i % 2 === 0 ? {} : options));
    for (const [i, handle] of handles.entries()) gpu.write(handle, counting(1000, i));
    const made: GpuHandle[] = [];
    const heard: GpuHandle[] = [];
    onOutOfMemory = (handle) => {
      heard.push(handle);
      assertEquals(gpu.isLive(handle), true);
      if (action === "dispose") return void gpu.dispose();
      for (const other of action === "free itself" ? [handle] : handles) if (gpu.isLive(other)) gpu.free(other);
      // In the places of those that were freed.
      if (action === "free and allocate") { for (let i = 0; i < 6; i++) made.push(gpu.alloc(1000, options)); }
    };
    await rejection(() => gpu.settled());
    for (const [i, handle] of made.entries()) gpu.write(handle, counting(1000, i + 50));
    if (action === "dispose") break;
    backend.oomAt = Infinity;
    checkCharges(bench);
    assertEquals(heard.length, action === "free itself" ? 3 : 1, action);
    for (const [i, handle] of made.entries()) assertEquals(await gpu.read(handle), counting(1000, i + 50));
    if (action === "free itself") {
      for (const i of [1, 3, 5]) assertEquals(await gpu.read(handles[i]!), counting(1000, i));
    }
    for (const handle of [...handles, ...made]) if (gpu.isLive(handle)) gpu.free(handle);
    gpu.trim();
    assertEquals([tagged(alloc, ""), gpu.stats().allocations, gpu.stats().used], [0, 0, 0], action);
  }
  assertEquals([backend.liveBytes, tagged(alloc, "")], [0, 0]);
}, { gpu: { ...BLOCKS, onOutOfMemory: (handle) => onOutOfMemory(handle) } });

onNull("GpuAllocator has what a callback throws come out of settled(), and goes on with the others", async (bench) => {
  const { gpu, backend } = bench;
  backend.oomAt = 150 * KIB;
  const moved: GpuHandle[] = [];
  const handles = [0, 1, 2].map((i) =>
    gpu.alloc(1000, {
      intent: "HostVisible",
      onMove: (handle) => {
        moved.push(handle);
        if (i === 0) throw new Error("of the program");
      },
    })
  );
  for (const [i, handle] of handles.entries()) gpu.write(handle, counting(1000, i));
  let message = "";
  await gpu.settled().catch((error: Error) => message = error.message);
  assertEquals([message, moved], ["of the program", handles]);
  backend.oomAt = Infinity;
  for (const [i, handle] of handles.entries()) assertEquals(await gpu.read(handle), counting(1000, i));
  assertEquals(new Set(places(gpu, handles)).size, 3);
}, { gpu: BLOCKS });

onNull(
  "GpuAllocator evicts the less important for a large one that the device has no memory for",
  async ({ gpu, backend }) => {
    const evicted: GpuHandle[] = [];
    const onEvict = (handle: GpuHandle): void => void evicted.push(handle);
    const small = [3, 1, 2].map((importance) => gpu.alloc(100 * KIB, { lifetime: "Streaming", importance, onEvict }));
    await gpu.settled();
    backend.oomAt = 350 * KIB;
    const large = gpu.alloc(130 * KIB, { intent: "HostVisible", use: "storage", lifetime: "Streaming", importance: 5 });
    gpu.write(large, counting(130 * KIB));
    await gpu.settled();
    assertEquals([evicted, gpu.isLive(large)], [[small[1]!], true]);
    backend.oomAt = Infinity;
    assertEquals(await gpu.read(large, { bytes: 100 }), counting(100));
  },
  { gpu: { blockSize: 64 * KIB, maxBlockSize: 64 * KIB } },
);

// Reserving

conform("GpuAllocator has a place that was reserved, however large, and for long", async ({ gpu, note }) => {
  await gpu.reserve(3 * 256 * KIB);
  const { reserved } = gpu.stats();
  assertEquals(reserved, 3 * 256 * KIB);
  frames(gpu, 200);
  assertEquals(gpu.stats().heaps.storage.reserved, reserved);
  await gpu.reserve(1000); // there is room for that
  const large = gpu.alloc(2 * 256 * KIB);
  const other = gpu.alloc(200 * KIB, { intent: "HostVisible", use: "storage" });
  assertEquals(gpu.stats().heaps.storage.reserved, reserved);
  note("places", places(gpu, [large, other]));
  await gpu.reserve(1000, "vertex");
  assertEquals(gpu.stats().heaps.vertex.buffers, 1);
  gpu.free(large);
  gpu.free(other);
  frames(gpu, 200);
  assertEquals(gpu.stats().heaps.storage.reserved, 0);
  for (const bytes of [0, -1, 1.5, NaN, "8"]) {
    assertEquals(await rejection(() => gpu.reserve(bytes as number)), "FA008");
  }
  assertEquals(await rejection(() => gpu.reserve(8, "readback" as "vertex")), "FA008");
  assertEquals(await rejection(() => gpu.reserve(2 ** 40)), "FA856");
}, { gpu: BLOCKS });

conform("GpuAllocator reserves within its limits", async ({ gpu }) => {
  const evictable = gpu.alloc(200 * KIB, { lifetime: "Streaming" });
  assertEquals(await rejection(() => gpu.reserve(600 * KIB)), "FA352");
  assertEquals(gpu.isLive(evictable), true); // which would have been no help
  await gpu.reserve(400 * KIB);
  assertEquals(gpu.isLive(evictable), false);
}, { gpu: { ...BLOCKS, budget: { hard: 500 * KIB } } });

onNull("GpuAllocator says with FA856 that what was to be reserved is not there", async ({ gpu, backend }) => {
  backend.oomAt = 100 * KIB;
  await gpu.reserve(60 * KIB); // in a smaller buffer than usual
  assertEquals(backend.liveBytes <= 100 * KIB, true);
  assertEquals(await rejection(() => gpu.reserve(200 * KIB)), "FA856");
  assertEquals([gpu.stats().failures, gpu.stats().reserved], [0, backend.liveBytes]);
}, { gpu: BLOCKS });
