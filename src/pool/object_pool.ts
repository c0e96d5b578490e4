/**
 * Pools of plain JavaScript objects, for what is no bytes: each object is made once and used again and again.
 *
 * What a pool knows of an object is written on the object itself, in a private field that nobody else can see: finding it costs
 * nothing that grows with the pool, and nothing is allocated when it is used again.
 */

import { ArgumentError, disposed, PoolError, show } from "../errors.ts";

/** Options of {@linkcode SmartAlloc.objectPool}. */
export interface ObjectPoolOptions<T extends object> {
  /** A name for messages and reports. @default {"objects"} */
  readonly name?: string;
  /** Makes an object ready to be used again; called when it is released. */
  readonly reset?: (object: T) => void;
  /** How many objects to make at once. @default {0} */
  readonly capacity?: number;
  /** How many objects there may be at most, in use or free. @default {Infinity} */
  readonly max?: number;
}

/** What an object pool holds. */
export interface ObjectPoolStats {
  /** Its name. */
  readonly name: string;
  /** Objects in use. */
  readonly live: number;
  /** Objects that wait to be used. */
  readonly free: number;
  /** The most objects that were in use at once. */
  readonly peak: number;
  /** How often an object was acquired. */
  readonly acquired: number;
}

/** What is written on an object. */
const FREE = 0;
const LIVE = 1;
const RESETTING = 2;

/** Lets a class add its private fields to an object that is there already. */
const Given = function (object: object): object {
  return object;
} as unknown as new (object: object) => object;

/** The private fields that a pool adds to its objects. */
class Mark extends Given {
  #home: object;
  #state = FREE;
  #serial = 0;

  constructor(object: object, home: object) {
    super(object);
    this.#home = home;
  }

  static isOn(object: object): boolean {
    return #state in object;
  }

  static belongs(object: object, home: object): boolean {
    return #home in object && object.#home === home;
  }

  static state(object: object): number {
    return (object as Mark).#state;
  }

  static turn(object: object, state: number): void {
    (object as Mark).#state = state;
    if (state === FREE) (object as Mark).#serial++;
  }

  static serial(object: object): number {
    return (object as Mark).#serial;
  }
}

/**
 * An object that goes back to its pool when the lease ends.
 *
 * @typeParam T What it is.
 */
export class Lease<T extends object> {
  readonly #pool: ObjectPool<T>;
  readonly #object: T;
  /** What tells this use of the object from later ones. */
  readonly #serial: number;
  #hasEnded = false;

  /** Made by {@linkcode ObjectPool.lease}. */
  constructor(pool: ObjectPool<T>, object: T) {
    this.#pool = pool;
    this.#object = object;
    this.#serial = Mark.serial(object);
  }

  /**
   * The object.
   *
   * @throws {PoolError} `FA401` if the lease has ended.
   */
  get value(): T {
    if (this.#isOpen) return this.#object;
    throw new PoolError(
      "FA401",
      `Cannot use an object of pool "${this.#pool.name}" as its lease has ended: acquire another one`,
    );
  }

  /** Gives the object back. A second call does nothing; if the pool's `reset` throws, the lease goes on. */
  release(): void {
    if (!this.#isOpen) return;
    this.#pool.release(this.#object);
    this.#hasEnded = true;
  }

  /** The same as {@linkcode Lease.release}. */
  [Symbol.dispose](): void {
    this.release();
  }

  get #isOpen(): boolean {
    return !this.#hasEnded && Mark.serial(this.#object) === this.#serial;
  }
}

/**
 * A pool of objects; see {@linkcode SmartAlloc.objectPool}.
 *
 * @typeParam T What the objects are.
 *
 * @example
 * ```ts
 * import { PoolError, SmartAlloc } from "@framealloc/core";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * const alloc = new SmartAlloc();
 * const lists = alloc.objectPool((): string[] => [], { name: "lists", reset: (list) => list.length = 0 });
 *
 * const list = lists.acquire();
 * list.push("a");
 * lists.release(list);
 * assertEquals(lists.acquire() === list, true); // the same one, emptied
 *
 * lists.release(list);
 * assertThrows(() => lists.release(list), PoolError, "FA403");
 * assertThrows(() => lists.release([]), PoolError, "FA404");
 * ```
 */
export class ObjectPool<T extends object> {
  /** Its name. */
  readonly name: string;
  readonly #create: () => T;
  readonly #reset: ((object: T) => void) | undefined;
  readonly #capacity: number;
  readonly #max: number;
  readonly #free: T[] = [];
  #freeCount = 0;
  #live = 0;
  #making = 0;
  #isDisposed = false;
  #peak = 0;
  #acquired = 0;

  /** Made by {@linkcode SmartAlloc.objectPool}. */
  constructor(create: () => T, options: ObjectPoolOptions<T> = {}) {
    const { name = "objects", reset, capacity = 0, max = Infinity } = options ?? {};
    if (typeof name !== "string") {
      throw new ArgumentError("FA008", `Cannot make an object pool named ${show(name)}: give a text`);
    }
    if (typeof create !== "function") {
      throw new ArgumentError(
        "FA008",
        `Cannot make an object pool from ${show(create)}: give a function that makes objects`,
      );
    }
    if (reset !== undefined && typeof reset !== "function") {
      throw new ArgumentError("FA008", `Cannot reset objects of pool "${name}" with ${show(reset)}: give a function`);
    }
    if (!(Number.isInteger(capacity) && capacity >= 0)) {
      throw new ArgumentError(
        "FA008",
        `Cannot make ${show(capacity)} objects for pool "${name}": give a whole number of zero or more`,
      );
    }
    if (!(max === Infinity || Number.isInteger(max)) || max < 1 || capacity > max) {
      throw new ArgumentError(
        "FA008",
        `Cannot limit pool "${name}" with capacity ${capacity} to ${
          show(max)
        } objects: give a whole number of at least 1 and no less than the capacity`,
      );
    }
    this.name = name;
    this.#create = create;
    this.#reset = reset;
    this.#capacity = capacity;
    this.#max = max;
    for (let i = 0; i < capacity; i++) this.#free.push(this.#make());
    this.#freeCount = this.#free.length;
  }

  /** Objects in use. */
  get live(): number {
    return this.#live;
  }

  /** What it holds. */
  get stats(): ObjectPoolStats {
    return { name: this.name, live: this.#live, free: this.#freeCount, peak: this.#peak, acquired: this.#acquired };
  }

  /**
   * Takes an object: the one that was released last, or a new one if none is free.
   *
   * @returns The object.
   * @throws {PoolError} `FA405` if there are as many as there may be.
   * @throws {FrameStateError} `FA012` after the disposal of the pool or of its allocator.
   * @throws What `create` throws; nothing is changed then.
   */
  acquire(): T {
    const object = this.tryAcquire();
    if (object !== undefined) return object;
    throw new PoolError(
      "FA405",
      `Cannot acquire an object of pool "${this.name}" as all ${this.#max} are in use: release one, or raise max`,
    );
  }

  /** As {@linkcode ObjectPool.acquire}, but `undefined` if there are as many as there may be. */
  tryAcquire(): T | undefined {
    if (this.#isDisposed) {
      throw disposed(`acquire an object of pool "${this.name}"`, "pool");
    }
    let object: T;
    if (this.#freeCount > 0) {
      const i = --this.#freeCount;
      object = this.#free[i]!;
      this.#free[i] = undefined!;
    } else {
      if (this.#live + this.#making >= this.#max) return undefined;
      object = this.#make();
    }
    Mark.turn(object, LIVE);
    this.#acquired++;
    if (++this.#live > this.#peak) this.#peak = this.#live;
    return object;
  }

  /**
   * Takes an object that goes back when the lease ends.
   *
   * @returns The lease, for `using` or its `release()`.
   * @throws As {@linkcode ObjectPool.acquire}.
   */
  lease(): Lease<T> {
    return new Lease(this, this.acquire());
  }

  /**
   * Gives an object back.
   *
   * @param object The object.
   * @throws {PoolError} `FA403` if it was given back before, `FA404` if it is none of this pool.
   * @throws What `reset` throws; the object is still in use then.
   */
  release(object: T): void {
    if (!isObject(object) || !Mark.belongs(object, this)) throw this.#foreign(object);
    if (Mark.state(object) !== LIVE) throw this.#twice();
    if (this.#reset !== undefined) this.#prepare(object, this.#reset);
    Mark.turn(object, FREE);
    this.#live--;
    if (!this.#isDisposed) this.#free[this.#freeCount++] = object;
  }

  /**
   * Lets go of free objects, except as many as `capacity` says.
   *
   * @returns How many were let go of.
   */
  trim(): number {
    const drop = Math.max(0, this.#freeCount - Math.max(0, this.#capacity - this.#live));
    for (let i = 0; i < drop; i++) this.#free[--this.#freeCount] = undefined!;
    this.#free.length = this.#freeCount;
    return drop;
  }

  /**
   * Lets go of the free objects and gives out none any more. Objects in use can still be released; the pool is in reports until they
   * are. A second call does nothing.
   */
  dispose(): void {
    this.#isDisposed = true;
    this.#free.length = this.#freeCount = 0;
  }

  /** The same as {@linkcode ObjectPool.dispose}. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  /** Whether it was disposed of and nothing of it is in use: not for use in programs. */
  get $isOver(): boolean {
    return this.#isDisposed && this.#live === 0;
  }

  #make(): T {
    this.#making++;
    try {
      const object = this.#create();
      if (!isObject(object)) {
        throw new ArgumentError(
          "FA008",
          `Cannot pool ${show(object)} in "${this.name}" as it is no object: have create return a fresh one`,
        );
      }
      if (Mark.isOn(object)) {
        throw new ArgumentError(
          "FA008",
          `Cannot pool ${show(object)} in "${this.name}" as it is in a pool already: have create return a fresh one`,
        );
      }
      try {
        new Mark(object, this);
      } catch {
        throw new ArgumentError(
          "FA008",
          `Cannot pool ${show(object)} in "${this.name}" as it cannot be extended: freeze nothing that is pooled`,
        );
      }
      return object;
    } finally {
      this.#making--;
    }
  }

  #prepare(object: T, reset: (object: T) => void): void {
    Mark.turn(object, RESETTING);
    try {
      reset(object);
    } catch (error) {
      Mark.turn(object, LIVE);
      throw error;
    }
  }

  #foreign(object: unknown): PoolError {
    return new PoolError(
      "FA404",
      `Cannot release ${
        show(object)
      } to pool "${this.name}" as it does not come from there: release what acquire returned`,
    );
  }

  #twice(): PoolError {
    return new PoolError(
      "FA403",
      `Cannot release an object to pool "${this.name}" as it was released before: release each once`,
    );
  }
}

function isObject(value: unknown): boolean {
  return typeof value === "object" ? value !== null : typeof value === "function";
}
