/**
 * The few buffers through which bytes come back from a device. What can be mapped cannot be used for anything else, so bytes are
 * copied to one of these first; they are used again and again, grow with what is asked for, and shrink when that was long ago.
 */

import { type Account, AGAIN, GRANTED } from "../../src/memory/account.ts";
import { type GpuBackend, type GpuBufferId, USAGE } from "../backend/backend.ts";
import type { ReadRequest } from "./read_request.ts";

/** The smallest buffer: one that brings less takes as long. */
const SMALLEST = 65_536;

/** A buffer is too large if it could bring more than so many times what was asked for … */
const MOST_SLACK = 4;

/** … in so many flushes. */
const SLACK_FLUSHES = 120;

/** A buffer: idle, or on its way with a batch of requests. */
export class ReadbackBuffer {
  readonly id: GpuBufferId;
  readonly bytes: number;
  /** Whether it is known that the device had memory for it. */
  isVerified = false;
  /** The requests that it brings; `null` if it is idle. Another array is another journey. */
  batch: ReadRequest[] | null = null;
  /** The last flush that made good use of its size. */
  neededAt: number;

  constructor(id: GpuBufferId, bytes: number, neededAt: number) {
    this.id = id;
    this.bytes = bytes;
    this.neededAt = neededAt;
  }
}

/** The buffers, and what they cost. */
export class ReadbackRing {
  /** Bytes of all buffers, which are what the account was asked for. */
  reserved = 0;
  readonly buffers: ReadbackBuffer[] = [];
  readonly #backend: GpuBackend;
  readonly #account: Account;
  readonly #most: number;
  /** Buffers of a device that was lost: their numbers are given back once there is another device. */
  readonly #gone: GpuBufferId[] = [];
  #flushes = 0;

  constructor(backend: GpuBackend, account: Account, most: number) {
    this.#backend = backend;
    this.#account = account;
    this.#most = most;
  }

  /** How many buffers are on their way. */
  get inFlight(): number {
    let count = 0;
    for (let i = 0; i < this.buffers.length; i++) if (this.buffers[i]!.batch !== null) count++;
    return count;
  }

  /** The bytes of the buffers that are on their way. */
  get bytesInFlight(): number {
    let bytes = 0;
    for (let i = 0; i < this.buffers.length; i++) if (this.buffers[i]!.batch !== null) bytes += this.buffers[i]!.bytes;
    return bytes;
  }

  /** Whether every buffer that there may be is on its way. */
  get isFull(): boolean {
    return this.inFlight === this.#most;
  }

  /** The largest buffer that the device allows and that can be mapped as a whole. */
  get largest(): number {
    return Math.floor(this.#backend.limits.maxBufferSize / 8) * 8;
  }

  /**
   * An idle buffer that can bring so many bytes, or `undefined` if a callback of the program has run meanwhile: look again then. Asked
   * only while not all are in flight; throws why there is none.
   */
  take(bytes: number): ReadbackBuffer | undefined {
    const { buffers } = this;
    let best: ReadbackBuffer | undefined;
    let spare: ReadbackBuffer | undefined;
    for (let i = 0; i < buffers.length; i++) {
      const buffer = buffers[i]!;
      if (buffer.bytes <= bytes * MOST_SLACK) buffer.neededAt = this.#flushes;
      if (buffer.batch !== null) continue;
      if (buffer.bytes >= bytes) {
        if (best === undefined || buffer.bytes < best.bytes) best = buffer;
      } else if (spare === undefined || buffer.bytes < spare.bytes) {
        spare = buffer;
      }
    }
    if (best !== undefined) return best;
    if (spare !== undefined) this.discard(spare);
    return this.#make(bytes);
  }

  /** Says that a buffer has brought what it had to. */
  release(buffer: ReadbackBuffer): void {
    buffer.batch = null;
    if (this.#isTooLarge(buffer)) this.discard(buffer);
  }

  /** Counts a flush, and gives back what has been too large for long. */
  tick(): void {
    this.#flushes++;
    for (let i = this.buffers.length - 1; i >= 0; i--) {
      const buffer = this.buffers[i]!;
      if (buffer.batch === null && this.#isTooLarge(buffer)) this.discard(buffer);
    }
  }

  /** Gives back every idle buffer, and says how many bytes that were. */
  trim(): number {
    const before = this.reserved;
    for (let i = this.buffers.length - 1; i >= 0; i--) {
      const buffer = this.buffers[i]!;
      if (buffer.batch === null) this.discard(buffer);
    }
    return before - this.reserved;
  }

  /** Gives a buffer back, wherever it is. */
  discard(buffer: ReadbackBuffer): void {
    this.#backend.destroy(buffer.id);
    this.#remove(buffer);
  }

  /** The device was lost, and with it every buffer. */
  forget(): void {
    while (this.buffers.length > 0) {
      const buffer = this.buffers[this.buffers.length - 1]!;
      this.#gone.push(buffer.id);
      this.#remove(buffer);
    }
  }

  /** Gives the numbers of lost buffers back. */
  bury(): void {
    while (this.#gone.length > 0) this.#backend.destroy(this.#gone.pop()!);
  }

  #make(bytes: number): ReadbackBuffer | undefined {
    let size = SMALLEST;
    while (size < bytes) size *= 2;
    size = Math.min(size, this.largest);
    const verdict = this.#account.hold(size);
    if (verdict === AGAIN) return undefined;
    if (verdict !== GRANTED) {
      if (this.trim() > 0) return undefined;
      throw this.#account.refusal(`read back ${bytes} bytes`);
    }
    let id: GpuBufferId;
    try {
      id = this.#backend.create(size, USAGE.MAP_READ | USAGE.COPY_DST, "readback");
    } catch (error) {
      this.#account.drop(size);
      throw error;
    }
    const buffer = new ReadbackBuffer(id, size, this.#flushes);
    this.reserved += size;
    this.buffers.push(buffer);
    return buffer;
  }

  #remove(buffer: ReadbackBuffer): void {
    const index = this.buffers.indexOf(buffer);
    if (index < 0) return;
    this.buffers.splice(index, 1);
    buffer.batch = null;
    this.reserved -= buffer.bytes;
    this.#account.drop(buffer.bytes);
  }

  #isTooLarge(buffer: ReadbackBuffer): boolean {
    return buffer.bytes > SMALLEST && this.#flushes - buffer.neededAt >= SLACK_FLUSHES;
  }
}
