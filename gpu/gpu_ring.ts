/**
 * What a frame writes for the GPU, as programs use it.
 */

import { ArgumentError, show } from "../src/errors.ts";
import { badCount, MAX_COUNT, noArray } from "../src/arena/arena.ts";
import type { BoxOf } from "../src/arena/box.ts";
import type { Batch } from "../src/layout/batch.ts";
import type { ColumnsOf } from "../src/layout/columns.ts";
import { LayoutInner, noLayout } from "../src/layout/inner.ts";
import type { Layout, ValuesOf } from "../src/layout/layout.ts";
import { classOf, isArrayClass } from "../src/memory/array_class.ts";
import { isGone } from "../src/memory/gone.ts";
import type { TypedArray, TypedArrayConstructor, ViewOf } from "../src/memory/typed_array.ts";
import type { GpuBackend } from "./backend/backend.ts";
import type { GpuUse } from "./intent.ts";
import type { FrameRing } from "./ring/frame_ring.ts";
import { noMemoryIn } from "./transfer/bytes_of.ts";

/** What uses so many bytes of it are aligned to where they are no bindings. */
const DATA_ALIGN = 16;

/** The most bytes of one allocation. */
const MOST = 2 ** 30;

/**
 * A place in the frame of a GPU: bytes from its start. As long as the frame fits into one buffer, which it does again one frame after it
 * did not, that is the offset in the buffer.
 */
export type GpuFramePlace = number;

/** What was allocated in the frame of a GPU: a place, a typed array, a batch or a box. */
export type GpuFrameData = GpuFramePlace | TypedArray | Batch<Layout> | object;

/**
 * Memory that the CPU writes and the GPU reads in the same frame: uniforms, instances, particles. It is allocated by adding to an offset,
 * lies on the CPU, and is uploaded by one write at the end of the frame, or by {@linkcode GpuAllocator.flush}, to the same offset of a
 * buffer. Nothing is made for an allocation: a bind group for the buffer, with dynamic offsets, serves all of them.
 *
 * What is bound starts at a multiple of the device's alignment (256 bytes by default); with the use `"vertex"`, for what is no binding, at
 * a multiple of 16. Methods throw `FA001` outside of a frame, `FA003` if there is not enough memory, and `FA351` or `FA352` if a budget
 * refuses.
 *
 * @typeParam B What a buffer is to the program.
 *
 * @example
 * ```ts
 * import { f32, mat4x4f, SmartAlloc, struct, vec4f } from "@framealloc/core";
 * import { GpuAllocator, NullBackend } from "@framealloc/core/gpu";
 * import { assertEquals } from "@std/assert";
 *
 * const Draw = struct("Draw", { model: mat4x4f, color: vec4f, glow: f32 }, { rules: "wgsl" });
 * const gpu = new GpuAllocator(new SmartAlloc(), new NullBackend());
 * gpu.beginFrame();
 * const first = gpu.ring.box(Draw, { color: [1, 0, 0, 1] });
 * const second = gpu.ring.box(Draw, { glow: 2 });
 * assertEquals([gpu.ring.offset(first), gpu.ring.offset(second)], [0, 256]);
 * gpu.flush(); // one write; then draw, with these as dynamic offsets
 * assertEquals(new Float32Array(gpu.ring.buffer(second).buffer)[(256 + 80) / 4], 2);
 * gpu.endFrame();
 * ```
 */
export class GpuRing<B = unknown> {
  readonly #ring: FrameRing;
  readonly #backend: GpuBackend<B>;

  /** Made by {@linkcode GpuAllocator}. */
  constructor(ring: unknown, backend: GpuBackend<B>) {
    this.#ring = ring as FrameRing;
    this.#backend = backend;
  }

  /** The bytes in use in this frame, with padding. */
  get used(): number {
    return this.#ring.region.used;
  }

  /** How often a further buffer was needed, as the frame did not fit into one. */
  get overflows(): number {
    return this.#ring.region.overflows;
  }

  /**
   * So many bytes; they hold whatever was there before.
   *
   * @param bytes How many.
   * @param use How the GPU uses them. @default {"uniform"}
   * @returns Their place, to be written with {@linkcode GpuRing.view} and used with {@linkcode GpuRing.offset}.
   * @throws {ArgumentError} `FA008` if the size is no whole number from 0 to 2 ** 30.
   */
  alloc(bytes: number, use?: GpuUse): GpuFramePlace {
    if (!(Number.isInteger(bytes) && bytes >= 0 && bytes <= MOST)) throw badSize(bytes);
    const ring = this.#ring;
    return ring.place(bytes, use === undefined ? ring.align : this.#align(use), "bytes");
  }

  /**
   * A copy of numbers.
   *
   * @param data The numbers.
   * @param use How the GPU uses them. @default {"uniform"}
   * @returns The place of the copy.
   * @throws {ArgumentError} `FA008` if it is no typed array, or has lost its memory.
   */
  push(data: TypedArray, use?: GpuUse): GpuFramePlace {
    if (!ArrayBuffer.isView(data) || data instanceof DataView) throw noArrayAt(data);
    if (data.length === 0 && isGone(data)) throw noMemoryIn(data, "push to the GPU frame");
    const ring = this.#ring;
    const { length, byteLength } = data;
    const kind = kindOf(data);
    if (length * kind.BYTES_PER_ELEMENT !== byteLength) throw noArrayAt(data);
    const place = ring.place(byteLength, this.#align(use), "a copy");
    const { region } = ring;
    const to = region.view(kind, place - (region.used - region.offset), length);
    (to as { set(from: unknown): void }).set(data);
    return place;
  }

  /**
   * A typed array. Arrays are recycled from frame to frame: the same request gets the same object again.
   *
   * @param constructor The kind of array.
   * @param length The number of elements.
   * @param use How the GPU uses it. @default {"uniform"}
   * @returns The array; it holds whatever was there before.
   * @throws {ArgumentError} `FA008` if the length is no whole number of zero or more.
   */
  slice<C extends TypedArrayConstructor>(constructor: C, length: number, use?: GpuUse): ViewOf<C> {
    if (!isArrayClass(constructor)) throw noArray(constructor);
    checkLength(length, "a slice");
    this.#ring.skip(this.#align(use));
    return this.#ring.slice(constructor, length, false) ?? this.#refuse("a slice");
  }

  /**
   * Many records side by side, as a shader's array of them has them if their layout follows the rules `"wgsl"`.
   *
   * @param layout The layout.
   * @param length The number of records.
   * @param use How the GPU uses it. @default {"uniform"}
   * @returns The batch; it holds whatever was there before.
   * @throws {ArgumentError} `FA008` if the length is no whole number of zero or more.
   */
  batch<L extends Layout>(layout: L, length: number, use?: GpuUse): Batch<L> {
    if (!(layout?.$inner instanceof LayoutInner)) throw noLayout(layout);
    checkLength(length, "a batch");
    this.#ring.skip(this.#align(use));
    return (this.#ring.batch(layout, length, undefined) ?? this.#refuse(layout.name)) as unknown as Batch<L>;
  }

  /**
   * One value, initialised: to zeros where `init` leaves something out.
   *
   * @param layout The layout.
   * @param init What to fill it with.
   * @param use How the GPU uses it. @default {"uniform"}
   * @returns The box; for a scalar its cell.
   * @throws {LayoutError} `FA022` if `init` does not fit.
   */
  box<L extends Layout>(layout: L, init?: ValuesOf<L>, use?: GpuUse): BoxOf<L> {
    if (!(layout?.$inner instanceof LayoutInner)) throw noLayout(layout);
    const ring = this.#ring;
    const align = this.#align(use);
    if (init !== undefined) {
      return (ring.filled(layout, init, align) ?? this.#refuse(layout.name)) as unknown as BoxOf<L>;
    }
    ring.skip(align);
    return (ring.box(layout, undefined) ?? this.#refuse(layout.name)) as unknown as BoxOf<L>;
  }

  /**
   * One typed array per scalar of a layout. Only the first is aligned as bindings are; the others follow at multiples of 16 bytes, so that
   * all of them are if the length is a multiple of 64 and every scalar takes 4 bytes.
   *
   * @param layout The layout.
   * @param length The number of elements.
   * @param use How the GPU uses them. @default {"uniform"}
   * @returns The columns; they hold whatever was there before.
   * @throws {ArgumentError} `FA008` if the length is no whole number of zero or more.
   */
  columns<L extends Layout>(layout: L, length: number, use?: GpuUse): ColumnsOf<L> {
    if (!(layout?.$inner instanceof LayoutInner)) throw noLayout(layout);
    checkLength(length, "columns");
    this.#ring.skip(this.#align(use));
    return (this.#ring.columns(layout, length) ?? this.#refuse(layout.name)) as ColumnsOf<L>;
  }

  /**
   * The memory of a place on the CPU, to write it.
   *
   * @param place The place, from {@linkcode GpuRing.alloc}.
   * @param constructor The kind of array.
   * @param length The number of elements.
   * @returns A fresh array.
   * @throws {GpuError} `FA855` if it is no place of this frame.
   * @throws {ArgumentError} `FA009` if that is more than was allocated in its buffer.
   */
  view<C extends TypedArrayConstructor>(place: GpuFramePlace, constructor: C, length: number): ViewOf<C> {
    const chunk = this.#ring.chunkOf(place);
    const { foundAt: at, foundEnd: end } = this.#ring;
    if (!isArrayClass(constructor)) throw noArray(constructor);
    if (!(Number.isInteger(length) && length >= 0 && at + length * constructor.BYTES_PER_ELEMENT <= end)) {
      throw new ArgumentError(
        "FA009",
        `Cannot view ${show(length)} elements at place ${place} as its buffer has ${
          end - at
        } bytes in use from there on: allocate them first`,
      );
    }
    return new constructor(chunk.buffer as ArrayBuffer, at, length);
  }

  /**
   * Where something is in its buffer on the device: a dynamic offset, or the offset of a binding.
   *
   * @param data What a method of this returned in this frame.
   * @returns The offset in bytes.
   * @throws {GpuError} `FA855` if its frame has ended.
   * @throws {PoolError} `FA404` if it was not allocated here.
   */
  offset(data: GpuFrameData): number {
    this.#ring.chunkWith(data);
    return this.#ring.foundAt;
  }

  /**
   * The buffer on the device that something is uploaded to. It is the same one for all of a frame, and from frame to frame, unless a frame
   * needs more than the last one had: keep bind groups by this buffer.
   *
   * @param data What a method of this returned in this frame.
   * @returns The buffer.
   * @throws As {@linkcode GpuRing.offset}.
   */
  buffer(data: GpuFrameData): B {
    const ring = this.#ring;
    return this.#backend.raw(ring.chunkWith(data).buffers[ring.frame % ring.segments]!);
  }

  #align(use: GpuUse | undefined): number {
    if (use === undefined || use === "uniform" || use === "storage") return this.#ring.align;
    if (use === "vertex") return DATA_ALIGN;
    throw new ArgumentError("FA008", `Cannot use ${show(use)} on the GPU: use "uniform", "vertex" or "storage"`);
  }

  #refuse(what: string): never {
    this.#ring.unskip();
    throw this.#ring.refusal(what);
  }
}

/** What makes such arrays: classes of programs do it in ways of their own. */
function kindOf(data: TypedArray): TypedArrayConstructor {
  const { constructor } = data;
  if (constructor === Float32Array) return Float32Array;
  if (constructor === Uint32Array) return Uint32Array;
  return classOf(data);
}

/** Refuses what is no number of elements, before anything is done. */
function checkLength(length: number, what: string): void {
  if (Number.isInteger(length) && length >= 0 && length <= MAX_COUNT) return;
  throw badCount(`allocate ${what}`, length);
}

function noArrayAt(data: unknown): ArgumentError {
  return new ArgumentError("FA008", `Cannot push ${show(data)} to the GPU frame: give a typed array`);
}

function badSize(bytes: unknown): ArgumentError {
  return new ArgumentError(
    "FA008",
    `Cannot allocate ${show(bytes)} bytes in the GPU frame: give a whole number from 0 to ${MOST}`,
  );
}
