/**
 * Bad operands are refused with a code, and nothing is written.
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { ArgumentError, Kernels, StaleHandleError } from "../../mod.ts";

const memory = new WebAssembly.Memory({ initial: 1 });

for (const isSimd of [true, false]) {
  const kernels = new Kernels({ simd: isSimd }).use(memory);
  const column = (at: number, length: number): Float32Array => new Float32Array(memory.buffer, at, length).fill(7);
  const out = column(0, 20);
  const a = column(1024, 20);
  const short = column(2048, 10);
  const doubles = new Float64Array(memory.buffer, 4096, 20);
  const ints = new Int32Array(memory.buffer, 8192, 20).fill(3);
  const words = new Uint32Array(memory.buffer, 9216, 20).fill(3);
  const mask = new Uint8Array(memory.buffer, 12_288, 20).fill(1);

  const refuse = (name: string, code: string, call: () => void): void => {
    Deno.test(`${name} is refused with ${code}${isSimd ? "" : ", without SIMD"}`, () => {
      const before = new Uint8Array(memory.buffer).slice();
      assertThrows(call, code === "FA002" ? StaleHandleError : ArgumentError, code);
      assert(new Uint8Array(memory.buffer).every((byte, i) => byte === before[i]));
    });
  };

  refuse("a shorter operand", "FA008", () => kernels.add(out, a, short));
  refuse("a shorter vector", "FA008", () => kernels.integrate({ x: out, y: out }, { x: a, y: short }, 1));
  refuse(
    "a vector of fewer components",
    "FA008",
    () => kernels.integrate({ x: out, y: out, z: out }, { x: a, y: a }, 1),
  );
  refuse("a range past the end", "FA009", () => kernels.add(out, a, short, 0, 11));
  refuse("a range before the start", "FA009", () => kernels.fill(out, 1, -1, 5));
  refuse("a range that ends before it starts", "FA009", () => kernels.fill(out, 1, 6, 5));
  refuse("half an element", "FA009", () => kernels.fill(out, 1, 0.5, 5));
  refuse("a column of another class", "FA008", () => kernels.copy<Float32Array | Float64Array>(out, doubles));
  refuse("what is no column", "FA008", () => kernels.fill([1, 2] as unknown as Float32Array, 1));
  refuse("a column of short integers", "FA008", () => kernels.fill(new Int16Array(4) as unknown as Int32Array, 1));
  refuse("the square root of integers", "FA008", () => kernels.sqrt(ints as unknown as Float32Array, ints as never));
  refuse(
    "the magnitude of unsigned integers",
    "FA008",
    () => kernels.abs(words as unknown as Int32Array, words as never),
  );
  refuse("a fraction for integers", "FA008", () => kernels.fill(ints, 0.5));
  refuse("a comparison of unsigned integers with less than 0", "FA008", () => kernels.less(mask, words, -1));
  refuse("a mask of floats", "FA008", () => kernels.less(out as unknown as Uint8Array, a, a));
  refuse("an index outside", "FA009", () => kernels.gather(out, short, new Int32Array(20).fill(10)));
  refuse("an index below zero", "FA009", () => kernels.scatter(out, a, new Int32Array(20).fill(-1)));
  refuse("indices that are floats", "FA008", () => kernels.gather(out, a, a as unknown as Int32Array));
  refuse("a column without room for what is kept", "FA009", () => kernels.compactInto(short, a, mask));
  refuse("fifteen numbers for a matrix", "FA008", () => {
    const points = { x: a, y: a, z: a };
    kernels.transformPoints({ x: out, y: short, z: doubles as unknown as Float32Array }, points, new Array(15).fill(0));
  });
  refuse("seven planes", "FA008", () => {
    kernels.cullSpheres(mask, { x: a, y: a, z: a }, a, new Array(28).fill(0));
  });
  refuse("vectors whose components overlap", "FA008", () => kernels.normalize({ x: out, y: out }));
  refuse("what is no memory", "FA008", () => void kernels.use({} as WebAssembly.Memory));

  Deno.test(`a detached column is refused with FA002${isSimd ? "" : ", without SIMD"}`, () => {
    const own = new WebAssembly.Memory({ initial: 1, maximum: 2 });
    const kernels = new Kernels({ simd: isSimd }).use(own);
    const column = new Float32Array(own.buffer, 0, 100);
    kernels.fill(column, 1);
    own.grow(1);
    assertThrows(() => kernels.fill(column, 2), StaleHandleError, "FA002");
    kernels.use(own);
    const again = new Float32Array(own.buffer, 0, 100);
    assertEquals(again[99], 1);
    kernels.fill(again, 3);
    assertEquals([again[99], kernels.stats().scalar > 0], [3, !isSimd]);
  });
}

Deno.test("columns in two memories are worked on in a plain loop, and counted", () => {
  const other = new WebAssembly.Memory({ initial: 1 });
  const kernels = new Kernels().use(memory).use(other);
  const out = new Float32Array(memory.buffer, 0, 10);
  const a = new Float32Array(other.buffer, 0, 10).fill(2);
  kernels.scale(out, a, 3);
  assertEquals([...out], new Array(10).fill(6));
  kernels.fill(new Float64Array(4), 1);
  assertEquals(kernels.stats(), { calls: 2, simd: 0, scalar: 2, outside: 1, apart: 1, copied: 0 });
});

Deno.test("points and vectors are transformed as naive loops do, in place and not", () => {
  for (const kernels of [new Kernels().use(memory), new Kernels({ simd: false })]) {
    for (const n of [0, 1, 3, 4, 7, 33]) {
      const at = (i: number): Float32Array => {
        const column = new Float32Array(memory.buffer, i * 256 + 4, n);
        for (let k = 0; k < n; k++) column[k] = Math.sin(i * 100 + k) * 10;
        return column;
      };
      const points = { x: at(0), y: at(1), z: at(2) };
      const matrix = [1, 2, 3, 0, -1, 0.5, 0.25, 0, 0.125, 3, 1, 0, 10, 20, 30, 1];
      const r = Math.fround;
      const wanted = [0, 1, 2].map((row) =>
        Array.from(
          points.x,
          (x, i) =>
            r(
              r(r(r(matrix[row]! * x) + r(matrix[4 + row]! * points.y[i]!)) + r(matrix[8 + row]! * points.z[i]!)) +
                matrix[12 + row]!,
            ),
        )
      );
      const out = { x: at(3), y: at(4), z: at(5) };
      kernels.transformPoints(out, points, matrix);
      assertEquals([[...out.x], [...out.y], [...out.z]], wanted);
      kernels.transformPoints(points, points, matrix);
      assertEquals([[...points.x], [...points.y], [...points.z]], wanted);
      if (n > 0) points.x[0] = points.y[0] = points.z[0] = 0;
      const units = Array.from(points.x, (x, i) => {
        const [y, z] = [points.y[i]!, points.z[i]!];
        const length = r(Math.sqrt(r(r(r(x * x) + r(y * y)) + r(z * z))));
        return length === 0 ? [0, 0, 0] : [r(x / length), r(y / length), r(z / length)];
      });
      kernels.normalize(points);
      assertEquals(Array.from(points.x, (x, i) => [x, points.y[i], points.z[i]]), units);
    }
  }
});
