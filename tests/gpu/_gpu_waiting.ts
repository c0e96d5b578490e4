/**
 * What waits for a device: reads and streams of a program, what each of them must come to, and what may happen to it meanwhile.
 */

import { FrameAllocError } from "@framealloc/core";
import type { Bytes, Held } from "./_gpu_model.ts";

/** Thrown by callbacks of the program itself. */
export class OwnError extends Error {}

/** The code of an error of the library, or "own" for one of the program; anything else is thrown. */
export function codeOf(error: unknown): string {
  if (error instanceof OwnError) return "own";
  if (error instanceof FrameAllocError) return error.code;
  throw error;
}

/** What came of promises that nobody awaits at once. */
export interface Desk {
  /** What must not be. */
  readonly faults: unknown[];
  count(event: string, by?: number): void;
  /** Whether the device may have no memory. */
  readonly isUnsure: boolean;
  readonly ringMayFail: boolean;
}

/** A promise, and the codes that it must or may be rejected with. */
abstract class Waiting {
  isSettled = false;
  must: string | undefined;
  readonly may: Set<string> = new Set();
  readonly held: Held;
  protected readonly desk: Desk;

  constructor(held: Held, desk: Desk) {
    this.held = held;
    this.desk = desk;
  }

  protected watch<T>(promise: Promise<T>): void {
    promise.then(
      (value) => this.#settled(() => this.arrived(value)),
      (error) => this.#settled(() => this.#failed(error)),
    );
  }

  #settled(judge: () => void): void {
    if (this.isSettled) this.desk.faults.push(new Error(`${this.name} was answered twice`));
    this.isSettled = true;
    try {
      judge();
    } catch (error) {
      this.desk.faults.push(error);
    } finally {
      this.over();
    }
  }

  #failed(error: unknown): void {
    const code = codeOf(error);
    this.desk.count(`${this.kind}: ${code}`);
    if (code === this.must || this.may.has(code)) return;
    const others = this.must ?? ["none", ...this.may].join(", ");
    throw new Error(`${this.name} was rejected with ${code} instead of ${others}`, { cause: error });
  }

  /** The device was lost: what has arrived already is there. */
  lost(isPossible: boolean): void {
    if (isPossible) this.may.add("FA857");
    else this.must = "FA857";
  }

  protected abstract readonly kind: string;
  protected abstract readonly name: string;
  protected abstract arrived(value: unknown): void;
  protected over(): void {}
}

/** A read. */
export class Asked extends Waiting {
  readonly offset: number;
  readonly bytes: number;
  readonly isRefresh: boolean;
  /** The bytes that must come, as they were when it was sent. */
  expected: Bytes | undefined;
  isGone = false;
  #isUnsure = false;
  protected override readonly kind = "read";

  constructor(held: Held, offset: number, bytes: number, isRefresh: boolean, promise: Promise<Uint8Array>, desk: Desk) {
    super(held, desk);
    this.offset = offset;
    this.bytes = bytes;
    this.isRefresh = isRefresh;
    if (isRefresh) held.refreshing++;
    if (desk.isUnsure) this.may.add("FA856");
    // The program is asked for the contents, which are written to the copy as well.
    if (desk.isUnsure && isRefresh && held.wish.policy === "restore") this.may.add("FA858");
    this.watch(promise);
  }

  /** It is sent, or would be if there were a buffer that is not on its way. */
  send(isLate: boolean): void {
    const { held } = this;
    this.expected = held.device.part(this.offset, this.bytes);
    this.#isUnsure = this.desk.isUnsure;
    if (held.place === "ring" && this.desk.ringMayFail) this.may.add("FA856");
    if (this.#isUnsure) this.may.add("FA856");
    if (held.isRestoring) this.expected.forget();
    if (this.isGone || held.isFailed) this.must ??= "FA858";
    else if (isLate) {
      held.late.add(this);
      this.may.add("FA856");
    }
  }

  /** The allocation is gone, or of no use any more. */
  gone(isInCallback: boolean): void {
    if (this.expected === undefined && !isInCallback) this.isGone = true;
    // It may have been sent, but not have arrived: another one's bytes are not given for it, and nobody has a copy any more.
    else if (isInCallback || this.isRefresh || this.held.place === "readback" || this.held.late.has(this)) {
      this.may.add("FA858");
    }
  }

  protected override get name(): string {
    return `A read of ${this.bytes} bytes of ${this.held.wish.name} at ${this.offset}`;
  }

  protected override arrived(value: unknown): void {
    const { expected, held, must } = this;
    if (must !== undefined) throw new Error(`${this.name} has arrived, and must fail with ${must}`);
    if (expected === undefined) throw new Error(`${this.name} has arrived before it was sent`);
    // Nobody learns whether there was memory for what is gone; and a copy may be freed between its arrival and now.
    if (!held.isLive && (this.isRefresh || this.#isUnsure)) return;
    const actual = value as Uint8Array;
    expected.check(actual.subarray(0, this.bytes), () => this.name);
    this.desk.count("reads that arrived");
    this.desk.count("bytes that were read", expected.known.reduce((sum, isKnown) => sum + isKnown, 0));
    if (!this.isRefresh) return;
    this.desk.count("refreshes");
    held.copy!.set(actual);
  }

  protected override over(): void {
    this.held.late.delete(this);
    if (this.isRefresh) this.held.refreshing--;
  }
}

/** An upload over several frames. */
export class Job extends Waiting {
  readonly at: number;
  readonly data: Uint8Array;
  readonly importance: number;
  sent = 0;
  isGone = false;
  protected override readonly kind = "stream";

  constructor(held: Held, at: number, data: Uint8Array, importance: number, promise: Promise<void>, desk: Desk) {
    super(held, desk);
    this.at = at;
    this.data = data;
    this.importance = importance;
    this.watch(promise);
  }

  protected override get name(): string {
    return `A stream of ${this.data.length} bytes to ${this.held.wish.name}`;
  }

  protected override arrived(): void {
    if (this.must !== undefined) throw new Error(`${this.name} is done, and must fail with ${this.must}`);
    if (this.sent !== this.data.length) throw new Error(`${this.name} is done, and ${this.sent} bytes were sent`);
    this.desk.count("streams that are done");
  }
}

/** What waits to be uploaded over several frames, the most important first. */
export class Jobs {
  readonly #jobs: Job[] = [];

  get pending(): number {
    return this.#jobs.reduce((sum, { data, sent }) => sum + data.length - sent, 0);
  }

  /** Those that were asked for first go first among equals. */
  add(job: Job): void {
    const place = this.#jobs.findIndex(({ importance }) => importance < job.importance);
    this.#jobs.splice(place < 0 ? this.#jobs.length : place, 0, job);
  }

  /** The end of a frame. */
  pump(most: number): void {
    let left = Math.floor(most / 4) * 4;
    while (left > 0 && this.#jobs.length > 0) {
      const job = this.#jobs[0]!;
      const { held, data, sent } = job;
      if (job.isGone || held.isFailed) {
        job.must = "FA858";
        this.#jobs.shift();
        continue;
      }
      const bytes = Math.min(data.length - sent, left);
      held.setDevice(data.subarray(sent, sent + bytes), job.at + sent);
      if (held.isRestoring) held.isTainted = true;
      job.sent += bytes;
      left -= bytes;
      if (job.sent === data.length) this.#jobs.shift();
    }
  }

  gone(held: Held): void {
    for (const job of this.#jobs) if (job.held === held) job.isGone = true;
  }

  /** None of them is uploaded any more. */
  fail(code: string): void {
    for (const job of this.#jobs.splice(0)) job.must = code;
  }
}
