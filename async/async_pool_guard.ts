/**
 * Memory that many tasks share: each thing is leased and freed on its own, and the guard around all of them knows what is still out
 * when it is closed. Nothing of it depends on turns or frames.
 */

import { arrayOf, badCount, clear, DEFAULT_CAPACITY, MAX_COUNT, noArray } from "../src/arena/arena.ts";
import { ArgumentError, disposed, PoolError, show, TaskError } from "../src/errors.ts";
import type { SliceOptions } from "../src/frame_alloc.ts";
import type { Face } from "../src/layout/face.ts";
import { innerOf, noLayout } from "../src/layout/inner.ts";
import type { Layout, ValuesOf } from "../src/layout/layout.ts";
import { type NumberVec, NumberVecBase } from "../src/layout/number_vec.ts";
import type { RecordVec, RecordVecBase } from "../src/layout/record_vec.ts";
import { type Bool, isScalar, type NumericScalar } from "../src/layout/scalar.ts";
import type { TypedArray, TypedArrayConstructor, ViewOf } from "../src/memory/typed_array.ts";
import { freedTwice } from "../src/pool/context.ts";
import { type BoxOwner, initialise, type OwnedBox, OwnedBoxBase } from "../src/pool/owned_box.ts";
import type { SmartAlloc } from "../src/smart_alloc.ts";
import { after } from "./after.ts";
import { LeaseMemory } from "./lease/lease_memory.ts";
import { type GuardLease, type LeaseHolder, type LeaseKind, LeaseRoom } from "./lease/lease_room.ts";

/** Options of {@linkcode AsyncPoolGuard}. */
export interface PoolGuardOptions {
  /** Its name, for messages. @default {"guard"} */
  readonly name?: string;
}

/** Options of everything that an {@linkcode AsyncPoolGuard} leases. */
export interface LeaseOptions {
  /** A name for messages and reports. @default {""} */
  readonly label?: string;
}

/** Options of {@linkcode AsyncPoolGuard.close}. */
export interface CloseOptions {
  /** How many milliseconds to wait at most; with 0 nothing is waited for. @default {Infinity} */
  readonly deadline?: number;
  /** Ends the waiting when it is aborted. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Leases boxes, lists and slices to many tasks at once. Each is freed on its own, or all of them together; a guard that is closed leases
 * nothing more, waits until everything was freed, and names what was not.
 *
 * What was freed throws `FA713` when it is used, in every safety mode, also after its memory was given to others. Raw slices, and the
 * `view` of a list of numbers, are not seen; with `safety: "revoke"` they are detached when they are freed.
 *
 * The memory comes from slots of the sizes in the option `poolClasses`, and from blocks of the heap where those are too small. It is
 * booked to the tags that are the innermost ones when it is allocated, as memory of the pool.
 *
 * The methods that allocate throw `FA713` once the guard is closed, `FA012` after the disposal of the allocator, `FA003` if there is not
 * enough memory, `FA351` or `FA352` if a budget refuses, and `FA008` if an argument makes no sense; nothing is changed then.
 *
 * @example Tasks that share a guard, and one that does not give back what it took
 * ```ts
 * import { AsyncPoolGuard, f32, SmartAlloc, struct, TaskError } from "@framealloc/core";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * const Job = struct("Job", { progress: f32 });
 * const alloc = new SmartAlloc();
 * const guard = new AsyncPoolGuard(alloc, { name: "jobs" });
 *
 * async function run(label: string): Promise<number> {
 *   using job = guard.allocBox(Job, {}, { label });
 *   const samples = guard.allocVec(Float32Array);
 *   for (let i = 0; i < 100; i++) {
 *     await null;
 *     samples.push(job.value.progress += 0.5);
 *   }
 *   const last = samples.at(99);
 *   guard.free(samples);
 *   return last;
 * }
 *
 * const forgotten = guard.allocBox(Job, { progress: 1 }, { label: "forgotten" });
 * assertEquals(await Promise.all([run("a"), run("b")]), [50, 50]);
 *
 * const left = await guard.close({ deadline: 10 });
 * assertEquals(left.map(({ label, kind, name }) => [label, kind, name]), [["forgotten", "box", "Job"]]);
 * assertThrows(() => forgotten.value.progress, TaskError, "FA713");
 * assertEquals(alloc.stats().leases.bytes, 0);
 * ```
 */
export class AsyncPoolGuard {
  /** Its name. */
  readonly name: string;
  readonly #memory: LeaseMemory;
  readonly #rooms: Set<LeaseRoom> = new Set();
  /** The leases of slices, which have nothing of their own to know them by; also of those that were freed. */
  readonly #slices: WeakMap<TypedArray, LeaseRoom> = new WeakMap();
  readonly #holder: LeaseHolder;
  readonly #boxes: BoxOwner = { freeBox: (box) => this.free(box) };
  /** What was freed by others than the program. */
  readonly #left: GuardLease[] = [];
  readonly #closing: PromiseWithResolvers<readonly GuardLease[]> = Promise.withResolvers();
  #isClosed = false;

  /**
   * Makes a guard. It takes memory when something is leased.
   *
   * @param alloc Whose memory it uses.
   * @param options Its name.
   * @throws {ArgumentError} `FA008` if an option makes no sense.
   * @throws {FrameStateError} `FA012` after the disposal of the allocator.
   */
  constructor(alloc: SmartAlloc, options: PoolGuardOptions = {}) {
    const memory = alloc?.$leases;
    if (!(memory instanceof LeaseMemory)) {
      throw new ArgumentError(
        "FA008",
        `Cannot make a pool guard with ${show(alloc)} as its allocator: give a SmartAlloc`,
      );
    }
    const { name = "guard" } = options ?? {};
    if (typeof name !== "string" || name === "") {
      throw new ArgumentError(
        "FA008",
        `Cannot make a pool guard named ${show(name)}: give a text of at least one character`,
      );
    }
    if (memory.isDisposed) throw disposed("make a pool guard");
    this.name = name;
    this.#memory = memory;
    this.#holder = { what: `pool guard "${name}"`, leave: (room, lease) => this.#leave(room, lease) };
  }

  /** The leases that were not freed. */
  get outstanding(): number {
    return this.#rooms.size;
  }

  /** The bytes of their slots and blocks. */
  get bytes(): number {
    let bytes = 0;
    for (const room of this.#rooms) bytes += room.bytes;
    return bytes;
  }

  /** Whether it leases nothing more: from the call of {@linkcode AsyncPoolGuard.close} on, and after the disposal of its allocator. */
  get isClosed(): boolean {
    return this.#isClosed || this.#memory.isDisposed;
  }

  /**
   * Leases one value, initialised: to zeros where `init` leaves something out.
   *
   * @param layout The layout.
   * @param init What to fill it with.
   * @param options Its label.
   * @returns The box, for `using`, its `free()` or {@linkcode AsyncPoolGuard.free}.
   * @throws {LayoutError} `FA022` if `init` does not fit; nothing is leased then.
   */
  allocBox<L extends Layout>(layout: L, init?: ValuesOf<L>, options?: LeaseOptions): OwnedBox<L> {
    this.#check(layout?.name);
    if (layout?.$inner === undefined) throw noLayout(layout);
    const room = this.#room("box", layout.name, options, false);
    return this.#lease(room, layout.size, (offset) => {
      const record = new (innerOf(layout).Record)(room.at(offset), 0);
      initialise(layout, record, init);
      return new OwnedBoxBase(this.#boxes, layout, record);
    }) as unknown as OwnedBox<L>;
  }

  /**
   * Leases a growable list: of records for a layout, of numbers for a scalar layout or a typed array. It can grow until it is freed, also
   * while the guard waits to be closed. A list of numbers that has moved frees the room that it has left, so that a `view` taken before
   * shows memory of others.
   *
   * @param of The layout of the elements, or a kind of typed array.
   * @param capacity The elements to make room for at once. @default {16}
   * @param options Its label.
   * @returns The empty list, to be freed with {@linkcode AsyncPoolGuard.free}.
   */
  allocVec<S extends NumericScalar>(of: S, capacity?: number, options?: LeaseOptions): NumberVec<S["array"]>;
  /** A growable list of numbers. */
  allocVec<C extends TypedArrayConstructor>(of: C, capacity?: number, options?: LeaseOptions): NumberVec<C>;
  /** A growable list of records. */
  allocVec<L extends Layout>(of: Exclude<L, Bool>, capacity?: number, options?: LeaseOptions): RecordVec<L>;
  allocVec(of: Layout | TypedArrayConstructor, asked?: number, options?: LeaseOptions): unknown {
    this.#check("a vec");
    const capacity = asked === undefined ? DEFAULT_CAPACITY : asked;
    if (!(capacity >= 0 && capacity <= MAX_COUNT && Number.isInteger(capacity))) {
      throw badCount("allocate a vec", capacity);
    }
    const count = Math.max(capacity, 1);
    if (typeof of === "function") return this.#numberVec(of, of.name, count, options);
    if (of?.$inner === undefined) throw noLayout(of);
    if (isScalar(of)) return this.#numberVec(arrayOf(of, "a vec"), of.name, count, options);
    return this.#recordVec(of, count, options);
  }

  /**
   * Leases a typed array. Without `zero` it holds whatever was there before.
   *
   * @param constructor The kind of array, such as `Float32Array`.
   * @param length The number of elements.
   * @param options Whether to fill it with zeros, and its label.
   * @returns The array, to be freed with {@linkcode AsyncPoolGuard.free}.
   */
  allocSlice<C extends TypedArrayConstructor>(
    constructor: C,
    length: number,
    options?: SliceOptions & LeaseOptions,
  ): ViewOf<C> {
    this.#check("a slice");
    if (!(length >= 0 && length <= MAX_COUNT && Number.isInteger(length))) throw badCount("allocate a slice", length);
    const bytes = length * constructor?.BYTES_PER_ELEMENT;
    if (!(bytes >= 0)) throw noArray(constructor);
    const room = this.#room("slice", constructor.name, options, true);
    return this.#lease(room, bytes, (offset) => {
      const slice = room.viewAt(room.at(offset), constructor, length);
      if (options?.zero === true) clear(slice);
      this.#slices.set(slice, room);
      return slice;
    });
  }

  /**
   * Frees one thing.
   *
   * @param thing A box or the record in it, a list or a slice of this guard.
   * @throws {PoolError} `FA403` if it was freed before.
   * @throws {PoolError} `FA404` if it is nothing of this guard, or only a part of something.
   * @throws {TaskError} `FA713` if the guard has freed it when it was closed.
   */
  free(thing: object): void {
    const room = this.#roomOf(thing);
    if (room === undefined) {
      throw new PoolError(
        "FA404",
        `Cannot free ${show(thing)} as it is nothing of ${this.#holder.what}: free what that has allocated`,
      );
    }
    if (room.over !== undefined) throw room.over === "freed" ? freedTwice(room.what) : room.expired();
    if (!room.isWhole(thing)) {
      throw new PoolError("FA404", `Cannot free ${show(thing)} as it is a part of ${room.what}: free all of it`);
    }
    room.end("freed");
  }

  /** Frees everything that is leased. The guard goes on. */
  freeAll(): void {
    for (const room of this.#rooms) room.end("freed");
  }

  /**
   * Leases nothing more, and waits until everything was freed. What is still out at the deadline, or when the signal is aborted, is
   * freed by force. Where it is called several times, the first to lose patience decides for all, and all get the same answer.
   *
   * @param options How long to wait.
   * @returns What was freed by force, in the order in which it was allocated; by the disposal of the allocator as well.
   * @throws {ArgumentError} `FA008` if an option makes no sense; nothing is changed then.
   *
   * @example
   * ```ts
   * import { AsyncPoolGuard, SmartAlloc } from "@framealloc/core";
   * import { assertEquals } from "@std/assert";
   *
   * const guard = new AsyncPoolGuard(new SmartAlloc());
   * const slice = guard.allocSlice(Uint8Array, 1000, { label: "body" });
   * setTimeout(() => guard.free(slice), 5);
   * assertEquals(await guard.close({ deadline: 60_000 }), []);
   * ```
   */
  async close(options: CloseOptions = {}): Promise<readonly GuardLease[]> {
    const { deadline = Infinity, signal } = options ?? {};
    if (!(typeof deadline === "number" && deadline >= 0)) {
      throw new ArgumentError(
        "FA008",
        `Cannot close ${this.#holder.what} with the deadline ${show(deadline)}: give milliseconds of zero or more`,
      );
    }
    if (signal !== undefined && !(signal instanceof AbortSignal)) {
      throw new ArgumentError(
        "FA008",
        `Cannot close ${this.#holder.what} with ${show(signal)} as the signal: give an AbortSignal`,
      );
    }
    this.#isClosed = true;
    if (deadline === 0 || signal?.aborted === true) this.#force();
    this.#settle();
    const force = (): void => this.#force();
    const cancel = after(deadline, force);
    signal?.addEventListener("abort", force);
    try {
      return await this.#closing.promise;
    } finally {
      cancel();
      signal?.removeEventListener("abort", force);
    }
  }

  /**
   * Closes the guard at once: what is still out is freed by force.
   *
   * @returns What was freed by force, as {@linkcode AsyncPoolGuard.close} gives it.
   */
  dispose(): readonly GuardLease[] {
    this.#isClosed = true;
    this.#force();
    return this.#left;
  }

  /** The same as {@linkcode AsyncPoolGuard.dispose}. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  /** The same as {@linkcode AsyncPoolGuard.close} without a deadline. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #check(what: string): void {
    const action = `allocate ${what} in ${this.#holder.what}`;
    if (this.#memory.isDisposed) throw disposed(action);
    if (this.#isClosed) throw new TaskError("FA713", `Cannot ${action} as it was closed: make another one`);
  }

  #room(kind: LeaseKind, name: string, options: LeaseOptions | undefined, isRaw: boolean): LeaseRoom {
    const { label = "" } = options ?? {};
    if (typeof label !== "string") {
      throw new ArgumentError("FA008", `Cannot allocate a ${kind} with the label ${show(label)}: give a text`);
    }
    return new LeaseRoom(this.#memory, this.#holder, kind, name, label, isRaw);
  }

  /** Gets memory for a lease, and makes of it what is given out. */
  #lease<T extends object>(room: LeaseRoom, bytes: number, make: (offset: number) => T): T {
    const offset = room.alloc(bytes);
    try {
      // Callbacks of budgets, and what a box is filled from, are code of the program. It may close this guard, and sees no half lease.
      this.#check(room.name);
      if (offset < 0) throw room.refusal(`allocate ${room.name} in ${this.#holder.what}`);
      const thing = make(offset);
      this.#check(room.name);
      room.thing = thing;
      this.#rooms.add(room);
      return thing;
    } catch (error) {
      room.end("freed");
      throw error;
    }
  }

  #numberVec(constructor: TypedArrayConstructor, name: string, capacity: number, options?: LeaseOptions): unknown {
    const bytes = capacity * constructor.BYTES_PER_ELEMENT;
    if (!(bytes >= 0)) throw noArray(constructor);
    const room = this.#room("vec", name, options, true);
    return this.#lease(
      room,
      bytes,
      (offset) => new NumberVecBase(constructor, room, room.life, offset, capacity),
    );
  }

  #recordVec(layout: Layout, capacity: number, options?: LeaseOptions): unknown {
    const room = this.#room("vec", layout.name, options, false);
    const { stride, align } = layout;
    return this.#lease(
      room,
      capacity * stride,
      (offset) => new (innerOf(layout).Vec)(room.at(offset), capacity, stride, align, room, null),
    );
  }

  /** The lease that something belongs to; `undefined` if it is nothing of this guard. */
  #roomOf(thing: unknown): LeaseRoom | undefined {
    const { $pos, $runs, $record } = (thing ?? {}) as Partial<Face & RecordVecBase & OwnedBoxBase>;
    const owner = ($pos ?? $runs?.[0] ?? $record?.$pos)?.life?.owner ?? this.#slices.get(thing as TypedArray);
    return owner instanceof LeaseRoom && owner.holder === this.#holder ? owner : undefined;
  }

  /** Takes note of a lease that has ended. */
  #leave(room: LeaseRoom, lease: GuardLease | undefined): void {
    this.#rooms.delete(room);
    if (lease !== undefined) this.#left.push(lease);
    this.#settle();
  }

  #force(): void {
    for (const room of this.#rooms) room.end("closed");
  }

  #settle(): void {
    if (this.#isClosed && this.#rooms.size === 0) this.#closing.resolve(this.#left);
  }
}
