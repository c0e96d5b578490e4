/**
 * The inside of a layout: what allocators and other layouts work with. One class for all layouts, whose fields are assigned once,
 * so that the code that uses it stays monomorphic and the optimiser can see through a layout that is a constant in the program.
 */

import { ArgumentError, show } from "../errors.ts";
import type { Position } from "../memory/life.ts";
import { BatchBase } from "./batch.ts";
import type { Face, FaceClass, Read } from "./face.ts";
import type { Layout, LayoutRules } from "./layout.ts";
import { RecordVecBase } from "./record_vec.ts";

/** A class of batches of one layout. */
type BatchClass = new (...args: ConstructorParameters<typeof BatchBase>) => BatchBase;

/** A class of vecs of one layout. */
type VecClass = new (...args: ConstructorParameters<typeof RecordVecBase>) => RecordVecBase;

/** Fills the bytes at an offset with values. */
export type Write = (view: DataView, at: number, values: unknown) => void;

/** A layout as it is under a set of rules, or why it cannot be. */
export type Under = (rules: LayoutRules) => Layout | string;

let nextId = 0;

/** See the file comment. */
export class LayoutInner {
  /** A small number of its own, for tables. */
  declare readonly id: number;
  /** The class of records; for scalars, of cells. */
  declare readonly Record: FaceClass;
  declare readonly Batch: BatchClass;
  declare readonly Vec: VecClass;
  declare readonly write: Write;
  declare readonly read: Read;
  declare readonly under: Under;

  constructor(Record: FaceClass, write: Write, read: Read, under: Under) {
    this.id = nextId++;
    Object.defineProperty(Record.prototype, "$id", { value: this.id });
    this.Record = Record;
    this.Batch = class extends BatchBase {
      protected override $make(position: Position): Face {
        return new Record(position, 0);
      }
    };
    this.Vec = class extends RecordVecBase {
      protected override $make(position: Position): Face {
        return new Record(position, 0);
      }
      protected override $write(view: DataView, at: number, values: unknown): void {
        write(view, at, values);
      }
    };
    this.write = write;
    this.read = read;
    this.under = under;
  }
}

/** The inside of a layout. */
export function innerOf(layout: Layout): LayoutInner {
  return layout.$inner as LayoutInner;
}

/** Lets records find their layout. Where several layouts share a class of records, any of them will do. */
export function bind<L extends Layout>(layout: L): L {
  Object.defineProperty(innerOf(layout).Record.prototype, "$layout", { value: layout });
  return layout;
}

/** The layout of a record; `undefined` for anything else. */
export function layoutOf(record: unknown): Layout | undefined {
  return typeof record === "object" && record !== null && "$pos" in record && "$layout" in record
    ? record.$layout as Layout
    : undefined;
}

/** The error of something that should be a layout. */
export function noLayout(value: unknown): ArgumentError {
  return new ArgumentError(
    "FA008",
    `Cannot allocate ${show(value)} as it is no layout: give one such as f32, or a struct`,
  );
}
