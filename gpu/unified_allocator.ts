/**
 * One coordinator for CPU and GPU: frames that begin and end on both, buffers that are wanted on both, and one view of what both use.
 */

import { ArgumentError, FrameStateError, show } from "../src/errors.ts";
import { FrameGuard } from "../src/frame/guards.ts";
import type { Frames } from "../src/frame/frames.ts";
import type { SmartAlloc } from "../src/smart_alloc.ts";
import { describe, type GpuAllocOptions } from "./alloc_options.ts";
import { GpuAllocator } from "./gpu_allocator.ts";
import { GpuError } from "./gpu_error.ts";
import { Entry } from "./heap/entry.ts";
import type { GpuIntent, GpuLifetime } from "./intent.ts";
import { UnifiedBuffer } from "./unified_buffer.ts";

/** What CPU and GPU hold now. All sizes are bytes. */
export interface UnifiedUsage {
  /** What is held from chunk sources, with all that is charged to budgets but the GPU's. */
  readonly cpu: number;
  /** The buffers on the device. */
  readonly gpu: number;
  /** Both together, which is what the global budget is asked for. */
  readonly combined: number;
  /** The hard limits; `Infinity` where there is none. */
  readonly limits: {
    /** That of {@linkcode GpuAllocatorOptions.budget}. */
    readonly gpu: number;
    /** That of `alloc.budgets.setGlobal`. */
    readonly combined: number;
  };
}

/**
 * Coordinates a {@linkcode SmartAlloc} and a {@linkcode GpuAllocator} that uses its budgets: what one of them holds is missing to the
 * other where they share a limit, `alloc.budgets.setGlobal` on all and `setTag` on a part.
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
 *
 * const results = unified.createGpuBuffer(1024, "DeviceOnly", "Persistent");
 * {
 *   using _frame = unified.frame(); // on both
 *   const staging = unified.createStagingBuffer(1024);
 *   staging.cpuSliceMut().fill(42);
 *   unified.transferToGpu(staging);
 *   unified.gpuAllocator.copy(staging.handle, results.handle); // or a dispatch of yours
 * }
 * await unified.transferToCpu(results);
 * assertEquals(results.cpuSlice()[1023], 42);
 * results.free();
 * ```
 */
export class UnifiedAllocator<B = unknown> {
  /** The allocator of the CPU. */
  readonly cpuAllocator: SmartAlloc;
  /** The allocator of the GPU. */
  readonly gpuAllocator: GpuAllocator<B>;
  /** The staging buffers of the current frame. */
  readonly #staged: UnifiedBuffer<B>[] = [];

  /**
   * Coordinates two allocators.
   *
   * @param alloc The allocator of the CPU.
   * @param gpu The allocator of the GPU, which was made with the other one.
   * @throws {ArgumentError} `FA008` if they do not belong together.
   */
  constructor(alloc: SmartAlloc, gpu: GpuAllocator<B>) {
    if (!(gpu instanceof GpuAllocator) || gpu.cpu !== alloc) {
      throw new ArgumentError(
        "FA008",
        `Cannot coordinate ${show(alloc)} and ${show(gpu)}: give a GpuAllocator that was made with the same SmartAlloc`,
      );
    }
    this.cpuAllocator = alloc;
    this.gpuAllocator = gpu;
  }

  /** Whether a frame is open. */
  get inFrame(): boolean {
    return this.gpuAllocator.inFrame;
  }

  /**
   * Begins a frame on both.
   *
   * @throws {FrameStateError} `FA004` if one is open already.
   * @throws As {@linkcode GpuAllocator.beginFrame}; no frame is open then.
   */
  beginFrame(): void {
    // What can be known before is refused before: a frame of the CPU that was begun is counted.
    if (!this.cpuAllocator.inFrame) this.gpuAllocator.$checkFrame();
    this.cpuAllocator.beginFrame();
    try {
      this.gpuAllocator.beginFrame();
    } catch (error) {
      if (this.cpuAllocator.inFrame) this.cpuAllocator.endFrame();
      throw error;
    }
  }

  /**
   * Begins a frame on both that ends with the returned guard.
   *
   * @returns The guard, for `using` or its `end()`.
   * @throws As {@linkcode UnifiedAllocator.beginFrame}.
   */
  frame(): FrameGuard {
    this.beginFrame();
    const frame = this.gpuAllocator.frameNumber;
    const { frameNumber } = this.cpuAllocator;
    return new FrameGuard({ endGuardedFrame: () => this.#endGuarded(frame, frameNumber) }, frame);
  }

  /**
   * Ends the frame on both: uploads what was written, then ends the memory.
   *
   * @throws {FrameStateError} `FA005` if none is open.
   * @throws {GpuError} `FA851` if a staging buffer was written and not transferred since: its bytes are lost. The frame is over all the same.
   * @throws As {@linkcode GpuAllocator.endFrame}.
   */
  endFrame(): void {
    if (!this.gpuAllocator.inFrame && !this.cpuAllocator.inFrame) {
      throw new FrameStateError(
        "FA005",
        "Cannot end a frame on CPU and GPU as none is open: begin one first, and end each once",
      );
    }
    const forgotten = this.#staged.filter((buffer) => buffer.isWritten);
    const bytes = forgotten.reduce((sum, { size }) => sum + size, 0);
    this.#staged.length = 0;
    const frame = this.gpuAllocator.frameNumber;
    try {
      if (this.gpuAllocator.inFrame) this.gpuAllocator.endFrame();
    } finally {
      if (this.cpuAllocator.inFrame) this.cpuAllocator.endFrame();
    }
    if (forgotten.length === 0) return;
    throw new GpuError(
      "FA851",
      `Cannot keep ${bytes} bytes in ${forgotten.length} staging buffers of frame ${frame} as they were written and not transferred: call transferToGpu before the frame ends, or free() what is not needed`,
    );
  }

  /**
   * A buffer on the CPU, which lives until it is freed. Its side on the GPU is made by the first {@linkcode UnifiedAllocator.transferToGpu}.
   *
   * @param size Its bytes; at least 1.
   * @param options What its side on the GPU is for.
   * @returns The buffer; it holds zeros.
   * @throws {ArgumentError} `FA008` if the size makes no sense.
   * @throws {BudgetError} `FA351` or `FA352` if a budget refuses.
   */
  createCpuBuffer(size: number, options: GpuAllocOptions = {}): UnifiedBuffer<B> {
    checkSize(size);
    const all = copyOf(options);
    describe(new Entry(0), all); // now, not when its side on the GPU is made
    return new UnifiedBuffer(this.gpuAllocator, { size, options: all, location: "CpuOnly", frameBytes: undefined });
  }

  /**
   * A buffer on the GPU. Its side on the CPU is made by the first {@linkcode UnifiedAllocator.transferToCpu}.
   *
   * @param size Its bytes; at least 1.
   * @param intent Who uses it. @default {"DeviceOnly"}
   * @param lifetime How long it lives. @default {"Persistent"}
   * @param options Whatever else is asked of it.
   * @returns The buffer; it holds what was there before, unless `zero` is asked for.
   * @throws As {@linkcode GpuAllocator.alloc}.
   */
  createGpuBuffer(
    size: number,
    intent: GpuIntent = "DeviceOnly",
    lifetime: GpuLifetime = "Persistent",
    options: Omit<GpuAllocOptions, "intent" | "lifetime"> = {},
  ): UnifiedBuffer<B> {
    checkSize(size);
    const all = { ...copyOf(options), intent, lifetime };
    return new UnifiedBuffer(this.gpuAllocator, { size, options: all, location: "GpuOnly", frameBytes: undefined });
  }

  /**
   * A buffer for this frame: memory of the frame on the CPU, and as much on the GPU to transfer it to.
   *
   * @param size Its bytes; at least 1.
   * @param options What its side on the GPU is for.
   * @returns The buffer; its bytes are whatever was there before.
   * @throws {FrameStateError} `FA001` if no frame is open.
   * @throws As {@linkcode GpuAllocator.alloc}.
   */
  createStagingBuffer(size: number, options: Omit<GpuAllocOptions, "intent" | "lifetime"> = {}): UnifiedBuffer<B> {
    checkSize(size);
    const all: GpuAllocOptions = { ...copyOf(options), intent: "DeviceOnly", lifetime: "Frame" };
    const scope = this.cpuAllocator.scope();
    let buffer: UnifiedBuffer<B>;
    try {
      const frameBytes = this.cpuAllocator.frameSlice(Uint8Array, size);
      buffer = new UnifiedBuffer(this.gpuAllocator, { size, options: all, location: "CpuOnly", frameBytes });
      scope.commit();
    } catch (error) {
      if (this.cpuAllocator.inFrame) scope.end();
      throw error;
    }
    this.#staged.push(buffer);
    return buffer;
  }

  /**
   * Brings what was written on the CPU to the GPU. It is there for whatever is submitted after this, or after the next
   * {@linkcode GpuAllocator.flush} if its options have the allocator keep a copy: the intent `"HostVisible"`, or `onLoss: "shadow"`.
   *
   * @param buffer The buffer.
   * @throws {GpuError} `FA858` if its bytes are on the GPU alone, `FA857` if the device was lost. Nothing is transferred then.
   * @throws {PoolError} `FA401` if it was freed; {@linkcode StaleHandleError} `FA002` if its frame has ended.
   * @throws {BudgetError} `FA351` or `FA352` if it has no side on the GPU yet and a budget refuses one.
   */
  transferToGpu(buffer: UnifiedBuffer<B>): void {
    this.#own(buffer);
    buffer.$toGpu();
  }

  /**
   * Brings what is on the GPU to the CPU. All that is asked for in a frame comes at once after its end.
   *
   * @param buffer The buffer.
   * @returns Settles when the bytes can be read with {@linkcode UnifiedBuffer.cpuSlice}. If it rejects, and also if nobody hears of that,
   * the buffer is as it was.
   * @throws {GpuError} `FA858` if its bytes are on the CPU alone, if it is a staging buffer, or if it is freed or written on the CPU
   * meanwhile; and as {@linkcode GpuAllocator.read}.
   * @throws {PoolError} `FA401` if it was freed; {@linkcode StaleHandleError} `FA002` if its frame has ended.
   */
  transferToCpu(buffer: UnifiedBuffer<B>): Promise<void> {
    const transfer = this.#transferToCpu(buffer);
    // The frame that asked for it may have ended by an error, before anybody waits: that must not end the program.
    transfer.catch(() => {});
    return transfer;
  }

  async #transferToCpu(buffer: UnifiedBuffer<B>): Promise<void> {
    this.#own(buffer);
    await buffer.$toCpu();
  }

  /** What both hold now. */
  getUsage(): UnifiedUsage {
    const { global } = (this.cpuAllocator.$frames as Frames).ledger;
    const { reserved, limit } = this.gpuAllocator.$usage;
    const combined = global?.used ?? 0;
    return {
      cpu: combined - reserved,
      gpu: reserved,
      combined,
      limits: { gpu: limit, combined: global?.hard ?? Infinity },
    };
  }

  /**
   * Waits until the GPU has done everything that was submitted. Nothing needs that to be correct: what is handed to the device takes effect
   * in order. In Deno it blocks the thread meanwhile.
   *
   * @throws {GpuError} `FA857` if the device is lost.
   */
  async gpuDone(): Promise<void> {
    await this.gpuAllocator.backend.done();
  }

  #endGuarded(gpuFrame: number, cpuFrame: number): void {
    const { cpuAllocator, gpuAllocator } = this;
    const isOpen = gpuAllocator.inFrame
      ? gpuAllocator.frameNumber === gpuFrame
      : cpuAllocator.inFrame && cpuAllocator.frameNumber === cpuFrame;
    if (isOpen) return this.endFrame();
    throw new FrameStateError(
      "FA007",
      `Cannot end frame ${gpuFrame} on CPU and GPU as it has ended already: dispose guards in the frame that they were made in`,
    );
  }

  #own(buffer: unknown): void {
    if (buffer instanceof UnifiedBuffer && buffer.$isOf(this.gpuAllocator)) return;
    throw new ArgumentError(
      "FA008",
      `Cannot transfer ${show(buffer)}: give what a method of this unified allocator returned`,
    );
  }
}

/** Options as they are now, whatever the program does with the object later. */
function copyOf(options: GpuAllocOptions): GpuAllocOptions {
  if (typeof options === "object" && options !== null) return { ...options };
  throw new ArgumentError("FA008", `Cannot make a buffer with ${show(options)} as options: give an object`);
}

function checkSize(size: unknown): void {
  if (Number.isSafeInteger(size) && (size as number) >= 1) return;
  throw new ArgumentError("FA008", `Cannot make a buffer of ${show(size)} bytes: give a whole number of at least 1`);
}
