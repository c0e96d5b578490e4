/**
 * T13: what a frame of 4,000 allocations in the ring leaves to the garbage collector. The gate is what it leaves beyond a frame that writes
 * as many bytes and submits them, without a library.
 */

import { type GrowthCase, growthOf } from "./heap_growth.ts";
import type { Row } from "./row.ts";

const ALLOCATIONS = 4000;
const GATE = 16;

/** Measures. */
export async function measure(): Promise<Row[]> {
  const rows: Row[] = [];
  for (const device of ["webgpu", "null"] as const) {
    const base: GrowthCase = { device, safety: "release", work: "bare", allocations: ALLOCATIONS };
    const floor = await growthOf(base);
    const where = device === "webgpu" ? "on the device" : "on the null device";
    rows.push({
      gate: "T13",
      what: `a frame that writes 1 MB and submits it, bare, ${where}`,
      value: floor,
      unit: "B",
    });
    const none = await growthOf({ ...base, work: "alloc", allocations: 0 });
    for (const work of ["alloc", "push", "slice"] as const) {
      const bytes = await growthOf({ ...base, work }, floor + GATE);
      rows.push({
        gate: "T13",
        what: `4,000 × ring.${work} in a frame, beyond that, ${where}`,
        value: bytes - floor,
        unit: "B",
        atMost: GATE,
        note: `${bytes.toFixed(1)} B; a frame of nothing ${none.toFixed(1)} B`,
      });
    }
    const checked = await growthOf({ ...base, safety: "checked", work: "alloc" });
    rows.push({
      gate: "T13",
      what: `… with safety "checked", whose frames have a life each, ${where}`,
      value: checked - floor,
      unit: "B",
      ...(device === "webgpu" ? { atMost: GATE } : {}),
    });
  }
  return rows;
}
