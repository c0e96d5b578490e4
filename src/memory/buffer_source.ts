/**
 * Chunks that are plain JavaScript buffers, for memory that is handed to other threads, and where WebAssembly is missing.
 */

import type { Chunk, ChunkSource } from "./chunk_source.ts";

/** Moves the contents to a new buffer and detaches the old one; older runtimes have only the long way round. */
function moved(buffer: ArrayBuffer): ArrayBuffer {
  return typeof buffer.transfer === "function" ? buffer.transfer() : structuredClone(buffer, { transfer: [buffer] });
}

class BufferChunk implements Chunk {
  buffer: ArrayBuffer;
  readonly #bytes: number;

  constructor(bytes: number) {
    this.buffer = new ArrayBuffer(bytes);
    this.#bytes = bytes;
  }

  /** Memory that the program has transferred away is replaced: whoever has it keeps it. */
  revoke(): void {
    this.buffer = this.buffer.byteLength === this.#bytes ? moved(this.buffer) : new ArrayBuffer(this.#bytes);
  }

  /** The old buffer is detached, and its memory goes with the only object that could still reach it. */
  release(): void {
    if (this.buffer.byteLength === this.#bytes) {
      if (typeof this.buffer.transfer === "function") this.buffer.transfer(0);
      else moved(this.buffer);
    }
    this.buffer = new ArrayBuffer(0);
  }

  adopt(buffer: ArrayBufferLike): boolean {
    if (
      !(buffer instanceof ArrayBuffer) || buffer.byteLength !== this.#bytes || this.buffer.byteLength === this.#bytes
    ) {
      return false;
    }
    this.buffer = buffer;
    return true;
  }
}

class SharedBufferChunk implements Chunk {
  buffer: SharedArrayBuffer;

  constructor(bytes: number) {
    this.buffer = new SharedArrayBuffer(bytes);
  }

  revoke(): void {}

  /** Shared memory lives as long as some thread holds it; this chunk lets go of it. */
  release(): void {
    this.buffer = new SharedArrayBuffer(0);
  }
}

/**
 * Plain `ArrayBuffer`s: revocable and transferable. Kernels fall back to scalar code on them.
 *
 * @example
 * ```ts
 * import { arrayBufferSource } from "@framealloc/core/memory";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(arrayBufferSource.obtain(100).buffer.byteLength, 100);
 * ```
 */
export const arrayBufferSource: ChunkSource = {
  name: "arraybuffer",
  capabilities: { revocable: true, transferable: true, kernels: false, shared: false, zeroed: true, lazy: false },
  obtain: (bytes: number): Chunk => new BufferChunk(bytes),
};

/**
 * Bare `SharedArrayBuffer`s, for threads where WebAssembly is missing.
 *
 * @example
 * ```ts
 * import { sharedArrayBufferSource } from "@framealloc/core/memory";
 * import { assert } from "@std/assert";
 *
 * assert(sharedArrayBufferSource.obtain(100).buffer instanceof SharedArrayBuffer);
 * ```
 */
export const sharedArrayBufferSource: ChunkSource = {
  name: "shared arraybuffer",
  capabilities: { revocable: false, transferable: false, kernels: false, shared: true, zeroed: true, lazy: false },
  obtain: (bytes: number): Chunk => new SharedBufferChunk(bytes),
};
