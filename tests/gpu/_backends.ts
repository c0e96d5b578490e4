/**
 * Devices for tests: the null device, a real one where there is an adapter, and reading back from both.
 */

import { GpuError } from "../../gpu/gpu_error.ts";
import { type GpuBackend, type GpuBufferId, USAGE } from "../../gpu/backend/backend.ts";
import { NullBackend, type NullBackendOptions } from "../../gpu/backend/null_backend.ts";
import { WebGpuBackend, type WebGpuRequestOptions } from "../../gpu/backend/webgpu_backend.ts";

/** Either device. */
export type Device = NullBackend | WebGpuBackend;

/** A real device, or why there is none. */
export async function webgpuBackend(options?: WebGpuRequestOptions): Promise<WebGpuBackend | string> {
  try {
    return await WebGpuBackend.request(options);
  } catch (error) {
    if (error instanceof GpuError && error.code === "FA857") return error.message;
    throw error;
  }
}

/** A device in JavaScript. */
export function nullBackend(options?: NullBackendOptions): NullBackend {
  return new NullBackend(options);
}

/** Why there is no real device, printed once; `undefined` if there is one. To ignore tests with. */
export const NO_WEBGPU: string | undefined = await whyNoWebGpu();

async function whyNoWebGpu(): Promise<string | undefined> {
  const backend = await webgpuBackend();
  if (typeof backend === "string") {
    console.log(`Skipped: tests on a real device: ${backend}`);
    return backend;
  }
  backend.dispose();
  return undefined;
}

/** A real device. Throws if there is none: ask {@linkcode NO_WEBGPU} before. */
export async function requireWebGpu(options?: WebGpuRequestOptions): Promise<WebGpuBackend> {
  const backend = await webgpuBackend(options);
  if (typeof backend === "string") throw new Error(backend);
  return backend;
}

/** Reads bytes back from a buffer whose usage has `COPY_SRC`. */
export async function readBack(
  backend: GpuBackend,
  buffer: GpuBufferId,
  at: number,
  bytes: number,
): Promise<Uint8Array> {
  const target = backend.create(bytes, USAGE.MAP_READ | USAGE.COPY_DST, "read back");
  try {
    backend.copy(buffer, at, target, 0, bytes);
    backend.submit();
    await backend.map(target, 0, bytes);
    const into = new Uint8Array(bytes);
    backend.readMapped(target, 0, into);
    return into;
  } finally {
    backend.destroy(target);
  }
}

/** Loses a device, and waits until it says so. */
export async function lose(backend: Device): Promise<void> {
  if (backend instanceof NullBackend) return backend.lose("destroyed");
  const { device } = backend;
  device.destroy();
  await device.lost;
}

/**
 * Waits for what the runtime still does for a device that was lost or disposed of, so that no test seems to leave it behind: it answers
 * in the order in which it was asked.
 */
export async function settled(backend: GpuBackend): Promise<void> {
  if (backend instanceof WebGpuBackend) await backend.device.queue.onSubmittedWorkDone();
}
