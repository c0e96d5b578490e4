/**
 * What a workload is, and how its candidates are proved right: a rival, or one of ours, that computes something else than what the
 * workload asks for has nothing to say about speed.
 */

/** A floor: how many times faster than another candidate this one has to be. */
export interface Floor {
  /** The name of the candidate that it is compared with. */
  readonly over: string;
  /** How many times faster it has to be at least; below 1 it may be slower. Without a number the ratio is only printed. */
  readonly atLeast?: number;
}

/** One way to do the work of a frame. */
export interface Candidate {
  readonly name: string;
  readonly floors?: readonly Floor[];
  /**
   * Does the work of frame `k`: allocates, writes, and frees by the same policy as all others.
   *
   * Every candidate is a function with a source of its own. Closures of one source share what the optimiser learns, so a common
   * driver with the loop inside would measure its own confusion.
   *
   * @param k The number of the frame; what is written depends on it.
   * @param read Whether to read back everything that was written, before it is freed.
   * @returns A checksum if `read` is set; otherwise anything.
   */
  frame(k: number, read: boolean): number;
}

/** The same work, done in several ways. */
export interface Workload {
  readonly name: string;
  /** What is done in a frame, in one line. */
  readonly summary: string;
  /** What times are given by, such as `"record"`. */
  readonly unit: string;
  /** How many of them a frame has. */
  readonly units: number;
  /** Whether each frame is in a turn of the event loop of its own: an `await` follows it, which is part of the time. */
  readonly awaits?: boolean;
  /** The first one is what all others are compared with. */
  readonly candidates: readonly Candidate[];
  /** Rivals that could not be loaded, and why. */
  readonly absent?: readonly string[];
  /** The checksum of frame `k`, computed without any memory. */
  expected(k: number): number;
  /** Uses six layouts on every allocator of the workload, so that none of them is alone in the process. */
  keepWarm(): void;
}

/** Candidates that computed what they should, and messages about those that did not. */
export interface Verdict {
  readonly fit: readonly Candidate[];
  readonly disqualified: readonly string[];
}

/** Frames that candidates are checked on: the first, some in a row, and one far off. */
const CHECKED_FRAMES: readonly number[] = [0, 1, 2, 3, 1000];

/** Finds the candidates that compute what the workload asks for. */
export function verify(workload: Workload): Verdict {
  const fit: Candidate[] = [];
  const disqualified: string[] = [];
  for (const candidate of workload.candidates) {
    const wrong = CHECKED_FRAMES.find((k) => candidate.frame(k, true) !== workload.expected(k));
    if (wrong === undefined) fit.push(candidate);
    else {
      disqualified.push(
        `${workload.name}: "${candidate.name}" is disqualified: frame ${wrong} came to ${
          candidate.frame(wrong, true)
        } instead of ${workload.expected(wrong)}`,
      );
    }
  }
  return { fit, disqualified };
}

/** Makes workloads known to `deno bench`. Elsewhere this only checks them. */
export function register(workloads: readonly Workload[]): void {
  for (const workload of workloads) {
    for (let i = 0; i < 200; i++) workload.keepWarm();
    const { fit, disqualified } = verify(workload);
    for (const message of [...disqualified, ...workload.absent ?? []]) console.warn(message);
    for (const candidate of fit) {
      let k = 0;
      Deno.bench({
        name: candidate.name,
        group: `${workload.name}: ${workload.summary}`,
        baseline: candidate === workload.candidates[0],
        fn: workload.awaits === true
          ? async () => {
            candidate.frame(k++, false);
            await null;
          }
          : () => {
            candidate.frame(k++, false);
          },
      });
    }
  }
}
