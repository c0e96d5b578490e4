/**
 * How much the heap of JavaScript grows in a frame. A case runs in a process of its own, with a young generation so large that nothing is
 * collected meanwhile: what the heap has grown by is what was made.
 */

import { getHeapStatistics } from "node:v8";
import { type Safety, SmartAlloc } from "../../mod.ts";
import { GpuAllocator, type GpuBackend, NullBackend, USAGE, WebGpuBackend } from "../../gpu/mod.ts";

/** Bytes of an allocation, as a typed array of this many numbers, and what a frame of all of them takes. */
const WORDS = 16;
const RING_STEP = 256;

/** Milliseconds of frames before it counts: until V8 has compiled everything for good, it makes objects of numbers. */
const WARM_UP = 800;
const FRAMES = 1000;

/** What a frame does only once is compiled late: frames with few allocations come before those with all of them. */
const FEW = 8;

/** How often a case may be measured: now and then V8 has not compiled everything by then. Real garbage is there each time. */
const ATTEMPTS = 3;

/**
 * What a frame does. `"bare"` writes as many bytes as the others and submits them, without a library; `"all"` allocates in all three ways in
 * turn; and `"leak"` makes an array beside its allocations, so that it can be seen that this is noticed.
 */
export type FrameWork = "bare" | "alloc" | "push" | "slice" | "all" | "leak";

/** A case. */
export interface GrowthCase {
  readonly device: "webgpu" | "null";
  readonly safety: Safety;
  readonly work: FrameWork;
  readonly allocations: number;
}

if (import.meta.main) {
  const [device, safety, work, allocations] = Deno.args;
  const measured = await measure({ device, safety, work, allocations: Number(allocations) } as GrowthCase);
  console.log(`bytes ${measured}`);
  Deno.exit(0);
}

/** The bytes that a frame of a case makes. */
export async function growthOf(one: GrowthCase, atMost: number = Infinity): Promise<number> {
  let least = Infinity;
  for (let i = 0; i < ATTEMPTS && least > atMost || i === 0; i++) least = Math.min(least, await spawn(one));
  return least;
}

async function spawn({ device, safety, work, allocations }: GrowthCase): Promise<number> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--quiet",
      "--v8-flags=--expose-gc,--single-threaded-gc,--min-semi-space-size=256,--max-semi-space-size=256",
      import.meta.filename!,
      device,
      safety,
      work,
      String(allocations),
    ],
  }).output();
  const bytes = /^bytes (-?[\d.]+)$/m.exec(new TextDecoder().decode(stdout))?.[1];
  if (!success || bytes === undefined) {
    throw new Error(`Cannot measure "${work}" on ${device}: ${new TextDecoder().decode(stderr)}`);
  }
  return Number(bytes);
}

async function measure({ device, safety, work, allocations }: GrowthCase): Promise<number> {
  const backend: GpuBackend = device === "null" ? new NullBackend() : await WebGpuBackend.request();
  const gpu = new GpuAllocator(new SmartAlloc({ safety }), backend, { ringSize: 2 ** 20 });
  const now = { count: allocations };
  const frame = frameOf(gpu, backend, work, now);
  for (const count of [Math.min(FEW, allocations), allocations]) {
    now.count = count;
    for (const end = performance.now() + WARM_UP; performance.now() < end;) play(frame, 20);
  }
  getHeapStatistics();
  collect();
  const before = getHeapStatistics().used_heap_size;
  play(frame, FRAMES);
  return (getHeapStatistics().used_heap_size - before) / FRAMES;
}

/** The same function before and while it counts, so that it has been compiled for good by then. */
function play(frame: () => void, frames: number): void {
  for (let i = 0; i < frames; i++) frame();
}

/** Frames of a case. */
function frameOf(
  gpu: GpuAllocator,
  backend: GpuBackend,
  work: FrameWork,
  now: { readonly count: number },
): () => void {
  if (work === "bare") return bareFrame(backend, RING_STEP * now.count);
  const { ring } = gpu;
  const data = new Float32Array(WORDS);
  const kept: unknown[] = [undefined];
  // Loops of their own, as each is compiled for what it does.
  const works: Record<Exclude<FrameWork, "bare">, () => void> = {
    alloc: () => {
      for (let i = 0; i < now.count; i++) ring.alloc(4 * WORDS);
    },
    push: () => {
      for (let i = 0; i < now.count; i++) {
        data[0] = i;
        ring.push(data);
      }
    },
    slice: () => {
      for (let i = 0; i < now.count; i++) ring.slice(Float32Array, WORDS)[0] = i;
    },
    all: () => {
      for (let i = 0; i < now.count; i += 3) {
        ring.alloc(4 * WORDS);
        ring.push(data);
        ring.slice(Float32Array, WORDS)[0] = i;
      }
    },
    leak: () => {
      for (let i = 0; i < now.count; i++) ring.alloc(4 * WORDS);
      kept[0] = new Float32Array(WORDS);
    },
  };
  const allocate = works[work];
  return () => {
    gpu.beginFrame();
    allocate();
    gpu.endFrame();
  };
}

/** What no library can do without. */
function bareFrame(backend: GpuBackend, size: number): () => void {
  const bytes = new Uint8Array(size);
  const buffer = backend.create(size, USAGE.UNIFORM | USAGE.COPY_DST, "bare");
  if (!(backend instanceof WebGpuBackend)) {
    return () => {
      backend.write(buffer, 0, bytes, 0, size);
      backend.submit();
    };
  }
  const { queue } = backend.device;
  const raw = backend.raw(buffer);
  const none: GPUCommandBuffer[] = [];
  return () => {
    queue.writeBuffer(raw, 0, bytes, 0, size);
    queue.submit(none);
  };
}

function collect(): void {
  const { gc } = globalThis as { gc?: (options: { readonly type: "minor" }) => void };
  if (gc === undefined) throw new Error("Cannot measure the heap as there is no gc(): run with --v8-flags=--expose-gc");
  gc({ type: "minor" });
}
