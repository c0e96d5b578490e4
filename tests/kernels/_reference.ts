/**
 * What every kernel comes to, calculated naively: one element at a time on plain numbers, and rounded to the type of the column after
 * every step.
 */

/** The classes of columns. */
export type Class = "Float32Array" | "Float64Array" | "Int32Array" | "Uint32Array";
type Numbers = ArrayLike<number>;

/** A number as an element of a column of that class. */
export function round(of: Class, value: number): number {
  if (of === "Float32Array") return Math.fround(value);
  if (of === "Float64Array") return value;
  return of === "Int32Array" ? value | 0 : value >>> 0;
}

/** The product as an element. */
export function times(of: Class, a: number, b: number): number {
  return round(of, of.startsWith("Float") ? a * b : Math.imul(a, b));
}

function plus(of: Class, a: number, b: number): number {
  return round(of, a + b);
}

/** Of two elements. */
export const BINARY: Readonly<Record<string, (of: Class, a: number, b: number) => number>> = {
  add: plus,
  sub: (of, a, b) => round(of, a - b),
  mul: times,
  div: (of, a, b) => round(of, a / b),
  min: (_, a, b) => Math.min(a, b),
  max: (_, a, b) => Math.max(a, b),
};

/** Of two elements, or of an element and a number, to a mask. */
export const COMPARISONS: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  less: (a, b) => a < b,
  lessEqual: (a, b) => a <= b,
  greater: (a, b) => a > b,
  greaterEqual: (a, b) => a >= b,
  equal: (a, b) => a === b,
  notEqual: (a, b) => a !== b,
};

/** Of an element, its place in the range, what was there before, and two numbers. */
export const UNARY: Readonly<
  Record<string, (of: Class, a: number, i: number, old: number, s: number, t: number) => number>
> = {
  fill: (of, _a, _i, _old, s) => round(of, s),
  iota: (of, _a, i, _old, s, t) => plus(of, round(of, s), times(of, round(of, i), round(of, t))),
  copy: (_, a) => a,
  addScalar: (of, a, _i, _old, s) => plus(of, a, round(of, s)),
  scale: (of, a, _i, _old, s) => times(of, a, round(of, s)),
  axpy: (of, a, _i, old, s) => plus(of, old, times(of, round(of, s), a)),
  clamp: (of, a, _i, _old, s, t) => a < round(of, s) ? round(of, s) : round(of, t) < a ? round(of, t) : a,
  abs: (of, a) => round(of, Math.abs(a)),
  sqrt: (of, a) => round(of, Math.sqrt(a)),
};

/** From one to the other. */
export function lerp(of: Class, a: number, b: number, t: number): number {
  return plus(of, a, times(of, round(of, b - a), round(of, t)));
}

/** The length of a vector. */
export function length(of: Class, parts: readonly number[]): number {
  let sum = times(of, parts[0]!, parts[0]!);
  for (const part of parts.slice(1)) sum = plus(of, sum, times(of, part, part));
  return round(of, Math.sqrt(sum));
}

/** The vector with a length of 1. */
export function normalize(of: Class, parts: readonly number[]): number[] {
  const divisor = length(of, parts);
  return parts.map((part) => divisor === 0 ? part : round(of, part / divisor));
}

/** `((m0 * x + m4 * y) + m8 * z) + m12`, and the same for the other rows. */
export function transform(of: Class, matrix: Numbers, x: number, y: number, z: number): number[] {
  const m = Array.from(matrix, (value) => round(of, value));
  return [0, 1, 2].map((row) => {
    const sum = plus(of, times(of, m[row]!, x), times(of, m[4 + row]!, y));
    return plus(of, plus(of, sum, times(of, m[8 + row]!, z)), m[12 + row]!);
  });
}

/** Whether a sphere is not wholly behind one of the planes. */
export function isKept(of: Class, planes: Numbers, x: number, y: number, z: number, radius: number): boolean {
  const p = Array.from(planes, (value) => round(of, value));
  for (let i = 0; i < p.length; i += 4) {
    const sum = plus(of, times(of, p[i]!, x), times(of, p[i + 1]!, y));
    if (!(plus(of, plus(of, sum, times(of, p[i + 2]!, z)), p[i + 3]!) >= -radius)) return false;
  }
  return true;
}

/** Added in the documented order: floats of 32 bits in 16 lanes and blocks of 1024, those of 64 bits in 8 lanes, integers exactly. */
export function sum(of: Class, values: readonly number[]): number {
  if (!of.startsWith("Float")) return Number(values.reduce((total, value) => total + BigInt(value), 0n));
  const isSingle = of === "Float32Array";
  const width = isSingle ? 16 : 8;
  const whole = values.length - values.length % width;
  let even = 0;
  let odd = 0;
  for (let block = 0; block < whole; block += isSingle ? 1024 : whole) {
    const lanes = new Array<number>(width).fill(0);
    const end = Math.min(whole, isSingle ? block + 1024 : whole);
    for (let i = block; i < end; i++) lanes[i % width] = plus(of, lanes[i % width]!, values[i]!);
    if (isSingle) {
      const four = (k: number): number =>
        plus(of, plus(of, lanes[k]!, lanes[k + 4]!), plus(of, lanes[k + 8]!, lanes[k + 12]!));
      even = even + four(0) + four(2);
      odd = odd + four(1) + four(3);
    } else {
      even = (lanes[0]! + lanes[2]!) + (lanes[4]! + lanes[6]!);
      odd = (lanes[1]! + lanes[3]!) + (lanes[5]! + lanes[7]!);
    }
  }
  return values.slice(whole).reduce((total, value) => total + value, even + odd);
}

/** The sum of the products. */
export function dot(of: Class, a: readonly number[], b: readonly number[]): number {
  return sum(of, a.map((value, i) => times(of, value, b[i]!)));
}

/** The least as `Math.min` says. */
export function minOf(values: readonly number[]): number {
  return values.reduce((least, value) => Math.min(least, value), Infinity);
}

/** The greatest as `Math.max` says. */
export function maxOf(values: readonly number[]): number {
  return values.reduce((most, value) => Math.max(most, value), -Infinity);
}
