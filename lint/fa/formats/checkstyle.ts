/**
 * Checkstyle's XML, which many CI systems read. It has no hints; they are `info`.
 */

import type { Severity } from "../../core/diagnostic.ts";
import { byFile, type Report, visible } from "./report.ts";
import { attributes } from "./xml.ts";

const SEVERITIES: Readonly<Record<Severity, string>> = { error: "error", warning: "warning", hint: "info" };

interface Row {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly severity: string;
  readonly message: string;
  readonly source: string;
}

/** Formats as the XML of Checkstyle 4.3, with files in the order of their names. */
export function checkstyle(report: Report): string {
  const rows: Row[] = visible(report).map(({ file, location, severity, message, help, code }) => ({
    file,
    line: location.line,
    column: location.column,
    severity: SEVERITIES[severity],
    message: `${message}: ${help}`,
    source: `framealloc.${code}`,
  }));
  for (const { file, location, kind, message } of report.problems) {
    const { line, column } = location ?? { line: 1, column: 1 };
    rows.push({ file, line, column, severity: "error", message, source: `framealloc.${kind}` });
  }
  const files = [...byFile(rows)].sort(([a], [b]) => (a < b ? -1 : 1));
  let text = `<?xml version="1.0" encoding="UTF-8"?>\n<checkstyle version="4.3">\n`;
  for (const [name, list] of files) {
    text += `  <file${attributes({ name })}>\n`;
    for (const { file: _, ...row } of list) text += `    <error${attributes(row)}/>\n`;
    text += "  </file>\n";
  }
  return `${text}</checkstyle>\n`;
}
