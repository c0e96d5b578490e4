/**
 * What one dispatch, or one render pass, uses: a buffer that it writes cannot be used in any other way, also not in another part of it. The
 * devices' messages name the buffer at best, which is no help where hundreds of allocations share it.
 */

import { ArgumentError, show } from "../src/errors.ts";
import type { GpuBufferId } from "./backend/backend.ts";
import type { GpuHandle } from "./gpu_handle.ts";
import { GpuError } from "./gpu_error.ts";

/** How an allocation is used. */
export interface GpuScopeUse {
  /** The allocation. */
  readonly handle: GpuHandle;
  /** `"read"`: as a uniform, vertices, indices, or storage that is only read. `"write"`: as storage that is written. */
  readonly access: "read" | "write";
}

/** What has to be known of an allocation. */
interface ScopePlace {
  readonly name: string;
  readonly buffer: GpuBufferId;
}

/** Refuses uses that conflict. */
export function checkScope(uses: readonly GpuScopeUse[], placeOf: (handle: GpuHandle) => ScopePlace): void {
  if (!Array.isArray(uses)) throw new ArgumentError("FA008", `Cannot check the uses ${show(uses)}: give a list`);
  const places = uses.map((use) => {
    if (use?.access !== "read" && use?.access !== "write") {
      throw new ArgumentError("FA008", `Cannot check the access ${show(use?.access)}: use "read" or "write"`);
    }
    return { ...placeOf(use.handle), isWritten: use.access === "write" };
  });
  for (const [i, first] of places.entries()) {
    for (const second of places.slice(i + 1)) {
      if (first.buffer !== second.buffer || first.isWritten === second.isWritten) continue;
      const [written, read] = first.isWritten ? [first, second] : [second, first];
      throw new GpuError(
        "FA852",
        `Cannot read ${read.name} and write ${written.name} in one scope as they share a buffer: allocate what is only read for the use "uniform", or one of them with isolate: true`,
      );
    }
  }
}
