/**
 * What a GPU allocator holds at one moment, as plain data: to be stored as JSON, compared with the dump of another frame, or drawn.
 */

/** The name of a heap: blocks whose memory is used in the same way. */
export type GpuHeapName = "uniform" | "vertex" | "storage" | "readback";

/** How an allocation comes back after the device was lost: from its copy on the CPU, from the program, or not at all. */
export type GpuRestorePolicy = "shadow" | "restore" | "discard";

/** All of a GPU allocator at once. All sizes are bytes. */
export interface GpuDumpTotals {
  /** What the device holds for the allocator. */
  readonly reserved: number;
  /** What of it is allocated, with padding. */
  readonly used: number;
  /** The most that the device has held at once. */
  readonly peak: number;
  /** How many allocations there are. */
  readonly allocations: number;
  /** How many blocks there are. */
  readonly blocks: number;
}

/** What the allocator may reserve. All sizes are bytes. */
export interface GpuDumpBudget {
  /** What counts against the budget now. */
  readonly used: number;
  /** Above this the allocator warns and tidies up; `null` if there is no such limit. */
  readonly soft: number | null;
  /** Above this nothing is reserved; `null` if there is no such limit. */
  readonly hard: number | null;
}

/** One allocation inside a block. */
export interface GpuAllocationDump {
  /** Where it starts in its block, in bytes. */
  readonly offset: number;
  /** Its bytes, with padding. */
  readonly size: number;
  /** What the program calls it; empty if it has no name. */
  readonly name: string;
  /** What it is counted under; empty if it has no tag. */
  readonly tag: string;
  /** What it is used for. */
  readonly intent: string;
  /** How long it is meant to live. */
  readonly lifetime: string;
  /** How it comes back after the device was lost. */
  readonly policy: GpuRestorePolicy;
  /** The number of the frame in which it was allocated. */
  readonly frame: number;
  /** Whether it must stay where it is. */
  readonly isPinned: boolean;
}

/** One buffer of the device, and what is allocated in it. */
export interface GpuBlockDump {
  /** The number of the block, unique among all heaps. */
  readonly id: number;
  /** The name that the device knows it by. */
  readonly label: string;
  /** Its bytes. */
  readonly size: number;
  /** The bytes that are allocated, with padding. */
  readonly used: number;
  /** The bytes of the largest free run: nothing larger fits. */
  readonly largestFree: number;
  /** What is allocated in it, in order of offset; no two overlap. */
  readonly allocations: readonly GpuAllocationDump[];
  /** Whether it was made for a single allocation. */
  readonly isDedicated: boolean;
  /** Whether it holds what comes and goes often, such as parts of a level. */
  readonly isStreaming: boolean;
  /** Whether something in it must stay where it is, so that it cannot be emptied. */
  readonly isPinned: boolean;
}

/** The blocks whose memory is used in the same way. */
export interface GpuHeapDump {
  /** What they are used for. */
  readonly name: GpuHeapName;
  /** The bytes of all its blocks. */
  readonly reserved: number;
  /** The bytes that are allocated in them. */
  readonly used: number;
  /** The blocks, in the order in which they are searched. */
  readonly blocks: readonly GpuBlockDump[];
}

/** One buffer of the ring that memory of a frame comes from. */
export interface GpuRingPageDump {
  /** The number of the page. */
  readonly id: number;
  /** Its bytes. */
  readonly size: number;
  /** The bytes that frames have in use. */
  readonly used: number;
}

/** The ring that memory of a frame comes from. */
export interface GpuRingDump {
  /** Its pages, in the order in which they are filled. */
  readonly pages: readonly GpuRingPageDump[];
  /** The most bytes that one frame had in use. */
  readonly peak: number;
  /** How often a frame needed a further page. */
  readonly overflows: number;
  /** How many frames can be in use at once. */
  readonly segments: number;
}

/** The buffers that results are read back through. All sizes are bytes. */
export interface GpuReadbackDump {
  /** What the device holds for them. */
  readonly reserved: number;
  /** What is on its way to the CPU now. */
  readonly inFlight: number;
}

/**
 * What a GPU allocator holds at one moment. It goes through `JSON.stringify` and back without a change: there is no `undefined`, no
 * `Infinity` and nothing but plain objects in it. Sizes and offsets are bytes.
 *
 * @example
 * ```ts
 * import { SmartAlloc } from "@framealloc/core";
 * import { GpuAllocator, type GpuDump, NullBackend } from "@framealloc/core/gpu";
 * import { assertEquals } from "@std/assert";
 *
 * const gpu = new GpuAllocator(new SmartAlloc(), new NullBackend());
 * const dump: GpuDump = gpu.dump();
 * assertEquals(dump.version, 1);
 * assertEquals(JSON.parse(JSON.stringify(dump)), dump);
 * gpu.dispose();
 * ```
 */
export interface GpuDump {
  /** The version of this shape. A later shape that is not an addition has a higher one. */
  readonly version: 1;
  /** The name of the backend. */
  readonly backend: string;
  /** The number of the current frame, or of the last one. */
  readonly frame: number;
  /** How often the device was lost and recovered. */
  readonly generation: number;
  /** Everything at once. */
  readonly totals: GpuDumpTotals;
  /** What the allocator may reserve. */
  readonly budget: GpuDumpBudget;
  /** The heaps. */
  readonly heaps: readonly GpuHeapDump[];
  /** The ring that memory of a frame comes from. */
  readonly ring: GpuRingDump;
  /** The buffers that results are read back through. */
  readonly readback: GpuReadbackDump;
}
