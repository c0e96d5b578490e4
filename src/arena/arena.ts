/**
 * What can be allocated in a region: in that of a frame, a group, a scratch pool. This is the hot path: plain integers, one class
 * each, no closures. What cannot be had is `undefined`; the facade turns that into an error or passes it on.
 */

import { ArgumentError, show } from "../errors.ts";
import { type BatchBase, rearm } from "../layout/batch.ts";
import { columnPlan } from "../layout/columns.ts";
import type { Face } from "../layout/face.ts";
import { type LayoutInner, noLayout } from "../layout/inner.ts";
import type { Layout } from "../layout/layout.ts";
import { NumberVecBase, rearmNumberVec } from "../layout/number_vec.ts";
import { rearmVec, type RecordVecBase } from "../layout/record_vec.ts";
import { type AnyScalar, isScalar } from "../layout/scalar.ts";
import { type LifeOwner, Position } from "../memory/life.ts";
import type { Region } from "../memory/region.ts";
import type { TypedArray, TypedArrayConstructor, ViewOf } from "../memory/typed_array.ts";
import type { Sites } from "../observe/sites.ts";
import type { ArenaMemory } from "./arena_memory.ts";
import { BoxBase } from "./box.ts";
import { type FrameMapBase, type KeyLayout, newMap } from "./frame_map.ts";
import { FrameString, utf8Length } from "./frame_string.ts";

/** The most elements that can be asked for at once: no element is smaller than a byte. */
export const MAX_COUNT: number = 2 ** 30;

/** Room that a vec, map or string starts with unless it is told more. */
export const DEFAULT_CAPACITY = 16;

/** See the file comment. */
export abstract class Arena implements LifeOwner {
  /** The region that is allocated in now. */
  declare region: Region;
  /** The region, with what is recycled in it. */
  declare memory: ArenaMemory;
  /** Whether handles are recycled instead of checked. */
  declare readonly recycles: boolean;
  declare readonly sites: Sites | null;

  /** Whoever extends this gives it a region and its memory. */
  constructor(recycles: boolean, sites: Sites | null) {
    this.recycles = recycles;
    this.sites = sites;
  }

  /** The error of a handle whose memory has ended. */
  abstract expired(position: Position): Error;

  /** The error of an allocation while the region is closed. */
  abstract closed(action: string): Error;

  record(layout: Layout): Face | undefined {
    // No optional chaining here: with it the optimiser no longer sees through a layout that is a constant in the program.
    if (layout === undefined || layout === null) throw noLayout(layout);
    const inner = layout.$inner as LayoutInner | undefined;
    if (inner === undefined) throw noLayout(layout);
    const region = this.region;
    const offset = region.alloc(layout.size, layout.align);
    if (offset < 0) return this.#noRecord(region, layout);
    if (this.recycles) return this.#recycled(inner, offset);
    const position = new Position(region.life, offset);
    if (this.sites !== null) this.sites.note(position);
    return new inner.Record(position, 0);
  }

  box(layout: Layout, init: unknown): Face | BoxBase | undefined {
    const record = this.record(layout);
    if (record === undefined) return undefined;
    const inner = layout.$inner as LayoutInner;
    const { view } = record.$pos.life;
    const at = record.$pos.offset;
    if (init === undefined || layout.kind !== "scalar") {
      for (let i = at; i < at + layout.size; i++) view!.setUint8(i, 0);
    }
    if (init !== undefined) inner.write(view!, at, init);
    if (layout.kind === "scalar") return record;
    if (!this.recycles) return new BoxBase(inner, record);
    const { boxes } = this.memory.pools(inner);
    const known = boxes.next() as BoxBase | undefined;
    if (known === undefined) return boxes.add(new BoxBase(inner, record)) as BoxBase;
    known.value = record;
    return known;
  }

  slice<C extends TypedArrayConstructor>(constructor: C, length: number, zero: boolean): ViewOf<C> | undefined {
    if (!(length >= 0 && length <= MAX_COUNT && Number.isInteger(length))) throw badCount("allocate a slice", length);
    const bytes = length * constructor.BYTES_PER_ELEMENT;
    if (!(bytes >= 0)) throw noArray(constructor);
    const region = this.region;
    const offset = region.alloc(bytes);
    if (offset < 0) {
      return this.#hasMovedOn(region) ? this.slice(constructor, length, zero) : this.#none("a slice");
    }
    const view = region.views.next(constructor, offset, length);
    if (zero) clear(view);
    return view;
  }

  batch(layout: Layout, length: number, into: BatchBase | undefined): BatchBase | undefined {
    const inner = layout?.$inner as LayoutInner | undefined;
    if (inner === undefined) throw noLayout(layout);
    if (!(length >= 0 && length <= MAX_COUNT && Number.isInteger(length))) throw badCount("allocate a batch", length);
    if (into !== undefined && !(into instanceof inner.Batch)) {
      throw new ArgumentError("FA008", `Cannot allocate into ${show(into)} as it is no batch of ${layout.name}`);
    }
    const region = this.region;
    const offset = region.alloc(length * layout.stride, layout.align);
    if (offset < 0) {
      return this.#hasMovedOn(region) ? this.batch(layout, length, into) : this.#none(layout.name);
    }
    const pools = this.recycles ? this.memory.pools(inner) : null;
    // Of a frame that was open at the end of a turn the lives have another owner.
    if (into !== undefined && (into.$region === region || into.$pos.life.owner === this)) {
      // With several frames alive, this frame's memory is another one than that of the last.
      into.$region = region;
      into.$pools = pools;
      rearm(into, region.life, offset, length);
      return into;
    }
    const known = pools?.batches.next() as BatchBase | undefined;
    if (known !== undefined) {
      rearm(known, region.life, offset, length);
      return known;
    }
    const position = new Position(region.life, offset);
    if (this.sites !== null) this.sites.note(position);
    const batch = new inner.Batch(position, length, layout.stride, region, pools);
    pools?.batches.add(batch);
    return batch;
  }

  /** A fixed number of records side by side. */
  tuple(layout: Layout, length: number): Face[] | undefined {
    const inner = layout?.$inner as LayoutInner | undefined;
    if (inner === undefined) throw noLayout(layout);
    const region = this.region;
    const offset = region.alloc(length * layout.stride, layout.align);
    if (offset < 0) {
      return this.#hasMovedOn(region) ? this.tuple(layout, length) : this.#none(layout.name);
    }
    const records: Face[] = [];
    for (let i = 0; i < length; i++) {
      const at = offset + i * layout.stride;
      if (this.recycles) records.push(this.#recycled(inner, at));
      else {
        const position = new Position(region.life, at);
        if (this.sites !== null) this.sites.note(position);
        records.push(new inner.Record(position, 0));
      }
    }
    return records;
  }

  columns(layout: Layout, length: number): unknown {
    if (layout?.$inner === undefined) throw noLayout(layout);
    if (!(length >= 0 && length <= MAX_COUNT && Number.isInteger(length))) throw badCount("allocate columns", length);
    const plan = columnPlan(layout);
    const region = this.region;
    const offset = region.alloc(plan.bytes(length));
    if (offset < 0) {
      return this.#hasMovedOn(region) ? this.columns(layout, length) : this.#none(layout.name);
    }
    const { columns } = this.memory;
    if (columns === null) return plan.make(region.life.view!.buffer, offset, length);
    return columns.next(plan, region.life, offset, length);
  }

  vec(
    of: Layout | TypedArrayConstructor,
    capacity: number = DEFAULT_CAPACITY,
  ): RecordVecBase | NumberVecBase<TypedArrayConstructor> | undefined {
    if (!(capacity >= 0 && capacity <= MAX_COUNT && Number.isInteger(capacity))) {
      throw badCount("allocate a vec", capacity);
    }
    const room = Math.max(capacity, 1);
    if (typeof of === "function") return this.#numberVec(of, room);
    if (isScalar(of)) return this.#numberVec(arrayOf(of, "a vec"), room);
    return this.#recordVec(of, room);
  }

  map(key: KeyLayout, value: Layout, capacity: number = DEFAULT_CAPACITY): FrameMapBase | undefined {
    if (!isKey(key)) {
      throw new ArgumentError(
        "FA008",
        `Cannot make a map with keys of ${show(nameOf(key))}: use a number layout of at most 32 bits, or f64`,
      );
    }
    if (!(capacity >= 0 && capacity <= MAX_COUNT / 8 && Number.isInteger(capacity))) {
      throw badCount("allocate a map", capacity);
    }
    if (isScalar(value) && (value.name === "i64" || value.name === "u64")) {
      throw new ArgumentError(
        "FA008",
        `Cannot make a map with values of ${value.name}: use a number, or a struct with such a field`,
      );
    }
    const inner = value?.$inner as LayoutInner | undefined;
    if (inner === undefined) throw noLayout(value);
    if (isScalar(value)) arrayOf(value, "a map");
    const pools = this.recycles ? this.memory.pools(inner) : null;
    const { region } = this;
    return newMap(region, pools, key, value, Math.max(capacity, 1)) ??
      (this.#hasMovedOn(region) ? this.map(key, value, capacity) : this.#none("a map"));
  }

  string(text: string): FrameString | undefined {
    if (typeof text !== "string") {
      throw new ArgumentError("FA008", `Cannot make a frame string of ${show(text)}: give a text`);
    }
    const bytes = this.#numberVec(Uint8Array, Math.max(utf8Length(text), DEFAULT_CAPACITY));
    return bytes === undefined ? undefined : new FrameString(bytes).append(text);
  }

  /** Apart from the rest, which has to be short to be inlined. */
  #noRecord(region: Region, layout: Layout): Face | undefined {
    return this.#hasMovedOn(region) ? this.record(layout) : this.#none(layout.name);
  }

  /** Whether a callback of a budget has ended the frame and begun another one, in other memory, while a region was asked. */
  #hasMovedOn(region: Region): boolean {
    return region !== this.region && this.region.isOpen;
  }

  #none(what: string): undefined {
    if (!this.region.isOpen) throw this.closed(`allocate ${what}`);
    return undefined;
  }

  #recycled(inner: LayoutInner, offset: number): Face {
    const { life } = this.region;
    const known = this.memory.records[inner.id]?.take(life, offset);
    return known === undefined ? this.#added(inner, new Position(life, offset)) : known;
  }

  #added(inner: LayoutInner, position: Position): Face {
    return this.memory.pools(inner).records.add(new inner.Record(position, 0), position);
  }

  #numberVec(constructor: TypedArrayConstructor, capacity: number): NumberVecBase<TypedArrayConstructor> | undefined {
    const bytes = capacity * constructor.BYTES_PER_ELEMENT;
    if (!(bytes >= 0)) throw noArray(constructor);
    const region = this.region;
    const offset = region.alloc(bytes);
    if (offset < 0) {
      return this.#hasMovedOn(region) ? this.#numberVec(constructor, capacity) : this.#none("a vec");
    }
    const pool = this.recycles ? this.memory.numberVecs(constructor) : null;
    const known = pool?.next();
    if (known !== undefined) {
      rearmNumberVec(known, region.life, offset, capacity);
      return known;
    }
    const vec = new NumberVecBase(constructor, region, region.life, offset, capacity);
    if (this.sites !== null) this.sites.note(vec.$pos);
    pool?.add(vec);
    return vec;
  }

  #recordVec(layout: Layout, capacity: number): RecordVecBase | undefined {
    const inner = layout?.$inner as LayoutInner | undefined;
    if (inner === undefined) throw noLayout(layout);
    const region = this.region;
    const offset = region.alloc(capacity * layout.stride, layout.align);
    if (offset < 0) {
      return this.#hasMovedOn(region) ? this.#recordVec(layout, capacity) : this.#none(layout.name);
    }
    const pools = this.recycles ? this.memory.pools(inner) : null;
    const known = pools?.vecs.next() as RecordVecBase | undefined;
    if (known !== undefined) {
      rearmVec(known, region.life, offset, capacity);
      return known;
    }
    const position = new Position(region.life, offset);
    if (this.sites !== null) this.sites.note(position);
    const vec = new inner.Vec(position, capacity, layout.stride, layout.align, region, pools);
    pools?.vecs.add(vec);
    return vec;
  }
}

/** Fills an array with zeros. */
export function clear(view: TypedArray): void {
  if (view instanceof BigInt64Array || view instanceof BigUint64Array) view.fill(0n);
  else view.fill(0);
}

function isKey(layout: Layout): boolean {
  return isScalar(layout) && layout.name !== "bool" && layout.name !== "f16" && layout.name !== "i64" &&
    layout.name !== "u64";
}

/** The arrays that hold a scalar. */
export function arrayOf(layout: AnyScalar, what: string): TypedArrayConstructor {
  if (layout.name === "bool") {
    throw new ArgumentError("FA008", `Cannot make ${what} of bool as no typed array holds truth values: use u8`);
  }
  if (layout.name === "f16" && layout.array !== globalThis.Float16Array) {
    throw new ArgumentError("FA008", `Cannot make ${what} of f16 as this runtime has no Float16Array: use f32`);
  }
  return layout.array;
}

/** The error of something that should make typed arrays. */
export function noArray(value: unknown): ArgumentError {
  return new ArgumentError(
    "FA008",
    `Cannot allocate ${show(value)} as it makes no typed arrays: give one such as Float32Array`,
  );
}

/** The error of something that should be a number of elements. */
export function badCount(action: string, count: unknown): ArgumentError {
  return new ArgumentError(
    "FA008",
    `Cannot ${action} of ${show(count)} elements: give a whole number from 0 to ${MAX_COUNT}`,
  );
}

function nameOf(layout: unknown): unknown {
  return typeof layout === "object" && layout !== null && "name" in layout ? layout.name : layout;
}
