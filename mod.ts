/**
 * Memory with a stated lifetime, for code that must not hitch: frames, scopes and checkpoints over memory that is used again and
 * again, with typed records, batches, columns and growable lists in it; and pools, a heap, handles, groups, scratch pools and streaming
 * for what lives longer, all of it under budgets.
 *
 * ```ts
 * import { f32, SmartAlloc, struct, vec3f } from "@framealloc/core";
 * import { assertEquals } from "@std/assert";
 *
 * const Particle = struct("Particle", { position: vec3f, speed: f32 });
 * const alloc = new SmartAlloc();
 *
 * for (let frame = 0; frame < 3; frame++) {
 *   using _frame = alloc.frame();
 *   const particles = alloc.frameAllocBatch(Particle, 1000);
 *   for (const k = particles.cursor(); k.next();) {
 *     k.record.position.set(0, 100, 0);
 *     k.record.speed = -9.81;
 *   }
 *   assertEquals(particles.at(999).position.y, 100);
 * } // everything that the frame allocated is free again
 * ```
 *
 * @module
 */

export { AssetBatch } from "./async/load/asset_batch.ts";
export { AssetError } from "./async/load/asset_error.ts";
export { AssetLoader, type AssetLoaderOptions, type LoadOptions, type LoadSummary } from "./async/asset_loader.ts";
export type { AssetRequest, AssetValue, DecodeContext } from "./async/load/asset_request.ts";
export { type AssetResult, type FailedAsset, LoadedAsset } from "./async/load/asset_result.ts";
export type {
  AssetFrom,
  AssetOpener,
  AssetOrigin,
  FetchAsset,
  OpenAsset,
  OpenContext,
  OpenedAsset,
} from "./async/load/asset_source.ts";
export { AsyncGuard } from "./async/async_guard.ts";
export type { AsyncCode, AsyncReport } from "./async/guard/async_report.ts";
export type { AsyncGuardMode } from "./async/guard/reporter.ts";
export {
  AsyncPoolGuard,
  type CloseOptions,
  type LeaseOptions,
  type PoolGuardOptions,
} from "./async/async_pool_guard.ts";
export type { Backoff } from "./async/load/backoff.ts";
export type { LeaseStats } from "./async/lease/lease_memory.ts";
export type { GuardLease, LeaseKind } from "./async/lease/lease_room.ts";
export type { AssetProgress, AssetState, LoadProgress } from "./async/load/load_progress.ts";
export { progressBar, type ProgressBarOptions, type ProgressSource } from "./async/load/progress_bar.ts";
export { TaskAlloc, type TaskOptions } from "./async/task_alloc.ts";
export { TaskBox } from "./async/task/task_box.ts";
export type { TaskStats, TaskUse } from "./async/task/task_memory.ts";
export { CODES, type ErrorCode } from "./src/codes.ts";
export { AllocConfig, type AllocConfigPresets, type AsyncSafety, type Safety, type StatsLevel } from "./src/config.ts";
export {
  ArenaExhaustedError,
  ArgumentError,
  AsyncSafetyError,
  BudgetError,
  ConfigError,
  FrameAllocError,
  FrameStateError,
  LayoutError,
  PoolError,
  StaleHandleError,
  TaskError,
} from "./src/errors.ts";
export {
  type KernelColumn,
  type KernelOptions,
  Kernels,
  type KernelStats,
  type Vector3Columns,
  type VectorColumns,
} from "./src/kernels/kernels.ts";
export type { Box, BoxOf } from "./src/arena/box.ts";
export type { FrameMap, KeyLayout } from "./src/arena/frame_map.ts";
export { FrameString } from "./src/arena/frame_string.ts";
export { FrameCheckpoint, FrameGuard, FrameScope, PhaseGuard, TagGuard } from "./src/frame/guards.ts";
export { PublishedFrame } from "./src/frame/published_frame.ts";
export { array, type ArrayLayout, type ArrayRecord, type RecordList, type ScalarList } from "./src/layout/array.ts";
export type { Batch, Cursor } from "./src/layout/batch.ts";
export type { ColumnsOf } from "./src/layout/columns.ts";
export type {
  Cell,
  Infer,
  Layout,
  LayoutKind,
  LayoutRules,
  ListOf,
  PlainOf,
  RecordOf,
  ValuesOf,
} from "./src/layout/layout.ts";
export { type Mat, type Mat3x3f, mat3x3f, type Mat4x4f, mat4x4f, type Matrix } from "./src/layout/matrix.ts";
export type { NumberVec } from "./src/layout/number_vec.ts";
export type { RecordVec } from "./src/layout/record_vec.ts";
export {
  type AnyScalar,
  type Bool,
  bool,
  type F16,
  f16,
  type F32,
  f32,
  type F64,
  f64,
  type I16,
  i16,
  type I32,
  i32,
  type I64,
  i64,
  type I8,
  i8,
  type NumericScalar,
  type Scalar,
  type U16,
  u16,
  type U32,
  u32,
  type U64,
  u64,
  type U8,
  u8,
} from "./src/layout/scalar.ts";
export {
  type Fields,
  struct,
  type StructLayout,
  type StructOptions,
  type StructPlain,
  type StructRecord,
  type StructValues,
} from "./src/layout/struct.ts";
export {
  type MutableList,
  type Vec2,
  type Vec2f,
  vec2f,
  type Vec2i,
  vec2i,
  type Vec2Like,
  type Vec2u,
  vec2u,
  type Vec3,
  type Vec3f,
  vec3f,
  type Vec3i,
  vec3i,
  type Vec3Like,
  type Vec3u,
  vec3u,
  type Vec4,
  type Vec4f,
  vec4f,
  type Vec4i,
  vec4i,
  type Vec4Like,
  type Vec4u,
  vec4u,
  type Vector,
} from "./src/layout/vector.ts";
export type {
  ElementOf,
  Float16Constructor,
  TypedArray,
  TypedArrayConstructor,
  ViewOf,
} from "./src/memory/typed_array.ts";
export type { BytesByKind, PhaseStats, TagStats } from "./src/observe/meter.ts";
export type { BudgetEvent, BudgetPolicy, BudgetStats } from "./src/observe/budget.ts";
export { type BudgetLimits, Budgets, ChildBudget } from "./src/observe/budgets.ts";
export type { Leak } from "./src/observe/leak.ts";
export type { FrameAllocStats, FrameStats, FrameSummary, TotalStats } from "./src/observe/stats.ts";
export { Group, type GroupOptions, Groups, type GroupStats } from "./src/pool/groups.ts";
export { type Compaction, type CompactOptions, type Handle, Handles, type HandleStats } from "./src/pool/handles.ts";
export { HeapBlock, type HeapStats } from "./src/pool/heap.ts";
export { Lease, ObjectPool, type ObjectPoolOptions, type ObjectPoolStats } from "./src/pool/object_pool.ts";
export type { OwnedBox } from "./src/pool/owned_box.ts";
export type { PoolStats, SlabSizeStats } from "./src/pool/pool.ts";
export { RegionAlloc } from "./src/pool/region_alloc.ts";
export { ScratchPool, type ScratchPoolOptions, type ScratchPoolStats } from "./src/pool/scratch_pool.ts";
export type {
  Eviction,
  ReserveAsyncOptions,
  ReserveOptions,
  StreamingStats,
  StreamPriority,
  StreamState,
} from "./src/pool/asset.ts";
export { PinGuard } from "./src/pool/pin_guard.ts";
export { Streaming } from "./src/pool/streaming.ts";
export {
  type PromotedBox,
  type PromotedSlice,
  type Promotion,
  type PromotionCount,
  type PromotionCounts,
  type PromotionFailure,
  PromotionResult,
  type PromotionSummary,
} from "./src/promotion_result.ts";
export { Importance, type ImportanceLevels, type RetentionPolicies, RetentionPolicy } from "./src/frame/retention.ts";
export type { Stats } from "./src/stats.ts";
export {
  type BatchOptions,
  FrameAlloc,
  type SliceOptions,
  type SpeculativeResult,
  type Tuple4,
  type Tuple8,
} from "./src/frame_alloc.ts";
export { type HeapOptions, SmartAlloc } from "./src/smart_alloc.ts";
export { formatBytes, gigabytes, kilobytes, megabytes } from "./src/units.ts";
