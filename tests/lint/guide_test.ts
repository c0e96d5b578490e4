/**
 * What the guide says of the command is so: its flags, its configuration, its commands, and the report that it shows.
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { COMMANDS, FORMATS, readArgs } from "../../lint/fa/args.ts";
import { TEMPLATE } from "../../lint/fa/commands/init.ts";
import { CONFIG_FILE, parseConfig } from "../../lint/fa/config.ts";
import { CORE } from "../../lint/fa/core_engine.ts";
import { HELP } from "../../lint/fa/help.ts";
import { DOCUMENTED } from "../../lint/dev/make_rule_docs.ts";
import { Folder } from "./_fa.ts";

const ROOT = new URL("../../", import.meta.url);
const GUIDE = await Deno.readTextFile(new URL("docs/static-analysis.md", ROOT));

/** The code blocks in a language. */
function blocks(language: string, text = GUIDE): string[] {
  return [...text.matchAll(/^```([^\n]*)\n([^]*?)^```$/gm)].flatMap(([, name, code = ""]) =>
    name === language ? [code] : []
  );
}

Deno.test("the guide has every flag, command, format and exit code of the help", () => {
  const flags = new Set(HELP.match(/--[a-z][a-z-]+/g));
  for (const flag of flags) assert(new RegExp(`\`${flag}[ \`]`).test(GUIDE), `${flag} is not in the guide`);
  for (const command of COMMANDS) assertStringIncludes(GUIDE, `| \`fa ${command}`);
  for (const format of FORMATS) {
    assert(new RegExp(`^\\| \`${format}\` `, "m").test(GUIDE), `${format} is not in the guide`);
  }
  for (const code of HELP.match(/\d(?= (?:clean|findings|wrong|a file))/g) ?? []) {
    assertStringIncludes(GUIDE, `| ${code}    `);
  }
});

Deno.test("the guide shows the configuration that fa init writes, and all its keys can be used", () => {
  const [toml] = blocks("toml");
  assertEquals(toml, TEMPLATE);
  const used = TEMPLATE.replace(/^# (?=\S+ = )/gm, "");
  const config = parseConfig(used, undefined, "/", new Set(DOCUMENTED.map(({ code }) => code)));
  assertEquals([config.levels.size, config.moduleTags.size, config.loopAllocationLimit], [2, 1, 100], CONFIG_FILE);
});

Deno.test("the command lines of the guide and the readme can be read", async () => {
  const readme = await Deno.readTextFile(new URL("lint/README.md", ROOT));
  const lines = [GUIDE, readme].flatMap((text) => [...blocks("sh", text), ...blocks("yaml", text)]).join("\n").split(
    "\n",
  );
  const commands = lines.flatMap((line) =>
    /^(?:fa|deno run -A jsr:@framealloc\/lint\/fa|.*run: deno run -A jsr:@framealloc\/lint\/fa)\b(?!\s*jsr)(.*)$/.exec(
      line,
    )?.[1] ?? []
  );
  assert(commands.length >= 8);
  for (const command of commands) {
    readArgs(command.replace(/#.*|>.*/, "").trim().split(/\s+/).filter((word) => word !== ""));
  }
});

Deno.test("the command prints what the guide shows", async () => {
  const [code = ""] = blocks("ts ignore");
  const [shown = ""] = blocks("text");
  using folder = new Folder({ "src/upload.ts": code });
  const ran = await folder.faWith({ engine: CORE }, "src");
  assertEquals([ran.code, ran.out, ran.err], [1, shown, ""]);
});

Deno.test("the links of the guide and of the rules lead somewhere", async () => {
  const pages = ["docs/static-analysis.md", "docs/rules/README.md"];
  for (const { code } of DOCUMENTED) pages.push(`docs/rules/${code.toLowerCase()}.md`);
  const broken: string[] = [];
  for (const page of pages) {
    const text = await Deno.readTextFile(new URL(page, ROOT));
    for (const [, target = ""] of text.replace(/^```[^]*?^```$/gm, "").matchAll(/\]\(([^)]+)\)/g)) {
      if (/^https?:/.test(target)) continue;
      const url = new URL(target, new URL(page, ROOT));
      const file = await Deno.readTextFile(new URL(url.pathname, "file:///")).catch(() => undefined);
      const anchors = (file?.match(/^#+ .*/gm) ?? []).map(anchorOf);
      if (file === undefined || (url.hash !== "" && !anchors.includes(url.hash.slice(1)))) {
        broken.push(`${page}: ${target}`);
      }
    }
  }
  assertEquals(broken, []);
});

/** The anchor that GitHub gives to a heading. */
function anchorOf(heading: string): string {
  return heading.replace(/^#+ /, "").toLowerCase().replace(/[^\w\s-]/g, "").replaceAll(" ", "-");
}
