/**
 * A device in JavaScript, for tests and for programs without a GPU. It is stricter than real ones: what some of them let pass, it refuses.
 */

import { ArgumentError, show } from "../../src/errors.ts";
import { GpuError } from "../gpu_error.ts";
import { type GpuBackend, type GpuBufferId, type GpuLimits, type GpuLoss, type GpuVerdict, USAGE } from "./backend.ts";
import { BufferTable } from "./buffer_table.ts";
import { checkNewBuffer, checkScatter, checkSource, packedIndex } from "./checks.ts";
import { Mappings } from "./mappings.ts";
import { NullMemory } from "./null_memory.ts";
import { NullQueue } from "./null_queue.ts";
import { Waits } from "./waits.ts";

/** Options of {@linkcode NullBackend}. */
export interface NullBackendOptions {
  /** What it demands and allows. @default {what WebGPU guarantees of every device} */
  readonly limits?: Partial<GpuLimits>;
  /** The bytes of all its buffers beyond which there is no memory for another one. @default {Infinity} */
  readonly oomAt?: number;
  /** After how many turns of the queue of promises it answers; `Infinity` for never. @default {2} */
  readonly latency?: number;
  /** What it says of itself in {@linkcode NullBackend.isFallback}. @default {false} */
  readonly isFallback?: boolean;
}

/** The largest alignment that a device may demand. */
const MOST_ALIGN = 4096;

/** What WebGPU guarantees of every device. */
const DEFAULT_LIMITS: GpuLimits = {
  uniformAlign: 256,
  storageAlign: 256,
  maxBufferSize: 256 * 1024 ** 2,
  maxUniformBinding: 64 * 1024,
  maxStorageBinding: 128 * 1024 ** 2,
};

/**
 * A device in JavaScript, whose buffers are bytes.
 *
 * Nothing that is asked of it happens before {@linkcode NullBackend.submit}. Its memory can be limited, and it can be lost, at any time:
 * programs test with it what they do then. On top of what every device refuses it refuses to map a buffer with work that was not submitted
 * (`FA853`), and to scatter two records to the same place (`FA008`).
 *
 * @example
 * ```ts
 * import { NullBackend, USAGE } from "@framealloc/core/gpu";
 * import { assertEquals } from "@std/assert";
 *
 * const device = new NullBackend({ oomAt: 4096 });
 * const buffer = device.create(16, USAGE.COPY_DST, "numbers");
 * device.write(buffer, 4, new Uint8Array([1, 2, 3, 4]), 0, 4);
 * assertEquals(device.raw(buffer)[4], 0);
 * device.submit();
 * assertEquals([...device.raw(buffer)].slice(4, 8), [1, 2, 3, 4]);
 *
 * const large = device.create(8192, USAGE.COPY_DST, "large");
 * assertEquals(await device.verify(large), "out of memory");
 * ```
 */
export class NullBackend implements GpuBackend<Uint8Array> {
  /** `"null"`. */
  readonly name = "null";
  /** What it demands and allows. */
  readonly limits: GpuLimits;
  /** What the options said. */
  readonly isFallback: boolean;
  /** Told once per loss. */
  onLoss: ((loss: GpuLoss) => void) | undefined;
  /** The bytes of all its buffers beyond which there is no memory for another one. */
  oomAt: number;
  /** After how many turns of the queue of promises it answers; `Infinity` for never. */
  latency: number;
  /** How many calls of {@linkcode NullBackend.reopen} are to find no device. */
  failReopen = 0;

  readonly #table = new BufferTable();
  readonly #memory = new NullMemory(this.#table);
  readonly #queue = new NullQueue();
  readonly #mappings = new Mappings(this.#table);
  readonly #waits = new Waits();

  /**
   * Makes a device.
   *
   * @param options Its limits and its speed.
   * @throws {ArgumentError} `FA008` if an option makes no sense.
   */
  constructor(options: NullBackendOptions = {}) {
    checkOptions(options);
    this.limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.oomAt = options.oomAt ?? Infinity;
    this.latency = options.latency ?? 2;
    this.isFallback = options.isFallback ?? false;
  }

  /** How the device was lost; `undefined` as long as it is there. */
  get loss(): GpuLoss | undefined {
    return this.#table.loss;
  }

  /** The bytes of all its buffers, without those that there was no memory for. */
  get liveBytes(): number {
    return this.#table.livingBytes - this.#memory.missingBytes;
  }

  /** How many buffers it has, without those that there was no memory for. */
  get liveBuffers(): number {
    return this.#table.living - this.#memory.missing;
  }

  /** See {@linkcode GpuBackend.create}. */
  create(bytes: number, usage: number, label: string): GpuBufferId {
    this.#table.checkOpen("create a buffer");
    checkNewBuffer(bytes, usage, label, this.limits);
    const hasMemory = this.liveBytes + bytes <= this.oomAt;
    const buffer = this.#table.add(bytes, usage, label);
    this.#memory.enter(buffer, hasMemory);
    return buffer;
  }

  /** See {@linkcode GpuBackend.verify}. */
  verify(buffer: GpuBufferId): Promise<GpuVerdict> {
    this.#table.checkKnown("verify", buffer);
    return turns(this.latency).then(() => this.#isMissing(buffer) ? "out of memory" : "ok");
  }

  #isMissing(buffer: GpuBufferId): boolean {
    return this.#table.lives(buffer) && !this.#memory.has(buffer);
  }

  /** See {@linkcode GpuBackend.destroy}. */
  destroy(buffer: GpuBufferId): void {
    if (this.#table.lives(buffer) && this.#queue.touches(buffer)) this.submit();
    if (!this.#table.destroy(buffer)) return;
    this.#memory.drop(buffer);
    this.#mappings.end(buffer, "destroyed");
  }

  /** The bytes of a buffer, with all that was submitted; none if there was no memory for it. */
  raw(buffer: GpuBufferId): Uint8Array {
    this.#table.checkLiving("use", buffer);
    return this.#memory.bytes(buffer);
  }

  /** See {@linkcode GpuBackend.write}. */
  write(buffer: GpuBufferId, at: number, source: Uint8Array, from: number, bytes: number): void {
    this.#table.checkRange("write to", buffer, at, bytes, USAGE.COPY_DST);
    checkSource("write to", source, from, bytes);
    if (bytes !== 0) this.#queue.write(buffer, at, source, from, bytes);
  }

  /** See {@linkcode GpuBackend.copy}. */
  copy(source: GpuBufferId, from: number, target: GpuBufferId, at: number, bytes: number): void {
    this.#table.checkRange("copy from", source, from, bytes, USAGE.COPY_SRC);
    this.#table.checkRange("copy to", target, at, bytes, USAGE.COPY_DST);
    this.#table.checkTwo(source, target);
    if (bytes !== 0) this.#queue.copy(source, from, target, at, bytes);
  }

  /** See {@linkcode GpuBackend.clear}. */
  clear(buffer: GpuBufferId, at: number, bytes: number): void {
    this.#table.checkRange("clear", buffer, at, bytes, USAGE.COPY_DST);
    if (bytes !== 0) this.#queue.clear(buffer, at, bytes);
  }

  /** See {@linkcode GpuBackend.scatter}. */
  scatter(
    buffer: GpuBufferId,
    at: number,
    bytes: number,
    packed: Uint8Array,
    count: number,
    stride: number,
  ): void {
    this.#table.checkRange("scatter to", buffer, at, bytes, USAGE.STORAGE);
    checkScatter(at, bytes, packed, count, stride, this.limits);
    checkDistinct(packed, count);
    if (count !== 0) this.#queue.scatter(buffer, at, bytes, packed, count, stride);
  }

  /** See {@linkcode GpuBackend.submit}. */
  submit(): void {
    this.#queue.run(this.#memory);
  }

  /** See {@linkcode GpuBackend.done}. */
  async done(): Promise<void> {
    this.#table.checkOpen("wait for the device");
    await this.#waits.until(turns(this.latency));
  }

  /**
   * See {@linkcode GpuBackend.map}.
   *
   * @throws {GpuError} `FA853` also if there is work for the buffer that was not submitted.
   */
  map(buffer: GpuBufferId, at: number, bytes: number): Promise<void> {
    this.#mappings.check(buffer, at, bytes);
    if (this.#queue.touches(buffer)) {
      const what = this.#table.named(buffer);
      throw new GpuError("FA853", `Cannot map ${what} as not all work for it was submitted: call submit() first`);
    }
    const mapping = this.#mappings.begin(buffer, at, bytes);
    turns(this.latency).then(() => {
      if (this.#memory.has(buffer)) this.#mappings.arrive(mapping);
      else this.#mappings.fail(mapping, this.#mappings.whyNot(buffer, "out of memory"));
    });
    return mapping.wait.promise;
  }

  /** See {@linkcode GpuBackend.readMapped}. */
  readMapped(buffer: GpuBufferId, at: number, into: Uint8Array): void {
    this.#mappings.checkRead(buffer, at, into);
    const bytes = this.#memory.peek(buffer);
    if (bytes === undefined) into.fill(0);
    else into.set(bytes.subarray(at, at + into.length));
  }

  /** See {@linkcode GpuBackend.unmap}. */
  unmap(buffer: GpuBufferId): void {
    this.#table.checkKnown("unmap", buffer);
    this.#mappings.end(buffer, "unmapped");
  }

  /**
   * Loses the device, as a driver that restarts does: every buffer is gone, and so is what was not submitted.
   *
   * @param reason How: what devices do about it depends on that.
   * @param message What the device says.
   * @throws {ArgumentError} `FA008` if there is no such reason, or the message is no text.
   */
  lose(reason: "destroyed" | "unknown" = "unknown", message = "the null device was told to be lost"): void {
    if ((reason !== "destroyed" && reason !== "unknown") || typeof message !== "string") {
      throw new ArgumentError(
        "FA008",
        `Cannot lose the null device by ${show(reason)} with ${
          show(message)
        }: give "destroyed" or "unknown", and a text`,
      );
    }
    if (this.#table.loss !== undefined || this.#table.disposed) return;
    const loss: GpuLoss = { reason, message };
    this.#end(() => this.#table.lose(loss));
    this.onLoss?.(loss);
  }

  #end(close: () => void): void {
    this.#memory.dropAll();
    this.#queue.clearAll();
    close();
    this.#mappings.endAll();
    this.#waits.endAll(this.#table.whyClosed("wait for the device"));
  }

  /**
   * See {@linkcode GpuBackend.reopen}. Does nothing if the device is there.
   *
   * @throws {GpuError} `FA857` as often as {@linkcode NullBackend.failReopen} says.
   */
  async reopen(): Promise<void> {
    await turns(this.latency);
    if (this.#table.disposed) this.#table.checkOpen("open the device again");
    if (this.#table.loss === undefined) return;
    if (this.failReopen > 0) {
      this.failReopen--;
      throw new GpuError("FA857", "Cannot open the null device again as it was told to fail: try again");
    }
    this.#table.reopen();
  }

  /** See {@linkcode GpuBackend.recreate}. */
  recreate(buffer: GpuBufferId): void {
    const left = this.oomAt - this.liveBytes;
    this.#table.recreate(buffer);
    this.#memory.enter(buffer, this.#table.size(buffer) <= left);
  }

  /** See {@linkcode GpuBackend.dispose}. */
  dispose(): void {
    if (!this.#table.disposed) this.#end(() => this.#table.dispose());
  }
}

/** Refuses what is no device. */
function checkOptions(options: NullBackendOptions): void {
  if (typeof options !== "object" || options === null) throw badOption("options", options, "give an object");
  const { limits = {}, oomAt = Infinity, latency = 0, isFallback = false } = options;
  if (typeof limits !== "object" || limits === null) throw badOption("limits", limits, "give an object");
  for (const [key, limit] of Object.entries(limits)) {
    if (!Object.hasOwn(DEFAULT_LIMITS, key)) throw badOption(key, limit, "give limits that devices have");
    const isAlign = key === "uniformAlign" || key === "storageAlign";
    const most = isAlign ? MOST_ALIGN : Number.MAX_SAFE_INTEGER;
    if (Number.isInteger(limit) && limit >= 4 && limit <= most && !(isAlign && (limit & (limit - 1)) !== 0)) continue;
    throw badOption(
      key,
      limit,
      isAlign ? `give a power of two from 4 to ${MOST_ALIGN}` : "give a whole number of bytes",
    );
  }
  if (typeof oomAt !== "number" || !(oomAt >= 0)) throw badOption("oomAt", oomAt, "give a number of bytes");
  if (typeof latency !== "number" || !(latency >= 0)) throw badOption("latency", latency, "give a number of turns");
  if (typeof isFallback !== "boolean") throw badOption("isFallback", isFallback, "give true or false");
}

function badOption(key: string, value: unknown, advice: string): ArgumentError {
  return new ArgumentError("FA008", `Cannot make a null device with ${key} ${show(value)}: ${advice}`);
}

/** Waits for turns of the queue of promises. */
async function turns(count: number): Promise<void> {
  if (count === Infinity) return new Promise<void>(() => {});
  for (let i = 0; i < count; i++) await undefined;
}

/** Throws if two records have the same index: a real device writes either of them, and does not say which. */
function checkDistinct(packed: Uint8Array, count: number): void {
  const seen = new Set<number>();
  for (let i = 0; i < count; i++) {
    const index = packedIndex(packed, i);
    if (seen.has(index)) {
      throw new ArgumentError("FA008", `Cannot scatter to record ${index} twice: keep the last of them`);
    }
    seen.add(index);
  }
}
