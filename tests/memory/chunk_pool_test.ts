/**
 * Chunks that change hands: random programs against a model of which chunk is given and what is in it, and each rule by itself. What
 * matters most is that nobody sees the bytes of another.
 */

import {
  arrayBufferSource,
  type Chunk,
  ChunkPool,
  type ChunkPoolOptions,
  type ChunkSource,
  type PooledChunk,
} from "@framealloc/core/memory";
import { assert, assertEquals, assertNotStrictEquals, assertStrictEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { CountingSource } from "./_counting_source.ts";

const KB = 1024;
const MB = 1024 * KB;

/** A pool, and what it has told of chunks that it has discarded. */
function poolOf(options: Partial<ChunkPoolOptions> = {}): { pool: ChunkPool; discarded: number[] } {
  const discarded: number[] = [];
  const pool = new ChunkPool({
    source: arrayBufferSource,
    idleBytes: 64 * KB,
    onDiscard: (bytes) => discarded.push(bytes),
    ...options,
  });
  return { pool, discarded };
}

function bytesOf({ buffer, capacity }: PooledChunk): Uint8Array {
  assertEquals(buffer.byteLength, capacity);
  return new Uint8Array(buffer);
}

/** Gives a chunk back, as whoever has it does. */
function giveBack(pool: ChunkPool, chunk: PooledChunk): boolean {
  chunk.revoke();
  return pool.give(chunk);
}

function isFilled(bytes: Uint8Array, value: number): boolean {
  for (let i = 0; i < bytes.length; i++) if (bytes[i] !== value) return false;
  return true;
}

/** The same for chunks that are looked at again and again. */
function isFilledAtEnds(bytes: Uint8Array, value: number): boolean {
  return isFilled(bytes.subarray(0, 16), value) && isFilled(bytes.subarray(-16), value);
}

/** A source whose chunks hold something, and which does not say otherwise; `extra` is what it gives beyond what it is asked for. */
function dirtySource({ extra = 0, zeroed }: { extra?: number; zeroed?: boolean } = {}): ChunkSource {
  const { zeroed: _, ...capabilities } = arrayBufferSource.capabilities;
  return {
    name: "dirty",
    capabilities: zeroed === undefined ? capabilities : { ...capabilities, zeroed },
    obtain(bytes) {
      const chunk = arrayBufferSource.obtain(bytes + extra);
      new Uint8Array(chunk.buffer).fill(0xee);
      return chunk;
    },
  };
}

// Programs

type Op =
  | {
    readonly kind: "take";
    readonly bytes: number;
    readonly zero: boolean;
    readonly failure: "none" | "throws" | "small";
  }
  | { readonly kind: "give" | "giveAway"; readonly which: number }
  | { readonly kind: "trim" };

const op: fc.Arbitrary<Op> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant("take" as const),
      bytes: fc.oneof(
        { weight: 6, arbitrary: fc.integer({ min: 0, max: 20 * KB }) },
        { weight: 1, arbitrary: fc.constantFrom(4 * KB, 4 * KB + 1, 4 * KB, 64 * KB, 64 * KB, MB, MB + 1, 2 * MB) },
      ),
      zero: fc.boolean(),
      failure: fc.constantFrom("none", "none", "none", "none", "throws", "small"),
    }),
  },
  { weight: 7, arbitrary: fc.record({ kind: fc.constant("give" as const), which: fc.nat(100) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("giveAway" as const), which: fc.nat(100) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("trim" as const) }) },
) as fc.Arbitrary<Op>;

/** A chunk, and what the model knows of what is in it. */
interface Known {
  readonly chunk: PooledChunk;
  /** The byte that it is filled with. */
  fill: number;
  /** Whether its last owner wanted zeros, and so did not agree to be seen by others. */
  isSecret: boolean;
}

const met = { reused: 0, passedOn: 0, zeroed: 0, kept: 0, crowdedOut: 0, tooLarge: 0, refused: 0, away: 0, trimmed: 0 };

function sizeFor(bytes: number): number {
  if (bytes > MB) return Math.ceil(bytes / MB) * MB;
  let size = 4 * KB;
  while (size < bytes) size *= 2;
  return size;
}

function run(inside: ChunkSource, idleBytes: number, program: readonly Op[]): void {
  const source = new CountingSource(inside);
  const { pool, discarded } = poolOf({ source, idleBytes });
  const held: Known[] = [];
  /** Oldest first. */
  let stock: Known[] = [];
  let told: number[] = [];
  let reuses = 0;
  let fill = 0;
  const sum = (of: readonly Known[]): number => of.reduce((bytes, { chunk }) => bytes + chunk.capacity, 0);
  const drop = (): void => {
    told.push(stock.shift()!.chunk.capacity);
  };

  const take = ({ bytes, zero, failure }: Op & { readonly kind: "take" }): void => {
    const size = sizeFor(bytes);
    const found = stock.findLast(({ chunk }) => chunk.capacity === size);
    assertEquals([pool.sizeFor(bytes), pool.has(bytes)], [size, found !== undefined]);
    source.isGenerous = failure !== "throws";
    source.isShort = failure === "small";
    const { bytes: before } = source;
    let chunk: PooledChunk;
    try {
      chunk = pool.take(bytes, zero);
    } catch (error) {
      assert(found === undefined && failure !== "none", String(error));
      if (failure === "throws") assertStrictEquals(error, source.refusal);
      else assertEquals((error as Error).message, `The source gave ${size - 1} of ${size} bytes`);
      assertEquals(source.bytes, before);
      met.refused++;
      return;
    }
    let content = 0;
    if (found === undefined) {
      assert(failure === "none", "a source that refuses has given a chunk");
      assertEquals(source.bytes, before + size);
    } else {
      assertStrictEquals(chunk, found.chunk);
      stock = stock.filter((known) => known !== found);
      reuses++;
      met.reused++;
      if (!zero && !found.isSecret) content = found.fill;
      met[content === 0 ? "zeroed" : "passedOn"]++;
    }
    assertEquals(chunk.capacity, size);
    assert(isFilled(bytesOf(chunk), content), `a chunk does not hold ${content}`);
    for (const other of held) assertNotStrictEquals(other.chunk.buffer, chunk.buffer, "chunks share memory");
    fill = 1 + fill % 250;
    bytesOf(chunk).fill(fill);
    held.push({ chunk, fill, isSecret: zero });
  };

  const give = (known: Known): void => {
    held.splice(held.indexOf(known), 1);
    const { chunk } = known;
    const view = bytesOf(chunk);
    assert(isFilled(view, known.fill), "the contents of a chunk have changed");
    let released = 0;
    chunk.holder = { released: () => released++ };
    const isKept = giveBack(pool, chunk);
    assertEquals([view.length, released, isKept], [0, 0, chunk.capacity <= idleBytes]);
    if (!isKept) {
      met.tooLarge++;
      return;
    }
    met.kept++;
    assertStrictEquals(chunk.holder, undefined);
    stock.push(known);
    for (; sum(stock) > idleBytes; met.crowdedOut++) drop();
  };

  for (const step of program) {
    switch (step.kind) {
      case "take":
        take(step);
        [source.isGenerous, source.isShort] = [true, false];
        break;
      case "give": {
        const known = held[step.which % held.length];
        if (known !== undefined) give(known);
        break;
      }
      case "giveAway": {
        const known = held[step.which % held.length];
        if (known === undefined) break;
        met.away++;
        const theirs = (known.chunk.buffer as ArrayBuffer).transfer();
        held.splice(held.indexOf(known), 1);
        const isKept = giveBack(pool, known.chunk);
        assertEquals(isKept, known.chunk.capacity <= idleBytes);
        assert(isFilled(new Uint8Array(theirs), known.fill), "whoever has taken the memory away does not have it");
        // There is other memory in its place, which nobody has written to.
        known.fill = 0;
        if (isKept) stock.push(known);
        while (sum(stock) > idleBytes) drop();
        break;
      }
      case "trim":
        if (stock.length > 0) met.trimmed++;
        assertEquals(pool.trim(), sum(stock));
        while (stock.length > 0) drop();
        break;
    }
    assertEquals([pool.idle, pool.reuses, source.bytes], [sum(stock), reuses, sum(stock) + sum(held)]);
    assertEquals(discarded, told);
    for (const { chunk, fill } of held) assert(isFilledAtEnds(bytesOf(chunk), fill), "a chunk has changed");
    discarded.length = 0;
    told = [];
  }
  for (const known of [...held]) give(known);
  pool.trim();
  assertEquals([pool.idle, source.bytes, source.chunks], [0, 0, 0]);
}

Deno.test("ChunkPool obeys the model in 600 random programs", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(arrayBufferSource, dirtySource(), dirtySource({ zeroed: false })),
      fc.constantFrom(0, 4 * KB, 40 * KB, 40 * KB, 200 * KB, 3 * MB),
      fc.array(op, { maxLength: 40, size: "max" }),
      run,
    ),
    { numRuns: 600 },
  );
  for (const [what, count] of Object.entries(met)) assert(count > 60, `only ${count} ${what}`);
  console.log(JSON.stringify(met));
});

// Sizes

Deno.test("sizeFor() gives powers of two from 4 KB to 1 MB, and multiples of 1 MB above", () => {
  const { pool } = poolOf();
  const sizes: readonly (readonly [bytes: number, size: number])[] = [
    [0, 4 * KB],
    [1, 4 * KB],
    [4 * KB, 4 * KB],
    [4 * KB + 1, 8 * KB],
    [8 * KB, 8 * KB],
    [100_000, 128 * KB],
    [512 * KB + 1, MB],
    [MB, MB],
    [MB + 1, 2 * MB],
    [2 * MB, 2 * MB],
    [5 * MB - 1, 5 * MB],
    [2 ** 30, 2 ** 30],
  ];
  for (const [bytes, size] of sizes) assertEquals(pool.sizeFor(bytes), size, `for ${bytes} bytes`);
  for (let size = 4 * KB; size <= MB; size *= 2) {
    assertEquals([pool.sizeFor(size), pool.sizeFor(size + 1)], [size, size === MB ? 2 * MB : 2 * size]);
  }
});

Deno.test("take() gives a kept chunk of the very size only, the newest first", () => {
  const { pool } = poolOf({ idleBytes: 8 * MB });
  for (const size of [4 * KB, 64 * KB, MB, 2 * MB, 3 * MB]) {
    const [first, second] = [pool.take(size, true), pool.take(size, true)];
    giveBack(pool, first);
    giveBack(pool, second);
    assertEquals([pool.has(size), pool.has(2 * size), pool.has(size / 2)], [true, false, size === 4 * KB]);
    assertStrictEquals(pool.take(size - 1, true), second);
    assertStrictEquals(pool.take(size, true), first);
    assertEquals([pool.has(size), pool.idle], [false, 0]);
  }
  assertEquals(pool.reuses, 10);
});

Deno.test("large chunks of several sizes are kept side by side", () => {
  const { pool } = poolOf({ idleBytes: 100 * MB });
  const chunks = [2, 3, 4, 3, 2].map((size) => pool.take(size * MB, true));
  for (const chunk of chunks) giveBack(pool, chunk);
  assertStrictEquals(pool.take(3 * MB, true), chunks[3]); // from the middle
  assertStrictEquals(pool.take(2 * MB, true), chunks[4]);
  assertStrictEquals(pool.take(3 * MB, true), chunks[1]);
  assertEquals([pool.has(3 * MB), pool.has(2 * MB), pool.has(4 * MB)], [false, true, true]);
  assertEquals([pool.idle, pool.trim()], [6 * MB, 6 * MB]);
});

// How many are kept

Deno.test("give() keeps so many bytes, and those that were given back first go first, whatever their size", () => {
  const source = new CountingSource();
  const { pool, discarded } = poolOf({ source, idleBytes: 32 * KB });
  const [a, b, c, d] = [8, 4, 16, 8].map((size) => pool.take(size * KB, true)) as [
    PooledChunk,
    PooledChunk,
    PooledChunk,
    PooledChunk,
  ];
  for (const chunk of [b, a, c]) assert(giveBack(pool, chunk));
  assertEquals([pool.idle, discarded], [28 * KB, []]);
  assert(giveBack(pool, d)); // 36 KB: the 4 KB go, which came first
  assertEquals([pool.idle, discarded, source.bytes], [32 * KB, [4 * KB], 32 * KB]);
  const large = pool.take(32 * KB, true);
  assert(giveBack(pool, large)); // fills the bound by itself
  assertEquals([pool.idle, discarded.slice(1), source.bytes], [32 * KB, [8 * KB, 16 * KB, 8 * KB], 32 * KB]);
  assertStrictEquals(pool.take(32 * KB, true), large);
});

Deno.test("a chunk that is used again counts as new when it is given back", () => {
  const { pool } = poolOf({ idleBytes: 8 * KB });
  const [a, b, c] = [1, 2, 3].map(() => pool.take(1, true)) as [PooledChunk, PooledChunk, PooledChunk];
  giveBack(pool, a);
  giveBack(pool, b);
  assertStrictEquals(pool.take(1, true), b);
  giveBack(pool, b);
  giveBack(pool, c); // a is the oldest
  assertStrictEquals(pool.take(1, true), c);
  assertStrictEquals(pool.take(1, true), b);
  assert(!pool.has(1));
});

Deno.test("a chunk that is larger than all that may be kept goes back to the source, and nobody else has to make room", () => {
  const source = new CountingSource();
  const { pool, discarded } = poolOf({ source, idleBytes: 8 * KB });
  const [small, large] = [pool.take(4 * KB, true), pool.take(16 * KB, true)];
  giveBack(pool, small);
  assertEquals([giveBack(pool, large), pool.idle, source.bytes, discarded], [false, 4 * KB, 4 * KB, []]);
  const none = poolOf({ idleBytes: 0 });
  assertEquals([giveBack(none.pool, none.pool.take(1, true)), none.pool.idle, none.pool.trim()], [false, 0, 0]);
});

Deno.test("trim() gives all that is kept back and tells of each", () => {
  const source = new CountingSource();
  const { pool, discarded } = poolOf({ source });
  const chunks = [4, 8, 4].map((size) => pool.take(size * KB, false));
  for (const chunk of chunks) giveBack(pool, chunk);
  const out = pool.take(8 * KB, false);
  assertEquals([pool.trim(), discarded], [8 * KB, [4 * KB, 4 * KB]]);
  assertEquals([pool.idle, pool.trim(), source.bytes], [0, 0, 8 * KB]);
  assert(giveBack(pool, out));
  assertEquals(pool.idle, 8 * KB);
});

Deno.test("release() of a chunk goes to whom it was lent, once", () => {
  const { pool } = poolOf();
  const chunk = pool.take(1, true);
  const released: PooledChunk[] = [];
  chunk.holder = {
    released(chunk) {
      released.push(chunk);
      pool.give(chunk);
    },
  };
  chunk.revoke();
  chunk.release();
  chunk.release(); // it is nobody's now
  assertEquals([released.length, released[0] === chunk, pool.idle], [1, true, 4 * KB]);
});

// What is in a chunk

Deno.test("a chunk passes its contents on only from one who has waived zeros to another who has", () => {
  const wishes = [true, false] as const;
  for (const first of wishes) {
    for (const second of wishes) {
      for (const third of wishes) {
        const { pool } = poolOf();
        const chunk = pool.take(4 * KB, first);
        bytesOf(chunk).fill(1);
        giveBack(pool, chunk);
        assertStrictEquals(pool.take(4 * KB, second), chunk);
        const seen = !first && !second;
        assert(isFilled(bytesOf(chunk), seen ? 1 : 0), `${first}, then ${second}`);
        giveBack(pool, chunk); // without having written anything
        assertStrictEquals(pool.take(4 * KB, third), chunk);
        assert(isFilled(bytesOf(chunk), seen && !third ? 1 : 0), `${first}, then ${second}, then ${third}`);
      }
    }
  }
});

Deno.test("who gets zeros without having asked for them is not secret, and who asks for them is", () => {
  const { pool } = poolOf();
  const chunk = pool.take(1, true);
  bytesOf(chunk).fill(1);
  giveBack(pool, chunk);
  pool.take(1, false);
  bytesOf(chunk).fill(2); // waives it
  giveBack(pool, chunk);
  pool.take(1, false);
  assert(isFilled(bytesOf(chunk), 2));
  giveBack(pool, chunk);
  pool.take(1, true);
  bytesOf(chunk).fill(3); // does not
  giveBack(pool, chunk);
  pool.take(1, false);
  assert(isFilled(bytesOf(chunk), 0));
});

Deno.test("take() fills a chunk with zeros that a source gives, unless the source says that it does", () => {
  for (const zeroed of [undefined, false, true]) {
    for (const zero of [true, false]) {
      const { pool } = poolOf({ source: dirtySource(zeroed === undefined ? {} : { zeroed }) });
      const chunk = pool.take(4 * KB, zero);
      assert(isFilled(bytesOf(chunk), zeroed === true ? 0xee : 0), `zeroed ${zeroed}, zero ${zero}`);
    }
  }
});

// Sources that do something else

Deno.test("a source that gives more than it was asked for is not used, as others would see what is beyond", () => {
  const source = new CountingSource(dirtySource({ extra: 4 * KB }));
  const { pool } = poolOf({ source });
  const chunk = pool.take(4 * KB, true);
  assertEquals([chunk.capacity, chunk.buffer.byteLength], [4 * KB, 4 * KB]);
  assert(isFilled(bytesOf(chunk), 0));
  assertEquals([source.obtained, source.chunks], [1, 0]);
  bytesOf(chunk).fill(1);
  assert(giveBack(pool, chunk));
  assertStrictEquals(pool.take(4 * KB, false), chunk);
  assert(isFilled(bytesOf(chunk), 0));
});

Deno.test("take() that a source refuses throws what the source throws, and changes nothing", () => {
  const source = new CountingSource();
  const { pool } = poolOf({ source });
  const kept = pool.take(4 * KB, true);
  giveBack(pool, kept);
  source.isGenerous = false;
  assertStrictEquals(assertThrows(() => pool.take(8 * KB, true)), source.refusal);
  [source.isGenerous, source.isShort] = [true, true];
  assertThrows(() => pool.take(8 * KB, true), RangeError, "The source gave 8191 of 8192 bytes");
  assertEquals([pool.idle, pool.reuses, source.bytes, source.chunks], [4 * KB, 0, 4 * KB, 1]);
  assertStrictEquals(pool.take(4 * KB, true), kept); // nobody needs to be asked for this one
});

Deno.test("a chunk whose buffer was transferred away is kept if there is memory in its place, and given up if not", () => {
  const { pool } = poolOf();
  const chunk = pool.take(4 * KB, true);
  const theirs = structuredClone(chunk.buffer as ArrayBuffer, { transfer: [chunk.buffer as ArrayBuffer] });
  new Uint8Array(theirs).fill(7);
  assertEquals([giveBack(pool, chunk), pool.idle], [true, 4 * KB]);
  assertStrictEquals(pool.take(4 * KB, false), chunk);
  bytesOf(chunk).fill(9);
  assert(isFilled(new Uint8Array(theirs), 7));

  // A source of one's own may not notice.
  let released = 0;
  const careless: ChunkSource = {
    name: "careless",
    capabilities: arrayBufferSource.capabilities,
    obtain(bytes): Chunk {
      let buffer = new ArrayBuffer(bytes);
      return {
        get buffer() {
          return buffer;
        },
        revoke: () => void (buffer = buffer.transfer()),
        release: () => void released++,
      };
    },
  };
  const other = poolOf({ source: careless });
  const lost = other.pool.take(4 * KB, true);
  (lost.buffer as ArrayBuffer).transfer();
  assertEquals([other.pool.give(lost), other.pool.idle, released, other.discarded], [false, 0, 1, []]);
});
