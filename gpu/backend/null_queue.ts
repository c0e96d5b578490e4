/**
 * What was asked of the null device and not submitted yet, with copies of the bytes, in order.
 */

import type { GpuBufferId } from "./backend.ts";
import { packedIndex } from "./checks.ts";
import type { NullMemory } from "./null_memory.ts";

const WRITE = 0;
const COPY = 1;
const CLEAR = 2;
const SCATTER = 3;

/** The numbers of one command: kind, target, at, bytes, and three of its own. */
const WIDTH = 7;

/** The queue of the null device. */
export class NullQueue {
  /** How many commands wait. */
  length = 0;
  #commands = new Float64Array(WIDTH * 64);
  #staged = new Uint8Array(4096);
  #stagedBytes = 0;

  /** Notes a write, and copies its bytes. */
  write(target: GpuBufferId, at: number, source: Uint8Array, from: number, bytes: number): void {
    this.#push(WRITE, target, at, bytes, this.#stage(source, from, bytes), 0, 0);
  }

  /** Notes a copy. */
  copy(source: GpuBufferId, from: number, target: GpuBufferId, at: number, bytes: number): void {
    this.#push(COPY, target, at, bytes, source, from, 0);
  }

  /** Notes a clear. */
  clear(target: GpuBufferId, at: number, bytes: number): void {
    this.#push(CLEAR, target, at, bytes, 0, 0, 0);
  }

  /** Notes a scatter, and copies its bytes. */
  scatter(target: GpuBufferId, at: number, bytes: number, packed: Uint8Array, count: number, stride: number): void {
    this.#push(SCATTER, target, at, bytes, this.#stage(packed, 0, count * (4 + stride)), count, stride);
  }

  /** Whether a buffer is the source or the target of a command that waits. */
  touches(buffer: GpuBufferId): boolean {
    for (let i = 0; i < this.length; i++) {
      const at = i * WIDTH;
      if (this.#commands[at + 1] === buffer) return true;
      if (this.#commands[at] === COPY && this.#commands[at + 4] === buffer) return true;
    }
    return false;
  }

  /** Does everything. */
  run(memory: NullMemory): void {
    for (let i = 0; i < this.length; i++) this.#run(memory, i * WIDTH);
    this.clearAll();
  }

  /** Forgets everything. */
  clearAll(): void {
    this.length = 0;
    this.#stagedBytes = 0;
  }

  #run(memory: NullMemory, i: number): void {
    const target = this.#commands[i + 1]!;
    const at = this.#commands[i + 2]!;
    const bytes = this.#commands[i + 3]!;
    const from = this.#commands[i + 4]!;
    if (!memory.has(target)) return;
    switch (this.#commands[i]) {
      case WRITE:
        memory.bytes(target).set(this.#staged.subarray(from, from + bytes), at);
        break;
      case COPY:
        if (memory.has(from)) this.#copy(memory, from, this.#commands[i + 5]!, target, at, bytes);
        break;
      case CLEAR:
        memory.peek(target)?.fill(0, at, at + bytes);
        break;
      case SCATTER:
        this.#scatter(memory.bytes(target), at, from, this.#commands[i + 5]!, this.#commands[i + 6]!);
        break;
    }
  }

  #copy(
    memory: NullMemory,
    source: GpuBufferId,
    from: number,
    target: GpuBufferId,
    at: number,
    bytes: number,
  ): void {
    const read = memory.peek(source);
    if (read === undefined) memory.peek(target)?.fill(0, at, at + bytes);
    else memory.bytes(target).set(read.subarray(from, from + bytes), at);
  }

  #scatter(target: Uint8Array, at: number, from: number, count: number, stride: number): void {
    const packed = this.#staged.subarray(from, from + count * (4 + stride));
    for (let i = 0; i < count; i++) {
      const record = count * 4 + i * stride;
      target.set(packed.subarray(record, record + stride), at + packedIndex(packed, i) * stride);
    }
  }

  #stage(source: Uint8Array, from: number, bytes: number): number {
    const at = this.#stagedBytes;
    if (at + bytes > this.#staged.length) {
      const grown = new Uint8Array(Math.max(at + bytes, this.#staged.length * 2));
      grown.set(this.#staged.subarray(0, at));
      this.#staged = grown;
    }
    this.#staged.set(new Uint8Array(source.buffer as ArrayBuffer, source.byteOffset + from, bytes), at);
    this.#stagedBytes = at + bytes;
    return at;
  }

  #push(kind: number, target: number, at: number, bytes: number, a: number, b: number, c: number): void {
    const i = this.length++ * WIDTH;
    if (i === this.#commands.length) {
      const grown = new Float64Array(i * 2);
      grown.set(this.#commands);
      this.#commands = grown;
    }
    this.#commands[i] = kind;
    this.#commands[i + 1] = target;
    this.#commands[i + 2] = at;
    this.#commands[i + 3] = bytes;
    this.#commands[i + 4] = a;
    this.#commands[i + 5] = b;
    this.#commands[i + 6] = c;
  }
}
