/**
 * Which memory for which lifetime: a small game with its things in the pool, a picture on the heap, a level in a group, what is
 * saved behind handles, plain objects in a pool of their own, and in frames all that is over with the frame.
 *
 * Run it with `deno run examples/03_pools_and_heaps.ts`. It needs no permissions.
 */

import { equal } from "node:assert/strict";
import {
  f32,
  f64,
  formatBytes,
  type Handle,
  type Infer,
  PoolError,
  SmartAlloc,
  struct,
  u32,
  vec2f,
  vec4f,
} from "../mod.ts";

const Beacon = struct("Beacon", { position: vec2f, color: vec4f, charge: f32, radius: f32 });
// A handle is a number, so it has a place in a record, too.
const Drone = struct("Drone", { position: vec2f, velocity: vec2f, age: u32, target: f64 });
type Drone = Infer<typeof Drone>;
const Hit = struct("Hit", { drone: u32, damage: f32 });

const FRAMES = 60;
const LIFESPAN = 20;

const alloc = new SmartAlloc();
const { handles } = alloc;

// A group lives as long as a level: whatever is allocated in it is freed at once.
const level = alloc.groups.create("level 1");
const tiles = level.allocSlice(Uint8Array, 64 * 64, { zero: true });
const spawns = level.allocBatch(vec2f, 8);
for (let i = 0; i < spawns.length; i++) spawns.at(i).set(i, 10);

// A block of the heap is a buffer of its own: for what is large, and comes and goes on its own.
const texture = alloc.heapAlloc(256 * 256 * 4);
texture.view(Uint32Array).fill(0xff00ff00);

// What a handle stands for may be moved, and its number survives every copy: for what is saved, sent, or referred to from afar.
const beacons: Handle<typeof Beacon>[] = [];
for (let i = 0; i < 10_000; i++) {
  beacons.push(handles.alloc(Beacon, { position: [(i / 10) % 20, 0], charge: i, radius: 4 }));
}

// What is no bytes stays a plain object, but is made once and used again.
const logs = alloc.objectPool((): string[] => [], { name: "logs", reset: (log) => log.length = 0 });

const drones = new Set<Drone>();
let spawned = 0;
let hitsInAll = 0;
for (let frame = 1; frame <= FRAMES; frame++) {
  using _frame = alloc.frame();
  using log = logs.lease();

  // The pool is for single records, each with an end of its own.
  for (let i = 0; i < 2; i++) {
    const drone = alloc.poolAlloc(Drone);
    drone.position.copyFrom(spawns.at(spawned % spawns.length));
    drone.velocity.set(1, -1);
    drone.age = 0;
    drone.target = beacons[spawned * 10]!;
    drones.add(drone);
    spawned++;
  }

  // Nobody needs the hits and the scratch memory when the frame is over, so nobody frees them.
  const hits = alloc.frameVec(Hit);
  const distances = alloc.frameSlice(Float32Array, drones.size);
  let i = 0;
  for (const drone of drones) {
    const { position, velocity } = drone;
    const beacon = handles.resolve(drone.target, Beacon);
    position.x += velocity.x;
    position.y += velocity.y;
    distances[i] = Math.hypot(position.x - beacon.position.x, position.y - beacon.position.y);
    if (distances[i]! < beacon.radius) hits.push({ drone: i, damage: 1 });
    i++;
    if (++drone.age < LIFESPAN) continue;
    drones.delete(drone);
    alloc.poolFree(drone);
  }
  for (const hit of hits) log.value.push(`drone ${hit.drone} takes ${hit.damage}`);
  hitsInAll += log.value.length;
}
equal(
  drones.size,
  2 * (LIFESPAN - 1),
  "as many drones as were spawned in the last frames and have not reached their age",
);
equal(alloc.stats().pool.live, drones.size, "the pool holds the drones, and nothing else");
equal(logs.stats.peak, 1, "one log was enough for all frames");
console.log(`${FRAMES} frames: ${spawned} drones came, ${drones.size} are left, ${hitsInAll} hits were logged`);

// A box frees its record when the block is left.
{
  using boss = alloc.poolBox(Drone, { velocity: [0, 1], age: 7 });
  boss.value.age += 1;
  equal(boss.value.age, 8);
}
equal(alloc.stats().pool.live, drones.size, "the boss is gone");

// A quick save: handles go through JSON as the numbers that they are, and mean the same for as long as their allocator lives.
const saved = JSON.stringify([...drones].map((drone) => drone.target));

// Nine of ten beacons are no longer needed. What is left lies scattered over many pages, until it is packed.
for (const [i, beacon] of beacons.entries()) if (i % 10 > 0) handles.free(beacon);
const kept = handles.resolve(beacons[1210]!);
const { moved, freedBytes, before, after } = handles.compact();
equal(after < before && freedBytes > 0, true, "packing has given pages back");
console.log(
  `compaction: ${moved} beacons moved, ${formatBytes(freedBytes)} given back, ${percent(before)} unused before, ${
    percent(after)
  } after`,
);
equal(kept.charge, 1210, "a record follows its handle");

// A quick load. The numbers have lost their type on the way, so the layout is named.
const loaded: number[] = JSON.parse(saved);
const charges = loaded.map((target) => handles.resolve(target, Beacon).charge);
equal(
  charges.join(),
  [...drones].map((_, i) => 10 * (spawned - drones.size + i)).join(),
  "each target is the one saved",
);
console.log(`quick save: ${loaded.length} targets survived JSON and the compaction`);

report();

// The mistakes that plain memory keeps to itself.
console.log("\nWhat the allocator says to mistakes");
const [stale] = drones;
drones.delete(stale!);
alloc.poolFree(stale!);
const next = alloc.poolAlloc(Drone); // in the same slot
next.age = 1;
complaint("FA401", () => stale!.age);
complaint("FA403", () => alloc.poolFree(stale!));
complaint("FA404", () => alloc.poolFree(next.position));
complaint("FA401", () => handles.resolve(beacons[1]!));
complaint("FA403", () => handles.free(beacons[1]!));
const pixels = texture.bytes;
texture.free();
equal(pixels.length, 0, "a view of the heap is detached when its block is freed");
complaint("FA401", () => texture.bytes);
level.free();
complaint("FA401", () => spawns.at(0).x);
equal(next.age, 1, "none of that has touched the record that lives in the slot now");

// What is not freed is known by name. Leave one drone behind, and see.
drones.delete([...drones][0]!);
for (const drone of drones) alloc.poolFree(drone);
alloc.poolFree(next);
for (const beacon of beacons) if (handles.isValid(beacon)) handles.free(beacon);
const leaks = alloc.dispose();
for (const { kind, name, bytes, age } of leaks) {
  console.log(`\nleft over: a ${kind}, ${name}, ${bytes} bytes, allocated ${age} frames ago`);
}
equal(leaks.length, 1, "one drone was left behind");

/** Prints which memory holds what. */
function report(): void {
  const { pool, heap, handles, groups, objectPools, totals } = alloc.stats();
  const group = groups[0]!;
  const log = objectPools[0]!;
  equal(group.used, tiles.byteLength + spawns.length * vec2f.stride, "the level holds its tiles and its spawn points");
  equal(heap.bytes, texture.byteLength, "the heap holds the texture");
  console.log("\nmemory        lives until              in use now");
  row("frames", "the end of the frame", `${totals.bytes} bytes in ${totals.allocations} allocations, all over`);
  row("pool", "poolFree(record)", `${pool.live} records, ${formatBytes(pool.bytes)} of ${formatBytes(pool.reserved)}`);
  row("heap", "block.free()", `${heap.live} block, ${formatBytes(heap.bytes)}`);
  row("handles", "handles.free(handle)", `${handles.live} records, ${formatBytes(handles.bytes)}`);
  row("group", "group.free()", `${group.path}: ${group.allocations} allocations, ${formatBytes(group.used)}`);
  row("object pool", "pool.release(object)", `${log.name}: ${log.acquired} acquired, made ${log.live + log.free}`);
}

function row(memory: string, end: string, inUse: string): void {
  console.log(`${memory.padEnd(12)}  ${end.padEnd(23)}  ${inUse}`);
}

function percent(part: number): string {
  return `${Math.round(100 * part)} %`;
}

/** Makes a mistake, and prints what the allocator says to it. */
function complaint(code: string, mistake: () => unknown): void {
  try {
    mistake();
  } catch (error) {
    if (!(error instanceof PoolError)) throw error;
    equal(error.code, code);
    console.log(`  ${error.message}`);
    return;
  }
  throw new Error(`Nobody has complained with ${code}`);
}
