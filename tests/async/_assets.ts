/** Sources of assets that do as they are told, and what there is to be looked at around a loader. */

import {
  AssetError,
  AssetLoader,
  type AssetLoaderOptions,
  type AssetResult,
  type ErrorCode,
  type FailedAsset,
  type LoadedAsset,
  SmartAlloc,
} from "@framealloc/core";
import { assert, assertEquals } from "@std/assert";
import { delay } from "@std/async";
import { CountingSource } from "../memory/_counting_source.ts";

/** Bytes that are told apart from those of another seed, and from zeros. */
export function bytesOf(length: number, seed: number = length): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, i) => (i * 7 + seed * 13) % 255 + 1);
}

/** Lets everything go on that can. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 3; i++) await delay(0);
}

/** What puts bytes into a stream, of whatever type. */
type Controller = ReadableByteStreamController | ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>;

/** A stream that gives what it is told to, when it is told to. */
export class Tap {
  readonly stream: ReadableStream<Uint8Array<ArrayBuffer>>;
  isCancelled = false;
  reason: unknown;
  #controller!: Controller;

  /** By default a stream of bytes. */
  constructor(type?: "plain") {
    const source = {
      start: (controller: Controller) => {
        this.#controller = controller;
      },
      cancel: (reason: unknown) => {
        this.isCancelled = true;
        this.reason = reason;
      },
    };
    this.stream = type === "plain" ? new ReadableStream(source) : new ReadableStream({ type: "bytes", ...source });
  }

  give(bytes: Uint8Array<ArrayBuffer>): this {
    this.#controller.enqueue(bytes.slice()); // a stream of bytes takes the buffer away
    return this;
  }

  end(): this {
    this.#controller.close();
    // Whoever has given the stream memory to write into gets it back only by this.
    if ("byobRequest" in this.#controller) this.#controller.byobRequest?.respond(0);
    return this;
  }

  fail(error: unknown): this {
    this.#controller.error(error);
    return this;
  }
}

/** A stream of some bytes, in chunks of a size. */
export function streamOf(
  bytes: Uint8Array<ArrayBuffer>,
  chunk: number = 1000,
  type: "bytes" | "plain" = "plain",
): ReadableStream<Uint8Array<ArrayBuffer>> {
  let at = 0;
  const pull = (controller: Controller): void => {
    if (at < bytes.length) return controller.enqueue(bytes.slice(at, at += chunk));
    controller.close();
    if ("byobRequest" in controller) controller.byobRequest?.respond(0);
  };
  return type === "plain" ? new ReadableStream<Uint8Array<ArrayBuffer>>({ pull }) : new ReadableStream({ type, pull });
}

/** An allocator and a loader on it, with all that can be left behind. */
export class Bench {
  readonly source: CountingSource = new CountingSource();
  readonly alloc: SmartAlloc;
  readonly loader: AssetLoader;

  /** There is no wait before another attempt, unless an option says so. */
  constructor(streamingBudget: number = 1_000_000, options: AssetLoaderOptions = {}) {
    this.alloc = new SmartAlloc({ source: this.source, streamingBudget, heapIdleBytes: 0, taskIdleBytes: 0 });
    this.loader = new AssetLoader(this.alloc, { backoff: { first: 0 }, ...options });
  }

  get reserved(): number {
    return this.alloc.streaming.stats.reserved;
  }

  /** Checks that nothing is left of anything. */
  done(): void {
    const { streaming, tasks, heap } = this.alloc.stats();
    assertEquals([streaming.reserved, streaming.waiting, streaming.pinnedCount], [0, 0, 0], "streaming");
    assertEquals([tasks.live, tasks.reserved, heap.bytes, this.loader.reserved], [0, 0, 0, 0], "tasks and heap");
    assertEquals(this.alloc.dispose(), []);
    assertEquals(this.source.chunks, 0, "chunks were not given back");
  }
}

/** All results, by the place of their assets. */
export async function collect<T>(batch: AsyncIterable<AssetResult<T>>): Promise<AssetResult<T>[]> {
  const results: AssetResult<T>[] = [];
  for await (const result of batch) {
    assert(results[result.index] === undefined, `asset ${result.index} came twice`);
    results[result.index] = result;
  }
  return results;
}

/** The asset, which has to be loaded. */
export function loaded<T>(result: AssetResult<T> | undefined): LoadedAsset<T> {
  if (result?.ok !== true) throw result?.error ?? new Error("there is no result");
  return result;
}

/** The failure of an asset, which must not be loaded. */
export function failure(result: AssetResult | undefined, code: ErrorCode, text: string = ""): FailedAsset {
  assert(result !== undefined && !result.ok, "the asset was loaded");
  const { error, name, attempts } = result;
  assert(error instanceof AssetError, String(error));
  assertEquals([error.code, error.asset, error.attempts], [code, name, attempts], error.message);
  assert(error.message.startsWith(`${code}: Cannot load asset "${name}" as `), error.message);
  assert(error.message.includes(text) && !error.message.endsWith("."), error.message);
  return result;
}

/** A signal that counts its listeners. */
export function countingSignal(): { readonly controller: AbortController; readonly count: () => number } {
  const controller = new AbortController();
  return { controller, count: countListeners(controller.signal) };
}

/** Counts the listeners that are put on a signal from now on, less those that are taken off or have been called. */
export function countListeners(signal: AbortSignal): () => number {
  const listeners = new Set<unknown>();
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...args: Parameters<typeof add>): void => {
    listeners.add(args[1]);
    add(...args);
  };
  signal.removeEventListener = (...args: Parameters<typeof remove>): void => {
    listeners.delete(args[1]);
    remove(...args);
  };
  return () => signal.aborted ? 0 : listeners.size;
}
