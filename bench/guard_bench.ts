/**
 * What the guard of frames and `await` costs: three of the other workloads with handles that are checked and frames that are guarded, which
 * is the default, and with turns as well, against handles that are not checked. All of them count by tags; the release preset, which counts
 * nothing and does not look at the clock either, is beside them.
 *
 * The items of `batch_bench.ts` and the mixed frame of `mixed_frame_bench.ts` are raw memory, columns and cursors. The records of
 * `single_records_bench.ts` are measured twice: with every frame in a turn of its own, as programs have it, where `"turns"` looks for the
 * end of each; and with many frames in one turn, which shares that.
 */

import * as frames from "./guard_work.ts?guard=frames";
import * as preset from "./guard_work.ts?guard=preset";
import * as release from "./guard_work.ts?guard=release";
import * as turns from "./guard_work.ts?guard=turns";
import { register, type Workload } from "./workload.ts";

/** Raw memory may cost a twentieth more than in the release mode, a cursor two fifths more, and turns twice as much. */
const RAW = 1 / 1.05;
const CURSOR = 1 / 1.4;
const TURNS = 1 / 2;

function keepWarm(): void {
  preset.keepWarm();
  release.keepWarm();
  frames.keepWarm();
  turns.keepWarm();
}

const records: Omit<Workload, "name" | "summary"> = {
  unit: "record",
  units: 1000,
  candidates: [
    { name: "layout of the module, release", frame: release.localRecords },
    {
      name: "layout of the module, frames",
      frame: frames.localRecords,
      floors: [{ over: "layout of the module, release" }],
    },
    {
      name: "layout of the module, turns",
      frame: turns.localRecords,
      floors: [
        { over: "layout of the module, release", atLeast: TURNS },
        { over: "layout of the module, frames", atLeast: TURNS },
      ],
    },
    { name: "layout imported, release", frame: release.records },
    { name: "layout imported, frames", frame: frames.records, floors: [{ over: "layout imported, release" }] },
    {
      name: "layout imported, turns",
      frame: turns.records,
      floors: [
        { over: "layout imported, release", atLeast: TURNS },
        { over: "layout imported, frames", atLeast: TURNS },
      ],
    },
  ],
  expected: release.expectedOfItems,
  keepWarm,
};

export const workloads: readonly Workload[] = [
  {
    name: "guard, batch",
    summary: "1000 records of 32 B at once, every one written",
    unit: "record",
    units: 1000,
    candidates: [
      { name: "view, release", frame: release.view },
      { name: "view, release preset", frame: preset.view, floors: [{ over: "view, release" }] },
      { name: "view, frames", frame: frames.view, floors: [{ over: "view, release", atLeast: RAW }] },
      { name: "view, turns", frame: turns.view, floors: [{ over: "view, release", atLeast: TURNS }] },
      { name: "columns, release", frame: release.columns },
      { name: "columns, release preset", frame: preset.columns, floors: [{ over: "columns, release" }] },
      { name: "columns, frames", frame: frames.columns, floors: [{ over: "columns, release", atLeast: RAW }] },
      { name: "columns, turns", frame: turns.columns, floors: [{ over: "columns, release", atLeast: TURNS }] },
      { name: "cursor, release", frame: release.cursor },
      { name: "cursor, release preset", frame: preset.cursor, floors: [{ over: "cursor, release" }] },
      { name: "cursor, frames", frame: frames.cursor, floors: [{ over: "cursor, release", atLeast: CURSOR }] },
      { name: "cursor, turns", frame: turns.cursor, floors: [{ over: "cursor, release", atLeast: TURNS }] },
    ],
    expected: release.expectedOfItems,
    keepWarm,
  },
  {
    name: "guard, mixed frame",
    summary: "10000 particles, 500 contacts and 64 growing lists",
    unit: "frame",
    units: 1,
    candidates: [
      { name: "views, release", frame: release.mixedView },
      { name: "views, frames", frame: frames.mixedView, floors: [{ over: "views, release", atLeast: RAW }] },
      { name: "columns, release", frame: release.mixedColumns },
      { name: "columns, frames", frame: frames.mixedColumns, floors: [{ over: "columns, release", atLeast: RAW }] },
      { name: "cursors, release", frame: release.mixedCursor },
      { name: "cursors, frames", frame: frames.mixedCursor, floors: [{ over: "cursors, release", atLeast: CURSOR }] },
    ],
    expected: release.expectedOfMixed,
    keepWarm,
  },
  {
    name: "guard, one frame per turn",
    summary: "1000 records of 32 B, one by one, and an await after each frame",
    awaits: true,
    ...records,
  },
  {
    name: "guard, many frames per turn",
    summary: "the same without an await",
    ...records,
  },
];

register(workloads);
