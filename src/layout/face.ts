/**
 * Faces: objects whose properties are memory. A face is a position and a base; its class, one per layout, has an accessor per
 * field that reads the position's life, and with it notices when the memory has ended.
 *
 * The library moves positions and never touches a face's fields, so its own code stays monomorphic however many layouts are
 * alive. Fields are declared and then assigned once, in the constructor: the optimiser can then see through a layout that is a
 * constant in the program.
 */

import { Life, Position, viewOf } from "../memory/life.ts";

/** What every face has. Names that start with `$` cannot be fields. */
export interface Face {
  readonly $pos: Position;
  readonly $base: number;
  /** The number of its layout, on the prototype. */
  readonly $id?: number;
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
  const plain = (face: Face, isUse: boolean = false): unknown => {
    const { life, offset } = face.$pos;
    const view = life.view ?? life.owner.pardon?.(face.$pos);
    if (view !== undefined) return read(view, offset + face.$base);
    // To be shown to people is no use, and JSON is; neither fails, but whoever looks for mistakes is told.
    if (isUse) life.owner.expired(face.$pos);
    return `[stale ${name}]`;
  };
  Object.defineProperty(made.prototype, "toJSON", {
    value(this: Face): unknown {
      return plain(this, true);
    },
  });
  showAs(made.prototype, plain);
}

/** What a record or cell holds, as plain values; a text if its memory has ended. */
export function plainOf(record: unknown): unknown {
  return (record as { toJSON(): unknown }).toJSON();
}

/** Has the objects of a prototype printed as what they stand for. */
function showAs<T>(prototype: object, plain: (self: T) => unknown): void {
  Object.defineProperties(prototype, {
    [Symbol.for("nodejs.util.inspect.custom")]: {
      value(this: T): unknown {
        return plain(this);
      },
    },
    [Symbol.for("Deno.customInspect")]: {
      value(this: T, inspect: (value: unknown, options: unknown) => string, options: unknown): string {
        const shown = plain(this);
        return typeof shown === "string" ? shown : inspect(shown, options);
      },
    },
  });
}

/** What is printed as what it stands for, as records are. */
export abstract class Shown {
  abstract toJSON(): unknown;
}

showAs(Shown.prototype, (shown: Shown) => shown.toJSON());

/** Reads a scalar at a position, and refuses if its life has ended. */
type Reader<T> = (position: Position, offset: number) => T;

/** Writes a scalar at a position, and refuses if its life has ended. */
type Writer<T> = (position: Position, offset: number, value: T) => void;

/** How a life is asked for its view. */
type Guard = (position: Position) => DataView;

const alive: Guard = (position) => position.life.view ?? stale(position);

/** Local on purpose: the optimiser drops a branch that never ran, but not a call to an imported function in it. */
function stale(position: Position): DataView {
  return position.life.ended(position);
}

function readerOf<T>(guard: Guard, load: Load<T>): Reader<T> {
  return (position, offset) => load(guard(position), offset + position.offset);
}

function writerOf<T>(guard: Guard, store: Store<T>): Writer<T> {
  return (position, offset, value) => store(guard(position), offset + position.offset, value);
}

function accessor<T>(offset: number, read: Reader<T>, write: Writer<T>): PropertyDescriptor & ThisType<Face> {
  return {
    enumerable: true,
    get(): T {
      return read(this.$pos, offset + this.$base);
    },
    set(value: T): void {
      return write(this.$pos, offset + this.$base, value);
    },
  };
}

/** Gives a class of faces a scalar property, `offset` bytes from the base. */
export function defineScalar<T>(made: FaceClass, key: string, offset: number, load: Load<T>, store: Store<T>): void {
  Object.defineProperty(made.prototype, key, accessor(offset, readerOf(alive, load), writerOf(alive, store)));
}

/**
 * V8 inlines a function of less than 30 bytecodes wherever it is called, without counting it against the budget of the caller, so
 * that a loop may touch any number of fields. All functions above are that short. But one that has taken in its own callees counts
 * with all of them, and that happens as soon as it has only ever seen one callee. So each is shown several before its first use:
 * the callees are then known only in the caller, where the layout is. Nothing depends on this but speed.
 */
function showSeveral(): void {
  const guards: Guard[] = [alive, (position) => position.life.view!, (position) => viewOf(position)];
  const loads: Load<number>[] = [
    (view, at) => view.getUint8(at),
    (view, at) => view.getInt8(at),
    (view, at) => view.getUint16(at),
  ];
  const stores: Store<number>[] = [
    (view, at, value) => view.setUint8(at, value),
    (view, at, value) => view.setInt8(at, value),
    (view, at, value) => view.setUint16(at, value),
  ];
  const position = new Position(new Life(new DataView(new ArrayBuffer(8)), { expired: () => new Error() }), 0);
  const read: Reader<number> = (at, offset) => at.offset + offset;
  const write: Writer<number> = () => {};
  for (let i = 0; i < 48; i++) {
    const reader = readerOf(guards[i % 3]!, loads[i % 3]!);
    const writer = writerOf(guards[i % 3]!, stores[i % 3]!);
    const made = faceClass("", reader as unknown as Read);
    Object.defineProperty(
      made.prototype,
      "value",
      accessor(0, i % 2 === 0 ? reader : read, i % 2 === 0 ? writer : write),
    );
    const face = new made(position, 0) as unknown as { value: number };
    face.value = i;
    face.value += 1;
  }
}

showSeveral();

/** A face with parts. */
interface Whole extends Face {
  $parts: Face[] | null;
}

/** Gives a class of faces the n-th of its `count` parts, `offset` bytes from the base. */
export function definePart(
  made: FaceClass,
  key: string,
  n: number,
  count: number,
  offset: number,
  part: FaceClass,
): void {
  Object.defineProperty(made.prototype, key, {
    enumerable: true,
    get(this: Whole): Face {
      const parts = this.$parts;
      if (parts !== null) {
        const known = parts[n];
        if (known !== undefined) return known;
      }
      return addPart(this, n, count, new part(this.$pos, this.$base + offset));
    },
  });
}

/** A list that grows by itself starts with room for 17: far too much for a record with one vector. */
const MOST_AT_ONCE = 8;

/** Keeps the n-th of `count` parts, which was made on first access. */
export function addPart(whole: Whole, n: number, count: number, part: Face): Face {
  whole.$parts ??= new Array<Face>(Math.min(count, MOST_AT_ONCE));
  whole.$parts[n] = part;
  return part;
}
