/**
 * Measures the column kernels beside loops in JavaScript and in C: `deno run -A bench/kernels/report.ts`. All of a row have short turns
 * one after the other, so that what the machine does meanwhile falls on all alike and every round has ratios of its own. What misses
 * its floor is said, and is no failure. `gcc` has to be there.
 */

import { median } from "simple-statistics";
import { columns, memory, place, reset } from "./data.ts";
import { loops, reductions } from "./loops.ts";
import { Native } from "./native.ts";
import { kernels, rewind, type Row, rows } from "./rows.ts";

const ROUNDS = 15;
const TURN = 2;
const WARM_UP = 12;

type Run = () => number | void;

/** Nanoseconds per call. */
function timed(run: Run, calls: number): number {
  const start = performance.now();
  for (let i = 0; i < calls; i++) run();
  return (performance.now() - start) * 1e6 / calls;
}

/** Runs for a while; the nanoseconds per call at the end of it. */
function warmed(run: Run, milliseconds: number): number {
  const end = performance.now() + milliseconds;
  let time = timed(run, 4);
  while (performance.now() < end) time = timed(run, Math.max(1, Math.round(1e6 / time)));
  return time;
}

function turn(run: Run, expected: number): number {
  return timed(run, Math.max(1, Math.round(TURN * 1e6 / expected)));
}

// Whether all come to the same

interface Came {
  readonly values: readonly number[];
  readonly total: number;
  readonly size: number;
}

function cameTo({ outputs }: Row, run: Run): Came {
  reset();
  rewind(true);
  const result = run();
  rewind(false);
  const values = outputs === undefined ? [result as number] : outputs.flatMap((column) => [...column]);
  let total = 0;
  let size = 1;
  for (const value of values) {
    total += value;
    size += Math.abs(value);
  }
  return { values, total, size };
}

async function verify(row: Row, native: Native): Promise<void> {
  const of = cameTo(row, row.kernel);
  // A product that is not rounded before it is added is off by a little.
  const near = (one: number, other: number) => Math.abs(one - other) <= 1e-5 * (1 + Math.abs(one));
  for (const script of row.scripts) {
    const { values } = cameTo(row, script);
    const wrong = values.findIndex((value, i) => !near(value, of.values[i]!));
    if (wrong >= 0 || values.length !== of.values.length) {
      throw new Error(
        `${row.name}: the kernel comes to ${of.values[wrong]}, JavaScript to ${values[wrong]} [${wrong}]`,
      );
    }
  }
  const total = await native.check(row.native);
  if (Math.abs(total - of.total) > 1e-5 * of.size) {
    throw new Error(`${row.name}: the kernel comes to ${of.total} in all, C to ${total}`);
  }
}

// Rows

function fastest(scripts: readonly Run[]): Run {
  const times = scripts.map((): number[] => []);
  for (let round = 0; round < 4; round++) {
    for (const [i, script] of scripts.entries()) times[i]!.push(warmed(script, WARM_UP / 4));
  }
  // The first turns are those of code that is not compiled yet.
  const best = times.map((all) => Math.min(...all.slice(1)));
  return scripts[best.indexOf(Math.min(...best))]!;
}

async function measure(row: Row, native: Native): Promise<string> {
  reset();
  const script = fastest(row.scripts);
  let kernelTime = warmed(row.kernel, WARM_UP);
  let scriptTime = warmed(script, 1);
  const times = { kernel: [] as number[], script: [] as number[], c: [] as number[] };
  for (let round = 0; round < ROUNDS; round++) {
    times.kernel.push(kernelTime = turn(row.kernel, kernelTime));
    times.script.push(scriptTime = turn(script, scriptTime));
    times.c.push(await native.time(row.native, TURN));
  }
  const overScript = median(times.kernel.map((time, i) => times.script[i]! / time));
  const overC = median(times.kernel.map((time, i) => time / times.c[i]!));
  const short = (row.floor !== undefined && overScript < row.floor) || (row.limit !== undefined && overC > row.limit);
  return [
    row.name.padEnd(20),
    ...[times.kernel, times.script, times.c].map((all) => median(all).toFixed(0).padStart(8)),
    `${overScript.toFixed(2)}x`.padStart(9),
    (row.floor === undefined ? "" : `>= ${row.floor}`).padEnd(5).padStart(6),
    `${overC.toFixed(2)}x`.padStart(8),
    (row.limit === undefined ? "" : `<= ${row.limit}`).padEnd(5).padStart(6),
    short ? "short" : "",
  ].join(" ").trimEnd();
}

// Short columns

const CALLS = 200;

/** So many calls in a loop of their own, as a program has them. */
function calledOften(name: "add" | "sum" | "axpy", n: number): Run {
  const make = () => new Float32Array(memory.buffer, place(4 * n), n);
  const [out, a, b] = [make(), make(), make()];
  a.fill(0.5);
  b.fill(0.25);
  const call = { add: "kernels.add(out, a, b)", sum: "kernels.sum(a)", axpy: "kernels.axpy(out, 0.001, a)" }[name];
  const source = `return () => { let s = 0; for (let i = 0; i < ${CALLS}; i++) s += ${call} ?? 0; return s; };`;
  return new Function("kernels", "out", "a", "b", source)(kernels, out, a, b);
}

function scripted(name: "add" | "sum" | "axpy", n: number): Run {
  const make = () => new Float32Array(memory.buffer, place(4 * n), n);
  const named = { out: make(), a: make(), b: make() };
  const made = {
    add: () => loops("out[i] = a[i] + b[i];", named, n),
    axpy: () => loops("out[i] += 0.001 * a[i];", named, n),
    sum: () => reductions("0", (s, i) => `${s} += a[${i}]`, (s, t) => `${s} + ${t}`, named, n),
  }[name]();
  const source = `return () => { let s = 0; for (let i = 0; i < ${CALLS}; i++) s += run(); return s; };`;
  return fastest(made.map((run) => new Function("run", source)(run) as Run));
}

function overhead(n: number): string {
  const run = calledOften("add", n);
  let time = warmed(run, WARM_UP);
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) times.push((time = turn(run, time)) / CALLS);
  return median(times).toFixed(1);
}

/** The length from which on the kernel is faster. */
function crossover(name: "add" | "sum" | "axpy"): string {
  let from = 0;
  const ratios: string[] = [];
  for (let n = 4; n <= 1024; n *= 2) {
    const [kernel, script] = [calledOften(name, n), scripted(name, n)];
    const shortTurn = (run: Run, time: number) => timed(run, Math.max(1, Math.round(5e5 / time)));
    let kernelTime = warmed(kernel, WARM_UP);
    let scriptTime = warmed(script, 1);
    const ratio = median(
      Array.from(
        { length: ROUNDS },
        () => (scriptTime = shortTurn(script, scriptTime)) / (kernelTime = shortTurn(kernel, kernelTime)),
      ),
    );
    if (ratio <= 1) from = 0;
    else if (from === 0) from = n;
    ratios.push(`${n}: ${ratio.toFixed(2)}x`);
  }
  return `${name.padEnd(5)} faster from ${from === 0 ? "more than 1024" : from} elements   (${ratios.join(", ")})`;
}

const folder = await Deno.makeTempDir();
try {
  const native = await Native.start(folder);
  try {
    const first = timed(() => kernels.fill(columns.a, 0), 1); // compiles them
    for (const row of rows) await verify(row, native);
    for (const row of rows) warmed(row.kernel, 2);
    console.log(`${columns.a.length} elements, ns per call; medians of ${ROUNDS} rounds, ratios by round\n`);
    console.log(`${"".padEnd(20)}   kernel       JS        C    vs JS         of C`);
    for (const row of rows) console.log(await measure(row, native));
    console.log(`\na call of add: ${overhead(0)} ns for 0 elements, ${overhead(1)} ns for 1`);
    for (const name of ["add", "sum", "axpy"] as const) console.log(crossover(name));
    console.log(`the first call of all: ${(first / 1e6).toFixed(1)} ms`);
    const { simd, scalar } = kernels.stats();
    console.log(`${simd} kernels were run by SIMD, ${scalar} by plain loops`);
  } finally {
    await native.stop();
  }
} finally {
  await Deno.remove(folder, { recursive: true });
}
