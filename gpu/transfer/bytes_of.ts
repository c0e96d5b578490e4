/**
 * The bytes of what programs give to be written: arrays of any kind, also such as are gone, and classes of programs that say one thing of
 * themselves and are another.
 */

import { ArgumentError, show } from "../../src/errors.ts";
import { isDetached, isGone } from "../../src/memory/gone.ts";

const ARRAY: object = Object.getPrototypeOf(Uint8Array.prototype);

function getter(prototype: object, key: string): () => number {
  return Object.getOwnPropertyDescriptor(prototype, key)!.get!;
}

/** What the language says of arrays, whatever their classes say. */
const arrayOffset = getter(ARRAY, "byteOffset");
const arrayBytes = getter(ARRAY, "byteLength");
const bufferBytes = getter(ArrayBuffer.prototype, "byteLength");

/** The bytes of what can be written. */
export function bytesOf(data: unknown, action: string): Uint8Array {
  if (ArrayBuffer.isView(data)) {
    if (data instanceof DataView) return bytesOfView(data, action);
    const bytes = arrayBytes.call(data);
    if (bytes === 0 && isGone(data)) throw noMemoryIn(data, action);
    if (data.constructor === Uint8Array) return data as Uint8Array;
    return new Uint8Array(data.buffer as ArrayBuffer, arrayOffset.call(data), bytes);
  }
  if (isBuffer(data)) {
    if (isDetached(data)) throw noMemoryIn(data, action);
    return new Uint8Array(data as ArrayBuffer);
  }
  throw new ArgumentError("FA008", `Cannot ${action} with ${show(data)}: give a typed array or an ArrayBuffer`);
}

function bytesOfView(data: DataView, action: string): Uint8Array {
  if (isGone(data)) throw noMemoryIn(data, action);
  return new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
}

function isBuffer(data: unknown): data is ArrayBufferLike {
  if (typeof SharedArrayBuffer !== "undefined" && data instanceof SharedArrayBuffer) return true;
  if (!(data instanceof ArrayBuffer)) return false;
  try {
    bufferBytes.call(data);
    return true;
  } catch {
    return false;
  }
}

/** The error of what is gone. */
export function noMemoryIn(data: unknown, action: string): ArgumentError {
  return new ArgumentError(
    "FA008",
    `Cannot ${action} with ${show(data)} as its memory was detached: give one whose frame or task has not ended`,
  );
}
