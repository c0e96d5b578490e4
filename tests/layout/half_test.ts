/**
 * Half-precision floats by hand against those of the runtime: every bit pattern there is, and the rounding of doubles.
 */

import { assert, assertEquals } from "@std/assert";
import * as fc from "fast-check";
import { fromHalfBits, loadHalf, storeHalf, toHalfBits } from "../../src/layout/half.ts";

const bits = new Uint16Array(1);
const half = new Float16Array(bits.buffer);

/** What the runtime makes of sixteen bits. */
function nativeFrom(pattern: number): number {
  bits[0] = pattern;
  return half[0] ?? 0;
}

/** The sixteen bits that the runtime makes of a number. */
function nativeTo(value: number): number {
  half[0] = value;
  return bits[0] ?? 0;
}

function isNaNPattern(pattern: number): boolean {
  return (pattern & 0x7c00) === 0x7c00 && (pattern & 0x3ff) !== 0;
}

/** Compares with `Object.is()`, so that zeros of either sign differ. */
function assertSame(actual: number, expected: number, what: string): void {
  assert(Object.is(actual, expected), `${what}: ${actual} instead of ${expected}`);
}

Deno.test("fromHalfBits() reads all 65,536 patterns as Float16Array does", () => {
  let nans = 0;
  for (let pattern = 0; pattern < 65_536; pattern++) {
    const value = fromHalfBits(pattern);
    assertSame(value, nativeFrom(pattern), pattern.toString(16));
    if (Number.isNaN(value)) nans++;
  }
  assertEquals(nans, 2 * 1023);
});

Deno.test("toHalfBits() gives all 65,536 patterns back", () => {
  for (let pattern = 0; pattern < 65_536; pattern++) {
    const back = toHalfBits(fromHalfBits(pattern));
    if (isNaNPattern(pattern)) assert(isNaNPattern(back), pattern.toString(16));
    else assertEquals(back, pattern);
  }
});

Deno.test("toHalfBits() rounds to even between any two neighbours", () => {
  const view = new DataView(new ArrayBuffer(8));
  for (let pattern = 0; pattern < 0x7c00; pattern++) {
    const low = fromHalfBits(pattern);
    const high = pattern === 0x7bff ? 65_536 : fromHalfBits(pattern + 1);
    const middle = (low + high) / 2;
    view.setFloat64(0, middle);
    const middleBits = view.getBigUint64(0);
    view.setBigUint64(0, middleBits - 1n);
    const below = view.getFloat64(0);
    view.setBigUint64(0, middleBits + 1n);
    const above = view.getFloat64(0);
    assertEquals(toHalfBits(middle), pattern % 2 === 0 ? pattern : pattern + 1, `the middle above ${low}`);
    assertEquals(toHalfBits(below), pattern, `just below the middle above ${low}`);
    assertEquals(toHalfBits(above), pattern + 1, `just above the middle above ${low}`);
    assertEquals(toHalfBits(-above), 0x8000 | (pattern + 1));
  }
});

Deno.test("toHalfBits() rounds random doubles as Float16Array does", () => {
  const inRange = fc.double({ min: -70_000, max: 70_000, noNaN: true });
  const tiny = fc.double({ min: -0.0002, max: 0.0002, noNaN: true });
  fc.assert(
    fc.property(fc.oneof(inRange, tiny, fc.double({ noNaN: true }), fc.integer()), (value) => {
      assertEquals(toHalfBits(value), nativeTo(value));
    }),
    { seed: 5, numRuns: 100_000 },
  );
});

Deno.test("toHalfBits() keeps signs, infinities and NaN", () => {
  const patterns: [number, number][] = [
    [0, 0x0000],
    [-0, 0x8000],
    [1, 0x3c00],
    [-2, 0xc000],
    [65_504, 0x7bff],
    [65_519.999, 0x7bff],
    [65_520, 0x7c00],
    [-65_520, 0xfc00],
    [Infinity, 0x7c00],
    [-Infinity, 0xfc00],
    [2 ** -14, 0x0400],
    [2 ** -24, 0x0001],
    [2 ** -25, 0x0000],
    [Number.MIN_VALUE, 0x0000],
    [-Number.MIN_VALUE, 0x8000],
    [Number.MAX_VALUE, 0x7c00],
  ];
  for (const [value, pattern] of patterns) assertEquals(toHalfBits(value), pattern, String(value));
  assert(isNaNPattern(toHalfBits(NaN)));
});

Deno.test("storeHalf() and loadHalf() are little-endian", () => {
  const view = new DataView(new ArrayBuffer(4));
  storeHalf(view, 1, -2);
  assertEquals(new Uint8Array(view.buffer), new Uint8Array([0, 0x00, 0xc0, 0]));
  assertEquals(loadHalf(view, 1), -2);
});

Deno.test("storeHalf() and loadHalf() work where the runtime has no halves", async () => {
  const code = `
    delete DataView.prototype.getFloat16;
    delete DataView.prototype.setFloat16;
    delete globalThis.Float16Array;
    const { f16, f32, SmartAlloc, struct } = await import(${JSON.stringify(import.meta.resolve("../../mod.ts"))});
    const alloc = new SmartAlloc();
    alloc.beginFrame();
    const batch = alloc.frameAllocBatch(struct("Half", { a: f16, b: f16 }), 1);
    const record = batch.at(0);
    record.a = -2;
    record.b = 0.1;
    const codes = ["vec", "slice"].map((kind) => {
      try {
        return kind === "vec" ? alloc.frameVec(f16).length : alloc.frameVec(f32).length;
      } catch (error) {
        return error.code;
      }
    });
    console.log(JSON.stringify([record.a, record.b, [...batch.view(Uint8Array)], f16.size, codes]));
  `;
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--quiet", "--no-check", code],
  }).output();
  assert(success, new TextDecoder().decode(stderr));
  assertEquals(JSON.parse(new TextDecoder().decode(stdout)), [
    -2,
    Math.f16round(0.1),
    [0x00, 0xc0, 0x66, 0x2e],
    2,
    ["FA008", 0],
  ]);
});
