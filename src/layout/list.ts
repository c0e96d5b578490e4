/**
 * Faces of fixed lists: what matrices and array fields have in common. Elements lie `stride` bytes apart in groups, so that a
 * matrix with padded columns is a list too.
 */

import { LayoutError, show } from "../errors.ts";
import { viewOf } from "../memory/life.ts";
import { outside } from "./batch.ts";
import { addPart, type Face, type FaceClass, faceClass, faceClassWithParts, type Read } from "./face.ts";
import type { Write } from "./inner.ts";
import type { Access } from "./scalar.ts";

/** Bytes from the base to an element. */
export type Place = (index: number) => number;

/** How to read a list as plain values. */
export function readList(count: number, place: Place, read: Read): Read {
  return (view, at) => Array.from({ length: count }, (_, i) => read(view, at + place(i)));
}

/** How to fill a list from any list of the same length. */
export function writeList(name: string, count: number, place: Place, write: Write): Write {
  return (view, at, values) => {
    const list = values as { length?: unknown; at?: unknown } | null | undefined;
    if (typeof list !== "object" || list === null || typeof list.at !== "function") {
      throw new LayoutError("FA022", `Cannot fill ${name} from ${show(values)}: give a list of ${count}`);
    }
    if (list.length !== count) {
      throw new LayoutError("FA022", `Cannot fill ${name} from a list of ${show(list.length)}: give ${count} elements`);
    }
    for (let i = 0; i < count; i++) write(view, at + place(i), list.at(i));
  };
}

/** A class of faces of lists of scalars: `length`, `at(i)`, `set(i, value)`, `fill`, `copyFrom`, `toArray`, iteration. */
export function scalarListClass(
  name: string,
  count: number,
  place: Place,
  { load, store }: Access<unknown>,
  read: Read,
  write: Write,
): FaceClass {
  const made = faceClass(name, read);
  define(made, {
    length: { value: count, enumerable: true },
    at: {
      value(this: Face, index: number): unknown {
        const position = this.$pos;
        const view = position.life.view ?? position.life.ended(position);
        if (!(index >= 0 && index < count)) throw outside(index, count);
        return load(view, position.offset + this.$base + place(index | 0));
      },
    },
    set: {
      value(this: Face, index: number, value: unknown): unknown {
        const position = this.$pos;
        const view = position.life.view ?? position.life.ended(position);
        if (!(index >= 0 && index < count)) throw outside(index, count);
        store(view, position.offset + this.$base + place(index | 0), value);
        return this;
      },
    },
    fill: {
      value(this: Face, value: unknown): unknown {
        const view = viewOf(this.$pos);
        const at = this.$pos.offset + this.$base;
        for (let i = 0; i < count; i++) store(view, at + place(i), value);
        return this;
      },
    },
    copyFrom: {
      value(this: Face, values: unknown): unknown {
        write(viewOf(this.$pos), this.$pos.offset + this.$base, values);
        return this;
      },
    },
    toArray: {
      value(this: Face, out: unknown[] = [], from: number = 0): unknown {
        const view = viewOf(this.$pos);
        const at = this.$pos.offset + this.$base;
        for (let i = 0; i < count; i++) out[from + i] = load(view, at + place(i));
        return out;
      },
    },
    [Symbol.iterator]: { value: iterate },
  });
  return made;
}

/** A face with elements. */
interface Whole extends Face {
  $parts: Face[] | null;
}

/** A class of faces of lists of faces: `length`, `at(i)`, `copyFrom`, iteration. */
export function faceListClass(
  name: string,
  count: number,
  place: Place,
  Element: FaceClass,
  read: Read,
  write: Write,
): FaceClass {
  const made = faceClassWithParts(name, read);
  define(made, {
    length: { value: count, enumerable: true },
    at: {
      value(this: Whole, index: number): unknown {
        if (!(index >= 0 && index < count)) throw outside(index, count);
        const i = index | 0;
        return this.$parts?.[i] ?? addPart(this, i, count, new Element(this.$pos, this.$base + place(i)));
      },
    },
    copyFrom: {
      value(this: Face, values: unknown): unknown {
        write(viewOf(this.$pos), this.$pos.offset + this.$base, values);
        return this;
      },
    },
    [Symbol.iterator]: { value: iterate },
  });
  return made;
}

function define(made: FaceClass, members: PropertyDescriptorMap): void {
  Object.defineProperties(made.prototype, members);
}

/** Iterates by hand: generators cost three times as much. */
function iterate(this: { readonly length: number; at(index: number): unknown }): IterableIterator<unknown> {
  let next = 0;
  return {
    next: (): IteratorResult<unknown> =>
      next < this.length ? { done: false, value: this.at(next++) } : { done: true, value: undefined },
    [Symbol.iterator]() {
      return this;
    },
  };
}
