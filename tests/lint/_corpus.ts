/**
 * The labelled corpus: programs that say themselves on which lines they are to be reported.
 */

import { readdirSync, readFileSync } from "node:fs";
import { expectedIn, type Reported } from "./_run.ts";

/** A program of the corpus. */
export interface Labelled {
  /** What is special about it. */
  readonly name: string;
  /** The file of the corpus that it is in. */
  readonly file: string;
  /** The line of that file which is the first of the program. */
  readonly firstLine: number;
  readonly text: string;
  readonly expected: readonly Reported[];
}

const FOLDER = new URL("corpus/", import.meta.url);
const LAYOUT = 'const Body = struct("Body", { position: vec3f, life: f32 });';
const ALLOC = "const alloc: SmartAlloc = new SmartAlloc();";

/** What stands for the beginnings that most programs share; each is one line, so that lines stay what they are. */
const HEADERS: Readonly<Record<string, string>> = {
  $alloc: `import { f32, SmartAlloc, struct, vec3f } from "@framealloc/core"; ${LAYOUT} ${ALLOC}`,
  $task: `import { f32, SmartAlloc, struct, TaskAlloc, vec3f } from "@framealloc/core"; ${LAYOUT} ${ALLOC}`,
};

/** Reads all programs, in a stable order. */
export function readCorpus(): Labelled[] {
  const names = readdirSync(FOLDER).filter((name) => name.endsWith(".txt")).sort();
  const programs = names.flatMap((file) => programsIn(file, readFileSync(new URL(file, FOLDER), "utf8")));
  if (programs.length === 0) throw new Error("Cannot read the corpus as it holds no program: see its README.md");
  return programs;
}

function programsIn(file: string, content: string): Labelled[] {
  const programs: Labelled[] = [];
  let name: string | undefined;
  let firstLine = 0;
  let lines: string[] = [];
  const close = (): void => {
    if (name === undefined) return;
    const text = `${lines.join("\n").trimEnd()}\n`;
    programs.push({ name, file, firstLine, text, expected: expectedIn(text) });
  };
  for (const [index, line] of content.split("\n").entries()) {
    if (line.startsWith("=== ")) {
      close();
      [name, firstLine, lines] = [line.slice(4).trim(), index + 2, []];
    } else lines.push(HEADERS[line.trim()] ?? line);
  }
  close();
  return programs;
}
