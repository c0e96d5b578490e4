/**
 * Where handles were made: stacks sampled in debug mode, so that a stale handle can say where it came from.
 */

import type { Position } from "../memory/life.ts";

/** Remembers the stacks of some allocations. */
export class Sites {
  readonly #every: number;
  readonly #stacks: WeakMap<Position, Error> = new WeakMap();
  #count = 0;

  /** Samples the first allocation and every `every`-th after it. */
  constructor(every: number) {
    this.#every = every;
  }

  /** Takes note of an allocation, if it is its turn. */
  note(position: Position): void {
    if (this.#count++ % this.#every === 0) this.#stacks.set(position, new Error());
  }

  /** Where a handle was made, as lines of a stack; `undefined` if it was not sampled. */
  where(position: Position): string | undefined {
    return callers(this.#stacks.get(position));
  }
}

/** Where a handle was made, to follow a message; `""` if that is not known. */
export function madeAt(sites: Sites | null, position: Position): string {
  const site = sites?.where(position);
  return site === undefined ? "" : `\n  allocated at\n    ${site}`;
}

/** The lines of a stack that are the program's own. */
export function callers(error: Error | undefined): string | undefined {
  const lines = error?.stack?.split("\n").slice(1).map((line) => line.trim());
  if (lines === undefined) return undefined;
  const own = lines.filter((line) => !LIBRARY.some((folder) => line.includes(folder)));
  return (own.length > 0 ? own : lines).slice(0, 4).join("\n    ");
}

/** The folders that the library's own files are in. */
const LIBRARY: readonly string[] = ["../", "../../async/"].map((folder) => new URL(folder, import.meta.url).href);
