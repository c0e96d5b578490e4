/**
 * Boxes that are freed by hand: one value outside of frames, reached through `value`.
 */

import { type Face, plainOf, Shown } from "../layout/face.ts";
import { innerOf } from "../layout/inner.ts";
import type { Infer, Layout, ValuesOf } from "../layout/layout.ts";
import { viewOf } from "../memory/life.ts";
import { freedTwice } from "./context.ts";

/**
 * One value that lives until it is freed: in the pool, on the heap, or leased from a pool guard, where `FA713` takes the place of
 * `FA401`.
 *
 * @typeParam L The layout of the value.
 *
 * @example
 * ```ts
 * import { f32, SmartAlloc, struct, u32 } from "@framealloc/core";
 * import { assertEquals } from "@std/assert";
 *
 * const Enemy = struct("Enemy", { health: f32, target: u32 });
 * const alloc = new SmartAlloc();
 * {
 *   using enemy = alloc.poolBox(Enemy, { health: 100 });
 *   enemy.value.health -= 30;
 *   assertEquals([enemy.value.health, enemy.value.target], [70, 0]);
 * } // its slot is free again
 * assertEquals(alloc.stats().pool.live, 0);
 * ```
 */
export interface OwnedBox<L extends Layout> {
  /** The record; for a scalar the number itself, which can be set. */
  value: Infer<L>;
  /** Whether it was freed. */
  readonly isFreed: boolean;
  /**
   * Fills the record.
   *
   * @param values Values for some or all of it.
   * @returns This box.
   * @throws {PoolError} `FA401` if it was freed.
   * @throws {LayoutError} `FA022` if the values do not fit.
   */
  assign(values: ValuesOf<L>): this;
  /**
   * Frees the memory.
   *
   * @throws {PoolError} `FA403` if it was freed before.
   */
  free(): void;
  /** Frees the memory, unless that was done before. */
  [Symbol.dispose](): void;
  /** The value as plain JavaScript, for `JSON.stringify`. */
  toJSON(): unknown;
}

/** Who gave a box out, and takes it back. */
export interface BoxOwner {
  freeBox(box: OwnedBoxBase): void;
}

/** What is behind an {@linkcode OwnedBox}. */
export class OwnedBoxBase extends Shown {
  readonly $record: Face;
  readonly $layout: Layout;
  readonly #owner: BoxOwner;
  #isFreed = false;

  constructor(owner: BoxOwner, layout: Layout, record: Face) {
    super();
    this.#owner = owner;
    this.$layout = layout;
    this.$record = record;
  }

  get value(): unknown {
    return this.$layout.kind === "scalar" ? (this.$record as unknown as { value: unknown }).value : this.$record;
  }

  set value(value: unknown) {
    this.assign(value);
  }

  get isFreed(): boolean {
    return this.#isFreed || this.$record.$pos.life.view === null;
  }

  assign(values: unknown): this {
    const { $pos, $base } = this.$record;
    innerOf(this.$layout).write(viewOf($pos), $pos.offset + $base, values);
    return this;
  }

  free(): void {
    // A record that is recycled cannot tell; one that is checked says it better.
    if (this.#isFreed && this.$record.$pos.life.view !== null) {
      throw freedTwice(`a box of ${this.$layout.name}`);
    }
    this.#owner.freeBox(this);
    this.#isFreed = true;
  }

  [Symbol.dispose](): void {
    if (!this.isFreed) this.free();
  }

  override toJSON(): unknown {
    return plainOf(this.$record);
  }
}

/** Fills a fresh record: with zeros, and then with what is given. */
export function initialise(layout: Layout, record: Face, init: unknown): void {
  const { $pos, $base } = record;
  const view = viewOf($pos);
  const at = $pos.offset + $base;
  new Uint8Array(view.buffer, view.byteOffset + at, layout.size).fill(0);
  if (init !== undefined) innerOf(layout).write(view, at, init);
}
