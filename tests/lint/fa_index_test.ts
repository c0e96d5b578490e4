/**
 * What one file is told about others: exports that are allocators, make them, hold them or hand out memory of the frame, through every way
 * of exporting and every way of naming a file.
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { readSymbols } from "../../lint/fa/symbols.ts";
import { Folder } from "./_fa.ts";

const SMART = '{"is":"instance","of":"SmartAlloc"}';

/** Asks what a file knows of names that it imports from a module. */
async function facts(
  files: Readonly<Record<string, string>>,
  module: string,
  ...names: readonly string[]
): Promise<Record<string, string>> {
  using folder = new Folder({
    ...files,
    "asks.ts": names.map((name) => `// ask(${name}, "${module}");\n`).join("") + `import "${module}";\n`,
  });
  const { document } = await folder.json("--only", "FA301");
  const lines = names.map((
    name,
    at,
  ) => [name, document.diagnostics.find(({ location }) => location.line === at + 1)?.message ?? ""]);
  return Object.fromEntries(lines);
}

Deno.test("exported allocators, classes, factories and holders are known", async () => {
  const memory = `
import { SmartAlloc as Memory, type TaskAlloc, FrameAlloc, f32 } from "@framealloc/core";
import * as core from "jsr:@framealloc/core@^0.1";
export const alloc = new Memory();
export let later: Memory | undefined;
export const ns = new core.SmartAlloc();
export function make(): Memory { return new Memory(); }
export const makeArrow = () => new Memory({});
export async function open(): Promise<Memory> { return await Promise.resolve(new Memory()); }
export async function opened() { return new Memory(); }
export class Game { readonly alloc = new Memory(); frames: FrameAlloc; constructor(private tasks: TaskAlloc) { this.late = new Memory(); } }
export interface Ctx { alloc: Memory; name: string; task(): TaskAlloc }
export class Own extends Memory {}
export type Alias = Memory;
export { Memory };
export const world = { alloc, deep: { alloc }, n: 1 };
export const frozen = Object.freeze({ alloc });
export function vec(a: Memory, n: number) { const v = a.frameSlice(Float32Array, n); return v; }
export const box = (a: Memory) => a.frameBox(f32, 1);
export function size(a: Memory) { return a.frameSlice(Float32Array, 1).length; }
export function pooled(a: Memory) { return a.poolBox(f32, 1); }
export const task = later!.handles;
export const number = 1;
export default alloc;
`;
  const names = [
    "alloc",
    "later",
    "ns",
    "make",
    "makeArrow",
    "open",
    "opened",
    "Game",
    "Ctx",
    "Own",
    "Alias",
    "Memory",
    "world",
    "frozen",
  ];
  const known = await facts(
    { "memory.ts": memory },
    "./memory.ts",
    ...names,
    "vec",
    "box",
    "size",
    "pooled",
    "task",
    "number",
    "default",
  );
  const factory = '{"is":"factory","of":"SmartAlloc"}';
  const asyncFactory = '{"is":"factory","of":"SmartAlloc","isAsync":true}';
  assertEquals(known, {
    ...{
      alloc: SMART,
      later: SMART,
      ns: SMART,
      make: factory,
      makeArrow: factory,
      open: asyncFactory,
      opened: asyncFactory,
    },
    Game: `{"is":"holder","members":{"alloc":${SMART},"frames":{"is":"instance","of":"FrameAlloc"},` +
      `"tasks":{"is":"instance","of":"TaskAlloc"},"late":${SMART}}}`,
    Ctx: `{"is":"holder","members":{"alloc":${SMART},"task":{"is":"factory","of":"TaskAlloc"}}}`,
    ...{
      Own: '{"is":"class","of":"SmartAlloc"}',
      Alias: '{"is":"class","of":"SmartAlloc"}',
      Memory: '{"is":"class","of":"SmartAlloc"}',
    },
    world: `{"is":"holder","members":{"alloc":${SMART},"deep":{"is":"holder","members":{"alloc":${SMART}}}}}`,
    frozen: `{"is":"holder","members":{"alloc":${SMART}}}`,
    ...{ vec: '{"is":"frame factory"}', box: '{"is":"frame factory"}', size: "", pooled: "" },
    ...{ task: '{"is":"instance","of":"Handles"}', number: "", default: SMART },
  });
});

Deno.test("facts pass through files that hand them on, also in circles", async () => {
  const files = {
    "memory.ts":
      'import { SmartAlloc } from "@framealloc/core";\nexport const alloc = new SmartAlloc();\nexport default alloc;\n',
    "mid/index.ts":
      'export * from "../memory";\nexport * from "../outer.ts";\nexport { default as main } from "../memory.js";\n',
    "outer.ts":
      'export * from "./mid";\nexport { alloc as other } from "./mid/index.ts";\nexport * as all from "./memory.ts";\n' +
      'import { alloc } from "./mid/index.ts";\nexport { alloc as renamed };\nexport const again = alloc;\n',
    "core.ts": 'export * from "@framealloc/core";\n',
  };
  assertEquals(
    await facts(files, "./outer.ts", "alloc", "other", "main", "renamed", "again", "all", "default", "loop"),
    {
      ...{ alloc: SMART, other: SMART, main: SMART, renamed: SMART, again: SMART },
      ...{ all: `{"is":"holder","members":{"alloc":${SMART},"default":${SMART}}}`, default: "", loop: "" },
    },
  );
  assertEquals(await facts(files, "./core.ts", "SmartAlloc", "f32"), {
    SmartAlloc: '{"is":"class","of":"SmartAlloc"}',
    f32: "",
  });
});

Deno.test("files are found by import maps, workspace names, tsconfig paths and folders", async () => {
  const memory = {
    "src/memory/mod.ts": 'import { SmartAlloc } from "@framealloc/core";\nexport const alloc = new SmartAlloc();\n',
  };
  const json = (value: unknown) => JSON.stringify(value);
  for (
    const [module, files] of [
      ["./src/memory", {}],
      ["./src/memory/mod.js", {}],
      ["mem", { "deno.json": json({ imports: { mem: "./src/memory/mod.ts" } }) }],
      ["~/memory/mod.ts", { "deno.jsonc": `{ // a comment\n "imports": { "~/": "./src/", }, }` }],
      ["mem", {
        "deno.json": json({ importMap: "./map.json" }),
        "map.json": json({ imports: { mem: "./src/memory/mod.ts" } }),
      }],
      ["@x/memory", {
        "deno.json": json({ workspace: ["src/memory"] }),
        "src/memory/deno.json": json({ name: "@x/memory", exports: "./mod.ts" }),
      }],
      ["@x/p/sub", { "deno.json": json({ name: "@x/p", exports: { ".": "./x.ts", "./sub": "./src/memory/mod.ts" } }) }],
      ["@/memory/mod", { "tsconfig.json": json({ compilerOptions: { baseUrl: "./src", paths: { "@/*": ["./*"] } } }) }],
    ] as const
  ) assertEquals(await facts({ ...memory, ...files }, module, "alloc"), { alloc: SMART }, module);
  assertEquals(await facts(memory, "./elsewhere/memory/mod.ts", "alloc"), { alloc: "" });
  assertEquals(await facts(memory, "npm:memory", "alloc"), { alloc: "" });
});

Deno.test("a single file is told about the files that it imports", async () => {
  using folder = new Folder({
    "memory.ts": 'import { SmartAlloc } from "@framealloc/core";\nexport const alloc = new SmartAlloc();\nbad702();\n',
    "a.ts": 'import "@framealloc/core";\nimport { alloc } from "./memory.ts";\nask(alloc, "./memory.ts");\n',
  });
  assertEquals(await folder.found("a.ts"), ["a.ts:3 FA301"], "and nothing is reported for those");
});

Deno.test("index writes what is known, and the file can be read without a parser", async () => {
  using folder = new Folder({
    "src/memory.ts": 'import { SmartAlloc } from "@framealloc/core";\nexport const alloc = new SmartAlloc();\n',
    "src/b.ts": 'export * from "./memory.ts";\n',
    "c.ts": "export const alloc = 1;\n",
  });
  const { code, err, out } = await folder.fa("index");
  assertEquals([code, out], [0, ""]);
  assertStringIncludes(err, "2 exports of 2 files");
  assertEquals(JSON.parse(folder.read(".framealloc/symbols.json")), {
    version: 1,
    exports: { "src/b.ts": { alloc: JSON.parse(SMART) }, "src/memory.ts": { alloc: JSON.parse(SMART) } },
  });
  const index = readSymbols(`${folder.path}/src/deep`);
  assertEquals(JSON.stringify(index?.find(`${folder.path}/src/x.ts`, "./b.ts", "alloc")), SMART);
  assertEquals(index?.find(`${folder.path}/src/x.ts`, "../c.ts", "alloc"), undefined);
  assert(index?.names.has("alloc"));
  folder.write(".framealloc/symbols.json", "{");
  assertEquals(readSymbols(folder.path), undefined);
});
