/**
 * Faces: objects whose properties are memory. A face is a position and a base; its class, one per layout, has an accessor per
 * field that reads the position's life, and with it notices when the memory has ended.
 *
 * The library moves positions and never touches a face's fields, so its own code stays monomorphic however many layouts are
 * alive. Fields are declared and then assigned once, in the constructor: the optimiser can then see through a layout that is a
 * constant in the program.
 */

import { expired, type Position } from "../memory/life.ts";

/** What every face has. Names that start with `$` cannot be fields. */
export interface Face {
  readonly $pos: Position;
  readonly $base: number;
}

/** A class of faces. */
export interface FaceClass {
  readonly prototype: object;
  new (position: Position, base: number): Face;
}

/** Reads a scalar. */
export type Load<T> = (view: DataView, at: number) => T;

/** Writes a scalar. */
export type Store<T> = (view: DataView, at: number, value: T) => void;

/** The bytes at an offset as plain JavaScript values. */
export type Read = (view: DataView, at: number) => unknown;

/** Makes the class of faces for one layout. `read` serves to show a record as text. */
export function faceClass(name: string, read: Read): FaceClass {
  const made = class {
    declare readonly $pos: Position;
    declare readonly $base: number;
    constructor(position: Position, base: number) {
      this.$pos = position;
      this.$base = base;
    }
  };
  describe(made, name, read);
  return made;
}

/** As {@linkcode faceClass}, for layouts with parts that are faces themselves, made on first access. */
export function faceClassWithParts(name: string, read: Read): FaceClass {
  const made = class {
    declare readonly $pos: Position;
    declare readonly $base: number;
    declare $parts: Face[] | null;
    constructor(position: Position, base: number) {
      this.$pos = position;
      this.$base = base;
      this.$parts = null;
    }
  };
  describe(made, name, read);
  return made;
}

function describe(made: FaceClass, name: string, read: Read): void {
  Object.defineProperty(made, "name", { value: name });
  const plain = function (this: Face): unknown {
    const view = this.$pos.life.view;
    return view === null ? `[stale ${name}]` : read(view, this.$pos.offset + this.$base);
  };
  for (const key of ["toJSON", Symbol.for("Deno.customInspect"), Symbol.for("nodejs.util.inspect.custom")]) {
    Object.defineProperty(made.prototype, key, { value: plain });
  }
}

/** Gives a class of faces a scalar property, `offset` bytes from the base. */
export function defineScalar<T>(made: FaceClass, key: string, offset: number, load: Load<T>, store: Store<T>): void {
  Object.defineProperty(made.prototype, key, {
    enumerable: true,
    get(this: Face): T {
      const position = this.$pos;
      return load(position.life.view ?? expired(position), position.offset + this.$base + offset);
    },
    set(this: Face, value: T): void {
      const position = this.$pos;
      store(position.life.view ?? expired(position), position.offset + this.$base + offset, value);
    },
  });
}

/** A face with parts. */
interface Whole extends Face {
  $parts: Face[] | null;
}

/** Gives a class of faces the n-th of its parts, `offset` bytes from the base. */
export function definePart(made: FaceClass, key: string, n: number, offset: number, part: FaceClass): void {
  Object.defineProperty(made.prototype, key, {
    enumerable: true,
    get(this: Whole): Face {
      const parts = this.$parts;
      if (parts !== null) {
        const known = parts[n];
        if (known !== undefined) return known;
      }
      return addPart(this, n, new part(this.$pos, this.$base + offset));
    },
  });
}

/** Keeps a part that was made on first access. */
export function addPart(whole: Whole, n: number, part: Face): Face {
  whole.$parts ??= [];
  whole.$parts[n] = part;
  return part;
}
