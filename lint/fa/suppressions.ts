/**
 * Comments that take findings away where somebody knows better: `// fa-ignore FA702 -- reason` for its own line or, when it stands alone,
 * for the next line of code; `// fa-ignore-file FA702 -- reason` for the file. The comments of `deno lint` (`deno-lint-ignore
 * framealloc/fa702`) count too, with its own rules, so that one comment serves both. A comment that takes nothing away is reported: it
 * would hide the next mistake.
 */

import type { Comment } from "../core/ast.ts";
import type { Lines } from "./lines.ts";

/** A comment that takes findings away. */
export interface Suppression {
  readonly codes: readonly string[];
  /** The line that it is for, or all of the file. */
  readonly line: number | undefined;
  readonly reason: string | undefined;
  /** The place of the comment. */
  readonly start: number;
  readonly end: number;
  /** The codes that it took away at least once. */
  readonly used: Set<string>;
  /** Whether it is one of ours: an unused comment for `deno lint` is its business. */
  readonly isOwn: boolean;
}

/** Stands for every code. */
const ALL = "*";

const OWN = /^[\s*]*fa-ignore(-file)?(?![\w-])([^]*)$/;
const DENO = /^\s*deno-lint-ignore(-file)?(?![\w-])([^]*)$/;

/** Finds the comments of a file that take findings away. */
export function findSuppressions(comments: readonly Comment[], lines: Lines): Suppression[] {
  const found: Suppression[] = [];
  for (const comment of comments) {
    if (!comment.value.includes("-ignore")) continue;
    const own = OWN.exec(comment.value);
    const match = own ?? (comment.type === "Line" ? DENO.exec(comment.value) : null);
    if (match === null) continue;
    const isFile = match[1] !== undefined;
    if (own === null && isFile && !isAtTop(comment, comments, lines)) continue;
    const [list = "", ...rest] = (match[2] ?? "").split(/(?:^|\s)--(?=\s|$)/);
    const reason = rest.join("--").trim().replace(/\s+/g, " ");
    const codes = own === null
      ? denoCodes(list, isFile)
      : list.split(/[\s,]+/).filter((code) => code !== "").map((code) => code.toUpperCase());
    if (own === null && codes.length === 0) continue;
    const [start, end] = comment.range;
    const line = isFile ? undefined : own === null ? lines.lineAt(end - 1) + 1 : lineMeant(start, end, comments, lines);
    found.push({
      codes,
      line,
      reason: reason === "" ? undefined : reason,
      start,
      end,
      used: new Set(),
      isOwn: own !== null,
    });
  }
  return found;
}

/** Returns the comment that takes a finding away, and remembers that it did. */
export function suppressionFor(code: string, line: number, all: readonly Suppression[]): Suppression | undefined {
  const found = all.find((one) =>
    (one.codes.includes(code) || one.codes.includes(ALL)) && (one.line === undefined || one.line === line)
  );
  found?.used.add(code);
  return found;
}

/** Returns what is wrong with the comments that took nothing away, each with its place. */
export function unusedSuppressions(
  all: readonly Suppression[],
  ran: ReadonlySet<string>,
  known: ReadonlySet<string>,
): { readonly start: number; readonly end: number; readonly message: string }[] {
  const reports: { start: number; end: number; message: string }[] = [];
  for (const { codes, used, start, end, isOwn } of all) {
    if (!isOwn) continue;
    if (codes.length === 0) reports.push({ start, end, message: "This comment ignores nothing, as it names no code" });
    for (const code of codes) {
      if (!known.has(code)) {
        reports.push({ start, end, message: `This comment ignores nothing, as there is no code "${code}"` });
      } // What did not run could not be taken away.
      else if (ran.has(code) && !used.has(code)) {
        reports.push({ start, end, message: `Nothing is left here that ${code} would report` });
      }
    }
  }
  return reports;
}

/** Deno's own form: rule names between blanks or commas, those of this plugin with its name before them; for a file, none means all. */
function denoCodes(list: string, isFile: boolean): string[] {
  if (isFile && list.trim() === "") return [ALL];
  return list.split(/[\s,]+/).flatMap((name) => /^framealloc\/(fa\d+)$/.exec(name)?.[1]?.toUpperCase() ?? []);
}

/** The line that a comment is for: its own when code stands on it, else the next one that is more than blanks and comments. */
function lineMeant(start: number, end: number, comments: readonly Comment[], lines: Lines): number {
  const first = lines.lineAt(start);
  const last = lines.lineAt(end - 1);
  const before = lines.text.slice(lines.startOf(first), start);
  const after = lines.lineText(last).slice(end - lines.startOf(last));
  // In JSX a comment stands in braces, which are not code.
  const isBraced = before.trim() === "{" && after.trim() === "}";
  if (before.trim() !== "" && !isBraced) return first;
  if (after.trim() !== "" && !isBraced) return last;
  for (let line = last + 1; line <= lines.count; line++) {
    const at = lines.startOf(line) + (lines.lineText(line).length - lines.lineText(line).trimStart().length);
    const comment = comments.find(({ range }) => range[0] <= at && at < range[1]);
    if (comment !== undefined) {
      const tail = lines.lineAt(comment.range[1] - 1);
      if (lines.text.slice(comment.range[1], lines.startOf(tail) + lines.lineText(tail).length).trim() !== "") {
        return tail;
      }
      line = tail;
    } else if (lines.lineText(line).trim() !== "") return line;
  }
  return last;
}

/** Whether only comments come before a comment, and perhaps the line that names the interpreter. */
function isAtTop(comment: Comment, comments: readonly Comment[], lines: Lines): boolean {
  let at = lines.text.startsWith("#!") ? lines.startOf(2) : 0;
  for (const { range } of comments) {
    if (range[0] > comment.range[0] || lines.text.slice(at, range[0]).trim() !== "") break;
    if (range[0] === comment.range[0]) return true;
    at = range[1];
  }
  return false;
}
