/**
 * Examples that two rules share.
 */

/** A search that keeps its best hit. */
export const retainedPair = {
  /** It returns the hit. */
  returned(policy: string, mark: string): string {
    return `import { f32, RetentionPolicy, type SmartAlloc, struct } from "@framealloc/core";

const Hit = struct("Hit", { distance: f32 });

function nearest(alloc: SmartAlloc) {
  const hit = alloc.frameRetained(Hit, RetentionPolicy.${policy}, { distance: 1 });${mark === "" ? "" : ` ${mark}`}
  return hit;
}
`;
  },
  /** It stores the hit in a field. */
  stored(policy: string, mark: string): string {
    return `import { f32, type Infer, RetentionPolicy, type SmartAlloc, struct } from "@framealloc/core";

const Hit = struct("Hit", { distance: f32 });

class Search {
  best: Infer<typeof Hit> | undefined;

  run(alloc: SmartAlloc): void {
    this.best = alloc.frameRetained(Hit, RetentionPolicy.${policy});${mark === "" ? "" : ` ${mark}`}
  }
}
`;
  },
};
