/**
 * Where memory comes from. Everything above asks a source for chunks and asks it what they can do; a source of one's own is
 * the way to put frames into buffers that something else owns, whole ones: a chunk starts at the first byte of its buffer.
 */

/**
 * What the chunks of a source can do.
 *
 * @example
 * ```ts
 * import { wasmSource } from "@framealloc/core/memory";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(wasmSource.capabilities.kernels, true);
 * ```
 */
export interface ChunkCapabilities {
  /** Whether {@linkcode Chunk.revoke} can detach every view at once. */
  readonly revocable: boolean;
  /** Whether the buffer can be moved to another thread with `postMessage`. */
  readonly transferable: boolean;
  /** Whether wasm code can work on the memory in place. */
  readonly kernels: boolean;
  /** Whether the buffer is shared between threads. */
  readonly shared: boolean;
  /** Whether a chunk holds zeros when it is given; where this is left out, nobody counts on it. */
  readonly zeroed?: boolean;
  /** Whether memory that was asked for and never touched costs address space only, so that it pays to ask generously. */
  readonly lazy: boolean;
}

/**
 * A piece of memory of fixed size. It never moves and never grows; its views stay valid until it is revoked or released.
 *
 * @example
 * ```ts
 * import { arrayBufferSource } from "@framealloc/core/memory";
 * import { assertEquals } from "@std/assert";
 *
 * const chunk = arrayBufferSource.obtain(1024);
 * const view = new Uint8Array(chunk.buffer);
 * chunk.revoke();
 * assertEquals(view.length, 0); // detached
 * assertEquals(chunk.buffer.byteLength, 1024); // the memory itself is still there
 * ```
 */
export interface Chunk {
  /** The memory as it is now: another object after {@linkcode Chunk.revoke}. */
  readonly buffer: ArrayBufferLike;
  /** Detaches every view of the memory and keeps its contents. Does nothing where the source is not revocable. */
  revoke(): void;
  /** Gives the memory back. The chunk must not be used after that. */
  release(): void;
  /**
   * Takes back memory that was transferred away and has come back as another buffer of the same size, as reading from a stream of
   * bytes does.
   *
   * @param buffer The memory now.
   * @returns Whether it could be taken.
   */
  adopt?(buffer: ArrayBufferLike): boolean;
}

/**
 * Gives chunks of memory.
 *
 * @example A source that refuses to give more than a megabyte
 * ```ts
 * import { arrayBufferSource, type ChunkSource } from "@framealloc/core/memory";
 * import { assertThrows } from "@std/assert";
 *
 * let left = 1024 * 1024;
 * const frugal: ChunkSource = {
 *   name: "frugal",
 *   capabilities: arrayBufferSource.capabilities,
 *   obtain(bytes) {
 *     if (bytes > left) throw new RangeError(`Cannot give ${bytes} bytes as ${left} are left`);
 *     left -= bytes;
 *     return arrayBufferSource.obtain(bytes);
 *   },
 * };
 * assertThrows(() => frugal.obtain(2_000_000), RangeError);
 * ```
 */
export interface ChunkSource {
  /** A short name for messages and reports. */
  readonly name: string;
  /** What its chunks can do. */
  readonly capabilities: ChunkCapabilities;
  /**
   * Says how large a chunk it gives when it is asked for so many bytes, where that is more.
   *
   * @param bytes How many bytes.
   * @returns The size in bytes.
   */
  sizeFor?(bytes: number): number;
  /**
   * Gives a chunk.
   *
   * @param bytes The least size in bytes.
   * @returns A chunk of at least that size.
   * @throws Any error if there is no such memory; whoever asked turns it into a coded one and keeps it as the cause.
   */
  obtain(bytes: number): Chunk;
}
