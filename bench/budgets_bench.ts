/**
 * What budgets cost. In a frame: 1000 records of 32 bytes in a frame, 125 of them under each of eight tags, with no budget, with a limit on all
 * memory, with a limit on a tag that is not used, and with a limit on each of the eight. No limit is ever reached.
 *
 * A limit is met by lowering the offset up to which a region hands out memory without asking, so there is nothing to check on each
 * allocation; what remains is to ask once after each change of the tag.
 *
 * In the pool: 1000 records of 32 bytes, each freed and allocated anew under a tag, by whether that tag has a limit. A pool asks a
 * tag with a limit on each allocation and tells it of each free; one without a limit costs the look at whether it has one.
 */

import { type AllocConfig, type Infer, SmartAlloc } from "../mod.ts";
import { Item, poolSixLayouts, useSixLayouts } from "./layouts.ts";
import { type Candidate, register, type Workload } from "./workload.ts";

const TAGS = ["physics", "audio", "render", "ui", "network", "animation", "particles", "scripts"];
const EACH = 125;
const N = TAGS.length * EACH;
const CONFIG: AllocConfig = { safety: "release", stats: "tags" };

const unlimited = new SmartAlloc(CONFIG);
const limited = new SmartAlloc(CONFIG);
limited.budgets.setGlobal({ soft: 2 ** 30, hard: 2 ** 31 });
const elsewhere = new SmartAlloc(CONFIG);
elsewhere.budgets.setTag("unused", { soft: 2 ** 30, hard: 2 ** 31 });
const everywhere = new SmartAlloc(CONFIG);
for (const tag of TAGS) everywhere.budgets.setTag(tag, { soft: 2 ** 30, hard: 2 ** 31 });

const table: Infer<typeof Item>[] = [];
let frame = 0;
let first = 0;

function fillUnlimited(): void {
  for (let i = first; i < first + EACH; i++) {
    const item = unlimited.frameAlloc(Item);
    item.a = frame + i;
    item.b = frame;
    item.c = i;
    item.d = 1;
    table[i] = item;
  }
}

function fillLimited(): void {
  for (let i = first; i < first + EACH; i++) {
    const item = limited.frameAlloc(Item);
    item.a = frame + i;
    item.b = frame;
    item.c = i;
    item.d = 1;
    table[i] = item;
  }
}

function fillElsewhere(): void {
  for (let i = first; i < first + EACH; i++) {
    const item = elsewhere.frameAlloc(Item);
    item.a = frame + i;
    item.b = frame;
    item.c = i;
    item.d = 1;
    table[i] = item;
  }
}

function fillEverywhere(): void {
  for (let i = first; i < first + EACH; i++) {
    const item = everywhere.frameAlloc(Item);
    item.a = frame + i;
    item.b = frame;
    item.c = i;
    item.d = 1;
    table[i] = item;
  }
}

function withNone(k: number, read: boolean): number {
  frame = k;
  unlimited.beginFrame();
  for (let t = 0; t < TAGS.length; t++) {
    first = t * EACH;
    unlimited.withTag(TAGS[t]!, fillUnlimited);
  }
  const sum = read ? sumOf(table) : 0;
  unlimited.endFrame();
  return sum;
}

function withGlobal(k: number, read: boolean): number {
  frame = k;
  limited.beginFrame();
  for (let t = 0; t < TAGS.length; t++) {
    first = t * EACH;
    limited.withTag(TAGS[t]!, fillLimited);
  }
  const sum = read ? sumOf(table) : 0;
  limited.endFrame();
  return sum;
}

function withAnother(k: number, read: boolean): number {
  frame = k;
  elsewhere.beginFrame();
  for (let t = 0; t < TAGS.length; t++) {
    first = t * EACH;
    elsewhere.withTag(TAGS[t]!, fillElsewhere);
  }
  const sum = read ? sumOf(table) : 0;
  elsewhere.endFrame();
  return sum;
}

function withEach(k: number, read: boolean): number {
  frame = k;
  everywhere.beginFrame();
  for (let t = 0; t < TAGS.length; t++) {
    first = t * EACH;
    everywhere.withTag(TAGS[t]!, fillEverywhere);
  }
  const sum = read && isCharged() ? sumOf(table) : 0;
  everywhere.endFrame();
  return sum;
}

function isCharged(): boolean {
  return everywhere.budgets.stats.every(({ used }) => used === EACH * Item.size);
}

function sumOf(all: readonly Infer<typeof Item>[]): number {
  let sum = 0;
  for (const { a, b, c, d } of all) sum += a + 3 * b + 5 * c + 7 * d;
  return sum;
}

const poolTable: Infer<typeof Item>[] = [];
const limitlessPool = new SmartAlloc(CONFIG);
const limitedPool = new SmartAlloc(CONFIG);
limitedPool.budgets.setTag("bullets", { soft: 2 ** 30, hard: 2 ** 31 });
limitlessPool.withTag("bullets", () => {
  for (let i = 0; i < N; i++) poolTable.push(limitlessPool.poolAlloc(Item));
});
const limitedTable: Infer<typeof Item>[] = [];
limitedPool.withTag("bullets", () => {
  for (let i = 0; i < N; i++) limitedTable.push(limitedPool.poolAlloc(Item));
});

function replaceLimitless(): void {
  for (let i = 0; i < N; i++) {
    limitlessPool.poolFree(poolTable[i]!);
    const item = limitlessPool.poolAlloc(Item);
    item.a = frame + i;
    item.b = frame;
    item.c = i;
    item.d = 1;
    poolTable[i] = item;
  }
}

function replaceLimited(): void {
  for (let i = 0; i < N; i++) {
    limitedPool.poolFree(limitedTable[i]!);
    const item = limitedPool.poolAlloc(Item);
    item.a = frame + i;
    item.b = frame;
    item.c = i;
    item.d = 1;
    limitedTable[i] = item;
  }
}

function poolWithNone(k: number, read: boolean): number {
  frame = k;
  limitlessPool.withTag("bullets", replaceLimitless);
  return read ? sumOf(poolTable) : 0;
}

function poolWithLimit(k: number, read: boolean): number {
  frame = k;
  limitedPool.withTag("bullets", replaceLimited);
  if (!read) return 0;
  return limitedPool.budgets.stats.every(({ used }) => used === N * Item.size) ? sumOf(limitedTable) : NaN;
}

function expected(k: number): number {
  return N * (4 * k + 7) + 6 * (N * (N - 1) / 2);
}

const candidates: readonly Candidate[] = [
  { name: "no budget", frame: withNone },
  { name: "a limit on all memory", frame: withGlobal },
  { name: "a limit on another tag", frame: withAnother },
  { name: "a limit on each tag", frame: withEach },
];

export const workloads: readonly Workload[] = [{
  name: "budgets",
  summary: `${N} records under ${TAGS.length} tags, by what is limited`,
  unit: "record",
  units: N,
  candidates,
  expected,
  keepWarm: () => {
    useSixLayouts(unlimited);
    useSixLayouts(limited);
    useSixLayouts(elsewhere);
    useSixLayouts(everywhere);
  },
}, {
  name: "budgets of a pool",
  summary: `${N} records of a pool, each freed and allocated anew`,
  unit: "record",
  units: N,
  candidates: [
    { name: "no budget", frame: poolWithNone },
    { name: "a limit on the tag", frame: poolWithLimit },
  ],
  expected,
  keepWarm: () => {
    poolSixLayouts(limitlessPool);
    poolSixLayouts(limitedPool);
  },
}];

register(workloads);
