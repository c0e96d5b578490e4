/**
 * What every device refuses, in the same words and with the same codes: real ones say it later, without a name, or by ending the process.
 */

import { ArgumentError, show } from "../../src/errors.ts";
import { isGone } from "../../src/memory/gone.ts";
import { GpuError } from "../gpu_error.ts";
import { type GpuLimits, USAGE } from "./backend.ts";

/** All bits of {@linkcode USAGE}. */
const EVERY_USAGE = 0x3ff;

/** The names of usages, for messages: `"COPY_SRC or STORAGE"`. */
export function usageNames(bits: number): string {
  const names: string[] = [];
  for (const [name, bit] of Object.entries(USAGE)) if ((bits & bit) !== 0) names.push(name);
  return names.join(" and ");
}

/** Throws unless a buffer can be made. */
export function checkNewBuffer(bytes: number, usage: number, label: string, limits: GpuLimits): void {
  if (!(Number.isInteger(bytes) && bytes > 0 && bytes % 4 === 0 && bytes <= limits.maxBufferSize)) {
    throw new ArgumentError(
      "FA008",
      `Cannot create a buffer as ${show(bytes)} bytes is no size for one: give a multiple of 4 from 4 to ` +
        `${limits.maxBufferSize}`,
    );
  }
  if (!Number.isInteger(usage) || usage <= 0 || usage > EVERY_USAGE) {
    throw new ArgumentError(
      "FA008",
      `Cannot create a buffer as ${show(usage)} is no usage: give bits of USAGE`,
    );
  }
  if (typeof label !== "string") {
    throw new ArgumentError("FA008", `Cannot create a buffer as ${show(label)} is no name: give a text`);
  }
  checkMappable(usage, USAGE.MAP_READ, USAGE.COPY_DST);
  checkMappable(usage, USAGE.MAP_WRITE, USAGE.COPY_SRC);
}

/** WebGPU lets mapped buffers be one end of a copy, and nothing else. */
function checkMappable(usage: number, map: number, copy: number): void {
  if ((usage & map) === 0 || (usage & ~(map | copy)) === 0) return;
  throw new GpuError(
    "FA852",
    `Cannot create a buffer as ${usageNames(map)} goes with ${usageNames(copy)} only: copy between two buffers`,
  );
}

/** Throws unless bytes can be read from an array. */
export function checkSource(action: string, source: Uint8Array, from: number, bytes: number): void {
  if (!isBytes(source)) {
    throw new ArgumentError("FA008", `Cannot ${action} a buffer as ${show(source)} is no Uint8Array: make one of it`);
  }
  if (Number.isInteger(from) && from >= 0 && from + bytes <= source.length) return;
  throw new ArgumentError("FA008", `Cannot ${action} a buffer ${whyNoBytes(source, from, bytes)}`);
}

/** What devices go by: classes of programs may say otherwise, and Deno ends the process then. */
const lengthOf = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), "length")!.get!;

/** Whether it is a Uint8Array, and as long as it says. */
export function isBytes(array: unknown): array is Uint8Array {
  return ArrayBuffer.isView(array) && array instanceof Uint8Array && lengthOf.call(array) === array.length;
}

/** Why bytes are not in an array. */
function whyNoBytes(source: Uint8Array, from: number, bytes: number): string {
  if (isGone(source)) return "as the memory of the bytes was detached: give bytes that are still there";
  return `as the ${show(bytes)} bytes at ${
    show(from)
  } are outside the ${source.length} of the array: give a range inside`;
}

/** Throws if an array that is to be filled is gone, or no multiple of 4. */
export function checkTarget(into: Uint8Array): void {
  if (!isBytes(into)) {
    throw new ArgumentError("FA008", `Cannot read into ${show(into)}: give a Uint8Array`);
  }
  if (into.length === 0 && isGone(into)) {
    throw new ArgumentError(
      "FA008",
      "Cannot read into an array as its memory was detached: give one that is still there",
    );
  }
  if (into.length % 4 !== 0) {
    throw new ArgumentError("FA008", `Cannot read ${into.length} bytes as they are no multiple of 4: round up`);
  }
}

/** Throws unless records can be scattered over an array, whose range was checked before. */
export function checkScatter(
  at: number,
  bytes: number,
  packed: Uint8Array,
  count: number,
  stride: number,
  limits: GpuLimits,
): void {
  if (at % limits.storageAlign !== 0) {
    throw new ArgumentError(
      "FA008",
      `Cannot scatter to a buffer as ${at} is no multiple of ${limits.storageAlign}: align the array`,
    );
  }
  if (bytes > limits.maxStorageBinding) {
    throw new ArgumentError(
      "FA008",
      `Cannot scatter over ${bytes} bytes as ${limits.maxStorageBinding} is the most: use parts of the array`,
    );
  }
  if (!Number.isInteger(count) || count < 0) {
    throw new ArgumentError("FA008", `Cannot scatter ${show(count)} records: give a whole number of them`);
  }
  if (!Number.isInteger(stride) || stride <= 0 || stride % 4 !== 0) {
    throw new ArgumentError("FA008", `Cannot scatter records of ${show(stride)} bytes: give a multiple of 4`);
  }
  checkSource("scatter to", packed, 0, count * (4 + stride));
  if (packed.byteOffset % 4 !== 0) {
    throw new ArgumentError(
      "FA008",
      `Cannot scatter bytes that start at ${packed.byteOffset}: start at a multiple of 4`,
    );
  }
  const records = Math.floor(bytes / stride);
  for (let i = 0; i < count; i++) {
    const index = packedIndex(packed, i);
    if (index < records) continue;
    throw new ArgumentError("FA008", `Cannot scatter to record ${index} as there are ${records}: give an index below`);
  }
}

/** The index of a record in packed bytes. */
export function packedIndex(packed: Uint8Array, i: number): number {
  const at = i * 4;
  return (packed[at]! | packed[at + 1]! << 8 | packed[at + 2]! << 16 | packed[at + 3]! << 24) >>> 0;
}
