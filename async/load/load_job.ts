/**
 * The way of one asset, from its source into memory: opened, given room, read, decoded. Whatever goes wrong on it, or ends it on the
 * way, leaves nothing behind.
 */

import type { Ledger } from "../../src/observe/ledger.ts";
import type { SmartAlloc } from "../../src/smart_alloc.ts";
import { abortable } from "./abortable.ts";
import { AssetMemory, freeQuietly } from "./asset_memory.ts";
import type { CheckedRequest } from "./asset_request.ts";
import { type AssetResult, type FailedAsset, LoadedAsset } from "./asset_result.ts";
import { discard, type FetchAsset, type OpenAsset, openSource } from "./asset_source.ts";
import { type Backoff, delayAfter } from "./backoff.ts";
import type { ByteGate } from "./byte_gate.ts";
import { type Grown, half, readGrowing, tooLarge } from "./growing_read.ts";
import { cancelled, failed, LoadFailure } from "./load_failure.ts";
import type { AssetState, Progressing } from "./load_progress.ts";
import { SourceReader } from "./source_reader.ts";
import { TaskAlloc } from "../task_alloc.ts";

/** What the jobs of a loader share. */
export interface JobContext {
  readonly name: string;
  readonly alloc: SmartAlloc;
  readonly ledger: Ledger;
  readonly gate: ByteGate;
  readonly fetch: FetchAsset;
  readonly open: OpenAsset | undefined;
  readonly retries: number;
  readonly backoff: Required<Backoff>;
}

/** What is taken at first for an asset of which nothing is known. */
const FIRST_PIECE = 65_536;

/** See the file comment. */
export class LoadJob implements Progressing {
  readonly request: CheckedRequest;
  state: AssetState = "queued";
  loaded = 0;
  attempts = 0;
  readonly #context: JobContext;
  readonly #controller: AbortController = new AbortController();
  /** Is told what became of it, once. */
  readonly #onEnd: (result: AssetResult) => void;
  #reader: SourceReader | undefined;
  #received = 0;
  #size: number | undefined;
  /** The size that it is opened with, where that is known before. */
  #expected: number | undefined;
  #isRunning = false;
  #hasEnded = false;

  constructor(request: CheckedRequest, context: JobContext, onEnd: (result: AssetResult) => void) {
    this.request = request;
    this.#context = context;
    this.#onEnd = onEnd;
    this.#expected = this.#size = request.from instanceof Blob ? request.from.size : request.size;
  }

  get name(): string {
    return this.request.name;
  }

  get size(): number | undefined {
    return this.#size;
  }

  get received(): number {
    return this.#received + (this.#reader?.received ?? 0);
  }

  /** Aborted when it is no longer wanted. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Whether it is over. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Whether it may have to wait for memory while it holds some: nobody knows its size, and it can be read once only. */
  get mayBlock(): boolean {
    return this.#isOneShot && this.#expected === undefined;
  }

  get #isOneShot(): boolean {
    return this.request.from instanceof ReadableStream;
  }

  /** Gives it up. */
  cancel(reason: unknown): void {
    if (this.#hasEnded) return;
    this.#controller.abort(reason);
    if (!this.#isRunning) this.#fail(cancelled(this.signal.reason));
  }

  /**
   * Tries to load it.
   *
   * @returns `undefined` if it is over; otherwise how many milliseconds to wait before the next attempt. Never rejects.
   */
  async attempt(): Promise<number | undefined> {
    const { retries, backoff } = this.#context;
    this.#isRunning = true;
    this.attempts++;
    try {
      const asset = await this.#load();
      if (this.signal.aborted) {
        letGo(asset);
        this.#end("cancelled", this.takeBack(this.signal.reason));
      } else this.#end("done", asset);
    } catch (error) {
      const failure = this.signal.aborted
        ? cancelled(this.signal.reason)
        : failed("it could not be loaded", error, { isFinal: true });
      this.#expectAnew(failure);
      if (!failure.isFinal && !this.#isOneShot && this.attempts <= retries) {
        this.state = "queued";
        return delayAfter(this.attempts, backoff, failure.delay);
      }
      this.#fail(failure);
    } finally {
      this.#isRunning = false;
    }
    return undefined;
  }

  /** What there is in place of what was loaded and nobody gets: that is to be let go of. */
  takeBack(reason: unknown): FailedAsset {
    this.state = "cancelled";
    return this.#failed(cancelled(reason), true);
  }

  async #load(): Promise<LoadedAsset> {
    let grown = await this.#fetch();
    if (typeof grown === "number") {
      this.#expected = this.#size = grown;
      this.loaded = 0;
      grown = await this.#fetch();
    }
    const memory = grown as AssetMemory | undefined;
    const { name, index, decode, keepBytes } = this.request;
    const size = this.#size = this.loaded = memory?.size ?? 0;
    const { attempts } = this;
    try {
      memory?.finish();
      if (decode === undefined) return new LoadedAsset(memory, { name, index, size, value: undefined, attempts });
      const value = await this.#decode(memory);
      if (!keepBytes) freeQuietly(memory);
      return new LoadedAsset(keepBytes ? memory : undefined, { name, index, size, value, attempts });
    } catch (error) {
      freeQuietly(memory);
      throw error;
    }
  }

  /** Opens the source and reads it; a number says to do so once more, with that size. */
  async #fetch(): Promise<Grown> {
    const expected = this.#expected;
    const { gate } = this.#context;
    const { signal } = this;
    let memory: AssetMemory | undefined;
    try {
      // A size that is known is waited for with nothing open.
      if (expected !== undefined) memory = await this.#take(expected);
      this.state = "connecting";
      const source = await openSource(this.request.from, { ...this.#context, signal });
      const reader = this.#reader = new SourceReader(source.stream, signal, gate);
      const size = source.size ?? expected;
      if (size === undefined) return await this.#grow(reader, source.guess);
      if (expected !== undefined && size !== expected) {
        throw new LoadFailure(`its source announces ${size} bytes instead of ${expected}`, {
          code: "FA722",
          advice: "give the right size, or none",
        });
      }
      this.#expected = this.#size = size;
      memory ??= await this.#take(size);
      await this.#fill(reader, memory, size);
      const whole = memory;
      memory = undefined;
      return whole;
    } finally {
      this.#received = this.received;
      this.#reader?.close(signal.reason);
      this.#reader = undefined;
      freeQuietly(memory);
    }
  }

  async #fill(reader: SourceReader, memory: AssetMemory | undefined, size: number): Promise<void> {
    this.state = "loading";
    this.loaded = 0;
    while (this.loaded < size) {
      const count = await reader.readInto(memory!, this.loaded);
      if (count === 0) {
        throw new LoadFailure(`its source ended after ${this.loaded} of ${size} bytes`, {
          code: "FA722",
          advice: "try again, or give the right size",
        });
      }
      this.loaded += count;
    }
    if (await reader.isOver()) return;
    throw new LoadFailure(`its source gives more than the announced ${size} bytes`, {
      code: "FA722",
      advice: "give the right size, or none",
    });
  }

  async #grow(reader: SourceReader, guess: number): Promise<Grown> {
    const { gate, name } = this.#context;
    const { budget } = gate;
    const limit = gate.limitOf(this.request.tag);
    // In the end the whole has to fit beside it.
    const most = Math.max(1, half({ budget, limit }));
    const piece = await this.#take(Math.min(guess || FIRST_PIECE, most));
    this.state = "loading";
    return await readGrowing(reader, piece!, {
      name,
      budget,
      limit,
      canStartOver: !this.#isOneShot,
      tryTake: (bytes) => {
        const id = gate.tryTake(bytes, this.request);
        return id === undefined ? undefined : new AssetMemory(gate, id, bytes);
      },
      takeFirst: async (bytes) => {
        const memory = await this.#take(bytes, true);
        this.state = "loading";
        return memory!;
      },
      onRead: (loaded) => this.loaded = loaded,
    });
  }

  /** Waits for memory. No bytes need none. */
  async #take(bytes: number, first: boolean = false): Promise<AssetMemory | undefined> {
    const { gate, name } = this.#context;
    if (bytes === 0) return undefined;
    if (bytes > gate.budget) throw tooLarge(bytes, gate.budget, name);
    this.state = "waiting";
    try {
      const memory = new AssetMemory(gate, await gate.take(bytes, this.request, this.signal, first), bytes);
      if (memory.tryMove()) return memory;
      memory.free();
      return new AssetMemory(gate, await gate.take(bytes, this.request, this.signal, first), bytes);
    } catch (error) {
      throw failed("there is no memory for it", error, { isFinal: true });
    }
  }

  async #decode(memory: AssetMemory | undefined): Promise<unknown> {
    const { signal } = this;
    const { name, tag, decode } = this.request;
    this.state = "decoding";
    const bytes = memory?.bytes ?? new Uint8Array(0);
    let made: { readonly value: unknown } | undefined;
    try {
      const task = this.#context.ledger.under(tag, () => new TaskAlloc(this.#context.alloc, { name, signal }));
      try {
        made = { value: await abortable(() => decode!(bytes, { name, task, signal }), signal, dispose) };
      } finally {
        await task[Symbol.asyncDispose]();
      }
      return made.value;
    } catch (error) {
      dispose(made?.value);
      throw failed("its decode step failed", error, { isFinal: true });
    }
  }

  /** Forgets a size that has turned out to be wrong. */
  #expectAnew({ code }: LoadFailure): void {
    this.loaded = 0;
    if (code === "FA722") this.#expected = this.#size = this.request.size;
  }

  #fail(failure: LoadFailure): void {
    const isCancelled = this.signal.aborted;
    const result = this.#failed(failure, isCancelled);
    discard(this.request.from, result.error); // nobody else will
    this.#end(isCancelled ? "cancelled" : "failed", result);
  }

  #failed(failure: LoadFailure, isCancelled: boolean): FailedAsset {
    const { name, index } = this.request;
    const { attempts } = this;
    this.loaded = 0;
    return { ok: false, name, index, error: failure.of(name, attempts), attempts, isCancelled };
  }

  #end(state: AssetState, result: AssetResult): void {
    this.state = state;
    this.#hasEnded = true;
    this.#onEnd(result);
  }
}

/** Lets go of what was loaded and nobody gets. It may call back into anything. */
export function letGo(asset: LoadedAsset): void {
  try {
    asset.release();
  } catch {
    // A callback of an eviction that this made possible has thrown: the memory is free all the same.
  }
  dispose(asset.value);
}

/** Disposes of a value that nobody gets, if that can be done. */
function dispose(value: unknown): void {
  const end = async (): Promise<void> => {
    const { [Symbol.dispose]: now, [Symbol.asyncDispose]: later } = (value ?? {}) as Partial<
      Disposable & AsyncDisposable
    >;
    await (now ?? later)?.call(value as Disposable & AsyncDisposable);
  };
  end().catch(() => {}); // there is nobody to be told if it fails
}
