/**
 * Pool guards: random programs against a model of everything that is leased, and a scheduler that lets tasks allocate, wait, free,
 * throw and close in any order.
 */

import {
  array,
  AsyncPoolGuard,
  type ErrorCode,
  f64,
  FrameAllocError,
  type GuardLease,
  kilobytes,
  type Layout,
  type RecordVec,
  SmartAlloc,
  struct,
  TaskError,
  type TypedArrayConstructor,
  u16,
  u32,
  u8,
  vec3f,
} from "@framealloc/core";
import type { ChunkSource } from "@framealloc/core/memory";
import { assert, assertEquals, assertInstanceOf, assertStrictEquals } from "@std/assert";
import fc from "fast-check";
import { type Pair, SUPPORTED } from "../frame/_sources.ts";
import { CountingSource } from "../memory/_counting_source.ts";
import { assertMet, meet, type Met, PATHS, under } from "../pool/_layouts.ts";

const RUNS_PER_PAIR = 200;
const RUNS_OF_TASKS = 2000;

/** Layouts with a field `a` that holds any small number. */
const LAYOUTS = [
  struct("Byte", { a: u8 }),
  struct("Mixed", { a: u8, b: f64, c: u16 }),
  struct("Point", { at: vec3f, a: u32 }, { rules: "wgsl" }),
  struct("Wide", { a: u32, data: array(u8, 700) }),
  struct("Vast", { a: u32, data: array(u8, 5000) }),
] as const;
const ARRAYS: readonly TypedArrayConstructor[] = [Uint8Array, Int16Array, Float32Array, Float64Array, BigInt64Array];
const CLASSES = [16, 48, 128, 512, 1024];
const PAGE = kilobytes(2);

// What the model knows

/** A slot or block, and whose it is. */
interface Piece {
  readonly bytes: number;
  readonly capacity: number;
  readonly isSlot: boolean;
  readonly tag: string;
}

/** Something that is leased. */
interface Thing {
  readonly label: string;
  readonly kind: GuardLease["kind"];
  readonly name: string;
  /** What `free` takes: any of these. */
  readonly handles: readonly object[];
  readonly pieces: Piece[];
  readonly tag: string;
  isIntact(): boolean;
  rewrite(seed: number): void;
  /** Adds one element. */
  readonly push?: (seed: number) => void;
  /** What throws once it is freed; raw views cannot. */
  readonly use?: () => unknown;
  /** The memory that can be seen raw. */
  raw(): ArrayBufferView | undefined;
}

/** A guard and what is out. */
interface Node {
  readonly guard: AsyncPoolGuard;
  readonly name: string;
  readonly things: Thing[];
  readonly ended: { readonly thing: Thing; readonly code: ErrorCode }[];
  isClosed: boolean;
  closing: Promise<readonly GuardLease[]>[];
  left: string[];
}

const ceil16 = (bytes: number): number => Math.max(16, Math.ceil(bytes / 16) * 16);

/** An allocator, its guards, and what must be in its books. */
class World {
  readonly alloc: SmartAlloc;
  readonly source: CountingSource;
  readonly nodes: Node[] = [];
  readonly pooled: { readonly record: { a: number }; readonly value: number }[] = [];
  readonly #pair: Pair;
  readonly #met: Met;
  /** Whether freed blocks go back to the source. */
  readonly #isExact: boolean;
  #made = 0;

  constructor(pair: Pair, guards: number, met: Met) {
    this.#pair = pair;
    this.#met = met;
    this.#isExact = guards % 2 === 0;
    this.source = new CountingSource(pair.source as ChunkSource);
    this.alloc = new SmartAlloc({
      source: this.source,
      safety: pair.safety,
      frameArenaSize: kilobytes(1),
      poolClasses: CLASSES,
      poolPageSize: PAGE,
      poolIdlePages: guards % 2,
      heapIdleBytes: this.#isExact ? 0 : kilobytes(16),
    });
    this.alloc.budgets.setGlobal({}); // counts what is held
    for (let i = 0; i < guards; i++) {
      const name = `guard ${i}`;
      const guard = new AsyncPoolGuard(this.alloc, { name });
      this.nodes.push({ guard, name, things: [], ended: [], isClosed: false, closing: [], left: [] });
    }
  }

  label(): string {
    return `thing ${this.#made++}`;
  }

  /** What so many bytes get. */
  piece(bytes: number, isRaw: boolean): Piece {
    const tag = this.alloc.tagPath;
    const isBlock = isRaw && this.#pair.safety === "revoke";
    const slot = isBlock ? undefined : CLASSES.find((size) => size >= bytes);
    meet(this.#met, slot === undefined ? "blocks" : "slots");
    return slot === undefined
      ? { bytes: ceil16(bytes), capacity: bytes, isSlot: false, tag }
      : { bytes: slot, capacity: slot, isSlot: true, tag };
  }

  check(): void {
    const { alloc, nodes, source } = this;
    let live = 0;
    let slots = 0;
    let blocks = 0;
    const byTag = new Map<string, number>();
    for (const { guard, things, isClosed } of nodes) {
      let bytes = 0;
      for (const { pieces } of things) {
        for (const piece of pieces) {
          bytes += piece.bytes;
          byTag.set(piece.tag, (byTag.get(piece.tag) ?? 0) + piece.bytes);
          if (piece.isSlot) slots += piece.bytes;
          else blocks += piece.bytes;
        }
      }
      live += things.length;
      assertEquals([guard.outstanding, guard.bytes, guard.isClosed], [things.length, bytes, isClosed]);
    }
    for (const node of nodes) for (const thing of node.things) assert(thing.isIntact(), `${thing.label} has changed`);
    for (const { record, value } of this.pooled) assertEquals(record.a, value, "a pool record has changed");
    const { leases, heap, pool, tags, frame, budgets } = alloc.stats();
    assertEquals([leases.live, leases.bytes], [live, slots + blocks]);
    assertEquals([heap.live, pool.large, pool.live], [0, 0, this.pooled.length]);
    assert(leases.reserved >= slots && leases.reserved % PAGE === 0 && heap.bytes >= blocks);
    if (this.#isExact) assertEquals([heap.bytes, heap.idle], [blocks, 0]);
    // Whatever is held from the source, and nothing else.
    assertEquals(leases.reserved + heap.reserved + pool.reserved + frame.committed, budgets[0]!.used);
    for (const { path, inUse } of tags) {
      const own = path === "" ? this.pooled.length * 16 : 0;
      assertEquals(inUse.pool, (byTag.get(path) ?? 0) + own, `of tag "${path}"`);
    }
    assertEquals(
      alloc.leaks().filter(({ kind }) => kind === "lease").map(({ name, tag, bytes }) => [name, tag, bytes]).sort(),
      nodes.flatMap(({ things }) => things).map(({ label, tag, pieces }) => [label, tag, sum(pieces)]).sort(),
    );
    this.#checkApart();
    // Blocks come from elsewhere where this source cannot serve them.
    if (source.capabilities.transferable) assertEquals(source.bytes, budgets[0]!.used);
  }

  /** No two things that can be seen raw share memory. */
  #checkApart(): void {
    const raws = this.nodes.flatMap(({ things }) => things).map((thing) => thing.raw()).filter((raw) =>
      raw !== undefined
    );
    const ends = new Map<ArrayBufferLike, number>();
    for (const { buffer, byteOffset, byteLength } of raws.sort((a, b) => a.byteOffset - b.byteOffset)) {
      if (byteLength === 0) continue;
      assertEquals(byteOffset % 16, 0, "memory is not aligned");
      assert(byteOffset >= (ends.get(buffer) ?? 0), "memory is leased twice");
      ends.set(buffer, byteOffset + byteLength);
    }
  }
}

function sum(pieces: readonly Piece[]): number {
  return pieces.reduce((sum, { bytes }) => sum + bytes, 0);
}

// What can be leased

const KINDS = ["box", "scalar", "records", "numbers", "slice"] as const;

interface Request {
  readonly kind: typeof KINDS[number];
  readonly of: number;
  readonly n: number;
}

function lease(world: World, guard: AsyncPoolGuard, { kind, of, n }: Request): Thing {
  const label = world.label();
  const tag = world.alloc.tagPath;
  const layout = LAYOUTS[of]!;
  const constructor = ARRAYS[of]!;
  switch (kind) {
    case "box": {
      const box = guard.allocBox(layout as Layout, { a: 3 } as never, { label }) as unknown as {
        value: { a: number };
        assign(values: { a: number }): unknown;
      };
      assertEquals(box.value.a, 3);
      const record = box.value;
      return valued(
        { label, kind, name: layout.name, handles: [box, record], tag },
        [world.piece(layout.size, false)],
        {
          get: () => box.value.a,
          set: (a) => n % 2 === 0 ? box.assign({ a }) : record.a = a,
        },
      );
    }
    case "scalar": {
      const box = guard.allocBox(u8, 0, { label });
      return valued({ label, kind: "box", name: "u8", handles: [box], tag }, [world.piece(1, false)], {
        get: () => box.value,
        set: (value) => box.value = value,
      });
    }
    case "records":
      return records(world, guard, label, layout, n % 20);
    case "numbers":
      return numbers(world, guard, label, constructor, n);
    case "slice": {
      const isZero = n % 2 === 0;
      const slice = guard.allocSlice(constructor, n, { zero: isZero, label });
      assertEquals(slice.length, n);
      const bytes = new Uint8Array(slice.buffer, slice.byteOffset, slice.byteLength);
      if (isZero) assert(bytes.every((byte) => byte === 0), "a slice does not hold zeros");
      let value: number | undefined;
      return {
        ...{ label, kind, name: constructor.name, handles: [slice], tag },
        pieces: [world.piece(slice.byteLength, true)],
        isIntact: () => value === undefined || bytes.every((byte) => byte === value),
        rewrite(seed) {
          value = seed % 251;
          bytes.fill(value);
        },
        raw: () => slice,
      };
    }
  }
}

type Head = Pick<Thing, "label" | "kind" | "name" | "handles" | "tag">;

function valued(head: Head, pieces: Piece[], { get, set }: { get(): number; set(value: number): unknown }): Thing {
  let value = get();
  return {
    ...head,
    pieces,
    isIntact: () => get() === value,
    rewrite(seed) {
      value = seed % 251;
      set(value);
    },
    use: get,
    raw: () => undefined,
  };
}

function records(world: World, guard: AsyncPoolGuard, label: string, layout: Layout, n: number): Thing {
  const vec = guard.allocVec(layout as never, n, { label }) as unknown as RecordVec<typeof LAYOUTS[0]>;
  const values: number[] = [];
  const early: { a: number }[] = [];
  let capacity = Math.max(n, 1);
  const pieces = [world.piece(capacity * layout.stride, false)];
  return {
    ...{ label, kind: "vec", name: layout.name, handles: [vec], tag: world.alloc.tagPath, pieces },
    isIntact: () =>
      vec.length === values.length && vec.capacity === capacity &&
      values.every((value, i) => vec.at(i).a === value && early[i]!.a === value),
    rewrite(seed) {
      for (let i = 0; i < values.length; i++) vec.at(i).a = values[i] = (seed + i) % 251;
    },
    push(seed) {
      const isFull = values.length === capacity;
      early.push(vec.push({ a: seed % 251 })); // records never move
      values.push(seed % 251);
      if (!isFull) return;
      pieces.push(world.piece(capacity * layout.stride, false));
      capacity *= 2;
    },
    use: () => vec.at(0),
    raw: () => undefined,
  };
}

function numbers(world: World, guard: AsyncPoolGuard, label: string, type: TypedArrayConstructor, n: number): Thing {
  const vec = guard.allocVec(type, n, { label });
  const each = type.BYTES_PER_ELEMENT;
  const values: number[] = [];
  const stored = (value: number) => (type === BigInt64Array ? BigInt(value % 100) : value % 100) as never;
  let capacity = Math.max(n, 1);
  const pieces = [world.piece(capacity * each, true)];
  return {
    ...{ label, kind: "vec", name: type.name, handles: [vec], tag: world.alloc.tagPath, pieces },
    isIntact: () =>
      vec.length === values.length && vec.capacity === capacity &&
      values.every((value, i) => vec.at(i) === stored(value)),
    rewrite(seed) {
      for (let i = 0; i < values.length; i++) vec.set(i, stored(values[i] = seed + i));
    },
    push(seed) {
      const isFull = values.length === capacity;
      vec.push(stored(seed));
      values.push(seed);
      if (!isFull) return;
      capacity *= 2;
      // It grows where it lies if the slot has room, and leaves it otherwise.
      if (capacity * each > pieces[0]!.capacity) pieces[0] = world.piece(capacity * each, true);
    },
    use: () => vec.at(0),
    raw: () => vec.view,
  };
}

// Programs

const which = fc.nat(1000);
const tag = fc.nat(3);
const REQUESTS: fc.Arbitrary<Request> = fc.record({
  kind: fc.constantFrom(...KINDS),
  of: fc.nat(4),
  n: fc.oneof({ weight: 8, arbitrary: fc.nat(40) }, { weight: 1, arbitrary: fc.integer({ min: 100, max: 2000 }) }),
});

type Op =
  | { readonly op: "alloc"; readonly which: number; readonly request: Request; readonly tag: number }
  | {
    readonly op: "push";
    readonly which: number;
    readonly thing: number;
    readonly times: number;
    readonly seed: number;
    readonly tag: number;
  }
  | {
    readonly op: "rewrite" | "free" | "misuse";
    readonly which: number;
    readonly thing: number;
    readonly seed: number;
  }
  | { readonly op: "freeAll" | "close" | "force" | "dispose" | "new" | "pool"; readonly which: number }
  | { readonly op: "stingy" | "trim" | "frame"; readonly which: number };

const OPS: fc.Arbitrary<Op> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ op: fc.constant("alloc" as const), which, request: REQUESTS, tag }) },
  {
    weight: 8,
    arbitrary: fc.record({
      op: fc.constant("push" as const),
      which,
      thing: which,
      times: fc.integer({ min: 1, max: 40 }),
      seed: which,
      tag,
    }),
  },
  {
    weight: 12,
    arbitrary: fc.record({
      op: fc.constantFrom("rewrite" as const, "free" as const, "free" as const, "misuse" as const),
      which,
      thing: which,
      seed: which,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      op: fc.constantFrom<"freeAll" | "close" | "force" | "dispose" | "new">(
        ...["freeAll", "close", "force", "dispose", "new", "new", "new"] as const,
      ),
      which,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      op: fc.constantFrom("pool" as const, "stingy" as const, "trim" as const, "frame" as const),
      which,
    }),
  },
);

function refusal(fn: () => unknown): FrameAllocError | undefined {
  try {
    fn();
  } catch (error) {
    assertInstanceOf(error, FrameAllocError, String(error));
    return error;
  }
  return undefined;
}

/** Runs a step that may be refused for want of memory; then nothing may have changed. */
function attempt(world: World, node: Node, fn: () => void): boolean {
  const isStingy = !world.source.isGenerous;
  const error = refusal(fn);
  if (error === undefined) return true;
  assert(node.isClosed || isStingy, error.message);
  assertEquals(error.code, node.isClosed ? "FA713" : "FA003", error.message);
  return false;
}

function step(world: World, op: Op, met: Met): void {
  const { alloc, nodes } = world;
  const node = nodes[op.which % nodes.length]!;
  const { guard, things } = node;
  switch (op.op) {
    case "alloc":
      return under(alloc, PATHS[op.tag]!, () => {
        let thing: Thing | undefined;
        if (attempt(world, node, () => thing = lease(world, guard, op.request))) {
          assert(!node.isClosed, "something was leased after the close");
          things.push(thing!);
          meet(met, op.request.kind);
        } else meet(met, node.isClosed ? "allocations after close" : "refusals");
      });
    case "push":
      return under(alloc, PATHS[op.tag]!, () => {
        const lists = things.filter(({ push }) => push !== undefined);
        const list = lists[op.thing % Math.max(1, lists.length)];
        if (list === undefined) return;
        const before = list.pieces.length;
        const piece = list.pieces[0];
        for (let i = 0; i < op.times && list.pieces.length < 9; i++) {
          const error = refusal(() => list.push!(op.seed + i));
          if (error === undefined) continue;
          assertEquals([error.code, world.source.isGenerous], ["FA003", false], error.message);
          meet(met, "refused growth");
          break;
        }
        if (list.pieces.length > before) meet(met, "growth");
        if (list.pieces[0] !== piece) meet(met, "moves");
      });
    case "rewrite":
      if (things.length > 0) things[op.thing % things.length]!.rewrite(op.seed);
      return;
    case "free": {
      if (things.length === 0) return;
      const [thing] = things.splice(op.thing % things.length, 1);
      const { handles } = thing!;
      const handle = handles[op.seed % handles.length]!;
      if (op.seed % 3 === 0 && thing!.kind === "box") (handles[0] as { free(): void }).free();
      else guard.free(handle);
      node.ended.push({ thing: thing!, code: "FA403" });
      meet(met, "frees");
      return;
    }
    case "misuse":
      return misuse(world, node, op.thing, met);
    case "freeAll":
      guard.freeAll();
      return end(node, "FA403");
    case "close":
      node.isClosed = true;
      node.closing.push(guard.close());
      meet(met, "closes");
      return;
    case "force":
      node.left.push(...things.map(({ label }) => label));
      meet(met, "leases freed by force", things.length);
      end(node, "FA713");
      node.isClosed = true;
      node.closing.push(guard.close({ deadline: 0 }));
      return;
    case "dispose":
      node.left.push(...things.map(({ label }) => label));
      end(node, "FA713");
      node.isClosed = true;
      assertEquals(guard.dispose().map(({ label }) => label), node.left);
      return;
    case "new": {
      // So that there is always a guard that goes on.
      if (!node.isClosed || things.length > 0 || nodes.length > 6) return;
      const name = `guard ${nodes.length}`;
      const guard = new AsyncPoolGuard(alloc, { name });
      nodes.push({ guard, name, things: [], ended: [], isClosed: false, closing: [], left: [] });
      return;
    }
    case "pool": {
      if (op.which % 2 === 0 && world.pooled.length > 0) alloc.poolFree(world.pooled.pop()!.record);
      else {
        const record = alloc.tryPoolAlloc(LAYOUTS[0]);
        if (record === undefined) return;
        record.a = op.which % 251;
        world.pooled.push({ record, value: op.which % 251 });
      }
      return;
    }
    case "stingy":
      world.source.isGenerous = !world.source.isGenerous;
      return;
    case "trim":
      alloc.trim();
      return;
    case "frame":
      if (world.source.isGenerous) alloc.runFrame(() => void alloc.frameSlice(Uint8Array, 100).fill(0xee));
  }
}

function end(node: Node, code: ErrorCode): void {
  node.ended.push(...node.things.splice(0).map((thing) => ({ thing, code })));
}

/** What must be refused, and change nothing. */
function misuse(world: World, node: Node, thing: number, met: Met): void {
  const { ended, guard, things } = node;
  for (let i = 0; i < Math.min(ended.length, 8); i++) {
    const { thing: stale, code } = ended[(thing + i) % ended.length]!;
    if (stale.use !== undefined) assertEquals(refusal(stale.use)?.code, "FA713", stale.label);
    if (stale.push !== undefined) assertEquals(refusal(() => stale.push!(1))?.code, "FA713", stale.label);
    for (const handle of stale.handles) assertEquals(refusal(() => guard.free(handle))?.code, code, stale.label);
    meet(met, "uses of what was freed");
  }
  for (const other of world.nodes) {
    if (other === node) continue;
    for (const { handles } of things.slice(0, 3)) {
      for (const handle of handles) assertEquals(refusal(() => other.guard.free(handle))?.code, "FA404");
      meet(met, "strangers");
    }
  }
}

/** Each of the closes that wait gets the same, as soon as nothing is out. */
async function checkClosing(node: Node): Promise<void> {
  for (let i = 0; i < 10; i++) await null;
  for (const closing of node.closing) {
    const pending = Symbol();
    const left = await Promise.race([closing, Promise.resolve(pending)]);
    if (left === pending) assert(node.things.length > 0, "a close waits for nothing");
    else {
      assertEquals([node.things.length, (left as GuardLease[]).map(({ label }) => label)], [0, node.left]);
      assertStrictEquals(left, node.guard.dispose());
    }
  }
}

const met: Met = {};

for (const pair of SUPPORTED) {
  Deno.test(`pool guards obey the model in ${RUNS_PER_PAIR} random programs on ${pair.name}`, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(1), OPS), { minLength: 10, maxLength: 100, size: "max" }),
        fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
        fc.integer({ min: 0, max: 9 }),
        async (program, guards, waitEvery) => {
          const worlds = guards.map((count) => new World(pair, count, met));
          meet(met, "programs");
          for (const [i, [of, op]] of program.entries()) {
            step(worlds[of]!, op, met);
            worlds[of]!.check();
            if (waitEvery > 0 && i % waitEvery === 0) {
              await null;
              for (const { nodes } of worlds) for (const node of nodes) await checkClosing(node);
            }
          }
          for (const world of worlds) await finish(world);
        },
      ),
      { numRuns: RUNS_PER_PAIR },
    );
  });
}

async function finish(world: World): Promise<void> {
  world.check();
  const out = world.nodes.flatMap(({ things }) => things);
  for (const node of world.nodes) node.left.push(...node.things.map(({ label }) => label));
  const leaks = world.alloc.dispose();
  assertEquals(
    leaks.filter(({ kind }) => kind === "lease").map(({ name }) => name).sort(),
    out.map(({ label }) => label).sort(),
  );
  assertEquals([world.source.bytes, world.source.chunks], [0, 0], "a chunk was not given back");
  assertEquals(world.alloc.budgets.stats.map(({ used }) => used), [0]);
  for (const { tag: _, ...thing } of out) {
    if (thing.use !== undefined) assertEquals(refusal(thing.use)?.code, "FA713");
  }
  for (const node of world.nodes) {
    node.things.length = 0;
    node.isClosed = true;
    node.closing.push(node.guard.close());
    await checkClosing(node);
    assertEquals([node.guard.outstanding, node.guard.bytes], [0, 0]);
    assertEquals(refusal(() => node.guard.allocBox(u8))?.code, "FA012");
  }
}

Deno.test("the random programs of pool guards met what they are for", () => {
  assertMet(met, {
    programs: 10 * RUNS_PER_PAIR,
    box: 500,
    scalar: 500,
    records: 500,
    numbers: 500,
    slice: 500,
    slots: 2000,
    blocks: 1000,
    frees: 1000,
    growth: 300,
    moves: 300,
    refusals: 200,
    "refused growth": 50,
    closes: 100,
    "allocations after close": 200,
    "leases freed by force": 100,
    "uses of what was freed": 500,
    strangers: 300,
  });
});

// Tasks

type Deed = "box" | "vec" | "slice" | "grow" | "free" | "throw" | "wait";

interface Script {
  readonly deeds: readonly Deed[];
  /** Whether it gives back what it has, whatever happens. */
  readonly isTidy: boolean;
}

type Closer = "close" | "signal" | "deadline" | "dispose" | "freeAll" | "allocator";

const SCRIPTS: fc.Arbitrary<Script> = fc.record({
  deeds: fc.array(
    fc.constantFrom<Deed>("box", "vec", "slice", "grow", "grow", "free", "free", "free", "wait", "throw"),
    { minLength: 1, maxLength: 12 },
  ),
  isTidy: fc.boolean(),
});

const CLOSERS: fc.Arbitrary<{ readonly kind: Closer; readonly after: number }> = fc.record({
  kind: fc.constantFrom<Closer>("close", "close", "close", "signal", "deadline", "dispose", "freeAll", "allocator"),
  after: fc.nat(10),
});

/** A guard that tasks share, and what must be out. */
class Shared {
  readonly alloc: SmartAlloc;
  readonly source: CountingSource = new CountingSource();
  readonly guard: AsyncPoolGuard;
  readonly out: Map<string, object> = new Map();
  /** What must be named. */
  left: string[] = [];
  isClosed = false;
  isDisposed = false;
  readonly closing: Promise<readonly GuardLease[]>[] = [];
  readonly #scheduler: fc.Scheduler;
  readonly #met: Met;

  constructor(scheduler: fc.Scheduler, met: Met) {
    this.#scheduler = scheduler;
    this.#met = met;
    this.alloc = new SmartAlloc({
      source: this.source,
      poolPageSize: PAGE,
      poolClasses: CLASSES,
      poolIdlePages: 0,
      heapIdleBytes: 0,
    });
    this.guard = new AsyncPoolGuard(this.alloc);
  }

  async turn(label: string): Promise<void> {
    await this.#scheduler.schedule(Promise.resolve(), label);
    assertEquals([this.guard.outstanding, this.guard.isClosed], [this.out.size, this.isClosed]);
    assertEquals(this.alloc.stats().leases.live, this.out.size);
  }

  /** Runs a task; returns what it has thrown. */
  async run(id: number, { deeds, isTidy }: Script): Promise<unknown> {
    const mine: { readonly label: string; readonly thing: object; readonly values: number[] }[] = [];
    try {
      for (const [n, deed] of deeds.entries()) {
        const label = `${id}.${n}`;
        await this.turn(`${deed} ${label}`);
        if (deed === "throw") throw new Error("mine");
        if (deed === "wait") continue;
        if (deed === "free" || deed === "grow") {
          const of = deed === "free" ? mine.pop() : mine.findLast(({ thing }) => "push" in thing);
          if (of === undefined) continue;
          const isOut = this.out.get(of.label) === of.thing;
          if (deed === "free") this.out.delete(of.label);
          try {
            if (deed === "free") this.guard.free(of.thing);
            else this.#grow(of.thing as { push(value: number): number }, of.values);
          } catch (error) {
            assert(!isOut, String(error));
            throw error;
          }
          assert(isOut, `${deed} of what is over`);
          continue;
        }
        const thing = this.#lease(deed, label);
        assert(!this.isClosed, "something was leased after the close");
        this.out.set(label, thing);
        mine.push({ label, thing, values: [] });
      }
      return undefined;
    } catch (error) {
      return error;
    } finally {
      if (isTidy) {
        for (const { label, thing } of mine) {
          if (this.out.get(label) !== thing) continue;
          this.out.delete(label);
          this.guard.free(thing);
        }
      }
    }
  }

  /** Ends things in one way, some time. */
  async close(kind: Closer, after: number, id: number): Promise<void> {
    for (let i = 0; i < after; i++) await this.turn(`before ${kind} ${id}`);
    await this.turn(`${kind} ${id}`);
    meet(this.#met, kind);
    switch (kind) {
      case "close":
        this.isClosed = true;
        this.closing.push(this.guard.close());
        return;
      case "signal": {
        const controller = new AbortController();
        this.isClosed = true;
        this.closing.push(this.guard.close({ signal: controller.signal }));
        await this.turn(`abort ${id}`);
        this.#force();
        controller.abort(new Error("not thrown"));
        return;
      }
      case "deadline":
        this.isClosed = true;
        this.#force();
        this.closing.push(this.guard.close({ deadline: 0 }));
        return;
      case "dispose":
        this.isClosed = true;
        this.#force();
        this.guard.dispose();
        return;
      case "freeAll":
        this.out.clear();
        this.guard.freeAll();
        return;
      case "allocator":
        this.isClosed = true;
        this.isDisposed = true;
        this.#force();
        this.alloc.dispose();
    }
  }

  #force(): void {
    this.left.push(...this.out.keys());
    if (this.out.size > 0) meet(this.#met, "forces");
    this.out.clear();
  }

  #lease(deed: "box" | "vec" | "slice", label: string): object {
    switch (deed) {
      case "box":
        return this.guard.allocBox(LAYOUTS[1], { a: 1 }, { label });
      case "vec":
        return this.guard.allocVec(Float64Array, 2, { label });
      case "slice":
        return this.guard.allocSlice(Uint8Array, 300, { label, zero: true });
    }
  }

  #grow(vec: { push(value: number): number } & Partial<Iterable<number>>, values: number[]): void {
    for (let i = 0; i < 30; i++) {
      vec.push(values.length);
      values.push(values.length);
    }
    assertEquals([...vec as Iterable<number>], values);
  }
}

Deno.test(`tasks that share a guard lose nothing, in ${RUNS_OF_TASKS} random orders`, async () => {
  const met: Met = {};
  const rejections: unknown[] = [];
  const onRejection = (event: PromiseRejectionEvent): void => void rejections.push(event.reason);
  addEventListener("unhandledrejection", onRejection);
  try {
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.array(SCRIPTS, { minLength: 1, maxLength: 5 }),
        fc.array(CLOSERS, { maxLength: 4 }),
        async (scheduler, scripts, closers) => {
          const shared = new Shared(scheduler, met);
          const { guard, source } = shared;
          const tasks = scripts.map((script, i) => shared.run(i, script));
          const ends = closers.map(({ kind, after }, i) => shared.close(kind, after, i));
          await scheduler.waitIdle();
          await Promise.all(ends);
          for (const error of await Promise.all(tasks)) {
            if (error === undefined || (error as Error).message === "mine") continue;
            assertInstanceOf(error, FrameAllocError, String(error));
            const codes = ["FA713", "FA403", ...shared.isDisposed ? ["FA012"] : []];
            assert(codes.includes(error.code), error.message);
            assert(error.code !== "FA713" || error instanceof TaskError);
            meet(met, error.code);
          }
          if (shared.out.size > 0) meet(met, "left over");
          // Some wait for what nobody frees.
          shared.left.push(...shared.out.keys());
          const left = await guard.close({ deadline: 0 });
          assertEquals(left.map(({ label }) => label), shared.left);
          for (const closing of shared.closing) assertStrictEquals(await closing, left);
          meet(met, "waits", shared.closing.length);
          if (left.length > 0) meet(met, "named");
          assertEquals([guard.outstanding, guard.bytes, shared.alloc.stats().leases.bytes], [0, 0, 0]);
          assertEquals([source.bytes, source.chunks], [0, 0]);
        },
      ),
      { numRuns: RUNS_OF_TASKS },
    );
    assertEquals(rejections, []);
  } finally {
    removeEventListener("unhandledrejection", onRejection);
  }
  assertMet(met, {
    close: 300,
    signal: 100,
    deadline: 100,
    dispose: 100,
    freeAll: 100,
    allocator: 100,
    forces: 100,
    waits: 300,
    named: 200,
    "left over": 100,
    FA713: 200,
    FA403: 8,
    FA012: 20,
  });
});
