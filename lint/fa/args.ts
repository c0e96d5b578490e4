/**
 * The command line: what each word of it means, and an error for each that means nothing.
 */

import { parseArgs } from "node:util";
import type { Severity } from "../core/diagnostic.ts";
import { didYouMean, UsageError } from "./usage_error.ts";

/** The forms in which a report can be had. */
export const FORMATS = ["terminal", "json", "ndjson", "sarif", "junit", "checkstyle", "compact", "github"] as const;

/** A form in which a report can be had. */
export type FormatName = typeof FORMATS[number];

/** Where types come from. */
export type TypesMode = "auto" | "off" | "ts6";

/** The words that name something else than an analysis. */
export const COMMANDS = ["explain", "show", "init", "list", "index"] as const;

/** What is to be done. */
export type Command = "check" | typeof COMMANDS[number];

/** What was asked for. */
export interface Args {
  readonly command: Command;
  readonly help: boolean;
  readonly version: boolean;
  /** Where to look. */
  readonly paths: readonly string[];
  /** What a subcommand is about: a code, a file. */
  readonly operands: readonly string[];
  /** The categories that were named; none means all. */
  readonly categories: readonly string[];
  readonly format: FormatName;
  readonly deny: readonly string[];
  readonly allow: readonly string[];
  readonly only: readonly string[];
  readonly skip: readonly string[];
  readonly denyWarnings: boolean;
  readonly exclude: readonly string[];
  readonly verbose: boolean;
  readonly config: string | undefined;
  readonly minSeverity: Severity | undefined;
  readonly fix: boolean;
  readonly dryRun: boolean;
  readonly failFast: boolean;
  readonly types: TypesMode;
  readonly strict: boolean;
  readonly baseline: string | undefined;
  readonly updateBaseline: boolean;
  readonly since: string | undefined;
  /** `show`: with what would put each finding right. */
  readonly fixes: boolean;
  /** `init`: over what is there. */
  readonly force: boolean;
  /** `list`: only categories with this in their name. */
  readonly category: string | undefined;
}

/** The flags that choose a category, and the category. */
export const CATEGORY_FLAGS = {
  dirtymem: "lifetime",
  threading: "threads",
  budgets: "budgets",
  "async-safety": "async",
  gpu: "gpu",
  architecture: "architecture",
  rapier: "rapier",
} as const;

const OPTIONS = {
  path: { type: "string", short: "p", multiple: true },
  dirtymem: { type: "boolean" },
  threading: { type: "boolean" },
  budgets: { type: "boolean" },
  "async-safety": { type: "boolean" },
  gpu: { type: "boolean" },
  architecture: { type: "boolean" },
  rapier: { type: "boolean" },
  all: { type: "boolean", short: "a" },
  format: { type: "string", short: "f" },
  deny: { type: "string", short: "D", multiple: true },
  allow: { type: "string", short: "A", multiple: true },
  "deny-warnings": { type: "boolean", short: "W" },
  exclude: { type: "string", short: "e", multiple: true },
  verbose: { type: "boolean", short: "v" },
  config: { type: "string" },
  "min-severity": { type: "string" },
  only: { type: "string", multiple: true },
  skip: { type: "string", multiple: true },
  fix: { type: "boolean" },
  "dry-run": { type: "boolean" },
  "fail-fast": { type: "boolean" },
  types: { type: "string" },
  strict: { type: "boolean" },
  baseline: { type: "string" },
  "update-baseline": { type: "boolean" },
  since: { type: "string" },
  fixes: { type: "boolean" },
  force: { type: "boolean" },
  category: { type: "string" },
  help: { type: "boolean", short: "h" },
  version: { type: "boolean", short: "V" },
} as const;

type OptionName = keyof typeof OPTIONS;

/** The options that only one subcommand has. */
const OWNERS: Readonly<Partial<Record<OptionName, Command>>> = { fixes: "show", force: "init", category: "list" };

/** Reads the command line. */
export function readArgs(argv: readonly string[]): Args {
  const values = new Map<OptionName, string[]>();
  const words: string[] = [];
  // Not strict: the errors of `parseArgs` do not say what was meant.
  const { tokens } = parseArgs({
    args: [...argv],
    options: OPTIONS,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  for (const token of tokens) {
    if (token.kind === "positional") words.push(token.value);
    if (token.kind !== "option") continue;
    const name = knownOption(token.name, token.rawName);
    const { type } = OPTIONS[name];
    if (type === "boolean" && token.value !== undefined) {
      throw new UsageError(`Cannot give "--${name}" the value "${token.value}" as it takes none`);
    }
    if (type === "string" && (token.value === undefined || (!token.inlineValue && /^-./.test(token.value)))) {
      throw new UsageError(`Cannot read "${token.rawName}" as it needs a value: write "--${name}=…"`);
    }
    values.set(name, [...values.get(name) ?? [], token.value ?? ""]);
  }

  const isCommand = (COMMANDS as readonly string[]).includes(words[0] ?? "");
  const command = isCommand ? words.shift() as Command : "check";
  for (const [name, owner] of Object.entries(OWNERS)) {
    if (values.has(name as OptionName) && command !== owner) {
      throw new UsageError(`Cannot use "--${name}" here as it belongs to "fa ${owner}"`);
    }
  }

  const has = (name: OptionName) => values.has(name);
  const last = (name: OptionName) => values.get(name)?.at(-1);
  const codes = (name: OptionName) => (values.get(name) ?? []).flatMap(splitCodes);
  const paths = [...values.get("path") ?? [], ...(command === "check" || command === "index" ? words : [])];
  return {
    command,
    help: has("help"),
    version: has("version"),
    paths: paths.length === 0 ? ["."] : paths,
    operands: words,
    categories: has("all")
      ? []
      : Object.entries(CATEGORY_FLAGS).flatMap(([flag, category]) => has(flag as OptionName) ? [category] : []),
    format: oneOf("format", last("format") ?? "terminal", FORMATS),
    deny: codes("deny"),
    allow: codes("allow"),
    only: codes("only"),
    skip: codes("skip"),
    denyWarnings: has("deny-warnings"),
    exclude: values.get("exclude") ?? [],
    verbose: has("verbose"),
    config: last("config"),
    minSeverity: has("min-severity")
      ? oneOf("min-severity", last("min-severity") ?? "", ["hint", "warning", "error"] as const)
      : undefined,
    fix: has("fix"),
    dryRun: has("dry-run"),
    failFast: has("fail-fast"),
    types: oneOf("types", last("types") ?? "auto", ["auto", "off", "ts6"] as const),
    strict: has("strict"),
    baseline: last("baseline") ?? (has("update-baseline") ? ".fa-baseline.json" : undefined),
    updateBaseline: has("update-baseline"),
    since: last("since"),
    fixes: has("fixes"),
    force: has("force"),
    category: last("category"),
  };
}

function knownOption(name: string, rawName: string): OptionName {
  if (Object.hasOwn(OPTIONS, name)) return name as OptionName;
  throw new UsageError(
    `Cannot understand "${rawName}"${
      didYouMean(rawName, Object.keys(OPTIONS).map((option) => `--${option}`))
    }: see "fa --help"`,
  );
}

function splitCodes(text: string): string[] {
  return text.split(",").map((code) => code.trim()).filter((code) => code !== "");
}

function oneOf<T extends string>(name: string, value: string, values: readonly T[]): T {
  const found = values.find((candidate) => candidate === value);
  if (found !== undefined) return found;
  throw new UsageError(
    `Cannot use "${value}" for "--${name}"${didYouMean(value, values)}: it can be ${values.join(", ")}`,
  );
}
