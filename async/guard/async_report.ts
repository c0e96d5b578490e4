/**
 * What the guard has noticed: plain data, to be printed, collected or sent somewhere.
 */

/** The codes that are reported. */
export type AsyncCode = "FA002" | "FA701" | "FA702" | "FA704" | "FA712";

/**
 * Something that crossed an `await` and should not have; see {@linkcode AsyncGuard}.
 *
 * @example
 * ```ts
 * import { type AsyncReport, SmartAlloc } from "@framealloc/core";
 * import { assertEquals } from "@std/assert";
 *
 * const alloc = new SmartAlloc({ asyncSafety: "turns" });
 * alloc.asyncGuard.mode = "collect";
 * alloc.beginFrame();
 * alloc.withTag("ui", () => alloc.frameSlice(Float32Array, 16));
 * await null;
 * alloc.endFrame();
 * const [report] = alloc.asyncGuard.reports as readonly [AsyncReport];
 * assertEquals([report.code, report.frame, report.tag, report.count], ["FA704", 1, "ui", 1]);
 * ```
 */
export interface AsyncReport {
  /** Which mistake it is. */
  readonly code: AsyncCode;
  /** What was attempted, what is so, and what to do instead. */
  readonly message: string;
  /** The frame whose memory it is about; for a task the frame in which it was made. */
  readonly frame: number;
  /** The path of the tag; `""` if there was none, or it is not known. */
  readonly tag: string;
  /** How many raw views or handles it is about. */
  readonly count: number;
  /** Where the memory was allocated, the frame begun or the task made, as lines of a stack, if that was sampled. */
  readonly site: string | undefined;
  /** Where it was noticed, as lines of a stack; not there for what is noticed at the end of a turn. */
  readonly at: string | undefined;
}
