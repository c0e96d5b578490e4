/**
 * What is known of the buffers of a device without asking it: their sizes, usages and states. Every use of one is checked here.
 */

import { ArgumentError, disposed, PoolError, show } from "../../src/errors.ts";
import { GpuError } from "../gpu_error.ts";
import type { GpuBufferId, GpuLoss } from "./backend.ts";
import { usageNames } from "./checks.ts";

/** States of a buffer. A number that was never given out has none. */
const LIVING = 1;
const DESTROYED = 2;
const LOST = 3;

/** How many other buffers are made before a number is given again. */
const REST = 1000;

/** The buffers of a device, by number. */
export class BufferTable {
  /** How the device was lost. Set by {@linkcode BufferTable.lose}. */
  loss: GpuLoss | undefined;
  /** Whether the device was disposed of. */
  disposed = false;
  /** How many numbers were given out: all are below it. */
  count = 0;
  /** What is done with a buffer that is mapped, or about to be: `1`. */
  mapped: Uint8Array = new Uint8Array(16);
  /** The bytes of all living buffers. */
  livingBytes = 0;
  /** How many buffers live. */
  living = 0;

  #open = true;
  #states = new Uint8Array(16);
  #usages = new Uint16Array(16);
  #sizes = new Float64Array(16);
  #freedAt = new Float64Array(16);
  #labels: string[] = [];
  #made = 0;
  #freed: GpuBufferId[] = [];

  /** Enters a new buffer. */
  add(bytes: number, usage: number, label: string): GpuBufferId {
    const oldest = this.#freed[0];
    let id = this.count;
    if (oldest !== undefined && this.#made - this.#freedAt[oldest]! >= REST) {
      id = oldest;
      this.#freed.shift();
    } else {
      if (id === this.#states.length) this.#grow();
      this.count++;
    }
    this.#made++;
    this.#usages[id] = usage;
    this.#sizes[id] = bytes;
    this.#labels[id] = label;
    this.#live(id);
    return id;
  }

  #live(id: GpuBufferId): void {
    this.#states[id] = LIVING;
    this.living++;
    this.livingBytes += this.#sizes[id]!;
  }

  #grow(): void {
    const length = this.#states.length * 2;
    const grow = <T extends Uint8Array | Uint16Array | Float64Array>(from: T, to: T): T => (to.set(from), to);
    this.#states = grow(this.#states, new Uint8Array(length));
    this.mapped = grow(this.mapped, new Uint8Array(length));
    this.#usages = grow(this.#usages, new Uint16Array(length));
    this.#sizes = grow(this.#sizes, new Float64Array(length));
    this.#freedAt = grow(this.#freedAt, new Float64Array(length));
  }

  /** The size of a buffer. */
  size(id: GpuBufferId): number {
    return this.#sizes[id]!;
  }

  /** The usages of a buffer. */
  usage(id: GpuBufferId): number {
    return this.#usages[id]!;
  }

  /** The name of a buffer. */
  label(id: GpuBufferId): string {
    return this.#labels[id]!;
  }

  /** What is no number is no buffer, also if it looks like one as a key. */
  #stateOf(id: GpuBufferId): number | undefined {
    return typeof id === "number" ? this.#states[id] : undefined;
  }

  /** Whether a buffer is there. */
  lives(id: GpuBufferId): boolean {
    return this.#stateOf(id) === LIVING;
  }

  /** Throws unless the device is there. */
  checkOpen(action: string): void {
    if (!this.#open) throw this.whyClosed(action);
  }

  /** Throws unless the number was given out. */
  checkKnown(action: string, id: GpuBufferId): void {
    const state = this.#stateOf(id);
    if (state === undefined || state === 0) throw this.#whyNot(action, id);
  }

  /** Throws unless the buffer is there. */
  checkLiving(action: string, id: GpuBufferId): void {
    if (!this.#open || this.#stateOf(id) !== LIVING) throw this.#whyNot(action, id);
  }

  /** Throws unless a range of a buffer can be used in this way. */
  checkRange(action: string, id: GpuBufferId, at: number, bytes: number, usage: number): void {
    if (!this.#open || this.#stateOf(id) !== LIVING) throw this.#whyNot(action, id);
    const isRange = Number.isInteger(at) && Number.isInteger(bytes) && at >= 0 && bytes >= 0;
    if (!(isRange && at % 4 === 0 && bytes % 4 === 0 && at + bytes <= this.#sizes[id]!)) {
      throw this.#whyNoRange(action, id, at, bytes);
    }
    if ((this.#usages[id]! & usage) === 0) throw this.#whyNoUsage(action, id, usage);
    if (this.mapped[id] !== 0) {
      throw new GpuError("FA853", `Cannot ${action} ${this.named(id)} as it is mapped, or about to be: unmap it first`);
    }
  }

  /** Throws if both are the same. */
  checkTwo(source: GpuBufferId, target: GpuBufferId): void {
    if (source !== target) return;
    throw new ArgumentError("FA008", `Cannot copy within ${this.named(source)}: copy by way of another buffer`);
  }

  /** Takes a buffer out. Returns `false` if it was not there; throws if it never was. */
  destroy(id: GpuBufferId): boolean {
    this.checkKnown("destroy", id);
    const was = this.#states[id];
    if (was === DESTROYED) return false;
    this.#states[id] = DESTROYED;
    this.#freedAt[id] = this.#made;
    this.#freed.push(id);
    if (was !== LIVING) return false;
    this.#leave(id);
    return true;
  }

  #leave(id: GpuBufferId): void {
    this.living--;
    this.livingBytes -= this.#sizes[id]!;
  }

  /** Loses the device and every buffer. */
  lose(loss: GpuLoss): void {
    this.loss = loss;
    this.#open = false;
    for (let id = 0; id < this.count; id++) {
      if (this.#states[id] !== LIVING) continue;
      this.#states[id] = LOST;
      this.#leave(id);
    }
  }

  /** Has a device again. */
  reopen(): void {
    this.loss = undefined;
    this.#open = !this.disposed;
  }

  /** Ends everything. */
  dispose(): void {
    this.disposed = true;
    this.#open = false;
    for (let id = 0; id < this.count; id++) this.destroy(id);
  }

  /** Enters a buffer that was lost again. */
  recreate(id: GpuBufferId): void {
    const state = this.#stateOf(id);
    if (!this.#open || state !== LOST) {
      if (this.#open && state === LIVING) {
        throw new ArgumentError("FA008", `Cannot make ${this.named(id)} again as it was not lost: use it as it is`);
      }
      throw this.#whyNot("make", id);
    }
    this.#live(id);
  }

  /** A buffer, for messages. */
  named(id: GpuBufferId): string {
    const label = typeof id === "number" ? this.#labels[id] : undefined;
    return label === undefined || label === "" ? `buffer ${show(id)}` : `buffer ${show(id)} (${show(label)})`;
  }

  /** Why nothing can be done. */
  whyClosed(action: string): Error {
    if (this.disposed) return disposed(action, "device");
    const loss = this.loss!;
    return new GpuError(
      "FA857",
      `Cannot ${action} as the device was lost (${loss.reason}: ${loss.message}): reopen it, and make its buffers again`,
      { cause: loss },
    );
  }

  #whyNot(action: string, id: GpuBufferId): Error {
    const what = `${action} ${this.named(id)}`;
    const state = this.#stateOf(id);
    if (this.disposed || (!this.#open && state !== DESTROYED)) return this.whyClosed(what);
    if (state === DESTROYED) return new PoolError("FA401", `Cannot ${what} as it was destroyed: make another one`);
    if (state === LOST) {
      return new GpuError("FA857", `Cannot ${what} as it was lost with its device: make it again with recreate()`);
    }
    return new PoolError("FA404", `Cannot ${what} as there is none of that number: use one that create() returned`);
  }

  #whyNoRange(action: string, id: GpuBufferId, at: number, bytes: number): Error {
    const what = `Cannot ${action} ${this.named(id)}`;
    if (!Number.isInteger(at) || at % 4 !== 0) {
      return new ArgumentError("FA008", `${what} at ${show(at)}: give a multiple of 4`);
    }
    if (!Number.isInteger(bytes) || bytes % 4 !== 0) {
      return new ArgumentError("FA008", `${what} with ${show(bytes)} bytes: give a multiple of 4`);
    }
    return new ArgumentError(
      "FA008",
      `${what} as the ${show(bytes)} bytes at ${show(at)} are outside its ${this.#sizes[id]}: give a range inside`,
    );
  }

  #whyNoUsage(action: string, id: GpuBufferId, usage: number): Error {
    return new GpuError(
      "FA852",
      `Cannot ${action} ${this.named(id)} as its usage has no ${usageNames(usage)}: create it with that`,
    );
  }
}
