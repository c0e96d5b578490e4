/**
 * Assets that were asked for together: their results as they come, their progress, and a way to give them up.
 */

import type { CheckedRequest } from "./asset_request.ts";
import type { AssetResult, LoadedAsset } from "./asset_result.ts";
import { type JobContext, letGo, LoadJob } from "./load_job.ts";
import { type AssetProgress, type LoadProgress, progressOf, ProgressWatch } from "./load_progress.ts";
import type { LoadScheduler } from "./load_scheduler.ts";

/** What a batch is made of. */
export interface BatchParts {
  readonly requests: readonly CheckedRequest[];
  readonly context: JobContext;
  readonly scheduler: LoadScheduler;
  readonly signal: AbortSignal | undefined;
}

type Taker<T> = (result: IteratorResult<AssetResult<T>, undefined>) => void;

/**
 * What {@linkcode AssetLoader.load} returns: to be looped over with `for await`. Each asset gives exactly one result, as soon as there
 * is one, in whatever order. When the loop is left early, everything that it has not got is given up and freed.
 *
 * What is loaded ahead of a slow reader is what the budget of the loader holds. When as many results without memory lie there as are
 * loaded at once (failures, and what was decoded), nothing more of the batch is started.
 *
 * @typeParam T What the decode steps make.
 *
 * @example
 * ```ts
 * import { AssetLoader, SmartAlloc } from "@framealloc/core";
 * import { assertEquals } from "@std/assert";
 *
 * const alloc = new SmartAlloc();
 * const batch = new AssetLoader(alloc).load([
 *   { name: "rock", from: new Blob(["rock"]) },
 *   { name: "tree", from: () => Promise.reject(new Error("There is none")) },
 * ]);
 * const seen: string[] = [];
 * for await (const asset of batch) {
 *   if (asset.ok) asset.release();
 *   seen.push(`${asset.name} ${asset.ok ? "is here" : asset.error.code}`);
 * }
 * assertEquals(seen.sort(), ["rock is here", "tree FA721"]);
 * assertEquals([batch.progress.done, batch.progress.failed], [1, 1]);
 * ```
 */
export class AssetBatch<T = unknown> implements AsyncIterable<AssetResult<T>>, AsyncDisposable {
  readonly #jobs: readonly LoadJob[];
  readonly #scheduler: LoadScheduler;
  /** What nobody has got yet. */
  #results: AssetResult<T>[] = [];
  /** How many of them hold no memory. */
  #bare = 0;
  readonly #takers: Taker<T>[] = [];
  readonly #watches: Set<ProgressWatch> = new Set();
  readonly #over: PromiseWithResolvers<void> = Promise.withResolvers();
  #left: number;
  #isClosed = false;
  #leaveSignal: (() => void) | undefined;

  /** Made by {@linkcode AssetLoader.load}. */
  constructor(parts: unknown) {
    const { requests, context, scheduler, signal } = parts as BatchParts;
    this.#jobs = requests.map((request) =>
      new LoadJob(request, context, (result) => this.#settle(result as AssetResult<T>))
    );
    this.#scheduler = scheduler;
    this.#left = requests.length;
    if (this.#left === 0) this.#finish();
    else scheduler.add(this.#jobs, this);
    if (signal !== undefined) this.#follow(signal);
  }

  /** How far it is. */
  get progress(): LoadProgress {
    return progressOf(this.#jobs);
  }

  /** Whether every asset is over; some of the results may not have been taken yet. */
  get isOver(): boolean {
    return this.#left === 0;
  }

  /** Resolves when every asset is over, whether it was loaded or not. Never rejects. */
  get over(): Promise<void> {
    return this.#over.promise;
  }

  /** How far each asset is, in the order in which they were asked for. */
  assets(): AssetProgress[] {
    return this.#jobs.map(({ name, state, loaded, size, attempts }) => ({ name, state, loaded, size, attempts }));
  }

  /**
   * Snapshots of {@linkcode AssetBatch.progress}: the first one at once, then the latest one each time, and at the end one that says
   * that everything is over.
   *
   * @param options How many milliseconds to wait before each, at least. By default 100.
   * @returns Something to be looped over with `for await`.
   * @throws {ArgumentError} `FA008` if that is no number of zero or more.
   *
   * @example
   * ```ts
   * import { AssetLoader, SmartAlloc } from "@framealloc/core";
   * import { assertEquals } from "@std/assert";
   *
   * const batch = new AssetLoader(new SmartAlloc()).load([new Blob(["rock"]), new Blob(["tree"])]);
   * const watching = Array.fromAsync(batch.watch({ every: 5 }), ({ fraction }) => fraction);
   * for await (const asset of batch) asset.ok && asset.release();
   * const fractions = await watching;
   * assertEquals([fractions[0], fractions.at(-1)], [0, 1]);
   * ```
   */
  watch(options: { readonly every?: number } = {}): AsyncIterableIterator<LoadProgress> {
    const watch = new ProgressWatch(this, options?.every ?? 100, () => this.#watches.delete(watch));
    if (!this.isOver) this.#watches.add(watch);
    return watch;
  }

  /**
   * Gives up everything that nobody has got yet. What was loaded already is freed. Each of these assets gives a failure, whose error
   * has the reason as its cause.
   *
   * @param reason Why. By default an `AbortError`.
   * @returns Resolves when everything has ended. Never rejects.
   */
  async cancel(reason?: unknown): Promise<void> {
    const why = reason ?? new DOMException("The loading of the assets was cancelled", "AbortError");
    this.#giveUp(() => true, why);
    await this.over;
  }

  /**
   * The same for the assets of one name.
   *
   * @param name The name.
   * @param reason Why. By default an `AbortError`.
   * @returns Whether there was such an asset that nobody had got yet.
   */
  cancelAsset(name: string, reason?: unknown): boolean {
    const why = reason ?? new DOMException(`The loading of asset "${name}" was cancelled`, "AbortError");
    return this.#giveUp((asset) => asset.name === name, why);
  }

  /** The results, as they come. All loops over a batch share them; when one is left early, everything is given up. */
  [Symbol.asyncIterator](): AsyncIterableIterator<AssetResult<T>, undefined> {
    const iterator: AsyncIterableIterator<AssetResult<T>, undefined> = {
      next: () => this.#next(),
      return: async () => {
        await this.#close();
        return { done: true, value: undefined };
      },
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }

  /** Gives up everything that nobody has got yet, and waits until all of it has ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close();
  }

  /** Whether so much lies here that nothing more is to be started: not for use in programs. */
  get $isFull(): boolean {
    return this.#bare >= this.#scheduler.concurrency;
  }

  #next(): Promise<IteratorResult<AssetResult<T>, undefined>> {
    const result = this.#results.shift();
    if (result !== undefined) {
      if (isBare(result)) this.#bare--;
      this.#scheduler.pump();
      return Promise.resolve({ done: false, value: result });
    }
    if (this.isOver || this.#isClosed) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve) => this.#takers.push(resolve));
  }

  /** Takes the result of an asset. */
  #settle(result: AssetResult<T>): void {
    this.#left--;
    const taker = this.#takers.shift();
    if (taker !== undefined) taker({ done: false, value: result });
    else if (!this.#isClosed) {
      this.#results.push(result);
      if (isBare(result)) this.#bare++;
    }
    if (this.isOver) this.#finish();
  }

  #finish(): void {
    this.#scheduler.remove(this);
    this.#leaveSignal?.();
    for (const watch of this.#watches) watch.$over();
    for (const taker of this.#takers.splice(0)) taker({ done: true, value: undefined });
    this.#over.resolve();
  }

  #follow(signal: AbortSignal): void {
    const abort = (): void => void this.cancel(signal.reason);
    if (signal.aborted) return abort();
    if (this.isOver) return;
    signal.addEventListener("abort", abort, { once: true });
    this.#leaveSignal = () => signal.removeEventListener("abort", abort);
  }

  /** Gives up some of the assets that nobody has got yet; returns whether there were any. */
  #giveUp(isMeant: (asset: { readonly name: string }) => boolean, reason: unknown): boolean {
    const running = this.#jobs.filter((job) => !job.hasEnded && isMeant(job));
    const loaded = this.#results.filter((result): result is LoadedAsset<T> => result.ok && isMeant(result));
    // Nobody can get them any more before the first one is let go of, which may call back in here.
    this.#results = this.#results.map((result) =>
      result.ok && isMeant(result) ? this.#jobs[result.index]!.takeBack(reason) : result
    );
    this.#bare = this.#results.filter(isBare).length;
    for (const asset of loaded) letGo(asset);
    for (const job of running) job.cancel(reason);
    return running.length + loaded.length > 0;
  }

  async #close(): Promise<void> {
    this.#isClosed = true;
    for (const taker of this.#takers.splice(0)) taker({ done: true, value: undefined });
    await this.cancel(new DOMException("The loop over the assets was left", "AbortError"));
    this.#results = [];
  }
}

/** Whether a result holds no memory of the budget. */
function isBare(result: AssetResult): boolean {
  return !result.ok || result.id === undefined;
}
