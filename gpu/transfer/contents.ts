/**
 * What is in allocations: bringing it to the device, from one place to another there, and back. What is written to a copy on the CPU is
 * uploaded later, all at once; what has none is written at once.
 */

import { ArgumentError, show } from "../../src/errors.ts";
import { isDetached } from "../../src/memory/gone.ts";
import type { TypedArray } from "../../src/memory/typed_array.ts";
import type { GpuBackend, GpuBufferId } from "../backend/backend.ts";
import { GpuError, type GpuErrorCode } from "../gpu_error.ts";
import type { Entry } from "../heap/entry.ts";
import { type GpuMemory, nameOf } from "../heap/gpu_memory.ts";
import type { FrameRing } from "../ring/frame_ring.ts";
import { isBytes } from "../backend/checks.ts";
import { bytesOf } from "./bytes_of.ts";
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
    const { backend, ring, uploader } = this.#parts;
    let failure: { readonly error: unknown } | undefined;
    while (listed.length > 0) {
      const entry = listed.at(-1)!;
      try {
        this.upload(entry);
      } catch (error) {
        if (backend.loss !== undefined) throw error;
        // The others are not to wait because of it.
        failure ??= { error };
      }
      entry.isListed = false;
      listed.pop();
    }
    if (ring.inFrame) ring.upload(uploader);
    uploader.submit();
    if (failure !== undefined) throw failure.error;
  }

  /** Uploads what was written to one allocation. */
  upload(entry: Entry): void {
    const { ring, uploader } = this.#parts;
    if (entry.chunk !== null) ring.upload(uploader);
    if (!entry.isListed || entry.block === null) return;
    if (isDetached(entry.words!.buffer)) {
      throw new ArgumentError(
        "FA008",
        `Cannot upload ${nameOf(entry)} as its bytes on the CPU were transferred away: free it, and allocate it again`,
      );
    }
    const isWritten = entry.use === "storage";
    uploader.flush(entry.block.buffer, entry.offset, entry.words!, entry.dirty!, isWritten, isWritten);
  }

  /** Says that bytes of the copy on the CPU have changed. */
  touch(entry: Entry, offset: number, bytes: number): void {
    if (bytes === 0) return;
    entry.writes++;
    if (entry.chunk !== null) this.#parts.ring.again(entry.chunk, entry.offset + offset, bytes, this.#parts.uploader);
    if (entry.dirty === null) return;
    entry.dirty.add(offset, bytes);
    this.#list(entry);
  }

  /** An allocation is in another place, or on another device: all of its copy has to be uploaded. */
  touchAll(entry: Entry): void {
    if (entry.dirty === null) return;
    entry.dirty.all(Math.ceil(entry.bytes / 4) * 4);
    this.#list(entry);
  }

  #list(entry: Entry): void {
    if (entry.isListed) return;
    entry.isListed = true;
    this.#listed.push(entry);
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

  /** Copies; `over` is asked for what lies between if both are in one buffer, as no device copies within one. */
  copy(source: Entry, from: number, target: Entry, at: number, bytes: number, over: () => Entry): void {
    checkRange(source, from, bytes, "copy from");
    checkRange(target, at, bytes, "copy to");
    // What ends an allocation may end within a word: the rest of that belongs to nobody else.
    const isLast = at + bytes === target.bytes;
    checkWords(source, isLast ? [from, at] : [from, at, bytes], "copy from");
    bytes = Math.ceil(bytes / 4) * 4;
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
      const between = over();
      try {
        const { buffer } = between.block!;
        backend.copy(this.bufferOf(source, "copy from"), source.offset + from, buffer, between.offset, bytes);
        backend.copy(buffer, between.offset, this.bufferOf(target, "copy to"), target.offset + at, bytes);
        uploader.submit();
      } finally {
        memory.free(between);
      }
    }
  }

  read(entry: Entry, offset: number, bytes: number, into: Uint8Array | undefined): Promise<Uint8Array> {
    checkRange(entry, offset, bytes, "read");
    if (into !== undefined && (!isBytes(into) || into.byteLength < bytes)) {
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

  /** Reads all of an entry into its copy on the CPU. */
  refresh(entry: Entry, copy: Uint8Array): Promise<Uint8Array> {
    this.bufferOf(entry, "refresh");
    this.upload(entry);
    return this.#parts.readbacks.read(this.#locate(entry, true), 0, entry.bytes, copy);
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
  #locate(entry: Entry, isRefresh = false): Locator {
    const { memory } = this.#parts;
    const { handle, writes } = entry;
    const name = nameOf(entry);
    const { chunk } = entry;
    let { tries } = entry;
    return {
      name,
      locate: () => {
        if (memory.slots.find(handle) !== entry.slot || entry.isFailed) return undefined;
        tries = entry.tries;
        return { buffer: this.bufferOf(entry, "read"), at: entry.offset };
      },
      refusal: (action) => {
        const why = (code: GpuErrorCode, text: string) => new GpuError(code, `Cannot ${action} of ${name} as ${text}`);
        if (chunk !== null && chunk.isFailed) {
          return why("FA856", "the device had no memory for its frame: allocate less in frames, and ask again");
        }
        if (memory.slots.find(handle) !== entry.slot) {
          return isRefresh ? why("FA858", "it was freed meanwhile: keep it until they have arrived") : undefined;
        }
        // Nothing was copied then, and what has come is another one's.
        if (entry.isFailed || entry.tries !== tries) {
          return why("FA856", "the device had no memory for where it was: free some, and ask again");
        }
        if (!isRefresh || entry.writes === writes) return undefined;
        return why("FA858", "its copy on the CPU was written meanwhile: write it after they have arrived");
      },
    };
  }
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
