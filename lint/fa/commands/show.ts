/**
 * `fa show FILE`: everything there is to see in one file, whatever is filtered elsewhere: rules that are off, findings that comments take
 * away; with `--fixes` also what would put each right. It informs and does not judge: its exit code tells only whether the file could be
 * read.
 */

import type { Args } from "../args.ts";
import { check, type Tools } from "../check.ts";
import { unifiedDiff } from "../diff.ts";
import { applyFixes } from "../fix.ts";
import type { Finding } from "../finding.ts";
import { FORMATTERS } from "../formats/formats.ts";
import { coloured } from "../host.ts";
import { UsageError } from "../usage_error.ts";

/** Shows a file. */
export async function show(args: Args, tools: Tools): Promise<number> {
  const [file, ...more] = args.operands;
  if (file === undefined || more.length > 0) throw new UsageError('Cannot show that: write "fa show FILE"');
  const all: Args = {
    ...args,
    paths: [file],
    only: tools.engine.rules.map(({ code }) => code),
    ...{ categories: [], deny: [], allow: [], skip: [], minSeverity: "hint", failFast: false },
    ...{ fix: false, dryRun: false, baseline: undefined, updateBaseline: false, since: undefined },
  };
  const { report, exitCode } = await check(all, tools);
  const findings = report.findings.map((finding): Finding =>
    finding.state.kind === "suppressed"
      ? {
        ...finding,
        notes: [
          ...finding.notes,
          `a comment ignores this${finding.state.reason === undefined ? "" : `: ${finding.state.reason}`}`,
        ],
        state: { kind: "new" },
      }
      : finding
  );
  tools.host.out(FORMATTERS[args.format]({ ...report, findings }, { colour: coloured(tools.host) }));
  if (args.fixes && args.format === "terminal") {
    for (const finding of findings) {
      const text = report.linesOf(finding.path)?.text ?? "";
      for (const suggestion of finding.suggestions) {
        const { location, code } = finding;
        const diff = unifiedDiff(finding.file, text, applyFixes(text, [suggestion]).text);
        if (diff !== "") {
          tools.host.out(`\n${code} at ${location.line}:${location.column}: ${suggestion.message}\n${diff}`);
        }
      }
    }
  }
  return exitCode === 3 ? 3 : 0;
}
