/**
 * Structs: named fields at fixed offsets, in the order in which they are written.
 */

import { LayoutError, show } from "../errors.ts";
import { viewOf } from "../memory/life.ts";
import { isLayout } from "./array.ts";
import { definePart, defineScalar, type Face, faceClass, faceClassWithParts } from "./face.ts";
import { bind, innerOf, LayoutInner } from "./inner.ts";
import type { Infer, Layout, LayoutRules, PlainOf, ValuesOf } from "./layout.ts";
import { accessOf } from "./scalar.ts";

/** The fields of a struct: layouts by name. */
export interface Fields {
  /** The layout of the field. */
  readonly [name: string]: Layout;
}

/**
 * The record of a struct: scalar fields are read and written, all others are records themselves.
 *
 * @typeParam F The fields.
 */
export type StructRecord<F extends Fields> =
  & { -readonly [K in keyof F as F[K]["kind"] extends "scalar" ? K : never]: Infer<F[K]> }
  & { readonly [K in keyof F as F[K]["kind"] extends "scalar" ? never : K]: Infer<F[K]> };

/**
 * Values for some or all fields of a struct.
 *
 * @typeParam F The fields.
 */
export type StructValues<F extends Fields> = { readonly [K in keyof F]?: ValuesOf<F[K]> };

/**
 * A record of a struct as a plain object.
 *
 * @typeParam F The fields.
 */
export type StructPlain<F extends Fields> = { -readonly [K in keyof F]: PlainOf<F[K]> };

/** Options of {@linkcode struct}. */
export interface StructOptions {
  /** How fields are placed. @default {"c"} */
  readonly rules?: LayoutRules;
}

/**
 * A layout of structs. A library that exports one names its type with the scalars' types, so that it can be published without
 * slow types.
 *
 * @typeParam F The fields.
 *
 * @example Export a layout from a library
 * ```ts
 * import { f32, type F32, struct, type StructLayout, vec3f, type Vec3f } from "@framealloc/core";
 * import { assertEquals } from "@std/assert";
 *
 * export const Contact: StructLayout<{ point: Vec3f; depth: F32 }> = struct("Contact", { point: vec3f, depth: f32 });
 * assertEquals(Contact.offsets, { point: 0, depth: 12 });
 * ```
 */
export interface StructLayout<F extends Fields> extends Layout<StructRecord<F>, StructValues<F>, StructPlain<F>> {
  /** Always `"struct"`. */
  readonly kind: "struct";
  /** The layouts of the fields. */
  readonly fields: F;
  /** How the fields are placed. */
  readonly rules: LayoutRules;
  /** The bytes from the start of a record to each field. */
  readonly offsets: { readonly [K in keyof F]: number };
  /**
   * Fills fields of a record. Fields that are not named keep what they hold.
   *
   * @param record A record of this layout.
   * @param values The values; another record will do.
   * @returns The record.
   * @throws {LayoutError} `FA022` if a value does not fit or a name is no field; fields before it have been written.
   */
  assign(record: StructRecord<F>, values: StructValues<F>): StructRecord<F>;
  /**
   * A record as a plain object, with all it holds.
   *
   * @param record A record of this layout.
   * @returns A fresh object.
   */
  toObject(record: StructRecord<F>): StructPlain<F>;
}

const NAME_REGEXP = /^[\p{ID_Start}_][\p{ID_Continue}]*$/u;
const RESERVED: readonly string[] = ["prototype", "toJSON"];

/**
 * Describes a struct.
 *
 * @typeParam F The fields.
 * @param name The name, for messages and reports.
 * @param fields Layouts by name, in the order in which they lie in memory.
 * @param options The rules by which fields are placed.
 * @returns The layout.
 * @throws {LayoutError} `FA020` if there are no fields, or a name or layout is impossible.
 * @throws {LayoutError} `FA021` if a field cannot be represented under the rules.
 *
 * @example
 * ```ts
 * import { array, f32, struct, u32, vec3f } from "@framealloc/core";
 * import { assertEquals } from "@std/assert";
 *
 * const Contact = struct("Contact", { a: u32, b: u32, point: vec3f, normal: vec3f, depth: f32 });
 * assertEquals([Contact.size, Contact.align, Contact.offsets.normal], [36, 4, 20]);
 *
 * const Light = struct("Light", { position: vec3f, color: vec3f, weights: array(f32, 3) }, { rules: "wgsl" });
 * assertEquals([Light.size, Light.align, Light.offsets.color], [48, 16, 16]);
 * ```
 *
 * @example Lay out a uniform buffer
 * ```ts
 * import { array, f32, struct, vec2f, vec4f } from "@framealloc/core";
 * import { assertEquals } from "@std/assert";
 *
 * const Fog = struct("Fog", { density: f32, range: vec2f }, { rules: "wgsl-uniform" });
 * const Scene = struct("Scene", { time: f32, fog: Fog, planes: array(vec4f, 6) }, { rules: "wgsl-uniform" });
 * assertEquals([Fog.size, Fog.align], [16, 16]);
 * assertEquals({ ...Scene.offsets }, { time: 0, fog: 16, planes: 32 });
 * ```
 */
export function struct<const F extends Fields>(name: string, fields: F, options: StructOptions = {}): StructLayout<F> {
  const { rules = "c", ...unknown } = options ?? {};
  for (const option of Object.keys(unknown)) {
    throw new LayoutError(
      "FA020",
      `Cannot define struct ${show(name)} with the option ${show(option)} as it is unknown: use rules`,
    );
  }
  if (typeof name !== "string" || name === "") {
    throw new LayoutError("FA020", `Cannot define a struct named ${show(name)}: give a name of at least one character`);
  }
  if (rules !== "c" && rules !== "wgsl" && rules !== "wgsl-uniform") {
    throw new LayoutError(
      "FA020",
      `Cannot define struct "${name}" under the rules ${show(rules)}: use "c" or "wgsl" or "wgsl-uniform"`,
    );
  }
  if (typeof fields !== "object" || fields === null) {
    throw new LayoutError(
      "FA020",
      `Cannot define struct "${name}" with the fields ${show(fields)}: give layouts by name`,
    );
  }
  const names = Object.keys(fields);
  if (names.length === 0) {
    throw new LayoutError("FA020", `Cannot define struct "${name}" as it has no fields: give at least one`);
  }
  const layouts = names.map((field) => fieldUnder(name, field, fields[field], rules));
  const offsets: Record<string, number> = {};
  let end = 0;
  // A uniform buffer wants a struct, and what follows it, at a multiple of 16. With this alignment its size is one as well.
  let align = rules === "wgsl-uniform" ? 16 : 1;
  for (let i = 0; i < names.length; i++) {
    const layout = layouts[i]!;
    const offset = roundUp(end, layout.align);
    offsets[names[i]!] = offset;
    end = offset + layout.size;
    align = Math.max(align, layout.align);
  }
  const size = roundUp(end, align);
  const inners = layouts.map(innerOf);
  const places = names.map((field) => offsets[field]!);

  const read = (view: DataView, at: number): unknown => {
    const plain: Record<string, unknown> = {};
    for (let i = 0; i < names.length; i++) plain[names[i]!] = inners[i]!.read(view, at + places[i]!);
    return plain;
  };
  const write = (view: DataView, at: number, values: unknown): void => {
    if (typeof values !== "object" || values === null) {
      throw new LayoutError("FA022", `Cannot fill ${name} from ${show(values)}: give an object with its fields`);
    }
    if (!(values instanceof Record)) refuseUnknown(name, offsets, values);
    for (let i = 0; i < names.length; i++) {
      const value = (values as { [field: string]: unknown })[names[i]!];
      if (value !== undefined) inners[i]!.write(view, at + places[i]!, value);
    }
  };

  const isFlat = layouts.every((layout) => layout.kind === "scalar");
  const Record = isFlat ? faceClass(name, read) : faceClassWithParts(name, read);
  const partCount = layouts.filter((layout) => layout.kind !== "scalar").length;
  let parts = 0;
  for (let i = 0; i < names.length; i++) {
    const layout = layouts[i]!;
    if (layout.kind === "scalar") {
      const { load, store } = accessOf(layout);
      defineScalar(Record, names[i]!, places[i]!, load, store);
    } else definePart(Record, names[i]!, parts++, partCount, places[i]!, inners[i]!.Record);
  }

  const own = (record: unknown): Face => {
    if (record instanceof Record) return record as Face;
    throw new LayoutError(
      "FA022",
      `Cannot use ${show(record)} as a record of ${name}: give one that an allocator made of it`,
    );
  };
  const under = (wanted: LayoutRules): Layout | string =>
    wanted === rules ? layout : `struct "${name}" is laid out by the rules "${rules}"`;
  const layout: StructLayout<F> = {
    kind: "struct",
    name,
    size,
    align,
    stride: size,
    $inner: new LayoutInner(Record, write, read, under),
    fields,
    rules,
    offsets: offsets as { readonly [K in keyof F]: number },
    assign(record, values) {
      const { $pos, $base } = own(record);
      write(viewOf($pos), $pos.offset + $base, values);
      return record;
    },
    toObject(record) {
      const { $pos, $base } = own(record);
      return read(viewOf($pos), $pos.offset + $base) as StructPlain<F>;
    },
  };
  return bind(layout);
}

function fieldUnder(name: string, field: string, layout: unknown, rules: LayoutRules): Layout {
  if (!NAME_REGEXP.test(field) || RESERVED.includes(field) || field in Object.prototype) {
    throw new LayoutError(
      "FA020",
      `Cannot define the field ${
        show(field)
      } of struct "${name}": use an identifier that does not start with "$" and that objects do not have anyway`,
    );
  }
  if (!isLayout(layout)) {
    throw new LayoutError(
      "FA020",
      `Cannot define the field "${field}" of struct "${name}" as ${
        show(layout)
      } is no layout: give one such as f32 or vec3f`,
    );
  }
  const found = innerOf(layout).under(rules);
  if (typeof found !== "string") return found;
  throw new LayoutError(
    "FA021",
    `Cannot define the field "${field}" of struct "${name}" under the rules "${rules}" as ${found}: use another layout or rules`,
  );
}

function refuseUnknown(name: string, offsets: object, values: object): void {
  for (const key in values) {
    if (!Object.hasOwn(offsets, key) && Object.hasOwn(values, key) && !key.startsWith("$")) {
      throw new LayoutError(
        "FA022",
        `Cannot fill ${name} as it has no field ${show(key)}: use ${Object.keys(offsets).join(", ")}`,
      );
    }
  }
}

function roundUp(bytes: number, align: number): number {
  return Math.ceil(bytes / align) * align;
}
