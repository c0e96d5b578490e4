/**
 * The rules as a plugin of ESLint, which is also one of oxlint. Its types are written down here as far as they are used, so that neither is
 * needed to have the plugin.
 */

import type { Comment, Program } from "../core/ast.ts";
import type { Diagnostic, Edit } from "../core/diagnostic.ts";
import type { Engine, RuleInfo } from "../fa/engine.ts";
import { Lines } from "../fa/lines.ts";
import { type FileReport, hintOf, Reporter } from "./file_report.ts";

/** A place as ESLint counts: lines from 1, columns from 0. */
export interface EslintPosition {
  /** The line, from 1. */
  readonly line: number;
  /** The column, from 0. */
  readonly column: number;
}

/** Makes changes of the text. */
export interface EslintFixer {
  /** Replaces a part of the text. */
  replaceTextRange(range: [number, number], text: string): unknown;
}

/** What ESLint knows of a file. */
export interface EslintSourceCode {
  /** The text, without a byte order mark. */
  readonly text: string;
  /** The tree. */
  readonly ast: object;
  /** Returns the comments. */
  getAllComments(): readonly object[];
  /** Returns where an offset is. */
  getLocFromIndex(index: number): EslintPosition;
}

/** What a rule tells ESLint. */
export interface EslintReport {
  /** Where it is. */
  readonly loc: { readonly start: EslintPosition; readonly end: EslintPosition };
  /** What is wrong, and in lines of their own what to do and what has to do with it. */
  readonly message: string;
  /** Puts it right, if that needs nobody to look at it. */
  readonly fix: ((fixer: EslintFixer) => unknown[]) | null;
  /** Ways to put it right that somebody has to choose. */
  readonly suggest: readonly { readonly desc: string; readonly fix: (fixer: EslintFixer) => unknown[] }[];
}

/** What ESLint gives to a rule. */
export interface EslintContext {
  /** The path of the file. */
  readonly filename: string;
  /** The file. */
  readonly sourceCode: EslintSourceCode;
  /** Reports a finding. */
  report(report: EslintReport): void;
}

/** A rule. */
export interface EslintRule {
  /** What ESLint shows of it. */
  readonly meta: {
    readonly type: "problem" | "suggestion";
    readonly docs: { readonly description: string; readonly recommended: boolean };
    readonly fixable: "code";
    readonly hasSuggestions: true;
    readonly schema: readonly [];
  };
  /** Starts to look at a file. */
  create(context: EslintContext): { Program?: () => void };
}

/** A flat configuration. */
export interface EslintConfig {
  /** Its name. */
  readonly name: string;
  /** The plugin that the rules are of. */
  readonly plugins: { readonly framealloc: EslintPlugin };
  /** The rules that it turns on. */
  readonly rules: Readonly<Record<string, "error" | "warn">>;
}

/** The plugin. */
export interface EslintPlugin {
  /** Its name and its version. */
  readonly meta: { readonly name: string; readonly version: string };
  /** The rules by the names of their codes. */
  readonly rules: Readonly<Record<string, EslintRule>>;
  /** `recommended` turns on what runs by default. */
  readonly configs: { readonly recommended: EslintConfig };
}

/** Makes the plugin. */
export function eslintPlugin(engine: Engine, version: string): EslintPlugin {
  const reporter = new Reporter(engine, { heedsDenoComments: false, choosesRules: true });
  const reports = new WeakMap<object, FileReport>();
  const reportOf = ({ filename, sourceCode }: EslintContext): FileReport => {
    const { ast, text } = sourceCode;
    let report = reports.get(ast);
    if (report === undefined) {
      report = reporter.reportOn({
        filename,
        text,
        comments: () => sourceCode.getAllComments() as readonly Comment[],
        program: () => ast as Program,
      });
      reports.set(ast, report);
    }
    return report;
  };
  const rules = Object.fromEntries(reporter.rules.map((rule) => [rule.code.toLowerCase(), ruleFor(rule, reportOf)]));
  const levels = reporter.rules.filter(({ isDefault }) => isDefault).map(({ code, severity }) =>
    [`framealloc/${code.toLowerCase()}`, severity === "error" ? "error" : "warn"] as const
  );
  const plugin: EslintPlugin = {
    meta: { name: "framealloc", version },
    rules,
    configs: {
      // A configuration names the plugin that it is a part of.
      get recommended(): EslintConfig {
        return { name: "framealloc/recommended", plugins: { framealloc: plugin }, rules: Object.fromEntries(levels) };
      },
    },
  };
  return plugin;
}

function ruleFor(rule: RuleInfo, reportOf: (context: EslintContext) => FileReport): EslintRule {
  const { code, severity, summary, isDefault } = rule;
  return {
    meta: {
      type: severity === "hint" ? "suggestion" : "problem",
      docs: { description: summary, recommended: isDefault },
      fixable: "code",
      hasSuggestions: true,
      schema: [],
    },
    create: (context) => ({
      Program(): void {
        const found = reportOf(context).get(code) ?? [];
        for (const diagnostic of found) context.report(reportFor(diagnostic, context.sourceCode));
      },
    }),
  };
}

function reportFor(diagnostic: Diagnostic, sourceCode: EslintSourceCode): EslintReport {
  const { start, end, message, suggestions } = diagnostic;
  const lines = new Lines(sourceCode.text);
  const hint = hintOf(diagnostic, (offset) => lines.lineAt(offset));
  const fix = suggestions.find(({ applicability }) => applicability === "machine");
  return {
    loc: { start: sourceCode.getLocFromIndex(start), end: sourceCode.getLocFromIndex(end) },
    message: hint === "" ? message : `${message}\n${hint}`,
    fix: fix === undefined ? null : fixOf(fix.edits),
    suggest: suggestions.filter((suggestion) => suggestion !== fix).map(({ message, edits }) => ({
      desc: message,
      fix: fixOf(edits),
    })),
  };
}

function fixOf(edits: readonly Edit[]): (fixer: EslintFixer) => unknown[] {
  return (fixer) => edits.map(({ start, end, text }) => fixer.replaceTextRange([start, end], text));
}
