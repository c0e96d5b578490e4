/**
 * How tasks end: in every way, twice, and each way in the middle of every other. Whatever happens, each thing ends once, in the reverse
 * order of its beginning, the memory is gone after that, and what went wrong is thrown once.
 */

import { f32, SmartAlloc, TaskAlloc, TaskError } from "@framealloc/core";
import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { assertRefused } from "../pool/_layouts.ts";
import {
  Body,
  booksOf,
  chainOf,
  collectUntil,
  type Ended,
  ENDS,
  KB4,
  settled,
  thrownBy,
  watchedSignal,
  WAYS,
} from "./_tasks.ts";

/** A task inside another one, with a signal of its own. */
function startTask(): Ended & { readonly listeners: () => number; readonly slice: Uint8Array; readonly log: string[] } {
  const alloc = new SmartAlloc();
  alloc.budgets.setGlobal({});
  const parent = new TaskAlloc(alloc, { name: "outer" });
  const watched = watchedSignal();
  const task = parent.child({ name: "inner", signal: watched.signal });
  const slice = task.allocSlice(Uint8Array, 100).fill(7);
  return { alloc, parent, task, controller: watched.controller, listeners: () => watched.listeners, slice, log: [] };
}

function isUsable(slice: Uint8Array): boolean {
  return slice.length === 100 && slice.every((byte) => byte === 7);
}

/** A promise that is settled by hand. */
function gate(): {
  readonly promise: Promise<void>;
  readonly open: () => void;
  readonly fail: (error: unknown) => void;
} {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  return { promise, open: () => resolve(), fail: reject };
}

/** Whether a promise is settled by now. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let isOver = false;
  const over = (): void => void (isOver = true);
  promise.then(over, over);
  await settled();
  return isOver;
}

/** All that must be so once a task is over, whoever ended it. */
function assertOver({ alloc, task, listeners, slice }: ReturnType<typeof startTask>): void {
  assertEquals([task.isReleased, task.used, task.reserved, slice.length, listeners()], [true, 0, 0, 0, 0]);
  const { reserved, idle, budgets } = booksOf(alloc);
  assertEquals([reserved, budgets], [0, { global: idle }]);
}

// One way

for (const [way, { end, why }] of Object.entries(ENDS)) {
  Deno.test(`a task that is ended by ${way} ends what belongs to it, and then its memory`, () => {
    const it = startTask();
    const { task, log, slice } = it;
    const { signal } = task;
    const record = task.alloc(Body);
    signal.addEventListener("abort", () => log.push(`signal ${isUsable(slice)}`));
    task.defer(() => log.push(`first ${isUsable(slice)} ${record.mass}`));
    const inner = task.child();
    inner.defer(() => log.push(`inner ${isUsable(slice)}`));
    task.adopt({ [Symbol.dispose]: () => log.push(`adopted ${isUsable(slice)}`) });
    end(it);
    assertEquals(log, ["signal true", "adopted true", "inner true", "first true 0"]);
    assertOver(it);
    assert(inner.isReleased);
    const error = assertThrows(() => record.mass, TaskError, "FA711");
    assert(error.message.includes(`Cannot use memory of task "outer/inner" as it ${why}: `), error.message);
    assertRefused(() => task.alloc(f32), "FA711");
    if (way === "its signal") assertEquals((signal.reason as Error).message, "too slow");
    else assertEquals([signal.reason.name, signal.reason.message], ["AbortError", 'Task "outer/inner" has ended']);
    assertStrictEquals(task.signal, signal);
    assertEquals(it.parent!.isReleased, way === "its parent" || way === "its allocator");
  });
}

Deno.test("a task ends with its block, also when that throws", async () => {
  const alloc = new SmartAlloc();
  const error = new Error("in the block");
  const tasks: TaskAlloc[] = [];
  const start = (): TaskAlloc => {
    const task = new TaskAlloc(alloc);
    task.alloc(f32);
    tasks.push(task);
    return task;
  };
  {
    using task = start();
    assert(!task.isReleased);
  }
  {
    await using task = start();
    assert(!task.isReleased);
  }
  const inBlock = (): void => {
    using _task = start();
    throw error;
  };
  assertStrictEquals(assertThrows(inBlock), error);
  const inAsyncBlock = async (): Promise<void> => {
    await using _task = start();
    await null;
    throw error;
  };
  assertStrictEquals(await assertRejects(inAsyncBlock), error);
  assertEquals([tasks.map(({ isReleased }) => isReleased), booksOf(alloc).reserved], [[true, true, true, true], 0]);
});

Deno.test("a task says what has ended it, also if that was not what began its end", async () => {
  const whyOf = (task: TaskAlloc): string =>
    /task "[^"]*" as it (.*):/.exec(assertRefused(() => task.alloc(f32), "FA711").message)![1]!;
  for (const [way, { end, why }] of Object.entries(ENDS)) {
    const it = startTask();
    const { promise, open } = gate();
    it.task.defer(() => promise);
    const closing = it.task[Symbol.asyncDispose]();
    assertEquals(whyOf(it.task), "is about to end");
    await settled();
    end(it);
    assertEquals(whyOf(it.task), why, way);
    open();
    await closing;
    assertEquals(whyOf(it.task), why, way);
    it.alloc.dispose();
  }
  const it = startTask();
  await it.task[Symbol.asyncDispose]();
  assertEquals(whyOf(it.task), "has ended");
  const lone = new TaskAlloc(it.alloc);
  it.alloc.dispose();
  assertEquals(whyOf(lone), "was freed with its allocator");
});

// Two ways

for (const [first, { end }] of Object.entries(ENDS)) {
  for (const [second, { end: endAgain }] of Object.entries(ENDS)) {
    // A signal that is aborted already tells nobody, and so does an allocator.
    const isDeaf = first === second && (first === "its signal" || first === "its allocator");

    Deno.test(`a task that is ended by ${first} and again by ${second} ends once`, () => {
      const it = startTask();
      it.task.defer(() => it.log.push("first"));
      end(it);
      endAgain(it);
      assertEquals(it.log, ["first"]);
      assertOver(it);
      it.alloc.dispose();
      assertEquals(booksOf(it.alloc).idle, 0);
    });

    Deno.test(`a task that is ended by ${second} while ${first} ends it is over at once`, () => {
      const it = startTask();
      const { task, log, slice } = it;
      const inner = task.child();
      const theirs = inner.allocSlice(Uint8Array, 100).fill(7);
      task.defer(() => log.push("first"));
      inner.defer(() => log.push(`inner ${isUsable(slice)}`));
      task.adopt({
        [Symbol.dispose]() {
          log.push(`middle ${isUsable(slice)} ${isUsable(theirs)}`);
          endAgain(it);
          log.push(`over ${slice.length} ${theirs.length}`);
        },
      });
      task.defer(() => log.push("last"));
      end(it);
      assertEquals(
        log,
        isDeaf
          ? ["last", "middle true true", "over 100 100", "first", "inner true"]
          : ["last", "middle true true", "first", "inner true", "over 0 0"],
      );
      assertOver(it);
    });

    Deno.test(`a task that is ended by ${second} when its signal tells of ${first} is over at once`, () => {
      const it = startTask();
      const { task, log, slice } = it;
      task.defer(() => log.push(`deferred ${isUsable(slice)}`));
      task.signal.addEventListener("abort", () => {
        log.push(`told ${isUsable(slice)}`);
        endAgain(it);
        log.push(`over ${slice.length}`);
      });
      end(it);
      assertEquals(log, isDeaf ? ["told true", "over 100", "deferred true"] : ["told true", "deferred true", "over 0"]);
      assertOver(it);
    });
  }

  Deno.test(`${first} does not wait for what [Symbol.asyncDispose]() waits for`, async () => {
    const it = startTask();
    const { task, log, slice } = it;
    const { promise, open } = gate();
    const inner = task.child();
    inner.defer(() => log.push(`inner ${isUsable(slice)}`));
    task.defer(async () => {
      log.push(`slow ${isUsable(slice)}`);
      await promise;
      log.push(`slow is over ${slice.length}`);
    });
    task.defer(() => log.push("last"));
    const closing = task[Symbol.asyncDispose]();
    assert(task.isReleased && isUsable(slice));
    assertEquals([await isSettled(closing), log, isUsable(slice)], [false, ["last", "slow true"], true]);
    end(it);
    assertEquals(log, ["last", "slow true", "inner true"]);
    assertOver(it);
    assertEquals(await isSettled(closing), false); // it was begun, and is waited for all the same
    open();
    await closing;
    assertEquals(log.at(-1), "slow is over 0");
    assertOver(it);
  });

  Deno.test(`${first} ends a child whose end its task is waiting for`, async () => {
    const it = startTask();
    const { task, log } = it;
    const { promise, open } = gate();
    const inner = task.child();
    const innermost = inner.child();
    const theirs = innermost.allocSlice(Uint8Array, 100).fill(7);
    inner.defer(() => log.push("inner"));
    innermost.defer(() => log.push("innermost"));
    innermost.defer(() => promise);
    task.defer(() => log.push("first"));
    const closing = it.parent![Symbol.asyncDispose]();
    await settled();
    assertEquals([log, innermost.isReleased, isUsable(theirs)], [["first", "inner"], true, true]);
    end(it);
    // Those inside end before it.
    assertEquals([theirs.length, inner.isReleased, log], [0, true, ["first", "inner", "innermost"]]);
    assertOver(it);
    open();
    await closing;
    assertEquals([booksOf(it.alloc).live, it.parent!.isReleased], [0, true]);
  });
}

// Order

Deno.test("what was adopted, deferred or started inside a task ends in the reverse order", async () => {
  const wanted = ["leases 1", "deferred 3", "child 2", "adopted 1", "deferred 0", "task"];
  for (const how of ["now", "later"] as const) {
    const alloc = new SmartAlloc();
    const log: string[] = [];
    const leases = alloc.objectPool(() => ({}));
    const task = new TaskAlloc(alloc);
    const slice = task.allocSlice(Uint8Array, 8);
    const [first, adopted] = [(): unknown => log.push("deferred 0"), { [Symbol.dispose]: () => log.push("adopted 1") }];
    task.defer(first);
    assertStrictEquals(task.adopt(adopted), adopted);
    const child = task.child();
    child.defer(() => log.push("child 2"));
    task.defer(() => log.push("deferred 3"));
    task.adopt(leases.lease());
    task.defer(() => log.push(`leases ${leases.live}`));
    if (how === "now") task.release();
    else await task[Symbol.asyncDispose]();
    log.push(slice.length === 0 ? "task" : "memory is there");
    assertEquals([log, leases.live, child.isReleased], [wanted, 0, true]);
  }
});

Deno.test("a child that ends by itself is not ended again, whichever of many it is", () => {
  const alloc = new SmartAlloc();
  const task = new TaskAlloc(alloc);
  const log: number[] = [];
  const children = Array.from({ length: 20 }, (_, i) => {
    const child = task.child();
    child.defer(() => log.push(i));
    return child;
  });
  const early = [3, 19, 0, 7, 11, 12, 13, 14, 15, 16, 17, 2];
  for (const i of early) children[i]!.release();
  const late = task.child();
  late.defer(() => log.push(20));
  task.release();
  assertEquals(log, [...early, 20, 18, 10, 9, 8, 6, 5, 4, 1]);
  assertEquals(booksOf(alloc).live, 0);
});

Deno.test("await using ends one thing after the other, and the memory after all of them", async () => {
  const alloc = new SmartAlloc();
  const log: string[] = [];
  let slice: Uint8Array;
  const slow = (name: string) => async (): Promise<void> => {
    log.push(`${name} begins`);
    for (let i = 0; i < 5; i++) await null;
    log.push(`${name} ends ${slice.length}`);
  };
  {
    await using task = new TaskAlloc(alloc);
    slice = task.allocSlice(Uint8Array, 8);
    task.defer(slow("a"));
    task.adopt({ [Symbol.asyncDispose]: slow("b") });
    const child = task.child();
    child.defer(slow("c"));
    child.defer(() => log.push("d"));
    task.defer({ then: undefined, call: slow("e") }.call);
  }
  const [a, b, c, e] = ["a", "b", "c", "e"].map((name) => [`${name} begins`, `${name} ends 8`]);
  assertEquals([log, slice.length], [[...e!, "d", ...c!, ...b!, ...a!], 0]);
});

Deno.test("adopt() ends a thing in the way that can be awaited where there is somebody who waits", async () => {
  const log: string[] = [];
  const both = {
    name: "both",
    [Symbol.dispose]() {
      log.push(`${this.name} now`);
    },
    async [Symbol.asyncDispose]() {
      log.push(`${this.name} later`);
      await null;
      log.push(`${this.name} is over`);
    },
  };
  const { [Symbol.dispose]: now, [Symbol.asyncDispose]: later } = both;
  const things = [both, { name: "now", [Symbol.dispose]: now }, { name: "later", [Symbol.asyncDispose]: later }];
  const start = (): TaskAlloc => {
    const task = new TaskAlloc(new SmartAlloc());
    for (const thing of things) task.adopt(thing as Disposable);
    return task;
  };
  await start()[Symbol.asyncDispose]();
  assertEquals(log.splice(0), ["later later", "later is over", "now now", "both later", "both is over"]);
  const task = start();
  task.release();
  assertEquals(log.splice(0), ["later later", "now now", "both now"]);
  await task[Symbol.asyncDispose]();
  assertEquals(log, ["later is over"]);
});

Deno.test("a thing is adopted as it was then, and a deferred function has no this", () => {
  const task = new TaskAlloc(new SmartAlloc());
  const log: unknown[] = [];
  const thing = { [Symbol.dispose]: () => log.push("first") };
  task.adopt(thing);
  thing[Symbol.dispose] = () => log.push("second");
  task.defer(function (this: unknown) {
    log.push(this);
  });
  task.release();
  assertEquals(log, [undefined, "first"]);
});

// While it ends

Deno.test("while a task ends its memory can be used, and it gives out nothing more", async () => {
  for (const how of ["now", "later"] as const) {
    const alloc = new SmartAlloc();
    const task = new TaskAlloc(alloc, { name: "job" });
    const [record, numbers, box] = [task.alloc(Body), task.allocVec(Float32Array, 4), task.allocBox({ a: 1 })];
    numbers.push(1);
    const kept: number[] = [];
    let seen = 0;
    task.defer(() => {
      record.mass = 5;
      numbers.push(2);
      box.value.a++;
      const copy = task.promote(numbers);
      kept.push(record.mass, ...copy.slice, task.promote(box).a);
      copy.free();
      assertEquals([task.isReleased, task.signal.aborted, task.reserved, alloc.stats().tasks.live], [
        true,
        true,
        KB4,
        1,
      ]);
      const why = how === "now" ? "has ended" : "is about to end";
      for (const [way, use] of Object.entries(WAYS)) {
        const error = assertRefused(() => use(task), "FA711", way);
        assert(error.message.includes(`task "job" as it ${why}: `), error.message);
        seen++;
      }
      assertRefused(() => numbers.reserve(1000), "FA711");
      assertRefused(() => task.allocBox<unknown>(1), "FA711");
      assertRefused(() => task.child(), "FA711");
      assertRefused(() => task.defer(() => {}), "FA711");
      assertRefused(() => task.adopt({ [Symbol.dispose]() {} }), "FA711");
    });
    if (how === "now") task.release();
    else await task[Symbol.asyncDispose]();
    assertEquals([kept, seen], [[5, 1, 2, 2], 14]);
  }
});

// Errors

/** Starts a task in which things fail to end, and says what is thrown, in the order in which it happens. */
function startFailing(alloc: SmartAlloc, ...errors: unknown[]): TaskAlloc {
  const task = new TaskAlloc(alloc);
  task.alloc(f32);
  for (const error of [...errors].reverse()) {
    task.defer(() => {
      throw error;
    });
    task.defer(() => {}); // is not harmed
  }
  return task;
}

Deno.test("what goes wrong while a task ends is thrown when all is over, once", async () => {
  const alloc = new SmartAlloc();
  const [a, b, c] = ["a", "b", "c"].map((message) => new Error(message));
  for (const errors of [[a], [a, b], [a, b, c], [undefined], [null, 0, ""]]) {
    for (const isAsync of [false, true]) {
      const task = startFailing(alloc, ...errors);
      let thrown: { error: unknown } | undefined;
      try {
        if (isAsync) await task[Symbol.asyncDispose]();
        else task.release();
      } catch (error) {
        thrown = { error };
      }
      assert(thrown !== undefined);
      assertEquals(chainOf(thrown.error), errors);
      assertEquals([task.isReleased, booksOf(alloc).reserved], [true, 0]);
      task.release();
      await task[Symbol.asyncDispose]();
    }
  }
});

Deno.test("several errors are SuppressedErrors, as those of a block with using are", () => {
  const [a, b, c] = ["a", "b", "c"].map((message) => new Error(message));
  const error = thrownBy(() => startFailing(new SmartAlloc(), a, b).release()) as SuppressedError;
  assert(error instanceof SuppressedError);
  assertEquals([error.error, error.suppressed, error.message], [
    b,
    a,
    "Something failed to end, after something else had",
  ]);
  const inBlock = thrownBy(() => {
    using _task = startFailing(new SmartAlloc(), a, b);
    throw c;
  });
  // The block's own comes first, and then what the task has thrown.
  assertStrictEquals((inBlock as SuppressedError).suppressed, c);
  assertEquals(chainOf((inBlock as SuppressedError).error), [a, b]);
});

Deno.test("several errors look the same where there is no SuppressedError", () => {
  const { SuppressedError: Known } = globalThis;
  const [a, b] = [new Error("a"), new Error("b")];
  Reflect.deleteProperty(globalThis, "SuppressedError");
  try {
    const error = thrownBy(() => startFailing(new SmartAlloc(), a, b).release()) as SuppressedError;
    assert(error instanceof Error);
    assertEquals([error.name, error.error, error.suppressed], ["SuppressedError", b, a]);
    assertEquals(error.message, "Something failed to end, after something else had");
  } finally {
    Object.defineProperty(globalThis, "SuppressedError", { value: Known, configurable: true, writable: true });
  }
});

Deno.test("what goes wrong while others end a task is thrown by its own end, once", async () => {
  for (const isBySignal of [false, true]) {
    for (const isAsync of [false, true]) {
      const alloc = new SmartAlloc();
      const { controller, signal } = watchedSignal();
      const error = new Error("not now");
      const task = new TaskAlloc(alloc, { signal });
      task.defer(() => {
        throw error;
      });
      if (isBySignal) controller.abort(); // throws nothing
      else alloc.dispose();
      assert(task.isReleased);
      if (isAsync) assertStrictEquals(await assertRejects(() => task[Symbol.asyncDispose]()), error);
      else assertStrictEquals(thrownBy(() => task.release()), error);
      task.release();
      await task[Symbol.asyncDispose]();
    }
  }
});

Deno.test("what goes wrong while a task ends with the task around it is thrown there, once", async () => {
  for (const isAsync of [false, true]) {
    const alloc = new SmartAlloc();
    const [a, b, c] = ["a", "b", "c"].map((message) => new Error(message));
    const parent = startFailing(alloc, c);
    const child = parent.child();
    for (const error of [b, a]) {
      child.defer(() => {
        throw error;
      });
    }
    const error = isAsync
      ? await parent[Symbol.asyncDispose]().catch((error) => error)
      : thrownBy(() => parent.release());
    const { error: last, suppressed } = error as SuppressedError;
    assertEquals([chainOf(suppressed), last], [[a, b], c]);
    child.release();
    parent.release();
    await child[Symbol.asyncDispose]();
    assertEquals(booksOf(alloc).reserved, 0);
  }
});

Deno.test("errors before, during and after an end by hand come together", async () => {
  const alloc = new SmartAlloc();
  const task = new TaskAlloc(alloc);
  const { promise, fail } = gate();
  const [a, b, c] = ["a", "b", "c"].map((message) => new Error(message));
  task.defer(() => {
    throw c;
  });
  task.defer(() => promise);
  task.defer(() => {
    throw a;
  });
  const closing = task[Symbol.asyncDispose]();
  await settled();
  // What has gone wrong until now goes to whoever ends it now.
  assertEquals(chainOf(thrownBy(() => task.release())), [a, c]);
  assertEquals(booksOf(alloc).reserved, 0);
  fail(b);
  assertStrictEquals(await assertRejects(() => closing), b);
  await task[Symbol.asyncDispose]();
});

// What takes longer

Deno.test("release() begins everything, and [Symbol.asyncDispose]() waits for it and throws what it comes to", async () => {
  const alloc = new SmartAlloc();
  const task = new TaskAlloc(alloc);
  const [slow, failing, lazy] = [gate(), gate(), gate()];
  const begun: string[] = [];
  task.defer(() => (begun.push("slow"), slow.promise));
  task.defer(() => (begun.push("failing"), failing.promise));
  task.defer(() => {
    begun.push("lazy");
    return { then: (resolve: () => void) => void lazy.promise.then(resolve) }; // anything that can be awaited
  });
  task.defer(() => ({ then: 5 })); // cannot
  task.release();
  assertEquals([begun, booksOf(alloc).live], [["lazy", "failing", "slow"], 0]);
  const closings = [task[Symbol.asyncDispose](), task[Symbol.asyncDispose]()];
  const results = Promise.allSettled(closings);
  failing.fail(new Error("failing"));
  slow.open();
  assertEquals(await isSettled(results), false);
  lazy.open();
  // The first who waits is told, and nobody else.
  assertEquals((await results).map((result) => result.status === "rejected" ? result.reason.message : "fine"), [
    "failing",
    "fine",
  ]);
});

Deno.test("what is begun and fails while nobody waits for it is not thrown anywhere", async () => {
  const it = startTask();
  it.task.defer(() => Promise.reject(new Error("unheard")));
  it.task.defer(() => {
    const thenable = {};
    Object.defineProperty(thenable, "then", {
      get: () => {
        throw new Error("odd");
      },
    });
    return thenable;
  });
  it.controller.abort();
  await settled();
  await new Promise((resolve) => setTimeout(resolve, 0)); // an unhandled rejection would be noticed
  const error = await assertRejects(() => it.task[Symbol.asyncDispose]());
  assertEquals(chainOf(error).map((error) => (error as Error).message), ["odd", "unheard"]);
  it.parent!.release();
});

Deno.test("a task waits for what its children have begun", async () => {
  const alloc = new SmartAlloc();
  const parent = new TaskAlloc(alloc);
  const innermost = parent.child().child();
  const { promise, fail } = gate();
  innermost.defer(() => promise);
  parent.release();
  const closing = parent[Symbol.asyncDispose]();
  assertEquals([await isSettled(closing), booksOf(alloc).live], [false, 0]);
  fail(new Error("late"));
  await assertRejects(() => closing, Error, "late");
  await innermost[Symbol.asyncDispose]();
});

Deno.test("a task does not end before a child that is about to end by itself", async () => {
  for (const fails of [false, true]) {
    const alloc = new SmartAlloc();
    const parent = new TaskAlloc(alloc, { budget: 1e6 });
    const slice = parent.allocSlice(Uint8Array, 100).fill(7);
    const child = parent.child({ budget: 1e5 });
    child.alloc(Body);
    const { promise, open, fail } = gate();
    child.defer(() => promise);
    const own = child[Symbol.asyncDispose]();
    const closing = parent[Symbol.asyncDispose]();
    assertEquals([await isSettled(closing), isUsable(slice), booksOf(alloc).live], [false, true, 2]);
    const error = new Error("mine");
    if (fails) fail(error);
    else open();
    // Whoever has ended the child first is told.
    if (fails) assertStrictEquals(await assertRejects(() => own), error);
    else await own;
    await closing;
    assertEquals([slice.length, booksOf(alloc).reserved, booksOf(alloc).budgets], [0, 0, { global: 2 * KB4 }]);
  }
});

Deno.test("release() of a task ends a child that is about to end by itself", async () => {
  const alloc = new SmartAlloc();
  const parent = new TaskAlloc(alloc, { budget: 1e6 });
  parent.alloc(Body);
  const child = parent.child({ budget: 1e5 });
  const record = child.alloc(Body);
  const { promise, open } = gate();
  child.defer(() => promise);
  const own = child[Symbol.asyncDispose]();
  await settled();
  record.mass = 1;
  parent.release();
  assertRefused(() => record.mass, "FA711");
  assertEquals([booksOf(alloc).live, booksOf(alloc).budgets], [0, { global: 2 * KB4 }]);
  assertEquals(await isSettled(own), false);
  open();
  await own;
  assertEquals(booksOf(alloc).budgets, { global: 2 * KB4 });
});

Deno.test("whoever asks for the end of a task in the middle of it waits for that end", async () => {
  const log: string[] = [];
  const task = new TaskAlloc(new SmartAlloc());
  const slice = task.allocSlice(Uint8Array, 8);
  const closings: Promise<void>[] = [];
  const slow = (name: string) => async (): Promise<void> => {
    log.push(`${name} begins`);
    closings.push(task[Symbol.asyncDispose]());
    for (let i = 0; i < 5; i++) await null;
    log.push(`${name} ends ${slice.length}`);
  };
  task.signal.addEventListener("abort", () => closings.push(task[Symbol.asyncDispose]()));
  task.defer(slow("a"));
  task.defer(slow("b"));
  task.defer(slow("c"));
  await task[Symbol.asyncDispose]();
  await Promise.all(closings);
  const wanted = ["c", "b", "a"].flatMap((name) => [`${name} begins`, `${name} ends 8`]);
  assertEquals([log, slice.length, closings.length], [wanted, 0, 4]);
});

// Signals

Deno.test("a signal that is aborted before a task starts keeps it from that", () => {
  const alloc = new SmartAlloc();
  const { controller, signal } = watchedSignal();
  let listeners = 0;
  signal.addEventListener = () => void listeners++;
  const reason = new Error("too late");
  controller.abort(reason);
  const parent = new TaskAlloc(alloc);
  assertStrictEquals(thrownBy(() => new TaskAlloc(alloc, { signal, budget: 100 })), reason);
  assertStrictEquals(thrownBy(() => parent.child({ signal, budget: 100 })), reason);
  assertEquals([alloc.stats().tasks.made, booksOf(alloc).budgets, listeners], [1, {}, 0]);
});

Deno.test("a signal that outlives many tasks is left with no listeners", async () => {
  const alloc = new SmartAlloc();
  const { signal, controller, ...rest } = watchedSignal();
  const watched = watchedSignal();
  assertEquals(rest.listeners, 0);
  const tasks: TaskAlloc[] = [];
  for (let i = 0; i < 1000; i++) {
    const task = new TaskAlloc(alloc, { signal: watched.signal });
    task.alloc(f32);
    if (i % 100 === 0) tasks.push(task);
    else if (i % 3 === 0) task.release();
    else if (i % 3 === 1) await task[Symbol.asyncDispose]();
    else task[Symbol.dispose]();
    assertEquals(watched.listeners, tasks.length);
  }
  watched.controller.abort();
  assertEquals([watched.listeners, tasks.every(({ isReleased }) => isReleased), booksOf(alloc).live], [0, true, 0]);
  const other = new TaskAlloc(alloc, { signal });
  alloc.dispose();
  controller.abort();
  assert(other.isReleased);
});

Deno.test("one signal may end tasks inside each other", () => {
  for (const isReversed of [false, true]) {
    const it = startTask();
    const watched = watchedSignal();
    const parent = new TaskAlloc(it.alloc, { signal: watched.signal });
    const child = parent.child({ signal: watched.signal });
    const lone = isReversed ? child : parent.child({ signal: parent.signal });
    for (const [i, task] of [parent, child, lone].entries()) {
      task.alloc(f32);
      task.defer(() => it.log.push(`${i}`));
    }
    watched.controller.abort("enough");
    assertEquals([parent.signal.reason, child.signal.reason, lone.signal.reason], ["enough", "enough", "enough"]);
    assertEquals([it.log.length, watched.listeners, booksOf(it.alloc).live], [3, 0, 2]);
    it.parent!.release();
  }
});

Deno.test("the signal of a task has a reason, whenever it is asked for", () => {
  const alloc = new SmartAlloc();
  const { controller, signal } = watchedSignal();
  const [early, late] = [
    new TaskAlloc(alloc, { name: "early", signal }),
    new TaskAlloc(alloc, { name: "late", signal }),
  ];
  const told: unknown[] = [];
  early.signal.onabort = () => told.push(early.signal.reason);
  assertStrictEquals(early.signal, early.signal);
  assertEquals([early.signal.aborted, early.isReleased], [false, false]);
  controller.abort();
  assertEquals([told, early.signal.aborted, late.signal.aborted], [[signal.reason], true, true]);
  assertStrictEquals(late.signal.reason, signal.reason);
  for (const end of [(task: TaskAlloc) => task.release(), () => void alloc.dispose()]) {
    const task = new TaskAlloc(alloc, { name: "job" });
    const asked = new TaskAlloc(alloc, { name: "asked" });
    asked.signal;
    end(task);
    end(asked);
    for (const { name, signal } of [task, asked]) {
      assert(signal.aborted && signal.reason instanceof DOMException);
      assertEquals([signal.reason.name, signal.reason.message], ["AbortError", `Task "${name}" has ended`]);
    }
  }
});

// With the allocator

Deno.test("dispose() of an allocator ends tasks outermost first, and each as a whole", async () => {
  const alloc = new SmartAlloc();
  const log: string[] = [];
  const gone = new TaskAlloc(alloc); // so that the list of tasks is not in order
  const outer = new TaskAlloc(alloc, { name: "outer" });
  const other = new TaskAlloc(alloc, { name: "other" });
  const inner = outer.child();
  gone.release();
  const [slice, record] = [inner.allocSlice(Uint8Array, 8), other.alloc(Body)];
  const fail = (name: string) => (): void => {
    log.push(`${name} ${slice.length}`);
    throw new Error(name);
  };
  outer.defer(fail("outer first"));
  inner.defer(fail("inner"));
  const { promise, open } = gate();
  const closing = outer.child();
  closing.defer(fail("closing"));
  closing.defer(() => promise);
  const closed = closing[Symbol.asyncDispose]();
  await settled();
  outer.defer(fail("outer last"));
  alloc.dispose();
  assertEquals(log, ["outer last 8", "closing 8", "outer first 8", "inner 8"]);
  assertEquals([slice.length, alloc.stats().tasks.live], [0, 0]);
  const error = assertRefused(() => record.mass, "FA711");
  assert(error.message.includes('task "other" as it was freed with its allocator: '), error.message);
  assertEquals(chainOf(thrownBy(() => outer.release())).map((error) => (error as Error).message), [
    "outer last",
    "closing",
    "outer first",
    "inner",
  ]);
  open();
  await closed;
});

Deno.test("while an allocator is disposed of, tasks that are still there get nothing more", () => {
  for (const budget of [undefined, 1e6]) {
    const alloc = new SmartAlloc();
    const first = new TaskAlloc(alloc);
    const options = budget === undefined ? {} : { budget };
    const [used, unused] = [new TaskAlloc(alloc, options), new TaskAlloc(alloc, options)];
    used.alloc(f32);
    let seen = 0;
    first.defer(() => {
      for (const task of [used, unused]) assertRefused(() => task.allocSlice(Uint8Array, 5000), "FA012");
      assertRefused(() => used.child(), "FA012");
      assertRefused(() => new TaskAlloc(alloc), "FA012");
      assertEquals([used.reserved, unused.reserved, used.isReleased], [KB4, 0, false]);
      seen++;
    });
    alloc.dispose();
    first.release();
    assertEquals([seen, used.isReleased, alloc.stats().tasks.reserved], [1, true, 0]);
  }
});

// What is left

Deno.test("a task that starts others again and again does not grow, in whatever order they end", async () => {
  const alloc = new SmartAlloc();
  const parent = new TaskAlloc(alloc);
  parent.defer(() => {});
  const live: TaskAlloc[] = Array.from({ length: 50 }, () => parent.child());
  const work = async (): Promise<void> => {
    for (let i = 0; i < 40_000; i++) {
      const at = i * 7 % live.length;
      live[at]!.release();
      live[at] = parent.child();
      if (i % 1000 === 0) await new Promise((resolve) => setTimeout(resolve, 0));
    }
    await collectUntil(() => false);
  };
  await work();
  const before = Deno.memoryUsage().heapUsed;
  await work();
  const left = Deno.memoryUsage().heapUsed - before;
  assert(left < 100_000, `40000 tasks inside another left ${left} bytes behind`);
  parent.release();
  assertEquals(booksOf(alloc).live, 0);
});

Deno.test("tasks that have ended leave nothing behind, in their parent or with their signal", async () => {
  const alloc = new SmartAlloc();
  const parent = new TaskAlloc(alloc);
  const { signal } = new AbortController();
  const ways: readonly ((i: number) => TaskAlloc)[] = [
    () => new TaskAlloc(alloc),
    () => parent.child(),
    () => new TaskAlloc(alloc, { signal }),
    () => parent.child({ signal, budget: 1e6 }),
    (i) => new TaskAlloc(alloc, { name: `task ${i}` }), // a name of its own
  ];
  let started = 0;
  const work = async (): Promise<void> => {
    for (let i = 0; i < 2000; i++) {
      for (const start of ways) {
        const task = start(started++);
        task.alloc(f32);
        task.defer(() => {});
        task.signal;
        if (i % 2 === 0) task.release();
        else await task[Symbol.asyncDispose]();
      }
      if (i % 100 === 0) await new Promise((resolve) => setTimeout(resolve, 0));
    }
  };
  const used = async (): Promise<number> => {
    await collectUntil(() => false);
    return Deno.memoryUsage().heapUsed;
  };
  await work();
  const before = await used();
  await work();
  const left = await used() - before;
  assert(left < 20 * 2000 * ways.length, `${2000 * ways.length} tasks left ${left} bytes behind`);
  assertEquals(booksOf(alloc).live, 1);
});
