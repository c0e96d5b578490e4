/**
 * T7 and T8: bringing one large array to the device, beside copying it first, and beside mapped buffers: a belt of buffers that are mapped
 * again and again, and buffers that are mapped at their creation.
 */

import { USAGE } from "../../gpu/mod.ts";
import { type Bench, mustEqual, openBench, readBack } from "./device.ts";
import { inRounds, type Rounds, submitted, type Turn } from "./rounds.ts";
import type { Row } from "./row.ts";

const MEGABYTE = 1024 * 1024;

/** The uploads of a turn that count: as many more as they are smaller. */
function timesOf(bytes: number): number {
  return Math.max(2, Math.floor(16 * MEGABYTE / bytes));
}

/** A way of bringing an array to a buffer. */
interface Way {
  readonly target: GPUBuffer;
  /** Where the array of the next upload is written. */
  readonly array: () => Uint8Array;
  readonly upload: () => void;
  /** What has to have come before the next turn. */
  readonly ready?: () => Promise<unknown>;
}

/** Copies to a buffer from another one that is mapped. */
function copyFrom({ device, queue }: Bench, source: GPUBuffer, target: GPUBuffer, bytes: number): void {
  const encoder = device.createCommandEncoder();
  encoder.copyBufferToBuffer(source, 0, target, 0, bytes);
  queue.submit([encoder.finish()]);
}

/** Buffers, one for each upload of a turn: each is mapped again as soon as its copy is submitted. That call takes its time, too. */
function belt(bench: Bench, target: GPUBuffer, data: Uint8Array): Way {
  const chunks = Array.from({ length: timesOf(data.length) + 1 }, () =>
    bench.device.createBuffer({
      size: data.length,
      usage: GPUBufferUsage.MAP_WRITE | GPUBufferUsage.COPY_SRC,
      mappedAtCreation: true,
    }));
  let turn = 0;
  let mapped: Promise<unknown>[] = [];
  return {
    target,
    array: () => data,
    upload: () => {
      const chunk = chunks[turn++ % chunks.length]!;
      new Uint8Array(chunk.getMappedRange(0, data.length)).set(data);
      chunk.unmap();
      copyFrom(bench, chunk, target, data.length);
      mapped.push(chunk.mapAsync(GPUMapMode.WRITE));
    },
    ready: async () => {
      await Promise.all(mapped);
      mapped = [];
    },
  };
}

function waysOf(bench: Bench, data: Uint8Array): Record<"ring" | "copy" | "belt" | "staging", Way> {
  const { gpu, backend, device } = bench;
  const size = data.length;
  const usage = USAGE.STORAGE | USAGE.COPY_DST | USAGE.COPY_SRC;
  const target = (): GPUBuffer => device.createBuffer({ size, usage });
  const temporary = new Uint8Array(size);
  const copied = backend.create(size, usage, "copied");
  const staged = target();
  const nextFrame = (): Uint8Array => {
    if (gpu.inFrame) gpu.endFrame();
    gpu.beginFrame();
    return gpu.ring.slice(Uint8Array, size);
  };
  return {
    ring: { target: gpu.ring.buffer(nextFrame()), array: nextFrame, upload: () => gpu.flush() },
    copy: {
      target: backend.raw(copied),
      array: () => data,
      upload: () => {
        temporary.set(data);
        backend.write(copied, 0, temporary, 0, size);
        backend.submit();
      },
    },
    belt: belt(bench, target(), data),
    staging: {
      target: staged,
      array: () => data,
      upload: () => {
        const staging = device.createBuffer({ size, usage: GPUBufferUsage.COPY_SRC, mappedAtCreation: true });
        new Uint8Array(staging.getMappedRange()).set(data);
        staging.unmap();
        copyFrom(bench, staging, staged, size);
        staging.destroy();
      },
    },
  };
}

/** Times the ways with one size. In the ring the program writes where the upload reads; elsewhere in an array of its own. */
async function compare(bench: Bench, bytes: number): Promise<Rounds<"ring" | "copy" | "belt" | "staging">> {
  const { gpu, queue, device } = bench;
  const ways = waysOf(bench, new Uint8Array(bytes));
  let round = 0;
  const turnOf = ({ array, upload, ready }: Way): Turn => {
    const turn = submitted(queue, upload, () => void array().fill(++round), timesOf(bytes));
    return async () => {
      await ready?.();
      return await turn();
    };
  };
  const turns = {
    ring: turnOf(ways.ring),
    copy: turnOf(ways.copy),
    belt: turnOf(ways.belt),
    staging: turnOf(ways.staging),
  };
  for (const name of Object.keys(turns) as (keyof typeof ways)[]) {
    await turns[name]();
    const left = new Uint8Array(await readBack(device, ways[name].target, 0, bytes));
    mustEqual(left, new Uint8Array(bytes).fill(round), name);
  }
  const rounds = await inRounds(turns, { rounds: 15, warmUp: 5 });
  await ways.belt.ready?.();
  gpu.endFrame();
  return rounds;
}

/** Measures. */
export async function measure(): Promise<Row[]> {
  const rows: Row[] = [];
  for (const megabytes of [1, 4, 16]) {
    const bytes = megabytes * MEGABYTE;
    const bench = await openBench({ ringSize: bytes });
    const rounds = await compare(bench, bytes);
    bench.gpu.dispose();
    const row = (gate: string, what: string, over: "copy" | "belt" | "staging", atLeast?: number): Row => ({
      gate,
      what: `${megabytes} MB from the ring, over ${what} (busy)`,
      value: rounds.ratio("ring", over),
      unit: "×",
      ...(atLeast === undefined ? {} : { atLeast }),
      note: `${rounds.time("ring").toFixed(2)} and ${rounds.time(over).toFixed(2)} ms; done ${
        rounds.ratio("ring", over, "done").toFixed(1)
      }×`,
    });
    const isSmall = megabytes <= 4;
    rows.push(
      row("T7", "copying it first", "copy", 1.25),
      row("T8", "a belt of mapped buffers", "belt", isSmall ? 1.8 : undefined),
      row("T8", "a buffer mapped at its creation", "staging", isSmall ? 2.5 : undefined),
    );
  }
  return rows.toSorted((a, b) => a.gate.localeCompare(b.gate));
}
