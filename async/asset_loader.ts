/**
 * Loads many assets into streaming memory: a few at a time, under a budget of bytes, the important ones first, each as often as it
 * takes; and says of every one what became of it.
 */

import type { Frames } from "../src/frame/frames.ts";
import { ArgumentError, show } from "../src/errors.ts";
import type { SmartAlloc } from "../src/smart_alloc.ts";
import { AssetBatch, type BatchParts } from "./load/asset_batch.ts";
import type { AssetError } from "./load/asset_error.ts";
import { type AssetRequest, type AssetValue, checkedRequests } from "./load/asset_request.ts";
import type { LoadedAsset } from "./load/asset_result.ts";
import type { AssetFrom, FetchAsset, OpenAsset } from "./load/asset_source.ts";
import { type Backoff, checkedBackoff } from "./load/backoff.ts";
import { ByteGate } from "./load/byte_gate.ts";
import type { JobContext } from "./load/load_job.ts";
import { LoadScheduler } from "./load/load_scheduler.ts";

/** Options of {@linkcode AssetLoader}. */
export interface AssetLoaderOptions {
  /** A name for messages. @default {"assets"} */
  readonly name?: string;
  /** How many assets are loaded at once. @default {6} */
  readonly concurrency?: number;
  /** What this loader may have reserved at once, in bytes. @default {the streaming budget of the allocator, which it never exceeds} */
  readonly budget?: number;
  /** How often an asset is tried again. @default {2} */
  readonly retries?: number;
  /** How long to wait before that. @default {100 ms, then twice as long each time, 5 s at most, half of it left to chance} */
  readonly backoff?: Backoff;
  /** Fetches addresses. @default {the `fetch` of the runtime} */
  readonly fetch?: FetchAsset | undefined;
  /** Opens paths. Without it paths are refused: the library itself never opens a file. */
  readonly open?: OpenAsset | undefined;
}

/** Options of {@linkcode AssetLoader.load} and {@linkcode AssetLoader.each}. */
export interface LoadOptions {
  /** Gives everything up when it is aborted. */
  readonly signal?: AbortSignal | undefined;
}

/** What {@linkcode AssetLoader.each} came to. */
export interface LoadSummary {
  /** How many assets were loaded. */
  readonly loaded: number;
  /** Their bytes. */
  readonly bytes: number;
  /** Why the others were not. */
  readonly failures: readonly AssetError[];
}

/**
 * Loads assets into the memory of `alloc.streaming`.
 *
 * An asset comes from an address, a path, a request, a blob, a stream, or a function that returns one of them. Its memory is reserved
 * before the first byte is read, and a source that can do that writes straight into it. An asset that there is no memory for waits; one
 * whose size is known beforehand is not even opened until then. What has no known size is read piece by piece: if there is no memory for
 * the next piece, it gives all of them back, counts the rest, and is opened once more as soon as there is memory for the whole. Only a
 * stream cannot be opened once more; so of streams without a size one at a time is loaded, and the budget has to hold it twice.
 *
 * What fails is tried again, if that may help: not what a server refuses for good, a path that cannot be opened, or a stream. What
 * fails in the end is the error of that one asset, and all others go on.
 *
 * @example Load what is needed, and say what is missing
 * ```ts
 * import { AssetLoader, megabytes, SmartAlloc } from "@framealloc/core";
 * import { assertEquals } from "@std/assert";
 *
 * const alloc = new SmartAlloc();
 * const fetch = async (url: string | URL | Request) =>
 *   await Promise.resolve(new Response(`${url}`, { status: `${url}`.endsWith("c") ? 404 : 200 }));
 * const loader = new AssetLoader(alloc, { concurrency: 2, budget: megabytes(8), fetch });
 *
 * const sizes: number[] = [];
 * const { loaded, failures } = await loader.each(
 *   ["https://example.com/a", { from: "https://example.com/bb", priority: "high" }, "https://example.com/c"],
 *   (asset) => {
 *     sizes.push(asset.bytes.length); // its memory is freed after this
 *   },
 * );
 * assertEquals([loaded, sizes.sort(), failures[0]?.code], [2, [21, 22], "FA721"]);
 * assertEquals(alloc.streaming.stats.reserved, 0);
 * ```
 */
export class AssetLoader {
  readonly #alloc: SmartAlloc;
  readonly #context: JobContext;
  readonly #scheduler: LoadScheduler;

  /**
   * Makes a loader. It has no memory of its own; several can share an allocator.
   *
   * @param alloc Whose memory it uses.
   * @param options What it may use, and how.
   * @throws {ArgumentError} `FA008` if an option makes no sense.
   */
  constructor(alloc: SmartAlloc, options: AssetLoaderOptions = {}) {
    if (alloc?.streaming === undefined) {
      throw new ArgumentError("FA008", `Cannot make a loader with ${show(alloc)} as its allocator: give a SmartAlloc`);
    }
    const { streaming } = alloc;
    const { name = "assets", concurrency = 6, budget = streaming.budget, retries = 2, backoff, fetch, open } =
      options ?? {};
    check("concurrency", concurrency, 1);
    if (options?.budget !== undefined) check("budget", budget, 1);
    check("retries", retries, 0);
    if (typeof name !== "string") {
      throw new ArgumentError("FA008", `Cannot make a loader named ${show(name)}: give a text`);
    }
    if (fetch !== undefined) checkFunction("fetch", fetch);
    if (open !== undefined) checkFunction("open", open);
    const { ledger } = alloc.$frames as Frames;
    this.#alloc = alloc;
    this.#context = {
      name,
      alloc,
      ledger,
      gate: new ByteGate(streaming, ledger, Math.min(budget, streaming.budget)),
      fetch: fetch ?? ((input, init) => globalThis.fetch(input, init)),
      open,
      retries,
      backoff: checkedBackoff(backoff),
    };
    this.#scheduler = new LoadScheduler(concurrency, streaming);
  }

  /** What it may have reserved at once, in bytes. */
  get budget(): number {
    return this.#context.gate.budget;
  }

  /** What it has reserved, or is waiting for at the moment, in bytes: without what was kept. */
  get reserved(): number {
    return this.#context.gate.held;
  }

  /**
   * Loads assets, and hands each over as soon as it is there.
   *
   * @typeParam A What an asset is asked for with.
   * @param assets The assets: each a request, or just what it is loaded from.
   * @param options What ends it early.
   * @returns The batch, to be looped over with `for await`. Nothing has been started when this returns.
   * @throws {ArgumentError} `FA008` if one of the requests makes no sense; nothing is loaded then.
   *
   * @example With a decode step
   * ```ts
   * import { AssetLoader, SmartAlloc } from "@framealloc/core";
   * import { assertEquals } from "@std/assert";
   *
   * const alloc = new SmartAlloc();
   * const from = new Blob(['{ "name": "rock" }']);
   * const decode = (bytes: Uint8Array): unknown => JSON.parse(new TextDecoder().decode(bytes));
   * for await (const asset of new AssetLoader(alloc).load([{ from, decode }])) {
   *   assertEquals(asset.ok && asset.value, { name: "rock" });
   * }
   * assertEquals(alloc.streaming.stats.reserved, 0); // what was decoded is not needed any more
   * ```
   */
  load<A extends AssetFrom | AssetRequest>(assets: Iterable<A>, options: LoadOptions = {}): AssetBatch<AssetValue<A>> {
    const { signal } = options ?? {};
    if (signal !== undefined && !(signal instanceof AbortSignal)) {
      throw new ArgumentError("FA008", `Cannot load assets with ${show(signal)} as the signal: give an AbortSignal`);
    }
    const context = this.#context;
    const requests = checkedRequests(assets, this.#alloc.tagPath, context.open !== undefined);
    const parts: BatchParts = { requests, context, scheduler: this.#scheduler, signal };
    return new AssetBatch<AssetValue<A>>(parts);
  }

  /**
   * Loads assets, calls a function with each, one at a time, and frees each when the function has ended, unless it was kept.
   *
   * @typeParam A What an asset is asked for with.
   * @param assets The assets, as for {@linkcode AssetLoader.load}.
   * @param handler Is called with each asset that was loaded, and waited for.
   * @param options What ends it early.
   * @returns What was loaded, and what was not.
   * @throws What the function throws; everything else is given up then.
   * @throws The reason of the signal, if that has ended it early.
   * @throws {ArgumentError} `FA008` if one of the requests makes no sense; nothing is loaded then.
   */
  async each<A extends AssetFrom | AssetRequest>(
    assets: Iterable<A>,
    handler: (asset: LoadedAsset<AssetValue<A>>) => unknown,
    options: LoadOptions = {},
  ): Promise<LoadSummary> {
    checkFunction("handler", handler);
    const failures: AssetError[] = [];
    let [loaded, bytes, isCancelled] = [0, 0, false];
    for await (const asset of this.load(assets, options)) {
      if (!asset.ok) {
        failures.push(asset.error);
        isCancelled ||= asset.isCancelled;
        continue;
      }
      try {
        await handler(asset);
      } finally {
        asset.release();
      }
      loaded++;
      bytes += asset.size;
    }
    if (isCancelled) options.signal?.throwIfAborted();
    return { loaded, bytes, failures };
  }
}

function check(name: string, value: unknown, least: number): void {
  if (Number.isSafeInteger(value) && (value as number) >= least) return;
  throw new ArgumentError(
    "FA008",
    `Cannot make a loader with ${show(value)} as \`${name}\`: give a whole number of ${least} or more`,
  );
}

function checkFunction(name: string, value: unknown): void {
  if (typeof value === "function") return;
  throw new ArgumentError("FA008", `Cannot use ${show(value)} as \`${name}\`: give a function`);
}
