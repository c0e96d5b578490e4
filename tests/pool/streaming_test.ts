/**
 * Streaming, case by case: the faults that a streaming allocator is prone to, every error code, limits of other kinds, those who wait,
 * and callbacks that use the allocator while it works.
 */

import {
  BudgetError,
  type ErrorCode,
  type Eviction,
  FrameAllocError,
  type ReserveOptions,
  SmartAlloc,
  type Streaming,
  type StreamPriority,
} from "@framealloc/core";
import { arrayBufferSource } from "@framealloc/core/memory";
import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { CountingSource } from "../memory/_counting_source.ts";

function assertIsCode(code: ErrorCode, error: FrameAllocError): void {
  assertEquals(error.code, code, error.message);
  assert(error.message.startsWith(`${code}: Cannot `), error.message);
  assert(!error.message.endsWith("."), error.message);
}

function assertCode(code: ErrorCode, fn: () => unknown, text: string = ""): void {
  assertIsCode(code, assertThrows(fn, FrameAllocError, text));
}

async function assertRejectsCode(code: ErrorCode, promise: Promise<unknown>, text: string = ""): Promise<void> {
  assertIsCode(code, await assertRejects(() => promise, FrameAllocError, text));
}

/** Reserves and loads an asset. */
function ready(streaming: Streaming, bytes: number, options?: ReserveOptions): number {
  const id = streaming.reserve(bytes, options)!;
  streaming.beginLoad(id).fill(id % 251 + 1);
  streaming.finishLoad(id);
  return id;
}

/** Begins the next frame, after the one that is open. */
function nextFrame(alloc: SmartAlloc): void {
  if (alloc.inFrame) alloc.endFrame();
  alloc.beginFrame();
}

/** What became of a promise so far. */
function watch(promise: Promise<number>): { id?: number; error?: unknown } {
  const seen: { id?: number; error?: unknown } = {};
  promise.then((id) => seen.id = id, (error) => seen.error = error);
  return seen;
}

/** Lets everything go on that can. */
async function settle(): Promise<void> {
  for (let i = 0; i < 12; i++) await undefined;
}

// Faults of the original

Deno.test("finishLoad() without progress counts every byte as loaded, and free() takes them off again", () => {
  const { streaming } = new SmartAlloc({ streamingBudget: 1000 });
  const id = streaming.reserve(512)!;
  streaming.beginLoad(id);
  streaming.finishLoad(id);
  assertEquals([streaming.stats.loaded, streaming.stats.reserved], [512, 512]);
  streaming.free(id);
  assertEquals([streaming.stats.loaded, streaming.stats.reserved], [0, 0]);
});

Deno.test("reportProgress() counts what was loaded once, also when it goes back or past the end", () => {
  const { streaming } = new SmartAlloc({ streamingBudget: 1000 });
  const [id, other] = [streaming.reserve(512)!, streaming.reserve(100)!];
  streaming.beginLoad(id);
  streaming.beginLoad(other);
  for (const [said, loaded] of [[100, 100], [400, 400], [0, 0], [300, 300], [1e9, 512], [Infinity, 512], [512, 512]]) {
    streaming.reportProgress(id, said!);
    assertEquals(streaming.stats.loaded, loaded);
  }
  streaming.reportProgress(other, 60);
  assertEquals(streaming.stats.loaded, 572);
  streaming.free(id); // in the middle of loading
  assertEquals(streaming.stats.loaded, 60);
  streaming.finishLoad(other);
  assertEquals(streaming.stats.loaded, 100);
});

Deno.test("reserve() that fails evicts nobody", () => {
  const alloc = new SmartAlloc({ streamingBudget: 1000 });
  const { streaming } = alloc;
  const evicted: Eviction[] = [];
  streaming.onEvict = (eviction) => evicted.push(eviction);
  const ids = [ready(streaming, 300, { priority: "low" }), ready(streaming, 300), ready(streaming, 300)];
  const pinned = streaming.pin(ids[1]!);
  const before = alloc.stats();
  assertEquals(streaming.reserve(5000, { priority: "critical" }), undefined);
  assertEquals(streaming.reserve(701, { priority: "critical" }), undefined); // two may go, three would have to
  assertEquals(streaming.reserve(401, { priority: "normal" }), undefined); // one may go, two would have to
  assertEquals([alloc.stats(), evicted, ids.map((id) => streaming.has(id))], [before, [], [true, true, true]]);
  pinned.end();
  assert(streaming.reserve(1000, { priority: "critical" }) !== undefined);
  assertEquals([evicted.map((one) => one.id), streaming.stats.evictions], [ids, 3]);
});

Deno.test("reserve() never exceeds the budget when a callback takes the room between the check and the allocation", () => {
  const alloc = new SmartAlloc({ streamingBudget: 1000 });
  const { streaming } = alloc;
  let inner: number | undefined;
  alloc.budgets.setTag("level", { soft: 100, onCross: () => inner = streaming.reserve(700, { tag: "other" }) });
  const outer = streaming.reserve(600, { tag: "level" });
  assert(inner !== undefined);
  assertEquals([outer, streaming.stats.reserved, alloc.stats().heap.bytes], [undefined, 700, 704]);
  assertEquals(streaming.state(inner), "reserved");
});

Deno.test("reserve() never exceeds the budget when a callback of a waiter's limit takes the room", async () => {
  const alloc = new SmartAlloc({ streamingBudget: 1000 });
  const { streaming } = alloc;
  const full = streaming.reserve(1000)!;
  const waiter = watch(streaming.reserveAsync(600, { tag: "level" }));
  alloc.budgets.setTag("level", { soft: 100, onCross: () => void streaming.reserve(700, { tag: "other" }) });
  streaming.free(full);
  await settle();
  assertEquals([waiter, streaming.stats.reserved, streaming.stats.waiting], [{}, 700, 1]);
});

Deno.test("access() shows the same bytes while a pin holds, and detached ones after an eviction", () => {
  const { streaming } = new SmartAlloc({ streamingBudget: 1000 });
  const id = ready(streaming, 600, { priority: "low" });
  const bytes = streaming.access(id);
  {
    using _pin = streaming.pin(id);
    assertEquals(streaming.reserve(600, { priority: "critical" }), undefined);
    assertStrictEquals(streaming.access(id), bytes);
    assert(bytes.every((byte) => byte === id % 251 + 1));
  }
  const next = streaming.reserve(600, { priority: "critical" })!;
  streaming.beginLoad(next).fill(9);
  assertEquals([bytes.length, bytes[0], streaming.tryAccess(id)], [0, undefined, undefined]);
  assertThrows(() => new DataView(bytes.buffer).getUint8(0)); // the memory went to somebody else
  assertCode("FA401", () => streaming.access(id), "freed or evicted");
});

Deno.test("beginLoad() gives zeros, also where another asset was before", () => {
  const alloc = new SmartAlloc({ streamingBudget: 1000 });
  const { streaming } = alloc;
  for (const free of [true, false]) {
    const id = ready(streaming, 600, { priority: "low" });
    if (free) streaming.free(id);
    const next = streaming.reserve(590)!;
    assertEquals(streaming.beginLoad(next), new Uint8Array(590));
    streaming.finishLoad(next);
    streaming.free(next);
  }
  assert(alloc.stats().heap.reuses >= 3, "the memory was not used again");
});

Deno.test("reserve() evicts the one that was not used for longest, without anybody counting frames by hand", () => {
  const { streaming } = new SmartAlloc({ streamingBudget: 1000 });
  const [a, b, c, d] = [1, 2, 3, 4].map(() => ready(streaming, 250, { priority: "low" })) as [number, ...number[]];
  streaming.access(a); // now the order is b, c, d, a
  streaming.tryAccess(c!); // now it is b, d, a, c
  const order: number[] = [];
  streaming.onEvict = ({ id }) => order.push(id);
  for (let i = 0; i < 4; i++) streaming.free(streaming.reserve(250 * (i + 1))!);
  assertEquals(order, [b, d, a, c]);
});

Deno.test("reserve() prefers the lowest priority, however recently it was used", () => {
  const { streaming } = new SmartAlloc({ streamingBudget: 1000 });
  const order: string[] = [];
  streaming.onEvict = ({ name }) => order.push(name);
  for (const priority of ["high", "low", "normal"] as const) ready(streaming, 300, { priority, name: priority });
  streaming.access(ready(streaming, 100, { priority: "low", name: "low, used last" }));
  assert(streaming.reserve(901, { priority: "critical" }) !== undefined);
  assertEquals(order, ["low", "low, used last", "normal", "high"]);
});

Deno.test("reserve() evicts no more than it needs, in order", () => {
  const { streaming } = new SmartAlloc({ streamingBudget: 1000 });
  const ids = [100, 200, 300, 400].map((bytes) => ready(streaming, bytes, { priority: "low" }));
  assert(streaming.reserve(300) !== undefined);
  assertEquals(ids.map((id) => streaming.has(id)), [false, false, true, true]);
  assertEquals(streaming.stats.available, 0);
});

Deno.test("reserve() never evicts what is reserved, loading, pinned, of a higher priority or used in this frame", () => {
  const spared: Readonly<Record<string, (alloc: SmartAlloc) => unknown>> = {
    reserved: ({ streaming }) => streaming.reserve(600, { priority: "low" }),
    loading: ({ streaming }) => streaming.beginLoad(streaming.reserve(600, { priority: "low" })!),
    pinned: ({ streaming }) => streaming.pin(ready(streaming, 600, { priority: "low" })),
    "of a higher priority": ({ streaming }) => ready(streaming, 600, { priority: "high" }),
    "used in this frame": (alloc) => {
      const id = ready(alloc.streaming, 600);
      nextFrame(alloc);
      alloc.streaming.access(id);
    },
    "ready since this frame": ({ streaming }) => ready(streaming, 600),
  };
  for (const [why, prepare] of Object.entries(spared)) {
    const alloc = new SmartAlloc({ streamingBudget: 1000 });
    alloc.beginFrame();
    prepare(alloc);
    assertEquals(alloc.streaming.reserve(600), undefined, why);
    assertEquals([alloc.streaming.stats.evictions, alloc.streaming.stats.reserved], [0, 600], why);
  }
  // The last two are protected from their equals only, and from those only as long as the frame goes on.
  for (const [frames, priority, isEvicted] of [[0, "high", true], [0, "normal", false], [1, "normal", true]] as const) {
    const alloc = new SmartAlloc({ streamingBudget: 1000 });
    alloc.beginFrame();
    ready(alloc.streaming, 600);
    alloc.endFrame();
    assertEquals(alloc.streaming.reserve(600), undefined); // the frame has ended, and no other has begun
    if (frames > 0) alloc.beginFrame();
    assertEquals(alloc.streaming.reserve(600, { priority }) !== undefined, isEvicted);
  }
});

Deno.test("onEvict may use streaming as it likes", async () => {
  const alloc = new SmartAlloc({ streamingBudget: 1000 });
  const { streaming } = alloc;
  const ids = [1, 2, 3].map((i) => ready(streaming, 300, { priority: "low", name: `rock ${i}`, tag: `a::b${i}` }));
  const told: Eviction[] = [];
  let inner: number | undefined;
  let waiter: ReturnType<typeof watch> | undefined;
  streaming.onEvict = (eviction) => {
    told.push(eviction);
    assertEquals(streaming.has(eviction.id), false);
    assertCode("FA403", () => streaming.free(eviction.id));
    assertEquals(alloc.stats().streaming, streaming.stats);
    if (told.length > 1) return;
    assertEquals([streaming.stats.reserved, streaming.stats.evictions], [900, 2]);
    streaming.free(ids[2]!);
    inner = ready(streaming, 350, { priority: "high" });
    waiter = watch(streaming.reserveAsync(500, { priority: "low" }));
  };
  const outer = streaming.reserve(600)!;
  assertEquals(told, [1, 2].map((i) => ({ id: ids[i - 1]!, name: `rock ${i}`, tag: `a::b${i}`, bytes: 300 })));
  assertEquals([streaming.state(outer), streaming.state(inner!)], ["reserved", "ready"]);
  assertEquals([streaming.stats.reserved, streaming.stats.waiting], [950, 1]);
  streaming.free(outer);
  await settle();
  assertEquals(streaming.state(waiter!.id!), "reserved");
});

/** An allocator whose next frame evicts an asset for one who waits. */
function evictingFrame(): { readonly alloc: SmartAlloc; readonly waiter: ReturnType<typeof watch> } {
  const alloc = new SmartAlloc({ streamingBudget: 1000, framesAlive: 2 });
  nextFrame(alloc);
  ready(alloc.streaming, 1000);
  const waiter = watch(alloc.streaming.reserveAsync(500));
  nextFrame(alloc);
  alloc.endFrame();
  assertEquals(alloc.streaming.stats.waiting, 1);
  return { alloc, waiter };
}

Deno.test("onEvict may run a whole frame while another one begins", async () => {
  const { alloc, waiter } = evictingFrame();
  let inner: { readonly number: number; readonly bytes: Uint8Array } | undefined;
  alloc.streaming.onEvict = () => {
    alloc.beginFrame();
    inner = { number: alloc.frameNumber, bytes: alloc.frameSlice(Uint8Array, 64).fill(7) };
    alloc.endFrame();
  };
  alloc.beginFrame();
  await settle();
  assertEquals(alloc.streaming.state(waiter.id!), "reserved");
  assert(inner !== undefined && alloc.inFrame);
  assert(alloc.frameNumber > inner.number, `two frames have the number ${inner.number}`);
  const bytes = alloc.frameSlice(Uint8Array, 64).fill(9);
  assert(inner.bytes.every((byte) => byte === 7), "a frame that is alive was overwritten");
  assertEquals(bytes[0], 9);
});

Deno.test("onEvict that begins a frame while another one begins is FA004, and its frame is in order", () => {
  const { alloc } = evictingFrame();
  let bytes: Uint8Array | undefined;
  alloc.streaming.onEvict = () => {
    alloc.beginFrame();
    bytes = alloc.frameSlice(Uint8Array, 64).fill(7);
  };
  assertCode("FA004", () => alloc.beginFrame());
  assertEquals([alloc.inFrame, alloc.frameNumber, alloc.stats().frame.used], [true, 3, 64]);
  alloc.frameSlice(Uint8Array, 64).fill(9);
  assert(bytes?.every((byte) => byte === 7));
  alloc.endFrame();
});

Deno.test("onEvict that throws while a frame begins comes out of beginFrame(), and the frame can be begun again", async () => {
  const { alloc, waiter } = evictingFrame();
  alloc.streaming.onEvict = () => {
    throw new RangeError("no");
  };
  assertThrows(() => alloc.beginFrame(), RangeError, "no");
  await settle();
  assertEquals([alloc.inFrame, alloc.frameNumber, alloc.streaming.state(waiter.id!)], [false, 2, "reserved"]);
  alloc.beginFrame();
  assertEquals([alloc.inFrame, alloc.frameNumber], [true, 3]);
});

Deno.test("dispose() gives all memory back, and reports every asset", () => {
  const source = new CountingSource();
  const alloc = new SmartAlloc({ source, streamingBudget: 1000 });
  const { streaming } = alloc;
  const bytes = streaming.access(ready(streaming, 300, { name: "rock", tag: "level" }));
  alloc.beginFrame();
  alloc.endFrame();
  const loading = streaming.beginLoad(streaming.reserve(200)!);
  streaming.pin(streaming.reserve(100, { name: "pinned" })!);
  const kind = "streaming asset";
  const leaks = [
    { kind, name: "rock", tag: "level", bytes: 300, age: 1 },
    { kind, name: "asset", tag: "", bytes: 200, age: 0 },
    { kind, name: "pinned", tag: "", bytes: 100, age: 0 },
  ] as const;
  assertEquals(alloc.leaks(), leaks);
  assertEquals(alloc.dispose(), leaks);
  assertEquals([source.chunks, bytes.length, loading.length], [0, 0, 0]);
});

// Codes

Deno.test("reserve() of what is no size or makes no sense is FA008, and changes nothing", async () => {
  const alloc = new SmartAlloc({ streamingBudget: 1000 });
  const { streaming } = alloc;
  const before = alloc.stats();
  for (const bytes of [0, -1, 1.5, NaN, Infinity, "16", null, undefined, 16n, {}, Number.MAX_SAFE_INTEGER]) {
    assertCode("FA008", () => streaming.reserve(bytes as never));
    await assertRejectsCode("FA008", streaming.reserveAsync(bytes as never));
  }
  for (const priority of ["urgent", "", 1, null, {}, "__proto__"]) {
    assertCode("FA008", () => streaming.reserve(16, { priority: priority as never }), "low, normal, high, critical");
    await assertRejectsCode("FA008", streaming.reserveAsync(16, { priority: priority as never }));
  }
  for (const tag of ["", "::", "a::", "::a", "a::::b", 3, null, {}]) {
    assertCode("FA008", () => streaming.reserve(16, { tag: tag as never }));
    await assertRejectsCode("FA008", streaming.reserveAsync(16, { tag: tag as never }));
  }
  assertEquals(alloc.stats(), before);
});

Deno.test("reserveAsync() with a signal that is none is FA008, and leaves nobody waiting", async () => {
  const { streaming } = new SmartAlloc({ streamingBudget: 1000 });
  for (const signal of [{}, null, 3, "x", new AbortController()]) {
    await assertRejectsCode("FA008", streaming.reserveAsync(16, { signal: signal as never }));
    assertEquals([streaming.stats.waiting, streaming.stats.reserved], [0, 0]);
  }
});

Deno.test("reserve() with undefined options takes their defaults", async () => {
  const alloc = new SmartAlloc({ streamingBudget: 1000 });
  const options = { priority: undefined, tag: undefined, name: undefined, signal: undefined } as never;
  using _tag = alloc.tag("level");
  alloc.streaming.reserve(100, options);
  await alloc.streaming.reserveAsync(50, options);
  const leak = { kind: "streaming asset", name: "asset", tag: "level", age: 0 } as const;
  assertEquals(alloc.leaks(), [{ ...leak, bytes: 100 }, { ...leak, bytes: 50 }]);
});

Deno.test("reportProgress() of what is no number is FA008, and changes nothing", () => {
  const { streaming } = new SmartAlloc({ streamingBudget: 1000 });
  const id = streaming.reserve(512)!;
  streaming.beginLoad(id);
  streaming.reportProgress(id, 7);
  for (const bytes of [-1, NaN, -Infinity, undefined, "x", {}, "5", null, true, [], 5n]) {
    assertCode("FA008", () => streaming.reportProgress(id, bytes as never));
    assertEquals(streaming.stats.loaded, 7);
  }
});

Deno.test("numbers of assets that are gone are FA401, and FA403 to free, also when their place is used again", () => {
  const { streaming } = new SmartAlloc({ streamingBudget: 1000 });
  const freed = ready(streaming, 600, { priority: "low" });
  streaming.free(freed);
  const evicted = ready(streaming, 600, { priority: "low" });
  const live = streaming.reserve(600)!;
  assertEquals(new Set([freed, evicted, live]).size, 3);
  for (const id of [freed, evicted]) {
    assertCode("FA401", () => streaming.beginLoad(id), "begin to load");
    assertCode("FA401", () => streaming.reportProgress(id, 1), "report progress of");
    assertCode("FA401", () => streaming.finishLoad(id), "finish loading");
    assertCode("FA401", () => streaming.access(id), "access");
    assertCode("FA401", () => streaming.pin(id), "pin");
    assertCode("FA401", () => streaming.unpin(id), "unpin");
    assertCode("FA403", () => streaming.free(id), "freed or evicted before");
    assertEquals([streaming.tryAccess(id), streaming.has(id), streaming.state(id)], [undefined, false, undefined]);
  }
  assertEquals(streaming.state(live), "reserved");
  assertEquals(streaming.stats.reserved, 600);
});

Deno.test("numbers that never were assets are FA404", () => {
  const { streaming } = new SmartAlloc({ streamingBudget: 1000 });
  const other = new SmartAlloc({ streamingBudget: 1000 }).streaming;
  const live = streaming.reserve(16)!;
  const foreign = [other.reserve(16)!, other.reserve(16)!][1]!;
  for (
    const id of [0, -1, -live, 1, 1.5, live + 0.5, NaN, Infinity, foreign, live + 2 ** 24, null, undefined, {}, "x"]
  ) {
    assertCode("FA404", () => streaming.beginLoad(id as number));
    assertCode("FA404", () => streaming.reportProgress(id as number, 1));
    assertCode("FA404", () => streaming.finishLoad(id as number));
    assertCode("FA404", () => streaming.access(id as number));
    assertCode("FA404", () => streaming.pin(id as number));
    assertCode("FA404", () => streaming.unpin(id as number));
    assertCode("FA404", () => streaming.free(id as number));
    assertEquals([streaming.has(id as number), streaming.state(id as number)], [false, undefined]);
    assertEquals(streaming.tryAccess(id as number), undefined);
  }
  assertEquals(streaming.state(live), "reserved");
});

Deno.test("every call in a wrong state is FA407, and changes nothing", () => {
  const { streaming } = new SmartAlloc({ streamingBudget: 1000 });
  const name = "rock";
  const reserved = streaming.reserve(100, { name })!;
  const loading = streaming.reserve(100, { name })!;
  streaming.beginLoad(loading);
  streaming.reportProgress(loading, 40);
  const done = ready(streaming, 100, { name });
  const { stats } = streaming;
  const calls = {
    beginLoad: (id: number) => streaming.beginLoad(id),
    reportProgress: (id: number) => streaming.reportProgress(id, 1),
    finishLoad: (id: number) => streaming.finishLoad(id),
    access: (id: number) => streaming.access(id),
  };
  const wrong: Readonly<Record<keyof typeof calls, readonly number[]>> = {
    beginLoad: [done],
    reportProgress: [reserved, done],
    finishLoad: [reserved, done],
    access: [reserved, loading],
  };
  for (const [call, ids] of Object.entries(wrong)) {
    for (const id of ids) assertCode("FA407", () => calls[call as keyof typeof calls](id), `"rock" as it is`);
  }
  assertEquals([streaming.tryAccess(reserved), streaming.tryAccess(loading)], [undefined, undefined]);
  assertEquals([reserved, loading, done].map((id) => streaming.state(id)), ["reserved", "loading", "ready"]);
  assertEquals(streaming.stats, stats);
  assertStrictEquals(streaming.beginLoad(loading), streaming.beginLoad(loading)); // going on is right
});

Deno.test("a pinned asset is FA406 to free, and one without pins is FA406 to unpin", () => {
  const { streaming } = new SmartAlloc({ streamingBudget: 1000 });
  const id = streaming.reserve(100, { name: "rock" })!;
  assertCode("FA406", () => streaming.unpin(id), '"rock"');
  const [first, second] = [streaming.pin(id), streaming.pin(id)];
  assertCode("FA406", () => streaming.free(id), "pinned: take the pins off first, 2 in all");
  first.end();
  first.end(); // counts once
  first[Symbol.dispose]();
  assertEquals(streaming.stats.pinnedCount, 1);
  assertCode("FA406", () => streaming.free(id));
  second[Symbol.dispose]();
  assertCode("FA406", () => streaming.unpin(id));
  streaming.pin(id);
  streaming.unpin(id);
  streaming.free(id);
  assertEquals([streaming.stats.pinnedCount, streaming.stats.reserved], [0, 0]);
});

Deno.test("an asset that is freed with its pin is not evicted in between, and one that others have pinned is FA406", async () => {
  const { streaming } = new SmartAlloc({ streamingBudget: 1000 });
  const evicted: Eviction[] = [];
  streaming.onEvict = (eviction) => evicted.push(eviction);
  const id = ready(streaming, 600, { priority: "low" });
  streaming.pin(id);
  const other = streaming.pin(id);
  const waiter = watch(streaming.reserveAsync(900, { priority: "high" }));
  assertCode("FA406", () => streaming.$freePinned(id), "1 in all");
  assertEquals([streaming.stats.pinnedCount, streaming.has(id)], [1, true]);
  other.end();
  streaming.$freePinned(id);
  await settle();
  assertEquals([evicted, streaming.stats.evictions, streaming.state(waiter.id!)], [[], 0, "reserved"]);
});

Deno.test("reserveAsync() of more than the whole budget is FA402 at once, and evicts nobody", async () => {
  const { streaming } = new SmartAlloc({ streamingBudget: 1000 });
  ready(streaming, 1000, { priority: "low" });
  await assertRejectsCode("FA402", streaming.reserveAsync(1001, { priority: "critical", name: "sky" }), '"sky"');
  await assertRejectsCode("FA402", streaming.reserveAsync(1001, { signal: new AbortController().signal }));
  assertEquals([streaming.stats.waiting, streaming.stats.evictions, streaming.stats.reserved], [0, 0, 1000]);
  assertEquals(streaming.reserve(1001, { priority: "critical" }), undefined);
});

Deno.test("every call after dispose() is refused, and waiters are FA012", async () => {
  const source = new CountingSource();
  const alloc = new SmartAlloc({ source, streamingBudget: 1000 });
  const { streaming } = alloc;
  const id = streaming.reserve(1000)!;
  const controller = new AbortController();
  const waiting = [
    streaming.reserveAsync(1, { name: "rock" }),
    streaming.reserveAsync(2, { signal: controller.signal }),
  ];
  const rejections = waiting.map((promise) => assertRejectsCode("FA012", promise, "disposed"));
  alloc.dispose();
  controller.abort();
  await Promise.all(rejections);
  assertEquals([streaming.stats.waiting, streaming.stats.reserved, streaming.stats.loaded], [0, 0, 0]);
  assertCode("FA012", () => streaming.reserve(16, { name: "rock" }), '"rock"');
  await assertRejectsCode("FA012", streaming.reserveAsync(16));
  assertCode("FA401", () => streaming.beginLoad(id));
  assertCode("FA401", () => streaming.reportProgress(id, 1));
  assertCode("FA401", () => streaming.finishLoad(id));
  assertCode("FA401", () => streaming.access(id));
  assertCode("FA401", () => streaming.pin(id));
  assertCode("FA401", () => streaming.unpin(id));
  assertCode("FA403", () => streaming.free(id));
  assertEquals([streaming.has(id), streaming.state(id), streaming.tryAccess(id)], [false, undefined, undefined]);
  assertCode("FA012", () => new SmartAlloc().dispose() && late().streaming.reserve(16));
  assertEquals(source.chunks, 0);
});

/** An allocator whose streaming was not used before its end. */
function late(): SmartAlloc {
  const alloc = new SmartAlloc();
  alloc.dispose();
  return alloc;
}

Deno.test("a block that holds a pin may dispose of the allocator", () => {
  const alloc = new SmartAlloc({ streamingBudget: 1000 });
  {
    using _pin = alloc.streaming.pin(alloc.streaming.reserve(100)!);
    using _frame = alloc.frame();
    alloc.dispose();
  }
  assertEquals(alloc.streaming.stats.pinnedCount, 0);
});

// Other limits

Deno.test("a tag's budget that refuses: reserve() is undefined, evicts nobody and changes nothing", async () => {
  const alloc = new SmartAlloc({ streamingBudget: 1000 });
  const { streaming } = alloc;
  alloc.budgets.setTag("level", { hard: 512 });
  const own = ready(streaming, 400, { priority: "low", tag: "level::rocks" });
  const other = ready(streaming, 500, { priority: "low" });
  const pin = streaming.pin(own); // otherwise its eviction makes room in the limit of the tag
  const before = alloc.stats();
  for (const bytes of [100, 113, 400, 600]) {
    assertEquals(streaming.reserve(bytes + 13, { priority: "critical", tag: "level" }), undefined);
    assertEquals(
      alloc.withTag("level", () => streaming.reserve(bytes + 13, { priority: "critical" })),
      undefined,
    );
  }
  const after = alloc.stats();
  assertEquals({ ...after, budgets: [], tags: [] }, { ...before, budgets: [], tags: [] });
  assertEquals(after.budgets.map(({ used }) => used), before.budgets.map(({ used }) => used));
  assertEquals([streaming.has(own), streaming.has(other)], [true, true]);
  pin.end();
  assert(streaming.reserve(112, { tag: "level" }) !== undefined); // exactly what was left, and one is evicted
  assertEquals([streaming.has(own), streaming.has(other)], [false, true]);
  // One who waits is served when the tag has room again.
  const fill = streaming.reserve(384, { tag: "level", priority: "high" })!;
  const waiter = watch(streaming.reserveAsync(17, { tag: "level", priority: "high" }));
  const behind = watch(streaming.reserveAsync(16, { tag: "level" }));
  await settle();
  assertEquals([waiter, behind, streaming.stats.waiting], [{}, {}, 2]);
  streaming.free(fill);
  await settle();
  assertEquals([streaming.state(waiter.id!), streaming.state(behind.id!)], ["reserved", "reserved"]);
});

Deno.test("the global budget that refuses: reserve() is undefined, and evicts nobody", () => {
  const alloc = new SmartAlloc({ streamingBudget: 5000, heapIdleBytes: 0 });
  const { streaming } = alloc;
  alloc.budgets.setGlobal({ hard: 6000 });
  const block = alloc.heapAlloc(2000);
  const rock = ready(streaming, 3000, { priority: "low" });
  const before = alloc.stats();
  assertEquals(streaming.reserve(1500), undefined); // streaming has room, memory has not
  assertEquals(streaming.reserve(5000), undefined); // an eviction would not help
  const after = alloc.stats();
  assertEquals({ ...after, budgets: [] }, { ...before, budgets: [] });
  assertEquals([after.budgets[0]?.used, streaming.has(rock)], [5008, true]);
  assert(streaming.reserve(4000) !== undefined); // with the memory of the one that is evicted there is enough
  assertEquals([streaming.has(rock), alloc.stats().budgets[0]?.used], [false, 6000]);
  block.free();
});

Deno.test("reserve() counts idle memory of every kind as memory that it could have", () => {
  const alloc = new SmartAlloc({ streamingBudget: 4000, poolPageSize: 4096 });
  const { streaming } = alloc;
  alloc.budgets.setGlobal({ hard: 8192 });
  const rock = ready(streaming, 3200, { priority: "low" });
  alloc.heapAlloc(800).free(); // idle from now on
  assertEquals([alloc.stats().heap.idle, alloc.stats().budgets[0]?.used], [800, 4000]);
  assert(streaming.reserve(4000) !== undefined);
  assertEquals([streaming.has(rock), streaming.stats.reserved], [false, 4000]);
});

Deno.test("a source that refuses: reserve() is undefined, and changes nothing", () => {
  const source = new CountingSource(arrayBufferSource, { limit: 1000 });
  const alloc = new SmartAlloc({ source, streamingBudget: 5000, heapIdleBytes: 0 });
  const { streaming } = alloc;
  const rock = ready(streaming, 600, { priority: "low" });
  const before = alloc.stats();
  assertEquals(streaming.reserve(600), undefined);
  assertEquals([alloc.stats(), streaming.has(rock)], [before, true]);
});

Deno.test("a source with little left: reserve() gets what the evicted assets had", () => {
  for (const heapIdleBytes of [0, 1 << 20]) {
    const source = new CountingSource(arrayBufferSource, { limit: 1000 });
    const alloc = new SmartAlloc({ source, streamingBudget: 1000, heapIdleBytes });
    const { streaming } = alloc;
    ready(streaming, 600, { priority: "low" });
    const next = streaming.reserve(800);
    assert(next !== undefined, `evicted for nothing with ${heapIdleBytes} idle bytes`);
    assertEquals(streaming.beginLoad(next).length, 800);
  }
});

Deno.test("a callback of a budget that throws comes out of reserve(), and nobody is evicted without being told of", () => {
  const alloc = new SmartAlloc({ streamingBudget: 1000 });
  const { streaming } = alloc;
  const rock = ready(streaming, 1000, { priority: "low" });
  const told: number[] = [];
  streaming.onEvict = ({ id }) => told.push(id);
  alloc.budgets.setTag("level", {
    soft: 100,
    onCross: () => {
      throw new RangeError("too much");
    },
  });
  assertThrows(() => streaming.reserve(500, { tag: "level" }), RangeError, "too much");
  assertEquals(told, streaming.has(rock) ? [] : [rock]);
  assertEquals(streaming.stats.evictions, told.length);
});

Deno.test("a callback of a budget that throws for one who waits rejects that one, and others go on", async () => {
  const alloc = new SmartAlloc({ streamingBudget: 1000 });
  const { streaming } = alloc;
  const full = streaming.reserve(1000)!;
  alloc.budgets.setTag("level", {
    soft: 100,
    onCross: () => {
      throw new RangeError("too much");
    },
  });
  const first = watch(streaming.reserveAsync(500, { tag: "level", priority: "high" }));
  const second = watch(streaming.reserveAsync(500));
  streaming.free(full);
  await settle();
  assert(first.error instanceof RangeError);
  assertEquals([streaming.state(second.id!), streaming.stats.reserved], ["reserved", 500]);
});

Deno.test("a callback of a budget that disposes of the allocator leaves no memory behind", async () => {
  for (const method of ["reserve", "reserveAsync"] as const) {
    const source = new CountingSource();
    const alloc = new SmartAlloc({ source, streamingBudget: 1000 });
    const { streaming } = alloc;
    alloc.budgets.setTag("level", { soft: 100, onCross: () => void alloc.dispose() });
    let id: number | undefined;
    try {
      id = await streaming[method](500, { tag: "level" });
    } catch (error) {
      assert(error instanceof FrameAllocError && error.code === "FA012", String(error));
    }
    assertEquals(id !== undefined && streaming.has(id), false, method);
    assertEquals([streaming.stats.reserved, alloc.stats().heap.reserved, source.chunks], [0, 0, 0], method);
  }
});

Deno.test("onEvict that disposes of the allocator leaves no memory behind", async () => {
  for (const method of ["reserve", "reserveAsync"] as const) {
    const source = new CountingSource();
    const alloc = new SmartAlloc({ source, streamingBudget: 1000 });
    const { streaming } = alloc;
    ready(streaming, 1000, { priority: "low" });
    streaming.onEvict = () => void alloc.dispose();
    const id = await streaming[method](500) ?? -1;
    assertEquals([streaming.has(id), streaming.stats.reserved, source.chunks], [false, 0, 0], method);
    assertCode(method === "reserve" ? "FA404" : "FA401", () => streaming.beginLoad(id));
  }
});

// Memory that was transferred away

/** Moves the memory of an asset away, as posting it to another thread does. */
function move(bytes: Uint8Array<ArrayBuffer>): ArrayBuffer {
  const { buffer } = bytes;
  const moved = structuredClone(buffer, { transfer: [buffer] });
  assertEquals(bytes.length, 0);
  return moved;
}

Deno.test("an asset whose memory was transferred away can still be freed and evicted", () => {
  for (const heapIdleBytes of [0, 1 << 20]) {
    const source = new CountingSource();
    const alloc = new SmartAlloc({ source, streamingBudget: 1000, heapIdleBytes });
    const { streaming } = alloc;
    const [rock, tree] = [ready(streaming, 400, { priority: "low" }), ready(streaming, 600, { priority: "low" })];
    const moved = [rock, tree].map((id) => move(streaming.access(id)));
    for (const id of [rock, tree]) assertCode("FA407", () => streaming.access(id), "transferred away");
    streaming.free(rock);
    assertEquals([streaming.stats.reserved, streaming.stats.loaded], [600, 600]);
    const next = streaming.reserve(1000)!;
    assertEquals(streaming.beginLoad(next), new Uint8Array(1000));
    assertEquals([streaming.has(tree), alloc.stats().heap.bytes], [false, 1008]);
    assertEquals(moved.map((buffer) => new Uint8Array(buffer)[0]), [rock, tree].map((id) => id % 251 + 1));
    alloc.dispose();
    assertEquals(source.chunks, 0);
  }
});

Deno.test("reportProgress() takes memory back that was transferred away, with what is in it", () => {
  for (const heapIdleBytes of [0, 1 << 20]) {
    const source = new CountingSource();
    const alloc = new SmartAlloc({ source, streamingBudget: 1000, heapIdleBytes });
    const { streaming } = alloc;
    const id = streaming.reserve(500)!;
    streaming.beginLoad(id).fill(7);
    const views: Uint8Array[] = [];
    for (let i = 1; i <= 3; i++) {
      const bytes = streaming.beginLoad(id);
      views.push(bytes);
      const moved = move(bytes);
      assertCode("FA407", () => streaming.beginLoad(id), "transferred away");
      assertCode("FA407", () => streaming.finishLoad(id), "transferred away");
      streaming.reportProgress(id, 100 * i); // to report is possible all the same
      assertEquals([streaming.state(id), streaming.stats.loaded], ["loading", 100 * i]);
      streaming.reportProgress(id, 100 * i + 1, moved);
      streaming.reportProgress(id, 100 * i + 1, moved); // where it is already
      assertStrictEquals(streaming.beginLoad(id).buffer, moved);
      assertEquals(streaming.stats.loaded, 100 * i + 1);
    }
    streaming.finishLoad(id);
    const bytes = streaming.access(id);
    assertEquals(bytes, new Uint8Array(500).fill(7));
    assertEquals(views.map((view) => view.length), [0, 0, 0]);
    streaming.free(id);
    assertEquals([bytes.length, alloc.stats().heap.bytes, streaming.stats.loaded], [0, 0, 0]);
    assertEquals(streaming.beginLoad(streaming.reserve(500)!), new Uint8Array(500));
    alloc.dispose();
    assertEquals(source.chunks, 0);
  }
});

Deno.test("reportProgress() with a buffer that is not the memory of the asset is FA008, and changes nothing", () => {
  const { streaming } = new SmartAlloc({ streamingBudget: 1000 });
  const id = streaming.reserve(100)!;
  const bytes = streaming.beginLoad(id).fill(7);
  streaming.reportProgress(id, 10, bytes.buffer);
  const wrong = [new ArrayBuffer(112), new ArrayBuffer(5), new SharedArrayBuffer(112), bytes, null, 3, "x", {}];
  for (const buffer of wrong) assertCode("FA008", () => streaming.reportProgress(id, 20, buffer as never));
  assertStrictEquals(streaming.beginLoad(id), bytes);
  const moved = move(bytes);
  for (const buffer of wrong.slice(1)) assertCode("FA008", () => streaming.reportProgress(id, 20, buffer as never));
  assertCode("FA008", () => streaming.reportProgress(id, 20, bytes.buffer)); // the one that is empty now
  assertEquals(streaming.stats.loaded, 10);
  streaming.reportProgress(id, 20, moved);
  assertEquals([streaming.beginLoad(id)[99], streaming.stats.loaded], [7, 20]);
});

Deno.test("reportProgress() never takes the memory of another asset", () => {
  const alloc = new SmartAlloc({ streamingBudget: 1000 });
  const { streaming } = alloc;
  const [first, second] = [streaming.reserve(112)!, streaming.reserve(112)!];
  const block = alloc.heapAlloc(112);
  move(streaming.beginLoad(first));
  const bytes = streaming.beginLoad(second).fill(7);
  assertCode("FA008", () => streaming.reportProgress(first, 0, bytes.buffer));
  assertCode("FA008", () => streaming.reportProgress(first, 0, block.bytes.buffer));
  streaming.free(first);
  assertEquals([bytes.length, block.bytes.length], [112, 112]);
});

Deno.test("memory that comes back after its asset was freed is nobody's", () => {
  const { streaming } = new SmartAlloc({ streamingBudget: 1000 });
  const id = streaming.reserve(112)!;
  const moved = move(streaming.beginLoad(id).fill(7));
  streaming.free(id);
  const next = streaming.reserve(112)!;
  const bytes = streaming.beginLoad(next);
  assertCode("FA401", () => streaming.reportProgress(id, 112, moved));
  assertCode("FA008", () => streaming.reportProgress(next, 112, moved));
  assert(bytes.every((byte) => byte === 0));
});

// Those who wait

Deno.test("reserveAsync() serves by priority, and in order among equals", async () => {
  const { streaming } = new SmartAlloc({ streamingBudget: 1000 });
  const full = streaming.reserve(1000)!;
  const served: string[] = [];
  const wait = (name: string, priority: StreamPriority): void =>
    void streaming.reserveAsync(500, { name, priority }).then((id) => {
      served.push(name);
      streaming.free(id);
    });
  for (const name of ["low 1", "normal 1", "high 1", "low 2", "critical 1", "normal 2", "high 2", "critical 2"]) {
    wait(name, name.split(" ")[0] as StreamPriority);
  }
  await settle();
  assertEquals([served, streaming.stats.waiting], [[], 8]);
  streaming.free(full);
  for (let i = 0; i < 10; i++) await settle();
  assertEquals(served, ["critical", "high", "normal", "low"].flatMap((name) => [`${name} 1`, `${name} 2`]));
  assertEquals([streaming.stats.waiting, streaming.stats.reserved], [0, 0]);
});

Deno.test("reserveAsync() lets nobody who waits overtake the first in line", async () => {
  const { streaming } = new SmartAlloc({ streamingBudget: 1000 });
  const [a, b] = [streaming.reserve(500)!, streaming.reserve(500)!];
  const large = watch(streaming.reserveAsync(1000));
  const small = watch(streaming.reserveAsync(10));
  const urgent = watch(streaming.reserveAsync(100, { priority: "high" }));
  streaming.free(a);
  await settle();
  assertEquals([large, small, streaming.state(urgent.id!)], [{}, {}, "reserved"]);
  streaming.free(b);
  await settle();
  assertEquals([large, small, streaming.stats.waiting], [{}, {}, 2]);
  streaming.free(urgent.id!);
  await settle();
  assertEquals([streaming.state(large.id!), small], ["reserved", {}]);
  streaming.free(large.id!);
  await settle();
  assertEquals(streaming.state(small.id!), "reserved");
});

Deno.test("reserveAsync() with `first` goes before all who wait, and evicts no more than its priority lets it", async () => {
  const { streaming } = new SmartAlloc({ streamingBudget: 1000 });
  const [a, b] = [streaming.reserve(600)!, ready(streaming, 400)];
  const urgent = watch(streaming.reserveAsync(900, { priority: "critical" }));
  const first = watch(streaming.reserveAsync(100, { priority: "low", first: true }));
  const second = watch(streaming.reserveAsync(100, { priority: "critical", first: true }));
  const behind = watch(streaming.reserveAsync(100, { priority: "critical" }));
  await settle();
  assertEquals([urgent, first, second, behind, streaming.has(b)], [{}, {}, {}, {}, true]);
  streaming.free(a);
  await settle();
  assertEquals([first, second].map(({ id }) => streaming.state(id!)), ["reserved", "reserved"]);
  assertEquals([urgent, behind, streaming.has(b)], [{}, {}, true]);
  streaming.free(first.id!);
  await settle();
  assertEquals([streaming.state(urgent.id!), streaming.has(b), behind], ["reserved", false, {}]);
});

Deno.test("reserveAsync() is served at once where there is room, and evicts like reserve()", async () => {
  const { streaming } = new SmartAlloc({ streamingBudget: 1000 });
  const rock = ready(streaming, 800, { priority: "low" });
  const promise = streaming.reserveAsync(500);
  assertEquals([streaming.has(rock), streaming.stats.reserved, streaming.stats.waiting], [false, 500, 0]);
  assertEquals(streaming.state(await promise), "reserved");
});

/** What may make room for one who waits with normal priority. */
const OCCASIONS: Readonly<Record<string, (alloc: SmartAlloc) => () => void>> = {
  "an asset is freed": ({ streaming }) => {
    const id = streaming.reserve(1000)!;
    return () => streaming.free(id);
  },
  "an asset becomes ready": ({ streaming }) => {
    const id = streaming.reserve(1000, { priority: "low" })!;
    streaming.beginLoad(id);
    return () => streaming.finishLoad(id);
  },
  "the last pin is taken off": ({ streaming }) => {
    const id = ready(streaming, 1000, { priority: "low" });
    const pin = streaming.pin(id);
    streaming.pin(id);
    return () => {
      pin.end();
      assertEquals(streaming.stats.waiting, 1);
      streaming.unpin(id);
    };
  },
  "a frame begins before which a whole one has passed without a use": (alloc) => {
    nextFrame(alloc);
    ready(alloc.streaming, 1000);
    return () => {
      nextFrame(alloc); // the last frame has used it
      assertEquals(alloc.streaming.stats.waiting, 1);
      nextFrame(alloc);
    };
  },
  "the one before gives up": ({ streaming }) => {
    streaming.reserve(500);
    const controller = new AbortController();
    watch(streaming.reserveAsync(1000, { priority: "high", signal: controller.signal }));
    return () => controller.abort();
  },
  "an eviction makes more room than was needed": ({ streaming }) => {
    ready(streaming, 1000, { priority: "normal" });
    return () => void streaming.reserve(100, { priority: "high" });
  },
  "a reservation is taken back as onEvict throws": ({ streaming }) => {
    ready(streaming, 1000, { priority: "normal" });
    streaming.onEvict = () => {
      throw new RangeError("no");
    };
    return () => assertThrows(() => streaming.reserve(1000, { priority: "high" }), RangeError);
  },
  "a reservation of another one who waits is taken back": ({ streaming }) => {
    ready(streaming, 1000, { priority: "normal" });
    streaming.onEvict = () => {
      throw new RangeError("no");
    };
    return () => watch(streaming.reserveAsync(1000, { priority: "high" }));
  },
};

for (const [occasion, prepare] of Object.entries(OCCASIONS)) {
  Deno.test(`reserveAsync() is served when ${occasion}`, async () => {
    const alloc = new SmartAlloc({ streamingBudget: 1000 });
    const { streaming } = alloc;
    const act = prepare(alloc);
    const waiter = watch(streaming.reserveAsync(500));
    await settle();
    assertEquals(waiter, {});
    act();
    await settle();
    assertEquals([waiter.id !== undefined && streaming.state(waiter.id), streaming.stats.waiting], ["reserved", 0]);
  });
}

/** A signal that counts its listeners. */
function countingSignal(): {
  readonly controller: AbortController;
  readonly counts: { added: number; removed: number };
} {
  const controller = new AbortController();
  const { signal } = controller;
  const counts = { added: 0, removed: 0 };
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...args: Parameters<typeof add>): void => {
    counts.added++;
    add(...args);
  };
  signal.removeEventListener = (...args: Parameters<typeof remove>): void => {
    counts.removed++;
    remove(...args);
  };
  return { controller, counts };
}

/** Every way in which a wait can end. */
const ENDS: Readonly<Record<string, (alloc: SmartAlloc, full: number, controller: AbortController) => void>> = {
  "is served": ({ streaming }, full) => streaming.free(full),
  "is aborted": (_, __, controller) => controller.abort(),
  "is aborted with a reason of its own": (_, __, controller) => controller.abort("enough"),
  "is aborted without an error": (_, __, controller) => controller.abort(null),
  "times out": (_, __, controller) => controller.abort(new DOMException("Signal timed out.", "TimeoutError")),
  "is served, and then aborted": ({ streaming }, full, controller) => {
    streaming.free(full);
    controller.abort();
  },
  "is aborted, and then there is room": ({ streaming }, full, controller) => {
    controller.abort();
    streaming.free(full);
  },
  "is rejected by a callback": (alloc, full) => {
    alloc.budgets.setTag("level", {
      soft: 100,
      onCross: () => {
        throw new RangeError("too much");
      },
    });
    alloc.streaming.free(full);
  },
  "is aborted by a callback while it is being served": (alloc, full, controller) => {
    alloc.budgets.setTag("level", { soft: 100, onCross: () => controller.abort("enough") });
    alloc.streaming.free(full);
  },
  "is disposed of": (alloc) => void alloc.dispose(),
};

for (const [end, act] of Object.entries(ENDS)) {
  Deno.test(`reserveAsync() that ${end} leaves no listener and no reservation behind`, async () => {
    const source = new CountingSource();
    const alloc = new SmartAlloc({ source, streamingBudget: 1000 });
    const { streaming } = alloc;
    const { controller, counts } = countingSignal();
    const { signal } = controller;
    const full = streaming.reserve(1000)!;
    const waiter = watch(streaming.reserveAsync(500, { signal, tag: "level" }));
    assertEquals(counts, { added: 1, removed: 0 });
    act(alloc, full, controller);
    await settle();
    assertEquals(counts, { added: 1, removed: 1 });
    assertEquals(streaming.stats.waiting, 0);
    if (waiter.id !== undefined) {
      assertEquals(streaming.stats.reserved, 500);
      streaming.free(waiter.id);
    } else if (end === "is rejected by a callback") assert(waiter.error instanceof RangeError);
    else if (end === "is disposed of") assertIsCode("FA012", waiter.error as FrameAllocError);
    else assertStrictEquals(waiter.error, signal.reason);
    assertEquals("error" in waiter, !end.startsWith("is served"));
    if (streaming.has(full)) streaming.free(full);
    assertEquals([streaming.stats.reserved, alloc.stats().heap.bytes], [0, 0]);
    alloc.dispose();
    assertEquals(source.chunks, 0);
  });
}

Deno.test("reserveAsync() that is served or refused at once leaves no listener behind", async () => {
  const { streaming } = new SmartAlloc({ streamingBudget: 1000 });
  const { controller, counts } = countingSignal();
  const { signal } = controller;
  streaming.free(await streaming.reserveAsync(500, { signal }));
  await assertRejectsCode("FA402", streaming.reserveAsync(1001, { signal }));
  await assertRejectsCode("FA008", streaming.reserveAsync(0, { signal }));
  ready(streaming, 1000, { priority: "low" });
  streaming.onEvict = () => {
    throw new RangeError("no");
  };
  await assertRejects(() => streaming.reserveAsync(500, { signal }), RangeError, "no");
  await settle();
  assertEquals([counts.added - counts.removed, streaming.stats.reserved, streaming.stats.waiting], [0, 0, 0]);
  controller.abort();
  assertEquals(counts.added - counts.removed, 0);
});

Deno.test("reserveAsync() with a signal that is aborted already rejects with its reason, and evicts nobody", async () => {
  const { streaming } = new SmartAlloc({ streamingBudget: 1000 });
  const rock = ready(streaming, 1000, { priority: "low" });
  const reason = new RangeError("too late");
  const waiter = watch(streaming.reserveAsync(500, { signal: AbortSignal.abort(reason) }));
  await settle();
  assertStrictEquals(waiter.error, reason);
  assertEquals([streaming.has(rock), streaming.stats.waiting, streaming.stats.reserved], [true, 0, 1000]);
});

Deno.test("reserveAsync() of several with one signal: when it is aborted none of them is served, and nobody evicted", async () => {
  const { streaming } = new SmartAlloc({ streamingBudget: 1000 });
  const controller = new AbortController();
  const { signal } = controller;
  streaming.reserve(500, { name: "stays" });
  const rock = ready(streaming, 500, { priority: "low" });
  const waiters = [
    watch(streaming.reserveAsync(1000, { signal, priority: "high" })),
    watch(streaming.reserveAsync(400, { signal })),
    watch(streaming.reserveAsync(400, { signal: AbortSignal.any([signal, new AbortController().signal]) })),
  ];
  const other = watch(streaming.reserveAsync(100, { priority: "low" }));
  controller.abort("the level has changed");
  await settle();
  for (const waiter of waiters) assertEquals(waiter, { error: "the level has changed" });
  assertEquals([streaming.has(rock), other, streaming.stats.waiting], [true, {}, 1]);
});

Deno.test("reserveAsync() whose wait is aborted lets a callback that throws do no harm", async () => {
  const { streaming } = new SmartAlloc({ streamingBudget: 1000 });
  const controller = new AbortController();
  streaming.reserve(400);
  const rock = ready(streaming, 600, { priority: "low" });
  const first = watch(streaming.reserveAsync(1000, { priority: "high", signal: controller.signal }));
  const second = watch(streaming.reserveAsync(300));
  streaming.onEvict = () => {
    throw new RangeError("no");
  };
  // There is no call that it could come out of: the platform reports it, as for any listener.
  const reported: unknown[] = [];
  const report = (event: ErrorEvent): void => {
    event.preventDefault();
    reported.push(event.error);
  };
  globalThis.addEventListener("error", report);
  controller.abort("enough");
  await settle();
  globalThis.removeEventListener("error", report);
  assert(reported.length <= 1 && reported.every((error) => error instanceof RangeError));
  assertEquals([first.error, streaming.state(second.id!), streaming.has(rock)], ["enough", "reserved", false]);
  assertEquals([streaming.stats.reserved, streaming.stats.waiting], [700, 0]);
});

// Callbacks that throw

Deno.test("onEvict that throws: reserve() throws the first error, tells of the others all the same, and reserves nothing", () => {
  const alloc = new SmartAlloc({ streamingBudget: 1000 });
  const { streaming } = alloc;
  for (const name of ["a", "b", "c"]) ready(streaming, 300, { priority: "low", name });
  const told: string[] = [];
  streaming.onEvict = ({ name }) => {
    told.push(name);
    throw new RangeError(name);
  };
  assertThrows(() => streaming.reserve(1000), RangeError, "a");
  assertEquals(told, ["a", "b", "c"]);
  assertEquals([streaming.stats.reserved, streaming.stats.evictions, alloc.stats().heap.bytes], [0, 3, 0]);
  assertEquals(alloc.leaks(), []);
  streaming.onEvict = undefined;
  assert(streaming.reserve(1000) !== undefined);
});

Deno.test("onEvict that throws while others are served: they keep what they got, and the call has done its work", async () => {
  const calls: Readonly<Record<string, (streaming: Streaming, id: number) => unknown>> = {
    free: (streaming, id) => streaming.free(id),
    finishLoad: (streaming, id) => streaming.finishLoad(id),
    unpin: (streaming, id) => streaming.unpin(id),
  };
  for (const [name, call] of Object.entries(calls)) {
    const { streaming } = new SmartAlloc({ streamingBudget: 1000 });
    const rock = ready(streaming, 700, { priority: "low" });
    const other = streaming.reserve(300, { priority: "low" })!;
    if (name !== "free") streaming.beginLoad(other);
    if (name === "unpin") {
      streaming.finishLoad(other);
      streaming.pin(other);
    }
    const waiter = watch(streaming.reserveAsync(1000));
    const blocked = watch(streaming.reserveAsync(10));
    await settle();
    assertEquals(waiter, {}, name);
    streaming.onEvict = () => {
      throw new RangeError("no");
    };
    assertThrows(() => call(streaming, other), RangeError, "no");
    await settle();
    assertEquals([streaming.has(rock), streaming.has(other), blocked], [false, false, {}], name);
    assertEquals([streaming.state(waiter.id!), streaming.stats.reserved], ["reserved", 1000], name);
  }
});

Deno.test("onEvict that throws for one who waits: nothing is reserved, and it is rejected once", async () => {
  const alloc = new SmartAlloc({ streamingBudget: 1000 });
  const { streaming } = alloc;
  ready(streaming, 1000, { priority: "low" });
  streaming.onEvict = () => {
    throw new RangeError("no");
  };
  await assertRejects(() => streaming.reserveAsync(600), RangeError, "no");
  await settle();
  assertEquals([streaming.stats.reserved, streaming.stats.waiting, alloc.stats().heap.bytes], [0, 0, 0]);
});

Deno.test("onEvict that aborts the one who is being served comes too late", async () => {
  const { streaming } = new SmartAlloc({ streamingBudget: 1000 });
  const controller = new AbortController();
  ready(streaming, 1000, { priority: "low" });
  streaming.onEvict = () => controller.abort();
  const id = await streaming.reserveAsync(600, { signal: controller.signal });
  assertEquals([streaming.state(id), streaming.stats.reserved], ["reserved", 600]);
});

// Books

Deno.test("streaming is booked to the tag of the reservation, whoever loads or evicts", async () => {
  const alloc = new SmartAlloc({ streamingBudget: 1000 });
  const { streaming } = alloc;
  const inUse = (): Record<string, number> =>
    Object.fromEntries(
      alloc.stats().tags.filter((tag) => tag.inUse.streaming > 0).map((tag) => [tag.path, tag.inUse.streaming]),
    );
  const rock = alloc.withTag("level", () => streaming.reserve(100)!);
  const tree = alloc.withTag("other", () => streaming.reserve(200, { tag: "level::trees" })!);
  streaming.reserve(50);
  assertEquals(inUse(), { "": 64, level: 112, "level::trees": 208 });
  alloc.withTag("other", () => {
    streaming.beginLoad(rock);
    streaming.finishLoad(rock);
  });
  const waiting = alloc.withTag("late", () => streaming.reserveAsync(800, { name: "sky" })); // its tag is the one of now
  assertEquals(inUse(), { "": 64, level: 112, "level::trees": 208 });
  alloc.withTag("other", () => streaming.free(tree));
  alloc.withTag("other", () => streaming.free(rock));
  assertEquals(inUse(), { "": 64, late: 800 });
  streaming.free(await waiting);
  assertEquals([inUse(), alloc.tagPath], [{ "": 64 }, ""]);
});

Deno.test("streaming without counts by tag keeps its own books", () => {
  for (const stats of ["off", "totals"] as const) {
    const alloc = new SmartAlloc({ stats, streamingBudget: 1000 });
    const { streaming } = alloc;
    const id = ready(streaming, 600, { priority: "low", tag: "level" });
    assertEquals(streaming.reserve(600, { priority: "low" }), undefined);
    assert(streaming.reserve(600) !== undefined);
    assertEquals([streaming.has(id), alloc.stats().streaming.reserved], [false, 600]);
  }
});

Deno.test("streamingBudget: its default, a quarter of memoryLimit, and zero", async () => {
  assertEquals(new SmartAlloc().streaming.budget, 256 * 1024 * 1024);
  assertEquals(new SmartAlloc({ memoryLimit: 8001 }).streaming.budget, 2000);
  const { streaming } = new SmartAlloc({ streamingBudget: 0 });
  assertEquals([streaming.reserve(1), streaming.stats.available], [undefined, 0]);
  await assertRejectsCode("FA402", streaming.reserveAsync(1));
});

Deno.test("two allocators never share assets or waiters", async () => {
  const [one, two] = [new SmartAlloc({ streamingBudget: 100 }), new SmartAlloc({ streamingBudget: 100 })];
  const full = one.streaming.reserve(100)!;
  const other = two.streaming.reserve(100)!;
  const waiter = watch(one.streaming.reserveAsync(100));
  two.streaming.free(other);
  two.beginFrame();
  await settle();
  assertEquals([waiter, one.streaming.stats.waiting, two.streaming.stats.waiting], [{}, 1, 0]);
  one.streaming.free(full);
  await settle();
  assertEquals(one.streaming.state(waiter.id!), "reserved");
});

Deno.test("a reservation that no limit will ever hold is refused, also when the limit comes later, and blocks nobody", async () => {
  const alloc = new SmartAlloc();
  const { streaming } = alloc;
  alloc.budgets.setGlobal({ hard: 1_000_000 });
  const tooLarge = await assertRejects(() => streaming.reserveAsync(2_000_000), BudgetError);
  assertEquals(tooLarge.code, "FA351");
  const full = streaming.reserve(900_000)!;
  const waiting = streaming.reserveAsync(500_000, { tag: "big" });
  const behind = streaming.reserveAsync(200_000);
  alloc.budgets.setTag("big", { hard: 4000 });
  streaming.free(full);
  assertEquals((await assertRejects(() => waiting, BudgetError)).code, "FA352");
  assertEquals(streaming.state(await behind), "reserved");
});
