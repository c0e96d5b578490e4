/**
 * What tasks may hold: each limit refuses at the byte, and whatever happens, what was charged is taken off again exactly, also where
 * callbacks of budgets end tasks in the middle of an allocation.
 */

import {
  ArgumentError,
  type BudgetEvent,
  type BudgetLimits,
  type ErrorCode,
  f32,
  FrameAllocError,
  type NumberVec,
  RetentionPolicy,
  SmartAlloc,
  TaskAlloc,
  type TaskOptions,
} from "@framealloc/core";
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { CountingSource } from "../memory/_counting_source.ts";
import { assertRefused, assertUnchanged, under } from "../pool/_layouts.ts";
import { Body, booksOf, LARGE_WAYS, thrownBy } from "./_tasks.ts";

const KB = 1024;

function take(task: TaskAlloc, bytes: number): Uint8Array {
  return task.allocSlice(Uint8Array, bytes).fill(7);
}

function usedOf(alloc: SmartAlloc): { readonly [name: string]: number } {
  return booksOf(alloc).budgets;
}

// A budget of its own

Deno.test("a budget is a number of bytes, in whole chunks, that a task may hold", () => {
  const alloc = new SmartAlloc();
  const task = new TaskAlloc(alloc, { name: "job", budget: 16 * KB });
  take(task, 4 * KB);
  take(task, 8 * KB);
  assertEquals(usedOf(alloc), { global: 12 * KB, job: 12 * KB });
  for (const [name, grow] of Object.entries(LARGE_WAYS)) assertUnchanged(alloc, () => grow(task), "FA352", name);
  const error = assertUnchanged(alloc, () => take(task, 5000), "FA352");
  assert(error.message.includes('in task "job" as that takes 8192 bytes and 4096 of 16384 remain in the budget'));
  take(task, 4 * KB);
  assertUnchanged(alloc, () => take(task, 1), "FA352");
  task.release();
  assertEquals(usedOf(alloc), { global: 16 * KB });
});

Deno.test("a task with no room in its budget gets nothing, and ends all the same", () => {
  for (const budget of [0, 4095, { hard: 100 }]) {
    const alloc = new SmartAlloc();
    const task = new TaskAlloc(alloc, { name: "job", budget });
    for (let i = 0; i < 2; i++) {
      const error = assertUnchanged(alloc, () => task.alloc(f32), "FA352");
      assert(error.message.startsWith('FA352: Cannot open task "job" as that takes 4096 bytes'), error.message);
    }
    assertEquals(task.allocBox("value").value, "value"); // takes none
    task.release();
    assertEquals(usedOf(alloc), { global: 0 });
  }
});

Deno.test("where a budget refuses a chunk as large as all before it, a task gets what it needs", () => {
  const alloc = new SmartAlloc();
  const task = new TaskAlloc(alloc, { budget: 20 * KB });
  for (const reserved of [4, 8, 16, 20]) {
    take(task, task.reserved === 16 * KB ? 4 * KB : Math.max(4 * KB, task.reserved));
    assertEquals(task.reserved, reserved * KB);
  }
});

Deno.test("limits of a task tell and warn as others do", () => {
  const alloc = new SmartAlloc();
  const events: BudgetEvent[] = [];
  const onCross = (event: BudgetEvent): number => events.push(event);
  const task = new TaskAlloc(alloc, { name: "a", budget: { soft: 4 * KB, hard: 8 * KB, policy: "warn", onCross } });
  take(task, 4 * KB);
  assertEquals(events, []);
  take(task, 4 * KB);
  take(task, 8 * KB);
  take(task, 16 * KB);
  const budget = "a";
  assertEquals(events, [
    { crossed: "soft", budget, used: 4 * KB, requested: 4 * KB, limit: 4 * KB },
    { crossed: "hard", budget, used: 8 * KB, requested: 8 * KB, limit: 8 * KB },
  ]);
  task.release();
  const spill = new SmartAlloc();
  const other = new TaskAlloc(alloc, { budget: { hard: 4 * KB, policy: { spill } } });
  take(other, 10);
  assertUnchanged(alloc, () => take(other, 5000), "FA352"); // no task is made there
  assertEquals(spill.stats().tasks.made, 0);
});

// Budgets that are shared

Deno.test("tasks share a budget with each other and with what is charged by hand", () => {
  const alloc = new SmartAlloc();
  const shared = alloc.budgets.child("uploads", { hard: 16 * KB });
  const [a, b] = [new TaskAlloc(alloc, { budget: shared }), new TaskAlloc(alloc, { budget: shared })];
  take(a, 10);
  take(b, 10);
  shared.charge(1000);
  assertEquals([shared.used, usedOf(alloc)], [8 * KB + 1000, { global: 8 * KB + 1000, uploads: 8 * KB + 1000 }]);
  assertUnchanged(alloc, () => take(a, 8 * KB), "FA352");
  // Only that may be taken off by hand.
  assertThrows(() => shared.uncharge(1001), ArgumentError, "1000 are charged");
  const child = a.child({ budget: 8 * KB });
  take(child, 10);
  assertThrows(() => shared.uncharge(1001), ArgumentError, "1000 are charged");
  shared.uncharge(1000);
  take(b, 10);
  child.release();
  a.release();
  assertEquals([shared.used, usedOf(alloc)], [4 * KB, { global: 12 * KB, uploads: 4 * KB }]);
  b.release();
  assertEquals([shared.used, usedOf(alloc)], [0, { global: 12 * KB, uploads: 0 }]);
  assertEquals([alloc.trim(), usedOf(alloc)], [12 * KB, { global: 0, uploads: 0 }]);
});

Deno.test("a budget that is released takes off what was charged by hand; what tasks hold goes when they end", () => {
  const alloc = new SmartAlloc();
  const shared = alloc.budgets.child("uploads", {});
  const task = new TaskAlloc(alloc, { budget: shared });
  const inner = task.child({ name: "inner", budget: 8 * KB });
  const slice = take(task, 10);
  take(inner, 10);
  shared.charge(1000);
  shared.release();
  assertEquals([shared.used, usedOf(alloc)], [8 * KB, { global: 8 * KB, "task/inner": 4 * KB }]);
  take(task, 1000); // there is room in its chunk
  const error = assertUnchanged(alloc, () => take(task, 5000), "FA401");
  assert(error.message.includes('as the budget "uploads" was released'), error.message);
  assertEquals(slice[9], 7);
  assertRefused(() => new TaskAlloc(alloc, { budget: shared }), "FA401");
  assertRefused(() => task.child(), "FA401");
  assertRefused(() => task.child({ budget: 100 }), "FA401");
  task.child({ budget: alloc.budgets.child("other", {}) }).release();
  task.release();
  assertEquals([inner.isReleased, shared.used, usedOf(alloc)], [true, 0, { global: 8 * KB, other: 0 }]);
});

Deno.test("a task refuses the budget of another allocator", () => {
  const [alloc, other] = [new SmartAlloc(), new SmartAlloc()];
  const foreign = other.budgets.child("theirs", {});
  const error = assertRefused(() => new TaskAlloc(alloc, { name: "job", budget: foreign }), "FA008");
  assert(error.message.includes('task "job" with the budget "theirs" as that is another allocator\'s'), error.message);
  using task = new TaskAlloc(alloc);
  assertRefused(() => task.child({ budget: foreign }), "FA008");
  assertEquals([alloc.stats().tasks.made, foreign.used], [1, 0]);
});

// Budgets inside budgets

Deno.test("the budget of a task holds for those inside it, and theirs falls under it", () => {
  const alloc = new SmartAlloc();
  const task = new TaskAlloc(alloc, { name: "a", budget: 16 * KB });
  const plain = task.child({ name: "b" });
  const limited = task.child({ name: "c", budget: 8 * KB });
  const innermost = limited.child({ name: "d", budget: { soft: KB } });
  take(task, 10);
  take(plain, 10);
  take(innermost, 10);
  assertEquals(usedOf(alloc), { global: 12 * KB, a: 12 * KB, "a/c": 4 * KB, "a/c/d": 4 * KB });
  take(limited, 10);
  for (const refused of [task, plain]) {
    const error = assertUnchanged(alloc, () => take(refused, 5000), "FA352");
    assert(error.message.includes('remain in the budget of "a"'), error.message);
  }
  for (const refused of [limited, innermost]) {
    const error = assertUnchanged(alloc, () => take(refused, 5000), "FA352");
    assert(error.message.includes('remain in the budget of "a/c"'), error.message);
  }
  innermost.release();
  assertEquals(usedOf(alloc), { global: 16 * KB, a: 12 * KB, "a/c": 4 * KB });
  plain.release();
  take(limited, 10);
  task.release();
  assertEquals([usedOf(alloc), booksOf(alloc).reserved], [{ global: 16 * KB }, 0]);
});

Deno.test("a budget by name takes the place of the one around, and both are charged to all memory", () => {
  const alloc = new SmartAlloc();
  const shared = alloc.budgets.child("shared", { hard: 8 * KB });
  const task = new TaskAlloc(alloc, { name: "a", budget: 4 * KB });
  const child = task.child({ size: 8 * KB, budget: shared });
  take(task, 10);
  take(child, 5000);
  assertEquals(usedOf(alloc), { global: 12 * KB, a: 4 * KB, shared: 8 * KB });
  task.release();
  assertEquals(usedOf(alloc), { global: 12 * KB, shared: 0 });
});

// Tags

Deno.test("the limit of a tag holds for tasks that were made under it, with all else that it has", () => {
  const alloc = new SmartAlloc();
  const events: BudgetEvent[] = [];
  alloc.budgets.setTag("net", { soft: 10 * KB, hard: 16 * KB, onCross: (event) => events.push(event) });
  const task = under(alloc, "net::http", () => new TaskAlloc(alloc));
  const elsewhere = new TaskAlloc(alloc);
  alloc.withTag("net", () => alloc.heapAlloc(1008));
  alloc.withTag("net", () => take(elsewhere, 100_000)); // belongs to nobody
  take(task, 10);
  alloc.withTag("other", () => take(task, 5000));
  assertEquals(events.map(({ used, requested }) => [used, requested]), [[4 * KB + 1008, 8 * KB]]);
  const error = assertUnchanged(alloc, () => take(task, 5000), "FA352");
  assert(error.message.includes('remain in the budget of "net"'), error.message);
  assertEquals(usedOf(alloc), { global: 12 * KB + 131_072 + 4 * KB + 1008, net: 12 * KB + 1008 });
  task.release();
  assertEquals(usedOf(alloc)["net"], 1008);
  alloc.withTag("net", () => {
    using next = new TaskAlloc(alloc, { size: 8 * KB });
    take(next, 10); // a chunk that was kept is charged to whoever has it now
    assertEquals(usedOf(alloc)["net"], 8 * KB + 1008);
  });
});

Deno.test("what a frame has used under a tag counts at once for the tasks of that tag", () => {
  const alloc = new SmartAlloc();
  alloc.budgets.setTag("net", { hard: 8 * KB });
  using _frame = alloc.frame();
  alloc.withTag("net", () => {
    const task = new TaskAlloc(alloc);
    alloc.frameSlice(Uint8Array, 16); // asks
    alloc.frameSlice(Uint8Array, 4 * KB); // does not
    assertRefused(() => take(task, 10), "FA352"); // nobody has looked at the books by now
    assertEquals(booksOf(alloc).reserved, 0);
  });
});

Deno.test("a limit that is set while tasks are there knows what they hold", () => {
  const alloc = new SmartAlloc();
  const task = alloc.withTag("net", () => new TaskAlloc(alloc));
  take(task, 10);
  alloc.budgets.setTag("net", { hard: 8 * KB });
  alloc.budgets.setGlobal({ hard: 8 * KB });
  assertEquals(usedOf(alloc), { global: 4 * KB, net: 4 * KB });
  assertUnchanged(alloc, () => take(task, 5000), "FA352");
  take(task, 4 * KB);
  task.release();
  assertEquals(usedOf(alloc), { global: 8 * KB, net: 0 });
});

// All memory

Deno.test("the limit on all memory counts what tasks hold and what is kept, and that is given back first", () => {
  const source = new CountingSource();
  const alloc = new SmartAlloc({ source, memoryLimit: 32 * KB });
  const [a, b] = [new TaskAlloc(alloc), new TaskAlloc(alloc, { budget: 1e6 })];
  take(a, 8 * KB - 4 * KB);
  take(a, 8 * KB); // 4 and 8
  take(b, 4 * KB);
  take(b, 4 * KB); // 4 and 4
  assertEquals([usedOf(alloc).global, source.bytes], [20 * KB, 20 * KB]);
  const error = assertUnchanged(alloc, () => take(b, 16 * KB), "FA351");
  assert(error.message.includes("12288 of 32768 remain in the budget of all memory"), error.message);
  assertUnchanged(alloc, () => take(a, 16 * KB), "FA351");
  a.release();
  assertEquals([usedOf(alloc).global, booksOf(alloc).idle], [20 * KB, 12 * KB]);
  assertUnchanged(alloc, () => take(b, 32 * KB), "FA351"); // not enough is idle, and nothing is given back for nothing
  assertEquals(booksOf(alloc).idle, 12 * KB);
  take(b, 16 * KB);
  assertEquals([usedOf(alloc).global, booksOf(alloc).idle, source.bytes], [24 * KB, 0, 24 * KB]);
  b.release();
  assertEquals([usedOf(alloc), source.bytes], [{ global: 24 * KB }, 24 * KB]);
  alloc.heapAlloc(30 * KB); // what tasks have left makes room for others as well
  assertEquals([booksOf(alloc).idle, source.bytes], [0, 30 * KB]);
});

Deno.test("a chunk that is kept is paid for already, whatever is left of all memory", () => {
  for (const budget of [undefined, 1e6]) {
    const alloc = new SmartAlloc();
    const options = budget === undefined ? {} : { budget };
    const task = new TaskAlloc(alloc, options);
    take(task, 10);
    task.release();
    alloc.budgets.setGlobal({ hard: 4 * KB });
    const next = new TaskAlloc(alloc, options);
    take(next, 10);
    assertUnchanged(alloc, () => take(next, 5000), "FA351");
    alloc.budgets.setGlobal({ hard: 0 });
    next.release();
    const last = new TaskAlloc(alloc, options);
    take(last, 10);
    assertEquals(usedOf(alloc).global, 4 * KB);
  }
});

// Callbacks

/** Two tasks, one inside the other. */
interface Pair {
  readonly parent: TaskAlloc;
  readonly task: TaskAlloc;
}

function pair(alloc: SmartAlloc, outer: TaskOptions, inner: TaskOptions): Pair {
  const parent = new TaskAlloc(alloc, { name: "outer", ...outer });
  return { parent, task: parent.child({ name: "inner", ...inner }) };
}

/** Every limit that a task can fall under. */
const LIMITS: { readonly [limit: string]: (alloc: SmartAlloc, budget: BudgetLimits<SmartAlloc>) => Pair } = {
  "its own": (alloc, budget) => pair(alloc, {}, { budget }),
  "the task around": (alloc, budget) => pair(alloc, { budget }, {}),
  "the task around, beside its own,": (alloc, budget) => pair(alloc, { budget }, { budget: 1e6 }),
  "a shared one": (alloc, limits) => pair(alloc, { budget: alloc.budgets.child("shared", limits) }, {}),
  "a shared one, beside its own,": (alloc, limits) =>
    pair(alloc, { budget: alloc.budgets.child("shared", limits) }, { budget: 1e6 }),
  "a tag": (alloc, limits) => {
    alloc.budgets.setTag("net", limits);
    return alloc.withTag("net", () => pair(alloc, {}, {}));
  },
  "a tag around, beside its own,": (alloc, limits) => {
    alloc.budgets.setTag("net", limits);
    return under(alloc, "net::http", () => pair(alloc, {}, { budget: 1e6 }));
  },
  "all memory": (alloc, limits) => {
    alloc.budgets.setGlobal(limits);
    return pair(alloc, {}, {});
  },
  "all memory, beside its own,": (alloc, limits) => {
    alloc.budgets.setGlobal(limits);
    return pair(alloc, {}, { budget: 1e6 });
  },
};

/** What is around a callback. */
interface Around extends Pair {
  readonly alloc: SmartAlloc;
  readonly log: unknown[];
}

const BOOM = new Error("boom");

/** What a callback does, and how the allocation ends that it is told of. */
const DEEDS: {
  readonly [deed: string]: { readonly act: (around: Around) => unknown; readonly code?: ErrorCode | "boom" };
} = {
  "releases the task": { act: ({ task }) => task.release(), code: "FA711" },
  "begins to close the task": { act: ({ task, log }) => log.push(task[Symbol.asyncDispose]()), code: "FA711" },
  "releases the task around it": { act: ({ parent }) => parent.release(), code: "FA711" },
  "disposes of the allocator": { act: ({ alloc }) => alloc.dispose(), code: "FA711" },
  "releases the task and throws": {
    act: ({ task }) => {
      task.release();
      throw BOOM;
    },
    code: "boom",
  },
  "throws": {
    act: () => {
      throw BOOM;
    },
    code: "boom",
  },
  "allocates in the same task": { act: ({ task, log }) => log.push(take(task, 50), take(task, 20_000)) },
  "starts and ends other tasks": {
    act: ({ alloc, task, parent, log }) => {
      const others = [new TaskAlloc(alloc), task.child(), parent.child()];
      log.push(...others.map((other) => take(other, 5000)));
      others[1]!.release();
      others[0]!.release();
      log.splice(0, 2);
    },
  },
  "gives everything idle back": { act: ({ alloc }) => alloc.trim() },
  "changes nothing": { act: () => {} },
};

/** How often something was really done by a callback. */
const met: Map<string, number> = new Map();

for (const [limit, make] of Object.entries(LIMITS)) {
  for (const [deed, { act, code }] of Object.entries(DEEDS)) {
    Deno.test(`a task gets a chunk while a callback of ${limit} ${deed}`, async () => {
      for (const bytes of [100, 5000, 50_000]) {
        for (const isFirst of [true, false]) {
          for (const isKept of [true, false]) {
            const source = new CountingSource();
            const alloc = new SmartAlloc({ source, taskIdleBytes: 1e6 });
            let around: Around | undefined;
            let calls = 0;
            const { parent, task } = make(alloc, {
              soft: isFirst ? 100 : 4100,
              onCross: () => {
                calls++;
                if (around !== undefined) act(around);
              },
            });
            if (isKept) warm(alloc);
            const before = isFirst ? undefined : take(task, 100);
            const log: unknown[] = [];
            if (before !== undefined && bytes === 100) take(task, 3900);
            calls = 0;
            around = { alloc, task, parent, log };
            const held = task.reserved;
            let slice: Uint8Array | undefined;
            const error = thrownBy(() => slice = take(task, bytes));
            const wanted = calls > 0 ? code : undefined;
            around = undefined;
            if (calls > 0) met.set(deed, (met.get(deed) ?? 0) + 1);
            const what = `${bytes} bytes, ${isFirst ? "the first" : "more"}, ${isKept ? "kept" : "fresh"}`;
            if (wanted === "boom") assertStrictEquals(error, BOOM, what);
            else if (wanted !== undefined) {
              assert(error instanceof FrameAllocError && error.code === wanted, `${what}: ${error}`);
              assert(/^FA711: Cannot (open|allocate a slice in) task "outer\/inner" as it /.test(error.message));
            } else assertStrictEquals(error, undefined, what);
            if (slice !== undefined) assert(slice.length === bytes && slice.every((byte) => byte === 7));
            if (wanted === "boom" && !task.isReleased) {
              assertEquals(task.reserved, held);
              take(task, bytes); // the next time it works
            }
            for (const seen of log) if (seen instanceof Uint8Array) assert(seen.every((byte) => byte === 7));
            assertSums(alloc, source);
            await Promise.all(log); // an end that was begun
            if (before !== undefined) assertEquals(before.length, task.isReleased ? 0 : 100);
            parent.release();
            assertSums(alloc, source);
            for (const { name } of alloc.stats().tasks.tasks) assertEquals(name, "");
            assertEquals([booksOf(alloc).reserved, booksOf(alloc).tags], [0, {}]);
            alloc.trim();
            assertEquals(Object.values(usedOf(alloc)).every((used) => used === 0), true, what);
            assertEquals(source.bytes, 0);
          }
        }
      }
    });
  }
}

Deno.test("the callbacks of budgets were called in most of these cases", () => {
  console.log(JSON.stringify([...met]));
  for (const deed of Object.keys(DEEDS)) assert((met.get(deed) ?? 0) > 50, `only ${met.get(deed)} times: ${deed}`);
});

Deno.test("promote() of a task that a callback ends promotes nothing, and leaves nothing behind", () => {
  for (const end of ["release", "dispose"] as const) {
    const promoted: {
      readonly [what: string]: { readonly of: (task: TaskAlloc) => object; readonly code: ErrorCode };
    } = {
      "a slice": { of: (task) => take(task, 100), code: "FA002" },
      "a list": { of: (task) => task.allocVec(Float32Array), code: "FA002" },
      "a record": { of: (task) => task.alloc(Body), code: "FA711" },
      "a box": { of: (task) => task.allocBox(Body), code: "FA711" },
    };
    for (const [what, { of, code }] of Object.entries(promoted)) {
      const alloc = new SmartAlloc();
      let calls = 0;
      alloc.budgets.setTag("net", {
        soft: 4 * KB,
        onCross: () => {
          calls++;
          if (end === "release") task.release();
          else alloc.dispose();
        },
      });
      const task = alloc.withTag("net", () => new TaskAlloc(alloc));
      const value = of(task);
      if (what === "a list") (value as NumberVec<Float32ArrayConstructor>).push(1);
      const error = thrownBy(() => task.promote(value as Float32Array, RetentionPolicy.PromoteToHeap));
      assert(error instanceof FrameAllocError, String(error));
      assertEquals([error.code, calls, task.isReleased], [
        end === "dispose" && code === "FA002" ? "FA012" : code,
        1,
        true,
      ], what);
      const { heap, tags } = alloc.stats();
      assertEquals([heap.bytes, tags.some(({ inUse }) => inUse.heap > 0)], [0, false]);
      assertEquals([booksOf(alloc).reserved, alloc.leaks(), alloc.tagPath], [0, [], ""]);
    }
  }
});

/** Leaves chunks of all sizes that are used here. */
function warm(alloc: SmartAlloc): void {
  using task = new TaskAlloc(alloc);
  for (const bytes of [10, 4000, 8000, 16_000, 60_000]) take(task, bytes);
}

/** What tasks hold is what all the books say. */
function assertSums(alloc: SmartAlloc, source: CountingSource): void {
  const { reserved, idle, tags, budgets } = booksOf(alloc);
  assertEquals(source.bytes, reserved + idle);
  assertEquals(Object.values(tags).reduce((sum, bytes) => sum + bytes, 0), reserved);
  if ("global" in budgets) assertEquals(budgets["global"], reserved + idle);
}
