/**
 * Tasks: random programs against a model, in any order that a scheduler can make of them. Tasks start inside each other, allocate, write
 * a pattern of their own, wait, look at it again, fail, are aborted and ended twice, also in the middle of their end and by callbacks of
 * budgets. After every step the books are exact, nobody sees the bytes of another, and everything ends once, in its turn.
 */

import {
  type ChildBudget,
  type ErrorCode,
  FrameAllocError,
  type NumberVec,
  type Safety,
  SmartAlloc,
  TaskAlloc,
} from "@framealloc/core";
import { arrayBufferSource, type Chunk, type ChunkSource } from "@framealloc/core/memory";
import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import fc from "fast-check";
import { SAFETIES } from "../frame/_sources.ts";
import { under } from "../pool/_layouts.ts";
import { Body, type Watched, watchedSignal } from "./_tasks.ts";

const RUNS = 2000;
const KB = 1024;
const SIGNALS = 3;
const MOST_REACTIONS = 25;
const TAGS = ["", "a", "a::b", "c"] as const;

// What programs are made of

/** Which one is meant among those that fit. */
type Aim = number;

type Made = "slice" | "wide" | "record" | "batch" | "columns" | "text" | "numbers";

/** What can be done at once, also by a callback. */
type Deed =
  | { readonly kind: "alloc"; readonly aim: Aim; readonly made: Made; readonly n: number }
  | { readonly kind: "push"; readonly aim: Aim; readonly n: number }
  | { readonly kind: "release" | "dispose"; readonly aim: Aim }
  | { readonly kind: "abort"; readonly aim: Aim }
  | { readonly kind: "charge"; readonly n: number }
  | { readonly kind: "trim" | "boom" | "change of heart" | "end of all" };

type Deferral = "plain" | "slow" | "throws" | "fails later" | "acts" | "ends it";

type Op =
  | Deed
  | { readonly kind: "fork"; readonly isAwaited: boolean }
  | { readonly kind: "throw" }
  | { readonly kind: "close"; readonly aim: Aim }
  | { readonly kind: "defer"; readonly how: Deferral; readonly deed: Deed }
  | { readonly kind: "adopt"; readonly isSlow: boolean }
  | { readonly kind: "box" | "rewrite" };

/** A task, and what is done in it. */
interface Job {
  readonly zero: boolean;
  readonly size: number;
  readonly tag: number;
  readonly signal: number | undefined;
  readonly budget: "none" | "own" | "shared";
  readonly hard: number;
  /** Whether its block waits for its end. */
  readonly isAsync: boolean;
  readonly ops: readonly Op[];
}

interface Setup {
  readonly isDirty: boolean;
  readonly safety: Safety;
  readonly idleBytes: number;
  readonly globalHard: number;
  readonly tagHard: number;
  readonly sharedHard: number;
  /** What callbacks of soft limits do, in turn. */
  readonly reactions: readonly Deed[];
}

const aim: fc.Arbitrary<Aim> = fc.nat(1000);
const bytes = fc.oneof(
  { weight: 10, arbitrary: fc.integer({ min: 0, max: 800 }) },
  { weight: 5, arbitrary: fc.integer({ min: 800, max: 5000 }) },
  { weight: 1, arbitrary: fc.integer({ min: 5000, max: 20_000 }) },
);
const alloc: fc.Arbitrary<Deed> = fc.record({
  kind: fc.constant("alloc" as const),
  aim,
  made: fc.constantFrom<Made>("slice", "slice", "wide", "record", "batch", "columns", "text", "numbers"),
  n: bytes,
});
const push: fc.Arbitrary<Deed> = fc.record({
  kind: fc.constant("push" as const),
  aim,
  n: fc.integer({ min: 1, max: 600 }),
});
const end: fc.Arbitrary<Deed> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom("release" as const, "dispose" as const), aim }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("abort" as const), aim }) },
) as fc.Arbitrary<Deed>;
const other: fc.Arbitrary<Deed> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({ kind: fc.constant("charge" as const), n: fc.integer({ min: -3000, max: 3000 }) }),
  },
  { weight: 10, arbitrary: fc.record({ kind: fc.constantFrom("trim" as const, "change of heart" as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("end of all" as const) }) },
) as fc.Arbitrary<Deed>;
const deed: fc.Arbitrary<Deed> = fc.oneof(
  { weight: 3, arbitrary: alloc },
  { weight: 1, arbitrary: push },
  { weight: 3, arbitrary: end },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("boom" as const) }) },
  { weight: 1, arbitrary: other },
) as fc.Arbitrary<Deed>;

const op: fc.Arbitrary<Op> = fc.oneof(
  { weight: 90, arbitrary: alloc },
  { weight: 40, arbitrary: push },
  { weight: 20, arbitrary: fc.record({ kind: fc.constant("fork" as const), isAwaited: fc.nat(3).map((n) => n > 0) }) },
  {
    weight: 30,
    arbitrary: fc.record({
      kind: fc.constant("defer" as const),
      how: fc.constantFrom<Deferral>("plain", "slow", "slow", "throws", "fails later", "acts", "ends it"),
      deed,
    }),
  },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant("adopt" as const), isSlow: fc.boolean() }) },
  { weight: 4, arbitrary: end },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("close" as const), aim }) },
  { weight: 12, arbitrary: fc.record({ kind: fc.constantFrom("box" as const, "rewrite" as const) }) },
  { weight: 8, arbitrary: other },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("throw" as const) }) },
) as fc.Arbitrary<Op>;

const job: fc.Arbitrary<Job> = fc.record({
  zero: fc.nat(2).map((n) => n > 0),
  size: fc.constantFrom(1, 1, 1, 6000, 16 * KB),
  tag: fc.nat(3),
  signal: fc.constantFrom(undefined, undefined, 0, 1, 2),
  budget: fc.constantFrom("none", "none", "own", "own", "shared"),
  hard: fc.constantFrom(4 * KB, 12 * KB, 20 * KB, 1e6, 1e6),
  isAsync: fc.nat(3).map((n) => n > 0),
  ops: fc.array(op, { minLength: 8, maxLength: 16, size: "max" }),
});

const setup: fc.Arbitrary<Setup> = fc.record({
  isDirty: fc.boolean(),
  safety: fc.constantFrom(...SAFETIES),
  idleBytes: fc.constantFrom(0, 8 * KB, 20 * KB, 64 * KB, 4 << 20),
  globalHard: fc.constantFrom(30 * KB, 100 * KB, Infinity, Infinity),
  tagHard: fc.constantFrom(12 * KB, 40 * KB, Infinity),
  sharedHard: fc.constantFrom(12 * KB, 40 * KB, Infinity),
  reactions: fc.oneof(
    { weight: 1, arbitrary: fc.constant([]) },
    { weight: 2, arbitrary: fc.array(deed, { minLength: 1, maxLength: 6 }) },
  ),
});

/** At least 40 steps in each program. */
const jobs = fc.array(job, { minLength: 5, maxLength: 9, size: "max" });

/** What the programs came across, all together. */
const met = {
  programs: 0,
  steps: 0,
  tasks: 0,
  children: 0,
  allocations: 0,
  "chunks beside the first": 0,
  "chunks used again": 0,
  "growth in place": 0,
  growth: 0,
  "bytes passed on": 0,
  "FA003": 0,
  "FA351": 0,
  "FA352": 0,
  "FA711": 0,
  "less than wanted": 0,
  "idle given back": 0,
  "thrown in a block": 0,
  "ended twice": 0,
  "ended while ending": 0,
  "ended while somebody waits": 0,
  "ended by a parent": 0,
  "aborted": 0,
  "aborted before the start": 0,
  "awaited ends": 0,
  "deferred": 0,
  "deferred that act": 0,
  "slow ends that were awaited": 0,
  "slow ends that were hurried": 0,
  "errors of ends": 0,
  "errors on top of others": 0,
  "callbacks": 0,
  "callbacks that end the task": 0,
  "callbacks that throw": 0,
  "allocators disposed of": 0,
};

// Sources

/** A chunk that is out. */
interface Out {
  readonly chunk: Chunk;
  readonly bytes: number;
}

/** What a source tells of. */
interface Watcher {
  readonly obtained: (out: Out) => void;
  readonly revoked: (out: Out) => void;
  readonly released: (out: Out) => void;
}

/** Tells of everything that is done with its chunks. */
class Source implements ChunkSource {
  readonly name = "watched";
  readonly capabilities: ChunkSource["capabilities"];
  readonly out: Set<Out> = new Set();
  isGenerous = true;
  readonly #isDirty: boolean;
  readonly #watcher: Watcher;

  constructor(isDirty: boolean, watcher: Watcher) {
    this.capabilities = { ...arrayBufferSource.capabilities, zeroed: !isDirty };
    this.#isDirty = isDirty;
    this.#watcher = watcher;
  }

  get bytes(): number {
    return sum(this.out, ({ bytes }) => bytes);
  }

  obtain(bytes: number): Chunk {
    if (!this.isGenerous) throw new RangeError("Not today");
    const chunk = arrayBufferSource.obtain(bytes);
    if (this.#isDirty) new Uint8Array(chunk.buffer).fill(0xef);
    const out = { chunk, bytes };
    this.out.add(out);
    this.#watcher.obtained(out);
    return {
      get buffer() {
        return chunk.buffer;
      },
      revoke: () => {
        chunk.revoke();
        this.#watcher.revoked(out);
      },
      release: () => {
        assert(this.out.delete(out), "a chunk was given back twice");
        chunk.release();
        this.#watcher.released(out);
      },
    };
  }
}

// The model

/** What was allocated, all of whose bytes are the same. */
interface Thing {
  /** Its bytes as they were given out, where they can be seen. */
  readonly fresh: readonly Uint8Array[];
  readonly fill: (byte: number) => void;
  readonly isFilled: (byte: number) => boolean;
  /** Whether nobody can see it any more: raw views are detached, and handles throw. */
  readonly isGone: () => boolean;
  readonly numbers?: NumberVec<Uint8ArrayConstructor>;
}

/** A list of numbers, and where it lies. */
interface List {
  readonly numbers: NumberVec<Uint8ArrayConstructor>;
  segment: Segment;
  offset: number;
  capacity: number;
}

interface Segment {
  readonly out: Out;
  offset: number;
}

/** Something that is to end with a task. */
interface Ending {
  readonly child?: Known;
  isCalled: boolean;
  isOver: boolean;
}

interface Limit {
  readonly name: string;
  readonly hard: number;
}

/** What must be so of a task. */
interface Known {
  readonly task: TaskAlloc;
  readonly name: string;
  readonly tag: string;
  readonly isZeroed: boolean;
  readonly size: number;
  readonly signal: number | undefined;
  readonly parent: Known | undefined;
  /** The limits that it falls under beside those of its tag and of all memory, innermost first. */
  readonly limits: readonly Limit[];
  /** The byte that it writes: odd, unless it has waived zeros. */
  readonly byte: number;
  state: "open" | "closing" | "over";
  /** Whether its end waits for nothing. */
  isHurried: boolean;
  /** Whether its signal or its allocator ends it. */
  isDoomed: boolean;
  segments: Segment[];
  allocations: number;
  readonly things: Thing[];
  readonly lists: List[];
  readonly endings: Ending[];
  readonly boxes: { readonly value: unknown }[];
}

/** An error that an ending throws: somebody must be told of it, once. */
class Wanted extends Error {}

/** What a callback of a budget throws. */
class Boom extends Error {}

/** What a job fails with. */
class Failed extends Error {}

function sum<T>(of: Iterable<T>, bytesOf: (one: T) => number): number {
  let bytes = 0;
  for (const one of of) bytes += bytesOf(one);
  return bytes;
}

function sizeFor(bytes: number): number {
  let size = 4 * KB;
  while (size < bytes) size *= 2;
  return size;
}

function ceil16(bytes: number): number {
  return Math.ceil(bytes / 16) * 16;
}

function heldBy({ segments }: Known): number {
  return sum(segments, ({ out }) => out.bytes);
}

function usedBy({ segments }: Known): number {
  return sum(segments, ({ offset }) => offset);
}

function isFilled(bytes: Uint8Array, value: number): boolean {
  for (let i = 0; i < bytes.length; i++) if (bytes[i] !== value) return false;
  return true;
}

/** A number whose bytes are all the same. */
function floatOf(byte: number): number {
  return new Float32Array(new Uint8Array(4).fill(byte).buffer)[0]!;
}

/** Every error in a chain of errors on top of each other. */
function* leaves(error: unknown): Generator<unknown> {
  if (!(error instanceof SuppressedError)) return yield error;
  met["errors on top of others"]++;
  yield* leaves(error.suppressed);
  yield* leaves(error.error);
}

/** What a call comes to: nothing, or the code of its error. */
function outcomeOf(error: unknown): ErrorCode {
  if (!(error instanceof FrameAllocError)) throw error;
  assert(error.message.startsWith(`${error.code}: Cannot `) && !error.message.endsWith("."), error.message);
  return error.code;
}

function throws(fn: () => unknown, code: ErrorCode): boolean {
  try {
    fn();
  } catch (error) {
    return outcomeOf(error) === code;
  }
  return false;
}

/** How many bytes something takes. */
function bytesOf(made: Made, n: number): number {
  switch (made) {
    case "slice":
    case "text":
    case "numbers":
      return Math.max(n, made === "slice" ? 0 : 16);
    case "wide":
      return 8 * (n >> 3);
    case "record":
      return 16;
    case "batch":
      return 16 * (n >> 4);
    case "columns":
      return 4 * ceil16(4 * (n >> 4));
  }
}

function raw(...views: readonly ArrayBufferView[]): Thing {
  const bytes = views.map(({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength));
  const sizes = views.map(({ byteLength }) => byteLength);
  return {
    fresh: bytes,
    fill: (byte) => bytes.forEach((view) => view.fill(byte)),
    isFilled: (byte) => bytes.every((view, i) => view.length === sizes[i] && isFilled(view, byte)),
    isGone: () => [...views, ...bytes].every(({ byteLength }) => byteLength === 0),
  };
}

function make(task: TaskAlloc, made: Made, n: number): Thing {
  switch (made) {
    case "slice":
      return raw(task.allocSlice(Uint8Array, n));
    case "wide":
      return raw(task.allocSlice(Float64Array, n >> 3));
    case "batch": {
      const batch = task.allocBatch(Body, n >> 4);
      const thing = raw(batch.view(Uint8Array));
      return { ...thing, isGone: () => thing.isGone() && throws(() => batch.view(Uint8Array), "FA711") };
    }
    case "columns": {
      const { mass, at } = task.allocColumns(Body, n >> 4);
      return raw(mass, at.x, at.y, at.z);
    }
    case "record": {
      const record = task.alloc(Body);
      return {
        fresh: [new Uint8Array(new Float32Array([record.mass, ...record.at.toArray()]).buffer)],
        fill(byte) {
          record.mass = floatOf(byte);
          record.at.set(record.mass, record.mass, record.mass);
        },
        isFilled: (byte) => [record.mass, ...record.at.toArray()].every((value) => value === floatOf(byte)),
        isGone: () => throws(() => record.mass, "FA711") && throws(() => record.mass = 1, "FA711"),
      };
    }
    case "text": {
      let expected = "?".repeat(n);
      const text = task.allocString(expected);
      return {
        fresh: [],
        fill(byte) {
          expected = String.fromCharCode(byte).repeat(n);
          text.clear();
          text.append(expected);
        },
        isFilled: () => text.toString() === expected,
        isGone: () => throws(() => text.toString(), "FA711") && throws(() => text.append("a"), "FA711"),
      };
    }
    case "numbers": {
      const numbers = task.allocVec(Uint8Array, Math.max(n, 16));
      return {
        fresh: [],
        fill: (byte) => numbers.view.fill(byte),
        isFilled: (byte) => isFilled(numbers.view, byte),
        isGone: () => throws(() => numbers.push(1), "FA711") && throws(() => numbers.view, "FA711"),
        numbers,
      };
    }
  }
}

// Programs

class Run {
  readonly #alloc: SmartAlloc;
  readonly #source: Source;
  readonly #all: Known[] = [];
  readonly #scheduler: fc.Scheduler;
  readonly #setup: Setup;
  readonly #jobs: Job[];
  readonly #signals: readonly Watched[];
  readonly #tagLimit: Limit;
  readonly #shared: Limit;
  readonly #budget: ChildBudget;
  /** Whose chunks are whose. */
  readonly #owners: Map<Out, Known> = new Map();
  /** Chunks that were given and that no task is known to have. */
  readonly #fresh: Out[] = [];
  /** Chunks that are kept for later, the oldest first. */
  readonly #stock: Out[] = [];
  readonly #tooLarge: Set<Out> = new Set();
  #charged = 0;
  #reuses = 0;
  /** After so many steps the source gives chunks again. */
  #patience = 0;
  #reactions = 0;
  /** How many callbacks of budgets are running. */
  #depth = 0;
  #isDisposed = false;
  /** The tasks that are in the middle of an allocation. */
  readonly #allocating: Known[] = [];
  /** Errors that endings have thrown, and how often somebody was told. */
  readonly #wanted: Map<unknown, number> = new Map();
  readonly #waiting: Promise<unknown>[] = [];
  #failure: { readonly error: unknown } | undefined;

  constructor(scheduler: fc.Scheduler, setup: Setup, jobs: readonly Job[]) {
    this.#scheduler = scheduler;
    this.#setup = setup;
    this.#jobs = [...jobs];
    const { safety, idleBytes, globalHard, tagHard, sharedHard } = setup;
    const source = this.#source = new Source(setup.isDirty, {
      obtained: (out) => this.#fresh.push(out),
      revoked: (out) => this.#guarded(() => this.#revoked(out)),
      released: (out) => this.#guarded(() => this.#released(out)),
    });
    const alloc = this.#alloc = new SmartAlloc({ source, safety, taskIdleBytes: idleBytes });
    this.#signals = Array.from({ length: SIGNALS }, watchedSignal);
    const onCross = (): void => this.#react();
    alloc.budgets.setGlobal({ hard: globalHard, soft: Math.min(globalHard, 24 * KB), onCross });
    alloc.budgets.setTag("a", { hard: tagHard, soft: 9 * KB, onCross });
    this.#budget = alloc.budgets.child("shared", { hard: sharedHard, soft: 5 * KB, onCross });
    this.#tagLimit = { name: "a", hard: tagHard };
    this.#shared = { name: "shared", hard: sharedHard };
  }

  async go(): Promise<void> {
    met.programs++;
    const roots = Math.ceil(this.#jobs.length / 3);
    for (let i = 0; i < roots; i++) this.#waiting.push(this.#run(this.#jobs.shift()!, undefined));
    while (this.#waiting.length > 0) {
      const waiting = Promise.all(this.#waiting.splice(0));
      await this.#scheduler.waitIdle();
      await waiting;
      // What nobody has forked is begun by itself.
      const job = this.#jobs.shift();
      if (job !== undefined) this.#waiting.push(this.#run(job, undefined));
    }
    this.#rethrow();
    await this.#finish();
    this.#rethrow();
  }

  #rethrow(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  // Books

  get #idle(): number {
    return sum(this.#stock, ({ bytes }) => bytes);
  }

  /** What a limit is charged with. */
  #used(limit: Limit | "global"): number {
    if (limit === "global") return sum(this.#all, heldBy) + this.#idle + this.#charged;
    if (limit === this.#tagLimit) return sum(this.#all.filter(({ tag }) => tag.startsWith("a")), heldBy);
    const held = sum(this.#all.filter(({ limits }) => limits.includes(limit)), heldBy);
    return limit === this.#shared ? held + this.#charged : held;
  }

  /** Why so many bytes more are refused to those under some limits; `undefined` if they are not. */
  #refusal(limits: readonly Limit[], bytes: number): ErrorCode | undefined {
    return limits.some((limit) => this.#used(limit) + bytes > limit.hard) ? "FA352" : undefined;
  }

  #globalRefusal(bytes: number): ErrorCode | undefined {
    const short = this.#used("global") + bytes - this.#setup.globalHard;
    if (short <= 0) return undefined;
    assert(this.#idle < short, `${short} bytes were short, and ${this.#idle} are idle`);
    return "FA351";
  }

  // Chunks

  /** The views of a chunk are detached: its task must be about to end, and the chunk is kept if it is not too large. */
  #revoked(out: Out): void {
    const known = this.#owners.get(out);
    assert(known !== undefined, "a chunk is detached that nobody has");
    assert(this.#stateOf(known) === "closing", `the memory of ${known.name} has ended for no reason`);
    assert(known.segments.shift()?.out === out, `chunks of ${known.name} are detached out of turn`);
    this.#owners.delete(out);
    if (out.bytes > this.#setup.idleBytes) this.#tooLarge.add(out);
    else this.#stock.push(out);
  }

  #released(out: Out): void {
    if (this.#tooLarge.delete(out)) return;
    for (const known of this.#allocating) if (known.state !== "over") this.#noteFirst(known);
    assert(out === this.#stock.shift(), "a chunk is given back, and others have waited longer");
    if (this.#allocating.length > 0 && this.#depth === 0) met["idle given back"]++;
  }

  /** Gives a task another chunk, or says why that is refused. */
  #grant(known: Known, bytes: number): ErrorCode | undefined {
    if (this.#isDisposed) return "FA012"; // and the end of this task is still to come
    const kept = this.#stock.findLastIndex((out) => out.bytes === bytes);
    const refused = this.#refusal(known.tag.startsWith("a") ? [this.#tagLimit] : [], bytes) ??
      this.#refusal(known.limits, bytes) ?? (kept < 0 ? this.#globalRefusal(bytes) : undefined);
    if (refused !== undefined) return refused;
    if (kept < 0 && !this.#source.isGenerous) return "FA003";
    this.#take(known, bytes);
    return undefined;
  }

  #take(known: Known, bytes: number): void {
    const kept = this.#stock.findLastIndex((out) => out.bytes === bytes);
    const given = this.#fresh.findIndex((out) => out.bytes === bytes);
    const out = kept < 0 ? this.#fresh.splice(given, 1)[0] : this.#stock.splice(kept, 1)[0];
    assertEquals(out?.bytes, bytes, `what ${known.name} was given`);
    if (kept >= 0) {
      this.#reuses++;
      met["chunks used again"]++;
    }
    if (known.segments.length > 0) met["chunks beside the first"]++;
    this.#owners.set(out!, known);
    known.segments.push({ out: out!, offset: 0 });
  }

  /** A task may have its first chunk already while it is being given another. */
  #noteFirst(known: Known): void {
    if (known.segments.length === 0 && known.task.reserved > 0) this.#take(known, sizeFor(known.size));
  }

  /** What an allocation must have come to: where it lies, or why it was refused. Callbacks have run by then. */
  #place(known: Known, bytes: number): Omit<List, "numbers"> | ErrorCode {
    if (this.#stateOf(known) !== "open") return "FA711";
    this.#noteFirst(known);
    if (known.segments.length === 0) {
      const refused = this.#grant(known, sizeFor(known.size));
      if (refused !== undefined) return refused;
    }
    if (known.segments.at(-1)!.offset + bytes > known.segments.at(-1)!.out.bytes) {
      const most = sizeFor(Math.max(bytes, heldBy(known)));
      const least = sizeFor(bytes);
      let refused = this.#grant(known, most);
      if (refused !== undefined && refused !== "FA003" && least < most) {
        refused = this.#grant(known, least);
        if (refused === undefined) met["less than wanted"]++;
      }
      if (refused !== undefined) return refused;
    }
    const segment = known.segments.at(-1)!;
    const { offset } = segment;
    segment.offset = ceil16(offset + bytes);
    known.allocations++;
    return { segment, offset, capacity: bytes };
  }

  // Deeds

  /** Compares what a call has come to with what it must have come to. */
  #compare(error: unknown, expected: unknown, what: string): boolean {
    const code = error === undefined ? undefined : outcomeOf(error);
    const wanted = typeof expected === "string" ? expected : undefined;
    if (code !== wanted) assertEquals(code, wanted, `${what}: ${error}`);
    if (code !== undefined && code in met) met[code as "FA711"]++;
    return code === undefined;
  }

  /** Runs something that asks budgets, and says what it threw; what a callback has thrown is `"boom"`. */
  #asking<T>(known: Known, ask: () => T): { readonly value?: T; readonly error?: unknown } | "boom" {
    this.#allocating.push(known);
    try {
      return { value: ask() };
    } catch (error) {
      if (!(error instanceof Boom)) return { error };
      this.#noteFirst(known);
      return "boom";
    } finally {
      this.#allocating.pop();
    }
  }

  #allocate(known: Known, made: Made, n: number): void {
    const result = this.#asking(known, () => make(known.task, made, n));
    if (result === "boom") return;
    const place = this.#place(known, bytesOf(made, n));
    if (!this.#compare(result.error, place, `${made} ${n} of ${known.name}`) || typeof place === "string") return;
    met.allocations++;
    const thing = result.value!;
    for (const fresh of thing.fresh) {
      if (known.isZeroed) assert(isFilled(fresh, 0), `${made} of ${known.name} does not hold zeros`);
      else {
        // What others have left who have waived zeros as well is even.
        assert(fresh.every((byte) => byte % 2 === 0), `${made} of ${known.name} shows what is not its own`);
        if (fresh.some((byte) => byte !== 0)) met["bytes passed on"]++;
      }
    }
    thing.fill(known.byte);
    known.things.push(thing);
    if (thing.numbers !== undefined) known.lists.push({ numbers: thing.numbers, ...place });
  }

  #push(known: Known, list: List, times: number): void {
    for (let i = 0; i < times; i++) {
      const { length } = list.numbers;
      if (length < list.capacity) {
        list.numbers.push(known.byte);
        continue;
      }
      const result = this.#asking(known, () => list.numbers.push(known.byte));
      if (result === "boom") return;
      const end = ceil16(list.offset + list.capacity);
      const last = known.segments.at(-1);
      const isLast = last === list.segment && last.offset === end && list.offset + 2 * length <= last.out.bytes;
      if (this.#stateOf(known) === "open" && isLast) {
        this.#compare(result.error, undefined, `growth of a list of ${known.name} in place`);
        last.offset = ceil16(list.offset + 2 * length);
        list.capacity = 2 * length;
        met["growth in place"]++;
        continue;
      }
      const place = this.#place(known, 2 * length);
      if (!this.#compare(result.error, place, `growth of a list of ${known.name}`) || typeof place === "string") return;
      Object.assign(list, place);
      met.growth++;
    }
  }

  /** Ends a task now, and says what that has thrown. */
  #release(known: Known, how: "release" | "dispose"): void {
    if (known.state === "over") met["ended twice"]++;
    else if (this.#stateOf(known) === "closing") {
      met[known.isHurried ? "ended while ending" : "ended while somebody waits"]++;
    }
    this.#hurry(known);
    try {
      if (how === "release") known.task.release();
      else known.task[Symbol.dispose]();
    } catch (error) {
      this.#told(error);
    }
    this.#noteOver(known);
  }

  #abort(which: number): void {
    const { controller, signal } = this.#signals[which]!;
    if (signal.aborted) return;
    const mine = this.#all.filter((known) => known.signal === which && known.state !== "over");
    met.aborted += mine.length;
    for (const known of mine) this.#doom(known);
    controller.abort();
    for (const known of mine) this.#noteOver(known);
  }

  #endAll(): void {
    if (this.#isDisposed) return;
    met["allocators disposed of"]++;
    this.#isDisposed = true;
    const there = this.#all.filter(({ state }) => state !== "over");
    for (const known of there) this.#doom(known);
    this.#alloc.dispose();
    for (const known of there) this.#noteOver(known);
    assertEquals([this.#stock.length, this.#source.bytes], [0, 0]);
  }

  #charge(n: number): void {
    if (n < 0) {
      const bytes = Math.min(-n, this.#charged);
      this.#budget.uncharge(bytes);
      this.#charged -= bytes;
      return;
    }
    let isCharged: boolean;
    try {
      isCharged = this.#budget.tryCharge(n);
    } catch (error) {
      if (!(error instanceof Boom)) assertEquals([outcomeOf(error), this.#isDisposed], ["FA012", true]);
      return;
    }
    const refused = this.#refusal([this.#shared], n) ?? this.#globalRefusal(n);
    assertEquals(isCharged, refused === undefined, `charging ${n} bytes: ${refused}`);
    if (isCharged) this.#charged += n;
  }

  /** Does something; to `self` where it is about the task that it is done in. */
  #do(deed: Deed, self: Known | undefined): void {
    this.#noteEnds();
    switch (deed.kind) {
      case "alloc":
      case "push": {
        const known = self ?? this.#aim(deed.aim);
        if (known === undefined) return;
        if (deed.kind === "alloc") return this.#allocate(known, deed.made, deed.n);
        // A list that is about to grow may not be grown by a callback, as what comes of that is not said.
        const list = known.lists[deed.aim % Math.max(1, known.lists.length)];
        if (list === undefined || this.#depth > 0) return this.#allocate(known, "slice", deed.n);
        if (known.state !== "over") return this.#push(known, list, deed.n);
        assert(throws(() => list.numbers.push(1), "FA711"));
        return;
      }
      case "release":
      case "dispose": {
        const known = this.#aim(deed.aim);
        if (known !== undefined) this.#release(known, deed.kind);
        return;
      }
      case "abort":
        return this.#abort(deed.aim % SIGNALS);
      case "charge":
        return this.#charge(deed.n);
      case "trim": {
        const idle = this.#idle;
        assertEquals(this.#alloc.trim(), idle);
        assertEquals(this.#stock, []);
        return;
      }
      case "change of heart":
        this.#source.isGenerous = false;
        this.#patience = 4;
        return;
      case "end of all":
        return this.#endAll();
      case "boom":
        return;
    }
  }

  /** One of the tasks; most often one that is there. */
  #aim(aim: Aim): Known | undefined {
    const there = this.#all.filter(({ state }) => state !== "over");
    const from = aim % 5 === 0 || there.length === 0 ? this.#all : there;
    return from[aim % Math.max(1, from.length)];
  }

  /** A soft limit is told of: nothing has been changed yet, and anything may be done. */
  #react(): void {
    this.#guarded(() => {
      met.callbacks++;
      for (const known of this.#allocating) if (known.state !== "over") this.#noteFirst(known);
      this.#verify("in a callback");
    });
    const { reactions } = this.#setup;
    // One that takes and gives back memory each time would be told of that each time.
    if (reactions.length === 0 || this.#depth > 2 || this.#reactions >= MOST_REACTIONS) return;
    const deed = reactions[this.#reactions++ % reactions.length]!;
    if (deed.kind === "boom") {
      met["callbacks that throw"]++;
      throw new Boom();
    }
    const asking = this.#allocating.at(-1);
    const wasOpen = asking !== undefined && this.#stateOf(asking) === "open";
    this.#depth++;
    this.#guarded(() => this.#do(deed, undefined));
    this.#depth--;
    if (wasOpen && this.#stateOf(asking) !== "open") met["callbacks that end the task"]++;
  }

  // Ends

  /** A task is about to end. */
  #begin(known: Known): void {
    if (known.state === "open") known.state = "closing";
  }

  #hurry(known: Known): void {
    if (known.state === "over") return;
    this.#begin(known);
    known.isHurried = true;
    for (const { child } of known.endings) if (child !== undefined) this.#hurryInside(child);
  }

  /** A task is one of several that end now, whatever is around it. */
  #doom(known: Known): void {
    known.isDoomed = true;
    this.#hurryInside(known);
  }

  /** Those inside a task that ends now will, each in its turn. */
  #hurryInside(known: Known): void {
    if (known.state === "over") return;
    met["ended by a parent"]++;
    known.isHurried = true;
    for (const { child } of known.endings) if (child !== undefined) this.#hurryInside(child);
  }

  /** The task around one that is open may have come to its end, in its turn. */
  #stateOf(known: Known): Known["state"] {
    const { state, task, parent } = known;
    if (state !== "open" || !task.isReleased) return state;
    if (!known.isDoomed) {
      assert(parent !== undefined && this.#stateOf(parent) !== "open", `${known.name} has ended for no reason`);
      this.#checkTurn(parent, parent.endings.findIndex(({ child }) => child === known));
    }
    return known.state = "closing";
  }

  /** What came after something in a task has ended. */
  #checkTurn(known: Known, at: number): void {
    for (const { child, isCalled, isOver } of known.endings.slice(at + 1)) {
      if (child !== undefined) assert(!this.#isThere(child), `${child.name} is there while ${known.name} ends`);
      else assert(known.isHurried ? isCalled : isOver, `something in ${known.name} ends before what came after it`);
    }
  }

  #isThere({ name }: Known): boolean {
    return this.#alloc.stats().tasks.tasks.some((use) => use.name === name);
  }

  /** A task has ended: so has everything that belongs to it. */
  #noteOver(known: Known): void {
    if (known.state === "over") return;
    assertEquals(
      [this.#stateOf(known), known.task.isReleased, this.#isThere(known)],
      ["closing", true, false],
      known.name,
    );
    for (const { child, isCalled, isOver } of known.endings) {
      if (child !== undefined) this.#noteOver(child);
      else assert(known.isHurried ? isCalled : isOver, `something in ${known.name} did not end`);
    }
    known.state = "over";
    const { task } = known;
    assertEquals([known.segments, task.used, task.reserved, task.allocations], [[], 0, 0, 0], known.name);
    this.#checkGone(known);
  }

  #checkGone(known: Known): void {
    assert(known.things.every((thing) => thing.isGone()), `memory of ${known.name} can be seen after its end`);
    assert(known.boxes.every((box) => throws(() => box.value, "FA711")), `a box of ${known.name} can be seen`);
  }

  /** Tasks may have ended in their own time. */
  #noteEnds(): void {
    const there = new Set(this.#alloc.stats().tasks.tasks.map(({ name }) => name));
    for (const known of this.#all) if (!there.has(known.name)) this.#noteOver(known);
  }

  /** Something ends that belongs to a task, whose memory is there; what came after it has ended. */
  #ending(known: Known, ending: Ending): void {
    met.deferred++;
    assert(
      this.#stateOf(known) !== "open" && !ending.isCalled,
      `something in ${known.name} ends out of turn, or twice`,
    );
    ending.isCalled = true;
    this.#checkIntact(known);
    this.#checkTurn(known, known.endings.indexOf(ending));
  }

  #defer(known: Known, how: Deferral, deed: Deed): () => unknown {
    const ending: Ending = { isCalled: false, isOver: false };
    known.endings.push(ending);
    const fail = (): never => {
      const error = new Wanted();
      this.#wanted.set(error, 0);
      throw error;
    };
    const later = async (): Promise<void> => {
      await this.#pause();
      this.#guarded(() => {
        if (known.isHurried) met["slow ends that were hurried"]++;
        else {
          met["slow ends that were awaited"]++;
          this.#checkIntact(known);
        }
      });
      ending.isOver = true;
      if (how === "fails later") fail();
    };
    return () => {
      this.#guarded(() => this.#ending(known, ending));
      if (how === "slow" || how === "fails later") return later();
      if (how === "acts") {
        met["deferred that act"]++;
        this.#guarded(() => this.#do(deed, undefined));
      }
      if (how === "ends it") this.#guarded(() => this.#release(known, "release"));
      ending.isOver = true;
      if (how === "throws") fail();
    };
  }

  /** Somebody was told of what went wrong. */
  #told(error: unknown): void {
    for (const one of leaves(error)) {
      if (one instanceof Failed) continue;
      const times = this.#wanted.get(one);
      if (times === undefined) throw one;
      met["errors of ends"]++;
      this.#wanted.set(one, times + 1);
    }
  }

  /** Has a task end, and everything in it before, in its own time. */
  #close(known: Known): Promise<void> {
    if (known.state === "over") met["ended twice"]++;
    this.#begin(known);
    return known.task[Symbol.asyncDispose]().catch((error) => this.#guarded(() => this.#told(error))).then(() =>
      this.#guarded(() => {
        met["awaited ends"]++;
        this.#noteOver(known);
        for (const { isOver, child } of known.endings) assert(child !== undefined || isOver, "an end was not awaited");
      })
    );
  }

  // Jobs

  /** Keeps what has gone wrong where it would be taken for what a program throws. */
  #guarded(fn: () => void): void {
    try {
      fn();
    } catch (error) {
      this.#failure ??= { error };
    }
  }

  /** Waits until the scheduler lets it go on. */
  #pause(): Promise<unknown> {
    return this.#scheduler.schedule(Promise.resolve());
  }

  #start(job: Job, parent: Known | undefined): Known | undefined {
    const { zero, size, budget, hard, signal } = job;
    const i = this.#all.length;
    const tag = TAGS[job.tag]!;
    const options = {
      name: `t${i}`,
      zero,
      size,
      ...signal === undefined ? {} : { signal: this.#signals[signal]!.signal },
      ...budget === "none" ? {} : { budget: budget === "own" ? hard : this.#budget },
    };
    let task: TaskAlloc | undefined;
    let error: unknown;
    try {
      task = under(
        this.#alloc,
        tag,
        () => parent === undefined ? new TaskAlloc(this.#alloc, options) : parent.task.child(options),
      );
    } catch (thrown) {
      error = thrown;
    }
    const isLate = signal !== undefined && this.#signals[signal]!.signal.aborted;
    const refused = parent !== undefined && this.#stateOf(parent) !== "open"
      ? "FA711"
      : this.#isDisposed
      ? "FA012"
      : undefined;
    if (refused === undefined && isLate) {
      met["aborted before the start"]++;
      assertStrictEquals(error, this.#signals[signal!]!.signal.reason);
      return undefined;
    }
    if (!this.#compare(error, refused, "the start of a task")) return undefined;
    met.tasks++;
    if (parent !== undefined) met.children++;
    const name = parent === undefined ? `t${i}` : `${parent.name}/t${i}`;
    const around = parent?.limits ?? [];
    const known: Known = {
      task: task!,
      name,
      tag,
      isZeroed: zero,
      size,
      signal,
      parent,
      limits: budget === "own" ? [{ name, hard }, ...around] : budget === "shared" ? [this.#shared] : around,
      byte: zero ? 2 * i + 1 : 2 * i + 2,
      state: "open",
      isHurried: false,
      isDoomed: false,
      segments: [],
      allocations: 0,
      things: [],
      lists: [],
      endings: [],
      boxes: [],
    };
    parent?.endings.push({ child: known, isCalled: false, isOver: false });
    this.#all.push(known);
    return known;
  }

  async #run(job: Job, parent: Known | undefined): Promise<void> {
    try {
      const known = this.#start(job, parent);
      if (known === undefined) return;
      try {
        if (job.isAsync) {
          await using _task = known.task;
          using _note = { [Symbol.dispose]: () => this.#begin(known) };
          await this.#work(job.ops, known);
        } else {
          using _task = known.task;
          using _note = { [Symbol.dispose]: () => this.#hurry(known) };
          await this.#work(job.ops, known);
        }
      } catch (error) {
        this.#told(error);
      }
      this.#noteOver(known);
      this.#verify(`after the end of ${known.name}`);
    } catch (error) {
      this.#failure ??= { error };
    }
  }

  async #work(ops: readonly Op[], known: Known): Promise<void> {
    let late = 0;
    for (const op of ops) {
      await this.#pause();
      // Code that has not noticed the end of its task goes on for a while.
      if (this.#failure !== undefined || known.state === "over" && ++late > 3) return;
      met.steps++;
      this.#patience--;
      if (this.#patience === 0) this.#source.isGenerous = true;
      if (op.kind === "throw") {
        met["thrown in a block"]++;
        throw new Failed();
      }
      try {
        this.#noteEnds();
        if (known.state !== "over") this.#checkIntact(known);
        const waiting = this.#perform(op, known);
        this.#verify(`after ${op.kind} in ${known.name}`);
        if (waiting !== undefined) await waiting;
      } catch (error) {
        this.#failure ??= { error };
        return;
      }
    }
  }

  /** Does one thing in a task; what it gives is waited for. */
  #perform(op: Op, known: Known): Promise<void> | undefined {
    const { task } = known;
    switch (op.kind) {
      case "fork": {
        const job = this.#jobs.shift();
        if (job === undefined) return undefined;
        const child = this.#run(job, known);
        if (op.isAwaited) return child;
        this.#waiting.push(child);
        return undefined;
      }
      case "close": {
        const target = this.#aim(op.aim);
        if (target !== undefined) this.#waiting.push(this.#close(target));
        return undefined;
      }
      case "defer":
      case "adopt": {
        const isOpen = this.#stateOf(known) === "open";
        const fn = isOpen
          ? this.#defer(known, op.kind === "adopt" ? "plain" : op.how, op.kind === "adopt" ? NOTHING : op.deed)
          : () => {};
        let error: unknown;
        try {
          if (op.kind === "defer") task.defer(fn);
          else if (op.isSlow) {
            task.adopt({ [Symbol.dispose]: fn, [Symbol.asyncDispose]: () => Promise.resolve(fn()) } as Disposable);
          } else task.adopt({ [Symbol.dispose]: fn } as Disposable);
        } catch (thrown) {
          error = thrown;
        }
        this.#compare(error, isOpen ? undefined : "FA711", op.kind);
        return undefined;
      }
      case "box": {
        let error: unknown;
        try {
          known.boxes.push(task.allocBox<unknown>(known.name));
        } catch (thrown) {
          error = thrown;
        }
        this.#compare(error, this.#stateOf(known) === "open" ? undefined : "FA711", "box");
        return undefined;
      }
      case "rewrite":
        if (known.state !== "over") { for (const thing of known.things) thing.fill(known.byte); }
        return undefined;
      case "throw":
        return undefined;
      default:
        this.#do(op, known);
        return undefined;
    }
  }

  // Checks

  /** What a task has written is there. */
  #checkIntact(known: Known): void {
    assert(known.things.every((thing) => thing.isFilled(known.byte)), `the memory of ${known.name} has changed`);
    assert(known.boxes.every(({ value }) => value === known.name), `a box of ${known.name} has changed`);
  }

  /** All that must be so at any time. */
  #verify(label: string): void {
    const { tasks, tags, budgets } = this.#alloc.stats();
    const uses = new Map(tasks.tasks.map((use) => [use.name, use]));
    for (const known of this.#all) {
      const use = uses.get(known.name);
      if (use === undefined) {
        // It may have ended in its own time.
        this.#noteOver(known);
        continue;
      }
      assert(known.state !== "over", `${label}: ${known.name} is there after its end`);
      const wanted = {
        name: known.name,
        tag: known.tag,
        used: usedBy(known),
        reserved: heldBy(known),
        allocations: known.allocations,
      };
      assertEquals(use, wanted, label);
      assertEquals([known.task.used, known.task.reserved], [wanted.used, wanted.reserved]);
      this.#checkIntact(known);
    }
    const held = sum(this.#all, heldBy);
    const there = this.#all.filter(({ state }) => state !== "over");
    const { live, made, leaked, reserved, idle, reuses } = tasks;
    assertEquals(
      [live, made, leaked, reserved, idle, reuses, this.#source.bytes],
      [there.length, this.#all.length, 0, held, this.#idle, this.#reuses, held + this.#idle],
      label,
    );
    for (const tag of TAGS) {
      const inUse = tags.find(({ path }) => path === tag)?.inUse.tasks ?? 0;
      assertEquals(inUse, sum(this.#all.filter((known) => known.tag === tag), heldBy), `${label}: tag "${tag}"`);
    }
    const limits = new Set([this.#tagLimit, this.#shared, ...there.flatMap(({ limits }) => limits)]);
    const used = Object.fromEntries([...limits].map((limit) => [limit.name, this.#used(limit)]));
    assertEquals(
      Object.fromEntries(budgets.map(({ name, used }) => [name, used])),
      { global: this.#used("global"), ...used },
      label,
    );
    for (const [i, { listeners }] of this.#signals.entries()) {
      assertEquals(listeners, there.filter(({ signal }) => signal === i).length, `${label}: listeners of signal ${i}`);
    }
  }

  async #finish(): Promise<void> {
    for (const known of this.#all) {
      assertEquals(known.state, "over", known.name);
      this.#release(known, "release");
      await this.#close(known);
      this.#checkGone(known);
    }
    for (const times of this.#wanted.values()) assertEquals(times, 1, "an error was not thrown once");
    this.#charge(-Infinity);
    this.#verify("at last");
    this.#source.isGenerous = true;
    this.#do({ kind: "trim" }, undefined);
    assertEquals([this.#source.bytes, this.#used("global")], [0, 0]);
    this.#verify("at last");
    assertEquals(this.#alloc.dispose(), []);
  }
}

const NOTHING: Deed = { kind: "boom" };

Deno.test(`tasks obey the model in ${RUNS} random programs, in any order`, async () => {
  let runs = 0;
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), setup, jobs, async (scheduler, setup, jobs) => {
      runs++;
      await new Run(scheduler, setup, jobs).go();
    }),
    // A failure is made smaller for so long, and then shown as it is.
    { numRuns: RUNS, interruptAfterTimeLimit: 60_000 },
  );
  assert(runs >= RUNS);
});

Deno.test("tasks met everything in their random programs", () => {
  console.log(JSON.stringify(met));
  assert(met.steps / met.programs >= 30, `only ${met.steps} steps in ${met.programs} programs`);
  for (const [what, count] of Object.entries(met)) assert(count >= 100, `only ${count} ${what}`);
});
