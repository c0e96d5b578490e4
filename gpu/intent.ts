/**
 * What memory of a device is for and how long it lives, and which of the places that WebGPU has suits the two.
 *
 * WebGPU has no memory that both sides can use: what the CPU writes for the GPU is a copy on the CPU that is uploaded, and what the GPU
 * writes for the CPU is copied to a buffer that can do nothing but be read.
 */

import { ArgumentError, show } from "../src/errors.ts";
import { GpuError } from "./gpu_error.ts";

/**
 * Who uses the memory. `"DeviceOnly"`: the GPU alone. `"HostVisible"`: the CPU writes, the GPU reads. `"HostCached"`: the GPU writes, the
 * CPU reads a copy that it asks for. `"Staging"`: bytes on the CPU that are on their way to the GPU. `"Readback"`: the GPU copies there
 * what the CPU will read.
 */
export type GpuIntent = "DeviceOnly" | "HostVisible" | "HostCached" | "Staging" | "Readback";

/** Memory that is freed at the end of a frame after this one. */
export interface MultiFrameLifetime {
  /** The frames that it lives in, the current one included. */
  readonly frames: number;
}

/**
 * How long memory lives. `"Frame"`: until the end of the frame. {@linkcode MultiFrame}: for some frames. `"Persistent"`: until it is freed.
 * `"Streaming"`: until it is freed, or evicted because there is no room for something else.
 */
export type GpuLifetime = "Frame" | "Persistent" | "Streaming" | MultiFrameLifetime;

/**
 * How the GPU uses memory, as a buffer cannot be read and written by one dispatch. `"uniform"`: bindings that are only read, as uniforms
 * or storage. `"vertex"`: vertices, indices and indirect arguments, which are no bindings and are packed more densely. `"storage"`:
 * bindings that are written.
 */
export type GpuUse = "uniform" | "vertex" | "storage";

/** The heaps: one for each use, and one for what is read back. */
export type GpuHeapName = GpuUse | "readback";

/**
 * What happens to the contents when the device is lost. `"shadow"`: a copy on the CPU is kept and uploaded again. `"restore"`: the program
 * is asked for them. `"discard"`: they are gone, and the memory holds zeros.
 */
export type GpuLossPolicy = "shadow" | "restore" | "discard";

/** Where an allocation is. */
export type GpuPlace = "heap" | "ring" | "staging" | "readback";

const INTENTS: readonly string[] = ["DeviceOnly", "HostVisible", "HostCached", "Staging", "Readback"];

/**
 * The lifetime of memory that is freed at the end of a later frame.
 *
 * @param frames The frames that it lives in, the current one included: at least 1.
 * @returns The lifetime.
 * @throws {ArgumentError} `FA008` if it is no whole number of at least 1.
 *
 * @example
 * ```ts
 * import { SmartAlloc } from "@framealloc/core";
 * import { GpuAllocator, MultiFrame, NullBackend } from "@framealloc/core/gpu";
 * import { assertEquals } from "@std/assert";
 *
 * const gpu = new GpuAllocator(new SmartAlloc(), new NullBackend());
 * gpu.beginFrame();
 * const history = gpu.alloc(1024, { lifetime: MultiFrame(2) });
 * gpu.endFrame();
 * gpu.beginFrame();
 * assertEquals(gpu.isLive(history), true);
 * gpu.endFrame();
 * assertEquals(gpu.isLive(history), false);
 * ```
 */
export function MultiFrame(frames: number): MultiFrameLifetime {
  if (!(Number.isSafeInteger(frames) && frames >= 1)) {
    throw new ArgumentError("FA008", `Cannot live for ${show(frames)} frames: give a whole number of at least 1`);
  }
  return { frames };
}

/** How many frames a lifetime lasts; 0 where frames do not end it. */
export function framesOf(lifetime: GpuLifetime): number {
  if (lifetime === "Frame") return 1;
  return typeof lifetime === "object" && lifetime !== null ? lifetime.frames : 0;
}

/** A lifetime as a word, for reports. */
export function nameOfLifetime(lifetime: GpuLifetime): string {
  return typeof lifetime === "string" ? lifetime : `MultiFrame(${lifetime.frames})`;
}

/** The place for an intent and a lifetime. */
export function placeFor(intent: GpuIntent, lifetime: GpuLifetime): GpuPlace {
  if (!INTENTS.includes(intent)) {
    throw new ArgumentError(
      "FA008",
      `Cannot allocate with the intent ${show(intent)}: use one of ${INTENTS.join(", ")}`,
    );
  }
  const isMulti = typeof lifetime === "object" && lifetime !== null && Number.isSafeInteger(lifetime.frames) &&
    lifetime.frames >= 1;
  if (lifetime !== "Frame" && lifetime !== "Persistent" && lifetime !== "Streaming" && !isMulti) {
    throw new ArgumentError(
      "FA008",
      `Cannot allocate with the lifetime ${show(lifetime)}: use Frame, MultiFrame(n), Persistent or Streaming`,
    );
  }
  switch (intent) {
    case "DeviceOnly":
      return "heap";
    case "HostVisible":
      return lifetime === "Frame" ? "ring" : "heap";
    case "HostCached":
      if (lifetime === "Streaming") break;
      return "heap";
    case "Staging":
      if (lifetime === "Persistent") break;
      return "staging";
    case "Readback":
      if (lifetime === "Streaming") break;
      return "readback";
  }
  throw new GpuError(
    "FA852",
    `Cannot allocate ${intent} memory with the lifetime ${
      nameOfLifetime(lifetime)
    } as no place on a device suits both: ${
      intent === "Staging" ? "stage for a few frames, or keep the bytes on the CPU" : "use Persistent, and free it"
    }`,
  );
}
