/**
 * Layouts from TypeGPU schemas, for programs that describe their data there. Schemas are known by their shape: the package itself
 * is not needed.
 */

import { ArgumentError, LayoutError, show } from "../src/errors.ts";
import { array, type ArrayLayout } from "../src/layout/array.ts";
import type { Layout } from "../src/layout/layout.ts";
import { type Mat3x3f, mat3x3f, type Mat4x4f, mat4x4f } from "../src/layout/matrix.ts";
import { type F16, f16, type F32, f32, type I32, i32, type U32, u32 } from "../src/layout/scalar.ts";
import { type Fields, struct, type StructLayout } from "../src/layout/struct.ts";
import * as vectors from "../src/layout/vector.ts";

/** What a TypeGPU schema of a struct looks like: what `d.struct` returns. */
export interface TypeGpuStruct {
  /** What kind of schema this is. */
  readonly type: "struct";
  /** The schemas of its members by name. */
  readonly propTypes: { readonly [name: string]: { readonly type: string } };
}

/** The layouts whose names TypeGPU uses for the same. */
export type TypeGpuBasic =
  | (F16 | F32 | I32 | U32 | Mat3x3f | Mat4x4f)
  | (vectors.Vec2f | vectors.Vec3f | vectors.Vec4f)
  | (vectors.Vec2i | vectors.Vec3i | vectors.Vec4i)
  | (vectors.Vec2u | vectors.Vec3u | vectors.Vec4u);

/**
 * The layout of a TypeGPU schema.
 *
 * @typeParam S The schema.
 */
export type TypeGpuLayout<S> = S extends { readonly type: "struct"; readonly propTypes: infer P }
  ? StructLayout<{ readonly [K in keyof P & string]: TypeGpuLayout<P[K]> }>
  : S extends { readonly type: "array"; readonly elementType: infer E } ? ArrayLayout<TypeGpuLayout<E>>
  : S extends { readonly type: infer T } ? Extract<TypeGpuBasic, { readonly name: T }>
  : never;

const { vec2f, vec3f, vec4f, vec2i, vec3i, vec4i, vec2u, vec3u, vec4u } = vectors;
const BASICS: readonly TypeGpuBasic[] = [
  ...[f16, f32, i32, u32, mat3x3f, mat4x4f],
  ...[vec2f, vec3f, vec4f, vec2i, vec3i, vec4i, vec2u, vec3u, vec4u],
];

/**
 * The layout of what a TypeGPU struct describes, under the rules `"wgsl"`: its records are the bytes that TypeGPU's buffers hold.
 *
 * It is named as the schema is; what has no name is called `Struct`, or after the member that it is the type of.
 *
 * @param schema What `d.struct` returned: scalars, vectors, 3 × 3 and 4 × 4 matrices of `f32`, arrays and structs.
 * @returns A new layout.
 * @throws {ArgumentError} `FA008` if this is no schema of a struct.
 * @throws {LayoutError} `FA021` if there is no layout for a member: atomics, `d.size`, `d.align`, other vectors and matrices.
 *
 * @example
 * ```ts
 * import { SmartAlloc } from "@framealloc/core";
 * import { layoutOf } from "@framealloc/core/gpu";
 * import { assertEquals } from "@std/assert";
 * import * as d from "typegpu/data";
 *
 * const Particle = layoutOf(d.struct({ position: d.vec3f, speed: d.f32 }).$name("Particle"));
 * assertEquals([Particle.name, Particle.size, Particle.offsets.speed], ["Particle", 16, 12]);
 *
 * const alloc = new SmartAlloc();
 * alloc.beginFrame();
 * const particles = alloc.frameAllocBatch(Particle, 100);
 * particles.at(0).speed = 2;
 * assertEquals(particles.view(Float32Array)[3], 2);
 * alloc.endFrame();
 * ```
 */
export function layoutOf<const S extends TypeGpuStruct>(schema: S): TypeGpuLayout<S> {
  if (schema?.type === "struct") return layoutAt(schema, "Struct") as TypeGpuLayout<S>;
  throw new ArgumentError("FA008", `Cannot lay out ${show(schema)} as it is no TypeGPU struct: give one of d.struct`);
}

/** No schema of a program is so deep, but one that contains itself. */
const MOST_DEPTH = 64;

/** The layout of a schema, which is named after its path if it has no name. */
function layoutAt(schema: unknown, path: string, depth = 0): Layout {
  if (depth > MOST_DEPTH) {
    throw new LayoutError(
      "FA021",
      `Cannot lay out ${path} as it is ${depth} deep: give a schema that does not contain itself`,
    );
  }
  const { type, propTypes, elementType, elementCount } = (schema ?? {}) as Record<string, unknown>;
  if (type === "struct") {
    const name = /^struct:([^<]+)$/.exec(String(schema))?.[1] ?? path.replaceAll(".", "_");
    if (typeof propTypes !== "object" || propTypes === null) {
      throw new LayoutError("FA021", `Cannot lay out ${path} as its members are ${show(propTypes)}: use d.struct`);
    }
    const fields: Record<string, Layout> = {};
    for (const [key, member] of Object.entries(propTypes)) {
      fields[key] = layoutAt(member, `${name}.${key}`, depth + 1);
    }
    return struct<Fields>(name, fields, { rules: "wgsl" });
  }
  if (type === "array") return array(layoutAt(elementType, path, depth + 1), elementCount as number);
  const basic = BASICS.find(({ name }) => name === type);
  if (basic !== undefined) return basic;
  throw new LayoutError("FA021", `Cannot lay out ${path} as TypeGPU's ${show(type)} has no layout: use another type`);
}
