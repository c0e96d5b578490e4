/**
 * What everything shares that is allocated outside of frames: the configuration, the books, and how errors of its ends are worded.
 */

import type { ResolvedConfig } from "../config.ts";
import { ArenaExhaustedError, disposed, PoolError } from "../errors.ts";
import { Life, type LifeOwner, type Position } from "../memory/life.ts";
import type { Ledger } from "../observe/ledger.ts";
import { madeAt, type Sites } from "../observe/sites.ts";
import type { Tag } from "../observe/tag.ts";

/** See the file comment. */
export interface Context {
  readonly config: ResolvedConfig;
  readonly ledger: Ledger;
  readonly sites: Sites | null;
  /** Whether handles are recycled instead of checked. */
  readonly recycles: boolean;
  readonly isDisposed: boolean;
}

const POISON = 0xcd;

/** Overwrites a slot that is freed, in debug mode. */
export function poison(view: DataView, offset: number, bytes: number): void {
  new Uint8Array(view.buffer, view.byteOffset + offset, bytes).fill(POISON);
}

/** Refuses work after disposal. */
export function checkOpen(context: Context, action: string): void {
  if (context.isDisposed) throw disposed(action);
}

/** ` of tag "x"`, or nothing where there was no tag. */
export function ofTag(tag: Tag): string {
  return tag.path === "" ? "" : ` of tag "${tag.path}"`;
}

/** The error of something that was used after it was freed. */
export function freed(context: Context, what: string, tag: Tag, position: Position): PoolError {
  const how = context.isDisposed ? "freed with its allocator" : "freed";
  return new PoolError(
    "FA401",
    `Cannot use ${what}${ofTag(tag)} as it was ${how}: let go of it when you free it${madeAt(context.sites, position)}`,
  );
}

/** The error of something that was freed a second time. */
export function freedTwice(what: string): PoolError {
  return new PoolError("FA403", `Cannot free ${what} as it was freed before: free each once`);
}

/** The error of memory that a source has refused. */
export function sourceRefused(action: string, bytes: number, cause: unknown): ArenaExhaustedError {
  const reason = cause instanceof Error ? ` ("${cause.message}")` : "";
  return new ArenaExhaustedError(
    `Cannot ${action} as the chunk source refused to give ${bytes} bytes${reason}: free memory or configure less`,
    bytes,
    Infinity,
    { cause },
  );
}

const NOTHING = new DataView(new ArrayBuffer(0));

/** A life that has ended, for positions that are cut off from memory which lives on. */
export class Grave implements LifeOwner {
  readonly life: Life;
  readonly what: string;
  readonly tag: Tag;
  readonly #context: Context;

  constructor(context: Context, what: string, tag: Tag) {
    this.#context = context;
    this.what = what;
    this.tag = tag;
    this.life = new Life(NOTHING, this);
    this.life.view = null;
  }

  expired(position: Position): Error {
    return freed(this.#context, this.what, this.tag, position);
  }
}
