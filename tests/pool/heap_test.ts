/**
 * The heap: random programs against a model of who has which memory and what is kept in stock, and every way to get it wrong.
 */

import {
  type AllocConfig,
  ArenaExhaustedError,
  array,
  bool,
  type ErrorCode,
  f32,
  f64,
  FrameAllocError,
  type HeapBlock,
  i64,
  kilobytes,
  type Layout,
  LayoutError,
  megabytes,
  type OwnedBox,
  SmartAlloc,
  struct,
  type TagGuard,
  u32,
  u8,
  vec3f,
} from "@framealloc/core";
import { arrayBufferSource, type Chunk, type ChunkSource, MAX_CHUNK } from "@framealloc/core/memory";
import { assert, assertAlmostEquals, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { SUPPORTED } from "../frame/_sources.ts";

const RUNS = 170;
const TIGHT = 2000;

const Body = struct("Body", { id: u32, at: vec3f, mass: f32 });

function assertCode(code: ErrorCode, fn: () => unknown, wanted: string = ""): void {
  const error = assertThrows(fn, FrameAllocError, wanted);
  assertEquals(error.code, code, error.message);
  assert(error.message.startsWith(`${code}: Cannot `), error.message);
  assert(!error.message.endsWith("."), error.message);
}

function ceil16(bytes: number): number {
  return Math.max(16, Math.ceil(bytes / 16) * 16);
}

/** A source that knows its chunks, gives more than it is asked for if it is to, and refuses when it is told to. */
class CountingSource implements ChunkSource {
  readonly name = "counting";
  readonly capabilities = arrayBufferSource.capabilities;
  readonly refusal = new RangeError("Not today");
  /** The chunks that are out, with the bytes that each was asked for. */
  readonly live: Map<Chunk, number> = new Map();
  readonly #extra: number;
  refuses = false;
  obtained = 0;

  constructor(extra: number = 0) {
    this.#extra = extra;
  }

  obtain(bytes: number): Chunk {
    if (this.refuses) throw this.refusal;
    this.obtained++;
    const chunk = arrayBufferSource.obtain(bytes + this.#extra);
    const counted: Chunk = {
      get buffer() {
        return chunk.buffer;
      },
      revoke: () => chunk.revoke(),
      release: () => {
        assert(this.live.delete(counted), "a chunk was given back twice");
        chunk.release();
      },
    };
    this.live.set(counted, bytes);
    return counted;
  }
}

const LAYOUTS: readonly Layout[] = [Body, f64, array(u8, 100), struct("Big", { data: array(u32, 300) })];

type Op =
  | {
    readonly kind: "alloc";
    readonly bytes: number;
    readonly zero: boolean;
    readonly tries: boolean;
    readonly refuses: boolean;
  }
  | { readonly kind: "box"; readonly of: number; readonly tries: boolean; readonly throws: boolean }
  | { readonly kind: "free" | "dispose" | "write"; readonly which: number }
  | { readonly kind: "tag"; readonly name: string }
  | { readonly kind: "untag" | "trim" };

const OPS: fc.Arbitrary<Op> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant("alloc" as const),
      bytes: fc.oneof(fc.constantFrom(0, 1, 16, 100, 500, 512, 600), fc.nat(1000), fc.nat(5000)),
      zero: fc.boolean(),
      tries: fc.boolean(),
      refuses: fc.integer({ min: 0, max: 4 }).map((n) => n === 0),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("box" as const),
      of: fc.nat(LAYOUTS.length - 1),
      tries: fc.boolean(),
      throws: fc.integer({ min: 0, max: 4 }).map((n) => n === 0),
    }),
  },
  {
    weight: 9,
    arbitrary: fc.record({
      kind: fc.constantFrom("free" as const, "free" as const, "dispose" as const, "write" as const),
      which: fc.nat(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("tag" as const), name: fc.constantFrom("tight", "a", "b") }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom("untag" as const, "untag" as const, "trim" as const) }) },
);

/** Something on the heap: a block, or a box with its bytes seen through a record. */
interface Held {
  readonly owner: HeapBlock | OwnedBox<Layout>;
  readonly bytes: number;
  readonly tag: string;
  readonly views: Uint8Array[];
  readonly check: () => void;
  readonly use: () => unknown;
  fill: number;
}

class Met {
  readonly counts: Record<string, number> = {
    live: 0,
    reused: 0,
    fresh: 0,
    "over budget": 0,
    refused: 0,
    "thrown out": 0,
    freed: 0,
    dropped: 0,
    trimmed: 0,
    stale: 0,
  };
  note(what: string, count: number = 1): void {
    this.counts[what]! += count;
  }
}

class Runner {
  readonly #source: CountingSource;
  readonly #alloc: SmartAlloc;
  readonly #idleBytes: number;
  readonly #met: Met;
  readonly #tags: { readonly name: string; readonly guard: TagGuard }[] = [];
  readonly #dead: Held[] = [];
  #held: Held[] = [];
  #takes = 0;
  #fill = 0;

  constructor(config: AllocConfig, extra: number, met: Met) {
    this.#met = met;
    this.#idleBytes = config.heapIdleBytes!;
    this.#source = new CountingSource(extra);
    this.#alloc = new SmartAlloc({ ...config, source: this.#source });
    this.#alloc.budgets.setTag("tight", { hard: TIGHT });
  }

  step(op: Op): void {
    switch (op.kind) {
      case "alloc": {
        this.#source.refuses = op.refuses;
        const options = { zero: op.zero };
        const block = this.#take(
          op.bytes,
          op.tries,
          () => this.#alloc.heapAlloc(op.bytes, options),
          () => this.#alloc.tryHeapAlloc(op.bytes, options),
        );
        this.#source.refuses = false;
        if (block !== undefined) this.#hold(block, op.zero);
        break;
      }
      case "box": {
        const layout = LAYOUTS[op.of]!;
        if (op.throws && this.#fits(ceil16(layout.size))) {
          this.#met.note("thrown out");
          assertThrows(() => this.#alloc.heapBox(layout, "nonsense" as never), LayoutError, "FA022");
          this.#takes++;
          break;
        }
        const box = this.#take(
          layout.size,
          op.tries,
          () => this.#alloc.heapBox(layout),
          () => this.#alloc.tryHeapBox(layout),
        );
        if (box !== undefined) this.#holdBox(box, layout);
        break;
      }
      case "write": {
        const held = this.#held[op.which % Math.max(1, this.#held.length)];
        if (held === undefined || !("bytes" in held.owner)) break;
        held.fill = this.#next();
        held.views.push(held.owner.bytes.fill(held.fill));
        break;
      }
      case "free":
      case "dispose": {
        const held = this.#held[op.which % Math.max(1, this.#held.length)];
        if (held !== undefined) this.#free(held, op.kind === "free");
        break;
      }
      case "tag":
        if (this.#tags.length < 3) this.#tags.push({ name: op.name, guard: this.#alloc.tag(op.name) });
        break;
      case "untag":
        this.#tags.pop()?.guard.end();
        break;
      case "trim": {
        const idle = this.#stock().reduce((sum, capacity) => sum + capacity, 0);
        assertEquals(this.#alloc.trim(), idle);
        assertEquals(this.#stock(), []);
        if (idle > 0) this.#met.note("trimmed");
        break;
      }
    }
    this.#verify();
  }

  finish(): void {
    this.#verifyDead(20);
    for (const held of this.#held) if ("bytes" in held.owner) assert(held.owner.bytes.every((b) => b === held.fill));
    const left = this.#held.map(({ owner, bytes, tag }) => {
      const name = "bytes" in owner ? "heap block" : (owner as unknown as { $layout: Layout }).$layout.name;
      return { kind: "heap block" as const, name, tag, bytes, age: 0 };
    });
    const sort = (leaks: readonly object[]): string[] => leaks.map((leak) => JSON.stringify(leak)).sort();
    assertEquals(sort(this.#alloc.dispose()), sort(left));
    assertEquals(this.#source.live.size, 0);
    for (const { owner, views } of this.#held) {
      assert(owner.isFreed);
      for (const view of views) assertEquals(view.length, 0);
    }
  }

  get #path(): string {
    return this.#tags.map((tag) => tag.name).join("::");
  }

  #next(): number {
    return this.#fill = this.#fill % 250 + 1;
  }

  #fits(charge: number): boolean {
    if (!this.#path.startsWith("tight")) return true;
    const used = this.#held.filter((held) => held.tag.startsWith("tight"));
    return used.reduce((sum, held) => sum + ceil16(held.bytes), charge) <= TIGHT;
  }

  /** The chunk of each thing on the heap: no two share one, as a buffer belongs to one chunk. */
  #chunks(): Map<Chunk, Held> {
    const byBuffer = new Map([...this.#source.live.keys()].map((chunk) => [chunk.buffer, chunk]));
    const chunks = new Map<Chunk, Held>();
    for (const held of this.#held) {
      const chunk = byBuffer.get(held.views[0]!.buffer);
      assert(chunk !== undefined, "a block is in no chunk");
      assert(!chunks.has(chunk), "two blocks share memory");
      chunks.set(chunk, held);
    }
    return chunks;
  }

  /** The sizes of the free blocks that are kept. */
  #stock(): number[] {
    const used = this.#chunks();
    return [...this.#source.live].filter(([chunk]) => !used.has(chunk)).map(([, capacity]) => capacity);
  }

  /** Allocates in one of two ways, and compares with what the books say must come of it. */
  #take<T>(bytes: number, tries: boolean, take: () => T, tryTake: () => T | undefined): T | undefined {
    const before = this.#source.obtained;
    const wanted = ceil16(bytes);
    const stock = this.#stock();
    // A block of the same size serves again, and a larger one where little is wasted: how that is rounded is left open.
    const isKept = stock.some((kept) => kept === wanted || (kept >= bytes && kept - bytes <= kept / 4));
    const mayBeKept = isKept || stock.some((kept) => kept >= wanted && kept - wanted <= kept / 4);
    if (mayBeKept !== isKept) this.#source.refuses = false;
    const isOver = !this.#fits(wanted);
    if (isOver || (this.#source.refuses && !isKept)) {
      this.#met.note(isOver ? "over budget" : "refused");
      const stats = this.#alloc.stats();
      if (tries) assertEquals(tryTake(), undefined);
      else assertCode(isOver ? "FA352" : "FA003", take);
      assertEquals({ ...this.#alloc.stats(), budgets: [] }, { ...stats, budgets: [] });
      return undefined;
    }
    const taken = tries ? tryTake() : take();
    assert(taken !== undefined);
    this.#takes++;
    const isFresh = this.#source.obtained > before;
    if (mayBeKept === isKept) {
      assertEquals(isFresh, !isKept, "free blocks serve again at once, and only where they fit");
    }
    this.#met.note(isFresh ? "fresh" : "reused");
    return taken;
  }

  #hold(block: HeapBlock, zero: boolean): void {
    const { bytes } = block;
    assertEquals([block.byteLength, bytes.length, block.isFreed], [bytes.length, block.byteLength, false]);
    if (zero) assert(bytes.every((byte) => byte === 0), "a block holds something");
    const held: Held = {
      owner: block,
      bytes: block.byteLength,
      tag: this.#path,
      views: [bytes],
      fill: this.#next(),
      use: () => block.bytes,
      check: () => {
        const { length } = held.views[0]!;
        for (const i of [0, length >> 1, length - 1]) if (i >= 0 && i < length) assertEquals(bytes[i], held.fill);
      },
    };
    bytes.fill(held.fill);
    if (bytes.length % 8 === 0) held.views.push(new Uint8Array(block.view(BigUint64Array).buffer, 0, bytes.length));
    this.#held.push(held);
  }

  #holdBox(box: OwnedBox<Layout>, layout: Layout): void {
    const { $pos } = (box as unknown as { $record: { $pos: { life: { view: DataView } } } }).$record;
    const { buffer, byteLength } = $pos.life.view;
    assertEquals(byteLength, layout.size);
    const bytes = new Uint8Array(buffer, 0, byteLength);
    assert(bytes.every((byte) => byte === 0), "a box holds something");
    const fill = this.#next();
    bytes.fill(fill);
    const use = () => layout.kind === "scalar" ? box.value : (layout as typeof Body).toObject(box.value as never);
    const list = () => (box.value as { at(i: number): unknown }).at(0);
    const read = layout.kind === "array" ? list : use;
    const first = JSON.stringify(read());
    const check = () => assertEquals(JSON.stringify(read()), first);
    this.#held.push({ owner: box, bytes: layout.size, tag: this.#path, views: [bytes], fill, check, use: read });
  }

  #free(held: Held, byHand: boolean): void {
    const before = this.#source.live.size;
    if (byHand) held.owner.free();
    else held.owner[Symbol.dispose]();
    this.#met.note("freed");
    if (this.#source.live.size < before) this.#met.note("dropped");
    this.#held = this.#held.filter((other) => other !== held);
    this.#dead.push(held);
    held.owner[Symbol.dispose]();
  }

  #verify(): void {
    const { heap, tags } = this.#alloc.stats();
    const chunks = this.#chunks();
    let used = 0;
    let all = 0;
    for (const [chunk, capacity] of this.#source.live) {
      all += capacity;
      if (chunks.has(chunk)) used += capacity;
    }
    const reuses = this.#takes - this.#source.obtained;
    assertEquals(heap, { live: this.#held.length, bytes: used, reserved: all, idle: all - used, reuses });
    assert(heap.idle <= this.#idleBytes, `${heap.idle} bytes are kept`);
    this.#met.note("live", this.#held.length);
    const byTag = new Map<string, number>();
    for (const { tag, bytes } of this.#held) byTag.set(tag, (byTag.get(tag) ?? 0) + ceil16(bytes));
    for (const { path, inUse } of tags) {
      assertEquals(inUse.heap, byTag.get(path) ?? 0, path);
      byTag.delete(path);
    }
    assertEquals(byTag.size, 0);
    for (const held of this.#held) held.check();
    this.#verifyDead(2);
  }

  /** What was freed stays so, whoever has its memory now. */
  #verifyDead(count: number): void {
    for (const { owner, views, use } of this.#dead.slice(-count)) {
      this.#met.note("stale");
      assertEquals(owner.isFreed, true);
      for (const view of views) assertEquals(view.length, 0);
      assertCode("FA401", use);
      assertCode("FA403", () => owner.free());
    }
  }
}

for (const safety of ["checked", "revoke", "release"] as const) {
  for (const extra of [0, 1000]) {
    Deno.test(`the heap obeys the model in ${RUNS} random programs in ${safety}, with ${extra} bytes more per chunk`, () => {
      const met = new Met();
      let runs = 0;
      fc.assert(
        fc.property(
          fc.constantFrom(0, 1000, 4096, 100_000),
          fc.array(OPS, { minLength: 10, maxLength: 80, size: "max" }),
          (heapIdleBytes, program) => {
            runs++;
            const runner = new Runner({ safety, heapIdleBytes }, extra, met);
            for (const op of program) runner.step(op);
            runner.finish();
          },
        ),
        { numRuns: RUNS },
      );
      assert(runs >= RUNS);
      for (const [what, count] of Object.entries(met.counts)) assert(count > RUNS / 10, `only ${count} ${what}`);
      console.log(safety, extra, JSON.stringify(met.counts));
    });
  }
}

for (const { source, safety, name } of SUPPORTED) {
  Deno.test(`heapAlloc() gives memory that can be detached on ${name}`, () => {
    const alloc = new SmartAlloc({ source, safety });
    const block = alloc.heapAlloc(64);
    const [bytes, floats, bigs] = [block.bytes, block.view(Float32Array), block.view(BigInt64Array)];
    assertEquals([bytes.length, floats.length, bigs.length, floats.byteOffset], [64, 16, 8, 0]);
    floats[0] = 1;
    assertEquals(bytes[3], 0x3f);
    block.free();
    assertEquals([bytes.length, floats.length, bigs.length, floats[0]], [0, 0, 0, undefined]);
    const next = alloc.heapAlloc(64); // in the same memory
    assertEquals([alloc.stats().heap.reuses, bytes.length, next.bytes[3]], [1, 0, 0]);
    floats[0] = 2;
    assertEquals(next.bytes.every((byte) => byte === 0), true);
    assertCode("FA401", () => block.view(Float32Array));
    assertCode("FA401", () => block.bytes);
    assertCode("FA403", () => block.free());
    block[Symbol.dispose]();
    assertEquals([next.isFreed, block.isFreed, alloc.stats().heap.live], [false, true, 1]);
  });

  Deno.test(`heapBox() that was freed stays so when its memory is given to another one on ${name}`, () => {
    const alloc = new SmartAlloc({ source, safety });
    const old = alloc.heapBox(Body, { id: 1 });
    const { value } = old;
    const { at } = value;
    old.free();
    const young = alloc.heapBox(Body, { id: 2, at: [1, 2, 3] });
    assertEquals(alloc.stats().heap.reuses, 1);
    for (const use of [() => value.id, () => value.id = 3, () => at.x, () => at.set(7, 7, 7), () => old.value.mass]) {
      assertCode("FA401", use, "Body");
    }
    assertCode("FA401", () => old.assign({ id: 9 }));
    assertCode("FA401", () => old.value = { id: 9 } as never);
    assertCode("FA403", () => old.free());
    assertEquals(Body.toObject(young.value), { id: 2, at: { x: 1, y: 2, z: 3 }, mass: 0 });
    assertEquals([old.isFreed, young.isFreed], [true, false]);
  });
}

Deno.test("heapAlloc() holds zeros, and what was there before only if told so", () => {
  const alloc = new SmartAlloc();
  const first = alloc.heapAlloc(1024);
  first.bytes.fill(7);
  first.free();
  const raw = alloc.heapAlloc(1024, { zero: false });
  assert(raw.bytes.every((byte) => byte === 7)); // not cleared: that is what makes it cheap
  raw.free();
  assert(alloc.heapAlloc(1000).bytes.every((byte) => byte === 0));
  assertEquals(alloc.stats().heap.reuses, 2);
});

Deno.test("heapBox() holds zeros where nothing is given, whatever its memory held", () => {
  const alloc = new SmartAlloc();
  alloc.heapBox(Body, { id: 7, at: [7, 7, 7], mass: 7 }).free();
  assertEquals(Body.toObject(alloc.heapBox(Body, { mass: 1 }).value), { id: 0, at: { x: 0, y: 0, z: 0 }, mass: 1 });
  assertEquals(alloc.stats().heap.reuses, 1);
});

Deno.test("heapBox() of a scalar has the number itself as its value", () => {
  const alloc = new SmartAlloc();
  using number = alloc.heapBox(f32, 1.5);
  using big = alloc.heapBox(i64, -5n);
  using truth = alloc.heapBox(bool);
  assertEquals([number.value, big.value, truth.value], [1.5, -5n, false]);
  number.value += 1;
  big.value = 2n ** 40n;
  truth.value = true;
  assertEquals([number.value, big.value, truth.value], [2.5, 2n ** 40n, true]);
  assertEquals(number.assign(7), number);
  assertEquals([number.value, JSON.stringify(number)], [7, "7"]);
  assertCode("FA022", () => number.value = "x" as never);
  assertEquals(number.value, 7);
  number.free();
  assertCode("FA401", () => number.value);
  assertCode("FA401", () => number.value = 1);
});

Deno.test("heapBox() of a struct is filled by setting its value, and keeps what is not given", () => {
  const alloc = new SmartAlloc();
  const box = alloc.heapBox(Body, { id: 1, mass: 2 });
  const { value } = box;
  box.value = { id: 3 } as never;
  assertStrictEquals(box.value, value);
  assertEquals([value.id, value.mass], [3, 2]);
  box.assign({ at: [1, 2, 3] }).assign({ mass: 0.1 });
  assertEquals(value.at.toArray(), [1, 2, 3]);
  assertAlmostEquals(value.mass, 0.1, 1e-6);
  assertEquals(JSON.stringify(alloc.heapBox(Body, { at: [1, 2, 3] })), '{"id":0,"at":{"x":1,"y":2,"z":3},"mass":0}');
});

Deno.test("heapAlloc(0) is a block like any other", () => {
  const alloc = new SmartAlloc();
  const block = alloc.heapAlloc(0);
  assertEquals([block.byteLength, block.bytes.length, block.view(Float64Array).length], [0, 0, 0]);
  assertEquals(alloc.stats().heap, { live: 1, bytes: 16, reserved: 16, idle: 0, reuses: 0 });
  block.free();
  assertCode("FA401", () => block.bytes);
  assertCode("FA403", () => block.free());
});

Deno.test("heapAlloc() of what nobody has is FA003, and says how much was asked for", () => {
  const source = new CountingSource();
  const alloc = new SmartAlloc({ source });
  for (const bytes of [MAX_CHUNK + 1, 2 ** 31, 2 ** 40, Number.MAX_SAFE_INTEGER]) {
    assertCode("FA003", () => alloc.heapAlloc(bytes));
    const error = assertThrows(() => alloc.heapAlloc(bytes), ArenaExhaustedError);
    assertEquals(error.requested, bytes);
    assertEquals(alloc.tryHeapAlloc(bytes), undefined);
  }
  source.refuses = true;
  const error = assertThrows(() => alloc.heapAlloc(100), ArenaExhaustedError, "Not today");
  assertEquals([error.requested, error.cause], [100, source.refusal]);
  assertCode("FA003", () => alloc.heapBox(Body), "Body on the heap");
  assertEquals([alloc.tryHeapBox(Body), source.obtained], [undefined, 0]);
  assertEquals(alloc.stats().heap, { live: 0, bytes: 0, reserved: 0, idle: 0, reuses: 0 });
});

Deno.test("a source that gives too little counts as refusing, and its chunk is given back", () => {
  let released = 0;
  const alloc = new SmartAlloc({
    source: {
      name: "stingy",
      capabilities: arrayBufferSource.capabilities,
      obtain: () => ({ buffer: new ArrayBuffer(8), revoke() {}, release: () => released++ }),
    },
  });
  alloc.budgets.setGlobal({ hard: megabytes(1) });
  assertCode("FA003", () => alloc.heapAlloc(100), "8 of 112 bytes");
  assertEquals([released, alloc.budgets.stats[0]?.used], [1, 0]);
});

Deno.test("sizes and layouts that are none are FA008", () => {
  const alloc = new SmartAlloc();
  for (const bytes of [-1, 1.5, NaN, Infinity, -Infinity, "16", null, undefined, 16n] as never[]) {
    assertCode("FA008", () => alloc.heapAlloc(bytes));
    assertCode("FA008", () => alloc.tryHeapAlloc(bytes));
  }
  for (const layout of [{}, "f32", 3, null, undefined] as never[]) {
    assertCode("FA008", () => alloc.heapBox(layout));
    assertCode("FA008", () => alloc.tryHeapBox(layout));
  }
  const block = alloc.heapAlloc(20);
  assertCode("FA008", () => block.view(Float64Array), "20 bytes");
  for (const constructor of [Array, DataView] as never[]) assertCode("FA008", () => block.view(constructor));
  assertEquals(alloc.stats().heap.live, 1);
});

Deno.test("heapBox() whose values do not fit loses nothing", () => {
  for (const heapIdleBytes of [0, megabytes(1)]) {
    const source = new CountingSource();
    const alloc = new SmartAlloc({ source, heapIdleBytes });
    alloc.budgets.setTag("a", { hard: 1000 });
    alloc.withTag("a", () => {
      for (let i = 0; i < 100; i++) {
        assertCode("FA022", () => alloc.heapBox(Body, { mass: "heavy" } as never));
        assertCode("FA022", () => alloc.tryHeapBox(Body, { wings: 2 } as never));
      }
    });
    assertEquals([alloc.stats().heap.live, alloc.stats().heap.bytes, alloc.leaks()], [0, 0, []]);
    assertEquals([alloc.budgets.stats[0]?.used, alloc.trim()], [0, heapIdleBytes === 0 ? 0 : 32]);
    assertEquals(source.live.size, 0);
  }
});

Deno.test("the stock keeps no more than heapIdleBytes, and no more than 64 blocks", () => {
  const source = new CountingSource();
  const alloc = new SmartAlloc({ source, heapIdleBytes: kilobytes(64) });
  const blocks = Array.from({ length: 200 }, (_, i) => alloc.heapAlloc(16 * (i + 1)));
  for (const block of blocks) block.free();
  assert(source.live.size <= 64 && alloc.stats().heap.idle <= kilobytes(64));
  assert(source.live.size > 10);
  const large = alloc.heapAlloc(kilobytes(65));
  const { idle } = alloc.stats().heap;
  large.free(); // more than may be kept: it goes at once, and drives nobody out
  assertEquals([alloc.stats().heap.idle, [...source.live.values()].includes(kilobytes(65))], [idle, false]);
  assertEquals(alloc.trim(), idle);
  assertEquals([source.live.size, alloc.trim()], [0, 0]);
});

Deno.test("a block serves again only where little of it is wasted", () => {
  const alloc = new SmartAlloc();
  alloc.heapAlloc(1024).free();
  const half = alloc.heapAlloc(512);
  assertEquals([alloc.stats().heap.reuses, alloc.stats().heap.idle], [0, 1024]);
  const most = alloc.heapAlloc(768);
  assertEquals([alloc.stats().heap.reuses, alloc.stats().heap.idle], [1, 0]);
  assertEquals(alloc.stats().heap.bytes, 512 + 1024);
  assertEquals([most.byteLength, most.bytes.length, half.bytes.length], [768, 768, 512]);
});

Deno.test("freed blocks make room under the global limit before an allocation is refused", () => {
  const source = new CountingSource();
  const alloc = new SmartAlloc({ source, memoryLimit: kilobytes(64) });
  alloc.heapAlloc(kilobytes(40)).free();
  assertEquals(alloc.stats().heap.idle, kilobytes(40));
  const block = alloc.heapAlloc(kilobytes(60));
  assertEquals([alloc.stats().heap.idle, alloc.budgets.stats[0]?.used], [0, kilobytes(60)]);
  assertCode("FA351", () => alloc.heapAlloc(kilobytes(5)));
  assertCode("FA351", () => alloc.heapBox(array(u8, kilobytes(5))));
  assertEquals([alloc.tryHeapAlloc(kilobytes(5)), block.isFreed], [undefined, false]);
  block.free();
  assertEquals(alloc.heapAlloc(kilobytes(5)).byteLength, kilobytes(5));
});

Deno.test("a callback of a budget may free and allocate on the heap, and may throw", () => {
  const alloc = new SmartAlloc({ heapIdleBytes: 0 });
  const first = alloc.withTag("a", () => alloc.heapAlloc(512));
  let other: HeapBlock | undefined;
  alloc.budgets.setTag("a", {
    soft: 600,
    hard: 1400,
    onCross: () => {
      if (other !== undefined) return;
      first.free();
      other = alloc.heapAlloc(32);
    },
  });
  const second = alloc.withTag("a", () => alloc.heapAlloc(800));
  assertEquals([first.isFreed, other?.isFreed, alloc.budgets.stats[0]?.used], [true, false, 832]);
  const error = new Error("no");
  alloc.budgets.setTag("b", {
    soft: 8,
    onCross: () => {
      throw error;
    },
  });
  const before = alloc.stats();
  assertStrictEquals(assertThrows(() => alloc.withTag("b", () => alloc.heapAlloc(16))), error);
  assertEquals(alloc.stats(), before);
  assertEquals(second.bytes.length, 800);
});

Deno.test("a callback of a budget that allocates and frees under its own tag is not called for ever", () => {
  const alloc = new SmartAlloc();
  let calls = 0;
  alloc.budgets.setTag("a", {
    soft: 100,
    onCross: () => {
      if (++calls > 100) throw new Error("called for ever");
      alloc.heapAlloc(16).free();
    },
  });
  const block = alloc.withTag("a", () => alloc.heapAlloc(200));
  assertEquals([block.byteLength, calls], [200, 1]);
});
