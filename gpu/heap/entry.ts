/**
 * One allocation on a device. Its object stays with its place in the table and is used again for the next one there: programs hold
 * numbers, which know when they are out of date.
 */

import type { HeapEntry } from "../../src/pool/heap.ts";
import type { Tag } from "../../src/observe/tag.ts";
import type { GpuHeapName, GpuIntent, GpuLifetime, GpuLossPolicy, GpuPlace, GpuUse } from "../intent.ts";
import type { DirtyRanges } from "../transfer/dirty_ranges.ts";
import type { TwinChunk } from "../ring/twin_chunk.ts";
import type { GpuBlock } from "./gpu_block.ts";

/** Gives the contents of an allocation after the device was lost. */
export type RestoreContents = () => Uint8Array | Promise<Uint8Array>;

/** See the file comment. */
export class Entry {
  /** Its place in the table. */
  readonly slot: number;
  /** The number that stands for it. */
  handle = 0;
  place: GpuPlace = "heap";
  intent: GpuIntent = "DeviceOnly";
  lifetime: GpuLifetime = "Persistent";
  policy: GpuLossPolicy = "discard";
  use: GpuUse = "storage";
  align = 1;
  isIsolated = false;
  name = "";
  tag: Tag | null = null;
  /** The bytes that were asked for, and those that are charged to the tag. */
  bytes = 0;
  held = 0;
  /** The block on the device, and the node in it where it is shared; in the frame ring a chunk instead. */
  block: GpuBlock | null = null;
  node = -1;
  chunk: TwinChunk | null = null;
  /** Where it starts in its buffer. */
  offset = 0;
  /** How often it has moved, was lost or came back: what was made of its buffer and offset is out of date then. */
  version = 0;
  /** How often its contents were lost. */
  losses = 0;
  /** The frame in which it was allocated, and that at whose end it is freed; 0 if no frame frees it. */
  born = 0;
  until = 0;
  /** The frame in which it was last used, for eviction. */
  used = 0;
  importance = 0;
  pins = 0;
  /** How often the device had no memory for it, and whether it was given up. */
  tries = 0;
  isFailed = false;
  /** Whether it is between two places while callbacks of the program may run, and whether those have freed it. */
  isBusy = false;
  isDoomed = false;
  /** The bytes on the CPU. */
  shadow: HeapEntry | null = null;
  bytesOnCpu: Uint8Array | null = null;
  /** The same in whole words, as they are uploaded. */
  words: Uint8Array | null = null;
  dirty: DirtyRanges | null = null;
  /** How often the program has written there. */
  writes = 0;
  /** Whether it is on the list of those that have something to upload. */
  isListed = false;
  restore: RestoreContents | undefined;
  onMove: ((handle: number) => void) | undefined;
  onEvict: ((handle: number) => void) | undefined;

  constructor(slot: number) {
    this.slot = slot;
  }

  /** Whether it has a copy on the CPU. */
  get isCopied(): boolean {
    const { place, policy, intent } = this;
    return place !== "ring" && (policy === "shadow" || (intent !== "DeviceOnly" && intent !== "Readback"));
  }

  /** The heap that it is in, if it is in one. */
  get heap(): GpuHeapName {
    return this.place === "heap" ? this.use : "readback";
  }
}
