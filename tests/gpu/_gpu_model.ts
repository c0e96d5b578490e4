/**
 * What a GPU allocator holds, as simple as it can be told: each allocation is bytes on the CPU, bytes on the device, and what of the first
 * was changed since it was uploaded. Of bytes that nobody has said anything of it is not known what they must be.
 */

import type { GpuIntent, GpuLifetime, GpuLossPolicy, GpuUse } from "@framealloc/core/gpu";
import type { Asked } from "./_gpu_waiting.ts";

/** Bytes, each of which must be what it is here, or is not known. */
export class Bytes {
  readonly bytes: Uint8Array;
  readonly known: Uint8Array;

  constructor(length: number) {
    this.bytes = new Uint8Array(length);
    this.known = new Uint8Array(length);
  }

  get length(): number {
    return this.bytes.length;
  }

  set(from: Uint8Array, at: number): void {
    this.bytes.set(from, at);
    this.known.fill(1, at, at + from.length);
  }

  forget(from = 0, to: number = this.length): void {
    this.known.fill(0, from, to);
  }

  zero(): void {
    this.bytes.fill(0);
    this.known.fill(1);
  }

  /** A part of it, as it is now. */
  part(from: number, bytes: number): Bytes {
    const part = new Bytes(bytes);
    part.bytes.set(this.bytes.subarray(from, from + bytes));
    part.known.set(this.known.subarray(from, from + bytes));
    return part;
  }

  /** Throws if bytes are not what they must be. */
  check(actual: Uint8Array, what: () => string): void {
    const { bytes, known } = this;
    if (actual.length !== bytes.length) throw new Error(`${what()}: ${actual.length} bytes instead of ${bytes.length}`);
    for (let i = 0; i < bytes.length; i++) {
      if (actual[i] !== bytes[i] && known[i] === 1) {
        throw new Error(`${what()}: byte ${i} of ${bytes.length} is ${actual[i]} and must be ${bytes[i]}`);
      }
    }
  }
}

/** Where an allocation is. */
export type Place = "heap" | "ring" | "staging" | "readback";

/** What was asked of an allocation. */
export interface Wish {
  readonly bytes: number;
  readonly intent: GpuIntent;
  readonly lifetime: GpuLifetime;
  readonly use: GpuUse;
  readonly policy: GpuLossPolicy;
  readonly align: number;
  readonly importance: number;
  readonly isIsolated: boolean;
  readonly isZero: boolean;
  readonly name: string;
  readonly tag: string;
  /** What the program gives after a loss; `null` if it fails then. */
  readonly restored: Uint8Array | null;
}

/** An allocation. */
export class Held {
  readonly handle: number;
  readonly wish: Wish;
  readonly place: Place;
  /** The bytes on the device, with padding. */
  readonly held: number;
  /** The frame at whose end it is freed; 0 if none does. */
  readonly until: number;
  readonly device: Bytes;
  readonly copy: Uint8Array | null;
  /** What of the copy has changed: starts and ends, in whole words. */
  dirty: (readonly [number, number])[] = [];
  pins = 0;
  version = 0;
  /** The frame in which it was last used. */
  used: number;
  isLive = true;
  isFailed = false;
  /** Whether its contents are about to come from the program, and whether it was put elsewhere in a recovery. */
  isRestoring = false;
  isRehomed = false;
  /** Whether something was uploaded to it meanwhile, so that it is not known which of the two came first. */
  isTainted = false;
  /** How many refreshes are on their way, which is when nobody writes to the copy. */
  refreshing = 0;
  /** Reads that wait for a buffer: they may still see what is done now. */
  readonly late: Set<Asked> = new Set();
  /** In the ring: whether it was uploaded. */
  isUploaded = false;

  constructor(handle: number, wish: Wish, place: Place, held: number, frame: number) {
    const { bytes, lifetime } = wish;
    this.handle = handle;
    this.wish = wish;
    this.place = place;
    this.held = held;
    const lasts = lifetime === "Frame" ? 1 : typeof lifetime === "object" ? lifetime.frames : 0;
    this.until = lasts === 0 ? 0 : frame + lasts - 1;
    this.used = frame;
    this.device = new Bytes(bytes);
    this.copy = place === "ring" || isCopied(wish) ? new Uint8Array(bytes) : null;
    if (wish.isZero && place !== "ring" && place !== "staging") this.device.zero();
  }

  get bytes(): number {
    return this.wish.bytes;
  }

  get isOnDevice(): boolean {
    return this.place !== "staging" && !this.isFailed;
  }

  /** What its copy on the CPU is charged. */
  get copied(): number {
    return this.copy === null || this.place === "ring" ? 0 : copyOf(this.bytes);
  }

  get isEvictable(): boolean {
    return this.wish.lifetime === "Streaming" && this.place === "heap" && this.pins === 0 && !this.isFailed;
  }

  /** Whether nothing is on its way to it that would meet with what a program does now. */
  get isQuiet(): boolean {
    return !this.isFailed && !this.isRestoring && this.refreshing === 0;
  }

  /** Says that bytes on the device are others now. */
  changed(from: number, to: number): void {
    for (const { expected, offset } of this.late) {
      expected!.forget(Math.max(0, from - offset), Math.max(0, to - offset));
    }
  }

  setDevice(from: Uint8Array, at: number): void {
    this.device.set(from, at);
    this.changed(at, at + from.length);
  }

  forgetDevice(from = 0, to: number = this.bytes): void {
    this.device.forget(from, to);
    this.changed(from, to);
  }
}

/** Whether an allocation has a copy on the CPU. */
function isCopied({ intent, policy }: Wish): boolean {
  return policy === "shadow" || (intent !== "DeviceOnly" && intent !== "Readback");
}

/** What a copy on the CPU is charged. */
export function copyOf(bytes: number): number {
  return Math.ceil(Math.ceil(bytes / 4) * 4 / 16) * 16;
}

/** What the program allocated in the frame by itself. */
export interface RingItem {
  readonly what: number | Uint8Array | object;
  /** Its bytes on the CPU as they are now. */
  readonly now: () => Uint8Array;
  /** Whether those are its memory itself. */
  readonly isView: boolean;
  /** What was uploaded of it. */
  device: Uint8Array | null;
}

/** See the file comment. */
export class Model {
  readonly live: Map<number, Held> = new Map();
  readonly items: RingItem[] = [];

  of(heap: string): Held[] {
    return [...this.live.values()].filter((held) => held.isOnDevice && heapOf(held) === heap);
  }

  write(held: Held, data: Uint8Array, at: number): void {
    if (held.copy === null) held.setDevice(data, at);
    else {
      held.copy.set(data, at);
      this.touch(held, at, data.length);
    }
  }

  touch(held: Held, at: number, bytes: number): void {
    if (bytes === 0) return;
    const start = at & ~3;
    const end = (at + bytes + 3) & ~3;
    if (held.place === "ring") {
      if (held.isUploaded) held.setDevice(held.copy!.subarray(start, end), start);
    } else if (held.place === "heap") held.dirty.push([start, end]);
  }

  /** All of the copy has to be uploaded. */
  touchAll(held: Held): void {
    held.dirty = [[0, (held.bytes + 3) & ~3]];
  }

  upload(held: Held): void {
    if (held.place === "ring") return this.uploadRing();
    const { dirty, copy, device } = held;
    if (dirty.length === 0 || !held.isOnDevice) return;
    if (held.wish.use !== "storage") {
      // What lies between may be sent along.
      const first = Math.min(...dirty.map(([start]) => start));
      const last = Math.min(held.bytes, Math.max(...dirty.map(([, end]) => end)));
      for (let i = first; i < last; i++) {
        if (device.bytes[i] !== copy![i]) device.known[i] = 0;
      }
      held.changed(first, last);
    }
    for (const [start, end] of dirty) held.setDevice(copy!.subarray(start, end), start);
    held.dirty = [];
  }

  uploadRing(): void {
    for (const held of this.live.values()) {
      if (held.place !== "ring" || held.isUploaded) continue;
      held.setDevice(held.copy!, 0);
      held.isUploaded = true;
    }
    for (const item of this.items) item.device ??= item.now().slice();
  }

  /** Everything but the ring. */
  uploadHeaps(): void {
    for (const held of this.live.values()) if (held.place !== "ring") this.upload(held);
  }

  flush(): void {
    this.uploadHeaps();
    this.uploadRing();
  }

  copy(source: Held, from: number, target: Held, at: number, bytes: number): void {
    this.upload(source);
    this.upload(target);
    const part = source.device.part(from, Math.min(bytes, source.bytes - from));
    for (let i = 0; i < bytes; i++) {
      target.device.bytes[at + i] = part.bytes[i] ?? 0;
      target.device.known[at + i] = part.known[i] ?? 0;
    }
    target.changed(at, at + bytes);
  }

  /** The frame is over: its numbers are out of date. */
  endFrame(frame: number): Held[] {
    this.items.length = 0;
    return [...this.live.values()].filter(({ until }) => until > 0 && until <= frame);
  }

  /** An allocation has another place, to which its contents still have to be brought. */
  rehomed(held: Held): void {
    held.isRehomed = true;
    held.forgetDevice();
    if (held.wish.policy === "shadow") {
      this.touchAll(held);
      this.upload(held);
    } else {
      // What was written before may have gone to where there was no memory, or will come with what the program gives.
      held.isRestoring = true;
      held.dirty = [];
    }
  }

  /** The program was asked for the contents of what was put elsewhere. */
  restored(held: Held): void {
    if (!held.isRestoring) return;
    held.isRestoring = false;
    this.#restore(held);
    if (held.isTainted) held.forgetDevice();
    held.isTainted = false;
  }

  /** What is on the device after another one has come in place of the lost one. */
  recovered(held: Held): void {
    held.isRestoring = false;
    const { device, wish, copy } = held;
    if (held.place === "ring") {
      held.isUploaded = false;
      device.forget();
    } else if (wish.policy === "shadow") {
      this.touchAll(held);
      this.upload(held);
    } else {
      if (held.isRehomed) device.forget();
      else device.zero();
      // What was not uploaded yet goes with the rest.
      held.dirty = [];
      if (wish.policy === "restore") this.#restore(held);
    }
    held.isRehomed = held.isTainted = false;
    if (copy !== null && copy.length !== held.bytes) throw new Error("a copy has lost bytes");
  }

  #restore(held: Held): void {
    const { restored } = held.wish;
    if (restored === null) return;
    this.write(held, restored, 0);
    if (restored.length > 0) this.upload(held);
  }
}

/** The heap of what is on the device. */
export function heapOf({ place, wish }: Held): string {
  return place === "heap" ? wish.use : place;
}
