/**
 * Who uses the memory of a frame. Nothing is counted per allocation: the region's offset and count are read whenever the tag or
 * the phase changes, and the difference belongs to whoever was current until then. A journal of these runs lets a rewind take
 * back exactly what it frees.
 */

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
  /** Bytes in use in the current frame, or at the end of the last one; with padding, without tags inside this one. */
  readonly bytes: number;
  /** Allocations of the current or last frame, also those rolled back since. */
  readonly allocations: number;
  /** The most bytes at the end of a frame so far. */
  readonly peakBytes: number;
  /** The bytes of all finished frames together. */
  readonly totalBytes: number;
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

class Tag {
  readonly name: string;
  readonly path: string;
  readonly parent: Tag | null;
  readonly children: Tag[] = [];
  bytes = 0;
  allocations = 0;
  peakBytes = 0;
  totalBytes = 0;

  constructor(name: string, parent: Tag | null) {
    this.name = name;
    this.parent = parent;
    this.path = parent === null || parent.path === "" ? name : `${parent.path}::${name}`;
  }

  child(name: string): Tag {
    for (let i = 0; i < this.children.length; i++) if (this.children[i]!.name === name) return this.children[i]!;
    const child = new Tag(name, this);
    this.children.push(child);
    return child;
  }
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

/** Counts bytes and allocations by tag and phase. */
export class Meter {
  /** Whether anything is counted; tags and phases nest in any case. */
  readonly counts: boolean;
  readonly #root: Tag = new Tag("", null);
  readonly #tags: Tag[] = [this.#root];
  readonly #phases: Phase[] = [];
  readonly #noPhase: Phase = new Phase("");
  #tag: Tag = this.#root;
  #phase: Phase = this.#noPhase;
  readonly #openPhases: Phase[] = [];
  readonly #openSince: number[] = [];
  #depth = 0;
  #used = 0;
  #count = 0;
  readonly #runTags: Tag[] = [];
  readonly #runPhases: Phase[] = [];
  readonly #runBytes: number[] = [];
  #runs = 0;

  constructor(counts: boolean) {
    this.counts = counts;
  }

  /** The name of the innermost tag; `undefined` if there is none. */
  get tag(): string | undefined {
    return this.#tag === this.#root ? undefined : this.#tag.name;
  }

  /** The path of the innermost tag; `""` if there is none. */
  get path(): string {
    return this.#tag.path;
  }

  /** The name of the innermost phase; `undefined` if there is none. */
  get phase(): string | undefined {
    return this.#depth === 0 ? undefined : this.#phase.name;
  }

  /** How many phases are open. */
  get phaseDepth(): number {
    return this.#depth;
  }

  /** The innermost tag, to compare with what {@linkcode Meter.pushTag} returned. */
  get current(): unknown {
    return this.#tag;
  }

  /** Starts a frame. */
  begin(): void {
    this.#used = 0;
    this.#count = 0;
    this.#runs = 0;
    // By index, here and below: code that is not compiled yet makes an object for each step of an iterator.
    for (let i = 0; i < this.#tags.length; i++) {
      const tag = this.#tags[i]!;
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
  }

  /** Ends a frame: closes its phases and adds it to the totals. */
  end(used: number, count: number): void {
    while (this.#depth > 0) this.popPhase(used, count);
    if (!this.counts) return;
    this.settle(used, count);
    for (let i = 0; i < this.#tags.length; i++) {
      const tag = this.#tags[i]!;
      tag.totalBytes += tag.bytes;
      if (tag.bytes > tag.peakBytes) tag.peakBytes = tag.bytes;
    }
  }

  /** Credits what was allocated since the last change to the current tag and phase. */
  settle(used: number, count: number): void {
    if (!this.counts) return;
    const bytes = used - this.#used;
    const allocations = count - this.#count;
    if (bytes === 0 && allocations === 0) return;
    this.#used = used;
    this.#count = count;
    this.#tag.bytes += bytes;
    this.#tag.allocations += allocations;
    this.#phase.bytes += bytes;
    this.#phase.allocations += allocations;
    const run = this.#runs++;
    this.#runTags[run] = this.#tag;
    this.#runPhases[run] = this.#phase;
    this.#runBytes[run] = bytes;
  }

  /** Remembers this moment for a rewind. */
  mark(used: number, count: number): number {
    this.settle(used, count);
    return this.#runs;
  }

  /** Takes back what was credited since a mark; the region is at `used` again. */
  rewind(mark: number, before: number, used: number, count: number): void {
    if (!this.counts) return;
    this.settle(before, count);
    while (this.#runs > mark) {
      const run = --this.#runs;
      this.#runTags[run]!.bytes -= this.#runBytes[run]!;
      this.#runPhases[run]!.bytes -= this.#runBytes[run]!;
    }
    this.#used = used;
  }

  /** Makes a tag the innermost one; in a frame, settle before. */
  pushTag(name: string): unknown {
    const known = this.#tag.children.length;
    this.#tag = this.#tag.child(name);
    if (this.#tag.parent!.children.length > known) this.#tags.push(this.#tag);
    return this.#tag;
  }

  /** Goes back to the tag around the innermost one; in a frame, settle before. */
  popTag(): void {
    this.#tag = this.#tag.parent ?? this.#root;
  }

  /** Begins a phase inside the current one. */
  pushPhase(name: string, used: number, count: number): void {
    this.settle(used, count);
    this.#openPhases[this.#depth] = this.#phase;
    this.#openSince[this.#depth] = this.counts ? performance.now() : 0;
    this.#depth++;
    this.#phase = this.#phaseNamed(name);
    if (this.counts) this.#phase.runs++;
  }

  /** Ends the innermost phase. */
  popPhase(used: number, count: number): void {
    this.settle(used, count);
    this.#depth--;
    if (this.counts) this.#phase.ms += performance.now() - this.#openSince[this.#depth]!;
    this.#phase = this.#openPhases[this.#depth]!;
  }

  /** What was counted by tag, the busiest first; tags that never had anything are left out. */
  tagStats(): TagStats[] {
    return this.#tags
      .filter((tag) => tag.bytes > 0 || tag.allocations > 0 || tag.totalBytes > 0)
      .map(({ path, bytes, allocations, peakBytes, totalBytes }) => ({
        path,
        bytes,
        allocations,
        peakBytes,
        totalBytes,
      }))
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
