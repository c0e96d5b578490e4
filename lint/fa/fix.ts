/**
 * Applies fixes to a text. A fix may make room for the next, and two may meet in one place: what does not overlap is applied, the result is
 * analysed again, and so on until nothing is left to do. A fix is applied whole or not at all, and never when the text does not parse after
 * it.
 */

import type { Edit, Suggestion } from "../core/diagnostic.ts";

/** More rounds than that mean that two fixes undo each other. */
const MOST_ROUNDS = 10;

/** A text with fixes. */
export interface Fixed {
  readonly text: string;
  /** How many fixes were applied. */
  readonly count: number;
}

/** What a look at a text gives: the fixes to apply, or nothing when it cannot be parsed. */
export type FixesOf = (text: string) => readonly Suggestion[] | undefined;

/** Applies fixes until there are none. */
export function fixText(text: string, fixesOf: FixesOf): Fixed {
  let fixes = fixesOf(text) ?? [];
  let count = 0;
  for (let round = 0; round < MOST_ROUNDS && fixes.length > 0; round++) {
    const next = applyFixes(text, fixes);
    const left = fixesOf(next.text);
    if (next.count === 0 || next.text === text || left === undefined) break;
    text = next.text;
    count += next.count;
    fixes = left;
  }
  return { text, count };
}

/** Applies those fixes whose edits do not overlap with edits of earlier ones. */
export function applyFixes(text: string, fixes: readonly Suggestion[]): Fixed {
  const taken: Edit[] = [];
  let count = 0;
  const seen = new Set<string>();
  for (const { edits } of fixes) {
    const key = JSON.stringify(edits);
    if (edits.length === 0 || seen.has(key) || edits.some((edit) => taken.some((other) => overlaps(edit, other)))) {
      continue;
    }
    seen.add(key);
    taken.push(...edits);
    count++;
  }
  taken.sort((a, b) => b.start - a.start || b.end - a.end);
  for (const { start, end, text: inserted } of taken) text = text.slice(0, start) + inserted + text.slice(end);
  return { text, count };
}

/** Two insertions at one place overlap too, as nothing says which comes first. */
function overlaps(a: Edit, b: Edit): boolean {
  return a.start === b.start || (a.start < b.end && b.start < a.end);
}
