/**
 * Runs kernels: looks its operands up, checks them as a whole, and then has one kernel do all of it, in place where they share a memory.
 *
 * Numbers go in and come out through arrays of doubles. A double that is passed to a function, or returned by one, is an object of 16
 * bytes unless the optimiser has put the two functions together.
 */

import { ArgumentError, show } from "../errors.ts";
import { ALL, commonRange, overlaps, sameKind, scalarOf, touches } from "./checks.ts";
import type { KernelCode } from "./kernel_code.ts";
import { type KernelColumn, type Operand, type Operands, OperandTable } from "./operand.ts";
import * as op from "./ops.ts";
import { compactScalar, countScalar, reduceScalar, runScalar } from "./scalar.ts";

/** What was counted, by place in {@linkcode Runner.counts}. */
export const CALLS = 0;
export const OUTSIDE = 1;
export const APART = 2;
export const COPIED = 3;

/** See the file comment. */
export class Runner {
  readonly operands: OperandTable;
  readonly counts: Float64Array = new Float64Array(4);
  /** The numbers of the next kernel, as the program gave them; then as the kernel takes them. */
  readonly numbers: Float64Array = new Float64Array(4 * op.MAX_PLANES);
  /** What the last reduction came to. */
  readonly result: Float64Array = new Float64Array(1);

  constructor(usesSimd: boolean) {
    this.operands = new OperandTable(usesSimd);
  }

  /** Element by element. */
  run(
    number: number,
    kinds: number,
    out: Operands,
    a: Operands | null,
    b: Operands | null,
    start: number | undefined,
    end: number | undefined,
  ): void {
    const o = this.operands.of(out);
    const x = a === null ? o : this.operands.of(a);
    const y = b === null ? x : this.operands.of(b);
    sameKind(o, x, y, kinds);
    const last = commonRange(o, x, y, o, start, end);
    if (number <= op.CLAMP) this.convert(o.kind, number === op.CLAMP);
    this.apply(number, o, x, y, start ?? 0, last);
  }

  /** Makes the two numbers such as the columns have. */
  convert(kind: number, isExact: boolean): void {
    const { numbers } = this;
    numbers[0] = scalarOf(kind, numbers[0]!, isExact);
    numbers[1] = scalarOf(kind, numbers[1]!, isExact);
  }

  /** The same with operands and numbers that are known to be right. */
  apply(number: number, o: Operand, x: Operand, y: Operand, first: number, last: number): void {
    if (overlaps(o, x) || overlaps(o, y)) return this.#applyToCopies(number, o, x, y, first, last);
    const { numbers } = this;
    const code = this.place(o.code, x.code, y.code, o.code);
    if (code === null) {
      runScalar(number, o.kind, o.array, x.array, y.array, o.array, first, last - first, numbers[0]!, numbers[1]!);
      return;
    }
    const at = first << o.shift;
    // deno-fmt-ignore
    code.run(
      number * 4 + (o.kind & 3), o.address + at, x.address + at, y.address + at, 0, last - first, numbers[0]!, numbers[1]!,
    );
  }

  #applyToCopies(number: number, o: Operand, x: Operand, y: Operand, first: number, last: number): void {
    this.counts[COPIED]!++;
    const a = overlaps(o, x) ? this.operands.of(x.array.slice()) : x;
    const b = overlaps(o, y) ? this.operands.of(y.array.slice()) : y;
    this.apply(number, o, a, b, first, last);
  }

  /** To a mask. */
  compare(
    number: number,
    mask: Uint8Array,
    a: KernelColumn,
    b: KernelColumn | null,
    start: number | undefined,
    end: number | undefined,
  ): void {
    const m = this.mask(mask);
    const x = this.operands.of(a);
    const y = b === null ? x : this.operands.of(b);
    sameKind(x, y, y, ALL);
    const first = start ?? 0;
    const last = commonRange(x, y, m, m, start, end);
    if (touches(m, x) || touches(m, y)) {
      this.counts[COPIED]!++;
      return this.compare(number, mask, a.slice(), b === null ? b : b.slice(), first, last);
    }
    const n = last - first;
    const to = m.address + first;
    const at = first << x.shift;
    const code = this.place(m.code, x.code, y.code, x.code);
    if (b === null) {
      const { numbers } = this;
      numbers[0] = scalarOf(x.kind, numbers[0]!, true);
      const f = number + op.COMPARED_WITH_NUMBER;
      if (code === null) runScalar(f, x.kind, mask, a, a, a, first, n, numbers[0], 0);
      else code.run(f * 4 + x.kind, to, x.address + at, 0, 0, n, numbers[0], 0);
      return;
    }
    // Greater than a column is less the other way round.
    const isTurned = number === op.GREATER || number === op.GREATER_EQUAL;
    const f = isTurned ? number - 2 : number;
    const low = isTurned ? y : x;
    const high = isTurned ? x : y;
    if (code === null) runScalar(f, x.kind, mask, low.array, high.array, a, first, n, 0, 0);
    else code.run(f * 4 + x.kind, to, low.address + at, high.address + at, 0, n, 0, 0);
  }

  /** How many of a mask are set. */
  count(mask: Uint8Array, start: number | undefined, end: number | undefined): number {
    const m = this.mask(mask);
    const first = start ?? 0;
    const n = commonRange(m, m, m, m, start, end) - first;
    const code = this.place(m.code, m.code, m.code, m.code);
    if (code === null) return countScalar(mask, first, n);
    return code.pick(op.COUNT * 4, m.address + first, 0, 0, n);
  }

  /** By a mask, from one or the other. */
  select(
    out: KernelColumn,
    mask: Uint8Array,
    a: KernelColumn,
    b: KernelColumn,
    start: number | undefined,
    end: number | undefined,
  ): void {
    const o = this.operands.of(out);
    const x = this.operands.of(a);
    const y = this.operands.of(b);
    const m = this.mask(mask);
    sameKind(o, x, y, ALL);
    const first = start ?? 0;
    const last = commonRange(o, x, y, m, start, end);
    if (overlaps(o, x) || overlaps(o, y) || touches(o, m)) {
      this.counts[COPIED]!++;
      return this.select(out, mask.slice(), touches(o, x) ? a.slice() : a, touches(o, y) ? b.slice() : b, first, last);
    }
    const code = this.place(o.code, x.code, y.code, m.code);
    if (code === null) return runScalar(op.SELECT, o.kind, out, a, b, mask, first, last - first, 0, 0);
    const at = first << o.shift;
    // deno-fmt-ignore
    code.run(
      op.SELECT * 4 + o.kind, o.address + at, x.address + at, y.address + at, m.address + first, last - first, 0, 0,
    );
  }

  /** What a mask has set, at the start of another column; how many that are. */
  compact(
    out: KernelColumn,
    a: KernelColumn,
    mask: Uint8Array,
    start: number | undefined,
    end: number | undefined,
  ): number {
    const o = this.operands.of(out);
    const x = this.operands.of(a);
    const m = this.mask(mask);
    sameKind(o, x, x, ALL);
    const first = start ?? 0;
    const last = commonRange(x, x, x, m, start, end);
    const kept = this.count(mask, first, last);
    if (kept > o.length) {
      throw new ArgumentError(
        "FA009",
        `Cannot keep ${kept} elements in a column of ${o.length}: give a longer one, or a shorter range`,
      );
    }
    const from = x.address + (first << x.shift);
    if (touches(o, m) || (touches(o, x) && o.address > from)) {
      this.counts[COPIED]!++;
      return this.compact(out, a.slice(first, last), mask.slice(first, last), undefined, undefined);
    }
    const code = this.place(o.code, x.code, m.code, m.code);
    if (code === null) return compactScalar(out, a, mask, first, last - first);
    return code.pick(op.COMPACT * 4 + o.kind, o.address, from, m.address + first, last - first);
  }

  /** By indices: `out` and `indices` go along when elements are gathered, `values` and `indices` when they are scattered. */
  index(
    isGather: boolean,
    out: KernelColumn,
    values: KernelColumn,
    indices: Int32Array | Uint32Array,
    start: number | undefined,
    end: number | undefined,
  ): void {
    const o = this.operands.of(out);
    const x = this.operands.of(values);
    const i = this.operands.of(indices);
    sameKind(o, x, x, ALL);
    if (i.kind !== op.I32 && i.kind !== op.U32) {
      throw new ArgumentError("FA008", `Cannot use ${show(indices)} as indices: give an Int32Array or Uint32Array`);
    }
    const first = start ?? 0;
    const along = isGather ? o : x;
    const n = commonRange(along, i, i, i, start, end) - first;
    if (n === 0) return;
    const place = i.address + (first << 2);
    // As unsigned integers: one below zero is out of range as well.
    const most = i.code === null ? greatest(indices, first, n) : i.code.reduce(op.MAX_OF * 4 + op.U32, place, 0, n);
    const { length } = isGather ? x : o;
    if (most >= length) {
      throw new ArgumentError(
        "FA009",
        `Cannot ${isGather ? "gather" : "scatter"} by the index ${
          i.kind === op.I32 ? most | 0 : most
        } as the column has ` +
          `${length} elements: give indices within it`,
      );
    }
    if (touches(o, x) || touches(o, i)) {
      this.counts[COPIED]!++;
      return this.index(isGather, out, values.slice(), indices.slice(), first, first + n);
    }
    const number = isGather ? op.GATHER : op.SCATTER;
    const code = this.place(o.code, x.code, i.code, i.code);
    if (code === null) return runScalar(number, o.kind, out, values, indices, out, first, n, 0, 0);
    const at = first << o.shift;
    const to = isGather ? o.address + at : o.address;
    code.run(number * 4 + o.kind, to, isGather ? x.address : x.address + at, place, 0, n, 0, 0);
  }

  /** To one number, which is put into {@linkcode Runner.result}. */
  reduce(
    number: number,
    kinds: number,
    a: KernelColumn,
    b: KernelColumn,
    start: number | undefined,
    end: number | undefined,
  ): void {
    const x = this.operands.of(a);
    const y = this.operands.of(b);
    sameKind(x, y, y, kinds);
    const first = start ?? 0;
    const n = commonRange(x, y, y, y, start, end) - first;
    const { result } = this;
    if (n === 0) {
      result[0] = number === op.MIN_OF ? Infinity : number === op.MAX_OF ? -Infinity : 0;
      return;
    }
    const code = this.place(x.code, y.code, y.code, y.code);
    const at = first << x.shift;
    if (code === null) result[0] = reduceScalar(number, x.kind, a, b, first, n);
    else result[0] = code.reduce(number * 4 + x.kind, x.address + at, y.address + at, n);
  }

  /** The memory that all operands lie in, counted; `null` if there is none. An operand without a value is apart from another one. */
  place(
    a: KernelCode | null | undefined,
    b: KernelCode | null | undefined,
    c: KernelCode | null | undefined,
    d: KernelCode | null | undefined,
  ): KernelCode | null {
    this.counts[CALLS]!++;
    if (a === b && a === c && a === d && a !== null && a !== undefined) return a;
    this.counts[a === null || b === null || c === null || d === null ? OUTSIDE : APART]!++;
    return null;
  }

  /** A mask, which is a column of bytes. */
  mask(mask: Uint8Array): Operand {
    const operand = this.operands.of(mask);
    if (operand.kind !== op.U8) {
      throw new ArgumentError("FA008", `Cannot use ${show(mask)} as a mask: give a Uint8Array`);
    }
    return operand;
  }
}

/** The memory of two operands; without a value if they have two. */
export function shared(a: Operand, b: Operand): KernelCode | null | undefined {
  if (a.code === null || b.code === null) return null;
  return a.code === b.code ? a.code : undefined;
}

function greatest(indices: Int32Array | Uint32Array, first: number, n: number): number {
  let most = 0;
  for (let i = first; i < first + n; i++) most = Math.max(most, indices[i]! >>> 0);
  return most;
}
