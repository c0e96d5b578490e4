/**
 * Chunks that are WebAssembly memories: kernels can work on them in place, and growing one by nothing detaches every view.
 */

import type { Chunk, ChunkSource } from "./chunk_source.ts";
import { noteMemory } from "./wasm_memory.ts";

const PAGE = 65_536;

class WasmChunk implements Chunk {
  #memory: WebAssembly.Memory;
  buffer: ArrayBufferLike;

  constructor(bytes: number, shared: boolean) {
    const pages = Math.max(1, Math.ceil(bytes / PAGE));
    this.#memory = shared
      ? new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true })
      : new WebAssembly.Memory({ initial: pages });
    this.buffer = this.#memory.buffer;
    noteMemory(this.#memory);
  }

  revoke(): void {
    this.#memory.grow(0);
    this.buffer = this.#memory.buffer;
    noteMemory(this.#memory);
  }

  /** A memory cannot be freed by hand: its views are detached, and the collector takes it once nothing holds it. */
  release(): void {
    this.revoke();
  }
}

/**
 * WebAssembly memory, private to this thread. The default for frames: revocable, and kernels work on it in place. Untouched
 * pages cost address space only.
 *
 * @example
 * ```ts
 * import { wasmSource } from "@framealloc/core/memory";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(wasmSource.obtain(1).buffer.byteLength, 65_536); // whole pages
 * ```
 */
export const wasmSource: ChunkSource = {
  name: "wasm",
  capabilities: { revocable: true, transferable: false, kernels: true, shared: false, zeroed: true, lazy: true },
  obtain: (bytes: number): Chunk => new WasmChunk(bytes, false),
};

/**
 * WebAssembly memory shared between threads. It cannot be detached, so the safety mode `"revoke"` is refused on it.
 *
 * @example
 * ```ts
 * import { sharedWasmSource } from "@framealloc/core/memory";
 * import { assert } from "@std/assert";
 *
 * assert(sharedWasmSource.obtain(1).buffer instanceof SharedArrayBuffer);
 * ```
 */
export const sharedWasmSource: ChunkSource = {
  name: "shared wasm",
  capabilities: { revocable: false, transferable: false, kernels: true, shared: true, zeroed: true, lazy: true },
  obtain: (bytes: number): Chunk => new WasmChunk(bytes, true),
};

/** Whether this runtime has WebAssembly memories. */
export function hasWasm(): boolean {
  return typeof WebAssembly === "object" && typeof WebAssembly.Memory === "function";
}
