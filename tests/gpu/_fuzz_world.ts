/**
 * An allocator with one of everything, in every state that it can be in, and what of it a refused call must leave as it is.
 */

import { type Batch, f32, type FrameGuard, type Layout, SmartAlloc, struct, vec4f } from "@framealloc/core";
import {
  GpuAllocator,
  type GpuAllocatorOptions,
  type GpuHandle,
  NullBackend,
  UnifiedAllocator,
  type UnifiedBuffer,
  WebGpuBackend,
} from "@framealloc/core/gpu";
import { assertEquals } from "@std/assert";
import { USAGE } from "../../gpu/backend/backend.ts";
import { type Device, lose } from "./_backends.ts";

/** A layout, for what is allocated by one. */
export const Draw = struct("Draw", { color: vec4f, glow: f32 }, { rules: "wgsl" });

/** How a device for a world is made. */
export type MakeDevice = () => Device | Promise<Device>;

/** What came of a promise. */
export interface Outcome {
  isSettled: boolean;
  error: { readonly thrown: unknown } | undefined;
}

/** What a frame has allocated. */
export interface FrameThings {
  readonly place: number;
  readonly view: Float32Array;
  readonly batch: Batch<Layout>;
  readonly box: object;
  readonly columns: Record<string, unknown>;
  readonly staging: UnifiedBuffer | undefined;
}

/** So many turns a recovery of the null device takes where it is to be looked at. */
const LONG = 10_000;

/** What a snapshot starts with that could not be taken. */
export const NO_SNAPSHOT = "no snapshot: ";

/** The states, in which every method is called. */
export const STATES = {
  "before the first frame": () => {},
  "in a frame": (world: World) => world.beginFrame(),
  "after a frame": (world: World) => {
    world.beginFrame();
    world.endFrame();
  },
  "in a frame of the CPU alone": (world: World) => world.alloc.beginFrame(),
  "after the GPU was disposed of": (world: World) => void world.gpu.dispose(),
  "after the GPU was disposed of in a frame": (world: World) => {
    world.beginFrame();
    world.gpu.dispose();
  },
  "after the CPU was disposed of": (world: World) => void world.alloc.dispose(),
  "after the CPU was disposed of in a frame": (world: World) => {
    world.beginFrame();
    world.alloc.dispose();
  },
  "after the device was disposed of": (world: World) => world.backend.dispose(),
  "after a loss": (world: World) => lose(world.backend),
  "after a loss in a frame": (world: World) => {
    world.beginFrame();
    return lose(world.backend);
  },
  "in a recovery": async (world: World) => {
    const { backend } = world;
    await lose(backend);
    const isNull = backend instanceof NullBackend;
    if (isNull) backend.latency = LONG;
    world.keep(world.gpu.recover());
    if (isNull) backend.latency = 2;
  },
  "after a recovery": async (world: World) => {
    await lose(world.backend);
    await world.gpu.recover();
  },
} as const satisfies Record<string, (world: World) => void | Promise<void>>;

export type State = keyof typeof STATES;

/** See the file comment. */
export class World {
  readonly alloc = new SmartAlloc();
  readonly backend: Device;
  readonly gpu: GpuAllocator;
  readonly unified: UnifiedAllocator;
  readonly guard: FrameGuard;
  /** Allocations of every kind, freed ones, and those of another allocator. */
  readonly live: GpuHandle;
  readonly other: GpuHandle;
  readonly shadowed: GpuHandle;
  readonly readback: GpuHandle;
  readonly gone: readonly GpuHandle[];
  readonly cpuBuffer: UnifiedBuffer;
  readonly gpuBuffer: UnifiedBuffer;
  readonly freedBuffer: UnifiedBuffer;
  readonly stale: FrameThings;
  current: FrameThings;
  /** Buffers of the device alone. */
  readonly data: number;
  readonly target: number;
  readonly mapped: number;
  readonly destroyed: number;
  /** How many calls were not refused; counted by whoever makes them. */
  uses = 0;
  /** How many promises are not settled, and those that were rejected. */
  waiting = 0;
  readonly outcomes: Outcome[] = [];
  /** What else was made, and has to be disposed of. */
  readonly made: { dispose(): unknown }[] = [];

  constructor(backend: Device, options: GpuAllocatorOptions = {}) {
    const { alloc } = this;
    alloc.budgets.setGlobal({ hard: 256 * 1024 ** 2 });
    this.backend = backend;
    const gpu = this.gpu = new GpuAllocator<unknown>(alloc, backend, {
      blockSize: 2 ** 16,
      ringSize: 2 ** 16,
      ...options,
    });
    this.unified = new UnifiedAllocator(alloc, gpu);
    this.live = gpu.alloc(64, { name: "live" });
    this.other = gpu.alloc(128, { lifetime: "Streaming", importance: 5 });
    this.shadowed = gpu.alloc(64, { intent: "HostVisible" });
    this.readback = gpu.alloc(64, { intent: "Readback" });
    const freed = gpu.alloc(64);
    gpu.free(freed);
    const reused = gpu.alloc(64);
    this.gone = [freed, reused];
    gpu.free(reused);
    gpu.alloc(64);
    this.cpuBuffer = this.unified.createCpuBuffer(64);
    this.gpuBuffer = this.unified.createGpuBuffer(64);
    this.freedBuffer = this.unified.createCpuBuffer(64);
    this.freedBuffer.free();
    this.data = backend.create(256, USAGE.COPY_SRC | USAGE.COPY_DST | USAGE.STORAGE, "data");
    this.target = backend.create(256, USAGE.COPY_DST | USAGE.COPY_SRC, "target");
    this.mapped = backend.create(256, USAGE.COPY_DST | USAGE.MAP_READ, "mapped");
    this.destroyed = backend.create(256, USAGE.COPY_DST, "destroyed");
    backend.destroy(this.destroyed);
    this.guard = gpu.frame();
    alloc.beginFrame();
    this.current = this.stale = this.#things();
    alloc.endFrame();
    gpu.endFrame();
  }

  /** Makes a world in a state. */
  static async in(state: State, make: MakeDevice, options?: GpuAllocatorOptions): Promise<World> {
    const world = new World(await make(), options);
    await STATES[state](world);
    return world;
  }

  beginFrame(): void {
    this.unified.beginFrame();
    this.current = this.#things();
  }

  endFrame(): void {
    this.unified.endFrame();
  }

  #things(): FrameThings {
    const { ring } = this.gpu;
    return {
      place: ring.alloc(64),
      view: ring.slice(Float32Array, 16),
      batch: ring.batch(Draw, 2) as unknown as Batch<Layout>,
      box: ring.box(Draw),
      columns: ring.columns(Draw, 4) as unknown as Record<string, unknown>,
      staging: this.gpu.inFrame && this.alloc.inFrame ? this.unified.createStagingBuffer(64) : undefined,
    };
  }

  /** Whether the CPU's memory was disposed of. */
  get isOver(): boolean {
    try {
      this.alloc.tryHeapAlloc(16)?.free();
      return false;
    } catch {
      return true;
    }
  }

  /** Looks after a promise, so that it is known what it came to. */
  keep(promise: Promise<unknown>): Outcome {
    const outcome: Outcome = { isSettled: false, error: undefined };
    this.waiting++;
    promise.then((value) => {
      if (value instanceof WebGpuBackend) this.made.push(value);
    }, (error) => {
      outcome.error = { thrown: error };
      this.outcomes.push(outcome);
    }).finally(() => {
      this.waiting--;
      outcome.isSettled = true;
    });
    return outcome;
  }

  /** Everything that a refused call must leave as it is; or why it cannot be told, after {@linkcode NO_SNAPSHOT}. */
  snapshot(): string {
    try {
      return this.#tell();
    } catch (error) {
      return `${NO_SNAPSHOT}${error instanceof Error ? error.stack : error}`;
    }
  }

  #tell(): string {
    const { gpu, alloc, backend, unified } = this;
    const { budgets, tags, heap, leases, frame, pool } = alloc.stats();
    // What the CPU has taken and given back is kept for a while.
    const idle = heap.idle + leases.idle + pool.idle;
    const usage = unified.getUsage();
    return JSON.stringify([
      gpu.stats(),
      gpu.dump(),
      gpu.ring.used,
      gpu.inFrame,
      gpu.leaks().length,
      [usage.cpu - idle, usage.gpu],
      [this.cpuBuffer, this.gpuBuffer].map(({ location, isWritten, isFreed }) => [location, isWritten, isFreed]),
      [this.live, this.other, this.shadowed].map((handle) => gpu.isLive(handle)),
      // The most that there was at once may rise for a moment, and what is asked for is counted, whatever comes of it.
      budgets.map(({ name, used, soft, hard }) => [name, name === "global" ? used - idle : used, soft, hard]),
      tags.map(({ path, inUse }) => [path, inUse]),
      [heap.live, leases.live, pool.live, frame.used, frame.number, frame.open],
      [backend.loss, backend instanceof NullBackend ? [backend.liveBytes, backend.liveBuffers] : 0],
    ], (key, value) => key === "peak" || key === "requests" ? undefined : value);
  }

  /** Ends everything, and checks that nothing is left. */
  async end(): Promise<void> {
    const { alloc, gpu, backend } = this;
    gpu.dispose();
    for (const thing of this.made) thing.dispose();
    const { tags, leases, budgets } = alloc.stats();
    assertEquals(tags.map(({ inUse }) => inUse.gpu).filter((bytes) => bytes !== 0), []);
    assertEquals(leases.live, 0);
    assertEquals(budgets.map(({ name }) => name).filter((name) => name.startsWith("gpu")), []);
    if (backend instanceof NullBackend) assertEquals([backend.liveBytes, backend.liveBuffers], [0, 0]);
    alloc.dispose();
    assertEquals(alloc.stats().budgets[0]?.used, 0);
    for (let turn = 0; this.waiting > 0 && turn < 2 * LONG; turn++) {
      // Real devices answer after some tasks; the null one needs none.
      await (backend instanceof NullBackend ? undefined : new Promise((resolve) => setTimeout(resolve, 1)));
    }
    assertEquals(this.waiting, 0, "somebody waits for ever");
  }
}
