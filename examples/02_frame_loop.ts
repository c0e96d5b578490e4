/**
 * A headless game loop on a real engine: 500 bodies fall on a floor, 10,000 particles fly, a text overlay is written. The loop is
 * played with plain objects and with frame memory, each in a process of its own, and both must compute the same numbers.
 *
 * Run it with `deno task demo`. `--steps n` plays n frames instead of 600.
 *
 * The loop itself is in `frame_loop/framed.ts`, and with plain objects in `frame_loop/plain.ts`.
 */

import { parseArgs } from "node:util";
import { readTrace } from "./frame_loop/gc_trace.ts";
import { isVariant, measure, type Measurement, type Message, type Variant } from "./frame_loop/measure.ts";
import { printReport, type Result } from "./frame_loop/report.ts";

const { values } = parseArgs({
  options: { steps: { type: "string", default: "600" }, variant: { type: "string", default: "" } },
});
const steps = Number(values.steps);

if (!Number.isInteger(steps) || steps < 1) {
  console.error(`Cannot play ${values.steps} frames: give --steps a whole number of at least 1`);
  Deno.exitCode = 2;
} else if (isVariant(values.variant)) await measure(values.variant, steps);
else await compare();

/** Plays all variants, one after the other, and prints what they came to. */
async function compare(): Promise<void> {
  const engine = await play("engine");
  const plain = await play("plain");
  const checked = await play("checked");
  const release = await play("release");
  printReport({ engine, plain, checked, release }, steps);
  const isSame = plain.checksum === checked.checksum && plain.checksum === release.checksum;
  console.log(
    isSame ? "\nAll variants have computed the same numbers." : "\nThe variants have computed DIFFERENT numbers.",
  );
  if (!isSame) Deno.exitCode = 1;
}

/** Plays a variant in a process of its own, which needs no permissions and traces its collector. */
async function play(variant: Variant): Promise<Result> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--no-prompt",
      "--v8-flags=--expose-gc,--trace-gc,--trace-gc-nvp",
      import.meta.filename!,
      `--variant=${variant}`,
      `--steps=${steps}`,
    ],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const trace = new Response(child.stdout).text();
  let result: Measurement | undefined;
  let rest = "";
  for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    for (const line of lines) {
      if (!line.startsWith("{")) {
        console.error(line);
        continue;
      }
      const message = JSON.parse(line) as Message;
      if ("frame" in message) showProgress(variant, message.frame);
      else result = message.result;
    }
  }
  const { success } = await child.status;
  if (!success || result === undefined) {
    throw new Error(`Cannot report as the variant "${variant}" has failed: ${rest}`);
  }
  return { ...result, garbage: readTrace(await trace) };
}

/** One line that is written anew on a terminal, and one line per variant elsewhere. */
function showProgress(variant: Variant, frame: number): void {
  const isLast = frame === steps;
  const text = `playing ${variant.padEnd(8)} ${String(frame).padStart(4)} of ${steps} frames`;
  if (Deno.stdout.isTerminal()) {
    Deno.stdout.writeSync(new TextEncoder().encode(`\r${text}${isLast ? "\n" : ""}`));
  } else if (isLast) console.log(text);
}
