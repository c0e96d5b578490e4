/**
 * Random programs of everything that an allocator can do, against a model that knows the bytes of each allocation and what is charged.
 */

import { SmartAlloc } from "@framealloc/core";
import { GpuAllocator, type GpuAllocOptions, type GpuHandle, MultiFrame } from "@framealloc/core/gpu";
import { assertEquals } from "@std/assert";
import * as fc from "fast-check";
import { type Device, lose } from "./_backends.ts";
import { checkCharges, codeOf, KIB, tagged } from "./_conformance.ts";

/** One step of a program. The numbers choose among what there is. */
export interface Step {
  readonly do: keyof typeof WEIGHTS;
  readonly which: number;
  readonly other: number;
  readonly bytes: number;
  readonly seed: number;
}

const WEIGHTS = {
  alloc: 14,
  free: 7,
  write: 12,
  touch: 8,
  copy: 6,
  read: 6,
  frame: 8,
  push: 4,
  flush: 2,
  pin: 2,
  stream: 3,
  defragment: 2,
  trim: 1,
  lose: 1,
} as const;

export const aProgram: fc.Arbitrary<Step[]> = fc.array(
  fc.record({
    do: fc.oneof(
      ...Object.entries(WEIGHTS).map(([name, weight]) => ({
        weight,
        arbitrary: fc.constant(name as keyof typeof WEIGHTS),
      })),
    ),
    which: fc.nat(1000),
    other: fc.nat(1000),
    bytes: fc.oneof(
      { weight: 6, arbitrary: fc.nat(4 * KIB) },
      { weight: 3, arbitrary: fc.nat(30 * KIB) },
      { weight: 1, arbitrary: fc.nat(90 * KIB) },
    ),
    seed: fc.nat(255),
  }),
  { maxLength: 150, size: "max" },
);

const KINDS: readonly GpuAllocOptions[] = [
  {},
  { intent: "HostVisible" },
  { intent: "HostVisible", use: "storage" },
  { intent: "HostVisible", use: "vertex", align: 64 },
  { intent: "HostVisible", onLoss: "discard" },
  { intent: "HostCached" },
  { intent: "HostVisible", lifetime: "Frame" },
  { intent: "HostVisible", lifetime: "Frame", use: "vertex" },
  { lifetime: "Frame", use: "vertex" },
  { lifetime: MultiFrame(2), onLoss: "shadow" },
  { lifetime: "Streaming", use: "vertex", importance: 1 },
  { isolate: true },
  { align: 1024 },
];

/** What an allocation must be. */
interface Known {
  readonly handle: GpuHandle;
  readonly options: GpuAllocOptions;
  readonly bytes: Uint8Array;
  readonly until: number;
  readonly isShadowed: boolean;
  readonly isCopied: boolean;
  readonly isRing: boolean;
  pins: number;
}

/** An allocator and what is known of it. */
export class World {
  readonly alloc: SmartAlloc = new SmartAlloc();
  readonly gpu: GpuAllocator<unknown>;
  readonly backend: Device;
  readonly lines: string[] = [];
  #known: Known[] = [];
  #gone: GpuHandle[] = [];
  #ring: { readonly place: number; readonly bytes: Uint8Array }[] = [];

  constructor(backend: Device) {
    this.backend = backend;
    this.gpu = new GpuAllocator<unknown>(this.alloc, backend, {
      budget: { hard: 256 * 1024 * KIB },
      blockSize: 64 * KIB,
      maxBlockSize: 128 * KIB,
      ringSize: 64 * KIB,
      ringSegments: 2,
      streamBytesPerFrame: 1024 * KIB,
    });
  }

  async run(steps: readonly Step[]): Promise<void> {
    for (const step of steps) {
      await this.#step(step);
      this.#check();
    }
    if (this.gpu.inFrame) this.#endFrame();
    for (const known of this.#known) {
      assertEquals(await this.gpu.read(known.handle), known.bytes, JSON.stringify(known.options));
    }
    this.lines.push(JSON.stringify({ ...this.gpu.dump(), backend: "" }), JSON.stringify(this.gpu.stats()));
    assertEquals(this.gpu.leaks().length, this.#known.filter(({ until }) => until === Infinity).length);
    this.gpu.dispose();
    assertEquals(tagged(this.alloc, ""), 0);
    this.alloc.dispose();
  }

  async #step(step: Step): Promise<void> {
    const { gpu } = this;
    const known = this.#known.length === 0 ? undefined : this.#known[step.which % this.#known.length]!;
    switch (step.do) {
      case "alloc":
        return this.#alloc(step);
      case "push": {
        if (!gpu.inFrame) return;
        const bytes = pattern(step.bytes, step.seed);
        const place = gpu.ring.push(bytes, step.which % 2 === 0 ? "vertex" : "uniform");
        this.#ring.push({ place, bytes });
        this.lines.push(`push ${place} ${gpu.ring.offset(place)}`);
        return;
      }
      case "flush":
        return gpu.flush();
      case "trim":
        return void this.lines.push(`trim ${gpu.trim()}`);
      case "defragment":
        await gpu.settled();
        return void this.lines.push(JSON.stringify(gpu.defragment()));
      case "frame":
        if (gpu.inFrame) this.#endFrame();
        else gpu.beginFrame();
        return;
      case "lose":
        return await this.#lose();
    }
    if (known !== undefined) await this.#use(step, known);
  }

  async #use(step: Step, known: Known): Promise<void> {
    const { gpu } = this;
    const { handle, bytes } = known;
    const at = Math.floor(step.bytes % bytes.length / 4) * 4;
    const count = Math.min(bytes.length - at, Math.floor(step.other / 4) * 4 || 4);
    const data = pattern(count, step.seed);
    switch (step.do) {
      case "free":
        gpu.free(handle);
        this.#forget(known);
        return;
      case "write":
        gpu.write(handle, data, at);
        bytes.set(data, at);
        return;
      case "touch":
        if (!known.isCopied && !known.isRing) return assertEquals(codeOf(() => gpu.bytes(handle)), "FA852");
        gpu.bytes(handle).set(data, at);
        gpu.touch(handle, at, count);
        bytes.set(data, at);
        return;
      case "copy": {
        const target = this.#known[step.other % this.#known.length]!;
        const to = Math.floor(step.seed % target.bytes.length / 4) * 4;
        const most = Math.floor(Math.min(bytes.length - at, target.bytes.length - to) / 4) * 4;
        gpu.copy(handle, target.handle, { from: at, at: to, bytes: most });
        // The copy on the CPU does not know; what is written there later is not of the device's making.
        target.bytes.set(bytes.slice(at, at + most), to);
        await this.#refresh(target.isCopied ? [target] : []);
        return;
      }
      case "read": {
        const expected = bytes.slice(at, at + count);
        const read = gpu.read(handle, { offset: at, bytes: count });
        if (gpu.inFrame) this.#endFrame();
        assertEquals(await read, expected);
        return;
      }
      case "stream": {
        if (known.isCopied || known.isRing) return;
        if (!gpu.inFrame) gpu.beginFrame();
        const words = data.subarray(0, Math.floor(count / 4) * 4);
        const stream = gpu.stream(handle, words, { offset: at });
        bytes.set(words, at);
        this.#endFrame();
        return await stream;
      }
      case "pin":
        if (known.pins > 0 && step.seed % 2 === 0) {
          gpu.unpin(handle);
          known.pins--;
        } else {
          gpu.pin(handle);
          known.pins++;
        }
    }
  }

  #alloc(step: Step): void {
    const { gpu } = this;
    const options = KINDS[step.which % KINDS.length]!;
    const size = step.bytes + 1;
    const lasts = options.lifetime === "Frame" ? 1 : typeof options.lifetime === "object" ? 2 : Infinity;
    if (lasts < Infinity && !gpu.inFrame) {
      return assertEquals(codeOf(() => gpu.alloc(size, options)), "FA001");
    }
    const handle = gpu.alloc(size, { ...options, zero: true, name: `${step.seed}` });
    const isRing = options.intent === "HostVisible" && options.lifetime === "Frame";
    const isShadowed = options.onLoss === "shadow" ||
      (options.intent === "HostVisible" && options.onLoss === undefined);
    this.#known.push({
      handle,
      options,
      bytes: new Uint8Array(size),
      until: gpu.frameNumber + lasts - 1,
      isShadowed,
      isCopied: !isRing && (isShadowed || options.intent !== undefined),
      isRing,
      pins: 0,
    });
    this.lines.push(`alloc ${gpu.offset(handle)}`);
  }

  #endFrame(): void {
    const { gpu } = this;
    gpu.flush();
    for (const { place, bytes } of this.#ring) {
      assertEquals(gpu.ring.view(place, Uint8Array, bytes.length), bytes);
    }
    const frame = gpu.frameNumber;
    gpu.endFrame();
    this.#ring = [];
    for (const known of [...this.#known]) if (known.until <= frame) this.#forget(known);
  }

  async #lose(): Promise<void> {
    const { gpu } = this;
    await lose(this.backend);
    assertEquals(codeOf(() => gpu.alloc(64)), "FA857");
    const { restored, discarded, failed } = await gpu.recover();
    const onDevice = this.#known.filter(({ isRing }) => !isRing);
    assertEquals([restored, failed], [onDevice.filter(({ isShadowed }) => isShadowed).length, []]);
    assertEquals(discarded.length, onDevice.length - restored);
    const gone = this.#known.filter(({ isShadowed, isRing }) => !isShadowed && !isRing);
    for (const { bytes } of gone) bytes.fill(0);
    await this.#refresh(gone.filter(({ isCopied }) => isCopied));
  }

  /** Brings copies up to date, at the end of a frame if one is open. */
  async #refresh(stale: readonly Known[]): Promise<void> {
    const { gpu } = this;
    const refreshed = stale.map(({ handle }) => {
      const refresh = gpu.refresh(handle);
      return refresh.catch((error) => {
        if (gpu.isLive(handle)) throw error;
      });
    });
    if (refreshed.length > 0 && gpu.inFrame) this.#endFrame();
    await Promise.all(refreshed);
  }

  #forget(known: Known): void {
    this.#known = this.#known.filter((other) => other !== known);
    this.#gone.push(known.handle);
    if (this.#gone.length > 8) this.#gone.shift();
  }

  /** What is reported is what the model says. */
  #check(): void {
    const { gpu, alloc } = this;
    for (const handle of this.#gone) assertEquals(gpu.isLive(handle), false);
    const dump = gpu.dump();
    const found = dump.heaps.flatMap(({ blocks }) => blocks.flatMap(({ allocations }) => allocations));
    const wanted = this.#known.filter(({ isRing }) => !isRing);
    assertEquals(found.length, wanted.length);
    assertEquals(gpu.stats().allocations, this.#known.length);
    let held = gpu.ring.used;
    for (const { handle, options, bytes, isCopied, pins } of wanted) {
      const unit = options.use === "vertex" ? 16 : 256;
      const size = Math.ceil(bytes.length / unit) * unit;
      held += size + (isCopied ? Math.max(16, Math.ceil(bytes.length / 16) * 16) : 0);
      const use = options.use ?? (options.intent === "HostVisible" ? "uniform" : "storage");
      const offset = gpu.offset(handle);
      const heap = dump.heaps.find(({ name }) => name === use)!;
      const is = heap.blocks.some((block) =>
        block.allocations.some((other) =>
          other.offset === offset && other.size === size && other.isPinned === pins > 0 &&
          (!other.isPinned || block.isPinned)
        )
      );
      assertEquals(is, true, `${use} ${offset} ${size}`);
    }
    assertEquals(tagged(alloc, ""), held);
    checkCharges(this);
  }
}

/** Bytes that differ by seed. */
function pattern(count: number, seed: number): Uint8Array {
  return Uint8Array.from({ length: count }, (_, i) => (i * 7 + seed) & 255);
}
