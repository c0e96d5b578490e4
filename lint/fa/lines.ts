/**
 * Turns offsets of a text into lines and columns. The core speaks in offsets, people and formats in lines; both count from 1, and columns
 * count UTF-16 units, as editors and SARIF (`columnKind`) do.
 */

/** A part of a text, in lines and columns from 1; the end is the place after it. */
export interface Location {
  readonly line: number;
  readonly column: number;
  readonly endLine: number;
  readonly endColumn: number;
}

/** The lines of a text. */
export class Lines {
  /** The text. */
  readonly text: string;
  readonly #starts: number[] = [0];

  /**
   * Finds the lines.
   *
   * @param text The text.
   */
  constructor(text: string) {
    this.text = text;
    for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) this.#starts.push(at + 1);
  }

  /** The number of lines. */
  get count(): number {
    return this.#starts.length;
  }

  /** Returns the line that an offset is in, from 1. */
  lineAt(offset: number): number {
    let low = 0;
    let high = this.#starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return low + 1;
  }

  /** Returns where a line starts. */
  startOf(line: number): number {
    return this.#starts[line - 1] ?? this.text.length;
  }

  /** Returns a line without what ends it. */
  lineText(line: number): string {
    return this.text.slice(this.startOf(line), this.#starts[line] ?? this.text.length).replace(/\r?\n$/, "");
  }

  /** Returns where a part of the text is. */
  locate(start: number, end: number): Location {
    const line = this.lineAt(start);
    const endLine = this.lineAt(Math.max(start, end));
    return {
      line,
      column: start - this.startOf(line) + 1,
      endLine,
      endColumn: Math.max(start, end) - this.startOf(endLine) + 1,
    };
  }
}
