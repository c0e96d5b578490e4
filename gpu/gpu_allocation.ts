/**
 * An allocation as an object, for those who do not want to keep numbers.
 */

import type { GpuHandle } from "./gpu_handle.ts";

/** Whose allocations they are, as far as this needs it. */
interface Owner<B> {
  isLive(handle: GpuHandle): boolean;
  size(handle: GpuHandle): number;
  buffer(handle: GpuHandle): B;
  offset(handle: GpuHandle): number;
  free(handle: GpuHandle): void;
}

/**
 * An allocation on a device, as an object. One that is left to the garbage collector without having been freed is reported by
 * {@linkcode GpuAllocator.leaks}.
 *
 * @typeParam B What a buffer is to the program.
 *
 * @example
 * ```ts
 * import { SmartAlloc } from "@framealloc/core";
 * import { GpuAllocator, NullBackend } from "@framealloc/core/gpu";
 * import { assertEquals } from "@std/assert";
 *
 * const gpu = new GpuAllocator(new SmartAlloc(), new NullBackend());
 * {
 *   using mesh = gpu.create(1200, { use: "vertex", name: "mesh" });
 *   gpu.write(mesh.handle, new Float32Array(300));
 *   assertEquals([mesh.bytes, mesh.offset], [1200, 0]);
 * }
 * assertEquals(gpu.stats().allocations, 0);
 * ```
 */
export class GpuAllocation<B = unknown> {
  /** The number that stands for it. */
  readonly handle: GpuHandle;
  readonly #gpu: Owner<B>;

  /** Made by {@linkcode GpuAllocator.create} and {@linkcode GpuAllocator.ref}. */
  constructor(gpu: unknown, handle: GpuHandle) {
    this.#gpu = gpu as Owner<B>;
    this.handle = handle;
  }

  /** Whether it is still there: not freed, and not evicted. */
  get isLive(): boolean {
    return this.#gpu.isLive(this.handle);
  }

  /** The bytes that were asked for. */
  get bytes(): number {
    return this.#gpu.size(this.handle);
  }

  /** The buffer that it is in; see {@linkcode GpuAllocator.buffer}. */
  get buffer(): B {
    return this.#gpu.buffer(this.handle);
  }

  /** Where it starts in its buffer; see {@linkcode GpuAllocator.offset}. */
  get offset(): number {
    return this.#gpu.offset(this.handle);
  }

  /**
   * Frees it.
   *
   * @throws {PoolError} `FA401` if that was done before, or it was evicted.
   */
  free(): void {
    this.#gpu.free(this.handle);
  }

  /** Frees it, unless it is gone already. */
  [Symbol.dispose](): void {
    if (this.isLive) this.free();
  }
}
