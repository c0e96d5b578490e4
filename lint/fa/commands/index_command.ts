/**
 * `fa index`: writes what is known of a project's exports to `.framealloc/symbols.json`, for the editor, which sees one file at a time.
 */

import type { Args } from "../args.ts";
import { readProject, setUp, type Tools } from "../check.ts";
import { writeSymbols } from "../symbols.ts";

/** Writes the index. */
export function index(args: Args, tools: Tools): number {
  const setup = setUp(args, tools);
  const { builder, problems } = readProject(setup, args, tools, {});
  for (const { file, message } of problems) tools.host.err(`${file}: ${message}\n`);
  const files = builder.all();
  const path = writeSymbols(setup.root, files);
  const exports = [...files.values()].reduce((sum, facts) => sum + Object.keys(facts).length, 0);
  tools.host.err(`Wrote ${exports} exports of ${files.size} files to ${path}\n`);
  return problems.length > 0 ? 3 : 0;
}
