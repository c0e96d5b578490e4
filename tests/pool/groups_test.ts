/**
 * Groups: everything in one is freed with it, and nothing else is. Random trees of groups against a model, and every handle that is
 * kept too long.
 */

import {
  ArenaExhaustedError,
  ArgumentError,
  ConfigError,
  f32,
  f64,
  FrameStateError,
  type Group,
  kilobytes,
  PoolError,
  SmartAlloc,
  struct,
  u32,
} from "@framealloc/core";
import { arrayBufferSource, type ChunkSource } from "@framealloc/core/memory";
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
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

const Body = struct("Body", { mass: f32 });

const which = fc.nat(1000);
const tag = fc.option(fc.nat(3), { nil: undefined });

type Op =
  | {
    readonly op: "create";
    readonly which: number;
    readonly isInner: boolean;
    readonly size: number;
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
  | { readonly op: "rewrite" | "free" | "misuse"; readonly which: number }
  | { readonly op: "tag"; readonly tag: number }
  | { readonly op: "frame" | "trim" };

const OPS: fc.Arbitrary<Op> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      op: fc.constant("create" as const),
      which,
      isInner: fc.boolean(),
      size: fc.constantFrom(16, 250, 1024, 4096),
      tag,
    }),
  },
  { weight: 10, arbitrary: fc.record({ op: fc.constant("alloc" as const), which, request: REQUESTS, tag }) },
  {
    weight: 6,
    arbitrary: fc.record({
      op: fc.constant("push" as const),
      which,
      list: which,
      times: fc.integer({ min: 1, max: 40 }),
      tag,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ op: fc.constantFrom("rewrite" as const, "free" as const, "misuse" as const), which }),
  },
  { weight: 2, arbitrary: fc.record({ op: fc.constant("tag" as const), tag: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constantFrom("frame" as const, "trim" as const) }) },
);

/** A group, as the model knows it. */
interface Node {
  readonly group: Group;
  readonly model: RegionModel;
  readonly path: string;
  readonly inner: Node[];
  readonly siblings: Node[];
  readonly born: number;
}

/** Runs programs, and checks each step against what must be so. */
class Runner {
  readonly alloc: SmartAlloc;
  readonly source: WatchedSource;
  readonly book: TagBook;
  readonly met: Met;
  readonly roots: Node[] = [];
  readonly freed: Group[] = [];
  readonly kept: Kept[] = [];
  readonly #safety: Pair["safety"];
  #openTags: { end(): void }[] = [];
  #seed = 1;
  #frames = 0;

  constructor(pair: Pair, met: Met) {
    this.source = new WatchedSource(pair.source as ChunkSource);
    this.alloc = new SmartAlloc({ safety: pair.safety, source: this.source, frameArenaSize: kilobytes(1) });
    this.book = new TagBook(this.alloc, "groups");
    this.alloc.budgets.setGlobal({}); // counts what is held
    this.met = met;
    this.#safety = pair.safety;
  }

  /** All groups, each before those inside it. */
  get all(): Node[] {
    return flat(this.roots);
  }

  step(op: Op): void {
    const { all } = this;
    const node = "which" in op ? all[op.which % Math.max(1, all.length)] : undefined;
    this.#seed += 7;
    switch (op.op) {
      case "create":
        this.#tagged(op.tag, () => this.#create(op.isInner ? node : undefined, op.size));
        break;
      case "alloc":
        this.#tagged(op.tag, () => node?.model.allocate(op.request, this.#seed));
        break;
      case "push":
        this.#tagged(op.tag, () => node?.model.push(op.list, op.times, this.#seed));
        break;
      case "rewrite":
        for (const thing of node?.model.things ?? []) thing.rewrite(this.#seed++);
        break;
      case "free":
        if (node !== undefined) this.#free(node);
        break;
      case "misuse":
        this.#misuse(this.freed[op.which % Math.max(1, this.freed.length)]);
        break;
      case "tag":
        for (const guard of this.#openTags.reverse()) guard.end();
        this.#openTags = PATHS[op.tag]!.split("::").filter(Boolean).map((name) => this.alloc.tag(name));
        break;
      case "frame":
        this.alloc.beginFrame();
        this.alloc.frameSlice(Uint8Array, 100).fill(0xee);
        this.alloc.endFrame();
        this.#frames++;
        break;
      case "trim":
        this.alloc.trim();
    }
  }

  /** What changes nothing: in particular, nobody is asked what belongs to which tag. */
  check(): void {
    const { all } = this;
    for (const { model } of all) model.check();
    checkApart(all.map(({ model }) => model), this.source);
    assertEquals(this.alloc.groups.all.length, all.length);
  }

  checkBooks(): void {
    const { groups, frame } = this.alloc.stats();
    assertEquals(
      groups,
      this.all.map(({ group, path, model }) => ({
        path,
        used: model.used,
        reserved: group.reserved,
        allocations: model.allocations,
      })),
    );
    for (const { reserved, used } of groups) assert(reserved >= used);
    assertEquals(groups.reduce((sum, { reserved }) => sum + reserved, frame.reserved), this.source.bytes);
    this.book.check();
  }

  end(): void {
    this.check();
    this.checkBooks();
    for (const kept of this.kept) if (this.#safety !== "release") kept.check(this.#safety === "revoke");
    const { all } = this;
    const things = new Kept(all.flatMap(({ model }) => model.things));
    const leaks = this.alloc.dispose();
    assertEquals(
      leaks,
      all.map(({ path, model, born }) => ({
        kind: "group" as const,
        name: path,
        tag: model.mainTag,
        bytes: model.used,
        age: this.#frames - born,
      })),
    );
    assertEquals(this.source.out.size, 0, "a chunk was not given back");
    assertEquals(this.alloc.budgets.stats.map(({ used }) => used), [0]);
    if (this.#safety !== "release") things.check(this.#safety === "revoke");
    assertEquals(this.alloc.groups.stats, []);
  }

  #tagged(tag: number | undefined, fn: () => void): void {
    if (tag === undefined) return fn();
    const around = this.alloc.tagPath;
    if (around !== "" && around !== PATHS[tag]) meet(this.met, "changes of tag");
    under(this.alloc, PATHS[tag]!, fn);
  }

  #create(parent: Node | undefined, size: number): void {
    const siblings = parent?.inner ?? this.roots;
    if (siblings.length >= 4) return;
    const name = `g${this.#seed % 5}`; // names may be taken already
    const group = parent === undefined
      ? this.alloc.groups.create(name, { size })
      : parent.group.createGroup(name, { size });
    const path = parent === undefined ? name : `${parent.path}/${name}`;
    assertEquals([group.name, group.path, group.isFreed, group.used], [name, path, false, 0]);
    const model = new RegionModel(this.alloc, group, this.book, Infinity, this.met);
    siblings.push({ group, model, path, inner: [], siblings, born: this.#frames });
    if (parent !== undefined) meet(this.met, "inner groups");
  }

  #free(node: Node): void {
    const all = flat([node]);
    const kept = new Kept(all.flatMap(({ model }) => model.things));
    const chunks = this.source.out.size;
    const reserved = all.reduce((sum, { group }) => sum + group.reserved, 0);
    const bytes = this.source.bytes;
    node.group.free();
    for (const { group, model } of all) {
      model.clear();
      this.freed.push(group);
      assertEquals([group.isFreed, group.used, group.reserved, group.allocations], [true, 0, 0, 0]);
    }
    node.siblings.splice(node.siblings.indexOf(node), 1);
    assertEquals(this.source.bytes, bytes - reserved);
    if (this.#safety !== "release") kept.check(this.#safety === "revoke");
    this.kept.push(kept);
    meet(this.met, "frees");
    meet(this.met, "groups freed with others", all.length - 1);
    meet(this.met, "chunks beside the first", chunks - this.source.out.size - all.length);
  }

  #misuse(group: Group | undefined): void {
    if (group === undefined) return;
    meet(this.met, "misuses");
    const { stats } = this.alloc.groups;
    assertRefused(() => group.free(), "FA403");
    group[Symbol.dispose](); // does nothing
    assertRefused(() => group.createGroup("late"), "FA401");
    assertRefused(() => group.alloc(Body), "FA401");
    assertRefused(() => group.allocSlice(Uint8Array, 0), "FA401");
    assertEquals(this.alloc.groups.stats, stats);
  }
}

function flat(nodes: readonly Node[]): Node[] {
  return nodes.flatMap((node) => [node, ...flat(node.inner)]);
}

const met: Met = {};

for (const pair of SUPPORTED) {
  Deno.test(`groups obey the model in ${RUNS_PER_PAIR} random programs on ${pair.name}`, () => {
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

Deno.test("the random programs of groups met what they are for", () => {
  assertMet(met, {
    "programs": 1000,
    "frees": 500,
    "groups freed with others": 100,
    "inner groups": 500,
    "chunks beside the first": 100,
    "changes of tag": 500,
    "growth": 500,
    "growth in place": 200,
    "misuses": 200,
  });
});

// What is kept too long

for (const safety of ["checked", "revoke"] as const) {
  Deno.test(`every handle of a group throws FA401 after its end in ${safety}, also when its memory was given to others`, () => {
    const endings: { readonly [ending: string]: (alloc: SmartAlloc) => ReturnType<typeof everyUse> } = {
      free(alloc) {
        const group = alloc.groups.create("level", { size: 1024 });
        const uses = everyUse(group);
        group.free();
        return uses;
      },
      "the end of the group around it"(alloc) {
        const level = alloc.groups.create("level");
        const uses = everyUse(level.createGroup("wave").createGroup("squad"));
        level.free();
        return uses;
      },
      using(alloc) {
        using group = alloc.groups.create("level");
        return everyUse(group);
      },
      dispose(alloc) {
        const uses = everyUse(alloc.groups.create("level"));
        alloc.dispose();
        return uses;
      },
    };
    for (const [ending, run] of Object.entries(endings)) {
      const alloc = new SmartAlloc({ safety });
      const uses = run(alloc);
      const check = (): void => {
        for (const [name, use] of Object.entries(uses)) {
          const error = assertRefused(use, "FA401", `${name} after ${ending}`);
          assert(error instanceof PoolError && error.message.includes('group "level'), error.message);
        }
      };
      check();
      if (ending === "dispose") continue;
      for (let i = 0; i < 3; i++) everyUse(alloc.groups.create("next", { size: 1024 }));
      check();
      assert(Object.keys(uses).length > 60);
    }
  });

  Deno.test(`a stale handle of a group does no harm to others in ${safety}`, () => {
    const alloc = new SmartAlloc({ safety, source: keepingSource() });
    const level = alloc.groups.create("level", { size: 1024 });
    const uses = everyUse(level);
    level.free();
    const next = alloc.groups.create("next", { size: 16_384 });
    const bytes = next.allocSlice(Uint8Array, 16_000).fill(7);
    for (const use of Object.values(uses)) assertRefused(use, "FA401");
    assert(bytes.every((byte) => byte === 7));
  });
}

for (const source of ["wasm", "arraybuffer", keepingSource()] as const) {
  const name = typeof source === "string" ? source : source.name;
  Deno.test(`raw views of a group are detached by free() in revoke on ${name}`, () => {
    const alloc = new SmartAlloc({ safety: "revoke", source });
    const group = alloc.groups.create("level", { size: 1024 });
    const vec = group.allocVec(Float32Array);
    vec.push(1);
    const views: ArrayBufferView[] = [
      group.allocSlice(Uint8Array, 100),
      ...Object.values(group.allocColumns(Body, 10)),
      group.allocBatch(Body, 10).view(Float32Array),
      vec.view,
      group.allocString("text").bytes,
      group.allocSlice(Uint8Array, 100_000), // in a chunk of its own
      group.createGroup("wave").allocSlice(Uint8Array, 100),
    ];
    assert(views.every((view) => view.byteLength > 0));
    group.free();
    alloc.groups.create("next").allocSlice(Uint8Array, 50_000).fill(9);
    assertEquals(views.map((view) => view.byteLength), views.map(() => 0));
  });
}

Deno.test("a stale handle of a group says in debug mode where it was made", () => {
  const alloc = new SmartAlloc({ debug: true, sampleSites: 1 });
  const group = alloc.groups.create("level");
  const record = group.alloc(Body);
  group.free();
  assertThrows(() => record.mass, PoolError, "groups_test.ts");
});

/** Everything that allocates, and what makes groups. */
const WAYS: { readonly [way: string]: (group: Group) => unknown } = {
  alloc: (group) => group.alloc(Body),
  "alloc of a scalar": (group) => group.alloc(f32),
  allocBox: (group) => group.allocBox(Body, { mass: 1 }),
  allocSlice: (group) => group.allocSlice(Uint8Array, 1),
  "allocSlice of nothing": (group) => group.allocSlice(Uint8Array, 0),
  "allocVec of records": (group) => group.allocVec(Body),
  "allocVec of numbers": (group) => group.allocVec(Uint8Array),
  "allocVec of a scalar": (group) => group.allocVec(f64),
  allocMap: (group) => group.allocMap(u32, Body),
  allocString: (group) => group.allocString("text"),
  "allocString of nothing": (group) => group.allocString(),
  allocBatch: (group) => group.allocBatch(Body, 3),
  allocColumns: (group) => group.allocColumns(Body, 3),
  createGroup: (group) => group.createGroup("wave"),
};

Deno.test("a group that was freed refuses everything, and says which one it was", () => {
  for (const safety of ["checked", "revoke", "release"] as const) {
    const alloc = new SmartAlloc({ safety });
    const level = alloc.groups.create("level");
    const wave = level.createGroup("wave");
    level.free();
    for (const [name, way] of Object.entries(WAYS)) {
      assert(assertRefused(() => way(level), "FA401", name).message.includes('group "level"'));
      assert(assertRefused(() => way(wave), "FA401", name).message.includes('group "level/wave"'));
    }
    for (const group of [level, wave]) {
      assert(group.isFreed);
      assertThrows(() => group.free(), PoolError, "FA403");
      group[Symbol.dispose]();
    }
    assertEquals([alloc.groups.all, alloc.stats().groups, alloc.leaks()], [[], [], []]);
  }
});

Deno.test("a group ends with its block, also when it was freed before", () => {
  const alloc = new SmartAlloc();
  {
    using level = alloc.groups.create("level");
    using wave = level.createGroup("wave");
    wave.free();
    assertEquals([wave.isFreed, level.isFreed], [true, false]);
  }
  assertEquals(alloc.groups.all, []);
});

Deno.test("groups outlive frames", () => {
  for (const safety of ["checked", "revoke", "release"] as const) {
    const alloc = new SmartAlloc({ safety, frameArenaSize: 1024 });
    alloc.beginFrame();
    const group = alloc.groups.create("level");
    const record = group.alloc(Body);
    const slice = group.allocSlice(Uint8Array, 100).fill(3);
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
    assertEquals(alloc.leaks(), [{ kind: "group", name: "level", tag: "", bytes: 128, age: 200 }]);
  }
});

// Names and limits

Deno.test("groups.create() refuses names and sizes that are none", () => {
  const alloc = new SmartAlloc();
  const level = alloc.groups.create("level");
  for (const name of ["", undefined, null, 5, {}]) {
    assertThrows(() => alloc.groups.create(name as string), ArgumentError, "FA008");
    assertRefused(() => level.createGroup(name as string), "FA008");
  }
  for (const size of [0, -1, NaN, 1.5, Infinity, 2 ** 31]) {
    assertThrows(() => alloc.groups.create("a", { size }), ConfigError, "FA010");
  }
  for (const maxBytes of [0, 15, -1, NaN]) {
    assert(assertRefused(() => alloc.groups.create("a", { maxBytes }), "FA010").message.includes('group "a"'));
  }
  for (const value of [{}, 5, class {}]) {
    assertRefused(() => level.alloc(value as never), "FA008");
    assertRefused(() => level.allocBox(value as never), "FA008");
    assertRefused(() => level.allocBatch(value as never, 1), "FA008");
    assertRefused(() => level.allocColumns(value as never, 1), "FA008");
    assertRefused(() => level.allocVec(value as never), "FA008");
    assertRefused(() => level.allocMap(u32, value as never), "FA008");
    assertRefused(() => level.allocMap(value as never, u32), "FA008");
    assertRefused(() => level.allocSlice(value as never, 1), "FA008");
  }
  for (const count of [-1, 1.5, NaN, 2 ** 40]) {
    assertRefused(() => level.allocSlice(Uint8Array, count), "FA008");
    assertRefused(() => level.allocBatch(Body, count), "FA008");
    assertRefused(() => level.allocVec(Body, count), "FA008");
    assertRefused(() => level.allocMap(u32, Body, count), "FA008");
    assertRefused(() => level.allocColumns(Body, count), "FA008");
  }
  assertEquals(alloc.stats().groups.map(({ path, used, allocations }) => [path, used, allocations]), [["level", 0, 0]]);
});

Deno.test("maxBytes of a group holds, and does not count the groups inside it", () => {
  const alloc = new SmartAlloc();
  const level = alloc.groups.create("level", { size: 256, maxBytes: 1000 }); // in whole steps of 16: 992
  const wave = level.createGroup("wave");
  wave.allocSlice(Uint8Array, 5000);
  level.allocSlice(Uint8Array, 900);
  for (const bytes of [81, 1000, 100_000]) {
    const error = assertUnchanged(alloc, () => level.allocSlice(Uint8Array, bytes), "FA003");
    assert(error instanceof ArenaExhaustedError && error.message.includes('group "level"'), error.message);
    assertEquals([error.requested, error.remaining], [bytes, 80]);
  }
  level.allocSlice(Uint8Array, 80);
  assertEquals(level.used, 992);
});

// Tags

Deno.test("what a group uses belongs to the tag that allocates it, also where a list grows under another", () => {
  const alloc = new SmartAlloc();
  const held = (): { [path: string]: number } =>
    Object.fromEntries(alloc.stats().tags.map(({ path, inUse }) => [path, inUse.groups]));
  const level = alloc.groups.create("level");
  const vec = alloc.withTag("a", () => level.allocVec(Float64Array, 4));
  level.allocSlice(Uint8Array, 16);
  for (let i = 0; i < 4; i++) alloc.withTag("b", () => vec.push(i)); // there is room
  alloc.withTag("b", () => vec.push(4)); // it moves
  alloc.withTag("c", () => vec.reserve(10)); // it grows where it lies
  const records = alloc.withTag("a", () => level.allocVec(Body, 4));
  alloc.withTag("d", () => {
    for (let i = 0; i < 5; i++) records.push({ mass: i });
  });
  assertEquals(held(), { "": 16, a: 32 + 16, b: 64, c: 16, d: 16 });
  assertEquals(alloc.leaks().map(({ tag, bytes }) => [tag, bytes]), [["b", 160]]);
  level.free();
  assertEquals(held(), {});
});

Deno.test("groups work whatever is counted", () => {
  for (const stats of ["off", "totals"] as const) {
    const alloc = new SmartAlloc({ stats });
    const level = alloc.groups.create("level");
    alloc.withTag("a", () => level.allocSlice(Uint8Array, 20));
    assertEquals([level.used, level.allocations, alloc.stats().groups[0]!.used], [32, 1, 32]);
    assertEquals(alloc.leaks().map(({ tag, bytes }) => [tag, bytes]), [["", 32]]);
    level.free();
    assertEquals(alloc.stats().groups, []);
  }
});

Deno.test("a limit on a tag holds to the byte in groups, also where it is no multiple of 16", () => {
  const alloc = new SmartAlloc();
  const level = alloc.groups.create("level");
  alloc.budgets.setTag("a", { hard: 1000 });
  alloc.withTag("a", () => {
    level.allocSlice(Uint8Array, 990);
    assertRefused(() => level.allocSlice(Uint8Array, 8), "FA352"); // with padding that would be 1008
    assertEquals(level.used, 992);
  });
  assertEquals(alloc.budgets.stats.map(({ used }) => used), [992]);
});

// Refusals

for (const safety of ["checked", "revoke", "release"] as const) {
  Deno.test(`groups that the source refuses change nothing in ${safety}`, () => {
    const source = new CountingSource();
    const alloc = new SmartAlloc({ source, safety });
    const level = alloc.groups.create("level", { size: 1024 });
    level.allocSlice(Uint8Array, 100).fill(7);
    source.isGenerous = false;
    for (const make of [() => alloc.groups.create("other"), () => level.createGroup("wave")]) {
      const error = assertUnchanged(alloc, make, "FA003");
      assertStrictEquals(error.cause, source.refusal);
      assertEquals([alloc.groups.all, alloc.leaks().length], [[level], 1]);
    }
    source.isGenerous = true;
    level.createGroup("wave").allocSlice(Uint8Array, 100);
    assertEquals(alloc.groups.all.length, 2);
  });

  for (const [name, grow] of Object.entries(PATHS_TO_GROW)) {
    Deno.test(`${name} that the source refuses a group changes nothing in ${safety}`, () => {
      const source = new CountingSource();
      const alloc = new SmartAlloc({ source, safety });
      const level = alloc.groups.create("level", { size: 1024 });
      const kept = level.allocSlice(Uint8Array, 1000).fill(7);
      source.isGenerous = false;
      const error = assertUnchanged(alloc, () => alloc.withTag("a", () => grow(level)), "FA003", name);
      assert(error instanceof ArenaExhaustedError && error.requested > 0 && error.message.includes('group "level"'));
      assertStrictEquals(error.cause, source.refusal);
      assert(kept.every((byte) => byte === 7));
      source.isGenerous = true;
      assert(grow(level) !== undefined);
      assert(kept.every((byte) => byte === 7));
    });
  }
}

Deno.test("lists, maps and texts of a group that cannot grow keep what they have", () => {
  const source = new CountingSource();
  const alloc = new SmartAlloc({ source });
  const level = alloc.groups.create("level", { size: 2048 });
  const numbers = level.allocVec(Float64Array, 2);
  const records = level.allocVec(Body, 2);
  const map = level.allocMap(u32, Body, 2);
  const text = level.allocString("ab");
  source.isGenerous = false;
  const fill = (step: (i: number) => void): number => {
    for (let i = 0;; i++) {
      try {
        step(i);
      } catch (error) {
        assert(error instanceof ArenaExhaustedError, String(error));
        return i;
      }
    }
  };
  const counts = [
    fill((i) => numbers.push(i)),
    fill((i) => records.push({ mass: i })),
    fill((i) => map.set(i, { mass: i })),
    fill(() => text.append("cdef")),
  ];
  assertEquals([numbers.length, records.length, map.size, (text.byteLength - 2) / 4], counts);
  assertEquals([...numbers], Array.from({ length: counts[0]! }, (_, i) => i));
  for (let i = 0; i < counts[1]!; i++) assertEquals(records.at(i).mass, i);
  for (let i = 0; i < counts[2]!; i++) assertEquals(map.get(i)?.mass, i);
  assertEquals(text.toString(), "ab" + "cdef".repeat(counts[3]!));
  source.isGenerous = true;
  alloc.withTag("late", () => numbers.push(-1));
  records.push({ mass: -1 });
  map.set(99_999, { mass: -1 });
  text.append("!");
  assertEquals([numbers.at(numbers.length - 1), map.get(99_999)?.mass], [-1, -1]);
});

Deno.test("a group that a limit on all memory refuses changes nothing", () => {
  const alloc = new SmartAlloc({ source: "arraybuffer" });
  const level = alloc.groups.create("level", { size: 1024 });
  level.allocSlice(Uint8Array, 1000);
  alloc.budgets.setGlobal({ hard: 1500 });
  assertUnchanged(alloc, () => alloc.groups.create("other", { size: 1024 }), "FA351");
  assertUnchanged(alloc, () => level.createGroup("wave", { size: 1024 }), "FA351");
  assertUnchanged(alloc, () => level.allocSlice(Uint8Array, 1024), "FA351");
  level.allocSlice(Uint8Array, 300);
  level.createGroup("wave", { size: 16 });
});

// Callbacks in the middle

Deno.test("a group whose parent is freed while it is made is not left behind", () => {
  const source = new WatchedSource(arrayBufferSource);
  const alloc = new SmartAlloc({ source });
  const level = alloc.groups.create("level", { size: 1024 });
  alloc.budgets.setGlobal({ soft: 1024, onCross: () => level[Symbol.dispose]() });
  assertRefused(() => level.createGroup("wave"), "FA401");
  assertEquals([source.out.size, alloc.groups.all], [0, []]);
});

Deno.test("a group whose allocator is disposed of while it is made is not left behind", () => {
  const source = new WatchedSource(arrayBufferSource);
  const alloc = new SmartAlloc({ source });
  alloc.budgets.setGlobal({ soft: 0, onCross: () => void alloc.dispose() });
  assertRefused(() => alloc.groups.create("level"), "FA012");
  assertEquals([source.out.size, alloc.groups.all], [0, []]);
});

Deno.test("a group that is freed while it grows refuses", () => {
  const source = new WatchedSource(arrayBufferSource);
  const alloc = new SmartAlloc({ source });
  for (const limit of ["setGlobal", "setTag"] as const) {
    const level = alloc.groups.create("level", { size: 1024 });
    const numbers = level.allocVec(Float64Array, 4);
    for (let i = 0; i < 4; i++) numbers.push(i);
    const limits = { soft: limit === "setTag" ? 0 : 2000, onCross: () => level[Symbol.dispose]() };
    if (limit === "setTag") alloc.budgets.setTag("a", limits);
    else alloc.budgets.setGlobal(limits);
    alloc.withTag("a", () => assertRefused(() => level.allocSlice(Uint8Array, 5000), "FA401"));
    assertRefused(() => numbers.push(4), "FA401");
    assertEquals([level.isFreed, source.out.size, level.used], [true, 0, 0]);
    alloc.budgets.setGlobal({});
  }
});

// Ends

Deno.test("after dispose() groups refuse work", () => {
  const alloc = new SmartAlloc();
  const level = alloc.groups.create("level");
  const wave = level.createGroup("wave");
  const record = wave.alloc(Body);
  const { groups } = alloc;
  alloc.dispose();
  assertThrows(() => groups.create("level"), FrameStateError, "FA012");
  for (const [name, way] of Object.entries(WAYS)) {
    assertRefused(() => way(level), "FA012", name);
    assertRefused(() => way(wave), "FA012", name);
  }
  assertRefused(() => record.mass, "FA401");
  assertRefused(() => level.free(), "FA403");
  level[Symbol.dispose]();
  assertEquals([level.isFreed, wave.isFreed, groups.all, groups.stats], [true, true, [], []]);
});

for (const safety of ["checked", "release"] as const) {
  Deno.test(`what looks at a group twenty thousand times leaves nothing behind in ${safety}`, () => {
    const group = new SmartAlloc({ safety }).groups.create("level");
    assertNothingLeft(everyLook(group), 20_000);
  });
}
