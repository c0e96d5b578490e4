/**
 * Why one attempt to load an asset has failed, and whether another one may help. What comes out in the end is an {@linkcode AssetError}.
 */

import { AssetError } from "./asset_error.ts";

/** What else is known of a failure. */
export interface LoadFailureOptions extends ErrorOptions {
  /** What to do about it. @default {"see the cause"} */
  readonly advice?: string;
  readonly code?: "FA721" | "FA722";
  /** Whether another attempt would fail in the same way. @default {false} */
  readonly isFinal?: boolean;
  /** For how many milliseconds the source asks to be left alone. @default {0} */
  readonly delay?: number;
}

/** See the file comment. The message is what is so, in words that go on after `Cannot load asset "x" as`. */
export class LoadFailure extends Error {
  readonly advice: string;
  readonly code: "FA721" | "FA722";
  readonly isFinal: boolean;
  readonly delay: number;

  constructor(what: string, options: LoadFailureOptions = {}) {
    super(what, options);
    this.advice = options.advice ?? "see the cause";
    this.code = options.code ?? "FA721";
    this.isFinal = options.isFinal === true;
    this.delay = options.delay ?? 0;
  }

  /** The error for the program. */
  of(asset: string, attempts: number): AssetError {
    const often = attempts > 1 ? `, at the last of ${attempts} attempts` : "";
    return new AssetError(
      this.code,
      `Cannot load asset "${asset}" as ${this.message}${often}: ${this.advice}`,
      asset,
      attempts,
      "cause" in this ? { cause: this.cause } : undefined,
    );
  }
}

/** A failure whose reason is what somebody else has thrown. */
export function failed(what: string, cause: unknown, options: Omit<LoadFailureOptions, "cause"> = {}): LoadFailure {
  if (cause instanceof LoadFailure) return cause;
  return new LoadFailure(`${what}${said(cause)}`, { ...options, cause });
}

/** The failure of an asset that is no longer wanted. */
export function cancelled(reason: unknown): LoadFailure {
  return failed("it was cancelled", reason, { advice: "load it again if it is needed after all", isFinal: true });
}

/** What an error says, in brackets. */
function said(error: unknown): string {
  const text = error instanceof Error ? error.message : typeof error === "string" ? error : "";
  return text === "" ? "" : ` ("${text}")`;
}
