/**
 * What Git does not track is not anybody's source: built files, reports, copies. This reads the `.gitignore` files on the way down and
 * answers for one path; it knows comments, negation, folders (`dist/`), anchors (`/dist`) and the patterns of `globs.ts`.
 */

import { readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { globSource } from "./globs.ts";

interface Line {
  readonly pattern: RegExp;
  readonly negated: boolean;
  readonly folderOnly: boolean;
}

/** The lines of one file, for the paths below its folder. */
export interface Ignores {
  readonly folder: string;
  readonly lines: readonly Line[];
}

/** Reads the `.gitignore` of a folder, if there is one. */
export function readIgnores(folder: string): Ignores | undefined {
  let text: string;
  try {
    text = readFileSync(join(folder, ".gitignore"), "utf8");
  } catch {
    return undefined;
  }
  const lines = text.split(/\r?\n/).flatMap((line) => parseLine(line) ?? []);
  return lines.length === 0 ? undefined : { folder, lines };
}

/** Whether a path is ignored; the files of inner folders come last in the list and win. */
export function isIgnored(path: string, isFolder: boolean, files: readonly Ignores[]): boolean {
  let ignored = false;
  for (const { folder, lines } of files) {
    const inside = relative(folder, path).replaceAll(sep, "/");
    if (inside === "" || inside.startsWith("..")) continue;
    for (const { pattern, negated, folderOnly } of lines) {
      if (folderOnly && !isFolder) continue;
      if (pattern.test(inside)) ignored = !negated;
    }
  }
  return ignored;
}

function parseLine(line: string): Line | undefined {
  let text = line.replace(/(?<!\\)\s+$/, "");
  if (text === "" || text.startsWith("#")) return undefined;
  const negated = text.startsWith("!");
  if (negated) text = text.slice(1);
  text = text.replace(/^\\(?=[#!])/, "");
  const folderOnly = text.endsWith("/");
  if (folderOnly) text = text.replace(/\/+$/, "");
  const anchored = text.includes("/");
  text = text.replace(/^\//, "");
  if (text === "") return undefined;
  // A trailing "/**" means what is inside; for the walk it is enough to know the folder's entries.
  return { pattern: new RegExp(`^${anchored ? "" : "(?:.*/)?"}${globSource(text)}$`, "u"), negated, folderOnly };
}
