/**
 * What a kernel has to know of a column: its kind, where it lies and in which memory, and whether it is still there. It is found out
 * once for every typed array, and looked up after that.
 */

import { ArgumentError, show, StaleHandleError } from "../errors.ts";
import { classOf } from "../memory/array_class.ts";
import { isDetached } from "../memory/gone.ts";
import type { Handout } from "../memory/handout.ts";
import { memoryOf } from "../memory/wasm_memory.ts";
import { type KernelCode, kernelsOver } from "./kernel_code.ts";
import { F64, U8 } from "./ops.ts";

/** A column that kernels can calculate with: of 32-bit or 64-bit floats, or of 32-bit integers. */
export type KernelColumn = Float32Array | Float64Array | Int32Array | Uint32Array;

/** A column, or a mask. */
export type Operands = KernelColumn | Uint8Array;

/** Whoever hands out columns, and takes them back. */
export interface ColumnOwner {
  /** Where an array was handed out; `null` if it is in memory of the owner and not out, and nothing if it lies elsewhere. */
  handoutOf(array: Operands): Handout | null | undefined;
}

/** Addresses past this are left to the fallback, so that they never wrap around. */
const MOST = 2 ** 32 - 256;

const KINDS: readonly unknown[] = [Float32Array, Float64Array, Int32Array, Uint32Array, Uint8Array];

/** See the file comment. */
export class Operand {
  readonly array: Operands;
  /** The same for all that can share bytes: a shared memory that has grown has several buffers. */
  readonly owner: object;
  readonly kind: number;
  readonly length: number;
  /** The power of two that an element has of bytes. */
  readonly shift: number;
  /** Where it starts, in bytes from the start of the memory. */
  readonly address: number;
  /** Where it ends. */
  readonly end: number;
  /** The kernels over its memory; `null` where there are none. */
  readonly code: KernelCode | null;
  /** Where it was handed out; `null` where nobody looks after that. */
  readonly handout: Handout | null;

  constructor(array: Operands, kind: number, usesSimd: boolean, handout: Handout | null) {
    this.array = array;
    this.kind = kind;
    this.length = array.length;
    this.shift = kind === F64 ? 3 : kind === U8 ? 0 : 2;
    this.address = array.byteOffset;
    this.end = this.address + array.byteLength;
    const memory = memoryOf(array.buffer);
    this.owner = memory ?? array.buffer;
    this.code = memory !== undefined && usesSimd && this.end < MOST ? kernelsOver(memory) ?? null : null;
    this.handout = handout;
  }
}

/** The operands of one set of kernels. */
export class OperandTable {
  #known: WeakMap<Operands, Operand> = new WeakMap();
  readonly #usesSimd: boolean;
  #owner: ColumnOwner | null = null;

  constructor(usesSimd: boolean) {
    this.#usesSimd = usesSimd;
  }

  /** Asks whoever hands out columns whether they are still out, from now on. */
  watch(owner: ColumnOwner): void {
    this.#owner = owner;
    this.clear();
  }

  /** What is known of a column, which is still there. */
  of(array: Operands): Operand {
    const operand = this.#known.get(array);
    // The length of a detached array is 0.
    if (operand === undefined || array.length !== operand.length) return this.#look(array);
    // The very same array may have been handed out again, in another place.
    if (operand.handout !== null && !operand.handout.isOut) return this.#look(array);
    return operand;
  }

  /** Forgets what is known, as it may lie in another memory than was thought. */
  clear(): void {
    this.#known = new WeakMap();
  }

  #look(array: Operands): Operand {
    const kind = ArrayBuffer.isView(array) && !(array instanceof DataView) ? KINDS.indexOf(classOf(array)) : -1;
    if (kind < 0) {
      throw new ArgumentError(
        "FA008",
        `Cannot run a kernel on ${
          show(array)
        }: give a Float32Array, Float64Array, Int32Array or Uint32Array, and a Uint8Array for a mask`,
      );
    }
    const { buffer } = array;
    const known = this.#known.get(array);
    if (isDetached(buffer) || (known !== undefined && known.length !== array.length)) {
      throw new StaleHandleError(
        "FA002",
        "Cannot run a kernel on a column as its memory was detached: allocate it again",
      );
    }
    const handout = this.#owner === null ? undefined : this.#owner.handoutOf(array);
    if (handout === null) throw stale();
    const operand = new Operand(array, kind, this.#usesSimd, handout ?? null);
    // What can change under an array is looked at each time.
    const isFixed = buffer instanceof ArrayBuffer ? !buffer.resizable : !(buffer as SharedArrayBuffer).growable;
    if (isFixed) this.#known.set(array, operand);
    return operand;
  }
}

function stale(): StaleHandleError {
  return new StaleHandleError(
    "FA002",
    "Cannot run a kernel on an array as it lies in memory of frames and was not handed out in this one, or its scope has ended: " +
      "allocate it in each frame, and give a range instead of a subarray",
  );
}
