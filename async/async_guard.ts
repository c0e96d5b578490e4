/**
 * The guard of frames against `await`. A frame belongs to the turn of the event loop in which it was begun: code that waits comes back
 * in a later turn, when the frame is over or is somebody else's.
 *
 * The end of a turn is seen by a microtask that is queued when a frame begins: it runs before whatever the code of the frame may await.
 * If the frame is still open then, its handles lapse and its region is closed: nothing is checked in addition on any access.
 */

import { ArgumentError, AsyncSafetyError, show, type StaleHandleError } from "../src/errors.ts";
import type { Frames } from "../src/frame/frames.ts";
import type { Position } from "../src/memory/life.ts";
import { callers } from "../src/observe/sites.ts";
import type { AsyncReport } from "./async_report.ts";
import { Crossing } from "./crossing.ts";
import type { LostTask } from "./task_memory.ts";

/**
 * What happens when something crosses an `await`:
 *
 * - `"throw"`: it is refused with an error. What is noticed at the end of a turn is thrown by the end of the frame.
 * - `"warn"`: it is printed to the console as a warning, and the program goes on as if nothing were wrong, as long as the frame is open.
 * - `"collect"`: the same without printing.
 *
 * Memory that was freed is refused in any mode.
 */
export type AsyncGuardMode = "throw" | "warn" | "collect";

/** Reports beyond this many are counted, and not kept. */
const MOST_REPORTS = 256;

/** The calls of the library that may lie between what it notices and the program. */
const STACK = 32;

/** Taken at once: tests that fake the time replace it, and turns would never end. */
const { queueMicrotask } = globalThis;

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
  /**
   * Is told of each report when it is made, but not of those that it causes itself. What it throws comes out of where that is, or is
   * uncaught at the end of a turn.
   */
  onReport: ((report: AsyncReport) => void) | undefined;
  readonly #frames: Frames;
  readonly #seesTurns: boolean;
  readonly #onTurnEnd: () => void;
  #mode: AsyncGuardMode = "throw";
  #reports: AsyncReport[] = [];
  #dropped = 0;
  #crossings = 0;
  #isArmed = false;
  #isTelling = false;
  /** Whether the current frame has crossed the end of a turn, and nothing was allocated in it since. */
  #hasCrossed = false;
  /** What the end of the frame is to throw. */
  #pending: AsyncSafetyError | undefined;
  /** The raw views of the current frame that were reported. */
  readonly #reported: Map<string, number> = new Map();

  /** Made by {@linkcode SmartAlloc.asyncGuard}. */
  constructor(frames: unknown) {
    this.#frames = frames as Frames;
    this.#seesTurns = this.#frames.config.asyncSafety === "turns";
    this.#onTurnEnd = () => this.#turn();
    if (this.#seesTurns) this.#frames.meter.views = () => this.#frames.viewsOut;
  }

  /** What happens when something is noticed. @default {"throw"} */
  get mode(): AsyncGuardMode {
    return this.#mode;
  }

  set mode(mode: AsyncGuardMode) {
    if (mode !== "throw" && mode !== "warn" && mode !== "collect") {
      throw new ArgumentError(
        "FA008",
        `Cannot use ${show(mode)} as the mode of the guard: use "throw", "warn" or "collect"`,
      );
    }
    this.#mode = mode;
  }

  /** What was noticed, the oldest first; the first 256 are kept. */
  get reports(): readonly AsyncReport[] {
    return this.#reports;
  }

  /** How many reports were not kept as there were too many. */
  get dropped(): number {
    return this.#dropped;
  }

  /** How often a turn has ended with a frame open that was begun or used in it. */
  get crossings(): number {
    return this.#crossings;
  }

  /** Forgets all reports. */
  clear(): void {
    this.#reports = [];
    this.#dropped = 0;
  }

  /**
   * A number that grows whenever frame memory may have ended: when a frame begins or ends and, with `asyncSafety: "turns"`, when a turn
   * ends with one open.
   */
  get epoch(): number {
    const { frameNumber, inFrame } = this.#frames;
    return 2 * frameNumber - (inFrame ? 1 : 0) + this.#crossings;
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
    this.#tell(this.#note(error, frameNumber, "", 1, undefined, true));
    if (this.#mode === "throw") throw error;
  }

  // What frames ask of a `FrameWatch` and crossings of their owner: not for use in programs.

  /** @ignore */
  began(): void {
    if (!this.#seesTurns) return;
    this.#hasCrossed = false;
    if (this.#reported.size > 0) this.#reported.clear();
    this.#arm();
  }

  /** @ignore */
  ended(): void {
    const pending = this.#pending;
    if (pending === undefined) return;
    this.#pending = undefined;
    if (this.#mode === "throw") throw pending;
  }

  /** @ignore */
  stale(error: StaleHandleError, position: Position): void {
    this.#tell(this.#note(error, position.life.serial, "", 1, this.#frames.sites?.where(position), true));
  }

  /** @ignore */
  reopen(): boolean {
    if (this.#mode === "throw") return false;
    // Open before anybody is told, who may allocate as well.
    this.#hasCrossed = false;
    this.#frames.region.open();
    this.#arm();
    this.#alloc("allocate");
    return true;
  }

  /** @ignore */
  closed(action: string): Error | undefined {
    return this.#hasCrossed ? this.#alloc(action) : undefined;
  }

  /** @ignore */
  crossed(crossing: Crossing, position: Position): Error {
    return this.#used(crossing, position);
  }

  /** @ignore */
  pardon(crossing: Crossing, position: Position): DataView | undefined {
    const { life } = position;
    if (this.#mode === "throw" || crossing.region.revive(life) === undefined) return undefined;
    this.#arm();
    this.#used(crossing, position);
    return life.view ?? undefined; // whoever was told may have ended it
  }

  /**
   * A task that nobody has released: not for use in programs.
   *
   * @ignore
   */
  $lost({ name, tag, bytes, site }: LostTask, frame: number): void {
    const error = new AsyncSafetyError(
      "FA712",
      `Cannot free the ${bytes} bytes of task "${name}" as nobody can release it any more: make it with "using", or release it in a finally block`,
    );
    this.#tell(this.#note(error, frame, tag, 1, site, false));
  }

  #arm(): void {
    if (this.#isArmed) return;
    this.#isArmed = true;
    queueMicrotask(this.#onTurnEnd);
  }

  /** A turn has ended. */
  #turn(): void {
    this.#isArmed = false;
    const { inFrame, region, frameNumber, meter } = this.#frames;
    if (!inFrame) return;
    this.#hasCrossed = true;
    this.#crossings++;
    const runs = meter.counts ? meter.journal : [{ tag: "", bytes: region.used, views: this.#frames.viewsOut }];
    const crossing = new Crossing(this, frameNumber, region, runs);
    region.lapse(crossing);
    // All are noted before anybody is told, who may throw.
    const reports: AsyncReport[] = [];
    for (const [tag, views] of crossing.views) {
      const count = views - (this.#reported.get(tag) ?? 0);
      this.#reported.set(tag, views);
      if (count > 0) reports.push(this.#open(tag, count));
    }
    for (const report of reports) this.#tell(report);
  }

  /** A turn has ended while a frame was open that has handed out raw views. */
  #open(tag: string, count: number): AsyncReport {
    const { frameNumber, beganAt } = this.#frames;
    const of = tag === "" ? "" : ` of tag "${tag}"`;
    const error = new AsyncSafetyError(
      "FA704",
      `Cannot see whether ${count} raw ${
        count === 1 ? "view" : "views"
      }${of} will be used too late as frame ${frameNumber} is open at the end of a turn: end the frame before an await, or allocate in a TaskAlloc`,
    );
    if (this.#mode === "throw") this.#pending ??= error;
    return this.#note(error, frameNumber, tag, count, beganAt, false);
  }

  /** Memory was requested in a later turn. */
  #alloc(action: string): AsyncSafetyError {
    const { frameNumber, ledger, beganAt } = this.#frames;
    const error = new AsyncSafetyError(
      "FA701",
      `Cannot ${action} as frame ${frameNumber} was begun before an await: begin a frame of its own after the await, or allocate in a TaskAlloc`,
    );
    this.#tell(this.#note(error, frameNumber, ledger.current.path, 1, beganAt, true));
    return error;
  }

  /** A handle was used in a later turn. */
  #used(crossing: Crossing, position: Position): AsyncSafetyError {
    const { frameNumber, inFrame, sites } = this.#frames;
    const { frame, region } = crossing;
    const tag = crossing.tagAt(region.lapsedPlace(position));
    const since = inFrame && frameNumber === frame
      ? "the turn in which it was allocated has ended"
      : `that frame has ended meanwhile${inFrame ? `, and frame ${frameNumber} is open now` : ""}`;
    const site = sites?.where(position);
    const error = new AsyncSafetyError(
      "FA702",
      `Cannot use a handle of frame ${frame}${
        tag === "" ? "" : ` and tag "${tag}"`
      } after an await as ${since}: copy what must outlive it, or allocate it in a TaskAlloc${
        site === undefined ? "" : `\n  allocated at\n    ${site}`
      }`,
    );
    this.#tell(this.#note(error, frame, tag, 1, site, true));
    return error;
  }

  #note(
    error: AsyncSafetyError | StaleHandleError,
    frame: number,
    tag: string,
    count: number,
    site: string | undefined,
    isHere: boolean,
  ): AsyncReport {
    const isKept = this.#reports.length < MOST_REPORTS;
    const report: AsyncReport = {
      code: error.code as AsyncReport["code"],
      message: error.message,
      frame,
      tag,
      count,
      site,
      // Not for nobody: it takes ten times as long as all the rest.
      at: isHere && (isKept || this.onReport !== undefined) ? here() : undefined,
    };
    if (isKept) this.#reports.push(report);
    else this.#dropped++;
    // deno-lint-ignore no-console -- that is what the mode is for
    if (this.#mode === "warn") console.warn(error.message);
    return report;
  }

  #tell(report: AsyncReport): void {
    if (this.onReport === undefined || this.#isTelling) return;
    this.#isTelling = true;
    try {
      this.onReport(report);
    } finally {
      this.#isTelling = false;
    }
  }
}

/** Where the program is now, as lines of a stack that is deep enough to reach it through the library. */
function here(): string | undefined {
  const { stackTraceLimit } = Error as { stackTraceLimit?: number };
  Reflect.set(Error, "stackTraceLimit", STACK);
  const at = new Error();
  Reflect.set(Error, "stackTraceLimit", stackTraceLimit);
  return callers(at);
}
