/**
 * What a kernel has to know of a column: its kind, where it lies and in which memory, and whether it is still there. It is found out
 * once for every typed array, and looked up after that.
 */

import { ArgumentError, show, StaleHandleError } from "../errors.ts";
import { type Handout, handoutOf } from "../memory/handouts.ts";
import { classOf } from "../memory/array_class.ts";
import { isDetached } from "../memory/gone.ts";
import { memoryOf } from "../memory/wasm_memory.ts";
import { type KernelMemory, kernelsOver } from "./kernel_memory.ts";
import { F64, U8 } from "./ops.ts";

/** A column that can be calculated with. */
export type Column = Float32Array | Float64Array | Int32Array | Uint32Array;

/** A column, or a mask. */
export type Operands = Column | Uint8Array;

/** Addresses past this are left to the fallback, so that they never wrap around. */
const MOST = 2 ** 32 - 256;

const KINDS: readonly unknown[] = [Float32Array, Float64Array, Int32Array, Uint32Array, Uint8Array];

/** See the file comment. */
export class Operand {
  readonly array: Operands;
  readonly buffer: ArrayBufferLike;
  /** The same for all that can share bytes: a shared memory that has grown has several buffers. */
  readonly owner: object;
  readonly kind: number;
  readonly length: number;
  /** The power of two that an element has of bytes. */
  readonly shift: number;
  /** Bytes from the start of the memory. */
  readonly address: number;
  /** The kernels over its memory; `null` where there are none. */
  readonly memory: KernelMemory | null;
  readonly handout: Handout | null;

  constructor(array: Operands, kind: number, usesSimd: boolean, checks: boolean) {
    this.array = array;
    this.kind = kind;
    this.buffer = array.buffer;
    this.length = array.length;
    this.shift = kind === F64 ? 3 : kind === U8 ? 0 : 2;
    this.address = array.byteOffset;
    const memory = memoryOf(this.buffer);
    this.owner = memory ?? this.buffer;
    const isNear = usesSimd && this.address + array.byteLength < MOST;
    this.memory = memory === undefined || !isNear ? null : kernelsOver(memory) ?? null;
    this.handout = checks ? handoutOf(array) ?? null : null;
  }

  /** Where it ends, in bytes from the start of the memory. */
  get end(): number {
    return this.address + (this.length << this.shift);
  }
}

/** The operands of one set of kernels. */
export class OperandTable {
  #known: WeakMap<Operands, Operand> = new WeakMap();
  readonly #usesSimd: boolean;
  readonly #checks: boolean;

  constructor(usesSimd: boolean, checks: boolean) {
    this.#usesSimd = usesSimd;
    this.#checks = checks;
  }

  /** What is known of a column, which is still there. */
  of(array: Operands): Operand {
    const operand = this.#known.get(array);
    // The length of a detached array is 0.
    if (operand === undefined || array.length !== operand.length) return this.#look(array);
    if (operand.handout !== null && !operand.handout.isOut) throw stale();
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
    if (this.#known.has(array) || isDetached(array.buffer)) {
      throw new StaleHandleError(
        "FA002",
        "Cannot run a kernel on a column as its memory was detached: allocate it again",
      );
    }
    const operand = new Operand(array, kind, this.#usesSimd, this.#checks);
    const { buffer } = operand;
    // What can change under an array is looked at each time.
    const isFixed = buffer instanceof ArrayBuffer ? !buffer.resizable : !(buffer as SharedArrayBuffer).growable;
    if (operand.handout !== null && !operand.handout.isOut) throw stale();
    if (isFixed) this.#known.set(array, operand);
    return operand;
  }
}

function stale(): StaleHandleError {
  return new StaleHandleError(
    "FA002",
    "Cannot run a kernel on a column as it was not handed out in this frame, or its scope has ended: allocate it again each frame",
  );
}
