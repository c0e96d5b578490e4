/**
 * Records as text: JSON and inspection show values, and say so when there are none any more.
 */

import { array, bool, f32, mat3x3f, SmartAlloc, struct, u64, u8, vec2f } from "@framealloc/core";
import { assertEquals } from "@std/assert";
import { inspect } from "node:util";

const Inner = struct("Inner", { on: bool });
const Body = struct("Body", {
  mass: f32,
  position: vec2f,
  bytes: array(u8, 2),
  inner: Inner,
  inners: array(Inner, 2),
  turn: mat3x3f,
});

const PLAIN = {
  mass: 1.5,
  position: { x: 2, y: 3 },
  bytes: [4, 5],
  inner: { on: true },
  inners: [{ on: false }, { on: true }],
  turn: [1, 2, 3, 4, 5, 6, 7, 8, 9],
};

/** An allocator with an open frame, and a record in it. */
function record() {
  const alloc = new SmartAlloc();
  alloc.beginFrame();
  return { alloc, body: Body.assign(alloc.frameAlloc(Body), PLAIN) };
}

Deno.test("JSON.stringify() shows a record's values", () => {
  const { body } = record();
  assertEquals(JSON.stringify(body), JSON.stringify(PLAIN));
  const { position, bytes, inner, inners, turn } = body;
  assertEquals(JSON.stringify({ position, bytes, inner, inners, turn }), JSON.stringify({ ...PLAIN, mass: undefined }));
});

Deno.test("Deno.inspect() shows a record's values", () => {
  const { body } = record();
  assertEquals(Deno.inspect(body), Deno.inspect(PLAIN));
  assertEquals(Deno.inspect(body.position), "{ x: 2, y: 3 }");
  assertEquals(Deno.inspect(body.bytes), "[ 4, 5 ]");
  assertEquals(Deno.inspect([body.inner]), "[ { on: true } ]");
});

Deno.test("inspect() of node:util shows a record's values", () => {
  const { body } = record();
  assertEquals(inspect(body.position), inspect(PLAIN.position));
  assertEquals(inspect({ inners: body.inners }), inspect({ inners: PLAIN.inners }));
});

Deno.test("cells are shown as what they hold", () => {
  const alloc = new SmartAlloc();
  alloc.beginFrame();
  assertEquals(JSON.stringify([alloc.frameBox(f32, 0.5), alloc.frameBox(bool, true)]), "[0.5,true]");
  assertEquals(Deno.inspect(alloc.frameBox(u64, 7n)), "7n");
  assertEquals(Deno.inspect([alloc.frameBox(f32, -0)]), "[ -0 ]");
});

Deno.test("a record whose memory has ended is shown as stale", () => {
  const { alloc, body } = record();
  const { position, bytes, inner } = body;
  const cell = alloc.frameBox(f32, 1);
  alloc.endFrame();
  alloc.beginFrame();
  alloc.frameSlice(Uint8Array, 1000).fill(9);
  const shown: [unknown, string][] = [
    [body, "[stale Body]"],
    [position, "[stale vec2f]"],
    [bytes, "[stale array<u8, 2>]"],
    [inner, "[stale Inner]"],
    [cell, "[stale Cell<f32>]"],
  ];
  for (const [stale, text] of shown) {
    assertEquals(JSON.stringify({ stale }), `{"stale":"${text}"}`);
    assertEquals(Deno.inspect(stale), text);
    assertEquals(inspect(stale), text);
  }
});

Deno.test("showing a record does not change it", () => {
  const { body } = record();
  JSON.stringify(body);
  Deno.inspect(body);
  assertEquals(Body.toObject(body), PLAIN);
});
