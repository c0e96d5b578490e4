/**
 * A package that exports layouts: it can be published as it is, and others allocate its layouts with their types.
 */

import { assert, assertEquals, assertMatch, assertNotMatch, assertStringIncludes } from "@std/assert";
import { deno, denoOk, ROOT, withProject } from "../consumer/_project.ts";

const FOLDER = `${ROOT}/tests/consumer_layouts`;
const PACKAGES = { "@framealloc/core": ROOT, "@sample/layouts": FOLDER };

const USE = `
import { type Infer, SmartAlloc } from "@framealloc/core";
import { Anchor, distance, Rope } from "@sample/layouts";

const alloc = new SmartAlloc();
alloc.beginFrame();
const anchor: Anchor = alloc.frameAlloc(Anchor);
anchor.a = 7;
anchor.point.set(3, 4, 12);
const ropes = alloc.frameAllocBatch(Rope, 2);
const rope: Infer<typeof Rope> = ropes.at(1);
rope.points.at(3).copyFrom(anchor.point);
rope.model.fill(0);
console.log(distance(anchor), Anchor.toObject(anchor));
const z = (Rope.stride + Rope.offsets.points + 3 * 16 + 8) / 4;
console.log(Rope.size, Rope.offsets.points, rope.points.at(3).z, ropes.view(Float32Array)[z]);
const { point } = alloc.frameColumns(Anchor, 3);
console.log(point.y.length);
`;

Deno.test("a package that exports layouts can be published without slow types", async () => {
  const { stderr } = await denoOk(FOLDER, "publish", "--dry-run", "--allow-dirty");
  assertStringIncludes(stderr, "Checking for slow types");
  assertStringIncludes(stderr, "@sample/layouts@0.1.0");
});

Deno.test("a package whose layouts have no named type has slow types", async () => {
  await withProject({ "@framealloc/core": ROOT }, {
    "mod.ts": 'import { struct, u32 } from "@framealloc/core";\nexport const Anchor = struct("Anchor", { a: u32 });\n',
  }, async (folder) => {
    const manifest = JSON.parse(await Deno.readTextFile(`${folder}/deno.json`));
    const named = { ...manifest, name: "@sample/slow", version: "0.1.0", license: "MIT", exports: "./mod.ts" };
    await Deno.writeTextFile(`${folder}/deno.json`, JSON.stringify(named));
    const { success, stderr } = await deno(folder, "publish", "--dry-run", "--allow-dirty");
    assert(!success);
    assertStringIncludes(stderr, "missing-explicit-type");
  });
});

Deno.test("layouts of a linked package are allocated with their types, with no permissions", async () => {
  await withProject(PACKAGES, { "main.ts": USE }, async (folder) => {
    await denoOk(folder, "check", "--quiet", "--no-lock", "main.ts");
    const { stdout } = await denoOk(folder, "run", "--quiet", "--no-prompt", "--no-lock", "main.ts");
    assertEquals(stdout, "13 { a: 7, point: { x: 3, y: 4, z: 12 } }\n144 64 12 12\n3\n");
  });
});

Deno.test("layouts of a linked package refuse what they do not have, when checked", async () => {
  const wrong = `
import { SmartAlloc } from "@framealloc/core";
import { Anchor } from "@sample/layouts";
const anchor = new SmartAlloc().frameAlloc(Anchor);
anchor.b = 1;
anchor.a = "1";
`;
  await withProject(PACKAGES, { "main.ts": wrong }, async (folder) => {
    const { success, stderr } = await deno(folder, "check", "--quiet", "--no-lock", "main.ts");
    assert(!success);
    assertMatch(stderr, /TS2339.*'b' does not exist/);
    assertMatch(stderr, /TS2322.*'string' is not assignable to type 'number'/);
    assertNotMatch(stderr, /any\b.*implicitly/);
  });
});
