/**
 * A package that exports layouts to others, with types that can be read without inference.
 *
 * @module
 */

import {
  array,
  type ArrayLayout,
  type Infer,
  type Mat4x4f,
  mat4x4f,
  struct,
  type StructLayout,
  type U32,
  u32,
  type Vec3f,
  vec3f,
} from "@framealloc/core";

/** A point that belongs to something. */
export const Anchor: StructLayout<{ a: U32; point: Vec3f }> = struct("Anchor", { a: u32, point: vec3f });

/** A record of {@linkcode Anchor}. */
export type Anchor = Infer<typeof Anchor>;

/** A rope between anchors, for a shader. */
export const Rope: StructLayout<{ model: Mat4x4f; points: ArrayLayout<Vec3f>; count: U32 }> = struct(
  "Rope",
  { model: mat4x4f, points: array(vec3f, 4), count: u32 },
  { rules: "wgsl" },
);

/** How far an anchor is from the origin. */
export function distance(anchor: Anchor): number {
  const { x, y, z } = anchor.point;
  return Math.hypot(x, y, z);
}
