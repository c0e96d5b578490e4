/**
 * The libraries that are measured beside ours, loaded so that a plain `deno bench` works without any permission.
 */

import pool from "typedarray-pool";

/** A heap over one buffer, as far as it is used here. */
export interface Heap {
  mallocAs(type: "f32", length: number): Float32Array | undefined;
  mallocAs(type: "f64", length: number): Float64Array | undefined;
  callocAs(type: "f32", length: number): Float32Array | undefined;
  free(array: Float64Array): boolean;
  freeAll(): void;
}

/** A pool of typed arrays, as far as it is used here. */
export interface ArrayPool {
  mallocFloat32(length: number): Float32Array;
  freeFloat32(array: Float32Array): void;
  mallocFloat64(length: number): Float64Array;
  freeFloat64(array: Float64Array): void;
}

/** `typedarray-pool`: free lists of buffers by size; each request makes a new view. */
export const arrayPool: ArrayPool = pool;

/**
 * Loads `@thi.ng/malloc`, an allocator on one buffer that can free everything at once, as a frame does.
 *
 * It looks at an environment variable while it is loaded, which needs a permission; it does without where there is no `process`.
 *
 * @param bytes The size of the buffer.
 * @returns The heap, or why there is none.
 */
export async function loadHeap(bytes: number): Promise<Heap | string> {
  const { process } = globalThis;
  Reflect.set(globalThis, "process", undefined);
  try {
    const { MemPool } = await import("@thi.ng/malloc");
    return new MemPool({ size: bytes }) as unknown as Heap;
  } catch (error) {
    return `@thi.ng/malloc is left out: ${error instanceof Error ? error.message : error}`;
  } finally {
    Reflect.set(globalThis, "process", process);
  }
}
