/**
 * Frames as programs use them: one line per method over what is behind it.
 */

import { type AllocConfig, resolveConfig } from "./config.ts";
import { ArgumentError, AsyncSafetyError, ConfigError, show } from "./errors.ts";
import type { BoxOf } from "./arena/box.ts";
import type { FrameMap, KeyLayout } from "./arena/frame_map.ts";
import type { FrameString } from "./arena/frame_string.ts";
import { Frames } from "./frame/frames.ts";
import type { FrameCheckpoint, FrameGuard, FrameScope, PhaseGuard, TagGuard } from "./frame/guards.ts";
import type { PublishedFrame } from "./frame/published_frame.ts";
import type { Batch, BatchBase } from "./layout/batch.ts";
import type { ColumnsOf } from "./layout/columns.ts";
import type { Layout, RecordOf, ValuesOf } from "./layout/layout.ts";
import type { NumberVec } from "./layout/number_vec.ts";
import type { RecordVec } from "./layout/record_vec.ts";
import type { Bool, NumericScalar } from "./layout/scalar.ts";
import type { TypedArrayConstructor, ViewOf } from "./memory/typed_array.ts";
import { Ledger } from "./observe/ledger.ts";
import type { FrameAllocStats, FrameSummary } from "./observe/stats.ts";

/** Options of {@linkcode FrameAlloc.frameSlice}. */
export interface SliceOptions {
  /** Whether the slice is filled with zeros; otherwise it holds whatever was there before. @default {false} */
  readonly zero?: boolean;
}

/**
 * Options of {@linkcode FrameAlloc.frameAllocBatch}.
 *
 * @typeParam L The layout of the records.
 */
export interface BatchOptions<L extends Layout> {
  /** A batch of the same layout and allocator to use again instead of making a new one. Whoever holds it sees the new memory. */
  readonly into?: Batch<L> | undefined;
}

/**
 * What {@linkcode FrameAlloc.speculative} came to.
 *
 * @typeParam T What the function returns.
 */
export type SpeculativeResult<T> =
  | { readonly success: true; readonly value: T }
  | { readonly success: false; readonly error: unknown };

/**
 * Frames alone: all that {@linkcode SmartAlloc} has for frames, tags and phases, for programs that need nothing else and count
 * their kilobytes.
 *
 * @example
 * ```ts
 * import { FrameAlloc } from "@framealloc/core";
 * import { assertEquals } from "@std/assert";
 *
 * const alloc = new FrameAlloc();
 * for (let i = 0; i < 3; i++) {
 *   using _frame = alloc.frame();
 *   alloc.frameSlice(Float32Array, 1024).fill(i);
 * }
 * assertEquals(alloc.stats().totals.frames, 3);
 * ```
 */
export class FrameAlloc {
  /** What is behind this; not for use in programs. */
  readonly $frames: unknown;
  readonly #frames: Frames;

  /**
   * Makes an allocator. Memory is asked for by the first frame.
   *
   * @param config Its options; by default those of `AllocConfig.default()`.
   * @throws {ConfigError} `FA010` if an option is unknown, contradictory or absurd.
   * @throws {ConfigError} `FA011` if the chunk source cannot honour an option.
   */
  constructor(config: AllocConfig = {}) {
    this.#frames = new Frames(resolveConfig(config), new Ledger());
    this.$frames = this.#frames;
    if (new.target === FrameAlloc && this.#frames.config.memoryLimit !== Infinity) {
      throw new ConfigError(
        "FA010",
        'Cannot use the option "memoryLimit" as frames alone have no budgets: use maxFrameBytes, or a SmartAlloc',
      );
    }
    if (new.target === FrameAlloc && this.#frames.config.asyncSafety === "turns") {
      throw new ConfigError(
        "FA010",
        'Cannot use asyncSafety "turns" as frames alone have no guard: use asyncSafety "frames", or a SmartAlloc',
      );
    }
  }

  /** Whether a frame is open. */
  get inFrame(): boolean {
    return this.#frames.inFrame;
  }

  /** The number of the current frame, or of the last one; 0 before the first. */
  get frameNumber(): number {
    return this.#frames.frameNumber;
  }

  /**
   * Begins a frame.
   *
   * @throws {FrameStateError} `FA004` if one is open already; `FA012` after {@linkcode FrameAlloc.dispose}.
   * @throws {ArenaExhaustedError} `FA003` if there is no memory yet and the source refuses; no frame is open then.
   * @throws {BudgetError} `FA351` if there is no memory yet and the global budget refuses; no frame is open then.
   */
  beginFrame(): void {
    this.#frames.begin();
  }

  /**
   * Ends the frame, and with it its scopes, its phases and all its memory.
   *
   * @throws {FrameStateError} `FA005` if none is open.
   */
  endFrame(): void {
    this.#frames.end();
  }

  /**
   * Runs a function in a frame of its own, which ends with it, before anything that waits can run.
   *
   * @param fn The function; it is given this allocator. It must not be async: the frame would be over at its first `await`.
   * @returns What the function returns.
   * @throws {AsyncSafetyError} `FA704` if the function is async, before it is run, or returns a promise, which is the `cause` then.
   * @throws {ArgumentError} `FA008` if it is no function.
   * @throws As {@linkcode FrameAlloc.beginFrame}.
   *
   * @example
   * ```ts
   * import { SmartAlloc } from "@framealloc/core";
   * import { assertEquals } from "@std/assert";
   *
   * const alloc = new SmartAlloc();
   * const sum = alloc.runFrame((alloc) => {
   *   const values = alloc.frameSlice(Float32Array, 3);
   *   values.set([1, 2, 3]);
   *   return values.reduce((sum, value) => sum + value);
   * });
   * assertEquals([sum, alloc.inFrame], [6, false]);
   * ```
   */
  runFrame<R>(fn: (alloc: this) => R): R extends PromiseLike<unknown> ? never : R {
    if (typeof fn !== "function") {
      throw new ArgumentError("FA008", `Cannot run ${show(fn)} in a frame: give a function`);
    }
    if (fn instanceof AsyncFunction) throw heldOpen("an async function", undefined);
    const frame = this.#frames.guard();
    let result: R;
    try {
      result = fn(this);
    } finally {
      frame.end();
    }
    if (typeof (result as PromiseLike<unknown> | undefined)?.then !== "function") return result as never;
    // Whoever catches the error has it. A thenable of another kind may be lazy, and is not started.
    if (result instanceof Promise) result.catch(() => {});
    throw heldOpen("a function that returns a promise", result);
  }

  /**
   * Ends the frame and says what it came to. Makes garbage: for reports, not for every frame.
   *
   * @returns What the frame came to.
   * @throws {FrameStateError} `FA005` if none is open.
   *
   * @example
   * ```ts
   * import { SmartAlloc } from "@framealloc/core";
   * import { assertEquals } from "@std/assert";
   *
   * const alloc = new SmartAlloc();
   * alloc.beginFrame();
   * alloc.frameSlice(Uint8Array, 100);
   * const { number, bytes, allocations } = alloc.endFrameWithSummary();
   * assertEquals([number, bytes, allocations], [1, 112, 1]); // everything is aligned to 16 bytes
   * ```
   */
  endFrameWithSummary(): FrameSummary {
    const frames = this.#frames;
    const { used: bytes, peak, count: allocations } = frames.region;
    const ms = frames.elapsed;
    frames.end();
    frames.ledger.turn();
    const { meter, frameNumber: number } = frames;
    return { number, bytes, peak, allocations, ms, tags: meter.tagStats(), phases: meter.phaseStats() };
  }

  /**
   * Begins a frame that ends with the returned guard.
   *
   * @returns The guard, for `using` or its `end()`.
   * @throws As {@linkcode FrameAlloc.beginFrame}.
   */
  frame(): FrameGuard {
    return this.#frames.guard();
  }

  /**
   * The bytes that the configured limits leave to this frame: `Infinity` where nothing limits it.
   *
   * @throws {FrameStateError} `FA001` if no frame is open.
   */
  frameRemaining(): number {
    if (!this.#frames.inFrame) throw this.#frames.closed("tell what remains");
    return this.#frames.region.remaining;
  }

  /**
   * One record of a layout.
   *
   * @param layout The layout.
   * @returns The record; for a scalar a cell that holds one.
   * @throws {FrameStateError} `FA001` if no frame is open.
   * @throws {ArenaExhaustedError} `FA003` if there is not enough memory.
   * @throws {BudgetError} `FA351` or `FA352` if a budget refuses.
   *
   * @example
   * ```ts
   * import { f32, SmartAlloc, struct, vec3f } from "@framealloc/core";
   * import { assertEquals } from "@std/assert";
   *
   * const Ray = struct("Ray", { origin: vec3f, length: f32 });
   * const alloc = new SmartAlloc();
   * using _frame = alloc.frame();
   * const ray = alloc.frameAlloc(Ray);
   * ray.length = 100;
   * ray.origin.set(0, 1, 0);
   * assertEquals(Ray.toObject(ray), { origin: { x: 0, y: 1, z: 0 }, length: 100 });
   * ```
   */
  frameAlloc<L extends Layout>(layout: L): RecordOf<L> {
    return (this.#frames.record(layout) ?? this.#elsewhere(layout.name, "frameAlloc", layout)) as unknown as RecordOf<
      L
    >;
  }

  /** As {@linkcode FrameAlloc.frameAlloc}, but `undefined` if there is not enough memory. */
  tryFrameAlloc<L extends Layout>(layout: L): RecordOf<L> | undefined {
    return (this.#frames.record(layout) ?? this.#perhaps("tryFrameAlloc", layout)) as unknown as
      | RecordOf<L>
      | undefined;
  }

  /**
   * One value, initialised: to zeros where `init` leaves something out.
   *
   * @param layout The layout.
   * @param init What to fill it with.
   * @returns The box; for a scalar its cell. Both are reached through `value`.
   * @throws {FrameStateError} `FA001` if no frame is open.
   * @throws {ArenaExhaustedError} `FA003` if there is not enough memory.
   * @throws {BudgetError} `FA351` or `FA352` if a budget refuses.
   * @throws {LayoutError} `FA022` if `init` does not fit.
   */
  frameBox<L extends Layout>(layout: L, init?: ValuesOf<L>): BoxOf<L> {
    return (this.#frames.box(layout, init) ??
      this.#elsewhere(layout.name, "frameBox", layout, init)) as unknown as BoxOf<L>;
  }

  /** As {@linkcode FrameAlloc.frameBox}, but `undefined` if there is not enough memory. */
  tryFrameBox<L extends Layout>(layout: L, init?: ValuesOf<L>): BoxOf<L> | undefined {
    return (this.#frames.box(layout, init) ?? this.#perhaps("tryFrameBox", layout, init)) as unknown as
      | BoxOf<L>
      | undefined;
  }

  /**
   * A typed array in frame memory. Arrays are recycled from frame to frame: the same request gets the same object again.
   *
   * @param constructor The kind of array, such as `Float32Array`.
   * @param length The number of elements.
   * @param options Whether to fill it with zeros.
   * @returns The array.
   * @throws {FrameStateError} `FA001` if no frame is open.
   * @throws {ArenaExhaustedError} `FA003` if there is not enough memory.
   * @throws {BudgetError} `FA351` or `FA352` if a budget refuses.
   * @throws {ArgumentError} `FA008` if the length is no whole number of zero or more.
   *
   * @example
   * ```ts
   * import { SmartAlloc } from "@framealloc/core";
   * import { assertEquals } from "@std/assert";
   *
   * const alloc = new SmartAlloc();
   * using _frame = alloc.frame();
   * const heights = alloc.frameSlice(Float32Array, 256, { zero: true });
   * assertEquals([heights.length, heights[255]], [256, 0]);
   * ```
   */
  frameSlice<C extends TypedArrayConstructor>(constructor: C, length: number, options?: SliceOptions): ViewOf<C> {
    return this.#frames.slice(constructor, length, options?.zero === true) ??
      this.#elsewhere("a slice", "frameSlice", constructor, length, options);
  }

  /** As {@linkcode FrameAlloc.frameSlice}, but `undefined` if there is not enough memory. */
  tryFrameSlice<C extends TypedArrayConstructor>(
    constructor: C,
    length: number,
    options?: SliceOptions,
  ): ViewOf<C> | undefined {
    return (this.#frames.slice(constructor, length, options?.zero === true) ??
      this.#perhaps("tryFrameSlice", constructor, length, options));
  }

  /**
   * A growable list: of records for a layout, of numbers for a scalar layout or a typed array.
   *
   * @param of The layout of the elements, or a kind of typed array.
   * @param capacity The elements to make room for at once. @default {16}
   * @returns The empty list.
   * @throws {FrameStateError} `FA001` if no frame is open.
   * @throws {ArenaExhaustedError} `FA003` if there is not enough memory.
   * @throws {BudgetError} `FA351` or `FA352` if a budget refuses.
   * @throws {ArgumentError} `FA008` if the capacity is no whole number of zero or more.
   */
  frameVec<S extends NumericScalar>(of: S, capacity?: number): NumberVec<S["array"]>;
  /** A growable list of numbers in frame memory. */
  frameVec<C extends TypedArrayConstructor>(of: C, capacity?: number): NumberVec<C>;
  /** A growable list of records in frame memory. */
  frameVec<L extends Layout>(of: Exclude<L, Bool>, capacity?: number): RecordVec<L>;
  frameVec(of: Layout | TypedArrayConstructor, capacity?: number): unknown {
    return this.#frames.vec(of, capacity) ?? this.#elsewhere("a vec", "frameVec", of, capacity);
  }

  /** As {@linkcode FrameAlloc.frameVec}, but `undefined` if there is not enough memory. */
  tryFrameVec<S extends NumericScalar>(of: S, capacity?: number): NumberVec<S["array"]> | undefined;
  /** A growable list of numbers in frame memory, or `undefined`. */
  tryFrameVec<C extends TypedArrayConstructor>(of: C, capacity?: number): NumberVec<C> | undefined;
  /** A growable list of records in frame memory, or `undefined`. */
  tryFrameVec<L extends Layout>(of: Exclude<L, Bool>, capacity?: number): RecordVec<L> | undefined;
  tryFrameVec(of: Layout | TypedArrayConstructor, capacity?: number): unknown {
    return (this.#frames.vec(of, capacity) ?? this.#perhaps("tryFrameVec", of, capacity));
  }

  /**
   * A map from numbers to values.
   *
   * @param key The layout of the keys: a number of at most 32 bits, or `f64`.
   * @param value The layout of the values.
   * @param capacity The entries to make room for at once. @default {16}
   * @returns The empty map.
   * @throws {FrameStateError} `FA001` if no frame is open.
   * @throws {ArenaExhaustedError} `FA003` if there is not enough memory.
   * @throws {BudgetError} `FA351` or `FA352` if a budget refuses.
   * @throws {ArgumentError} `FA008` if a layout cannot serve, or the capacity is no whole number of zero or more.
   */
  frameMap<V extends Layout>(key: KeyLayout, value: V, capacity?: number): FrameMap<V> {
    return (this.#frames.map(key, value, capacity) ??
      this.#elsewhere("a map", "frameMap", key, value, capacity)) as unknown as FrameMap<V>;
  }

  /** As {@linkcode FrameAlloc.frameMap}, but `undefined` if there is not enough memory. */
  tryFrameMap<V extends Layout>(key: KeyLayout, value: V, capacity?: number): FrameMap<V> | undefined {
    return (this.#frames.map(key, value, capacity) ?? this.#perhaps("tryFrameMap", key, value, capacity)) as unknown as
      | FrameMap<V>
      | undefined;
  }

  /**
   * A growable text, as UTF-8.
   *
   * @param text What it starts with. @default {""}
   * @returns The text.
   * @throws {FrameStateError} `FA001` if no frame is open.
   * @throws {ArenaExhaustedError} `FA003` if there is not enough memory.
   * @throws {BudgetError} `FA351` or `FA352` if a budget refuses.
   */
  frameString(text: string = ""): FrameString {
    return this.#frames.string(text) ?? this.#elsewhere("a text", "frameString", text);
  }

  /** As {@linkcode FrameAlloc.frameString}, but `undefined` if there is not enough memory. */
  tryFrameString(text: string = ""): FrameString | undefined {
    return (this.#frames.string(text) ?? this.#perhaps("tryFrameString", text));
  }

  /**
   * Many records of one layout, side by side.
   *
   * @param layout The layout.
   * @param length The number of records.
   * @param options A batch to use again.
   * @returns The batch.
   * @throws {FrameStateError} `FA001` if no frame is open.
   * @throws {ArenaExhaustedError} `FA003` if there is not enough memory.
   * @throws {BudgetError} `FA351` or `FA352` if a budget refuses.
   * @throws {ArgumentError} `FA008` if the length is no whole number of zero or more, or `into` is of another layout.
   *
   * @example Use one handle every frame
   * ```ts
   * import { type Batch, f32, SmartAlloc, struct } from "@framealloc/core";
   * import { assertEquals } from "@std/assert";
   *
   * const Spark = struct("Spark", { x: f32, y: f32 });
   * const alloc = new SmartAlloc();
   * const options: { into?: Batch<typeof Spark> } = {};
   * for (let i = 0; i < 3; i++) {
   *   using _frame = alloc.frame();
   *   const sparks = options.into = alloc.frameAllocBatch(Spark, 100, options);
   *   sparks.view(Float32Array).fill(i);
   *   assertEquals(sparks.at(99).y, i);
   * }
   * ```
   */
  frameAllocBatch<L extends Layout>(layout: L, length: number, options?: BatchOptions<L>): Batch<L> {
    const batch = this.#frames.batch(layout, length, options?.into as unknown as BatchBase | undefined);
    return (batch ?? this.#elsewhere(layout.name, "frameAllocBatch", layout, length, options)) as unknown as Batch<L>;
  }

  /** As {@linkcode FrameAlloc.frameAllocBatch}, but `undefined` if there is not enough memory. */
  tryFrameAllocBatch<L extends Layout>(layout: L, length: number, options?: BatchOptions<L>): Batch<L> | undefined {
    const batch = this.#frames.batch(layout, length, options?.into as unknown as BatchBase | undefined);
    return (batch ?? this.#perhaps("tryFrameAllocBatch", layout, length, options)) as unknown as Batch<L> | undefined;
  }

  /**
   * One typed array per scalar of a layout: the fastest thing to loop over. The arrays are recycled from frame to frame.
   *
   * @param layout The layout.
   * @param length The number of elements.
   * @returns The columns.
   * @throws {FrameStateError} `FA001` if no frame is open.
   * @throws {ArenaExhaustedError} `FA003` if there is not enough memory.
   * @throws {BudgetError} `FA351` or `FA352` if a budget refuses.
   * @throws {ArgumentError} `FA008` if the length is no whole number of zero or more.
   */
  frameColumns<L extends Layout>(layout: L, length: number): ColumnsOf<L> {
    return (this.#frames.columns(layout, length) ??
      this.#elsewhere(layout.name, "frameColumns", layout, length)) as ColumnsOf<L>;
  }

  /** As {@linkcode FrameAlloc.frameColumns}, but `undefined` if there is not enough memory. */
  tryFrameColumns<L extends Layout>(layout: L, length: number): ColumnsOf<L> | undefined {
    return (this.#frames.columns(layout, length) ?? this.#perhaps("tryFrameColumns", layout, length)) as
      | ColumnsOf<L>
      | undefined;
  }

  /**
   * Two records side by side.
   *
   * @param layout The layout.
   * @returns The records.
   * @throws As {@linkcode FrameAlloc.frameAlloc}.
   *
   * @example
   * ```ts
   * import { SmartAlloc, vec2f } from "@framealloc/core";
   * import { assertEquals } from "@std/assert";
   *
   * const alloc = new SmartAlloc();
   * using _frame = alloc.frame();
   * const [from, to] = alloc.frameAlloc2(vec2f);
   * from.set(0, 0);
   * to.set(3, 4);
   * assertEquals(Math.hypot(to.x - from.x, to.y - from.y), 5);
   * ```
   */
  frameAlloc2<L extends Layout>(layout: L): [RecordOf<L>, RecordOf<L>] {
    return (this.#frames.tuple(layout, 2) ?? this.#elsewhere(layout.name, "frameAlloc2", layout)) as unknown as [
      RecordOf<L>,
      RecordOf<L>,
    ];
  }

  /** As {@linkcode FrameAlloc.frameAlloc2}, but `undefined` if there is not enough memory. */
  tryFrameAlloc2<L extends Layout>(layout: L): [RecordOf<L>, RecordOf<L>] | undefined {
    return (this.#frames.tuple(layout, 2) ?? this.#perhaps("tryFrameAlloc2", layout)) as unknown as [
      RecordOf<L>,
      RecordOf<L>,
    ] | undefined;
  }

  /**
   * Four records side by side.
   *
   * @param layout The layout.
   * @returns The records.
   * @throws As {@linkcode FrameAlloc.frameAlloc}.
   */
  frameAlloc4<L extends Layout>(layout: L): Tuple4<RecordOf<L>> {
    return (this.#frames.tuple(layout, 4) ?? this.#elsewhere(layout.name, "frameAlloc4", layout)) as unknown as Tuple4<
      RecordOf<L>
    >;
  }

  /** As {@linkcode FrameAlloc.frameAlloc4}, but `undefined` if there is not enough memory. */
  tryFrameAlloc4<L extends Layout>(layout: L): Tuple4<RecordOf<L>> | undefined {
    return (this.#frames.tuple(layout, 4) ?? this.#perhaps("tryFrameAlloc4", layout)) as unknown as
      | Tuple4<RecordOf<L>>
      | undefined;
  }

  /**
   * Eight records side by side.
   *
   * @param layout The layout.
   * @returns The records.
   * @throws As {@linkcode FrameAlloc.frameAlloc}.
   */
  frameAlloc8<L extends Layout>(layout: L): Tuple8<RecordOf<L>> {
    return (this.#frames.tuple(layout, 8) ?? this.#elsewhere(layout.name, "frameAlloc8", layout)) as unknown as Tuple8<
      RecordOf<L>
    >;
  }

  /** As {@linkcode FrameAlloc.frameAlloc8}, but `undefined` if there is not enough memory. */
  tryFrameAlloc8<L extends Layout>(layout: L): Tuple8<RecordOf<L>> | undefined {
    return (this.#frames.tuple(layout, 8) ?? this.#perhaps("tryFrameAlloc8", layout)) as unknown as
      | Tuple8<RecordOf<L>>
      | undefined;
  }

  /**
   * Opens a scope: what is allocated from now on is freed when it ends.
   *
   * @returns The scope, for `using` or its `end()`; `commit()` keeps the memory until the end of what is around it.
   * @throws {FrameStateError} `FA001` if no frame is open.
   */
  scope(): FrameScope {
    return this.#frames.scope();
  }

  /**
   * Takes a checkpoint, to roll back to with {@linkcode FrameAlloc.rollbackTo}.
   *
   * @returns The checkpoint.
   * @throws {FrameStateError} `FA001` if no frame is open.
   */
  frameCheckpoint(): FrameCheckpoint {
    return this.#frames.checkpoint();
  }

  /**
   * Frees what was allocated since a checkpoint, and drops the scopes and checkpoints after it. The checkpoint itself can be used
   * again.
   *
   * @param checkpoint What {@linkcode FrameAlloc.frameCheckpoint} returned.
   * @throws {FrameStateError} `FA006` if it is another allocator's, or was dropped by an earlier checkpoint or a scope.
   * @throws {FrameStateError} `FA007` if its frame has ended.
   */
  rollbackTo(checkpoint: FrameCheckpoint): void {
    this.#frames.rollback(checkpoint);
  }

  /**
   * A scope under the name by which a transaction knows it: what is allocated from now on is rolled back unless `commit()` is called.
   *
   * @returns The scope.
   * @throws {FrameStateError} `FA001` if no frame is open.
   *
   * @example
   * ```ts
   * import { SmartAlloc } from "@framealloc/core";
   * import { assertEquals } from "@std/assert";
   *
   * const alloc = new SmartAlloc();
   * using _frame = alloc.frame();
   * {
   *   using attempt = alloc.checkpointGuard();
   *   alloc.frameSlice(Uint8Array, 64);
   *   attempt.commit();
   * }
   * assertEquals(alloc.stats().frame.used, 64);
   * ```
   */
  checkpointGuard(): FrameScope {
    return this.#frames.scope();
  }

  /**
   * Runs a function and rolls its allocations back if it throws. The error is returned: rethrow what was not expected.
   *
   * @param fn The function. It must not be async: what it allocates after an `await` is not covered.
   * @returns Its value, or the error.
   * @throws {FrameStateError} `FA001` if no frame is open.
   *
   * @example
   * ```ts
   * import { SmartAlloc } from "@framealloc/core";
   * import { assertEquals } from "@std/assert";
   *
   * const alloc = new SmartAlloc();
   * using _frame = alloc.frame();
   * const result = alloc.speculative(() => {
   *   alloc.frameSlice(Uint8Array, 64);
   *   throw new Error("No path found");
   * });
   * assertEquals([result.success, alloc.stats().frame.used], [false, 0]);
   * ```
   */
  speculative<T>(fn: () => T): SpeculativeResult<T> {
    const scope = this.#frames.scope();
    let value: T;
    try {
      value = fn();
    } catch (error) {
      scope.end();
      return { success: false, error };
    }
    scope.commit();
    return { success: true, value };
  }

  /**
   * Begins a phase: a named part of the frame, with bytes, allocations and time of its own.
   *
   * @param name The name.
   * @throws {FrameStateError} `FA001` if no frame is open.
   */
  beginPhase(name: string): void {
    this.#frames.pushPhase(name);
  }

  /**
   * Ends the innermost phase. The end of the frame ends those that are left.
   *
   * @throws {FrameStateError} `FA001` if no frame is open; `FA013` if no phase is.
   */
  endPhase(): void {
    this.#frames.popPhase();
  }

  /**
   * Begins a phase that ends with the returned guard.
   *
   * @param name The name.
   * @returns The guard, for `using` or its `end()`.
   * @throws {FrameStateError} `FA001` if no frame is open.
   */
  phase(name: string): PhaseGuard {
    return this.#frames.phaseGuard(name);
  }

  /** The name of the innermost phase; `undefined` if there is none. */
  get currentPhase(): string | undefined {
    return this.#frames.meter.phase;
  }

  /**
   * Runs a function under a tag: every byte that it allocates is counted for it. Tags that it leaves open end with it.
   *
   * @param tag The tag. Tags nest, and what is inside belongs to the path `outer::inner`.
   * @param fn The function; it is given this allocator. What an async function allocates after an `await` is not covered.
   * @returns What the function returns.
   * @throws {ArgumentError} `FA008` if the tag is empty.
   *
   * @example
   * ```ts
   * import { SmartAlloc } from "@framealloc/core";
   * import { assertEquals } from "@std/assert";
   *
   * const alloc = new SmartAlloc();
   * using _frame = alloc.frame();
   * alloc.withTag("audio", (alloc) => alloc.frameSlice(Float32Array, 512));
   * assertEquals(alloc.stats().tags.map((tag) => [tag.path, tag.bytes]), [["audio", 2048]]);
   * ```
   */
  withTag<R>(tag: string, fn: (alloc: this) => R): R {
    const frames = this.#frames;
    const around = frames.ledger.current;
    frames.pushTag(tag);
    try {
      return fn(this);
    } finally {
      frames.ledger.restore(around);
    }
  }

  /**
   * Opens a tag that ends with the returned guard.
   *
   * @param name The tag.
   * @returns The guard, for `using` or its `end()`.
   * @throws {ArgumentError} `FA008` if the tag is empty.
   */
  tag(name: string): TagGuard {
    return this.#frames.tagGuard(name);
  }

  /** The innermost tag; `undefined` if there is none. */
  get currentTag(): string | undefined {
    const { current, root } = this.#frames.ledger;
    return current === root ? undefined : current.name;
  }

  /** The tags from the outermost inwards, joined with `::`; `""` if there is none. */
  get tagPath(): string {
    return this.#frames.ledger.current.path;
  }

  /**
   * Keeps a value under a name for the frames after this one, as far as they are alive: see the option `framesAlive`.
   *
   * @param name The name; a second value under it replaces the first.
   * @param value The value, usually a slice, columns or a batch of this frame.
   * @returns The value.
   * @throws {FrameStateError} `FA001` if no frame is open.
   */
  publish<T>(name: string, value: T): T {
    this.#frames.publish(name, value);
    return value;
  }

  /**
   * An earlier frame that is still alive, to reach what it published.
   *
   * @param k How many frames back: 1 is the frame before this one.
   * @returns The frame, or `undefined` if it is not alive.
   * @throws {ArgumentError} `FA008` if `k` is no whole number of zero or more.
   */
  previous(k: number): PublishedFrame | undefined {
    return this.#frames.previous(k);
  }

  /**
   * What is in use now, and what finished frames came to. Makes garbage: for reports, not for every frame.
   *
   * @returns Plain data.
   */
  stats(): FrameAllocStats {
    const frames = this.#frames;
    frames.ledger.turn();
    const { region, regions, inFrame: open, meter } = frames;
    const sum = (of: (from: typeof region) => number): number => regions.reduce((all, from) => all + of(from), 0);
    return {
      frame: {
        number: frames.frameNumber,
        open,
        used: open ? region.used : 0,
        peak: open ? region.peak : 0,
        allocations: open ? region.count : 0,
        alive: sum((from) => from.used),
        reserved: sum((from) => from.reserved),
        committed: sum((from) => from.committed),
        remaining: open ? region.remaining : 0,
        extraChunks: sum((from) => from.extraChunks),
        overflows: sum((from) => from.overflows),
      },
      totals: frames.totals,
      tags: meter.tagStats(),
      phases: meter.phaseStats(),
    };
  }

  /**
   * Gives back memory that is not needed now: chunks kept for later, and what has grown past the configured size.
   *
   * @returns The bytes given back.
   */
  trim(): number {
    return this.#frames.trim();
  }

  /** Ends every handle and gives all memory back. The allocator cannot be used after that; a second call does nothing. */
  dispose(): void {
    this.#frames.dispose();
  }

  /** The same as {@linkcode FrameAlloc.dispose}. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  /** A refused allocation is made by the allocator that the exceeded budget spills to; without one it is an error. */
  #elsewhere(what: string, method: string, ...args: unknown[]): never {
    const { spill } = this.#frames;
    if (spill === undefined) throw this.#frames.refusal(what);
    return this.#spill(spill, method, args) as never;
  }

  /** The same for those that are `undefined` where nothing can be had. */
  #perhaps(method: string, ...args: unknown[]): undefined {
    const { spill } = this.#frames;
    return spill === undefined ? undefined : this.#spill(spill, method, args) as undefined;
  }

  #spill(to: unknown, method: string, args: readonly unknown[]): unknown {
    const there = ((to as FrameAlloc).$frames as Frames).ledger;
    return this.#frames.ledger.spillTo(there, () => (to as Methods)[method]!(...args));
  }
}

/** What async functions are instances of. */
const AsyncFunction: new () => unknown = Object.getPrototypeOf(async () => {}).constructor;

/** The error of a frame that would have to stay open across an `await`. */
function heldOpen(what: string, promise: unknown): AsyncSafetyError {
  return new AsyncSafetyError(
    "FA704",
    `Cannot run ${what} in a frame as the frame would be over at its first await: wait outside, or allocate in a TaskAlloc`,
    promise === undefined ? undefined : { cause: promise },
  );
}

/** An allocator, seen as what it can be asked for. */
interface Methods {
  readonly [method: string]: (...args: unknown[]) => unknown;
}

/** Four of a kind. */
export type Tuple4<T> = [T, T, T, T];

/** Eight of a kind. */
export type Tuple8<T> = [T, T, T, T, T, T, T, T];
