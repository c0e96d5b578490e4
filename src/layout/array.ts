/**
 * Arrays of a fixed number of elements, as fields of structs or on their own.
 */

import { LayoutError, show } from "../errors.ts";
import { bind, innerOf, LayoutInner } from "./inner.ts";
import type { Infer, Layout, LayoutRules, ListOf, PlainOf, ValuesOf } from "./layout.ts";
import { faceListClass, type Place, readList, scalarListClass, writeList } from "./list.ts";
import { accessOf } from "./scalar.ts";

/**
 * The record of an array layout.
 *
 * @typeParam E The layout of the elements.
 *
 * @example
 * ```ts
 * import { array, f32, SmartAlloc, struct } from "@framealloc/core";
 * import { assertEquals } from "@std/assert";
 *
 * const Spectrum = struct("Spectrum", { bands: array(f32, 8) });
 * const alloc = new SmartAlloc();
 * alloc.beginFrame();
 * const { bands } = alloc.frameAlloc(Spectrum);
 * bands.fill(0).set(3, 0.5);
 * assertEquals([bands.length, bands.at(3)], [8, 0.5]);
 * alloc.endFrame();
 * ```
 */
export type ArrayRecord<E extends Layout> = E["kind"] extends "scalar" ? ScalarList<Infer<E>> : RecordList<E>;

/** A fixed list of scalars in memory. */
export interface ScalarList<T> extends Iterable<T> {
  /** The number of elements. */
  readonly length: number;
  /** The element at an index. */
  at(index: number): T;
  /** Sets the element at an index. */
  set(index: number, value: T): this;
  /** Sets all elements to one value. */
  fill(value: T): this;
  /** Sets all elements to those of a list of the same length. */
  copyFrom(values: ListOf<T>): this;
  /** Writes the elements to a list, by default a new one, from an index on. */
  toArray<A extends { [index: number]: T } = T[]>(out?: A, at?: number): A;
  /** Iterates over the elements. */
  [Symbol.iterator](): IterableIterator<T>;
}

/** A fixed list of records in memory. */
export interface RecordList<E extends Layout> extends Iterable<Infer<E>> {
  /** The number of elements. */
  readonly length: number;
  /** The record at an index: the same one each time. */
  at(index: number): Infer<E>;
  /** Fills all elements from a list of the same length. */
  copyFrom(values: ListOf<ValuesOf<E>>): this;
  /** Iterates over the elements. */
  [Symbol.iterator](): IterableIterator<Infer<E>>;
}

/**
 * A layout of arrays.
 *
 * @typeParam E The layout of the elements.
 */
export interface ArrayLayout<E extends Layout> extends Layout<ArrayRecord<E>, ListOf<ValuesOf<E>>, PlainOf<E>[]> {
  /** Always `"array"`. */
  readonly kind: "array";
  /** The layout of the elements. */
  readonly element: E;
  /** The number of elements. */
  readonly count: number;
}

/** The most elements that one array layout may have. */
const MAX_COUNT = 2 ** 24;

/**
 * A layout of `count` elements side by side.
 *
 * @param element The layout of the elements.
 * @param count How many there are: 1 to 16,777,216.
 * @returns The layout.
 * @throws {LayoutError} `FA020` if the count is no such number or the element no layout.
 *
 * @example
 * ```ts
 * import { array, u8 } from "@framealloc/core";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(array(u8, 6).size, 6);
 * ```
 */
export function array<E extends Layout>(element: E, count: number): ArrayLayout<E> {
  if (!isLayout(element)) {
    throw new LayoutError("FA020", `Cannot make an array of ${show(element)} as it is no layout: give one such as f32`);
  }
  if (!Number.isInteger(count) || count < 1 || count > MAX_COUNT) {
    throw new LayoutError("FA020", `Cannot make an array of ${show(count)} elements: give 1 to ${MAX_COUNT}`);
  }
  let other: Layout | undefined;
  const under = (rules: LayoutRules): Layout | string => {
    const inside = innerOf(element).under(rules);
    if (typeof inside === "string") return inside;
    if (rules === "wgsl-uniform" && inside.stride % 16 !== 0) {
      return `a uniform buffer wants the elements of ${own.name} a multiple of 16 bytes apart, as those of vec4f or of a struct are`;
    }
    return inside === element ? own : other ??= make(inside as E, count, under);
  };
  const own = make(element, count, under);
  return own;
}

function make<E extends Layout>(element: E, count: number, under: LayoutInner["under"]): ArrayLayout<E> {
  const inside = innerOf(element);
  const { stride } = element;
  const name = `array<${element.name}, ${count}>`;
  const place: Place = (i) => i * stride;
  const read = readList(count, place, inside.read);
  const write = writeList(name, count, place, inside.write);
  const Record = element.kind === "scalar"
    ? scalarListClass(name, count, place, accessOf(element), read, write)
    : faceListClass(name, count, place, inside.Record, read, write);
  return bind({
    kind: "array",
    name,
    element,
    count,
    size: stride * count,
    align: element.align,
    stride: stride * count,
    $inner: new LayoutInner(Record, write, read, under),
  });
}

/** Whether a value is a layout made by this library. */
export function isLayout(value: unknown): value is Layout {
  return typeof value === "object" && value !== null && "$inner" in value && value.$inner instanceof LayoutInner;
}
