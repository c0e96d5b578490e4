/**
 * Steps of programs that allocate, free, and set limits; what each is chosen by are three numbers.
 */

import { BudgetError, type BudgetStats } from "@framealloc/core";
import {
  type GpuAllocOptions,
  type GpuBlockDump,
  type GpuDump,
  type GpuIntent,
  type GpuLifetime,
  type GpuLossPolicy,
  type GpuUse,
  MultiFrame,
} from "@framealloc/core/gpu";
import { assert, assertEquals } from "@std/assert";
import { heapDumpOf, unitOf } from "./_gpu_books.ts";
import { Held, type Place, type Wish } from "./_gpu_model.ts";
import { OwnError } from "./_gpu_waiting.ts";
import { type Attempt, dataOf, REFUSED, TAGS, type World } from "./_gpu_world.ts";

const INTENTS: readonly GpuIntent[] = ["DeviceOnly", "HostVisible", "HostCached", "Staging", "Readback"];
const USES: readonly GpuUse[] = ["uniform", "vertex", "storage"];
const PLACES = 2 ** 24;
const MOST_LIVE = 48;
const LARGEST = 1 << 20;

function alloc(world: World, a: number, b: number, c: number): void {
  const { model, gpu, backend } = world;
  if (model.live.size >= MOST_LIVE) return free(world, b);
  const wish = wishOf(world, a, b, c);
  const { intent, lifetime, policy } = wish;
  const place = placeOf(wish);
  const unit = unitOf(place === "heap" ? wish.use : place, backend.limits);
  const held = place === "heap" || place === "readback" ? Math.ceil(wish.bytes / unit) * unit : 0;
  const before = blocksOf(gpu.dump());
  const budgets = world.alloc.stats().budgets;
  const { evictions } = world;
  const crossings = world.counts.get("crossings");
  world.evictedFrom.length = 0;
  world.wish = wish;
  const made = make(world, wish);
  world.wish = undefined;
  // Otherwise callbacks have done something as well.
  const isCalm = crossings === world.counts.get("crossings");
  if (isCalm) {
    checkEvictions(world, before);
    if (place === "heap") checkSuffering(world, budgets, new Held(0, wish, place, held, 0));
  }
  if (gpu.isLost) return world.expect(made, "FA857");
  const isImpossible = (intent === "HostCached" || intent === "Readback") && lifetime === "Streaming" ||
    intent === "Staging" && lifetime === "Persistent";
  if (isImpossible) return world.expect(made, "FA852");
  if (place === "readback" && policy === "shadow") return world.expect(made, "FA008");
  if ((typeof lifetime === "object" || lifetime === "Frame") && !gpu.inFrame) return world.expect(made, "FA001");
  if (held > backend.limits.maxBufferSize) {
    world.count("too large for any buffer");
    return world.expect(made, "FA852");
  }
  if (made.value === undefined) {
    // It may have been in what was reserved before it was refused.
    world.reserved.clear();
    return refused(world, made, wish, place, held);
  }
  assert(!model.live.has(made.value) && !world.past.includes(made.value), "a number stands for two");
  const one = new Held(made.value, wish, place, held, gpu.frameNumber);
  model.live.set(made.value, one);
  world.count("allocations");
  if (held > backend.limits.maxBufferSize / 2) world.count("large allocations");
  if (wish.isIsolated && held > 0) world.count("allocations in buffers of their own");
  if (place === "heap" && isForSharing(world, wish, held) && evictions === world.evictions && isCalm) {
    checkReuse(before, heapDumpOf(gpu, one).blocks, wish, held);
  }
  if (place !== "ring") return;
  if (world.isUnsure) world.ringMayFail = true;
  // It holds whatever was there.
  if (!wish.isZero) one.copy!.set(gpu.bytes(made.value));
  const align = Math.max(wish.align, wish.use === "vertex" ? 16 : unitOf("uniform", backend.limits));
  assertEquals(gpu.offset(made.value) % align, 0);
}

function wishOf(world: World, a: number, b: number, c: number): Wish {
  const intent = INTENTS[[0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 3, 3, 4, 4][a % 16]!]!;
  const lifetimes: readonly GpuLifetime[] = [
    "Persistent",
    "Persistent",
    "Streaming",
    "Streaming",
    "Frame",
    MultiFrame(1 + c % 3),
  ];
  const largest = Math.min(world.backend.limits.maxBufferSize, LARGEST);
  const most = b % 64 === 0 ? largest * 1.1 : b % 16 === 0 ? 90_000 : b % 4 === 0 ? 24_000 : 400;
  const bytes = 1 + Math.floor((c * 7919 + (b >> 4)) % most);
  const policies: readonly GpuLossPolicy[] = [
    "shadow",
    "restore",
    "discard",
    intent === "HostVisible" ? "shadow" : "discard",
  ];
  const policy = policies[(b >> 6) % 4]!;
  const gives = [bytes, bytes, bytes >> 1 & ~3, -1][(c >> 3) % 4]!;
  const isIsolated = (b >> 8) % 12 === 0;
  return {
    intent,
    lifetime: lifetimes[(a >> 4) % 6]!,
    bytes,
    use: USES[(a >> 7) % 3]!,
    policy,
    align: [1, 1, 1, 1, 4, 64, 512, 4096, 65536][(c >> 5) % 9]!,
    importance: (c >> 2) % 4,
    isIsolated,
    isZero: (a >> 9) % 3 === 0,
    name: `n${++world.made}${isIsolated ? " alone" : ""}`,
    tag: TAGS[(a >> 10) % TAGS.length]!,
    restored: policy === "restore" && gives >= 0 ? dataOf(gives, c) : null,
  };
}

function placeOf({ intent, lifetime, isIsolated }: Wish): Place {
  if (intent === "Staging") return "staging";
  if (intent === "Readback") return "readback";
  return intent === "HostVisible" && lifetime === "Frame" && !isIsolated ? "ring" : "heap";
}

function make(world: World, wish: Wish): Attempt<number | undefined> {
  const { bytes, intent, lifetime, use, policy, align, importance, isIsolated, isZero, name, tag, restored } = wish;
  const { gpu, made: way } = world;
  const restore = (): Uint8Array | Promise<Uint8Array> => {
    world.count("contents that were asked for");
    if (restored !== null) return way % 2 === 0 ? restored : Promise.resolve(restored);
    if (way % 3 === 0) throw new OwnError("has none");
    return way % 3 === 1 ? Promise.reject(new OwnError("has none")) : undefined as unknown as Uint8Array;
  };
  const options: GpuAllocOptions = {
    intent,
    lifetime,
    name,
    onMove: world.onMove,
    onEvict: world.onEvict,
    use,
    onLoss: policy,
    ...policy === "restore" ? { restore } : {},
    ...align > 1 ? { align } : {},
    ...importance > 0 ? { importance } : {},
    ...isIsolated ? { isolate: true } : {},
    ...isZero ? { zero: true } : {},
  };
  return world.attempt(() =>
    world.tagged(tag, () => way % 3 === 0 ? gpu.tryAlloc(bytes, options) : gpu.alloc(bytes, options))
  );
}

/** The buffers that many share, or one has alone. */
function blocksOf({ heaps }: GpuDump): readonly GpuBlockDump[] {
  return heaps.flatMap(({ name, blocks }) => name === "readback" ? [] : blocks);
}

/** Whether it goes where there is room, whatever is beside it. */
function isForSharing(world: World, wish: Wish, held: number): boolean {
  return wish.align <= unitOf(wish.use, world.backend.limits) && 2 * held <= world.options.blockSize &&
    !wish.isIsolated;
}

/** Checks that idle buffers were given back before anything was evicted, but for those that were reserved. */
function checkEvictions({ gpu, evictedFrom, hasReserved, reserved }: World, before: readonly GpuBlockDump[]): void {
  const now = blocksOf(gpu.dump());
  for (const { id, used } of before) {
    const there = now.find((block) => block.id === id);
    const isIdle = used === 0 && there !== undefined;
    assert(!isIdle || hasReserved || evictedFrom.length === 0, "something was evicted, and idle buffers were not");
    if (!reserved.has(id)) continue;
    assert(used > 0 || there !== undefined, "what was reserved was given back");
    if (used > 0 || there!.used > 0) reserved.delete(id);
  }
}

/** Checks that of a limit on one heap the others do not suffer. */
function checkSuffering({ evictedFrom }: World, budgets: readonly BudgetStats[], { wish, held, copied }: Held): void {
  const refuses = (budget: string): boolean => {
    const { used, hard } = budgets.find(({ name }) => name === budget)!;
    return used + held > hard;
  };
  if (copied > 0 || !refuses(`gpu ${wish.use}`) || refuses("gpu") || refuses("global")) return;
  assert(evictedFrom.every((heap) => heap === wish.use), "something was evicted, and it was no help");
}

/** Checks that no buffer was made for what has room in another one. */
function checkReuse(
  before: readonly GpuBlockDump[],
  now: readonly GpuBlockDump[],
  { lifetime }: Wish,
  held: number,
): void {
  if (now.every(({ id }) => before.some((block) => block.id === id))) return;
  for (const { id, largestFree, isDedicated, isStreaming, label } of before) {
    if (isDedicated || isStreaming !== (lifetime === "Streaming") || !now.some((block) => block.id === id)) continue;
    assert(largestFree < held, `${label} had room for ${held} bytes, and another buffer was made`);
  }
}

/** Checks that there was no room for it. */
function refused(world: World, made: Attempt<unknown>, wish: Wish, place: Place, held: number): void {
  world.expect(made, "", ...REFUSED, ...place === "ring" ? ["FA003"] : []);
  const { error } = made;
  if (made.code === "") world.count("refused without an error");
  if (!(error instanceof BudgetError)) return;
  const { budget, requested } = error;
  const all = world.alloc.stats().budgets;
  const refusing = all.find(({ name }) => name === budget)!;
  const isTag = TAGS.includes(budget);
  world.count(isTag ? "refused by a tag" : budget === "global" ? "refused by the limit on all" : "refused by a budget");
  if (place === "ring") return;
  const one = new Held(0, wish, place, held, 0);
  // The copy on the CPU is given back by now.
  assert(refusing.used + requested + one.copied > refusing.hard, `"${budget}" has room for ${requested} bytes`);
  if (isTag || one.copied > 0 || place !== "heap" || world.isUnsure) return;
  assert(requested === held, `${requested} bytes were asked for ${held}`);
  const streams = wish.lifetime === "Streaming";
  if (isForSharing(world, wish, held)) {
    for (const { isDedicated, isStreaming, largestFree, label } of heapDumpOf(world.gpu, one).blocks) {
      assert(isDedicated || isStreaming !== streams || largestFree < held, `${label} has room for ${held} bytes`);
    }
  }
  const around = [`gpu ${wish.use}`, "gpu", "global"];
  if (all.some(({ name, hard }) => around.includes(name) && held > hard)) return;
  for (const other of world.model.live.values()) {
    if (!other.isEvictable || (streams && other.wish.importance > wish.importance)) continue;
    const isHelp = budget !== around[0] || other.wish.use === wish.use;
    assert(!isHelp, `${other.wish.name} could have been evicted for ${wish.name}`);
  }
}

function free(world: World, a: number): void {
  const held = world.pick(a);
  if (held !== undefined) world.free(held);
}

/** Uses the number of what is no more, whoever has its place now. */
function stale(world: World, a: number, b: number): void {
  const { gpu, past, model } = world;
  if (past.length === 0) return;
  const handle = past[past.length - 1 - a % Math.min(past.length, 30)]!;
  assert(!gpu.isLive(handle));
  const ways: readonly (() => unknown)[] = [
    () => gpu.free(handle),
    () => gpu.size(handle),
    () => gpu.version(handle),
    () => gpu.pin(handle),
    () => gpu.unpin(handle),
    () => gpu.ref(handle),
    () => gpu.offset(handle),
    () => gpu.buffer(handle),
    () => gpu.binding(handle),
    () => gpu.write(handle, dataOf(4, b)),
    () => gpu.bytes(handle),
    () => gpu.touch(handle),
    () => gpu.read(handle),
    () => gpu.tryRead(handle),
    () => gpu.refresh(handle),
    () => gpu.stream(handle, dataOf(4, b)),
    () => gpu.copy(handle, handle),
    () => gpu.checkScope([{ handle, access: "read" }]),
  ];
  const way = b % ways.length;
  world.expect(world.attempt(ways[way]!), gpu.isLost && way >= 6 ? "FA857" : "FA401");
  world.count("uses of what is no more");
  for (const other of model.live.keys()) {
    if (other % PLACES === handle % PLACES) world.count("uses of what is no more, and whose place is another one's");
  }
}

function pin(world: World, a: number, b: number): void {
  const { gpu } = world;
  const held = world.pick(a);
  if (held === undefined) return;
  if (b % 2 === 0 && held.pins < 2) {
    gpu.pin(held.handle);
    held.pins++;
    world.count("pins");
  } else {
    world.expect(world.attempt(() => gpu.unpin(held.handle)), held.pins > 0 ? "" : "FA406");
    if (held.pins > 0) held.pins--;
  }
}

/** Sets limits anew, so that there is just about room. */
function limit(world: World, a: number, b: number, c: number): void {
  const { budgets } = world.alloc;
  const used = (name: string): number => world.alloc.stats().budgets.find((budget) => budget.name === name)?.used ?? 0;
  const tag = TAGS[1 + (a >> 3) % 3]!;
  const room = b % (a % 2 === 0 ? 400_000 : 20_000);
  const { onCross } = world;
  switch (a % 8) {
    case 0:
      return budgets.setGlobal({ hard: used("global") + room + 20_000 });
    case 1:
      return budgets.setTag(tag, { hard: used(tag) + room });
    case 2:
      return budgets.setGlobal({ soft: used("global") + c % 60_000, onCross });
    case 3:
      return budgets.setTag(tag, { soft: used(tag) + c % 20_000, onCross });
    case 4:
      return budgets.setTag(tag, { hard: used(tag) + room, soft: used(tag) + c % (room + 1), onCross });
    case 5:
      return budgets.setTag(tag, {});
    default:
      return budgets.setGlobal({});
  }
}

/** The steps by their names. */
export const ALLOC_STEPS = { alloc, free, stale, pin, limit } as const;
