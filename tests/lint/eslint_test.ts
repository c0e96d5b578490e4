/**
 * The plugin in a real ESLint: its presets, comments, fixes and suggestions, with the parsers for TypeScript and for JavaScript.
 */

import * as typescriptParser from "@typescript-eslint/parser";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Linter } from "eslint";
import { join } from "node:path";
import { type EslintPlugin, eslintPlugin } from "../../lint/adapters/eslint_plugin.ts";
import plugin from "../../lint/eslint.ts";
import { CORE } from "../../lint/fa/core_engine.ts";
import { RULES } from "../../lint/registry.ts";
import { Folder } from "./_fa.ts";

const HEAD = 'import { SmartAlloc } from "@framealloc/core";';
const MISTAKE =
  "async function f(alloc: SmartAlloc) { const v = alloc.frameSlice(Float32Array, 4); await 0; v[0] = 1; }";
const BAD = `${HEAD}\n${MISTAKE}\n`;
const GUARD = `${HEAD}
function f(alloc: SmartAlloc) {
  const frame = alloc.frame();
  alloc.frameSlice(Uint8Array, 1).fill(0);
}
`;

type Rules = Record<string, "error" | "warn" | "off">;

function lint(
  text: string,
  options: { rules?: Rules; path?: string; plugin?: EslintPlugin } = {},
): Linter.LintMessage[] {
  const { path = "main.ts" } = options;
  return new Linter({ configType: "flat", cwd: "/" }).verify(text, configWith(options.plugin, options.rules), path);
}

function configWith(from = plugin, rules: Rules = {}): Linter.Config[] {
  return [
    from.configs.recommended as unknown as Linter.Config,
    { files: ["**/*.ts"], languageOptions: { parser: typescriptParser as unknown as Linter.Parser } },
    { files: ["**/*"], rules },
  ];
}

function show({ line, column, ruleId, severity }: Linter.LintMessage): string {
  return `${line}:${column} ${ruleId} ${severity === 2 ? "error" : "warn"}`;
}

Deno.test("the preset reports what runs by default, as severe as the rules are", () => {
  assertEquals(lint(BAD).map(show), ["2:93 framealloc/fa702 error"]);
  assertEquals(lint(GUARD).map(show), ["3:17 framealloc/fa609 warn"]);
  assertStringIncludes(lint(BAD)[0]?.message ?? "", "Use it before the await");
  const levels = plugin.configs.recommended.rules;
  assertEquals(
    RULES.map(({ code, isDefault }) => [code, `framealloc/${code.toLowerCase()}` in levels === isDefault]),
    RULES.map(({ code }) => [code, true]),
  );
});

Deno.test("rules are turned off by ESLint, by its comments and by the project, and on by ESLint alone", () => {
  const optional = RULES.find(({ isDefault }) => !isDefault);
  assert(optional !== undefined);
  const name = `framealloc/${optional.code.toLowerCase()}`;
  const ofOptional = (rules: Rules, path?: string) =>
    lint(optional.bad, { rules, ...(path === undefined ? {} : { path }) }).filter(({ ruleId }) => ruleId === name)
      .length > 0;
  assertEquals(lint(BAD, { rules: { "framealloc/fa702": "off" } }), []);
  assertEquals(lint(BAD.replace("\n", "\n// eslint-disable-next-line framealloc/fa702 -- known\n")), []);
  assertEquals(lint(BAD.replace("\n", "\n// deno-lint-ignore framealloc/fa702\n")), []);
  assertEquals(lint(BAD.replace("\n", "\n// fa-ignore FA702 -- known\n")), []);
  assertEquals(ofOptional({}), false);
  assertEquals(ofOptional({ [name]: "warn" }), true);
  using folder = new Folder({ ".fa.toml": `[lints]\ndisabled = ["FA702", "${optional.code}"]\n` });
  const path = join(folder.path, "a.ts");
  assertEquals(new Linter({ configType: "flat", cwd: folder.path }).verify(BAD, configWith(), path), []);
});

Deno.test("a fix is applied, and a suggestion is offered", () => {
  const linter = new Linter({ configType: "flat", cwd: "/" });
  const { fixed, output } = linter.verifyAndFix(GUARD, configWith(), "main.ts");
  assertEquals([fixed, output], [true, GUARD.replace("const frame", "using frame")]);

  const text =
    `${HEAD}\nclass A { kept: unknown; run(alloc: SmartAlloc) { this.kept = alloc.frameSlice(Float32Array, 4); } }\n`;
  const suggesting = eslintPlugin({
    ...CORE,
    analyze: (...args) =>
      CORE.analyze(...args).map((found) => ({
        ...found,
        suggestions: [{
          message: "Take a copy",
          edits: [{ start: found.end, end: found.end, text: " /* a */" }, {
            start: found.start,
            end: found.start,
            text: "/* b */ ",
          }],
          applicability: "person",
        }],
      })),
  }, "0");
  const [message] = lint(text, { plugin: suggesting });
  assertEquals(message?.ruleId, "framealloc/fa601");
  assertEquals(message?.fix, undefined);
  assertEquals(message?.suggestions?.map(({ desc }) => desc), ["Take a copy"]);
  const { range: [start, end], text: changed } = message?.suggestions?.[0]?.fix ?? { range: [0, 0], text: "" };
  assertStringIncludes(
    text.slice(0, start) + changed + text.slice(end),
    "/* b */ this.kept = alloc.frameSlice(Float32Array, 4) /* a */",
  );
});

Deno.test("JavaScript is read with the parser of ESLint", () => {
  const text = `${HEAD}
const alloc = new SmartAlloc();
export async function f() {
  const values = alloc.frameSlice(Float32Array, 4);
  await 0;
  return values?.[0];
}
`;
  assertEquals(lint(text, { path: "main.js" }).map(show), ["6:10 framealloc/fa702 error"]);
});

Deno.test("a rule that throws is reported, and stops no other rule of ESLint", () => {
  const broken = eslintPlugin({
    ...CORE,
    analyze: () => {
      throw new TypeError("a rule broke");
    },
  }, "0");
  const found = lint(`${BAD}debugger;\n`, { plugin: broken, rules: { "no-debugger": "error" } });
  assertEquals(found.map(show), ["1:1 framealloc/fa999 error", "3:1 no-debugger error"]);
  assertStringIncludes(found[0]?.message ?? "", "TypeError: a rule broke");
});
