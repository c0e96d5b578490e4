/**
 * JUnit's XML: a suite for each file with findings, a case for each finding. Errors and warnings are failures, hints are output of a case
 * that passes, and a file that could not be analysed is an error.
 */

import type { Finding, Problem } from "../finding.ts";
import { byFile, type Report, visible } from "./report.ts";
import { attributes, escapeXml } from "./xml.ts";

/** Formats as the XML of JUnit. */
export function junit(report: Report): string {
  const findings = visible(report);
  const items: readonly (Finding | Problem)[] = [...findings, ...report.problems];
  const suites = [...byFile(items)].map(([file, list]) => suiteOf(file, list));
  if (suites.length === 0) {
    const name = `${report.filesAnalyzed} files without findings`;
    suites.push(
      `  <testsuite${attributes({ name: "fa", tests: 1, failures: 0, errors: 0 })}>\n    <testcase${
        attributes({ name, classname: "fa" })
      }/>\n  </testsuite>\n`,
    );
  }
  const totals = {
    name: "fa",
    tests: Math.max(1, items.length),
    failures: findings.filter(isFailure).length,
    errors: report.problems.length,
    time: (report.durationMs / 1000).toFixed(3),
  };
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites${attributes(totals)}>\n${suites.join("")}</testsuites>\n`;
}

function suiteOf(file: string, list: readonly (Finding | Problem)[]): string {
  const failures = list.filter((item) => !isProblem(item) && isFailure(item)).length;
  const errors = list.filter(isProblem).length;
  const cases = list.map((item) => isProblem(item) ? problemCase(item) : findingCase(item)).join("");
  return `  <testsuite${attributes({ name: file, tests: list.length, failures, errors })}>\n${cases}  </testsuite>\n`;
}

function findingCase(finding: Finding): string {
  const { code, name, severity, file, location, message, help, notes } = finding;
  const title = `${code} ${name} ${location.line}:${location.column}`;
  const body = [`${file}:${location.line}:${location.column}`, message, ...notes, `help: ${help}`].join("\n");
  const inner = isFailure(finding)
    ? `<failure${attributes({ type: severity, message: `${code}: ${message}` })}>${escapeXml(body)}</failure>`
    : `<system-out>${escapeXml(body)}</system-out>`;
  return `    <testcase${attributes({ name: title, classname: file })}>${inner}</testcase>\n`;
}

function problemCase({ kind, file, message, location }: Problem): string {
  const place = location === undefined ? "" : ` ${location.line}:${location.column}`;
  return `    <testcase${attributes({ name: `${kind}${place}`, classname: file })}><error${
    attributes({ type: kind, message })
  }/></testcase>\n`;
}

function isFailure({ severity }: Finding): boolean {
  return severity !== "hint";
}

function isProblem(item: Finding | Problem): item is Problem {
  return "kind" in item;
}
