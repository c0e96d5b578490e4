/**
 * Whether the memory of an array is still there: it may have been transferred to somebody else, or cut off where the array lies.
 */

/** Whether the memory of a view was detached, or cut off under it. One that was always empty is there. */
export function isGone(view: ArrayBufferView): boolean {
  try {
    // Both throw where there is nothing to look at.
    if (view instanceof DataView) void view.byteLength;
    else Uint8Array.prototype.at.call(view as Uint8Array, 0);
    return false;
  } catch {
    return true;
  }
}

/** Whether memory was detached, and not just empty from the start. */
export function isDetached(buffer: ArrayBufferLike): boolean {
  if (buffer.byteLength > 0 || !(buffer instanceof ArrayBuffer)) return false;
  if (typeof buffer.detached === "boolean") return buffer.detached;
  try {
    new Uint8Array(buffer);
    return false;
  } catch {
    return true;
  }
}
