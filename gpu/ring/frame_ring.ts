/**
 * The memory of one frame after the other that is uploaded at its end: a region on the CPU whose chunks have twins on the device. It is
 * started over each frame without waiting for the device, as whatever is handed to a queue takes effect in order.
 */

import { Arena } from "../../src/arena/arena.ts";
import { ArenaMemory } from "../../src/arena/arena_memory.ts";
import type { BoxBase } from "../../src/arena/box.ts";
import { FrameStateError, PoolError, show } from "../../src/errors.ts";
import type { Frames } from "../../src/frame/frames.ts";
import type { Face } from "../../src/layout/face.ts";
import type { Layout } from "../../src/layout/layout.ts";
import type { Account } from "../../src/memory/account.ts";
import { Position, viewOf } from "../../src/memory/life.ts";
import { Region } from "../../src/memory/region.ts";
import type { ViewCache } from "../../src/memory/view_cache.ts";
import { madeAt } from "../../src/observe/sites.ts";
import type { GpuBackend } from "../backend/backend.ts";
import { GpuError } from "../gpu_error.ts";
import type { Uploader } from "../transfer/uploader.ts";
import { RingAccount } from "./ring_account.ts";
import { TWIN_STEP, type TwinChunk, TwinSource } from "./twin_chunk.ts";

/** How a ring is made. */
export interface FrameRingOptions {
  readonly size: number;
  readonly maxBytes: number;
  readonly segments: number;
  /** Who pays for the buffers on the device. */
  readonly account: Account;
}

/** See the file comment. */
export class FrameRing extends Arena {
  /** What bindings start at multiples of. */
  readonly align: number;
  readonly segments: number;
  inFrame = false;
  /** The number of the current frame, or of the last one. */
  frame = 0;
  /** The allocations of the last frame. */
  lastCount = 0;
  lastBytes = 0;
  readonly #source: TwinSource;
  readonly #account: RingAccount;
  readonly #frames: Frames;
  #most = 0;
  #isDisposed = false;
  /** The views of the chunk that was allocated in last, to recognise it, and where it starts. */
  #views: ViewCache | null = null;
  /** What the last padding was. */
  #skippedFrom = 0;
  #skippedTo = 0;
  #skippedIn: ViewCache | null = null;
  #base = 0;

  constructor(frames: Frames, backend: GpuBackend, { size, maxBytes, segments, account }: FrameRingOptions) {
    super(frames.recycles, frames.sites);
    const { config, ledger } = frames;
    this.#frames = frames;
    this.segments = segments;
    this.align = Math.max(backend.limits.uniformAlign, backend.limits.storageAlign);
    this.#source = new TwinSource(config.source, backend, segments);
    this.#account = new RingAccount(ledger, account, segments);
    const most = Math.min(maxBytes, Math.floor(backend.limits.maxBufferSize / TWIN_STEP) * TWIN_STEP);
    this.region = new Region({
      source: this.#source,
      size: this.#source.sizeFor(Math.min(size, most)),
      maxBytes: maxBytes === Infinity ? maxBytes : this.#source.sizeFor(maxBytes),
      owner: this,
      name: "the GPU frame",
      tracked: !frames.recycles,
      revoke: config.safety === "revoke",
      poison: config.debug,
      account: this.#account,
    });
    this.#account.region = this.region;
    this.memory = new ArenaMemory(this.region, true);
  }

  get chunks(): readonly TwinChunk[] {
    return this.#source.chunks;
  }

  begin(frame: number): void {
    this.frame = frame;
    this.region.serial = frame;
    this.region.open();
    this.region.allow(0);
    this.memory.recycle();
    this.#views = null;
    for (const chunk of this.#source.chunks) chunk.uploaded = 0;
    this.inFrame = true;
  }

  /** Uploads what was written since the last upload of this frame: one write for each chunk in use. */
  upload(uploader: Uploader): void {
    const { region } = this;
    const chunks = region.chunksInUse;
    for (let i = 0; i < chunks; i++) {
      const chunk = region.chunkAt(i) as TwinChunk;
      const used = Math.min(region.usedIn(i), chunk.bytes);
      // What was uploaded before that was known has gone nowhere.
      if (chunk.isFailed && used > 0) {
        throw new GpuError(
          "FA856",
          `Cannot upload frame ${this.frame} as the device had no memory for its ${chunk.bytes} bytes: free some, or allocate less in frames`,
        );
      }
      const from = chunk.uploaded;
      if (used <= from) continue;
      uploader.write(chunk.buffers[this.frame % this.segments]!, from, chunk.all, from, used - from);
      chunk.uploaded = used;
    }
  }

  /** Ends the frame, and with it all memory on the CPU; what was uploaded stays on the device until that is used again. */
  end(): void {
    this.inFrame = false;
    this.lastCount = this.region.count;
    this.lastBytes = this.region.used;
    if (this.lastBytes > this.#most) this.#most = this.lastBytes;
    this.region.close();
    this.#account.clear();
    this.region.reset();
    const { chunks } = this.#source;
    for (let i = 0; i < chunks.length; i++) {
      if (!chunks[i]!.isFailed) continue;
      // There may be memory for the next frame's, or for as much as a frame starts with.
      this.region.dispose();
      return;
    }
  }

  /** Uploads bytes that were written again after their upload. */
  again(chunk: TwinChunk, at: number, bytes: number, uploader: Uploader): void {
    const start = Math.floor(at / 4) * 4;
    const end = Math.min(Math.ceil((at + bytes) / 4) * 4, chunk.uploaded);
    if (end > start) uploader.write(chunk.buffers[this.frame % this.segments]!, start, chunk.all, start, end - start);
  }

  /** Allocates so many bytes, and gives their place: the offset from the start of the first chunk. */
  place(bytes: number, align: number, what: string): number {
    const { region } = this;
    const start = (region.offset + align - 1) & -align;
    const end = start + bytes;
    if (end > region.limit || region.views !== this.#views) {
      const place = this.tryPlace(bytes, align);
      if (place < 0) throw this.#refused(what);
      return place;
    }
    // What `skip` and `alloc` do, in one step: this is all that most allocations take.
    region.offset = (end + 15) & -16;
    region.count++;
    return this.#base + start;
  }

  /** The same where the account may have to be asked first, or in another chunk than last; less than zero if that is refused. */
  tryPlace(bytes: number, align: number): number {
    const { region } = this;
    this.skip(align);
    const offset = region.alloc(bytes);
    if (offset < 0) {
      this.unskip();
      return offset;
    }
    return region.views === this.#views ? this.#base + offset : this.#moved(offset);
  }

  /** Has the next allocation start at a multiple of more than 16 bytes. */
  skip(align: number): void {
    const { region } = this;
    this.#skippedFrom = region.offset;
    this.#skippedIn = region.views;
    region.skip(align);
    this.#skippedTo = region.offset;
  }

  /** Takes that back, as long as nothing was allocated since: what is refused is to change nothing. */
  unskip(): void {
    const { region } = this;
    if (region.views === this.#skippedIn && region.offset === this.#skippedTo) region.offset = this.#skippedFrom;
  }

  /** A box whose contents may be refused, once there is memory for them. */
  filled(layout: Layout, init: unknown, align: number): Face | BoxBase | undefined {
    const { region } = this;
    const { views, offset, count } = region;
    this.skip(align);
    try {
      return this.box(layout, init);
    } catch (error) {
      // Unless what was to be read has allocated as well.
      if (region.views === views && region.count === count + 1) region.undo(offset);
      throw error;
    }
  }

  /** Takes note that the region works in another chunk now. */
  #moved(offset: number): number {
    const { region } = this;
    this.#views = region.views;
    this.#base = region.used - region.offset;
    return this.#base + offset;
  }

  /** The chunk of a place, whose offset in it is left in {@linkcode FrameRing.foundAt}. */
  chunkOf(place: number): TwinChunk {
    const { region } = this;
    const chunks = region.chunksInUse;
    let at = place;
    if (this.inFrame && Number.isInteger(place) && place >= 0 && place % 16 === 0) {
      for (let i = 0; i < chunks; i++) {
        const used = region.usedIn(i);
        // The last one may be of no bytes.
        if (at < used || (at === used && i === chunks - 1)) {
          this.foundAt = at;
          this.foundEnd = used;
          return region.chunkAt(i) as TwinChunk;
        }
        at -= used;
      }
    }
    throw new GpuError(
      "FA855",
      `Cannot use ${show(place)} as a place in the GPU frame as ${
        this.inFrame ? `nothing was allocated there in frame ${this.frame}` : "its frame has ended"
      }: use places in the frame that they were allocated in`,
    );
  }

  /** Where in its chunk the last place was that was looked for, and where what is in use there ends. */
  foundAt = 0;
  foundEnd = 0;

  /** The chunk of something that was allocated in the frame. */
  chunkWith(what: unknown): TwinChunk {
    if (typeof what === "number") return this.chunkOf(what);
    if (ArrayBuffer.isView(what)) {
      const chunk = this.#holding(what.buffer, what);
      this.foundAt = what.byteOffset;
      return chunk;
    }
    const inside = what as { $pos?: Position; $base?: number; value?: { $pos?: Position; $base?: number } } | null;
    const face = inside?.$pos === undefined ? inside?.value : inside;
    const position = face?.$pos;
    if (!(position instanceof Position)) throw this.#foreign(what);
    const chunk = this.#holding(viewOf(position).buffer, what);
    this.foundAt = position.offset + (face!.$base ?? 0);
    return chunk;
  }

  refusal(what: string): Error {
    return this.#refused(what);
  }

  expired(position: Position): Error {
    const now = this.inFrame ? `, and frame ${this.frame} is open now` : "";
    return new GpuError(
      "FA855",
      `Cannot use memory of GPU frame ${position.life.serial} as the frame has ended${now}: write it before the frame is uploaded${
        madeAt(this.sites, position)
      }`,
    );
  }

  closed(action: string): Error {
    if (this.#isDisposed || this.#frames.isDisposed) return this.disposed(action);
    return new FrameStateError(
      "FA001",
      `Cannot ${action} on the GPU as no frame of the GPU allocator is open: call its beginFrame first`,
    );
  }

  disposed(action: string): FrameStateError {
    return new FrameStateError("FA012", `Cannot ${action} as the GPU allocator was disposed: make another one`);
  }

  /** Makes the buffers again on another device. */
  recreate(backend: GpuBackend): void {
    for (const chunk of this.#source.chunks) {
      chunk.uploaded = 0;
      for (const buffer of chunk.buffers) backend.recreate(buffer);
      this.#source.watch(chunk);
    }
  }

  /** The most that a frame has used. */
  get peak(): number {
    return Math.max(this.#most, this.region.used);
  }

  get reserved(): number {
    return this.region.reserved;
  }

  trim(): number {
    return this.inFrame ? 0 : this.region.trim();
  }

  dispose(): void {
    this.#isDisposed = true;
    this.inFrame = false;
    this.#account.clear();
    this.region.dispose();
  }

  #holding(buffer: ArrayBufferLike, what: unknown): TwinChunk {
    const { region } = this;
    if (!this.inFrame || buffer.byteLength === 0) {
      throw new GpuError(
        "FA855",
        `Cannot use ${show(what)} as memory of the GPU frame as its frame has ended: use it before that`,
      );
    }
    for (let i = 0; i < region.chunksInUse; i++) {
      const chunk = region.chunkAt(i) as TwinChunk;
      if (chunk.buffer === buffer) return chunk;
    }
    throw this.#foreign(what);
  }

  #foreign(what: unknown): PoolError {
    return new PoolError(
      "FA404",
      `Cannot use ${
        show(what)
      } as memory of the GPU frame as it was not allocated there: give what a method of the ring returned`,
    );
  }

  #refused(what: string): Error {
    return this.region.refusal(`allocate ${what} in GPU frame ${this.frame}`);
  }
}
