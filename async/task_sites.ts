/**
 * Where tasks are made: looking at the stack costs as much as a small task itself, so it is done for the first task of a name, and for
 * some of those after it.
 */

import { callers } from "../src/observe/sites.ts";

/** Names beyond this many are not told apart: they are most likely made up for each task. */
const MOST_NAMES = 256;

/** See the file comment. */
export class TaskSites {
  readonly #every: number;
  readonly #stacks: Map<string, Error> = new Map();
  #count = 0;

  /** Looks at the stack of the first task of a name, and of every `every`-th task. */
  constructor(every: number) {
    this.#every = every;
  }

  /** Takes note of a task that is made now; returns where, if it has looked. */
  note(name: string): Error | undefined {
    const isNew = !this.#stacks.has(name);
    if (this.#count++ % this.#every !== 0 && !(isNew && this.#stacks.size < MOST_NAMES)) return undefined;
    const here = new Error();
    if (!isNew || this.#stacks.size < MOST_NAMES) this.#stacks.set(name, here);
    return here;
  }

  /** Where a task was made, or the last one of its name that was looked at, as lines of a stack. */
  where(name: string, own: Error | undefined): string | undefined {
    return callers(own ?? this.#stacks.get(name));
  }
}
