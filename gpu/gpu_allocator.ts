/**
 * Memory of a device as programs use it: one line per method over what is behind it.
 */

import { ArgumentError, disposed, FrameStateError, PoolError, show } from "../src/errors.ts";
import type { Frames } from "../src/frame/frames.ts";
import { FrameGuard } from "../src/frame/guards.ts";
import type { TypedArray } from "../src/memory/typed_array.ts";
import type { Budget } from "../src/observe/budget.ts";
import type { ChildBudget } from "../src/observe/budgets.ts";
import type { IdleMemory } from "../src/observe/ledger.ts";
import type { Leak } from "../src/observe/leak.ts";
import type { Heap } from "../src/pool/heap.ts";
import type { SmartAlloc } from "../src/smart_alloc.ts";
import { describe, type GpuAllocOptions } from "./alloc_options.ts";
import { checkOptions, type GpuAllocatorOptions } from "./allocator_options.ts";
import type { GpuBackend, GpuLoss } from "./backend/backend.ts";
import { BudgetAccount } from "./budget_account.ts";
import { GpuAllocation } from "./gpu_allocation.ts";
import { GpuError } from "./gpu_error.ts";
import type { GpuHandle } from "./gpu_handle.ts";
import { GpuRing } from "./gpu_ring.ts";
import { Defragmenter, type GpuDefragmentation, type GpuDefragmentOptions } from "./heap/defragment.ts";
import type { Entry } from "./heap/entry.ts";
import { GpuHeap } from "./heap/gpu_heap.ts";
import { GpuMemory, type GpuMemoryOwner, nameOf, noMemory } from "./heap/gpu_memory.ts";
import { Placement } from "./heap/placement.ts";
import { framesOf, type GpuUse } from "./intent.ts";
import { type GpuRecovery, Recovery } from "./recovery.ts";
import type { GpuDump } from "./report/gpu_dump.ts";
import { dumpOf } from "./report/make_dump.ts";
import type { GpuStats } from "./report/gpu_stats.ts";
import { FrameRing } from "./ring/frame_ring.ts";
import { checkScope, type GpuScopeUse } from "./scope_check.ts";
import { checkRange, Contents } from "./transfer/contents.ts";
import { Readbacks } from "./transfer/readbacks.ts";
import { StreamQueue } from "./transfer/stream_queue.ts";
import type { UploadCosts } from "./transfer/upload_plan.ts";
import { Uploader } from "./transfer/uploader.ts";

/** Options of {@linkcode GpuAllocator.read}. All sizes are bytes. */
export interface GpuReadOptions {
  /** Where to start. @default {0} */
  readonly offset?: number;
  /** How many bytes. @default {all from there on} */
  readonly bytes?: number;
  /** Where to put them. @default {a new array} */
  readonly into?: Uint8Array;
}

/** Options of {@linkcode GpuAllocator.stream}. */
export interface GpuStreamOptions {
  /** Of two that wait the more important one is uploaded first. @default {0} */
  readonly importance?: number;
  /** Where in the allocation to write, in bytes. @default {0} */
  readonly offset?: number;
}

/** Limits where the program sets none: no device says how much memory it has. */
const HARD = 1024 ** 3;
const HARD_IN_SOFTWARE = HARD / 2;
const SOFT_SHARE = 0.8;

/**
 * Allocates memory of a device: parts of a few large buffers, instead of a buffer each.
 *
 * What lives longer than a frame is a number, a handle, whose {@linkcode GpuAllocator.buffer} and {@linkcode GpuAllocator.offset} are used
 * in bindings and draws. What the CPU writes anew each frame comes from the {@linkcode GpuAllocator.ring}. All of it is booked to the tags
 * of a {@linkcode SmartAlloc}, and falls under its budgets.
 *
 * Uploads take effect at {@linkcode GpuAllocator.flush} or {@linkcode GpuAllocator.endFrame}: call one of them before you submit what uses
 * them. Methods throw `FA401` for an allocation that was freed or evicted and `FA404` for a number that is none, `FA857` after the device was
 * lost, until {@linkcode GpuAllocator.recover}, `FA856` for an allocation for which the device turned out to have no memory, and `FA012`
 * after {@linkcode GpuAllocator.dispose}.
 *
 * @typeParam B What a buffer is to the program: `GPUBuffer` with {@linkcode WebGpuBackend}, bytes with {@linkcode NullBackend}.
 *
 * @example
 * ```ts
 * import { SmartAlloc } from "@framealloc/core";
 * import { GpuAllocator, NullBackend } from "@framealloc/core/gpu";
 * import { assertEquals } from "@std/assert";
 *
 * // With a device: new GpuAllocator(alloc, await WebGpuBackend.request())
 * const gpu = new GpuAllocator(new SmartAlloc(), new NullBackend());
 * const mesh = gpu.alloc(36, { intent: "HostVisible", use: "vertex", name: "triangle" });
 * gpu.write(mesh, new Float32Array([0, 0, 0, 1, 0, 0, 0, 1, 0]));
 *
 * gpu.beginFrame();
 * const color = gpu.ring.push(new Float32Array([1, 0.5, 0, 1]));
 * gpu.flush(); // now draw with gpu.buffer(mesh), gpu.ring.buffer(color), and the offsets of both
 * assertEquals([gpu.offset(mesh), gpu.ring.offset(color)], [0, 0]);
 * const bytes = gpu.read(mesh);
 * gpu.endFrame();
 * assertEquals(new Float32Array((await bytes).buffer)[3], 1);
 * gpu.free(mesh);
 * ```
 */
export class GpuAllocator<B = unknown> {
  /** Whose budgets and tags it uses. */
  readonly cpu: SmartAlloc;
  /** The device. */
  readonly backend: GpuBackend<B>;
  /** What the CPU writes for the GPU in each frame. */
  readonly ring: GpuRing<B>;
  readonly #frames: Frames;
  readonly #options: GpuAllocatorOptions;
  readonly #budget: ChildBudget;
  readonly #children: ChildBudget[] = [];
  readonly #memory: GpuMemory;
  readonly #ring: FrameRing;
  readonly #placement: Placement;
  readonly #contents: Contents;
  readonly #uploader: Uploader;
  readonly #streams: StreamQueue;
  readonly #readbacks: Readbacks;
  readonly #defragmenter: Defragmenter;
  readonly #recovery: Recovery;
  /** Those that a frame frees, by their numbers: the entry may be another one's by then. */
  readonly #mortal: GpuHandle[] = [];
  readonly #streamBytes: number;
  /** What is given back before a budget refuses memory, on either side. */
  readonly #idle: IdleMemory = {
    bytes: () => this.#memory.idle,
    giveBack: () => void this.#memory.trim(),
  };
  readonly #objects: FinalizationRegistry<GpuHandle>;
  /** Those whose objects were left to the garbage collector. */
  readonly #abandoned: Set<GpuHandle> = new Set();
  #frame = 0;
  #inFrame = false;
  #isBeginning = false;
  #isDisposed = false;

  /**
   * Makes an allocator for a device. Buffers are made on first use.
   *
   * @param alloc Whose budgets and tags it uses.
   * @param backend The device, which no other allocator uses.
   * @param options Limits and sizes.
   * @throws {ArgumentError} `FA008` if an argument or option makes no sense.
   */
  constructor(alloc: SmartAlloc, backend: GpuBackend<B>, options: GpuAllocatorOptions = {}) {
    const frames = alloc?.$frames as Frames | undefined;
    if (frames?.ledger === undefined || typeof alloc.budgets?.$child !== "function") {
      throw new ArgumentError(
        "FA008",
        `Cannot allocate on the GPU with ${show(alloc)} as the allocator: give a SmartAlloc`,
      );
    }
    if (typeof backend?.create !== "function" || backend.onLoss !== undefined) {
      throw new ArgumentError(
        "FA008",
        `Cannot allocate on ${show(backend)}: give a backend that no other allocator uses, such as WebGpuBackend`,
      );
    }
    const sizes = checkOptions(options);
    this.cpu = alloc;
    this.backend = backend;
    this.#frames = frames;
    this.#options = { ...options };
    const hard = options.budget?.hard ?? (backend.isFallback ? HARD_IN_SOFTWARE : HARD);
    const soft = Number.isFinite(hard) ? Math.floor(hard * SOFT_SHARE) : Infinity;
    const limits = { soft, ...options.budget, hard };
    this.#budget = alloc.budgets.child("gpu", limits);
    const child = (name: GpuUse | "ring" | "readback"): ChildBudget => {
      try {
        const budget = alloc.budgets.$child(`gpu ${name}`, options.budgets?.[name] ?? {}, this.#budget);
        this.#children.push(budget);
        return budget;
      } catch (error) {
        this.#releaseBudgets();
        throw error;
      }
    };
    const { blockSize, maxBlockSize } = sizes;
    const readbackBudget = child("readback");
    const { ledger } = frames;
    this.#memory = new GpuMemory(backend, ledger, this.#asOwner(), (onCreate) => {
      const heap = (name: GpuUse): GpuHeap =>
        new GpuHeap(name, backend, { blockSize, maxBlockSize, budget: child(name), onCreate });
      return {
        uniform: heap("uniform"),
        vertex: heap("vertex"),
        storage: heap("storage"),
        readback: new GpuHeap("readback", backend, { blockSize, maxBlockSize, budget: readbackBudget, onCreate }),
      };
    });
    this.#uploader = new Uploader(backend, sizes.uploadCosts);
    this.#ring = new FrameRing(frames, backend, {
      size: sizes.ringSize,
      maxBytes: options.maxRingBytes ?? Infinity,
      segments: sizes.ringSegments,
      account: new BudgetAccount(ledger, child("ring")),
    });
    this.ring = new GpuRing(this.#ring, backend);
    this.#streamBytes = sizes.streamBytesPerFrame;
    this.#streams = new StreamQueue(this.#uploader);
    this.#readbacks = new Readbacks({
      backend,
      account: new BudgetAccount(ledger, readbackBudget),
      buffers: sizes.readbackBuffers,
      isBatching: () => this.#inFrame,
    });
    const parts = {
      backend,
      frames,
      memory: this.#memory,
      ring: this.#ring,
      readbacks: this.#readbacks,
      uploader: this.#uploader,
    };
    this.#placement = new Placement({ ...parts, cpu: alloc.$heap as Heap });
    this.#contents = new Contents({ ...parts, streams: this.#streams });
    this.#defragmenter = new Defragmenter(this.#memory, backend);
    this.#recovery = new Recovery({ ...parts, contents: this.#contents });
    this.#objects = new FinalizationRegistry((handle) => {
      if (this.isLive(handle)) this.#abandoned.add(handle);
    });
    backend.onLoss = (loss) => this.#lost(loss);
    ledger.idle.push(this.#idle);
  }

  // Allocations

  /**
   * Allocates.
   *
   * @param bytes How many bytes; at least 1.
   * @param options What they are for.
   * @returns A number that stands for the allocation.
   * @throws {ArgumentError} `FA008` if the size or an option makes no sense.
   * @throws {GpuError} `FA852` if no place suits the intent and the lifetime, or nothing so large fits into one buffer.
   * @throws {BudgetError} `FA351` or `FA352` if a budget refuses.
   * @throws {FrameStateError} `FA001` if it is to live as long as a frame and none is open.
   */
  alloc(bytes: number, options: GpuAllocOptions = {}): GpuHandle {
    const handle = this.tryAlloc(bytes, options);
    if (handle === undefined) throw this.#placement.refusal(`allocate ${bytes} bytes on the GPU`);
    return handle;
  }

  /** As {@linkcode GpuAllocator.alloc}, but `undefined` if a budget refuses. */
  tryAlloc(bytes: number, options: GpuAllocOptions = {}): GpuHandle | undefined {
    this.#check("allocate");
    if (!(Number.isSafeInteger(bytes) && bytes >= 1)) {
      throw new ArgumentError(
        "FA008",
        `Cannot allocate ${show(bytes)} bytes on the GPU: give a whole number of at least 1`,
      );
    }
    const entry = this.#memory.open();
    let isThere = false;
    let isZero = false;
    try {
      describe(entry, options);
      isZero = options.zero === true;
      isThere = this.#placement.put(entry, bytes, this.#frame);
    } catch (error) {
      // Callbacks of budgets may have done that.
      throw this.#isDisposed ? this.#disposed("allocate") : error;
    } finally {
      if (!isThere) {
        this.#memory.close(entry);
        this.#memory.tellEvicted();
      }
    }
    if (!isThere) return undefined;
    const { handle } = entry;
    try {
      if (entry.until > 0) this.#mortal.push(handle);
      if (!this.#isDisposed && isZero) this.#zero(entry);
      this.#memory.tellEvicted();
      if (this.#isDisposed) throw this.#disposed("allocate");
    } catch (error) {
      if (this.isLive(handle)) this.#memory.free(entry);
      throw error;
    }
    return handle;
  }

  /**
   * Allocates, and gives the allocation as an object.
   *
   * @param bytes How many bytes; at least 1.
   * @param options What they are for.
   * @returns The allocation, for `using` or its `free()`.
   * @throws As {@linkcode GpuAllocator.alloc}.
   */
  create(bytes: number, options: GpuAllocOptions = {}): GpuAllocation<B> {
    const handle = this.alloc(bytes, options);
    const allocation = new GpuAllocation<B>(this, handle);
    this.#objects.register(allocation, handle);
    return allocation;
  }

  /**
   * An object for a number. Any number of them may stand for the same allocation; none of them is watched.
   *
   * @param handle The allocation.
   * @returns The object.
   */
  ref(handle: GpuHandle): GpuAllocation<B> {
    this.#memory.find(handle, "use");
    return new GpuAllocation(this, handle);
  }

  /**
   * Frees an allocation. What was submitted is done with it before anybody else gets it.
   *
   * @param handle The allocation.
   */
  free(handle: GpuHandle): void {
    if (this.#isDisposed) throw this.#disposed("free");
    this.#memory.free(this.#memory.find(handle, "free"));
  }

  /** Whether a number stands for an allocation now: one that was not freed, and not evicted. */
  isLive(handle: GpuHandle): boolean {
    return this.#memory.slots.find(handle) >= 0;
  }

  /**
   * The buffer that an allocation is in, with others. Allocations of one heap are in few buffers: keep bind groups by buffer, and use
   * dynamic offsets.
   *
   * @param handle The allocation.
   * @returns The buffer.
   * @throws {GpuError} `FA852` if it is of the intent `"Staging"`, which has none.
   */
  buffer(handle: GpuHandle): B {
    const entry = this.#find(handle, "use the buffer of");
    return this.backend.raw(this.#contents.bufferOf(entry, "use the buffer of"));
  }

  /**
   * Where an allocation starts in its buffer, in bytes.
   *
   * @param handle The allocation.
   * @returns The offset: a multiple of the device's alignment for its use.
   */
  offset(handle: GpuHandle): number {
    return this.#find(handle, "use").offset;
  }

  /**
   * The bytes that were asked for.
   *
   * @param handle The allocation.
   */
  size(handle: GpuHandle): number {
    return this.#memory.find(handle, "use").bytes;
  }

  /**
   * A number that changes whenever an allocation has moved, or lost its contents: what was made of its buffer and offset is out of date
   * then.
   *
   * @param handle The allocation.
   */
  version(handle: GpuHandle): number {
    return this.#memory.find(handle, "use").version;
  }

  /**
   * An allocation as a resource of a bind group entry.
   *
   * @param handle The allocation.
   * @returns Its buffer, offset and size, the size in multiples of 4.
   */
  binding(handle: GpuHandle): { readonly buffer: B; readonly offset: number; readonly size: number } {
    const { offset, bytes } = this.#find(handle, "bind");
    return { buffer: this.buffer(handle), offset, size: Math.ceil(bytes / 4) * 4 };
  }

  /**
   * Keeps an allocation where it is: it is neither moved nor evicted. Pins add up.
   *
   * @param handle The allocation.
   */
  pin(handle: GpuHandle): void {
    const entry = this.#memory.find(handle, "pin");
    if (entry.pins++ === 0 && entry.block !== null) entry.block.pins++;
  }

  /**
   * Takes a pin off.
   *
   * @param handle The allocation.
   * @throws {PoolError} `FA406` if it has none.
   */
  unpin(handle: GpuHandle): void {
    const entry = this.#memory.find(handle, "unpin");
    if (entry.pins === 0) throw notPinned(entry);
    if (--entry.pins === 0 && entry.block !== null) entry.block.pins--;
  }

  /**
   * Makes sure that there is memory for so many bytes, and waits until the device says so. Without this, allocations are made before it is
   * known: see {@linkcode GpuAllocator.settled}.
   *
   * @param bytes How many bytes, in one piece.
   * @param use For what. @default {"storage"}
   * @throws {GpuError} `FA856` if the device has no memory for them.
   * @throws {BudgetError} `FA351` or `FA352` if a budget refuses.
   */
  async reserve(bytes: number, use: GpuUse = "storage"): Promise<void> {
    this.#check("reserve");
    if (!(Number.isSafeInteger(bytes) && bytes >= 1)) {
      throw new ArgumentError(
        "FA008",
        `Cannot reserve ${show(bytes)} bytes on the GPU: give a whole number of at least 1`,
      );
    }
    if (use !== "uniform" && use !== "vertex" && use !== "storage") {
      throw new ArgumentError("FA008", `Cannot reserve for ${show(use)}: use "uniform", "vertex" or "storage"`);
    }
    await this.#memory.reserve(bytes, use);
  }

  /**
   * Waits until it is known of all allocations whether the device had memory for them. Where it had none, those with a shadow or a function
   * to restore them are tried again in smaller buffers.
   *
   * @throws {GpuError} `FA856` if there was no memory for some that are not freed yet.
   */
  async settled(): Promise<void> {
    await this.#memory.settled();
    const [first, ...others] = this.#memory.failed;
    if (first === undefined) return;
    const more = others.length === 0 ? "" : ` and ${others.length} others`;
    throw new GpuError(
      "FA856",
      `Cannot keep ${nameOf(first)}${more} as the device had no memory for them: free them, and allocate less`,
    );
  }

  // Contents

  /**
   * Writes to an allocation. One with a copy on the CPU is written there, and uploaded with the next {@linkcode GpuAllocator.flush};
   * others are written at once. Takes effect before what is submitted after it, in any case.
   *
   * @param handle The allocation.
   * @param data The bytes or numbers.
   * @param offset Where to write, in bytes: a multiple of 4. @default {0}
   * @throws {ArgumentError} `FA008` if the data have no memory any more, or are no multiple of 4 bytes where there is no copy on the CPU and
   * more of the allocation follows; `FA009` if they do not fit.
   */
  write(handle: GpuHandle, data: TypedArray | DataView | ArrayBuffer, offset: number = 0): void {
    this.#contents.write(this.#find(handle, "write to"), data, offset);
  }

  /**
   * The copy of an allocation on the CPU, to be written in place; see {@linkcode GpuAllocator.touch}.
   *
   * @param handle An allocation with one: of the intent `"HostVisible"`, `"HostCached"` or `"Staging"`, or with `onLoss: "shadow"`.
   * @returns The bytes. They are detached when the allocation is freed.
   * @throws {GpuError} `FA852` if it has no copy.
   */
  bytes(handle: GpuHandle): Uint8Array {
    const entry = this.#find(handle, "use the bytes of");
    if (entry.bytesOnCpu !== null) return entry.bytesOnCpu;
    throw new GpuError(
      "FA852",
      `Cannot use the bytes of ${nameOf(entry)} as there is no copy of it on the CPU: allocate it as HostVisible`,
    );
  }

  /**
   * Says that the copy on the CPU was written, so that it is uploaded with the next {@linkcode GpuAllocator.flush}. Where the GPU writes
   * nothing itself, in all uses but `"storage"`, bytes between two written parts may be uploaded with them.
   *
   * @param handle The allocation.
   * @param offset Where, in bytes. @default {0}
   * @param bytes How many. @default {all from there on}
   * @throws {ArgumentError} `FA009` if that is outside of it.
   * @throws {GpuError} `FA852` if it has no copy.
   */
  touch(handle: GpuHandle, offset?: number, bytes?: number): void {
    const entry = this.#find(handle, "touch");
    const start = offset ?? 0;
    const count = bytes ?? entry.bytes - start;
    checkRange(entry, start, count, "touch");
    if (entry.bytesOnCpu === null) this.bytes(handle);
    this.#contents.touch(entry, start, count);
  }

  /**
   * Copies from one allocation to another, on the device.
   *
   * @param source Where from.
   * @param target Where to.
   * @param options Where to start in each, and how many bytes, by default as many as both have from there on: all multiples of 4, but
   * what ends the target may end within a word.
   * @throws {ArgumentError} `FA008` or `FA009` if that is misaligned or outside.
   */
  copy(
    source: GpuHandle,
    target: GpuHandle,
    options: { readonly from?: number; readonly at?: number; readonly bytes?: number } = {},
  ): void {
    const from = this.#find(source, "copy from");
    const to = this.#find(target, "copy to");
    checkObject(options, "copy");
    const { from: start = 0, at = 0 } = options;
    const bytes = options.bytes ?? Math.min(from.bytes - start, to.bytes - at);
    this.#contents.copy(from, start, to, at, bytes, () => this.#between(source, target, bytes));
  }

  /**
   * Reads an allocation back. All that is asked for in a frame comes at once, after its {@linkcode GpuAllocator.endFrame}; outside of
   * frames, all that is asked for in one turn of the event loop. In Deno that blocks the thread until the device is idle, and takes at
   * least 10 ms.
   *
   * @param handle The allocation.
   * @param options Which part, and where to put it.
   * @returns The bytes, as they are after all that was submitted before the request is sent.
   * @throws {ArgumentError} `FA008` or `FA009` if the range or the array makes no sense.
   * @throws {GpuError} `FA852` if it is of the intent `"Staging"`. The promise rejects with `FA857` if the device is lost, `FA856` if it
   * turns out to have had no memory for the allocation, `FA858` if that is freed or the array detached meanwhile, and `FA351` or `FA352` if
   * a budget refuses. Of a loss and of the disposal of this nobody has to hear.
   */
  read(handle: GpuHandle, options: GpuReadOptions = {}): Promise<Uint8Array> {
    const entry = this.#find(handle, "read");
    checkObject(options, "read");
    const { offset = 0, into } = options;
    return this.#contents.read(entry, offset, options.bytes ?? entry.bytes - offset, into);
  }

  /** As {@linkcode GpuAllocator.read}, but `undefined` if so many are on their way already that this one would have to wait. */
  tryRead(handle: GpuHandle, options: GpuReadOptions = {}): Promise<Uint8Array> | undefined {
    this.#find(handle, "read");
    return this.#readbacks.isFull ? undefined : this.read(handle, options);
  }

  /**
   * Brings the copy on the CPU up to date with what the GPU has written.
   *
   * @param handle An allocation with a copy, such as one of the intent `"HostCached"`.
   * @returns The copy. Rejects with `FA858`, and leaves the copy as it is, if it is written meanwhile.
   * @throws {GpuError} `FA852` if it has no copy, or one in the memory of a frame, which is another one's when the bytes arrive.
   * @throws As {@linkcode GpuAllocator.read}.
   */
  refresh(handle: GpuHandle): Promise<Uint8Array> {
    const entry = this.#find(handle, "refresh");
    if (entry.chunk === null) return this.#contents.refresh(entry, this.bytes(handle));
    throw new GpuError(
      "FA852",
      `Cannot refresh ${nameOf(entry)} as its bytes on the CPU are gone when those of the device arrive: read it`,
    );
  }

  /**
   * Uploads something large over several frames: at the end of each at most so many bytes as the option `streamBytesPerFrame` says.
   *
   * @param handle The allocation.
   * @param data The bytes, which must stay as they are until then.
   * @param options Where to write, and how important it is.
   * @returns Settles when all of it was uploaded. Rejects with `FA858` if the allocation is freed or evicted, or the data detached, before
   * that, and with `FA857` if the device is lost.
   * @throws {ArgumentError} `FA008` or `FA009` if the data or the place make no sense.
   */
  stream(handle: GpuHandle, data: TypedArray | ArrayBuffer, options: GpuStreamOptions = {}): Promise<void> {
    const entry = this.#find(handle, "stream to");
    checkObject(options, "stream");
    const { offset = 0, importance = 0 } = options;
    return this.#contents.stream(entry, data, offset, importance);
  }

  // Frames

  /** Whether a frame is open. */
  get inFrame(): boolean {
    return this.#inFrame;
  }

  /** The number of the current frame, or of the last one; 0 before the first. */
  get frameNumber(): number {
    return this.#frame;
  }

  /**
   * Begins a frame.
   *
   * @throws {FrameStateError} `FA004` if one is open already.
   * @throws {ArenaExhaustedError} `FA003` if there is no memory for the ring.
   * @throws {BudgetError} `FA351` or `FA352` if a budget refuses it.
   */
  beginFrame(): void {
    this.$checkFrame();
    this.#isBeginning = true;
    try {
      this.#ring.begin(this.#frame + 1);
    } catch (error) {
      // Callbacks of budgets may have done that.
      throw this.#isDisposed ? this.#disposed("begin a frame") : error;
    } finally {
      this.#isBeginning = false;
    }
    this.#frame++;
    this.#inFrame = true;
  }

  /** Refuses to begin a frame where that cannot be; not for use in programs. */
  $checkFrame(): void {
    this.#check("begin a frame");
    if (this.#inFrame || this.#isBeginning) {
      const open = this.#inFrame ? this.#frame : this.#frame + 1;
      throw new FrameStateError(
        "FA004",
        `Cannot begin frame ${open + 1} on the GPU as frame ${open} is still open: end it first`,
      );
    }
  }

  /**
   * Begins a frame that ends with the returned guard.
   *
   * @returns The guard, for `using` or its `end()`.
   * @throws As {@linkcode GpuAllocator.beginFrame}.
   */
  frame(): FrameGuard {
    this.beginFrame();
    return new FrameGuard({ endGuardedFrame: (frame: number) => this.#endGuarded(frame) }, this.#frame);
  }

  /**
   * Uploads what was written in this frame until now, in the fewest writes, and everything that was written to allocations. Call it before
   * you submit work that uses them; {@linkcode GpuAllocator.endFrame} does the rest.
   */
  flush(): void {
    this.#check("flush");
    this.#contents.flush();
  }

  /**
   * Ends the frame: uploads what is left, sends what was asked to be read, uploads a part of what is streamed, and frees what lives as long
   * as the frame.
   *
   * @throws {FrameStateError} `FA005` if none is open.
   * @throws {GpuError} `FA857` if the device was lost in it; `FA856` if it had no memory for the frame. The frame is over all the same.
   */
  endFrame(): void {
    if (!this.#inFrame) {
      this.#check("end a frame");
      throw new FrameStateError(
        "FA005",
        "Cannot end a frame on the GPU as none is open: begin one first, and end each once",
      );
    }
    const frame = this.#frame;
    try {
      this.#check("end a frame");
      this.#contents.flush();
      this.#streams.pump(this.#streamBytes);
    } finally {
      this.#readbacks.flush();
      // Callbacks of budgets may have done that.
      if (this.#inFrame && this.#frame === frame) {
        this.#inFrame = false;
        this.#memory.tick(frame);
        this.#retire();
        this.#ring.end();
      }
    }
  }

  // Care

  /**
   * Checks that what one dispatch, or one render pass, uses does not conflict: a buffer that is written by it cannot be used in any other
   * way. Devices say only that there is a conflict, this says of what with what.
   *
   * @param uses What is used, and how.
   * @throws {GpuError} `FA852` if two of them conflict.
   *
   * @example
   * ```ts
   * import { SmartAlloc } from "@framealloc/core";
   * import { GpuAllocator, GpuError, NullBackend } from "@framealloc/core/gpu";
   * import { assertThrows } from "@std/assert";
   *
   * const gpu = new GpuAllocator(new SmartAlloc(), new NullBackend());
   * const cells = gpu.alloc(1024, { name: "cells" });
   * const forces = gpu.alloc(1024, { name: "forces" });
   * assertThrows(
   *   () => gpu.checkScope([{ handle: cells, access: "read" }, { handle: forces, access: "write" }]),
   *   GpuError,
   *   "FA852", // both are parts of one buffer: allocate one of them with isolate: true, or for the use "uniform"
   * );
   * ```
   */
  checkScope(uses: readonly GpuScopeUse[]): void {
    checkScope(uses, (handle) => {
      const entry = this.#find(handle, "check");
      return { name: nameOf(entry), buffer: this.#contents.bufferOf(entry, "check") };
    });
  }

  /**
   * Empties buffers that are less than half full into others, so that they can be given back. Handles stay valid; their buffer, offset and
   * version change.
   *
   * @param options How much to do at most.
   * @returns What was done.
   */
  defragment(options: GpuDefragmentOptions = {}): GpuDefragmentation {
    this.#check("defragment");
    checkObject(options, "defragment");
    const { maxBytes = Infinity, maxMoves = Infinity } = options;
    checkMost(maxBytes, "maxBytes");
    checkMost(maxMoves, "maxMoves");
    this.#contents.flush();
    return this.#defragmenter.step({ maxBytes, maxMoves });
  }

  /**
   * Gives back buffers in which nothing is.
   *
   * @returns The bytes given back.
   */
  trim(): number {
    let bytes = this.#readbacks.trim() + this.#ring.trim() * this.#ring.segments;
    for (const heap of Object.values(this.#memory.heaps)) bytes += heap.trim("all");
    return bytes;
  }

  /**
   * Measures what uploads cost on this device, to choose better between one large and many small ones. Takes some 50 ms.
   *
   * @returns What it came to.
   */
  async calibrate(): Promise<UploadCosts> {
    this.#check("calibrate");
    return await this.#uploader.calibrate();
  }

  /** Whether the device was lost. */
  get isLost(): boolean {
    return this.backend.loss !== undefined;
  }

  /**
   * Goes on with another device after the one was lost: makes all buffers again, and brings their contents back as each allocation's
   * `onLoss` says. Handles stay valid. A device that is lost meanwhile is tried again.
   *
   * @returns What was restored.
   * @throws {GpuError} `FA857` if there is no other device.
   */
  async recover(): Promise<GpuRecovery> {
    if (this.#isDisposed) throw this.#disposed("recover");
    if (!this.isLost && !this.#recovery.isRunning) {
      throw new GpuError("FA857", "Cannot recover as the device was not lost: recover after the loss");
    }
    const isFirst = !this.#recovery.isRunning;
    const recovery = await this.#recovery.run(() => this.#isDisposed);
    if (isFirst) this.#options.onRestored?.(recovery);
    return recovery;
  }

  // Seeing

  /** What it has and has done. All of it is counted as it goes: asking costs nothing. */
  stats(): GpuStats {
    const { uniform, vertex, storage, readback } = this.#memory.heaps;
    const heap = ({ reserved, used, peak, count, blocks }: GpuHeap) => ({
      reserved,
      used,
      peak,
      allocations: count,
      buffers: blocks.length,
    });
    const { writes, bytesWritten, merged, scatters, chunks } = this.#uploader;
    const ring = this.#ring;
    return {
      frame: this.#frame,
      allocations: this.#memory.slots.live,
      reserved: this.#budget.used,
      used: uniform.used + vertex.used + storage.used + readback.used,
      heaps: { uniform: heap(uniform), vertex: heap(vertex), storage: heap(storage), readback: heap(readback) },
      ring: {
        reserved: ring.reserved * ring.segments,
        lastBytes: ring.lastBytes,
        lastAllocations: ring.lastCount,
        overflows: ring.region.overflows,
      },
      uploads: { writes, bytes: bytesWritten, merged, scatters, chunks, streaming: this.#streams.pendingBytes },
      readbacks: {
        requests: this.#readbacks.requests,
        maps: this.#readbacks.maps,
        bytes: this.#readbacks.bytesRead,
        inFlight: this.#readbacks.inFlight,
        reserved: this.#readbacks.reserved,
      },
      evictions: this.#memory.evictions,
      failures: this.#memory.failures,
      moves: this.#defragmenter.moves,
      recoveries: this.#recovery.generation,
    };
  }

  /** How often an allocation has lost its contents; -1 if it is gone, or the device had no memory for it. Not for use in programs. */
  $losses(handle: GpuHandle): number {
    const slot = this.#memory.slots.find(handle);
    if (slot < 0) return -1;
    const entry = this.#memory.entries[slot]!;
    return entry.isFailed ? -1 : entry.losses;
  }

  /** What is charged to its budget, and the hard limit of that; not for use in programs. */
  get $usage(): { readonly reserved: number; readonly limit: number } {
    return { reserved: this.#budget.used, limit: (this.#budget.$budget as Budget).hard };
  }

  /**
   * Everything that is allocated, as plain data: what is where in which buffer. {@linkcode blockMap} makes a picture of it.
   *
   * @returns The report, which can be made into JSON.
   */
  dump(): GpuDump {
    return dumpOf({
      backend: this.backend.name,
      frame: this.#frame,
      generation: this.#recovery.generation,
      memory: this.#memory,
      ring: this.#ring,
      readbacks: this.#readbacks,
      budget: this.#budget,
    });
  }

  /**
   * What is allocated now, and lives until it is freed.
   *
   * @param options Only what is so many frames old at least.
   * @returns One entry for each, and those objects first that were left to the garbage collector.
   */
  leaks(options: { readonly olderThanFrames?: number } = {}): readonly Leak[] {
    checkObject(options, "look for leaks");
    const { olderThanFrames = 0 } = options;
    if (typeof olderThanFrames !== "number" || Number.isNaN(olderThanFrames)) {
      throw new ArgumentError("FA008", `Cannot look for leaks of ${show(olderThanFrames)} frames: give a number`);
    }
    const now = this.#frame;
    const isAbandoned = ({ handle }: Entry): number => Number(this.#abandoned.has(handle));
    const live = this.#memory.entries.filter((entry) =>
      entry.tag !== null && framesOf(entry.lifetime) === 0 && now - entry.born >= olderThanFrames
    );
    return live.sort((a, b) => isAbandoned(b) - isAbandoned(a)).map(({ name, tag, bytes, born }): Leak => ({
      kind: "gpu allocation",
      name,
      tag: tag!.path,
      bytes,
      age: now - born,
    }));
  }

  /**
   * Frees everything and gives all memory back; a second call does nothing. The backend is disposed of as well.
   *
   * @returns What had not been freed by hand.
   */
  dispose(): readonly Leak[] {
    if (this.#isDisposed) return [];
    const leaks = this.leaks();
    this.#isDisposed = true;
    this.#inFrame = false;
    this.#streams.fail(this.#disposed("stream"));
    this.#readbacks.dispose();
    for (const entry of this.#memory.entries) {
      if (entry.tag !== null) this.#memory.free(entry);
      else this.#memory.take(entry); // which is being allocated just now
    }
    for (const heap of Object.values(this.#memory.heaps)) heap.trim("all");
    this.#ring.dispose();
    this.#releaseBudgets();
    const { idle } = this.#frames.ledger;
    idle.splice(idle.indexOf(this.#idle), 1);
    this.backend.onLoss = undefined;
    this.backend.dispose();
    return leaks;
  }

  /** The same as {@linkcode GpuAllocator.dispose}. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  /** Memory for what is copied from one allocation to another of the same buffer, for which neither may go. */
  #between(source: GpuHandle, target: GpuHandle, bytes: number): Entry {
    this.pin(source);
    this.pin(target);
    let handle: GpuHandle;
    try {
      handle = this.alloc(bytes, { isolate: true, name: "copy" });
    } finally {
      if (this.isLive(source)) this.unpin(source);
      if (this.isLive(target)) this.unpin(target);
    }
    const entry = this.#memory.find(handle, "copy");
    if (this.isLive(source) && this.isLive(target)) return entry;
    this.#memory.free(entry);
    throw new PoolError("FA401", "Cannot copy as a callback has freed one of the two: free it later");
  }

  #releaseBudgets(): void {
    for (const child of this.#children) child.release();
    this.#budget.release();
  }

  #check(action: string): void {
    if (this.#isDisposed) throw this.#disposed(action);
    if (this.#frames.isDisposed) throw disposed(`${action} on the GPU`);
    const { loss } = this.backend;
    if (loss === undefined && !this.#recovery.isRunning) return;
    throw new GpuError(
      "FA857",
      `Cannot ${action} as the device was lost${
        loss === undefined ? "" : ` ("${loss.message}")`
      }: await recover() first`,
    );
  }

  #find(handle: GpuHandle, action: string): Entry {
    this.#check(action);
    const entry = this.#memory.find(handle, action);
    if (entry.isFailed) throw noMemory(entry, action);
    entry.used = this.#frame;
    return entry;
  }

  #zero(entry: Entry): void {
    const bytes = Math.ceil(entry.bytes / 4) * 4;
    if (entry.place === "ring") entry.bytesOnCpu!.fill(0);
    else if (entry.block !== null) this.backend.clear(entry.block.buffer, entry.offset, bytes);
  }

  /** Frees what lives as long as this frame. */
  #retire(): void {
    const mortal = this.#mortal;
    let kept = 0;
    for (let i = 0; i < mortal.length; i++) {
      const slot = this.#memory.slots.find(mortal[i]!);
      if (slot < 0) continue;
      const entry = this.#memory.entries[slot]!;
      if (entry.until > this.#frame) mortal[kept++] = mortal[i]!;
      else this.#memory.free(entry);
    }
    mortal.length = kept;
  }

  #endGuarded(frame: number): void {
    if (this.#inFrame && this.#frame === frame) this.endFrame();
    else if (!this.#isDisposed) {
      throw new FrameStateError(
        "FA007",
        `Cannot end frame ${frame} on the GPU as it has ended already: dispose guards in the frame that they were made in`,
      );
    }
  }

  #lost(loss: GpuLoss): void {
    this.#readbacks.lost();
    this.#streams.fail(
      new GpuError("FA857", `Cannot stream to the GPU as the device was lost ("${loss.message}"): stream it again`),
    );
    this.#options.onLost?.(loss);
  }

  #asOwner(): GpuMemoryOwner {
    return {
      onRefused: (entry, buffer) => this.#readbacks.drop(buffer, () => noMemory(entry, "read")),
      onRehomed: (entry) => this.#recovery.bringBack(entry),
      onRemove: (entry) => {
        if (entry.place === "readback" && entry.block !== null) {
          this.#readbacks.drop(entry.block.buffer, (request) => request.gone(nameOf(entry)));
        }
        if (this.#abandoned.size > 0) this.#abandoned.delete(entry.handle);
        this.#contents.forget(entry);
        this.#placement.remove(entry);
      },
      onFailed: (entry) => {
        this.#contents.forget(entry);
        this.#options.onOutOfMemory?.(entry.handle);
      },
    };
  }

  #disposed(action: string): FrameStateError {
    return new FrameStateError("FA012", `Cannot ${action} as the GPU allocator was disposed: make another one`);
  }
}

function checkObject(options: unknown, action: string): void {
  if (typeof options === "object" && options !== null) return;
  throw new ArgumentError("FA008", `Cannot ${action} with ${show(options)} as options: give an object`);
}

/** Refuses what is no limit. */
function checkMost(most: unknown, name: string): void {
  if (typeof most === "number" && most >= 0) return;
  throw new ArgumentError("FA008", `Cannot defragment with ${name} ${show(most)}: give a number of zero or more`);
}

function notPinned(entry: Entry): PoolError {
  return new PoolError("FA406", `Cannot unpin ${nameOf(entry)} as it is not pinned: unpin as often as you pin`);
}
