/**
 * The guard of frames against `await`, as programs see it. A frame belongs to the turn of the event loop in which it was begun: code
 * that waits comes back in a later turn, when the frame is over or is somebody else's.
 */

import { ArgumentError, AsyncSafetyError, show } from "../src/errors.ts";
import type { Frames } from "../src/frame/frames.ts";
import type { AsyncReport } from "./guard/async_report.ts";
import { type AsyncGuardMode, Reporter } from "./guard/reporter.ts";
import { TurnWatch } from "./guard/turn_watch.ts";
import type { LostTask } from "./task/task_memory.ts";

/**
 * Finds frame memory that outlives an `await`; see {@linkcode SmartAlloc.asyncGuard}. What it notices is decided by the option
 * `asyncSafety`.
 *
 * @example A handle that is used after an `await`
 * ```ts
 * import { AsyncSafetyError, f32, SmartAlloc, struct } from "@framealloc/core";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * const Body = struct("Body", { mass: f32 });
 * const alloc = new SmartAlloc({ asyncSafety: "turns" });
 *
 * async function update(): Promise<number> {
 *   alloc.beginFrame();
 *   const body = alloc.frameAlloc(Body);
 *   await null; // the frame is open, and what comes now is another turn
 *   return body.mass;
 * }
 * await assertRejects(update, AsyncSafetyError, "FA702");
 * assertEquals(alloc.asyncGuard.reports.map(({ code, frame }) => [code, frame]), [["FA702", 1]]);
 * alloc.endFrame();
 * ```
 */
export class AsyncGuard {
  readonly #frames: Frames;
  readonly #reporter: Reporter = new Reporter();
  readonly #watch: TurnWatch;

  /** Made by {@linkcode SmartAlloc.asyncGuard}. */
  constructor(frames: unknown) {
    this.#frames = frames as Frames;
    this.#watch = new TurnWatch(this.#frames, this.#reporter);
  }

  /** What is behind this; not for use in programs. */
  get $watch(): unknown {
    return this.#watch;
  }

  /**
   * Is told of each report when it is made, but not of those that it causes itself. What it throws comes out of where that is, or is
   * uncaught at the end of a turn.
   */
  get onReport(): ((report: AsyncReport) => void) | undefined {
    return this.#reporter.onReport;
  }

  set onReport(onReport: ((report: AsyncReport) => void) | undefined) {
    if (onReport !== undefined && typeof onReport !== "function") {
      throw new ArgumentError("FA008", `Cannot tell ${show(onReport)} of reports: give a function`);
    }
    this.#reporter.onReport = onReport;
  }

  /** What happens when something is noticed. @default {"throw"} */
  get mode(): AsyncGuardMode {
    return this.#reporter.mode;
  }

  set mode(mode: AsyncGuardMode) {
    if (mode !== "throw" && mode !== "warn" && mode !== "collect") {
      throw new ArgumentError(
        "FA008",
        `Cannot use ${show(mode)} as the mode of the guard: use "throw", "warn" or "collect"`,
      );
    }
    this.#reporter.mode = mode;
  }

  /** What was noticed, the oldest first; the first 256 are kept. */
  get reports(): readonly AsyncReport[] {
    return this.#reporter.reports;
  }

  /** How many reports were not kept as there were too many. */
  get dropped(): number {
    return this.#reporter.dropped;
  }

  /** How often a turn has ended with a frame open that was begun or used in it. */
  get crossings(): number {
    return this.#watch.crossings;
  }

  /** Forgets all reports. */
  clear(): void {
    this.#reporter.reports = [];
    this.#reporter.dropped = 0;
  }

  /**
   * A number that grows whenever frame memory may have ended: when a frame begins or ends and, with `asyncSafety: "turns"`, when a turn
   * ends with one open.
   */
  get epoch(): number {
    const { frameNumber, inFrame } = this.#frames;
    return 2 * frameNumber - (inFrame ? 1 : 0) + this.#watch.crossings;
  }

  /**
   * Makes sure that nothing has ended since a moment: for raw slices and columns, which cannot be checked by themselves.
   *
   * @param epoch What {@linkcode AsyncGuard.epoch} was then.
   * @throws {AsyncSafetyError} `FA702` if it is another one now, in the mode `"throw"`; in the others it is reported.
   *
   * @example
   * ```ts
   * import { AsyncSafetyError, SmartAlloc } from "@framealloc/core";
   * import { assertThrows } from "@std/assert";
   *
   * const alloc = new SmartAlloc();
   * alloc.beginFrame();
   * const { epoch } = alloc.asyncGuard;
   * const slice = alloc.frameSlice(Float32Array, 4);
   * alloc.asyncGuard.check(epoch);
   * slice[0] = 1;
   * alloc.endFrame();
   * assertThrows(() => alloc.asyncGuard.check(epoch), AsyncSafetyError, "FA702");
   * ```
   */
  check(epoch: number): void {
    if (epoch === this.epoch) return;
    const { frameNumber } = this.#frames;
    const error = new AsyncSafetyError(
      "FA702",
      `Cannot use memory of epoch ${
        show(epoch)
      } as epoch ${this.epoch} has begun, in frame ${frameNumber}: allocate it after the await, or in a TaskAlloc`,
    );
    this.#reporter.report(error, { frame: frameNumber, tag: "", site: undefined, isHere: true });
    if (this.#reporter.mode === "throw") throw error;
  }

  /** A task that nobody has released: not for use in programs. */
  $lost(task: unknown, frame: number): void {
    const { name, tag, bytes, site } = task as LostTask;
    const error = new AsyncSafetyError(
      "FA712",
      `Cannot free the ${bytes} bytes of task "${name}" as nobody can release it any more: make it with "using", or release it in a finally block`,
    );
    this.#reporter.report(error, { frame, tag, site, isHere: false });
  }
}
