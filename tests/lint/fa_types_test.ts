/**
 * Types: the compiler says what an expression is where nothing in the file or in the index does, and a machine without one is told so.
 */

import { assertEquals, assertRejects } from "@std/assert";
import { loadTypeScript } from "../../lint/fa/oracle_ts6.ts";
import { UsageError } from "../../lint/fa/usage_error.ts";
import { Folder } from "./_fa.ts";

const FILES = {
  "deno.json": JSON.stringify({ imports: { "~/": "./src/" } }),
  "src/memory.ts": `import { SmartAlloc, type TaskAlloc } from "@framealloc/core";
export class World<A extends SmartAlloc> { readonly parts: A[] = []; get(i: number): A { return this.parts[i]!; } }
export const worlds = new Map<string, World<SmartAlloc>>();
export class Own extends SmartAlloc {}
export const own: Own | undefined = undefined as Own | undefined;
export const pick = <T>(x: T): T => x;
export declare const task: TaskAlloc;
export const number = 1;
`,
  "a.ts": `import { number, own, pick, task, worlds, World } from "~/memory.ts";
const alloc = worlds.get("x")?.get(0);
/**/alloc;
/**/own;
/**/pick(task);
/**/number;
function f<A extends World<never>>(a: A, all: ReturnType<typeof worlds.get>[]) { /**/a; for (const w of all) { const p = w!.parts[0]; /**/p; } }
const [[, second]] = [...worlds].map(([k, w]) => [k, w.get(0)] as const); /**/second;
`,
};

async function kinds(...args: readonly string[]): Promise<string[]> {
  using folder = new Folder(FILES);
  const { document } = await folder.json("--only", "FA301", ...args);
  return document.diagnostics.map(({ location, message }) => `${location.line} ${message}`);
}

Deno.test("the compiler tells what comes from other files", async () => {
  assertEquals(await kinds("--types", "ts6"), [
    "3 SmartAlloc",
    "4 SmartAlloc",
    "5 TaskAlloc",
    "7 SmartAlloc",
    "8 SmartAlloc",
  ]);
});

Deno.test("without being asked it is not started", async () => {
  assertEquals(await kinds(), []);
  assertEquals(await kinds("--types", "off"), []);
});

Deno.test("where it cannot be had, asking for it is an error that says how to get it", async () => {
  await assertRejects(() => loadTypeScript(["no-such-compiler", "node:path"]), UsageError, "deno add npm:typescript@6");
});
