/**
 * Small programs that are run against the guard of frames and `await`, each with an allocator made for it, and what is noticed of them.
 */

import {
  type AllocConfig,
  type AsyncGuardMode,
  AsyncSafetyError,
  type F32,
  f32,
  FrameAllocError,
  kilobytes,
  SmartAlloc,
  StaleHandleError,
  struct,
  type StructLayout,
  type U32,
  u32,
  type Vec3f,
  vec3f,
} from "@framealloc/core";
import { delay } from "@std/async";

/** The record of the programs. */
export const Body: StructLayout<{ mass: F32; at: Vec3f; id: U32 }> = struct("Body", {
  mass: f32,
  at: vec3f,
  id: u32,
});

/** A program as somebody would write it. */
export interface Program {
  readonly name: string;
  readonly config?: AllocConfig;
  /** Does its work; what it leaves running is over a few turns later. */
  readonly run: (alloc: SmartAlloc) => unknown;
}

/** What was noticed of a program. */
export interface Outcome {
  /** The codes of reports and of errors about handles and `await`, each once, in the order in which they came. */
  readonly codes: readonly string[];
  /** Other errors of the library, such as that of a frame that was ended twice. */
  readonly others: readonly string[];
  /** What else went wrong, such as the use of an array that was detached. */
  readonly foreign: readonly string[];
}

/** Runs a program until everything has settled. What it leaves uncaught is noted as well. */
export async function outcomeOf(program: Program, config: AllocConfig, mode: AsyncGuardMode): Promise<Outcome> {
  const alloc = new SmartAlloc({ frameArenaSize: kilobytes(64), ...program.config, ...config });
  const errors: unknown[] = [];
  const codes = new Set<string>();
  const onError = (event: ErrorEvent): void => {
    event.preventDefault();
    errors.push(event.error);
  };
  const onRejection = (event: PromiseRejectionEvent): void => {
    event.preventDefault();
    errors.push(event.reason);
  };
  alloc.asyncGuard.mode = mode;
  alloc.asyncGuard.onReport = ({ code }) => void codes.add(code);
  addEventListener("error", onError);
  addEventListener("unhandledrejection", onRejection);
  try {
    await turn();
    try {
      await program.run(alloc);
    } catch (error) {
      errors.push(error);
    }
    for (let i = 0; i < 2; i++) await turn();
    try {
      if (alloc.inFrame) alloc.endFrame();
    } catch (error) {
      errors.push(error);
    }
  } finally {
    removeEventListener("error", onError);
    removeEventListener("unhandledrejection", onRejection);
    alloc.dispose();
  }
  const all = errors.flatMap(flat);
  for (const error of all) {
    if (error instanceof AsyncSafetyError || error instanceof StaleHandleError) codes.add(error.code);
  }
  return {
    codes: [...codes],
    others: all.flatMap((error) =>
      error instanceof FrameAllocError && !codes.has(error.code) ? [error.code as string] : []
    ),
    foreign: all.flatMap((error) => error instanceof FrameAllocError ? [] : [String(error)]),
  };
}

/** An error and those that it stands for. */
function flat(error: unknown): unknown[] {
  if (error instanceof AggregateError) return error.errors.flatMap(flat);
  if (error instanceof SuppressedError) return [...flat(error.error), ...flat(error.suppressed)];
  if (error instanceof Error && error.name === "RetryError") return flat(error.cause);
  return [error];
}

/** Waits for the next turn of the event loop. */
export function turn(): Promise<void> {
  return delay(0);
}

/** Loads something, as a program would: it takes a turn of the event loop. */
export async function load(name: string): Promise<Uint8Array<ArrayBuffer>> {
  await turn();
  return new TextEncoder().encode(name);
}

/** What is known already, but only to those who wait: it takes no turn of the event loop. */
export function known<T>(value: T): Promise<T> {
  return Promise.resolve(value);
}

/** A source of chunks, each in a turn of its own. */
export async function* chunks(count: number): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  for (let i = 0; i < count; i++) yield await load(`chunk ${i}`);
}

/** A stream of such chunks. */
export function stream(count: number): ReadableStream<Uint8Array<ArrayBuffer>> {
  return ReadableStream.from(chunks(count));
}
