/**
 * What of an allocation the CPU has changed since it was last uploaded. A range is two numbers in typed arrays, so that marking ten
 * thousand records each frame makes no garbage; what overlaps or touches is found when it is asked for, not when it is marked.
 */

const FIRST_CAPACITY = 8;
const INSERTION_MAX = 32;
const DIGIT_BITS = 11;
const DIGITS = 1 << DIGIT_BITS;

/** How many ranges are told apart, unless the constructor is told otherwise. */
export const MAX_RANGES = 65_536;

// Sorting is never interrupted, so one set of these serves all.
const tally: Uint32Array = new Uint32Array(DIGITS);
let spareOffsets: Uint32Array = new Uint32Array(0);
let spareLengths: Uint32Array = new Uint32Array(0);

/** See the file comment. Offsets and lengths are bytes from the start of the allocation, and always multiples of 4. */
export class DirtyRanges {
  /** How many ranges there are. Before {@linkcode DirtyRanges.settle}, they may overlap and be in any order. */
  count = 0;
  /** Where each range starts; only the first {@linkcode DirtyRanges.count} count. */
  offsets: Uint32Array = new Uint32Array(FIRST_CAPACITY);
  /** How long each range is. */
  lengths: Uint32Array = new Uint32Array(FIRST_CAPACITY);
  /** How many bytes are dirty, at most; exactly that after {@linkcode DirtyRanges.settle}. */
  bytes = 0;
  readonly #limit: number;
  #isSettled = true;

  /**
   * @param limit How many ranges to tell apart at most, a power of two from 8 on: beyond that, those close to each other become one,
   *   clean bytes between them included. `Infinity` if no clean byte may ever be taken for a dirty one.
   */
  constructor(limit: number = MAX_RANGES) {
    this.#limit = limit;
  }

  /** Marks bytes, rounded outwards to whole words. The caller sees to it that they are inside the allocation. */
  add(offset: number, bytes: number): void {
    if (bytes <= 0) return;
    const start = (offset >>> 2) * 4;
    const end = ((offset + bytes + 3) >>> 2) * 4;
    const last = this.count - 1;
    if (last >= 0) {
      const lastStart = this.offsets[last]!;
      const lastEnd = lastStart + this.lengths[last]!;
      if (start <= lastEnd && end >= lastStart) {
        const from = start < lastStart ? start : lastStart;
        const to = end > lastEnd ? end : lastEnd;
        this.offsets[last] = from;
        this.lengths[last] = to - from;
        this.bytes += to - from - (lastEnd - lastStart);
        if (start < lastStart && last > 0) this.#isSettled = false;
        return;
      }
      if (this.count === this.offsets.length) {
        this.#makeRoom();
        // Making room may have changed which range is the last one.
        this.add(start, end - start);
        return;
      }
      if (start < lastStart) this.#isSettled = false;
    }
    const place = this.count++;
    this.offsets[place] = start;
    this.lengths[place] = end - start;
    this.bytes += end - start;
  }

  /** Marks everything. */
  all(bytes: number): void {
    this.clear();
    this.add(0, bytes);
  }

  /** Unmarks everything. */
  clear(): void {
    this.count = 0;
    this.bytes = 0;
    this.#isSettled = true;
  }

  /** Puts the ranges in ascending order, with at least a word between any two. */
  settle(): void {
    if (this.#isSettled) return;
    if (this.count <= INSERTION_MAX) this.#sortFew();
    else this.#sortMany();
    this.#merge(0);
    this.#isSettled = true;
  }

  /** The largest size of which all offsets and lengths are multiples: that of a record, if these are records of an array. */
  stride(): number {
    let stride = 0;
    for (let i = 0; i < this.count && stride !== 4; i++) {
      stride = commonDivisor(this.lengths[i]!, commonDivisor(this.offsets[i]!, stride));
    }
    return stride;
  }

  #makeRoom(): void {
    if (this.count >= this.#limit) {
      this.settle();
      // Half of the room has to come free, or the next few marks would bring us here again.
      for (let gap = 64; this.count > this.#limit / 2; gap *= 2) this.#merge(gap);
      return;
    }
    this.offsets = grown(this.offsets);
    this.lengths = grown(this.lengths);
  }

  #merge(gap: number): void {
    const { offsets, lengths, count } = this;
    let start = offsets[0]!;
    let end = start + lengths[0]!;
    let kept = 0;
    let bytes = 0;
    for (let i = 1; i < count; i++) {
      const nextStart = offsets[i]!;
      const nextEnd = nextStart + lengths[i]!;
      if (nextStart <= end + gap) {
        if (nextEnd > end) end = nextEnd;
        continue;
      }
      offsets[kept] = start;
      lengths[kept++] = end - start;
      bytes += end - start;
      start = nextStart;
      end = nextEnd;
    }
    offsets[kept] = start;
    lengths[kept++] = end - start;
    this.count = kept;
    this.bytes = bytes + end - start;
  }

  #sortFew(): void {
    const { offsets, lengths, count } = this;
    for (let i = 1; i < count; i++) {
      const offset = offsets[i]!;
      const length = lengths[i]!;
      let place = i;
      for (; place > 0 && offsets[place - 1]! > offset; place--) {
        offsets[place] = offsets[place - 1]!;
        lengths[place] = lengths[place - 1]!;
      }
      offsets[place] = offset;
      lengths[place] = length;
    }
  }

  /** Digit by digit from the lowest, as that needs neither comparisons nor objects. */
  #sortMany(): void {
    const { offsets, lengths, count } = this;
    if (spareOffsets.length < count) {
      spareOffsets = new Uint32Array(offsets.length);
      spareLengths = new Uint32Array(offsets.length);
    }
    let highest = 0;
    for (let i = 0; i < count; i++) {
      if (offsets[i]! > highest) highest = offsets[i]!;
    }
    // All offsets are whole words, so the lowest two bits say nothing.
    for (let shift = 2; shift < 32 && highest >>> shift > 0; shift += 2 * DIGIT_BITS) {
      sortDigit(offsets, lengths, spareOffsets, spareLengths, count, shift);
      // Beyond the top, the highest bit once more changes nothing and brings the ranges back.
      sortDigit(spareOffsets, spareLengths, offsets, lengths, count, Math.min(shift + DIGIT_BITS, 31));
    }
  }
}

function sortDigit(
  fromOffsets: Uint32Array,
  fromLengths: Uint32Array,
  toOffsets: Uint32Array,
  toLengths: Uint32Array,
  count: number,
  shift: number,
): void {
  tally.fill(0);
  for (let i = 0; i < count; i++) {
    const digit = (fromOffsets[i]! >>> shift) & (DIGITS - 1);
    tally[digit] = tally[digit]! + 1;
  }
  let before = 0;
  for (let digit = 0; digit < DIGITS; digit++) {
    const here = tally[digit]!;
    tally[digit] = before;
    before += here;
  }
  for (let i = 0; i < count; i++) {
    const offset = fromOffsets[i]!;
    const digit = (offset >>> shift) & (DIGITS - 1);
    const place = tally[digit]!;
    tally[digit] = place + 1;
    toOffsets[place] = offset;
    toLengths[place] = fromLengths[i]!;
  }
}

function commonDivisor(a: number, b: number): number {
  while (b > 0) {
    const rest = a % b;
    a = b;
    b = rest;
  }
  return a;
}

function grown(array: Uint32Array): Uint32Array {
  const larger = new Uint32Array(array.length * 2);
  larger.set(array);
  return larger;
}
