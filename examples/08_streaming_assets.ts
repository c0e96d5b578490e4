/**
 * Streaming: real files are loaded under a budget that holds a part of them only. Each is shown for three frames; what was seen
 * makes room for what comes next.
 *
 * Run it with `deno run --allow-read examples/08_streaming_assets.ts`, and with a folder if you like. Without one it takes files of
 * the npm packages that this project uses, or its own sources where those are not installed. It needs `--allow-read` only.
 */

import { equal } from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Eviction, formatBytes, type PinGuard, SmartAlloc, type StreamPriority } from "../mod.ts";

const MOST_FILES = 40;
const LOADERS = 4;
const STEP = 64 * 1024;
const FRAMES_SHOWN = 3;
const FRAME_MS = 2;

interface Asset {
  readonly path: string;
  readonly size: number;
  readonly priority: StreamPriority;
}

/** What is on the screen, and pinned, so that nothing takes its memory away while it is seen. */
interface Shown {
  readonly asset: Asset;
  readonly id: number;
  readonly pin: PinGuard;
  framesLeft: number;
}

/** Lets a few through at a time. */
class Gate {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(free: number) {
    this.#free = free;
  }

  async enter(): Promise<void> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free++;
    else next();
  }
}

const assets = findAssets(Deno.args[0]);
if (assets.length < 4) {
  console.error(`Cannot stream ${assets.length} files: give a folder with at least 4 that are not empty`);
  Deno.exit(2);
}
const largest = assets.at(-1)!;
const total = sum(assets);
// No more than a third of what is of normal priority, so that some of it has to go before the rest can come.
const budget = Math.max(largest.size, Math.ceil(sum(assets.filter(({ priority }) => priority === "normal")) / 3));

const alloc = new SmartAlloc({ streamingBudget: budget });
const { streaming } = alloc;
console.log(
  `${assets.length} files with ${formatBytes(total)}, a budget of ${formatBytes(budget)}, ${LOADERS} at a time`,
);

const shown = new Set<Shown>();
/** What was seen and is still there, by its number. */
const cached = new Map<number, { readonly asset: Asset; readonly bytes: Uint8Array }>();
const evicted: Eviction[] = [];
/** The priorities of those that had to wait for room, in the order in which they got it. */
const waited: StreamPriority[] = [];
let streamed = 0;
let verified = 0;
let cancelled = 0;

streaming.onEvict = (eviction) => {
  const { asset, bytes } = cached.get(eviction.id)!;
  equal([eviction.name, eviction.bytes, bytes.length].join(), [asset.path, asset.size, 0].join(), "views are detached");
  cached.delete(eviction.id);
  evicted.push(eviction);
};

// All files ask for room at once, the largest first. Those that there is no room for wait, and the urgent ones are let past.
const gate = new Gate(LOADERS);
let isOver = false;
const all = Promise.all(assets.toReversed().map(show)).then(() => isOver = true);

let toBeSeen = assets.filter(({ priority }) => priority !== "low").length;
let frames = 0;
let peak = 0;
let mostLoads = 0;
while (!isOver || shown.size > 0) {
  alloc.beginFrame(); // those who wait for room are looked at here, too
  for (const one of shown) {
    equal(streaming.access(one.id).length, one.asset.size, "what is on the screen is there");
    if (--one.framesLeft === 0) hide(one);
  }
  if (toBeSeen === 0) {
    // The level is over. What is left of it is freed, and those of low priority that still wait get their turn.
    for (const [id, { asset }] of cached) if (asset.priority !== "low") free(id);
  }
  const { reserved, loaded, waiting, loadingCount, readyCount } = streaming.stats;
  equal(loaded <= reserved && reserved <= budget, true, "the budget is kept");
  peak = Math.max(peak, reserved);
  mostLoads = Math.max(mostLoads, loadingCount);
  if (frames % 16 === 0) {
    const progress = `${formatBytes(loaded)} of ${formatBytes(reserved)} loaded`;
    console.log(`  frame ${frames}: ${readyCount} ready, ${loadingCount} loading, ${waiting} waiting, ${progress}`);
  }
  alloc.endFrame();
  if (++frames > 4000) throw new Error("Cannot go on as the files were not shown in 4000 frames");
  await new Promise((resolve) => setTimeout(resolve, FRAME_MS));
}
await all;

console.log(`${formatBytes(streamed)} streamed through ${formatBytes(peak)} in ${frames} frames`);
console.log(
  `${verified} of ${assets.length} files verified, ${evicted.length} evicted, ${cancelled} cancelled on the way`,
);
equal(streamed > total && total > budget && peak <= budget, true, "more was streamed than the budget holds");
equal([verified, cancelled].join(), [assets.length, 1].join(), "every file came, one of them at the second go");
equal(evicted.length > 0 && evicted.length === streaming.stats.evictions, true, "each eviction was told");
equal(mostLoads <= LOADERS, true, "no more than a few were loaded at a time");
const ranks = waited.map((priority) => ["low", "normal", "high"].indexOf(priority));
equal(ranks.every((rank, i) => i === 0 || rank <= ranks[i - 1]!), true, "the urgent ones got room first");

for (const id of [...cached.keys()]) free(id);
equal([streaming.stats.reserved, streaming.stats.waiting, alloc.stats().heap.bytes].join(), "0,0,0");
equal(alloc.dispose().length, 0);
console.log("nothing was left in use");

/** Gets a file on the screen; the largest one only at the second go, as its first load is cancelled half-way. */
async function show(asset: Asset): Promise<void> {
  const controller = new AbortController();
  try {
    await request(asset, controller.signal, (loaded) => {
      if (asset === largest && loaded >= asset.size / 2) controller.abort();
    });
  } catch (error) {
    if (error !== controller.signal.reason) throw error;
    cancelled++;
    await request(asset);
  }
}

async function request(asset: Asset, signal?: AbortSignal, onProgress?: (loaded: number) => void): Promise<void> {
  const { waiting } = streaming.stats;
  const { path: name, priority } = asset;
  const room = streaming.reserveAsync(asset.size, { name, priority, ...(signal === undefined ? {} : { signal }) });
  const hasToWait = streaming.stats.waiting > waiting;
  const id = await room;
  if (hasToWait && signal !== undefined) waited.push(priority);
  // Pinned before it is ready: from then on it could be evicted.
  const pin = streaming.pin(id);
  await gate.enter();
  try {
    await load(asset, id, signal, onProgress);
  } catch (error) {
    pin.end();
    streaming.free(id);
    throw error;
  } finally {
    gate.leave();
  }
  // The same file once more, read in another way.
  equal(digest(streaming.access(id)), digest(await Deno.readFile(asset.path)), `"${asset.path}" has come in as it is`);
  verified++;
  shown.add({ asset, id, pin, framesLeft: FRAMES_SHOWN });
}

/**
 * Reads a file straight into the memory that was reserved for it. A reader of the mode "byob" can do that too: it gives the memory
 * back as another buffer, which goes to `reportProgress`.
 */
async function load(
  asset: Asset,
  id: number,
  signal?: AbortSignal,
  onProgress?: (loaded: number) => void,
): Promise<void> {
  const bytes = streaming.beginLoad(id);
  using file = await Deno.open(asset.path);
  let loaded = 0;
  while (loaded < bytes.length) {
    const read = await file.read(bytes.subarray(loaded, loaded + STEP));
    if (read === null) throw new Error(`Cannot load "${asset.path}" as it has become shorter`);
    loaded += read;
    streamed += read;
    streaming.reportProgress(id, loaded);
    onProgress?.(loaded);
    signal?.throwIfAborted();
  }
  streaming.finishLoad(id);
}

/** Takes a file off the screen. It stays where it is until its memory is needed, unless it was urgent: those are freed. */
function hide(one: Shown): void {
  const { asset, id, pin } = one;
  shown.delete(one);
  cached.set(id, { asset, bytes: streaming.access(id) });
  pin.end();
  if (asset.priority === "high") free(id);
  if (asset.priority !== "low") toBeSeen--;
}

function free(id: number): void {
  cached.delete(id);
  streaming.free(id);
}

function digest(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function sum(files: readonly { readonly size: number }[]): number {
  return files.reduce((bytes, { size }) => bytes + size, 0);
}

/** The largest files of a folder, or of ours. The small ones among them are urgent, the next ones can wait. */
function findAssets(folder: string | undefined): Asset[] {
  let files = (folder === undefined ? packageFolders() : [folder]).flatMap(filesIn);
  if (folder === undefined && files.length < 4) files = filesIn(fileURLToPath(new URL("../src", import.meta.url)));
  files.sort((a, b) => a.size - b.size || (a.path < b.path ? -1 : 1));
  return files.slice(-MOST_FILES).map((file, i, { length }) => ({
    ...file,
    priority: i < length / 4 ? "high" : i < length / 2 ? "low" : "normal",
  }));
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
function filesIn(folder: string): { readonly path: string; readonly size: number }[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isFile, isDirectory }) => {
    const path = join(folder, name);
    if (isDirectory) return filesIn(path);
    const size = isFile ? Deno.statSync(path).size : 0;
    return size > 0 ? [{ path, size }] : [];
  });
}
