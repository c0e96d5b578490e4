/**
 * Pool guards: what they lease, what is told of it after its end, how they are closed, and that nothing is lost on any way.
 */

import {
  AllocConfig,
  type ArenaExhaustedError,
  AsyncPoolGuard,
  bool,
  BudgetError,
  f16,
  f32,
  f64,
  FrameStateError,
  type GuardLease,
  i64,
  kilobytes,
  LayoutError,
  type Leak,
  type NumberVec,
  type OwnedBox,
  PoolError,
  type RecordVec,
  SmartAlloc,
  TaskError,
  u32,
  u8,
} from "@framealloc/core";
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { delay } from "@std/async";
import { FakeTime } from "@std/testing/time";
import { expectTypeOf } from "expect-type";
import { PAIRS, SUPPORTED } from "../frame/_sources.ts";
import { CountingSource } from "../memory/_counting_source.ts";
import { keepingSource } from "../pool/_layouts.ts";
import {
  assertCode,
  assertRejected,
  books,
  Bytes,
  collect,
  counted,
  everyUse,
  GROWTHS,
  Job,
  PATHS,
  Vast,
} from "./_pool_guards.ts";

/** What a lease is called in a report. */
function names(leases: readonly GuardLease[]): string[] {
  return leases.map(({ label }) => label);
}

/** A signal that tells how many listen to it. */
function listened(): { readonly controller: AbortController; count(): number } {
  const controller = new AbortController();
  const { signal } = controller;
  let count = 0;
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...args: Parameters<typeof add>) => (count++, add(...args));
  signal.removeEventListener = (...args: Parameters<typeof remove>) => (count--, remove(...args));
  return { controller, count: () => count };
}

// What is leased

for (const { source, safety, name } of SUPPORTED) {
  Deno.test(`allocBox() gives a box that is filled, and holds zeros elsewhere, on ${name}`, () => {
    const alloc = new SmartAlloc({ source, safety });
    const guard = new AsyncPoolGuard(alloc);
    for (let i = 0; i < 3; i++) {
      const dirty = guard.allocBox(Bytes);
      dirty.value.fill(0xff);
      dirty.free();
      const box = guard.allocBox(Job, { progress: 0.5, at: [1, 2, 3] });
      assertEquals(Job.toObject(box.value), {
        progress: 0.5,
        isDone: false,
        size: 0n,
        at: { x: 1, y: 2, z: 3 },
        turn: [0, 0, 0, 0, 0, 0, 0, 0, 0],
        list: [0, 0, 0, 0],
        parts: [{ id: 0, at: { x: 0, y: 0, z: 0 } }, { id: 0, at: { x: 0, y: 0, z: 0 } }],
        part: { id: 0, at: { x: 0, y: 0, z: 0 } },
      });
      box.value.part.at.y = 4;
      box.assign({ progress: 2 });
      assertEquals([box.value.part.at.y, box.value.progress, box.value.at.z, box.isFreed], [4, 2, 3, false]);
      assertStrictEquals(box.value, box.value);
      guard.free(box);
      assertEquals([box.isFreed, JSON.stringify(box)], [true, '"[stale Job]"']);
    }
    const cells = [guard.allocBox(f32, 1.5), guard.allocBox(i64, 3n), guard.allocBox(u8)] as const;
    assertEquals([cells[0].value, cells[1].value, cells[2].value], [1.5, 3n, 0]);
    cells[1].value = -1n;
    cells[2].assign(200);
    assertEquals([cells[1].value, cells[2].value, JSON.stringify(cells[0])], [-1n, 200, "1.5"]);
    const vast = guard.allocBox(Vast, { first: 9 });
    vast.value.data.set(4999, 7);
    assertEquals([vast.value.first, vast.value.data.at(4999), vast.value.data.at(0)], [9, 7, 0]);
    assertEquals(guard.outstanding, 4);
  });

  Deno.test(`allocVec() gives lists that keep what they hold as they grow, on ${name}`, () => {
    const alloc = new SmartAlloc({ source, safety });
    const guard = new AsyncPoolGuard(alloc);
    const records = guard.allocVec(Job, 3);
    const numbers = guard.allocVec(Float64Array, 3);
    const scalars = guard.allocVec(u8);
    const big = guard.allocVec(BigInt64Array, 0);
    const first = records.push({ progress: 0 });
    for (let i = 1; i < 1000; i++) records.push({ progress: i });
    for (let i = 0; i < 1000; i++) {
      numbers.push(i / 2);
      scalars.push(i % 256);
      big.push(BigInt(i));
    }
    assertEquals([records.length, numbers.length, scalars.length, big.length], [1000, 1000, 1000, 1000]);
    for (let i = 0; i < 1000; i++) {
      assertEquals([records.at(i).progress, numbers.at(i), scalars.at(i), big.at(i)], [i, i / 2, i % 256, BigInt(i)]);
    }
    let sum = 0;
    for (const k = records.cursor(); k.next();) sum += k.record.progress;
    assertEquals([sum, [...records].length, [...numbers].length], [499_500, 1000, 1000]);
    first.progress = -1; // records never move
    assertEquals([records.at(0).progress, numbers.view.length, numbers.view[999]], [-1, 1000, 499.5]);
    assertEquals([records.pop()?.progress, numbers.pop(), numbers.length], [999, 499.5, 999]);
    records.clear();
    assertEquals([records.length, records.pop()], [0, undefined]);
    numbers.reserve(5000);
    assertEquals([numbers.capacity >= 5000, numbers.at(998)], [true, 499]);
    for (const vec of [records, numbers, scalars, big]) guard.free(vec);
    assertEquals([guard.outstanding, guard.bytes, alloc.stats().leases.bytes], [0, 0, 0]);
  });

  Deno.test(`allocSlice() gives arrays that share nothing, on ${name}`, () => {
    const alloc = new SmartAlloc({ source, safety, heapIdleBytes: kilobytes(64) });
    const guard = new AsyncPoolGuard(alloc);
    for (const length of [0, 1, 100, 3000, 5000]) {
      const others = [guard.allocSlice(Uint8Array, length).fill(0xff), guard.allocSlice(Uint8Array, length).fill(0xee)];
      guard.free(others[0]!);
      const zeros = guard.allocSlice(Uint8Array, length, { zero: true });
      assertEquals([zeros.length, zeros.every((byte) => byte === 0)], [length, true]);
      zeros.fill(1);
      assert(others[1]!.every((byte) => byte === 0xee));
    }
    const bigs = guard.allocSlice(BigUint64Array, 9, { zero: true });
    bigs[8] = 5n;
    assertEquals([...bigs], [0n, 0n, 0n, 0n, 0n, 0n, 0n, 0n, 5n]);
    const floats = guard.allocSlice(Float32Array, 10);
    assertEquals([floats.constructor, floats.length, floats.byteOffset % 16], [Float32Array, 10, 0]);
    assertEquals(guard.outstanding, 12);
  });

  Deno.test(`every use of what was leased is FA713 after its end, also when its memory was given to others, on ${name}`, async () => {
    const endings: Readonly<Record<string, readonly [string, (guard: AsyncPoolGuard, alloc: SmartAlloc) => unknown]>> =
      {
        "freeAll()": ["it was freed", (guard) => guard.freeAll()],
        "close({ deadline })": ["its guard was closed", (guard) => guard.close({ deadline: 1 })],
        "close({ deadline: 0 })": ["its guard was closed", (guard) => guard.close({ deadline: 0 })],
        "an aborted signal": ["its guard was closed", (guard) => guard.close({ signal: AbortSignal.timeout(1) })],
        "dispose()": ["its guard was closed", (guard) => guard.dispose()],
        "[Symbol.dispose]()": ["its guard was closed", (guard) => guard[Symbol.dispose]()],
        "the disposal of the allocator": ["it was freed with its allocator", (_, alloc) => alloc.dispose()],
      };
    for (const idle of [0, 4]) {
      for (const [ending, [why, end]] of Object.entries(endings)) {
        const alloc = new SmartAlloc({ source, safety, poolIdlePages: idle });
        const guard = new AsyncPoolGuard(alloc, { name: "jobs" });
        const uses = everyUse(guard);
        // All of it works as long as it lives; what empties a list comes back.
        const before = guard.bytes;
        for (const use of ["box value", "record set", "part set", "vec pushed", "numbers set", "scalars view"]) {
          uses[use]![1]();
        }
        assertEquals(guard.bytes, before);
        await end(guard, alloc);
        const check = (): void => {
          for (const [use, [what, fn]] of Object.entries(uses)) {
            const error = assertCode("FA713", fn, `Cannot use ${what} in pool guard "jobs" as ${why}`);
            assert(error instanceof TaskError, `${use} after ${ending}`);
          }
        };
        check();
        if (ending.startsWith("the disposal")) continue;
        const next = new AsyncPoolGuard(alloc);
        const bytes = [16, 32, 64, 100, 256, 400, 1024, 4000, 5000, 8192, 20_000].flatMap((size) =>
          Array.from({ length: 5 }, () => next.allocSlice(Uint8Array, size).fill(0xaa))
        );
        check();
        assert(bytes.every((slice) => slice.every((byte) => byte === 0xaa)), "others were reached");
        assert(Object.keys(uses).length > 50);
      }
    }
  });

  Deno.test(`what is freed alone is FA713, and all else goes on, on ${name}`, () => {
    const alloc = new SmartAlloc({ source, safety, poolIdlePages: 0 });
    const guard = new AsyncPoolGuard(alloc, { name: "jobs" });
    const uses: Readonly<Record<string, (guard: AsyncPoolGuard) => readonly [object, () => unknown]>> = {
      box: (guard) => {
        const box = guard.allocBox(Job, { progress: 5 });
        return [box, () => box.value.progress];
      },
      record: (guard) => {
        const { value } = guard.allocBox(Job, { progress: 5 });
        return [value, () => value.progress];
      },
      "part of a record": (guard) => {
        const { value } = guard.allocBox(Job, { parts: [{ id: 1 }, { id: 5 }] });
        const part = value.parts.at(1)!;
        return [value, () => part.id];
      },
      cell: (guard) => {
        const box = guard.allocBox(u32, 5);
        return [box, () => box.value];
      },
      "record of a vec": (guard) => {
        const vec = guard.allocVec(Job, 1);
        for (let i = 0; i < 9; i++) vec.push({ progress: 5 });
        const record = vec.at(8);
        return [vec, () => record.progress];
      },
      cursor: (guard) => {
        const vec = guard.allocVec(Job);
        vec.push({ progress: 5 });
        const cursor = vec.cursor();
        cursor.next();
        return [vec, () => cursor.record.progress];
      },
      "number vec": (guard) => {
        const vec = guard.allocVec(Uint8Array, 1);
        for (let i = 0; i < 100; i++) vec.push(5);
        return [vec, () => vec.at(99)];
      },
    };
    const others = Object.values(uses).map((make) => make(guard)[1]);
    for (const [use, make] of Object.entries(uses)) {
      const [thing, fn] = make(guard);
      assertEquals(fn(), 5, use);
      const { outstanding } = guard;
      guard.free(thing);
      assertEquals(guard.outstanding, outstanding - 1);
      assertCode("FA713", fn, 'in pool guard "jobs" as it was freed: let go of it when you free it');
      const next = Array.from({ length: 8 }, () => make(guard)[1]);
      assertCode("FA713", fn);
      assertCode("FA403", () => guard.free(thing), 'in pool guard "jobs" as it was freed before');
      assertEquals(next.map((fn) => fn()), Array(8).fill(5));
    }
    assertEquals(others.map((fn) => fn()), others.map(() => 5));
  });
}

Deno.test("a pool guard works in all safety modes that its source can honour", () => {
  assertEquals(PAIRS.length - SUPPORTED.length, 2);
});

Deno.test("raw views are detached in revoke as soon as they are freed, and those of blocks in every mode", () => {
  for (const source of ["wasm", "arraybuffer", keepingSource()] as const) {
    const alloc = new SmartAlloc({ source, safety: "revoke" });
    const guard = new AsyncPoolGuard(alloc);
    const slices = [0, 1, 100, 5000].map((length) => guard.allocSlice(Uint8Array, length));
    const vec = guard.allocVec(Float32Array, 2);
    vec.push(1);
    const { view } = vec;
    vec.push(2);
    vec.push(3); // moves
    assertEquals([view.length, vec.view.length], [0, 3]);
    const last = vec.view;
    for (const slice of slices) guard.free(slice);
    guard.free(vec);
    assertEquals([...slices, last].map(({ byteLength }) => byteLength), [0, 0, 0, 0, 0]);
    assertEquals([guard.outstanding, guard.bytes], [0, 0]);
  }
  const guard = new AsyncPoolGuard(new SmartAlloc());
  const slice = guard.allocSlice(Uint8Array, 5000);
  guard.free(slice);
  assertEquals(slice.length, 0);
});

Deno.test("what was freed is overwritten in debug mode", () => {
  const alloc = new SmartAlloc({ debug: true, safety: "checked" });
  const guard = new AsyncPoolGuard(alloc);
  const slice = guard.allocSlice(Uint8Array, 100).fill(1);
  guard.allocSlice(Uint8Array, 100); // keeps the page
  guard.free(slice);
  assert(slice.every((byte) => byte === 0xcd));
});

Deno.test("allocVec() in a slot grows where it lies, and a list that moves frees what it has left", () => {
  const { alloc, source } = counted();
  const guard = new AsyncPoolGuard(alloc);
  const vec = guard.allocVec(Uint8Array, 20);
  vec.push(1);
  const { view } = vec;
  assertEquals(guard.bytes, 32);
  vec.reserve(32);
  assertEquals([guard.bytes, vec.capacity, view.byteOffset === vec.view.byteOffset], [32, 32, true]);
  vec.reserve(33);
  assertEquals([guard.bytes, vec.capacity, vec.at(0)], [64, 33, 1]);
  vec.reserve(4096);
  assertEquals([guard.bytes, source.chunks, alloc.stats().heap.bytes], [4096, 1, 0]);
  vec.reserve(4097);
  assertEquals([guard.bytes, source.chunks, alloc.stats().heap.bytes], [4112, 1, 4112]);
  vec.reserve(10_000);
  assertEquals([guard.bytes, source.chunks, alloc.stats().heap.bytes, vec.at(0)], [10_000, 1, 10_000, 1]);
  guard.free(vec);
  assertEquals([guard.bytes, source.chunks], [0, 0]);
});

Deno.test("outstanding, bytes and all books agree to the byte", () => {
  const { alloc, source } = counted();
  alloc.poolAlloc(Job); // in a slab of its own
  const pool = alloc.stats().pool;
  const guard = new AsyncPoolGuard(alloc, { name: "jobs" });
  const other = new AsyncPoolGuard(alloc);
  const inUse = (path: string): number => alloc.stats().tags.find((tag) => tag.path === path)?.inUse.pool ?? 0;
  const { box, vec } = alloc.withTag("io", () => ({ box: guard.allocBox(u32), vec: guard.allocVec(Job, 1) }));
  const size = 16 * Math.ceil(Job.size / 16);
  const slot = [16, 32, 64, 128, 256].find((bytes) => bytes >= size)!;
  assertEquals([guard.outstanding, guard.bytes, inUse("io")], [2, 16 + slot, 16 + slot]);
  vec.push();
  alloc.withTag("net", () => vec.push());
  assertEquals([guard.bytes, inUse("io"), inUse("net")], [16 + 2 * slot, 16 + slot, slot]);
  const slice = other.allocSlice(Uint8Array, 5001);
  assertEquals([other.outstanding, other.bytes, guard.outstanding], [1, 5008, 2]);
  const { leases, heap, ...stats } = alloc.stats();
  assertEquals([leases.live, leases.bytes, leases.reserved, leases.idle], [
    3,
    16 + 2 * slot + 5008,
    2 * kilobytes(4),
    0,
  ]);
  assertEquals([heap.live, heap.bytes, heap.reserved, stats.pool], [0, 5008, 5008, pool]);
  assertEquals(source.bytes, 3 * kilobytes(4) + 5008);
  assertEquals(alloc.leaks().map(({ kind, name, tag, bytes }) => [kind, name, tag, bytes]), [
    ["pool record", "Job", "", slot],
    ["lease", "u32", "io", 16],
    ["lease", "Job", "io", 2 * slot],
    ["lease", "Uint8Array", "", 5008],
  ]);
  box.free();
  guard.free(vec);
  other.free(slice);
  assertEquals([inUse("io"), inUse("net"), source.bytes, alloc.stats().leases.live], [0, 0, kilobytes(4), 0]);
});

Deno.test("trim() and a global limit take back the idle memory of guards", () => {
  const source = new CountingSource();
  const alloc = new SmartAlloc({ source, poolPageSize: kilobytes(4), frameArenaSize: kilobytes(1) });
  const guard = new AsyncPoolGuard(alloc);
  guard.free(guard.allocBox(Job));
  assertEquals([alloc.stats().leases.idle, alloc.stats().leases.reserved, source.bytes], [4096, 4096, 4096]);
  assertEquals([alloc.trim(), alloc.stats().leases.reserved, source.bytes], [4096, 0, 0]);
  guard.free(guard.allocBox(Job));
  alloc.budgets.setGlobal({ hard: 4096 });
  alloc.heapAlloc(4096).free();
  assertEquals(alloc.stats().leases.reserved, 0);
});

Deno.test("a guard with nothing out is not held by its allocator, and one with leases is", async () => {
  const alloc = new SmartAlloc();
  const refs = [true, false].map((isOut) => {
    const guard = new AsyncPoolGuard(alloc);
    const box = guard.allocBox(Job);
    if (!isOut) box.free();
    return new WeakRef(guard);
  });
  for (let i = 0; i < 10 && refs[1]!.deref() !== undefined; i++) {
    await delay(1);
    collect();
  }
  assertEquals(refs.map((ref) => ref.deref() !== undefined), [true, false]);
  assertEquals(alloc.leaks().length, 1);
});

Deno.test("the types of what a guard leases are those of the library", () => {
  const guard = new AsyncPoolGuard(new SmartAlloc());
  expectTypeOf(guard.allocBox(Job)).toEqualTypeOf<OwnedBox<typeof Job>>();
  expectTypeOf(guard.allocBox(f32).value).toEqualTypeOf<number>();
  expectTypeOf(guard.allocVec(Job)).toEqualTypeOf<RecordVec<typeof Job>>();
  expectTypeOf(guard.allocVec(f64)).toEqualTypeOf<NumberVec<Float64ArrayConstructor>>();
  expectTypeOf(guard.allocVec(Int8Array)).toEqualTypeOf<NumberVec<Int8ArrayConstructor>>();
  expectTypeOf(guard.allocSlice(Float32Array, 1)).toEqualTypeOf<Float32Array>();
  expectTypeOf(guard.close()).resolves.toEqualTypeOf<readonly GuardLease[]>();
});

// Freeing

Deno.test("free() takes a box, its record, a list or a slice, each once", () => {
  for (const { source, safety } of SUPPORTED) {
    const guard = new AsyncPoolGuard(new SmartAlloc({ source, safety }), { name: "jobs" });
    const things: Readonly<Record<string, object>> = {
      "a box of Job": guard.allocBox(Job),
      'the box "b" of f32': guard.allocBox(f32, 1, { label: "b" }),
      'the box "c" of Vast': guard.allocBox(Vast, {}, { label: "c" }),
      "a vec of Job": guard.allocVec(Job),
      "a vec of Float32Array": guard.allocVec(Float32Array),
      "a vec of u8": guard.allocVec(u8, 10_000),
      "a slice of Uint8Array": guard.allocSlice(Uint8Array, 10),
      'the slice "d" of Float64Array': guard.allocSlice(Float64Array, 1000, { label: "d" }),
    };
    const record = guard.allocBox(Job).value;
    guard.free(record);
    assertCode("FA403", () => guard.free(record), "a box of Job");
    for (const [what, thing] of Object.entries(things)) {
      guard.free(thing);
      const error = assertCode(
        "FA403",
        () => guard.free(thing),
        `Cannot free ${what} in pool guard "jobs" as it was freed`,
      );
      assert(error instanceof PoolError);
    }
    assertEquals([guard.outstanding, guard.bytes], [0, 0]);
  }
});

Deno.test("free() and [Symbol.dispose]() of a box free it as the guard does", () => {
  const guard = new AsyncPoolGuard(new SmartAlloc());
  const box = guard.allocBox(Job);
  box.free();
  assertEquals([box.isFreed, guard.outstanding], [true, 0]);
  assertCode("FA403", () => box.free(), "a box of Job");
  box[Symbol.dispose](); // does nothing
  {
    using other = guard.allocBox(f32, 2);
    assertEquals([other.value, guard.outstanding], [2, 1]);
  }
  assertEquals(guard.outstanding, 0);
  const third = guard.allocBox(Job);
  guard.freeAll();
  assertCode("FA403", () => third.free());
  third[Symbol.dispose]();
  const fourth = guard.allocBox(Job);
  guard.dispose();
  assertCode("FA713", () => fourth.free(), "as its guard was closed");
  fourth[Symbol.dispose]();
});

Deno.test("free() refuses parts, and what is not the guard's", () => {
  const alloc = new SmartAlloc();
  const guard = new AsyncPoolGuard(alloc, { name: "jobs" });
  const other = new AsyncPoolGuard(alloc, { name: "others" });
  const box = guard.allocBox(Job, {}, { label: "first" });
  const vec = guard.allocVec(Job, 1);
  vec.push();
  const second = vec.push();
  const cursor = vec.cursor();
  cursor.next();
  const numbers = guard.allocVec(Float32Array);
  numbers.push(1);
  const slice = guard.allocSlice(Uint8Array, 10);
  const before = guard.outstanding;
  for (const part of [box.value.at, box.value.parts, box.value.parts.at(0), box.value.part.at, box.value.list]) {
    assertCode(
      "FA404",
      () => guard.free(part!),
      'is a part of the box "first" of Job in pool guard "jobs": free all of it',
    );
  }
  for (const part of [vec.at(0), second, second.at, cursor.record]) {
    assertCode("FA404", () => guard.free(part), 'is a part of a vec of Job in pool guard "jobs": free all of it');
  }
  alloc.beginFrame();
  const foreign: readonly unknown[] = [
    ...[other.allocBox(Job), other.allocVec(Job), other.allocVec(u8), other.allocSlice(Uint8Array, 1)],
    ...[alloc.poolAlloc(Job), alloc.poolBox(Job), alloc.heapBox(Job), alloc.heapAlloc(10)],
    ...[
      alloc.frameAlloc(Job),
      alloc.frameBox(Job),
      alloc.frameVec(Job),
      alloc.frameVec(u8),
      alloc.frameSlice(u8.array, 1),
    ],
    ...[slice.subarray(1), numbers.view, new Uint8Array(1), {}, [], () => {}, new Map(), { $pos: 1 }, { $runs: [] }],
    ...[undefined, null, 0, 1n, "text", true, Symbol("s")],
  ];
  for (const thing of foreign) {
    const error = assertCode("FA404", () => guard.free(thing as object), 'nothing of pool guard "jobs"');
    assert(error instanceof PoolError);
  }
  alloc.endFrame();
  assertEquals([guard.outstanding, other.outstanding], [before, 4]);
  assertCode("FA404", () => alloc.poolFree(box));
  assertCode("FA404", () => alloc.poolFree(box.value), "was not allocated in this pool");
  assertEquals(guard.outstanding, before);
});

Deno.test("freeAll() frees everything, and the guard goes on", () => {
  const { alloc, source } = counted();
  const guard = new AsyncPoolGuard(alloc);
  guard.freeAll();
  for (let i = 0; i < 3; i++) {
    for (const path of Object.values(PATHS)) path(guard);
    assertEquals(guard.outstanding, Object.keys(PATHS).length);
    guard.freeAll();
    assertEquals([guard.outstanding, guard.bytes, guard.isClosed, source.bytes], [0, 0, false, 0]);
  }
  assertEquals(guard.allocBox(f32, 3).value, 3);
});

// Arguments

Deno.test("arguments that make no sense are FA008, and lease nothing", async () => {
  const alloc = new SmartAlloc();
  const guard = new AsyncPoolGuard(alloc, { name: "jobs" });
  const any = (value: unknown) => value as never;
  for (const bad of [undefined, null, {}, 1, Job]) {
    assertCode("FA008", () => new AsyncPoolGuard(any(bad)), "as its allocator: give a SmartAlloc");
  }
  for (const bad of ["", 1, null, {}]) {
    assertCode("FA008", () => new AsyncPoolGuard(alloc, { name: any(bad) }), "give a text of at least one character");
  }
  for (const bad of [undefined, null, 1, {}, Float32Array]) {
    assertCode("FA008", () => guard.allocBox(any(bad)), "as it is no layout");
  }
  for (const bad of [undefined, null, 1, {}]) assertCode("FA008", () => guard.allocVec(any(bad)), "as it is no layout");
  for (const bad of [undefined, null, 1, {}, Map, class {}]) {
    assertCode("FA008", () => guard.allocSlice(any(bad), 1), "as it makes no typed arrays");
  }
  assertCode("FA008", () => guard.allocVec(any(Map)), "as it makes no typed arrays");
  for (const bad of [-1, 1.5, NaN, Infinity, 2 ** 31, "1", null, 1n]) {
    assertCode("FA008", () => guard.allocVec(Job, any(bad)), "Cannot allocate a vec of");
    assertCode("FA008", () => guard.allocVec(u8, any(bad)), "Cannot allocate a vec of");
    assertCode("FA008", () => guard.allocSlice(Uint8Array, any(bad)), "Cannot allocate a slice of");
  }
  assertCode("FA008", () => guard.allocSlice(Uint8Array, any(undefined)), "Cannot allocate a slice of");
  for (const label of [1, null, {}, Symbol("s")]) {
    assertCode("FA008", () => guard.allocBox(Job, {}, { label: any(label) }), "Cannot allocate a box with the label");
    assertCode("FA008", () => guard.allocVec(Job, 1, { label: any(label) }), "Cannot allocate a vec with the label");
    assertCode("FA008", () => guard.allocVec(u8, 1, { label: any(label) }), "Cannot allocate a vec with the label");
    assertCode("FA008", () => guard.allocSlice(Uint8Array, 1, { label: any(label) }), "Cannot allocate a slice with");
  }
  for (const deadline of [-1, NaN, "1", null, 1n]) {
    await assertRejected("FA008", guard.close({ deadline: any(deadline) }), "give milliseconds of zero or more");
  }
  for (const signal of [1, null, {}, new AbortController()]) {
    await assertRejected("FA008", guard.close({ signal: any(signal) }), "give an AbortSignal");
  }
  assertEquals([guard.outstanding, guard.isClosed, alloc.stats().leases.reserved], [0, false, 0]);
  assertEquals([guard.name, new AsyncPoolGuard(alloc).name], ["jobs", "guard"]);
  assertEquals(new AsyncPoolGuard(alloc, any(null)).name, "guard");
});

Deno.test("allocVec() of scalars that no array holds is FA008", () => {
  const guard = new AsyncPoolGuard(new SmartAlloc());
  assertCode("FA008", () => guard.allocVec(bool as never), "as no typed array holds truth values: use u8");
  const { Float16Array } = globalThis;
  try {
    Reflect.deleteProperty(globalThis, "Float16Array");
    assertCode("FA008", () => guard.allocVec(f16), "as this runtime has no Float16Array");
  } finally {
    Object.defineProperty(globalThis, "Float16Array", { value: Float16Array, writable: true, configurable: true });
  }
  assertEquals(guard.outstanding, 0);
});

// Refusals

for (const safety of ["checked", "revoke", "release"] as const) {
  for (const [name, path] of Object.entries(PATHS)) {
    Deno.test(`${name} that is refused changes nothing in ${safety}`, () => {
      const { alloc, source } = counted({ safety });
      const guard = new AsyncPoolGuard(alloc, { name: "jobs" });
      alloc.budgets.setTag("io", { hard: 8 });
      const before = books(alloc, guard, source);
      const refused = (code: "FA003" | "FA351" | "FA352", fn: () => unknown, why: string) => {
        const error = assertCode(code, fn, `in pool guard "jobs" as ${why}`);
        assertEquals(books(alloc, guard, source), before);
        return error;
      };
      source.isGenerous = false;
      assertStrictEquals(refused("FA003", () => path(guard), "the chunk source refused").cause, source.refusal);
      source.isGenerous = true;
      source.isShort = true;
      refused("FA003", () => path(guard), "the chunk source refused");
      source.isShort = false;
      const error = refused("FA352", () => alloc.withTag("io", () => path(guard)), "that takes");
      assert(error instanceof BudgetError);
      alloc.budgets.setGlobal({ hard: 15 });
      refused("FA351", () => path(guard), "that takes");
      alloc.budgets.setGlobal({});
      guard.free(path(guard));
      assertEquals(books(alloc, guard, source), before);
    });
  }

  for (const [name, path] of Object.entries(GROWTHS)) {
    Deno.test(`${name} that is refused keeps what there is in ${safety}`, () => {
      const { alloc, source } = counted({ safety });
      const guard = new AsyncPoolGuard(alloc, { name: "jobs" });
      const list = path(guard);
      alloc.budgets.setTag("io", { hard: 8 });
      const before = books(alloc, guard, source);
      assertCode("FA352", () => alloc.withTag("io", list.grow), "Cannot grow a vec from");
      assertEquals(books(alloc, guard, source), before);
      list.check();
      alloc.budgets.setGlobal({ hard: source.bytes });
      // Where a page has room there is nothing to be refused.
      const free = alloc.stats().leases.reserved - (safety === "revoke" && name.includes("numbers") ? 0 : guard.bytes);
      if (free === 0 || name.includes("a block")) {
        assertCode("FA351", list.grow, "Cannot grow a vec from");
        assertEquals(books(alloc, guard, source), before);
        source.isGenerous = false;
        alloc.budgets.setGlobal({});
        assertStrictEquals(assertCode("FA003", list.grow, "Cannot grow a vec from").cause, source.refusal);
        assertEquals(books(alloc, guard, source), before);
        source.isGenerous = true;
      }
      alloc.budgets.setGlobal({});
      list.check();
      list.grow();
      list.check();
      guard.freeAll();
      assertEquals([source.bytes, guard.bytes, alloc.stats().leases.live], [0, 0, 0]);
    });
  }
}

Deno.test("each chunk that is refused, one after the other, leaves everything as it was", () => {
  const program = (guard: AsyncPoolGuard, step: (what: string, fn: () => unknown) => void): void => {
    for (const [name, path] of Object.entries(PATHS)) step(name, () => path(guard));
    const numbers = guard.allocVec(Uint32Array, 1);
    const records = guard.allocVec(Job, 1);
    for (let i = 0; i < 12; i++) {
      step(`numbers ${i}`, () => numbers.reserve(2 ** i));
      step(`records ${i}`, () => records.reserve(2 ** i));
    }
  };
  for (const safety of ["checked", "revoke"] as const) {
    let refusals = 0;
    for (let n = 0;; n++) {
      const { alloc, source } = counted({ safety });
      const guard = new AsyncPoolGuard(alloc);
      let obtained = 0;
      const obtain = source.obtain.bind(source);
      source.obtain = (bytes) => {
        if (obtained++ === n) throw source.refusal;
        return obtain(bytes);
      };
      let isOver = false;
      try {
        program(guard, (what, fn) => {
          const before = books(alloc, guard, source);
          try {
            fn();
          } catch (error) {
            assertStrictEquals((error as Error).cause, source.refusal, `${what}: ${error}`);
            isOver = true;
            assertEquals(books(alloc, guard, source), before, what);
            fn(); // now there is memory
          }
        });
      } catch (error) {
        // What the program begins with.
        assertStrictEquals((error as Error).cause, source.refusal);
        isOver = true;
      }
      if (isOver) refusals++;
      guard.freeAll();
      assertEquals([source.bytes, alloc.stats().leases.bytes, guard.outstanding], [0, 0, 0]);
      if (!isOver) break;
    }
    assert(refusals > 15, `only ${refusals} refusals in ${safety}`);
  }
});

Deno.test("allocBox() with values that do not fit leases nothing", () => {
  const { alloc, source } = counted();
  const guard = new AsyncPoolGuard(alloc);
  const before = books(alloc, guard, source);
  for (const init of [{ progress: "1" }, { unknown: 1 }, { at: [1, 2] }, 7]) {
    assertThrows(() => guard.allocBox(Job, init as never), LayoutError, "FA022");
  }
  const stale = guard.allocBox(Job);
  const { value } = stale;
  stale.free();
  assertCode("FA713", () => guard.allocBox(Job, value));
  const boom = new Error("boom");
  const throwing = {
    get progress(): number {
      throw boom;
    },
  };
  assertStrictEquals(assertThrows(() => guard.allocBox(Job, throwing)), boom);
  assertEquals(books(alloc, guard, source), before);
});

Deno.test("a box that is being filled is no lease yet, whatever its values do", async () => {
  const deeds: Readonly<
    Record<string, readonly [string | undefined, (guard: AsyncPoolGuard, alloc: SmartAlloc) => unknown]>
  > = {
    freeAll: [undefined, (guard) => guard.freeAll()],
    close: ["FA713", (guard) => guard.close({ deadline: 0 })],
    "close without end": ["FA713", (guard) => guard.close()],
    dispose: ["FA713", (guard) => guard.dispose()],
    "dispose of the allocator": ["FA012", (_, alloc) => alloc.dispose()],
  };
  for (const [deed, [code, run]] of Object.entries(deeds)) {
    const { alloc, source } = counted();
    const guard = new AsyncPoolGuard(alloc);
    const outside = guard.allocBox(Bytes, undefined, { label: "outside" });
    let result: unknown;
    let seen: number | undefined;
    const init = {
      get progress(): number {
        seen = guard.outstanding;
        result = run(guard, alloc);
        if (!alloc.stats().frame.open && deed === "freeAll") guard.allocBox(Bytes).value.fill(0xaa);
        return 1;
      },
      part: { id: 0xffffffff },
    };
    if (code === undefined) {
      const box = guard.allocBox(Job, init);
      assertEquals([box.value.progress, box.value.part.id, guard.outstanding], [1, 0xffffffff, 2]);
      guard.freeAll();
    } else if (code === "FA012") {
      // What is left to be filled may be gone.
      assertThrows(() => guard.allocBox(Job, init), Error);
    } else assertCode(code as "FA713", () => guard.allocBox(Job, init));
    assertEquals([seen, outside.isFreed, guard.outstanding], [
      1,
      deed !== "close without end",
      deed === "close without end" ? 1 : 0,
    ]);
    if (deed === "close without end") outside.free();
    // What was never leased is named by nobody.
    if (deed !== "freeAll") assertEquals(names(guard.dispose()), deed === "close without end" ? [] : ["outside"]);
    if (result instanceof Promise) assertEquals(names(await result), deed === "close" ? ["outside"] : []);
    assertEquals([source.bytes, alloc.stats().leases.bytes], [0, 0], deed);
  }
});

// Callbacks of budgets

type Deed = readonly [string | undefined, (guard: AsyncPoolGuard, alloc: SmartAlloc) => unknown];

/** What a callback may do while something is leased, and what comes of it. */
const DEEDS: Readonly<Record<string, Deed>> = {
  nothing: [undefined, () => {}],
  "lease more": [undefined, (guard) => guard.allocSlice(Uint8Array, 10)],
  freeAll: [undefined, (guard) => guard.freeAll()],
  close: ["FA713", (guard) => void guard.close({ deadline: 0 })],
  dispose: ["FA713", (guard) => guard.dispose()],
  "dispose of the allocator": ["FA012", (_, alloc) => alloc.dispose()],
  throw: ["boom", () => {
    throw new Error("boom");
  }],
};

for (const limit of ["of a tag", "of all memory"] as const) {
  for (const [deed, [code, run]] of Object.entries(DEEDS)) {
    Deno.test(`a callback of the limit ${limit} may ${deed} while something is leased`, () => {
      for (const safety of ["checked", "revoke"] as const) {
        for (const [name, path] of Object.entries(PATHS)) {
          const { alloc, source } = counted({ safety });
          const guard = new AsyncPoolGuard(alloc);
          const onCross = (): void => {
            alloc.budgets.setTag("io", {});
            if (limit === "of all memory") alloc.budgets.setGlobal({});
            run(guard, alloc);
          };
          if (limit === "of a tag") alloc.budgets.setTag("io", { soft: 8, onCross });
          else alloc.budgets.setGlobal({ soft: 8, onCross });
          const lease = () => alloc.withTag("io", () => path(guard));
          if (code === undefined) {
            const thing = lease();
            assertEquals(guard.outstanding, deed === "lease more" ? 2 : 1, name);
            guard.free(thing);
            guard.freeAll();
          } else {
            const error = assertThrows(lease, Error, code);
            assert(code === "boom" || error instanceof TaskError || error instanceof FrameStateError, name);
          }
          assertEquals([guard.outstanding, guard.bytes], [0, 0], name);
          assertEquals([source.bytes, alloc.stats().leases.bytes, alloc.leaks().length], [0, 0, 0], name);
          assertEquals(alloc.stats().tags.map(({ inUse }) => inUse.pool).filter((bytes) => bytes > 0), [], name);
        }
      }
    });

    Deno.test(`a callback of the limit ${limit} may ${deed} while a list grows`, () => {
      for (const safety of ["checked", "revoke"] as const) {
        for (const [name, path] of Object.entries(GROWTHS)) {
          const { alloc, source } = counted({ safety });
          const guard = new AsyncPoolGuard(alloc);
          const list = path(guard);
          let isTold = false;
          const onCross = (): void => {
            isTold = true;
            alloc.budgets.setTag("io", {});
            if (limit === "of all memory") alloc.budgets.setGlobal({});
            run(guard, alloc);
          };
          if (limit === "of a tag") alloc.budgets.setTag("io", { soft: 8, onCross });
          else alloc.budgets.setGlobal({ soft: source.bytes, onCross });
          const grow = () => alloc.withTag("io", list.grow);
          const isEnd = deed !== "nothing" && deed !== "lease more" && deed !== "throw";
          let error: unknown;
          try {
            grow();
          } catch (thrown) {
            error = thrown;
          }
          if (!isTold) { // a page had room
            assertEquals([limit, error], ["of all memory", undefined]);
            guard.freeAll();
            continue;
          }
          if (isEnd) {
            assert(error instanceof TaskError && error.code === "FA713", `${name}: ${error}`);
            assertCode("FA713", list.check);
            assertEquals(guard.outstanding, 0);
          } else {
            assertEquals((error as Error | undefined)?.message, deed === "throw" ? "boom" : undefined);
            list.check();
            list.grow();
            list.check();
            guard.freeAll();
          }
          assertEquals([source.bytes, alloc.stats().leases.bytes, guard.bytes], [0, 0, 0], name);
          assertEquals([alloc.stats().leases.live, alloc.leaks()], [0, []], name);
          assertEquals(alloc.stats().tags.map(({ inUse }) => inUse.pool).filter((bytes) => bytes > 0), [], name);
        }
      }
    });
  }
}

Deno.test("a list that its own callback lets grow, or frees, is in order", () => {
  for (const safety of ["checked", "revoke"] as const) {
    for (const deed of ["grow", "grow far", "free"] as const) {
      const { alloc, source } = counted({ safety });
      const guard = new AsyncPoolGuard(alloc);
      const numbers = guard.allocVec(Float64Array, 2);
      const records = guard.allocVec(Job, 2);
      for (
        const [vec, add] of [
          [numbers, (i: number) => numbers.push(i)],
          [records, (i: number) => records.push({ progress: i })],
        ] as const
      ) {
        add(0);
        add(1);
        let isTold = false;
        alloc.budgets.setTag("io", {
          soft: 8,
          onCross() {
            isTold = true;
            if (deed === "free") guard.free(vec);
            else if (deed === "grow") add(2);
            else for (let i = 2; i < 100; i++) add(i);
          },
        });
        const grow = () => alloc.withTag("io", () => add(7));
        if (deed === "free") assertCode("FA713", grow);
        else {
          grow();
          const values = vec === numbers ? [...numbers] : [...records].map(({ progress }) => progress);
          const before = deed === "grow" ? [0, 1, 2] : Array.from({ length: 100 }, (_, i) => i);
          assertEquals(values, [...before, 7]);
          // Each list has what it holds and no more.
          const stats = alloc.stats();
          assertEquals(guard.bytes, stats.leases.bytes);
          guard.free(vec);
        }
        alloc.budgets.setTag("io", {});
        assert(isTold);
      }
      assertEquals([guard.outstanding, guard.bytes, source.bytes, alloc.stats().leases.live], [0, 0, 0, 0]);
      assertEquals(alloc.stats().tags.map(({ inUse }) => inUse.pool).filter((bytes) => bytes > 0), []);
    }
  }
});

Deno.test("a callback that closes a guard and leaves no memory is FA713, and fills no box", () => {
  for (const [name, path] of Object.entries(PATHS)) {
    const { alloc } = counted();
    const guard = new AsyncPoolGuard(alloc);
    const onCross = (): void => {
      alloc.budgets.setTag("io", { hard: 8 });
      guard.dispose();
    };
    alloc.budgets.setTag("io", { soft: 8, onCross });
    assert(assertCode("FA713", () => alloc.withTag("io", () => path(guard))) instanceof TaskError, name);
  }
  const { alloc } = counted();
  const guard = new AsyncPoolGuard(alloc);
  alloc.budgets.setTag("io", { soft: 8, onCross: () => guard.dispose() });
  let isRead = false;
  const init = {
    get progress(): number {
      isRead = true;
      return 1;
    },
  };
  assertCode("FA713", () => alloc.withTag("io", () => guard.allocBox(Job, init)));
  assertEquals(isRead, false);
});

Deno.test("a refusal says what was refused last, and how much that was", () => {
  const { alloc, source } = counted();
  const guard = new AsyncPoolGuard(alloc);
  alloc.budgets.setTag("io", { hard: 8 });
  const inTag = (fn: () => unknown) => () => alloc.withTag("io", fn);
  const slot = () => guard.allocSlice(Uint8Array, 100);
  const block = () => guard.allocSlice(Uint8Array, 5001);
  for (const [over, refused] of [[slot, block], [block, slot], [slot, slot], [block, block]] as const) {
    assertCode("FA352", inTag(over));
    source.isGenerous = false;
    const error = assertCode("FA003", refused) as ArenaExhaustedError;
    assertEquals([error.requested, error.cause], [refused === block ? 5001 : kilobytes(4), source.refusal]);
    assertEquals((assertCode("FA352", inTag(over)) as BudgetError).requested, over === block ? 5008 : 128);
    source.isGenerous = true;
  }
  const vec = guard.allocVec(Uint8Array, 5000);
  vec.reserve(6000);
  source.isGenerous = false;
  assertEquals((assertCode("FA003", () => vec.reserve(7000)) as ArenaExhaustedError).requested, 7000);
  assertCode("FA003", () => guard.allocSlice(Float64Array, 2 ** 28), "one block takes at most 1073741824 bytes");
});

Deno.test("what a guard is refused goes to no other allocator", () => {
  const other = new SmartAlloc();
  const alloc = new SmartAlloc();
  alloc.budgets.setTag("io", { hard: 8, policy: { spill: other } });
  const guard = new AsyncPoolGuard(alloc);
  for (const path of Object.values(PATHS)) assertCode("FA352", () => alloc.withTag("io", () => path(guard)));
  assertEquals([other.stats().leases.live, other.stats().pool.live, other.stats().heap.live], [0, 0, 0]);
});

// Closing

Deno.test("close() of a guard with nothing out is over at once", async () => {
  const guard = new AsyncPoolGuard(new SmartAlloc());
  assertEquals(guard.isClosed, false);
  const closing = guard.close();
  assertEquals(guard.isClosed, true);
  assertEquals(await closing, []);
  assertEquals(await guard.close({ deadline: 5 }), []);
  assertEquals(guard.dispose(), []);
});

Deno.test("close() waits until everything was freed, and the lists can still grow", async () => {
  const alloc = new SmartAlloc();
  const guard = new AsyncPoolGuard(alloc);
  const box = guard.allocBox(Job, { progress: 1 });
  const vec = guard.allocVec(Uint8Array, 1);
  const slice = guard.allocSlice(Uint8Array, 1);
  let left: readonly GuardLease[] | undefined;
  const closing = guard.close().then((leases) => left = leases);
  for (const thing of [box, vec, slice]) {
    await delay(1);
    assertEquals(left, undefined);
    if (thing === vec) { for (let i = 0; i < 1000; i++) vec.push(i); }
    assertEquals(box.isFreed || box.value.progress === 1, true);
    guard.free(thing);
  }
  assertEquals([await closing, guard.outstanding, alloc.stats().leases.bytes], [[], 0, 0]);
});

Deno.test("close() names what is still out at the deadline, and frees it by force", async () => {
  using time = new FakeTime();
  const alloc = new SmartAlloc();
  const guard = new AsyncPoolGuard(alloc, { name: "jobs" });
  const made = performance.now();
  const [box, vec, slice, given] = alloc.withTag("io", () =>
    [
      guard.allocBox(Job, { progress: 1 }, { label: "box" }),
      guard.allocVec(u32, 100, { label: "vec" }),
      guard.allocSlice(Float32Array, 2000),
      guard.allocBox(f32, 1, { label: "given back" }),
    ] as const);
  let left: readonly GuardLease[] | undefined;
  const closing = guard.close({ deadline: 100 }).then((leases) => left = leases);
  await time.tickAsync(99);
  given.free();
  await time.runMicrotasks();
  assertEquals([left, box.value.progress], [undefined, 1]);
  await time.tickAsync(1);
  await closing;
  const most = performance.now() - made;
  for (const { age } of left!) assert(age >= 0 && age <= most, `age ${age} of at most ${most}`);
  assertEquals(left!.map(({ age: _, ...lease }) => lease), [
    { label: "box", kind: "box", name: "Job", tag: "io", bytes: 128 },
    { label: "vec", kind: "vec", name: "u32", tag: "io", bytes: 512 },
    { label: "", kind: "slice", name: "Float32Array", tag: "io", bytes: 8000 },
  ]);
  assertCode("FA713", () => box.value.progress, 'the box "box" of Job in pool guard "jobs" as its guard was closed');
  assertCode("FA713", () => vec.push(1), "as its guard was closed: free it before that, or give close() more time");
  assertEquals([slice.length, guard.outstanding, guard.bytes, alloc.stats().leases.bytes], [0, 0, 0, 0]);
  assertCode("FA713", () => guard.free(box), "as its guard was closed");
  assertCode("FA713", () => guard.free(slice), "a slice of Float32Array");
  assertCode("FA403", () => guard.free(given));
  assertStrictEquals(await guard.close(), left);
  assertStrictEquals(guard.dispose(), left);
});

Deno.test("close() tells how long each lease was out", async () => {
  const guard = new AsyncPoolGuard(new SmartAlloc());
  guard.allocBox(f32, 0, { label: "old" });
  await delay(30);
  guard.allocBox(f32, 0, { label: "new" });
  const [old, young] = await guard.close({ deadline: 10 });
  assertEquals([old?.label, young?.label], ["old", "new"]);
  assert(young!.age >= 5 && old!.age - young!.age >= 20, `${old!.age} and ${young!.age}`);
});

Deno.test("close() without a deadline waits for days, and with one however far it is", async () => {
  using time = new FakeTime();
  const month = 31 * 24 * 60 * 60 * 1000; // more than a timer can be set for
  const guards = [undefined, Infinity, month, 2 ** 31 - 1, 2 ** 31].map((deadline) => {
    const guard = new AsyncPoolGuard(new SmartAlloc());
    guard.allocBox(Job, {}, { label: "late" });
    const closing = guard.close(deadline === undefined ? {} : { deadline });
    const seen = { isOver: false };
    closing.then(() => seen.isOver = true);
    return { guard, closing, seen };
  });
  const over = () => guards.map(({ seen }) => seen.isOver);
  await time.tickAsync(2 ** 31 - 2);
  await time.runMicrotasks();
  assertEquals(over(), [false, false, false, false, false]);
  await time.tickAsync(1);
  await time.runMicrotasks();
  assertEquals(over(), [false, false, false, true, false]);
  await time.tickAsync(1);
  await time.runMicrotasks();
  assertEquals(over(), [false, false, false, true, true]);
  await time.tickAsync(month - 2 ** 31 - 1);
  await time.runMicrotasks();
  assertEquals(over(), [false, false, false, true, true]);
  await time.tickAsync(1);
  await time.runMicrotasks();
  assertEquals(over(), [false, false, true, true, true]);
  await time.tickAsync(10 * month);
  await time.runMicrotasks();
  assertEquals(over(), [false, false, true, true, true]);
  for (const { guard } of guards) guard.freeAll();
  assertEquals((await Promise.all(guards.map(({ closing }) => closing))).map(names), [[], [], ["late"], ["late"], [
    "late",
  ]]);
});

Deno.test("close() with a deadline of zero frees at once, before anybody else runs", async () => {
  const guard = new AsyncPoolGuard(new SmartAlloc());
  const box = guard.allocBox(Job, {}, { label: "box" });
  const closing = guard.close({ deadline: 0 });
  assertEquals([box.isFreed, guard.outstanding], [true, 0]);
  assertEquals(names(await closing), ["box"]);
});

Deno.test("close() ends with its signal, and listens to it no longer than it waits", async () => {
  const alloc = new SmartAlloc();
  {
    const { controller, count } = listened();
    const guard = new AsyncPoolGuard(alloc);
    const box = guard.allocBox(Job, {}, { label: "box" });
    const closing = guard.close({ signal: controller.signal, deadline: 60_000 });
    await delay(1);
    assertEquals([box.isFreed, count()], [false, 1]);
    controller.abort(new Error("not thrown"));
    assertEquals([box.isFreed, names(await closing), count()], [true, ["box"], 0]);
  }
  {
    const { controller, count } = listened();
    const guard = new AsyncPoolGuard(alloc);
    const box = guard.allocBox(Job);
    const closing = [1, 2, 3].map(() => guard.close({ signal: controller.signal, deadline: 60_000 }));
    assertEquals(count(), 3);
    box.free();
    await Promise.all(closing);
    assertEquals(count(), 0);
    await guard.close({ signal: controller.signal });
    assertEquals(count(), 0);
    controller.abort();
  }
  {
    const guard = new AsyncPoolGuard(alloc);
    const box = guard.allocBox(Job, {}, { label: "box" });
    const closing = guard.close({ signal: AbortSignal.abort() });
    assertEquals([box.isFreed, names(await closing)], [true, ["box"]]);
  }
  assertEquals(alloc.stats().leases.live, 0);
});

Deno.test("close() clears its timer however the waiting ends", async () => {
  // The sanitizer of resources fails this test where one is left.
  const alloc = new SmartAlloc();
  const ends: readonly ((guard: AsyncPoolGuard, box: object) => void)[] = [
    (guard, box) => guard.free(box),
    (guard) => guard.freeAll(),
    (guard) => guard.dispose(),
    (guard) => void guard.close({ deadline: 0 }),
    () => alloc.dispose(),
  ];
  for (const end of ends) {
    const guard = new AsyncPoolGuard(alloc);
    const box = guard.allocBox(Job);
    const closing = [guard.close({ deadline: 2 ** 40 }), guard.close({ deadline: 60_000 })];
    await delay(1);
    end(guard, box);
    await Promise.all(closing);
  }
});

Deno.test("close() that is called several times is decided by the first to lose patience, and all get the same", async () => {
  using time = new FakeTime();
  const guard = new AsyncPoolGuard(new SmartAlloc());
  guard.allocBox(Job, {}, { label: "box" });
  const closing = [
    guard.close(),
    guard.close({ deadline: 500 }),
    guard.close({ deadline: 100 }),
    guard[Symbol.asyncDispose]().then(() => undefined),
    guard.close({ deadline: 300 }),
  ];
  await time.tickAsync(99);
  assertEquals(guard.outstanding, 1);
  await time.tickAsync(1);
  const [first, ...others] = await Promise.all(closing);
  assertEquals(names(first!), ["box"]);
  assertStrictEquals(others[2], undefined);
  for (const i of [0, 1, 3]) assertStrictEquals(others[i], first);
  assertEquals(time.next(), false); // no timer is left
});

Deno.test("freeAll() while a guard waits is no force, dispose() is", async () => {
  const guard = new AsyncPoolGuard(new SmartAlloc());
  guard.allocBox(Job, {}, { label: "box" });
  const closing = guard.close({ deadline: 60_000 });
  guard.freeAll();
  assertEquals(await closing, []);

  const other = new AsyncPoolGuard(new SmartAlloc());
  other.allocBox(Job, {}, { label: "box" });
  const waiting = other.close({ deadline: 60_000 });
  const left = other.dispose();
  assertEquals(names(left), ["box"]);
  assertStrictEquals(await waiting, left);
});

Deno.test("using and await using close a guard", async () => {
  const alloc = new SmartAlloc();
  let kept: AsyncPoolGuard;
  {
    using guard = new AsyncPoolGuard(alloc);
    kept = guard;
    guard.allocBox(Job);
  }
  assertEquals([kept.isClosed, kept.outstanding], [true, 0]);
  {
    await using guard = new AsyncPoolGuard(alloc);
    kept = guard;
    const slice = guard.allocSlice(Uint8Array, 10);
    setTimeout(() => guard.free(slice), 5);
  }
  assertEquals([kept.isClosed, kept.outstanding, await kept.close()], [true, 0, []]);
});

Deno.test("use after close() is FA713, from the moment of the call", async () => {
  const guard = new AsyncPoolGuard(new SmartAlloc(), { name: "jobs" });
  const box = guard.allocBox(Job);
  const closing = guard.close();
  const check = (): void => {
    for (const path of Object.values(PATHS)) {
      const error = assertCode("FA713", () => path(guard), 'in pool guard "jobs" as it was closed: make another one');
      assert(error instanceof TaskError);
    }
    assertCode("FA713", () => guard.allocBox(Job), "Cannot allocate Job in");
    assertCode("FA713", () => guard.allocSlice(Uint8Array, -1), "Cannot allocate a slice in");
  };
  check();
  assertEquals(box.value.progress, 0);
  box.free();
  await closing;
  check();
  guard.freeAll(); // does nothing
  guard.dispose();
  check();
  assertEquals(guard.outstanding, 0);
});

Deno.test("close() while others allocate and free loses nothing", async () => {
  for (let round = 0; round < 20; round++) {
    const { alloc, source } = counted();
    const guard = new AsyncPoolGuard(alloc);
    let refused = 0;
    const work = async (seed: number): Promise<void> => {
      try {
        for (let i = 0;; i++) {
          using box = guard.allocBox(u32, seed);
          const vec = guard.allocVec(Uint32Array, 1);
          for (let j = 0; j < 50; j++) {
            vec.push(j + seed);
            if (j % (7 + seed) === 0) await null;
          }
          assertEquals([box.value, vec.at(49)], [seed, 49 + seed]);
          guard.free(vec);
          await delay(i % 2);
        }
      } catch (error) {
        assert(error instanceof TaskError && error.code === "FA713", String(error));
        refused++;
      }
    };
    const tasks = Array.from({ length: 8 }, (_, i) => work(i));
    await delay(round % 5);
    const left = await guard.close({ deadline: round % 2 === 0 ? 1000 : 0 });
    if (round % 2 === 0) assertEquals(left, []);
    await Promise.all(tasks);
    assertEquals([refused, guard.outstanding, source.bytes, alloc.stats().leases.bytes], [8, 0, 0, 0]);
  }
});

// The end of the allocator

Deno.test("dispose() of the allocator ends what is leased and reports it", async () => {
  const reported: Leak[] = [];
  const source = new CountingSource();
  const alloc = new SmartAlloc({ source, onLeaks: (leaks) => reported.push(...leaks) });
  const guard = new AsyncPoolGuard(alloc, { name: "jobs" });
  const idle = new AsyncPoolGuard(alloc);
  const box = alloc.withTag("io", () => guard.allocBox(Job, {}, { label: "head" }));
  for (let i = 0; i < 3; i++) alloc.runFrame(() => {});
  const vec = guard.allocVec(Job, 100);
  guard.allocSlice(Uint8Array, 10).fill(1);
  const other = new AsyncPoolGuard(alloc);
  const closing = [guard.close({ deadline: 60_000 }), guard.close()];
  const waiting = idle.close();
  const leaks = alloc.dispose();
  assertEquals(leaks.map((leak) => ({ ...leak })), [
    { kind: "lease", name: "head", tag: "io", bytes: 128, age: 3 },
    { kind: "lease", name: "Job", tag: "", bytes: 16 * Math.ceil(100 * Job.stride / 16), age: 0 },
    { kind: "lease", name: "Uint8Array", tag: "", bytes: 16, age: 0 },
  ]);
  assertEquals([reported, source.bytes, source.chunks], [[...leaks], 0, 0]);
  const [left, same] = await Promise.all(closing);
  assertStrictEquals(left, same);
  assertEquals(left!.map(({ label, kind, name }) => [label, kind, name]), [
    ["head", "box", "Job"],
    ["", "vec", "Job"],
    ["", "slice", "Uint8Array"],
  ]);
  assertCode("FA713", () => box.value.progress, "as it was freed with its allocator");
  assertCode("FA713", () => vec.push(), "as it was freed with its allocator");
  assertCode("FA713", () => guard.free(box), "as it was freed with its allocator");
  assertEquals([await waiting, await other.close(), await idle.close()], [[], [], []]);
  assertEquals([guard.isClosed, other.isClosed, guard.outstanding, guard.bytes], [true, true, 0, 0]);
  for (const path of Object.values(PATHS)) {
    assert(assertCode("FA012", () => path(other), "as the allocator was disposed") instanceof FrameStateError);
  }
  assertCode("FA012", () => new AsyncPoolGuard(alloc), "Cannot make a pool guard");
  guard.freeAll();
  box[Symbol.dispose]();
  assertEquals([alloc.dispose(), alloc.leaks(), alloc.stats().leases.live], [[], [], 0]);
});

Deno.test("a guard that was never closed before its allocator ended has the same report for those who ask later", async () => {
  const alloc = new SmartAlloc();
  const guard = new AsyncPoolGuard(alloc);
  guard.allocBox(Job, {}, { label: "head" });
  alloc.dispose();
  assertEquals([guard.isClosed, names(await guard.close()), names(guard.dispose())], [true, ["head"], ["head"]]);
});

// Where things were made

Deno.test("in debug mode reports and messages say where a lease was made", async () => {
  const alloc = new SmartAlloc({ debug: true, sampleSites: 1, safety: "checked" });
  const guard = new AsyncPoolGuard(alloc);
  const box = guard.allocBox(Job);
  const vec = guard.allocVec(Job);
  const numbers = guard.allocVec(u8);
  const slice = guard.allocSlice(Uint8Array, 4);
  const record = vec.push();
  vec.reserve(100);
  numbers.reserve(100);
  const freed = guard.allocBox(Job);
  freed.free();
  assertCode("FA713", () => freed.value.progress, "\n  allocated at\n    at ", "async_pool_guard_test.ts");
  const left = await guard.close({ deadline: 0 });
  assertEquals(left.length, 4);
  for (const { site } of left) {
    assert(
      site!.startsWith("at ") && site!.includes("async_pool_guard_test.ts") &&
        site!.split("\n")[0]!.includes("/tests/async/"),
      site,
    );
  }
  for (const use of [() => box.value.at.x, () => record.progress, () => numbers.push(1), () => guard.free(slice)]) {
    assertCode("FA713", use, "\n  allocated at\n    at ", "async_pool_guard_test.ts");
  }
  const plain = new AsyncPoolGuard(new SmartAlloc());
  plain.allocBox(Job);
  assertEquals("site" in (await plain.close({ deadline: 0 }))[0]!, false);
});

Deno.test("every preset makes an allocator that guards work with", async () => {
  for (const [preset, config] of Object.entries(AllocConfig)) {
    const alloc = new SmartAlloc(config());
    const guard = new AsyncPoolGuard(alloc);
    for (const path of Object.values(PATHS)) path(guard);
    for (const path of Object.values(GROWTHS)) {
      const list = path(guard);
      list.grow();
      list.check();
    }
    assertEquals(guard.bytes, alloc.stats().leases.bytes, preset);
    const left = await guard.close({ deadline: 0 });
    assertEquals(left.length, Object.keys(PATHS).length + Object.keys(GROWTHS).length);
    alloc.trim();
    const { live, bytes, reserved } = alloc.stats().leases;
    assertEquals([live, bytes, reserved, alloc.stats().heap.reserved], [0, 0, 0, 0], preset);
  }
});

Deno.test("what is leased survives frames, and takes nothing from them", async () => {
  const alloc = new SmartAlloc({ safety: "revoke" });
  const guard = new AsyncPoolGuard(alloc);
  alloc.beginFrame();
  const box = guard.allocBox(Job, { progress: 1 });
  const vec = guard.allocVec(f32);
  vec.push(2);
  assertEquals([alloc.stats().frame.used, alloc.stats().frame.allocations], [0, 0]);
  alloc.endFrame();
  await delay(1);
  alloc.runFrame(() => void alloc.frameSlice(Uint8Array, 1000).fill(7));
  assertEquals([box.value.progress, vec.at(0)], [1, 2]);
});
