/**
 * What becomes of an asset: it is loaded, and then its memory belongs to whoever gets it; or it is not, and then there is an error
 * that says why.
 */

import { PoolError } from "../../src/errors.ts";
import type { AssetError } from "./asset_error.ts";
import type { AssetMemory } from "./asset_memory.ts";

/** What is known of an asset that was loaded. */
export interface LoadedInfo<T> {
  readonly name: string;
  readonly index: number;
  readonly size: number;
  readonly value: T;
  readonly attempts: number;
}

/**
 * An asset that was loaded. Its memory stays where it is until {@linkcode LoadedAsset.release} frees it, or
 * {@linkcode LoadedAsset.keep} leaves it to streaming. One of them has to be called, or the block has to end that it was declared in
 * with `using`: until then its bytes are missing from the budget of the loader.
 *
 * @typeParam T What its decode step made.
 *
 * @example
 * ```ts
 * import { AssetLoader, SmartAlloc } from "@framealloc/core";
 * import { assertEquals } from "@std/assert";
 *
 * const alloc = new SmartAlloc();
 * const loader = new AssetLoader(alloc);
 * for await (const asset of loader.load([new Blob(["rock"]), new Blob(["tree"])])) {
 *   if (!asset.ok) throw asset.error;
 *   assertEquals(asset.bytes.length, 4);
 *   if (asset.index === 0) asset.release();
 *   else asset.keep();
 * }
 * assertEquals(alloc.streaming.stats.reserved, 4);
 * ```
 */
export class LoadedAsset<T = unknown> {
  /** Tells it from a {@linkcode FailedAsset}. */
  readonly ok: true = true;
  /** Its name. */
  readonly name: string;
  /** Its place among those that were asked for. */
  readonly index: number;
  /** How many bytes were loaded. */
  readonly size: number;
  /** What its decode step made; `undefined` if it has none. It belongs to whoever gets the asset, and is not released with it. */
  readonly value: T;
  /** How often it was tried. */
  readonly attempts: number;
  /** Its number in `alloc.streaming`; `undefined` if it is empty, or its bytes were freed after the decode step. */
  readonly id: number | undefined;
  readonly #memory: AssetMemory | undefined;
  #isReleased = false;
  #isKept = false;

  /** Made by {@linkcode AssetLoader}. */
  constructor(memory: unknown, info: unknown) {
    const { name, index, size, value, attempts } = info as LoadedInfo<T>;
    this.#memory = memory as AssetMemory | undefined;
    this.name = name;
    this.index = index;
    this.size = size;
    this.value = value;
    this.attempts = attempts;
    this.id = this.#memory?.id;
  }

  /**
   * The bytes: the same array each time, detached when they are freed.
   *
   * @throws {PoolError} `FA401` if they were freed, by the release of the asset or after its decode step.
   * @throws {PoolError} `FA407` if the program has transferred them away.
   */
  get bytes(): Uint8Array<ArrayBuffer> {
    if (this.#memory !== undefined) return this.#memory.bytes;
    if (this.size === 0) return new Uint8Array(0);
    throw new PoolError(
      "FA401",
      `Cannot use the bytes of asset "${this.name}" as they were freed after its decode step: load it with \`keepBytes\``,
    );
  }

  /** Whether it was released or kept. */
  get isReleased(): boolean {
    return this.#isReleased;
  }

  /**
   * Frees the memory and detaches every view of it. A second call does nothing, nor does one after {@linkcode LoadedAsset.keep}.
   *
   * @throws {PoolError} `FA406` if the program has pinned it as well; nothing is changed then.
   */
  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    try {
      this.#memory?.free();
    } finally {
      this.#isReleased = this.#memory?.isOpen !== true;
    }
  }

  /**
   * Leaves the memory to `alloc.streaming`, where it may be evicted from now on; a second call changes nothing. It no longer counts for
   * the budget of the loader.
   *
   * @returns Its number there; `undefined` if there is no memory: see {@linkcode LoadedAsset.id}.
   * @throws {PoolError} `FA401` if it was released.
   */
  keep(): number | undefined {
    if (this.#isReleased && !this.#isKept) {
      throw new PoolError("FA401", `Cannot keep asset "${this.name}" as it was released: keep it instead`);
    }
    this.#isReleased = this.#isKept = true;
    this.#memory?.keep();
    return this.id;
  }

  /** The same as {@linkcode LoadedAsset.release}. */
  [Symbol.dispose](): void {
    this.release();
  }
}

/** An asset that was not loaded. */
export interface FailedAsset {
  /** Tells it from a {@linkcode LoadedAsset}. */
  readonly ok: false;
  /** Its name. */
  readonly name: string;
  /** Its place among those that were asked for. */
  readonly index: number;
  /** Why. */
  readonly error: AssetError;
  /** How often it was tried. */
  readonly attempts: number;
  /** Whether it was cancelled; the reason is the `cause` of its error. */
  readonly isCancelled: boolean;
}

/**
 * What became of an asset.
 *
 * @typeParam T What its decode step made.
 */
export type AssetResult<T = unknown> = LoadedAsset<T> | FailedAsset;
