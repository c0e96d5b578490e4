/**
 * The programs of this project, and a checker that looks at them as the command does: with what other files export, and with the comments
 * that ignore a finding. They are code that works, so what is reported in them is a mistake in the program or in a rule.
 */

import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { FileAnalyzer } from "../../lint/fa/analyze_file.ts";
import { readArgs } from "../../lint/fa/args.ts";
import { analyzerFor, readProject, setUp } from "../../lint/fa/check.ts";
import { CORE } from "../../lint/fa/core_engine.ts";
import { type Finding, isNew } from "../../lint/fa/finding.ts";
import { processHost } from "../../lint/fa/host.ts";
import { Lines } from "../../lint/fa/lines.ts";
import { OXC_BY_JSON } from "../../lint/fa/parse.ts";

/** The folder of the project. */
export const ROOT: string = fileURLToPath(new URL("../../", import.meta.url));

/** A program of the project. */
export interface Own {
  /** Its path from the root; for a code block with the line on which that starts. */
  readonly name: string;
  /** The file that it is, or is in. */
  readonly file: string;
  readonly text: string;
  /** Which part of the project it belongs to. */
  readonly part: "examples" | "bench" | "tests" | "library" | "blocks";
}

/** Folders of sources, and the part of the project that they are. Tests of the linter are about mistakes; `std` is not ours. */
const FOLDERS: Readonly<Record<string, Own["part"]>> = {
  examples: "examples",
  bench: "bench",
  tests: "tests",
  src: "library",
  async: "library",
  gpu: "library",
};
const LEFT_OUT = /^tests\/(?:lint|std)\//;

/** Reads all programs of the project, in a stable order; the guide to the linter shows each mistake there is. */
export function readOwnSources(): Own[] {
  const files = Object.entries(FOLDERS).flatMap(([folder, part]) =>
    filesIn(`${folder}/`, /\.ts$/).filter((name) => !LEFT_OUT.test(name)).map((name) => ({
      ...read(name),
      file: name,
      part,
    }))
  );
  const guides = ["README.md", ...filesIn("docs/", /^docs\/(?!rules\/|static-analysis).*\.md$/)].map(read);
  const sources = [read("mod.ts"), ...files.filter(({ part }) => part === "library")];
  return [...files, ...guides.flatMap(blocksOfGuide), ...sources.flatMap(blocksOfComments)];
}

function read(name: string): { readonly name: string; readonly text: string } {
  return { name, text: readFileSync(`${ROOT}${name}`, "utf8") };
}

function filesIn(folder: string, pattern: RegExp): string[] {
  return readdirSync(`${ROOT}${folder}`, { recursive: true, encoding: "utf8" })
    .map((name) => folder + name.replaceAll("\\", "/")).filter((name) => pattern.test(name)).sort();
}

/** The fenced blocks of a text in which each line starts with a prefix. */
function* blocksIn(name: string, text: string, firstLine: number, prefix: RegExp): Generator<Own> {
  let block: string[] | undefined;
  let start = 0;
  for (const [i, line] of text.split("\n").entries()) {
    const content = line.replace(prefix, "");
    if (block === undefined) {
      if (/^```ts\b/.test(content)) [block, start] = [[], firstLine + i + 1];
    } else if (content.startsWith("```")) {
      yield { name: `${name}:${start}.ts`, file: name, text: `${block.join("\n")}\n`, part: "blocks" };
      block = undefined;
    } else block.push(content);
  }
}

function blocksOfGuide({ name, text }: { readonly name: string; readonly text: string }): Own[] {
  return [...blocksIn(name, text, 1, /^/)];
}

function blocksOfComments({ name, text }: { readonly name: string; readonly text: string }): Own[] {
  return [...text.matchAll(/\/\*\*[^]*?\*\//g)].flatMap(({ index, 0: comment }) => [
    ...blocksIn(name, comment, text.slice(0, index).split("\n").length, /^\s*\* ?/),
  ]);
}

/** Looks at programs as the command does, with every rule that is on by default. */
export class Checker {
  readonly #analyzer: FileAnalyzer;

  constructor() {
    const cwd = ROOT.replace(/\/$/, "");
    const tools = { engine: CORE, parser: OXC_BY_JSON, host: { ...processHost(), cwd } };
    const args = readArgs(["--all", ...Object.keys(FOLDERS), "mod.ts"]);
    const setup = setUp(args, tools);
    this.#analyzer = analyzerFor(readProject(setup, args, tools, {}), setup, args, CORE);
  }

  /** What the command reports for a text in the place of a file. */
  findings(name: string, text: string): readonly Finding[] {
    const parsed = OXC_BY_JSON.parse(name, text);
    const [error] = parsed.errors;
    if (error !== undefined) throw new Error(`Cannot parse ${name}: ${error.message}\n${text}`);
    const subject = { path: `${ROOT}${name}`, file: name, lines: new Lines(text), parsed };
    const { findings, problem } = this.#analyzer.analyze(subject);
    if (problem !== undefined) throw new Error(`Cannot check ${name}: ${problem.message}`);
    return findings.filter(isNew);
  }
}
