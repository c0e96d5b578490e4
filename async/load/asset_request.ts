/**
 * What a program asks a loader for, and what is wrong with it if something is: that is said before anything is started.
 */

import { ArgumentError, show } from "../../src/errors.ts";
import { PRIORITIES, type StreamPriority } from "../../src/pool/asset.ts";
import { type AssetFrom, isOrigin, isPath } from "./asset_source.ts";
import type { TaskAlloc } from "../task_alloc.ts";

/** What a decode step is given beside the bytes. */
export interface DecodeContext {
  /** The name of the asset. */
  readonly name: string;
  /** Memory that ends with the decode step: what is to outlive it has to be promoted. */
  readonly task: TaskAlloc;
  /** Aborted when the asset is no longer wanted. */
  readonly signal: AbortSignal;
}

/**
 * An asset to be loaded.
 *
 * @typeParam T What its decode step makes of it.
 *
 * @example Heights of a terrain, as floats
 * ```ts
 * import { AssetLoader, type AssetRequest, SmartAlloc } from "@framealloc/core";
 * import { assertEquals } from "@std/assert";
 *
 * const terrain: AssetRequest<number> = {
 *   name: "terrain",
 *   from: new Blob([new Float32Array([1, 4, 2])]),
 *   priority: "high",
 *   decode: (bytes, { task }) => {
 *     const heights = task.allocSlice(Float32Array, bytes.length / 4);
 *     heights.set(new Float32Array(bytes.buffer, 0, heights.length));
 *     return Math.max(...heights);
 *   },
 * };
 * const loader = new AssetLoader(new SmartAlloc());
 * for await (const asset of loader.load([terrain])) assertEquals(asset.ok && asset.value, 4);
 * ```
 */
export interface AssetRequest<T = unknown> {
  /** What it is loaded from. */
  readonly from: AssetFrom;
  /** Its name in results, messages and reports. @default {what it is loaded from} */
  readonly name?: string | undefined;
  /** Its size in bytes, where it is known: what has to wait for memory then waits before it is opened. */
  readonly size?: number | undefined;
  /** What is loaded first, and what may evict what: see {@linkcode StreamPriority}. @default {"normal"} */
  readonly priority?: StreamPriority | undefined;
  /** The tag that its memory is booked to, or a path of tags. By default the innermost tag when it was asked for. */
  readonly tag?: string | undefined;
  /**
   * Makes something of the bytes. They are freed when it has ended, and so is the memory of its task. It counts as one of those that are
   * loaded at once, so it must not wait for the same loader.
   */
  readonly decode?: ((bytes: Uint8Array<ArrayBuffer>, context: DecodeContext) => T | Promise<T>) | undefined;
  /** Whether the bytes stay after the decode step. @default {false} */
  readonly keepBytes?: boolean | undefined;
}

/**
 * What the decode step of a request makes; `undefined` where there is none.
 *
 * @typeParam A A request, or what an asset is loaded from.
 */
export type AssetValue<A> = A extends AssetFrom ? undefined
  : A extends { readonly decode?: infer D } ? D extends (...args: never[]) => infer R ? Awaited<R> : undefined
  : undefined;

/** A request that has been checked. */
export interface CheckedRequest {
  readonly index: number;
  readonly name: string;
  readonly from: AssetFrom;
  readonly size: number | undefined;
  readonly priority: StreamPriority;
  /** The path of its tag; `""` for none. */
  readonly tag: string;
  readonly decode: AssetRequest["decode"];
  readonly keepBytes: boolean;
}

/** The longest name that is made of an address. */
const LONGEST_NAME = 200;

/**
 * Checks all requests of a batch.
 *
 * @param assets What the program asks for.
 * @param tag The innermost tag; `""` if there is none.
 * @param canOpen Whether paths can be opened.
 * @returns The requests.
 * @throws {ArgumentError} `FA008` if one of them makes no sense.
 */
export function checkedRequests(assets: unknown, tag: string, canOpen: boolean): CheckedRequest[] {
  if (typeof assets === "string" || typeof (assets as Iterable<unknown> | null)?.[Symbol.iterator] !== "function") {
    throw new ArgumentError("FA008", `Cannot load ${show(assets)} as it is no list: give an array of assets`);
  }
  const requests = [...assets as Iterable<unknown>].map((asset, index) => checkedRequest(asset, index, tag));
  const streams = new Set<unknown>();
  for (const { name, from } of requests) {
    if (!canOpen && isPath(from)) {
      throw bad(name, `its path ${show(String(from))} cannot be opened`, "give the loader the option `open`");
    }
    if (from instanceof Request && from.bodyUsed) throw bad(name, "its request was sent already", "give a new one");
    if (!(from instanceof ReadableStream)) continue;
    if (from.locked || streams.has(from)) throw bad(name, "its stream is read by somebody else", "give one for each");
    streams.add(from);
  }
  return requests;
}

function checkedRequest(asset: unknown, index: number, around: string): CheckedRequest {
  const request = isOrigin(asset) || typeof asset === "function" ? { from: asset } : asset;
  const { from, name: given, size, priority = "normal", tag, decode, keepBytes = false } =
    (request ?? {}) as AssetRequest;
  const name = given === undefined ? nameOf(from, index) : given;
  if (typeof name !== "string") throw bad(`asset ${index}`, `${show(name)} is no name`, "give a text");
  if (!(isOrigin(from) || typeof from === "function")) {
    throw bad(
      name,
      `${show(from ?? asset)} is nothing to load from`,
      "give an address, a path, a request, a blob, a stream or a function",
    );
  }
  if (size !== undefined && !(Number.isSafeInteger(size) && size >= 0)) {
    throw bad(name, `${show(size)} is no size`, "give a whole number of zero or more");
  }
  if (from instanceof Blob && size !== undefined && size !== from.size) {
    throw bad(name, `its blob has ${from.size} bytes and not ${size}`, "leave the size out");
  }
  if (!PRIORITIES.includes(priority)) {
    throw bad(name, `${show(priority)} is no priority`, `use ${PRIORITIES.join(", ")}`);
  }
  if (tag !== undefined && (typeof tag !== "string" || tag.split("::").includes(""))) {
    throw bad(name, `${show(tag)} is no tag`, 'give a name, or names joined with "::"');
  }
  if (decode !== undefined && typeof decode !== "function") {
    throw bad(name, `${show(decode)} is no decode step`, "give a function");
  }
  if (typeof keepBytes !== "boolean") throw bad(name, `\`keepBytes\` is ${show(keepBytes)}`, "give true or false");
  return { index, name, from, size, priority, tag: tag ?? around, decode, keepBytes };
}

function nameOf(from: AssetFrom, index: number): string {
  const text = typeof from === "string" || from instanceof URL
    ? String(from)
    : from instanceof Request
    ? from.url
    : typeof File === "function" && from instanceof File
    ? from.name
    : `asset ${index}`;
  return text.length > LONGEST_NAME ? `${text.slice(0, LONGEST_NAME)}…` : text;
}

function bad(name: string, what: string, advice: string): ArgumentError {
  return new ArgumentError("FA008", `Cannot load asset "${name}" as ${what}: ${advice}`);
}
