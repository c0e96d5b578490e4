/**
 * Phases: named parts of a frame, with bytes and allocations of their own, and time.
 */

import { FrameStateError, SmartAlloc } from "@framealloc/core";
import { assert, assertEquals, assertGreater, assertGreaterOrEqual, assertThrows } from "@std/assert";
import * as fc from "fast-check";
import { PROGRAMS, Runner } from "./_programs.ts";

/** An allocator with an open frame. */
function opened(): SmartAlloc {
  const alloc = new SmartAlloc();
  alloc.beginFrame();
  return alloc;
}

/** Name, bytes, allocations and runs of each phase. */
function countsOf(alloc: SmartAlloc): [string, number, number, number][] {
  return alloc.stats().phases.map(({ name, bytes, allocations, runs }) => [name, bytes, allocations, runs]);
}

/** Waits without giving way. */
function spin(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

Deno.test("phases own what was allocated while they were the innermost, in random programs", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(1024, 65_536),
      fc.integer({ min: 1, max: 2 }),
      PROGRAMS,
      (size, framesAlive, program) => {
        const alloc = new SmartAlloc({ frameArenaSize: size, framesAlive });
        alloc.beginFrame();
        const runner = new Runner(alloc, true);
        for (const op of program) {
          runner.step(op);
          assertEquals(alloc.currentPhase, runner.phase);
          const { phases, frame } = alloc.stats();
          let bytes = runner.phases.get("")?.bytes ?? 0;
          for (const phase of phases) {
            bytes += phase.bytes;
            const owned = runner.phases.get(phase.name) ?? { bytes: 0, allocations: 0 };
            assertEquals({ bytes: phase.bytes, allocations: phase.allocations }, owned, `"${phase.name}"`);
          }
          assertEquals(bytes, frame.used);
        }
        alloc.dispose();
      },
    ),
    { seed: 23, numRuns: 300 },
  );
});

Deno.test("bytes of a phase are exclusive, its time is inclusive", () => {
  const alloc = opened();
  alloc.beginPhase("outer");
  alloc.frameSlice(Uint8Array, 16);
  alloc.beginPhase("inner");
  alloc.frameSlice(Uint8Array, 32);
  spin(2);
  alloc.endPhase();
  alloc.frameSlice(Uint8Array, 64);
  alloc.endPhase();
  alloc.frameSlice(Uint8Array, 128);
  assertEquals(countsOf(alloc), [["outer", 80, 2, 1], ["inner", 32, 1, 1]]);
  const [outer, inner] = alloc.stats().phases;
  assert(outer !== undefined && inner !== undefined);
  assertGreater(inner.ms, 0);
  assertGreaterOrEqual(outer.ms, inner.ms);
});

Deno.test("a phase that is begun again adds to its counts and its time", () => {
  const alloc = opened();
  const times: number[] = [];
  for (let i = 0; i < 3; i++) {
    alloc.beginPhase("update");
    alloc.frameSlice(Uint8Array, 16);
    spin(1);
    alloc.endPhase();
    times.push(alloc.stats().phases[0]?.ms ?? 0);
  }
  assertEquals(countsOf(alloc), [["update", 48, 3, 3]]);
  const [first = 0, second = 0, third = 0] = times;
  assert(0 < first && first < second && second < third);
});

Deno.test("phases are reported in the order in which they were first begun, for one frame", () => {
  const alloc = opened();
  for (const name of ["b", "a", "b"]) {
    using _phase = alloc.phase(name);
  }
  assertEquals(countsOf(alloc).map(([name]) => name), ["b", "a"]);
  alloc.endFrame();
  assertEquals(countsOf(alloc).map(([name]) => name), ["b", "a"]);
  alloc.beginFrame();
  assertEquals(countsOf(alloc), []);
  alloc.beginPhase("a");
  assertEquals(countsOf(alloc), [["a", 0, 0, 1]]);
});

Deno.test("currentPhase is the innermost phase", () => {
  const alloc = opened();
  assertEquals(alloc.currentPhase, undefined);
  alloc.beginPhase("outer");
  alloc.beginPhase("inner");
  assertEquals(alloc.currentPhase, "inner");
  alloc.endPhase();
  assertEquals(alloc.currentPhase, "outer");
  alloc.endPhase();
  assertEquals(alloc.currentPhase, undefined);
});

Deno.test("the end of a frame ends its phases, at every stats level", () => {
  for (const stats of ["tags", "totals", "off"] as const) {
    const alloc = new SmartAlloc({ stats });
    alloc.beginFrame();
    alloc.beginPhase("outer");
    alloc.beginPhase("inner");
    alloc.endFrame();
    assertEquals(alloc.currentPhase, undefined, stats);
    alloc.beginFrame();
    assertEquals(alloc.currentPhase, undefined, stats);
    assertEquals(assertThrows(() => alloc.endPhase(), FrameStateError).code, "FA013", stats);
  }
});

Deno.test("the end of a frame counts the phases that were left open", () => {
  const alloc = opened();
  alloc.beginPhase("left");
  alloc.frameSlice(Uint8Array, 16);
  spin(1);
  const { phases } = alloc.endFrameWithSummary();
  assertEquals(phases.map(({ name, bytes, runs }) => [name, bytes, runs]), [["left", 16, 1]]);
  assertGreater(phases[0]?.ms ?? 0, 0);
});

Deno.test("a rollback takes the bytes from the phases that had them", () => {
  const alloc = opened();
  alloc.beginPhase("a");
  alloc.frameSlice(Uint8Array, 16);
  const checkpoint = alloc.frameCheckpoint();
  alloc.frameSlice(Uint8Array, 32);
  alloc.endPhase();
  alloc.beginPhase("b");
  alloc.frameSlice(Uint8Array, 64);
  alloc.rollbackTo(checkpoint);
  alloc.endPhase();
  assertEquals(countsOf(alloc), [["a", 16, 2, 1], ["b", 0, 1, 1]]);
});

Deno.test("endPhase() without a phase is FA013, without a frame FA001", () => {
  const alloc = opened();
  alloc.beginPhase("a");
  alloc.endPhase();
  assertEquals(assertThrows(() => alloc.endPhase(), FrameStateError, "none is open").code, "FA013");
  alloc.endFrame();
  for (const use of [() => alloc.endPhase(), () => alloc.beginPhase("a"), () => alloc.phase("a")]) {
    assertEquals(assertThrows(use, FrameStateError).code, "FA001");
  }
});

Deno.test("phases refuse names that are none", () => {
  const alloc = opened();
  for (const name of ["", undefined, null, 7, {}]) {
    assertThrows(() => alloc.beginPhase(name as string), Error, "FA008");
    assertThrows(() => alloc.phase(name as string), Error, "FA008");
  }
  assertEquals(alloc.currentPhase, undefined);
});

Deno.test("a phase guard ends its phase once, also when the block throws", () => {
  const alloc = opened();
  const guard = alloc.phase("outer");
  assertThrows(() => {
    using _inner = alloc.phase("inner");
    throw new Error("no");
  }, "no");
  assertEquals(alloc.currentPhase, "outer");
  guard.end();
  guard.end();
  guard[Symbol.dispose]();
  assertEquals([alloc.currentPhase, alloc.stats().phases.length], [undefined, 2]);
});

Deno.test("a phase guard out of order is FA013, and works once it is the innermost", () => {
  const alloc = opened();
  const outer = alloc.phase("outer");
  const inner = alloc.phase("inner");
  assertEquals(assertThrows(() => outer.end(), FrameStateError).code, "FA013");
  assertEquals(alloc.currentPhase, "inner");
  inner.end();
  outer.end();
  assertEquals(alloc.currentPhase, undefined);
});

Deno.test("a phase guard whose phase was ended by hand is FA013", () => {
  const alloc = opened();
  const guard = alloc.phase("a");
  alloc.endPhase();
  assertEquals(assertThrows(() => guard.end(), FrameStateError).code, "FA013");
});

Deno.test("a phase guard of an earlier frame is FA007, and ends no other phase", () => {
  const alloc = opened();
  const guard = alloc.phase("a");
  alloc.endFrame();
  alloc.beginFrame();
  alloc.beginPhase("b");
  assertEquals(assertThrows(() => guard.end(), FrameStateError).code, "FA007");
  assertEquals(alloc.currentPhase, "b");
});

Deno.test("phases and tags are counted apart", () => {
  const alloc = opened();
  alloc.beginPhase("update");
  alloc.withTag("physics", () => {
    alloc.frameSlice(Uint8Array, 16);
    alloc.beginPhase("solve");
    alloc.frameSlice(Uint8Array, 32);
    alloc.endPhase();
  });
  assertEquals(countsOf(alloc), [["update", 16, 1, 1], ["solve", 32, 1, 1]]);
  assertEquals(alloc.stats().tags.map(({ path, bytes }) => [path, bytes]), [["physics", 48]]);
});
