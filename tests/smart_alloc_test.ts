/**
 * The two allocators as wholes: frames alone, the report on everything, and giving memory back.
 */

import {
  AllocConfig,
  array,
  f32,
  f64,
  FrameAlloc,
  FrameAllocError,
  type HeapBlock,
  kilobytes,
  SmartAlloc,
  struct,
  u32,
  u8,
  vec3f,
} from "@framealloc/core";
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { SAFETIES, SUPPORTED } from "./frame/_sources.ts";
import { CountingSource } from "./memory/_counting_source.ts";

const Body = struct("Body", { id: u32, at: vec3f, mass: f32 });
const Large = struct("Large", { data: array(f64, 1000) });

function members(type: { readonly prototype: object }): string[] {
  return Object.getOwnPropertyNames(type.prototype).filter((name) => name !== "constructor");
}

Deno.test("FrameAlloc has the methods of frames, and SmartAlloc adds those of everything else", () => {
  assertStrictEquals(Object.getPrototypeOf(SmartAlloc), FrameAlloc);
  const frames = members(FrameAlloc);
  for (const name of frames) {
    assert(
      /[fF]rame|scope|checkpoint|rollback|speculative|[pP]hase|[tT]ag|publish|previous|stats|trim|dispose/.test(name),
      name,
    );
  }
  const added = members(SmartAlloc).filter((name) => !name.startsWith("$") && !frames.includes(name));
  assertEquals(added.sort(), [
    "asyncGuard",
    "budgets",
    "endFrameWithPromotions",
    "frameRetained",
    "frameWithImportance",
    "groups",
    "handles",
    "heapAlloc",
    "heapBox",
    "kernels",
    "leaks",
    "objectPool",
    "poolAlloc",
    "poolBox",
    "poolFree",
    "promote",
    "scratchPool",
    "streaming",
    "tryHeapAlloc",
    "tryHeapBox",
    "tryPoolAlloc",
    "tryPoolBox",
  ]);
});

for (const { source, safety, name } of SUPPORTED) {
  Deno.test(`FrameAlloc works alone on ${name}`, () => {
    const alloc = new FrameAlloc({ source, safety, frameArenaSize: kilobytes(4), framesAlive: 2 });
    assertEquals(Object.keys(alloc.stats()), ["frame", "totals", "tags", "phases"]);
    let last: Float32Array | undefined;
    for (let frame = 1; frame <= 5; frame++) {
      using _frame = alloc.frame();
      const slice = alloc.frameSlice(Float32Array, 100).fill(frame);
      const body = alloc.frameAlloc(Body);
      body.id = frame;
      const bodies = alloc.withTag("physics", (inner) => inner.frameVec(Body));
      for (let i = 0; i < 200; i++) bodies.push({ id: i });
      const rest = alloc.speculative(() => {
        alloc.frameAllocBatch(Body, 100);
        throw new Error("no");
      });
      alloc.beginPhase("update");
      const columns = alloc.frameColumns(Body, 10);
      columns.mass.fill(2);
      alloc.endPhase();
      assertEquals([rest.success, body.id, bodies.at(199).id, columns.mass[9]], [false, frame, 199, 2]);
      if (last !== undefined) assert(last.every((value) => value === frame - 1));
      alloc.publish("slice", slice);
      assertStrictEquals(alloc.previous(0)?.get("slice"), slice);
      last = slice;
    }
    const { totals, tags } = alloc.stats();
    assertEquals([totals.frames, tags.some(({ path }) => path === "physics")], [5, true]);
    assert(alloc.trim() >= 0);
    assertEquals(alloc.dispose() as unknown, undefined);
    assertEquals([alloc.stats().frame.reserved, alloc.inFrame], [0, false]);
    assertThrows(() => alloc.beginFrame(), FrameAllocError, "FA012");
  });
}

Deno.test("FrameAlloc keeps to memoryLimit, or refuses the option", () => {
  const error = assertThrows(() => {
    const alloc = new FrameAlloc({ memoryLimit: kilobytes(64), frameArenaSize: kilobytes(16) });
    alloc.beginFrame();
    alloc.frameSlice(Uint8Array, kilobytes(256));
  }, FrameAllocError);
  assert(error.code === "FA351" || error.code === "FA010", error.message);
});

Deno.test("SmartAlloc keeps to memoryLimit, whatever the memory is for", () => {
  const uses: Record<string, (alloc: SmartAlloc) => unknown> = {
    frame: (alloc) => alloc.frameSlice(Uint8Array, kilobytes(256)),
    pool: (alloc) => Array.from({ length: 500 }, () => alloc.poolAlloc(array(u8, 1024))),
    "large records": (alloc) => alloc.poolAlloc(array(u8, kilobytes(256))),
    heap: (alloc) => alloc.heapAlloc(kilobytes(256)),
    box: (alloc) => alloc.heapBox(array(u8, kilobytes(256))),
    handles: (alloc) => Array.from({ length: 500 }, () => alloc.handles.alloc(array(u8, 1024))),
    groups: (alloc) => alloc.groups.create("g", { size: 1024 }).allocSlice(Uint8Array, kilobytes(256)),
    scratch: (alloc) => alloc.scratchPool("s", { size: 1024 }).allocSlice(Uint8Array, kilobytes(256)),
  };
  for (const [name, use] of Object.entries(uses)) {
    const source = new CountingSource();
    const alloc = new SmartAlloc({ source, memoryLimit: kilobytes(200), frameArenaSize: kilobytes(16) });
    using _frame = alloc.frame();
    const error = assertThrows(() => use(alloc), FrameAllocError);
    assertEquals(error.code, "FA351", `${name}: ${error.message}`);
    assert(source.bytes <= kilobytes(200), name);
    const [global] = alloc.stats().budgets;
    assertEquals([global?.name, global?.hard, global?.used], ["global", kilobytes(200), source.bytes], name);
  }
  const alloc = new SmartAlloc({ memoryLimit: kilobytes(200) });
  assertEquals(alloc.streaming.budget, kilobytes(50)); // a quarter
  assertEquals(alloc.streaming.reserve(kilobytes(51)), undefined);
});

Deno.test("stats() tells of every part, to the byte", () => {
  for (const safety of SAFETIES) {
    const source = new CountingSource();
    const alloc = new SmartAlloc({ source, safety, frameArenaSize: kilobytes(4), poolPageSize: kilobytes(4) });
    alloc.budgets.setGlobal({ soft: 2 ** 30 });
    alloc.budgets.setTag("level", { hard: 2 ** 30 });
    const child = alloc.budgets.child("textures");
    const objects = alloc.objectPool(() => ({}), { name: "objects", capacity: 3 });
    alloc.beginFrame();
    alloc.withTag("level", () => {
      alloc.frameSlice(Uint8Array, 100);
      alloc.poolAlloc(Body);
      alloc.poolBox(f32);
      alloc.poolAlloc(Large);
      alloc.heapAlloc(100);
      alloc.heapBox(Body);
      alloc.handles.pin(alloc.handles.alloc(Body));
      alloc.handles.alloc(Large);
      alloc.groups.create("world", { size: 1024 }).alloc(Body);
      alloc.scratchPool("paths", { size: 1024 }).allocSlice(Uint8Array, 10);
      alloc.streaming.reserve(1000);
    });
    alloc.heapAlloc(500).free();
    objects.lease();
    const stats = alloc.stats();
    assertEquals(Object.keys(stats).sort(), [
      "budgets",
      "frame",
      "groups",
      "handles",
      "heap",
      "kernels",
      "leases",
      "objectPools",
      "phases",
      "pool",
      "scratch",
      "streaming",
      "tags",
      "tasks",
      "totals",
    ]);
    const { frame, pool, heap, handles, groups, scratch, streaming, objectPools, tags, budgets } = stats;
    assertEquals([frame.used, frame.allocations, frame.reserved], [112, 1, kilobytes(4)]);
    assertEquals([pool.live, pool.large, pool.bytes, pool.reserved, pool.idle], [3, 1, 32 + 16, kilobytes(8), 0]);
    assertEquals(pool.sizes.filter(({ live }) => live > 0).map(({ bytes, pages }) => [bytes, pages]), [[16, 1], [
      32,
      1,
    ]]);
    const inBlocks = 112 + 32 + 8000 + 8000 + 1008;
    assertEquals(heap, { live: 2, bytes: inBlocks, reserved: inBlocks + 512, idle: 512, reuses: 0 });
    assertEquals([handles.live, handles.pinned, handles.bytes, handles.reserved], [2, 1, 32, kilobytes(4)]);
    assertEquals(groups, [{ path: "world", used: 32, reserved: 1024, allocations: 1 }]);
    assertEquals(scratch, [{ name: "paths", used: 16, peak: 16, reserved: 1024, resets: 0 }]);
    assertEquals([streaming.reserved, streaming.reservedCount, streaming.readyCount], [1000, 1, 0]);
    assertEquals(objectPools, [{ name: "objects", live: 1, free: 2, peak: 1, acquired: 1 }]);
    assertEquals(tags.map(({ path, inUse }) => [path, inUse]), [["level", {
      frame: 112,
      pool: 32 + 16 + 8000,
      heap: 112 + 32,
      handles: 32 + 8000,
      groups: 32,
      scratch: 16,
      streaming: 1008,
      tasks: 0,
      gpu: 0,
    }]]);
    const all = Object.values(tags[0]!.inUse).reduce((sum, bytes) => sum + bytes);
    assertEquals(budgets.map(({ name, used }) => [name, used]), [
      ["global", source.bytes],
      ["level", all],
      ["textures", 0],
    ]);
    const held = frame.reserved + pool.reserved + heap.reserved + handles.reserved + 1024 + 1024;
    assertEquals(source.bytes, held);
    child.charge(50);
    assertEquals(alloc.stats().budgets[0]?.used, held + 50);
    // Plain data, and reading it changes nothing.
    assertEquals(structuredClone(stats), stats);
    child.uncharge(50);
    assertEquals({ ...alloc.stats(), budgets }, stats);
  }
});

Deno.test("stats(), leaks() and the parts ask for no memory by themselves", () => {
  const source = new CountingSource();
  const alloc = new SmartAlloc({ source });
  const { handles, groups, streaming, budgets } = alloc;
  const { frame, pool, heap } = alloc.stats();
  assertEquals([frame.reserved, pool.reserved, heap.reserved, source.bytes], [0, 0, 0, 0]);
  assertEquals([alloc.leaks(), alloc.trim()], [[], 0]);
  assertStrictEquals(alloc.handles, handles);
  assertStrictEquals(alloc.groups, groups);
  assertStrictEquals(alloc.streaming, streaming);
  assertStrictEquals(alloc.budgets, budgets);
  assertStrictEquals(alloc.scratchPool("s"), alloc.scratchPool("s"));
});

Deno.test("trim() gives back what it says, and nothing that is in use", () => {
  for (const safety of SAFETIES) {
    const source = new CountingSource();
    const alloc = new SmartAlloc({
      source,
      safety,
      frameArenaSize: kilobytes(4),
      poolPageSize: kilobytes(4),
      poolIdlePages: 100,
    });
    alloc.budgets.setGlobal({});
    const scratch = alloc.scratchPool("s", { size: 1024 });
    const objects = alloc.objectPool(() => ({}), { capacity: 2 });
    for (let i = 0; i < 2; i++) {
      using _frame = alloc.frame();
      alloc.frameSlice(Uint8Array, kilobytes(100)).fill(i);
    }
    const records = Array.from({ length: 500 }, (_, id) => alloc.poolBox(Body, { id }));
    const handles = Array.from({ length: 500 }, (_, id) => alloc.handles.alloc(Body, { id }));
    const blocks: HeapBlock[] = Array.from({ length: 20 }, () => alloc.heapAlloc(kilobytes(1)));
    blocks.forEach((block, i) => block.bytes.fill(i));
    const kept = scratch.allocSlice(Uint8Array, 100).fill(7);
    const leased = Array.from({ length: 5 }, () => objects.acquire());
    for (const object of leased) objects.release(object);
    for (const record of records.slice(1)) record.free();
    for (const handle of handles.slice(1)) alloc.handles.free(handle);
    for (const block of blocks.slice(1)) block.free();

    const before = { bytes: source.bytes, ...alloc.stats() };
    const idle = before.pool.idle + before.heap.idle;
    const freed = alloc.trim();
    const after = alloc.stats();
    assertEquals(freed, before.bytes - source.bytes);
    assertEquals(freed, before.budgets[0]!.used - after.budgets[0]!.used);
    const parts = (["frame", "pool", "heap", "handles"] as const).map((part) =>
      before[part].reserved - after[part].reserved
    );
    assertEquals(freed, parts.reduce((sum, bytes) => sum + bytes));
    assert(parts.every((bytes) => bytes >= kilobytes(10)), `${parts}`);
    assert(freed > idle);
    assertEquals([after.pool.idle, after.heap.idle, after.frame.reserved], [0, 0, kilobytes(4)]);
    assertEquals([before.objectPools[0]?.free, after.objectPools[0]?.free], [5, 2]);
    assertEquals(alloc.trim(), 0);

    assertEquals([records[0]!.value.id, alloc.handles.resolve(handles[0]!).id], [0, 0]);
    assert(blocks[0]!.bytes.every((byte) => byte === 0) && kept.every((byte) => byte === 7));
    assertEquals([after.pool.live, after.handles.live, after.heap.live], [1, 1, 1]);

    // It goes on as before.
    using _frame = alloc.frame();
    alloc.frameSlice(Uint8Array, kilobytes(100)).fill(1);
    assertEquals(alloc.poolBox(Body, { id: 5 }).value.id, 5);
    assertEquals(alloc.heapAlloc(kilobytes(1)).bytes[0], 0);
  }
});

Deno.test("trim() gives back what scratch pools have grown by", () => {
  const source = new CountingSource();
  const alloc = new SmartAlloc({ source });
  const scratch = alloc.scratchPool("s", { size: 1024 });
  scratch.allocSlice(Uint8Array, kilobytes(100));
  scratch.reset();
  scratch.allocSlice(Uint8Array, kilobytes(100)).fill(3);
  assertEquals([alloc.trim(), scratch.used], [0, kilobytes(100)]); // in use
  scratch.reset();
  const before = source.bytes;
  assert(before >= kilobytes(100));
  assertEquals(alloc.trim(), before - 1024);
  assertEquals([source.bytes, scratch.reserved], [1024, 1024]);
});

Deno.test("trim() while a frame is open keeps what it has", () => {
  for (const safety of SAFETIES) {
    const source = new CountingSource();
    const alloc = new SmartAlloc({ source, safety, frameArenaSize: kilobytes(4) });
    alloc.beginFrame();
    const slices = Array.from({ length: 20 }, (_, i) => alloc.frameSlice(Uint8Array, kilobytes(1)).fill(i));
    const scope = alloc.scope();
    alloc.frameSlice(Uint8Array, kilobytes(50));
    scope.end();
    alloc.heapAlloc(kilobytes(1)).free();
    const before = source.bytes;
    assertEquals(alloc.trim(), before - source.bytes);
    assert(before - source.bytes >= kilobytes(51));
    slices.forEach((slice, i) => assert(slice.length === 1024 && slice.every((byte) => byte === i)));
    alloc.endFrame();
  }
});

Deno.test("every preset makes an allocator on which everything works", () => {
  for (const [name, preset] of Object.entries(AllocConfig)) {
    const alloc = new SmartAlloc((preset as () => AllocConfig)());
    using _frame = alloc.frame();
    const boxes = [alloc.poolBox(Body, { id: 1 }), alloc.heapBox(Body, { id: 1 }), alloc.poolBox(Body, { id: 1 })];
    const large = alloc.poolAlloc(Large);
    large.data.fill(2);
    const handle = alloc.handles.alloc(Body, { id: 1 });
    const group = alloc.groups.create("g").allocBox(Body, { id: 1 });
    const scratch = alloc.scratchPool("s").allocBox(Body, { id: 1 });
    const promoted = alloc.promote(alloc.frameBox(Body, { id: 1 }).value);
    const records = [...boxes.map((box) => box.value), group.value, scratch.value, promoted.record];
    for (const record of [...records, alloc.handles.resolve(handle)]) assertEquals(record.id, 1, name);
    const asset = alloc.streaming.reserve(100)!;
    assertEquals([large.data.at(999), alloc.streaming.beginLoad(asset).length], [2, 100], name);
    const { stats } = (preset as () => AllocConfig)();
    assertEquals(alloc.stats().tags.length > 0, stats === "tags", name);
    assertEquals(alloc.leaks().length, 8, name);
  }
});
