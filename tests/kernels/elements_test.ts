/**
 * Kernels that work element by element, beside a naive calculation.
 */

import { assertEquals } from "@std/assert";
import { type KernelColumn, Kernels } from "../../mod.ts";
import { CLASSES, FLOATS, type Six, type Spec, testAll, touch } from "./_places.ts";
import { BINARY, type Class, lerp, UNARY } from "./_reference.ts";

function range(first: number, last: number, value: (i: number) => number): number[] {
  return Array.from({ length: last - first }, (_, i) => value(first + i));
}

const binary = (["add", "sub", "mul", "div", "min", "max"] as const).map((name): Spec => ({
  name,
  classes: name === "div" ? FLOATS : CLASSES,
  roles: ["column", "column", "column"],
  run: (k, [out, a, b], { start, end }) => k[name as "div"](out, a, b, start, end),
  expect: ([, a, b], { of }, first, last) => ({
    writes: [[0, first, range(first, last, (i) => BINARY[name]!(of, a[i]!, b[i]!))]],
  }),
}));

function unary(
  name: string,
  run: Spec["run"],
  classes: readonly Class[] = CLASSES,
  roles: Spec["roles"] = ["column", "column"],
  kernel = name,
): Spec {
  return {
    name,
    classes,
    roles,
    run,
    expect: ([out, a], c, first, last) => {
      const [s, t] = kernel === "clamp" ? limits(c.s, c.t) : [c.s, c.t];
      const value = (i: number): number => UNARY[kernel]!(c.of, a[i]!, i - first, out[i]!, s, t);
      return { writes: [[0, first, range(first, last, value)]] };
    },
  };
}

/** In order, or one of them NaN. */
function limits(s: number, t: number): [number, number] {
  return s > t ? [t, s] : [s, t];
}

const vectors = [2, 3].map((count): Spec => ({
  name: `integrate of ${count} components`,
  classes: CLASSES,
  roles: count === 2 ? ["column", "column", "column", "column"] : [
    ...["column", "column", "column"] as const,
    ...["column", "column", "column"] as const,
  ],
  run: (k, o, { s, start, end }) => {
    const [p, v] = partsOf(o, count);
    k.integrate(p, v, s, start, end);
  },
  isRefused: (o) => {
    const positions = o.slice(0, count);
    return positions.some((a, i) => positions.some((b, k) => k > i && touch(a, b)));
  },
  expect: (o, c, first, last) => ({
    writes: Array.from({ length: count }, (_, k) => {
      const value = (i: number): number => UNARY["axpy"]!(c.of, o[count + k]![i]!, 0, o[k]![i]!, c.s, 0);
      return [k, first, range(first, last, value)] as const;
    }),
  }),
}));

function partsOf(o: Six, count: number) {
  const at = (k: number) => count === 2 ? { x: o[k]!, y: o[k + 1]! } : { x: o[k]!, y: o[k + 1]!, z: o[k + 2]! };
  return [at(0), at(count)] as const;
}

testAll([
  ...binary,
  unary("fill", (k, [out], { s, start, end }) => k.fill(out, s, start, end), CLASSES, ["column"]),
  unary("iota", (k, [out], { s, t, start, end }) => k.iota(out, s, t, start, end), CLASSES, ["column"]),
  unary("copy", (k, [out, a], { start, end }) => k.copy(out, a, start, end)),
  unary("addScalar", (k, [out, a], { s, start, end }) => k.addScalar(out, a, s, start, end)),
  unary("scale", (k, [out, a], { s, start, end }) => k.scale(out, a, s, start, end)),
  unary("axpy", (k, [out, a], { s, start, end }) => k.axpy(out, s, a, start, end)),
  unary(
    "integrate of a column",
    (k, [out, a], { s, start, end }) => k.integrate(out, a, s, start, end),
    CLASSES,
    ["column", "column"],
    "axpy",
  ),
  unary("clamp", (k, [out, a], { s, t, start, end }) => k.clamp(out, a, ...limits(s, t), start, end)),
  unary("abs", (k, [out, a], { start, end }) => k.abs(out, a, start, end), [...FLOATS, "Int32Array"]),
  unary("sqrt", (k, [out, a], { start, end }) => k.sqrt(out, a, start, end), FLOATS),
  {
    name: "lerp",
    classes: FLOATS,
    roles: ["column", "column", "column"],
    run: (k, [out, a, b], { s, start, end }) => k.lerp(out, a, b, s, start, end),
    expect: ([, a, b], { of, s }, first, last) => ({
      writes: [[0, first, range(first, last, (i) => lerp(of, a[i]!, b[i]!, s))]],
    }),
  },
]);

testAll(vectors);

const memory = new WebAssembly.Memory({ initial: 1 });

for (const simd of [true, false]) {
  Deno.test(`whole numbers wrap around, ${simd ? "with" : "without"} SIMD`, () => {
    const kernels = new Kernels({ simd }).use(memory);
    for (const constructor of [Int32Array, Uint32Array]) {
      const column: KernelColumn = new constructor(memory.buffer as ArrayBuffer, 4, 7);
      const wrapped = (value: number): number[] => [...new constructor(7).fill(value)];
      for (const value of [-(2 ** 31), -1, 2 ** 31, 2 ** 32 - 1]) {
        kernels.fill(column, value);
        assertEquals([...column], wrapped(value));
        kernels.addScalar(column, column, value);
        assertEquals([...column], wrapped(2 * value));
        kernels.fill(column, 3);
        kernels.scale(column, column, value);
        assertEquals([...column], wrapped(Math.imul(3, value)));
        kernels.axpy(column, value, column);
        assertEquals([...column], wrapped(Math.imul(3, value) + Math.imul(Math.imul(3, value), value)));
      }
    }
  });
}

for (const simd of [true, false]) {
  Deno.test(`all components are read before one is moved, ${simd ? "with" : "without"} SIMD`, () => {
    const kernels = new Kernels({ simd }).use(memory);
    const x = new Float32Array(memory.buffer as ArrayBuffer, 0, 9).fill(1);
    const y = new Float32Array(memory.buffer as ArrayBuffer, 64, 9).fill(10);
    kernels.integrate({ x, y }, { x: y, y: x }, 2);
    assertEquals([x[8], y[8]], [21, 12]);
  });
}
