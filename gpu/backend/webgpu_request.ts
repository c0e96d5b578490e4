/**
 * Asks the runtime for a WebGPU device, and the device what it is. Where there is none, the error says what to install.
 */

import { ArgumentError, show } from "../../src/errors.ts";
import type { GpuLimits } from "./backend.ts";
import { GpuError } from "../gpu_error.ts";

/** Gets a device that belongs to nobody yet. */
export async function requestDevice(
  options?: GPURequestAdapterOptions,
  descriptor?: GPUDeviceDescriptor,
): Promise<GPUDevice> {
  const adapter = await requestAdapter(options);
  try {
    return await adapter.requestDevice(descriptor);
  } catch (cause) {
    throw new GpuError(
      "FA857",
      "Cannot get a GPU device as its adapter refused: ask for fewer features and lower limits",
      { cause },
    );
  }
}

async function requestAdapter(options?: GPURequestAdapterOptions): Promise<GPUAdapter> {
  // Not every runtime has what the types promise.
  const gpu = (globalThis.navigator as { readonly gpu?: GPU } | undefined)?.gpu;
  if (gpu === undefined) {
    throw new GpuError(
      "FA857",
      "Cannot get a GPU device as this runtime has no WebGPU: use a browser or Deno, or a NullBackend without a GPU",
    );
  }
  let adapter: GPUAdapter | null;
  try {
    adapter = await gpu.requestAdapter(options);
  } catch (cause) {
    throw new GpuError("FA857", "Cannot get a GPU device as the runtime refused: look at the options of the adapter", {
      cause,
    });
  }
  if (adapter !== null) return adapter;
  throw new GpuError(
    "FA857",
    "Cannot get a GPU device as no adapter was found: install a driver (mesa-vulkan-drivers does without a GPU), or use a " +
      "NullBackend",
  );
}

/** Refuses what is no device. */
export function checkDevice(device: GPUDevice): void {
  const isDevice = typeof device?.createBuffer === "function" && typeof device.queue?.writeBuffer === "function" &&
    typeof device.addEventListener === "function" && device.limits !== undefined;
  if (!isDevice) {
    throw new ArgumentError(
      "FA008",
      `Cannot use ${show(device)} as a device: give what requestDevice() has resolved to`,
    );
  }
}

/** Refuses what are no options; the functions among them, as others are passed on. */
export function checkOptions(
  options: { readonly request?: unknown; readonly onError?: unknown },
  name: "request" | "onError",
): void {
  const isObject = typeof options === "object" && options !== null;
  for (const value of isObject ? [options[name], options.onError] : [null]) {
    if (isObject && (value === undefined || typeof value === "function")) continue;
    const [what, advice] = isObject ? [value, `${name} is a function`] : [options, "give an object"];
    throw new ArgumentError("FA008", `Cannot use a WebGPU device with ${show(what)}: ${advice}`);
  }
}

/** What a device demands and allows. */
export function limitsOf(device: GPUDevice): GpuLimits {
  const { limits } = device;
  return {
    uniformAlign: limits.minUniformBufferOffsetAlignment,
    storageAlign: limits.minStorageBufferOffsetAlignment,
    maxBufferSize: limits.maxBufferSize,
    maxUniformBinding: limits.maxUniformBufferBindingSize,
    maxStorageBinding: limits.maxStorageBufferBindingSize,
  };
}

/** Whether it is a software device. Older runtimes do not say it. */
export function isFallback(device: GPUDevice): boolean {
  const info = (device as { readonly adapterInfo?: { readonly isFallbackAdapter?: boolean } }).adapterInfo;
  return info?.isFallbackAdapter ?? false;
}
