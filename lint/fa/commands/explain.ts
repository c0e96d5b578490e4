/**
 * `fa explain CODE`: what a finding means, with an example that has it and one that does not.
 */

import type { Host } from "../host.ts";
import { checkCode } from "../config.ts";
import type { RuleInfo } from "../engine.ts";
import { UsageError } from "../usage_error.ts";

/** Explains codes. */
export function explain(codes: readonly string[], rules: readonly RuleInfo[], host: Host): number {
  if (codes.length === 0) {
    throw new UsageError('Cannot explain nothing: write "fa explain CODE"; "fa list" shows all codes');
  }
  const known = new Set(rules.map(({ code }) => code));
  const wanted = codes.map((code) => checkCode(code, known, "command line"));
  const texts = wanted.map((code) => rules.filter((rule) => rule.code === code).map(textOf).join(""));
  host.out(texts.join("\n"));
  return 0;
}

function textOf(
  { code, name, category, severity, isDefault, summary, explanation, help, bad, good, seeAlso }: RuleInfo,
): string {
  const parts = [
    `${code} ${name}`,
    `${severity}, ${category}${isDefault ? "" : ", off by default"}`,
    summary,
    ...(explanation === "" ? [] : [explanation]),
    `Help: ${help}`,
    `Bad:\n${indent(bad)}`,
    `Good:\n${indent(good)}`,
    ...(seeAlso.length === 0 ? [] : [`See also: ${seeAlso.join(", ")}`]),
  ];
  return `${parts.join("\n\n")}\n`;
}

function indent(code: string): string {
  return code.trim().split("\n").map((line) => (line === "" ? "" : `  ${line}`)).join("\n");
}
