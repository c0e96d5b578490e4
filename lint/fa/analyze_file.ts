/**
 * Analyses one file: asks the core, gives each finding its level, its place and its fingerprint, and lets the comments of the file take
 * theirs away.
 */

import type { Diagnostic } from "../core/diagnostic.ts";
import type { ProjectIndex } from "../core/project.ts";
import { Fingerprints } from "./baseline.ts";
import { shownPath } from "./discover.ts";
import { type Analysis, type Engine, type RuleInfo, UNUSED_IGNORE } from "./engine.ts";
import { type Finding, inOrder, placed, type Problem } from "./finding.ts";
import type { Levels } from "./levels.ts";
import type { Lines } from "./lines.ts";
import type { Parsed } from "./parse.ts";
import { findSuppressions, suppressionFor, unusedSuppressions } from "./suppressions.ts";

/** A file as it is analysed. */
export interface Subject {
  readonly path: string;
  readonly file: string;
  readonly lines: Lines;
  readonly parsed: Parsed;
}

/** What there is to say about a file. */
export interface Outcome {
  readonly findings: readonly Finding[];
  readonly problem: Problem | undefined;
}

/** Analyses files, all in the same way. */
export class FileAnalyzer {
  readonly #engine: Engine;
  readonly #analysis: Analysis;
  readonly #levels: Levels;
  readonly #rules: ReadonlyMap<string, RuleInfo>;
  readonly #known: ReadonlySet<string>;

  /**
   * Starts.
   *
   * @param engine The core.
   * @param analysis How to analyse.
   * @param levels Which findings count, and how much.
   */
  constructor(engine: Engine, analysis: Analysis, levels: Levels) {
    this.#engine = engine;
    this.#analysis = analysis;
    this.#levels = levels;
    this.#rules = new Map([...engine.rules, UNUSED_IGNORE].map((rule) => [rule.code, rule]));
    this.#known = new Set(this.#rules.keys());
  }

  /** Analyses a file. A crash is a problem of that file and not the end of the run. */
  analyze({ path, file, lines, parsed }: Subject, kindOf?: Analysis["kindOf"]): Outcome {
    let diagnostics: Diagnostic[];
    try {
      const { config, index } = this.#analysis;
      // The rules see paths as the patterns of the configuration mean them; the index knows whole ones.
      const source = { filename: shownPath(path, config.folder), text: lines.text, comments: parsed.comments };
      const here: ProjectIndex = {
        names: index.names,
        find: (_, specifier, name) => index.find(path, specifier, name),
      };
      const analysis = { ...this.#analysis, index: here, ...(kindOf === undefined ? {} : { kindOf }) };
      diagnostics = this.#engine.analyze(parsed.program, source, analysis).filter(({ code }) =>
        this.#levels.codes.has(code)
      );
    } catch (error) {
      const trace = error instanceof Error ? error.stack ?? error.message : String(error);
      const message = `Cannot analyse the file as the analysis broke: this is a bug in the linter (FA999). ${
        trace.split("\n").slice(0, 2).join(" ")
      }`;
      return { findings: [], problem: { kind: "internal", file, path, message, location: undefined } };
    }
    const suppressions = findSuppressions(parsed.comments, lines);
    const fingerprints = new Fingerprints(lines);
    const toFinding = (diagnostic: Diagnostic): Finding => {
      const rule = this.#rules.get(diagnostic.code);
      const place = placed(diagnostic, lines);
      const comment = suppressionFor(diagnostic.code, place.location.line, suppressions);
      return {
        ...place,
        name: rule?.name ?? diagnostic.code,
        category: rule?.category ?? "command",
        severity: this.#levels.severityOf(diagnostic.code, diagnostic.severity),
        file,
        path,
        fingerprint: fingerprints.next(diagnostic.code, place.location.line),
        state: comment === undefined ? { kind: "new" } : { kind: "suppressed", reason: comment.reason },
      };
    };
    const inText = (a: Diagnostic, b: Diagnostic) => a.start - b.start || a.end - b.end;
    const findings = [...diagnostics].sort(inText).map(toFinding);
    if (this.#levels.codes.has(UNUSED_IGNORE.code)) {
      const unused = unusedSuppressions(suppressions, this.#levels.codes, this.#known);
      findings.push(...unused.map(unusedDiagnostic).map(toFinding));
    }
    return { findings: findings.sort(inOrder), problem: undefined };
  }
}

function unusedDiagnostic({ start, end, message }: { start: number; end: number; message: string }): Diagnostic {
  const { code, severity, help } = UNUSED_IGNORE;
  return { code, severity, confidence: "certain", start, end, message, help, notes: [], related: [], suggestions: [] };
}
