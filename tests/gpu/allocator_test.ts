/**
 * Allocations as numbers: where they are, how long they live, what becomes of their numbers, and how buffers come and go.
 */

import { assert, assertEquals, assertNotEquals, assertStrictEquals } from "@std/assert";
import { SmartAlloc } from "@framealloc/core";
import { GpuAllocator, type GpuUse, MultiFrame, NullBackend } from "@framealloc/core/gpu";
import { checkCharges, codeOf, conform, frames, KIB, MIB, onNull, places, tagged } from "./_conformance.ts";
import { counting } from "./_bytes.ts";

const USES: readonly GpuUse[] = ["uniform", "vertex", "storage"];
const NO_FREES = { blockSize: 64 * KIB, maxBlockSize: 256 * KIB };

// Numbers

conform("GpuAllocator refuses numbers that were freed with FA401, and those that are none with FA404", ({ gpu }) => {
  const other = new GpuAllocator(new SmartAlloc(), new NullBackend());
  const foreign = other.alloc(64);
  const freed = gpu.alloc(64, { intent: "HostVisible" });
  const live = gpu.alloc(64, { intent: "HostVisible" });
  gpu.free(freed);
  const calls: readonly ((handle: number) => unknown)[] = [
    (handle) => gpu.free(handle),
    (handle) => gpu.ref(handle),
    (handle) => gpu.buffer(handle),
    (handle) => gpu.offset(handle),
    (handle) => gpu.size(handle),
    (handle) => gpu.version(handle),
    (handle) => gpu.binding(handle),
    (handle) => gpu.pin(handle),
    (handle) => gpu.unpin(handle),
    (handle) => gpu.write(handle, counting(64)),
    (handle) => gpu.bytes(handle),
    (handle) => gpu.touch(handle),
    (handle) => gpu.copy(handle, live),
    (handle) => gpu.copy(live, handle),
    (handle) => gpu.read(handle),
    (handle) => gpu.tryRead(handle),
    (handle) => gpu.refresh(handle),
    (handle) => gpu.stream(handle, counting(64)),
    (handle) => gpu.checkScope([{ handle, access: "read" }]),
  ];
  const check = (): void => {
    for (const call of calls) {
      assertEquals(codeOf(() => call(freed)), "FA401", `${call}`);
      for (const none of [0, -1, 1.5, NaN, foreign, 2 ** 60, "1", null]) {
        assertEquals(codeOf(() => call(none as number)), "FA404", `${call} ${none}`);
      }
    }
  };
  check();
  // Its place is another one's now.
  const next = gpu.alloc(64, { intent: "HostVisible" });
  assertNotEquals(next, freed);
  check();
  assertEquals([freed, live, next, foreign, 0].map((handle) => gpu.isLive(handle)), [false, true, true, false, false]);
  other.dispose();
});

conform("GpuAllocator gives and takes objects, of which the first to free is the only one", ({ gpu }) => {
  const made = gpu.create(100, { use: "vertex", name: "mesh" });
  const same = gpu.ref(made.handle);
  assertEquals([made.bytes, made.offset, made.isLive, same.isLive], [100, 0, true, true]);
  assertStrictEquals(made.buffer, gpu.buffer(made.handle));
  made.free();
  assertEquals([made.isLive, same.isLive], [false, false]);
  for (const call of [() => made.free(), () => same.free(), () => same.bytes, () => same.buffer, () => same.offset]) {
    assertEquals(codeOf(call), "FA401");
  }
  same[Symbol.dispose]();
  assertEquals(gpu.stats().allocations, 0);
});

// Lifetimes

conform("GpuAllocator frees at the end of its last frame what lives for some", ({ alloc, gpu, note }) => {
  const made: { handle: number; from: number; frames: number }[] = [];
  const keep = gpu.alloc(64);
  for (let frame = 1; frame <= 9; frame++) {
    gpu.beginFrame();
    for (const { handle, from, frames } of made) {
      assertEquals(gpu.isLive(handle), frame < from + frames, `${frames} frames from ${from} on in ${frame}`);
      if (frame >= from + frames) assertEquals(codeOf(() => gpu.offset(handle)), "FA401");
    }
    for (
      const [lifetime, frames] of [["Frame", 1], [MultiFrame(1), 1], [MultiFrame(2), 2], [MultiFrame(5), 5]] as const
    ) {
      for (const intent of ["DeviceOnly", "HostVisible", "HostCached", "Staging", "Readback"] as const) {
        made.push({ handle: gpu.alloc(100, { intent, lifetime }), from: frame, frames });
      }
    }
    gpu.endFrame();
    assertEquals(made.filter(({ handle }) => gpu.isLive(handle)).length, gpu.stats().allocations - 1);
  }
  const left = gpu.stats();
  note("alive", left.allocations);
  frames(gpu, 4);
  assertEquals([gpu.stats().allocations, tagged(alloc, ""), gpu.isLive(keep)], [1, 256, true]);
});

conform("GpuAllocator frees nobody else who has the place of what a frame would have freed", ({ gpu }) => {
  gpu.beginFrame();
  const short = gpu.alloc(64, { lifetime: MultiFrame(2) });
  gpu.free(short);
  const long = gpu.alloc(64);
  const later = gpu.alloc(64, { lifetime: MultiFrame(3) });
  gpu.endFrame();
  frames(gpu, 1);
  assertEquals([short, long, later].map((handle) => gpu.isLive(handle)), [false, true, true]);
  frames(gpu, 1);
  assertEquals([short, long, later].map((handle) => gpu.isLive(handle)), [false, true, false]);
});

// Places

conform(
  "GpuAllocator aligns to what the device demands for each use, and to what is asked for",
  ({ gpu, backend, note }) => {
    const { uniformAlign, storageAlign } = backend.limits;
    const least = { uniform: Math.max(uniformAlign, storageAlign), vertex: 16, storage: storageAlign };
    const handles: number[] = [];
    for (const use of USES) {
      for (const align of [1, 16, 64, 256, 512, 4096, 65_536]) {
        for (const bytes of [1, 17, 300]) {
          const handle = gpu.alloc(bytes, { use, align });
          handles.push(handle);
          assertEquals(gpu.offset(handle) % Math.max(align, least[use]), 0, `${use} ${align}`);
          assertEquals(gpu.binding(handle).size, Math.ceil(bytes / 4) * 4);
        }
      }
    }
    note("places", places(gpu, handles));
    gpu.beginFrame();
    for (const align of [1, 512, 8192, 65_536]) {
      gpu.ring.alloc(16, "vertex");
      const handle = gpu.alloc(20, { intent: "HostVisible", lifetime: "Frame", use: "vertex", align });
      assertEquals(gpu.offset(handle) % Math.max(16, align), 0, `in the ring ${align}`);
      handles.push(handle);
    }
    note("places", places(gpu, handles));
    gpu.endFrame();
  },
);

conform("GpuAllocator gives an isolated allocation a buffer of its own, also in a frame", ({ gpu }) => {
  gpu.beginFrame();
  for (const options of [{}, { intent: "HostVisible" }, { intent: "HostVisible", lifetime: "Frame" }] as const) {
    const first = gpu.alloc(64, { ...options, use: "storage", isolate: true });
    const second = gpu.alloc(64, { ...options, use: "storage" });
    const third = gpu.alloc(64, { ...options, use: "storage", isolate: true });
    assertEquals(places(gpu, [first, second, third]).map((place) => place[0]), ["0", "1", "2"]);
    gpu.checkScope([{ handle: first, access: "write" }, { handle: second, access: "read" }]);
    gpu.write(first, counting(64));
  }
  gpu.endFrame();
  assertEquals(gpu.stats().allocations, 6);
});

// Buffers

conform("GpuAllocator doubles its buffers up to the largest, and gives what is large its own", ({ gpu, note }) => {
  const sizes = (): number[] => gpu.dump().heaps[2]!.blocks.map(({ size }) => size / KIB);
  for (let i = 0; i < 120; i++) gpu.alloc(8 * KIB);
  assertEquals(sizes(), [64, 128, 256, 256, 256]);
  // More than half of the next one.
  const large = gpu.alloc(129 * KIB);
  assertEquals([sizes().at(-1), gpu.dump().heaps[2]!.blocks.at(-1)!.isDedicated], [129, true]);
  const small = gpu.alloc(128 * KIB);
  note("small", [gpu.offset(small), sizes()]);
  assertEquals(gpu.dump().heaps[2]!.blocks.filter(({ isDedicated }) => isDedicated).length, 1);
  const { reserved } = gpu.stats();
  gpu.free(large);
  assertEquals(reserved - gpu.stats().reserved, 129 * KIB); // at once
}, { gpu: NO_FREES });

conform("GpuAllocator takes buffer sizes that are no multiple of an alignment", ({ gpu, backend, alloc }) => {
  const handle = gpu.alloc(100, { use: "uniform" });
  for (const use of USES) gpu.alloc(100, { use, intent: "HostVisible" });
  checkCharges({ gpu, backend, alloc });
  assertEquals(gpu.dump().heaps.map(({ blocks }) => blocks.map(({ size }) => size)), [
    [70_144],
    [70_016],
    [70_144],
    [],
  ]);
  gpu.free(handle);
}, { gpu: { blockSize: 70_001, maxBlockSize: 99_999 } });

conform("GpuAllocator keeps an empty buffer for 120 frames, and further ones for 2", ({ gpu, note }) => {
  const buffers = (): number => gpu.stats().heaps.storage.buffers;
  frames(gpu, 1);
  const handles = Array.from({ length: 60 }, () => gpu.alloc(8 * KIB));
  assertEquals(buffers(), 4);
  for (const handle of handles) gpu.free(handle);
  assertEquals(buffers(), 4);
  const counts: number[] = [];
  for (let frame = 0; frame < 125; frame++) {
    frames(gpu, 1);
    counts.push(buffers());
  }
  note("counts", counts);
  assertEquals([counts[0], counts[1], counts[2], counts[118], counts[119]], [4, 1, 1, 1, 0]);
  // One that is used in between starts anew.
  const handle = gpu.alloc(64);
  gpu.free(handle);
  frames(gpu, 100);
  gpu.free(gpu.alloc(64));
  frames(gpu, 119);
  assertEquals(buffers(), 1);
  frames(gpu, 1);
  assertEquals(buffers(), 0);
}, { gpu: NO_FREES });

conform("GpuAllocator makes no further buffer for what each frame frees at its end", ({ gpu }) => {
  for (let frame = 0; frame < 10; frame++) {
    gpu.beginFrame();
    for (let i = 0; i < 12; i++) gpu.alloc(8 * KIB, { lifetime: "Frame" });
    gpu.endFrame();
  }
  assertEquals(gpu.dump().heaps[2]!.blocks.map(({ label }) => label), ["storage#1", "storage#2"]);
}, { gpu: NO_FREES });

conform("GpuAllocator gives back all that is empty with trim(), and says how much", ({ gpu, backend, note }) => {
  gpu.beginFrame();
  const kept = gpu.alloc(64, { use: "vertex" });
  for (const use of USES) gpu.free(gpu.alloc(64, { use }));
  for (let i = 0; i < 40; i++) gpu.ring.alloc(64 * KIB);
  gpu.endFrame();
  frames(gpu, 1);
  const { reserved } = gpu.stats();
  const given = gpu.trim();
  note("given", [given, reserved, gpu.stats().ring]);
  assertEquals(reserved - gpu.stats().reserved, given);
  assertEquals(gpu.stats().ring.reserved, 2 * MIB);
  assertEquals(gpu.stats().reserved, 2 * MIB + 64 * KIB);
  if (backend instanceof NullBackend) assertEquals(backend.liveBytes, gpu.stats().reserved);
  assertEquals([gpu.trim(), gpu.isLive(kept)], [0, true]);
}, { gpu: { ...NO_FREES, ringSegments: 2 } });

conform("GpuAllocator counts its allocations, and the most that was in use at once", ({ gpu }) => {
  const first = gpu.alloc(300);
  const second = gpu.alloc(1);
  gpu.free(first);
  const third = gpu.alloc(20, { use: "vertex" });
  assertEquals(gpu.stats().heaps, {
    uniform: { reserved: 0, used: 0, peak: 0, allocations: 0, buffers: 0 },
    vertex: { reserved: 64 * KIB, used: 32, peak: 32, allocations: 1, buffers: 1 },
    storage: { reserved: 64 * KIB, used: 256, peak: 768, allocations: 1, buffers: 1 },
    readback: { reserved: 0, used: 0, peak: 0, allocations: 0, buffers: 0 },
  });
  assertEquals([gpu.stats().allocations, gpu.stats().used, gpu.stats().reserved], [2, 288, 128 * KIB]);
  gpu.free(second);
  gpu.free(third);
  assertEquals(gpu.stats().used, 0);
}, { gpu: NO_FREES });

// Its end

conform("GpuAllocator refuses everything with FA012 once it is disposed of", ({ gpu, alloc }) => {
  gpu.beginFrame();
  const handle = gpu.alloc(64, { name: "kept", intent: "HostVisible" });
  gpu.alloc(64, { lifetime: "Frame" });
  const bytes = gpu.bytes(handle);
  assertEquals(gpu.dispose(), [{ kind: "gpu allocation", name: "kept", tag: "", bytes: 64, age: 0 }]);
  assertEquals([gpu.dispose(), bytes.length, gpu.isLive(handle), gpu.inFrame], [[], 0, false, false]);
  const calls = [
    () => gpu.alloc(64),
    () => gpu.tryAlloc(64),
    () => gpu.create(64),
    () => gpu.free(handle),
    () => gpu.buffer(handle),
    () => gpu.write(handle, counting(4)),
    () => gpu.beginFrame(),
    () => gpu.endFrame(),
    () => gpu.flush(),
    () => gpu.defragment(),
    () => gpu.ring.alloc(16),
    () => gpu.ring.slice(Uint8Array, 16),
  ];
  for (const call of calls) assertEquals(codeOf(call), "FA012", `${call}`);
  assertEquals([gpu.trim(), gpu.stats().reserved, gpu.stats().allocations], [0, 0, 0]);
  assert(alloc.stats().budgets.every(({ name }) => !name.startsWith("gpu")));
});

onNull(
  "GpuAllocator refuses everything with FA012 once its SmartAlloc is disposed of, and can be disposed of",
  ({ gpu, alloc }) => {
    gpu.beginFrame();
    const handle = gpu.alloc(64, { intent: "HostVisible" });
    alloc.dispose();
    for (const call of [() => gpu.alloc(64), () => gpu.write(handle, counting(4)), () => gpu.endFrame()]) {
      assertEquals(codeOf(call), "FA012", `${call}`);
    }
    assertEquals([gpu.inFrame, codeOf(() => gpu.beginFrame())], [false, "FA012"]);
    gpu.dispose();
  },
);

Deno.test("GpuAllocator leaves no budget behind if its options are refused", () => {
  const alloc = new SmartAlloc();
  const bad = [
    { budgets: { uniform: { hard: -1 } } },
    { budgets: { ring: { hard: NaN } } },
    { budget: { soft: 10, hard: 5 } },
    { blockSize: 1 },
    { maxBlockSize: 64 * KIB, blockSize: 128 * KIB },
    { ringSegments: 9 },
    { ringSize: 0 },
    { maxRingBytes: 1 },
    { onLost: 7 },
    { unknown: 1 },
  ];
  for (const options of bad) {
    assertEquals(
      codeOf(() => new GpuAllocator(alloc, new NullBackend(), options as object)),
      "FA008",
      Object.keys(options)[0],
    );
    assertEquals(alloc.stats().budgets.filter(({ name }) => name !== "global"), [], JSON.stringify(options));
  }
  const backend = new NullBackend();
  const gpu = new GpuAllocator(alloc, backend);
  assertEquals(codeOf(() => new GpuAllocator(alloc, backend)), "FA008");
  gpu.dispose();
  alloc.dispose();
});
