/**
 * Layouts as WGSL text: a struct is described once, and the shader that reads its bytes is given the same description.
 */

import { ArgumentError, LayoutError, show } from "../src/errors.ts";
import { isLayout } from "../src/layout/array.ts";
import type { ArrayLayout } from "../src/layout/array.ts";
import { innerOf } from "../src/layout/inner.ts";
import type { Layout } from "../src/layout/layout.ts";
import type { Fields, StructLayout } from "../src/layout/struct.ts";

/** Options of {@linkcode wgsl}. */
export interface WgslOptions {
  /** What the outermost struct is called in WGSL. @default {the name of the layout} */
  readonly name?: string;
}

/** An identifier, but for the words that are taken. */
const IDENTIFIER = /^(?!__)(\p{XID_Start}|_\p{XID_Continue})\p{XID_Continue}*$/u;

/** The types that are printed: a struct of such a name would take its place. */
const PRINTED_TYPE = /^(array|f16|[fiu]32|vec[234][fiu]|mat3x3f|mat4x4f)$/;

/** The sections "Keywords" and "Reserved Words" of the WGSL specification. */
const RESERVED: ReadonlySet<string> = new Set(
  `alias break case const const_assert continue continuing default diagnostic discard else enable false fn for if let
  loop override requires return struct switch true var while
  NULL Self abstract active alignas alignof as asm asm_fragment async attribute auto await become binding_array cast
  catch class co_await co_return co_yield coherent column_major common compile compile_fragment concept const_cast
  consteval constexpr constinit crate debugger decltype delete demote demote_to_helper do dynamic_cast enum explicit
  export extends extern external fallthrough filter final finally friend from fxgroup get goto groupshared highp impl
  implements import inline instanceof interface layout lowp macro macro_rules match mediump meta mod module move mut
  mutable namespace new nil noexcept noinline nointerpolation non_coherent noncoherent noperspective null nullptr of
  operator package packoffset partition pass patch pixelfragment precise precision premerge priv protected pub public
  readonly ref regardless register reinterpret_cast require resource restrict self set shared sizeof smooth snorm
  static static_assert static_cast std subroutine super target template this thread_local throw trait try type typedef
  typeid typename typeof union unless unorm unsafe unsized use using varying virtual volatile wgsl where with writeonly
  yield`.split(/\s+/),
);

/**
 * Declares a struct in WGSL, after the structs inside it. A shader that declares it so reads the records of the layout as they are:
 * under the rules `"wgsl"` from storage buffers, under `"wgsl-uniform"` from uniform and storage buffers.
 *
 * Each struct is declared once. A shader that has a field of `f16` must start with `enable f16;` itself.
 *
 * @param layout A struct under the rules `"wgsl"` or `"wgsl-uniform"`, or an array of such structs.
 * @param options What the outermost struct is called.
 * @returns The declarations, without a line break at the end.
 * @throws {ArgumentError} `FA008` if this is no layout.
 * @throws {LayoutError} `FA021` if there is no struct or its rules are `"c"`, if WGSL does not allow a name, or if different structs
 * share one.
 *
 * @example
 * ```ts
 * import { f32, struct, vec3f } from "@framealloc/core";
 * import { wgsl } from "@framealloc/core/gpu";
 * import { assertEquals } from "@std/assert";
 *
 * const Particle = struct("Particle", { position: vec3f, speed: f32 }, { rules: "wgsl" });
 * const shader = `
 * ${wgsl(Particle)}
 * @group(0) @binding(0) var<storage, read_write> particles: array<Particle>;
 * `;
 * assertEquals(
 *   shader,
 *   `
 * struct Particle {
 *   position: vec3f,
 *   speed: f32,
 * }
 * @group(0) @binding(0) var<storage, read_write> particles: array<Particle>;
 * `,
 * );
 * ```
 *
 * @example A uniform buffer
 * ```ts
 * import { array, f32, struct, vec2f, vec4f } from "@framealloc/core";
 * import { wgsl } from "@framealloc/core/gpu";
 * import { assertEquals } from "@std/assert";
 *
 * const Fog = struct("Fog", { density: f32, range: vec2f }, { rules: "wgsl-uniform" });
 * const Scene = struct("Scene", { fog: Fog, planes: array(vec4f, 6) }, { rules: "wgsl-uniform" });
 * assertEquals(
 *   wgsl(Scene, { name: "Frame" }),
 *   `struct Fog {
 *   @align(16) density: f32,
 *   range: vec2f,
 * }
 *
 * struct Frame {
 *   @align(16) fog: Fog,
 *   planes: array<vec4f, 6>,
 * }`,
 * );
 * ```
 */
export function wgsl(layout: Layout, options: WgslOptions = {}): string {
  if (!isLayout(layout)) {
    throw new ArgumentError("FA008", `Cannot declare ${show(layout)} in WGSL as it is no layout: give a struct`);
  }
  if (typeof options !== "object" || options === null) {
    throw new ArgumentError("FA008", `Cannot declare ${layout.name} in WGSL with ${show(options)}: give an object`);
  }
  const struct = innermost(layout);
  if (struct.kind !== "struct") {
    throw new LayoutError("FA021", `Cannot declare ${layout.name} in WGSL as it holds no struct: give one that does`);
  }
  const declarations = new Map<string, string>();
  declare(struct as StructLayout<Fields>, options.name ?? struct.name, declarations);
  return Array.from(declarations.values()).join("\n\n");
}

/** Adds a struct to the declarations by name, after those inside it. */
function declare(struct: StructLayout<Fields>, name: string, declarations: Map<string, string>): void {
  const { fields, rules } = struct;
  if (rules === "c") {
    throw refusal(struct.name, 'its rules are "c"', 'give the struct the rules "wgsl" or "wgsl-uniform"');
  }
  if (!isIdentifier(name) || PRINTED_TYPE.test(name)) {
    const state = `${show(name)} cannot name a struct there`;
    throw refusal(struct.name, state, "rename the struct, or if it is the outermost one use options.name");
  }
  const isAligned = Object.values(fields).some((field) =>
    (innerOf(field).under(rules) as Layout).align === struct.align
  );
  const members = Object.entries(fields).map(([field, layout], i) => {
    if (!isIdentifier(field)) {
      throw refusal(
        struct.name,
        `its field "${field}" has a name that is reserved or no identifier there`,
        "rename it",
      );
    }
    // By the specification a struct with an aligned member is aligned itself. Deno and Firefox need to be told where it is used.
    const needsAlign = rules === "wgsl-uniform" && (innermost(layout).kind === "struct" || (i === 0 && !isAligned));
    return `${needsAlign ? "@align(16) " : ""}${field}: ${typeOf(layout, declarations)},`;
  });
  const declaration = `struct ${name} {\n  ${members.join("\n  ")}\n}`;
  if ((declarations.get(name) ?? declaration) !== declaration) {
    throw refusal(struct.name, `another struct is called ${show(name)} too`, "rename one of them");
  }
  declarations.set(name, declaration);
}

function typeOf(layout: Layout, declarations: Map<string, string>): string {
  if (layout.kind === "array") {
    const { element, count } = layout as ArrayLayout<Layout>;
    return `array<${typeOf(element, declarations)}, ${count}>`;
  }
  if (layout.kind === "struct") declare(layout as StructLayout<Fields>, layout.name, declarations);
  return layout.name;
}

/** What an array of arrays is made of in the end. */
function innermost(layout: Layout): Layout {
  return layout.kind === "array" ? innermost((layout as ArrayLayout<Layout>).element) : layout;
}

function isIdentifier(name: unknown): name is string {
  return typeof name === "string" && IDENTIFIER.test(name) && !RESERVED.has(name);
}

function refusal(struct: string, state: string, advice: string): LayoutError {
  return new LayoutError("FA021", `Cannot declare struct "${struct}" in WGSL as ${state}: ${advice}`);
}
