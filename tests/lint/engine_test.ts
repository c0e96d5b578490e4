/**
 * The analysis finds what is wrong in programs, at its line, and nothing else.
 */

import { assertEquals } from "@std/assert";
import { RULES } from "../../lint/registry.ts";
import { EXAMPLE_CONFIG, EXAMPLE_FILE } from "../../lint/rules/other_rules.ts";
import { compare } from "./_run.ts";
import { ALLOCATORS } from "./_allocator_snippets.ts";
import { ASYNC } from "./_async_snippets.ts";
import { EDGES } from "./_edge_snippets.ts";
import { HEAD, LIFETIME } from "./_lifetime_snippets.ts";
import { MORE_EDGES } from "./_more_edge_snippets.ts";
import { MORE_LIFETIME } from "./_more_lifetime_snippets.ts";
import { WHOLE } from "./_whole_snippets.ts";

const SETS = {
  lifetimes: { ...LIFETIME, ...MORE_LIFETIME },
  async: ASYNC,
  allocators: ALLOCATORS,
  "whole programs": WHOLE,
  edges: { ...EDGES, ...MORE_EDGES },
};

for (const [about, snippets] of Object.entries(SETS)) {
  for (const [name, text] of Object.entries(snippets)) {
    Deno.test(`${about}: ${name}`, () => {
      const { found, expected } = compare(text.includes("@framealloc/core") ? text : HEAD + text);
      assertEquals(found, expected, text);
    });
  }
}

for (const rule of RULES) {
  Deno.test(`${rule.code} finds its bad example, and no rule finds anything in its good one`, () => {
    const codes = new Set(
      RULES.filter(({ code, isDefault }) => isDefault || code === rule.code).map(({ code }) => code),
    );
    const options = { rules: codes, config: EXAMPLE_CONFIG };
    const bad = compare(rule.bad, options, EXAMPLE_FILE);
    assertEquals(bad.found, bad.expected, rule.bad);
    assertEquals(bad.found.some((line) => line.endsWith(rule.code)), true, "the example has no mistake");
    assertEquals(compare(rule.good, options, EXAMPLE_FILE), { found: [], expected: [] }, rule.good);
  });
}
