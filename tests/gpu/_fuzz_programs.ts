/**
 * Programs of calls, right ones and wrong ones, whose callbacks make further calls or throw: in the middle of an allocation, an eviction, a
 * move, a loss or a recovery.
 */

import type { BudgetLimits, SmartAlloc } from "@framealloc/core";
import { type GpuAllocatorOptions, NullBackend } from "@framealloc/core/gpu";
import * as fc from "fast-check";
import { BAD, OwnError } from "./_bad_values.ts";
import type { Kind } from "./_fuzz_kinds.ts";
import { end, makeAndCompare, type Tally } from "./_fuzz_run.ts";
import type { Call } from "./_fuzz_table.ts";
import { lose } from "./_backends.ts";
import { type MakeDevice, type State, STATES, World } from "./_fuzz_world.ts";

/** One step: which call, and a number for each argument. */
export interface Step {
  readonly call: number;
  readonly args: readonly number[];
}

/** A program, and what its callbacks do. */
export interface Program {
  readonly state: State;
  readonly steps: readonly Step[];
  readonly inside: readonly Step[];
  /** One in so many callbacks throws; 0 for none. */
  readonly throws: number;
}

const anyStep: fc.Arbitrary<Step> = fc.record({
  call: fc.nat(),
  args: fc.array(fc.nat(), { minLength: 6, maxLength: 6 }),
});

export const anyProgram: fc.Arbitrary<Program> = fc.record({
  state: fc.oneof(
    fc.constantFrom<State[]>("before the first frame", "in a frame", "after a recovery"),
    fc.constantFrom(...Object.keys(STATES) as State[]),
  ),
  steps: fc.array(anyStep, { minLength: 10, maxLength: 40 }),
  inside: fc.array(anyStep, { minLength: 1, maxLength: 8 }),
  throws: fc.constantFrom(0, 0, 3),
});

/** How many calls each callback makes. */
const CALLS_INSIDE = 2;

/** How often a call is made that brings callbacks about, which few others do. */
const EVENTS = 2;

const WRONG = Object.values(BAD);

/** Runs a program. */
export async function run(program: Program, calls: readonly Call[], device: MakeDevice, tally: Tally): Promise<void> {
  const { state, steps, inside, throws } = program;
  const now: { world?: World } = {};
  let told = 0;
  let depth = 0;
  const callback = (name: string): void => {
    const { world } = now;
    if (world === undefined || depth > 0) return;
    depth++;
    try {
      for (let i = 0; i < CALLS_INSIDE; i++) {
        take(world, inside[told++ % inside.length]!, calls, `in ${name}`, tally);
      }
      if (throws > 0 && told % throws === 0) throw new OwnError(name);
    } finally {
      depth--;
    }
  };
  const world = now.world = await World.in(state, device, optionsWith(callback));
  for (const step of steps) {
    if (step.call % EVENTS === 0) event(world, step, callback, tally);
    else take(world, step, calls, state, tally);
    if (step.args[0]! % 3 === 0) await undefined;
  }
  await end(world, `a program ${state}`, tally);
}

/** One call, with arguments of which about a third is wrong. */
function take(world: World, { call, args }: Step, calls: readonly Call[], where: string, tally: Tally): void {
  const one = calls[call % calls.length]!;
  const given = one.kinds.map((kind, i) => valueOf(kind, args[i]!, world));
  makeAndCompare(world, one, given, `${where}: ${one.name}`, tally);
}

function valueOf(kind: Kind, number: number, world: World): unknown {
  const wrong = Object.values(kind.wrong ?? {});
  switch (number % 6) {
    case 0:
      return WRONG[number % WRONG.length]!();
    case 1:
      return wrong.length === 0 ? kind.right(world) : wrong[number % wrong.length]!(world);
    case 2: {
      const fields = Object.keys(kind.fields ?? {});
      if (fields.length === 0) return kind.right(world);
      const key = fields[number % fields.length]!;
      return { ...kind.right(world) as object, [key]: valueOf(kind.fields![key]!, number >>> 4, world) };
    }
    default:
      return kind.right(world);
  }
}

/** Budgets that are crossed soon and often, and everybody who can be told. */
function optionsWith(callback: (name: string) => void): GpuAllocatorOptions {
  const limits = (hard: number): BudgetLimits<SmartAlloc> => ({ soft: 1, hard, onCross: () => callback("onCross") });
  return {
    budget: limits(2 ** 21),
    budgets: { uniform: limits(2 ** 18), vertex: limits(2 ** 18), storage: limits(2 ** 20), ring: limits(2 ** 18) },
    onLost: () => callback("onLost"),
    onRestored: () => callback("onRestored"),
    onOutOfMemory: () => callback("onOutOfMemory"),
  };
}

/** What callbacks come of: streaming allocations that evict each other, moves, losses, and a device without memory. */
function event(world: World, { args }: Step, callback: (name: string) => void, tally: Tally): void {
  const { gpu, backend } = world;
  const [size, importance, kind] = args as [number, number, number];
  const bytes = 1024 * (1 + size % 128);
  const told = {
    onMove: () => callback("onMove"),
    onEvict: () => callback("onEvict"),
    importance: importance % 4,
    restore: () => {
      callback("restore");
      return new Uint8Array(4);
    },
  };
  const call = (name: string, run: () => unknown): void => {
    makeAndCompare(world, { name, kinds: [], run }, [], name, tally);
  };
  switch (kind % 9) {
    case 0:
    case 1:
      return call("alloc streaming", () => gpu.tryAlloc(bytes, { lifetime: "Streaming", ...told }));
    case 2:
      return call("alloc", () => gpu.tryAlloc(bytes, { use: size % 2 === 0 ? "vertex" : "uniform", ...told }));
    case 3:
      return call("alloc visible", () => gpu.tryAlloc(bytes, { intent: "HostVisible", onMove: told.onMove }));
    case 4:
      return call("defragment", () => gpu.defragment());
    case 5:
      if (backend instanceof NullBackend) backend.oomAt = backend.oomAt === Infinity ? backend.liveBytes : Infinity;
      return;
    case 6:
      return call("recover", () => gpu.recover());
    case 7: {
      // What is on its way loses its memory.
      const data = new Uint8Array(64);
      call("stream", () => gpu.stream(world.live, data));
      call("read", () => gpu.read(world.live, { into: data }));
      data.buffer.transfer();
      return;
    }
    default:
      if (size % 4 === 0) call("lose", () => lose(backend));
      else call("free", () => gpu.trim());
  }
}
