/**
 * Sees the ends of turns, and what is on the wrong side of one.
 *
 * The end of a turn is seen by a microtask that is queued when a frame begins: it runs before whatever the code of the frame may await.
 * If the frame is still open then, its handles lapse and its region is closed: nothing is checked in addition on any access.
 */

import { AsyncSafetyError, type StaleHandleError } from "../../src/errors.ts";
import type { FrameWatch } from "../../src/frame/frame_watch.ts";
import type { Frames } from "../../src/frame/frames.ts";
import type { Position } from "../../src/memory/life.ts";
import type { AsyncReport } from "./async_report.ts";
import { Crossing, type CrossingOwner } from "./crossing.ts";
import type { Reporter } from "./reporter.ts";

/** Taken at once: tests that fake the time replace it, and turns would never end. */
const { queueMicrotask } = globalThis;

/** See the file comment. */
export class TurnWatch implements FrameWatch, CrossingOwner {
  /** How often a turn has ended with a frame open that was begun or used in it. */
  crossings = 0;
  readonly #frames: Frames;
  readonly #reporter: Reporter;
  readonly #seesTurns: boolean;
  readonly #onTurnEnd: () => void;
  #isArmed = false;
  /** Whether the current frame has crossed the end of a turn, and nothing was allocated in it since. */
  #hasCrossed = false;
  /** What the end of the frame is to throw. */
  #pending: AsyncSafetyError | undefined;
  /** The raw views of the current frame that were reported. */
  readonly #reported: Map<string, number> = new Map();

  constructor(frames: Frames, reporter: Reporter) {
    this.#frames = frames;
    this.#reporter = reporter;
    this.#seesTurns = frames.config.asyncSafety === "turns";
    this.#onTurnEnd = () => this.#turn();
    if (this.#seesTurns) frames.meter.views = () => frames.viewsOut;
  }

  began(): void {
    if (!this.#seesTurns) return;
    this.#hasCrossed = false;
    if (this.#reported.size > 0) this.#reported.clear();
    this.#arm();
  }

  ended(): void {
    const pending = this.#pending;
    if (pending === undefined) return;
    this.#pending = undefined;
    if (this.#reporter.mode === "throw") throw pending;
  }

  stale(error: StaleHandleError, position: Position): void {
    const site = this.#frames.sites?.where(position);
    this.#reporter.report(error, { frame: position.life.serial, tag: "", site, isHere: true });
  }

  reopen(): boolean {
    if (this.#reporter.mode === "throw") return false;
    // Open before anybody is told, who may allocate as well.
    this.#hasCrossed = false;
    this.#frames.region.open();
    this.#arm();
    this.#alloc("allocate");
    return true;
  }

  closed(action: string): Error | undefined {
    return this.#hasCrossed ? this.#alloc(action) : undefined;
  }

  crossed(crossing: Crossing, position: Position): Error {
    return this.#used(crossing, position);
  }

  pardon(crossing: Crossing, position: Position): DataView | undefined {
    const { life } = position;
    if (this.#reporter.mode === "throw" || crossing.region.revive(life) === undefined) return undefined;
    this.#arm();
    this.#used(crossing, position);
    return life.view ?? undefined; // whoever was told may have ended it
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
    this.crossings++;
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
    for (const report of reports) this.#reporter.tell(report);
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
    if (this.#reporter.mode === "throw") this.#pending ??= error;
    return this.#reporter.note(error, { frame: frameNumber, tag, count, site: beganAt, isHere: false });
  }

  /** Memory was requested in a later turn. */
  #alloc(action: string): AsyncSafetyError {
    const { frameNumber, ledger, beganAt } = this.#frames;
    const error = new AsyncSafetyError(
      "FA701",
      `Cannot ${action} as frame ${frameNumber} was begun before an await: begin a frame of its own after the await, or allocate in a TaskAlloc`,
    );
    const { path: tag } = ledger.current;
    this.#reporter.report(error, { frame: frameNumber, tag, site: beganAt, isHere: true });
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
    this.#reporter.report(error, { frame, tag, site, isHere: true });
    return error;
  }
}
