/**
 * Workload 2: many records of one layout at once. Frame `k` has 1000 records of 32 bytes, record `i` holds `{ k + i, k, i, 1 }`, and
 * every one is written. Rivals that make one object or array per record keep them in a table that is used again every frame; the
 * last two make one array for all, which is the equivalent of a batch.
 */

import { AllocConfig, type Batch, type ColumnsOf, SmartAlloc } from "../mod.ts";
import { Item, useSixLayouts } from "./layouts.ts";
import { register, type Workload } from "./workload.ts";

const N = 1000;
const checkedAlloc = new SmartAlloc(AllocConfig.default());
const releaseAlloc = new SmartAlloc(AllocConfig.release());

interface Fields {
  a: number;
  b: number;
  c: number;
  d: number;
}

const literalTable: Fields[] = [];
const arrayTable: Float64Array[] = [];
const reused = new Float64Array(4 * N);
const intoOptions: { into?: Batch<typeof Item> } = {};

function checkedCursor(k: number, read: boolean): number {
  checkedAlloc.beginFrame();
  const batch = checkedAlloc.frameAllocBatch(Item, N);
  for (const cursor = batch.cursor(); cursor.next();) {
    const { record, index } = cursor;
    record.a = k + index;
    record.b = k;
    record.c = index;
    record.d = 1;
  }
  const sum = read ? sumOfBatch(batch) : 0;
  checkedAlloc.endFrame();
  return sum;
}

function releaseCursor(k: number, read: boolean): number {
  releaseAlloc.beginFrame();
  const batch = releaseAlloc.frameAllocBatch(Item, N);
  for (const cursor = batch.cursor(); cursor.next();) {
    const { record, index } = cursor;
    record.a = k + index;
    record.b = k;
    record.c = index;
    record.d = 1;
  }
  const sum = read ? sumOfBatch(batch) : 0;
  releaseAlloc.endFrame();
  return sum;
}

function checkedAt(k: number, read: boolean): number {
  checkedAlloc.beginFrame();
  const batch = checkedAlloc.frameAllocBatch(Item, N);
  for (let i = 0; i < N; i++) {
    const item = batch.at(i);
    item.a = k + i;
    item.b = k;
    item.c = i;
    item.d = 1;
  }
  const sum = read ? sumOfBatch(batch) : 0;
  checkedAlloc.endFrame();
  return sum;
}

function releaseAt(k: number, read: boolean): number {
  releaseAlloc.beginFrame();
  const batch = releaseAlloc.frameAllocBatch(Item, N);
  for (let i = 0; i < N; i++) {
    const item = batch.at(i);
    item.a = k + i;
    item.b = k;
    item.c = i;
    item.d = 1;
  }
  const sum = read ? sumOfBatch(batch) : 0;
  releaseAlloc.endFrame();
  return sum;
}

function iteration(k: number, read: boolean): number {
  checkedAlloc.beginFrame();
  const batch = checkedAlloc.frameAllocBatch(Item, N);
  let i = 0;
  for (const item of batch) {
    item.a = k + i;
    item.b = k;
    item.c = i++;
    item.d = 1;
  }
  const sum = read ? sumOfBatch(batch) : 0;
  checkedAlloc.endFrame();
  return sum;
}

function rawView(k: number, read: boolean): number {
  checkedAlloc.beginFrame();
  const batch = intoOptions.into = checkedAlloc.frameAllocBatch(Item, N, intoOptions);
  const view = batch.view(Float64Array);
  for (let i = 0, at = 0; i < N; i++, at += 4) {
    view[at] = k + i;
    view[at + 1] = k;
    view[at + 2] = i;
    view[at + 3] = 1;
  }
  const sum = read ? sumOfBatch(batch) : 0;
  checkedAlloc.endFrame();
  return sum;
}

function columns(k: number, read: boolean): number {
  checkedAlloc.beginFrame();
  const made = checkedAlloc.frameColumns(Item, N);
  const { a, b, c, d } = made;
  for (let i = 0; i < N; i++) {
    a[i] = k + i;
    b[i] = k;
    c[i] = i;
    d[i] = 1;
  }
  const sum = read ? sumOfColumns(made) : 0;
  checkedAlloc.endFrame();
  return sum;
}

function literals(k: number, read: boolean): number {
  for (let i = 0; i < N; i++) literalTable[i] = { a: k + i, b: k, c: i, d: 1 };
  if (!read) return 0;
  let sum = 0;
  for (const { a, b, c, d } of literalTable) sum += a + 3 * b + 5 * c + 7 * d;
  return sum;
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
  if (!read) return 0;
  let sum = 0;
  for (const array of arrayTable) sum += array[0]! + 3 * array[1]! + 5 * array[2]! + 7 * array[3]!;
  return sum;
}

function freshArray(k: number, read: boolean): number {
  const array = new Float64Array(4 * N);
  for (let i = 0, at = 0; i < N; i++, at += 4) {
    array[at] = k + i;
    array[at + 1] = k;
    array[at + 2] = i;
    array[at + 3] = 1;
  }
  return read ? sumOfView(array) : 0;
}

function reusedArray(k: number, read: boolean): number {
  for (let i = 0, at = 0; i < N; i++, at += 4) {
    reused[at] = k + i;
    reused[at + 1] = k;
    reused[at + 2] = i;
    reused[at + 3] = 1;
  }
  return read ? sumOfView(reused) : 0;
}

function sumOfBatch(batch: Batch<typeof Item>): number {
  let sum = 0;
  for (let i = 0; i < N; i++) {
    const { a, b, c, d } = batch.at(i);
    sum += a + 3 * b + 5 * c + 7 * d;
  }
  return sum;
}

function sumOfColumns({ a, b, c, d }: ColumnsOf<typeof Item>): number {
  let sum = 0;
  for (let i = 0; i < N; i++) sum += a[i]! + 3 * b[i]! + 5 * c[i]! + 7 * d[i]!;
  return sum;
}

function sumOfView(view: Float64Array): number {
  let sum = 0;
  for (let at = 0; at < 4 * N; at += 4) sum += view[at]! + 3 * view[at + 1]! + 5 * view[at + 2]! + 7 * view[at + 3]!;
  return sum;
}

const LITERALS = "object literals, kept";
const ARRAYS = "new Float64Array(4) each, kept";

export const workloads: readonly Workload[] = [{
  name: "batch",
  summary: `${N} records of 32 B at once, every one written`,
  unit: "record",
  units: N,
  candidates: [
    { name: LITERALS, frame: literals },
    { name: ARRAYS, frame: arrays },
    { name: `new Float64Array(${4 * N})`, frame: freshArray },
    { name: "one array, never freed", frame: reusedArray },
    {
      name: "cursor, checked",
      frame: checkedCursor,
      floors: [{ over: ARRAYS, atLeast: 40 }, { over: LITERALS, atLeast: 1.3 }],
    },
    { name: "cursor, release", frame: releaseCursor },
    { name: "at(i), checked", frame: checkedAt, floors: [{ over: LITERALS, atLeast: 0.5 }] },
    { name: "at(i), release", frame: releaseAt },
    { name: "for … of, checked", frame: iteration },
    { name: "view(Float64Array), checked", frame: rawView, floors: [{ over: LITERALS, atLeast: 2.5 }] },
    { name: "frameColumns, checked", frame: columns, floors: [{ over: LITERALS, atLeast: 2.5 }] },
  ],
  expected: (k) => N * (4 * k + 7) + 6 * (N * (N - 1) / 2),
  keepWarm: () => {
    useSixLayouts(checkedAlloc);
    useSixLayouts(releaseAlloc);
  },
}];

register(workloads);
