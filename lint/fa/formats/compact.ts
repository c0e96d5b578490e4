/**
 * One line a finding, `file:line:column: severity [CODE]: message`, as compilers write it and editors and `grep` read it.
 */

import { oneLine, type Report, visible } from "./report.ts";

/** Formats as one line a finding. */
export function compact(report: Report): string {
  const lines = visible(report).map(({ file, location, severity, code, message }) =>
    `${oneLine(file)}:${location.line}:${location.column}: ${severity} [${code}]: ${oneLine(message)}\n`
  );
  for (const { file, location, kind, message } of report.problems) {
    lines.push(
      `${oneLine(file)}:${location?.line ?? 1}:${location?.column ?? 1}: error [${kind}]: ${oneLine(message)}\n`,
    );
  }
  return lines.join("");
}
