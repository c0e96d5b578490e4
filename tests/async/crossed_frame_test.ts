/**
 * What becomes of a frame that was open at the end of a turn: its memory, its handles, and all that was opened before that and is closed
 * after it. With the mode `"throw"` nothing of it can be used any more but its end; with the others it goes on.
 */

import {
  type AllocConfig,
  AsyncSafetyError,
  type Batch,
  f32,
  FrameAllocError,
  FrameStateError,
  kilobytes,
  RetentionPolicy,
  SmartAlloc,
  StaleHandleError,
  u32,
} from "@framealloc/core";
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { Body, turn } from "./_programs.ts";

/** An allocator whose guard collects. */
function collecting(config: AllocConfig = {}): SmartAlloc {
  const alloc = new SmartAlloc({ asyncSafety: "turns", frameArenaSize: kilobytes(64), ...config });
  alloc.asyncGuard.mode = "collect";
  return alloc;
}

/** The codes of the reports since the last time. */
function codesOf(alloc: SmartAlloc): string[] {
  const codes = alloc.asyncGuard.reports.map(({ code }) => code);
  alloc.asyncGuard.clear();
  return codes;
}

/** Writes a pattern to what is allocated next, to see that it is nobody else's. */
function fill(alloc: SmartAlloc, bytes: number = 4000): void {
  alloc.frameAllocBatch(Body, Math.ceil(bytes / Body.stride)).view(Uint8Array).fill(0xee);
}

const MODES = ["throw", "collect"] as const;
const SAFETIES = ["checked", "revoke"] as const;

// Handles and memory

for (const safety of SAFETIES) {
  Deno.test(`in a frame that goes on, old handles and new ones have memory of their own in ${safety}`, async () => {
    const alloc = collecting({ safety, debug: true });
    alloc.beginFrame();
    const records = Array.from({ length: 4 }, (_, i) => alloc.frameBox(Body, { mass: i }).value);
    for (let i = 4; i < 20; i++) {
      if (i % 3 === 0) await turn();
      fill(alloc, 100);
      records.push(alloc.frameBox(Body, { mass: i, at: [i, i, i] }).value);
      fill(alloc, 100);
      assertEquals(records.map(({ mass }) => mass), records.map((_, k) => k));
    }
    await turn();
    assertEquals(records.map(({ at }) => at.x), records.map((_, i) => i < 4 ? 0 : i));
    alloc.endFrame();
    for (const record of records) assertThrows(() => record.mass, FrameAllocError);
  });

  Deno.test(`lists, maps and texts grow on in later turns, and lose nothing in ${safety}`, async () => {
    const alloc = collecting({ safety, debug: true, frameArenaSize: kilobytes(4), source: "arraybuffer" });
    alloc.beginFrame();
    const numbers = alloc.frameVec(u32, 1);
    const bodies = alloc.frameVec(Body, 1);
    const byId = alloc.frameMap(u32, Body, 1);
    const text = alloc.frameString();
    const first = bodies.push({ mass: 0 });
    numbers.push(0);
    for (let i = 1; i < 200; i++) {
      if (i % 17 === 0) await turn();
      numbers.push(i);
      bodies.push({ mass: i });
      byId.set(i, { id: i });
      text.append(`${i} `);
    }
    await turn();
    assertEquals([...numbers], Array.from({ length: 200 }, (_, i) => i));
    assertEquals([...bodies].map(({ mass }) => mass), [...numbers]);
    assertEquals([...byId].map(([key, { id }]) => key === id && id), [...numbers].slice(1));
    assertEquals(text.toString(), [...numbers].slice(1).map((i) => `${i} `).join(""));
    assertEquals([first.mass, numbers.view.length, alloc.stats().frame.extraChunks > 0], [0, 200, true]);
    assertEquals(new Set(codesOf(alloc)), new Set(["FA702", "FA701"]));
    alloc.endFrame();
  });

  Deno.test(`a cursor, an iterator and a part go on in a later turn in ${safety}`, async () => {
    const alloc = collecting({ safety });
    alloc.beginFrame();
    const bodies = alloc.frameAllocBatch(Body, 3);
    for (let i = 0; i < 3; i++) Body.assign(bodies.at(i), { mass: i, at: [i, 0, 0] });
    const k = bodies.cursor();
    const iterator = bodies[Symbol.iterator]();
    k.next();
    iterator.next();
    const { at } = bodies.at(2);
    await turn();
    k.next();
    assertEquals([k.record.mass, k.record.at.x, iterator.next().value.mass, at.x], [1, 1, 1, 2]);
    assertEquals(codesOf(alloc), ["FA702"]);
    alloc.endFrame();
  });
}

Deno.test("in the mode throw nothing of the frame can be used but its end, and what outlives it", async () => {
  const alloc = collecting();
  alloc.asyncGuard.mode = "throw";
  alloc.beginFrame();
  const body = alloc.frameAlloc(Body);
  const list = alloc.frameVec(f32, 1);
  const pooled = alloc.poolAlloc(Body);
  await turn();
  const before = alloc.stats().frame;
  const refused = [
    () => body.mass,
    () => list.push(1),
    () => list.view,
    () => alloc.frameAlloc(Body),
    () => alloc.tryFrameAlloc(Body),
    () => alloc.frameSlice(Uint8Array, 0),
    () => alloc.tryFrameSlice(Uint8Array, 1),
    () => alloc.frameVec(Body),
    () => alloc.frameMap(u32, Body),
    () => alloc.frameString("x"),
    () => alloc.frameColumns(Body, 1),
    () => alloc.frameAllocBatch(Body, 1),
    () => alloc.frameAlloc8(Body),
    () => alloc.promote(body),
    () => alloc.frameRetained(Body, RetentionPolicy.PromoteToHeap),
  ];
  for (const use of refused) assertThrows(use, AsyncSafetyError, "FA70");
  pooled.mass = 1;
  alloc.poolFree(pooled);
  assertEquals([alloc.stats().frame, codesOf(alloc).length], [before, refused.length]);
  alloc.endFrame();
  assertEquals([alloc.inFrame, alloc.runFrame(() => alloc.frameBox(f32, 2).value)], [false, 2]);
});

Deno.test("a handle is told by the tag and frame of its memory, in every chunk", async () => {
  const alloc = collecting({ frameArenaSize: kilobytes(1), source: "arraybuffer" });
  alloc.beginFrame();
  const handles = Array.from({ length: 40 }, (_, i) => {
    alloc.scope();
    return alloc.withTag(`t${i % 5}`, () => (alloc.frameAllocBatch(Body, 5 + i), alloc.frameVec(Body, 1)));
  });
  const scope = alloc.scope();
  const gone = alloc.withTag("gone", () => alloc.frameAlloc(Body));
  assert(alloc.stats().frame.extraChunks > 1);
  await turn();
  scope.end();
  for (const [i, handle] of handles.entries()) {
    handle.push();
    assertEquals(alloc.asyncGuard.reports[i]!.tag, `t${i % 5}`);
  }
  codesOf(alloc);
  assertThrows(() => gone.mass, AsyncSafetyError, "FA702");
  assertEquals(alloc.asyncGuard.reports[0]!.tag, ""); // its place is free by now
});

// What was opened before, and is closed after

for (const mode of MODES) {
  Deno.test(`a scope frees what it is to free after the end of a turn in ${mode}`, async () => {
    const alloc = collecting({ debug: true });
    alloc.asyncGuard.mode = mode;
    alloc.beginFrame();
    const older = alloc.frameBox(Body, { mass: 1 }).value;
    const scope = alloc.scope();
    const inner = alloc.frameBox(Body, { mass: 2 }).value;
    const { used } = alloc.stats().frame;
    await turn();
    if (mode === "collect") fill(alloc);
    scope.end();
    assertEquals(alloc.stats().frame.used, 32);
    assertThrows(() => inner.mass, AsyncSafetyError, "FA702"); // freed, so that nobody pardons it
    if (mode === "collect") {
      const next = alloc.frameBox(Body, { mass: 3 }).value;
      fill(alloc);
      assertThrows(() => inner.mass = 9, AsyncSafetyError, "FA702");
      assertEquals([older.mass, next.mass, used], [1, 3, 64]);
      await turn();
      assertThrows(() => inner.mass, AsyncSafetyError, "FA702");
      assertEquals([older.mass, next.mass], [1, 3]);
    }
    alloc.endFrame();
  });

  Deno.test(`a scope that is committed after the end of a turn keeps its memory in ${mode}`, async () => {
    const alloc = collecting({ debug: true });
    alloc.asyncGuard.mode = mode;
    alloc.beginFrame();
    const outer = alloc.scope();
    const scope = alloc.scope();
    const inner = alloc.frameBox(Body, { mass: 2 }).value;
    await turn();
    scope.commit();
    assertThrows(() => scope.commit(), FrameStateError, "FA006");
    if (mode === "collect") {
      fill(alloc);
      assertEquals(inner.mass, 2);
    }
    outer.end();
    assertThrows(() => inner.mass, FrameAllocError, mode === "throw" ? "FA702" : "FA002");
    assertEquals(alloc.stats().frame.used, 0);
    alloc.endFrame();
  });

  Deno.test(`a checkpoint is rolled back to after the end of a turn, again and again, in ${mode}`, async () => {
    const alloc = collecting({ debug: true });
    alloc.asyncGuard.mode = mode;
    alloc.beginFrame();
    const older = alloc.frameBox(f32, 1);
    const start = alloc.frameCheckpoint();
    const trial = alloc.frameBox(f32, 2);
    for (let i = 0; i < 3; i++) {
      await turn();
      alloc.rollbackTo(start);
      assertEquals(alloc.stats().frame.used, 16);
      assertThrows(() => trial.value, AsyncSafetyError, "FA702");
      if (mode === "throw") continue;
      const next = alloc.frameBox(f32, i);
      fill(alloc);
      assertEquals([older.value, next.value], [1, i]);
    }
    const late = alloc.frameCheckpoint();
    alloc.rollbackTo(late);
    alloc.rollbackTo(start);
    assertThrows(() => alloc.rollbackTo(late), FrameStateError, "FA006");
    alloc.endFrame();
  });

  Deno.test(`tags and phases end after the end of a turn, and count what was allocated in ${mode}`, async () => {
    const alloc = collecting();
    alloc.asyncGuard.mode = mode;
    alloc.beginFrame();
    const tag = alloc.tag("audio");
    const phase = alloc.phase("mix");
    alloc.frameAlloc(Body);
    await turn();
    if (mode === "collect") {
      alloc.frameAlloc(Body);
      await turn();
      alloc.withTag("echo", () => alloc.frameAlloc(Body));
    }
    phase.end();
    tag.end();
    const counts = alloc.stats();
    const expected = mode === "throw" ? [["audio", 32, 1]] : [["audio", 64, 2], ["audio::echo", 32, 1]];
    assertEquals(counts.tags.map(({ path, bytes, allocations }) => [path, bytes, allocations]), expected);
    assertEquals(counts.phases.map(({ name, bytes, runs }) => [name, bytes, runs]), [
      ["mix", mode === "throw" ? 32 : 96, 1],
    ]);
    alloc.endFrame();
    assertEquals(alloc.stats().tags.map(({ inUse }) => inUse.frame), expected.map(() => 0));
  });
}

Deno.test("a scope that is opened after the end of a turn is one of the later turn", async () => {
  const alloc = collecting();
  alloc.beginFrame();
  const older = alloc.frameBox(f32, 1);
  await turn();
  const scope = alloc.scope(); // which allocates nothing
  assertEquals(codesOf(alloc), []);
  const inner = alloc.frameBox(f32, 2);
  assertEquals([inner.value, codesOf(alloc)], [2, ["FA701"]]);
  scope.end();
  assertThrows(() => inner.value, StaleHandleError, "FA002");
  assertEquals([older.value, codesOf(alloc)], [1, ["FA002", "FA702"]]);
  alloc.endFrame();
});

Deno.test("speculative() that fails after the end of a turn has nothing to take back twice", async () => {
  const alloc = collecting();
  alloc.beginFrame();
  const older = alloc.frameBox(f32, 1);
  await turn();
  const tried = alloc.speculative(() => {
    alloc.frameBox(f32, older.value + 1);
    throw new Error("no");
  });
  assertEquals([tried.success, alloc.stats().frame.used, older.value], [false, 16, 1]);
  assertEquals(codesOf(alloc), ["FA702", "FA701"]);
  alloc.endFrame();
});

// Several frames alive

Deno.test("an earlier frame that is alive is not touched by one that crosses", async () => {
  for (const mode of MODES) {
    const alloc = collecting({ framesAlive: 2 });
    alloc.asyncGuard.mode = mode;
    const earlier = alloc.runFrame(() => alloc.publish("body", alloc.frameBox(Body, { mass: 1 }).value));
    alloc.beginFrame();
    const body = alloc.frameBox(Body, { mass: 2 }).value;
    await turn();
    assertEquals([earlier.mass, alloc.previous(1)!.get("body") === earlier, codesOf(alloc)], [1, true, []]);
    if (mode === "throw") assertThrows(() => body.mass, AsyncSafetyError);
    else assertEquals(body.mass, 2);
    alloc.endFrame();
    assertThrows(() => earlier.mass, StaleHandleError, "FA002");
  }
});

Deno.test("a frame that has crossed is pardoned as long as it is alive", async () => {
  const alloc = collecting({ framesAlive: 2, debug: true });
  alloc.beginFrame();
  const body = alloc.frameBox(Body, { mass: 1 }).value;
  const list = alloc.frameVec(f32, 1);
  list.push(1);
  await turn();
  alloc.endFrame();
  alloc.beginFrame();
  fill(alloc);
  await turn();
  assertEquals([body.mass, list.at(0)], [1, 1]);
  assertEquals(codesOf(alloc), ["FA704", "FA702"]);
  assertThrows(() => list.push(2), FrameAllocError); // what is over does not grow
  codesOf(alloc);
  alloc.endFrame();
  assertThrows(() => body.mass, FrameAllocError);
  alloc.beginFrame();
  fill(alloc);
  assertThrows(() => body.mass = 2, FrameAllocError);
  alloc.endFrame();
});

Deno.test("a list of an earlier frame does not grow in a later one, which is no crossing", async () => {
  for (const asyncSafety of ["off", "frames", "turns"] as const) {
    const alloc = collecting({ framesAlive: 2, asyncSafety });
    alloc.beginFrame();
    await turn();
    alloc.endFrame();
    const list = alloc.runFrame(() => alloc.frameVec(f32, 1));
    list.push(1);
    alloc.beginFrame();
    const error = assertThrows(() => list.push(2), FrameStateError, "as its frame has ended: let it grow before that");
    assertEquals([error.code, list.at(0), codesOf(alloc)], ["FA001", 1, []]);
    alloc.endFrame();
  }
});

Deno.test("a list of an earlier frame that grows in one that goes on is told from a crossing", async () => {
  const alloc = collecting({ framesAlive: 2 });
  const list = alloc.runFrame(() => alloc.frameVec(f32, 1));
  list.push(1);
  alloc.beginFrame();
  await turn();
  alloc.frameAlloc(Body);
  assertEquals(codesOf(alloc), ["FA701"]);
  const error = assertThrows(() => list.push(2), FrameStateError, "its frame has ended");
  assertEquals([error.code, list.at(0), codesOf(alloc)], ["FA001", 1, []]);
  alloc.endFrame();
});

// Batches that are used again

Deno.test("a batch that has crossed is used again by the next frame", async () => {
  for (const framesAlive of [1, 2]) {
    for (const mode of MODES) {
      const alloc = collecting({ framesAlive });
      alloc.asyncGuard.mode = mode;
      let batch: Batch<typeof Body> | undefined;
      for (let i = 0; i < 5; i++) {
        alloc.beginFrame();
        const again = alloc.frameAllocBatch(Body, 4, { into: batch });
        // With several frames alive, one that lies in other memory and has crossed is not known to be ours.
        assert(batch === undefined || again === batch || framesAlive > 1);
        batch = again;
        batch.at(3).mass = i;
        assertEquals([batch.at(3).mass, batch.length], [i, 4]);
        await turn();
        alloc.endFrame();
      }
    }
  }
});

// Chunks

Deno.test("trim() in a frame that has crossed and is empty leaves it usable", async () => {
  const alloc = collecting({ source: "arraybuffer", frameArenaSize: kilobytes(16) });
  alloc.runFrame(() => alloc.frameSlice(Uint8Array, kilobytes(100)));
  alloc.beginFrame();
  await turn();
  assert(alloc.trim() > 0);
  const batch = alloc.frameAllocBatch(Body, 2);
  const slice = alloc.frameSlice(Uint8Array, 16);
  batch.at(1).mass = 4;
  assertStrictEquals(batch.view(Float32Array).buffer, slice.buffer);
  assertEquals([batch.at(1).mass, alloc.stats().frame.reserved], [4, kilobytes(16)]);
  await turn();
  assertEquals(batch.at(1).mass, 4);
  alloc.endFrame();
});

Deno.test("a frame that has crossed and was rolled back to its start goes on in the same chunk", async () => {
  for (const safety of SAFETIES) {
    const alloc = collecting({ safety, frameArenaSize: kilobytes(64) });
    alloc.beginFrame();
    const start = alloc.frameCheckpoint();
    const early = alloc.scope();
    alloc.frameSlice(Uint8Array, kilobytes(100)); // more than it starts with
    early.end();
    await turn();
    alloc.rollbackTo(start);
    const batch = alloc.frameAllocBatch(Body, 2);
    batch.at(1).mass = 5;
    assertEquals([batch.at(1).mass, batch.view(Float32Array).length], [5, 2 * Body.stride / 4]);
    alloc.endFrame();
  }
});

Deno.test("trim() in a frame that has crossed takes nothing that is in use", async () => {
  const alloc = collecting({ source: "arraybuffer", frameArenaSize: kilobytes(4) });
  alloc.beginFrame();
  const first = alloc.frameBox(Body, { mass: 1 }).value;
  const scope = alloc.scope();
  alloc.frameSlice(Uint8Array, kilobytes(20));
  scope.end();
  const batch = alloc.frameAllocBatch(Body, 200);
  batch.at(199).mass = 2;
  await turn();
  alloc.trim();
  assertEquals([first.mass, batch.at(199).mass], [1, 2]);
  alloc.endFrame();
  assertEquals(alloc.runFrame(() => alloc.frameBox(f32, 3).value), 3);
});

Deno.test("a frame that has crossed needs further chunks, and gives them back", async () => {
  const alloc = collecting({ source: "arraybuffer", frameArenaSize: kilobytes(4) });
  for (let i = 0; i < 3; i++) {
    alloc.beginFrame();
    const first = alloc.frameBox(f32, i);
    await turn();
    const big = alloc.frameAllocBatch(Body, 1000);
    big.at(999).mass = i;
    await turn();
    assertEquals([first.value, big.at(999).mass], [i, i]);
    alloc.endFrame();
    assertEquals([alloc.stats().frame.extraChunks, alloc.stats().frame.alive], [0, 0]);
    assertThrows(() => first.value, FrameAllocError);
    assertThrows(() => big.at(999), FrameAllocError);
  }
});

// The end of all

Deno.test("dispose() ends a frame that has crossed, and throws nothing", async () => {
  for (const mode of MODES) {
    const alloc = collecting();
    alloc.asyncGuard.mode = mode;
    alloc.beginFrame();
    const body = alloc.frameAlloc(Body);
    alloc.frameSlice(Uint8Array, 4);
    const scope = alloc.scope();
    await turn();
    assertEquals([alloc.dispose(), codesOf(alloc)], [[], ["FA704"]]);
    assertThrows(() => body.mass, AsyncSafetyError, "FA702");
    assertThrows(() => alloc.endFrame(), FrameStateError, "FA012");
    assertThrows(() => alloc.frameAlloc(Body), FrameStateError, "FA012");
    assertThrows(() => scope.end(), FrameStateError, "FA007");
    codesOf(alloc);
    await turn();
    assertEquals(codesOf(alloc), []);
  }
});

// Promotions

Deno.test("what was retained is promoted by the end of a frame that has crossed, if it goes on", async () => {
  const alloc = collecting();
  alloc.beginFrame();
  alloc.frameRetained(Body, RetentionPolicy.PromoteToPool, { mass: 1 });
  alloc.withTag("level", () => alloc.frameRetained(Body, RetentionPolicy.PromoteToHeap, { mass: 2 }));
  alloc.frameRetained(Body, RetentionPolicy.Discard);
  await turn();
  alloc.frameRetained(Body, RetentionPolicy.PromoteToHeap, { mass: 3 });
  const { promotions, summary } = alloc.endFrameWithPromotions();
  assertEquals(codesOf(alloc), ["FA701", "FA702"]);
  assertEquals([summary.pool.count, summary.heap.count, summary.discarded.count], [1, 2, 1]);
  const masses = promotions.map(({ box }) => (box!.record as { mass: number }).mass);
  assertEquals(masses, [1, 2, 3]);
  for (const { box } of promotions) box!.free();
  assertEquals(alloc.dispose(), []);
});

Deno.test("records and slices are promoted at once in a later turn, if the frame goes on", async () => {
  const alloc = collecting();
  alloc.beginFrame();
  const box = alloc.frameBox(Body, { mass: 1 });
  const slice = alloc.frameSlice(Float32Array, 4).fill(2);
  await turn();
  using copied = alloc.promote(box);
  using part = alloc.promote(box.value.at);
  using moved = alloc.promote(slice);
  alloc.endFrame();
  alloc.runFrame(() => fill(alloc));
  assertEquals([copied.record.mass, part.record.x, [...moved.slice]], [1, 0, [2, 2, 2, 2]]);
  assertEquals(codesOf(alloc), ["FA704", "FA702"]);
});

Deno.test("endFrameWithPromotions() gives back what it has copied if the frame says that it has crossed", async () => {
  const alloc = new SmartAlloc({ asyncSafety: "turns" });
  const other = new SmartAlloc();
  alloc.budgets.setTag("level", { hard: 16, policy: { spill: other } });
  other.beginFrame();
  alloc.beginFrame();
  alloc.withTag("level", () => alloc.frameRetained(Body, RetentionPolicy.PromoteToHeap, { mass: 1 })); // is the other's
  alloc.frameSlice(Uint8Array, 4);
  await turn();
  alloc.budgets.setTag("level", {});
  assertThrows(() => alloc.endFrameWithPromotions(), AsyncSafetyError, "FA704");
  assertEquals([alloc.inFrame, alloc.leaks(), other.leaks()], [false, [], []]);
});

// Budgets

Deno.test("a budget's callback ends the frame while memory is asked for in a later turn", async () => {
  for (const begins of [false, true]) {
    for (const way of ["record", "list", "map"] as const) {
      const alloc = collecting();
      alloc.beginFrame();
      const list = alloc.frameVec(Body, 1);
      const byId = alloc.frameMap(u32, Body, 1);
      list.push();
      byId.set(0, { id: 0 });
      await turn();
      alloc.budgets.setTag("t", {
        soft: 1,
        onCross() {
          alloc.endFrame();
          if (begins) alloc.beginFrame();
        },
      });
      const ask = (): unknown => {
        if (way === "record") return alloc.frameAlloc(Body);
        return way === "list" ? list.push() : byId.set(1, { id: 1 });
      };
      if (way === "record" && begins) {
        alloc.withTag("t", ask);
        assertEquals(alloc.stats().frame.allocations, 1); // in the frame that was begun
      } else {
        const error = assertThrows(() => alloc.withTag("t", ask), FrameAllocError);
        assertEquals(error.code, way === "record" ? "FA001" : "FA002");
      }
      assertEquals([alloc.inFrame, alloc.stats().frame.used], [begins, begins && way === "record" ? 32 : 0]);
      if (begins) alloc.endFrame();
    }
  }
});

Deno.test("a budget refuses in a later turn, and the frame goes on", async () => {
  const alloc = collecting();
  alloc.budgets.setTag("t", { hard: 100 });
  alloc.beginFrame();
  const list = alloc.withTag("t", () => alloc.frameVec(f32, 4));
  for (let i = 0; i < 4; i++) list.push(i);
  await turn();
  assertThrows(() => alloc.withTag("t", () => alloc.frameSlice(Uint8Array, 100)), FrameAllocError, "FA352");
  assertEquals(alloc.withTag("t", () => alloc.tryFrameSlice(Uint8Array, 100)), undefined);
  assertEquals([[...list], codesOf(alloc)], [[0, 1, 2, 3], ["FA701", "FA702"]]);
  alloc.endFrame();
});
