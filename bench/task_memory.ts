/**
 * Proves that tasks leave nothing behind: after a garbage collection a process holds as much after 400,000 of them as after 100,000, and
 * tasks hold the same chunks. What a task makes in the meantime is printed beside what `new` makes. Each case runs in a process of its own;
 * a control that is found to be flat fails the proof.
 *
 * Run it with `deno task flat`.
 */

import { getHeapStatistics } from "node:v8";
import { f32, SmartAlloc, struct, TaskAlloc, vec3f } from "../mod.ts";

const Body = struct("Body", { mass: f32, at: vec3f });

/** Tasks until the first look, after as many to warm up; until the second it is four times as many. */
const TASKS = 100_000;
const TIMES = 4;
/** Bytes that a task may leave behind, on the average. */
const GATE = 1;
/** Tasks that are run while nothing is collected, to see what they make. */
const TASKS_OF_GARBAGE = 2_000;
/** Tasks that are there at the same time. */
const AT_A_TIME = 16;
/** After so many tasks the event loop goes round once, as it does in programs: what was left to the collector is noticed then. */
const TURN = 50 * AT_A_TIME;

const PIECES = 5;
const PIECE = 1024;

const alloc = new SmartAlloc();
const { signal } = new AbortController();
/** What a control leaves behind. */
const kept: unknown[] = [];

interface Case {
  readonly name: string;
  /** `"gate"`: must be flat. `"beside"`: is printed beside the others. `"control"`: must not be flat. */
  readonly kind: "gate" | "beside" | "control";
  /** Runs the k-th task. */
  readonly run: (k: number) => unknown;
}

function newPieces(k: number): number {
  let all = 0;
  for (let i = 0; i < PIECES; i++) {
    const slice = new Uint8Array(PIECE);
    slice[k % PIECE] = k;
    all += slice[k % PIECE]!;
  }
  return all;
}

function pieces(k: number): number {
  const task = new TaskAlloc(alloc);
  let all = 0;
  for (let i = 0; i < PIECES; i++) {
    const slice = task.allocSlice(Uint8Array, PIECE);
    slice[k % PIECE] = k;
    all += slice[k % PIECE]!;
  }
  task.release();
  return all;
}

/** Allocates five things of different kinds. */
function use(task: TaskAlloc, k: number): number {
  const slice = task.allocSlice(Uint8Array, PIECE);
  const record = task.alloc(Body);
  const numbers = task.allocVec(Float32Array);
  const text = task.allocString("request");
  const box = task.allocBox({ k });
  slice[0] = record.mass = k;
  for (let i = 0; i < 40; i++) numbers.push(i);
  text.append(" and so on");
  return slice[0]! + box.value.k + numbers.length;
}

async function job(k: number): Promise<void> {
  await using task = new TaskAlloc(alloc, { name: "job" });
  use(task, k);
  await null;
}

async function largeJob(k: number): Promise<void> {
  await using task = new TaskAlloc(alloc, { name: `job ${k}`, signal, budget: 1_000_000 });
  task.defer(async () => {
    await null;
  });
  task.signal.addEventListener("abort", () => {});
  const child = task.child({ signal: task.signal });
  use(task, k);
  await null;
  use(child, k);
  if (k % 2 === 0) child.release();
}

function forgottenJob(k: number): void {
  use(new TaskAlloc(alloc, { name: "forgotten" }), k);
}

const CASES: readonly Case[] = [
  { name: "new Uint8Array(1024), five times", kind: "beside", run: newPieces },
  { name: "five slices of 1024 bytes", kind: "gate", run: pieces },
  { name: "five kinds of things and an await", kind: "gate", run: job },
  { name: "a child, a signal, a budget, a name", kind: "gate", run: largeJob },
  { name: "left to the garbage collector", kind: "gate", run: forgottenJob },
  {
    name: "tasks that nobody releases",
    kind: "control",
    run(k) {
      const task = new TaskAlloc(alloc);
      use(task, k);
      kept.push(task);
    },
  },
  {
    name: "a number kept for every 32nd task",
    kind: "control",
    run(k) {
      pieces(k);
      if (k % 32 === 0) kept.push(new Float64Array(1));
    },
  },
];

/** What a process holds. All sizes are bytes. */
interface Held {
  readonly heap: number;
  /** Memory of buffers, as the engine counts it. */
  readonly external: number;
  /** What tasks hold, and what is kept for them. */
  readonly chunks: number;
}

/** What a case came to. */
interface Result {
  readonly first: Held;
  readonly last: Held;
  /** What a task makes. */
  readonly garbage: { readonly heap: number; readonly external: number };
}

if (import.meta.main) {
  const [which] = Deno.args;
  if (which === undefined) await main();
  else console.log(JSON.stringify(await measure(CASES[Number(which)]!)));
}

async function measure({ kind, run }: Case): Promise<Result> {
  alloc.asyncGuard.mode = "collect";
  const play = async (from: number, count: number): Promise<void> => {
    for (let k = from; k < from + count; k += AT_A_TIME) {
      const jobs: unknown[] = [];
      for (let i = 0; i < AT_A_TIME; i++) jobs.push(run(k + i));
      await Promise.all(jobs);
      if (k % TURN === 0) await new Promise((resolve) => setTimeout(resolve, 0));
    }
  };
  // What is kept for good fills the memory of a machine.
  const tasks = kind === "control" ? TASKS / 10 : TASKS;
  await play(0, tasks);
  await play(tasks, tasks);
  const first = await held();
  await play(2 * tasks, (TIMES - 1) * tasks);
  const last = await held();
  await held();
  const before = counts();
  await play(0, TASKS_OF_GARBAGE);
  const after = counts();
  const garbage = {
    heap: (after.heap - before.heap) / TASKS_OF_GARBAGE,
    external: (after.external - before.external) / TASKS_OF_GARBAGE,
  };
  return { first, last, garbage };
}

function counts(): { heap: number; external: number } {
  const { used_heap_size: heap, external_memory: external } = getHeapStatistics();
  return { heap, external };
}

/** What is held once all garbage is gone. */
async function held(): Promise<Held> {
  const { gc } = globalThis as { gc?: () => void };
  if (gc === undefined) throw new Error("Cannot collect as there is no gc(): run with --v8-flags=--expose-gc");
  for (let i = 0; i < 4; i++) {
    gc();
    await new Promise((resolve) => setTimeout(resolve, 5)); // what is told of the end of objects
  }
  const { reserved, idle } = alloc.stats().tasks;
  return { ...counts(), chunks: reserved + idle };
}

async function main(): Promise<void> {
  let failures = 0;
  console.log(`${TASKS} tasks, and then ${TIMES} times as many; at most ${GATE} byte may be left of each\n`);
  console.log(
    `${"what a task does".padEnd(38)} left: ${"heap".padStart(8)} ${"buffers".padStart(8)} ${
      "chunks".padStart(8)
    }  made: ${"heap".padStart(6)} ${"buffers".padStart(8)}`,
  );
  for (const [i, one] of CASES.entries()) {
    const { first, last, garbage } = await runChild(i);
    const tasks = (one.kind === "control" ? TASKS / 10 : TASKS) * (TIMES - 1);
    const left = [last.heap - first.heap, last.external - first.external, last.chunks - first.chunks].map((bytes) =>
      bytes / tasks
    );
    const isFlat = left.every((bytes) => bytes <= GATE);
    const verdict = one.kind === "control"
      ? isFlat ? "FAILED: the control must not pass" : "fails the gate, as it must"
      : one.kind === "beside"
      ? ""
      : isFlat
      ? "ok"
      : "FAILED";
    if (verdict.startsWith("FAILED")) failures++;
    console.log(
      `${one.name.padEnd(44)} ${left.map((bytes) => bytes.toFixed(2).padStart(8)).join(" ")}        ${
        garbage.heap.toFixed(0).padStart(6)
      } ${garbage.external.toFixed(0).padStart(8)}  ${verdict}`,
    );
  }
  console.log(failures === 0 ? "\nflat where it must be" : `\n${failures} failed`);
  Deno.exit(failures === 0 ? 0 : 1);
}

async function runChild(i: number): Promise<Result> {
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--quiet",
      "--v8-flags=--expose-gc,--single-threaded-gc,--min-semi-space-size=64,--max-semi-space-size=64",
      import.meta.filename!,
      String(i),
    ],
    stderr: "inherit",
  }).output();
  if (!success) throw new Error(`Cannot measure "${CASES[i]!.name}" as its process has failed`);
  return JSON.parse(new TextDecoder().decode(stdout)) as Result;
}
