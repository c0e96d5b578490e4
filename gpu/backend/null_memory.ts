/**
 * The memory of the null device: bytes that are only taken when somebody writes them.
 */

import type { GpuBufferId } from "./backend.ts";
import type { BufferTable } from "./buffer_table.ts";

/** The bytes of buffers that have none. */
const NO_BYTES: Uint8Array = new Uint8Array(0);

/** Bytes by buffer. */
export class NullMemory {
  /** The bytes of buffers that there was no memory for. */
  missingBytes = 0;
  /** How many those are. */
  missing = 0;
  readonly #table: BufferTable;
  readonly #bytes: (Uint8Array | undefined)[] = [];
  readonly #has: boolean[] = [];

  constructor(table: BufferTable) {
    this.#table = table;
  }

  /** Has a buffer of zeros, or one that there is no memory for. */
  enter(buffer: GpuBufferId, hasMemory: boolean): void {
    this.#has[buffer] = hasMemory;
    this.#bytes[buffer] = undefined;
    if (!hasMemory) this.#miss(buffer, 1);
  }

  /** Whether there is memory for a buffer: not either if it was destroyed or lost. */
  has(buffer: GpuBufferId): boolean {
    return this.#has[buffer]!;
  }

  /** The bytes of a buffer; `undefined` if none was written yet, and all are zeros. */
  peek(buffer: GpuBufferId): Uint8Array | undefined {
    return this.#bytes[buffer];
  }

  /** The bytes of a buffer. */
  bytes(buffer: GpuBufferId): Uint8Array {
    if (!this.#has[buffer]) return NO_BYTES;
    return this.#bytes[buffer] ??= new Uint8Array(this.#table.size(buffer));
  }

  /** Has a buffer no longer. */
  drop(buffer: GpuBufferId): void {
    if (!this.#has[buffer]) this.#miss(buffer, -1);
    this.#forget(buffer);
  }

  /** Has no buffer any longer. */
  dropAll(): void {
    for (let buffer = 0; buffer < this.#has.length; buffer++) this.#forget(buffer);
    this.missing = 0;
    this.missingBytes = 0;
  }

  #forget(buffer: GpuBufferId): void {
    const memory = this.#bytes[buffer]?.buffer as ArrayBuffer | undefined;
    this.#bytes[buffer] = undefined;
    this.#has[buffer] = false;
    // Whoever still looks at the bytes is to find none, as on a real device.
    if (typeof memory?.transfer === "function") memory.transfer(0);
  }

  #miss(buffer: GpuBufferId, sign: number): void {
    this.missing += sign;
    this.missingBytes += sign * this.#table.size(buffer);
  }
}
