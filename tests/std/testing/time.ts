/**
 * A face for `@std/testing/time` where only the npm registry can be reached: the same
 * `FakeTime`, over `@sinonjs/fake-timers`.
 *
 * It differs in one thing: when a timer's callback throws, time still goes on to the end of the
 * tick, and the error is thrown then.
 *
 * @module
 */

import { type Clock, install } from "@sinonjs/fake-timers";

/** The globals that are replaced while time is faked. */
const NAMES = ["Date", "setTimeout", "clearTimeout", "setInterval", "clearInterval"] as const;

const real = globals();
const { setTimeout, clearTimeout, setInterval, clearInterval } = globalThis;

/** The one instance that fakes time now. */
let current: FakeTime | undefined;

/** An error of faked time. */
export class TimeError extends Error {
  /** Creates an error. */
  constructor(message: string) {
    super(message);
    this.name = "TimeError";
  }
}

/** Options for {@linkcode FakeTime}. */
export interface FakeTimeOptions {
  /** How fast fake time runs by itself, as a multiple of real time (default 0: it stands still). */
  advanceRate: number;
  /** How often it does so, in milliseconds (default 10). */
  advanceFrequency?: number;
}

/** Options for {@linkcode FakeTime.delay}. */
export interface DelayOptions {
  /** Ends the wait early, by a rejection. */
  signal?: AbortSignal;
}

/** Replaces `Date` and the timers by ones that move only when told to. */
export class FakeTime {
  readonly #start: number;
  readonly #clock: Clock;
  readonly #advance: ReturnType<typeof setInterval> | undefined;

  /** Fakes time from now on, beginning at `start` (default: the real time). */
  constructor(start?: number | string | Date | null, options?: FakeTimeOptions) {
    if (current) throw new TimeError("Cannot construct FakeTime: time is already faked");
    this.#start = startOf(start);
    this.#clock = install({ now: this.#start, toFake: [...NAMES], shouldClearNativeTimers: true });
    const rate = options?.advanceRate ?? 0;
    const frequency = options?.advanceFrequency ?? 10;
    if (rate > 0) this.#advance = setInterval(() => this.tick(rate * frequency), frequency);
    current = this;
  }

  /** Restores real time. */
  static restore(): void {
    if (!current) throw new TimeError("Cannot restore time: time is already restored");
    current.restore();
  }

  /** Restores real time until the callback has returned and its promise is settled. */
  static async restoreFor<T, Args extends unknown[]>(
    callback: (...args: Args) => Promise<T> | T,
    ...args: Args
  ): Promise<T> {
    if (!current) throw new TimeError("Cannot restore time: time is not faked");
    const time = current;
    const fake = globals();
    Object.defineProperties(globalThis, real);
    try {
      return await callback(...args);
    } finally {
      if (current === time) Object.defineProperties(globalThis, fake);
    }
  }

  /** The fake time in milliseconds since 1970; setting it runs the timers that fall due. */
  get now(): number {
    return this.#clock.now;
  }
  set now(value: number) {
    if (value < this.now) {
      throw new RangeError(`Cannot set time to ${value} as it is already ${this.now}`);
    }
    this.#clock.tick(value - this.now);
  }

  /** The time at which fake time began. */
  get start(): number {
    return this.#start;
  }

  /** Resolves after a number of milliseconds of real time. */
  delay(ms: number, options: DelayOptions = {}): Promise<void> {
    const { signal } = options;
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const abort = () => {
        clearTimeout(timer);
        reject(signal?.reason);
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener("abort", abort);
        resolve();
      }, ms);
      signal?.addEventListener("abort", abort, { once: true });
    });
  }

  /** Runs all pending microtasks. */
  runMicrotasks(): Promise<void> {
    return this.delay(0);
  }

  /** Moves time on, and runs the timers that fall due. */
  tick(ms = 0): void {
    this.now += ms;
  }

  /** Runs all pending microtasks, then moves time on. */
  async tickAsync(ms = 0): Promise<void> {
    await this.runMicrotasks();
    this.tick(ms);
  }

  /** Moves time on to the next timer; `false` when there is none. */
  next(): boolean {
    if (this.#clock.countTimers() === 0) return false;
    this.#clock.next();
    // Others may be due at that same time.
    this.#clock.tick(0);
    return true;
  }

  /** Runs all pending microtasks, then moves time on to the next timer. */
  async nextAsync(): Promise<boolean> {
    await this.runMicrotasks();
    return this.next();
  }

  /** Moves time on until no timer is left. */
  runAll(): void {
    while (this.next());
  }

  /** Moves time on until no timer is left, and runs all pending microtasks before each one. */
  async runAllAsync(): Promise<void> {
    while (this.#clock.countTimers() > 0) await this.nextAsync();
  }

  /** Restores real time. */
  restore(): void {
    if (current !== this) throw new TimeError("Cannot restore time: time is already restored");
    current = undefined;
    this.#clock.uninstall();
    clearInterval(this.#advance);
  }

  /** Restores real time. */
  [Symbol.dispose](): void {
    this.restore();
  }
}

function globals(): PropertyDescriptorMap {
  return Object.fromEntries(
    NAMES.map((name) => [name, Object.getOwnPropertyDescriptor(globalThis, name)!]),
  );
}

function startOf(start: number | string | Date | null | undefined): number {
  if (start === undefined || start === null) return Date.now();
  const value = typeof start === "number" ? Math.floor(start) : new Date(start).valueOf();
  if (Number.isNaN(value)) throw new TimeError(`Cannot construct FakeTime: invalid start ${start}`);
  return value;
}
