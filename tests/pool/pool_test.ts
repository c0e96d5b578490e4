/**
 * Random programs on the pool against a model: no two records in use share memory, each keeps its values, and every count, in all
 * and by tag, is exact whatever is allocated, refused, freed and trimmed. Then what each promise of the pool comes to.
 */

import {
  AllocConfig,
  ArenaExhaustedError,
  ArgumentError,
  array,
  BudgetError,
  ConfigError,
  type ErrorCode,
  f32,
  f64,
  FrameAllocError,
  FrameStateError,
  type Layout,
  LayoutError,
  type Leak,
  type OwnedBox,
  PoolError,
  type PoolStats,
  type Safety,
  SmartAlloc,
  struct,
  u16,
  u32,
  u8,
  type ValuesOf,
  vec3f,
} from "@framealloc/core";
import { arrayBufferSource, type Chunk, type ChunkSource, type Position, SlabPage } from "@framealloc/core/memory";
import { assert, assertEquals, assertNotStrictEquals, assertStrictEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { type Pair, SAFETIES, SUPPORTED } from "../frame/_sources.ts";

const RUNS_PER_PAIR = 110;
const CLASSES = [10, 48, 128, 500];
/** Odd on purpose: slots do not fill a page, and its chunks can be told from those of frames and blocks. */
const PAGE = 1040;
const LARGE = 1200;
/** Two freed blocks of large records are kept. */
const IDLE = 3000;
const TAGS = ["", "ai", "ai::path", "audio"] as const;

/** A layout, the slots that its records get, and the values that stand for a number. */
interface Kind {
  readonly layout: Layout;
  /** Bytes of a slot; `undefined` for what no slot can hold. */
  readonly slot: number | undefined;
  readonly values: (n: number) => unknown;
  readonly write: (record: object, values: unknown) => void;
}

/** Fills a record by the means that its kind of layout has. */
function write(record: object, values: unknown): void {
  const target = record as { value: unknown; copyFrom?: (values: unknown) => void };
  if (target.copyFrom === undefined) target.value = values;
  else target.copyFrom(values);
}

const Mixed = struct("Mixed", { a: u8, b: f64, c: u16 });
const Body = struct("Body", { at: vec3f, list: array(u16, 5), mass: f32, to: vec3f });
const Big = struct("Big", { first: u32, data: array(u32, 100) });

const KINDS: readonly Kind[] = [
  { layout: f32, slot: 16, values: (n) => n, write },
  {
    layout: Mixed,
    slot: 48,
    values: (n) => ({ a: n % 256, b: n + 0.5, c: n % 65_536 }),
    write: (record, values) => Mixed.assign(record as never, values as never),
  },
  {
    layout: Body,
    slot: 48,
    values: (n) => ({
      at: { x: n, y: n + 1, z: n + 2 },
      list: new Array(5).fill(n % 65_536),
      mass: -n,
      to: { x: -n, y: 0, z: n },
    }),
    write: (record, values) => Body.assign(record as never, values as never),
  },
  { layout: array(u32, 30), slot: 128, values: (n) => new Array(30).fill(n), write },
  {
    layout: Big,
    slot: 512,
    values: (n) => ({ first: n, data: new Array(100).fill(n) }),
    write: (record, values) => Big.assign(record as never, values as never),
  },
  { layout: array(u32, LARGE / 4), slot: undefined, values: (n) => new Array(LARGE / 4).fill(n), write },
];

/** A source that counts the pages that are held, and refuses on command. */
class CountingSource implements ChunkSource {
  readonly name: string;
  readonly capabilities: ChunkSource["capabilities"];
  readonly refusal = new RangeError("Not today");
  isGenerous = true;
  pages = 0;
  readonly #inside: ChunkSource;

  constructor(inside: ChunkSource) {
    this.name = inside.name;
    this.capabilities = inside.capabilities;
    this.#inside = inside;
  }

  obtain(bytes: number): Chunk {
    if (!this.isGenerous) throw this.refusal;
    const chunk = this.#inside.obtain(bytes);
    if (bytes !== PAGE) return chunk;
    this.pages++;
    return {
      get buffer() {
        return chunk.buffer;
      },
      revoke: () => chunk.revoke(),
      release: () => {
        this.pages--;
        chunk.release();
      },
    };
  }
}

const METHODS = ["poolAlloc", "tryPoolAlloc", "poolBox", "tryPoolBox"] as const;
type Method = typeof METHODS[number];

type Op =
  | {
    readonly kind: "alloc";
    readonly of: number;
    readonly tag: number;
    readonly by: Method;
    readonly times: number;
    readonly isGenerous: boolean;
  }
  | { readonly kind: "free"; readonly which: number; readonly tag: number; readonly times: number }
  | { readonly kind: "write"; readonly which: number }
  | { readonly kind: "ghost"; readonly which: number }
  | { readonly kind: "trim" }
  | { readonly kind: "frame" };

const tag = fc.nat(TAGS.length - 1);
const times = fc.integer({ min: 1, max: 9 });
const op: fc.Arbitrary<Op> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant("alloc" as const),
      of: fc.nat(KINDS.length - 1),
      tag,
      by: fc.constantFrom(...METHODS),
      times,
      isGenerous: fc.nat(3).map((n) => n > 0),
    }),
  },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant("free" as const), which: fc.nat(), tag, times }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("write" as const), which: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("ghost" as const), which: fc.nat() }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("trim" as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("frame" as const) }) },
);

interface Met {
  records: number;
  boxes: number;
  large: number;
  refused: number;
  returned: number;
  trimmed: number;
  ghosts: number;
}

/** A record of the model. */
interface Held {
  readonly kind: Kind;
  readonly record: object;
  readonly box: OwnedBox<Layout> | undefined;
  readonly tag: string;
  readonly page: SlabPage | undefined;
  readonly start: number;
  n: number;
}

/** Where a record is. Programs cannot ask that. */
function positionOf(record: object): Position {
  return (record as { readonly $pos: Position }).$pos;
}

/** Runs a function under a tag by its path. */
function under<T>(alloc: SmartAlloc, path: string, fn: () => T): T {
  return path === ""
    ? fn()
    : path.split("::").reduceRight<() => T>((inner, name) => () => alloc.withTag(name, inner), fn)();
}

/** Compares plain data without the costs of a good message as long as none is needed. */
function assertSame(actual: unknown, expected: unknown): void {
  if (JSON.stringify(actual) !== JSON.stringify(expected)) assertEquals(actual, expected);
}

function run(pair: Pair, idlePages: number, program: readonly Op[], met: Met): void {
  const source = new CountingSource(pair.source as ChunkSource);
  const { capabilities } = source;
  const alloc = new SmartAlloc({
    source,
    safety: pair.safety,
    frameArenaSize: 1024,
    poolClasses: CLASSES,
    poolPageSize: PAGE,
    poolIdlePages: idlePages,
    heapIdleBytes: IDLE,
  });
  const live: Held[] = [];
  /** What was freed, and would be somebody else's by now if it was not cut off. */
  const ghosts: Held[] = [];
  const pages = new Map<SlabPage, number>();
  let idleBlocks = 0;
  let n = 0;

  const bytesOf = ({ slot }: Kind): number => slot ?? LARGE;
  const roomOf = (page: SlabPage): number => page.size.slotsPerPage - pages.get(page)!;
  const check = (): void => {
    const { pool, heap, tags } = alloc.stats();
    let empty = 0;
    for (const count of pages.values()) if (count === 0) empty++;
    const large = live.filter(({ kind }) => kind.slot === undefined).length;
    const sizes = [16, 48, 128, 512].map((bytes) => ({
      bytes,
      live: live.filter(({ kind }) => kind.slot === bytes).length,
      pages: [...pages.keys()].filter((page) => page.size.bytes === bytes).length,
      retired: 0,
    }));
    const expected: PoolStats = {
      live: live.length,
      bytes: live.reduce((sum, { kind }) => sum + (kind.slot ?? 0), 0),
      reserved: pages.size * PAGE,
      idle: empty * PAGE,
      large,
      sizes,
    };
    assertSame(pool, expected);
    assertEquals(source.pages, pages.size);
    assertSame([heap.live, heap.bytes, heap.idle], [0, large * LARGE, idleBlocks * LARGE]);
    for (const path of TAGS) {
      const wanted = live.reduce((sum, { kind, tag }) => tag === path ? sum + bytesOf(kind) : sum, 0);
      const found = tags.find((other) => other.path === path)?.inUse;
      assertEquals(found?.pool ?? 0, wanted, `the bytes of tag "${path}"`);
      assertEquals((found?.heap ?? 0) + (found?.handles ?? 0), 0);
    }
  };
  const verify = ({ kind, record, n }: Held): void => assertSame(record, kind.values(n));
  const allocate = (kind: Kind, path: string, by: Method): void => {
    n++;
    const values = kind.values(n) as ValuesOf<Layout>;
    let box: OwnedBox<Layout> | undefined;
    const made = under(alloc, path, (): object | undefined => {
      try {
        if (by === "poolAlloc" || by === "tryPoolAlloc") return alloc[by](kind.layout) as object | undefined;
        box = alloc[by](kind.layout, values);
        return (box as unknown as { $record: object } | undefined)?.$record;
      } catch (error) {
        assert(!by.startsWith("try") && error instanceof ArenaExhaustedError, String(error));
        assertStrictEquals(error.cause, source.refusal);
        return undefined;
      }
    });
    if (made === undefined) {
      assertEquals(source.isGenerous, false);
      if (kind.slot === undefined) assert(idleBlocks === 0 && capabilities.transferable);
      else for (const page of pages.keys()) assert(page.size.bytes !== kind.slot || roomOf(page) === 0);
      met.refused++;
      return;
    }
    const { life, offset } = positionOf(made);
    const page = life.owner instanceof SlabPage ? life.owner : undefined;
    assertEquals(page?.size.bytes, kind.slot);
    if (page === undefined) {
      if (idleBlocks > 0) idleBlocks--;
      else assert(source.isGenerous || !capabilities.transferable);
      met.large++;
    } else {
      if (!pages.has(page)) {
        assert(source.isGenerous);
        for (const other of pages.keys()) assert(other.size !== page.size || roomOf(other) === 0, "a page in vain");
        pages.set(page, 0);
      }
      pages.set(page, pages.get(page)! + 1);
      assert(offset % 16 === 0 && offset >= 0 && offset + page.size.bytes <= PAGE);
      for (const other of live) {
        if (other.page !== page) continue;
        assert(Math.abs(other.start - offset) >= page.size.bytes, "records overlap");
        assertNotStrictEquals(other.record, made, "a record was given out twice");
      }
    }
    const held = { kind, record: made, box, tag: path, page, start: offset, n };
    if (box === undefined) kind.write(made, values);
    met[box === undefined ? "records" : "boxes"]++;
    live.push(held);
    verify(held);
  };
  const free = (held: Held, how: number): void => {
    verify(held);
    const { kind, record, box, page } = held;
    if (box === undefined || (how % 3 === 0 && kind.layout !== f32)) alloc.poolFree(record);
    else if (how % 3 === 1) box[Symbol.dispose]();
    else box.free();
    live.splice(live.indexOf(held), 1);
    if (pair.safety !== "release") ghosts.push(held);
    if (page === undefined) {
      idleBlocks = Math.min(2, idleBlocks + 1);
      return;
    }
    pages.set(page, pages.get(page)! - 1);
    const empty = [...pages].filter(([other, count]) => count === 0 && other.size === page.size).length;
    if (pages.get(page) === 0 && empty > idlePages) {
      assertEquals(page.life.view, null);
      pages.delete(page);
      met.returned++;
    }
  };
  const checkGhost = ({ kind, record, box, tag }: Held): void => {
    const suffix = tag === "" ? " as it" : ` of tag "${tag}" as it`;
    const assertCode = (code: ErrorCode, fn: () => unknown): void => {
      const error = assertThrows(fn, PoolError, suffix);
      assertEquals([error.code, error.message.includes("of tag")], [code, tag !== ""]);
    };
    assertCode("FA401", () => kind.write(record, kind.values(1)));
    assertCode("FA403", () => alloc.poolFree(record));
    assertEquals(JSON.stringify(record), JSON.stringify(`[stale ${record.constructor.name}]`));
    if (box !== undefined) {
      assertCode("FA401", () => box.assign(kind.values(1) as never));
      assertCode("FA403", () => box.free());
      assertEquals(box.isFreed, true);
      box[Symbol.dispose]();
    }
    met.ghosts++;
  };

  for (const step of program) {
    switch (step.kind) {
      case "alloc":
        source.isGenerous = step.isGenerous;
        for (let i = 0; i < step.times; i++) allocate(KINDS[step.of]!, TAGS[step.tag]!, step.by);
        source.isGenerous = true;
        break;
      case "free":
        under(alloc, TAGS[step.tag]!, () => {
          for (let i = 0; i < step.times && live.length > 0; i++) free(live[step.which % live.length]!, step.which + i);
        });
        break;
      case "write": {
        const held = live[step.which % live.length];
        if (held !== undefined) held.kind.write(held.record, held.kind.values(held.n = ++n));
        break;
      }
      case "ghost":
        if (ghosts.length > 0) checkGhost(ghosts[step.which % ghosts.length]!);
        break;
      case "trim": {
        const empty = [...pages].filter(([, count]) => count === 0);
        const idle = empty.length * PAGE + idleBlocks * LARGE;
        assertEquals(alloc.trim(), idle);
        for (const [page] of empty) pages.delete(page);
        idleBlocks = 0;
        if (idle > 0) met.trimmed++;
        break;
      }
      case "frame":
        alloc.beginFrame();
        alloc.frameSlice(Uint8Array, 100).fill(0xee);
        alloc.endFrame();
        alloc.trim();
        for (const [page, count] of pages) if (count === 0) pages.delete(page);
        idleBlocks = 0;
        break;
    }
    check();
  }
  for (const ghost of ghosts) checkGhost(ghost);
  for (const held of live) verify(held);
  const leaks = alloc.dispose();
  const summary = (list: readonly { name: string; tag: string; bytes: number }[]): string[] =>
    list.map(({ name, tag, bytes }) => `${name} ${tag} ${bytes}`).sort();
  assertEquals(
    summary(leaks),
    summary(live.map(({ kind, tag }) => ({ name: kind.layout.name, tag, bytes: bytesOf(kind) }))),
  );
  assertEquals(source.pages, 0);
  for (const { kind, record } of live) {
    assertEquals(assertThrows(() => kind.write(record, kind.values(1)), PoolError).code, "FA401");
  }
}

for (const pair of SUPPORTED) {
  Deno.test(`poolAlloc() and poolFree() obey the model in ${RUNS_PER_PAIR} random programs on ${pair.name}`, () => {
    const met: Met = { records: 0, boxes: 0, large: 0, refused: 0, returned: 0, trimmed: 0, ghosts: 0 };
    fc.assert(
      fc.property(
        fc.nat(2),
        fc.array(op, { maxLength: 45, size: "max" }),
        (idlePages, program) => run(pair, idlePages, program, met),
      ),
      { numRuns: RUNS_PER_PAIR },
    );
    const { ghosts, ...others } = met;
    if (pair.safety === "release") assertEquals(ghosts, 0);
    else assert(ghosts > RUNS_PER_PAIR, `only ${ghosts} ghosts`);
    for (const [what, count] of Object.entries(others)) assert(count > RUNS_PER_PAIR / 5, `only ${count} ${what}`);
    console.log(pair.name, JSON.stringify(met));
  });
}

function assertCode(code: ErrorCode, fn: () => unknown, text: string = ""): FrameAllocError {
  const error = assertThrows(fn, FrameAllocError, text);
  assertEquals(error.code, code, error.message);
  assert(error.message.startsWith(`${code}: Cannot `), error.message);
  assert(!error.message.endsWith("."), error.message);
  return error;
}

const Enemy = struct("Enemy", { health: f32, target: u32, at: vec3f });
const Level = struct("Level", { tiles: array(u8, 10_000) });

/** Every way to allocate in the pool. */
const PATHS: Readonly<Record<Method, (alloc: SmartAlloc, layout: Layout) => unknown>> = {
  poolAlloc: (alloc, layout) => alloc.poolAlloc(layout),
  tryPoolAlloc: (alloc, layout) => alloc.tryPoolAlloc(layout),
  poolBox: (alloc, layout) => alloc.poolBox(layout),
  tryPoolBox: (alloc, layout) => alloc.tryPoolBox(layout),
};

for (const safety of ["checked", "release"] as const) {
  Deno.test(`a producer and a consumer with at most 65 records take no more memory with time in ${safety}`, () => {
    const alloc = new SmartAlloc({ safety });
    const Payload = struct("Payload", { id: u32, data: array(u8, 1020) });
    const queue: ReturnType<typeof alloc.poolAlloc<typeof Payload>>[] = [];
    let [sent, received, reserved] = [0, 0, 0];
    const PAIRS = 2_000_000;
    while (received < PAIRS) {
      // The producer runs ahead by 1 to 65, the consumer catches up.
      for (const ahead = 1 + (sent * 7) % 65; queue.length < ahead && sent < PAIRS; sent++) {
        const record = alloc.poolAlloc(Payload);
        record.id = sent;
        queue.push(record);
      }
      for (const record of queue) {
        assert(record.id === received++);
        alloc.poolFree(record);
      }
      queue.length = 0;
      if (reserved === 0 && received > 5000) reserved = alloc.stats().pool.reserved;
    }
    const { pool, tags } = alloc.stats();
    assertEquals([pool.live, pool.reserved, pool.idle], [0, reserved, reserved]);
    assert(reserved > 0 && reserved <= 3 * 65_536, `${reserved} bytes are held for 65 records of 1 KiB`);
    assertEquals(tags, []);
    assertEquals([alloc.trim(), alloc.stats().pool.reserved], [reserved, 0]);
  });
}

Deno.test("records outlive frames, and each tag answers for its own until they are freed, whoever frees them", () => {
  const alloc = new SmartAlloc();
  const inUse = (): Record<string, number> =>
    Object.fromEntries(
      alloc.stats().tags.filter(({ inUse }) => inUse.pool > 0).map((tag) => [tag.path, tag.inUse.pool]),
    );
  alloc.beginFrame();
  const first = alloc.withTag("ai", () => alloc.poolAlloc(Enemy));
  const second = alloc.withTag("ai", (alloc) => alloc.withTag("path", (alloc) => alloc.poolBox(Level)));
  const third = alloc.poolAlloc(f64);
  first.health = 7;
  alloc.endFrame();
  for (let frame = 0; frame < 3; frame++) {
    using _frame = alloc.frame();
    alloc.frameSlice(Uint8Array, 10_000).fill(0xff);
  }
  assertEquals([first.health, second.value.tiles.at(9999)], [7, 0]);
  assertEquals(inUse(), { "": 16, "ai": 32, "ai::path": 10_000 });
  alloc.withTag("audio", () => alloc.poolFree(first));
  assertEquals(inUse(), { "": 16, "ai::path": 10_000 });
  alloc.withTag("audio", () => second.free());
  alloc.withTag("ai", () => alloc.poolFree(third));
  assertEquals([inUse(), alloc.stats().pool.live], [{}, 0]);
});

Deno.test("stats().pool is exact at every level of statistics", () => {
  for (const stats of ["off", "totals", "tags"] as const) {
    for (const safety of SAFETIES) {
      const alloc = new SmartAlloc({ stats, safety });
      const records = [alloc.poolAlloc(Enemy), alloc.poolAlloc(f32), alloc.poolAlloc(Level)];
      const { live, bytes, large, reserved, idle } = alloc.stats().pool;
      assertEquals([live, bytes, large, reserved, idle], [3, 48, 1, 131_072, 0]);
      for (const record of records) alloc.poolFree(record);
      assertEquals([alloc.stats().pool.live, alloc.stats().pool.idle, alloc.stats().tags], [0, 131_072, []]);
    }
  }
});

Deno.test("what no slot can hold has a block of its own, which is detached when it is freed", () => {
  const alloc = new SmartAlloc({ poolClasses: [16, 64], poolPageSize: 1024 });
  const Small = struct("Small", { data: array(u8, 64) });
  const Large = struct("Large", { data: array(u8, 65) });
  const records = [alloc.poolAlloc(Small), alloc.poolAlloc(Large), alloc.poolAlloc(Large)];
  assertEquals(alloc.stats().pool.large, 2);
  assertEquals([alloc.stats().pool.live, alloc.stats().pool.bytes, alloc.stats().pool.reserved], [3, 64, 1024]);
  const { heap } = alloc.stats();
  assertEquals([heap.live, heap.bytes], [0, 160]);
  const view = positionOf(records[1]!).life.view!;
  alloc.poolFree(records[1]!);
  assertThrows(() => view.getUint8(0), TypeError);
  const box = alloc.poolBox(Large);
  assertEquals([box.value.data.at(64), alloc.stats().heap.reuses, alloc.stats().pool.large], [0, 1, 2]);
  box.free();
  alloc.poolFree(records[2]!);
  alloc.poolFree(records[0]!);
  assertEquals([alloc.stats().pool.live, alloc.stats().heap.bytes], [0, 0]);
});

Deno.test("poolBox() holds zeros where it is not told otherwise, also in a slot that was used before", () => {
  for (const safety of SAFETIES) {
    const alloc = new SmartAlloc({ safety });
    for (const layout of [Enemy, Level, array(u32, 40)]) {
      for (const record of Array.from({ length: 50 }, () => alloc.poolAlloc(layout))) {
        const { life, offset } = positionOf(record);
        new Uint8Array(life.view!.buffer, offset, layout.size).fill(0xee);
        alloc.poolFree(record);
      }
    }
    const enemy = alloc.poolBox(Enemy, { health: 3 });
    assertEquals(Enemy.toObject(enemy.value), { health: 3, target: 0, at: { x: 0, y: 0, z: 0 } });
    assert([...alloc.poolBox(Level).value.tiles].every((byte) => byte === 0));
    assertEquals(alloc.poolBox(array(u32, 40)).value.toArray(), new Array(40).fill(0));
    assertEquals([alloc.poolBox(f32).value, alloc.poolBox(f32, 0.5).value], [0, 0.5]);
    const cell = alloc.poolBox(u32, 7);
    cell.value += 3;
    assertEquals([cell.value, JSON.stringify(cell)], [10, "10"]);
    assertStrictEquals(enemy.assign({ target: 9 }), enemy);
    enemy.value = { health: 4 } as typeof enemy.value;
    assertEquals([enemy.value.target, enemy.value.health, enemy.isFreed], [9, 4, false]);
    assertEquals(JSON.stringify({ enemy }), '{"enemy":{"health":4,"target":9,"at":{"x":0,"y":0,"z":0}}}');
  }
});

Deno.test("a poolBox() whose values do not fit is FA022, and loses no slot", () => {
  for (const safety of SAFETIES) {
    const alloc = new SmartAlloc({ safety });
    const kept = alloc.poolBox(Enemy, { health: 1 });
    const before = JSON.stringify(alloc.stats());
    for (let i = 0; i < 3000; i++) {
      const error = assertThrows(() => alloc.poolBox(Enemy, { health: 1, mana: 2 } as never), LayoutError);
      assertEquals(error.code, "FA022");
    }
    for (const by of ["poolBox", "tryPoolBox"] as const) {
      assertCode("FA022", () => alloc[by](Enemy, { health: "full" } as never));
      assertCode("FA022", () => alloc[by](Enemy, { at: [1, 2] } as never));
      assertCode("FA022", () => alloc.withTag("ai", () => alloc[by](Enemy, 3 as never)));
    }
    const thrown = new RangeError("from a getter");
    const values = {
      get health(): number {
        throw thrown;
      },
    };
    assertStrictEquals(assertThrows(() => alloc.poolBox(Enemy, values)), thrown);
    assertEquals(JSON.stringify(alloc.stats()), before);
    assertCode("FA022", () => alloc.poolBox(f32, "1" as never));
    assertCode("FA022", () => alloc.tryPoolBox(Level, { tiles: [1] }));
    const { pool, heap } = alloc.stats();
    assertEquals([pool.live, pool.large, heap.bytes, kept.value.health], [1, 0, 0, 1]);
  }
});

Deno.test("in release mode the record of a slot is given out again with it, as long as the layout is the same", () => {
  const alloc = new SmartAlloc({ safety: "release", poolIdlePages: 0 });
  const first = alloc.poolAlloc(Enemy);
  first.health = 1;
  alloc.poolFree(first);
  const second = alloc.poolAlloc(Enemy); // on a page that was given back meanwhile
  second.health = 2;
  const other = alloc.poolAlloc(Enemy);
  other.health = 3;
  assertEquals([second.health, other.health], [2, 3]);
  alloc.poolFree(other);
  assertStrictEquals(alloc.poolAlloc(Enemy), other);
  alloc.poolFree(other);
  const Friend = struct("Friend", { name: array(u8, 20) });
  const friend = alloc.poolAlloc(Friend); // the same slot, another layout
  assertNotStrictEquals(friend as object, other as object);
  friend.name.fill(9);
  alloc.poolFree(friend);
  const back = alloc.poolAlloc(Enemy);
  back.at.set(4, 5, 6);
  assertEquals([Enemy.toObject(back).at, second.health], [{ x: 4, y: 5, z: 6 }, 2]);
});

Deno.test("records of layouts that are defined alike are told apart", () => {
  for (const safety of SAFETIES) {
    const alloc = new SmartAlloc({ safety });
    for (let i = 0; i < 20; i++) {
      const Twin = struct("Twin", { [`value${i % 2}`]: f32 });
      const box = alloc.poolBox(Twin, { [`value${i % 2}`]: i });
      assertEquals(Twin.toObject(box.value), { [`value${i % 2}`]: i });
      box.free();
    }
    assertEquals(alloc.stats().pool.reserved, 65_536);
  }
});

Deno.test("poolAlloc() that is refused says by whom, and changes nothing", () => {
  for (const safety of SAFETIES) {
    for (const layout of [Enemy, Level]) {
      const source = new CountingSource(arrayBufferSource);
      const alloc = new SmartAlloc({ source, safety, poolPageSize: 4096 });
      source.isGenerous = false;
      const before = JSON.stringify(alloc.stats());
      for (const by of ["poolAlloc", "poolBox"] as const) {
        const error = assertCode("FA003", () => alloc[by](layout as typeof Enemy), layout.name);
        assert(error instanceof ArenaExhaustedError && error.requested >= layout.size);
        assertStrictEquals(error.cause, source.refusal);
      }
      assertEquals([alloc.tryPoolAlloc(layout), alloc.tryPoolBox(layout)], [undefined, undefined]);
      assertEquals(JSON.stringify(alloc.stats()), before);
      source.isGenerous = true;
      alloc.poolFree(alloc.poolAlloc(layout));
    }
    const limited = new SmartAlloc({ safety, memoryLimit: 65_536 });
    const records = Array.from({ length: 65_536 / 32 }, () => limited.poolAlloc(Enemy));
    assertEquals([limited.tryPoolAlloc(Enemy), limited.tryPoolAlloc(Level)], [undefined, undefined]);
    for (const layout of [Enemy, Level]) {
      const error = assertCode("FA351", () => limited.poolAlloc(layout as typeof Enemy), layout.name);
      assert(error instanceof BudgetError && error.budget === "global" && error.limit === 65_536);
    }
    limited.poolFree(records.pop()!);
    assertEquals(limited.tryPoolAlloc(Enemy) === undefined, false);
    const tagged = new SmartAlloc({ safety });
    tagged.budgets.setTag("ai", { hard: 100 });
    using _tag = tagged.tag("ai");
    const kept = [tagged.poolAlloc(Enemy), tagged.poolAlloc(Enemy), tagged.poolAlloc(Enemy)];
    for (const layout of [Enemy, Level]) {
      const error = assertCode("FA352", () => tagged.poolBox(layout as typeof Enemy), layout.name);
      assert(error instanceof BudgetError && error.budget === "ai");
      assertEquals(tagged.tryPoolBox(layout), undefined);
    }
    assertEquals([tagged.stats().pool.live, tagged.stats().pool.large], [3, 0]);
    tagged.poolFree(kept[0]!);
    tagged.poolFree(tagged.poolAlloc(Enemy));
  }
});

Deno.test("a layout that is larger than any memory is refused, and gets no slot", () => {
  for (const safety of SAFETIES) {
    const alloc = new SmartAlloc({ safety });
    for (const count of [2 ** 22 + 1, 2 ** 23, 2 ** 24 - 1, 2 ** 24]) {
      const Huge = array(array(u8, 256), count); // from 1 GiB to exactly 2 ** 32 bytes
      assert(alloc.tryPoolAlloc(Huge) === undefined, `a record of ${Huge.size} bytes was given out`);
      assert(alloc.tryPoolBox(Huge) === undefined, `a box of ${Huge.size} bytes was given out`);
      assertCode("FA003", () => alloc.poolAlloc(Huge));
    }
    assertEquals(alloc.stats().pool.live, 0);
  }
});

Deno.test("poolAlloc() of what is no layout is FA008", () => {
  const alloc = new SmartAlloc();
  for (const layout of [{}, "f32", 3, () => 0] as unknown as Layout[]) {
    for (const path of Object.values(PATHS)) {
      const error = assertCode("FA008", () => path(alloc, layout));
      assert(error instanceof ArgumentError);
    }
  }
  assertEquals(alloc.stats().pool.live, 0);
});

Deno.test("dispose() ends every record and box, tells what was not freed, and allows no more", () => {
  for (const safety of SAFETIES) {
    const told: Leak[] = [];
    const alloc = new SmartAlloc({ safety, onLeaks: (leaks) => told.push(...leaks) });
    alloc.poolFree(alloc.poolAlloc(Enemy));
    alloc.beginFrame();
    const enemy = alloc.withTag("ai", () => alloc.poolAlloc(Enemy));
    const at = enemy.at;
    const box = alloc.poolBox(f32, 1);
    const level = alloc.poolBox(Level);
    alloc.endFrame();
    alloc.beginFrame();
    alloc.endFrame();
    const leaks = alloc.dispose();
    assertEquals(leaks, [
      { kind: "pool record", name: "f32", tag: "", bytes: 16, age: 1 },
      { kind: "pool record", name: "Enemy", tag: "ai", bytes: 32, age: 1 },
      { kind: "pool record", name: "Level", tag: "", bytes: 10_000, age: 1 },
    ]);
    assertEquals([told, alloc.dispose()], [leaks, []]);
    assertCode("FA401", () => enemy.health, 'Enemy of tag "ai"');
    assertCode("FA401", () => enemy.health = 1, "with its allocator");
    assertCode("FA401", () => at.x);
    assertCode("FA401", () => box.value);
    assertCode("FA401", () => level.value.tiles.at(3));
    assertEquals([box.isFreed, level.isFreed], [true, true]);
    box[Symbol.dispose]();
    assertCode("FA403", () => alloc.poolFree(enemy), 'Enemy of tag "ai"');
    assertCode("FA403", () => box.free());
    assertCode("FA403", () => level.free());
    for (const path of Object.values(PATHS)) {
      for (const layout of [f32, Enemy, Level]) {
        assert(assertCode("FA012", () => path(alloc, layout)) instanceof FrameStateError);
      }
    }
    const { pool, heap, tags } = alloc.stats();
    assertEquals([pool.live, pool.bytes, pool.reserved, pool.large, heap.reserved], [0, 0, 0, 0, 0]);
    assertEquals(tags.filter(({ inUse }) => Object.values(inUse).some((bytes) => bytes !== 0)), []);
  }
});

Deno.test("an allocator that was disposed of before its pool was ever used has no pool either", () => {
  for (const path of Object.values(PATHS)) {
    for (const safety of SAFETIES) {
      const alloc = new SmartAlloc({ safety });
      alloc.dispose();
      for (const layout of [f32, Enemy, Level]) assertCode("FA012", () => path(alloc, layout));
      assertEquals([alloc.stats().pool.live, alloc.stats().pool.reserved], [0, 0]);
    }
  }
});

Deno.test("an allocator that its own onCross disposes of gives no record any more", () => {
  for (const path of Object.values(PATHS)) {
    for (const safety of SAFETIES) {
      for (const layout of [Enemy, Level]) {
        for (const isGlobal of [true, false]) {
          const source = new CountingSource(arrayBufferSource);
          const alloc = new SmartAlloc({ source, safety, poolPageSize: PAGE, poolClasses: CLASSES });
          const limits = { soft: 10, onCross: () => void alloc.dispose() };
          if (isGlobal) alloc.budgets.setGlobal(limits);
          else alloc.budgets.setTag("ai", limits);
          assertCode("FA012", () => alloc.withTag("ai", () => path(alloc, layout)));
          const { pool, heap } = alloc.stats();
          assertEquals([pool.live, pool.reserved, heap.reserved, source.pages], [0, 0, 0, 0]);
        }
      }
    }
  }
});

Deno.test("poolClasses, poolPageSize and poolIdlePages that make no sense are FA010", () => {
  const refused = (config: AllocConfig, text: string): void => {
    const error = assertCode("FA010", () => new SmartAlloc(config), text);
    assert(error instanceof ConfigError);
  };
  for (
    const poolClasses of [
      [],
      [0],
      [0, 16],
      [-16, 16],
      [16.5],
      [16, 32.5, 64],
      [NaN],
      [Infinity],
      [64, 32],
      [16, 16],
      [16, 64, 32],
      [16, "64"],
      [undefined],
      new Array(3),
      [2 ** 31],
      "16",
      16,
      {},
      null,
    ]
  ) refused({ poolClasses: poolClasses as number[] }, "poolClasses");
  for (const poolPageSize of [0, -4096, 100.5, NaN, Infinity, 2 ** 31, 4095, "4096", null]) {
    refused({ poolPageSize: poolPageSize as number }, "poolPageSize");
  }
  refused({ poolClasses: [16, 100], poolPageSize: 111 }, "poolPageSize"); // as its slots take 112
  assertEquals(new SmartAlloc({ poolClasses: [16, 100], poolPageSize: 112 }).stats().pool.sizes.length, 2);
  for (const poolIdlePages of [-1, 0.5, NaN, Infinity, "1", null]) {
    refused({ poolIdlePages: poolIdlePages as number }, "poolIdlePages");
  }
});

Deno.test("options of the pool are read when the allocator is made", () => {
  const poolClasses = [16, 64];
  const alloc = new SmartAlloc({ poolClasses });
  poolClasses.splice(0, 2, 999);
  assertEquals(alloc.stats().pool.sizes.map(({ bytes }) => bytes), [16, 64]);
});

Deno.test("poolIdlePages, poolPageSize and poolClasses are honoured", () => {
  const alloc = new SmartAlloc({ poolClasses: [20, 100], poolPageSize: 200, poolIdlePages: 1 });
  const sizes = (): number[][] => alloc.stats().pool.sizes.map(({ bytes, live, pages }) => [bytes, live, pages]);
  const records = Array.from({ length: 20 }, () => alloc.poolAlloc(Enemy)); // 6 slots of 32 bytes fit into a page
  assertEquals(sizes(), [[32, 20, 4], [112, 0, 0]]);
  const list = alloc.poolAlloc(array(u8, 33));
  assertEquals([sizes(), alloc.stats().pool.reserved], [[[32, 20, 4], [112, 1, 1]], 1000]);
  for (const record of [...records, list]) alloc.poolFree(record);
  assertEquals([sizes(), alloc.stats().pool.idle], [[[32, 0, 1], [112, 0, 1]], 400]);
  assertEquals([alloc.trim(), alloc.stats().pool.reserved], [400, 0]);
});

Deno.test("every preset has a pool that works", () => {
  for (const [name, preset] of Object.entries(AllocConfig)) {
    const alloc = new SmartAlloc((preset as () => AllocConfig)());
    const largest = alloc.stats().pool.sizes.at(-1)!.bytes;
    for (const [size, large] of [[largest, 0], [largest + 1, 1]] as const) {
      const box = alloc.poolBox(array(u8, size));
      box.value.set(size - 1, 7);
      assertEquals([box.value.at(size - 1), alloc.stats().pool.large], [7, large], name);
      box.free();
    }
    assertEquals(alloc.leaks(), []);
  }
});

Deno.test("two allocators never share memory", () => {
  const [one, two]: SmartAlloc[] = (["checked", "release"] satisfies Safety[]).map((safety) =>
    new SmartAlloc({ safety })
  );
  const buffers = [one!, two!].map((alloc) =>
    new Set(Array.from({ length: 5000 }, () => positionOf(alloc.poolAlloc(Enemy)).life.view!.buffer))
  );
  assertEquals([buffers[0]!.size, buffers[1]!.size], [3, 3]);
  for (const buffer of buffers[0]!) assertEquals(buffers[1]!.has(buffer), false);
});

Deno.test("debug mode overwrites freed slots, of records and behind handles", () => {
  const { pool, handles } = { pool: new SmartAlloc({ debug: true }), handles: new SmartAlloc({ debug: true }).handles };
  pool.poolFree(pool.poolBox(struct("Word", { word: u32 }), { word: 7 }).value);
  assertEquals(pool.poolAlloc(u32).value, 0xcdcdcdcd); // the same slot
  const Word = struct("Word", { word: u32 });
  const kept = handles.alloc(Word, { word: 1 });
  const record = handles.resolve(kept);
  const { life, offset } = (record as unknown as { $pos: { life: { view: DataView }; offset: number } }).$pos;
  const { view } = life;
  handles.free(kept);
  assertEquals(view.getUint32(offset, true), 0xcdcdcdcd);
});
