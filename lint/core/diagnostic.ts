/**
 * What an analysis finds: plain data, in offsets of the text, that every front end turns into what its users see.
 */

/** How bad a finding is. */
export type Severity = "error" | "warning" | "hint";

/** How sure it is: on every path, on some path, or by a name alone. */
export type Confidence = "certain" | "path" | "heuristic";

/** A part of the text, in UTF-16 offsets. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** A change of the text. */
export interface Edit extends Span {
  readonly text: string;
}

/** How a finding can be put right. */
export interface Suggestion {
  readonly message: string;
  readonly edits: readonly Edit[];
  /** `"machine"`: correct as it is, `fa --fix` applies it; `"person"`: a start, somebody has to look at it. */
  readonly applicability: "machine" | "person";
}

/** Another place that has to do with a finding. */
export interface Related extends Span {
  readonly message: string;
}

/** A finding. */
export interface Diagnostic extends Span {
  readonly code: string;
  readonly severity: Severity;
  readonly confidence: Confidence;
  readonly message: string;
  /** What to do, in one line. */
  readonly help: string;
  readonly notes: readonly string[];
  /** Where the value was allocated, where its frame ended, and the like. */
  readonly related: readonly Related[];
  readonly suggestions: readonly Suggestion[];
}
