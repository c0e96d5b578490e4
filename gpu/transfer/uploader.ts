/**
 * Brings bytes of the CPU to a device: at once, or what has changed of an allocation in the cheapest way. Keeps little enough waiting
 * that the device need not hold a second copy of everything.
 */

import type { GpuBackend, GpuBufferId } from "../backend/backend.ts";
import { USAGE } from "../backend/backend.ts";
import type { DirtyRanges } from "./dirty_ranges.ts";
import { DEFAULT_COSTS, type UploadCosts, UploadPlan, type UploadPolicy } from "./upload_plan.ts";

// Runtimes hold another copy of all bytes that were not submitted.
const MAX_PENDING = 8 * 1024 * 1024;
const PIECE = 4 * 1024 * 1024;

const PROBE_BYTES = 4 * 1024 * 1024;
const PROBE_CALLS = 500;
const PROBE_COPIES = 4;

// No device is known to be beyond these, but measurements are when something else runs, or the clock is too coarse.
const MIN_CALL = 0.0005;
const MAX_CALL = 0.02;
const MIN_RATE = 1e6;
const MAX_RATE = 3e7;

/** By how many milliseconds the same wait differs from one time to the next. */
const WAIT_NOISE = 1;

interface Timing {
  readonly worked: number;
  readonly waited: number;
}

/** See the file comment. */
export class Uploader {
  /** What uploading costs on this device. */
  costs: Readonly<UploadCosts>;
  /** How changes are uploaded, where that is possible; in the cheapest way by default. */
  wanted: "auto" | "whole" | "merged" | "scatter" = "auto";
  /** How many writes were made. */
  writes = 0;
  /** How many bytes were written. */
  bytesWritten = 0;
  /** How many writes were saved as ranges were sent together. */
  merged = 0;
  /** How many times records were scattered. */
  scatters = 0;
  /** How many pieces large writes were cut into. */
  chunks = 0;
  /** How the last changes were uploaded. */
  lastPolicy: UploadPolicy = "none";
  readonly #backend: GpuBackend;
  readonly #given: Readonly<UploadCosts>;
  readonly #plan = new UploadPlan();
  readonly #wordsOf = new WeakMap<ArrayBufferLike, Uint32Array>();
  #pending = 0;
  #packed: Uint8Array = new Uint8Array(0);
  #packedWords: Uint32Array = new Uint32Array(0);

  constructor(backend: GpuBackend, costs: Partial<UploadCosts> = {}) {
    this.#backend = backend;
    this.#given = { ...DEFAULT_COSTS, ...costs };
    this.costs = this.#given;
  }

  /** How many bytes were written since the last submission. */
  get pending(): number {
    return this.#pending;
  }

  /** Hands everything to the device. */
  submit(): void {
    this.#pending = 0;
    this.#backend.submit();
  }

  /** Writes bytes to a buffer. They are read before this returns. */
  write(buffer: GpuBufferId, at: number, source: Uint8Array, from: number, bytes: number): void {
    if (bytes <= MAX_PENDING) {
      this.#write(buffer, at, source, from, bytes);
      if (this.#pending > MAX_PENDING) this.submit();
      return;
    }
    for (let done = 0; done < bytes; done += PIECE) {
      this.#write(buffer, at + done, source, from + done, Math.min(PIECE, bytes - done));
      this.chunks++;
      this.submit();
    }
  }

  /**
   * Uploads what has changed, and unmarks it.
   *
   * @param buffer The buffer.
   * @param at Where the allocation starts in it.
   * @param shadow The bytes of the allocation on the CPU.
   * @param dirty What of them has changed. Stays as it is if anything throws.
   * @param canScatter Whether the buffer can be bound as writable storage.
   * @param isExact Whether clean bytes have to be left alone, as the device may have changed them. Then `dirty` must know no limit.
   */
  flush(
    buffer: GpuBufferId,
    at: number,
    shadow: Uint8Array,
    dirty: DirtyRanges,
    canScatter: boolean,
    isExact = false,
  ): void {
    const plan = this.#plan;
    const { limits } = this.#backend;
    const fits = canScatter && at % limits.storageAlign === 0 && shadow.byteLength <= limits.maxStorageBinding &&
      shadow.byteLength % 4 === 0 && shadow.byteOffset % 4 === 0;
    const ranges = dirty.count;
    plan.choose(dirty, this.costs, fits, isExact, this.wanted);
    if (plan.policy === "scatter") {
      this.#scatter(buffer, at, shadow, dirty);
    } else {
      for (let i = 0; i < plan.count; i++) {
        const offset = plan.offsets[i]!;
        this.write(buffer, at + offset, shadow, offset, plan.lengths[i]!);
      }
      this.merged += ranges - plan.count;
    }
    this.lastPolicy = plan.policy;
    dirty.clear();
  }

  /**
   * Measures what writing costs on this device, in less than 50 ms, and goes by that from now on.
   *
   * @throws {GpuError} `FA857` if the device is lost.
   */
  async calibrate(): Promise<Readonly<UploadCosts>> {
    const backend = this.#backend;
    const source = new Uint8Array(PROBE_BYTES);
    const buffer = backend.create(PROBE_BYTES, USAGE.COPY_DST, "upload costs");
    try {
      // The first use of a buffer is dearer, and what it takes to learn that the device is done is no cost of writing.
      const idle = (await this.#time(buffer, source, PROBE_COPIES, PROBE_BYTES)).waited;
      const calls = await this.#time(buffer, source, PROBE_CALLS, 64);
      const copies = await this.#time(buffer, source, PROBE_COPIES, PROBE_BYTES);
      const call = workOf(calls, idle) / PROBE_CALLS;
      this.#adopt(call, PROBE_COPIES * PROBE_BYTES / Math.max(0, workOf(copies, idle) - PROBE_COPIES * call));
    } finally {
      backend.destroy(buffer);
    }
    return this.costs;
  }

  #write(buffer: GpuBufferId, at: number, source: Uint8Array, from: number, bytes: number): void {
    this.#backend.write(buffer, at, source, from, bytes);
    this.writes++;
    this.#count(bytes);
  }

  #count(bytes: number): void {
    this.bytesWritten += bytes;
    this.#pending += bytes;
  }

  #scatter(buffer: GpuBufferId, at: number, shadow: Uint8Array, dirty: DirtyRanges): void {
    const { stride, records } = this.#plan;
    const most = Math.max(1, Math.floor(MAX_PENDING / (stride + 4)));
    this.#makeRoom(Math.min(records, most) * (stride + 4));
    const words = this.#words(shadow);
    let range = 0;
    let from = 0;
    for (let left = records; left > 0; left -= most) {
      const count = Math.min(left, most);
      for (let packed = 0; packed < count;) {
        const offset = dirty.offsets[range]! + from;
        const there = (dirty.lengths[range]! - from) / stride;
        const taken = Math.min(there, count - packed);
        this.#pack(words, shadow.byteOffset + offset, offset / stride, taken, count, packed);
        packed += taken;
        from = taken === there ? 0 : from + taken * stride;
        if (from === 0) range++;
      }
      this.#backend.scatter(buffer, at, shadow.byteLength, this.#packed, count, stride);
      this.scatters++;
      this.#count(count * (stride + 4));
      if (this.#pending > MAX_PENDING) this.submit();
    }
  }

  /** Packs records that follow each other. */
  #pack(words: Uint32Array, from: number, index: number, taken: number, count: number, packed: number): void {
    const into = this.#packedWords;
    for (let i = 0; i < taken; i++) into[packed + i] = index + i;
    const width = this.#plan.stride / 4;
    const source = from / 4;
    const target = count + packed * width;
    const length = taken * width;
    for (let i = 0; i < length; i++) into[target + i] = words[source + i]!;
  }

  #makeRoom(bytes: number): void {
    if (bytes <= this.#packed.length) return;
    let size = Math.max(4096, this.#packed.length);
    while (size < bytes) size *= 2;
    this.#packed = new Uint8Array(size);
    this.#packedWords = new Uint32Array(this.#packed.buffer);
  }

  /** The memory that a shadow is in, by words: four times as fast to copy, and made once for all shadows in it. */
  #words(shadow: Uint8Array): Uint32Array {
    const { buffer } = shadow;
    let words = this.#wordsOf.get(buffer);
    if (words === undefined || words.byteLength < shadow.byteOffset + shadow.byteLength) {
      words = new Uint32Array(buffer, 0, Math.floor(buffer.byteLength / 4));
      this.#wordsOf.set(buffer, words);
    }
    return words;
  }

  async #time(buffer: GpuBufferId, source: Uint8Array, writes: number, bytes: number): Promise<Timing> {
    // Spread over the buffer, as records are.
    const step = (PROBE_BYTES - bytes) / PROBE_CALLS;
    const start = performance.now();
    for (let i = 0; i < writes; i++) {
      this.#backend.write(buffer, Math.floor(i * step / 4) * 4, source, 0, bytes);
      if (bytes === PROBE_BYTES) this.#backend.submit();
    }
    this.#backend.submit();
    // Where the device runs meanwhile, the work is in the waiting; where this blocks, it is before.
    const done = this.#backend.done();
    const end = performance.now();
    await done;
    return { worked: end - start, waited: performance.now() - end };
  }

  /** Scattering is not measured: it is taken to be slower where writing is, but not faster, as that is another part of the device. */
  #adopt(call: number, bytesPerMs: number): void {
    const { scatter, scatterBytesPerMs } = this.#given;
    call = Math.min(Math.max(call, MIN_CALL), MAX_CALL);
    bytesPerMs = Math.min(Math.max(bytesPerMs, MIN_RATE), MAX_RATE);
    const slowness = Math.max(1, call / DEFAULT_COSTS.call, DEFAULT_COSTS.bytesPerMs / bytesPerMs);
    this.costs = {
      call,
      bytesPerMs,
      scatter: scatter * slowness,
      scatterBytesPerMs: scatterBytesPerMs / slowness,
    };
  }
}

function workOf(timing: Timing, idle: number): number {
  const longer = timing.waited - idle;
  return timing.worked + (longer > WAIT_NOISE ? longer : 0);
}
