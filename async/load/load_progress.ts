/**
 * How far a batch is: a snapshot at any time, and a stream of them for whoever shows it. A slow reader sees the latest one; nothing
 * piles up.
 */

import { ArgumentError, show } from "../../src/errors.ts";

/**
 * How far an asset is: it waits for its turn, its source is being opened, it waits for bytes of the budget, it is being read, its
 * decode step runs; or it is over.
 */
export type AssetState =
  | "queued"
  | "connecting"
  | "waiting"
  | "loading"
  | "decoding"
  | "done"
  | "failed"
  | "cancelled";

/** How far one asset is. */
export interface AssetProgress {
  /** Its name. */
  readonly name: string;
  /** Its state. */
  readonly state: AssetState;
  /** The bytes that are there. */
  readonly loaded: number;
  /** Its size in bytes, as far as it is known. */
  readonly size: number | undefined;
  /** How often it was tried so far. */
  readonly attempts: number;
}

/** How far a batch is. All sizes are bytes. */
export interface LoadProgress {
  /** All assets. */
  readonly assets: number;
  /** Those that were loaded. */
  readonly done: number;
  /** Those that were not. */
  readonly failed: number;
  /** Those that were given up. */
  readonly cancelled: number;
  /** Those that wait for their turn, or for another attempt. */
  readonly queued: number;
  /** Those that are worked on, or wait for bytes. */
  readonly active: number;
  /** Those among them that wait for bytes of the budget. */
  readonly waiting: number;
  /** Attempts after the first one of each asset. */
  readonly retries: number;
  /** What is there of all assets that were not given up. */
  readonly loaded: number;
  /** The sizes of these, as far as they are known. */
  readonly total: number;
  /** How many of these have a size that is not known yet. */
  readonly unsized: number;
  /** All that was read, also of what was in vain. */
  readonly received: number;
  /** How much is over, from 0 to 1. Each asset counts the same. */
  readonly fraction: number;
  /** Whether everything is over. */
  readonly isOver: boolean;
}

/** What is known of an asset that is under way. */
export interface Progressing extends AssetProgress {
  readonly received: number;
}

/** Takes stock. */
export function progressOf(assets: readonly Progressing[]): LoadProgress {
  const count: Record<AssetState, number> = {
    queued: 0,
    connecting: 0,
    waiting: 0,
    loading: 0,
    decoding: 0,
    done: 0,
    failed: 0,
    cancelled: 0,
  };
  let [retries, loaded, total, unsized, received, share] = [0, 0, 0, 0, 0, 0];
  for (const asset of assets) {
    count[asset.state]++;
    retries += Math.max(0, asset.attempts - 1);
    received += asset.received;
    const { state, size } = asset;
    if (state === "failed" || state === "cancelled") continue;
    loaded += asset.loaded;
    if (size === undefined) unsized++;
    else total += size;
    if (state !== "done" && size !== undefined && size > 0) share += Math.min(1, asset.loaded / size);
  }
  const over = count.done + count.failed + count.cancelled;
  return {
    assets: assets.length,
    done: count.done,
    failed: count.failed,
    cancelled: count.cancelled,
    queued: count.queued,
    active: assets.length - over - count.queued,
    waiting: count.waiting,
    retries,
    loaded,
    total,
    unsized,
    received,
    fraction: assets.length === 0 ? 1 : (over + share) / assets.length,
    isOver: over === assets.length,
  };
}

/** What is watched. */
export interface Watched {
  readonly progress: LoadProgress;
  readonly isOver: boolean;
}

/** See the file comment. The first snapshot comes at once, the last one says that everything is over. */
export class ProgressWatch implements AsyncIterableIterator<LoadProgress, undefined> {
  readonly #watched: Watched;
  readonly #every: number;
  readonly #onEnd: (watch: ProgressWatch) => void;
  readonly #readers: ((result: IteratorResult<LoadProgress, undefined>) => void)[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isFresh = true;
  #hasEnded = false;

  constructor(watched: Watched, every: unknown, onEnd: (watch: ProgressWatch) => void) {
    if (!(typeof every === "number" && every >= 0 && every < 2 ** 31)) {
      throw new ArgumentError("FA008", `Cannot watch every ${show(every)} ms: give a number of zero or more`);
    }
    this.#watched = watched;
    this.#every = every;
    this.#onEnd = onEnd;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<LoadProgress, undefined>> {
    if (this.#hasEnded) return Promise.resolve({ done: true, value: undefined });
    const { promise, resolve } = Promise.withResolvers<IteratorResult<LoadProgress, undefined>>();
    this.#readers.push(resolve);
    if (this.#isFresh || this.#watched.isOver) this.#show();
    else this.#timer ??= setTimeout(() => this.#show(), this.#every);
    return promise;
  }

  return(): Promise<IteratorResult<LoadProgress, undefined>> {
    this.#end();
    return Promise.resolve({ done: true, value: undefined });
  }

  /** Shows that everything is over; not for use in programs. */
  $over(): void {
    this.#show();
  }

  #show(): void {
    const reader = this.#readers.shift();
    if (reader === undefined) return;
    const { isOver, progress } = this.#watched;
    this.#isFresh = false;
    this.#stopTimer();
    reader({ done: false, value: progress });
    if (isOver) this.#end();
    // Whoever asks several times at once gets an answer each.
    else if (this.#readers.length > 0) this.#timer ??= setTimeout(() => this.#show(), this.#every);
  }

  #end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#stopTimer();
    for (const reader of this.#readers.splice(0)) reader({ done: true, value: undefined });
    this.#onEnd(this);
  }

  /** Takes the timer off. Where there is none, nothing is touched: Deno may run microtasks when it first loads a global. */
  #stopTimer(): void {
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
