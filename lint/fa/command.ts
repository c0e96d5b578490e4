/**
 * What the command does with its arguments. The analysis and the process are given to it, so that a test can run all of it with its own.
 */

import { type Args, readArgs } from "./args.ts";
import { check, type Tools } from "./check.ts";
import { explain } from "./commands/explain.ts";
import { index } from "./commands/index_command.ts";
import { init } from "./commands/init.ts";
import { list } from "./commands/list.ts";
import { show } from "./commands/show.ts";
import { UNUSED_IGNORE } from "./engine.ts";
import { FORMATTERS } from "./formats/formats.ts";
import { HELP } from "./help.ts";
import { coloured, type Host } from "./host.ts";
import { UsageError } from "./usage_error.ts";
import { VERSION } from "./version.ts";

/** Runs the command, and returns its exit code. */
export async function runCommand(argv: readonly string[], tools: Tools): Promise<number> {
  try {
    return await run(readArgs(argv), tools);
  } catch (error) {
    if (error instanceof UsageError) {
      tools.host.err(`error: ${error.message}\n`);
      return 2;
    }
    const trace = error instanceof Error ? error.stack ?? error.message : String(error);
    tools.host.err(`error: the linter broke, which is a bug in it (FA999)\n${trace}\n`);
    return 3;
  }
}

async function run(args: Args, tools: Tools): Promise<number> {
  const { host, engine } = tools;
  if (args.help) return say(HELP, host);
  if (args.version) return say(`fa ${VERSION}\n`, host);
  const rules = [...engine.rules, UNUSED_IGNORE];
  switch (args.command) {
    case "explain":
      return explain(args.operands, rules, host);
    case "list":
      return list(args.category, rules, host);
    case "init":
      return init(args.paths[0] ?? ".", args.force, host);
    case "index":
      return index(args, tools);
    case "show":
      return await show(args, tools);
    case "check":
      return await report(args, tools);
  }
}

async function report(args: Args, tools: Tools): Promise<number> {
  const { host } = tools;
  const { report, diff, exitCode } = await check(args, tools);
  const text = FORMATTERS[args.format](report, { colour: coloured(host) });
  // A diff takes the place of the report where people read, so that it can be piped on; else each has a stream of its own.
  const isDiff = args.dryRun && args.format === "terminal";
  host.out(isDiff ? diff : text);
  if (isDiff) host.err(text);
  else if (args.dryRun) host.err(diff);
  return exitCode;
}

function say(text: string, host: Host): number {
  host.out(text);
  return 0;
}
