/**
 * What scripts that write committed files share: the paths, the formatting, and the comparison with what is committed. A test asks for the
 * differences; a person writes.
 */

/** The folder of the repository. */
export const ROOT: URL = new URL("../../", import.meta.url);

/** Files that a script makes: their texts, by their paths in the repository. */
export type Generated = ReadonlyMap<string, string>;

/** Formats files as the repository does, in a folder of their own. */
export async function formatted(files: Generated): Promise<Generated> {
  const folder = await Deno.makeTempDir({ prefix: "fa-generated-" });
  try {
    for (const [path, text] of files) {
      const target = `${folder}/${path}`;
      await Deno.mkdir(target.slice(0, target.lastIndexOf("/")), { recursive: true });
      await Deno.writeTextFile(target, text);
    }
    await deno(["fmt", "--quiet", "--config", new URL("deno.json", ROOT).pathname, folder]);
    const result = new Map<string, string>();
    for (const path of files.keys()) result.set(path, await Deno.readTextFile(`${folder}/${path}`));
    return result;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Returns what is not committed as a script makes it: paths that differ, are missing, or that nothing makes any more. */
export async function differences(files: Generated, folders: readonly string[] = []): Promise<string[]> {
  const wrong: string[] = [];
  for (const [path, text] of files) {
    const committed = await Deno.readTextFile(new URL(path, ROOT)).catch(() => undefined);
    if (committed !== text) wrong.push(committed === undefined ? `${path} is missing` : `${path} differs`);
  }
  for (const path of await strays(files, folders)) wrong.push(`${path} is of nothing`);
  return wrong;
}

/** Writes files, and takes away what is left of others in folders that hold nothing else. */
export async function write(files: Generated, folders: readonly string[] = []): Promise<void> {
  for (const folder of folders) await Deno.mkdir(new URL(folder, ROOT), { recursive: true });
  for (const path of await strays(files, folders)) await Deno.remove(new URL(path, ROOT));
  for (const [path, text] of files) await Deno.writeTextFile(new URL(path, ROOT), text);
}

/** Runs Deno in the repository, and returns what it prints. */
export async function deno(args: readonly string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
  }).output();
  if (!success) throw new Error(`Cannot run "deno ${args[0]}" as it fails:\n${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}

async function strays(files: Generated, folders: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const folder of folders) {
    try {
      for await (const { name } of Deno.readDir(new URL(folder, ROOT))) {
        if (!files.has(`${folder}${name}`)) found.push(`${folder}${name}`);
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return found.sort();
}
