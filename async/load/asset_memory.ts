/**
 * The memory of one asset on its way: reserved through the gate of its loader, written while it is loaded, pinned once it is ready.
 */

import type { ByteGate } from "./byte_gate.ts";

/** See the file comment. */
export class AssetMemory {
  /** Its number in streaming. */
  readonly id: number;
  readonly size: number;
  readonly #gate: ByteGate;
  #isPinned = false;
  #isOpen = true;

  constructor(gate: ByteGate, id: number, size: number) {
    this.#gate = gate;
    this.id = id;
    this.size = size;
  }

  /** Whether it is still held here. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** The bytes, to be written. */
  get draft(): Uint8Array<ArrayBuffer> {
    return this.#gate.streaming.beginLoad(this.id);
  }

  /**
   * Finds out whether a stream can write into memory like this, by moving it away and back; once for each loader. If it cannot come
   * back, it has to be freed. A chunk source of the program may lack what it takes.
   */
  tryMove(): boolean {
    if (this.#gate.canMove !== undefined) return true;
    try {
      const { buffer } = this.draft;
      this.report(0, structuredClone(buffer, { transfer: [buffer] }));
      return this.#gate.canMove = true;
    } catch {
      return this.#gate.canMove = false;
    }
  }

  /** Takes note of how many were written, and in which buffer the memory has come back. */
  report(loaded: number, buffer?: ArrayBufferLike): void {
    this.#gate.streaming.reportProgress(this.id, loaded, buffer);
  }

  /** Makes it ready. It is pinned before that, as it could be evicted from then on. */
  finish(): void {
    this.#gate.streaming.pin(this.id);
    this.#isPinned = true;
    this.#gate.streaming.finishLoad(this.id);
  }

  /** The bytes, when it is ready. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#gate.streaming.access(this.id);
  }

  /**
   * Frees it, unless that was done before.
   *
   * @throws {PoolError} `FA406` if the program has pinned it as well; nothing is changed then.
   */
  free(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false; // callbacks may come back here
    const { streaming } = this.#gate;
    try {
      // It is gone already if its allocator was disposed of.
      if (!streaming.has(this.id)) return;
      if (this.#isPinned) streaming.$freePinned(this.id);
      else streaming.free(this.id);
    } finally {
      this.#isOpen = streaming.has(this.id);
      if (!this.#isOpen) this.#gate.give(this.size);
    }
  }

  /** Leaves it to streaming, which may evict it from now on. */
  keep(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    const { streaming } = this.#gate;
    try {
      if (streaming.has(this.id)) streaming.unpin(this.id);
    } finally {
      this.#gate.give(this.size);
    }
  }
}

/** Frees memory where there is nobody to be told that a callback of an eviction, which this has made possible, has thrown. */
export function freeQuietly(memory: AssetMemory | undefined): void {
  try {
    memory?.free();
  } catch {
    // The memory is free all the same.
  }
}
