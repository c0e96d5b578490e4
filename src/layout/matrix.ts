/**
 * Matrices of `f32`, stored by columns as in WGSL. Under the rules `"c"` they are packed; WGSL pads the columns of a 3 × 3 matrix
 * to sixteen bytes.
 */

import { bind, LayoutInner } from "./inner.ts";
import type { Layout, ListOf } from "./layout.ts";
import { type Place, readList, scalarListClass, writeList } from "./list.ts";
import { accessOf, type F32, f32 } from "./scalar.ts";
import type { MutableList } from "./vector.ts";

/**
 * A matrix in memory. Element `i` is in column `i / rows`, row `i % rows`.
 *
 * @example
 * ```ts
 * import { mat4x4f, SmartAlloc } from "@framealloc/core";
 * import { assertEquals } from "@std/assert";
 *
 * const alloc = new SmartAlloc();
 * alloc.beginFrame();
 * const model = alloc.frameAlloc(mat4x4f).fill(0);
 * for (let i = 0; i < 4; i++) model.set(i * 5, 1);
 * model.set(12, 7); // translation along x
 * assertEquals([model.at(0), model.at(1), model.at(12)], [1, 0, 7]);
 * alloc.endFrame();
 * ```
 */
export interface Mat extends Iterable<number> {
  /** The number of elements. */
  readonly length: number;
  /** The element at an index, counted down the columns. */
  at(index: number): number;
  /** Sets the element at an index, counted down the columns. */
  set(index: number, value: number): this;
  /** Sets all elements to one value. */
  fill(value: number): this;
  /** Sets all elements to those of a list or another matrix. */
  copyFrom(values: ListOf<number>): this;
  /** Writes the elements to a list, by default a new one, from an index on. */
  toArray<A extends MutableList = number[]>(out?: A, at?: number): A;
  /** Iterates over the elements, down the columns. */
  [Symbol.iterator](): IterableIterator<number>;
}

/**
 * A layout of matrices.
 *
 * @typeParam N Its name.
 */
export interface Matrix<N extends string> extends Layout<Mat, ListOf<number>, number[]> {
  /** Always `"matrix"`. */
  readonly kind: "matrix";
  /** The name, such as `"mat4x4f"`. */
  readonly name: N;
  /** The scalar of the elements. */
  readonly element: F32;
  /** The number of elements. */
  readonly count: number;
}

/** The type of {@linkcode mat3x3f}. */
export type Mat3x3f = Matrix<"mat3x3f">;
/** The type of {@linkcode mat4x4f}. */
export type Mat4x4f = Matrix<"mat4x4f">;

function matrix<N extends string>(name: N, rows: number): Matrix<N> {
  const make = (columnBytes: number, align: number): Matrix<N> => {
    const count = rows * rows;
    const access = accessOf(f32);
    const place: Place = (i) => ((i / rows) | 0) * columnBytes + (i % rows) * 4;
    const read = readList(count, place, access.load);
    const write = writeList(name, count, place, (view, at, value) => f32Write(view, at, value));
    const Record = scalarListClass(name, count, place, access, read, write);
    const size = columnBytes * rows;
    const inner = new LayoutInner(Record, write, read, (rules) => rules === "c" ? packed() : aligned());
    return bind({ kind: "matrix", name, element: f32, count, size, align, stride: size, $inner: inner });
  };
  let wgsl: Matrix<N> | undefined;
  const c = make(rows * 4, 4);
  const packed = (): Matrix<N> => c;
  const aligned = (): Matrix<N> => wgsl ??= make(16, 16);
  return c;
}

const f32Write = (f32.$inner as LayoutInner).write;

/** A 3 × 3 matrix of `f32`. */
export const mat3x3f: Mat3x3f = matrix("mat3x3f", 3);
/** A 4 × 4 matrix of `f32`. */
export const mat4x4f: Mat4x4f = matrix("mat4x4f", 4);
