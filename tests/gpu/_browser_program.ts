/**
 * What a browser is to do: the same programs as every other device, and the particles of example 10, computed and drawn.
 */

import { SmartAlloc } from "@framealloc/core";
import { stepOnCpu } from "../../examples/gpu/galaxy.ts";
import { type Canvas, play } from "../../examples/gpu/page.ts";
import { Particles } from "../../examples/gpu/particles.ts";
import { GpuAllocator, WebGpuBackend } from "../../gpu/mod.ts";
import { ALLOCATOR_SCENARIOS, logOfAllocator } from "./_allocator_scenarios.ts";
import { SCENARIOS } from "./_backend_scenarios.ts";
import { type Device, nullBackend, requireWebGpu } from "./_backends.ts";

/** What two devices have noted in the same program. */
export interface Logs {
  readonly real: readonly string[];
  readonly null: readonly string[];
}

/** What a browser reports. */
export interface BrowserReport {
  /** Why there is nothing to report. */
  readonly missing?: string;
  readonly backend: Readonly<Record<string, Logs>>;
  readonly allocator: Readonly<Record<string, Logs>>;
  /** What the device has said of mistakes that are nobody's. */
  readonly complaints: readonly string[];
  /** The largest distance of a particle from where the CPU has it, and how far they moved. */
  readonly particles: { readonly error: number; readonly moved: number };
  /** The pixels that are lit, of all, and what the page said last. */
  readonly picture: { readonly lit: number; readonly line: string };
}

const COUNT = 2000;
const FRAMES = 10;

declare const document: {
  createElement(kind: "canvas"): Canvas & {
    getContext(kind: "2d"): {
      drawImage(image: unknown, x: number, y: number): void;
      getImageData(x: number, y: number, width: number, height: number): { readonly data: Uint8ClampedArray };
    };
  };
};

/** Does everything. */
export async function run(): Promise<Partial<BrowserReport>> {
  const complaints: string[] = [];
  const onError = (message: string): void => void complaints.push(message);
  try {
    (await WebGpuBackend.request()).dispose();
  } catch (error) {
    return { missing: (error as Error).message };
  }
  const backend: Record<string, Logs> = {};
  for (const [name, scenario] of Object.entries(SCENARIOS)) {
    const logOf = async (device: Device): Promise<string[]> => {
      const lines: string[] = [];
      await scenario(device, (line) => lines.push(line));
      device.dispose();
      return lines;
    };
    backend[name] = { real: await logOf(await requireWebGpu({ onError })), null: await logOf(nullBackend()) };
  }
  const allocator: Record<string, Logs> = {};
  for (const [name, scenario] of Object.entries(ALLOCATOR_SCENARIOS)) {
    allocator[name] = {
      real: await logOfAllocator(await requireWebGpu({ onError }), scenario),
      null: await logOfAllocator(nullBackend(), scenario),
    };
  }
  return { backend, allocator, particles: await particles(onError), picture: await picture(), complaints };
}

/** Moves particles, and compares. */
async function particles(onError: (message: string) => void): Promise<BrowserReport["particles"]> {
  const backend = await requireWebGpu({ onError });
  const gpu = new GpuAllocator(new SmartAlloc(), backend);
  const particles = new Particles(gpu, backend.device, COUNT);
  await particles.compile();
  particles.start();
  const before = new Float32Array((await gpu.read(particles.handle)).buffer);
  for (let frame = 0; frame < FRAMES; frame++) {
    gpu.beginFrame();
    const encoder = backend.device.createCommandEncoder();
    particles.encode(encoder, 4);
    gpu.flush();
    backend.device.queue.submit([encoder.finish()]);
    gpu.endFrame();
  }
  const after = new Float32Array((await gpu.read(particles.handle)).buffer);
  const expected = before.slice();
  stepOnCpu(expected, new Float32Array(particles.history));
  let [error, moved] = [0, 0];
  for (let i = 0; i < after.length; i++) {
    error = Math.max(error, Math.abs(after[i]! - expected[i]!));
    moved = Math.max(moved, Math.abs(after[i]! - before[i]!));
  }
  gpu.dispose();
  return { error, moved };
}

/** Plays the page, and looks at what it shows in the end. */
async function picture(): Promise<BrowserReport["picture"]> {
  const [canvas, copy] = [document.createElement("canvas"), document.createElement("canvas")];
  canvas.width = copy.width = 320;
  canvas.height = copy.height = 240;
  const seen = copy.getContext("2d");
  let line = "";
  await play(canvas, (text) => {
    line = text;
    seen.drawImage(canvas, 0, 0);
  }, { count: 20_000, frames: FRAMES });
  const { data } = seen.getImageData(0, 0, canvas.width, canvas.height);
  let lit = 0;
  for (let i = 0; i < data.length; i += 4) if (data[i]! + data[i + 1]! + data[i + 2]! > 120) lit++;
  return { lit: lit / (canvas.width * canvas.height), line };
}
