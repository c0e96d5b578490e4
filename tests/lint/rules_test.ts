/**
 * The rules about threads, budgets, architecture, GPU and Rapier: their examples, what depends on the configuration, and their fixes.
 */

import { assertEquals } from "@std/assert";
import { CODES } from "../../src/codes.ts";
import { RULES } from "../../lint/registry.ts";
import type { RuleConfig } from "../../lint/core/analyze.ts";
import { EXAMPLE_CONFIG, EXAMPLE_FILE, OTHER_RULES } from "../../lint/rules/other_rules.ts";
import { compare, findIn } from "./_run.ts";

for (const rule of OTHER_RULES) {
  Deno.test(`${rule.code} reports the marked lines of its bad example, and nothing in its good one`, () => {
    const rules = new Set(
      RULES.filter(({ code, isDefault }) => isDefault || code === rule.code).map(({ code }) => code),
    );
    const options = { rules, config: EXAMPLE_CONFIG };
    const bad = compare(rule.bad, options, EXAMPLE_FILE);
    assertEquals(bad.found, bad.expected, rule.bad);
    assertEquals(bad.expected.some((line) => line.endsWith(rule.code)), true, "the example has no mistake");
    assertEquals(compare(rule.good, options, EXAMPLE_FILE), { found: [], expected: [] }, rule.good);
  });
}

const TAGS = `import { SmartAlloc } from "@framealloc/core";
import { unknown } from "./other.ts";
const NAMES = { solver: "solver", draw: "draw" } as const;
const prefix = "sol";
enum Tag { Draw = "draw" }
export function f(alloc: SmartAlloc, given: string) {
  alloc.withTag(NAMES.solver, () => {});
  alloc.withTag(prefix + "ver", () => {});
  alloc.withTag("solver::draw", () => {});
  alloc.withTag(given, () => {});
  alloc.withTag(unknown, () => {});
  alloc.withTag(NAMES.draw, (inner) => inner.withTag("solver", () => {}));
  alloc.withTag(Tag.Draw, () => {});
  using _tag = alloc.tag(\`draw\`);
  alloc.budgets.setTag("slover", { hard: 1 });
}
class Other {
  withTag(_tag: string, fn: () => void): void {
    fn();
  }
}
new Other().withTag("slover", () => {});
`;

function linesOf(code: string, config: RuleConfig, file: string, text = TAGS): number[] {
  return findIn(text, { rules: new Set([code]), config }, file).map(({ start }) =>
    text.slice(0, start).split("\n").length
  );
}

Deno.test("FA801 knows the module of a file by its path", () => {
  const moduleTags = new Map([["src/physics/**", ["solver"]], ["**/render/*.ts", ["draw"]], ["audio", ["mixer"]]]);
  assertEquals(linesOf("FA801", { moduleTags }, "/home/me/game/src/physics/deep/solve.ts"), [9, 12, 13, 14, 15]);
  assertEquals(linesOf("FA801", { moduleTags }, "/home/me/game/src/render/draw.ts"), [7, 8, 9, 12, 15]);
  assertEquals(linesOf("FA801", { moduleTags }, "/home/me/game/src/render/deep/draw.ts"), []);
  assertEquals(linesOf("FA801", { moduleTags }, "/home/me/game/src/physicsish/solve.ts"), []);
  assertEquals(linesOf("FA801", { moduleTags }, "game/audio/mix.ts"), [7, 8, 9, 12, 12, 13, 14, 15]);
  assertEquals(linesOf("FA801", { moduleTags }, "game/audio.ts"), [7, 8, 9, 12, 12, 13, 14, 15]);
  assertEquals(linesOf("FA801", {}, "game/audio.ts"), []);
});

Deno.test("FA802 reports what is not known, and only if it is asked for", () => {
  const moduleTags = new Map([["src/render", ["draw"]]]);
  const config = { knownTags: ["solver"], moduleTags };
  assertEquals(linesOf("FA802", { ...config, warnUnknownTags: true }, "a.ts"), [15]);
  assertEquals(linesOf("FA802", config, "a.ts"), []);
  assertEquals(linesOf("FA802", { warnUnknownTags: true }, "a.ts"), []);
  assertEquals(linesOf("FA802", { knownTags: ["solver"], warnUnknownTags: true }, "a.ts"), [9, 12, 13, 14, 15]);
});

Deno.test("FA803 lets modules with a tag in common share an allocator", () => {
  const text = `import type { SmartAlloc } from "@framealloc/core";
import { renderAlloc } from "../render/memory.ts";
const alloc: SmartAlloc = renderAlloc;
export const take = () => {
  alloc.frameSlice(Float32Array, 4).fill(0);
  return alloc.frameNumber;
};
`;
  const lines = (render: string[], physics: string[]) => {
    const moduleTags = new Map([["src/render", render], ["src/physics", physics]]);
    return linesOf("FA803", { moduleTags }, "/game/src/physics/solve.ts", text);
  };
  assertEquals(lines(["draw"], ["solver"]), [5]);
  assertEquals(lines(["draw", "shared"], ["solver", "shared"]), []);
  assertEquals(
    linesOf("FA803", { moduleTags: new Map([["src/render", ["draw"]]]) }, "/game/src/physics/solve.ts", text),
    [],
  );
});

/** A text after all machine-applicable suggestions of one rule. */
function fixed(code: string, text: string, config: RuleConfig = {}): string {
  const edits = findIn(text, { rules: new Set([code]), config }).flatMap(({ suggestions }) =>
    suggestions.filter(({ applicability }) => applicability === "machine").flatMap(({ edits }) => edits)
  );
  return edits.sort((a, b) => b.start - a.start).reduce(
    (result, edit) => result.slice(0, edit.start) + edit.text + result.slice(edit.end),
    text,
  );
}

Deno.test("the fix of FA905 calls what fits the argument", () => {
  const text = (numbers: string, records: string) =>
    `import { f32, SmartAlloc, struct } from "@framealloc/core";
const Hit = struct("Hit", { depth: f32 });
const alloc = new SmartAlloc();
export const f = () => alloc.${numbers}(Float32Array, 8).length + alloc.${records}(Hit, 8).length;
`;
  assertEquals(fixed("FA905", text("frameAllocSlice", "frameAllocSlice")), text("frameSlice", "frameAllocBatch"));
});

Deno.test("the fix of FA802 writes the tag that is nearly the same, where it stands", () => {
  const text = (tag: string) =>
    `import type { SmartAlloc } from "@framealloc/core";
const AUDIO = "auido";
export const f = (alloc: SmartAlloc) => alloc.withTag("${tag}", () => alloc.withTag(AUDIO, () => alloc.withTag("zzz", () => 1)));
`;
  const config = { knownTags: ["physics", "audio"], warnUnknownTags: true };
  assertEquals(fixed("FA802", text("phyiscs"), config), text("physics"));
});

Deno.test("FA203 is only looked for if it is asked for", () => {
  const rule = OTHER_RULES.find(({ code }) => code === "FA203");
  assertEquals(findIn(rule?.bad ?? ""), []);
});

Deno.test("the code of each rule is its own, and those it points to are known", () => {
  const codes = RULES.map(({ code }) => code);
  assertEquals(new Set(codes).size, codes.length);
  for (const { code, name, seeAlso } of OTHER_RULES) {
    assertEquals(codes.includes(code), true, code);
    assertEquals(seeAlso.filter((other) => !codes.includes(other) && !Object.hasOwn(CODES, other)), [], code);
    assertEquals(/^[a-z]+(?:-[a-z]+)+$/.test(name), true, name);
  }
});
