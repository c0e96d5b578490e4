/**
 * Runs the analysis on texts, and compares what it finds with what the texts say: a line that is to be reported ends with the codes in a
 * comment.
 */

import { analyze, type AnalyzeOptions, type Diagnostic } from "../../lint/core/analyze.ts";
import { OXC_BY_JSON } from "../../lint/fa/parse.ts";

/** A finding, as a line and a code. */
export interface Reported {
  readonly line: number;
  readonly code: string;
}

/** Parses a text, and analyses it. */
export function findIn(text: string, options?: AnalyzeOptions, filename = "file.ts"): Diagnostic[] {
  const { program, comments, errors } = OXC_BY_JSON.parse(filename, text);
  if (errors[0] !== undefined) throw new Error(`Cannot parse the text: ${errors[0].message}\n${text}`);
  return analyze(program, { filename, text, comments }, options);
}

/** The line of an offset, from 1. */
export function lineOf(text: string, offset: number): number {
  let line = 1;
  for (let i = text.indexOf("\n"); i >= 0 && i < offset; i = text.indexOf("\n", i + 1)) line++;
  return line;
}

/** What a text says is wrong in it: `// FA601, FA702` at the end of a line. */
export function expectedIn(text: string): Reported[] {
  return text.split("\n").flatMap((content, i) => {
    const comment = /\/\/\s*(FA\d{3}(?:[,\s]+FA\d{3})*)[^\n]*$/.exec(content);
    return (comment?.[1]?.match(/FA\d{3}/g) ?? []).map((code) => ({ line: i + 1, code }));
  });
}

/** What was found and what was to be found, as lines that can be compared. */
export function compare(
  text: string,
  options?: AnalyzeOptions,
  filename?: string,
): { found: string[]; expected: string[] } {
  const show = ({ line, code }: Reported) => `${String(line).padStart(3)} ${code}`;
  const found = findIn(text, options, filename).map(({ start, code }) => show({ line: lineOf(text, start), code }));
  return { found: found.sort(), expected: expectedIn(text).map(show).sort() };
}
