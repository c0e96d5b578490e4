/**
 * SARIF 2.1.0, for code scanning: every rule described, each finding with its place, the places on its way, a fingerprint that outlives
 * edits elsewhere, and its fix. What comments and the baseline take away is there too, and marked as such.
 */

import { pathToFileURL } from "node:url";
import type { Confidence, Severity, Suggestion } from "../../core/diagnostic.ts";
import type { RuleInfo } from "../engine.ts";
import type { Finding, Problem } from "../finding.ts";
import type { Lines, Location } from "../lines.ts";
import { pathUri } from "../paths.ts";
import type { Report } from "./report.ts";

const LEVELS: Readonly<Record<Severity, string>> = { error: "error", warning: "warning", hint: "note" };
const PRECISIONS: Readonly<Record<Confidence, string>> = { certain: "very-high", path: "high", heuristic: "medium" };

/** GitHub shows so much of a text about a rule. */
const LONGEST = 1024;

/** Formats as SARIF. */
export function sarif(report: Report): string {
  const index = new Map(report.rules.map(({ code }, at) => [code, at]));
  const document = {
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [{
      tool: {
        driver: {
          name: "fa",
          fullName: "framealloc static analysis",
          semanticVersion: report.version,
          informationUri: "https://jsr.io/@framealloc/lint",
          rules: report.rules.map(ruleOf),
        },
      },
      automationDetails: { id: "framealloc/" },
      columnKind: "utf16CodeUnits",
      originalUriBaseIds: { SRCROOT: { uri: pathToFileURL(`${report.root}/`).href } },
      invocations: [{
        executionSuccessful: report.problems.length === 0,
        toolExecutionNotifications: report.problems.map((problem) => notificationOf(problem, report)),
      }],
      results: report.findings.map((finding) => resultOf(finding, index.get(finding.code), report)),
    }],
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

function ruleOf(rule: RuleInfo): Record<string, unknown> {
  return {
    id: rule.code,
    name: rule.name,
    shortDescription: { text: clip(rule.summary) },
    fullDescription: { text: clip(rule.explanation) },
    help: { text: clip(rule.help), markdown: clip(`${rule.explanation}\n\n${rule.help}`) },
    defaultConfiguration: { level: LEVELS[rule.severity], enabled: rule.isDefault },
    properties: {
      tags: ["framealloc", rule.category],
      precision: "high",
      "problem.severity": rule.severity === "hint" ? "recommendation" : rule.severity,
    },
  };
}

function resultOf(finding: Finding, ruleIndex: number | undefined, report: Report): Record<string, unknown> {
  const { state, related } = finding;
  const physical = (location: Location) => physicalOf(finding.path, location, report);
  const links = related.map(({ message }, at) => `[${message.replace(/[[\]\\]/g, "\\$&")}](${at + 1})`);
  const text = escapeLinks([finding.message, `Help: ${finding.help}`].join("\n"));
  const lines = report.linesOf(finding.path);
  const machine = finding.suggestions.filter(({ applicability }) => applicability === "machine");
  return {
    ruleId: finding.code,
    ...(ruleIndex === undefined ? {} : { ruleIndex }),
    level: LEVELS[finding.severity],
    message: { text: [text, ...links].join("\n") },
    locations: [{ physicalLocation: physical(finding.location) }],
    partialFingerprints: { primaryLocationLineHash: finding.fingerprint },
    ...(related.length === 0 ? {} : {
      relatedLocations: related.map(({ message, location }, at) => ({
        id: at + 1,
        message: { text: message },
        physicalLocation: physical(location),
      })),
      codeFlows: [flowOf(finding, physical)],
    }),
    ...(machine.length === 0 || lines === undefined
      ? {}
      : { fixes: machine.map((one) => fixOf(one, finding.path, lines, report)) }),
    ...(state.kind === "suppressed"
      ? { suppressions: [{ kind: "inSource", ...(state.reason === undefined ? {} : { justification: state.reason }) }] }
      : {}),
    ...(report.hasBaseline ? { baselineState: state.kind === "baselined" ? "unchanged" : "new" } : {}),
    properties: { confidence: finding.confidence, precision: PRECISIONS[finding.confidence] },
  };
}

/** The way of a value, as it is read: the places before the finding in their order, then the finding. */
function flowOf(finding: Finding, physical: (location: Location) => unknown): Record<string, unknown> {
  const steps = [...finding.related, { message: finding.message, location: finding.location }];
  return {
    threadFlows: [{
      locations: steps.map(({ message, location }) => ({
        location: { physicalLocation: physical(location), message: { text: message } },
      })),
    }],
  };
}

function fixOf({ message, edits }: Suggestion, path: string, lines: Lines, report: Report): Record<string, unknown> {
  return {
    description: { text: message },
    artifactChanges: [{
      artifactLocation: { uri: pathUri(path, report.root), uriBaseId: "SRCROOT" },
      replacements: edits.map(({ start, end, text }) => ({
        deletedRegion: regionOf(lines.locate(start, end)),
        insertedContent: { text },
      })),
    }],
  };
}

function notificationOf({ kind, message, path, location }: Problem, report: Report): Record<string, unknown> {
  const whole = { line: 1, column: 1, endLine: 1, endColumn: 1 };
  return {
    descriptor: { id: kind },
    level: "error",
    message: { text: message },
    locations: [{ physicalLocation: physicalOf(path, location ?? whole, report) }],
  };
}

function physicalOf(path: string, location: Location, report: Report): Record<string, unknown> {
  const uri = pathUri(path, report.root);
  // A file outside the root has an absolute address, which no base may go with.
  const isInside = !uri.startsWith("file:");
  return { artifactLocation: { uri, ...(isInside ? { uriBaseId: "SRCROOT" } : {}) }, region: regionOf(location) };
}

function regionOf({ line, column, endLine, endColumn }: Location): Record<string, number> {
  return { startLine: line, startColumn: column, endLine, endColumn };
}

/** Brackets in a message are links in SARIF. */
function escapeLinks(text: string): string {
  return text.replace(/[[\]\\]/g, "\\$&");
}

function clip(text: string): string {
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST - 1)}…`;
}
