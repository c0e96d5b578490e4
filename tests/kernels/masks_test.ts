/**
 * Comparisons, masks, and what moves elements by masks and indices, beside a naive calculation.
 */

import { assertEquals } from "@std/assert";
import { Kernels } from "../../mod.ts";
import { CLASSES, type Spec, testAll } from "./_places.ts";
import { COMPARISONS, round } from "./_reference.ts";

function range(first: number, last: number, value: (i: number) => number): number[] {
  return Array.from({ length: last - first }, (_, i) => value(first + i));
}

function bits(operand: unknown): Uint8Array {
  return operand as Uint8Array;
}

const comparisons = Object.entries(COMPARISONS).flatMap(([name, holds]): Spec[] => [
  {
    name,
    classes: CLASSES,
    roles: ["mask", "column", "column"],
    run: (k, [mask, a, b], { start, end }) => k[name as "less"](bits(mask), a, b, start, end),
    expect: ([, a, b], _, first, last) => ({
      writes: [[0, first, range(first, last, (i) => holds(a[i]!, b[i]!) ? 1 : 0)]],
    }),
  },
  {
    name: `${name} than a number`,
    classes: CLASSES,
    roles: ["mask", "column"],
    run: (k, [mask, a], { s, start, end }) => k[name as "less"](bits(mask), a, s, start, end),
    expect: ([, a], { of, s }, first, last) => ({
      writes: [[0, first, range(first, last, (i) => holds(a[i]!, round(of, s)) ? 1 : 0)]],
    }),
  },
]);

const logic = ([["and", (a, b) => a && b], ["or", (a, b) => a || b]] as [
  "and" | "or",
  (a: boolean, b: boolean) => boolean,
][]).map(([name, of]): Spec => ({
  name,
  classes: ["Float32Array"],
  roles: ["mask", "mask", "mask"],
  run: (k, [mask, a, b], { start, end }) => k[name](bits(mask), bits(a), bits(b), start, end),
  expect: ([, a, b], _, first, last) => ({
    writes: [[0, first, range(first, last, (i) => of(a[i] !== 0, b[i] !== 0) ? 1 : 0)]],
  }),
}));

testAll([
  ...comparisons,
  ...logic,
  {
    name: "not",
    classes: ["Float32Array"],
    roles: ["mask", "mask"],
    run: (k, [mask, a], { start, end }) => k.not(bits(mask), bits(a), start, end),
    expect: ([, a], _, first, last) => ({ writes: [[0, first, range(first, last, (i) => a[i] === 0 ? 1 : 0)]] }),
  },
  {
    name: "count",
    classes: ["Float32Array"],
    roles: ["mask"],
    run: (k, [mask], { start, end }) => k.count(bits(mask), start, end),
    expect: ([mask], _, first, last) => ({ result: mask.slice(first, last).filter((bit) => bit !== 0).length }),
  },
  {
    name: "select",
    classes: CLASSES,
    roles: ["column", "mask", "column", "column"],
    run: (k, [out, mask, a, b], { start, end }) => k.select(out, bits(mask), a, b, start, end),
    expect: ([, mask, a, b], _, first, last) => ({
      writes: [[0, first, range(first, last, (i) => mask[i] !== 0 ? a[i]! : b[i]!)]],
    }),
  },
  {
    name: "compactInto",
    classes: CLASSES,
    roles: ["column", "column", "mask"],
    // Into just as much as is kept.
    run: (k, [out, a, mask], { start, end }) => {
      const last = end ?? Math.min(a.length, mask.length, out.length);
      const kept = mask.slice(start ?? 0, last).filter((bit) => bit !== 0).length;
      const isRanged = start !== undefined || end !== undefined;
      return k.compactInto(out.subarray(0, kept), a, bits(mask), start, isRanged ? last : end);
    },
    expect: ([, a, mask], _, first, last) => {
      const values = range(first, last, (i) => i).filter((i) => mask[i] !== 0).map((i) => a[i]!);
      return { writes: [[0, 0, values]], result: values.length };
    },
  },
  {
    name: "compactInto with room to spare",
    classes: CLASSES,
    roles: ["column", "column", "mask"],
    run: (k, [out, a, mask], { start, end, length }) =>
      k.compactInto(out, a, bits(mask), start, start !== undefined && end === undefined ? length : end),
    expect: ([, a, mask], c, first, last) => {
      const to = c.start !== undefined && c.end === undefined ? c.length : last;
      const values = range(first, to, (i) => i).filter((i) => mask[i] !== 0).map((i) => a[i]!);
      return { writes: [[0, 0, values]], result: values.length };
    },
  },
  {
    name: "gather",
    classes: CLASSES,
    roles: ["column", "other", "indices"],
    run: (k, [out, source, indices], { start, end }) =>
      k.gather(out, source, indices as unknown as Int32Array, start, end),
    expect: ([, source, indices], _, first, last) => ({
      writes: [[0, first, range(first, last, (i) => source[indices[i]!]!)]],
    }),
  },
  {
    name: "scatter",
    classes: CLASSES,
    roles: ["other", "column", "indices"],
    run: (k, [out, values, indices], { start, end }) =>
      k.scatter(out, values, indices as unknown as Int32Array, start, end),
    expect: ([out, values, indices], _, first, last) => {
      const all = [...out];
      for (let i = first; i < last; i++) all[indices[i]!] = values[i]!;
      return { writes: [[0, 0, all]] };
    },
  },
]);

Deno.test("all of the bytes of a mask that are not zero count as set", () => {
  const memory = new WebAssembly.Memory({ initial: 1 });
  for (const simd of [true, false]) {
    const kernels = new Kernels({ simd }).use(memory);
    const mask = new Uint8Array(memory.buffer, 3, 256);
    const out = new Uint8Array(memory.buffer, 1001, 256);
    mask.forEach((_, i) => mask[i] = i);
    assertEquals(kernels.count(mask), 255);
    kernels.not(out, mask);
    assertEquals([...out], [1, ...new Array(255).fill(0)]);
    kernels.and(out, mask, mask);
    assertEquals([...out], [0, ...new Array(255).fill(1)]);
    const values = new Float64Array(memory.buffer, 2048, 256);
    kernels.iota(values);
    assertEquals(kernels.compactInto(values.subarray(0, 255), values, mask), 255);
    assertEquals(values[0], 1);
  }
});
