/**
 * Scratch pools: memory that outlives frames and is reset by hand. Random programs against a model, and every handle that is kept
 * past a reset.
 */

import {
  ArenaExhaustedError,
  ArgumentError,
  ConfigError,
  f32,
  f64,
  FrameStateError,
  kilobytes,
  PoolError,
  type ScratchPool,
  SmartAlloc,
  struct,
  u32,
} from "@framealloc/core";
import { arrayBufferSource, type ChunkSource } from "@framealloc/core/memory";
import { assert, assertEquals, assertFalse, assertStrictEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { type Pair, SUPPORTED } from "../frame/_sources.ts";
import {
  assertMet,
  assertNothingLeft,
  assertRefused,
  assertUnchanged,
  checkApart,
  everyLook,
  everyUse,
  keepingSource,
  Kept,
  meet,
  type Met,
  PATHS,
  PATHS_TO_GROW,
  RegionModel,
  type Request,
  REQUESTS,
  TagBook,
  under,
  WatchedSource,
} from "./_layouts.ts";
import { CountingSource } from "../memory/_counting_source.ts";

const RUNS_PER_PAIR = 100;
const NAMES = ["path", "audio", "__proto__"];

const Body = struct("Body", { mass: f32 });

const which = fc.nat(NAMES.length - 1);
const tag = fc.option(fc.nat(3), { nil: undefined });

type Op =
  | {
    readonly op: "open";
    readonly which: number;
    readonly size: number;
    readonly maxBytes: number | undefined;
    readonly tag: number | undefined;
  }
  | { readonly op: "alloc"; readonly which: number; readonly request: Request; readonly tag: number | undefined }
  | {
    readonly op: "push";
    readonly which: number;
    readonly list: number;
    readonly times: number;
    readonly tag: number | undefined;
  }
  | { readonly op: "rewrite" | "reset" | "dispose" | "misuse"; readonly which: number }
  | { readonly op: "tag"; readonly tag: number }
  | { readonly op: "frame" | "trim" };

const OPS: fc.Arbitrary<Op> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      op: fc.constant("open" as const),
      which,
      size: fc.constantFrom(16, 250, 1024, 4096),
      maxBytes: fc.option(fc.integer({ min: 16, max: 6000 }), { nil: undefined }),
      tag,
    }),
  },
  { weight: 12, arbitrary: fc.record({ op: fc.constant("alloc" as const), which, request: REQUESTS, tag }) },
  {
    weight: 6,
    arbitrary: fc.record({
      op: fc.constant("push" as const),
      which,
      list: fc.nat(1000),
      times: fc.integer({ min: 1, max: 40 }),
      tag,
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      op: fc.constantFrom(
        "rewrite" as const,
        "reset" as const,
        "reset" as const,
        "dispose" as const,
        "misuse" as const,
      ),
      which,
    }),
  },
  { weight: 2, arbitrary: fc.record({ op: fc.constant("tag" as const), tag: fc.nat(3) }) },
  { weight: 3, arbitrary: fc.record({ op: fc.constantFrom("frame" as const, "trim" as const) }) },
);

/** A scratch pool, as the model knows it. */
interface Known {
  readonly pool: ScratchPool;
  readonly model: RegionModel;
  readonly maxBytes: number;
  resets: number;
}

/** Runs programs, and checks each step against what must be so. */
class Runner {
  readonly alloc: SmartAlloc;
  readonly source: WatchedSource;
  readonly book: TagBook;
  readonly met: Met;
  readonly pools: Map<string, Known> = new Map();
  readonly gone: ScratchPool[] = [];
  readonly kept: Kept[] = [];
  readonly #safety: Pair["safety"];
  #openTags: { end(): void }[] = [];
  #seed = 1;

  constructor(pair: Pair, met: Met) {
    this.source = new WatchedSource(pair.source as ChunkSource);
    this.alloc = new SmartAlloc({ safety: pair.safety, source: this.source, frameArenaSize: kilobytes(1) });
    this.book = new TagBook(this.alloc, "scratch");
    this.alloc.budgets.setGlobal({}); // counts what is held
    this.met = met;
    this.#safety = pair.safety;
  }

  step(op: Op): void {
    const name = "which" in op ? NAMES[op.which]! : "";
    const known = this.pools.get(name);
    this.#seed += 7;
    switch (op.op) {
      case "open":
        this.#tagged(op.tag, () => this.#open(name, op.size, op.maxBytes));
        break;
      case "alloc":
        this.#tagged(op.tag, () => known?.model.allocate(op.request, this.#seed));
        break;
      case "push":
        this.#tagged(op.tag, () => known?.model.push(op.list, op.times, this.#seed));
        break;
      case "rewrite":
        for (const thing of known?.model.things ?? []) thing.rewrite(this.#seed++);
        break;
      case "reset":
        if (known !== undefined) this.#reset(known);
        break;
      case "dispose":
        if (known !== undefined) this.#dispose(name, known);
        break;
      case "misuse":
        this.#misuse(this.gone[op.which % Math.max(1, this.gone.length)]);
        break;
      case "tag":
        for (const guard of this.#openTags.reverse()) guard.end();
        this.#openTags = PATHS[op.tag]!.split("::").filter(Boolean).map((part) => this.alloc.tag(part));
        break;
      case "frame":
        this.alloc.beginFrame();
        this.alloc.frameSlice(Uint8Array, this.#seed).fill(0xee);
        this.alloc.endFrame();
        meet(
          this.met,
          "things outlived frames",
          [...this.pools.values()].reduce((n, { model }) => n + model.things.length, 0),
        );
        break;
      case "trim":
        this.#trim();
    }
  }

  /** What changes nothing: in particular, nobody is asked what belongs to which tag. */
  check(): void {
    for (const [name, { pool, model, maxBytes, resets }] of this.pools) {
      model.check();
      assert(this.alloc.scratchPool(name, { size: 5 }) === pool);
      const { used, peak } = model;
      assertEquals(pool.stats, { name, used, peak, reserved: pool.reserved, resets });
      assertEquals(pool.remaining, Math.floor(maxBytes / 16) * 16 - used);
    }
    checkApart([...this.pools.values()].map(({ model }) => model), this.source);
  }

  checkBooks(): void {
    const { scratch, frame } = this.alloc.stats();
    assertEquals(scratch, [...this.pools.values()].map(({ pool }) => pool.stats));
    for (const { reserved, used } of scratch) assert(reserved >= used);
    assertEquals(scratch.reduce((sum, { reserved }) => sum + reserved, frame.reserved), this.source.bytes);
    this.book.check();
  }

  end(): void {
    this.check();
    this.checkBooks();
    for (const kept of this.kept) this.#checkGone(kept);
    const pools = [...this.pools.values()];
    const things = new Kept(pools.flatMap(({ model }) => model.things));
    assertEquals(this.alloc.dispose(), []); // scratch pools are no leaks
    assertEquals(this.source.out.size, 0, "a chunk was not given back");
    assertEquals(this.alloc.budgets.stats.map(({ used }) => used), [0]);
    this.#checkGone(things);
    for (const { pool } of pools) assertRefused(() => pool.alloc(Body), "FA012");
    assertEquals(this.alloc.stats().scratch, []);
  }

  #tagged(tag: number | undefined, fn: () => void): void {
    if (tag === undefined) return fn();
    under(this.alloc, PATHS[tag]!, fn);
  }

  #open(name: string, size: number, maxBytes: number | undefined): void {
    const known = this.pools.get(name);
    const pool = this.alloc.scratchPool(name, maxBytes === undefined ? { size } : { size, maxBytes });
    if (known !== undefined) {
      assert(pool === known.pool);
      return;
    }
    assertFalse(this.gone.includes(pool));
    if (this.gone.some((other) => other.name === name)) meet(this.met, "names used again");
    assertEquals([pool.name, pool.used, pool.allocations], [name, 0, 0]);
    const most = maxBytes ?? Infinity;
    const model = new RegionModel(this.alloc, pool, this.book, most, this.met);
    this.pools.set(name, { pool, model, maxBytes: most, resets: 0 });
  }

  #reset(known: Known): void {
    const { pool, model } = known;
    const kept = new Kept(model.things);
    meet(this.met, "resets of something", Math.min(1, model.things.length));
    pool.reset();
    known.resets++;
    model.clear();
    assertEquals([pool.used, pool.allocations], [0, 0]);
    this.#keep(kept);
  }

  #dispose(name: string, { pool, model }: Known): void {
    const kept = new Kept(model.things);
    const { reserved } = pool;
    const { bytes } = this.source;
    pool.dispose();
    pool.dispose(); // does nothing
    model.clear();
    this.pools.delete(name);
    this.gone.push(pool);
    assertEquals([pool.used, pool.allocations, pool.reserved], [0, 0, 0]);
    assertEquals(this.source.bytes, bytes - reserved);
    this.#keep(kept);
    meet(this.met, "disposals");
  }

  #keep(kept: Kept): void {
    this.#checkGone(kept);
    this.kept.push(kept);
  }

  #checkGone(kept: Kept): void {
    if (this.#safety !== "release") kept.check(this.#safety === "revoke");
  }

  #misuse(pool: ScratchPool | undefined): void {
    if (pool === undefined) return;
    meet(this.met, "misuses");
    const { scratch } = this.alloc.stats();
    assertRefused(() => pool.reset(), "FA401");
    assertRefused(() => pool.alloc(Body), "FA401");
    assertRefused(() => pool.allocSlice(Uint8Array, 0), "FA401");
    pool.dispose();
    pool[Symbol.dispose]();
    assertEquals(this.alloc.stats().scratch, scratch);
  }

  #trim(): void {
    const before = this.source.bytes;
    const bytes = this.alloc.trim();
    assertEquals(bytes, before - this.source.bytes);
    if (bytes > 0) meet(this.met, "trims");
  }
}

const met: Met = {};

for (const pair of SUPPORTED) {
  Deno.test(`scratch pools obey the model in ${RUNS_PER_PAIR} random programs on ${pair.name}`, () => {
    fc.assert(
      fc.property(
        fc.array(OPS, { minLength: 10, maxLength: 100, size: "max" }),
        fc.integer({ min: 1, max: 8 }),
        (program, checkEvery) => {
          const runner = new Runner(pair, met);
          meet(met, "programs");
          for (const [i, op] of program.entries()) {
            runner.step(op);
            runner.check();
            // Asking for statistics books what came until then, and must not be needed for that.
            if (i % checkEvery === 0) runner.checkBooks();
          }
          runner.end();
        },
      ),
      { numRuns: RUNS_PER_PAIR },
    );
  });
}

Deno.test("the random programs of scratch pools met what they are for", () => {
  assertMet(met, {
    "programs": 1000,
    "refusals": 100,
    "refused growth": 100,
    "resets of something": 500,
    "disposals": 300,
    "names used again": 100,
    "things outlived frames": 1000,
    "trims": 10,
    "growth": 500,
    "growth in place": 200,
    "misuses": 200,
  });
});

// What is kept too long

for (const safety of ["checked", "revoke"] as const) {
  Deno.test(`every handle of a scratch pool throws FA401 after its end in ${safety}, also when its memory was given to others`, () => {
    const endings: { readonly [ending: string]: (pool: ScratchPool, alloc: SmartAlloc) => unknown } = {
      reset: (pool) => pool.reset(),
      "reset after an overflow"(pool) {
        pool.allocSlice(Uint8Array, 100_000);
        pool.reset();
      },
      "reset and trim"(pool, alloc) {
        pool.reset();
        alloc.trim();
      },
      "many resets": (pool) => {
        for (let i = 0; i < 200; i++) {
          everyUse(pool);
          pool.reset();
        }
      },
      dispose: (pool) => pool.dispose(),
      using(pool) {
        using _pool = pool;
      },
      "the end of the allocator": (_pool, alloc) => alloc.dispose(),
    };
    for (const [ending, end] of Object.entries(endings)) {
      const alloc = new SmartAlloc({ safety });
      const pool = alloc.scratchPool("path", { size: 1024 });
      const uses = everyUse(pool);
      end(pool, alloc);
      const check = (): void => {
        for (const [name, use] of Object.entries(uses)) {
          const error = assertRefused(use, "FA401", `${name} after ${ending}`);
          assert(error instanceof PoolError && error.message.includes('scratch pool "path"'), error.message);
        }
      };
      check();
      if (ending.includes("allocator")) continue;
      const next = alloc.scratchPool("path", { size: 1024 });
      const bytes = next.allocSlice(Uint8Array, 1000).fill(7);
      everyUse(next);
      check();
      assert(bytes.every((byte) => byte === 7));
      assert(Object.keys(uses).length > 60);
    }
  });
}

for (const source of ["wasm", "arraybuffer", keepingSource()] as const) {
  const name = typeof source === "string" ? source : source.name;
  Deno.test(`raw views of a scratch pool are detached by its end in revoke on ${name}`, () => {
    for (const end of ["reset", "dispose"] as const) {
      const alloc = new SmartAlloc({ safety: "revoke", source });
      const pool = alloc.scratchPool("path", { size: 1024 });
      const vec = pool.allocVec(Float32Array);
      vec.push(1);
      const views: ArrayBufferView[] = [
        pool.allocSlice(Uint8Array, 100),
        ...Object.values(pool.allocColumns(Body, 10)),
        pool.allocBatch(Body, 10).view(Float32Array),
        vec.view,
        pool.allocString("text").bytes,
        pool.allocSlice(Uint8Array, 100_000), // in a chunk of its own
      ];
      assert(views.every((view) => view.byteLength > 0));
      pool[end]();
      alloc.scratchPool("path").allocSlice(Uint8Array, 50_000).fill(9);
      assertEquals(views.map((view) => view.byteLength), views.map(() => 0), end);
    }
  });
}

Deno.test("release gives the same memory again after reset()", () => {
  const alloc = new SmartAlloc({ safety: "release" });
  const pool = alloc.scratchPool("path");
  const places = new Set<number>();
  for (let i = 0; i < 5; i++) {
    const slice = pool.allocSlice(Float32Array, 100).fill(i);
    const record = pool.alloc(Body);
    record.mass = i;
    places.add(slice.byteOffset);
    assertEquals([slice[99], record.mass, pool.used], [i, i, 416]);
    pool.reset();
  }
  assertEquals([places.size, pool.stats.resets], [1, 5]);
});

Deno.test("a stale handle of a scratch pool says in debug mode where it was made", () => {
  const alloc = new SmartAlloc({ debug: true, sampleSites: 1 });
  const pool = alloc.scratchPool("path");
  const record = pool.alloc(Body);
  pool.reset();
  assertThrows(() => record.mass, PoolError, "scratch_pool_test.ts");
});

// Lifetime

Deno.test("scratch pools outlive frames, and frames their resets", () => {
  for (const safety of ["checked", "revoke", "release"] as const) {
    const alloc = new SmartAlloc({ safety, frameArenaSize: 1024 });
    alloc.beginFrame();
    const pool = alloc.scratchPool("path");
    const record = pool.alloc(Body);
    const slice = pool.allocSlice(Uint8Array, 100).fill(3);
    record.mass = 5;
    alloc.endFrame();
    for (let i = 0; i < 200; i++) {
      alloc.beginFrame();
      alloc.frameSlice(Uint8Array, 100 * i).fill(0xee);
      alloc.frameAlloc(Body).mass = -1;
      alloc.endFrame();
    }
    alloc.trim();
    assertEquals([record.mass, slice[99]], [5, 3]);
    alloc.beginFrame();
    const inFrame = alloc.frameAlloc(Body);
    inFrame.mass = 9;
    pool.reset();
    pool.alloc(Body).mass = 1;
    assertEquals(inFrame.mass, 9);
    alloc.endFrame();
  }
});

Deno.test("the same name is the same pool until that is disposed of", () => {
  const alloc = new SmartAlloc();
  const other = new SmartAlloc();
  const pool = alloc.scratchPool("path", { maxBytes: 1000 });
  assert(alloc.scratchPool("path", { maxBytes: 5000 }) === pool);
  assertEquals(pool.remaining, 992); // the options of the call that made it
  assert(alloc.scratchPool("Path") !== pool);
  assert(other.scratchPool("path") !== pool);
  pool.allocSlice(Uint8Array, 100);
  assertEquals(other.scratchPool("path").used, 0);
  pool.dispose();
  const next = alloc.scratchPool("path");
  assert(next !== pool);
  assertEquals([next.used, next.remaining], [0, Infinity]);
  pool.dispose(); // does nothing, in particular not to the next one
  assert(alloc.scratchPool("path") === next);
  next.alloc(Body);
  assertEquals(alloc.stats().scratch.map(({ name, used }) => [name, used]), [["Path", 0], ["path", 16]]);
});

/** Everything that allocates. */
const WAYS: { readonly [way: string]: (pool: ScratchPool) => unknown } = {
  alloc: (pool) => pool.alloc(Body),
  "alloc of a scalar": (pool) => pool.alloc(f32),
  allocBox: (pool) => pool.allocBox(Body, { mass: 1 }),
  allocSlice: (pool) => pool.allocSlice(Uint8Array, 1),
  "allocSlice of nothing": (pool) => pool.allocSlice(Uint8Array, 0),
  "allocVec of records": (pool) => pool.allocVec(Body),
  "allocVec of numbers": (pool) => pool.allocVec(Uint8Array),
  "allocVec of a scalar": (pool) => pool.allocVec(f64),
  allocMap: (pool) => pool.allocMap(u32, Body),
  allocString: (pool) => pool.allocString("text"),
  "allocString of nothing": (pool) => pool.allocString(),
  allocBatch: (pool) => pool.allocBatch(Body, 3),
  allocColumns: (pool) => pool.allocColumns(Body, 3),
  reset: (pool) => pool.reset(),
};

Deno.test("a scratch pool that was disposed of refuses everything", () => {
  for (const safety of ["checked", "revoke", "release"] as const) {
    const alloc = new SmartAlloc({ safety });
    const pool = alloc.scratchPool("path");
    pool.dispose();
    for (const [name, way] of Object.entries(WAYS)) {
      assert(assertRefused(() => way(pool), "FA401", name).message.includes('scratch pool "path"'));
    }
    pool.dispose();
    assertEquals(alloc.stats().scratch, []);
  }
});

Deno.test("after dispose() scratch pools refuse work", () => {
  const alloc = new SmartAlloc();
  const pool = alloc.scratchPool("path");
  const record = pool.alloc(Body);
  alloc.dispose();
  assertThrows(() => alloc.scratchPool("path"), FrameStateError, "FA012");
  assertRefused(() => alloc.scratchPool("another"), "FA012");
  for (const [name, way] of Object.entries(WAYS)) assertRefused(() => way(pool), "FA012", name);
  assertRefused(() => record.mass, "FA401");
  pool.dispose();
  assertEquals([pool.used, pool.reserved, alloc.stats().scratch], [0, 0, []]);
});

Deno.test("reset() keeps memory, at last as much as was needed, and trim() gives it back", () => {
  const source = new WatchedSource(arrayBufferSource);
  const alloc = new SmartAlloc({ source });
  const pool = alloc.scratchPool("path", { size: 1024 });
  const work = (): void => {
    for (let i = 0; i < 50; i++) pool.allocSlice(Uint8Array, 160);
    pool.reset();
  };
  work();
  const { obtained } = source;
  for (let i = 0; i < 20; i++) work();
  assertEquals(source.obtained, obtained);
  assertEquals([pool.reserved, source.out.size], [10_000, 1]); // 1.25 times what was needed
  assertEquals(alloc.trim(), 10_000 - 1024);
  assertEquals([pool.reserved, source.bytes], [1024, 1024]);
  pool.allocSlice(Uint8Array, 1000);
  pool.dispose();
  assertEquals(source.out.size, 0);
});

// Names and limits

Deno.test("scratchPool() refuses names and sizes that are none", () => {
  const alloc = new SmartAlloc();
  for (const name of ["", undefined, null, 5, {}]) {
    assertThrows(() => alloc.scratchPool(name as string), ArgumentError, "FA008");
  }
  for (const size of [0, -1, NaN, 1.5, Infinity, 2 ** 31]) {
    assertThrows(() => alloc.scratchPool("path", { size }), ConfigError, "FA010");
  }
  for (const maxBytes of [0, 15, -1, NaN]) {
    assert(
      assertRefused(() => alloc.scratchPool("path", { maxBytes }), "FA010").message.includes('scratch pool "path"'),
    );
  }
  assertEquals(alloc.stats().scratch, []);
  for (const name of ["__proto__", "constructor", " ", "a/b", "ü"]) assertEquals(alloc.scratchPool(name).name, name);
  assertEquals(alloc.stats().scratch.length, 5);
});

for (const safety of ["checked", "revoke", "release"] as const) {
  for (const [name, grow] of Object.entries(PATHS_TO_GROW)) {
    Deno.test(`${name} past maxBytes of a scratch pool changes nothing in ${safety}`, () => {
      const alloc = new SmartAlloc({ safety });
      const pool = alloc.scratchPool("path", { size: 256, maxBytes: 2000 });
      const kept = pool.allocSlice(Uint8Array, 1000).fill(7);
      const error = assertUnchanged(alloc, () => alloc.withTag("a", () => grow(pool)), "FA003", name);
      assert(error instanceof ArenaExhaustedError && error.message.includes('scratch pool "path"'), error.message);
      assertEquals([error.requested > 992, error.remaining, pool.remaining], [true, 992, 992]);
      assert(kept.every((byte) => byte === 7));
      pool.allocSlice(Uint8Array, 992).fill(8);
      assertEquals([pool.remaining, kept[999]], [0, 7]);
      assertRefused(() => pool.allocSlice(Uint8Array, 1), "FA003");
      pool.allocSlice(Uint8Array, 0);
      pool.reset();
      pool.allocSlice(Uint8Array, 2000);
    });

    Deno.test(`${name} that the source refuses a scratch pool changes nothing in ${safety}`, () => {
      const source = new CountingSource();
      const alloc = new SmartAlloc({ source, safety });
      const pool = alloc.scratchPool("path", { size: 1024 });
      const kept = pool.allocSlice(Uint8Array, 1000).fill(7);
      source.isGenerous = false;
      const error = assertUnchanged(alloc, () => alloc.withTag("a", () => grow(pool)), "FA003", name);
      assertStrictEquals(error.cause, source.refusal);
      assert(kept.every((byte) => byte === 7));
      source.isGenerous = true;
      assert(grow(pool) !== undefined);
      assert(kept.every((byte) => byte === 7));
      source.isGenerous = false;
      pool.reset(); // a larger main chunk would be good, but is not needed
      pool.allocSlice(Uint8Array, 1000);
      assertRefused(() => grow(pool), "FA003");
    });
  }

  Deno.test(`a scratch pool that the source refuses is not made in ${safety}`, () => {
    const source = new CountingSource();
    const alloc = new SmartAlloc({ source, safety });
    alloc.scratchPool("audio", { size: 1024 }).alloc(Body);
    source.isGenerous = false;
    for (let i = 0; i < 2; i++) {
      const error = assertUnchanged(alloc, () => alloc.scratchPool("path"), "FA003");
      assertStrictEquals(error.cause, source.refusal);
    }
    source.isGenerous = true;
    alloc.scratchPool("path").alloc(Body);
    assertEquals(alloc.stats().scratch.map(({ name }) => name), ["audio", "path"]);
  });
}

Deno.test("a scratch pool that a limit on all memory refuses is not made, and one that may not grow is unchanged", () => {
  const alloc = new SmartAlloc({ source: "arraybuffer" });
  const pool = alloc.scratchPool("path", { size: 1024 });
  pool.allocSlice(Uint8Array, 1000);
  alloc.budgets.setGlobal({ hard: 1500 });
  assertUnchanged(alloc, () => alloc.scratchPool("audio", { size: 1024 }), "FA351");
  assertUnchanged(alloc, () => pool.allocSlice(Uint8Array, 1024), "FA351");
  pool.allocSlice(Uint8Array, 300);
  pool.reset();
  assertEquals(pool.allocSlice(Uint8Array, 1000).length, 1000);
});

// Tags

Deno.test("what a scratch pool uses belongs to the tags that allocate it, until reset()", () => {
  const alloc = new SmartAlloc();
  const held = (): { [path: string]: number } =>
    Object.fromEntries(alloc.stats().tags.map(({ path, inUse }) => [path, inUse.scratch]));
  const pool = alloc.scratchPool("path");
  const vec = alloc.withTag("a", () => pool.allocVec(Float64Array, 4));
  pool.allocSlice(Uint8Array, 16);
  alloc.withTag("b", () => {
    for (let i = 0; i < 5; i++) vec.push(i); // it moves
  });
  assertEquals(held(), { "": 16, a: 32, b: 64 });
  pool.reset();
  assertEquals(held(), {});
  alloc.withTag("b", () => pool.allocSlice(Uint8Array, 100));
  assertEquals(held(), { b: 112 });
  pool.dispose();
  assertEquals(held(), {});
});

// Callbacks in the middle

Deno.test("a scratch pool that is made while it is made is one pool", () => {
  const source = new WatchedSource(arrayBufferSource);
  const alloc = new SmartAlloc({ source });
  let inner: ScratchPool | undefined;
  alloc.budgets.setGlobal({ soft: 0, onCross: () => void (inner ??= alloc.scratchPool("path", { size: 1024 })) });
  const outer = alloc.scratchPool("path", { size: 1024 });
  assert(outer === inner, "there are two pools of one name");
  assert(alloc.scratchPool("path") === outer);
  assertEquals(source.out.size, 1);
  alloc.dispose();
  assertEquals(source.out.size, 0);
});

Deno.test("a scratch pool whose allocator is disposed of while it is made is not left behind", () => {
  const source = new WatchedSource(arrayBufferSource);
  const alloc = new SmartAlloc({ source });
  alloc.budgets.setGlobal({ soft: 0, onCross: () => void alloc.dispose() });
  assertRefused(() => alloc.scratchPool("path"), "FA012");
  assertEquals([source.out.size, alloc.stats().scratch], [0, []]);
});

/** A pool that wants more memory at its next reset, and an allocator that tells of that. */
function grown(onCross: (pool: ScratchPool) => void): { alloc: SmartAlloc; pool: ScratchPool; source: WatchedSource } {
  const source = new WatchedSource(arrayBufferSource);
  const alloc = new SmartAlloc({ source });
  const pool = alloc.scratchPool("path", { size: 1024 });
  for (let i = 0; i < 50; i++) pool.allocSlice(Uint8Array, 160);
  alloc.budgets.setGlobal({ soft: 2000, onCross: () => onCross(pool) });
  return { alloc, pool, source };
}

Deno.test("a limit that throws when it is told of a reset does the pool no harm", () => {
  let isTelling = true;
  const { alloc, pool, source } = grown(() => {
    if (isTelling) throw new RangeError("Mine");
  });
  try {
    pool.reset();
  } catch (error) {
    assert(error instanceof RangeError, String(error));
  }
  isTelling = false;
  assertEquals(pool.used, 0);
  assertEquals(pool.allocSlice(Uint8Array, 1000).fill(7)[999], 7);
  pool.reset();
  assertEquals(pool.allocSlice(Uint8Array, 5000).fill(7)[4999], 7);
  pool.dispose();
  assertEquals([source.out.size, alloc.stats().scratch], [0, []]);
});

Deno.test("a pool that is disposed of while it is reset stays so", () => {
  const { alloc, pool, source } = grown((pool) => pool.dispose());
  try {
    pool.reset();
  } catch (error) {
    assert(error instanceof PoolError && error.code === "FA401", String(error));
  }
  assertEquals([source.out.size, pool.reserved, alloc.stats().scratch], [0, 0, []]);
  assertRefused(() => pool.alloc(Body), "FA401");
  assert(alloc.scratchPool("path") !== pool);
});

Deno.test("a pool that is allocated in while it is reset keeps that", () => {
  let slice: Uint8Array | undefined;
  const { pool } = grown((pool) => slice ??= pool.allocSlice(Uint8Array, 100).fill(7));
  pool.reset();
  assertEquals(pool.used, 112);
  pool.allocSlice(Uint8Array, 900).fill(8);
  assert(slice!.length === 100 && slice!.every((byte) => byte === 7));
});

Deno.test("a pool that is reset while it grows allocates anew", () => {
  const alloc = new SmartAlloc();
  const pool = alloc.scratchPool("path", { size: 1024 });
  alloc.withTag("a", () => pool.allocSlice(Uint8Array, 100));
  alloc.budgets.setTag("a", { soft: 112, onCross: () => pool.reset() });
  const slice = alloc.withTag("a", () => pool.allocSlice(Uint8Array, 50).fill(7));
  assertEquals([slice.byteOffset, pool.used, pool.allocations], [0, 64, 1]);
  assertEquals(alloc.stats().tags.map(({ path, inUse }) => [path, inUse.scratch]), [["a", 64]]);
});

for (const safety of ["checked", "release"] as const) {
  Deno.test(`what looks at a scratch pool twenty thousand times leaves nothing behind in ${safety}`, () => {
    const pool = new SmartAlloc({ safety }).scratchPool("path");
    assertNothingLeft(everyLook(pool), 20_000);
  });
}

Deno.test("reset() lets a callback of a budget allocate no more than its tag may have, and books it", () => {
  const alloc = new SmartAlloc();
  const pool = alloc.scratchPool("s", { size: 65_536 });
  pool.allocSlice(Uint8Array, 65_536);
  pool.allocSlice(Uint8Array, 300_000);
  alloc.budgets.setTag("ai", { hard: 100 });
  let refused = 0;
  alloc.budgets.setGlobal({
    soft: 400_000,
    onCross() {
      try {
        alloc.withTag("ai", () => pool.allocSlice(Uint8Array, 60_000));
      } catch {
        refused++;
      }
    },
  });
  pool.reset();
  assertEquals([refused, pool.used], [1, 0]);
  alloc.withTag("b", () => pool.allocSlice(Uint8Array, 16));
  const { tags } = alloc.stats();
  assertEquals(tags.filter((tag) => tag.inUse.scratch > 0).map((tag) => [tag.path, tag.inUse.scratch]), [["b", 16]]);
});
