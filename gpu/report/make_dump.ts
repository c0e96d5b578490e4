/**
 * Writes down what an allocator has, for {@linkcode GpuAllocator.dump}.
 */

import type { Budget } from "../../src/observe/budget.ts";
import type { ChildBudget } from "../../src/observe/budgets.ts";
import type { GpuBlock } from "../heap/gpu_block.ts";
import type { GpuHeap } from "../heap/gpu_heap.ts";
import type { GpuMemory } from "../heap/gpu_memory.ts";
import { nameOfLifetime } from "../intent.ts";
import type { FrameRing } from "../ring/frame_ring.ts";
import type { Readbacks } from "../transfer/readbacks.ts";
import type { GpuBlockDump, GpuDump, GpuHeapDump } from "./gpu_dump.ts";

/** What is written down. */
export interface DumpParts {
  readonly backend: string;
  readonly frame: number;
  readonly generation: number;
  readonly memory: GpuMemory;
  readonly ring: FrameRing;
  readonly readbacks: Readbacks;
  readonly budget: ChildBudget;
}

/** See the file comment. */
export function dumpOf({ backend, frame, generation, memory, ring, readbacks, budget }: DumpParts): GpuDump {
  const heaps = Object.values(memory.heaps);
  const { used, peak, soft, hard } = (budget.$budget as Budget).stats;
  const sum = (of: (heap: GpuHeap) => number): number => heaps.reduce((sum, heap) => sum + of(heap), 0);
  return {
    version: 1,
    backend,
    frame,
    generation,
    totals: {
      reserved: used,
      used: sum((heap) => heap.used),
      peak,
      allocations: sum((heap) => heap.count),
      blocks: sum((heap) => heap.blocks.length),
    },
    budget: { used, soft: finite(soft), hard: finite(hard) },
    heaps: heaps.map((heap) => heapDump(heap, memory)),
    ring: {
      pages: ring.chunks.map(({ buffers, bytes, uploaded }, i) => ({
        id: buffers[0]!,
        size: bytes,
        used: ring.inFrame && i < ring.region.chunksInUse ? ring.region.usedIn(i) : uploaded,
      })),
      peak: ring.peak,
      overflows: ring.region.overflows,
      segments: ring.segments,
    },
    readback: { reserved: readbacks.reserved, inFlight: readbacks.bytesInFlight },
  };
}

function heapDump(heap: GpuHeap, memory: GpuMemory): GpuHeapDump {
  const { name, reserved, used, blocks } = heap;
  return { name, reserved, used, blocks: blocks.map((block) => blockDump(block, memory)) };
}

function blockDump(block: GpuBlock, memory: GpuMemory): GpuBlockDump {
  const { buffer, label, bytes, used, largestFree, isDedicated, isStreaming, pins } = block;
  return {
    id: buffer,
    label,
    size: bytes,
    used,
    largestFree,
    isDedicated,
    isStreaming,
    isPinned: pins > 0,
    allocations: memory.inside(block).map(({ offset, held, name, tag, intent, lifetime, policy, born, pins }) => ({
      offset,
      size: held,
      name,
      tag: tag?.path ?? "",
      intent,
      lifetime: nameOfLifetime(lifetime),
      policy,
      frame: born,
      isPinned: pins > 0,
    })),
  };
}

/** JSON has no infinity. */
function finite(limit: number): number | null {
  return limit === Infinity ? null : limit;
}
