/**
 * Promotion, case by case: what each policy makes of a record, every reason for which it fails, callbacks that interfere, and single
 * records, boxes and slices that are carried out at once.
 */

import {
  array,
  bool,
  BudgetError,
  type ErrorCode,
  f32,
  f64,
  FrameAllocError,
  i64,
  Importance,
  kilobytes,
  type Layout,
  mat3x3f,
  type PromotedBox,
  type PromotionFailure,
  RetentionPolicy,
  SmartAlloc,
  struct,
  type TypedArrayConstructor,
  u32,
  u8,
  vec3f,
} from "@framealloc/core";
import { assert, assertEquals, assertNotStrictEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { SAFETIES, SUPPORTED } from "./frame/_sources.ts";
import { CountingSource } from "./memory/_counting_source.ts";

const { Discard, PromoteToHeap, PromoteToPool, PromoteToScratch } = RetentionPolicy;

const Body = struct("Body", { id: u32, at: vec3f, mass: f32 });
const Large = struct("Large", { data: array(f64, 1000) });

function assertCode(code: ErrorCode, fn: () => unknown, wanted: string = ""): void {
  const error = assertThrows(fn, FrameAllocError, wanted);
  assertEquals(error.code, code, error.message);
  assert(error.message.startsWith(`${code}: Cannot `), error.message);
  assert(!error.message.endsWith("."), error.message);
}

/** What a tag has in use of all kinds but frames. */
function outside(alloc: SmartAlloc, path: string): number {
  const inUse = alloc.stats().tags.find((tag) => tag.path === path)?.inUse;
  return inUse === undefined ? 0 : Object.values(inUse).reduce((sum, bytes) => sum + bytes, -inUse.frame);
}

/** Uses all memory of frames again, so that nothing of an earlier one is left. */
function overwrite(alloc: SmartAlloc): void {
  for (let i = 0; i < 3; i++) {
    using _frame = alloc.frame();
    alloc.frameSlice(Uint8Array, kilobytes(16)).fill(0xbb);
  }
}

// Retention

for (const { source, safety, name } of SUPPORTED) {
  Deno.test(`endFrameWithPromotions() makes copies that later frames do not touch on ${name}`, () => {
    const alloc = new SmartAlloc({ source, safety, frameArenaSize: kilobytes(16) });
    alloc.scratchPool("level");
    alloc.beginFrame();
    const records = [PromoteToPool, PromoteToHeap, PromoteToScratch("level")].map((policy, i) =>
      alloc.frameRetained(Body, policy, { id: i, at: [1, 2, 3], mass: 0.5 })
    );
    records[0]!.mass = 8; // what counts is what it holds at the end
    const result = alloc.endFrameWithPromotions();
    overwrite(alloc);
    const copies = records.map((record) => result.of(record)!);
    assertEquals(copies.map(({ record }) => Body.toObject(record)), [
      { id: 0, at: { x: 1, y: 2, z: 3 }, mass: 8 },
      { id: 1, at: { x: 1, y: 2, z: 3 }, mass: 0.5 },
      { id: 2, at: { x: 1, y: 2, z: 3 }, mass: 0.5 },
    ]);
    copies[0]!.record.at.set(7, 7, 7);
    assertEquals(copies.map(({ record }) => record.at.x), [7, 1, 1]);
    assertEquals(result.promotions.map(({ box }) => box), copies);
  });

  Deno.test(`a copy that was freed is FA401 and FA403, also when its slot has another record, on ${name}`, () => {
    const alloc = new SmartAlloc({ source, safety });
    const promote = (id: number): PromotedBox<{ id: number }>[] => {
      alloc.beginFrame();
      const records = [PromoteToPool, PromoteToHeap].map((policy) => alloc.frameRetained(Body, policy, { id }));
      const result = alloc.endFrameWithPromotions();
      return records.map((record) => result.of(record)!);
    };
    const old = promote(1);
    const { id } = old[0]!.record;
    for (const copy of old) copy.free();
    for (const copy of old) assertCode("FA403", () => copy.free());
    const young = promote(2);
    assertEquals([id, alloc.stats().pool.live, alloc.stats().heap.live], [1, 1, 1]);
    assertEquals(alloc.stats().pool.reserved, 65_536);
    if (safety === "release") return; // nobody is told, and records are recycled
    for (const copy of old) {
      assertCode("FA401", () => copy.record.id);
      assertCode("FA401", () => copy.record.id = 3);
      assertCode("FA403", () => copy.free());
      copy[Symbol.dispose]();
    }
    assertEquals([...old, ...young].map(({ isFreed }) => isFreed), [true, true, false, false]);
    assertEquals(young.map(({ record }) => record.id), [2, 2]);
    for (const copy of young) {
      using _copy = copy;
    }
    assertEquals(alloc.leaks(), []);
  });
}

Deno.test("frameRetained() holds zeros where nothing is given, whatever its memory held", () => {
  for (const safety of SAFETIES) {
    const alloc = new SmartAlloc({ safety, frameArenaSize: kilobytes(16) });
    overwrite(alloc);
    alloc.beginFrame();
    const body = alloc.frameRetained(Body, PromoteToPool, { mass: 2 });
    const number = alloc.frameWithImportance(f32, Importance.Persistent);
    assertEquals([body.id, body.at.toArray(), body.mass, number.value], [0, [0, 0, 0], 2, 0]);
    const result = alloc.endFrameWithPromotions();
    assertEquals([result.of(body)!.record.mass, result.of(number)!.record.value], [2, 0]);
  }
});

Deno.test("a plain endFrame() discards, and nothing of it comes up in a later frame", () => {
  const ends: Record<string, (alloc: SmartAlloc) => unknown> = {
    endFrame: (alloc) => alloc.endFrame(),
    endFrameWithSummary: (alloc) => alloc.endFrameWithSummary(),
    guard: () => {},
  };
  for (const safety of SAFETIES) {
    for (const [name, end] of Object.entries(ends)) {
      const alloc = new SmartAlloc({ safety, frameArenaSize: kilobytes(16) });
      const guard = name === "guard" ? alloc.frame() : alloc.beginFrame();
      const lost = alloc.frameRetained(u32, PromoteToPool, 0xaaaaaaaa);
      end(alloc);
      guard?.end();
      alloc.beginFrame();
      alloc.frameSlice(Uint8Array, 64).fill(0xbb);
      const result = alloc.endFrameWithPromotions();
      assertEquals([result.promotions, result.of(lost), alloc.leaks()], [[], undefined, []]);
      assertEquals([result.summary.pool, result.summary.discarded], [{ count: 0, bytes: 0 }, { count: 0, bytes: 0 }]);
    }
  }
});

Deno.test("result.of() tells each record from the others, also those that were discarded", () => {
  for (const safety of SAFETIES) {
    const alloc = new SmartAlloc({ safety });
    alloc.beginFrame();
    const policies = [Discard, PromoteToPool, Discard, Importance.Ephemeral, Importance.Reusable];
    const records = policies.map((policy, i) => alloc.frameRetained(u32, policy, i));
    const plain = alloc.frameAlloc(u32);
    const result = alloc.endFrameWithPromotions();
    assertEquals(records.map((record) => result.of(record)?.record.value), [undefined, 1, undefined, undefined, 4]);
    assertEquals([result.of(plain), result.of({})], [undefined, undefined]);
    assertNotStrictEquals(result.of(records[1]!), result.of(records[4]!));
    assertStrictEquals(result.of(records[4]!), result.promotions[1]!.box as unknown);
    assertEquals(result.summary.discarded, { count: 3, bytes: 12 });
  }
});

Deno.test("what is rolled back is not promoted, and what is committed is", () => {
  for (const safety of SAFETIES) {
    const alloc = new SmartAlloc({ safety });
    alloc.beginFrame();
    const retain = (id: number) => alloc.frameRetained(Body, PromoteToPool, { id });
    const records = [retain(0)];
    const checkpoint = alloc.frameCheckpoint();
    records.push(retain(1));
    alloc.rollbackTo(checkpoint);
    const committed = alloc.scope();
    records.push(retain(2));
    {
      using _ended = alloc.scope();
      records.push(retain(3));
    }
    committed.commit();
    records.push(retain(4));
    alloc.speculative(() => records.push(retain(5)));
    alloc.speculative(() => {
      records.push(retain(6));
      throw new Error("no");
    });
    const result = alloc.endFrameWithPromotions();
    assertEquals(records.map((record) => result.of(record)?.record.id), [0, undefined, 2, undefined, 4, 5, undefined]);
    assertEquals([result.promotions.length, result.summary.failed.count, alloc.leaks().length], [4, 0, 4]);
    alloc.beginFrame();
    const outer = alloc.frameCheckpoint();
    alloc.speculative(() => retain(7)); // committed, and then rolled back by what is around it
    alloc.rollbackTo(outer);
    assertEquals(alloc.endFrameWithPromotions().promotions.length, 0);
  }
});

Deno.test("what is rolled back is not promoted, also where another allocator has made it", () => {
  const other = new SmartAlloc();
  const alloc = new SmartAlloc();
  alloc.budgets.setTag("a", { hard: 64, policy: { spill: other } });
  using _frame = other.frame();
  alloc.beginFrame();
  const full = alloc.withTag("a", () => alloc.poolBox(array(u8, 64)));
  const kept = alloc.withTag("a", () => alloc.frameRetained(u32, PromoteToPool, 1));
  const checkpoint = alloc.frameCheckpoint();
  const dropped = alloc.withTag("a", () => alloc.frameRetained(u32, PromoteToPool, 2));
  assertEquals([other.stats().frame.allocations, alloc.stats().frame.allocations], [2, 0]);
  full.free();
  alloc.rollbackTo(checkpoint);
  const result = alloc.endFrameWithPromotions();
  assertEquals([result.of(kept)?.record.value, result.of(dropped)], [1, undefined]);
  assertEquals(result.promotions.length, 1);
});

Deno.test("a frame can be promoted although another allocator has ended what it made for it", () => {
  const other = new SmartAlloc();
  const alloc = new SmartAlloc();
  alloc.budgets.setTag("a", { hard: 64, policy: { spill: other } });
  other.beginFrame();
  alloc.beginFrame();
  const full = alloc.withTag("a", () => alloc.poolBox(array(u8, 64)));
  const gone = alloc.withTag("a", () => alloc.frameRetained(u32, PromoteToPool, 1));
  const kept = alloc.frameRetained(u32, PromoteToPool, 2);
  full.free();
  other.endFrame();
  const result = alloc.endFrameWithPromotions();
  assertEquals([result.of(kept)?.record.value, result.of(gone), alloc.inFrame], [2, undefined, false]);
  assertEquals(alloc.leaks().length, 1);
});

Deno.test("a copy is charged to the tag of its record, and not to that of the caller", () => {
  const alloc = new SmartAlloc();
  alloc.scratchPool("s");
  alloc.beginFrame();
  alloc.withTag("ai", () => {
    alloc.frameRetained(Body, PromoteToPool);
    alloc.withTag("paths", () => alloc.frameRetained(Body, PromoteToHeap));
  });
  alloc.frameRetained(Body, PromoteToScratch("s"));
  const { promotions, summary } = alloc.withTag("caller", () => {
    const result = alloc.endFrameWithPromotions();
    assertEquals(alloc.tagPath, "caller");
    return result;
  });
  const { tags } = alloc.stats();
  const inUse = Object.fromEntries(tags.map((tag) => [tag.path, tag.inUse]));
  const none = { frame: 0, pool: 0, heap: 0, handles: 0, groups: 0, scratch: 0, streaming: 0, tasks: 0, gpu: 0 };
  assertEquals(inUse, {
    "": { ...none, scratch: 32 },
    ai: { ...none, pool: 32 },
    "ai::paths": { ...none, heap: 32 },
  });
  assertEquals(promotions.map(({ tag }) => tag), ["ai", "ai::paths", ""]);
  // The report of the frame says the same.
  assertEquals(Object.fromEntries(summary.frame.tags.map((tag) => [tag.path, tag.inUse])), inUse);
  for (const { box } of promotions) box!.free();
  assertEquals([outside(alloc, "ai"), outside(alloc, "ai::paths"), outside(alloc, "")], [0, 0, 32]);
});

Deno.test("endFrameWithSummary() reports what groups and scratch pools have taken in the frame", () => {
  const alloc = new SmartAlloc();
  alloc.beginFrame();
  alloc.scratchPool("s").alloc(Body);
  alloc.groups.create("g").alloc(Body);
  const [root] = alloc.endFrameWithSummary().tags;
  assertEquals([root?.inUse.scratch, root?.inUse.groups], [32, 32]);
});

Deno.test("the summary counts by policy, tag, phase and reason", () => {
  const alloc = new SmartAlloc();
  alloc.scratchPool("s");
  alloc.beginFrame();
  alloc.beginPhase("update");
  alloc.withTag("ai", () => {
    alloc.frameRetained(Body, PromoteToPool);
    alloc.frameRetained(Body, Discard);
    alloc.frameRetained(Large, PromoteToPool);
  });
  alloc.endPhase();
  alloc.frameRetained(Body, PromoteToScratch("nowhere"));
  alloc.beginPhase("draw");
  alloc.beginPhase("update");
  alloc.frameRetained(f32, PromoteToHeap);
  alloc.frameRetained(f32, PromoteToScratch("s"));
  const { summary, promotions } = alloc.endFrameWithPromotions();
  const none = { count: 0, bytes: 0 };
  const nothing = { discarded: none, pool: none, heap: none, scratch: none, failed: none };
  const { frame, failures, tags, phases, ...counts } = summary;
  assertEquals(counts, {
    discarded: { count: 1, bytes: 20 },
    pool: { count: 1, bytes: 20 },
    heap: { count: 1, bytes: 4 },
    scratch: { count: 1, bytes: 4 },
    failed: { count: 2, bytes: 8020 },
  });
  assertEquals(failures, {
    TooLarge: 1,
    BudgetExceeded: 0,
    ScratchPoolNotFound: 1,
    ScratchPoolFull: 0,
    SourceRefused: 0,
  });
  assertEquals(tags, [
    { path: "ai", ...nothing, pool: counts.pool, discarded: counts.discarded, failed: { count: 1, bytes: 8000 } },
    { path: "", ...nothing, heap: counts.heap, scratch: counts.scratch, failed: { count: 1, bytes: 20 } },
  ]);
  assertEquals(phases, [
    { name: "update", ...counts, failed: { count: 1, bytes: 8000 } },
    { name: "", ...nothing, failed: { count: 1, bytes: 20 } },
  ]);
  assertEquals(promotions.map(({ to, layout, bytes, tag, phase }) => [to, layout, bytes, tag, phase]), [
    ["pool", Body, 20, "ai", "update"],
    ["pool", Large, 8000, "ai", "update"],
    ["scratch", Body, 20, "", ""],
    ["heap", f32, 4, "", "update"],
    ["scratch", f32, 4, "", "update"],
  ]);
  assertEquals([frame.number, frame.allocations, frame.bytes], [1, 6, 32 * 3 + 8000 + 16 * 2]);
});

Deno.test("promotions and their summary do not depend on the level of statistics", () => {
  for (const stats of ["off", "totals", "tags"] as const) {
    const alloc = new SmartAlloc({ stats });
    using _tag = alloc.tag("ai");
    alloc.beginFrame();
    alloc.beginPhase("update");
    const body = alloc.frameRetained(Body, PromoteToPool, { id: 5 });
    const result = alloc.endFrameWithPromotions();
    assertEquals(result.of(body)?.record.id, 5);
    assertEquals(result.summary.tags.map((tag) => [tag.path, tag.pool]), [["ai", { count: 1, bytes: 20 }]]);
    assertEquals(result.summary.phases.map((phase) => [phase.name, phase.pool]), [["update", { count: 1, bytes: 20 }]]);
  }
});

Deno.test("copies keep the alignment of their layout, wherever they go", () => {
  const Shader = struct("Shader", { small: u32, basis: mat3x3f, at: vec3f }, { rules: "wgsl" });
  assertEquals(Shader.align, 16);
  for (const { source, safety } of SUPPORTED) {
    const alloc = new SmartAlloc({ source, safety });
    alloc.scratchPool("s").alloc(u8);
    alloc.beginFrame();
    for (let i = 0; i < 100; i++) {
      alloc.frameRetained(u8, [PromoteToPool, PromoteToHeap, PromoteToScratch("s")][i % 3]!);
      alloc.frameRetained(Shader, [PromoteToPool, PromoteToHeap, PromoteToScratch("s")][i % 3]!);
    }
    for (const { box } of alloc.endFrameWithPromotions().promotions) {
      const { $pos } = box!.record as { $pos: { offset: number } };
      assertEquals($pos.offset % 16, 0);
    }
  }
});

// Failures

/** Makes the promotion of a `Body` under the tag `"a"` fail. */
interface Failing {
  readonly failure: PromotionFailure;
  readonly policy: RetentionPolicy;
  readonly layout?: Layout;
  readonly arrange?: (alloc: SmartAlloc, source: CountingSource) => void;
}

const FAILURES: Readonly<Record<string, Failing>> = {
  "a record larger than every slot": { failure: "TooLarge", policy: PromoteToPool, layout: Large },
  "the limit of its tag, in the pool": {
    failure: "BudgetExceeded",
    policy: PromoteToPool,
    arrange: (alloc) => alloc.budgets.setTag("a", { hard: 63 }),
  },
  "the limit of its tag, on the heap": {
    failure: "BudgetExceeded",
    policy: PromoteToHeap,
    arrange: (alloc) => alloc.budgets.setTag("a", { hard: 63 }),
  },
  "the limit of its tag, in a scratch pool": {
    failure: "BudgetExceeded",
    policy: PromoteToScratch("s"),
    arrange: (alloc) => alloc.budgets.setTag("a", { hard: 63 }),
  },
  "the global limit, in the pool": {
    failure: "BudgetExceeded",
    policy: PromoteToPool,
    arrange: (alloc) => alloc.budgets.setGlobal({ hard: 0 }),
  },
  "the global limit, on the heap": {
    failure: "BudgetExceeded",
    policy: PromoteToHeap,
    arrange: (alloc) => alloc.budgets.setGlobal({ hard: 0 }),
  },
  "the global limit, in a scratch pool": {
    failure: "BudgetExceeded",
    policy: PromoteToScratch("full"),
    arrange: (alloc) => alloc.budgets.setGlobal({ hard: 0 }),
  },
  "a scratch pool that is not there": { failure: "ScratchPoolNotFound", policy: PromoteToScratch("nowhere") },
  "a scratch pool that was disposed of": {
    failure: "ScratchPoolNotFound",
    policy: PromoteToScratch("s"),
    arrange: (alloc) => alloc.scratchPool("s").dispose(),
  },
  "a scratch pool at its limit": { failure: "ScratchPoolFull", policy: PromoteToScratch("limited") },
  "a source without pages": {
    failure: "SourceRefused",
    policy: PromoteToPool,
    arrange: (_, source) => source.isGenerous = false,
  },
  "a source without blocks": {
    failure: "SourceRefused",
    policy: PromoteToHeap,
    arrange: (_, source) => source.isGenerous = false,
  },
  "a source without chunks for a scratch pool": {
    failure: "SourceRefused",
    policy: PromoteToScratch("full"),
    arrange: (_, source) => source.isGenerous = false,
  },
};

for (const [what, { failure, policy, layout = Body, arrange }] of Object.entries(FAILURES)) {
  Deno.test(`${what} makes a promotion fail with ${failure}, and no other of the frame`, () => {
    const source = new CountingSource();
    const alloc = new SmartAlloc({ source, poolClasses: [32, 64], poolPageSize: 1024 });
    alloc.scratchPool("s", { size: 1024 });
    alloc.scratchPool("full", { size: 1024 }).allocSlice(Uint8Array, 1024);
    alloc.scratchPool("limited", { size: 64, maxBytes: 64 }).allocSlice(Uint8Array, 48);
    const room = alloc.poolBox(array(u8, 50)); // of another size, so that this one has a page and the others none
    alloc.heapAlloc(50).free();
    alloc.beginFrame();
    const first = alloc.frameRetained(array(u8, 60), PromoteToPool);
    const failing = alloc.withTag("a", () => alloc.frameRetained(layout, policy)) as object;
    const last = alloc.frameRetained(array(u8, 60), PromoteToHeap);
    const unsaved = alloc.withTag("a", () => alloc.frameRetained(layout, policy)) as object;
    arrange?.(alloc, source);
    const result = alloc.endFrameWithPromotions();
    assertEquals(result.promotions.map((promotion) => promotion.failure), [undefined, failure, undefined, failure]);
    assert(result.of(first) !== undefined && result.of(last) !== undefined);
    assertEquals([result.of(failing), result.of(unsaved), alloc.inFrame], [undefined, undefined, false]);
    assertEquals([result.summary.failures[failure], result.summary.failed.count], [2, 2]);
    assertEquals(Object.values(result.summary.failures).reduce((sum, count) => sum + count), 2);
    assertEquals([outside(alloc, "a"), alloc.leaks().length, room.isFreed], [0, 3, false]);
  });
}

Deno.test("a tag's limit lets through what fits, in the order of allocation", () => {
  const alloc = new SmartAlloc();
  alloc.budgets.setTag("a", { hard: 32 * 4 + 32 * 2 });
  alloc.beginFrame();
  for (let id = 0; id < 4; id++) alloc.withTag("a", () => alloc.frameRetained(Body, PromoteToPool, { id }));
  const { promotions, summary } = alloc.endFrameWithPromotions();
  assertEquals(promotions.map((promotion) => promotion.failure), [
    undefined,
    undefined,
    "BudgetExceeded",
    "BudgetExceeded",
  ]);
  assertEquals([summary.pool.count, alloc.budgets.stats[0]?.used], [2, 64]);
});

// Callbacks

for (const safety of SAFETIES) {
  for (const policy of [PromoteToPool, PromoteToHeap, PromoteToScratch("s")]) {
    const title = `to the ${policy.to} in ${safety}`;

    /** A frame for four records, each of which is charged 32 bytes; the callback comes in the middle of their promotion, once. */
    const arrange = (interfere: (alloc: SmartAlloc) => void): SmartAlloc => {
      const alloc = new SmartAlloc({ safety });
      alloc.scratchPool("s");
      alloc.beginFrame();
      let isOver = false;
      const onCross = (): void => {
        if (isOver) return;
        isOver = true;
        interfere(alloc);
      };
      alloc.budgets.setTag("a", { soft: 4 * 32 + 2 * 32, onCross });
      return alloc;
    };
    const fill = (alloc: SmartAlloc): void => {
      for (let id = 0; id < 4; id++) alloc.withTag("a", () => alloc.frameRetained(Body, policy, { id }));
    };

    Deno.test(`a callback that throws leaves the frame open and nothing behind, ${title}`, () => {
      const error = new Error("no");
      const alloc = arrange(() => {
        throw error;
      });
      fill(alloc);
      using _tag = alloc.tag("caller");
      assertStrictEquals(assertThrows(() => alloc.endFrameWithPromotions()), error);
      assertEquals([alloc.inFrame, alloc.frameNumber, alloc.tagPath, alloc.leaks()], [true, 1, "caller", []]);
      assertEquals([alloc.stats().pool.live, alloc.stats().heap.live], [0, 0]);
      if (policy.to === "scratch") alloc.scratchPool("s").reset();
      assertEquals(outside(alloc, "a"), 0);
      const { promotions } = alloc.endFrameWithPromotions();
      assertEquals(promotions.map(({ box }) => (box!.record as { id: number }).id), [0, 1, 2, 3]);
      assertEquals([alloc.inFrame, outside(alloc, "a")], [false, 128]);
    });

    Deno.test(`a callback that ends the frame is FA002 and leaves nothing behind, ${title}`, () => {
      const alloc = arrange((alloc) => alloc.endFrame());
      fill(alloc);
      assertCode("FA002", () => alloc.endFrameWithPromotions());
      assertEquals([alloc.inFrame, alloc.leaks()], [false, []]);
      assertEquals([alloc.stats().pool.live, alloc.stats().heap.live], [0, 0]);
    });

    Deno.test(`a callback that begins another frame does not have that ended, ${title}`, () => {
      const alloc = arrange((alloc) => {
        alloc.endFrame();
        alloc.beginFrame();
        alloc.frameSlice(Uint8Array, 1000).fill(0xbb);
      });
      fill(alloc);
      assertCode("FA002", () => alloc.endFrameWithPromotions());
      assertEquals([alloc.inFrame, alloc.frameNumber, alloc.leaks()], [true, 2, []]);
    });

    Deno.test(`what a callback rolls back is not promoted, ${title}`, () => {
      const alloc = arrange((alloc) => alloc.rollbackTo(checkpoint));
      const checkpoint = alloc.frameCheckpoint();
      fill(alloc);
      try {
        assertEquals(alloc.endFrameWithPromotions().promotions.length, 0);
      } catch (error) {
        assert(error instanceof FrameAllocError && error.code === "FA002", String(error));
      }
      assertEquals(alloc.leaks(), []);
    });

    Deno.test(`a callback may use the allocator, ${title}`, () => {
      const others: PromotedBox<{ id: number }>[] = [];
      const alloc = arrange((alloc) => {
        alloc.withTag("b", () => others.push(alloc.promote(alloc.frameBox(Body, { id: 9 }).value, policy)));
      });
      fill(alloc);
      const { promotions } = alloc.endFrameWithPromotions();
      assertEquals(promotions.map(({ box }) => (box!.record as { id: number }).id), [0, 1, 2, 3]);
      assert(others.length > 0 && others.every(({ record }) => record.id === 9));
      assertEquals(outside(alloc, "a"), 4 * 32);
    });
  }
}

Deno.test("a callback that ends the frame makes promote() fail with FA002 and leaves nothing behind", () => {
  for (const safety of ["checked", "revoke"] as const) {
    for (const policy of [PromoteToHeap, PromoteToPool]) {
      for (const what of ["record", "slice"] as const) {
        if (what === "slice" && (policy === PromoteToPool || safety === "checked")) continue; // slices are not checked then
        const alloc = new SmartAlloc({ safety });
        alloc.beginFrame();
        let isOver = false;
        const onCross = (): void => {
          if (!isOver) alloc.endFrame();
          isOver = true;
        };
        alloc.budgets.setTag("a", { soft: 32, onCross });
        alloc.withTag("a", () => {
          const value = what === "record" ? alloc.frameAlloc(Body) : alloc.frameSlice(Uint8Array, 32);
          assertCode("FA002", () => alloc.promote(value as object, policy));
        });
        assertEquals([isOver, alloc.inFrame], [true, false]);
        assertEquals([alloc.leaks(), outside(alloc, "a")], [[], 0]);
      }
    }
  }
});

// Misuse

Deno.test("endFrameWithPromotions() outside a frame is FA005", () => {
  const alloc = new SmartAlloc();
  assertCode("FA005", () => alloc.endFrameWithPromotions());
  alloc.beginFrame();
  alloc.frameRetained(Body, PromoteToPool);
  alloc.endFrameWithPromotions();
  assertCode("FA005", () => alloc.endFrameWithPromotions());
  assertEquals([alloc.leaks().length, alloc.stats().totals.frames], [1, 1]);
});

Deno.test("frameRetained() outside a frame is FA001, and FA012 after dispose", () => {
  const alloc = new SmartAlloc();
  assertCode("FA001", () => alloc.frameRetained(Body, PromoteToPool));
  assertCode("FA001", () => alloc.frameWithImportance(Body, Importance.Reusable));
  alloc.beginFrame();
  alloc.dispose();
  assertCode("FA012", () => alloc.frameRetained(Body, PromoteToPool));
});

Deno.test("frameRetained() refuses what is no policy or no layout, and retains nothing then", () => {
  const alloc = new SmartAlloc({ frameArenaSize: kilobytes(1), growth: "fail" });
  alloc.beginFrame();
  for (const policy of [undefined, null, "pool", {}, { to: "moon" }, { to: "scratch" }, { to: "scratch", pool: 3 }]) {
    assertCode("FA008", () => alloc.frameRetained(Body, policy as never));
    assertCode("FA008", () => alloc.frameWithImportance(Body, policy as never));
  }
  assertEquals(alloc.stats().frame.allocations, 0);
  for (const layout of [{}, "f32", null, undefined] as never[]) {
    assertCode("FA008", () => alloc.frameRetained(layout, PromoteToPool));
  }
  assertCode("FA022", () => alloc.frameRetained(Body, PromoteToPool, { mass: "heavy" } as never));
  assertCode("FA003", () => alloc.frameRetained(Large, PromoteToHeap));
  alloc.budgets.setTag("a", { hard: 16 });
  assertCode("FA352", () => alloc.withTag("a", () => alloc.frameRetained(Body, PromoteToPool)));
  assertEquals(alloc.endFrameWithPromotions().promotions.length, 0);
});

// One at a time

const CELLS = { number: [f32, 1.5], big: [i64, -5n], truth: [bool, true] } as const;

for (const { source, safety, name } of SUPPORTED) {
  Deno.test(`promote() copies a record to wherever it is told on ${name}`, () => {
    const alloc = new SmartAlloc({ source, safety, frameArenaSize: kilobytes(16) });
    const scratch = alloc.scratchPool("s");
    alloc.beginFrame();
    const record = alloc.frameAlloc(Body);
    Body.assign(record, { id: 1, at: [1, 2, 3], mass: 0.5 });
    const copies = [
      alloc.promote(record),
      alloc.promote(record, PromoteToPool),
      alloc.promote(record, PromoteToHeap),
      alloc.promote(record, PromoteToScratch("s")),
    ];
    record.id = 2;
    alloc.endFrame();
    overwrite(alloc);
    for (const copy of copies) {
      assertEquals(Body.toObject(copy.record), { id: 1, at: { x: 1, y: 2, z: 3 }, mass: 0.5 });
      assertEquals(copy.isFreed, false);
    }
    assertEquals([alloc.stats().pool.live, alloc.stats().heap.live, scratch.used], [2, 1, 32]);
    for (const copy of copies) copy.free();
    assertEquals(copies.map(({ isFreed }) => isFreed), [true, true, true, false]);
    assertEquals([alloc.leaks(), copies[3]!.record.id], [[], 1]);
    for (const copy of copies.slice(0, 3)) assertCode("FA403", () => copy.free());
    scratch.reset();
    assertEquals(copies[3]!.isFreed, true);
    copies[3]!.free();
    if (safety !== "release") { for (const copy of copies) assertCode("FA401", () => copy.record.id); }
  });

  Deno.test(`promote() copies a slice of every kind on ${name}`, () => {
    const alloc = new SmartAlloc({ source, safety, frameArenaSize: kilobytes(16) });
    const scratch = alloc.scratchPool("s");
    const kinds: readonly TypedArrayConstructor[] = [
      Int8Array,
      Uint8Array,
      Uint8ClampedArray,
      Int16Array,
      Uint16Array,
      Int32Array,
      Uint32Array,
      Float32Array,
      Float64Array,
      BigInt64Array,
      BigUint64Array,
    ];
    for (const kind of kinds) {
      alloc.beginFrame();
      const slice = alloc.frameSlice(kind, 5);
      const one = kind === BigInt64Array || kind === BigUint64Array ? 1n : 1;
      for (let i = 0; i < 5; i++) slice.fill((one === 1 ? i + 1 : BigInt(i + 1)) as never, i);
      const copies = [
        alloc.promote(slice),
        alloc.promote(slice, PromoteToHeap),
        alloc.promote(slice, PromoteToScratch("s")),
        alloc.promote(slice.subarray(0, 5), PromoteToHeap),
      ];
      slice.fill(one as never);
      alloc.endFrame();
      overwrite(alloc);
      for (const copy of copies) {
        assert(copy.slice instanceof kind && copy.slice.constructor === kind);
        assertEquals([...copy.slice].map(Number), [1, 2, 3, 4, 5]);
      }
      const kept = copies.map((copy) => copy.slice);
      for (const copy of copies) copy.free();
      assertEquals(copies.map(({ isFreed }) => isFreed), [true, true, false, true]);
      assertEquals(kept.map(({ length }) => length), [0, 0, 5, 0]);
      for (const copy of [copies[0]!, copies[1]!, copies[3]!]) {
        assertCode("FA401", () => copy.slice);
        assertCode("FA403", () => copy.free());
        copy[Symbol.dispose]();
      }
      scratch.reset();
      assertEquals(copies[2]!.isFreed, true);
      copies[2]!.free();
    }
    assertEquals(alloc.leaks(), []);
  });
}

Deno.test("a slice in a scratch pool is FA401 once that was reset or disposed of", () => {
  for (const safety of SAFETIES) {
    const alloc = new SmartAlloc({ safety });
    const scratch = alloc.scratchPool("s");
    using _frame = alloc.frame();
    const early = alloc.promote(alloc.frameSlice(Uint8Array, 4).fill(1), PromoteToScratch("s"));
    scratch.reset();
    const late = alloc.promote(alloc.frameSlice(Uint8Array, 4).fill(2), PromoteToScratch("s"));
    assertEquals([early.isFreed, late.isFreed, late.slice[0]], [true, false, 2]);
    assertCode("FA401", () => early.slice);
    scratch.dispose();
    assertEquals(late.isFreed, true);
    assertCode("FA401", () => late.slice);
    alloc.scratchPool("s").allocSlice(Uint8Array, 4); // another pool of the same name
    assertEquals([early.isFreed, late.isFreed], [true, true]);
  }
});

Deno.test("promote() copies cells, boxes, parts of records and what lives elsewhere", () => {
  const Ship = struct("Ship", { name: u8, body: Body, wheels: array(Body, 3), gains: array(f32, 3), basis: mat3x3f });
  const alloc = new SmartAlloc();
  using _frame = alloc.frame();
  for (const [name, [layout, value]] of Object.entries(CELLS)) {
    const copy = alloc.promote(alloc.frameBox(layout as typeof f32, value as number), PromoteToHeap);
    assertEquals(copy.record.value, value as number, name);
    const other = alloc.promote(alloc.frameRetained(layout as typeof f32, Discard, value as number));
    assertEquals(other.record.value, value as number, name);
  }
  const box = alloc.frameBox(Ship, {
    name: 3,
    body: { id: 1, at: [1, 2, 3] },
    wheels: [{ id: 2 }, { id: 3, at: [4, 5, 6] }, { id: 4 }],
    gains: [7, 8, 9],
    basis: [1, 2, 3, 4, 5, 6, 7, 8, 9],
  });
  const ship = box.value;
  const batch = alloc.frameAllocBatch(Body, 3);
  batch.at(1).id = 5;
  const cursor = batch.cursor();
  while (cursor.next() && cursor.record.id !== 5);
  const handle = alloc.handles.alloc(Body, { id: 6 });
  const living = [
    ship,
    ship.body,
    ship.body.at,
    ship.wheels,
    ship.wheels.at(1),
    ship.wheels.at(1).at,
    ship.gains,
    ship.basis,
    batch.at(1),
    cursor.record,
    alloc.frameVec(Body).push({ id: 8 }),
    alloc.frameMap(u32, Body).set(1, { id: 9 }).get(1)!,
    alloc.poolAlloc(vec3f).set(1, 2, 3),
    alloc.handles.resolve(handle),
    alloc.groups.create("g").allocBox(Body, { id: 7 }).value,
  ];
  for (const policy of [PromoteToPool, PromoteToHeap]) {
    for (const one of living) {
      const { record } = alloc.promote(one, policy);
      assertNotStrictEquals(record, one);
      assertEquals(JSON.stringify(record), JSON.stringify(one));
    }
  }
  const boxes = [box, alloc.poolBox(Ship, { name: 3, body: ship.body, gains: [7, 8, 9] }), alloc.heapBox(Ship)];
  for (const one of boxes) {
    // A box gives the record that it holds.
    const { record } = alloc.promote(one);
    assertEquals(JSON.stringify(record), JSON.stringify(one.value));
  }
  batch.at(1).id = 0;
  ship.wheels.at(1).at.x = 0;
  const part = alloc.promote(ship.wheels.at(1));
  part.record.at.x = 11;
  assertEquals([ship.wheels.at(1).at.x, part.record.id], [0, 3]);
});

Deno.test("promote() copies boxes of scalars, wherever they are", () => {
  const alloc = new SmartAlloc();
  using _frame = alloc.frame();
  for (const box of [alloc.poolBox(f32, 1.5), alloc.heapBox(f32, 1.5)]) {
    const { record } = alloc.promote(box) as unknown as PromotedBox<{ value: number }>;
    assertEquals(record.value, 1.5);
  }
});

Deno.test("promote() puts a record that is larger than every slot into a block, as poolAlloc does", () => {
  const alloc = new SmartAlloc();
  using _frame = alloc.frame();
  const large = alloc.frameBox(Large).value;
  large.data.set(999, 1.5);
  const copy = alloc.promote(large, PromoteToPool);
  assertEquals([copy.record.data.at(999), alloc.stats().pool.large, alloc.stats().heap.live], [1.5, 1, 0]);
  copy.free();
  assertCode("FA401", () => copy.record.data.at(0));
  assertEquals(alloc.leaks(), []);
});

Deno.test("promote() books the copy to the innermost tag", () => {
  const alloc = new SmartAlloc();
  alloc.scratchPool("s");
  using _frame = alloc.frame();
  const body = alloc.withTag("frame", () => alloc.frameAlloc(Body));
  alloc.withTag("a", () => {
    alloc.promote(body, PromoteToPool);
    alloc.promote(body, PromoteToHeap);
    alloc.promote(alloc.frameSlice(Uint8Array, 20), PromoteToHeap);
    alloc.promote(body, PromoteToScratch("s"));
  });
  assertEquals([outside(alloc, "a"), outside(alloc, "frame")], [4 * 32, 0]);
  assertEquals(alloc.leaks().map(({ kind, name, tag, bytes }) => [kind, name, tag, bytes]), [
    ["pool record", "Body", "a", 32],
    ["heap block", "Body", "a", 20],
    ["heap block", "Uint8Array", "a", 20],
  ]);
});

Deno.test("promote() of what has ended is FA002, or FA401 where it was freed by hand", () => {
  for (const safety of ["checked", "revoke"] as const) {
    const alloc = new SmartAlloc({ safety });
    alloc.beginFrame();
    const body = alloc.frameAlloc(Body);
    const { at } = body;
    const [cell, box, slice] = [alloc.frameBox(f32), alloc.frameBox(Body), alloc.frameSlice(Uint8Array, 16)];
    const scope = alloc.scope();
    const scoped = alloc.frameAlloc(Body);
    scope.end();
    assertCode("FA002", () => alloc.promote(scoped), "scope");
    alloc.endFrame();
    alloc.beginFrame();
    alloc.frameSlice(Uint8Array, 1000).fill(0xbb);
    for (const policy of [undefined, PromoteToPool, PromoteToHeap, PromoteToScratch("nowhere")]) {
      for (const value of [body, at, cell, box]) assertCode("FA002", () => alloc.promote(value as object, policy));
    }
    if (safety === "revoke") {
      for (const policy of [undefined, PromoteToHeap]) assertCode("FA002", () => alloc.promote(slice, policy));
    }
    const freed = alloc.poolAlloc(Body);
    alloc.poolFree(freed);
    const heap = alloc.heapBox(Body);
    heap.free();
    assertCode("FA401", () => alloc.promote(freed));
    assertCode("FA401", () => alloc.promote(heap));
    assertEquals([alloc.leaks(), alloc.stats().heap.live], [[], 0]);
  }
});

Deno.test("promote() of what cannot be promoted is FA008, and of a scratch pool that is not there FA404", () => {
  const alloc = new SmartAlloc();
  using _frame = alloc.frame();
  const wrong = [
    null,
    undefined,
    3,
    "x",
    {},
    [],
    { value: 3 },
    { value: null },
    new DataView(new ArrayBuffer(8)),
    new ArrayBuffer(8),
    alloc.frameAllocBatch(Body, 2),
    alloc.frameVec(Body),
    alloc.frameVec(f32),
    alloc.frameString("x"),
    alloc.frameMap(u32, Body),
    alloc.frameColumns(Body, 2),
    alloc.heapAlloc(16),
  ];
  for (const value of wrong as never[]) {
    assertCode("FA008", () => alloc.promote(value));
    assertCode("FA008", () => alloc.promote(value, PromoteToHeap));
  }
  const [body, slice] = [alloc.frameAlloc(Body), alloc.frameSlice(Uint8Array, 4)];
  for (const policy of [Discard, Importance.Ephemeral, "pool", {}, { to: "moon" }, { to: "scratch" }] as never[]) {
    assertCode("FA008", () => alloc.promote(body, policy));
    assertCode("FA008", () => alloc.promote(slice, policy));
  }
  assertCode("FA008", () => alloc.promote(slice, PromoteToPool), "pool");
  assertCode("FA404", () => alloc.promote(body, PromoteToScratch("nowhere")), '"nowhere"');
  assertCode("FA404", () => alloc.promote(slice, PromoteToScratch("nowhere")), '"nowhere"');
  assertEquals([alloc.stats().heap.live, alloc.stats().pool.live], [1, 0]);
});

Deno.test("promote() of an empty slice gives an empty slice", () => {
  const alloc = new SmartAlloc();
  alloc.scratchPool("s");
  using _frame = alloc.frame();
  for (const slice of [alloc.frameSlice(Float64Array, 0), new Float64Array(0)]) {
    const copies = [alloc.promote(slice), alloc.promote(slice, PromoteToScratch("s"))];
    assertEquals(copies.map(({ slice, isFreed }) => [slice.length, isFreed]), [[0, false], [0, false]]);
    copies[0]!.free();
    assertCode("FA403", () => copies[0]!.free());
  }
});

Deno.test("promote() says why there is no memory, and changes nothing", () => {
  const source = new CountingSource();
  const alloc = new SmartAlloc({ source });
  alloc.scratchPool("s", { size: 64, maxBytes: 64 }).allocSlice(Uint8Array, 48);
  alloc.scratchPool("full", { size: 64 }).allocSlice(Uint8Array, 64);
  using _frame = alloc.frame();
  const [body, slice] = [alloc.frameAlloc(Body), alloc.frameSlice(Uint8Array, 20)];
  const before = alloc.stats();
  assertCode("FA003", () => alloc.promote(body, PromoteToScratch("s")), '"s"');
  assertCode("FA003", () => alloc.promote(slice, PromoteToScratch("s")), '"s"');
  source.isGenerous = false;
  assertCode("FA003", () => alloc.promote(body, PromoteToPool), "promote Body");
  assertCode("FA003", () => alloc.promote(body, PromoteToHeap), "promote Body");
  assertCode("FA003", () => alloc.promote(body, PromoteToScratch("full")), "Body");
  assertCode("FA003", () => alloc.promote(slice, PromoteToHeap), "promote a slice");
  source.isGenerous = true;
  assertEquals(alloc.stats(), before);
  alloc.budgets.setTag("a", { hard: 16 });
  alloc.withTag("a", () => {
    for (const policy of [PromoteToPool, PromoteToHeap, PromoteToScratch("full")]) {
      assertCode("FA352", () => alloc.promote(body, policy), '"a"');
    }
    assertCode("FA352", () => alloc.promote(slice, PromoteToHeap), '"a"');
  });
  alloc.budgets.setGlobal({ hard: 0 });
  for (const policy of [PromoteToPool, PromoteToHeap, PromoteToScratch("full")]) {
    const error = assertThrows(() => alloc.promote(body, policy), BudgetError, "FA351");
    assertEquals([error.code, error.budget, error.limit], ["FA351", "global", 0]);
  }
  assertCode("FA351", () => alloc.promote(slice, PromoteToHeap));
  assertEquals([alloc.stats().pool.live, alloc.stats().heap.live, outside(alloc, "a")], [0, 0, 0]);
});

Deno.test("promote() after dispose is FA012, or says that its memory has ended", () => {
  for (const { source, safety } of SUPPORTED) {
    const alloc = new SmartAlloc({ source, safety });
    const other = new SmartAlloc();
    alloc.beginFrame();
    other.beginFrame();
    const [body, living] = [alloc.frameAlloc(Body), other.frameAlloc(Body)];
    alloc.dispose();
    for (const policy of [PromoteToPool, PromoteToHeap]) {
      assertCode("FA002", () => alloc.promote(body, policy), "disposed");
      assertCode("FA012", () => alloc.promote(living, policy));
    }
    assertCode("FA012", () => alloc.promote(new Uint8Array(4)));
    assertEquals(alloc.leaks(), []);
  }
});
