/**
 * What every layout has in common, and the types that follow from a layout: its records, and the values that fill them.
 */

/**
 * How fields are placed: `"c"` aligns everything naturally, as a C compiler does; `"wgsl"` follows the alignment of storage
 * buffers in the WGSL specification, so that a shader can read the bytes as they are; `"wgsl-uniform"` that of uniform buffers,
 * where structs start and end at multiples of 16 bytes, and elements of arrays are a multiple of 16 bytes apart.
 */
export type LayoutRules = "c" | "wgsl" | "wgsl-uniform";

/** What kind of thing a layout describes. */
export type LayoutKind = "scalar" | "vector" | "matrix" | "array" | "struct";

/**
 * A description of bytes: `R` is the record that reads and writes them in place, `V` are the values that can fill it, `P` is
 * what it looks like as plain JavaScript.
 *
 * @typeParam R The record: a number for scalars, otherwise an object whose properties are the memory itself.
 * @typeParam V The values that can fill a record.
 * @typeParam P A record as plain values.
 *
 * @example
 * ```ts
 * import { f32, type Layout, struct, vec3f } from "@framealloc/core";
 * import { assertEquals } from "@std/assert";
 *
 * const Body = struct("Body", { position: vec3f, mass: f32 });
 * const any: Layout = Body;
 * assertEquals([any.name, any.size, any.align, any.stride], ["Body", 16, 4, 16]);
 * ```
 */
export interface Layout<R = unknown, V = unknown, P = unknown> {
  /** What kind of thing this describes. */
  readonly kind: LayoutKind;
  /** The name, for messages and reports. */
  readonly name: string;
  /** The bytes of one record. */
  readonly size: number;
  /** The alignment in bytes. */
  readonly align: number;
  /** The bytes from one record to the next in a batch or array. */
  readonly stride: number;
  /** The insides that allocators work with; not for use in programs. */
  readonly $inner: unknown;
  /** The type of a record. There is no such property at run time. */
  readonly $record?: R;
  /** The type of the values that fill a record. There is no such property at run time. */
  readonly $values?: V;
  /** The type of a record as plain values. There is no such property at run time. */
  readonly $plain?: P;
}

/**
 * What a layout's records read and write: a number for a scalar, otherwise an object whose properties are the memory.
 *
 * @example Name the record of a struct
 * ```ts
 * import { f32, type Infer, struct } from "@framealloc/core";
 * import { assertEquals } from "@std/assert";
 *
 * const Body = struct("Body", { mass: f32 });
 * type Body = Infer<typeof Body>;
 *
 * function grow(body: Body): number {
 *   return body.mass *= 2;
 * }
 * assertEquals(grow({ mass: 2 }), 4);
 * ```
 */
export type Infer<L extends Layout> = NonNullable<L["$record"]>;

/** The values that fill a record of a layout: some or all fields of a struct, lists or components for vectors. */
export type ValuesOf<L extends Layout> = NonNullable<L["$values"]>;

/** A record of a layout as plain JavaScript values. */
export type PlainOf<L extends Layout> = NonNullable<L["$plain"]>;

/** What an allocation of a layout gives: the record, or for a scalar a {@linkcode Cell} that holds one. */
export type RecordOf<L extends Layout> = L["kind"] extends "scalar" ? Cell<Infer<L>> : Infer<L>;

/**
 * A scalar in memory, read and written through its `value`.
 *
 * @example
 * ```ts
 * import { SmartAlloc, u32 } from "@framealloc/core";
 * import { assertEquals } from "@std/assert";
 *
 * const alloc = new SmartAlloc();
 * alloc.beginFrame();
 * const hits = alloc.frameAlloc(u32);
 * hits.value = 3;
 * hits.value += 1;
 * assertEquals(hits.value, 4);
 * alloc.endFrame();
 * ```
 */
export interface Cell<T> {
  /** The scalar itself. */
  value: T;
}

/** Anything with a length and elements by index: arrays, typed arrays, and the array fields of records. */
export interface ListOf<T> {
  /** The number of elements. */
  readonly length: number;
  /** The element at an index. */
  at(index: number): T | undefined;
}
