/**
 * Whatever both devices are asked, they refuse it with the same codes, and a real one survives.
 */

import { FrameAllocError } from "@framealloc/core";
import { assert, assertEquals } from "@std/assert";
import * as fc from "fast-check";
import { USAGE } from "../../gpu/backend/backend.ts";
import { NullBackend } from "../../gpu/backend/null_backend.ts";
import { type Device, lose, NO_WEBGPU, readBack, requireWebGpu } from "./_backends.ts";
import { counting } from "./_bytes.ts";

const ignore = NO_WEBGPU !== undefined;
const DATA = USAGE.COPY_SRC | USAGE.COPY_DST;

/** A number that is right as often as wrong. */
const anyNumber: fc.Arbitrary<number> = fc.oneof(
  fc.nat({ max: 32 }).map((n) => n * 4),
  fc.constantFrom(NaN, Infinity, -Infinity, -4, -1, 0.5, 1.5, 2, 3, 2 ** 31, 2 ** 32, 2 ** 53, -0),
);

/** A buffer that may live, or not. */
const anyBuffer: fc.Arbitrary<number> = fc.oneof(fc.nat({ max: 5 }), fc.constantFrom(-1, 1.5, NaN, 6, 1e9));

/** An array that may be there, or not. */
const anyArray: fc.Arbitrary<() => Uint8Array> = fc.constantFrom(
  () => counting(128),
  () => new Uint8Array(0),
  () => new Uint8Array(new ArrayBuffer(0)),
  () => new Uint8Array(new SharedArrayBuffer(64)),
  () => counting(128).subarray(64),
  () => counting(128).subarray(128),
  () => {
    const array = new Uint8Array(64);
    array.buffer.transfer();
    return array;
  },
  () => {
    const buffer = new ArrayBuffer(64, { maxByteLength: 64 });
    const array = new Uint8Array(buffer, 32);
    buffer.resize(16);
    return array;
  },
);

/** A call with arguments that nobody has looked at. */
const anyCall: fc.Arbitrary<(backend: Device) => unknown> = fc.oneof(
  fc.tuple(anyBuffer, anyNumber, anyArray, anyNumber, anyNumber).map(([b, at, array, from, bytes]) => (d: Device) =>
    d.write(b, at, array(), from, bytes)
  ),
  fc.tuple(anyBuffer, anyNumber, anyBuffer, anyNumber, anyNumber).map(([a, from, b, at, bytes]) => (d: Device) =>
    d.copy(a, from, b, at, bytes)
  ),
  fc.tuple(anyBuffer, anyNumber, anyNumber).map(([b, at, bytes]) => (d: Device) => d.clear(b, at, bytes)),
  fc.tuple(anyBuffer, anyNumber, anyNumber, anyArray, anyNumber, anyNumber).map(
    ([b, at, bytes, array, count, stride]) => (d: Device) => d.scatter(b, at, bytes, array(), count, stride),
  ),
  fc.tuple(anyBuffer, anyNumber, anyNumber).map(([b, at, bytes]) => (d: Device) => {
    // The null device wants that, and it must be equal.
    d.submit();
    d.map(b, at, bytes).catch(() => {});
  }),
  fc.tuple(anyBuffer, anyNumber, anyArray).map(([b, at, array]) => (d: Device) => d.readMapped(b, at, array())),
  fc.tuple(anyNumber, anyNumber).map(([bytes, usage]) => (d: Device) => {
    if (bytes < 2 ** 20) d.create(bytes, usage, "fuzz");
  }),
  anyBuffer.map((b) => (d: Device) => d.unmap(b)),
  anyBuffer.map((b) => (d: Device) => d.raw(b) && undefined),
  anyBuffer.map((b) => (d: Device) => d.recreate(b)),
  fc.constant((d: Device) => d.submit()),
);

/** The code of what a call throws; nothing else may come of it. */
function codeOf(call: () => unknown): string {
  try {
    call();
    return "none";
  } catch (error) {
    if (error instanceof FrameAllocError) return error.code;
    throw error;
  }
}

/** Five buffers, one of them destroyed. */
function furnish<D extends Device>(backend: D): D {
  for (const usage of [DATA, DATA | USAGE.STORAGE, USAGE.VERTEX, USAGE.MAP_READ | USAGE.COPY_DST, DATA]) {
    backend.create(128, usage, "numbers");
  }
  backend.destroy(4);
  return backend;
}

Deno.test({
  name: "Both devices refuse the same arguments with the same codes, and the process lives",
  ignore,
  fn: async () => {
    const complaints: string[] = [];
    const real = furnish(await requireWebGpu({ onError: (message) => complaints.push(message) }));
    const model = furnish(new NullBackend({ latency: Infinity }));
    const seen = new Set<string>();
    fc.assert(
      fc.property(fc.array(anyCall, { minLength: 1, maxLength: 20 }), (calls) => {
        for (const call of calls) {
          const code = codeOf(() => call(model));
          seen.add(code);
          assertEquals(codeOf(() => call(real)), code);
        }
        real.unmap(3);
        model.unmap(3);
      }),
      { numRuns: 300 },
    );
    await real.done();
    model.submit();
    for (const buffer of [0, 1]) {
      assertEquals(await readBack(real, buffer, 0, 128), model.raw(buffer));
    }
    assertEquals(complaints, []);
    for (const code of ["none", "FA008", "FA401", "FA404", "FA852", "FA853"]) assert(seen.has(code), code);
    await lose(real);
    model.lose();
    fc.assert(
      fc.property(anyCall, (call) => {
        const code = codeOf(() => call(model));
        assert(["none", "FA857", "FA401", "FA404"].includes(code), code);
        assertEquals(codeOf(() => call(real)), code);
      }),
      { numRuns: 200 },
    );
    real.dispose();
    model.dispose();
  },
});
