/**
 * The types of what an allocator gives. What is wrong here fails when the file is type-checked; nothing is allocated.
 */

import {
  array,
  type Batch,
  bool,
  type Box,
  type BoxOf,
  type Cell,
  type Cursor,
  f32,
  type FrameMap,
  i64,
  type Infer,
  type Layout,
  type Mat,
  mat3x3f,
  type NumberVec,
  type RecordList,
  type RecordVec,
  type ScalarList,
  type SmartAlloc,
  struct,
  type StructLayout,
  type U32,
  u32,
  u8,
  type Vec3,
  type Vec3f,
  vec3f,
  type Vec3Like,
} from "@framealloc/core";
import { expectTypeOf } from "expect-type";

const Body = struct("Body", { id: u32, position: vec3f });
type Body = Infer<typeof Body>;

/** Has its body type-checked and never run. */
function typesOf(_body: (alloc: SmartAlloc) => void): void {}

Deno.test("frameAlloc() gives the record, or a cell for a scalar", () => {
  typesOf((alloc) => {
    expectTypeOf(alloc.frameAlloc(Body)).toEqualTypeOf<Body>();
    expectTypeOf(alloc.frameAlloc(f32)).toEqualTypeOf<Cell<number>>();
    expectTypeOf(alloc.frameAlloc(i64)).toEqualTypeOf<Cell<bigint>>();
    expectTypeOf(alloc.frameAlloc(bool)).toEqualTypeOf<Cell<boolean>>();
    expectTypeOf(alloc.frameAlloc(vec3f)).toEqualTypeOf<Vec3>();
    expectTypeOf(alloc.frameAlloc(mat3x3f)).toEqualTypeOf<Mat>();
    expectTypeOf(alloc.frameAlloc(array(u8, 2))).toEqualTypeOf<ScalarList<number>>();
    expectTypeOf(alloc.frameAlloc(array(vec3f, 2))).toEqualTypeOf<RecordList<Vec3f>>();
    expectTypeOf(alloc.frameAlloc2(Body)).toEqualTypeOf<[Body, Body]>();
    expectTypeOf(alloc.frameAlloc4(f32)[3]).toEqualTypeOf<Cell<number>>();
    expectTypeOf(alloc.frameAlloc8(Body)["length"]).toEqualTypeOf<8>();
  });
});

Deno.test("frameAlloc() takes layouts alone", () => {
  typesOf((alloc) => {
    // @ts-expect-error -- a typed array is no layout
    alloc.frameAlloc(Float32Array);
    // @ts-expect-error -- neither is a name
    alloc.frameAlloc("f32");
    // @ts-expect-error -- nor an object of layouts
    alloc.frameAlloc({ x: f32 });
  });
});

Deno.test("frameBox() gives a box, or a cell for a scalar", () => {
  typesOf((alloc) => {
    expectTypeOf(alloc.frameBox(Body, { id: 1 })).toEqualTypeOf<Box<typeof Body>>();
    expectTypeOf(alloc.frameBox(Body).value).toEqualTypeOf<Body>();
    expectTypeOf(alloc.frameBox(f32, 1)).toEqualTypeOf<Cell<number>>();
    expectTypeOf<BoxOf<typeof bool>>().toEqualTypeOf<Cell<boolean>>();
    expectTypeOf<BoxOf<Vec3f>>().toEqualTypeOf<Box<Vec3f>>();
    // @ts-expect-error -- there is no such field
    alloc.frameBox(Body, { idd: 1 });
    // @ts-expect-error -- a number is no text
    alloc.frameBox(f32, "1");
  });
});

Deno.test("frameSlice() gives the typed array that was asked for", () => {
  typesOf((alloc) => {
    expectTypeOf(alloc.frameSlice(Float32Array, 4)).toEqualTypeOf<Float32Array>();
    expectTypeOf(alloc.frameSlice(BigUint64Array, 4, { zero: true })).toEqualTypeOf<BigUint64Array>();
    // @ts-expect-error -- a layout is no kind of typed array
    alloc.frameSlice(f32, 4);
    // @ts-expect-error -- a DataView is none either
    alloc.frameSlice(DataView, 4);
  });
});

Deno.test("frameVec() of a scalar or a typed array is a list of numbers, otherwise of records", () => {
  typesOf((alloc) => {
    expectTypeOf(alloc.frameVec(f32)).toEqualTypeOf<NumberVec<Float32ArrayConstructor>>();
    expectTypeOf(alloc.frameVec(Float32Array)).toEqualTypeOf<NumberVec<Float32ArrayConstructor>>();
    expectTypeOf(alloc.frameVec(i64, 8)).toEqualTypeOf<NumberVec<BigInt64ArrayConstructor>>();
    expectTypeOf(alloc.frameVec(Uint8Array, 8).view).toEqualTypeOf<Uint8Array>();
    expectTypeOf(alloc.frameVec(i64).at(0)).toEqualTypeOf<bigint>();
    expectTypeOf(alloc.frameVec(Body)).toEqualTypeOf<RecordVec<typeof Body>>();
    expectTypeOf(alloc.frameVec(vec3f, 8)).toEqualTypeOf<RecordVec<Vec3f>>();
    expectTypeOf(alloc.frameVec(Body).push({ id: 1 })).toEqualTypeOf<Body>();
    expectTypeOf(alloc.frameVec(array(f32, 2)).at(0)).toEqualTypeOf<ScalarList<number>>();
    // @ts-expect-error -- no typed array holds truth values
    alloc.frameVec(bool);
    // @ts-expect-error -- a list of bigints takes no number
    alloc.frameVec(i64).push(1);
    // @ts-expect-error -- a list of records takes no number
    alloc.frameVec(Body).push(1);
  });
});

Deno.test("frameMap() has number keys, and values of its layout", () => {
  typesOf((alloc) => {
    expectTypeOf(alloc.frameMap(u32, Body)).toEqualTypeOf<FrameMap<typeof Body>>();
    expectTypeOf(alloc.frameMap(u32, Body).get(1)).toEqualTypeOf<Body | undefined>();
    expectTypeOf(alloc.frameMap(u32, f32).get(1)).toEqualTypeOf<number | undefined>();
    // @ts-expect-error -- a bigint is no key
    alloc.frameMap(i64, Body);
    // @ts-expect-error -- neither is a record
    alloc.frameMap(Body, Body);
  });
});

Deno.test("frameAllocBatch() has records, cursors and iteration of its layout", () => {
  typesOf((alloc) => {
    const batch = alloc.frameAllocBatch(Body, 10);
    expectTypeOf(batch).toEqualTypeOf<Batch<typeof Body>>();
    expectTypeOf(batch.at(0)).toEqualTypeOf<Body>();
    expectTypeOf(batch.cursor()).toEqualTypeOf<Cursor<typeof Body>>();
    expectTypeOf(batch.cursor().record).toEqualTypeOf<Body>();
    expectTypeOf([...batch]).toEqualTypeOf<Body[]>();
    expectTypeOf(batch.view(Float32Array)).toEqualTypeOf<Float32Array>();
    expectTypeOf(alloc.frameAllocBatch(f32, 10).at(0)).toEqualTypeOf<Cell<number>>();
    alloc.frameAllocBatch(Body, 10, { into: batch });
    // @ts-expect-error -- a batch of another layout
    alloc.frameAllocBatch(struct("Other", { a: f32 }), 10, { into: batch });
  });
});

Deno.test("frameColumns() gives the columns of its layout", () => {
  typesOf((alloc) => {
    const { id, position } = alloc.frameColumns(Body, 10);
    expectTypeOf(id).toEqualTypeOf<Uint32Array>();
    expectTypeOf(position.z).toEqualTypeOf<Float32Array>();
  });
});

Deno.test("the try twins give the same or undefined", () => {
  typesOf((alloc) => {
    expectTypeOf(alloc.tryFrameAlloc(Body)).toEqualTypeOf<Body | undefined>();
    expectTypeOf(alloc.tryFrameBox(f32)).toEqualTypeOf<Cell<number> | undefined>();
    expectTypeOf(alloc.tryFrameSlice(Float32Array, 1)).toEqualTypeOf<Float32Array | undefined>();
    expectTypeOf(alloc.tryFrameVec(f32)).toEqualTypeOf<NumberVec<Float32ArrayConstructor> | undefined>();
    expectTypeOf(alloc.tryFrameVec(Uint8Array)).toEqualTypeOf<NumberVec<Uint8ArrayConstructor> | undefined>();
    expectTypeOf(alloc.tryFrameVec(Body)).toEqualTypeOf<RecordVec<typeof Body> | undefined>();
    expectTypeOf(alloc.tryFrameMap(u32, Body)).toEqualTypeOf<FrameMap<typeof Body> | undefined>();
    expectTypeOf(alloc.tryFrameAllocBatch(Body, 1)).toEqualTypeOf<Batch<typeof Body> | undefined>();
    expectTypeOf(alloc.tryFrameAlloc2(Body)).toEqualTypeOf<[Body, Body] | undefined>();
  });
});

Deno.test("withTag() gives what its function returns, and speculative() wraps it", () => {
  typesOf((alloc) => {
    expectTypeOf(alloc.withTag("a", () => 1)).toEqualTypeOf<number>();
    expectTypeOf(alloc.withTag("a", (inner) => inner.frameAlloc(Body))).toEqualTypeOf<Body>();
    const result = alloc.speculative(() => "x");
    if (result.success) expectTypeOf(result.value).toEqualTypeOf<string>();
    else expectTypeOf(result.error).toEqualTypeOf<unknown>();
  });
});

Deno.test("a helper over any layout can allocate", () => {
  function fill<L extends Layout>(alloc: SmartAlloc, layout: L): Batch<L> {
    return alloc.frameAllocBatch(layout, 3);
  }
  typesOf((alloc) => {
    expectTypeOf(fill(alloc, Body).at(0)).toEqualTypeOf<Body>();
    expectTypeOf(fill(alloc, vec3f).cursor().record).toEqualTypeOf<Vec3>();
  });
});

Deno.test("records of a layout that another library exports are those of the layout that it names", () => {
  const Contact: StructLayout<{ a: U32; point: Vec3f }> = struct("Contact", { a: u32, point: vec3f });
  typesOf((alloc) => {
    expectTypeOf(alloc.frameAlloc(Contact)).branded.toEqualTypeOf<{ a: number; readonly point: Vec3 }>();
    expectTypeOf(Contact.toObject(alloc.frameAlloc(Contact))).toEqualTypeOf<{ a: number; point: Vec3Like }>();
  });
});
