/**
 * A finding as reports show it: a diagnostic of the core with the file it is in, in lines and columns, and with what became of it on the
 * way through suppressions and the baseline.
 */

import type { Confidence, Diagnostic, Severity, Suggestion } from "../core/diagnostic.ts";
import type { Lines, Location } from "./lines.ts";

/** A place in the same file that has to do with a finding. */
export interface RelatedPlace {
  readonly message: string;
  readonly location: Location;
}

/** What became of a finding. */
export type State =
  | { readonly kind: "new" }
  | { readonly kind: "suppressed"; readonly reason: string | undefined }
  | { readonly kind: "baselined" };

/** A finding in a file. */
export interface Finding {
  readonly code: string;
  readonly name: string;
  readonly category: string;
  readonly severity: Severity;
  readonly confidence: Confidence;
  readonly message: string;
  readonly help: string;
  readonly notes: readonly string[];
  /** The name of the file in reports. */
  readonly file: string;
  /** Where the file is. */
  readonly path: string;
  readonly start: number;
  readonly end: number;
  readonly location: Location;
  readonly related: readonly RelatedPlace[];
  readonly suggestions: readonly Suggestion[];
  /** Names the finding across edits elsewhere in the file. */
  readonly fingerprint: string;
  readonly state: State;
}

/** A file that could not be looked at, or not to its end. */
export interface Problem {
  readonly kind: "read" | "parse" | "internal";
  readonly file: string;
  readonly path: string;
  readonly message: string;
  readonly location: Location | undefined;
}

/** Whether a report is to show it, and an exit code to heed it. */
export function isNew(finding: Finding): boolean {
  return finding.state.kind === "new";
}

/** How severities compare. */
export const RANK: Readonly<Record<Severity, number>> = { hint: 0, warning: 1, error: 2 };

/** Orders findings as they are read: by place, and by code where that is the same. */
export function inOrder(a: Finding, b: Finding): number {
  return a.start - b.start || a.end - b.end || (a.code < b.code ? -1 : a.code > b.code ? 1 : 0);
}

/** The parts of a finding that come from the diagnostic and the text. */
export function placed(
  diagnostic: Diagnostic,
  lines: Lines,
): Pick<
  Finding,
  "start" | "end" | "location" | "related" | "notes" | "message" | "help" | "suggestions" | "confidence" | "code"
> {
  const { code, confidence, message, help, notes, suggestions, start, end } = diagnostic;
  return {
    code,
    confidence,
    message,
    help,
    notes,
    suggestions,
    start,
    end,
    location: lines.locate(start, end),
    related: diagnostic.related.map((place) => ({
      message: place.message,
      location: lines.locate(place.start, place.end),
    })),
  };
}
