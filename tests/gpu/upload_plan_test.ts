/**
 * Which way of uploading is chosen, and that it brings every dirty byte, whichever it is.
 */

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import * as fc from "fast-check";
import { DirtyRanges } from "../../gpu/transfer/dirty_ranges.ts";
import { DEFAULT_COSTS, type UploadCosts, UploadPlan } from "../../gpu/transfer/upload_plan.ts";

const WANTED = ["auto", "whole", "merged", "scatter"] as const;
const COSTS: UploadCosts = { call: 0.004, bytesPerMs: 1e6, scatter: 0.2, scatterBytesPerMs: 5e5 };
const GAP = 4000;

const records = fc.record({
  stride: fc.integer({ min: 1, max: 64 }).map((words) => words * 4),
  indices: fc.array(fc.nat(4000), { maxLength: 700 }),
});

const costs = fc.record({
  call: fc.constantFrom(0.001, 0.004, 0.02),
  bytesPerMs: fc.constantFrom(1e5, 1e6, 1e7),
  scatter: fc.constantFrom(0.01, 0.2, 1),
  scatterBytesPerMs: fc.constantFrom(1e5, 1e6, 1e7),
});

function dirtyOf(marks: readonly (readonly [offset: number, bytes: number])[]): DirtyRanges {
  const dirty = new DirtyRanges();
  for (const [offset, bytes] of marks) dirty.add(offset, bytes);
  return dirty;
}

function everyNth(count: number, stride: number, step: number): DirtyRanges {
  return dirtyOf(Array.from({ length: count }, (_, i) => [i * step, stride]));
}

function planned(
  dirty: DirtyRanges,
  { canScatter = false, isExact = false, wanted = "auto", costs = COSTS }: {
    canScatter?: boolean;
    isExact?: boolean;
    wanted?: typeof WANTED[number];
    costs?: UploadCosts;
  } = {},
): UploadPlan {
  const plan = new UploadPlan();
  plan.choose(dirty, costs, canScatter, isExact, wanted);
  return plan;
}

function writesOf(plan: UploadPlan): [number, number][] {
  return Array.from({ length: plan.count }, (_, i) => [plan.offsets[i]!, plan.lengths[i]!]);
}

function costOf(plan: UploadPlan, costs: UploadCosts): number {
  if (plan.policy === "scatter") return costs.scatter + costs.call + plan.bytes / costs.scatterBytesPerMs;
  return plan.count * costs.call + plan.bytes / costs.bytesPerMs;
}

Deno.test("UploadPlan does nothing about nothing", () => {
  for (const wanted of WANTED) {
    const plan = planned(new DirtyRanges(), { canScatter: true, wanted });
    assertEquals([plan.policy, plan.count, plan.bytes, plan.records], ["none", 0, 0, 0]);
  }
});

Deno.test("UploadPlan sends clean bytes along if that is cheaper than a write of its own, and no others", () => {
  assertEquals(writesOf(planned(dirtyOf([[0, 8], [8 + GAP, 8]]))), [[0, 16 + GAP]]);
  assertEquals(writesOf(planned(dirtyOf([[0, 8], [12 + GAP, 8]]))), [[0, 8], [12 + GAP, 8]]);
  assertEquals(planned(dirtyOf([[0, 8], [8 + GAP, 8]])).policy, "whole");
  assertEquals(planned(dirtyOf([[0, 8], [12 + GAP, 8]])).policy, "merged");
});

Deno.test("UploadPlan leaves clean bytes alone where the device may have changed them", () => {
  fc.assert(
    fc.property(records, fc.constantFrom(...WANTED), fc.boolean(), ({ stride, indices }, wanted, canScatter) => {
      const dirty = dirtyOf(indices.map((index) => [index * stride, stride]));
      const plan = planned(dirty, { isExact: true, wanted, canScatter });
      if (plan.policy === "scatter") assertEquals(plan.records * plan.stride, dirty.bytes);
      else assertEquals(plan.bytes, dirty.bytes);
    }),
    { numRuns: 200 },
  );
});

Deno.test("UploadPlan covers every dirty byte by writes that are in order and apart", () => {
  fc.assert(
    fc.property(records, fc.constantFrom(...WANTED), ({ stride, indices }, wanted) => {
      const dirty = dirtyOf(indices.map((index) => [index * stride, stride]));
      const plan = planned(dirty, { wanted });
      const writes = writesOf(plan);
      for (let i = 0; i < dirty.count; i++) {
        const start = dirty.offsets[i]!;
        assert(writes.some(([at, bytes]) => at <= start && start + dirty.lengths[i]! <= at + bytes));
      }
      writes.forEach(([at], i) => i > 0 && assert(at > writes[i - 1]![0] + writes[i - 1]![1]));
      assertEquals(plan.bytes, writes.reduce((bytes, [, length]) => bytes + length, 0));
    }),
    { numRuns: 200 },
  );
});

Deno.test("UploadPlan chooses by itself what is about as cheap as the cheapest", () => {
  fc.assert(
    fc.property(records, costs, ({ stride, indices }, costs) => {
      const dirty = dirtyOf(indices.map((index) => [index * stride, stride]));
      const chosen = planned(dirty, { canScatter: true, costs });
      const others = dirty.count < 256 ? ["whole", "merged"] as const : ["whole", "merged", "scatter"] as const;
      for (const wanted of others) {
        const other = planned(dirty, { canScatter: true, costs, wanted });
        // To scatter has to be worth it by far.
        const most = costOf(other, costs) * (other.policy === "scatter" ? 1.25 : 1);
        assert(costOf(chosen, costs) <= most * (1 + 1e-9), `${chosen.policy} is dearer than ${wanted}`);
      }
    }),
    { numRuns: 200 },
  );
});

Deno.test("UploadPlan scatters many records far apart, if it may", () => {
  const far = everyNth(3000, 64, 16 * 1024);
  assertEquals(planned(far).policy, "merged");
  const plan = planned(far, { canScatter: true });
  assertEquals([plan.policy, plan.stride, plan.records, plan.bytes], ["scatter", 64, 3000, 3000 * 68]);
});

Deno.test("UploadPlan scatters no few records, and none that are close together", () => {
  assertEquals(planned(everyNth(200, 64, 16 * 1024), { canScatter: true }).policy, "merged");
  assertEquals(planned(everyNth(10_000, 64, 128), { canScatter: true, costs: DEFAULT_COSTS }).policy, "whole");
});

Deno.test("UploadPlan does what is wanted where that is possible", () => {
  const far = everyNth(100, 64, 16 * 1024);
  assertEquals(writesOf(planned(far, { wanted: "whole" })), [[0, 99 * 16 * 1024 + 64]]);
  assertEquals(planned(far, { wanted: "merged" }).count, 100);
  assertEquals(planned(far, { wanted: "scatter", canScatter: true }).policy, "scatter");
  assertEquals(planned(far, { wanted: "scatter" }).policy, "merged");
});

Deno.test("UploadPlan forgets the last plan, and needs no more memory for the same one", () => {
  const plan = new UploadPlan();
  const far = everyNth(1000, 64, 16 * 1024);
  plan.choose(far, COSTS, true, false, "auto");
  plan.choose(far, COSTS, false, false, "auto");
  assertEquals([plan.policy, plan.stride, plan.records, plan.count], ["merged", 0, 0, 1000]);
  const { offsets, lengths } = plan;
  plan.choose(far, COSTS, false, false, "auto");
  assertStrictEquals(plan.offsets, offsets);
  assertStrictEquals(plan.lengths, lengths);
  plan.choose(new DirtyRanges(), COSTS, false, false, "auto");
  assertEquals([plan.policy, plan.count, plan.bytes], ["none", 0, 0]);
});
