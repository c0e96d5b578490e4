/**
 * Whoever looks after frames and `await`. Frames tell it of their begin and end, and ask it when something is used or allocated that
 * may be on the wrong side of one.
 */

import type { StaleHandleError } from "../errors.ts";
import type { Position } from "../memory/life.ts";

/** See the file comment. */
export interface FrameWatch {
  /** A frame has begun. */
  began(): void;
  /** A frame has ended; what this throws comes out of the end. */
  ended(): void;
  /** A handle was used after the end of its frame, its scope or a rollback. */
  stale(error: StaleHandleError, position: Position): void;
  /** Memory was requested while the frame is open and its region closed; whether the region is open again. */
  reopen(): boolean;
  /** The error of that where it is not; `undefined` if the region was closed for another reason. */
  closed(action: string): Error | undefined;
}
