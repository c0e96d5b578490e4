/**
 * The error of everything that only goes wrong on a device.
 */

import { FrameAllocError } from "../src/errors.ts";

/** The codes that a {@linkcode GpuError} has. */
export type GpuErrorCode = "FA851" | "FA852" | "FA853" | "FA855" | "FA856" | "FA857" | "FA858";

/**
 * GPU memory was asked for what its place does not allow (`FA852`), read or used at the wrong time (`FA853`, `FA855`), or not transferred
 * (`FA851`, `FA858`); or the device has no memory left (`FA856`) or was lost (`FA857`).
 *
 * @example
 * ```ts
 * import { SmartAlloc } from "@framealloc/core";
 * import { GpuAllocator, GpuError, NullBackend } from "@framealloc/core/gpu";
 * import { assertThrows } from "@std/assert";
 *
 * const gpu = new GpuAllocator(new SmartAlloc(), new NullBackend());
 * assertThrows(() => gpu.alloc(64, { intent: "Staging", lifetime: "Persistent" }), GpuError, "FA852");
 * ```
 */
export class GpuError extends FrameAllocError {
  /**
   * Makes an error of a device.
   *
   * @param code The stable code.
   * @param message What was attempted, what is so, and what to do.
   * @param options The cause, where there is one.
   */
  constructor(code: GpuErrorCode, message: string, options?: ErrorOptions) {
    super(code, message, options);
  }
}
