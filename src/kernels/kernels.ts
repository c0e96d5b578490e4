/**
 * Column kernels: what a loop over columns does, done by wasm SIMD where the columns lie. Each method checks its operands as a whole,
 * then runs one kernel over all of them: in place where they share a WebAssembly memory, and in a plain loop where not.
 */

import { ArgumentError, show } from "../errors.ts";
import { trackHandouts } from "../memory/handouts.ts";
import { memoryOf, noteMemory } from "../memory/wasm_memory.ts";
import type { TypedArray } from "../memory/typed_array.ts";
import type { KernelMemory } from "./kernel_memory.ts";
import { type Operand, type Operands, OperandTable } from "./operand.ts";
import * as op from "./ops.ts";
import {
  compactScalar,
  countScalar,
  cullScalar,
  lengthScalar,
  normalizeScalar,
  reduceScalar,
  runScalar,
  transformScalar,
} from "./scalar.ts";

/** A column that kernels can calculate with: of 32-bit or 64-bit floats, or of 32-bit integers. */
export type KernelColumn = Float32Array | Float64Array | Int32Array | Uint32Array;

/**
 * The columns of vectors, one by component, as `frameColumns` gives them for a `vec2f`, `vec3f` or `vec4f`.
 *
 * @typeParam C The kind of column.
 */
export interface VectorColumns<C extends KernelColumn = KernelColumn> {
  /** The first components. */
  readonly x: C;
  /** The second ones. */
  readonly y: C;
  /** The third ones, where there are three. */
  readonly z?: C;
  /** The fourth ones, where there are four. */
  readonly w?: C;
}

/** The columns of vectors of three components. */
export interface Vector3Columns<C extends KernelColumn = KernelColumn> {
  /** The first components. */
  readonly x: C;
  /** The second ones. */
  readonly y: C;
  /** The third ones. */
  readonly z: C;
}

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

const CALLS = 0;
const OUTSIDE = 1;
const APART = 2;
const COPIED = 3;

const ALL = 0b1111;
const FLOATS = 0b0011;
const SIGNED = 0b0111;

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
  readonly #operands: OperandTable;
  readonly #counts: Float64Array = new Float64Array(4);
  readonly #numbers: Float64Array = new Float64Array(4 * op.MAX_PLANES);

  /**
   * Makes kernels. The wasm code is compiled when it is first needed.
   *
   * @param options How they are run.
   * @param checks Whether columns are noticed that were handed out in an earlier frame.
   */
  constructor(options: KernelOptions = {}, checks: boolean = false) {
    this.#operands = new OperandTable(options.simd !== false, checks);
    if (checks) trackHandouts();
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
    this.#operands.clear();
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
    const [calls, outside, apart, copied] = this.#counts as unknown as [number, number, number, number];
    const scalar = outside + apart;
    return { calls, simd: calls - scalar, scalar, outside, apart, copied };
  }

  // Element by element

  /** Sets every element: `out = value`. */
  fill<C extends KernelColumn>(out: C, value: number, start?: number, end?: number): void {
    this.#run(op.FILL, ALL, out, null, null, value, 0, start, end);
  }

  /** Counts up: `out[i] = first + i * step`, from 0 by 1 unless told, where `i` is 0 at the start of the range. */
  iota<C extends KernelColumn>(out: C, first?: number, step?: number, start?: number, end?: number): void {
    this.#run(op.IOTA, ALL, out, null, null, first ?? 0, step ?? 1, start, end);
  }

  /** Copies: `out = a`. */
  copy<C extends KernelColumn>(out: C, a: C, start?: number, end?: number): void {
    this.#run(op.COPY, ALL, out, a, null, 0, 0, start, end);
  }

  /** Adds: `out = a + b`. */
  add<C extends KernelColumn>(out: C, a: C, b: C, start?: number, end?: number): void {
    this.#run(op.ADD, ALL, out, a, b, 0, 0, start, end);
  }

  /** Subtracts: `out = a - b`. */
  sub<C extends KernelColumn>(out: C, a: C, b: C, start?: number, end?: number): void {
    this.#run(op.SUB, ALL, out, a, b, 0, 0, start, end);
  }

  /** Multiplies: `out = a * b`. */
  mul<C extends KernelColumn>(out: C, a: C, b: C, start?: number, end?: number): void {
    this.#run(op.MUL, ALL, out, a, b, 0, 0, start, end);
  }

  /** Divides: `out = a / b`, for floats. */
  div<C extends Float32Array | Float64Array>(out: C, a: C, b: C, start?: number, end?: number): void {
    this.#run(op.DIV, FLOATS, out, a, b, 0, 0, start, end);
  }

  /** The lesser of two, as `Math.min` says: NaN if one is, and -0 is less than 0. */
  min<C extends KernelColumn>(out: C, a: C, b: C, start?: number, end?: number): void {
    this.#run(op.MIN, ALL, out, a, b, 0, 0, start, end);
  }

  /** The greater of two, as `Math.max` says. */
  max<C extends KernelColumn>(out: C, a: C, b: C, start?: number, end?: number): void {
    this.#run(op.MAX, ALL, out, a, b, 0, 0, start, end);
  }

  /** Adds a number: `out = a + value`. */
  addScalar<C extends KernelColumn>(out: C, a: C, value: number, start?: number, end?: number): void {
    this.#run(op.ADD_SCALAR, ALL, out, a, null, value, 0, start, end);
  }

  /** Multiplies by a number: `out = a * factor`. */
  scale<C extends KernelColumn>(out: C, a: C, factor: number, start?: number, end?: number): void {
    this.#run(op.SCALE, ALL, out, a, null, factor, 0, start, end);
  }

  /** Adds a multiple: `out = out + factor * a`. */
  axpy<C extends KernelColumn>(out: C, factor: number, a: C, start?: number, end?: number): void {
    this.#run(op.AXPY, ALL, out, a, out, factor, 0, start, end);
  }

  /** Goes from one to the other: `out = a + (b - a) * t`, for floats. */
  lerp<C extends Float32Array | Float64Array>(out: C, a: C, b: C, t: number, start?: number, end?: number): void {
    this.#run(op.LERP, FLOATS, out, a, b, t, 0, start, end);
  }

  /** Keeps within limits: `low` where `a` is less, `high` where it is greater, and `a` itself otherwise, also where it is NaN. */
  clamp<C extends KernelColumn>(out: C, a: C, low: number, high: number, start?: number, end?: number): void {
    this.#run(op.CLAMP, ALL, out, a, null, low, high, start, end);
  }

  /** Without the sign: `out = |a|`, for floats and signed integers. */
  abs<C extends Float32Array | Float64Array | Int32Array>(out: C, a: C, start?: number, end?: number): void {
    this.#run(op.ABS, SIGNED, out, a, null, 0, 0, start, end);
  }

  /** The square root: `out = √a`, for floats. */
  sqrt<C extends Float32Array | Float64Array>(out: C, a: C, start?: number, end?: number): void {
    this.#run(op.SQRT, FLOATS, out, a, null, 0, 0, start, end);
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
    if (isColumn(position) || isColumn(velocity)) {
      return this.#run(op.AXPY, ALL, position as C, velocity as C, position as C, dt, 0, start, end);
    }
    const p = position as VectorColumns;
    let v = velocity as VectorColumns;
    // All are looked at before one is written.
    const last = this.#rangeOfVectors(p, v, start, end);
    const first = start ?? 0;
    if (this.#isTangled(p, v)) {
      this.#counts[COPIED]!++;
      v = copied(v);
    }
    this.#run(op.AXPY, ALL, p.x, v.x, p.x, dt, 0, first, last);
    this.#run(op.AXPY, ALL, p.y, v.y, p.y, dt, 0, first, last);
    if (p.z === undefined) return;
    this.#run(op.AXPY, ALL, p.z, v.z!, p.z, dt, 0, first, last);
    if (p.w !== undefined) this.#run(op.AXPY, ALL, p.w, v.w!, p.w, dt, 0, first, last);
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
    this.#run(op.AND, 1 << op.U8, mask, a, b, 0, 0, start, end);
  }

  /** Sets what is set in one of them. */
  or(mask: Uint8Array, a: Uint8Array, b: Uint8Array, start?: number, end?: number): void {
    this.#run(op.OR, 1 << op.U8, mask, a, b, 0, 0, start, end);
  }

  /** Sets what is not set. */
  not(mask: Uint8Array, a: Uint8Array, start?: number, end?: number): void {
    this.#run(op.NOT, 1 << op.U8, mask, a, null, 0, 0, start, end);
  }

  /** How many are set. */
  count(mask: Uint8Array, start?: number, end?: number): number {
    const m = this.#mask(mask);
    const first = start ?? 0;
    const n = commonRange(m, m, m, m, start, end) - first;
    const memory = this.#place(m.memory, m.memory, m.memory, m.memory);
    if (memory === null) return countScalar(mask, first, n);
    return memory.code.pick(op.COUNT * 4, m.address + first, 0, 0, n);
  }

  /** One or the other: `out = mask ? a : b`. */
  select<C extends KernelColumn>(out: C, mask: Uint8Array, a: C, b: C, start?: number, end?: number): void {
    const o = this.#operands.of(out);
    const x = this.#operands.of(a);
    const y = this.#operands.of(b);
    const m = this.#mask(mask);
    sameKind(o, x, y, ALL);
    const first = start ?? 0;
    const last = commonRange(o, x, y, m, start, end);
    if (overlaps(o, x) || overlaps(o, y) || touches(o, m)) {
      this.#counts[COPIED]!++;
      const from = [a, b].map((column) => touches(o, this.#operands.of(column)) ? column.slice() : column) as [C, C];
      return this.select(out, mask.slice(), from[0], from[1], first, last);
    }
    const memory = this.#place(o.memory, x.memory, y.memory, m.memory);
    if (memory === null) return runScalar(op.SELECT, o.kind, out, a, b, mask, first, last - first, 0, 0);
    const at = first << o.shift;
    // deno-fmt-ignore
    memory.code.run(
      op.SELECT * 4 + o.kind, o.address + at, x.address + at, y.address + at, m.address + first, last - first, 0, 0,
    );
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
    const o = this.#operands.of(out);
    const x = this.#operands.of(a);
    const m = this.#mask(mask);
    sameKind(o, x, x, ALL);
    const first = start ?? 0;
    const last = commonRange(x, x, x, m, start, end);
    const kept = this.count(mask, first, last);
    if (kept > o.length) {
      throw new ArgumentError(
        "FA009",
        `Cannot keep ${kept} elements in a column of ${o.length}: give a longer one, or a shorter range`,
      );
    }
    if (touches(o, m) || (touches(o, x) && o.address > x.address + (first << x.shift))) {
      this.#counts[COPIED]!++;
      return this.compactInto(out, a.slice(first, last) as C, mask.slice(first, last));
    }
    const memory = this.#place(o.memory, x.memory, m.memory, m.memory);
    if (memory === null) return compactScalar(out, a, mask, first, last - first);
    const from = x.address + (first << x.shift);
    return memory.code.pick(op.COMPACT * 4 + o.kind, o.address, from, m.address + first, last - first);
  }

  /** Picks elements: `out[i] = source[indices[i]]`. The range is that of `out` and `indices`. */
  gather<C extends KernelColumn>(
    out: C,
    source: C,
    indices: Int32Array | Uint32Array,
    start?: number,
    end?: number,
  ): void {
    const o = this.#operands.of(out);
    this.#indexed(op.GATHER, o, out, source, indices, o, this.#operands.of(source), start, end);
  }

  /** Puts elements: `out[indices[i]] = values[i]`; where an index comes twice, the later one stays. */
  scatter<C extends KernelColumn>(
    out: C,
    values: C,
    indices: Int32Array | Uint32Array,
    start?: number,
    end?: number,
  ): void {
    const o = this.#operands.of(out);
    this.#indexed(op.SCATTER, o, out, values, indices, this.#operands.of(values), o, start, end);
  }

  // Reductions

  /**
   * The sum of a column. `f32` are added in 16 lanes, each block of 1024 as `f32` and the blocks as `f64`, so that the error is at most
   * 2⁻¹⁷ of the sum of all magnitudes, however long the column is; `f64` in 8 lanes; integers exactly.
   */
  sum<C extends KernelColumn>(a: C, start?: number, end?: number): number {
    return this.#reduce(op.SUM, ALL, a, a, start, end);
  }

  /** The sum of the products of two columns of floats, added as {@linkcode Kernels.sum} does. */
  dot<C extends Float32Array | Float64Array>(a: C, b: C, start?: number, end?: number): number {
    return this.#reduce(op.DOT, FLOATS, a, b, start, end);
  }

  /** The least element, as `Math.min` says; `Infinity` if there is none. */
  minOf<C extends KernelColumn>(a: C, start?: number, end?: number): number {
    return this.#reduce(op.MIN_OF, ALL, a, a, start, end);
  }

  /** The greatest element, as `Math.max` says; `-Infinity` if there is none. */
  maxOf<C extends KernelColumn>(a: C, start?: number, end?: number): number {
    return this.#reduce(op.MAX_OF, ALL, a, a, start, end);
  }

  // Vectors

  /** The lengths of vectors of two to four components: `out = √(x² + y² + …)`, for floats. */
  length<C extends Float32Array | Float64Array>(out: C, v: VectorColumns<C>, start?: number, end?: number): void {
    const o = this.#operands.of(out);
    const x = this.#operands.of(v.x);
    const y = this.#operands.of(v.y);
    const z = v.z === undefined ? x : this.#operands.of(v.z);
    const w = v.w === undefined ? x : this.#operands.of(v.w);
    sameKind(o, x, y, FLOATS);
    sameKind(o, z, w, FLOATS);
    const first = start ?? 0;
    const last = Math.min(commonRange(o, x, y, z, start, end), commonRange(o, w, w, w, start, end));
    if (overlaps(o, x) || overlaps(o, y) || overlaps(o, z) || overlaps(o, w)) {
      this.#counts[COPIED]!++;
      return this.length(out, copied(v), first, last);
    }
    const count = v.z === undefined ? 2 : v.w === undefined ? 3 : 4;
    const memory = this.#place(o.memory, x.memory, y.memory, z.memory === w.memory ? z.memory : null);
    if (memory === null) return lengthScalar(o.kind, out, componentsOf(v), first, last - first);
    const at = first << o.shift;
    // deno-fmt-ignore
    memory.code.vectors(
      (op.LENGTH + count - 2) * 4 + o.kind, o.address + at, 0, 0, x.address + at, y.address + at, z.address + at,
      w.address + at, last - first,
    );
  }

  /** Gives vectors of two to four components a length of 1, in place; one of length 0 stays as it is. For floats. */
  normalize<C extends Float32Array | Float64Array>(v: VectorColumns<C>, start?: number, end?: number): void {
    const x = this.#operands.of(v.x);
    const y = this.#operands.of(v.y);
    const z = v.z === undefined ? x : this.#operands.of(v.z);
    const w = v.w === undefined ? x : this.#operands.of(v.w);
    sameKind(x, y, z, FLOATS);
    sameKind(x, w, w, FLOATS);
    const first = start ?? 0;
    const last = commonRange(x, y, z, w, start, end);
    if (
      touches(x, y) || (v.z !== undefined && (touches(z, x) || touches(z, y))) ||
      (v.w !== undefined && (touches(w, x) || touches(w, y) || touches(w, z)))
    ) throw tangled("normalize");
    const count = v.z === undefined ? 2 : v.w === undefined ? 3 : 4;
    const memory = this.#place(x.memory, y.memory, z.memory, w.memory);
    if (memory === null) return normalizeScalar(x.kind, componentsOf(v), first, last - first);
    const at = first << x.shift;
    // deno-fmt-ignore
    memory.code.vectors(
      (op.NORMALIZE + count - 2) * 4 + x.kind, 0, 0, 0, x.address + at, y.address + at, z.address + at, w.address + at,
      last - first,
    );
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
    const o = this.#operands.of(out.x);
    const p = this.#operands.of(out.y);
    const q = this.#operands.of(out.z);
    const x = this.#operands.of(points.x);
    const y = this.#operands.of(points.y);
    const z = this.#operands.of(points.z);
    sameKind(o, p, q, FLOATS);
    sameKind(o, x, y, FLOATS);
    sameKind(o, z, z, FLOATS);
    if (matrix.length !== 16) {
      throw new ArgumentError("FA008", `Cannot transform points by ${matrix.length} numbers: give the 16 of a matrix`);
    }
    const first = start ?? 0;
    const last = Math.min(commonRange(o, p, q, x, start, end), commonRange(o, y, z, z, start, end));
    if (touches(o, p) || touches(o, q) || touches(p, q)) throw tangled("transform points into");
    if (
      overlaps(o, x) || overlaps(o, y) || overlaps(o, z) || overlaps(p, x) || overlaps(p, y) || overlaps(p, z) ||
      overlaps(q, x) || overlaps(q, y) || overlaps(q, z)
    ) {
      this.#counts[COPIED]!++;
      return this.transformPoints(out, copied(points) as Vector3Columns<C>, matrix, first, last);
    }
    const m = this.#numbers;
    for (let i = 0; i < 12; i++) m[i] = typed(o.kind, matrix[Math.floor(i / 3) * 4 + i % 3]!);
    const isTogether = o.memory === p.memory && o.memory === q.memory;
    const memory = this.#place(isTogether ? o.memory : null, x.memory, y.memory, z.memory);
    if (memory === null) {
      return transformScalar(o.kind, [out.x, out.y, out.z], [points.x, points.y, points.z], m, first, last - first);
    }
    const at = first << o.shift;
    // deno-fmt-ignore
    memory.code.transform(
      op.TRANSFORM * 4 + o.kind, o.address + at, p.address + at, q.address + at, x.address + at, y.address + at,
      z.address + at, last - first, m[0]!, m[1]!, m[2]!, m[3]!, m[4]!, m[5]!, m[6]!, m[7]!, m[8]!, m[9]!, m[10]!, m[11]!,
    );
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
    const m = this.#mask(mask);
    const x = this.#operands.of(centers.x);
    const y = this.#operands.of(centers.y);
    const z = this.#operands.of(centers.z);
    const r = this.#operands.of(radius);
    sameKind(x, y, z, FLOATS);
    sameKind(x, r, r, FLOATS);
    const count = planes.length / 4;
    if (!(count >= 1 && count <= op.MAX_PLANES && Number.isInteger(count))) {
      throw new ArgumentError(
        "FA008",
        `Cannot cull by ${planes.length} numbers: give four for each plane, and one to ${op.MAX_PLANES} planes`,
      );
    }
    const first = start ?? 0;
    const last = Math.min(commonRange(x, y, z, r, start, end), commonRange(x, m, m, m, start, end));
    if (touches(m, x) || touches(m, y) || touches(m, z) || touches(m, r)) throw tangled("cull into");
    const p = this.#numbers;
    // The last plane stands for those that are not there.
    for (let i = 0; i < 4 * op.MAX_PLANES; i++) {
      p[i] = typed(x.kind, planes[i < 4 * count ? i : 4 * (count - 1) + i % 4]!);
    }
    const memory = this.#place(m.memory, x.memory, y.memory, z.memory === r.memory ? z.memory : null);
    if (memory === null) {
      return cullScalar(x.kind, mask, [centers.x, centers.y, centers.z, radius], p, count, first, last - first);
    }
    const at = first << x.shift;
    // deno-fmt-ignore
    memory.code.cull(
      op.CULL * 4 + x.kind, m.address + first, x.address + at, y.address + at, z.address + at, r.address + at,
      last - first, p[0]!, p[1]!, p[2]!, p[3]!, p[4]!, p[5]!, p[6]!, p[7]!, p[8]!, p[9]!, p[10]!, p[11]!, p[12]!,
      p[13]!, p[14]!, p[15]!, p[16]!, p[17]!, p[18]!, p[19]!, p[20]!, p[21]!, p[22]!, p[23]!,
    );
  }

  // How a kernel is run

  #run(
    number: number,
    kinds: number,
    out: Operands,
    a: Operands | null,
    b: Operands | null,
    s: number,
    t: number,
    start: number | undefined,
    end: number | undefined,
  ): void {
    const o = this.#operands.of(out);
    const x = a === null ? o : this.#operands.of(a);
    const y = b === null ? x : this.#operands.of(b);
    sameKind(o, x, y, kinds);
    const first = start ?? 0;
    const last = commonRange(o, x, y, o, start, end);
    // Always, so that the optimiser has them as plain doubles throughout.
    const isExact = number === op.CLAMP;
    const { kind } = o;
    const value = kind === op.F32 ? Math.fround(s) : kind === op.F64 ? +s : wholeOf(kind, s, isExact);
    const other = kind === op.F32 ? Math.fround(t) : kind === op.F64 ? +t : wholeOf(kind, t, isExact);
    if (overlaps(o, x) || overlaps(o, y)) return this.#copied(number, kinds, out, x, y, s, t, first, last);
    const memory = this.#place(o.memory, x.memory, y.memory, o.memory);
    if (memory === null) {
      return runScalar(number, kind, out, x.array, y.array, out, first, last - first, value, other);
    }
    const at = first << o.shift;
    memory.code.run(
      number * 4 + (kind & 3),
      o.address + at,
      x.address + at,
      y.address + at,
      0,
      last - first,
      value,
      other,
    );
  }

  /** The same with copies of what would be overwritten before it is read. */
  #copied(
    number: number,
    kinds: number,
    out: Operands,
    x: Operand,
    y: Operand,
    s: number,
    t: number,
    start: number,
    end: number,
  ): void {
    this.#counts[COPIED]!++;
    const o = this.#operands.of(out);
    const a = overlaps(o, x) ? x.array.slice() : x.array;
    const b = overlaps(o, y) ? y.array.slice() : y.array;
    this.#run(number, kinds, out, a, b, s, t, start, end);
  }

  #compare(
    number: number,
    mask: Uint8Array,
    a: KernelColumn,
    b: KernelColumn | number,
    start: number | undefined,
    end: number | undefined,
  ): void {
    const m = this.#mask(mask);
    const x = this.#operands.of(a);
    const y = typeof b === "number" ? x : this.#operands.of(b);
    sameKind(x, y, y, ALL);
    const first = start ?? 0;
    const last = commonRange(x, y, m, m, start, end);
    if (touches(m, x) || touches(m, y)) {
      this.#counts[COPIED]!++;
      return this.#compare(number, mask, a.slice(), typeof b === "number" ? b : b.slice(), first, last);
    }
    const memory = this.#place(m.memory, x.memory, y.memory, x.memory);
    const at = first << x.shift;
    if (typeof b === "number") {
      const s = scalarOf(x.kind, b, true);
      const f = number + op.COMPARED_WITH_NUMBER;
      if (memory === null) return runScalar(f, x.kind, mask, a, a, a, first, last - first, s, 0);
      return memory.code.run(f * 4 + x.kind, m.address + first, x.address + at, 0, 0, last - first, s, 0);
    }
    // Greater than a column is less the other way round.
    const isTurned = number === op.GREATER || number === op.GREATER_EQUAL;
    const f = isTurned ? number - 2 : number;
    const low = isTurned ? y : x;
    const high = isTurned ? x : y;
    if (memory === null) return runScalar(f, x.kind, mask, low.array, high.array, a, first, last - first, 0, 0);
    memory.code.run(f * 4 + x.kind, m.address + first, low.address + at, high.address + at, 0, last - first, 0, 0);
  }

  #reduce(
    number: number,
    kinds: number,
    a: KernelColumn,
    b: KernelColumn,
    start: number | undefined,
    end: number | undefined,
  ): number {
    const x = this.#operands.of(a);
    const y = this.#operands.of(b);
    sameKind(x, y, y, kinds);
    const first = start ?? 0;
    const last = commonRange(x, y, y, y, start, end);
    if (last === first) return number === op.MIN_OF ? Infinity : number === op.MAX_OF ? -Infinity : 0;
    const memory = this.#place(x.memory, y.memory, y.memory, y.memory);
    if (memory === null) return reduceScalar(number, x.kind, a, b, first, last - first);
    const at = first << x.shift;
    return memory.code.reduce(number * 4 + x.kind, x.address + at, y.address + at, last - first);
  }

  /** `along` goes on with the indices, and `across` is what they point into. */
  #indexed(
    number: number,
    o: Operand,
    out: KernelColumn,
    values: KernelColumn,
    indices: Int32Array | Uint32Array,
    along: Operand,
    across: Operand,
    start: number | undefined,
    end: number | undefined,
  ): void {
    const i = this.#operands.of(indices);
    sameKind(o, along, across, ALL);
    if (i.kind !== op.I32 && i.kind !== op.U32) {
      throw new ArgumentError("FA008", `Cannot use ${show(indices)} as indices: give an Int32Array or Uint32Array`);
    }
    const first = start ?? 0;
    const last = commonRange(along, i, i, i, start, end);
    if (last === first) return;
    const x = this.#operands.of(values);
    const place = first << 2;
    // As unsigned integers: one below zero is out of range as well.
    const most = i.memory === null
      ? greatest(indices, first, last)
      : i.memory.code.reduce(op.MAX_OF * 4 + op.U32, i.address + place, 0, last - first);
    if (most >= across.length) {
      throw new ArgumentError(
        "FA009",
        `Cannot ${number === op.GATHER ? "gather" : "scatter"} with the index ${
          most > 0x7fffffff ? most | 0 : most
        } as ` +
          `the column has ${across.length} elements: give indices within it`,
      );
    }
    if (touches(o, x) || touches(o, i)) {
      this.#counts[COPIED]!++;
      const call = number === op.GATHER ? this.gather : this.scatter;
      return call.call(this, out, values.slice(), indices.slice(), first, last);
    }
    const memory = this.#place(o.memory, x.memory, i.memory, i.memory);
    if (memory === null) return runScalar(number, o.kind, out, values, indices, out, first, last - first, 0, 0);
    const at = first << o.shift;
    const isGather = number === op.GATHER;
    // deno-fmt-ignore
    memory.code.run(
      number * 4 + o.kind, o.address + (isGather ? at : 0), x.address + (isGather ? 0 : at), i.address + place, 0,
      last - first, 0, 0,
    );
  }

  /** The memory that all operands lie in, counted; `null` if there is none. */
  #place(
    a: KernelMemory | null,
    b: KernelMemory | null,
    c: KernelMemory | null,
    d: KernelMemory | null,
  ): KernelMemory | null {
    this.#counts[CALLS]!++;
    if (a !== null && a === b && a === c && a === d) return a;
    this.#counts[a === null || b === null || c === null || d === null ? OUTSIDE : APART]!++;
    return null;
  }

  #mask(mask: Uint8Array): Operand {
    const operand = this.#operands.of(mask);
    if (operand.kind !== op.U8) {
      throw new ArgumentError("FA008", `Cannot use ${show(mask)} as a mask: give a Uint8Array`);
    }
    return operand;
  }

  /** Looks at all components of two vectors, and gives the end of the range. */
  #rangeOfVectors(
    a: VectorColumns,
    b: VectorColumns,
    start: number | undefined,
    end: number | undefined,
  ): number {
    if ((a.z === undefined) !== (b.z === undefined) || (a.w === undefined) !== (b.w === undefined)) {
      throw new ArgumentError("FA008", "Cannot integrate vectors of different numbers of components: give the same");
    }
    const x = this.#operands.of(a.x);
    let last = this.#rangeWith(x, a.y, b.x, start, end);
    last = Math.min(last, this.#rangeWith(x, a.y, b.y, start, end));
    if (a.z !== undefined) last = Math.min(last, this.#rangeWith(x, a.z, b.z!, start, end));
    if (a.w !== undefined) last = Math.min(last, this.#rangeWith(x, a.w, b.w!, start, end));
    return last;
  }

  #rangeWith(x: Operand, a: Operands, b: Operands, start: number | undefined, end: number | undefined): number {
    const y = this.#operands.of(a);
    const z = this.#operands.of(b);
    sameKind(x, y, z, ALL);
    return commonRange(x, y, z, z, start, end);
  }

  /** Whether moving one component would change the velocity of one that comes later. */
  #isTangled(p: VectorColumns, v: VectorColumns): boolean {
    const x = this.#operands.of(p.x);
    const y = this.#operands.of(p.y);
    const z = p.z === undefined ? null : this.#operands.of(p.z);
    const w = p.w === undefined ? null : this.#operands.of(p.w);
    const hasOwn = !touches(x, y) && (z === null || (!touches(x, z) && !touches(y, z))) &&
      (w === null || (!touches(x, w) && !touches(y, w) && !touches(z!, w)));
    if (!hasOwn) throw tangled("integrate");
    if (touches(x, this.#operands.of(v.y))) return true;
    if (z !== null && (touches(x, this.#operands.of(v.z!)) || touches(y, this.#operands.of(v.z!)))) return true;
    if (w === null) return false;
    const last = this.#operands.of(v.w!);
    return touches(x, last) || touches(y, last) || touches(z!, last);
  }
}

const NAMES: readonly string[] = ["Float32Array", "Float64Array", "Int32Array", "Uint32Array", "Uint8Array"];

function sameKind(a: Operand, b: Operand, c: Operand, kinds: number): void {
  if (a.kind !== b.kind || a.kind !== c.kind) {
    const other = a.kind === b.kind ? c : b;
    throw new ArgumentError(
      "FA008",
      `Cannot run a kernel on a ${NAMES[a.kind]} together with a ${NAMES[other.kind]}: give columns of one class`,
    );
  }
  if ((kinds >> a.kind & 1) === 0) {
    throw new ArgumentError("FA008", `Cannot run this kernel on a ${NAMES[a.kind]}: see which columns it takes`);
  }
}

/** The end of the range in all of the operands. Without a range they must be of one length. */
function commonRange(
  a: Operand,
  b: Operand,
  c: Operand,
  d: Operand,
  start: number | undefined,
  end: number | undefined,
): number {
  if (start === undefined && end === undefined) {
    const { length } = a;
    if (b.length !== length || c.length !== length || d.length !== length) {
      const other = b.length !== length ? b : c.length !== length ? c : d;
      throw new ArgumentError(
        "FA008",
        `Cannot run a kernel on columns of ${length} and ${other.length} elements: give columns of one length, or a range`,
      );
    }
    return length;
  }
  const least = Math.min(a.length, b.length, c.length, d.length);
  const last = end ?? least;
  if (
    !(start === undefined || (Number.isInteger(start) && start >= 0)) || !Number.isInteger(last) ||
    last < (start ?? 0) || last > least
  ) {
    throw new ArgumentError(
      "FA009",
      `Cannot run a kernel on the elements ${show(start ?? 0)} to ${
        show(last)
      } of columns of ${least}: give a range within them`,
    );
  }
  return last;
}

/** Whether writing to one forward overwrites what is yet to be read of the other. */
function overlaps(out: Operand, a: Operand): boolean {
  return out.address > a.address && out.address < a.end && out.owner === a.owner && out.length > 0;
}

/** Whether they share bytes. */
function touches(a: Operand, b: Operand): boolean {
  return a.owner === b.owner && a.address < b.end && b.address < a.end;
}

function tangled(action: string): ArgumentError {
  return new ArgumentError("FA008", `Cannot ${action} columns that overlap each other: give each its own memory`);
}

/** A number as an element of a column; `isExact` if it must not wrap around. */
function scalarOf(kind: number, value: number, isExact: boolean): number {
  return kind <= op.F64 ? typed(kind, value) : wholeOf(kind, value, isExact);
}

function wholeOf(kind: number, value: number, isExact: boolean): number {
  const least = isExact && kind === op.U32 ? 0 : -(2 ** 31);
  const most = isExact && kind === op.I32 ? 2 ** 31 - 1 : 2 ** 32 - 1;
  if (!(Number.isInteger(value) && value >= least && value <= most)) {
    throw new ArgumentError(
      "FA008",
      `Cannot run a kernel on a ${NAMES[kind]} with the number ${
        show(value)
      }: give a whole number from ${least} to ${most}`,
    );
  }
  return isExact && kind === op.U32 ? value >>> 0 : value | 0;
}

function typed(kind: number, value: number): number {
  return kind === op.F32 ? Math.fround(value) : +value;
}

function greatest(indices: Int32Array | Uint32Array, start: number, end: number): number {
  let most = 0;
  for (let i = start; i < end; i++) most = Math.max(most, indices[i]! >>> 0);
  return most;
}

function isColumn(value: unknown): boolean {
  return ArrayBuffer.isView(value);
}

function componentsOf<C extends KernelColumn>({ x, y, z, w }: VectorColumns<C>): readonly C[] {
  return z === undefined ? [x, y] : w === undefined ? [x, y, z] : [x, y, z, w];
}

function copied<C extends KernelColumn>({ x, y, z, w }: VectorColumns<C>): VectorColumns<C> {
  const made = { x: x.slice() as C, y: y.slice() as C };
  return z === undefined ? made : { ...made, z: z.slice() as C, ...w === undefined ? {} : { w: w.slice() as C } };
}
