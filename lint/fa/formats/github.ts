/**
 * Workflow commands of GitHub Actions, which show findings beside the lines of a pull request.
 */

import type { Severity } from "../../core/diagnostic.ts";
import type { Location } from "../lines.ts";
import { rootPath } from "../paths.ts";
import { type Report, visible } from "./report.ts";

const COMMANDS: Readonly<Record<Severity, string>> = { error: "error", warning: "warning", hint: "notice" };

/** Formats as workflow commands. */
export function github(report: Report): string {
  const lines = visible(report).map((finding) =>
    command(COMMANDS[finding.severity], {
      file: rootPath(finding.path, report.root),
      ...placeOf(finding.location),
      title: `${finding.code} ${finding.name}`,
    }, `${finding.message}\n${finding.help}`)
  );
  for (const { path, location, message, kind } of report.problems) {
    const place = location === undefined ? {} : placeOf(location);
    lines.push(command("error", { file: rootPath(path, report.root), ...place, title: `fa: ${kind} error` }, message));
  }
  return lines.join("");
}

/** Columns are heeded, and allowed, only within one line. */
function placeOf({ line, column, endLine, endColumn }: Location): Record<string, number> {
  return line === endLine ? { line, endLine, col: column, endColumn } : { line, endLine };
}

function command(name: string, properties: Readonly<Record<string, string | number>>, message: string): string {
  const list = Object.entries(properties).map(([key, value]) => `${key}=${escapeProperty(String(value))}`).join(",");
  return `::${name} ${list}::${escapeData(message)}\n`;
}

function escapeData(text: string): string {
  return text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}

function escapeProperty(text: string): string {
  return escapeData(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
}
