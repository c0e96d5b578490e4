/**
 * What the tests of handles, groups and scratch pools share: layouts, sources that watch and refuse, how refusals must look, and a
 * model of everything that can be allocated in a region.
 */

import {
  ArenaExhaustedError,
  array,
  type ErrorCode,
  f32,
  f64,
  FrameAllocError,
  type RegionAlloc,
  type SmartAlloc,
  struct,
  type TypedArray,
  type TypedArrayConstructor,
  u16,
  u32,
  u8,
  vec3f,
} from "@framealloc/core";
import { arrayBufferSource, type Chunk, type ChunkSource } from "@framealloc/core/memory";
import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import fc from "fast-check";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

const Body = struct("Body", {
  mass: f32,
  at: vec3f,
  tags: array(u8, 4),
  hits: array(struct("Hit", { depth: f32 }), 2),
});
const Byte = struct("Byte", { a: u8 });
const Mixed = struct("Mixed", { a: u8, b: f64, c: u16 });
const Point = struct("Point", { at: vec3f, a: f32 });
const Wgsl = struct("Wgsl", { at: vec3f, a: f32 }, { rules: "wgsl" });
const Vast = struct("Vast", { data: array(u8, 5000) });

// Errors

/** Runs what must be refused, and checks the form of the error. */
export function assertRefused(fn: () => unknown, code: ErrorCode, what?: string): FrameAllocError {
  let error: unknown;
  try {
    fn();
  } catch (thrown) {
    error = thrown;
  }
  assertInstanceOf(error, FrameAllocError, `${what ?? "a call"} was not refused with ${code}, but gave ${error}`);
  assertEquals(error.code, code, what ?? error.message);
  assert(error.message.startsWith(`${code}: Cannot `), error.message);
  assert(!error.message.endsWith("."), error.message);
  return error;
}

// Sources

/** A source that gives out again what was given back, as a source of one's own may do. */
export function keepingSource(): ChunkSource {
  const kept: Chunk[] = [];
  return {
    name: "keeping",
    capabilities: arrayBufferSource.capabilities,
    obtain(bytes) {
      const i = kept.findIndex((chunk) => chunk.buffer.byteLength >= bytes);
      const chunk = i < 0 ? arrayBufferSource.obtain(bytes) : kept.splice(i, 1)[0]!;
      return {
        get buffer() {
          return chunk.buffer;
        },
        revoke: () => chunk.revoke(),
        release: () => void kept.push(chunk),
      };
    },
  };
}

/** Runs what must be refused for want of memory, and checks that nothing is changed by that. */
export function assertUnchanged(alloc: SmartAlloc, fn: () => unknown, code: ErrorCode, what?: string): FrameAllocError {
  if (!alloc.budgets.stats.some(({ name }) => name === "global")) alloc.budgets.setGlobal({}); // counts what is held
  const before = alloc.stats();
  const error = assertRefused(fn, code, what);
  const after = alloc.stats();
  // A budget remembers that it was asked.
  const held = (stats: typeof before) => stats.budgets.map(({ name, used }) => [name, used]);
  assertEquals({ ...after, budgets: [] }, { ...before, budgets: [] });
  assertEquals(held(after), held(before));
  return error;
}

/** A chunk that is out, and how many bytes were asked for. */
export interface Watched {
  readonly asked: number;
  readonly chunk: Chunk;
}

/** Knows which of its chunks are out. */
export class WatchedSource implements ChunkSource {
  readonly name: string;
  readonly capabilities: ChunkSource["capabilities"];
  readonly out: Set<Watched> = new Set();
  /** How many chunks were asked for so far. */
  obtained = 0;
  readonly #inside: ChunkSource;

  constructor(inside: ChunkSource) {
    this.#inside = inside;
    this.name = inside.name;
    this.capabilities = inside.capabilities;
  }

  obtain(asked: number): Chunk {
    const chunk = this.#inside.obtain(asked);
    const watched: Watched = { asked, chunk };
    this.out.add(watched);
    this.obtained++;
    return {
      get buffer() {
        return chunk.buffer;
      },
      revoke: () => chunk.revoke(),
      release: () => {
        assert(this.out.delete(watched), "a chunk was given back twice");
        chunk.release();
      },
    };
  }

  /** What is out, as regions count it: in whole steps of 16 bytes. */
  get bytes(): number {
    let bytes = 0;
    for (const { chunk } of this.out) bytes += Math.floor(chunk.buffer.byteLength / 16) * 16;
    return bytes;
  }
}

// Tags

/** Paths of tags that programs allocate under; "" is none. */
export const PATHS: readonly string[] = ["", "a", "b", "a::b"];

/** Runs a function under the tags of a path. */
export function under<R>(alloc: SmartAlloc, path: string, fn: () => R): R {
  return path.split("::").filter(Boolean).reduceRight<() => R>((inner, tag) => () => alloc.withTag(tag, inner), fn)();
}

/** What each tag must have in use of one kind of memory. */
export class TagBook {
  readonly #alloc: SmartAlloc;
  readonly #kind: "handles" | "groups" | "scratch";
  readonly #bytes: Map<string, number> = new Map();

  constructor(alloc: SmartAlloc, kind: "handles" | "groups" | "scratch") {
    this.#alloc = alloc;
    this.#kind = kind;
  }

  add(path: string, bytes: number): void {
    this.#bytes.set(path, (this.#bytes.get(path) ?? 0) + bytes);
  }

  check(): void {
    const { tags } = this.#alloc.stats();
    for (const { path, inUse } of tags) assertEquals(inUse[this.#kind], this.#bytes.get(path) ?? 0, `of tag "${path}"`);
    for (const [path, bytes] of this.#bytes) {
      assert(bytes === 0 || tags.some((tag) => tag.path === path), `tag "${path}" is missing`);
    }
  }
}

// What is kept too long, and what is refused

/** One of every handle that a region gives out, and all that can be done with it. */
export function everyUse(region: RegionAlloc): { readonly [use: string]: () => unknown } {
  const record = region.alloc(Body);
  const { at, tags, hits } = region.alloc(Body);
  const hit = hits.at(1);
  const cell = region.alloc(f32);
  const box = region.allocBox(Body, { mass: 1 });
  const boxed = box.value;
  const scalar = region.allocBox(u32, 7);
  const batch = region.allocBatch(Body, 4);
  const element = batch.at(3);
  const iterator = batch[Symbol.iterator]();
  const cursor = batch.cursor();
  cursor.next();
  const vec = region.allocVec(Body, 2);
  const pushed = vec.push({ mass: 2 });
  for (let i = 0; i < 20; i++) vec.push({ mass: i });
  const grown = vec.at(20);
  const walker = vec.cursor();
  walker.next();
  const numbers = region.allocVec(Float32Array, 2);
  for (let i = 0; i < 20; i++) numbers.push(i);
  const map = region.allocMap(u32, Body, 2);
  for (let i = 0; i < 20; i++) map.set(i, { mass: i });
  const value = map.get(3)!;
  const counts = region.allocMap(u32, u32);
  counts.set(1, 1);
  const text = region.allocString("hello");
  return {
    "record get": () => record.mass,
    "record set": () => record.mass = 1,
    "record assign": () => Body.assign(record, { mass: 9 }),
    "record toObject": () => Body.toObject(record),
    "record part": () => record.at.x,
    "part get": () => at.x,
    "part set": () => at.y = 1,
    "part method": () => at.set(1, 2, 3),
    "list at": () => tags.at(0),
    "list set": () => tags.set(0, 1),
    "list fill": () => tags.fill(1),
    "list iterate": () => [...tags],
    "nested": () => hit.depth,
    "nested late": () => hits.at(0).depth,
    "cell get": () => cell.value,
    "cell set": () => cell.value = 1,
    "box of a scalar": () => scalar.value,
    "box value": () => box.value.mass,
    "box assign": () => box.assign({ mass: 9 }),
    "box held": () => boxed.mass,
    "batch at": () => batch.at(0),
    "batch cursor": () => batch.cursor(),
    "batch view": () => batch.view(Float32Array),
    "batch iterate": () => [...batch],
    "batch iterator": () => iterator.next(),
    "batch element": () => element.mass,
    "cursor record": () => cursor.record.mass,
    "vec push": () => vec.push(),
    "vec push values": () => vec.push({ mass: 9 }),
    "vec pop": () => vec.pop(),
    "vec at": () => vec.at(0),
    "vec far": () => vec.at(20),
    "vec outside": () => vec.at(1000),
    "vec cursor": () => vec.cursor(),
    "vec clear": () => vec.clear(),
    "vec reserve": () => vec.reserve(1000),
    "vec iterate": () => [...vec],
    "vec pushed": () => pushed.mass,
    "vec grown": () => grown.mass,
    "vec walker": () => walker.record.mass,
    "numbers push": () => numbers.push(1),
    "numbers pop": () => numbers.pop(),
    "numbers at": () => numbers.at(0),
    "numbers set": () => numbers.set(0, 1),
    "numbers view": () => numbers.view,
    "numbers clear": () => numbers.clear(),
    "numbers reserve": () => numbers.reserve(1000),
    "numbers iterate": () => [...numbers],
    "map get": () => map.get(3),
    "map miss": () => map.get(1000),
    "map set": () => map.set(3, { mass: 9 }),
    "map insert": () => map.set(1000, { mass: 9 }),
    "map getOrInsert": () => map.getOrInsert(1001),
    "map has": () => map.has(3),
    "map delete": () => map.delete(3),
    "map clear": () => map.clear(),
    "map forEach": () => map.forEach(() => {}),
    "map iterate": () => [...map],
    "map value": () => value.mass,
    "map of numbers": () => counts.get(1),
    "text append": () => text.append("x"),
    "text bytes": () => text.bytes,
    "text clear": () => text.clear(),
    "text toString": () => text.toString(),
  };
}

/** What a program may do in every frame with things that it keeps, and that allocates nothing in the region. */
export function everyLook(region: RegionAlloc): { readonly [look: string]: () => unknown } {
  const batch = region.allocBatch(Body, 4);
  const vec = region.allocVec(Body);
  const numbers = region.allocVec(Float32Array);
  const map = region.allocMap(u32, Body);
  const text = region.allocString("hello");
  vec.push();
  numbers.push(1);
  map.set(1, { mass: 1 });
  return {
    "batch at": () => batch.at(0),
    "batch cursor": () => batch.cursor(),
    "batch view": () => batch.view(Float32Array),
    "vec at": () => vec.at(0),
    "vec cursor": () => vec.cursor(),
    "vec push and pop": () => [vec.push(), vec.pop()],
    "numbers view": () => numbers.view,
    "numbers push and pop": () => [numbers.push(1), numbers.pop()],
    "map get": () => map.get(1),
    "map set": () => map.set(1, { mass: 2 }),
    "map iterate": () => [...map],
    "text toString": () => text.toString(),
    "text bytes": () => text.bytes,
    "text append": () => (text.clear(), text.append("hello")),
  };
}

setFlagsFromString("--expose-gc");
const collect: () => void = runInNewContext("gc");

/** Checks that calling functions leaves next to nothing behind on the heap of JavaScript. */
export function assertNothingLeft(looks: { readonly [look: string]: () => unknown }, times: number): void {
  const most = 20 * times; // less than anything that is left each time
  if (retained(Object.values(looks), times) < most) return;
  for (const [name, look] of Object.entries(looks)) {
    const bytes = retained([look], times);
    assert(bytes < most, `${times} times "${name}" left ${bytes} bytes behind`);
  }
}

function retained(looks: readonly (() => unknown)[], times: number): number {
  const call = (times: number): void => {
    for (const look of looks) for (let i = 0; i < times; i++) look();
  };
  call(200); // compiles, and makes what is made on first use
  collect();
  const before = Deno.memoryUsage().heapUsed;
  call(times);
  collect();
  return Deno.memoryUsage().heapUsed - before;
}

/** Every way to allocate so much that a small region must grow, by name. */
export const PATHS_TO_GROW: { readonly [name: string]: (region: RegionAlloc) => unknown } = {
  alloc: (region) => region.alloc(Vast),
  allocBox: (region) => region.allocBox(Vast),
  allocSlice: (region) => region.allocSlice(Uint8Array, 5000),
  "allocVec of records": (region) => region.allocVec(Body, 500),
  "allocVec of numbers": (region) => region.allocVec(Float64Array, 1000),
  "allocVec of a scalar": (region) => region.allocVec(u32, 2000),
  allocMap: (region) => region.allocMap(u32, Body, 400),
  "allocMap whose table does not fit": (region) => region.allocMap(u32, u32, 170),
  allocString: (region) => region.allocString("x".repeat(5000)),
  allocBatch: (region) => region.allocBatch(Body, 500),
  allocColumns: (region) => region.allocColumns(Mixed, 500),
};

// What can be allocated in a region

/** Layouts with a field `a` that holds any small number, and the sizes of their columns. */
const LAYOUTS = [
  { layout: Byte, columns: [1] },
  { layout: Mixed, columns: [1, 8, 2] },
  { layout: Point, columns: [4, 4, 4, 4] },
  { layout: Wgsl, columns: [4, 4, 4, 4] },
] as const;

const ARRAYS: readonly TypedArrayConstructor[] = [Uint8Array, Int16Array, Float32Array, BigInt64Array];

/** One thing that was allocated. */
export interface Thing {
  readonly kind: string;
  /** The memory that can be seen raw; no two things share any. */
  raws(): ArrayBufferView[];
  isIntact(): boolean;
  /** Fills it with something else. */
  rewrite(seed: number): void;
  /** Adds one element; what cannot grow has none of this. */
  readonly push?: (seed: number) => void;
  /** What throws once the memory has ended; raw views cannot. */
  readonly use?: () => unknown;
}

/** The next allocation of a program. */
export interface Request {
  readonly kind: typeof KINDS[number];
  readonly of: number;
  readonly n: number;
}

export const KINDS = [
  "slice",
  "record",
  "cell",
  "box",
  "batch",
  "columns",
  "records",
  "numbers",
  "map",
  "text",
] as const;

const count = fc.oneof(
  { weight: 12, arbitrary: fc.nat(40) },
  { weight: 1, arbitrary: fc.integer({ min: 1000, max: 20_000 }) },
);

export const REQUESTS: fc.Arbitrary<Request> = fc.record({ kind: fc.constantFrom(...KINDS), of: fc.nat(3), n: count });

/** What the programs met. */
export interface Met {
  [what: string]: number;
}

export function meet(met: Met, what: string, times: number = 1): void {
  met[what] = (met[what] ?? 0) + times;
}

/** Checks that random programs met what they are for. */
export function assertMet(met: Met, least: Met): void {
  console.log(JSON.stringify(met));
  for (const [what, times] of Object.entries(least)) assert((met[what] ?? 0) >= times, `only ${met[what]} ${what}`);
}

/** What must be in a group or scratch pool. */
export class RegionModel {
  readonly region: RegionAlloc;
  readonly things: Thing[] = [];
  used = 0;
  peak = 0;
  allocations = 0;
  /** Bytes by tag, in the order in which they came. */
  readonly shares: Map<string, number> = new Map();
  readonly #alloc: SmartAlloc;
  readonly #book: TagBook;
  readonly #most: number;
  readonly #met: Met;

  constructor(alloc: SmartAlloc, region: RegionAlloc, book: TagBook, maxBytes: number, met: Met) {
    this.region = region;
    this.#alloc = alloc;
    this.#book = book;
    this.#most = Math.floor(maxBytes / 16) * 16;
    this.#met = met;
  }

  /** Allocates under the innermost tag, or is refused for a good reason. */
  allocate({ kind, of, n }: Request, seed: number): void {
    const bytes = bytesOf(kind, of, n);
    const before = this.#room(bytes) ? undefined : this.#alloc.stats();
    let thing: Thing;
    try {
      thing = make(this.region, kind, of, n);
    } catch (error) {
      if (!(error instanceof ArenaExhaustedError)) throw error;
      meet(this.#met, "refusals");
      assertEquals([error.code, before !== undefined], ["FA003", true], `refused ${bytes} bytes: ${error.message}`);
      if (bytes !== undefined) assert(this.used + ceil16(bytes) > this.#most, "there was room");
      assertEquals(this.#alloc.stats(), before!);
      return;
    }
    if (bytes === undefined) this.#grew();
    else this.#take(bytes);
    this.allocations++;
    thing.rewrite(seed);
    this.things.push(thing);
  }

  /** Lets a list grow under the innermost tag. */
  push(which: number, times: number, seed: number): void {
    const lists = this.things.filter((thing) => thing.push !== undefined);
    const list = lists[which % Math.max(1, lists.length)];
    if (list === undefined) return;
    for (let i = 0; i < times; i++) {
      const { allocations } = this.region;
      const before = list.raws()[0];
      try {
        list.push!(seed + i);
      } catch (error) {
        if (!(error instanceof ArenaExhaustedError)) throw error;
        meet(this.#met, "refused growth");
        assert(this.#most < Infinity, error.message);
        if (list.kind !== "map") {
          assertEquals([this.region.used, this.region.allocations], [this.used, this.allocations]);
        }
        this.#grew();
        this.allocations = this.region.allocations;
        return;
      }
      const after = list.raws()[0];
      const isSame = before?.buffer === after?.buffer && before?.byteOffset === after?.byteOffset;
      const isOne = list.kind === "numbers" || list.kind === "text";
      if (isOne) assertEquals(this.region.allocations - allocations, isSame ? 0 : 1, `of ${list.kind}`);
      if (this.#grew() > 0) meet(this.#met, isOne && isSame ? "growth in place" : "growth");
      this.allocations = this.region.allocations;
    }
  }

  /** Everything was freed by a reset. */
  clear(): void {
    for (const [path, bytes] of this.shares) this.#book.add(path, -bytes);
    this.shares.clear();
    this.things.length = 0;
    this.used = 0;
    this.peak = 0;
    this.allocations = 0;
  }

  check(): void {
    assertEquals([this.region.used, this.region.allocations], [this.used, this.allocations]);
    for (const thing of this.things) assert(thing.isIntact(), `the contents of a ${thing.kind} changed`);
  }

  get mainTag(): string {
    let main = ["", 0] as readonly [string, number];
    for (const share of this.shares) if (share[1] > main[1]) main = share;
    return main[0];
  }

  /** Whether so many bytes must be there. */
  #room(bytes: number | undefined): boolean {
    return this.#most === Infinity || (bytes !== undefined && this.used + ceil16(bytes) <= this.#most);
  }

  /** Books what the region says it has grown by, where that depends on its chunks. */
  #grew(): number {
    const bytes = this.region.used - this.used;
    assert(bytes >= 0 && bytes % 16 === 0, `grew by ${bytes} bytes`);
    this.#take(bytes);
    return bytes;
  }

  #take(bytes: number): void {
    const whole = ceil16(bytes);
    const path = this.#alloc.tagPath;
    this.used += whole;
    this.peak = Math.max(this.peak, this.used);
    assertEquals(this.region.used, this.used);
    assert(this.used <= this.#most, "more than the limit is in use");
    if (whole > 0) this.shares.set(path, (this.shares.get(path) ?? 0) + whole);
    this.#book.add(path, whole);
  }
}

/** Things that were kept past their end, and what could be seen of them raw. */
export class Kept {
  readonly #things: readonly Thing[];
  readonly #raws: readonly ArrayBufferView[];

  constructor(things: readonly Thing[]) {
    this.#things = [...things];
    this.#raws = things.flatMap((thing) => thing.raws()).filter((view) => view.byteLength > 0);
  }

  /** Checks that nothing shows its memory; `isRevoked` where raw views must be detached as well. */
  check(isRevoked: boolean): void {
    for (const { kind, use } of this.#things) if (use !== undefined) assertRefused(use, "FA401", kind);
    if (isRevoked) { for (const view of this.#raws) assertEquals(view.byteLength, 0, "a raw view was not detached"); }
  }
}

/** No two things share memory, and all of them lie in chunks that are out. */
export function checkApart(models: Iterable<RegionModel>, source: WatchedSource): void {
  const buffers = new Set<ArrayBufferLike>();
  for (const { chunk } of source.out) buffers.add(chunk.buffer);
  const raws: ArrayBufferView[] = [];
  for (const { things } of models) for (const thing of things) raws.push(...thing.raws());
  const ends = new Map<ArrayBufferLike, number>();
  for (const { buffer, byteOffset, byteLength } of raws.sort((a, b) => a.byteOffset - b.byteOffset)) {
    if (byteLength === 0) continue;
    assert(buffers.has(buffer), "memory is in no chunk that is out");
    assertEquals(byteOffset % 16, 0, "memory is not aligned");
    assert(byteOffset >= (ends.get(buffer) ?? 0), "memory is given out twice");
    ends.set(buffer, byteOffset + byteLength);
  }
}

function ceil16(bytes: number): number {
  return Math.ceil(bytes / 16) * 16;
}

/** What an allocation takes; `undefined` where that is the business of the collection. */
function bytesOf(kind: Request["kind"], of: number, n: number): number | undefined {
  const { layout, columns } = LAYOUTS[of]!;
  switch (kind) {
    case "slice":
    case "numbers":
      return ARRAYS[of]!.BYTES_PER_ELEMENT * (kind === "slice" ? n : Math.max(n, 1));
    case "record":
    case "box":
      return layout.size;
    case "cell":
      return 8;
    case "batch":
      return layout.stride * n;
    case "records":
      return layout.stride * Math.max(n % 64, 1);
    case "columns":
      return columns.reduce((sum, bytes) => sum + ceil16(bytes * n), 0);
    case "text":
      return Math.max(n, 16);
    case "map":
      return undefined;
  }
}

function make(region: RegionAlloc, kind: Request["kind"], of: number, n: number): Thing {
  const { layout } = LAYOUTS[of]!;
  switch (kind) {
    case "slice": {
      const isZero = n % 2 === 0;
      const view = region.allocSlice(ARRAYS[of]!, n, { zero: isZero });
      assertEquals(view.length, n);
      if (isZero) assert(isFilled(bytesIn(view), 0), "a slice does not hold zeros");
      return raw(kind, [view]);
    }
    case "columns":
      return raw(kind, leaves(region.allocColumns(layout, n)));
    case "batch": {
      const batch = region.allocBatch(layout, n);
      assertEquals(batch.length, n);
      return { ...raw(kind, [batch.view(Uint8Array)]), use: () => batch.view(Uint8Array) };
    }
    case "record":
      return single(kind, region.alloc(layout));
    case "cell": {
      const cell = region.alloc(f64);
      return valued(kind, () => cell.value, (value) => cell.value = value);
    }
    case "box": {
      const box = region.allocBox(layout, { a: 3 });
      assertEquals(box.value.a, 3);
      return valued(kind, () => box.value.a, (a) => box.assign({ a }));
    }
    case "records":
      return records(region, of, n);
    case "numbers":
      return numbers(region, of, n);
    case "map":
      return map(region, of, n);
    case "text":
      return text(region, n);
  }
}

/** Memory that can only be seen raw. */
function raw(kind: string, views: readonly ArrayBufferView[]): Thing {
  let seed = 0;
  return {
    kind,
    raws: () => [...views],
    isIntact: () => views.every((view) => isFilled(bytesIn(view), seed)),
    rewrite(next) {
      seed = next % 251;
      for (const view of views) bytesIn(view).fill(seed);
    },
  };
}

function single(kind: string, record: { a: number }): Thing {
  return valued(kind, () => record.a, (a) => record.a = a);
}

function valued(kind: string, get: () => number, set: (value: number) => void): Thing {
  let value = 0;
  return {
    kind,
    raws: () => [],
    isIntact: () => get() === value,
    rewrite(seed) {
      value = seed % 251;
      set(value);
    },
    use: get,
  };
}

function records(region: RegionAlloc, of: number, n: number): Thing {
  const vec = region.allocVec(LAYOUTS[of]!.layout, n % 64);
  const values: number[] = [];
  return {
    kind: "records",
    raws: () => [],
    isIntact: () => vec.length === values.length && values.every((value, i) => vec.at(i).a === value),
    rewrite(seed) {
      for (let i = 0; i < values.length; i++) vec.at(i).a = values[i] = (seed + i) % 251;
    },
    push(seed) {
      vec.push({ a: seed % 251 });
      values.push(seed % 251);
    },
    use: () => vec.at(0),
  };
}

function numbers(region: RegionAlloc, of: number, n: number): Thing {
  const vec = region.allocVec(ARRAYS[of]!, n);
  const isBig = of === 3;
  const values: number[] = [];
  const stored = (value: number) => (isBig ? BigInt(value % 100) : value % 100) as never;
  return {
    kind: "numbers",
    raws: () => [vec.view],
    isIntact: () => vec.length === values.length && values.every((value, i) => vec.at(i) === stored(value)),
    rewrite(seed) {
      for (let i = 0; i < values.length; i++) vec.set(i, stored(values[i] = seed + i));
    },
    push(seed) {
      vec.push(stored(seed));
      values.push(seed);
    },
    use: () => vec.at(0),
  };
}

function map(region: RegionAlloc, of: number, n: number): Thing {
  const entries = region.allocMap(u32, LAYOUTS[of]!.layout, n % 64);
  const values = new Map<number, number>();
  return {
    kind: "map",
    raws: () => [],
    isIntact: () => entries.size === values.size && [...values].every(([key, value]) => entries.get(key)?.a === value),
    rewrite(seed) {
      for (const key of values.keys()) {
        entries.set(key, { a: (seed + key) % 251 });
        values.set(key, (seed + key) % 251);
      }
    },
    push(seed) {
      const key = (seed * 7919) % 1009;
      entries.set(key, { a: seed % 251 });
      values.set(key, seed % 251);
    },
    use: () => entries.get(1),
  };
}

function text(region: RegionAlloc, n: number): Thing {
  let expected = "x".repeat(n);
  const made = region.allocString(expected);
  return {
    kind: "text",
    raws: () => [made.bytes],
    isIntact: () => made.toString() === expected,
    rewrite(seed) {
      expected = String.fromCharCode(97 + seed % 26).repeat(expected.length);
      made.clear();
      made.append(expected);
    },
    push(seed) {
      const more = String(seed % 1000);
      made.append(more);
      expected += more;
    },
    use: () => made.toString(),
  };
}

function bytesIn(view: ArrayBufferView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

/** Whether bytes are all the same; of many only the ends and some in between are looked at. */
function isFilled(bytes: Uint8Array, value: number): boolean {
  const step = Math.max(1, bytes.length >> 6);
  for (let i = 0; i < bytes.length; i += step) if (bytes[i] !== value) return false;
  return bytes.length === 0 || bytes[bytes.length - 1] === value;
}

/** The typed arrays of columns, however they are nested. */
function leaves(columns: unknown): TypedArray[] {
  return ArrayBuffer.isView(columns) ? [columns as TypedArray] : Object.values(columns as object).flatMap(leaves);
}
