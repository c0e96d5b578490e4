/**
 * A GPU allocator beside its model: callbacks, promises, losses and what the device may have no memory for.
 */

import { type AllocConfig, SmartAlloc } from "@framealloc/core";
import { GpuAllocator, type GpuAllocatorOptions, type GpuHandle } from "@framealloc/core/gpu";
import { assert, assertEquals } from "@std/assert";
import { type Device, lose } from "./_backends.ts";
import { type Books, checkBooks, checkPlaces, WatchedBackend } from "./_gpu_books.ts";
import { heapOf, type Held, Model, type Wish } from "./_gpu_model.ts";
import { type Asked, codeOf, type Desk, Jobs, OwnError } from "./_gpu_waiting.ts";

/** What is counted in all runs together. */
export type Counts = Map<string, number>;

/** How an allocator is made. */
export interface Setup {
  readonly config: AllocConfig;
  readonly options: GpuAllocatorOptions & { readonly blockSize: number };
}

/** What came of a call: a value, or the code of an error. */
export interface Attempt<T> {
  readonly value?: T;
  readonly code: string;
  readonly error?: unknown;
}

export const TAGS: readonly string[] = ["", "a", "a::b", "tight"];

/** What budgets refuse with, and what their callbacks throw. */
export const REFUSED: readonly string[] = ["FA351", "FA352", "own"];

/** Bytes to write: parts of these. */
const POOL = Uint8Array.from({ length: 1 << 21 }, (_, i) => Math.imul(i + 1, 0x9e3779b1) >>> 13);

/** Some bytes. */
export function dataOf(bytes: number, seed: number): Uint8Array {
  return POOL.subarray(seed % 65_521, seed % 65_521 + bytes);
}

/** See the file comment. */
export class World implements Books, Desk {
  readonly alloc: SmartAlloc;
  readonly gpu: GpuAllocator;
  readonly backend: Device;
  readonly model: Model = new Model();
  readonly jobs: Jobs = new Jobs();
  readonly ringBytes: Map<string, number> = new Map();
  readonly faults: unknown[] = [];
  /** Numbers of allocations that are no more. */
  readonly past: GpuHandle[] = [];
  readonly moved: GpuHandle[] = [];
  isUnsure = false;
  /** Whether a buffer of the ring may turn out to be without memory. */
  ringMayFail = false;
  readonly options: GpuAllocatorOptions & { readonly blockSize: number };
  readonly counts: Counts;
  waiting: Asked[] = [];
  /** How many allocations were made, evicted, and given up for lack of memory. */
  made = 0;
  evictions = 0;
  hasReserved = false;
  /** Buffers that were reserved, and in which nothing has been since. */
  readonly reserved: Set<number> = new Set();
  /** The heaps of what was evicted. */
  readonly evictedFrom: string[] = [];
  failures = 0;
  /** What is being allocated now. */
  wish: Wish | undefined;
  /** What callbacks of budgets leave alone. */
  readonly spared: Set<Held> = new Set();
  /** Those that are being copied, and are not evicted meanwhile. */
  readonly copied: Set<Held> = new Set();
  isDeaf = false;
  isDefragmenting = false;
  #crossings = 0;
  #checks = 0;

  constructor(backend: Device, { config, options }: Setup, counts: Counts) {
    this.counts = counts;
    this.backend = backend;
    this.options = options;
    this.alloc = new SmartAlloc(config);
    this.gpu = new GpuAllocator<unknown>(this.alloc, backend, {
      ...options,
      onOutOfMemory: (handle) => this.#noting(() => this.#outOfMemory(handle)),
    });
  }

  readonly count = (event: string, by = 1): void => {
    this.counts.set(event, (this.counts.get(event) ?? 0) + by);
  };

  attempt<T>(run: () => T): Attempt<T> {
    try {
      return { value: run(), code: "" };
    } catch (error) {
      return { code: codeOf(error), error };
    }
  }

  /** Throws unless a code is one of these; none is "". */
  expect({ code, error }: Attempt<unknown>, ...codes: readonly string[]): void {
    if (codes.includes(code)) return;
    throw new Error(`"${code}" instead of ${codes.map((code) => `"${code}"`).join(", ")}`, { cause: error });
  }

  /** Runs under a tag, and notes what of the ring it takes. */
  tagged<T>(tag: string, run: () => T): T {
    const before = this.gpu.ring.used;
    try {
      return tag.split("::").reduceRight(
        (inner, name) => name === "" ? inner : () => this.alloc.withTag(name, inner),
        run,
      )();
    } finally {
      const bytes = this.gpu.ring.used - before;
      if (bytes > 0) this.ringBytes.set(tag, (this.ringBytes.get(tag) ?? 0) + bytes);
    }
  }

  /** An allocation is no more, however that came. */
  dropped(held: Held, isInCallback: boolean): void {
    this.model.live.delete(held.handle);
    held.isLive = false;
    this.past.push(held.handle);
    this.#useless(held, isInCallback);
  }

  free(held: Held, isInCallback = false): void {
    this.gpu.free(held.handle);
    this.dropped(held, isInCallback);
  }

  #useless(held: Held, isInCallback: boolean): void {
    this.jobs.gone(held);
    for (const asked of this.waiting) if (asked.held === held && !asked.isSettled) asked.gone(isInCallback);
  }

  trim(): number {
    this.reserved.clear();
    // The ring may get a smaller buffer in place of a large one.
    if (this.isUnsure) this.ringMayFail = true;
    return this.gpu.trim();
  }

  // What the allocator tells

  /** Notes what is wrong, as whoever calls may catch what is thrown. */
  #noting(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.faults.push(error);
    }
  }

  readonly onMove = (handle: GpuHandle): void => this.#noting(() => this.#moved(handle));

  #moved(handle: GpuHandle): void {
    const held = this.model.live.get(handle)!;
    this.moved.push(handle);
    const version = this.gpu.version(handle);
    assert(version > held.version, "the version of what has moved is another one");
    held.version = version;
    if (this.isDefragmenting) {
      assertEquals(held.pins, 0, "what is pinned has moved");
      return;
    }
    this.reserved.clear();
    assert(held.wish.policy !== "discard", "what is put elsewhere has contents");
    this.count("out of memory: put elsewhere");
    // What is about to be sent is read where it is now.
    for (const asked of this.waiting) if (asked.held === held) asked.expected?.forget();
    this.model.rehomed(held);
  }

  readonly onEvict = (handle: GpuHandle): void => this.#noting(() => this.#evicted(handle));

  #evicted(handle: GpuHandle): void {
    const held = this.model.live.get(handle)!;
    assert(held.isEvictable, `${held.wish.name} was evicted`);
    assert(!this.gpu.isLive(handle));
    const { wish } = this;
    const isTooMuch = wish?.lifetime === "Streaming" && held.wish.importance > wish.importance;
    assert(!isTooMuch, `${held.wish.name} was evicted for what is less important`);
    this.evictedFrom.push(heapOf(held));
    this.evictions++;
    this.count("evictions");
    this.dropped(held, true);
    // What was just taken out of a buffer for which there was no memory is nowhere.
    if (this.isUnsure) return;
    for (const other of this.model.live.values()) {
      // Of some it is told later.
      if (
        !this.gpu.isLive(other.handle) || !other.isEvictable || heapOf(other) !== heapOf(held) || this.copied.has(other)
      ) continue;
      const isRight = held.wish.importance < other.wish.importance ||
        (held.wish.importance === other.wish.importance && held.used <= other.used);
      assert(isRight, `${held.wish.name} was evicted, and ${other.wish.name} was not`);
    }
  }

  #outOfMemory(handle: GpuHandle): void {
    const held = this.model.live.get(handle)!;
    held.isFailed = true;
    held.isRestoring = false;
    held.version = this.gpu.version(handle);
    this.failures++;
    this.count("out of memory: given up");
    this.#useless(held, true);
  }

  /** A limit is about to be crossed: the program does one thing or the other about it. */
  readonly onCross = (): void => {
    if (this.isDeaf) return;
    const turn = this.#crossings++;
    this.count("crossings");
    if (turn % 4 === 0) {
      const all = [...this.model.live.values()].filter(({ handle }) => this.gpu.isLive(handle));
      const held = all[turn % Math.max(1, all.length)];
      if (held !== undefined && !this.spared.has(held)) this.free(held, true);
    } else if (turn % 4 === 1) {
      this.trim();
    } else if (turn % 4 === 2) throw new OwnError("crossed");
  };

  // Waiting

  /** Whether as many buffers for reading are on their way as there may be. */
  get isFull(): boolean {
    return this.gpu.stats().readbacks.inFlight >= (this.options.readbackBuffers ?? 3);
  }

  /** What was asked is sent. */
  send(isFull: boolean = this.isFull): void {
    const queued = this.waiting.filter(({ expected, must }) => expected === undefined && must === undefined);
    const bytes = queued.reduce((sum, { bytes }) => sum + bytes + 16, 0);
    const isLate = isFull || bytes > this.backend.limits.maxBufferSize;
    for (const asked of queued) asked.send(isLate);
    if (isLate && queued.length > 0) this.count("reads that were late");
  }

  /** Lets promises go on. */
  async turns(turns: number): Promise<void> {
    if (!this.gpu.inFrame && !this.gpu.isLost) this.send();
    if (this.backend instanceof WatchedBackend) { for (let i = 0; i < turns; i++) await undefined; }
    else await new Promise((resolve) => setTimeout(resolve, turns > 0 ? 1 : 0));
    this.waiting = this.waiting.filter(({ isSettled }) => !isSettled);
  }

  /** Waits until the device has said what it has memory for. */
  async settle(): Promise<void> {
    if (!this.gpu.inFrame && !this.gpu.isLost) this.send();
    const code = await this.gpu.settled().then(() => "", codeOf);
    const failed = [...this.model.live.values()].filter(({ isFailed }) => isFailed);
    assertEquals(code, failed.length === 0 ? "" : "FA856");
    for (const held of this.model.live.values()) {
      this.model.restored(held);
      held.isRehomed = false;
    }
    await this.turns(12);
    if (!(this.backend instanceof WatchedBackend) || this.backend.oomAt === Infinity) this.isUnsure = false;
  }

  /** Waits until every read was answered that can be. */
  async drain(): Promise<void> {
    for (
      let turn = 0;
      this.waiting.some((asked) => !asked.isSettled && (asked.expected !== undefined || !this.gpu.inFrame));
      turn++
    ) {
      if (turn > 200) throw new Error(`${this.waiting.length} reads wait for ever`);
      await this.turns(10);
    }
  }

  // What steps work on

  /** One of what is alive. */
  pick(n: number, where: (held: Held) => boolean = () => true): Held | undefined {
    const all = [...this.model.live.values()].filter(where);
    return all[n % Math.max(1, all.length)];
  }

  /** Takes note of a use, which puts off an eviction. */
  use(held: Held): void {
    held.used = this.gpu.frameNumber;
  }

  /** The codes that every use of an allocation has now; "" if it may go on. */
  refusalOf(held: Held): string {
    return this.gpu.isLost ? "FA857" : held.isFailed ? "FA856" : "";
  }

  // Losses

  async lose(): Promise<void> {
    const count = [...this.model.live.values()].filter(({ isOnDevice }) => isOnDevice).length;
    this.count("losses");
    if (count >= 8) this.count("losses of 8 allocations or more");
    if (this.gpu.inFrame) this.count("losses in a frame");
    for (const asked of this.waiting) if (!asked.isSettled) asked.lost(asked.expected !== undefined);
    this.jobs.fail("FA857");
    await lose(this.backend);
    assert(this.gpu.isLost);
  }

  /** Goes on with another device, which may be lost as well. */
  async recover(losesAgain: number, failures: number): Promise<void> {
    const { gpu, model, backend } = this;
    for (const held of model.live.values()) held.isRehomed = false;
    if (backend instanceof WatchedBackend && failures > 0) {
      backend.failReopen = 1;
      assertEquals(await gpu.recover().then(() => "", codeOf), "FA857");
      this.count("recoveries without a device");
    }
    const before = [...model.live.values()].filter((held) => held.isOnDevice && held.place !== "ring");
    const versions = new Map(before.map((held) => [held, held.version]));
    const generation = gpu.stats().recoveries;
    let recovery = gpu.recover();
    if (losesAgain > 0 && backend instanceof WatchedBackend) {
      for (let i = 0; i < losesAgain; i++) await undefined;
      backend.lose();
      this.count("losses in a recovery");
      // It may have been over.
      await recovery.catch(codeOf);
      if (gpu.isLost) recovery = gpu.recover();
    }
    const { restored, discarded, failed } = await recovery;
    assert(gpu.stats().recoveries > generation && !gpu.isLost);
    for (const held of model.live.values()) {
      if (!held.isOnDevice) continue;
      model.recovered(held);
      const version = gpu.version(held.handle);
      assert(held.place === "ring" || version > versions.get(held)!, "what was lost has another version");
      held.version = version;
    }
    for (const item of model.items) item.device = null;
    if (this.isUnsure) {
      this.ringMayFail = true;
      this.reserved.clear();
    }
    if (!this.isUnsure) {
      const gone = before.filter(({ wish }) => wish.policy === "discard");
      const lost = before.filter(({ wish }) => wish.policy === "restore" && wish.restored === null);
      assertEquals([...discarded].sort(), gone.map(({ handle }) => handle).sort());
      assertEquals(failed.map(({ handle }) => handle).sort(), lost.map(({ handle }) => handle).sort());
      assertEquals(restored, before.length - gone.length - lost.length);
      this.count("contents that were discarded", gone.length);
      this.count("contents that could not be had", lost.length);
      this.count("contents that were restored", restored);
    }
    await this.turns(2);
  }

  // Checks

  /** Compares what can be seen of the device with the model, after everything was uploaded. */
  verify(): void {
    const { gpu, backend, model } = this;
    if (!(backend instanceof WatchedBackend) || this.isUnsure) return;
    for (const held of model.live.values()) {
      if (!held.isOnDevice || held.isRestoring) continue;
      const { handle, wish } = held;
      held.used = gpu.frameNumber;
      const at = gpu.offset(handle);
      const bytes = (gpu.buffer(handle) as Uint8Array).subarray(at, at + wish.bytes);
      held.device.check(bytes, () => `${wish.name} on the device`);
      this.count("allocations that were compared");
    }
    for (const { what, device } of model.items) {
      const at = gpu.ring.offset(what);
      const bytes = (gpu.ring.buffer(what) as Uint8Array).subarray(at, at + device!.length);
      assertEquals(bytes, device!, "in the ring");
      this.count("parts of the ring that were compared");
    }
  }

  /** Compares the copies on the CPU with the model. */
  verifyCopies(): void {
    for (const held of this.model.live.values()) {
      if (held.copy === null || !held.isQuiet) continue;
      assertEquals(this.gpu.bytes(held.handle), held.copy, `the copy of ${held.wish.name}`);
      held.used = this.gpu.frameNumber;
    }
  }

  check(): void {
    if (this.faults.length > 0) throw this.faults[0];
    checkBooks(this);
    const { uploads, evictions, failures } = this.gpu.stats();
    assertEquals([uploads.streaming, evictions, failures], [this.jobs.pending, this.evictions, this.failures]);
    if (this.#checks++ % 4 === 0) checkPlaces(this);
  }
}
