/**
 * What the command asks of the analysis. The command knows no rule and the core no file: this is all that passes between them, so that
 * either can be tested without the other.
 */

import type { Comment, Program } from "../core/ast.ts";
import type { Diagnostic, Severity } from "../core/diagnostic.ts";
import type { ProjectIndex } from "../core/project.ts";
import type { Config } from "./config.ts";

/** What is known of a code. */
export interface RuleInfo {
  readonly code: string;
  readonly name: string;
  readonly category: string;
  readonly severity: Severity;
  /** Whether it runs without being asked for. */
  readonly isDefault: boolean;
  readonly summary: string;
  readonly help: string;
  readonly explanation: string;
  readonly bad: string;
  readonly good: string;
  readonly seeAlso: readonly string[];
}

/** A parsed file. */
export interface Source {
  readonly filename: string;
  readonly text: string;
  readonly comments: readonly Comment[];
}

/** The code of a comment that ignores nothing; the only finding that the command makes itself. */
export const UNUSED_IGNORE: RuleInfo = {
  code: "FA998",
  name: "unused-ignore",
  category: "command",
  severity: "hint",
  isDefault: true,
  summary: "A comment ignores a code that would not be reported there",
  help: "Take the comment away, or correct its code or its place",
  explanation: "A comment that ignores nothing is a trap: the next mistake of that kind on its line would go unseen. " +
    'It is written "// fa-ignore FA702 -- reason" on the line itself or alone on the line before, and ' +
    '"// fa-ignore-file FA702 -- reason" for a whole file.',
  bad: "// fa-ignore FA702 -- what was ignored here is gone // FA998\nexport const answer = 42;\n",
  good: "export const answer = 42;\n",
  seeAlso: [],
};

/** How a file is to be analysed. */
export interface Analysis {
  /** The codes of the rules to run. */
  readonly rules: ReadonlySet<string>;
  readonly config: Config;
  readonly index: ProjectIndex;
  readonly strict: boolean;
  /** What the type checker says that an expression is. */
  readonly kindOf?: KindOf;
}

/** Tells the class of the library that an expression is a value of. */
export type KindOf = (start: number, end: number) => string | undefined;

/** The analysis. */
export interface Engine {
  readonly rules: readonly RuleInfo[];
  /** Whether a specifier is the library. */
  isLibrary(specifier: string, modules: readonly string[]): boolean;
  /** Whether a text has a word in it without which there is nothing to find, apart from what the index knows. */
  concerns(text: string, modules: readonly string[]): boolean;
  analyze(program: Program, source: Source, analysis: Analysis): readonly Diagnostic[];
}
