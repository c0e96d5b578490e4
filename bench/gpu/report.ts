/**
 * What memory of a GPU costs, each number beside its gate: `deno task bench:gpu`, or `deno task bench:gpu --only T4`.
 *
 * Every group of gates runs in a process of its own, so that none spoils the machine code of another. In it the candidates take turns,
 * do the same work, and have been checked to leave the same bytes on the device. A gate that is missed is printed and does not fail the
 * run: the time of a benchmark is a fact about a machine.
 */

import { parseArgs, styleText } from "node:util";
import { WebGpuBackend } from "../../gpu/mod.ts";
import { isMet, lineOf, type Row } from "./row.ts";

interface Group {
  readonly file: string;
  readonly gates: readonly string[];
}

const GROUPS: readonly Group[] = [
  { file: "alloc.ts", gates: ["T1", "T2", "T3"] },
  { file: "records.ts", gates: ["T4", "T5", "T6"] },
  { file: "uploads.ts", gates: ["T7", "T8"] },
  { file: "large_upload.ts", gates: ["T9"] },
  { file: "readback.ts", gates: ["T10"] },
  { file: "frames.ts", gates: ["T11", "T12"] },
  { file: "garbage.ts", gates: ["T13"] },
  { file: "fragmentation.ts", gates: ["T14", "T15"] },
  { file: "recovery.ts", gates: ["T16"] },
  { file: "suites.ts", gates: ["T17", "T18"] },
];

/** What a group of gates exports. */
interface Measure {
  measure(): Promise<Row[]>;
}

const { values } = parseArgs({ options: { only: { type: "string" }, child: { type: "string" } } });

if (values.child !== undefined) {
  const { measure } = await import(`./${values.child}`) as Measure;
  console.log(JSON.stringify(await measure()));
  Deno.exit(0);
} else await runReport();

async function runReport(): Promise<void> {
  const started = performance.now();
  const device = await adapter();
  if (device === undefined) return;
  console.log(`Deno ${Deno.version.deno}, V8 ${Deno.version.v8}, ${navigator.hardwareConcurrency} CPUs, ${device}\n`);
  const only = values.only;
  const groups = GROUPS.filter(({ file, gates }) =>
    only === undefined || gates.includes(only) || file.startsWith(only)
  );
  const rows: Row[] = [];
  for (const { file } of groups) {
    const measured = await spawn(file);
    for (const row of measured) console.log(lineOf(row));
    rows.push(...measured);
  }
  const gates = rows.filter((row) => isMet(row) !== undefined);
  const met = gates.filter((row) => isMet(row) === true).length;
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  console.log(
    `\n${
      styleText(met === gates.length ? "green" : "yellow", `${met} of ${gates.length} gates are met`)
    } (${seconds} s). ` +
      "A ratio of 2× means half the time.",
  );
}

/** What is measured on; `undefined` if there is nothing. */
async function adapter(): Promise<string | undefined> {
  try {
    const backend = await WebGpuBackend.request();
    const { vendor, architecture, description } = backend.device.adapterInfo;
    const isSoftware = backend.isFallback;
    backend.dispose();
    const name = [vendor, architecture, description].filter((part) => part !== "").join(" ");
    return `${name || "a GPU"}${isSoftware ? " (in software)" : ""}`;
  } catch (error) {
    console.log(`Skipped: measuring on a device: ${(error as Error).message}`);
    return undefined;
  }
}

async function spawn(file: string): Promise<Row[]> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--v8-flags=--expose-gc", import.meta.filename!, "--child", file],
  }).output();
  if (!success) throw new Error(`Cannot measure ${file}: ${new TextDecoder().decode(stderr)}`);
  return JSON.parse(new TextDecoder().decode(stdout).trim().split("\n").at(-1)!) as Row[];
}
