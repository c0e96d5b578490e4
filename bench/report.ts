/**
 * The benchmark report: `deno task bench`, or `deno task bench --quick`.
 *
 * Every file of workloads runs in a process of its own, several times over, because where the machine code of a function lands can
 * make a tenth of difference and stays the same for the life of a process. In it the candidates take short turns, see
 * `measure.ts`. Times are medians over all rounds of all processes; ratios are medians of the ratios within each round.
 *
 * A floor that is missed is printed and does not fail the run: the time of a benchmark is a fact about a machine.
 */

import { parseArgs, styleText } from "node:util";
import { median, quantile } from "simple-statistics";
import { type Effort, measure, type Measured } from "./measure.ts";
import type { Candidate, Floor, Workload } from "./workload.ts";

const FILES: readonly string[] = [
  "slices_bench.ts",
  "batch_bench.ts",
  "single_records_bench.ts",
  "shared_helper_bench.ts",
  "particles_bench.ts",
  "mixed_frame_bench.ts",
  "stats_levels_bench.ts",
  "pool_bench.ts",
  "heap_bench.ts",
  "budgets_bench.ts",
  "guard_bench.ts",
  "tasks_bench.ts",
];

const FULL: Effort & { readonly processes: number } = { rounds: 31, turn: 4, warmUp: 160, processes: 3 };
const QUICK: Effort & { readonly processes: number } = { rounds: 9, turn: 3, warmUp: 80, processes: 1 };

const { values } = parseArgs({
  options: { quick: { type: "boolean", default: false }, only: { type: "string" }, child: { type: "string" } },
});
const effort = values.quick ? QUICK : FULL;

if (values.child !== undefined) await runChild(values.child);
else await runReport();

async function runChild(file: string): Promise<void> {
  const { workloads } = await load(file);
  const measured: Measured[] = [];
  for (const workload of workloads) measured.push(await measure(workload, effort));
  console.log(JSON.stringify(measured));
}

async function runReport(): Promise<void> {
  const started = performance.now();
  const files = FILES.filter((file) => file.startsWith(values.only ?? ""));
  const results = new Map<string, Measured[]>();
  for (let process = 0; process < effort.processes; process++) {
    for (const file of files) {
      progress(`process ${process + 1} of ${effort.processes}: ${file}`);
      for (const measured of await spawn(file)) {
        results.set(measured.name, [...results.get(measured.name) ?? [], measured]);
      }
    }
  }
  progress("");
  console.log(
    `Deno ${Deno.version.deno}, V8 ${Deno.version.v8}, ${Deno.build.arch} ${Deno.build.os}, ` +
      `${navigator.hardwareConcurrency} CPUs; ${effort.processes} processes × ${effort.rounds} rounds of ${effort.turn} ms`,
  );
  let met = 0;
  let all = 0;
  for (const file of files) {
    const { workloads, conclude } = await load(file);
    for (const workload of workloads) {
      const floors = print(workload, results.get(workload.name)!);
      met += floors.met;
      all += floors.all;
    }
    const lines = conclude?.((workload, name, over) => ratioOf(results.get(workload)!, name, over)) ?? [];
    if (lines.length > 0) console.log(`\n${lines.join("\n")}`);
  }
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  console.log(
    `\n${styleText(met === all ? "green" : "yellow", `${met} of ${all} floors are met`)} (${seconds} s). ` +
      "A ratio of 2× means half the time.",
  );
}

/** What a file of workloads exports. */
interface Benchmark {
  readonly workloads: readonly Workload[];
  /** What the ratios of candidates come to, in lines of text. */
  readonly conclude?: (ratio: (workload: string, candidate: string, over: string) => number) => readonly string[];
}

async function load(file: string): Promise<Benchmark> {
  return await import(`./${file}`) as Benchmark;
}

async function spawn(file: string): Promise<Measured[]> {
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", import.meta.url, "--child", file, ...values.quick ? ["--quick"] : []],
    stderr: "inherit",
  }).output();
  if (!success) throw new Error(`Cannot measure ${file}: its process failed`);
  return JSON.parse(new TextDecoder().decode(stdout)) as Measured[];
}

function timesOf(runs: readonly Measured[], candidate: string): number[] {
  return runs.flatMap((run) => run.times[candidate] ?? []);
}

/** How many times as fast as another candidate one is. */
function ratioOf(runs: readonly Measured[], candidate: string, over: string): number {
  const own = timesOf(runs, candidate);
  return median(timesOf(runs, over).map((time, i) => time / own[i]!));
}

function print(workload: Workload, runs: readonly Measured[]): { met: number; all: number } {
  const times = (candidate: string): number[] => timesOf(runs, candidate);
  const base = workload.candidates[0]!;
  console.log(`\n${styleText("bold", workload.name)}: ${workload.summary}`);
  console.log(
    styleText(
      "dim",
      `  ${"candidate".padEnd(36)}${`ns/${workload.unit}`.padStart(12)}${"spread".padStart(8)}  ratio over`,
    ),
  );
  let met = 0;
  let all = 0;
  for (const candidate of workload.candidates) {
    const own = times(candidate.name);
    if (own.length === 0) continue;
    const spread = (quantile(own, 0.75) - quantile(own, 0.25)) / 2 / median(own);
    const compared = comparisons(candidate, base).filter(({ over }) => times(over).length > 0);
    const lines = compared.map(({ over, atLeast }) => {
      const ratio = ratioOf(runs, candidate.name, over);
      const shown = `${format(ratio)}×`.padStart(7);
      if (atLeast === undefined) return `${shown} ${styleText("dim", over)}`;
      const isMet = ratio >= atLeast;
      all++;
      if (isMet) met++;
      return `${shown} ${over}, floor ${Number(atLeast.toFixed(2))}× ${
        isMet ? styleText("green", "ok") : styleText("red", "short")
      }`;
    });
    const head = `  ${candidate.name.padEnd(36)}${format(median(own)).padStart(12)}${
      `±${(spread * 100).toFixed(0)} %`.padStart(8)
    }`;
    console.log(`${head}${lines.length === 0 ? "" : lines[0]}`);
    for (const line of lines.slice(1)) console.log(`${" ".repeat(58)}${line}`);
  }
  for (const message of new Set(runs.flatMap((run) => run.messages))) console.log(`  ${styleText("yellow", message)}`);
  return { met, all };
}

function comparisons(candidate: Candidate, base: Candidate): { over: string; atLeast?: Floor["atLeast"] }[] {
  if (candidate.floors !== undefined) return [...candidate.floors];
  return candidate === base ? [] : [{ over: base.name }];
}

function format(value: number): string {
  return value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0);
}

function progress(text: string): void {
  if (Deno.stderr.isTerminal()) Deno.stderr.writeSync(new TextEncoder().encode(`\r\x1b[K${text}`));
}
