/**
 * What an asset can be loaded from, and how each of these is opened: as a stream of bytes, with its size where that can be known.
 */

import { show } from "../../src/errors.ts";
import { abortable } from "./abortable.ts";
import { cancelled, failed, LoadFailure } from "./load_failure.ts";

/** A stream of bytes, and how many they are where that is known. */
export interface OpenedAsset {
  /** The bytes. A stream of the type `"bytes"` is read without intermediate copies. */
  readonly stream: ReadableStream<Uint8Array>;
  /** How many bytes it gives. */
  readonly size?: number | undefined;
}

/** What a function that opens an asset is told. */
export interface OpenContext {
  /** Aborted when the asset is no longer wanted. */
  readonly signal: AbortSignal;
}

/**
 * Opens a path: the access to files that a program gives to its loader.
 *
 * @example In Deno
 * ```ts
 * import type { OpenAsset } from "@framealloc/core";
 *
 * const open: OpenAsset = async (path) => {
 *   const file = await Deno.open(path);
 *   const { size } = await file.stat();
 *   return { stream: file.readable, size };
 * };
 * void open;
 * ```
 */
export type OpenAsset = (path: string | URL, context: OpenContext) => OpenedAsset | Promise<OpenedAsset>;

/** What fetches an address: `fetch`, or a function of the program. */
export type FetchAsset = (input: string | URL | Request, init: { readonly signal: AbortSignal }) => Promise<Response>;

/**
 * Where an asset comes from: an address, a path, a request, a blob or a stream. A text that is no address of `http:`, `https:`, `data:`
 * or `blob:` is a path, and so is an address of `file:`. A stream can be read once only, so that nothing of it is tried again.
 */
export type AssetOrigin = string | URL | Request | Blob | ReadableStream<Uint8Array>;

/** A function that says where an asset comes from, each time it is tried. */
export type AssetOpener = (
  context: OpenContext,
) => AssetOrigin | Response | OpenedAsset | Promise<AssetOrigin | Response | OpenedAsset>;

/** What an asset is loaded from: see {@linkcode AssetOrigin}; or a function that says so, for what is to be made anew for each attempt. */
export type AssetFrom = AssetOrigin | AssetOpener;

/** What opening a source needs. */
export interface SourceContext extends OpenContext {
  readonly fetch: FetchAsset;
  readonly open: OpenAsset | undefined;
}

/** A source that is open. */
export interface OpenSource {
  /** `null` where there is nothing to read. */
  readonly stream: ReadableStream<Uint8Array> | null;
  readonly size: number | undefined;
  /** How many bytes it may be, where the size is not known; 0 if there is no telling. */
  readonly guess: number;
}

/** How much larger than its compressed form an asset is taken to be. */
const USUAL_COMPRESSION = 4;

/** Whether something is opened by the function for paths. */
export function isPath(from: unknown): from is string | URL {
  if (from instanceof URL) return from.protocol === "file:";
  return typeof from === "string" && !/^(https?|data|blob):/i.test(from);
}

/** Whether something is a source, other than a function. */
export function isOrigin(from: unknown): from is AssetOrigin {
  return typeof from === "string" || from instanceof URL || from instanceof Request || from instanceof Blob ||
    from instanceof ReadableStream;
}

/**
 * Opens a source.
 *
 * @param from What to open.
 * @param context How.
 * @returns The open source; whoever gets it has to read or cancel its stream.
 * @throws {LoadFailure} If that fails; the reason of the signal if that is aborted first.
 */
export async function openSource(from: AssetFrom, context: SourceContext): Promise<OpenSource> {
  const { signal } = context;
  if (typeof from !== "function") {
    if (from instanceof Request && from.signal.aborted) throw cancelled(from.signal.reason);
    return await openOrigin(from, context);
  }
  const made = await attempt("its function failed", () => from({ signal }), signal, (late) => letGo(late, signal));
  if (isOrigin(made)) return await openOrigin(made, context);
  if (made instanceof Response) return opened(made, signal);
  return checked(made, "its function returned");
}

async function openOrigin(from: AssetOrigin, context: SourceContext): Promise<OpenSource> {
  const { signal, fetch, open } = context;
  if (from instanceof Blob) return { stream: from.stream(), size: from.size, guess: 0 };
  if (from instanceof ReadableStream) return { stream: from, size: undefined, guess: 0 };
  if (isPath(from)) {
    if (open === undefined) {
      throw new LoadFailure("it is a path", { advice: "give the loader the option `open`", isFinal: true });
    }
    const path = typeof from === "string" && /^file:/i.test(from) ? new URL(from) : from;
    const late = (asset: OpenedAsset): void => letGo(asset, signal);
    // What cannot be opened is most likely missing, and stays so.
    const made = await attempt("its path could not be opened", () => open(path, { signal }), signal, late, true);
    return checked(made, "`open` returned");
  }
  const late = (response: Response): void => letGo(response, signal);
  return opened(await attempt("it could not be fetched", () => get(from, fetch, signal), signal, late), signal);
}

/** Fetches something. A request can be sent once only, so that a copy is sent; it may have a signal of its own. */
async function get(from: string | URL | Request, fetch: FetchAsset, signal: AbortSignal): Promise<Response> {
  if (!(from instanceof Request)) return await fetch(from, { signal });
  return await fetch(from.clone(), { signal: AbortSignal.any([signal, from.signal]) });
}

async function attempt<T>(
  what: string,
  make: () => T | Promise<T>,
  signal: AbortSignal,
  late: (value: T) => void,
  isFinal: boolean = false,
): Promise<T> {
  try {
    return await abortable(make, signal, late);
  } catch (error) {
    signal.throwIfAborted();
    throw failed(what, error, { isFinal });
  }
}

/** What a response gives; the body of one that reports a failure is cancelled. */
function opened(response: Response, signal: AbortSignal): OpenSource {
  const { ok, status, statusText, body, headers, type } = response;
  if (!ok) {
    letGo(response, signal);
    const isFinal = status < 500 && ![408, 425, 429].includes(status);
    throw new LoadFailure(
      status === 0 ? "its response cannot be read" : `the server answered ${`${status} ${statusText}`.trim()}`,
      {
        advice: status === 0 ? "fetch it with CORS" : isFinal ? "check the address" : "try again later",
        isFinal,
        delay: secondsIn(headers.get("retry-after")) * 1000,
      },
    );
  }
  if (body === null) return { stream: null, size: 0, guess: 0 };
  const length = headers.get("content-length") ?? "";
  const bytes = /^\d+$/.test(length) ? Number(length) : undefined;
  const encoding = headers.get("content-encoding") ?? "identity";
  // What is announced is how much is sent, and not how much it is when it has been unpacked.
  if (encoding.toLowerCase() !== "identity") {
    return { stream: body, size: undefined, guess: (bytes ?? 0) * USUAL_COMPRESSION };
  }
  // Browsers do not tell how a response of another origin is packed. Most are not.
  if (type === "cors") return { stream: body, size: undefined, guess: bytes ?? 0 };
  return { stream: body, size: bytes, guess: 0 };
}

function checked(made: OpenedAsset, what: string): OpenSource {
  const { stream, size } = made ?? {};
  if (stream instanceof ReadableStream && (size === undefined || (Number.isSafeInteger(size) && size >= 0))) {
    return { stream, size, guess: 0 };
  }
  discard(stream, undefined);
  throw new LoadFailure(`${what} ${show(made)}`, {
    advice: "return a stream and its size, which may be left out",
    isFinal: true,
  });
}

/** Lets go of what nobody reads. */
function letGo(source: unknown, signal: AbortSignal): void {
  const stream = source instanceof Response ? source.body : (source as { readonly stream?: unknown } | null)?.stream;
  discard(stream instanceof ReadableStream ? stream : source, signal.reason);
}

/**
 * Cancels a stream that nobody has begun to read.
 *
 * @param stream The stream; anything else is left alone.
 * @param reason Why.
 */
export function discard(stream: unknown, reason: unknown): void {
  if (stream instanceof ReadableStream) stream.cancel(reason).catch(() => {});
}

/** How many seconds a header asks to wait. */
function secondsIn(retryAfter: string | null): number {
  return retryAfter !== null && /^\d+$/.test(retryAfter.trim()) ? Number(retryAfter) : 0;
}
