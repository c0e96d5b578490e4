/**
 * Lengths, ranges and classes that every kernel refuses: with a coded error, and before anything is written.
 */

import { assert, assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import { FrameAllocError, type KernelColumn, Kernels } from "../../mod.ts";

const memory = new WebAssembly.Memory({ initial: 1 });
const buffer = memory.buffer as ArrayBuffer;

type Call = (k: Kernels) => unknown;
type Floats = Float32Array | Float64Array;

const f32 = (i: number, length = 8): Float32Array => new Float32Array(buffer, 1024 * i, length);
const f64 = (i: number, length = 8): Float64Array => new Float64Array(buffer, 1024 * i, length);
const i32 = (i: number, length = 8): Int32Array => new Int32Array(buffer, 1024 * i, length);
const u32 = (i: number, length = 8): Uint32Array => new Uint32Array(buffer, 1024 * i, length);
const mask = (i: number, length = 8): Uint8Array => new Uint8Array(buffer, 1024 * i, length);
const v2 = (i: number, length = 8) => ({ x: f32(i, length), y: f32(i + 1, length) });
const v3 = (i: number, length = 8) => ({ ...v2(i, length), z: f32(i + 2, length) });
const v4 = (i: number, length = 8) => ({ ...v3(i, length), w: f32(i + 3, length) });
const whole = { x: i32(1), y: i32(2), z: i32(3) } as unknown as ReturnType<typeof v3>;
/** What the types do not let through. */
function wrong<T>(value: unknown): T {
  return value as T;
}
const MATRIX = new Float32Array(16);
const PLANES = [1, 0, 0, 0];

function refuse(code: string, what: string, named: Readonly<Record<string, Call>>): void {
  for (const simd of [true, false]) {
    Deno.test(`${what}: ${code} and nothing is written, ${simd ? "with" : "without"} SIMD`, () => {
      const kernels = new Kernels({ simd }).use(memory);
      const all = new Uint8Array(buffer);
      for (let i = 0; i < all.length; i++) all[i] = i * 7 & 1;
      const before = all.slice();
      for (const [name, call] of Object.entries(named)) {
        const error = assertThrows(() => call(kernels), Error, "", name);
        assertInstanceOf(error, FrameAllocError, name);
        assertEquals(error.code, code, name);
        assert(all.every((byte, i) => byte === before[i]), name);
      }
    });
  }
}

refuse("FA008", "different lengths", {
  copy: (k) => k.copy(f32(0), f32(1, 9)),
  "add with a short a": (k) => k.add(f32(0), f32(1, 7), f32(2)),
  "add with a long b": (k) => k.add(i32(0), i32(1), i32(2, 9)),
  axpy: (k) => k.axpy(f64(0), 2, f64(1, 7)),
  lerp: (k) => k.lerp(f32(0), f32(1), f32(2, 9), 1),
  "less with a short mask": (k) => k.less(mask(0, 7), f32(1), f32(2)),
  "less with a number": (k) => k.less(mask(0, 9), u32(1), 1),
  and: (k) => k.and(mask(0), mask(1), mask(2, 9)),
  not: (k) => k.not(mask(0), mask(1, 0)),
  "select with a short mask": (k) => k.select(f32(0), mask(1, 7), f32(2), f32(3)),
  "select with a long b": (k) => k.select(f64(0), mask(1), f64(2), f64(3, 9)),
  compactInto: (k) => k.compactInto(f32(0), f32(1), mask(2, 7)),
  gather: (k) => k.gather(f32(0), f32(1, 20), i32(2, 9)),
  scatter: (k) => k.scatter(f32(0, 20), f32(1), u32(2, 9)),
  dot: (k) => k.dot(f32(0), f32(1, 9)),
  length: (k) => k.length(f32(0), { ...v4(1), w: f32(5, 9) }),
  "length with a short out": (k) => k.length(f32(0, 7), v2(1)),
  normalize: (k) => k.normalize({ ...v3(0), z: f32(5, 9) }),
  integrate: (k) => k.integrate(v3(0), { ...v3(3), z: f32(6, 9) }, 1),
  "transformPoints with a short z": (k) => k.transformPoints(v3(0), { ...v3(3), z: f32(6, 7) }, MATRIX),
  "transformPoints with a long out": (k) => k.transformPoints({ ...v3(0), z: f32(6, 9) }, v3(3), MATRIX),
  "cullSpheres with a long mask": (k) => k.cullSpheres(mask(0, 9), v3(1), f32(5), PLANES),
  "cullSpheres with a short radius": (k) => k.cullSpheres(mask(0), v3(1), f32(5, 7), PLANES),
});

const RANGES: readonly [number?, number?][] = [
  ...[[0, 9], [undefined, 9], [9], [5, 4], [-1, 4], [0.5, 4], [0, 3.5], [NaN, 4], [0, NaN]] as [number?, number?][],
  ...[[Infinity], [2 ** 32, 2 ** 32 + 1]] as [number?, number?][],
];

for (const [start, end] of RANGES) {
  // All but one are longer: the shortest one counts.
  refuse("FA009", `the range from ${start} to ${end}`, {
    fill: (k) => k.fill(f32(0), 1, start, end),
    iota: (k) => k.iota(u32(0), 1, 1, start, end),
    add: (k) => k.add(f64(0, 20), f64(1), f64(2, 20), start, end),
    clamp: (k) => k.clamp(i32(0), i32(1, 20), 1, 2, start, end),
    "less with a number": (k) => k.less(mask(0), f32(1, 20), 1, start, end),
    "less with a column": (k) => k.less(mask(0, 20), f32(1, 20), f32(2), start, end),
    or: (k) => k.or(mask(0), mask(1, 20), mask(2, 20), start, end),
    count: (k) => k.count(mask(0), start, end),
    select: (k) => k.select(f32(0, 20), mask(1), f32(2, 20), f32(3, 20), start, end),
    compactInto: (k) => k.compactInto(f32(0, 20), f32(1, 20), mask(2), start, end),
    gather: (k) => k.gather(f32(0), f32(1, 20), i32(2, 20), start, end),
    scatter: (k) => k.scatter(f32(0, 20), f32(1), i32(2, 20), start, end),
    sum: (k) => k.sum(i32(0), start, end),
    dot: (k) => k.dot(f32(0), f32(1, 20), start, end),
    minOf: (k) => k.minOf(u32(0), start, end),
    length: (k) => k.length(f32(0, 20), v2(1), start, end),
    normalize: (k) => k.normalize({ ...v4(0, 20), w: f32(9) }, start, end),
    integrate: (k) => k.integrate(v2(0), v2(2, 20), 1, start, end),
    transformPoints: (k) => k.transformPoints(v3(0), v3(3, 20), MATRIX, start, end),
    cullSpheres: (k) => k.cullSpheres(mask(0), v3(1, 20), f32(5, 20), PLANES, start, end),
  });
}

refuse("FA008", "what is nothing of the kind", {
  "no factor": (k) => k.scale(f32(0), f32(1), wrong(undefined)),
  "a text": (k) => k.fill(f32(0), wrong("1")),
  "a big number": (k) => k.axpy(f64(0), wrong(1n), f64(1)),
  "no limit": (k) => k.clamp(f32(0), f32(1), 0, wrong(undefined)),
  "no time": (k) => k.integrate(v2(0), v2(2), wrong(undefined)),
  "nothing to compare with": (k) => k.less(mask(0), f32(1), wrong(undefined)),
  "no column": (k) => k.add(f32(0), f32(1), wrong(undefined)),
  "no vectors": (k) => k.normalize(wrong<ReturnType<typeof v2>>(undefined)),
  "no velocities": (k) => k.integrate(v2(0), wrong(null), 1),
  "a vector of one component": (k) => k.length(f32(0), wrong({ x: f32(1) })),
  "no matrix": (k) => k.transformPoints(v3(0), v3(3), wrong(undefined)),
  "no planes": (k) => k.cullSpheres(mask(0), v3(1), f32(5), wrong(null)),
});

refuse("FA008", "columns of different classes", {
  copy: (k) => k.copy<KernelColumn>(f32(0), i32(1)),
  add: (k) => k.add<KernelColumn>(i32(0), i32(1), u32(2)),
  less: (k) => k.less<KernelColumn>(mask(0), f32(1), f64(2)),
  select: (k) => k.select<KernelColumn>(f32(0), mask(1), f32(2), u32(3)),
  compactInto: (k) => k.compactInto<KernelColumn>(f32(0), f64(1), mask(2)),
  gather: (k) => k.gather<KernelColumn>(f32(0), u32(1), i32(2)),
  scatter: (k) => k.scatter<KernelColumn>(f32(0), u32(1), i32(2)),
  dot: (k) => k.dot<Floats>(f32(0), f64(1)),
  length: (k) => k.length<Floats>(f32(0), { ...v3(1), z: f64(5) }),
  normalize: (k) => k.normalize<Floats>({ x: f32(0), y: f64(1) }),
  integrate: (k) => k.integrate<KernelColumn>(v2(0), { x: f32(2), y: f64(3) }, 1),
  components: (k) => k.integrate<KernelColumn>({ x: f32(0), y: i32(1) }, { x: f32(2), y: i32(3) }, 0.5),
  "numbers of components": (k) => k.integrate(v3(0), v2(3), 1),
  "a column and vectors": (k) => k.integrate(f32(0), v2(3), 1),
  transformPoints: (k) => k.transformPoints<Floats>(v3(0), { ...v3(3), z: f64(6) }, MATRIX),
  cullSpheres: (k) => k.cullSpheres<Floats>(mask(0), v3(1), f64(5), PLANES),
});

refuse("FA008", "classes that a kernel does not take", {
  div: (k) => k.div(wrong<Float32Array>(i32(0)), wrong(i32(1)), wrong(i32(2))),
  sqrt: (k) => k.sqrt(wrong<Float32Array>(u32(0)), wrong(u32(1))),
  lerp: (k) => k.lerp(wrong<Float32Array>(i32(0)), wrong(i32(1)), wrong(i32(2)), 1),
  abs: (k) => k.abs(wrong<Int32Array>(u32(0)), wrong(u32(1))),
  dot: (k) => k.dot(wrong<Float32Array>(i32(0)), wrong(i32(1))),
  length: (k) => k.length(wrong<Float32Array>(i32(0)), whole),
  normalize: (k) => k.normalize(whole),
  transformPoints: (k) => k.transformPoints(whole, whole, MATRIX),
  cullSpheres: (k) => k.cullSpheres(mask(0), whole, wrong(i32(4)), PLANES),
  "add of masks": (k) => k.add(wrong<Float32Array>(mask(0)), wrong(mask(1)), wrong(mask(2))),
  "sum of a mask": (k) => k.sum(wrong<Float32Array>(mask(0))),
  "fill of a mask": (k) => k.fill(wrong<Float32Array>(mask(0)), 1),
  "less into a column": (k) => k.less(wrong(u32(0)), f32(1), 1),
  "count of a column": (k) => k.count(wrong(u32(0))),
  "and of columns": (k) => k.and(wrong(u32(0)), wrong(u32(1)), wrong(u32(2))),
  "select by a column": (k) => k.select(f32(0), wrong(f32(1)), f32(2), f32(3)),
  "compactInto by a column": (k) => k.compactInto(f32(0), f32(1), wrong(i32(2))),
  "gather by floats": (k) => k.gather(f32(0), f32(1), wrong(f32(2))),
  "scatter by bytes": (k) => k.scatter(f32(0), f32(1), wrong(mask(2))),
  "short integers": (k) => k.fill(wrong<Float32Array>(new Int16Array(buffer, 0, 8)), 1),
  "big integers": (k) => k.sum(wrong<Float32Array>(new BigInt64Array(buffer, 0, 8))),
  "clamped bytes": (k) => k.not(wrong(new Uint8ClampedArray(buffer, 0, 8)), mask(1)),
  "a view of data": (k) => k.fill(wrong<Float32Array>(new DataView(buffer)), 1),
  "an array": (k) => k.sum(wrong<Float32Array>([1, 2])),
  nothing: (k) => k.sum(wrong<Float32Array>(undefined)),
});

refuse("FA008", "numbers that do not fit", {
  "a fraction": (k) => k.fill(i32(0), 0.5),
  NaN: (k) => k.scale(u32(0), u32(1), NaN),
  "too great": (k) => k.addScalar(i32(0), i32(1), 2 ** 32),
  "a limit that would wrap around": (k) => k.clamp(u32(0), u32(1), -1, 5),
  "a comparison that would wrap around": (k) => k.less(mask(0), i32(1), 2 ** 31),
  "a matrix of 15": (k) => k.transformPoints(v3(0), v3(3), new Float32Array(15)),
  "no planes": (k) => k.cullSpheres(mask(0), v3(1), f32(5), []),
  "seven planes": (k) => k.cullSpheres(mask(0), v3(1), f32(5), new Float32Array(28)),
  "a plane and a quarter": (k) => k.cullSpheres(mask(0), v3(1), f32(5), [1, 2, 3, 4, 5]),
});
