/**
 * Reads a stream into memory that is there already. A stream of bytes writes into it itself: the memory goes to the stream with each
 * read, and comes back as another buffer. From any other stream each chunk is copied once.
 */

import { show } from "../../src/errors.ts";
import type { AssetMemory } from "./asset_memory.ts";
import { failed, LoadFailure } from "./load_failure.ts";

/** How much is read at once where the bytes are only counted. */
const SCRATCH = 65_536;

type Chunk = Uint8Array<ArrayBufferLike>;

/** Whether memory can be moved, and so be given to a stream. */
interface Movable {
  readonly canMove: boolean | undefined;
}

/** See the file comment. */
export class SourceReader {
  readonly #stream: ReadableStream<Uint8Array> | null;
  readonly #signal: AbortSignal;
  readonly #movable: Movable;
  readonly #abort: () => void;
  #byob: ReadableStreamBYOBReader | undefined;
  #plain: ReadableStreamDefaultReader<Chunk> | undefined;
  /** What was read and had no room. */
  #rest: Chunk | undefined;
  #isAtEnd: boolean;
  /** How many bytes were read, kept or not. */
  received = 0;

  /**
   * Takes a stream, to read it or to cancel it.
   *
   * @param stream The stream, or `null` for nothing.
   * @param signal Ends every read, also of a stream that does not listen to it.
   * @param movable Whether the stream may write into the memory itself; known by the first read.
   * @throws {LoadFailure} If it is being read already.
   */
  constructor(stream: ReadableStream<Uint8Array> | null, signal: AbortSignal, movable: Movable) {
    this.#stream = stream;
    this.#signal = signal;
    this.#movable = movable;
    this.#isAtEnd = stream === null;
    this.#abort = () => this.close(signal.reason);
    if (stream === null) return;
    if (stream.locked) {
      throw new LoadFailure("its stream is being read already", {
        advice: "give one that nobody else reads, or a function that makes one",
        isFinal: true,
      });
    }
    signal.addEventListener("abort", this.#abort, { once: true });
    if (signal.aborted) this.#abort();
  }

  /**
   * Reads some bytes.
   *
   * @param memory Where they go.
   * @param loaded How many are there already.
   * @returns How many more are there now; 0 at the end of the stream.
   */
  async readInto(memory: AssetMemory, loaded: number): Promise<number> {
    this.#begin();
    if (this.#byob !== undefined && this.#rest === undefined) {
      if (this.#isAtEnd) return 0;
      const value = await this.#fill(memory.draft.subarray(loaded));
      // Without a value the stream was cancelled, and the memory went with it.
      if (value !== undefined) memory.report(loaded + value.length, value.buffer);
      return value?.length ?? 0;
    }
    const chunk = await this.#next();
    if (chunk === undefined) return 0;
    const count = Math.min(chunk.length, memory.size - loaded);
    memory.draft.set(chunk.subarray(0, count), loaded);
    memory.report(loaded + count);
    this.#rest = count < chunk.length ? chunk.subarray(count) : undefined;
    return count;
  }

  /** Whether there is nothing more to read: one more read tells. */
  async isOver(): Promise<boolean> {
    this.#begin();
    if (this.#byob === undefined) this.#rest = await this.#next();
    else if (this.#rest === undefined && !this.#isAtEnd) {
      const value = await this.#fill(new Uint8Array(1));
      this.#rest = value?.length === 1 ? value : undefined;
    }
    return this.#rest === undefined;
  }

  /**
   * Reads on and keeps nothing.
   *
   * @param most Where to stop at the latest.
   * @returns How many bytes there were; more than `most` if there are even more.
   */
  async count(most: number): Promise<number> {
    this.#begin();
    let scratch = new Uint8Array(SCRATCH);
    let count = this.#rest?.length ?? 0;
    this.#rest = undefined;
    while (count <= most && !this.#isAtEnd) {
      const value = this.#byob === undefined ? await this.#next() : await this.#fill(scratch);
      if (value === undefined) break;
      count += value.length;
      if (this.#byob !== undefined) scratch = new Uint8Array(value.buffer as ArrayBuffer);
    }
    return count;
  }

  /** Ends reading; what the stream still has is not wanted. */
  close(reason?: unknown): void {
    this.#signal.removeEventListener("abort", this.#abort);
    const reader = this.#byob ?? this.#plain ?? this.#stream;
    if (!this.#isAtEnd) reader?.cancel(reason).catch(() => {});
    this.#isAtEnd = true;
  }

  #begin(): void {
    this.#signal.throwIfAborted();
    if (this.#isAtEnd || this.#byob !== undefined || this.#plain !== undefined) return;
    try {
      if (this.#movable.canMove !== false) this.#byob = this.#stream!.getReader({ mode: "byob" });
    } catch {
      // It is no stream of bytes.
    }
    if (this.#byob === undefined) this.#plain = this.#stream!.getReader();
  }

  /** One read of a stream of bytes. */
  async #fill(view: Uint8Array<ArrayBuffer>): Promise<Chunk | undefined> {
    const { value, done } = await this.#try(() => this.#byob!.read(view));
    if (done) this.#isAtEnd = true;
    this.received += value?.length ?? 0;
    return value;
  }

  /** What was left over, or the next chunk that has something in it; `undefined` at the end. */
  async #next(): Promise<Chunk | undefined> {
    let chunk = this.#rest;
    while (!this.#isAtEnd && (chunk === undefined || chunk.length === 0)) {
      const { value, done } = await this.#try(() => this.#plain!.read());
      if (done) {
        this.#isAtEnd = true;
        return undefined;
      }
      if (!(value instanceof Uint8Array)) {
        throw new LoadFailure(`its stream gives ${show(value)}`, {
          advice: "give a stream of Uint8Array",
          isFinal: true,
        });
      }
      this.received += value.length;
      chunk = value;
    }
    return chunk;
  }

  async #try<T>(read: () => Promise<T>): Promise<T> {
    try {
      const result = await read();
      this.#signal.throwIfAborted();
      return result;
    } catch (error) {
      this.#signal.throwIfAborted();
      throw failed("its source broke off", error);
    }
  }
}
