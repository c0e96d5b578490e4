/**
 * The error classes. Each says what was attempted, what is so and what to do, and carries a stable code of the registry.
 */

import type { ErrorCode } from "./codes.ts";

/**
 * What every error of this library is an instance of.
 *
 * @example Tell errors apart by code
 * ```ts
 * import { FrameAllocError, SmartAlloc } from "@framealloc/core";
 * import { assertEquals } from "@std/assert";
 *
 * const alloc = new SmartAlloc();
 * try {
 *   alloc.frameSlice(Float32Array, 4);
 * } catch (error) {
 *   assertEquals(error instanceof FrameAllocError && error.code, "FA001");
 * }
 * ```
 */
export class FrameAllocError extends Error {
  /** The stable code, such as `"FA002"`. */
  readonly code: ErrorCode;

  /**
   * Makes an error whose message starts with its code.
   *
   * @param code The stable code.
   * @param message What was attempted, what is so, and what to do.
   * @param options The cause, where there is one.
   */
  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(`${code}: ${message}`, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/**
 * A frame, scope, checkpoint, phase or tag was opened or closed in the wrong state
 * (`FA001`, `FA004`–`FA007`, `FA012`, `FA013`).
 *
 * @example Ending a frame twice
 * ```ts
 * import { FrameStateError, SmartAlloc } from "@framealloc/core";
 * import { assertThrows } from "@std/assert";
 *
 * const alloc = new SmartAlloc();
 * alloc.beginFrame();
 * alloc.endFrame();
 * assertThrows(() => alloc.endFrame(), FrameStateError, "FA005");
 * ```
 */
export class FrameStateError extends FrameAllocError {}

/**
 * A handle was used after the memory behind it ended (`FA002`).
 *
 * @example A record that outlives its frame
 * ```ts
 * import { f32, SmartAlloc, StaleHandleError, struct } from "@framealloc/core";
 * import { assertThrows } from "@std/assert";
 *
 * const Body = struct("Body", { mass: f32 });
 * const alloc = new SmartAlloc();
 * alloc.beginFrame();
 * const body = alloc.frameAlloc(Body);
 * alloc.endFrame();
 * assertThrows(() => body.mass, StaleHandleError, "FA002");
 * ```
 */
export class StaleHandleError extends FrameAllocError {}

/**
 * No memory is left within the configured limits, or the chunk source refused (`FA003`). Nothing was changed.
 *
 * @example A frame with a hard limit
 * ```ts
 * import { ArenaExhaustedError, kilobytes, SmartAlloc } from "@framealloc/core";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * const alloc = new SmartAlloc({ frameArenaSize: kilobytes(64), growth: "fail" });
 * alloc.beginFrame();
 * const error = assertThrows(() => alloc.frameSlice(Uint8Array, 100_000), ArenaExhaustedError);
 * assertEquals(error.requested, 100_000);
 * assertEquals(error.remaining, 65_536);
 * ```
 */
export class ArenaExhaustedError extends FrameAllocError {
  /** The bytes that were asked for. */
  readonly requested: number;
  /** The bytes that the limits left at that moment. */
  readonly remaining: number;

  /**
   * Makes an `FA003`.
   *
   * @param message What was attempted, what is so, and what to do.
   * @param requested The bytes that were asked for.
   * @param remaining The bytes that the limits left.
   * @param options The cause, where the chunk source gave one.
   */
  constructor(message: string, requested: number, remaining: number, options?: ErrorOptions) {
    super("FA003", message, options);
    this.requested = requested;
    this.remaining = remaining;
  }
}

/**
 * An allocation would exceed a hard limit: of all memory (`FA351`), or of a tag or a child budget (`FA352`). Nothing was changed.
 *
 * @example A limit for a tag
 * ```ts
 * import { BudgetError, kilobytes, SmartAlloc } from "@framealloc/core";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * const alloc = new SmartAlloc();
 * alloc.budgets.setTag("audio", { hard: kilobytes(4) });
 * using _frame = alloc.frame();
 * const error = assertThrows(
 *   () => alloc.withTag("audio", (alloc) => alloc.frameSlice(Float32Array, 2000)),
 *   BudgetError,
 * );
 * assertEquals([error.code, error.budget, error.requested, error.limit], ["FA352", "audio", 8000, 4096]);
 * ```
 */
export class BudgetError extends FrameAllocError {
  /** The bytes that were asked for, with padding. */
  readonly requested: number;
  /** Which budget refused: a path of tags, `"global"`, or the name of a child. */
  readonly budget: string;
  /** The limit, in bytes. */
  readonly limit: number;

  /**
   * Makes the error of an exceeded budget.
   *
   * @param code Which kind of budget.
   * @param message What was attempted, what is so, and what to do.
   * @param requested The bytes that were asked for.
   * @param budget The name of the budget.
   * @param limit The limit, in bytes.
   */
  constructor(code: "FA351" | "FA352", message: string, requested: number, budget: string, limit: number) {
    super(code, message);
    this.requested = requested;
    this.budget = budget;
    this.limit = limit;
  }
}

/**
 * Something that is freed by hand was used after that, freed twice or where it does not come from, is full, or is in another state
 * than was asked for (`FA401`–`FA407`).
 *
 * @example A record that is freed twice
 * ```ts
 * import { f32, PoolError, SmartAlloc, struct } from "@framealloc/core";
 * import { assertThrows } from "@std/assert";
 *
 * const Enemy = struct("Enemy", { health: f32 });
 * const alloc = new SmartAlloc();
 * const enemy = alloc.poolAlloc(Enemy);
 * alloc.poolFree(enemy);
 * assertThrows(() => enemy.health, PoolError, "FA401");
 * assertThrows(() => alloc.poolFree(enemy), PoolError, "FA403");
 * ```
 */
export class PoolError extends FrameAllocError {}

/**
 * An argument or an index is out of range or of the wrong kind (`FA008`, `FA009`).
 *
 * @example A count that is no count
 * ```ts
 * import { ArgumentError, SmartAlloc } from "@framealloc/core";
 * import { assertThrows } from "@std/assert";
 *
 * const alloc = new SmartAlloc();
 * alloc.beginFrame();
 * assertThrows(() => alloc.frameSlice(Float32Array, -1), ArgumentError, "FA008");
 * ```
 */
export class ArgumentError extends FrameAllocError {}

/**
 * A configuration option is unknown, contradictory or absurd, or the chunk source cannot honour it (`FA010`, `FA011`).
 *
 * @example A safety mode that shared memory cannot give
 * ```ts
 * import { ConfigError, SmartAlloc } from "@framealloc/core";
 * import { assertThrows } from "@std/assert";
 *
 * assertThrows(() => new SmartAlloc({ source: "shared", safety: "revoke" }), ConfigError, "FA011");
 * ```
 */
export class ConfigError extends FrameAllocError {}

/**
 * A layout definition is invalid, cannot be represented under its rules, or was assigned a value that does not fit
 * (`FA020`–`FA022`).
 *
 * @example A struct without fields
 * ```ts
 * import { LayoutError, struct } from "@framealloc/core";
 * import { assertThrows } from "@std/assert";
 *
 * assertThrows(() => struct("Nothing", {}), LayoutError, "FA020");
 * ```
 */
export class LayoutError extends FrameAllocError {}

/**
 * A frame and an `await` do not go together: memory was requested or used in a later turn (`FA701`, `FA702`), or the frame was held
 * open across the end of one (`FA704`).
 *
 * @example A function that does not end in time
 * ```ts
 * import { AsyncSafetyError, SmartAlloc } from "@framealloc/core";
 * import { assertThrows } from "@std/assert";
 *
 * const alloc = new SmartAlloc();
 * const load = async (): Promise<void> => {};
 * assertThrows(() => alloc.runFrame(load as () => unknown), AsyncSafetyError, "FA704");
 * ```
 */
export class AsyncSafetyError extends FrameAllocError {}

/**
 * A task or a pool guard was used after its end (`FA711`, `FA713`).
 *
 * @example A slice that outlives its task
 * ```ts
 * import { SmartAlloc, TaskAlloc, TaskError } from "@framealloc/core";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * const task = new TaskAlloc(new SmartAlloc(), { name: "parse" });
 * const words = task.allocSlice(Uint32Array, 64);
 * task.release();
 * assertEquals(words.length, 0);
 * assertThrows(() => task.allocSlice(Uint32Array, 64), TaskError, "FA711");
 * ```
 */
export class TaskError extends FrameAllocError {}

/** The error of work after disposal. */
export function disposed(action: string, what = "allocator"): FrameStateError {
  return new FrameStateError("FA012", `Cannot ${action} as the ${what} was disposed: make another one`);
}

/**
 * Text of a value for an error message: short, and safe for any value.
 *
 * @param value Anything.
 * @returns A short text that shows it.
 */
export function show(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "function") return nameOf(value) || "a function";
  if (value !== null && typeof value === "object") {
    const name = nameOf(value, "constructor");
    return name === "" ? "an object" : `${/^[AEIOU]/.test(name) ? "an" : "a"} ${name}`;
  }
  return String(value);
}

/** The name of a function, or of one that an object has; empty where there is none, or looking at it throws. */
function nameOf(value: object, key?: "constructor"): string {
  try {
    const named = (key === undefined ? value : value[key]) as { readonly name?: unknown } | undefined;
    return typeof named?.name === "string" ? named.name : "";
  } catch {
    return "";
  }
}
