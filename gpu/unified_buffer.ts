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
  /** How often its bytes on the CPU were given out to be written. */
  #writes = 0;
  /** How often its allocation had lost its contents when both sides were last the same. */
  #losses = 0;
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
    if (this.#location !== "Synchronized" || this.#lossesNow === this.#losses) return this.#location;
    return "CpuOnly";
  }

  /** Whether it was written on the CPU since it was last transferred. */
  get isWritten(): boolean {
    return this.#isWritten;
  }

  /** Whether it was freed, its frame has ended, or it was evicted while its bytes were on the GPU alone. */
  get isFreed(): boolean {
    return this.#isFreed || this.#isGone || (this.#frameBytes !== undefined && !this.#isInFrame);
  }

  /**
   * Its bytes on the CPU, to be read.
   *
   * @returns The bytes.
   * @throws {GpuError} `FA853` if they are on the GPU alone: await {@linkcode UnifiedAllocator.transferToCpu} first.
   * @throws {StaleHandleError} `FA002` if it was made for a frame that has ended.
   * @throws {PoolError} `FA401` if it was freed or evicted.
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
    this.#writes++;
    return bytes;
  }

  /**
   * Its allocation on the GPU.
   *
   * @throws {GpuError} `FA852` if it has none yet, or none any more: transfer it first.
   */
  get handle(): GpuHandle {
    this.$check("use");
    if (this.#handle !== undefined && this.#isLive) return this.#handle;
    throw new GpuError("FA852", "Cannot use a buffer on the GPU as it is not there: call transferToGpu first");
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
    this.#leaveGpu();
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
    const made = this.#lossesNow >= 0 ? undefined : this.#gpu.alloc(this.size, this.#options);
    try {
      this.$check("transfer"); // a callback of a budget may have freed it
      this.#gpu.write(made ?? this.#handle!, this.#bytes());
    } catch (error) {
      if (made !== undefined && this.#gpu.isLive(made)) this.#gpu.free(made);
      throw error;
    }
    if (made !== undefined) {
      this.#leaveGpu();
      this.#handle = made;
    }
    this.#synchronized(this.#lossesNow);
    this.#isWritten = false;
  }

  /** Reads it back: not for use in programs. */
  async $toCpu(): Promise<void> {
    this.$check("transfer");
    if (this.#frameBytes !== undefined) {
      throw new GpuError(
        "FA858",
        "Cannot transfer a staging buffer to the CPU as its bytes would arrive after its frame: use createGpuBuffer",
      );
    }
    if (this.location === "CpuOnly") {
      throw new GpuError(
        "FA858",
        "Cannot transfer a buffer to the CPU as its bytes are there alone: transfer it to the GPU",
      );
    }
    // Whatever becomes of it meanwhile, nobody's bytes change unless all went well.
    const writes = this.#writes;
    const losses = this.#lossesNow;
    const bytes = await this.#gpu.read(this.handle);
    this.$check("transfer");
    if (this.#writes !== writes) {
      throw new GpuError(
        "FA858",
        "Cannot transfer a buffer to the CPU as it was written there meanwhile: await the transfer before you write",
      );
    }
    this.#block ??= this.#gpu.cpu.heapAlloc(this.size, { zero: false });
    this.#block.bytes.set(bytes);
    this.#synchronized(losses);
  }

  /** Whether it is a buffer of an allocator: not for use in programs. */
  $isOf(gpu: GpuAllocator<B>): boolean {
    return #gpu in this && this.#gpu === gpu;
  }

  /** Refuses what cannot be used any more: not for use in programs. */
  $check(action: string): void {
    if (this.#isFreed) {
      throw new PoolError("FA401", `Cannot ${action} a unified buffer as it was freed: let go of it when you free it`);
    }
    if (this.#isGone) {
      throw new PoolError(
        "FA401",
        `Cannot ${action} a unified buffer as its bytes were on the GPU alone, and it was freed or evicted there: pin it, or transfer it before`,
      );
    }
    if (this.#frameBytes === undefined || this.#isInFrame) return;
    throw new StaleHandleError(
      "FA002",
      `Cannot ${action} a staging buffer of frame ${this.#frame} as the frame has ended: transfer it before that`,
    );
  }

  get #lossesNow(): number {
    return this.#handle === undefined ? -1 : this.#gpu.$losses(this.#handle);
  }

  get #isLive(): boolean {
    return this.#handle !== undefined && this.#gpu.isLive(this.#handle);
  }

  get #isGone(): boolean {
    return this.#location === "GpuOnly" && !this.#isLive;
  }

  #leaveGpu(): void {
    if (this.#isLive) this.#gpu.free(this.#handle!);
  }

  #synchronized(losses: number): void {
    this.#location = "Synchronized";
    this.#losses = losses;
  }

  get #isInFrame(): boolean {
    return this.#gpu.cpu.inFrame && this.#gpu.cpu.frameNumber === this.#frame;
  }

  #bytes(): Uint8Array {
    return this.#frameBytes ?? this.#block!.bytes;
  }
}
