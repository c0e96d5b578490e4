/**
 * Times the candidates of workloads against each other, in short turns: all of them once, then all of them once again. What the
 * machine does meanwhile then falls on all of them alike, and every round has a ratio of its own. `deno bench` times one candidate
 * after the other, which on a busy machine compares two moments rather than two candidates.
 *
 * A turn is long enough to have several garbage collections in it if the candidate makes garbage, so their cost is in the mean
 * of the turn and stays in the median of the turns.
 */

import { verify, type Workload } from "./workload.ts";

/** How long to measure. */
export interface Effort {
  /** Rounds in which every candidate has a turn. */
  readonly rounds: number;
  /** How long a turn takes, in milliseconds. */
  readonly turn: number;
  /** How long every candidate is run before the first round, in milliseconds. */
  readonly warmUp: number;
}

/** What a workload came to in one process. */
export interface Measured {
  readonly name: string;
  /** What was left out, and why. */
  readonly messages: readonly string[];
  /** By candidate, the nanoseconds per unit of every round. */
  readonly times: { readonly [candidate: string]: readonly number[] };
}

/** Times a workload. */
export async function measure(workload: Workload, { rounds, turn, warmUp }: Effort): Promise<Measured> {
  for (let i = 0; i < 500; i++) workload.keepWarm();
  const { fit, disqualified } = verify(workload);
  let k = 0;
  const run = (candidate: typeof fit[number], frames: number): number => {
    workload.keepWarm();
    const start = performance.now();
    for (let i = 0; i < frames; i++) candidate.frame(k++, false);
    return performance.now() - start;
  };
  const runTurns = async (candidate: typeof fit[number], frames: number): Promise<number> => {
    workload.keepWarm();
    const start = performance.now();
    for (let i = 0; i < frames; i++) {
      candidate.frame(k++, false);
      await null;
    }
    return performance.now() - start;
  };
  const elapse = (candidate: typeof fit[number], frames: number): number | Promise<number> =>
    workload.awaits === true ? runTurns(candidate, frames) : run(candidate, frames);

  const speeds = fit.map(() => 0);
  for (let part = 0; part < 4; part++) {
    for (const [c, candidate] of fit.entries()) {
      let frames = 0;
      let elapsed = 0;
      while (elapsed < warmUp / 4) {
        elapsed += await elapse(candidate, 16);
        frames += 16;
      }
      speeds[c] = frames / elapsed;
    }
  }

  const times = fit.map((): number[] => []);
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < fit.length; i++) {
      const c = (i + round) % fit.length;
      const frames = Math.max(1, Math.round(speeds[c]! * turn));
      const elapsed = await elapse(fit[c]!, frames);
      speeds[c] = frames / elapsed;
      times[c]!.push(elapsed * 1e6 / (frames * workload.units));
    }
  }

  const wrongNow = verify({ ...workload, candidates: fit });
  return {
    name: workload.name,
    messages: [...workload.absent ?? [], ...disqualified, ...wrongNow.disqualified],
    times: Object.fromEntries(
      fit.map((candidate, c) => [candidate.name, times[c]!] as const).filter(([name]) =>
        wrongNow.fit.some((still) => still.name === name)
      ),
    ),
  };
}
