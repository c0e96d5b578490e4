/**
 * What holds for the files of a folder when an editor or another linter looks at them one by one: the configuration and the index of the
 * nearest project. Both are read again when they change on disk, as an editor runs for days.
 */

import { statSync } from "node:fs";
import { join } from "node:path";
import type { ProjectIndex } from "../core/project.ts";
import { type Config, CONFIG_FILE, loadConfig, parseConfig } from "../fa/config.ts";
import { excluder, folderWith } from "../fa/discover.ts";
import { decideLevels, type Levels } from "../fa/levels.ts";
import type { RuleInfo } from "../fa/engine.ts";
import { readSymbols, SYMBOLS_FILE } from "../fa/symbols.ts";
import { UsageError } from "../fa/usage_error.ts";

/** What holds for a folder. */
export interface Project {
  readonly config: Config;
  readonly levels: Levels;
  readonly index: ProjectIndex | undefined;
  isExcluded(path: string): boolean;
  /** Why the configuration cannot be used, if so; then it holds as if there were none. */
  readonly problem: string | undefined;
}

interface Entry {
  readonly project: Project;
  /** The files that it was read from, with their times. */
  readonly stamp: string;
  checked: number;
}

/** So many milliseconds a look at the disk counts: a run over a project looks once per folder, and an editor sees what somebody saved. */
const FRESH = 500;

const NO_ARGS = {
  categories: [],
  deny: [],
  allow: [],
  only: [],
  skip: [],
  denyWarnings: false,
  minSeverity: undefined,
};

/** Finds what holds for folders. */
export class Projects {
  readonly #rules: readonly RuleInfo[];
  readonly #now: () => number;
  readonly #entries: Map<string, Entry> = new Map();
  /** Folders of one project share what was read. */
  readonly #read: Map<string, Project> = new Map();

  /**
   * Starts.
   *
   * @param rules The rules that a configuration may name.
   * @param now Tells the time in milliseconds.
   */
  constructor(rules: readonly RuleInfo[], now: () => number = () => performance.now()) {
    this.#rules = rules;
    this.#now = now;
  }

  /** Returns what holds for the files of a folder. */
  of(folder: string): Project {
    const now = this.#now();
    const known = this.#entries.get(folder);
    if (known !== undefined && now - known.checked < FRESH) return known.project;
    const stamp = [CONFIG_FILE, SYMBOLS_FILE].map((name) => stampOf(name, folder)).join("\n");
    if (known?.stamp === stamp) {
      known.checked = now;
      return known.project;
    }
    let project = this.#read.get(stamp);
    if (project === undefined) {
      // What was read of files as they were before is of no use to anybody.
      if (this.#read.size >= 64) this.#read.clear();
      this.#read.set(stamp, project = this.#load(folder));
    }
    this.#entries.set(folder, { project, stamp, checked: now });
    return project;
  }

  #load(folder: string): Project {
    const codes = new Set(this.#rules.map(({ code }) => code));
    let config = parseConfig("", undefined, folder, codes);
    let problem: string | undefined;
    try {
      config = loadConfig(undefined, folder, folder, codes);
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      problem = error.message;
    }
    const { exclude } = config;
    const levels = decideLevels(NO_ARGS, config, this.#rules);
    const isExcluded = excluder([{ folder: config.folder, globs: exclude }]);
    return { config, levels, index: readSymbols(folder), isExcluded, problem };
  }
}

/** The nearest file of a name, and when it was written. */
function stampOf(name: string, folder: string): string {
  const found = folderWith(name, folder);
  if (found === undefined) return "";
  const path = join(found, name);
  const stat = statSync(path, { throwIfNoEntry: false });
  return `${path} ${stat?.mtimeMs ?? 0} ${stat?.size ?? 0}`;
}
