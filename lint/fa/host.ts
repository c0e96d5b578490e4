/**
 * What the command knows of the world around it: where text goes, where it stands, and whether somebody is watching. It is one object so
 * that a test can run the whole command and look at both streams.
 */

import { writeSync } from "node:fs";
import process from "node:process";

/** The process, or what stands in for it. */
export interface Host {
  /** The folder that paths are relative to. */
  readonly cwd: string;
  /** The variables of the environment. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whether a person reads the report: decides on colour. */
  readonly stdoutIsTerminal: boolean;
  /** Whether a person reads the rest: decides on progress. */
  readonly stderrIsTerminal: boolean;
  /** Writes to the standard output: the report, and nothing else. */
  out(text: string): void;
  /** Writes to the standard error: all that is not the report. */
  err(text: string): void;
}

/** The host that is this process. */
export function processHost(): Host {
  return {
    cwd: process.cwd(),
    env: process.env,
    stdoutIsTerminal: process.stdout.isTTY === true,
    stderrIsTerminal: process.stderr.isTTY === true,
    out: (text) => writeAll(1, text),
    err: (text) => writeAll(2, text),
  };
}

/** Whether text for the standard output may be coloured. */
export function coloured(host: Host): boolean {
  const { NO_COLOR, FORCE_COLOR } = host.env;
  if (NO_COLOR !== undefined && NO_COLOR !== "") return false;
  if (FORCE_COLOR !== undefined && FORCE_COLOR !== "" && FORCE_COLOR !== "0") return true;
  return host.stdoutIsTerminal;
}

/** Writes all of a text: a pipe may take less than it is offered, and a reader may have gone. */
function writeAll(fd: number, text: string): void {
  const bytes = new TextEncoder().encode(text);
  let at = 0;
  while (at < bytes.length) {
    try {
      at += writeSync(fd, bytes, at, bytes.length - at);
    } catch (error) {
      const code = (error as { code?: string }).code;
      if (code === "EAGAIN") continue;
      if (code === "EPIPE") return;
      throw error;
    }
  }
}
