/**
 * The report for a person, in the form that rustc made: what is wrong, the lines that show it with carets below, notes, and what to do.
 */

import { styleText } from "node:util";
import type { Severity } from "../../core/diagnostic.ts";
import type { Finding, Problem } from "../finding.ts";
import type { Lines, Location } from "../lines.ts";
import { oneLine, type Report, summarize, visible } from "./report.ts";
import { printable, widthOf } from "./width.ts";

type Paint = (style: Parameters<typeof styleText>[0], text: string) => string;

const COLOURS = { error: "red", warning: "yellow", hint: "cyan" } as const;

/** A line of generated code can be a megabyte long; so much is shown of it. */
const LONGEST_LINE = 160;

/** Formats for a terminal. */
export function terminal(report: Report, look: { readonly colour: boolean }): string {
  const paint: Paint = look.colour
    ? (style, text) => styleText(style, text, { validateStream: false })
    : (_, text) => text;
  const parts = visible(report).map((finding) => findingText(finding, report.linesOf(finding.path), paint));
  for (const problem of report.problems) parts.push(problemText(problem, report.linesOf(problem.path), paint));
  for (const { file, code } of report.stale) {
    parts.push(`${paint("cyan", "note")}: the baseline lists a ${code} in ${oneLine(file)} that is no longer there\n`);
  }
  return [...parts, summaryText(report, paint)].join("\n");
}

function findingText(finding: Finding, lines: Lines | undefined, paint: Paint): string {
  const { code, severity, message, file, location, notes, help, related } = finding;
  const colour = COLOURS[severity];
  let text = `${paint([colour, "bold"], `${severity}[${code}]`)}${paint("bold", `: ${printable(message)}`)}\n`;
  const labels = [
    { location, mark: "^", style: colour, message: "" },
    ...related.map((
      one,
    ) => ({ location: one.location, mark: "-", style: "blue", message: printable(one.message) } as const)),
  ];
  text += snippet(file, location, labels, lines, paint);
  const margin = " ".repeat(marginOf(labels));
  const remark = (name: string, words: string) => {
    const [first = "", ...rest] = words.split("\n");
    text += `${margin} ${paint("blue", "=")} ${paint("bold", name)}: ${printable(first)}\n`;
    for (const line of rest) text += `${margin}   ${" ".repeat(name.length + 2)}${printable(line)}\n`;
  };
  for (const note of notes) remark("note", note);
  if (help !== "") remark("help", help);
  for (const { message: change, applicability } of finding.suggestions) {
    remark(
      applicability === "machine" ? "fix" : "suggestion",
      applicability === "machine" ? `${change} (fa --fix)` : change,
    );
  }
  return text + `${margin} ${paint("blue", "=")} ${paint("bold", "see")}: fa explain ${code}\n`;
}

function problemText({ file, location, message }: Problem, lines: Lines | undefined, paint: Paint): string {
  const head = `${paint(["red", "bold"], "error")}${paint("bold", `: ${printable(message)}`)}\n`;
  if (location === undefined) return `${head} ${paint("blue", "-->")} ${oneLine(file)}\n`;
  return head + snippet(file, location, [{ location, mark: "^", style: "red", message: "" }], lines, paint);
}

interface Label {
  readonly location: Location;
  readonly mark: string;
  readonly style: typeof COLOURS[Severity] | "blue";
  readonly message: string;
}

function marginOf(labels: readonly Label[]): number {
  return Math.max(...labels.map(({ location }) => String(location.line).length));
}

/** The lines with labels in their order, and dots where lines between are left out. */
function snippet(file: string, at: Location, labels: readonly Label[], lines: Lines | undefined, paint: Paint): string {
  const width = marginOf(labels);
  const margin = " ".repeat(width);
  const bar = paint("blue", "|");
  let text = `${margin}${paint("blue", "-->")} ${oneLine(file)}:${at.line}:${at.column}\n`;
  if (lines === undefined) return text;
  text += `${margin} ${bar}\n`;
  const shown = [...new Set(labels.map(({ location }) => location.line))].sort((a, b) => a - b);
  let last: number | undefined;
  for (const line of shown) {
    if (last !== undefined && line > last + 2) text += `${paint("blue", "...")}\n`;
    else if (last !== undefined && line === last + 2) text += codeLine(line - 1, cut(lines.lineText(line - 1), 1).text);
    const here = labels.filter(({ location }) => location.line === line);
    const clipped = cut(lines.lineText(line), here[0]?.location.column ?? 1);
    text += codeLine(line, clipped.text);
    for (const label of here) {
      const { before, under } = below(label.location, lines.lineText(line), clipped.from, clipped.to);
      const words = label.message === "" ? "" : ` ${label.message}`;
      const blanks = " ".repeat(widthOf(before) + (clipped.from > 0 ? 1 : 0));
      text += `${margin} ${bar} ${blanks}${
        paint(label.style, label.mark.repeat(Math.max(1, widthOf(under))) + words)
      }\n`;
    }
    last = line;
  }
  return `${text}${margin} ${bar}\n`;

  function codeLine(line: number, code: string): string {
    return `${paint("blue", `${String(line).padStart(width)} |`)} ${printable(code)}`.trimEnd() + "\n";
  }
}

/** What comes before a label on its line, and what is above its mark; a label that goes on over more lines is marked up to the end. */
function below(
  { line, column, endLine, endColumn }: Location,
  code: string,
  from: number,
  to: number,
): { before: string; under: string } {
  const start = Math.min(Math.max(column - 1, from), to);
  const end = Math.min(endLine === line ? endColumn - 1 : code.trimEnd().length, to);
  return { before: printable(code.slice(from, start)), under: printable(code.slice(start, Math.max(start, end))) };
}

/** The part of a line that is shown. */
function cut(code: string, column: number): { readonly text: string; readonly from: number; readonly to: number } {
  if (code.length <= LONGEST_LINE) return { text: code, from: 0, to: code.length };
  const from = Math.max(0, Math.min(column - 1 - 40, code.length - LONGEST_LINE));
  const to = Math.min(code.length, from + LONGEST_LINE);
  return { text: `${from > 0 ? "…" : ""}${code.slice(from, to)}${to < code.length ? "…" : ""}`, from, to };
}

function summaryText(report: Report, paint: Paint): string {
  const { errors, warnings, hints, suppressed, baselined } = summarize(report);
  const found = [count(errors, "error"), count(warnings, "warning"), count(hints, "hint")].filter((part) =>
    part !== ""
  );
  const hidden = [
    suppressed === 0 ? "" : `${suppressed} ignored by comments`,
    baselined === 0 ? "" : `${baselined} in the baseline`,
  ]
    .filter((part) => part !== "");
  const what = found.length === 0 ? paint("green", "No findings") : paint("bold", found.join(", "));
  const where = `in ${report.filesAnalyzed} ${report.filesAnalyzed === 1 ? "file" : "files"}`;
  const failed = report.problems.length === 0
    ? ""
    : `; ${paint("red", `${count(report.problems.length, "file")} could not be analysed`)}`;
  return `${what} ${where}${hidden.length === 0 ? "" : ` (${hidden.join(", ")})`}${failed}\n`;
}

function count(number: number, what: string): string {
  return number === 0 ? "" : `${number} ${what}${number === 1 ? "" : "s"}`;
}
