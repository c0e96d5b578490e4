/**
 * Reports: plain data, so that they can be printed, compared and sent.
 */

import type { PhaseStats, TagStats } from "./meter.ts";

/** The frame memory of an allocator now. All sizes are bytes. */
export interface FrameStats {
  /** The number of the current frame, or of the last one. */
  readonly number: number;
  /** Whether a frame is open. */
  readonly open: boolean;
  /** What the open frame has in use, with padding. 0 while none is open. */
  readonly used: number;
  /** The most that the open frame had in use at once. 0 while none is open. */
  readonly peak: number;
  /** Allocations of the open frame, also those rolled back since. 0 while none is open. */
  readonly allocations: number;
  /** What all frames that are alive have in use. */
  readonly alive: number;
  /** What is held from the chunk source, touched or not. */
  readonly reserved: number;
  /** What can be handed out without growing. */
  readonly committed: number;
  /** What the limits leave to the open frame. `Infinity` where nothing limits it. 0 while none is open. */
  readonly remaining: number;
  /** Chunks beside the main ones that are held now. */
  readonly extraChunks: number;
  /** How often a frame needed a further chunk since the allocator was made. */
  readonly overflows: number;
}

/** What all finished frames came to. All sizes are bytes. Counted at the levels `"totals"` and `"tags"`. */
export interface TotalStats {
  /** Finished frames. */
  readonly frames: number;
  /** Allocations of all finished frames. */
  readonly allocations: number;
  /** What finished frames had in use at their end, together. */
  readonly bytes: number;
  /** The most that one finished frame had in use at once. */
  readonly peak: number;
}

/** What the frames of an allocator have in use. */
export interface FrameAllocStats {
  /** The frame memory now. */
  readonly frame: FrameStats;
  /** What all finished frames came to. */
  readonly totals: TotalStats;
  /** By tag, for the current or last frame and in all. Counted at the level `"tags"`. */
  readonly tags: readonly TagStats[];
  /** By phase, for the current or last frame. Counted at the level `"tags"`. */
  readonly phases: readonly PhaseStats[];
}

/** What one frame came to. All sizes are bytes. */
export interface FrameSummary {
  /** The number of the frame. */
  readonly number: number;
  /** What it had in use at its end. */
  readonly bytes: number;
  /** The most that it had in use at once. */
  readonly peak: number;
  /** Its allocations, also those rolled back. */
  readonly allocations: number;
  /** Milliseconds from its begin to its end; 0 at the level `"off"`. */
  readonly ms: number;
  /** By tag, the busiest first. */
  readonly tags: readonly TagStats[];
  /** By phase, in the order in which they were first begun. */
  readonly phases: readonly PhaseStats[];
}
