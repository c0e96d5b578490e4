/** Every chunk source and safety mode, and which of them go together. */

import type { AllocConfig, Safety } from "@framealloc/core";
import {
  arrayBufferSource,
  type ChunkSource,
  sharedArrayBufferSource,
  sharedWasmSource,
  wasmSource,
} from "@framealloc/core/memory";

export const SOURCES: readonly ChunkSource[] = [
  wasmSource,
  arrayBufferSource,
  sharedWasmSource,
  sharedArrayBufferSource,
];

export const SAFETIES: readonly Safety[] = ["checked", "revoke", "release"];

/** A pair of source and safety mode, as options. */
export type Pair = Required<Pick<AllocConfig, "source" | "safety">> & { readonly name: string };

/** All pairs, and whether the source can honour the mode. */
export const PAIRS: readonly (Pair & { readonly isSupported: boolean })[] = SOURCES.flatMap((source) =>
  SAFETIES.map((safety) => ({
    source,
    safety,
    name: `${source.name} × ${safety}`,
    isSupported: safety !== "revoke" || source.capabilities.revocable,
  }))
);

/** The pairs that work. */
export const SUPPORTED: readonly Pair[] = PAIRS.filter((pair) => pair.isSupported);
