/**
 * JSON: one document, for editors and scripts. Lines and columns count from 1; the end is the place after the last character.
 */

import type { Suggestion } from "../../core/diagnostic.ts";
import type { Finding, Problem } from "../finding.ts";
import type { Lines, Location } from "../lines.ts";
import { type Report, summarize, visible } from "./report.ts";

/** Formats as one JSON document. */
export function json(report: Report): string {
  const document = {
    diagnostics: visible(report).map((finding) => diagnosticOf(finding, report)),
    errors: report.problems.map(problemOf),
    summary: summarize(report),
    "stale_baseline": report.stale,
    "files_analyzed": report.filesAnalyzed,
    "duration_ms": report.durationMs,
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

/** A finding as JSON has it. */
export function diagnosticOf(finding: Finding, report: Report): Record<string, unknown> {
  const { code, name, category, severity, confidence, message, file, notes, help, related, suggestions, fingerprint } =
    finding;
  const lines = report.linesOf(finding.path);
  return {
    code,
    name,
    category,
    severity,
    confidence,
    message,
    location: place(file, finding.location),
    notes,
    help,
    suggestion: suggestions[0] === undefined ? null : suggestionOf(suggestions[0], lines),
    related: related.map((one) => ({ message: one.message, location: place(file, one.location) })),
    fingerprint,
  };
}

/** A file that could not be analysed, as JSON has it. */
export function problemOf({ kind, file, message, location }: Problem): Record<string, unknown> {
  return { kind, file, message, location: location === undefined ? null : place(file, location) };
}

function suggestionOf(
  { message, applicability, edits }: Suggestion,
  lines: Lines | undefined,
): Record<string, unknown> {
  return {
    message,
    applicability,
    edits: edits.map(({ start, end, text }) => ({ start, end, ...lines?.locate(start, end), text })),
  };
}

function place(file: string, location: Location): Record<string, unknown> {
  return { file, ...location };
}
