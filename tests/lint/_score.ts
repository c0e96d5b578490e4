/**
 * Measures the command on the labelled corpus, as one who uses it would run it: how many of its reports are right, how many of the mistakes
 * it finds, each on its very line, and how many of the programs without a mistake it leaves alone. It fails below the limits.
 */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fa } from "../../lint/fa/main.ts";
import { type Labelled, readCorpus } from "./_corpus.ts";
import type { Document } from "./_fa.ts";

const LEAST_PRECISION = 0.97;
const LEAST_RECALL = 0.92;

/** The places of the right and the wrong reports, and of what was missed, for one code. */
interface Tally {
  right: number;
  readonly missed: string[];
  readonly wrong: string[];
}

const programs = readCorpus();
const document = await run(programs);
const tallies = new Map<string, Tally>();
let clean = 0;
let leftAlone = 0;
for (const [index, program] of programs.entries()) {
  const reports = document.diagnostics.filter(({ location }) => location.file.endsWith(fileOf(index)));
  const found = new Set(reports.map(({ code, location }) => `${code} ${location.line}`));
  const expected = new Set(program.expected.map(({ code, line }) => `${code} ${line}`));
  for (const key of expected) {
    if (found.has(key)) tallyOf(key).right++;
    else tallyOf(key).missed.push(placeOf(program, key));
  }
  for (const key of found) if (!expected.has(key)) tallyOf(key).wrong.push(placeOf(program, key));
  if (expected.size > 0) continue;
  clean++;
  if (found.size === 0) leftAlone++;
}

const codes = [...tallies].sort(([a], [b]) => a < b ? -1 : 1);
console.log(`code    right missed  wrong`);
for (const [code, { right, missed, wrong }] of codes) {
  console.log(code.padEnd(6), ...[right, missed.length, wrong.length].map((count) => String(count).padStart(6)));
}
for (const key of ["missed", "wrong"] as const) {
  const places = codes.flatMap(([code, tally]) => tally[key].map((place) => `  ${code} ${place}`));
  if (places.length > 0) console.log(`\n${key}:\n${places.join("\n")}`);
}
for (const { file, message } of document.errors) {
  const program = programs.find((_, index) => file.endsWith(fileOf(index)));
  console.log(`\nerror: ${program === undefined ? file : `${program.file}:${program.firstLine}`}: ${message}`);
}

const right = sum(({ right }) => right);
const precision = share(right, right + sum(({ wrong }) => wrong.length));
const recall = share(right, right + sum(({ missed }) => missed.length));
console.log(`\n${programs.length} programs, ${clean} of them without a mistake`);
console.log(`precision ${percent(precision)} (at least ${percent(LEAST_PRECISION)})`);
console.log(`recall    ${percent(recall)} (at least ${percent(LEAST_RECALL)})`);
console.log(`clean     ${percent(share(leftAlone, clean))} of the programs without a mistake have no report`);
if (precision < LEAST_PRECISION || recall < LEAST_RECALL || document.errors.length > 0) Deno.exit(1);

/** Runs the command on all programs, each in a file and a folder of its own. */
async function run(programs: readonly Labelled[]): Promise<Document> {
  const folder = mkdtempSync(join(tmpdir(), "fa-score-"));
  try {
    for (const [index, { text }] of programs.entries()) {
      mkdirSync(join(folder, String(index)));
      writeFileSync(join(folder, fileOf(index)), text);
    }
    let out = "";
    const host = {
      ...{ cwd: folder, env: {}, stdoutIsTerminal: false, stderrIsTerminal: false },
      ...{ out: (text: string) => void (out += text), err: (text: string) => console.error(text.trimEnd()) },
    };
    const code = await fa(["--all", "--format", "json", "--path", folder], host);
    if (out === "") throw new Error(`Cannot measure as the command ended with ${code} and wrote nothing`);
    return JSON.parse(out) as Document;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function fileOf(index: number): string {
  return `/${index}/program.ts`;
}

function tallyOf(key: string): Tally {
  const code = key.slice(0, 5);
  let tally = tallies.get(code);
  if (tally === undefined) tallies.set(code, tally = { right: 0, missed: [], wrong: [] });
  return tally;
}

function placeOf({ file, firstLine, name }: Labelled, key: string): string {
  return `tests/lint/corpus/${file}:${firstLine + Number(key.slice(6)) - 1} ${name}`;
}

function sum(count: (tally: Tally) => number): number {
  return [...tallies.values()].reduce((total, tally) => total + count(tally), 0);
}

function share(part: number, whole: number): number {
  return whole === 0 ? 1 : part / whole;
}

function percent(value: number): string {
  return `${(100 * value).toFixed(1)} %`;
}
