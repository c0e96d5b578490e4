/**
 * What a format is given. It has everything that was found, also what comments and the baseline take away, as some formats have a place for
 * it; what most show is {@linkcode visible}.
 */

import type { BaselineEntry } from "../baseline.ts";
import type { RuleInfo } from "../engine.ts";
import { type Finding, isNew, type Problem } from "../finding.ts";
import type { Lines } from "../lines.ts";

/** The outcome of a run. */
export interface Report {
  /** Everything, in the order of files and places. */
  readonly findings: readonly Finding[];
  readonly problems: readonly Problem[];
  /** Entries of the baseline that nothing matches any more. */
  readonly stale: readonly BaselineEntry[];
  readonly hasBaseline: boolean;
  readonly filesAnalyzed: number;
  readonly durationMs: number;
  readonly rules: readonly RuleInfo[];
  /** The folder that machine-readable paths are relative to: that of the repository, or where the command was started. */
  readonly root: string;
  /** The text of a file, for those that show it. */
  readonly linesOf: (path: string) => Lines | undefined;
  readonly version: string;
}

/** Turns a report into text. */
export type Format = (report: Report, look: { readonly colour: boolean }) => string;

/** How much there is of what. */
export interface Summary {
  readonly errors: number;
  readonly warnings: number;
  readonly hints: number;
  /** The files that have at least one finding. */
  readonly files: number;
  readonly suppressed: number;
  readonly baselined: number;
}

/** What a person is to see. */
export function visible(report: Report): Finding[] {
  return report.findings.filter(isNew);
}

/** Counts. */
export function summarize(report: Report): Summary {
  const shown = visible(report);
  const count = (severity: string) => shown.filter((finding) => finding.severity === severity).length;
  const state = (kind: string) => report.findings.filter((finding) => finding.state.kind === kind).length;
  return {
    errors: count("error"),
    warnings: count("warning"),
    hints: count("hint"),
    files: new Set(shown.map(({ path }) => path)).size,
    suppressed: state("suppressed"),
    baselined: state("baselined"),
  };
}

/** Groups by file, in the order in which files come. */
export function byFile<T extends { readonly file: string }>(items: readonly T[]): Map<string, T[]> {
  const files = new Map<string, T[]>();
  for (const item of items) {
    const list = files.get(item.file);
    if (list === undefined) files.set(item.file, [item]);
    else list.push(item);
  }
  return files;
}

/** A text on one line: what a name or a message has of control characters is written as an escape. */
export function oneLine(text: string): string {
  return text.toWellFormed().replace(/[\p{Cc}\u2028\u2029]/gu, (char) => {
    const named = { "\n": "\\n", "\r": "\\r", "\t": "\\t" }[char];
    return named ?? `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}
