/**
 * Paths as machines compare them: relative to the root of the repository, with `/` on every system.
 */

import { relative, sep } from "node:path";
import { pathToFileURL } from "node:url";
import { folderWith } from "./discover.ts";

/** The folder of the repository that a folder is in, or the folder itself. */
export function repositoryRoot(folder: string): string {
  return folderWith(".git", folder) ?? folder;
}

/** A path relative to a root, or as it is when it is elsewhere. */
export function rootPath(path: string, root: string): string {
  const inside = relative(root, path);
  return isOutside(inside) ? path : inside.replaceAll(sep, "/");
}

/** A path as a URI: relative to a root, or absolute when it is elsewhere; what a URI may not contain is escaped. */
export function pathUri(path: string, root: string): string {
  const inside = relative(root, path);
  if (isOutside(inside)) return pathToFileURL(path).href;
  return inside.split(sep).map((part) => encodeURIComponent(part.toWellFormed())).join("/");
}

function isOutside(inside: string): boolean {
  return inside === ".." || inside.startsWith(`..${sep}`) || /^(?:[A-Za-z]:)?[\\/]/.test(inside);
}
