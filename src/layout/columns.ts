/**
 * Columns: one typed array per scalar, instead of one record per element. Loops and kernels run fastest on them.
 */

import { Handout, type HandoutList } from "../memory/handout.ts";
import type { Life } from "../memory/life.ts";
import type { TypedArray, TypedArrayConstructor, ViewOf } from "../memory/typed_array.ts";
import type { ArrayLayout } from "./array.ts";
import { innerOf } from "./inner.ts";
import type { Layout } from "./layout.ts";
import type { Matrix } from "./matrix.ts";
import type { AnyScalar } from "./scalar.ts";
import type { StructLayout } from "./struct.ts";
import { COMPONENTS, type Vector } from "./vector.ts";

/**
 * The columns of a layout: a typed array for a scalar, an object by component for a vector, by field for a struct, and a list
 * for a matrix or an array.
 *
 * @typeParam L The layout.
 *
 * @example
 * ```ts
 * import { f32, SmartAlloc, struct, vec3f } from "@framealloc/core";
 * import { assertEquals } from "@std/assert";
 *
 * const Particle = struct("Particle", { position: vec3f, life: f32 });
 * const alloc = new SmartAlloc();
 * alloc.beginFrame();
 * const { position, life } = alloc.frameColumns(Particle, 1000);
 * position.y.fill(10);
 * for (let i = 0; i < life.length; i++) position.y[i]! -= 1;
 * assertEquals([position.x.length, position.y[999]], [1000, 9]);
 * alloc.endFrame();
 * ```
 */
export type ColumnsOf<L extends Layout> = L extends { readonly kind: "scalar"; readonly array: infer C }
  ? C extends TypedArrayConstructor ? ViewOf<C> : never
  : L extends { readonly kind: "vector"; readonly element: infer E; readonly $plain?: infer P }
    ? E extends Layout ? { readonly [K in keyof NonNullable<P>]: ColumnsOf<E> } : never
  : L extends { readonly kind: "matrix" | "array"; readonly element: infer E }
    ? E extends Layout ? readonly ColumnsOf<E>[] : never
  : L extends { readonly kind: "struct"; readonly fields: infer F }
    ? { readonly [K in keyof F]: F[K] extends Layout ? ColumnsOf<F[K]> : never }
  : never;

/** Makes the typed arrays of the columns of one layout, and puts them together. */
export class ColumnPlan {
  readonly #constructors: TypedArrayConstructor[] = [];
  readonly #sizes: number[];
  readonly #assemble: (views: Iterator<TypedArray>) => unknown;

  constructor(layout: Layout) {
    this.#assemble = this.#visit(layout);
    this.#sizes = this.#constructors.map((constructor) => constructor.BYTES_PER_ELEMENT);
  }

  /** The bytes of `length` elements; each column starts at a multiple of 16. */
  bytes(length: number): number {
    let bytes = 0;
    for (let i = 0; i < this.#sizes.length; i++) bytes += roundUp(length * this.#sizes[i]!);
    return bytes;
  }

  /** The columns over memory at an offset. */
  make(buffer: ArrayBufferLike, offset: number, length: number): unknown {
    return this.assemble(this.views(buffer, offset, length));
  }

  /** The typed arrays of the columns over memory at an offset, in the order of the layout. */
  views(buffer: ArrayBufferLike, offset: number, length: number): readonly TypedArray[] {
    let at = offset;
    return this.#constructors.map((constructor) => {
      const view: TypedArray = new constructor(buffer as ArrayBuffer, at, length);
      at += roundUp(view.byteLength);
      return view;
    });
  }

  /** Such typed arrays, put together. */
  assemble(views: readonly TypedArray[]): unknown {
    return this.#assemble(views.values());
  }

  #visit(layout: Layout): (views: Iterator<TypedArray>) => unknown {
    switch (layout.kind) {
      case "scalar":
        this.#constructors.push((layout as AnyScalar).array);
        return (views) => views.next().value;
      case "vector": {
        const { element, count } = layout as Vector<string, AnyScalar & { readonly name: "f32" }, unknown, unknown>;
        return this.#object(COMPONENTS.slice(0, count).map((name) => [name, element]));
      }
      case "matrix":
      case "array": {
        const { element, count } = layout as Matrix<string> | ArrayLayout<Layout>;
        const parts = Array.from({ length: count }, () => this.#visit(element));
        return (views) => parts.map((part) => part(views));
      }
      case "struct":
        return this.#object(Object.entries((layout as StructLayout<Record<string, Layout>>).fields));
    }
  }

  #object(entries: (readonly [string, Layout])[]): (views: Iterator<TypedArray>) => unknown {
    const parts = entries.map(([name, layout]) => [name, this.#visit(layout)] as const);
    return (views) => {
      const made: Record<string, unknown> = {};
      for (const [name, part] of parts) made[name] = part(views);
      return made;
    };
  }
}

/** The columns of a region, recycled: the n-th of this cycle are the n-th of the last where layout, place and length agree. */
export class ColumnCache implements HandoutList {
  /** How many columns this cycle has asked for. */
  declare count: number;
  readonly #plans: ColumnPlan[] = [];
  /** The memory of each. */
  readonly #views: DataView[] = [];
  readonly #arrays: (readonly TypedArray[])[] = [];
  readonly #offsets: number[] = [];
  readonly #lengths: number[] = [];
  readonly #made: unknown[] = [];

  constructor() {
    this.count = 0;
  }

  /** The next columns of this cycle. */
  next(plan: ColumnPlan, life: Life, offset: number, length: number): unknown {
    const i = this.count++;
    const view = life.view!;
    if (
      i < this.#made.length && this.#plans[i] === plan && this.#offsets[i] === offset &&
      this.#lengths[i] === length && this.#views[i] === view
    ) return this.#made[i];
    const arrays = plan.views(view.buffer, offset, length);
    const made = plan.assemble(arrays);
    this.#arrays[i] = arrays;
    this.#plans[i] = plan;
    this.#views[i] = view;
    this.#offsets[i] = offset;
    this.#lengths[i] = length;
    this.#made[i] = made;
    return made;
  }

  /** Whether columns are among those that this cycle has asked for. */
  holds(index: number, columns: unknown): boolean {
    return index < this.count && this.#made[index] === columns;
  }

  /** Where the columns that an array is one of were handed out in this cycle. */
  find(array: TypedArray): Handout | undefined {
    for (let i = this.count - 1; i >= 0; i--) {
      if (this.#arrays[i]!.includes(array)) return new Handout(this, i, this.#made[i]);
    }
    return undefined;
  }
}

const plans: (ColumnPlan | undefined)[] = [];

/** The plan of a layout, made on first use. */
export function columnPlan(layout: Layout): ColumnPlan {
  return plans[innerOf(layout).id] ??= new ColumnPlan(layout);
}

function roundUp(bytes: number): number {
  return Math.ceil(bytes / 16) * 16;
}
