/**
 * What the allocator needs of a device, and nothing else: buffers by number, writes and copies in order, and reading back. A backend
 * knows nothing of heaps, frames or budgets; the allocator knows nothing of WebGPU.
 */

/** A buffer of a device. Numbers are given out from 0 on, and one that was destroyed is not given again before a thousand others. */
export type GpuBufferId = number;

/** What a buffer can be used for: the bits of WebGPU's `GPUBufferUsage`. */
export const USAGE: {
  readonly MAP_READ: number;
  readonly MAP_WRITE: number;
  readonly COPY_SRC: number;
  readonly COPY_DST: number;
  readonly INDEX: number;
  readonly VERTEX: number;
  readonly UNIFORM: number;
  readonly STORAGE: number;
  readonly INDIRECT: number;
  readonly QUERY_RESOLVE: number;
} = {
  MAP_READ: 0x1,
  MAP_WRITE: 0x2,
  COPY_SRC: 0x4,
  COPY_DST: 0x8,
  INDEX: 0x10,
  VERTEX: 0x20,
  UNIFORM: 0x40,
  STORAGE: 0x80,
  INDIRECT: 0x100,
  QUERY_RESOLVE: 0x200,
};

/** What a device demands and allows. All sizes are bytes. */
export interface GpuLimits {
  /** The alignment of uniform bindings. */
  readonly uniformAlign: number;
  /** The alignment of storage bindings. */
  readonly storageAlign: number;
  /** The largest buffer. */
  readonly maxBufferSize: number;
  /** The largest uniform binding. */
  readonly maxUniformBinding: number;
  /** The largest storage binding. */
  readonly maxStorageBinding: number;
}

/** How a device was lost. */
export interface GpuLoss {
  /** `"destroyed"` by the program, or `"unknown"`: by the driver, the system, or anything else. */
  readonly reason: "destroyed" | "unknown";
  /** What the device said. */
  readonly message: string;
}

/** What came of a buffer that was created: devices find out later. */
export type GpuVerdict = "ok" | "out of memory" | "invalid";

/**
 * A device.
 *
 * Writes and copies take effect in the order in which they are called, when {@linkcode GpuBackend.submit} is called at the latest. All
 * offsets and sizes are bytes and multiples of 4, and nothing happens if there are no bytes.
 *
 * Every method throws `FA404` for a number that is no buffer's; `FA857` if the device, or the buffer with an older one, was lost; `FA401`
 * for a buffer that was destroyed; `FA008` for a range that is outside a buffer or an array, misaligned or detached; `FA852` for a buffer
 * whose usage does not allow it; `FA853` for one that is mapped, or about to be; and `FA012` after {@linkcode GpuBackend.dispose}. Nothing
 * has happened then. What only ends things never complains of things that have ended: {@linkcode GpuBackend.destroy},
 * {@linkcode GpuBackend.unmap}, {@linkcode GpuBackend.submit} and {@linkcode GpuBackend.dispose}.
 *
 * What is asked of a buffer that turns out to be `"out of memory"` or `"invalid"` is let pass, and does not happen.
 *
 * @typeParam B What a buffer is to the program: a `GPUBuffer`, or bytes.
 */
export interface GpuBackend<B = unknown> {
  /** A short name for messages and reports. */
  readonly name: string;
  /** What the device demands and allows. */
  readonly limits: GpuLimits;
  /** Whether it is a software device, whose memory is the computer's own. */
  readonly isFallback: boolean;
  /** How the device was lost; `undefined` as long as it is there. */
  readonly loss: GpuLoss | undefined;
  /** Told once per loss, by whoever uses this backend. */
  onLoss: ((loss: GpuLoss) => void) | undefined;
  /**
   * Makes a buffer of zeros. Whether there was memory for it is found out later: ask {@linkcode GpuBackend.verify}.
   *
   * @param bytes Its size: a multiple of 4, at most {@linkcode GpuLimits.maxBufferSize}.
   * @param usage What it can be used for, as bits of {@linkcode USAGE}.
   * @param label A name for messages of the device.
   * @returns Its number.
   * @throws {ArgumentError} `FA008` if that is no size or no usage.
   * @throws {GpuError} `FA852` if `MAP_READ` goes with more than `COPY_DST`, or `MAP_WRITE` with more than `COPY_SRC`.
   */
  create(bytes: number, usage: number, label: string): GpuBufferId;
  /**
   * Waits until it is known what came of a buffer. Never rejects; a buffer that was lost or destroyed meanwhile is `"ok"`.
   *
   * @param buffer The buffer.
   */
  verify(buffer: GpuBufferId): Promise<GpuVerdict>;
  /**
   * Destroys a buffer, at once for the program, and for the device after all that was called before. A second call does nothing. A buffer
   * that was lost is not to be made again then.
   */
  destroy(buffer: GpuBufferId): void;
  /** The buffer as the program uses it. */
  raw(buffer: GpuBufferId): B;
  /**
   * Writes bytes of the CPU to a buffer. They are read before this returns.
   *
   * @param buffer The buffer.
   * @param at Where to write.
   * @param source The bytes; may be shared memory.
   * @param from Where they start: any byte.
   * @param bytes How many.
   */
  write(buffer: GpuBufferId, at: number, source: Uint8Array, from: number, bytes: number): void;
  /** Copies between two buffers, which must not be the same one. */
  copy(source: GpuBufferId, from: number, target: GpuBufferId, at: number, bytes: number): void;
  /** Fills with zeros. */
  clear(buffer: GpuBufferId, at: number, bytes: number): void;
  /**
   * Writes many records of the same size to places that are far apart, in one go.
   *
   * @param buffer The buffer; its usage has `STORAGE`.
   * @param at Where the records' array starts: a multiple of {@linkcode GpuLimits.storageAlign}.
   * @param bytes How long the array is; at most {@linkcode GpuLimits.maxStorageBinding}.
   * @param packed First the index of each record as 32 bits, then the records, one after the other. Its `byteOffset` is a multiple of 4.
   * @param count How many records. No index may occur twice, and each record has to be inside the array.
   * @param stride The bytes of a record.
   */
  scatter(
    buffer: GpuBufferId,
    at: number,
    bytes: number,
    packed: Uint8Array,
    count: number,
    stride: number,
  ): void;
  /** Hands everything to the device. */
  submit(): void;
  /** Waits until the device has done all that was submitted. May block the thread meanwhile, and does in Deno. Rejects with `FA857`. */
  done(): Promise<void>;
  /**
   * Waits for what was submitted and makes a range readable; the buffer's usage has `MAP_READ`. It can do nothing else until
   * {@linkcode GpuBackend.unmap}.
   *
   * @param buffer The buffer.
   * @param at Where the range starts: a multiple of 8.
   * @param bytes Its size, which is not 0.
   * @returns Rejects with `FA857` if the device is lost, and with `FA853` if the buffer is unmapped or destroyed, before that; with `FA856`
   * or `FA858` if the buffer turned out to be `"out of memory"` or `"invalid"`.
   * @throws {GpuError} `FA853` if it is mapped, or about to be; strict devices also throw it if there is work for it that was not submitted.
   */
  map(buffer: GpuBufferId, at: number, bytes: number): Promise<void>;
  /**
   * Copies out of a mapped range.
   *
   * @param buffer The buffer.
   * @param at Where in the buffer: a multiple of 8.
   * @param into Filled with the bytes; its length is a multiple of 4.
   * @throws {GpuError} `FA853` if that range is not mapped.
   */
  readMapped(buffer: GpuBufferId, at: number, into: Uint8Array): void;
  /** Ends the mapping of a buffer, or the wait for it. Does nothing if there is none. */
  unmap(buffer: GpuBufferId): void;
  /**
   * Gets a new device in place of the one that was lost. Every buffer of the old one is gone but keeps its number: make it again with
   * {@linkcode GpuBackend.recreate}. Does nothing if the device is there.
   *
   * @throws {GpuError} `FA857` if there is none.
   */
  reopen(): Promise<void>;
  /**
   * Makes a buffer of the old device again on the new one: as large, for the same usages, full of zeros.
   *
   * @throws {ArgumentError} `FA008` if it was not lost.
   */
  recreate(buffer: GpuBufferId): void;
  /** Destroys every buffer, and the device if it was made by this. What waits is rejected. */
  dispose(): void;
}
