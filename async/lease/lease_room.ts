/**
 * The memory of one lease of a pool guard. A list that grows in it gets a further slot or block each time, and all of them are freed
 * together.
 */

import { TaskError } from "../../src/errors.ts";
import type { OwnedBoxBase } from "../../src/pool/owned_box.ts";
import { type Life, type LifeOwner, Position, viewOf } from "../../src/memory/life.ts";
import type { Room } from "../../src/memory/room.ts";
import type { TypedArrayConstructor, ViewOf } from "../../src/memory/typed_array.ts";
import { madeAt } from "../../src/observe/sites.ts";
import type { LeaseMemory, Piece } from "./lease_memory.ts";

/** What a pool guard can lease. */
export type LeaseKind = "box" | "vec" | "slice";

/** Something that a pool guard has leased and that was not freed. */
export interface GuardLease {
  /** The name that it was given when it was allocated; `""` if it was given none. */
  readonly label: string;
  /** What it is. */
  readonly kind: LeaseKind;
  /** The name of its layout, or of its kind of typed array. */
  readonly name: string;
  /** The path of the tag that allocated it; `""` if it had none. */
  readonly tag: string;
  /** The bytes of its slots and blocks. */
  readonly bytes: number;
  /** How many milliseconds ago it was allocated. */
  readonly age: number;
  /** In debug mode, where it was allocated, as lines of a stack; some allocations are sampled. */
  readonly site?: string;
}

/** Why a lease is over. */
export type LeaseEnd = "freed" | "closed" | "disposed";

const REASONS: Readonly<Record<LeaseEnd, string>> = {
  freed: "it was freed: let go of it when you free it",
  closed: "its guard was closed: free it before that, or give close() more time",
  disposed: "it was freed with its allocator: dispose of that last",
};

/** Who has leased it. */
export interface LeaseHolder {
  /** What it is, for messages, such as `pool guard "loads"`. */
  readonly what: string;
  /** Is told of the end of a lease that was given out, and of what it was if the program has not freed it. */
  leave(room: LeaseRoom, lease: GuardLease | undefined): void;
}

/** See the file comment. */
export class LeaseRoom implements Room, LifeOwner {
  /** The life of the piece that was taken last. */
  declare life: Life;
  readonly holder: LeaseHolder;
  readonly kind: LeaseKind;
  readonly name: string;
  readonly label: string;
  /** The frame in which it was made. */
  readonly frame: number;
  /** The path of the tag that allocated it. */
  tag = "";
  /** What was given out: the box, list or slice. */
  thing: object | undefined;
  /** Why it is over. */
  over: LeaseEnd | undefined;
  readonly #memory: LeaseMemory;
  readonly #isDetached: boolean;
  readonly #born: number = performance.now();
  readonly #pieces: Piece[] = [];
  /** Stands for the lease where its allocation site is kept. */
  #place: Position | undefined;
  #refused = 0;

  constructor(memory: LeaseMemory, holder: LeaseHolder, kind: LeaseKind, name: string, label: string, isRaw: boolean) {
    this.life = undefined!;
    this.#memory = memory;
    this.holder = holder;
    this.kind = kind;
    this.name = name;
    this.label = label;
    this.frame = memory.context.ledger.frame;
    this.#isDetached = isRaw && memory.context.config.safety === "revoke";
  }

  /** What it is, for messages, such as `the box "head" of Enemy in pool guard "loads"`. */
  get what(): string {
    const { kind, name, label, holder } = this;
    return `${label === "" ? `a ${kind}` : `the ${kind} "${label}"`} of ${name} in ${holder.what}`;
  }

  /** The bytes that are charged for it. */
  get bytes(): number {
    let bytes = 0;
    for (const piece of this.#pieces) bytes += piece.bytes;
    return bytes;
  }

  /** No layout is aligned to more than 16 bytes, and all slots and blocks are. */
  alloc(bytes: number): number {
    this.#refused = bytes;
    const piece = this.#memory.take(bytes, this.#isDetached, this);
    if (piece === undefined) return -1;
    // A callback of a budget may have freed what was to grow.
    if (this.over !== undefined) {
      this.#memory.give(piece);
      return -1;
    }
    this.#pieces.push(piece);
    this.life = piece.life;
    if (this.#pieces.length === 1) this.#begin(piece);
    return piece.offset;
  }

  at(offset: number): Position {
    return new Position(this.life, offset);
  }

  undo(): void {
    this.#memory.give(this.#pieces.pop()!);
  }

  extend(life: Life, end: number, bytes: number): boolean {
    const { offset, capacity } = this.#pieces.find((piece) => piece.life === life)!;
    return end + bytes <= offset + capacity;
  }

  vacate(life: Life): void {
    const i = this.#pieces.findIndex((piece) => piece.life === life);
    this.#memory.give(this.#pieces.splice(i, 1)[0]!);
  }

  viewAt<C extends TypedArrayConstructor>(position: Position, constructor: C, length: number): ViewOf<C> {
    return new constructor(viewOf(position).buffer as ArrayBuffer, position.offset, length);
  }

  refusal(action: string): Error {
    return this.#memory.refusal(action, this.#refused);
  }

  /** Whether something is what was given out, or the record in the box that was. */
  isWhole(thing: unknown): boolean {
    return thing === this.thing || thing === (this.thing as OwnedBoxBase | undefined)?.$record;
  }

  /** Frees all of it. */
  end(why: LeaseEnd): void {
    const lease = why === "freed" ? undefined : this.report;
    this.over = why;
    while (this.#pieces.length > 0) this.#memory.give(this.#pieces.pop()!);
    this.#memory.delete(this);
    // Nobody knows of a lease that is not ready yet.
    if (this.thing !== undefined) this.holder.leave(this, lease);
  }

  get report(): GuardLease {
    const { label, kind, name, tag, bytes } = this;
    const site = this.#memory.context.sites?.where(this.#place!);
    const age = performance.now() - this.#born;
    return { label, kind, name, tag, bytes, age, ...site === undefined ? {} : { site } };
  }

  /** The error of use after the end. */
  expired(): Error {
    const site = madeAt(this.#memory.context.sites, this.#place!);
    return new TaskError("FA713", `Cannot use ${this.what} as ${REASONS[this.over!]}${site}`);
  }

  #begin(piece: Piece): void {
    this.#memory.add(this);
    this.tag = piece.tag.path;
    this.#place = new Position(piece.life, piece.offset);
    this.#memory.context.sites?.note(this.#place);
  }
}
