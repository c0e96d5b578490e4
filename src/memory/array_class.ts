/**
 * Which values make typed arrays, and which class an array is of: what programs pass may be a class of their own, or no class at all.
 */

import type { TypedArray, TypedArrayConstructor } from "./typed_array.ts";

const ANY = Object.getPrototypeOf(Uint8Array) as { readonly prototype: object } & (new () => unknown);

const tagOf = Object.getOwnPropertyDescriptor(ANY.prototype, Symbol.toStringTag)!.get!;

/** Whether a value makes typed arrays. */
export function isArrayClass(value: unknown): value is TypedArrayConstructor {
  return value === Float32Array || value === Uint32Array || value === Uint8Array || isOtherClass(value);
}

function isOtherClass(value: unknown): boolean {
  return typeof value === "function" && value.prototype instanceof ANY;
}

/** The class of the language that an array is of, whatever its own `constructor` wants. */
export function classOf(array: TypedArray): TypedArrayConstructor {
  return globalThis[tagOf.call(array) as "Float32Array"];
}
