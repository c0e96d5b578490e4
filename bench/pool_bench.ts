/**
 * Workload 4: objects of 64 bytes that are freed one by one, 1000 of them alive at any time. In frame `k` 1000 of them are replaced by
 * new ones that hold `{ x, 1, 2, 3, 4, 5, 6, x }`: one at a time, at places that a generator of random numbers picks; or in bursts of
 * 64 neighbours that are all freed before the new ones are allocated. `x` is the random number.
 *
 * `new` and literals free nothing: what is replaced is left to the garbage collector, whose time is part of the measurement.
 */

import reusify from "reusify";
import { AllocConfig, f64, type Infer, SmartAlloc, struct } from "../mod.ts";
import { poolSixLayouts, useSixLayouts } from "./layouts.ts";
import { arrayPool, loadHeap } from "./rivals.ts";
import { type Candidate, register, type Workload } from "./workload.ts";

const LIVE = 1000;
const BURST = 64;
const BURSTS = 16;

const Thing = struct("Thing", { a: f64, b: f64, c: f64, d: f64, e: f64, f: f64, g: f64, h: f64 });
type Thing = Infer<typeof Thing>;

interface Fields {
  a: number;
  b: number;
  c: number;
  d: number;
  e: number;
  f: number;
  g: number;
  h: number;
}

/** What `reusify` needs: a class with a link of its own. */
class Reused implements Fields {
  next: Reused | null = null;
  // Fractions first, so that the fields are doubles from the start as those of the others are.
  a = 0.5;
  b = 0.5;
  c = 0.5;
  d = 0.5;
  e = 0.5;
  f = 0.5;
  g = 0.5;
  h = 0.5;
}

const checkedAlloc = new SmartAlloc(AllocConfig.default());
const releaseAlloc = new SmartAlloc(AllocConfig.release());
const reused = (reusify as unknown as (of: typeof Reused) => { get(): Reused; release(object: Reused): void })(Reused);
const heap = await loadHeap(4 * LIVE * 64);
const loadedHeap = typeof heap === "string" ? undefined! : heap;

/** The random numbers of a frame: xorshift with 32 bits. */
function next(x: number): number {
  x ^= x << 13;
  x ^= x >>> 17;
  x ^= x << 5;
  return x >>> 0;
}

function seed(k: number): number {
  return (Math.imul(k + 1, 0x9e3779b1) | 1) >>> 0;
}

// One at a time

const literals: Fields[] = [];
const arrays: Float64Array[] = [];
const reusedTable: Reused[] = [];
const heapTable: Float64Array[] = [];
const poolTable: Float64Array[] = [];
const checkedTable: Thing[] = [];
const releaseTable: Thing[] = [];

for (let i = 0; i < LIVE; i++) {
  literals.push({ a: 0.5, b: 0.5, c: 0.5, d: 0.5, e: 0.5, f: 0.5, g: 0.5, h: 0.5 });
  arrays.push(new Float64Array(8));
  reusedTable.push(reused.get());
  if (loadedHeap !== undefined) heapTable.push(loadedHeap.mallocAs("f64", 8)!);
  poolTable.push(arrayPool.mallocFloat64(8));
  checkedTable.push(checkedAlloc.poolAlloc(Thing));
  releaseTable.push(releaseAlloc.poolAlloc(Thing));
}

function replaceLiterals(k: number, read: boolean): number {
  let x = seed(k);
  for (let n = 0; n < LIVE; n++) {
    x = next(x);
    literals[x % LIVE] = { a: x, b: 1, c: 2, d: 3, e: 4, f: 5, g: 6, h: x };
  }
  return read ? sumOfFields(literals, k) : 0;
}

function replaceArrays(k: number, read: boolean): number {
  let x = seed(k);
  for (let n = 0; n < LIVE; n++) {
    x = next(x);
    const array = new Float64Array(8);
    array[0] = x;
    array[1] = 1;
    array[2] = 2;
    array[3] = 3;
    array[4] = 4;
    array[5] = 5;
    array[6] = 6;
    array[7] = x;
    arrays[x % LIVE] = array;
  }
  return read ? sumOfArrays(arrays, k) : 0;
}

function replaceReused(k: number, read: boolean): number {
  let x = seed(k);
  for (let n = 0; n < LIVE; n++) {
    x = next(x);
    const i = x % LIVE;
    reused.release(reusedTable[i]!);
    const object = reused.get();
    object.a = x;
    object.b = 1;
    object.c = 2;
    object.d = 3;
    object.e = 4;
    object.f = 5;
    object.g = 6;
    object.h = x;
    reusedTable[i] = object;
  }
  return read ? sumOfFields(reusedTable, k) : 0;
}

function replaceInHeap(k: number, read: boolean): number {
  let x = seed(k);
  for (let n = 0; n < LIVE; n++) {
    x = next(x);
    const i = x % LIVE;
    loadedHeap.free(heapTable[i]!);
    const array = loadedHeap.mallocAs("f64", 8)!;
    array[0] = x;
    array[1] = 1;
    array[2] = 2;
    array[3] = 3;
    array[4] = 4;
    array[5] = 5;
    array[6] = 6;
    array[7] = x;
    heapTable[i] = array;
  }
  return read ? sumOfArrays(heapTable, k) : 0;
}

function replaceInArrayPool(k: number, read: boolean): number {
  let x = seed(k);
  for (let n = 0; n < LIVE; n++) {
    x = next(x);
    const i = x % LIVE;
    arrayPool.freeFloat64(poolTable[i]!);
    const array = arrayPool.mallocFloat64(8);
    array[0] = x;
    array[1] = 1;
    array[2] = 2;
    array[3] = 3;
    array[4] = 4;
    array[5] = 5;
    array[6] = 6;
    array[7] = x;
    poolTable[i] = array;
  }
  return read ? sumOfArrays(poolTable, k) : 0;
}

function replaceChecked(k: number, read: boolean): number {
  let x = seed(k);
  for (let n = 0; n < LIVE; n++) {
    x = next(x);
    const i = x % LIVE;
    checkedAlloc.poolFree(checkedTable[i]!);
    const thing = checkedAlloc.poolAlloc(Thing);
    thing.a = x;
    thing.b = 1;
    thing.c = 2;
    thing.d = 3;
    thing.e = 4;
    thing.f = 5;
    thing.g = 6;
    thing.h = x;
    checkedTable[i] = thing;
  }
  return read ? sumOfFields(checkedTable, k) : 0;
}

function replaceReleased(k: number, read: boolean): number {
  let x = seed(k);
  for (let n = 0; n < LIVE; n++) {
    x = next(x);
    const i = x % LIVE;
    releaseAlloc.poolFree(releaseTable[i]!);
    const thing = releaseAlloc.poolAlloc(Thing);
    thing.a = x;
    thing.b = 1;
    thing.c = 2;
    thing.d = 3;
    thing.e = 4;
    thing.f = 5;
    thing.g = 6;
    thing.h = x;
    releaseTable[i] = thing;
  }
  return read ? sumOfFields(releaseTable, k) : 0;
}

/** The places that a frame of single replacements writes, with what it writes there last. */
function replaced(k: number): Map<number, number> {
  const last = new Map<number, number>();
  let x = seed(k);
  for (let n = 0; n < LIVE; n++) {
    x = next(x);
    last.set(x % LIVE, x);
  }
  return last;
}

function sumOfFields(things: readonly Fields[], k: number): number {
  return sum(replaced(k), (i) => {
    const { a, b, c, d, e, f, g, h } = things[i]!;
    return [a, b, c, d, e, f, g, h];
  });
}

function sumOfArrays(list: readonly Float64Array[], k: number): number {
  return sum(replaced(k), (i) => [...list[i]!]);
}

// In bursts

const burstLiterals: Fields[] = literals.map((fields) => ({ ...fields }));
const burstArrays: Float64Array[] = arrays.map((array) => array.slice());

function burstOfLiterals(k: number, read: boolean): number {
  let x = seed(k);
  for (let n = 0; n < BURSTS; n++) {
    x = next(x);
    const start = x % LIVE;
    for (let j = 0; j < BURST; j++) {
      burstLiterals[(start + j) % LIVE] = { a: x, b: 1, c: 2, d: 3, e: 4, f: 5, g: 6, h: x };
    }
  }
  return read ? sumOfBurstFields(burstLiterals, k) : 0;
}

function burstOfArrays(k: number, read: boolean): number {
  let x = seed(k);
  for (let n = 0; n < BURSTS; n++) {
    x = next(x);
    const start = x % LIVE;
    for (let j = 0; j < BURST; j++) {
      const array = new Float64Array(8);
      array[0] = x;
      array[1] = 1;
      array[2] = 2;
      array[3] = 3;
      array[4] = 4;
      array[5] = 5;
      array[6] = 6;
      array[7] = x;
      burstArrays[(start + j) % LIVE] = array;
    }
  }
  return read ? sumOfBurstArrays(burstArrays, k) : 0;
}

function burstOfReused(k: number, read: boolean): number {
  let x = seed(k);
  for (let n = 0; n < BURSTS; n++) {
    x = next(x);
    const start = x % LIVE;
    for (let j = 0; j < BURST; j++) reused.release(reusedTable[(start + j) % LIVE]!);
    for (let j = 0; j < BURST; j++) {
      const object = reused.get();
      object.a = x;
      object.b = 1;
      object.c = 2;
      object.d = 3;
      object.e = 4;
      object.f = 5;
      object.g = 6;
      object.h = x;
      reusedTable[(start + j) % LIVE] = object;
    }
  }
  return read ? sumOfBurstFields(reusedTable, k) : 0;
}

function burstInHeap(k: number, read: boolean): number {
  let x = seed(k);
  for (let n = 0; n < BURSTS; n++) {
    x = next(x);
    const start = x % LIVE;
    for (let j = 0; j < BURST; j++) loadedHeap.free(heapTable[(start + j) % LIVE]!);
    for (let j = 0; j < BURST; j++) {
      const array = loadedHeap.mallocAs("f64", 8)!;
      array[0] = x;
      array[1] = 1;
      array[2] = 2;
      array[3] = 3;
      array[4] = 4;
      array[5] = 5;
      array[6] = 6;
      array[7] = x;
      heapTable[(start + j) % LIVE] = array;
    }
  }
  return read ? sumOfBurstArrays(heapTable, k) : 0;
}

function burstInArrayPool(k: number, read: boolean): number {
  let x = seed(k);
  for (let n = 0; n < BURSTS; n++) {
    x = next(x);
    const start = x % LIVE;
    for (let j = 0; j < BURST; j++) arrayPool.freeFloat64(poolTable[(start + j) % LIVE]!);
    for (let j = 0; j < BURST; j++) {
      const array = arrayPool.mallocFloat64(8);
      array[0] = x;
      array[1] = 1;
      array[2] = 2;
      array[3] = 3;
      array[4] = 4;
      array[5] = 5;
      array[6] = 6;
      array[7] = x;
      poolTable[(start + j) % LIVE] = array;
    }
  }
  return read ? sumOfBurstArrays(poolTable, k) : 0;
}

function burstChecked(k: number, read: boolean): number {
  let x = seed(k);
  for (let n = 0; n < BURSTS; n++) {
    x = next(x);
    const start = x % LIVE;
    for (let j = 0; j < BURST; j++) checkedAlloc.poolFree(checkedTable[(start + j) % LIVE]!);
    for (let j = 0; j < BURST; j++) {
      const thing = checkedAlloc.poolAlloc(Thing);
      thing.a = x;
      thing.b = 1;
      thing.c = 2;
      thing.d = 3;
      thing.e = 4;
      thing.f = 5;
      thing.g = 6;
      thing.h = x;
      checkedTable[(start + j) % LIVE] = thing;
    }
  }
  return read ? sumOfBurstFields(checkedTable, k) : 0;
}

function burstReleased(k: number, read: boolean): number {
  let x = seed(k);
  for (let n = 0; n < BURSTS; n++) {
    x = next(x);
    const start = x % LIVE;
    for (let j = 0; j < BURST; j++) releaseAlloc.poolFree(releaseTable[(start + j) % LIVE]!);
    for (let j = 0; j < BURST; j++) {
      const thing = releaseAlloc.poolAlloc(Thing);
      thing.a = x;
      thing.b = 1;
      thing.c = 2;
      thing.d = 3;
      thing.e = 4;
      thing.f = 5;
      thing.g = 6;
      thing.h = x;
      releaseTable[(start + j) % LIVE] = thing;
    }
  }
  return read ? sumOfBurstFields(releaseTable, k) : 0;
}

/** The places that a frame of bursts writes, with what it writes there last. */
function burst(k: number): Map<number, number> {
  const last = new Map<number, number>();
  let x = seed(k);
  for (let n = 0; n < BURSTS; n++) {
    x = next(x);
    for (let j = 0; j < BURST; j++) last.set((x % LIVE + j) % LIVE, x);
  }
  return last;
}

function sumOfBurstFields(things: readonly Fields[], k: number): number {
  return sum(burst(k), (i) => {
    const { a, b, c, d, e, f, g, h } = things[i]!;
    return [a, b, c, d, e, f, g, h];
  });
}

function sumOfBurstArrays(list: readonly Float64Array[], k: number): number {
  return sum(burst(k), (i) => [...list[i]!]);
}

/** A number that depends on every field of every place that was written. */
function sum(written: ReadonlyMap<number, number>, fieldsAt: (i: number) => readonly number[]): number {
  let all = 0;
  for (const i of written.keys()) {
    const fields = fieldsAt(i);
    for (let f = 0; f < 8; f++) all += (f + 1) * fields[f]! + i;
  }
  return all;
}

function expected(written: ReadonlyMap<number, number>): number {
  return sum(written, (i) => {
    const x = written.get(i)!;
    return [x, 1, 2, 3, 4, 5, 6, x];
  });
}

function keepWarm(): void {
  useSixLayouts(checkedAlloc);
  useSixLayouts(releaseAlloc);
  poolSixLayouts(checkedAlloc);
  poolSixLayouts(releaseAlloc);
}

/** The rivals that hand out 64 bytes of typed memory. */
function fasterThanTyped(): { over: string; atLeast: number }[] {
  const over = ["new Float64Array(8)", "typedarray-pool"];
  if (typeof heap !== "string") over.push("@thi.ng/malloc");
  return over.map((name) => ({ over: name, atLeast: 1 }));
}

function candidates(frames: readonly Candidate["frame"][]): Candidate[] {
  const [literal, array, reuse, inHeap, inArrayPool, checked, release] = frames as readonly [
    Candidate["frame"],
    Candidate["frame"],
    Candidate["frame"],
    Candidate["frame"],
    Candidate["frame"],
    Candidate["frame"],
    Candidate["frame"],
  ];
  return [
    { name: "object literals", frame: literal },
    { name: "new Float64Array(8)", frame: array },
    { name: "reusify", frame: reuse },
    ...typeof heap === "string" ? [] : [{ name: "@thi.ng/malloc", frame: inHeap }],
    { name: "typedarray-pool", frame: inArrayPool },
    { name: "pool, checked", frame: checked, floors: fasterThanTyped() },
    { name: "pool, release", frame: release, floors: [{ over: "reusify", atLeast: 1 / 1.5 }] },
  ];
}

const absent = typeof heap === "string" ? [heap] : [];

export const workloads: readonly Workload[] = [
  {
    name: "pool, one at a time",
    summary: "1000 of 1000 objects of 64 bytes replaced at random places",
    unit: "object",
    units: LIVE,
    candidates: candidates([
      replaceLiterals,
      replaceArrays,
      replaceReused,
      replaceInHeap,
      replaceInArrayPool,
      replaceChecked,
      replaceReleased,
    ]),
    absent,
    expected: (k) => expected(replaced(k)),
    keepWarm,
  },
  {
    name: "pool, bursts",
    summary: "1024 of 1000 objects of 64 bytes replaced in bursts of 64",
    unit: "object",
    units: BURST * BURSTS,
    candidates: candidates([
      burstOfLiterals,
      burstOfArrays,
      burstOfReused,
      burstInHeap,
      burstInArrayPool,
      burstChecked,
      burstReleased,
    ]),
    absent,
    expected: (k) => expected(burst(k)),
    keepWarm,
  },
];

register(workloads);
