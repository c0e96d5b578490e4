/**
 * The mechanisms below the allocator: chunk sources and pools of chunks, lives and positions, regions, slabs, blocks and accounts. Import
 * them to put frames into memory of your own, or to build an allocator with a lifetime of its own on them.
 *
 * ```ts
 * import { Region, viewOf, wasmSource } from "@framealloc/core/memory";
 *
 * const level = new Region({
 *   source: wasmSource,
 *   size: 1024 * 1024,
 *   owner: { expired: () => new Error("The level was unloaded") },
 * });
 * level.open();
 * const position = level.at(level.alloc(256));
 * viewOf(position).setFloat32(position.offset, 1, true);
 * ```
 *
 * @module
 */

export { type Account, AGAIN, GRANTED, REFUSED, type Verdict } from "./account.ts";
export { Block, type BlockOptions, BlockStore } from "./block.ts";
export { arrayBufferSource, sharedArrayBufferSource } from "./buffer_source.ts";
export { type ChunkHolder, ChunkPool, type ChunkPoolOptions, PooledChunk } from "./chunk_pool.ts";
export type { Chunk, ChunkCapabilities, ChunkSource } from "./chunk_source.ts";
export { Handout, type HandoutList } from "./handout.ts";
export { Life, type LifeOwner, Position, viewOf } from "./life.ts";
export { MAX_ALIGN, MIN_ALIGN, type Refusal, Region, type RegionOptions } from "./region.ts";
export type { Room } from "./room.ts";
export { MAX_CHUNK } from "./segment.ts";
export { SizePolicy } from "./size_policy.ts";
export { Slab, type SlabOptions } from "./slab.ts";
export { type PageSource, SlabPage, SlabSize } from "./slab_size.ts";
export { Slots } from "./slots.ts";
export type { ElementOf, Float16Constructor, TypedArray, TypedArrayConstructor, ViewOf } from "./typed_array.ts";
export { ViewCache } from "./view_cache.ts";
export { sharedWasmSource, wasmSource } from "./wasm_source.ts";
