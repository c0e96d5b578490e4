/**
 * Memory of a task: of one request, one job, one load. It ends with the task, whatever way that ends, and nobody can look at it after
 * that.
 */

import { FrameString } from "../src/arena/frame_string.ts";
import { BoxBase, type BoxOf } from "../src/arena/box.ts";
import { ArgumentError, disposed, show } from "../src/errors.ts";
import type { Cell, Layout, ValuesOf } from "../src/layout/layout.ts";
import { type NumberVec, NumberVecBase } from "../src/layout/number_vec.ts";
import { MAX_CHUNK } from "../src/memory/segment.ts";
import type { TypedArray, TypedArrayConstructor, ViewOf } from "../src/memory/typed_array.ts";
import { type BudgetLimits, ChildBudget } from "../src/observe/budgets.ts";
import { RegionAlloc } from "../src/pool/region_alloc.ts";
import type { PromotedBox, PromotedSlice } from "../src/promotion_result.ts";
import type { RetentionPolicy } from "../src/frame/retention.ts";
import type { SmartAlloc } from "../src/smart_alloc.ts";
import { type Ending, Endings } from "./task/endings.ts";
import { TaskBox } from "./task/task_box.ts";
import { TaskMemory } from "./task/task_memory.ts";
import { TASK_SIZE, type TaskRoom } from "./task/task_room.ts";

/** Options of {@linkcode TaskAlloc}. */
export interface TaskOptions {
  /** Its name, for messages and reports. @default {"task"} */
  readonly name?: string;
  /** Ends the task when it is aborted. */
  readonly signal?: AbortSignal | undefined;
  /**
   * What the task may hold: bytes, limits, or a budget of `alloc.budgets.child` that it shares with others. Whole chunks count, from
   * 4 KB on. The tasks inside it count as well.
   */
  readonly budget?: number | BudgetLimits<SmartAlloc> | ChildBudget;
  /** Bytes to take at once when the first of them is used; the task grows as it needs. @default {4 KB} */
  readonly size?: number;
  /**
   * Whether its memory holds zeros at first. With `false` it may hold what another task has left there that has also waived this.
   * @default {true}
   */
  readonly zero?: boolean;
}

/**
 * Memory of one task. All of it ends at once with {@linkcode TaskAlloc.release}, at the end of a `using` or `await using` block, when its
 * signal is aborted, with the task around it or with the allocator, whichever comes first:
 *
 * - what was adopted or deferred, and the tasks inside it, end in the reverse order;
 * - then its memory is detached: slices have length 0, records and lists throw `FA711`, in every safety mode;
 * - the chunks are kept for other tasks, filled with zeros when they are used again.
 *
 * Memory is taken when it is first used, in chunks of its own. It is booked to the tag under which the task was made.
 *
 * Methods throw `FA711` after the end of the task, `FA003` if there is not enough memory, and `FA351` or `FA352` if a budget refuses;
 * nothing is changed then.
 *
 * @example A request with memory of its own
 * ```ts
 * import { f32, SmartAlloc, struct, TaskAlloc, TaskError, u32 } from "@framealloc/core";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * const Point = struct("Point", { x: f32, y: f32, id: u32 });
 * const alloc = new SmartAlloc();
 *
 * async function handle(): Promise<number> {
 *   await using task = new TaskAlloc(alloc, { name: "request" });
 *   const points = task.allocVec(Point);
 *   for (let i = 0; i < 100; i++) {
 *     await null; // the memory stays
 *     points.push({ x: i });
 *   }
 *   return points.length;
 * }
 * assertEquals(await handle(), 100);
 * assertEquals([alloc.stats().tasks.live, alloc.stats().tasks.reserved], [0, 0]);
 *
 * const task = new TaskAlloc(alloc);
 * const point = task.alloc(Point);
 * const slice = task.allocSlice(Float32Array, 100);
 * task.release();
 * assertEquals(slice.length, 0);
 * assertThrows(() => point.x, TaskError, "FA711");
 * ```
 */
export class TaskAlloc extends RegionAlloc {
  readonly #alloc: SmartAlloc;
  readonly #memory: TaskMemory;
  readonly #room: TaskRoom;
  readonly #budget: ChildBudget | undefined;
  #endings: Endings | undefined;
  #leaveParent: (() => void) | undefined;
  /** What is in its boxes of JavaScript values: they hold it as well, and the list of all tasks does not. */
  #values: unknown[] | undefined;
  #controller: AbortController | undefined;
  #isOver = false;
  #reason: unknown;
  #closing: Promise<void> | undefined;

  /**
   * Starts a task.
   *
   * @param alloc Whose memory it uses.
   * @param options Its name, what ends it, and what it may hold.
   * @throws The reason of the signal if that is aborted already.
   * @throws {ArgumentError} `FA008` if an option makes no sense.
   * @throws {PoolError} `FA401` if its budget was released.
   * @throws {FrameStateError} `FA012` after the disposal of the allocator.
   */
  constructor(alloc: SmartAlloc, options?: TaskOptions, $around?: unknown) {
    const memory = alloc?.$tasks;
    if (!(memory instanceof TaskMemory)) {
      throw new ArgumentError("FA008", `Cannot start a task with ${show(alloc)} as its allocator: give a SmartAlloc`);
    }
    const { name, signal, size, zero } = checked(options);
    if (memory.isDisposed) throw disposed("start a task");
    signal?.throwIfAborted();
    const around = $around === undefined ? undefined : ($around as TaskAlloc).#budget;
    const { budget, isOwn } = budgetFor(alloc, name, options?.budget, around);
    const room = memory.add({ name, size, zero, budget, ownsBudget: isOwn });
    super(room);
    this.#alloc = alloc;
    this.#memory = memory;
    this.#room = room;
    this.#budget = budget;
    memory.watch(this, room);
    if (signal === undefined) return;
    this.#isToldOf();
    endWith(room, signal);
  }

  /** Its name. */
  get name(): string {
    return this.#room.name;
  }

  /** Whether it has ended, or is about to. */
  get isReleased(): boolean {
    return this.#isOver || !this.#room.isThere;
  }

  /** Aborted when the task ends, before anything else does: for what is to stop then, such as `fetch`. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.isReleased) this.#controller.abort(this.#ended);
      else this.#isToldOf();
    }
    return this.#controller.signal;
  }

  /** The bytes that it holds, in whole chunks. */
  override get reserved(): number {
    return this.#room.held;
  }

  /**
   * One value of a layout, initialised: to zeros where `init` leaves something out.
   *
   * @param layout The layout.
   * @param init What to fill it with.
   * @returns The box; for a scalar its cell.
   * @throws {LayoutError} `FA022` if `init` does not fit.
   */
  override allocBox<L extends Layout>(layout: L, init?: ValuesOf<L>): BoxOf<L>;
  /**
   * Any JavaScript value, that ends with the task: what is in the box cannot be reached after that.
   *
   * @param value The value.
   * @returns The box.
   */
  override allocBox<T>(value: T): TaskBox<T>;
  override allocBox(what: unknown, init?: unknown): unknown {
    if (isLayout(what)) return super.allocBox(what, init as never);
    this.#check("allocate a box");
    return new TaskBox(this.#room, this.#values ??= [], what);
  }

  /**
   * Has something disposed of when the task ends.
   *
   * @param thing What can be disposed of: a lease of a pool, a box, a file. Where it has both ways, `await using` and
   * `[Symbol.asyncDispose]()` take the one that can be awaited.
   * @returns The thing.
   * @throws {ArgumentError} `FA008` if it cannot be disposed of.
   *
   * @example
   * ```ts
   * import { SmartAlloc, TaskAlloc } from "@framealloc/core";
   * import { assertEquals } from "@std/assert";
   *
   * const alloc = new SmartAlloc();
   * const buffers = alloc.objectPool(() => ({ text: "" }));
   * {
   *   using task = new TaskAlloc(alloc);
   *   task.adopt(buffers.lease()).value.text = "hello";
   *   assertEquals(buffers.live, 1);
   * }
   * assertEquals(buffers.live, 0);
   * ```
   */
  adopt<T extends Disposable | AsyncDisposable>(thing: T): T {
    this.#check("adopt something in");
    const { [Symbol.dispose]: now, [Symbol.asyncDispose]: later } = (thing ?? {}) as Partial<
      Disposable & AsyncDisposable
    >;
    if (typeof now !== "function" && typeof later !== "function") {
      throw new ArgumentError("FA008", `Cannot adopt ${show(thing)} as it cannot be disposed of: use defer`);
    }
    this.#ends.add({ now: () => (now ?? later)!.call(thing), later: () => (later ?? now)!.call(thing) });
    return thing;
  }

  /**
   * Has a function called when the task ends, while its memory can still be used.
   *
   * @param fn The function. What it returns is awaited where the end of the task is; so it must not wait for that itself, nor for the
   * end of a task around it.
   * @throws {ArgumentError} `FA008` if it is no function.
   */
  defer(fn: () => unknown): void {
    this.#check("defer something in");
    if (typeof fn !== "function") {
      throw new ArgumentError("FA008", `Cannot defer ${show(fn)} as it cannot be called: give a function`);
    }
    this.#ends.add({ now: fn, later: fn });
  }

  /**
   * Starts a task inside this one, which ends with it or before.
   *
   * @param options As for a task. Its name follows that of this one, its budget falls under that of this one, except one of
   * `alloc.budgets.child`, which takes its place.
   * @returns The task.
   * @throws As the constructor.
   *
   * @example
   * ```ts
   * import { SmartAlloc, TaskAlloc } from "@framealloc/core";
   * import { assertEquals } from "@std/assert";
   *
   * using task = new TaskAlloc(new SmartAlloc(), { name: "level" });
   * const part = task.child({ name: "textures" });
   * assertEquals(part.name, "level/textures");
   * task.release();
   * assertEquals(part.isReleased, true);
   * ```
   */
  child(options?: TaskOptions): TaskAlloc {
    this.#check("start a task in");
    const { name } = checked(options);
    const child = new TaskAlloc(this.#alloc, { ...options, name: `${this.name}/${name}` }, this);
    const end = (): void => {
      child.#end(this.#reason, "ended with the task around it");
      child.#endings?.leaveTo(this.#ends);
    };
    const ending: Ending = { now: end, later: () => child[Symbol.asyncDispose](), hurry: end };
    child.#leaveParent = () => this.#endings?.delete(ending);
    this.#ends.add(ending);
    return child;
  }

  /**
   * Copies a slice out of the task, to outlive it.
   *
   * @param slice The slice.
   * @param policy Where to. @default {RetentionPolicy.PromoteToHeap}
   * @returns The copy, to be freed by hand.
   * @throws As {@linkcode SmartAlloc.promote}.
   *
   * @example
   * ```ts
   * import { SmartAlloc, TaskAlloc } from "@framealloc/core";
   * import { assertEquals } from "@std/assert";
   *
   * const alloc = new SmartAlloc();
   * async function squares(): Promise<{ slice: Float32Array; free(): void }> {
   *   await using task = new TaskAlloc(alloc, { name: "squares" });
   *   const values = task.allocVec(Float32Array);
   *   for (let i = 0; i < 4; i++) values.push(i * i);
   *   return task.promote(values);
   * }
   * const kept = await squares();
   * assertEquals([...kept.slice], [0, 1, 4, 9]);
   * kept.free();
   * ```
   */
  promote<A extends TypedArray>(slice: A, policy?: RetentionPolicy): PromotedSlice<A>;
  /** Copies the numbers of a list out of the task. */
  promote<C extends TypedArrayConstructor>(vec: NumberVec<C>, policy?: RetentionPolicy): PromotedSlice<ViewOf<C>>;
  /** The value of a box of a JavaScript value, itself. */
  promote<T>(box: TaskBox<T>): T;
  /** The text, as a JavaScript string. */
  promote(text: FrameString): string;
  /** Copies what is in a box out of the task. */
  promote<R extends object>(
    box: { readonly value: R; assign(values: never): unknown },
    policy?: RetentionPolicy,
  ): PromotedBox<R>;
  /** The same for a box of a scalar. */
  promote<T>(
    box: { readonly value: T; assign(values: never): unknown },
    policy?: RetentionPolicy,
  ): PromotedBox<Cell<T>>;
  /** The same for a record, or for a part of one. */
  promote<R extends object>(record: R, policy?: RetentionPolicy): PromotedBox<R>;
  promote(value: object, policy?: RetentionPolicy): unknown {
    if (!this.#room.isThere) throw this.#room.ended("promote something of");
    if (value instanceof TaskBox) return value.value;
    if (value instanceof FrameString) return value.toString();
    const { ledger } = this.#memory;
    const before = ledger.enter(this.#room.tag);
    try {
      return this.#alloc.promote(
        value instanceof NumberVecBase ? value.view as TypedArray : value as TypedArray,
        policy,
      );
    } finally {
      ledger.leave(before);
    }
  }

  /**
   * Ends the task now. What takes longer is begun, and awaited by `[Symbol.asyncDispose]()`. A second call does nothing.
   *
   * @throws What was thrown while things ended, also if that was by a signal before: one error, or several as `SuppressedError`s.
   */
  release(): void {
    this.#end(undefined, "has ended");
    this.#endings?.rethrow();
  }

  /** The same as {@linkcode TaskAlloc.release}. */
  [Symbol.dispose](): void {
    this.release();
  }

  /**
   * Ends the task, one thing after the other, and its memory when all of them have ended. A signal that is aborted meanwhile, or
   * {@linkcode TaskAlloc.release}, does not wait for that.
   *
   * @throws As {@linkcode TaskAlloc.release}.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#begin(undefined, "is about to end");
    await (this.#closing ??= this.#close());
    this.#endings?.rethrow();
  }

  async #close(): Promise<void> {
    await undefined; // whoever is told of the end and waits for it has to find this promise, and not begin another end
    await this.#endings?.later();
    this.#finish("has ended");
    await this.#endings?.settle();
  }

  /** Ends everything that has not ended yet; what is thrown is kept. */
  #end(reason: unknown, why: string): void {
    this.#begin(reason, why);
    this.#endings?.now();
    this.#finish(why);
  }

  #begin(reason: unknown, why: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#reason = reason;
    this.#room.close(why);
    if (this.#controller !== undefined) this.#controller.abort(this.#ended);
  }

  #finish(why: string): void {
    this.#room.end(why);
    if (this.#values !== undefined) this.#values.length = 0;
    this.#leaveParent?.();
    this.#leaveParent = undefined;
  }

  /** Ends the task, as its signal was aborted or its allocator disposed of: not for use in programs. */
  $end(reason: unknown, why: string): void {
    this.#end(reason, why);
  }

  /** Has its room tell it when others end it; it is not held by that. */
  #isToldOf(): void {
    this.#room.task ??= new WeakRef(this);
  }

  /** Why it has ended, for those who listen to its signal. */
  get #ended(): unknown {
    return this.#reason ?? new DOMException(`Task "${this.name}" has ended`, "AbortError");
  }

  get #ends(): Endings {
    if (this.#endings === undefined) {
      this.#endings = new Endings();
      this.#isToldOf();
    }
    return this.#endings;
  }

  #check(action: string): void {
    if (this.isReleased) throw this.#room.ended(action);
  }
}

/** The budget that a task falls under, and whether it is made for it alone. */
function budgetFor(
  alloc: SmartAlloc,
  name: string,
  asked: TaskOptions["budget"],
  around: ChildBudget | undefined,
): { readonly budget: ChildBudget | undefined; readonly isOwn: boolean } {
  if (!(asked instanceof ChildBudget)) {
    if (around?.$isOpen === false) throw around.$released(`start task "${name}"`);
    if (asked === undefined) return { budget: around, isOwn: false };
    const limits = typeof asked === "number" ? { hard: asked } : asked;
    return { budget: alloc.budgets.$child(name, limits, around), isOwn: true };
  }
  if (!alloc.budgets.$has(asked)) {
    throw new ArgumentError(
      "FA008",
      `Cannot start task "${name}" with the budget "${asked.name}" as that is another allocator's: make one with budgets.child`,
    );
  }
  if (!asked.$isOpen) throw asked.$released(`start task "${name}"`);
  return { budget: asked, isOwn: false };
}

/** Ends a task with a signal, which does not hold the task. */
function endWith(room: TaskRoom, signal: AbortSignal): void {
  const abort = (): void => room.endTask(signal.reason, "was aborted");
  signal.addEventListener("abort", abort, { once: true });
  room.onEnd = () => signal.removeEventListener("abort", abort);
}

/** A box has what is inside a layout as well. */
function isLayout(what: unknown): what is Layout {
  return (what as Layout | null | undefined)?.$inner !== undefined && !(what instanceof BoxBase);
}

interface Checked {
  readonly name: string;
  readonly signal: AbortSignal | undefined;
  readonly size: number;
  readonly zero: boolean;
}

function checked(options: TaskOptions = {}): Checked {
  if (typeof options !== "object" || options === null) {
    throw new ArgumentError("FA008", `Cannot start a task with ${show(options)}: give an object of options`);
  }
  for (const key in options) {
    if (key === "name" || key === "signal" || key === "budget" || key === "size" || key === "zero") continue;
    throw new ArgumentError(
      "FA008",
      `Cannot start a task with the option ${show(key)}: use name, signal, budget, size and zero`,
    );
  }
  const { name = "task", signal, size = TASK_SIZE, zero = true } = options;
  if (typeof name !== "string" || name === "") {
    throw new ArgumentError("FA008", `Cannot start a task named ${show(name)}: give a text of at least one character`);
  }
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw new ArgumentError(
      "FA008",
      `Cannot start task "${name}" with ${show(signal)} as its signal: give an AbortSignal`,
    );
  }
  if (!(Number.isInteger(size) && size >= 1 && size <= MAX_CHUNK)) {
    throw new ArgumentError("FA008", `Cannot start task "${name}" with ${show(size)} bytes: give 1 to ${MAX_CHUNK}`);
  }
  if (typeof zero !== "boolean") {
    throw new ArgumentError("FA008", `Cannot start task "${name}" with zero ${show(zero)}: give true or false`);
  }
  return { name, signal, size, zero };
}
