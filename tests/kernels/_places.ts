/**
 * Runs a kernel on random columns in every kind of memory, and compares all that it wrote, and what lies around it, with what a naive
 * calculation writes.
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { ArgumentError, Kernels } from "../../mod.ts";
import { type Class, round } from "./_reference.ts";

export const CLASSES: readonly Class[] = ["Float32Array", "Float64Array", "Int32Array", "Uint32Array"];
export const FLOATS: readonly Class[] = ["Float32Array", "Float64Array"];

/** What an operand is. Those of `other` and `otherMask` are as long as they like. */
export type Role = "column" | "other" | "mask" | "indices";
/** Operands under one type, whatever they are. */
export type Six = readonly [Float32Array, Float32Array, Float32Array, Float32Array, Float32Array, Float32Array];

interface Spot {
  /** Where it lies: in a region of its own, exactly at an earlier operand, or so many elements away from one. */
  readonly near: "own" | "same" | "shifted";
  readonly by: number;
  readonly to: number;
  readonly offset: number;
  readonly extra: number;
}

/** What a kernel is given. */
export interface Case {
  readonly of: Class;
  readonly length: number;
  readonly otherLength: number;
  readonly spots: readonly Spot[];
  readonly pool: readonly number[];
  readonly seed: number;
  readonly s: number;
  readonly t: number;
  /** Sixteen numbers and more, for matrices and planes. */
  readonly numbers: readonly number[];
  readonly start: number | undefined;
  readonly end: number | undefined;
}

/** A kernel, and what it should come to. */
export interface Spec {
  readonly name: string;
  readonly classes: readonly Class[];
  readonly roles: readonly Role[];
  readonly run: (kernels: Kernels, operands: Six, c: Case) => unknown;
  /** From copies of the operands: what to write where, as `[operand, first element, values]`, and what to return. */
  readonly expect: (operands: Six, c: Case, first: number, last: number) => {
    readonly writes?: readonly (readonly [number, number, readonly number[]])[];
    readonly result?: unknown;
  };
  /** Whether the kernel must refuse operands that overlap in this way. */
  readonly isRefused?: (operands: Six) => boolean;
}

const REGION = 21_504;
const SLACK = 512;
const SPECIAL = [
  ...[NaN, 0, -0, Infinity, -Infinity, 1, -1, 0.1, -2.5, 1e-45, -1e-42, 5e-324, -1e-310, 3.4e38, -3e38, 1e39],
  ...[1.7e308, 16_777_217, 2 ** 31, -(2 ** 33), 1e-20],
];
const WHOLE = [0, 1, -1, 2, 7, 65_535, 65_537, 2 ** 30, 2 ** 31 - 1, -(2 ** 31), 2 ** 31, 2 ** 32 - 1, 123_456_789];

function caseOf(of: Class, count: number): fc.Arbitrary<Case> {
  const isFloat = of.startsWith("Float");
  const number = isFloat
    ? fc.oneof(fc.constantFrom(...SPECIAL), fc.double({ min: -1000, max: 1000 }), fc.double())
    : fc.oneof(fc.constantFrom(...WHOLE), fc.integer()).map((value) => round(of, value));
  const most = 20_000 / globalThis[of].BYTES_PER_ELEMENT;
  const length = fc.oneof(
    { weight: 12, arbitrary: fc.integer({ min: 0, max: 70 }) },
    { weight: 1, arbitrary: fc.integer({ min: 1000, max: most }) },
  );
  const spot = fc.record({
    near: fc.constantFrom("own", "own", "own", "own", "same", "shifted", "shifted"),
    by: fc.integer({ min: -20, max: 20 }),
    to: fc.nat({ max: 5 }),
    offset: fc.nat({ max: 35 }),
    extra: fc.nat({ max: 3 }),
  });
  return length.chain((length) => {
    const place = fc.nat({ max: length });
    return fc.record({
      of: fc.constant(of),
      length: fc.constant(length),
      otherLength: fc.integer({ min: 1, max: 70 }),
      spots: fc.array(spot as fc.Arbitrary<Spot>, { minLength: count, maxLength: count }),
      pool: fc.array(number, { minLength: 1, maxLength: 12 }),
      seed: fc.integer(),
      s: number,
      t: number,
      numbers: fc.array(number, { minLength: 24, maxLength: 24 }),
      range: fc.tuple(place, place, fc.constantFrom("none", "both", "both", "start", "end")),
    }).map(({ range: [a, b, kind], ...rest }) => ({
      ...rest,
      start: kind === "none" || kind === "end" ? undefined : Math.min(a, b),
      end: kind === "none" || kind === "start" ? undefined : Math.max(a, b),
    }));
  });
}

/** Whether two operands share bytes. */
export function touch(a: ArrayBufferView, b: ArrayBufferView): boolean {
  return a.buffer === b.buffer && a.byteOffset < b.byteOffset + b.byteLength &&
    b.byteOffset < a.byteOffset + a.byteLength;
}

function lay(buffers: readonly ArrayBufferLike[], c: Case, roles: readonly Role[]): Six {
  const made: Float32Array[] = [];
  for (const [i, role] of roles.entries()) {
    const spot = c.spots[i]!;
    const name = role === "mask"
      ? "Uint8Array"
      : role === "indices"
      ? (c.seed & 1 ? "Int32Array" : "Uint32Array")
      : c.of;
    const constructor = globalThis[name] as unknown as Float32ArrayConstructor;
    const size = constructor.BYTES_PER_ELEMENT;
    const isRanged = c.start !== undefined || c.end !== undefined;
    const length = role === "other" ? c.otherLength : c.length + (isRanged ? spot.extra : 0);
    const buffer = buffers[i % buffers.length] as ArrayBuffer;
    const near = i === 0 || spot.near === "own" ? undefined : made[spot.to % i]!;
    const by = spot.near === "same" ? 0 : spot.by * size;
    if (near?.constructor === constructor && near.buffer === buffer && by === 0 && near.length === length) {
      made.push(near);
      continue;
    }
    const address = near === undefined ? i * REGION + SLACK + spot.offset * size : near.byteOffset + by;
    made.push(new constructor(buffer, Math.max(0, Math.floor(address / size) * size), length));
  }
  let state = c.seed;
  const next = (below: number): number => {
    state = Math.imul(state ^ state >>> 15, 0x2c1b3c6d) + 0x9e3779b9 | 0;
    return ((state ^ state >>> 13) >>> 0) % below;
  };
  // Indices last: they have to be right.
  for (const kind of ["column", "other", "mask", "indices"]) {
    for (const [i, role] of roles.entries()) {
      if (role !== kind) continue;
      const column = made[i]!;
      const bits = [0, 0, 1, 1, 7, 255].slice(
        ...[[0, 6], [1, 4], [2, 6], [0, 2]][c.otherLength % 4] as [number, number],
      );
      for (let k = 0; k < column.length; k++) {
        column[k] = role === "indices"
          ? next(c.otherLength)
          : role === "mask"
          ? bits[next(bits.length)]!
          : c.pool[next(c.pool.length)]!;
      }
    }
  }
  while (made.length < 6) made.push(made[0]!);
  return made as unknown as Six;
}

/** The bytes of all operands and around them. */
function bytesOf(operands: Six): Uint8Array[] {
  return operands.map(({ buffer, byteOffset, byteLength }) =>
    new Uint8Array(buffer as ArrayBuffer).subarray(Math.max(0, byteOffset - 64), byteOffset + byteLength + 64)
  );
}

const pages = { initial: 2, maximum: 2 };
const own = new WebAssembly.Memory(pages);
const second = new WebAssembly.Memory(pages);
const shared = new WebAssembly.Memory({ ...pages, shared: true });

const PLACES = [
  { name: "wasm", buffers: [own.buffer], kernels: new Kernels().use(own), isSimd: true },
  { name: "shared wasm", buffers: [shared.buffer], kernels: new Kernels().use(shared), isSimd: true },
  { name: "no SIMD", buffers: [own.buffer], kernels: new Kernels({ simd: false }).use(own), isSimd: false },
  { name: "ArrayBuffer", buffers: [new ArrayBuffer(131_072)], kernels: new Kernels(), isSimd: false },
  { name: "two memories", buffers: [own.buffer, second.buffer], kernels: new Kernels().use(own).use(second) },
];

function runCase({ roles, run, expect, isRefused, name }: Spec, c: Case): number {
  let simd = 0;
  for (const place of PLACES) {
    const { kernels } = place;
    const what = `${name} of ${c.of} in ${place.name}`;
    const operands = lay(place.buffers, c, roles);
    const bytes = bytesOf(operands);
    const before = bytes.map((part) => part.slice());
    const counts = kernels.stats();
    if (isRefused?.(operands)) {
      assertThrows(() => run(kernels, operands, c), ArgumentError, "FA008");
      assertEquals(bytes, before, `${what}: nothing is written`);
      continue;
    }
    const copies = operands.map((column) => column.slice()) as unknown as Six;
    const lengths = operands.slice(0, roles.length).filter((_, i) => roles[i] !== "other").map(({ length }) => length);
    const { writes = [], result } = expect(copies, c, c.start ?? 0, c.end ?? Math.min(...lengths));
    const canonical = (): Uint8Array[] => {
      for (const [i] of writes) for (const [k, x] of operands[i]!.entries()) if (Number.isNaN(x)) operands[i]![k] = NaN;
      return bytes.map((part) => part.slice());
    };
    const got = run(kernels, operands, c);
    assert(Object.is(got, result), `${what}: ${got} and not ${result}`);
    const values = writes.map(([i]) => operands[i]!.slice());
    const written = canonical();
    for (const [i, part] of before.entries()) bytes[i]!.set(part);
    for (const [i, first, numbers] of writes) operands[i]!.set(numbers, first);
    for (const [j, [i]] of writes.entries()) {
      for (const [k, value] of values[j]!.entries()) {
        if (!Object.is(value, operands[i]![k])) assert(false, `${what}: [${k}] is ${value} and not ${operands[i]![k]}`);
      }
    }
    for (const [i, part] of canonical().entries()) {
      const at = part.findIndex((byte, k) => byte !== written[i]![k]);
      assert(at < 0, `${what}: byte ${at - 64} from operand ${i} of ${operands[i]!.length} elements`);
    }
    const after = kernels.stats();
    // An operand that was copied is no longer in the memory.
    if (place.isSimd && after.copied === counts.copied) assertEquals(after.scalar, counts.scalar, what);
    if (place.isSimd === false) assertEquals(after.simd, counts.simd, what);
    if (place.isSimd) simd += after.simd - counts.simd;
  }
  return simd;
}

/** Declares a test for each kernel. */
export function testAll(specs: readonly Spec[], numRuns = 60): void {
  for (const spec of specs) {
    Deno.test(`${spec.name} comes to what a naive calculation comes to`, () => {
      for (const of of spec.classes) {
        let simd = 0;
        fc.assert(fc.property(caseOf(of, spec.roles.length), (c) => void (simd += runCase(spec, c))), { numRuns });
        assert(simd >= numRuns / 4, `${spec.name} of ${of}: ${simd} runs by SIMD`);
      }
    });
  }
}
