/**
 * Lists, maps and texts against the JavaScript ones, in random programs.
 */

import { array, f32, f64, i16, i8, type KeyLayout, SmartAlloc, struct, u32, u8, vec3f } from "@framealloc/core";
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import fc from "fast-check";

const MODES = ["checked", "revoke", "release"] as const;
const Item = struct("Item", { a: f64, at: vec3f, pad: array(u8, 3) });

const mapOp = (key: fc.Arbitrary<number>) =>
  fc.oneof(
    { weight: 6, arbitrary: fc.tuple(fc.constant("set" as const), key, fc.integer()) },
    { weight: 2, arbitrary: fc.tuple(fc.constant("delete" as const), key, fc.constant(0)) },
    { weight: 2, arbitrary: fc.tuple(fc.constant("getOrInsert" as const), key, fc.integer()) },
    { weight: 3, arbitrary: fc.tuple(fc.constant("get" as const), key, fc.constant(0)) },
    { weight: 1, arbitrary: fc.tuple(fc.constant("clear" as const), key, fc.constant(0)) },
  );

const KEYS: readonly (readonly [KeyLayout, fc.Arbitrary<number>])[] = [
  [u32, fc.oneof(fc.nat(20), fc.integer({ min: 0, max: 2 ** 32 - 1 }))],
  [i8, fc.integer({ min: -128, max: 127 })],
  [i16, fc.integer({ min: -32768, max: 32767 })],
  [f64, fc.oneof(fc.double(), fc.constantFrom(0, -0, NaN, Infinity, -Infinity))],
  [f32, fc.oneof(fc.float(), fc.constantFrom(0, -0, NaN))],
];

for (const safety of MODES) {
  for (const [layout, key] of KEYS) {
    Deno.test(`frameMap with keys of ${layout.name} does as Map does in ${safety}`, () => {
      const alloc = new SmartAlloc({ safety });
      fc.assert(
        fc.property(fc.nat(20), fc.array(mapOp(key), { maxLength: 120, size: "max" }), (capacity, ops) => {
          using _frame = alloc.frame();
          const numbers = alloc.frameMap(layout, f64, capacity);
          const records = alloc.frameMap(layout, Item, capacity);
          const model = new Map<number, number>();
          for (const [op, key, value] of ops) {
            switch (op) {
              case "set":
                numbers.set(key, value);
                records.set(key, { a: value });
                model.set(key, value);
                break;
              case "delete": {
                const had = model.delete(key);
                assertEquals([numbers.delete(key), records.delete(key)], [had, had]);
                break;
              }
              case "getOrInsert":
                if (!model.has(key)) model.set(key, value);
                assertEquals(numbers.getOrInsert(key, value), model.get(key));
                assertEquals(records.getOrInsert(key, { a: value }).a, model.get(key));
                break;
              case "get":
                assertEquals([numbers.has(key), numbers.get(key)], [model.has(key), model.get(key)]);
                assertEquals(records.get(key)?.a, model.get(key));
                break;
              case "clear":
                numbers.clear();
                records.clear();
                model.clear();
                break;
            }
            assertEquals([numbers.size, records.size], [model.size, model.size]);
          }
          assertEquals([...numbers], [...model]);
          assertEquals([...numbers.keys()], [...model.keys()]);
          assertEquals([...numbers.values()], [...model.values()]);
          assertEquals([...records].map(([key, { a }]) => [key, a]), [...model]);
          const seen: [number, number][] = [];
          numbers.forEach((value, key) => seen.push([key, value]));
          assertEquals(seen, [...model]);
          assertEquals(JSON.parse(JSON.stringify(numbers)), JSON.parse(JSON.stringify([...model])));
        }),
        { numRuns: 100 },
      );
    });
  }

  Deno.test(`frameVec does as Array does in ${safety}`, () => {
    const alloc = new SmartAlloc({ safety });
    const op = fc.oneof(
      { weight: 6, arbitrary: fc.tuple(fc.constant("push" as const), fc.integer()) },
      { weight: 2, arbitrary: fc.tuple(fc.constant("pop" as const), fc.constant(0)) },
      { weight: 2, arbitrary: fc.tuple(fc.constant("set" as const), fc.nat(40)) },
      { weight: 1, arbitrary: fc.tuple(fc.constant("clear" as const), fc.constant(0)) },
      { weight: 1, arbitrary: fc.tuple(fc.constant("reserve" as const), fc.nat(100)) },
      { weight: 1, arbitrary: fc.tuple(fc.constant("other" as const), fc.nat(100)) },
    );
    fc.assert(
      fc.property(fc.nat(20), fc.array(op, { maxLength: 150, size: "max" }), (capacity, ops) => {
        using _frame = alloc.frame();
        const numbers = alloc.frameVec(Float64Array, capacity);
        const records = alloc.frameVec(Item, capacity);
        const model: number[] = [];
        for (const [op, value] of ops) {
          switch (op) {
            case "push":
              model.push(value);
              assertEquals(numbers.push(value), model.length);
              records.push({ a: value, at: [value % 7, 0, 0] });
              break;
            case "pop": {
              const popped = model.pop();
              assertEquals([numbers.pop(), records.pop()?.a], [popped, popped]);
              break;
            }
            case "set":
              if (value >= model.length) break;
              model[value] = value;
              numbers.set(value, value);
              records.at(value).a = value;
              break;
            case "clear":
              model.length = 0;
              numbers.clear();
              records.clear();
              break;
            case "reserve":
              numbers.reserve(value);
              records.reserve(value);
              assert(numbers.capacity >= value && records.capacity >= value);
              break;
            case "other":
              alloc.frameSlice(Uint8Array, value).fill(0xee);
              break;
          }
          assertEquals([numbers.length, records.length], [model.length, model.length]);
        }
        assertEquals([...numbers], model);
        assertEquals([...numbers.view], model);
        assertEquals([...records].map(({ a }) => a), model);
        const walked: number[] = [];
        for (const k = records.cursor(); k.next();) {
          assertEquals(k.index, walked.length);
          walked.push(k.record.a);
        }
        assertEquals(walked, model);
        assertEquals(model.map((_, i) => records.at(i).a), model);
      }),
      { numRuns: 150 },
    );
  });

  Deno.test(`frameString holds any text in ${safety}`, () => {
    const alloc = new SmartAlloc({ safety, source: safety === "revoke" ? "wasm" : "shared" });
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.string(), fc.string({ unit: "grapheme" }), fc.string({ unit: "binary" })), {
          maxLength: 20,
        }),
        (parts) => {
          using _frame = alloc.frame();
          const text = alloc.frameString(parts[0] ?? "");
          for (const part of parts.slice(1)) text.append(part);
          const expected = parts.map((part) => part.toWellFormed()).join("");
          assertEquals(text.toString(), expected);
          assertEquals(text.bytes, new TextEncoder().encode(expected));
          assertEquals([text.byteLength, JSON.stringify(text)], [text.bytes.length, JSON.stringify(expected)]);
          text.clear();
          assertEquals(text.append("again").toString(), "again");
        },
      ),
      { numRuns: 300 },
    );
  });

  Deno.test(`cursors are independent of each other in ${safety}`, () => {
    const alloc = new SmartAlloc({ safety });
    for (let frame = 0; frame < 3; frame++) {
      using _frame = alloc.frame();
      const batch = alloc.frameAllocBatch(Item, 10);
      for (let i = 0; i < 10; i++) Item.assign(batch.at(i), { a: i, at: [i, 0, 0] });
      let pairs = 0;
      for (const outer = batch.cursor(); outer.next();) {
        for (const inner = batch.cursor(); inner.next();) {
          assertEquals([outer.record.a, inner.record.a], [outer.index, inner.index]);
          assertEquals([outer.record.at.x, inner.record.at.x], [outer.index, inner.index]);
          pairs++;
        }
      }
      assertEquals(pairs, 100);
    }
  });
}

Deno.test("boxes and fresh memory hold what is documented", () => {
  const alloc = new SmartAlloc();
  alloc.beginFrame();
  alloc.frameSlice(Uint8Array, 1000).fill(0xee);
  alloc.endFrame();
  alloc.beginFrame();
  assertEquals(Item.toObject(alloc.frameBox(Item).value).a, 0);
  assertEquals(Item.toObject(alloc.frameBox(Item, { at: { y: 2 } as never }).value).at, { x: 0, y: 2, z: 0 });
  assertEquals([alloc.frameBox(f32).value, alloc.frameBox(f32, 2).value], [0, 2]);
  assert(alloc.frameSlice(Uint8Array, 100).every((byte) => byte === 0xee)); // whatever was there before
  assert(alloc.frameSlice(BigUint64Array, 10, { zero: true }).every((value) => value === 0n));
  const map = alloc.frameMap(u32, Item);
  assertAlmostEquals(map.getOrInsert(1).a, 0);
  alloc.endFrame();
});

Deno.test("two allocators never share memory", () => {
  const [one, two] = [new SmartAlloc(), new SmartAlloc()];
  one.beginFrame();
  two.beginFrame();
  const mine = one.frameSlice(Uint8Array, 100).fill(1);
  const theirs = two.frameSlice(Uint8Array, 100).fill(2);
  assert(mine.buffer !== theirs.buffer);
  two.endFrame();
  assert(one.inFrame && mine.every((byte) => byte === 1));
  assertEquals(two.stats().tags[0]?.totalBytes, 112);
  assertEquals(one.stats().totals.frames, 0);
});

Deno.test("a list or map that a budget's callback grows while it grows keeps every element in its place", () => {
  const S = struct("S", { a: u32, b: u32 });
  const alloc = new SmartAlloc();
  const group = alloc.groups.create("lists");
  alloc.withTag("t", () => {
    const vec = group.allocVec(S, 1);
    vec.push({ a: 1 });
    alloc.budgets.setTag("t", { soft: group.used, onCross: () => void vec.push({ a: 2 }) });
    vec.push({ a: 3 });
    assertEquals([...vec].map(({ a }) => a).sort(), [1, 2, 3]);

    alloc.budgets.setTag("t", {});
    const map = group.allocMap(u32, S, 4);
    for (let i = 0; i < 4; i++) map.set(i, { a: i });
    alloc.budgets.setTag("t", { soft: group.used, onCross: () => void map.set(1000, { a: 1000 }) });
    map.getOrInsert(7).a = 777;
    assertEquals([map.get(1000)?.a, map.get(7)?.a, map.size], [1000, 777, 6]);

    alloc.budgets.setTag("t", {});
    const same = group.allocMap(u32, u32, 4);
    for (let i = 0; i < 4; i++) same.set(i, i);
    alloc.budgets.setTag("t", { soft: group.used, onCross: () => void same.set(9, 1) });
    same.set(9, 2);
    assertEquals([same.get(9), same.size, [...same.keys()]], [2, 5, [0, 1, 2, 3, 9]]);
  });
});
