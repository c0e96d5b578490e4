/**
 * What the guard says of each mistake, in each mode, and to whom. What becomes of a frame that has crossed the end of a turn is in
 * `crossed_frame_test.ts`, and how much is noticed in `guard_recall_test.ts`.
 */

import {
  type AllocConfig,
  AsyncGuard,
  type AsyncGuardMode,
  type AsyncReport,
  AsyncSafetyError,
  CODES,
  ConfigError,
  f32,
  FrameAlloc,
  FrameAllocError,
  FrameStateError,
  kilobytes,
  RetentionPolicy,
  SmartAlloc,
  StaleHandleError,
  u32,
} from "@framealloc/core";
import {
  assert,
  assertEquals,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { stub } from "@std/testing/mock";
import type { Frames } from "../../src/frame/frames.ts";
import { Body, turn } from "./_programs.ts";

const MODES: readonly AsyncGuardMode[] = ["throw", "warn", "collect"];

/** An allocator whose guard looks at turns, in a mode. */
function guarded(mode: AsyncGuardMode = "throw", config: AllocConfig = {}): SmartAlloc {
  const alloc = new SmartAlloc({ asyncSafety: "turns", frameArenaSize: kilobytes(64), ...config });
  alloc.asyncGuard.mode = mode;
  return alloc;
}

/** The codes of all reports. */
function codesOf(alloc: SmartAlloc): string[] {
  return alloc.asyncGuard.reports.map(({ code }) => code);
}

/** What a function throws; `undefined` if it does not. */
function thrownBy(fn: () => unknown): unknown {
  try {
    fn();
  } catch (error) {
    return error;
  }
}

/** Waits for the next turn, and returns what is uncaught until then. */
async function uncaught(): Promise<unknown[]> {
  const errors: unknown[] = [];
  const listener = (event: ErrorEvent): void => {
    event.preventDefault();
    errors.push(event.error);
  };
  addEventListener("error", listener);
  await turn();
  removeEventListener("error", listener);
  return errors;
}

// Each code

/** A mistake that is made after frame 2 was begun. */
interface Mistake {
  readonly code: AsyncReport["code"];
  /** What it is about, for the name of the test. */
  readonly what: string;
  readonly frame: number;
  readonly tag: string;
  readonly words: string;
  /** Whether it is refused in every mode. */
  readonly isRefused?: boolean;
  /** Goes on to the turn in which it is made, and returns how. */
  readonly make: (alloc: SmartAlloc) => Promise<() => unknown>;
}

const MISTAKES: readonly Mistake[] = [
  {
    code: "FA702",
    what: "a record",
    frame: 2,
    tag: "",
    words: "Cannot use a handle of frame 2 after an await as the turn in which it was allocated has ended: copy",
    async make(alloc) {
      const body = alloc.frameBox(Body, { mass: 3 }).value;
      await turn();
      return () => assertEquals(body.mass, 3);
    },
  },
  {
    code: "FA702",
    what: "a list of a tag",
    frame: 2,
    tag: "ui::map",
    words: 'Cannot use a handle of frame 2 and tag "ui::map" after an await',
    async make(alloc) {
      alloc.frameAlloc(Body);
      const list = alloc.withTag("ui", () => {
        alloc.frameAlloc(Body);
        return alloc.withTag("map", () => alloc.frameVec(u32));
      });
      alloc.frameAlloc(Body);
      list.push(4);
      await turn();
      return () => assertEquals(list.pop(), 4);
    },
  },
  {
    code: "FA702",
    what: "a record whose frame has ended since",
    frame: 2,
    tag: "",
    words: "Cannot use a handle of frame 2 after an await as that frame has ended meanwhile: copy",
    isRefused: true,
    async make(alloc) {
      const body = alloc.frameAlloc(Body);
      await turn();
      alloc.endFrame();
      return () => body.mass;
    },
  },
  {
    code: "FA702",
    what: "a record whose frame another one has followed",
    frame: 2,
    tag: "",
    words: "as that frame has ended meanwhile, and frame 3 is open now: copy",
    isRefused: true,
    async make(alloc) {
      const body = alloc.frameAlloc(Body);
      await turn();
      alloc.endFrame();
      alloc.beginFrame();
      return () => body.mass;
    },
  },
  {
    code: "FA702",
    what: "an epoch",
    frame: 2,
    tag: "",
    words:
      "Cannot use memory of epoch 3 as epoch 4 has begun, in frame 2: allocate it after the await, or in a TaskAlloc",
    async make(alloc) {
      const { epoch } = alloc.asyncGuard;
      await turn();
      return () => alloc.asyncGuard.check(epoch);
    },
  },
  {
    code: "FA701",
    what: "an allocation",
    frame: 2,
    tag: "audio",
    words: "as frame 2 was begun before an await: begin a frame of its own after the await, or allocate in a TaskAlloc",
    async make(alloc) {
      await turn();
      return () => assertEquals(alloc.withTag("audio", () => alloc.frameBox(f32, 5)).value, 5);
    },
  },
  {
    code: "FA002",
    what: "a record after its frame, in the same turn",
    frame: 3,
    tag: "",
    words: "Cannot use a handle of frame 3 as the frame has ended: copy what must outlive it",
    isRefused: true,
    async make(alloc) {
      await turn();
      alloc.endFrame();
      const body = alloc.runFrame(() => alloc.frameAlloc(Body));
      return () => body.mass;
    },
  },
];

for (const { code, what, frame, tag, words, isRefused = false, make } of MISTAKES) {
  for (const mode of MODES) {
    Deno.test(`AsyncGuard notices ${what} as ${code} in the mode ${mode}`, async () => {
      const alloc = guarded(mode);
      alloc.runFrame(() => alloc.frameAlloc(Body));
      alloc.beginFrame();
      const mistake = await make(alloc);
      const told: AsyncReport[] = [];
      alloc.asyncGuard.onReport = (report) => void told.push(report);
      using warn = stub(console, "warn");
      const error = thrownBy(mistake);
      const [report] = told;
      assert(report !== undefined && told.length === 1, String(error));
      assertEquals(alloc.asyncGuard.reports, [report]);
      assertEquals([report.code, report.frame, report.tag, report.count], [code, frame, tag, 1]);
      assertEquals(report.site, undefined);
      assertStringIncludes(report.message, words);
      assert(report.message.startsWith(`${code}: Cannot `) && !report.message.endsWith("."), report.message);
      assertStringIncludes(report.at!, "async_guard_test.ts");
      assertEquals(warn.calls.map(({ args }) => args), mode === "warn" ? [[report.message]] : []);
      if (mode === "throw" || isRefused) {
        assert(error instanceof (code === "FA002" ? StaleHandleError : AsyncSafetyError), String(error));
        assertEquals([error.code, error.message], [code, report.message]);
      } else assertEquals(error, undefined);
      assert(code in CODES);
    });
  }
}

for (const mode of MODES) {
  Deno.test(`AsyncGuard notices raw views in an open frame as FA704 in the mode ${mode}`, async () => {
    const alloc = guarded(mode);
    using warn = stub(console, "warn");
    alloc.beginFrame();
    alloc.frameSlice(Float32Array, 4);
    await turn();
    const [report] = alloc.asyncGuard.reports;
    assert(report !== undefined && alloc.asyncGuard.reports.length === 1);
    assertEquals(report, {
      code: "FA704",
      message:
        "FA704: Cannot see whether 1 raw view will be used too late as frame 1 is open at the end of a turn: end the frame before an await, or allocate in a TaskAlloc",
      frame: 1,
      tag: "",
      count: 1,
      site: undefined,
      at: undefined,
    });
    assertEquals(warn.calls.map(({ args }) => args), mode === "warn" ? [[report.message]] : []);
    if (mode === "throw") assertThrows(() => alloc.endFrame(), AsyncSafetyError, report.message);
    else alloc.endFrame();
    assertEquals([alloc.inFrame, alloc.stats().frame.alive, codesOf(alloc)], [false, 0, ["FA704"]]);
    alloc.runFrame(() => alloc.frameSlice(Float32Array, 4)); // and never again
    assertEquals([alloc.stats().totals.frames, codesOf(alloc)], [2, ["FA704"]]);
  });
}

// FA704

Deno.test("FA704 comes out of whatever ends the frame, once, when it has ended", async () => {
  const ends: Readonly<Record<string, (alloc: SmartAlloc) => unknown>> = {
    endFrame: (alloc) => alloc.endFrame(),
    endFrameWithSummary: (alloc) => alloc.endFrameWithSummary(),
    endFrameWithPromotions: (alloc) => alloc.endFrameWithPromotions(),
  };
  for (const [name, end] of Object.entries(ends)) {
    const alloc = guarded();
    alloc.beginFrame();
    const { life } = { life: alloc.frameColumns(Body, 4).mass };
    await turn();
    const error = assertThrows(() => end(alloc), AsyncSafetyError, "FA704", name);
    assertEquals([error.code, alloc.inFrame, alloc.stats().frame.alive], ["FA704", false, 0], name);
    assertThrows(() => end(alloc), FrameStateError, "FA005", name);
    assertEquals(alloc.runFrame(() => alloc.frameColumns(Body, 4).mass === life), true, name);
  }
});

Deno.test("FA704 comes out of a guard and of using, and is kept beside the error of the block", async () => {
  const alloc = guarded();
  const guard = alloc.frame();
  alloc.frameSlice(Uint8Array, 1);
  await turn();
  assertThrows(() => guard.end(), AsyncSafetyError, "FA704");
  guard.end();
  const hold = async (error?: Error): Promise<void> => {
    using _frame = alloc.frame();
    using _scope = alloc.scope();
    alloc.frameSlice(Uint8Array, 1);
    await turn();
    if (error !== undefined) throw error;
  };
  await assertRejects(() => hold(), AsyncSafetyError, "FA704");
  const lost = new RangeError("lost");
  const both = await hold(lost).catch((error: unknown) => error);
  assert(both instanceof SuppressedError && both.error instanceof AsyncSafetyError);
  assertStrictEquals(both.suppressed, lost);
  assertEquals([alloc.inFrame, codesOf(alloc)], [false, ["FA704", "FA704", "FA704"]]);
});

Deno.test("FA704 counts what is out, by tag, and nothing that was taken back or is for the library alone", async () => {
  const alloc = guarded("collect", { frameArenaSize: kilobytes(4) });
  alloc.beginFrame();
  const scope = alloc.scope();
  alloc.withTag("gone", () => alloc.frameSlice(Uint8Array, 8));
  alloc.frameColumns(Body, 2);
  scope.end();
  const start = alloc.frameCheckpoint();
  alloc.withTag("gone", () => alloc.frameSlice(Uint8Array, kilobytes(8))); // in a further chunk
  alloc.rollbackTo(start);
  alloc.withTag("lists", () => {
    const numbers = alloc.frameVec(f32, 1);
    const bodies = alloc.frameVec(Body, 1);
    const byId = alloc.frameMap(u32, f32, 1);
    const text = alloc.frameString();
    for (let i = 0; i < 40; i++) {
      numbers.push(i);
      bodies.push();
      byId.set(i, i);
      text.append("more");
    }
  });
  alloc.withTag("audio", () => {
    alloc.frameSlice(Uint8Array, 8);
    alloc.frameColumns(Body, 2);
    alloc.withTag("mixer", () => alloc.frameAllocBatch(Body, 2).view(Uint8Array));
  });
  const numbers = alloc.frameVec(u32);
  for (let i = 0; i < 2; i++) assertEquals(numbers.view.length, 0);
  assertEquals(alloc.frameString("x").bytes.length, 1);
  const kept = alloc.scope();
  alloc.withTag("audio", () => alloc.frameSlice(Uint8Array, 8));
  kept.commit();
  await turn();
  assertEquals(
    alloc.asyncGuard.reports.map(({ code, tag, count }) => [code, tag, count]),
    [["FA704", "audio", 3], ["FA704", "audio::mixer", 1], ["FA704", "", 3]],
  );
  assertStringIncludes(alloc.asyncGuard.reports[0]!.message, 'whether 3 raw views of tag "audio" will');
});

Deno.test("FA704 is reported for new views alone in a later turn of the same frame", async () => {
  const alloc = guarded("collect");
  const seen = (): unknown => {
    const found = alloc.asyncGuard.reports.map(({ code, tag, count }) => [code, tag, count]);
    alloc.asyncGuard.clear();
    return found;
  };
  alloc.beginFrame();
  alloc.withTag("a", () => alloc.frameSlice(Uint8Array, 1));
  const batch = alloc.frameAllocBatch(Body, 2);
  await turn();
  assertEquals(seen(), [["FA704", "a", 1]]);
  await turn();
  alloc.withTag("a", () => alloc.frameSlice(Uint8Array, 1));
  alloc.withTag("b", () => alloc.frameSlice(Uint8Array, 1));
  await turn();
  assertEquals(seen(), [["FA701", "a", 1], ["FA704", "a", 1], ["FA704", "b", 1]]);
  batch.view(Float32Array).fill(1); // handed out in this turn, by a handle of an earlier one
  await turn();
  assertEquals(seen(), [["FA702", "", 1], ["FA704", "", 1]]);
  alloc.endFrame();
  alloc.beginFrame();
  alloc.withTag("a", () => alloc.frameSlice(Uint8Array, 1));
  await turn();
  assertEquals(seen(), [["FA704", "a", 1]]);
});

Deno.test("tags are not known where nothing is counted by them, and views are all the same", async () => {
  for (const stats of ["off", "totals"] as const) {
    const alloc = guarded("collect", { stats });
    alloc.beginFrame();
    const scope = alloc.scope();
    alloc.frameSlice(Uint8Array, 1);
    alloc.frameColumns(Body, 1);
    scope.end();
    const body = alloc.withTag("a", () => (alloc.frameSlice(Uint8Array, 1), alloc.frameAlloc(Body)));
    alloc.withTag("b", () => alloc.frameColumns(Body, 1));
    await turn();
    body.mass = 1;
    assertEquals(alloc.asyncGuard.reports.map(({ code, tag, count }) => [code, tag, count]), [
      ["FA704", "", 2],
      ["FA702", "", 1],
    ]);
  }
});

Deno.test("FA704 is not thrown where the mode is another one by the end of the frame", async () => {
  const alloc = guarded("throw");
  alloc.beginFrame();
  alloc.frameSlice(Uint8Array, 1);
  await turn();
  alloc.asyncGuard.mode = "collect";
  alloc.endFrame();
  alloc.beginFrame();
  alloc.frameSlice(Uint8Array, 1);
  await turn();
  alloc.asyncGuard.mode = "throw"; // which was not the one when it was noticed
  alloc.endFrame();
  alloc.runFrame(() => {});
  assertEquals(codesOf(alloc), ["FA704", "FA704"]);
});

// Reports

Deno.test("reports say in debug mode where memory was allocated and the frame begun", async () => {
  const alloc = guarded("collect", { debug: true, sampleSites: 1 });
  function makeRecord() {
    return alloc.frameAlloc(Body);
  }
  function beginHere(): void {
    alloc.beginFrame();
  }
  beginHere();
  const body = makeRecord();
  alloc.frameSlice(Uint8Array, 1);
  await turn();
  body.mass = 1;
  alloc.frameAlloc(Body);
  alloc.endFrame();
  assertThrows(() => body.mass, StaleHandleError);
  const old = alloc.runFrame(makeRecord);
  assertThrows(() => old.mass, StaleHandleError);
  assertEquals(codesOf(alloc), ["FA704", "FA702", "FA701", "FA002", "FA002"]);
  const sites = ["beginHere", "makeRecord", "beginHere", "makeRecord", "makeRecord"];
  for (const [i, { site, message, code }] of alloc.asyncGuard.reports.entries()) {
    assertStringIncludes(site!, sites[i]!);
    assertEquals(message.includes("allocated at"), code === "FA702" || code === "FA002");
  }
});

Deno.test("a report leaves the depth of stacks as it was, and is deep enough itself", () => {
  const { stackTraceLimit } = Error;
  try {
    Error.stackTraceLimit = 3;
    const alloc = guarded("collect");
    const body = alloc.runFrame(() => alloc.frameAlloc(Body));
    const deep = (left: number): unknown => left === 0 ? Body.toObject(body) : deep(left - 1);
    assertThrows(() => deep(5), StaleHandleError);
    assertEquals(Error.stackTraceLimit, 3);
    assertStringIncludes(alloc.asyncGuard.reports[0]!.at!, "at deep");
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
});

Deno.test("what is allocated after a frame has crossed is of that frame", async () => {
  const alloc = guarded("collect");
  alloc.runFrame(() => {});
  alloc.beginFrame();
  alloc.frameAlloc(Body);
  await turn();
  const body = alloc.frameAlloc(Body);
  alloc.endFrame();
  assertThrows(() => body.mass, StaleHandleError, "a handle of frame 2 as");
  assertEquals(alloc.asyncGuard.reports.map(({ code, frame }) => [code, frame]), [["FA701", 2], ["FA002", 2]]);
});

Deno.test("a life is reported once per turn", async () => {
  const alloc = guarded("collect");
  alloc.beginFrame();
  const bodies = alloc.frameAllocBatch(Body, 2);
  const scope = alloc.scope();
  const scoped = alloc.frameVec(f32);
  for (let i = 1; i <= 3; i++) {
    await turn();
    for (let k = 0; k < 5; k++) {
      bodies.at(k % 2).mass = k;
      scoped.push(k);
    }
    assertEquals(codesOf(alloc).length, 2 * i);
  }
  scope.end();
  alloc.endFrame();
  assertEquals([new Set(codesOf(alloc)), alloc.asyncGuard.crossings], [new Set(["FA702"]), 3]);
});

Deno.test("a frame that nobody uses any more crosses one turn, and one that is used crosses each", async () => {
  const alloc = guarded("collect");
  const { asyncGuard } = alloc;
  alloc.beginFrame();
  for (let i = 0; i < 3; i++) await turn();
  assertEquals(asyncGuard.crossings, 1);
  alloc.frameAlloc(Body);
  alloc.frameAlloc(Body);
  for (let i = 0; i < 3; i++) await turn();
  assertEquals([asyncGuard.crossings, codesOf(alloc)], [2, ["FA701"]]);
  alloc.endFrame();
  for (let i = 0; i < 3; i++) {
    alloc.runFrame(() => alloc.frameSlice(Uint8Array, 1));
    await turn();
  }
  assertEquals([asyncGuard.crossings, codesOf(alloc)], [2, ["FA701"]]);
});

Deno.test("AsyncGuard keeps 256 reports, and counts the others", () => {
  const alloc = guarded("throw");
  const { asyncGuard } = alloc;
  const told: AsyncReport[] = [];
  asyncGuard.onReport = (report) => void told.push(report);
  const body = alloc.runFrame(() => alloc.frameAlloc(Body));
  for (let i = 0; i < 300; i++) assertThrows(() => body.mass, StaleHandleError);
  assertEquals([asyncGuard.reports.length, asyncGuard.dropped, told.length], [256, 44, 300]);
  assertStringIncludes(told[299]!.at!, "async_guard_test.ts"); // the others are told, if not kept
  const { reports } = asyncGuard;
  asyncGuard.clear();
  assertEquals([reports.length, asyncGuard.reports.length, asyncGuard.dropped], [256, 0, 0]);
  assertThrows(() => body.mass, StaleHandleError);
  assertEquals([asyncGuard.reports.length, asyncGuard.dropped], [1, 0]);
});

// Whoever is told

Deno.test("onReport() is not told of what it causes itself, and of all that comes after it", async () => {
  for (const mode of MODES) {
    const alloc = guarded(mode);
    using _warn = stub(console, "warn");
    alloc.beginFrame();
    const body = alloc.frameAlloc(Body);
    const scope = alloc.scope();
    const list = alloc.frameVec(u32);
    await turn();
    let told = 0;
    alloc.asyncGuard.onReport = () => {
      told++;
      thrownBy(() => body.mass);
      thrownBy(() => list.push(1));
      thrownBy(() => alloc.frameAlloc(Body));
    };
    thrownBy(() => body.mass);
    assertEquals([told, codesOf(alloc)], [
      1,
      mode === "throw" ? ["FA702", "FA702", "FA702", "FA701"] : ["FA702", "FA702", "FA701"],
    ]);
    await turn();
    thrownBy(() => alloc.frameAlloc(Body));
    scope.end();
    assertEquals(told, 2);
  }
});

Deno.test("what onReport() throws comes out of the use, and the use works the next time", async () => {
  const alloc = guarded("collect");
  const told = new Error("told");
  alloc.beginFrame();
  const body = alloc.frameBox(Body, { mass: 2 }).value;
  await turn();
  alloc.asyncGuard.onReport = () => {
    throw told;
  };
  const old = thrownBy(() => body.mass);
  const allocated = thrownBy(() => alloc.frameAlloc(Body));
  const checked = thrownBy(() => alloc.asyncGuard.check(0));
  assertEquals([old, allocated, checked], [told, told, told]);
  assertEquals([body.mass, alloc.frameBox(f32, 3).value], [2, 3]);
  alloc.endFrame();
  assertStrictEquals(thrownBy(() => body.mass), told);
  assertEquals(codesOf(alloc), ["FA702", "FA701", "FA702", "FA002"]);
});

Deno.test("what onReport() throws at the end of a turn is uncaught, and the guard goes on", async () => {
  const alloc = guarded("throw");
  const told = new Error("told");
  alloc.asyncGuard.onReport = () => {
    throw told;
  };
  for (let i = 1; i <= 2; i++) {
    alloc.beginFrame();
    alloc.withTag("a", () => alloc.frameSlice(Uint8Array, 1));
    alloc.withTag("b", () => alloc.frameSlice(Uint8Array, 1));
    assertEquals(await uncaught(), [told]);
    assertEquals([alloc.asyncGuard.crossings, codesOf(alloc).length], [i, 2 * i]); // none is lost
    assertThrows(() => alloc.endFrame(), AsyncSafetyError, 'of tag "a"');
  }
});

Deno.test("onReport() may end the frame: what was used is refused then", async () => {
  const alloc = guarded("collect");
  for (const begins of [false, true]) {
    for (let way = 0; way < 3; way++) {
      alloc.asyncGuard.onReport = undefined;
      alloc.beginFrame();
      const body = alloc.frameAlloc(Body);
      const list = alloc.frameVec(u32, 1);
      list.push(1);
      await turn();
      const number = alloc.frameNumber;
      alloc.asyncGuard.onReport = () => {
        if (alloc.inFrame && alloc.frameNumber === number) alloc.endFrame();
        if (begins && !alloc.inFrame) alloc.beginFrame();
      };
      const error = thrownBy([() => body.mass, () => list.push(2), () => alloc.frameAlloc(Body)][way]!);
      if (way < 2) {
        assert(error instanceof StaleHandleError, String(error));
        assertEquals(error.code, "FA002");
      } else if (begins) assertEquals([error, alloc.stats().frame.allocations], [undefined, 1]); // in the new frame
      else assertEquals((error as FrameAllocError).code, "FA001");
      assertEquals(alloc.inFrame, begins);
      if (begins) alloc.endFrame();
    }
  }
});

Deno.test("onReport() may end the frame at the end of a turn, and dispose of the allocator", async () => {
  for (const mode of ["throw", "collect"] as const) {
    const alloc = guarded(mode);
    alloc.asyncGuard.onReport = () => alloc.inFrame && alloc.endFrame();
    alloc.beginFrame();
    alloc.frameSlice(Uint8Array, 1);
    const errors = await uncaught();
    assertEquals(errors.map((error) => (error as FrameAllocError).code), mode === "throw" ? ["FA704"] : []);
    assertEquals(alloc.inFrame, false);
    alloc.asyncGuard.onReport = () => void alloc.dispose();
    alloc.beginFrame();
    alloc.frameSlice(Uint8Array, 1);
    assertEquals(await uncaught(), []);
    assertThrows(() => alloc.endFrame(), FrameStateError, "FA012");
  }
});

Deno.test("a task that nobody has released is reported as FA712", () => {
  const alloc = guarded("throw");
  const lost = { kind: "task", name: "parse", tag: "net", bytes: 64, age: 3, site: "at load" } as const;
  alloc.asyncGuard.$lost(lost, 7); // there is nobody to throw it at
  const [report] = alloc.asyncGuard.reports;
  assertEquals({ ...report, message: "" }, {
    code: "FA712",
    message: "",
    frame: 7,
    tag: "net",
    count: 1,
    site: "at load",
    at: undefined,
  });
  assertStringIncludes(report!.message, 'Cannot free the 64 bytes of task "parse" as nobody can release it any more');
});

// Epochs

Deno.test("epoch grows with the begin and the end of each frame, and of each turn that crosses one", async () => {
  const alloc = guarded("collect");
  const epochs = [alloc.asyncGuard.epoch];
  const note = (): void => void epochs.push(alloc.asyncGuard.epoch);
  for (let i = 0; i < 3; i++) {
    alloc.beginFrame();
    note();
    alloc.frameAlloc(Body);
    if (i === 1) {
      await turn();
      note();
      alloc.frameAlloc(Body);
      await turn();
      note();
    }
    alloc.endFrame();
    note();
    await turn();
  }
  alloc.beginFrame();
  note();
  alloc.dispose();
  note();
  for (const [i, epoch] of epochs.entries()) if (i > 0) assert(epoch > epochs[i - 1]!, `${epochs}`);
  assertEquals(epochs.length, 11);
});

Deno.test("check() passes what has not ended, and refuses anything else", async () => {
  for (const asyncSafety of ["off", "frames", "turns"] as const) {
    const alloc = guarded("throw", { asyncSafety });
    const { asyncGuard } = alloc;
    asyncGuard.check(asyncGuard.epoch);
    alloc.beginFrame();
    const { epoch } = asyncGuard;
    const kept = alloc.scope();
    alloc.frameSlice(Uint8Array, 1);
    kept.end();
    asyncGuard.check(epoch);
    await turn();
    if (asyncSafety === "turns") assertThrows(() => asyncGuard.check(epoch), AsyncSafetyError, "epoch 1 as epoch 2");
    else asyncGuard.check(epoch);
    alloc.endFrame();
    for (const wrong of [epoch, epoch - 1, epoch + 100, 0, NaN, undefined as never, "1" as never]) {
      assertThrows(() => asyncGuard.check(wrong), AsyncSafetyError, "FA702");
    }
    asyncGuard.mode = "collect";
    asyncGuard.clear();
    asyncGuard.check(epoch);
    assertEquals(codesOf(alloc), ["FA702"]);
  }
});

// The mode and the options

Deno.test("AsyncGuard.mode is one of three", () => {
  const { asyncGuard } = new SmartAlloc();
  assertEquals([asyncGuard.mode, asyncGuard.reports, asyncGuard.dropped, asyncGuard.crossings], ["throw", [], 0, 0]);
  for (const mode of MODES) {
    asyncGuard.mode = mode;
    assertEquals(asyncGuard.mode, mode);
  }
  for (const mode of ["", "Throw", null, 1, {}] as never[]) {
    const error = assertThrows(() => asyncGuard.mode = mode, FrameAllocError, '"throw", "warn" or "collect"');
    assertEquals(error.code, "FA008");
  }
  assertEquals(asyncGuard.mode, "collect");
});

Deno.test("asyncGuard is one per allocator, of every safety mode and level", () => {
  for (const config of [{}, { safety: "release" }, { asyncSafety: "off" }, { asyncSafety: "turns" }] as AllocConfig[]) {
    const alloc = new SmartAlloc(config);
    assert(alloc.asyncGuard instanceof AsyncGuard);
    assertStrictEquals(alloc.asyncGuard, alloc.asyncGuard);
    assert(alloc.asyncGuard !== new SmartAlloc(config).asyncGuard);
  }
});

/** What is noticed of a record after its frame, of one in a later turn, of an allocation then, and of an open frame with a slice. */
async function probe(config: AllocConfig): Promise<string> {
  const alloc = guarded("throw", config);
  const cells: string[] = [];
  const note = (use: () => unknown): void => {
    const error = thrownBy(use);
    const code = error instanceof FrameAllocError ? error.code : error === undefined ? "-" : "?";
    cells.push(codesOf(alloc).length > 0 ? `${code} reported` : code);
    alloc.asyncGuard.clear();
  };
  const old = alloc.runFrame(() => alloc.frameAlloc(Body));
  note(() => old.mass);
  alloc.beginFrame();
  const body = alloc.frameAlloc(Body);
  await turn();
  note(() => body.mass);
  note(() => alloc.frameAlloc(Body));
  alloc.endFrame();
  alloc.beginFrame();
  alloc.frameSlice(Uint8Array, 1);
  await turn();
  note(() => alloc.endFrame());
  return cells.join(", ");
}

Deno.test("asyncSafety decides what is noticed, with every safety mode that it goes with", async () => {
  const all = "FA002 reported, FA702 reported, FA701 reported, FA704 reported";
  const frames = "FA002 reported, -, -, -";
  assertEquals(await probe({ asyncSafety: "turns", safety: "checked" }), all);
  assertEquals(await probe({ asyncSafety: "turns", safety: "revoke" }), all);
  assertEquals(await probe({ asyncSafety: "turns", safety: "checked", framesAlive: 1, debug: true }), all);
  assertEquals(await probe({ asyncSafety: "frames", safety: "checked" }), frames);
  assertEquals(await probe({ asyncSafety: "frames", safety: "revoke" }), frames);
  assertEquals(await probe({ asyncSafety: "frames", safety: "release" }), "-, -, -, -");
  assertEquals(await probe({ asyncSafety: "off", safety: "checked" }), "FA002, -, -, -");
  assertEquals(await probe({ asyncSafety: "off", safety: "revoke" }), "FA002, -, -, -");
  assertEquals(await probe({ asyncSafety: "off", safety: "release" }), "-, -, -, -");
  assertThrows(() => new SmartAlloc({ asyncSafety: "turns", safety: "release" }), ConfigError, "FA010");
});

Deno.test("turns are noticed on every source", async () => {
  for (const source of ["wasm", "arraybuffer", "shared"] as const) {
    assertEquals(
      await probe({ asyncSafety: "turns", source }),
      "FA002 reported, FA702 reported, FA701 reported, FA704 reported",
    );
  }
});

Deno.test("frames that nobody guards have no guard to tell", async () => {
  const watchOf = (alloc: FrameAlloc): unknown => (alloc.$frames as Frames).watch;
  assertEquals(watchOf(new FrameAlloc()), null);
  assertEquals(watchOf(new SmartAlloc({ asyncSafety: "off" })), null);
  for (const asyncSafety of ["off", "frames"] as const) {
    const alloc = guarded("throw", { asyncSafety });
    alloc.beginFrame();
    const body = alloc.frameAlloc(Body);
    alloc.frameSlice(Uint8Array, 1);
    await turn();
    body.mass = 1;
    alloc.endFrame();
    assertEquals([alloc.asyncGuard.crossings, codesOf(alloc)], [0, []]);
    assertEquals((alloc.$frames as Frames).meter.views, null);
  }
  assertThrows(() => new FrameAlloc({ asyncSafety: "turns" }), ConfigError, "FA010");
});

Deno.test("turns end also where a test has replaced queueMicrotask()", async () => {
  using queue = stub(globalThis, "queueMicrotask");
  const alloc = guarded();
  alloc.beginFrame();
  const body = alloc.frameAlloc(Body);
  await Promise.resolve();
  assertThrows(() => body.mass, AsyncSafetyError, "FA702");
  assertEquals(queue.calls.length, 0);
});

Deno.test("a frame belongs to the microtask in which it was begun", async () => {
  const alloc = guarded("throw");
  const outcomes: unknown[] = [];
  alloc.runFrame(() => {}); // the end of this turn is looked for already
  await Promise.all([
    Promise.resolve().then(() => {
      alloc.beginFrame();
      const body = alloc.frameAlloc(Body);
      queueMicrotask(() => {
        outcomes.push(thrownBy(() => body.mass));
        alloc.endFrame();
      });
    }),
    turn(),
  ]);
  assertEquals(outcomes.map((error) => (error as FrameAllocError).code), ["FA702"]);
});

// runFrame

Deno.test("runFrame() runs a function in a frame of its own, and returns what it returns", () => {
  for (const alloc of [new SmartAlloc(), guarded(), new FrameAlloc()]) {
    const result = alloc.runFrame((inside) => {
      assertStrictEquals<FrameAlloc>(inside, alloc);
      assertEquals([alloc.inFrame, alloc.frameNumber], [true, 1]);
      return alloc.frameBox(f32, 2).value;
    });
    assertEquals([result, alloc.inFrame, alloc.frameNumber], [2, false, 1]);
    for (const value of [undefined, null, 0, "then", { then: 1 }]) {
      assertStrictEquals(alloc.runFrame(() => value), value);
    }
    assertEquals(alloc.frameNumber, 6);
  }
});

Deno.test("runFrame() ends the frame when its function throws", () => {
  const alloc = guarded();
  const error = new RangeError("no");
  const thrown = thrownBy(() =>
    alloc.runFrame(() => {
      alloc.beginPhase("update");
      alloc.scope();
      throw error;
    })
  );
  assertStrictEquals(thrown, error);
  assertEquals([alloc.inFrame, alloc.currentPhase, codesOf(alloc)], [false, undefined, []]);
});

Deno.test("runFrame() refuses an async function before it is run", () => {
  const alloc = guarded();
  let runs = 0;
  const functions = [async () => (await turn(), runs++), async function () {}, { async run() {} }.run];
  for (const fn of functions) {
    const error = assertThrows(() => alloc.runFrame(fn as () => unknown), AsyncSafetyError, "an async function");
    assertEquals([error.code, error.cause], ["FA704", undefined]);
  }
  assertEquals([runs, alloc.frameNumber], [0, 0]);
  for (const value of [undefined, null, 1, {}, "fn"] as never[]) {
    assertThrows(() => alloc.runFrame(value), FrameAllocError, "FA008");
  }
});

Deno.test("runFrame() refuses a promise, which is the cause, and whose error is not uncaught", async () => {
  const alloc = guarded();
  for (const promise of [Promise.resolve(1), Promise.reject(new Error("no"))]) {
    const error = assertThrows(() => alloc.runFrame((() => promise) as () => unknown), AsyncSafetyError, "a promise");
    assertEquals([error.code, alloc.inFrame], ["FA704", false]);
    assertStrictEquals(error.cause, promise);
  }
  await turn();
  await turn();
});

Deno.test("runFrame() refuses a thenable, and does not start it", () => {
  const alloc = guarded();
  let started = 0;
  const thenable = { then: () => started++ };
  const error = assertThrows(() => alloc.runFrame((() => thenable) as () => unknown), AsyncSafetyError, "FA704");
  assertStrictEquals(error.cause, thenable);
  assertEquals([started, alloc.inFrame], [0, false]);
});

Deno.test("runFrame() ends its own frame and no other", () => {
  const alloc = guarded();
  assertThrows(() => alloc.runFrame(() => alloc.endFrame()), FrameStateError, "FA007");
  const again = (): void => {
    alloc.endFrame();
    alloc.beginFrame();
  };
  assertThrows(() => alloc.runFrame(again), FrameStateError, "FA007");
  assertEquals([alloc.inFrame, alloc.frameNumber], [true, 3]);
  assertThrows(() => alloc.runFrame(() => 1), FrameStateError, "FA004");
  alloc.endFrame();
  assertThrows(() => alloc.runFrame(() => alloc.runFrame(() => 1)), FrameStateError, "FA004");
  const other = guarded();
  assertEquals(alloc.runFrame(() => other.runFrame(() => alloc.frameBox(u32, 7).value)), 7);
  alloc.runFrame(() => alloc.dispose());
  assertThrows(() => alloc.runFrame(() => 1), FrameStateError, "FA012");
});

Deno.test("runFrame() gives a generator back unstarted: its body has no frame", () => {
  const alloc = guarded();
  const steps = alloc.runFrame(function* () {
    yield alloc.frameAlloc(Body);
  });
  assertEquals(alloc.inFrame, false);
  assertThrows(() => steps.next(), FrameStateError, "FA001");
});

Deno.test("a record that crossed is reported where it becomes JSON, and not where it is printed", async () => {
  for (const mode of ["throw", "collect"] as const) {
    const alloc = guarded(mode);
    alloc.beginFrame();
    const [shown, sent] = [alloc.frameBox(Body, { id: 3 }), alloc.frameBox(Body, { id: 3 }).value];
    const json = JSON.stringify(sent);
    await turn();
    if (mode === "throw") {
      assertEquals([Deno.inspect(shown.value), codesOf(alloc)], ["[stale Body]", []]);
      assertEquals([JSON.stringify(sent), codesOf(alloc)], ['"[stale Body]"', ["FA702"]]);
    } else {
      assertEquals([JSON.stringify(sent), codesOf(alloc)], [json, ["FA702"]]);
      assertStringIncludes(Deno.inspect(shown.value), "id: 3");
    }
    alloc.endFrame();
    alloc.asyncGuard.clear();
    assertEquals([Deno.inspect(sent), codesOf(alloc)], ["[stale Body]", []]);
    // What was pardoned has ended as any other handle does.
    assertEquals([JSON.stringify(shown), codesOf(alloc)], ['"[stale Body]"', [mode === "throw" ? "FA702" : "FA002"]]);
  }
});

Deno.test("a retained record is told apart from one of another allocator", async () => {
  const alloc = guarded("throw");
  alloc.beginFrame();
  alloc.frameRetained(Body, RetentionPolicy.PromoteToPool);
  await turn();
  assertThrows(() => alloc.endFrameWithPromotions(), AsyncSafetyError, "FA702");
  assertEquals([alloc.inFrame, alloc.stats().pool.live], [true, 0]);
  alloc.endFrame();
});
