/**
 * What tests of reading back share: an account with a limit, a device that tells of its loss, and buffers with known bytes.
 */

import { type Account, AGAIN, GRANTED, REFUSED, type Verdict } from "@framealloc/core/memory";
import { assert } from "@std/assert";
import { type GpuBackend, type GpuBufferId, USAGE } from "../../gpu/backend/backend.ts";
import { NullBackend } from "../../gpu/backend/null_backend.ts";
import { Readbacks } from "../../gpu/transfer/readbacks.ts";

export const KIB = 1024;
export const SMALLEST = 64 * KIB;

export class Refusal extends Error {}

/** Pays up to a limit. */
export class Purse implements Account {
  held = 0;
  limit = Infinity;
  /** Runs before the next answer, which is "look again" then. */
  first: (() => void) | undefined;
  asked = 0;

  hold(bytes: number): Verdict {
    this.asked++;
    const { first } = this;
    this.first = undefined;
    if (first !== undefined) {
      first();
      return AGAIN;
    }
    if (this.held + bytes > this.limit) return REFUSED;
    this.held += bytes;
    return GRANTED;
  }

  drop(bytes: number): void {
    this.held -= bytes;
    assert(this.held >= 0, "more was dropped than held");
  }

  admit(): Verdict {
    return GRANTED;
  }

  refusal(action: string): Error {
    return new Refusal(`Cannot ${action}`);
  }
}

/** Bytes that differ from each other and, by seed, from others. */
export function pattern(length: number, seed = 0): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = i * 37 + (i >> 8) * 11 + seed * 101 + 1;
  return bytes;
}

export function source(
  backend: GpuBackend,
  bytes: Uint8Array,
  usage = USAGE.COPY_SRC | USAGE.COPY_DST | USAGE.STORAGE,
): GpuBufferId {
  const buffer = backend.create(bytes.length, usage, "source");
  backend.write(buffer, 0, bytes, 0, bytes.length);
  return buffer;
}

/** Sees to it that a promise which is awaited later is not taken for one that nobody waits for. */
export function later<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

export async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await Promise.resolve();
}

export interface Rig {
  readonly backend: NullBackend;
  readonly purse: Purse;
  readonly readbacks: Readbacks;
  isBatching: boolean;
}

export function rig(options: ConstructorParameters<typeof NullBackend>[0] = {}): Rig {
  const backend = new NullBackend(options);
  const purse = new Purse();
  const self: Rig = {
    backend,
    purse,
    isBatching: true,
    readbacks: new Readbacks({ backend, account: purse, isBatching: () => self.isBatching }),
  };
  backend.onLoss = () => self.readbacks.lost();
  return self;
}

/** Counts the maps and submits that reach a device. */
export function watched<B extends GpuBackend>(backend: B): { maps: number; submits: number } {
  const counts = { maps: 0, submits: 0 };
  const { map, submit } = backend;
  backend.map = (...range) => (counts.maps++, map.apply(backend, range));
  backend.submit = () => (counts.submits++, submit.call(backend));
  return counts;
}
