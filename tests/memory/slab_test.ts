/**
 * Random programs on slabs against a model, over every chunk source: whatever is taken, given back, trimmed and refused, no two
 * slots in use overlap, each lies inside its page, contents stay intact, numbers never repeat, and every count is exact.
 */

import { ConfigError } from "@framealloc/core";
import {
  type Account,
  AGAIN,
  arrayBufferSource,
  type Chunk,
  type ChunkSource,
  GRANTED,
  MAX_CHUNK,
  Position,
  REFUSED,
  Slab,
  type SlabOptions,
  type SlabPage,
  type SlabSize,
  type Verdict,
  viewOf,
} from "@framealloc/core/memory";
import { assert, assertEquals, assertNotStrictEquals, assertStrictEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { SOURCES } from "../frame/_sources.ts";
import { CountingSource } from "./_counting_source.ts";

const RUNS_PER_SOURCE = 260;
const RETIREMENT_RUNS = 300;

class Over extends Error {}

const owner = { expired: (position: Position) => new Over(`over at ${position.offset}`) };

/** Ways in which a page can be denied, or granted with detours. */
const FAILURES = ["none", "throws", "small", "refuses", "again", "reenters"] as const;
type Failure = typeof FAILURES[number];

/** An account that counts, and refuses or calls back on command. */
class Purse implements Account {
  held = 0;
  failure: Failure = "none";
  callback: () => void = () => {};

  hold(bytes: number): Verdict {
    const { failure } = this;
    if (failure === "refuses") return REFUSED;
    if (failure === "again" || failure === "reenters") {
      this.failure = "none";
      if (failure === "reenters") this.callback();
      return AGAIN;
    }
    this.held += bytes;
    return GRANTED;
  }

  drop(bytes: number): void {
    this.held -= bytes;
  }

  admit(): Verdict {
    return GRANTED;
  }

  refusal(action: string): Error {
    return new RangeError(`Cannot ${action}`);
  }
}

interface Shape {
  readonly sizes: readonly number[];
  readonly pageSize: number;
}

/** Pages of many slots, of one, and with a rest at their end. */
const SHAPES: readonly Shape[] = [
  { sizes: [16, 48, 100, 256], pageSize: 512 },
  { sizes: [1, 64, 1000, 4096], pageSize: 4096 },
  { sizes: [24, 40], pageSize: 100 },
];

type Op =
  | {
    readonly kind: "take";
    readonly bytes: number;
    readonly align: number;
    readonly times: number;
    readonly failure: Failure;
  }
  | { readonly kind: "takeFrom"; readonly which: number }
  | { readonly kind: "give"; readonly which: number; readonly times: number }
  | { readonly kind: "giveOther"; readonly of: number; readonly slot: number }
  | { readonly kind: "trim"; readonly of: number; readonly keep: number }
  | { readonly kind: "trimAll" }
  | { readonly kind: "dispose" };

const failure = fc.oneof(
  { weight: 1, arbitrary: fc.constant("none" as const) },
  { weight: 1, arbitrary: fc.constantFrom(...FAILURES) },
);
const bytes = fc.oneof({ weight: 3, arbitrary: fc.nat(300) }, { weight: 1, arbitrary: fc.nat(4200) });
const align = fc.oneof({ weight: 2, arbitrary: fc.constant(1) }, {
  weight: 1,
  arbitrary: fc.nat(12).map((bits) => 2 ** bits),
});
const times = fc.integer({ min: 1, max: 12 });
const op: fc.Arbitrary<Op> = fc.oneof(
  { weight: 9, arbitrary: fc.record({ kind: fc.constant("take" as const), bytes, align, times, failure }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("takeFrom" as const), which: fc.nat() }) },
  { weight: 11, arbitrary: fc.record({ kind: fc.constant("give" as const), which: fc.nat(), times }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("giveOther" as const),
      of: fc.nat(3),
      slot: fc.oneof(fc.integer({ min: -2, max: 200 }), fc.constantFrom(0.5, NaN, 2 ** 30, Infinity)),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("trim" as const), of: fc.nat(3), keep: fc.nat(3) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("trimAll" as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("dispose" as const) }) },
);

/** What the programs have met, to be sure that they meet it. */
interface Met {
  full: number;
  returned: number;
  recreated: number;
  refused: number;
  again: number;
  reentered: number;
  trimmed: number;
  disposed: number;
  aligned: number;
  retired: number;
}

function nothingMet(): Met {
  return {
    full: 0,
    returned: 0,
    recreated: 0,
    refused: 0,
    again: 0,
    reentered: 0,
    trimmed: 0,
    disposed: 0,
    aligned: 0,
    retired: 0,
  };
}

/** A slot that the model holds to be in use. */
interface Held {
  readonly page: SlabPage;
  readonly start: number;
  readonly bytes: Uint8Array;
  readonly fill: number;
}

/** What the model knows of one size. */
class Table {
  readonly size: SlabSize;
  readonly live = new Map<number, Held>();
  /** The pages held, and how many slots of each are in use. */
  readonly pages = new Map<SlabPage, number>();
  /** How often each slot was taken. */
  readonly lives = new Map<number, number>();
  /** Every slot with its generation that was ever taken. */
  readonly numbers = new Set<string>();
  readonly ended = new Set<SlabPage>();
  readonly indices = new Set<number>();

  constructor(size: SlabSize) {
    this.size = size;
  }
}

/** Does to a slab what it does to a model of it, and compares. */
class Checked {
  readonly slab: Slab;
  readonly source: CountingSource;
  readonly purse = new Purse();
  readonly tables: readonly Table[];
  readonly met: Met;
  readonly #mostLives: number;
  #fill = 0;

  constructor(inside: ChunkSource, shape: Shape, idlePages: number, mostLives: number, met: Met) {
    this.source = new CountingSource(inside);
    this.slab = new Slab({ source: this.source, ...shape, owner, account: this.purse, idlePages, mostLives });
    this.tables = this.slab.sizes.map((size) => new Table(size));
    this.met = met;
    this.#mostLives = mostLives;
  }

  take(table: Table, alignment: number): void {
    const before = this.#snapshot();
    const slot = table.size.take();
    if (slot < 0) {
      this.#wasRefused(table);
      assertEquals(this.#snapshot(), before);
      return;
    }
    this.#taken(table, slot, alignment);
  }

  takeFrom(table: Table, page: SlabPage): void {
    const before = this.#snapshot();
    const hasRoom = this.#roomOf(table, page) > 0;
    const slot = table.size.takeFrom(page);
    assertEquals(slot >= 0, hasRoom);
    if (slot < 0) return assertEquals(this.#snapshot(), before);
    assertStrictEquals(table.size.pageOf(slot), page);
    this.#taken(table, slot, 1);
  }

  give(table: Table, slot: number): void {
    const { size } = table;
    const { page } = this.#intact(table, slot);
    const empty = this.#emptyOf(table);
    assertEquals(size.give(slot), true);
    table.live.delete(slot);
    const live = table.pages.get(page)! - 1;
    table.pages.set(page, live);
    if (table.lives.get(slot) === this.#mostLives) this.met.retired++;
    if (live === 0 && empty + 1 > this.slab.idlePages) this.#expectEnd(table, page);
    this.sync(table);
    this.giveNothing(table, slot);
  }

  /** Gives what is not in use: nothing may change. */
  giveNothing(table: Table, slot: number): void {
    if (table.live.has(slot)) return;
    const before = this.#snapshot();
    assertEquals(table.size.give(slot), false);
    assertEquals(this.#snapshot(), before);
  }

  trim(tables: readonly Table[], keep: number, act: () => number): void {
    let expected = 0;
    const { reserved } = this.slab;
    for (const table of tables) expected += Math.max(0, this.#emptyOf(table) - keep) * this.slab.pageSize;
    assertEquals(act(), expected);
    assertEquals(this.slab.reserved, reserved - expected);
    if (expected > 0) this.met.trimmed++;
    for (const table of tables) {
      for (const [page, live] of table.pages) {
        if (table.size.pages[page.index] === page) continue;
        assertEquals(live, 0, "a page in use was given back");
        this.#expectEnd(table, page);
      }
    }
  }

  dispose(): void {
    for (const table of this.tables) for (const slot of table.live.keys()) this.#intact(table, slot);
    this.slab.dispose();
    this.met.disposed++;
    for (const table of this.tables) {
      table.live.clear();
      for (const page of table.pages.keys()) this.#expectEnd(table, page);
    }
    assertEquals([this.slab.reserved, this.slab.idle, this.purse.held, this.source.chunks], [0, 0, 0, 0]);
  }

  /** Compares every count. */
  check(): void {
    const { slab, source, purse } = this;
    let pages = 0;
    let idle = 0;
    for (const table of this.tables) {
      const { size, live, lives } = table;
      this.sync(table);
      const empty = this.#emptyOf(table);
      assertEquals(
        [size.live, size.pageCount, size.emptyPages, size.pages.filter((page) => page !== undefined).length],
        [live.size, table.pages.size, empty, table.pages.size],
      );
      assert(empty <= slab.idlePages, `${empty} empty pages are kept`);
      for (const [page, count] of table.pages) assert(page.live === count && page.life.view !== null);
      for (let slot = 0; slot < size.capacity; slot++) {
        const isLive = live.has(slot);
        assert(size.isLive(slot) === isLive, `slot ${slot} is in use or not`);
        assert((size.generationOf(slot) & 1) === (isLive ? 1 : 0), `slot ${slot} has a wrong generation`);
      }
      let retired = 0;
      for (const [slot, count] of lives) if (count === this.#mostLives && !live.has(slot)) retired++;
      assertEquals(size.retired, retired);
      pages += table.pages.size;
      idle += empty;
    }
    assertEquals(
      [slab.reserved, slab.idle, purse.held, source.chunks],
      [pages * slab.pageSize, idle * slab.pageSize, pages * slab.pageSize, pages],
    );
  }

  /** Everything in use holds what was written to it, and everything that has ended says so. */
  checkContents(): void {
    for (const table of this.tables) {
      for (const slot of table.live.keys()) this.#intact(table, slot);
      for (const page of table.ended) {
        assertEquals(page.life.view, null);
        assertThrows(() => viewOf(new Position(page.life, 16)), Over, "over at 16");
        assertEquals(table.size.takeFrom(page), -1);
      }
    }
  }

  /** A page whose slots have all been retired is of no use: it may go at any time. */
  sync(table: Table): void {
    for (const [page, live] of table.pages) {
      if (table.size.pages[page.index] === page) continue;
      assert(live === 0 && this.#roomOf(table, page) === 0, "a page was given back too early");
      this.#expectEnd(table, page);
    }
  }

  #taken(table: Table, slot: number, alignment: number): void {
    const { size, live, pages, lives, numbers } = table;
    const page = size.pageOf(slot);
    if (!pages.has(page)) {
      this.sync(table);
      for (const other of pages.keys()) assertEquals(this.#roomOf(table, other), 0, "a page was asked for in vain");
      if (table.indices.has(page.index)) this.met.recreated++;
      table.indices.add(page.index);
      pages.set(page, 0);
    }
    const start = size.offsetOf(slot);
    const { buffer, byteLength } = page.life.view!;
    assert(this.source.buffers.has(buffer), "a slot is not inside a chunk");
    assert(
      start >= 0 && start + size.bytes <= Math.min(byteLength, this.slab.pageSize),
      "a slot is not inside its page",
    );
    assertEquals(start % Math.max(16, alignment), 0, "a slot is not aligned");
    for (const other of live.values()) {
      assert(
        other.page !== page || start >= other.start + size.bytes || start + size.bytes <= other.start,
        "slots overlap",
      );
    }
    for (const offset of [start, start + 1, start + size.bytes - 1]) assertEquals(size.slotAt(page, offset), slot);
    const number = `${slot}:${size.generationOf(slot)}`;
    assert(!numbers.has(number), `the number ${number} was given out twice`);
    numbers.add(number);
    const life = (lives.get(slot) ?? 0) + 1;
    assert(life <= this.#mostLives, "a retired slot was given out");
    lives.set(slot, life);
    this.#fill = (this.#fill + 1) % 251;
    const memory = new Uint8Array(buffer, start, size.bytes).fill(this.#fill);
    live.set(slot, { page, start, bytes: memory, fill: this.#fill });
    pages.set(page, pages.get(page)! + 1);
    if (this.#roomOf(table, page) === 0) this.met.full++;
    if (alignment > 16) this.met.aligned++;
  }

  #wasRefused(table: Table): void {
    for (const page of table.pages.keys()) assertEquals(this.#roomOf(table, page), 0, "there was room");
    assertEquals(this.slab.isOverBudget, this.purse.failure === "refuses");
    if (!this.source.isGenerous) assertStrictEquals(this.slab.cause, this.source.refusal);
    else if (this.source.isShort) assert(this.slab.cause instanceof RangeError);
    else assertEquals(this.purse.failure, "refuses", "refused for no reason");
    this.met.refused++;
  }

  #intact(table: Table, slot: number): Held {
    const held = table.live.get(slot)!;
    assertStrictEquals(table.size.pageOf(slot), held.page);
    assert(held.bytes.length > 0 && held.bytes.every((byte) => byte === held.fill), "contents changed");
    return held;
  }

  #expectEnd(table: Table, page: SlabPage): void {
    assertEquals([page.life.view, page.live, table.size.pages[page.index] === page], [null, 0, false]);
    table.pages.delete(page);
    table.ended.add(page);
    this.met.returned++;
  }

  #roomOf({ size, live, lives }: Table, page: SlabPage): number {
    let room = 0;
    const first = page.index << size.shift;
    for (let slot = first; slot < first + size.slotsPerPage; slot++) {
      if (!live.has(slot) && (lives.get(slot) ?? 0) < this.#mostLives) room++;
    }
    return room;
  }

  #emptyOf(table: Table): number {
    let empty = 0;
    for (const live of table.pages.values()) if (live === 0) empty++;
    return empty;
  }

  #snapshot(): unknown {
    const { slab, purse, source } = this;
    return [
      slab.reserved,
      slab.idle,
      purse.held,
      source.chunks,
      slab.sizes.map((size) => [size.live, size.pageCount, size.emptyPages, size.retired, size.pages.length]),
      slab.sizes.map((size) => Array.from({ length: size.capacity }, (_, slot) => size.generationOf(slot)).join()),
    ];
  }
}

function run(
  inside: ChunkSource,
  shape: Shape,
  idlePages: number,
  mostLives: number,
  program: readonly Op[],
  met: Met,
): void {
  const checked = new Checked(inside, shape, idlePages, mostLives, met);
  const { slab, source, purse, tables } = checked;
  const tableOf = (n: number): Table => tables[n % tables.length]!;
  const someLive = (): Table[] => tables.filter((table) => table.live.size > 0);
  const giveSome = (which: number, count: number): void => {
    const choice = someLive();
    if (choice.length === 0) return;
    const table = choice[which % choice.length]!;
    for (let i = 0; i < count && table.live.size > 0; i++) {
      const slots = [...table.live.keys()];
      checked.give(table, slots[(which + (i >> 1)) % slots.length]!);
    }
  };
  for (const step of program) {
    switch (step.kind) {
      case "take": {
        const size = slab.sizeFor(step.bytes, step.align);
        const expected = slab.sizes.find((other) =>
          other.bytes >= step.bytes && (step.align <= 16 || other.bytes % step.align === 0)
        );
        assertStrictEquals(size, expected);
        if (size === undefined) break;
        const table = tables[size.index]!;
        source.isGenerous = step.failure !== "throws";
        source.isShort = step.failure === "small";
        purse.failure = step.failure;
        purse.callback = () => {
          met.reentered++;
          giveSome(step.bytes, 1);
          checked.trim(tables, 0, () => slab.trim());
          checked.take(table, 1);
        };
        for (let i = 0; i < step.times; i++) checked.take(table, step.align);
        if (step.failure === "again" && purse.failure === "none") met.again++;
        [source.isGenerous, source.isShort] = [true, false];
        purse.failure = "none";
        break;
      }
      case "takeFrom": {
        const choice = tables.flatMap((table) => [...table.pages.keys()].map((page) => [table, page] as const));
        if (choice.length > 0) checked.takeFrom(...choice[step.which % choice.length]!);
        break;
      }
      case "give":
        giveSome(step.which, step.times);
        break;
      case "giveOther":
        checked.giveNothing(tableOf(step.of), step.slot);
        break;
      case "trim": {
        const table = tableOf(step.of);
        checked.trim([table], step.keep, () => table.size.trim(step.keep));
        break;
      }
      case "trimAll":
        checked.trim(tables, 0, () => slab.trim());
        break;
      case "dispose":
        checked.dispose();
        break;
    }
    checked.check();
  }
  checked.checkContents();
  checked.dispose();
  checked.check();
  checked.checkContents();
}

for (const source of SOURCES) {
  Deno.test(`Slab obeys the model in ${RUNS_PER_SOURCE} random programs on ${source.name}`, () => {
    const met = nothingMet();
    fc.assert(
      fc.property(
        fc.constantFrom(...SHAPES),
        fc.nat(3),
        fc.array(op, { maxLength: 60, size: "max" }),
        (shape, idlePages, program) => run(source, shape, idlePages, 2 ** 29 - 1, program, met),
      ),
      { numRuns: RUNS_PER_SOURCE },
    );
    const { retired, ...others } = met;
    assertEquals(retired, 0);
    for (const [what, count] of Object.entries(others)) assert(count > RUNS_PER_SOURCE / 10, `only ${count} ${what}`);
    console.log(source.name, JSON.stringify(met));
  });
}

Deno.test(`Slab obeys the model in ${RETIREMENT_RUNS} random programs whose slots are soon retired`, () => {
  const met = nothingMet();
  fc.assert(
    fc.property(
      fc.constantFrom(...SHAPES.slice(1), { sizes: [64], pageSize: 64 }, { sizes: [16], pageSize: 64 }),
      fc.nat(2),
      fc.integer({ min: 1, max: 4 }),
      fc.array(op, { maxLength: 60, size: "max" }),
      (shape, idlePages, mostLives, program) => run(arrayBufferSource, shape, idlePages, mostLives, program, met),
    ),
    { numRuns: RETIREMENT_RUNS },
  );
  for (const [what, count] of Object.entries(met)) assert(count > RETIREMENT_RUNS / 10, `only ${count} ${what}`);
  console.log("retirement", JSON.stringify(met));
});

function slabOf(options: Partial<SlabOptions> = {}): Slab {
  return new Slab({ source: arrayBufferSource, sizes: [64], pageSize: 256, owner, ...options });
}

Deno.test("take() goes on when all slots of a page are retired, and holds no page that can serve nothing", () => {
  for (const [pageSize, mostLives] of [[64, 1], [64, 3], [256, 2]] as const) {
    const slab = slabOf({ pageSize, mostLives, idlePages: 2 });
    const size = slab.sizes[0]!;
    const numbers = new Set<string>();
    for (let i = 0; i < 600; i++) {
      const slot = size.take();
      numbers.add(`${slot}:${size.generationOf(slot)}`);
      size.give(slot);
      if (i % 97 === 0) slab.trim(); // a page that comes back does not bring its numbers back
      assert(slab.reserved <= 3 * pageSize, `${slab.reserved} bytes are held for one slot`);
    }
    assertEquals([numbers.size, size.retired], [600, 600 / mostLives]);
  }
});

Deno.test("dispose() retires slots that were in their last life", () => {
  const slab = slabOf({ mostLives: 1 });
  const size = slab.sizes[0]!;
  const [kept, given] = [size.take(), size.take()];
  size.give(given);
  assertEquals(size.retired, 1);
  slab.dispose();
  assertEquals([size.retired, size.live, size.give(kept)], [2, 0, false]);
  assert(![kept, given].includes(size.take()));
});

Deno.test("a slot is retired after 2 ** 29 - 1 lives, before its generation overflows", () => {
  const slab = slabOf({ pageSize: 128 });
  const size = slab.sizes[0]!;
  const slot = size.take();
  size.give(slot);
  size.$table[4 * slot] = 2 * (2 ** 29 - 2); // as it would be after that many lives
  assertEquals(size.generationOf(slot), 2 ** 30 - 4);
  assertEquals([size.take(), size.generationOf(slot)], [slot, 2 ** 30 - 3]);
  assertEquals([size.give(slot), size.retired, size.generationOf(slot)], [true, 1, 2 ** 30 - 2]);
  const others = [size.take(), size.take(), size.take()];
  assertEquals([others.includes(slot), new Set(others).size], [false, 3]);
});

Deno.test("a slot that was given back is the first to be taken again, and slots come from one page until it is full", () => {
  const slab = slabOf();
  const size = slab.sizes[0]!;
  const slots = Array.from({ length: 6 }, () => size.take());
  assertEquals(slots, [0, 1, 2, 3, 4, 5]);
  size.give(5);
  size.give(1);
  assertEquals([size.take(), size.take(), size.take()], [5, 6, 7]); // the second page first, as it is the one in hand
  assertEquals([size.take(), size.pageCount], [1, 2]);
});

Deno.test("note() keeps numbers with each slot, two of them also after it was given back", () => {
  const slab = slabOf({ sizes: [48], pageSize: 256 });
  const size = slab.sizes[0]!;
  const slots = Array.from({ length: 23 }, () => size.take()); // the tables grow meanwhile
  const most = 2 ** 31 - 1;
  for (const slot of slots) size.note(slot, slot, -slot, most - slot);
  for (const slot of slots) {
    assertEquals(
      [size.firstNote(slot), size.secondNote(slot), size.thirdNote(slot), size.isLive(slot)],
      [slot, -slot, most - slot, true],
    );
  }
  for (const slot of slots) size.give(slot);
  for (const slot of slots) {
    assertEquals([size.firstNote(slot), size.secondNote(slot), size.isLive(slot)], [slot, -slot, false]);
  }
  assertEquals(new Set(slots.map(() => size.take())).size, 23); // no note got into the lists of free slots
});

Deno.test("sizeFor() finds the smallest size for any alignment up to 4096", () => {
  const sizes = [16, 48, 64, 100, 256, 1024, 2000, 4096, 12_288];
  const slab = slabOf({ sizes, pageSize: 12_288 });
  const rounded = sizes.map((bytes) => Math.ceil(bytes / 16) * 16);
  assertEquals(slab.sizes.map((size) => size.bytes), rounded);
  for (let bytes = 0; bytes < 12_400; bytes += 7) {
    for (let align = 1; align <= 4096; align *= 2) {
      const expected = rounded.find((size) => size >= bytes && size % Math.max(16, align) === 0);
      assertEquals(slab.sizeFor(bytes, align)?.bytes, expected, `${bytes} bytes aligned to ${align}`);
    }
  }
});

Deno.test("sizeFor() has no size for what no memory could hold", () => {
  const slab = slabOf();
  for (const bytes of [65, 2 ** 30, 2 ** 31, 2 ** 32, 2 ** 32 + 1, 2 ** 40, 2 ** 53, Infinity]) {
    assertEquals(slab.sizeFor(bytes)?.bytes, undefined, `${bytes} bytes`);
    assertEquals(slab.sizeFor(bytes, 64)?.bytes, undefined, `${bytes} bytes`);
  }
});

Deno.test("sizes that are the same when rounded are one size", () => {
  assertEquals(slabOf({ sizes: [1, 10, 16, 17, 32], pageSize: 64 }).sizes.map((size) => size.bytes), [16, 32]);
});

Deno.test("slotAt() and offsetOf() agree for every byte of a page", () => {
  for (const bytes of [16, 48, 112, 1008, 4080]) {
    const slab = slabOf({ sizes: [bytes], pageSize: 65_536 });
    const size = slab.sizes[0]!;
    const last = Array.from({ length: 2 * size.slotsPerPage }, () => size.take()).at(-1)!;
    const page = size.pageOf(last);
    for (let i = 0; i < size.slotsPerPage; i++) {
      const slot = (page.index << size.shift) + i;
      for (let offset = i * bytes; offset < (i + 1) * bytes; offset += bytes > 500 ? 37 : 1) {
        assert(size.slotAt(page, offset) === slot, `offset ${offset} of slots of ${bytes}`);
      }
      assertEquals([size.offsetOf(slot), size.slotAt(page, (i + 1) * bytes - 1)], [i * bytes, slot]);
    }
  }
});

Deno.test("a page that comes back has a life of its own, and the old one stays over", () => {
  for (const source of SOURCES) {
    const slab = slabOf({ source, idlePages: 0 });
    const size = slab.sizes[0]!;
    const slot = size.take();
    const old = size.pageOf(slot);
    const position = new Position(old.life, size.offsetOf(slot));
    const view = new Uint8Array(viewOf(position).buffer).fill(1);
    size.give(slot);
    assertEquals(slab.reserved, 0);
    assertEquals(view.length > 0, !source.capabilities.revocable); // what can be detached is
    assertEquals([size.take(), size.offsetOf(slot)], [slot, position.offset]);
    const page = size.pageOf(slot);
    assertNotStrictEquals(page, old);
    page.life.view!.setUint8(position.offset, 7);
    assertThrows(() => viewOf(position), Over);
    assertEquals([old.life.view, size.takeFrom(old), page.live], [null, -1, 1]);
  }
});

Deno.test("idlePages empty pages of each size are kept, 4 by default", () => {
  for (const idlePages of [undefined, 0, 1, 7]) {
    const slab = slabOf({ sizes: [64, 256], ...(idlePages === undefined ? {} : { idlePages }) });
    const kept = idlePages ?? 4;
    for (const size of slab.sizes) {
      const slots = Array.from({ length: 10 * size.slotsPerPage }, () => size.take());
      assertEquals([size.pageCount, size.emptyPages], [10, 0]);
      for (const slot of slots) size.give(slot);
      assertEquals([size.pageCount, size.emptyPages], [kept, kept]);
      assertEquals(size.trim(2), Math.max(0, kept - 2) * 256);
      assertEquals(size.emptyPages, Math.min(2, kept));
    }
    assertEquals(slab.trim(), 2 * Math.min(2, kept) * 256);
    assertEquals([slab.reserved, slab.trim()], [0, 0]);
  }
});

Deno.test("trim() and dispose() let go of every page, so that the collector can take what only it can free", async () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  for (const end of ["trim", "dispose"] as const) {
    const chunks: WeakRef<Chunk>[] = [];
    const source: ChunkSource = {
      ...arrayBufferSource,
      obtain(bytes) {
        const chunk = arrayBufferSource.obtain(bytes);
        chunks.push(new WeakRef(chunk));
        return chunk;
      },
    };
    const slab = slabOf({ source, idlePages: 50 });
    const size = slab.sizes[0]!;
    for (const slot of Array.from({ length: 80 }, () => size.take())) size.give(slot);
    slab[end]();
    await new Promise((resolve) => setTimeout(resolve, 0)); // what was just looked at is kept until the turn is over
    collect();
    assertEquals([chunks.length, chunks.filter((chunk) => chunk.deref() !== undefined).length], [20, 0], end);
    assertEquals(size.take() >= 0, true);
  }
});

Deno.test("take() that is refused says why, changes nothing, and works once there is memory", () => {
  const source = new CountingSource();
  const purse = new Purse();
  const slab = slabOf({ source, account: purse });
  const size = slab.sizes[0]!;
  const kept = Array.from({ length: 4 }, () => size.take());
  const counts = (): number[] => [size.live, size.pageCount, size.emptyPages, slab.reserved, slab.idle, purse.held];
  const before = counts();
  source.isGenerous = false;
  assertEquals([size.take(), slab.isOverBudget], [-1, false]);
  assertStrictEquals(slab.cause, source.refusal);
  [source.isGenerous, source.isShort] = [true, true];
  assertEquals([size.take(), slab.isOverBudget], [-1, false]);
  assert(slab.cause instanceof RangeError);
  assertEquals(slab.cause.message, "The source gave 255 of 256 bytes");
  [source.isGenerous, source.isShort] = [true, false];
  purse.failure = "refuses";
  assertEquals([size.take(), slab.isOverBudget], [-1, true]);
  assertEquals([counts(), source.chunks], [before, 1]);
  purse.failure = "again";
  assertEquals([size.take(), slab.isOverBudget, purse.held], [4, false, 512]);
  size.give(kept[0]!);
  purse.failure = "refuses"; // nobody is asked while there is room
  assertEquals(Array.from({ length: 5 }, () => size.take()), [5, 6, 7, 0, -1]);
});

Deno.test("an account that says AGAIN has its callback's doings seen", () => {
  const source = new CountingSource();
  const purse = new Purse();
  const slab = slabOf({ source, account: purse });
  const size = slab.sizes[0]!;
  const slots = Array.from({ length: 4 }, () => size.take());
  purse.failure = "reenters";
  purse.callback = () => void size.give(slots[2]!);
  assertEquals([size.take(), source.obtained], [2, 1]); // the room that the callback made
  const own: number[] = [];
  purse.failure = "reenters";
  purse.callback = () => void own.push(size.take());
  assertEquals([own, size.take(), own, source.obtained], [[4], 5, [4], 2]); // the page that the callback got
});

Deno.test("Slab refuses sizes and pages that make no sense with FA010", () => {
  const refused = (options: Partial<SlabOptions>): void => {
    const error = assertThrows(() => slabOf(options), ConfigError);
    assertEquals(error.code, "FA010");
    assert(error.message.startsWith("FA010: Cannot ") && !error.message.endsWith("."), error.message);
  };
  for (
    const sizes of [
      [],
      [0],
      [-16],
      [16.5],
      [NaN],
      [Infinity],
      [32, 16],
      [16, 16],
      ["16"],
      [MAX_CHUNK + 16],
      "16",
      null,
      {
        length: 1,
        0: 16,
      },
    ]
  ) refused({ sizes: sizes as number[], pageSize: MAX_CHUNK });
  for (const pageSize of [0, 63, 255.5, NaN, Infinity, MAX_CHUNK + 1, -256, "256" as never]) refused({ pageSize });
  refused({ sizes: [50], pageSize: 63 }); // as its slots take 64
  assertEquals(slabOf({ sizes: [50], pageSize: 64 }).sizes[0]!.slotsPerPage, 1);
});
