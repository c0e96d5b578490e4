/**
 * Proves that a steady frame makes no garbage, by how much the heap grows. Each case runs in a process of its own with a young
 * generation so large that nothing is collected while it is measured; a collection in the window, or a control that does not fail,
 * fails the proof.
 */

import { getHeapStatistics } from "node:v8";
import {
  type AsyncSafety,
  type Batch,
  f32,
  f64,
  type Infer,
  type ObjectPool,
  type Safety,
  SmartAlloc,
  struct,
  u32,
  vec3f,
} from "../mod.ts";

const Body = struct("Body", { mass: f64, at: vec3f, drag: f32, id: u32 });

/** What one frame may make, in bytes, unless it is counted by pairs. */
const GATE = 64;
/** Frames that are measured. */
const FRAMES = 2_000;
/** Frames that are measured where handles are counted: few enough for the young generation to hold them all. */
const FRAMES_OF_HANDLES = 500;
/** What a frame of the checked mode makes beside handles: the life that they share. */
const LIFE = 48;
/** Milliseconds of frames before them: until V8 has compiled the loop for good, it boxes some numbers in every frame. */
const WARM_UP = 2_000;
/** How often a case may be measured: now and then V8 has not compiled the loop for good by then. Real garbage is there each time. */
const ATTEMPTS = 3;

/** A frame of a case. */
type Frame = (alloc: SmartAlloc) => void;

interface Case {
  readonly name: string;
  readonly safety: Safety;
  /** What is noticed of frames and `await`, if it is not the default. */
  readonly asyncSafety?: AsyncSafety;
  /** Whether an `await` follows each frame, so that each is in a turn of its own; what that makes by itself is counted as well. */
  readonly awaits?: boolean;
  /** How many things it allocates in a frame. */
  readonly allocations: number;
  /** Pairs of freeing and allocating in a frame, for those that are counted by the pair: at most one byte each. */
  readonly pairs?: number;
  /** `"gate"`: at most 64 bytes per frame, or a byte per pair. `"print"`: bytes per handle. `"control"`: must fail the gate. */
  readonly kind: "gate" | "print" | "control";
  readonly make: () => Frame;
}

// Handles that are kept: one that is dropped at once may never be made.
const kept: unknown[] = new Array(1000).fill(null);

function slices(count: number): Frame {
  return (alloc) => {
    for (let i = 0; i < count; i++) alloc.frameSlice(Float32Array, 64)[0] = i;
  };
}

function batchInto(): Frame {
  const options: { into?: Batch<typeof Body> } = {};
  return (alloc) => {
    const batch = options.into = alloc.frameAllocBatch(Body, 1000, options);
    batch.view(Float32Array)[0] = 1;
  };
}

function records(alloc: SmartAlloc): void {
  for (let i = 0; i < 1000; i++) {
    const body = alloc.frameAlloc(Body);
    body.mass = i;
    body.at.x = i;
    kept[i] = body;
  }
}

function flatRecords(alloc: SmartAlloc): void {
  for (let i = 0; i < 1000; i++) {
    const body = alloc.frameAlloc(Body);
    body.mass = i;
    kept[i] = body;
  }
}

function boxes(alloc: SmartAlloc): void {
  for (let i = 0; i < 100; i++) {
    const box = alloc.frameBox(Body);
    box.value.mass = i;
    kept[i] = box;
  }
}

function recordVecs(alloc: SmartAlloc): void {
  for (let i = 0; i < 100; i++) {
    const vec = alloc.frameVec(Body);
    for (let j = 0; j < 40; j++) vec.push().mass = j;
    kept[i] = vec;
  }
}

function emptyVecs(alloc: SmartAlloc): void {
  for (let i = 0; i < 100; i++) kept[i] = alloc.frameVec(Body);
}

function numberVecs(alloc: SmartAlloc): void {
  for (let i = 0; i < 100; i++) {
    const vec = alloc.frameVec(f32);
    for (let j = 0; j < 40; j++) vec.push(j);
    kept[i] = vec;
  }
}

function batches(alloc: SmartAlloc): void {
  for (let i = 0; i < 100; i++) {
    const batch = alloc.frameAllocBatch(Body, 10);
    for (const k = batch.cursor(); k.next();) k.record.mass = i;
    batch.at(3).mass = 1;
    kept[i] = batch;
  }
}

function emptyBatches(alloc: SmartAlloc): void {
  for (let i = 0; i < 100; i++) kept[i] = alloc.frameAllocBatch(Body, 10);
}

function columns(alloc: SmartAlloc): void {
  for (let i = 0; i < 10; i++) alloc.frameColumns(Body, 100).mass[0] = i;
}

/** A million pairs in all frames together. */
const PAIRS = 500;

function poolRecords(): Frame {
  const live: Infer<typeof Body>[] = [];
  return (alloc) => {
    while (live.length < PAIRS) live.push(alloc.poolAlloc(Body));
    for (let i = 0; i < PAIRS; i++) {
      const at = i * 7 % PAIRS;
      alloc.poolFree(live[at]!);
      const body = alloc.poolAlloc(Body);
      body.mass = i;
      live[at] = body;
    }
  };
}

/** An object of a pool. */
interface Vec {
  x: number;
  y: number;
}

function objects(): Frame {
  let pool: ObjectPool<Vec> | undefined;
  const live: Vec[] = [];
  return (alloc) => {
    const from = pool ??= alloc.objectPool((): Vec => ({ x: 0.5, y: 0.5 }), { reset: (object) => void (object.x = 0) });
    while (live.length < PAIRS) live.push(from.acquire());
    for (let i = 0; i < PAIRS; i++) {
      const at = i * 7 % PAIRS;
      from.release(live[at]!);
      const object = from.acquire();
      object.y = i;
      live[at] = object;
    }
  };
}

function leak(alloc: SmartAlloc): void {
  alloc.frameSlice(Float32Array, 64)[0] = 1;
  kept[0] = new Float32Array(16);
}

const CASES: readonly Case[] = [
  ...(["checked", "release"] as const).flatMap((safety) => [
    { name: "10 slices", safety, allocations: 10, kind: "gate" as const, make: () => slices(10) },
    { name: "100 slices", safety, allocations: 100, kind: "gate" as const, make: () => slices(100) },
    { name: "1000 slices", safety, allocations: 1000, kind: "gate" as const, make: () => slices(1000) },
    { name: "batch with into, raw view", safety, allocations: 1, kind: "gate" as const, make: batchInto },
    { name: "columns", safety, allocations: 10, kind: "gate" as const, make: () => columns },
  ]),
  { name: "records", safety: "release", allocations: 1000, kind: "gate", make: () => records },
  { name: "boxes", safety: "release", allocations: 100, kind: "gate", make: () => boxes },
  { name: "record vecs, 40 pushed each", safety: "release", allocations: 100, kind: "gate", make: () => recordVecs },
  { name: "number vecs, 40 pushed each", safety: "release", allocations: 100, kind: "gate", make: () => numberVecs },
  { name: "batches with cursor and at()", safety: "release", allocations: 100, kind: "gate", make: () => batches },
  { name: "pool records", safety: "release", allocations: PAIRS, pairs: PAIRS, kind: "gate", make: poolRecords },
  { name: "objects of a pool", safety: "release", allocations: PAIRS, pairs: PAIRS, kind: "gate", make: objects },
  { name: "pool record", safety: "checked", allocations: PAIRS, kind: "print", make: poolRecords },
  { name: "record", safety: "checked", allocations: 1000, kind: "print", make: () => flatRecords },
  { name: "record and one vector in it", safety: "checked", allocations: 1000, kind: "print", make: () => records },
  { name: "box", safety: "checked", allocations: 100, kind: "print", make: () => boxes },
  { name: "batch", safety: "checked", allocations: 100, kind: "print", make: () => emptyBatches },
  { name: "record vec", safety: "checked", allocations: 100, kind: "print", make: () => emptyVecs },
  { name: "number vec, 40 pushed each", safety: "checked", allocations: 100, kind: "print", make: () => numberVecs },
  {
    name: "10 slices, turns",
    safety: "checked",
    asyncSafety: "turns",
    allocations: 10,
    kind: "gate",
    make: () => slices(10),
  },
  ...(["off", "frames", "turns"] as const).map((asyncSafety): Case => ({
    name: `10 slices and an await, ${asyncSafety}`,
    safety: "checked",
    asyncSafety,
    awaits: true,
    allocations: 10,
    kind: "print",
    make: () => slices(10),
  })),
  { name: "a Float32Array per frame", safety: "release", allocations: 1, kind: "control", make: () => leak },
  {
    name: "fresh pool records",
    safety: "checked",
    allocations: PAIRS,
    pairs: PAIRS,
    kind: "control",
    make: poolRecords,
  },
  { name: "a fresh record per frame", safety: "checked", allocations: 1000, kind: "control", make: () => flatRecords },
];

if (import.meta.main) {
  const [which] = Deno.args;
  if (which === undefined) await main();
  else await measure(CASES[Number(which)]!);
}

/** Runs one case, in a process that was started for it. */
async function measure({ safety, asyncSafety = "frames", awaits = false, kind, make }: Case): Promise<void> {
  const alloc = new SmartAlloc({ safety, asyncSafety });
  const frame = make();
  const run = (frames: number): void | Promise<void> =>
    awaits ? playTurns(alloc, frame, frames) : play(alloc, frame, frames);
  for (const end = performance.now() + WARM_UP; performance.now() < end;) await run(1000);
  used();
  // Forced collections mark the window in V8's trace: V8 buffers what it writes, so that nothing else could.
  collect();
  const before = used();
  await run(framesOf(kind));
  const after = used();
  collect();
  console.error(`bytes ${after - before}`);
}

function framesOf(kind: Case["kind"]): number {
  return kind === "print" ? FRAMES_OF_HANDLES : FRAMES;
}

function play(alloc: SmartAlloc, frame: Frame, frames: number): void {
  for (let i = 0; i < frames; i++) {
    alloc.beginFrame();
    frame(alloc);
    alloc.endFrame();
  }
}

async function playTurns(alloc: SmartAlloc, frame: Frame, frames: number): Promise<void> {
  for (let i = 0; i < frames; i++) {
    alloc.beginFrame();
    frame(alloc);
    alloc.endFrame();
    await null;
  }
}

function collect(): void {
  const { gc } = globalThis as { gc?: (options: { readonly type: "minor" }) => void };
  if (gc === undefined) throw new Error("Cannot mark the window as there is no gc(): run with --v8-flags=--expose-gc");
  gc({ type: "minor" });
}

function used(): number {
  return getHeapStatistics().used_heap_size;
}

async function main(): Promise<void> {
  let failures = 0;
  console.log(`${FRAMES} frames each, gate ${GATE} bytes per frame\n`);
  console.log(`${"case".padEnd(30)} ${"safety".padEnd(8)} per frame  ${"bytes per frame".padStart(15)}`);
  for (const [i, one] of CASES.entries()) {
    let attempts = 0;
    let perFrame: number;
    let collections: number;
    let isSteady: boolean;
    do {
      const measured = await runChild(i);
      collections = measured.collections;
      perFrame = measured.bytes / framesOf(one.kind);
      isSteady = perFrame <= (one.pairs ?? GATE) && collections === 0;
    } while (one.kind === "gate" && !isSteady && ++attempts < ATTEMPTS);
    const verdict = one.awaits === true
      ? "with what the await makes"
      : one.kind === "print"
      ? `${((perFrame - LIFE) / one.allocations).toFixed(0)} bytes per handle`
      : one.kind === "gate"
      ? isSteady ? "ok" : "FAILED"
      : isSteady
      ? "FAILED: the control must not pass"
      : "fails the gate, as it must";
    if (verdict.startsWith("FAILED")) failures++;
    console.log(
      `${one.name.padEnd(30)} ${one.safety.padEnd(8)} ${String(one.allocations).padStart(9)}  ${
        perFrame.toFixed(1).padStart(15)
      }  ${verdict}${collections > 0 ? `, ${collections} collections in the window` : ""}${
        attempts > 0 ? `, measured again after ${attempts} above the gate` : ""
      }`,
    );
  }
  console.log(failures === 0 ? "\nno garbage where there must be none" : `\n${failures} failed`);
  Deno.exit(failures === 0 ? 0 : 1);
}

async function runChild(i: number): Promise<{ bytes: number; collections: number }> {
  const { stdout, stderr, success } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--quiet",
      "--v8-flags=--expose-gc,--trace-gc,--single-threaded-gc,--min-semi-space-size=512,--max-semi-space-size=512",
      import.meta.filename!,
      String(i),
    ],
  }).output();
  const said = new TextDecoder().decode(stderr);
  const bytes = /^bytes (-?\d+)$/m.exec(said)?.[1];
  const trace = new TextDecoder().decode(stdout).split("\n").filter((line) => /Scavenge|Mark-Compact/.test(line));
  const [begin, end] = trace.flatMap((line, at) => line.includes("testing") ? [at] : []);
  if (!success || bytes === undefined || begin === undefined || end === undefined) {
    throw new Error(`Cannot measure "${CASES[i]!.name}" as its process has failed: ${said}`);
  }
  return { bytes: Number(bytes), collections: end - begin - 1 };
}
