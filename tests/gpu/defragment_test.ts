/**
 * Buffers that are less than half full are emptied into others: contents stay, numbers stay valid, and whoever made something of a place
 * hears of it.
 */

import { assertEquals, assertThrows } from "@std/assert";
import { type Bench, checkCharges, conform, frames, KIB, places } from "./_conformance.ts";
import { counting } from "./_bytes.ts";

/** Buffers of 64 KB, each for eight of these. */
const BLOCKS = { gpu: { blockSize: 64 * KIB, maxBlockSize: 64 * KIB } };
const EIGHTH = 8 * KIB;

/** Three buffers with two allocations left in the first, three in the second, and all in the third. */
function scattered({ gpu }: Bench, options: Parameters<Bench["gpu"]["alloc"]>[1] = {}): number[] {
  const handles = Array.from({ length: 24 }, (_, i) => {
    const handle = gpu.alloc(EIGHTH, { name: `${i}`, ...options });
    gpu.write(handle, counting(EIGHTH, i));
    return handle;
  });
  const kept = [1, 2, 9, 11, 14];
  for (let i = 0; i < 16; i++) if (!kept.includes(i)) gpu.free(handles[i]!);
  return kept.map((i) => handles[i]!).concat(handles.slice(16));
}

/** Whether what {@linkcode scattered} wrote is still there. */
async function check({ gpu }: Bench, handles: readonly number[]): Promise<void> {
  const seeds = [1, 2, 9, 11, 14, 16, 17, 18, 19, 20, 21, 22, 23];
  const reads = handles.map((handle) => gpu.read(handle));
  for (const [i, read] of reads.entries()) assertEquals(await read, counting(EIGHTH, seeds[i]!), `${seeds[i]}`);
}

conform("GpuAllocator empties what is less than half full, with neighbours in one copy", async (bench) => {
  const { gpu, note } = bench;
  const moved: number[] = [];
  const onMove = (handle: number): void => void moved.push(handle);
  const handles = scattered(bench, { onMove });
  await gpu.settled();
  const versions = handles.map((handle) => gpu.version(handle));
  const before = places(gpu, handles);
  const result = gpu.defragment();
  assertEquals(result, { moved: 2, bytes: 2 * EIGHTH, copies: 1, buffers: 1 });
  assertEquals(moved, handles.slice(0, 2));
  assertEquals(gpu.stats().heaps.storage.buffers, 2);
  assertEquals(handles.map((handle, i) => gpu.version(handle) - versions[i]!), [1, 1, ...Array(11).fill(0)]);
  const after = places(gpu, handles);
  note("places", [before, after]);
  assertEquals(new Set(after).size, handles.length);
  await check(bench, handles);
  assertEquals(gpu.defragment(), { moved: 0, bytes: 0, copies: 0, buffers: 0 }); // there is nothing left to gain
  assertEquals([gpu.stats().moves, gpu.stats().heaps.storage.used], [2, 13 * EIGHTH]);
  for (const handle of handles) gpu.free(handle);
  checkCharges(bench);
}, BLOCKS);

conform("GpuAllocator moves no more than it is told at once, and goes on the next time", async (bench) => {
  const { gpu } = bench;
  const handles = scattered(bench);
  await gpu.settled();
  assertEquals(gpu.defragment({ maxBytes: EIGHTH - 1 }).moved, 0);
  assertEquals(gpu.defragment({ maxMoves: 0 }).moved, 0);
  assertEquals(gpu.defragment({ maxMoves: 1 }), { moved: 1, bytes: EIGHTH, copies: 1, buffers: 0 });
  await check(bench, handles);
  assertEquals(gpu.defragment({ maxBytes: EIGHTH }), { moved: 1, bytes: EIGHTH, copies: 1, buffers: 1 });
  await check(bench, handles);
}, BLOCKS);

conform("GpuAllocator leaves a buffer alone in which something is pinned", async (bench) => {
  const { gpu } = bench;
  const handles = scattered(bench);
  await gpu.settled();
  gpu.pin(handles[0]!);
  gpu.pin(handles[0]!);
  const where = places(gpu, handles.slice(0, 2));
  assertEquals(gpu.defragment().moved, 3); // the second buffer goes instead
  assertEquals(places(gpu, handles.slice(0, 2)), where);
  gpu.unpin(handles[0]!);
  const other = scattered(bench);
  await gpu.settled();
  gpu.defragment();
  assertEquals(places(gpu, handles.slice(0, 2)), where);
  gpu.unpin(handles[0]!);
  await check(bench, handles);
  await check(bench, other);
}, BLOCKS);

conform("GpuAllocator keeps alignments, and moves what is streamed among its like only", async (bench) => {
  const { gpu } = bench;
  const aligned = scattered(bench, { align: 4096 });
  const streamed = scattered(bench, { lifetime: "Streaming" });
  await gpu.settled();
  gpu.defragment();
  for (const handle of aligned) assertEquals(gpu.offset(handle) % 4096, 0);
  for (const block of gpu.dump().heaps[2]!.blocks) {
    for (const { lifetime } of block.allocations) assertEquals(lifetime === "Streaming", block.isStreaming);
  }
  assertEquals(gpu.stats().heaps.storage.buffers, 4);
  await check(bench, aligned);
  await check(bench, streamed);
}, BLOCKS);

conform(
  "GpuAllocator moves what was not flushed yet, and what is read, streamed and freed meanwhile",
  async (bench) => {
    const { gpu } = bench;
    const handles = scattered(bench, { intent: "HostVisible", use: "storage" });
    await gpu.settled();
    const plain = gpu.alloc(EIGHTH, { zero: true });
    gpu.beginFrame();
    gpu.write(handles[0]!, counting(EIGHTH, 99));
    const read = gpu.read(handles[0]!);
    const stream = gpu.stream(plain, counting(EIGHTH, 55));
    assertEquals(gpu.defragment().moved > 0, true);
    gpu.write(handles[1]!, counting(100, 44), 8);
    gpu.free(handles[2]!);
    gpu.endFrame();
    await stream;
    assertEquals([await read, await gpu.read(plain)], [counting(EIGHTH, 99), counting(EIGHTH, 55)]);
    const expected = counting(EIGHTH, 2);
    expected.set(counting(100, 44), 8);
    assertEquals(await gpu.read(handles[1]!), expected);
    frames(gpu, 1);
  },
  BLOCKS,
);

conform("GpuAllocator tells all that have moved, whatever one of them does", async (bench) => {
  const { gpu } = bench;
  const told: number[] = [];
  const inside: number[] = [];
  const onMove = (handle: number): void => {
    told.push(handle);
    assertEquals(gpu.offset(handle) >= 0, true);
    inside.push(gpu.alloc(EIGHTH));
    gpu.dump();
    if (told.length === 1) throw new Error("of the program");
    gpu.free(handles[0]!);
    gpu.free(handles[2]!);
  };
  const handles = Array.from({ length: 24 }, () => gpu.alloc(EIGHTH, { onMove }));
  for (let i = 3; i < 8; i++) gpu.free(handles[i]!);
  gpu.free(handles[8]!);
  gpu.free(handles[9]!);
  gpu.free(handles[10]!);
  await gpu.settled();
  assertThrows(() => gpu.defragment(), Error, "of the program");
  assertEquals(told, handles.slice(0, 2)); // the third was freed by then
  assertEquals(gpu.stats().allocations, 16 - 2 + inside.length);
  checkCharges(bench);
}, BLOCKS);
