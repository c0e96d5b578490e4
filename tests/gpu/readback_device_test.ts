/**
 * Reading back from a real device: the same promises as from a device in JavaScript, with maps that block and buffers that are lost.
 */

import { FrameStateError, PoolError } from "@framealloc/core";
import { assertEquals, assertRejects } from "@std/assert";
import { type GpuBufferId, USAGE } from "../../gpu/backend/backend.ts";
import { WebGpuBackend } from "../../gpu/backend/webgpu_backend.ts";
import { GpuError } from "../../gpu/gpu_error.ts";
import { Readbacks } from "../../gpu/transfer/readbacks.ts";
import { KIB, later, pattern, Purse, SMALLEST, source, turns, watched } from "./_readbacks.ts";

/** Why there is no device, if there is none. */
const missing = await WebGpuBackend.request().then((backend) => backend.dispose(), (error: Error) => error.message);
if (missing !== undefined) console.log(`Readbacks are not tested on a device: ${missing}`);

interface Rig {
  readonly backend: WebGpuBackend;
  readonly purse: Purse;
  readonly readbacks: Readbacks;
  readonly complaints: string[];
}

/** A test with a device of its own, that complains of nothing in the end. */
function onDevice(name: string, test: (rig: Rig) => Promise<void>): void {
  Deno.test({
    name,
    ignore: missing !== undefined,
    async fn() {
      const complaints: string[] = [];
      const backend = await WebGpuBackend.request({ onError: (message) => void complaints.push(message) });
      const purse = new Purse();
      const readbacks = new Readbacks({ backend, account: purse, isBatching: () => true });
      backend.onLoss = () => readbacks.lost();
      try {
        await test({ backend, purse, readbacks, complaints });
        readbacks.dispose();
        assertEquals([purse.held, readbacks.pending], [0, 0]);
        if (backend.loss === undefined) await backend.done();
        assertEquals(complaints, []);
      } finally {
        backend.dispose();
      }
    },
  });
}

onDevice(
  "A device brings the 64 readbacks of a frame with one map, exactly and in order",
  async ({ backend, readbacks }) => {
    const bytes = pattern(64 * KIB);
    const buffer = source(backend, bytes);
    const counts = watched(backend);
    const order: number[] = [];
    const reads = Array.from({ length: 64 }, async (_, i) => {
      const at = i * KIB + i % 7;
      const read = await readbacks.read(buffer, at, 100 + i, new Uint8Array(100 + i));
      order.push(i);
      assertEquals(read, bytes.slice(at, at + 100 + i));
    });
    readbacks.flush();
    await Promise.all(reads);
    assertEquals(order, Array.from({ length: 64 }, (_, i) => i));
    assertEquals([counts.maps, readbacks.maps, readbacks.reserved], [1, 1, SMALLEST]);
  },
);

onDevice(
  "A device is read as it is at the flush, also of what was written just before",
  async ({ backend, readbacks }) => {
    const buffer = source(backend, pattern(16));
    const read = readbacks.read(buffer, 0, 16, new Uint8Array(16));
    backend.write(buffer, 0, new Uint8Array(16).fill(5), 0, 16);
    readbacks.flush();
    backend.write(buffer, 0, new Uint8Array(16).fill(6), 0, 16);
    assertEquals(await read, new Uint8Array(16).fill(5));
  },
);

onDevice(
  "A device brings what had to wait for a buffer, and what needs larger ones",
  async ({ backend, purse, readbacks }) => {
    const bytes = pattern(300 * KIB);
    const buffer = source(backend, bytes);
    const reads: Promise<Uint8Array>[] = [];
    for (const length of [10, 100 * KIB, 300 * KIB, 7, 200_001, 64 * KIB]) {
      reads.push(readbacks.read(buffer, 0, length, new Uint8Array(length)));
      readbacks.flush();
    }
    assertEquals([readbacks.isFull, readbacks.inFlight], [true, 3]);
    for (const read of await Promise.all(reads)) assertEquals(read, bytes.slice(0, read.length));
    assertEquals(readbacks.maps, 4);
    assertEquals(purse.held, readbacks.reserved);
  },
);

onDevice("A device brings the others if one readback cannot be", async ({ backend, readbacks }) => {
  const [good, gone, uncopied] = [0, USAGE.COPY_SRC, 0].map((usage, i) =>
    source(backend, pattern(64, i), USAGE.COPY_DST | (i === 2 ? USAGE.VERTEX : USAGE.COPY_SRC | usage))
  ) as [GpuBufferId, GpuBufferId, GpuBufferId];
  const ask = (buffer: GpuBufferId): Promise<Uint8Array> => later(readbacks.read(buffer, 0, 64, new Uint8Array(64)));
  const [first, second, third, last] = [ask(good), ask(gone), ask(uncopied), ask(good)];
  backend.destroy(gone);
  readbacks.flush();
  backend.destroy(good);
  assertEquals([await first, await last], [pattern(64), pattern(64)], "a source may go once it was sent");
  await assertRejects(() => second!, PoolError, "FA401");
  await assertRejects(() => third!, GpuError, "FA852");
});

onDevice("A device whose buffer can be mapped is read directly", async ({ backend, readbacks }) => {
  const bytes = pattern(1024);
  const dedicated = source(backend, bytes, USAGE.MAP_READ | USAGE.COPY_DST);
  const ask = (at: number, length: number): Promise<Uint8Array> =>
    readbacks.readDirect(dedicated, at, length, new Uint8Array(length));
  const reads = await Promise.all([ask(0, 1024), ask(13, 500), ask(1023, 1)]);
  assertEquals(reads, [bytes, bytes.slice(13, 513), bytes.slice(1023)]);
  backend.write(dedicated, 0, pattern(1024, 3), 0, 1024);
  assertEquals(await ask(0, 1024), pattern(1024, 3));
});

onDevice(
  "A device that is lost fails what was asked for, and the next one works",
  async ({ backend, purse, readbacks }) => {
    const buffer = source(backend, pattern(64));
    const dedicated = source(backend, pattern(64), USAGE.MAP_READ | USAGE.COPY_DST);
    const ask = (): Promise<Uint8Array> => later(readbacks.read(buffer, 0, 64, new Uint8Array(64)));
    const warm = ask();
    readbacks.flush();
    await warm;
    const pending = [ask()];
    readbacks.flush();
    pending.push(ask(), later(readbacks.readDirect(dedicated, 0, 4, new Uint8Array(4))));
    backend.device.destroy();
    for (const read of pending) await assertRejects(() => read, GpuError, "FA857");
    assertEquals([purse.held, readbacks.pending], [0, 0]);

    await backend.reopen();
    readbacks.reopened();
    backend.recreate(buffer);
    backend.write(buffer, 0, pattern(64, 1), 0, 64);
    const again = ask();
    readbacks.flush();
    assertEquals(await again, pattern(64, 1));
  },
);

onDevice("Readbacks of a device are disposed of however far they came", async ({ backend, readbacks, purse }) => {
  const buffer = source(backend, pattern(64));
  const dedicated = source(backend, pattern(64), USAGE.MAP_READ | USAGE.COPY_DST);
  for (const wait of [0, 1, 5, 50]) {
    const other = new Readbacks({ backend, account: purse, isBatching: () => true });
    const ask = (): Promise<Uint8Array> => later(other.read(buffer, 0, 64, new Uint8Array(64)));
    const reads = [ask()];
    other.flush();
    reads.push(ask(), later(other.readDirect(dedicated, 0, 4, new Uint8Array(4))));
    await turns(wait);
    other.dispose();
    assertEquals(purse.held, 0);
    for (const read of reads) await assertRejects(() => read, FrameStateError, "FA012");
  }
  assertEquals(await readbacks.readDirect(dedicated, 0, 64, new Uint8Array(64)), pattern(64));
});
