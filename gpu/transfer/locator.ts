/**
 * Where something on a device is at the moment in which a transfer is sent: since it was asked for, the allocation may have moved, or been
 * freed and its place given to another one.
 */

import type { GpuBufferId } from "../backend/backend.ts";

/** A place on a device. */
export interface Location {
  readonly buffer: GpuBufferId;
  readonly at: number;
}

/** See the file comment. */
export interface Locator {
  /** What it is, for messages. */
  readonly name: string;
  /** Where it is now; `undefined` if it is gone. */
  locate(): Location | undefined;
  /** Why what has come from where it was is not to be used, if so; `action` is what is attempted, to follow the word "Cannot". */
  refusal?(action: string): Error | undefined;
}
