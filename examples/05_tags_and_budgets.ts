/**
 * Who uses the memory, and how much each may have: five frames of a game with a budget for every part of it, and one for all.
 *
 * Run it with `deno run examples/05_tags_and_budgets.ts`. It needs no permissions.
 */

import { equal } from "node:assert/strict";
import {
  BudgetError,
  type BudgetEvent,
  formatBytes,
  kilobytes,
  megabytes,
  SmartAlloc,
  struct,
  u32,
  vec3f,
} from "../mod.ts";

const FRAMES = 5;
const Body = struct("Body", { position: vec3f, velocity: vec3f, island: u32 });

const alloc = new SmartAlloc({ frameArenaSize: megabytes(16) });
// Where the AI goes when its budget is used up. Two allocators never share memory, so this one has limits of its own.
const reserve = new SmartAlloc({ frameArenaSize: megabytes(4) });

/** Told before a limit is crossed, once per crossing. */
function tell({ budget, crossed, used, requested, limit }: BudgetEvent): void {
  console.log(
    `  ${budget} has ${formatBytes(used)}, and ${formatBytes(requested)} more cross the ${crossed} limit of ${
      formatBytes(limit)
    }`,
  );
}

const { budgets } = alloc;
budgets.setGlobal({ hard: megabytes(40) });
budgets.setTag("physics", { hard: megabytes(1) });
budgets.setTag("render", { soft: megabytes(8), hard: megabytes(10), onCross: tell });
budgets.setTag("audio", { hard: kilobytes(512), policy: "warn", onCross: tell });
budgets.setTag("ai", { hard: megabytes(2), policy: { spill: reserve } });
budgets.setTag("network", { hard: kilobytes(256) });

// What lives longer than a frame counts for its tag as well, whatever kind of memory it is.
const mixer = alloc.withTag("audio", (alloc) => alloc.heapAlloc(kilobytes(384)));
const bodies = alloc.withTag("physics", (alloc) => Array.from({ length: 100 }, () => alloc.poolAlloc(Body)));

let spilled = 0;
let dropped = 0;
for (let frame = 1; frame <= FRAMES; frame++) {
  using _frame = alloc.frame();
  // A frame that is spilled to has to be open as well.
  using _reserve = reserve.frame();
  console.log(`frame ${frame}`);

  // Refuses: the solver asks for more with every frame, and makes do with less when it is told so. What a tag inside another one
  // uses counts for both.
  alloc.withTag("physics", () => {
    alloc.frameAllocBatch(Body, bodies.length);
    alloc.withTag("solver", () => {
      try {
        alloc.frameSlice(Float32Array, frame * 64_000);
        equal(frame <= 4, true, "the solver was given more than it may have");
      } catch (error) {
        if (!(error instanceof BudgetError) || error.code !== "FA352") throw error;
        console.log(`  ${error.message}`);
        alloc.frameSlice(Float32Array, 64_000);
      }
    });
  });

  // Reports: the renderer is told before it crosses the soft limit, and goes on. A soft limit refuses nothing.
  alloc.withTag("render", () => {
    for (let pass = 0; pass < frame; pass++) alloc.frameSlice(Uint8Array, kilobytes(1800));
  });

  // Warns: sound must not stop, so even the hard limit only reports.
  alloc.withTag("audio", () => alloc.frameSlice(Float32Array, frame * 12_000));

  // Spills: what does not fit comes from the reserve, and the caller does not notice.
  alloc.withTag("ai", () => {
    const before = reserve.stats().frame.used;
    for (let agent = 0; agent < 3; agent++) alloc.frameSlice(Float64Array, frame * 20_000).fill(agent);
    spilled += reserve.stats().frame.used - before;
  });

  // Refuses without an error: what begins with "try" is undefined where there is no room.
  alloc.withTag("network", () => {
    for (let packet = 0; packet < 60 * frame; packet++) {
      if (alloc.tryFrameSlice(Uint8Array, 1400) === undefined) dropped++;
    }
  });
}

// The limit on all memory is on what is held from the system, so a block that is too large is refused at once.
try {
  alloc.heapAlloc(megabytes(32));
  throw new Error("Nobody has kept the limit on all memory");
} catch (error) {
  if (!(error instanceof BudgetError) || error.code !== "FA351") throw error;
  console.log(`at last\n  ${error.message}`);
}

const stats = alloc.stats();
console.log("\nbudget           soft limit  hard limit       in use         peak  refusals");
for (const { name, soft, hard, used, peak, refusals } of stats.budgets) {
  console.log(`${name.padEnd(15)}${[soft, hard, used, peak].map(size).join("")}${String(refusals).padStart(10)}`);
}
console.log("\ntag                last frame  worst frame   all frames  longer lived");
for (const { path, bytes, peakBytes, totalBytes, inUse } of stats.tags) {
  const { pool, heap } = inUse;
  console.log(`${path.padEnd(17)}${[bytes, peakBytes, totalBytes, pool + heap].map(size).join("")}`);
}
console.log(`\n${formatBytes(spilled)} of the AI came from the reserve, ${dropped} packets were dropped`);

check();

mixer.free();
for (const body of bodies) alloc.poolFree(body);
equal(alloc.dispose().length + reserve.dispose().length, 0, "nothing was left over");

function size(bytes: number): string {
  return (bytes === Infinity ? "none" : formatBytes(bytes)).padStart(13);
}

/** Sees to it that the limits were kept, to the byte. */
function check(): void {
  const of = (name: string) => stats.budgets.find((budget) => budget.name === name)!;
  for (const { name, hard, peak } of stats.budgets) {
    if (name !== "audio") equal(peak <= hard, true, `${name} has kept its limit`);
  }
  equal(of("audio").peak, kilobytes(384) + FRAMES * 48_000, "audio was warned, and not refused");
  equal(of("physics").refusals, 1);
  const copies = Math.ceil(bodies.length * Body.stride / 16) * 16;
  equal(
    of("physics").peak,
    bodies.length * 32 + copies + 4 * 256_000,
    "records in slots of 32, copies, and the solver",
  );
  equal(of("render").peak, FRAMES * kilobytes(1800), "a soft limit refuses nothing");
  equal(of("render").refusals + of("audio").refusals, 0);
  equal(of("network").refusals, dropped);
  equal(of("network").peak, Math.floor(kilobytes(256) / 1408) * 1408, "as many packets as there is room for");
  equal(of("global").refusals, 1);
  equal(of("ai").peak + spilled > megabytes(2), true);
}
