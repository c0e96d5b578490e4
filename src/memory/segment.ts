/**
 * One chunk in use by a region, with what belongs to its memory: the view, the life over it, and the recycled views.
 */

import type { Chunk } from "./chunk_source.ts";
import { Life, type LifeOwner } from "./life.ts";
import { ViewCache } from "./view_cache.ts";

/** The largest chunk and the largest single request, in bytes: offsets stay small integers. */
export const MAX_CHUNK: number = 2 ** 30;

/** See the file comment. */
export class Segment {
  readonly chunk: Chunk;
  readonly capacity: number;
  /** Bytes that may be handed out before the policy is asked again. */
  limit: number;
  /** Bytes in use in the segments before this one. */
  base: number;
  view: DataView;
  life: Life;
  readonly views: ViewCache;

  constructor(chunk: Chunk, limit: number, base: number, owner: LifeOwner, serial: number, recycles: boolean) {
    this.chunk = chunk;
    this.capacity = Math.min(Math.floor(chunk.buffer.byteLength / 16) * 16, MAX_CHUNK);
    this.limit = Math.min(limit, this.capacity);
    this.base = base;
    this.view = new DataView(chunk.buffer);
    this.life = new Life(this.view, owner, serial);
    this.views = new ViewCache(chunk.buffer, recycles);
  }

  revoke(owner: LifeOwner, serial: number): void {
    this.chunk.revoke();
    this.view = new DataView(this.chunk.buffer);
    this.life = new Life(this.view, owner, serial);
    this.views.clear(this.chunk.buffer);
  }
}
