/**
 * Reports: what stats() and endFrameWithSummary() say at each level.
 */

import { SmartAlloc, type StatsLevel } from "@framealloc/core";
import { assertEquals, assertGreater, assertThrows } from "@std/assert";
import { frameOnly } from "./_programs.ts";

/** Two finished frames with tags, phases and a rollback, and a third that is open. */
function ran(stats: StatsLevel): SmartAlloc {
  const alloc = new SmartAlloc({ stats, frameArenaSize: 4096 });
  for (const bytes of [1024, 512]) {
    alloc.beginFrame();
    alloc.withTag("a", () => alloc.frameSlice(Uint8Array, bytes));
    alloc.beginPhase("update");
    alloc.frameSlice(Uint8Array, 16);
    alloc.endPhase();
    const scope = alloc.scope();
    alloc.frameSlice(Uint8Array, 160);
    scope.end();
    alloc.endFrame();
  }
  alloc.beginFrame();
  alloc.frameSlice(Uint8Array, 64);
  return alloc;
}

const TOTALS = { frames: 2, allocations: 6, bytes: 1024 + 16 + 512 + 16, peak: 1024 + 16 + 160 };

Deno.test('stats() at the level "tags" counts everything', () => {
  const { totals, tags, phases } = ran("tags").stats();
  assertEquals(totals, TOTALS);
  assertEquals(tags, [
    { path: "", bytes: 64, allocations: 1, peakBytes: 16, totalBytes: 32, inUse: frameOnly(64) },
    { path: "a", bytes: 0, allocations: 0, peakBytes: 1024, totalBytes: 1536, inUse: frameOnly(0) },
  ]);
  assertEquals(phases, []);
});

Deno.test('stats() at the level "totals" counts frames alone', () => {
  const alloc = ran("totals");
  alloc.beginPhase("update");
  alloc.withTag("a", () => alloc.frameSlice(Uint8Array, 64));
  const { totals, tags, phases } = alloc.stats();
  assertEquals(totals, TOTALS);
  assertEquals([tags, phases], [[], []]);
});

Deno.test('stats() at the level "off" counts nothing', () => {
  const alloc = ran("off");
  alloc.beginPhase("update");
  alloc.withTag("a", () => alloc.frameSlice(Uint8Array, 64));
  const { totals, tags, phases } = alloc.stats();
  assertEquals(totals, { frames: 0, allocations: 0, bytes: 0, peak: 0 });
  assertEquals([tags, phases], [[], []]);
});

Deno.test("stats() tells what is in use now at every level", () => {
  for (const level of ["off", "totals", "tags"] as const) {
    const { frame } = ran(level).stats();
    assertEquals([frame.number, frame.open, frame.used, frame.peak, frame.allocations], [3, true, 64, 64, 1], level);
    assertEquals([frame.alive, frame.committed, frame.remaining, frame.extraChunks, frame.overflows], [
      64,
      4096,
      Infinity,
      0,
      0,
    ]);
  }
});

Deno.test("tags and phases nest at every level, whether counted or not", () => {
  for (const stats of ["off", "totals", "tags"] as const) {
    const alloc = new SmartAlloc({ stats });
    alloc.beginFrame();
    alloc.beginPhase("update");
    alloc.withTag("a", () => alloc.withTag("b", () => assertEquals(alloc.tagPath, "a::b")));
    assertEquals([alloc.tagPath, alloc.currentPhase], ["", "update"]);
  }
});

Deno.test("stats() before the first frame and between frames", () => {
  const alloc = new SmartAlloc({ frameArenaSize: 4096 });
  const empty = alloc.stats();
  assertEquals([empty.frame.number, empty.frame.open, empty.frame.used, empty.frame.reserved], [0, false, 0, 0]);
  assertEquals([empty.totals.frames, empty.tags, empty.phases], [0, [], []]);
  alloc.beginFrame();
  alloc.frameSlice(Uint8Array, 64);
  alloc.endFrame();
  const { frame, tags } = alloc.stats();
  assertEquals([frame.number, frame.open, frame.used, frame.peak, frame.allocations, frame.remaining], [
    1,
    false,
    0,
    0,
    0,
    0,
  ]);
  assertEquals(tags.map(({ path, bytes }) => [path, bytes]), [["", 64]]);
});

Deno.test("stats() is plain data that later frames do not change", () => {
  const alloc = ran("tags");
  const before = alloc.stats();
  const copy = structuredClone(before);
  alloc.withTag("a", () => alloc.frameSlice(Uint8Array, 64));
  alloc.endFrame();
  assertEquals(before, copy);
});

Deno.test("stats() counts the frames that are alive", () => {
  const alloc = new SmartAlloc({ framesAlive: 2, frameArenaSize: 4096 });
  for (const bytes of [16, 32, 64]) {
    alloc.beginFrame();
    alloc.frameSlice(Uint8Array, bytes);
    alloc.endFrame();
  }
  alloc.beginFrame();
  alloc.frameSlice(Uint8Array, 128);
  const { frame } = alloc.stats();
  assertEquals([frame.used, frame.alive, frame.committed], [128, 64 + 128, 8192]);
});

Deno.test("endFrameWithSummary() says what the frame came to, and ends it", () => {
  const alloc = new SmartAlloc();
  alloc.beginFrame();
  alloc.withTag("a", () => alloc.frameSlice(Uint8Array, 64));
  const scope = alloc.scope();
  alloc.frameSlice(Uint8Array, 160);
  scope.end();
  alloc.beginPhase("update");
  alloc.frameSlice(Uint8Array, 16);
  const summary = alloc.endFrameWithSummary();
  assertEquals(alloc.inFrame, false);
  const { ms, phases, ...rest } = summary;
  assertGreater(ms, 0);
  assertEquals(rest, {
    number: 1,
    bytes: 80,
    peak: 224,
    allocations: 3,
    tags: [
      { path: "a", bytes: 64, allocations: 1, peakBytes: 64, totalBytes: 64, inUse: frameOnly(0) },
      { path: "", bytes: 16, allocations: 2, peakBytes: 16, totalBytes: 16, inUse: frameOnly(0) },
    ],
  });
  assertEquals(phases.map(({ name, bytes, allocations, runs }) => [name, bytes, allocations, runs]), [
    ["update", 16, 1, 1],
  ]);
  assertEquals(alloc.stats().totals, { frames: 1, allocations: 3, bytes: 80, peak: 224 });
});

Deno.test("endFrameWithSummary() has no time and no parts where they are not counted", () => {
  for (const stats of ["off", "totals"] as const) {
    const alloc = new SmartAlloc({ stats });
    alloc.beginFrame();
    alloc.beginPhase("update");
    alloc.withTag("a", () => alloc.frameSlice(Uint8Array, 64));
    const { ms, ...rest } = alloc.endFrameWithSummary();
    assertEquals(rest, { number: 1, bytes: 64, peak: 64, allocations: 1, tags: [], phases: [] }, stats);
    if (stats === "off") assertEquals(ms, 0);
    else assertGreater(ms, 0);
  }
});

Deno.test("endFrameWithSummary() measures from the begin of its own frame", () => {
  const alloc = new SmartAlloc();
  const { now } = performance;
  let time = 1000;
  performance.now = () => time;
  try {
    for (const ms of [5, 7, 0]) {
      time += 100; // between frames
      alloc.beginFrame();
      time += ms;
      assertEquals(alloc.endFrameWithSummary().ms, ms);
    }
  } finally {
    performance.now = now;
  }
});

Deno.test("endFrameWithSummary() without a frame is FA005", () => {
  const alloc = new SmartAlloc();
  assertThrows(() => alloc.endFrameWithSummary(), Error, "FA005");
  alloc.beginFrame();
  alloc.endFrameWithSummary();
  assertThrows(() => alloc.endFrameWithSummary(), Error, "FA005");
});

Deno.test("stats() counts overflows and the chunks that they need", () => {
  const alloc = new SmartAlloc({ source: "arraybuffer", frameArenaSize: 1024 });
  alloc.beginFrame();
  alloc.frameSlice(Uint8Array, 1024);
  alloc.withTag("big", () => alloc.frameSlice(Uint8Array, 4096));
  const open = alloc.stats();
  assertEquals([open.frame.used, open.frame.extraChunks, open.frame.overflows], [5120, 1, 1]);
  assertEquals(open.tags.map(({ path, bytes }) => [path, bytes]), [["big", 4096], ["", 1024]]);
  alloc.endFrame();
  alloc.beginFrame();
  const next = alloc.stats().frame;
  assertEquals([next.extraChunks, next.overflows, next.committed], [0, 1, 6400]);
});
