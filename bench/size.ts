/**
 * What a program that uses the library downloads: bundles, minified and compressed, against what they should weigh. Fails if one
 * weighs more than it has been allowed to so far.
 */

import { build } from "esbuild";
import { gzipSync } from "node:zlib";

/** A bundle and what it may weigh. */
interface Gate {
  readonly name: string;
  readonly source: string;
  /** What it should weigh, in bytes. */
  readonly goal: number;
  /** What it must not exceed: the goal, or where that is not reached what has been reached. */
  readonly limit: number;
}

const GATES: readonly Gate[] = [
  { name: "everything (mod.ts)", source: 'export * from "./mod.ts";', goal: 30_000, limit: 72_600 },
  {
    name: "SmartAlloc and layouts",
    source: 'export { SmartAlloc, struct, f32, u32, vec3f, FrameAllocError } from "./mod.ts";',
    goal: 30_000,
    limit: 58_300,
  },
  {
    name: "frames, layouts and errors",
    source: 'export { FrameAlloc, struct, f32, u32, vec3f, FrameAllocError } from "./mod.ts";',
    goal: 10_000,
    limit: 22_600,
  },
  {
    name: "GPU, beside SmartAlloc",
    source: 'export { SmartAlloc } from "./mod.ts"; export { GpuAllocator, WebGpuBackend } from "./gpu/mod.ts";',
    goal: 72_000,
    limit: 86_200,
  },
];

if (import.meta.main) await main();

async function main(): Promise<void> {
  let isOver = false;
  console.log("bundle                        minified      gzip      goal     limit");
  for (const { name, source, goal, limit } of GATES) {
    const { outputFiles } = await build({
      stdin: { contents: source, resolveDir: new URL("..", import.meta.url).pathname, loader: "ts" },
      bundle: true,
      minify: true,
      format: "esm",
      target: "es2024",
      write: false,
    });
    const code = outputFiles[0]!.contents;
    const gzip = gzipSync(code, { level: 9 }).length;
    const verdict = gzip <= goal ? "ok" : gzip <= limit ? "over its goal" : "OVER ITS LIMIT";
    isOver ||= gzip > limit;
    console.log(`${name.padEnd(28)} ${kb(code.length)}  ${kb(gzip)}  ${kb(goal)}  ${kb(limit)}  ${verdict}`);
  }
  Deno.exit(isOver ? 1 : 0);
}

function kb(bytes: number): string {
  return `${(bytes / 1000).toFixed(1)} kB`.padStart(8);
}
