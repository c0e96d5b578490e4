/**
 * What waits for a device, so that a loss ends the wait: lost devices answer too late, wrongly, or not at all.
 */

/** The waits for a device. */
export class Waits {
  readonly #waits = new Set<PromiseWithResolvers<void>>();

  /** Waits for an answer, or for {@linkcode Waits.endAll}. */
  async until(answer: Promise<unknown>): Promise<void> {
    const wait = Promise.withResolvers<void>();
    this.#waits.add(wait);
    answer.then(() => wait.resolve(), wait.reject);
    try {
      await wait.promise;
    } finally {
      this.#waits.delete(wait);
    }
  }

  /** Rejects every wait. */
  endAll(error: Error): void {
    for (const wait of this.#waits) wait.reject(error);
  }
}
