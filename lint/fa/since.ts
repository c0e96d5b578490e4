/**
 * What changed since a revision. A finding on a line that somebody has just written is put right; the same finding in a list of a thousand is
 * not. The lines come from Git's own diff against where the branch left the revision, with files that Git does not know yet as all new.
 */

import { execFileSync } from "node:child_process";
import { join } from "node:path";
import type { Finding } from "./finding.ts";
import { UsageError } from "./usage_error.ts";

/** Lines that changed, from and to, both included. */
export type LineRange = readonly [number, number];

/** The changed lines of each changed file; `"all"` for a new file. */
export type Changes = ReadonlyMap<string, readonly LineRange[] | "all">;

/** Asks Git what changed since a revision, in the repository that a folder is in. */
export function changesSince(revision: string, folder: string): Changes {
  if (revision.startsWith("-")) throw new UsageError(`Cannot compare with "${revision}" as that is no revision`);
  const top = git(folder, revision, "rev-parse", "--show-toplevel").trim();
  const isRange = revision.includes("..");
  if (!isRange) git(top, revision, "rev-parse", "--verify", "--quiet", "--end-of-options", `${revision}^{commit}`);
  const base = isRange ? revision : mergeBase(top, revision);
  const diff = git(
    top,
    revision,
    ...["-c", "core.quotepath=off", "diff", "--no-color", "--no-ext-diff", "--no-renames", "--unified=0"],
    ...["--src-prefix=a/", "--dst-prefix=b/", "--end-of-options", base, "--"],
  );
  const changes = new Map<string, readonly LineRange[] | "all">();
  for (const [file, ranges] of parseDiff(diff)) changes.set(join(top, file), ranges);
  const untracked = git(top, revision, "ls-files", "--others", "--exclude-standard", "-z");
  for (const file of untracked.split("\0")) if (file !== "") changes.set(join(top, file), "all");
  return changes;
}

/** Whether a finding has to do with changed lines: its own, or those of a place that it names, such as a new `await` before an old use. */
export function isChanged(finding: Finding, changes: Changes): boolean {
  const ranges = changes.get(finding.path);
  if (ranges === undefined || ranges === "all") return ranges === "all";
  const places = [finding.location, ...finding.related.map(({ location }) => location)];
  return places.some(({ line, endLine }) => ranges.some(([from, to]) => line <= to && from <= endLine));
}

/** Reads a diff without context into the lines that are new in each file. */
export function parseDiff(diff: string): Map<string, LineRange[]> {
  const files = new Map<string, LineRange[]>();
  let ranges: LineRange[] = [];
  let inHeader = false;
  for (const line of diff.split("\n")) {
    if (line.startsWith("diff --git ")) inHeader = true;
    else if (inHeader && line.startsWith("+++ ")) {
      const name = unquote(line.slice(4).replace(/\t$/, ""));
      ranges = [];
      if (name.startsWith("b/")) files.set(name.slice(2), ranges);
    } else if (line.startsWith("@@ ")) {
      inHeader = false;
      const match = /^@@ -\S+ \+(\d+)(?:,(\d+))? @@/.exec(line);
      const from = Number(match?.[1]);
      const count = Number(match?.[2] ?? 1);
      // Where lines were only taken away, the two that are neighbours now have changed.
      ranges.push(count === 0 ? [from, from + 1] : [from, from + count - 1]);
    }
  }
  return files;
}

/** Git writes names with quotes, backslashes or control characters in quotes, as C does. */
function unquote(name: string): string {
  if (!name.startsWith('"')) return name;
  const bytes: number[] = [];
  const encoder = new TextEncoder();
  const named: Record<string, number> = { a: 7, b: 8, t: 9, n: 10, v: 11, f: 12, r: 13 };
  for (const [, octal, escaped, plain] of name.slice(1, -1).matchAll(/\\([0-7]{3})|\\(.)|([^\\]+)/gsu)) {
    if (octal !== undefined) bytes.push(parseInt(octal, 8));
    else if (escaped !== undefined) bytes.push(named[escaped] ?? escaped.charCodeAt(0));
    else bytes.push(...encoder.encode(plain));
  }
  return new TextDecoder().decode(new Uint8Array(bytes));
}

/** Where the branch left a revision; the revision itself, when they have nothing in common. */
function mergeBase(folder: string, revision: string): string {
  try {
    return execFileSync("git", ["merge-base", "--end-of-options", revision, "HEAD"], {
      cwd: folder,
      encoding: "utf8",
      stdio: "pipe",
    }).trim();
  } catch {
    return revision;
  }
}

function git(folder: string, revision: string, ...args: string[]): string {
  try {
    return execFileSync("git", args, { cwd: folder, encoding: "utf8", stdio: "pipe", maxBuffer: 1 << 30 });
  } catch (error) {
    const { code, stderr } = error as { code?: string; stderr?: string };
    const why = code === "ENOENT" ? "there is no Git here" : stderr?.trim().split("\n")[0] || "Git does not know it";
    throw new UsageError(`Cannot compare with "${revision}" as ${why}`);
  }
}
