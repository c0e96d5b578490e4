/**
 * Kernels for vectors, beside a naive calculation.
 */

import { assertEquals } from "@std/assert";
import { Kernels, type VectorColumns } from "../../mod.ts";
import { FLOATS, type Role, type Six, type Spec, testAll, touch } from "./_places.ts";
import { isKept, length, normalize, transform } from "./_reference.ts";

type Vectors = VectorColumns<Float32Array>;
type Points = Vectors & { readonly z: Float32Array };

function columns(count: number): Role[] {
  return new Array<Role>(count).fill("column");
}

function vectorsOf(o: readonly Float32Array[]): Vectors {
  const [x, y, z, w] = o as Six;
  return o.length === 2 ? { x, y } : o.length === 3 ? { x, y, z } : { x, y, z, w };
}

function range<T>(first: number, last: number, value: (i: number) => T): T[] {
  return Array.from({ length: last - first }, (_, i) => value(first + i));
}

/** The values of each component, from those of each element. */
function turned(count: number, values: readonly (readonly number[])[], first: number) {
  return Array.from({ length: count }, (_, k) => [k, first, values.map((value) => value[k]!)] as const);
}

const counted = [2, 3, 4].flatMap((count): Spec[] => [
  {
    name: `length of ${count} components`,
    classes: FLOATS,
    roles: columns(count + 1),
    run: (k, o, { start, end }) => k.length(o[0], vectorsOf(o.slice(1, count + 1)), start, end),
    expect: (o, { of }, first, last) => {
      const value = (i: number): number => length(of, o.slice(1, count + 1).map((part) => part[i]!));
      return { writes: [[0, first, range(first, last, value)]] };
    },
  },
  {
    name: `normalize of ${count} components`,
    classes: FLOATS,
    roles: columns(count),
    run: (k, o, { start, end }) => k.normalize(vectorsOf(o.slice(0, count)), start, end),
    isRefused: (o) => areTangled(o.slice(0, count)),
    expect: (o, { of }, first, last) => {
      const parts = o.slice(0, count);
      return { writes: turned(count, range(first, last, (i) => normalize(of, parts.map((part) => part[i]!))), first) };
    },
  },
]);

function areTangled(o: readonly Float32Array[]): boolean {
  return o.some((a, i) => o.some((b, k) => k > i && touch(a, b)));
}

testAll(counted);
testAll([
  {
    name: "transformPoints",
    classes: FLOATS,
    roles: columns(6),
    run: (k, o, { numbers, start, end }) =>
      k.transformPoints(
        vectorsOf(o.slice(0, 3)) as Points,
        vectorsOf(o.slice(3)) as Points,
        numbers.slice(0, 16),
        start,
        end,
      ),
    isRefused: (o) => areTangled(o.slice(0, 3)),
    expect: ([, , , x, y, z], { of, numbers }, first, last) => {
      const values = range(first, last, (i) => transform(of, numbers.slice(0, 16), x[i]!, y[i]!, z[i]!));
      return { writes: turned(3, values, first) };
    },
  },
  {
    name: "cullSpheres",
    classes: FLOATS,
    roles: ["mask", ...columns(4)],
    run: (k, [mask, x, y, z, radius], { numbers, otherLength, start, end }) => {
      const planes = numbers.slice(0, 4 + 4 * (otherLength % 6));
      k.cullSpheres(mask as unknown as Uint8Array, { x, y, z }, radius, planes, start, end);
    },
    isRefused: ([mask, ...rest]) => rest.slice(0, 4).some((column) => touch(mask, column)),
    expect: ([, x, y, z, radius], { of, numbers, otherLength }, first, last) => {
      const planes = numbers.slice(0, 4 + 4 * (otherLength % 6));
      const value = (i: number): number => isKept(of, planes, x[i]!, y[i]!, z[i]!, radius[i]!) ? 1 : 0;
      return { writes: [[0, first, range(first, last, value)]] };
    },
  },
], 100);

const memory = new WebAssembly.Memory({ initial: 1 });

for (const simd of [true, false]) {
  const title = simd ? "with SIMD" : "without SIMD";
  const place = (i: number, length = 37): Float32Array =>
    new Float32Array(memory.buffer as ArrayBuffer, 4096 * i + 4, length);

  Deno.test(`ordinary spheres are culled by one to six planes, ${title}`, () => {
    const kernels = new Kernels({ simd }).use(memory);
    const [x, y, z, radius] = [place(0), place(1), place(2), place(3)];
    const mask = new Uint8Array(memory.buffer, 4096 * 5 + 3, 37);
    for (let i = 0; i < 37; i++) {
      [x[i], y[i], z[i], radius[i]] = [Math.sin(i) * 3, Math.sin(2 * i) * 3, Math.sin(3 * i) * 3, i % 3 / 2];
    }
    const planes = [1, 0, 0, 1, -1, 0, 0, 1, 0, 1, 0, 1, 0, -1, 0, 1, 0, 0, 1, 1, 0, 0, -1, 1];
    for (let count = 1; count <= 6; count++) {
      const some = planes.slice(0, 4 * count);
      kernels.cullSpheres(mask, { x, y, z }, radius, some);
      const wanted = range(0, 37, (i) => isKept("Float32Array", some, x[i]!, y[i]!, z[i]!, radius[i]!) ? 1 : 0);
      assertEquals([...mask], wanted);
      assertEquals(new Set(wanted).size, 2, "some are kept, and some are not");
    }
  });

  Deno.test(`with a start alone the shortest operand says where the end is, ${title}`, () => {
    const kernels = new Kernels({ simd }).use(memory);
    const all = (): Float32Array => new Float32Array(memory.buffer as ArrayBuffer).fill(2);
    const startingWith = (value: number): number[] => range(0, 37, (i) => i < 5 ? value : 2);
    const points = { x: place(0), y: place(1), z: place(2) };
    all();
    kernels.length(place(3), { ...points, w: place(4, 5) }, 0);
    assertEquals([...place(3)], startingWith(4), "length");
    for (const [name, short] of [["y", { y: place(1, 5) }], ["z", { z: place(2, 5) }]] as const) {
      all();
      kernels.transformPoints(
        { x: place(3), y: place(4), z: place(5) },
        { ...points, ...short },
        new Float32Array(16),
        0,
      );
      assertEquals([...place(3)], startingWith(0), `transformPoints with a short ${name}`);
    }
    all();
    const bytes = new Uint8Array(memory.buffer, 4096 * 5, 64).fill(9);
    kernels.cullSpheres(bytes.subarray(0, 5), points, place(3), [1, 0, 0, 0], 0);
    assertEquals([...bytes], [1, 1, 1, 1, 1, ...new Array(59).fill(9)], "cullSpheres");
  });
}
