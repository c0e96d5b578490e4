/**
 * Asks the runtime for a WebGPU device. Where there is none, the error says what to install.
 */

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
  const adapter = await gpu.requestAdapter(options);
  if (adapter !== null) return adapter;
  throw new GpuError(
    "FA857",
    "Cannot get a GPU device as no adapter was found: install a driver (mesa-vulkan-drivers does without a GPU), or use a " +
      "NullBackend",
  );
}
