/**
 * Waiting for what may not listen to an abort signal itself: nobody is kept waiting by it, and nothing that it gives is lost.
 */

import { after } from "../after.ts";

/**
 * Waits for something, but no longer than until a signal is aborted.
 *
 * @param make Begins it.
 * @param signal Ends the wait; the promise rejects with its reason then.
 * @param tooLate Gets what comes after that. It must not throw.
 * @returns What it gives.
 */
export function abortable<T>(
  make: () => T | PromiseLike<T>,
  signal: AbortSignal,
  tooLate: (value: T) => void,
): Promise<T> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const abort = (): void => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    new Promise<T>((begin) => begin(make())).then(
      (value) => {
        signal.removeEventListener("abort", abort);
        if (signal.aborted) tooLate(value);
        else resolve(value);
      },
      (error) => {
        signal.removeEventListener("abort", abort);
        reject(error);
      },
    );
  });
}

/**
 * Waits for some time, but no longer than until a signal is aborted.
 *
 * @param ms How many milliseconds.
 * @param signal Ends the wait; the promise rejects with its reason then.
 */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      cancel();
      reject(signal.reason);
    };
    const cancel = after(ms, () => {
      signal.removeEventListener("abort", abort);
      resolve();
    });
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
  });
}
