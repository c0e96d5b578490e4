/**
 * Finds the files to look at. A file that is named is taken as it is; a folder is walked, without what is nobody's own source: hidden
 * folders, `node_modules`, declaration files, what Git ignores and what the configuration excludes. A root of `.` is a root like any
 * other: the rules about names are for what is found below it.
 */

import { type Dirent, existsSync, readdirSync, statSync } from "node:fs";
import { dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import { type Ignores, isIgnored, readIgnores } from "./gitignore.ts";
import { globMatcher } from "./globs.ts";
import { UsageError } from "./usage_error.ts";

/** A file to look at. */
export interface Found {
  /** Where it is. */
  readonly path: string;
  /** What it is called in reports: relative to where the command was started, or absolute where that is what was asked for. */
  readonly file: string;
}

/** A set of patterns and the folder that they are relative to. */
export interface Excludes {
  readonly folder: string;
  readonly globs: readonly string[];
}

const SOURCE = /\.(?:[mc]?[jt]s|[jt]sx)$/;
const DECLARATION = /\.d\.(?:[^.]+\.)?[mc]?ts$/;

/** Finds all source files below some paths, in a stable order and each once. */
export function discover(roots: readonly string[], cwd: string, excludes: readonly Excludes[]): Found[] {
  const isExcluded = excluder(excludes);
  const found = new Map<string, Found>();
  for (const root of roots) {
    const path = resolve(cwd, root);
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat === undefined) throw new UsageError(`Cannot look at "${root}" as there is no such file or folder`);
    if (stat.isDirectory()) {
      for (const file of walk(path, ancestorIgnores(path), isExcluded)) add(file, root);
    } else add(path, root);
  }
  return [...found.values()];

  function add(path: string, root: string): void {
    if (!found.has(path)) found.set(path, { path, file: isAbsolute(root) ? path : shownPath(path, cwd) });
  }
}

/** What a path is called in reports. */
export function shownPath(path: string, cwd: string): string {
  return (relative(cwd, path) || ".").replaceAll(sep, "/");
}

/** Returns the nearest folder at or above a path that has an entry of a name. */
export function folderWith(name: string, from: string): string | undefined {
  for (let folder = from;; folder = dirname(folder)) {
    if (existsSync(join(folder, name))) return folder;
    if (dirname(folder) === folder) return undefined;
  }
}

function* walk(folder: string, ignores: readonly Ignores[], isExcluded: (path: string) => boolean): Generator<string> {
  const own = readIgnores(folder);
  const all = own === undefined ? ignores : [...ignores, own];
  for (const entry of entriesOf(folder)) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      if (entry.name.startsWith(".") || entry.name === "node_modules") continue;
      if (!isIgnored(path, true, all) && !isExcluded(path)) yield* walk(path, all, isExcluded);
    } else if (entry.isFile() && SOURCE.test(entry.name) && !DECLARATION.test(entry.name)) {
      if (!isIgnored(path, false, all) && !isExcluded(path)) yield path;
    }
  }
}

/** The entries in the order of their names, so that two runs report alike; a folder that may not be read has none. */
function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).sort((
      a,
      b,
    ) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  } catch {
    return [];
  }
}

/** What the folders above a root ignore; nothing, when they ignore the root itself, as that one was asked for. */
function ancestorIgnores(root: string): Ignores[] {
  const top = folderWith(".git", root);
  if (top === undefined || top === root) return [];
  const files: Ignores[] = [];
  for (let folder = dirname(root); folder.startsWith(top); folder = dirname(folder)) {
    const own = readIgnores(folder);
    if (own !== undefined) files.unshift(own);
    if (folder === top || dirname(folder) === folder) break;
  }
  for (let path = root; path !== top; path = dirname(path)) if (isIgnored(path, true, files)) return [];
  return files;
}

/** Returns a test for files that patterns take out. */
export function excluder(excludes: readonly Excludes[]): (path: string) => boolean {
  const tests = excludes.flatMap(({ folder, globs }) =>
    globs.map((glob) => {
      const matches = globMatcher(isAbsolute(glob) ? relative(folder, glob) : glob);
      // A pattern without a slash is meant for names anywhere, as in .gitignore.
      const anywhere = glob.includes("/") ? undefined : globMatcher(`**/${glob}`);
      return (path: string) => {
        const inside = relative(folder, path).replaceAll(sep, "/");
        return matches(inside) || anywhere?.(inside) === true;
      };
    })
  );
  return (path) => tests.some((test) => test(path));
}
