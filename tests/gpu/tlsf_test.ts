/**
 * Offsets in a block: random programs against a sorted list of what is in use, exact fits, and how often a crowded heap refuses.
 */

import { FrameAllocError } from "@framealloc/core";
import { assert, assertEquals, assertThrows } from "@std/assert";
import * as fc from "fast-check";
import { Tlsf } from "../../gpu/heap/tlsf.ts";

/** How many runs that may be too small are tried, and how much larger one has to be to be found for sure. */
const TRIES = 8;
const SURELY = 1 + 1 / 32;

/** What lies somewhere: a run in use, or a gap, which has neither node nor owner. */
type Run = Readonly<Record<"offset" | "size" | "node" | "owner", number>>;

/** What is in use, by address, beside the heap that it is checked against. */
class Model {
  readonly tlsf: Tlsf;
  readonly used: Run[] = [];
  #owners = 0;

  constructor(units: number) {
    this.tlsf = new Tlsf(units);
    this.check();
  }

  /** All runs by address. */
  all(): Run[] {
    const all: Run[] = [];
    let end = 0;
    for (const run of [...this.used, { offset: this.tlsf.units, size: 0, node: -1, owner: -1 }]) {
      if (run.offset > end) all.push({ offset: end, size: run.offset - end, node: -1, owner: -1 });
      if (run.size > 0) all.push(run);
      end = run.offset + run.size;
    }
    return all;
  }

  alloc(size: number, align: number): void {
    const gaps = this.all().filter((run) => run.node < 0);
    const fits = gaps.filter((gap) => gap.offset + gapBefore(gap.offset, align) + size <= gap.offset + gap.size);
    const sure = gaps.map((gap) => gap.size).filter((room) => room >= (size + align - 1) * SURELY);
    const node = this.tlsf.alloc(size, align);
    if (node < 0) {
      assertEquals(node, -1);
      assertEquals(sure, [], `${size} units at ${align} must have been found`);
      assert(gaps.length > TRIES || fits.length === 0, `${size} units at ${align} fit, and all runs were to be tried`);
      return;
    }
    const offset = this.tlsf.offsetOf(node);
    assertEquals([offset % align, this.tlsf.sizeOf(node), this.tlsf.owners[node]], [0, size, -1]);
    const gap = gaps.find((gap) => gap.offset <= offset && offset + size <= gap.offset + gap.size);
    assert(gap !== undefined, `${offset} to ${offset + size} is in use`);
    assertEquals(offset, gap.offset + gapBefore(gap.offset, align), "it lies at the start of a gap");
    if (sure.length > 0) assert(gap.size <= Math.min(...sure) * SURELY, "no much larger gap than needed is cut into");
    this.#add(node, offset, size);
  }

  release(which: number): void {
    const [run] = this.used.splice(which % this.used.length, 1);
    this.tlsf.release(run!.node);
  }

  split(which: number, at: number): void {
    const run = this.used[which % this.used.length]!;
    if (run.size < 2) return;
    const units = 1 + at % (run.size - 1);
    const rest = this.tlsf.split(run.node, units);
    assertEquals(this.tlsf.owners[rest], -1);
    this.used[which % this.used.length] = { ...run, size: units };
    this.#add(rest, run.offset + units, run.size - units);
  }

  /** Compares everything that can be asked. */
  check(): void {
    const { tlsf, used } = this;
    const all = this.all();
    const room = all.filter((run) => run.node < 0).map((gap) => gap.size);
    const free = room.reduce((sum, size) => sum + size, 0);
    assertEquals(
      [tlsf.count, tlsf.runs, tlsf.largestFree, tlsf.free],
      [used.length, room.length, Math.max(0, ...room), free],
    );
    let node = tlsf.first;
    for (const run of all) {
      const used = tlsf.isUsed(node);
      const found = { offset: tlsf.offsetOf(node), size: tlsf.sizeOf(node), node: -1, owner: -1 };
      assertEquals(used ? { ...found, node, owner: tlsf.owners[node] } : found, run);
      node = tlsf.next(node);
    }
    assertEquals(node, -1);
  }

  #add(node: number, offset: number, size: number): void {
    const owner = 1000 + this.#owners++;
    this.tlsf.owners[node] = owner;
    this.used.push({ node, offset, size, owner });
    this.used.sort((a, b) => a.offset - b.offset);
  }
}

function gapBefore(offset: number, align: number): number {
  return (align - offset % align) % align;
}

type Op =
  | { readonly op: "alloc"; readonly shift: number; readonly more: number; readonly align: number }
  | { readonly op: "allocLargest" }
  | { readonly op: "release"; readonly which: number }
  | { readonly op: "split"; readonly which: number; readonly at: number };

const UNITS = fc.oneof(
  { weight: 2, arbitrary: fc.integer({ min: 1, max: 100 }) },
  { weight: 4, arbitrary: fc.integer({ min: 100, max: 5000 }) },
  { weight: 1, arbitrary: fc.integer({ min: 2 ** 20, max: 2 ** 30 }) },
  { weight: 1, arbitrary: fc.constant(2 ** 30) },
);
const ALIGN = fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(12) })
  .map((bits) => 2 ** bits);
const OPS: fc.Arbitrary<Op> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({ op: fc.constant("alloc" as const), shift: fc.nat(12), more: fc.nat(20), align: ALIGN }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("allocLargest" as const) }) },
  { weight: 7, arbitrary: fc.record({ op: fc.constant("release" as const), which: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant("split" as const), which: fc.nat(), at: fc.nat() }) },
);

function step(model: Model, op: Op): void {
  if (op.op === "alloc") model.alloc((model.tlsf.units >> op.shift) + op.more || 1, op.align);
  else if (op.op === "allocLargest") model.alloc(model.tlsf.largestFree || 1, 1);
  else if (model.used.length === 0) return;
  else if (op.op === "release") model.release(op.which);
  else model.split(op.which, op.at);
}

Deno.test("Tlsf keeps runs apart, aligned and counted in random programs, and has one free run when all are given back", () => {
  let ops = 0;
  fc.assert(
    fc.property(
      UNITS,
      fc.array(OPS, { minLength: 70, maxLength: 160, size: "max" }),
      fc.nat(),
      (units, program, order) => {
        const model = new Model(units);
        for (const op of program) {
          step(model, op);
          model.check();
        }
        ops += program.length;
        while (model.used.length > 0) {
          model.release(order);
          model.check();
        }
        const { tlsf } = model;
        assertEquals([tlsf.count, tlsf.runs, tlsf.largestFree, tlsf.free], [0, 1, units, units]);
        assertEquals([tlsf.next(tlsf.first), tlsf.isUsed(tlsf.first)], [-1, false]);
        assertEquals(tlsf.sizeOf(tlsf.alloc(units)), units);
      },
    ),
    { numRuns: 900 },
  );
  assert(ops >= 60_000);
});

Deno.test("Tlsf gives all of a fresh heap as one run, whatever its size", () => {
  const fill = (size: number, align: number) => {
    const tlsf = new Tlsf(size);
    const node = tlsf.alloc(size, align);
    const state = [tlsf.offsetOf(node), tlsf.free, tlsf.runs, tlsf.largestFree, tlsf.alloc(1)];
    assertEquals(state, [0, 0, 0, 0, -1], `${size} at ${align}`);
  };
  const sizes = Array.from({ length: 2000 }, (_, i) => i + 1);
  for (let bits = 11; bits < 30; bits++) sizes.push(2 ** bits, 2 ** bits - 1, 2 ** bits + 1);
  sizes.push(2 ** 30, 2 ** 30 - 1, ...fc.sample(fc.integer({ min: 2001, max: 2 ** 30 }), 2000));
  for (const size of sizes) {
    fill(size, 1);
    fill(size, 2 ** (size % 31));
  }
});

Deno.test("Tlsf gives one unit at a time until nothing is left, and growing its nodes keeps what is known", () => {
  const units = 5000;
  const tlsf = new Tlsf(units);
  const first = tlsf.owners.length;
  const nodes = Array.from({ length: units }, (_, i) => {
    const node = tlsf.alloc(1);
    tlsf.owners[node] = i;
    return node;
  });
  assert(tlsf.owners.length > 4 * first);
  assertEquals(new Set(nodes).size, units);
  assertEquals([tlsf.alloc(1), tlsf.free, tlsf.count, tlsf.runs, tlsf.largestFree], [-1, 0, units, 0, 0]);
  let node = tlsf.first;
  for (let i = 0; i < units; i++, node = tlsf.next(node)) {
    assertEquals([tlsf.offsetOf(node), tlsf.owners[node]], [i, i]);
  }
  assertEquals(node, -1);
  for (let i = 0; i < units; i += 2) tlsf.release(nodes[i]!);
  assertEquals([tlsf.free, tlsf.count, tlsf.runs, tlsf.largestFree], [units / 2, units / 2, units / 2, 1]);
  for (let i = 1; i < units; i += 2) tlsf.release(nodes[i]!);
  assertEquals([tlsf.free, tlsf.count, tlsf.runs, tlsf.largestFree], [units, 0, 1, units]);
});

Deno.test("Tlsf uses its nodes again", () => {
  const random = mulberry32(7);
  const tlsf = new Tlsf(10_000);
  const nodes = tlsf.owners.length;
  const live = Array.from({ length: 12 }, () => tlsf.alloc(10)); // and 13 free runs at most
  for (let i = 0; i < 20_000; i++) {
    const which = Math.floor(random() * live.length);
    tlsf.release(live[which]!);
    live[which] = tlsf.alloc(1 + Math.floor(random() * 300), 2 ** Math.floor(random() * 6));
    assert(live[which]! >= 0);
  }
  assertEquals(tlsf.owners.length, nodes);
});

Deno.test("Tlsf gives back what lies before and after an aligned run", () => {
  const tlsf = new Tlsf(1000);
  const low = tlsf.alloc(3);
  const high = tlsf.alloc(100, 256);
  assertEquals([tlsf.offsetOf(low), tlsf.offsetOf(high), tlsf.sizeOf(high)], [0, 256, 100]);
  assertEquals([tlsf.free, tlsf.count, tlsf.runs, tlsf.largestFree], [897, 2, 2, 644]);
  assertEquals(tlsf.offsetOf(tlsf.alloc(253)), 3);
  assertEquals(tlsf.offsetOf(tlsf.alloc(644, 4)), 356);
  assertEquals([tlsf.free, tlsf.runs], [0, 0]);
});

Deno.test("Tlsf takes a run that is just large enough, not a larger one", () => {
  const tlsf = new Tlsf(4000);
  tlsf.alloc(1);
  const hole = tlsf.alloc(1024);
  tlsf.alloc(1);
  tlsf.release(hole);
  assertEquals(tlsf.offsetOf(tlsf.alloc(1009, 16)), 16);
});

Deno.test("Tlsf refuses an alignment that no free run allows, and changes nothing", () => {
  const tlsf = new Tlsf(100);
  const low = tlsf.alloc(1);
  for (const align of [128, 2 ** 20, 2 ** 30]) assertEquals(tlsf.alloc(1, align), -1);
  assertEquals([tlsf.free, tlsf.count, tlsf.runs, tlsf.largestFree], [99, 1, 1, 99]);
  tlsf.release(low);
  assertEquals(tlsf.offsetOf(tlsf.alloc(100, 2 ** 30)), 0);
});

Deno.test("Tlsf tries eight runs that may be too small, and no more", () => {
  // Runs of 1000 to 1007 units are in one bin. The latest that was given back is tried first.
  for (const [others, found] of [[7, true], [8, false]] as const) {
    const tlsf = new Tlsf(20_000);
    const exact = tlsf.alloc(1007);
    const holes = [exact];
    for (let i = 0; i < others; i++) {
      tlsf.alloc(1);
      holes.push(tlsf.alloc(1000));
    }
    while (tlsf.free > 0) tlsf.alloc(Math.min(tlsf.largestFree, 900));
    for (const hole of holes) tlsf.release(hole);
    assertEquals(tlsf.largestFree, 1007);
    assertEquals(tlsf.alloc(1007) >= 0, found);
    assertEquals(tlsf.alloc(992) >= 0, true, "all of the bin have 992");
  }
});

Deno.test("Tlsf splits a run in use, and both parts are given back apart", () => {
  const tlsf = new Tlsf(64);
  const node = tlsf.alloc(40);
  tlsf.owners[node] = 5;
  const rest = tlsf.split(node, 10);
  assertEquals([tlsf.sizeOf(node), tlsf.owners[node], tlsf.next(node)], [10, 5, rest]);
  assertEquals([tlsf.offsetOf(rest), tlsf.sizeOf(rest), tlsf.isUsed(rest)], [10, 30, true]);
  tlsf.release(node);
  assertEquals([tlsf.count, tlsf.free, tlsf.runs, tlsf.largestFree], [1, 34, 2, 24]);
  tlsf.release(rest);
  assertEquals([tlsf.count, tlsf.free, tlsf.runs, tlsf.largestFree], [0, 64, 1, 64]);
});

Deno.test("Tlsf splits runs down to single units, past the first size of its pool of nodes", () => {
  const units = 500;
  const tlsf = new Tlsf(units);
  let node = tlsf.alloc(units);
  for (let left = units; left > 1; left--) node = tlsf.split(node, 1);
  assertEquals([tlsf.count, tlsf.free, tlsf.runs, tlsf.offsetOf(node)], [units, 0, 0, units - 1]);
  for (let at = tlsf.first; at >= 0; at = tlsf.next(at)) assertEquals([tlsf.sizeOf(at), tlsf.isUsed(at)], [1, true]);
});

Deno.test("Tlsf refuses to split what is not in use, and to make an empty part", () => {
  const tlsf = new Tlsf(64);
  const node = tlsf.alloc(40);
  for (const units of [0, -1, 40, 41, NaN]) assertThrows(() => tlsf.split(node, units), FrameAllocError, "FA999");
  for (const other of [tlsf.next(node), -1]) assertThrows(() => tlsf.split(other, 1), FrameAllocError, "FA999");
  assertEquals([tlsf.count, tlsf.free, tlsf.runs, tlsf.sizeOf(node)], [1, 24, 1, 40]);
});

Deno.test("Tlsf refuses to release what is not in use, and changes nothing", () => {
  const tlsf = new Tlsf(64);
  const [a, b, c] = [tlsf.alloc(8), tlsf.alloc(8), tlsf.alloc(8)];
  tlsf.release(a!);
  tlsf.release(b!); // its node is no run any more
  const state = () => [tlsf.count, tlsf.free, tlsf.runs, tlsf.largestFree, tlsf.isUsed(c!)];
  const before = state();
  assertEquals(before, [1, 56, 2, 40, true]);
  for (const node of [a!, b!, tlsf.next(c!), -1, tlsf.owners.length - 1, tlsf.owners.length, 1e6]) {
    assertThrows(() => tlsf.release(node), FrameAllocError, "FA999");
    assertEquals(tlsf.isUsed(node), false);
  }
  assertEquals(state(), before);
  tlsf.release(c!);
  assertThrows(() => tlsf.release(c!), FrameAllocError, "FA999");
});

Deno.test("Tlsf refuses at most 1 % of the runs that are asked for at 80 % occupancy", () => {
  const units = 2 ** 18; // of 256 B in 64 MB
  const random = mulberry32(14);
  const tlsf = new Tlsf(units);
  const live: number[] = [];
  const ops = 200_000;
  let failures = 0;
  let occupied = 0;
  for (let i = 0; i < ops; i++) {
    const size = Math.ceil(2048 ** random()); // log-uniform from 256 B to 512 KB
    while (units - tlsf.free + size > 0.8 * units) {
      const which = Math.floor(random() * live.length);
      tlsf.release(live[which]!);
      live[which] = live.at(-1)!;
      live.pop();
    }
    const node = tlsf.alloc(size);
    if (node < 0) failures++;
    else live.push(node);
    occupied += units - tlsf.free;
  }
  assert(failures <= ops / 100, `${failures} of ${ops} failed`);
  assert(occupied / ops > 0.78 * units, "the heap was as crowded as said");
  for (const node of live) tlsf.release(node);
  assertEquals([tlsf.count, tlsf.runs, tlsf.largestFree], [0, 1, units]);
});

/** Random numbers from 0 to 1, the same ones for the same seed. */
function mulberry32(seed: number): () => number {
  return () => {
    seed = seed + 0x6D2B79F5 | 0;
    let bits = Math.imul(seed ^ seed >>> 15, 1 | seed);
    bits = bits + Math.imul(bits ^ bits >>> 7, 61 | bits) ^ bits;
    return ((bits ^ bits >>> 14) >>> 0) / 2 ** 32;
  };
}
