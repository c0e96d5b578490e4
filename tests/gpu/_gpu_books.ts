/**
 * What must be so of a GPU allocator at any time: nothing overlaps, and every byte is in the books, once.
 */

import type { BudgetStats, SmartAlloc, Stats } from "@framealloc/core";
import type {
  GpuAllocationDump,
  GpuAllocator,
  GpuBlockDump,
  GpuBufferId,
  GpuHeapDump,
  GpuLimits,
} from "@framealloc/core/gpu";
import { NullBackend } from "@framealloc/core/gpu";
import { assert, assertEquals } from "@std/assert";
import { heapOf, type Held, type Model } from "./_gpu_model.ts";

/** The null device, which tells of all its buffers, also of those that there was no memory for. */
export class WatchedBackend extends NullBackend {
  readonly sizes: Map<GpuBufferId, number> = new Map();

  override create(bytes: number, usage: number, label: string): GpuBufferId {
    const buffer = super.create(bytes, usage, label);
    this.sizes.set(buffer, bytes);
    return buffer;
  }

  override destroy(buffer: GpuBufferId): void {
    super.destroy(buffer);
    this.sizes.delete(buffer);
  }

  get bytes(): number {
    let sum = 0;
    for (const bytes of this.sizes.values()) sum += bytes;
    return sum;
  }
}

/** What every place in a heap is a multiple of. */
export function unitOf(heap: string, { uniformAlign, storageAlign }: GpuLimits): number {
  return heap === "uniform" ? Math.max(uniformAlign, storageAlign) : heap === "storage" ? storageAlign : 16;
}

/** What the books are compared with. */
export interface Books {
  readonly gpu: GpuAllocator;
  readonly alloc: SmartAlloc;
  readonly model: Model;
  /** What of the ring belongs to each tag. */
  readonly ringBytes: ReadonlyMap<string, number>;
  /** Whether the device may have no memory for what it has promised, or for the ring alone. */
  readonly isUnsure: boolean;
  readonly ringMayFail: boolean;
}

/** Checks everything that is counted. */
export function checkBooks({ gpu, alloc, model, ringBytes, isUnsure, ringMayFail }: Books): void {
  const stats = gpu.stats();
  const all: Stats = alloc.stats();
  const budgets = new Map(all.budgets.map((budget) => [budget.name, budget]));
  const used = (name: string): number => budgets.get(name)!.used;
  const { uniform, vertex, storage, readback } = stats.heaps;
  const devices = [uniform.reserved, vertex.reserved, storage.reserved, stats.ring.reserved];
  const names = ["gpu uniform", "gpu vertex", "gpu storage", "gpu ring", "gpu readback"];
  assertEquals(names.map(used), [...devices, readback.reserved + stats.readbacks.reserved]);
  const sum = names.reduce((sum, name) => sum + used(name), 0);
  assertEquals([used("gpu"), stats.reserved], [sum, sum]);
  const { segments } = gpu.dump().ring;
  assertEquals(used("global"), all.heap.reserved + sum + stats.ring.reserved / segments + all.frame.reserved);
  const { backend } = gpu;
  if (backend instanceof WatchedBackend && !gpu.isLost) {
    assertEquals(backend.bytes, sum);
    if (!isUnsure && !ringMayFail) assertEquals(backend.liveBytes, sum);
  }
  assertEquals(stats.allocations, model.live.size);
  checkTags(all, budgets, model, ringBytes);
}

function checkTags(
  { tags }: Stats,
  budgets: ReadonlyMap<string, BudgetStats>,
  { live }: Model,
  ringBytes: ReadonlyMap<string, number>,
): void {
  const bytes = new Map(ringBytes);
  for (const { wish, held, copied } of live.values()) {
    bytes.set(wish.tag, (bytes.get(wish.tag) ?? 0) + held + copied);
  }
  for (const { path, inUse } of tags) {
    assertEquals(inUse.gpu, bytes.get(path) ?? 0, `the bytes of the tag "${path}"`);
    const budget = budgets.get(path);
    if (budget === undefined) continue;
    let within = 0;
    for (const [tag, used] of bytes) if (tag === path || tag.startsWith(`${path}::`)) within += used;
    assertEquals(budget.used, within, `the budget of the tag "${path}"`);
  }
}

/** Checks where everything is. */
export function checkPlaces({ gpu, model }: Books): void {
  const dump = gpu.dump();
  const { heaps } = gpu.stats();
  let used = 0;
  let count = 0;
  for (const heap of dump.heaps) {
    const { reserved, used: bytes, allocations, buffers } = heaps[heap.name];
    const held = model.of(heap.name);
    const sizes = held.reduce((sum, { held }) => sum + held, 0);
    assertEquals([heap.reserved, heap.used], [reserved, bytes]);
    assertEquals([bytes, allocations, buffers], [sizes, held.length, heap.blocks.length], heap.name);
    assertEquals(heap.blocks.reduce((sum, { size }) => sum + size, 0), reserved);
    assertEquals(heap.blocks.reduce((sum, { used }) => sum + used, 0), bytes);
    for (const block of heap.blocks) checkBlock(block, unitOf(heap.name, gpu.backend.limits));
    checkAllocations(heap, held, gpu);
    used += bytes;
    count += allocations;
  }
  const { totals, ring, budget } = dump;
  assertEquals([totals.used, totals.allocations, totals.reserved], [used, count, budget.used]);
  assertEquals(ring.pages.reduce((sum, { size }) => sum + size, 0) * ring.segments, gpu.stats().ring.reserved);
}

/** Checks that what is in a buffer is inside of it, beside each other, and that the rest is free. */
function checkBlock(block: GpuBlockDump, unit: number): void {
  const { size, used, largestFree, allocations, label, isDedicated, isStreaming, isPinned } = block;
  let end = 0;
  let sum = 0;
  let largest = 0;
  for (const { offset, size, lifetime } of allocations) {
    assert(offset >= end, `${label}: what starts at ${offset} overlaps what ends at ${end}`);
    assert(offset % unit === 0 && size % unit === 0 && size > 0, `${label}: ${size} bytes at ${offset}`);
    assertEquals(lifetime === "Streaming", isStreaming);
    largest = Math.max(largest, offset - end);
    end = offset + size;
    sum += size;
  }
  assert(end <= size, `${label}: ${end} bytes of ${size}`);
  assertEquals([used, largestFree], [sum, Math.max(largest, size - end)], label);
  assertEquals(isPinned, allocations.some(({ isPinned }) => isPinned));
  if (isDedicated) assertEquals(allocations.map(({ offset, size }) => [offset, size]), [[0, size]]);
}

/** Checks that what is said to be in a heap is what the program has there. */
function checkAllocations({ name, blocks }: GpuHeapDump, held: readonly Held[], gpu: GpuAllocator): void {
  const told = new Map<string, GpuAllocationDump & { readonly block: GpuBlockDump }>();
  for (const block of blocks) for (const found of block.allocations) told.set(found.name, { ...found, block });
  assertEquals(told.size, held.length, name);
  for (const one of held) {
    const { tag, intent, policy, lifetime, align, isIsolated, name } = one.wish;
    const found = told.get(name)!;
    const word = typeof lifetime === "string" ? lifetime : `MultiFrame(${lifetime.frames})`;
    assertEquals(
      [found.size, found.tag, found.intent, found.policy, found.lifetime, found.isPinned],
      [one.held, tag, intent, policy, word, one.pins > 0],
      name,
    );
    assert(found.offset % align === 0 && (found.block.isDedicated || !isIsolated), name);
  }
  // Asking for it is a use of it, so not all are asked each time.
  const one = held[gpu.stats().uploads.writes % Math.max(1, held.length)];
  if (one === undefined || gpu.isLost) return;
  const { offset, block } = told.get(one.wish.name)!;
  one.used = gpu.frameNumber;
  assertEquals(gpu.offset(one.handle), offset);
  assert(gpu.buffer(one.handle) === gpu.backend.raw(block.id), `${one.wish.name} is in another buffer`);
}

/** Checks that an allocator whose allocations were all freed has nothing in use, and that what was cut up is whole again. */
export function checkEmpty(gpu: GpuAllocator): void {
  for (const { used, blocks } of gpu.dump().heaps) {
    assertEquals(used, 0);
    for (const { size, largestFree, isDedicated, label } of blocks) {
      assertEquals([largestFree, isDedicated], [size, false], `${label} is free`);
    }
  }
  assertEquals([gpu.stats().used, gpu.stats().allocations], [0, 0]);
}

/** The heap that a budget refused for. */
export function heapDumpOf(gpu: GpuAllocator, held: Held): GpuHeapDump {
  return gpu.dump().heaps.find(({ name }) => name === heapOf(held))!;
}
