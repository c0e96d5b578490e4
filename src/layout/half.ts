/**
 * Half-precision floats, by the runtime where it can and by hand where it cannot.
 *
 * The conversion rounds to nearest, ties to even, as IEEE 754 asks; it works on the bits of the double.
 */

import type { Load, Store } from "./face.ts";

const bits = new DataView(new ArrayBuffer(8));

/** The nearest half of a number, as its 16 bits. */
export function toHalfBits(value: number): number {
  bits.setFloat64(0, value);
  const high = bits.getUint32(0);
  const sign = (high >>> 16) & 0x8000;
  const magnitude = Math.abs(value);
  if (Number.isNaN(value)) return sign | 0x7e00;
  if (magnitude >= 65520) return sign | 0x7c00;
  // Below 2^-14 halves are 2^-24 apart; above, there are 1024 of them between one power of two and the next.
  const exponent = Math.max(((high >>> 20) & 0x7ff) - 1023, -14);
  const steps = roundToEven(magnitude / 2 ** (exponent - 10));
  return sign | (steps + (exponent + 14) * 1024);
}

/** The number that 16 bits of a half stand for. */
export function fromHalfBits(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >>> 10) & 31;
  const fraction = half & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
}

function roundToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}

const native = typeof DataView.prototype.getFloat16 === "function";

/** Reads a half. */
export const loadHalf: Load<number> = native
  ? (view, at) => view.getFloat16(at, true)
  : (view, at) => fromHalfBits(view.getUint16(at, true));

/** Writes a half. */
export const storeHalf: Store<number> = native
  ? (view, at, value) => view.setFloat16(at, value, true)
  : (view, at, value) => view.setUint16(at, toHalfBits(value), true);
