/**
 * Timers for any time: those of the platform fire at once when they are set for more than 24 days.
 */

/** The longest time that a timer can be set for, in milliseconds. */
const LONGEST = 2 ** 31 - 1;

/**
 * Calls a function later. It keeps the program alive until then.
 *
 * @param ms How many milliseconds; `Infinity` for never.
 * @param fn The function.
 * @returns What prevents it.
 */
export function after(ms: number, fn: () => void): () => void {
  let left = ms;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const wait = (): void => {
    const now = Math.min(left, LONGEST);
    left -= now;
    timer = setTimeout(left === 0 ? fn : wait, now);
  };
  if (ms !== Infinity) wait();
  return () => clearTimeout(timer);
}
