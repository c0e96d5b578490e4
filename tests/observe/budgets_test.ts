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
import { arrayBufferSource, type Chunk, type ChunkSource } from "@framealloc/core/memory";
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";

const R16 = struct("R16", { data: array(u8, 16) });
const R40 = struct("R40", { data: array(u8, 40) });
const R600 = struct("R600", { data: array(u8, 600) });
const Pair = struct("Pair", { a: f32, b: u8 });

const PAGE = 1024;
const ARENA = 4096;

/** Counts what is held from it. */
class CountingSource implements ChunkSource {
  readonly name = "counting";
  readonly capabilities = arrayBufferSource.capabilities;
  live = 0;

  obtain(bytes: number): Chunk {
    const chunk = arrayBufferSource.obtain(bytes);
    this.live += bytes;
    return {
      get buffer() {
        return chunk.buffer;
      },
      revoke: () => chunk.revoke(),
      release: () => {
        this.live -= bytes;
        chunk.release();
      },
    };
  }
}

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

/** Every budget has what is in use below its tag, or is held; children count as held. */
function assertBooked(alloc: SmartAlloc, source: CountingSource, children: number = 0): void {
  const stats = alloc.stats();
  assertEquals(heldBy(stats) - stats.frame.committed + stats.frame.reserved, source.live, "held from the source");
  for (const { name, used } of stats.budgets) {
    const below = stats.tags.filter(({ path }) => path === name || path.startsWith(`${name}::`));
    const wanted = name === "global"
      ? heldBy(stats) + children
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
    const { live } = source;
    let refusals = 0;
    const check = (): void => {
      refusals++;
      assertEquals(plain(alloc.stats()), before);
      assertEquals([source.live, alloc.budgets.stats[0]?.refusals], [live, refusals]);
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
    assertEquals(source.live, 0);
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
      assertEquals(events, [{ limit, name: "t", used: base, requested, bytes }]);
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
      assertEquals(events[1], { limit, name: "t", used: left, requested: ceil16(bytes - left + 1), bytes });
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
    const { live } = source;
    let refusals = 0;
    const check = (): void => {
      refusals++;
      assertEquals(plain(alloc.stats()), before);
      assertEquals([source.live, alloc.budgets.stats[0]?.refusals], [live, refusals]);
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
    assertEquals([source.live, usedOf(alloc, "global")], [0, 0]);
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
    assertEquals(events, [{ limit: "soft", name: "global", used: base, requested, bytes: soft }]);
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
  // A reservation that cannot be made is none; what lives in a group or a scratch pool is FA401 when that is gone.
  const isReservation = name === "streaming.reserve" && /^FA35|^FA012/.test(wanted);
  if (isReservation) assertEquals([outcome, made], ["made", undefined]);
  else if (wanted === "FA012" && outcome === "FA401") assert(name.includes("group"), name);
  else assertEquals(outcome, limit === "global" && wanted === "FA352" ? "FA351" : wanted);
  assertEquals(told, 1, "how often it was told");
  if (action.other === "FA012") {
    assertEquals([source.live, alloc.budgets.stats.map(({ used }) => used)], [
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
  assertEquals(source.live, 0);
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
