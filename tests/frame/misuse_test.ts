/**
 * Misuse, each with its code: frames, scopes, checkpoints, guards, phases and arguments.
 */

import {
  ArgumentError,
  type Batch,
  bool,
  type ErrorCode,
  f32,
  FrameAllocError,
  FrameStateError,
  i64,
  type KeyLayout,
  type Layout,
  SmartAlloc,
  struct,
  u32,
  u8,
} from "@framealloc/core";
import { assert, assertEquals, assertThrows } from "@std/assert";

const Body = struct("Body", { mass: f32 });

function assertCode(code: ErrorCode, fn: () => unknown, text: string = ""): void {
  const error = assertThrows(fn, FrameAllocError, text);
  assertEquals(error.code, code, error.message);
  assert(error.message.startsWith(`${code}: Cannot `), error.message);
  assert(!error.message.endsWith("."), error.message);
}

const ALLOCATIONS: Readonly<Record<string, (a: SmartAlloc) => unknown>> = {
  frameAlloc: (a) => a.frameAlloc(Body),
  frameBox: (a) => a.frameBox(Body),
  frameSlice: (a) => a.frameSlice(Float32Array, 4),
  frameVec: (a) => a.frameVec(Body),
  "frameVec of numbers": (a) => a.frameVec(f32),
  frameMap: (a) => a.frameMap(u32, Body),
  frameString: (a) => a.frameString("x"),
  frameAllocBatch: (a) => a.frameAllocBatch(Body, 4),
  frameColumns: (a) => a.frameColumns(Body, 4),
  frameAlloc2: (a) => a.frameAlloc2(Body),
  frameAlloc4: (a) => a.frameAlloc4(Body),
  frameAlloc8: (a) => a.frameAlloc8(Body),
  tryFrameAlloc: (a) => a.tryFrameAlloc(Body),
  tryFrameSlice: (a) => a.tryFrameSlice(Float32Array, 4),
  tryFrameVec: (a) => a.tryFrameVec(Body),
  tryFrameMap: (a) => a.tryFrameMap(u32, Body),
  tryFrameString: (a) => a.tryFrameString("x"),
  tryFrameAllocBatch: (a) => a.tryFrameAllocBatch(Body, 4),
  tryFrameColumns: (a) => a.tryFrameColumns(Body, 4),
  tryFrameBox: (a) => a.tryFrameBox(Body),
  tryFrameAlloc2: (a) => a.tryFrameAlloc2(Body),
  tryFrameAlloc4: (a) => a.tryFrameAlloc4(Body),
  tryFrameAlloc8: (a) => a.tryFrameAlloc8(Body),
  scope: (a) => a.scope(),
  frameCheckpoint: (a) => a.frameCheckpoint(),
  checkpointGuard: (a) => a.checkpointGuard(),
  speculative: (a) => a.speculative(() => 1),
  beginPhase: (a) => a.beginPhase("x"),
  endPhase: (a) => a.endPhase(),
  phase: (a) => a.phase("x"),
  publish: (a) => a.publish("x", 1),
  frameRemaining: (a) => a.frameRemaining(),
};

for (const [name, use] of Object.entries(ALLOCATIONS)) {
  Deno.test(`${name} outside a frame is FA001, and FA012 after dispose`, () => {
    const alloc = new SmartAlloc();
    assertCode("FA001", () => use(alloc));
    alloc.beginFrame();
    alloc.endFrame();
    assertCode("FA001", () => use(alloc));
    alloc.dispose();
    assertCode("FA012", () => use(alloc));
  });
}

Deno.test("beginFrame() twice is FA004, and says when the open frame was begun", () => {
  const alloc = new SmartAlloc();
  alloc.beginFrame();
  alloc.frameSlice(Uint8Array, 8);
  assertCode("FA004", () => alloc.beginFrame(), "ms ago");
  assertEquals([alloc.frameNumber, alloc.stats().frame.used], [1, 16]); // the open frame is untouched
  assertCode("FA004", () => alloc.frame());
});

Deno.test("beginFrame() twice says in debug mode where the open frame was begun", () => {
  const alloc = new SmartAlloc({ debug: true });
  alloc.beginFrame();
  assertCode("FA004", () => alloc.beginFrame(), "misuse_test.ts");
});

Deno.test("endFrame() without a frame is FA005", () => {
  const alloc = new SmartAlloc();
  assertCode("FA005", () => alloc.endFrame());
  assertCode("FA005", () => alloc.endFrameWithSummary());
  alloc.beginFrame();
  alloc.endFrame();
  assertCode("FA005", () => alloc.endFrame());
});

Deno.test("beginFrame() after dispose() is FA012, and dispose() twice is not", () => {
  const alloc = new SmartAlloc();
  alloc.beginFrame();
  alloc.dispose();
  alloc.dispose();
  assertCode("FA012", () => alloc.beginFrame());
});

Deno.test("a guard of an earlier frame is FA007, and never ends another frame", () => {
  for (const safety of ["checked", "release"] as const) {
    const alloc = new SmartAlloc({ safety });
    const guard = alloc.frame();
    alloc.endFrame();
    assertCode("FA007", () => alloc.frame().end() ?? guard.end());
    const next = alloc.frame();
    const old = guard;
    old.end(); // its second call does nothing
    assertEquals(alloc.inFrame, true);
    next[Symbol.dispose]();
    next[Symbol.dispose]();
    assertEquals(alloc.inFrame, false);
  }
});

Deno.test("a frame guard ends the frame when the block throws", () => {
  const alloc = new SmartAlloc();
  assertThrows(
    () => {
      using _frame = alloc.frame();
      using _scope = alloc.scope();
      using _phase = alloc.phase("update");
      throw new RangeError("game over");
    },
    RangeError,
    "game over",
  );
  assertEquals([alloc.inFrame, alloc.currentPhase], [false, undefined]);
});

Deno.test("scopes of an earlier frame are FA007, and free nothing", () => {
  const alloc = new SmartAlloc({ framesAlive: 2 });
  alloc.beginFrame();
  const [ended, committed, phase] = [alloc.scope(), alloc.scope(), alloc.phase("x")];
  alloc.endFrame();
  alloc.beginFrame();
  alloc.frameSlice(Uint8Array, 16);
  assertCode("FA007", () => ended.end());
  assertCode("FA007", () => committed.commit());
  assertCode("FA007", () => phase.end());
  assertEquals(alloc.stats().frame.used, 16);
});

Deno.test("scopes out of order are FA006", () => {
  const alloc = new SmartAlloc();
  using _frame = alloc.frame();
  const outer = alloc.scope();
  const inner = alloc.scope();
  outer.end();
  alloc.frameSlice(Uint8Array, 16);
  const sameMark = alloc.scope();
  const sameMarkInner = alloc.scope();
  assertCode("FA006", () => inner.end());
  assertEquals([alloc.stats().frame.used, sameMark.isOpen], [16, true]);
  sameMark.commit();
  assertCode("FA006", () => sameMark.commit());
  assertCode("FA006", () => sameMarkInner.commit());
  assertCode("FA006", () => outer.commit());
  outer.end(); // ended before: a second call does nothing
  assertEquals(alloc.stats().frame.used, 16);
});

Deno.test("checkpoints that are foreign, dropped or old are refused", () => {
  const alloc = new SmartAlloc();
  const other = new SmartAlloc();
  alloc.beginFrame();
  other.beginFrame();
  const early = alloc.frameCheckpoint();
  const late = alloc.frameCheckpoint();
  assertCode("FA006", () => other.rollbackTo(early), "another allocator");
  alloc.rollbackTo(early);
  alloc.rollbackTo(early);
  assertCode("FA006", () => alloc.rollbackTo(late));
  const scope = alloc.scope();
  const inside = alloc.frameCheckpoint();
  scope.end();
  alloc.frameCheckpoint();
  assertCode("FA006", () => alloc.rollbackTo(inside));
  alloc.endFrame();
  assertCode("FA007", () => alloc.rollbackTo(early));
  alloc.beginFrame();
  assertCode("FA007", () => alloc.rollbackTo(early));
  assertCode("FA008", () => alloc.rollbackTo({} as never));
});

Deno.test("speculative() rolls back what throws, keeps what does not, and returns the error", () => {
  const alloc = new SmartAlloc();
  using _frame = alloc.frame();
  const kept = alloc.speculative(() => alloc.frameSlice(Uint8Array, 16).fill(1));
  const error = new Error("no");
  const dropped = alloc.speculative(() => {
    alloc.frameSlice(Uint8Array, 64);
    throw error;
  });
  assert(kept.success && !dropped.success);
  assertEquals([dropped.error, kept.value[0], alloc.stats().frame.used], [error, 1, 16]);
});

Deno.test("phases and tags out of order are FA013", () => {
  const alloc = new SmartAlloc();
  using _frame = alloc.frame();
  assertCode("FA013", () => alloc.endPhase());
  const outer = alloc.phase("outer");
  const inner = alloc.phase("inner");
  assertCode("FA013", () => outer.end());
  inner.end();
  assertEquals(alloc.currentPhase, "outer");
  alloc.endPhase();
  const a = alloc.tag("a");
  const b = alloc.tag("b");
  assertCode("FA013", () => a.end());
  b.end();
  a.end();
  a.end();
  assertEquals(alloc.tagPath, "");
});

Deno.test("arguments of the wrong kind are FA008", () => {
  const alloc = new SmartAlloc();
  using _frame = alloc.frame();
  for (const count of [-1, 1.5, NaN, Infinity, 2 ** 31, "3" as never, null as never]) {
    assertCode("FA008", () => alloc.frameSlice(Float32Array, count));
    assertCode("FA008", () => alloc.frameAllocBatch(Body, count));
    assertCode("FA008", () => alloc.frameColumns(Body, count));
    assertCode("FA008", () => alloc.frameVec(Body, count));
    assertCode("FA008", () => alloc.frameVec(f32, count));
    assertCode("FA008", () => alloc.frameMap(u32, Body, count));
  }
  for (const layout of [{}, "f32", 3] as unknown as Layout[]) {
    assertCode("FA008", () => alloc.frameAlloc(layout));
    assertCode("FA008", () => alloc.frameBox(layout));
    assertCode("FA008", () => alloc.frameAllocBatch(layout, 1));
    assertCode("FA008", () => alloc.frameColumns(layout, 1));
    assertCode("FA008", () => alloc.frameVec(layout));
    assertCode("FA008", () => alloc.frameAlloc2(layout));
    assertCode("FA008", () => alloc.frameMap(u32, layout));
    assertCode("FA008", () => alloc.frameMap(layout as KeyLayout, Body));
  }
  assertCode("FA008", () => alloc.frameSlice(Array as never, 3));
  assertCode("FA008", () => alloc.frameVec(bool as never));
  assertCode("FA008", () => alloc.frameMap(bool as never, Body));
  assertCode("FA008", () => alloc.frameMap(u32, i64));
  assertCode("FA008", () => alloc.frameMap(u32, bool));
  assertCode("FA008", () => alloc.frameString(3 as never));
  assertCode("FA008", () => alloc.withTag("", () => 1));
  assertCode("FA008", () => alloc.tag(3 as never));
  assertCode("FA008", () => alloc.beginPhase(""));
  assertCode("FA008", () => alloc.previous(-1));
  assertCode("FA008", () => alloc.frameAllocBatch(Body, 1, { into: {} as Batch<typeof Body> }));
  assertEquals(alloc.stats().frame.used, 0);
});

Deno.test("indices outside are FA009", () => {
  const alloc = new SmartAlloc();
  using _frame = alloc.frame();
  const batch = alloc.frameAllocBatch(Body, 3);
  const vec = alloc.frameVec(Body);
  const numbers = alloc.frameVec(f32);
  vec.push();
  numbers.push(1);
  for (const index of [-1, 3, NaN, Infinity]) {
    assertCode("FA009", () => batch.at(index));
    assertCode("FA009", () => vec.at(index));
    assertCode("FA009", () => numbers.at(index));
    assertCode("FA009", () => numbers.set(index, 1));
  }
  assertCode("FA008", () => vec.reserve(-1));
  assertCode("FA008", () => numbers.reserve(1.5));
  assertCode("FA008", () => alloc.frameAllocBatch(struct("Odd", { a: u8, b: u8, c: u8 }), 4).view(Float32Array));
});

Deno.test("keys that their layout cannot hold are FA008, and change nothing", () => {
  const alloc = new SmartAlloc();
  using _frame = alloc.frame();
  const map = alloc.frameMap(u8, f32);
  map.set(255, 1);
  for (const key of [256, -1, 1.5, NaN, "1" as never]) assertThrows(() => map.set(key, 1), ArgumentError, "FA008");
  assertEquals([map.size, map.get(256), [...map]], [1, undefined, [[255, 1]]]);
});

Deno.test("withTag() restores the tag when its function throws", () => {
  const alloc = new SmartAlloc();
  assertThrows(() =>
    alloc.withTag("a", () => {
      throw new RangeError("x");
    }), RangeError);
  assertEquals(alloc.currentTag, undefined);
  assert(new FrameStateError("FA001", "Cannot") instanceof FrameAllocError);
});
