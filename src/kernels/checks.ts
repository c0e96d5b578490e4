/**
 * What is asked of operands before a kernel runs: one class, a range within all of them, and whether some overlap.
 */

import { ArgumentError, show } from "../errors.ts";
import type { Operand } from "./operand.ts";
import { F32, F64, I32, U32 } from "./ops.ts";

/** Kinds of columns that a kernel takes. */
export const ALL = 0b1111;
export const FLOATS = 0b0011;
export const SIGNED = 0b0111;
export const MASKS = 0b10000;

const NAMES: readonly string[] = ["Float32Array", "Float64Array", "Int32Array", "Uint32Array", "Uint8Array"];

/** Refuses operands of several kinds, and kinds that a kernel does not take: the bits of `kinds`. */
export function sameKind(a: Operand, b: Operand, c: Operand, kinds: number): void {
  if (a.kind !== b.kind || a.kind !== c.kind) {
    const other = a.kind === b.kind ? c : b;
    throw new ArgumentError(
      "FA008",
      `Cannot run a kernel on a ${NAMES[a.kind]} together with a ${NAMES[other.kind]}: give columns of one class`,
    );
  }
  if ((kinds >> a.kind & 1) === 0) {
    throw new ArgumentError("FA008", `Cannot run this kernel on a ${NAMES[a.kind]}: see which columns it takes`);
  }
}

/** The end of the range in all of the operands. Without a range they must be of one length. */
export function commonRange(
  a: Operand,
  b: Operand,
  c: Operand,
  d: Operand,
  start: number | undefined,
  end: number | undefined,
): number {
  if (start === undefined && end === undefined) {
    const { length } = a;
    if (b.length !== length || c.length !== length || d.length !== length) {
      const other = b.length !== length ? b : c.length !== length ? c : d;
      throw new ArgumentError(
        "FA008",
        `Cannot run a kernel on columns of ${length} and ${other.length} elements: give columns of one length, or a range`,
      );
    }
    return length;
  }
  const least = Math.min(a.length, b.length, c.length, d.length);
  const last = end ?? least;
  if (
    !(start === undefined || (Number.isInteger(start) && start >= 0)) || !Number.isInteger(last) ||
    last < (start ?? 0) || last > least
  ) {
    throw new ArgumentError(
      "FA009",
      `Cannot run a kernel on the elements ${show(start ?? 0)} to ${
        show(last)
      } of columns of ${least}: give a range within them`,
    );
  }
  return last;
}

/** Whether writing to one forward overwrites what is yet to be read of the other. */
export function overlaps(out: Operand, a: Operand): boolean {
  return out.address > a.address && out.address < a.end && out.owner === a.owner && out.length > 0;
}

/** Whether they share bytes. */
export function touches(a: Operand, b: Operand): boolean {
  return a.owner === b.owner && a.address < b.end && b.address < a.end;
}

/** The error of columns that must not overlap each other. */
export function tangled(action: string): ArgumentError {
  return new ArgumentError("FA008", `Cannot ${action} columns that overlap each other: give each its own memory`);
}

/** A number as an element of a column; `isExact` if it must not wrap around. */
export function scalarOf(kind: number, value: number, isExact: boolean): number {
  return kind === F32 ? Math.fround(value) : kind === F64 ? +value : wholeOf(kind, value, isExact);
}

/** A number for columns of integers. */
function wholeOf(kind: number, value: number, isExact: boolean): number {
  const least = isExact && kind === U32 ? 0 : -(2 ** 31);
  const most = isExact && kind === I32 ? 2 ** 31 - 1 : 2 ** 32 - 1;
  if (!(Number.isInteger(value) && value >= least && value <= most)) {
    throw new ArgumentError(
      "FA008",
      `Cannot run a kernel on a ${NAMES[kind]} with the number ${
        show(value)
      }: give a whole number from ${least} to ${most}`,
    );
  }
  return isExact && kind === U32 ? value >>> 0 : value | 0;
}
