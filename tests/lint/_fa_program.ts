/**
 * The command with the analysis of these tests, as a program: for what only a process shows, such as its streams and what it may not read.
 */

import process from "node:process";
import { runCommand } from "../../lint/fa/command.ts";
import { processHost } from "../../lint/fa/host.ts";
import { OXC } from "../../lint/fa/parse.ts";
import { ENGINE } from "./_fa.ts";

process.exitCode = await runCommand(process.argv.slice(2), { engine: ENGINE, parser: OXC, host: processHost() });
