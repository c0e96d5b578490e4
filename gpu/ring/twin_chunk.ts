/**
 * A chunk of the frame ring: memory on the CPU that is written, and buffers on the device as large as it, to which its used part is
 * uploaded. What is at an offset here is at the same offset there.
 */

import type { Chunk, ChunkCapabilities, ChunkSource } from "../../src/memory/chunk_source.ts";
import { type GpuBackend, type GpuBufferId, USAGE } from "../backend/backend.ts";

/** Chunks are multiples of this size, the page of WebAssembly, so that both sides are of the same size. */
export const TWIN_STEP: number = 64 * 1024;

/** What a frame can hold may be used for anything that is read. */
const RING_USAGE = USAGE.UNIFORM | USAGE.STORAGE | USAGE.VERTEX | USAGE.INDEX | USAGE.INDIRECT | USAGE.COPY_DST |
  USAGE.COPY_SRC;

/** See the file comment. */
export class TwinChunk implements Chunk {
  readonly bytes: number;
  /** One per frame that may be on its way to the device. */
  readonly buffers: GpuBufferId[];
  /** What of it was uploaded in this frame. */
  uploaded = 0;
  /** Whether the device had no memory for it. */
  isFailed = false;
  isThere = true;
  readonly #source: TwinSource;
  readonly #chunk: Chunk;
  #all: Uint8Array | undefined;

  constructor(source: TwinSource, chunk: Chunk, bytes: number, buffers: GpuBufferId[]) {
    this.#source = source;
    this.#chunk = chunk;
    this.bytes = bytes;
    this.buffers = buffers;
  }

  get buffer(): ArrayBufferLike {
    return this.#chunk.buffer;
  }

  /** All of it as bytes: the same view each time, as long as the memory is the same. */
  get all(): Uint8Array {
    const { buffer } = this;
    return this.#all?.buffer === buffer ? this.#all : this.#all = new Uint8Array(buffer as ArrayBuffer, 0, this.bytes);
  }

  revoke(): void {
    this.#chunk.revoke();
    this.#all = undefined;
  }

  release(): void {
    this.isThere = false;
    this.#all = undefined;
    this.#chunk.release();
    this.#source.dropped(this);
  }
}

/** Makes the chunks of a ring. */
export class TwinSource implements ChunkSource {
  readonly name: string;
  readonly capabilities: ChunkCapabilities;
  readonly chunks: TwinChunk[] = [];
  readonly #source: ChunkSource;
  readonly #backend: GpuBackend;
  readonly #segments: number;
  #made = 0;

  constructor(source: ChunkSource, backend: GpuBackend, segments: number) {
    this.name = source.name;
    // What is never touched would cost memory on the device all the same.
    this.capabilities = { ...source.capabilities, lazy: false };
    this.#source = source;
    this.#backend = backend;
    this.#segments = segments;
  }

  sizeFor(bytes: number): number {
    return Math.ceil(bytes / TWIN_STEP) * TWIN_STEP;
  }

  obtain(bytes: number): TwinChunk {
    const chunk = this.#source.obtain(this.sizeFor(bytes));
    // Sources may give more than that, and then a frame uses more.
    const size = Math.floor(chunk.buffer.byteLength / 16) * 16;
    const buffers: GpuBufferId[] = [];
    try {
      for (let i = 0; i < this.#segments; i++) {
        buffers.push(this.#backend.create(size, RING_USAGE, `ring#${++this.#made}`));
      }
    } catch (error) {
      for (const buffer of buffers) this.#backend.destroy(buffer);
      chunk.release();
      throw error;
    }
    const twin = new TwinChunk(this, chunk, size, buffers);
    this.chunks.push(twin);
    this.watch(twin);
    return twin;
  }

  /** Finds out whether the device had memory for a chunk. */
  watch(twin: TwinChunk): void {
    twin.isFailed = false;
    for (const buffer of twin.buffers) {
      this.#backend.verify(buffer).then((verdict) => {
        if (verdict !== "ok" && twin.isThere) twin.isFailed = true;
      });
    }
  }

  dropped(twin: TwinChunk): void {
    const at = this.chunks.indexOf(twin);
    if (at >= 0) this.chunks.splice(at, 1);
    for (const buffer of twin.buffers) this.#backend.destroy(buffer);
  }
}
