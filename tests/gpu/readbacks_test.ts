/**
 * Reading back: whoever asks gets exactly the bytes; a frame costs one map; and the buffers that bring them grow and shrink with what
 * is asked for.
 */

import { ArgumentError, PoolError } from "@framealloc/core";
import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { type GpuBufferId, USAGE } from "../../gpu/backend/backend.ts";
import { GpuError } from "../../gpu/gpu_error.ts";
import { KIB, later, pattern, rig, SMALLEST, source, turns, watched } from "./_readbacks.ts";

Deno.test("Readbacks bring the 64 requests of a frame with one map, exactly and in order", async () => {
  const { backend, readbacks } = rig();
  const bytes = pattern(64 * 256);
  const buffer = source(backend, bytes);
  readbacks.flush();
  const counts = watched(backend);
  const order: number[] = [];
  const reads = Array.from({ length: 64 }, async (_, i) => {
    const into = new Uint8Array(100);
    const read = await readbacks.read(buffer, i * 256, 100, into);
    order.push(i);
    assertStrictEquals(read, into);
    assertEquals(read, bytes.slice(i * 256, i * 256 + 100));
  });
  assertEquals([readbacks.pending, readbacks.inFlight], [64, 0]);
  readbacks.flush();
  assertEquals([readbacks.pending, readbacks.inFlight], [64, 1]);
  await Promise.all(reads);
  assertEquals(order, Array.from({ length: 64 }, (_, i) => i));
  assertEquals([counts.maps, readbacks.maps, readbacks.requests, readbacks.bytesRead], [1, 1, 64, 6400]);
  assertEquals([readbacks.pending, readbacks.inFlight], [0, 0]);

  counts.submits = 0;
  const again = readbacks.read(buffer, 0, 4, new Uint8Array(4));
  readbacks.flush();
  assertEquals(counts, { maps: 2, submits: 1 });
  await again;
  readbacks.dispose();
});

Deno.test("Readbacks give exactly the bytes that were asked for at every alignment, and touch no others", async () => {
  const { backend, readbacks } = rig();
  const bytes = pattern(64);
  const buffer = source(backend, bytes);
  const dedicated = source(backend, bytes, USAGE.MAP_READ | USAGE.COPY_DST);
  const reads: Promise<void>[] = [];
  for (let at = 0; at <= 17; at++) {
    for (let length = 0; length <= 17; length++) {
      for (const isDirect of [false, true]) {
        const into = new Uint8Array(length + 3).fill(255);
        const read = isDirect
          ? readbacks.readDirect(dedicated, at, length, into)
          : readbacks.read(buffer, at, length, into);
        reads.push(read.then((read) => {
          const wanted = [...bytes.subarray(at, at + length), 255, 255, 255];
          assertEquals([...read], wanted, `${length} bytes at ${at}`);
        }));
      }
    }
  }
  const last = readbacks.read(buffer, 63, 1, new Uint8Array(1));
  readbacks.flush();
  await Promise.all(reads);
  assertEquals([...await last], [bytes[63]!]);
  readbacks.dispose();
});

Deno.test("Readbacks fill part of an array, shared memory and large odd ranges", async () => {
  const { backend, readbacks } = rig();
  const bytes = pattern(100_000);
  const buffer = source(backend, bytes);
  const part = new Uint8Array(new ArrayBuffer(100), 7, 50);
  const shared = new Uint8Array(new SharedArrayBuffer(40));
  const large = new Uint8Array(70_001);
  const reads = [
    readbacks.read(buffer, 8, 48, part),
    readbacks.read(buffer, 3, 40, shared),
    readbacks.read(buffer, 5, 70_001, large),
  ];
  readbacks.flush();
  await Promise.all(reads);
  assertEquals([...new Uint8Array(part.buffer)], [
    ...new Uint8Array(7),
    ...bytes.subarray(8, 56),
    ...new Uint8Array(45),
  ]);
  assertEquals([...shared], [...bytes.subarray(3, 43)]);
  assertEquals(large, bytes.slice(5, 70_006));
  readbacks.dispose();
});

Deno.test("A readback is of what is in the buffer at the flush, and its array is not looked at before", async () => {
  const { backend, readbacks } = rig();
  const buffer = source(backend, pattern(16));
  const into = new Uint8Array(16).fill(9);
  const read = readbacks.read(buffer, 0, 16, into);
  backend.write(buffer, 0, new Uint8Array(16).fill(5), 0, 16);
  readbacks.flush();
  backend.write(buffer, 0, new Uint8Array(16).fill(6), 0, 16);
  assertEquals(into, new Uint8Array(16).fill(9));
  assertEquals(await read, new Uint8Array(16).fill(5));
  readbacks.dispose();
});

Deno.test("Readbacks that are asked for outside of a frame are sent together at the end of the turn", async () => {
  const self = rig();
  const { backend, readbacks } = self;
  self.isBatching = false;
  const buffer = source(backend, pattern(64));
  const reads = Array.from({ length: 10 }, (_, i) => readbacks.read(buffer, i, 4, new Uint8Array(4)));
  assertEquals(readbacks.inFlight, 0);
  await Promise.all(reads);
  assertEquals(readbacks.maps, 1);

  const outside = readbacks.read(buffer, 0, 4, new Uint8Array(4));
  self.isBatching = true;
  const inside = readbacks.read(buffer, 4, 4, new Uint8Array(4));
  await turns(20);
  assertEquals([readbacks.maps, readbacks.pending], [1, 2], "a frame that was opened meanwhile sends them");
  readbacks.flush();
  await Promise.all([outside, inside]);
  assertEquals(readbacks.maps, 2);
  readbacks.dispose();
});

Deno.test("Readbacks wait while every buffer is on its way, and go as soon as one is free", async () => {
  const { backend, readbacks } = rig({ latency: 5 });
  const bytes = pattern(64);
  const buffer = source(backend, bytes);
  const order: number[] = [];
  const ask = (i: number): Promise<void> =>
    readbacks.read(buffer, i * 4, 4, new Uint8Array(4)).then((read) => {
      assertEquals(read, bytes.slice(i * 4, i * 4 + 4));
      order.push(i);
    });
  const reads: Promise<void>[] = [];
  for (let i = 0; i < 6; i++) {
    assertEquals(readbacks.isFull, i >= 3);
    reads.push(ask(i));
    readbacks.flush();
  }
  assertEquals([readbacks.inFlight, readbacks.pending, readbacks.reserved], [3, 6, 3 * SMALLEST]);
  const unflushed = ask(6);
  await Promise.all(reads);
  assertEquals(order, [0, 1, 2, 3, 4, 5]);
  assertEquals(readbacks.maps, 4, "those that had waited went together");
  await turns(50);
  assertEquals([readbacks.pending, readbacks.isFull], [1, false], "what was not flushed does not go with them");
  readbacks.flush();
  await unflushed;
  assertEquals(readbacks.reserved, 3 * SMALLEST);
  readbacks.dispose();
});

Deno.test("Readbacks use one buffer for one batch at a time, in powers of two from 64 KiB on", async () => {
  const { backend, purse, readbacks } = rig();
  const bytes = pattern(400 * KIB);
  const buffer = source(backend, bytes);
  const sizes: number[] = [];
  for (const length of [4, 64 * KIB, 64 * KIB + 4, 10, 300 * KIB, 128 * KIB]) {
    const read = readbacks.read(buffer, 0, length, new Uint8Array(length));
    readbacks.flush();
    assertEquals(await read, bytes.slice(0, length));
    assertEquals(purse.held, readbacks.reserved);
    assertEquals(backend.liveBytes, bytes.length + readbacks.reserved);
    sizes.push(readbacks.reserved / KIB);
  }
  assertEquals(sizes, [64, 64, 128, 128, 512, 512]);
  readbacks.dispose();
});

Deno.test("Readbacks give a buffer back that was more than four times too large for 120 flushes", async () => {
  const { backend, purse, readbacks } = rig();
  const buffer = source(backend, pattern(512 * KIB));
  const ask = async (length: number): Promise<void> => {
    const read = readbacks.read(buffer, 0, length, new Uint8Array(length));
    readbacks.flush();
    await read;
  };
  await ask(512 * KIB);
  for (let i = 0; i < 150; i++) await ask(128 * KIB);
  assertEquals(readbacks.reserved, 512 * KIB, "a quarter is good use");
  for (let i = 0; i < 118; i++) await ask(128 * KIB - 4);
  assertEquals(readbacks.reserved, 512 * KIB, "not yet");
  await ask(128 * KIB);
  for (let i = 0; i < 119; i++) await ask(128 * KIB - 4);
  assertEquals(readbacks.reserved, 512 * KIB, "good use in between makes it start over");
  await ask(128 * KIB - 4);
  assertEquals(readbacks.reserved, 128 * KIB);
  for (let i = 0; i < 120; i++) readbacks.flush();
  assertEquals(readbacks.reserved, 0, "flushes without requests count");
  await ask(4);
  for (let i = 0; i < 200; i++) readbacks.flush();
  assertEquals([readbacks.reserved, purse.held], [SMALLEST, SMALLEST], "the smallest stays");
  readbacks.dispose();
});

Deno.test("Readbacks on their way through a buffer that is too large arrive, and it goes then", async () => {
  const { backend, readbacks } = rig({ latency: 3 });
  const bytes = pattern(512 * KIB);
  const buffer = source(backend, bytes);
  const large = readbacks.read(buffer, 0, bytes.length, new Uint8Array(bytes.length));
  readbacks.flush();
  for (let i = 0; i < 130; i++) readbacks.flush();
  assertEquals(readbacks.reserved, 512 * KIB);
  assertEquals(await large, bytes);
  assertEquals(readbacks.reserved, 0);
  readbacks.dispose();
});

Deno.test("Readbacks that are larger together than the largest buffer go in several", async () => {
  const { backend, readbacks } = rig({ limits: { maxBufferSize: 100_004 } });
  const bytes = pattern(100_000);
  const buffer = source(backend, bytes);
  const reads = [70_000, 60_000, 30_000, 100_000, 8].map((length) =>
    readbacks.read(buffer, 0, length, new Uint8Array(length))
  );
  readbacks.flush();
  assertEquals([readbacks.inFlight, readbacks.reserved], [3, 300_000]);
  for (const read of await Promise.all(reads)) assertEquals(read, bytes.slice(0, read.length));
  assertEquals(readbacks.maps, 4);
  readbacks.dispose();
});

Deno.test("A buffer that can be mapped is read directly, one request after the other", async () => {
  const { backend, purse, readbacks } = rig({ latency: 4 });
  const bytes = pattern(1024);
  const [one, two] = [0, 1].map(() => source(backend, bytes, USAGE.MAP_READ | USAGE.COPY_DST)) as [number, number];
  const order: string[] = [];
  const ask = async (buffer: GpuBufferId, at: number, length: number): Promise<void> => {
    const read = await readbacks.readDirect(buffer, at, length, new Uint8Array(length));
    assertEquals(read, bytes.slice(at, at + length));
    order.push(`${buffer}@${at}`);
  };
  const reads = [ask(one, 0, 1024), ask(one, 13, 500), ask(two, 1023, 1), ask(one, 6, 2)];
  assertEquals([readbacks.pending, readbacks.isReading(one), readbacks.isFull], [4, true, false]);
  await Promise.all(reads);
  assertEquals(order, [`${one}@0`, `${two}@1023`, `${one}@13`, `${one}@6`]);
  assertEquals([readbacks.maps, readbacks.bytesRead, readbacks.isReading(one), purse.held], [4, 1527, false, 0]);

  backend.write(one, 0, pattern(1024, 2), 0, 1024);
  assertEquals(
    await readbacks.readDirect(one, 0, 1024, new Uint8Array(1024)),
    pattern(1024, 2),
    "it can be used again",
  );
});

Deno.test("A direct readback of what cannot be mapped, or is destroyed meanwhile, fails, and so do those in line", async () => {
  const { backend, readbacks } = rig({ latency: 4 });
  const plain = source(backend, pattern(64));
  const dedicated = source(backend, pattern(64), USAGE.MAP_READ | USAGE.COPY_DST);
  const ask = (buffer: GpuBufferId, at = 0): Promise<Uint8Array> =>
    later(readbacks.readDirect(buffer, at, 32, new Uint8Array(32)));
  await assertRejects(() => ask(plain), GpuError, "FA852");
  const [first, outside, good] = [ask(dedicated), ask(dedicated, 48), ask(dedicated, 32)];
  assertEquals(await first, pattern(64).slice(0, 32));
  await assertRejects(() => outside, ArgumentError, "FA008");
  assertEquals(await good, pattern(64).slice(32));

  const [mapping, inLine] = [ask(dedicated), ask(dedicated)];
  backend.destroy(dedicated);
  await assertRejects(() => mapping, GpuError, "FA853");
  await assertRejects(() => inLine, PoolError, "FA401");
  assertEquals([readbacks.pending, readbacks.isReading(dedicated)], [0, false]);
});
