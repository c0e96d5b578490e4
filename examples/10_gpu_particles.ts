/**
 * Particles on the GPU: 100,000 of them are set up in memory of a frame, moved by a compute shader whose uniforms come from the ring,
 * read back, and compared with the same steps on the CPU.
 *
 * Run it with `deno run examples/10_gpu_particles.ts`. It needs no permissions, but a GPU, or a driver that does without one (on Debian:
 * `apt-get install mesa-vulkan-drivers`); without either it says so and ends. With `--allow-write` it writes what was asked for:
 * `--png=galaxies.png` a picture of the particles, `--svg=memory.svg` a map of the memory. `--frames=20` stops earlier.
 *
 * In a browser: `deno run -A examples/gpu/serve.ts`.
 */

import { equal } from "node:assert/strict";
import { parseArgs } from "node:util";
import { formatBytes, SmartAlloc } from "../mod.ts";
import { blockMap, GpuAllocator, GpuError, WebGpuBackend } from "../gpu/mod.ts";
import { Particle, stepOnCpu } from "./gpu/galaxy.ts";
import { Particles } from "./gpu/particles.ts";
import { Picture } from "./gpu/picture.ts";
import { png } from "./gpu/png.ts";

const COUNT = 100_000;
const STEPS = 8;
const MOST_FRAMES = 100;
/**
 * The galaxies are some 4 units wide. Shaders may round otherwise than JavaScript, and each step adds to that: most of all for the few
 * that come close to a mass, where the last bit decides where they are flung.
 */
const TOLERANCE = 0.001;
const LEAST_SHARE = 0.99;
const PICTURE = { width: 1280, height: 960 };

const { values } = parseArgs({
  args: Deno.args,
  options: { png: { type: "string" }, svg: { type: "string" }, frames: { type: "string", default: "48" } },
});
const frames = Number(values.frames);
if (!(Number.isInteger(frames) && frames >= 1 && frames <= MOST_FRAMES)) {
  console.error(`Cannot play ${values.frames} frames: give --frames a whole number from 1 to ${MOST_FRAMES}`);
  Deno.exit(2);
}

const backend = await WebGpuBackend.request().catch((error) => {
  if (error instanceof GpuError && error.code === "FA857") return error;
  throw error;
});
if (backend instanceof GpuError) {
  console.log(`Nothing to show without a GPU.\n  ${backend.message}`);
  Deno.exit(0);
}
const { device } = backend;
const alloc = new SmartAlloc();
const gpu = new GpuAllocator(alloc, backend);
console.log(
  `${COUNT} particles, ${frames} frames of ${STEPS} steps, ${backend.isFallback ? "in software" : "on a GPU"}`,
);

// Set up, and uploaded from where it was set up.
const particles = alloc.withTag("particles", () => new Particles(gpu, device, COUNT));
await particles.compile();
let started = performance.now();
particles.start();
const setUp = { ...gpu.stats().uploads };
// To compare with later, what was uploaded is brought back: all that is asked for outside of frames comes at once, too.
const before = new Float32Array((await gpu.read(particles.handle)).buffer);
report("set up, and read back", started, `${formatBytes(setUp.bytes)} in ${writes(setUp.writes)}`);

// The frames.
started = performance.now();
for (let frame = 0; frame < frames; frame++) {
  gpu.beginFrame();
  const encoder = device.createCommandEncoder();
  particles.encode(encoder, STEPS);
  gpu.flush(); // the uniforms of all steps, before the work that uses them
  device.queue.submit([encoder.finish()]);
  gpu.endFrame();
}
await backend.done();
const { uploads, ring } = gpu.stats();
const sent = { writes: uploads.writes - setUp.writes, bytes: uploads.bytes - setUp.bytes };
const each = `${ring.lastAllocations} uniforms of a frame at once`;
report(`${frames} frames`, started, `${formatBytes(sent.bytes)} in ${writes(sent.writes)}: ${each}`);
equal(sent.writes, frames, "each frame has uploaded all of its uniforms at once");
equal([ring.lastAllocations, ring.overflows].join(), `${STEPS},0`);

// What came of it, and a picture.
started = performance.now();
const reading = gpu.read(particles.handle);
const picture = values.png === undefined ? undefined : draw();
const after = new Float32Array((await reading).buffer);
const pixels = await picture;
const { readbacks } = gpu.stats();
report("read back", started, `${formatBytes(readbacks.bytes)} in ${readbacks.maps} maps since the start`);

started = performance.now();
const expected = before.slice();
stepOnCpu(expected, new Float32Array(particles.history));
report("the same on the CPU", started, `${frames * STEPS} steps`);
const { share, median, moved } = compare(before, expected, after);
console.log(
  `\nparticles moved by ${moved.toFixed(2)} on average, and half are within ${
    median.toExponential(1)
  } of where the CPU`,
);
console.log(`has them: ${(100 * share).toFixed(2)} % within ${TOLERANCE}`);
equal(moved > 0.01 && share >= LEAST_SHARE, true, `${100 * LEAST_SHARE} % are within ${TOLERANCE}`);

console.log("\nheap      reserved        used  allocations  buffers");
for (const [name, heap] of Object.entries(gpu.stats().heaps)) {
  const sizes = [heap.reserved, heap.used].map((bytes) => formatBytes(bytes).padStart(12));
  console.log(`${name.padEnd(8)}${sizes.join("")}  ${String(heap.allocations).padStart(11)}  ${heap.buffers}`);
}
console.log(`ring    ${formatBytes(ring.reserved).padStart(12)}${formatBytes(ring.lastBytes).padStart(12)}`);

if (values.svg !== undefined) {
  const svg = blockMap(gpu.dump(), { title: `Memory of ${COUNT} particles` });
  Deno.writeTextFileSync(values.svg, svg);
  console.log(`\n${values.svg}: the map of the memory`);
}
if (values.png !== undefined) {
  Deno.writeFileSync(values.png, await png(pixels!, PICTURE.width, PICTURE.height));
  console.log(`${values.png}: the particles after ${frames} frames`);
}

gpu.free(particles.handle);
equal(gpu.dispose().length + alloc.dispose().length, 0);

/** Draws into a texture, and reads its pixels. */
async function draw(): Promise<Uint8Array> {
  const size = [PICTURE.width, PICTURE.height];
  const usage = GPUTextureUsage.RENDER_ATTACHMENT | GPUTextureUsage.COPY_SRC;
  const texture = device.createTexture({ size, format: "rgba8unorm", usage });
  const target = gpu.alloc(4 * PICTURE.width * PICTURE.height, { intent: "Readback", name: "picture" });
  gpu.beginFrame();
  const encoder = device.createCommandEncoder();
  new Picture(gpu, device, "rgba8unorm", PICTURE).encode(encoder, texture.createView(), particles);
  const layout = { buffer: gpu.buffer(target), offset: gpu.offset(target), bytesPerRow: 4 * PICTURE.width };
  encoder.copyTextureToBuffer({ texture }, layout, size);
  gpu.flush();
  device.queue.submit([encoder.finish()]);
  gpu.endFrame();
  const pixels = await gpu.read(target);
  gpu.free(target);
  texture.destroy();
  return pixels;
}

/** How far the particles are from where they should be, and from where they were. */
function compare(
  before: Float32Array,
  expected: Float32Array,
  after: Float32Array,
): { readonly share: number; readonly median: number; readonly moved: number } {
  const distances = new Float64Array(COUNT);
  let moved = 0;
  for (let i = 0; i < COUNT; i++) {
    distances[i] = distance(expected, after, i);
    moved += distance(before, after, i);
  }
  distances.sort();
  const far = distances.findIndex((distance) => !(distance <= TOLERANCE));
  return { share: (far < 0 ? COUNT : far) / COUNT, median: distances[COUNT >> 1]!, moved: moved / COUNT };
}

function distance(a: Float32Array, b: Float32Array, particle: number): number {
  const i = particle * Particle.size / 4;
  return Math.hypot(a[i]! - b[i]!, a[i + 1]! - b[i + 1]!, a[i + 2]! - b[i + 2]!);
}

function report(what: string, since: number, came: string): void {
  console.log(`${what.padEnd(22)} ${(performance.now() - since).toFixed(0).padStart(5)} ms   ${came}`);
}

function writes(count: number): string {
  return count === 1 ? "1 write" : `${count} writes`;
}
