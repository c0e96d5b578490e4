/**
 * Tasks that nobody has released and nobody can release any more: each is reported with its name and where it was made, whatever it
 * holds and whoever has made it; its memory is off the books, and stays with those who can still see it.
 */

import { f32, type Leak, SmartAlloc, TaskAlloc, type TaskOptions } from "@framealloc/core";
import { assert, assertEquals } from "@std/assert";
import { CountingSource } from "../memory/_counting_source.ts";
import { assertRefused } from "../pool/_layouts.ts";
import { Body, booksOf, collectUntil, KB4, type Watched, watchedSignal } from "./_tasks.ts";

/** An allocator that is told of leaks, and does not print them. */
function start(
  options: { readonly debug?: boolean } = {},
): { alloc: SmartAlloc; told: Leak[]; source: CountingSource } {
  const told: Leak[] = [];
  const source = new CountingSource();
  const alloc = new SmartAlloc({ ...options, source, onLeaks: (leaks) => told.push(...leaks) });
  alloc.asyncGuard.mode = "collect";
  alloc.budgets.setGlobal({});
  return { alloc, told, source };
}

/** Waits until so many tasks were noticed. */
async function assertLost(alloc: SmartAlloc, count: number, what?: string): Promise<void> {
  await collectUntil(() => alloc.stats().tasks.leaked >= count);
  assertEquals(alloc.stats().tasks.leaked, count, what);
}

// Each in a function of its own, so that nothing of it is left on the stack.

function lose(alloc: SmartAlloc, options?: TaskOptions): void {
  new TaskAlloc(alloc, options).alloc(Body);
}

Deno.test("a task that is left to the garbage collector is reported with its name and where it was made", async () => {
  for (const debug of [false, true]) {
    const { alloc, told } = start({ debug });
    alloc.frame().end();
    alloc.withTag("net", () => lose(alloc, { name: "forgotten" }));
    for (let i = 0; i < 2; i++) alloc.frame().end();
    await assertLost(alloc, 1);
    assertEquals(told, [{ kind: "task", name: "forgotten", tag: "net", bytes: 16, age: 2 }]);
    const [report, ...others] = alloc.asyncGuard.reports;
    assertEquals([report!.code, report!.frame, report!.tag, others], ["FA712", 1, "net", []]);
    assert(report!.message.includes('the 16 bytes of task "forgotten"'), report!.message);
    assert(report!.site!.includes("task_leaks_test.ts"), report!.site);
    const global = alloc.stats().frame.committed;
    assertEquals(booksOf(alloc), { live: 0, reserved: 0, idle: 0, tags: {}, budgets: { global } });
    assertEquals([alloc.leaks(), alloc.dispose(), told.length], [[], [], 1]);
  }
});

Deno.test("where a task was made is known of the first of its name, and of each in debug mode", async () => {
  for (const debug of [false, true]) {
    const { alloc } = start({ debug });
    new TaskAlloc(alloc, { name: "other" }).release();
    lose(alloc, { name: "a" });
    alsoLose(alloc, { name: "a" });
    alsoLose(alloc, { name: "b" });
    await assertLost(alloc, 3);
    const sites = alloc.asyncGuard.reports.map(({ message, site }) => {
      const by = /\b(lose|alsoLose)\b/.exec(site!)![0];
      return `${/task "(.)"/.exec(message)![1]} by ${by}`;
    });
    assertEquals(
      sites.sort(),
      debug ? ["a by alsoLose", "a by lose", "b by alsoLose"] : ["a by lose", "a by lose", "b by alsoLose"],
    );
  }
});

function alsoLose(alloc: SmartAlloc, options: TaskOptions): void {
  new TaskAlloc(alloc, options).alloc(Body);
}

Deno.test("names beyond a few hundred are not kept, and tasks are made as before", async () => {
  const { alloc } = start();
  for (let i = 0; i < 1000; i++) new TaskAlloc(alloc, { name: `task ${i}` }).release();
  lose(alloc, { name: "late" });
  await assertLost(alloc, 1);
  assertEquals(alloc.asyncGuard.reports[0]!.site, undefined);
});

/** Something that has a task of its own. */
class Owner {
  readonly task: TaskAlloc;

  constructor(alloc: SmartAlloc, name: string) {
    this.task = new TaskAlloc(alloc, { name });
    this.task.alloc(Body);
  }

  begin(alloc: SmartAlloc): TaskAlloc {
    return new TaskAlloc(alloc, { name: "by a method" });
  }
}

/** What tasks may hold that holds them, and who may have made them. */
const LOSSES: {
  readonly [loss: string]: { readonly lose: (alloc: SmartAlloc, signal: AbortSignal) => void; count?: number };
} = {
  "is a field": { lose: (alloc) => void new Owner(alloc, "field") },
  "was made by a method of what holds it": {
    lose(alloc) {
      const owner = new Owner(alloc, "field");
      const holder = { owner, task: owner.begin(alloc) };
      owner.task.defer(() => holder.task.used);
    },
    count: 2,
  },
  "is in a function that it is to call": {
    lose(alloc) {
      const task = new TaskAlloc(alloc);
      task.defer(() => task.used);
    },
  },
  "is in a thing that it has adopted": {
    lose(alloc) {
      const task = new TaskAlloc(alloc);
      task.adopt({ task, [Symbol.dispose]() {} } as Disposable);
    },
  },
  "is in a box of its own": {
    lose(alloc) {
      const task = new TaskAlloc(alloc);
      task.allocBox({ task });
    },
  },
  "listens to its signal": {
    lose(alloc) {
      const task = new TaskAlloc(alloc);
      task.signal.addEventListener("abort", () => task.release());
    },
  },
  "is ended by a signal that lives on": { lose: (alloc, signal) => void new TaskAlloc(alloc, { signal }).alloc(f32) },
  "has others inside it": {
    lose(alloc, signal) {
      const task = new TaskAlloc(alloc, { budget: 1e6 });
      task.alloc(f32);
      task.child({ signal }).child({ budget: 1e5 }).alloc(f32);
    },
    count: 3,
  },
  "is about to end, and never does": {
    lose(alloc) {
      const task = new TaskAlloc(alloc);
      task.alloc(f32);
      task.defer(() => new Promise(() => {}));
      void task[Symbol.asyncDispose]();
    },
  },
};

for (const [loss, { lose, count = 1 }] of Object.entries(LOSSES)) {
  Deno.test(`a task is noticed that ${loss}`, async () => {
    for (const debug of [false, true]) {
      const { alloc, told } = start({ debug });
      const watched = watchedSignal();
      lose(alloc, watched.signal);
      await assertLost(alloc, count);
      assertEquals([told.length, watched.listeners], [count, 0]);
      assertEquals(booksOf(alloc), { live: 0, reserved: 0, idle: 0, tags: {}, budgets: { global: 0 } });
      alloc.dispose();
    }
  });
}

Deno.test("a task that is held, or was released, is not reported", async () => {
  const { alloc, told } = start();
  const { controller, signal } = watchedSignal();
  const held = new TaskAlloc(alloc);
  const child = ((): TaskAlloc => new TaskAlloc(alloc).child())(); // holds the task around it
  held.child().alloc(f32); // is held by that
  const early = ((): WeakRef<TaskAlloc> => {
    const task = new TaskAlloc(alloc, { signal });
    task.alloc(f32);
    return new WeakRef(task);
  })();
  controller.abort();
  new TaskAlloc(alloc).release();
  await collectUntil(() => early.deref() === undefined && false);
  assertEquals([alloc.stats().tasks.leaked, alloc.stats().tasks.live, told], [0, 4, []]);
  held.release();
  child.release();
});

Deno.test("memory of a lost task stays with those who can see it, and nothing more is given out", async () => {
  const { alloc, told, source } = start();
  const watched: Watched = watchedSignal();
  const { slice, record, numbers, box } = (() => {
    const task = alloc.withTag("net", () => new TaskAlloc(alloc, { name: "job", signal: watched.signal, budget: 1e6 }));
    const numbers = task.allocVec(Uint8Array, 16);
    numbers.push(1);
    return {
      slice: task.allocSlice(Uint8Array, 100).fill(7),
      record: task.alloc(Body),
      numbers,
      box: task.allocBox(1),
    };
  })();
  await assertLost(alloc, 1);
  assertEquals([told.map(({ bytes, tag }) => [bytes, tag]), watched.listeners], [[[144, "net"]], 0]);
  assertEquals(booksOf(alloc), { live: 0, reserved: 0, idle: 0, tags: {}, budgets: { global: 0 } });
  const next = new TaskAlloc(alloc, { zero: false });
  next.allocSlice(Uint8Array, 4000).fill(0xee);
  watched.controller.abort();
  record.mass = 5;
  numbers.push(2);
  assertEquals([slice.length, slice.every((byte) => byte === 7), record.mass, [...numbers]], [100, true, 5, [1, 2]]);
  const error = assertRefused(() => numbers.reserve(1000), "FA711");
  assert(error.message.includes('task "job" as it was left to the garbage collector'), error.message);
  assertRefused(() => box.value, "FA711");
  next.release();
  alloc.dispose();
  assertEquals([slice[99], record.mass, source.bytes], [7, 5, KB4]); // what was lost is not given back by hand
});

Deno.test("what was in a box of a task can be collected when the task has ended, also if the box is held", async () => {
  for (const isAsync of [false, true]) {
    const { alloc } = start();
    const task = new TaskAlloc(alloc);
    const { box, value } = (() => {
      const value = { words: ["a"] };
      return { box: task.allocBox(value), value: new WeakRef(value) };
    })();
    await collectUntil(() => value.deref() === undefined);
    assertEquals(box.value.words, ["a"]);
    if (isAsync) await task[Symbol.asyncDispose]();
    else task.release();
    assert(await collectUntil(() => value.deref() === undefined));
    assertRefused(() => box.value, "FA711");
  }
});

Deno.test("budgets of lost tasks are exact, whichever of them is noticed first", async () => {
  const { alloc } = start();
  const shared = alloc.budgets.child("shared", {});
  shared.charge(1000);
  const take = (task: TaskAlloc): void => void task.allocSlice(Uint8Array, 100);
  const loseMany = (): void => {
    for (let i = 0; i < 20; i++) {
      const outer = new TaskAlloc(alloc, { name: `a${i}`, budget: i % 2 === 0 ? shared : 1e6 });
      const inner = outer.child({ name: "b", ...i % 3 === 0 ? {} : { budget: 1e5 } });
      const innermost = inner.child({ name: "c", ...i % 5 === 0 ? {} : { budget: 1e4 } });
      for (const task of [outer, inner, innermost]) take(task);
    }
  };
  loseMany();
  assertEquals([booksOf(alloc).reserved, shared.used], [60 * KB4, 30 * KB4 + 1000]);
  await assertLost(alloc, 60);
  assertEquals(booksOf(alloc), { live: 0, reserved: 0, idle: 0, tags: {}, budgets: { global: 1000, shared: 1000 } });
  shared.uncharge(1000);
  assertEquals(booksOf(alloc).budgets, { global: 0, shared: 0 });
});

Deno.test("tasks that were lost and not noticed yet end with their signal or allocator", async () => {
  const { alloc, source } = start();
  const { controller, signal } = watchedSignal();
  const slices =
    ((): Uint8Array[] =>
      [new TaskAlloc(alloc, { signal }), new TaskAlloc(alloc)].map((task) => task.allocSlice(Uint8Array, 10)))();
  controller.abort();
  assertEquals([slices[0]!.length, slices[1]!.length], [0, 10]);
  assertEquals(alloc.dispose().length, 1);
  assertEquals([slices[1]!.length, source.bytes], [0, 0]);
  await collectUntil(() => false);
  assertEquals(alloc.stats().tasks.leaked, 0);
});
