/**
 * Loading assets: random batches under a scheduler that decides when each source gives its next bytes, when the program takes a result
 * and lets go of it, and when it loses patience. Whatever happens: the budget holds at every step, each asset gives one result and the
 * right one, and in the end nothing is left of it.
 */

import { AssetLoader, type AssetRequest, type AssetResult, SmartAlloc, type StreamPriority } from "@framealloc/core";
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { CountingSource } from "../memory/_counting_source.ts";
import { bytesOf, countingSignal } from "./_assets.ts";

const RUNS = 2500;
const PRIORITIES: readonly StreamPriority[] = ["low", "normal", "high", "critical"];

/** How the source of an asset behaves. */
interface Plan {
  readonly size: number;
  /** A function that says the size, one that does not, a request that says it, or streams that can be read once. */
  readonly kind: "announced" | "unknown" | "requested" | "once" | "once, sized";
  readonly type: "bytes" | "plain";
  readonly chunk: number;
  /** How often it fails, in which way, before it is well. */
  readonly failures: number;
  readonly failure: "reject" | "cut" | "short" | "long" | "503" | "404";
  readonly decode: "none" | "value" | "keep" | "fail";
  readonly priority: number;
}

/** What the program does with a result. */
type Use = "release" | "keep";

interface Setup {
  readonly budget: number;
  readonly slack: number;
  readonly concurrency: number;
  readonly retries: number;
  readonly takers: number;
  /** How many steps each of them waits before it takes the first result. */
  readonly delay: number;
  readonly uses: readonly Use[];
  /** What the program reserves for itself, in turn. */
  readonly own: readonly { readonly bytes: number; readonly priority: number }[];
  /** After how many steps it does what to the batch. */
  readonly end: { readonly after: number; readonly how: "nothing" | "signal" | "cancel" | "asset" | "leave" };
}

const plan: fc.Arbitrary<Plan> = fc.record({
  size: fc.oneof(
    { weight: 8, arbitrary: fc.integer({ min: 1, max: 300 }) },
    { weight: 1, arbitrary: fc.integer({ min: 300, max: 1300 }) },
    { weight: 1, arbitrary: fc.constant(0) },
  ),
  kind: fc.constantFrom("announced", "announced", "unknown", "unknown", "requested", "once", "once, sized"),
  type: fc.constantFrom("bytes", "plain"),
  chunk: fc.integer({ min: 60, max: 700 }),
  failures: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, {
    weight: 2,
    arbitrary: fc.integer({ min: 1, max: 3 }),
  }),
  failure: fc.constantFrom("reject", "cut", "short", "long", "503", "404"),
  decode: fc.constantFrom("none", "none", "value", "keep", "fail"),
  priority: fc.nat(3),
});

const setup: fc.Arbitrary<Setup> = fc.record({
  budget: fc.integer({ min: 200, max: 1200 }),
  slack: fc.constantFrom(0, 0, 150, 1000),
  concurrency: fc.integer({ min: 1, max: 5 }),
  retries: fc.nat(2),
  takers: fc.integer({ min: 1, max: 3 }),
  delay: fc.constantFrom(0, 0, 5, 40),
  uses: fc.array(fc.constantFrom<Use>("release", "keep"), { minLength: 1, maxLength: 5 }),
  own: fc.array(fc.record({ bytes: fc.integer({ min: 1, max: 300 }), priority: fc.nat(3) }), { maxLength: 4 }),
  end: fc.record({
    after: fc.integer({ min: 0, max: 60 }),
    how: fc.constantFrom("nothing", "nothing", "signal", "cancel", "asset", "leave"),
  }),
});

/** What was come across, all together. */
const met = {
  loaded: 0,
  failed: 0,
  cancelled: 0,
  retried: 0,
  startedOver: 0,
  tooLarge: 0,
  decoded: 0,
  kept: 0,
  evictedLater: 0,
  cancelledQueued: 0,
  cancelledConnecting: 0,
  cancelledWaiting: 0,
  cancelledLoading: 0,
  cancelledDecoding: 0,
  cancelledDone: 0,
  leftEarly: 0,
  budgetFull: 0,
  stuckBehindProgram: 0,
};

/** A plan that makes sense: what can be read once fails in one way only, and what is too large does not fail in another way too. */
function sensible(plan: Plan, { budget }: Setup): Plan {
  const isOnce = plan.kind.startsWith("once");
  if (plan.size > limit(plan, budget)) return { ...plan, failures: 0 };
  if (isOnce) return { ...plan, failure: "cut" };
  if (plan.size === 0) return { ...plan, failure: "reject" };
  const isWrong = plan.failure === "short" || plan.failure === "long";
  return isWrong && plan.kind === "unknown" ? { ...plan, failure: "cut" } : plan;
}

function limit({ kind }: Plan, budget: number): number {
  return kind === "once" ? Math.floor(budget / 2) : budget;
}

/** What the error of an asset says that cannot be loaded; `undefined` if it can be. */
function verdict(plan: Plan, { budget, retries }: Setup): string | undefined {
  if (plan.failures > 0) {
    const isWell = !plan.kind.startsWith("once") && plan.failure !== "404" && plan.failures <= retries;
    if (!isWell) {
      return { reject: "its function failed", cut: "broke off", short: "ended after", long: "more than" }[
        plan.failure as string
      ] ?? `answered ${plan.failure}`;
    }
  }
  if (plan.size > limit(plan, budget)) return plan.kind === "once" ? "fit twice" : "it takes at least";
  return plan.decode === "fail" ? "its decode step failed" : undefined;
}

/** One batch under a scheduler. */
class Run {
  readonly #scheduler: fc.Scheduler;
  readonly #setup: Setup;
  readonly #plans: readonly Plan[];
  readonly #source: CountingSource = new CountingSource();
  readonly #alloc: SmartAlloc;
  readonly #loader: AssetLoader;
  /** The streams that were neither read to their end nor cancelled. */
  readonly #open: Set<object> = new Set();
  readonly #opened: number[] = [];
  readonly #results: (AssetResult | undefined)[] = [];
  #own = 0;
  #kept = 0;

  constructor(scheduler: fc.Scheduler, setup: Setup, plans: readonly Plan[]) {
    this.#scheduler = scheduler;
    this.#setup = setup;
    this.#plans = plans.map((plan) => sensible(plan, setup));
    const streamingBudget = setup.budget + setup.slack;
    this.#alloc = new SmartAlloc({ source: this.#source, streamingBudget, heapIdleBytes: 0, taskIdleBytes: 0 });
    const { budget, concurrency, retries } = setup;
    this.#loader = new AssetLoader(this.#alloc, { budget, concurrency, retries, backoff: { first: 0 } });
    this.#watch();
    this.#alloc.streaming.onEvict = ({ name, bytes }) => {
      assert(name.startsWith("kept"), `${name} was evicted`);
      this.#kept -= bytes;
      met.evictedLater++;
    };
  }

  async go(): Promise<void> {
    const { takers, end } = this.#setup;
    const { controller, count } = countingSignal();
    const batch = this.#loader.load(this.#plans.map((plan, i) => this.#request(plan, i)), {
      signal: controller.signal,
    });
    const watching = Array.fromAsync(batch.watch({ every: 0 }));
    const giveUp = async (): Promise<void> => {
      for (let i = 0; i < end.after; i++) await this.#step("patience");
      if (end.how === "nothing" || batch.isOver) return;
      const before = batch.assets().map(({ state }) => state);
      const reason = new RangeError("enough");
      if (end.how === "signal") controller.abort(reason);
      else if (end.how === "cancel") await batch.cancel(reason);
      else if (end.how === "asset") batch.cancelAsset(batch.assets()[end.after % this.#plans.length]!.name, reason);
      else {
        await batch[Symbol.asyncIterator]().return!();
        met.leftEarly++;
      }
      await this.#step("after that");
      batch.assets().forEach(({ state }, i) => {
        if (state !== "cancelled") return;
        const place = before[i]!;
        met[`cancelled${place[0]!.toUpperCase()}${place.slice(1)}` as "cancelledQueued"]++;
      });
    };
    const all = [giveUp(), ...this.#setup.own.map((own) => this.#takeOwn(own))];
    for (let i = 0; i < takers; i++) all.push(this.#take(batch, i));
    await this.#scheduler.waitFor(Promise.all(all));
    await batch.over;
    const snapshots = await watching;
    assertEquals([snapshots.at(-1)?.isOver, snapshots.at(-1)?.fraction, count()], [true, 1, 0]);
    if (end.how !== "leave") assertEquals(this.#results.filter((one) => one !== undefined).length, this.#plans.length);
    met.retried += batch.progress.retries;
    this.#done();
  }

  /** Waits until the scheduler lets it go on, and looks at everything then. */
  async #step(label: string): Promise<void> {
    await this.#scheduler.schedule(Promise.resolve(), label);
    this.#verify();
  }

  /** Looks at the budget also whenever memory is reserved or used. */
  #watch(): void {
    const { streaming } = this.#alloc;
    const [reserve, beginLoad] = [streaming.reserve.bind(streaming), streaming.beginLoad.bind(streaming)];
    const check = (): void => assert(this.#loader.reserved <= this.#setup.budget, "the budget was exceeded");
    streaming.reserve = (...args) => {
      const id = reserve(...args);
      check();
      return id;
    };
    streaming.beginLoad = (id) => {
      check();
      return beginLoad(id);
    };
  }

  #verify(): void {
    const { reserved, waiting } = this.#alloc.streaming.stats;
    const loading = reserved - this.#own - this.#kept;
    const { budget } = this.#setup;
    assert(
      loading >= 0 && loading <= this.#loader.reserved,
      `${loading} bytes, of which it knows ${this.#loader.reserved}`,
    );
    assert(this.#loader.reserved <= budget, `${this.#loader.reserved} bytes of ${budget}`);
    if (this.#loader.reserved > budget * 0.8) met.budgetFull++;
    if (waiting > 1) met.stuckBehindProgram++;
  }

  #request(plan: Plan, index: number): AssetRequest {
    const { size, kind, decode } = plan;
    const priority = PRIORITIES[plan.priority]!;
    const more = {
      name: `${decode === "none" || decode === "keep" ? "kept" : "decoded"} ${index}`,
      priority,
      keepBytes: decode === "keep",
      decode: decode === "none" ? undefined : this.#decode(plan),
    };
    if (kind === "once") return { from: this.#stream(plan, index), ...more };
    if (kind === "once, sized") return { from: this.#stream(plan, index), size, ...more };
    const from = async (): Promise<
      ReadableStream<Uint8Array> | Response | { stream: ReadableStream<Uint8Array>; size: number }
    > => {
      await this.#step(`open ${index}`);
      const isBad = (this.#opened[index] ?? 0) < plan.failures;
      if (isBad && plan.failure === "reject") {
        this.#opened[index] = (this.#opened[index] ?? 0) + 1;
        throw new RangeError("not yet");
      }
      const stream = this.#stream(plan, index);
      if (isBad && plan.failure.length === 3 && +plan.failure > 0) {
        return new Response(stream, { status: +plan.failure });
      }
      return kind === "announced" ? { stream, size } : stream;
    };
    return { from, size: kind === "requested" ? size : undefined, ...more };
  }

  #decode({ size, decode }: Plan): AssetRequest["decode"] {
    return async (bytes, { task, signal }) => {
      assertEquals(bytes.length, size);
      const copy = task.allocSlice(Uint8Array, size);
      copy.set(bytes);
      await this.#step("decode");
      if (signal.aborted) return assertEquals(copy.length, 0);
      met.decoded++;
      if (decode === "fail") throw new SyntaxError("no asset");
      return copy.reduce((sum, byte) => sum + byte, 0);
    };
  }

  /** The bytes of an asset as they come the next time. */
  #stream(plan: Plan, index: number): ReadableStream<Uint8Array<ArrayBuffer>> {
    const opened = this.#opened[index] ?? 0;
    this.#opened[index] = opened + 1;
    const isBad = opened < plan.failures;
    const length = !isBad || plan.failure === "404" || plan.failure === "503"
      ? plan.size
      : plan.failure === "long"
      ? plan.size + 50
      : Math.floor(plan.size / 2);
    const bytes = bytesOf(Math.max(plan.size, length), index).subarray(0, length);
    const stream = {};
    this.#open.add(stream);
    let at = 0;
    const pull = async (controller: ReadableByteStreamController | ReadableStreamDefaultController): Promise<void> => {
      await this.#step(`bytes of ${index}`);
      if (!this.#open.has(stream)) return; // it was cancelled
      const request = "byobRequest" in controller ? controller.byobRequest : null;
      if (at < length) {
        const count = Math.min(plan.chunk, length - at, request?.view?.byteLength ?? Infinity);
        const part = bytes.slice(at, at += count);
        if (request?.view === null || request === null) return controller.enqueue(part);
        (request.view as Uint8Array).set(part);
        return request.respond(count);
      }
      this.#open.delete(stream);
      if (isBad && plan.failure === "cut") return controller.error(new TypeError("cut"));
      controller.close();
      request?.respond(0);
    };
    const cancel = (): void => void this.#open.delete(stream);
    return plan.type === "bytes"
      ? new ReadableStream({ type: "bytes", pull, cancel })
      : new ReadableStream<Uint8Array<ArrayBuffer>>({ pull, cancel });
  }

  async #take(batch: AsyncIterable<AssetResult>, taker: number): Promise<void> {
    const { uses, delay } = this.#setup;
    for (let i = 0; i < delay; i++) await this.#step("delay");
    for await (const result of batch) {
      assert(this.#results[result.index] === undefined, "an asset came twice");
      this.#results[result.index] = result;
      this.#judge(result);
      await this.#step(`taker ${taker} has ${result.index}`);
      if (!result.ok) continue;
      if (uses[result.index % uses.length] === "release") {
        result.release();
        continue;
      }
      this.#kept += result.id === undefined ? 0 : result.size; // it may be evicted at once
      const id = result.keep();
      if (id === undefined) continue;
      met.kept++;
      for (let i = 0; i < 20; i++) await this.#step(`${result.index} is kept`);
      if (!this.#alloc.streaming.has(id)) continue;
      this.#kept -= result.size;
      this.#alloc.streaming.free(id);
    }
  }

  /** Checks that an asset has become what it should. */
  #judge(result: AssetResult): void {
    const plan = this.#plans[result.index]!;
    const expected = verdict(plan, this.#setup);
    if (!result.ok && result.isCancelled) {
      assert(this.#setup.end.how !== "nothing");
      assert(result.error.cause instanceof RangeError && result.error.cause.message === "enough");
      met.cancelled++;
      return;
    }
    assertEquals(
      result.ok ? undefined : result.error.message.includes(expected ?? "no error") || result.error.message,
      expected && true,
    );
    if (!result.ok) {
      met.failed++;
      if (expected === "fit twice" || expected === "it takes at least") met.tooLarge++;
      return;
    }
    met.loaded++;
    const opens = this.#opened[result.index] ?? 0;
    assert(opens - result.attempts <= (plan.kind === "unknown" ? 1 : 0), `opened ${opens} times`);
    if (opens > result.attempts) met.startedOver++;
    const bytes = bytesOf(plan.size, result.index);
    assertEquals(result.size, plan.size);
    if (plan.decode === "none" || plan.decode === "keep" || plan.size === 0) assertEquals(result.bytes, bytes);
    assertEquals(result.value, plan.decode === "none" ? undefined : bytes.reduce((sum, byte) => sum + byte, 0));
  }

  /** The program reserves something for itself, and frees it again. */
  async #takeOwn({ bytes, priority }: { readonly bytes: number; readonly priority: number }): Promise<void> {
    const { streaming } = this.#alloc;
    const id = await streaming.reserveAsync(Math.min(bytes, streaming.budget), {
      priority: PRIORITIES[priority]!,
      name: "own",
    });
    const size = Math.min(bytes, streaming.budget);
    this.#own += size;
    await this.#step("has its own");
    await this.#step("still has its own");
    this.#own -= size;
    streaming.free(id);
  }

  #done(): void {
    const { streaming, tasks, heap } = this.#alloc.stats();
    assertEquals([streaming.reserved, streaming.waiting, tasks.live, heap.bytes, this.#loader.reserved], [
      0,
      0,
      0,
      0,
      0,
    ]);
    assertEquals(this.#open.size, 0, "a stream was neither read to its end nor cancelled");
    assertEquals(this.#alloc.dispose(), []);
    assertEquals(this.#source.chunks, 0);
  }
}

Deno.test(`load() keeps every promise in ${RUNS} random batches`, async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      setup,
      fc.array(plan, { minLength: 1, maxLength: 14, size: "max" }),
      (scheduler, setup, plans) => new Run(scheduler, setup, plans).go(),
    ),
    { numRuns: RUNS, interruptAfterTimeLimit: 20_000 },
  );
  console.log(JSON.stringify(met));
  for (const [what, count] of Object.entries(met)) assert(count >= 10, `only ${count} ${what}`);
});
