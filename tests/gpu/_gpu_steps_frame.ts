/**
 * Steps of programs with frames and what is allocated in them, and of the care that a program takes.
 */

import { type Batch, f32, type Layout, struct, vec4f } from "@framealloc/core";
import type { GpuUse } from "@framealloc/core/gpu";
import { assert, assertEquals } from "@std/assert";
import { readBack } from "./_backends.ts";
import { unitOf, WatchedBackend } from "./_gpu_books.ts";
import { readAll } from "./_gpu_steps_data.ts";
import type { RingItem } from "./_gpu_model.ts";
import { codeOf } from "./_gpu_waiting.ts";
import { dataOf, REFUSED, TAGS, type World } from "./_gpu_world.ts";

const Draw = struct("Draw", { color: vec4f, glow: f32 }, { rules: "wgsl" });
const USES: readonly (GpuUse | undefined)[] = [undefined, "uniform", "vertex", "storage"];

function frame(world: World, a: number): void {
  if (world.gpu.inFrame) endFrame(world);
  else if (a % 16 === 0) world.expect(world.attempt(() => world.gpu.endFrame()), world.gpu.isLost ? "FA857" : "FA005");
  else beginFrame(world);
}

function beginFrame(world: World): void {
  const { gpu } = world;
  const number = gpu.frameNumber;
  const made = world.attempt(() => gpu.beginFrame());
  if (gpu.isLost) return world.expect(made, "FA857");
  world.expect(made, "", ...REFUSED);
  assertEquals([gpu.inFrame, gpu.frameNumber], made.code === "" ? [true, number + 1] : [false, number]);
  if (world.isUnsure) world.ringMayFail = true;
  if (made.code !== "") return world.count("frames that could not begin");
  world.count("frames");
  world.expect(world.attempt(() => gpu.beginFrame()), "FA004");
}

export function endFrame(world: World): void {
  const { gpu, model, jobs } = world;
  const { ringMayFail, isFull } = world;
  const places = model.items.map(({ what }) => what);
  // Callbacks may free what has been sent, but not before that.
  if (!gpu.isLost && !ringMayFail) {
    model.flush();
    jobs.pump(world.options.streamBytesPerFrame!);
    world.send();
  }
  world.isDeaf = ringMayFail;
  const made = world.attempt(() => gpu.endFrame());
  world.isDeaf = false;
  world.expect(made, gpu.isLost ? "FA857" : "", ...ringMayFail && !gpu.isLost ? ["FA856"] : []);
  if (ringMayFail && !gpu.isLost) {
    // What was allocated in the frame is gone by now, and what was to be read of it was uploaded when that was asked.
    model.uploadHeaps();
    if (made.code === "") jobs.pump(world.options.streamBytesPerFrame!);
    else world.count("frames for which there was no memory");
    world.send(isFull);
  }
  if (!world.isUnsure) world.ringMayFail = false;
  assert(!gpu.inFrame);
  for (const held of model.endFrame(gpu.frameNumber)) {
    assert(!gpu.isLive(held.handle), `${held.wish.name} lives on`);
    world.dropped(held, false);
    world.count("allocations that a frame has freed");
  }
  world.ringBytes.clear();
  const place = places[gpu.frameNumber % Math.max(1, places.length)];
  if (place === undefined) return;
  world.expect(world.attempt(() => gpu.ring.offset(place)), "FA855");
  world.expect(world.attempt(() => gpu.ring.buffer(place)), "FA855");
  world.count("uses of an earlier frame's");
}

/** Uploads everything, and compares what is on the device. */
export function flush(world: World): Promise<void> | undefined {
  const made = world.attempt(() => world.gpu.flush());
  if (!flushed(world, made.code)) return;
  world.verify();
  world.verifyCopies();
  if (world.backend instanceof WatchedBackend) return;
  return world.gpu.inFrame ? verifyRing(world) : readAll(world);
}

/** Compares what was uploaded of the ring to a real device. */
async function verifyRing({ gpu, model, backend, count }: World): Promise<void> {
  const pages = gpu.dump().ring.pages;
  for (const { what, device } of model.items) {
    const page = pages.find(({ id }) => backend.raw(id) === gpu.ring.buffer(what));
    const at = gpu.ring.offset(what);
    if (page === undefined || device!.length === 0) continue;
    const bytes = await readBack(backend, page.id, at, Math.ceil(device!.length / 4) * 4);
    assertEquals(bytes.subarray(0, device!.length), device!, "in the ring");
    count("parts of the ring that were compared");
  }
}

function flushed(world: World, code: string): boolean {
  const { gpu, model } = world;
  const isLost = gpu.isLost;
  world.expect({ code }, isLost ? "FA857" : "", ...world.ringMayFail && gpu.inFrame && !isLost ? ["FA856"] : []);
  if (code === "FA856") model.uploadHeaps();
  if (code === "") model.flush();
  return code === "";
}

/** Allocates in the frame, in one of the ways that there are. */
function ring(world: World, a: number, b: number, c: number): void {
  const { gpu, model } = world;
  const { ring } = gpu;
  const tag = TAGS[a % TAGS.length]!;
  const use = USES[(a >> 2) % 4];
  const size = c % 8 === 0 ? b : b % 600;
  const before = gpu.stats().ring.overflows;
  const ways: readonly (() => RingItem)[] = [
    () => {
      const what = ring.alloc(size, use);
      const view = size === 0 ? new Uint8Array(0) : ring.view(what, Uint8Array, size);
      return item(what, view, dataOf(size, c));
    },
    () => {
      const data = dataOf(size, c);
      const words = new Uint16Array(data.slice(0, size & ~1).buffer);
      const pushed = c % 2 === 0 ? words : data;
      const what = ring.push(pushed, use);
      const bytes = new Uint8Array(pushed.buffer, pushed.byteOffset, pushed.byteLength).slice();
      return { what, now: () => bytes, isView: false, device: null };
    },
    () => {
      const what = ring.slice(Uint32Array, size >> 2, use);
      return item(what, new Uint8Array(what.buffer, what.byteOffset, what.byteLength), dataOf(size & ~3, c));
    },
    () => {
      const what = ring.batch(Draw, size >> 5, use) as unknown as Batch<Layout>;
      const view = what.view(Uint8Array) as Uint8Array;
      assertEquals(view.byteOffset, ring.offset(what));
      return item(what, view, dataOf(view.length, c));
    },
    () => {
      const what = ring.box(Draw, { color: [1, 2, 3, c], glow: b }, use);
      const bytes = new Uint8Array(new Float32Array([1, 2, 3, c, b, 0, 0, 0]).buffer);
      return { what, now: () => bytes, isView: false, device: null };
    },
  ];
  const made = world.attempt(() => world.tagged(tag, ways[(a >> 4) % ways.length]!));
  world.expect(made, gpu.inFrame ? "" : "FA001", ...gpu.inFrame ? ["FA003", ...REFUSED] : []);
  world.count("overflows of the ring", gpu.stats().ring.overflows - before);
  if (gpu.inFrame && made.code !== "") world.count("refused in a frame");
  if (world.isUnsure) world.ringMayFail = true;
  if (made.value === undefined) return;
  world.count("allocations in frames");
  model.items.push(made.value);
  const { what, now } = made.value;
  const align = use === "vertex" ? 16 : unitOf("uniform", gpu.backend.limits);
  assertEquals(ring.offset(what) % align, 0);
  if (ArrayBuffer.isView(what)) assertEquals(what.byteOffset, ring.offset(what), "the same offset on both sides");
  if (gpu.isLost || world.ringMayFail || now().length === 0) return;
  const place: { readonly buffer: unknown; readonly from: number; readonly to: number } = {
    buffer: ring.buffer(what),
    from: ring.offset(what),
    to: ring.offset(what) + now().length,
  };
  for (const other of model.items.slice(0, -1)) {
    const from = ring.offset(other.what);
    const isApart = other.now().length === 0 || from >= place.to || from + other.now().length <= place.from ||
      ring.buffer(other.what) !== place.buffer;
    assert(isApart, "two in the ring overlap");
  }
}

function item(what: number | Uint32Array | object, view: Uint8Array, data: Uint8Array): RingItem {
  view.set(data);
  return { what, now: () => view, isView: true, device: null };
}

/** Writes again to what was allocated in the frame; after the upload that is too late. */
function again(world: World, a: number, b: number): void {
  const found = world.model.items[a % Math.max(1, world.model.items.length)];
  if (found?.isView === true) found.now().set(dataOf(found.now().length, b));
}

function defragment(world: World, a: number, b: number, c: number): void {
  const { gpu, model } = world;
  // What is moved out of a buffer that turns out to be without memory is lost, and nobody is told.
  if (world.isUnsure) return;
  world.reserved.clear();
  const options = {
    ...a % 3 === 0 ? { maxBytes: b % 3000 } : {},
    ...a % 2 === 0 ? { maxMoves: c % 6 } : {},
  };
  const reserved = gpu.stats().reserved;
  const buffers = gpu.dump().totals.blocks;
  world.moved.length = 0;
  world.isDefragmenting = true;
  const made = world.attempt(() => gpu.defragment(options));
  world.isDefragmenting = false;
  if (!flushed(world, made.code)) return;
  const { moved, bytes, copies, buffers: given } = made.value!;
  const told = world.moved.reduce((sum, handle) => sum + model.live.get(handle)!.held, 0);
  // One may go through two buffers, and is told of the last.
  assertEquals([new Set(world.moved).size, moved === world.moved.length], [world.moved.length, bytes === told]);
  assert(moved >= world.moved.length && bytes >= told);
  assertEquals(gpu.dump().totals.blocks, buffers - given);
  assert(gpu.stats().reserved <= reserved && (given === 0) === (gpu.stats().reserved === reserved));
  assert(moved <= (options.maxMoves ?? Infinity) && bytes <= (options.maxBytes ?? Infinity) && copies <= moved);
  if (moved > 0) world.count("defragmentations that moved something");
  if (copies < moved) world.count("neighbours that were moved together");
  if (given > 0) world.count("buffers that were emptied");
  if (moved > 0 && moved === options.maxMoves) world.count("defragmentations that were limited");
  world.verify();
}

function trim(world: World): void {
  const { gpu } = world;
  const before = gpu.stats().reserved;
  const bytes = world.trim();
  assertEquals(gpu.stats().reserved, before - bytes);
  if (bytes > 0) world.count("trims that gave something back");
}

async function reserve(world: World, a: number, b: number): Promise<void> {
  const { gpu } = world;
  const use = USES[1 + a % 3]!;
  const bytes = 1 + (b * 5) % Math.min(gpu.backend.limits.maxBufferSize + 1000, 1 << 20);
  if (!gpu.inFrame && !gpu.isLost) world.send();
  const ids = new Set(gpu.dump().heaps.flatMap(({ blocks }) => blocks).map(({ id }) => id));
  const crossings = world.counts.get("crossings");
  world.hasReserved = true;
  const code = await gpu.reserve(bytes, use).then(() => "", codeOf);
  const isPossible = bytes <= gpu.backend.limits.maxBufferSize;
  const codes = gpu.isLost ? ["FA857"] : isPossible ? ["", ...REFUSED] : ["FA856"];
  world.expect({ code }, ...codes, ...world.isUnsure ? ["FA856"] : []);
  await world.turns(1);
  if (code !== "" || crossings !== world.counts.get("crossings")) return;
  const made = gpu.dump().heaps.flatMap(({ blocks }) => blocks).filter(({ id, used }) => used === 0 && !ids.has(id));
  if (!world.isUnsure) { for (const { id } of made) world.reserved.add(id); }
  world.count("reservations");
  const { blocks } = gpu.dump().heaps.find(({ name }) => name === use)!;
  assert(blocks.some(({ isStreaming, largestFree }) => !isStreaming && largestFree >= bytes), "was not reserved");
}

/** The device has no memory any more beyond what it has given, or has again. */
function memory(world: World, a: number): void {
  const { backend } = world;
  if (!(backend instanceof WatchedBackend)) return;
  if (backend.oomAt !== Infinity) {
    backend.oomAt = Infinity;
    return;
  }
  backend.oomAt = backend.liveBytes + (a % 6) * 40_000;
  world.isUnsure = true;
  world.count("times without memory");
}

async function settle(world: World, a: number): Promise<void> {
  if (world.backend instanceof WatchedBackend && a % 2 === 0) world.backend.oomAt = Infinity;
  await world.settle();
}

async function lose(world: World): Promise<void> {
  if (!world.gpu.isLost) await world.lose();
}

async function turns(world: World, a: number): Promise<void> {
  if (a % 4 === 0) await world.drain();
  else await world.turns(a % 8);
}

/** The steps by their names. */
export const FRAME_STEPS = {
  frame,
  flush,
  ring,
  again,
  defragment,
  trim,
  reserve,
  memory,
  settle,
  lose,
  turns,
} as const;
