/**
 * Says how far a long run is, to a person who watches. Nobody watches a pipe, and a short run needs no news.
 */

import type { Host } from "./host.ts";

/** Fewer files than that are done before anybody wonders. */
const MANY = 300;

/** So many milliseconds pass between two lines. */
const PACE = 100;

/** Tells how many of a number of files are done. */
export class Progress {
  readonly #host: Host;
  readonly #total: number;
  readonly #shows: boolean;
  #last = 0;

  /**
   * Starts.
   *
   * @param host Where to write.
   * @param total The number of files.
   */
  constructor(host: Host, total: number) {
    this.#host = host;
    this.#total = total;
    this.#shows = host.stderrIsTerminal && total >= MANY;
  }

  /** Tells that so many are done. */
  done(count: number): void {
    if (!this.#shows) return;
    const now = performance.now();
    if (now - this.#last < PACE) return;
    this.#last = now;
    this.#host.err(`\r\x1b[K${count} of ${this.#total} files`);
  }

  /** Takes the line away. */
  end(): void {
    if (this.#shows && this.#last > 0) this.#host.err("\r\x1b[K");
  }
}
