/**
 * Workload 1: records allocated one by one. Frame `k` has 1000 records of 32 bytes, record `i` holds `{ k + i, k, i, 1 }`; each is
 * written and kept in a table that is used again every frame, as a program that uses the records must do.
 *
 * The numbers are whole and small, which is the best case for object literals: one that holds fractions also allocates a box for
 * each of them. That case is measured too, with 0.5 added to every number.
 */

import { AllocConfig, f64, type Infer, SmartAlloc, struct } from "../mod.ts";
import { Item, useSixLayouts } from "./layouts.ts";
import { register, type Workload } from "./workload.ts";

const N = 1000;
// The optimiser knows a constant of the same module, but not one that was imported.
const Local = struct("Local", { a: f64, b: f64, c: f64, d: f64 });
const checkedAlloc = new SmartAlloc(AllocConfig.default());
const releaseAlloc = new SmartAlloc(AllocConfig.release());

interface Fields {
  a: number;
  b: number;
  c: number;
  d: number;
}

const checkedTable: Infer<typeof Item>[] = [];
const localTable: Infer<typeof Local>[] = [];
const releaseTable: Infer<typeof Item>[] = [];
const literalTable: Fields[] = [];
const fractionTable: Fields[] = [];
const arrayTable: Float64Array[] = [];

function checked(k: number, read: boolean): number {
  checkedAlloc.beginFrame();
  for (let i = 0; i < N; i++) {
    const item = checkedAlloc.frameAlloc(Item);
    item.a = k + i;
    item.b = k;
    item.c = i;
    item.d = 1;
    checkedTable[i] = item;
  }
  const sum = read ? sumOfRecords(checkedTable) : 0;
  checkedAlloc.endFrame();
  return sum;
}

function checkedLocal(k: number, read: boolean): number {
  checkedAlloc.beginFrame();
  for (let i = 0; i < N; i++) {
    const item = checkedAlloc.frameAlloc(Local);
    item.a = k + i;
    item.b = k;
    item.c = i;
    item.d = 1;
    localTable[i] = item;
  }
  const sum = read ? sumOfRecords(localTable) : 0;
  checkedAlloc.endFrame();
  return sum;
}

function release(k: number, read: boolean): number {
  releaseAlloc.beginFrame();
  for (let i = 0; i < N; i++) {
    const item = releaseAlloc.frameAlloc(Item);
    item.a = k + i;
    item.b = k;
    item.c = i;
    item.d = 1;
    releaseTable[i] = item;
  }
  const sum = read ? sumOfRecords(releaseTable) : 0;
  releaseAlloc.endFrame();
  return sum;
}

function literals(k: number, read: boolean): number {
  for (let i = 0; i < N; i++) literalTable[i] = { a: k + i, b: k, c: i, d: 1 };
  return read ? sumOfObjects(literalTable) : 0;
}

function fractions(k: number, read: boolean): number {
  const h = k + 0.5;
  for (let i = 0; i < N; i++) fractionTable[i] = { a: h + i, b: h, c: i + 0.5, d: 1.5 };
  return read ? sumOfObjects(fractionTable) - 0.5 * N * (1 + 3 + 5 + 7) : 0;
}

function arrays(k: number, read: boolean): number {
  for (let i = 0; i < N; i++) {
    const array = new Float64Array(4);
    array[0] = k + i;
    array[1] = k;
    array[2] = i;
    array[3] = 1;
    arrayTable[i] = array;
  }
  return read ? sumOfArrays(arrayTable) : 0;
}

function sumOfRecords(table: readonly Infer<typeof Item>[]): number {
  let sum = 0;
  for (const { a, b, c, d } of table) sum += a + 3 * b + 5 * c + 7 * d;
  return sum;
}

function sumOfObjects(table: readonly Fields[]): number {
  let sum = 0;
  for (const { a, b, c, d } of table) sum += a + 3 * b + 5 * c + 7 * d;
  return sum;
}

function sumOfArrays(table: readonly Float64Array[]): number {
  let sum = 0;
  for (const array of table) sum += array[0]! + 3 * array[1]! + 5 * array[2]! + 7 * array[3]!;
  return sum;
}

const LITERALS = "object literals, kept";

export const workloads: readonly Workload[] = [{
  name: "single records",
  summary: `${N} records of 32 B, one by one, written and kept`,
  unit: "record",
  units: N,
  candidates: [
    { name: LITERALS, frame: literals },
    { name: "object literals of fractions, kept", frame: fractions },
    { name: "new Float64Array(4) each, kept", frame: arrays },
    {
      name: "frameAlloc, checked, layout of this module",
      frame: checkedLocal,
      floors: [{ over: LITERALS, atLeast: 0.45 }],
    },
    { name: "frameAlloc, checked, layout imported", frame: checked, floors: [{ over: LITERALS, atLeast: 0.45 }] },
    { name: "frameAlloc, release", frame: release, floors: [{ over: LITERALS, atLeast: 0.7 }] },
  ],
  expected: (k) => N * (4 * k + 7) + 6 * (N * (N - 1) / 2),
  keepWarm: () => {
    useSixLayouts(checkedAlloc);
    useSixLayouts(releaseAlloc);
  },
}];

register(workloads);
