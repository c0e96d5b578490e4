/**
 * Accounts: whatever a region does, the account pays for exactly what the region has committed; it is asked before anything goes
 * further than it allowed, to the byte; and when it refuses, says "look again" or throws, the region is as it was.
 */

import { ArenaExhaustedError } from "@framealloc/core";
import {
  type Account,
  AGAIN,
  arrayBufferSource,
  type Chunk,
  type ChunkSource,
  GRANTED,
  type Life,
  REFUSED,
  Region,
  type RegionOptions,
  sharedArrayBufferSource,
  type Verdict,
  viewOf,
  wasmSource,
} from "@framealloc/core/memory";
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import fc from "fast-check";

const owner = { expired: () => new Error("over") };

/** Counts what is held from it. */
class CountingSource implements ChunkSource {
  readonly name: string;
  readonly capabilities: ChunkSource["capabilities"];
  isGenerous = true;
  live = 0;
  readonly #inside: ChunkSource;

  constructor(inside: ChunkSource, lazy: boolean = inside.capabilities.lazy) {
    this.name = lazy === inside.capabilities.lazy ? inside.name : `lazy ${inside.name}`;
    this.capabilities = { ...inside.capabilities, lazy };
    this.#inside = inside;
  }

  obtain(bytes: number): Chunk {
    if (!this.isGenerous) throw new RangeError("Not today");
    const chunk = this.#inside.obtain(bytes);
    const size = Math.floor(chunk.buffer.byteLength / 16) * 16;
    this.live += size;
    return {
      get buffer() {
        return chunk.buffer;
      },
      revoke: () => chunk.revoke(),
      release: () => {
        this.live -= size;
        chunk.release();
      },
    };
  }
}

/** Pays up to a limit, allows as much as it is told to, and can be made to interrupt. */
class Payer implements Account {
  region: Region | undefined;
  limit = Infinity;
  held = 0;
  /** What {@linkcode Region.allow} is given once an allocation is admitted; less than that is refused. */
  allowance = Infinity;
  readonly holds: number[] = [];
  readonly admits: number[] = [];
  /** The question that was refused last. */
  refused: { readonly question: "hold" | "admit"; readonly bytes: number } | undefined;
  /** Called before an answer; the answer is then to look again. One call each. */
  readonly interruptions: (() => void)[] = [];

  hold(bytes: number): Verdict {
    assert(bytes > 0, `asked to hold ${bytes} bytes`);
    this.holds.push(bytes);
    if (this.#isInterrupted()) return AGAIN;
    if (this.held + bytes > this.limit) return this.#refuse("hold", bytes);
    this.held += bytes;
    return GRANTED;
  }

  drop(bytes: number): void {
    assert(bytes >= 0 && bytes <= this.held, `dropped ${bytes} of ${this.held} bytes`);
    this.held -= bytes;
  }

  admit(bytes: number): Verdict {
    assert(bytes > 0, `asked to admit ${bytes} bytes`);
    this.admits.push(bytes);
    if (this.#isInterrupted()) return AGAIN;
    if (bytes > this.allowance) return this.#refuse("admit", bytes);
    this.region!.allow(this.allowance);
    return GRANTED;
  }

  refusal(action: string): Error {
    return new RangeError(`Cannot ${action} as nobody pays`);
  }

  #refuse(question: "hold" | "admit", bytes: number): Verdict {
    this.refused = { question, bytes };
    return REFUSED;
  }

  #isInterrupted(): boolean {
    const interruption = this.interruptions.shift();
    interruption?.();
    return interruption !== undefined;
  }
}

interface Setup {
  readonly region: Region;
  readonly payer: Payer;
  readonly source: CountingSource;
}

function setUp(inside: ChunkSource = arrayBufferSource, options: Partial<RegionOptions> = {}): Setup {
  const source = inside instanceof CountingSource ? inside : new CountingSource(inside);
  const payer = new Payer();
  const region = payer.region = new Region({ source, size: 1024, owner, account: payer, ...options });
  return { region, payer, source };
}

/** Everything about a region that a refusal must leave alone. */
function stateOf({ region, payer, source }: Setup): unknown[] {
  const { used, count, committed, reserved, peak, overflows, extraChunks, offset, life, views, isOpen } = region;
  const { held } = payer;
  const { live } = source;
  return [
    { used, count, committed, reserved, peak, overflows, extraChunks, offset, isOpen, held, live },
    life,
    views,
  ];
}

function assertUnchanged(setup: Setup, before: readonly unknown[], what: string): void {
  const [now, life, views] = stateOf(setup);
  assertEquals(now, before[0], what);
  assertStrictEquals(life, before[1]);
  assertStrictEquals(views, before[2]);
}

function ceil16(bytes: number): number {
  return Math.ceil(bytes / 16) * 16;
}

/** What an allocation takes of the current chunk, with padding before and after. */
function takes(region: Region, bytes: number, align: number): number {
  const start = Math.ceil(region.offset / align) * align;
  return ceil16(start + bytes) - region.offset;
}

// Programs

type Op =
  | { readonly op: "alloc"; readonly bytes: number; readonly align: number }
  | { readonly op: "extend"; readonly bytes: number }
  | { readonly op: "allow" | "allowance" | "limit"; readonly bytes: number }
  | { readonly op: "again"; readonly bytes: number }
  | { readonly op: "rewind"; readonly which: number }
  | { readonly op: "mark" | "keep" | "reset" | "trim" | "dispose" | "close" | "moody" };

const BYTES = fc.oneof(
  { weight: 6, arbitrary: fc.nat(200) },
  { weight: 2, arbitrary: fc.nat(2000) },
  { weight: 1, arbitrary: fc.nat(90_000) },
);
const ROOM = fc.oneof(
  { weight: 3, arbitrary: fc.nat(300) },
  { weight: 2, arbitrary: fc.nat(5000) },
  { weight: 2, arbitrary: fc.constant(Infinity) },
);
const OPS: fc.Arbitrary<Op> = fc.oneof(
  {
    weight: 14,
    arbitrary: fc.record({
      op: fc.constant("alloc" as const),
      bytes: BYTES,
      align: fc.constantFrom(1, 16, 16, 16, 32, 64, 256),
    }),
  },
  { weight: 9, arbitrary: fc.record({ op: fc.constant("extend" as const), bytes: fc.nat(300) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      op: fc.constantFrom("allow" as const, "allowance" as const, "limit" as const),
      bytes: ROOM,
    }),
  },
  { weight: 3, arbitrary: fc.record({ op: fc.constant("again" as const), bytes: fc.nat(300) }) },
  { weight: 4, arbitrary: fc.record({ op: fc.constant("rewind" as const), which: fc.nat(5) }) },
  {
    weight: 9,
    arbitrary: fc.record({
      op: fc.constantFrom(
        "mark" as const,
        "mark" as const,
        "keep" as const,
        "reset" as const,
        "trim" as const,
        "trim" as const,
        "trim" as const,
        "dispose" as const,
        "close" as const,
        "moody" as const,
      ),
    }),
  },
);
const PROGRAMS = fc.array(OPS, { minLength: 10, maxLength: 120, size: "max" });

/** What the programs have met. */
class Met {
  granted = 0;
  overLimit = 0;
  overAllowance = 0;
  refusedBySource = 0;
  unasked = 0;
  extended = 0;
  extendedAfterAsking = 0;
  notExtended = 0;
  raises = 0;
  chains = 0;
  interrupted = 0;
  trimmed = 0;
  rewinds = 0;
}

class Runner {
  readonly #setup: Setup;
  readonly #met: Met;
  /** How far the bytes in use may go without a question. */
  #allowed = Infinity;
  #marks = 0;
  #last: { readonly life: Life; readonly start: number; bytes: number } | undefined;

  constructor(setup: Setup, met: Met) {
    this.#setup = setup;
    this.#met = met;
    const { region } = setup;
    const { allow } = region;
    // The model has to know what the account allows, whoever tells the region.
    region.allow = (bytes) => {
      this.#allowed = region.used + bytes;
      allow.call(region, bytes);
    };
  }

  step(step: Op): void {
    const { region, payer, source } = this.#setup;
    switch (step.op) {
      case "alloc":
        this.#alloc(step.bytes, step.align);
        break;
      case "extend":
        this.#extend(step.bytes);
        break;
      case "allow":
        region.allow(step.bytes);
        break;
      case "allowance":
        payer.allowance = step.bytes;
        break;
      case "limit":
        payer.limit = payer.held + step.bytes - 100;
        break;
      case "again":
        // Whoever is interrupted finds that somebody else has allocated.
        payer.interruptions.push(() => {
          this.#met.interrupted++;
          this.#last = undefined;
          region.alloc(step.bytes);
        });
        break;
      case "rewind":
        if (this.#marks === 0) break;
        this.#marks = step.which % this.#marks;
        region.rewind(this.#marks);
        this.#last = undefined;
        this.#met.rewinds++;
        break;
      case "mark":
        region.mark();
        this.#marks++;
        break;
      case "keep":
        if (this.#marks > 0) region.keep(--this.#marks);
        break;
      case "reset":
        if (this.#allowed !== Infinity) this.#allowed = 0; // it was allowed from where the region was
        region.reset();
        this.#marks = 0;
        this.#last = undefined;
        break;
      case "trim": {
        const { live } = source;
        assertEquals(live - source.live, 0);
        const freed = region.trim();
        assertEquals(live - source.live, freed);
        if (freed > 0) this.#met.trimmed++;
        break;
      }
      case "dispose":
        region.dispose();
        this.#allowed = Infinity;
        this.#marks = 0;
        this.#last = undefined;
        assertEquals([payer.held, source.live, region.used], [0, 0, 0]);
        break;
      case "close": {
        region.close();
        const before = stateOf(this.#setup);
        assertEquals(region.alloc(16), -1);
        assertEquals(region.refusedBy, "closed");
        assertUnchanged(this.#setup, before, "after an allocation while closed");
        break;
      }
      case "moody":
        source.isGenerous = !source.isGenerous;
        break;
    }
    if (!region.isOpen) this.#open();
    this.check();
  }

  check(): void {
    const { region, payer, source } = this.#setup;
    assertEquals(payer.held, region.committed, "held");
    assertEquals(source.live, region.reserved, "reserved");
    assert(region.used <= region.committed || !region.isOpen, "more in use than committed");
    assert(region.committed <= region.reserved, "more committed than reserved");
  }

  #open(): void {
    const { region, payer, source } = this.#setup;
    const before = stateOf(this.#setup);
    for (;;) {
      try {
        region.open();
        return;
      } catch (error) {
        if (error instanceof ArenaExhaustedError) {
          assertEquals([region.refusedBy, source.isGenerous], ["source", false]);
          source.isGenerous = true;
        } else {
          assert(error instanceof RangeError, String(error));
          assertEquals(payer.refused?.question, "hold");
          payer.limit = Infinity;
        }
        assertUnchanged(this.#setup, before, "after it could not be opened");
      }
    }
  }

  #alloc(bytes: number, align: number): void {
    const { region, payer, source } = this.#setup;
    const met = this.#met;
    const { used, overflows, extraChunks } = region;
    const committed = region.committed;
    const wanted = takes(region, bytes, align);
    const admits = payer.admits.length;
    const { interrupted } = met;
    const before = stateOf(this.#setup);
    const mayGo = used + wanted <= this.#allowed;
    const start = region.alloc(bytes, align);
    const asked = payer.admits.slice(admits);
    if (met.interrupted === interrupted) {
      // Asked exactly when it would go further than was allowed, and for exactly what it takes.
      if (mayGo) assertEquals(asked, [], "asked for what was allowed");
      else assertEquals(asked[0], wanted);
      if (start < 0) assertUnchanged(this.#setup, before, `after ${bytes} bytes aligned to ${align} were refused`);
      else if (mayGo) met.unasked++;
    }
    if (start < 0) {
      const { refusedBy } = region;
      if (refusedBy === "source") {
        assert(!source.isGenerous);
        met.refusedBySource++;
      } else {
        assertEquals(refusedBy, "account");
        assertThrows(
          () => {
            throw region.refusal("go on");
          },
          RangeError,
          "Cannot go on as nobody pays",
        );
        if (payer.refused?.question === "hold") {
          // Whoever is refused asked for no more than was needed.
          assert(payer.refused.bytes <= ceil16(bytes) + align, `asked for ${payer.refused.bytes} to allocate ${bytes}`);
          met.overLimit++;
        } else {
          assertEquals(payer.refused, { question: "admit", bytes: asked.at(-1)! });
          met.overAllowance++;
        }
      }
      return;
    }
    met.granted++;
    assertEquals(start % align, 0, "alignment");
    assert(region.used <= this.#allowed, `${region.used} bytes in use, ${this.#allowed} allowed`);
    assert(payer.held <= payer.limit || payer.held <= committed, "more held than the limit");
    if (region.overflows > overflows) met.chains++;
    else if (region.committed > committed && region.extraChunks === extraChunks) met.raises++;
    this.#last = { life: region.life, start, bytes };
  }

  #extend(bytes: number): void {
    const { region, payer } = this.#setup;
    const met = this.#met;
    const last = this.#last;
    if (last === undefined) return;
    const { interrupted } = met;
    const { used, offset } = region;
    const end = last.start + last.bytes;
    const isLast = region.life === last.life && offset === ceil16(end);
    const grows = ceil16(end + bytes) - offset;
    const admits = payer.admits.length;
    const before = stateOf(this.#setup);
    const mayGo = used + grows <= this.#allowed;
    const done = region.extend(last.life, end, bytes);
    const asked = payer.admits.slice(admits);
    if (met.interrupted > interrupted) {
      if (done) last.bytes += bytes;
      return;
    }
    if (!isLast || mayGo) assertEquals(asked, []);
    if (asked.length > 0) assertEquals(asked, [grows]);
    if (done) {
      assert(isLast);
      assertEquals(region.used, used + grows);
      assert(region.used <= this.#allowed, "extended further than was allowed");
      last.bytes += bytes;
      met.extended++;
      if (asked.length > 0) met.extendedAfterAsking++;
    } else {
      assertUnchanged(this.#setup, [...before], "after it could not be extended");
      met.notExtended++;
    }
  }
}

const SOURCES: readonly { readonly inside: ChunkSource; readonly lazy?: boolean; readonly runs: number }[] = [
  { inside: arrayBufferSource, runs: 1500 },
  { inside: arrayBufferSource, lazy: true, runs: 1500 },
  { inside: sharedArrayBufferSource, runs: 200 },
  { inside: wasmSource, runs: 250 },
];

for (const { inside, lazy, runs } of SOURCES) {
  const { name } = new CountingSource(inside, lazy);
  Deno.test(`an account pays for exactly what is committed, in ${runs} programs on ${name}`, () => {
    const met = new Met();
    const options = fc.constantFrom<Partial<RegionOptions>>(
      {},
      { tracked: false },
      { poison: true },
      inside.capabilities.revocable ? { revoke: true } : {},
    );
    fc.assert(
      fc.property(options, PROGRAMS, (chosen, program) => {
        const setup = setUp(new CountingSource(inside, lazy), chosen);
        setup.region.open();
        const runner = new Runner(setup, met);
        for (const step of program) runner.step(step);
        setup.region.dispose();
        runner.check();
        assertEquals([setup.payer.held, setup.source.live], [0, 0]);
      }),
      { seed: 35, numRuns: runs },
    );
    const isLazy = lazy ?? inside.capabilities.lazy;
    for (const [what, count] of Object.entries(met)) {
      if (what === "raises" && !isLazy) continue;
      assert(count >= runs / 50, `${what} was met ${count} times`);
    }
  });
}

// What is allowed

Deno.test("allow() is exact to the byte, for every size, padding and alignment", () => {
  let asked = 0;
  let unasked = 0;
  for (const align of [1, 16, 32, 64]) {
    for (const first of [0, 1, 16, 17, 40]) {
      for (let room = 0; room <= 160; room++) {
        for (const bytes of [0, 1, 15, 16, 17, 31, 32, 33, 64, 97]) {
          const { region, payer } = setUp();
          region.open();
          region.alloc(first);
          region.allow(room);
          payer.allowance = -1;
          const wanted = takes(region, bytes, align);
          const { used } = region;
          const start = region.alloc(bytes, align);
          if (wanted <= room) {
            unasked++;
            assert(start >= 0, `${wanted} of ${room} bytes were refused`);
            assertEquals([payer.admits, region.used], [[], used + wanted]);
          } else {
            asked++;
            assertEquals([start, region.used, payer.admits], [-1, used, [wanted]], `${bytes} aligned to ${align}`);
          }
        }
      }
    }
  }
  assert(asked > 9000 && unasked > 9000, `${asked} asked, ${unasked} not`);
});

Deno.test("allow() is exact over several allocations, and in further chunks", () => {
  for (const inside of [arrayBufferSource, wasmSource]) {
    const { region, payer } = setUp(inside, { size: 64, reserve: 64 });
    region.open();
    region.allow(200_000 + 7);
    payer.allowance = -1;
    let sum = 0;
    for (let i = 0; region.alloc(i) >= 0; i += 97) sum += ceil16(i);
    assertEquals(region.used, sum);
    assert(region.extraChunks > 1 && sum > 150_000 && sum <= 200_000, `${sum} bytes`);
    const [refused] = payer.admits;
    assert(sum + refused! > 200_007, `${refused} were refused after ${sum}`);
    assertEquals(region.alloc(200_000 - sum), region.offset - (200_000 - sum)); // and what is left can still be had
    assertEquals([region.used, region.alloc(1)], [200_000, -1]);
  }
});

Deno.test("allow() counts from what is in use, and a rewind makes room up to the same place", () => {
  const { region, payer } = setUp();
  region.open();
  region.alloc(64);
  const mark = region.mark();
  region.allow(64);
  payer.allowance = -1;
  assertEquals([region.alloc(64), region.alloc(1)], [64, -1]);
  region.rewind(mark);
  assertEquals([region.alloc(64), region.alloc(1)], [64, -1]);
  region.allow(Infinity);
  assertEquals(region.alloc(1000), 0); // in a further chunk
});

Deno.test("extend() goes exactly as far as was allowed, and asks for what it takes beyond", () => {
  for (let room = 0; room <= 80; room++) {
    for (let bytes = 0; bytes <= 80; bytes++) {
      const { region, payer } = setUp();
      region.open();
      const start = region.alloc(20);
      region.allow(room);
      payer.allowance = -1;
      const grows = ceil16(20 + bytes) - 32;
      assertEquals(region.extend(region.life, start + 20, bytes), grows <= room, `${bytes} more with ${room} allowed`);
      assertEquals(payer.admits, grows <= room ? [] : [grows]);
      assertEquals(region.used, grows <= room ? 32 + grows : 32);
    }
  }
});

Deno.test("extend() that is admitted goes on in place, and one that is refused changes nothing", () => {
  const setup = setUp();
  const { region, payer } = setup;
  region.open();
  const start = region.alloc(32);
  region.allow(0);
  payer.allowance = 48;
  assertEquals(region.extend(region.life, start + 32, 48), true);
  assertEquals([region.used, payer.admits], [80, [48]]);
  const before = stateOf(setup);
  assertEquals(region.extend(region.life, start + 80, 49), false);
  assertUnchanged(setup, before, "after it was refused");
  assertEquals(payer.admits, [48, 64]);
});

Deno.test("extend() looks again after an interruption", () => {
  const { region, payer } = setUp();
  region.open();
  const start = region.alloc(32);
  const { life } = region;
  region.allow(0);
  payer.interruptions.push(() => {});
  assertEquals(region.extend(life, start + 32, 32), true);
  assertEquals([region.used, payer.admits], [64, [32, 32]]);
  region.allow(0);
  payer.interruptions.push(() => region.alloc(16));
  assertEquals(region.extend(life, start + 64, 32), false); // it is not the last one any more
  assertEquals(region.used, 80);
  region.reset();
  region.alloc(32);
  region.allow(0);
  payer.interruptions.push(() => region.reset());
  assertEquals(region.extend(region.life, 32, 32), false); // nor is it there at all
  assertEquals(region.used, 0);
});

Deno.test("extend() in a closed region is refused without a question", () => {
  const setup = setUp();
  const { region, payer } = setup;
  region.open();
  const start = region.alloc(16);
  const { life } = region;
  region.allow(0);
  region.close();
  payer.interruptions.push(() => {});
  const before = stateOf(setup);
  assertEquals(region.extend(life, start + 16, 16), false);
  assertUnchanged(setup, before, "after it was closed");
  assertEquals(payer.admits, []);
});

// Looking again

Deno.test("whoever says AGAIN is asked again, wherever the question comes from", () => {
  const questions: Readonly<Record<string, (setup: Setup) => void>> = {
    "the first chunk": ({ region }) => region.open(),
    "a larger part of the chunk": ({ region }) => assertEquals(region.alloc(1000) >= 0, true),
    "a further chunk": ({ region }) => assertEquals(region.alloc(5000) >= 0, true),
    "the chunk of the next cycle": ({ region }) => region.reset(),
  };
  const seen: string[] = [];
  for (const inside of [arrayBufferSource, wasmSource]) {
    const setup = setUp(inside, { size: 512, reserve: inside === wasmSource ? 4096 : 512 });
    const { region, payer } = setup;
    for (const [name, ask] of Object.entries(questions)) {
      const holds = payer.holds.length;
      payer.interruptions.push(() => {}, () => {}, () => {});
      ask(setup);
      const asked = payer.holds.slice(holds);
      if (asked.length === 0) payer.interruptions.length = 0;
      else {
        seen.push(name);
        assertEquals(asked, [asked[0], asked[0], asked[0], asked[0]].slice(0, asked.length), name);
        assertEquals(asked.length, 4, name);
      }
      assertEquals(payer.held, region.committed);
    }
    region.dispose();
    assertEquals(payer.held, 0);
  }
  for (const name of Object.keys(questions)) assert(seen.includes(name), `${name} was not asked for`);
});

Deno.test("what an interruption allocates is never handed out twice", () => {
  for (const inside of [arrayBufferSource, wasmSource]) {
    const { region, payer } = setUp(inside, { size: 256, reserve: 65_536 });
    region.open();
    const views: Uint8Array[] = [];
    const take = (bytes: number): void => {
      const start = region.alloc(bytes);
      assert(start >= 0);
      views.push(new Uint8Array(viewOf(region.at(start)).buffer, start, bytes).fill(views.length + 1));
    };
    for (let i = 0; i < 60; i++) {
      region.allow(i % 3 === 0 ? 0 : 1000);
      payer.interruptions.push(() => take(40), () => take(5000));
      take(30 * i);
    }
    for (let i = 0; i < views.length; i++) assert(views[i]!.every((byte) => byte === i + 1), `${i} was overwritten`);
    assert(views.length > 100);
    assertEquals(payer.held, region.committed);
  }
});

Deno.test("an interruption that closes, resets or disposes of the region is noticed", () => {
  const cases: Readonly<Record<string, readonly [(region: Region) => void, number]>> = {
    close: [(region) => region.close(), -1],
    dispose: [(region) => region.dispose(), -1],
    reset: [(region) => region.reset(), 0],
  };
  for (const [name, [interrupt, wanted]] of Object.entries(cases)) {
    for (const isHeld of [true, false]) {
      const { region, payer, source } = setUp();
      region.open();
      region.alloc(32);
      if (!isHeld) region.allow(0);
      payer.interruptions.push(() => interrupt(region));
      assertEquals(region.alloc(isHeld ? 4000 : 32), wanted, name);
      if (wanted < 0) assertEquals(region.refusedBy, "closed", name);
      assertEquals([payer.held, source.live], [region.committed, region.reserved], name);
      region.dispose();
      assertEquals([payer.held, source.live], [0, 0], name);
    }
  }
});

Deno.test("an interruption that opens the region itself leaves it open once", () => {
  const { region, payer, source } = setUp();
  payer.interruptions.push(() => {
    region.open();
    region.alloc(48);
  });
  region.open();
  assertEquals([region.isOpen, region.used, payer.held, source.live], [true, 48, 1024, 1024]);
});

// Refusals

Deno.test("an account that refuses gives its own error, and the region stays as it was", () => {
  for (const inside of [arrayBufferSource, wasmSource]) {
    const setup = setUp(inside, { reserve: 2048 });
    const { region, payer } = setup;
    payer.limit = 1023;
    const closed = stateOf(setup);
    assertThrows(() => region.open(), RangeError, "Cannot open a region as nobody pays");
    assertUnchanged(setup, closed, "after it could not be opened");
    payer.limit = 1500;
    region.open();
    region.alloc(1000);
    const before = stateOf(setup);
    for (const bytes of [500, 600, 5000]) {
      assertEquals(region.alloc(bytes), -1);
      assertEquals(region.refusedBy, "account");
      assertStrictEquals(region.refusal("grow").message, "Cannot grow as nobody pays");
      assertUnchanged(setup, before, `after ${bytes} bytes were refused`);
    }
    payer.limit = Infinity;
    assert(region.alloc(5000) >= 0);
    assertEquals(payer.held, region.committed);
  }
});

Deno.test("a region that would like more takes as much as it needs when that is refused", () => {
  const lazy = setUp(wasmSource, { size: 1024, reserve: 65_536 });
  lazy.region.open();
  lazy.region.alloc(1024);
  lazy.payer.limit = 1024 + 32;
  assert(lazy.region.alloc(20) >= 0); // twice the chunk was too much
  assertEquals([lazy.region.committed, lazy.payer.held, lazy.payer.holds], [1056, 1056, [1024, 1024, 32]]);
  assertEquals(lazy.region.alloc(1), -1);

  const eager = setUp(arrayBufferSource, { size: 1024 });
  eager.region.open();
  eager.region.alloc(1024);
  eager.payer.limit = 1024 + 32;
  assert(eager.region.alloc(20) >= 0); // a chunk as large as all before was too much
  assertEquals([eager.region.committed, eager.source.live, eager.payer.holds], [1056, 1056, [1024, 1024, 32]]);
  assertEquals(eager.region.alloc(1), -1);
});

Deno.test("a larger chunk for the next cycle that is refused is no harm", () => {
  const { region, payer, source } = setUp();
  region.open();
  region.alloc(4000);
  const held = payer.held;
  payer.limit = held;
  region.reset(); // gives the further chunk back and would like one that is large enough
  assertEquals([payer.held, source.live, region.used], [region.committed, region.reserved, 0]);
  payer.limit = 1024;
  region.reset();
  assert(region.alloc(1024) >= 0);
  assertEquals(payer.held <= held, true);
});

Deno.test("what a source refuses or gives too little of is taken off the account again", () => {
  const setup = setUp();
  const { region, payer, source } = setup;
  source.isGenerous = false;
  assertThrows(() => region.open(), ArenaExhaustedError, "FA003");
  assertEquals([payer.held, region.isOpen], [0, false]);
  source.isGenerous = true;
  region.open();
  region.alloc(1000);
  source.isGenerous = false;
  const before = stateOf(setup);
  assertEquals(region.alloc(5000), -1);
  assertEquals(region.refusedBy, "source");
  assertUnchanged(setup, before, "after the source refused");
  source.isGenerous = true;
  region.alloc(5000);
  source.isGenerous = false;
  region.reset();
  assertEquals([payer.held, source.live], [1024, 1024]);

  let released = 0;
  const stingy = new Payer();
  const small = new Region({
    source: {
      name: "stingy",
      capabilities: arrayBufferSource.capabilities,
      obtain: () => ({ buffer: new ArrayBuffer(100), revoke() {}, release: () => released++ }),
    },
    size: 1024,
    owner,
    account: stingy,
  });
  assertThrows(() => small.open(), ArenaExhaustedError, "FA003");
  assertEquals([stingy.held, stingy.holds, released], [0, [1024], 1]);
});

Deno.test("limits of the region itself are not charged to the account", () => {
  for (const options of [{ growth: "fail" }, { maxBytes: 1024 }] as const) {
    const setup = setUp(arrayBufferSource, options);
    const { region, payer } = setup;
    region.open();
    region.alloc(1000);
    const before = stateOf(setup);
    assertEquals(region.alloc(100), -1);
    assertEquals([region.refusedBy, payer.holds], ["growth" in options ? "fixed" : "limit", [1024]]);
    assertUnchanged(setup, before, "after its own limit");
  }
});

Deno.test("an account that throws leaves the region as it was, and in use", () => {
  const boom = new Error("boom");
  const throws = (): never => {
    throw boom;
  };
  const setup = setUp();
  const { region, payer, source } = setup;
  payer.interruptions.push(throws);
  const closed = stateOf(setup);
  assertStrictEquals(assertThrows(() => region.open()), boom);
  assertUnchanged(setup, closed, "after open() threw");
  region.open();
  region.alloc(32);
  const before = stateOf(setup);
  payer.interruptions.push(throws);
  assertStrictEquals(assertThrows(() => region.alloc(4000)), boom);
  assertUnchanged(setup, before, "after hold() threw");
  region.allow(0);
  const bounded = stateOf(setup);
  payer.interruptions.push(throws);
  assertStrictEquals(assertThrows(() => region.alloc(32)), boom);
  assertUnchanged(setup, bounded, "after admit() threw");
  payer.interruptions.push(throws);
  assertStrictEquals(assertThrows(() => region.extend(region.life, 32, 32)), boom);
  assertUnchanged(setup, bounded, "after admit() threw for an extension");
  assert(region.alloc(4000) >= 0);

  payer.interruptions.push(throws);
  assertStrictEquals(assertThrows(() => region.reset()), boom);
  assertEquals([region.isOpen, region.used], [true, 0], "after a larger chunk for the next cycle threw");
  assert(region.alloc(100) >= 0);
  assertEquals([payer.held, source.live], [region.committed, region.reserved]);
  region.dispose();
  assertEquals([payer.held, source.live], [0, 0]);
});

// Giving back

Deno.test("trim(), reset() and dispose() give back to the account what they give back to the source", () => {
  for (const inside of [arrayBufferSource, wasmSource]) {
    const { region, payer, source } = setUp(inside, { reserve: 1024 });
    const held = (): number => {
      assertEquals([payer.held, source.live], [region.committed, region.reserved]);
      return payer.held;
    };
    region.open();
    const mark = region.mark();
    for (let i = 0; i < 4; i++) region.alloc(70_000);
    const grown = held();
    assert(grown >= 280_000);
    region.rewind(mark);
    assertEquals(held(), grown); // chunks are kept over a rewind
    assert(region.trim() > 0);
    assertEquals(held(), 1024);
    for (let i = 0; i < 4; i++) region.alloc(70_000);
    region.reset(); // one chunk that is large enough
    assert(held() >= 280_000 && region.extraChunks === 0);
    region.trim();
    assertEquals(held(), 1024);
    region.dispose();
    assertEquals([payer.held, source.live], [0, 0]);
    region.open();
    assertEquals(held(), 1024);
    region.dispose();
    region.dispose();
    assertEquals([payer.held, source.live], [0, 0]);
  }
});

Deno.test("a region without an account needs no allowance", () => {
  const region = new Region({ source: arrayBufferSource, size: 1024, owner });
  region.open();
  region.allow(0);
  assertEquals([region.alloc(100), region.alloc(10_000) >= 0], [0, true]);
});
