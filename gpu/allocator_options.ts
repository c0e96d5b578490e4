/**
 * The options of an allocator for a device, checked, with what was left out filled in.
 */

import { ArgumentError, show } from "../src/errors.ts";
import type { BudgetLimits } from "../src/observe/budgets.ts";
import type { SmartAlloc } from "../src/smart_alloc.ts";
import { megabytes } from "../src/units.ts";
import type { GpuLoss } from "./backend/backend.ts";
import type { GpuHandle } from "./gpu_handle.ts";
import type { GpuUse } from "./intent.ts";
import type { GpuRecovery } from "./recovery.ts";
import type { UploadCosts } from "./transfer/upload_plan.ts";

/** Options of {@linkcode GpuAllocator}. All sizes are bytes. */
export interface GpuAllocatorOptions {
  /**
   * Limits on all memory of the device, as a child of the budgets of the allocator. @default {a hard limit of 1 GB, of 512 MB on a software
   * device, and a soft one of 80 % of that}
   */
  readonly budget?: BudgetLimits<SmartAlloc>;
  /** Limits on the heap of a use, on the frame ring, or on the buffers for reading back, inside that. */
  readonly budgets?: Readonly<Partial<Record<GpuUse | "ring" | "readback", BudgetLimits<SmartAlloc>>>>;
  /** The first shared buffer of a heap; each one after it is twice as large. @default {4 MB} */
  readonly blockSize?: number;
  /** The largest shared buffer of a heap. @default {64 MB} */
  readonly maxBlockSize?: number;
  /** The memory of frames to start with; it grows as it needs. @default {1 MB} */
  readonly ringSize?: number;
  /** The most that a frame may use. @default {Infinity} */
  readonly maxRingBytes?: number;
  /** How many buffers frames take in turn: more than one leaves the last frames' data as they are. @default {1} */
  readonly ringSegments?: number;
  /** How many bytes of what is streamed are uploaded at the end of each frame at most. @default {4 MB} */
  readonly streamBytesPerFrame?: number;
  /** How many buffers for reading back may be on their way at once. @default {3} */
  readonly readbackBuffers?: number;
  /** What uploads cost on this device, where it is known; see {@linkcode GpuAllocator.calibrate}. */
  readonly uploadCosts?: Partial<UploadCosts>;
  /** Told when the device is lost. */
  readonly onLost?: (loss: GpuLoss) => void;
  /** Told after {@linkcode GpuAllocator.recover}: bind groups and pipelines are of the old device, and have to be made again. */
  readonly onRestored?: (recovery: GpuRecovery) => void;
  /** Told of each allocation for which the device, as it turned out later, had no memory. */
  readonly onOutOfMemory?: (handle: GpuHandle) => void;
}

const LEAST_BLOCK = 64 * 1024;
const MOST_BLOCK = 2 ** 32;
const MOST_RING = 2 ** 30;

const OPTIONS: readonly string[] = [
  "budget",
  "budgets",
  "blockSize",
  "maxBlockSize",
  "ringSize",
  "maxRingBytes",
  "ringSegments",
  "streamBytesPerFrame",
  "readbackBuffers",
  "uploadCosts",
  "onLost",
  "onRestored",
  "onOutOfMemory",
];

const BUDGETS: readonly string[] = ["uniform", "vertex", "storage", "ring", "readback"];
const COSTS: readonly string[] = ["call", "bytesPerMs", "scatter", "scatterBytesPerMs"];

/** Checks the options, and fills in the sizes that were left out. */
export function checkOptions(options: GpuAllocatorOptions): {
  readonly blockSize: number;
  readonly maxBlockSize: number;
  readonly ringSize: number;
  readonly ringSegments: number;
  readonly streamBytesPerFrame: number;
  readonly readbackBuffers: number;
  readonly uploadCosts: Partial<UploadCosts>;
} {
  if (typeof options !== "object" || options === null) throw badOption("options", options, "give an object");
  for (const key of Object.keys(options)) {
    if (!OPTIONS.includes(key)) {
      throw badOption(key, (options as Record<string, unknown>)[key], `use ${OPTIONS.join(", ")}`);
    }
  }
  const { blockSize = megabytes(4), ringSize = megabytes(1), ringSegments = 1, readbackBuffers = 3 } = options;
  const { streamBytesPerFrame = megabytes(4), maxRingBytes = Infinity } = options;
  const maxBlockSize = options.maxBlockSize ?? Math.max(megabytes(64), blockSize);
  const whole = (key: string, value: unknown, least: number, most: number): void => {
    if (typeof value === "number" && Number.isInteger(value) && value >= least && value <= most) return;
    throw badOption(key, value, `give a whole number from ${least} to ${most}`);
  };
  whole("blockSize", blockSize, LEAST_BLOCK, MOST_BLOCK);
  whole("maxBlockSize", maxBlockSize, blockSize, MOST_BLOCK);
  whole("ringSize", ringSize, 16, MOST_RING);
  whole("ringSegments", ringSegments, 1, 8);
  whole("streamBytesPerFrame", streamBytesPerFrame, 4, Number.MAX_SAFE_INTEGER);
  whole("readbackBuffers", readbackBuffers, 1, 64);
  if (typeof maxRingBytes !== "number" || !(maxRingBytes >= ringSize)) {
    throw badOption("maxRingBytes", maxRingBytes, `give a number of at least ${ringSize}`);
  }
  for (const key of ["onLost", "onRestored", "onOutOfMemory"] as const) {
    const value: unknown = options[key];
    if (value !== undefined && typeof value !== "function") throw badOption(key, value, "give a function");
  }
  const { budgets = {}, uploadCosts = {} } = options;
  if (typeof budgets !== "object" || budgets === null) throw badOption("budgets", budgets, "give an object");
  for (const [key, limits] of Object.entries(budgets)) {
    if (!BUDGETS.includes(key)) throw badOption(`budgets.${key}`, limits, `use ${BUDGETS.join(", ")}`);
  }
  const sizes = { blockSize, maxBlockSize, ringSize, ringSegments, streamBytesPerFrame, readbackBuffers };
  return { ...sizes, uploadCosts: checkCosts(uploadCosts) };
}

/** Checks what uploads cost; nothing may be left out of what is not known. */
function checkCosts(costs: Partial<UploadCosts>): Partial<UploadCosts> {
  if (typeof costs !== "object" || costs === null) throw badOption("uploadCosts", costs, "give an object");
  const copy = { ...costs };
  for (const [key, cost] of Object.entries(copy)) {
    if (!COSTS.includes(key)) throw badOption(`uploadCosts.${key}`, cost, `use ${COSTS.join(", ")}`);
    if (typeof cost === "number" && cost > 0 && cost < Infinity) continue;
    throw badOption(`uploadCosts.${key}`, cost, "give a number above zero");
  }
  return copy;
}

function badOption(key: string, value: unknown, advice: string): ArgumentError {
  return new ArgumentError("FA008", `Cannot make a GPU allocator with ${key} ${show(value)}: ${advice}`);
}
