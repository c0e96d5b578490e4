/**
 * Handles: numbers that stand for records wherever these are moved. Random programs against a model that knows where each record
 * is in memory, and every way to use a number or a record that stands for nothing any more.
 */

import {
  ArenaExhaustedError,
  ArgumentError,
  array,
  type Compaction,
  f32,
  f64,
  FrameAllocError,
  FrameStateError,
  type Handle,
  type Handles,
  type Layout,
  LayoutError,
  PoolError,
  SmartAlloc,
  struct,
  u32,
  u8,
  vec3f,
} from "@framealloc/core";
import type { ChunkSource } from "@framealloc/core/memory";
import {
  assert,
  assertEquals,
  assertFalse,
  assertNotStrictEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import fc from "fast-check";
import { type Pair, SUPPORTED } from "../frame/_sources.ts";
import {
  assertMet,
  assertRefused,
  assertUnchanged,
  meet,
  type Met,
  PATHS,
  TagBook,
  under,
  type Watched,
  WatchedSource,
} from "./_layouts.ts";
import { CountingSource } from "../memory/_counting_source.ts";

const RUNS_PER_PAIR = 100;
const PAGE = 512;
const CLASSES = [16, 48, 112, 256];
const LARGEST = 256;

const Small = struct("Small", { id: u32, a: f32 });
const Mixed = struct("Mixed", { id: u32, at: vec3f, b: f64 });
const Wide = struct("Wide", { id: u32, data: array(f32, 25) });
const Huge = struct("Huge", { id: u32, data: array(u8, 250) });
const Large = struct("Large", { id: u32, data: array(u32, 300) });
/** Larger than the largest slot by default. */
const Big = struct("Big", { id: u32, data: array(u8, 5000) });

/** A layout with a number that tells its records apart, and more that is made from a seed. */
interface Kind<R> {
  readonly layout: Layout;
  /** The slots that it fits in; 0 if it is too large for any. */
  readonly slot: number;
  readonly values: (id: number, seed: number) => object | number;
  readonly getId: (record: R) => number;
  readonly setId: (record: R, id: number) => void;
  readonly write: (record: R, seed: number) => void;
  readonly isFilled: (record: R, seed: number) => boolean;
}

function kind<R>(kind: Kind<R>): Kind<unknown> {
  return kind as unknown as Kind<unknown>;
}

function listed(layout: Layout, slot: number, count: number, most: number): Kind<unknown> {
  const data = (seed: number): number[] => Array.from({ length: count }, (_, i) => seed === 0 ? 0 : (seed + i) % most);
  return kind<{ id: number; data: { at(i: number): number; copyFrom(values: number[]): void } }>({
    layout,
    slot,
    values: (id, seed) => ({ id, data: data(seed) }),
    getId: (record) => record.id,
    setId: (record, id) => record.id = id,
    write: (record, seed) => record.data.copyFrom(data(seed)),
    isFilled: (record, seed) =>
      [0, 1, count >> 1, count - 1].every((i) => record.data.at(i) === (seed === 0 ? 0 : (seed + i) % most)),
  });
}

/** In all of them a seed of zero means zeros. No value looks like an id, so that ids can be searched for in raw memory. */
const KINDS: readonly Kind<unknown>[] = [
  kind<{ value: number }>({
    layout: u32,
    slot: 16,
    values: (id) => id,
    getId: (cell) => cell.value,
    setId: (cell, id) => cell.value = id,
    write: () => {},
    isFilled: () => true,
  }),
  kind<{ id: number; a: number }>({
    layout: Small,
    slot: 16,
    values: (id, seed) => ({ id, a: seed }),
    getId: (record) => record.id,
    setId: (record, id) => record.id = id,
    write: (record, seed) => record.a = seed,
    isFilled: (record, seed) => record.a === seed,
  }),
  kind<{ id: number; at: { x: number; y: number; z: number; set(x: number, y: number, z: number): void }; b: number }>({
    layout: Mixed,
    slot: 48,
    values: (id, seed) => ({ id, at: [seed, 2 * seed, 3 * seed], b: seed / 2 }),
    getId: (record) => record.id,
    setId: (record, id) => record.id = id,
    write(record, seed) {
      record.at.set(seed, 2 * seed, 3 * seed);
      record.b = seed / 2;
    },
    isFilled: ({ at, b }, seed) => at.x === seed && at.y === 2 * seed && at.z === 3 * seed && b === seed / 2,
  }),
  listed(Wide, 112, 25, 1000),
  listed(Huge, 256, 250, 60),
  listed(Large, 0, 300, 1000),
];

const FIRST_ID = 0x51_00_00_00;

/** A handle in use, as the model knows it. */
interface Entry {
  readonly handle: number;
  readonly kind: Kind<unknown>;
  readonly record: unknown;
  readonly path: string;
  readonly born: number;
  id: number;
  seed: number;
  pins: number;
}

/** Where a record is in memory. */
interface Place {
  readonly page: Watched;
  readonly offset: number;
}

const which = fc.nat(1000);
const of = fc.oneof({ weight: 8, arbitrary: fc.nat(4) }, { weight: 1, arbitrary: fc.constant(5) });
const tag = fc.nat(3);
const AFTER_MOVES = ["nothing", "look", "free", "alloc", "compact", "throw"] as const;

type Op =
  | { readonly op: "alloc"; readonly of: number; readonly tag: number; readonly seed: number }
  | { readonly op: "fill"; readonly of: number; readonly tag: number; readonly count: number }
  | { readonly op: "thin"; readonly every: number; readonly keep: number }
  | { readonly op: "write" | "free" | "pin" | "unpin" | "endPin" | "misuse"; readonly which: number }
  | { readonly op: "misfit"; readonly of: number }
  | { readonly op: "compact"; readonly maxBytes: number; readonly then: typeof AFTER_MOVES[number] }
  | { readonly op: "settle"; readonly maxBytes: number }
  | { readonly op: "trim" | "frame" };

const OPS: fc.Arbitrary<Op> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ op: fc.constant("alloc" as const), of, tag, seed: fc.nat(500) }) },
  {
    weight: 3,
    arbitrary: fc.record({ op: fc.constant("fill" as const), of, tag, count: fc.integer({ min: 5, max: 50 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ op: fc.constant("thin" as const), every: fc.integer({ min: 2, max: 6 }), keep: fc.nat(5) }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      op: fc.constantFrom(
        "write" as const,
        "free" as const,
        "pin" as const,
        "unpin" as const,
        "endPin" as const,
        "misuse" as const,
      ),
      which,
    }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("misfit" as const), of }) },
  {
    weight: 5,
    arbitrary: fc.record({
      op: fc.constant("compact" as const),
      maxBytes: fc.oneof(fc.constant(Infinity), fc.nat(1000), fc.constant(0)),
      then: fc.constantFrom(...AFTER_MOVES),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ op: fc.constant("settle" as const), maxBytes: fc.integer({ min: LARGEST, max: 800 }) }),
  },
  { weight: 2, arbitrary: fc.record({ op: fc.constantFrom("trim" as const, "frame" as const) }) },
);

/** Runs programs, and checks each step against what must be so. */
class Runner {
  readonly alloc: SmartAlloc;
  readonly handles: Handles;
  readonly source: WatchedSource;
  readonly met: Met;
  readonly live: Entry[] = [];
  readonly dead: Entry[] = [];
  /** All numbers that there ever were. */
  readonly numbers: Set<number> = new Set();
  readonly book: TagBook;
  readonly #isChecked: boolean;
  readonly #guards: { readonly entry: Entry; readonly end: () => void }[] = [];
  #nextId = FIRST_ID;
  #seed = 1;
  #moves = 0;
  #frames = 0;

  constructor(pair: Pair, met: Met) {
    this.source = new WatchedSource(pair.source as ChunkSource);
    this.alloc = new SmartAlloc({
      safety: pair.safety,
      source: this.source,
      poolClasses: CLASSES,
      poolPageSize: PAGE,
      poolIdlePages: 1,
      heapIdleBytes: 4096,
      frameArenaSize: 2048,
      reserve: 2048,
    });
    this.handles = this.alloc.handles;
    this.book = new TagBook(this.alloc, "handles");
    this.alloc.budgets.setGlobal({}); // counts what is held
    this.met = met;
    this.#isChecked = pair.safety !== "release";
  }

  step(op: Op): void {
    switch (op.op) {
      case "alloc":
        this.#alloc(op.of, op.tag, op.seed);
        break;
      case "fill":
        for (let i = 0; i < op.count; i++) this.#alloc(op.of, op.tag, this.#seed++ % 500);
        break;
      case "thin":
        for (const [i, entry] of [...this.live].entries()) {
          if (i % op.every !== op.keep % op.every && entry.pins === 0) this.#free(entry);
        }
        break;
      case "misfit":
        this.#misfit(KINDS[op.of]!);
        break;
      case "compact":
        this.#compact(op.maxBytes, op.then);
        break;
      case "settle":
        this.#settle(op.maxBytes);
        break;
      case "trim":
        this.#trim();
        break;
      case "frame":
        this.alloc.beginFrame();
        this.alloc.endFrame();
        this.#frames++;
        break;
      default: {
        const entry = this.#entry(op.which);
        if (entry !== undefined) this.#use(op.op, entry, op.which);
      }
    }
  }

  /** Contents, numbers and what the handles say of themselves. */
  check(): void {
    for (const entry of this.live) {
      const { handle, kind, record } = entry;
      assert(this.handles.isValid(handle));
      assertStrictEquals<unknown>(this.handles.resolve(handle, kind.layout), record);
      assert(kind.getId(record) === entry.id && kind.isFilled(record, entry.seed), `${kind.layout.name} has changed`);
    }
    for (const { handle } of this.dead) assertFalse(this.handles.isValid(handle));
    this.checkStats();
  }

  /** What the allocator says. */
  checkBooks(): void {
    this.book.check();
    assertEquals(this.alloc.stats().handles, this.handles.stats);
    assertEquals(
      this.alloc.stats().heap.bytes,
      this.live.filter(({ kind }) => kind.slot === 0).length * chargeOf(KINDS[5]!),
    );
    if (!this.#isChecked) return;
    for (const { kind, record } of this.dead) assertRefused(() => kind.getId(record), "FA401");
  }

  end(): void {
    this.check();
    this.checkBooks();
    const leaks = this.alloc.dispose();
    const expected = this.live.map(({ kind, path, born }) => ({
      kind: "handle" as const,
      name: kind.layout.name,
      tag: path,
      bytes: kind.slot || kind.layout.size,
      age: this.#frames - born,
    }));
    const order = (a: { readonly name: string }, b: { readonly name: string }) =>
      JSON.stringify(a) < JSON.stringify(b) ? -1 : 1;
    assertEquals([...leaks].sort(order), expected.sort(order));
    assertEquals(this.source.out.size, 0, "a chunk was not given back");
    assertEquals(this.alloc.budgets.stats.map(({ used }) => used), [0]);
    for (const { handle, kind, record } of this.live) {
      assertFalse(this.handles.isValid(handle));
      assertRefused(() => this.handles.resolve(handle), "FA401");
      if (this.#isChecked) assertRefused(() => kind.getId(record), "FA401");
    }
  }

  checkStats(): void {
    const bytes = this.live.reduce((sum, { kind }) => sum + kind.slot, 0);
    const reserved = this.#pages().length * PAGE;
    const fragmentation = reserved === 0 ? 0 : 1 - bytes / reserved;
    assertEquals(this.handles.stats, {
      live: this.live.length,
      pinned: this.live.filter(({ pins }) => pins > 0).length,
      bytes,
      reserved,
      fragmentation,
      moves: this.#moves,
      retired: 0,
    });
    assertEquals(this.handles.fragmentation, fragmentation);
  }

  #alloc(of: number, tag: number, seed: number): void {
    const kind = KINDS[of]!;
    const path = PATHS[tag]!;
    const id = seed === 0 ? 0 : this.#nextId++;
    const init = seed === 0 ? undefined : kind.values(id, seed);
    const handle: number = under(this.alloc, path, () => this.handles.alloc(kind.layout, init));
    assertFalse(this.numbers.has(handle), "a number was given out twice");
    this.numbers.add(handle);
    const record = this.handles.resolve(handle, kind.layout);
    this.live.push({ handle, kind, record, path, born: this.#frames, id, seed, pins: 0 });
    this.book.add(path, chargeOf(kind));
  }

  #free(entry: Entry): void {
    this.handles.free(entry.handle);
    this.live.splice(this.live.indexOf(entry), 1);
    this.dead.push(entry);
    this.book.add(entry.path, -chargeOf(entry.kind));
    meet(this.met, "frees");
  }

  #misfit({ layout }: Kind<unknown>): void {
    const before = this.handles.stats;
    const init = layout === u32 ? "no number" : { id: "no number" };
    assertRefused(() => this.handles.alloc(layout, init), "FA022");
    assertEquals({ ...this.handles.stats, reserved: 0, fragmentation: 0 }, {
      ...before,
      reserved: 0,
      fragmentation: 0,
    });
  }

  #use(op: "write" | "free" | "pin" | "unpin" | "endPin" | "misuse", entry: Entry, which: number): void {
    const { handle, kind } = entry;
    switch (op) {
      case "write":
        entry.seed = kind.layout === u32 ? 0 : 1 + which % 400;
        kind.write(this.handles.resolve(handle), entry.seed);
        break;
      case "free":
        if (entry.pins === 0) this.#free(entry);
        else assertRefused(() => this.handles.free(handle), "FA406");
        break;
      case "pin": {
        const guard = this.handles.pin(handle);
        entry.pins++;
        if (entry.pins === 2) meet(this.met, "double pins");
        this.#guards.push({ entry, end: () => guard.end() });
        break;
      }
      case "unpin":
        if (entry.pins === 0) assertRefused(() => this.handles.unpin(handle), "FA406");
        else {
          // The pin that a guard stands for; that guard is not used any more.
          this.#guards.splice(this.#guards.findIndex((guard) => guard.entry === entry), 1);
          this.handles.unpin(handle);
          entry.pins--;
        }
        break;
      case "endPin": {
        const [guard] = this.#guards.splice(which % Math.max(1, this.#guards.length), 1);
        if (guard === undefined) break;
        guard.end();
        guard.end();
        guard.entry.pins--;
        break;
      }
      case "misuse":
        this.#misuse(which);
    }
  }

  #misuse(which: number): void {
    const entry = this.dead[which % Math.max(1, this.dead.length)];
    if (entry === undefined) return;
    const { handle } = entry;
    if (this.live.some((other) => other.handle % 2 ** 24 === handle % 2 ** 24)) meet(this.met, "places in use again");
    assertRefused(() => this.handles.free(handle), "FA403");
    assertRefused(() => this.handles.resolve(handle), "FA401");
    assertRefused(() => this.handles.resolve(handle, entry.kind.layout), "FA401");
    assertRefused(() => this.handles.pin(handle), "FA401");
    assertRefused(() => this.handles.unpin(handle), "FA401");
    assertRefused(() => this.handles.resolve(handle + 2 ** 44), "FA404");
  }

  #compact(maxBytes: number, then: typeof AFTER_MOVES[number], isInner: boolean = false): void {
    const places = this.#locate();
    const before = { ...this.handles.stats, pages: this.#pages().length };
    const pinned = this.live.filter(({ pins, kind }) => pins > 0 && kind.slot > 0);
    const raws = pinned.map((entry) =>
      new Uint32Array(places.get(entry)!.page.chunk.buffer, places.get(entry)!.offset, 1)
    );
    let moved: Entry[] | undefined;
    let after = before;
    const settle = (): void => {
      const now = this.#locate();
      moved = [...places.keys()].filter((entry) => !isSame(places.get(entry)!, now.get(entry)!));
      this.#moves += moved.length;
      after = { ...this.handles.stats, pages: this.#pages().length };
      for (const [i, entry] of pinned.entries()) {
        assertFalse(moved.includes(entry), "a pinned record was moved");
        raws[i]![0] = entry.id = this.#nextId++;
        assertEquals(entry.kind.getId(entry.record), entry.id);
      }
      assert(after.fragmentation <= before.fragmentation, "fragmentation rose");
      assertEquals(after.pages, new Set([...now.values()].map(({ page }) => page)).size, "an empty page was kept");
      this.check();
    };
    const told: number[] = [];
    const left: number[] = [];
    const onMove = (handle: number): void => {
      if (moved === undefined) settle();
      assert(this.handles.isValid(handle));
      told.push(handle);
      switch (then) {
        case "look":
          assertEquals(this.alloc.stats().handles.moves, this.#moves);
          break;
        case "free": {
          const victim = this.live.find(({ pins }) => pins === 0)!;
          if (!told.includes(victim.handle)) left.push(victim.handle);
          this.#free(victim);
          break;
        }
        case "alloc":
          this.#alloc(told.length % KINDS.length, 1, this.#seed++ % 500);
          break;
        case "compact":
          if (!isInner && told.length === 1) this.#compact(100, "free", true);
          break;
        case "throw":
          throw new RangeError("Enough");
      }
      this.checkStats();
    };
    let result: Compaction;
    try {
      result = this.handles.compact(then === "nothing" ? { maxBytes } : { maxBytes, onMove });
    } catch (error) {
      if (then !== "throw" || !(error instanceof RangeError)) throw error;
      assertEquals(told.length, 1);
      meet(this.met, "throws");
      return;
    }
    if (moved === undefined) settle();
    const all: readonly Entry[] = moved!;
    assertEquals(result, {
      moved: all.length,
      movedBytes: all.reduce((sum, { kind }) => sum + kind.slot, 0),
      freedBytes: (before.pages - after.pages) * PAGE,
      isDone: result.isDone,
      before: before.fragmentation,
      after: after.fragmentation,
    });
    assert(result.movedBytes <= maxBytes);
    if (then === "look" || then === "alloc") assertEquals(told.toSorted(), all.map(({ handle }) => handle).toSorted());
    if (then === "free" || then === "compact") {
      for (const { handle } of all) {
        assert(told.includes(handle) || !this.handles.isValid(handle), "a move was not told");
      }
      for (const handle of left) assertFalse(told.includes(handle), "a free handle was told of");
    }
    const least = this.#leastPages(places, pinned);
    assertEquals(result.isDone, after.pages === least, `${after.pages} pages, could be ${least}`);
    if (!result.isDone) assert(result.movedBytes + LARGEST > maxBytes, "it stopped too early");
    if (then !== "free" && then !== "compact" && then !== "alloc") assertEquals(this.#pages().length, after.pages);
    meet(this.met, "moves", all.length);
    meet(this.met, "moves told", told.length);
    meet(this.met, "pages given back", before.pages - after.pages);
    if (pinned.length > 0 && all.length > 0) meet(this.met, "moves around pins");
    if (!result.isDone) meet(this.met, "compactions in parts");
  }

  /** Small steps come to the same as one large one. */
  #settle(maxBytes: number): void {
    const pinned = this.live.filter(({ pins, kind }) => pins > 0 && kind.slot > 0);
    const least = this.#leastPages(this.#locate(), pinned);
    let last = this.handles.fragmentation;
    for (let steps = 0;; steps++) {
      assert(steps <= 3 * this.live.length + 3, "compacting in steps does not come to an end");
      const { moved, movedBytes, isDone, after } = this.handles.compact({ maxBytes });
      this.#moves += moved;
      meet(this.met, "moves in steps", moved);
      assert(movedBytes <= maxBytes && after <= last);
      last = after;
      if (isDone) break;
      assert(moved > 0);
      meet(this.met, "steps");
    }
    assertEquals(this.#pages().length, least);
    assertEquals(this.handles.compact(), {
      moved: 0,
      movedBytes: 0,
      freedBytes: 0,
      isDone: true,
      before: last,
      after: last,
    });
    meet(this.met, "settled");
  }

  #trim(): void {
    const used = new Set([...this.#locate().values()].map(({ page }) => page)).size;
    const pages = this.#pages().length;
    assert(pages - used <= CLASSES.length, "more empty pages are kept than were to be");
    const { idle } = this.alloc.stats().heap;
    assertEquals(this.alloc.trim(), (pages - used) * PAGE + idle);
    assertEquals(this.#pages().length, used);
    assertEquals(this.alloc.stats().heap.idle, 0);
    meet(this.met, "pages trimmed", pages - used);
  }

  #pages(): Watched[] {
    return [...this.source.out].filter(({ asked }) => asked === PAGE);
  }

  /** The fewest pages that could hold everything while pinned records stay where they are. */
  #leastPages(places: ReadonlyMap<Entry, Place>, pinned: readonly Entry[]): number {
    return CLASSES.reduce((sum, slot) => {
      const live = [...places.keys()].filter(({ kind }) => kind.slot === slot).length;
      const held = new Set(
        pinned.filter(({ kind }) => kind.slot === slot).map((entry) => places.get(entry)!.page),
      ).size;
      return sum + Math.max(held, Math.ceil(live / Math.floor(PAGE / slot)));
    }, 0);
  }

  /** Writes a new id into each record, and looks for these in the memory of all pages. */
  #locate(): Map<Entry, Place> {
    const first = this.#nextId;
    const entries = this.live.filter(({ kind }) => kind.slot > 0);
    for (const entry of entries) entry.kind.setId(entry.record, entry.id = this.#nextId++);
    const places = new Map<Entry, Place>();
    const slots = new Map<Watched, number>();
    for (const page of this.#pages()) {
      const words = new Uint32Array(page.chunk.buffer, 0, PAGE / 4);
      for (let i = 0; i < words.length; i += 4) {
        const entry = entries[words[i]! - first];
        if (entry === undefined) continue;
        const { slot } = entry.kind;
        assertFalse(places.has(entry), "a record is in two places");
        assert((4 * i) % slot === 0 && 4 * i + slot <= PAGE, "a record is not in a slot");
        assertEquals(slots.get(page) ?? slot, slot, "a page has slots of two sizes");
        slots.set(page, slot);
        places.set(entry, { page, offset: 4 * i });
      }
    }
    assertEquals(places.size, entries.length, "a record is not in a page");
    return places;
  }

  #entry(which: number): Entry | undefined {
    return this.live[which % Math.max(1, this.live.length)];
  }
}

function chargeOf({ slot, layout }: Kind<unknown>): number {
  return slot === 0 ? Math.ceil(layout.size / 16) * 16 : slot;
}

function isSame(a: Place, b: Place): boolean {
  return a.page === b.page && a.offset === b.offset;
}

const met: Met = {};

for (const pair of SUPPORTED) {
  Deno.test(`handles obey the model in ${RUNS_PER_PAIR} random programs on ${pair.name}`, () => {
    fc.assert(
      fc.property(
        fc.array(OPS, { minLength: 5, maxLength: 60, size: "max" }),
        fc.integer({ min: 1, max: 6 }),
        (program, checkEvery) => {
          const runner = new Runner(pair, met);
          meet(met, "programs");
          for (const [i, op] of program.entries()) {
            runner.step(op);
            if (i % checkEvery === 0 || op.op === "compact" || op.op === "settle") runner.check();
            else runner.checkStats();
            // Asking for statistics must not be needed for them to be right.
            if (i % checkEvery === 0) runner.checkBooks();
          }
          runner.end();
        },
      ),
      { numRuns: RUNS_PER_PAIR },
    );
  });
}

Deno.test("the random programs of handles met what they are for", () => {
  assertMet(met, {
    "programs": 1000,
    "frees": 20_000,
    "moves": 1000,
    "moves told": 800,
    "moves in steps": 300,
    "pages given back": 1000,
    "pages trimmed": 80,
    "moves around pins": 60,
    "double pins": 30,
    "compactions in parts": 120,
    "steps": 50,
    "settled": 400,
    "throws": 30,
    "places in use again": 150,
  });
});

// Numbers

/** Everything that takes a number. */
const USES: { readonly [use: string]: (handles: Handles, handle: number) => unknown } = {
  resolve: (handles, handle) => handles.resolve(handle),
  "resolve as a layout": (handles, handle) => handles.resolve(handle, Small),
  pin: (handles, handle) => handles.pin(handle),
  unpin: (handles, handle) => handles.unpin(handle),
  free: (handles, handle) => handles.free(handle),
};

for (const safety of ["checked", "revoke", "release"] as const) {
  Deno.test(`numbers whose record and place were given to others are refused in ${safety}`, () => {
    const { handles } = new SmartAlloc({ safety });
    const old = Array.from({ length: 50 }, (_, a) => handles.alloc(Small, { a }));
    for (const handle of old) handles.free(handle);
    const now = Array.from({ length: 50 }, (_, a) => handles.alloc(Small, { a: 100 + a }));
    assertEquals(handles.stats.live, 50);
    for (const handle of old) {
      assertFalse(handles.isValid(handle));
      for (const [name, use] of Object.entries(USES)) {
        assertRefused(() => use(handles, handle), name === "free" ? "FA403" : "FA401", name);
      }
    }
    assertEquals(now.map((handle) => handles.resolve(handle).a), Array.from({ length: 50 }, (_, a) => 100 + a));
  });

  Deno.test(`numbers of no allocator are refused in ${safety}`, () => {
    const { handles } = new SmartAlloc({ safety });
    const handle = handles.alloc(Small, { a: 1 });
    const late = handle + 2 ** 24; // the next number of the same place
    for (const number of [0, -0, -1, 1.5, NaN, 2 ** 53, Infinity, -Infinity, handle + 1, handle + 0.5, -handle, late]) {
      assertFalse(handles.isValid(number), String(number));
      for (const [name, use] of Object.entries(USES)) {
        assertRefused(() => use(handles, number), "FA404", `${name} of ${number}`);
      }
    }
    assertEquals([handles.resolve(handle).a, handles.stats.live, handles.stats.pinned], [1, 1, 0]);
  });

  Deno.test(`what is no number is refused in ${safety}`, () => {
    const { handles } = new SmartAlloc({ safety });
    const handle = handles.alloc(Small);
    for (const value of [String(handle), undefined, null, {}, [handle], true]) {
      assertFalse(handles.isValid(value as never), typeof value);
      for (const use of Object.values(USES)) assertRefused(() => use(handles, value as never), "FA404", typeof value);
    }
  });

  Deno.test(`numbers of another allocator are refused in ${safety}, also where both have given out as many`, () => {
    const { handles } = new SmartAlloc({ safety });
    const { handles: others } = new SmartAlloc({ safety });
    for (let i = 0; i < 3; i++) handles.alloc(Small, { a: i });
    for (let i = 0; i < 6; i++) {
      const foreign = others.alloc(Small, { a: 100 + i });
      assertFalse(handles.isValid(foreign));
      for (const [name, use] of Object.entries(USES)) {
        assertRefused(() => use(handles, foreign), "FA404", `${name} of number ${i} of another allocator`);
      }
    }
    assertEquals([handles.stats.live, handles.stats.pinned], [3, 0]);
  });
}

Deno.test("a number never comes back, however often its place is used", () => {
  const { handles } = new SmartAlloc();
  const numbers = new Set<number>();
  for (let i = 0; i < 5000; i++) {
    const handle = handles.alloc(Small);
    assert(Number.isSafeInteger(handle) && handle > 0);
    numbers.add(handle);
    handles.free(handle);
  }
  assertEquals(numbers.size, 5000);
});

Deno.test("a number survives JSON, structuredClone and a Float64Array", async () => {
  const { handles } = new SmartAlloc();
  for (let i = 0; i < 100; i++) handles.free(handles.alloc(Mixed)); // so that the number is not a small one
  const handle = handles.alloc(Mixed, { at: [1, 2, 3], b: 4 });
  const { port1, port2 } = new MessageChannel();
  const received = new Promise<number>((resolve) => port2.onmessage = ({ data }) => resolve(data));
  port1.postMessage(handle);
  const copies: number[] = [
    JSON.parse(JSON.stringify({ handle })).handle,
    structuredClone(new Map([[1, handle]])).get(1)!,
    new Float64Array([handle])[0]!,
    Number(String(handle)),
    Number(BigInt(handle)),
    await received,
  ];
  port1.close();
  port2.close();
  for (const copy of copies) assertStrictEquals(handles.resolve(copy, Mixed), handles.resolve(handle));
  assertEquals(Mixed.toObject(handles.resolve(copies[0]!, Mixed)), { id: 0, at: { x: 1, y: 2, z: 3 }, b: 4 });
});

Deno.test("a number can be kept in the record of another handle", () => {
  const Node = struct("Node", { next: f64, value: u32 });
  const { handles } = new SmartAlloc({ poolPageSize: 4096 });
  const nodes: Handle<typeof Node>[] = [];
  for (let i = 0; i < 1000; i++) nodes.push(handles.alloc(Node, { next: nodes.at(-1) ?? 0, value: i }));
  for (const [i, node] of nodes.entries()) {
    if (i % 3 === 1) continue;
    if (i + 1 < 1000) handles.resolve(nodes[i + 1]!).next = 0;
    handles.free(node);
  }
  assert(handles.compact().moved > 0);
  for (let i = 1; i < 1000; i += 3) {
    assertEquals([handles.resolve(nodes[i]!).value, handles.resolve(nodes[i]!).next], [i, 0]);
  }
});

Deno.test("resolve() checks the layout that it is given", () => {
  const alloc = new SmartAlloc();
  const { handles } = alloc;
  const handle: number = handles.alloc(Small, { a: 1 });
  const Twin = struct("Small", { id: u32, a: f32 });
  for (const layout of [Mixed, Twin, f32, u32]) {
    assertRefused(() => handles.resolve(handle, layout as typeof Mixed), "FA008", layout.name);
    assertThrows(() => handles.resolve(handle, layout as typeof Mixed), ArgumentError, "record of Small");
  }
  assertEquals(handles.resolve(handle, Small).a, 1);
  for (const value of [null, 5, "Small", {}, class {}]) {
    assertRefused(() => handles.resolve(handle, value as never), "FA008", `a layout of ${value}`);
    assertRefused(() => handles.alloc(value as never), "FA008", `a handle of ${value}`);
  }
  assertEquals(alloc.stats().handles.live, 1);
});

Deno.test("the place of a handle may come to another layout", () => {
  for (const safety of ["checked", "revoke", "release"] as const) {
    const { handles } = new SmartAlloc({ safety });
    const first = handles.alloc(Small, { a: 1 });
    handles.free(first);
    const second: number = handles.alloc(f32, 2);
    assertRefused(() => handles.resolve(second, Small), "FA008", safety);
    assertEquals(handles.resolve(second, f32).value, 2);
    handles.free(second);
    assertEquals(handles.resolve(handles.alloc(Small, { a: 3 })).a, 3);
  }
});

// Records

Deno.test("a handle has one record, the same each time", () => {
  for (const safety of ["checked", "revoke", "release"] as const) {
    const { handles } = new SmartAlloc({ safety });
    const handle = handles.alloc(Mixed);
    const other = handles.alloc(Mixed);
    const record = handles.resolve(handle);
    record.at.set(1, 2, 3);
    assertStrictEquals(handles.resolve(handle), record);
    assertStrictEquals(handles.resolve(handle as number, Mixed).at, record.at);
    assertNotStrictEquals(handles.resolve(other), record);
    assertEquals([handles.resolve(handle).at.z, handles.resolve(other).at.z], [3, 0]);
  }
});

Deno.test("a record of a handle holds zeros where it is not filled, also in a slot that was used before", () => {
  for (const safety of ["checked", "revoke", "release"] as const) {
    const { handles } = new SmartAlloc({ safety });
    for (const [layout, length] of [[Wide, 25], [Big, 5000]] as const) {
      const first = handles.alloc(layout, { id: 7, data: Array(length).fill(9) });
      handles.free(first);
      const again = handles.resolve(handles.alloc(layout, { id: 1 })) as { id: number; data: Iterable<number> };
      assertEquals(again.id, 1);
      assert([...again.data].every((value) => value === 0), `${layout.name} in ${safety}`);
    }
    handles.free(handles.alloc(f64, 5));
    assertEquals(handles.resolve(handles.alloc(f64)).value, 0);
  }
});

for (const safety of ["checked", "revoke"] as const) {
  Deno.test(`records kept from before free() throw FA401 in ${safety}, also when their slot is used again`, () => {
    const alloc = new SmartAlloc({ safety });
    const { handles } = alloc;
    const make = () =>
      alloc.withTag(
        "ai",
        () => [handles.alloc(Mixed, { b: 1 }), handles.alloc(Mixed), handles.alloc(f32), handles.alloc(Big)],
      );
    const uses: { [use: string]: () => unknown } = {};
    const [one, other, cell, large] = make() as [
      Handle<typeof Mixed>,
      Handle<typeof Mixed>,
      Handle<typeof f32>,
      Handle<typeof Big>,
    ];
    const record = handles.resolve(one);
    const { at } = handles.resolve(other);
    const scalar = handles.resolve(cell);
    const big = handles.resolve(large);
    Object.assign(uses, {
      get: () => record.b,
      set: () => record.b = 5,
      assign: () => Mixed.assign(record, { b: 5 }),
      toObject: () => Mixed.toObject(record),
      part: () => record.at.x,
      kept: () => at.y,
      method: () => at.set(1, 2, 3),
      cell: () => scalar.value,
      setCell: () => scalar.value = 1,
      large: () => big.id,
      list: () => big.data.at(0),
    });
    const check = (): void => {
      for (const [name, use] of Object.entries(uses)) {
        const error = assertRefused(use, "FA401", name);
        assert(error.message.includes('of tag "ai"'), error.message);
        assert(error instanceof PoolError);
      }
    };
    for (const handle of [one, other, cell, large]) handles.free(handle);
    check();
    const again = make();
    for (let i = 0; i < 100; i++) make();
    check();
    assertEquals(handles.resolve(again[0]!, Mixed).b, 1);
    for (const handle of again) handles.free(handle);
    handles.compact();
    alloc.trim();
    check();
  });
}

Deno.test("a stale record says in debug mode where its handle was made", () => {
  const { handles } = new SmartAlloc({ debug: true, sampleSites: 1 });
  const handle = handles.alloc(Small);
  const record = handles.resolve(handle);
  handles.free(handle);
  assertThrows(() => record.a, PoolError, "handles_test.ts");
});

Deno.test("what does not fit leaves no handle behind", () => {
  const alloc = new SmartAlloc();
  alloc.handles.alloc(Small);
  alloc.handles.free(alloc.handles.alloc(Big));
  const before = alloc.stats();
  assertThrows(() => alloc.handles.alloc(Small, { a: "x" as never }), LayoutError, "FA022");
  assertThrows(() => alloc.handles.alloc(Big, { data: [1] }), LayoutError, "FA022");
  assertEquals({ ...alloc.stats(), heap: 0 }, { ...before, heap: 0 });
  assertEquals(alloc.stats().heap.bytes, 0);
});

// Pins

Deno.test("pins are counted: the end of an inner guard does not take the outer pin off", () => {
  const { handles } = new SmartAlloc();
  const handle = handles.alloc(Small);
  const outer = handles.pin(handle);
  {
    using _inner = handles.pin(handle);
    assertEquals(handles.stats.pinned, 1);
  }
  assertEquals(handles.stats.pinned, 1);
  assertRefused(() => handles.free(handle), "FA406");
  outer.end();
  outer.end(); // does nothing
  outer[Symbol.dispose]();
  assertEquals(handles.stats.pinned, 0);
  assertRefused(() => handles.unpin(handle), "FA406");
  handles.pin(handle);
  handles.pin(handle);
  handles.unpin(handle);
  assert(assertRefused(() => handles.free(handle), "FA406").message.includes("1 in all"));
  handles.unpin(handle);
  handles.free(handle);
  assertEquals([handles.stats.live, handles.stats.pinned], [0, 0]);
});

Deno.test("a guard never takes a pin off another handle", () => {
  const { handles } = new SmartAlloc();
  const handle = handles.alloc(Small);
  const guard = handles.pin(handle);
  handles.unpin(handle);
  handles.free(handle);
  const next = handles.alloc(Small); // in the same place
  handles.pin(next);
  assertRefused(() => guard.end(), "FA401");
  assertEquals(handles.stats.pinned, 1);
});

Deno.test("a pin is no property of the place that it was set in", () => {
  const { handles } = new SmartAlloc();
  const handle = handles.alloc(Small);
  handles.pin(handle).end();
  handles.free(handle);
  const next = handles.alloc(Small);
  assertRefused(() => handles.unpin(next), "FA406");
  handles.free(next);
});

// Compaction

/** Handles of which every tenth is left, in pages of 8 slots, with numbers from their index. */
function sparse(source?: ChunkSource): { alloc: SmartAlloc; handles: Handles; kept: Handle<typeof Small>[] } {
  const alloc = new SmartAlloc({ poolClasses: [16], poolPageSize: 128, ...source === undefined ? {} : { source } });
  const { handles } = alloc;
  const all = Array.from({ length: 400 }, (_, a) => handles.alloc(Small, { a }));
  for (const [i, handle] of all.entries()) if (i % 10 !== 0) handles.free(handle);
  return { alloc, handles, kept: all.filter((_, i) => i % 10 === 0) };
}

function values(handles: Handles, all: readonly Handle<typeof Small>[]): number[] {
  return all.map((handle) => handles.resolve(handle).a);
}

Deno.test("compact() packs records into the fewest pages and gives the others back", () => {
  const source = new WatchedSource(SUPPORTED[0]!.source as ChunkSource);
  const { alloc, handles, kept } = sparse(source);
  const records = kept.map((handle) => handles.resolve(handle));
  const pages = source.out.size;
  assert(pages > 30);
  const told: number[] = [];
  const result = handles.compact({ onMove: (handle) => told.push(handle) });
  assertEquals(source.out.size, 5); // 40 records, 8 a page
  assertEquals([result.isDone, result.after, result.freedBytes], [true, 0, (pages - 5) * 128]);
  assertEquals([told.length, result.movedBytes, handles.stats.moves], [result.moved, 16 * result.moved, result.moved]);
  assertEquals(values(handles, kept), kept.map((_, i) => 10 * i));
  assertEquals(records.map((record) => record.a), kept.map((_, i) => 10 * i));
  assertEquals(alloc.trim(), 0);
  for (const handle of kept) handles.free(handle);
  alloc.trim();
  assertEquals(source.out.size, 0);
});

Deno.test("compact() is safe to be used from onMove", () => {
  const { alloc, handles, kept } = sparse();
  const free = new Set<number>();
  const made: Handle<typeof Small>[] = [];
  const told: number[] = [];
  const { moved } = handles.compact({
    onMove(handle) {
      told.push(handle);
      assertFalse(free.has(handle), "a handle that is free was told of");
      assertEquals(handles.resolve(handle, Small).a, 10 * kept.indexOf(handle as Handle<typeof Small>));
      assertEquals(alloc.stats().handles.live, kept.length - free.size + made.length);
      const other = kept.at(-1 - free.size)!;
      if (other !== handle && free.size < 10) {
        handles.free(other);
        free.add(other);
      }
      made.push(handles.alloc(Small, { a: 1000 + made.length }));
      handles.compact({ maxBytes: 64 });
      using _pin = handles.pin(handle);
      alloc.trim();
    },
  });
  assert(free.size > 0 && told.length > 0 && told.length <= moved);
  const left = kept.filter((handle) => !free.has(handle));
  assertEquals(values(handles, left), left.map((handle) => 10 * kept.indexOf(handle)));
  assertEquals(values(handles, made), made.map((_, i) => 1000 + i));
  assertEquals(handles.stats.live, left.length + made.length);
});

Deno.test("an onMove that throws leaves everything as it was moved", () => {
  const { alloc, handles, kept } = sparse();
  const { reserved } = handles.stats;
  let calls = 0;
  const error = new RangeError("Enough");
  const thrown = assertThrows(() =>
    handles.compact({
      onMove() {
        if (++calls === 3) throw error;
      },
    })
  );
  assertStrictEquals(thrown, error);
  assertEquals(calls, 3);
  const stats = alloc.stats();
  assertEquals([stats.handles.live, stats.handles.bytes, stats.handles.fragmentation], [40, 640, 0]);
  assert(stats.handles.reserved < reserved);
  assertEquals(stats.tags.map(({ inUse }) => inUse.handles), [640]);
  assertEquals(values(handles, kept), kept.map((_, i) => 10 * i));
  assertEquals(handles.compact().moved, 0);
  for (const handle of kept) handles.free(handle);
  assertEquals(handles.stats.live, 0);
});

Deno.test("compact() in steps comes to the same as at once", () => {
  for (const maxBytes of [16, 40, 100, 500]) {
    const { handles, kept } = sparse();
    let steps = 0;
    let moved = 0;
    for (let isDone = false; !isDone; steps++) {
      assert(steps < 1000, "compacting in steps does not come to an end");
      const step = handles.compact({ maxBytes });
      assert(step.movedBytes <= maxBytes && step.after <= step.before);
      ({ isDone } = step);
      moved += step.movedBytes;
    }
    assert(steps >= moved / maxBytes);
    assertEquals([handles.stats.fragmentation, handles.stats.reserved], [0, 640]);
    assertEquals(values(handles, kept), kept.map((_, i) => 10 * i));
  }
});

Deno.test("compact() that may move nothing says that it is not done", () => {
  const { handles } = sparse();
  const { reserved } = handles.stats;
  const result = handles.compact({ maxBytes: 0 });
  assertEquals([result.moved, result.movedBytes, result.isDone], [0, 0, false]);
  assert(reserved >= handles.stats.reserved);
  assertEquals(new SmartAlloc().handles.compact({ maxBytes: 0 }), {
    moved: 0,
    movedBytes: 0,
    freedBytes: 0,
    isDone: true,
    before: 0,
    after: 0,
  });
});

Deno.test("compact() refuses limits that are none", () => {
  const { handles } = new SmartAlloc();
  for (const maxBytes of [-1, NaN, "many" as never, {} as never]) {
    assertRefused(() => handles.compact({ maxBytes }), "FA008", String(maxBytes));
    assertThrows(() => handles.compact({ maxBytes }), ArgumentError);
  }
});

Deno.test("records that no slot can hold stay where they are", () => {
  const alloc = new SmartAlloc();
  const { handles } = alloc;
  const large = Array.from({ length: 5 }, (_, id) => handles.alloc(Big, { id }));
  assertEquals([handles.stats.live, handles.stats.bytes, handles.stats.reserved], [5, 0, 0]);
  assertEquals(alloc.stats().tags.map(({ inUse }) => [inUse.handles, inUse.heap]), [[5 * 5008, 0]]);
  assertEquals(alloc.stats().heap, { live: 0, bytes: 5 * 5008, reserved: 5 * 5008, idle: 0, reuses: 0 });
  handles.pin(large[0]!).end();
  assertEquals([handles.compact().moved, handles.stats.moves], [0, 0]);
  assertEquals(large.map((handle) => handles.resolve(handle).id), [0, 1, 2, 3, 4]);
  assertRefused(() => handles.resolve(large[0]!, Small as never), "FA008");
  for (const handle of large) handles.free(handle);
  assertEquals([alloc.stats().heap.bytes, alloc.trim(), alloc.leaks().length], [0, 5 * 5008, 0]);
});

// Refusals

Deno.test("a handle that the source refuses changes nothing", () => {
  for (const safety of ["checked", "revoke", "release"] as const) {
    for (const layout of [Small, Big, f64] as const) {
      const source = new CountingSource();
      const alloc = new SmartAlloc({ source, safety, poolPageSize: 4096 });
      const { handles } = alloc;
      const kept = handles.alloc(Mixed, { b: 5 });
      source.isGenerous = false;
      const error = assertUnchanged(alloc, () => handles.alloc<Layout>(layout), "FA003", layout.name);
      assert(error instanceof ArenaExhaustedError && error.requested > 0);
      assertStrictEquals(error.cause, source.refusal);
      assertEquals([alloc.leaks().length, handles.resolve(kept).b], [1, 5]);
      source.isGenerous = true;
      assert(handles.isValid(handles.alloc<Layout>(layout)));
    }
  }
});

Deno.test("a handle for which a page would have to be added, and that the source refuses, changes nothing", () => {
  const source = new CountingSource();
  const alloc = new SmartAlloc({ source, poolClasses: [16], poolPageSize: 128 });
  const { handles } = alloc;
  const kept = Array.from({ length: 8 }, (_, a) => handles.alloc(Small, { a }));
  source.isGenerous = false;
  for (let i = 0; i < 3; i++) assertUnchanged(alloc, () => alloc.withTag("a", () => handles.alloc(Small)), "FA003");
  handles.free(kept[3]!);
  const again = handles.alloc(Small, { a: 30 }); // there is room in the page that is there
  source.isGenerous = true;
  handles.alloc(Small);
  assertEquals(values(handles, kept.with(3, again)), [0, 1, 2, 30, 4, 5, 6, 7]);
});

Deno.test("a source that gives too little for a page counts as refusing, and its chunk is given back", () => {
  const source = new WatchedSource({
    name: "stingy",
    capabilities: new CountingSource().capabilities,
    obtain: () => ({ buffer: new ArrayBuffer(100), revoke() {}, release() {} }),
  });
  const alloc = new SmartAlloc({ source, poolPageSize: 4096 });
  assertUnchanged(alloc, () => alloc.handles.alloc(Small), "FA003");
  assertUnchanged(alloc, () => alloc.handles.alloc(Big), "FA003");
  assertEquals([source.obtained, source.out.size], [2, 0]);
});

Deno.test("a handle that a limit refuses changes nothing", () => {
  const alloc = new SmartAlloc({ poolPageSize: 4096 });
  const { handles } = alloc;
  alloc.budgets.setTag("a", { hard: 48 });
  alloc.budgets.setGlobal({ hard: 4096 });
  const made = alloc.withTag("a", () => [handles.alloc(Small), handles.alloc(Small), handles.alloc(Small)]);
  assertUnchanged(alloc, () => alloc.withTag("a", () => handles.alloc(Small)), "FA352");
  assertUnchanged(alloc, () => alloc.withTag("a", () => handles.alloc(Big)), "FA352");
  assertUnchanged(alloc, () => handles.alloc(Mixed), "FA351");
  assertUnchanged(alloc, () => handles.alloc(Big), "FA351");
  handles.free(made[1]!);
  alloc.withTag("a", () => handles.alloc(Small));
});

Deno.test("a limit that is told of a handle to come sees nothing of it, and may use handles", () => {
  const alloc = new SmartAlloc({ poolClasses: [16], poolPageSize: 128 });
  const { handles } = alloc;
  const first = alloc.withTag("a", () => handles.alloc(Small, { a: 1 }));
  const other = handles.alloc(Small, { a: 2 });
  let calls = 0;
  const onCross = (): void => {
    calls++;
    const { live, pinned, bytes } = alloc.stats().handles;
    assertEquals([live, pinned, bytes], [2, 0, 32]);
    assertEquals(alloc.leaks().map(({ name }) => name), ["Small", "Small"]);
    handles.free(other);
    handles.compact();
    assertEquals(handles.resolve(handles.alloc(Small, { a: 3 })).a, 3);
  };
  alloc.budgets.setTag("a", { soft: 16, onCross });
  const last = alloc.withTag("a", () => handles.alloc(Small, { a: 4 }));
  assertEquals(calls, 1);
  assertEquals([handles.resolve(first).a, handles.resolve(last).a, handles.stats.live], [1, 4, 3]);
});

Deno.test("a handle whose allocator is disposed of while it is made is not left behind", () => {
  for (const layout of [Small, Big] as const) {
    const source = new WatchedSource(new CountingSource());
    const alloc = new SmartAlloc({ source });
    alloc.handles.alloc(Mixed);
    alloc.budgets.setTag("a", { soft: 0, onCross: () => void alloc.dispose() });
    alloc.withTag("a", () => assertRefused(() => alloc.handles.alloc<Layout>(layout), "FA012", layout.name));
    assertEquals([source.out.size, alloc.stats().handles.live, alloc.leaks()], [0, 0, []]);
  }
});

// Ends

Deno.test("after dispose() handles refuse work, and their numbers and records are stale", () => {
  const alloc = new SmartAlloc();
  const { handles } = alloc;
  const small = handles.alloc(Small);
  const large = handles.alloc(Big);
  const record = handles.resolve(small);
  const big = handles.resolve(large);
  handles.pin(small);
  alloc.dispose();
  assertThrows(() => handles.alloc(Small), FrameStateError, "FA012");
  assertRefused(() => handles.alloc(Big), "FA012");
  assertRefused(() => record.a, "FA401");
  assertRefused(() => big.id, "FA401");
  for (const handle of [small, large]) {
    assertFalse(handles.isValid(handle));
    assertRefused(() => handles.resolve(handle as number), "FA401");
    assertRefused(() => handles.pin(handle), "FA401");
    assertRefused(() => handles.free(handle), "FA403");
  }
  assertEquals(handles.compact().moved, 0);
  assertEquals(handles.stats, { live: 0, pinned: 0, bytes: 0, reserved: 0, fragmentation: 0, moves: 0, retired: 0 });
  assertEquals(alloc.stats().tags.map(({ inUse }) => inUse.handles).filter((bytes) => bytes !== 0), []);
});

Deno.test("handles are counted whatever is counted of frames", () => {
  for (const stats of ["off", "totals", "tags"] as const) {
    const alloc = new SmartAlloc({ stats, poolPageSize: 4096 });
    const kept = alloc.handles.alloc(Small);
    alloc.handles.free(alloc.handles.alloc(Small));
    const { live, bytes, reserved } = alloc.stats().handles;
    assertEquals([live, bytes, reserved], [1, 16, 4096], stats);
    alloc.handles.free(kept);
    assert(alloc.leaks().length === 0 && alloc.dispose().length === 0);
  }
});

Deno.test("every error of handles is one of the library", () => {
  const { handles } = new SmartAlloc();
  for (const use of Object.values(USES)) assertThrows(() => use(handles, 5), FrameAllocError);
});
