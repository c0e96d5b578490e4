/**
 * What streaming knows of an asset, and of those who wait for room.
 */

import type { Tag } from "../observe/tag.ts";
import type { HeapEntry } from "./heap.ts";

/** How important an asset is. */
export type StreamPriority = "low" | "normal" | "high" | "critical";

/** How far an asset is. */
export type StreamState = "reserved" | "loading" | "ready";

/** Options of {@linkcode Streaming.reserve}. */
export interface ReserveOptions {
  /** How important the asset is. @default {"normal"} */
  readonly priority?: StreamPriority;
  /** The tag that it is booked to, or a path of tags. By default the innermost tag. */
  readonly tag?: string;
  /** A name for messages and reports. @default {"asset"} */
  readonly name?: string;
}

/** Options of {@linkcode Streaming.reserveAsync}. */
export interface ReserveAsyncOptions extends ReserveOptions {
  /** Ends the wait, such as `AbortSignal.timeout(5000)`. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Whether it goes before all others who wait, whatever their priority: for those who hold memory already, as the others may wait
   * for that very memory. @default {false}
   */
  readonly first?: boolean;
}

/** An asset that was evicted. */
export interface Eviction {
  /** Its id, which is no longer valid. */
  readonly id: number;
  /** Its name. */
  readonly name: string;
  /** The path of its tag. */
  readonly tag: string;
  /** Its bytes. */
  readonly bytes: number;
}

/** What streaming holds. All sizes are bytes. */
export interface StreamingStats {
  /** What may be reserved in all. */
  readonly budget: number;
  /** What is reserved. */
  readonly reserved: number;
  /** What of it has been loaded. */
  readonly loaded: number;
  /** What can still be reserved without an eviction. */
  readonly available: number;
  /** Assets that are reserved and not being loaded yet. */
  readonly reservedCount: number;
  /** Assets that are being loaded. */
  readonly loadingCount: number;
  /** Assets that are ready. */
  readonly readyCount: number;
  /** Assets that are pinned. */
  readonly pinnedCount: number;
  /** Reservations that wait for room. */
  readonly waiting: number;
  /** Assets that were evicted so far. */
  readonly evictions: number;
}

/** The priorities, ascending. */
export const PRIORITIES: readonly StreamPriority[] = ["low", "normal", "high", "critical"];

/** What is known of an asset. */
export class Asset {
  readonly id: number;
  readonly size: number;
  readonly priority: number;
  readonly name: string;
  readonly entry: HeapEntry;
  state: StreamState = "reserved";
  loaded = 0;
  pins = 0;
  /** The frame in which it was last used, and which use of all that was. */
  usedIn: number;
  use: number;
  #bytes: Uint8Array<ArrayBuffer> | undefined;

  constructor(id: number, size: number, priority: number, name: string, entry: HeapEntry, use: number) {
    this.id = id;
    this.size = size;
    this.priority = priority;
    this.name = name;
    this.entry = entry;
    this.usedIn = entry.frame;
    this.use = use;
  }

  get bytes(): Uint8Array<ArrayBuffer> {
    const buffer = this.entry.view.buffer as ArrayBuffer;
    if (this.#bytes?.buffer !== buffer) this.#bytes = new Uint8Array(buffer, 0, this.size);
    return this.#bytes;
  }

  /** Whether it lies in a buffer now. */
  isIn(buffer: ArrayBufferLike): boolean {
    return this.entry.view.buffer === buffer && buffer.byteLength > 0;
  }
}

/** A reservation that waits for room. */
export interface Waiter {
  readonly signal: AbortSignal | undefined;
  /** What it was given. */
  id?: number;
  readonly size: number;
  readonly priority: number;
  /** Its place in the queue: its priority, or more than any. */
  readonly rank: number;
  readonly name: string;
  readonly tag: Tag;
  resolve(id: number): void;
  reject(error: unknown): void;
}
