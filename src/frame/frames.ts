/**
 * Frames in rotation: their begin and end, and the scopes, checkpoints, tags and phases inside them.
 */

import { Arena } from "../arena/arena.ts";
import type { ResolvedConfig } from "../config.ts";
import { ArgumentError, disposed, FrameStateError, show, StaleHandleError } from "../errors.ts";
import type { Account } from "../memory/account.ts";
import type { Handout } from "../memory/handout.ts";
import type { LifeOwner, Position } from "../memory/life.ts";
import { Region } from "../memory/region.ts";
import type { TypedArray } from "../memory/typed_array.ts";
import type { Ledger } from "../observe/ledger.ts";
import { Meter } from "../observe/meter.ts";
import type { TotalStats } from "../observe/stats.ts";
import { callers, madeAt, Sites } from "../observe/sites.ts";
import { FrameMemory } from "./frame_memory.ts";
import type { FrameWatch } from "./frame_watch.ts";
import { FrameCheckpoint, FrameGuard, FrameScope, type GuardOwner, PhaseGuard, TagGuard } from "./guards.ts";
import { PublishedFrame } from "./published_frame.ts";
import type { Retained } from "./retention.ts";

/** See the file comment. */
export class Frames extends Arena implements GuardOwner {
  declare memory: FrameMemory;
  /** The number of the current frame, or of the last one; 0 before the first. */
  declare frameNumber: number;
  /** Whether a frame is open. */
  declare inFrame: boolean;
  declare readonly config: ResolvedConfig;
  declare readonly meter: Meter;
  declare readonly ledger: Ledger;
  /** Frames, allocations, bytes and peak of all finished frames: doubles from the start, as they grow past small integers. */
  readonly #totals: Float64Array = new Float64Array(4);
  readonly #memories: FrameMemory[];
  readonly #counts: boolean;
  #began = 0;
  #beganAt: Error | undefined;
  #disposed = false;
  readonly #journal: number[] = [];
  /** How many were retained at each mark. */
  readonly #kept: number[] = [];
  /** How many columns were handed out at each mark. */
  readonly #columns: number[] = [];
  /** What may outlive the current frame if its end promotes it; what a rewind frees is dropped. */
  readonly retained: Retained[] = [];
  /** Who looks after frames and `await`; `null` where nobody does. */
  watch: FrameWatch | null = null;

  constructor(config: ResolvedConfig, ledger: Ledger) {
    super(config.safety === "release", config.debug ? new Sites(config.sampleSites) : null);
    this.config = config;
    this.ledger = ledger;
    this.meter = new Meter(ledger, config.stats === "tags");
    ledger.frames = this.meter;
    this.#memories = Array.from(
      { length: config.framesAlive },
      () => new FrameMemory(regionFor(config, this, this.meter)),
    );
    this.memory = this.#memories[0]!;
    this.region = this.memory.region;
    this.frameNumber = 0;
    this.inFrame = false;
    this.#counts = config.stats !== "off";
  }

  /** All regions, for reports. */
  get regions(): readonly Region[] {
    return this.#memories.map((memory) => memory.region);
  }

  /** What all finished frames came to. */
  get totals(): TotalStats {
    const [frames, allocations, bytes, peak] = this.#totals as unknown as [number, number, number, number];
    return { frames, allocations, bytes, peak };
  }

  // Frames

  begin(): void {
    if (this.#disposed) throw disposed("begin a frame");
    if (this.inFrame) throw this.#beganTwice();
    const frame = this.frameNumber + 1;
    const memory = this.#memories[frame % this.#memories.length]!;
    // Before the number changes: what the last frame has used still counts as in use.
    if (this.ledger.onFrame !== null) this.ledger.onFrame();
    this.ledger.frame = frame;
    memory.region.serial = frame;
    memory.region.open();
    // Callbacks of the program may have run.
    if (this.inFrame) throw this.#beganTwice();
    if (this.frameNumber >= frame) {
      // One has begun and ended a frame: this is the one after it.
      memory.region.close();
      return this.begin();
    }
    memory.restart(frame);
    this.memory = memory;
    this.region = memory.region;
    this.frameNumber = frame;
    this.inFrame = true;
    if (this.retained.length > 0) this.retained.length = 0;
    this.meter.begin(memory.region);
    if (this.#counts) this.#began = performance.now();
    if (this.sites !== null) this.#beganAt = new Error();
    if (this.watch !== null) this.watch.began();
  }

  end(): void {
    if (!this.inFrame) {
      if (this.#disposed) throw disposed("end a frame");
      throw new FrameStateError("FA005", "Cannot end a frame as none is open: begin one first, and end each once");
    }
    const { region } = this;
    this.meter.end(this.memory);
    if (this.#counts) {
      const totals = this.#totals;
      totals[0]! += 1;
      totals[1]! += region.count;
      totals[2]! += region.used;
      totals[3] = Math.max(totals[3]!, region.peak);
    }
    region.close();
    this.inFrame = false;
    this.#memories[(this.frameNumber + 1) % this.#memories.length]!.expire();
    if (this.watch !== null) this.watch.ended();
  }

  /** Where the current frame was begun, as lines of a stack, if that was looked at. */
  get beganAt(): string | undefined {
    return callers(this.#beganAt);
  }

  /** The raw views of the current frame that are out: slices, columns, and those of batches and lists. */
  get viewsOut(): number {
    return this.region.viewsOut + (this.memory.columns?.count ?? 0);
  }

  /** Milliseconds since the frame began; 0 where nothing is counted. */
  get elapsed(): number {
    return this.#counts ? performance.now() - this.#began : 0;
  }

  guard(): FrameGuard {
    this.begin();
    return new FrameGuard(this, this.frameNumber);
  }

  endGuardedFrame(frame: number): void {
    if (this.inFrame && this.frameNumber === frame) this.end();
    else if (!this.#disposed) throw this.#wrongFrame("end frame", frame);
  }

  /** Where a slice or a column was handed out; `null` if it is of a frame and not out, and nothing if it lies elsewhere. */
  handoutOf(view: TypedArray): Handout | null | undefined {
    for (const memory of this.#memories) {
      const found = memory.handoutOf(view);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  trim(): number {
    let bytes = 0;
    for (const memory of this.#memories) bytes += memory.region.trim();
    return bytes;
  }

  dispose(): void {
    if (this.inFrame) this.meter.end(this.memory);
    this.#disposed = true;
    this.ledger.isClosed = true;
    this.inFrame = false;
    for (const memory of this.#memories) {
      memory.region.close();
      memory.expire();
      memory.region.dispose();
    }
  }

  get isDisposed(): boolean {
    return this.#disposed;
  }

  publish(name: string, value: unknown): void {
    if (!this.inFrame) throw this.closed(`publish "${name}"`);
    this.memory.publish(name, value);
  }

  /** What the frame `k` frames back has published; `undefined` if it is not alive. */
  previous(k: number): PublishedFrame | undefined {
    if (!Number.isInteger(k) || k < 0) {
      throw new ArgumentError("FA008", `Cannot go back ${show(k)} frames: give a whole number of zero or more`);
    }
    const frame = this.frameNumber - k;
    if (frame < 1 || k >= this.#memories.length) return undefined;
    const memory = this.#memories[frame % this.#memories.length]!;
    return memory.isAlive ? new PublishedFrame(memory, frame) : undefined;
  }

  // Scopes and checkpoints

  scope(): FrameScope {
    if (!this.inFrame) throw this.closed("open a scope");
    const mark = this.#mark();
    return new FrameScope(this, this.frameNumber, mark, this.region.markSerial(mark));
  }

  endScope(scope: FrameScope): void {
    this.#own(scope, "end a scope");
    this.#rewind(scope.$mark);
  }

  keepScope(scope: FrameScope): void {
    if (!scope.isOpen) {
      throw new FrameStateError(
        "FA006",
        "Cannot commit a scope as it has ended or was committed before: commit it once",
      );
    }
    this.#own(scope, "commit a scope");
    this.region.keep(scope.$mark);
  }

  checkpoint(): FrameCheckpoint {
    if (!this.inFrame) throw this.closed("take a checkpoint");
    const mark = this.#mark();
    return new FrameCheckpoint(this, this.frameNumber, mark, this.region.markSerial(mark));
  }

  rollback(checkpoint: FrameCheckpoint): void {
    if (!(checkpoint instanceof FrameCheckpoint)) {
      throw new ArgumentError("FA008", `Cannot roll back to ${show(checkpoint)}: give what frameCheckpoint returned`);
    }
    if (checkpoint.$owner !== this) {
      throw new FrameStateError("FA006", "Cannot roll back to a checkpoint as another allocator took it");
    }
    this.#own(checkpoint, "roll back to a checkpoint");
    this.#rewind(checkpoint.$mark);
    const mark = this.#mark();
    checkpoint.$serial = this.region.markSerial(mark);
  }

  // Tags and phases

  pushTag(name: string): unknown {
    if (typeof name !== "string" || name === "" || name.includes("::")) {
      throw new ArgumentError(
        "FA008",
        `Cannot use ${show(name)} as a tag: give a text of at least one character, without "::"`,
      );
    }
    return this.ledger.push(name);
  }

  tagGuard(name: string): TagGuard {
    return new TagGuard(this, this.pushTag(name));
  }

  endGuardedTag(tag: unknown): void {
    if (this.ledger.current !== tag) {
      throw new FrameStateError(
        "FA013",
        `Cannot end a tag as "${this.ledger.current.path}" is the innermost one: end tags inside out`,
      );
    }
    this.ledger.pop();
  }

  pushPhase(name: string): void {
    if (typeof name !== "string" || name === "") {
      throw new ArgumentError("FA008", `Cannot use ${show(name)} as a phase: give a text of at least one character`);
    }
    if (!this.inFrame) throw this.closed(`begin phase "${name}"`);
    this.meter.pushPhase(name);
  }

  popPhase(): void {
    if (!this.inFrame) throw this.closed("end a phase");
    if (this.meter.phaseDepth === 0) {
      throw new FrameStateError("FA013", "Cannot end a phase as none is open: begin one first, and end each once");
    }
    this.meter.popPhase();
  }

  phaseGuard(name: string): PhaseGuard {
    this.pushPhase(name);
    return new PhaseGuard(this, this.meter.phaseDepth, this.frameNumber);
  }

  endGuardedPhase(depth: number, frame: number): void {
    if (!this.inFrame || this.frameNumber !== frame) throw this.#wrongFrame("end a phase of frame", frame);
    if (this.meter.phaseDepth !== depth) {
      throw new FrameStateError(
        "FA013",
        `Cannot end a phase as ${this.meter.phaseDepth} are open and it was number ${depth}: end phases inside out`,
      );
    }
    this.popPhase();
  }

  // Errors

  /** The error of a handle whose memory has ended. */
  expired(position: Position): Error {
    const born = position.life.serial;
    const ended = this.inFrame && born === this.frameNumber
      ? "its scope has ended or was rolled back"
      : this.#disposed
      ? "the allocator was disposed"
      : `the frame has ended${this.inFrame ? `, and frame ${this.frameNumber} is open now` : ""}`;
    const error = new StaleHandleError(
      "FA002",
      `Cannot use a handle of frame ${born} as ${ended}: copy what must outlive it, or allocate it where it lives longer${
        madeAt(this.sites, position)
      }`,
    );
    if (this.watch !== null) this.watch.stale(error, position);
    return error;
  }

  /** Whether the region was closed while the frame is open, and is open again. */
  reopen(): boolean {
    return this.inFrame && this.watch !== null && this.watch.reopen();
  }

  /** The error of an allocation while no frame is open. */
  closed(action: string): Error {
    if (this.#disposed) return disposed(action);
    const crossed = this.inFrame && this.watch !== null ? this.watch.closed(action) : undefined;
    if (crossed !== undefined) return crossed;
    const state = this.inFrame
      ? "its frame has ended: let it grow before that"
      : "no frame is open: call beginFrame first";
    return new FrameStateError("FA001", `Cannot ${action} as ${state}`);
  }

  /** The error of the last allocation that was refused. */
  refusal(what: string): Error {
    return this.region.refusal(`allocate ${what} in frame ${this.frameNumber}`);
  }

  /** Where the last refused allocation may be made instead; `undefined` if nowhere. */
  get spill(): unknown {
    return this.region.refusedBy === "account" ? this.ledger.spill : undefined;
  }

  #mark(): number {
    const runs = this.meter.mark();
    const mark = this.region.mark();
    this.#journal[mark] = runs;
    this.#kept[mark] = this.retained.length;
    this.#columns[mark] = this.memory.columns?.count ?? 0;
    return mark;
  }

  #rewind(mark: number): void {
    this.meter.settle();
    this.region.rewind(mark);
    if (this.memory.columns !== null) this.memory.columns.count = this.#columns[mark]!;
    this.meter.rewind(this.#journal[mark]!);
    if (this.retained.length > this.#kept[mark]!) this.retained.length = this.#kept[mark]!;
  }

  #own(held: FrameScope | FrameCheckpoint, action: string): void {
    if (!this.inFrame || held.$frame !== this.frameNumber) throw this.#wrongFrame(`${action} of frame`, held.$frame);
    if (this.region.markSerial(held.$mark) !== held.$serial) {
      throw new FrameStateError(
        "FA006",
        `Cannot ${action} as one around it, or an earlier checkpoint, has dropped it: end them inside out`,
      );
    }
  }

  #wrongFrame(action: string, frame: number): FrameStateError {
    const now = this.inFrame ? `frame ${this.frameNumber} is open now` : "it has ended already";
    return new FrameStateError(
      "FA007",
      `Cannot ${action} ${frame} as ${now}: dispose guards in the frame that they were made in`,
    );
  }

  #beganTwice(): FrameStateError {
    const since = this.#counts ? ` ${this.elapsed.toFixed(1)} ms ago` : "";
    const site = callers(this.#beganAt);
    return new FrameStateError(
      "FA004",
      `Cannot begin frame ${
        this.frameNumber + 1
      } as frame ${this.frameNumber} was begun${since} and is still open: end it first${
        site === undefined ? "" : `\n  begun at\n    ${site}`
      }`,
    );
  }
}

function regionFor(config: ResolvedConfig, owner: LifeOwner, account: Account): Region {
  return new Region({
    source: config.source,
    size: config.frameArenaSize,
    owner,
    ...(config.reserve === undefined ? {} : { reserve: config.reserve }),
    maxBytes: config.maxFrameBytes,
    growth: config.growth,
    tracked: config.safety !== "release",
    revoke: config.safety === "revoke",
    poison: config.debug,
    account,
  });
}
