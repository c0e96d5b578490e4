/**
 * What promotion gives: the copies that live on, and a count of what became of everything.
 */

import type { Layout } from "./layout/layout.ts";
import type { FrameSummary } from "./observe/stats.ts";

/**
 * Why a record could not be promoted.
 *
 * - `"TooLarge"`: no slot of the pool holds it. (`promote` takes a block of the heap then, as `poolAlloc` does.)
 * - `"BudgetExceeded"`: the limit of its tag, or that on all memory.
 * - `"ScratchPoolNotFound"`: there is no scratch pool of that name.
 * - `"ScratchPoolFull"`: the scratch pool has reached its limit.
 * - `"SourceRefused"`: the chunk source gave no memory.
 */
export type PromotionFailure =
  | "TooLarge"
  | "BudgetExceeded"
  | "ScratchPoolNotFound"
  | "ScratchPoolFull"
  | "SourceRefused";

/** What became of one record that was retained with a policy other than to discard it. */
export interface Promotion {
  /** Where it was to go. */
  readonly to: "pool" | "heap" | "scratch";
  /** The live copy; `undefined` if it could not be promoted. */
  readonly box: PromotedBox | undefined;
  /** Why it could not be promoted; `undefined` if it was. */
  readonly failure: PromotionFailure | undefined;
  /** Its layout. */
  readonly layout: Layout;
  /** Its bytes. */
  readonly bytes: number;
  /** The path of the tag that allocated it; `""` if it had none. */
  readonly tag: string;
  /** The phase in which it was allocated; `""` if there was none. */
  readonly phase: string;
}

/**
 * A copy that outlives the frame.
 *
 * @typeParam R The record that was promoted.
 */
export interface PromotedBox<R = unknown> {
  /** The copy, as a record; for a scalar a cell. */
  readonly record: R;
  /** Whether it was freed. */
  readonly isFreed: boolean;
  /**
   * Frees it. In a scratch pool this does nothing, as all of that is freed together.
   *
   * @throws {PoolError} `FA403` if it was freed before.
   */
  free(): void;
  /** Frees it, unless that was done before. */
  [Symbol.dispose](): void;
}

/** A copy of a slice that outlives the frame. */
export interface PromotedSlice<A> {
  /**
   * The copy.
   *
   * @throws {PoolError} `FA401` if it was freed.
   */
  readonly slice: A;
  /** Whether it was freed. */
  readonly isFreed: boolean;
  /**
   * Frees it, which detaches it. In a scratch pool this does nothing, as all of that is freed together.
   *
   * @throws {PoolError} `FA403` if it was freed before.
   */
  free(): void;
  /** Frees it, unless that was done before. */
  [Symbol.dispose](): void;
}

/** A number of records, and their bytes. */
export interface PromotionCount {
  /** How many. */
  readonly count: number;
  /** Their bytes, without padding. */
  readonly bytes: number;
}

/** What became of retained records. */
export interface PromotionCounts {
  /** Those that ended with the frame, as their policy says. */
  readonly discarded: PromotionCount;
  /** Those promoted to the pool. */
  readonly pool: PromotionCount;
  /** Those promoted to the heap. */
  readonly heap: PromotionCount;
  /** Those promoted to scratch pools. */
  readonly scratch: PromotionCount;
  /** Those that could not be promoted. */
  readonly failed: PromotionCount;
}

/** What became of the retained records of a frame. */
export interface PromotionSummary extends PromotionCounts {
  /** How many could not be promoted, by reason. */
  readonly failures: { readonly [reason in PromotionFailure]: number };
  /** By the path of their tag. */
  readonly tags: readonly (PromotionCounts & { readonly path: string })[];
  /** By their phase. */
  readonly phases: readonly (PromotionCounts & { readonly name: string })[];
  /** What the frame came to. */
  readonly frame: FrameSummary;
}

/** What {@linkcode SmartAlloc.endFrameWithPromotions} returns. */
export class PromotionResult {
  /** What became of each record, in the order in which they were allocated; those that were discarded are left out. */
  readonly promotions: readonly Promotion[];
  /** What became of them, counted. */
  readonly summary: PromotionSummary;
  readonly #byRecord: ReadonlyMap<unknown, Promotion>;

  /** Made by {@linkcode SmartAlloc.endFrameWithPromotions}. */
  constructor(promotions: readonly Promotion[], records: readonly unknown[], summary: PromotionSummary) {
    this.promotions = promotions;
    this.summary = summary;
    this.#byRecord = new Map(promotions.map((promotion, i) => [records[i], promotion]));
  }

  /**
   * The copy of a record.
   *
   * @param record What `frameRetained` returned. It has ended with its frame, but it still says which one is meant.
   * @returns The live copy, or `undefined` if it was discarded or could not be promoted.
   */
  of<R>(record: R): PromotedBox<R> | undefined {
    return this.#byRecord.get(record)?.box as PromotedBox<R> | undefined;
  }
}
