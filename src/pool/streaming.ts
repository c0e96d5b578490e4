/**
 * Streaming: memory for large assets under a budget of its own. Room is reserved first, then the asset is loaded into it; when room
 * is short, assets that are ready and of less use are evicted, and only if that makes enough.
 */

import { ArgumentError, disposed, PoolError, show } from "../errors.ts";
import { capacityFor } from "../memory/block.ts";
import { Slots } from "../memory/slots.ts";
import { MAX_CHUNK } from "../memory/segment.ts";
import type { Ledger } from "../observe/ledger.ts";
import type { Leak } from "../observe/leak.ts";
import { STREAMING, type Tag } from "../observe/tag.ts";
import {
  Asset,
  type Eviction,
  PRIORITIES,
  type ReserveAsyncOptions,
  type ReserveOptions,
  type StreamingStats,
  type StreamState,
  type Waiter,
} from "./asset.ts";
import { checkOpen, type Context } from "./context.ts";
import type { Heap } from "./heap.ts";
import { PinGuard } from "./pin_guard.ts";

/**
 * Memory for large assets; see {@linkcode SmartAlloc.streaming}.
 *
 * An asset is known by a number. Its memory may be taken away when room is needed for another: first of those of the lowest priority,
 * among them the one that was not used for longest. Never taken are assets that are pinned or not ready yet, those of a higher
 * priority than the one that needs the room, and those of the same priority that were used in the current frame: in a program without
 * frames, equals are never taken. When the memory goes, its views are detached.
 *
 * @example
 * ```ts
 * import { SmartAlloc } from "@framealloc/core";
 * import { assertEquals } from "@std/assert";
 *
 * const { streaming } = new SmartAlloc({ streamingBudget: 1000 });
 * const rock = streaming.reserve(600, { priority: "low", name: "rock" })!;
 * streaming.beginLoad(rock).fill(1);
 * streaming.finishLoad(rock);
 *
 * const hero = streaming.reserve(600, { priority: "high", name: "hero" })!; // there is no room for both
 * assertEquals([streaming.has(rock), streaming.has(hero)], [false, true]);
 * assertEquals(streaming.reserve(600, { priority: "low" }), undefined);
 *
 * const waiting = streaming.reserveAsync(600, { priority: "low" });
 * streaming.free(hero);
 * assertEquals(streaming.state(await waiting), "reserved");
 * ```
 */
export class Streaming {
  /**
   * Is told of each asset that was evicted, when everything is in order again: it may use the allocator as it likes. What it throws
   * comes out of the call that has caused the eviction; a reservation that this call was to return is taken back.
   */
  onEvict: ((eviction: Eviction) => void) | undefined;
  readonly #context: Context;
  readonly #heap: Heap;
  readonly #budget: number;
  readonly #slots: Slots = new Slots();
  /** The assets by the place of their number. */
  readonly #assets: (Asset | undefined)[] = [];
  readonly #waiters: Waiter[] = [];
  #isPumping = false;
  #reserved = 0;
  #loaded = 0;
  #uses = 0;
  #evictions = 0;

  /** Made by {@linkcode SmartAlloc.streaming}. */
  constructor(context: unknown, heap: unknown) {
    this.#context = context as Context;
    this.#heap = heap as Heap;
    this.#budget = this.#context.config.streamingBudget;
  }

  /**
   * Reserves room, if there is room now or can be made.
   *
   * @param bytes How many bytes.
   * @param options How important it is, and whose.
   * @returns The number of the asset, or `undefined` if there is no room.
   * @throws {ArgumentError} `FA008` if the size is no whole number above zero, or an option makes no sense.
   */
  reserve(bytes: number, options: ReserveOptions = {}): number | undefined {
    const { priority, name, tag } = this.#request(bytes, options);
    const evicted: Eviction[] = [];
    let id: number | undefined;
    try {
      try {
        id = this.#take(bytes, priority, name, tag, evicted);
      } finally {
        this.#tell(evicted);
      }
      // An eviction may have made more room than was needed.
      if (evicted.length > 0) this.#pump();
      return id !== undefined && this.has(id) ? id : undefined; // a callback may have disposed of the allocator
    } catch (error) {
      if (id !== undefined) this.#takeBack(id);
      if (evicted.length > 0) this.#pump();
      throw error;
    }
  }

  /**
   * Reserves room as soon as there is some. Those who wait are served by priority, and among equals in the order in which they came;
   * the first in line is not overtaken by others who wait, except by those with the option `first`. They are looked at whenever an
   * asset is freed, becomes ready or loses its last pin, and at the beginning of every frame.
   *
   * @param bytes How many bytes.
   * @param options How important it is, whose, and how long to wait.
   * @returns The number of the asset.
   * @throws {PoolError} `FA402` if it is more than the whole streaming budget.
   * @throws {BudgetError} `FA351` or `FA352` if it is more than the global limit, or one on its tag, allows in all.
   * @throws {FrameStateError} `FA012` if the allocator is disposed of meanwhile.
   * @throws The reason of the signal if that is aborted first; nothing is reserved then.
   * @throws {ArgumentError} `FA008` if the size is no whole number above zero, or an option makes no sense.
   */
  async reserveAsync(bytes: number, options: ReserveAsyncOptions = {}): Promise<number> {
    const { signal, first = false, ...rest } = options ?? {};
    const request = this.#request(bytes, rest);
    if (signal !== undefined && !(signal instanceof AbortSignal)) {
      throw new ArgumentError("FA008", `Cannot wait with ${show(signal)} as the signal: give an AbortSignal`);
    }
    signal?.throwIfAborted();
    if (bytes > this.#budget) {
      throw new PoolError(
        "FA402",
        `Cannot reserve ${bytes} bytes for "${request.name}" as the streaming budget is ${this.#budget}: raise it, or load less`,
      );
    }
    const hopeless = this.#hopeless(request.tag, bytes, request.name);
    if (hopeless !== undefined) throw hopeless;
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const rank = first ? PRIORITIES.length : request.priority;
    const waiter: Waiter = { signal, size: bytes, ...request, rank, resolve, reject };
    this.#enqueue(waiter);
    const abort = (): void => {
      // Others may wait with the same signal, and must not be served any more.
      const over = this.#waiters.filter((one) => one.signal?.aborted);
      if (over.length === 0) return;
      for (const one of over) {
        this.#leave(one);
        one.reject(one.signal!.reason);
      }
      this.#pump();
    };
    signal?.addEventListener("abort", abort);
    try {
      try {
        this.#pump();
      } catch (error) {
        // What was reserved already has nobody to be given to.
        promise.catch(() => {});
        this.#leave(waiter);
        if (waiter.id !== undefined) this.#takeBack(waiter.id);
        this.#pump();
        throw error;
      }
      return await promise;
    } finally {
      signal?.removeEventListener("abort", abort);
    }
  }

  /**
   * Begins to load an asset, or goes on with it.
   *
   * @param id The number of the asset.
   * @returns Its memory, to be written.
   * @throws {PoolError} `FA407` if it is ready already, or its memory was transferred away; `FA401` if it was freed or evicted, `FA404` if there was never such an asset.
   */
  beginLoad(id: number): Uint8Array<ArrayBuffer> {
    const asset = this.#find(id, "begin to load");
    if (asset.state === "ready") throw this.#inState(asset, "begin to load", "reserved or loading");
    checkThere(asset, "begin to load");
    asset.state = "loading";
    return asset.bytes;
  }

  /**
   * Takes note of how much has been loaded.
   *
   * @param id The number of the asset.
   * @param bytes How many bytes in all so far; more than the size counts as the size.
   * @param buffer The memory of the asset, where reading has moved it to another buffer, as a BYOB reader does.
   * @throws {PoolError} `FA407` if it is not being loaded, or its memory was transferred away; `FA401` or `FA404` if there is no such asset.
   * @throws {ArgumentError} `FA008` if it is no number of zero or more, or the buffer is not the memory of the asset.
   *
   * @example Read straight into the memory of an asset
   * ```ts
   * import { SmartAlloc } from "@framealloc/core";
   * import { assertEquals } from "@std/assert";
   *
   * const source = new Blob([new Uint8Array([1, 2, 3, 4])]);
   * const { streaming } = new SmartAlloc();
   * const id = streaming.reserve(source.size)!;
   * const reader = source.stream().getReader({ mode: "byob" });
   * let view = streaming.beginLoad(id);
   * let loaded = 0;
   * while (loaded < source.size) {
   *   const { value, done } = await reader.read(view.subarray(loaded)); // moves the buffer, and gives it back as another
   *   if (value === undefined) break;
   *   loaded += value.length;
   *   streaming.reportProgress(id, loaded, value.buffer);
   *   view = streaming.beginLoad(id);
   *   if (done) break;
   * }
   * streaming.finishLoad(id);
   * assertEquals([...streaming.access(id)], [1, 2, 3, 4]);
   * ```
   */
  reportProgress(id: number, bytes: number, buffer?: ArrayBufferLike): void {
    const asset = this.#find(id, "report progress of");
    if (asset.state !== "loading") throw this.#inState(asset, "report progress of", "loading");
    if (!(typeof bytes === "number" && bytes >= 0)) {
      throw new ArgumentError("FA008", `Cannot report ${show(bytes)} bytes as loaded: give a number of zero or more`);
    }
    if (
      buffer !== undefined && !asset.isIn(buffer) && (this.#heap.owns(buffer) || !asset.entry.block.adopt(buffer))
    ) {
      throw new ArgumentError(
        "FA008",
        `Cannot take ${
          show(buffer)
        } for asset "${asset.name}" as it is not its memory: give the buffer that reading has returned`,
      );
    }
    this.#load(asset, Math.min(bytes, asset.size));
  }

  /**
   * Ends loading: the asset is ready, and may be evicted from now on, at once if somebody of a higher priority waits. Pin it before
   * where it must not be.
   *
   * @param id The number of the asset.
   * @throws {PoolError} `FA407` if it is not being loaded, or its memory was transferred away; `FA401` or `FA404` if there is no such asset.
   */
  finishLoad(id: number): void {
    const asset = this.#find(id, "finish loading");
    if (asset.state !== "loading") throw this.#inState(asset, "finish loading", "loading");
    checkThere(asset, "finish loading");
    this.#load(asset, asset.size);
    asset.state = "ready";
    this.#touch(asset);
    this.#pump();
  }

  /**
   * The memory of an asset that is ready. Counts as a use.
   *
   * @param id The number of the asset.
   * @returns Its bytes: the same array each time, detached when the asset is freed or evicted.
   * @throws {PoolError} `FA407` if it is not ready, or its memory was transferred away; `FA401` if it was freed or evicted, `FA404` if there was never such an asset.
   */
  access(id: number): Uint8Array<ArrayBuffer> {
    const asset = this.#find(id, "access");
    if (asset.state !== "ready") throw this.#inState(asset, "access", "ready");
    checkThere(asset, "access");
    this.#touch(asset);
    return asset.bytes;
  }

  /** As {@linkcode Streaming.access}, but `undefined` if the asset is not ready, or was freed or evicted; `FA407` stays an error. */
  tryAccess(id: number): Uint8Array<ArrayBuffer> | undefined {
    const place = this.#slots.find(id);
    return place >= 0 && this.#assets[place]!.state === "ready" ? this.access(id) : undefined;
  }

  /**
   * Keeps an asset from being evicted until every pin is taken off. Pins are counted.
   *
   * @param id The number of the asset.
   * @returns A guard that takes the pin off; {@linkcode Streaming.unpin} does so as well.
   * @throws {PoolError} `FA401` or `FA404` if there is no such asset.
   */
  pin(id: number): PinGuard {
    this.#find(id, "pin").pins++;
    return new PinGuard(this, id);
  }

  /**
   * Takes one pin off.
   *
   * @param id The number of the asset.
   * @throws {PoolError} `FA406` if it is not pinned; `FA401` or `FA404` if there is no such asset.
   */
  unpin(id: number): void {
    const asset = this.#find(id, "unpin");
    if (asset.pins === 0) {
      throw new PoolError("FA406", `Cannot unpin asset "${asset.name}" as it is not pinned: pin it first`);
    }
    if (--asset.pins === 0) this.#pump();
  }

  /**
   * Frees an asset, in whatever state it is.
   *
   * @param id The number of the asset.
   * @throws {PoolError} `FA406` if it is pinned; `FA403` if it was freed or evicted before, `FA404` if there was never such an asset.
   */
  free(id: number): void {
    if (this.#slots.isPast(id)) {
      throw new PoolError("FA403", `Cannot free asset ${id} as it was freed or evicted before: ask has first`);
    }
    this.#free(id, 0);
  }

  /**
   * Whether an asset is there, in whatever state.
   *
   * @param id Any number.
   * @returns Whether it is.
   */
  has(id: number): boolean {
    return this.#slots.find(id) >= 0;
  }

  /**
   * How far an asset is.
   *
   * @param id Any number.
   * @returns Its state, or `undefined` if it is not there.
   */
  state(id: number): StreamState | undefined {
    const place = this.#slots.find(id);
    return place < 0 ? undefined : this.#assets[place]!.state;
  }

  /** What may be reserved in all, in bytes. */
  get budget(): number {
    return this.#budget;
  }

  /** What it holds. */
  get stats(): StreamingStats {
    const assets = this.#all();
    const count = (state: StreamState): number => assets.filter((asset) => asset.state === state).length;
    return {
      budget: this.#budget,
      reserved: this.#reserved,
      loaded: this.#loaded,
      available: this.#budget - this.#reserved,
      reservedCount: count("reserved"),
      loadingCount: count("loading"),
      readyCount: count("ready"),
      pinnedCount: assets.filter((asset) => asset.pins > 0).length,
      waiting: this.#waiters.length,
      evictions: this.#evictions,
    };
  }

  /** Takes a pin off, unless everything has ended: not for use in programs. */
  $unpin(id: number): void {
    if (!this.#context.isDisposed) this.unpin(id);
  }

  /** Frees an asset that is pinned once, so that nobody can evict it in between: not for use in programs. */
  $freePinned(id: number): void {
    this.#free(id, 1);
  }

  /** Serves those who wait: not for use in programs. */
  $turn(): void {
    if (this.#waiters.length > 0) this.#pump();
  }

  /** What was not freed: not for use in programs. */
  $leaks(): Leak[] {
    const { frame } = this.#context.ledger;
    return this.#all().map((asset) => ({
      kind: "streaming asset",
      name: asset.name,
      tag: asset.entry.tag.path,
      bytes: asset.size,
      age: frame - asset.entry.frame,
    }));
  }

  /** Frees everything, and lets nobody wait any longer: not for use in programs. */
  $dispose(): void {
    for (const asset of this.#all()) this.#drop(asset);
    for (const { reject, name } of this.#waiters.splice(0)) {
      reject(disposed(`reserve memory for "${name}"`));
    }
  }

  #request(bytes: number, options: ReserveOptions): { priority: number; name: string; tag: Tag } {
    const { priority = "normal", tag, name = "asset" } = options ?? {};
    if (typeof name !== "string") {
      throw new ArgumentError("FA008", `Cannot reserve memory for ${show(name)}: give a text as its name`);
    }
    checkOpen(this.#context, `reserve memory for "${name}"`);
    if (!(Number.isInteger(bytes) && bytes > 0 && bytes <= MAX_CHUNK)) {
      throw new ArgumentError(
        "FA008",
        `Cannot reserve ${show(bytes)} bytes for "${name}": give a whole number from 1 to ${MAX_CHUNK}`,
      );
    }
    const rank = PRIORITIES.indexOf(priority);
    if (rank < 0) {
      throw new ArgumentError(
        "FA008",
        `Cannot reserve memory for "${name}" with priority ${show(priority)}: use ${PRIORITIES.join(", ")}`,
      );
    }
    const { ledger } = this.#context;
    return { priority: rank, name, tag: tag === undefined ? ledger.current : this.#tag(ledger, tag) };
  }

  #tag(ledger: Ledger, path: string): Tag {
    if (typeof path === "string" && !path.split("::").includes("")) return ledger.at(path);
    throw new ArgumentError("FA008", `Cannot use ${show(path)} as a tag: give a name, or names joined with "::"`);
  }

  /** Reserves room now, and says what was evicted for it. */
  #take(size: number, priority: number, name: string, tag: Tag, evicted: Eviction[]): number | undefined {
    const { ledger } = this.#context;
    const victims = this.#victims(size - (this.#budget - this.#reserved), priority);
    if (victims === undefined) return undefined;
    const before = ledger.enter(tag);
    try {
      const charge = capacityFor(size);
      if (victims.length > 0) {
        // Nobody is evicted for an asset that a limit refuses all the same.
        if (!ledger.couldHave(charge, victims.map((victim) => victim.entry))) return undefined;
        for (const victim of victims) {
          evicted.push({ id: victim.id, name: victim.name, tag: victim.entry.tag.path, bytes: victim.size });
          this.#evictions++;
          this.#drop(victim);
        }
      }
      const what = `the memory of asset "${name}"`;
      let entry = this.#heap.take(size, true, STREAMING, what, name);
      if (entry === undefined && victims.length > 0 && !this.#heap.isOverBudget) {
        // What the source refuses it may still give once it has the memory of those back.
        this.#heap.trim();
        entry = this.#heap.take(size, true, STREAMING, what, name);
      }
      if (entry === undefined) return undefined;
      if (this.#context.isDisposed || this.#reserved + size > this.#budget) {
        // A callback of a budget has taken the room meanwhile.
        this.#heap.give(entry);
        return undefined;
      }
      const id = this.#slots.take();
      this.#assets[this.#slots.find(id)] = new Asset(id, size, priority, name, entry, this.#uses++);
      this.#reserved += size;
      return id;
    } finally {
      ledger.leave(before);
    }
  }

  /** Those to evict for so many bytes; `undefined` if all together are not enough. */
  #victims(bytes: number, priority: number): Asset[] | undefined {
    if (bytes <= 0) return [];
    const { frame } = this.#context.ledger;
    const candidates = this.#all().filter((asset) =>
      asset.state === "ready" && asset.pins === 0 &&
      (asset.priority < priority || (asset.priority === priority && asset.usedIn < frame))
    ).sort((a, b) => a.priority - b.priority || a.use - b.use);
    let sum = 0;
    for (let i = 0; i < candidates.length; i++) {
      sum += candidates[i]!.size;
      if (sum >= bytes) return candidates.slice(0, i + 1);
    }
    return undefined;
  }

  #free(id: number, pins: number): void {
    const asset = this.#find(id, "free");
    if (asset.pins > pins) {
      throw new PoolError(
        "FA406",
        `Cannot free asset "${asset.name}" as it is pinned: take the pins off first, ${asset.pins - pins} in all`,
      );
    }
    this.#drop(asset);
    this.#pump();
  }

  #drop(asset: Asset): void {
    const place = this.#slots.find(asset.id);
    this.#assets[place] = undefined;
    this.#slots.give(place);
    this.#reserved -= asset.size;
    this.#loaded -= asset.loaded;
    this.#heap.give(asset.entry);
  }

  #takeBack(id: number): void {
    const place = this.#slots.find(id);
    if (place >= 0) this.#drop(this.#assets[place]!);
  }

  #tell(evicted: readonly Eviction[]): void {
    let failure: { readonly error: unknown } | undefined;
    for (const eviction of evicted) {
      try {
        this.onEvict?.(eviction);
      } catch (error) {
        failure ??= { error };
      }
    }
    if (failure !== undefined) throw failure.error;
  }

  #enqueue(waiter: Waiter): void {
    let at = this.#waiters.length;
    while (at > 0 && this.#waiters[at - 1]!.rank < waiter.rank) at--;
    this.#waiters.splice(at, 0, waiter);
  }

  /** Gives room to those who wait, as far as it goes. */
  #pump(): void {
    if (this.#isPumping) return;
    this.#isPumping = true;
    const evicted: Eviction[] = [];
    try {
      for (let first = this.#waiters[0]; first !== undefined; first = this.#waiters[0]) {
        let id: number | undefined;
        try {
          id = this.#take(first.size, first.priority, first.name, first.tag, evicted);
        } catch (error) {
          this.#leave(first);
          first.reject(error);
          continue;
        }
        if (id === undefined) {
          const hopeless = this.#hopeless(first.tag, first.size, first.name);
          if (hopeless === undefined) break;
          this.#leave(first);
          first.reject(hopeless);
          continue;
        }
        if (this.#leave(first)) {
          first.id = id;
          first.resolve(id);
        } else this.#takeBack(id); // it was aborted by a callback
      }
    } finally {
      this.#isPumping = false;
    }
    this.#tell(evicted);
  }

  /** The error of what no limit will ever let through: it would wait for ever, and everybody behind it. */
  #hopeless(tag: Tag, size: number, name: string): Error | undefined {
    const { ledger } = this.#context;
    const charge = capacityFor(size);
    const limit = tag.budget?.tooSmallFor(charge) ?? ledger.global?.tooSmallFor(charge) ?? null;
    if (limit === null) return undefined;
    ledger.turn();
    limit.refusals++;
    return limit.refusal(`reserve memory for "${name}"`, charge);
  }

  /** Takes one who waits off the queue; returns whether they were still waiting. */
  #leave(waiter: Waiter): boolean {
    const at = this.#waiters.indexOf(waiter);
    if (at >= 0) this.#waiters.splice(at, 1);
    return at >= 0;
  }

  #load(asset: Asset, bytes: number): void {
    this.#loaded += bytes - asset.loaded;
    asset.loaded = bytes;
  }

  #touch(asset: Asset): void {
    asset.usedIn = this.#context.ledger.frame;
    asset.use = this.#uses++;
  }

  #all(): Asset[] {
    return this.#assets.filter((asset): asset is Asset => asset !== undefined);
  }

  #find(id: number, action: string): Asset {
    const place = this.#slots.find(id);
    if (place >= 0) return this.#assets[place]!;
    throw this.#slots.isPast(id)
      ? new PoolError("FA401", `Cannot ${action} asset ${id} as it was freed or evicted: reserve it again`)
      : new PoolError(
        "FA404",
        `Cannot ${action} ${show(id)} as there was never such an asset: use what reserve returned`,
      );
  }

  #inState(asset: Asset, action: string, wanted: string): PoolError {
    return new PoolError(
      "FA407",
      `Cannot ${action} asset "${asset.name}" as it is ${asset.state}: it has to be ${wanted}`,
    );
  }
}

/** Refuses an asset whose memory the program has transferred away. */
function checkThere(asset: Asset, action: string): void {
  if (!asset.entry.block.isGone) return;
  throw new PoolError(
    "FA407",
    `Cannot ${action} asset "${asset.name}" as its memory was transferred away: give the buffer back to reportProgress`,
  );
}
