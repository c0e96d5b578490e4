/**
 * Steps of programs that bring bytes to allocations, from one to another, and back.
 */

import { assert, assertEquals } from "@std/assert";
import { Asked, Job } from "./_gpu_waiting.ts";
import { dataOf, REFUSED, type World } from "./_gpu_world.ts";
import type { Held } from "./_gpu_model.ts";

const PIECES = 300;

function write(world: World, a: number, b: number, c: number): void {
  const held = world.pick(a, ({ isFailed, isQuiet }) => isFailed || isQuiet);
  if (held === undefined) return;
  const { bytes, copy } = held;
  const step = copy === null ? 4 : 1;
  const at = Math.floor(b % bytes / step) * step;
  const rest = bytes - at;
  const count = c % 3 === 0 ? rest : Math.floor(c % (rest + 1) / step) * step;
  const data = dataOf(count, c);
  const source = c % 4 === 0
    ? data.slice().buffer
    : c % 4 === 1
    ? new DataView(data.buffer, data.byteOffset, count)
    : data;
  const made = world.attempt(() => world.gpu.write(held.handle, source, at));
  const code = world.refusalOf(held);
  world.expect(made, code, ...isBeingRead(world, held) ? ["FA853"] : []);
  if (code !== "") return;
  world.use(held);
  if (made.code === "") world.model.write(held, data, at);
}

/** Many small writes, which may be sent packed. */
function scribble(world: World, a: number, b: number, c: number): void {
  const held = world.pick(a, (held) => held.copy !== null && held.isQuiet && held.bytes > 16 * PIECES);
  if (held === undefined || world.gpu.isLost) return;
  for (let i = 0; i < PIECES; i++) {
    const data = dataOf(4 << b % 2, c + i);
    world.gpu.write(held.handle, data, i * 16);
    world.model.write(held, data, i * 16);
  }
  world.use(held);
  world.count("many small writes");
}

/** Writes to the copy on the CPU itself, and says so of all of it, of a part, or not at all. */
function bytes(world: World, a: number, b: number, c: number): void {
  const { gpu, model } = world;
  const held = world.pick(a, ({ isQuiet }) => isQuiet);
  if (held === undefined) return;
  const { handle, copy } = held;
  const code = world.refusalOf(held) || (copy === null ? "FA852" : "");
  const made = world.attempt(() => gpu.bytes(handle));
  const at = b % held.bytes;
  const count = c % (held.bytes - at + 1);
  const [from, some] = c % 3 === 0 ? [at, count] : [at >> 1, (count >> 1) + 1];
  if (code === "") {
    const data = dataOf(count, b);
    made.value!.set(data, at);
    copy!.set(data, at);
    world.count("writes in place");
  }
  world.expect(made, code);
  if (world.refusalOf(held) === "") world.use(held);
  if (c % 5 === 4) return;
  world.expect(
    world.attempt(() => b % 8 === 0 ? gpu.touch(handle, from) : gpu.touch(handle, from, some)),
    code,
  );
  if (code === "") model.touch(held, from, b % 8 === 0 ? held.bytes - from : some);
}

function copy(world: World, a: number, b: number, c: number): void {
  const { gpu, model } = world;
  const isReady = (held: Held): boolean => held.isQuiet && !held.isFailed;
  const source = world.pick(a, isReady);
  const target = c % 9 === 0 ? source : world.pick(b, isReady);
  if (source === undefined || target === undefined) return;
  const from = b % source.bytes & ~3;
  const at = c % target.bytes & ~3;
  const most = Math.min(source.bytes - from, target.bytes - at);
  const isToEnd = most === target.bytes - at && a % 2 === 0;
  const bytes = isToEnd ? most : (a >> 3) % (most + 1) & ~3;
  const isWithin = isOnDevice(source) && isOnDevice(target) && !gpu.isLost &&
    gpu.buffer(source.handle) === gpu.buffer(target.handle);
  world.copied.add(source).add(target);
  // Callbacks may free one of the two.
  if (c % 2 === 0) world.spared.add(source).add(target);
  const isPinned = source.pins + target.pins;
  const made = world.attempt(() => gpu.copy(source.handle, target.handle, { from, at, bytes }));
  world.spared.clear();
  world.copied.clear();
  const codes = gpu.isLost
    ? ["FA857"]
    : !isOnDevice(source) || !isOnDevice(target) || source.place === "readback"
    ? ["FA852"]
    : ["", ...isWithin ? REFUSED : [], ...isBeingRead(world, target) ? ["FA853"] : []];
  const isInRing = source.place === "ring" || target.place === "ring";
  if (isInRing && world.ringMayFail) codes.push("FA856");
  if (!source.isLive || !target.isLive) codes.push("FA401");
  world.expect(made, ...codes);
  if (gpu.isLost) return;
  if (source.isLive && target.isLive) assertEquals(source.pins + target.pins, isPinned);
  for (const held of [source, target]) {
    world.use(held);
    if (held.isLive && made.code !== "FA852" && made.code !== "FA856") model.upload(held);
  }
  if (made.code !== "") return;
  model.copy(source, from, target, at, bytes);
  if (world.isUnsure) target.forgetDevice(at, at + bytes);
  world.count(isWithin ? "copies within a buffer" : "copies");
}

function read(world: World, a: number, b: number, c: number): void {
  const { gpu } = world;
  const held = world.pick(a, ({ isFailed, isQuiet }) => isFailed || isQuiet);
  if (held === undefined) return;
  const offset = c % 3 === 0 ? 0 : b % held.bytes;
  const bytes = c % 3 === 0 ? held.bytes : 1 + c % (held.bytes - offset);
  const options = {
    ...offset > 0 ? { offset } : {},
    ...bytes < held.bytes - offset ? { bytes } : {},
    ...b % 4 === 0 ? { into: new Uint8Array(bytes + b % 3) } : {},
  };
  const made = world.attempt(() => b % 5 === 0 ? gpu.tryRead(held.handle, options) : gpu.read(held.handle, options));
  if (made.code === "" && made.value === undefined) {
    world.count("reads that would have had to wait");
    return world.use(held);
  }
  asked(world, held, made, offset, bytes, false);
}

/** Brings a copy on the CPU up to date. */
function refresh(world: World, a: number): void {
  const held = world.pick(a, (held) => held.isQuiet && (a % 8 === 0 || (held.copy !== null && held.place === "heap")));
  if (held === undefined) return;
  const { copy, place, bytes } = held;
  const made = world.attempt(() => world.gpu.refresh(held.handle));
  if (!world.gpu.isLost && (copy === null || place === "ring")) {
    world.use(held);
    return world.expect(made, "FA852");
  }
  asked(world, held, made, 0, bytes, true);
}

function asked(
  world: World,
  held: Held,
  made: { readonly value?: Promise<Uint8Array> | undefined; readonly code: string },
  offset: number,
  bytes: number,
  isRefresh: boolean,
): void {
  const { model } = world;
  const code = world.refusalOf(held) || (held.place === "staging" ? "FA852" : "");
  const isRing = held.place === "ring" && world.ringMayFail;
  world.expect(made, code, ...isRing ? ["FA856"] : []);
  if (code === "") world.use(held);
  if (made.code !== "") return;
  if (held.place !== "readback") model.upload(held);
  const asked = new Asked(held, offset, bytes, isRefresh, made.value!, world);
  for (const code of REFUSED) asked.may.add(code);
  world.waiting.push(asked);
  // What is read there is what can be mapped itself: it goes at once.
  if (held.place === "readback") asked.send(false);
}

function stream(world: World, a: number, b: number, c: number): void {
  const held = world.pick(
    a,
    (held) => held.place !== "readback" && held.isQuiet && (a % 4 === 0 || held.copy === null),
  );
  if (held === undefined) return;
  const at = b % held.bytes & ~3;
  const data = dataOf(c % (held.bytes - at + 1) & ~3, b);
  const importance = b % 3;
  const made = world.attempt(() => world.gpu.stream(held.handle, data, { offset: at, importance }));
  const code = world.refusalOf(held) || (held.copy === null ? "" : "FA852");
  world.expect(made, code);
  if (!world.gpu.isLost) world.use(held);
  if (code !== "") return;
  const job = new Job(held, at, data, importance, made.value!, world);
  if (data.length > 0) world.jobs.add(job);
}

/** Many turns may pass before it is known here that a read has arrived. */
function isBeingRead(world: World, held: Held): boolean {
  return held.place === "readback" && world.waiting.some((asked) => asked.held === held && !asked.isSettled);
}

function isOnDevice({ place }: Held): boolean {
  return place !== "staging";
}

/** Whether nothing is wrong with what is on the device now, as far as it can be asked by reading. */
export async function readAll(world: World): Promise<void> {
  for (const held of world.model.live.values()) {
    if (!held.isOnDevice || !held.isQuiet || world.gpu.isLost) continue;
    asked(world, held, world.attempt(() => world.gpu.read(held.handle)), 0, held.bytes, false);
  }
  await world.drain();
  assert(world.waiting.every(({ isSettled }) => isSettled), "somebody waits");
}

/** The steps by their names. */
export const DATA_STEPS = { write, scribble, bytes, copy, read, refresh, stream } as const;
