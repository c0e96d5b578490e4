/** What the tests of pool guards share: layouts, everything that can be done with what a guard has leased, and the books. */

import {
  array,
  type AsyncPoolGuard,
  bool,
  type ErrorCode,
  f32,
  f64,
  FrameAllocError,
  i64,
  kilobytes,
  mat3x3f,
  type Safety,
  SmartAlloc,
  struct,
  u16,
  u32,
  u8,
  vec3f,
} from "@framealloc/core";
import { arrayBufferSource } from "@framealloc/core/memory";
import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { CountingSource } from "../memory/_counting_source.ts";

setFlagsFromString("--expose-gc");
/** Runs the garbage collector. */
export const collect: () => void = runInNewContext("gc");

const Part = struct("Part", { id: u32, at: vec3f });

/** One of every kind of field. */
export const Job = struct("Job", {
  progress: f32,
  isDone: bool,
  size: i64,
  at: vec3f,
  turn: mat3x3f,
  list: array(u16, 4),
  parts: array(Part, 2),
  part: Part,
});

/** As many bytes as a job takes, so that they get its slots. */
export const Bytes = array(u8, Job.size);

/** What no slot can hold. */
export const Vast = struct("Vast", { first: f32, at: vec3f, data: array(u8, 5000) });

/** Runs what must be refused, and checks the form of the error. */
export function assertCode(code: ErrorCode, fn: () => unknown, ...texts: readonly string[]): FrameAllocError {
  let error: unknown;
  try {
    fn();
  } catch (thrown) {
    error = thrown;
  }
  return checkError(error, code, texts);
}

/** The same for a promise. */
export async function assertRejected(code: ErrorCode, promise: Promise<unknown>, ...texts: readonly string[]) {
  let error: unknown;
  try {
    await promise;
  } catch (thrown) {
    error = thrown;
  }
  return checkError(error, code, texts);
}

function checkError(error: unknown, code: ErrorCode, texts: readonly string[]): FrameAllocError {
  assertInstanceOf(error, FrameAllocError, `expected ${code}, but got ${error}`);
  const [line] = error.message.split("\n");
  assertEquals(error.code, code, error.message);
  assert(line!.startsWith(`${code}: Cannot `) && !line!.endsWith("."), error.message);
  for (const text of texts) assert(error.message.includes(text), `"${text}" is not in: ${error.message}`);
  return error;
}

/** One of everything that a guard leases, and all that can be done with it; with what it is called in messages. */
export function everyUse(guard: AsyncPoolGuard): Readonly<Record<string, readonly [string, () => unknown]>> {
  const box = guard.allocBox(Job, { progress: 1 }, { label: "first" });
  const { value } = box;
  const { at, turn, list, parts, part } = value;
  const inner = parts.at(1)!;
  const iterator = list[Symbol.iterator]();
  iterator.next();
  const cell = guard.allocBox(f64, 7, { label: "cell" });
  const vast = guard.allocBox(Vast, {}, { label: "vast" });
  const vec = guard.allocVec(Job, 2, { label: "todo" });
  const pushed = vec.push({ progress: 2 });
  for (let i = 0; i < 20; i++) vec.push({ progress: i });
  const grown = vec.at(20);
  const cursor = vec.cursor();
  cursor.next();
  const walker = vec[Symbol.iterator]();
  const numbers = guard.allocVec(Float32Array, 2, { label: "samples" });
  for (let i = 0; i < 20; i++) numbers.push(i);
  const elements = numbers[Symbol.iterator]();
  const scalars = guard.allocVec(u32, 2000, { label: "ids" });
  scalars.push(1);
  const boxed = 'the box "first" of Job';
  const listed = 'the vec "todo" of Job';
  const counted = 'the vec "samples" of Float32Array';
  return {
    "box value": [boxed, () => box.value.progress],
    "box value set": [boxed, () => box.value = { progress: 1 } as typeof value],
    "box assign": [boxed, () => box.assign({ progress: 3 })],
    "box assign nothing": [boxed, () => box.assign({})],
    "record get": [boxed, () => value.progress],
    "record set": [boxed, () => value.progress = 1],
    "record bool": [boxed, () => value.isDone],
    "record bigint": [boxed, () => value.size = 1n],
    "record assign": [boxed, () => Job.assign(value, { progress: 1 })],
    "record toObject": [boxed, () => Job.toObject(value)],
    "part get": [boxed, () => at.x],
    "part set": [boxed, () => at.set(1, 2, 3)],
    "part late": [boxed, () => value.at.y],
    "matrix": [boxed, () => turn.at(0)],
    "list at": [boxed, () => list.at(0)],
    "list set": [boxed, () => list.set(0, 1)],
    "list iterate": [boxed, () => [...list]],
    "list iterator": [boxed, () => iterator.next()],
    "nested": [boxed, () => part.id],
    "nested in a list": [boxed, () => inner.at.x],
    "nested late": [boxed, () => parts.at(0)!.id],
    "cell get": ['the box "cell" of f64', () => cell.value],
    "cell set": ['the box "cell" of f64', () => cell.value = 8],
    "vast get": ['the box "vast" of Vast', () => vast.value.first],
    "vast set": ['the box "vast" of Vast', () => vast.value.data.set(4999, 1)],
    "vec push": [listed, () => vec.push()],
    "vec push values": [listed, () => vec.push({ progress: 9 })],
    "vec pop": [listed, () => vec.pop()],
    "vec at": [listed, () => vec.at(0)],
    "vec far": [listed, () => vec.at(20)],
    "vec outside": [listed, () => vec.at(1000)],
    "vec cursor": [listed, () => vec.cursor()],
    "vec clear": [listed, () => vec.clear()],
    "vec reserve": [listed, () => vec.reserve(1000)],
    "vec iterate": [listed, () => [...vec]],
    "vec iterator": [listed, () => walker.next()],
    "vec pushed": [listed, () => pushed.progress],
    "vec grown": [listed, () => grown.progress],
    "vec cursor record": [listed, () => cursor.record.progress],
    "vec cursor part": [listed, () => cursor.record.at.x],
    "numbers push": [counted, () => numbers.push(1)],
    "numbers pop": [counted, () => numbers.pop()],
    "numbers at": [counted, () => numbers.at(0)],
    "numbers outside": [counted, () => numbers.at(1000)],
    "numbers set": [counted, () => numbers.set(0, 1)],
    "numbers view": [counted, () => numbers.view],
    "numbers clear": [counted, () => numbers.clear()],
    "numbers reserve": [counted, () => numbers.reserve(1000)],
    "numbers iterate": [counted, () => [...numbers]],
    "numbers iterator": [counted, () => elements.next()],
    "scalars push": ['the vec "ids" of u32', () => scalars.push(1)],
    "scalars view": ['the vec "ids" of u32', () => scalars.view],
  };
}

/** Every way to lease something: in slots and in blocks. */
export const PATHS: Readonly<Record<string, (guard: AsyncPoolGuard) => object>> = {
  "allocBox in a slot": (guard) => guard.allocBox(Job),
  "allocBox that is filled": (guard) => guard.allocBox(Job, { progress: 1, at: [1, 2, 3] }),
  "allocBox of a scalar": (guard) => guard.allocBox(u32, 7),
  "allocBox in a block": (guard) => guard.allocBox(Vast),
  "allocVec of records in a slot": (guard) => guard.allocVec(Job, 2),
  "allocVec of records in a block": (guard) => guard.allocVec(Job, 100),
  "allocVec of numbers in a slot": (guard) => guard.allocVec(Float64Array),
  "allocVec of numbers in a block": (guard) => guard.allocVec(Float64Array, 1000),
  "allocVec of a scalar": (guard) => guard.allocVec(u32, 7),
  "allocSlice in a slot": (guard) => guard.allocSlice(Uint8Array, 100),
  "allocSlice of zeros": (guard) => guard.allocSlice(Int16Array, 3, { zero: true }),
  "allocSlice of nothing": (guard) => guard.allocSlice(Float32Array, 0),
  "allocSlice in a block": (guard) => guard.allocSlice(Uint8Array, 5000),
};

/** Lists that are full, and how each grows: in slots, from a slot to a block, and in blocks. */
export const GROWTHS: Readonly<Record<string, (guard: AsyncPoolGuard) => { grow(): unknown; check(): void }>> = {
  "push to records in slots": (guard) => records(guard, 1),
  "push to records that go on in a block": (guard) => records(guard, 32),
  "push to records in a block": (guard) => records(guard, 64),
  "push to numbers in slots": (guard) => numbers(guard, 4),
  "push to numbers that move to a block": (guard) => numbers(guard, 512),
  "push to numbers in a block": (guard) => numbers(guard, 1024),
  "reserve of records": (guard) => {
    const { check, vec } = records(guard, 2);
    return { grow: () => vec.reserve(9), check };
  },
  "reserve of numbers": (guard) => {
    const { check, vec } = numbers(guard, 2);
    return { grow: () => vec.reserve(50), check };
  },
};

function records(guard: AsyncPoolGuard, count: number) {
  const vec = guard.allocVec(Job, count);
  const added = Array.from({ length: count }, (_, i) => vec.push({ progress: i }));
  return {
    vec,
    grow: () => vec.push({ progress: count }),
    check(): void {
      for (let i = 0; i < count; i++) assertEquals([vec.at(i).progress, added[i]!.progress], [i, i]);
    },
  };
}

function numbers(guard: AsyncPoolGuard, count: number) {
  const vec = guard.allocVec(Float64Array, count);
  for (let i = 0; i < count; i++) vec.push(i);
  return {
    vec,
    grow: () => vec.push(count),
    check(): void {
      for (let i = 0; i < count; i++) assertEquals(vec.at(i), i);
    },
  };
}

/** An allocator that counts everything, on a source that can refuse. */
export function counted(options: { safety?: Safety; source?: CountingSource } = {}): {
  readonly alloc: SmartAlloc;
  readonly source: CountingSource;
} {
  const source = options.source ?? new CountingSource(arrayBufferSource);
  const { safety = "checked" } = options;
  const alloc = new SmartAlloc({
    source,
    safety,
    frameArenaSize: kilobytes(1),
    poolPageSize: kilobytes(4),
    poolIdlePages: 0,
    heapIdleBytes: 0,
  });
  alloc.budgets.setGlobal({}); // counts what is held
  return { alloc, source };
}

/** All that is written down of what is in use. */
export function books(alloc: SmartAlloc, guard: AsyncPoolGuard, source?: CountingSource): unknown {
  const { budgets, ...stats } = alloc.stats();
  return {
    ...stats,
    // A budget remembers that it was asked.
    budgets: budgets.map(({ name, used }) => [name, used]),
    outstanding: guard.outstanding,
    bytes: guard.bytes,
    leaks: alloc.leaks(),
    held: source?.bytes,
    chunks: source?.chunks,
  };
}
