/**
 * Which asset is loaded next: of all batches of a loader the most important one, among equals the one that was asked for first; and a
 * few at a time.
 */

import { PRIORITIES } from "../../src/pool/asset.ts";
import { pause } from "./abortable.ts";
import type { LoadJob } from "./load_job.ts";

/** Who gets the results. */
export interface Receiver {
  /** Whether so much lies there that nothing more is to be started. */
  readonly $isFull: boolean;
}

/** Assets of one batch that wait for their turn, the next one at the end. */
interface Lane {
  readonly receiver: Receiver;
  readonly jobs: LoadJob[];
  /** Whether each of them may have to wait for memory while it holds some. */
  readonly mayBlock: boolean;
}

/** Lets one at a time load what may have to wait for memory while it holds some: two of them could wait for each other for ever. */
class Turn {
  static readonly #all: WeakMap<object, Turn> = new WeakMap();
  #isTaken = false;
  readonly #waiting: Set<() => void> = new Set();

  /** The one of all loaders that share memory. */
  static of(streaming: object): Turn {
    let turn = Turn.#all.get(streaming);
    if (turn === undefined) Turn.#all.set(streaming, turn = new Turn());
    return turn;
  }

  /** Whether it can be taken; if not, `wake` is called when it can. */
  isFree(wake: () => void): boolean {
    if (this.#isTaken) this.#waiting.add(wake);
    return !this.#isTaken;
  }

  take(): void {
    this.#isTaken = true;
  }

  give(): void {
    this.#isTaken = false;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of waiting) wake();
  }
}

/** See the file comment. */
export class LoadScheduler {
  readonly concurrency: number;
  readonly #turn: Turn;
  readonly #lanes: Set<Lane> = new Set();
  readonly #wake: () => void = () => this.pump();
  #active = 0;

  constructor(concurrency: number, streaming: object) {
    this.concurrency = concurrency;
    this.#turn = Turn.of(streaming);
  }

  /** Loads the assets of a batch, as soon as it is their turn; never before this has returned. */
  add(jobs: readonly LoadJob[], receiver: Receiver): void {
    const byRank = jobs.toSorted((a, b) => rank(b) - rank(a)).reverse();
    for (const mayBlock of [false, true]) {
      this.#lanes.add({ receiver, mayBlock, jobs: byRank.filter((job) => job.mayBlock === mayBlock) });
    }
    queueMicrotask(this.#wake);
  }

  /** Forgets a batch that is over. */
  remove(receiver: Receiver): void {
    for (const lane of this.#lanes) if (lane.receiver === receiver) this.#lanes.delete(lane);
  }

  /** Starts what can be started. */
  pump(): void {
    while (this.#active < this.concurrency) {
      const lane = this.#next();
      if (lane === undefined) return;
      this.#run(lane, lane.jobs.pop()!);
    }
  }

  /** The lane with the most important asset that can be started. */
  #next(): Lane | undefined {
    let next: Lane | undefined;
    for (const lane of this.#lanes) {
      // Those that were given up are left where they are until here.
      while (lane.jobs.at(-1)?.hasEnded) lane.jobs.pop();
      const job = lane.jobs.at(-1);
      if (job === undefined || lane.receiver.$isFull || (next !== undefined && rank(next.jobs.at(-1)!) >= rank(job))) {
        continue;
      }
      if (!lane.mayBlock || this.#turn.isFree(this.#wake)) next = lane;
    }
    return next;
  }

  async #run(lane: Lane, job: LoadJob): Promise<void> {
    this.#active++;
    if (lane.mayBlock) this.#turn.take();
    const delay = await job.attempt();
    this.#active--;
    if (lane.mayBlock) this.#turn.give();
    this.pump();
    if (delay === undefined) return;
    try {
      await pause(delay, job.signal);
    } catch {
      return; // it was given up
    }
    let at = 0;
    while (at < lane.jobs.length && rank(lane.jobs[at]!) < rank(job)) at++;
    lane.jobs.splice(at, 0, job);
    this.pump();
  }
}

function rank(job: LoadJob): number {
  return PRIORITIES.indexOf(job.request.priority);
}
