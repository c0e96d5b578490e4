/**
 * What is marked as dirty, against a model that has a flag for each word.
 */

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import * as fc from "fast-check";
import { DirtyRanges } from "../../gpu/transfer/dirty_ranges.ts";

const WORDS = 2048;

type Mark = readonly [offset: number, bytes: number];

const mark = fc.tuple(fc.nat(WORDS * 4 - 1), fc.nat(200)).map(([offset, bytes]): Mark => [
  offset,
  Math.min(bytes, WORDS * 4 - offset),
]);

function rangesOf(dirty: DirtyRanges): Mark[] {
  return Array.from({ length: dirty.count }, (_, i): Mark => [dirty.offsets[i]!, dirty.lengths[i]!]);
}

/** The words that are touched by any mark, as ranges. */
function modelOf(marks: readonly Mark[], words = WORDS, base = 0): Mark[] {
  const isDirty = new Uint8Array(words + 1);
  for (const [offset, bytes] of marks) {
    if (bytes > 0) isDirty.fill(1, Math.floor((offset - base) / 4), Math.ceil((offset - base + bytes) / 4));
  }
  const ranges: Mark[] = [];
  for (let start = isDirty.indexOf(1); start >= 0;) {
    const end = isDirty.indexOf(0, start);
    ranges.push([base + start * 4, (end - start) * 4]);
    start = isDirty.indexOf(1, end);
  }
  return ranges;
}

function sum(ranges: readonly Mark[]): number {
  return ranges.reduce((bytes, [, length]) => bytes + length, 0);
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}

Deno.test("DirtyRanges has exactly the words that were marked, in order and apart from each other", () => {
  fc.assert(
    fc.property(fc.array(mark, { maxLength: 120 }), fc.array(fc.nat(120), { maxLength: 3 }), (marks, settles) => {
      const dirty = new DirtyRanges();
      marks.forEach(([offset, bytes], i) => {
        dirty.add(offset, bytes);
        if (settles.includes(i)) dirty.settle();
      });
      const model = modelOf(marks);
      assert(dirty.bytes >= sum(model));
      dirty.settle();
      assertEquals(rangesOf(dirty), model);
      assertEquals(dirty.bytes, sum(model));
    }),
    { numRuns: 400 },
  );
});

Deno.test("DirtyRanges sorts many ranges at any offset", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(0, 2 ** 20, 2 ** 24 - 4096, 2 ** 31 - 4096, 2 ** 32 - 8 * WORDS),
      fc.array(fc.tuple(fc.nat(WORDS - 1), fc.integer({ min: 1, max: 8 })), { minLength: 100, maxLength: 800 }),
      (base, records) => {
        const marks = records.map(([word, bytes]): Mark => [base + word * 4, Math.min(bytes, (WORDS - word) * 4)]);
        const dirty = new DirtyRanges();
        for (const [offset, bytes] of marks) dirty.add(offset, bytes);
        dirty.settle();
        assertEquals(rangesOf(dirty), modelOf(marks, WORDS, base));
      },
    ),
    { numRuns: 60 },
  );
});

Deno.test("DirtyRanges tells ranges of all magnitudes apart", () => {
  const offsets = Array.from({ length: 4096 }, (_, i) => (Math.imul(i, 0x9e3779b1) & ~0xf) >>> 0);
  const dirty = new DirtyRanges();
  for (const offset of offsets) dirty.add(offset, 4);
  dirty.settle();
  const expected = [...new Set(offsets)].sort((a, b) => a - b);
  assertEquals(rangesOf(dirty), expected.map((offset): Mark => [offset, 4]));
});

Deno.test("DirtyRanges makes neighbours one range at once, from either side", () => {
  const up = new DirtyRanges();
  for (let i = 0; i < 100; i++) up.add(i * 64, 64);
  assertEquals(rangesOf(up), [[0, 6400]]);
  const down = new DirtyRanges();
  for (let i = 99; i >= 0; i--) down.add(i * 64, 64);
  assertEquals(rangesOf(down), [[0, 6400]]);
});

Deno.test("DirtyRanges settles a range that has grown into those before it", () => {
  const dirty = new DirtyRanges();
  dirty.add(0, 8);
  dirty.add(64, 8);
  dirty.add(4, 64);
  dirty.settle();
  assertEquals(rangesOf(dirty), [[0, 72]]);
});

Deno.test("DirtyRanges with a limit loses no byte, and keeps to it", () => {
  fc.assert(
    fc.property(fc.array(mark, { maxLength: 200 }), fc.constantFrom(8, 16, 32), (marks, limit) => {
      const dirty = new DirtyRanges(limit);
      const isDirty = new Uint8Array(WORDS);
      for (const [offset, bytes] of marks) {
        dirty.add(offset, bytes);
        assert(dirty.count <= limit);
      }
      dirty.settle();
      for (const [offset, length] of rangesOf(dirty)) isDirty.fill(1, offset / 4, (offset + length) / 4);
      for (const [offset, length] of modelOf(marks)) {
        assert(isDirty.subarray(offset / 4, (offset + length) / 4).every((flag) => flag === 1));
      }
      assertEquals(dirty.bytes, sum(rangesOf(dirty)));
      assertEquals(rangesOf(dirty), modelOf(rangesOf(dirty)));
    }),
    { numRuns: 300 },
  );
});

Deno.test("DirtyRanges without a limit has no clean byte however many ranges there are", () => {
  const dirty = new DirtyRanges(Infinity);
  for (let i = 0; i < 70_000; i++) dirty.add(((i * 7919) % 70_000) * 8, 4);
  dirty.settle();
  assertEquals(dirty.count, 70_000);
  assertEquals(dirty.bytes, 280_000);
});

Deno.test("DirtyRanges has everything after all(), and nothing after clear()", () => {
  const dirty = new DirtyRanges();
  for (let i = 0; i < 50; i++) dirty.add(((i * 31) % 50) * 16, 4);
  dirty.all(1000);
  assertEquals(rangesOf(dirty), [[0, 1000]]);
  assertEquals(dirty.bytes, 1000);
  dirty.clear();
  dirty.settle();
  assertEquals([dirty.count, dirty.bytes], [0, 0]);
  dirty.add(8, 4);
  dirty.settle();
  assertEquals(rangesOf(dirty), [[8, 4]]);
});

Deno.test("DirtyRanges finds the size of the records, whole ranges of them included", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 300 }),
      fc.array(fc.tuple(fc.nat(500), fc.integer({ min: 1, max: 3 })), { minLength: 1, maxLength: 60 }),
      (words, records) => {
        const stride = words * 4;
        const dirty = new DirtyRanges();
        for (const [index, count] of records) dirty.add(index * stride, count * stride);
        dirty.settle();
        assertEquals(dirty.stride(), rangesOf(dirty).flat().reduce(gcd));
        assertEquals(dirty.stride() % stride, 0);
      },
    ),
    { numRuns: 200 },
  );
});

Deno.test("DirtyRanges needs no more memory for the same marks", () => {
  const dirty = new DirtyRanges();
  const fill = (): void => {
    for (let i = 0; i < 1000; i++) dirty.add(((i * 733) % 1000) * 64, 16);
    dirty.settle();
    dirty.clear();
  };
  fill();
  const { offsets, lengths } = dirty;
  fill();
  assertStrictEquals(dirty.offsets, offsets);
  assertStrictEquals(dirty.lengths, lengths);
});
