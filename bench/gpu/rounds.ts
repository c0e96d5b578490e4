/**
 * Times several ways of doing the same, in rounds: each of them once, then each of them once again, from another one on. Every round has
 * a ratio of its own, and what the machine does meanwhile falls on all of them.
 */

import { median } from "simple-statistics";

/** Milliseconds that something took: the thread, and in all until the device was idle. */
export interface Spent {
  readonly busy: number;
  readonly done: number;
}

/** Does the work once and says what it took. */
export type Turn = () => Spent | Promise<Spent>;

/** What the turns of all rounds took, by name. */
export class Rounds<N extends string> {
  readonly #times: Readonly<Record<N, readonly Spent[]>>;

  constructor(times: Readonly<Record<N, readonly Spent[]>>) {
    this.#times = times;
  }

  /** The median of what one took, in milliseconds. */
  time(name: N, what: keyof Spent = "busy"): number {
    return median(this.#times[name].map((spent) => spent[what]));
  }

  /** How many times as fast as another one a way is: the median of the ratios of all rounds. */
  ratio(name: N, over: N, what: keyof Spent = "busy"): number {
    return median(this.#times[over].map((spent, i) => spent[what] / this.#times[name][i]![what]));
  }
}

/**
 * Times turns against each other.
 *
 * @param turns What to time, by name.
 * @param rounds How many rounds count, and how many come before them.
 */
export async function inRounds<N extends string>(
  turns: Readonly<Record<N, Turn>>,
  { rounds, warmUp }: { readonly rounds: number; readonly warmUp: number },
): Promise<Rounds<N>> {
  const names = Object.keys(turns) as N[];
  const times = Object.fromEntries(names.map((name): [N, Spent[]] => [name, []])) as Record<N, Spent[]>;
  for (let round = -warmUp; round < rounds; round++) {
    for (let i = 0; i < names.length; i++) {
      const name = names[(i + round + warmUp) % names.length]!;
      const spent = await turns[name]();
      if (round >= 0) times[name].push(spent);
    }
    // Finalizers and whatever else waits for the end of a turn.
    await new Promise((resolve) => setTimeout(resolve));
  }
  return new Rounds(times);
}

/** A turn that does the same a number of times on the CPU alone. */
export function repeated(times: number, work: () => void): Turn {
  return () => {
    const start = performance.now();
    for (let i = 0; i < times; i++) work();
    const each = (performance.now() - start) / times;
    return { busy: each, done: each };
  };
}

/**
 * A turn that submits work to a device, a few times: the first one comes after a pause and is not counted. In Deno the call of
 * `onSubmittedWorkDone` returns when the device is idle, and its promise is settled 10 ms later at the earliest, which is not counted.
 *
 * @param queue The queue of the device.
 * @param work What is timed: all up to its submission.
 * @param before What is done before, without being timed.
 * @param times How many times count.
 */
export function submitted(queue: GPUQueue, work: () => void, before: () => void = () => {}, times: number = 2): Turn {
  return async () => {
    const waits: Promise<unknown>[] = [];
    let busy = 0;
    let done = 0;
    for (let i = 0; i <= times; i++) {
      before();
      const start = performance.now();
      work();
      const between = performance.now();
      waits.push(queue.onSubmittedWorkDone());
      if (i === 0) continue;
      busy += between - start;
      done += performance.now() - start;
    }
    await Promise.all(waits);
    return { busy: busy / times, done: done / times };
  };
}
