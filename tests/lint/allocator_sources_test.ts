/**
 * What is an allocator is known from the file, the index of the project, the configuration, the type checker, and by name only on request.
 */

import { assertEquals } from "@std/assert";
import type { ExportFact, ProjectIndex } from "../../lint/core/analyze.ts";
import { compare, findIn } from "./_run.ts";

function indexOf(facts: Record<string, ExportFact>): ProjectIndex {
  return {
    names: new Set(Object.keys(facts)),
    find: (_importer, specifier, name) =>
      specifier === "./engine.ts" && Object.hasOwn(facts, name) ? facts[name] : undefined,
  };
}

const INDEX = indexOf({
  alloc: { is: "instance", of: "SmartAlloc" },
  Alloc: { is: "class", of: "SmartAlloc" },
  makeAlloc: { is: "factory", of: "SmartAlloc" },
  openAlloc: { is: "factory", of: "SmartAlloc", isAsync: true },
  engine: { is: "holder", members: { alloc: { is: "instance", of: "SmartAlloc" } } },
  Engine: { is: "holder", members: { alloc: { is: "instance", of: "SmartAlloc" } } },
  default: { is: "instance", of: "SmartAlloc" },
});

Deno.test("the index of the project knows what other files export", () => {
  const text = `import main, { alloc, Alloc, type Engine, engine, makeAlloc, openAlloc } from "./engine.ts";
import * as everything from "./engine.ts";
let kept: unknown;
export async function f(own: Alloc, given: Engine) {
  kept = alloc.frameSlice(Float32Array, 1); // FA601
  kept = own.frameSlice(Float32Array, 1); // FA601
  kept = engine.alloc.frameSlice(Float32Array, 1); // FA601
  kept = given.alloc.frameSlice(Float32Array, 1); // FA601
  kept = main.frameSlice(Float32Array, 1); // FA601
  kept = everything.alloc.frameSlice(Float32Array, 1); // FA601
  kept = makeAlloc().frameSlice(Float32Array, 1); // FA601
  const made = new Alloc();
  kept = made.frameSlice(Float32Array, 1); // FA601
  const opened = await openAlloc();
  kept = opened.frameSlice(Float32Array, 1); // FA601
}
`;
  const { found, expected } = compare(text, { index: INDEX, rules: new Set(["FA601"]) });
  assertEquals(found, expected);
  assertEquals(findIn(text), []);
});

Deno.test("a file that mentions nothing of an index is not looked at", () => {
  assertEquals(findIn("export const x = 1; x.frameSlice();", { index: INDEX, strict: false }), []);
});

Deno.test("more specifiers can be those of the library", () => {
  const text = `import { SmartAlloc } from "#memory";
class A { v: unknown; f(alloc: SmartAlloc) {
    this.v = alloc.frameSlice(Float32Array, 1); // FA601
} }`;
  const { found, expected } = compare(text, { config: { modules: ["#memory"] } });
  assertEquals(found, expected);
  assertEquals(findIn(text), []);
});

Deno.test("the type checker is asked about what the file does not tell", () => {
  const text = `import { world } from "./world.ts";
export class A { v: unknown; f() {
    this.v = world.memory.frameSlice(Float32Array, 1); // FA601
    this.v = world.other.frameSlice(Float32Array, 1);
} }`;
  const kindOf = (start: number, end: number) => text.slice(start, end) === "world.memory" ? "SmartAlloc" : undefined;
  const { found, expected } = compare(text, { kindOf });
  assertEquals(found, expected);
});

Deno.test("a name alone counts only on request", () => {
  const text = `import { world } from "./world.ts";
export class A { v: unknown; f() {
    this.v = world.alloc.frameSlice(Float32Array, 1); // FA601
    this.v = world.canvas.frameSlice(Float32Array, 1);
} }`;
  assertEquals(findIn(text), []);
  const { found, expected } = compare(text, { strict: true });
  assertEquals(found, expected);
});

Deno.test("classes of the same name from elsewhere are none of the library", () => {
  for (const origin of ['import { SmartAlloc } from "other";', "class SmartAlloc { frameSlice(..._: unknown[]) {} }"]) {
    assertEquals(
      findIn(`${origin}
export class A { v: unknown; f(alloc: SmartAlloc) { this.v = alloc.frameSlice(Float32Array, 1); } }`),
      [],
    );
  }
});

Deno.test("only the rules that are asked for report", () => {
  const text = `import type { SmartAlloc } from "@framealloc/core";
export async function f(alloc: SmartAlloc) { const v = alloc.frameVec(Float32Array, 1); await 0; v.push(1); alloc.frameSlice(Float32Array, 1); }`;
  const codes = (rules?: ReadonlySet<string>) =>
    findIn(text, rules === undefined ? {} : { rules }).map(({ code }) => code);
  assertEquals(codes(), ["FA702", "FA701"]);
  assertEquals(codes(new Set(["FA701"])), ["FA701"]);
  assertEquals(codes(new Set()), []);
});

Deno.test("a finding says where the value was allocated and what has ended it", () => {
  const text = `import type { SmartAlloc } from "@framealloc/core";
export function f(alloc: SmartAlloc) {
  alloc.beginFrame();
  const v = alloc.frameVec(Float32Array, 1);
  alloc.endFrame();
  v.push(1);
}`;
  const [finding] = findIn(text);
  assertEquals(finding?.severity, "error");
  assertEquals(finding?.confidence, "certain");
  assertEquals(finding?.related.map(({ start, end }) => text.slice(start, end)), [
    "alloc.frameVec(Float32Array, 1)",
    "alloc.endFrame()",
  ]);
});

Deno.test("the fix of a dropped guard declares it with using", () => {
  const head = 'import type { SmartAlloc } from "@framealloc/core";\n';
  const fixed = (text: string): string => {
    const [edit] = findIn(head + text)[0]?.suggestions[0]?.edits ?? [];
    if (edit === undefined) throw new Error("no fix");
    const whole = head + text;
    return (whole.slice(0, edit.start) + edit.text + whole.slice(edit.end)).slice(head.length);
  };
  assertEquals(
    fixed("function f(a: SmartAlloc) { a.frame(); }"),
    "function f(a: SmartAlloc) { using _frame = a.frame(); }",
  );
  assertEquals(
    fixed("function f(a: SmartAlloc) { const g = a.frame(); }"),
    "function f(a: SmartAlloc) { using g = a.frame(); }",
  );
});
