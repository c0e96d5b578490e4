/**
 * `fa init`: writes a configuration that says what can be configured, and that changes nothing until somebody edits it.
 */

import { existsSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { CONFIG_FILE } from "../config.ts";
import type { Host } from "../host.ts";
import { UsageError } from "../usage_error.ts";

/** The configuration that is written. */
export const TEMPLATE = `# What "fa" checks here. Every key may be left out; a key that is not known is an error.

[global]
# Findings below this are not shown: "hint", "warning" or "error".
min_severity = "hint"
# Files that are not looked at. Hidden folders, node_modules and what Git ignores never are.
exclude = []
# Whether warnings fail, as errors do.
deny_warnings = false
# More names under which the library is imported here, such as "./deps/framealloc.ts".
modules = []

[lints]
# Codes that are not checked.
disabled = []

# The level of single codes: "allow", "warn" or "deny".
[lints.levels]
# FA602 = "allow"
# FA702 = "deny"

[tags]
# The tags that there are; they are checked when warn_unknown_tags is true.
known_tags = ["physics", "rendering", "ai", "audio", "ui", "network"]
warn_unknown_tags = false

# Which tags belong to which files: a pattern on the path, and its tags.
[tags.module_tags]
# "src/physics/**" = ["physics"]

[thresholds]
# Loops of a constant number of turns up to this may allocate.
# loop_allocation_limit = 100
`;

/** Writes the configuration. */
export function init(folder: string, force: boolean, host: Host): number {
  const path = join(resolve(host.cwd, folder), CONFIG_FILE);
  if (existsSync(path) && !force) {
    throw new UsageError(`Cannot write "${path}" as it is there already: --force replaces it`);
  }
  try {
    writeFileSync(path, TEMPLATE);
  } catch (error) {
    throw new UsageError(`Cannot write "${path}" as ${(error as Error).message}`);
  }
  host.err(`Wrote ${path}\n`);
  return 0;
}
