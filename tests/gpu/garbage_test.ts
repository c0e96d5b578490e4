/**
 * Four thousand allocations in the ring of a frame leave nothing to the garbage collector: a frame of them makes at most 16 bytes more than
 * one that writes as many bytes and submits them without a library. Only the growth of the heap is looked at, never the time.
 */

import { assert } from "@std/assert";
import { type GrowthCase, growthOf } from "../../bench/gpu/heap_growth.ts";
import { NO_WEBGPU } from "./_backends.ts";

const MOST = 16;

/** With the safety "checked" a frame has a life, however much is allocated in it. */
const LIFE = 48;

const RELEASE = { safety: "release", work: "all", allocations: 4000 } as const;

for (const device of ["webgpu", "null"] as const) {
  const ignore = device === "webgpu" && NO_WEBGPU !== undefined;
  Deno.test({
    name: `A frame of 4,000 ring allocations makes no garbage beside what a write makes, on the ${device} device`,
    ignore,
    async fn() {
      const floor = await growthOf({ ...RELEASE, device, work: "bare" });
      const release = await growthOf({ ...RELEASE, device }, floor + MOST);
      assert(release <= floor + MOST, `a frame makes ${release} bytes, a bare write ${floor}`);
      const most = floor + MOST + (device === "null" ? LIFE : 0);
      const checked = await growthOf({ ...RELEASE, device, safety: "checked" }, most);
      assert(checked <= most, `a checked frame makes ${checked} bytes, a bare write ${floor}`);
    },
  });
}

Deno.test("A frame of 4,000 ring allocations makes no more garbage than a frame of none", async () => {
  const base: GrowthCase = { ...RELEASE, device: "null", work: "leak" };
  const none = await growthOf({ ...base, work: "alloc", allocations: 4 });
  const many = await growthOf({ ...base, work: "alloc" }, none + MOST);
  assert(many <= none + MOST, `a frame of 4,000 makes ${many} bytes, one of 4 makes ${none}`);
  const leak = await growthOf(base);
  assert(leak > none + MOST, `a frame that makes an array makes ${leak} bytes, one of 4 allocations ${none}`);
});
