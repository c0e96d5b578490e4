/**
 * Memory of a GPU: parts of a few large buffers instead of a buffer each, a ring that is uploaded once per frame, readbacks that come at
 * once, and one budget for CPU and GPU.
 *
 * ```ts
 * import { SmartAlloc } from "@framealloc/core";
 * import { GpuAllocator, NullBackend } from "@framealloc/core/gpu";
 * import { assertEquals } from "@std/assert";
 *
 * const alloc = new SmartAlloc();
 * const gpu = new GpuAllocator(alloc, new NullBackend()); // or: await WebGpuBackend.request()
 * const particles = gpu.alloc(4096, { name: "particles" });
 *
 * for (let frame = 0; frame < 3; frame++) {
 *   gpu.beginFrame();
 *   const time = gpu.ring.push(new Float32Array([frame / 60]));
 *   gpu.flush(); // one write; then submit work that uses gpu.buffer(particles) and gpu.ring.buffer(time)
 *   gpu.endFrame();
 * }
 * assertEquals(gpu.stats().heaps.storage.allocations, 1);
 * gpu.free(particles);
 * ```
 *
 * @module
 */

export type { GpuAllocOptions } from "./alloc_options.ts";
export {
  type GpuBackend,
  type GpuBufferId,
  type GpuLimits,
  type GpuLoss,
  type GpuVerdict,
  USAGE,
} from "./backend/backend.ts";
export { NullBackend, type NullBackendOptions } from "./backend/null_backend.ts";
export { WebGpuBackend, type WebGpuBackendOptions, type WebGpuRequestOptions } from "./backend/webgpu_backend.ts";
export { GpuAllocation } from "./gpu_allocation.ts";
export type { GpuAllocatorOptions } from "./allocator_options.ts";
export { GpuAllocator, type GpuReadOptions, type GpuStreamOptions } from "./gpu_allocator.ts";
export { GpuError, type GpuErrorCode } from "./gpu_error.ts";
export type { GpuHandle } from "./gpu_handle.ts";
export { type GpuFrameData, type GpuFramePlace, GpuRing } from "./gpu_ring.ts";
export type { GpuDefragmentation, GpuDefragmentOptions } from "./heap/defragment.ts";
export {
  type GpuIntent,
  type GpuLifetime,
  type GpuLossPolicy,
  type GpuUse,
  MultiFrame,
  type MultiFrameLifetime,
} from "./intent.ts";
export type { GpuRecovery } from "./recovery.ts";
export { blockMap, type BlockMapOptions } from "./report/block_map.ts";
export type * from "./report/gpu_dump.ts";
export type { GpuHeapStats, GpuReadbackStats, GpuRingStats, GpuStats, GpuUploadStats } from "./report/gpu_stats.ts";
export type { GpuScopeUse } from "./scope_check.ts";
export type { UploadCosts } from "./transfer/upload_plan.ts";
export { layoutOf, type TypeGpuBasic, type TypeGpuLayout, type TypeGpuStruct } from "./typegpu.ts";
export { UnifiedAllocator, type UnifiedUsage } from "./unified_allocator.ts";
export { type BufferLocation, UnifiedBuffer } from "./unified_buffer.ts";
export { wgsl, type WgslOptions } from "./wgsl.ts";
