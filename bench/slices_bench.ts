/**
 * Workload 3: typed arrays. Frame `k` has 100 arrays of 256 `f32`, which are kept in a table that is used again every frame. Four kinds
 * of work, by what is done with array `j`: filled with `k + j` by `fill`; element `e` written `k + j + e` by a loop; zeroed, then
 * element `(k + j) & 255` written; and that one element written without zeroing.
 *
 * Where a library frees everything at once it may do so; `typedarray-pool` can only take back one array at a time. `new` frees nothing:
 * its arrays are left to the garbage collector, whose time is part of the measurement.
 */

import { AllocConfig, SmartAlloc } from "../mod.ts";
import { useSixLayouts } from "./layouts.ts";
import { arrayPool, loadHeap } from "./rivals.ts";
import { type Candidate, register, type Workload } from "./workload.ts";

const N = 100;
const LENGTH = 256;
const ZERO = { zero: true };

const alloc = new SmartAlloc(AllocConfig.default());
const revokingAlloc = new SmartAlloc({ ...AllocConfig.default(), safety: "revoke" });
const heap = await loadHeap(2 * N * LENGTH * Float32Array.BYTES_PER_ELEMENT);
// Only used when the heap was loaded: a constant of one type, so that its calls are as good as ours.
const loadedHeap = typeof heap === "string" ? undefined! : heap;

const slices: Float32Array[] = [];

function fillSlices(k: number, read: boolean): number {
  alloc.beginFrame();
  for (let j = 0; j < N; j++) {
    const slice = alloc.frameSlice(Float32Array, LENGTH);
    slice.fill(k + j);
    slices[j] = slice;
  }
  const sum = read ? sumOfAll(slices) : 0;
  alloc.endFrame();
  return sum;
}

function fillRevoked(k: number, read: boolean): number {
  revokingAlloc.beginFrame();
  for (let j = 0; j < N; j++) {
    const slice = revokingAlloc.frameSlice(Float32Array, LENGTH);
    slice.fill(k + j);
    slices[j] = slice;
  }
  const sum = read ? sumOfAll(slices) : 0;
  revokingAlloc.endFrame();
  return sum;
}

function fillNew(k: number, read: boolean): number {
  for (let j = 0; j < N; j++) {
    const slice = new Float32Array(LENGTH);
    slice.fill(k + j);
    slices[j] = slice;
  }
  return read ? sumOfAll(slices) : 0;
}

function fillHeap(k: number, read: boolean): number {
  for (let j = 0; j < N; j++) {
    const slice = loadedHeap.mallocAs("f32", LENGTH)!;
    slice.fill(k + j);
    slices[j] = slice;
  }
  const sum = read ? sumOfAll(slices) : 0;
  loadedHeap.freeAll();
  return sum;
}

function fillPool(k: number, read: boolean): number {
  for (let j = 0; j < N; j++) {
    const slice = arrayPool.mallocFloat32(LENGTH);
    slice.fill(k + j);
    slices[j] = slice;
  }
  const sum = read ? sumOfAll(slices) : 0;
  for (let j = 0; j < N; j++) arrayPool.freeFloat32(slices[j]!);
  return sum;
}

function loopSlices(k: number, read: boolean): number {
  alloc.beginFrame();
  for (let j = 0; j < N; j++) {
    const slice = alloc.frameSlice(Float32Array, LENGTH);
    for (let e = 0; e < LENGTH; e++) slice[e] = k + j;
    slices[j] = slice;
  }
  const sum = read ? sumOfAll(slices) : 0;
  alloc.endFrame();
  return sum;
}

function loopNew(k: number, read: boolean): number {
  for (let j = 0; j < N; j++) {
    const slice = new Float32Array(LENGTH);
    for (let e = 0; e < LENGTH; e++) slice[e] = k + j;
    slices[j] = slice;
  }
  return read ? sumOfAll(slices) : 0;
}

function loopHeap(k: number, read: boolean): number {
  for (let j = 0; j < N; j++) {
    const slice = loadedHeap.mallocAs("f32", LENGTH)!;
    for (let e = 0; e < LENGTH; e++) slice[e] = k + j;
    slices[j] = slice;
  }
  const sum = read ? sumOfAll(slices) : 0;
  loadedHeap.freeAll();
  return sum;
}

function loopPool(k: number, read: boolean): number {
  for (let j = 0; j < N; j++) {
    const slice = arrayPool.mallocFloat32(LENGTH);
    for (let e = 0; e < LENGTH; e++) slice[e] = k + j;
    slices[j] = slice;
  }
  const sum = read ? sumOfAll(slices) : 0;
  for (let j = 0; j < N; j++) arrayPool.freeFloat32(slices[j]!);
  return sum;
}

function zeroSlices(k: number, read: boolean): number {
  alloc.beginFrame();
  for (let j = 0; j < N; j++) {
    const slice = alloc.frameSlice(Float32Array, LENGTH, ZERO);
    slice[(k + j) & 255] = k;
    slices[j] = slice;
  }
  const sum = read ? sumOfAll(slices) : 0;
  alloc.endFrame();
  return sum;
}

function zeroNew(k: number, read: boolean): number {
  for (let j = 0; j < N; j++) {
    const slice = new Float32Array(LENGTH);
    slice[(k + j) & 255] = k;
    slices[j] = slice;
  }
  return read ? sumOfAll(slices) : 0;
}

function zeroHeap(k: number, read: boolean): number {
  for (let j = 0; j < N; j++) {
    const slice = loadedHeap.callocAs("f32", LENGTH)!;
    slice[(k + j) & 255] = k;
    slices[j] = slice;
  }
  const sum = read ? sumOfAll(slices) : 0;
  loadedHeap.freeAll();
  return sum;
}

function zeroPool(k: number, read: boolean): number {
  for (let j = 0; j < N; j++) {
    const slice = arrayPool.mallocFloat32(LENGTH);
    slice.fill(0);
    slice[(k + j) & 255] = k;
    slices[j] = slice;
  }
  const sum = read ? sumOfAll(slices) : 0;
  for (let j = 0; j < N; j++) arrayPool.freeFloat32(slices[j]!);
  return sum;
}

function touchSlices(k: number, read: boolean): number {
  alloc.beginFrame();
  for (let j = 0; j < N; j++) {
    const slice = alloc.frameSlice(Float32Array, LENGTH);
    slice[(k + j) & 255] = k;
    slices[j] = slice;
  }
  const sum = read ? sumOfTouched(slices, k) : 0;
  alloc.endFrame();
  return sum;
}

function touchNew(k: number, read: boolean): number {
  for (let j = 0; j < N; j++) {
    const slice = new Float32Array(LENGTH);
    slice[(k + j) & 255] = k;
    slices[j] = slice;
  }
  return read ? sumOfTouched(slices, k) : 0;
}

function touchHeap(k: number, read: boolean): number {
  for (let j = 0; j < N; j++) {
    const slice = loadedHeap.mallocAs("f32", LENGTH)!;
    slice[(k + j) & 255] = k;
    slices[j] = slice;
  }
  const sum = read ? sumOfTouched(slices, k) : 0;
  loadedHeap.freeAll();
  return sum;
}

function touchPool(k: number, read: boolean): number {
  for (let j = 0; j < N; j++) {
    const slice = arrayPool.mallocFloat32(LENGTH);
    slice[(k + j) & 255] = k;
    slices[j] = slice;
  }
  const sum = read ? sumOfTouched(slices, k) : 0;
  for (let j = 0; j < N; j++) arrayPool.freeFloat32(slices[j]!);
  return sum;
}

function sumOfAll(arrays: readonly Float32Array[]): number {
  let sum = 0;
  for (const array of arrays) for (const element of array) sum += element;
  return sum;
}

function sumOfTouched(arrays: readonly Float32Array[], k: number): number {
  let sum = 0;
  for (let j = 0; j < N; j++) sum += arrays[j]![(k + j) & 255]!;
  return sum;
}

const NEW = `new Float32Array(${LENGTH})`;
const HEAP = "@thi.ng/malloc";
const POOL = "typedarray-pool";

function rivals(
  ofNew: Candidate["frame"],
  ofHeap: Candidate["frame"],
  ofPool: Candidate["frame"],
): readonly Candidate[] {
  return [
    { name: NEW, frame: ofNew },
    ...typeof heap === "string" ? [] : [{ name: HEAP, frame: ofHeap }],
    { name: POOL, frame: ofPool },
  ];
}

function workload(
  name: string,
  summary: string,
  candidates: readonly Candidate[],
  expected: (k: number) => number,
): Workload {
  return {
    name,
    summary: `${N} arrays of ${LENGTH} f32, ${summary}`,
    unit: "array",
    units: N,
    candidates,
    absent: typeof heap === "string" ? [heap] : [],
    expected,
    keepWarm: () => {
      useSixLayouts(alloc);
      useSixLayouts(revokingAlloc);
    },
  };
}

export const workloads: readonly Workload[] = [
  workload("slices, filled", "filled with fill", [
    ...rivals(fillNew, fillHeap, fillPool),
    {
      name: "frameSlice",
      frame: fillSlices,
      floors: [{ over: NEW, atLeast: 5 }, { over: HEAP, atLeast: 4 }],
    },
    { name: "frameSlice, revoked at the end", frame: fillRevoked },
  ], (k) => LENGTH * (N * k + N * (N - 1) / 2)),
  workload("slices, written", "written by a loop", [
    ...rivals(loopNew, loopHeap, loopPool),
    { name: "frameSlice", frame: loopSlices, floors: [{ over: NEW, atLeast: 3.5 }] },
  ], (k) => LENGTH * (N * k + N * (N - 1) / 2)),
  workload("slices, zeroed", "zeroed, then one element written", [
    ...rivals(zeroNew, zeroHeap, zeroPool),
    { name: "frameSlice, zero: true", frame: zeroSlices, floors: [{ over: NEW, atLeast: 5 }] },
  ], (k) => N * k),
  workload("slices, touched", "one element written", [
    ...rivals(touchNew, touchHeap, touchPool),
    { name: "frameSlice", frame: touchSlices, floors: [{ over: NEW, atLeast: 60 }, { over: HEAP, atLeast: 4 }] },
  ], (k) => N * k),
];

register(workloads);
