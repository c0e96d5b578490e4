/**
 * What the static analysis costs, on 1,000 files of 200 lines of which one in five uses the library: the command against a program that
 * only parses the same files, in one process and as processes; and \`deno lint\` with the plugin against \`deno lint\` with an empty one. All
 * that is compared takes turns in one run; the best of its turns counts. It fails when a ratio is over its gate.
 */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseSync } from "oxc-parser";
import { fa } from "../lint/fa/main.ts";
import { writeFiles } from "./lint_files.ts";

const FILES = 1000;
const ROUNDS = 5;
const COMMAND_GATE = 1.5;
const PLUGIN_GATE = 2;

const ROOT = fileURLToPath(new URL("../", import.meta.url));

/** Something that is timed; it says what it has done, so that nothing fast and wrong passes. */
type Candidate = () => string | Promise<string>;

if (Deno.args[0] === "parse") {
  console.log(parseAll(readFileSync(Deno.args[1] as string, "utf8").split("\n")));
} else {
  const folder = mkdtempSync(join(tmpdir(), "lint-speed-"));
  try {
    Deno.exitCode = await compareAll(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Parses files into trees, and does nothing with them. */
function parseAll(paths: readonly string[]): string {
  let nodes = 0;
  for (const path of paths) {
    const { program } = parseSync(path, readFileSync(path, "utf8"), { astType: "ts", range: true, lang: "ts" });
    nodes += program.body.length;
  }
  return `${nodes} statements`;
}

async function compareAll(folder: string): Promise<number> {
  const sources = join(folder, "src");
  const paths = writeFiles(sources, FILES);
  const list = join(folder, "files.txt");
  writeFileSync(list, paths.join("\n"));
  console.log(`${FILES} files of 200 lines, best of ${ROUNDS} rounds`);
  const isWithin = [
    report(
      "fa in the same process",
      COMMAND_GATE,
      await compare(() => parseAll(paths), () => analyzeAll(sources)),
      "oxc-parser alone",
    ),
    report(
      "fa as a process",
      COMMAND_GATE,
      await compare(
        () => run(["run", "-A", "bench/lint_speed.ts", "parse", list], ROOT, [0]),
        () => run(["run", "-A", "lint/fa/main.ts", "--all", "--format", "compact", "--path", sources], ROOT, [0, 1]),
      ),
      "oxc-parser alone",
    ),
    report(
      "deno lint with the plugin",
      PLUGIN_GATE,
      await compare(
        () => run(["lint", "--config", config(folder, "empty", emptyPlugin(folder)), "src"], folder, [0]),
        () => run(["lint", "--config", config(folder, "full", join(ROOT, "lint/mod.ts")), "src"], folder, [0, 1]),
      ),
      "with an empty one",
    ),
  ];
  return isWithin.every(Boolean) ? 0 : 1;
}

async function analyzeAll(folder: string): Promise<string> {
  let out = "";
  const host = {
    ...{ cwd: folder, env: {}, stdoutIsTerminal: false, stderrIsTerminal: false },
    ...{ out: (text: string) => void (out += text), err: (text: string) => console.error(text.trimEnd()) },
  };
  const code = await fa(["--all", "--format", "compact", "--path", folder], host);
  if (code > 1) throw new Error(`Cannot compare as the command ended with ${code}: ${out}`);
  return `${out.split("\n").length - 1} findings`;
}

function emptyPlugin(folder: string): string {
  const path = join(folder, "empty.ts");
  writeFileSync(path, 'export default { name: "empty", rules: { nothing: { create: () => ({}) } } };\n');
  return path;
}

/** A configuration with one built-in rule and a plugin. */
function config(folder: string, name: string, plugin: string): string {
  const path = join(folder, `${name}.json`);
  writeFileSync(path, JSON.stringify({ lint: { plugins: [plugin], rules: { tags: [], include: ["no-debugger"] } } }));
  return path;
}

async function run(args: readonly string[], cwd: string, codes: readonly number[]): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd,
    env: { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
  }).output();
  const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)) as [string, string];
  if (!codes.includes(code)) throw new Error(`Cannot compare as "deno ${args.join(" ")}" ended with ${code}: ${err}`);
  return args[0] === "lint" ? err.trim().split("\n").at(-1) ?? "" : out.trim().split("\n").length + " lines";
}

interface Times {
  readonly base: number;
  readonly ours: number;
  readonly did: string;
}

/** Lets two candidates take turns, and returns the best time of each. */
async function compare(base: Candidate, ours: Candidate): Promise<Times> {
  const best = [Infinity, Infinity];
  const did = ["", ""];
  for (let round = 0; round < ROUNDS; round++) {
    for (const i of round % 2 === 0 ? [0, 1] : [1, 0]) {
      const start = performance.now();
      did[i] = await (i === 0 ? base : ours)();
      best[i] = Math.min(best[i]!, performance.now() - start);
    }
  }
  return { base: best[0]!, ours: best[1]!, did: `${did[0]}; ${did[1]}` };
}

function report(name: string, gate: number, { base, ours, did }: Times, baseName: string): boolean {
  const ratio = ours / base;
  const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`;
  console.log(
    `${name.padEnd(26)} ${seconds(ours)}, ${baseName} ${seconds(base)}: ${ratio.toFixed(2)} × (at most ${gate} ×)` +
      `${ratio <= gate ? "" : "  TOO SLOW"}  [${did}]`,
  );
  return ratio <= gate;
}
