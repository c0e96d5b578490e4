/**
 * Programs of writes, copies, clears and scatters that overlap, and a model that does everything at once.
 */

import * as fc from "fast-check";
import { type GpuBackend, USAGE } from "../../gpu/backend/backend.ts";
import { counting, packedRecords } from "./_bytes.ts";

/** A step of a program for two buffers of 64 bytes. */
export type Step =
  | { readonly kind: "write"; readonly to: number; readonly at: number; readonly from: number; readonly bytes: number }
  | { readonly kind: "copy"; readonly to: number; readonly at: number; readonly from: number; readonly bytes: number }
  | { readonly kind: "clear"; readonly to: number; readonly at: number; readonly bytes: number }
  | { readonly kind: "scatter"; readonly to: number; readonly seed: number; readonly count: number }
  | { readonly kind: "submit" };

const words = fc.nat({ max: 7 }).map((n) => n * 4);
const to = fc.constantFrom(0, 1);

/** Any step. */
export const anyStep: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant("write" as const), to, at: words, from: fc.nat({ max: 40 }), bytes: words }),
  fc.record({ kind: fc.constant("copy" as const), to, at: words, from: words, bytes: words }),
  fc.record({ kind: fc.constant("clear" as const), to, at: words, bytes: words }),
  fc.record({ kind: fc.constant("scatter" as const), to, seed: fc.nat(), count: fc.integer({ min: 1, max: 8 }) }),
  fc.constant({ kind: "submit" as const }),
);

/** Runs programs on the first two buffers of a device, and on bytes. */
export class OrderModel {
  readonly #backend: GpuBackend;
  readonly #source = counting(80, 1);
  readonly #bytes = [new Uint8Array(64), new Uint8Array(64)];

  constructor(backend: GpuBackend) {
    this.#backend = backend;
    for (const _ of this.#bytes) backend.create(64, USAGE.COPY_SRC | USAGE.COPY_DST | USAGE.STORAGE, "numbers");
  }

  /** What the buffers must contain once everything is submitted. */
  bytes(): Uint8Array[] {
    return this.#bytes.map((bytes) => bytes.slice());
  }

  /** Runs a step on both. */
  run(step: Step): void {
    if (step.kind === "submit") return this.#backend.submit();
    const bytes = this.#bytes[step.to]!;
    if (step.kind === "write") {
      this.#backend.write(step.to, step.at, this.#source, step.from, step.bytes);
      bytes.set(this.#source.subarray(step.from, step.from + step.bytes), step.at);
    } else if (step.kind === "copy") {
      this.#backend.copy(1 - step.to, step.from, step.to, step.at, step.bytes);
      bytes.set(this.#bytes[1 - step.to]!.subarray(step.from, step.from + step.bytes), step.at);
    } else if (step.kind === "clear") {
      this.#backend.clear(step.to, step.at, step.bytes);
      bytes.fill(0, step.at, step.at + step.bytes);
    } else {
      const [packed, records] = packedRecords(8, step.count, 8, step.seed);
      this.#backend.scatter(step.to, 0, 64, packed, step.count, 8);
      for (const place of new Uint32Array(packed.buffer, 0, step.count)) {
        bytes.set(records.subarray(place * 8, place * 8 + 8), place * 8);
      }
    }
  }
}
