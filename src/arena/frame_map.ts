/**
 * A map in the memory of a frame, a group, a scratch pool or a task: open addressing over a table of entry numbers, with the entries in the order in which they came. Values
 * never move, so a record stays where it is however the map grows.
 */

import { ArgumentError, LayoutError, show } from "../errors.ts";
import type { Face } from "../layout/face.ts";
import type { Infer, Layout, PlainOf, ValuesOf } from "../layout/layout.ts";
import { innerOf } from "../layout/inner.ts";
import { NumberVecBase } from "../layout/number_vec.ts";
import type { LayoutPools } from "../layout/record_pool.ts";
import type { RecordVecBase } from "../layout/record_vec.ts";
import {
  type F32,
  type F64,
  type I16,
  type I32,
  type I8,
  isScalar,
  type U16,
  type U32,
  type U8,
} from "../layout/scalar.ts";
import { viewOf } from "../memory/life.ts";
import type { Region } from "../memory/region.ts";
import type { TypedArrayConstructor } from "../memory/typed_array.ts";

/** The layouts that keys can have: numbers. */
export type KeyLayout = I8 | U8 | I16 | U16 | I32 | U32 | F32 | F64;

/**
 * A map from numbers to values in frame memory. It behaves as a JavaScript `Map` does: keys are compared as `Map` compares them,
 * and iteration is in the order of insertion. It grows as a vec does, and the same holds for scopes and checkpoints.
 *
 * The values of a scalar layout are numbers; all others are records that are written in place.
 *
 * @typeParam V The layout of the values.
 *
 * @example
 * ```ts
 * import { f32, SmartAlloc, struct, u32 } from "@framealloc/core";
 * import { assertEquals } from "@std/assert";
 *
 * const Contact = struct("Contact", { impulse: f32, count: u32 });
 * const alloc = new SmartAlloc();
 * alloc.beginFrame();
 * const byBody = alloc.frameMap(u32, Contact);
 * byBody.set(7, { impulse: 1.5, count: 1 });
 * byBody.get(7)!.count++;
 * assertEquals([byBody.size, byBody.get(7)?.count, byBody.has(8)], [1, 2, false]);
 * alloc.endFrame();
 * ```
 */
export interface FrameMap<V extends Layout> extends Iterable<[number, Infer<V>]> {
  /** The number of entries. */
  readonly size: number;
  /**
   * The value of a key.
   *
   * @param key The key.
   * @returns The number, or the record, which never moves; `undefined` if there is none.
   * @throws {StaleHandleError} `FA002` if the memory has ended; `FA401`, `FA711` or `FA713` outside of frames.
   */
  get(key: number): Infer<V> | undefined;
  /**
   * The value of a key, added if there is none.
   *
   * @param key The key.
   * @param values What to fill a new value with; without, it holds zeros.
   * @returns The number, or the record.
   * @throws {StaleHandleError} `FA002` if the memory has ended; `FA401`, `FA711` or `FA713` outside of frames.
   * @throws {ArenaExhaustedError} `FA003` if the map must grow and cannot; it keeps what it has.
   * @throws {ArgumentError} `FA008` if the layout of the keys cannot hold the key.
   */
  getOrInsert(key: number, values?: ValuesOf<V>): Infer<V>;
  /**
   * Sets the value of a key. Of a record only the given fields of an entry that is there already are changed.
   *
   * @param key The key.
   * @param values The value.
   * @returns This map.
   * @throws {StaleHandleError} `FA002` if the memory has ended; `FA401`, `FA711` or `FA713` outside of frames.
   * @throws {ArenaExhaustedError} `FA003` if the map must grow and cannot; it keeps what it has.
   * @throws {ArgumentError} `FA008` if the layout of the keys cannot hold the key.
   */
  set(key: number, values: ValuesOf<V>): this;
  /**
   * Whether there is an entry for a key.
   *
   * @param key The key.
   * @throws {StaleHandleError} `FA002` if the memory has ended; `FA401`, `FA711` or `FA713` outside of frames.
   */
  has(key: number): boolean;
  /**
   * Removes an entry. Its memory is used again after {@linkcode FrameMap.clear}, or after the frame.
   *
   * @param key The key.
   * @returns Whether there was one.
   * @throws {StaleHandleError} `FA002` if the memory has ended; `FA401`, `FA711` or `FA713` outside of frames.
   */
  delete(key: number): boolean;
  /**
   * Removes all entries and keeps the room.
   *
   * @throws {StaleHandleError} `FA002` if the memory has ended; `FA401`, `FA711` or `FA713` outside of frames.
   */
  clear(): void;
  /** Calls a function for each entry, in the order of insertion. */
  forEach(callback: (value: Infer<V>, key: number, map: FrameMap<V>) => void): void;
  /** Iterates over the keys. */
  keys(): IterableIterator<number>;
  /** Iterates over the values. */
  values(): IterableIterator<Infer<V>>;
  /** Iterates over pairs of key and value. */
  entries(): IterableIterator<[number, Infer<V>]>;
  /** Iterates over pairs of key and value. */
  [Symbol.iterator](): IterableIterator<[number, Infer<V>]>;
  /** The entries as plain values, for `JSON.stringify`. */
  toJSON(): [number, PlainOf<V>][];
}

/** A slot of the table that no entry was ever in, and one whose entry was removed. */
const EMPTY = 0;
const REMOVED = -1;

const bits = new DataView(new ArrayBuffer(8));

/** The parts of a map, each a vec of its own in the same region. */
export interface MapParts {
  readonly keys: NumberVecBase<Float64ArrayConstructor>;
  /** One per entry: 1, or 0 once it was removed. */
  readonly alive: NumberVecBase<Uint8ArrayConstructor>;
  /** Entry numbers plus one; the capacity is a power of two. */
  readonly table: NumberVecBase<Int32ArrayConstructor>;
  readonly values: NumberVecBase<TypedArrayConstructor> | RecordVecBase;
  readonly keyLayout: KeyLayout;
  readonly valueLayout: Layout;
}

/** Makes a map in one allocation; `undefined` if there is not enough memory. */
export function newMap(
  region: Region,
  pools: LayoutPools | null,
  keyLayout: KeyLayout,
  valueLayout: Layout,
  capacity: number,
): FrameMapBase | undefined {
  const slots = 2 ** Math.ceil(Math.log2(Math.max(8, capacity * 4 / 3 + 1)));
  const table = roundUp(capacity * valueLayout.stride);
  const keys = table + roundUp(slots * Int32Array.BYTES_PER_ELEMENT);
  const alive = keys + roundUp(capacity * Float64Array.BYTES_PER_ELEMENT);
  const start = region.alloc(alive + capacity, valueLayout.align);
  if (start < 0) return undefined;
  const numbers = <C extends TypedArrayConstructor>(constructor: C, offset: number, length: number): NumberVecBase<C> =>
    new NumberVecBase(constructor, region, region.life, start + offset, length);
  return new FrameMapBase({
    keys: numbers(Float64Array, keys, capacity),
    alive: numbers(Uint8Array, alive, capacity),
    table: numbers(Int32Array, table, slots),
    values: isScalar(valueLayout) ? numbers(valueLayout.array, 0, capacity) : new (innerOf(valueLayout).Vec)(
      region.at(start),
      capacity,
      valueLayout.stride,
      valueLayout.align,
      region,
      pools,
    ),
    keyLayout,
    valueLayout,
  });
}

function roundUp(bytes: number): number {
  return Math.ceil(bytes / 16) * 16;
}

/** What is behind a {@linkcode FrameMap}. */
export class FrameMapBase implements FrameMap<Layout> {
  readonly #parts: MapParts;
  readonly #records: RecordVecBase | null;
  readonly #scratch: ArrayLike<number> & { [index: number]: number };
  #size = 0;

  constructor(parts: MapParts) {
    this.#parts = parts;
    this.#records = "$runs" in parts.values ? parts.values : null;
    this.#scratch = new parts.keyLayout.array(1);
    this.#emptyTable();
  }

  get size(): number {
    return this.#size;
  }

  get(key: number): Face | undefined {
    const entry = this.#find(key);
    return entry < 0 ? undefined : this.#value(entry);
  }

  getOrInsert(key: number, values?: unknown): Face {
    const found = this.#find(key);
    if (found >= 0) return this.#value(found);
    this.#makeRoom(key);
    // A callback of a budget may have set the key meanwhile.
    const meanwhile = this.#find(key);
    return this.#value(meanwhile >= 0 ? meanwhile : this.#append(key, values));
  }

  set(key: number, values: unknown): this {
    let found = this.#find(key);
    if (found < 0) {
      this.#makeRoom(key);
      found = this.#find(key);
    }
    if (found < 0) this.#append(key, values);
    else if (this.#records === null) {
      (this.#parts.values as NumberVecBase<TypedArrayConstructor>).set(found, this.#number(values));
    } else this.#records.write(found, values);
    return this;
  }

  has(key: number): boolean {
    return this.#find(key) >= 0;
  }

  delete(key: number): boolean {
    const entry = this.#find(key);
    if (entry < 0) return false;
    const { table, alive } = this.#parts;
    table.$array[this.#slot]! = REMOVED;
    alive.set(entry, 0);
    this.#size--;
    return true;
  }

  clear(): void {
    const { keys, alive, values } = this.#parts;
    keys.clear();
    alive.clear();
    values.clear();
    this.#size = 0;
    this.#emptyTable();
  }

  forEach(callback: (value: Face, key: number, map: FrameMap<Layout>) => void): void {
    for (let i = this.#next(0); i >= 0; i = this.#next(i + 1)) callback(this.#value(i), this.#parts.keys.at(i), this);
  }

  keys(): IterableIterator<number> {
    return this.#iterate((entry) => this.#parts.keys.at(entry));
  }

  values(): IterableIterator<Face> {
    return this.#iterate((entry) => this.#value(entry));
  }

  entries(): IterableIterator<[number, Face]> {
    return this.#iterate((entry) => [this.#parts.keys.at(entry), this.#value(entry)]);
  }

  [Symbol.iterator](): IterableIterator<[number, Face]> {
    return this.entries();
  }

  toJSON(): [number, Face][] {
    return [...this.entries()];
  }

  /** The slot at which the last search ended: the key's own, or a free one. */
  #slot = 0;

  /** The entry of a key, or -1. */
  #find(key: number): number {
    const { table, keys } = this.#parts;
    viewOf(table.$pos);
    viewOf(keys.$pos);
    const slots = table.$array;
    const mask = slots.length - 1;
    let slot = hash(key) & mask;
    let free = -1;
    for (let probes = 0; probes <= mask; probes++) {
      const at = slots[slot]!;
      if (at === EMPTY) break;
      if (at === REMOVED) {
        if (free < 0) free = slot;
      } else if (same(keys.$array[at - 1]!, key)) {
        this.#slot = slot;
        return at - 1;
      }
      slot = (slot + 1) & mask;
    }
    this.#slot = free < 0 ? slot : free;
    return -1;
  }

  /** The next entry that is not removed, from `entry` on, or -1. */
  #next(entry: number): number {
    const { alive } = this.#parts;
    viewOf(alive.$pos);
    for (let i = entry; i < alive.length; i++) if (alive.$array[i] === 1) return i;
    return -1;
  }

  /** Makes room for one more entry everywhere, so that adding it runs no callback. */
  #makeRoom(key: number): void {
    const { keys, alive, table, values, keyLayout } = this.#parts;
    this.#scratch[0] = key;
    const stored = this.#scratch[0]!;
    if (typeof key !== "number" || !same(stored, key)) {
      throw new ArgumentError(
        "FA008",
        `Cannot use ${show(key)} as a key of ${keyLayout.name} as it would be stored as ${stored}: use a wider layout`,
      );
    }
    for (;;) {
      const entry = keys.length;
      if (4 * (entry + 1) > 3 * table.capacity) this.#rebuild();
      else if (entry === keys.capacity) keys.reserve(2 * entry);
      else if (entry === alive.capacity) alive.reserve(2 * entry);
      else if (values.length === values.capacity) values.reserve(2 * values.length);
      else return;
    }
  }

  /** Adds an entry that there is room for. */
  #append(key: number, values: unknown): number {
    const { keys, alive, table } = this.#parts;
    const entry = keys.length;
    this.#pushValue(values);
    keys.push(key);
    alive.push(1);
    this.#find(key);
    table.$array[this.#slot] = entry + 1;
    this.#size++;
    return entry;
  }

  #pushValue(values: unknown): void {
    if (this.#records === null) {
      (this.#parts.values as NumberVecBase<TypedArrayConstructor>).push(
        values === undefined ? 0 : this.#number(values),
      );
    } else this.#records.pushZeroed(values);
  }

  #number(value: unknown): never {
    const { valueLayout } = this.#parts;
    if (typeof value === "number") return value as never;
    throw new LayoutError("FA022", `Cannot store ${show(value)} as ${valueLayout.name}: give a number`);
  }

  #value(entry: number): Face {
    return this.#parts.values.at(entry) as Face;
  }

  /** Makes the table twice as large and puts all entries into it again. */
  #rebuild(): void {
    const { table, keys, alive } = this.#parts;
    table.reserve(2 * table.capacity);
    this.#emptyTable();
    for (let i = 0; i < keys.length; i++) {
      if (alive.$array[i] === 0) continue;
      this.#findFree(keys.$array[i]!);
      table.$array[this.#slot] = i + 1;
    }
  }

  #findFree(key: number): void {
    const slots = this.#parts.table.$array;
    const mask = slots.length - 1;
    let slot = hash(key) & mask;
    while (slots[slot] !== EMPTY) slot = (slot + 1) & mask;
    this.#slot = slot;
  }

  #emptyTable(): void {
    const { table } = this.#parts;
    viewOf(table.$pos);
    table.$array.fill(EMPTY);
  }

  #iterate<T>(pick: (entry: number) => T): IterableIterator<T> {
    let entry = 0;
    return {
      next: (): IteratorResult<T> => {
        entry = this.#next(entry);
        if (entry < 0) {
          entry = this.#parts.alive.length;
          return { done: true, value: undefined };
        }
        return { done: false, value: pick(entry++) };
      },
      [Symbol.iterator]() {
        return this;
      },
    };
  }
}

/** Equality as `Map` has it: NaN equals NaN, and the zeros are equal. */
function same(a: number, b: number): boolean {
  return a === b || (Number.isNaN(a) && Number.isNaN(b));
}

/** Mixes the bits of a number; the finaliser of MurmurHash3 (Austin Appleby, public domain). */
function hash(key: number): number {
  let h = key | 0;
  if (h !== key) {
    bits.setFloat64(0, key + 0);
    h = bits.getInt32(0) ^ Math.imul(bits.getInt32(4), 0x9e3779b1);
  }
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
