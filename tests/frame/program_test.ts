/**
 * Random programs against a model: whatever is allocated, rewound and grown, no two live ranges overlap, each lies inside one
 * chunk, contents stay intact, and the statistics agree.
 */

import {
  array,
  ConfigError,
  f16,
  f32,
  f64,
  type FrameCheckpoint,
  type FrameScope,
  type Layout,
  SmartAlloc,
  struct,
  type TypedArrayConstructor,
  u16,
  u32,
  u8,
  vec3f,
} from "@framealloc/core";
import { type Chunk, type ChunkSource, Region } from "@framealloc/core/memory";
import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { type Pair, PAIRS, SUPPORTED } from "./_sources.ts";

const RUNS_PER_PAIR = 250;
const ARENA = 4096;

const LAYOUTS: readonly Layout[] = [
  f32,
  struct("Byte", { a: u8 }),
  struct("Mixed", { a: u8, b: f64, c: u16 }),
  struct("Nested", { at: vec3f, list: array(u16, 5), half: f16 }),
  struct("Big", { data: array(u32, 100) }),
  struct("Wgsl", { at: vec3f, weight: f32 }, { rules: "wgsl" }),
];

const CONSTRUCTORS: readonly TypedArrayConstructor[] = [
  Uint8Array,
  Int16Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
];

type Op =
  | { readonly kind: "slice"; readonly of: number; readonly length: number; readonly zero: boolean }
  | { readonly kind: "record"; readonly of: number }
  | { readonly kind: "batch"; readonly of: number; readonly length: number }
  | { readonly kind: "columns"; readonly of: number; readonly length: number }
  | { readonly kind: "vec"; readonly of: number; readonly pushes: number; readonly capacity: number }
  | { readonly kind: "numbers"; readonly of: number; readonly pushes: number; readonly capacity: number }
  | { readonly kind: "push"; readonly which: number; readonly pushes: number }
  | { readonly kind: "scope" }
  | { readonly kind: "endScope"; readonly commit: boolean }
  | { readonly kind: "checkpoint" }
  | { readonly kind: "rollback"; readonly which: number }
  | { readonly kind: "frame" }
  | { readonly kind: "trim" };

const of = fc.nat(5);
const length = fc.oneof({ weight: 6, arbitrary: fc.nat(40) }, { weight: 1, arbitrary: fc.nat(40_000) });
const op: fc.Arbitrary<Op> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("slice" as const), of, length, zero: fc.boolean() }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("record" as const), of }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("batch" as const), of, length: fc.nat(30) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("columns" as const), of, length: fc.nat(30) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("vec" as const),
      of,
      pushes: fc.nat(40),
      capacity: fc.nat(20),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("numbers" as const),
      of,
      pushes: fc.nat(80),
      capacity: fc.nat(20),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("push" as const), which: fc.nat(), pushes: fc.nat(40) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("scope" as const) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("endScope" as const), commit: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("checkpoint" as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("rollback" as const), which: fc.nat() }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("frame" as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("trim" as const) }) },
);

/** A piece of memory that the model holds to be live. */
interface Range {
  readonly view: Uint8Array;
  /** What was written to it. */
  fill: number;
  /** The marks that were set when it was allocated: going back to one of an earlier time frees it. */
  readonly time: number;
}

/** A growable list of the model. */
interface List {
  readonly push: (value: number) => void;
  readonly read: () => number[];
  readonly values: number[];
  readonly time: number;
  /** The time of its newest memory: if that is freed, the list is lost although it was made before. */
  newest: number;
}

interface Held {
  readonly ranges: Range[];
  readonly lists: List[];
}

/** Counts chunks and bytes, so that ranges can be found in them. */
function countingSource(inside: ChunkSource): ChunkSource & { readonly live: Set<Chunk> } {
  const live = new Set<Chunk>();
  return {
    name: inside.name,
    capabilities: inside.capabilities,
    live,
    obtain(bytes) {
      const chunk = inside.obtain(bytes);
      const counted: Chunk = {
        get buffer() {
          return chunk.buffer;
        },
        revoke: () => chunk.revoke(),
        release() {
          live.delete(counted);
          chunk.release();
        },
      };
      live.add(counted);
      return counted;
    },
  };
}

/** What the programs have met, to be sure that they meet it. */
interface Met {
  overflows: number;
  rewinds: number;
  growths: number;
  frames: number;
}

function run(pair: Pair, framesAlive: number, program: readonly Op[], met: Met): void {
  const source = countingSource(pair.source as ChunkSource);
  const alloc = new SmartAlloc({ safety: pair.safety, source, framesAlive, frameArenaSize: ARENA });
  const alive: Held[] = [];
  let now: Held = { ranges: [], lists: [] };
  let scopes: { readonly scope: FrameScope; readonly time: number }[] = [];
  let checkpoints: { readonly checkpoint: FrameCheckpoint; readonly time: number }[] = [];
  let time = 0;
  let fill = 0;
  let allocations = 0;

  const bytesOf = (view: ArrayBufferView): Uint8Array => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  const hold = (view: Uint8Array): void => {
    fill = (fill + 1) % 251;
    view.fill(fill);
    now.ranges.push({ view, fill, time });
  };
  const free = (from: number): void => {
    now = {
      ranges: now.ranges.filter((range) => range.time < from),
      lists: now.lists.filter((list) => list.time < from && list.newest < from),
    };
  };
  const verify = (): void => {
    const all = [...alive, now];
    const ranges = all.flatMap((held) => held.ranges);
    for (const range of ranges) {
      assert(range.view.every((byte) => byte === range.fill), "contents changed");
      if (range.view.byteLength > 0) {
        const inside = [...source.live].filter((chunk) => chunk.buffer === range.view.buffer);
        assertEquals(inside.length, 1, "a range is not inside one chunk");
        assertEquals(range.view.byteOffset % 16, 0, "a range is not aligned");
      }
    }
    const sorted = ranges.filter((range) => range.view.byteLength > 0).sort((a, b) =>
      a.view.byteOffset - b.view.byteOffset
    );
    const ends = new Map<ArrayBufferLike, number>();
    for (const { view } of sorted) {
      assert(view.byteOffset >= (ends.get(view.buffer) ?? 0), "live ranges overlap");
      ends.set(view.buffer, view.byteOffset + view.byteLength);
    }
    for (const held of all) for (const list of held.lists) assertEquals(list.read(), list.values);
    const stats = alloc.stats();
    assertEquals(stats.frame.allocations, allocations);
    assertEquals(stats.frame.used, stats.tags.reduce((sum, tag) => sum + tag.bytes, 0));
    const held = now.ranges.reduce((sum, range) => sum + range.view.byteLength, 0);
    assert(stats.frame.used >= held, "less in use than is held");
    assert(stats.frame.peak >= stats.frame.used);
    assert(stats.frame.committed >= stats.frame.used && stats.frame.reserved >= stats.frame.committed);
    const sizes = [...source.live].reduce((sum, chunk) => sum + Math.floor(chunk.buffer.byteLength / 16) * 16, 0);
    assertEquals(stats.frame.reserved, sizes);
  };
  const endFrame = (): void => {
    met.frames++;
    alloc.endFrame();
    alive.push(now);
    while (alive.length > framesAlive - 1) alive.shift();
    now = { ranges: [], lists: [] };
    scopes = [];
    checkpoints = [];
    time = 0;
    allocations = 0;
  };

  alloc.beginFrame();
  for (const step of program) {
    switch (step.kind) {
      case "slice": {
        const view = alloc.frameSlice(CONSTRUCTORS[step.of]!, step.length, { zero: step.zero });
        allocations++;
        assertEquals(view.length, step.length);
        if (step.zero) assert(bytesOf(view).every((byte) => byte === 0));
        hold(bytesOf(view));
        break;
      }
      case "record": {
        const batch = alloc.frameAllocBatch(LAYOUTS[step.of]!, 1);
        allocations++;
        hold(batch.view(Uint8Array));
        break;
      }
      case "batch": {
        const batch = alloc.frameAllocBatch(LAYOUTS[step.of]!, step.length);
        allocations++;
        hold(batch.view(Uint8Array));
        break;
      }
      case "columns": {
        const columns = alloc.frameColumns(LAYOUTS[step.of]!, step.length);
        allocations++;
        for (const view of leaves(columns)) hold(bytesOf(view));
        break;
      }
      case "vec": {
        const vec = alloc.frameVec(struct("Item", { value: f64, pad: array(u8, step.of + 1) }), step.capacity);
        allocations++;
        const list: List = {
          push(value) {
            const before = vec.capacity;
            vec.push({ value });
            if (vec.capacity === before) return;
            met.growths++;
            allocations++;
            list.newest = time;
          },
          read: () => Array.from({ length: vec.length }, (_, i) => vec.at(i).value),
          values: [],
          time,
          newest: time,
        };
        now.lists.push(list);
        pushAll(list, step.pushes);
        break;
      }
      case "numbers": {
        const vec = alloc.frameVec(Float64Array, step.capacity);
        allocations++;
        const list: List = {
          push(value) {
            const before = vec.capacity;
            const count = alloc.stats().frame.allocations;
            vec.push(value);
            allocations += alloc.stats().frame.allocations - count;
            if (vec.capacity > before) list.newest = time;
          },
          read: () => [...vec],
          values: [],
          time,
          newest: time,
        };
        now.lists.push(list);
        pushAll(list, step.pushes);
        break;
      }
      case "push": {
        const list = now.lists[step.which % Math.max(1, now.lists.length)];
        if (list !== undefined) pushAll(list, step.pushes);
        break;
      }
      case "scope":
        scopes.push({ scope: alloc.scope(), time: ++time });
        break;
      case "endScope": {
        const last = scopes.pop();
        if (last === undefined) break;
        checkpoints = checkpoints.filter((one) => one.time < last.time);
        if (step.commit) last.scope.commit();
        else {
          last.scope.end();
          met.rewinds++;
          free(last.time);
        }
        break;
      }
      case "checkpoint":
        checkpoints.push({ checkpoint: alloc.frameCheckpoint(), time: ++time });
        break;
      case "rollback": {
        if (checkpoints.length === 0) break;
        const to = checkpoints[step.which % checkpoints.length]!;
        alloc.rollbackTo(to.checkpoint);
        met.rewinds++;
        free(to.time);
        scopes = scopes.filter((one) => one.time < to.time);
        checkpoints = checkpoints.filter((one) => one.time <= to.time);
        break;
      }
      case "frame":
        endFrame();
        alloc.beginFrame();
        break;
      case "trim":
        assert(alloc.trim() >= 0);
        break;
    }
    verify();
  }
  met.overflows += alloc.stats().frame.overflows;
  endFrame();
  alloc.dispose();
  assertEquals(source.live.size, 0, "a chunk was not given back");
}

function pushAll(list: List, count: number): void {
  for (let i = 0; i < count; i++) {
    list.push(i + 0.5);
    list.values.push(i + 0.5);
  }
}

/** The typed arrays of columns, however they are nested. */
function leaves(columns: unknown): ArrayBufferView[] {
  return ArrayBuffer.isView(columns) ? [columns] : Object.values(columns as object).flatMap(leaves);
}

for (const pair of SUPPORTED) {
  Deno.test(`SmartAlloc obeys the model in ${RUNS_PER_PAIR} random programs on ${pair.name}`, () => {
    let runs = 0;
    const met: Met = { overflows: 0, rewinds: 0, growths: 0, frames: 0 };
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 3 }),
        fc.array(op, { maxLength: 60, size: "max" }),
        (framesAlive, program) => {
          runs++;
          run(pair, framesAlive, program, met);
        },
      ),
      { numRuns: RUNS_PER_PAIR },
    );
    assert(runs >= RUNS_PER_PAIR);
    for (const [what, count] of Object.entries(met)) assert(count > RUNS_PER_PAIR / 10, `only ${count} ${what}`);
    console.log(pair.name, JSON.stringify(met));
  });
}

Deno.test("SmartAlloc refuses the pairs that a source cannot honour", () => {
  const refused = PAIRS.filter((pair) => !pair.isSupported);
  assertEquals(refused.map((pair) => pair.name), ["shared wasm × revoke", "shared arraybuffer × revoke"]);
  for (const { source, safety } of refused) {
    assertThrows(() => new SmartAlloc({ source, safety }), ConfigError, "FA011");
  }
});

for (const { source, name } of SUPPORTED.filter((pair) => pair.safety === "checked")) {
  Deno.test(`Region obeys any alignment on ${name}`, () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ bytes: fc.nat(300), align: fc.integer({ min: 0, max: 12 }) }), { maxLength: 60 }),
        (requests) => {
          const region = new Region({
            source: source as ChunkSource,
            size: 8192,
            owner: { expired: () => new Error("over") },
          });
          region.open();
          const taken: { buffer: ArrayBufferLike; start: number; end: number }[] = [];
          for (const { bytes, align } of requests) {
            const start = region.alloc(bytes, 2 ** align);
            assert(start >= 0);
            assertEquals(start % Math.max(16, 2 ** align), 0);
            const { buffer } = region.life.view!;
            assert(start + bytes <= buffer.byteLength);
            if (bytes === 0) continue;
            for (const other of taken) {
              assert(other.buffer !== buffer || start >= other.end || start + bytes <= other.start);
            }
            taken.push({ buffer, start, end: start + bytes });
          }
          region.dispose();
        },
      ),
      { numRuns: 200 },
    );
  });
}
