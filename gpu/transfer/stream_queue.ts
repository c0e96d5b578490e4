/**
 * Uploads that need not arrive this frame: they wait here, and each frame sends some of them, the important ones first, so that loading
 * a level does not stop the picture.
 */

import { FrameAllocError } from "../../src/errors.ts";
import { GpuError } from "../gpu_error.ts";
import type { Locator } from "./locator.ts";
import type { Uploader } from "./uploader.ts";

const MAX_PIECE = 4 * 1024 * 1024;

interface Job {
  readonly target: Locator;
  readonly offset: number;
  readonly source: Uint8Array;
  readonly bytes: number;
  readonly importance: number;
  readonly done: PromiseWithResolvers<void>;
  sent: number;
}

/** See the file comment. */
export class StreamQueue {
  /** How many bytes wait. */
  pendingBytes = 0;
  readonly #uploader: Uploader;
  /** The next one is at the end, where taking it moves nothing. */
  readonly #jobs: Job[] = [];

  constructor(uploader: Uploader) {
    this.#uploader = uploader;
  }

  /** How many uploads wait. */
  get length(): number {
    return this.#jobs.length;
  }

  /**
   * Adds an upload.
   *
   * @param target What to send the bytes to; asked again before each piece.
   * @param offset Where in the target they go: a multiple of 4.
   * @param source The bytes, as many as a multiple of 4. They are not copied: they have to stay as they are.
   * @param importance Larger ones go first; of the same importance, those that were here first.
   * @returns Resolves when the last byte was handed to the queue of the device. Rejects with `FA858` if the target or the bytes are gone
   * before that.
   */
  push(target: Locator, offset: number, source: Uint8Array, importance: number): Promise<void> {
    const bytes = source.byteLength;
    if (bytes === 0) return Promise.resolve();
    const done = Promise.withResolvers<void>();
    this.#jobs.splice(this.#placeOf(importance), 0, { target, offset, source, bytes, importance, done, sent: 0 });
    this.pendingBytes += bytes;
    return done.promise;
  }

  /** Takes back all uploads to a target: they reject with `FA858`. */
  cancel(target: Locator): void {
    for (let place = this.#jobs.length - 1; place >= 0; place--) {
      const job = this.#jobs[place]!;
      if (job.target !== target) continue;
      this.#jobs.splice(place, 1);
      this.#reject(job, refusal(job, "it was cancelled: stream it again if it is needed"));
    }
  }

  /**
   * Sends the most important of what waits. What cannot be sent rejects, and makes room for the others.
   *
   * @param most How many bytes to send at most.
   * @returns How many were sent.
   */
  pump(most: number): number {
    let left = Math.floor(most / 4) * 4;
    let sent = 0;
    while (left > 0 && this.#jobs.length > 0) {
      const job = this.#jobs.at(-1)!;
      const piece = Math.min(job.bytes - job.sent, left, MAX_PIECE);
      if (!this.#send(job, piece)) continue;
      sent += piece;
      left -= piece;
    }
    return sent;
  }

  /** Rejects all that waits. */
  fail(error: Error): void {
    while (this.#jobs.length > 0) this.#reject(this.#jobs.pop()!, error);
  }

  #send(job: Job, bytes: number): boolean {
    const { target, source, sent } = job;
    const place = target.locate();
    if (place === undefined) return this.#drop(job, "it was freed or evicted: allocate it again");
    if (source.byteLength < job.bytes) {
      return this.#drop(job, "its bytes were detached: give bytes that stay until they are sent", false);
    }
    try {
      this.#uploader.write(place.buffer, place.at + job.offset + sent, source, sent, bytes);
    } catch (error) {
      return this.#failed(job, error);
    }
    job.sent += bytes;
    this.pendingBytes -= bytes;
    if (job.sent === job.bytes) {
      this.#jobs.pop();
      job.done.resolve();
    }
    return true;
  }

  #failed(job: Job, error: unknown): false {
    if (error instanceof FrameAllocError && error.code === "FA857") {
      this.fail(error);
      return false;
    }
    return this.#drop(job, "the device refused the bytes: see the cause", false, error);
  }

  #drop(job: Job, why: string, isExpected: boolean = true, cause: unknown = undefined): false {
    this.#jobs.pop();
    this.#reject(job, refusal(job, why, cause), isExpected);
    return false;
  }

  /** What the program has brought about itself, or is told otherwise, may go unheard: a rejection would end the process. */
  #reject(job: Job, error: Error, isExpected = true): void {
    this.pendingBytes -= job.bytes - job.sent;
    if (isExpected) job.done.promise.catch(() => {});
    job.done.reject(error);
  }

  /** Before all that are as important, as those are taken from the end. */
  #placeOf(importance: number): number {
    let low = 0;
    let high = this.#jobs.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#jobs[middle]!.importance < importance) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function refusal(job: Job, why: string, cause?: unknown): GpuError {
  const message = `Cannot stream ${job.bytes} bytes to ${job.target.name} as ${why}`;
  return cause === undefined ? new GpuError("FA858", message) : new GpuError("FA858", message, { cause });
}
