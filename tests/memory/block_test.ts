/**
 * Random programs on blocks against a model: no two blocks in use share memory, contents stay intact, whatever looked at a freed
 * block is detached for good, freed blocks are used again as promised, and the account is exact.
 */

import {
  type Account,
  AGAIN,
  arrayBufferSource,
  type Block,
  type BlockOptions,
  BlockStore,
  type ChunkSource,
  GRANTED,
  MAX_CHUNK,
  Position,
  REFUSED,
  type Verdict,
  viewOf,
} from "@framealloc/core/memory";
import { assert, assertEquals, assertNotStrictEquals, assertStrictEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { SOURCES } from "../frame/_sources.ts";
import { CountingSource } from "./_counting_source.ts";

const RUNS_PER_SOURCE = 550;
/** More freed blocks are never kept, however small they are. */
const MOST_IDLE = 64;

class Over extends Error {}

const owner = { expired: () => new Over("The image was dropped") };

const FAILURES = ["none", "throws", "small", "refuses", "again", "reenters"] as const;
type Failure = typeof FAILURES[number];

/** An account that counts, and refuses or calls back on command. */
class Purse implements Account {
  held = 0;
  failure: Failure = "none";
  callback: () => void = () => {};

  hold(bytes: number): Verdict {
    const { failure } = this;
    if (failure === "refuses") return REFUSED;
    if (failure === "again" || failure === "reenters") {
      this.failure = "none";
      if (failure === "reenters") this.callback();
      return AGAIN;
    }
    this.held += bytes;
    return GRANTED;
  }

  drop(bytes: number): void {
    this.held -= bytes;
    assert(this.held >= 0, "more was dropped than was held");
  }

  admit(): Verdict {
    return GRANTED;
  }

  refusal(action: string): Error {
    return new RangeError(`Cannot ${action}`);
  }
}

type Op =
  | { readonly kind: "take"; readonly bytes: number; readonly zero: boolean; readonly failure: Failure }
  | { readonly kind: "takeAgain"; readonly which: number; readonly less: number; readonly zero: boolean }
  | { readonly kind: "free"; readonly which: number }
  | { readonly kind: "freeTwice"; readonly which: number }
  | { readonly kind: "trim" };

const zero = fc.boolean();
const failure = fc.oneof(
  { weight: 3, arbitrary: fc.constant("none" as const) },
  { weight: 1, arbitrary: fc.constantFrom(...FAILURES) },
);
const bytes = fc.oneof(fc.nat(100), fc.nat(2000), fc.nat(9000));
const op: fc.Arbitrary<Op> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("take" as const), bytes, zero, failure }) },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant("takeAgain" as const), which: fc.nat(), less: fc.nat(40), zero }),
  },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant("free" as const), which: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("freeTwice" as const), which: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("trim" as const) }) },
);

interface Met {
  reused: number;
  kept: number;
  dropped: number;
  zeroed: number;
  refused: number;
  reentered: number;
  trimmed: number;
}

interface Held {
  readonly block: Block;
  readonly view: Uint8Array;
  readonly fill: number;
}

/** What is left of a freed block. */
interface Ghost {
  readonly block: Block;
  readonly view: Uint8Array;
  readonly data: DataView;
}

function run(inside: ChunkSource, idleBytes: number, program: readonly Op[], met: Met): void {
  const source = new CountingSource(inside);
  const purse = new Purse();
  const store = new BlockStore({ source, idleBytes, account: purse });
  let live: Held[] = [];
  const ghosts: Ghost[] = [];
  /** The capacities of the blocks that are kept, from the oldest to the newest. */
  let stock: number[] = [];
  let reuses = 0;
  let fill = 0;

  const sum = (numbers: readonly number[]): number => numbers.reduce((all, one) => all + one, 0);
  const counts = (): number[] => [store.live, store.idle, store.reuses, purse.held, source.bytes];
  const check = (): void => {
    const inUse = sum(live.map(({ block }) => block.capacity));
    const idle = sum(stock);
    assertEquals(counts(), [inUse, idle, reuses, inUse + idle, inUse + idle]);
    assert(idle <= idleBytes && stock.length <= MOST_IDLE);
  };
  const free = (held: Held): void => {
    const { block, view } = held;
    assert(view.every((byte) => byte === held.fill), "contents changed");
    const data = block.life.view!;
    store.free(block);
    live = live.filter((other) => other !== held);
    ghosts.push({ block, view, data });
    if (block.capacity > idleBytes) {
      met.dropped++;
      return;
    }
    stock.push(block.capacity);
    while (sum(stock) > idleBytes || stock.length > MOST_IDLE) stock.shift();
    met.kept++;
  };
  const take = (wanted: number, isZero: boolean): void => {
    const before = counts();
    const block = store.take(wanted, isZero, owner);
    // The newest that fits and wastes a quarter at most; looked for afterwards, as callbacks may have changed the stock.
    const needed = Math.max(16, Math.ceil(wanted / 16) * 16);
    const found = stock.findLastIndex((capacity) => capacity >= needed && capacity - needed <= capacity / 4);
    if (block === undefined) {
      assertEquals([counts(), found], [before, -1]);
      assertEquals(store.isOverBudget, purse.failure === "refuses");
      if (!source.isGenerous) assertStrictEquals(store.cause, source.refusal);
      else if (source.isShort) {
        const asked = Math.max(16, Math.ceil(wanted / 16) * 16);
        assertEquals((store.cause as Error).message, `The source gave ${asked - 1} of ${asked} bytes`);
      } else assertEquals(purse.failure, "refuses", "refused for no reason");
      met.refused++;
      return;
    }
    if (found >= 0) {
      assertEquals(block.capacity, stock[found]);
      stock = stock.filter((_, i) => i !== found);
      reuses++;
      met.reused++;
    } else assertEquals(block.capacity, Math.max(16, Math.ceil(wanted / 16) * 16));
    const data = viewOf(new Position(block.life, 0));
    assertEquals([block.byteLength, data.byteLength, data.byteOffset], [wanted, wanted, 0]);
    for (const other of live) assertNotStrictEquals(other.view.buffer, data.buffer, "blocks share memory");
    const view = new Uint8Array(data.buffer, 0, wanted);
    if (isZero) {
      assert(view.every((byte) => byte === 0), "a block is not zeroed");
      if (found >= 0) met.zeroed++;
    }
    fill = 1 + fill % 250;
    view.fill(fill);
    live.push({ block, view, fill });
  };

  for (const step of program) {
    switch (step.kind) {
      case "take":
        source.isGenerous = step.failure !== "throws";
        source.isShort = step.failure === "small";
        purse.failure = step.failure;
        purse.callback = () => {
          met.reentered++;
          if (live.length > 0) free(live[step.bytes % live.length]!);
          take(step.bytes, false);
          if (live.length > 1) free(live[0]!);
        };
        take(step.bytes, step.zero);
        [source.isGenerous, source.isShort] = [true, false];
        purse.failure = "none";
        break;
      case "takeAgain": {
        const capacity = stock[step.which % stock.length];
        if (capacity !== undefined) take(Math.max(0, capacity - step.less), step.zero);
        break;
      }
      case "free": {
        const held = live[step.which % live.length];
        if (held !== undefined) free(held);
        break;
      }
      case "freeTwice": {
        const ghost = ghosts[step.which % ghosts.length];
        if (ghost !== undefined) store.free(ghost.block);
        break;
      }
      case "trim":
        assertEquals(store.trim(), sum(stock));
        if (stock.length > 0) met.trimmed++;
        stock = [];
        break;
    }
    check();
  }
  for (const held of [...live]) free(held);
  for (const { block, view, data } of ghosts) {
    assertEquals([block.life.view, view.length, view.buffer.byteLength], [null, 0, 0]);
    assertThrows(() => viewOf(new Position(block.life, 0)), Over);
    assertThrows(() => data.getUint8(0), TypeError);
    assertThrows(() => view.fill(1), TypeError);
  }
  check();
  store.trim();
  assertEquals(counts(), [0, 0, reuses, 0, 0]);
}

for (const source of SOURCES.filter(({ capabilities }) => capabilities.revocable)) {
  Deno.test(`BlockStore obeys the model in ${RUNS_PER_SOURCE} random programs on ${source.name}`, () => {
    const met: Met = { reused: 0, kept: 0, dropped: 0, zeroed: 0, refused: 0, reentered: 0, trimmed: 0 };
    fc.assert(
      fc.property(
        fc.constantFrom(0, 100, 5000, 20_000, 10 ** 6),
        fc.array(op, { maxLength: 40, size: "max" }),
        (idleBytes, program) => run(source, idleBytes, program, met),
      ),
      { numRuns: RUNS_PER_SOURCE },
    );
    for (const [what, count] of Object.entries(met)) assert(count > RUNS_PER_SOURCE / 10, `only ${count} ${what}`);
    console.log(source.name, JSON.stringify(met));
  });
}

function storeOf(options: Partial<BlockOptions> = {}): BlockStore {
  return new BlockStore({ source: arrayBufferSource, idleBytes: 100_000, ...options });
}

Deno.test("free() detaches views before the memory is given to somebody else", () => {
  const store = storeOf();
  const first = store.take(1000, true, owner)!;
  const bytes = new Uint8Array(first.life.view!.buffer).fill(7);
  store.free(first);
  const second = store.take(990, false, owner)!;
  assertEquals([second.capacity, store.reuses], [1008, 1]);
  const mine = new Uint8Array(second.life.view!.buffer, 0, 990);
  assertEquals([mine[0], mine[989]], [7, 7]); // unzeroed, as nobody asked for zeros
  mine.fill(9);
  bytes[0] = 1; // has no effect
  assertEquals([bytes.length, mine[0], first.life.view], [0, 9, null]);
  store.free(first); // the second owner is left alone
  assertEquals([mine.length, store.live], [990, 1008]);
});

Deno.test("take() zeroes all of a block that is used again, also past what its last owner saw", () => {
  const store = storeOf();
  const first = store.take(1000, true, owner)!;
  new Uint8Array(first.life.view!.buffer).fill(7);
  store.free(first);
  const second = store.take(800, true, owner)!; // zeroes 800 of 1008
  store.free(second);
  const third = store.take(1008, true, owner)!;
  assertEquals([third.capacity, store.reuses], [1008, 2]);
  assert(new Uint8Array(third.life.view!.buffer).every((byte) => byte === 0));
});

Deno.test("take() uses a freed block if it wastes no more than a quarter of it", () => {
  const store = storeOf();
  store.free(store.take(1600, false, owner)!);
  assertEquals(store.take(1184, false, owner)!.capacity, 1184);
  assertEquals(store.take(1601, false, owner)!.capacity, 1616);
  assertEquals(store.take(1200, false, owner)!.capacity, 1600);
  assertEquals([store.reuses, store.idle], [1, 0]);
});

Deno.test("the stock is bounded by bytes and by number, and drops the oldest first", () => {
  const store = storeOf({ idleBytes: 3000 });
  const blocks = [1000, 1008, 992, 2000].map((bytes) => store.take(bytes, false, owner)!);
  for (const block of blocks.slice(0, 3)) store.free(block);
  assertEquals(store.idle, 2000); // 1008 and 992: the first had to go
  store.free(blocks[3]!);
  assertEquals(store.idle, 2992);
  store.free(store.take(3008, false, owner)!); // larger than all that may be kept
  assertEquals([store.idle, store.live], [2992, 0]);
  const many = storeOf();
  for (const block of Array.from({ length: 100 }, () => many.take(1, false, owner)!)) many.free(block);
  assertEquals([many.idle, many.live, many.trim(), many.idle], [16 * MOST_IDLE, 0, 16 * MOST_IDLE, 0]);
});

Deno.test("a block of no bytes is a block", () => {
  const store = storeOf();
  const block = store.take(0, true, owner)!;
  assertEquals([block.byteLength, block.capacity, block.life.view!.byteLength, store.live], [0, 16, 0, 16]);
  store.free(block);
  assertEquals([block.life.view, store.live, store.idle], [null, 0, 16]);
});

Deno.test("take() that is refused says why and changes nothing", () => {
  const source = new CountingSource();
  const purse = new Purse();
  const store = storeOf({ source, account: purse });
  const kept = store.take(100, true, owner)!;
  const counts = (): number[] => [store.live, store.idle, purse.held, source.bytes];
  const before = counts();
  for (const bytes of [MAX_CHUNK + 1, 2 ** 32, 2 ** 53]) {
    assertEquals([store.take(bytes, true, owner), store.isOverBudget], [undefined, false]);
    assert(store.cause instanceof RangeError);
    assert(store.cause.message.includes(String(MAX_CHUNK)), store.cause.message);
  }
  source.isGenerous = false;
  assertEquals([store.take(100, true, owner), store.isOverBudget], [undefined, false]);
  assertStrictEquals(store.cause, source.refusal);
  [source.isGenerous, source.isShort] = [true, true];
  assertEquals([store.take(100, true, owner), store.isOverBudget], [undefined, false]);
  assertEquals((store.cause as Error).message, "The source gave 111 of 112 bytes");
  [source.isGenerous, source.isShort] = [true, false];
  purse.failure = "refuses";
  assertEquals([store.take(100, true, owner), store.isOverBudget], [undefined, true]);
  assertEquals(counts(), before);
  store.free(kept);
  assertEquals(store.take(100, true, owner)?.capacity, 112); // what is held already needs no leave
  purse.failure = "none";
  assertEquals([store.take(100, true, owner)?.capacity, store.isOverBudget, purse.held], [112, false, 224]);
});

Deno.test("an account that says AGAIN has its callback's doings seen", () => {
  const source = new CountingSource();
  const purse = new Purse();
  const store = storeOf({ source, account: purse });
  const block = store.take(1000, true, owner)!;
  purse.failure = "reenters";
  purse.callback = () => store.free(block);
  const next = store.take(1000, true, owner)!;
  assertEquals([store.reuses, source.bytes, purse.held, next.life.view!.byteLength], [1, 1008, 1008, 1000]);
});

Deno.test("a block whose buffer was moved to another thread is freed all the same", () => {
  for (const idleBytes of [0, 100_000]) {
    const source = new CountingSource();
    const purse = new Purse();
    const store = storeOf({ source, account: purse, idleBytes });
    const block = store.take(1000, true, owner)!;
    assertEquals(block.isGone, false);
    const theirs = moveAway(block);
    new Uint8Array(theirs).fill(7);
    assertEquals([block.isGone, store.live], [true, 1008]);
    store.free(block);
    assertEquals([block.life.view, block.isGone, store.live], [null, false, 0]);
    assertEquals([purse.held, source.bytes], [store.idle, store.idle]);
    const next = store.take(1000, false, owner)!;
    new Uint8Array(viewOf(new Position(next.life, 0)).buffer).fill(9);
    assert(new Uint8Array(theirs).every((byte) => byte === 7)); // whoever has it keeps it
    store.free(next);
    store.trim();
    assertEquals([store.live, store.idle, purse.held, source.bytes], [0, 0, 0, 0]);
  }
});

/** Moves the memory of a block away, as to another thread. */
function moveAway(block: Block): ArrayBuffer {
  const buffer = block.life.view!.buffer as ArrayBuffer;
  return structuredClone(buffer, { transfer: [buffer] });
}

Deno.test("adopt() takes memory back that was moved away, and nothing else", () => {
  const store = storeOf();
  const block = store.take(1000, true, owner)!;
  const other = store.take(1000, true, owner)!;
  assertEquals(block.adopt(new ArrayBuffer(1008)), false); // it is not gone
  const theirs = moveAway(block);
  assertThrows(() => viewOf(new Position(block.life, 0)).getUint8(0), TypeError);
  for (const wrong of [new ArrayBuffer(1000), new ArrayBuffer(2000), new SharedArrayBuffer(1008), new ArrayBuffer(0)]) {
    assertEquals([block.adopt(wrong), block.isGone], [false, true]);
  }
  new Uint8Array(theirs).fill(7);
  assertEquals([block.adopt(theirs), block.isGone, block.adopt(theirs)], [true, false, false]);
  const view = viewOf(new Position(block.life, 0));
  assertEquals([view.byteLength, view.getUint8(999), other.life.view!.getUint8(999)], [1000, 7, 0]);
  store.free(block);
  assertEquals([theirs.byteLength, block.life.view, store.live, store.idle], [0, null, 1008, 1008]);
  const away = moveAway(other);
  store.free(other);
  assertEquals([other.adopt(away), other.life.view], [false, null]); // it is freed, however gone it is
});

Deno.test("take() zeroes what a source gives unless the source says that it is zeroed", () => {
  const { zeroed: _, ...silent } = arrayBufferSource.capabilities;
  for (const capabilities of [silent, { ...silent, zeroed: false }]) {
    const source: ChunkSource = {
      name: "dirty",
      capabilities,
      obtain(bytes) {
        const chunk = arrayBufferSource.obtain(bytes);
        new Uint8Array(chunk.buffer).fill(0xee);
        return chunk;
      },
    };
    const store = storeOf({ source });
    const block = store.take(1000, true, owner)!;
    assert(new Uint8Array(block.life.view!.buffer, 0, 1000).every((byte) => byte === 0));
    assertEquals(store.take(1000, false, owner)!.life.view!.getUint8(0), 0xee);
  }
});
