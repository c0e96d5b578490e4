/**
 * What arrives on a device: every dirty byte, whichever way it was sent, and no other byte that was to be left alone.
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import * as fc from "fast-check";
import { type GpuBackend, type GpuBufferId, USAGE } from "../../gpu/backend/backend.ts";
import { NullBackend } from "../../gpu/backend/null_backend.ts";
import { GpuError } from "../../gpu/gpu_error.ts";
import { DirtyRanges } from "../../gpu/transfer/dirty_ranges.ts";
import { Uploader } from "../../gpu/transfer/uploader.ts";
import { NO_WEBGPU, readBack, requireWebGpu } from "./_backends.ts";

const MIB = 1024 ** 2;
const UNTOUCHED = 0xee;
const WANTED = ["auto", "whole", "merged", "scatter"] as const;
const USAGES = USAGE.STORAGE | USAGE.COPY_DST | USAGE.COPY_SRC;
/** Scattering costs next to nothing, so that it is chosen whenever it may be. */
const CHEAP_SCATTER = { call: 0.001, bytesPerMs: 1e5, scatter: 0.001, scatterBytesPerMs: 1e9 };

/** A null device that notes how many bytes each write and submission had. */
class Recorder extends NullBackend {
  readonly log: (number | "submit")[] = [];

  override write(buffer: GpuBufferId, at: number, source: Uint8Array, from: number, bytes: number): void {
    super.write(buffer, at, source, from, bytes);
    this.log.push(bytes);
  }

  override submit(): void {
    super.submit();
    this.log.push("submit");
  }
}

interface Case {
  readonly words: number;
  readonly align: number;
  readonly shift: number;
  readonly stride: number;
  readonly records: readonly number[];
  readonly extra: readonly (readonly [number, number])[];
  readonly wanted: typeof WANTED[number];
  readonly canScatter: boolean;
  readonly isExact: boolean;
}

const cases: fc.Arbitrary<Case> = fc.record({
  words: fc.integer({ min: 1, max: 8192 }),
  align: fc.constantFrom(0, 256, 512, 4, 260),
  shift: fc.constantFrom(0, 4, 16, 3),
  stride: fc.constantFrom(4, 12, 16, 64, 256),
  records: fc.array(fc.nat(2000), { maxLength: 500 }),
  extra: fc.array(fc.tuple(fc.nat(32_768), fc.integer({ min: 1, max: 300 })), { maxLength: 3 }),
  wanted: fc.constantFrom(...WANTED),
  canScatter: fc.boolean(),
  isExact: fc.boolean(),
});

function random(bytes: number, seed: number): Uint8Array {
  const result = new Uint8Array(bytes);
  for (let i = 0, x = seed; i < bytes; i++) result[i] = (x = Math.imul(x, 1_664_525) + 1_013_904_223) >>> 24;
  return result;
}

/** A dirty shadow of a case, and which of its bytes may be on the device afterwards: 1 if they must, 2 if they may. */
function prepare(
  { words, shift, stride, records, extra, isExact }: Case,
): { shadow: Uint8Array; dirty: DirtyRanges; marks: Uint8Array } {
  const bytes = words * 4;
  const shadow = random(shift + bytes, bytes + stride).subarray(shift);
  const dirty = new DirtyRanges(isExact ? Infinity : undefined);
  const marks = new Uint8Array(bytes);
  const wanted: (readonly [number, number])[] = [...records.map((i) => [i * stride, stride] as const), ...extra];
  let first = bytes;
  let last = 0;
  for (const [offset, size] of wanted) {
    const end = Math.min(offset + size, bytes);
    if (end <= offset) continue;
    dirty.add(offset, end - offset);
    const [from, to] = [Math.floor(offset / 4) * 4, Math.ceil(end / 4) * 4];
    marks.fill(1, from, to);
    first = Math.min(first, from);
    last = Math.max(last, to);
  }
  for (let i = first; !isExact && i < last; i++) marks[i] ||= 2;
  return { shadow, dirty, marks };
}

function check(device: Uint8Array, at: number, shadow: Uint8Array, marks: Uint8Array, isMerged: boolean): void {
  for (let i = 0; i < device.length; i++) {
    const mark = marks[i - at] ?? 0;
    const byte = device[i]!;
    if (mark === 1) {
      if (byte !== shadow[i - at]) throw new Error(`the dirty byte ${i - at} has not arrived`);
    } else if (byte !== UNTOUCHED && !(mark === 2 && isMerged && byte === shadow[i - at])) {
      throw new Error(`the clean byte ${i - at} was changed`);
    }
  }
}

async function upload(backend: GpuBackend, uploader: Uploader, test: Case): Promise<void> {
  const { shadow, dirty, marks } = prepare(test);
  const size = test.align + shadow.length + 64;
  const buffer = backend.create(size, USAGES, "uploads");
  try {
    backend.write(buffer, 0, new Uint8Array(size).fill(UNTOUCHED), 0, size);
    uploader.wanted = test.wanted;
    const isClean = dirty.count === 0;
    uploader.flush(buffer, test.align, shadow, dirty, test.canScatter, test.isExact);
    uploader.submit();
    const { lastPolicy } = uploader;
    assertEquals(lastPolicy === "none", isClean);
    if (!test.canScatter || test.align % 256 !== 0 || test.shift % 4 !== 0) assert(lastPolicy !== "scatter");
    else if (test.wanted === "scatter" && !isClean) assertEquals(lastPolicy, "scatter");
    assertEquals([dirty.count, dirty.bytes], [0, 0]);
    check(await readBack(backend, buffer, 0, size), test.align, shadow, marks, lastPolicy !== "scatter");
  } finally {
    backend.destroy(buffer);
  }
}

Deno.test("Uploader brings every dirty byte to the device and no byte outside, in every way", async () => {
  const backend = new NullBackend();
  const plain = new Uploader(backend);
  const scattering = new Uploader(backend, CHEAP_SCATTER);
  await fc.assert(
    fc.asyncProperty(cases, fc.boolean(), (test, scatters) => upload(backend, scatters ? scattering : plain, test)),
    { numRuns: 300 },
  );
  assert(scattering.scatters > 0 && scattering.merged > 0);
});

Deno.test({
  name: "Uploader brings every dirty byte to a real device and no byte outside, in every way",
  ignore: NO_WEBGPU !== undefined,
  fn: async () => {
    const backend = await requireWebGpu();
    try {
      const uploader = new Uploader(backend);
      const records = Array.from({ length: 400 }, (_, i) => (i * 7919) % 1900);
      for (const wanted of WANTED) {
        for (const [stride, isExact] of [[16, false], [12, true], [64, true]] as const) {
          const test = { words: 30_000, align: 512, shift: 4, stride, records, extra: [], canScatter: true, isExact };
          await upload(backend, uploader, { ...test, wanted });
        }
      }
      // Three that were told to, and two that were told to leave the rest alone.
      assertEquals(uploader.scatters, 3 + 2);
    } finally {
      backend.dispose();
    }
  },
});

Deno.test("Uploader scatters what does not fit into one go in several", async () => {
  const backend = new NullBackend();
  const uploader = new Uploader(backend);
  // The records of one range go with both of two.
  const records = [...Array.from({ length: 3000 }, (_, i) => i), 3010, 3012];
  const test = { words: 3 * MIB + 4096, stride: 4096, align: 0, shift: 0, extra: [], canScatter: true, isExact: true };
  await upload(backend, uploader, { ...test, records, wanted: "scatter" });
  assertEquals([uploader.scatters, uploader.bytesWritten], [2, 3002 * 4100]);
});

Deno.test("Uploader scatters from memory that has grown", async () => {
  const backend = new NullBackend();
  const uploader = new Uploader(backend);
  uploader.wanted = "scatter";
  const memory = new ArrayBuffer(256, { maxByteLength: 1024 });
  const buffer = backend.create(1024, USAGES, "grown");
  for (const size of [256, 1024]) {
    memory.resize(size);
    const shadow = new Uint8Array(memory, 0, size).fill(size / 128);
    const dirty = new DirtyRanges();
    dirty.add(0, 16);
    dirty.add(size - 16, 16);
    uploader.flush(buffer, 0, shadow, dirty, true);
    assertEquals(uploader.lastPolicy, "scatter");
    const there = await readBack(backend, buffer, 0, size);
    assertEquals([there[0], there[15], there[16], there[size - 16]], [size / 128, size / 128, 0, size / 128]);
  }
});

Deno.test("Uploader scatters over no array that is too large to be bound", () => {
  const backend = new NullBackend({ limits: { maxStorageBinding: 1024 } });
  const uploader = new Uploader(backend);
  uploader.wanted = "scatter";
  const buffer = backend.create(2048, USAGES, "large");
  for (const [bytes, policy] of [[1024, "scatter"], [1028, "whole"]] as const) {
    const dirty = new DirtyRanges();
    dirty.add(0, 4);
    dirty.add(64, 4);
    uploader.flush(buffer, 0, new Uint8Array(bytes), dirty, true);
    assertEquals(uploader.lastPolicy, policy);
  }
});

Deno.test("Uploader cuts large writes in pieces, and hands over each", async () => {
  const backend = new Recorder();
  const uploader = new Uploader(backend);
  const buffer = backend.create(20 * MIB, USAGES, "large");
  const bytes = random(20 * MIB, 1);
  uploader.write(buffer, 4, bytes, 8, 18 * MIB);
  const pieces = [4 * MIB, 4 * MIB, 4 * MIB, 4 * MIB, 2 * MIB];
  assertEquals(backend.log, pieces.flatMap((piece) => [piece, "submit" as const]));
  assertEquals([uploader.chunks, uploader.writes, uploader.bytesWritten, uploader.pending], [5, 5, 18 * MIB, 0]);
  const there = await readBack(backend, buffer, 0, 20 * MIB);
  assert(there.subarray(4, 4 + 18 * MIB).every((byte, i) => byte === bytes[8 + i]));
  assertEquals([there[3], there[4 + 18 * MIB]], [0, 0]);
});

Deno.test("Uploader lets no more than 8 MiB wait", () => {
  const backend = new Recorder();
  const uploader = new Uploader(backend);
  const buffer = backend.create(8 * MIB, USAGES, "many");
  const bytes = new Uint8Array(8 * MIB);
  for (let i = 0; i < 4; i++) uploader.write(buffer, 0, bytes, 0, 3 * MIB);
  assertEquals(backend.log, [3 * MIB, 3 * MIB, 3 * MIB, "submit", 3 * MIB]);
  assertEquals(uploader.pending, 3 * MIB);
  uploader.submit();
  assertEquals(uploader.pending, 0);
  uploader.write(buffer, 0, bytes, 0, 8 * MIB);
  assertEquals(backend.log.at(-1), 8 * MIB);
});

Deno.test("Uploader counts what it has done", () => {
  const backend = new NullBackend();
  const uploader = new Uploader(backend, { call: 0.001, bytesPerMs: 1e5 });
  const buffer = backend.create(4096, USAGES, "counts");
  const dirty = new DirtyRanges();
  for (const offset of [0, 64, 128, 2048]) dirty.add(offset, 16);
  uploader.flush(buffer, 0, new Uint8Array(4096), dirty, false);
  assertEquals([uploader.writes, uploader.bytesWritten, uploader.merged], [2, 144 + 16, 2]);
  assertEquals([uploader.scatters, uploader.chunks, uploader.lastPolicy], [0, 0, "merged"]);
});

Deno.test("Uploader keeps what is dirty if the device is lost", () => {
  const backend = new NullBackend();
  const uploader = new Uploader(backend);
  const buffer = backend.create(64 * 1024, USAGES, "lost");
  const dirty = new DirtyRanges();
  dirty.add(32 * 1024, 4);
  dirty.add(0, 16);
  backend.lose();
  for (const wanted of WANTED) {
    uploader.wanted = wanted;
    const error = assertThrows(() => uploader.flush(buffer, 0, new Uint8Array(64 * 1024), dirty, true), GpuError);
    assertEquals(error.code, "FA857");
    assertEquals([dirty.count, dirty.bytes], [2, 20]);
  }
});

async function calibrates(backend: GpuBackend): Promise<void> {
  const uploader = new Uploader(backend, { scatter: 5 });
  const costs = await uploader.calibrate();
  assertEquals(costs, uploader.costs);
  assert(costs.call >= 0.0005 && costs.call <= 0.02, `${costs.call} ms for a write`);
  assert(costs.bytesPerMs >= 1e6 && costs.bytesPerMs <= 3e7, `${costs.bytesPerMs} bytes in a ms`);
  assert(costs.scatter >= 5 && costs.scatterBytesPerMs > 0);
  assertEquals([uploader.writes, uploader.bytesWritten, uploader.pending], [0, 0, 0]);
}

Deno.test("Uploader measures what writing costs, and leaves nothing behind", async () => {
  const backend = new NullBackend();
  await calibrates(backend);
  assertEquals(backend.liveBuffers, 0);
});

Deno.test({
  name: "Uploader measures what writing costs on a real device",
  ignore: NO_WEBGPU !== undefined,
  fn: async () => {
    const backend = await requireWebGpu();
    try {
      await calibrates(backend);
    } finally {
      backend.dispose();
    }
  },
});

Deno.test("Uploader keeps its costs if the device is lost while it measures", async () => {
  const backend = new NullBackend();
  const uploader = new Uploader(backend);
  const { costs } = uploader;
  const measured = uploader.calibrate();
  backend.lose();
  const error = await measured.then(() => undefined, (error) => error);
  assert(error instanceof GpuError && error.code === "FA857");
  assertEquals(uploader.costs, costs);
});
