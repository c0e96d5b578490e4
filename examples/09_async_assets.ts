/**
 * Asset loading: a level is loaded while the game goes on. Half of it are files, half comes from a server that is slow, busy, or has
 * lost something; and all of it goes through memory that holds a part of it only.
 *
 * Run it with `deno run --allow-read --allow-net=127.0.0.1 examples/09_async_assets.ts`, and with a folder if you like. Without one it
 * takes files of npm packages that this project uses, or its own sources where those are not installed. The server is its own.
 */

import { equal } from "node:assert/strict";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import {
  AssetLoader,
  type AssetRequest,
  type DecodeContext,
  formatBytes,
  type LoadProgress,
  progressBar,
  SmartAlloc,
} from "../mod.ts";

const MOST_FILES = 30;
const FRAME_MS = 1000 / 60;

/** What the server does with every fourth file in turn. */
const MANNERS = ["slow", "busy", "packed", "lost"] as const;

interface File {
  readonly path: string;
  readonly size: number;
}

/** What the decode step finds out about a file. */
interface Contents {
  /** How much there is in a byte, in bits: from 0 for always the same to 8 for noise. */
  readonly entropy: number;
  readonly lines: number;
}

const files = findFiles(Deno.args[0]);
if (files.length < 8) {
  console.error(`Cannot load a level of ${files.length} files: give a folder with at least 8 that are not empty`);
  Deno.exit(2);
}
const total = files.reduce((bytes, { size }) => bytes + size, 0);
const largest = files[0]!.size;
const budget = Math.max(largest, Math.ceil(total / 3));

const remote = files.filter((_, i) => i % 2 === 1);
const mannerOf = new Map(remote.map(({ path }, i) => [path, MANNERS[i % MANNERS.length]!]));
const server = serve();
const address = `http://127.0.0.1:${server.addr.port}`;

const alloc = new SmartAlloc();
const loader = new AssetLoader(alloc, {
  budget,
  concurrency: 4,
  // The library never opens a file by itself. This is all that it takes to let it.
  open: async (path) => {
    const file = await Deno.open(path);
    return { stream: file.readable, size: (await file.stat()).size };
  },
});
console.log(`${files.length} files with ${formatBytes(total)}, ${remote.length} of them from ${address}`);
console.log(`${formatBytes(budget)} of memory, 4 at a time`);

// The game goes on while its level is loaded.
let frames = 0;
let most = 0;
const clock = setInterval(() => {
  using _frame = alloc.frame();
  alloc.frameSlice(Float32Array, 4096).fill(frames++);
  most = Math.max(most, loader.reserved);
}, FRAME_MS);

const batch = loader.load(files.map((file, i): AssetRequest<Contents> => ({
  name: basename(file.path),
  from: mannerOf.has(file.path) ? `${address}/${i}` : file.path,
  priority: i < files.length / 3 ? "high" : "normal", // the large ones first, as they take longest
  decode: look,
})));
const bar = Deno.stdout.isTerminal()
  ? progressBar(batch, {
    write: (text) => Deno.stdout.writeSync(new TextEncoder().encode(text)),
    isColored: !Deno.noColor,
  })
  : tell(batch.watch({ every: 200 }));

const contents: (Contents & { readonly name: string; readonly size: number; readonly attempts: number })[] = [];
const failures: string[] = [];
for await (const asset of batch) {
  // What was decoded is all that is needed: the bytes are free again already.
  if (asset.ok) contents.push({ ...asset.value!, name: asset.name, size: asset.size, attempts: asset.attempts });
  else failures.push(asset.error.message);
}
await bar;

console.log(`\n${frames} frames went by meanwhile, and at most ${formatBytes(most)} were in use\n`);
const shown = contents.toSorted((a, b) => b.size - a.size).slice(0, 12);
for (const { name, size, entropy, lines, attempts } of shown) {
  const again = attempts > 1 ? ` (at attempt ${attempts})` : "";
  const bits = `${entropy.toFixed(2)} bits per byte`;
  console.log(`  ${name.padEnd(36)} ${formatBytes(size).padStart(10)}  ${bits}, ${lines} lines${again}`);
}
if (contents.length > shown.length) console.log(`  and ${contents.length - shown.length} smaller ones`);
console.log(`\n${failures.length} were not found:`);
for (const message of failures) console.log(`  ${message}`);

const lost = [...mannerOf.values()].filter((manner) => manner === "lost").length;
const busy = [...mannerOf.values()].filter((manner) => manner === "busy").length;
equal(
  [contents.length, failures.length].join(),
  [files.length - lost, lost].join(),
  "each file has come, or is known to be lost",
);
equal(contents.filter(({ attempts }) => attempts > 1).length, busy, "what was busy has come at the second go");
equal(most <= budget && batch.progress.received >= batch.progress.loaded, true, "the budget was kept");

// The player leaves the next level before it is there: what is under way is given up, and nothing of it stays.
const next = loader.load(files.map(({ path }) => path));
let taken = 0;
for await (const asset of next) {
  if (!asset.ok) throw asset.error;
  asset.release();
  if (++taken === 3) break;
}
clearInterval(clock);
await server.shutdown();
const { done, cancelled } = next.progress;
console.log(`\nthe next level was left early: ${done} files had come, ${cancelled} were given up`);
equal([done, cancelled].join(), [taken, files.length - taken].join(), "what nobody has got is given up");
equal([loader.reserved, alloc.streaming.stats.reserved, alloc.stats().tasks.reserved].join(), "0,0,0");
equal(alloc.dispose().length, 0);
console.log("nothing was left in use");

/** Looks at the bytes of a file, with counters that end with the task. */
function look(bytes: Uint8Array, { task }: DecodeContext): Contents {
  const counts = task.allocSlice(Uint32Array, 256);
  for (const byte of bytes) counts[byte]!++;
  let entropy = 0;
  for (const count of counts) if (count > 0) entropy -= count / bytes.length * Math.log2(count / bytes.length);
  return { entropy, lines: counts[10]! };
}

/** Tells how far it is, where there is no terminal to draw a bar on. */
async function tell(progress: AsyncIterable<LoadProgress>): Promise<void> {
  for await (const { done, failed, assets, waiting, loaded } of progress) {
    console.log(`  ${done} of ${assets} loaded, ${failed} failed, ${waiting} waiting for room, ${formatBytes(loaded)}`);
  }
}

/** A server that has every second file, and its moods. */
function serve(): Deno.HttpServer<Deno.NetAddr> {
  const asked = new Set<string>();
  return Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, async ({ url }) => {
    const { path } = files[Number(new URL(url).pathname.slice(1))]!;
    const isFirst = !asked.has(path);
    asked.add(path);
    const bytes = await Deno.readFile(path);
    switch (mannerOf.get(path)) {
      case "slow":
        return new Response(slowly(bytes), { headers: { "content-length": `${bytes.length}` } });
      case "busy":
        return isFirst ? new Response("later", { status: 503, headers: { "retry-after": "0" } }) : new Response(bytes);
      case "packed": // nobody knows from this how large it is
        return new Response(new Uint8Array(gzipSync(bytes)), { headers: { "content-encoding": "gzip" } });
      default:
        return new Response("lost", { status: 404 });
    }
  });
}

/** Bytes in ten parts, one after the other. */
function slowly(bytes: Uint8Array<ArrayBuffer>): ReadableStream<Uint8Array<ArrayBuffer>> {
  const part = Math.ceil(bytes.length / 10);
  let at = 0;
  return new ReadableStream({
    async pull(controller) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      controller.enqueue(bytes.subarray(at, at += part));
      if (at >= bytes.length) controller.close();
    },
  });
}

/** The largest files of a folder, or of ours. */
function findFiles(folder: string | undefined): File[] {
  let found = (folder === undefined ? packageFolders() : [folder]).flatMap(filesIn);
  if (folder === undefined && found.length < 8) found = filesIn(fileURLToPath(new URL("../src", import.meta.url)));
  return found.sort((a, b) => b.size - a.size || (a.path < b.path ? -1 : 1)).slice(0, MOST_FILES);
}

/** Where some packages are. To ask where takes no permission; to see whether they are really there does. */
function packageFolders(): string[] {
  return ["@dimforge/rapier3d-compat", "fast-check", "simple-statistics"].flatMap((name) => {
    const url = import.meta.resolve(name);
    if (!url.startsWith("file:") || !exists(url)) return [];
    let folder = new URL(".", url);
    while (!exists(new URL("package.json", folder).href)) {
      const parent = new URL("..", folder);
      if (parent.href === folder.href) return [];
      folder = parent;
    }
    return [fileURLToPath(folder)];
  });
}

function exists(url: string): boolean {
  try {
    return Deno.statSync(new URL(url)).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** All files in a folder that have something in them. */
function filesIn(folder: string): File[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isFile, isDirectory }) => {
    const path = join(folder, name);
    if (isDirectory) return filesIn(path);
    const size = isFile ? Deno.statSync(path).size : 0;
    return size > 0 ? [{ path, size }] : [];
  });
}
