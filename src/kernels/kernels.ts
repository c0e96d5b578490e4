/**
 * Column kernels: what a loop over columns does, done by wasm SIMD where the columns lie. This is what programs call; `runner.ts` checks
 * the operands and runs the kernel.
 */

import { ArgumentError, show } from "../errors.ts";
import { memoryOf, noteMemory } from "../memory/wasm_memory.ts";
import type { TypedArray } from "../memory/typed_array.ts";
import { ALL, FLOATS, MASKS, SIGNED } from "./checks.ts";
import type { ColumnOwner, KernelColumn } from "./operand.ts";
import * as op from "./ops.ts";
import { APART, CALLS, COPIED, OUTSIDE } from "./runner.ts";
import { type Vector3Columns, type VectorColumns, VectorRunner } from "./vector_runner.ts";

export type { KernelColumn, Vector3Columns, VectorColumns };

/** What kernels have been called for, and how they did it. */
export interface KernelStats {
  /** Kernels that were run: one for each call, or for each component. */
  readonly calls: number;
  /** Those that wasm SIMD did, in place. */
  readonly simd: number;
  /** Those that a plain loop did. */
  readonly scalar: number;
  /** Of those, with an operand in memory that no kernel can work on: it is not wasm, or there is no SIMD here. */
  readonly outside: number;
  /** Of those, with operands in several memories. */
  readonly apart: number;
  /** Kernels for which an operand had to be copied first, as it overlapped what was written. */
  readonly copied: number;
}

/**
 * How kernels are run.
 *
 * @example
 * ```ts
 * import { type KernelOptions, Kernels } from "@framealloc/core";
 *
 * const options: KernelOptions = { simd: false };
 * new Kernels(options);
 * ```
 */
export interface KernelOptions {
  /** Whether wasm SIMD is used where it can be. @default {true} */
  readonly simd?: boolean;
}

/**
 * Loops over columns that run at native speed. `alloc.kernels` are those of an allocator, and notice columns of an ended frame; a
 * `new Kernels()` works on any typed arrays, in place on those of memories that it was told of with {@linkcode Kernels.use}.
 *
 * All operands of a call are of one class, such as `Float32Array`, and of one length. With `start` and `end` only that range is worked
 * on, and the lengths may differ. A mask is a `Uint8Array`: what is not zero is set, and kernels set with 1. Every step is rounded to the
 * type of the column: `axpy` on floats rounds the product, and then the sum. Integers wrap around. Operands may be the same columns or
 * overlap: the result is as if all were read before anything is written, though one that is overwritten ahead of being read is copied
 * first, which makes garbage. Nothing is written when a call throws.
 *
 * Every method throws an {@linkcode ArgumentError} `FA008` if an operand is of the wrong kind or length, `FA009` if a range or an index is
 * outside of a column, and a {@linkcode StaleHandleError} `FA002` if a column has ended.
 *
 * @example The step of a particle system
 * ```ts
 * import { f32, SmartAlloc, struct, vec3f } from "@framealloc/core";
 * import { assertEquals } from "@std/assert";
 *
 * const Particle = struct("Particle", { position: vec3f, velocity: vec3f, life: f32 });
 * const alloc = new SmartAlloc();
 * const { kernels } = alloc;
 * using _frame = alloc.frame();
 * const { position, velocity, life } = alloc.frameColumns(Particle, 1000);
 * const dead = alloc.frameSlice(Uint8Array, 1000);
 * kernels.fill(position.y, 10);
 * kernels.fill(velocity.y, -2);
 * kernels.iota(life, 0, 0.5);
 * kernels.integrate(position, velocity, 0.5);
 * kernels.addScalar(life, life, -1);
 * kernels.lessEqual(dead, life, 0);
 * assertEquals([position.y[999], kernels.count(dead)], [9, 3]);
 * ```
 */
export class Kernels {
  readonly #runner: VectorRunner;

  /**
   * Makes kernels. The wasm code is compiled when it is first needed, which takes some milliseconds.
   *
   * @param options How they are run.
   */
  constructor({ simd = true }: KernelOptions = {}) {
    this.#runner = new VectorRunner(simd);
  }

  /** Asks an allocator whether its columns are still out; not for use in programs. */
  $watch(owner: unknown): this {
    this.#runner.operands.watch(owner as ColumnOwner);
    return this;
  }

  /**
   * Works on the columns of a memory in place from now on; memory of frames is known already. To be called again when it has grown.
   *
   * @param memory The memory, shared or not.
   * @returns These kernels.
   *
   * @example
   * ```ts
   * import { Kernels } from "@framealloc/core";
   * import { assertEquals } from "@std/assert";
   *
   * const memory = new WebAssembly.Memory({ initial: 1 });
   * const kernels = new Kernels().use(memory);
   * const column = new Float32Array(memory.buffer, 0, 100);
   * kernels.fill(column, 0.5);
   * assertEquals([kernels.sum(column), kernels.stats().scalar], [50, 0]);
   * ```
   */
  use(memory: WebAssembly.Memory): this {
    if (!(memory instanceof WebAssembly.Memory)) {
      throw new ArgumentError("FA008", `Cannot use ${show(memory)} for kernels: give a WebAssembly.Memory`);
    }
    noteMemory(memory);
    this.#runner.operands.clear();
    return this;
  }

  /**
   * The memory that a column lies in: to be sent to a worker together with the column's place, if it is shared.
   *
   * @param column Any typed array.
   * @returns The memory; nothing if it is no WebAssembly memory.
   */
  memoryOf(column: TypedArray): WebAssembly.Memory | undefined {
    return memoryOf(column.buffer);
  }

  /** What was called so far, and how it was done. */
  stats(): KernelStats {
    const { counts } = this.#runner;
    const calls = counts[CALLS]!;
    const outside = counts[OUTSIDE]!;
    const apart = counts[APART]!;
    const scalar = outside + apart;
    return { calls, simd: calls - scalar, scalar, outside, apart, copied: counts[COPIED]! };
  }

  // Element by element

  /** Sets every element: `out = value`. */
  fill<C extends KernelColumn>(out: C, value: number, start?: number, end?: number): void {
    this.#with(value, 0).run(op.FILL, ALL, out, null, null, start, end);
  }

  /** Counts up: `out[i] = first + i * step`, from 0 by 1 unless told, where `i` is 0 at the start of the range. */
  iota<C extends KernelColumn>(out: C, first?: number, step?: number, start?: number, end?: number): void {
    this.#with(first ?? 0, step ?? 1).run(op.IOTA, ALL, out, null, null, start, end);
  }

  /** Copies: `out = a`. */
  copy<C extends KernelColumn>(out: C, a: C, start?: number, end?: number): void {
    this.#runner.run(op.COPY, ALL, out, a, null, start, end);
  }

  /** Adds: `out = a + b`. */
  add<C extends KernelColumn>(out: C, a: C, b: C, start?: number, end?: number): void {
    this.#runner.run(op.ADD, ALL, out, a, b, start, end);
  }

  /** Subtracts: `out = a - b`. */
  sub<C extends KernelColumn>(out: C, a: C, b: C, start?: number, end?: number): void {
    this.#runner.run(op.SUB, ALL, out, a, b, start, end);
  }

  /** Multiplies: `out = a * b`. */
  mul<C extends KernelColumn>(out: C, a: C, b: C, start?: number, end?: number): void {
    this.#runner.run(op.MUL, ALL, out, a, b, start, end);
  }

  /** Divides: `out = a / b`, for floats. */
  div<C extends Float32Array | Float64Array>(out: C, a: C, b: C, start?: number, end?: number): void {
    this.#runner.run(op.DIV, FLOATS, out, a, b, start, end);
  }

  /** The lesser of two, as `Math.min` says: NaN if one is, and -0 is less than 0. */
  min<C extends KernelColumn>(out: C, a: C, b: C, start?: number, end?: number): void {
    this.#runner.run(op.MIN, ALL, out, a, b, start, end);
  }

  /** The greater of two, as `Math.max` says. */
  max<C extends KernelColumn>(out: C, a: C, b: C, start?: number, end?: number): void {
    this.#runner.run(op.MAX, ALL, out, a, b, start, end);
  }

  /** Adds a number: `out = a + value`. */
  addScalar<C extends KernelColumn>(out: C, a: C, value: number, start?: number, end?: number): void {
    this.#with(value, 0).run(op.ADD_SCALAR, ALL, out, a, null, start, end);
  }

  /** Multiplies by a number: `out = a * factor`. */
  scale<C extends KernelColumn>(out: C, a: C, factor: number, start?: number, end?: number): void {
    this.#with(factor, 0).run(op.SCALE, ALL, out, a, null, start, end);
  }

  /** Adds a multiple: `out = out + factor * a`. */
  axpy<C extends KernelColumn>(out: C, factor: number, a: C, start?: number, end?: number): void {
    this.#with(factor, 0).run(op.AXPY, ALL, out, a, out, start, end);
  }

  /** Goes from one to the other: `out = a + (b - a) * t`, for floats. */
  lerp<C extends Float32Array | Float64Array>(out: C, a: C, b: C, t: number, start?: number, end?: number): void {
    this.#with(t, 0).run(op.LERP, FLOATS, out, a, b, start, end);
  }

  /** Keeps within limits: `low` where `a` is less, `high` where that is greater than it, and `a` itself otherwise, also where it is NaN. */
  clamp<C extends KernelColumn>(out: C, a: C, low: number, high: number, start?: number, end?: number): void {
    this.#with(low, high).run(op.CLAMP, ALL, out, a, null, start, end);
  }

  /** Without the sign: `out = |a|`, for floats and signed integers. */
  abs<C extends Float32Array | Float64Array | Int32Array>(out: C, a: C, start?: number, end?: number): void {
    this.#runner.run(op.ABS, SIGNED, out, a, null, start, end);
  }

  /** The square root: `out = √a`, for floats. */
  sqrt<C extends Float32Array | Float64Array>(out: C, a: C, start?: number, end?: number): void {
    this.#runner.run(op.SQRT, FLOATS, out, a, null, start, end);
  }

  /**
   * Moves on: `position = position + velocity * dt`, for columns, or for every component of vectors.
   *
   * @param position What is moved.
   * @param velocity How fast.
   * @param dt For how long.
   * @param start The first element.
   * @param end The element to stop before.
   */
  integrate<C extends KernelColumn>(
    position: C | VectorColumns<C>,
    velocity: C | VectorColumns<C>,
    dt: number,
    start?: number,
    end?: number,
  ): void {
    const runner = this.#with(dt, 0);
    if (ArrayBuffer.isView(position) || ArrayBuffer.isView(velocity)) {
      runner.run(op.AXPY, ALL, position as C, velocity as C, position as C, start, end);
    } else runner.integrate(position as VectorColumns<C>, velocity as VectorColumns<C>, start, end);
  }

  // Masks

  /** Sets where `a < b`; `b` is a column or a number. */
  less<C extends KernelColumn>(mask: Uint8Array, a: C, b: C | number, start?: number, end?: number): void {
    this.#compare(op.LESS, mask, a, b, start, end);
  }

  /** Sets where `a <= b`. */
  lessEqual<C extends KernelColumn>(mask: Uint8Array, a: C, b: C | number, start?: number, end?: number): void {
    this.#compare(op.LESS_EQUAL, mask, a, b, start, end);
  }

  /** Sets where `a > b`. */
  greater<C extends KernelColumn>(mask: Uint8Array, a: C, b: C | number, start?: number, end?: number): void {
    this.#compare(op.GREATER, mask, a, b, start, end);
  }

  /** Sets where `a >= b`. */
  greaterEqual<C extends KernelColumn>(mask: Uint8Array, a: C, b: C | number, start?: number, end?: number): void {
    this.#compare(op.GREATER_EQUAL, mask, a, b, start, end);
  }

  /** Sets where `a === b`: never where one is NaN. */
  equal<C extends KernelColumn>(mask: Uint8Array, a: C, b: C | number, start?: number, end?: number): void {
    this.#compare(op.EQUAL, mask, a, b, start, end);
  }

  /** Sets where `a !== b`. */
  notEqual<C extends KernelColumn>(mask: Uint8Array, a: C, b: C | number, start?: number, end?: number): void {
    this.#compare(op.NOT_EQUAL, mask, a, b, start, end);
  }

  /** Sets what is set in both. */
  and(mask: Uint8Array, a: Uint8Array, b: Uint8Array, start?: number, end?: number): void {
    this.#runner.run(op.AND, MASKS, mask, a, b, start, end);
  }

  /** Sets what is set in one of them. */
  or(mask: Uint8Array, a: Uint8Array, b: Uint8Array, start?: number, end?: number): void {
    this.#runner.run(op.OR, MASKS, mask, a, b, start, end);
  }

  /** Sets what is not set. */
  not(mask: Uint8Array, a: Uint8Array, start?: number, end?: number): void {
    this.#runner.run(op.NOT, MASKS, mask, a, null, start, end);
  }

  /** How many are set. */
  count(mask: Uint8Array, start?: number, end?: number): number {
    return this.#runner.count(mask, start, end);
  }

  /** One or the other: `out = mask ? a : b`. */
  select<C extends KernelColumn>(out: C, mask: Uint8Array, a: C, b: C, start?: number, end?: number): void {
    this.#runner.select(out, mask, a, b, start, end);
  }

  /**
   * Keeps the elements whose mask is set, in their order, at the start of `out`.
   *
   * @param out Where to; it may be `a` itself, and must have room for those that are kept.
   * @param a The elements; in a range where `start` and `end` are given.
   * @param mask Which ones.
   * @param start The first element.
   * @param end The element to stop before.
   * @returns How many were kept.
   */
  compactInto<C extends KernelColumn>(out: C, a: C, mask: Uint8Array, start?: number, end?: number): number {
    return this.#runner.compact(out, a, mask, start, end);
  }

  /** Picks elements: `out[i] = source[indices[i]]`. The range is that of `out` and `indices`. */
  gather<C extends KernelColumn>(
    out: C,
    source: C,
    indices: Int32Array | Uint32Array,
    start?: number,
    end?: number,
  ): void {
    this.#runner.index(true, out, source, indices, start, end);
  }

  /** Puts elements: `out[indices[i]] = values[i]`; where an index comes twice, the later one stays. */
  scatter<C extends KernelColumn>(
    out: C,
    values: C,
    indices: Int32Array | Uint32Array,
    start?: number,
    end?: number,
  ): void {
    this.#runner.index(false, out, values, indices, start, end);
  }

  // Reductions

  /**
   * The sum of a column. `f32` are added in 16 lanes, each block of 1024 as `f32` and the blocks as `f64`, so that the error is at most
   * 2⁻¹⁷ of the sum of all magnitudes, however long the column is; `f64` in 8 lanes; integers exactly.
   */
  sum<C extends KernelColumn>(a: C, start?: number, end?: number): number {
    this.#runner.reduce(op.SUM, ALL, a, a, start, end);
    return this.#runner.result[0]!;
  }

  /** The sum of the products of two columns of floats, added as {@linkcode Kernels.sum} does. */
  dot<C extends Float32Array | Float64Array>(a: C, b: C, start?: number, end?: number): number {
    this.#runner.reduce(op.DOT, FLOATS, a, b, start, end);
    return this.#runner.result[0]!;
  }

  /** The least element, as `Math.min` says; `Infinity` if there is none. */
  minOf<C extends KernelColumn>(a: C, start?: number, end?: number): number {
    this.#runner.reduce(op.MIN_OF, ALL, a, a, start, end);
    return this.#runner.result[0]!;
  }

  /** The greatest element, as `Math.max` says; `-Infinity` if there is none. */
  maxOf<C extends KernelColumn>(a: C, start?: number, end?: number): number {
    this.#runner.reduce(op.MAX_OF, ALL, a, a, start, end);
    return this.#runner.result[0]!;
  }

  // Vectors

  /** The lengths of vectors of two to four components: `out = √(x² + y² + …)`, for floats. */
  length<C extends Float32Array | Float64Array>(out: C, v: VectorColumns<C>, start?: number, end?: number): void {
    this.#runner.length(out, v, start, end);
  }

  /** Gives vectors of two to four components a length of 1, in place; one of length 0 stays as it is. For floats. */
  normalize<C extends Float32Array | Float64Array>(v: VectorColumns<C>, start?: number, end?: number): void {
    this.#runner.normalize(v, start, end);
  }

  /**
   * Transforms points by a matrix: `out = matrix * (x, y, z, 1)`, for floats.
   *
   * @param out Where to; it may be `points`.
   * @param points The points.
   * @param matrix Sixteen numbers, column by column, as a `mat4x4f` has them; the fourth row does not count.
   * @param start The first point.
   * @param end The point to stop before.
   */
  transformPoints<C extends Float32Array | Float64Array>(
    out: Vector3Columns<C>,
    points: Vector3Columns<C>,
    matrix: ArrayLike<number>,
    start?: number,
    end?: number,
  ): void {
    this.#runner.transform(out, points, matrix, start, end);
  }

  /**
   * Sets the spheres that are not wholly behind one of the planes: where `nx * x + ny * y + nz * z + d >= -radius` for all of them. For
   * floats.
   *
   * @param mask What is set.
   * @param centers The centers of the spheres.
   * @param radius Their radii.
   * @param planes Four numbers `nx ny nz d` for each plane, one to six of them: a frustum whose normals point inwards.
   * @param start The first sphere.
   * @param end The sphere to stop before.
   */
  cullSpheres<C extends Float32Array | Float64Array>(
    mask: Uint8Array,
    centers: Vector3Columns<C>,
    radius: C,
    planes: ArrayLike<number>,
    start?: number,
    end?: number,
  ): void {
    this.#runner.cull(mask, centers, radius, planes, start, end);
  }

  /** Puts the numbers where the kernel finds them. */
  #with(s: number, t: number): VectorRunner {
    if (typeof s !== "number" || typeof t !== "number") throw noNumber(typeof s === "number" ? t : s);
    const { numbers } = this.#runner;
    numbers[0] = s;
    numbers[1] = t;
    return this.#runner;
  }

  #compare<C extends KernelColumn>(
    number: number,
    mask: Uint8Array,
    a: C,
    b: C | number,
    start: number | undefined,
    end: number | undefined,
  ): void {
    if (typeof b !== "number") this.#runner.compare(number, mask, a, b, start, end);
    else this.#with(b, 0).compare(number, mask, a, null, start, end);
  }
}

function noNumber(value: unknown): ArgumentError {
  return new ArgumentError("FA008", `Cannot run a kernel with ${show(value)}: give a number`);
}
