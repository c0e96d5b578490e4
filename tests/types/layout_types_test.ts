/**
 * The types that follow from layouts. What is wrong here fails when the file is type-checked.
 */

import {
  type AnyScalar,
  array,
  type ArrayLayout,
  type ArrayRecord,
  type Bool,
  bool,
  type Cell,
  type ColumnsOf,
  type F16,
  f16,
  type F32,
  f32,
  type F64,
  f64,
  type Fields,
  type I16,
  i16,
  type I32,
  i32,
  type I64,
  i64,
  type I8,
  i8,
  type Infer,
  type Layout,
  type ListOf,
  type Mat,
  type Mat3x3f,
  mat3x3f,
  type Mat4x4f,
  mat4x4f,
  type PlainOf,
  type RecordList,
  type RecordOf,
  type ScalarList,
  struct,
  type StructLayout,
  type U16,
  u16,
  type U32,
  u32,
  type U64,
  u64,
  type U8,
  u8,
  type ValuesOf,
  type Vec2,
  type Vec2f,
  vec2f,
  type Vec2i,
  vec2i,
  type Vec2Like,
  type Vec2u,
  vec2u,
  type Vec3,
  type Vec3f,
  vec3f,
  type Vec3i,
  vec3i,
  type Vec3Like,
  type Vec3u,
  vec3u,
  type Vec4,
  type Vec4f,
  vec4f,
  type Vec4i,
  vec4i,
  type Vec4Like,
  type Vec4u,
  vec4u,
} from "@framealloc/core";
import { expectTypeOf } from "expect-type";

const Inner = struct("Inner", { on: bool, at: vec2u });
const Body = struct("Body", {
  id: u32,
  big: i64,
  alive: bool,
  position: vec3f,
  turn: mat3x3f,
  inner: Inner,
  bytes: array(u8, 3),
  points: array(vec3f, 2),
  inners: array(Inner, 2),
  grid: array(array(f32, 2), 2),
});
type Body = Infer<typeof Body>;

interface InnerRecord {
  on: boolean;
  readonly at: Vec2;
}

interface InnerValues {
  readonly on?: boolean;
  readonly at?: Vec2Like | ListOf<number>;
}

interface InnerPlain {
  on: boolean;
  at: Vec2Like;
}

Deno.test("layout constants have types with names", () => {
  expectTypeOf(i8).toEqualTypeOf<I8>();
  expectTypeOf(u8).toEqualTypeOf<U8>();
  expectTypeOf(i16).toEqualTypeOf<I16>();
  expectTypeOf(u16).toEqualTypeOf<U16>();
  expectTypeOf(i32).toEqualTypeOf<I32>();
  expectTypeOf(u32).toEqualTypeOf<U32>();
  expectTypeOf(i64).toEqualTypeOf<I64>();
  expectTypeOf(u64).toEqualTypeOf<U64>();
  expectTypeOf(f16).toEqualTypeOf<F16>();
  expectTypeOf(f32).toEqualTypeOf<F32>();
  expectTypeOf(f64).toEqualTypeOf<F64>();
  expectTypeOf(bool).toEqualTypeOf<Bool>();
  expectTypeOf(vec2f).toEqualTypeOf<Vec2f>();
  expectTypeOf(vec3f).toEqualTypeOf<Vec3f>();
  expectTypeOf(vec4f).toEqualTypeOf<Vec4f>();
  expectTypeOf(vec2i).toEqualTypeOf<Vec2i>();
  expectTypeOf(vec3i).toEqualTypeOf<Vec3i>();
  expectTypeOf(vec4i).toEqualTypeOf<Vec4i>();
  expectTypeOf(vec2u).toEqualTypeOf<Vec2u>();
  expectTypeOf(vec3u).toEqualTypeOf<Vec3u>();
  expectTypeOf(vec4u).toEqualTypeOf<Vec4u>();
  expectTypeOf(mat3x3f).toEqualTypeOf<Mat3x3f>();
  expectTypeOf(mat4x4f).toEqualTypeOf<Mat4x4f>();
  expectTypeOf(array(vec3f, 2)).toEqualTypeOf<ArrayLayout<Vec3f>>();
});

Deno.test("struct() infers a type that can be written by name", () => {
  expectTypeOf(struct("Contact", { a: u32, point: vec3f })).toExtend<StructLayout<{ a: U32; point: Vec3f }>>();
  const named: StructLayout<{ a: U32; point: Vec3f; list: ArrayLayout<F32> }> = struct("Named", {
    a: u32,
    point: vec3f,
    list: array(f32, 2),
  });
  expectTypeOf<Infer<typeof named>>().branded.toEqualTypeOf<
    { a: number; readonly point: Vec3; readonly list: ScalarList<number> }
  >();
  expectTypeOf(named.offsets).toEqualTypeOf<{ readonly a: number; readonly point: number; readonly list: number }>();
  // @ts-expect-error -- the fields are others
  const _wrong: StructLayout<{ a: U32 }> = struct("Wrong", { a: f32 });
});

Deno.test("every layout is a Layout", () => {
  expectTypeOf(Body).toExtend<Layout>();
  expectTypeOf(array(Body, 2)).toExtend<Layout>();
  expectTypeOf<AnyScalar | Vec3f | Mat3x3f>().toExtend<Layout>();
  expectTypeOf<{ a: F32; b: Vec3f }>().toExtend<Fields>();
});

Deno.test("Infer<> of a scalar is what JavaScript has for it", () => {
  expectTypeOf<Infer<I8 | U8 | I16 | U16 | I32 | U32 | F16 | F32 | F64>>().toEqualTypeOf<number>();
  expectTypeOf<Infer<I64>>().toEqualTypeOf<bigint>();
  expectTypeOf<Infer<U64>>().toEqualTypeOf<bigint>();
  expectTypeOf<Infer<Bool>>().toEqualTypeOf<boolean>();
});

Deno.test("Infer<> of a vector, matrix or array is its record", () => {
  expectTypeOf<Infer<Vec2f>>().toEqualTypeOf<Vec2>();
  expectTypeOf<Infer<Vec3i>>().toEqualTypeOf<Vec3>();
  expectTypeOf<Infer<Vec4u>>().toEqualTypeOf<Vec4>();
  expectTypeOf<Infer<Mat4x4f>>().toEqualTypeOf<Mat>();
  expectTypeOf<Infer<ArrayLayout<F32>>>().toEqualTypeOf<ScalarList<number>>();
  expectTypeOf<Infer<ArrayLayout<I64>>>().toEqualTypeOf<ScalarList<bigint>>();
  expectTypeOf<Infer<ArrayLayout<Vec3f>>>().toEqualTypeOf<RecordList<Vec3f>>();
  expectTypeOf<ArrayRecord<Bool>>().toEqualTypeOf<ScalarList<boolean>>();
  expectTypeOf<ReturnType<RecordList<Vec3f>["at"]>>().toEqualTypeOf<Vec3>();
});

Deno.test("Infer<> of a struct has scalars to write and parts to keep", () => {
  expectTypeOf<Infer<typeof Inner>>().branded.toEqualTypeOf<InnerRecord>();
  expectTypeOf<Body["id"]>().toEqualTypeOf<number>();
  expectTypeOf<Body["big"]>().toEqualTypeOf<bigint>();
  expectTypeOf<Body["alive"]>().toEqualTypeOf<boolean>();
  expectTypeOf<Body["position"]>().toEqualTypeOf<Vec3>();
  expectTypeOf<Body["turn"]>().toEqualTypeOf<Mat>();
  expectTypeOf<Body["inner"]>().toEqualTypeOf<Infer<typeof Inner>>();
  expectTypeOf<Body["bytes"]>().toEqualTypeOf<ScalarList<number>>();
  expectTypeOf<Body["points"]>().toEqualTypeOf<RecordList<Vec3f>>();
  expectTypeOf<ReturnType<Body["inners"]["at"]>>().toEqualTypeOf<Infer<typeof Inner>>();
  expectTypeOf<ReturnType<ReturnType<Body["grid"]["at"]>["at"]>>().toEqualTypeOf<number>();
  expectTypeOf<keyof Body>().toEqualTypeOf<keyof typeof Body["fields"]>();
  const _uses = (body: Body, other: Body): void => {
    body.id = 1;
    // @ts-expect-error -- parts are written into, not replaced
    body.position = other.position;
    // @ts-expect-error -- there is no such field
    body.idd = 1;
    // @ts-expect-error -- a bigint field takes no number
    body.big = 1;
  };
});

Deno.test("RecordOf<> is a cell for a scalar, and the record for all others", () => {
  expectTypeOf<RecordOf<F32>>().toEqualTypeOf<Cell<number>>();
  expectTypeOf<RecordOf<I64>>().toEqualTypeOf<Cell<bigint>>();
  expectTypeOf<RecordOf<Bool>>().toEqualTypeOf<Cell<boolean>>();
  expectTypeOf<RecordOf<Vec3f>>().toEqualTypeOf<Vec3>();
  expectTypeOf<RecordOf<Mat3x3f>>().toEqualTypeOf<Mat>();
  expectTypeOf<RecordOf<ArrayLayout<U8>>>().toEqualTypeOf<ScalarList<number>>();
  expectTypeOf<RecordOf<typeof Body>>().toEqualTypeOf<Body>();
});

Deno.test("ValuesOf<> takes some fields, and lists or components for vectors", () => {
  expectTypeOf<ValuesOf<F32>>().toEqualTypeOf<number>();
  expectTypeOf<ValuesOf<U64>>().toEqualTypeOf<bigint>();
  expectTypeOf<ValuesOf<Bool>>().toEqualTypeOf<boolean>();
  expectTypeOf<ValuesOf<Vec3f>>().toEqualTypeOf<Vec3Like | ListOf<number>>();
  expectTypeOf<ValuesOf<Vec4i>>().toEqualTypeOf<Vec4Like | ListOf<number>>();
  expectTypeOf<ValuesOf<Mat3x3f>>().toEqualTypeOf<ListOf<number>>();
  expectTypeOf<ValuesOf<ArrayLayout<Bool>>>().toEqualTypeOf<ListOf<boolean>>();
  expectTypeOf<ValuesOf<typeof Inner>>().toEqualTypeOf<InnerValues>();
  expectTypeOf<Record<never, never>>().toExtend<ValuesOf<typeof Body>>();
  expectTypeOf<Body>().toExtend<ValuesOf<typeof Body>>();
  expectTypeOf<PlainOf<typeof Body>>().toExtend<ValuesOf<typeof Body>>();
  expectTypeOf<{ position: [number, number, number] }>().toExtend<ValuesOf<typeof Body>>();
  expectTypeOf<{ turn: Float32Array; bytes: Uint8Array; points: number[][] }>().toExtend<ValuesOf<typeof Body>>();
  expectTypeOf<{ id: string }>().not.toExtend<ValuesOf<typeof Body>>();
  expectTypeOf<{ big: number }>().not.toExtend<ValuesOf<typeof Body>>();
  // @ts-expect-error -- there is no such field
  const _unknown: ValuesOf<typeof Body> = { idd: 1 };
});

Deno.test("PlainOf<> is plain JavaScript", () => {
  expectTypeOf<PlainOf<U64>>().toEqualTypeOf<bigint>();
  expectTypeOf<PlainOf<Vec2u>>().toEqualTypeOf<Vec2Like>();
  expectTypeOf<PlainOf<Mat4x4f>>().toEqualTypeOf<number[]>();
  expectTypeOf<PlainOf<ArrayLayout<Vec3f>>>().toEqualTypeOf<Vec3Like[]>();
  expectTypeOf<PlainOf<ArrayLayout<ArrayLayout<Bool>>>>().toEqualTypeOf<boolean[][]>();
  expectTypeOf<PlainOf<typeof Inner>>().toEqualTypeOf<InnerPlain>();
  expectTypeOf<PlainOf<typeof Body>["inners"]>().toEqualTypeOf<PlainOf<typeof Inner>[]>();
});

Deno.test("ColumnsOf<> has a typed array per scalar", () => {
  expectTypeOf<ColumnsOf<F32>>().toEqualTypeOf<Float32Array>();
  expectTypeOf<ColumnsOf<U64>>().toEqualTypeOf<BigUint64Array>();
  expectTypeOf<ColumnsOf<F16>>().toEqualTypeOf<Float16Array>();
  expectTypeOf<ColumnsOf<Bool>>().toEqualTypeOf<Uint8Array>();
  expectTypeOf<ColumnsOf<Vec2i>>().toEqualTypeOf<
    { readonly x: Int32Array; readonly y: Int32Array }
  >();
  expectTypeOf<keyof ColumnsOf<Vec4u>>().toEqualTypeOf<"x" | "y" | "z" | "w">();
  expectTypeOf<ColumnsOf<Mat3x3f>>().toEqualTypeOf<readonly Float32Array[]>();
  expectTypeOf<ColumnsOf<ArrayLayout<ArrayLayout<U8>>>>().toEqualTypeOf<
    readonly (readonly Uint8Array[])[]
  >();
  type Columns = ColumnsOf<typeof Body>;
  expectTypeOf<keyof Columns>().toEqualTypeOf<keyof Body>();
  expectTypeOf<Columns["big"]>().toEqualTypeOf<BigInt64Array>();
  expectTypeOf<Columns["inner"]["at"]["y"]>().toEqualTypeOf<Uint32Array>();
  expectTypeOf<Columns["points"][number]["z"]>().toEqualTypeOf<Float32Array>();
});

Deno.test("assign() and toObject() take and give the types of their layout", () => {
  expectTypeOf(Body.assign).parameters.toEqualTypeOf<[Body, ValuesOf<typeof Body>]>();
  expectTypeOf(Body.assign).returns.toEqualTypeOf<Body>();
  expectTypeOf(Body.toObject).returns.toEqualTypeOf<PlainOf<typeof Body>>();
  expectTypeOf<keyof typeof Body["offsets"]>().toEqualTypeOf<keyof Body>();
});

Deno.test("a helper over any layout keeps its types", () => {
  function first<L extends Layout>(_layout: L, records: readonly RecordOf<L>[]): RecordOf<L> | undefined {
    return records[0];
  }
  expectTypeOf(first(Body, [])).toEqualTypeOf<Body | undefined>();
  expectTypeOf(first(f32, [])).toEqualTypeOf<Cell<number> | undefined>();
});
