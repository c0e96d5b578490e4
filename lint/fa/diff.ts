/**
 * A unified diff of two texts, as `git apply` and `patch` read it: what `--dry-run` shows.
 */

const CONTEXT = 3;

/** A step from one text to the other: a line kept, taken away or put in. */
type Step = readonly [mark: " " | "-" | "+", line: string];

/** Returns the diff of two versions of a file, or an empty text when they are the same. */
export function unifiedDiff(file: string, before: string, after: string): string {
  if (before === after) return "";
  const steps = stepsBetween(splitLines(before), splitLines(after));
  let text = `--- a/${file}\n+++ b/${file}\n`;
  let oldLine = 1;
  let newLine = 1;
  for (let at = 0; at < steps.length;) {
    const first = steps.findIndex(([mark], index) => index >= at && mark !== " ");
    if (first < 0) break;
    const start = Math.max(at, first - CONTEXT);
    oldLine += start - at;
    newLine += start - at;
    let end = first;
    for (let quiet = 0; end < steps.length && quiet <= 2 * CONTEXT; end++) {
      quiet = steps[end]?.[0] === " " ? quiet + 1 : 0;
    }
    while (end > start && steps[end - 1]?.[0] === " ") end--;
    end = Math.min(steps.length, end + CONTEXT);
    const hunk = steps.slice(start, end);
    const olds = hunk.filter(([mark]) => mark !== "+").length;
    const news = hunk.filter(([mark]) => mark !== "-").length;
    text += `@@ -${rangeText(oldLine, olds)} +${rangeText(newLine, news)} @@\n`;
    for (const [mark, line] of hunk) {
      text += line.endsWith("\n") ? `${mark}${line}` : `${mark}${line}\n\\ No newline at end of file\n`;
    }
    oldLine += olds;
    newLine += news;
    at = end;
  }
  return text;
}

function rangeText(line: number, count: number): string {
  return count === 1 ? `${line}` : `${count === 0 ? line - 1 : line},${count}`;
}

function splitLines(text: string): string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

/** The steps of a shortest way (Myers): the work grows with the differences, and fixes are few. */
function stepsBetween(a: readonly string[], b: readonly string[]): Step[] {
  const furthest = new Map<number, number>([[1, 0]]);
  const trace: Map<number, number>[] = [];
  search: for (let edits = 0;; edits++) {
    trace.push(new Map(furthest));
    for (let diagonal = -edits; diagonal <= edits; diagonal += 2) {
      const goesDown = comesFromAbove(furthest, diagonal, edits);
      let x = goesDown ? furthest.get(diagonal + 1) ?? 0 : (furthest.get(diagonal - 1) ?? 0) + 1;
      while (x < a.length && x - diagonal < b.length && a[x] === b[x - diagonal]) x++;
      furthest.set(diagonal, x);
      if (x >= a.length && x - diagonal >= b.length) break search;
    }
  }
  const steps: Step[] = [];
  let [x, y] = [a.length, b.length];
  for (let edits = trace.length - 1; edits >= 0; edits--) {
    const reached = trace[edits] ?? new Map<number, number>();
    const diagonal = x - y;
    const previous = comesFromAbove(reached, diagonal, edits) ? diagonal + 1 : diagonal - 1;
    const fromX = edits === 0 ? 0 : reached.get(previous) ?? 0;
    const fromY = edits === 0 ? 0 : fromX - previous;
    while (x > fromX && y > fromY) {
      steps.push([" ", a[--x] ?? ""]);
      y--;
    }
    if (edits === 0) break;
    if (x > fromX) steps.push(["-", a[--x] ?? ""]);
    else steps.push(["+", b[--y] ?? ""]);
  }
  return steps.reverse();
}

function comesFromAbove(furthest: ReadonlyMap<number, number>, diagonal: number, edits: number): boolean {
  return diagonal === -edits ||
    (diagonal !== edits && (furthest.get(diagonal - 1) ?? 0) < (furthest.get(diagonal + 1) ?? 0));
}
