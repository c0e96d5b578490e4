/**
 * Which buffers are mapped, or about to be. Devices are not asked: some say "mapped" of a buffer that was unmapped while it waited.
 */

import { ArgumentError, show } from "../../src/errors.ts";
import { GpuError } from "../gpu_error.ts";
import { type GpuBufferId, type GpuVerdict, USAGE } from "./backend.ts";
import type { BufferTable } from "./buffer_table.ts";
import { checkTarget } from "./checks.ts";

/** One mapping of a buffer, from the wait for it to its end. */
export interface Mapping {
  readonly buffer: GpuBufferId;
  readonly at: number;
  readonly bytes: number;
  readonly wait: PromiseWithResolvers<void>;
  arrived: boolean;
  /** The bytes, once somebody has read them. */
  view: Uint8Array | undefined;
}

/** The mappings of a device. */
export class Mappings {
  readonly #table: BufferTable;
  readonly #byBuffer = new Map<GpuBufferId, Mapping>();

  constructor(table: BufferTable) {
    this.#table = table;
  }

  /** Throws unless a range can be mapped now. */
  check(buffer: GpuBufferId, at: number, bytes: number): void {
    this.#table.checkRange("map", buffer, at, bytes, USAGE.MAP_READ);
    if (at % 8 === 0 && bytes !== 0) return;
    const what = `Cannot map ${show(bytes)} bytes at ${show(at)} of ${this.#table.named(buffer)}`;
    throw new ArgumentError("FA008", `${what}: give at least 4 bytes, at a multiple of 8`);
  }

  /** Starts to wait. */
  begin(buffer: GpuBufferId, at: number, bytes: number): Mapping {
    const mapping: Mapping = {
      buffer,
      at,
      bytes,
      wait: Promise.withResolvers<void>(),
      arrived: false,
      view: undefined,
    };
    this.#byBuffer.set(buffer, mapping);
    this.#table.mapped[buffer] = 1;
    return mapping;
  }

  /** Whether it has not been ended. */
  has(mapping: Mapping): boolean {
    return this.#byBuffer.get(mapping.buffer) === mapping;
  }

  /** The device has mapped it. That is of no use to anybody if it was ended meanwhile. */
  arrive(mapping: Mapping): void {
    mapping.arrived = true;
    mapping.wait.resolve();
  }

  /** The device could not. Does nothing if it was ended meanwhile. */
  fail(mapping: Mapping, error: Error): void {
    if (!this.has(mapping)) return;
    this.#remove(mapping);
    if (!mapping.arrived) mapping.wait.reject(error);
  }

  /** Why a buffer cannot be mapped that its device did not make. */
  whyNot(buffer: GpuBufferId, verdict: GpuVerdict, cause?: unknown): Error {
    const what = `Cannot map ${this.#table.named(buffer)}`;
    return verdict === "out of memory"
      ? new GpuError("FA856", `${what} as there was no memory to make it: destroy others, and make it again`, { cause })
      : new GpuError("FA858", `${what} as the device refused: look at what it reports`, { cause });
  }

  /** The program ends the mapping of a buffer. Returns `false` if there is none. */
  end(buffer: GpuBufferId, why: string): boolean {
    const mapping = this.#byBuffer.get(buffer);
    if (mapping === undefined) return false;
    this.#remove(mapping);
    if (mapping.arrived) return true;
    const what = this.#table.named(buffer);
    mapping.wait.reject(
      new GpuError("FA853", `Cannot map ${what} as it was ${why} before its bytes arrived: wait for them first`),
    );
    return true;
  }

  /** The device is gone, and all of them with it. */
  endAll(): void {
    for (const mapping of this.#byBuffer.values()) {
      if (this.#table.disposed) this.end(mapping.buffer, "destroyed");
      else this.fail(mapping, this.#table.whyClosed(`map ${this.#table.named(mapping.buffer)}`));
    }
  }

  /** The mapping that a range is read from. Throws unless it can be. */
  checkRead(buffer: GpuBufferId, at: number, into: Uint8Array): Mapping {
    this.#table.checkLiving("read", buffer);
    checkTarget(into);
    if (!(Number.isInteger(at) && at >= 0 && at % 8 === 0)) {
      const what = this.#table.named(buffer);
      throw new ArgumentError("FA008", `Cannot read ${what} at ${show(at)}: give a multiple of 8`);
    }
    const mapping = this.#byBuffer.get(buffer);
    if (mapping?.arrived && at >= mapping.at && at + into.length <= mapping.at + mapping.bytes) return mapping;
    const state = mapping === undefined
      ? "it is not mapped: map it"
      : mapping.arrived
      ? `only ${mapping.bytes} bytes at ${mapping.at} are mapped: map more`
      : "its bytes have not arrived: wait for map()";
    const what = `${into.length} bytes at ${at} of ${this.#table.named(buffer)}`;
    throw new GpuError("FA853", `Cannot read ${what} as ${state}`);
  }

  #remove(mapping: Mapping): void {
    this.#byBuffer.delete(mapping.buffer);
    this.#table.mapped[mapping.buffer] = 0;
  }
}
