/**
 * The memory of one frame, and what the frame published. With `framesAlive: n` there are n of them in rotation.
 */

import { ArenaMemory } from "../arena/arena_memory.ts";
import type { Region } from "../memory/region.ts";
import { FRAME, type Tag } from "../observe/tag.ts";

/** See the file comment. */
export class FrameMemory extends ArenaMemory {
  /** The number of the frame that was last allocated here. */
  declare frame: number;
  /** Whether its frame is open or still alive. */
  declare isAlive: boolean;
  readonly #names: string[] = [];
  readonly #published: unknown[] = [];
  #publications = 0;
  readonly #tags: Tag[] = [];
  readonly #bytes: number[] = [];
  #tagged = 0;

  constructor(region: Region) {
    super(region, true);
    this.frame = 0;
    this.isAlive = false;
  }

  /** Starts a new frame in this memory. */
  restart(frame: number): void {
    this.frame = frame;
    this.isAlive = true;
    this.recycle();
    for (let i = 0; i < this.#publications; i++) this.#published[i] = undefined;
    this.#publications = 0;
  }

  /** Ends what was allocated here. */
  expire(): void {
    this.isAlive = false;
    this.columns!.count = 0;
    this.region.reset();
    for (let i = 0; i < this.#tagged; i++) this.#tags[i]!.hold(FRAME, -this.#bytes[i]!);
    this.#tagged = 0;
  }

  /** Takes note of what a tag leaves in use when the frame ends, to take it off the tag when the memory ends. */
  leave(tag: Tag, bytes: number): void {
    const i = this.#tagged++;
    this.#tags[i] = tag;
    this.#bytes[i] = bytes;
  }

  /** Keeps a value under a name for as long as this memory lives. */
  publish(name: string, value: unknown): void {
    let i = 0;
    while (i < this.#publications && this.#names[i] !== name) i++;
    if (i === this.#publications) this.#publications++;
    this.#names[i] = name;
    this.#published[i] = value;
  }

  /** What was published under a name; `undefined` if nothing was. */
  published(name: string): unknown {
    for (let i = 0; i < this.#publications; i++) if (this.#names[i] === name) return this.#published[i];
    return undefined;
  }
}
