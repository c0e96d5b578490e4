/**
 * Reads `.fa.toml`. Every key does something, and a key or a code that is not known is an error that names the nearest one: a misspelt key
 * that is silently ignored reports success on what was never checked.
 */

import { readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { Severity } from "../core/diagnostic.ts";
import { folderWith } from "./discover.ts";
import { parseToml } from "./toml.ts";
import { didYouMean, UsageError } from "./usage_error.ts";

/** What to do with a code. */
export type Level = "allow" | "warn" | "deny";

/** All that can be configured. */
export interface Config {
  /** The file, or nothing when none was found. */
  readonly file: string | undefined;
  /** The folder that patterns are relative to. */
  readonly folder: string;
  readonly minSeverity: Severity;
  readonly exclude: readonly string[];
  readonly denyWarnings: boolean;
  /** More specifiers under which programs import the library. */
  readonly modules: readonly string[];
  readonly levels: ReadonlyMap<string, Level>;
  readonly disabled: ReadonlySet<string>;
  readonly knownTags: readonly string[];
  /** Which tags belong to which files: a pattern on the path, and its tags. */
  readonly moduleTags: ReadonlyMap<string, readonly string[]>;
  readonly warnUnknownTags: boolean;
  /** A loop of a constant number of turns up to this is harmless; the rules have their own number when it is not set. */
  readonly loopAllocationLimit?: number;
  /** What is right as it is, but does less than somebody may think. */
  readonly remarks: readonly string[];
}

/** The name of the file. */
export const CONFIG_FILE = ".fa.toml";

/** Thresholds of the running program. They may stand in the file, which is for both, but are nothing that a text could tell. */
const RUNTIME_THRESHOLDS = ["frame_survival_frames", "promotion_churn_rate"] as const;

/** Finds the configuration for a folder: the file that was named, or the nearest one at or above the folder, within its repository. */
export function loadConfig(named: string | undefined, root: string, cwd: string, codes: ReadonlySet<string>): Config {
  const file = named === undefined ? findConfig(root) : resolve(cwd, named);
  if (file === undefined) return parseConfig("", undefined, root, codes);
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new UsageError(`Cannot read the configuration "${named ?? file}" as ${(error as Error).message}`);
  }
  return parseConfig(text, file, dirname(file), codes);
}

/** Reads the text of a configuration. */
export function parseConfig(
  text: string,
  file: string | undefined,
  folder: string,
  codes: ReadonlySet<string>,
): Config {
  const name = file ?? CONFIG_FILE;
  let toml: unknown;
  try {
    toml = parseToml(text);
  } catch (error) {
    throw new UsageError(
      `Cannot read the configuration "${name}" as it is not valid TOML: ${(error as Error).message.trim()}`,
    );
  }
  const root = new Table(toml, "", name);
  root.keys("global", "lints", "tags", "thresholds");
  const global = root.table("global");
  global.keys("min_severity", "exclude", "deny_warnings", "modules");
  const lints = root.table("lints");
  lints.keys("levels", "disabled");
  const tags = root.table("tags");
  tags.keys("known_tags", "module_tags", "warn_unknown_tags");
  const thresholds = root.table("thresholds");
  thresholds.keys("loop_allocation_limit", ...RUNTIME_THRESHOLDS);
  const levels = lints.table("levels");
  const disabled = lints.strings("disabled");
  const code = (written: string) => checkCode(written, codes, `configuration "${name}"`);
  const moduleTags = tags.table("module_tags");
  const limit = thresholds.number("loop_allocation_limit");
  return {
    file,
    folder,
    minSeverity: global.oneOf("min_severity", ["hint", "warning", "error"] as const) ?? "hint",
    exclude: global.strings("exclude"),
    denyWarnings: global.boolean("deny_warnings") ?? false,
    modules: global.strings("modules"),
    levels: new Map(
      levels.names().map((key) => [code(key), levels.oneOf(key, ["allow", "warn", "deny"] as const) ?? "warn"]),
    ),
    disabled: new Set(disabled.map(code)),
    knownTags: tags.strings("known_tags"),
    moduleTags: new Map(moduleTags.names().map((key) => [key, moduleTags.strings(key)])),
    warnUnknownTags: tags.boolean("warn_unknown_tags") ?? false,
    ...(limit === undefined ? {} : { loopAllocationLimit: limit }),
    remarks: RUNTIME_THRESHOLDS.filter((key) => thresholds.number(key) !== undefined).map((key) =>
      `"thresholds.${key}" of "${name}" is for the running program: no static check reads it`
    ),
  };
}

/** Returns a code as the registry writes it, or throws an error that says where an unknown one was found. */
export function checkCode(written: string, codes: ReadonlySet<string>, where: string): string {
  const code = written.toUpperCase();
  if (codes.has(code)) return code;
  throw new UsageError(
    `Cannot use the code "${written}" of the ${where} as there is none${didYouMean(code, codes)}: see "fa list"`,
  );
}

function findConfig(root: string): string | undefined {
  const folder = folderWith(CONFIG_FILE, root);
  const repository = folderWith(".git", root);
  if (folder === undefined) return undefined;
  // A file above the repository belongs to somebody else.
  if (repository !== undefined && folder.length < repository.length) return undefined;
  return join(folder, CONFIG_FILE);
}

/** A table of a TOML document that knows where it is, so that each error can say so. */
class Table {
  readonly #values: ReadonlyMap<string, unknown>;
  readonly #path: string;
  readonly #file: string;

  constructor(value: unknown, path: string, file: string) {
    this.#path = path;
    this.#file = file;
    if (!isTable(value)) this.#fail(path, value, "a table");
    this.#values = new Map(Object.entries(value));
  }

  names(): string[] {
    return [...this.#values.keys()];
  }

  /** Refuses every key that is not one of these. */
  keys(...known: readonly string[]): void {
    for (const key of this.#values.keys()) {
      if (known.includes(key)) continue;
      throw new UsageError(
        `Cannot use the configuration "${this.#file}" as "${this.#pathTo(key)}" is not a key${
          didYouMean(key, known)
        }: ` +
          `${this.#path === "" ? "there" : `in [${this.#path}] there`} can be ${known.join(", ")}`,
      );
    }
  }

  table(key: string): Table {
    return new Table(this.#values.get(key) ?? {}, this.#pathTo(key), this.#file);
  }

  strings(key: string): readonly string[] {
    const value = this.#values.get(key) ?? [];
    if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value;
    return this.#fail(this.#pathTo(key), value, 'a list of texts, such as ["a", "b"]');
  }

  boolean(key: string): boolean | undefined {
    const value = this.#values.get(key);
    if (value === undefined || typeof value === "boolean") return value;
    return this.#fail(this.#pathTo(key), value, "true or false");
  }

  number(key: string): number | undefined {
    const value = this.#values.get(key);
    if (value === undefined || (typeof value === "number" && value >= 0 && Number.isFinite(value))) return value;
    return this.#fail(this.#pathTo(key), value, "a number of 0 or more");
  }

  oneOf<T extends string>(key: string, choices: readonly T[]): T | undefined {
    const value = this.#values.get(key);
    if (value === undefined) return undefined;
    const found = choices.find((choice) => choice === value);
    return found ?? this.#fail(this.#pathTo(key), value, choices.map((choice) => `"${choice}"`).join(", "));
  }

  #pathTo(key: string): string {
    return this.#path === "" ? key : `${this.#path}.${key}`;
  }

  #fail(path: string, value: unknown, wanted: string): never {
    const shown = JSON.stringify(value, (_, item) => typeof item === "bigint" ? Number(item) : item);
    throw new UsageError(`Cannot use the configuration "${this.#file}" as "${path}" is ${shown}: it must be ${wanted}`);
  }
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}
