/**
 * Prints what the variants came to, side by side.
 */

import { formatBytes } from "../../mod.ts";
import { BODIES } from "./scene.ts";
import { FLOATS_PER_BODY, PARTICLES } from "./game.ts";
import type { Garbage } from "./gc_trace.ts";
import type { Measurement, Times, Variant } from "./measure.ts";

/** What a variant came to, with what the collector did. */
export type Result = Measurement & { readonly garbage: Garbage };

/** The results of all variants. */
export type Results = { readonly [V in Variant]: Result };

/** Prints the tables. */
export function printReport(results: Results, steps: number): void {
  const { engine, plain, checked, release } = results;
  const variants = [engine, plain, checked, release];
  const perFrame = ({ garbage }: Result): number => garbage.bytes / steps;
  const own = (result: Result): string => {
    if (result === engine) return "";
    const bytes = Math.round(perFrame(result) - perFrame(engine));
    return bytes > 0 ? formatBytes(bytes) : "none seen";
  };
  const row = (title: string, cell: (result: Result) => string): string[] => [title, ...variants.map(cell)];

  console.log(`
${steps} frames, ${BODIES} bodies, ${PARTICLES} particles, ${plain.contacts} contacts on average

  engine    steps, reads everything, keeps nothing: what all others pay, too
  plain     plain objects and arrays, fresh in every frame
  checked   frame memory in the default safety mode, counted by tag
  release   frame memory with AllocConfig.release(): unchecked, uncounted
`);
  printTable([
    ["", "engine", "plain", "checked", "release"],
    ["time per frame, ms (p50 / p99 / max)"],
    row("  whole frame", ({ whole }) => times(whole)),
    row("  the engine's step", ({ step }) => times(step)),
    row("  outside of the step", ({ rest }) => times(rest)),
    ["JavaScript heap made per frame"],
    row("  in all", (result) => formatBytes(Math.round(perFrame(result)))),
    row("  on top of the engine's own", own),
    [`garbage collections in ${steps} frames`],
    row("  young / whole heap", ({ garbage }) => `${garbage.scavenges} / ${garbage.full}`),
    row("  pauses in all, ms", ({ garbage }) => garbage.pause.toFixed(1)),
    row("checksum", (result) => result === engine ? "" : result.checksum),
  ]);
  console.log(`
The engine makes garbage in its own API, about as much in each variant; "on top" is what is left, give or take
20 KB, as V8 compiles each variant on its own.
The plain loop also makes a Float32Array of ${
    formatBytes(BODIES * FLOATS_PER_BODY * 4)
  } per frame, which V8 keeps outside of its heap and does not count here.`);
  if (checked.stats !== undefined) printMemory(checked.stats);
}

function printMemory({ tags, phases, totals, frame, kernels }: NonNullable<Measurement["stats"]>): void {
  console.log("\nFrame memory by tag (checked)\n");
  printTable([
    ["", "last frame", "allocations", "average", "peak"],
    ...tags.map(({ path, bytes, allocations, totalBytes, peakBytes }) => [
      `  ${path}`,
      formatBytes(bytes),
      `${allocations}`,
      formatBytes(Math.round(totalBytes / totals.frames)),
      formatBytes(peakBytes),
    ]),
  ]);
  console.log("\nFrame memory by phase (checked)\n");
  printTable([
    ["", "last frame", "allocations", "ms"],
    ...phases.map(({ name, bytes, allocations, ms }) => [
      `  ${name}`,
      formatBytes(bytes),
      `${allocations}`,
      ms.toFixed(3),
    ]),
  ]);
  console.log(`
The allocator holds ${formatBytes(frame.committed)} for the two frames that are alive at once, in ${
    formatBytes(frame.reserved)
  } of address space; it had to grow ${frame.overflows} times.
Particles are moved by column kernels: ${
    Math.round(kernels.calls / totals.frames)
  } per frame, ${kernels.simd} of ${kernels.calls} in place.`);
}

function times({ p50, p99, max }: Times): string {
  return `${p50.toFixed(2)} / ${p99.toFixed(2)} / ${max.toFixed(2)}`;
}

function printTable(rows: readonly (readonly string[])[]): void {
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  for (const row of rows) {
    const cells = row.map((cell, i) => i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!));
    console.log(cells.join("  ").trimEnd());
  }
}
