/**
 * Bytes that are wanted on both sides: it knows on which of them they are as they should be.
 */

import { PoolError, StaleHandleError } from "../src/errors.ts";
import type { HeapBlock } from "../src/pool/heap.ts";
import type { GpuAllocOptions } from "./alloc_options.ts";
import type { GpuHandle } from "./gpu_handle.ts";
import type { GpuAllocator } from "./gpu_allocator.ts";
import { GpuError } from "./gpu_error.ts";

/** Where the bytes of a buffer are as they should be. */
export type BufferLocation = "CpuOnly" | "GpuOnly" | "Synchronized";

/** What a buffer is made of. */
export interface UnifiedParts {
  readonly size: number;
  /** What is allocated on the device, as soon as it is needed there. */
  readonly options: GpuAllocOptions;
  readonly location: BufferLocation;
  /** Its memory of a frame of the CPU, if that is where it lives. */
  readonly frameBytes: Uint8Array | undefined;
}

/**
 * A buffer on the CPU, on the GPU, or on both; see {@linkcode UnifiedAllocator}. Its other side is made when it is first needed there.
 *
 * @typeParam B What a buffer is to the program.
 *
 * @example
 * ```ts
 * import { SmartAlloc } from "@framealloc/core";
 * import { GpuAllocator, NullBackend, UnifiedAllocator } from "@framealloc/core/gpu";
 * import { assertEquals } from "@std/assert";
 *
 * const alloc = new SmartAlloc();
 * const unified = new UnifiedAllocator(alloc, new GpuAllocator(alloc, new NullBackend()));
 * using table = unified.createCpuBuffer(1024);
 * table.cpuSliceMut().fill(7);
 * assertEquals(table.location, "CpuOnly");
 * unified.transferToGpu(table);
 * assertEquals(table.location, "Synchronized");
 * ```
 */
export class UnifiedBuffer<B = unknown> {
  /** Its bytes. */
  readonly size: number;
  readonly #gpu: GpuAllocator<B>;
  readonly #options: GpuAllocOptions;
  readonly #frame: number;
  #frameBytes: Uint8Array | undefined;
  #block: HeapBlock | undefined;
  #handle: GpuHandle | undefined;
  #location: BufferLocation;
  #isWritten = false;
  #isFreed = false;

  /** Made by {@linkcode UnifiedAllocator}. */
  constructor(gpu: GpuAllocator<B>, parts: unknown) {
    const { size, options, location, frameBytes } = parts as UnifiedParts;
    this.#gpu = gpu;
    this.size = size;
    this.#options = options;
    this.#location = location;
    this.#frameBytes = frameBytes;
    this.#frame = gpu.cpu.frameNumber;
    // What is refused is refused now.
    if (location === "GpuOnly" || frameBytes !== undefined) this.#handle = gpu.alloc(size, options);
    else this.#block = gpu.cpu.heapAlloc(size);
  }

  /** Where its bytes are as they should be. */
  get location(): BufferLocation {
    return this.#location;
  }

  /** Whether it was written on the CPU since it was last transferred. */
  get isWritten(): boolean {
    return this.#isWritten;
  }

  /** Whether it was freed, or its frame has ended. */
  get isFreed(): boolean {
    return this.#isFreed || (this.#frameBytes !== undefined && !this.#isInFrame);
  }

  /**
   * Its bytes on the CPU, to be read.
   *
   * @returns The bytes.
   * @throws {GpuError} `FA853` if they are on the GPU alone: await {@linkcode UnifiedAllocator.transferToCpu} first.
   * @throws {StaleHandleError} `FA002` if it was made for a frame that has ended, `FA401` if it was freed.
   */
  cpuSlice(): Uint8Array {
    this.$check("read");
    if (this.#location !== "GpuOnly") return this.#bytes();
    throw new GpuError(
      "FA853",
      "Cannot read a buffer on the CPU as its bytes are on the GPU alone: await transferToCpu first",
    );
  }

  /**
   * Its bytes on the CPU, to be written. Those on the GPU are out of date from now on, until {@linkcode UnifiedAllocator.transferToGpu}.
   *
   * @returns The bytes.
   * @throws As {@linkcode UnifiedBuffer.cpuSlice}.
   */
  cpuSliceMut(): Uint8Array {
    const bytes = this.cpuSlice();
    this.#location = "CpuOnly";
    this.#isWritten = true;
    return bytes;
  }

  /**
   * Its allocation on the GPU.
   *
   * @throws {GpuError} `FA852` if it has none yet: transfer it first.
   */
  get handle(): GpuHandle {
    this.$check("use");
    if (this.#handle !== undefined) return this.#handle;
    throw new GpuError("FA852", "Cannot use a buffer on the GPU as it was never there: call transferToGpu first");
  }

  /** The buffer on the GPU that it is in. */
  get buffer(): B {
    return this.#gpu.buffer(this.handle);
  }

  /** Where it starts there, in bytes. */
  get offset(): number {
    return this.#gpu.offset(this.handle);
  }

  /** Frees both sides. A second call does nothing. */
  free(): void {
    if (this.#isFreed) return;
    this.#isFreed = true;
    this.#isWritten = false;
    if (this.#handle !== undefined && this.#gpu.isLive(this.#handle)) this.#gpu.free(this.#handle);
    this.#block?.[Symbol.dispose]();
  }

  /** The same as {@linkcode UnifiedBuffer.free}. */
  [Symbol.dispose](): void {
    this.free();
  }

  /** Uploads it: not for use in programs. */
  $toGpu(): void {
    this.$check("transfer");
    if (this.#location === "GpuOnly") {
      throw new GpuError(
        "FA858",
        "Cannot transfer a buffer to the GPU as its bytes are there alone: transfer it to the CPU",
      );
    }
    const isNew = this.#handle === undefined;
    const handle = this.#handle ??= this.#gpu.alloc(this.size, this.#options);
    try {
      this.#gpu.write(handle, this.#bytes());
    } catch (error) {
      if (isNew) {
        this.#gpu.free(handle);
        this.#handle = undefined;
      }
      throw error;
    }
    this.#location = "Synchronized";
    this.#isWritten = false;
  }

  /** Reads it back: not for use in programs. */
  async $toCpu(): Promise<void> {
    this.$check("transfer");
    if (this.#location === "CpuOnly") {
      throw new GpuError(
        "FA858",
        "Cannot transfer a buffer to the CPU as its bytes are there alone: transfer it to the GPU",
      );
    }
    const made = this.#frameBytes === undefined && this.#block === undefined;
    if (made) this.#block = this.#gpu.cpu.heapAlloc(this.size);
    await this.#gpu.read(this.handle, { into: this.#bytes() });
    this.$check("transfer");
    this.#location = "Synchronized";
  }

  /** Refuses what cannot be used any more: not for use in programs. */
  $check(action: string): void {
    if (this.#isFreed) {
      throw new PoolError("FA401", `Cannot ${action} a unified buffer as it was freed: let go of it when you free it`);
    }
    if (this.#frameBytes === undefined || this.#isInFrame) return;
    throw new StaleHandleError(
      "FA002",
      `Cannot ${action} a staging buffer of frame ${this.#frame} as the frame has ended: transfer it before that`,
    );
  }

  get #isInFrame(): boolean {
    return this.#gpu.cpu.inFrame && this.#gpu.cpu.frameNumber === this.#frame;
  }

  #bytes(): Uint8Array {
    return this.#frameBytes ?? this.#block!.bytes;
  }
}
