/**
 * What is in allocations: bringing it to the device, from one place to another there, and back. What is written to a copy on the CPU is
 * uploaded later, all at once; what has none is written at once.
 */

import { ArgumentError, show } from "../../src/errors.ts";
import type { TypedArray } from "../../src/memory/typed_array.ts";
import type { GpuBackend, GpuBufferId } from "../backend/backend.ts";
import { GpuError } from "../gpu_error.ts";
import type { Entry } from "../heap/entry.ts";
import { type GpuMemory, nameOf } from "../heap/gpu_memory.ts";
import type { FrameRing } from "../ring/frame_ring.ts";
import type { Readbacks } from "./readbacks.ts";
import type { Locator } from "./locator.ts";
import type { StreamQueue } from "./stream_queue.ts";
import type { Uploader } from "./uploader.ts";

/** What is behind an allocator, as far as this needs it. */
export interface ContentsParts {
  readonly backend: GpuBackend;
  readonly memory: GpuMemory;
  readonly ring: FrameRing;
  readonly uploader: Uploader;
  readonly readbacks: Readbacks;
  readonly streams: StreamQueue;
}

/** See the file comment. */
export class Contents {
  readonly #parts: ContentsParts;
  /** Those with something to upload. */
  readonly #listed: Entry[] = [];

  constructor(parts: ContentsParts) {
    this.#parts = parts;
  }

  /** Uploads everything that was written, and hands it to the device. */
  flush(): void {
    const listed = this.#listed;
    while (listed.length > 0) {
      this.upload(listed.at(-1)!);
      listed.pop();
    }
    const { ring, uploader } = this.#parts;
    if (ring.inFrame) ring.upload(uploader);
    uploader.submit();
  }

  /** Uploads what was written to one allocation. */
  upload(entry: Entry): void {
    if (!entry.isListed) return;
    if (entry.block !== null && !entry.isFailed) {
      const isWritten = entry.use === "storage";
      const { uploader } = this.#parts;
      uploader.flush(entry.block.buffer, entry.offset, entry.words!, entry.dirty!, isWritten, isWritten);
    }
    entry.isListed = false;
  }

  /** Says that bytes of the copy on the CPU have changed. */
  touch(entry: Entry, offset: number, bytes: number): void {
    if (entry.dirty === null || bytes === 0) return;
    entry.dirty.add(offset, bytes);
    if (entry.isListed) return;
    entry.isListed = true;
    this.#listed.push(entry);
  }

  /** An allocation is in another place, or on another device: all of its copy has to be uploaded. */
  touchAll(entry: Entry): void {
    if (entry.dirty === null) return;
    entry.dirty.all(Math.ceil(entry.bytes / 4) * 4);
    this.touch(entry, 0, 4);
  }

  /** An allocation is about to be freed: what is to be uploaded is not, and the entry may be another one's soon. */
  forget(entry: Entry): void {
    if (!entry.isListed) return;
    entry.isListed = false;
    this.#listed.splice(this.#listed.indexOf(entry), 1);
  }

  write(entry: Entry, data: TypedArray | DataView | ArrayBuffer, offset: number): void {
    const bytes = bytesOf(data, `write to ${nameOf(entry)}`);
    checkRange(entry, offset, bytes.byteLength, "write to");
    if (bytes.byteLength === 0) return;
    if (entry.bytesOnCpu !== null) {
      entry.bytesOnCpu.set(bytes, offset);
      this.touch(entry, offset, bytes.byteLength);
      return;
    }
    const whole = Math.floor(bytes.byteLength / 4) * 4;
    // What ends an allocation may end within a word: the rest of that belongs to nobody else.
    const isLast = offset + bytes.byteLength === entry.bytes;
    checkWords(entry, [offset, isLast ? whole : bytes.byteLength], "write to");
    const { uploader } = this.#parts;
    const buffer = this.bufferOf(entry, "write to");
    uploader.write(buffer, entry.offset + offset, bytes, 0, whole);
    if (whole === bytes.byteLength) return;
    const word = new Uint8Array(4);
    word.set(bytes.subarray(whole));
    uploader.write(buffer, entry.offset + offset + whole, word, 0, 4);
  }

  copy(source: Entry, from: number, target: Entry, at: number, bytes: number, between: () => Entry): void {
    checkRange(source, from, bytes, "copy from");
    checkRange(target, at, bytes, "copy to");
    checkWords(source, [from, at, bytes], "copy from");
    const { backend, uploader, memory } = this.#parts;
    const sourceBuffer = this.bufferOf(source, "copy from");
    const targetBuffer = this.bufferOf(target, "copy to");
    if (source.place === "readback") {
      throw new GpuError(
        "FA852",
        `Cannot copy from ${nameOf(source)} as what is read back can do nothing else: read it`,
      );
    }
    this.upload(source);
    this.upload(target);
    const [start, end] = [source.offset + from, target.offset + at];
    if (sourceBuffer !== targetBuffer) backend.copy(sourceBuffer, start, targetBuffer, end, bytes);
    else if (bytes > 0 && start !== end) {
      // No device copies within a buffer.
      const over = between();
      backend.copy(sourceBuffer, start, over.block!.buffer, over.offset, bytes);
      backend.copy(over.block!.buffer, over.offset, targetBuffer, end, bytes);
      uploader.submit();
      memory.free(over);
    }
  }

  read(entry: Entry, offset: number, bytes: number, into: Uint8Array | undefined): Promise<Uint8Array> {
    checkRange(entry, offset, bytes, "read");
    if (into !== undefined && (!(into instanceof Uint8Array) || into.byteLength < bytes)) {
      throw new ArgumentError(
        "FA008",
        `Cannot read ${bytes} bytes of ${nameOf(entry)} into ${show(into)}: give a Uint8Array that is large enough`,
      );
    }
    const buffer = this.bufferOf(entry, "read");
    const target = into ?? new Uint8Array(bytes);
    const { readbacks } = this.#parts;
    if (entry.place === "readback") return readbacks.readDirect(buffer, offset, bytes, target);
    this.upload(entry);
    return readbacks.read(this.#locate(entry), offset, bytes, target);
  }

  stream(entry: Entry, data: TypedArray | ArrayBuffer, offset: number, importance: number): Promise<void> {
    const bytes = bytesOf(data, `stream to ${nameOf(entry)}`);
    checkRange(entry, offset, bytes.byteLength, "stream to");
    checkWords(entry, [offset, bytes.byteLength], "stream to");
    if (typeof importance !== "number" || Number.isNaN(importance)) {
      throw new ArgumentError("FA008", `Cannot stream with the importance ${show(importance)}: give a number`);
    }
    this.bufferOf(entry, "stream to");
    if (entry.bytesOnCpu !== null) {
      throw new GpuError(
        "FA852",
        `Cannot stream to ${nameOf(entry)} as it has a copy on the CPU: write to it, or allocate it as DeviceOnly`,
      );
    }
    return this.#parts.streams.push(this.#locate(entry), offset, bytes, importance);
  }

  /** The buffer that an entry is in. */
  bufferOf(entry: Entry, action: string): GpuBufferId {
    if (entry.block !== null) return entry.block.buffer;
    if (entry.chunk !== null) return entry.chunk.buffers[this.#parts.ring.frame % this.#parts.ring.segments]!;
    throw new GpuError(
      "FA852",
      `Cannot ${action} ${
        nameOf(entry)
      } as staged bytes are on the CPU alone: write them to an allocation on the device`,
    );
  }

  /** Where an allocation will be when it is asked: it may have moved by then, or be gone. */
  #locate(entry: Entry): Locator {
    const { memory } = this.#parts;
    const { handle } = entry;
    const name = nameOf(entry);
    return {
      name,
      locate: () => {
        if (memory.slots.find(handle) !== entry.slot || entry.isFailed) return undefined;
        return { buffer: this.bufferOf(entry, "read"), at: entry.offset };
      },
    };
  }
}

/** The bytes of what can be written. */
function bytesOf(data: unknown, action: string): Uint8Array {
  if (ArrayBuffer.isView(data)) {
    if (data.buffer.byteLength > 0 || data.byteLength === 0) {
      // A view whose memory was detached has no length any more; it was not empty when it was made.
      if (data.buffer.byteLength === 0 && isDetached(data.buffer)) throw noMemoryIn(data, action);
      return data instanceof Uint8Array
        ? data
        : new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
    }
  }
  if (data instanceof ArrayBuffer || (typeof SharedArrayBuffer !== "undefined" && data instanceof SharedArrayBuffer)) {
    if (isDetached(data)) throw noMemoryIn(data, action);
    return new Uint8Array(data as ArrayBuffer);
  }
  throw new ArgumentError("FA008", `Cannot ${action} with ${show(data)}: give a typed array or an ArrayBuffer`);
}

function isDetached(buffer: ArrayBufferLike): boolean {
  if (buffer.byteLength > 0 || !(buffer instanceof ArrayBuffer)) return false;
  if (typeof buffer.detached === "boolean") return buffer.detached;
  try {
    new Uint8Array(buffer);
    return false;
  } catch {
    return true;
  }
}

function noMemoryIn(data: unknown, action: string): ArgumentError {
  return new ArgumentError(
    "FA008",
    `Cannot ${action} with ${show(data)} as its memory was detached: give one whose frame or task has not ended`,
  );
}

/** Refuses what is outside of an allocation. */
export function checkRange(entry: Entry, offset: unknown, bytes: unknown, action: string): void {
  const isWhole = Number.isSafeInteger(offset) && Number.isSafeInteger(bytes);
  if (
    isWhole && (offset as number) >= 0 && (bytes as number) >= 0 &&
    (offset as number) + (bytes as number) <= entry.bytes
  ) {
    return;
  }
  throw new ArgumentError(
    "FA009",
    `Cannot ${action} ${nameOf(entry)} at ${show(offset)} with ${
      show(bytes)
    } bytes as it has ${entry.bytes}: stay inside`,
  );
}

/** Refuses what is no multiple of a word, which devices can do nothing with. */
function checkWords(entry: Entry, values: readonly number[], action: string): void {
  if (values.every((value) => value % 4 === 0)) return;
  throw new ArgumentError(
    "FA008",
    `Cannot ${action} ${nameOf(entry)} with an offset or a size in ${
      values.join(", ")
    } that is no multiple of 4: devices work on whole words`,
  );
}
