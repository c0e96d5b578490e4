/**
 * What should become of a record when its frame ends: plain data, decided when the record is allocated.
 */

import type { Face } from "../layout/face.ts";
import type { Layout } from "../layout/layout.ts";
import type { Tag } from "../observe/tag.ts";

/**
 * What becomes of a record at the end of its frame, if that is `endFrameWithPromotions`.
 *
 * @example
 * ```ts
 * import { RetentionPolicy } from "@framealloc/core";
 * import { assertEquals } from "@std/assert";
 *
 * const policy: RetentionPolicy = RetentionPolicy.PromoteToScratch("level");
 * assertEquals(policy, { to: "scratch", pool: "level" });
 * ```
 */
export type RetentionPolicy =
  | { readonly to: "nothing" | "pool" | "heap" }
  | { readonly to: "scratch"; readonly pool: string };

/** The policies by name. */
export interface RetentionPolicies {
  /** It ends with the frame. */
  readonly Discard: RetentionPolicy;
  /** It is copied to a slot of the pool. */
  readonly PromoteToPool: RetentionPolicy;
  /** It is copied to a block of the heap. */
  readonly PromoteToHeap: RetentionPolicy;
  /** It is copied to a scratch pool, which must be there by then. */
  PromoteToScratch(pool: string): RetentionPolicy;
}

/** The policies by name. */
export const RetentionPolicy: RetentionPolicies = {
  Discard: { to: "nothing" },
  PromoteToPool: { to: "pool" },
  PromoteToHeap: { to: "heap" },
  PromoteToScratch: (pool: string) => ({ to: "scratch", pool }),
};

/** How important a record is: another word for what becomes of it. */
export interface ImportanceLevels {
  /** Of no use after its frame: {@linkcode RetentionPolicies.Discard}. */
  readonly Ephemeral: RetentionPolicy;
  /** Used again and given back: {@linkcode RetentionPolicies.PromoteToPool}. */
  readonly Reusable: RetentionPolicy;
  /** Kept for long: {@linkcode RetentionPolicies.PromoteToHeap}. */
  readonly Persistent: RetentionPolicy;
  /** Kept as long as a scratch pool: {@linkcode RetentionPolicies.PromoteToScratch}. */
  Scratch(pool: string): RetentionPolicy;
}

/** How important a record is: another word for what becomes of it. */
export const Importance: ImportanceLevels = {
  Ephemeral: RetentionPolicy.Discard,
  Reusable: RetentionPolicy.PromoteToPool,
  Persistent: RetentionPolicy.PromoteToHeap,
  Scratch: RetentionPolicy.PromoteToScratch,
};

/** A record that was allocated with a policy. */
export interface Retained {
  readonly record: Face;
  readonly layout: Layout;
  readonly policy: RetentionPolicy;
  readonly tag: Tag;
  /** The name of the phase; `""` if there was none. */
  readonly phase: string;
}
