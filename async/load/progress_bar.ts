/**
 * Progress for people: one line that is written again and again. Where it goes is up to the program.
 */

import { ArgumentError, show } from "../../src/errors.ts";
import { formatBytes } from "../../src/units.ts";
import type { LoadProgress } from "./load_progress.ts";

/** Options of {@linkcode progressBar}. */
export interface ProgressBarOptions {
  /** Writes a text as it is, such as to standard output. What it returns is waited for. */
  readonly write: (text: string) => unknown;
  /** How many characters wide the bar itself is. @default {30} */
  readonly width?: number;
  /** Whether the terminal shows colours. @default {false} */
  readonly isColored?: boolean;
  /** The least time between two lines, in milliseconds. @default {100} */
  readonly every?: number;
}

/** What has progress to be shown, such as an {@linkcode AssetBatch}. */
export interface ProgressSource {
  /** Snapshots of it, up to the last one. */
  watch(options?: { readonly every?: number }): AsyncIterable<LoadProgress>;
}

const GREEN = "\x1b[32m";
const RED = "\x1b[31m";
const DIM = "\x1b[2m";
const PLAIN = "\x1b[0m";

/**
 * Shows the progress of a batch in one line, until it is over.
 *
 * @param source Whose progress.
 * @param options Where to write it, and how.
 * @throws {ArgumentError} `FA008` if an option makes no sense.
 * @throws What `write` throws.
 *
 * @example
 * ```ts
 * import { AssetLoader, progressBar, SmartAlloc } from "@framealloc/core";
 * import { assertStringIncludes } from "@std/assert";
 *
 * const loader = new AssetLoader(new SmartAlloc());
 * const batch = loader.load([new Blob(["a rock"]), new Blob(["a tree"])]);
 * let text = "";
 * const bar = progressBar(batch, { write: (line) => text += line, width: 10 });
 * for await (const asset of batch) asset.ok && asset.release();
 * await bar;
 * assertStringIncludes(text, "██████████ 100 %  2 of 2, 12 B");
 * ```
 */
export async function progressBar(source: ProgressSource, options: ProgressBarOptions): Promise<void> {
  const { write, width = 30, isColored = false, every = 100 } = options ?? {};
  if (typeof write !== "function") {
    throw new ArgumentError("FA008", `Cannot show progress with ${show(write)} as \`write\`: give a function`);
  }
  if (!(Number.isInteger(width) && width >= 1 && width <= 1000)) {
    throw new ArgumentError(
      "FA008",
      `Cannot show a bar of ${show(width)} characters: give a whole number from 1 to 1000`,
    );
  }
  let last = 0;
  for await (const progress of source.watch({ every })) {
    const text = textOf(progress);
    const line = `${barOf(progress.fraction, width, isColored)} ${colored(text, progress, isColored)}`;
    // What is left of a longer line is overwritten.
    await write(`\r${line}${" ".repeat(Math.max(0, last - text.length))}`);
    last = text.length;
  }
  await write("\n");
}

function barOf(fraction: number, width: number, isColored: boolean): string {
  const full = Math.floor(fraction * width);
  const [done, open] = ["█".repeat(full), "░".repeat(width - full)];
  return isColored ? `${GREEN}${done}${PLAIN}${DIM}${open}${PLAIN}` : done + open;
}

function textOf(progress: LoadProgress): string {
  const { fraction, assets, done, failed, cancelled, waiting, retries, loaded, total, unsized } = progress;
  const percent = `${Math.floor(fraction * 100)} %`.padStart(5);
  const size = unsized === 0 && loaded < total
    ? `${formatBytes(loaded)} of ${formatBytes(total)}`
    : formatBytes(loaded);
  const notes = [[failed, "failed"], [cancelled, "cancelled"], [retries, "retried"], [
    waiting,
    "waiting for room",
  ]] as const;
  const rest = notes.filter(([count]) => count > 0).map(([count, what]) => `, ${count} ${what}`);
  return `${percent}  ${done} of ${assets}, ${size}${rest.join("")}`;
}

function colored(text: string, { failed }: LoadProgress, isColored: boolean): string {
  return isColored && failed > 0 ? text.replace(`${failed} failed`, `${RED}${failed} failed${PLAIN}`) : text;
}
