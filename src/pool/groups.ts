/**
 * Groups: things that belong together and are freed together, such as all of a level.
 */

import { ArgumentError, show } from "../errors.ts";
import { kilobytes } from "../units.ts";
import type { Leak } from "../observe/leak.ts";
import { GROUPS } from "../observe/tag.ts";
import { checkOpen, type Context, freedTwice } from "./context.ts";
import { RegionAlloc, RegionArena } from "./region_alloc.ts";

/** Bytes that a group starts with. */
const SIZE = kilobytes(64);

/** Options of {@linkcode Groups.create} and {@linkcode Group.createGroup}. */
export interface GroupOptions {
  /** Bytes to start with; the group grows as it needs. @default {64 KB} */
  readonly size?: number;
  /** Bytes that it may have in use at most. @default {Infinity} */
  readonly maxBytes?: number;
}

/** What one group has in use. All sizes are bytes. */
export interface GroupStats {
  /** Its name, after those of the groups around it, joined with `/`. */
  readonly path: string;
  /** What it has in use, with padding, without the groups inside it. */
  readonly used: number;
  /** What it holds from the chunk source. */
  readonly reserved: number;
  /** Its allocations. */
  readonly allocations: number;
}

/**
 * A group: memory that is freed all at once, in constant time, together with the groups inside it.
 *
 * @example
 * ```ts
 * import { f32, PoolError, SmartAlloc, struct } from "@framealloc/core";
 * import { assertThrows } from "@std/assert";
 *
 * const Enemy = struct("Enemy", { health: f32 });
 * const alloc = new SmartAlloc();
 * const level = alloc.groups.create("level 1");
 * const wave = level.createGroup("wave 1");
 * const enemy = wave.allocBox(Enemy, { health: 100 });
 * level.free(); // and with it the wave
 * assertThrows(() => enemy.value.health, PoolError, "FA401");
 * ```
 */
export class Group extends RegionAlloc {
  /** Its name. */
  readonly name: string;
  /** Its name, after those of the groups around it, joined with `/`. */
  readonly path: string;
  readonly #context: Context;
  readonly #siblings: Set<Group>;
  readonly #inner: Set<Group> = new Set();
  readonly #born: number;
  #isFreed = false;

  /** Made by {@linkcode Groups.create}. */
  constructor(context: unknown, siblings: unknown, name: string, path: string, options: GroupOptions = {}) {
    const given = context as Context;
    checkOpen(given, "create a group");
    if (typeof name !== "string" || name === "") {
      throw new ArgumentError(
        "FA008",
        `Cannot create a group named ${show(name)}: give a text of at least one character`,
      );
    }
    const { size = SIZE, maxBytes = Infinity } = options ?? {};
    super(
      new RegionArena(given, { kind: GROUPS, what: `group "${path}"`, end: "freed", last: "freed", size, maxBytes }),
    );
    this.name = name;
    this.path = path;
    this.#context = given;
    this.#siblings = siblings as Set<Group>;
    this.#siblings.add(this);
    this.#born = given.ledger.frame;
  }

  /** Whether it was freed. */
  get isFreed(): boolean {
    return this.#isFreed;
  }

  /**
   * Makes a group inside this one, which is freed with it or before.
   *
   * @param name Its name. Two groups may have the same.
   * @param options How large it is.
   * @returns The group.
   * @throws {PoolError} `FA401` if this group was freed.
   * @throws {ArgumentError} `FA008` if the name is empty.
   * @throws {ConfigError} `FA010` if an option makes no sense.
   * @throws {ArenaExhaustedError} `FA003` if the chunk source refuses.
   * @throws {BudgetError} `FA351` if the global budget does.
   */
  createGroup(name: string, options?: GroupOptions): Group {
    if (this.#isFreed) throw (this.$arena as RegionArena).closed(`create group "${name}"`);
    const group = new Group(this.#context, this.#inner, name, `${this.path}/${name}`, options);
    if (!this.#isFreed) return group;
    // A callback of a budget has freed this group meanwhile.
    group.free();
    throw (this.$arena as RegionArena).closed(`create group "${name}"`);
  }

  /**
   * Frees everything in this group and in those inside it.
   *
   * @throws {PoolError} `FA403` if it was freed before.
   */
  free(): void {
    if (this.#isFreed) {
      throw freedTwice(`group "${this.path}"`);
    }
    this.#isFreed = true;
    for (const group of [...this.#inner].reverse()) group.free();
    this.#siblings.delete(this);
    (this.$arena as RegionArena).dispose();
  }

  /** Frees everything, unless that was done before. */
  [Symbol.dispose](): void {
    if (!this.#isFreed) this.free();
  }

  /** This group and those inside it: not for use in programs. */
  $all(): Group[] {
    return [this, ...[...this.#inner].flatMap((group) => group.$all())];
  }

  /** What is left over: not for use in programs. */
  $leak(): Leak {
    const { mainTag: tag, region } = this.$arena as RegionArena;
    return { kind: "group", name: this.path, tag, bytes: region.used, age: this.#context.ledger.frame - this.#born };
  }
}

/** The groups of an allocator; see {@linkcode SmartAlloc.groups}. */
export class Groups {
  readonly #context: Context;
  readonly #groups: Set<Group> = new Set();

  /** Made by {@linkcode SmartAlloc.groups}. */
  constructor(context: unknown) {
    this.#context = context as Context;
  }

  /**
   * Makes a group.
   *
   * @param name Its name. Two groups may have the same.
   * @param options How large it is.
   * @returns The group.
   * @throws {ArgumentError} `FA008` if the name is empty.
   * @throws {ConfigError} `FA010` if an option makes no sense.
   * @throws {ArenaExhaustedError} `FA003` if the chunk source refuses.
   * @throws {BudgetError} `FA351` if the global budget does.
   */
  create(name: string, options?: GroupOptions): Group {
    return new Group(this.#context, this.#groups, name, name, options);
  }

  /** All groups that were not freed, each before those inside it. */
  get all(): readonly Group[] {
    return [...this.#groups].flatMap((group) => group.$all());
  }

  /** What they have in use. */
  get stats(): readonly GroupStats[] {
    return this.all.map(({ path, used, reserved, allocations }) => ({ path, used, reserved, allocations }));
  }

  /** Frees all of them: not for use in programs. */
  $dispose(): void {
    for (const group of [...this.#groups].reverse()) group.free();
  }
}
