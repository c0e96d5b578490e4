/**
 * Which way of uploading is the cheapest. A write costs some microseconds however small it is, so it pays to send clean bytes along if
 * that saves a write; and from some number of writes on, it pays to send the records packed, and let the device put them in place.
 */

import type { DirtyRanges } from "./dirty_ranges.ts";

/** What uploading costs on a device. */
export interface UploadCosts {
  /** What each write costs, in milliseconds. */
  call: number;
  /** How many bytes are written in a millisecond. */
  bytesPerMs: number;
  /** What scattering costs, however few records there are, in milliseconds. */
  scatter: number;
  /** How many bytes of records, and of their indices, are packed, written and scattered in a millisecond. */
  scatterBytesPerMs: number;
}

/** What was measured on a software device with two cores. */
export const DEFAULT_COSTS: Readonly<UploadCosts> = {
  call: 0.003,
  bytesPerMs: 8e6,
  scatter: 0.4,
  scatterBytesPerMs: 8e5,
};

/**
 * A way of uploading: nothing to do; one write from the first dirty byte to the last; a write for each group of ranges close to each
 * other; or one write of all records and their indices, which the device then puts in place.
 */
export type UploadPolicy = "none" | "whole" | "merged" | "scatter";

// What the device does when it scatters is the least certain of all costs: it has to be worth it by far.
const MIN_SCATTERED_RANGES = 256;
const WORTHWHILE = 0.8;

/** Filled by {@linkcode UploadPlan.choose}, again and again. */
export class UploadPlan {
  /** What to do. */
  policy: UploadPolicy = "none";
  /** How many writes there are, unless scattered. */
  count = 0;
  /** Where each write starts. */
  offsets: Uint32Array = new Uint32Array(8);
  /** How long each write is. */
  lengths: Uint32Array = new Uint32Array(8);
  /** The bytes of a record, if scattered. */
  stride = 0;
  /** How many records there are, if scattered. */
  records = 0;
  /** How many bytes are sent. */
  bytes = 0;

  /**
   * Settles the ranges and decides what to do with them.
   *
   * @param dirty What to upload.
   * @param costs What uploading costs.
   * @param canScatter Whether records may be scattered.
   * @param isExact Whether clean bytes have to be left alone, as the device may have changed them.
   * @param wanted The way to take if it is possible; the cheapest by default.
   */
  choose(
    dirty: DirtyRanges,
    costs: Readonly<UploadCosts>,
    canScatter: boolean,
    isExact: boolean,
    wanted: "auto" | "whole" | "merged" | "scatter",
  ): void {
    dirty.settle();
    this.policy = "none";
    this.count = 0;
    this.stride = 0;
    this.records = 0;
    this.bytes = 0;
    if (dirty.count === 0) return;
    if (canScatter && (wanted === "scatter" || wanted === "auto")) {
      this.stride = dirty.stride();
      this.records = dirty.bytes / this.stride;
    }
    if (this.stride > 0 && wanted === "scatter") return this.#scatter(dirty);
    this.#merge(dirty, isExact ? 0 : wanted === "whole" ? Infinity : costs.call * costs.bytesPerMs);
    if (this.stride === 0 || dirty.count < MIN_SCATTERED_RANGES) return;
    const merged = this.count * costs.call + this.bytes / costs.bytesPerMs;
    const scattered = costs.scatter + costs.call + (dirty.bytes + 4 * this.records) / costs.scatterBytesPerMs;
    if (scattered < WORTHWHILE * merged) this.#scatter(dirty);
  }

  #scatter(dirty: DirtyRanges): void {
    this.policy = "scatter";
    this.count = 0;
    this.bytes = dirty.bytes + 4 * this.records;
  }

  #merge(dirty: DirtyRanges, gap: number): void {
    const { offsets, lengths, count } = dirty;
    let bytes = 0;
    let start = offsets[0]!;
    let end = start + lengths[0]!;
    for (let i = 1; i < count; i++) {
      const next = offsets[i]!;
      if (next - end > gap) {
        this.#write(start, end - start);
        bytes += end - start;
        start = next;
      }
      end = next + lengths[i]!;
    }
    this.#write(start, end - start);
    this.bytes = bytes + end - start;
    this.policy = this.count === 1 ? "whole" : "merged";
  }

  #write(offset: number, length: number): void {
    if (this.count === this.offsets.length) {
      const offsets = this.offsets;
      const lengths = this.lengths;
      this.offsets = new Uint32Array(2 * offsets.length);
      this.lengths = new Uint32Array(2 * lengths.length);
      this.offsets.set(offsets);
      this.lengths.set(lengths);
    }
    this.offsets[this.count] = offset;
    this.lengths[this.count++] = length;
  }
}
