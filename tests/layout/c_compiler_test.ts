/**
 * The rules "c" against a real C compiler: random structs are written as C, and it prints where it puts their fields.
 */

import { assert, assertEquals } from "@std/assert";
import * as fc from "fast-check";
import { type BasicName, type Definition, type StructDefinition, structOf, STRUCTS } from "./_definitions.ts";

const TYPES: Readonly<Record<BasicName, readonly [type: string, suffix: string]>> = {
  i8: ["int8_t", ""],
  u8: ["uint8_t", ""],
  i16: ["int16_t", ""],
  u16: ["uint16_t", ""],
  i32: ["int32_t", ""],
  u32: ["uint32_t", ""],
  i64: ["int64_t", ""],
  u64: ["uint64_t", ""],
  f16: ["uint16_t", ""],
  f32: ["float", ""],
  f64: ["double", ""],
  bool: ["_Bool", ""],
  vec2f: ["float", "[2]"],
  vec3f: ["float", "[3]"],
  vec4f: ["float", "[4]"],
  vec2i: ["int32_t", "[2]"],
  vec3i: ["int32_t", "[3]"],
  vec4i: ["int32_t", "[4]"],
  vec2u: ["uint32_t", "[2]"],
  vec3u: ["uint32_t", "[3]"],
  vec4u: ["uint32_t", "[4]"],
  mat3x3f: ["float", "[9]"],
  mat4x4f: ["float", "[16]"],
};

/** The declaration of a field in C. */
function declare(definition: Definition, name: string): string {
  switch (definition.kind) {
    case "basic": {
      const [type, suffix] = TYPES[definition.name];
      return `${type} ${name}${suffix}`;
    }
    case "array":
      return declare(definition.element, `${name}[${definition.count}]`);
    case "struct":
      return `struct { ${definition.fields.map(([, field], i) => `${declare(field, `f${i}`)};`).join(" ")} } ${name}`;
  }
}

/** A C program that prints the size, alignment and offsets of each struct as a line of JSON. */
function program(definitions: readonly StructDefinition[]): string {
  const typedefs = definitions.map((definition, i) => `typedef ${declare(definition, `S${i}`)};`);
  const prints = definitions.map(({ fields }, i) => {
    const values = [`sizeof(S${i})`, `_Alignof(S${i})`, ...fields.map((_, f) => `offsetof(S${i}, f${f})`)];
    return `  printf("[${values.map(() => "%zu").join(",")}]\\n", ${values.join(", ")});`;
  });
  return [
    "#include <stddef.h>",
    "#include <stdint.h>",
    "#include <stdio.h>",
    ...typedefs,
    "int main(void) {",
    ...prints,
    "  return 0;",
    "}",
    "",
  ].join("\n");
}

/** A C compiler that works here, and makes programs in which 64 bits are aligned to eight bytes. */
async function compiler(): Promise<string | undefined> {
  if (Deno.build.arch !== "x86_64" && Deno.build.arch !== "aarch64") return undefined;
  for (const name of ["gcc", "clang", "cc"]) {
    try {
      const { success } = await new Deno.Command(name, { args: ["--version"], stdout: "null", stderr: "null" })
        .output();
      if (success) return name;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return undefined;
}

const found = await compiler();
if (found === undefined) console.log("Skipped: there is no C compiler here to compare the rules with");

Deno.test({
  name: 'struct() under the rules "c" places fields as a C compiler does',
  ignore: found === undefined,
  async fn() {
    const definitions = fc.sample(STRUCTS.c, { seed: 10, numRuns: 500 });
    const folder = await Deno.makeTempDir({ prefix: "framealloc_c_" });
    try {
      await Deno.writeTextFile(`${folder}/layouts.c`, program(definitions));
      const compile = new Deno.Command(found ?? "", {
        args: ["-std=c11", "-O0", "-o", "layouts", "layouts.c"],
        cwd: folder,
      });
      const compiled = await compile.output();
      assert(compiled.success, new TextDecoder().decode(compiled.stderr));
      const { stdout } = await new Deno.Command(`${folder}/layouts`).output();
      const lines = new TextDecoder().decode(stdout).trim().split("\n");
      assertEquals(lines.length, definitions.length);
      definitions.forEach((definition, i) => {
        const { size, align, offsets } = structOf(definition, "c");
        const places = definition.fields.map(([name]) => offsets[name]);
        assertEquals([size, align, ...places], JSON.parse(lines[i] ?? ""), declare(definition, "S"));
      });
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
