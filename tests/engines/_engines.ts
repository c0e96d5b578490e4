/**
 * The engines that the library is tried in, or why they cannot be had here.
 */

import { assert } from "@std/assert";
import { findChromium, runInChromium } from "./_chromium.ts";
import { bunPackage, nodePackage, withPackage } from "./_npm.ts";

/** An engine. */
export interface Engine {
  /** Its name, with its version if it can be had. */
  readonly name: string;
  /** Why it cannot be had, if so. */
  readonly missing?: string;
  /** Runs the smoke program of a project, and returns what it reports, as JSON. */
  run(project: string): Promise<string>;
}

/** The oldest Node that the library is for. */
const MIN_NODE = 22;

/** Prints the version of Node, or nothing in Deno, which stands in where there is no Node. */
const NODE_VERSION = "process.versions.deno === undefined ? process.versions.node : ''";

/** All of them. */
export async function findEngines(): Promise<readonly Engine[]> {
  return await Promise.all([
    engine(
      "Deno",
      () => Promise.resolve(Deno.version.deno),
      (project) => output(project, Deno.execPath(), "run", "--no-prompt", "--no-lock", "run.js"),
    ),
    engine("Node on the path", nodeOnPath, (project) => output(project, "node", "run.js")),
    packaged("Node 22", nodePackage(22), "bin/node"),
    packaged("Node 24", nodePackage(24), "bin/node"),
    packaged("Bun", bunPackage(1), "bin/bun"),
    engine("Chromium", async () => (await findChromium()).version, runInChromium),
  ]);
}

async function engine(name: string, version: () => Promise<string>, run: Engine["run"]): Promise<Engine> {
  try {
    return { name: `${name} (${await version()})`, run };
  } catch (error) {
    return { name, run, missing: String(error) };
  }
}

/** An engine that is a file of an npm package. */
async function packaged(name: string, specifier: string, file: string): Promise<Engine> {
  return await engine(
    name,
    () =>
      withPackage(
        specifier,
        async (folder) => (await output(folder, `${folder}/${file}`, "--version")).replace("v", ""),
      ),
    (project) => withPackage(specifier, (folder) => output(project, `${folder}/${file}`, "run.js")),
  );
}

async function nodeOnPath(): Promise<string> {
  const version = await output(".", "node", "-p", NODE_VERSION);
  if (version === "") throw new Error("there is none");
  if (parseInt(version) < MIN_NODE) throw new Error(`${version} is older than ${MIN_NODE}`);
  return version;
}

/** Runs a command that must succeed, and returns what it prints. */
async function output(cwd: string, command: string, ...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args, cwd, env: { NO_COLOR: "1" } }).output();
  assert(success, `${command} ${args.join(" ")} failed:\n${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout).trim();
}
