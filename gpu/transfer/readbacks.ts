/**
 * Reading back: everything that is asked for in a frame comes in one buffer and with one map, as a map costs a wait for the device
 * however little it brings. Whoever asks is told exactly once, also when the device is lost meanwhile.
 */

import { disposed } from "../../src/errors.ts";
import type { Account } from "../../src/memory/account.ts";
import type { GpuBackend, GpuBufferId, GpuVerdict } from "../backend/backend.ts";
import { GpuError } from "../gpu_error.ts";
import { DirectReads } from "./direct_reads.ts";
import type { Locator } from "./locator.ts";
import { faultOf, ReadRequest } from "./read_request.ts";
import { type ReadbackBuffer, ReadbackRing } from "./readback_buffer.ts";

/** Where requests in a batch start: ranges are mapped in steps of so many bytes. */
const PLACE_ALIGN = 8;

/** What reading back needs. */
export interface ReadbacksOptions {
  readonly backend: GpuBackend;
  /** Who pays for the buffers. */
  readonly account: Account;
  /** How many buffers can be on their way at once; 3 by default. */
  readonly buffers?: number;
  /** Whether {@linkcode Readbacks.flush} will be called anyway; if not, a request has it called at the end of the turn. */
  readonly isBatching: () => boolean;
}

/** The requests of one allocator. */
export class Readbacks {
  /** Requests that were made. */
  requests = 0;
  /** Maps of buffers; each is a wait for the device. */
  maps = 0;
  /** Bytes that were delivered. */
  bytesRead = 0;
  readonly #backend: GpuBackend;
  readonly #isBatching: () => boolean;
  readonly #ring: ReadbackRing;
  readonly #direct: DirectReads;
  #queue: ReadRequest[] = [];
  /** How many of the queue were flushed, and only wait for a buffer. */
  #ready = 0;
  #isSending = false;
  #isScheduled = false;
  #isLost = false;
  #isDisposed = false;

  constructor(options: ReadbacksOptions) {
    this.#backend = options.backend;
    this.#isBatching = options.isBatching;
    this.#ring = new ReadbackRing(options.backend, options.account, options.buffers ?? 3);
    this.#direct = new DirectReads(options.backend, this);
  }

  /** Bytes of the buffers. */
  get reserved(): number {
    return this.#ring.reserved;
  }

  /** How many buffers are on their way. */
  get inFlight(): number {
    return this.#ring.inFlight;
  }

  /** The bytes of the buffers that are on their way. */
  get bytesInFlight(): number {
    return this.#ring.bytesInFlight;
  }

  /** How many requests are still to be answered. */
  get pending(): number {
    let count = this.#queue.length + this.#direct.pending;
    for (const buffer of this.#ring.buffers) if (buffer.batch !== null) count += buffer.batch.length;
    return count;
  }

  /** Whether a new request would have to wait for an older one. */
  get isFull(): boolean {
    return this.#ring.isFull;
  }

  /**
   * Asks for a range, as it will be when the request is sent: at the next {@linkcode Readbacks.flush}, or later if
   * {@linkcode Readbacks.isFull}. Never throws.
   *
   * @returns `into`, filled from its start; it is not looked at before that.
   */
  read(source: GpuBufferId | Locator, at: number, bytes: number, into: Uint8Array): Promise<Uint8Array> {
    const request = new ReadRequest(source, at, bytes, into, 4);
    if (!this.#accepts(request, at)) return request.promise;
    this.#queue.push(request);
    if (!this.#isScheduled && !this.#isBatching()) {
      this.#isScheduled = true;
      queueMicrotask(() => {
        this.#isScheduled = false;
        // A frame that is open now flushes at its end; what it asked for is not there yet.
        if (!this.#isBatching()) this.flush();
      });
    }
    return request.promise;
  }

  /** Asks for a range of a buffer that can be mapped itself, at once or after those that were asked of it before. Never throws. */
  readDirect(buffer: GpuBufferId, at: number, bytes: number, into: Uint8Array): Promise<Uint8Array> {
    const request = new ReadRequest(buffer, at, bytes, into, PLACE_ALIGN);
    if (this.#accepts(request, at)) this.#direct.add(buffer, request);
    return request.promise;
  }

  /** A buffer that can be mapped itself is about to be destroyed: what was asked of it fails. */
  drop(buffer: GpuBufferId, errorOf: (request: ReadRequest) => Error): void {
    this.#direct.drop(buffer, errorOf);
  }

  /** Whether a buffer is being read directly, and can do nothing else. */
  isReading(buffer: GpuBufferId): boolean {
    return this.#direct.has(buffer);
  }

  /** Sends everything that was asked for. Never throws. */
  flush(): void {
    if (this.#isLost || this.#isDisposed) return;
    this.#ring.tick();
    this.#ready = this.#queue.length;
    this.#send();
  }

  /** Gives back the buffers that are not on their way, and says how many bytes that were. */
  trim(): number {
    return this.#ring.trim();
  }

  /** The device was lost. Everything that was asked for fails, and so does every new request until {@linkcode Readbacks.reopened}. */
  lost(): void {
    if (this.#isLost || this.#isDisposed) return;
    this.#isLost = true;
    this.#abandon(lostError, false);
    this.#ring.forget();
  }

  /** There is another device. */
  reopened(): void {
    if (!this.#isLost || this.#isDisposed) return;
    this.#isLost = false;
    this.#ring.bury();
  }

  /** Everything that was asked for fails, and the buffers are given back. */
  dispose(): void {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    this.#abandon(disposedError, !this.#isLost);
    this.#ring.trim();
    this.#ring.bury();
  }

  /** Whether a request goes on; if not, its caller has been told. */
  #accepts(request: ReadRequest, at: number): boolean {
    const { bytes, into } = request;
    if (this.#isDisposed) request.abandon(disposedError(request));
    else if (this.#isLost) request.abandon(lostError(request));
    else {
      const fault = faultOf(at, bytes, into, this.#ring.largest);
      if (fault === undefined) {
        this.requests++;
        if (bytes > 0) return true;
        request.succeed();
      } else request.fail(fault);
    }
    return false;
  }

  /** Fails everything that has not arrived. Buffers are idle then. */
  #abandon(errorOf: (request: ReadRequest) => Error, unmap: boolean): void {
    const queue = this.#queue;
    this.#queue = [];
    this.#ready = 0;
    for (const buffer of this.#ring.buffers) {
      for (const request of buffer.batch ?? []) request.abandon(errorOf(request));
      buffer.batch = null;
    }
    for (const request of queue) request.abandon(errorOf(request));
    this.#direct.abandon(errorOf, unmap);
  }

  #send(): void {
    if (this.#isSending) return;
    this.#isSending = true;
    while (this.#ready > 0 && !this.#ring.isFull) this.#sendBatch();
    this.#isSending = false;
  }

  /** Sends as much of what is ready as fits into one buffer. If callbacks of the program have run instead, nothing was done. */
  #sendBatch(): void {
    const queue = this.#queue;
    let count = 0;
    let bytes = 0;
    while (count < this.#ready) {
      const request = queue[count]!;
      const end = placeAfter(bytes) + request.span;
      if (count > 0 && end > this.#ring.largest) break;
      request.place = placeAfter(bytes);
      bytes = end;
      count++;
    }
    let buffer: ReadbackBuffer | undefined;
    try {
      buffer = this.#ring.take(bytes);
    } catch (error) {
      if (this.#queue === queue) { for (const request of this.#shift(count)) request.reject(error); }
      return;
    }
    if (buffer === undefined) return;
    // A device that has no memory for a new buffer refuses all that is submitted together with it.
    if (!buffer.isVerified) this.#backend.submit();
    const batch: ReadRequest[] = [];
    buffer.batch = batch;
    for (const request of this.#shift(count)) if (this.#copy(request, buffer.id)) batch.push(request);
    if (batch.length === 0) {
      // Nobody would learn whether there is memory for it.
      if (buffer.isVerified) this.#ring.release(buffer);
      else this.#ring.discard(buffer);
      return;
    }
    this.#backend.submit();
    if (buffer.isVerified) this.#map(buffer, batch);
    else this.#verify(buffer, batch);
  }

  #shift(count: number): ReadRequest[] {
    this.#ready -= count;
    return this.#queue.splice(0, count);
  }

  #copy(request: ReadRequest, target: GpuBufferId): boolean {
    try {
      const { buffer, at } = request.locate();
      this.#backend.copy(buffer, at, target, request.place, request.span);
      return true;
    } catch (error) {
      request.fail(error);
      return false;
    }
  }

  #verify(buffer: ReadbackBuffer, batch: ReadRequest[]): void {
    this.#backend.verify(buffer.id).then((verdict) => {
      if (buffer.batch !== batch) return;
      if (verdict === "ok") {
        buffer.isVerified = true;
        this.#map(buffer, batch);
      } else {
        this.#failed(buffer, batch, unusable(buffer, verdict));
      }
    }, (error) => this.#failed(buffer, batch, error));
  }

  #map(buffer: ReadbackBuffer, batch: ReadRequest[]): void {
    const last = batch[batch.length - 1]!;
    this.maps++;
    try {
      this.#backend.map(buffer.id, 0, last.place + last.span).then(
        () => this.#arrived(buffer, batch),
        (error) => this.#failed(buffer, batch, error),
      );
    } catch (error) {
      this.#failed(buffer, batch, error);
    }
  }

  #arrived(buffer: ReadbackBuffer, batch: ReadRequest[]): void {
    if (buffer.batch !== batch) return;
    for (const request of batch) this.bytesRead += request.deliver(this.#backend, buffer.id, request.place);
    try {
      this.#backend.unmap(buffer.id);
      this.#ring.release(buffer);
    } catch {
      this.#ring.discard(buffer);
    }
    this.#send();
  }

  #failed(buffer: ReadbackBuffer, batch: ReadRequest[], error: unknown): void {
    if (buffer.batch !== batch) return;
    for (const request of batch) request.fail(error);
    this.#ring.discard(buffer);
    this.#send();
  }
}

function placeAfter(bytes: number): number {
  return Math.ceil(bytes / PLACE_ALIGN) * PLACE_ALIGN;
}

function disposedError(request: ReadRequest): Error {
  return disposed(request.action);
}

function lostError(request: ReadRequest): Error {
  return new GpuError(
    "FA857",
    `Cannot ${request.action} as the device was lost: ask again once there is another device`,
  );
}

function unusable(buffer: ReadbackBuffer, verdict: GpuVerdict): Error {
  if (verdict === "invalid") return new Error("the buffer to read back with is invalid");
  const action = `make a buffer of ${buffer.bytes} bytes to read back with`;
  return new GpuError("FA856", `Cannot ${action} as the device has no memory left: free some, or read less at once`);
}
