/**
 * Handles that are kept too long: used after their memory was given to someone else, each must throw, and never show what is not
 * its own. The last test prints what catches what.
 */

import {
  array,
  type Batch,
  f32,
  FrameAllocError,
  kilobytes,
  type Safety,
  SmartAlloc,
  StaleHandleError,
  struct,
  u32,
  u8,
  vec3f,
} from "@framealloc/core";
import { assert, assertEquals, assertThrows } from "@std/assert";

const Body = struct("Body", {
  mass: f32,
  at: vec3f,
  tags: array(u8, 4),
  hits: array(struct("Hit", { depth: f32 }), 2),
});

/** Something that was kept, and all that can be done with it. */
interface Kept {
  readonly name: string;
  readonly uses: Readonly<Record<string, () => unknown>>;
}

/** One of every handle that an allocator gives out. */
function everyHandle(alloc: SmartAlloc): Kept[] {
  const record = alloc.frameAlloc(Body);
  const { at, tags, hits } = alloc.frameAlloc(Body);
  const hit = hits.at(1);
  const cell = alloc.frameAlloc(f32);
  const box = alloc.frameBox(Body, { mass: 1 });
  const boxed = box.value;
  const scalar = alloc.frameBox(u32, 7);
  const [first, second] = alloc.frameAlloc2(Body);
  const batch = alloc.frameAllocBatch(Body, 4);
  const element = batch.at(3);
  const iterator = batch[Symbol.iterator]();
  const cursor = batch.cursor();
  cursor.next();
  const vec = alloc.frameVec(Body, 2);
  const pushed = vec.push({ mass: 2 });
  for (let i = 0; i < 20; i++) vec.push({ mass: i });
  const grown = vec.at(20);
  const vecCursor = vec.cursor();
  vecCursor.next();
  const numbers = alloc.frameVec(Float32Array, 2);
  for (let i = 0; i < 20; i++) numbers.push(i);
  const map = alloc.frameMap(u32, Body, 2);
  for (let i = 0; i < 20; i++) map.set(i, { mass: i });
  const value = map.get(3)!;
  const counts = alloc.frameMap(u32, u32);
  counts.set(1, 1);
  const text = alloc.frameString("hello");
  const values = { mass: 9 };
  return [
    {
      name: "record",
      uses: {
        get: () => record.mass,
        set: () => record.mass = 1,
        assign: () => Body.assign(record, values),
        toObject: () => Body.toObject(record),
        part: () => record.at.x,
      },
    },
    {
      name: "part",
      uses: {
        get: () => at.x,
        set: () => at.y = 1,
        method: () => at.set(1, 2, 3),
        toArray: () => at.toArray(),
        list: () => tags.at(0),
        setItem: () => tags.set(0, 1),
        fill: () => tags.fill(1),
        iterate: () => [...tags],
        nested: () => hit.depth,
        late: () => hits.at(0).depth,
        copyFrom: () => hits.copyFrom([values as never, values as never]),
      },
    },
    { name: "cell", uses: { get: () => cell.value, set: () => cell.value = 1, boxed: () => scalar.value } },
    { name: "box", uses: { value: () => box.value.mass, assign: () => box.assign(values), held: () => boxed.mass } },
    { name: "tuple", uses: { first: () => first.mass, second: () => second.at.x } },
    {
      name: "batch",
      uses: {
        at: () => batch.at(0),
        cursor: () => batch.cursor(),
        view: () => batch.view(Float32Array),
        iterate: () => [...batch],
        iterator: () => iterator.next(),
        element: () => element.mass,
      },
    },
    { name: "cursor", uses: { record: () => cursor.record.mass, part: () => cursor.record.at.x } },
    {
      name: "record vec",
      uses: {
        push: () => vec.push(),
        pop: () => vec.pop(),
        at: () => vec.at(0),
        far: () => vec.at(20),
        outside: () => vec.at(1000),
        cursor: () => vec.cursor(),
        clear: () => vec.clear(),
        reserve: () => vec.reserve(1000),
        iterate: () => [...vec],
        pushed: () => pushed.mass,
        grown: () => grown.mass,
        walking: () => vecCursor.record.mass,
      },
    },
    {
      name: "number vec",
      uses: {
        push: () => numbers.push(1),
        pop: () => numbers.pop(),
        at: () => numbers.at(0),
        set: () => numbers.set(0, 1),
        view: () => numbers.view,
        clear: () => numbers.clear(),
        reserve: () => numbers.reserve(1000),
        iterate: () => [...numbers],
      },
    },
    {
      name: "map",
      uses: {
        get: () => map.get(3),
        miss: () => map.get(1000),
        set: () => map.set(3, values),
        insert: () => map.set(1000, values),
        getOrInsert: () => map.getOrInsert(1001),
        has: () => map.has(3),
        delete: () => map.delete(3),
        clear: () => map.clear(),
        forEach: () => map.forEach(() => {}),
        iterate: () => [...map],
        keys: () => [...map.keys()],
        values: () => [...map.values()],
        value: () => value.mass,
        number: () => counts.get(1),
      },
    },
    {
      name: "string",
      uses: {
        append: () => text.append("x"),
        bytes: () => text.bytes,
        clear: () => text.clear(),
        toString: () => text.toString(),
      },
    },
  ];
}

/** Hands the memory of earlier allocations to others, filled with a pattern. */
function giveAway(alloc: SmartAlloc): void {
  alloc.frameSlice(Uint8Array, kilobytes(24)).fill(0xee);
  everyHandle(alloc);
}

/** What ends memory: sets everything up, and returns what was kept once the memory is somebody else's. */
const ENDINGS: Readonly<Record<string, (alloc: SmartAlloc) => Kept[]>> = {
  frame(alloc) {
    alloc.beginFrame();
    const kept = everyHandle(alloc);
    alloc.endFrame();
    for (let i = 0; i < 3; i++) {
      alloc.beginFrame();
      giveAway(alloc);
      alloc.endFrame();
    }
    alloc.beginFrame();
    giveAway(alloc);
    return kept;
  },
  scope(alloc) {
    alloc.beginFrame();
    const scope = alloc.scope();
    const kept = everyHandle(alloc);
    scope.end();
    giveAway(alloc);
    return kept;
  },
  "inner scope, committed"(alloc) {
    alloc.beginFrame();
    const outer = alloc.scope();
    const inner = alloc.scope();
    const kept = everyHandle(alloc);
    inner.commit();
    outer.end();
    giveAway(alloc);
    return kept;
  },
  rollback(alloc) {
    alloc.beginFrame();
    const start = alloc.frameCheckpoint();
    alloc.frameSlice(Uint8Array, 10);
    alloc.rollbackTo(start);
    const kept = everyHandle(alloc);
    alloc.rollbackTo(start);
    giveAway(alloc);
    return kept;
  },
  overflow(alloc) {
    alloc.beginFrame();
    alloc.frameSlice(Uint8Array, 1_000_000);
    const kept = everyHandle(alloc);
    alloc.endFrame();
    alloc.beginFrame();
    giveAway(alloc);
    return kept;
  },
  "a scope of its own chunk"(alloc) {
    alloc.beginFrame();
    const scope = alloc.scope();
    alloc.frameSlice(Uint8Array, 1_000_000);
    const kept = everyHandle(alloc);
    scope.end();
    alloc.frameSlice(Uint8Array, 1_000_000).fill(0xee);
    giveAway(alloc);
    return kept;
  },
  dispose(alloc) {
    alloc.beginFrame();
    const kept = everyHandle(alloc);
    alloc.dispose();
    return kept;
  },
};

for (const safety of ["checked", "revoke"] as const) {
  for (const [ending, run] of Object.entries(ENDINGS)) {
    Deno.test(`every handle throws FA002 after ${ending} in ${safety}`, () => {
      const alloc = new SmartAlloc({ safety, frameArenaSize: kilobytes(32) });
      let uses = 0;
      for (const { name, uses: all } of run(alloc)) {
        for (const [use, fn] of Object.entries(all)) {
          assertThrows(fn, StaleHandleError, "FA002", `${name}.${use}`);
          uses++;
        }
      }
      assertEquals(uses, 70);
    });
  }

  Deno.test(`handles of a frame that is still alive work, and then throw, in ${safety}`, () => {
    const alloc = new SmartAlloc({ safety, framesAlive: 3, frameArenaSize: kilobytes(32) });
    alloc.beginFrame();
    const record = alloc.frameAlloc(Body);
    record.mass = 5;
    const slice = alloc.frameSlice(Uint8Array, 100).fill(3);
    alloc.publish("bodies", record);
    const seen = alloc.previous(0)!;
    alloc.endFrame();
    for (let i = 0; i < 2; i++) {
      alloc.beginFrame();
      giveAway(alloc);
      assertEquals([record.mass, slice[99], seen.get("bodies") === record], [5, 3, true]);
      alloc.endFrame();
    }
    alloc.beginFrame();
    giveAway(alloc);
    assertThrows(() => record.mass, StaleHandleError, "frame 1");
    assertThrows(() => seen.get("bodies"), StaleHandleError, "frame 1");
    assertEquals(slice.length, safety === "revoke" ? 0 : 100);
  });

  Deno.test(`a list that grew inside a scope is refused after it in ${safety}`, () => {
    const alloc = new SmartAlloc({ safety });
    using _frame = alloc.frame();
    const numbers = alloc.frameVec(Uint32Array, 2);
    const records = alloc.frameVec(Body, 2);
    const map = alloc.frameMap(u32, Body, 2);
    for (let i = 0; i < 2; i++) {
      numbers.push(i);
      records.push({ mass: i });
      map.set(i, { mass: i });
    }
    alloc.frameSlice(Uint8Array, 16);
    const scope = alloc.scope();
    for (let i = 2; i < 50; i++) {
      numbers.push(i);
      records.push({ mass: i });
      map.set(i, { mass: i });
    }
    scope.end();
    giveAway(alloc);
    assertThrows(() => numbers.at(0), StaleHandleError);
    assertThrows(() => numbers.push(1), StaleHandleError);
    assertThrows(() => records.at(30), StaleHandleError);
    assertThrows(() => records.push(), StaleHandleError);
    assertThrows(() => [...records], StaleHandleError);
    assertThrows(() => map.get(1), StaleHandleError);
    assertThrows(() => map.set(100, {}), StaleHandleError);
    assertEquals(records.at(1).mass, 1); // its memory is older than the scope
  });

  Deno.test(`a list that grows in place never keeps memory of a scope that ended in ${safety}`, () => {
    const alloc = new SmartAlloc({ safety });
    using _frame = alloc.frame();
    const numbers = alloc.frameVec(Uint32Array, 4);
    for (let i = 0; i < 4; i++) numbers.push(i);
    const scope = alloc.scope();
    numbers.push(4); // the list was the last allocation before the scope
    scope.end();
    alloc.frameSlice(Uint8Array, 1000).fill(0xee);
    assertThrows(() => numbers.at(4), StaleHandleError);
  });
}

Deno.test("records taken before a vec grows show the same elements after it", () => {
  const alloc = new SmartAlloc({ frameArenaSize: kilobytes(8) });
  using _frame = alloc.frame();
  const vec = alloc.frameVec(Body, 1);
  const taken = Array.from({ length: 3000 }, (_, i) => {
    alloc.frameSlice(Uint8Array, 32).fill(0xee);
    return vec.push({ mass: i });
  });
  assert(alloc.stats().frame.overflows > 0);
  for (const [i, record] of taken.entries()) assertEquals([record.mass, vec.at(i).mass], [i, i]);
});

Deno.test("a batch that is used again shows the new memory, and only that of its own region", () => {
  const alloc = new SmartAlloc();
  const other = new SmartAlloc();
  alloc.beginFrame();
  other.beginFrame();
  const batch = alloc.frameAllocBatch(Body, 4);
  const old = batch.at(0);
  const again = alloc.frameAllocBatch(Body, 8, { into: batch });
  assert(again === batch && batch.length === 8);
  batch.at(0).mass = 1;
  old.mass = 2;
  assertEquals(batch.at(0).mass, 1); // records never move
  assert(other.frameAllocBatch(Body, 2, { into: batch }) !== batch);
  assertThrows(
    () => alloc.frameAllocBatch(struct("Other", { a: f32 }), 1, { into: batch as unknown as Batch<never> }),
    FrameAllocError,
    "FA008",
  );
});

Deno.test("a batch is used again across the memories of several frames", () => {
  for (const safety of ["checked", "revoke", "release"] as const) {
    const alloc = new SmartAlloc({ safety, framesAlive: 3 });
    let batch: Batch<typeof Body> | undefined;
    for (let frame = 0; frame < 7; frame++) {
      using _frame = alloc.frame();
      const again = alloc.frameAllocBatch(Body, 4, { into: batch });
      assert(batch === undefined || again === batch);
      batch = again;
      batch.view(Uint8Array).fill(0);
      batch.at(3).mass = frame;
      assertEquals(batch.view(Float32Array)[3 * Body.stride / 4], frame);
    }
  }
});

Deno.test("a stale handle says which frame it is of, and in debug mode where it was made", () => {
  const alloc = new SmartAlloc({ debug: true, sampleSites: 1 });
  alloc.beginFrame();
  const record = alloc.frameAlloc(Body);
  alloc.endFrame();
  alloc.beginFrame();
  const error = assertThrows(() => record.mass, StaleHandleError, "frame 1");
  assert(error.message.includes("staleness_test.ts"), error.message);
});

Deno.test("what catches what", () => {
  const rows = (["checked", "revoke", "release"] as const).map((safety) => [safety, ...probe(safety)]);
  console.log("safety   handle after frame  handle after scope  slice after frame  columns after frame");
  for (const [safety, ...cells] of rows) {
    console.log(
      `${safety!.padEnd(8)} ${cells[0]!.padEnd(19)} ${cells[1]!.padEnd(19)} ${cells[2]!.padEnd(18)} ${cells[3]}`,
    );
  }
  assertEquals(rows, [
    ["checked", "throws FA002", "throws FA002", "recycled", "recycled"],
    ["revoke", "throws FA002", "throws FA002", "detached", "detached"],
    ["release", "recycled", "recycled", "recycled", "recycled"],
  ]);
});

function probe(safety: Safety): string[] {
  const alloc = new SmartAlloc({ safety });
  alloc.beginFrame();
  const record = alloc.frameAlloc(Body);
  const slice = alloc.frameSlice(Float32Array, 8);
  const columns = alloc.frameColumns(Body, 8);
  alloc.endFrame();
  alloc.beginFrame();
  const next = alloc.frameAlloc(Body);
  const nextSlice = alloc.frameSlice(Float32Array, 8);
  const nextColumns = alloc.frameColumns(Body, 8);
  const outcome = (use: () => boolean): string => {
    try {
      return use() ? "recycled" : "wrong";
    } catch (error) {
      return error instanceof FrameAllocError ? `throws ${error.code}` : "wrong";
    }
  };
  const afterFrame = outcome(() => (next.mass = 3, record.mass === 3));
  const scope = alloc.scope();
  const scoped = alloc.frameAlloc(Body);
  scope.end();
  const after = alloc.frameAlloc(Body);
  const afterScope = outcome(() => (after.mass = 4, scoped.mass === 4));
  // A detached array does not throw when it is indexed: it is empty, and its methods throw.
  const view = (old: Float32Array, now: Float32Array): string => {
    if (old.length > 0) return old === now ? "recycled" : "wrong";
    assertEquals(old[0], undefined);
    assertThrows(() => old.fill(1), TypeError);
    return "detached";
  };
  return [afterFrame, afterScope, view(slice, nextSlice), view(columns.mass, nextColumns.mass)];
}
