/**
 * The time and the peak of resident memory of 2,000 blocks of 1 MiB, each allocated, written once per page and freed: on the heap of
 * an allocator, and left to the garbage collector. Each way runs in processes of its own, as a peak cannot be taken back.
 *
 * Run it with `deno task memory`. It needs `/proc`.
 */

import { median } from "simple-statistics";

const ROUNDS = 2_000;
const PROCESSES = 5;
const WAYS: readonly string[] = ["leftToTheCollector", "heapZeroed", "heapUnzeroed"];

/** How many times as fast each way has to be as the first, and which part of its peak it may have. */
const FLOORS: Readonly<Record<string, { readonly atLeast: number; readonly peak: number }>> = {
  heapZeroed: { atLeast: 5, peak: 0.5 },
  heapUnzeroed: { atLeast: 20, peak: 0.5 },
};

interface Result {
  readonly ms: number;
  /** The peak of resident memory of the whole process, in mebibytes. */
  readonly peak: number;
}

if (import.meta.main) {
  const [way] = Deno.args;
  if (way === undefined) await main();
  else console.log(JSON.stringify(await measure(way)));
}

async function measure(way: string): Promise<Result> {
  const ways = await import("./heap_bench.ts") as unknown as { [way: string]: (k: number, read: boolean) => number };
  const round = ways[way]!;
  const start = performance.now();
  for (let k = 0; k < ROUNDS; k++) round(k, false);
  const ms = performance.now() - start;
  if (round(7, true) !== 7 * 256) throw new Error(`${way} computes something else`);
  return { ms, peak: status("VmHWM") / 1024 };
}

/** A line of this process's status, in kibibytes. */
function status(name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(Deno.readTextFileSync("/proc/self/status"))![1]);
}

async function main(): Promise<void> {
  const results = new Map<string, Result[]>(WAYS.map((way) => [way, []]));
  for (let i = 0; i < PROCESSES; i++) {
    for (const way of WAYS) results.get(way)!.push(await spawn(way));
  }
  console.log(`${ROUNDS} blocks of 1 MiB, a byte of each page written; medians of ${PROCESSES} processes\n`);
  console.log("way                        ms   times as fast     peak of resident MiB");
  const base = summary(results.get(WAYS[0]!)!);
  for (const way of WAYS) {
    const { ms, peak } = summary(results.get(way)!);
    const ratio = base.ms / ms;
    const floor = FLOORS[way];
    const isMet = floor === undefined || (ratio >= floor.atLeast && peak <= floor.peak * base.peak);
    const verdict = floor === undefined
      ? ""
      : `  floor ${floor.atLeast}× and ${floor.peak} of the peak ${isMet ? "ok" : "short"}`;
    console.log(
      `${way.padEnd(20)} ${ms.toFixed(1).padStart(8)} ${ratio.toFixed(1).padStart(15)} ${
        peak.toFixed(1).padStart(23)
      }${verdict}`,
    );
  }
}

function summary(results: readonly Result[]): Result {
  return { ms: median(results.map(({ ms }) => ms)), peak: median(results.map(({ peak }) => peak)) };
}

async function spawn(way: string): Promise<Result> {
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", import.meta.filename!, way],
    stderr: "inherit",
  }).output();
  if (!success) throw new Error(`Cannot measure ${way}: its process failed`);
  return JSON.parse(new TextDecoder().decode(stdout)) as Result;
}
