/** A chunk source that counts what it has given, notices what is given back twice, and refuses when it is told to. */

import { arrayBufferSource, type Chunk, type ChunkSource } from "@framealloc/core/memory";
import { assert } from "@std/assert";

/** See the file comment. */
export class CountingSource implements ChunkSource {
  readonly name: string;
  readonly capabilities: ChunkSource["capabilities"];
  /** What it refuses with. */
  readonly refusal: RangeError = new RangeError("Not today");
  isGenerous = true;
  /** The chunks that were given and not given back. */
  chunks = 0;
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

  obtain(bytes: number): Chunk {
    if (!this.isGenerous || this.bytes + bytes > this.#limit) {
      this.refusals++;
      throw this.refusal;
    }
    const chunk = this.#inside.obtain(bytes);
    this.chunks++;
    this.obtained++;
    this.bytes += bytes;
    let isHeld = true;
    const counted: Chunk = {
      get buffer() {
        return chunk.buffer;
      },
      revoke: () => chunk.revoke(),
      release: () => {
        assert(isHeld, "a chunk was given back twice");
        isHeld = false;
        this.chunks--;
        this.bytes -= bytes;
        chunk.release();
      },
    };
    return chunk.adopt === undefined ? counted : Object.assign(counted, { adopt: chunk.adopt.bind(chunk) });
  }
}
