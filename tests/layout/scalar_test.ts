/**
 * Scalars: ranges, wrapping and the bytes that they leave.
 */

import {
  type AnyScalar,
  bool,
  f16,
  f32,
  f64,
  i16,
  i32,
  i64,
  i8,
  type Layout,
  SmartAlloc,
  u16,
  u32,
  u64,
  u8,
} from "@framealloc/core";
import { assertEquals, assertThrows } from "@std/assert";
import * as fc from "fast-check";
import { SCALARS, type Value, valueFor } from "./_definitions.ts";

const ALL: readonly AnyScalar[] = [i8, u8, i16, u16, i32, u32, i64, u64, f16, f32, f64, bool];

/** A cell of any scalar with the bytes behind it. */
function cell(layout: Layout): { readonly record: { value: Value }; readonly bytes: Uint8Array } {
  const alloc = new SmartAlloc();
  alloc.beginFrame();
  const batch = alloc.frameAllocBatch(layout, 1);
  return { record: batch.at(0) as { value: Value }, bytes: batch.view(Uint8Array) };
}

/** What a cell holds after a value was stored. */
function kept(layout: Layout, value: Value): Value {
  const { record } = cell(layout);
  record.value = value;
  return record.value;
}

/** The bytes that a value leaves. */
function bytesOf(layout: Layout, value: Value): number[] {
  const { record, bytes } = cell(layout);
  record.value = value;
  return [...bytes];
}

Deno.test("scalars have the size of their typed array, and are aligned to it", () => {
  for (const layout of ALL) {
    const bytes = SCALARS[layout.name].bytes;
    assertEquals([layout.kind, layout.size, layout.align, layout.stride], ["scalar", bytes, bytes, bytes], layout.name);
    assertEquals(layout.array.BYTES_PER_ELEMENT, bytes, layout.name);
  }
  assertEquals(ALL.map((layout) => layout.array), [
    Int8Array,
    Uint8Array,
    Int16Array,
    Uint16Array,
    Int32Array,
    Uint32Array,
    BigInt64Array,
    BigUint64Array,
    Float16Array,
    Float32Array,
    Float64Array,
    Uint8Array,
  ]);
});

Deno.test("integers hold the ends of their range", () => {
  for (const [layout, bits] of [[i8, 8], [i16, 16], [i32, 32]] as const) {
    for (const end of [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1]) assertEquals(kept(layout, end), end, layout.name);
  }
  for (const [layout, bits] of [[u8, 8], [u16, 16], [u32, 32]] as const) {
    for (const end of [0, 2 ** bits - 1]) assertEquals(kept(layout, end), end, layout.name);
  }
  for (const end of [-(2n ** 63n), 2n ** 63n - 1n]) assertEquals(kept(i64, end), end);
  for (const end of [0n, 2n ** 64n - 1n]) assertEquals(kept(u64, end), end);
});

Deno.test("integers outside their range wrap", () => {
  for (const [layout, bits] of [[i8, 8], [i16, 16], [i32, 32]] as const) {
    assertEquals(kept(layout, 2 ** (bits - 1)), -(2 ** (bits - 1)), layout.name);
    assertEquals(kept(layout, -(2 ** (bits - 1)) - 1), 2 ** (bits - 1) - 1, layout.name);
  }
  for (const [layout, bits] of [[u8, 8], [u16, 16], [u32, 32]] as const) {
    assertEquals([kept(layout, -1), kept(layout, 2 ** bits)], [2 ** bits - 1, 0], layout.name);
  }
  assertEquals([kept(i64, 2n ** 63n), kept(i64, -(2n ** 63n) - 1n)], [-(2n ** 63n), 2n ** 63n - 1n]);
  assertEquals([kept(u64, -1n), kept(u64, 2n ** 64n)], [2n ** 64n - 1n, 0n]);
});

Deno.test("integers drop fractions towards zero, and take NaN for zero", () => {
  for (const layout of [i8, i16, i32]) assertEquals([kept(layout, -1.9), kept(layout, NaN)], [-1, 0], layout.name);
  for (const layout of [u8, u16, u32]) assertEquals([kept(layout, 1.9), kept(layout, NaN)], [1, 0], layout.name);
});

Deno.test("floats round to the nearest number that they can hold", () => {
  assertEquals([kept(f32, 0.1), kept(f16, 0.1), kept(f64, 0.1)], [Math.fround(0.1), Math.f16round(0.1), 0.1]);
  assertEquals([kept(f32, 1e39), kept(f16, 65_520), kept(f64, 1e308)], [Infinity, Infinity, 1e308]);
  for (const layout of [f16, f32, f64]) {
    for (const value of [0, -0, 1, -Infinity, NaN]) assertEquals(Object.is(kept(layout, value), value), true);
  }
});

Deno.test("scalars are little-endian", () => {
  assertEquals(bytesOf(i8, -2), [0xfe]);
  assertEquals(bytesOf(u8, 0xfe), [0xfe]);
  assertEquals(bytesOf(i16, -2), [0xfe, 0xff]);
  assertEquals(bytesOf(u16, 0x0102), [0x02, 0x01]);
  assertEquals(bytesOf(i32, -2), [0xfe, 0xff, 0xff, 0xff]);
  assertEquals(bytesOf(u32, 0x01020304), [0x04, 0x03, 0x02, 0x01]);
  assertEquals(bytesOf(i64, -2n), [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
  assertEquals(bytesOf(u64, 0x0102030405060708n), [8, 7, 6, 5, 4, 3, 2, 1]);
  assertEquals(bytesOf(f16, -2), [0x00, 0xc0]);
  assertEquals(bytesOf(f32, -2), [0, 0, 0x00, 0xc0]);
  assertEquals(bytesOf(f64, -2), [0, 0, 0, 0, 0, 0, 0x00, 0xc0]);
});

Deno.test("bool is one byte, and any byte but zero is true", () => {
  assertEquals([bytesOf(bool, true), bytesOf(bool, false)], [[1], [0]]);
  const { record, bytes } = cell(bool);
  for (const [byte, value] of [[0, false], [1, true], [2, true], [255, true]] as const) {
    bytes[0] = byte;
    assertEquals(record.value, value, String(byte));
  }
});

Deno.test("scalars store any value as the runtime's typed arrays do", () => {
  const any = fc.constantFrom(...ALL).chain((layout) => valueFor(layout.name).map((value) => [layout, value] as const));
  const cells = new Map(ALL.map((layout) => [layout.name, cell(layout)]));
  fc.assert(
    fc.property(any, ([layout, value]) => {
      const { record } = cells.get(layout.name) ?? cell(layout);
      record.value = value;
      assertEquals(record.value, SCALARS[layout.name].stored(value), layout.name);
    }),
    { seed: 6, numRuns: 5000 },
  );
});

Deno.test("i64 and u64 refuse numbers, as BigInt arrays do", () => {
  for (const layout of [i64, u64]) assertThrows(() => kept(layout, 1), TypeError);
});
