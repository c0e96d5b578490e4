/**
 * The report on everything that an allocator has in use.
 */

import type { LeaseStats } from "../async/lease/lease_memory.ts";
import type { TaskStats } from "../async/task/task_memory.ts";
import type { KernelStats } from "./kernels/kernels.ts";
import type { BudgetStats } from "./observe/budget.ts";
import type { FrameAllocStats } from "./observe/stats.ts";
import type { StreamingStats } from "./pool/asset.ts";
import type { GroupStats } from "./pool/groups.ts";
import type { HandleStats } from "./pool/handles.ts";
import type { HeapStats } from "./pool/heap.ts";
import type { ObjectPoolStats } from "./pool/object_pool.ts";
import type { PoolStats } from "./pool/pool.ts";
import type { ScratchPoolStats } from "./pool/scratch_pool.ts";

/** What an allocator has in use, frames and all. */
export interface Stats extends FrameAllocStats {
  /** The pool. */
  readonly pool: PoolStats;
  /** Each object pool. */
  readonly objectPools: readonly ObjectPoolStats[];
  /** The heap. */
  readonly heap: HeapStats;
  /** What is behind handles. */
  readonly handles: HandleStats;
  /** Each group. */
  readonly groups: readonly GroupStats[];
  /** Each scratch pool. */
  readonly scratch: readonly ScratchPoolStats[];
  /** Streaming. */
  readonly streaming: StreamingStats;
  /** Tasks. */
  readonly tasks: TaskStats;
  /** What pool guards have leased. */
  readonly leases: LeaseStats;
  /** What the column kernels were called for, and how they did it. */
  readonly kernels: KernelStats;
  /** Each budget that was set. */
  readonly budgets: readonly BudgetStats[];
}
