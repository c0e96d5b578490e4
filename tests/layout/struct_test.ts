/**
 * Structs: records that are the memory, and filling and copying them.
 */

import { array, bool, f32, f64, mat3x3f, SmartAlloc, struct, u16, u32, u64, u8, vec3f } from "@framealloc/core";
import { assertEquals, assertNotStrictEquals, assertStrictEquals, assertThrows } from "@std/assert";
import * as fc from "fast-check";
import { plainFor, RULES_AND_STRUCT, storedPlain, structOf } from "./_definitions.ts";

const Inner = struct("Inner", { flag: bool, weight: f64 });
const Body = struct("Body", { id: u32, position: vec3f, inner: Inner, tail: array(Inner, 2), bytes: array(u8, 3) });

Deno.test("struct() places fields in the order in which they are written", () => {
  const Contact = struct("Contact", { a: u32, b: u32, point: vec3f, normal: vec3f, depth: f32 });
  assertEquals([Contact.kind, Contact.name, Contact.rules], ["struct", "Contact", "c"]);
  assertEquals([Contact.size, Contact.align, Contact.stride], [36, 4, 36]);
  assertEquals(Contact.offsets, { a: 0, b: 4, point: 8, normal: 20, depth: 32 });
  assertEquals(Object.keys(struct("Mixed", { z: u8, a: u64, m: u16 }).offsets), ["z", "a", "m"]);
  assertEquals(struct("Mixed", { z: u8, a: u64, m: u16 }).offsets, { z: 0, a: 8, m: 16 });
});

Deno.test("struct() keeps the layouts of its fields", () => {
  assertStrictEquals(Body.fields.inner, Inner);
  assertEquals(Object.keys(Body.fields), ["id", "position", "inner", "tail", "bytes"]);
});

Deno.test("struct() takes every identifier that is not reserved", () => {
  const alloc = new SmartAlloc();
  alloc.beginFrame();
  const Odd = struct("Odd", { _: u8, π: f32, a1: u8, class: u8, length: u8, at: u8, set: u8, name: u8, __a__: u8 });
  const record = alloc.frameAlloc(Odd);
  Odd.assign(record, { _: 1, π: 2, a1: 3, class: 4, length: 5, at: 6, set: 7, name: 8, __a__: 9 });
  assertEquals(Odd.toObject(record), {
    _: 1,
    π: 2,
    a1: 3,
    class: 4,
    length: 5,
    at: 6,
    set: 7,
    name: 8,
    __a__: 9,
  });
});

Deno.test("records enumerate their fields", () => {
  const alloc = new SmartAlloc();
  alloc.beginFrame();
  const seen: string[] = [];
  // deno-lint-ignore guard-for-in -- fields are accessors of the prototype
  for (const key in alloc.frameAlloc(Body)) seen.push(key);
  assertEquals(seen.filter((key) => !key.startsWith("$")), ["id", "position", "inner", "tail", "bytes"]);
});

Deno.test("parts of a record are made once", () => {
  const alloc = new SmartAlloc();
  alloc.beginFrame();
  const record = alloc.frameAlloc(Body);
  assertStrictEquals(record.position, record.position);
  assertStrictEquals(record.tail.at(1), record.tail.at(1));
  assertNotStrictEquals<unknown>(record.tail.at(0), record.tail.at(1));
});

Deno.test("assign() and toObject() go round for random structs", () => {
  const alloc = new SmartAlloc({ safety: "release" });
  const filled = RULES_AND_STRUCT.chain(([rules, definition]) =>
    fc.tuple(plainFor(definition), plainFor(definition)).map(([plain, other]) => ({ rules, definition, plain, other }))
  );
  fc.assert(
    fc.property(filled, ({ rules, definition, plain, other }) => {
      using _frame = alloc.frame();
      const layout = structOf(definition, rules);
      const record = alloc.frameAlloc(layout);
      assertStrictEquals(layout.assign(record, plain as object), record);
      assertEquals(layout.toObject(record), storedPlain(definition, plain));

      const copy = alloc.frameAlloc(layout);
      layout.assign(copy, layout.toObject(record));
      assertEquals(layout.toObject(copy), layout.toObject(record));
      layout.assign(copy, other as object);
      layout.assign(copy, record); // a record will do as values
      assertEquals(layout.toObject(copy), layout.toObject(record));
      layout.assign(record, record);
      assertEquals(layout.toObject(copy), layout.toObject(record));
    }),
    { seed: 7, numRuns: 500 },
  );
});

Deno.test("assign() keeps the fields that are left out", () => {
  const alloc = new SmartAlloc({ safety: "release" });
  const filled = RULES_AND_STRUCT.chain(([rules, definition]) =>
    fc.tuple(plainFor(definition), plainFor(definition), fc.subarray(definition.fields.map(([name]) => name)))
      .map(([plain, other, chosen]) => ({ rules, definition, plain, other, chosen }))
  );
  fc.assert(
    fc.property(filled, ({ rules, definition, plain, other, chosen }) => {
      using _frame = alloc.frame();
      const layout = structOf(definition, rules);
      const record = layout.assign(alloc.frameAlloc(layout), plain as object);
      const part = Object.fromEntries(
        definition.fields.map(([name]) => name).filter((name) => chosen.includes(name))
          .map((name) => [name, (other as Record<string, unknown>)[name]]),
      );
      layout.assign(record, part as object);
      assertEquals(layout.toObject(record), storedPlain(definition, { ...plain as object, ...part }));
    }),
    { seed: 8, numRuns: 500 },
  );
});

Deno.test("assign() fills nested structs in part too", () => {
  const alloc = new SmartAlloc();
  alloc.beginFrame();
  const { value: record } = alloc.frameBox(Body, {
    id: 1,
    inner: { flag: true, weight: 2 },
    tail: [{ weight: 3 }, {}],
  });
  Body.assign(record, { inner: { weight: 4 }, tail: [{}, { flag: true }] });
  assertEquals(Body.toObject(record), {
    id: 1,
    position: { x: 0, y: 0, z: 0 },
    inner: { flag: true, weight: 4 },
    tail: [{ flag: false, weight: 3 }, { flag: true, weight: 0 }],
    bytes: [0, 0, 0],
  });
});

Deno.test("assign() leaves fields alone that are undefined", () => {
  const alloc = new SmartAlloc();
  alloc.beginFrame();
  const Point = struct("Point", { x: f32, y: f32 });
  const { value: record } = alloc.frameBox(Point, { x: 1, y: 2 });
  Point.assign(record, { x: undefined, y: 3 } as unknown as { y: number });
  assertEquals(Point.toObject(record), { x: 1, y: 3 });
});

Deno.test("toObject() makes a fresh object with no tie to the memory", () => {
  const alloc = new SmartAlloc();
  alloc.beginFrame();
  const Model = struct("Model", { m: mat3x3f, p: vec3f });
  const { value: record } = alloc.frameBox(Model, { m: [1, 2, 3, 4, 5, 6, 7, 8, 9], p: [1, 2, 3] });
  const plain = Model.toObject(record);
  record.p.x = 100;
  record.m.fill(0);
  alloc.endFrame();
  assertEquals(plain, { m: [1, 2, 3, 4, 5, 6, 7, 8, 9], p: { x: 1, y: 2, z: 3 } });
});

Deno.test("assign() and toObject() take any record of the layout: cursors, batches, vecs, boxes, parts", () => {
  const alloc = new SmartAlloc();
  alloc.beginFrame();
  const batch = alloc.frameAllocBatch(Inner, 2);
  const cursor = batch.cursor();
  cursor.next();
  const vec = alloc.frameVec(Inner);
  const outer = alloc.frameAlloc(Body);
  const [tuple] = alloc.frameAlloc2(Inner);
  const records = [cursor.record, batch.at(1), vec.push(), outer.inner, outer.tail.at(1), tuple];
  records.forEach((record, i) => Inner.assign(record, { flag: i % 2 === 0, weight: i }));
  assertEquals(records.map((record) => Inner.toObject(record).weight), [0, 1, 2, 3, 4, 5]);
});

Deno.test("assign() and toObject() refuse a record whose memory has ended", () => {
  const alloc = new SmartAlloc();
  alloc.beginFrame();
  const record = alloc.frameAlloc(Inner);
  alloc.endFrame();
  alloc.beginFrame();
  const fresh = alloc.frameAlloc(Inner);
  for (
    const use of [
      () => Inner.assign(record, { weight: 1 }),
      () => Inner.toObject(record),
      () => Inner.assign(fresh, record),
    ]
  ) assertThrows(use, Error, "FA002");
});
