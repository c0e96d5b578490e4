/**
 * Scratch pools: regions that outlive frames and are reset by hand.
 */

import { ArgumentError, show } from "../errors.ts";
import { SCRATCH } from "../observe/tag.ts";
import { megabytes } from "../units.ts";
import { checkOpen, type Context } from "./context.ts";
import { RegionAlloc, RegionArena } from "./region_alloc.ts";

/** Bytes that a scratch pool starts with. */
const SIZE = megabytes(1);

/** Options of {@linkcode SmartAlloc.scratchPool}; those of the call that makes the pool count. */
export interface ScratchPoolOptions {
  /** Bytes to start with; the pool grows as it needs. @default {1 MB} */
  readonly size?: number;
  /** Bytes that it may have in use at most. @default {Infinity} */
  readonly maxBytes?: number;
}

/** What a scratch pool has in use. All sizes are bytes. */
export interface ScratchPoolStats {
  /** Its name. */
  readonly name: string;
  /** What is in use, with padding. */
  readonly used: number;
  /** The most that was in use at once since the last reset. */
  readonly peak: number;
  /** What is held from the chunk source. */
  readonly reserved: number;
  /** How often it was reset. */
  readonly resets: number;
}

/**
 * A scratch pool: memory that lives until it is reset by hand, however many frames go by.
 *
 * @example
 * ```ts
 * import { SmartAlloc } from "@framealloc/core";
 * import { assertEquals } from "@std/assert";
 *
 * const alloc = new SmartAlloc();
 * const path = alloc.scratchPool("pathfinding");
 * for (let search = 0; search < 3; search++) {
 *   const costs = path.allocSlice(Float32Array, 10_000);
 *   costs.fill(Infinity);
 *   path.reset();
 * }
 * assertEquals([path.used, path === alloc.scratchPool("pathfinding")], [0, true]);
 * ```
 */
export class ScratchPool extends RegionAlloc {
  /** Its name. */
  readonly name: string;
  readonly #arena: RegionArena;
  readonly #pools: ScratchPools;

  /** Made by {@linkcode SmartAlloc.scratchPool}. */
  constructor(pools: unknown, arena: unknown, name: string) {
    super(arena);
    this.#pools = pools as ScratchPools;
    this.#arena = arena as RegionArena;
    this.name = name;
  }

  /** The bytes that its limit leaves; `Infinity` if there is none. */
  get remaining(): number {
    return this.#arena.region.remaining;
  }

  /**
   * Frees everything in it. The memory is kept.
   *
   * @throws {PoolError} `FA401` if the pool was disposed of.
   */
  reset(): void {
    if (!this.#arena.region.isOpen) throw this.#arena.ended("reset");
    this.#arena.reset();
  }

  /** Frees everything, gives the memory back, and frees the name for another pool. A second call does nothing. */
  dispose(): void {
    if (!this.#arena.region.isOpen) return;
    this.#pools.forget(this.name);
    this.#arena.dispose();
  }

  /** The same as {@linkcode ScratchPool.dispose}. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  /** What it has in use. */
  get stats(): ScratchPoolStats {
    const { used, peak, reserved } = this.#arena.region;
    return { name: this.name, used, peak, reserved, resets: this.#arena.resets };
  }
}

/** All scratch pools of an allocator, by name. */
export class ScratchPools {
  readonly #context: Context;
  readonly #pools: Map<string, ScratchPool> = new Map();

  constructor(context: Context) {
    this.#context = context;
  }

  /** The pool of a name, if there is one. */
  find(name: string): ScratchPool | undefined {
    return this.#pools.get(name);
  }

  /** The pool of a name, made if there is none. */
  get(name: string, options: ScratchPoolOptions | undefined): ScratchPool {
    const known = this.#pools.get(name);
    if (known !== undefined) return known;
    checkOpen(this.#context, "make a scratch pool");
    if (typeof name !== "string" || name === "") {
      throw new ArgumentError(
        "FA008",
        `Cannot make a scratch pool named ${show(name)}: give a text of at least one character`,
      );
    }
    const { size = SIZE, maxBytes = Infinity } = options ?? {};
    const what = `scratch pool "${name}"`;
    const arena = new RegionArena(this.#context, {
      kind: SCRATCH,
      what,
      end: "reset or disposed of",
      last: "disposed of",
      size,
      maxBytes,
    });
    const meanwhile = this.#pools.get(name);
    if (meanwhile !== undefined) {
      // A callback of a budget has made it.
      arena.dispose();
      return meanwhile;
    }
    const pool = new ScratchPool(this, arena, name);
    this.#pools.set(name, pool);
    return pool;
  }

  forget(name: string): void {
    this.#pools.delete(name);
  }

  get stats(): readonly ScratchPoolStats[] {
    return [...this.#pools.values()].map((pool) => pool.stats);
  }

  trim(): number {
    let bytes = 0;
    for (const pool of this.#pools.values()) bytes += (pool.$arena as RegionArena).region.trim();
    return bytes;
  }

  dispose(): void {
    for (const pool of [...this.#pools.values()]) pool.dispose();
  }
}
