/**
 * The command `fa`: `deno run -A jsr:@framealloc/lint/fa`. The report goes to the standard output and all else to the standard error; the
 * exit code is 0 when nothing is found, 1 when something is, 2 for wrong arguments or a wrong configuration, and 3 when a file could not
 * be analysed, which is said in the report and does not stop the rest.
 *
 * @module
 */

import process from "node:process";
import { runCommand } from "./command.ts";
import { CORE } from "./core_engine.ts";
import { type Host, processHost } from "./host.ts";
import { OXC } from "./parse.ts";

export type { Host } from "./host.ts";

/**
 * Runs the command.
 *
 * @param argv The arguments, such as `["--all", "--format", "json", "--path", "src"]`.
 * @param host Where text goes; the process, unless another is given.
 * @returns The exit code.
 */
export async function fa(argv: readonly string[], host: Host = processHost()): Promise<number> {
  return await runCommand(argv, { engine: CORE, parser: OXC, host });
}

if (import.meta.main) {
  fa(process.argv.slice(2)).then((code) => {
    process.exitCode = code;
  });
}
