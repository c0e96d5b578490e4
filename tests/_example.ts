/**
 * Runs examples as a person does, and reads what they print.
 */

import { assert } from "@std/assert";

/** What an example has printed. */
export interface Output {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs an example, with the permissions that are given to it. */
export async function run(args: readonly string[], env: Record<string, string> = {}): Promise<Output> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", ...args],
    cwd: new URL("..", import.meta.url),
    env: { NO_COLOR: "1", ...env },
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** A size as the examples print it. */
export function bytes(text: string | undefined): number {
  const [value, unit] = (text ?? "").split(" ");
  const factor = { B: 1, KB: 1024, MB: 1024 ** 2 }[unit ?? ""];
  assert(factor !== undefined, `${text} is no size`);
  return Number(value) * factor;
}
