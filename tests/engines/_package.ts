/**
 * The library as npm gets it: packed, and unpacked again where engines look for it.
 */

import { assert } from "@std/assert";
import { denoOk, ROOT } from "../consumer/_project.ts";

/** Where the library is in a project that has installed it. */
export const LIBRARY = "node_modules/@framealloc/core";

/** Packs the library by `deno task pack`, with another output, and puts it into a project. */
export async function installInto(project: string): Promise<void> {
  const tarball = `${project}/packed.tgz`;
  await denoOk(ROOT, "task", "--quiet", "pack", "--quiet", "--output", tarball);
  await Deno.mkdir(`${project}/${LIBRARY}`, { recursive: true });
  // Everything in a tarball for npm is in one folder, which does not count.
  const args = ["-xzf", tarball, "--strip-components=1", "-C", `${project}/${LIBRARY}`];
  const { success, stderr } = await new Deno.Command("tar", { args }).output();
  assert(success, new TextDecoder().decode(stderr));
  await Deno.remove(tarball);
}
