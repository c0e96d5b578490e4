/**
 * Where tasks are made: looking at the stack costs as much as thirty small tasks, so it is done for the first task of a name, and for
 * some of those after it. It is kept as text, as an error holds everything that has called: then a task could never be left to the
 * garbage collector.
 */

import { callers } from "../../src/observe/sites.ts";

/** Names beyond this many are not told apart: they are most likely made up for each task. */
const MOST_NAMES = 256;

/** See the file comment. */
export class TaskSites {
  readonly #every: number;
  readonly #known: Map<string, string | undefined> = new Map();
  #count = 0;
  /** The name of the last task: most often that of the next one as well. */
  #last: string | undefined;

  /** Looks at the stack of the first task of a name, and of every `every`-th task. */
  constructor(every: number) {
    this.#every = every;
  }

  /** Takes note of a task that is made now; returns where, if it has looked. */
  note(name: string): string | undefined {
    const isTurn = this.#count++ % this.#every === 0;
    if (!isTurn && name === this.#last) return undefined;
    this.#last = name;
    const isKnown = this.#known.has(name);
    const isKept = isKnown || this.#known.size < MOST_NAMES;
    if (!isTurn && (isKnown || !isKept)) return undefined;
    const here = callers(new Error());
    if (isKept) this.#known.set(name, here);
    return here;
  }

  /** Where a task was made, or the last one of its name that was looked at, as lines of a stack. */
  where(name: string, own: string | undefined): string | undefined {
    return own ?? this.#known.get(name);
  }
}
