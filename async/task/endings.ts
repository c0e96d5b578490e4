/**
 * What has to end with a task: in the reverse order of its beginning, each once, whoever ends it and whatever the others throw.
 */

import { type Failure, suppress } from "./suppressed.ts";

/** Something that ends. Each may return a promise of its end. */
export interface Ending {
  /** Ends it at once; what takes longer is only begun. */
  readonly now: () => unknown;
  /** Ends it with all the time that this takes. */
  readonly later: () => unknown;
  /** Ends at once what is ending already, where that can be done. */
  readonly hurry?: () => unknown;
  /** Its place. Not for those who end. */
  at?: number;
}

/** See the file comment. */
export class Endings {
  #stack: (Ending | undefined)[] = [];
  /** How many of the stack have ended by themselves. */
  #holes = 0;
  /** What is ending now. */
  #current: Ending | undefined;
  /** What was begun by {@linkcode Endings.now} and has not ended yet. None of these rejects. */
  readonly #begun: Set<Promise<void>> = new Set();
  /** What has gone wrong and was not thrown yet. */
  failure: Failure;

  /** Adds one. */
  add(ending: Ending): void {
    ending.at = this.#stack.length;
    this.#stack.push(ending);
  }

  /** Lets go of one that has ended by itself. */
  delete(ending: Ending): void {
    const { at = -1 } = ending;
    if (this.#stack[at] !== ending) return;
    this.#stack[at] = undefined;
    this.#holes++;
    if (this.#holes * 2 > this.#stack.length) this.#close();
  }

  /** Ends them all at once. */
  now(): void {
    const hurry = this.#current?.hurry;
    if (hurry !== undefined) this.#end(hurry);
    for (let ending = this.#pop(); ending !== undefined; ending = this.#pop()) this.#end(ending.now);
  }

  /** Ends one after the other. */
  async later(): Promise<void> {
    for (let ending = this.#pop(); ending !== undefined; ending = this.#pop()) {
      try {
        await ending.later();
      } catch (error) {
        this.failure = suppress(this.failure, error);
      }
    }
  }

  /** Waits for what was only begun. */
  async settle(): Promise<void> {
    await Promise.all(this.#begun);
  }

  /** Throws what has gone wrong, once. */
  rethrow(): void {
    const { failure } = this;
    if (failure === undefined) return;
    this.failure = undefined;
    throw failure.error;
  }

  /** Leaves to others what has gone wrong, now or when what was begun has ended. */
  leaveTo(others: Endings): void {
    if (this.#begun.size > 0) others.#follow(this.settle().then(() => this.rethrow()));
    this.rethrow();
  }

  #end(end: () => unknown): void {
    try {
      const result = end();
      if (isThenable(result)) this.#follow(result);
    } catch (error) {
      this.failure = suppress(this.failure, error);
    }
  }

  #pop(): Ending | undefined {
    do this.#current = this.#stack.pop(); while (this.#current === undefined && this.#stack.length > 0);
    return this.#current;
  }

  /** Closes the holes, so that a task that starts others again and again does not grow. */
  #close(): void {
    this.#stack = this.#stack.filter((ending) => ending !== undefined);
    this.#holes = 0;
    for (let i = 0; i < this.#stack.length; i++) this.#stack[i]!.at = i;
  }

  #follow(promise: PromiseLike<unknown>): void {
    const begun = Promise.resolve(promise).then(
      () => {},
      (error) => {
        this.failure = suppress(this.failure, error);
      },
    ).finally(() => this.#begun.delete(begun));
    this.#begun.add(begun);
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (typeof value === "object" || typeof value === "function") && value !== null &&
    typeof (value as { then?: unknown }).then === "function";
}
