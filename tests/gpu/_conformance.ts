/**
 * One suite for every device: each test runs on the device in JavaScript and, where there is an adapter, on a real one, and what both
 * note has to be the same: offsets, bytes that were read back, codes of errors, counts, the dump, budgets and tags.
 */

import { type AllocConfig, FrameAllocError, SmartAlloc } from "@framealloc/core";
import { GpuAllocator, type GpuAllocatorOptions, type GpuDump, NullBackend } from "@framealloc/core/gpu";
import { assertEquals } from "@std/assert";
import { type Device, NO_WEBGPU, nullBackend, requireWebGpu, settled } from "./_backends.ts";
import { digest } from "./_bytes.ts";

export const KIB = 1024;
export const MIB = 1024 * 1024;

/** What a test works with. */
export interface Bench {
  readonly alloc: SmartAlloc;
  readonly gpu: GpuAllocator<unknown>;
  readonly backend: Device;
  /** Writes down what both devices must do alike. */
  note(what: string, value: unknown): void;
}

/** How a test is set up. */
export interface BenchOptions {
  readonly gpu?: GpuAllocatorOptions;
  readonly alloc?: AllocConfig;
}

export type Scenario = (bench: Bench) => void | Promise<void>;

/** Registers a test for both devices. */
export function conform(name: string, scenario: Scenario, options: BenchOptions = {}): void {
  Deno.test(name, async () => {
    const lines = await run(nullBackend(), scenario, options);
    if (NO_WEBGPU === undefined) assertEquals(await run(await requireWebGpu(), scenario, options), lines);
  });
}

/** Registers a test for the device in JavaScript, which does on demand what no real one does. */
export function onNull(
  name: string,
  scenario: (bench: Bench & { readonly backend: NullBackend }) => void | Promise<void>,
  options: BenchOptions & { readonly backend?: ConstructorParameters<typeof NullBackend>[0] } = {},
): void {
  Deno.test(name, async () => {
    const backend = nullBackend(options.backend);
    await run(backend, (bench) => scenario({ ...bench, backend }), options);
  });
}

/** What a test notes on a device. At its end everything is accounted for. */
async function run(backend: Device, scenario: Scenario, options: BenchOptions): Promise<string[]> {
  const lines: string[] = [];
  const alloc = new SmartAlloc(options.alloc);
  // A software device would have another limit.
  const gpu = new GpuAllocator<unknown>(alloc, backend, { budget: { hard: 1024 * MIB }, ...options.gpu });
  const note = (what: string, value: unknown): void => {
    lines.push(`${what}: ${JSON.stringify(value, (_, inner) => inner === Infinity ? "Infinity" : inner)}`);
  };
  try {
    await scenario({ alloc, gpu, backend, note });
    await settled(backend);
    note("stats", gpu.stats());
    note("dump", { ...gpu.dump(), backend: "" });
    note("budgets", alloc.stats().budgets);
    checkCharges({ alloc, gpu, backend });
    note("left", gpu.dispose());
    assertEquals(alloc.stats().budgets.filter(({ name }) => name.startsWith("gpu")), []);
    for (const { path, inUse } of alloc.stats().tags) assertEquals(inUse.gpu, 0, `tag ${path}`);
    if (backend instanceof NullBackend) assertEquals([backend.liveBytes, backend.liveBuffers], [0, 0]);
  } finally {
    gpu.dispose();
    alloc.dispose();
  }
  return lines;
}

/** What is charged is what the device has, and the whole is the sum of its parts. */
export function checkCharges({ alloc, gpu, backend }: Omit<Bench, "note">): void {
  const budgets = new Map(alloc.stats().budgets.map(({ name, used }) => [name, used]));
  if (!budgets.has("gpu")) return; // disposed of
  const { heaps, ring, readbacks, reserved } = gpu.stats();
  const names = ["uniform", "vertex", "storage"] as const;
  for (const name of names) assertEquals(budgets.get(`gpu ${name}`), heaps[name].reserved, name);
  assertEquals(budgets.get("gpu ring"), ring.reserved, "ring");
  assertEquals(budgets.get("gpu readback"), heaps.readback.reserved + readbacks.reserved, "readback");
  const sum = [...names, "ring", "readback"].reduce((sum, name) => sum + budgets.get(`gpu ${name}`)!, 0);
  assertEquals([budgets.get("gpu"), reserved], [sum, sum], "the sum");
  if (backend instanceof NullBackend && !gpu.isLost) assertEquals(backend.liveBytes, sum, "the device");
  for (const { reserved, used, allocations, buffers, name, blocks } of heapsOf(gpu.dump(), gpu)) {
    assertEquals(blocks.reduce((sum, { size }) => sum + size, 0), reserved, name);
    assertEquals(blocks.reduce((sum, block) => sum + block.used, 0), used, name);
    assertEquals([blocks.length, blocks.reduce((sum, block) => sum + block.allocations.length, 0)], [
      buffers,
      allocations,
    ], name);
    for (const block of blocks) {
      let end = 0;
      for (const { offset, size } of block.allocations) {
        assertEquals(offset >= end, true, `${block.label} at ${offset}`);
        end = offset + size;
      }
      assertEquals(end <= block.size, true, block.label);
    }
  }
}

function heapsOf(dump: GpuDump, gpu: GpuAllocator<unknown>) {
  const { heaps } = gpu.stats();
  return dump.heaps.map((heap) => ({ ...heaps[heap.name], ...heap }));
}

/** The code of what a call throws; `"none"` if it does not. */
export function codeOf(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    return codeIn(error);
  }
  return "none";
}

/** The code with which a promise rejects, or a call throws; `"none"` if neither happens. */
export async function rejection(call: () => unknown): Promise<string> {
  try {
    await call();
  } catch (error) {
    return codeIn(error);
  }
  return "none";
}

function codeIn(error: unknown): string {
  if (error instanceof FrameAllocError) return error.code;
  throw error;
}

/** Bytes of a tag on the GPU, or of all of them. */
export function tagged(alloc: SmartAlloc, path: string): number {
  return alloc.stats().tags.find((tag) => tag.path === path)?.inUse.gpu ?? 0;
}

/** Where allocations are, with small numbers in place of buffers. */
export function places(gpu: GpuAllocator<unknown>, handles: readonly number[]): string[] {
  const buffers: unknown[] = [];
  return handles.map((handle) => {
    const buffer = gpu.buffer(handle);
    if (!buffers.includes(buffer)) buffers.push(buffer);
    return `${buffers.indexOf(buffer)}:${gpu.offset(handle)}`;
  });
}

/** Runs frames in which nothing happens. */
export function frames(gpu: GpuAllocator<unknown>, count: number): void {
  for (let i = 0; i < count; i++) {
    gpu.beginFrame();
    gpu.endFrame();
  }
}

/** What a budget is charged with. */
export function charged(alloc: SmartAlloc, name: string): number {
  return alloc.stats().budgets.find((budget) => budget.name === name)!.used;
}

export { digest };
