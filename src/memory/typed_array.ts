/**
 * Names for "any typed array" and "any typed-array constructor".
 */

/** The constructor `Float16Array`; nothing where the program is compiled for runtimes that have none. */
export type Float16Constructor = typeof globalThis extends { Float16Array: infer C } ? C : never;

/** A constructor of typed arrays, such as `Float32Array`. */
export type TypedArrayConstructor =
  | Int8ArrayConstructor
  | Uint8ArrayConstructor
  | Uint8ClampedArrayConstructor
  | Int16ArrayConstructor
  | Uint16ArrayConstructor
  | Int32ArrayConstructor
  | Uint32ArrayConstructor
  | Float16Constructor
  | Float32ArrayConstructor
  | Float64ArrayConstructor
  | BigInt64ArrayConstructor
  | BigUint64ArrayConstructor;

/** The typed arrays that a constructor makes, over memory of any kind: `Float32Array` for `Float32ArrayConstructor`. */
export type ViewOf<C extends TypedArrayConstructor> = C["prototype"];

/** Any typed array. */
export type TypedArray = ViewOf<TypedArrayConstructor>;

/** What an element of a constructor's arrays is in JavaScript: `number`, or `bigint` for the 64-bit integers. */
export type ElementOf<C extends TypedArrayConstructor> = C extends BigInt64ArrayConstructor | BigUint64ArrayConstructor
  ? bigint
  : number;
