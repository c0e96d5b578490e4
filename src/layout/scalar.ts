/**
 * The scalars: what a number in memory can be. All are little-endian, on every machine.
 */

import { LayoutError, show } from "../errors.ts";
import type { Float16Constructor, TypedArrayConstructor } from "../memory/typed_array.ts";
import { defineScalar, faceClass, type Load, type Store } from "./face.ts";
import { loadHalf, storeHalf } from "./half.ts";
import { bind, LayoutInner } from "./inner.ts";
import type { Layout } from "./layout.ts";

/**
 * A scalar layout.
 *
 * @typeParam N Its name.
 * @typeParam T What it is in JavaScript.
 * @typeParam C The typed array that holds many of them.
 *
 * @example
 * ```ts
 * import { f32 } from "@framealloc/core";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals([f32.name, f32.size, f32.array], ["f32", 4, Float32Array]);
 * ```
 */
export interface Scalar<N extends string, T, C extends TypedArrayConstructor> extends Layout<T, T, T> {
  /** Always `"scalar"`. */
  readonly kind: "scalar";
  /** The name, such as `"f32"`. */
  readonly name: N;
  /** The constructor of typed arrays of this scalar; of bytes for `bool`. */
  readonly array: C;
}

/** The type of {@linkcode i8}. */
export type I8 = Scalar<"i8", number, Int8ArrayConstructor>;
/** The type of {@linkcode u8}. */
export type U8 = Scalar<"u8", number, Uint8ArrayConstructor>;
/** The type of {@linkcode i16}. */
export type I16 = Scalar<"i16", number, Int16ArrayConstructor>;
/** The type of {@linkcode u16}. */
export type U16 = Scalar<"u16", number, Uint16ArrayConstructor>;
/** The type of {@linkcode i32}. */
export type I32 = Scalar<"i32", number, Int32ArrayConstructor>;
/** The type of {@linkcode u32}. */
export type U32 = Scalar<"u32", number, Uint32ArrayConstructor>;
/** The type of {@linkcode i64}. */
export type I64 = Scalar<"i64", bigint, BigInt64ArrayConstructor>;
/** The type of {@linkcode u64}. */
export type U64 = Scalar<"u64", bigint, BigUint64ArrayConstructor>;
/** The type of {@linkcode f16}. */
export type F16 = Scalar<"f16", number, Float16Constructor>;
/** The type of {@linkcode f32}. */
export type F32 = Scalar<"f32", number, Float32ArrayConstructor>;
/** The type of {@linkcode f64}. */
export type F64 = Scalar<"f64", number, Float64ArrayConstructor>;
/** The type of {@linkcode bool}. */
export type Bool = Scalar<"bool", boolean, Uint8ArrayConstructor>;

/** Any scalar layout. */
export type AnyScalar = I8 | U8 | I16 | U16 | I32 | U32 | I64 | U64 | F16 | F32 | F64 | Bool;

/** A scalar whose typed array holds its values as they are: every scalar but `bool`. */
export type NumericScalar = Exclude<AnyScalar, Bool>;

/** How a scalar is read and written, for the composites that hold it. */
export interface Access<T> {
  readonly load: Load<T>;
  readonly store: Store<T>;
}

const accesses = new Map<Layout, Access<unknown>>();

/** How the values of a scalar layout are read and written. */
export function accessOf(layout: Layout): Access<unknown> {
  return accesses.get(layout)!;
}

function scalar<N extends string, T, C extends TypedArrayConstructor>(
  name: N,
  array: C,
  type: "number" | "bigint" | "boolean",
  load: Load<T>,
  store: Store<T>,
  inWgsl: boolean,
): Scalar<N, T, C> {
  const size = array.BYTES_PER_ELEMENT;
  const Cell = faceClass(`Cell<${name}>`, load);
  defineScalar(Cell, "value", 0, load, store);
  const write = (view: DataView, at: number, value: unknown): void => {
    const given = typeof value;
    if (given !== type) throw new LayoutError("FA022", `Cannot store ${show(value)} as ${name}: give a ${type}`);
    store(view, at, value as T);
  };
  const layout: Scalar<N, T, C> = {
    kind: "scalar",
    name,
    size,
    align: size,
    stride: size,
    array,
    $inner: new LayoutInner(
      Cell,
      write,
      load,
      (rules) => rules !== "c" && !inWgsl ? `WGSL has no ${name} in buffers` : layout,
    ),
  };
  accesses.set(layout, { load, store } as Access<unknown>);
  return bind(layout);
}

// Where `Float16Array` is missing, sixteen bits are sixteen bits: only typed arrays of f16 are lost.
const HalfArray: Float16Constructor = typeof Float16Array === "function"
  ? Float16Array
  : Uint16Array as unknown as Float16Constructor;

/** A signed integer of 8 bits. Values outside wrap, as in an `Int8Array`. */
export const i8: I8 = scalar(
  "i8",
  Int8Array,
  "number",
  (view, at) => view.getInt8(at),
  (view, at, value) => view.setInt8(at, value),
  false,
);
/** An unsigned integer of 8 bits. Values outside wrap, as in a `Uint8Array`. */
export const u8: U8 = scalar(
  "u8",
  Uint8Array,
  "number",
  (view, at) => view.getUint8(at),
  (view, at, value) => view.setUint8(at, value),
  false,
);
/** A signed integer of 16 bits. Values outside wrap, as in an `Int16Array`. */
export const i16: I16 = scalar(
  "i16",
  Int16Array,
  "number",
  (view, at) => view.getInt16(at, true),
  (view, at, value) => view.setInt16(at, value, true),
  false,
);
/** An unsigned integer of 16 bits. Values outside wrap, as in a `Uint16Array`. */
export const u16: U16 = scalar(
  "u16",
  Uint16Array,
  "number",
  (view, at) => view.getUint16(at, true),
  (view, at, value) => view.setUint16(at, value, true),
  false,
);
/** A signed integer of 32 bits. Values outside wrap, as in an `Int32Array`. */
export const i32: I32 = scalar(
  "i32",
  Int32Array,
  "number",
  (view, at) => view.getInt32(at, true),
  (view, at, value) => view.setInt32(at, value, true),
  true,
);
/** An unsigned integer of 32 bits. Values outside wrap, as in a `Uint32Array`. */
export const u32: U32 = scalar(
  "u32",
  Uint32Array,
  "number",
  (view, at) => view.getUint32(at, true),
  (view, at, value) => view.setUint32(at, value, true),
  true,
);
/** A signed integer of 64 bits, a `bigint` in JavaScript: reading one makes garbage, so keep it off hot paths. */
export const i64: I64 = scalar(
  "i64",
  BigInt64Array,
  "bigint",
  (view, at) => view.getBigInt64(at, true),
  (view, at, value) => view.setBigInt64(at, value, true),
  false,
);
/** An unsigned integer of 64 bits, a `bigint` in JavaScript: reading one makes garbage, so keep it off hot paths. */
export const u64: U64 = scalar(
  "u64",
  BigUint64Array,
  "bigint",
  (view, at) => view.getBigUint64(at, true),
  (view, at, value) => view.setBigUint64(at, value, true),
  false,
);
/** A floating-point number of 16 bits. Runtimes that cannot read one are helped; typed arrays of it need `Float16Array`. */
export const f16: F16 = scalar("f16", HalfArray, "number", loadHalf, storeHalf, true);
/** A floating-point number of 32 bits. */
export const f32: F32 = scalar(
  "f32",
  Float32Array,
  "number",
  (view, at) => view.getFloat32(at, true),
  (view, at, value) => view.setFloat32(at, value, true),
  true,
);
/** A floating-point number of 64 bits: what JavaScript computes with. */
export const f64: F64 = scalar(
  "f64",
  Float64Array,
  "number",
  (view, at) => view.getFloat64(at, true),
  (view, at, value) => view.setFloat64(at, value, true),
  false,
);
/** A truth value in one byte. In typed arrays and columns it is 0 or 1. */
export const bool: Bool = scalar(
  "bool",
  Uint8Array,
  "boolean",
  (view, at) => view.getUint8(at) !== 0,
  (view, at, value) => view.setUint8(at, value ? 1 : 0),
  false,
);

/** Whether a layout is a scalar. */
export function isScalar(layout: Layout): layout is AnyScalar {
  return layout.kind === "scalar";
}
