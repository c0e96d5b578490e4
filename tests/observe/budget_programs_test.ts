/**
 * Random programs with every kind of memory, under nested tags and limits that are set, changed and removed at any moment, also while
 * a limit is being told of. After each step every budget has exactly what is used and held; what fits is never refused, what does not
 * fit is never granted, and what is refused changes nothing.
 */

import {
  array,
  BudgetError,
  type BudgetEvent,
  type BudgetLimits,
  type BytesByKind,
  type ChildBudget,
  FrameAllocError,
  type FrameCheckpoint,
  type FrameScope,
  type Group,
  type HeapBlock,
  type NumberVec,
  type RecordVec,
  type Safety,
  SmartAlloc,
  type Stats,
  struct,
  type StructLayout,
  type TagGuard,
  type U8,
  u8,
} from "@framealloc/core";
import { arrayBufferSource } from "@framealloc/core/memory";
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { CountingSource } from "../memory/_counting_source.ts";

const PAGE = 1024;
const ARENA = 1024;
const GROUP = 256;
const SCRATCH = 512;
/** More than any frame needs; what is left of it tells what is in use without that anything is booked for it. */
const MOST = 2 ** 40;

type Bytes = StructLayout<{ data: ReturnType<typeof array<U8>> }>;
const bytesLayout = (bytes: number): Bytes => struct(`Bytes${bytes}`, { data: array(u8, bytes) });
const R16 = bytesLayout(16);
const R40 = bytesLayout(40);
const R200 = bytesLayout(200);
const R600 = bytesLayout(600);

/** Layouts, what each takes in the pool, and what the pool has to hold for it. */
const RECORDS = [
  { layout: R16, slot: 16, hold: PAGE },
  { layout: R40, slot: 64, hold: PAGE },
  { layout: R200, slot: 256, hold: PAGE },
  { layout: R600, slot: 608, hold: 608 },
] as const;

const PATHS = ["a", "b", "a::a", "a::b", "b::a", "a::b::a"] as const;

const KINDS = {
  slice: 6,
  record: 5,
  batch: 2,
  numbers: 3,
  records: 3,
  push: 7,
  scope: 2,
  endScope: 2,
  commit: 1,
  checkpoint: 1,
  rollback: 2,
  frame: 2,
  next: 2,
  tag: 6,
  untag: 3,
  pool: 6,
  poolFree: 4,
  heap: 5,
  heapFree: 3,
  handle: 5,
  handleFree: 3,
  compact: 1,
  reserve: 3,
  evict: 2,
  group: 3,
  inner: 1,
  groupAlloc: 6,
  groupFree: 1,
  scratch: 4,
  reset: 2,
  drop: 1,
  charge: 2,
  uncharge: 2,
  limit: 7,
  unlimit: 1,
  global: 4,
  unglobal: 2,
  trim: 1,
} as const;

/** What a callback may do in the middle of an allocation. */
const NESTED = [
  "slice",
  "pool",
  "pool",
  "poolFree",
  "heap",
  "heapFree",
  "handle",
  "handleFree",
  "groupAlloc",
  "limit",
  "limit",
  "global",
  "endScope",
  "rollback",
  "next",
  "throw",
  "nothing",
] as const;

type Name = keyof typeof KINDS | typeof NESTED[number];
type Op = readonly [name: Name, a: number, b: number, c: number];

const NUMBER = fc.integer({ min: 0, max: 1023 });
const NAMES = Object.entries(KINDS).flatMap(([name, weight]) => Array.from({ length: weight }, () => name as Name));
const OPS: fc.Arbitrary<Op> = fc.tuple(fc.constantFrom(...NAMES), NUMBER, NUMBER, NUMBER);
const PROGRAMS = fc.array(OPS, { minLength: 30, maxLength: 80, size: "max" });
const CALLBACKS: fc.Arbitrary<Op[]> = fc.array(
  fc.tuple(fc.constantFrom<Name>(...NESTED), NUMBER, NUMBER, NUMBER),
  { maxLength: 8, size: "max" },
);

type Kind = keyof BytesByKind;
type Limits = Pick<BudgetLimits<SmartAlloc>, "soft" | "hard"> & { readonly policy?: "fail" | "warn" };

/** What the model knows of a limit. */
interface Limit {
  readonly path: string;
  soft: number;
  hard: number;
  policy: "fail" | "warn";
  used: number;
  /** Whether each crossing was told; `undefined` where either is right: an allocation was told of and came to nothing. */
  readonly told: { soft: boolean | undefined; hard: boolean | undefined };
}

/** Bytes of a region that belong to a tag. */
interface Run {
  readonly path: string;
  readonly bytes: number;
}

interface Config {
  readonly lazy: boolean;
  readonly safety: Safety;
  readonly framesAlive: number;
  /** Whether everything is looked at after each step, or after a few. */
  readonly watch: boolean;
}

interface Vec {
  readonly vec: NumberVec<Float64ArrayConstructor> | RecordVec<Bytes>;
  /** The run in which it was made or grew last. */
  newest: number;
}

interface Frame {
  readonly runs: Run[];
  vecs: Vec[];
  held: { readonly handle: FrameScope | FrameCheckpoint; readonly runs: number }[];
}

/** Something that was allocated and is freed by hand. */
interface Owned<T> extends Run {
  readonly kind: Kind;
  readonly it: T;
}

interface OwnedGroup {
  readonly group: Group;
  readonly runs: Run[];
  readonly inner: OwnedGroup[];
}

/** An allocation under way. */
interface Ask<T> {
  readonly name: string;
  readonly kind: Kind;
  /** What it may charge; where there is more than one, `charged` tells which it was. */
  readonly bytes: readonly number[];
  readonly charged?: () => number;
  /** The most that it has to hold from the source at once. */
  readonly hold: number;
  readonly path?: string;
  readonly make: () => T | undefined;
  readonly twin?: () => unknown;
  readonly done: (made: T, run: Run) => void;
  /** Whether another error is right as things are now. */
  readonly mayThrow?: (error: FrameAllocError) => boolean;
}

/** What the programs have met. */
class Met {
  readonly counts: Map<string, number> = new Map();

  count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }

  atLeast(count: number, ...what: string[]): void {
    for (const one of what) {
      const met = this.counts.get(one) ?? 0;
      assert(met >= count, `${one} was met ${met} times, wanted ${count}`);
    }
  }
}

const BOOM = new Error("boom");

class Runner {
  readonly #alloc: SmartAlloc;
  readonly #source: CountingSource;
  readonly #met: Met;
  readonly #config: Config;
  readonly #callbacks: Op[];
  readonly #use: Map<string, Record<Kind, number>> = new Map();
  readonly #limits: Map<string, Limit> = new Map();
  #global: Limit | undefined;
  #stats: Stats;
  #held = 0;
  /** Grows with everything that is done, so that it shows whether a callback did something. */
  #changes = 0;
  readonly #pending: Ask<unknown>[] = [];
  #isQuiet = false;
  /** Whether everything is looked at after each step. Looking books what was allocated, so that much goes unseen by it. */
  #isWatching = true;
  #steps = 0;

  readonly #tags: { readonly name: string; readonly guard: TagGuard }[] = [];
  #frame: Frame | undefined;
  readonly #alive: Frame[] = [];
  readonly #records: Owned<object>[] = [];
  readonly #blocks: Owned<HeapBlock>[] = [];
  readonly #handles: Owned<number>[] = [];
  readonly #assets: Owned<number>[] = [];
  readonly #groups: OwnedGroup[] = [];
  readonly #scratch: Map<string, Run[]> = new Map();
  readonly #children: Map<string, ChildBudget> = new Map();

  constructor(
    config: Config,
    callbacks: readonly Op[],
    met: Met,
  ) {
    const { lazy, safety, framesAlive } = config;
    this.#config = config;
    this.#met = met;
    this.#callbacks = [...callbacks];
    this.#source = new CountingSource(arrayBufferSource, { lazy });
    this.#alloc = new SmartAlloc({
      source: this.#source,
      safety,
      framesAlive,
      frameArenaSize: ARENA,
      maxFrameBytes: MOST,
      poolClasses: [16, 64, 256],
      poolPageSize: PAGE,
      poolIdlePages: 1,
      heapIdleBytes: 2048,
      streamingBudget: 1_000_000,
    });
    this.#stats = this.#alloc.stats();
  }

  /** The innermost tag; while an asset is reserved for a tag, that is the one, also for callbacks. */
  get #path(): string {
    const asset = this.#pending.findLast((ask) => ask.path !== undefined);
    return asset?.path ?? this.#tags.map((tag) => tag.name).join("::");
  }

  /** In release mode nobody notices when the memory of a vec ends while it grows: that is not checked there. */
  get #isUnchecked(): boolean {
    return this.#config.safety === "release" && this.#pending.some((ask) => ask.name.endsWith("growth"));
  }

  /** Frees everything, after which nothing may be left anywhere. */
  finish(): void {
    this.#alloc.dispose();
    for (const { name, used } of this.#alloc.budgets.stats) {
      const left = name === "global" ? [...this.#children.values()].reduce((sum, child) => sum + child.used, 0) : 0;
      if (!this.#children.has(name)) assertEquals(used, left, `"${name}" after dispose()`);
    }
    assertEquals(this.#source.bytes, 0, "held after dispose()");
  }

  step([name, a, b, c]: Op): void {
    this.#met.count(name);
    this.#changes++;
    // What is held can be told from the source alone where it holds no more than is committed.
    const { watch, lazy } = this.#config;
    const wasWatching = this.#isWatching;
    if (this.#pending.length === 0) this.#isWatching = watch || lazy || this.#steps++ % 9 === 8;
    if (!wasWatching && this.#isWatching) this.#check(`before ${name}`);
    this.#do(name, a, b, c);
    this.#check(`after ${name} ${a} ${b} ${c}`);
  }

  #do(name: Name, a: number, b: number, c: number): void {
    const alloc = this.#alloc;
    switch (name) {
      case "slice":
        return this.#frameAsk(name, ceil16(a % 700), {
          make: () => alloc.frameSlice(Uint8Array, a % 700),
          twin: () => alloc.tryFrameSlice(Uint8Array, a % 700),
        });
      case "record":
        return this.#frameAsk(name, 48, {
          make: () => alloc.frameAlloc(R40),
          twin: () => alloc.tryFrameAlloc(R40),
        });
      case "batch":
        return this.#frameAsk(name, ceil16(a % 20 * 40), {
          make: () => alloc.frameAllocBatch(R40, a % 20),
          twin: () => alloc.tryFrameAllocBatch(R40, a % 20),
        });
      case "numbers":
        return this.#frameAsk(name, ceil16((1 + a % 20) * 8), {
          make: () => alloc.frameVec(Float64Array, 1 + a % 20),
          twin: () => alloc.tryFrameVec(Float64Array, 1 + a % 20),
        }, (vec) => vec);
      case "records":
        return this.#frameAsk(name, ceil16((1 + a % 6) * 40), {
          make: () => alloc.frameVec(R40, 1 + a % 6),
          twin: () => alloc.tryFrameVec(R40, 1 + a % 6),
        }, (vec) => vec as RecordVec<Bytes>);
      case "push":
        return this.#push(a, 1 + b % 40);
      case "scope":
        if (this.#frame !== undefined) this.#hold(alloc.scope());
        return;
      case "checkpoint":
        if (this.#frame !== undefined) this.#hold(alloc.frameCheckpoint());
        return;
      case "commit":
      case "endScope":
        return this.#isUnchecked ? undefined : this.#endScope(name === "commit");
      case "rollback":
        return this.#isUnchecked ? undefined : this.#rollback(a);
      case "frame":
        return this.#frame === undefined ? this.#begin() : this.#end();
      case "next":
        if (this.#isUnchecked || (this.#pending.length > 0 && this.#frame === undefined)) return;
        if (this.#frame !== undefined) this.#end();
        this.#check("after the end of a frame");
        return this.#begin();
      case "tag":
        if (this.#tags.length < 3) {
          const tag = a % 2 === 0 ? "a" : "b";
          this.#tags.push({ name: tag, guard: alloc.tag(tag) });
        }
        return;
      case "untag":
        return this.#tags.pop()?.guard.end();
      case "pool": {
        const { layout, slot, hold } = RECORDS[a % RECORDS.length]!;
        return this.#ask<object>({
          name,
          kind: "pool",
          bytes: [slot],
          hold,
          make: () => b % 3 === 0 ? alloc.poolBox(layout) : alloc.poolAlloc(layout),
          twin: () => b % 3 === 0 ? alloc.tryPoolBox(layout) : alloc.tryPoolAlloc(layout),
          done: (it, run) => this.#records.push({ ...run, kind: "pool", it }),
        });
      }
      case "poolFree":
        return this.#free(
          this.#records,
          a,
          (it) => "free" in it ? (it as { free(): void }).free() : alloc.poolFree(it),
        );
      case "heap": {
        const bytes = a % 900;
        return this.#ask<HeapBlock>({
          name,
          kind: "heap",
          bytes: [Math.max(16, ceil16(bytes))],
          hold: Math.max(16, ceil16(bytes)),
          make: () => alloc.heapAlloc(bytes),
          twin: () => alloc.tryHeapAlloc(bytes),
          done: (it, run) => this.#blocks.push({ ...run, kind: "heap", it }),
        });
      }
      case "heapFree":
        return this.#free(this.#blocks, a, (it) => it.free());
      case "handle": {
        const { layout, slot, hold } = RECORDS[a % RECORDS.length]!;
        return this.#ask<number>({
          name,
          kind: "handles",
          bytes: [slot],
          hold,
          make: () => alloc.handles.alloc(layout),
          done: (it, run) => this.#handles.push({ ...run, kind: "handles", it }),
        });
      }
      case "handleFree":
        return this.#free(this.#handles, a, (it) => alloc.handles.free(it));
      case "compact":
        alloc.handles.compact({ maxBytes: a });
        return;
      case "reserve": {
        const path = b % 2 === 0 ? undefined : PATHS[c % PATHS.length]!;
        const bytes = 1 + a % 900;
        return this.#ask<number>({
          name,
          kind: "streaming",
          bytes: [ceil16(bytes)],
          hold: ceil16(bytes),
          ...path === undefined ? {} : { path },
          make: () => alloc.streaming.reserve(bytes, path === undefined ? {} : { tag: path }),
          done: (it, run) => this.#assets.push({ ...run, kind: "streaming", it }),
        });
      }
      case "evict":
        return this.#free(this.#assets, a, (it) => alloc.streaming.free(it));
      case "group":
      case "inner": {
        if (this.#config.lazy) return;
        const outer = name === "group" ? undefined : pick(this.#groups, a);
        if (name === "inner" && outer === undefined) return;
        return this.#ask<Group>({
          name,
          kind: "groups",
          bytes: [0],
          hold: GROUP,
          make: () =>
            outer === undefined
              ? alloc.groups.create("group", { size: GROUP })
              : outer.group.createGroup("inner", { size: GROUP }),
          done: (group) => {
            const owned = { group, runs: [], inner: [] };
            this.#groups.push(owned);
            outer?.inner.push(owned);
          },
        });
      }
      case "groupAlloc": {
        const owned = pick(this.#groups, a);
        if (owned === undefined) return;
        return this.#ask<unknown>({
          name,
          kind: "groups",
          bytes: [ceil16(b % 500)],
          hold: ceil16(b % 500),
          make: () => owned.group.allocSlice(Uint8Array, b % 500),
          done: (_, run) => owned.runs.push(run),
        });
      }
      case "groupFree": {
        const owned = pick(this.#groups, a);
        if (owned === undefined) return;
        this.#forget(owned);
        return owned.group.free();
      }
      case "scratch":
        return this.#scratchAlloc(a % 2 === 0 ? "x" : "y", b % 900);
      case "reset": {
        const name = a % 2 === 0 ? "x" : "y";
        const runs = this.#scratch.get(name);
        if (runs === undefined) return;
        for (const run of runs.splice(0)) this.#charge(run.path, "scratch", -run.bytes);
        return this.#ask<true>({
          name: "reset",
          kind: "scratch",
          bytes: [0],
          hold: 0,
          make: () => (alloc.scratchPool(name).reset(), true),
          done: () => {},
        });
      }
      case "drop": {
        const name = a % 2 === 0 ? "x" : "y";
        const runs = this.#scratch.get(name);
        if (runs === undefined) return;
        for (const run of runs) this.#charge(run.path, "scratch", -run.bytes);
        this.#scratch.delete(name);
        return alloc.scratchPool(name).dispose();
      }
      case "charge":
        return this.#chargeChild(`child ${a % 2}`, b);
      case "uncharge":
        return pick([...this.#children.values()], a)?.uncharge(
          Math.min(b, pick([...this.#children.values()], a)!.used),
        );
      case "limit":
        return this.#setTag(PATHS[a % PATHS.length]!, limitsFrom(a, b, c, this.#usedBelow(PATHS[a % PATHS.length]!)));
      case "unlimit":
        return this.#setTag(PATHS[a % PATHS.length]!, {});
      case "global":
        return this.#setGlobal(limitsFrom(a, b, 2 * c, this.#held));
      case "unglobal":
        return this.#setGlobal({});
      case "trim":
        alloc.trim();
        return;
      case "throw":
        this.#met.count("thrown");
        throw BOOM;
      case "nothing":
        return;
    }
  }

  // Frames

  #frameAsk<T>(
    name: string,
    bytes: number,
    { make, twin }: { readonly make: () => T; readonly twin: () => unknown },
    vecOf?: (made: T) => Vec["vec"],
  ): void {
    this.#ask<T>({
      name,
      kind: "frame",
      bytes: [bytes],
      hold: bytes,
      make,
      twin,
      mayThrow: (error) => error.code === "FA001" && this.#frame === undefined,
      done: (made, run) => {
        const frame = this.#frame!;
        frame.runs.push(run);
        if (vecOf !== undefined) frame.vecs.push({ vec: vecOf(made), newest: frame.runs.length - 1 });
      },
    });
  }

  #push(which: number, count: number): void {
    const frame = this.#frame;
    const vec = pick(frame?.vecs ?? [], which);
    if (frame === undefined || vec === undefined) return;
    const list = vec.vec;
    const isMine = (): boolean => this.#frame === frame && frame.vecs.includes(vec);
    for (let i = 0; i < count && isMine(); i++) {
      const { length, capacity } = list;
      const push = (): true => {
        if ("view" in list) list.push(i);
        else list.push();
        return true;
      };
      if (length < capacity) {
        push();
        continue;
      }
      const isNumbers = "view" in list;
      const full = isNumbers ? ceil16(16 * capacity) : ceil16(40 * capacity);
      const used = (): number => this.#frame!.runs.reduce((sum, run) => sum + run.bytes, 0);
      let wasGranted = false;
      this.#ask<true>({
        name: isNumbers ? "number growth" : "record growth",
        kind: "frame",
        bytes: isNumbers ? [full, full - ceil16(8 * capacity)] : [full],
        charged: () => MOST - this.#alloc.frameRemaining() - used(),
        hold: full,
        make: push,
        // The memory of a frame that is over has ended, or lives on and cannot grow.
        mayThrow: ({ code }) =>
          !isMine() && code === (this.#alive.includes(frame) && frame.vecs.includes(vec) ? "FA001" : "FA002"),
        done: (_, run) => {
          assert(isMine(), "a vec of a frame that has ended has grown");
          this.#frame!.runs.push(run);
          vec.newest = this.#frame!.runs.length - 1;
          wasGranted = true;
        },
      });
      if (!wasGranted) {
        if (isMine()) assertEquals([list.length, list.capacity], [length, capacity]);
        return;
      }
      this.#check("after a vec has grown");
    }
  }

  #begin(): void {
    this.#ask<true>({
      name: "begin",
      kind: "frame",
      bytes: [0],
      hold: ARENA,
      make: () => (this.#alloc.beginFrame(), true),
      done: () => void (this.#frame = { runs: [], vecs: [], held: [] }),
    });
  }

  #end(): void {
    this.#alive.push(this.#frame!);
    this.#frame = undefined;
    while (this.#alive.length > this.#config.framesAlive - 1) {
      for (const run of this.#alive.shift()!.runs) this.#charge(run.path, "frame", -run.bytes);
    }
    if (this.#alive.length > 0) this.#met.count("alive");
    this.#alloc.endFrame();
  }

  #hold(handle: FrameScope | FrameCheckpoint): void {
    this.#frame!.held.push({ handle, runs: this.#frame!.runs.length });
  }

  #endScope(commit: boolean): void {
    const frame = this.#frame;
    const i = frame?.held.findLastIndex(({ handle }) => "commit" in handle) ?? -1;
    if (frame === undefined || i < 0) return;
    const { handle, runs } = frame.held[i]!;
    frame.held = frame.held.slice(0, i);
    if (commit) return (handle as FrameScope).commit();
    this.#rewind(frame, runs);
    (handle as FrameScope).end();
  }

  #rollback(which: number): void {
    const frame = this.#frame;
    if (frame === undefined) return;
    const checkpoints = frame.held.filter(({ handle }) => !("commit" in handle));
    const to = pick(checkpoints, which);
    if (to === undefined) return;
    frame.held = frame.held.slice(0, frame.held.indexOf(to) + 1);
    this.#rewind(frame, to.runs);
    this.#alloc.rollbackTo(to.handle as FrameCheckpoint);
  }

  #rewind(frame: Frame, runs: number): void {
    const freed = frame.runs.splice(runs);
    for (const run of freed) this.#charge(run.path, "frame", -run.bytes);
    frame.vecs = frame.vecs.filter((vec) => vec.newest < runs);
    if (freed.some((run) => this.#chain(run.path).length > 0)) this.#met.count("rewinds under a limit");
  }

  // Other memory

  #free<T>(from: Owned<T>[], which: number, free: (it: T) => void): void {
    if (from.length === 0) return;
    const [owned] = from.splice(which % from.length, 1);
    this.#charge(owned!.path, owned!.kind, -owned!.bytes);
    free(owned!.it);
  }

  #forget(owned: OwnedGroup): void {
    for (const inner of [...owned.inner]) this.#forget(inner);
    for (const run of owned.runs) this.#charge(run.path, "groups", -run.bytes);
    this.#groups.splice(this.#groups.indexOf(owned), 1);
    for (const other of this.#groups) {
      const at = other.inner.indexOf(owned);
      if (at >= 0) other.inner.splice(at, 1);
    }
  }

  #scratchAlloc(name: string, bytes: number): void {
    if (this.#config.lazy) return;
    if (!this.#scratch.has(name)) {
      this.#ask<unknown>({
        name: "scratch pool",
        kind: "scratch",
        bytes: [0],
        hold: SCRATCH,
        make: () => this.#alloc.scratchPool(name, { size: SCRATCH }),
        done: () => void this.#scratch.set(name, []),
      });
      this.#check("after a scratch pool was made");
    }
    const runs = this.#scratch.get(name);
    if (runs === undefined) return;
    this.#ask<unknown>({
      name: "scratch",
      kind: "scratch",
      bytes: [ceil16(bytes)],
      hold: ceil16(bytes),
      make: () => this.#alloc.scratchPool(name).allocSlice(Uint8Array, bytes),
      done: (_, run) => runs.push(run),
    });
  }

  #chargeChild(name: string, bytes: number): void {
    let child = this.#children.get(name);
    if (child === undefined) {
      child = this.#alloc.budgets.child(name);
      this.#children.set(name, child);
      this.#global ??= limit("global", this.#held);
      this.#check("after a child was made");
    }
    const { used } = child;
    this.#ask<true>({
      name: "child",
      kind: "frame",
      bytes: [0],
      hold: bytes,
      make: () => (child.charge(bytes), true),
      twin: () => child.tryCharge(bytes) ? child : undefined,
      done: () => assertEquals(child.used, used + bytes),
    });
  }

  // Limits

  #setTag(path: string, limits: Limits): void {
    if (this.#frame !== undefined && this.#frame.runs.length > 0) this.#met.count("limits set in mid-frame");
    if (this.#pending.length > 0) this.#met.count("limits set by a callback");
    this.#alloc.budgets.setTag(path, { ...limits, onCross: (event) => this.#crossed(known, event) });
    let known = this.#limits.get(path)!;
    if (known === undefined) {
      known = limit(path, this.#usedBelow(path));
      this.#limits.set(path, known);
    }
    apply(known, limits);
  }

  #setGlobal(limits: Limits): void {
    this.#alloc.budgets.setGlobal({ ...limits, onCross: (event) => this.#crossed(known, event) });
    const known = this.#global ??= limit("global", this.#held);
    apply(known, limits);
  }

  /** The limits that a path falls under, innermost first. */
  #chain(path: string): Limit[] {
    const names = path.split("::");
    return names.map((_, i) => this.#limits.get(names.slice(0, names.length - i).join("::")))
      .filter((limit) => limit !== undefined);
  }

  #charge(path: string, kind: Kind, bytes: number): void {
    let use = this.#use.get(path);
    if (use === undefined) {
      use = { frame: 0, pool: 0, heap: 0, handles: 0, groups: 0, scratch: 0, streaming: 0, tasks: 0, gpu: 0 };
      this.#use.set(path, use);
    }
    use[kind] += bytes;
    for (const limit of this.#chain(path)) this.#move(limit, limit.used + bytes);
  }

  /** What is used changes: a limit that it falls below can be crossed again. Whether that is so at once for a callback is not said. */
  #move(limit: Limit, used: number): void {
    for (const which of ["soft", "hard"] as const) {
      if (limit.used <= limit[which] || used > limit[which]) continue;
      limit.told[which] = this.#pending.length > 0 ? undefined : false;
    }
    limit.used = used;
  }

  #usedBelow(path: string): number {
    let sum = 0;
    for (const [other, use] of this.#use) {
      if (other === path || other.startsWith(`${path}::`)) sum += total(use);
    }
    return sum;
  }

  /** A limit is being told of. */
  #crossed(limit: Limit, event: BudgetEvent): void {
    const ask = this.#pending.at(-1);
    assert(ask !== undefined, "told of a limit outside of any allocation");
    const path = ask.path ?? this.#path;
    const isGlobal = limit === this.#global;
    const heldBefore = this.#held;
    this.#check(`while ${ask.name} is told of the ${event.crossed} limit of "${event.budget}"`);
    assertEquals([event.budget, event.limit], [limit.path, limit[event.crossed]]);
    assertEquals(event.used, limit.used, `told by ${ask.name}`);
    if (!isGlobal) {
      assert(ask.bytes.includes(event.requested), `told of ${event.requested} bytes, not of ${ask.bytes}`);
      for (const around of this.#chain(path)) {
        assert(!refuses(around, event.requested), `"${around.path}" was about to refuse that`);
      }
    }
    assert(event.used + event.requested > event.limit, `nothing was crossed: ${JSON.stringify(event)}`);
    const hasFallen = isGlobal && heldBefore > event.limit && event.used <= event.limit;
    assert(limit.told[event.crossed] !== true || hasFallen, `told twice of one crossing by ${ask.name}`);
    if (event.crossed === "hard") assertEquals(limit.policy, "warn");
    limit.told[event.crossed] = true;
    this.#met.count(`${isGlobal ? "global " : ""}${event.crossed} limit told by ${ask.name}`);
    if (this.#isQuiet) return;
    const nested = this.#callbacks.shift();
    if (nested === undefined) return;
    this.#met.count("nested");
    this.step(nested);
  }

  // Allocations

  #ask<T>(ask: Ask<T>): void {
    const { bytes, make, twin, done, mayThrow } = ask;
    const before = this.#stats;
    const { bytes: live } = this.#source;
    const held = this.#held;
    const changes = this.#changes;
    const path = ask.path ?? this.#path;
    const refused = (): void => {
      this.#unsure(path);
      if (this.#changes !== changes || !this.#isWatching) return;
      const stats = this.#alloc.stats();
      assertEquals(plain(stats), plain(before), `${ask.name} was refused and changed something`);
      assertEquals(this.#source.bytes, live);
    };
    let made: T | undefined;
    this.#pending.push(ask as Ask<unknown>);
    try {
      made = make();
      if (made === undefined) this.#metRefusal(ask, undefined, path);
    } catch (error) {
      if (error instanceof BudgetError) {
        this.#metRefusal(ask, error, path);
        refused();
        if (twin !== undefined && this.#changes === changes) {
          this.#isQuiet = true;
          assertEquals(twin(), undefined, `the twin of ${ask.name}`);
          this.#isQuiet = false;
          refused();
        }
        return;
      }
      if (error === BOOM) {
        this.#unsure(path);
        // What was thrown comes out of what the outermost callback belongs to; whoever is around it goes on.
        if (this.#pending.length > 1) throw error;
        this.#met.count(`${ask.name} thrown out of`);
        return;
      }
      if (!(error instanceof FrameAllocError) || mayThrow?.(error) !== true) throw error;
      this.#met.count(`${ask.name} is ${error.code}`);
      refused();
      return;
    } finally {
      this.#pending.pop();
    }
    if (made === undefined) return refused();
    const charged = ask.charged?.() ?? bytes[0]!;
    assert(bytes.includes(charged), `${ask.name} took ${charged} of ${bytes} bytes`);
    for (const limit of this.#chain(path)) {
      assert(charged === 0 || !refuses(limit, charged), `${ask.name} of ${charged} exceeds ${JSON.stringify(limit)}`);
      if (charged === 0) continue;
      for (const which of ["soft", "hard"] as const) {
        if (limit.used + charged <= limit[which]) continue;
        // A callback of the global limit comes after the limits of tags were asked, and may have changed them.
        if (this.#changes !== changes && limit.told[which] === false) limit.told[which] = undefined;
        else assert(limit.told[which] !== false, `${ask.name} of ${charged} was not told of ${JSON.stringify(limit)}`);
        if (this.#changes === changes) limit.told[which] = true;
      }
    }
    this.#met.count(`${ask.name} granted`);
    this.#charge(path, ask.kind, charged);
    done(made, { path, bytes: charged });
    this.#unsure(path);
    const global = this.#global;
    if (global === undefined) return;
    if (this.#isWatching && this.#changes === changes && held + ask.hold > global.hard) {
      if (idleOf(this.#alloc.stats()) < idleOf(before)) this.#met.count("idle memory given back");
    }
    const now = this.#heldNow;
    if (this.#changes === changes && now > held) {
      assert(global.policy === "warn" || now <= global.hard, `${ask.name} made the held ${now} of ${global.hard}`);
      if (now > global.soft) assert(global.told.soft !== false, `${ask.name} was not told of the soft global limit`);
      if (now > global.hard) assert(global.told.hard !== false, `${ask.name} was not told of the hard global limit`);
    }
    for (const which of ["soft", "hard"] as const) {
      if (now > global[which]) global.told[which] ??= true;
      else if (global.told[which] === true && this.#pending.length === 0) global.told[which] = undefined;
    }
  }

  #metRefusal<T>(ask: Ask<T>, error: BudgetError | undefined, path: string): void {
    const idle = this.#isWatching ? idleOf(this.#alloc.stats()) : 0;
    const global = this.#global;
    const held = this.#heldNow;
    // Where nothing is thrown that tells, what it wanted is known all the same.
    const refusing = ask.bytes.map((bytes) => this.#chain(path).find((limit) => refuses(limit, bytes)));
    const code = error?.code ?? (refusing[0] === undefined ? "FA351" : "FA352");
    this.#met.count(`${ask.name} is ${code}`);
    if (error !== undefined) {
      assert(/^FA35[12]: Cannot [^]*[^.]$/.test(error.message), error.message);
      assert(error.message.startsWith(`${error.code}: `));
    }
    if (code === "FA352") {
      const at = error === undefined ? 0 : ask.bytes.indexOf(error.requested);
      const limit = refusing[at];
      assert(limit !== undefined, `${ask.name} fits and was refused: ${error?.message}`);
      if (error !== undefined) assertEquals([error.budget, error.limit], [limit.path, limit.hard]);
      return;
    }
    const requested = error?.requested ?? ask.hold;
    assert(requested <= ask.hold, `${ask.name} wants to hold ${requested}, and needs ${ask.hold}`);
    assert(global !== undefined && global.policy === "fail");
    if (error !== undefined) assertEquals([error.budget, error.limit], ["global", global.hard]);
    assert(held + requested > global.hard, `${requested} more than ${held} fit into ${global.hard} and were refused`);
    assert(idle < held + requested - global.hard, `${ask.name} was refused while ${idle} bytes were idle`);
  }

  /** What the global limit is charged with. */
  get #heldNow(): number {
    return this.#charged + (this.#isWatching ? heldBy(this.#alloc.stats()) : this.#source.bytes);
  }

  /** The bytes that children have charged. */
  get #charged(): number {
    let sum = 0;
    for (const child of this.#children.values()) sum += child.used;
    return sum;
  }

  /** An allocation is over: where it was told of and the limit was not crossed, it may be told of again or not. */
  #unsure(path: string): void {
    if (this.#pending.length > 1) return;
    for (const limit of this.#global === undefined ? this.#chain(path) : [...this.#chain(path), this.#global]) {
      for (const which of ["soft", "hard"] as const) {
        if (limit.told[which] === true && limit.used <= limit[which]) limit.told[which] = undefined;
      }
    }
  }

  // Checks

  #check(when: string): void {
    if (!this.#isWatching) {
      const now = this.#heldNow;
      if (this.#global !== undefined) this.#move(this.#global, now);
      this.#held = now;
      return;
    }
    const stats = this.#stats = this.#alloc.stats();
    for (const { path, inUse } of stats.tags) {
      const use = this.#use.get(path);
      for (const kind of Object.keys(inUse)) {
        const wanted = use?.[kind as Kind] ?? 0;
        if (inUse[kind as Kind] !== wanted) assertEquals(inUse[kind as Kind], wanted, `${kind} of "${path}" ${when}`);
      }
    }
    const seen = new Set(stats.tags.map((tag) => tag.path));
    for (const [path, use] of this.#use) assert(seen.has(path) || total(use) === 0, `"${path}" is missing ${when}`);

    const held = heldBy(stats);
    const charged = this.#charged;
    const { bytes: live } = this.#source;
    const reserved = held - stats.frame.committed + stats.frame.reserved;
    if (live !== reserved) assertEquals(reserved, live, `held from the source ${when}`);
    if (this.#global !== undefined) this.#move(this.#global, held + charged);
    this.#held = held + charged;

    let budgets = 0;
    for (const { name, used, peak, soft, hard } of stats.budgets) {
      const limit = name === "global" ? this.#global : this.#limits.get(name);
      if (limit === undefined) {
        assertEquals(used, this.#children.get(name)?.used, when);
        continue;
      }
      budgets++;
      if (used !== limit.used) assertEquals(used, limit.used, `used of "${name}" ${when}`);
      if (name !== "global" && used !== this.#usedOf(stats, name)) {
        assertEquals(used, this.#usedOf(stats, name), `sum of the tags below "${name}" ${when}`);
      }
      assert(peak >= used);
      if (soft !== limit.soft || hard !== limit.hard) assertEquals([soft, hard], [limit.soft, limit.hard], name);
    }
    assertEquals(budgets, this.#limits.size + (this.#global === undefined ? 0 : 1));
  }

  #usedOf(stats: Stats, path: string): number {
    let sum = 0;
    for (const tag of stats.tags) {
      if (tag.path === path || tag.path.startsWith(`${path}::`)) sum += total(tag.inUse);
    }
    return sum;
  }
}

/** What is held from the source for which the global limit is asked: chunks as far as they are committed, pages and blocks. */
function heldBy({ frame, pool, handles, heap, groups, scratch }: Stats): number {
  let sum = frame.committed + pool.reserved + handles.reserved + heap.reserved;
  for (const { reserved } of groups) sum += reserved;
  for (const { reserved } of scratch) sum += reserved;
  return sum;
}

/** What could be given back at least: there is no telling from outside how many pages behind handles are empty unless all are. */
function idleOf({ pool, heap, handles }: Stats): number {
  return pool.idle + heap.idle + (handles.live === 0 ? handles.reserved : 0);
}

function total(use: BytesByKind): number {
  return use.frame + use.pool + use.heap + use.handles + use.groups + use.scratch + use.streaming;
}

function limit(path: string, used: number): Limit {
  return { path, soft: Infinity, hard: Infinity, policy: "fail", used, told: { soft: false, hard: false } };
}

function apply(known: Limit, { soft = Infinity, hard = Infinity, policy = "fail" }: Limits): void {
  // Whether the same limit once more begins anew is not said.
  known.told.soft = known.soft === soft ? undefined : false;
  known.told.hard = known.hard === hard ? undefined : false;
  Object.assign(known, { soft, hard, policy });
}

function refuses({ used, hard, policy }: Limit, bytes: number): boolean {
  return policy === "fail" && used + bytes > hard;
}

/** Limits near what is used, so that they matter soon. */
function limitsFrom(a: number, b: number, c: number, from: number): Limits {
  const [soft, hard] = [from + 3 * b - 500, from + 3 * c - 300].map((bytes) => Math.max(0, bytes))
    .sort((x, y) => x - y) as [number, number];
  const policy = a % 5 === 0 ? "warn" : "fail";
  if (a % 3 === 0) return { hard, policy };
  return a % 7 === 0 ? { soft, policy } : { soft, hard, policy };
}

function pick<T>(from: readonly T[], which: number): T | undefined {
  return from[which % Math.max(1, from.length)];
}

function ceil16(bytes: number): number {
  return Math.ceil(bytes / 16) * 16;
}

/** Statistics without the counts of refusals, as text. */
function plain(stats: Stats): string {
  return JSON.stringify(stats, (key, value) => key === "refusals" ? undefined : value);
}

const CONFIGS = fc.record({
  lazy: fc.constantFrom(false, false, true),
  safety: fc.constantFrom<Safety>("checked", "revoke", "release"),
  framesAlive: fc.integer({ min: 1, max: 3 }),
  watch: fc.boolean(),
});

Deno.test("budgets have exactly what is used and held, after each step of 2,000 random programs", () => {
  const met = new Met();
  fc.assert(
    fc.property(CONFIGS, PROGRAMS, CALLBACKS, (config, program, callbacks) => {
      const runner = new Runner(config, callbacks, met);
      runner.step(["frame", 0, 0, 0]);
      runner.step(["tag", 0, 0, 0]);
      for (const op of program) runner.step(op);
      runner.finish();
    }),
    { seed: 35, numRuns: 2000 },
  );
  const tagged = [
    ...["slice", "record", "batch", "numbers", "records", "number growth", "record growth"],
    ...["pool", "heap", "handle", "reserve", "groupAlloc", "scratch"],
  ];
  const held = ["begin", "group", "inner", "scratch pool", "child", "reset", ...tagged];
  met.atLeast(5, ...tagged.map((name) => `${name} is FA352`), ...tagged.map((name) => `soft limit told by ${name}`));
  met.atLeast(
    1,
    ...held.filter((name) => name !== "reset").map((name) => `${name} is FA351`),
    ...held.map((name) => `global soft limit told by ${name}`),
  );
  met.atLeast(50, "alive", "rewinds under a limit", "idle memory given back", "nested", "thrown");
  met.atLeast(50, "limits set in mid-frame", "limits set by a callback");
});
