/**
 * A WebGPU device. What the runtime would get wrong is caught here: Deno ends the process at some arguments, believes that a lost device
 * works, and maps buffers before writes have reached them.
 */

import { GpuError } from "../gpu_error.ts";
import { type GpuBackend, type GpuBufferId, type GpuLimits, type GpuLoss, type GpuVerdict, USAGE } from "./backend.ts";
import { BufferTable } from "./buffer_table.ts";
import { checkNewBuffer, checkScatter, checkSource } from "./checks.ts";
import { type Mapping, Mappings } from "./mappings.ts";
import { Waits } from "./waits.ts";
import { WebGpuBuffers } from "./webgpu_buffers.ts";
import { WebGpuCommands } from "./webgpu_commands.ts";
import { checkDevice, checkOptions, isFallback, limitsOf, requestDevice } from "./webgpu_request.ts";

/** `GPUMapMode.READ`. */
const MAP_MODE_READ = 1;

/** Options of {@linkcode WebGpuBackend.request}. */
export interface WebGpuRequestOptions {
  /** How the adapter is chosen. */
  readonly adapter?: GPURequestAdapterOptions;
  /** Features and limits of the device. @default {no more than every device has} */
  readonly device?: GPUDeviceDescriptor;
  /** Told what the device complains of that is nobody's: that is a defect of the program, or of this library. */
  readonly onError?: (message: string) => void;
}

/** Options of {@linkcode WebGpuBackend}. */
export interface WebGpuBackendOptions {
  /** Gets another device after the first one was lost. Without it {@linkcode WebGpuBackend.reopen} fails. */
  readonly request?: () => Promise<GPUDevice>;
  /** Whether it is a software device. @default {what the device says, or `false`} */
  readonly isFallback?: boolean;
  /** Told what the device complains of that is nobody's: that is a defect of the program, or of this library. */
  readonly onError?: (message: string) => void;
}

/**
 * A WebGPU device.
 *
 * Command buffers of the program are in order with what is asked here if {@linkcode WebGpuBackend.submit} is called before they are
 * submitted.
 *
 * @example
 * ```ts
 * import { GpuError, NullBackend, USAGE, WebGpuBackend } from "@framealloc/core/gpu";
 * import { assert, assertEquals } from "@std/assert";
 *
 * const device = await WebGpuBackend.request().catch((error) => {
 *   assert(error instanceof GpuError && error.code === "FA857");
 *   return new NullBackend();
 * });
 * const buffer = device.create(1024, USAGE.STORAGE | USAGE.COPY_DST, "numbers");
 * device.write(buffer, 0, new Uint8Array([1, 2, 3, 4]), 0, 4);
 * device.submit();
 * assertEquals(await device.verify(buffer), "ok");
 * device.dispose();
 * ```
 */
export class WebGpuBackend implements GpuBackend<GPUBuffer> {
  /** `"webgpu"`. */
  readonly name = "webgpu";
  /** Told once per loss. */
  onLoss: ((loss: GpuLoss) => void) | undefined;

  readonly #table = new BufferTable();
  readonly #mappings = new Mappings(this.#table);
  readonly #waits = new Waits();
  readonly #buffers = new WebGpuBuffers(this.#table);
  readonly #options: WebGpuBackendOptions;
  #ownsDevice = false;
  #device!: GPUDevice;
  #queue!: GPUQueue;
  #commands!: WebGpuCommands;
  #limits!: GpuLimits;
  #isFallback = false;
  #reopening: Promise<void> | undefined;

  /**
   * Uses a device that the program has made. It stays the program's: {@linkcode WebGpuBackend.dispose} does not destroy it.
   *
   * @param device The device.
   * @param options How to get another one, and what else is known of it.
   * @throws {ArgumentError} `FA008` if that is no device, or an option makes no sense.
   */
  constructor(device: GPUDevice, options: WebGpuBackendOptions = {}) {
    checkDevice(device);
    checkOptions(options, "request");
    this.#options = options;
    this.#adopt(device);
  }

  /**
   * Asks the runtime for a device, which {@linkcode WebGpuBackend.dispose} destroys.
   *
   * @param options What kind of device.
   * @returns The device.
   * @throws {GpuError} `FA857` if there is no WebGPU, no adapter, or no such device.
   * @throws {ArgumentError} `FA008` if an option makes no sense.
   */
  static async request(options: WebGpuRequestOptions = {}): Promise<WebGpuBackend> {
    checkOptions(options, "onError");
    const { adapter, device, onError } = options;
    const request = (): Promise<GPUDevice> => requestDevice(adapter, device);
    const backend = new WebGpuBackend(await request(), onError === undefined ? { request } : { request, onError });
    backend.#ownsDevice = true;
    return backend;
  }

  /** The device; a lost one until there is another. */
  get device(): GPUDevice {
    return this.#device;
  }

  /** What the device demands and allows. */
  get limits(): GpuLimits {
    return this.#limits;
  }

  /** Whether it is a software device. */
  get isFallback(): boolean {
    return this.#isFallback;
  }

  /** How the device was lost; `undefined` as long as it is there. */
  get loss(): GpuLoss | undefined {
    return this.#table.loss;
  }

  /** See {@linkcode GpuBackend.create}. */
  create(bytes: number, usage: number, label: string): GpuBufferId {
    this.#table.checkOpen("create a buffer");
    checkNewBuffer(bytes, usage, label, this.#limits);
    const buffer = this.#table.add(bytes, usage, label);
    this.#buffers.make(this.#device, buffer);
    return buffer;
  }

  /** See {@linkcode GpuBackend.verify}. */
  verify(buffer: GpuBufferId): Promise<GpuVerdict> {
    this.#table.checkKnown("verify", buffer);
    return this.#buffers.verify(buffer);
  }

  /** See {@linkcode GpuBackend.destroy}. */
  destroy(buffer: GpuBufferId): void {
    // A submission with a destroyed buffer does nothing at all, not even for the others.
    if (this.#table.lives(buffer)) this.#commands.flush();
    if (!this.#table.destroy(buffer)) return;
    this.#mappings.end(buffer, "destroyed");
    this.#buffers.destroy(buffer);
  }

  /** The buffer as the device knows it. */
  raw(buffer: GpuBufferId): GPUBuffer {
    this.#table.checkLiving("use", buffer);
    return this.#buffers.raw(buffer);
  }

  /** See {@linkcode GpuBackend.write}. */
  write(buffer: GpuBufferId, at: number, source: Uint8Array, from: number, bytes: number): void {
    this.#table.checkRange("write to", buffer, at, bytes, USAGE.COPY_DST);
    checkSource("write to", source, from, bytes);
    if (bytes !== 0 && !this.#buffers.isBad(buffer)) this.#commands.write(buffer, at, source, from, bytes);
  }

  /** See {@linkcode GpuBackend.copy}. */
  copy(source: GpuBufferId, from: number, target: GpuBufferId, at: number, bytes: number): void {
    this.#table.checkRange("copy from", source, from, bytes, USAGE.COPY_SRC);
    this.#table.checkRange("copy to", target, at, bytes, USAGE.COPY_DST);
    this.#table.checkTwo(source, target);
    if (bytes === 0 || this.#buffers.isBad(source) || this.#buffers.isBad(target)) return;
    this.#commands.copy(source, from, target, at, bytes);
  }

  /** See {@linkcode GpuBackend.clear}. */
  clear(buffer: GpuBufferId, at: number, bytes: number): void {
    this.#table.checkRange("clear", buffer, at, bytes, USAGE.COPY_DST);
    if (bytes !== 0 && !this.#buffers.isBad(buffer)) this.#commands.clear(buffer, at, bytes);
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
    checkScatter(at, bytes, packed, count, stride, this.#limits);
    if (count !== 0 && !this.#buffers.isBad(buffer)) {
      this.#commands.scatter(buffer, at, bytes, packed, count, stride);
    }
  }

  /** See {@linkcode GpuBackend.submit}. */
  submit(): void {
    if (this.#table.loss === undefined && !this.#table.disposed) this.#commands.submit();
  }

  /** See {@linkcode GpuBackend.done}. */
  async done(): Promise<void> {
    this.#table.checkOpen("wait for the device");
    await this.#waits.until(
      this.#queue.onSubmittedWorkDone().catch((cause) => {
        throw new GpuError("FA857", "Cannot wait for the device as it does not answer: reopen it", { cause });
      }),
    );
  }

  /** See {@linkcode GpuBackend.map}. Submits what was not submitted yet. */
  map(buffer: GpuBufferId, at: number, bytes: number): Promise<void> {
    this.#mappings.check(buffer, at, bytes);
    this.#commands.submitAll();
    const mapping = this.#mappings.begin(buffer, at, bytes);
    this.#askToMap(mapping);
    return mapping.wait.promise;
  }

  async #askToMap(mapping: Mapping): Promise<void> {
    const { buffer, at, bytes } = mapping;
    const device = this.#device;
    try {
      await this.#buffers.raw(buffer).mapAsync(MAP_MODE_READ, at, bytes);
      this.#mappings.arrive(mapping);
    } catch (cause) {
      const verdict = await this.#buffers.verify(buffer);
      // If it is because of a loss, that is told a turn later, and has ended this mapping.
      if (this.#mappings.has(mapping)) await turnOrLoss(device);
      this.#mappings.fail(mapping, this.#mappings.whyNot(buffer, verdict, cause));
    }
  }

  /** See {@linkcode GpuBackend.readMapped}. */
  readMapped(buffer: GpuBufferId, at: number, into: Uint8Array): void {
    const mapping = this.#mappings.checkRead(buffer, at, into);
    // Browsers hand out a range once only.
    mapping.view ??= new Uint8Array(this.#buffers.raw(buffer).getMappedRange(mapping.at, mapping.bytes));
    const from = at - mapping.at;
    into.set(into.length === mapping.bytes ? mapping.view : mapping.view.subarray(from, from + into.length));
  }

  /** See {@linkcode GpuBackend.unmap}. */
  unmap(buffer: GpuBufferId): void {
    this.#table.checkKnown("unmap", buffer);
    if (this.#mappings.end(buffer, "unmapped")) this.#buffers.unmap(buffer);
  }

  /**
   * See {@linkcode GpuBackend.reopen}. Does nothing if the device is there.
   *
   * @throws {GpuError} `FA857` if there is none.
   */
  reopen(): Promise<void> {
    this.#reopening ??= this.#reopen().finally(() => this.#reopening = undefined);
    return this.#reopening;
  }

  async #reopen(): Promise<void> {
    if (this.#table.loss === undefined || this.#table.disposed) return this.#table.checkOpen("open the device again");
    const request = this.#options.request;
    if (request === undefined) {
      throw new GpuError("FA857", "Cannot open the device again as it is the program's: give the option request");
    }
    let device: GPUDevice;
    try {
      device = await request();
      checkDevice(device);
    } catch (cause) {
      throw new GpuError("FA857", "Cannot open the device again as there is none: try again later", { cause });
    }
    if (this.#table.disposed) {
      if (this.#ownsDevice) device.destroy();
      return this.#table.checkOpen("open the device again");
    }
    this.#table.reopen();
    this.#adopt(device);
  }

  #adopt(device: GPUDevice): void {
    this.#device = device;
    this.#queue = device.queue;
    this.#commands = new WebGpuCommands(device, this.#buffers);
    this.#limits = limitsOf(device);
    this.#isFallback = this.#options.isFallback ?? isFallback(device);
    device.addEventListener("uncapturederror", this.#tellError);
    device.lost.then((info) => this.#lose(device, info));
  }

  #lose(device: GPUDevice, info: GPUDeviceLostInfo): void {
    if (this.#device !== device || this.#table.disposed) return;
    const loss: GpuLoss = { reason: info.reason === "destroyed" ? "destroyed" : "unknown", message: info.message };
    this.#buffers.forgetAll();
    this.#table.lose(loss);
    this.#mappings.endAll();
    this.#waits.endAll(this.#table.whyClosed("wait for the device"));
    this.onLoss?.(loss);
  }

  #tellError = (event: Event): void => {
    const { onError } = this.#options;
    if (onError === undefined) return;
    event.preventDefault();
    onError((event as GPUUncapturedErrorEvent).error.message);
  };

  /** See {@linkcode GpuBackend.recreate}. */
  recreate(buffer: GpuBufferId): void {
    this.#table.recreate(buffer);
    this.#buffers.make(this.#device, buffer);
  }

  /** See {@linkcode GpuBackend.dispose}. */
  dispose(): void {
    if (this.#table.disposed) return;
    this.#table.dispose();
    this.#mappings.endAll();
    this.#waits.endAll(this.#table.whyClosed("wait for the device"));
    this.#commands.destroy();
    this.#buffers.destroyAll();
    this.#device.removeEventListener("uncapturederror", this.#tellError);
    if (this.#ownsDevice) this.#device.destroy();
  }
}

/** Waits until a device has told its loss, if there is one. */
async function turnOrLoss(device: GPUDevice): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  await Promise.race([device.lost, new Promise((resolve) => timer = setTimeout(resolve))]);
  clearTimeout(timer);
}
