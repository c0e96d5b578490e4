/**
 * Where a region was at each mark: flat lists of numbers, so that marking makes no garbage.
 */

/** See the file comment. Dropping marks is setting the count back. */
export class MarkStack {
  /** How many marks are set. */
  declare count: number;
  /** The segment that was current at each mark. */
  declare readonly segments: number[];
  /** The offset in that segment. */
  declare readonly offsets: number[];
  /** How many views that segment had given out. */
  declare readonly views: number[];
  /** How many views nobody outside has seen. */
  declare readonly hidden: number[];
  /** How many lives were open. */
  declare readonly lives: number[];
  readonly #serials: number[] = [];
  #lastSerial = 0;

  constructor() {
    this.count = 0;
    this.segments = [];
    this.offsets = [];
    this.views = [];
    this.hidden = [];
    this.lives = [];
  }

  /** Sets a mark and returns its place. */
  push(segment: number, offset: number, views: number, hidden: number, lives: number): number {
    const mark = this.count++;
    this.segments[mark] = segment;
    this.offsets[mark] = offset;
    this.views[mark] = views;
    this.hidden[mark] = hidden;
    this.lives[mark] = lives;
    this.#serials[mark] = ++this.#lastSerial;
    return mark;
  }

  /** A number that no other mark ever has, or 0 if there is no mark in this place now. */
  serial(mark: number): number {
    return mark < this.count ? this.#serials[mark]! : 0;
  }
}
