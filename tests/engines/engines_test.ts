/**
 * The library outside Deno: other engines run what npm gets, and TypeScript itself checks its types.
 */

import { assert, assertEquals, assertGreater } from "@std/assert";
import { deno, ROOT } from "../consumer/_project.ts";
import { findEngines } from "./_engines.ts";
import { withPackage } from "./_npm.ts";
import { installInto } from "./_package.ts";

/** The program of the project: the page for Chromium does the same. */
const RUN = `import { smoke } from "./smoke.js";\nconsole.log(JSON.stringify(await smoke()));\n`;

/** Fewer checks than this are not all of them. */
const LEAST_CHECKS = 20;

/** What the type checker must object to in the program of a consumer: it would not if a declaration were missing. */
const MISTAKES = `
// @ts-expect-error -- an allocator has no such method
alloc.missing();
// @ts-expect-error -- a record has no such field
kept?.missing;
`;

const TSCONFIG = {
  compilerOptions: {
    strict: true,
    exactOptionalPropertyTypes: true,
    module: "nodenext",
    target: "esnext",
    lib: ["es2022", "esnext.disposable", "dom"], // what a program that is not up to date has
    types: [],
    noEmit: true,
  },
  files: ["consumer.ts"],
};

let project = "";

Deno.test.beforeAll(async () => {
  project = await Deno.makeTempDir({ prefix: "framealloc_engines_" });
  await installInto(project);
  await Deno.copyFile(`${ROOT}/tests/engines/_smoke.js`, `${project}/smoke.js`);
  await Deno.writeTextFile(`${project}/run.js`, RUN);
  await Deno.writeTextFile(`${project}/package.json`, JSON.stringify({ type: "module" }));
});

Deno.test.afterAll(async () => await Deno.remove(project, { recursive: true }));

for (const { name, missing, run } of await findEngines()) {
  if (missing !== undefined) console.log(`Skipped: ${name}: ${missing}`);
  Deno.test({
    name: `the packed library works in ${name}`,
    ignore: missing !== undefined,
    async fn() {
      const { passed, failures } = JSON.parse(await run(project));
      assertEquals(failures, []);
      assertGreater(passed, LEAST_CHECKS);
    },
  });
}

const TYPESCRIPT = "typescript@6";
const noTypeScript = await withPackage(TYPESCRIPT, () => Promise.resolve()).catch(String);
if (noTypeScript !== undefined) console.log(`Skipped: TypeScript: ${noTypeScript}`);

Deno.test({
  name: "the packed library has types that TypeScript accepts",
  ignore: noTypeScript !== undefined,
  async fn() {
    const consumer = await Deno.readTextFile(`${ROOT}/tests/consumer/main.ts`);
    await Deno.writeTextFile(`${project}/consumer.ts`, consumer + MISTAKES);
    await Deno.writeTextFile(`${project}/tsconfig.json`, JSON.stringify(TSCONFIG));
    await withPackage(TYPESCRIPT, async (folder) => {
      const { success, stdout, stderr } = await deno(project, "run", "-A", "--no-lock", `${folder}/lib/tsc.js`);
      assert(success, stdout + stderr);
    });
  },
});
