/**
 * What comes and goes: who is evicted for whom, what is uploaded over several frames, and what cannot be used together.
 */

import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import type { GpuAllocOptions } from "@framealloc/core/gpu";
import { type Bench, checkCharges, codeOf, conform, digest, frames, KIB, onNull, rejection } from "./_conformance.ts";
import { counting } from "./_bytes.ts";

/** Each of these gets a buffer of its own. */
const PIECE = 40 * KIB;
const BLOCKS = { blockSize: 64 * KIB, maxBlockSize: 64 * KIB };
const FOUR = { gpu: { ...BLOCKS, budget: { hard: 4 * PIECE } } };

/** Allocates pieces that are told of their eviction. */
function streaming({ gpu }: Bench, evicted: string[]) {
  return (name: string, importance = 0, options: GpuAllocOptions = {}): number =>
    gpu.alloc(PIECE, {
      lifetime: "Streaming",
      importance,
      name,
      onEvict: (handle) => {
        assertEquals([gpu.isLive(handle), codeOf(() => gpu.offset(handle))], [false, "FA401"]);
        evicted.push(name);
      },
      ...options,
    });
}

// Eviction

conform(
  "GpuAllocator evicts the least important first, and of those the one that was not used for longest",
  (bench) => {
    const { gpu, note } = bench;
    const evicted: string[] = [];
    const add = streaming(bench, evicted);
    frames(gpu, 1);
    gpu.trim();
    add("a", 5);
    frames(gpu, 1);
    const b = add("b", 1);
    frames(gpu, 1);
    add("c", 1);
    frames(gpu, 1);
    gpu.buffer(b); // is used
    note("before", gpu.stats().evictions);
    add("d", 1);
    frames(gpu, 1);
    assertEquals(evicted, ["c"]);
    add("e", 1);
    assertEquals(evicted, ["c", "b"]);
    // Of the same importance the new one takes its place, but not of a larger one.
    assertEquals(codeOf(() => add("f", 0)), "FA352");
    gpu.alloc(PIECE); // what is not streamed comes before all that is
    assertEquals(evicted, ["c", "b", "d"]);
    add("g", 9);
    assertEquals(evicted, ["c", "b", "d", "e"]);
    assertEquals([gpu.stats().evictions, gpu.stats().allocations], [4, 3]);
  },
  { gpu: { ...BLOCKS, ringSize: 16 * KIB, budget: { hard: 3 * PIECE + 64 * KIB } } },
);

conform("GpuAllocator evicts nothing that is pinned", (bench) => {
  const { gpu } = bench;
  const evicted: string[] = [];
  const add = streaming(bench, evicted);
  const pinned = [add("a"), add("b"), add("c")];
  for (const handle of pinned) gpu.pin(handle);
  gpu.pin(pinned[0]!);
  add("d");
  add("e");
  assertEquals(evicted, ["d"]);
  gpu.unpin(pinned[0]!);
  gpu.alloc(PIECE);
  assertEquals([evicted, codeOf(() => gpu.alloc(PIECE))], [["d", "e"], "FA352"]);
  gpu.unpin(pinned[0]!);
  gpu.alloc(PIECE);
  assertEquals(evicted, ["d", "e", "a"]);
  assertEquals(codeOf(() => gpu.unpin(pinned[1]!)), "none");
  assertEquals(codeOf(() => gpu.unpin(pinned[1]!)), "FA406");
}, FOUR);

conform("GpuAllocator evicts nothing in vain", (bench) => {
  const { gpu } = bench;
  const evicted: string[] = [];
  const add = streaming(bench, evicted);
  for (const name of ["a", "b"]) add(name);
  add("other", 0, { use: "vertex" });
  // The limit of the vertex heap, and what is larger than all there is.
  assertEquals(codeOf(() => gpu.alloc(50 * KIB, { use: "vertex" })), "FA352");
  assertEquals(codeOf(() => gpu.alloc(50 * KIB, { use: "vertex", intent: "HostVisible" })), "FA352");
  assertEquals(codeOf(() => gpu.alloc(5 * PIECE)), "FA352");
  assertEquals(evicted, []);
  gpu.alloc(PIECE, { use: "vertex" });
  assertEquals(evicted, ["other"]);
}, { gpu: { ...BLOCKS, budget: { hard: 4 * PIECE }, budgets: { vertex: { hard: 45 * KIB } } } });

conform("GpuAllocator packs small ones into buffers, and evicts until one of those is empty", (bench) => {
  const { gpu } = bench;
  const evicted: number[] = [];
  const onEvict = (handle: number): void => void evicted.push(handle);
  const handles = Array.from({ length: 12 }, (_, i) => {
    return gpu.alloc(10 * KIB, { lifetime: "Streaming", importance: i, onEvict });
  });
  assertEquals(gpu.dump().heaps[2]!.blocks.map(({ isStreaming }) => isStreaming), [true, true]);
  const other = gpu.alloc(10 * KIB);
  // What lives long is in none of theirs.
  assertEquals([gpu.isLive(other), evicted], [true, handles.slice(0, 6)]);
  checkCharges(bench);
}, { gpu: { ...BLOCKS, budget: { hard: 130 * KIB } } });

conform("GpuAllocator can be used in the callback of an eviction", (bench) => {
  const { gpu } = bench;
  const evicted: number[] = [];
  const inside: number[] = [];
  const options = { lifetime: "Streaming", use: "vertex" } as const;
  const onEvict = (handle: number): void => {
    evicted.push(handle);
    // Nothing else is evicted for it.
    const another = gpu.tryAlloc(1000);
    if (another !== undefined) inside.push(another);
    gpu.defragment();
    gpu.dump();
    if (evicted.length === 1) gpu.free(handles[2]!);
  };
  const handles = Array.from({ length: 4 }, () => gpu.alloc(PIECE, { ...options, onEvict }));
  const large = gpu.alloc(2 * PIECE);
  gpu.trim();
  assertEquals([evicted.length >= 2, gpu.isLive(large), gpu.isLive(handles[2]!)], [true, true, false]);
  assertEquals(gpu.stats().allocations, 1 + inside.length + handles.filter((handle) => gpu.isLive(handle)).length);
  checkCharges(bench);
}, FOUR);

conform("GpuAllocator leaves nothing behind if the callback of an eviction throws", (bench) => {
  const { gpu } = bench;
  const first = gpu.alloc(3 * PIECE, {
    lifetime: "Streaming",
    onEvict: () => {
      throw new Error("of the program");
    },
  });
  assertThrows(() => gpu.alloc(2 * PIECE, { intent: "HostVisible", use: "storage" }), Error, "of the program");
  assertEquals([gpu.isLive(first), gpu.stats().allocations, gpu.stats().reserved], [false, 0, 0]);
  checkCharges(bench);
  assertEquals(bench.alloc.stats().tags.filter(({ inUse }) => inUse.gpu !== 0), []);
}, FOUR);

conform("GpuAllocator evicts neither of the two for a copy from one to the other", async (bench) => {
  const { gpu } = bench;
  const evicted: string[] = [];
  const options = { lifetime: "Streaming", onEvict: () => evicted.push("one of the two") } as const;
  const one = gpu.alloc(24 * KIB, options);
  const two = gpu.alloc(24 * KIB, options);
  gpu.write(one, counting(24 * KIB, 3));
  assertEquals(codeOf(() => gpu.copy(one, two)), "FA352"); // as there is no room for what lies between
  assertEquals(evicted, []);
  const other = gpu.alloc(10 * KIB, { lifetime: "Streaming", use: "vertex", onEvict: () => evicted.push("the other") });
  gpu.free(other);
  gpu.copy(one, two, { bytes: 8 * KIB });
  assertEquals(digest(await gpu.read(two, { bytes: 8 * KIB })), digest(counting(8 * KIB, 3)));
  assertEquals([evicted, gpu.stats().allocations], [[], 2]);
  checkCharges(bench);
}, { gpu: { ...BLOCKS, budgets: { storage: { hard: 80 * KIB } } } });

// Uploads over several frames

conform(
  "GpuAllocator streams so many bytes at the end of each frame, the important ones first",
  async ({ gpu, note }) => {
    const large = gpu.alloc(100 * KIB, { zero: true });
    const small = gpu.alloc(10 * KIB, { zero: true });
    const order: string[] = [];
    const bytes = counting(90 * KIB, 1);
    const streams = [
      gpu.stream(large, bytes, { offset: 8 }).then(() => order.push("large")),
      gpu.stream(small, counting(10 * KIB, 5), { importance: 1 }).then(() => order.push("small")),
    ];
    const waiting: number[] = [];
    for (let frame = 0; frame < 5; frame++) {
      waiting.push(gpu.stats().uploads.streaming);
      frames(gpu, 1);
    }
    await Promise.all(streams);
    note("waiting", waiting);
    assertEquals(waiting, [100, 76, 52, 28, 4].map((kib) => kib * KIB));
    assertEquals([order, gpu.stats().uploads.streaming], [["small", "large"], 0]);
    assertEquals(digest(await gpu.read(small)), digest(counting(10 * KIB, 5)));
    const expected = new Uint8Array(100 * KIB);
    expected.set(bytes, 8);
    assertEquals(digest(await gpu.read(large)), digest(expected));
    await gpu.stream(large, new Uint8Array(0));
  },
  { gpu: { streamBytesPerFrame: 24 * KIB } },
);

conform("GpuAllocator streams to where an allocation has moved", async ({ gpu }) => {
  const handles = Array.from({ length: 12 }, () => gpu.alloc(10 * KIB, { zero: true }));
  const moving = handles[7]!;
  const done = gpu.stream(moving, counting(10 * KIB, 9));
  frames(gpu, 1);
  for (const [i, handle] of handles.entries()) if (i > 2 && i !== 7) gpu.free(handle);
  const version = gpu.version(moving);
  assertEquals(gpu.defragment(), { moved: 1, bytes: 10 * KIB, copies: 1, buffers: 1 });
  assertEquals(gpu.version(moving), version + 1);
  frames(gpu, 2);
  await done;
  assertEquals(digest(await gpu.read(moving)), digest(counting(10 * KIB, 9)));
}, { gpu: { ...BLOCKS, streamBytesPerFrame: 4 * KIB } });

conform("GpuAllocator cancels the stream to what was freed or evicted, or whose bytes are gone", async (bench) => {
  const { gpu } = bench;
  const freed = gpu.alloc(PIECE);
  const evicted = gpu.alloc(PIECE, { lifetime: "Streaming" });
  const kept = gpu.alloc(PIECE);
  const gone = new Uint8Array(PIECE);
  const streams = [
    gpu.stream(freed, counting(PIECE)),
    gpu.stream(evicted, counting(PIECE)),
    gpu.stream(kept, gone),
    gpu.stream(kept, counting(1000, 3)),
  ].map((stream) => rejection(() => stream));
  gpu.free(freed);
  gpu.alloc(2 * PIECE); // in the place of the evicted one
  gone.buffer.transfer();
  frames(gpu, 1);
  assertEquals(await Promise.all(streams), ["FA858", "FA858", "FA858", "none"]);
  assertEquals([gpu.isLive(evicted), gpu.stats().uploads.streaming], [false, 0]);
  assertEquals(await gpu.read(kept, { bytes: 1000 }), counting(1000, 3));
}, { gpu: { ...BLOCKS, budgets: { storage: { hard: 3 * PIECE } } } });

conform("GpuAllocator refuses streams that make no sense", async ({ gpu }) => {
  const handle = gpu.alloc(64, { zero: true });
  for (
    const [code, data, options] of [
      ["FA009", counting(68), {}],
      ["FA009", counting(4), { offset: 64 }],
      ["FA009", counting(4), { offset: -4 }],
      ["FA008", counting(6), {}],
      ["FA008", counting(4), { offset: 2 }],
      ["FA008", counting(4), { importance: NaN }],
      ["FA008", null, {}],
    ] as const
  ) assertEquals(await rejection(() => gpu.stream(handle, data as Uint8Array, options)), code);
  assertEquals([gpu.stats().uploads.streaming, await gpu.read(handle)], [0, new Uint8Array(64)]);
});

onNull(
  "GpuAllocator fails the streams that wait when it is disposed of, or the device is lost",
  async ({ gpu, backend }) => {
    const lost = gpu.stream(gpu.alloc(64), counting(64));
    backend.lose();
    assertEquals(await rejection(() => lost), "FA857");
    await gpu.recover();
    const disposed = gpu.stream(gpu.alloc(64), counting(64));
    gpu.dispose();
    assertEquals(await rejection(() => disposed), "FA012");
  },
);

// Use together

conform("GpuAllocator says who cannot be used with whom in one dispatch", ({ gpu }) => {
  const cells = gpu.alloc(64, { name: "cells" });
  const forces = gpu.alloc(64, { name: "forces" });
  const alone = gpu.alloc(64, { isolate: true, name: "alone" });
  const view = gpu.alloc(64, { use: "uniform" });
  const read = (handle: number) => ({ handle, access: "read" }) as const;
  const write = (handle: number) => ({ handle, access: "write" }) as const;
  gpu.checkScope([]);
  gpu.checkScope([read(cells), read(forces), read(view), write(alone)]);
  gpu.checkScope([write(cells), write(forces), read(alone), read(view)]);
  for (
    const uses of [[read(cells), write(forces)], [write(alone), read(view), read(alone)], [write(view), read(view)]]
  ) {
    assertEquals(codeOf(() => gpu.checkScope(uses)), "FA852");
  }
  const message = (assertThrows(() => gpu.checkScope([write(forces), read(cells)])) as Error).message;
  assertStringIncludes(message, 'Cannot read GPU allocation "cells" and write GPU allocation "forces" in one scope');
  for (const uses of [null, 7, [null], [{ handle: cells, access: "both" }]]) {
    assertEquals(codeOf(() => gpu.checkScope(uses as never)), "FA008");
  }
});
