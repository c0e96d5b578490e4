/**
 * The rules as a plugin of `deno lint`.
 */

import type { Program } from "../core/ast.ts";
import type { Edit } from "../core/diagnostic.ts";
import type { Engine } from "../fa/engine.ts";
import { Lines } from "../fa/lines.ts";
import { plainTree } from "./deno_tree.ts";
import { type FileReport, hintOf, Reporter } from "./file_report.ts";

/** Makes the plugin. */
export function denoPlugin(engine: Engine): Deno.lint.Plugin {
  const reporter = new Reporter(engine, { heedsDenoComments: true, choosesRules: false });
  const reports = new WeakMap<object, FileReport>();
  const reportOf = ({ filename, sourceCode }: Deno.lint.RuleContext): FileReport => {
    // Each rule gets an object of its own for the source, but the tree is the same.
    const known = reports.get(sourceCode.ast);
    if (known !== undefined) return known;
    const text = textOf(sourceCode);
    const report = reporter.reportOn({
      filename,
      text,
      comments: () => sourceCode.getAllComments(),
      program: () => plainTree(sourceCode.ast as unknown as Program, text),
    });
    reports.set(sourceCode.ast, report);
    return report;
  };
  const rules = reporter.rules.map(({ code }) => [code.toLowerCase(), ruleFor(code, reportOf)] as const);
  return { name: "framealloc", rules: Object.fromEntries(rules) };
}

function ruleFor(code: string, reportOf: (context: Deno.lint.RuleContext) => FileReport): Deno.lint.Rule {
  return {
    create(context): Deno.lint.LintVisitor {
      const found = reportOf(context).get(code);
      // Most rules find nothing in most files, and need not be told of any node.
      if (found === undefined) return {};
      return {
        Program(): void {
          const lines = new Lines(textOf(context.sourceCode));
          for (const diagnostic of found) {
            const { start, end, message, suggestions } = diagnostic;
            const edits = suggestions.find(({ applicability }) => applicability === "machine")?.edits;
            const hint = hintOf(diagnostic, (offset) => lines.lineAt(offset));
            context.report({
              range: [start, end],
              message,
              hint,
              ...(edits === undefined ? {} : { fix: fixOf(edits) }),
            });
          }
        },
      };
    },
  };
}

function fixOf(edits: readonly Edit[]): (fixer: Deno.lint.Fixer) => Deno.lint.Fix[] {
  return (fixer) => edits.map(({ start, end, text }) => fixer.replaceTextRange([start, end], text));
}

/** Offsets do not count a byte order mark. */
function textOf({ text }: Deno.lint.SourceCode): string {
  return text.startsWith("\ufeff") ? text.slice(1) : text;
}
