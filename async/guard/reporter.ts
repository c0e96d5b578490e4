/**
 * What was noticed: kept, printed or told, as the mode says.
 */

import type { AsyncSafetyError, StaleHandleError } from "../../src/errors.ts";
import { callers } from "../../src/observe/sites.ts";
import type { AsyncReport } from "./async_report.ts";

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

/** What is said of something that was noticed, beside the error. */
export interface Noticed {
  readonly frame: number;
  readonly tag: string;
  readonly count?: number;
  /** Where what it is about came from, as lines of a stack, if that is known. */
  readonly site: string | undefined;
  /** Whether it is the program that runs now which has done it. */
  readonly isHere: boolean;
}

/** Reports beyond this many are counted, and not kept. */
const MOST_REPORTS = 256;

/** The calls of the library that may lie between what it notices and the program. */
const STACK = 32;

/** See the file comment. */
export class Reporter {
  mode: AsyncGuardMode = "throw";
  onReport: ((report: AsyncReport) => void) | undefined;
  reports: AsyncReport[] = [];
  /** How many were not kept. */
  dropped = 0;
  #isTelling = false;

  /** Takes note, and tells whoever wants to know. */
  report(error: AsyncSafetyError | StaleHandleError, noticed: Noticed): void {
    this.tell(this.note(error, noticed));
  }

  /** Takes note only. */
  note(error: AsyncSafetyError | StaleHandleError, { frame, tag, count = 1, site, isHere }: Noticed): AsyncReport {
    const isKept = this.reports.length < MOST_REPORTS;
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
    if (isKept) this.reports.push(report);
    else this.dropped++;
    // deno-lint-ignore no-console -- that is what the mode is for
    if (this.mode === "warn") console.warn(error.message);
    return report;
  }

  /** Tells whoever wants to know, but not of what they cause themselves. */
  tell(report: AsyncReport): void {
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
