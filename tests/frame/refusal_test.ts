/**
 * Forced failure on every path that allocates: a coded error, nothing changed, and the next frame works.
 */

import { ArenaExhaustedError, f32, kilobytes, SmartAlloc, struct, u32, vec3f } from "@framealloc/core";
import { arrayBufferSource } from "@framealloc/core/memory";
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { CountingSource } from "../memory/_counting_source.ts";

const Body = struct("Body", { mass: f32, at: vec3f });

/** Every way to allocate more than 4 KB, and its twin that does not throw. */
const PATHS: Readonly<Record<string, readonly [(a: SmartAlloc) => unknown, (a: SmartAlloc) => unknown]>> = {
  frameSlice: [(a) => a.frameSlice(Uint8Array, 5000), (a) => a.tryFrameSlice(Uint8Array, 5000)],
  frameAllocBatch: [(a) => a.frameAllocBatch(Body, 500), (a) => a.tryFrameAllocBatch(Body, 500)],
  frameColumns: [(a) => a.frameColumns(Body, 500), (a) => a.tryFrameColumns(Body, 500)],
  "frameVec of records": [(a) => a.frameVec(Body, 500), (a) => a.tryFrameVec(Body, 500)],
  "frameVec of numbers": [(a) => a.frameVec(Float64Array, 1000), (a) => a.tryFrameVec(Float64Array, 1000)],
  "frameVec of a scalar": [(a) => a.frameVec(u32, 2000), (a) => a.tryFrameVec(u32, 2000)],
  "frameMap of records": [(a) => a.frameMap(u32, Body, 400), (a) => a.tryFrameMap(u32, Body, 400)],
  "frameMap whose table does not fit": [(a) => a.frameMap(u32, u32, 170), (a) => a.tryFrameMap(u32, u32, 170)],
  frameString: [(a) => a.frameString("x".repeat(5000)), (a) => a.tryFrameString("x".repeat(5000))],
};

/** Every way to allocate one thing, for a frame that is full. */
const SMALL: Readonly<Record<string, readonly [(a: SmartAlloc) => unknown, (a: SmartAlloc) => unknown]>> = {
  frameAlloc: [(a) => a.frameAlloc(Body), (a) => a.tryFrameAlloc(Body)],
  frameBox: [(a) => a.frameBox(Body), (a) => a.tryFrameBox(Body)],
  "frameBox of a scalar": [(a) => a.frameBox(f32, 1), (a) => a.tryFrameBox(f32, 1)],
  frameAlloc2: [(a) => a.frameAlloc2(Body), (a) => a.tryFrameAlloc2(Body)],
  frameAlloc4: [(a) => a.frameAlloc4(Body), (a) => a.tryFrameAlloc4(Body)],
  frameAlloc8: [(a) => a.frameAlloc8(Body), (a) => a.tryFrameAlloc8(Body)],
};

function checkRefused(
  alloc: SmartAlloc,
  path: readonly [(a: SmartAlloc) => unknown, (a: SmartAlloc) => unknown],
): void {
  const before = alloc.stats();
  const error = assertThrows(() => path[0](alloc), ArenaExhaustedError, "FA003");
  assert(error.requested > 0);
  assertEquals(alloc.stats(), before);
  assertEquals(path[1](alloc), undefined);
  assertEquals(alloc.stats(), before);
}

for (const safety of ["checked", "revoke", "release"] as const) {
  for (const [name, path] of Object.entries({ ...PATHS, ...SMALL })) {
    Deno.test(`${name} that the source refuses changes nothing in ${safety}`, () => {
      const source = new CountingSource();
      const alloc = new SmartAlloc({ source, safety, frameArenaSize: kilobytes(4) });
      alloc.beginFrame();
      const kept = alloc.frameSlice(Uint8Array, 1000).fill(7);
      if (name in SMALL) alloc.frameSlice(Uint8Array, 3088).fill(8);
      source.isGenerous = false;
      checkRefused(alloc, path);
      assertStrictEquals(assertThrows(() => path[0](alloc), ArenaExhaustedError).cause, source.refusal);
      assert(kept.every((byte) => byte === 7));
      alloc.endFrame();
      source.isGenerous = true;
      alloc.beginFrame();
      assert(path[0](alloc) !== undefined);
      alloc.endFrame();
    });

    Deno.test(`${name} past a hard limit changes nothing in ${safety}`, () => {
      for (
        const limit of [
          { frameArenaSize: kilobytes(4), growth: "fail" },
          { frameArenaSize: kilobytes(2), maxFrameBytes: kilobytes(4) },
        ] as const
      ) {
        const alloc = new SmartAlloc({ ...limit, safety });
        alloc.beginFrame();
        alloc.frameSlice(Uint8Array, name in SMALL ? 4096 : 1000);
        checkRefused(alloc, path);
        assert(alloc.frameRemaining() < 4096);
        alloc.endFrame();
        alloc.beginFrame();
        assertEquals(alloc.frameRemaining(), 4096);
        alloc.endFrame();
      }
    });
  }
}

Deno.test("lists, maps and texts that cannot grow keep what they have", () => {
  const source = new CountingSource();
  const alloc = new SmartAlloc({ source, frameArenaSize: kilobytes(16) });
  alloc.beginFrame();
  const numbers = alloc.frameVec(Float64Array, 2);
  const records = alloc.frameVec(Body, 2);
  const map = alloc.frameMap(u32, Body, 2);
  const text = alloc.frameString("ab");
  source.isGenerous = false;
  const fill = (step: (i: number) => void): number => {
    for (let i = 0;; i++) {
      try {
        step(i);
      } catch (error) {
        assert(error instanceof ArenaExhaustedError, String(error));
        return i;
      }
    }
  };
  const counts = [
    fill((i) => numbers.push(i)),
    fill((i) => records.push({ mass: i })),
    fill((i) => map.set(i, { mass: i })),
    fill(() => text.append("cdef")),
  ];
  assertEquals([numbers.length, records.length, map.size, (text.byteLength - 2) / 4], counts);
  assertEquals([...numbers], Array.from({ length: counts[0]! }, (_, i) => i));
  for (let i = 0; i < counts[1]!; i++) assertEquals(records.at(i).mass, i);
  for (let i = 0; i < counts[2]!; i++) assertEquals(map.get(i)?.mass, i);
  assertEquals(text.toString(), "ab" + "cdef".repeat(counts[3]!));
  assertThrows(() => numbers.reserve(100_000), ArenaExhaustedError);
  assertThrows(() => records.reserve(100_000), ArenaExhaustedError);
  source.isGenerous = true;
  numbers.push(-1);
  records.push({ mass: -1 });
  map.set(-1 >>> 0, { mass: -1 });
  text.append("!");
  assertEquals([numbers.at(numbers.length - 1), map.get(-1 >>> 0)?.mass], [-1, -1]);
});

Deno.test("a source that refuses the first chunk leaves no frame open", () => {
  const source = new CountingSource();
  source.isGenerous = false;
  const alloc = new SmartAlloc({ source });
  const error = assertThrows(() => alloc.beginFrame(), ArenaExhaustedError, "arraybuffer");
  assertStrictEquals(error.cause, source.refusal);
  assertEquals([alloc.inFrame, alloc.frameNumber], [false, 0]);
  source.isGenerous = true;
  alloc.beginFrame();
  assertEquals(alloc.frameNumber, 1);
});

Deno.test("a source that refuses a larger main chunk is no harm", () => {
  const source = new CountingSource();
  const alloc = new SmartAlloc({ source, frameArenaSize: kilobytes(4) });
  alloc.beginFrame();
  alloc.frameSlice(Uint8Array, kilobytes(40));
  alloc.endFrame();
  source.isGenerous = false;
  alloc.beginFrame();
  assertEquals(alloc.frameSlice(Uint8Array, kilobytes(4)).length, kilobytes(4));
  assertEquals(alloc.tryFrameSlice(Uint8Array, 1), undefined);
  alloc.endFrame();
});

Deno.test("a source that gives too little counts as refusing, and its chunk is given back", () => {
  let released = 0;
  const alloc = new SmartAlloc({
    source: {
      name: "stingy",
      capabilities: arrayBufferSource.capabilities,
      obtain: () => ({ buffer: new ArrayBuffer(100), revoke() {}, release: () => released++ }),
    },
  });
  assertThrows(() => alloc.beginFrame(), ArenaExhaustedError, "stingy");
  assertEquals(released, 1);
});

Deno.test("one allocation of more than a gigabyte is refused whatever the limits", () => {
  const alloc = new SmartAlloc();
  alloc.beginFrame();
  const error = assertThrows(() => alloc.frameSlice(Float64Array, 2 ** 28), ArenaExhaustedError, "at most 1073741824");
  assertEquals(error.requested, 2 ** 31);
  assertEquals(alloc.stats().frame.used, 0);
});
