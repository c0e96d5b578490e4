/**
 * Runs Deno in a project of its own, as a user does: with nothing of this folder's configuration, cache flags or permissions.
 */

import { assert } from "@std/assert";

/** The root of this package. */
export const ROOT: string = decodeURIComponent(new URL("../..", import.meta.url).pathname).replace(/\/$/, "");

/** What a run of Deno came to. */
export interface Outcome {
  readonly success: boolean;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs Deno in a folder, without colours. */
export async function deno(cwd: string, ...args: string[]): Promise<Outcome> {
  const command = new Deno.Command(Deno.execPath(), { args, cwd, stdin: "null", env: { NO_COLOR: "1" } });
  const { success, stdout, stderr } = await command.output();
  const decoder = new TextDecoder();
  return { success, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** The same, for a run that must succeed. */
export async function denoOk(cwd: string, ...args: string[]): Promise<Outcome> {
  const outcome = await deno(cwd, ...args);
  assert(outcome.success, `deno ${args.join(" ")} failed:\n${outcome.stdout}${outcome.stderr}`);
  return outcome;
}

/** Makes a project that links to packages by their folders, has it used, and removes it. */
export async function withProject(
  packages: { readonly [name: string]: string },
  files: { readonly [path: string]: string },
  use: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "framealloc_project_" });
  try {
    const imports = Object.fromEntries(Object.keys(packages).map((name) => [name, `jsr:${name}@^0.1`]));
    const manifest = { workspace: [], imports, links: Object.values(packages) };
    await Deno.writeTextFile(`${folder}/deno.json`, JSON.stringify(manifest));
    for (const [path, text] of Object.entries(files)) await Deno.writeTextFile(`${folder}/${path}`, text);
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
