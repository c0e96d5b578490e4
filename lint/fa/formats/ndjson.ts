/**
 * JSON lines: one finding a line and the summary last, for what reads a stream.
 */

import { diagnosticOf, problemOf } from "./json.ts";
import { type Report, summarize, visible } from "./report.ts";

/** Formats as one JSON value a line. */
export function ndjson(report: Report): string {
  const lines: unknown[] = visible(report).map((finding) => diagnosticOf(finding, report));
  for (const problem of report.problems) lines.push({ error: problemOf(problem) });
  for (const entry of report.stale) lines.push({ "stale_baseline": entry });
  lines.push({ summary: summarize(report), "files_analyzed": report.filesAnalyzed, "duration_ms": report.durationMs });
  return lines.map((line) => `${JSON.stringify(line)}\n`).join("");
}
