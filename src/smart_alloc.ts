/**
 * The allocator that programs use: frames, and everything that outlives them. Handles, groups, scratch pools, streaming and budgets
 * are made when they are first asked for.
 */

import { AsyncGuard } from "../async/async_guard.ts";
import { LeaseMemory } from "../async/lease/lease_memory.ts";
import { TaskMemory } from "../async/task/task_memory.ts";
import type { AllocConfig } from "./config.ts";
import { FrameAlloc } from "./frame_alloc.ts";
import type { FrameWatch } from "./frame/frame_watch.ts";
import type { Frames } from "./frame/frames.ts";
import type { RetentionPolicy } from "./frame/retention.ts";
import { Kernels, type KernelStats } from "./kernels/kernels.ts";
import type { Face } from "./layout/face.ts";
import type { Cell, Layout, RecordOf, ValuesOf } from "./layout/layout.ts";
import { BlockStore } from "./memory/block.ts";
import { arrayBufferSource } from "./memory/buffer_source.ts";
import type { TypedArray } from "./memory/typed_array.ts";
import { Budgets } from "./observe/budgets.ts";
import type { Ledger } from "./observe/ledger.ts";
import type { Leak } from "./observe/leak.ts";
import type { Context } from "./pool/context.ts";
import { Groups } from "./pool/groups.ts";
import { HandleTable } from "./pool/handle_table.ts";
import { Handles } from "./pool/handles.ts";
import { Heap, type HeapBlock } from "./pool/heap.ts";
import { ObjectPool, type ObjectPoolOptions } from "./pool/object_pool.ts";
import { initialise, type OwnedBox } from "./pool/owned_box.ts";
import { Pool } from "./pool/pool.ts";
import { type ScratchPool, type ScratchPoolOptions, ScratchPools } from "./pool/scratch_pool.ts";
import { Streaming } from "./pool/streaming.ts";
import type { Stats } from "./stats.ts";
import { Promotions } from "./promotion.ts";
import type { PromotedBox, PromotedSlice, PromotionResult } from "./promotion_result.ts";

/** Options of {@linkcode SmartAlloc.heapAlloc}. */
export interface HeapOptions {
  /** Whether the block holds zeros; without, it may hold what a freed block held. @default {true} */
  readonly zero?: boolean;
}

/** What kernels that were never asked for come to. */
const NO_KERNELS: KernelStats = { calls: 0, simd: 0, scalar: 0, outside: 0, apart: 0, copied: 0 };

/**
 * An allocator with memory of its own. Two of them never share any.
 *
 * Between {@linkcode FrameAlloc.beginFrame} and {@linkcode FrameAlloc.endFrame} it hands out memory of the frame: all of it is free
 * again when the frame ends, at no cost. What is to live longer comes from the pool, the heap, groups, scratch pools, handles or
 * streaming, each with an end of its own. Fresh memory holds whatever was there before, unless a method says otherwise. What happens
 * to handles that are kept longer is decided by the option `safety`: see {@linkcode Safety}.
 *
 * Methods whose names begin with `try` return `undefined` where the others throw `FA003`, `FA351` or `FA352`; they throw in all other
 * cases.
 *
 * @example A frame loop
 * ```ts
 * import { f32, SmartAlloc, struct, u32, vec3f } from "@framealloc/core";
 * import { assertEquals } from "@std/assert";
 *
 * const Contact = struct("Contact", { a: u32, b: u32, point: vec3f, depth: f32 });
 * const alloc = new SmartAlloc();
 *
 * for (let i = 0; i < 3; i++) {
 *   using _frame = alloc.frame(); // beginFrame() … endFrame(), also when something throws
 *   const scratch = alloc.frameSlice(Float32Array, 1024);
 *   scratch.fill(i);
 *   const contacts = alloc.frameVec(Contact);
 *   const contact = contacts.push();
 *   contact.depth = 0.25;
 *   contact.point.set(1, 2, 3);
 *   assertEquals([contacts.length, contacts.at(0).point.z], [1, 3]);
 * }
 * assertEquals(alloc.stats().totals.frames, 3);
 * ```
 */
export class SmartAlloc extends FrameAlloc {
  readonly #frames: Frames;
  readonly #ledger: Ledger;
  readonly #context: Context;
  readonly #pool: Pool;
  readonly #heap: Heap;
  #handles: Handles | undefined;
  #handleTable: HandleTable | undefined;
  #groups: Groups | undefined;
  #scratch: ScratchPools | undefined;
  #streaming: Streaming | undefined;
  #budgets: Budgets<SmartAlloc> | undefined;
  #promotions: Promotions | undefined;
  #tasks: TaskMemory | undefined;
  #leases: LeaseMemory | undefined;
  #asyncGuard: AsyncGuard | undefined;
  #kernels: Kernels | undefined;
  #objectPools: ObjectPool<object>[] = [];
  /** What is behind the pool; not for use in programs. */
  readonly $pool: unknown;
  /** What is behind the heap; not for use in programs. */
  readonly $heap: unknown;

  /**
   * Makes an allocator. Memory is asked for on first use.
   *
   * @param config Its options; by default those of `AllocConfig.default()`.
   * @throws {ConfigError} `FA010` if an option is unknown, contradictory or absurd.
   * @throws {ConfigError} `FA011` if the chunk source cannot honour an option.
   */
  constructor(config: AllocConfig = {}) {
    super(config);
    const frames = this.#frames = this.$frames as Frames;
    this.#ledger = frames.ledger;
    this.#context = frames;
    const { source, heapIdleBytes: idleBytes } = frames.config;
    // Blocks are detached when they are freed; a source of the program's own is used if it can do that.
    const isOwn = source.capabilities.transferable && source.capabilities.revocable;
    const store = new BlockStore({ source: isOwn ? source : arrayBufferSource, idleBytes, account: this.#ledger });
    this.$heap = this.#heap = new Heap(frames, store);
    this.$pool = this.#pool = new Pool(frames, this.#heap);
    if (frames.config.asyncSafety !== "off") frames.watch = this.asyncGuard.$watch as FrameWatch;
    if (frames.config.memoryLimit !== Infinity) this.budgets.setGlobal({ hard: frames.config.memoryLimit });
    this.#ledger.idle.push({ bytes: () => this.#idleBytes, giveBack: () => this.#trimIdle() });
  }

  // The pool

  /**
   * One record that lives until it is freed. Its memory holds whatever was there before.
   *
   * What no slot of the pool can hold (see the option `poolClasses`) gets a block of the heap; `stats().pool.large` counts those.
   *
   * @param layout The layout.
   * @returns The record; for a scalar a cell that holds one.
   * @throws {ArenaExhaustedError} `FA003` if the chunk source refuses.
   * @throws {BudgetError} `FA351` or `FA352` if a budget does.
   *
   * @example
   * ```ts
   * import { f32, PoolError, SmartAlloc, struct } from "@framealloc/core";
   * import { assertThrows } from "@std/assert";
   *
   * const Enemy = struct("Enemy", { health: f32 });
   * const alloc = new SmartAlloc();
   * const enemy = alloc.poolAlloc(Enemy);
   * enemy.health = 100;
   * alloc.poolFree(enemy);
   * alloc.poolAlloc(Enemy).health = 50; // in the same slot
   * assertThrows(() => enemy.health, PoolError, "FA401");
   * ```
   */
  poolAlloc<L extends Layout>(layout: L): RecordOf<L> {
    return this.#pool.record(layout) as unknown as RecordOf<L>;
  }

  /** As {@linkcode SmartAlloc.poolAlloc}, but `undefined` if there is not enough memory. */
  tryPoolAlloc<L extends Layout>(layout: L): RecordOf<L> | undefined {
    return this.#pool.tryRecord(layout) as unknown as RecordOf<L> | undefined;
  }

  /**
   * Frees a record. Whoever still holds it is told when they use it, also after its slot was given to another one; in the safety mode
   * `"release"` nobody is told, and the same object may be given out again.
   *
   * @param record What {@linkcode SmartAlloc.poolAlloc} returned.
   * @throws {PoolError} `FA403` if it was freed before, `FA404` if it is no record of this pool, or only a part of one.
   */
  poolFree(record: object): void {
    this.#pool.free(record);
  }

  /**
   * One value in the pool, initialised: to zeros where `init` leaves something out.
   *
   * @param layout The layout.
   * @param init What to fill it with.
   * @returns The box, for `using` or its `free()`.
   * @throws As {@linkcode SmartAlloc.poolAlloc}.
   * @throws {LayoutError} `FA022` if `init` does not fit; nothing is allocated then.
   */
  poolBox<L extends Layout>(layout: L, init?: ValuesOf<L>): OwnedBox<L> {
    return this.#pool.box(layout, init) as unknown as OwnedBox<L>;
  }

  /** As {@linkcode SmartAlloc.poolBox}, but `undefined` if there is not enough memory. */
  tryPoolBox<L extends Layout>(layout: L, init?: ValuesOf<L>): OwnedBox<L> | undefined {
    return this.#pool.tryBox(layout, init) as unknown as OwnedBox<L> | undefined;
  }

  /**
   * A pool of plain JavaScript objects.
   *
   * @typeParam T What they are.
   * @param create Makes an object; it must be a fresh one each time.
   * @param options How many there may be, and how they are made ready to be used again.
   * @returns The pool.
   * @throws {ArgumentError} `FA008` if an option makes no sense.
   */
  objectPool<T extends object>(create: () => T, options?: ObjectPoolOptions<T>): ObjectPool<T> {
    if (this.#frames.isDisposed) throw this.#frames.closed("make an object pool");
    const pool = new ObjectPool(create, options);
    this.#openPools.push(pool as unknown as ObjectPool<object>);
    return pool;
  }

  // The heap

  /**
   * A block of memory that lives until it is freed. Its memory is then detached, and used again for other blocks.
   *
   * @param bytes How many bytes.
   * @param options Whether it must hold zeros.
   * @returns The block, for `using` or its `free()`.
   * @throws {ArenaExhaustedError} `FA003` if there is no such memory.
   * @throws {BudgetError} `FA351` or `FA352` if a budget refuses.
   * @throws {ArgumentError} `FA008` if the size is no whole number of zero or more.
   */
  heapAlloc(bytes: number, options?: HeapOptions): HeapBlock {
    const block = this.#heap.alloc(bytes, options?.zero !== false);
    if (block !== undefined) return block;
    const spill = this.#spill;
    if (spill !== undefined) return this.#under(spill, () => spill.heapAlloc(bytes, options));
    throw this.#heap.refusal("allocate a heap block", bytes);
  }

  /** As {@linkcode SmartAlloc.heapAlloc}, but `undefined` if there is not enough memory. */
  tryHeapAlloc(bytes: number, options?: HeapOptions): HeapBlock | undefined {
    const block = this.#heap.alloc(bytes, options?.zero !== false);
    const spill = block === undefined ? this.#spill : undefined;
    return spill === undefined ? block : this.#under(spill, () => spill.tryHeapAlloc(bytes, options));
  }

  /**
   * One value on the heap, in a buffer of its own, initialised: to zeros where `init` leaves something out.
   *
   * @param layout The layout.
   * @param init What to fill it with.
   * @returns The box, for `using` or its `free()`.
   * @throws As {@linkcode SmartAlloc.heapAlloc}.
   * @throws {LayoutError} `FA022` if `init` does not fit; nothing is allocated then.
   */
  heapBox<L extends Layout>(layout: L, init?: ValuesOf<L>): OwnedBox<L> {
    const box = this.#heap.box(layout, init);
    if (box !== undefined) return box as unknown as OwnedBox<L>;
    const spill = this.#spill;
    if (spill !== undefined) return this.#under(spill, () => spill.heapBox(layout, init));
    throw this.#heap.refusal(`allocate ${layout.name} on the heap`, layout.size);
  }

  /** As {@linkcode SmartAlloc.heapBox}, but `undefined` if there is not enough memory. */
  tryHeapBox<L extends Layout>(layout: L, init?: ValuesOf<L>): OwnedBox<L> | undefined {
    const box = this.#heap.box(layout, init) as unknown as OwnedBox<L> | undefined;
    const spill = box === undefined ? this.#spill : undefined;
    return spill === undefined ? box : this.#under(spill, () => spill.tryHeapBox(layout, init));
  }

  // Named lifetimes

  /** Records behind plain numbers that survive every copy, and can be packed. */
  get handles(): Handles {
    if (this.#handles === undefined) {
      this.#handleTable = new HandleTable(this.#context, this.#heap);
      this.#handles = new Handles(this.#context, this.#handleTable);
    }
    return this.#handles;
  }

  /** Groups: things that are freed together. */
  get groups(): Groups {
    return this.#groups ??= new Groups(this.#context);
  }

  /**
   * A scratch pool: memory that outlives frames and is reset by hand.
   *
   * @param name Its name: the same name gives the same pool.
   * @param options How large it is. They count when the pool is made.
   * @returns The pool.
   * @throws {ArgumentError} `FA008` if the name is empty.
   * @throws {ConfigError} `FA010` if an option makes no sense.
   * @throws {ArenaExhaustedError} `FA003` if the chunk source refuses.
   * @throws {BudgetError} `FA351` if the global budget does.
   */
  scratchPool(name: string, options?: ScratchPoolOptions): ScratchPool {
    return this.#scratchPools.get(name, options);
  }

  /** Memory for large assets under a budget of its own. */
  get streaming(): Streaming {
    if (this.#streaming === undefined) {
      const streaming = this.#streaming = new Streaming(this.#context, this.#heap);
      this.#ledger.onFrame = () => streaming.$turn();
    }
    return this.#streaming;
  }

  /**
   * Loops over columns at native speed. Except in the safety mode `"release"`, what lies in memory of frames is refused with `FA002` unless
   * the frame, or one that is still alive, has handed it out just so: a column, a slice or the `view` of a batch or list. For a part of one
   * give a range.
   */
  get kernels(): Kernels {
    if (this.#kernels === undefined) {
      this.#kernels = new Kernels();
      if (this.#frames.config.safety !== "release") this.#kernels.$watch(this.#frames);
    }
    return this.#kernels;
  }

  /** Limits on memory. */
  get budgets(): Budgets<SmartAlloc> {
    return this.#budgets ??= new Budgets<SmartAlloc>(this.#ledger, this, this.#frames.config.stats === "tags");
  }

  /** Finds frame memory that outlives an `await`, as the option `asyncSafety` says. */
  get asyncGuard(): AsyncGuard {
    return this.#asyncGuard ??= new AsyncGuard(this.#frames);
  }

  /** What is behind tasks; not for use in programs. */
  get $tasks(): unknown {
    return this.#taskMemory;
  }

  /** What is behind pool guards; not for use in programs. */
  get $leases(): unknown {
    return this.#leases ??= new LeaseMemory(this.#context, this.#heap);
  }

  // Retention and promotion

  /**
   * A record in frame memory that says what is to become of it when the frame ends with
   * {@linkcode SmartAlloc.endFrameWithPromotions}. Any other end of the frame discards it, and so does a rollback.
   *
   * @param layout The layout.
   * @param policy What is to become of it.
   * @param init What to fill it with; it holds zeros where this leaves something out.
   * @returns The record.
   * @throws As {@linkcode FrameAlloc.frameAlloc}.
   * @throws {ArgumentError} `FA008` if the policy is none.
   * @throws {LayoutError} `FA022` if `init` does not fit.
   *
   * @example
   * ```ts
   * import { f32, RetentionPolicy, SmartAlloc, struct, u32 } from "@framealloc/core";
   * import { assertEquals } from "@std/assert";
   *
   * const Path = struct("Path", { cost: f32, steps: u32 });
   * const alloc = new SmartAlloc();
   * alloc.beginFrame();
   * const path = alloc.frameRetained(Path, RetentionPolicy.PromoteToPool, { cost: 3, steps: 7 });
   * const result = alloc.endFrameWithPromotions();
   * const kept = result.of(path)!;
   * assertEquals(Path.toObject(kept.record), { cost: 3, steps: 7 });
   * kept.free();
   * ```
   */
  frameRetained<L extends Layout>(layout: L, policy: RetentionPolicy, init?: ValuesOf<L>): RecordOf<L> {
    const promotions = this.#promoting;
    promotions.check(policy);
    const record = this.frameAlloc(layout) as unknown as Face;
    initialise(layout, record, init);
    promotions.retain(record, layout, policy);
    return record as unknown as RecordOf<L>;
  }

  /** As {@linkcode SmartAlloc.frameRetained}, in terms of {@linkcode Importance}. */
  frameWithImportance<L extends Layout>(layout: L, importance: RetentionPolicy, init?: ValuesOf<L>): RecordOf<L> {
    return this.frameRetained(layout, importance, init);
  }

  /**
   * Promotes what was retained in this frame, and ends it. What cannot be promoted is reported, and ends with the frame.
   *
   * @returns The live copies, and what became of everything.
   * @throws {FrameStateError} `FA005` if no frame is open.
   * @throws {StaleHandleError} `FA002` if a callback of a budget has ended the frame or rolled it back; the copies are freed then.
   * @throws What such a callback throws; the copies are freed then, and the frame is still open.
   */
  endFrameWithPromotions(): PromotionResult {
    return this.#promoting.endFrame(() => this.endFrameWithSummary());
  }

  /**
   * Copies a slice out of its frame at once: to the heap, or to a scratch pool.
   *
   * @param slice The slice.
   * @param policy Where to. @default {RetentionPolicy.PromoteToHeap}
   * @returns The copy.
   * @throws {StaleHandleError} `FA002` if it is detached as its frame has ended.
   * @throws {ArenaExhaustedError} `FA003` if there is not enough memory.
   * @throws {BudgetError} `FA351` or `FA352` if a budget refuses.
   * @throws {PoolError} `FA404` if there is no such scratch pool.
   * @throws {ArgumentError} `FA008` if it is nothing that can be promoted there.
   */
  promote<A extends TypedArray>(slice: A, policy?: RetentionPolicy): PromotedSlice<A>;
  /**
   * Copies what is in a box out of its frame at once.
   *
   * @param box The box: of a frame, the pool or the heap.
   * @param policy Where to. @default {RetentionPolicy.PromoteToPool}
   * @returns The copy.
   * @throws {PoolError} `FA401` if what is in it was freed, and otherwise as for a slice.
   */
  promote<R extends object>(
    box: { readonly value: R; assign(values: never): unknown },
    policy?: RetentionPolicy,
  ): PromotedBox<R>;
  /** The same for a box of a scalar. */
  promote<T>(
    box: { readonly value: T; assign(values: never): unknown },
    policy?: RetentionPolicy,
  ): PromotedBox<Cell<T>>;
  /** The same for a record, or for a part of one. */
  promote<R extends object>(record: R, policy?: RetentionPolicy): PromotedBox<R>;
  promote(value: object, policy?: RetentionPolicy): unknown {
    return this.#promoting.promote(value, policy);
  }

  // Seeing, and giving back

  /**
   * What is in use now, and what finished frames came to. Makes garbage: for reports, not for every frame.
   *
   * @returns Plain data.
   */
  override stats(): Stats {
    return {
      ...super.stats(),
      pool: this.#pool.stats,
      objectPools: this.#openPools.map((pool) => pool.stats),
      heap: this.#heap.stats,
      handles: this.handles.stats,
      groups: this.groups.stats,
      scratch: this.#scratchPools.stats,
      streaming: this.streaming.stats,
      tasks: this.#taskMemory.stats,
      leases: this.#leases?.stats ?? { live: 0, bytes: 0, reserved: 0, idle: 0 },
      kernels: this.#kernels?.stats() ?? NO_KERNELS,
      budgets: this.budgets.stats,
    };
  }

  /**
   * What is in use now that has to be freed by hand: what {@linkcode SmartAlloc.dispose} would report.
   *
   * @returns One entry for each.
   */
  leaks(): readonly Leak[] {
    return [
      ...this.#pool.leaks(),
      ...this.#heap.leaks(),
      ...this.#handleTable?.leaks() ?? [],
      ...this.#groups?.all.map((group) => group.$leak()) ?? [],
      ...this.#streaming?.$leaks() ?? [],
      ...this.#tasks?.leaks() ?? [],
      ...this.#leases?.leaks() ?? [],
      ...this.#frames.isDisposed
        ? []
        : this.#openPools.flatMap(({ name, live }) =>
          Array.from({ length: live }, (): Leak => ({ kind: "pool object", name, tag: "", bytes: 0, age: 0 }))
        ),
    ];
  }

  /**
   * Gives back memory that is not needed now: empty pages, freed blocks, chunks kept for later, and what has grown past its
   * configured size.
   *
   * @returns The bytes given back.
   */
  override trim(): number {
    for (const pool of this.#objectPools) pool.trim();
    return super.trim() + this.#trimIdle() + (this.#scratch?.trim() ?? 0);
  }

  /**
   * Ends every handle and gives all memory back. The allocator cannot be used after that; a second call does nothing.
   *
   * @returns What had not been freed by hand. The option `onLeaks` is told of it as well.
   */
  override dispose(): readonly Leak[] {
    if (this.#frames.isDisposed) return [];
    const leaks = this.leaks();
    super.dispose();
    this.#tasks?.dispose();
    this.#leases?.dispose();
    this.#streaming?.$dispose();
    this.#handleTable?.dispose();
    this.#groups?.$dispose();
    this.#scratch?.dispose();
    this.#pool.dispose();
    this.#heap.dispose();
    for (const pool of this.#objectPools) pool.dispose();
    if (leaks.length > 0) this.#frames.config.onLeaks?.(leaks);
    return leaks;
  }

  /** The object pools, without those that are over. */
  get #openPools(): ObjectPool<object>[] {
    return this.#objectPools = this.#objectPools.filter((pool) => !pool.$isOver);
  }

  get #scratchPools(): ScratchPools {
    return this.#scratch ??= new ScratchPools(this.#context);
  }

  get #promoting(): Promotions {
    return this.#promotions ??= new Promotions(
      this.#frames,
      this.#pool,
      this.#heap,
      () => this.#scratchPools,
    );
  }

  get #taskMemory(): TaskMemory {
    return this.#tasks ??= new TaskMemory(this.#context, (task) => {
      this.asyncGuard.$lost(task, this.frameNumber - task.age);
      const { site: _, ...leak } = task;
      this.#frames.config.onLeaks?.([leak]);
    });
  }

  get #idleBytes(): number {
    return this.#pool.slab.idle + this.#heap.idle + (this.#handleTable?.slab.idle ?? 0) +
      (this.#tasks?.pool.idle ?? 0) + (this.#leases?.slab.idle ?? 0);
  }

  #trimIdle(): number {
    return this.#pool.slab.trim() + (this.#handleTable?.slab.trim() ?? 0) + this.#heap.trim() +
      (this.#tasks?.pool.trim() ?? 0) + (this.#leases?.slab.trim() ?? 0);
  }

  /** The allocator that the budget spills to which has refused the heap. */
  get #spill(): SmartAlloc | undefined {
    return this.#heap.isOverBudget ? this.#ledger.spill as SmartAlloc | undefined : undefined;
  }

  /** Has another allocator book what it does to the tag that is the innermost one here. */
  #under<T>(other: SmartAlloc, fn: () => T): T {
    return this.#ledger.spillTo(other.#ledger, fn);
  }
}
