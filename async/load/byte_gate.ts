/**
 * How much a loader may have reserved at once. Loads queue here, by priority, and only the first of them asks streaming for room; so
 * nobody has a part of the budget set aside without having the memory, and whoever must go first can.
 */

import type { Ledger } from "../../src/observe/ledger.ts";
import { PRIORITIES, type StreamPriority } from "../../src/pool/asset.ts";
import type { Streaming } from "../../src/pool/streaming.ts";

/** Whose memory it is. */
export interface Owner {
  readonly name: string;
  readonly priority: StreamPriority;
  /** The path of the tag that it is booked to; `""` for none. */
  readonly tag: string;
}

/** Who waits. */
interface Waiter {
  readonly bytes: number;
  readonly owner: Owner;
  readonly first: boolean;
  resolve(id: number): void;
  reject(error: unknown): void;
}

/** See the file comment. */
export class ByteGate {
  readonly streaming: Streaming;
  readonly budget: number;
  /** Whether memory can be moved to a stream and back; `undefined` until that was tried. */
  canMove: boolean | undefined;
  readonly #ledger: Ledger;
  readonly #queue: Waiter[] = [];
  /** For whom streaming is being asked. */
  #asking: { readonly waiter: Waiter; readonly controller: AbortController } | undefined;
  #held = 0;

  constructor(streaming: Streaming, ledger: Ledger, budget: number) {
    this.streaming = streaming;
    this.#ledger = ledger;
    this.budget = budget;
  }

  /** What is reserved, or being asked for. */
  get held(): number {
    return this.#held;
  }

  /**
   * What the limits of a tag and of all memory let through at the most, in whole blocks.
   *
   * @param tag The path of the tag.
   * @returns Bytes; `Infinity` where there is no limit.
   */
  limitOf(tag: string): number {
    return this.#ledger.mostOf(tag);
  }

  /**
   * Reserves room, if there is some now.
   *
   * @param bytes How many bytes.
   * @param owner Whose they are.
   * @returns The number of the asset, or `undefined`.
   */
  tryTake(bytes: number, owner: Owner): number | undefined {
    if (this.#held + bytes > this.budget) return undefined;
    this.#held += bytes; // before callbacks run
    let id: number | undefined;
    try {
      id = this.#ledger.under(owner.tag, () => this.streaming.reserve(bytes, options(owner)));
    } finally {
      if (id === undefined) this.give(bytes);
    }
    return id;
  }

  /**
   * Reserves room as soon as there is some.
   *
   * @param bytes How many bytes; no more than the budget.
   * @param owner Whose they are.
   * @param signal Ends the wait.
   * @param first Whether it goes before all others, as it holds what they wait for.
   * @returns The number of the asset.
   */
  async take(bytes: number, owner: Owner, signal: AbortSignal, first: boolean = false): Promise<number> {
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const waiter: Waiter = { bytes, owner, first, resolve, reject };
    this.#enqueue(waiter);
    const abort = (): void => {
      if (this.#leave(waiter)) reject(signal.reason);
      this.#pump();
    };
    signal.addEventListener("abort", abort, { once: true });
    this.#pump();
    try {
      return await promise;
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }

  /**
   * Gives bytes back to the budget; their memory was freed, or belongs to somebody else now.
   *
   * @param bytes How many bytes.
   */
  give(bytes: number): void {
    this.#held -= bytes;
    this.#pump();
  }

  #enqueue(waiter: Waiter): void {
    let at = this.#queue.length;
    while (at > 0 && rank(this.#queue[at - 1]!) < rank(waiter)) at--;
    this.#queue.splice(at, 0, waiter);
  }

  /** Takes one off the queue; returns whether it was in it. */
  #leave(waiter: Waiter): boolean {
    const at = this.#queue.indexOf(waiter);
    if (at >= 0) this.#queue.splice(at, 1);
    return at >= 0;
  }

  /** Sees to it that streaming is asked for the first in line, and for nobody else. */
  #pump(): void {
    const first = this.#queue[0];
    if (this.#asking !== undefined) {
      // Somebody has come who goes before, or has gone. This goes on when the question is taken back.
      if (this.#asking.waiter !== first) this.#asking.controller.abort();
    } else if (first !== undefined && this.#held + first.bytes <= this.budget) {
      this.#ask(first);
    }
  }

  async #ask(waiter: Waiter): Promise<void> {
    const { bytes, owner, first } = waiter;
    const controller = new AbortController();
    this.#asking = { waiter, controller };
    this.#held += bytes;
    try {
      const more = { ...options(owner), first, signal: controller.signal };
      const id = await this.#ledger.under(owner.tag, () => this.streaming.reserveAsync(bytes, more));
      this.#asking = undefined;
      if (this.#leave(waiter)) waiter.resolve(id);
      else this.#free(id, bytes);
    } catch (error) {
      this.#asking = undefined;
      this.#held -= bytes;
      // Whoever was only overtaken stays where they are.
      if (!controller.signal.aborted && this.#leave(waiter)) waiter.reject(error);
    }
    this.#pump();
  }

  /** Frees what nobody waits for any more. */
  #free(id: number, bytes: number): void {
    this.#held -= bytes;
    try {
      if (this.streaming.has(id)) this.streaming.free(id);
    } catch {
      // A callback of an eviction that this made possible has thrown: there is no call that it could come out of.
    }
  }
}

function options({ name, priority }: Owner): { name: string; priority: StreamPriority } {
  return { name, priority };
}

function rank({ first, owner }: Waiter): number {
  return first ? PRIORITIES.length : PRIORITIES.indexOf(owner.priority);
}
