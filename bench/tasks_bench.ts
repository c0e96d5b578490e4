/**
 * Memory that lives as long as a task: taken, every byte written, and let go. `new` lets go of nothing: what it has made is left to the
 * garbage collector, whose time is part of the measurement.
 *
 * One task after the other, in one piece of several sizes, filled or written by a plain loop; many tasks at a time with an `await` in each,
 * of which the oldest ends when the next one starts; and five small pieces per task. The report ends with the size from which on a task
 * pays.
 */

import { SmartAlloc, TaskAlloc, type TaskOptions } from "../mod.ts";
import { useSixLayouts } from "./layouts.ts";
import { type Candidate, register, type Workload } from "./workload.ts";

const KIB = 1024;
const SIZES: readonly number[] = [256, KIB, 4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB, 1024 * KIB];
/** The sizes that are measured with many tasks at a time. */
const ASYNC_SIZES: readonly number[] = [KIB, 4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB];
const AT_A_TIME = 16;
const PIECES = 5;

/** How many times as fast as `new` a task of 64 KiB has to be, where the time is that of the memory. */
const FLOOR = 3;

const [NEW, ZEROED, UNZEROED] = ["new Uint8Array", "task", "task, not zeroed"] as const;

const alloc = new SmartAlloc();

type Frame = Candidate["frame"];

// One task after the other

function newFilled(bytes: number): Frame {
  return (k, read) => {
    const slice = new Uint8Array(bytes).fill(k);
    return read ? sum(slice) : slice.length;
  };
}

function taskFilled(bytes: number): Frame {
  const options: TaskOptions = { size: bytes };
  return (k, read) => {
    const task = new TaskAlloc(alloc, options);
    const slice = task.allocSlice(Uint8Array, bytes).fill(k);
    const result = read ? sum(slice) : slice.length;
    task.release();
    return result;
  };
}

function unzeroedFilled(bytes: number): Frame {
  const options: TaskOptions = { size: bytes, zero: false };
  return (k, read) => {
    const task = new TaskAlloc(alloc, options);
    const slice = task.allocSlice(Uint8Array, bytes).fill(k);
    const result = read ? sum(slice) : slice.length;
    task.release();
    return result;
  };
}

function newLooped(bytes: number): Frame {
  return (k, read) => {
    const slice = new Uint8Array(bytes);
    for (let i = 0; i < bytes; i++) slice[i] = k;
    return read ? sum(slice) : slice.length;
  };
}

function taskLooped(bytes: number): Frame {
  const options: TaskOptions = { size: bytes };
  return (k, read) => {
    const task = new TaskAlloc(alloc, options);
    const slice = task.allocSlice(Uint8Array, bytes);
    for (let i = 0; i < bytes; i++) slice[i] = k;
    const result = read ? sum(slice) : slice.length;
    task.release();
    return result;
  };
}

function unzeroedLooped(bytes: number): Frame {
  const options: TaskOptions = { size: bytes, zero: false };
  return (k, read) => {
    const task = new TaskAlloc(alloc, options);
    const slice = task.allocSlice(Uint8Array, bytes);
    for (let i = 0; i < bytes; i++) slice[i] = k;
    const result = read ? sum(slice) : slice.length;
    task.release();
    return result;
  };
}

// Many tasks at a time: each is filled when it starts, and let go of when so many others have started

function newAmongMany(bytes: number): Frame {
  const slices: Uint8Array[] = [];
  return (k, read) => {
    const slice = slices[k % AT_A_TIME] = new Uint8Array(bytes).fill(k);
    return read ? sum(slice) : slice.length;
  };
}

function taskAmongMany(bytes: number): Frame {
  const options: TaskOptions = { size: bytes };
  const tasks: TaskAlloc[] = [];
  return (k, read) => {
    const at = k % AT_A_TIME;
    const before = tasks[at];
    if (before !== undefined) before.release();
    const task = tasks[at] = new TaskAlloc(alloc, options);
    const slice = task.allocSlice(Uint8Array, bytes).fill(k);
    return read ? sum(slice) : slice.length;
  };
}

function unzeroedAmongMany(bytes: number): Frame {
  const options: TaskOptions = { size: bytes, zero: false };
  const tasks: TaskAlloc[] = [];
  return (k, read) => {
    const at = k % AT_A_TIME;
    const before = tasks[at];
    if (before !== undefined) before.release();
    const task = tasks[at] = new TaskAlloc(alloc, options);
    const slice = task.allocSlice(Uint8Array, bytes).fill(k);
    return read ? sum(slice) : slice.length;
  };
}

// Five small pieces

function newPieces(k: number, read: boolean): number {
  let all = 0;
  for (let i = 0; i < PIECES; i++) {
    const slice = new Uint8Array(KIB).fill(k);
    all += read ? sum(slice) : slice.length;
  }
  return all;
}

function taskPieces(k: number, read: boolean): number {
  const task = new TaskAlloc(alloc);
  let all = 0;
  for (let i = 0; i < PIECES; i++) {
    const slice = task.allocSlice(Uint8Array, KIB).fill(k);
    all += read ? sum(slice) : slice.length;
  }
  task.release();
  return all;
}

const SIZED: TaskOptions = { size: PIECES * KIB };
const SIZED_UNZEROED: TaskOptions = { size: PIECES * KIB, zero: false };

function sizedPieces(k: number, read: boolean): number {
  const task = new TaskAlloc(alloc, SIZED);
  let all = 0;
  for (let i = 0; i < PIECES; i++) {
    const slice = task.allocSlice(Uint8Array, KIB).fill(k);
    all += read ? sum(slice) : slice.length;
  }
  task.release();
  return all;
}

function unzeroedPieces(k: number, read: boolean): number {
  const task = new TaskAlloc(alloc, SIZED_UNZEROED);
  let all = 0;
  for (let i = 0; i < PIECES; i++) {
    const slice = task.allocSlice(Uint8Array, KIB).fill(k);
    all += read ? sum(slice) : slice.length;
  }
  task.release();
  return all;
}

function sum(slice: Uint8Array): number {
  let all = 0;
  for (let i = 0; i < slice.length; i++) all += slice[i]!;
  return all;
}

function sized(bytes: number): string {
  return bytes < KIB ? `${bytes} B` : `${bytes / KIB} KiB`;
}

/** One way of writing, over several sizes. */
interface Series {
  readonly name: string;
  readonly sizes: readonly number[];
  readonly nameOf: (bytes: number) => string;
}

const FILLED: Series = { name: "filled", sizes: SIZES, nameOf: (bytes) => `task of ${sized(bytes)}, filled` };
const LOOPED: Series = { name: "looped", sizes: SIZES, nameOf: (bytes) => `task of ${sized(bytes)}, looped` };
const ASYNC: Series = {
  name: `filled, ${AT_A_TIME} at a time`,
  sizes: ASYNC_SIZES,
  nameOf: (bytes) => `${AT_A_TIME} tasks of ${sized(bytes)} at a time, filled`,
};

function workload(series: Series, bytes: number, summary: string, frames: readonly [Frame, Frame, Frame]): Workload {
  const [fresh, zeroed, unzeroed] = frames;
  const hasFloor = bytes === 64 * KIB && series === FILLED;
  return {
    name: series.nameOf(bytes),
    summary,
    unit: "task",
    units: 1,
    candidates: [
      { name: NEW, frame: fresh },
      { name: ZEROED, frame: zeroed, floors: [hasFloor ? { over: NEW, atLeast: FLOOR } : { over: NEW }] },
      { name: UNZEROED, frame: unzeroed },
    ],
    expected: (k) => bytes * (k & 255),
    keepWarm: () => useSixLayouts(alloc),
  };
}

export const workloads: readonly Workload[] = [
  ...SIZES.map((bytes) =>
    workload(FILLED, bytes, `${sized(bytes)} taken, filled, let go`, [
      newFilled(bytes),
      taskFilled(bytes),
      unzeroedFilled(bytes),
    ])
  ),
  ...SIZES.map((bytes) =>
    workload(LOOPED, bytes, `${sized(bytes)} taken, written byte by byte, let go`, [
      newLooped(bytes),
      taskLooped(bytes),
      unzeroedLooped(bytes),
    ])
  ),
  ...ASYNC_SIZES.map((bytes) => ({
    ...workload(ASYNC, bytes, `${sized(bytes)} taken and filled, an await, those of ${AT_A_TIME} tasks ago let go`, [
      newAmongMany(bytes),
      taskAmongMany(bytes),
      unzeroedAmongMany(bytes),
    ]),
    awaits: true,
  })),
  {
    name: "task of 5 × 1 KiB, filled",
    summary: "five pieces of 1 KiB taken, filled, let go",
    unit: "task",
    units: 1,
    candidates: [
      { name: NEW, frame: newPieces },
      { name: ZEROED, frame: taskPieces },
      { name: "task, with its size", frame: sizedPieces },
      { name: "task, with its size, not zeroed", frame: unzeroedPieces },
    ],
    expected: (k) => PIECES * KIB * (k & 255),
    keepWarm: () => useSixLayouts(alloc),
  },
];

/** From which size on a task is faster than `new`. */
export function conclude(ratio: (workload: string, candidate: string, over: string) => number): readonly string[] {
  return [FILLED, LOOPED, ASYNC].map((series) => {
    const parts = [ZEROED, UNZEROED].map((candidate) => {
      const ratios = series.sizes.map((bytes) => ratio(series.nameOf(bytes), candidate, NEW));
      return `${candidate === ZEROED ? "zeroed" : "not zeroed"} ${crossing(series.sizes, ratios)}`;
    });
    return `a task pays, ${series.name}: ${parts.join(", ")}`;
  });
}

/** Where a ratio comes to one for good, on a straight line through the logarithms of sizes and ratios. */
function crossing(sizes: readonly number[], ratios: readonly number[]): string {
  const last = ratios.findLastIndex((ratio) => ratio < 1);
  if (last < 0) return `from less than ${sized(sizes[0]!)} on`;
  if (last === sizes.length - 1) return `at none of these sizes`;
  const [before, after] = [Math.log(ratios[last]!), Math.log(ratios[last + 1]!)];
  const part = before / (before - after);
  const bytes = sizes[last]! * (sizes[last + 1]! / sizes[last]!) ** part;
  return `from about ${(bytes / KIB).toPrecision(2)} KiB on`;
}

register(workloads);
