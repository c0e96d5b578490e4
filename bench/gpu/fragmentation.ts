/**
 * T14 and T15: how often a crowded heap refuses what would fit, and what it costs to empty a buffer into another one.
 */

import { SmartAlloc } from "../../mod.ts";
import { WebGpuBackend } from "../../gpu/mod.ts";
import { describe } from "../../gpu/alloc_options.ts";
import { Defragmenter } from "../../gpu/heap/defragment.ts";
import type { Entry } from "../../gpu/heap/entry.ts";
import { GpuHeap } from "../../gpu/heap/gpu_heap.ts";
import { GpuMemory } from "../../gpu/heap/gpu_memory.ts";
import { Tlsf } from "../../gpu/heap/tlsf.ts";
import type { GpuHeapName } from "../../gpu/intent.ts";
import { mustEqual, random, readBack } from "./device.ts";
import { inRounds, type Turn } from "./rounds.ts";
import type { Row } from "./row.ts";

const MEGABYTE = 1024 * 1024;
const UNIT = 256;

/** The share of allocations that a heap refuses while a share of it is in use, in percent. */
function refusals(occupancy: number): number {
  const units = 64 * MEGABYTE / UNIT;
  const next = random(3);
  const heap = new Tlsf(units);
  const live: number[] = [];
  let asked = 0;
  let refused = 0;
  for (let step = 0; step < 200_000; step++) {
    // Sizes from 256 bytes to 512 KB, each order of magnitude as often as another.
    const size = Math.round(2 ** (11 * next()));
    while (units - heap.free + size > occupancy * units) {
      const at = Math.floor(next() * live.length);
      heap.release(live[at]!);
      live[at] = live.at(-1)!;
      live.pop();
    }
    const node = heap.alloc(size);
    asked++;
    if (node >= 0) live.push(node);
    else refused++;
  }
  return 100 * refused / asked;
}

/** How many heaps do not give all they have as one allocation. */
function exactFailures(): number {
  let failures = 0;
  for (let units = 1; units <= 20_000; units++) if (new Tlsf(units).alloc(units) < 0) failures++;
  return failures;
}

const COUNT = 8192;
const BYTES = 2048;

/** A buffer with many small allocations and two large ones around them, and another one that has room for them. */
class Evacuation {
  readonly #backend: WebGpuBackend;
  readonly #memory: GpuMemory;
  readonly #heap: GpuHeap;
  readonly #defragmenter: Defragmenter;
  readonly #data = new Uint32Array(COUNT * BYTES / 4);
  #entries: Entry[] = [];
  #around: Entry[] = [];
  #round = 0;

  constructor(backend: WebGpuBackend) {
    const alloc = new SmartAlloc();
    const { ledger } = alloc.$frames as { readonly ledger: ConstructorParameters<typeof GpuMemory>[1] };
    const owner = { onRehomed: () => undefined, onRefused: () => {}, onRemove: () => {}, onFailed: () => {} };
    this.#backend = backend;
    this.#memory = new GpuMemory(backend, ledger, owner, (onCreate) => {
      const heap = (name: GpuHeapName): GpuHeap =>
        new GpuHeap(name, backend, {
          blockSize: 64 * MEGABYTE,
          maxBlockSize: 64 * MEGABYTE,
          budget: alloc.budgets.child(name, {}),
          onCreate,
        });
      return {
        uniform: heap("uniform"),
        vertex: heap("vertex"),
        storage: heap("storage"),
        readback: heap("readback"),
      };
    });
    this.#heap = this.#memory.heaps.storage;
    this.#defragmenter = new Defragmenter(this.#memory, backend);
  }

  /** Fills the buffers, frees what is around the small ones, and waits until the device is idle. */
  async prepare(): Promise<void> {
    this.#remove([...this.#entries, ...this.#around]);
    const front = this.#put(24 * MEGABYTE);
    this.#entries = Array.from({ length: COUNT }, () => this.#put(BYTES));
    const back = this.#put(24 * MEGABYTE);
    this.#around = [this.#put(30 * MEGABYTE)];
    this.#data.fill(++this.#round);
    for (let i = 0; i < COUNT; i++) this.#data[i * BYTES / 4] = i;
    const { buffer } = this.#entries[0]!.block!;
    this.#backend.write(buffer, this.#entries[0]!.offset, new Uint8Array(this.#data.buffer), 0, COUNT * BYTES);
    // The first use of memory is dearer, on any side.
    const target = this.#around[0]!.block!;
    this.#backend.clear(target.buffer, 0, target.bytes);
    this.#backend.submit();
    this.#remove([front, back]);
    await this.#memory.settled();
    await this.#backend.done();
  }

  move(mostInRun: number): void {
    this.#defragmenter.mostInRun = mostInRun;
    const { moved } = this.#defragmenter.step({});
    if (moved !== COUNT) throw new Error(`Cannot measure defragmentation: ${moved} of ${COUNT} were moved`);
  }

  async check(): Promise<void> {
    const device = this.#backend.device;
    const first = this.#entries[0]!;
    const left = new Uint32Array(
      await readBack(device, this.#backend.raw(first.block!.buffer), first.offset, COUNT * BYTES),
    );
    for (const [i, entry] of this.#entries.entries()) {
      const start = (entry.offset - first.offset) / 4;
      mustEqual(
        left.subarray(start, start + BYTES / 4),
        this.#data.subarray(i * BYTES / 4, (i + 1) * BYTES / 4),
        "moves",
      );
    }
  }

  #put(bytes: number): Entry {
    const entry = this.#memory.open();
    describe(entry, {});
    entry.bytes = bytes;
    entry.held = this.#heap.heldFor(bytes);
    if (!this.#memory.put(entry, this.#heap)) throw new Error(`Cannot measure defragmentation: no room for ${bytes}`);
    return entry;
  }

  #remove(entries: readonly Entry[]): void {
    for (const entry of entries) {
      this.#memory.take(entry);
      this.#memory.close(entry);
    }
  }
}

/** Measures. */
export async function measure(): Promise<Row[]> {
  const backend = await WebGpuBackend.request();
  const evacuation = new Evacuation(backend);
  const turnOf = (mostInRun: number): Turn => async () => {
    await evacuation.prepare();
    const start = performance.now();
    evacuation.move(mostInRun);
    const busy = performance.now() - start;
    const idle = backend.done();
    const done = performance.now() - start;
    await idle;
    return { busy, done };
  };
  for (const mostInRun of [Infinity, 1]) {
    await evacuation.prepare();
    evacuation.move(mostInRun);
    await evacuation.check();
  }
  const rounds = await inRounds({ merged: turnOf(Infinity), each: turnOf(1) }, { rounds: 9, warmUp: 4 });
  backend.dispose();
  return [
    {
      gate: "T14",
      what: "allocations that are refused with 80 % of 64 MB in use",
      value: refusals(0.8),
      unit: "%",
      atMost: 1,
      note: `${refusals(0.6).toFixed(2)} % with 60 %, ${refusals(0.9).toFixed(1)} % with 90 % in use`,
    },
    {
      gate: "T14",
      what: "heaps of 20,000 sizes that refuse to be allocated as a whole",
      value: exactFailures(),
      unit: "",
      atMost: 0,
    },
    {
      gate: "T15",
      what: `${COUNT} allocations moved with their neighbours, over one by one (done)`,
      value: rounds.ratio("merged", "each", "done"),
      unit: "×",
      atLeast: 2,
      note: `${rounds.time("merged", "done").toFixed(1)} and ${rounds.time("each", "done").toFixed(1)} ms; busy ${
        rounds.time("merged").toFixed(1)
      } and ${rounds.time("each").toFixed(1)}`,
    },
  ];
}
