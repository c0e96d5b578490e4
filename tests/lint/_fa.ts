/**
 * What the tests of the command share: a folder with files, a host that keeps what is written, and an analysis whose findings are written
 * into the text, so that these tests know nothing of the rules.
 */

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Tools } from "../../lint/fa/check.ts";
import { runCommand } from "../../lint/fa/command.ts";
import type { Diagnostic, Severity } from "../../lint/core/diagnostic.ts";
import type { Analysis, Engine, RuleInfo } from "../../lint/fa/engine.ts";
import { isLibrary } from "../../lint/fa/library.ts";
import { OXC_BY_JSON } from "../../lint/fa/parse.ts";

function rule(code: string, name: string, category: string, severity: Severity, isDefault = true): RuleInfo {
  return {
    ...{ code, name, category, severity, isDefault, summary: `What ${name} means`, help: `What to do about ${name}` },
    ...{ explanation: `Why ${name} is wrong.`, bad: `bad${code.slice(2)}(); // ${code}`, good: "good();", seeAlso: [] },
  };
}

/** The rules of the analysis of these tests. */
export const RULES: readonly RuleInfo[] = [
  rule("FA201", "cross-worker-frame", "threads", "error"),
  rule("FA203", "worker-without-budget", "threads", "hint", false),
  rule("FA301", "unbounded-allocation", "budgets", "hint"),
  rule("FA601", "frame-escape", "lifetime", "warning"),
  rule("FA609", "guard-dropped", "lifetime", "warning"),
  rule("FA702", "await-crossing", "async", "error"),
  rule("FA801", "tag-mismatch", "architecture", "warning"),
  rule("FA851", "staging-leak", "gpu", "warning"),
  rule("FA901", "rapier-import", "rapier", "warning"),
];

/**
 * An analysis that reports FA702 for each `bad702`, and so on. `from702` is a related place, `const f = bad609` can be fixed, `crash` is a
 * bug, `ask(name, "module")` reports FA301 when the index knows the export, and a name after an empty comment when its type is known.
 */
export const ENGINE: Engine = {
  rules: RULES,
  isLibrary,
  concerns: (text, modules) => text.includes("framealloc") || modules.some((module) => text.includes(module)),
  analyze: (_, source, analysis) => {
    if (/\bcrash\b/.test(source.text)) throw new TypeError("the rule broke");
    return [...marks(source.text), ...asked(source.filename, source.text, analysis), ...typed(source.text, analysis)]
      .filter(({ code }) => analysis.rules.has(code));
  },
};

function* marks(text: string): Generator<Diagnostic> {
  for (const match of text.matchAll(/\bbad(\d{3})(\w*)/g)) {
    const info = RULES.find(({ code }) => code === `FA${match[1]}`);
    if (info === undefined) continue;
    const related = [...text.matchAll(new RegExp(`\\bfrom${match[1]}\\b`, "g"))]
      .map(({ index, 0: found }) => ({ start: index, end: index + found.length, message: "allocated here" }));
    const before = text.slice(0, match.index);
    const declared = /const (?=\w+ = $)/.exec(before);
    const suggestions = info.code === "FA609" && declared !== null
      ? [
        {
          message: "Let the block end it",
          edits: [{ start: declared.index, end: declared.index + 5, text: "using" }],
          applicability: "machine",
        } as const,
      ]
      : [];
    // What is fixed is no longer wrong.
    if (info.code === "FA609" && /using (?=\w+ = $)/.test(before)) continue;
    yield {
      ...{ code: info.code, severity: info.severity, confidence: "certain", help: info.help, related, suggestions },
      ...{
        start: match.index,
        end: match.index + match[0].length,
        message: `This is ${info.name}${match[2]}`,
        notes: ["A note"],
      },
    };
  }
}

function* asked(filename: string, text: string, { index }: Analysis): Generator<Diagnostic> {
  for (const { index: start, 0: all, 1: name = "", 2: module = "" } of text.matchAll(/ask\((\w+), "([^"]+)"\)/g)) {
    const fact = index.find(filename, module, name);
    if (fact === undefined) continue;
    yield {
      ...{
        code: "FA301",
        severity: "hint",
        confidence: "path",
        start,
        end: start + all.length,
        message: JSON.stringify(fact),
      },
      ...{ help: "", notes: [], related: [], suggestions: [] },
    };
  }
}

function* typed(text: string, { kindOf }: Analysis): Generator<Diagnostic> {
  for (const { index, 0: all } of text.matchAll(/(?<=\/\*\*\/)[\w.()]+/g)) {
    const kind = kindOf?.(index, index + all.length);
    if (kind === undefined) continue;
    yield {
      ...{ code: "FA301", severity: "hint", confidence: "path", start: index, end: index + all.length, message: kind },
      ...{ help: "", notes: [], related: [], suggestions: [] },
    };
  }
}

/** What a run of the command gave. */
export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** A folder with files, in which the command can be run. */
export class Folder implements Disposable {
  /** Where it is. */
  readonly path: string = mkdtempSync(join(tmpdir(), "fa-"));

  constructor(files: Readonly<Record<string, string>> = {}) {
    for (const [name, text] of Object.entries(files)) this.write(name, text);
  }

  write(name: string, text: string): void {
    const path = join(this.path, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }

  read(name: string): string {
    return readFileSync(join(this.path, name), "utf8");
  }

  /** Runs the command here. */
  async fa(...args: readonly string[]): Promise<Ran> {
    return await this.faWith({}, ...args);
  }

  /** Runs the command here, with something else than usual. */
  async faWith(
    tools: Partial<Omit<Tools, "host">> & { host?: Partial<Tools["host"]> },
    ...args: readonly string[]
  ): Promise<Ran> {
    let out = "";
    let err = "";
    const host = {
      ...{ cwd: this.path, env: {}, stdoutIsTerminal: false, stderrIsTerminal: false },
      ...{ out: (text: string) => void (out += text), err: (text: string) => void (err += text) },
      ...tools.host,
    };
    const code = await runCommand(args, { engine: ENGINE, parser: OXC_BY_JSON, ...tools, host });
    return { code, out, err };
  }

  /** Runs the command here and reads its JSON. */
  async json(...args: readonly string[]): Promise<{ code: number; err: string; document: Document }> {
    const { code, out, err } = await this.fa("--format", "json", ...args);
    return { code, err, document: JSON.parse(out) as Document };
  }

  /** Runs the command here and returns what it found, as `file:line CODE`. */
  async found(...args: readonly string[]): Promise<string[]> {
    const { document } = await this.json(...args);
    return document.diagnostics.map(({ code, location }) => `${location.file}:${location.line} ${code}`);
  }

  git(...args: readonly string[]): string {
    const identity = ["-c", "user.name=t", "-c", "user.email=t@t", "-c", "commit.gpgsign=false"];
    const { success, stdout, stderr } = new Deno.Command("git", { args: [...identity, ...args], cwd: this.path })
      .outputSync();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
    return new TextDecoder().decode(stdout);
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** A place in the JSON of the command. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly endLine: number;
  readonly endColumn: number;
}

/** The JSON of the command. */
export interface Document {
  readonly diagnostics: readonly {
    readonly code: string;
    readonly name: string;
    readonly category: string;
    readonly severity: string;
    readonly confidence: string;
    readonly message: string;
    readonly location: Place;
    readonly notes: readonly string[];
    readonly help: string;
    readonly suggestion: null | {
      readonly message: string;
      readonly applicability: string;
      readonly edits: readonly Record<string, unknown>[];
    };
    readonly related: readonly { readonly message: string; readonly location: Place }[];
  }[];
  readonly errors: readonly {
    readonly kind: string;
    readonly file: string;
    readonly message: string;
    readonly location: Place | null;
  }[];
  readonly summary: Record<string, number>;
  readonly "stale_baseline": readonly { readonly file: string; readonly code: string }[];
  readonly "files_analyzed": number;
  readonly "duration_ms": number;
}

/** A file that uses the library, with this in it from its second line on. */
export function using(...lines: readonly string[]): string {
  return ['import { SmartAlloc } from "@framealloc/core";', ...lines, ""].join("\n");
}
