/**
 * Random layout definitions, and what the rules say about them: written from the C ABI, and from the table "Alignment and size" and
 * the constraints of address spaces in the WGSL specification, with no help from the library.
 */

import {
  array,
  bool,
  f16,
  f32,
  f64,
  i16,
  i32,
  i64,
  i8,
  type Layout,
  type LayoutRules,
  mat3x3f,
  mat4x4f,
  struct,
  type StructLayout,
  u16,
  u32,
  u64,
  u8,
  vec2f,
  vec2i,
  vec2u,
  vec3f,
  vec3i,
  vec3u,
  vec4f,
  vec4i,
  vec4u,
} from "@framealloc/core";
import * as fc from "fast-check";

export type ScalarName = "i8" | "u8" | "i16" | "u16" | "i32" | "u32" | "i64" | "u64" | "f16" | "f32" | "f64" | "bool";

/** A scalar as JavaScript sees it. */
export type Value = number | bigint | boolean;

interface ScalarRule {
  readonly bytes: number;
  readonly get: (view: DataView, at: number) => Value;
  /** What is left of a value once it was stored. */
  readonly stored: (value: Value) => Value;
}

function typed(array: { of(...values: never[]): { [index: number]: number | bigint } }): (value: Value) => Value {
  return (value) => array.of(value as never)[0] ?? 0;
}

export const SCALARS: Readonly<Record<ScalarName, ScalarRule>> = {
  i8: { bytes: 1, get: (view, at) => view.getInt8(at), stored: typed(Int8Array) },
  u8: { bytes: 1, get: (view, at) => view.getUint8(at), stored: typed(Uint8Array) },
  i16: { bytes: 2, get: (view, at) => view.getInt16(at, true), stored: typed(Int16Array) },
  u16: { bytes: 2, get: (view, at) => view.getUint16(at, true), stored: typed(Uint16Array) },
  i32: { bytes: 4, get: (view, at) => view.getInt32(at, true), stored: typed(Int32Array) },
  u32: { bytes: 4, get: (view, at) => view.getUint32(at, true), stored: typed(Uint32Array) },
  i64: { bytes: 8, get: (view, at) => view.getBigInt64(at, true), stored: typed(BigInt64Array) },
  u64: { bytes: 8, get: (view, at) => view.getBigUint64(at, true), stored: typed(BigUint64Array) },
  f16: { bytes: 2, get: (view, at) => view.getFloat16(at, true), stored: typed(Float16Array) },
  f32: { bytes: 4, get: (view, at) => view.getFloat32(at, true), stored: typed(Float32Array) },
  f64: { bytes: 8, get: (view, at) => view.getFloat64(at, true), stored: (value) => value },
  bool: { bytes: 1, get: (view, at) => view.getUint8(at) !== 0, stored: (value) => value },
};

/** A layout with a name of its own: a scalar, or a vector or matrix of scalars. */
interface BasicRule {
  readonly layout: Layout;
  readonly scalar: ScalarName;
  /** Its parts with their offsets under each set of rules; none for a scalar. */
  readonly parts: readonly { readonly key: string | number; readonly c: number; readonly wgsl: number }[];
  readonly c: readonly [size: number, align: number];
  readonly wgsl: readonly [size: number, align: number] | undefined;
}

function one(layout: Layout, scalar: ScalarName, bytes: number, inWgsl: boolean): BasicRule {
  return { layout, scalar, parts: [], c: [bytes, bytes], wgsl: inWgsl ? [bytes, bytes] : undefined };
}

function vec(layout: Layout, scalar: ScalarName, count: number, wgslAlign: number): BasicRule {
  const parts = ["x", "y", "z", "w"].slice(0, count).map((key, i) => ({ key, c: i * 4, wgsl: i * 4 }));
  return { layout, scalar, parts, c: [count * 4, 4], wgsl: [count * 4, wgslAlign] };
}

function mat(layout: Layout, rows: number, wgslSize: number): BasicRule {
  const parts = [];
  for (let column = 0; column < rows; column++) {
    for (let row = 0; row < rows; row++) {
      parts.push({ key: column * rows + row, c: (column * rows + row) * 4, wgsl: column * 16 + row * 4 });
    }
  }
  return { layout, scalar: "f32", parts, c: [rows * rows * 4, 4], wgsl: [wgslSize, 16] };
}

export const BASICS = {
  i8: one(i8, "i8", 1, false),
  u8: one(u8, "u8", 1, false),
  i16: one(i16, "i16", 2, false),
  u16: one(u16, "u16", 2, false),
  i32: one(i32, "i32", 4, true),
  u32: one(u32, "u32", 4, true),
  i64: one(i64, "i64", 8, false),
  u64: one(u64, "u64", 8, false),
  f16: one(f16, "f16", 2, true),
  f32: one(f32, "f32", 4, true),
  f64: one(f64, "f64", 8, false),
  bool: one(bool, "bool", 1, false),
  vec2f: vec(vec2f, "f32", 2, 8),
  vec3f: vec(vec3f, "f32", 3, 16),
  vec4f: vec(vec4f, "f32", 4, 16),
  vec2i: vec(vec2i, "i32", 2, 8),
  vec3i: vec(vec3i, "i32", 3, 16),
  vec4i: vec(vec4i, "i32", 4, 16),
  vec2u: vec(vec2u, "u32", 2, 8),
  vec3u: vec(vec3u, "u32", 3, 16),
  vec4u: vec(vec4u, "u32", 4, 16),
  mat3x3f: mat(mat3x3f, 3, 48),
  mat4x4f: mat(mat4x4f, 4, 64),
} satisfies Record<string, BasicRule>;

export type BasicName = keyof typeof BASICS;

/** A layout, described without the library. */
export type Definition = BasicDefinition | ArrayDefinition | StructDefinition;

export interface BasicDefinition {
  readonly kind: "basic";
  readonly name: BasicName;
}

export interface ArrayDefinition {
  readonly kind: "array";
  readonly element: Definition;
  readonly count: number;
}

export interface StructDefinition {
  readonly kind: "struct";
  readonly fields: readonly (readonly [name: string, definition: Definition])[];
}

export function basic(name: BasicName): BasicDefinition {
  return { kind: "basic", name };
}

/** The layout that the library makes of a definition. */
export function layoutOf(definition: Definition, rules: LayoutRules, nextName: () => string = () => "Random"): Layout {
  switch (definition.kind) {
    case "basic":
      return BASICS[definition.name].layout;
    case "array":
      return array(layoutOf(definition.element, rules, nextName), definition.count);
    case "struct":
      return structOf(definition, rules, nextName);
  }
}

/** The struct layout that the library makes of a definition; structs inside it are named first. */
export function structOf(
  definition: StructDefinition,
  rules: LayoutRules,
  nextName: () => string = () => "Random",
): StructLayout<Record<string, Layout>> {
  const fields = Object.fromEntries(definition.fields.map(([name, field]) => [name, layoutOf(field, rules, nextName)]));
  return struct(nextName(), fields, { rules });
}

export interface Shape {
  readonly size: number;
  readonly align: number;
}

/** What is no struct is the same in every WGSL buffer. */
function tableOf(rules: LayoutRules): "c" | "wgsl" {
  return rules === "c" ? "c" : "wgsl";
}

/** The size and alignment that the rules give a definition. */
export function shapeOf(definition: Definition, rules: LayoutRules): Shape {
  switch (definition.kind) {
    case "basic": {
      const [size, align] = BASICS[definition.name][tableOf(rules)] ?? [NaN, NaN];
      return { size, align };
    }
    case "array": {
      const { size, align } = shapeOf(definition.element, rules);
      return { size: next(size, align) * definition.count, align };
    }
    case "struct": {
      const shapes = definition.fields.map(([, field]) => shapeOf(field, rules));
      const align = Math.max(...shapes.map((shape) => shape.align), rules === "wgsl-uniform" ? 16 : 1);
      const last = shapes.at(-1)?.size ?? NaN;
      return { size: next((offsetsOf(definition, rules).at(-1) ?? NaN) + last, align), align };
    }
  }
}

/** The offset that the rules give each field. */
export function offsetsOf(definition: StructDefinition, rules: LayoutRules): number[] {
  const offsets: number[] = [];
  let end = 0;
  for (const [, field] of definition.fields) {
    const { size, align } = shapeOf(field, rules);
    offsets.push(next(end, align));
    end = next(end, align) + size;
  }
  return offsets;
}

/** The first multiple of `align` that is not below `offset`. */
function next(offset: number, align: number): number {
  let at = offset;
  while (at % align !== 0) at++;
  return at;
}

/** One scalar somewhere inside a definition. */
export interface Leaf {
  readonly path: readonly (string | number)[];
  readonly scalar: ScalarName;
  readonly offset: number;
}

/** All scalars of a definition, with the offsets that the rules give them. */
export function leavesOf(
  definition: Definition,
  rules: LayoutRules,
  path: readonly (string | number)[] = [],
  base: number = 0,
): Leaf[] {
  switch (definition.kind) {
    case "basic": {
      const { scalar, parts } = BASICS[definition.name];
      if (parts.length === 0) return [{ path, scalar, offset: base }];
      return parts.map((part) => ({ path: [...path, part.key], scalar, offset: base + part[tableOf(rules)] }));
    }
    case "array": {
      const { size, align } = shapeOf(definition.element, rules);
      return Array.from(
        { length: definition.count },
        (_, i) => leavesOf(definition.element, rules, [...path, i], base + i * next(size, align)),
      ).flat();
    }
    case "struct": {
      const offsets = offsetsOf(definition, rules);
      return definition.fields.flatMap(([name, field], i) =>
        leavesOf(field, rules, [...path, name], base + (offsets[i] ?? NaN))
      );
    }
  }
}

/** Whatever is read through `at(i)` and written through `set(i, value)`. */
interface List {
  at(index: number): unknown;
  set(index: number, value: Value): unknown;
}

/** Reads a scalar of a record by its path. */
export function get(record: unknown, path: Leaf["path"]): unknown {
  return path.reduce(
    (whole: unknown, key) =>
      typeof key === "number" ? (whole as List).at(key) : (whole as Record<string, unknown>)[key],
    record,
  );
}

/** Writes a scalar of a record by its path. */
export function set(record: unknown, path: Leaf["path"], value: Value): void {
  const whole = get(record, path.slice(0, -1));
  const key = path.at(-1);
  if (typeof key === "number") (whole as List).set(key, value);
  else if (key !== undefined) (whole as Record<string, Value>)[key] = value;
}

/** Reads a scalar of a plain object by its path. */
export function getPlain(plain: unknown, path: Leaf["path"]): unknown {
  return path.reduce((whole: unknown, key) => (whole as Record<string | number, unknown>)[key], plain);
}

const NUMBERS = fc.oneof(
  fc.integer(),
  fc.double({ noNaN: true }),
  fc.constantFrom(
    0,
    -0,
    1,
    -1,
    0.5,
    255,
    256,
    -129,
    65_535,
    2 ** 31,
    2 ** 32,
    2 ** 53,
    1e300,
    Infinity,
    -Infinity,
    NaN,
  ),
);

/** Any value that may be stored in a scalar, in or out of its range. */
export function valueFor(scalar: ScalarName): fc.Arbitrary<Value> {
  if (scalar === "bool") return fc.boolean();
  if (scalar === "i64" || scalar === "u64") return fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n });
  return NUMBERS;
}

/** Plain values that may fill a definition. */
export function plainFor(definition: Definition): fc.Arbitrary<unknown> {
  switch (definition.kind) {
    case "basic": {
      const { scalar, parts } = BASICS[definition.name];
      if (parts.length === 0) return valueFor(scalar);
      if (typeof parts[0]?.key === "number") return fc.tuple(...parts.map(() => valueFor(scalar)));
      return fc.record(Object.fromEntries(parts.map((part) => [part.key, valueFor(scalar)])), {
        noNullPrototype: true,
      });
    }
    case "array": {
      const { element, count } = definition;
      return fc.array(plainFor(element), { minLength: count, maxLength: count });
    }
    case "struct": {
      const fields = definition.fields.map(([name, field]) => [name, plainFor(field)] as const);
      return fc.record(Object.fromEntries(fields), { noNullPrototype: true });
    }
  }
}

/** What is left of plain values once they were stored. */
export function storedPlain(definition: Definition, plain: unknown): unknown {
  switch (definition.kind) {
    case "basic": {
      const { scalar, parts } = BASICS[definition.name];
      const { stored } = SCALARS[scalar];
      if (parts.length === 0) return stored(plain as Value);
      if (Array.isArray(plain)) return plain.map((value) => stored(value));
      return Object.fromEntries(parts.map(({ key }) => [key, stored((plain as Record<string, Value>)[key] as Value)]));
    }
    case "array":
      return (plain as unknown[]).map((value) => storedPlain(definition.element, value));
    case "struct": {
      const stored = definition.fields.map(([name, field]) =>
        [name, storedPlain(field, (plain as Record<string, unknown>)[name])] as const
      );
      return Object.fromEntries(stored);
    }
  }
}

// Also names that records, lists and vectors have methods by, and letters from beyond ASCII.
const NAMES: readonly string[] = [
  ..."abcdefgxyzw",
  "value",
  "length",
  "at",
  "set",
  "fill",
  "copyFrom",
  "name",
  "kind",
  "then",
  "_hidden",
  "position",
  "größe",
  "名前",
  "i18n",
];

function definitions(names: readonly BasicName[], rules: LayoutRules): fc.Arbitrary<StructDefinition> {
  const basics: fc.Arbitrary<Definition> = fc.constantFrom(...names).map(basic);
  const { any } = fc.letrec<{ any: Definition; array: ArrayDefinition; struct: StructDefinition }>((tie) => ({
    any: fc.oneof(
      { maxDepth: 3, depthIdentifier: "layout" },
      { arbitrary: basics, weight: 5 },
      { arbitrary: tie("array"), weight: 2 },
      { arbitrary: tie("struct"), weight: 2 },
    ),
    array: fc.record({
      element: tie("any").filter((element) => isElement(element, rules)),
      count: fc.integer({ min: 1, max: 4 }),
    }).map((made) => ({ kind: "array" as const, ...made })),
    struct: structFrom(tie("any")),
  }));
  return structFrom(any);
}

/** Whether the rules have arrays of it: in uniform buffers, elements are a multiple of 16 bytes apart. */
export function isElement(definition: Definition, rules: LayoutRules): boolean {
  const { size, align } = shapeOf(definition, rules);
  return rules !== "wgsl-uniform" || next(size, align) % 16 === 0;
}

function structFrom(any: fc.Arbitrary<Definition>): fc.Arbitrary<StructDefinition> {
  const field = fc.tuple(fc.constantFrom(...NAMES), any);
  return fc.uniqueArray(field, { minLength: 1, maxLength: 6, selector: ([name]) => name })
    .map((fields) => ({ kind: "struct" as const, fields }));
}

const NAMES_OF_BASICS = Object.keys(BASICS) as BasicName[];
const WGSL_BASICS = NAMES_OF_BASICS.filter((name) => BASICS[name].wgsl !== undefined);

/** Random structs under each set of rules, up to four deep. */
export const STRUCTS: Readonly<Record<LayoutRules, fc.Arbitrary<StructDefinition>>> = {
  c: definitions(NAMES_OF_BASICS, "c"),
  wgsl: definitions(WGSL_BASICS, "wgsl"),
  "wgsl-uniform": definitions(WGSL_BASICS, "wgsl-uniform"),
};

/** Any set of rules, with a random struct that it can lay out. */
export const RULES_AND_STRUCT: fc.Arbitrary<readonly [LayoutRules, StructDefinition]> = fc
  .constantFrom<LayoutRules>("c", "wgsl", "wgsl-uniform")
  .chain((rules) => STRUCTS[rules].map((definition) => [rules, definition] as const));
