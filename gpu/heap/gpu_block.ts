/**
 * One buffer of the heap: shared by many allocations, or dedicated to a large one.
 */

import type { GpuBufferId } from "../backend/backend.ts";
import type { GpuHeapName } from "../intent.ts";
import { Tlsf } from "./tlsf.ts";

/** See the file comment. */
export class GpuBlock {
  readonly heap: GpuHeapName;
  readonly buffer: GpuBufferId;
  readonly bytes: number;
  readonly label: string;
  readonly isStreaming: boolean;
  /** Who is where; `null` for a dedicated one. */
  readonly nodes: Tlsf | null;
  /** The place in the table of the one that is in a dedicated one; -1 if there is none. */
  owner = -1;
  /** The bytes in use. */
  used = 0;
  /** The allocations in it, and those of them that may not move. */
  count = 0;
  pins = 0;
  /** The frame in which it became empty. */
  quietSince = 0;
  /** Whether nothing new may go there: it is being emptied, or the device had no memory for it. */
  isClosed = false;
  /** Whether it is one of the heap's. */
  isThere = true;
  /** Whether it is known that the device had memory for it. */
  isVerified = false;

  readonly #unit: number;

  constructor(
    heap: { readonly name: GpuHeapName; readonly unit: number },
    buffer: GpuBufferId,
    bytes: number,
    label: string,
    isDedicated: boolean,
    streams: boolean,
  ) {
    this.heap = heap.name;
    this.#unit = heap.unit;
    this.buffer = buffer;
    this.bytes = bytes;
    this.label = label;
    this.isStreaming = streams;
    this.nodes = isDedicated ? null : new Tlsf(bytes / heap.unit);
  }

  get isDedicated(): boolean {
    return this.nodes === null;
  }

  /** The bytes that are free and could be given out. */
  get free(): number {
    return this.nodes === null ? this.bytes - this.used : this.nodes.free * this.#unit;
  }

  get largestFree(): number {
    return this.nodes === null ? this.bytes - this.used : this.nodes.largestFree * this.#unit;
  }
}
