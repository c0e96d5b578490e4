/**
 * Runs kernels on vectors, whose components are columns.
 */

import { ArgumentError, show } from "../errors.ts";
import { ALL, commonRange, FLOATS, overlaps, sameKind, scalarOf, tangled, touches } from "./checks.ts";
import type { KernelColumn, Operand } from "./operand.ts";
import * as op from "./ops.ts";
import { COPIED, Runner, shared } from "./runner.ts";
import { cullScalar, lengthScalar, normalizeScalar, transformScalar } from "./scalar.ts";

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

/**
 * The columns of vectors of three components.
 *
 * @typeParam C The kind of column.
 */
export interface Vector3Columns<C extends KernelColumn = KernelColumn> {
  /** The first components. */
  readonly x: C;
  /** The second ones. */
  readonly y: C;
  /** The third ones. */
  readonly z: C;
}

/** See the file comment. */
export class VectorRunner extends Runner {
  /** Adds a multiple of one to the other, component by component. The factor is the first of the numbers. */
  integrate(p: VectorColumns, v: VectorColumns, start: number | undefined, end: number | undefined): void {
    expectObject(p);
    expectObject(v);
    if ((p.z === undefined) !== (v.z === undefined) || (p.w === undefined) !== (v.w === undefined)) {
      throw new ArgumentError("FA008", "Cannot integrate vectors of different numbers of components: give the same");
    }
    const first = start ?? 0;
    const x = this.operands.of(p.x);
    const y = this.operands.of(p.y);
    const z = p.z === undefined ? null : this.operands.of(p.z);
    const w = p.w === undefined ? null : this.operands.of(p.w);
    const vx = this.operands.of(v.x);
    const vy = this.operands.of(v.y);
    const vz = v.z === undefined ? null : this.operands.of(v.z);
    const vw = v.w === undefined ? null : this.operands.of(v.w);
    sameKind(x, vx, y, ALL);
    sameKind(x, vy, z ?? x, ALL);
    sameKind(x, vz ?? x, w ?? x, ALL);
    sameKind(x, vw ?? x, x, ALL);
    const last = Math.min(
      commonRange(x, y, vx, vy, start, end),
      commonRange(x, z ?? x, w ?? x, vz ?? x, start, end),
      commonRange(x, vw ?? x, x, x, start, end),
    );
    if (anyTouch(x, y, z, w)) throw tangled("integrate");
    this.convert(x.kind, false);
    if (
      touches(x, vy) || (vz !== null && (touches(x, vz) || touches(y, vz))) ||
      (vw !== null && (touches(x, vw) || touches(y, vw) || touches(z!, vw)))
    ) {
      // Moving one component would change the velocity of one that comes later.
      this.counts[COPIED]!++;
      return this.integrate(p, copied(v), first, last);
    }
    this.apply(op.AXPY, x, vx, x, first, last);
    this.apply(op.AXPY, y, vy, y, first, last);
    if (z !== null) this.apply(op.AXPY, z, vz!, z, first, last);
    if (w !== null) this.apply(op.AXPY, w, vw!, w, first, last);
  }

  length(out: KernelColumn, v: VectorColumns, start: number | undefined, end: number | undefined): void {
    expectObject(v);
    const o = this.operands.of(out);
    const x = this.operands.of(v.x);
    const y = this.operands.of(v.y);
    const z = v.z === undefined ? x : this.operands.of(v.z);
    const w = v.w === undefined ? x : this.operands.of(v.w);
    sameKind(o, x, y, FLOATS);
    sameKind(o, z, w, FLOATS);
    const first = start ?? 0;
    const last = Math.min(commonRange(o, x, y, z, start, end), commonRange(o, w, w, w, start, end));
    if (overlaps(o, x) || overlaps(o, y) || overlaps(o, z) || overlaps(o, w)) {
      this.counts[COPIED]!++;
      return this.length(out, copied(v), first, last);
    }
    const code = this.place(o.code, x.code, y.code, shared(z, w));
    if (code === null) return lengthScalar(o.kind, out, componentsOf(v), first, last - first);
    const at = first << o.shift;
    // deno-fmt-ignore
    code.vectors(
      (op.LENGTH + countOf(v) - 2) * 4 + o.kind, o.address + at, 0, 0, x.address + at, y.address + at, z.address + at,
      w.address + at, last - first,
    );
  }

  normalize(v: VectorColumns, start: number | undefined, end: number | undefined): void {
    expectObject(v);
    const x = this.operands.of(v.x);
    const y = this.operands.of(v.y);
    const z = v.z === undefined ? null : this.operands.of(v.z);
    const w = v.w === undefined ? null : this.operands.of(v.w);
    const third = z ?? x;
    const fourth = w ?? x;
    sameKind(x, y, third, FLOATS);
    sameKind(x, fourth, fourth, FLOATS);
    const first = start ?? 0;
    const last = commonRange(x, y, third, fourth, start, end);
    if (anyTouch(x, y, z, w)) throw tangled("normalize");
    const code = this.place(x.code, y.code, third.code, fourth.code);
    if (code === null) return normalizeScalar(x.kind, componentsOf(v), first, last - first);
    const at = first << x.shift;
    // deno-fmt-ignore
    code.vectors(
      (op.NORMALIZE + countOf(v) - 2) * 4 + x.kind, 0, 0, 0, x.address + at, y.address + at, third.address + at,
      fourth.address + at, last - first,
    );
  }

  transform(
    out: Vector3Columns,
    points: Vector3Columns,
    matrix: ArrayLike<number>,
    start: number | undefined,
    end: number | undefined,
  ): void {
    expectObject(out);
    expectObject(points);
    expectObject(matrix);
    const o = this.operands.of(out.x);
    const p = this.operands.of(out.y);
    const q = this.operands.of(out.z);
    const x = this.operands.of(points.x);
    const y = this.operands.of(points.y);
    const z = this.operands.of(points.z);
    sameKind(o, p, q, FLOATS);
    sameKind(o, x, y, FLOATS);
    sameKind(o, z, z, FLOATS);
    if (matrix.length !== 16) {
      throw new ArgumentError("FA008", `Cannot transform points by ${matrix.length} numbers: give the 16 of a matrix`);
    }
    const first = start ?? 0;
    const last = Math.min(commonRange(o, p, q, x, start, end), commonRange(o, y, z, z, start, end));
    if (touches(o, p) || touches(o, q) || touches(p, q)) throw tangled("transform points into");
    if (anyOverlaps(o, x, y, z) || anyOverlaps(p, x, y, z) || anyOverlaps(q, x, y, z)) {
      this.counts[COPIED]!++;
      return this.transform(out, copied(points) as Vector3Columns, matrix, first, last);
    }
    const m = this.numbers;
    for (let column = 0; column < 4; column++) {
      for (let row = 0; row < 3; row++) m[3 * column + row] = scalarOf(o.kind, matrix[4 * column + row]!, false);
    }
    const code = this.place(shared(o, p), shared(q, x), y.code, z.code);
    if (code === null) {
      return transformScalar(o.kind, componentsOf(out), componentsOf(points), m, first, last - first);
    }
    const at = first << o.shift;
    // deno-fmt-ignore
    code.transform(
      op.TRANSFORM * 4 + o.kind, o.address + at, p.address + at, q.address + at, x.address + at, y.address + at,
      z.address + at, last - first, m[0]!, m[1]!, m[2]!, m[3]!, m[4]!, m[5]!, m[6]!, m[7]!, m[8]!, m[9]!, m[10]!, m[11]!,
    );
  }

  cull(
    mask: Uint8Array,
    centers: Vector3Columns,
    radius: KernelColumn,
    planes: ArrayLike<number>,
    start: number | undefined,
    end: number | undefined,
  ): void {
    expectObject(centers);
    expectObject(planes);
    const m = this.mask(mask);
    const x = this.operands.of(centers.x);
    const y = this.operands.of(centers.y);
    const z = this.operands.of(centers.z);
    const r = this.operands.of(radius);
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
    const p = this.numbers;
    // The last plane stands for those that are not there.
    for (let i = 0; i < 4 * op.MAX_PLANES; i++) {
      p[i] = scalarOf(x.kind, planes[i < 4 * count ? i : 4 * (count - 1) + i % 4]!, false);
    }
    const code = this.place(m.code, x.code, y.code, shared(z, r));
    if (code === null) {
      return cullScalar(x.kind, mask, [centers.x, centers.y, centers.z, radius], p, count, first, last - first);
    }
    const at = first << x.shift;
    // deno-fmt-ignore
    code.cull(
      op.CULL * 4 + x.kind, m.address + first, x.address + at, y.address + at, z.address + at, r.address + at,
      last - first, p[0]!, p[1]!, p[2]!, p[3]!, p[4]!, p[5]!, p[6]!, p[7]!, p[8]!, p[9]!, p[10]!, p[11]!, p[12]!,
      p[13]!, p[14]!, p[15]!, p[16]!, p[17]!, p[18]!, p[19]!, p[20]!, p[21]!, p[22]!, p[23]!,
    );
  }
}

/** Refuses what cannot have components or numbers in it. */
function expectObject(value: unknown): void {
  if (typeof value === "object" && value !== null) return;
  throw new ArgumentError(
    "FA008",
    `Cannot run a kernel on ${show(value)}: give columns by component such as { x, y, z }, and numbers as an array`,
  );
}

/** Whether components share bytes. */
function anyTouch(x: Operand, y: Operand, z: Operand | null, w: Operand | null): boolean {
  if (touches(x, y)) return true;
  if (z !== null && (touches(x, z) || touches(y, z))) return true;
  return w !== null && (touches(x, w) || touches(y, w) || (z !== null && touches(z, w)));
}

function anyOverlaps(out: Operand, x: Operand, y: Operand, z: Operand): boolean {
  return overlaps(out, x) || overlaps(out, y) || overlaps(out, z);
}

function countOf({ z, w }: VectorColumns): number {
  return z === undefined ? 2 : w === undefined ? 3 : 4;
}

function componentsOf({ x, y, z, w }: VectorColumns): readonly KernelColumn[] {
  return z === undefined ? [x, y] : w === undefined ? [x, y, z] : [x, y, z, w];
}

function copied({ x, y, z, w }: VectorColumns): VectorColumns {
  const made = { x: x.slice(), y: y.slice() };
  return z === undefined ? made : { ...made, z: z.slice(), ...w === undefined ? {} : { w: w.slice() } };
}
