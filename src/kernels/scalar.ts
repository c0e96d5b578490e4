/**
 * The kernels in plain loops, for memory that no wasm code can work on. They come to the same values, bit for bit: every step is rounded
 * to the type of the column, and sums are added in the same order.
 */

import type { KernelColumn, Operands } from "./operand.ts";
import * as op from "./ops.ts";

/** Element by element, and moves. `c` is the mask of a selection; `n` elements from `start` on. */
export function runScalar(
  number: number,
  kind: number,
  out: Operands,
  a: Operands,
  b: Operands,
  c: Operands,
  start: number,
  n: number,
  s: number,
  t: number,
): void {
  const end = start + n;
  switch (number) {
    case op.FILL:
      return void (out as Float32Array).fill(s, start, end);
    case op.IOTA:
      return iota(kind, out, start, n, s, t);
    case op.COPY:
      if (n === out.length && n === a.length) return void (out as Float32Array).set(a as Float32Array);
      for (let i = start; i < end; i++) out[i] = a[i]!;
      return;
    case op.ADD:
      for (let i = start; i < end; i++) out[i] = a[i]! + b[i]!;
      return;
    case op.SUB:
      for (let i = start; i < end; i++) out[i] = a[i]! - b[i]!;
      return;
    case op.MUL:
      if (kind >= op.I32) { for (let i = start; i < end; i++) out[i] = Math.imul(a[i]!, b[i]!); }
      else for (let i = start; i < end; i++) out[i] = a[i]! * b[i]!;
      return;
    case op.DIV:
      for (let i = start; i < end; i++) out[i] = a[i]! / b[i]!;
      return;
    case op.MIN:
      for (let i = start; i < end; i++) out[i] = Math.min(a[i]!, b[i]!);
      return;
    case op.MAX:
      for (let i = start; i < end; i++) out[i] = Math.max(a[i]!, b[i]!);
      return;
    case op.ADD_SCALAR:
      for (let i = start; i < end; i++) out[i] = a[i]! + s;
      return;
    case op.SCALE:
      if (kind >= op.I32) { for (let i = start; i < end; i++) out[i] = Math.imul(a[i]!, s); }
      else for (let i = start; i < end; i++) out[i] = a[i]! * s;
      return;
    case op.AXPY:
      return axpy(kind, out, a, b, start, end, s);
    case op.LERP:
      return lerp(kind, out, a, b, start, end, s);
    case op.CLAMP:
      for (let i = start; i < end; i++) {
        const value = a[i]!;
        const low = value < s ? s : value;
        out[i] = t < low ? t : low;
      }
      return;
    case op.ABS:
      for (let i = start; i < end; i++) out[i] = Math.abs(a[i]!);
      return;
    case op.SQRT:
      for (let i = start; i < end; i++) out[i] = Math.sqrt(a[i]!);
      return;
    case op.SELECT:
      for (let i = start; i < end; i++) out[i] = c[i] !== 0 ? a[i]! : b[i]!;
      return;
    case op.GATHER:
      for (let i = start; i < end; i++) out[i] = a[b[i]!]!;
      return;
    case op.SCATTER:
      for (let i = start; i < end; i++) out[b[i]!] = a[i]!;
      return;
    case op.AND:
      for (let i = start; i < end; i++) out[i] = a[i] !== 0 && b[i] !== 0 ? 1 : 0;
      return;
    case op.OR:
      for (let i = start; i < end; i++) out[i] = a[i] !== 0 || b[i] !== 0 ? 1 : 0;
      return;
    case op.NOT:
      for (let i = start; i < end; i++) out[i] = a[i] === 0 ? 1 : 0;
      return;
    default:
      return compare(number, out, a, b, start, end, s);
  }
}

function iota(kind: number, out: Operands, start: number, n: number, first: number, step: number): void {
  if (kind === op.F32) {
    for (let i = 0; i < n; i++) out[start + i] = first + Math.fround(Math.fround(i) * step);
  } else if (kind === op.F64) { for (let i = 0; i < n; i++) out[start + i] = first + i * step; }
  else for (let i = 0; i < n; i++) out[start + i] = first + Math.imul(i, step);
}

function axpy(kind: number, out: Operands, a: Operands, b: Operands, start: number, end: number, s: number): void {
  if (kind === op.F32) { for (let i = start; i < end; i++) out[i] = b[i]! + Math.fround(a[i]! * s); }
  else if (kind === op.F64) { for (let i = start; i < end; i++) out[i] = b[i]! + a[i]! * s; }
  else for (let i = start; i < end; i++) out[i] = b[i]! + Math.imul(a[i]!, s);
}

function lerp(kind: number, out: Operands, a: Operands, b: Operands, start: number, end: number, t: number): void {
  if (kind === op.F32) {
    for (let i = start; i < end; i++) out[i] = a[i]! + Math.fround(Math.fround(b[i]! - a[i]!) * t);
  } else for (let i = start; i < end; i++) out[i] = a[i]! + (b[i]! - a[i]!) * t;
}

function compare(
  number: number,
  out: Operands,
  a: Operands,
  b: Operands,
  start: number,
  end: number,
  s: number,
): void {
  switch (number) {
    case op.LESS:
      for (let i = start; i < end; i++) out[i] = a[i]! < b[i]! ? 1 : 0;
      return;
    case op.LESS_EQUAL:
      for (let i = start; i < end; i++) out[i] = a[i]! <= b[i]! ? 1 : 0;
      return;
    case op.EQUAL:
      for (let i = start; i < end; i++) out[i] = a[i] === b[i] ? 1 : 0;
      return;
    case op.NOT_EQUAL:
      for (let i = start; i < end; i++) out[i] = a[i] !== b[i] ? 1 : 0;
      return;
    case op.LESS + op.COMPARED_WITH_NUMBER:
      for (let i = start; i < end; i++) out[i] = a[i]! < s ? 1 : 0;
      return;
    case op.LESS_EQUAL + op.COMPARED_WITH_NUMBER:
      for (let i = start; i < end; i++) out[i] = a[i]! <= s ? 1 : 0;
      return;
    case op.GREATER + op.COMPARED_WITH_NUMBER:
      for (let i = start; i < end; i++) out[i] = a[i]! > s ? 1 : 0;
      return;
    case op.GREATER_EQUAL + op.COMPARED_WITH_NUMBER:
      for (let i = start; i < end; i++) out[i] = a[i]! >= s ? 1 : 0;
      return;
    case op.EQUAL + op.COMPARED_WITH_NUMBER:
      for (let i = start; i < end; i++) out[i] = a[i] === s ? 1 : 0;
      return;
    case op.NOT_EQUAL + op.COMPARED_WITH_NUMBER:
      for (let i = start; i < end; i++) out[i] = a[i] !== s ? 1 : 0;
      return;
  }
}

/** Keeps what is set, and says how many that are. */
export function compactScalar(out: Operands, a: Operands, mask: Operands, start: number, n: number): number {
  let kept = 0;
  for (let i = start; i < start + n; i++) if (mask[i] !== 0) out[kept++] = a[i]!;
  return kept;
}

/** How many are set. */
export function countScalar(mask: Operands, start: number, n: number): number {
  let count = 0;
  for (let i = start; i < start + n; i++) if (mask[i] !== 0) count++;
  return count;
}

/** One number of many. */
export function reduceScalar(
  number: number,
  kind: number,
  a: KernelColumn,
  b: KernelColumn,
  start: number,
  n: number,
): number {
  const end = start + n;
  if (number === op.MIN_OF) {
    let least = Infinity;
    for (let i = start; i < end; i++) least = Math.min(least, a[i]!);
    return least;
  }
  if (number === op.MAX_OF) {
    let most = -Infinity;
    for (let i = start; i < end; i++) most = Math.max(most, a[i]!);
    return most;
  }
  if (kind >= op.I32) return sumOfInts(a, start, end);
  const isDot = number === op.DOT;
  return kind === op.F32 ? sumOfFloats(a, b, isDot, start, n) : sumOfDoubles(a, b, isDot, start, n);
}

/** High and low halves apart, so that only the last step is rounded. */
function sumOfInts(a: KernelColumn, start: number, end: number): number {
  let high = 0;
  let low = 0;
  for (let i = start; i < end; i++) {
    const value = a[i]!;
    const rest = value & 0xffff;
    low += rest;
    high += (value - rest) / 65_536;
  }
  return high * 65_536 + low;
}

const lanes = new Float32Array(16);
const wideLanes = new Float64Array(8);

function sumOfFloats(a: KernelColumn, b: KernelColumn, isDot: boolean, start: number, n: number): number {
  const end = start + (n & -16);
  let even = 0;
  let odd = 0;
  for (let i = start; i < end;) {
    const blockEnd = Math.min(i + op.BLOCK, end);
    lanes.fill(0);
    for (; i < blockEnd; i += 16) {
      for (let k = 0; k < 16; k++) lanes[k]! += isDot ? Math.fround(a[i + k]! * b[i + k]!) : a[i + k]!;
    }
    even = even + joined(0) + joined(2);
    odd = odd + joined(1) + joined(3);
  }
  let sum = even + odd;
  for (let i = end; i < start + n; i++) sum += isDot ? Math.fround(a[i]! * b[i]!) : a[i]!;
  return sum;
}

function joined(lane: number): number {
  return Math.fround(
    Math.fround(lanes[lane]! + lanes[lane + 4]!) + Math.fround(lanes[lane + 8]! + lanes[lane + 12]!),
  );
}

function sumOfDoubles(a: KernelColumn, b: KernelColumn, isDot: boolean, start: number, n: number): number {
  const end = start + (n & -8);
  const lanes = wideLanes.fill(0);
  for (let i = start; i < end; i += 8) {
    for (let k = 0; k < 8; k++) lanes[k]! += isDot ? a[i + k]! * b[i + k]! : a[i + k]!;
  }
  const even = lanes[0]! + lanes[2]! + (lanes[4]! + lanes[6]!);
  const odd = lanes[1]! + lanes[3]! + (lanes[5]! + lanes[7]!);
  let sum = even + odd;
  for (let i = end; i < start + n; i++) sum += isDot ? a[i]! * b[i]! : a[i]!;
  return sum;
}

/** A number of the type of a column of floats. */
function rounded(kind: number, value: number): number {
  return kind === op.F32 ? Math.fround(value) : value;
}

/** The lengths of vectors of two to four components. */
export function lengthScalar(
  kind: number,
  out: KernelColumn,
  v: readonly KernelColumn[],
  start: number,
  n: number,
): void {
  for (let i = start; i < start + n; i++) out[i] = Math.sqrt(squares(kind, v, i));
}

/** Gives vectors a length of 1, where they have one. */
export function normalizeScalar(kind: number, v: readonly KernelColumn[], start: number, n: number): void {
  for (let i = start; i < start + n; i++) {
    const length = rounded(kind, Math.sqrt(squares(kind, v, i)));
    for (let k = 0; k < v.length; k++) v[k]![i]! /= length === 0 ? 1 : length;
  }
}

function squares(kind: number, v: readonly KernelColumn[], i: number): number {
  let sum = rounded(kind, v[0]![i]! * v[0]![i]!);
  for (let k = 1; k < v.length; k++) sum = rounded(kind, sum + rounded(kind, v[k]![i]! * v[k]![i]!));
  return sum;
}

/** Transforms points by twelve numbers: three columns of a matrix, and the translation. */
export function transformScalar(
  kind: number,
  out: readonly KernelColumn[],
  points: readonly KernelColumn[],
  m: Float64Array,
  start: number,
  n: number,
): void {
  const [px, py, pz] = points as [KernelColumn, KernelColumn, KernelColumn];
  for (let i = start; i < start + n; i++) {
    const x = px[i]!;
    const y = py[i]!;
    const z = pz[i]!;
    for (let k = 0; k < 3; k++) {
      const sum = rounded(kind, rounded(kind, m[k]! * x) + rounded(kind, m[3 + k]! * y));
      out[k]![i] = rounded(kind, sum + rounded(kind, m[6 + k]! * z)) + m[9 + k]!;
    }
  }
}

/** Sets what is in front of all planes, or partly. */
export function cullScalar(
  kind: number,
  mask: Operands,
  v: readonly KernelColumn[],
  planes: Float64Array,
  count: number,
  start: number,
  n: number,
): void {
  const [vx, vy, vz, radius] = v as [KernelColumn, KernelColumn, KernelColumn, KernelColumn];
  for (let i = start; i < start + n; i++) {
    const x = vx[i]!;
    const y = vy[i]!;
    const z = vz[i]!;
    const least = -radius[i]!;
    let isIn = 1;
    for (let p = 0; p < 4 * count; p += 4) {
      const sum = rounded(kind, rounded(kind, planes[p]! * x) + rounded(kind, planes[p + 1]! * y));
      const distance = rounded(kind, rounded(kind, sum + rounded(kind, planes[p + 2]! * z)) + planes[p + 3]!);
      if (!(distance >= least)) isIn = 0;
    }
    mask[i] = isIn;
  }
}
