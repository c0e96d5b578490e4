/**
 * The configuration: plain options with presets, checked as a whole before anything is made.
 */

import { ConfigError, show } from "./errors.ts";
import { arrayBufferSource, sharedArrayBufferSource } from "./memory/buffer_source.ts";
import type { ChunkSource } from "./memory/chunk_source.ts";
import { MAX_CHUNK } from "./memory/segment.ts";
import { checkSizes } from "./memory/slot_sizes.ts";
import { hasWasm, sharedWasmSource, wasmSource } from "./memory/wasm_source.ts";
import type { Leak } from "./observe/leak.ts";
import { kilobytes, megabytes } from "./units.ts";

/**
 * What happens to handles and views when their memory ends.
 *
 * - `"checked"`: every handle given out is a fresh object that throws `FA002` once its memory has ended, however late. Raw
 *   slices and columns are not checked.
 * - `"revoke"`: the same, and raw slices and columns are detached at the end of their frame.
 * - `"release"`: nothing is checked and handles are recycled, so that a steady frame makes no garbage at all.
 */
export type Safety = "checked" | "revoke" | "release";

/**
 * What is counted: nothing, totals by frame, or also by tag and phase.
 */
export type StatsLevel = "off" | "totals" | "tags";

/**
 * What is noticed of frames and `await`:
 *
 * - `"off"`: nothing beyond what {@linkcode Safety} does.
 * - `"frames"`: the use of a handle after its frame, which `"checked"` and `"revoke"` refuse with `FA002`, is also reported to
 *   `asyncGuard`.
 * - `"turns"`: also what crosses an `await` inside one frame. A handle that is used in a later turn than that in which it was allocated
 *   is `FA702`; allocating after an `await` in a frame that was begun before it is `FA701`; a frame that is open at the end of a turn and
 *   has handed out raw views is `FA704`.
 */
export type AsyncSafety = "off" | "frames" | "turns";

/**
 * The options of an allocator. All may be left out; presets are a start.
 *
 * @example
 * ```ts
 * import { AllocConfig, megabytes, SmartAlloc } from "@framealloc/core";
 * import { assertEquals } from "@std/assert";
 *
 * const config: AllocConfig = { ...AllocConfig.default(), frameArenaSize: megabytes(4) };
 * const alloc = new SmartAlloc(config);
 * assertEquals(alloc.stats().frame.committed, 0); // memory is asked for by the first frame
 * ```
 */
export interface AllocConfig {
  /** Bytes that a frame has at hand. @default {16 MB} */
  readonly frameArenaSize?: number;
  /** Bytes of address space to ask for at once, where untouched memory costs nothing. @default {4 × frameArenaSize} */
  readonly reserve?: number;
  /** Bytes that one frame may have in use at most. @default {Infinity} */
  readonly maxFrameBytes?: number;
  /** Whether a frame that needs more than `frameArenaSize` gets more, or throws `FA003`. @default {"grow"} */
  readonly growth?: "grow" | "fail";
  /**
   * Where memory comes from. Heap blocks and streamed assets, which are detached when they are freed, come from there if it is a chunk
   * source that is revocable and transferable, and are `ArrayBuffer`s otherwise.
   * @default {"wasm", or "arraybuffer" where WebAssembly is missing}
   */
  readonly source?: "wasm" | "arraybuffer" | "shared" | ChunkSource;
  /** What happens to handles and views when their memory ends. @default {"checked"} */
  readonly safety?: Safety;
  /** What is noticed of frames and `await`. `"turns"` needs a safety other than `"release"`. @default {"frames"} */
  readonly asyncSafety?: AsyncSafety;
  /** What is counted. @default {"tags"} */
  readonly stats?: StatsLevel;
  /** Whether freed memory is overwritten with `0xCD`, and allocation sites are sampled for messages. @default {false} */
  readonly debug?: boolean;
  /** In debug mode, the stack of every n-th handle is kept. @default {16} */
  readonly sampleSites?: number;
  /** How many frames are alive at once: what a frame allocates lives through the `framesAlive - 1` frames after it. @default {1} */
  readonly framesAlive?: number;
  /**
   * The sizes of slots in the pool and behind handles, in bytes, ascending; they are rounded up to multiples of 16. What is larger
   * than the largest gets a block of the heap. @default {[16, 32, 64, 128, 256, 512, 1024, 2048, 4096]}
   */
  readonly poolClasses?: readonly number[];
  /** Bytes of a page of slots. @default {64 KB, or the largest of `poolClasses` if that is more} */
  readonly poolPageSize?: number;
  /** How many empty pages of each size are kept for later. @default {4} */
  readonly poolIdlePages?: number;
  /** How many bytes of freed heap blocks are kept to be used again. @default {16 MB} */
  readonly heapIdleBytes?: number;
  /** How many bytes of the memory of ended tasks are kept for the next ones. @default {4 MB} */
  readonly taskIdleBytes?: number;
  /** Bytes that streaming assets may reserve together. @default {a quarter of memoryLimit, or 256 MB where there is none} */
  readonly streamingBudget?: number;
  /** Bytes that may be held from chunk sources in all; the same as a hard global budget. @default {Infinity} */
  readonly memoryLimit?: number;
  /**
   * Is told when the allocator is disposed of while something is in use that has to be freed by hand, and of each task that was left to
   * the garbage collector.
   */
  readonly onLeaks?: (leaks: readonly Leak[]) => void;
}

/** The presets of {@linkcode AllocConfig}. */
export interface AllocConfigPresets {
  /** For most programs: 16 MB, checked handles, counts by tag. */
  default(): AllocConfig;
  /** For small programs: 1 MB, totals only. */
  minimal(): AllocConfig;
  /** For large scenes: 64 MB, unchecked and recycled handles, totals only. */
  highPerformance(): AllocConfig;
  /** For finding mistakes: revoked views, poisoned memory, sampled allocation sites, and what crosses an `await`. */
  debug(): AllocConfig;
  /** For shipping: 16 MB, unchecked and recycled handles, nothing counted. */
  release(): AllocConfig;
}

const POOL_CLASSES: readonly number[] = [16, 32, 64, 128, 256, 512, 1024, 2048, 4096];

/** Presets: plain options to start from. */
export const AllocConfig: AllocConfigPresets = {
  default: () => ({
    frameArenaSize: megabytes(16),
    growth: "grow",
    safety: "checked",
    asyncSafety: "frames",
    stats: "tags",
    debug: false,
    framesAlive: 1,
  }),
  minimal: () => ({
    ...AllocConfig.default(),
    frameArenaSize: megabytes(1),
    poolClasses: [32, 128, 512, 2048],
    poolPageSize: kilobytes(16),
    heapIdleBytes: megabytes(1),
    taskIdleBytes: kilobytes(256),
    stats: "totals",
  }),
  highPerformance: () => ({
    ...AllocConfig.default(),
    frameArenaSize: megabytes(64),
    poolClasses: [...POOL_CLASSES, 8192],
    poolPageSize: kilobytes(256),
    heapIdleBytes: megabytes(64),
    safety: "release",
    stats: "totals",
  }),
  debug: () => ({ ...AllocConfig.default(), safety: "revoke", asyncSafety: "turns", debug: true }),
  release: () => ({ ...AllocConfig.default(), safety: "release", stats: "off" }),
};

/** The configuration with every option decided. */
export interface ResolvedConfig {
  readonly frameArenaSize: number;
  readonly reserve: number | undefined;
  readonly maxFrameBytes: number;
  readonly growth: "grow" | "fail";
  readonly source: ChunkSource;
  readonly safety: Safety;
  readonly asyncSafety: AsyncSafety;
  readonly stats: StatsLevel;
  readonly debug: boolean;
  readonly sampleSites: number;
  readonly framesAlive: number;
  readonly poolClasses: readonly number[];
  readonly poolPageSize: number;
  readonly poolIdlePages: number;
  readonly heapIdleBytes: number;
  readonly taskIdleBytes: number;
  readonly streamingBudget: number;
  readonly memoryLimit: number;
  readonly onLeaks: ((leaks: readonly Leak[]) => void) | undefined;
}

const MIN_ARENA = kilobytes(1);
const MAX_FRAMES_ALIVE = 16;
const OPTIONS: readonly string[] = [
  "frameArenaSize",
  "reserve",
  "maxFrameBytes",
  "growth",
  "source",
  "safety",
  "asyncSafety",
  "stats",
  "debug",
  "sampleSites",
  "framesAlive",
  "poolClasses",
  "poolPageSize",
  "poolIdlePages",
  "heapIdleBytes",
  "taskIdleBytes",
  "streamingBudget",
  "memoryLimit",
  "onLeaks",
];

/**
 * Checks a configuration and fills in what is left out.
 *
 * @throws {ConfigError} `FA010` if an option is unknown, contradictory or absurd; `FA011` if the source cannot honour one.
 */
export function resolveConfig(config: AllocConfig): ResolvedConfig {
  if (typeof config !== "object" || config === null) {
    throw new ConfigError("FA010", `Cannot configure an allocator from ${show(config)}: give an object of options`);
  }
  for (const key of Object.keys(config)) {
    if (!OPTIONS.includes(key)) {
      throw new ConfigError("FA010", `Cannot use the option ${show(key)} as it is unknown: use ${OPTIONS.join(", ")}`);
    }
  }
  const frameArenaSize = bytes("frameArenaSize", or(config.frameArenaSize, megabytes(16)), MIN_ARENA, MAX_CHUNK);
  const growth = oneOf("growth", or(config.growth, "grow"), ["grow", "fail"]);
  const safety = oneOf("safety", or(config.safety, "checked"), ["checked", "revoke", "release"]);
  const asyncSafety = oneOf("asyncSafety", or(config.asyncSafety, "frames"), ["off", "frames", "turns"]);
  if (asyncSafety === "turns" && safety === "release") {
    throw new ConfigError(
      "FA010",
      'Cannot use asyncSafety "turns" with safety "release" as handles are not checked then: use safety "checked" or "revoke"',
    );
  }
  const stats = oneOf("stats", or(config.stats, "tags"), ["off", "totals", "tags"]);
  const reserve = config.reserve === undefined
    ? undefined
    : bytes("reserve", config.reserve, frameArenaSize, MAX_CHUNK);
  const maxFrameBytes = config.maxFrameBytes === undefined || config.maxFrameBytes === Infinity
    ? Infinity
    : bytes("maxFrameBytes", config.maxFrameBytes, frameArenaSize, Number.MAX_SAFE_INTEGER);
  if (reserve !== undefined && reserve > maxFrameBytes) {
    throw new ConfigError(
      "FA010",
      `Cannot reserve ${reserve} bytes with maxFrameBytes ${maxFrameBytes}: reserve no more than that`,
    );
  }
  if (growth === "fail") {
    refuseWith("growth", "fail", "reserve", reserve);
    refuseWith("growth", "fail", "maxFrameBytes", maxFrameBytes === Infinity ? undefined : maxFrameBytes);
  }
  const debug = or(config.debug, false);
  if (typeof debug !== "boolean") throw invalid("debug", debug, "true or false");
  const sampleSites = or(config.sampleSites, 16);
  if (!Number.isInteger(sampleSites) || sampleSites < 1) {
    throw invalid("sampleSites", sampleSites, "a whole number of at least 1");
  }
  if (config.sampleSites !== undefined && !debug) refuseWith("debug", "false", "sampleSites", sampleSites);
  const framesAlive = or(config.framesAlive, 1);
  if (!Number.isInteger(framesAlive) || framesAlive < 1 || framesAlive > MAX_FRAMES_ALIVE) {
    throw invalid("framesAlive", framesAlive, `a whole number from 1 to ${MAX_FRAMES_ALIVE}`);
  }
  const poolClasses = or(config.poolClasses, POOL_CLASSES);
  checkSizes("poolClasses", poolClasses);
  const largest = Math.ceil(poolClasses.at(-1)! / 16) * 16;
  const poolPageSize = bytes(
    "poolPageSize",
    or(config.poolPageSize, Math.max(kilobytes(64), largest)),
    largest,
    MAX_CHUNK,
  );
  const poolIdlePages = or(config.poolIdlePages, 4);
  if (!Number.isInteger(poolIdlePages) || poolIdlePages < 0) {
    throw invalid("poolIdlePages", poolIdlePages, "a whole number of zero or more");
  }
  const heapIdleBytes = bytes("heapIdleBytes", or(config.heapIdleBytes, megabytes(16)), 0, Number.MAX_SAFE_INTEGER);
  const taskIdleBytes = bytes("taskIdleBytes", or(config.taskIdleBytes, megabytes(4)), 0, Number.MAX_SAFE_INTEGER);
  const memoryLimit = config.memoryLimit === undefined || config.memoryLimit === Infinity
    ? Infinity
    : bytes("memoryLimit", config.memoryLimit, MIN_ARENA, Number.MAX_SAFE_INTEGER);
  const streamingBudget = bytes(
    "streamingBudget",
    or(config.streamingBudget, memoryLimit === Infinity ? megabytes(256) : Math.floor(memoryLimit / 4)),
    0,
    Number.MAX_SAFE_INTEGER,
  );
  const { onLeaks } = config;
  if (onLeaks !== undefined && typeof onLeaks !== "function") throw invalid("onLeaks", onLeaks, "a function");
  const source = sourceOf(config.source);
  if (safety === "revoke" && !source.capabilities.revocable) {
    throw new ConfigError(
      "FA011",
      `Cannot use safety "revoke" with the source "${source.name}" as its views cannot be detached: use safety "checked", or the source "wasm" or "arraybuffer"`,
    );
  }
  return {
    frameArenaSize,
    reserve,
    maxFrameBytes,
    growth,
    source,
    safety,
    asyncSafety,
    stats,
    debug,
    sampleSites,
    framesAlive,
    poolClasses,
    poolPageSize,
    poolIdlePages,
    heapIdleBytes,
    taskIdleBytes,
    streamingBudget,
    memoryLimit,
    onLeaks,
  };
}

/** The default, but not for `null`, which is no value of any option. */
function or<T>(value: T | undefined, preset: T): T {
  return value === undefined ? preset : value;
}

function sourceOf(source: AllocConfig["source"]): ChunkSource {
  switch (source) {
    case undefined:
      return hasWasm() ? wasmSource : arrayBufferSource;
    case "wasm":
      if (hasWasm()) return wasmSource;
      throw new ConfigError(
        "FA011",
        'Cannot use the source "wasm" as this runtime has no WebAssembly: use "arraybuffer" or leave the option out',
      );
    case "arraybuffer":
      return arrayBufferSource;
    case "shared":
      if (typeof SharedArrayBuffer === "function") return hasWasm() ? sharedWasmSource : sharedArrayBufferSource;
      throw new ConfigError(
        "FA011",
        'Cannot use the source "shared" as this page has no SharedArrayBuffer: serve it cross-origin isolated',
      );
    default:
      if (typeof source === "object" && source !== null && typeof source.obtain === "function" && source.capabilities) {
        return source;
      }
      throw invalid("source", source, '"wasm", "arraybuffer", "shared" or a chunk source');
  }
}

function bytes(option: string, value: unknown, least: number, most: number): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= least && value <= most) return value;
  throw invalid(option, value, `a whole number of bytes from ${least} to ${most}`);
}

function oneOf<T extends string>(option: string, value: unknown, allowed: readonly T[]): T {
  for (const one of allowed) if (one === value) return one;
  throw invalid(option, value, allowed.map((one) => `"${one}"`).join(" or "));
}

function invalid(option: string, value: unknown, wanted: string): ConfigError {
  return new ConfigError("FA010", `Cannot use ${show(value)} for the option "${option}": give ${wanted}`);
}

function refuseWith(option: string, value: string, other: string, otherValue: unknown): void {
  if (otherValue === undefined) return;
  throw new ConfigError(
    "FA010",
    `Cannot use the option "${other}" with ${option} "${value}" as it would have no effect: leave one of them out`,
  );
}
