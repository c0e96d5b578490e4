/**
 * Reading buffers that can be mapped themselves, without a copy on the device. A buffer can be mapped only once at a time, so those
 * who want the same one wait in line.
 */

import type { GpuBackend, GpuBufferId } from "../backend/backend.ts";
import type { ReadRequest } from "./read_request.ts";

/** Where maps and delivered bytes are counted. */
export interface ReadCounts {
  maps: number;
  bytesRead: number;
}

/** The lines of all buffers that are being read. */
export class DirectReads {
  readonly #backend: GpuBackend;
  readonly #counts: ReadCounts;
  /** Those who wait for a buffer; the first is being served. */
  readonly #lines: Map<GpuBufferId, ReadRequest[]> = new Map();

  constructor(backend: GpuBackend, counts: ReadCounts) {
    this.#backend = backend;
    this.#counts = counts;
  }

  /** How many requests are still to be answered. */
  get pending(): number {
    let count = 0;
    for (const line of this.#lines.values()) count += line.length;
    return count;
  }

  has(buffer: GpuBufferId): boolean {
    return this.#lines.has(buffer);
  }

  add(buffer: GpuBufferId, request: ReadRequest): void {
    const line = this.#lines.get(buffer);
    if (line !== undefined) {
      line.push(request);
      return;
    }
    this.#lines.set(buffer, [request]);
    this.#serve(buffer);
  }

  /** Fails everything that has not arrived. */
  abandon(errorOf: (request: ReadRequest) => Error, unmap: boolean): void {
    const lines = [...this.#lines];
    this.#lines.clear();
    for (const [buffer, line] of lines) {
      if (unmap) this.#unmap(buffer);
      for (const request of line) request.abandon(errorOf(request));
    }
  }

  /** Fails what was asked of a buffer that is about to be destroyed. */
  drop(buffer: GpuBufferId, errorOf: (request: ReadRequest) => Error): void {
    const line = this.#lines.get(buffer);
    if (line === undefined) return;
    this.#lines.delete(buffer);
    for (const request of line) request.fail(errorOf(request));
  }

  /** Maps a buffer for the first in line; if that cannot be, for the next. */
  #serve(buffer: GpuBufferId): void {
    const line = this.#lines.get(buffer)!;
    while (line.length > 0) {
      const request = line[0]!;
      try {
        this.#backend.submit();
        this.#backend.map(buffer, request.start, request.span).then(
          () => this.#over(buffer, line, () => this.#deliver(buffer, request)),
          (error) => this.#over(buffer, line, () => request.fail(error)),
        );
        this.#counts.maps++;
        return;
      } catch (error) {
        line.shift();
        request.fail(error);
      }
    }
    this.#lines.delete(buffer);
  }

  #over(buffer: GpuBufferId, line: ReadRequest[], tell: () => void): void {
    if (this.#lines.get(buffer) !== line) return;
    tell();
    line.shift();
    this.#serve(buffer);
  }

  #deliver(buffer: GpuBufferId, request: ReadRequest): void {
    this.#counts.bytesRead += request.deliver(this.#backend, buffer, request.start);
    this.#unmap(buffer);
  }

  /** Ends a mapping; one that a lost device or a destroyed buffer has ended already is none of our business. */
  #unmap(buffer: GpuBufferId): void {
    try {
      this.#backend.unmap(buffer);
    } catch {
      // It is over either way.
    }
  }
}
