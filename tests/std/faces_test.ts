// The faces stand for the real packages in every other test, so they are shown here to tell
// right from wrong. They ask for nothing that the real packages do not have.

import {
  assert,
  assertAlmostEquals,
  assertArrayIncludes,
  assertEquals,
  assertExists,
  assertFalse,
  assertGreater,
  assertGreaterOrEqual,
  assertInstanceOf,
  AssertionError,
  assertIsError,
  assertLess,
  assertLessOrEqual,
  assertMatch,
  assertNotEquals,
  assertNotInstanceOf,
  assertNotMatch,
  assertNotStrictEquals,
  assertObjectMatch,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
  equal,
  fail,
  unimplemented,
  unreachable,
} from "@std/assert";
import { abortable, deadline, debounce, MuxAsyncIterator, pooledMap, retry, tee } from "@std/async";
import { delay } from "@std/async/delay";
import { RetryError } from "@std/async/retry";
import { assertSpyCall, assertSpyCalls, MockError, restore, spy, stub } from "@std/testing/mock";
import { FakeTime, TimeError } from "@std/testing/time";

/** Runs one that must pass, then each that must fail, without the help of any assertion. */
function tells(passes: () => void, ...failing: (() => void)[]): void {
  passes();
  for (const fails of failing) {
    let thrown: unknown;
    try {
      fails();
    } catch (error) {
      thrown = error;
    }
    if (!(thrown instanceof AssertionError)) {
      throw new Error(`Expected an AssertionError from ${fails}, got ${thrown}`);
    }
  }
}

async function* count(n: number): AsyncGenerator<number> {
  for (let i = 0; i < n; i++) yield await Promise.resolve(i);
}

Deno.test("the assertions pass on what is right and fail on what is not", () => {
  tells(() => assert(1), () => assert(0));
  tells(() => assertFalse(0), () => assertFalse(1));
  tells(() => assertEquals({ a: [1] }, { a: [1] }), () => assertEquals({ a: [1] }, { a: [2] }));
  tells(() => assertNotEquals([1], [2]), () => assertNotEquals([1], [1]));
  tells(() => assertStrictEquals(NaN, NaN), () => assertStrictEquals<unknown>([1], [1]));
  tells(() => assertNotStrictEquals([1], [1]), () => assertNotStrictEquals(1, 1));
  tells(() => assertAlmostEquals(0.1 + 0.2, 0.3), () => assertAlmostEquals(1, 1.1, 0.01));
  tells(() => assertExists(0), () => assertExists(null), () => assertExists(undefined));
  tells(() => assertInstanceOf([], Array), () => assertInstanceOf({}, Array));
  tells(() => assertNotInstanceOf({}, Array), () => assertNotInstanceOf([], Array));
  tells(() => assertStringIncludes("frame", "ram"), () => assertStringIncludes("frame", "mar"));
  tells(() => assertMatch("frame", /^f/), () => assertMatch("frame", /^r/));
  tells(() => assertNotMatch("frame", /^r/), () => assertNotMatch("frame", /^f/));
  tells(() => assertGreater(2, 1), () => assertGreater(1, 1));
  tells(() => assertGreaterOrEqual(1, 1), () => assertGreaterOrEqual(0, 1));
  tells(() => assertLess(1, 2), () => assertLess(1, 1));
  tells(() => assertLessOrEqual(1, 1), () => assertLessOrEqual(2, 1));
  tells(() => assertArrayIncludes([1, 2, 3], [3, 1]), () => assertArrayIncludes([1, 2], [3]));
  tells(() => assertObjectMatch({ a: 1, b: 2 }, { a: 1 }), () => assertObjectMatch({}, { a: 1 }));
  tells(
    () => assertIsError(new TypeError("no"), TypeError, /^no$/),
    () => assertIsError(new TypeError("no"), RangeError),
    () => assertIsError("no"),
  );
  tells(() => {}, () => fail("no"), () => unreachable(), () => unimplemented());
  if (!equal(new Set([1]), new Set([1])) || equal(new Set([1]), new Set([2]))) fail("equal()");
});

Deno.test("assertThrows() fails when nothing is thrown, or something else", () => {
  const thrown = new TypeError("Cannot allocate");
  const throws = () => {
    throw thrown;
  };
  tells(
    () => assertThrows(throws, TypeError, "allocate"),
    () => assertThrows(() => {}),
    () => assertThrows(() => {}, TypeError),
    () => assertThrows(throws, RangeError),
    () => assertThrows(throws, TypeError, "release"),
  );
  const error: TypeError = assertThrows(throws, TypeError);
  assertStrictEquals(error, thrown);
  assertStrictEquals(assertThrows(throws, "message"), thrown);
});

Deno.test("assertRejects() fails when the promise resolves, or rejects with something else", async () => {
  const thrown = new TypeError("Cannot allocate");
  const rejects = () => Promise.reject(thrown);
  const error: TypeError = await assertRejects(rejects, TypeError, "allocate");
  assertStrictEquals(error, thrown);
  assertStrictEquals(await assertRejects(rejects), thrown);
  for (
    const wrong of [
      assertRejects(() => Promise.resolve(1)),
      assertRejects(rejects, RangeError),
      assertRejects(rejects, TypeError, "release"),
    ]
  ) {
    const outcome = await wrong.then(() => "passed", (error) => error);
    assertInstanceOf(outcome, AssertionError);
  }
});

Deno.test("the assertions narrow types", () => {
  const value = [1, "a", null][Math.floor(0.5)] as number | string | null;
  assertExists(value);
  const present: number | string = value;
  assert(typeof present === "number");
  const number: number = present;
  assertEquals(number, 1);
});

Deno.test("delay() resolves late, and rejects when aborted", async () => {
  let hasFired = false;
  setTimeout(() => hasFired = true, 1);
  await delay(20);
  assert(hasFired);
  const controller = new AbortController();
  const delayed = delay(10_000, { signal: controller.signal });
  controller.abort(new Error("enough"));
  await assertRejects(() => delayed, Error, "enough");
});

Deno.test("deadline() and abortable() end a promise that never settles", async () => {
  assertEquals(await deadline(Promise.resolve(1), 1_000), 1);
  const error = await assertRejects(() => deadline(new Promise(() => {}), 5), DOMException);
  assertEquals(error.name, "TimeoutError");
  const signal = AbortSignal.abort(new Error("enough"));
  await assertRejects(() => abortable(new Promise(() => {}), signal), Error, "enough");
  assertEquals(await Array.fromAsync(abortable(count(2), new AbortController().signal)), [0, 1]);
});

Deno.test("debounce() makes one call of many", () => {
  using time = new FakeTime();
  const seen: number[] = [];
  const debounced = debounce((value: number) => seen.push(value), 100);
  debounced(1);
  debounced(2);
  assert(debounced.pending);
  time.tick(99);
  assertEquals(seen, []);
  time.tick(1);
  assertEquals(seen, [2]);
});

Deno.test("pooledMap() keeps the order and the limit", async () => {
  let running = 0;
  let most = 0;
  const mapped = pooledMap(2, [3, 2, 1], async (n) => {
    most = Math.max(most, ++running);
    await delay(n);
    running--;
    return n * 10;
  });
  assertEquals(await Array.fromAsync(mapped), [30, 20, 10]);
  assertEquals(most, 2);
});

Deno.test("retry() tries again, and gives up with the cause", async () => {
  let tries = 0;
  const flaky = () => {
    if (++tries < 3) throw new Error("not yet");
    return tries;
  };
  assertEquals(await retry(flaky, { minTimeout: 1 }), 3);
  const never = () => Promise.reject(new Error("never"));
  const error = await assertRejects(
    () => retry(never, { minTimeout: 1, maxAttempts: 2 }),
    RetryError,
  );
  assertIsError(error.cause, Error, "never");
});

Deno.test("MuxAsyncIterator and tee() yield everything", async () => {
  const mux = new MuxAsyncIterator<number>();
  mux.add(count(2));
  mux.add(count(3));
  assertEquals((await Array.fromAsync(mux)).sort(), [0, 0, 1, 1, 2]);
  const [a, b] = tee(count(3));
  assertEquals(await Array.fromAsync(a), [0, 1, 2]);
  assertEquals(await Array.fromAsync(b), [0, 1, 2]);
});

Deno.test("FakeTime moves timers and Date, only when told to", async () => {
  const seen: string[] = [];
  {
    using time = new FakeTime(1_000);
    assertThrows(() => new FakeTime(), TimeError);
    setTimeout(() => seen.push("late"), 5_000);
    const dropped = setTimeout(() => seen.push("dropped"), 5_000);
    clearTimeout(dropped);
    const interval = setInterval(() => seen.push("tick"), 2_000);
    assertEquals([Date.now(), new Date().getTime(), time.now, time.start], Array(4).fill(1_000));
    await time.delay(5);
    assertEquals(seen, []);
    time.tick(4_999);
    assertEquals(seen, ["tick", "tick"]);
    await time.tickAsync(1);
    assertEquals(seen, ["tick", "tick", "late"]);
    assertEquals(Date.now(), 6_000);
    assertThrows(() => (time.now = 5_999));
    clearInterval(interval);
    assertFalse(time.next());
  }
  assertGreater(Date.now(), 1_000_000);
  await delay(1);
  assertThrows(() => FakeTime.restore(), TimeError);
});

Deno.test("FakeTime.next() and runAll() go from timer to timer", async () => {
  using time = new FakeTime(0);
  const seen: number[] = [];
  const note = () => seen.push(Date.now());
  setTimeout(note, 10);
  setTimeout(note, 10);
  setTimeout(() => setTimeout(note, 30), 20);
  assert(time.next());
  assertEquals(seen, [10, 10]);
  assert(await time.nextAsync());
  assertEquals(time.now, 20);
  time.runAll();
  assertEquals(seen, [10, 10, 50]);
  setTimeout(() => Promise.resolve().then(() => setTimeout(note, 5)), 5);
  await time.runAllAsync();
  await time.runAllAsync();
  assertEquals(seen, [10, 10, 50, 60]);
});

Deno.test("FakeTime.restoreFor() gives real time to one callback", async () => {
  using time = new FakeTime(0);
  let fired = false;
  setTimeout(() => (fired = true), 10);
  assertGreater(await FakeTime.restoreFor(() => Date.now()), 1_000_000);
  await FakeTime.restoreFor((ms) => delay(ms), 1);
  assertEquals(Date.now(), 0);
  time.tick(10);
  assert(fired);
});

Deno.test("spy() records calls of a function", () => {
  const half = spy((n: number) => {
    if (n % 2) throw new RangeError("odd");
    return n / 2;
  });
  assertEquals(half(4), 2);
  assertThrows(() => half(3), RangeError);
  assertSpyCalls(half, 2);
  assertSpyCall(half, 0, { args: [4], returned: 2 });
  assertSpyCall(half, 1, { args: [3], error: { Class: RangeError, msgIncludes: "odd" } });
  tells(
    () => {},
    () => assertSpyCalls(half, 1),
    () => assertSpyCall(half, 2),
    () => assertSpyCall(half, 0, { args: [5] }),
    () => assertSpyCall(half, 0, { returned: 3 }),
  );
  assertThrows(() => half.restore(), MockError);
});

Deno.test("spy() and stub() stand in for a method until restored", () => {
  class Counter {
    value = 1;
    read(): number {
      return this.value;
    }
  }
  const counter = new Counter();
  {
    using read = spy(counter, "read");
    assertEquals(counter.read(), 1);
    assertSpyCall(read, 0, { self: counter, args: [], returned: 1 });
    assertThrows(() => spy(counter, "read"), MockError);
  }
  const read = stub(counter, "read", () => 7);
  assertEquals(counter.read(), 7);
  restore();
  assert(read.restored);
  assertEquals(counter.read(), 1);
  assertFalse(Object.hasOwn(counter, "read"));
});
