/**
 * What is freed stays freed: every use of a record, its parts, cells and boxes after its slot was given to somebody else is told,
 * and so is everything that is freed twice, in part, or where it does not come from. None of that ever reaches the next owner.
 */

import {
  array,
  bool,
  type ErrorCode,
  f16,
  f32,
  FrameAllocError,
  i64,
  type Layout,
  mat3x3f,
  PoolError,
  SmartAlloc,
  struct,
  u16,
  u32,
  u8,
  vec2i,
  vec3f,
  vec4u,
} from "@framealloc/core";
import { arrayBufferSource } from "@framealloc/core/memory";
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { SUPPORTED } from "../frame/_sources.ts";

const Part = struct("Part", { id: u32, at: vec3f });
const Actor = struct("Actor", {
  health: f32,
  isAwake: bool,
  score: i64,
  half: f16,
  at: vec3f,
  cell: vec2i,
  tint: vec4u,
  turn: mat3x3f,
  list: array(u16, 4),
  parts: array(Part, 2),
  part: Part,
});
/** As many bytes, so that it gets the slots of actors. */
const Bytes = array(u8, Actor.size);
const Level = struct("Level", { first: f32, at: vec3f, tiles: array(u8, 10_000) });

/** The pairs of source and safety mode in which handles are checked. */
const CHECKED = SUPPORTED.filter(({ safety }) => safety !== "release");

type ActorRecord = ReturnType<SmartAlloc["poolAlloc"]> & ReturnType<typeof Actor.assign>;

function assertCode(code: ErrorCode, fn: () => unknown, text: string = ""): FrameAllocError {
  const error = assertThrows(fn, FrameAllocError, text);
  assertEquals(error.code, code, error.message);
  assert(error.message.startsWith(`${code}: Cannot `), error.message);
  assert(!error.message.endsWith("."), error.message);
  return error;
}

/** Every use of a record. */
const USES: Readonly<Record<string, (actor: ActorRecord) => unknown>> = {
  "reading a number": (actor) => actor.health,
  "writing a number": (actor) => actor.health = 1,
  "reading a truth value": (actor) => actor.isAwake,
  "writing a truth value": (actor) => actor.isAwake = true,
  "reading a bigint": (actor) => actor.score,
  "writing a bigint": (actor) => actor.score = 1n,
  "reading a half": (actor) => actor.half,
  "writing a half": (actor) => actor.half = 1,
  "reading a component": (actor) => actor.at.y,
  "writing a component": (actor) => actor.at.y = 1,
  "setting a vector": (actor) => actor.at.set(1, 2, 3),
  "copying to a vector": (actor) => actor.at.copyFrom({ x: 1, y: 2, z: 3 }),
  "copying from a vector": (actor) => actor.at.toArray(),
  "reading an integer component": (actor) => actor.cell.x,
  "writing an unsigned component": (actor) => actor.tint.w = 1,
  "reading a matrix": (actor) => actor.turn.at(0),
  "writing a matrix": (actor) => actor.turn.set(8, 1),
  "copying from a matrix": (actor) => actor.turn.toArray(),
  "reading an element": (actor) => actor.list.at(0),
  "writing an element": (actor) => actor.list.set(0, 1),
  "filling a list": (actor) => actor.list.fill(1),
  "copying to a list": (actor) => actor.list.copyFrom([1, 2, 3, 4]),
  "copying from a list": (actor) => actor.list.toArray(),
  "iterating over a list": (actor) => [...actor.list],
  "reading a part": (actor) => actor.part.id,
  "writing a part of a part": (actor) => actor.part.at.z = 1,
  "reading an element's part": (actor) => actor.parts.at(1)!.at.x,
  "writing an element's field": (actor) => actor.parts.at(0)!.id = 1,
  "copying to a list of parts": (actor) => actor.parts.copyFrom([{ id: 1 }, { id: 2 }]),
  "iterating over parts": (actor) => [...actor.parts].map((part) => part.id),
  "assign()": (actor) => Actor.assign(actor, { health: 1 }),
  "assign() of nothing": (actor) => Actor.assign(actor, {}),
  "assign() to a part": (actor) => Part.assign(actor.part, { id: 1 }),
  "toObject()": (actor) => Actor.toObject(actor),
  "toObject() of a part": (actor) => Part.toObject(actor.part),
  "being assigned": (actor) => Actor.assign(new SmartAlloc().poolAlloc(Actor), actor),
  "filling a box": (actor) => new SmartAlloc().poolBox(Actor, actor),
};

/** Fills a slot with a byte. */
function occupy(alloc: SmartAlloc, byte: number): { readonly toArray: () => number[] } {
  const bytes = alloc.poolAlloc(Bytes);
  bytes.fill(byte);
  return { toArray: () => bytes.toArray() };
}

for (const { source, safety, name } of CHECKED) {
  Deno.test(`every use of a record after its slot was given away is FA401 on ${name}`, () => {
    for (const idle of [0, 4]) {
      const alloc = new SmartAlloc({ source, safety, poolIdlePages: idle });
      for (const [use, fn] of Object.entries(USES)) {
        const actor = alloc.withTag("ai", (alloc) => alloc.withTag("path", (alloc) => alloc.poolAlloc(Actor)));
        fn(actor); // all of it works as long as the record lives
        alloc.poolFree(actor);
        assertCode("FA401", () => fn(actor), 'Actor of tag "ai::path"');
        const next = occupy(alloc, 0xaa);
        assert(assertCode("FA401", () => fn(actor), 'Actor of tag "ai::path"') instanceof PoolError, use);
        assert(next.toArray().every((byte) => byte === 0xaa), `${use} has reached the next owner`);
        assertCode("FA403", () => alloc.poolFree(actor), 'Actor of tag "ai::path"');
      }
      const { live } = alloc.stats().pool;
      assertEquals(live, Object.keys(USES).length);
    }
  });
}

Deno.test("parts that were taken before are FA401 after, each on its own", () => {
  const alloc = new SmartAlloc();
  const actor = alloc.poolAlloc(Actor);
  const { at, cell, tint, turn, list, parts, part } = actor;
  const inner = parts.at(1)!;
  const innermost = inner.at;
  const iterator = list[Symbol.iterator]();
  iterator.next();
  alloc.poolFree(actor);
  const next = occupy(alloc, 0x55);
  for (
    const use of [
      () => at.x,
      () => cell.y = 1,
      () => tint.set(1, 2, 3, 4),
      () => turn.at(3),
      () => list.set(1, 2),
      () => parts.at(0)!.id,
      () => part.id = 4,
      () => inner.id,
      () => innermost.z = 3,
      () => iterator.next(),
      () => at.copyFrom(innermost),
    ]
  ) assertCode("FA401", use);
  assert(next.toArray().every((byte) => byte === 0x55));
  assertEquals(JSON.stringify([actor, at, inner]), '["[stale Actor]","[stale vec3f]","[stale Part]"]');
});

Deno.test("cells and boxes are FA401 after their slot was given away", () => {
  for (const { source, safety } of CHECKED) {
    const alloc = new SmartAlloc({ source, safety });
    const values: readonly (readonly [Layout, unknown])[] = [[f32, 1.5], [u8, 7], [bool, true], [i64, 3n]];
    for (const [layout, value] of values) {
      const cell = alloc.withTag("ai", () => alloc.poolAlloc(layout)) as { value: unknown };
      const box = alloc.withTag("ai", () => alloc.poolBox(layout, value as never));
      cell.value = value;
      assertEquals([cell.value, box.value, box.isFreed], [value, value, false]);
      alloc.poolFree(cell);
      box.free();
      const next = [alloc.poolBox(u32, 77), alloc.poolBox(u32, 78)];
      assertCode("FA401", () => cell.value, 'of tag "ai"');
      assertCode("FA401", () => cell.value = value, 'of tag "ai"');
      assertCode("FA401", () => box.value, 'of tag "ai"');
      assertCode("FA401", () => box.value = value as never, 'of tag "ai"');
      assertCode("FA401", () => box.assign(value as never), 'of tag "ai"');
      assertEquals(JSON.stringify(box), `"[stale Cell<${layout.name}>]"`);
      assertEquals([box.isFreed, ...next.map((box) => box.value)], [true, 77, 78]);
    }
    const box = alloc.poolBox(Actor, { health: 3 });
    const { value } = box;
    box[Symbol.dispose]();
    const next = alloc.poolBox(Actor, { health: 4 });
    assertCode("FA401", () => value.health);
    assertCode("FA401", () => box.value.at.x);
    assertCode("FA401", () => box.assign({ health: 5 }));
    assertCode("FA401", () => box.value = { health: 5 } as typeof value);
    assertEquals([next.value.health, JSON.stringify(value)], [4, '"[stale Actor]"']);
  }
});

Deno.test("a record stays FA401 however often its slot, its page and its layout change hands", () => {
  for (const { source, safety } of CHECKED) {
    const alloc = new SmartAlloc({ source, safety, poolIdlePages: 0, poolPageSize: 4096 });
    const old: ActorRecord[] = [];
    for (let i = 0; i < 200; i++) {
      const actor = alloc.withTag(`tag${i}`, () => alloc.poolAlloc(Actor));
      actor.health = i;
      for (const [j, stale] of old.entries()) assertCode("FA401", () => stale.health, `of tag "tag${j * 10}"`);
      if (i % 3 === 0) alloc.poolFree(alloc.poolAlloc(Bytes));
      alloc.poolFree(actor);
      if (i % 10 === 0) old.push(actor);
      if (i % 7 === 0) alloc.trim();
    }
    const next = alloc.poolBox(Actor, { health: 9 });
    for (const [j, stale] of old.entries()) {
      assertCode("FA403", () => alloc.poolFree(stale), `of tag "tag${j * 10}"`);
      assertCode("FA401", () => stale.health);
    }
    assertEquals([next.value.health, alloc.stats().pool.live], [9, 1]);
  }
});

Deno.test("a record with a block of its own is FA401 and FA403 after the block was given away", () => {
  for (const { source, safety } of CHECKED) {
    const alloc = new SmartAlloc({ source, safety });
    const level = alloc.withTag("world", () => alloc.poolAlloc(Level));
    const { at, tiles } = level;
    alloc.poolFree(level);
    const next = alloc.poolBox(Level, { first: 4 });
    assertEquals(alloc.stats().heap.reuses, 1);
    for (
      const use of [
        () => level.first,
        () => level.first = 3,
        () => at.x = 3,
        () => tiles.at(1),
        () => Level.toObject(level),
        () => Level.assign(level, {}),
      ]
    ) assertCode("FA401", use, 'Level of tag "world"');
    assertCode("FA403", () => alloc.poolFree(level), 'Level of tag "world"');
    assertEquals([next.value.first, alloc.stats().pool.large], [4, 1]);
    const { value } = next;
    next.free();
    const last = alloc.poolBox(Level, { first: 5 });
    assertCode("FA403", () => next.free());
    assertCode("FA403", () => alloc.poolFree(value));
    assertEquals([next.isFreed, last.value.first, alloc.stats().pool.live], [true, 5, 1]);
  }
});

Deno.test("freeing twice is FA403, and the next two records do not share a slot", () => {
  for (const { source, safety } of CHECKED) {
    const alloc = new SmartAlloc({ source, safety });
    const actor = alloc.withTag("ai", () => alloc.poolAlloc(Actor));
    alloc.poolFree(actor);
    for (let i = 0; i < 3; i++) assertCode("FA403", () => alloc.poolFree(actor), 'of tag "ai"');
    const [one, two] = [alloc.poolBox(Actor, { health: 1 }), alloc.poolBox(Actor, { health: 2 })];
    for (let i = 0; i < 3; i++) assertCode("FA403", () => alloc.poolFree(actor), 'of tag "ai"');
    one.value.at.set(1, 1, 1);
    two.value.at.set(2, 2, 2);
    assertEquals([one.value.health, one.value.at.x, two.value.health, two.value.at.x], [1, 1, 2, 2]);
    assertEquals([alloc.stats().pool.live, alloc.stats().tags.length], [2, 1]);
  }
});

Deno.test("a box is freed once, by itself or by its record, and disposing of it again does nothing", () => {
  for (const { source, safety } of CHECKED) {
    const alloc = new SmartAlloc({ source, safety });
    const byItself = alloc.poolBox(Actor);
    const itsRecord = byItself.value;
    byItself.free();
    const byRecord = alloc.poolBox(Actor);
    alloc.poolFree(byRecord.value);
    const disposed = alloc.poolBox(Actor);
    disposed[Symbol.dispose]();
    const next = alloc.poolBox(Actor, { health: 5 });
    for (const box of [byItself, byRecord, disposed]) {
      assertEquals(box.isFreed, true);
      box[Symbol.dispose]();
      assertCode("FA403", () => box.free());
    }
    assertCode("FA403", () => alloc.poolFree(itsRecord));
    assertEquals([next.isFreed, next.value.health, alloc.stats().pool.live], [false, 5, 1]);
  }
});

Deno.test("in release mode a second free is FA403 as long as nobody has the slot, and of a box for ever", () => {
  const alloc = new SmartAlloc({ safety: "release" });
  const actor = alloc.withTag("ai", () => alloc.poolAlloc(Actor));
  alloc.poolFree(actor);
  assertCode("FA403", () => alloc.poolFree(actor), 'Actor of tag "ai"');
  const level = alloc.withTag("ai", () => alloc.poolAlloc(Level));
  alloc.poolFree(level);
  assertCode("FA403", () => alloc.poolFree(level), 'Level of tag "ai"');
  for (const layout of [f32, Actor, Level] as const) {
    const box = alloc.poolBox(layout);
    box.free();
    assertCode("FA403", () => box.free());
    const next = alloc.poolBox(layout);
    assertCode("FA403", () => box.free());
    box[Symbol.dispose]();
    assertEquals([box.isFreed, next.isFreed, alloc.stats().pool.live], [true, false, 1], layout.name);
    next.free();
  }
});

for (const safety of ["checked", "revoke", "release"] as const) {
  Deno.test(`freeing what does not come from this pool is FA404 and changes nothing in ${safety}`, () => {
    const alloc = new SmartAlloc({ safety });
    const other = new SmartAlloc({ safety });
    const kept = alloc.poolBox(Actor, { health: 1 });
    const foreign = other.poolAlloc(Actor);
    const foreignLevel = other.poolAlloc(Level);
    alloc.beginFrame();
    const group = alloc.groups.create("level");
    const handle = alloc.handles.alloc(Actor);
    const batch = alloc.frameAllocBatch(Actor, 3);
    const things: Readonly<Record<string, unknown>> = {
      "a record of another allocator": foreign,
      "a large record of another allocator": foreignLevel,
      "a frame record": alloc.frameAlloc(Actor),
      "a frame box": alloc.frameBox(Actor),
      "a value of a frame box": alloc.frameBox(Actor).value,
      "a record of a batch": batch.at(1),
      "a batch": batch,
      "a frame slice": alloc.frameSlice(Uint8Array, 8),
      "a vec": alloc.frameVec(Actor),
      "a pool box": kept,
      "a heap block": alloc.heapAlloc(100),
      "a heap box": alloc.heapBox(Actor),
      "a value of a heap box": alloc.heapBox(Actor).value,
      "a record behind a handle": alloc.handles.resolve(handle),
      "a handle": handle,
      "a record of a group": group.alloc(Actor),
      "a layout": Actor,
      "an object": {},
      "an object without prototype": Object.create(null),
      "a list": [kept.value],
      "a function": () => kept.value,
      undefined,
      null: null,
      "a number": 0,
      "a text": "actor",
    };
    const before = JSON.stringify(alloc.stats());
    for (const [what, thing] of Object.entries(things)) {
      const error = assertThrows(() => alloc.poolFree(thing as object), FrameAllocError, "", what);
      assert(error instanceof PoolError);
      assertEquals(error.code, "FA404", what);
      assert(error.message.startsWith("FA404: Cannot free ") && !error.message.endsWith("."), error.message);
    }
    assertEquals(JSON.stringify(alloc.stats()), before);
    assertEquals([kept.value.health, other.stats().pool.live], [1, 2]);
    foreign.health = 3;
    assertEquals(foreign.health, 3);
    other.poolFree(foreign);
    other.poolFree(foreignLevel);
    kept.free();
    assertEquals([alloc.stats().pool.live, other.stats().pool.live], [0, 0]);
    alloc.endFrame();
    alloc.dispose();
  });
}

Deno.test("a part of a record is FA404, and does not free the whole", () => {
  for (const { source, safety } of CHECKED) {
    const alloc = new SmartAlloc({ source, safety });
    const actor = alloc.poolAlloc(Actor);
    const level = alloc.poolAlloc(Level);
    actor.health = 1;
    level.first = 2;
    for (const part of [actor.at, actor.turn, actor.list, actor.parts, actor.parts.at(0)!, actor.part, actor.part.at]) {
      assertCode("FA404", () => alloc.poolFree(part), "a part of Actor");
    }
    for (const part of [level.at, level.tiles]) assertCode("FA404", () => alloc.poolFree(part), "a part of Level");
    assertEquals([actor.health, level.first, alloc.stats().pool.live, alloc.stats().pool.large], [1, 2, 2, 1]);
    alloc.poolFree(actor);
    alloc.poolFree(level);
    assertEquals(alloc.stats().pool.live, 0);
  }
});

Deno.test("what was freed elsewhere is called by its name when it is freed here", () => {
  const alloc = new SmartAlloc();
  const handle = alloc.withTag("ai", () => alloc.handles.alloc(Actor));
  const record = alloc.handles.resolve(handle, Actor);
  alloc.handles.free(handle);
  assertCode("FA403", () => alloc.poolFree(record as object), 'Actor behind a handle of tag "ai"');
});

Deno.test("in debug mode FA401 says where the record was allocated", () => {
  const alloc = new SmartAlloc({ debug: true, sampleSites: 1 });
  const records = [alloc.poolAlloc(Actor), alloc.poolBox(Actor).value, alloc.poolAlloc(Level)];
  for (const record of records) {
    alloc.poolFree(record);
    const error = assertCode("FA401", () => record.at.x, "allocated at");
    assert(error.message.includes("pool_staleness_test.ts"), error.message);
  }
  const kept = alloc.withTag("ai", () => alloc.poolAlloc(Actor));
  alloc.dispose();
  assertCode("FA401", () => kept.health, "pool_staleness_test.ts");
});

Deno.test("a record says so when it is used while its source refuses to give more", () => {
  let isGenerous = true;
  const source = {
    ...arrayBufferSource,
    obtain(bytes: number) {
      if (!isGenerous) throw new RangeError("Not today");
      return arrayBufferSource.obtain(bytes);
    },
  };
  const alloc = new SmartAlloc({ source, poolPageSize: 4096 });
  const actors = Array.from({ length: 16 }, () => alloc.poolAlloc(Actor));
  isGenerous = false;
  assertEquals([alloc.tryPoolAlloc(Actor), alloc.stats().pool.sizes.at(4)?.pages], [undefined, 1]);
  const freed = actors.pop()!;
  alloc.poolFree(freed);
  const next = alloc.tryPoolAlloc(Actor)!;
  next.health = 5;
  assertCode("FA401", () => freed.health = 6);
  assertEquals(next.health, 5);
  assertStrictEquals(alloc.tryPoolAlloc(Actor), undefined);
});
