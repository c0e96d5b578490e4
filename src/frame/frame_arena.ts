/**
 * Frames: regions in rotation, with everything that can be allocated in one. This is the hot path: plain integers, one class each,
 * no closures. What cannot be had is `undefined`; the facade turns that into an error or passes it on.
 */

import type { ResolvedConfig } from "../config.ts";
import { ArgumentError, FrameStateError, show, StaleHandleError } from "../errors.ts";
import { type BatchBase, rearm } from "../layout/batch.ts";
import { columnPlan } from "../layout/columns.ts";
import type { Face } from "../layout/face.ts";
import type { LayoutInner } from "../layout/inner.ts";
import type { Layout } from "../layout/layout.ts";
import { NumberVecBase, rearmNumberVec } from "../layout/number_vec.ts";
import { rearmVec, type RecordVecBase } from "../layout/record_vec.ts";
import { type AnyScalar, isScalar } from "../layout/scalar.ts";
import { type LifeOwner, Position } from "../memory/life.ts";
import { Region } from "../memory/region.ts";
import type { TypedArray, TypedArrayConstructor, ViewOf } from "../memory/typed_array.ts";
import { Meter } from "../observe/meter.ts";
import { callers, Sites } from "../observe/sites.ts";
import { BoxBase } from "./frame_box.ts";
import { type FrameMapBase, type KeyLayout, newMap } from "./frame_map.ts";
import { FrameMemory } from "./frame_memory.ts";
import { PublishedFrame } from "./published_frame.ts";
import { FrameString, utf8Length } from "./frame_string.ts";
import { FrameCheckpoint, FrameGuard, FrameScope, type GuardOwner, PhaseGuard, TagGuard } from "./guards.ts";

/** The most elements that can be asked for at once: no element is smaller than a byte. */
const MAX_COUNT = 2 ** 30;

/** Room that a vec, map or string starts with unless it is told more. */
const DEFAULT_CAPACITY = 16;

/** What a finished frame came to. */
export interface FrameTotals {
  frames: number;
  allocations: number;
  bytes: number;
  peak: number;
}

/** See the file comment. */
export class FrameArena implements LifeOwner, GuardOwner {
  /** The region of the current frame, or of the last one. */
  declare region: Region;
  /** The memory of the current frame, or of the last one. */
  declare memory: FrameMemory;
  /** The number of the current frame, or of the last one; 0 before the first. */
  declare frameNumber: number;
  /** Whether a frame is open. */
  declare inFrame: boolean;
  /** Whether handles are recycled instead of checked. */
  declare readonly recycles: boolean;
  declare readonly sites: Sites | null;
  declare readonly meter: Meter;
  readonly totals: FrameTotals = { frames: 0, allocations: 0, bytes: 0, peak: 0 };
  readonly #memories: FrameMemory[];
  readonly #counts: boolean;
  #began = 0;
  #beganAt: Error | undefined;
  #disposed = false;
  readonly #journal: number[] = [];

  constructor(config: ResolvedConfig) {
    this.#memories = Array.from({ length: config.framesAlive }, () => new FrameMemory(regionFor(config, this)));
    this.memory = this.#memories[0]!;
    this.region = this.memory.region;
    this.frameNumber = 0;
    this.inFrame = false;
    this.recycles = config.safety === "release";
    this.sites = config.debug ? new Sites(config.sampleSites) : null;
    this.meter = new Meter(config.stats === "tags");
    this.#counts = config.stats !== "off";
  }

  /** All regions, for reports. */
  get regions(): readonly Region[] {
    return this.#memories.map((memory) => memory.region);
  }

  // Frames

  begin(): void {
    if (this.#disposed) throw new FrameStateError("FA012", "Cannot begin a frame as the allocator was disposed");
    if (this.inFrame) throw this.#beganTwice();
    const frame = this.frameNumber + 1;
    const memory = this.#memories[frame % this.#memories.length]!;
    memory.region.serial = frame;
    memory.region.open();
    memory.restart(frame);
    this.memory = memory;
    this.region = memory.region;
    this.frameNumber = frame;
    this.inFrame = true;
    if (this.#counts) {
      this.meter.begin();
      this.#began = performance.now();
    }
    if (this.sites !== null) this.#beganAt = new Error();
  }

  end(): void {
    if (!this.inFrame) {
      throw new FrameStateError("FA005", "Cannot end a frame as none is open: begin one first, and end each once");
    }
    const { region, totals } = this;
    if (this.#counts) {
      this.meter.end(region.used, region.count);
      totals.frames++;
      totals.allocations += region.count;
      totals.bytes += region.used;
      totals.peak = Math.max(totals.peak, region.peak);
    }
    region.close();
    this.inFrame = false;
    this.#memories[(this.frameNumber + 1) % this.#memories.length]!.expire();
  }

  /** Milliseconds since the frame began. */
  get elapsed(): number {
    return performance.now() - this.#began;
  }

  guard(): FrameGuard {
    this.begin();
    return new FrameGuard(this, this.frameNumber);
  }

  endGuardedFrame(frame: number): void {
    if (this.inFrame && this.frameNumber === frame) this.end();
    else if (!this.#disposed) throw this.#wrongFrame("end frame", frame);
  }

  trim(): number {
    let bytes = 0;
    for (const memory of this.#memories) bytes += memory.region.trim();
    return bytes;
  }

  dispose(): void {
    this.#disposed = true;
    this.inFrame = false;
    for (const memory of this.#memories) {
      memory.isAlive = false;
      memory.region.dispose();
    }
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

  // Allocation

  record(layout: Layout): Face | undefined {
    const inner = layout.$inner as LayoutInner | undefined;
    if (inner === undefined) throw noLayout(layout);
    const region = this.region;
    const offset = region.alloc(layout.size, layout.align);
    if (offset < 0) return this.#none(layout.name);
    if (this.recycles) return this.#recycled(inner, offset);
    const position = new Position(region.life, offset);
    if (this.sites !== null) this.sites.note(position);
    return new inner.Record(position, 0);
  }

  box(layout: Layout, init: unknown): Face | BoxBase | undefined {
    const record = this.record(layout);
    if (record === undefined) return undefined;
    const inner = layout.$inner as LayoutInner;
    const { view } = record.$pos.life;
    const at = record.$pos.offset;
    if (init === undefined || layout.kind !== "scalar") {
      for (let i = at; i < at + layout.size; i++) view!.setUint8(i, 0);
    }
    if (init !== undefined) inner.write(view!, at, init);
    if (layout.kind === "scalar") return record;
    if (!this.recycles) return new BoxBase(inner, record);
    const { boxes } = this.memory.pools(inner);
    const known = boxes.next() as BoxBase | undefined;
    if (known === undefined) return boxes.add(new BoxBase(inner, record)) as BoxBase;
    known.value = record;
    return known;
  }

  slice<C extends TypedArrayConstructor>(constructor: C, length: number, zero: boolean): ViewOf<C> | undefined {
    if (!(length >= 0 && length <= MAX_COUNT && Number.isInteger(length))) throw badCount("allocate a slice", length);
    const bytes = length * constructor.BYTES_PER_ELEMENT;
    if (!(bytes >= 0)) throw noArray(constructor);
    const region = this.region;
    const offset = region.alloc(bytes);
    if (offset < 0) return this.#none("a slice");
    const view = region.views.next(constructor, offset, length);
    if (zero) clear(view);
    return view;
  }

  batch(layout: Layout, length: number, into: BatchBase | undefined): BatchBase | undefined {
    const inner = layout.$inner as LayoutInner | undefined;
    if (inner === undefined) throw noLayout(layout);
    if (!(length >= 0 && length <= MAX_COUNT && Number.isInteger(length))) throw badCount("allocate a batch", length);
    if (into !== undefined && !(into instanceof inner.Batch)) {
      throw new ArgumentError("FA008", `Cannot allocate into ${show(into)} as it is no batch of ${layout.name}`);
    }
    const region = this.region;
    const offset = region.alloc(length * layout.stride, layout.align);
    if (offset < 0) return this.#none(layout.name);
    if (into !== undefined && into.$region === region) {
      rearm(into, region.life, offset, length);
      return into;
    }
    const pools = this.recycles ? this.memory.pools(inner) : null;
    const known = pools?.batches.next() as BatchBase | undefined;
    if (known !== undefined) {
      rearm(known, region.life, offset, length);
      return known;
    }
    const position = new Position(region.life, offset);
    if (this.sites !== null) this.sites.note(position);
    const batch = new inner.Batch(position, length, layout.stride, region, pools);
    pools?.batches.add(batch);
    return batch;
  }

  /** A fixed number of records side by side. */
  tuple(layout: Layout, length: number): Face[] | undefined {
    const inner = layout.$inner as LayoutInner | undefined;
    if (inner === undefined) throw noLayout(layout);
    const region = this.region;
    const offset = region.alloc(length * layout.stride, layout.align);
    if (offset < 0) return this.#none(layout.name);
    const records: Face[] = [];
    for (let i = 0; i < length; i++) {
      const at = offset + i * layout.stride;
      if (this.recycles) records.push(this.#recycled(inner, at));
      else {
        const position = new Position(region.life, at);
        if (this.sites !== null) this.sites.note(position);
        records.push(new inner.Record(position, 0));
      }
    }
    return records;
  }

  columns(layout: Layout, length: number): unknown {
    if (layout?.$inner === undefined) throw noLayout(layout);
    if (!(length >= 0 && length <= MAX_COUNT && Number.isInteger(length))) throw badCount("allocate columns", length);
    const plan = columnPlan(layout);
    const region = this.region;
    const offset = region.alloc(plan.bytes(length));
    if (offset < 0) return this.#none(layout.name);
    return this.memory.columns.next(plan, region.life, offset, length);
  }

  vec(
    of: Layout | TypedArrayConstructor,
    capacity: number = DEFAULT_CAPACITY,
  ): RecordVecBase | NumberVecBase<TypedArrayConstructor> | undefined {
    if (!(capacity >= 0 && capacity <= MAX_COUNT && Number.isInteger(capacity))) {
      throw badCount("allocate a vec", capacity);
    }
    const room = Math.max(capacity, 1);
    if (typeof of === "function") return this.#numberVec(of, room);
    if (isScalar(of)) return this.#numberVec(arrayOf(of, "a vec"), room);
    return this.#recordVec(of, room);
  }

  map(key: KeyLayout, value: Layout, capacity: number = DEFAULT_CAPACITY): FrameMapBase | undefined {
    if (!isKey(key)) {
      throw new ArgumentError(
        "FA008",
        `Cannot make a map with keys of ${show(nameOf(key))}: use a number layout of at most 32 bits, or f64`,
      );
    }
    if (!(capacity >= 0 && capacity <= MAX_COUNT / 8 && Number.isInteger(capacity))) {
      throw badCount("allocate a map", capacity);
    }
    if (isScalar(value) && (value.name === "i64" || value.name === "u64")) {
      throw new ArgumentError(
        "FA008",
        `Cannot make a map with values of ${value.name}: use a number, or a struct with such a field`,
      );
    }
    const inner = value?.$inner as LayoutInner | undefined;
    if (inner === undefined) throw noLayout(value);
    if (isScalar(value)) arrayOf(value, "a map");
    const pools = this.recycles ? this.memory.pools(inner) : null;
    return newMap(this.region, pools, key, value, Math.max(capacity, 1)) ?? this.#none("a map");
  }

  string(text: string): FrameString | undefined {
    if (typeof text !== "string") {
      throw new ArgumentError("FA008", `Cannot make a frame string of ${show(text)}: give a text`);
    }
    const bytes = this.#numberVec(Uint8Array, Math.max(utf8Length(text), DEFAULT_CAPACITY));
    return bytes === undefined ? undefined : new FrameString(bytes).append(text);
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
    if (typeof name !== "string" || name === "") {
      throw new ArgumentError("FA008", `Cannot use ${show(name)} as a tag: give a text of at least one character`);
    }
    return this.meter.pushTag(name, this.region.used, this.region.count);
  }

  popTag(): void {
    this.meter.popTag(this.region.used, this.region.count);
  }

  tagGuard(name: string): TagGuard {
    return new TagGuard(this, this.pushTag(name));
  }

  endGuardedTag(tag: unknown): void {
    if (this.meter.current !== tag) {
      throw new FrameStateError(
        "FA013",
        `Cannot end a tag as "${this.meter.path}" is the innermost one: end tags inside out`,
      );
    }
    this.popTag();
  }

  pushPhase(name: string): void {
    if (typeof name !== "string" || name === "") {
      throw new ArgumentError("FA008", `Cannot use ${show(name)} as a phase: give a text of at least one character`);
    }
    if (!this.inFrame) throw this.closed(`begin phase "${name}"`);
    this.meter.pushPhase(name, this.region.used, this.region.count);
  }

  popPhase(): void {
    if (!this.inFrame) throw this.closed("end a phase");
    if (this.meter.phaseDepth === 0) {
      throw new FrameStateError("FA013", "Cannot end a phase as none is open: begin one first, and end each once");
    }
    this.meter.popPhase(this.region.used, this.region.count);
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

  /** Credits what was allocated so far, before counts are read. */
  settle(): void {
    if (this.inFrame) this.meter.settle(this.region.used, this.region.count);
  }

  // Errors

  /** The error of a handle whose memory has ended. */
  expired(position: Position): Error {
    const born = position.life.serial;
    const site = this.sites?.where(position);
    const ended = this.inFrame && born === this.frameNumber
      ? "its scope has ended or was rolled back"
      : this.#disposed
      ? "the allocator was disposed"
      : `the frame has ended${this.inFrame ? `, and frame ${this.frameNumber} is open now` : ""}`;
    return new StaleHandleError(
      "FA002",
      `Cannot use a handle of frame ${born} as ${ended}: copy what must outlive it, or allocate it where it lives longer${
        site === undefined ? "" : `\n  allocated at\n    ${site}`
      }`,
    );
  }

  /** The error of an allocation while no frame is open. */
  closed(action: string): Error {
    if (this.#disposed) return new FrameStateError("FA012", `Cannot ${action} as the allocator was disposed`);
    return new FrameStateError("FA001", `Cannot ${action} as no frame is open: call beginFrame first`);
  }

  /** The error of the last allocation that was refused. */
  refusal(what: string): Error {
    return this.region.refusal(`allocate ${what} in frame ${this.frameNumber}`);
  }

  #none(what: string): undefined {
    if (!this.inFrame) throw this.closed(`allocate ${what}`);
    return undefined;
  }

  #recycled(inner: LayoutInner, offset: number): Face {
    const { life } = this.region;
    const known = this.memory.records[inner.id]?.take(life, offset);
    return known === undefined ? this.#added(inner, new Position(life, offset)) : known;
  }

  #added(inner: LayoutInner, position: Position): Face {
    return this.memory.pools(inner).records.add(new inner.Record(position, 0), position);
  }

  #numberVec(constructor: TypedArrayConstructor, capacity: number): NumberVecBase<TypedArrayConstructor> | undefined {
    const bytes = capacity * constructor.BYTES_PER_ELEMENT;
    if (!(bytes >= 0)) throw noArray(constructor);
    const region = this.region;
    const offset = region.alloc(bytes);
    if (offset < 0) return this.#none("a vec");
    const pool = this.recycles ? this.memory.numberVecs(constructor) : null;
    const known = pool?.next();
    if (known !== undefined) {
      rearmNumberVec(known, region.life, offset, capacity);
      return known;
    }
    const vec = new NumberVecBase(constructor, region, region.life, offset, capacity);
    if (this.sites !== null) this.sites.note(vec.$pos);
    pool?.add(vec);
    return vec;
  }

  #recordVec(layout: Layout, capacity: number): RecordVecBase | undefined {
    const inner = layout?.$inner as LayoutInner | undefined;
    if (inner === undefined) throw noLayout(layout);
    const region = this.region;
    const offset = region.alloc(capacity * layout.stride, layout.align);
    if (offset < 0) return this.#none(layout.name);
    const pools = this.recycles ? this.memory.pools(inner) : null;
    const known = pools?.vecs.next() as RecordVecBase | undefined;
    if (known !== undefined) {
      rearmVec(known, region.life, offset, capacity);
      return known;
    }
    const position = new Position(region.life, offset);
    if (this.sites !== null) this.sites.note(position);
    const vec = new inner.Vec(position, capacity, layout.stride, layout.align, region, pools);
    pools?.vecs.add(vec);
    return vec;
  }

  #mark(): number {
    const { region } = this;
    const runs = this.meter.mark(region.used, region.count);
    const mark = region.mark();
    this.#journal[mark] = runs;
    return mark;
  }

  #rewind(mark: number): void {
    const { region } = this;
    const before = region.used;
    region.rewind(mark);
    this.meter.rewind(this.#journal[mark]!, before, region.used, region.count);
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

function regionFor(config: ResolvedConfig, owner: LifeOwner): Region {
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
  });
}

function clear(view: TypedArray): void {
  if (view instanceof BigInt64Array || view instanceof BigUint64Array) view.fill(0n);
  else view.fill(0);
}

function isKey(layout: Layout): boolean {
  return isScalar(layout) && layout.name !== "bool" && layout.name !== "f16" && layout.name !== "i64" &&
    layout.name !== "u64";
}

function arrayOf(layout: AnyScalar, what: string): TypedArrayConstructor {
  if (layout.name === "bool") {
    throw new ArgumentError("FA008", `Cannot make ${what} of bool as no typed array holds truth values: use u8`);
  }
  if (layout.name === "f16" && layout.array !== globalThis.Float16Array) {
    throw new ArgumentError("FA008", `Cannot make ${what} of f16 as this runtime has no Float16Array: use f32`);
  }
  return layout.array;
}

function noArray(value: unknown): ArgumentError {
  return new ArgumentError(
    "FA008",
    `Cannot allocate ${show(value)} as it makes no typed arrays: give one such as Float32Array`,
  );
}

function noLayout(value: unknown): ArgumentError {
  return new ArgumentError(
    "FA008",
    `Cannot allocate ${show(value)} as it is no layout: give one such as f32, or a struct`,
  );
}

function badCount(action: string, count: unknown): ArgumentError {
  return new ArgumentError(
    "FA008",
    `Cannot ${action} of ${show(count)} elements: give a whole number from 0 to ${MAX_COUNT}`,
  );
}

function nameOf(layout: unknown): unknown {
  return typeof layout === "object" && layout !== null && "name" in layout ? layout.name : layout;
}
