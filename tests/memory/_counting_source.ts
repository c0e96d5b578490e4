/** A chunk source that counts what it has given, notices what is given back twice, and fails when it is told to. */

import { arrayBufferSource, type Chunk, type ChunkSource } from "@framealloc/core/memory";
import { assert } from "@std/assert";

/** See the file comment. */
export class CountingSource implements ChunkSource {
  readonly name: string;
  readonly capabilities: ChunkSource["capabilities"];
  /** What it refuses with. */
  readonly refusal: RangeError = new RangeError("Not today");
  isGenerous = true;
  /** Whether it gives a byte less than it is asked for, whatever its source rounds to. */
  isShort = false;
  /** The buffers that were given, in chunks that were not given back. */
  readonly buffers: Set<ArrayBufferLike> = new Set();
  /** The bytes that were asked for and not given back. */
  bytes = 0;
  /** The chunks that were ever given. */
  obtained = 0;
  /** How often it has refused. */
  refusals = 0;
  readonly #inside: ChunkSource;
  readonly #limit: number;

  /** Takes its memory from another source; `limit` is how many bytes there are. */
  constructor(inside: ChunkSource = arrayBufferSource, { lazy = inside.capabilities.lazy, limit = Infinity } = {}) {
    this.name = inside.name;
    this.capabilities = { ...inside.capabilities, lazy };
    this.#inside = inside;
    this.#limit = limit;
  }

  /** The chunks that were given and not given back. */
  get chunks(): number {
    return this.buffers.size;
  }

  obtain(bytes: number): Chunk {
    if (!this.isGenerous || this.bytes + bytes > this.#limit) {
      this.refusals++;
      throw this.refusal;
    }
    const chunk = this.isShort ? arrayBufferSource.obtain(bytes - 1) : this.#inside.obtain(bytes);
    const { buffer } = chunk;
    this.buffers.add(buffer);
    this.obtained++;
    this.bytes += bytes;
    const counted: Chunk = {
      get buffer() {
        return chunk.buffer;
      },
      revoke: () => chunk.revoke(),
      release: () => {
        assert(this.buffers.delete(buffer), "a chunk was given back twice");
        this.bytes -= bytes;
        chunk.release();
      },
    };
    return chunk.adopt === undefined ? counted : Object.assign(counted, { adopt: chunk.adopt.bind(chunk) });
  }
}
