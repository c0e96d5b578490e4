/**
 * Promotion: carrying out of a frame what is to outlive it, one record at once or all that were retained when the frame ends.
 */

import { BoxBase } from "./arena/box.ts";
import { ArgumentError, PoolError, show, StaleHandleError } from "./errors.ts";
import type { Frames } from "./frame/frames.ts";
import type { Retained, RetentionPolicy } from "./frame/retention.ts";
import type { Face } from "./layout/face.ts";
import { layoutOf } from "./layout/inner.ts";
import type { Layout } from "./layout/layout.ts";
import { type Position, viewOf } from "./memory/life.ts";
import type { TypedArray } from "./memory/typed_array.ts";
import { HEAP } from "./observe/tag.ts";
import type { FrameSummary } from "./observe/stats.ts";
import type { Heap, HeapEntry } from "./pool/heap.ts";
import { OwnedBoxBase } from "./pool/owned_box.ts";
import type { Pool } from "./pool/pool.ts";
import type { RegionArena } from "./pool/region_alloc.ts";
import type { ScratchPools } from "./pool/scratch_pool.ts";
import {
  type PromotedBox,
  type PromotedSlice,
  type Promotion,
  type PromotionCount,
  type PromotionCounts,
  type PromotionFailure,
  PromotionResult,
} from "./promotion_result.ts";

class Copy implements PromotedBox {
  readonly #box: OwnedBoxBase;
  constructor(box: OwnedBoxBase) {
    this.#box = box;
  }
  get record(): unknown {
    return this.#box.$record;
  }
  get isFreed(): boolean {
    return this.#box.isFreed;
  }
  free(): void {
    this.#box.free();
  }
  [Symbol.dispose](): void {
    this.#box[Symbol.dispose]();
  }
}

class HeapSlice<A> implements PromotedSlice<A> {
  readonly #heap: Heap;
  readonly #entry: HeapEntry;
  readonly #slice: A;
  constructor(heap: Heap, entry: HeapEntry, slice: A) {
    this.#heap = heap;
    this.#entry = entry;
    this.#slice = slice;
  }
  get slice(): A {
    void this.#entry.view; // throws once it is freed
    return this.#slice;
  }
  get isFreed(): boolean {
    return this.#entry.index < 0;
  }
  free(): void {
    this.#heap.free(this.#entry);
  }
  [Symbol.dispose](): void {
    if (!this.isFreed) this.free();
  }
}

/** What is freed with its scratch pool, and not by itself. */
class InScratch<T> {
  readonly record: T;
  readonly #position: Position | undefined;
  readonly #arena: RegionArena;
  readonly #resets: number;

  constructor(arena: RegionArena, value: T, position: Position | undefined) {
    this.#arena = arena;
    this.record = value;
    this.#position = position;
    this.#resets = arena.resets;
  }
  get slice(): T {
    if (this.isFreed) {
      throw new PoolError(
        "FA401",
        "Cannot use a promoted slice as its scratch pool was reset or disposed of: copy it by then",
      );
    }
    return this.record;
  }
  get isFreed(): boolean {
    return this.#arena.resets !== this.#resets || this.#position?.life.view === null;
  }
  free(): void {}
  [Symbol.dispose](): void {}
}

/** See the file comment. */
export class Promotions {
  readonly #frames: Frames;
  readonly #pool: Pool;
  readonly #heap: Heap;
  readonly #scratch: () => ScratchPools;

  constructor(frames: Frames, pool: Pool, heap: Heap, scratch: () => ScratchPools) {
    this.#frames = frames;
    this.#pool = pool;
    this.#heap = heap;
    this.#scratch = scratch;
  }

  /** Refuses what is no policy. */
  check(policy: RetentionPolicy): void {
    const { to, pool } = (policy ?? {}) as { to?: unknown; pool?: unknown };
    if (to === "nothing" || to === "pool" || to === "heap" || (to === "scratch" && typeof pool === "string")) return;
    throw new ArgumentError(
      "FA008",
      `Cannot retain a record by ${show(policy)} as it is no policy: give one of RetentionPolicy`,
    );
  }

  /** Registers a record that has just been allocated. */
  retain(record: Face, layout: Layout, policy: RetentionPolicy): void {
    const { retained, ledger, meter } = this.#frames;
    retained.push({ record, layout, policy, tag: ledger.current, phase: meter.phase ?? "" });
  }

  /** Promotes what was retained in the current frame, and ends it. */
  endFrame(endWithSummary: () => FrameSummary): PromotionResult {
    const { retained, frameNumber, ledger, inFrame } = this.#frames;
    if (!inFrame) this.#frames.end(); // says so
    const counts = new Counts();
    const byTag = new Map<string, Counts>();
    const byPhase = new Map<string, Counts>();
    const failures = { TooLarge: 0, BudgetExceeded: 0, ScratchPoolNotFound: 0, ScratchPoolFull: 0, SourceRefused: 0 };
    const promotions: Promotion[] = [];
    const records: unknown[] = [];
    for (let i = 0; i < retained.length; i++) {
      const one = retained[i]!;
      const { life } = one.record.$pos;
      if (life.view === null) {
        if (!this.#frames.region.hasLapsed(life)) continue; // another allocator made it, and has ended it
        viewOf(one.record.$pos);
      }
      const isThere = (): boolean =>
        this.#frames.inFrame && this.#frames.frameNumber === frameNumber && retained[i] === one;
      const { record, layout, policy, tag, phase } = one;
      const place: [Counts, Counts, Counts] = [counts, at(byTag, tag.path), at(byPhase, phase)];
      if (policy.to === "nothing") {
        for (const where of place) where.add("discarded", layout.size);
        continue;
      }
      const before = ledger.enter(tag);
      let box: PromotedBox | PromotionFailure;
      try {
        box = this.#carry(one, isThere);
        if (!isThere()) {
          if (typeof box !== "string") box[Symbol.dispose]();
          throw gone(frameNumber);
        }
      } catch (error) {
        for (const promotion of promotions) promotion.box?.[Symbol.dispose]();
        throw error;
      } finally {
        ledger.leave(before);
      }
      const failure = typeof box === "string" ? box : undefined;
      if (failure !== undefined) failures[failure]++;
      for (const where of place) where.add(failure === undefined ? policy.to : "failed", layout.size);
      promotions.push({
        to: policy.to,
        box: typeof box === "string" ? undefined : box,
        failure,
        layout,
        bytes: layout.size,
        tag: tag.path,
        phase,
      });
      records.push(record);
    }
    let frame: FrameSummary;
    try {
      frame = endWithSummary();
    } catch (error) {
      for (const promotion of promotions) promotion.box?.[Symbol.dispose]();
      throw error;
    }
    return new PromotionResult(promotions, records, {
      ...counts.plain,
      failures,
      tags: [...byTag].map(([path, of]) => ({ path, ...of.plain })),
      phases: [...byPhase].map(([name, of]) => ({ name, ...of.plain })),
      frame,
    });
  }

  /** Copies a record, a box or a slice out at once. */
  promote(value: unknown, policy: RetentionPolicy | undefined): PromotedBox | PromotedSlice<TypedArray> {
    if (ArrayBuffer.isView(value) && !(value instanceof DataView)) {
      return this.#slice(value as TypedArray, policy ?? { to: "heap" });
    }
    const record = layoutOf(value) === undefined ? insideOf(value) : value;
    const layout = layoutOf(record);
    if (layout === undefined) {
      throw new ArgumentError("FA008", `Cannot promote ${show(value)}: give a record, a box or a slice of a frame`);
    }
    const to = policy ?? { to: "pool" };
    this.check(to);
    viewOf((record as Face).$pos);
    const isThere = (): boolean => (record as Face).$pos.life.view !== null;
    if (to.to === "nothing") {
      throw new ArgumentError(
        "FA008",
        `Cannot promote ${layout.name} as its policy is to discard it: use another policy`,
      );
    }
    const made = to.to === "scratch"
      ? this.#toScratch(record as Face, layout, to.pool, isThere)
      : this.#toOwner(record as Face, layout, to.to, isThere);
    if (!isThere()) {
      if (typeof made === "object") made[Symbol.dispose]();
      viewOf((record as Face).$pos);
    }
    if (typeof made === "object") return made;
    const action = `promote ${layout.name}`;
    switch (made) {
      case "ScratchPoolNotFound":
        throw noScratchPool(action, (to as { readonly pool: string }).pool);
      case "ScratchPoolFull":
        throw this.#arena((to as { readonly pool: string }).pool)!.refusal(layout.name);
      default:
        if (to.to === "scratch") throw this.#arena(to.pool)!.refusal(layout.name);
        throw to.to === "pool" ? this.#pool.refusal(action, layout) : this.#heap.refusal(action, layout.size);
    }
  }

  #carry({ record, layout, policy }: Retained, isThere: () => boolean): PromotedBox | PromotionFailure {
    if (policy.to === "scratch") return this.#toScratch(record, layout, policy.pool, isThere);
    const to = policy.to as "pool" | "heap";
    if (to === "pool" && this.#pool.slab.sizeFor(layout.size) === undefined) return "TooLarge";
    return this.#toOwner(record, layout, to, isThere);
  }

  #toOwner(record: Face, layout: Layout, to: "pool" | "heap", isThere: () => boolean): PromotedBox | PromotionFailure {
    const owner = to === "pool" ? this.#pool : this.#heap;
    const box = to === "pool" ? this.#pool.tryBox(layout, undefined) : this.#heap.box(layout, undefined);
    if (box === undefined) return owner.isOverBudget ? "BudgetExceeded" : "SourceRefused";
    if (isThere()) copy(record, box.$record, layout.size);
    return new Copy(box);
  }

  #toScratch(record: Face, layout: Layout, name: string, isThere: () => boolean): PromotedBox | PromotionFailure {
    const arena = this.#arena(name);
    if (arena === undefined) return "ScratchPoolNotFound";
    const made = arena.record(layout);
    if (made === undefined) {
      const { refusedBy } = arena.region;
      return refusedBy === "account" ? "BudgetExceeded" : refusedBy === "source" ? "SourceRefused" : "ScratchPoolFull";
    }
    if (isThere()) copy(record, made, layout.size);
    return new InScratch(arena, made as unknown, made.$pos);
  }

  #slice(slice: TypedArray, policy: RetentionPolicy): PromotedSlice<TypedArray> {
    this.check(policy);
    if (isDetached(slice)) throw endedSlice();
    if (this.#frames.isDisposed) throw this.#frames.closed("promote a slice");
    const { frameNumber, inFrame } = this.#frames;
    // A callback of a budget may end the frame that the slice lies in, and begin another one in its place.
    const isOver = (): boolean =>
      isDetached(slice) || (inFrame && !(this.#frames.inFrame && this.#frames.frameNumber === frameNumber));
    const { constructor } = Object.getPrototypeOf(slice) as {
      constructor: new (b: ArrayBuffer, o: number, n: number) => TypedArray;
    };
    if (policy.to === "heap") {
      const heap = this.#heap;
      const entry = heap.take(slice.byteLength, false, HEAP, "a promoted slice", constructor.name);
      if (entry === undefined) throw heap.refusal("promote a slice", slice.byteLength);
      if (isOver()) {
        heap.give(entry);
        throw endedSlice();
      }
      const copied = new constructor(entry.view.buffer as ArrayBuffer, 0, slice.length);
      copied.set(slice as never);
      return new HeapSlice(heap, entry, copied);
    }
    if (policy.to !== "scratch") {
      throw new ArgumentError(
        "FA008",
        `Cannot promote a slice as ${
          policy.to === "pool" ? "the pool holds records" : "its policy is to discard it"
        }: promote it to the heap or a scratch pool`,
      );
    }
    const arena = this.#arena(policy.pool);
    if (arena === undefined) throw noScratchPool("promote a slice", policy.pool);
    const copied = arena.slice(constructor as never, slice.length, false) as TypedArray | undefined;
    if (copied === undefined) throw arena.refusal("a slice");
    if (isOver()) throw endedSlice();
    copied.set(slice as never);
    return new InScratch(arena, copied, undefined);
  }

  #arena(name: string): RegionArena | undefined {
    return this.#scratch().find(name)?.$arena as RegionArena | undefined;
  }
}

/** The record in a box; `undefined` for anything else. */
function insideOf(box: unknown): unknown {
  return box instanceof OwnedBoxBase ? box.$record : box instanceof BoxBase ? box.value : undefined;
}

class Counts {
  readonly #counts = new Map<keyof PromotionCounts, { count: number; bytes: number }>();

  add(kind: keyof PromotionCounts, bytes: number): void {
    const known = this.#counts.get(kind) ?? { count: 0, bytes: 0 };
    this.#counts.set(kind, { count: known.count + 1, bytes: known.bytes + bytes });
  }

  get plain(): PromotionCounts {
    const of = (kind: keyof PromotionCounts): PromotionCount => this.#counts.get(kind) ?? { count: 0, bytes: 0 };
    return {
      discarded: of("discarded"),
      pool: of("pool"),
      heap: of("heap"),
      scratch: of("scratch"),
      failed: of("failed"),
    };
  }
}

function at(counts: Map<string, Counts>, key: string): Counts {
  const known = counts.get(key) ?? new Counts();
  counts.set(key, known);
  return known;
}

function copy(from: Face, to: Face, bytes: number): void {
  const source = viewOf(from.$pos);
  const target = viewOf(to.$pos);
  new Uint8Array(target.buffer, target.byteOffset + to.$pos.offset + to.$base, bytes).set(
    new Uint8Array(source.buffer, source.byteOffset + from.$pos.offset + from.$base, bytes),
  );
}

function noScratchPool(action: string, name: string): PoolError {
  return new PoolError(
    "FA404",
    `Cannot ${action} to scratch pool "${name}" as there is none: make it with scratchPool first`,
  );
}

/** Whether the memory of a slice is gone; older runtimes cannot tell that from an empty one. */
function isDetached({ buffer }: TypedArray): boolean {
  const { detached } = buffer as ArrayBuffer;
  return detached === undefined ? buffer.byteLength === 0 : detached;
}

function endedSlice(): StaleHandleError {
  return new StaleHandleError("FA002", "Cannot promote a slice as its memory has ended: promote it before that");
}

function gone(frame: number): StaleHandleError {
  return new StaleHandleError(
    "FA002",
    `Cannot end frame ${frame} with promotions as a callback has ended it or rolled it back meanwhile: leave that to the caller`,
  );
}
