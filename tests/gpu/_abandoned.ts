/**
 * Leaves allocations to the garbage collector and prints what is reported of them: run with `--v8-flags=--expose-gc`.
 */

import { SmartAlloc } from "@framealloc/core";
import { type GpuAllocation, GpuAllocator, NullBackend } from "@framealloc/core/gpu";

const { gc } = globalThis as { gc?: () => void };
if (gc === undefined) throw new Error("Cannot collect as there is no gc()");

const alloc = new SmartAlloc();
const gpu = new GpuAllocator(alloc, new NullBackend());

/** In a function of its own, so that nothing is left on the stack. */
function abandon(): { readonly kept: GpuAllocation; readonly handle: number } {
  gpu.beginFrame();
  gpu.create(100, { name: "for a frame", lifetime: "Frame" });
  gpu.create(100, { name: "freed" }).free();
  alloc.withTag("level", () => gpu.create(100, { name: "abandoned" }));
  gpu.ref(gpu.alloc(100, { name: "watched by nobody" }));
  const later = gpu.create(100, { name: "freed later" });
  gpu.create(100, { name: "abandoned too" });
  return { kept: gpu.create(100, { name: "kept" }), handle: later.handle };
}

const { kept, handle } = abandon();
for (let i = 0; i < 10; i++) {
  gc();
  await new Promise((resolve) => setTimeout(resolve, 5));
}
const names = (): string => gpu.leaks().map(({ name, tag }) => tag === "" ? name : `${name} (${tag})`).join(", ");
console.log(names());
gpu.free(handle);
gpu.endFrame();
console.log(names());
console.log(kept.isLive);
console.log(gpu.dispose().length);
