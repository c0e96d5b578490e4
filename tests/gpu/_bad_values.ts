/**
 * Values that are wrong wherever a number, a text, an array, an object or a function is wanted, each made anew: what is detached stays so,
 * and nothing is shared between two calls.
 */

/** What the program's own getters, traps and callbacks throw here: it may come out of a call as it is. */
export class OwnError extends Error {
  override readonly name = "OwnError";
}

function own(): never {
  throw new OwnError("thrown by the program");
}

/** Numbers that are out of range or misaligned, or none. */
const NUMBERS: readonly number[] = [
  NaN,
  Infinity,
  -Infinity,
  -0,
  -1,
  -4,
  0.5,
  1.5,
  2,
  3,
  1e9 + 4,
  2 ** 31,
  2 ** 32,
  2 ** 53,
  -(2 ** 53),
  Number.MAX_VALUE,
  Number.MIN_VALUE,
];

/** An array whose memory was given away. */
export function detached(): Uint8Array<ArrayBuffer> {
  const array = new Uint8Array(64);
  array.buffer.transfer();
  return array;
}

/** Objects whose every property, or one of them, throws. */
function traps(): Record<string, () => unknown> {
  const handler: ProxyHandler<object> = {};
  for (const name of Object.getOwnPropertyNames(Reflect)) handler[name as keyof ProxyHandler<object>] = own;
  return {
    "a proxy that throws": () => new Proxy({}, handler),
    "a function proxy that throws": () => new Proxy(() => {}, handler),
    "a proxy of an array that throws": () => new Proxy([], handler),
    "a revoked proxy": () => {
      const { proxy, revoke } = Proxy.revocable({}, {});
      revoke();
      return proxy;
    },
    "a revoked function proxy": () => {
      const { proxy, revoke } = Proxy.revocable(() => {}, {});
      revoke();
      return proxy;
    },
    "a proxy of a typed array": () => new Proxy(new Uint8Array(64), {}),
    "a proxy that answers everything with itself": () => {
      const proxy: object = new Proxy({}, { get: (_, key) => typeof key === "symbol" ? undefined : proxy });
      return proxy;
    },
    "an object that is no number": () => ({ valueOf: own, toString: own }),
    "an object that is almost a number": () => ({ valueOf: () => 4, toString: () => "4" }),
    "an object whose constructor throws": () => Object.defineProperty({}, "constructor", { get: own }),
  };
}

/** Arrays that are gone, empty, shared, misaligned, or not what they seem. */
function arrays(): Record<string, () => unknown> {
  return {
    "an array that was transferred": detached,
    "an array that was cloned away": () => {
      const array = new Float32Array(16);
      structuredClone(array, { transfer: [array.buffer] });
      return array;
    },
    "a buffer that was transferred": () => detached().buffer,
    "a DataView that was transferred": () => {
      const view = new DataView(new ArrayBuffer(64));
      view.buffer.transfer();
      return view;
    },
    "an array that was cut off": () => {
      const buffer = new ArrayBuffer(64, { maxByteLength: 64 });
      const array = new Uint8Array(buffer, 32);
      buffer.resize(16);
      return array;
    },
    "an array with a length of its own that was cut off": () => {
      const buffer = new ArrayBuffer(64, { maxByteLength: 64 });
      const array = new Uint32Array(buffer, 0, 16);
      buffer.resize(32);
      return array;
    },
    "an array that has shrunk": () => {
      const buffer = new ArrayBuffer(64, { maxByteLength: 64 });
      const array = new Uint8Array(buffer);
      buffer.resize(4);
      return array;
    },
    "a DataView that was cut off": () => {
      const buffer = new ArrayBuffer(64, { maxByteLength: 64 });
      const view = new DataView(buffer, 32, 32);
      buffer.resize(16);
      return view;
    },
    "an empty array": () => new Uint8Array(0),
    "an empty array over memory": () => new Uint8Array(64).subarray(64),
    "an empty buffer": () => new ArrayBuffer(0),
    "a buffer": () => new ArrayBuffer(64),
    "a shared buffer": () => new SharedArrayBuffer(64),
    "an array over shared memory": () => new Uint8Array(new SharedArrayBuffer(64)),
    "floats": () => new Float32Array(4),
    "doubles": () => new Float64Array(8),
    "big integers": () => new BigInt64Array(2),
    "clamped bytes": () => new Uint8ClampedArray(8),
    "a DataView": () => new DataView(new ArrayBuffer(64), 1, 8),
    "three bytes": () => new Uint8Array(3),
    "bytes that start at 1": () => new Uint8Array(16).subarray(1, 9),
    "too many bytes": () => new Uint8Array(70_000),
    "bytes that say that they are more": () => new Longer(8),
    "numbers of a class of the program": () => new Vec3(),
    "an array without a constructor": () => Object.defineProperty(new Float32Array(4), "constructor", { value: null }),
    "an array with another constructor": () => {
      return Object.defineProperty(new Uint8Array(4), "constructor", { value: Float64Array });
    },
    "an object that only looks like a buffer": () => Object.create(ArrayBuffer.prototype),
    "an object that only looks like an array": () => Object.create(Uint8Array.prototype),
  };
}

/** Lies about its length. */
class Longer extends Uint8Array {
  override get length(): number {
    return 64;
  }
  override get byteLength(): number {
    return 64;
  }
}

/** As programs have them: their constructors do not want what those of arrays want. */
class Vec3 extends Float32Array {
  constructor() {
    super([1, 2, 3]);
  }
}

/** A function that has a name that is none. */
class Nameless {
  static name(): void {}
}

/** All of them by name. */
export const BAD: Readonly<Record<string, () => unknown>> = {
  undefined: () => undefined,
  null: () => null,
  true: () => true,
  false: () => false,
  ...Object.fromEntries(NUMBERS.map((value) => [Object.is(value, -0) ? "-0" : String(value), () => value])),
  "4n": () => 4n,
  "(2n ** 64n)": () => 2n ** 64n,
  "a symbol": () => Symbol("bad"),
  "no text": () => "",
  "the text 4": () => "4",
  "the text storage": () => "storage",
  "the text __proto__": () => "__proto__",
  "a long text": () => "x".repeat(10_000),
  "half a character": () => "\ud800",
  "an object": () => ({}),
  "a list": () => [],
  "a list of nothing": () => [undefined, null],
  "a list of itself": () => {
    const list: unknown[] = [];
    list.push(list);
    return list;
  },
  "an object without a prototype": () => Object.create(null),
  "a frozen object": () => Object.freeze({}),
  "a date": () => new Date(NaN),
  "a map": () => new Map(),
  "a promise": () => new Promise(() => {}),
  "a function": () => () => {},
  "a function that throws": () => own,
  "a class without a name": () => Nameless,
  "a constructor of arrays": () => Float64Array,
  "a constructor of views": () => DataView,
  "a class of arrays of the program": () => Vec3,
  "a function that says that it makes arrays": () => Object.assign(() => {}, { BYTES_PER_ELEMENT: 4 }),
  "an object that says that it makes arrays": () => ({ BYTES_PER_ELEMENT: 4 }),
  ...traps(),
  ...arrays(),
};

/** An object that is right but for one property, which throws when it is read. */
export function throwing(object: object, key: string): object {
  return Object.defineProperty({ ...object }, key, { get: own, enumerable: true });
}

/** Whether an error is one that a bad value of these has thrown itself. */
export function isOwn(error: unknown): boolean {
  return error instanceof OwnError || (error instanceof TypeError && /revoked/.test(error.message));
}
