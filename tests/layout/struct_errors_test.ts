/**
 * What structs refuse: impossible definitions, scalars that the rules lack, mixed rules, and values that do not fit.
 */

import {
  array,
  bool,
  CODES,
  type ErrorCode,
  f16,
  f32,
  f64,
  type Fields,
  i16,
  i32,
  i64,
  i8,
  type Layout,
  LayoutError,
  SmartAlloc,
  struct,
  type StructOptions,
  u16,
  u32,
  u64,
  u8,
  vec3f,
} from "@framealloc/core";
import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";

/** Asserts that something is refused with a code, in words that say what was wrong. */
function refused(code: ErrorCode, fn: () => unknown, ...words: string[]): void {
  const error = assertThrows(fn, LayoutError);
  assertEquals(error.code, code, error.message);
  assertEquals(error.name, "LayoutError");
  assertStringIncludes(error.message, `${code}: Cannot `);
  for (const word of words) assertStringIncludes(error.message, word);
}

Deno.test("struct() refuses to have no fields", () => {
  refused("FA020", () => struct("Nothing", {}), '"Nothing"', "no fields");
});

Deno.test("struct() refuses names that are none", () => {
  for (const name of ["", undefined, null, 7, {}, Symbol("s")]) {
    refused("FA020", () => struct(name as string, { a: f32 }), "a struct named");
  }
});

Deno.test("struct() refuses fields that are no object", () => {
  for (const fields of [undefined, null, 7, "abc", () => {}]) {
    refused("FA020", () => struct("S", fields as unknown as Fields), '"S"');
  }
});

Deno.test("struct() refuses impossible field names", () => {
  const names = [
    "",
    " ",
    "a b",
    "a-b",
    "a.b",
    "1",
    "1a",
    "$",
    "$x",
    "$pos",
    "$base",
    "$parts",
    "a$",
    "constructor",
    "prototype",
    "toJSON",
    "\u{1F600}",
    "a\n",
  ];
  for (const name of names) {
    refused("FA020", () => struct("S", { ok: f32, [name]: f32 }), '"S"', JSON.stringify(name));
  }
  // Written as a computed key, this is a property like any other.
  refused("FA020", () => struct("S", { ["__proto__"]: f32 }), '"__proto__"');
});

Deno.test("struct() refuses field names that every object has already", () => {
  // Values that leave such a field out would seem to have a method for it.
  for (const name of ["hasOwnProperty", "toString", "valueOf", "isPrototypeOf", "__defineGetter__"]) {
    refused("FA020", () => struct("S", { ok: f32, [name]: f32 }), '"S"', JSON.stringify(name));
  }
});

Deno.test("struct() refuses a list of layouts", () => {
  refused("FA020", () => struct("S", [f32, f32] as unknown as Fields), '"0"');
});

Deno.test("struct() refuses fields that are no layouts", () => {
  const wrong: [unknown, string][] = [
    [undefined, "undefined"],
    [null, "null"],
    [4, "4"],
    ["f32", '"f32"'],
    [Float32Array, "Float32Array"],
    [{}, "Object"],
    [[f32], "Array"],
    [{ ...f32, $inner: {} }, "Object"],
    [() => f32, "a function"],
  ];
  for (const [layout, shown] of wrong) {
    refused("FA020", () => struct("S", { field: layout as Layout }), '"field"', '"S"', "no layout", shown);
  }
});

Deno.test("struct() refuses rules that there are not", () => {
  for (const rules of ["std140", "C", "", null, 1]) {
    refused("FA020", () => struct("S", { a: f32 }, { rules } as unknown as StructOptions), '"c" or "wgsl"');
  }
});

Deno.test("struct() refuses the scalars that WGSL lacks", () => {
  for (const scalar of [i8, u8, i16, u16, i64, u64, f64, bool]) {
    refused("FA021", () => struct("S", { field: scalar }, { rules: "wgsl" }), '"field"', '"wgsl"', scalar.name);
    refused("FA021", () => struct("S", { field: array(scalar, 2) }, { rules: "wgsl" }), '"field"', scalar.name);
    refused("FA021", () => struct("S", { field: array(array(scalar, 2), 2) }, { rules: "wgsl" }), scalar.name);
  }
  for (const scalar of [i32, u32, f16, f32]) {
    assertEquals(struct("S", { field: scalar }, { rules: "wgsl" }).size, scalar.size);
  }
});

Deno.test("struct() refuses to mix rules", () => {
  const C = struct("C", { a: f32, b: vec3f });
  const Wgsl = struct("Wgsl", { a: f32, b: vec3f }, { rules: "wgsl" });
  refused("FA021", () => struct("S", { inner: C }, { rules: "wgsl" }), '"inner"', '"C"', 'rules "c"');
  refused("FA021", () => struct("S", { inner: Wgsl }), '"inner"', '"Wgsl"', 'rules "wgsl"');
  refused("FA021", () => struct("S", { inner: array(C, 2) }, { rules: "wgsl" }), '"inner"', 'rules "c"');
});

Deno.test("struct() refuses to mix rules inside arrays", () => {
  const Wgsl = struct("Wgsl", { a: f32, b: vec3f }, { rules: "wgsl" });
  refused("FA021", () => struct("S", { inner: array(Wgsl, 2) }), '"inner"', 'rules "wgsl"');
  refused("FA021", () => struct("S", { inner: array(array(Wgsl, 2), 2) }), '"inner"', 'rules "wgsl"');
});

Deno.test("a refused struct() leaves its fields usable", () => {
  const Inner = struct("Inner", { a: u8 });
  assertThrows(() => struct("S", { inner: Inner }, { rules: "wgsl" }), LayoutError);
  assertEquals(struct("S", { inner: Inner, b: u32 }).offsets, { inner: 0, b: 4 });
});

const Inner = struct("Inner", { weight: f64 });
const Body = struct("Body", {
  id: u32,
  big: u64,
  alive: bool,
  position: vec3f,
  inner: Inner,
  list: array(u8, 2),
  inners: array(Inner, 2),
});

/** Asserts that a record of Body cannot be filled with something. */
function unfit(values: unknown, ...words: string[]): void {
  const alloc = new SmartAlloc();
  alloc.beginFrame();
  const box = alloc.frameBox(Body);
  const before = JSON.stringify({ ...Body.toObject(box.value), big: 0 });
  refused("FA022", () => Body.assign(box.value, values as object), ...words);
  refused("FA022", () => box.assign(values as object), ...words);
  refused("FA022", () => alloc.frameBox(Body, values as object), ...words);
  refused("FA022", () => alloc.frameVec(Body).push(values as object), ...words);
  assertEquals(JSON.stringify({ ...Body.toObject(box.value), big: 0 }), before);
  alloc.endFrame();
}

Deno.test("records refuse values that are no object", () => {
  unfit(null, "Body", "null");
  unfit(7, "Body", "7");
  unfit("id", "Body", '"id"');
  unfit(true, "Body", "true");
});

Deno.test("records refuse fields that there are not", () => {
  unfit({ idd: 1 }, "Body", '"idd"', "id, big, alive, position");
  unfit({ length: 1 }, '"length"');
  unfit({ constructor: 1 }, '"constructor"');
  unfit({ ["__proto__"]: 1 }, '"__proto__"');
  unfit({ inner: { wieght: 1 } }, "Inner", '"wieght"');
  unfit({ inners: [{}, { wieght: 1 }] }, "Inner", '"wieght"');
  unfit([1, 2, 3], '"0"');
});

Deno.test("records refuse scalars of another type", () => {
  for (const id of ["1", 1n, true, null, {}, [1]]) unfit({ id }, "u32", "give a number");
  for (const big of ["1", 1, true, null, {}]) unfit({ big }, "u64", "give a bigint");
  for (const alive of ["true", 1, 0n, null, {}]) unfit({ alive }, "bool", "give a boolean");
});

Deno.test("records refuse parts of another shape", () => {
  for (const position of [1, null, [1, 2], [1, 2, 3, 4], { x: "1", y: 2, z: 3 }, "123"]) unfit({ position }, "vec3f");
  for (const inner of [1, null, "inner"]) unfit({ inner }, "Inner");
  for (const list of [1, null, "12", [1], [1, 2, 3], { 0: 1, 1: 2, length: 2 }]) unfit({ list }, "array<u8, 2>");
  for (const list of [["1", 2], [null, 1], [undefined, 1]]) unfit({ list }, "u8");
  for (const inners of [[{}], [{}, {}, {}], {}]) unfit({ inners }, "array<Inner, 2>");
  for (const inners of [[1, {}], [null, {}]]) unfit({ inners }, "Inner");
});

Deno.test("assign() and toObject() refuse what is no record of their layout", () => {
  const alloc = new SmartAlloc();
  alloc.beginFrame();
  const Twin = struct("Inner", { weight: f64 });
  const foreign = [
    alloc.frameAlloc(Twin),
    alloc.frameAlloc(Body),
    alloc.frameBox(Inner),
    alloc.frameAlloc(vec3f),
    { weight: 1 },
    null,
    undefined,
    7,
    Object.create(alloc.frameAlloc(Twin)),
  ];
  for (const record of foreign) {
    refused("FA022", () => Inner.assign(record as { weight: number }, { weight: 1 }), "Inner");
    refused("FA022", () => Inner.toObject(record as { weight: number }), "Inner");
  }
});

Deno.test("cells and boxes of scalars refuse values of another type", () => {
  const alloc = new SmartAlloc();
  alloc.beginFrame();
  refused("FA022", () => alloc.frameBox(u32, "7" as unknown as number), '"7"', "u32");
  refused("FA022", () => alloc.frameBox(u64, 7 as unknown as bigint), "7", "u64");
  refused("FA022", () => alloc.frameBox(bool, 1 as unknown as boolean), "1", "bool");
});

Deno.test("layout codes are in the registry", () => {
  for (const code of ["FA020", "FA021", "FA022"] as const) assertEquals(typeof CODES[code], "string");
});

Deno.test("struct() refuses options that it does not know", () => {
  refused("FA020", () => struct("S", { a: f32 }, { rule: "wgsl" } as never), '"rule"', "rules");
});
