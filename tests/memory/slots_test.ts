/**
 * Random programs on tables of numbered places against a model: a number stands for one thing for ever, and any other number, of
 * whatever kind, for none.
 */

import { Slots } from "@framealloc/core/memory";
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";

const RUNS = 1200;
const PLACES = 2 ** 24;

type Op =
  | { readonly kind: "take"; readonly times: number }
  | { readonly kind: "give"; readonly which: number; readonly times: number }
  | { readonly kind: "ask"; readonly number: number }
  | { readonly kind: "askNear"; readonly which: number; readonly by: number };

/** Numbers that are none of the table's, and some that may be. */
const number = fc.oneof(
  fc.double(),
  fc.integer(),
  fc.maxSafeInteger(),
  fc.tuple(fc.nat(8), fc.nat(40)).map(([life, place]) => life * PLACES + place),
  fc.constantFrom(
    NaN,
    Infinity,
    -Infinity,
    -0,
    0,
    1,
    -1,
    0.5,
    2 ** 53 - 1,
    2 ** 53,
    2 ** 53 + 2,
    -(2 ** 53),
    2 ** 32,
    1e300,
  ),
);
const op: fc.Arbitrary<Op> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("take" as const), times: fc.integer({ min: 1, max: 10 }) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("give" as const),
      which: fc.nat(),
      times: fc.integer({ min: 1, max: 6 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("ask" as const), number }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("askNear" as const),
      which: fc.nat(),
      by: fc.oneof(
        fc.constantFrom(0.5, -0.5, 2 ** -20, PLACES, -PLACES, 2 * PLACES, 2 ** 32, -(2 ** 32), 2 ** 48, NaN),
        fc.integer({ min: -40, max: 40 }),
      ),
    }),
  },
);

interface Met {
  exhausted: number;
  retired: number;
  reused: number;
  past: number;
  none: number;
}

function run(most: number, mostLives: number, program: readonly Op[], met: Met): void {
  const slots = new Slots(most, mostLives);
  /** The numbers in use, and their places. */
  const live = new Map<number, number>();
  const past = new Set<number>();
  const lives = new Map<number, number>();
  let retired = 0;
  let height = 0;

  const ask = (number: number): void => {
    assertEquals(slots.find(number), live.get(number) ?? -1, `find(${number})`);
    assertEquals(slots.isPast(number), past.has(number), `isPast(${number})`);
    if (past.has(number)) met.past++;
    if (!past.has(number) && !live.has(number)) met.none++;
  };
  const take = (): void => {
    const number = slots.take();
    if (number === -1) {
      assertEquals(live.size + retired, most, "there was a free place");
      met.exhausted++;
      return;
    }
    assert(Number.isSafeInteger(number) && number > 0);
    assert(!live.has(number) && !past.has(number), "a number was given out twice");
    const place = slots.find(number);
    assert(Number.isInteger(place) && place >= 0 && place < most);
    assert(![...live.values()].includes(place), "a place is in use twice");
    const life = (lives.get(place) ?? 0) + 1;
    assert(life <= mostLives, "a retired place was given out");
    if (life > 1) met.reused++;
    lives.set(place, life);
    live.set(number, place);
    height = Math.max(height, place + 1);
  };
  const give = (number: number): void => {
    const place = live.get(number)!;
    slots.give(place);
    live.delete(number);
    past.add(number);
    if (lives.get(place) === mostLives) {
      retired++;
      met.retired++;
    }
  };
  for (const step of program) {
    switch (step.kind) {
      case "take":
        for (let i = 0; i < step.times; i++) take();
        break;
      case "give":
        for (let i = 0; i < step.times && live.size > 0; i++) give([...live.keys()][step.which % live.size]!);
        break;
      case "ask":
        ask(step.number);
        break;
      case "askNear": {
        const known = [...live.keys(), ...past];
        if (known.length > 0) ask(known[step.which % known.length]! + step.by);
        break;
      }
    }
    assertEquals([slots.live, slots.retired, slots.height], [live.size, retired, height]);
    for (const [number, place] of live) assertEquals([slots.find(number), slots.numberOf(place)], [place, number]);
    for (let place = 0; place < slots.generations.length; place++) {
      const isLive = (slots.generations[place]! & 1) === 1;
      if (isLive) assertEquals(live.get(slots.numberOf(place)), place);
    }
  }
  for (const number of [...live.keys(), ...past]) ask(number);
}

Deno.test(`Slots obeys the model in ${RUNS} random programs`, () => {
  const met: Met = { exhausted: 0, retired: 0, reused: 0, past: 0, none: 0 };
  fc.assert(
    fc.property(
      fc.oneof(fc.integer({ min: 1, max: 40 }), fc.constant(PLACES)),
      fc.oneof(fc.integer({ min: 1, max: 4 }), fc.constant(2 ** 29 - 1)),
      fc.array(op, { maxLength: 40, size: "max" }),
      (most, mostLives, program) => run(most, mostLives, program, met),
    ),
    { numRuns: RUNS },
  );
  for (const [what, count] of Object.entries(met)) assert(count > RUNS / 4, `only ${count} ${what}`);
  console.log("Slots", JSON.stringify(met));
});

Deno.test("numbers are unique while the table grows and places are used again", () => {
  const slots = new Slots();
  const numbers = new Set<number>();
  const takeAll = (): void => {
    for (let i = 0; i < 40_000; i++) numbers.add(slots.take());
  };
  takeAll();
  assertEquals([numbers.size, slots.live, slots.height], [40_000, 40_000, 40_000]);
  for (let place = 0; place < 40_000; place++) slots.give(place);
  takeAll();
  assertEquals([numbers.size, slots.live, slots.height], [80_000, 40_000, 40_000]);
  let [found, past] = [0, 0];
  for (const number of numbers) {
    if (slots.find(number) >= 0) found++;
    if (slots.isPast(number)) past++;
  }
  assertEquals([found, past], [40_000, 40_000]);
});

Deno.test("take() gives -1 when all places are in use or retired, and goes on when one is free", () => {
  const slots = new Slots(3, 2);
  const numbers = [slots.take(), slots.take(), slots.take()];
  assertEquals([slots.take(), slots.live], [-1, 3]);
  slots.give(1);
  numbers.push(slots.take());
  assertEquals([slots.find(numbers[3]!), slots.find(numbers[1]!), slots.take()], [1, -1, -1]);
  slots.give(1); // its last life is over
  assertEquals([slots.take(), slots.retired, slots.live], [-1, 1, 2]);
  assertEquals(numbers.map((number) => slots.isPast(number)), [false, true, false, true]);
  assertEquals(new Slots(0).take(), -1);
});

Deno.test("the last number of a place is a safe integer, and the place is retired after it", () => {
  const slots = new Slots();
  const first = slots.take();
  slots.give(0);
  slots.generations[0] = 2 * (2 ** 16 - 2); // as it would be after that many lives
  const last = slots.take();
  assertEquals([Number.isSafeInteger(last), slots.find(last), slots.numberOf(0)], [true, 0, last]);
  assertEquals([slots.find(first), slots.isPast(first), slots.isPast(last)], [-1, true, false]);
  assertEquals([slots.find(last + 1), slots.find(last + PLACES), slots.isPast(last + PLACES)], [-1, -1, false]);
  slots.give(0);
  assertEquals([slots.retired, slots.find(last), slots.isPast(last)], [1, -1, true]);
  assertEquals(slots.find(slots.take()), 1);
});

Deno.test("find() and isPast() take any number for none that is none", () => {
  const slots = new Slots();
  const number = slots.take(); // place 0, which is where careless rounding would end
  slots.give(slots.find(slots.take()));
  const odd = [
    NaN,
    Infinity,
    -Infinity,
    0,
    -0,
    -1,
    -number,
    number + 0.5,
    number - 0.5,
    number + 2 ** 32,
    number - 2 ** 32,
    number + 2 ** 53,
    2 ** 53,
    2 ** 64,
    Number.MAX_VALUE,
    Number.MIN_VALUE,
    PLACES - 1,
    PLACES + 2,
    2 * PLACES,
    2 * PLACES + 1,
  ];
  for (const other of odd) assertEquals([slots.find(other), slots.isPast(other)], [-1, false], String(other));
  assertEquals([slots.find(number), slots.isPast(number), slots.isPast(number + 1)], [0, false, true]);
});
