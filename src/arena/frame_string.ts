/**
 * Text as UTF-8 in the memory of a frame, a group, a scratch pool or a task: for overlays, logs and network messages that are built anew each frame.
 */

import { viewOf } from "../memory/life.ts";
import type { NumberVecBase } from "../layout/number_vec.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * A growable text in frame memory, as UTF-8.
 *
 * @example
 * ```ts
 * import { SmartAlloc } from "@framealloc/core";
 * import { assertEquals } from "@std/assert";
 *
 * const alloc = new SmartAlloc();
 * alloc.beginFrame();
 * const line = alloc.frameString("fps ").append("60").append(" ✓");
 * assertEquals([line.toString(), line.byteLength], ["fps 60 ✓", 10]);
 * alloc.endFrame();
 * ```
 */
export class FrameString {
  readonly #bytes: NumberVecBase<Uint8ArrayConstructor>;

  /** Made by {@linkcode SmartAlloc.frameString}. */
  constructor(bytes: unknown) {
    this.#bytes = bytes as NumberVecBase<Uint8ArrayConstructor>;
  }

  /** The number of bytes of the text. */
  get byteLength(): number {
    return this.#bytes.length;
  }

  /**
   * The text as UTF-8. The view is recycled and not checked; the next growth may leave it behind.
   *
   * @throws {StaleHandleError} `FA002` if the memory has ended; `FA401`, `FA711` or `FA713` outside of frames.
   */
  get bytes(): Uint8Array {
    return this.#bytes.view;
  }

  /**
   * Adds text at the end.
   *
   * @param text What to add. Lone surrogates become U+FFFD, as the platform's encoder does it.
   * @returns This string.
   * @throws {StaleHandleError} `FA002` if the memory has ended; `FA401`, `FA711` or `FA713` outside of frames.
   * @throws {ArenaExhaustedError} `FA003` if it must grow and cannot; it keeps what it has.
   */
  append(text: string): this {
    const bytes = this.#bytes;
    const length = utf8Length(text);
    let start = bytes.length;
    let end = start + length;
    while (end > bytes.capacity) {
      bytes.reserve(Math.max(end, 2 * bytes.capacity));
      // A callback of a budget may have appended something meanwhile.
      start = bytes.length;
      end = start + length;
    }
    viewOf(bytes.$pos);
    encode(text, bytes.$array, start);
    bytes.$length = end;
    return this;
  }

  /**
   * Drops the text and keeps the room.
   *
   * @throws {StaleHandleError} `FA002` if the memory has ended; `FA401`, `FA711` or `FA713` outside of frames.
   */
  clear(): void {
    this.#bytes.clear();
  }

  /**
   * The text as a JavaScript string.
   *
   * @returns A fresh string.
   * @throws {StaleHandleError} `FA002` if the memory has ended; `FA401`, `FA711` or `FA713` outside of frames.
   */
  toString(): string {
    const view = this.#bytes.view;
    return decoder.decode(view.buffer instanceof ArrayBuffer ? view : view.slice());
  }

  /** The same as {@linkcode FrameString.toString}. */
  toJSON(): string {
    return this.toString();
  }
}

/** The bytes that a text takes as UTF-8. */
export function utf8Length(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x80) continue;
    if (code < 0x800) bytes += 1;
    else {
      bytes += 2;
      // A pair of surrogates is two units and four bytes.
      if (isHigh(code) && isLow(text.charCodeAt(i + 1))) i++;
    }
  }
  return bytes;
}

/** Writes ASCII by hand, which makes no garbage; the platform does the rest. */
function encode(text: string, out: Uint8Array, at: number): void {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 0x7f) {
      out.set(encoder.encode(text.slice(i)), at + i);
      return;
    }
    out[at + i] = code;
  }
}

function isHigh(code: number): boolean {
  return (code & 0xfc00) === 0xd800;
}

function isLow(code: number): boolean {
  return (code & 0xfc00) === 0xdc00;
}
