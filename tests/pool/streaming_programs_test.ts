/**
 * Streaming: random programs against a model. A scheduler decides when those who wait lose patience and when they go on with what
 * they were given; the callback for evictions uses streaming meanwhile, or throws. After every step the books are exact.
 */

import {
  type ErrorCode,
  FrameAllocError,
  type PinGuard,
  SmartAlloc,
  type StreamingStats,
  type StreamPriority,
  type StreamState,
} from "@framealloc/core";
import type { ChunkSource } from "@framealloc/core/memory";
import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import fc from "fast-check";
import { type Pair, SUPPORTED } from "../frame/_sources.ts";

const RUNS_PER_PAIR = 105;
const BUDGET = 1000;
const PRIORITIES: readonly StreamPriority[] = ["low", "normal", "high", "critical"];
const TAGS = [undefined, "level", "level::rocks", "capped"] as const;

// What programs are made of

interface Wish {
  readonly size: number;
  readonly priority: number;
  readonly tag: number;
}

/** Which asset is meant: one in a state that fits, or with `wild` any that ever was. */
interface Aim {
  readonly which: number;
  readonly wild: boolean;
}

type Use = "load" | "progress" | "finish" | "access" | "tryAccess" | "pin" | "unpin" | "free" | "look" | "move";

type Op =
  | { readonly kind: "reserve"; readonly wish: Wish; /** Whether it is loaded at once. */ readonly isQuick: boolean }
  | {
    readonly kind: "wait";
    readonly wish: Wish;
    readonly mode: "patient" | "abort" | "timeout" | "together" | "aborted";
    readonly delay: number;
    /** How many steps are taken with what was waited for. */
    readonly steps: number;
  }
  | { readonly kind: Use; readonly aim: Aim; readonly bytes: number }
  | { readonly kind: "frames"; readonly count: number }
  | { readonly kind: "strange" | "trim" };

/** What the callback does when an asset was evicted. */
type Reaction =
  | { readonly kind: "reserve" | "wait"; readonly wish: Wish }
  | { readonly kind: "free" | "finish" | "access" | "unpin"; readonly aim: Aim }
  | { readonly kind: "nothing" | "throw" };

const wish: fc.Arbitrary<Wish> = fc.record({
  size: fc.oneof(
    { weight: 8, arbitrary: fc.integer({ min: 20, max: 400 }) },
    { weight: 2, arbitrary: fc.integer({ min: 1, max: 40 }) },
    { weight: 1, arbitrary: fc.integer({ min: 450, max: BUDGET + 50 }) },
  ),
  priority: fc.nat(3),
  tag: fc.constantFrom(0, 0, 1, 1, 2, 2, 3),
});
const aim: fc.Arbitrary<Aim> = fc.record({ which: fc.nat(), wild: fc.nat(9).map((n) => n === 9) });
const bytes = fc.integer({ min: 0, max: 500 });

const op: fc.Arbitrary<Op> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ kind: fc.constant("reserve" as const), wish, isQuick: fc.boolean() }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("wait" as const),
      wish,
      mode: fc.constantFrom("patient", "patient", "abort", "timeout", "together", "aborted"),
      delay: fc.nat(30),
      steps: fc.nat(5),
    }),
  },
  { weight: 16, arbitrary: fc.record({ kind: fc.constantFrom("load", "finish"), aim, bytes }) },
  {
    weight: 7,
    arbitrary: fc.record({ kind: fc.constantFrom("progress", "access", "tryAccess", "look", "move"), aim, bytes }),
  },
  { weight: 5, arbitrary: fc.record({ kind: fc.constantFrom("pin", "unpin", "unpin", "free", "free"), aim, bytes }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("frames" as const), count: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("strange", "trim") }) },
) as fc.Arbitrary<Op>;

const reaction: fc.Arbitrary<Reaction> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("nothing" as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("throw" as const) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom("reserve" as const, "wait" as const), wish }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom("free", "finish", "access", "unpin"), aim }) },
) as fc.Arbitrary<Reaction>;

interface Setup {
  readonly idleBytes: number;
  readonly cap: number;
  readonly reactions: readonly Reaction[];
  readonly isTidy: boolean;
}

const setup: fc.Arbitrary<Setup> = fc.record({
  idleBytes: fc.constantFrom(0, 0, 500, 1 << 20),
  cap: fc.constantFrom(150, 300, 600, Infinity),
  reactions: fc.oneof(
    { weight: 1, arbitrary: fc.constant([]) },
    { weight: 4, arbitrary: fc.array(reaction, { minLength: 1, maxLength: 6 }) },
  ),
  isTidy: fc.boolean(),
});

/** What the programs came across, all together. */
const met = {
  evictions: 0,
  evictionsOfSeveral: 0,
  evictionsForWaiters: 0,
  refusedForLack: 0,
  refusedByTag: 0,
  servedAtOnce: 0,
  servedLater: 0,
  servedByFrame: 0,
  servedAfterEviction: 0,
  aborted: 0,
  timedOut: 0,
  abortedTogether: 0,
  abortedTooLate: 0,
  disposedWaiters: 0,
  callbacks: 0,
  nestedCallbacks: 0,
  thrown: 0,
  takenBack: 0,
  protectedByFrame: 0,
  protectedByPin: 0,
  movedAway: 0,
  movedBack: 0,
};

// Outcomes

/** What a callback of the program throws. */
class Wanted extends Error {}

type Outcome = { readonly value: unknown } | { readonly code: ErrorCode | "wanted" };

function outcomeOf(error: unknown): Outcome {
  if (error instanceof Wanted) return { code: "wanted" };
  if (!(error instanceof FrameAllocError)) throw error;
  assert(error.message.startsWith(`${error.code}: Cannot `) && !error.message.endsWith("."), error.message);
  return { code: error.code };
}

function attempt(fn: () => unknown): Outcome {
  try {
    return { value: fn() };
  } catch (error) {
    return outcomeOf(error);
  }
}

/** An error of the model. */
class Coded extends FrameAllocError {
  constructor(code: ErrorCode) {
    super(code, "Cannot do that");
  }
}

// The model

/** A wish with a name of its own. */
interface Request {
  readonly name: string;
  readonly size: number;
  readonly priority: number;
  readonly tag: string;
}

interface Asset extends Request {
  state: StreamState;
  /** Whether its memory was transferred away and has not come back. */
  isGone: boolean;
  loaded: number;
  pins: number;
  usedIn: number;
  use: number;
  readonly bornIn: number;
}

interface Evicted {
  readonly name: string;
  readonly tag: string;
  readonly bytes: number;
}

/** What can be done with an asset, in the model and in fact. */
interface Side {
  reserve(request: Request): boolean;
  wait(request: Request, signal: string | undefined): void;
  use(kind: Use, name: string, bytes: number): unknown;
}

class Model implements Side {
  readonly live: Map<string, Asset> = new Map();
  readonly waiting: (Request & { readonly signal: string | undefined })[] = [];
  /** What became of those who waited: an error, or `undefined` for those who were served. */
  readonly settled: Map<string, unknown> = new Map();
  readonly abortedSignals: Map<string, unknown> = new Map();
  readonly cap: number;
  readonly onEvict: (evicted: Evicted) => void;
  frame = 0;
  uses = 0;
  evictions = 0;

  constructor(cap: number, onEvict: (evicted: Evicted) => void) {
    this.cap = cap;
    this.onEvict = onEvict;
  }

  get all(): Asset[] {
    return [...this.live.values()];
  }

  get reserved(): number {
    return this.all.reduce((sum, asset) => sum + asset.size, 0);
  }

  get stats(): StreamingStats {
    const { all, reserved } = this;
    const count = (state: StreamState): number => all.filter((asset) => asset.state === state).length;
    return {
      budget: BUDGET,
      reserved,
      loaded: all.reduce((sum, asset) => sum + asset.loaded, 0),
      available: BUDGET - reserved,
      reservedCount: count("reserved"),
      loadingCount: count("loading"),
      readyCount: count("ready"),
      pinnedCount: all.filter((asset) => asset.pins > 0).length,
      waiting: this.waiting.length,
      evictions: this.evictions,
    };
  }

  inUse(tag: string): number {
    return this.all.filter((asset) => asset.tag === tag).reduce((sum, asset) => sum + charge(asset.size), 0);
  }

  /** Whom an asset would have to push out; `undefined` if that is not enough, or a limit refuses all the same. */
  victims({ size, priority, tag }: Request): Asset[] | undefined {
    const able = this.all.filter((asset) =>
      asset.state === "ready" && asset.pins === 0 &&
      (asset.priority < priority || asset.priority === priority && asset.usedIn !== this.frame)
    );
    const victims: Asset[] = [];
    for (let missing = this.reserved + size - BUDGET; missing > 0;) {
      const next = able.reduce<Asset | undefined>(
        (least, asset) =>
          least === undefined || asset.priority < least.priority ||
            asset.priority === least.priority && asset.use < least.use
            ? asset
            : least,
        undefined,
      );
      if (next === undefined) {
        met.refusedForLack++;
        if (this.all.some((one) => one.state === "ready" && one.pins > 0 && one.priority < priority)) {
          met.protectedByPin++;
        }
        if (this.all.some((one) => one.state === "ready" && one.pins === 0 && one.priority === priority)) {
          met.protectedByFrame++;
        }
        return undefined;
      }
      able.splice(able.indexOf(next), 1);
      victims.push(next);
      missing -= next.size;
    }
    // What is evicted makes room in the limit of its tag as well.
    const credit = victims.reduce((sum, victim) => victim.tag === tag ? sum + charge(victim.size) : sum, 0);
    if (tag === "capped" && this.inUse(tag) - credit + charge(size) > this.cap) {
      met.refusedByTag++;
      return undefined;
    }
    return victims;
  }

  take(request: Request, evicted: Evicted[]): boolean {
    const victims = this.victims(request);
    if (victims === undefined) return false;
    for (const { name, tag, size } of victims) {
      this.live.delete(name);
      this.evictions++;
      evicted.push({ name, tag, bytes: size });
    }
    met.evictions += victims.length;
    if (victims.length > 1) met.evictionsOfSeveral++;
    const { frame } = this;
    this.live.set(request.name, {
      ...request,
      state: "reserved",
      isGone: false,
      loaded: 0,
      pins: 0,
      usedIn: frame,
      bornIn: frame,
      use: this.uses++,
    });
    return true;
  }

  tell(evicted: readonly Evicted[]): void {
    let failure: { readonly error: unknown } | undefined;
    for (const one of evicted) {
      try {
        this.onEvict(one);
      } catch (error) {
        failure ??= { error };
      }
    }
    if (failure !== undefined) throw failure.error;
  }

  /** Serves those who wait, in turn, until one cannot be served. */
  pump(): number {
    const evicted: Evicted[] = [];
    let served = 0;
    while (this.waiting.length > 0) {
      const { signal: _, ...request } = this.waiting[0]!;
      if (!this.take(request, evicted)) break;
      this.waiting.shift();
      this.settled.set(request.name, undefined);
      served++;
    }
    met.evictionsForWaiters += evicted.length;
    this.tell(evicted);
    return served;
  }

  reserve(request: Request): boolean {
    const evicted: Evicted[] = [];
    const isTaken = this.take(request, evicted);
    try {
      this.tell(evicted);
      // An eviction may make more room than was needed.
      if (evicted.length > 0) met.servedAfterEviction += this.pump();
    } catch (error) {
      if (isTaken) this.takeBack(request.name);
      throw error;
    }
    return isTaken;
  }

  wait(request: Request, signal: string | undefined): void {
    const { name, size, priority } = request;
    if (signal !== undefined && this.abortedSignals.has(signal)) {
      this.settled.set(name, this.abortedSignals.get(signal));
      return;
    }
    if (size > BUDGET) {
      this.settled.set(name, new Coded("FA402"));
      return;
    }
    if (request.tag === "capped" && charge(size) > this.cap) {
      this.settled.set(name, new Coded("FA352"));
      return;
    }
    const behind = this.waiting.findIndex((other) => other.priority < priority);
    this.waiting.splice(behind < 0 ? this.waiting.length : behind, 0, { ...request, signal });
    try {
      this.pump();
      if (this.settled.has(name)) met.servedAtOnce++;
    } catch (error) {
      const at = this.waiting.findIndex((other) => other.name === name);
      if (at >= 0) this.waiting.splice(at, 1);
      this.settled.set(name, error);
      this.takeBack(name);
    }
  }

  abort(signal: string, reason: unknown): void {
    if (this.abortedSignals.has(signal)) return;
    this.abortedSignals.set(signal, reason);
    let some = 0;
    for (let i = this.waiting.length - 1; i >= 0; i--) {
      if (this.waiting[i]!.signal !== signal) continue;
      this.settled.set(this.waiting.splice(i, 1)[0]!.name, reason);
      some++;
    }
    if (some === 0) {
      if (!signal.startsWith("aborted")) met.abortedTooLate++;
    } else {
      met[
        signal.startsWith("together") ? "abortedTogether" : reason instanceof DOMException ? "timedOut" : "aborted"
      ]++;
      met.servedLater += this.pump();
    }
  }

  use(kind: Use, name: string, bytes: number): unknown {
    const asset = this.live.get(name);
    if (kind === "look") return asset?.state;
    if (asset === undefined) {
      if (kind === "tryAccess") return undefined;
      throw new Coded(kind === "free" ? "FA403" : "FA401");
    }
    const { state, isGone } = asset;
    switch (kind) {
      case "load":
        if (state === "ready" || isGone) throw new Coded("FA407");
        asset.state = "loading";
        return undefined;
      case "progress":
        if (state !== "loading") throw new Coded("FA407");
        asset.loaded = Math.min(bytes, asset.size);
        return undefined;
      case "move":
        if (state !== "loading") throw new Coded("FA407");
        met[isGone ? "movedBack" : "movedAway"]++;
        if (isGone) asset.loaded = Math.min(bytes, asset.size);
        asset.isGone = !isGone;
        return undefined;
      case "finish":
        if (state !== "loading" || isGone) throw new Coded("FA407");
        asset.state = "ready";
        asset.loaded = asset.size;
        this.touch(asset);
        break;
      case "access":
        if (state !== "ready") throw new Coded("FA407");
        this.touch(asset);
        return "its bytes";
      case "tryAccess":
        if (state !== "ready") return undefined;
        this.touch(asset);
        return "its bytes";
      case "pin":
        asset.pins++;
        return undefined;
      case "unpin":
        if (asset.pins === 0) throw new Coded("FA406");
        if (--asset.pins > 0) return undefined;
        break;
      case "free":
        if (asset.pins > 0) throw new Coded("FA406");
        this.live.delete(name);
        break;
    }
    met.servedLater += this.pump();
    return undefined;
  }

  touch(asset: Asset): void {
    asset.usedIn = this.frame;
    asset.use = this.uses++;
  }

  /** Takes a reservation back that its caller never got. */
  takeBack(name: string): void {
    if (this.live.delete(name)) met.takenBack++;
    this.pump();
  }
}

function charge(size: number): number {
  return Math.ceil(size / 16) * 16;
}

// The real thing

/** A signal that knows how many listeners it has. */
interface Signal {
  readonly controller: AbortController;
  listeners: number;
}

function makeSignal(): Signal {
  const controller = new AbortController();
  const made: Signal = { controller, listeners: 0 };
  const { signal } = controller;
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...args: Parameters<typeof add>): void => {
    made.listeners++;
    add(...args);
  };
  signal.removeEventListener = (...args: Parameters<typeof remove>): void => {
    made.listeners--;
    remove(...args);
  };
  return made;
}

class Real implements Side {
  readonly alloc: SmartAlloc;
  /** The numbers of assets that were handed out, also of those that are gone. */
  readonly ids: Map<string, number> = new Map();
  /** What was seen of their memory, and what was written to it. */
  readonly views: Map<string, { bytes: Uint8Array<ArrayBuffer>; readonly fill: number }> = new Map();
  /** Memory that was transferred away. */
  readonly moved: Map<string, ArrayBuffer> = new Map();
  readonly pins: Map<string, PinGuard[]> = new Map();
  readonly outcomes: Map<string, { readonly id: number } | { readonly error: unknown }> = new Map();
  readonly signals: Map<string, Signal> = new Map();

  /** Whether the tag is taken from the code around a call, which would count for calls inside callbacks as well. */
  readonly #usesTagAround: boolean;

  constructor(alloc: SmartAlloc, usesTagAround: boolean) {
    this.alloc = alloc;
    this.#usesTagAround = usesTagAround;
  }

  reserve({ name, size, priority, tag }: Request): boolean {
    const { streaming } = this.alloc;
    const options = { name, priority: PRIORITIES[priority]! };
    const id = tag === "level" && this.#usesTagAround
      ? this.alloc.withTag(tag, () => streaming.reserve(size, options))
      : streaming.reserve(size, tag === "" ? options : { ...options, tag });
    if (id !== undefined) this.ids.set(name, id);
    return id !== undefined;
  }

  wait({ name, size, priority, tag }: Request, signal: string | undefined): void {
    const { streaming } = this.alloc;
    const options = {
      name,
      priority: PRIORITIES[priority]!,
      ...(tag === "" ? {} : { tag }),
      ...(signal === undefined ? {} : { signal: this.signal(signal).controller.signal }),
    };
    streaming.reserveAsync(size, options).then(
      (id) => this.outcomes.set(name, { id }),
      (error) => this.outcomes.set(name, { error }),
    );
  }

  signal(name: string): Signal {
    let signal = this.signals.get(name);
    if (signal === undefined) this.signals.set(name, signal = makeSignal());
    return signal;
  }

  use(kind: Use, name: string, bytes: number): unknown {
    const { streaming } = this.alloc;
    const id = this.ids.get(name)!;
    switch (kind) {
      case "load": {
        const bytes = streaming.beginLoad(id);
        const known = this.views.get(name);
        if (known === undefined) {
          assert(bytes.every((byte) => byte === 0), "fresh memory does not hold zeros");
          const fill = 1 + this.views.size % 255;
          this.views.set(name, { bytes: bytes.fill(fill), fill });
        } else assertStrictEquals(bytes, known.bytes);
        return undefined;
      }
      case "progress":
        return streaming.reportProgress(id, bytes);
      case "finish":
        return streaming.finishLoad(id);
      case "access":
      case "tryAccess": {
        const bytes = streaming[kind](id);
        if (bytes === undefined) return undefined;
        assertStrictEquals(bytes, this.views.get(name)!.bytes);
        return "its bytes";
      }
      case "pin": {
        const pins = this.pins.get(name);
        const pin = streaming.pin(id);
        if (pins === undefined) this.pins.set(name, [pin]);
        else pins.push(pin);
        return undefined;
      }
      case "unpin": {
        // By the guard or by the number, as it comes.
        const pin = this.pins.get(name)?.pop();
        if (pin === undefined || bytes % 2 === 0) return streaming.unpin(id);
        pin.end();
        return pin.end();
      }
      case "move": {
        const known = this.views.get(name);
        const moved = this.moved.get(name);
        // The buffer of one that is in another state is of no interest.
        if (known === undefined || streaming.state(id) !== "loading") return streaming.reportProgress(id, bytes);
        if (moved === undefined) {
          this.moved.set(name, known.bytes.buffer.transfer());
        } else {
          streaming.reportProgress(id, bytes, moved);
          this.moved.delete(name);
          known.bytes = streaming.beginLoad(id);
        }
        return undefined;
      }
      case "free":
        return streaming.free(id);
      case "look":
        assertEquals(streaming.has(id), streaming.state(id) !== undefined);
        return streaming.state(id);
    }
  }
}

// Both together

/** A call of the callback, as the model has seen it. */
interface Call {
  readonly evicted: Evicted;
  readonly stats: StreamingStats;
  throws: boolean;
  act?: (side: Side) => unknown;
  outcome?: Outcome;
}

class Run {
  readonly model: Model;
  readonly real: Real;
  readonly #alloc: SmartAlloc;
  readonly #setup: Setup;
  readonly #scheduler: fc.Scheduler;
  #names = 0;
  /** Which group of waiters the next one joins that share a signal. */
  #together = 0;
  /** The callbacks of the current step. */
  #calls: Call[] = [];
  #called = 0;
  #depth = 0;
  #mayThrow = false;
  #reactions = 0;
  #failure: { readonly error: unknown } | undefined;
  readonly #steps: Map<string, number> = new Map();

  constructor(scheduler: fc.Scheduler, alloc: SmartAlloc, setup: Setup) {
    this.#scheduler = scheduler;
    this.#alloc = alloc;
    this.#setup = setup;
    this.model = new Model(setup.cap, (evicted) => this.#expect(evicted));
    this.real = new Real(alloc, setup.reactions.length === 0);
    alloc.streaming.onEvict = ({ id, ...evicted }) => {
      try {
        assertEquals(id, this.real.ids.get(evicted.name));
        this.#react(evicted);
      } catch (error) {
        if (error instanceof Wanted) throw error;
        this.#failure ??= { error }; // told at the end of the step, wherever this call came from
      }
    };
  }

  // Callbacks

  /** Decides what the callback does, and does it to the model. */
  #expect(evicted: Evicted): void {
    const { reactions } = this.#setup;
    const call: Call = { evicted, stats: this.model.stats, throws: false };
    this.#calls.push(call);
    met.callbacks++;
    if (this.#depth > 0) met.nestedCallbacks++;
    if (reactions.length === 0 || this.#depth > 1 || this.#calls.length > 8) return;
    const reaction = reactions[this.#reactions++ % reactions.length]!;
    switch (reaction.kind) {
      case "nothing":
        return;
      case "throw":
        if (!this.#mayThrow || this.#depth > 0) return;
        this.#mayThrow = false;
        met.thrown++;
        call.throws = true;
        throw new Wanted();
      case "reserve":
      case "wait": {
        const request = this.#request(reaction.wish);
        call.act = (side) => reaction.kind === "reserve" ? side.reserve(request) : side.wait(request, undefined);
        break;
      }
      default: {
        const name = this.#aim(reaction.kind, reaction.aim);
        if (name === undefined) return;
        call.act = (side) => side.use(reaction.kind, name, 0);
      }
    }
    this.#depth++;
    call.outcome = attempt(() => call.act!(this.model));
    this.#depth--;
  }

  /** Does the same in fact. */
  #react(evicted: Evicted): void {
    const call = this.#calls[this.#called++];
    assert(call !== undefined, `${evicted.name} was evicted for no reason`);
    assertEquals(evicted, call.evicted);
    assertEquals(this.#alloc.streaming.stats, call.stats);
    if (call.throws) throw new Wanted();
    if (call.act !== undefined) assertEquals(attempt(() => call.act!(this.real)), call.outcome!);
  }

  // Steps

  /** Does something to the model, then in fact, and compares. */
  async step(label: string, act: (side: Side) => unknown, mayThrow: boolean = true): Promise<Outcome> {
    this.#calls = [];
    this.#called = 0;
    this.#mayThrow = mayThrow;
    const expected = attempt(() => act(this.model));
    const actual = attempt(() => act(this.real));
    this.#rethrow();
    assertEquals(actual, expected, label);
    // A reservation of a waiter whose call has thrown may be taken back a moment later.
    if (!label.startsWith("wait") || !this.#calls.some((call) => call.throws)) {
      assertEquals(this.#alloc.streaming.stats, this.model.stats, label);
    }
    await this.#settle();
    assertEquals(this.#called, this.#calls.length, `${label}: not everybody who was evicted was told of`);
    this.verify(label);
    return actual;
  }

  #rethrow(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** Compares what became of those who wait. */
  async #settle(): Promise<void> {
    for (let i = 0; i < 12; i++) await undefined;
    this.#rethrow();
    const { model, real } = this;
    assertEquals([...real.outcomes.keys()].sort(), [...model.settled.keys()].sort());
    for (const [name, outcome] of real.outcomes) {
      const error = model.settled.get(name);
      if (error instanceof Coded || error instanceof Wanted) {
        assert("error" in outcome);
        assertEquals(outcomeOf(outcome.error), outcomeOf(error));
      } else if (error !== undefined) assertStrictEquals("error" in outcome && outcome.error, error);
      else {
        assert("id" in outcome, "a waiter was to be served");
        real.ids.set(name, outcome.id);
        this.#goOn(name);
      }
    }
    model.settled.clear();
    real.outcomes.clear();
    assertEquals(new Set(real.ids.values()).size, real.ids.size, "a number was given out twice");
  }

  /** Has the one who waited use what it was given, whenever the scheduler lets it. */
  #goOn(name: string): void {
    const uses: readonly Use[] = ["load", "progress", "finish", "access", "free"];
    this.#schedule(
      uses.slice(0, this.#steps.get(name) ?? 0).map((kind) => [
        `${kind} ${name}`,
        () => this.step(`${kind} ${name}`, (side) => side.use(kind, name, 10)),
      ]),
    );
  }

  #schedule(tasks: readonly (readonly [label: string, task: () => Promise<unknown>])[]): void {
    this.#scheduler.scheduleSequence(tasks.map(([label, task]) => ({
      label,
      builder: async () => {
        try {
          if (this.#failure === undefined) await task();
        } catch (error) {
          this.#failure ??= { error };
        }
      },
    })));
  }

  #request({ size, priority, tag }: Wish): Request {
    return { name: `asset ${this.#names++}`, size, priority, tag: TAGS[tag] ?? "" };
  }

  #aim(kind: Use, { which, wild }: Aim): string | undefined {
    const { model, real } = this;
    const suits = ({ state, pins }: Asset): boolean =>
      kind === "load"
        ? state === "reserved"
        : kind === "progress" || kind === "finish" || kind === "move"
        ? state === "loading"
        : kind === "access" || kind === "tryAccess" || kind === "pin"
        ? state === "ready"
        : kind === "unpin"
        ? pins > 0
        : pins === 0;
    const names = wild
      ? [...real.ids.keys()]
      : model.all.filter((asset) => real.ids.has(asset.name) && suits(asset)).map((asset) => asset.name);
    return names[which % names.length];
  }

  async perform(op: Op): Promise<void> {
    switch (op.kind) {
      case "reserve": {
        const request = this.#request(op.wish);
        const { name } = request;
        await this.step(`reserve ${name}`, (side) => side.reserve(request));
        if (!op.isQuick || !this.model.live.has(name)) break;
        for (const kind of ["load", "finish"] as const) {
          await this.step(`${kind} ${name}`, (side) => side.use(kind, name, 0));
        }
        break;
      }
      case "wait":
        await this.#wait(op);
        break;
      case "frames":
        for (let i = 0; i < op.count; i++) await this.#frame();
        break;
      case "trim":
        await this.step("trim", (side) => {
          if (side === this.real) this.#alloc.trim();
        });
        break;
      case "strange":
        this.#strange();
        break;
      default: {
        const name = this.#aim(op.kind, op.aim);
        if (name === undefined) break;
        await this.step(`${op.kind} ${name}`, (side) => side.use(op.kind, name, op.bytes));
      }
    }
  }

  async #wait({ wish, mode, delay, steps }: Op & { readonly kind: "wait" }): Promise<void> {
    const request = this.#request(wish);
    this.#steps.set(request.name, steps);
    const signal = mode === "patient" ? undefined : `${mode} ${mode === "together" ? this.#together : request.name}`;
    const reason = mode === "timeout"
      ? new DOMException("Signal timed out.", "TimeoutError")
      : new Error(`${request.name} is no longer needed`);
    const abort = (): Promise<unknown> =>
      this.step(`abort ${signal}`, (side) => {
        if (signal === `together ${this.#together}`) this.#together++;
        if (side === this.model) this.model.abort(signal!, reason);
        else this.real.signal(signal!).controller.abort(reason);
      }, false);
    if (mode === "aborted") await abort();
    await this.step(`wait ${request.name}`, (side) => side.wait(request, signal));
    if (mode !== "abort" && mode !== "timeout" && (mode !== "together" || delay > 10)) return;
    // The scheduler decides how much else happens before that.
    const pause = ["a pause", async (): Promise<void> => {}] as const;
    this.#schedule([...Array.from({ length: delay }, () => pause), [`abort ${signal}`, abort]]);
  }

  async #frame(): Promise<void> {
    const alloc = this.#alloc;
    if (alloc.inFrame) {
      alloc.endFrame();
      return this.verify("end of a frame");
    }
    await this.step("beginFrame", (side) => {
      if (side === this.real) alloc.beginFrame();
      else {
        // What the last frame has used still counts as in use.
        met.servedByFrame += this.model.pump();
        this.model.frame = alloc.frameNumber + 1;
      }
    });
  }

  /** Numbers that never stood for an asset. */
  #strange(): void {
    const { streaming } = this.#alloc;
    for (const id of [0, -1, 1.5, NaN, Infinity, 2 ** 24 + 5000]) {
      for (const kind of ["beginLoad", "finishLoad", "access", "pin", "unpin", "free"] as const) {
        assertEquals(attempt(() => streaming[kind](id)), { code: "FA404" });
      }
      assertEquals(attempt(() => streaming.reportProgress(id, 1)), { code: "FA404" });
      assertEquals([streaming.has(id), streaming.state(id), streaming.tryAccess(id)], [false, undefined, undefined]);
    }
    this.verify("strange numbers");
  }

  /** All that must be so at any time. */
  verify(label: string): void {
    const { model, real } = this;
    const stats = this.#alloc.stats();
    assertEquals(stats.streaming, model.stats, label);
    assert(stats.streaming.reserved <= BUDGET, "more was reserved than may be");
    for (const tag of TAGS) {
      const path = tag ?? "";
      const inUse = stats.tags.find((one) => one.path === path)?.inUse.streaming ?? 0;
      assertEquals(inUse, model.inUse(path), `${label}: the bytes of tag "${path}"`);
    }
    const held = model.all.reduce((sum, asset) => sum + charge(asset.size), 0);
    if (this.#setup.idleBytes === 0) assertEquals([stats.heap.bytes, stats.heap.idle], [held, 0], label);
    else {
      // A block that is used again may be larger than needed, by a quarter of itself.
      assert(stats.heap.bytes >= held && stats.heap.bytes * 0.75 <= held, `${stats.heap.bytes} for ${held}`);
    }
    for (const [name, { bytes, fill }] of real.views) {
      const asset = model.live.get(name);
      if (asset === undefined || asset.isGone) {
        assertEquals(bytes.length, 0, `${label}: the memory of ${name} is there`);
      } else {
        assertEquals(bytes.length, asset.size);
        assert(bytes.every((byte) => byte === fill), `${label}: the contents of ${name} have changed`);
      }
    }
    for (const [name, id] of real.ids) {
      assertEquals(this.#alloc.streaming.state(id), model.live.get(name)?.state, `${label}: ${name}`);
    }
    const waiting = new Map<string, number>();
    for (const { signal } of model.waiting) {
      if (signal !== undefined) waiting.set(signal, (waiting.get(signal) ?? 0) + 1);
    }
    for (const [name, { listeners }] of real.signals) {
      assertEquals(listeners, waiting.get(name) ?? 0, `${label}: listeners are left on ${name}`);
    }
  }

  async go(program: readonly Op[]): Promise<void> {
    this.#schedule(program.map((op) => [op.kind, () => this.perform(op)]));
    await this.#scheduler.waitIdle();
    this.#rethrow();
    if (this.#setup.isTidy) await this.#tidy();
    await this.#dispose();
  }

  /** Frees everything by hand, until nothing is left but those whom a limit refuses. */
  async #tidy(): Promise<void> {
    const { model } = this;
    while (model.live.size > 0) {
      const { name, pins } = model.all[0]!;
      for (let i = 0; i < pins; i++) await this.step(`unpin ${name}`, (side) => side.use("unpin", name, i), false);
      if (model.live.has(name)) await this.step(`free ${name}`, (side) => side.use("free", name, 0), false);
      await this.#scheduler.waitIdle();
      this.#rethrow();
    }
    const { heap } = this.#alloc.stats();
    assertEquals([heap.bytes, this.#alloc.leaks().length], [0, 0]);
    assertEquals(model.waiting, []);
  }

  async #dispose(): Promise<void> {
    const { model, real } = this;
    const alloc = this.#alloc;
    const leaks = model.all.map(({ name, tag, size: bytes, bornIn }) =>
      `${name} ${tag} ${bytes} ${model.frame - bornIn}`
    );
    const reported = alloc.dispose().map(({ kind, name, tag, bytes, age }) => {
      assertEquals(kind, "streaming asset");
      return `${name} ${tag} ${bytes} ${age}`;
    });
    assertEquals(reported.sort(), leaks.sort());
    for (const { name } of model.waiting.splice(0)) {
      met.disposedWaiters++;
      model.settled.set(name, new Coded("FA012"));
    }
    model.live.clear();
    await this.#settle();
    this.verify("dispose");
    for (const id of real.ids.values()) {
      assertEquals(attempt(() => alloc.streaming.access(id)), { code: "FA401" });
      assertEquals(attempt(() => alloc.streaming.free(id)), { code: "FA403" });
    }
    assertEquals(attempt(() => alloc.streaming.reserve(1)), { code: "FA012" });
  }
}

/** Counts the chunks that are held. */
function countingSource(inside: ChunkSource): ChunkSource & { live: number } {
  return {
    name: inside.name,
    capabilities: inside.capabilities,
    live: 0,
    obtain(bytes) {
      const chunk = inside.obtain(bytes);
      this.live++;
      return {
        get buffer() {
          return chunk.buffer;
        },
        revoke: () => chunk.revoke(),
        adopt: (buffer) => chunk.adopt?.(buffer) === true,
        release: () => {
          this.live--;
          chunk.release();
        },
      };
    },
  };
}

async function run(pair: Pair, scheduler: fc.Scheduler, setup: Setup, program: readonly Op[]): Promise<void> {
  const source = countingSource(pair.source as ChunkSource);
  const alloc = new SmartAlloc({
    source,
    safety: pair.safety,
    frameArenaSize: 1024,
    streamingBudget: BUDGET,
    heapIdleBytes: setup.idleBytes,
  });
  if (setup.cap !== Infinity) alloc.budgets.setTag("capped", { hard: setup.cap });
  await new Run(scheduler, alloc, setup).go(program);
  assertEquals(source.live, 0, "a chunk was not given back");
}

for (const pair of SUPPORTED) {
  Deno.test(`streaming obeys the model in ${RUNS_PER_PAIR} random programs on ${pair.name}`, async () => {
    let runs = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        setup,
        fc.array(op, { minLength: 20, maxLength: 120, size: "max" }),
        async (scheduler, setup, program) => {
          runs++;
          await run(pair, scheduler, setup, program);
        },
      ),
      // A failure is made smaller for so long, and then shown as it is.
      { numRuns: RUNS_PER_PAIR, interruptAfterTimeLimit: 10_000 },
    );
    assert(runs >= RUNS_PER_PAIR);
  });
}

Deno.test("streaming met everything in its random programs", () => {
  assert(SUPPORTED.length * RUNS_PER_PAIR >= 1000);
  console.log(JSON.stringify(met));
  for (const [what, count] of Object.entries(met)) assert(count >= 15, `only ${count} ${what}`);
});
