/**
 * Tags: every byte has an owner, whatever is opened, closed and rolled back around it.
 */

import { FrameStateError, SmartAlloc, type TagStats } from "@framealloc/core";
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import * as fc from "fast-check";
import { frameOnly, PROGRAMS, Runner } from "./_programs.ts";

/** Bytes by path, where there are any. */
function bytesOf(tags: readonly TagStats[]): { [path: string]: number } {
  return Object.fromEntries(tags.filter((tag) => tag.bytes > 0).map((tag) => [tag.path, tag.bytes]));
}

function sum(numbers: Iterable<number>): number {
  let all = 0;
  for (const number of numbers) all += number;
  return all;
}

const CONFIGS = fc.record({
  frameArenaSize: fc.constantFrom(1024, 4096, 65_536),
  source: fc.constantFrom("wasm" as const, "arraybuffer" as const),
  safety: fc.constantFrom("checked" as const, "revoke" as const, "release" as const),
  framesAlive: fc.integer({ min: 1, max: 3 }),
});

Deno.test("tags own every byte of the frame after each step of random programs", () => {
  let overflows = 0;
  fc.assert(
    fc.property(CONFIGS, PROGRAMS, (config, program) => {
      const alloc = new SmartAlloc(config);
      alloc.beginFrame();
      const runner = new Runner(alloc, true);
      for (const op of program) {
        runner.step(op);
        const { frame, tags } = alloc.stats();
        assertEquals(sum(tags.map((tag) => tag.bytes)), frame.used);
        assertEquals(sum(tags.map((tag) => tag.allocations)), frame.allocations);
        assertEquals(alloc.tagPath, runner.path);
        for (const { path, bytes, allocations } of tags) {
          const owned = runner.tags.get(path) ?? { bytes: 0, allocations: 0 };
          assertEquals({ bytes, allocations }, owned, `"${path}" after ${JSON.stringify(op)}`);
        }
      }
      overflows += alloc.stats().frame.overflows;
      alloc.dispose();
    }),
    { seed: 21, numRuns: 500 },
  );
  assert(overflows > 100, `${overflows} overflows`);
});

Deno.test("tags own the same bytes whether anybody asks in between or not", () => {
  fc.assert(
    fc.property(CONFIGS, PROGRAMS, (config, program) => {
      const [watched, alone] = [true, false].map((isWatched) => {
        const alloc = new SmartAlloc(config);
        alloc.beginFrame();
        const runner = new Runner(alloc, isWatched);
        for (const op of program) runner.step(op);
        const open = alloc.stats().tags;
        alloc.endFrame();
        const ended = alloc.stats();
        alloc.dispose();
        return { open, ended: ended.tags, totals: ended.totals };
      });
      assertEquals(alone, watched);
      assertEquals(sum((alone?.ended ?? []).map((tag) => tag.totalBytes)), alone?.totals.bytes);
    }),
    { seed: 22, numRuns: 500 },
  );
});

Deno.test("tags nest, and their paths are joined", () => {
  const alloc = new SmartAlloc();
  alloc.beginFrame();
  alloc.frameSlice(Uint8Array, 16);
  alloc.withTag("a", () => {
    alloc.frameSlice(Uint8Array, 32);
    alloc.withTag("b", () => {
      assertEquals([alloc.currentTag, alloc.tagPath], ["b", "a::b"]);
      alloc.frameSlice(Uint8Array, 64);
    });
    alloc.withTag("a", () => alloc.frameSlice(Uint8Array, 128));
    assertEquals([alloc.currentTag, alloc.tagPath], ["a", "a"]);
  });
  alloc.withTag("b", () => alloc.frameSlice(Uint8Array, 256));
  assertEquals([alloc.currentTag, alloc.tagPath], [undefined, ""]);
  assertEquals(bytesOf(alloc.stats().tags), { b: 256, "a::a": 128, "a::b": 64, a: 32, "": 16 });
});

Deno.test("tags are reported the busiest first", () => {
  const alloc = new SmartAlloc();
  alloc.beginFrame();
  for (const [tag, bytes] of [["small", 16], ["large", 1024], ["middle", 160]] as const) {
    alloc.withTag(tag, () => alloc.frameSlice(Uint8Array, bytes));
  }
  assertEquals(alloc.stats().tags.map((tag) => tag.path), ["large", "middle", "small"]);
});

Deno.test("tags count padding", () => {
  const alloc = new SmartAlloc();
  alloc.beginFrame();
  alloc.withTag("bytes", () => {
    for (let i = 0; i < 3; i++) alloc.frameSlice(Uint8Array, 1);
  });
  assertEquals(alloc.stats().tags.map(({ bytes, allocations }) => [bytes, allocations]), [[48, 3]]);
});

Deno.test("a tag that stays open goes on in the next frame", () => {
  const alloc = new SmartAlloc();
  const guard = alloc.tag("loading");
  for (let i = 1; i <= 3; i++) {
    alloc.beginFrame();
    alloc.frameSlice(Uint8Array, 16 * i);
    assertEquals(bytesOf(alloc.stats().tags), { loading: 16 * i });
    alloc.endFrame();
  }
  guard.end();
  const [loading] = alloc.stats().tags;
  assertEquals([loading?.bytes, loading?.peakBytes, loading?.totalBytes, loading?.allocations], [48, 48, 96, 1]);
});

Deno.test("tags keep the peak of the frames before, and count bytes of frame ends in all", () => {
  const alloc = new SmartAlloc();
  for (const bytes of [160, 1600, 16]) {
    alloc.beginFrame();
    alloc.withTag("a", () => alloc.frameSlice(Uint8Array, bytes));
    using _scope = alloc.scope();
    alloc.withTag("a", () => alloc.frameSlice(Uint8Array, 100_000));
    _scope.end();
    alloc.endFrame();
  }
  assertEquals(alloc.stats().tags, [{
    path: "a",
    bytes: 16,
    allocations: 2,
    peakBytes: 1600,
    totalBytes: 1776,
    inUse: frameOnly(0),
  }]);
});

Deno.test("a rollback takes the bytes from the tags that had them, and keeps the counts", () => {
  const alloc = new SmartAlloc();
  alloc.beginFrame();
  alloc.withTag("a", () => alloc.frameSlice(Uint8Array, 16));
  const checkpoint = alloc.frameCheckpoint();
  alloc.withTag("a", () => alloc.frameSlice(Uint8Array, 32));
  alloc.withTag("b", () => alloc.frameSlice(Uint8Array, 64));
  alloc.rollbackTo(checkpoint);
  const counts = Object.fromEntries(
    alloc.stats().tags.map(({ path, bytes, allocations }) => [path, [bytes, allocations]]),
  );
  assertEquals(counts, { a: [16, 2], b: [0, 1] });
});

Deno.test("a rollback inside a tag takes back what was allocated outside it", () => {
  const alloc = new SmartAlloc();
  alloc.beginFrame();
  const checkpoint = alloc.frameCheckpoint();
  alloc.frameSlice(Uint8Array, 16);
  alloc.withTag("a", () => {
    alloc.frameSlice(Uint8Array, 32);
    alloc.rollbackTo(checkpoint);
    assertEquals(bytesOf(alloc.stats().tags), {});
    alloc.frameSlice(Uint8Array, 64);
  });
  assertEquals(bytesOf(alloc.stats().tags), { a: 64 });
});

Deno.test("tags between frames change nothing of the last frame", () => {
  for (const framesAlive of [1, 2]) {
    const alloc = new SmartAlloc({ framesAlive });
    alloc.beginFrame();
    alloc.frameSlice(Uint8Array, 16);
    alloc.withTag("a", () => alloc.frameSlice(Uint8Array, 32));
    alloc.endFrame();
    const before = alloc.stats().tags;
    alloc.withTag("b", () => {});
    alloc.tag("c").end();
    assertEquals(alloc.stats().tags, before, `framesAlive: ${framesAlive}`);
    alloc.beginFrame();
    alloc.withTag("b", () => alloc.frameSlice(Uint8Array, 64));
    assertEquals(bytesOf(alloc.stats().tags), { b: 64 });
  }
});

Deno.test("withTag() gives its function the allocator, and returns what it returns", () => {
  const alloc = new SmartAlloc();
  const value = {};
  assertStrictEquals(
    alloc.withTag("a", (given) => {
      assertStrictEquals(given, alloc);
      return value;
    }),
    value,
  );
});

Deno.test("withTag() ends its tag when its function throws, and counts what was allocated", () => {
  const alloc = new SmartAlloc();
  alloc.beginFrame();
  const thrown = new Error("no");
  const error = assertThrows(() =>
    alloc.withTag("a", () => {
      alloc.frameSlice(Uint8Array, 16);
      throw thrown;
    })
  );
  assertStrictEquals(error, thrown);
  assertEquals(alloc.tagPath, "");
  alloc.frameSlice(Uint8Array, 32);
  assertEquals(bytesOf(alloc.stats().tags), { "": 32, a: 16 });
});

Deno.test("withTag() lets an error through, and ends its tag, also when a tag inside was left open", () => {
  const alloc = new SmartAlloc();
  alloc.beginFrame();
  const thrown = new Error("no");
  const error = assertThrows(() =>
    alloc.withTag("a", () => {
      alloc.tag("left");
      throw thrown;
    })
  );
  assertStrictEquals(error, thrown);
  assertEquals(alloc.tagPath, "");
  alloc.frameSlice(Uint8Array, 16);
  assertEquals(bytesOf(alloc.stats().tags), { "": 16 });
});

Deno.test("tags refuse names that are none", () => {
  const alloc = new SmartAlloc();
  alloc.beginFrame();
  for (const name of ["", undefined, null, 7, {}, Symbol("s")]) {
    assertThrows(() => alloc.tag(name as string), Error, "FA008");
    assertThrows(() => alloc.withTag(name as string, () => {}), Error, "FA008");
  }
  assertEquals(alloc.tagPath, "");
});

Deno.test("a tag guard ends its tag once", () => {
  const alloc = new SmartAlloc();
  const outer = alloc.tag("outer");
  const inner = alloc.tag("inner");
  inner.end();
  inner.end();
  inner[Symbol.dispose]();
  assertEquals(alloc.tagPath, "outer");
  outer[Symbol.dispose]();
  assertEquals(alloc.tagPath, "");
});

Deno.test("a tag guard out of order is FA013, and works once it is the innermost", () => {
  const alloc = new SmartAlloc();
  const outer = alloc.tag("outer");
  const inner = alloc.tag("inner");
  const error = assertThrows(() => outer.end(), FrameStateError, '"outer::inner"');
  assertEquals([error.code, alloc.tagPath], ["FA013", "outer::inner"]);
  inner.end();
  outer.end();
  assertEquals(alloc.tagPath, "");
});

Deno.test("a tag guard never ends a tag of the same name", () => {
  const alloc = new SmartAlloc();
  const outer = alloc.tag("a");
  const inner = alloc.tag("a");
  assertThrows(() => outer.end(), FrameStateError, "FA013");
  assertEquals(alloc.tagPath, "a::a");
  inner.end();
  assertEquals(alloc.tagPath, "a");
});

Deno.test("two allocators have tags of their own", () => {
  const one = new SmartAlloc();
  const two = new SmartAlloc();
  one.beginFrame();
  two.beginFrame();
  one.withTag("a", () => {
    two.frameSlice(Uint8Array, 16);
    one.frameSlice(Uint8Array, 32);
  });
  assertEquals([bytesOf(one.stats().tags), bytesOf(two.stats().tags)], [{ a: 32 }, { "": 16 }]);
});
