/**
 * Errors that come on top of each other while things end: the last one is thrown, and holds those before it.
 */

/** What has gone wrong so far; `undefined` while nothing has. */
export type Failure = { readonly error: unknown } | undefined;

/** What older runtimes have in place of the built-in class: the same name and the same two properties. */
class OlderSuppressedError extends Error {
  override readonly name = "SuppressedError";
  readonly error: unknown;
  readonly suppressed: unknown;

  constructor(error: unknown, suppressed: unknown, message: string) {
    super(message);
    this.error = error;
    this.suppressed = suppressed;
  }
}

/** Adds an error to those before it. */
export function suppress(before: Failure, error: unknown): Failure {
  if (before === undefined) return { error };
  const Class: typeof OlderSuppressedError = typeof SuppressedError === "function"
    ? SuppressedError as unknown as typeof OlderSuppressedError
    : OlderSuppressedError;
  return { error: new Class(error, before.error, "Something failed to end, after something else had") };
}
