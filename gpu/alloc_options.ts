/**
 * What can be asked of an allocation on a device.
 */

import { ArgumentError, show } from "../src/errors.ts";
import type { GpuHandle } from "./gpu_handle.ts";
import type { Entry } from "./heap/entry.ts";
import { type GpuIntent, type GpuLifetime, type GpuLossPolicy, type GpuUse, placeFor } from "./intent.ts";

/** Options of {@linkcode GpuAllocator.alloc}. */
export interface GpuAllocOptions {
  /** Who uses the memory. @default {"DeviceOnly"} */
  readonly intent?: GpuIntent;
  /** How long it lives. @default {"Persistent"} */
  readonly lifetime?: GpuLifetime;
  /** How the GPU uses it. @default {"storage" for DeviceOnly and HostCached, otherwise "uniform"} */
  readonly use?: GpuUse;
  /** A power of two up to 65536 that its offset is a multiple of, where the device's alignment is not enough. */
  readonly align?: number;
  /** Its name, for messages and reports. */
  readonly name?: string;
  /** What happens to its contents when the device is lost. @default {"shadow" for HostVisible, otherwise "discard"} */
  readonly onLoss?: GpuLossPolicy;
  /**
   * Gives the contents, all of them or the first bytes, after the device was lost; with `onLoss: "restore"`. What is streamed is asked for
   * last, and otherwise the more important comes first. It must not wait for the allocator itself, and what is written to the allocation
   * until it has given them is overwritten: wait for {@linkcode GpuAllocator.settled} or {@linkcode GpuAllocator.recover}.
   */
  readonly restore?: () => Uint8Array | Promise<Uint8Array>;
  /** Of two streaming allocations the less important one is evicted first. @default {0} */
  readonly importance?: number;
  /** Whether it gets a buffer of its own, so that it can be read and written beside others in one dispatch. @default {false} */
  readonly isolate?: boolean;
  /** Whether it holds zeros; without, it may hold what was freed there. @default {false} */
  readonly zero?: boolean;
  /** Told after it has moved to another place: what was made of its buffer and offset is out of date. */
  readonly onMove?: (handle: GpuHandle) => void;
  /** Told after it was evicted. */
  readonly onEvict?: (handle: GpuHandle) => void;
}

const MOST_ALIGN = 65_536;

/** Describes an entry by options: with checks, and what was left out filled in. */
export function describe(entry: Entry, options: GpuAllocOptions): void {
  if (typeof options !== "object" || options === null) throw refused(options, "give an object");
  const { intent = "DeviceOnly", lifetime = "Persistent", align = 1, importance = 0, name = "", restore } = options;
  const { onMove, onEvict } = options;
  const place = placeFor(intent, lifetime);
  const use = options.use ?? (intent === "DeviceOnly" || intent === "HostCached" ? "storage" : "uniform");
  if (use !== "uniform" && use !== "vertex" && use !== "storage") {
    throw refused(use, 'the use is "uniform", "vertex" or "storage"');
  }
  if (!(Number.isInteger(align) && align >= 1 && align <= MOST_ALIGN && (align & (align - 1)) === 0)) {
    throw refused(align, `the alignment is a power of two up to ${MOST_ALIGN}`);
  }
  if (typeof importance !== "number" || Number.isNaN(importance)) throw refused(importance, "importance is a number");
  if (typeof name !== "string") throw refused(name, "the name is a text");
  checkFunction(restore);
  checkFunction(onMove);
  checkFunction(onEvict);
  const policy = options.onLoss ??
    (restore !== undefined ? "restore" : intent === "HostVisible" ? "shadow" : "discard");
  if (policy !== "shadow" && policy !== "restore" && policy !== "discard") {
    throw refused(policy, 'onLoss is "shadow", "restore" or "discard"');
  }
  if (policy === "shadow" && place === "readback") {
    throw refused(policy, "what is read back has no copy on the CPU: read it");
  }
  if ((policy === "restore") !== (restore !== undefined)) {
    throw refused(policy, 'onLoss: "restore" and the function restore go together');
  }
  const isIsolated = options.isolate === true;
  entry.intent = intent;
  entry.lifetime = lifetime;
  // The frame ring is one buffer for all.
  entry.place = place === "ring" && isIsolated ? "heap" : place;
  entry.use = use;
  entry.align = align;
  entry.importance = importance;
  entry.name = name;
  entry.policy = policy;
  entry.restore = restore;
  entry.onMove = onMove;
  entry.onEvict = onEvict;
  entry.isIsolated = isIsolated;
}

function checkFunction(value: unknown): void {
  if (value !== undefined && typeof value !== "function") {
    throw refused(value, "restore, onMove and onEvict are functions");
  }
}

function refused(value: unknown, advice: string): ArgumentError {
  return new ArgumentError("FA008", `Cannot allocate on the GPU with ${show(value)}: ${advice}`);
}
