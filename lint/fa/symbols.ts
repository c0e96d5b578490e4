/**
 * The index on disk, `.framealloc/symbols.json`: paths relative to its project, and the facts of their exports. It needs no parser, so the
 * plugin of an editor can read it.
 */

import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import type { ProjectIndex } from "../core/project.ts";
import { folderWith } from "./discover.ts";
import { type FileFacts, indexOf } from "./project_index.ts";
import { Resolver } from "./resolve.ts";

/** Where it is in a project. */
export const SYMBOLS_FILE = ".framealloc/symbols.json";

/** Writes the index of a project, and returns where. */
export function writeSymbols(root: string, files: ReadonlyMap<string, FileFacts>): string {
  const path = join(root, SYMBOLS_FILE);
  const exports = Object.fromEntries(
    [...files].map(([file, facts]) => [relative(root, file).replaceAll(sep, "/"), facts] as const).sort((
      [a],
      [b],
    ) => (a < b ? -1 : 1)),
  );
  mkdirSync(dirname(path), { recursive: true });
  // An editor may be reading: it sees the old file or the new one.
  const fresh = `${path}.new`;
  writeFileSync(fresh, `${JSON.stringify({ version: 1, exports }, null, 2)}\n`);
  renameSync(fresh, path);
  return path;
}

/** Reads the index that is nearest to a folder, or nothing when there is none that can be read. */
export function readSymbols(folder: string): ProjectIndex | undefined {
  const root = folderWith(SYMBOLS_FILE, folder);
  if (root === undefined) return undefined;
  try {
    const { version, exports } = JSON.parse(readFileSync(join(root, SYMBOLS_FILE), "utf8")) as {
      version: unknown;
      exports: Record<string, FileFacts>;
    };
    if (version !== 1) return undefined;
    const files = new Map(Object.entries(exports).map(([file, facts]) => [resolve(root, file), facts]));
    return indexOf(files, new Resolver((path) => files.has(path)));
  } catch {
    return undefined;
  }
}
