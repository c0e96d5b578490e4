/**
 * Path patterns, as `.fa.toml`, `--exclude` and `.gitignore` write them: `*` and `?` stay within a folder's name, `**` crosses folders,
 * `{a,b}` are alternatives and `[…]` a set. They are turned into regular expressions once, as each is tried on thousands of paths.
 */

/** Returns a test for paths that are relative, with `/` between folders. */
export function globMatcher(glob: string): (path: string) => boolean {
  const trimmed = glob.replaceAll("\\", "/").replace(/^\.\//, "");
  // "dist/" and "dist" mean the folder and all that is in it.
  const pattern = new RegExp(`^(?:${globSource(trimmed.replace(/\/+$/, ""))})(?:/.*)?$`, "u");
  return (path) => pattern.test(path);
}

/** Returns the source of a regular expression for a pattern, without anchors. */
export function globSource(glob: string): string {
  let source = "";
  let depth = 0;
  for (let at = 0; at < glob.length; at++) {
    const char = glob[at] ?? "";
    if (char === "*") {
      if (glob[at + 1] !== "*") {
        source += "[^/]*";
        continue;
      }
      at++;
      const startsName = at < 2 || glob[at - 2] === "/" || glob[at - 2] === "{" || glob[at - 2] === ",";
      if (startsName && glob[at + 1] === "/") {
        source += "(?:[^/]+/)*";
        at++;
      } else source += ".*";
    } else if (char === "?") source += "[^/]";
    else if (char === "{" && glob.indexOf("}", at) > at) {
      source += "(?:";
      depth++;
    } else if (char === "}" && depth > 0) {
      source += ")";
      depth--;
    } else if (char === "," && depth > 0) source += "|";
    else if (char === "[" && glob.indexOf("]", at + 2) > at) {
      const end = glob.indexOf("]", at + 2);
      const set = glob.slice(at + 1, end).replace(/^!/, "^").replace(/[[\]\\&~|]/g, "\\$&");
      source += `[${set}]`;
      at = end;
    } else source += char.replace(/[\\^$.*+?()[\]{}|/]/gu, "\\$&");
  }
  return source + ")".repeat(depth);
}
