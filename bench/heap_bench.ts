/**
 * Large blocks: one of 1 MiB is allocated, one byte of each of its pages is written, and it is freed. `new` frees nothing: its buffer
 * is left to the garbage collector, whose time is part of the measurement.
 *
 * This is the steady state, in which the collector runs all the time and the system has the buffers at hand. `deno task memory` has the
 * floors: 2,000 blocks in a process of their own, with the peak of resident memory.
 */

import { SmartAlloc } from "../mod.ts";
import { useSixLayouts } from "./layouts.ts";
import { register, type Workload } from "./workload.ts";

const BYTES = 1024 * 1024;
const PAGE = 4096;
const UNZEROED = { zero: false };

const alloc = new SmartAlloc();

export function leftToTheCollector(k: number, read: boolean): number {
  const bytes = new Uint8Array(new ArrayBuffer(BYTES));
  for (let at = k % PAGE; at < BYTES; at += PAGE) bytes[at] = k;
  return read ? sum(bytes, k) : 0;
}

export function heapZeroed(k: number, read: boolean): number {
  const block = alloc.heapAlloc(BYTES);
  const { bytes } = block;
  for (let at = k % PAGE; at < BYTES; at += PAGE) bytes[at] = k;
  const result = read ? sum(bytes, k) : 0;
  block.free();
  return result;
}

export function heapUnzeroed(k: number, read: boolean): number {
  const block = alloc.heapAlloc(BYTES, UNZEROED);
  const { bytes } = block;
  for (let at = k % PAGE; at < BYTES; at += PAGE) bytes[at] = k;
  const result = read ? sum(bytes, k) : 0;
  block.free();
  return result;
}

function sum(bytes: Uint8Array, k: number): number {
  let all = 0;
  for (let at = k % PAGE; at < BYTES; at += PAGE) all += bytes[at]!;
  return all;
}

export const workloads: readonly Workload[] = [
  {
    name: "heap",
    summary: "1 MiB allocated, a byte of each page written, freed",
    unit: "block",
    units: 1,
    candidates: [
      { name: "new ArrayBuffer, left to the GC", frame: leftToTheCollector },
      { name: "heapAlloc, zeroed", frame: heapZeroed },
      { name: "heapAlloc, not zeroed", frame: heapUnzeroed },
    ],
    expected: (k) => (k & 255) * (BYTES / PAGE),
    keepWarm: () => useSixLayouts(alloc),
  },
];

register(workloads);
