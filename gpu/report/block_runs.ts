/**
 * What to draw of a block: allocations that are too narrow to be seen alone are taken together, so that a picture of a hundred thousand
 * allocations is no larger than one of a thousand.
 */

import type { GpuAllocationDump } from "./gpu_dump.ts";

/** Allocations that are drawn as one. */
export interface Run {
  /** Where the first one starts, in bytes. */
  readonly from: number;
  /** Where the last one ends. */
  to: number;
  /** The index of the first one. */
  readonly first: number;
  /** How many there are. */
  count: number;
  /** Their bytes; less than `to - from` if there are gaps. */
  used: number;
  /** Whether all have the same tag. */
  isUniform: boolean;
}

/**
 * Takes narrow neighbours together.
 *
 * @param allocations In order of offset.
 * @param grain Bytes: an allocation of less is narrow. A run of narrow ones is at most four times as wide, unless all of it looks the same.
 * @returns The runs, in order; no two overlap.
 */
export function blockRuns(allocations: readonly GpuAllocationDump[], grain: number): Run[] {
  const runs: Run[] = [];
  let run: Run | undefined;
  let tag = "";
  for (const [index, allocation] of allocations.entries()) {
    const { offset, size } = allocation;
    if (size >= grain) run = undefined;
    if (run !== undefined) {
      const isSame = allocation.tag === tag;
      const isSolid = isSame && run.isUniform && offset === run.to && run.used === run.to - run.from;
      if (isSolid || (offset - run.to < grain && offset + size - run.from <= 4 * grain)) {
        run.to = offset + size;
        run.count++;
        run.used += size;
        run.isUniform &&= isSame;
        continue;
      }
    }
    const next: Run = { from: offset, to: offset + size, first: index, count: 1, used: size, isUniform: true };
    runs.push(next);
    run = size < grain ? next : undefined;
    tag = allocation.tag;
  }
  return runs;
}

/** The bytes of a run by the colour of their tags, in the order of the colours. */
export function sharesOf(
  run: Run,
  allocations: readonly GpuAllocationDump[],
  byTag: ReadonlyMap<string, string>,
  rest: string,
): [color: string, bytes: number][] {
  const shares = new Map<string, number>();
  for (let i = run.first; i < run.first + run.count; i++) {
    const allocation = allocations[i];
    if (allocation === undefined) continue;
    const color = byTag.get(allocation.tag) ?? rest;
    shares.set(color, (shares.get(color) ?? 0) + allocation.size);
  }
  return [...shares].sort((a, b) => a[0] < b[0] ? -1 : 1);
}
