/**
 * The baseline: findings that were there before anybody looked. They are known by a fingerprint that outlives edits elsewhere in the file,
 * so that only what is new fails a build; an entry that nothing matches any more is reported, as it would let the mistake come back.
 */

import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, relative, resolve, sep } from "node:path";
import type { Finding } from "./finding.ts";
import type { Lines } from "./lines.ts";
import { UsageError } from "./usage_error.ts";

/** One known finding. */
export interface BaselineEntry {
  readonly code: string;
  /** The file, relative to the baseline's folder. */
  readonly file: string;
  readonly fingerprint: string;
  /** What it said, for the person who reads the file; nothing compares it. */
  readonly message: string;
}

/** Known findings. */
export interface Baseline {
  readonly path: string;
  readonly entries: readonly BaselineEntry[];
}

/** Hands out the fingerprints of one file. */
export class Fingerprints {
  readonly #lines: Lines;
  readonly #seen: Map<string, number> = new Map();

  /**
   * Starts a file.
   *
   * @param lines Its text.
   */
  constructor(lines: Lines) {
    this.#lines = lines;
  }

  /** Returns the fingerprint of a finding; they must come in the order of the text. */
  next(code: string, line: number): string {
    const text = this.#lines.lineText(line).replace(/\s+/g, " ").trim();
    const hash = createHash("sha256").update(`${code}\n${text}`).digest("hex").slice(0, 16);
    const occurrence = (this.#seen.get(hash) ?? 0) + 1;
    this.#seen.set(hash, occurrence);
    return `${hash}:${occurrence}`;
  }
}

/** Reads a baseline. */
export function readBaseline(file: string, cwd: string, mayBeMissing: boolean): Baseline {
  const path = resolve(cwd, file);
  if (mayBeMissing && !existsSync(path)) return { path, entries: [] };
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    throw new UsageError(
      `Cannot read the baseline "${file}" as ${
        (error as Error).message
      }: write one with "--baseline ${file} --update-baseline"`,
    );
  }
  const { version, findings } = value as { version?: unknown; findings?: unknown };
  if (version !== 1 || !Array.isArray(findings) || !findings.every(isEntry)) {
    throw new UsageError(
      `Cannot read the baseline "${file}" as it was not written by this command: write it anew with "--update-baseline"`,
    );
  }
  return { path, entries: findings };
}

/** Marks what a baseline knows, and returns the entries that nothing matched although their file and rule were looked at. */
export function applyBaseline(
  findings: readonly Finding[],
  baseline: Baseline,
  looked: { readonly paths: ReadonlySet<string>; readonly codes: ReadonlySet<string> },
): { readonly findings: Finding[]; readonly stale: BaselineEntry[] } {
  const left = new Map(baseline.entries.map((entry) => [keyOf(entry), entry]));
  const marked = findings.map((finding): Finding => {
    const entry = entryOf(finding, baseline.path);
    // What a comment takes away keeps its entry alive: else it would be reported again the moment the comment goes.
    const isKnown = left.delete(keyOf(entry));
    return isKnown && finding.state.kind === "new" ? { ...finding, state: { kind: "baselined" } } : finding;
  });
  const stale = [...left.values()].filter((entry) => wasLookedAt(entry, baseline, looked));
  return { findings: marked, stale };
}

/** Writes a baseline: what was found now, and what is known of files and rules that were not looked at. */
export function writeBaseline(
  findings: readonly Finding[],
  baseline: Baseline,
  looked: { readonly paths: ReadonlySet<string>; readonly codes: ReadonlySet<string> },
): number {
  const kept = baseline.entries.filter((entry) => !wasLookedAt(entry, baseline, looked));
  const now = findings.filter(({ state }) => state.kind !== "suppressed").map((finding) =>
    entryOf(finding, baseline.path)
  );
  const entries = [...kept, ...now].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  writeFileSync(baseline.path, `${JSON.stringify({ version: 1, findings: entries }, null, 2)}\n`);
  return entries.length;
}

function wasLookedAt(
  entry: BaselineEntry,
  baseline: Baseline,
  looked: { readonly paths: ReadonlySet<string>; readonly codes: ReadonlySet<string> },
): boolean {
  const path = resolve(dirname(baseline.path), entry.file);
  return (looked.paths.has(path) && looked.codes.has(entry.code)) || !existsSync(path);
}

function entryOf(finding: Finding, baselinePath: string): BaselineEntry {
  const file = relative(dirname(baselinePath), finding.path).replaceAll(sep, "/");
  return { code: finding.code, file, fingerprint: finding.fingerprint, message: finding.message };
}

function keyOf({ file, code, fingerprint }: BaselineEntry): string {
  return `${file}\n${code}\n${fingerprint}`;
}

function isEntry(value: unknown): value is BaselineEntry {
  if (typeof value !== "object" || value === null) return false;
  const entry = value as Partial<Record<keyof BaselineEntry, unknown>>;
  return [entry.code, entry.file, entry.fingerprint].every((part) => typeof part === "string");
}
