/**
 * The memory of tasks: what they give out, what is in it, where it is booked, and that nobody can look at it once the task is over and
 * another one has it. How tasks end is in `task_endings_test.ts`, what they may hold in `task_budgets_test.ts`.
 */

import {
  ArenaExhaustedError,
  ArgumentError,
  f32,
  f64,
  FrameStateError,
  RetentionPolicy,
  SmartAlloc,
  StaleHandleError,
  TaskAlloc,
  TaskBox,
  TaskError,
  u32,
} from "@framealloc/core";
import { arrayBufferSource, type ChunkSource, sharedArrayBufferSource, wasmSource } from "@framealloc/core/memory";
import { assert, assertEquals, assertNotStrictEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { SAFETIES, SUPPORTED } from "../frame/_sources.ts";
import { CountingSource } from "../memory/_counting_source.ts";
import { assertNothingLeft, assertRefused, assertUnchanged, everyLook, everyUse } from "../pool/_layouts.ts";
import { Body, booksOf, dirtySource, KB4, LARGE_WAYS, looksOf, RevokedSource, WAYS } from "./_tasks.ts";

const MB = 1024 * 1024;

function isFilled(bytes: Uint8Array, value: number): boolean {
  return bytes.every((byte) => byte === value);
}

// What a task is

Deno.test("TaskAlloc takes no memory before it is used, and says what it has", () => {
  const source = new CountingSource();
  const alloc = new SmartAlloc({ source });
  const task = new TaskAlloc(alloc, { name: "request" });
  assertEquals(looksOf(task), ["request", false, 0, 0, 0]);
  assertEquals([source.chunks, alloc.stats().tasks.live], [0, 1]);
  task.allocSlice(Uint8Array, 100);
  assertEquals(looksOf(task), ["request", false, 112, KB4, 1]);
  assertEquals(source.bytes, KB4);
  task.release();
  assertEquals(looksOf(task), ["request", true, 0, 0, 0]);
  assertEquals([source.bytes, alloc.stats().tasks.idle], [KB4, KB4]);
  assertEquals(new TaskAlloc(alloc).name, "task");
});

Deno.test("a task keeps its memory over every await", async () => {
  const alloc = new SmartAlloc();
  await using task = new TaskAlloc(alloc);
  const numbers = task.allocVec(Float64Array, 1);
  const records = task.allocVec(Body, 1);
  const map = task.allocMap(u32, Body, 1);
  const text = task.allocString();
  const slice = task.allocSlice(Uint8Array, 100).fill(7);
  const batch = task.allocBatch(Body, 10);
  const { mass } = task.allocColumns(Body, 10);
  for (let i = 0; i < 200; i++) {
    await null;
    if (i % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 0));
    numbers.push(i);
    records.push({ mass: i });
    map.set(i, { mass: i });
    text.append(String(i % 10));
    batch.at(i % 10).mass = i;
    mass[i % 10] = i;
    using _frame = alloc.frame(); // what frames do meanwhile is none of its business
    alloc.frameSlice(Uint8Array, 1000).fill(0xee);
  }
  assertEquals([...numbers], Array.from({ length: 200 }, (_, i) => i));
  assertEquals(Array.from({ length: 200 }, (_, i) => records.at(i).mass), [...numbers]);
  assertEquals(Array.from({ length: 200 }, (_, i) => map.get(i)!.mass), [...numbers]);
  assertEquals(text.toString(), "0123456789".repeat(20));
  assertEquals([batch.at(9).mass, mass[9], isFilled(slice, 7)], [199, 199, true]);
});

Deno.test("a task takes chunks of powers of two, each as large as all before it", () => {
  const task = new TaskAlloc(new SmartAlloc());
  const reserved: number[] = [];
  for (let i = 0; i < 16; i++) {
    task.allocSlice(Uint8Array, 2048);
    reserved.push(task.reserved / KB4);
  }
  assertEquals(reserved, [1, 1, 2, 2, 4, 4, 4, 4, 8, 8, 8, 8, 8, 8, 8, 8]);
  task.allocSlice(Uint8Array, 100_000); // 128 KB hold it
  assertEquals([task.reserved, task.used, task.allocations], [40 * KB4, 16 * 2048 + 100_000, 17]);
});

Deno.test("size is what a task takes at once", () => {
  const sizes: readonly (readonly [size: number, reserved: number])[] = [
    [1, KB4],
    [KB4, KB4],
    [KB4 + 1, 2 * KB4],
    [65_536, 65_536],
    [MB, MB],
    [MB + 1, 2 * MB],
    [5 * MB, 5 * MB],
  ];
  for (const [size, reserved] of sizes) {
    const alloc = new SmartAlloc();
    using task = new TaskAlloc(alloc, { size });
    task.alloc(f32);
    assertEquals(task.reserved, reserved, `size ${size}`);
    task.allocSlice(Uint8Array, reserved - 16);
    assertEquals([task.reserved, task.used], [reserved, reserved]);
  }
});

Deno.test("allocBox() boxes a layout in memory, and any other value as it is", () => {
  const alloc = new SmartAlloc();
  const task = new TaskAlloc(alloc);
  const box = task.allocBox(Body, { mass: 5, at: [1, 2, 3] });
  assertEquals([box.value.mass, box.value.at.z], [5, 3]);
  assertEquals([task.allocBox(f32, 2).value, task.allocBox(f32).value, task.allocBox(Body).value.mass], [2, 0, 0]);
  const { used, allocations } = task;
  const values = [undefined, null, 0, "text", () => 3, class {}, Float32Array, { value: 1 }, [1], box, box.value, task];
  const boxes = values.map((value) => task.allocBox<unknown>(value));
  for (const [i, made] of boxes.entries()) {
    assert(made instanceof TaskBox);
    assertStrictEquals(made.value, values[i]);
  }
  boxes[0]!.value = "changed";
  assertEquals([boxes[0]!.value, boxes[1]!.value], ["changed", null]);
  assertEquals([task.used, task.allocations], [used, allocations]); // they take no memory of the task
  task.release();
  for (const made of boxes) {
    assertRefused(() => made.value, "FA711");
    assertRefused(() => made.value = 1, "FA711");
  }
});

Deno.test("every handle works in every safety mode as if there were one only", () => {
  for (const safety of SAFETIES) {
    const task = new TaskAlloc(new SmartAlloc({ safety }));
    const taken = Array.from({ length: 500 }, (_, i) => {
      const record = task.alloc(Body);
      record.mass = i;
      return record;
    });
    assertEquals(taken.map(({ mass }) => mass), Array.from({ length: 500 }, (_, i) => i));
    task.release();
  }
});

for (const safety of SAFETIES) {
  Deno.test(`what looks at a task twenty thousand times leaves nothing behind in ${safety}`, () => {
    assertNothingLeft(everyLook(new TaskAlloc(new SmartAlloc({ safety }))), 20_000);
  });
}

// Bad input

Deno.test("TaskAlloc refuses what makes no sense, and nothing is left of it", () => {
  const alloc = new SmartAlloc();
  const make = (options: unknown) => () => new TaskAlloc(alloc, options as never);
  for (const wrong of [null, undefined, {}, 5, "alloc", Object.create(null)]) {
    assertThrows(() => new TaskAlloc(wrong as never), ArgumentError, "FA008");
  }
  const options: readonly unknown[] = [
    ...[null, 5, "name", true],
    ...[{ nmae: "a" }, { onEnd: () => {} }],
    ...["", null, 5, {}].map((name) => ({ name })),
    ...[null, {}, new AbortController(), "abort", true].map((signal) => ({ signal })),
    ...[0, -1, 1.5, NaN, Infinity, 2 ** 30 + 1, null, "1"].map((size) => ({ size })),
    ...[null, 0, 1, "no"].map((zero) => ({ zero })),
    ...[null, -1, NaN, "1", true, { hard: -1 }, { soft: 2, hard: 1 }, { policy: "x" }, { most: 1 }, { onCross: 1 }]
      .map((budget) => ({ budget })),
    { budget: { policy: { spill: alloc } } },
  ];
  for (const wrong of options) {
    const error = assertRefused(make(wrong), "FA008", Deno.inspect(wrong));
    assert(error instanceof ArgumentError);
  }
  const task = new TaskAlloc(alloc);
  for (const wrong of options) assertRefused(() => task.child(wrong as never), "FA008", Deno.inspect(wrong));
  assertEquals([alloc.stats().tasks.made, alloc.budgets.stats.filter(({ name }) => name !== "global")], [1, []]);
  new TaskAlloc(alloc, { name: "a", size: 2 ** 30, zero: false, budget: 0, signal: undefined }).release();
});

Deno.test("a task refuses counts and layouts that are none, and nothing is changed by that", () => {
  const alloc = new SmartAlloc();
  const task = new TaskAlloc(alloc);
  task.allocSlice(Uint8Array, 10);
  for (const value of [{}, 5, class {}]) {
    assertUnchanged(alloc, () => task.alloc(value as never), "FA008");
    assertUnchanged(alloc, () => task.allocBatch(value as never, 1), "FA008");
    assertUnchanged(alloc, () => task.allocColumns(value as never, 1), "FA008");
    assertUnchanged(alloc, () => task.allocVec(value as never), "FA008");
    assertUnchanged(alloc, () => task.allocMap(u32, value as never), "FA008");
    assertUnchanged(alloc, () => task.allocMap(value as never, u32), "FA008");
    assertUnchanged(alloc, () => task.allocSlice(value as never, 1), "FA008");
  }
  for (const count of [-1, 1.5, NaN, 2 ** 40]) {
    assertUnchanged(alloc, () => task.allocSlice(Uint8Array, count), "FA008");
    assertUnchanged(alloc, () => task.allocBatch(Body, count), "FA008");
    assertUnchanged(alloc, () => task.allocVec(Body, count), "FA008");
    assertUnchanged(alloc, () => task.allocMap(u32, Body, count), "FA008");
    assertUnchanged(alloc, () => task.allocColumns(Body, count), "FA008");
  }
  assertUnchanged(alloc, () => task.allocString(5 as never), "FA008");
  for (const thing of [undefined, null, 5, {}, () => {}, { dispose() {} }]) {
    assertUnchanged(alloc, () => task.adopt(thing as never), "FA008");
  }
  for (const fn of [undefined, null, 5, {}, "fn"]) assertUnchanged(alloc, () => task.defer(fn as never), "FA008");
  for (const value of [undefined, null, 5, {}, "text", task]) {
    assertUnchanged(alloc, () => task.promote(value as never), "FA008");
  }
  assertUnchanged(alloc, () => task.allocSlice(Float64Array, 2 ** 29), "FA003");
});

// Refusals

for (const isShort of [false, true]) {
  for (const [name, grow] of Object.entries(LARGE_WAYS)) {
    Deno.test(`${name} that the source refuses a task${isShort ? ", by giving too little," : ""} changes nothing`, () => {
      const source = new CountingSource();
      const alloc = new SmartAlloc({ source });
      const budget = alloc.budgets.child("tasks", {});
      for (const options of [{}, { budget }, { budget: 1e6 }]) {
        const refuse = (task: TaskAlloc, what: string): void => {
          [source.isGenerous, source.isShort] = [isShort, isShort];
          const error = assertUnchanged(alloc, () => grow(task), "FA003", what);
          [source.isGenerous, source.isShort] = [true, false];
          assert(error instanceof ArenaExhaustedError && error.message.includes('task "job"'), error.message);
          assert(error.requested > 0, error.message);
          if (isShort) assert((error.cause as Error).message.startsWith("The source gave "));
          else assertStrictEquals(error.cause, source.refusal);
        };
        const task = alloc.withTag("a", () => new TaskAlloc(alloc, { name: "job", ...options }));
        refuse(task, `the first ${name}`);
        assertEquals([task.reserved, task.isReleased, source.bytes], [0, false, 0]);
        const kept = task.allocSlice(Uint8Array, 4000).fill(7);
        refuse(task, name);
        assertEquals([task.reserved, source.bytes], [KB4, KB4]);
        assert(isFilled(kept, 7));
        assert(grow(task) !== undefined);
        assert(isFilled(kept, 7));
        task.release();
        assertEquals([booksOf(alloc).reserved, booksOf(alloc).tags, budget.used], [0, {}, 0]);
        alloc.trim();
        assertEquals(source.bytes, 0);
      }
    });
  }
}

Deno.test("lists, maps and texts of a task that cannot grow keep what they have", () => {
  const source = new CountingSource();
  const task = new TaskAlloc(new SmartAlloc({ source }));
  const numbers = task.allocVec(Float64Array, 2);
  const records = task.allocVec(Body, 2);
  const map = task.allocMap(u32, Body, 2);
  const text = task.allocString("ab");
  source.isGenerous = false;
  const fill = (step: (i: number) => void): number => {
    for (let i = 0;; i++) {
      try {
        step(i);
      } catch (error) {
        assert(error instanceof ArenaExhaustedError, String(error));
        return i;
      }
    }
  };
  const counts = [
    fill((i) => numbers.push(i)),
    fill((i) => records.push({ mass: i })),
    fill((i) => map.set(i, { mass: i })),
    fill(() => text.append("cdef")),
  ];
  source.isGenerous = true;
  assertEquals([numbers.length, records.length, map.size, (text.byteLength - 2) / 4], counts);
  assertEquals([...numbers], Array.from({ length: counts[0]! }, (_, i) => i));
  for (let i = 0; i < counts[1]!; i++) assertEquals(records.at(i).mass, i);
  for (let i = 0; i < counts[2]!; i++) assertEquals(map.get(i)?.mass, i);
  assertEquals(text.toString(), "ab" + "cdef".repeat(counts[3]!));
  numbers.push(-1);
  assertEquals([numbers.length, numbers.at(counts[0]!)], [counts[0]! + 1, -1]);
});

Deno.test("after a refusal of much, a task still gets what it needs", () => {
  const alloc = new SmartAlloc({ source: new CountingSource(arrayBufferSource, { limit: 24 * 1024 }) });
  const task = new TaskAlloc(alloc);
  for (let i = 0; i < 4; i++) task.allocSlice(Uint8Array, KB4); // 4, 4 and 8 KB
  assertUnchanged(alloc, () => task.allocSlice(Uint8Array, 2 * KB4), "FA003"); // would get 16 KB
  assertEquals(task.reserved, 4 * KB4);
});

// Where memory comes from

Deno.test("chunks are buffers, from a source of one's own if that can detach and transfer them", () => {
  for (const { source } of SUPPORTED) {
    const counting = new CountingSource(source as ChunkSource);
    const alloc = new SmartAlloc({ source: counting });
    const { revocable, transferable } = counting.capabilities;
    using task = new TaskAlloc(alloc);
    const slice = task.allocSlice(Uint8Array, 10);
    assert(slice.buffer instanceof ArrayBuffer);
    assertEquals(slice.buffer.byteLength, KB4);
    assertEquals(counting.chunks, revocable && transferable ? 1 : 0, counting.name);
  }
});

Deno.test("a task of a source that gives more than it is asked for pays for what it uses, and sees nothing else", () => {
  const generous: ChunkSource = { ...dirtySource, obtain: (bytes) => dirtySource.obtain(bytes + 1000) };
  const source = new CountingSource(generous);
  const alloc = new SmartAlloc({ source });
  alloc.budgets.setGlobal({});
  for (let i = 0; i < 3; i++) {
    const task = new TaskAlloc(alloc);
    for (let n = 0; n < 12; n++) {
      const slice = task.allocSlice(Uint8Array, 1000);
      assert(isFilled(slice, 0));
      slice.fill(7);
    }
    assertEquals(booksOf(alloc), {
      live: 1,
      reserved: task.reserved,
      idle: 0,
      tags: { "": task.reserved },
      budgets: { global: task.reserved },
    });
    task.release();
    assertEquals(booksOf(alloc).budgets, { global: booksOf(alloc).idle });
    alloc.trim();
  }
  assertEquals(source.bytes, 0);
});

Deno.test("a task that its own source ends while it gives the first chunk gets none, and nothing is left", () => {
  let task: TaskAlloc | undefined;
  const source = new CountingSource({
    ...arrayBufferSource,
    obtain(bytes) {
      task?.release();
      return arrayBufferSource.obtain(bytes);
    },
  });
  const alloc = new SmartAlloc({ source });
  alloc.budgets.setGlobal({});
  for (const options of [{}, { budget: 1e6 }]) {
    task = new TaskAlloc(alloc, options);
    assertRefused(() => task!.alloc(Body), "FA711");
    assertEquals([booksOf(alloc).reserved, booksOf(alloc).tags, booksOf(alloc).live], [0, {}, 0]);
    assertEquals([booksOf(alloc).budgets, source.bytes], [{ global: booksOf(alloc).idle }, booksOf(alloc).idle]);
    alloc.trim();
    assertEquals(source.bytes, 0);
  }
});

Deno.test("a buffer that the program has transferred away is its own, and nobody else is harmed", () => {
  const alloc = new SmartAlloc();
  const task = new TaskAlloc(alloc);
  const slice = task.allocSlice(Uint8Array, 100).fill(7);
  const theirs = new Uint8Array((slice.buffer as ArrayBuffer).transfer());
  assertEquals(slice.length, 0);
  task.release();
  assertEquals([booksOf(alloc).reserved, booksOf(alloc).idle], [0, KB4]);
  const next = new TaskAlloc(alloc, { zero: false });
  const fresh = next.allocSlice(Uint8Array, 100);
  assert(isFilled(fresh, 0));
  fresh.fill(9);
  assert(isFilled(theirs.subarray(0, 100), 7));
  next.release();
});

// What is in it

Deno.test("fresh memory of a task holds zeros, whatever others have left there", () => {
  for (const source of [arrayBufferSource, dirtySource, wasmSource]) {
    const alloc = new SmartAlloc({ source });
    const sizes = [10, 5000, 100_000];
    for (let round = 0; round < 4; round++) {
      const task = new TaskAlloc(alloc, { zero: round !== 1 });
      const views = [
        ...sizes.map((size) => task.allocSlice(Uint8Array, size)),
        new Uint8Array(task.allocBatch(Body, 100).view(Uint8Array)),
        ...Object.values(task.allocColumns(Body, 100)).flatMap((column) =>
          ArrayBuffer.isView(column) ? [new Uint8Array(column.buffer, column.byteOffset, column.byteLength)] : []
        ),
      ];
      // Without zeros as well, as nobody has waived them who was here before.
      for (const view of views) assert(isFilled(view, 0), `${source.name}, round ${round}`);
      const record = task.alloc(Body);
      assertEquals(Body.toObject(record), { mass: 0, at: { x: 0, y: 0, z: 0 } });
      for (const view of views) view.fill(0xaa);
      task.release();
    }
    assert(alloc.stats().tasks.reuses > 4);
  }
});

Deno.test("a task that has waived zeros sees what another has left that has waived them, and no other", () => {
  const alloc = new SmartAlloc();
  const see = (zero: boolean, fill: number): number => {
    using task = new TaskAlloc(alloc, { zero });
    const slice = task.allocSlice(Uint8Array, 1000);
    const [first] = slice;
    assert(isFilled(slice, first!));
    slice.fill(fill);
    return first!;
  };
  assertEquals([see(false, 1), see(false, 2), see(true, 3), see(false, 4), see(false, 5)], [0, 1, 0, 0, 4]);
  using task = new TaskAlloc(alloc, { zero: false });
  assert(isFilled(task.allocSlice(Uint8Array, 500, { zero: true }), 0)); // by itself
  assertEquals(task.allocSlice(Uint8Array, 1)[0], 5);
});

Deno.test("children decide about zeros for themselves", () => {
  const alloc = new SmartAlloc();
  using task = new TaskAlloc(alloc, { zero: false });
  const first = task.child({ zero: false });
  first.allocSlice(Uint8Array, 100).fill(7);
  first.release();
  const second = task.child();
  assert(isFilled(second.allocSlice(Uint8Array, 100), 0));
});

// What is kept too long

Deno.test("every handle throws FA711 once its memory is another task's, in every safety mode, on every source", () => {
  for (const { source, safety, name } of SUPPORTED) {
    const alloc = new SmartAlloc({ source, safety });
    const task = new TaskAlloc(alloc, { name: "first" });
    const uses = everyUse(task);
    const box = task.allocBox<unknown>({ a: 1 });
    const numbers = task.allocVec(Float32Array);
    numbers.push(1);
    const slices: ArrayBufferView[] = [
      task.allocSlice(Uint8Array, 100),
      task.allocSlice(Float64Array, 100),
      task.allocSlice(Uint8Array, 100_000), // in a chunk of its own
      task.allocColumns(Body, 10).mass,
      task.allocBatch(Body, 10).view(Float32Array),
      numbers.view,
      task.allocString("text").bytes,
    ];
    const { reserved } = task;
    assert(slices.every(({ byteLength }) => byteLength > 0));
    task.release();
    const next = new TaskAlloc(alloc, { name: "second" });
    everyUse(next);
    const theirs = [next.allocSlice(Uint8Array, 1000).fill(0xee), next.allocSlice(Uint8Array, 100_000).fill(0xee)];
    assertEquals([next.reserved, alloc.stats().tasks.reuses >= 2], [reserved, true]);
    let count = 0;
    for (
      const [use, fn] of Object.entries({
        ...uses,
        "value get": (): unknown => box.value,
        "value set": (): unknown => box.value = 1,
      })
    ) {
      const error = assertRefused(fn, "FA711", `${use} on ${name}`);
      assert(error instanceof TaskError && error.message.includes('task "first" as it has ended'), error.message);
      count++;
    }
    assertEquals(count, 66);
    for (const slice of slices) {
      assertEquals([slice.byteLength, slice.byteOffset, slice.buffer.byteLength], [0, 0, 0]);
      (slice as Uint8Array)[0] = 3; // has no effect
      assertThrows(() => (slice as Uint8Array).fill(3), TypeError);
    }
    for (const slice of theirs) assert(isFilled(slice, 0xee), `somebody else's memory was written to on ${name}`);
    for (const [way, fn] of Object.entries(WAYS)) assertRefused(() => fn(task), "FA711", `${way} on ${name}`);
    assertRefused(() => task.allocBox<unknown>(1), "FA711");
    assertRefused(() => task.adopt({ [Symbol.dispose]() {} }), "FA711");
    assertRefused(() => task.defer(() => {}), "FA711");
    assertRefused(() => task.child(), "FA711");
    assertRefused(() => task.promote(theirs[0]!), "FA711");
    next.release();
    assertEquals([booksOf(alloc).reserved, alloc.dispose()], [0, []]);
  }
});

Deno.test("a stale handle of a task says in debug mode where it was made", () => {
  const task = new TaskAlloc(new SmartAlloc({ debug: true, sampleSites: 1 }), { name: "job" });
  const record = task.alloc(Body);
  task.release();
  const error = assertThrows(() => record.mass, TaskError, 'task "job"');
  assert(error.message.includes("task_alloc_test.ts"), error.message);
});

Deno.test("a task detaches each chunk that it has used once, and no other", () => {
  const source = new RevokedSource();
  const alloc = new SmartAlloc({ source, taskIdleBytes: 0 });
  new TaskAlloc(alloc).release(); // has none
  const task = new TaskAlloc(alloc);
  for (let i = 0; i < 8; i++) task.allocSlice(Uint8Array, 2048);
  const child = task.child();
  child.alloc(Body);
  assertEquals(source.revokes, [0, 0, 0, 0]);
  child.release();
  assertEquals(source.revokes, [0, 0, 0, 1]);
  task.release();
  task.release();
  assertEquals(source.revokes, [1, 1, 1, 1]);
});

Deno.test("one transfer() per chunk ends a task, however much was allocated", () => {
  const { transfer } = ArrayBuffer.prototype;
  let transfers = 0;
  ArrayBuffer.prototype.transfer = function (this: ArrayBuffer, ...args: [number?]): ArrayBuffer {
    transfers++;
    return transfer.apply(this, args);
  };
  try {
    const alloc = new SmartAlloc();
    for (let round = 1; round <= 3; round++) {
      const task = new TaskAlloc(alloc, { size: 65_536 });
      for (let i = 0; i < 500; i++) task.alloc(Body);
      everyUse(task);
      assertEquals([transfers, task.reserved], [round - 1, 65_536]);
      task.release();
      assertEquals(transfers, round);
    }
    alloc.trim();
    assertEquals(transfers, 4); // the memory of a chunk that is given back goes at once
  } finally {
    ArrayBuffer.prototype.transfer = transfer;
  }
});

Deno.test("tasks work where buffers cannot transfer()", () => {
  const { transfer } = ArrayBuffer.prototype;
  Reflect.deleteProperty(ArrayBuffer.prototype, "transfer");
  try {
    const alloc = new SmartAlloc();
    const task = new TaskAlloc(alloc);
    const slice = task.allocSlice(Uint8Array, 100).fill(7);
    task.release();
    using next = new TaskAlloc(alloc);
    const fresh = next.allocSlice(Uint8Array, 100);
    assertEquals([slice.length, fresh[0], alloc.stats().tasks.reuses], [0, 0, 1]);
  } finally {
    ArrayBuffer.prototype.transfer = transfer;
  }
});

// Where it is booked

Deno.test("a task is booked to the tag under which it was made, whoever uses it", () => {
  for (const stats of ["tags", "totals", "off"] as const) {
    const alloc = new SmartAlloc({ stats });
    const task = alloc.withTag("net", () => new TaskAlloc(alloc));
    const child = alloc.withTag("ai", () => task.child());
    alloc.withTag("ui", () => {
      task.allocSlice(Uint8Array, 100);
      child.allocSlice(Uint8Array, 5000);
      const numbers = task.allocVec(Float64Array, 1);
      for (let i = 0; i < 1000; i++) numbers.push(i);
    });
    assertEquals(booksOf(alloc).tags, stats === "tags" ? { net: task.reserved, ai: child.reserved } : {});
    assertEquals(alloc.stats().tasks.tasks.map(({ name, tag }) => [name, tag]), [["task", "net"], ["task/task", "ai"]]);
    alloc.withTag("ui", () => task.release());
    assertEquals(booksOf(alloc).tags, {});
  }
});

Deno.test("stats() has every task, and what is kept for the next", () => {
  const alloc = new SmartAlloc();
  const source = (): unknown => alloc.stats().tasks;
  assertEquals(source(), { live: 0, made: 0, leaked: 0, reserved: 0, idle: 0, reuses: 0, tasks: [] });
  const a = new TaskAlloc(alloc, { name: "a" });
  const b = new TaskAlloc(alloc, { name: "b" });
  const c = new TaskAlloc(alloc, { name: "c" });
  a.allocSlice(Uint8Array, 100);
  b.allocSlice(Uint8Array, 5000);
  const use = (name: string, used: number, reserved: number, allocations: number): unknown => ({
    name,
    tag: "",
    used,
    reserved,
    allocations,
  });
  const [inA, inB, inC] = [use("a", 112, KB4, 1), use("b", 5008, KB4 + 8192, 1), use("c", 0, 0, 0)];
  const counts = { made: 3, leaked: 0, reuses: 0 };
  assertEquals(source(), { ...counts, live: 3, reserved: 4 * KB4, idle: 0, tasks: [inA, inB, inC] });
  a.release();
  assertEquals(source(), { ...counts, live: 2, reserved: 3 * KB4, idle: KB4, tasks: [inC, inB] });
  b.release();
  c.release();
  assertEquals(source(), { ...counts, live: 0, reserved: 0, idle: 4 * KB4, tasks: [] });
  using d = new TaskAlloc(alloc, { name: "d" });
  d.allocSlice(Uint8Array, 10);
  assertEquals(source(), {
    live: 1,
    made: 4,
    leaked: 0,
    reuses: 1,
    reserved: KB4,
    idle: 3 * KB4,
    tasks: [use("d", 16, KB4, 1)],
  });
});

Deno.test("taskIdleBytes bounds what is kept, the oldest goes first, and trim() gives all of it back", () => {
  const source = new CountingSource();
  const alloc = new SmartAlloc({ source, taskIdleBytes: 3 * KB4 });
  alloc.budgets.setGlobal({});
  const tasks = Array.from({ length: 5 }, () => new TaskAlloc(alloc));
  for (const task of tasks) task.alloc(Body);
  const large = new TaskAlloc(alloc, { size: 65_536 });
  large.alloc(Body);
  assertEquals([source.bytes, booksOf(alloc).budgets], [5 * KB4 + 65_536, { global: 5 * KB4 + 65_536 }]);
  large.release(); // more than is ever kept
  for (const task of tasks) task.release();
  assertEquals([source.bytes, booksOf(alloc).idle, booksOf(alloc).budgets], [3 * KB4, 3 * KB4, { global: 3 * KB4 }]);
  assertEquals(alloc.trim(), 3 * KB4);
  assertEquals([source.bytes, booksOf(alloc).idle, booksOf(alloc).budgets], [0, 0, { global: 0 }]);
});

Deno.test("trim() leaves tasks alone", () => {
  const alloc = new SmartAlloc();
  using task = new TaskAlloc(alloc);
  const slice = task.allocSlice(Uint8Array, 100).fill(7);
  assertEquals([alloc.trim(), task.reserved, isFilled(slice, 7)], [0, KB4, true]);
});

Deno.test("leaks() and dispose() report tasks that were not released", () => {
  const told: unknown[] = [];
  const alloc = new SmartAlloc({ onLeaks: (leaks) => told.push(leaks) });
  const task = alloc.withTag("net", () => new TaskAlloc(alloc, { name: "a" }));
  task.allocSlice(Uint8Array, 100);
  new TaskAlloc(alloc, { name: "b" }).release();
  const child = task.child({ name: "c" });
  for (let i = 0; i < 3; i++) alloc.frame().end();
  const leaks = [
    { kind: "task" as const, name: "a", tag: "net", bytes: 112, age: 3 },
    { kind: "task" as const, name: "a/c", tag: "", bytes: 0, age: 3 },
  ];
  assertEquals([alloc.leaks(), alloc.dispose(), told], [leaks, leaks, [leaks]]);
  assertEquals([task.isReleased, child.isReleased, alloc.leaks(), alloc.stats().tasks.live], [true, true, [], 0]);
  assertThrows(() => new TaskAlloc(alloc), FrameStateError, "FA012");
  assertRefused(() => task.child(), "FA711");
});

// Promotion

Deno.test("promote() carries everything out that can outlive a task", () => {
  const alloc = new SmartAlloc();
  alloc.scratchPool("kept");
  const task = alloc.withTag("net", () => new TaskAlloc(alloc));
  const numbers = task.allocVec(Float32Array);
  for (let i = 0; i < 40; i++) numbers.push(i);
  const record = task.alloc(Body);
  record.mass = 5;
  record.at.set(1, 2, 3);
  const cell = task.alloc(f64);
  cell.value = 7;
  const held = { words: ["a"] };
  const slice = task.promote(task.allocSlice(Uint16Array, 3).fill(9));
  const inScratch = task.promote(task.allocSlice(Uint8Array, 3).fill(8), RetentionPolicy.PromoteToScratch("kept"));
  const list = task.promote(numbers);
  const box = task.promote(task.allocBox(Body, { mass: 6 }));
  const scalar = task.promote(task.allocBox(u32, 8));
  const pooled = task.promote(record);
  const onHeap = task.promote(record, RetentionPolicy.PromoteToHeap);
  const scratch = task.promote(record, RetentionPolicy.PromoteToScratch("kept"));
  const part = task.promote(record.at);
  const number = task.promote(cell);
  const text = task.promote(task.allocString("héllo"));
  const value = task.promote(task.allocBox(held));
  record.mass = 99;
  task.release();
  new TaskAlloc(alloc, { zero: false }).allocSlice(Uint8Array, 4000).fill(0xee);
  assertEquals([[...slice.slice], [...inScratch.slice]], [[9, 9, 9], [8, 8, 8]]);
  assertEquals([...list.slice], Array.from({ length: 40 }, (_, i) => i));
  assertEquals([box.record.mass, scalar.record.value, pooled.record.mass, onHeap.record.mass], [6, 8, 5, 5]);
  assertEquals([scratch.record.at.z, part.record.toArray(), number.record.value, text], [3, [1, 2, 3], 7, "héllo"]);
  assertStrictEquals(value, held);
  // What was carried out is booked as the task was.
  const { inUse } = alloc.stats().tags.find(({ path }) => path === "net")!;
  assertEquals([inUse.tasks, inUse.heap > 0, inUse.pool > 0, inUse.scratch > 0], [0, true, true, true]);
  for (const copy of [slice, list, box, scalar, pooled, onHeap, part, number]) copy.free();
  assertEquals(alloc.leaks().map(({ kind }) => kind), ["task"]);
});

Deno.test("promote() refuses what is over, and what cannot be carried out", () => {
  const alloc = new SmartAlloc();
  const task = new TaskAlloc(alloc);
  const other = new TaskAlloc(alloc);
  const [record, slice, numbers] = [other.alloc(Body), other.allocSlice(Uint8Array, 3), other.allocVec(Uint8Array)];
  const [text, box] = [other.allocString("text"), other.allocBox("value")];
  other.release();
  for (const value of [record, numbers, text, box]) assertRefused(() => task.promote(value as never), "FA711");
  assertThrows(() => task.promote(slice), StaleHandleError, "FA002");
  for (const value of [task.allocVec(Body), task.allocMap(u32, u32), task.allocBatch(Body, 1)]) {
    assertRefused(() => task.promote(value as never), "FA008");
  }
  const { discard, pool } = { discard: RetentionPolicy.Discard, pool: RetentionPolicy.PromoteToPool };
  assertRefused(() => task.promote(task.alloc(Body), discard), "FA008");
  assertRefused(() => task.promote(task.allocSlice(Uint8Array, 1), pool), "FA008");
  assertRefused(() => task.promote(task.alloc(Body), RetentionPolicy.PromoteToScratch("nowhere")), "FA404");
  assertRefused(() => task.promote(task.alloc(Body), "heap" as never), "FA008");
});

Deno.test("promote() that is refused for want of memory changes nothing", () => {
  const source = new CountingSource();
  const alloc = new SmartAlloc({ source });
  const task = alloc.withTag("a", () => new TaskAlloc(alloc));
  const [slice, record] = [task.allocSlice(Uint8Array, 100), task.alloc(Body)];
  source.isGenerous = false;
  for (const value of [slice, record]) assertUnchanged(alloc, () => task.promote(value as typeof record), "FA003");
  source.isGenerous = true;
  alloc.budgets.setTag("a", { hard: task.reserved + 8 });
  assertUnchanged(alloc, () => task.promote(slice), "FA352");
  assertUnchanged(alloc, () => task.promote(record, RetentionPolicy.PromoteToHeap), "FA352");
  assertEquals(alloc.tagPath, "");
});

Deno.test("tasks of two allocators share nothing", () => {
  const [one, two] = [new SmartAlloc(), new SmartAlloc({ source: sharedArrayBufferSource })];
  const [first, second] = [new TaskAlloc(one), new TaskAlloc(two)];
  const [a, b] = [first.allocSlice(Uint8Array, 10).fill(1), second.allocSlice(Uint8Array, 10).fill(2)];
  assertNotStrictEquals(a.buffer, b.buffer);
  first.release();
  assertEquals([a.length, b.length, booksOf(one).live, booksOf(two).live], [0, 10, 0, 1]);
  one.dispose();
  assertEquals([b[0], second.isReleased], [2, false]);
});
