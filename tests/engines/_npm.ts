/**
 * Engines and compilers as npm packages: Deno installs one for as long as it is used, from what it has downloaded once.
 */

import { deno } from "../consumer/_project.ts";

const IS_ARM = Deno.build.arch === "aarch64";

/** The package with the newest Node of a major version, for this machine. */
export function nodePackage(major: number): string {
  const prefix = Deno.build.os === "darwin" && IS_ARM ? "node-bin" : "node";
  return `${prefix}-${Deno.build.os}-${IS_ARM ? "arm64" : "x64"}@${major}`;
}

/** The package with the newest Bun of a major version, for this machine. */
export function bunPackage(major: number): string {
  return `@oven/bun-${Deno.build.os}-${IS_ARM ? "aarch64" : "x64"}@${major}`;
}

/** Uses the folder of a package, which is there for as long as that takes. It throws if the package cannot be had. */
export async function withPackage<T>(specifier: string, use: (folder: string) => Promise<T>): Promise<T> {
  const project = await Deno.makeTempDir({ prefix: "framealloc_npm_" });
  try {
    const manifest = { dependencies: { it: `npm:${specifier}` } };
    await Deno.writeTextFile(`${project}/package.json`, JSON.stringify(manifest));
    const { success, stderr } = await deno(project, "install", "--quiet", "--no-lock");
    if (!success) throw new Error(`${specifier} cannot be had from npm: ${stderr.trim().split("\n")[0]}`);
    return await use(`${project}/node_modules/it`);
  } finally {
    await Deno.remove(project, { recursive: true });
  }
}
