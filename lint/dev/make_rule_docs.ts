/**
 * Writes `docs/rules/`: a page for each rule and an index, made of what the rules say of themselves. `deno task lint:docs` runs it; a test
 * fails when a page is not what this gives.
 */

import { CODES, type ErrorCode } from "../../mod.ts";
import { BROKEN } from "../adapters/file_report.ts";
import { CATEGORY_FLAGS } from "../fa/args.ts";
import { type RuleInfo, UNUSED_IGNORE } from "../fa/engine.ts";
import { RULES } from "../registry.ts";
import { EXAMPLE_CONFIG, EXAMPLE_FILE } from "../rules/other_rules.ts";
import { formatted, type Generated, write } from "./generated.ts";

/** Where the pages are. */
export const FOLDER = "docs/rules/";

const NOTE = "<!-- Made by lint/dev/make_rule_docs.ts from what the rules say: do not change it by hand. -->";

const TITLES: Readonly<Record<string, string>> = {
  threads: "Threads",
  budgets: "Budgets",
  lifetime: "Lifetime",
  async: "Async",
  architecture: "Tags and modules",
  gpu: "GPU",
  rapier: "Rapier",
  command: "The linter itself",
};

/** All codes that the command and the plugins report. */
export const DOCUMENTED: readonly RuleInfo[] = [...RULES, UNUSED_IGNORE, BROKEN];

/** Makes all pages. */
export async function makeRuleDocs(rules: readonly RuleInfo[] = DOCUMENTED): Promise<Generated> {
  const pages = rules.map((rule) => [pathOf(rule.code), pageOf(rule, rules)] as const);
  return await formatted(new Map([...pages, [`${FOLDER}README.md`, indexOf(rules)]]));
}

function pathOf(code: string): string {
  return `${FOLDER}${code.toLowerCase()}.md`;
}

function pageOf(rule: RuleInfo, rules: readonly RuleInfo[]): string {
  const { code, name, category, severity, isDefault, summary, explanation, help, bad, good, seeAlso } = rule;
  const flag = flagOf(category);
  const parts = [
    NOTE,
    `# ${code}: ${name}`,
    `${sentence(summary)}`,
    `| category | severity | by default |\n| --- | --- | --- |\n| ${category}${
      flag === undefined ? "" : ` (\`--${flag}\`)`
    } | ${severity} | ${isDefault ? (category === "architecture" ? "on, once tags are configured" : "on") : "off"} |`,
    ...explanation === "" ? [] : [`## Why\n\n${explanation}`],
    ...bad === "" ? [] : [`## Bad\n\n${settings(category)}${fence(bad)}`],
    ...good === "" ? [] : [`## Good\n\n${fence(good)}`],
    `## What to do\n\n${sentence(help)}`,
    ...isRuntime(code) ? [`## At run time\n\nThe library throws \`${code}\` too: ${sentence(lower(CODES[code]))}`] : [],
    ...seeAlso.length === 0 ? [] : [`## See also\n\n${seeAlso.map((other) => reference(other, rules)).join("\n")}`],
    `[All rules](README.md), and [how they are used](../static-analysis.md).`,
  ];
  return `${parts.join("\n\n")}\n`;
}

function indexOf(rules: readonly RuleInfo[]): string {
  const parts = [
    NOTE,
    "# Rules",
    "What static analysis finds, by category. [The guide](../static-analysis.md) says how it is used, and how it decides. `fa list` " +
    "prints this list, and `fa explain CODE` a page. A code means the same in an error of the running library.",
  ];
  for (const category of new Set(rules.map((rule) => rule.category))) {
    const flag = flagOf(category);
    const rows = rules.filter((rule) => rule.category === category).map((
      { code, name, severity, isDefault, summary },
    ) =>
      `| [${code}](${code.toLowerCase()}.md) | ${name} | ${severity}${isDefault ? "" : ", off"} | ${cell(summary)} |`
    );
    parts.push(
      `## ${TITLES[category] ?? category}${flag === undefined ? "" : ` (\`--${flag}\`)`}`,
      `| code | name | severity | what |\n| --- | --- | --- | --- |\n${rows.join("\n")}`,
    );
  }
  return `${parts.join("\n\n")}\n`;
}

/** What the examples of rules that need a configuration take for granted. */
function settings(category: string): string {
  if (category !== "architecture") return "";
  const list = (tags: readonly string[] = []) => `[${tags.map((tag) => JSON.stringify(tag)).join(", ")}]`;
  const modules = [...EXAMPLE_CONFIG.moduleTags ?? []].map(([path, tags]) =>
    `${JSON.stringify(path)} = ${list(tags)}\n`
  );
  return `In \`${EXAMPLE_FILE}\`, with this \`.fa.toml\`:\n\n\`\`\`toml\n[tags]\nknown_tags = ${
    list(EXAMPLE_CONFIG.knownTags)
  }\nwarn_unknown_tags = ${EXAMPLE_CONFIG.warnUnknownTags === true}\n\n[tags.module_tags]\n${
    modules.join("")
  }\`\`\`\n\n`;
}

function reference(code: string, rules: readonly RuleInfo[]): string {
  const rule = rules.find((other) => other.code === code);
  if (rule !== undefined) return `- [${code}](${code.toLowerCase()}.md): ${lower(rule.summary)}`;
  return `- ${code} of the running library${isRuntime(code) ? `: ${lower(CODES[code])}` : ""}`;
}

function isRuntime(code: string): code is ErrorCode {
  return Object.hasOwn(CODES, code);
}

function flagOf(category: string): string | undefined {
  return Object.entries(CATEGORY_FLAGS).find(([, name]) => name === category)?.[0];
}

function fence(code: string): string {
  return `\`\`\`ts ignore\n${code.trim()}\n\`\`\``;
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

/** The same inside a sentence: names that are written in capitals stay so. */
function lower(text: string): string {
  return /^[A-Z][a-z]* /.test(text) ? `${text[0]?.toLowerCase()}${text.slice(1)}` : text;
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}

if (import.meta.main) await write(await makeRuleDocs(), [FOLDER]);
