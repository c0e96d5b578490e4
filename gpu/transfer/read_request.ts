/**
 * One range of a buffer that somebody waits for. Devices copy and map in steps of 4 and 8 bytes, so a request knows the wider range
 * that has to be fetched, and gives its caller exactly the bytes that were asked for.
 */

import { ArgumentError, FrameAllocError, show } from "../../src/errors.ts";
import type { GpuBackend, GpuBufferId } from "../backend/backend.ts";
import { GpuError } from "../gpu_error.ts";
import type { Location, Locator } from "./locator.ts";

/** Up to so many bytes are fetched through one array that is kept, if they cannot go straight to their caller. */
const KEPT = 65_536;

let scratch = new Uint8Array(64);

/** An array for a wider range; its contents are of use only until the next call. */
function scratchOf(bytes: number): Uint8Array {
  if (bytes > KEPT) return new Uint8Array(bytes);
  if (scratch.length < bytes) scratch = new Uint8Array(Math.min(KEPT, 2 ** Math.ceil(Math.log2(bytes))));
  return scratch.subarray(0, bytes);
}

/** The error itself if it has a code; otherwise an error of a transfer that it caused. */
function coded(error: unknown, action: string): FrameAllocError {
  if (error instanceof FrameAllocError) return error;
  const said = error instanceof Error ? error.message : show(error);
  return new GpuError("FA858", `Cannot ${action} as the device failed (${said}): ask again`, { cause: error });
}

/** Whoever asks for a range is told once, through {@linkcode ReadRequest.promise}. */
export class ReadRequest {
  /** A buffer, or what may be elsewhere when the request is sent. */
  readonly #source: GpuBufferId | Locator;
  /** Where the wider range starts. */
  readonly start: number;
  /** The size of the wider range, a multiple of 4. */
  readonly span: number;
  /** How many bytes of the wider range come before those that were asked for. */
  readonly skip: number;
  readonly bytes: number;
  readonly into: Uint8Array;
  /** Where the wider range goes in the buffer that brings it. */
  place = 0;
  readonly #told: PromiseWithResolvers<Uint8Array> = Promise.withResolvers();

  /** Asks for a range whose start may be moved back to a multiple of `align`. */
  constructor(source: GpuBufferId | Locator, at: number, bytes: number, into: Uint8Array, align: 4 | 8) {
    this.#source = source;
    this.bytes = bytes;
    this.into = into;
    this.skip = at % align;
    this.start = at - this.skip;
    this.span = Math.ceil((this.skip + bytes) / 4) * 4;
  }

  /** The array of the caller, filled. */
  get promise(): Promise<Uint8Array> {
    return this.#told.promise;
  }

  /** Where it starts now. */
  locate(): Location {
    if (typeof this.#source === "number") return { buffer: this.#source, at: this.start };
    const found = this.#source.locate();
    if (found !== undefined) return { buffer: found.buffer, at: found.at + this.start };
    throw this.gone(this.#source.name);
  }

  /** The error of a request for what was freed. */
  gone(name: string): GpuError {
    return new GpuError(
      "FA858",
      `Cannot ${this.action} of ${name} as it was freed meanwhile: keep it until they have arrived`,
    );
  }

  /** What is attempted, to follow the word "Cannot". */
  get action(): string {
    return `read back ${this.bytes} bytes`;
  }

  /** Copies the bytes out of a mapped buffer and tells the caller. Returns how many they are: none if that failed. */
  deliver(backend: GpuBackend, mapped: GpuBufferId, place: number): number {
    const { bytes, into, skip, span } = this;
    const source = this.#source;
    const refusal = typeof source === "number" ? undefined : source.refusal?.(this.action);
    if (refusal !== undefined) {
      this.fail(refusal);
      return 0;
    }
    try {
      if (into.byteLength < bytes) {
        const what = "the array for them was transferred away or made smaller meanwhile";
        throw new GpuError("FA858", `Cannot ${this.action} as ${what}: keep it until they have arrived`);
      }
      if (span === bytes) {
        backend.readMapped(mapped, place, into.byteLength === bytes ? into : into.subarray(0, bytes));
      } else {
        const wider = scratchOf(span);
        backend.readMapped(mapped, place, wider);
        into.set(wider.subarray(skip, skip + bytes));
      }
    } catch (error) {
      this.fail(error);
      return 0;
    }
    this.succeed();
    return bytes;
  }

  /** Tells the caller that there is nothing to wait for. */
  succeed(): void {
    this.#told.resolve(this.into);
  }

  /** Tells the caller what went wrong on the device. */
  fail(error: unknown): void {
    this.reject(coded(error, this.action));
  }

  /**
   * Tells the caller that there is no device any more. The program hears of that in other ways: whoever asked in a frame that ended by an
   * error may never listen, and that must not end the program.
   */
  abandon(error: unknown): void {
    this.promise.catch(() => {});
    this.fail(error);
  }

  /** Tells the caller why the request was not even tried, in the words of whoever said so. */
  reject(error: unknown): void {
    this.#told.reject(error);
  }
}

/** What is wrong with a request, if anything. `most` is the size of the largest buffer that there can be. */
export function faultOf(at: number, bytes: number, into: Uint8Array, most: number): ArgumentError | undefined {
  const isRange = Number.isInteger(at) && Number.isInteger(bytes) && at >= 0 && bytes >= 0 && at + bytes <= most;
  if (!isRange) {
    const range = `${show(bytes)} bytes from byte ${show(at)} on`;
    return new ArgumentError("FA008", `Cannot read back ${range} as no buffer has them: ask for a range of the buffer`);
  }
  if (into.byteLength >= bytes) return undefined;
  const has = `an array of ${into.byteLength} bytes`;
  return new ArgumentError("FA008", `Cannot read back ${bytes} bytes into ${has}: give an array that can hold them`);
}
