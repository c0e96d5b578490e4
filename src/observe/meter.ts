/**
 * Who uses the memory of a frame. Nothing is counted per allocation: the region's offset and count are read whenever the tag or
 * the phase changes, and the difference belongs to whoever was current until then. A journal of these runs lets a rewind take
 * back exactly what it frees.
 */

import type { Region } from "../memory/region.ts";
import type { Ledger } from "./ledger.ts";
import { FRAME, KINDS, type Tag } from "./tag.ts";
import { Tally } from "./tally.ts";

/**
 * What was counted for one tag.
 *
 * @example
 * ```ts
 * import { SmartAlloc } from "@framealloc/core";
 * import { assertEquals } from "@std/assert";
 *
 * const alloc = new SmartAlloc();
 * alloc.beginFrame();
 * alloc.withTag("physics", () => alloc.frameSlice(Float32Array, 8));
 * const [physics] = alloc.stats().tags;
 * assertEquals([physics?.path, physics?.bytes, physics?.allocations], ["physics", 32, 1]);
 * alloc.endFrame();
 * ```
 */
export interface TagStats {
  /** The names from the outermost tag inwards, joined with `::`; `""` for what has no tag. */
  readonly path: string;
  /** Bytes of frame memory in the current frame, or at the end of the last one; with padding, without tags inside this one. */
  readonly bytes: number;
  /** Allocations of the current or last frame, also those rolled back since. */
  readonly allocations: number;
  /** The most bytes at the end of a frame so far. */
  readonly peakBytes: number;
  /** The bytes of all finished frames together. */
  readonly totalBytes: number;
  /** Bytes in use now, of every kind of memory. */
  readonly inUse: BytesByKind;
}

/** Bytes in use, by kind of memory. */
export interface BytesByKind {
  /** Frames that are alive, with padding. */
  readonly frame: number;
  /** Pool records, and what pool guards have leased: their slots, or blocks where no slot is large enough. */
  readonly pool: number;
  /** Blocks of the heap. */
  readonly heap: number;
  /** Records behind handles: the same. */
  readonly handles: number;
  /** Groups, with padding. */
  readonly groups: number;
  /** Scratch pools, with padding. */
  readonly scratch: number;
  /** What is reserved for streaming. */
  readonly streaming: number;
  /** The chunks of tasks that were made under it. */
  readonly tasks: number;
  /** Allocations on a device, with padding, and the memory that frames of a device are written in. */
  readonly gpu: number;
}

/** What was counted for one phase of the current or last frame. */
export interface PhaseStats {
  /** The name. */
  readonly name: string;
  /** Bytes in use that were allocated while this phase was the innermost one. */
  readonly bytes: number;
  /** Allocations made while this phase was the innermost one. */
  readonly allocations: number;
  /** Milliseconds from begin to end, with the phases inside it. */
  readonly ms: number;
  /** How often it was begun. */
  readonly runs: number;
}

/** What was allocated in a frame between two changes of the tag or phase. */
export interface FrameRun {
  /** The path of the tag. */
  readonly tag: string;
  readonly bytes: number;
  /** The raw views that were handed out. */
  readonly views: number;
}

class Phase {
  readonly name: string;
  bytes = 0;
  allocations = 0;
  ms = 0;
  runs = 0;

  constructor(name: string) {
    this.name = name;
  }
}

/** Takes what a tag has in use at the end of a frame, to take it off the tag when the memory ends. */
interface Heir {
  leave(tag: Tag, bytes: number): void;
}

/** Counts bytes and allocations of frames by tag and phase. */
export class Meter extends Tally {
  /** Whether anything is counted; phases nest in any case. */
  readonly counts: boolean;
  readonly #phases: Phase[] = [];
  readonly #noPhase: Phase = new Phase("");
  #phase: Phase = this.#noPhase;
  readonly #openPhases: Phase[] = [];
  readonly #openSince: number[] = [];
  #depth = 0;
  #used = 0;
  #count = 0;
  #isBound = false;
  /** Counts the raw views that the frame has out; `null` while nobody wants to know by tag. */
  views: (() => number) | null = null;
  #views = 0;
  readonly #runTags: Tag[] = [];
  readonly #runPhases: Phase[] = [];
  readonly #runBytes: number[] = [];
  readonly #runViews: number[] = [];
  #runs = 0;

  constructor(ledger: Ledger, counts: boolean) {
    super(ledger, FRAME);
    this.counts = counts;
  }

  /** The name of the innermost phase; `undefined` if there is none. */
  get phase(): string | undefined {
    return this.#depth === 0 ? undefined : this.#phase.name;
  }

  /** How many phases are open. */
  get phaseDepth(): number {
    return this.#depth;
  }

  /** Starts a frame in a region. */
  begin(region: Region): void {
    if (!this.counts) return;
    this.region = region;
    this.#used = 0;
    this.#count = 0;
    this.#views = 0;
    this.#runs = 0;
    // By index, here and below: code that is not compiled yet makes an object for each step of an iterator.
    const { tags } = this.ledger;
    for (let i = 0; i < tags.length; i++) {
      const tag = tags[i]!;
      tag.bytes = 0;
      tag.allocations = 0;
    }
    for (let i = 0; i < this.#phases.length; i++) {
      const phase = this.#phases[i]!;
      phase.bytes = 0;
      phase.allocations = 0;
      phase.ms = 0;
      phase.runs = 0;
    }
    this.#isBound = true;
    this.turn();
  }

  /** Ends a frame: closes its phases and adds it to the totals. */
  end(heir: Heir): void {
    while (this.#depth > 0) this.popPhase();
    if (!this.counts) return;
    this.settle();
    const { tags } = this.ledger;
    for (let i = 0; i < tags.length; i++) {
      const tag = tags[i]!;
      tag.totalBytes += tag.bytes;
      if (tag.bytes > tag.peakBytes) tag.peakBytes = tag.bytes;
      if (tag.bytes > 0) heir.leave(tag, tag.bytes);
    }
    this.region = null;
  }

  /** Credits what was allocated since the last change to the tag and phase of that time. */
  override settle(): void {
    const { region, tag } = this;
    if (region === null) return;
    const bytes = region.used - this.#used;
    const allocations = region.count - this.#count;
    const views = this.views === null ? 0 : this.views() - this.#views;
    if (bytes === 0 && allocations === 0 && views === 0) return;
    this.#used += bytes;
    this.#count += allocations;
    this.#views += views;
    tag.bytes += bytes;
    tag.allocations += allocations;
    tag.hold(FRAME, bytes);
    this.#phase.bytes += bytes;
    this.#phase.allocations += allocations;
    const run = this.#runs++;
    this.#runTags[run] = tag;
    this.#runPhases[run] = this.#phase;
    this.#runBytes[run] = bytes;
    this.#runViews[run] = views;
  }

  /** Frames follow every turn, and are only stopped where the innermost tag has a limit. */
  override turn(): void {
    const { region } = this;
    if (region === null) return;
    this.settle();
    this.tag = this.ledger.current;
    const isBound = this.tag.budget !== null;
    if (isBound || this.#isBound) region.allow(isBound ? 0 : Infinity);
    this.#isBound = isBound;
  }

  /** Remembers this moment for a rewind. */
  mark(): number {
    this.settle();
    return this.#runs;
  }

  /** Takes back what was credited since a mark, to which the region has just gone back; settle before. */
  rewind(mark: number): void {
    if (this.region === null) return;
    this.#used = this.region.used;
    if (this.views !== null) this.#views = this.views();
    while (this.#runs > mark) {
      const run = --this.#runs;
      const bytes = this.#runBytes[run]!;
      const tag = this.#runTags[run]!;
      tag.bytes -= bytes;
      tag.hold(FRAME, -bytes);
      this.#runPhases[run]!.bytes -= bytes;
    }
    this.turn();
  }

  /** What of the current frame was credited, in the order in which it was allocated. */
  get journal(): readonly FrameRun[] {
    if (this.region === null) return [];
    this.settle();
    return Array.from({ length: this.#runs }, (_, run) => ({
      tag: this.#runTags[run]!.path,
      bytes: this.#runBytes[run]!,
      views: this.#runViews[run]!,
    }));
  }

  /** Begins a phase inside the current one. */
  pushPhase(name: string): void {
    this.settle();
    this.#openPhases[this.#depth] = this.#phase;
    this.#openSince[this.#depth] = this.counts ? performance.now() : 0;
    this.#depth++;
    this.#phase = this.#phaseNamed(name);
    if (this.counts) this.#phase.runs++;
  }

  /** Ends the innermost phase. */
  popPhase(): void {
    this.settle();
    this.#depth--;
    if (this.counts) this.#phase.ms += performance.now() - this.#openSince[this.#depth]!;
    this.#phase = this.#openPhases[this.#depth]!;
  }

  /** What was counted by tag, the busiest first; tags that never had anything are left out. */
  tagStats(): TagStats[] {
    if (!this.counts) return [];
    return this.ledger.tags
      .filter((tag) => tag.bytes > 0 || tag.allocations > 0 || tag.totalBytes > 0 || tag.inUse > 0)
      .map((tag) => {
        const { path, bytes, allocations, peakBytes, totalBytes } = tag;
        const inUse = Object.fromEntries(KINDS.map((kind, i) => [kind, tag.held[i]!])) as unknown as BytesByKind;
        return { path, bytes, allocations, peakBytes, totalBytes, inUse };
      })
      .sort((a, b) => b.bytes - a.bytes || b.totalBytes - a.totalBytes);
  }

  /** What was counted by phase, in the order in which the phases were first begun. */
  phaseStats(): PhaseStats[] {
    return this.#phases
      .filter((phase) => phase.runs > 0)
      .map(({ name, bytes, allocations, ms, runs }) => ({ name, bytes, allocations, ms, runs }));
  }

  #phaseNamed(name: string): Phase {
    for (let i = 0; i < this.#phases.length; i++) if (this.#phases[i]!.name === name) return this.#phases[i]!;
    const phase = new Phase(name);
    this.#phases.push(phase);
    return phase;
  }
}
