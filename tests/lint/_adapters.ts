/**
 * The programs on which all front ends must find the same, and each front end as a function from these to what it finds.
 */

import * as typescriptParser from "@typescript-eslint/parser";
import { build, stop } from "esbuild";
import { Linter } from "eslint";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import manifest from "../../deno.json" with { type: "json" };
import eslintPlugin from "../../lint/eslint.ts";
import { runCommand } from "../../lint/fa/command.ts";
import { CORE } from "../../lint/fa/core_engine.ts";
import { Lines } from "../../lint/fa/lines.ts";
import { OXC_BY_JSON } from "../../lint/fa/parse.ts";
import { RULES } from "../../lint/registry.ts";
import { EXAMPLE_CONFIG } from "../../lint/rules/other_rules.ts";
import denoPlugin from "../../lint/mod.ts";
import { readCorpus } from "./_corpus.ts";
import type { Document } from "./_fa.ts";

/** What is found, as `file:line:column CODE`, in order. */
export type Findings = readonly string[];

/** Turns on every rule, and says what the examples of the rules need. */
const CONFIG = `[lints.levels]
${RULES.filter(({ isDefault }) => !isDefault).map(({ code }) => `${code} = "warn"`).join("\n")}

[tags]
known_tags = ${JSON.stringify(EXAMPLE_CONFIG.knownTags)}
warn_unknown_tags = true

[tags.module_tags]
${[...EXAMPLE_CONFIG.moduleTags ?? []].map(([path, tags]) => `"${path}" = ${JSON.stringify(tags)}`).join("\n")}
`;

const HEAD = 'import { type SmartAlloc } from "@framealloc/core";';
const MISTAKE =
  "async function f(alloc: SmartAlloc) { const v = alloc.frameSlice(Float32Array, 4); await 0; v[0] = 1; }";

/** Texts with what parsers may count in different ways, and what one of them does not show. */
export const AWKWARD: Readonly<Record<string, string>> = {
  "characters of two units": `${HEAD}\n/* 😀 */ const smile = "😀😀"; ${MISTAKE}\n`,
  "ends of lines of Windows": `${HEAD}\r\n\r\n${MISTAKE}\r\n`,
  "an interpreter": `#!/usr/bin/env -S deno run\n${HEAD}\n${MISTAKE}\n`,
  "a bound of a class": `${HEAD}
abstract class A<in out T extends SmartAlloc, U = Map<string, T>> {
  kept: unknown;
  run(alloc: T): void { this.kept = alloc.frameSlice(Float32Array, 4); }
}
export default class<const T extends SmartAlloc> { kept: unknown; run(alloc: T): void { this.kept = alloc.frameVec(Float32Array, 4); } }
`,
  "an accessor": `${HEAD}
class A { accessor alloc!: SmartAlloc; kept: unknown; run() { this.kept = this.alloc.frameSlice(Float32Array, 4); } }
`,
  "holes in patterns": `${HEAD}
async function f([, alloc, , ...more]: [number, SmartAlloc], [{ a }, , b = ","]: string[]) {
  const [, v] = [0, alloc.frameSlice(Float32Array, 4)];
  const w = alloc.frameSlice(Float32Array, 4);
  const [, x = 0, ...rest] = w;
  await a;
  return [v, w, x, rest, more, b];
}
`,
  "an optional chain": `${HEAD}
class A { kept: unknown; constructor(readonly game: { alloc?: SmartAlloc } | undefined, readonly alloc?: SmartAlloc) {}
  one() { this.kept = this.alloc?.frameVec(Float32Array, 4)?.slice; }
  two() { this.kept = this.game?.alloc?.frameSlice(Float32Array, 4).subarray(1); }
  three() { this.kept = (this.alloc?.frameSlice(Float32Array, 4))!.subarray(1); }
}
`,
  "computed names": `${HEAD}
class A { kept: unknown; alloc!: SmartAlloc;
  [Symbol.dispose]() { this.kept = this["alloc"].frameSlice(Float32Array, 4); }
  static async *["go"](alloc: SmartAlloc) { const v = alloc.frameSlice(Float32Array, 1_000); yield 0; v[0x1_0] = 1; }
}
`,
  "blocks that are none": `${HEAD}
async function f(alloc: SmartAlloc, n: number) {
  const v = alloc.frameSlice(Float32Array, 4);
  while (n-- > 0);
  do ; while (n++ < 0);
  for (const _ of []) ;
  if (n) ; else await 0;
  v[0] = 1;
}
class B { static kept: unknown; static { B.kept = (null as unknown as SmartAlloc).frameSlice(Float32Array, 4); } }
`,
  "texts with holes": `${HEAD}
function f(alloc: SmartAlloc, out: Record<string, unknown>) {
  out[\`a\`] = alloc.frameSlice(Float32Array, 4); out[\`\${1}\`] = alloc.frameSlice(Float32Array, 4);
}
`,
  "parentheses": `${HEAD}
async function f(alloc: SmartAlloc) {
  const v = (alloc).frameSlice(Float32Array, 4);
  (await 0);
  (v)[0] = 1; ((v).fill)(0); return (v);
}
`,
  "comments that ignore": `${HEAD}
// fa-ignore FA702 -- known
${MISTAKE}
// fa-ignore FA601 -- nothing of the kind
${MISTAKE.replace("f(", "g(")}
`,
};

/** Files that know of each other. */
const PROJECT: Readonly<Record<string, string>> = {
  "src/memory.ts": 'import { SmartAlloc } from "@framealloc/core";\nexport const sharedAlloc = new SmartAlloc();\n',
  "src/render/memory.ts":
    'import { SmartAlloc } from "@framealloc/core";\nexport const renderAlloc = new SmartAlloc();\n',
  "src/game/names_no_library.ts": `import { sharedAlloc as memory } from "../memory.ts";
export async function step() { const v = memory.frameSlice(Float32Array, 4); await 0; v[0] = 1; }
`,
};

/** A folder with all programs, and the front ends. */
export class Fixtures implements Disposable {
  readonly folder: string = mkdtempSync(join(tmpdir(), "fa-agree-"));
  /** Names relative to the folder. */
  readonly files: readonly string[];

  constructor() {
    const texts = new Map<string, string>();
    for (const [index, { text }] of readCorpus().entries()) texts.set(`corpus_${index}.ts`, text);
    for (const { code, bad, good } of RULES) {
      texts.set(`src/physics/${code}_bad.ts`, bad);
      texts.set(`src/physics/${code}_good.ts`, good);
    }
    for (const [name, text] of Object.entries(AWKWARD)) texts.set(`${name.replaceAll(" ", "_")}.ts`, text);
    for (const [name, text] of Object.entries(PROJECT)) texts.set(name, text);
    for (const [name, text] of texts) this.write(name, text);
    this.write(".fa.toml", CONFIG);
    this.files = [...texts.keys()];
  }

  write(name: string, text: string): void {
    const path = join(this.folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }

  read(name: string): string {
    return readFileSync(join(this.folder, name), "utf8");
  }

  /** Runs the command, and returns what it prints. */
  async fa(...args: readonly string[]): Promise<string> {
    let out = "";
    const host = {
      ...{ cwd: this.folder, env: {}, stdoutIsTerminal: false, stderrIsTerminal: false },
      ...{ out: (text: string) => void (out += text), err: () => {} },
    };
    // The parser without shared memory leaves no timer behind.
    await runCommand(args, { engine: CORE, parser: OXC_BY_JSON, host });
    return out;
  }

  /** What the command finds; it also leaves an index for those that see one file at a time. */
  async byCommand(): Promise<Findings> {
    await this.fa("index");
    const { diagnostics, errors } = JSON.parse(await this.fa("--all", "--format", "json")) as Document;
    if (errors.length > 0) throw new Error(JSON.stringify(errors));
    return sorted(diagnostics.map(({ code, location: { file, line, column } }) => `${file}:${line}:${column} ${code}`));
  }

  /** What the plugin of `deno lint` finds; only to be called from tests. */
  byDenoPlugin(): Findings {
    const found = this.files.flatMap((name) => {
      const text = this.read(name);
      const lines = new Lines(text);
      return Deno.lint.runPlugin(denoPlugin, join(this.folder, name), text).map(({ id, range: [start, end] }) => {
        const { line, column } = lines.locate(start, end);
        return `${name}:${line}:${column} ${codeOf(id)}`;
      });
    });
    return sorted(found);
  }

  /** What ESLint finds with the parser of typescript-eslint. */
  byEslint(): Findings {
    const linter = new Linter({ configType: "flat", cwd: this.folder });
    const found = this.files.flatMap((name) =>
      linter.verify(this.read(name), eslintConfig(), join(this.folder, name)).map(
        ({ ruleId, line, column, message }) =>
          `${name}:${line}:${column} ${ruleId === null ? message : codeOf(ruleId)}`,
      )
    );
    return sorted(found);
  }

  /** What oxlint finds with the same plugin. */
  async byOxlint(): Promise<Findings> {
    this.write(
      ".oxlintrc.json",
      JSON.stringify({
        jsPlugins: [join(this.folder, ".plugin", "eslint.mjs")],
        categories: { correctness: "off" },
        rules: Object.fromEntries(Object.keys(eslintPlugin.rules).map((name) => [`framealloc/${name}`, "error"])),
      }),
    );
    await bundleForNode(join(this.folder, ".plugin", "eslint.mjs"));
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--quiet", "--no-config", manifest.imports.oxlint, "--format", "json", "."],
      cwd: this.folder,
    }).output();
    const text = new TextDecoder().decode(stdout);
    if (!text.startsWith("{")) throw new Error(`${text}\n${new TextDecoder().decode(stderr)}`);
    const { diagnostics } = JSON.parse(text) as { diagnostics: readonly OxlintDiagnostic[] };
    const found = diagnostics.map(({ code, filename, labels, message }) => {
      const { span } = labels[0] ?? { span: { offset: 0 } };
      const name = filename.replace(/^\.\//, "");
      const text = this.read(name);
      // It counts in bytes.
      const before = new TextDecoder().decode(new TextEncoder().encode(text).subarray(0, span.offset));
      const { line, column } = new Lines(text).locate(before.length, before.length);
      return `${name}:${line}:${column} ${code === undefined ? message : codeOf(code)}`;
    });
    return sorted(found);
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

interface OxlintDiagnostic {
  readonly code?: string;
  readonly filename: string;
  readonly message: string;
  readonly labels: readonly {
    readonly span: { readonly offset: number; readonly line: number; readonly column: number };
  }[];
}

/** All rules, for TypeScript. */
export function eslintConfig(): Linter.Config[] {
  const rules = Object.fromEntries(
    Object.keys(eslintPlugin.rules).map((name) => [`framealloc/${name}`, "error"] as const),
  );
  return [{
    files: ["**/*.ts"],
    plugins: { framealloc: eslintPlugin as unknown as NonNullable<Linter.Config["plugins"]>[string] },
    languageOptions: { parser: typescriptParser as unknown as Linter.Parser },
    rules,
  }];
}

/** Bundles the plugin into one file that Node can load. */
export async function bundleForNode(outfile: string): Promise<void> {
  const entry = fileURLToPath(new URL("../../lint/eslint.ts", import.meta.url));
  try {
    await build({ entryPoints: [entry], outfile, bundle: true, format: "esm", platform: "node", logLevel: "error" });
  } finally {
    await stop();
  }
  if (!existsSync(outfile)) throw new Error(`Cannot bundle the plugin as ${outfile} was not written`);
}

/** The code of a rule by its name with that of the plugin. */
export function codeOf(id: string): string {
  return /fa\d{3}/.exec(id)?.[0].toUpperCase() ?? id;
}

function sorted(found: readonly string[]): Findings {
  return [...found].sort();
}
