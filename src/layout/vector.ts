/**
 * Vectors of two to four components. Under the rules `"c"` they are packed like an array; WGSL aligns them to two or four
 * components.
 */

import { LayoutError, show } from "../errors.ts";
import { defineScalar, type Face, faceClass } from "./face.ts";
import { bind, LayoutInner } from "./inner.ts";
import type { Layout, ListOf } from "./layout.ts";
import { accessOf, type F32, f32, type I32, i32, type NumericScalar, type U32, u32 } from "./scalar.ts";

/**
 * A vector in memory with two components.
 *
 * @example
 * ```ts
 * import { SmartAlloc, vec2f } from "@framealloc/core";
 * import { assertEquals } from "@std/assert";
 *
 * const alloc = new SmartAlloc();
 * alloc.beginFrame();
 * const v = alloc.frameAlloc(vec2f).set(1, 2);
 * v.x += 3;
 * assertEquals(v.toArray(), [4, 2]);
 * alloc.endFrame();
 * ```
 */
export interface Vec2 {
  /** The first component. */
  x: number;
  /** The second component. */
  y: number;
  /** Sets both components. */
  set(x: number, y: number): this;
  /** Sets both components to those of another vector. */
  copyFrom(other: Vec2Like): this;
  /** Writes the components to a list, by default a new one, from an index on. */
  toArray<A extends MutableList = number[]>(out?: A, at?: number): A;
}

/**
 * A vector in memory with three components.
 *
 * @example
 * ```ts
 * import { SmartAlloc, vec3f } from "@framealloc/core";
 * import { assertEquals } from "@std/assert";
 *
 * const alloc = new SmartAlloc();
 * alloc.beginFrame();
 * const up = alloc.frameAlloc(vec3f).copyFrom({ x: 0, y: 1, z: 0 });
 * assertEquals(up.toArray(), [0, 1, 0]);
 * alloc.endFrame();
 * ```
 */
export interface Vec3 {
  /** The first component. */
  x: number;
  /** The second component. */
  y: number;
  /** The third component. */
  z: number;
  /** Sets all components. */
  set(x: number, y: number, z: number): this;
  /** Sets all components to those of another vector. */
  copyFrom(other: Vec3Like): this;
  /** Writes the components to a list, by default a new one, from an index on. */
  toArray<A extends MutableList = number[]>(out?: A, at?: number): A;
}

/**
 * A vector in memory with four components.
 *
 * @example
 * ```ts
 * import { SmartAlloc, vec4f } from "@framealloc/core";
 * import { assertEquals } from "@std/assert";
 *
 * const alloc = new SmartAlloc();
 * alloc.beginFrame();
 * const color = alloc.frameAlloc(vec4f).set(1, 0.5, 0, 1);
 * assertEquals(color.toArray(new Float32Array(4)), new Float32Array([1, 0.5, 0, 1]));
 * alloc.endFrame();
 * ```
 */
export interface Vec4 {
  /** The first component. */
  x: number;
  /** The second component. */
  y: number;
  /** The third component. */
  z: number;
  /** The fourth component. */
  w: number;
  /** Sets all components. */
  set(x: number, y: number, z: number, w: number): this;
  /** Sets all components to those of another vector. */
  copyFrom(other: Vec4Like): this;
  /** Writes the components to a list, by default a new one, from an index on. */
  toArray<A extends MutableList = number[]>(out?: A, at?: number): A;
}

/** A list that numbers can be written to: an array or a typed array. */
export interface MutableList {
  /** The number at an index. */
  [index: number]: number;
}

/** Anything with two components. */
export interface Vec2Like {
  /** The first component. */
  readonly x: number;
  /** The second component. */
  readonly y: number;
}

/** Anything with three components. */
export interface Vec3Like extends Vec2Like {
  /** The third component. */
  readonly z: number;
}

/** Anything with four components. */
export interface Vec4Like extends Vec3Like {
  /** The fourth component. */
  readonly w: number;
}

/**
 * A layout of vectors.
 *
 * @typeParam N Its name.
 * @typeParam E The scalar of its components.
 * @typeParam R Its records.
 * @typeParam P Its components as a plain object.
 */
export interface Vector<N extends string, E extends NumericScalar, R, P> extends Layout<R, P | ListOf<number>, P> {
  /** Always `"vector"`. */
  readonly kind: "vector";
  /** The name, such as `"vec3f"`. */
  readonly name: N;
  /** The scalar of the components. */
  readonly element: E;
  /** The number of components. */
  readonly count: number;
}

/** The type of {@linkcode vec2f}. */
export type Vec2f = Vector<"vec2f", F32, Vec2, Vec2Like>;
/** The type of {@linkcode vec3f}. */
export type Vec3f = Vector<"vec3f", F32, Vec3, Vec3Like>;
/** The type of {@linkcode vec4f}. */
export type Vec4f = Vector<"vec4f", F32, Vec4, Vec4Like>;
/** The type of {@linkcode vec2i}. */
export type Vec2i = Vector<"vec2i", I32, Vec2, Vec2Like>;
/** The type of {@linkcode vec3i}. */
export type Vec3i = Vector<"vec3i", I32, Vec3, Vec3Like>;
/** The type of {@linkcode vec4i}. */
export type Vec4i = Vector<"vec4i", I32, Vec4, Vec4Like>;
/** The type of {@linkcode vec2u}. */
export type Vec2u = Vector<"vec2u", U32, Vec2, Vec2Like>;
/** The type of {@linkcode vec3u}. */
export type Vec3u = Vector<"vec3u", U32, Vec3, Vec3Like>;
/** The type of {@linkcode vec4u}. */
export type Vec4u = Vector<"vec4u", U32, Vec4, Vec4Like>;

/** The names of components, in order. */
export const COMPONENTS: readonly string[] = ["x", "y", "z", "w"];

/** A face with components by name. */
interface VectorFace extends Face {
  x: number;
  y: number;
  z: number;
  w: number;
}

const METHODS: Readonly<Record<number, { [name: string]: (this: VectorFace, ...args: never[]) => unknown }>> = {
  2: {
    set(x: number, y: number) {
      this.x = x;
      this.y = y;
      return this;
    },
    copyFrom(other: Vec2Like) {
      this.x = other.x;
      this.y = other.y;
      return this;
    },
    toArray(out: MutableList = [], at: number = 0) {
      out[at] = this.x;
      out[at + 1] = this.y;
      return out;
    },
  },
  3: {
    set(x: number, y: number, z: number) {
      this.x = x;
      this.y = y;
      this.z = z;
      return this;
    },
    copyFrom(other: Vec3Like) {
      this.x = other.x;
      this.y = other.y;
      this.z = other.z;
      return this;
    },
    toArray(out: MutableList = [], at: number = 0) {
      out[at] = this.x;
      out[at + 1] = this.y;
      out[at + 2] = this.z;
      return out;
    },
  },
  4: {
    set(x: number, y: number, z: number, w: number) {
      this.x = x;
      this.y = y;
      this.z = z;
      this.w = w;
      return this;
    },
    copyFrom(other: Vec4Like) {
      this.x = other.x;
      this.y = other.y;
      this.z = other.z;
      this.w = other.w;
      return this;
    },
    toArray(out: MutableList = [], at: number = 0) {
      out[at] = this.x;
      out[at + 1] = this.y;
      out[at + 2] = this.z;
      out[at + 3] = this.w;
      return out;
    },
  },
};

function vector<L extends Layout>(name: string, element: NumericScalar, count: number): L {
  const { load, store } = accessOf(element);
  const size = element.size * count;
  const read = (view: DataView, at: number): unknown => {
    const plain: Record<string, unknown> = {};
    for (let i = 0; i < count; i++) plain[COMPONENTS[i]!] = load(view, at + i * element.size);
    return plain;
  };
  const write = (view: DataView, at: number, values: unknown): void => {
    for (let i = 0; i < count; i++) {
      const value = componentOf(values, i, count, name);
      if (value !== undefined) store(view, at + i * element.size, value);
    }
  };
  const Record = faceClass(name, read);
  for (let i = 0; i < count; i++) defineScalar(Record, COMPONENTS[i]!, i * element.size, load, store);
  for (const [key, value] of Object.entries(METHODS[count]!)) Object.defineProperty(Record.prototype, key, { value });
  const inner = new LayoutInner(Record, write, read, (rules): Layout => rules === "c" ? packed : aligned);
  const common = { kind: "vector" as const, name, element, count, size, $inner: inner };
  const packed: Layout = { ...common, align: element.size, stride: size };
  const wide = element.size * (count === 2 ? 2 : 4);
  const aligned: Layout = { ...common, align: wide, stride: wide };
  return bind(packed) as unknown as L;
}

/** The i-th component of what was given as values; `undefined` where an object leaves it out. */
function componentOf(values: unknown, i: number, count: number, name: string): number | undefined {
  if (typeof values !== "object" || values === null) {
    throw new LayoutError(
      "FA022",
      `Cannot fill ${name} from ${show(values)}: give its components or a list of ${count}`,
    );
  }
  const list = values as { length?: unknown; at?: (index: number) => unknown; [name: string]: unknown };
  const isList = typeof list.at === "function";
  if (isList && list.length !== count) {
    throw new LayoutError("FA022", `Cannot fill ${name} from a list of ${show(list.length)}: give ${count} numbers`);
  }
  const value = isList ? list.at!(i) : list[COMPONENTS[i]!];
  if (typeof value === "number" || (value === undefined && !isList)) return value;
  throw new LayoutError("FA022", `Cannot store ${show(value)} as a component of ${name}: give a number`);
}

/** Two `f32`. */
export const vec2f: Vec2f = vector("vec2f", f32, 2);
/** Three `f32`. */
export const vec3f: Vec3f = vector("vec3f", f32, 3);
/** Four `f32`. */
export const vec4f: Vec4f = vector("vec4f", f32, 4);
/** Two `i32`. */
export const vec2i: Vec2i = vector("vec2i", i32, 2);
/** Three `i32`. */
export const vec3i: Vec3i = vector("vec3i", i32, 3);
/** Four `i32`. */
export const vec4i: Vec4i = vector("vec4i", i32, 4);
/** Two `u32`. */
export const vec2u: Vec2u = vector("vec2u", u32, 2);
/** Three `u32`. */
export const vec3u: Vec3u = vector("vec3u", u32, 3);
/** Four `u32`. */
export const vec4u: Vec4u = vector("vec4u", u32, 4);
