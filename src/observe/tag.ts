/**
 * A tag: whom memory is used for. Tags nest, and every byte belongs to the tag that was the innermost one when it was allocated.
 */

import type { Budget } from "./budget.ts";

/** The kinds of memory that a tag can hold, in the order of their numbers. */
export const KINDS: readonly string[] = [
  "frame",
  "pool",
  "heap",
  "handles",
  "groups",
  "scratch",
  "streaming",
  "tasks",
  "gpu",
];

/** The number of a kind. */
export type Kind = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8;

export const FRAME: Kind = 0;
export const POOL: Kind = 1;
export const HEAP: Kind = 2;
export const HANDLES: Kind = 3;
export const GROUPS: Kind = 4;
export const SCRATCH: Kind = 5;
export const STREAMING: Kind = 6;
export const TASKS: Kind = 7;
export const GPU: Kind = 8;

/** See the file comment. */
export class Tag {
  /** A small number of its own, for tables. */
  readonly id: number;
  readonly name: string;
  readonly path: string;
  readonly parent: Tag | null;
  readonly children: Tag[] = [];
  /** The innermost limit that this tag falls under; `null` if there is none. */
  budget: Budget | null;
  /** Bytes in use now, by the number of their kind: doubles, as they grow past small integers. */
  readonly held: Float64Array = new Float64Array(KINDS.length);
  // Of the current or last frame, and of all frames.
  bytes = 0;
  allocations = 0;
  peakBytes = 0;
  totalBytes = 0;

  constructor(id: number, name: string, parent: Tag | null) {
    this.id = id;
    this.name = name;
    this.parent = parent;
    this.path = parent === null || parent.path === "" ? name : `${parent.path}::${name}`;
    this.budget = parent === null ? null : parent.budget;
  }

  /** Takes note of bytes that this tag uses now, or with a minus no longer uses. */
  hold(kind: Kind, bytes: number): void {
    this.held[kind]! += bytes;
    if (this.budget !== null) this.budget.charge(bytes);
  }

  /** Bytes in use now, of every kind. */
  get inUse(): number {
    let sum = 0;
    for (let i = 0; i < this.held.length; i++) sum += this.held[i]!;
    return sum;
  }
}
