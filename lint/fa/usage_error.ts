/**
 * What somebody asked for in a way that cannot be understood. It ends the command with exit code 2 before anything is analysed: to run
 * with half of a configuration would report success on what was never looked at.
 */

/** A wrong argument or a wrong configuration. */
export class UsageError extends Error {
  /**
   * Makes an error for the person at the command line.
   *
   * @param message What cannot be done, why, and what to do.
   */
  constructor(message: string) {
    super(message);
    this.name = "UsageError";
  }
}

/** Returns `; did you mean "…"?` with the candidate that is nearest to a word, or nothing when none is near. */
export function didYouMean(word: string, candidates: Iterable<string>): string {
  const found = nearest(word, candidates);
  return found === undefined ? "" : `; did you mean "${found}"?`;
}

/** Returns the candidate that is nearest to a word, if it is near at all; of equally near ones that with the same beginning. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  const lower = word.toLowerCase();
  let best: string | undefined;
  let least = Math.max(2, Math.floor(word.length / 2)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(lower, candidate.toLowerCase()) - sharedStart(lower, candidate.toLowerCase()) / 100;
    if (distance < least) [best, least] = [candidate, distance];
  }
  return best;
}

function sharedStart(a: string, b: string): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return length;
}

/** The number of letters to insert, remove or change. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
