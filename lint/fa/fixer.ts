/**
 * `--fix` and `--dry-run`: applies the fixes of a file that need no person, or shows what they would change.
 */

import { writeFileSync } from "node:fs";
import type { FileAnalyzer, Subject } from "./analyze_file.ts";
import type { Tools } from "./check.ts";
import { unifiedDiff } from "./diff.ts";
import type { Filters } from "./filters.ts";
import { isNew, type Problem } from "./finding.ts";
import { fixText } from "./fix.ts";
import { Lines } from "./lines.ts";
import { rootPath } from "./paths.ts";

/** Fixes files, or says what it would do. */
export class Fixer {
  /** What it would change. */
  diff = "";
  /** Files that could not be written. */
  readonly problems: Problem[] = [];
  readonly #filters: Filters;
  readonly #analyzer: FileAnalyzer;
  readonly #tools: Pick<Tools, "parser" | "host">;
  readonly #isDry: boolean;
  readonly #root: string;

  /**
   * Starts.
   *
   * @param filters What is to be fixed.
   * @param analyzer Finds it.
   * @param tools The parser, and where to say what was done.
   * @param isDry Whether files stay as they are.
   * @param root The folder that the names in the diff are relative to.
   */
  constructor(
    filters: Filters,
    analyzer: FileAnalyzer,
    tools: Pick<Tools, "parser" | "host">,
    isDry: boolean,
    root: string,
  ) {
    this.#filters = filters;
    this.#analyzer = analyzer;
    this.#tools = tools;
    this.#isDry = isDry;
    this.#root = root;
  }

  /** Returns the file as it is afterwards. */
  fix(subject: Subject): Subject {
    const before = subject.lines.text;
    const { text, count } = fixText(before, (text) => {
      if (text !== before && !this.#filters.seesAll) return this.#parsed(subject, text) === undefined ? undefined : [];
      const next = text === before ? subject : this.#parsed(subject, text);
      if (next === undefined) return undefined;
      const { findings } = this.#filters.apply(this.#analyzer.analyze(next).findings);
      return findings.filter(isNew).flatMap(({ suggestions }) =>
        suggestions.filter(({ applicability }) => applicability === "machine")
      );
    });
    if (count === 0) return subject;
    if (this.#isDry) {
      this.diff += unifiedDiff(rootPath(subject.path, this.#root), before, text);
      return subject;
    }
    try {
      writeFileSync(subject.path, text);
    } catch (error) {
      const message = `Cannot write the fixed file: ${(error as Error).message}`;
      this.problems.push({ kind: "read", file: subject.file, path: subject.path, message, location: undefined });
      return subject;
    }
    this.#tools.host.err(`fixed ${count} in ${subject.file}\n`);
    return this.#parsed(subject, text) ?? subject;
  }

  #parsed(subject: Subject, text: string): Subject | undefined {
    const parsed = this.#tools.parser.parse(subject.path, text);
    return parsed.errors.length > 0 ? undefined : { ...subject, parsed, lines: new Lines(text) };
  }
}
