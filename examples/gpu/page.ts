/**
 * The particles of example 10 in a browser: the same simulation and the same picture, on a canvas.
 */

import { formatBytes, SmartAlloc } from "../../mod.ts";
import { GpuAllocator, WebGpuBackend } from "../../gpu/mod.ts";
import { Particles } from "./particles.ts";
import { Picture } from "./picture.ts";

const STEPS = 4;
/** Then they have passed, and it starts over. */
const FRAMES = 180;
/** How often the figures change, in frames. */
const CALM = 30;

/** What this needs of a canvas. */
export interface Canvas {
  width: number;
  height: number;
  getContext(kind: "webgpu"): GPUCanvasContext | null;
}

declare function requestAnimationFrame(callback: () => void): number;

/**
 * Shows the particles, for so many frames.
 *
 * @param canvas Where.
 * @param tell Told after each frame what it came to, as a line of text: the canvas shows it then.
 * @param options How many particles and frames.
 */
export async function play(
  canvas: Canvas,
  tell: (line: string) => void,
  { count = 100_000, frames = Infinity }: { readonly count?: number; readonly frames?: number } = {},
): Promise<void> {
  const backend = await WebGpuBackend.request();
  const { device } = backend;
  const format = navigator.gpu.getPreferredCanvasFormat();
  const context = canvas.getContext("webgpu")!;
  context.configure({ device, format, alphaMode: "opaque" });
  const gpu = new GpuAllocator(new SmartAlloc(), backend);
  const particles = new Particles(gpu, device, count);
  await particles.compile();
  const picture = new Picture(gpu, device, format, canvas);

  let rate = "";
  let since = performance.now();
  for (let frame = 0; frame < frames; frame++) {
    await new Promise<void>((resolve) => requestAnimationFrame(resolve));
    if (frame % FRAMES === 0) particles.start();
    gpu.beginFrame();
    const encoder = device.createCommandEncoder();
    particles.encode(encoder, STEPS);
    picture.encode(encoder, context.getCurrentTexture().createView(), particles);
    gpu.flush();
    device.queue.submit([encoder.finish()]);
    gpu.endFrame();
    if (frame % CALM === CALM - 1) {
      rate = `, ${(1000 * CALM / (performance.now() - since)).toFixed(0)} frames per second`;
      since = performance.now();
    }
    const { reserved, ring, uploads } = gpu.stats();
    tell(
      `${count} particles${rate}, ${
        formatBytes(reserved)
      } on the device, ${ring.lastAllocations} uniforms per frame, ` +
        `${uploads.writes} writes in ${frame + 1} frames`,
    );
  }
  gpu.dispose();
}
