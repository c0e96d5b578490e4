/**
 * Limits for every kind of memory: to the byte, told of once, obeyed also by whoever is told, and nothing is changed by a refusal.
 */

import {
  type AllocConfig,
  ArgumentError,
  array,
  BudgetError,
  type BudgetEvent,
  type BudgetLimits,
  type BytesByKind,
  type ChildBudget,
  ConfigError,
  f32,
  FrameAlloc,
  FrameAllocError,
  FrameStateError,
  type Group,
  type NumberVec,
  PoolError,
  RetentionPolicy,
  type ScratchPool,
  SmartAlloc,
  type Stats,
  struct,
  u32,
  u8,
} from "@framealloc/core";
import { arrayBufferSource } from "@framealloc/core/memory";
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { CountingSource } from "../memory/_counting_source.ts";

const R16 = struct("R16", { data: array(u8, 16) });
const R40 = struct("R40", { data: array(u8, 40) });
const R600 = struct("R600", { data: array(u8, 600) });
const Pair = struct("Pair", { a: f32, b: u8 });

const PAGE = 1024;
const ARENA = 4096;

function makeAlloc(config: AllocConfig = {}): { readonly alloc: SmartAlloc; readonly source: CountingSource } {
  const source = new CountingSource();
  const alloc = new SmartAlloc({
    frameArenaSize: ARENA,
    poolClasses: [16, 64, 256],
    poolPageSize: PAGE,
    poolIdlePages: 2,
    heapIdleBytes: 4096,
    streamingBudget: 100_000,
    ...config,
    source,
  });
  return { alloc, source };
}

function usedOf(alloc: SmartAlloc, name: string): number {
  const budget = alloc.budgets.stats.find((budget) => budget.name === name);
  assert(budget !== undefined, `there is no budget "${name}"`);
  return budget.used;
}

function total(use: BytesByKind): number {
  return Object.values(use).reduce((sum, bytes) => sum + bytes, 0);
}

function heldBy({ frame, pool, handles, heap, groups, scratch }: Stats): number {
  const regions = [...groups, ...scratch].reduce((sum, { reserved }) => sum + reserved, 0);
  return frame.committed + pool.reserved + handles.reserved + heap.reserved + regions;
}

/** Every budget has what is in use below its tag, or is held; what is charged to a child counts as held. */
function assertBooked(alloc: SmartAlloc, source: CountingSource, child?: ChildBudget): void {
  const stats = alloc.stats();
  assertEquals(heldBy(stats) - stats.frame.committed + stats.frame.reserved, source.bytes, "held from the source");
  for (const { name, used } of stats.budgets) {
    if (name === child?.name) continue;
    const below = stats.tags.filter(({ path }) => path === name || path.startsWith(`${name}::`));
    const wanted = name === "global"
      ? heldBy(stats) + (child?.used ?? 0)
      : below.reduce((sum, { inUse }) => sum + total(inUse), 0);
    assertEquals(used, wanted, `used of "${name}"`);
  }
}

/** Statistics without the counts of refusals. */
function plain(stats: Stats): unknown {
  return { ...stats, budgets: stats.budgets.map((budget) => ({ ...budget, refusals: 0 })) };
}

function assertCoded(error: FrameAllocError): void {
  assert(error.message.startsWith(`${error.code}: Cannot `), error.message);
  assert(!error.message.endsWith("."), error.message);
}

function budgetError(fn: () => unknown): BudgetError {
  const error = assertThrows(fn, BudgetError);
  assertCoded(error);
  return error;
}

// Every kind of memory

/** A way to allocate under the tag "t", in an open frame. */
interface Way {
  readonly kind: keyof BytesByKind;
  /** What it charges to the tag. */
  readonly bytes: number;
  /** What is there already; in use under the same tag. */
  readonly prepare?: (alloc: SmartAlloc) => unknown;
  readonly make: (alloc: SmartAlloc, prepared: never) => unknown;
  readonly twin?: (alloc: SmartAlloc, prepared: never) => unknown;
  /** Gives it back. By default the frame is ended and another begun. */
  readonly undo?: (alloc: SmartAlloc, made: never, prepared: never) => void;
  /** Whether it makes something larger that was prepared. */
  readonly grows?: boolean;
}

const WAYS: Readonly<Record<string, Way>> = {
  frameSlice: {
    kind: "frame",
    bytes: 112,
    make: (a) => a.frameSlice(Uint8Array, 100),
    twin: (a) => a.tryFrameSlice(Uint8Array, 100),
  },
  frameAlloc: { kind: "frame", bytes: 48, make: (a) => a.frameAlloc(R40), twin: (a) => a.tryFrameAlloc(R40) },
  frameBox: { kind: "frame", bytes: 48, make: (a) => a.frameBox(R40, {}), twin: (a) => a.tryFrameBox(R40, {}) },
  "frameBox of a scalar": {
    kind: "frame",
    bytes: 16,
    make: (a) => a.frameBox(f32, 1),
    twin: (a) => a.tryFrameBox(f32, 1),
  },
  frameAlloc2: { kind: "frame", bytes: 80, make: (a) => a.frameAlloc2(R40), twin: (a) => a.tryFrameAlloc2(R40) },
  frameAlloc4: { kind: "frame", bytes: 160, make: (a) => a.frameAlloc4(R40), twin: (a) => a.tryFrameAlloc4(R40) },
  frameAlloc8: { kind: "frame", bytes: 320, make: (a) => a.frameAlloc8(R40), twin: (a) => a.tryFrameAlloc8(R40) },
  frameAllocBatch: {
    kind: "frame",
    bytes: 208,
    make: (a) => a.frameAllocBatch(R40, 5),
    twin: (a) => a.tryFrameAllocBatch(R40, 5),
  },
  frameColumns: {
    kind: "frame",
    bytes: 64,
    make: (a) => a.frameColumns(Pair, 10),
    twin: (a) => a.tryFrameColumns(Pair, 10),
  },
  "frameVec of numbers": {
    kind: "frame",
    bytes: 80,
    make: (a) => a.frameVec(Float64Array, 10),
    twin: (a) => a.tryFrameVec(Float64Array, 10),
  },
  "frameVec of records": {
    kind: "frame",
    bytes: 128,
    make: (a) => a.frameVec(R40, 3),
    twin: (a) => a.tryFrameVec(R40, 3),
  },
  frameMap: {
    kind: "frame",
    bytes: 208,
    make: (a) => a.frameMap(u32, u32, 10),
    twin: (a) => a.tryFrameMap(u32, u32, 10),
  },
  frameString: {
    kind: "frame",
    bytes: 32,
    make: (a) => a.frameString("x".repeat(20)),
    twin: (a) => a.tryFrameString("x".repeat(20)),
  },
  frameRetained: { kind: "frame", bytes: 48, make: (a) => a.frameRetained(R40, RetentionPolicy.PromoteToPool) },
  "a vec of numbers that grows in place": {
    kind: "frame",
    bytes: 32,
    grows: true,
    prepare: (a) => vecOf(a, 4),
    make: (_, vec: NumberVec<Float64ArrayConstructor>) => vec.push(1),
  },
  "a vec of numbers that moves": {
    kind: "frame",
    bytes: 64,
    grows: true,
    prepare(a) {
      const vec = vecOf(a, 4);
      a.frameAlloc(R16);
      return vec;
    },
    make: (_, vec: NumberVec<Float64ArrayConstructor>) => vec.push(1),
  },
  "a vec of numbers that makes room": {
    kind: "frame",
    bytes: 400,
    grows: true,
    prepare(a) {
      const vec = vecOf(a, 4);
      a.frameAlloc(R16);
      return vec;
    },
    make: (_, vec: NumberVec<Float64ArrayConstructor>) => (vec.reserve(50), true),
  },
  "a vec of records that grows": {
    kind: "frame",
    bytes: 80,
    grows: true,
    prepare(a) {
      const vec = a.frameVec(R40, 2);
      vec.push();
      vec.push();
      return vec;
    },
    make: (_, vec: { push(): unknown }) => vec.push(),
  },
  "a text that grows": {
    kind: "frame",
    bytes: 48,
    grows: true,
    prepare(a) {
      const text = a.frameString("x".repeat(16));
      a.frameAlloc(R16);
      return text;
    },
    make: (_, text: { append(text: string): unknown }) => text.append("y".repeat(30)),
  },
  poolAlloc: {
    kind: "pool",
    bytes: 64,
    make: (a) => a.poolAlloc(R40),
    twin: (a) => a.tryPoolAlloc(R40),
    undo: (a, record: object) => a.poolFree(record),
  },
  poolBox: {
    kind: "pool",
    bytes: 64,
    make: (a) => a.poolBox(R40),
    twin: (a) => a.tryPoolBox(R40),
    undo: (_, box: { free(): void }) => box.free(),
  },
  "a large poolAlloc": {
    kind: "pool",
    bytes: 608,
    make: (a) => a.poolAlloc(R600),
    twin: (a) => a.tryPoolAlloc(R600),
    undo: (a, record: object) => a.poolFree(record),
  },
  "a large poolBox": {
    kind: "pool",
    bytes: 608,
    make: (a) => a.poolBox(R600),
    twin: (a) => a.tryPoolBox(R600),
    undo: (_, box: { free(): void }) => box.free(),
  },
  heapAlloc: {
    kind: "heap",
    bytes: 1008,
    make: (a) => a.heapAlloc(1000),
    twin: (a) => a.tryHeapAlloc(1000),
    undo: (_, block: { free(): void }) => block.free(),
  },
  heapBox: {
    kind: "heap",
    bytes: 48,
    make: (a) => a.heapBox(R40),
    twin: (a) => a.tryHeapBox(R40),
    undo: (_, box: { free(): void }) => box.free(),
  },
  "handles.alloc": {
    kind: "handles",
    bytes: 64,
    make: (a) => a.handles.alloc(R40),
    undo: (a, handle: number) => a.handles.free(handle),
  },
  "handles.alloc of a large record": {
    kind: "handles",
    bytes: 608,
    make: (a) => a.handles.alloc(R600),
    undo: (a, handle: number) => a.handles.free(handle),
  },
  "a group": {
    kind: "groups",
    bytes: 112,
    prepare: (a) => a.groups.create("group", { size: 256 }),
    make: (_, group: Group) => group.allocSlice(Uint8Array, 100),
    undo: (_, __, group: Group) => group.free(),
  },
  "a vec in a group that grows": {
    kind: "groups",
    bytes: 80,
    grows: true,
    prepare(a) {
      const group = a.groups.create("group", { size: 1024 });
      const vec = group.allocVec(R40, 2);
      vec.push();
      vec.push();
      return vec;
    },
    make: (_, vec: { push(): unknown }) => vec.push(),
    undo: (a) => a.groups.all[0]!.free(),
  },
  "a scratch pool": {
    kind: "scratch",
    bytes: 112,
    prepare: (a) => a.scratchPool("scratch", { size: 256 }),
    make: (_, pool: ScratchPool) => pool.allocSlice(Uint8Array, 100),
    undo: (_, __, pool: ScratchPool) => pool.reset(),
  },
  "streaming.reserve": {
    kind: "streaming",
    bytes: 1008,
    make: (a) => a.streaming.reserve(1000),
    undo: (a, id: number) => a.streaming.free(id),
  },
  "promote to the pool": {
    kind: "pool",
    bytes: 64,
    prepare: (a) => a.frameAlloc(R40),
    make: (a, record: object) => a.promote(record),
    undo: (_, copy: { free(): void }) => copy.free(),
  },
  "promote to the heap": {
    kind: "heap",
    bytes: 48,
    prepare: (a) => a.frameSlice(Uint8Array, 40),
    make: (a, slice: Uint8Array) => a.promote(slice),
    undo: (_, copy: { free(): void }) => copy.free(),
  },
};

function vecOf(alloc: SmartAlloc, length: number): NumberVec<Float64ArrayConstructor> {
  const vec = alloc.frameVec(Float64Array, length);
  for (let i = 0; i < length; i++) vec.push(i);
  return vec;
}

/** An allocator with a frame, the tag "t" and what a way needs to be there. */
interface Scene {
  readonly alloc: SmartAlloc;
  readonly source: CountingSource;
  readonly prepared: never;
  /** What is charged to "t" before. */
  readonly base: number;
  make(): unknown;
}

function sceneFor(way: Way, config: AllocConfig = {}): Scene {
  const { alloc, source } = makeAlloc(config);
  alloc.beginFrame();
  alloc.tag("t");
  const prepared = way.prepare?.(alloc) as never;
  alloc.budgets.setTag("t", {});
  return { alloc, source, prepared, base: usedOf(alloc, "t"), make: () => way.make(alloc, prepared) };
}

function undo(way: Way, { alloc, prepared }: Scene, made: unknown): void {
  if (way.undo !== undefined) return way.undo(alloc, made as never, prepared);
  alloc.endFrame();
  alloc.beginFrame();
}

for (const [name, way] of Object.entries(WAYS)) {
  Deno.test(`${name} is granted up to a tag's hard limit, to the byte, and a refusal changes nothing`, () => {
    const scene = sceneFor(way);
    const { alloc, source, base, prepared } = scene;
    const hard = base + way.bytes - 1;
    alloc.budgets.setTag("t", { hard });
    const before = plain(alloc.stats());
    const { bytes: live } = source;
    let refusals = 0;
    const check = (): void => {
      refusals++;
      assertEquals(plain(alloc.stats()), before);
      assertEquals(source.bytes, live);
      assert(alloc.budgets.stats[0]!.refusals >= refusals); // some ask for more than they need first
    };
    if (way.kind === "streaming") assertEquals(scene.make(), undefined);
    else {
      const error = budgetError(scene.make);
      assertEquals([error.code, error.budget, error.limit], ["FA352", "t", hard]);
      assert(way.grows ? error.requested >= way.bytes : error.requested === way.bytes, `${error.requested} requested`);
    }
    check();
    if (way.twin !== undefined) {
      assertEquals(way.twin(alloc, prepared), undefined);
      check();
    }
    alloc.budgets.setTag("t", { hard: hard + 1 });
    assert(scene.make() !== undefined);
    assertEquals(usedOf(alloc, "t"), hard + 1);
    assertEquals(alloc.tryFrameSlice(Uint8Array, 1), undefined);
    assertBooked(alloc, source);
    alloc.dispose();
    assertEquals(source.bytes, 0);
  });

  for (const limit of ["soft", "hard"] as const) {
    Deno.test(`${name} tells of a ${limit === "soft" ? "soft" : '"warn"'} limit once per crossing, and before it`, () => {
      const scene = sceneFor(way);
      const { alloc, source, base } = scene;
      const events: BudgetEvent[] = [];
      let before: unknown;
      const bytes = base + way.bytes - 1;
      const limits: BudgetLimits<SmartAlloc> = {
        onCross(event) {
          events.push(event);
          assertEquals(plain(alloc.stats()), before);
        },
      };
      const known = limit === "soft" ? { soft: bytes } : { hard: bytes, policy: "warn" as const };
      alloc.budgets.setTag("t", { ...limits, ...known });
      before = plain(alloc.stats());
      const made = scene.make();
      assert(made !== undefined);
      const { requested } = events[0] ?? { requested: 0 };
      assertEquals(events, [{ crossed: limit, budget: "t", used: base, requested, limit: bytes }]);
      assert(way.grows ? requested >= way.bytes : requested === way.bytes, `${requested} requested`);
      assertEquals(usedOf(alloc, "t"), base + way.bytes);
      // Past the limit nobody is told again, whatever is allocated.
      const more = [alloc.frameSlice(Uint8Array, 16), alloc.poolAlloc(R16), alloc.heapAlloc(16)] as const;
      assertEquals(events.length, 1);
      alloc.poolFree(more[1]);
      more[2].free();
      assertEquals(events.length, 1);
      // Below it one can cross it again.
      undo(way, scene, made);
      alloc.endFrame();
      alloc.beginFrame();
      const left = usedOf(alloc, "t");
      assert(left <= bytes, `${left} are left`);
      before = plain(alloc.stats());
      alloc.frameSlice(Uint8Array, bytes - left + 1);
      assertEquals(events.length, 2);
      assertEquals(events[1], {
        crossed: limit,
        budget: "t",
        used: left,
        requested: ceil16(bytes - left + 1),
        limit: bytes,
      });
      assertBooked(alloc, source);
    });
  }
}

function ceil16(bytes: number): number {
  return Math.ceil(bytes / 16) * 16;
}

// Everything that is held from chunk sources

/** A way to make the allocator hold more. */
interface HoldingWay {
  /** What it has to hold at least. */
  readonly bytes: number;
  readonly config?: AllocConfig;
  /** Where no frame is open before. */
  readonly isOutside?: boolean;
  readonly prepare?: (alloc: SmartAlloc) => unknown;
  readonly make: (alloc: SmartAlloc, prepared: never) => unknown;
  readonly twin?: (alloc: SmartAlloc, prepared: never) => unknown;
  /** Whether it makes something larger that was prepared, and in a frame. */
  readonly grows?: boolean;
  readonly isFrame?: boolean;
}

function fill(alloc: SmartAlloc): void {
  alloc.frameSlice(Uint8Array, ARENA);
}

const HOLDING: Readonly<Record<string, HoldingWay>> = {
  beginFrame: { bytes: ARENA, isOutside: true, make: (a) => (a.beginFrame(), true) },
  frame: {
    bytes: ARENA,
    isOutside: true,
    make: (a) => a.frame(),
  },
  "a frame that goes on in a further chunk": {
    bytes: 112,
    isFrame: true,
    prepare: fill,
    make: (a) => a.frameSlice(Uint8Array, 100),
    twin: (a) => a.tryFrameSlice(Uint8Array, 100),
  },
  "a frame that hands out more of its chunk": {
    bytes: 112,
    config: { reserve: 4 * ARENA },
    isFrame: true,
    prepare: fill,
    make: (a) => a.frameAlloc(struct("R100", { data: array(u8, 100) })),
    twin: (a) => a.tryFrameAlloc(struct("R100", { data: array(u8, 100) })),
  },
  "a vec of numbers that grows into a further chunk": {
    bytes: 64,
    grows: true,
    isFrame: true,
    prepare(a) {
      const vec = vecOf(a, 4);
      a.frameSlice(Uint8Array, ARENA - 32);
      return vec;
    },
    make: (_, vec: NumberVec<Float64ArrayConstructor>) => vec.push(1),
  },
  "a vec of records that grows into a further chunk": {
    bytes: 80,
    grows: true,
    isFrame: true,
    prepare(a) {
      const vec = a.frameVec(R40, 2);
      vec.push();
      vec.push();
      a.frameSlice(Uint8Array, ARENA - 80);
      return vec;
    },
    make: (_, vec: { push(): unknown }) => vec.push(),
  },
  poolAlloc: { bytes: PAGE, make: (a) => a.poolAlloc(R40), twin: (a) => a.tryPoolAlloc(R40) },
  "a large poolAlloc": { bytes: 608, make: (a) => a.poolAlloc(R600), twin: (a) => a.tryPoolAlloc(R600) },
  heapAlloc: { bytes: 1008, make: (a) => a.heapAlloc(1000), twin: (a) => a.tryHeapAlloc(1000) },
  heapBox: { bytes: 48, make: (a) => a.heapBox(R40), twin: (a) => a.tryHeapBox(R40) },
  "handles.alloc": { bytes: PAGE, make: (a) => a.handles.alloc(R40) },
  "handles.alloc of a large record": { bytes: 608, make: (a) => a.handles.alloc(R600) },
  "streaming.reserve": { bytes: 1008, make: (a) => a.streaming.reserve(1000) },
  "groups.create": { bytes: 256, make: (a) => a.groups.create("group", { size: 256 }) },
  createGroup: {
    bytes: 256,
    prepare: (a) => a.groups.create("group", { size: 256 }),
    make: (_, group: Group) => group.createGroup("inner", { size: 256 }),
  },
  "a group that goes on in a further chunk": {
    bytes: 304,
    prepare: (a) => a.groups.create("group", { size: 256 }),
    make: (_, group: Group) => group.allocSlice(Uint8Array, 300),
  },
  scratchPool: { bytes: 256, make: (a) => a.scratchPool("scratch", { size: 256 }) },
  "a scratch pool that goes on in a further chunk": {
    bytes: 304,
    prepare: (a) => a.scratchPool("scratch", { size: 256 }),
    make: (_, pool: ScratchPool) => pool.allocSlice(Uint8Array, 300),
  },
};

function holdingSceneFor(way: HoldingWay, config: AllocConfig = {}): Scene {
  const { alloc, source } = makeAlloc({ ...config, ...way.config });
  if (way.isOutside !== true) alloc.beginFrame();
  alloc.tag("t");
  const prepared = way.prepare?.(alloc) as never;
  alloc.budgets.setTag("t", {});
  alloc.budgets.setGlobal({});
  return { alloc, source, prepared, base: usedOf(alloc, "global"), make: () => way.make(alloc, prepared) };
}

for (const [name, way] of Object.entries(HOLDING)) {
  Deno.test(`${name} is granted up to the global hard limit, to the byte, and a refusal changes nothing`, () => {
    const { alloc, source, base, prepared, make } = holdingSceneFor(way);
    const hard = base + way.bytes - 1;
    alloc.budgets.setGlobal({ hard });
    const before = plain(alloc.stats());
    const { bytes: live } = source;
    let refusals = 0;
    const check = (): void => {
      refusals++;
      assertEquals(plain(alloc.stats()), before);
      assertEquals(source.bytes, live);
      assert(alloc.budgets.stats[0]!.refusals >= refusals); // some ask for more than they need first
    };
    if (name === "streaming.reserve") assertEquals(make(), undefined);
    else {
      const error = budgetError(make);
      const { code, budget, limit, requested } = error;
      assertEquals([code, budget, limit, requested], ["FA351", "global", hard, way.bytes]);
    }
    check();
    if (way.twin !== undefined) {
      assertEquals(way.twin(alloc, prepared), undefined);
      check();
    }
    alloc.budgets.setGlobal({ hard: hard + 1 });
    assert(make() !== undefined);
    assertEquals(usedOf(alloc, "global"), hard + 1);
    assertEquals(alloc.tryHeapAlloc(1), undefined);
    assertBooked(alloc, source);
    alloc.dispose();
    assertEquals([source.bytes, usedOf(alloc, "global")], [0, 0]);
  });

  Deno.test(`${name} tells of the global soft limit once per crossing, and before it`, () => {
    const { alloc, source, base, make } = holdingSceneFor(way);
    const events: BudgetEvent[] = [];
    let before: unknown;
    const soft = base + way.bytes - 1;
    alloc.budgets.setGlobal({
      soft,
      onCross(event) {
        events.push(event);
        assertEquals(plain(alloc.stats()), before);
      },
    });
    before = plain(alloc.stats());
    assert(make() !== undefined);
    const { requested } = events[0] ?? { requested: 0 };
    assertEquals(events, [{ crossed: "soft", budget: "global", used: base, requested, limit: soft }]);
    assert(requested >= way.bytes);
    const first = alloc.heapAlloc(5000);
    first.free(); // is more than is kept for later
    assertEquals(events.length, 1);
    assertBooked(alloc, source);
    // Everything that can be given back is, and then the limit is crossed again.
    if (alloc.inFrame) alloc.endFrame();
    alloc.groups.all[0]?.free();
    alloc.scratchPool("scratch", { size: 16 }).dispose();
    alloc.trim();
    const used = usedOf(alloc, "global");
    const isBelow = used <= soft;
    before = plain(alloc.stats());
    alloc.heapAlloc(10_000);
    assertEquals(events.slice(1).map(({ used }) => used), isBelow ? [used] : []);
  });
}

Deno.test("a larger chunk for the next cycle that the global limit refuses is no harm", () => {
  const { alloc, source } = makeAlloc();
  const scratch = alloc.scratchPool("scratch", { size: 256 });
  alloc.beginFrame();
  alloc.frameSlice(Uint8Array, 3 * ARENA);
  alloc.endFrame();
  scratch.allocSlice(Uint8Array, 1000);
  alloc.budgets.setGlobal({ hard: ARENA + 256 });
  scratch.reset();
  alloc.beginFrame();
  assertEquals([alloc.frameSlice(Uint8Array, ARENA).length, scratch.allocSlice(Uint8Array, 256).length], [ARENA, 256]);
  assertBooked(alloc, source);
  assertEquals(usedOf(alloc, "global"), ARENA + 256);
});

// What a callback may do

class Boom extends Error {}

/** What is there for a callback to work with. */
interface Props {
  readonly scene: Scene;
  readonly limits: { onCross?: (event: BudgetEvent) => void; soft?: number };
  readonly record: object;
  readonly scope: { end(): void } | undefined;
  setLimits(limits: BudgetLimits<SmartAlloc>): void;
}

type Outcome = "made" | "FA001" | "FA002" | "FA004" | "FA012" | "FA351" | "FA352" | "boom";

interface Action {
  readonly act: (props: Props) => void;
  /** What becomes of what is allocated then, by what it is: in a frame, growing in a frame, beginning a frame, or anything else. */
  readonly frame: Outcome;
  readonly growth: Outcome;
  /** The same where two frames are alive: a vec of a frame that is over and alive cannot grow, as there is no place for it. */
  readonly growthOfAlive?: Outcome;
  readonly begin?: Outcome;
  readonly other: Outcome;
}

const ALL = (outcome: Outcome): Omit<Action, "act"> => ({
  frame: outcome,
  growth: outcome,
  begin: outcome,
  other: outcome,
});

const ACTIONS: Readonly<Record<string, Action>> = {
  "does nothing": { act() {}, ...ALL("made") },
  "looks at everything": {
    act({ scene: { alloc } }) {
      alloc.stats();
      alloc.leaks();
      void [
        alloc.handles.stats,
        alloc.handles.fragmentation,
        alloc.streaming.stats,
        alloc.budgets.stats,
        alloc.tagPath,
      ];
    },
    ...ALL("made"),
  },
  "allocates of every kind": {
    act({ scene: { alloc } }) {
      if (alloc.inFrame) alloc.frameSlice(Uint8Array, 30);
      alloc.poolAlloc(R16);
      alloc.poolAlloc(R40);
      alloc.poolAlloc(R600);
      alloc.heapAlloc(40);
      alloc.handles.alloc(R40);
      alloc.streaming.reserve(50);
      alloc.groups.create("another", { size: 256 }).alloc(R40);
      alloc.scratchPool("another", { size: 256 }).alloc(R40);
    },
    ...ALL("made"),
  },
  "allocates a little and frees it": {
    act({ scene: { alloc } }) {
      if (alloc.inFrame) {
        const scope = alloc.scope();
        alloc.frameAlloc(R16);
        scope.end();
      }
      alloc.poolFree(alloc.poolAlloc(R16));
      alloc.heapAlloc(16).free();
      alloc.handles.free(alloc.handles.alloc(R16));
    },
    ...ALL("made"),
  },
  "frees something": { act: ({ scene: { alloc }, record }) => alloc.poolFree(record), ...ALL("made") },
  "gives back what is idle": {
    act({ scene: { alloc } }) {
      alloc.handles.compact();
      alloc.trim();
    },
    ...ALL("made"),
  },
  "opens and ends tags": {
    act({ scene: { alloc } }) {
      alloc.withTag("inner", () => alloc.heapAlloc(16));
      alloc.tag("inner").end();
    },
    ...ALL("made"),
  },
  "ends the scope": {
    act: ({ scope }) => scope?.end(),
    frame: "made",
    growth: "FA002",
    other: "made",
  },
  "ends the frame": {
    act({ scene: { alloc } }) {
      if (alloc.inFrame) alloc.endFrame();
    },
    frame: "FA001",
    growth: "FA002",
    growthOfAlive: "FA001",
    begin: "made",
    other: "made",
  },
  "ends the frame and begins another": {
    act({ scene: { alloc } }) {
      if (alloc.inFrame) alloc.endFrame();
      alloc.beginFrame();
    },
    frame: "made",
    growth: "FA002",
    growthOfAlive: "FA001",
    begin: "FA004",
    other: "made",
  },
  "begins and ends frames": {
    act({ scene: { alloc } }) {
      const wasOpen = alloc.inFrame;
      if (wasOpen) alloc.endFrame();
      for (let i = 0; i < 3; i++) {
        alloc.beginFrame();
        alloc.frameAlloc(R16);
        alloc.endFrame();
      }
      if (wasOpen) alloc.beginFrame();
    },
    frame: "made",
    growth: "FA002",
    begin: "made",
    other: "made",
  },
  "raises the limit": { act: ({ setLimits }) => setLimits({ soft: 1_000_000 }), ...ALL("made") },
  "removes the limit": { act: ({ setLimits }) => setLimits({}), ...ALL("made") },
  "sets the same limit again": { act: ({ setLimits, limits }) => setLimits(limits), ...ALL("made") },
  "sets a hard limit beside it": {
    act: ({ setLimits, limits }) => setLimits({ ...limits, hard: 1_000_000 }),
    ...ALL("made"),
  },
  "sets a hard limit that refuses": {
    act: ({ setLimits, limits }) => setLimits({ hard: limits.soft! }),
    ...ALL("FA352"),
  },
  throws: {
    act() {
      throw new Boom("boom");
    },
    ...ALL("boom"),
  },
  "disposes of the allocator": {
    act: ({ scene: { alloc } }) => void alloc.dispose(),
    ...ALL("FA012"),
    growth: "FA002",
  },
};

type Ways = "frame" | "growth" | "begin" | "other";

/** Makes something while a callback acts, and looks at what came of it. */
function interrupt(scene: Scene, way: Ways, action: Action, limit: "t" | "global", name: string): void {
  const { alloc, source } = scene;
  const record = alloc.poolAlloc(R16); // to be freed by the callback
  const scope = alloc.inFrame && way === "frame" ? alloc.scope() : undefined;
  const limits: { soft?: number; onCross?: (event: BudgetEvent) => void } = {};
  const setLimits = (limits: BudgetLimits<SmartAlloc>): void =>
    limit === "t" ? alloc.budgets.setTag("t", limits) : alloc.budgets.setGlobal(limits);
  let told = 0;
  let isActing = false;
  const props: Props = { scene, record, scope, limits, setLimits };
  limits.soft = usedOf(alloc, limit);
  limits.onCross = () => {
    assert(++told <= 5, `told ${told} times`);
    if (isActing) return;
    isActing = true;
    try {
      action.act(props);
    } finally {
      isActing = false;
    }
  };
  setLimits(limits);
  const before = plain(alloc.stats());
  const wanted = action[way]!;
  let made: unknown;
  let error: unknown;
  try {
    made = scene.make();
  } catch (thrown) {
    error = thrown;
  }
  const outcome = error === undefined
    ? "made"
    : error instanceof Boom
    ? "boom"
    : error instanceof FrameAllocError
    ? error.code
    : error;
  // A reservation that cannot be made is none, and what is gone with the allocator may say so in its own words.
  const isReservation = name === "streaming.reserve" && /^FA35|^FA012/.test(wanted);
  if (isReservation) assertEquals([outcome, made], ["made", undefined]);
  else if (wanted === "FA012" && way === "growth") assert(outcome === "FA012" || outcome === "FA002", String(outcome));
  else if (wanted === "FA012" && name.startsWith("a vec")) assert(outcome === "FA012" || outcome === "FA401");
  else assertEquals(outcome, limit === "global" && wanted === "FA352" ? "FA351" : wanted);
  assertEquals(told, 1, "how often it was told");
  if (action.other === "FA012") {
    assertEquals([source.bytes, alloc.budgets.stats.map(({ used }) => used)], [
      0,
      [...alloc.budgets.stats].map(() => 0),
    ]);
    return;
  }
  assertBooked(alloc, source);
  if (outcome === "boom") {
    assertEquals(plain(alloc.stats()), before);
    assertThrows(() => scene.make(), Boom); // it is about to be crossed once more
    assertEquals([told, plain(alloc.stats())], [2, before]);
  }
  if (alloc.inFrame) alloc.endFrame();
  const { totals, frame } = alloc.stats();
  assertEquals(totals.frames, frame.number, "each frame has a number of its own");
  alloc.dispose();
  assertEquals(source.bytes, 0);
}

for (const [does, action] of Object.entries(ACTIONS)) {
  for (const framesAlive of [1, 2]) {
    const growth = framesAlive === 1 ? action.growth : action.growthOfAlive ?? action.growth;
    const suffix = `with ${framesAlive} frames alive`;

    Deno.test(`a callback of a tag that ${does} is obeyed by every kind of memory, ${suffix}`, () => {
      const failures: string[] = [];
      for (const [name, way] of Object.entries(WAYS)) {
        if (name.startsWith("promote")) continue; // what is to be copied may have ended
        const kind = way.kind !== "frame" ? "other" : way.grows === true ? "growth" : "frame";
        if (kind === "growth" && does === "ends the scope") continue; // has a test of its own
        check(failures, name, () => interrupt(sceneFor(way, { framesAlive }), kind, { ...action, growth }, "t", name));
      }
      assertEquals(failures, []);
    });

    Deno.test(`a callback of the global limit that ${does} is obeyed by all that holds memory, ${suffix}`, () => {
      const failures: string[] = [];
      for (const [name, way] of Object.entries(HOLDING)) {
        const kind = way.isOutside === true ? "begin" : way.grows === true ? "growth" : way.isFrame ? "frame" : "other";
        if (action[kind] === undefined || (kind === "growth" && does === "ends the scope")) continue;
        const scene = holdingSceneFor(way, { framesAlive });
        check(failures, name, () => interrupt(scene, kind, { ...action, growth }, "global", name));
      }
      assertEquals(failures, []);
    });
  }
}

/** So that one test tells of all that fails. */
function check(failures: string[], name: string, fn: () => void): void {
  try {
    fn();
  } catch (error) {
    failures.push(`${name}: ${String(error).replaceAll(/\s+/g, " ").slice(0, 300)}`);
  }
}

// Callbacks, one by one

/** An allocator with a frame and the tag "t" under limits that tell. */
function tellingAlloc(
  limits: BudgetLimits<SmartAlloc>,
  act: (alloc: SmartAlloc, event: BudgetEvent) => void = () => {},
  config: AllocConfig = {},
): { readonly alloc: SmartAlloc; readonly source: CountingSource; readonly events: BudgetEvent[] } {
  const made = makeAlloc(config);
  const events: BudgetEvent[] = [];
  made.alloc.beginFrame();
  made.alloc.tag("t");
  made.alloc.budgets.setTag("t", {
    ...limits,
    onCross(event) {
      events.push(event);
      assert(events.length <= 5, "told again and again");
      act(made.alloc, event);
    },
  });
  return { ...made, events };
}

Deno.test("a vec whose scope a callback ends while it grows is FA002, and grows nowhere", () => {
  const makers: Readonly<Record<string, (alloc: SmartAlloc) => () => unknown>> = {
    "numbers in place"(alloc) {
      const vec = vecOf(alloc, 4);
      return () => vec.push(1);
    },
    "numbers elsewhere"(alloc) {
      const vec = vecOf(alloc, 4);
      alloc.frameAlloc(R16);
      return () => vec.push(1);
    },
    records(alloc) {
      const vec = alloc.frameVec(R40, 1);
      vec.push();
      return () => vec.push();
    },
    text(alloc) {
      const text = alloc.frameString("x".repeat(16));
      return () => text.append("y".repeat(20));
    },
  };
  for (const [name, maker] of Object.entries(makers)) {
    for (const safety of ["checked", "revoke"] as const) {
      const { alloc, source, events } = tellingAlloc({}, () => {}, { safety });
      const scope = alloc.scope();
      const grow = maker(alloc);
      alloc.budgets.setTag("t", {
        soft: usedOf(alloc, "t"),
        onCross(event) {
          events.push(event);
          scope.end();
        },
      });
      const error = assertThrows(grow, FrameAllocError, undefined, name);
      assertEquals([error.code, events.length, usedOf(alloc, "t"), alloc.stats().frame.used], ["FA002", 1, 0, 0], name);
      assertBooked(alloc, source);
    }
  }
});

Deno.test("a vec that was made before a scope does not grow past what the scope has freed", () => {
  const { alloc, source } = makeAlloc();
  alloc.beginFrame();
  alloc.tag("t");
  const vec = alloc.frameVec(R40, 1);
  vec.push();
  const scope = alloc.scope();
  vec.push(); // in the scope
  alloc.budgets.setTag("t", { soft: 96, onCross: () => scope.end() });
  const error = assertThrows(() => vec.push(), FrameAllocError);
  assertEquals([error.code, usedOf(alloc, "t")], ["FA002", 48]);
  assertBooked(alloc, source);
});

Deno.test("what is pushed, appended or set by a callback while the same list grows is not lost", () => {
  const numbers = tellingAlloc({ soft: 64 }, () => list.push(200));
  const list = numbers.alloc.frameVec(Uint8Array, 64);
  for (let i = 0; i < 66; i++) list.push(i);
  const wanted = Array.from({ length: 66 }, (_, i) => i);
  assertEquals([...list].filter((value) => value !== 200), wanted);
  assertEquals([list.length, numbers.events.length], [67, 1]);

  const records = tellingAlloc({ soft: 64 }, () => pairs.push({ b: 200 }));
  const pairs = records.alloc.frameVec(Pair, 8);
  for (let i = 0; i < 10; i++) pairs.push({ b: i });
  assertEquals([...pairs].map(({ b }) => b).filter((b) => b !== 200), wanted.slice(0, 10));
  assertEquals([pairs.length, records.events.length], [11, 1]);

  const texts = tellingAlloc({ soft: 16 }, () => text.append("!"));
  const text = texts.alloc.frameString("x".repeat(16));
  text.append("abc");
  assertEquals([text.toString().replace("!", ""), text.byteLength], [`${"x".repeat(16)}abc`, 20]);

  const maps = tellingAlloc({ soft: 208 }, () => map.set(1000, 1));
  const map = maps.alloc.frameMap(u32, u32, 10);
  for (let i = 0; i < 14; i++) map.set(i, i);
  assertEquals([...map.keys()].sort((a, b) => a - b), [...wanted.slice(0, 14), 1000]);
  assertEquals([map.size, map.get(13), map.get(1000)], [15, 13, 1]);
});

Deno.test("a vec of an older frame that is alive cannot grow, whatever limits there are", () => {
  for (const hard of [16, 32, 1000]) {
    const { alloc, source } = makeAlloc({ framesAlive: 2 });
    alloc.budgets.setTag("t", { hard });
    alloc.beginFrame();
    alloc.tag("t");
    const vec = alloc.frameVec(Uint8Array, 16);
    for (let i = 0; i < 16; i++) vec.push(i);
    alloc.endFrame();
    const outside = assertThrows(() => vec.push(16), FrameStateError);
    alloc.beginFrame();
    const inside = assertThrows(() => vec.push(16), FrameStateError);
    assertEquals([outside.code, inside.code, vec.length, alloc.stats().frame.used], ["FA001", "FA001", 16, 0]);
    assertBooked(alloc, source);
  }
});

Deno.test("a callback that uses memory and gives it back is told once, also where limits nest", () => {
  const told: string[] = [];
  const { alloc, source } = makeAlloc();
  const limitsOf = (name: string): BudgetLimits<SmartAlloc> => ({
    soft: 100,
    onCross() {
      told.push(name);
      assert(told.length <= 10, `told again and again: ${told}`);
      if (told.filter((one) => one === name).length > 1) return;
      alloc.poolFree(alloc.poolAlloc(R40));
      alloc.heapAlloc(90).free();
      const scope = alloc.scope();
      alloc.frameSlice(Uint8Array, 200);
      scope.end();
    },
  });
  alloc.beginFrame();
  alloc.budgets.setGlobal(limitsOf("global"));
  for (const name of ["a", "a::b", "a::b::c"]) alloc.budgets.setTag(name, limitsOf(name));
  const makers: Readonly<Record<string, () => unknown>> = {
    frame: () => alloc.frameSlice(Uint8Array, 200),
    pool: () => alloc.poolAlloc(R600),
    heap: () => alloc.heapAlloc(3000),
    handles: () => alloc.handles.alloc(R600),
    streaming: () => alloc.streaming.reserve(2000),
  };
  for (const [name, make] of Object.entries(makers)) {
    told.length = 0;
    const guards = ["a", "b", "c"].map((tag) => alloc.tag(tag));
    make();
    assertEquals(told.filter((one) => one !== "global"), ["a::b::c", "a::b", "a"], name);
    assertBooked(alloc, source);
    for (const guard of guards.reverse()) guard.end();
    // Fall below all of them again.
    for (const path of ["a", "a::b", "a::b::c"]) alloc.budgets.setTag(path, {});
    alloc.endFrame();
    alloc.beginFrame();
    for (const path of ["a", "a::b", "a::b::c"]) {
      alloc.budgets.setTag(path, { ...limitsOf(path), soft: usedOf(alloc, path) });
    }
  }
});

Deno.test("a callback is told what is used, also when another one has allocated just before", () => {
  const events: BudgetEvent[] = [];
  const { alloc, source } = makeAlloc();
  alloc.beginFrame();
  alloc.budgets.setTag("o", { soft: 300, onCross: (event) => events.push(event) });
  alloc.budgets.setTag("o::i", {
    soft: 100,
    onCross(event) {
      events.push(event);
      alloc.frameSlice(Uint8Array, 48);
    },
  });
  alloc.withTag("o", () => alloc.withTag("i", () => alloc.frameSlice(Uint8Array, 320)));
  assertEquals(events, [
    { crossed: "soft", budget: "o::i", used: 0, requested: 320, limit: 100 },
    { crossed: "soft", budget: "o", used: 48, requested: 320, limit: 300 },
  ]);
  assertBooked(alloc, source);
});

Deno.test("freeing one kind does not make a crossing of another be told twice, nor hide a peak", () => {
  const frees: Readonly<Record<string, (alloc: SmartAlloc) => () => void>> = {
    "pool record"(alloc) {
      const record = alloc.poolAlloc(R16);
      return () => alloc.poolFree(record);
    },
    "heap block"(alloc) {
      const block = alloc.heapAlloc(16);
      return () => block.free();
    },
    handle(alloc) {
      const handle = alloc.handles.alloc(R16);
      return () => alloc.handles.free(handle);
    },
    "streaming asset"(alloc) {
      const id = alloc.streaming.reserve(16)!;
      return () => alloc.streaming.free(id);
    },
    group(alloc) {
      const group = alloc.groups.create("group");
      group.alloc(R16);
      return () => group.free();
    },
    "scratch pool"(alloc) {
      const pool = alloc.scratchPool("scratch");
      pool.alloc(R16);
      return () => pool.reset();
    },
  };
  for (const [name, allocate] of Object.entries(frees)) {
    const { alloc, events } = tellingAlloc({ soft: 100 });
    const free = allocate(alloc);
    alloc.frameSlice(Uint8Array, 160);
    assertEquals(events.map(({ used }) => used), [16], name);
    free();
    assertEquals(alloc.budgets.stats[0]?.peak, 176, `peak with a ${name}`);
    alloc.poolAlloc(R16);
    assertEquals(events.length, 1, `${name}: 160 bytes were in use all the time`);
  }
});

Deno.test("a limit that freeing one kind falls below is told of when frames cross it again", () => {
  const frees: Readonly<Record<string, (alloc: SmartAlloc) => () => void>> = {
    "pool record"(alloc) {
      const record = alloc.poolAlloc(R40);
      return () => alloc.poolFree(record);
    },
    "heap block"(alloc) {
      const block = alloc.heapAlloc(64);
      return () => block.free();
    },
    handle(alloc) {
      const handle = alloc.handles.alloc(R40);
      return () => alloc.handles.free(handle);
    },
    "streaming asset"(alloc) {
      const id = alloc.streaming.reserve(64)!;
      return () => alloc.streaming.free(id);
    },
    group(alloc) {
      const group = alloc.groups.create("group");
      group.allocSlice(Uint8Array, 64);
      return () => group.free();
    },
    "scratch pool"(alloc) {
      const pool = alloc.scratchPool("scratch");
      pool.allocSlice(Uint8Array, 64);
      return () => pool.reset();
    },
  };
  for (const [name, allocate] of Object.entries(frees)) {
    for (const limit of [{ soft: 100 }, { hard: 100, policy: "warn" as const }]) {
      const { alloc, events } = tellingAlloc(limit);
      const free = allocate(alloc);
      alloc.frameSlice(Uint8Array, 96);
      free();
      alloc.frameSlice(Uint8Array, 16);
      assertEquals(events.map(({ used }) => used), [64, 96], name);
    }
  }
});

Deno.test("a hard limit holds although a callback of the global one has used the tag's room meanwhile", () => {
  const makers: Readonly<Record<string, (alloc: SmartAlloc) => unknown>> = {
    poolAlloc: (alloc) => alloc.tryPoolAlloc(R40),
    heapAlloc: (alloc) => alloc.tryHeapAlloc(64),
    "handles.alloc"(alloc) {
      const error = budgetError(() => alloc.handles.alloc(R40));
      assertEquals([error.code, error.requested], ["FA352", 64]);
    },
    "streaming.reserve": (alloc) => alloc.streaming.reserve(64),
  };
  const uses: Readonly<Record<string, (alloc: SmartAlloc) => unknown>> = {
    frame: (alloc) => alloc.frameSlice(Uint8Array, 200),
    group: (alloc) => alloc.groups.create("group").allocSlice(Uint8Array, 200),
    pool: (alloc) => alloc.poolAlloc(struct("R200", { data: array(u8, 200) })),
  };
  for (const [name, make] of Object.entries(makers)) {
    for (const [other, use] of Object.entries(uses)) {
      const { alloc, source } = makeAlloc();
      alloc.beginFrame();
      alloc.budgets.setTag("t", { hard: 256 });
      let told = 0;
      alloc.budgets.setGlobal({
        soft: ARENA,
        onCross() {
          if (told++ === 0) use(alloc);
        },
      });
      alloc.withTag("t", () => {
        assertEquals(make(alloc), undefined, `${name} while ${other} memory was taken`);
        assertEquals(told, 1);
        assert(usedOf(alloc, "t") <= 256);
        alloc.tryFrameSlice(Uint8Array, 100);
        assert(usedOf(alloc, "t") <= 256, `${usedOf(alloc, "t")} of 256 are used`);
      });
      const { refusals } = alloc.budgets.stats.find((budget) => budget.name === "t")!;
      assert(refusals > 0, `${name}: the refusal was not counted`);
      assertBooked(alloc, source);
    }
  }
});

Deno.test("a crossing that comes of what a callback of the global limit has used is told", () => {
  const { alloc, events } = tellingAlloc({ soft: 100 });
  alloc.budgets.setGlobal({ soft: ARENA, onCross: () => void alloc.frameSlice(Uint8Array, 64) });
  alloc.poolAlloc(R40);
  assertEquals([usedOf(alloc, "t"), events.length], [128, 1]);
});

Deno.test("a policy that a callback changes counts at once", () => {
  const told: string[] = [];
  const { alloc, source } = makeAlloc();
  alloc.beginFrame();
  alloc.tag("t");
  const fail = (): void =>
    alloc.budgets.setTag("t", { hard: 200, policy: "fail", onCross: ({ crossed }) => told.push(`after: ${crossed}`) });
  alloc.budgets.setTag("t", {
    soft: 100,
    hard: 200,
    policy: "warn",
    onCross({ crossed: limit }) {
      told.push(limit);
      fail();
    },
  });
  assertEquals(alloc.tryFrameSlice(Uint8Array, 300), undefined);
  assertEquals(told, ["soft"]);
  alloc.frameSlice(Uint8Array, 16);
  assertEquals(alloc.tryFrameSlice(Uint8Array, 1000), undefined);
  assertEquals(usedOf(alloc, "t"), 16);
  assertBooked(alloc, source);
});

Deno.test("a callback that throws vetoes every attempt", () => {
  const { alloc, source, events } = tellingAlloc({ soft: 100 }, () => {
    throw new Boom("no");
  });
  for (let i = 0; i < 2; i++) {
    assertThrows(() => alloc.frameSlice(Uint8Array, 200), Boom);
    assertThrows(() => alloc.tryFrameSlice(Uint8Array, 200), Boom);
  }
  assertEquals([events.length, usedOf(alloc, "t")], [4, 0]);
  alloc.frameSlice(Uint8Array, 96);
  assertThrows(() => alloc.frameSlice(Uint8Array, 16), Boom);
  assertEquals([events.length, usedOf(alloc, "t")], [5, 96]);
  assertBooked(alloc, source);
});

Deno.test("a scratch pool whose reset a callback interrupts by throwing is empty and goes on", () => {
  const { alloc, source } = makeAlloc();
  const pool = alloc.scratchPool("scratch", { size: 1024 });
  pool.allocSlice(Uint8Array, 1000);
  pool.allocSlice(Uint8Array, 3000);
  let told = 0;
  const used = usedOf(setGlobalFor(alloc, {}), "global");
  setGlobalFor(alloc, {
    soft: used,
    onCross() {
      told++;
      throw new Boom("no");
    },
  });
  assertThrows(() => pool.reset(), Boom); // the next cycle would get a chunk that is large enough
  assertEquals([told, pool.used], [1, 0]);
  setGlobalFor(alloc, {});
  alloc.withTag("t", () => pool.allocSlice(Uint8Array, 100));
  assertEquals([pool.used, alloc.stats().tags.map(({ path, inUse }) => [path, inUse.scratch])], [112, [["t", 112]]]);
  pool.reset();
  assertBooked(alloc, source);
  pool.dispose();
  assertEquals(source.bytes, 0);
});

function setGlobalFor(alloc: SmartAlloc, limits: BudgetLimits<SmartAlloc>): SmartAlloc {
  alloc.budgets.setGlobal(limits);
  return alloc;
}

Deno.test("a scratch pool that a callback makes under the same name is the same one", () => {
  const { alloc, source } = makeAlloc();
  let inner: ScratchPool | undefined;
  alloc.budgets.setGlobal({ soft: 10, onCross: () => inner = alloc.scratchPool("scratch", { size: 256 }) });
  const outer = alloc.scratchPool("scratch", { size: 256 });
  assertStrictEquals(outer, inner);
  assertBooked(alloc, source);
  alloc.dispose();
  assertEquals([source.bytes, usedOf(alloc, "global")], [0, 0]);
});

Deno.test("a group whose outer one a callback frees is not made", () => {
  const { alloc, source } = makeAlloc();
  const outer = alloc.groups.create("outer", { size: 256 });
  alloc.budgets.setGlobal({ soft: 256, onCross: () => outer.free() });
  const error = assertThrows(() => outer.createGroup("inner", { size: 256 }), PoolError);
  assertEquals([error.code, alloc.groups.all, source.bytes], ["FA401", [], 0]);
  alloc.dispose();
  assertEquals(usedOf(alloc, "global"), 0);
});

Deno.test("what a callback frees or resets of the region that it is told for is noticed", () => {
  const { alloc, source, events } = tellingAlloc({}, () => {});
  const group = alloc.groups.create("group", { size: 256 });
  const pool = alloc.scratchPool("scratch", { size: 256 });
  const records = pool.allocVec(R40, 1);
  records.push();
  const limits = (act: () => void): BudgetLimits<SmartAlloc> => ({
    soft: usedOf(alloc, "t"),
    onCross(event) {
      events.push(event);
      act();
    },
  });
  alloc.budgets.setTag("t", limits(() => group.free()));
  assertEquals(assertThrows(() => group.alloc(R16), PoolError).code, "FA401");
  alloc.budgets.setTag("t", limits(() => pool.reset()));
  assertEquals(assertThrows(() => records.push(), PoolError).code, "FA401");
  assertEquals([pool.used, usedOf(alloc, "t")], [0, 0]);
  alloc.budgets.setTag("t", limits(() => pool.reset()));
  pool.alloc(R16);
  assertEquals([pool.used, usedOf(alloc, "t"), events.length], [16, 16, 3]);
  assertBooked(alloc, source);
});

// Nested limits, and limits that come and go

Deno.test("limits nest by tag, whatever the order in which they are set", () => {
  const paths = ["a", "a::b", "a::b::c", "a::d", "b"];
  const orders = [[0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [2, 0, 1, 4, 3], [1, 2, 0, 3, 4], [3, 2, 1, 0, 4]];
  for (const order of orders) {
    for (let before = 0; before <= paths.length; before++) {
      const { alloc, source } = makeAlloc();
      alloc.beginFrame();
      const names = order.map((i) => paths[i]!);
      names.forEach((path, i) => {
        if (i === before) use(alloc, paths);
        alloc.budgets.setTag(path, {});
      });
      if (before === paths.length) use(alloc, paths);
      assertBooked(alloc, source);
      assertEquals(["a", "a::b", "a::b::c", "a::d", "b"].map((path) => usedOf(alloc, path)), [256, 128, 64, 64, 64]);
      // Each limit counts for what is below it, and for nothing else.
      for (const path of paths) {
        alloc.budgets.setTag(path, { hard: usedOf(alloc, path) });
        for (const other of [...paths, ""]) {
          const isBelow = other === path || other.startsWith(`${path}::`);
          assertEquals(
            under(alloc, other, () => alloc.tryPoolAlloc(R16)) === undefined,
            isBelow,
            `${other} in ${path}`,
          );
          if (!isBelow) continue;
          assertEquals(budgetError(() => under(alloc, other, () => alloc.poolAlloc(R16))).budget, path);
        }
        alloc.budgets.setTag(path, {});
      }
      assertBooked(alloc, source);
    }
  }
});

function under<T>(alloc: SmartAlloc, path: string, fn: () => T): T {
  if (path === "") return fn();
  const [name, ...rest] = path.split("::");
  return alloc.withTag(name!, () => under(alloc, rest.join("::"), fn));
}

function use(alloc: SmartAlloc, paths: readonly string[]): void {
  for (const path of paths) {
    under(alloc, path, () => {
      alloc.poolAlloc(R16);
      alloc.frameSlice(Uint8Array, 16);
      alloc.heapAlloc(16);
      alloc.handles.alloc(R16);
    });
  }
}

Deno.test("the innermost limit that is exceeded refuses, and only it counts the refusal", () => {
  const { alloc } = makeAlloc();
  alloc.beginFrame();
  alloc.budgets.setTag("a", { hard: 100 });
  alloc.budgets.setTag("a::b", { hard: 200 });
  const refuse = (bytes: number): [string, number] => {
    const error = budgetError(() => under(alloc, "a::b", () => alloc.frameSlice(Uint8Array, bytes)));
    return [error.budget, error.limit];
  };
  assertEquals([refuse(150), refuse(250)], [["a", 100], ["a::b", 200]]);
  assertEquals(alloc.budgets.stats.map(({ name, refusals }) => [name, refusals]), [["a", 1], ["a::b", 1]]);
});

Deno.test("a limit that is lowered below what is used refuses more, and is no obstacle to giving back", () => {
  const { alloc, source } = makeAlloc();
  alloc.beginFrame();
  alloc.tag("t");
  const block = alloc.heapAlloc(1000);
  alloc.frameSlice(Uint8Array, 100);
  alloc.budgets.setTag("t", { hard: 500 });
  assertEquals(alloc.frameSlice(Uint8Array, 0).length, 0);
  assertEquals([alloc.tryFrameSlice(Uint8Array, 1), alloc.tryPoolAlloc(R16)], [undefined, undefined]);
  const error = budgetError(() => alloc.frameSlice(Uint8Array, 1));
  assert(error.message.includes("0 of 500 remain"), error.message);
  block.free();
  assertEquals([alloc.frameSlice(Uint8Array, 384).length, usedOf(alloc, "t")], [384, 496]);
  assertEquals(alloc.tryFrameSlice(Uint8Array, 1), undefined);
  alloc.budgets.setTag("t", {});
  assertEquals(alloc.frameSlice(Uint8Array, 10_000).length, 10_000);
  assertBooked(alloc, source);
});

Deno.test("a limit holds for what is smaller than its last 16 bytes", () => {
  for (const hard of [100, 111, 97]) {
    const { alloc } = makeAlloc();
    alloc.beginFrame();
    alloc.tag("t");
    const group = alloc.groups.create("group");
    const vec = alloc.frameVec(Uint8Array, 16);
    alloc.budgets.setTag("t", { hard });
    alloc.frameSlice(Uint8Array, 16);
    assertEquals(alloc.tryFrameSlice(Uint8Array, hard - 32), undefined);
    budgetError(() => group.allocSlice(Uint8Array, hard - 32));
    for (let i = 0; i < 16; i++) vec.push(i);
    budgetError(() => vec.reserve(hard - 16));
    assertEquals([alloc.frameSlice(Uint8Array, 64).length, usedOf(alloc, "t")], [64, 96]);
  }
});

Deno.test("setting a limit anew begins anew: it is told of the next allocation past it", () => {
  const { alloc, events } = tellingAlloc({ soft: 100 });
  alloc.frameSlice(Uint8Array, 200);
  alloc.frameSlice(Uint8Array, 200);
  assertEquals(events.length, 1);
  alloc.budgets.setTag("t", { soft: 300, onCross: (event) => events.push(event) });
  alloc.frameSlice(Uint8Array, 16);
  alloc.frameSlice(Uint8Array, 16);
  assertEquals(events.slice(1), [{ crossed: "soft", budget: "t", used: 416, requested: 16, limit: 300 }]);
});

Deno.test("limits tell what they are and have been", () => {
  const { alloc } = makeAlloc();
  assertEquals(alloc.budgets.stats, []);
  alloc.beginFrame();
  alloc.tag("t");
  alloc.frameSlice(Uint8Array, 160);
  alloc.budgets.setTag("t", { soft: 300, hard: 400 });
  alloc.budgets.setTag("elsewhere", { hard: 0 });
  const scope = alloc.scope();
  alloc.frameSlice(Uint8Array, 200);
  scope.end();
  alloc.tryFrameSlice(Uint8Array, 1000);
  alloc.budgets.setGlobal({ hard: 1_000_000 });
  assertEquals(alloc.budgets.stats, [
    { name: "global", used: ARENA, peak: ARENA, soft: Infinity, hard: 1_000_000, refusals: 0 },
    { name: "t", used: 160, peak: 368, soft: 300, hard: 400, refusals: 1 },
    { name: "elsewhere", used: 0, peak: 0, soft: Infinity, hard: 0, refusals: 0 },
  ]);
  assertEquals(alloc.stats().budgets, alloc.budgets.stats);
});

Deno.test("a path that is opened as one tag falls under its limit, or is no tag", () => {
  const { alloc } = makeAlloc();
  alloc.budgets.setTag("a::b", { hard: 0 });
  alloc.beginFrame();
  const error = assertThrows(() => alloc.withTag("a::b", () => alloc.frameSlice(Uint8Array, 16)), FrameAllocError);
  assert(error.code === "FA352" || error.code === "FA008", error.message);
});

// Policies

Deno.test('the policy "warn" goes on, and tells of soft and hard in this order', () => {
  const { alloc, source, events } = tellingAlloc({ soft: 100, hard: 200, policy: "warn" });
  alloc.frameSlice(Uint8Array, 304);
  alloc.frameSlice(Uint8Array, 304);
  assertEquals(events.map(({ crossed, limit }) => [crossed, limit]), [["soft", 100], ["hard", 200]]);
  const [budget] = alloc.budgets.stats;
  assertEquals([budget?.used, budget?.peak, budget?.refusals], [608, 608, 0]);
  alloc.endFrame();
  alloc.beginFrame();
  alloc.frameSlice(Uint8Array, 112);
  alloc.frameSlice(Uint8Array, 112);
  assertEquals(events.slice(2).map(({ crossed, used }) => [crossed, used]), [["soft", 0], ["hard", 112]]);
  assertBooked(alloc, source);
});

Deno.test('the policy "warn" works without anybody to tell, for tags, all memory and children', () => {
  const { alloc, source } = makeAlloc();
  alloc.budgets.setTag("t", { hard: 0, policy: "warn" });
  alloc.budgets.setGlobal({ hard: 0, policy: "warn" });
  const child = alloc.budgets.child("child", { hard: 0, policy: "warn" });
  alloc.beginFrame();
  alloc.withTag("t", () => alloc.frameSlice(Uint8Array, 10_000));
  child.charge(1000);
  assertEquals([usedOf(alloc, "t"), child.used], [10_000, 1000]);
  assertEquals(alloc.budgets.stats.map(({ refusals }) => refusals), [0, 0, 0]);
  assertBooked(alloc, source, child);
});

/** Two allocators with open frames, the first of which may have nothing under the tag "t" and spills to the second. */
function spillingPair(config: AllocConfig = {}): { readonly first: SmartAlloc; readonly second: SmartAlloc } {
  const first = makeAlloc(config).alloc;
  const second = makeAlloc(config).alloc;
  first.beginFrame();
  second.beginFrame();
  first.budgets.setTag("t", { hard: 0, policy: { spill: second } });
  first.tag("t");
  return { first, second };
}

function inUse(alloc: SmartAlloc): number {
  return alloc.stats().tags.reduce((sum, tag) => sum + total(tag.inUse), 0);
}

for (const safety of ["checked", "revoke", "release"] as const) {
  Deno.test(`the policy { spill } has single allocations made by another allocator, in ${safety}`, () => {
    for (const [name, way] of Object.entries(WAYS)) {
      if (way.prepare !== undefined || way.kind === "handles" || way.kind === "streaming") continue;
      const { first, second } = spillingPair({ safety });
      const made = way.make(first, undefined as never);
      assert(made !== undefined, name);
      assertEquals([inUse(first), inUse(second)], [0, way.bytes], name);
      const [tag] = second.stats().tags.filter((tag) => total(tag.inUse) > 0);
      assertEquals([tag?.path, tag?.inUse[way.kind]], ["t", way.bytes], name);
      if (way.twin !== undefined) {
        assert(way.twin(first, undefined as never) !== undefined, name);
        assertEquals([inUse(first), inUse(second)], [0, 2 * way.bytes], name);
      }
      if (way.undo !== undefined) {
        // What was spilled is freed through the first.
        way.undo(first, made as never, undefined as never);
        assertEquals(inUse(second), way.twin === undefined ? 0 : way.bytes, name);
      }
      first.dispose();
      second.dispose();
    }
  });
}

Deno.test("records, vecs and slices that were spilled live in the other allocator", () => {
  const { first, second } = spillingPair();
  const record = first.frameAlloc(Pair);
  record.a = 1.5;
  const slice = first.frameSlice(Float32Array, 8, { zero: true });
  assertEquals([...slice], [0, 0, 0, 0, 0, 0, 0, 0]);
  const vec = first.frameVec(Pair, 2);
  for (let i = 0; i < 100; i++) vec.push({ a: i });
  const batch = first.frameAllocBatch(Pair, 4);
  const again = first.frameAllocBatch(Pair, 4, { into: batch });
  assertEquals([record.a, vec.at(99).a, again.length], [1.5, 99, 4]);
  assertEquals([first.stats().frame.used, first.stats().frame.allocations], [0, 0]);
  first.endFrame();
  assertEquals([record.a, vec.at(50).a], [1.5, 50]);
  second.endFrame();
  assertEquals(assertThrows(() => record.a, FrameAllocError).code, "FA002");
});

Deno.test("a batch that was spilled may be used again by either allocator", () => {
  const { first, second } = spillingPair();
  let into = first.frameAllocBatch(Pair, 10);
  first.budgets.setTag("t", {});
  into = first.frameAllocBatch(Pair, 10, { into });
  into.at(9).a = 1;
  assertEquals([first.stats().frame.used, second.stats().frame.used], [80, 80]);
  first.budgets.setTag("t", { hard: 0, policy: { spill: second } });
  into = first.frameAllocBatch(Pair, 10, { into });
  assertEquals([first.stats().frame.used, second.stats().frame.used], [80, 160]);
  second.endFrame();
  assertEquals(assertThrows(() => into.at(0), FrameAllocError).code, "FA002");
});

Deno.test("what is spilled obeys the limits of the other allocator, and its error comes through", () => {
  const { first, second } = spillingPair();
  second.budgets.setTag("t", { hard: 32 });
  first.frameSlice(Uint8Array, 16);
  const error = budgetError(() => first.frameSlice(Uint8Array, 32));
  assertEquals([error.code, error.limit, error.requested], ["FA352", 32, 32]);
  assertEquals([first.tryFrameSlice(Uint8Array, 32), first.tryPoolAlloc(R40)], [undefined, undefined]);
  assertEquals(budgetError(() => first.poolAlloc(R40)).limit, 32);
  assertEquals(budgetError(() => first.heapAlloc(64)).limit, 32);
  assertEquals(budgetError(() => first.heapBox(R40)).limit, 32);
  assertEquals(inUse(second), 16);
});

Deno.test("what has no frame to go to in the other allocator is FA001, also for those that try", () => {
  const { first, second } = spillingPair();
  second.endFrame();
  for (const [name, way] of Object.entries(WAYS)) {
    if (way.kind !== "frame" || way.prepare !== undefined) continue;
    const error = assertThrows(() => way.make(first, undefined as never), FrameStateError, undefined, name);
    assertEquals(error.code, "FA001", name);
    assertCoded(error);
    if (way.twin === undefined) continue;
    assertEquals(assertThrows(() => way.twin!(first, undefined as never), FrameStateError).code, "FA001", name);
  }
  first.poolAlloc(R16); // needs none
  assertEquals([inUse(first), inUse(second), first.tagPath, second.tagPath], [0, 16, "t", ""]);
});

Deno.test("what cannot be spilled is refused: growth, groups, scratch pools, handles and streaming", () => {
  for (const [name, way] of Object.entries(WAYS)) {
    const isSingle = !way.grows && (way.kind === "frame" || way.kind === "pool" || way.kind === "heap");
    if (isSingle) continue;
    const scene = sceneFor(way);
    const other = makeAlloc().alloc;
    other.beginFrame();
    scene.alloc.budgets.setTag("t", { hard: scene.base, policy: { spill: other } });
    const before = plain(scene.alloc.stats());
    if (way.kind === "streaming") assertEquals(scene.make(), undefined);
    else assertEquals(budgetError(scene.make).code, "FA352", name);
    assertEquals([plain(scene.alloc.stats()), inUse(other)], [before, 0], name);
  }
});

Deno.test("what the global limit refuses is spilled as well, and what a source refuses is not", () => {
  const { alloc, source } = makeAlloc();
  const other = makeAlloc().alloc;
  alloc.beginFrame();
  other.beginFrame();
  alloc.budgets.setGlobal({ hard: ARENA, policy: { spill: other } });
  fill(alloc);
  const { bytes: live } = source;
  const slice = alloc.frameSlice(Uint8Array, 5000);
  const record = alloc.poolAlloc(R40);
  const block = alloc.heapAlloc(100);
  const box = alloc.heapBox(R40);
  assertEquals([slice.length, source.bytes, inUse(other)], [5000, live, 5008 + 64 + 112 + 48]);
  assertEquals(budgetError(() => alloc.handles.alloc(R40)).code, "FA351");
  alloc.poolFree(record);
  block.free();
  box.free();
  assertEquals(inUse(other), 5008);

  const moody = new SmartAlloc({
    frameArenaSize: ARENA,
    source: {
      name: "moody",
      capabilities: arrayBufferSource.capabilities,
      obtain(bytes) {
        if (bytes > ARENA) throw new RangeError("Not today");
        return arrayBufferSource.obtain(bytes);
      },
    },
  });
  moody.beginFrame();
  moody.budgets.setGlobal({ hard: ARENA, policy: { spill: other } });
  assertEquals(moody.tryFrameSlice(Uint8Array, 5000)?.length, 5000); // refused by the limit
  moody.budgets.setGlobal({ hard: 1_000_000, policy: { spill: other } });
  assertEquals([moody.tryFrameSlice(Uint8Array, 5000), moody.tryPoolAlloc(R40)], [undefined, undefined]); // by the source
});

Deno.test("a spilled record is freed through whoever spilled it, also over two allocators, and once", () => {
  for (const safety of ["checked", "release"] as const) {
    const [a, b, c] = [makeAlloc({ safety }).alloc, makeAlloc({ safety }).alloc, makeAlloc({ safety }).alloc];
    a.budgets.setGlobal({ hard: 0, policy: { spill: b } });
    b.budgets.setGlobal({ hard: 0, policy: { spill: c } });
    for (const layout of [R16, R600]) {
      const record = a.poolAlloc(layout);
      assertEquals([a, b, c].map((alloc) => alloc.stats().pool.live), [0, 0, 1]);
      a.poolFree(record);
      assertEquals(c.stats().pool.live, 0);
      assertEquals(assertThrows(() => a.poolFree(record), PoolError).code, "FA403");
      const box = a.poolBox(layout);
      box.free();
      assertEquals(c.stats().pool.live, 0);
    }
    const own = c.poolAlloc(R16);
    const foreign = makeAlloc().alloc.poolAlloc(R16);
    assertEquals(assertThrows(() => a.poolFree(foreign), PoolError).code, "FA404");
    c.poolFree(own);
  }
});

Deno.test("two allocators that spill to each other end with the error of a limit", () => {
  const [a, b] = [makeAlloc().alloc, makeAlloc().alloc];
  for (const [from, to] of [[a, b], [b, a]] as const) {
    from.beginFrame();
    from.budgets.setTag("t", { hard: 0, policy: { spill: to } });
  }
  const makers: Readonly<Record<string, readonly [(alloc: SmartAlloc) => unknown, (alloc: SmartAlloc) => unknown]>> = {
    frame: [(alloc) => alloc.frameSlice(Uint8Array, 16), (alloc) => alloc.tryFrameSlice(Uint8Array, 16)],
    record: [(alloc) => alloc.frameAlloc(R16), (alloc) => alloc.tryFrameAlloc(R16)],
    pool: [(alloc) => alloc.poolAlloc(R16), (alloc) => alloc.tryPoolAlloc(R16)],
    heap: [(alloc) => alloc.heapAlloc(16), (alloc) => alloc.tryHeapAlloc(16)],
    box: [(alloc) => alloc.heapBox(R16), (alloc) => alloc.tryHeapBox(R16)],
  };
  const failures: string[] = [];
  for (const [name, [make, twin]] of Object.entries(makers)) {
    check(failures, name, () => assertEquals(budgetError(() => a.withTag("t", make)).code, "FA352"));
    check(failures, `${name} that tries`, () => assertEquals(a.withTag("t", twin), undefined));
    check(failures, `tags after ${name}`, () => assertEquals([a.tagPath, b.tagPath], ["", ""]));
  }
  assertEquals(failures, []);
  assertEquals([inUse(a), inUse(b)], [0, 0]);
  a.frameSlice(Uint8Array, 16);
});

// Idle memory

Deno.test("idle memory is given back before the global limit refuses", () => {
  const idle: Readonly<Record<string, (alloc: SmartAlloc) => number>> = {
    "an empty page of the pool"(alloc) {
      alloc.poolFree(alloc.poolAlloc(R16));
      return PAGE;
    },
    "an empty page behind handles"(alloc) {
      alloc.handles.free(alloc.handles.alloc(R16));
      return PAGE;
    },
    "a freed block"(alloc) {
      alloc.heapAlloc(2000).free();
      return 2000;
    },
    "all of them"(alloc) {
      alloc.poolFree(alloc.poolAlloc(R16));
      alloc.handles.free(alloc.handles.alloc(R16));
      alloc.heapAlloc(2000).free();
      return 2 * PAGE + 2000;
    },
  };
  for (const [what, leave] of Object.entries(idle)) {
    for (const [name, way] of Object.entries(HOLDING)) {
      for (const isEnough of [true, false]) {
        const { alloc, source, base, make } = holdingSceneFor(way);
        const left = leave(alloc);
        assertEquals(usedOf(alloc, "global"), base + left);
        // As much has to be given back as there is, or one byte more than that.
        const hard = base + way.bytes - (isEnough ? 0 : 1);
        // An empty page is used again, not given back.
        const isReused = name === "poolAlloc" && /pool|all/.test(what) ||
          name === "handles.alloc" && /handles|all/.test(what);
        if (isReused) continue;
        alloc.budgets.setGlobal({ hard });
        const before = plain(alloc.stats());
        const { bytes: live } = source;
        if (isEnough) {
          assert(make() !== undefined, `${name} with ${what} idle`);
          assertEquals(usedOf(alloc, "global"), hard, `${name}, ${what}`);
        } else {
          if (name === "streaming.reserve") assertEquals(make(), undefined);
          else assertEquals(budgetError(make).code, "FA351", `${name} with ${what} idle`);
          assertEquals([plain(alloc.stats()), source.bytes], [before, live], `${name}, ${what}`);
        }
        assertBooked(alloc, source);
      }
    }
  }
});

Deno.test("idle memory is given back for a child, too", () => {
  const { alloc, source } = makeAlloc();
  alloc.heapAlloc(2000).free();
  alloc.budgets.setGlobal({ hard: 2500 });
  const child = alloc.budgets.child("child");
  assertEquals(child.tryCharge(2501), false);
  assertEquals(alloc.stats().heap.idle, 2000);
  assertEquals([child.tryCharge(2400), alloc.stats().heap.idle, source.bytes], [true, 0, 0]);
  assertBooked(alloc, source, child);
});

Deno.test("idle memory is given back where a limit only warns, and it is not told then", () => {
  const { alloc, events } = tellingAlloc({});
  alloc.heapAlloc(2000).free();
  const hard = usedOf(setGlobalFor(alloc, {}), "global");
  alloc.budgets.setGlobal({ hard, policy: "warn", onCross: (event) => events.push(event) });
  alloc.poolAlloc(R16);
  assertEquals([events, alloc.stats().heap.idle], [[], 0]);
});

// Streaming

/** Reserves an asset that may be evicted. */
function ready(alloc: SmartAlloc, bytes: number, tag?: string): number {
  const id = alloc.streaming.reserve(bytes, { priority: "low", ...tag === undefined ? {} : { tag } })!;
  alloc.streaming.beginLoad(id);
  alloc.streaming.finishLoad(id);
  return id;
}

Deno.test("an asset takes the room of those that are evicted for it, in the limit of their tag as well", () => {
  const { alloc, source } = makeAlloc({ streamingBudget: 1000 });
  alloc.budgets.setTag("textures", { hard: 1008 });
  const first = ready(alloc, 608, "textures");
  const second = alloc.streaming.reserve(608, { tag: "textures", priority: "high" });
  assert(second !== undefined, "there is room once the first is evicted");
  assertEquals([alloc.streaming.has(first), usedOf(alloc, "textures")], [false, 608]);
  assertBooked(alloc, source);
});

Deno.test("nobody is evicted for an asset that a limit refuses all the same", () => {
  const { alloc, source } = makeAlloc({ streamingBudget: 1000, heapIdleBytes: 0 });
  const first = ready(alloc, 608, "textures");
  alloc.budgets.setTag("sounds", { hard: 600 });
  assertEquals(alloc.streaming.reserve(800, { tag: "sounds", priority: "high" }), undefined);
  alloc.budgets.setGlobal({ hard: 704 });
  assertEquals(alloc.streaming.reserve(800, { priority: "high" }), undefined);
  assertEquals([alloc.streaming.has(first), alloc.streaming.stats.evictions], [true, 0]);
  assert(alloc.streaming.reserve(700, { priority: "high" }) !== undefined);
  assertEquals([alloc.streaming.has(first), usedOf(alloc, "global")], [false, 704]);
  assertBooked(alloc, source);
});

Deno.test("an asset is given what is idle elsewhere, together with the room of those that are evicted", () => {
  const { alloc, source } = makeAlloc({ streamingBudget: 3000 });
  alloc.poolFree(alloc.poolAlloc(R16)); // leaves a page
  const first = ready(alloc, 1600);
  alloc.budgets.setGlobal({ hard: PAGE + 1600 });
  assert(alloc.streaming.reserve(2400, { priority: "high" }) !== undefined, "the page and the first make enough");
  assertEquals([alloc.streaming.has(first), alloc.stats().pool.reserved], [false, 0]);
  assertBooked(alloc, source);
});

Deno.test("an eviction is told of also when a callback of a budget throws after it", () => {
  const { alloc, source } = makeAlloc({ streamingBudget: 1000 });
  const first = ready(alloc, 608, "textures");
  const told: number[] = [];
  alloc.streaming.onEvict = ({ id }) => told.push(id);
  alloc.budgets.setTag("textures", {
    soft: 500,
    onCross() {
      throw new Boom("no");
    },
  });
  assertThrows(() => alloc.streaming.reserve(608, { tag: "textures", priority: "high" }), Boom);
  assertEquals(told, alloc.streaming.has(first) ? [] : [first]);
  assertBooked(alloc, source);
});

// Children

Deno.test("a child is charged up to its hard limit, and told of its soft one", () => {
  const { alloc, source } = makeAlloc();
  const events: BudgetEvent[] = [];
  const child = alloc.budgets.child("textures", { soft: 500, hard: 1000, onCross: (event) => events.push(event) });
  assertEquals([child.name, child.used], ["textures", 0]);
  child.charge(400);
  assertEquals(child.tryCharge(200), true);
  assertEquals(events, [{ crossed: "soft", budget: "textures", used: 400, requested: 200, limit: 500 }]);
  const before = plain(alloc.stats());
  const error = budgetError(() => child.charge(401));
  assertEquals([error.code, error.budget, error.limit, error.requested], ["FA352", "textures", 1000, 401]);
  assertEquals([child.tryCharge(401), plain(alloc.stats())], [false, before]);
  child.charge(400);
  child.charge(0);
  assertEquals([child.used, events.length], [1000, 1]);
  child.uncharge(600);
  child.charge(200);
  assertEquals([child.used, events.length], [600, 2]);
  assertEquals(alloc.budgets.stats, [
    { name: "global", used: 600, peak: 1000, soft: Infinity, hard: Infinity, refusals: 0 },
    { name: "textures", used: 600, peak: 1000, soft: 500, hard: 1000, refusals: 2 },
  ]);
  assertBooked(alloc, source, child);
  child.uncharge(600);
  assertEquals([child.used, usedOf(alloc, "global")], [0, 0]);
});

Deno.test("children and memory share the global limit", () => {
  const { alloc, source } = makeAlloc();
  const child = alloc.budgets.child("device");
  alloc.budgets.setGlobal({ hard: 5000 });
  alloc.beginFrame();
  child.charge(900);
  const error = budgetError(() => child.charge(10));
  assertEquals([error.code, error.budget, error.limit, error.requested], ["FA351", "global", 5000, 10]);
  assertEquals([child.tryCharge(10), child.used, alloc.tryHeapAlloc(16)], [false, 900, undefined]);
  child.uncharge(900);
  const block = alloc.heapAlloc(896);
  assertEquals(child.tryCharge(9), false);
  block.free();
  assertEquals(child.tryCharge(904), true);
  assertBooked(alloc, source, child);
});

Deno.test("a child is released with all that is charged, once or twice, and is gone from the reports", () => {
  const { alloc } = makeAlloc();
  const one = alloc.budgets.child("one");
  const two = alloc.budgets.child("one"); // names need not differ
  one.charge(100);
  two.charge(50);
  assertEquals(alloc.budgets.stats.map(({ name, used }) => [name, used]), [["global", 150], ["one", 100], ["one", 50]]);
  one.release();
  one.release();
  one[Symbol.dispose]();
  assertEquals(alloc.budgets.stats.map(({ name, used }) => [name, used]), [["global", 50], ["one", 50]]);
  assertEquals(one.used, 0);
  {
    using three = alloc.budgets.child("three");
    three.charge(7);
    assertEquals(usedOf(alloc, "global"), 57);
  }
  assertEquals(usedOf(alloc, "global"), 50);
});

Deno.test("a callback of a child may use the child", () => {
  const { alloc, source } = makeAlloc();
  let told = 0;
  const child = alloc.budgets.child("child", {
    soft: 100,
    onCross() {
      assert(++told <= 3, "told again and again");
      child.uncharge(child.used);
      child.charge(30);
      child.uncharge(30);
    },
  });
  child.charge(90);
  child.charge(120);
  assertEquals([child.used, told], [120, 1]);
  assertBooked(alloc, source, child);
  const thrower = alloc.budgets.child("thrower", {
    soft: 10,
    onCross() {
      throw new Boom("no");
    },
  });
  assertThrows(() => thrower.charge(11), Boom);
  assertThrows(() => thrower.tryCharge(11), Boom);
  assertEquals(thrower.used, 0);
});

Deno.test("children refuse what makes no sense, and change nothing", () => {
  const { alloc } = makeAlloc();
  const child = alloc.budgets.child("child");
  child.charge(10);
  const before = alloc.budgets.stats;
  for (const bytes of [-1, NaN, Infinity, "5", null, undefined, 5n, true, [], {}]) {
    for (const method of ["charge", "tryCharge", "uncharge"] as const) {
      const error = assertThrows(
        () => child[method](bytes as number),
        FrameAllocError,
        undefined,
        `${method} ${bytes}`,
      );
      assertEquals(error.code, "FA008", `${method} ${bytes}`);
      assertCoded(error);
    }
  }
  const error = assertThrows(() => child.uncharge(11), ArgumentError);
  assertCoded(error);
  assert(error.message.includes("10 are charged"), error.message);
  for (const name of ["", undefined, null, 7, {}]) {
    assertEquals(assertThrows(() => alloc.budgets.child(name as string), ArgumentError).code, "FA008");
  }
  assertEquals(alloc.budgets.stats, before);
});

// Options and arguments

Deno.test("the option memoryLimit is a hard global limit", () => {
  const { alloc, source } = makeAlloc({ memoryLimit: 3 * ARENA });
  assertEquals(alloc.budgets.stats, [
    { name: "global", used: 0, peak: 0, soft: Infinity, hard: 3 * ARENA, refusals: 0 },
  ]);
  alloc.beginFrame();
  alloc.heapAlloc(2 * ARENA);
  for (
    const make of [() => alloc.heapAlloc(1), () => alloc.frameSlice(Uint8Array, ARENA + 1), () => alloc.poolAlloc(R16)]
  ) {
    const error = budgetError(make);
    assertEquals([error.code, error.budget, error.limit], ["FA351", "global", 3 * ARENA]);
  }
  alloc.budgets.setGlobal({});
  alloc.poolAlloc(R16);
  assertBooked(alloc, source);
  const small = makeAlloc({ memoryLimit: 2048 }).alloc;
  assertEquals(budgetError(() => small.beginFrame()).code, "FA351");
  assertEquals([small.inFrame, small.frameNumber], [false, 0]);
  small.budgets.setGlobal({});
  small.beginFrame();
  assertEquals(small.frameNumber, 1);
});

Deno.test("the option memoryLimit holds for frames alone, or is refused there", () => {
  let alloc: FrameAlloc;
  try {
    alloc = new FrameAlloc({ memoryLimit: 2 * ARENA, frameArenaSize: ARENA });
  } catch (error) {
    assert(error instanceof ConfigError);
    return;
  }
  alloc.beginFrame();
  const error = budgetError(() => alloc.frameSlice(Uint8Array, 10 * ARENA));
  assertEquals([error.code, error.limit], ["FA351", 2 * ARENA]);
});

Deno.test("the global limit counts what was held before it was set, and without tags", () => {
  for (const stats of ["tags", "totals", "off"] as const) {
    const { alloc, source } = makeAlloc({ stats });
    alloc.beginFrame();
    alloc.frameSlice(Uint8Array, 2 * ARENA);
    alloc.poolAlloc(R40);
    alloc.heapAlloc(1000).free();
    alloc.handles.alloc(R40);
    alloc.groups.create("group", { size: 256 });
    alloc.scratchPool("scratch", { size: 256 });
    alloc.streaming.reserve(500);
    alloc.budgets.setGlobal({ hard: 1_000_000 });
    assertEquals(usedOf(alloc, "global"), source.bytes);
    alloc.frameSlice(Uint8Array, 4 * ARENA);
    assertEquals(usedOf(alloc, "global"), source.bytes);
    alloc.dispose();
    assertEquals([source.bytes, usedOf(alloc, "global")], [0, 0]);
  }
});

Deno.test("a tag cannot be limited where nothing is counted by tag: FA010", () => {
  for (const stats of ["totals", "off"] as const) {
    const { alloc } = makeAlloc({ stats });
    const error = assertThrows(() => alloc.budgets.setTag("t", { hard: 100 }), ConfigError, 'stats "tags"');
    assertEquals(error.code, "FA010");
    assertCoded(error);
    assertEquals(alloc.budgets.stats, []);
  }
});

Deno.test("limits that make no sense are FA008, and change nothing", () => {
  const { alloc } = makeAlloc();
  const bad: readonly unknown[] = [
    undefined,
    null,
    100,
    "100",
    () => {},
    { hard: -1 },
    { soft: -1 },
    { hard: NaN },
    { soft: NaN },
    { hard: "100" },
    { soft: "100" },
    { hard: null },
    { soft: null },
    { hard: 100n },
    { hard: true },
    { hard: [] },
    { soft: 200, hard: 100 },
    { hart: 100 },
    { hard: 100, policy: "refuse" },
    { hard: 100, policy: null },
    { hard: 100, policy: {} },
    { hard: 100, policy: { spill: null } },
    { hard: 100, policy: { spill: undefined } },
    { hard: 100, policy: { spill: "other" } },
    { hard: 100, policy: { spill: {} } },
    { hard: 100, policy: { spill: alloc } },
    { hard: 100, onCross: "tell" },
    { hard: 100, onCross: null },
  ];
  const failures: string[] = [];
  const refuse = (): void => {
    const before = alloc.budgets.stats;
    for (const limits of bad) {
      const given = limits as BudgetLimits<SmartAlloc>;
      const calls: Readonly<Record<string, () => unknown>> = {
        setGlobal: () => alloc.budgets.setGlobal(given),
        setTag: () => alloc.budgets.setTag("t", given),
        child: () => limits === undefined ? alloc.budgets.child("") : alloc.budgets.child("child", given),
      };
      for (const [name, call] of Object.entries(calls)) {
        check(failures, `${name} ${Deno.inspect(limits)}`, () => {
          const error = assertThrows(call, ArgumentError);
          assertEquals(error.code, "FA008");
          assertCoded(error);
          assertEquals(alloc.budgets.stats, before);
        });
      }
    }
  };
  refuse();
  alloc.budgets.setGlobal({ soft: 1000, hard: 100_000 });
  alloc.budgets.setTag("t", { soft: 10, hard: 20 });
  refuse();
  assertEquals(failures, []);
  for (const tag of ["", "::", "a::", "::a", "a::::b", undefined, null, 7, {}]) {
    const error = assertThrows(() => alloc.budgets.setTag(tag as string, { hard: 1 }), ArgumentError);
    assertEquals(error.code, "FA008");
    assertCoded(error);
  }
  assertEquals(alloc.budgets.stats.map(({ name, soft, hard }) => [name, soft, hard]), [["global", 1000, 100_000], [
    "t",
    10,
    20,
  ]]);
});

Deno.test("limits of zero and of infinity are limits", () => {
  const { alloc } = makeAlloc();
  alloc.beginFrame();
  alloc.tag("t");
  alloc.budgets.setTag("t", { soft: 0, hard: 0 });
  assertEquals(alloc.frameSlice(Uint8Array, 0).length, 0);
  assertEquals(alloc.tryFrameSlice(Uint8Array, 1), undefined);
  alloc.budgets.setTag("t", { soft: Infinity, hard: Infinity });
  alloc.budgets.setTag("t", { soft: Infinity, hard: 100 }); // no soft limit
  alloc.frameSlice(Uint8Array, 96);
  alloc.budgets.setTag("t", { soft: 0 });
  assertEquals(alloc.frameSlice(Uint8Array, 1000).length, 1000);
});

Deno.test("a child budget that its own callback releases, or whose allocator it disposes of, is charged nothing", () => {
  const alloc = new SmartAlloc();
  alloc.budgets.setGlobal({ hard: 10_000 });
  const released: ChildBudget = alloc.budgets.child("gpu", { soft: 100, onCross: () => released.release() });
  const before = usedOf(alloc, "global");
  assertThrows(() => released.charge(200), PoolError, "FA401");
  assertEquals([released.used, usedOf(alloc, "global")], [0, before]);

  const other = new SmartAlloc();
  const disposing: ChildBudget = other.budgets.child("gpu", { soft: 100, onCross: () => void other.dispose() });
  assertThrows(() => disposing.tryCharge(200), FrameStateError, "FA012");
  assertEquals(disposing.used, 0);
});
