/**
 * Calls methods with wrong arguments, and judges what comes of it: an error of this library with a code that is in the registry, or what
 * the program's own code has thrown, and nothing changed by a call that was refused.
 */

import { CODES, FrameAllocError } from "@framealloc/core";
import { BAD, isOwn, throwing } from "./_bad_values.ts";
import type { Kind } from "./_fuzz_kinds.ts";
import type { Call } from "./_fuzz_table.ts";
import { type MakeDevice, NO_SNAPSHOT, type Outcome, type State, World } from "./_fuzz_world.ts";

/** What many calls came to. */
export interface Tally {
  calls: number;
  refusals: number;
  readonly codes: Set<string>;
  /** The calls that were refused although all arguments were right. */
  readonly refusedRight: string[];
  /** What must not be, one line each. */
  readonly faults: string[];
  /** Told before each call; if the process ends in it, nobody else could say in which. */
  readonly onCall: ((label: string) => void) | undefined;
}

/** Arguments, and what they are. */
export interface Variant {
  readonly label: string;
  readonly args: (world: World) => unknown[];
  /** The wrong value, and the kind in whose place it is. */
  readonly kind?: Kind;
  readonly bad?: (world: World) => unknown;
}

/** So many faults are enough to look at. */
const MOST_FAULTS = 100;

/** How many turns a promise has to be rejected in, if its arguments are at fault. */
const TURNS = 24;

/** A world whose looks do not change is left after so many calls that were not refused: not all of it can be seen. */
const MOST_USES = 50;

/** These end a frame, whatever they throw. */
const END_ALL_THE_SAME: readonly string[] = ["GpuAllocator.endFrame", "UnifiedAllocator.endFrame"];

export function newTally(onCall?: (label: string) => void): Tally {
  return { calls: 0, refusals: 0, codes: new Set(), refusedRight: [], faults: [], onCall };
}

/** Has rejections that nobody hears of counted as faults, but for what callbacks of the program have thrown: nobody else could be told. */
export function watchRejections(tally: Tally): () => void {
  const listen = (event: PromiseRejectionEvent): void => {
    event.preventDefault();
    if (!isOwn(event.reason)) fault(tally, `nobody hears of ${textOf(event.reason)}`);
  };
  globalThis.addEventListener("unhandledrejection", listen);
  return () => globalThis.removeEventListener("unhandledrejection", listen);
}

/** Every way in which one argument of a call, or one property of one, is wrong. */
export function* variantsOf({ kinds }: Call): Generator<Variant> {
  const rights = (world: World): unknown[] => kinds.map((kind) => kind.right(world));
  yield { label: "", args: rights };
  for (let count = 0; count < kinds.length; count++) {
    yield { label: `${count} arguments`, args: (world) => rights(world).slice(0, count) };
  }
  for (const [i, kind] of kinds.entries()) {
    for (const [label, bad] of wrongs(kind)) {
      yield { label: `${i}: ${label}`, args: (world) => rights(world).with(i, bad(world)), kind, bad };
    }
  }
  if (kinds.length < 2) return;
  for (const [label, bad] of Object.entries(BAD)) {
    yield { label: `all: ${label}`, args: () => kinds.map(bad) };
  }
}

/** All that is wrong in the place of a kind. */
function* wrongs(kind: Kind): Generator<[string, (world: World) => unknown]> {
  yield* Object.entries(BAD);
  yield* Object.entries(kind.wrong ?? {});
  for (const [key, field] of Object.entries(kind.fields ?? {})) {
    yield [`${key} throws`, (world) => throwing(kind.right(world) as object, key)];
    for (const [label, bad] of wrongs(field)) yield [`${key}: ${label}`, (world) => withKey(kind, key, bad, world)];
  }
}

function withKey(kind: Kind, key: string, bad: (world: World) => unknown, world: World): unknown {
  const right = kind.right(world) as object;
  return Object.assign(Array.isArray(right) ? [...right] : { ...right }, { [key]: bad(world) });
}

/** Calls every method in every way, in one state. */
export async function sweep(
  state: State,
  calls: readonly Call[],
  make: MakeDevice,
  tally: Tally,
  takes: (variant: Variant, index: number) => boolean = () => true,
): Promise<void> {
  let world = await World.in(state, make);
  let index = 0;
  for (const call of calls) {
    for (const variant of variantsOf(call)) {
      if (!takes(variant, index++)) continue;
      const label = `${state}: ${call.name}(${variant.label})`;
      if (await isAsBefore(world, call, variant, label, tally)) continue;
      await end(world, label, tally);
      world = await World.in(state, make);
    }
  }
  await end(world, state, tally);
}

/** Ends a world, and reports what is left of it. */
export async function end(world: World, label: string, tally: Tally): Promise<void> {
  try {
    await world.end();
  } catch (error) {
    fault(tally, `${label}: at the end: ${textOf(error)}`);
  }
  for (const { error } of world.outcomes) judge(error!.thrown, `${label}: rejected later`, tally);
}

/** Makes one call; whether the world is as it was before. */
async function isAsBefore(world: World, call: Call, variant: Variant, label: string, tally: Tally): Promise<boolean> {
  const args = variant.args(world);
  const before = world.snapshot();
  const wasQuiet = world.waiting === 0;
  const outcome = make(world, call, args, label, tally);
  for (let turn = 0; turn < TURNS && !outcome.isSettled; turn++) await undefined;
  const after = world.snapshot();
  if (after.startsWith(NO_SNAPSHOT)) fault(tally, `${label}: ${after}`);
  if (outcome.error !== undefined) {
    if (variant.label === "") tally.refusedRight.push(call.name);
    if (after === before) return true;
    if (wasQuiet && !END_ALL_THE_SAME.includes(call.name)) {
      fault(tally, `${label}: changed ${difference(before, after)} by ${textOf(outcome.error.thrown)}`);
    }
    return false;
  }
  const { kind, bad } = variant;
  if (outcome.isSettled && kind?.refuses !== undefined && bad !== undefined && isRefused(kind, bad(world))) {
    fault(tally, `${label}: accepted`);
  }
  return after === before && world.waiting === 0 && ++world.uses < MOST_USES;
}

/** Makes one call, and judges what it throws. */
export function make(world: World, call: Call, args: readonly unknown[], label: string, tally: Tally): Outcome {
  tally.calls++;
  tally.onCall?.(label);
  try {
    const result = call.run(world, args);
    if (result instanceof Promise) return world.keep(result);
    return { isSettled: true, error: undefined };
  } catch (error) {
    tally.refusals++;
    judge(error, label, tally);
    return { isSettled: true, error: { thrown: error } };
  }
}

/** Makes one call, which is to change nothing at once if it is refused and no callback has made others. */
export function makeAndCompare(
  world: World,
  call: Call,
  args: readonly unknown[],
  label: string,
  tally: Tally,
): void {
  const before = world.snapshot();
  const { calls } = tally;
  const { error } = make(world, call, args, label, tally);
  const after = world.snapshot();
  if (after.startsWith(NO_SNAPSHOT)) fault(tally, `${label}: ${after}`);
  if (error === undefined || tally.calls > calls + 1 || after === before) return;
  if (END_ALL_THE_SAME.includes(call.name)) return;
  // What was empty may have been given back, to make room for what a device that was disposed of cannot make.
  if (error.thrown instanceof FrameAllocError && error.thrown.message.includes("the device was disposed")) return;
  fault(tally, `${label}: changed ${difference(before, after)} by ${textOf(error.thrown)}`);
}

/** Whether an error may come out of a call. */
export function judge(error: unknown, label: string, tally: Tally): void {
  if (isOwn(error)) return;
  if (error instanceof FrameAllocError && error.code !== "FA999" && Object.hasOwn(CODES, error.code)) {
    tally.codes.add(error.code);
    return;
  }
  fault(tally, `${label}: threw ${textOf(error)}`);
}

function isRefused(kind: Kind, bad: unknown): boolean {
  try {
    return kind.refuses!(bad);
  } catch {
    return false;
  }
}

export function fault(tally: Tally, text: string): void {
  if (tally.faults.length < MOST_FAULTS) tally.faults.push(text);
}

export function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const place = error.stack?.split("\n").find((line) => /\/(gpu|src)\//.test(line) && !/tests/.test(line)) ?? "";
  return `${error.name}: ${error.message.split("\n").slice(0, 12).join(" ").slice(0, 300)} ${
    place.trim().replace(/file:\S+\/main\//, "")
  }`;
}

/** Where two snapshots differ. */
function difference(before: string, after: string): string {
  let at = 0;
  while (before[at] === after[at]) at++;
  const from = Math.max(0, at - 40);
  return `${before.slice(from, at + 30)} to ${after.slice(from, at + 30)}`;
}
