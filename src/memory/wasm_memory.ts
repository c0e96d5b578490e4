/**
 * Which WebAssembly memory a buffer belongs to: a typed array tells its buffer, and a buffer does not tell its memory.
 */

const memories: WeakMap<ArrayBufferLike, WebAssembly.Memory> = new WeakMap();

/** Takes note of the buffer that a memory has now. */
export function noteMemory(memory: WebAssembly.Memory): void {
  memories.set(memory.buffer, memory);
}

/** The memory of a buffer, if that was noted. */
export function memoryOf(buffer: ArrayBufferLike): WebAssembly.Memory | undefined {
  return memories.get(buffer);
}
