/**
 * Boxes: one initialised value in the memory of a frame, a group, a scratch pool or a task, reached through `value`.
 */

import { viewOf } from "../memory/life.ts";
import { type Face, plainOf, Shown } from "../layout/face.ts";
import type { LayoutInner } from "../layout/inner.ts";
import type { Cell, Infer, Layout, ValuesOf } from "../layout/layout.ts";

/**
 * One value in frame memory.
 *
 * @typeParam L The layout of the value.
 *
 * @example
 * ```ts
 * import { f32, SmartAlloc, struct } from "@framealloc/core";
 * import { assertEquals } from "@std/assert";
 *
 * const Camera = struct("Camera", { fov: f32, near: f32 });
 * const alloc = new SmartAlloc();
 * alloc.beginFrame();
 * const camera = alloc.frameBox(Camera, { fov: 60 });
 * assertEquals([camera.value.fov, camera.value.near], [60, 0]);
 * camera.assign({ near: 0.5 });
 * assertEquals(camera.value.near, 0.5);
 * alloc.endFrame();
 * ```
 */
export interface Box<L extends Layout> {
  /** The record. */
  readonly value: Infer<L>;
  /**
   * Fills the record.
   *
   * @param values Values for some or all of it.
   * @returns This box.
   * @throws {StaleHandleError} `FA002` if the memory has ended; `FA401`, `FA711` or `FA713` outside of frames.
   * @throws {LayoutError} `FA022` if the values do not fit.
   */
  assign(values: ValuesOf<L>): this;
  /** The record as plain values, for `JSON.stringify`. */
  toJSON(): unknown;
}

/** What boxing a layout gives: for a scalar its cell, otherwise a {@linkcode Box}. Both are reached through `value`. */
export type BoxOf<L extends Layout> = L["kind"] extends "scalar" ? Cell<Infer<L>> : Box<L>;

/** What is behind a {@linkcode Box}. */
export class BoxBase extends Shown {
  declare value: Face;
  declare readonly $inner: LayoutInner;

  constructor(inner: LayoutInner, record: Face) {
    super();
    this.$inner = inner;
    this.value = record;
  }

  override toJSON(): unknown {
    return plainOf(this.value);
  }

  assign(values: unknown): this {
    const { $pos, $base } = this.value;
    this.$inner.write(viewOf($pos), $pos.offset + $base, values);
    return this;
  }
}
