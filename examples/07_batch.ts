/**
 * Many records: 100,000 particles, moved in 60 frames, in six ways. All come to the same numbers; what differs is the time.
 *
 * Run it with `deno run examples/07_batch.ts`. It needs no permissions.
 *
 * The times are for your information. They are measured once, one way after the other in one process, and say nothing about
 * rivals: that is what `deno task bench` is for.
 */

import { type Batch, type ColumnsOf, type Infer, SmartAlloc, struct, vec3f } from "../mod.ts";

const PARTICLES = 100_000;
const FRAMES = 60;
const DT = 1 / 60;

const Particle = struct("Particle", { position: vec3f, velocity: vec3f });
type Particle = Infer<typeof Particle>;

const alloc = new SmartAlloc();

/** Sets a particle up and moves it by one step. A plain object of this shape would do as well as a record. */
function play(particle: Particle, i: number, frame: number): void {
  const { position, velocity } = particle;
  position.set(i, frame, 0);
  velocity.set(1, 2, 3);
  position.x += velocity.x * DT;
  position.y += velocity.y * DT;
  position.z += velocity.z * DT;
}

/** A way to play one frame; it returns where the last particle is, so that the ways can be compared. */
type Way = (frame: number) => number;

/** One allocation per particle: convenient for a few, and the slowest way for many, as each is a fresh object. */
function individualRecords(frame: number): number {
  let last = alloc.frameAlloc(Particle);
  play(last, 0, frame);
  for (let i = 1; i < PARTICLES; i++) {
    last = alloc.frameAlloc(Particle);
    play(last, i, frame);
  }
  return last.position.y;
}

/** Eight at a time, for things that come in fixed numbers: the corners of a box, the two ends of a line. */
function eightAtATime(frame: number): number {
  let y = 0;
  for (let i = 0; i < PARTICLES; i += 8) {
    const eight = alloc.frameAlloc8(Particle);
    for (let j = 0; j < 8; j++) play(eight[j]!, i + j, frame);
    y = eight[7].position.y;
  }
  return y;
}

/** One allocation for all. `at(i)` makes a record that stays where it is, and can be passed on. */
function batchAt(frame: number): number {
  const particles = alloc.frameAllocBatch(Particle, PARTICLES);
  for (let i = 0; i < particles.length; i++) play(particles.at(i), i, frame);
  return particles.at(PARTICLES - 1).position.y;
}

/** A cursor is one record that moves from particle to particle. */
function batchCursor(frame: number): number {
  const particles = alloc.frameAllocBatch(Particle, PARTICLES);
  for (const k = particles.cursor(); k.next();) play(k.record, k.index, frame);
  return particles.at(PARTICLES - 1).position.y;
}

// One batch handle for all frames, and not a fresh one in each.
const reuse: { into?: Batch<typeof Particle> } = {};

/** The raw memory of a batch: what to hand to WebGL or to a file, too. The layout says where things are. */
function batchView(frame: number): number {
  const particles = reuse.into = alloc.frameAllocBatch(Particle, PARTICLES, reuse);
  const floats = particles.view(Float32Array);
  const stride = Particle.stride / Float32Array.BYTES_PER_ELEMENT;
  const p = Particle.offsets.position / Float32Array.BYTES_PER_ELEMENT;
  const v = Particle.offsets.velocity / Float32Array.BYTES_PER_ELEMENT;
  for (let i = 0, at = 0; i < PARTICLES; i++, at += stride) {
    floats[at + p] = i;
    floats[at + p + 1] = frame;
    floats[at + p + 2] = 0;
    floats[at + v] = 1;
    floats[at + v + 1] = 2;
    floats[at + v + 2] = 3;
    floats[at + p]! += floats[at + v]! * DT;
    floats[at + p + 1]! += floats[at + v + 1]! * DT;
    floats[at + p + 2]! += floats[at + v + 2]! * DT;
  }
  return floats[(PARTICLES - 1) * stride + p + 1]!;
}

/** One typed array per number: each loop touches only what it needs. */
function columns(frame: number): number {
  const { position, velocity }: ColumnsOf<typeof Particle> = alloc.frameColumns(Particle, PARTICLES);
  for (let i = 0; i < PARTICLES; i++) position.x[i] = i;
  position.y.fill(frame);
  position.z.fill(0);
  velocity.x.fill(1);
  velocity.y.fill(2);
  velocity.z.fill(3);
  for (let i = 0; i < PARTICLES; i++) position.x[i]! += velocity.x[i]! * DT;
  for (let i = 0; i < PARTICLES; i++) position.y[i]! += velocity.y[i]! * DT;
  for (let i = 0; i < PARTICLES; i++) position.z[i]! += velocity.z[i]! * DT;
  return position.y[PARTICLES - 1]!;
}

const ways: readonly (readonly [string, Way])[] = [
  ["individual records", individualRecords],
  ["eight at a time", eightAtATime],
  ["batch, at(i)", batchAt],
  ["batch, cursor", batchCursor],
  ["batch, raw view", batchView],
  ["columns", columns],
];

// Two lines with two ends each: small numbers of records have allocations of their own, too.
{
  using _frame = alloc.frame();
  const [from, to] = alloc.frameAlloc2(vec3f);
  from.set(0, 0, 0);
  to.set(3, 4, 0);
  const corners = alloc.frameAlloc4(vec3f);
  corners.forEach((corner, i) => corner.set(i % 2, Math.floor(i / 2), 0));
  console.log(`a line of ${Math.hypot(to.x - from.x, to.y - from.y)} m, and a corner at ${corners[3].toArray()}\n`);
}

console.log(`${PARTICLES} particles, ${FRAMES} frames, ms per frame`);
const results = new Set<number>();
for (const [name, way] of ways) {
  const ms: number[] = [];
  let sum = 0;
  for (let frame = 0; frame < FRAMES; frame++) {
    const start = performance.now();
    alloc.beginFrame();
    sum += way(frame);
    alloc.endFrame();
    ms.push(performance.now() - start);
  }
  results.add(sum);
  ms.sort((a, b) => a - b);
  const median = ms[FRAMES / 2]!;
  console.log(
    `  ${name.padEnd(18)}  median ${median.toFixed(2).padStart(6)}   longest ${ms[FRAMES - 1]!.toFixed(2).padStart(6)}`,
  );
}
console.log(results.size === 1 ? "All ways came to the same numbers." : "The ways came to DIFFERENT numbers.");
if (results.size !== 1) Deno.exitCode = 1;
