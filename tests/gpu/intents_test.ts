/**
 * Every intent with every lifetime: where it goes, what it can do there, and what is refused.
 */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { type GpuIntent, type GpuLifetime, type GpuUse, MultiFrame } from "@framealloc/core/gpu";
import { type Bench, codeOf, conform, digest, rejection, tagged } from "./_conformance.ts";
import { counting } from "./_bytes.ts";

const INTENTS: readonly GpuIntent[] = ["DeviceOnly", "HostVisible", "HostCached", "Staging", "Readback"];
const LIFETIMES: readonly GpuLifetime[] = ["Frame", MultiFrame(1), MultiFrame(3), "Persistent", "Streaming"];
const USES: readonly GpuUse[] = ["uniform", "vertex", "storage"];

/** What each method does with an allocation: nothing wrong, or a code. */
async function abilities({ gpu }: Bench, handle: number): Promise<Record<string, string>> {
  const other = gpu.alloc(64);
  const read = gpu.read.bind(gpu);
  const result = {
    buffer: codeOf(() => gpu.buffer(handle)),
    binding: codeOf(() => gpu.binding(handle)),
    offset: codeOf(() => gpu.offset(handle)),
    write: codeOf(() => gpu.write(handle, counting(64))),
    bytes: codeOf(() => gpu.bytes(handle)),
    touch: codeOf(() => gpu.touch(handle)),
    copyTo: codeOf(() => gpu.copy(other, handle)),
    copyFrom: codeOf(() => gpu.copy(handle, other)),
    pin: codeOf(() => gpu.pin(handle)),
    unpin: codeOf(() => gpu.unpin(handle)),
    stream: await rejection(() => {
      const streamed = gpu.stream(handle, counting(64, 7));
      streamed.catch(() => {});
    }),
    scope: codeOf(() => gpu.checkScope([{ handle, access: "read" }])),
    read: codeOf(() => void read(handle).catch(() => {})),
    refresh: codeOf(() => void gpu.refresh(handle).catch(() => {})),
  };
  gpu.free(other);
  return result;
}

const ALL = {
  buffer: "none",
  binding: "none",
  offset: "none",
  write: "none",
  bytes: "none",
  touch: "none",
  copyTo: "none",
  copyFrom: "none",
  pin: "none",
  unpin: "none",
  stream: "none",
  scope: "none",
  read: "none",
  refresh: "none",
};
const NO_COPY = { bytes: "FA852", touch: "FA852", refresh: "FA852" };
/** By place, what is refused. */
const REFUSED: Readonly<Record<string, Partial<typeof ALL>>> = {
  device: NO_COPY,
  copied: { stream: "FA852" },
  ring: { stream: "FA852", refresh: "FA852" },
  staging: {
    buffer: "FA852",
    binding: "FA852",
    copyTo: "FA852",
    copyFrom: "FA852",
    stream: "FA852",
    scope: "FA852",
    read: "FA852",
    refresh: "FA852",
  },
  readback: { ...NO_COPY, copyFrom: "FA852" },
};

/** Where an intent and a lifetime go; `undefined` where no place suits both. */
function placeOf(intent: GpuIntent, lifetime: GpuLifetime): string | undefined {
  if (intent === "DeviceOnly") return "device";
  if (intent === "HostVisible") return lifetime === "Frame" ? "ring" : "copied";
  if (intent === "HostCached") return lifetime === "Streaming" ? undefined : "copied";
  if (intent === "Staging") return lifetime === "Persistent" ? undefined : "staging";
  return lifetime === "Streaming" ? undefined : "readback";
}

for (const intent of INTENTS) {
  conform(
    `GpuAllocator puts ${intent} memory where each lifetime suits, and refuses the rest with FA852`,
    async (bench) => {
      const { alloc, gpu, note } = bench;
      for (const lifetime of LIFETIMES) {
        const place = placeOf(intent, lifetime);
        const { allocations } = gpu.stats();
        gpu.beginFrame();
        if (place === undefined) {
          for (const use of USES) assertEquals(codeOf(() => gpu.alloc(64, { intent, lifetime, use })), "FA852");
          assertEquals(codeOf(() => gpu.tryAlloc(64, { intent, lifetime })), "FA852");
          assertEquals([gpu.stats().allocations, tagged(alloc, "")], [allocations, 0]);
          gpu.endFrame();
          continue;
        }
        for (const use of USES) {
          const handle = gpu.alloc(64, { intent, lifetime, use });
          if (place !== "ring") {
            const heap = place === "readback" ? "readback" : use;
            assertEquals(gpu.stats().heaps[heap].allocations, Number(place !== "staging"), `${use} in ${heap}`);
          } else assertEquals(gpu.ring.used > 0, true);
          const found = await abilities(bench, handle);
          note(`${intent} ${place} ${use}`, [gpu.size(handle), found]);
          assertEquals(found, { ...ALL, ...REFUSED[place] }, `${intent} ${JSON.stringify(lifetime)} ${use}`);
          gpu.free(handle);
          assertEquals(gpu.isLive(handle), false);
        }
        gpu.endFrame();
        assertEquals([gpu.stats().allocations, tagged(alloc, "")], [allocations, 0]);
      }
    },
  );
}

conform("GpuAllocator gives memory of frames only while one is open", ({ gpu }) => {
  for (const intent of INTENTS) {
    for (const lifetime of ["Frame", MultiFrame(1), MultiFrame(3)] as const) {
      assertEquals(codeOf(() => gpu.alloc(64, { intent, lifetime })), "FA001", intent);
      assertEquals(codeOf(() => gpu.tryAlloc(64, { intent, lifetime })), "FA001", intent);
    }
  }
  assertEquals(gpu.stats().allocations, 0);
});

conform("GpuAllocator refuses options that make no sense with FA008, and takes nothing then", ({ alloc, gpu }) => {
  gpu.beginFrame();
  const bad: readonly unknown[] = [
    null,
    { intent: "Host" },
    { lifetime: "Forever" },
    { lifetime: { frames: 0 } },
    { lifetime: { frames: 1.5 } },
    { lifetime: null },
    { use: "index" },
    { align: 3 },
    { align: 0 },
    { align: 131_072 },
    { align: 1.5 },
    { importance: NaN },
    { importance: "high" },
    { name: 7 },
    { onLoss: "keep" },
    { onLoss: "restore" },
    { onLoss: "shadow", restore: () => new Uint8Array(4) },
    { restore: 7 },
    { intent: "Readback", onLoss: "shadow" },
    { onMove: {} },
    { onEvict: "now" },
  ];
  for (const options of bad) {
    assertEquals(codeOf(() => gpu.alloc(64, options as object)), "FA008", JSON.stringify(options));
  }
  for (const bytes of [0, -4, 1.5, NaN, Infinity, 2 ** 53, "64", undefined]) {
    assertEquals(codeOf(() => gpu.alloc(bytes as number)), "FA008", String(bytes));
  }
  for (const frames of [0, -1, 1.5, NaN, Infinity, "2"]) {
    assertEquals(codeOf(() => MultiFrame(frames as number)), "FA008");
  }
  assertEquals([gpu.stats().allocations, gpu.stats().reserved - gpu.stats().ring.reserved], [0, 0]);
  assertEquals(tagged(alloc, ""), 0);
  gpu.endFrame();
});

conform("GpuAllocator refuses with FA852 what fits into no buffer", ({ backend, gpu, alloc }) => {
  const { maxBufferSize } = backend.limits;
  for (const use of USES) {
    assertEquals(codeOf(() => gpu.alloc(maxBufferSize + 1, { use })), "FA852");
    assertEquals(codeOf(() => gpu.tryAlloc(2 ** 52, { use, intent: "HostVisible" })), "FA852");
  }
  assertEquals([tagged(alloc, ""), gpu.stats().reserved], [0, 0]);
});

conform("GpuAllocator keeps staged bytes on the CPU, where they start at 0 and hold zeros", ({ gpu, note }) => {
  gpu.beginFrame();
  const before = gpu.alloc(512, { use: "vertex" });
  const padding = gpu.alloc(512, { use: "vertex" });
  gpu.free(before);
  gpu.free(padding);
  gpu.alloc(512, { use: "vertex" });
  // The entry of the last one was at 512.
  const staged = gpu.alloc(30, { intent: "Staging", lifetime: "Frame" });
  assertEquals([gpu.offset(staged), gpu.size(staged), [...gpu.bytes(staged)]], [0, 30, Array(30).fill(0)]);
  gpu.write(staged, counting(30, 3));
  note("staged", digest(gpu.bytes(staged)));
  assertEquals(gpu.bytes(staged), counting(30, 3));
  const error = codeOf(() => gpu.copy(staged, staged));
  assertEquals(error, "FA852");
  const { length } = gpu.bytes(staged);
  const bytes = gpu.bytes(staged);
  gpu.endFrame();
  assertEquals([length, bytes.length], [30, 0]); // detached
});

conform("GpuAllocator says what is wrong and what to do", ({ gpu }) => {
  const message = (call: () => unknown): string => {
    try {
      call();
    } catch (error) {
      return (error as Error).message;
    }
    return "";
  };
  const plain = gpu.alloc(64, { name: "cells" });
  assertStringIncludes(
    message(() => gpu.bytes(plain)),
    'Cannot use the bytes of GPU allocation "cells" as there is no copy of it on the CPU: allocate it as HostVisible',
  );
  assertStringIncludes(
    message(() => gpu.alloc(64, { intent: "Staging" })),
    "Cannot allocate Staging memory with the lifetime Persistent as no place on a device suits both: stage for a few",
  );
  assertStringIncludes(
    message(() => gpu.alloc(64, { intent: "HostCached", lifetime: "Streaming" })),
    "Cannot allocate HostCached memory with the lifetime Streaming as no place on a device suits both: use Persistent",
  );
});
