/**
 * Asks for a device where there is none: run with an environment that hides the drivers.
 */

import { WebGpuBackend } from "../../gpu/backend/webgpu_backend.ts";

try {
  const backend = await WebGpuBackend.request();
  console.log(`a device, fallback: ${backend.isFallback}`);
} catch (error) {
  console.log(String(error));
}
