/**
 * Every kernel against a naive calculation, one element at a time: on random columns of every class, length, alignment and overlap, with
 * every special value, on memory of one thread, on shared memory, and in the fallback.
 */

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { type KernelColumn, Kernels } from "../../mod.ts";

type Class = "Float32Array" | "Float64Array" | "Int32Array" | "Uint32Array";
type Round = (value: number) => number;

const CLASSES: readonly Class[] = ["Float32Array", "Float64Array", "Int32Array", "Uint32Array"];
const SPECIAL: readonly number[] = [
  ...[NaN, 0, -0, Infinity, -Infinity, 1, -1, 0.1, 1e-310, -1e-42, 3e38, -3e38, 1e300],
  ...[2 ** 31 - 1, -(2 ** 31), 2 ** 32 - 1, 2 ** 24 + 1],
];
const BYTES = 128 * 1024;
/** Bytes of each region: more than the longest column. */
const REGION = 20 * 1024;

/** What a kernel is given: columns at places that may overlap, numbers and a range. */
interface Case {
  readonly of: Class;
  readonly length: number;
  /** Elements from the start of each region: in the same region they overlap. */
  readonly places: readonly [number, number, number, number];
  readonly regions: readonly [number, number, number, number];
  readonly maskAt: number;
  readonly values: readonly number[];
  readonly bits: readonly number[];
  readonly s: number;
  readonly t: number;
  readonly start: number | undefined;
  readonly end: number | undefined;
}

/** Columns over one memory. */
interface Columns {
  readonly out: KernelColumn;
  readonly a: KernelColumn;
  readonly b: KernelColumn;
  readonly c: KernelColumn;
  readonly mask: Uint8Array;
  readonly indices: Uint32Array;
  readonly bytes: Uint8Array;
}

function casesOf(of: Class): fc.Arbitrary<Case> {
  const size = globalThis[of].BYTES_PER_ELEMENT;
  const isFloat = of.startsWith("Float");
  const whole = fc.integer({ min: 0, max: 1000 });
  const number = isFloat
    ? fc.oneof({ weight: 2, arbitrary: fc.constantFrom(...SPECIAL) }, { weight: 1, arbitrary: fc.double() })
    : whole;
  const length = fc.oneof(
    { weight: 9, arbitrary: fc.integer({ min: 0, max: 70 }) },
    { weight: 1, arbitrary: fc.integer({ min: 1000, max: 2000 }) },
  );
  return length.chain((length) => {
    const place = fc.integer({ min: 0, max: 24 / size + 8 });
    const region = fc.integer({ min: 0, max: 3 });
    const range = fc.option(fc.tuple(fc.integer({ min: 0, max: length }), fc.integer({ min: 0, max: length })), {
      nil: undefined,
    });
    return fc.record({
      places: fc.tuple(place, place, place, place),
      regions: fc.oneof(
        fc.constant<[number, number, number, number]>([0, 1, 2, 3]),
        fc.tuple(region, region, region, region),
      ),
      maskAt: fc.integer({ min: 0, max: 31 }),
      values: fc.array(fc.oneof(number, fc.double({ min: -1000, max: 1000 })), { minLength: 1, maxLength: 64 }),
      bits: fc.array(fc.constantFrom(0, 0, 1, 1, 7, 255), { minLength: 1, maxLength: 40 }),
      s: number,
      t: number,
      range,
    }).map(({ range, ...rest }) => ({
      ...rest,
      of,
      length,
      start: range === undefined ? undefined : Math.min(...range),
      end: range === undefined ? undefined : Math.max(...range),
    }));
  });
}

function lay(buffer: ArrayBufferLike, { of, length, places, regions, maskAt, values, bits }: Case): Columns {
  const bytes = new Uint8Array(buffer, 0, BYTES);
  bytes.fill(0xa5);
  const constructor = globalThis[of] as Float32ArrayConstructor;
  const size = constructor.BYTES_PER_ELEMENT;
  const at = (i: number): KernelColumn =>
    new constructor(buffer as ArrayBuffer, regions[i]! * REGION + places[i]! * size, length);
  const columns = [at(0), at(1), at(2), at(3)] as const;
  for (const [k, column] of columns.entries()) {
    for (let i = 0; i < length; i++) column[i] = values[(i * (k + 1) + k) % values.length]!;
  }
  const mask = new Uint8Array(buffer, 4 * REGION + maskAt, length);
  const indices = new Uint32Array(buffer, 5 * REGION + 4 * (maskAt % 8), length);
  for (let i = 0; i < length; i++) {
    mask[i] = bits[i % bits.length]!;
    indices[i] = (i * 7 + maskAt) % length;
  }
  return { out: columns[0], a: columns[1], b: columns[2], c: columns[3], mask, indices, bytes };
}

/** A kernel, and what it comes to: from copies of the operands as they were, into the same columns. */
interface Spec {
  readonly name: string;
  readonly classes: readonly Class[];
  readonly run: (kernels: Kernels, columns: Columns, c: Case) => unknown;
  readonly expect: (columns: Columns, c: Case, round: Round, first: number, last: number) => unknown;
}

const FLOATS: readonly Class[] = ["Float32Array", "Float64Array"];
type Floats = Float32Array;

function each(out: KernelColumn | Uint8Array, first: number, last: number, value: (i: number) => number): void {
  const made = Array.from({ length: last - first }, (_, i) => value(first + i));
  for (const [i, one] of made.entries()) out[first + i] = one;
}

function binary(name: "add" | "sub" | "mul" | "div" | "min" | "max", of: (a: number, b: number) => number): Spec {
  return {
    name,
    classes: name === "div" ? FLOATS : CLASSES,
    run: (k, { out, a, b }, { start, end }) => k[name as "div"](out as Floats, a as Floats, b as Floats, start, end),
    expect: ({ out, a, b }, c, _, first, last) => {
      const product = name === "mul" && !c.of.startsWith("Float") ? Math.imul : of;
      each(out, first, last, (i) => product(a[i]!, b[i]!));
    },
  };
}

const times = (c: Case): (a: number, b: number) => number => c.of.startsWith("Float") ? (a, b) => a * b : Math.imul;

const COMPARISONS = {
  less: (a: number, b: number) => a < b,
  lessEqual: (a: number, b: number) => a <= b,
  greater: (a: number, b: number) => a > b,
  greaterEqual: (a: number, b: number) => a >= b,
  equal: (a: number, b: number) => a === b,
  notEqual: (a: number, b: number) => a !== b,
} as const;

const SPECS: readonly Spec[] = [
  binary("add", (a, b) => a + b),
  binary("sub", (a, b) => a - b),
  binary("mul", (a, b) => a * b),
  binary("div", (a, b) => a / b),
  binary("min", Math.min),
  binary("max", Math.max),
  {
    name: "fill",
    classes: CLASSES,
    run: (k, { out }, { s, start, end }) => k.fill(out, s, start, end),
    expect: ({ out }, { s }, _, first, last) => each(out, first, last, () => s),
  },
  {
    name: "iota",
    classes: CLASSES,
    run: (k, { out }, { s, t, start, end }) => k.iota(out, s, t, start, end),
    expect: ({ out }, c, round, first, last) =>
      each(out, first, last, (i) => round(c.s) + round(times(c)(round(i - first), round(c.t)))),
  },
  {
    name: "copy",
    classes: CLASSES,
    run: (k, { out, a }, { start, end }) => k.copy(out, a, start, end),
    expect: ({ out, a }, _c, _, first, last) => each(out, first, last, (i) => a[i]!),
  },
  {
    name: "addScalar",
    classes: CLASSES,
    run: (k, { out, a }, { s, start, end }) => k.addScalar(out, a, s, start, end),
    expect: ({ out, a }, { s }, round, first, last) => each(out, first, last, (i) => a[i]! + round(s)),
  },
  {
    name: "scale",
    classes: CLASSES,
    run: (k, { out, a }, { s, start, end }) => k.scale(out, a, s, start, end),
    expect: ({ out, a }, c, round, first, last) => each(out, first, last, (i) => times(c)(a[i]!, round(c.s))),
  },
  {
    name: "axpy",
    classes: CLASSES,
    run: (k, { out, a }, { s, start, end }) => k.axpy(out, s, a, start, end),
    expect: ({ out, a }, c, round, first, last) =>
      each(out, first, last, (i) => out[i]! + round(times(c)(a[i]!, round(c.s)))),
  },
  {
    name: "integrate",
    classes: CLASSES,
    run: (k, { out, a }, { s, start, end }) => k.integrate(out, a, s, start, end),
    expect: ({ out, a }, c, round, first, last) =>
      each(out, first, last, (i) => out[i]! + round(times(c)(a[i]!, round(c.s)))),
  },
  {
    name: "lerp",
    classes: FLOATS,
    run: (k, { out, a, b }, { s, start, end }) => k.lerp(out as Floats, a as Floats, b as Floats, s, start, end),
    expect: ({ out, a, b }, { s }, round, first, last) =>
      each(out, first, last, (i) => a[i]! + round(round(b[i]! - a[i]!) * round(s))),
  },
  {
    name: "clamp",
    classes: CLASSES,
    run: (k, { out, a }, { s, t, start, end }) => k.clamp(out, a, s, t, start, end),
    expect: ({ out, a }, { s, t }, round, first, last) =>
      each(out, first, last, (i) => {
        const raised = a[i]! < round(s) ? round(s) : a[i]!;
        return round(t) < raised ? round(t) : raised;
      }),
  },
  {
    name: "abs",
    classes: ["Float32Array", "Float64Array", "Int32Array"],
    run: (k, { out, a }, { start, end }) => k.abs(out as Floats, a as Floats, start, end),
    expect: ({ out, a }, _c, _, first, last) => each(out, first, last, (i) => Math.abs(a[i]!)),
  },
  {
    name: "sqrt",
    classes: FLOATS,
    run: (k, { out, a }, { start, end }) => k.sqrt(out as Floats, a as Floats, start, end),
    expect: ({ out, a }, _c, _, first, last) => each(out, first, last, (i) => Math.sqrt(a[i]!)),
  },
  ...Object.entries(COMPARISONS).flatMap(([name, of]): Spec[] => [
    {
      name,
      classes: CLASSES,
      run: (k, { mask, a, b }, { start, end }) => k[name as "less"](mask, a, b, start, end),
      expect: ({ mask, a, b }, _c, _, first, last) => each(mask, first, last, (i) => of(a[i]!, b[i]!) ? 1 : 0),
    },
    {
      name: `${name} with a number`,
      classes: CLASSES,
      run: (k, { mask, a }, { s, start, end }) => k[name as "less"](mask, a, s, start, end),
      expect: ({ mask, a }, { s }, round, first, last) => each(mask, first, last, (i) => of(a[i]!, round(s)) ? 1 : 0),
    },
  ]),
  {
    name: "not",
    classes: ["Float32Array"],
    run: (k, { mask }, { start, end }) => k.not(mask, mask, start, end),
    expect: ({ mask }, _c, _, first, last) => each(mask, first, last, (i) => mask[i] === 0 ? 1 : 0),
  },
  {
    name: "and",
    classes: ["Float32Array"],
    run: (k, { mask, bytes }, { length, start, end }) => k.and(mask, mask, bytes.subarray(0, length), start, end),
    expect: ({ mask, bytes }, _c, _, first, last) =>
      each(mask, first, last, (i) => mask[i] !== 0 && bytes[i] !== 0 ? 1 : 0),
  },
  {
    name: "or",
    classes: ["Float32Array"],
    run: (k, { mask, bytes }, { length, start, end }) => k.or(mask, bytes.subarray(0, length), mask, start, end),
    expect: ({ mask, bytes }, _c, _, first, last) =>
      each(mask, first, last, (i) => mask[i] !== 0 || bytes[i] !== 0 ? 1 : 0),
  },
  {
    name: "count",
    classes: ["Float32Array"],
    run: (k, { mask }, { start, end }) => k.count(mask, start, end),
    expect: ({ mask }, _c, _, first, last) => mask.subarray(first, last).filter((bit) => bit !== 0).length,
  },
  {
    name: "select",
    classes: CLASSES,
    run: (k, { out, mask, a, b }, { start, end }) => k.select(out, mask, a, b, start, end),
    expect: ({ out, mask, a, b }, _c, _, first, last) => each(out, first, last, (i) => mask[i] !== 0 ? a[i]! : b[i]!),
  },
  {
    name: "compactInto",
    classes: CLASSES,
    run: (k, { out, a, mask }, { start, end }) => k.compactInto(out, a, mask, start, end),
    expect: ({ out, a, mask }, _c, _, first, last) => {
      const kept = Array.from(a).filter((_, i) => i >= first && i < last && mask[i] !== 0);
      for (const [i, value] of kept.entries()) out[i] = value;
      return kept.length;
    },
  },
  {
    name: "gather",
    classes: CLASSES,
    run: (k, { out, a, indices }, { start, end }) => k.gather(out, a, indices, start, end),
    expect: ({ out, a, indices }, _c, _, first, last) => each(out, first, last, (i) => a[indices[i]!]!),
  },
  {
    name: "scatter",
    classes: CLASSES,
    run: (k, { out, a, indices }, { start, end }) => k.scatter(out, a, indices, start, end),
    expect: ({ out, a, indices }, _c, _, first, last) => {
      const values = Array.from(a);
      for (let i = first; i < last; i++) out[indices[i]!] = values[i]!;
    },
  },
  {
    name: "minOf",
    classes: CLASSES,
    run: (k, { a }, { start, end }) => k.minOf(a, start, end),
    expect: ({ a }, _c, _, first, last) => Math.min(...a.subarray(first, last)),
  },
  {
    name: "maxOf",
    classes: CLASSES,
    run: (k, { a }, { start, end }) => k.maxOf(a, start, end),
    expect: ({ a }, _c, _, first, last) => Math.max(...a.subarray(first, last)),
  },
  {
    name: "sum",
    classes: CLASSES,
    run: (k, { a }, { start, end }) => k.sum(a, start, end),
    expect: ({ a }, c, round, first, last) => total(Array.from(a.subarray(first, last)), c.of, round),
  },
  {
    name: "dot",
    classes: FLOATS,
    run: (k, { a, b }, { start, end }) => k.dot(a as Floats, b as Floats, start, end),
    expect: ({ a, b }, c, round, first, last) =>
      total(Array.from(a.subarray(first, last), (x, i) => round(x * b[first + i]!)), c.of, round),
  },
  {
    name: "length",
    classes: FLOATS,
    run: (k, { out, a, b, c }, { start, end }) =>
      k.length(out as Floats, { x: a as Floats, y: b as Floats, z: c as Floats }, start, end),
    expect: ({ out, a, b, c }, _c, round, first, last) =>
      each(out, first, last, (i) => Math.sqrt(squares(round, a[i]!, b[i]!, c[i]!))),
  },
  {
    name: "cullSpheres",
    classes: FLOATS,
    run: (k, { mask, out, a, b, c }, { s, t, start, end }) =>
      k.cullSpheres(
        mask,
        { x: a as Floats, y: b as Floats, z: c as Floats },
        out as Floats,
        [1, 0.5, 0, s, 0, -1, 2, t],
        start,
        end,
      ),
    expect: ({ mask, out, a, b, c }, { s, t }, round, first, last) =>
      each(mask, first, last, (i) => {
        const isIn = (nx: number, ny: number, nz: number, d: number): boolean =>
          round(round(round(round(nx * a[i]!) + round(ny * b[i]!)) + round(nz * c[i]!)) + round(d)) >= -out[i]!;
        return isIn(1, 0.5, 0, s) && isIn(0, -1, 2, t) ? 1 : 0;
      }),
  },
];

function squares(round: Round, ...parts: readonly number[]): number {
  return parts.map((part) => round(part * part)).reduce((a, b) => round(a + b));
}

/** In the documented order: 16 lanes of `f32` in blocks of 1024, 8 lanes of `f64`, and integers exactly. */
function total(values: readonly number[], of: Class, round: Round): number {
  if (!of.startsWith("Float")) return Number(values.reduce((sum, value) => sum + BigInt(value), 0n));
  const width = of === "Float32Array" ? 16 : 8;
  const pairs = width / 4;
  const whole = values.length - values.length % width;
  const sums = [0, 0];
  const block = of === "Float32Array" ? 1024 : Infinity;
  for (let from = 0; from < whole; from += block) {
    const lanes = new Array<number>(width).fill(0);
    for (let i = from; i < Math.min(from + block, whole); i++) lanes[i % width] = round(lanes[i % width]! + values[i]!);
    const joined = Array.from(
      { length: pairs },
      (_, k) => round(round(lanes[k]! + lanes[k + pairs]!) + round(lanes[k + 2 * pairs]! + lanes[k + 3 * pairs]!)),
    );
    for (const [k, value] of joined.entries()) sums[k % 2]! += value;
  }
  return values.slice(whole).reduce((sum, value) => sum + value, sums[0]! + sums[1]!);
}

const own = new WebAssembly.Memory({ initial: BYTES / 65_536 });
const shared = new WebAssembly.Memory({ initial: BYTES / 65_536, maximum: BYTES / 65_536, shared: true });
const reference = new ArrayBuffer(BYTES);
const plain = new ArrayBuffer(BYTES);

const PLACES: readonly { name: string; buffer: ArrayBufferLike; kernels: Kernels; isSimd: boolean }[] = [
  { name: "wasm", buffer: own.buffer, kernels: new Kernels().use(own), isSimd: true },
  { name: "shared wasm", buffer: shared.buffer, kernels: new Kernels().use(shared), isSimd: true },
  { name: "ArrayBuffer", buffer: plain, kernels: new Kernels(), isSimd: false },
  { name: "wasm without SIMD", buffer: own.buffer, kernels: new Kernels({ simd: false }), isSimd: false },
];

/** The same, but for the bits of a NaN. */
function assertSame(a: Uint8Array, b: Uint8Array, of: Class, what: string): void {
  if (a.every((byte, i) => byte === b[i])) return;
  const floats = (bytes: Uint8Array): ArrayLike<number> =>
    new (globalThis[of] as Float32ArrayConstructor)(
      bytes.buffer as ArrayBuffer,
      0,
      4 * REGION / globalThis[of].BYTES_PER_ELEMENT,
    );
  const [x, y] = [floats(a), floats(b)];
  for (let i = 0; i < x.length; i++) assert(Object.is(x[i], y[i]), `${what}: ${x[i]} and not ${y[i]} at ${i}`);
  assertEquals(a.subarray(4 * REGION), b.subarray(4 * REGION), what);
}

for (const spec of SPECS) {
  Deno.test(`${spec.name} comes to what a naive loop comes to, wherever its columns lie`, () => {
    let simd = 0;
    for (const of of spec.classes) {
      const round: Round = of === "Float32Array" ? Math.fround : (value) => value;
      fc.assert(
        fc.property(casesOf(of), (c) => {
          if (spec.name === "clamp" && !(c.s <= c.t)) return;
          const wanted = lay(reference, c);
          const first = c.start ?? 0;
          const result = spec.expect(wanted, c, round, first, c.end ?? c.length);
          for (const { name, buffer, kernels, isSimd } of PLACES) {
            const columns = lay(buffer, c);
            const before = kernels.stats();
            const what = `${spec.name} of ${of} in ${name}`;
            assert(Object.is(spec.run(kernels, columns, c), result), `${what} gives what it should`);
            assertSame(columns.bytes, wanted.bytes, of, what);
            const after = kernels.stats();
            if (isSimd && after.copied === before.copied) assertEquals(after.scalar, before.scalar, what);
            if (!isSimd) assertEquals(after.simd, before.simd, what);
            simd += after.simd - before.simd;
          }
        }),
        { numRuns: 60 },
      );
    }
    assert(simd > 30 * spec.classes.length, `${simd} runs by SIMD`);
  });
}
