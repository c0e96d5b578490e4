/**
 * What the tests of tasks share: sources and signals that are watched, the books of an allocator, ways to end a task, and everything
 * that can be done with one.
 */

import {
  array,
  f32,
  f64,
  type Layout,
  type RegionAlloc,
  type SmartAlloc,
  struct,
  type StructLayout,
  type TaskAlloc,
  u32,
  vec3f,
} from "@framealloc/core";
import { arrayBufferSource, type Chunk, type ChunkSource } from "@framealloc/core/memory";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** A record with parts. */
export const Body: StructLayout<{ mass: typeof f32; at: typeof vec3f }> = struct("Body", { mass: f32, at: vec3f });

const Vast: Layout = struct("Vast", { data: array(f64, 1000) });

/** The chunk that a small task has. */
export const KB4 = 4096;

// Sources

/** A source of buffers that counts how often the views of each were detached. */
export class RevokedSource implements ChunkSource {
  readonly name = "counting revokes";
  readonly capabilities: ChunkSource["capabilities"] = arrayBufferSource.capabilities;
  /** By chunk, in the order in which they were given. */
  readonly revokes: number[] = [];

  obtain(bytes: number): Chunk {
    const chunk = arrayBufferSource.obtain(bytes);
    const i = this.revokes.push(0) - 1;
    return {
      get buffer() {
        return chunk.buffer;
      },
      revoke: () => {
        this.revokes[i]!++;
        chunk.revoke();
      },
      release: () => chunk.release(),
    };
  }
}

/** A source whose chunks hold something, and which says so. */
export const dirtySource: ChunkSource = {
  name: "dirty",
  capabilities: { ...arrayBufferSource.capabilities, zeroed: false },
  obtain(bytes) {
    const chunk = arrayBufferSource.obtain(bytes);
    new Uint8Array(chunk.buffer).fill(0xee);
    return chunk;
  },
};

// Signals

/** A signal that knows how many listeners it has. */
export interface Watched {
  readonly controller: AbortController;
  readonly signal: AbortSignal;
  listeners: number;
}

export function watchedSignal(): Watched {
  const controller = new AbortController();
  const { signal } = controller;
  const watched: Watched = { controller, signal, listeners: 0 };
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  const here = new Set<unknown>();
  signal.addEventListener = (...args: Parameters<typeof add>): void => {
    here.add(args[1]);
    watched.listeners = here.size;
    add(...args);
  };
  signal.removeEventListener = (...args: Parameters<typeof remove>): void => {
    here.delete(args[1]);
    watched.listeners = here.size;
    remove(...args);
  };
  return watched;
}

// Books

/** What tasks hold, everywhere where it is written down. */
export interface Books {
  readonly live: number;
  readonly reserved: number;
  readonly idle: number;
  readonly tags: { readonly [path: string]: number };
  readonly budgets: { readonly [name: string]: number };
}

export function booksOf(alloc: SmartAlloc): Books {
  const { tasks: { live, reserved, idle }, tags, budgets } = alloc.stats();
  return {
    live,
    reserved,
    idle,
    tags: Object.fromEntries(
      tags.filter(({ inUse }) => inUse.tasks !== 0).map(({ path, inUse }) => [path, inUse.tasks]),
    ),
    budgets: Object.fromEntries(budgets.map(({ name, used }) => [name, used])),
  };
}

/** What can be seen of a task from outside. */
export function looksOf({ name, isReleased, used, reserved, allocations }: TaskAlloc): unknown[] {
  return [name, isReleased, used, reserved, allocations];
}

// Errors

/** What went wrong, first to last, where each error holds those before it. */
export function chainOf(error: unknown): unknown[] {
  if (!(error instanceof Error) || error.name !== "SuppressedError") return [error];
  const { error: last, suppressed } = error as Error & { readonly error: unknown; readonly suppressed: unknown };
  return [...chainOf(suppressed), last];
}

/** What a function throws; `undefined` if nothing. */
export function thrownBy(fn: () => unknown): unknown {
  try {
    fn();
  } catch (error) {
    return error;
  }
  return undefined;
}

// Work

/** Everything that takes memory or things for a task, each so that a small task has to grow if it has no room. */
export const WAYS: { readonly [way: string]: (task: RegionAlloc) => unknown } = {
  alloc: (task) => task.alloc(Body),
  "alloc of a scalar": (task) => task.alloc(f32),
  allocBox: (task) => task.allocBox(Body, { mass: 1 }),
  "allocBox of a scalar": (task) => task.allocBox(u32, 7),
  allocSlice: (task) => task.allocSlice(Uint8Array, 1),
  "allocSlice of nothing": (task) => task.allocSlice(Uint8Array, 0),
  "allocVec of records": (task) => task.allocVec(Body),
  "allocVec of numbers": (task) => task.allocVec(Uint8Array),
  "allocVec of a scalar": (task) => task.allocVec(f64),
  allocMap: (task) => task.allocMap(u32, Body),
  allocString: (task) => task.allocString("text"),
  "allocString of nothing": (task) => task.allocString(),
  allocBatch: (task) => task.allocBatch(Body, 3),
  allocColumns: (task) => task.allocColumns(Body, 3),
};

/** The same where a chunk of the least size is not enough. */
export const LARGE_WAYS: { readonly [way: string]: (task: RegionAlloc) => unknown } = {
  alloc: (task) => task.alloc(Vast),
  allocBox: (task) => task.allocBox(Vast),
  allocSlice: (task) => task.allocSlice(Uint8Array, 5000),
  "allocVec of records": (task) => task.allocVec(Body, 500),
  "allocVec of numbers": (task) => task.allocVec(Float64Array, 1000),
  "allocVec of a scalar": (task) => task.allocVec(u32, 2000),
  allocMap: (task) => task.allocMap(u32, Body, 400),
  allocString: (task) => task.allocString("x".repeat(5000)),
  allocBatch: (task) => task.allocBatch(Body, 500),
  allocColumns: (task) => task.allocColumns(Body, 500),
};

// Ends

/** A task with all that can end it. */
export interface Ended {
  readonly alloc: SmartAlloc;
  readonly task: TaskAlloc;
  /** The task around it, if there is one. */
  readonly parent: TaskAlloc | undefined;
  readonly controller: AbortController;
}

/** Every way to end a task inside another one at once, and what it then says of itself. */
export const ENDS: { readonly [way: string]: { readonly end: (it: Ended) => void; readonly why: string } } = {
  "release()": { end: ({ task }) => task.release(), why: "has ended" },
  "using": { end: ({ task }) => task[Symbol.dispose](), why: "has ended" },
  "its signal": { end: ({ controller }) => controller.abort(new Error("too slow")), why: "was aborted" },
  "its parent": { end: ({ parent }) => parent!.release(), why: "ended with the task around it" },
  "its allocator": { end: ({ alloc }) => void alloc.dispose(), why: "ended with the task around it" },
};

/** Waits until everything has settled that needs no timer. */
export async function settled(): Promise<void> {
  for (let i = 0; i < 20; i++) await undefined;
}

// The garbage collector

setFlagsFromString("--expose-gc");
const gc: () => void = runInNewContext("gc");

/** Has the garbage collector run until something is so, or is not going to be. */
export async function collectUntil(isSo: () => boolean): Promise<boolean> {
  for (let i = 0; i < 10 && !isSo(); i++) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    gc();
  }
  return isSo();
}
