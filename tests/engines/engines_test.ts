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

/** What a program does that has a device, in the types that TypeScript has of WebGPU. */
const GPU_CONSUMER = `
import { SmartAlloc } from "@framealloc/core";
import { GpuAllocator, UnifiedAllocator, WebGpuBackend } from "@framealloc/core/gpu";

declare const device: GPUDevice;
const alloc = new SmartAlloc();
const gpu = new GpuAllocator(alloc, new WebGpuBackend(device));
const handle = gpu.alloc(64);
const buffer: GPUBuffer = gpu.buffer(handle);
const resource: GPUBindingResource = gpu.binding(handle);
new UnifiedAllocator(alloc, gpu).createCpuBuffer(4).buffer satisfies GPUBuffer;
// @ts-expect-error -- it is a buffer of the device
const bytes: Uint8Array = gpu.buffer(handle);
void [buffer, resource, bytes];
`;

for (const types of ["dom", "@webgpu/types"]) {
  Deno.test({
    name: `the packed library has types for GPUs that TypeScript accepts with ${types}`,
    ignore: noTypeScript !== undefined,
    async fn() {
      const { compilerOptions } = TSCONFIG;
      const isDom = types === "dom";
      const lib = compilerOptions.lib.filter((name) => isDom || name !== "dom");
      const options = { ...compilerOptions, lib, types: isDom ? [] : [types], skipLibCheck: !isDom };
      await Deno.writeTextFile(`${project}/gpu.ts`, GPU_CONSUMER);
      const config = { compilerOptions: options, files: ["gpu.ts"] };
      await Deno.writeTextFile(`${project}/tsconfig.json`, JSON.stringify(config));
      const check = async (): Promise<void> =>
        await withPackage(TYPESCRIPT, async (folder) => {
          const { success, stdout, stderr } = await deno(project, "run", "-A", "--no-lock", `${folder}/lib/tsc.js`);
          assert(success, stdout + stderr);
        });
      if (isDom) return await check();
      await withPackage("@webgpu/types@0.1", async (folder) => {
        await Deno.mkdir(`${project}/node_modules/@webgpu`, { recursive: true });
        await Deno.rename(await Deno.realPath(folder), `${project}/node_modules/@webgpu/types`);
        await check();
      });
    },
  });
}
