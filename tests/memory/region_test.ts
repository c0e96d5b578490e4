/**
 * How regions grow, shrink, poison and give memory back.
 */

import { ConfigError, f32, kilobytes, SmartAlloc, struct } from "@framealloc/core";
import {
  arrayBufferSource,
  type Chunk,
  type ChunkSource,
  MAX_CHUNK,
  Region,
  sharedWasmSource,
  SizePolicy,
  viewOf,
  wasmSource,
} from "@framealloc/core/memory";
import { assert, assertEquals, assertThrows } from "@std/assert";

const columns = struct("Columns", { x: f32, y: f32 });
const owner = { expired: () => new Error("over") };

/** A source that notes what it was asked for. */
function noting(inside: ChunkSource): ChunkSource & { readonly asked: number[]; live: number } {
  const source = {
    ...inside,
    asked: [] as number[],
    live: 0,
    obtain(bytes: number): Chunk {
      source.asked.push(bytes);
      source.live++;
      const chunk = inside.obtain(bytes);
      return {
        get buffer() {
          return chunk.buffer;
        },
        revoke: () => chunk.revoke(),
        release() {
          source.live--;
          chunk.release();
        },
      };
    },
  };
  return source;
}

function frameOf(alloc: SmartAlloc, bytes: number): void {
  alloc.beginFrame();
  alloc.frameSlice(Uint8Array, bytes);
  alloc.endFrame();
}

Deno.test("the configured size is honoured", () => {
  for (const size of [kilobytes(4), kilobytes(100), kilobytes(1024)]) {
    const source = noting(arrayBufferSource);
    const alloc = new SmartAlloc({ source, frameArenaSize: size, growth: "fail" });
    alloc.beginFrame();
    assertEquals([alloc.frameRemaining(), alloc.stats().frame.reserved], [size, size]);
    assertEquals(alloc.frameSlice(Uint8Array, size).length, size);
    assertEquals(alloc.tryFrameSlice(Uint8Array, 1), undefined);
    assertEquals(source.asked, [size]);
  }
});

Deno.test("lazy sources are asked for four times as much, or for the reserve", () => {
  const source = noting(wasmSource);
  frameOf(new SmartAlloc({ source, frameArenaSize: kilobytes(64) }), 1);
  frameOf(new SmartAlloc({ source, frameArenaSize: kilobytes(64), reserve: kilobytes(640) }), 1);
  frameOf(new SmartAlloc({ source, frameArenaSize: kilobytes(64), maxFrameBytes: kilobytes(128) }), 1);
  frameOf(new SmartAlloc({ source, frameArenaSize: kilobytes(64), growth: "fail" }), 1);
  assertEquals(source.asked, [kilobytes(256), kilobytes(640), kilobytes(128), kilobytes(64)]);
});

Deno.test("growth inside the reserve moves and detaches nothing", () => {
  const alloc = new SmartAlloc({ frameArenaSize: kilobytes(64) });
  alloc.beginFrame();
  const first = alloc.frameSlice(Uint8Array, kilobytes(60)).fill(5);
  const second = alloc.frameSlice(Uint8Array, kilobytes(100));
  assert(first.buffer === second.buffer && first.every((byte) => byte === 5));
  const { overflows, committed, reserved } = alloc.stats().frame;
  assertEquals([overflows, reserved], [0, kilobytes(256)]);
  assert(committed >= kilobytes(160) && committed <= reserved);
});

Deno.test("past the reserve a further chunk is counted, and the next frame gets one of 1.25 times the peak", () => {
  const source = noting(arrayBufferSource);
  const alloc = new SmartAlloc({ source, frameArenaSize: kilobytes(16) });
  alloc.beginFrame();
  const first = alloc.frameSlice(Uint8Array, kilobytes(10)).fill(5);
  const big = alloc.frameSlice(Uint8Array, kilobytes(90)).fill(6);
  assert(first.every((byte) => byte === 5) && big.every((byte) => byte === 6));
  assertEquals([alloc.stats().frame.extraChunks, alloc.stats().frame.overflows], [1, 1]);
  alloc.endFrame();
  alloc.beginFrame();
  assertEquals(source.asked, [kilobytes(16), kilobytes(90), kilobytes(125)]);
  assertEquals([source.live, alloc.stats().frame.extraChunks, alloc.stats().frame.overflows], [1, 0, 1]);
  alloc.frameSlice(Uint8Array, kilobytes(100));
  assertEquals(alloc.stats().frame.overflows, 1);
  alloc.endFrame();
});

Deno.test("after 120 quiet frames a region shrinks back", () => {
  const source = noting(arrayBufferSource);
  const alloc = new SmartAlloc({ source, frameArenaSize: kilobytes(16) });
  frameOf(alloc, kilobytes(100));
  for (let i = 0; i < 119; i++) frameOf(alloc, kilobytes(1));
  assertEquals(alloc.stats().frame.reserved, kilobytes(125));
  for (let i = 0; i < 3; i++) frameOf(alloc, kilobytes(1));
  assertEquals(alloc.stats().frame.reserved, kilobytes(16));
  assertEquals(source.live, 1);
  for (let i = 0; i < 500; i++) frameOf(alloc, kilobytes(1));
  assertEquals(source.asked, [kilobytes(16), kilobytes(100), kilobytes(125), kilobytes(16)]); // and then stays
});

Deno.test("a further chunk is at most 64 MB unless one request is larger", () => {
  const source = noting(wasmSource);
  const region = new Region({ source, size: 2 ** 27, reserve: 2 ** 27, owner });
  region.open();
  region.alloc(2 ** 27);
  region.alloc(100);
  region.alloc(2 ** 27);
  assertEquals(source.asked, [2 ** 27, 2 ** 26, 2 ** 27]);
  region.dispose();
  assertEquals(source.live, 0);
});

Deno.test("a further chunk is kept over rewinds, and trim gives it back", () => {
  const source = noting(arrayBufferSource);
  const alloc = new SmartAlloc({ source, frameArenaSize: kilobytes(16) });
  alloc.beginFrame();
  alloc.frameSlice(Uint8Array, kilobytes(15));
  for (let i = 0; i < 10; i++) {
    using _scope = alloc.scope();
    alloc.frameSlice(Uint8Array, kilobytes(10)).fill(i);
  }
  assertEquals(source.asked.length, 2);
  assertEquals(alloc.trim(), kilobytes(16));
  assertEquals([alloc.trim(), source.live, alloc.stats().frame.used], [0, 1, kilobytes(15)]);
  alloc.endFrame();
});

Deno.test("trim() between frames brings the configured size back at once", () => {
  const alloc = new SmartAlloc({ source: "arraybuffer", frameArenaSize: kilobytes(16) });
  frameOf(alloc, kilobytes(100));
  frameOf(alloc, kilobytes(100));
  assertEquals(alloc.stats().frame.reserved, kilobytes(125));
  assertEquals(alloc.trim(), kilobytes(125) - kilobytes(16));
  assertEquals(alloc.stats().frame.reserved, kilobytes(16));
  frameOf(alloc, kilobytes(1));
});

Deno.test("trim() under an open scope takes nothing that is in use", () => {
  const alloc = new SmartAlloc({ source: "arraybuffer", frameArenaSize: kilobytes(16) });
  frameOf(alloc, kilobytes(100));
  alloc.beginFrame();
  const scope = alloc.scope();
  const empty = alloc.frameSlice(Uint8Array, 0);
  alloc.trim();
  const slice = alloc.frameSlice(Uint8Array, 16).fill(1);
  assert(slice.buffer === empty.buffer);
  scope.end();
  assertEquals(alloc.stats().frame.used, 0);
  alloc.endFrame();
});

Deno.test("debug mode overwrites what was freed: frames, scopes and further chunks", () => {
  const region = new Region({ source: wasmSource, size: kilobytes(64), reserve: kilobytes(64), owner, poison: true });
  region.open();
  const before = region.at(region.alloc(16));
  viewOf(before).setUint8(before.offset, 1);
  const mark = region.mark();
  const views = [100, kilobytes(100)].map((bytes) => region.view(Uint8Array, region.alloc(bytes), bytes).fill(7));
  region.rewind(mark);
  for (const view of views) assert(view.every((byte) => byte === 0xcd));
  assertEquals(viewOf(before).getUint8(before.offset), 1);
  const quiet = new Region({ source: wasmSource, size: kilobytes(64), owner, poison: true });
  quiet.open();
  const main = quiet.view(Uint8Array, quiet.alloc(16), 16).fill(7);
  quiet.reset();
  assert(main.every((byte) => byte === 0xcd));
});

Deno.test("the main chunk's views are the same objects frame after frame, as long as requests agree", () => {
  const alloc = new SmartAlloc();
  const seen: unknown[] = [];
  for (let i = 0; i < 3; i++) {
    using _frame = alloc.frame();
    seen.push(alloc.frameSlice(Float32Array, 8), alloc.frameColumns(columns, 8));
  }
  assert(seen[0] === seen[2] && seen[2] === seen[4] && seen[1] === seen[3] && seen[3] === seen[5]);
  using _frame = alloc.frame();
  assert(alloc.frameSlice(Int32Array, 8) !== seen[0] as unknown);
});

Deno.test("a rewind takes the views back too, so that loops with scopes reuse them", () => {
  const alloc = new SmartAlloc();
  using _frame = alloc.frame();
  const seen = new Set<unknown>();
  for (let i = 0; i < 10; i++) {
    using _scope = alloc.scope();
    seen.add(alloc.frameSlice(Float32Array, 8));
  }
  assertEquals(seen.size, 1);
});

Deno.test("revoke mode detaches what a frame handed out, in every chunk", () => {
  const alloc = new SmartAlloc({ safety: "revoke", source: "arraybuffer", frameArenaSize: kilobytes(4) });
  alloc.beginFrame();
  const views = [100, 5000, 20_000].map((bytes) => alloc.frameSlice(Uint8Array, bytes));
  alloc.endFrame();
  assertEquals(views.map((view) => view.length), [0, 0, 0]);
});

Deno.test("regions refuse impossible options", () => {
  for (const size of [0, -1, 1.5, NaN, MAX_CHUNK + 1]) {
    assertThrows(() => new Region({ source: wasmSource, size, owner }), ConfigError, "FA010");
  }
  assertThrows(
    () => new Region({ source: sharedWasmSource, size: 4096, owner, revoke: true }),
    ConfigError,
    "FA011",
  );
});

Deno.test("regions refuse impossible alignments, and change nothing", () => {
  const region = new Region({ source: wasmSource, size: 4096, owner });
  region.open();
  for (const align of [17, 48, 8192, Infinity]) assertThrows(() => region.alloc(16, align), Error, "FA008");
  assertEquals([region.used, region.count], [0, 0]);
  assertEquals(region.alloc(16, 4096), 0);
});

Deno.test("a region says what became of a rewind that cannot be", () => {
  const region = new Region({ source: wasmSource, size: 4096, owner });
  region.open();
  assertThrows(() => region.rewind(0), Error, "FA008");
  const mark = region.mark();
  region.keep(mark);
  assertEquals(region.markSerial(mark), 0);
  assertThrows(() => region.rewind(mark), Error, "FA008");
  region.close();
  assertEquals(region.alloc(16), -1);
  assertThrows(
    () => {
      throw region.refusal("allocate");
    },
    Error,
    "the region is closed",
  );
});

Deno.test("SizePolicy never shrinks for less than a quarter", () => {
  const policy = new SizePolicy(100 * 16);
  let size = policy.settle(200 * 16, 100 * 16);
  assertEquals(size, 250 * 16);
  for (let i = 0; i < 1000; i++) size = policy.settle(160 * 16, size);
  assertEquals(size, 250 * 16);
  for (let i = 0; i < 240; i++) size = policy.settle(120 * 16, size);
  assertEquals(size, 150 * 16);
});
