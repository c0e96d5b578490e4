/**
 * T4 to T6: bringing ten thousand small records to the device, beside a `writeBuffer` for each of them. Both sides write every record first.
 */

import { arrayBufferSource } from "../../src/memory/buffer_source.ts";
import { USAGE } from "../../gpu/mod.ts";
import { DirtyRanges } from "../../gpu/transfer/dirty_ranges.ts";
import { Uploader } from "../../gpu/transfer/uploader.ts";
import { type Bench, mustEqual, openBench, readBack, someOf } from "./device.ts";
import { inRounds, type Rounds, submitted } from "./rounds.ts";
import type { Row } from "./row.ts";

const COUNT = 10_000;
const RECORD = 64;
const WORDS = RECORD / 4;
const SPREAD = 4 * 1024 * 1024;

/** What a record holds in a round. */
function fill(words: Float32Array, record: number, round: number): void {
  const at = record * WORDS;
  for (let i = 0; i < WORDS; i++) words[at + i] = record + round + i;
}

type Way = "naive" | "offsets" | "touched" | "batch";

/** Ways of uploading the same records of an array. */
async function compare(
  { gpu, device, queue }: Bench,
  bytes: number,
  order: Uint32Array,
  use: "storage" | "vertex",
): Promise<Rounds<Way>> {
  const none: GPUCommandBuffer[] = [];
  const own = device.createBuffer({ size: bytes, usage: USAGE.STORAGE | USAGE.COPY_DST | USAGE.COPY_SRC });
  const data = new Float32Array(bytes / 4);
  const raw = new Uint8Array(data.buffer);
  const handle = gpu.alloc(bytes, { intent: "HostVisible", use, zero: true });
  const shared = gpu.bytes(handle);
  const words = new Float32Array(shared.buffer, shared.byteOffset, bytes / 4);
  let round = 0;
  const ways: Record<Way, () => void> = {
    naive: () => {
      for (let i = 0; i < COUNT; i++) {
        const record = order[i]!;
        fill(data, record, round);
        queue.writeBuffer(own, record * RECORD, new Uint8Array(data.buffer, record * RECORD, RECORD));
      }
      queue.submit(none);
    },
    offsets: () => {
      for (let i = 0; i < COUNT; i++) {
        const record = order[i]!;
        fill(data, record, round);
        queue.writeBuffer(own, record * RECORD, raw, record * RECORD, RECORD);
      }
      queue.submit(none);
    },
    touched: () => {
      for (let i = 0; i < COUNT; i++) {
        const record = order[i]!;
        fill(words, record, round);
        gpu.touch(handle, record * RECORD, RECORD);
      }
      gpu.flush();
    },
    batch: () => {
      for (let i = 0; i < COUNT; i++) fill(words, order[i]!, round);
      gpu.touch(handle);
      gpu.flush();
    },
  };
  for (const way of Object.keys(ways) as Way[]) {
    round++;
    const isOurs = way === "touched" || way === "batch";
    ways[way]();
    const left = isOurs
      ? await readBack(device, gpu.buffer(handle), gpu.offset(handle), bytes)
      : await readBack(device, own, 0, bytes);
    mustEqual(new Float32Array(left), isOurs ? words : data, way);
  }
  const next = (): void => void round++;
  const rounds = await inRounds({
    naive: submitted(queue, ways.naive, next),
    offsets: submitted(queue, ways.offsets, next),
    touched: submitted(queue, ways.touched, next),
    batch: submitted(queue, ways.batch, next),
  }, { rounds: 21, warmUp: 12 });
  gpu.free(handle);
  own.destroy();
  return rounds;
}

/** A row of T6: so many records of a size, spread over an array. */
interface Spread {
  readonly count: number;
  readonly stride: number;
  readonly bytes: number;
}

const MEGABYTE = 1024 * 1024;
const SPREADS: readonly Spread[] = [
  { count: 100, stride: 64, bytes: MEGABYTE },
  { count: 1000, stride: 64, bytes: 4 * MEGABYTE },
  { count: COUNT, stride: 16, bytes: MEGABYTE },
  { count: COUNT, stride: 64, bytes: 4 * MEGABYTE },
  { count: COUNT, stride: 256, bytes: 16 * MEGABYTE },
  { count: 1000, stride: 4096, bytes: 128 * MEGABYTE },
];

const POLICIES = ["whole", "merged", "scatter"] as const;

/** What the uploader chooses, beside each of the policies that it chooses from. */
async function policies({ backend, queue }: Bench, { count, stride, bytes }: Spread): Promise<Row> {
  const uploader = new Uploader(backend);
  await uploader.calibrate();
  const usage = USAGE.STORAGE | USAGE.COPY_DST | USAGE.COPY_SRC;
  const buffer = backend.create(bytes, usage, "records");
  const chunk = arrayBufferSource.obtain(bytes);
  const shadow = new Uint8Array(chunk.buffer as ArrayBuffer, 0, bytes);
  const words = new Uint32Array(chunk.buffer as ArrayBuffer, 0, bytes / 4);
  const records = someOf(bytes / stride, count, stride);
  const dirty = new DirtyRanges();
  let round = 0;
  const mark = (): void => {
    round++;
    for (let i = 0; i < count; i++) {
      words.fill(round + i, records[i]! * stride / 4, (records[i]! + 1) * stride / 4);
      dirty.add(records[i]! * stride, stride);
    }
  };
  const work = (wanted: Uploader["wanted"]) => (): void => {
    uploader.wanted = wanted;
    uploader.flush(buffer, 0, shadow, dirty, true);
    uploader.submit();
  };
  for (const policy of ["auto", ...POLICIES] as const) {
    mark();
    work(policy)();
    mustEqual(new Uint32Array(await readBack(backend.device, backend.raw(buffer), 0, bytes)), words, policy);
  }
  const isLarge = bytes > 100 * MEGABYTE;
  const rounds = await inRounds({
    auto: submitted(queue, work("auto"), mark),
    whole: submitted(queue, work("whole"), mark),
    merged: submitted(queue, work("merged"), mark),
    scatter: submitted(queue, work("scatter"), mark),
  }, isLarge ? { rounds: 7, warmUp: 2 } : { rounds: 21, warmUp: 8 });
  mark();
  work("auto")();
  const chosen = uploader.lastPolicy;
  const best = POLICIES.reduce((a, b) => rounds.time(b, "done") < rounds.time(a, "done") ? b : a);
  backend.destroy(buffer);
  const times = POLICIES.map((policy) => `${policy} ${rounds.time(policy, "done").toFixed(2)}`).join(", ");
  return {
    gate: "T6",
    what: `the policy that is chosen beside the best: ${count} × ${stride} B in ${bytes / MEGABYTE} MB`,
    value: 1 / rounds.ratio("auto", best, "done"),
    unit: "×",
    atMost: 1.25,
    note: `${chosen} ${rounds.time("auto", "done").toFixed(2)} ms; ${times}`,
  };
}

/** Measures. */
export async function measure(): Promise<Row[]> {
  const bench = await openBench();
  const rows: Row[] = [];
  const inOrder = Uint32Array.from({ length: COUNT }, (_, i) => i);
  const dense = await compare(bench, COUNT * RECORD, inOrder, "storage");
  const ms = (rounds: Rounds<Way>, way: Way): string =>
    `busy ${rounds.time(way).toFixed(2)}, done ${rounds.time(way, "done").toFixed(2)} ms; naive ${
      rounds.time("naive").toFixed(1)
    }, ${rounds.time("naive", "done").toFixed(1)} ms`;
  const contiguous = `${COUNT} × ${RECORD} B side by side`;
  for (const what of ["busy", "done"] as const) {
    rows.push(
      {
        gate: "T4",
        what: `${contiguous}, over a write for each (${what})`,
        value: dense.ratio("batch", "naive", what),
        unit: "×",
        atLeast: what === "busy" ? 35 : 40,
        ...(what === "busy" ? { note: ms(dense, "batch") } : {}),
      },
      {
        gate: "T4",
        what: `… each of them touched (${what})`,
        value: dense.ratio("touched", "naive", what),
        unit: "×",
      },
      {
        gate: "T4",
        what: `… over a write for each from one view (${what})`,
        value: dense.ratio("batch", "offsets", what),
        unit: "×",
      },
    );
  }
  const scattered = someOf(SPREAD / RECORD, COUNT, 5);
  for (const use of ["storage", "vertex"] as const) {
    const sparse = await compare(bench, SPREAD, scattered, use);
    rows.push({
      gate: "T5",
      what: `${COUNT} × ${RECORD} B scattered in 4 MB for "${use}", over a write for each (done)`,
      value: sparse.ratio("touched", "naive", "done"),
      unit: "×",
      atLeast: 15,
      note: ms(sparse, "touched"),
    });
  }
  bench.gpu.dispose();
  const bare = await openBench();
  for (const spread of SPREADS) rows.push(await policies(bare, spread));
  bare.gpu.dispose();
  return rows;
}
