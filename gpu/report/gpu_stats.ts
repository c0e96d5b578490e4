/**
 * Reports of an allocator for a device: plain data, so that they can be printed, compared and sent.
 */

/** What a heap has. All sizes are bytes. */
export interface GpuHeapStats {
  /** All its buffers. */
  readonly reserved: number;
  /** What is allocated, with padding. */
  readonly used: number;
  /** The most that was allocated at once. */
  readonly peak: number;
  /** The allocations. */
  readonly allocations: number;
  /** The buffers. */
  readonly buffers: number;
}

/** What the frame ring has, and what the last frame used of it. All sizes are bytes. */
export interface GpuRingStats {
  /** Its buffers on the device. */
  readonly reserved: number;
  /** What the last frame used, with padding. */
  readonly lastBytes: number;
  /** The allocations of the last frame. */
  readonly lastAllocations: number;
  /** How often a frame needed a further buffer. */
  readonly overflows: number;
}

/** What was uploaded since the allocator was made. */
export interface GpuUploadStats {
  /** Writes that were made. */
  readonly writes: number;
  /** Bytes that were written. */
  readonly bytes: number;
  /** Writes that were saved as ranges were uploaded together. */
  readonly merged: number;
  /** How often records were uploaded packed, and put in their places by the device. */
  readonly scatters: number;
  /** Pieces of large uploads, each submitted on its own. */
  readonly chunks: number;
  /** Bytes of streams that wait for a later frame. */
  readonly streaming: number;
}

/** What was read back since the allocator was made. */
export interface GpuReadbackStats {
  /** Requests. */
  readonly requests: number;
  /** Waits for the device: one for all requests of a frame. */
  readonly maps: number;
  /** Bytes that arrived. */
  readonly bytes: number;
  /** Buffers that are on their way. */
  readonly inFlight: number;
  /** Bytes of the buffers. */
  readonly reserved: number;
}

/** What {@linkcode GpuAllocator.stats} reports. All sizes are bytes. */
export interface GpuStats {
  /** The number of the current frame, or of the last one. */
  readonly frame: number;
  /** The allocations that are alive. */
  readonly allocations: number;
  /** All buffers on the device, as they are charged to the budget. */
  readonly reserved: number;
  /** What is allocated in heaps, with padding. */
  readonly used: number;
  /** The heaps by use. */
  readonly heaps: {
    /** What is only read, in bindings. */
    readonly uniform: GpuHeapStats;
    /** What is only read, in no bindings. */
    readonly vertex: GpuHeapStats;
    /** What is written. */
    readonly storage: GpuHeapStats;
    /** Allocations of the intent `"Readback"`. */
    readonly readback: GpuHeapStats;
  };
  /** The memory of frames. */
  readonly ring: GpuRingStats;
  /** What was uploaded. */
  readonly uploads: GpuUploadStats;
  /** What was read back. */
  readonly readbacks: GpuReadbackStats;
  /** Streaming allocations that were evicted. */
  readonly evictions: number;
  /** Allocations for which the device had no memory. */
  readonly failures: number;
  /** Allocations that were moved by {@linkcode GpuAllocator.defragment}. */
  readonly moves: number;
  /** How often there was another device after one was lost. */
  readonly recoveries: number;
}
