/**
 * Programs that are deeper or more entangled than anybody writes them are analysed like all others: nothing is thrown, and the time does
 * not grow with the number of ways through them.
 */

import { assertEquals } from "@std/assert";
import { findIn } from "./_run.ts";

const HEAD = 'import { SmartAlloc } from "@framealloc/core";\n';
const many = (count: number, part: (i: number) => string): string =>
  Array.from({ length: count }, (_, i) => part(i)).join("\n");
const nested = (count: number, open: string, inner: string, close: string): string =>
  open.repeat(count) + inner + close.repeat(count);

const PROGRAMS: Readonly<Record<string, string>> = {
  "a sum of thousands": `const x = ${Array(3000).fill('"a"').join(" + ")};`,
  "brackets in brackets": `const x = ${nested(300, "[", "", "]")};`,
  "a chain of calls": `x${".a()".repeat(500)};`,
  "else after else": `${"if (a) b(); else ".repeat(300)}c();`,
  "functions in functions": `${nested(100, "f(() => ", "1", ")")};`,
  "functions that return what others return": many(
    200,
    (i) =>
      `function f${i}(x) { return x ? f${(i * 7 + 1) % 200}(x - 1) || f${(i * 3 + 2) % 200}(x - 2) : f${
        (i + 5) % 200
      }(x); }`,
  ),
  "syntax of all kinds":
    `@d abstract class A<T> { declare x: number; accessor y = 1; static {} abstract m(): void; get [k]() { return 1; } }
enum E { A = 1 } namespace N { export const q = 1; } import z = require("x"); export = z; declare global { var v: number }
label: for (const k in {}) { continue label; } with_: { break with_; } var { a = 1, ...r } = q, [b, , ...c] = q;
async function* g() { yield* h(); for await (const x of y) await using_(x); } tag\`x\${1}\`; (<any> a).b!.c?.[d]?.(); import.meta; a ||= b;
function over(x: string): void; function over(x: unknown): asserts x is string {} type X = typeof import("y"); x satisfies Y;`,
};

for (const [name, text] of Object.entries(PROGRAMS)) {
  Deno.test(`nothing is thrown at, and nothing found in ${name}`, () => assertEquals(findIn(HEAD + text), []));
}

Deno.test("loops in loops are followed, to some depth", () => {
  const inner = "const v = alloc.frameVec(Float32Array, 1); await 0; v.push(1);";
  const at = (depth: number): string[] =>
    findIn(`${HEAD}async function f(alloc: SmartAlloc) { ${nested(depth, "for (const a of b) {", inner, "}")} }`)
      .map(({ code }) => code);
  assertEquals(at(3), ["FA701", "FA702"]);
  assertEquals(at(24), ["FA701", "FA702"]);
});

Deno.test("every mistake of hundreds in one function is found", () => {
  const step =
    "if (a) { alloc.beginFrame(); const v = alloc.frameVec(Float32Array, 1); if (b) alloc.endFrame(); v.push(1); }";
  assertEquals(findIn(`${HEAD}function f(alloc: SmartAlloc) {\n${many(400, () => step)}\n}`).length, 400);
});
