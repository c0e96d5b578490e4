/**
 * What a group of gates comes to: one row per number, with what it must be.
 */

import { styleText } from "node:util";

/** A number that was measured. */
export interface Row {
  /** The gate that it belongs to, such as `"T4"`. */
  readonly gate: string;
  readonly what: string;
  readonly value: number;
  readonly unit: "×" | "ms" | "B" | "MB" | "%" | "";
  /** What it must be at least, or at most; none where it is only shown. */
  readonly atLeast?: number;
  readonly atMost?: number;
  /** What there is to know beside it. */
  readonly note?: string;
}

/** Whether a row is as it must be; `undefined` if there is nothing that it must be. */
export function isMet({ value, atLeast, atMost }: Row): boolean | undefined {
  if (atLeast === undefined && atMost === undefined) return undefined;
  return value >= (atLeast ?? -Infinity) && value <= (atMost ?? Infinity);
}

/** A row as a line of the report. */
export function lineOf(row: Row): string {
  const { gate, what, value, unit, atLeast, atMost, note } = row;
  const wanted = atLeast !== undefined ? `≥ ${atLeast}` : atMost !== undefined ? `≤ ${atMost}` : "";
  const met = isMet(row);
  const verdict = met === undefined ? "" : met ? styleText("green", "ok") : styleText("red", "short");
  const said = note === undefined ? "" : styleText("dim", note);
  const shown = `${format(value)} ${unit}`.trimEnd();
  return `${gate.padEnd(4)} ${what.padEnd(80)} ${shown.padStart(10)}  ${wanted.padStart(7)}  ${
    verdict.padEnd(5)
  } ${said}`
    .trimEnd();
}

/** A number in as many digits as say something. */
export function format(value: number): string {
  if (Number.isInteger(value)) return String(value);
  return value.toFixed(Math.abs(value) < 10 ? 2 : Math.abs(value) < 100 ? 1 : 0);
}
