/**
 * The findings of one file as a linter that hosts the rules wants them: by code, as each code is a rule of its own to it, and without those
 * that the project or a comment takes away. The rules of one file share one analysis. A crash is a finding, too: a linter would drop the
 * findings of all rules for the file, and some say nothing.
 */

import { dirname, isAbsolute, resolve } from "node:path";
import type { Comment, Program } from "../core/ast.ts";
import type { Diagnostic } from "../core/diagnostic.ts";
import type { ProjectIndex } from "../core/project.ts";
import { shownPath } from "../fa/discover.ts";
import { type Engine, type RuleInfo, UNUSED_IGNORE } from "../fa/engine.ts";
import { RANK } from "../fa/finding.ts";
import { Lines } from "../fa/lines.ts";
import { findSuppressions, suppressionFor, unusedSuppressions } from "../fa/suppressions.ts";
import { type Project, Projects } from "./project.ts";

/** A file as a linter knows it; the tree is only made when it is needed. */
export interface HostedFile {
  readonly filename: string;
  readonly text: string;
  comments(): readonly Comment[];
  program(): Program;
}

/** The findings of a file by their codes. */
export type FileReport = ReadonlyMap<string, readonly Diagnostic[]>;

/** How a linter hosts the rules. */
export interface Hosting {
  /** Whether it heeds `deno-lint-ignore` itself; it would call such comments unused if the findings were gone already. */
  readonly heedsDenoComments: boolean;
  /** Whether it is the linter's configuration that turns on rules which do not run by default. */
  readonly choosesRules: boolean;
}

/** What the rule is that tells that something is wrong with the analysis itself. */
export const BROKEN: RuleInfo = {
  code: "FA999",
  name: "analysis-broken",
  category: "command",
  severity: "error",
  isDefault: true,
  summary: "The analysis of a file could not be done",
  help: "Put the configuration right, or report the bug with the file",
  explanation: "Nothing is known of the file, which is not the same as that nothing is wrong with it.",
  bad: "",
  good: "",
  seeAlso: [],
};

const NOTHING: FileReport = new Map();

/** Makes reports on files. */
export class Reporter {
  /** The rules that a linter gets. */
  readonly rules: readonly RuleInfo[];
  readonly #engine: Engine;
  readonly #hosting: Hosting;
  readonly #projects: Projects;
  readonly #known: ReadonlySet<string>;

  /**
   * Starts.
   *
   * @param engine The analysis.
   * @param hosting How the linter hosts the rules.
   */
  constructor(engine: Engine, hosting: Hosting) {
    this.#engine = engine;
    this.#hosting = hosting;
    const configurable = [...engine.rules, UNUSED_IGNORE];
    this.#projects = new Projects(configurable);
    this.#known = new Set(configurable.map(({ code }) => code));
    this.rules = [...configurable, BROKEN];
  }

  /** Returns the findings in a file. */
  reportOn(file: HostedFile): FileReport {
    try {
      return this.#reportOn(file);
    } catch (error) {
      const trace = error instanceof Error ? error.stack ?? error.message : String(error);
      const what = trace.split("\n").slice(0, 2).map((line) => line.trim()).join(" ");
      return byCode([
        broken(file.text, `Cannot analyse the file as the analysis broke: this is a bug in the linter. ${what}`),
      ]);
    }
  }

  #reportOn(file: HostedFile): FileReport {
    const { text } = file;
    // What has no path, such as a text that was never saved, is in no project that could be known.
    const path = isAbsolute(file.filename) ? file.filename : resolve(file.filename);
    const hasIgnores = text.includes("fa-ignore");
    const project = this.#projects.of(dirname(path));
    const { config, index, problem } = project;
    const names = index?.names ?? [];
    if (!hasIgnores && !this.#engine.concerns(text, config.modules) && !some(names, (name) => text.includes(name))) {
      return NOTHING;
    }
    if (project.isExcluded(path)) return NOTHING;
    const found = this.#analyze(file, path, project);
    return byCode(problem === undefined ? found : [broken(text, problem), ...found]);
  }

  #analyze(file: HostedFile, path: string, { config, levels, index }: Project): Diagnostic[] {
    const { text } = file;
    const lines = new Lines(text);
    const comments = file.comments();
    const codes = this.#hosting.choosesRules ? this.#allBut(config.disabled, config.levels) : levels.codes;
    const here: ProjectIndex = {
      names: index?.names ?? new Set(),
      find: (_, specifier, name) => index?.find(path, specifier, name),
    };
    const source = { filename: shownPath(path, config.folder), text, comments };
    const found = this.#engine.analyze(file.program(), source, { rules: codes, config, index: here, strict: false });
    const suppressions = findSuppressions(comments, lines);
    const heeded = this.#hosting.heedsDenoComments ? suppressions.filter(({ isOwn }) => isOwn) : suppressions;
    const left = found.filter(({ code, start }) =>
      codes.has(code) && suppressionFor(code, lines.lineAt(start), heeded) === undefined
    );
    if (codes.has(UNUSED_IGNORE.code)) {
      for (const unused of unusedSuppressions(heeded, codes, this.#known)) {
        left.push({ ...plain(UNUSED_IGNORE), ...unused });
      }
    }
    return left.filter(({ code, severity }) => RANK[levels.severityOf(code, severity)] >= RANK[levels.minSeverity]);
  }

  #allBut(disabled: ReadonlySet<string>, levels: ReadonlyMap<string, string>): Set<string> {
    return new Set([...this.#known].filter((code) => !disabled.has(code) && levels.get(code) !== "allow"));
  }
}

/** The help of a finding, with what else there is to say: these linters show neither notes nor other places. */
export function hintOf({ help, notes, related }: Diagnostic, lineAt: (offset: number) => number): string {
  const places = related.map(({ message, start }) => `line ${lineAt(start)}: ${message}`);
  return [help, ...notes, ...places].filter((line) => line !== "").join("\n");
}

function broken(text: string, message: string): Diagnostic {
  const end = text.indexOf("\n");
  return { ...plain(BROKEN), message, start: 0, end: end < 0 ? text.length : end };
}

function plain({ code, severity, help }: RuleInfo): Omit<Diagnostic, "start" | "end" | "message"> {
  return { code, severity, confidence: "certain", help, notes: [], related: [], suggestions: [] };
}

function byCode(found: readonly Diagnostic[]): FileReport {
  const report = new Map<string, Diagnostic[]>();
  for (const diagnostic of found) {
    const same = report.get(diagnostic.code);
    if (same === undefined) report.set(diagnostic.code, [diagnostic]);
    else same.push(diagnostic);
  }
  return report;
}

function some(names: Iterable<string>, test: (name: string) => boolean): boolean {
  for (const name of names) if (test(name)) return true;
  return false;
}
