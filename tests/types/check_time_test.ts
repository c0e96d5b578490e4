/**
 * What layouts cost the type checker: a project with large, deeply nested structs against one with hardly any.
 */

import { assert, assertLess } from "@std/assert";
import { denoOk, ROOT, withProject } from "../consumer/_project.ts";

const FIELDS = 60;
const DEPTH = 4;

/** The most that the large project may take longer than the small one. */
const BOUND_MS = 10_000;

const LAYOUTS = [
  "u8",
  "i32",
  "u32",
  "f32",
  "f64",
  "bool",
  "u64",
  "vec2f",
  "vec3f",
  "vec4i",
  "mat4x4f",
  "array(f32, 4)",
];

/** Structs of many fields, each inside the next, and everything that types say about the outermost. */
function source(fields: number, depth: number): string {
  const structs = Array.from({ length: depth }, (_, level) => {
    const lines = Array.from({ length: fields - 1 }, (_, i) => `  f${i}: ${LAYOUTS[i % LAYOUTS.length]},`);
    const last = level === 0 ? `  last: vec3f,` : `  last: Level${level - 1},`;
    return `const Level${level} = struct("Level${level}", {\n${lines.join("\n")}\n${last}\n});`;
  });
  const down = ".last".repeat(depth);
  const values = (level: number): string =>
    level === 0 ? "{ last: [1, 2, 3] }" : `{ f2: 1, last: ${values(level - 1)} }`;
  return `
import {
  array, bool, type ColumnsOf, f32, f64, i32, type Infer, mat4x4f, type PlainOf, SmartAlloc, struct, u32, u64, u8, type ValuesOf,
  vec2f, vec3f, vec4i,
} from "@framealloc/core";
// ${crypto.randomUUID()}, so that no earlier check is remembered
${structs.join("\n")}
const Top = Level${depth - 1};
type Top = Infer<typeof Top>;
const alloc = new SmartAlloc();
alloc.beginFrame();
const values: ValuesOf<typeof Top> = ${values(depth - 1)};
const record: Top = alloc.frameBox(Top, values).value;
const deep: number = record${down}.x;
const plain: PlainOf<typeof Top> = Top.toObject(Top.assign(record, ${values(depth - 1)}));
const plainDeep: number = plain${down}.x;
const columns: ColumnsOf<typeof Top> = alloc.frameColumns(Top, 2);
const column: Float32Array = columns${down}.x;
for (const k = alloc.frameAllocBatch(Top, 3).cursor(); k.next();) k.record${down}.set(deep, plainDeep, column.length);
alloc.frameVec(Top).push(record);
// @ts-expect-error -- the type is no any, however deep
record${down}.missing;
// @ts-expect-error -- neither are the values
Top.assign(record, ${values(depth - 1).replace("last: [1, 2, 3]", 'last: "1"')});
`;
}

/** Milliseconds that a check of a source takes. */
async function checkTime(text: string): Promise<number> {
  let ms = NaN;
  await withProject({ "@framealloc/core": ROOT }, { "main.ts": text }, async (folder) => {
    const start = performance.now();
    await denoOk(folder, "check", "--quiet", "--no-lock", "main.ts");
    ms = performance.now() - start;
  });
  return ms;
}

Deno.test(`a struct of ${FIELDS} fields, ${DEPTH} deep, is type-checked in time`, async () => {
  await checkTime(source(2, 1)); // whatever is to be cached is, after this
  const small = await checkTime(source(2, 1));
  const large = await checkTime(source(FIELDS, DEPTH));
  console.log(`${FIELDS} fields, ${DEPTH} deep: ${large.toFixed(0)} ms; 2 fields, 1 deep: ${small.toFixed(0)} ms`);
  assert(Number.isFinite(small));
  assertLess(large - small, BOUND_MS);
});
