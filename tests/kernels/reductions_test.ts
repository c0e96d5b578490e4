/**
 * Kernels that make one number of many, beside a naive calculation that adds in the documented order.
 */

import { assertEquals } from "@std/assert";
import { Kernels } from "../../mod.ts";
import { CLASSES, FLOATS, type Spec, testAll } from "./_places.ts";
import { type Class, dot, maxOf, minOf, sum } from "./_reference.ts";

function one(name: "sum" | "minOf" | "maxOf", value: (of: Class, values: readonly number[]) => number): Spec {
  return {
    name,
    classes: CLASSES,
    roles: ["column"],
    run: (k, [a], { start, end }) => k[name](a, start, end),
    expect: ([a], { of }, first, last) => ({ result: value(of, [...a.subarray(first, last)]) }),
  };
}

testAll([
  one("sum", sum),
  one("minOf", (_, values) => minOf(values)),
  one("maxOf", (_, values) => maxOf(values)),
  {
    name: "dot",
    classes: FLOATS,
    roles: ["column", "column"],
    run: (k, [a, b], { start, end }) => k.dot(a, b, start, end),
    expect: ([a, b], { of }, first, last) => ({
      result: dot(of, [...a.subarray(first, last)], [...b.subarray(first, last)]),
    }),
  },
], 100);

const memory = new WebAssembly.Memory({ initial: 4 });
const buffer = memory.buffer as ArrayBuffer;

for (const simd of [true, false]) {
  const title = simd ? "with SIMD" : "without SIMD";

  Deno.test(`finite floats come to the documented sum, ${title}`, () => {
    const kernels = new Kernels({ simd }).use(memory);
    for (const name of FLOATS) {
      const constructor = globalThis[name] as unknown as Float32ArrayConstructor;
      for (const n of [0, 1, 7, 8, 15, 16, 17, 31, 33, 1023, 1024, 1025, 1040, 2048, 2063, 5000]) {
        for (const at of [1, 2, 3]) {
          const a = new constructor(buffer, at * constructor.BYTES_PER_ELEMENT, n);
          const b = new constructor(buffer, 65_536 + constructor.BYTES_PER_ELEMENT, n);
          for (let i = 0; i < n; i++) {
            a[i] = Math.sin(i * 12.9898) * 10 ** (i % 9 - 4);
            b[i] = Math.cos(i * 78.233) * 10 ** (i % 7 - 3);
          }
          assertEquals(kernels.sum(a), sum(name, [...a]), `${n} of ${name}`);
          assertEquals(kernels.dot(a, b), dot(name, [...a], [...b]), `${n} of ${name}`);
        }
      }
    }
    assertEquals(kernels.stats().simd > 0, simd);
  });

  Deno.test(`sums of whole numbers are exact, ${title}`, () => {
    const kernels = new Kernels({ simd }).use(memory);
    for (
      const [constructor, value] of [[Int32Array, -(2 ** 31)], [Int32Array, 2 ** 31 - 1], [
        Uint32Array,
        2 ** 32 - 1,
      ]] as const
    ) {
      const column = new constructor(buffer, 4, 50_001).fill(value);
      assertEquals(kernels.sum(column), value * 50_001);
      assertEquals([kernels.minOf(column), kernels.maxOf(column)], [value, value]);
    }
    const mixed = new Int32Array(buffer, 4, 1001);
    mixed.forEach((_, i) => mixed[i] = i % 2 === 0 ? -1 : 1);
    assertEquals(kernels.sum(mixed), -1);
  });

  Deno.test(`a NaN or a kind of zero anywhere decides the extremes, ${title}`, () => {
    const kernels = new Kernels({ simd }).use(memory);
    for (const name of FLOATS) {
      const constructor = globalThis[name] as unknown as Float32ArrayConstructor;
      for (let n = 1; n <= 40; n++) {
        const a = new constructor(buffer, constructor.BYTES_PER_ELEMENT, n);
        for (let at = 0; at < n; at++) {
          for (
            const [rest, special] of [[0, -0], [-0, 0], [5, NaN], [-1, 0], [-1, -0], [1, -0], [0, Infinity]] as const
          ) {
            a.fill(rest)[at] = special;
            assertEquals(Object.is(kernels.minOf(a), minOf([...a])), true, `least of ${a}`);
            assertEquals(Object.is(kernels.maxOf(a), maxOf([...a])), true, `greatest of ${a}`);
          }
        }
      }
    }
  });

  Deno.test(`nothing comes to nothing, ${title}`, () => {
    const kernels = new Kernels({ simd }).use(memory);
    for (const name of CLASSES) {
      const a = new (globalThis[name] as unknown as Float32ArrayConstructor)(buffer, 8, 9);
      assertEquals([kernels.sum(a, 3, 3), kernels.minOf(a, 9), kernels.maxOf(a, 0, 0)], [0, Infinity, -Infinity]);
    }
  });
}
