/**
 * What counting costs: the frame of `single_records_bench.ts`, 1000 records, 125 of them under each of eight tags, at each level of the
 * option `stats`. Tags are pushed and popped at every level, they are only not counted at the lower ones; one more candidate
 * has no tags at all.
 */

import { type Infer, SmartAlloc } from "../mod.ts";
import { Item, useSixLayouts } from "./layouts.ts";
import { register, type Workload } from "./workload.ts";

const TAGS = ["physics", "audio", "render", "ui", "network", "animation", "particles", "scripts"];
const EACH = 125;
const N = TAGS.length * EACH;

const offAlloc = new SmartAlloc({ safety: "release", stats: "off" });
const totalsAlloc = new SmartAlloc({ safety: "release", stats: "totals" });
const tagsAlloc = new SmartAlloc({ safety: "release", stats: "tags" });
const table: Infer<typeof Item>[] = [];
let frame = 0;
let first = 0;

// One function per level, made once: a closure in the loop would be garbage of the benchmark, not of the library.
function fillOff(): void {
  for (let i = first; i < first + EACH; i++) {
    const item = offAlloc.frameAlloc(Item);
    item.a = frame + i;
    item.b = frame;
    item.c = i;
    item.d = 1;
    table[i] = item;
  }
}

function fillTotals(): void {
  for (let i = first; i < first + EACH; i++) {
    const item = totalsAlloc.frameAlloc(Item);
    item.a = frame + i;
    item.b = frame;
    item.c = i;
    item.d = 1;
    table[i] = item;
  }
}

function fillTags(): void {
  for (let i = first; i < first + EACH; i++) {
    const item = tagsAlloc.frameAlloc(Item);
    item.a = frame + i;
    item.b = frame;
    item.c = i;
    item.d = 1;
    table[i] = item;
  }
}

function fillUntagged(): void {
  for (let i = first; i < first + EACH; i++) {
    const item = offAlloc.frameAlloc(Item);
    item.a = frame + i;
    item.b = frame;
    item.c = i;
    item.d = 1;
    table[i] = item;
  }
}

function untagged(k: number, read: boolean): number {
  frame = k;
  offAlloc.beginFrame();
  for (let t = 0; t < TAGS.length; t++) {
    first = t * EACH;
    fillUntagged();
  }
  const sum = read ? sumOf(table) : 0;
  offAlloc.endFrame();
  return sum;
}

function off(k: number, read: boolean): number {
  frame = k;
  offAlloc.beginFrame();
  for (let t = 0; t < TAGS.length; t++) {
    first = t * EACH;
    offAlloc.withTag(TAGS[t]!, fillOff);
  }
  const sum = read ? sumOf(table) : 0;
  offAlloc.endFrame();
  return sum;
}

function totals(k: number, read: boolean): number {
  frame = k;
  totalsAlloc.beginFrame();
  for (let t = 0; t < TAGS.length; t++) {
    first = t * EACH;
    totalsAlloc.withTag(TAGS[t]!, fillTotals);
  }
  const sum = read ? sumOf(table) : 0;
  totalsAlloc.endFrame();
  return sum;
}

function tags(k: number, read: boolean): number {
  frame = k;
  tagsAlloc.beginFrame();
  for (let t = 0; t < TAGS.length; t++) {
    first = t * EACH;
    tagsAlloc.withTag(TAGS[t]!, fillTags);
  }
  const sum = read && countsEveryByte() ? sumOf(table) : 0;
  tagsAlloc.endFrame();
  return sum;
}

function countsEveryByte(): boolean {
  const counted = tagsAlloc.stats().tags.filter((tag) => TAGS.includes(tag.path));
  return counted.length === TAGS.length && counted.every((tag) => tag.bytes === EACH * Item.size);
}

function sumOf(all: readonly Infer<typeof Item>[]): number {
  let sum = 0;
  for (const { a, b, c, d } of all) sum += a + 3 * b + 5 * c + 7 * d;
  return sum;
}

export const workloads: readonly Workload[] = [{
  name: "stats levels",
  summary: `${N} records under ${TAGS.length} tags, by what is counted`,
  unit: "record",
  units: N,
  candidates: [
    { name: 'no tags, stats: "off"', frame: untagged },
    { name: 'tags, stats: "off"', frame: off },
    { name: 'tags, stats: "totals"', frame: totals },
    { name: 'tags, stats: "tags"', frame: tags },
  ],
  expected: (k) => N * (4 * k + 7) + 6 * (N * (N - 1) / 2),
  keepWarm: () => {
    useSixLayouts(offAlloc);
    useSixLayouts(totalsAlloc);
    useSixLayouts(tagsAlloc);
  },
}];

register(workloads);
