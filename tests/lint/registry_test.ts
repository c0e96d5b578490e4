/**
 * A code means one thing everywhere: in the rules, in the errors of the running library, in files and in the documentation.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { CODES, type ErrorCode } from "../../mod.ts";
import { DOCUMENTED, FOLDER, makeRuleDocs } from "../../lint/dev/make_rule_docs.ts";
import { differences } from "../../lint/dev/generated.ts";
import { CATEGORY_FLAGS } from "../../lint/fa/args.ts";
import { RULES } from "../../lint/registry.ts";

/**
 * The codes that the running library has too, each with what both texts must speak of. The library says what has happened and the rule what
 * will, so the words differ: whoever adds a code compares the meanings.
 */
const SHARED: Readonly<Partial<Record<ErrorCode, readonly RegExp[]>>> = {
  FA701: [/frame memory/, /requested|allocated/, /after an await/, /begun/],
  FA702: [/handle|value/, /used after an await/, /allocat/],
  FA704: [/frame/, /open/, /await|waits/],
  FA851: [/stag(?:ed|ing)/, /not transferred before (?:their|its) frame ends?/],
  FA852: [/GPU/, /does not allow|not created for/],
  FA853: [/bytes of the GPU (?:are|were) read before/, /arrived|brings/],
  FA855: [/memory of (?:the GPU|a GPU frame)|frame memory/, /mapped range/, /after its frame|is gone/],
  FA999: [/this is a bug|could not be done/],
};

/** The area of the codes of a category. */
const AREAS: Readonly<Record<string, RegExp>> = {
  threads: /^FA2/,
  budgets: /^FA3/,
  lifetime: /^FA6/,
  async: /^FA7/,
  architecture: /^FA80/,
  gpu: /^FA85/,
  rapier: /^FA9[0-8]/,
  command: /^FA99/,
};

const isRuntime = (code: string): code is ErrorCode => Object.hasOwn(CODES, code);

Deno.test("each rule has a code and a name of its own", () => {
  for (const key of ["code", "name"] as const) {
    const all = DOCUMENTED.map((rule) => rule[key]);
    assertEquals(all.filter((each, i) => all.indexOf(each) !== i), []);
  }
  const codes = RULES.map(({ code }) => code);
  assertEquals(codes, codes.toSorted());
});

Deno.test("a rule is in the file of its code, and each such file is in the registry", async () => {
  const files: string[] = [];
  for await (const { name } of Deno.readDir(new URL("../../lint/rules/", import.meta.url))) {
    if (/^fa\d+\.ts$/.test(name)) files.push(name);
  }
  assertEquals(files.sort(), RULES.map(({ code }) => `${code.toLowerCase()}.ts`));
  for (const rule of RULES) {
    const module = await import(`../../lint/rules/${rule.code.toLowerCase()}.ts`) as Record<string, unknown>;
    assert(module[rule.code.toLowerCase()] === rule, rule.code);
  }
});

Deno.test("the area of a code is its category, and each category has a flag", () => {
  for (const { code, name, category } of DOCUMENTED) {
    assertMatch(code, AREAS[category] ?? /^$/, `${code} is of the category "${category}"`);
    assertMatch(name, /^[a-z]+(?:-[a-z]+)*$/);
  }
  const flagged: readonly string[] = Object.values(CATEGORY_FLAGS);
  assertEquals([...new Set(RULES.map(({ category }) => category))].filter((each) => !flagged.includes(each)), []);
});

Deno.test("each rule says what is wrong, why, and what to do", () => {
  for (const { code, summary, help, explanation, bad, good } of RULES) {
    assertMatch(summary, /^[a-zA-Z][^\n]{15,110}[^.\n]$/, `the summary of ${code} is one line without a full stop`);
    assertMatch(help, /^[A-Z][^\n]{10,190}[^.\n]$/, `the help of ${code} is one line without a full stop`);
    assertMatch(explanation, /^[^\n]{40,}\.$/, `the explanation of ${code} is made of sentences`);
    assert(bad.includes(`// ${code}`), `the bad example of ${code} says where it is bad`);
    assert(!/\/\/ FA\d/.test(good) && good.length > 40, `the good example of ${code} is good`);
    for (const example of [bad, good]) assertMatch(example, /^\S[^]*\n$/, `the examples of ${code} are whole lines`);
  }
});

Deno.test("a rule refers to codes that there are, and not to itself", () => {
  const known = new Set<string>([...DOCUMENTED.map(({ code }) => code), ...Object.keys(CODES)]);
  for (const { code, seeAlso } of DOCUMENTED) {
    assertEquals(seeAlso.filter((other) => !known.has(other) || other === code), [], code);
    assertEquals(new Set(seeAlso).size, seeAlso.length, code);
  }
});

Deno.test("a code that the running library has too means the same there", () => {
  const both = DOCUMENTED.map(({ code }) => code).filter(isRuntime);
  assertEquals(both.toSorted(), Object.keys(SHARED).sort());
  for (const { code, summary } of DOCUMENTED) {
    if (!isRuntime(code)) continue;
    for (const text of [summary, CODES[code]]) {
      for (const word of SHARED[code] ?? []) assertMatch(text, new RegExp(word, "i"), `${code}: ${text}`);
    }
  }
});

Deno.test("what the command itself reports is registered", () => {
  const own = DOCUMENTED.filter(({ category }) => category === "command").map(({ code }) => code);
  assertEquals(own, ["FA998", "FA999"]);
  assertEquals(RULES.filter(({ code }) => own.includes(code)), []);
});

Deno.test("no code of the running library is in an area of rules alone", () => {
  // FA6xx and FA9xx but the last are of the rules, FA0xx and FA4xx of the library.
  assertEquals(Object.keys(CODES).filter((code) => /^FA(?:[268]0|6|9(?!99))/.test(code)), []);
  assertEquals(RULES.map(({ code }) => code).filter((code) => /^FA[04]/.test(code)), []);
});

Deno.test("the pages of the rules are as the rules are", async () => {
  assertEquals(await differences(await makeRuleDocs(), [FOLDER]), [], "run `deno task lint:docs`");
});
