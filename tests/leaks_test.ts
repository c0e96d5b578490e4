/**
 * What is left over: the report that leaks() and dispose() give of it, and that after dispose() nothing works and all memory is
 * given back.
 */

import {
  type AllocConfig,
  array,
  type ErrorCode,
  f32,
  f64,
  FrameAllocError,
  kilobytes,
  type Leak,
  RetentionPolicy,
  SmartAlloc,
  struct,
  u32,
  vec3f,
} from "@framealloc/core";
import { type ChunkSource, wasmSource } from "@framealloc/core/memory";
import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { SAFETIES, SUPPORTED } from "./frame/_sources.ts";
import { CountingSource } from "./memory/_counting_source.ts";

const Body = struct("Body", { id: u32, at: vec3f, mass: f32 });
const Large = struct("Large", { data: array(f64, 1000) });

/** Allocates of everything once, and says what has to be reported of it. Whose a group is, is known where tags are counted. */
function fill(alloc: SmartAlloc, countsTags: boolean = true): readonly Leak[] {
  const waitOneFrame = (): void => {
    alloc.beginFrame();
    alloc.frameSlice(Uint8Array, 100);
    alloc.endFrame();
  };
  const records = alloc.objectPool(() => ({ x: 0 }), { name: "records", capacity: 3 });
  alloc.withTag("level", () => {
    alloc.poolAlloc(Body);
    alloc.poolAlloc(Large);
    alloc.withTag("ai", () => alloc.poolBox(f32, 1));
    waitOneFrame();
    alloc.heapAlloc(100);
    alloc.heapBox(Body);
    alloc.handles.alloc(Body);
    alloc.handles.alloc(Large);
  });
  waitOneFrame();
  const group = alloc.groups.create("world");
  alloc.withTag("level", () => group.alloc(Body));
  alloc.withTag("props", () => group.createGroup("trees").allocSlice(Uint8Array, 1000));
  alloc.withTag("level", () => alloc.streaming.reserve(5000, { name: "rock" }));
  const ready = alloc.streaming.reserve(64, { tag: "level::music" })!;
  alloc.streaming.beginLoad(ready);
  alloc.streaming.finishLoad(ready);
  alloc.scratchPool("paths").alloc(Body); // freed with the allocator, and by nobody before
  records.lease();
  records.acquire();
  records.release(records.acquire());
  waitOneFrame();
  const tag = (path: string): string => countsTags ? path : "";
  return [
    { kind: "pool record", name: "f32", tag: "level::ai", bytes: 16, age: 3 },
    { kind: "pool record", name: "Body", tag: "level", bytes: 32, age: 3 },
    { kind: "pool record", name: "Large", tag: "level", bytes: 8000, age: 3 },
    { kind: "heap block", name: "heap block", tag: "level", bytes: 100, age: 2 },
    { kind: "heap block", name: "Body", tag: "level", bytes: 20, age: 2 },
    { kind: "handle", name: "Body", tag: "level", bytes: 32, age: 2 },
    { kind: "handle", name: "Large", tag: "level", bytes: 8000, age: 2 },
    { kind: "group", name: "world", tag: tag("level"), bytes: 32, age: 1 },
    { kind: "group", name: "world/trees", tag: tag("props"), bytes: 1008, age: 1 },
    { kind: "streaming asset", name: "rock", tag: "level", bytes: 5000, age: 1 },
    { kind: "streaming asset", name: "asset", tag: "level::music", bytes: 64, age: 1 },
    { kind: "pool object", name: "records", tag: "", bytes: 0, age: 0 },
    { kind: "pool object", name: "records", tag: "", bytes: 0, age: 0 },
  ];
}

function sorted(leaks: readonly Leak[]): Leak[] {
  const key = ({ kind, name, tag, bytes }: Leak): string => `${kind} ${name} ${tag} ${bytes}`;
  return [...leaks].sort((a, b) => key(a) < key(b) ? -1 : 1);
}

for (const { source, safety, name } of SUPPORTED) {
  for (const stats of ["tags", "off"] as const) {
    Deno.test(`dispose() reports what was not freed and gives all memory back on ${name}, stats "${stats}"`, () => {
      const told: (readonly Leak[])[] = [];
      const counting = new CountingSource(source as ChunkSource);
      const onLeaks = (leaks: readonly Leak[]): void => void told.push(leaks);
      const alloc = new SmartAlloc({ source: counting, safety, stats, onLeaks, framesAlive: 2 });
      alloc.budgets.setGlobal({ hard: 2 ** 40 });
      const expected = fill(alloc, stats === "tags");
      alloc.beginFrame();
      alloc.frameSlice(Uint8Array, 100);
      const reported = alloc.leaks();
      const aged = expected.map((leak) => leak.kind === "pool object" ? leak : { ...leak, age: leak.age + 1 });
      assertEquals(sorted(reported), sorted(aged));
      assertEquals([counting.chunks > 0, told.length], [true, 0]);
      const leaks = alloc.dispose();
      assertEquals(leaks, reported);
      assertEquals(told.length, 1);
      assertStrictEquals(told[0], leaks);
      assertEquals([counting.chunks, counting.obtained > 5], [0, true]);
      const { tags, budgets, frame, pool, heap, handles, groups, scratch, streaming } = alloc.stats();
      for (const tag of tags) assert(Object.values(tag.inUse).every((bytes) => bytes === 0), tag.path);
      assertEquals(budgets[0]?.used, 0);
      assertEquals([frame.reserved, pool.reserved, heap.reserved, handles.reserved, streaming.reserved], [
        0,
        0,
        0,
        0,
        0,
      ]);
      assertEquals([frame.alive, pool.live, heap.live, handles.live, groups, scratch], [0, 0, 0, 0, [], []]);
      assertEquals([alloc.dispose(), alloc.trim(), told.length], [[], 0, 1]);
      alloc[Symbol.dispose]();
      assertEquals([told.length, counting.chunks], [1, 0]);
    });
  }
}

Deno.test("dispose() says nothing when nothing is left", () => {
  let calls = 0;
  const source = new CountingSource();
  const alloc = new SmartAlloc({ source, onLeaks: () => calls++ });
  const pool = alloc.objectPool(() => ({}), { capacity: 2 });
  for (let i = 0; i < 100; i++) {
    using _frame = alloc.frame();
    alloc.frameSlice(Uint8Array, 1000);
    using _box = alloc.poolBox(Body);
    using _large = alloc.poolBox(Large);
    using _block = alloc.heapAlloc(500);
    using _group = alloc.groups.create("g");
    using _lease = pool.lease();
    alloc.handles.free(alloc.handles.alloc(Body));
    alloc.streaming.free(alloc.streaming.reserve(100)!);
    alloc.scratchPool("s").alloc(Body);
    alloc.scratchPool("s").reset();
    alloc.promote(alloc.frameAlloc(Body)).free();
    alloc.promote(alloc.frameSlice(Uint8Array, 9)).free();
  }
  assertEquals(alloc.leaks(), []);
  assertEquals([alloc.dispose(), calls, source.chunks], [[], 0, 0]);
});

Deno.test("an allocator that was never used is disposed of without asking for memory", () => {
  const source = new CountingSource();
  const alloc = new SmartAlloc({ source, onLeaks: () => assert(false) });
  assertEquals([alloc.leaks(), alloc.trim(), alloc.dispose(), source.obtained], [[], 0, [], 0]);
});

Deno.test("what outlives a frame is reported until it is freed", () => {
  for (const safety of SAFETIES) {
    const alloc = new SmartAlloc({ safety });
    alloc.beginFrame();
    const body = alloc.frameRetained(Body, RetentionPolicy.PromoteToPool);
    const copy = alloc.endFrameWithPromotions().of(body)!;
    const [record, handle] = [alloc.poolAlloc(Large), alloc.handles.alloc(Large)];
    assertEquals(alloc.leaks().map(({ kind, name, bytes }) => [kind, name, bytes]), [
      ["pool record", "Body", 32],
      ["pool record", "Large", 8000],
      ["handle", "Large", 8000],
    ]);
    copy.free();
    alloc.poolFree(record);
    assertEquals(alloc.leaks().map(({ kind }) => kind), ["handle"]);
    alloc.handles.free(handle);
    assertEquals(alloc.leaks(), []);
  }
});

Deno.test("a slot that changes hands is reported with its last owner", () => {
  for (const safety of SAFETIES) {
    const alloc = new SmartAlloc({ safety });
    const first = alloc.withTag("a", () => alloc.poolAlloc(Body));
    alloc.poolFree(first);
    for (let i = 0; i < 5; i++) alloc.frame().end();
    alloc.withTag("b", () => alloc.poolAlloc(array(f32, 8))); // in the same slot
    assertEquals(alloc.leaks(), [{ kind: "pool record", name: "array<f32, 8>", tag: "b", bytes: 32, age: 0 }]);
    const other = alloc.withTag("c", () => alloc.handles.alloc(Body));
    alloc.handles.free(other);
    alloc.frame().end();
    alloc.withTag("d", () => alloc.handles.alloc(vec3f));
    assertEquals(alloc.leaks()[1], { kind: "handle", name: "vec3f", tag: "d", bytes: 16, age: 0 });
  }
});

Deno.test("what onLeaks throws comes out of dispose(), which has given everything back by then", () => {
  const source = new CountingSource();
  const error = new Error("leaks");
  const alloc = new SmartAlloc({
    source,
    onLeaks: (leaks) => {
      assertEquals([leaks.length, source.chunks], [1, 0]);
      assertCode(["FA012"], () => alloc.heapAlloc(16));
      throw error;
    },
  });
  alloc.heapAlloc(100);
  assertStrictEquals(assertThrows(() => alloc.dispose()), error);
  assertEquals([alloc.dispose(), source.chunks], [[], 0]);
});

Deno.test("dispose() of one allocator leaves another one alone", () => {
  for (const safety of SAFETIES) {
    const [first, second] = [new SmartAlloc({ safety }), new SmartAlloc({ safety })];
    fill(first);
    const [box, handle] = [second.poolBox(Body, { id: 7 }), second.handles.alloc(Body, { id: 8 })];
    first.dispose();
    assertEquals([box.value.id, second.handles.resolve(handle).id, second.leaks().length], [7, 8, 2]);
  }
});

// After dispose

/** Everything that can be taken from an allocator before it is disposed of. */
function take(alloc: SmartAlloc) {
  const { budgets, groups, handles, streaming } = alloc;
  const group = groups.create("g");
  const objects = alloc.objectPool(() => ({}));
  const asset = streaming.reserve(100)!;
  streaming.beginLoad(asset);
  streaming.finishLoad(asset);
  const frame = alloc.frame();
  const retained = alloc.frameRetained(Body, RetentionPolicy.PromoteToPool);
  const handle = handles.alloc(Body, { id: 1 });
  return {
    alloc,
    budgets,
    groups,
    handles,
    streaming,
    group,
    objects,
    asset,
    frame,
    retained,
    handle,
    scope: alloc.scope(),
    scratch: alloc.scratchPool("s"),
    record: alloc.poolAlloc(Body),
    large: alloc.poolAlloc(Large),
    box: alloc.poolBox(Body),
    number: alloc.poolBox(f32, 1),
    block: alloc.heapAlloc(64),
    heapBox: alloc.heapBox(Body),
    heapNumber: alloc.heapBox(f32, 1),
    resolved: handles.resolve(handle),
    inGroup: group.allocBox(Body),
    inScratch: alloc.scratchPool("s").allocBox(Body),
    promoted: alloc.promote(retained),
    slice: alloc.promote(alloc.frameSlice(Uint8Array, 4)),
    lease: objects.lease(),
    object: objects.acquire(),
    child: budgets.child("textures"),
  };
}

type Taken = ReturnType<typeof take>;

/** Whatever asks for memory, or for a change. */
const FA012: Readonly<Record<string, (taken: Taken) => unknown>> = {
  beginFrame: ({ alloc }) => alloc.beginFrame(),
  endFrame: ({ alloc }) => alloc.endFrame(),
  endFrameWithSummary: ({ alloc }) => alloc.endFrameWithSummary(),
  endFrameWithPromotions: ({ alloc }) => alloc.endFrameWithPromotions(),
  frame: ({ alloc }) => alloc.frame(),
  runFrame: ({ alloc }) => alloc.runFrame(() => {}),
  frameAlloc: ({ alloc }) => alloc.frameAlloc(Body),
  frameRetained: ({ alloc }) => alloc.frameRetained(Body, RetentionPolicy.PromoteToPool),
  frameWithImportance: ({ alloc }) => alloc.frameWithImportance(Body, RetentionPolicy.Discard),
  poolAlloc: ({ alloc }) => alloc.poolAlloc(Body),
  tryPoolAlloc: ({ alloc }) => alloc.tryPoolAlloc(Body),
  "poolAlloc of a large record": ({ alloc }) => alloc.poolAlloc(Large),
  poolBox: ({ alloc }) => alloc.poolBox(Body),
  tryPoolBox: ({ alloc }) => alloc.tryPoolBox(Body),
  heapAlloc: ({ alloc }) => alloc.heapAlloc(16),
  tryHeapAlloc: ({ alloc }) => alloc.tryHeapAlloc(16),
  heapBox: ({ alloc }) => alloc.heapBox(Body),
  tryHeapBox: ({ alloc }) => alloc.tryHeapBox(Body),
  objectPool: ({ alloc }) => alloc.objectPool(() => ({})),
  scratchPool: ({ alloc }) => alloc.scratchPool("s"),
  "scratchPool of another name": ({ alloc }) => alloc.scratchPool("t"),
  "promote of a slice": ({ alloc }) => alloc.promote(new Uint8Array(4)),
  "handles.alloc": ({ handles }) => handles.alloc(Body),
  "alloc.handles.alloc": ({ alloc }) => alloc.handles.alloc(Body),
  "groups.create": ({ groups }) => groups.create("h"),
  "alloc.groups.create": ({ alloc }) => alloc.groups.create("h"),
  "group.createGroup": ({ group }) => group.createGroup("h"),
  "group.alloc": ({ group }) => group.alloc(Body),
  "group.allocBox": ({ group }) => group.allocBox(Body),
  "group.allocSlice": ({ group }) => group.allocSlice(Uint8Array, 4),
  "group.allocVec": ({ group }) => group.allocVec(Body),
  "group.allocMap": ({ group }) => group.allocMap(u32, Body),
  "group.allocString": ({ group }) => group.allocString("x"),
  "group.allocBatch": ({ group }) => group.allocBatch(Body, 4),
  "group.allocColumns": ({ group }) => group.allocColumns(Body, 4),
  "scratch.alloc": ({ scratch }) => scratch.alloc(Body),
  "scratch.allocSlice": ({ scratch }) => scratch.allocSlice(Uint8Array, 4),
  "scratch.reset": ({ scratch }) => scratch.reset(),
  "streaming.reserve": ({ streaming }) => streaming.reserve(16),
  "alloc.streaming.reserve": ({ alloc }) => alloc.streaming.reserve(16),
  "objects.acquire": ({ objects }) => objects.acquire(),
  "objects.tryAcquire": ({ objects }) => objects.tryAcquire(),
  "objects.lease": ({ objects }) => objects.lease(),
};

/** Whatever belongs to memory that has been freed with the allocator. */
const FA401: Readonly<Record<string, (taken: Taken) => unknown>> = {
  "a pool record": ({ record }) => record.id,
  "a part of a pool record": ({ record }) => record.at.x,
  "a large pool record": ({ large }) => large.data.at(0),
  "the value of a pool box": ({ box }) => box.value.id,
  "a pool box": ({ box }) => box.assign({ id: 1 }),
  "the number of a pool box": ({ number }) => number.value,
  "setting the number of a pool box": ({ number }) => number.value = 2,
  "block.bytes": ({ block }) => block.bytes,
  "block.view": ({ block }) => block.view(Float32Array),
  "the value of a heap box": ({ heapBox }) => heapBox.value.id,
  "a heap box": ({ heapBox }) => heapBox.assign({ id: 1 }),
  "the number of a heap box": ({ heapNumber }) => heapNumber.value,
  "a record of a handle": ({ resolved }) => resolved.id,
  "handles.resolve": ({ handles, handle }) => handles.resolve(handle),
  "handles.pin": ({ handles, handle }) => handles.pin(handle),
  "handles.unpin": ({ handles, handle }) => handles.unpin(handle),
  "a record of a group": ({ inGroup }) => inGroup.value.id,
  "a record of a scratch pool": ({ inScratch }) => inScratch.value.id,
  "a promoted record": ({ promoted }) => promoted.record.id,
  "a promoted slice": ({ slice }) => slice.slice,
  "streaming.access": ({ streaming, asset }) => streaming.access(asset),
  "streaming.beginLoad": ({ streaming, asset }) => streaming.beginLoad(asset),
  "streaming.reportProgress": ({ streaming, asset }) => streaming.reportProgress(asset, 1),
  "streaming.finishLoad": ({ streaming, asset }) => streaming.finishLoad(asset),
  "streaming.pin": ({ streaming, asset }) => streaming.pin(asset),
  "streaming.unpin": ({ streaming, asset }) => streaming.unpin(asset),
  "promote of a pool record": ({ alloc, record }) => alloc.promote(record),
};

/** Whatever frees: all was freed with the allocator. */
const FA403: Readonly<Record<string, (taken: Taken) => unknown>> = {
  poolFree: ({ alloc, record }) => alloc.poolFree(record),
  "poolFree of a large record": ({ alloc, large }) => alloc.poolFree(large),
  "box.free": ({ box }) => box.free(),
  "block.free": ({ block }) => block.free(),
  "heapBox.free": ({ heapBox }) => heapBox.free(),
  "promoted.free": ({ promoted }) => promoted.free(),
  "slice.free": ({ slice }) => slice.free(),
  "handles.free": ({ handles, handle }) => handles.free(handle),
  "group.free": ({ group }) => group.free(),
  "streaming.free": ({ streaming, asset }) => streaming.free(asset),
};

/** Reports, and what ends things, go on working. */
const FINE: Readonly<Record<string, (taken: Taken) => unknown>> = {
  stats: ({ alloc }) => alloc.stats().pool.live,
  leaks: ({ alloc }) => alloc.leaks().length,
  trim: ({ alloc }) => alloc.trim(),
  "dispose twice": ({ alloc }) => alloc.dispose().length,
  "using box": ({ box }) => box[Symbol.dispose](),
  "using block": ({ block }) => block[Symbol.dispose](),
  "using heapBox": ({ heapBox }) => heapBox[Symbol.dispose](),
  "using group": ({ group }) => group[Symbol.dispose](),
  "using scratch": ({ scratch }) => scratch[Symbol.dispose](),
  "using promoted": ({ promoted }) => promoted[Symbol.dispose](),
  "using slice": ({ slice }) => slice[Symbol.dispose](),
  "using frame": ({ frame }) => frame[Symbol.dispose](),
  "using lease": ({ lease }) => lease[Symbol.dispose](),
  "releasing an object": ({ objects, object }) => objects.release(object),
  "using a child budget": ({ child }) => child[Symbol.dispose](),
  "handles.isValid": ({ handles, handle }) => Number(handles.isValid(handle)),
  "streaming.has": ({ streaming, asset }) => Number(streaming.has(asset)),
  "streaming.tryAccess": ({ streaming, asset }) => streaming.tryAccess(asset)?.length,
  "streaming.state": ({ streaming, asset }) => streaming.state(asset)?.length,
  "handles.compact": ({ handles }) => handles.compact().moved,
};

function assertCode(codes: readonly ErrorCode[], fn: () => unknown): void {
  const error = assertThrows(fn, FrameAllocError);
  assert(codes.includes(error.code), error.message);
  assert(error.message.startsWith(`${error.code}: Cannot `), error.message);
  assert(!error.message.endsWith("."), error.message);
}

function disposed(config: AllocConfig): Taken {
  const taken = take(new SmartAlloc(config));
  taken.alloc.dispose();
  return taken;
}

for (const safety of SAFETIES) {
  for (const [name, use] of Object.entries(FA012)) {
    Deno.test(`${name} after dispose is FA012 in ${safety}`, () => {
      const source = new CountingSource(wasmSource);
      const taken = disposed({ source, safety });
      assertCode(["FA012"], () => use(taken));
      assertCode(["FA012"], () => use(taken));
      assertEquals([source.chunks, taken.alloc.stats().heap.live, taken.alloc.inFrame], [0, 0, false]);
    });
  }
}

for (const [name, use] of Object.entries(FA401)) {
  Deno.test(`${name} after dispose is FA401`, () => {
    for (const safety of SAFETIES) assertCode(["FA401"], () => use(disposed({ safety })));
  });
}

for (const [name, use] of Object.entries(FA403)) {
  Deno.test(`${name} after dispose is FA403`, () => {
    for (const safety of SAFETIES) assertCode(["FA403"], () => use(disposed({ safety })));
  });
}

for (const [name, use] of Object.entries(FINE)) {
  Deno.test(`${name} after dispose is no error`, () => {
    for (const safety of SAFETIES) assertEquals(use(disposed({ safety })) ?? 0, 0);
  });
}

Deno.test("records of a frame are FA002 after dispose, and so is promoting them", () => {
  for (const safety of SAFETIES) {
    const { alloc, retained, scope } = disposed({ safety });
    assertCode(["FA002"], () => retained.id);
    assertCode(["FA002"], () => alloc.promote(retained));
    assertCode(["FA007", "FA012"], () => scope.end());
  }
});

Deno.test("reserveAsync() after dispose is FA012, and so is one that was waiting", async () => {
  const { alloc, streaming, asset } = take(new SmartAlloc({ streamingBudget: kilobytes(1) }));
  streaming.pin(asset);
  const assertRefused = async (promise: Promise<number>): Promise<void> => {
    const error = await assertRejects(() => promise, FrameAllocError);
    assertEquals(error.code, "FA012", error.message);
  };
  const waiting = assertRefused(streaming.reserveAsync(kilobytes(1)));
  alloc.dispose();
  await waiting;
  await assertRefused(streaming.reserveAsync(16));
  await assertRefused(alloc.streaming.reserveAsync(16));
});

Deno.test("every public method of an allocator and its parts has its place in the tables", () => {
  const taken = take(new SmartAlloc());
  const named = [FA012, FA401, FA403, FINE].flatMap((table) => Object.values(table).map(String)).join("\n");
  // Frames are tested with frames; tags, phases and reports hold no memory.
  const elsewhere = new Set(
    "constructor tag withTag publish previous rollbackTo speculative scope frameCheckpoint checkpointGuard beginPhase endPhase phase frameRemaining reserveAsync"
      .split(" "),
  );
  const isElsewhere = (method: string): boolean =>
    elsewhere.has(method) || /^\$|^(try)?[fF]rame(Alloc|Box|Slice|Vec|Map|String|Columns)/.test(method);
  for (const part of ["alloc", "handles", "groups", "group", "scratch", "streaming", "objects"] as const) {
    for (let type = Object.getPrototypeOf(taken[part]); type !== Object.prototype; type = Object.getPrototypeOf(type)) {
      for (const [method, { value }] of Object.entries(Object.getOwnPropertyDescriptors(type))) {
        if (typeof value !== "function" || isElsewhere(method)) continue;
        const isScratch = part === "scratch" && method.startsWith("alloc"); // as those of a group
        const call = isScratch ? `group.${method}(` : `${part}.${method}(`;
        const isDisposal = method === "dispose" || method === "trim";
        assert(isDisposal || named.includes(call), `${part}.${method}`);
      }
    }
  }
  taken.alloc.dispose();
});
